/* A whole provider in host memory, made of tables of kernels: what a module needs that
 * brings ops of its own, or a few kernels, and no device. Header-only, on top of
 * kernel.h; a module with a device of its own starts from providers/null instead.
 *
 *   static const frt_kernel_row_t rows[] = {..., FRT_KERNELS_END};
 *   static const void *extras(void *self, const char *name) {...}   // or NULL
 *   FRT_MANIFEST("acme", "1.0");
 *   FRT_HOST_MODULE("acme", "1.0", "what it is", rows, extras)
 *
 * Once in a file: it defines the module's one exported symbol. */
#ifndef FLUIDRT_HOST_MODULE_H
#define FLUIDRT_HOST_MODULE_H

#include "fluidrt/kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef const void *(*frt_extension_fn)(void *self, const char *name);

/* Device and queue are places to have an address; all work is done when op_run returns. */
struct frt_dev { int nothing; };
struct frt_queue { int nothing; };
typedef struct frt_host_module {
  frt_module_t module;
  struct frt_dev dev;
  struct frt_queue queue;
} frt_host_module_t;

static inline void frt_host_close_(void *self) {
  frt_host_module_t *m = (frt_host_module_t *)self;
  const frt_api_host_t *host = m->module.host;
  frt_module_close(&m->module);
  host->mem_free(host->ctx, m);
}
static inline uint32_t frt_host_count_(void *self, char *why) {
  (void)self, (void)why;
  return 1;
}
static inline frt_status_t frt_host_info_(void *self, uint32_t index,
                                          frt_api_device_info_t *out, frt_error_t *err) {
  const uint32_t size = out->size;
  frt_api_device_info_t info;
  (void)self;
  if (index) return frt_fail(err, FRT_NOT_FOUND, "there is one device; wanted %u", index);
  memset(&info, 0, sizeof info);
  info.size = size;
  info.flags = FRT_DEVICE_HOST_MEMORY;
  snprintf(info.desc, sizeof info.desc, "the host");
  memcpy(out, &info, size < sizeof info ? size : sizeof info);
  return FRT_OK;
}
static inline frt_status_t frt_host_dev_open_(void *self, uint32_t index,
                                              const frt_api_option_t *opt, uint32_t n_opt,
                                              frt_dev_t **out, frt_error_t *err) {
  *out = NULL;
  if (index) return frt_fail(err, FRT_NOT_FOUND, "there is one device; wanted %u", index);
  if (n_opt) return frt_fail(err, FRT_INVALID_ARGUMENT, "no option '%s'", opt[0].key);
  *out = &((frt_host_module_t *)self)->dev;
  return FRT_OK;
}
static inline void frt_host_dev_close_(frt_dev_t *dev) { (void)dev; }
static inline frt_status_t frt_host_queue_open_(frt_dev_t *dev, frt_queue_t **out,
                                                frt_error_t *err) {
  char *module = (char *)dev - offsetof(frt_host_module_t, dev);
  (void)err;
  *out = &((frt_host_module_t *)(void *)module)->queue;
  return FRT_OK;
}
static inline frt_status_t frt_host_queue_sync_(frt_queue_t *q, frt_error_t *err) {
  (void)q, (void)err;
  return FRT_OK;
}
static inline void frt_host_queue_close_(frt_queue_t *q) { (void)q; }
static inline frt_status_t frt_host_copy_(frt_dev_t *dev, frt_queue_t *q, uint32_t direction,
                                          void *dst, const void *src, uint64_t bytes,
                                          frt_error_t *err) {
  (void)dev, (void)q, (void)direction, (void)err;
  if (bytes) memmove(dst, src, bytes);
  return FRT_OK;
}
static inline frt_status_t frt_host_query_(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                                           frt_api_support_t *support, frt_error_t *err) {
  (void)dev, (void)err;
  return frt_module_query(&((frt_host_module_t *)self)->module, op, support);
}
static inline frt_status_t frt_host_prepare_(void *self, frt_dev_t *dev,
                                             const frt_api_op_t *op, frt_prepared_t **out,
                                             uint64_t *workspace, frt_error_t *err) {
  (void)dev;
  return frt_module_prepare(&((frt_host_module_t *)self)->module, op, out, workspace, err);
}

/* Opens the module and fills the host's table. Errors: ABI_MISMATCH a host that lacks
 *   what this needs; RESOURCE_EXHAUSTED memory. */
static inline frt_status_t frt_host_module_open(const frt_api_host_t *host,
    frt_api_provider_t *io, const char *name, const char *version, const char *description,
    const frt_kernel_row_t *rows, frt_extension_fn extension, frt_error_t *err) {
  frt_api_provider_t p;
  frt_host_module_t *m;
  frt_status_t status;
  if (!FRT_HAS(host, frt_api_host_t, parallel_for) ||
      !FRT_HAS(io, frt_api_provider_t, op_release))
    return frt_fail(err, FRT_ABI_MISMATCH, "provider %s wants a host of ABI %u.%u", name,
                    FRT_ABI_MAJOR, FRT_ABI_MINOR);
  m = (frt_host_module_t *)host->mem_alloc(host->ctx, sizeof *m, 16);
  if (!m) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for provider %s", name);
  memset(m, 0, sizeof *m);
  status = frt_module_open(&m->module, host, &rows, 1, err);
  if (status != FRT_OK) {
    frt_host_close_(m);
    return status;
  }
  memset(&p, 0, sizeof p);
  p.size = io->size;
  p.abi_minor = FRT_ABI_MINOR;
  p.self = m;
  p.name = name;
  p.version = version;
  p.description = description;
  p.kernels = m->module.decls;
  p.n_kernels = m->module.n;
  p.kernel_stride = sizeof *m->module.decls;
  p.close = frt_host_close_;
  p.device_count = frt_host_count_;
  p.device_info = frt_host_info_;
  p.dev_open = frt_host_dev_open_;
  p.dev_close = frt_host_dev_close_;
  p.copy = frt_host_copy_;
  p.queue_open = frt_host_queue_open_;
  p.queue_sync = frt_host_queue_sync_;
  p.queue_close = frt_host_queue_close_;
  p.op_query = frt_host_query_;
  p.op_prepare = frt_host_prepare_;
  p.op_run = frt_module_run;
  p.op_release = frt_module_release;
  p.extension = extension;
  memcpy(io, &p, io->size < sizeof p ? io->size : sizeof p);
  return FRT_OK;
}

#if defined(__cplusplus)
#define FRT_HOST_LINKAGE_ extern "C"
#else
#define FRT_HOST_LINKAGE_ extern
#endif
#define FRT_HOST_MODULE(name, version, description, rows, extension)                     \
  FRT_HOST_LINKAGE_ __attribute__((visibility("default"))) frt_status_t                  \
  FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,                 \
                     frt_error_t *err);                                                  \
  frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,    \
                                  frt_error_t *err) {                                    \
    return frt_host_module_open(host, io, name, version, description, rows, extension, err); \
  }

#ifdef __cplusplus
}
#endif
#endif
