/* The cpu provider: OpenBLAS on one thread behind fixed splits, SLEEF, the host's
 * thread pool. One synchronous device in host memory, made of kernel rows. */
#include <pthread.h>
#include <stdio.h>

#include <cblas.h>

#include "blas.h"
#include "fluidrt/kernel.h"
#include "isa.h"
#include "owned.h"

int frt_cpu_isa_level;

FRT_MANIFEST("cpu", "0.1.0");

#define FRT_KERNEL_TABLE(table) extern const frt_kernel_row_t table[];
#include "cpu_kernels.inc"
#undef FRT_KERNEL_TABLE

static const frt_kernel_row_t *const tables[] = {
#define FRT_KERNEL_TABLE(table) table,
#include "cpu_kernels.inc"
#undef FRT_KERNEL_TABLE
};

typedef struct cpu {
  frt_module_t module; /* first: frt_api_provider_t.self is both */
  char desc[96];
} cpu_t;

struct frt_dev { cpu_t *cpu; };
struct frt_queue { cpu_t *cpu; };

static void isa_detect(void) {
  int level = 0;
#if defined(FRT_CPU_X86)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) level = 1;
  if (level && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    level = 2;
#endif
#if defined(FRT_CPU_ISA_MAX) /* for trying the narrower forms on a wide machine */
  if (level > FRT_CPU_ISA_MAX) level = FRT_CPU_ISA_MAX;
#endif
  frt_cpu_isa_level = level;
}

static const char *isa_name(void) {
#if defined(FRT_CPU_X86)
  static const char *const names[] = {"SSE2", "AVX2", "AVX-512"};
  return names[frt_cpu_isa_level];
#else
  return "NEON";
#endif
}

static const char *blas_flavour(void) {
  const int parallel = openblas_get_parallel();
  return parallel == 0 ? "serial" : parallel == 1 ? "pthread" : "OpenMP";
}

/* "OpenBLAS 0.3.21 ...": the first two words are name and version. */
static void describe(char *to, size_t cap) {
  const char *config = openblas_get_config();
  int words = 0, n = 0;
  for (; config[n] && n < 40; ++n)
    if (config[n] == ' ' && ++words == 2) break;
  snprintf(to, cap, "%.*s %s %s, 1 thread; SLEEF; %s", n, config, blas_flavour(),
           openblas_get_corename(), isa_name());
}

static void cpu_close(void *self) {
  cpu_t *cpu = (cpu_t *)self;
  const frt_api_host_t *host = cpu->module.host;
  frt_module_close(&cpu->module);
  host->mem_free(host->ctx, cpu);
}

static uint32_t cpu_device_count(void *self, char *why) {
  (void)self, (void)why;
  return 1;
}

static frt_status_t no_device(uint32_t index, frt_error_t *err) {
  return frt_fail(err, FRT_NOT_FOUND, "provider cpu has one device, 0; wanted %u", index);
}

static frt_status_t cpu_device_info(void *self, uint32_t index,
                                    frt_api_device_info_t *out, frt_error_t *err) {
  const uint32_t size = out->size;
  frt_api_device_info_t info = {0};
  if (index) return no_device(index, err);
  info.size = size;
  info.flags = FRT_DEVICE_HOST_MEMORY;
  info.alloc_align = 64;
  memcpy(info.desc, ((cpu_t *)self)->desc, sizeof info.desc);
  memcpy(out, &info, size < sizeof info ? size : sizeof info);
  return FRT_OK;
}

static frt_status_t cpu_dev_open(void *self, uint32_t index, const frt_api_option_t *opt,
                                 uint32_t n_opt, frt_dev_t **out, frt_error_t *err) {
  cpu_t *cpu = (cpu_t *)self;
  *out = NULL;
  if (index) return no_device(index, err);
  if (n_opt)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "provider cpu has no option '%s'",
                    opt[0].key);
  *out = (frt_dev_t *)cpu->module.host->mem_alloc(cpu->module.host->ctx, sizeof **out, 16);
  if (!*out) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for a device");
  (*out)->cpu = cpu;
  return FRT_OK;
}

static void cpu_dev_close(frt_dev_t *dev) {
  if (dev) dev->cpu->module.host->mem_free(dev->cpu->module.host->ctx, dev);
}

static frt_status_t cpu_copy(frt_dev_t *dev, frt_queue_t *q, uint32_t direction, void *dst,
                             const void *src, uint64_t bytes, frt_error_t *err) {
  (void)dev, (void)q, (void)direction, (void)err;
  if (bytes) memmove(dst, src, bytes);
  return FRT_OK;
}

static frt_status_t cpu_queue_open(frt_dev_t *dev, frt_queue_t **out, frt_error_t *err) {
  const frt_api_host_t *host = dev->cpu->module.host;
  *out = (frt_queue_t *)host->mem_alloc(host->ctx, sizeof **out, 16);
  if (!*out) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for a queue");
  (*out)->cpu = dev->cpu;
  return FRT_OK;
}

static frt_status_t cpu_queue_sync(frt_queue_t *q, frt_error_t *err) {
  (void)q, (void)err;
  return FRT_OK;
}

static void cpu_queue_close(frt_queue_t *q) {
  if (q) q->cpu->module.host->mem_free(q->cpu->module.host->ctx, q);
}

static frt_status_t cpu_op_query(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                                 frt_api_support_t *support, frt_error_t *err) {
  (void)dev, (void)err;
  frt_module_query(&((cpu_t *)self)->module, op, support);
  support->flags &= ~(uint32_t)FRT_CPU_OWNS;
  return FRT_OK;
}

static frt_status_t cpu_op_prepare(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                                   frt_prepared_t **out, uint64_t *workspace,
                                   frt_error_t *err) {
  (void)dev;
  return frt_module_prepare(&((cpu_t *)self)->module, op, out, workspace, err);
}

static void cpu_op_release(frt_prepared_t *k) {
  frt_cpu_owned_release(k);
  frt_module_release(k);
}

static void fill(cpu_t *cpu, frt_api_provider_t *io) {
  const frt_api_provider_t p = {
      .size = io->size, .abi_minor = FRT_ABI_MINOR, .self = cpu,
      .name = "cpu", .version = "0.1.0", .description = cpu->desc,
      .kernels = cpu->module.decls, .n_kernels = cpu->module.n,
      .kernel_stride = sizeof *cpu->module.decls,
      .close = cpu_close, .device_count = cpu_device_count,
      .device_info = cpu_device_info, .dev_open = cpu_dev_open,
      .dev_close = cpu_dev_close, .copy = cpu_copy, .queue_open = cpu_queue_open,
      .queue_sync = cpu_queue_sync, .queue_close = cpu_queue_close,
      .op_query = cpu_op_query, .op_prepare = cpu_op_prepare,
      .op_run = frt_module_run, .op_release = cpu_op_release};
  memcpy(io, &p, io->size < sizeof p ? io->size : sizeof p);
}

__attribute__((visibility("default")))
frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err);

frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err) {
  static pthread_once_t detected = PTHREAD_ONCE_INIT;
  cpu_t *cpu;
  frt_status_t status;
  if (!FRT_HAS(host, frt_api_host_t, parallel_for) ||
      !FRT_HAS(io, frt_api_provider_t, op_release))
    return frt_fail(err, FRT_ABI_MISMATCH, "provider cpu wants a host of ABI %u.%u",
                    FRT_ABI_MAJOR, FRT_ABI_MINOR);
  cpu = (cpu_t *)host->mem_alloc(host->ctx, sizeof *cpu, 16);
  if (!cpu) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for provider cpu");
  memset(cpu, 0, sizeof *cpu);
  pthread_once(&detected, isa_detect); /* two runtimes may open one module at once */
  frt_cpu_blas_open();
  describe(cpu->desc, sizeof cpu->desc);
  status = frt_module_open(&cpu->module, host, tables,
                           (uint32_t)(sizeof tables / sizeof *tables), err);
  if (status != FRT_OK) {
    cpu_close(cpu);
    return status;
  }
  for (uint32_t i = 0; i < cpu->module.n; ++i)
    cpu->module.decls[i].flags &= ~(uint32_t)FRT_CPU_OWNS;
  fill(cpu, io);
  return FRT_OK;
}
