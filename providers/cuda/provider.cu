/* The cuda provider: one device a GPU, streams and events, cuBLAS in strict fp32, all else
 * kernels of its own. The module needs no driver to load, to claim and to explain. */
#include "device.h"
#include "owned.h"

#if defined(FRT_CUDA_HOST)
#define NAME "cuda_host"
#define DESCRIPTION "the cuda provider's kernels, compiled for this machine to be tested"
#else
#define NAME "cuda"
#define DESCRIPTION "NVIDIA GPUs; cuBLAS in strict fp32"
#endif

FRT_MANIFEST(NAME, "0.1.0");

#define FRT_KERNEL_TABLE(table) extern const frt_kernel_row_t table[];
extern "C" {
#include "cuda_kernels.inc"
}
#undef FRT_KERNEL_TABLE

static const frt_kernel_row_t *const tables[] = {
#define FRT_KERNEL_TABLE(table) table,
#include "cuda_kernels.inc"
#undef FRT_KERNEL_TABLE
};

static void gpu_close(void *self) {
  frt_gpu_t *gpu = (frt_gpu_t *)self;
  const frt_api_host_t *host = gpu->module.host;
  frt_module_close(&gpu->module);
  host->mem_free(host->ctx, gpu);
}

/* The claims are static: without a device the answer is the same. */
static frt_status_t op_query(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                             frt_api_support_t *support, frt_error_t *err) {
  (void)dev, (void)err;
  frt_module_query(&((frt_gpu_t *)self)->module, op, support);
  support->flags &= ~(uint32_t)FRT_GPU_OWNS;
  return FRT_OK;
}

static frt_status_t op_prepare(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                               frt_prepared_t **out, uint64_t *workspace, frt_error_t *err) {
  (void)dev;
  return frt_module_prepare(&((frt_gpu_t *)self)->module, op, out, workspace, err);
}

static frt_status_t op_run(const frt_prepared_t *k, const frt_api_run_t *run,
                           frt_error_t *err) {
  if (!run->queue)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "cuda: op_run without a queue");
  FRT_TRY(frt_gpu_result(cudaSetDevice(run->queue->dev->index), "choosing a device", err));
  return frt_module_run(k, run, err);
}

static void op_release(frt_prepared_t *k) {
  frt_gpu_disown(k);
  frt_module_release(k);
}

static void fill(frt_gpu_t *gpu, frt_api_provider_t *io) {
  frt_api_provider_t p;
  memset(&p, 0, sizeof p);
  p.size = io->size;
  p.abi_minor = FRT_ABI_MINOR;
  p.self = gpu;
  p.name = NAME;
  p.version = "0.1.0";
  p.description = DESCRIPTION;
  p.kernels = gpu->module.decls;
  p.n_kernels = gpu->module.n;
  p.kernel_stride = sizeof *gpu->module.decls;
  p.close = gpu_close;
  p.device_count = frt_gpu_device_count;
  p.device_info = frt_gpu_device_info;
  p.dev_open = frt_gpu_dev_open;
  p.dev_close = frt_gpu_dev_close;
  p.slab_alloc = frt_gpu_slab_alloc;
  p.slab_free = frt_gpu_slab_free;
  p.copy = frt_gpu_copy;
  p.queue_open = frt_gpu_queue_open;
  p.queue_sync = frt_gpu_queue_sync;
  p.queue_close = frt_gpu_queue_close;
  p.event_open = frt_gpu_event_open;
  p.event_record = frt_gpu_event_record;
  p.event_wait = frt_gpu_event_wait;
  p.event_close = frt_gpu_event_close;
  p.op_query = op_query;
  p.op_prepare = op_prepare;
  p.op_run = op_run;
  p.op_release = op_release;
  memcpy(io, &p, io->size < sizeof p ? io->size : sizeof p);
}

extern "C" __attribute__((visibility("default")))
frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err);

frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err) {
  frt_gpu_t *gpu;
  frt_status_t status;
  if (!FRT_HAS(host, frt_api_host_t, parallel_for) ||
      !FRT_HAS(io, frt_api_provider_t, op_release))
    return frt_fail(err, FRT_ABI_MISMATCH, "provider " NAME " wants a host of ABI %u.%u",
                    FRT_ABI_MAJOR, FRT_ABI_MINOR);
  gpu = (frt_gpu_t *)host->mem_alloc(host->ctx, sizeof *gpu, 16);
  if (!gpu) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for provider " NAME);
  memset(gpu, 0, sizeof *gpu);
  status = frt_module_open(&gpu->module, host, tables,
                           (uint32_t)(sizeof tables / sizeof *tables), err);
  if (status != FRT_OK) {
    gpu_close(gpu);
    return status;
  }
  for (uint32_t i = 0; i < gpu->module.n; ++i)
    gpu->module.decls[i].flags &= ~(uint32_t)FRT_GPU_OWNS;
  fill(gpu, io);
  return FRT_OK;
}
