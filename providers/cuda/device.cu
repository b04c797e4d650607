#include "device.h"

#include "blas.h"

/* ---- errors ------------------------------------------------------------------------------ */

/* After one of these the context is gone: only a new process brings the device back. */
static int is_lost(cudaError_t code) {
  return code == cudaErrorIllegalAddress || code == cudaErrorLaunchTimeout ||
         code == cudaErrorAssert || code == cudaErrorHardwareStackError ||
         code == cudaErrorIllegalInstruction || code == cudaErrorMisalignedAddress ||
         code == cudaErrorInvalidAddressSpace || code == cudaErrorInvalidPc ||
         code == cudaErrorLaunchFailure || code == cudaErrorECCUncorrectable;
}

frt_status_t frt_gpu_result(cudaError_t code, const char *doing, frt_error_t *err) {
  frt_status_t status = FRT_INTERNAL;
  if (code == cudaSuccess) return FRT_OK;
  if (code == cudaErrorMemoryAllocation) status = FRT_RESOURCE_EXHAUSTED;
  else if (is_lost(code)) status = FRT_DEVICE_LOST;
  else if (code == cudaErrorNoDevice || code == cudaErrorInsufficientDriver)
    status = FRT_UNAVAILABLE;
  cudaGetLastError(); /* the next call shall not find it again */
  frt_fail(err, status, "cuda: %s: %s (%s)", doing, cudaGetErrorString(code),
           cudaGetErrorName(code));
  if (err) err->native = (int32_t)code;
  return status;
}

static void *take(const frt_gpu_t *gpu, size_t bytes) {
  void *p = gpu->module.host->mem_alloc(gpu->module.host->ctx, bytes, 16);
  if (p) memset(p, 0, bytes);
  return p;
}
static void give(const frt_gpu_t *gpu, void *p) {
  gpu->module.host->mem_free(gpu->module.host->ctx, p);
}

/* ---- devices ------------------------------------------------------------------------------- */

/* Error 35 means both "no driver" and "driver too old"; the driver's version tells. */
uint32_t frt_gpu_device_count(void *self, char *why) {
  int n = 0, driver = 0, runtime = 0;
  const cudaError_t code = cudaGetDeviceCount(&n);
  (void)self;
  if (code == cudaSuccess && n > 0) return (uint32_t)n;
  cudaGetLastError();
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (!why) return 0;
  if (code == cudaErrorInsufficientDriver && driver == 0)
    snprintf(why, 160, "no driver: libcuda.so.1 not found");
  else if (code == cudaErrorInsufficientDriver)
    snprintf(why, 160, "driver too old: it serves CUDA %d.%d, this provider wants %d.%d",
             driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
  else
    snprintf(why, 160, "no device: %s",
             code == cudaSuccess ? "the driver lists none" : cudaGetErrorString(code));
  return 0;
}

frt_status_t frt_gpu_device_info(void *self, uint32_t index, frt_api_device_info_t *out,
                                 frt_error_t *err) {
  const uint32_t size = out->size;
  frt_api_device_info_t info;
  cudaDeviceProp p;
  size_t free_bytes = 0, total = 0;
  const uint32_t n = frt_gpu_device_count(self, NULL);
  if (index >= n)
    return frt_fail(err, FRT_NOT_FOUND, "cuda: there are %u devices; wanted %u", n, index);
  FRT_TRY(frt_gpu_result(cudaGetDeviceProperties(&p, (int)index), "asking a device", err));
  /* mem_free would make a context; who opens the device can ask then. */
  total = p.totalGlobalMem;
  memset(&info, 0, sizeof info);
  info.size = size;
  info.flags = FRT_DEVICE_ASYNC;
  if (p.major)
    snprintf(info.desc, sizeof info.desc, "%.60s, compute %d.%d, %d SMs", p.name, p.major,
             p.minor, p.multiProcessorCount);
  else
    snprintf(info.desc, sizeof info.desc, "%.80s", p.name);
  info.mem_total = total;
  info.mem_free = free_bytes;
  info.alloc_align = 256;
  memcpy(out, &info, size < sizeof info ? size : sizeof info);
  return FRT_OK;
}

frt_status_t frt_gpu_dev_open(void *self, uint32_t index, const frt_api_option_t *opt,
                              uint32_t n_opt, frt_dev_t **out, frt_error_t *err) {
  frt_gpu_t *gpu = (frt_gpu_t *)self;
  char why[160] = "";
  frt_dev_t *dev;
  frt_status_t status;
  *out = NULL;
  if (n_opt)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "cuda: no option '%s'", opt[0].key);
  const uint32_t n = frt_gpu_device_count(self, why);
  if (n == 0) return frt_fail(err, FRT_UNAVAILABLE, "cuda: %s", why);
  if (index >= n)
    return frt_fail(err, FRT_NOT_FOUND, "cuda: there are %u devices; wanted %u", n, index);
  FRT_TRY(frt_gpu_result(cudaSetDevice((int)index), "opening a device", err));
  FRT_TRY(frt_gpu_result(cudaFree(NULL), "opening a device", err));
  dev = (frt_dev_t *)take(gpu, sizeof *dev);
  if (!dev) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "cuda: no memory for a device");
  dev->gpu = gpu;
  dev->index = (int)index;
  pthread_mutex_init(&dev->lock, NULL);
  status = frt_gpu_blas_open(dev, err);
  if (status != FRT_OK) {
    pthread_mutex_destroy(&dev->lock);
    give(gpu, dev);
    return status;
  }
  *out = dev;
  return FRT_OK;
}

static void free_queue(frt_queue_t *q);

void frt_gpu_dev_close(frt_dev_t *dev) {
  if (!dev) return;
  cudaSetDevice(dev->index);
  while (dev->spare) {
    frt_queue_t *q = dev->spare;
    dev->spare = q->next;
    free_queue(q);
  }
  pthread_mutex_destroy(&dev->lock);
  frt_gpu_blas_close(dev);
  give(dev->gpu, dev);
}

/* ---- memory --------------------------------------------------------------------------------- */

frt_status_t frt_gpu_slab_alloc(frt_dev_t *dev, uint32_t kind, uint64_t bytes, void **out,
                                frt_error_t *err) {
  cudaError_t code;
  *out = NULL;
  FRT_TRY(frt_gpu_result(cudaSetDevice(dev->index), "choosing a device", err));
  code = kind == FRT_MEM_PINNED ? cudaHostAlloc(out, (size_t)bytes, 0)
                                : cudaMalloc(out, (size_t)bytes);
  if (code != cudaErrorMemoryAllocation)
    return frt_gpu_result(code, "allocating memory", err);
  cudaGetLastError();
  *out = NULL;
  return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "cuda:%d has no room for %llu bytes%s",
                  dev->index, (unsigned long long)bytes,
                  kind == FRT_MEM_PINNED ? " of pinned host memory" : "");
}

void frt_gpu_slab_free(frt_dev_t *dev, uint32_t kind, void *p) {
  if (!p) return;
  cudaSetDevice(dev->index);
  if (kind == FRT_MEM_PINNED) cudaFreeHost(p);
  else cudaFree(p);
}

frt_status_t frt_gpu_copy(frt_dev_t *dev, frt_queue_t *q, uint32_t direction, void *dst,
                          const void *src, uint64_t bytes, frt_error_t *err) {
  static const cudaMemcpyKind kinds[] = {cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost,
                                         cudaMemcpyDeviceToDevice};
  if (direction > FRT_COPY_WITHIN || !q || q->dev != dev)
    return frt_fail(err, FRT_INVALID_ARGUMENT,
                    "cuda:%d: a copy of direction %u wants a queue of this device", dev->index,
                    direction);
  if (bytes == 0) return FRT_OK;
  FRT_TRY(frt_gpu_result(cudaSetDevice(dev->index), "choosing a device", err));
  return frt_gpu_result(cudaMemcpyAsync(dst, src, (size_t)bytes, kinds[direction], q->stream),
                        "copying", err);
}

/* ---- queues --------------------------------------------------------------------------------- */

static frt_status_t open_parts(frt_queue_t *q, frt_error_t *err) {
  void *fault = NULL;
  FRT_TRY(frt_gpu_result(cudaStreamCreateWithFlags(&q->stream, cudaStreamNonBlocking),
                         "opening a queue", err));
  FRT_TRY(frt_gpu_result(cudaHostAlloc(&fault, sizeof *q->fault, cudaHostAllocMapped),
                         "opening a queue", err));
  q->fault = (frt_gpu_fault_t *)fault;
  memset(q->fault, 0, sizeof *q->fault);
  return FRT_OK;
}

static void free_queue(frt_queue_t *q) {
  frt_gpu_blas_queue_close(q);
  if (q->fault) cudaFreeHost(q->fault);
  if (q->stream) cudaStreamDestroy(q->stream);
  give(q->dev->gpu, q);
}

static frt_queue_t *take_spare(frt_dev_t *dev) {
  pthread_mutex_lock(&dev->lock);
  frt_queue_t *q = dev->spare;
  if (q) dev->spare = q->next;
  pthread_mutex_unlock(&dev->lock);
  return q;
}

frt_status_t frt_gpu_queue_open(frt_dev_t *dev, frt_queue_t **out, frt_error_t *err) {
  frt_queue_t *q;
  frt_status_t status;
  *out = NULL;
  FRT_TRY(frt_gpu_result(cudaSetDevice(dev->index), "choosing a device", err));
  *out = take_spare(dev);
  if (*out) return FRT_OK;
  q = (frt_queue_t *)take(dev->gpu, sizeof *q);
  if (!q) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "cuda: no memory for a queue");
  q->dev = dev;
  status = open_parts(q, err);
  if (status != FRT_OK) {
    free_queue(q);
    return status;
  }
  *out = q;
  return FRT_OK;
}

frt_status_t frt_gpu_queue_sync(frt_queue_t *q, frt_error_t *err) {
  FRT_TRY(frt_gpu_result(cudaSetDevice(q->dev->index), "choosing a device", err));
  FRT_TRY(frt_gpu_result(cudaStreamSynchronize(q->stream), "waiting for a queue", err));
  if (!q->fault->set) return FRT_OK;
  const frt_gpu_fault_t f = *q->fault;
  q->fault->set = 0;
  frt_fail(err, FRT_OUT_OF_RANGE, "%s: position %lld is %lld; %s", f.slot,
           (long long)f.position, (long long)f.value, f.wanted);
  if (!err) return FRT_OUT_OF_RANGE;
  err->block = f.block;
  err->op = f.op;
  snprintf(err->op_type, sizeof err->op_type, "%s", f.type);
  snprintf(err->name, sizeof err->name, "%s", f.slot);
  return FRT_OUT_OF_RANGE;
}

/* A queue that failed is not kept: its stream may be beyond use. */
void frt_gpu_queue_close(frt_queue_t *q) {
  if (!q) return;
  frt_dev_t *dev = q->dev;
  cudaSetDevice(dev->index);
  if (cudaStreamSynchronize(q->stream) != cudaSuccess) {
    cudaGetLastError();
    free_queue(q);
    return;
  }
  q->fault->set = 0;
  pthread_mutex_lock(&dev->lock);
  q->next = dev->spare;
  dev->spare = q;
  pthread_mutex_unlock(&dev->lock);
}

/* ---- events --------------------------------------------------------------------------------- */

struct frt_event {
  frt_dev_t *dev;
  cudaEvent_t event;
};

frt_status_t frt_gpu_event_open(frt_dev_t *dev, frt_event_t **out, frt_error_t *err) {
  frt_status_t status;
  *out = NULL;
  FRT_TRY(frt_gpu_result(cudaSetDevice(dev->index), "choosing a device", err));
  frt_event_t *e = (frt_event_t *)take(dev->gpu, sizeof *e);
  if (!e) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "cuda: no memory for an event");
  e->dev = dev;
  status = frt_gpu_result(cudaEventCreateWithFlags(&e->event, cudaEventDisableTiming),
                          "opening an event", err);
  if (status != FRT_OK) {
    give(dev->gpu, e);
    return status;
  }
  *out = e;
  return FRT_OK;
}

frt_status_t frt_gpu_event_record(frt_event_t *e, frt_queue_t *q, frt_error_t *err) {
  FRT_TRY(frt_gpu_result(cudaSetDevice(e->dev->index), "choosing a device", err));
  return frt_gpu_result(cudaEventRecord(e->event, q->stream), "recording an event", err);
}

frt_status_t frt_gpu_event_wait(frt_event_t *e, frt_queue_t *q, frt_error_t *err) {
  FRT_TRY(frt_gpu_result(cudaSetDevice(e->dev->index), "choosing a device", err));
  return frt_gpu_result(q ? cudaStreamWaitEvent(q->stream, e->event, 0)
                          : cudaEventSynchronize(e->event),
                        "waiting for an event", err);
}

void frt_gpu_event_close(frt_event_t *e) {
  if (!e) return;
  cudaSetDevice(e->dev->index);
  cudaEventDestroy(e->event);
  give(e->dev->gpu, e);
}
