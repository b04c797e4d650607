/* null: the provider to clone. It loads, has one device in host memory and answers every
 * question with NO and a reason. Copy this file, replace `null` by your name, and fill in
 * what the comments ask for, top down. Compiled with -DNULL_WITH_CLIP it has one kernel,
 * which shows all that a kernel is. It needs fluidrt's headers and nothing else; see
 * ../README.md for the ten minutes from here to a certified op. */
#include "fluidrt/kernel.h"
#include "fluidrt/op_index.h"

FRT_MANIFEST("null", "0.1.0"); /* name and ABI, readable without running the file */

/* ---- kernels ---------------------------------------------------------------------
 * Usually one file per family of ops, each with a table. `prepare` reads attributes and
 * shapes once; `run` computes, for every call, with all checks behind it. */

#if defined(NULL_WITH_CLIP)
typedef struct { float lo, hi; } clip_t; /* what run wants to know; zeroed, then prepared */

static frt_status_t clip_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  clip_t *c = (clip_t *)state;
  (void)workspace; /* *workspace = bytes of scratch that each run is to get */
  (void)err;       /* return frt_fail(err, FRT_..., "slot, got, wanted"); */
  c->lo = frt_attr_f32(op, FRT_CLIP_ATTR_MIN);
  c->hi = frt_attr_f32(op, FRT_CLIP_ATTR_MAX);
  return FRT_OK;
}

static frt_status_t clip_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const clip_t *c = (const clip_t *)state;
  const float *x = frt_in_f32(r, FRT_CLIP_IN_X);
  float *out = frt_out_f32(r, FRT_CLIP_OUT_OUT);
  (void)err;
  /* Comparisons that are false for NaN, so that NaN stays NaN. */
  for (int64_t i = 0, n = frt_in_numel(r, FRT_CLIP_IN_X); i < n; ++i)
    out[i] = x[i] < c->lo ? c->lo : x[i] > c->hi ? c->hi : x[i];
  return FRT_OK;
}
#endif

/* One row an op: type, dtypes of the key slot (the first input that is there), the stem of
 * the three names above, flags. INPLACE: out[i] is written after x[i] was read for the last
 * time, so both may be the same memory. DETERMINISTIC: the same bits in every run. */
FRT_KERNELS(null, all) = {
#if defined(NULL_WITH_CLIP)
    FRT_KERNEL("clip", FRT_F32S, clip, FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC),
#endif
    FRT_KERNELS_END};

/* Every table that there is. */
static const frt_kernel_row_t *const tables[] = {frt_null_kernels_all};

/* ---- the provider ---------------------------------------------------------------- */

typedef struct null {
  frt_module_t module; /* the rows, sorted, and the claims made from them; first: self */
} null_t;

/* A device's own state: a context, a handle. Here: where to find the provider. */
struct frt_dev { null_t *provider; };
/* A queue's own state: a stream. Here the work is done when op_run returns. */
struct frt_queue { frt_dev_t *dev; };

/* Everything comes from the host's allocator and goes back to it. */
static void *get(const null_t *p, size_t bytes) {
  return p->module.host->mem_alloc(p->module.host->ctx, bytes, 16);
}
static void give(const null_t *p, void *memory) {
  p->module.host->mem_free(p->module.host->ctx, memory);
}

static void null_close(void *self) {
  null_t *p = (null_t *)self;
  const frt_api_host_t *host = p->module.host;
  frt_module_close(&p->module);
  host->mem_free(host->ctx, p);
}

/* ---- devices ------------------------------------------------------------------------ */

/* How many there are. None is no error: write 160 bytes of why ("no driver: libfoo.so.1
 * not found"); the module still loads and explains its claims. */
static uint32_t null_device_count(void *self, char *why) {
  (void)self;
  (void)why;
  return 1;
}

/* `out` has the host's size: never write more. Memory of its own: drop HOST_MEMORY, and
 * give slab_alloc, slab_free and copy below. Work goes on after op_run: ASYNC, and events. */
static frt_status_t null_device_info(void *self, uint32_t index, frt_api_device_info_t *out,
                                     frt_error_t *err) {
  const uint32_t size = out->size;
  frt_api_device_info_t info;
  (void)self;
  if (index)
    return frt_fail(err, FRT_NOT_FOUND, "provider null has one device; wanted %u", index);
  memset(&info, 0, sizeof info);
  info.size = size;
  info.flags = FRT_DEVICE_HOST_MEMORY;
  snprintf(info.desc, sizeof info.desc, "nothing at all");
  memcpy(out, &info, size < sizeof info ? size : sizeof info);
  return FRT_OK;
}

/* Opens the hardware. An option that is not known is refused by name. */
static frt_status_t null_dev_open(void *self, uint32_t index, const frt_api_option_t *opt,
                                  uint32_t n_opt, frt_dev_t **out, frt_error_t *err) {
  null_t *p = (null_t *)self;
  *out = NULL;
  if (index)
    return frt_fail(err, FRT_NOT_FOUND, "provider null has one device; wanted %u", index);
  if (n_opt)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "provider null has no option '%s'", opt[0].key);
  *out = (frt_dev_t *)get(p, sizeof **out);
  if (!*out) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "null: no memory for a device");
  (*out)->provider = p;
  return FRT_OK;
}

static void null_dev_close(frt_dev_t *dev) {
  if (dev) give(dev->provider, dev);
}

/* Raw memory of the device: slab_alloc hands out addresses that the host only computes
 * with; slab_free takes them back. The host cuts slabs into tensors itself. Not called, and
 * left NULL below, for a device in host memory. */

/* To the device, from it, or within; host memory belongs to the caller again at return. */
static frt_status_t null_copy(frt_dev_t *dev, frt_queue_t *q, uint32_t direction, void *dst,
                              const void *src, uint64_t bytes, frt_error_t *err) {
  (void)dev, (void)q, (void)direction, (void)err;
  if (bytes) memmove(dst, src, bytes);
  return FRT_OK;
}

/* ---- queues ------------------------------------------------------------------------- */

static frt_status_t null_queue_open(frt_dev_t *dev, frt_queue_t **out, frt_error_t *err) {
  *out = (frt_queue_t *)get(dev->provider, sizeof **out);
  if (!*out) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "null: no memory for a queue");
  (*out)->dev = dev;
  return FRT_OK;
}

/* Waits for all that was asked of the queue, and reports what failed meanwhile: fill
 * err->block, op and op_type with those of the op that failed (keep them in prepare). */
static frt_status_t null_queue_sync(frt_queue_t *q, frt_error_t *err) {
  (void)q, (void)err;
  return FRT_OK;
}

static void null_queue_close(frt_queue_t *q) {
  if (q) give(q->dev->provider, q);
}

/* event_open, _record, _wait and _close are for ASYNC devices, and NULL here. */

/* ---- ops: from the tables ------------------------------------------------------------ */

/* May this op run here? kernel.h answers from the rows, with the reason for a NO. What a
 * row's dtypes cannot say (a rank, an attribute) a row's `refuse` function does. */
static frt_status_t null_op_query(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                                  frt_api_support_t *support, frt_error_t *err) {
  (void)dev, (void)err;
  return frt_module_query(&((null_t *)self)->module, op, support);
}

static frt_status_t null_op_prepare(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                                    frt_prepared_t **out, uint64_t *workspace,
                                    frt_error_t *err) {
  (void)dev;
  return frt_module_prepare(&((null_t *)self)->module, op, out, workspace, err);
}

/* ---- the one symbol -------------------------------------------------------------------- */

static void fill(null_t *self, frt_api_provider_t *io) {
  frt_api_provider_t p;
  memset(&p, 0, sizeof p);
  p.size = io->size;
  p.abi_minor = FRT_ABI_MINOR;
  p.self = self;
  p.name = "null"; /* what -p takes; the file is then frt_null.so */
  p.version = "0.1.0";
  p.description = "the skeleton to clone";
  p.kernels = self->module.decls;
  p.n_kernels = self->module.n;
  p.kernel_stride = sizeof *self->module.decls;
  p.close = null_close;
  p.device_count = null_device_count;
  p.device_info = null_device_info;
  p.dev_open = null_dev_open;
  p.dev_close = null_dev_close;
  p.copy = null_copy;
  p.queue_open = null_queue_open;
  p.queue_sync = null_queue_sync;
  p.queue_close = null_queue_close;
  p.op_query = null_op_query;
  p.op_prepare = null_op_prepare;
  p.op_run = frt_module_run;
  p.op_release = frt_module_release;
  /* The host may be older than this header: fill no more than it has room for. */
  memcpy(io, &p, io->size < sizeof p ? io->size : sizeof p);
}

#if defined(__cplusplus)
extern "C"
#endif
__attribute__((visibility("default")))
frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err);

/* Keeps the host, makes the claims, fills the table. Nothing is printed, nothing global is
 * touched; it may be called several times, once a runtime. */
frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err) {
  null_t *p;
  frt_status_t status;
  if (!FRT_HAS(host, frt_api_host_t, parallel_for) ||
      !FRT_HAS(io, frt_api_provider_t, op_release))
    return frt_fail(err, FRT_ABI_MISMATCH, "provider null wants a host of ABI %u.%u",
                    FRT_ABI_MAJOR, FRT_ABI_MINOR);
  p = (null_t *)host->mem_alloc(host->ctx, sizeof *p, 16);
  if (!p) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for provider null");
  memset(p, 0, sizeof *p);
  status = frt_module_open(&p->module, host, tables,
                           (uint32_t)(sizeof tables / sizeof *tables), err);
  if (status != FRT_OK) {
    null_close(p);
    return status;
  }
  fill(p, io);
  return FRT_OK;
}
