/* The host build: kernels run on this machine, a block's threads as fibers of one thread,
 * and the calls of the runtime are plain calls on host memory. It tests indexing, tails,
 * reductions and the provider's use of the ABI; it says nothing about a GPU's speed,
 * memory model or arithmetic. */
#ifndef FRT_CUDA_HOST_SHIM_H
#define FRT_CUDA_HOST_SHIM_H

#include <stddef.h>
#include <stdint.h>

/* ---- kernels ------------------------------------------------------------------------ */

#define FRT_GPU_KERNEL static void
#define FRT_GPU_FN
#define FRT_GPU_BOTH
#define FRT_GPU_ROLLED
/* One block runs at a time on a thread, and its fibers share the thread. */
#define FRT_SHARED static thread_local
enum { FRT_GPU_BLOCK = 32 };

typedef struct frt_host_place {
  int thread, threads;
  int64_t block, blocks;
} frt_host_place_t;
extern thread_local frt_host_place_t frt_host_place;

static inline int frt_gpu_thread(void) { return frt_host_place.thread; }
static inline int frt_gpu_threads(void) { return frt_host_place.threads; }
static inline int64_t frt_gpu_block(void) { return frt_host_place.block; }
static inline int64_t frt_gpu_blocks(void) { return frt_host_place.blocks; }
void frt_syncthreads(void);

/* body(arg) for every thread of every block; `waits`: it may call frt_syncthreads. */
void frt_host_launch(int64_t blocks, int threads, int waits, void (*body)(void *), void *arg);

template <class F> static void frt_host_body(void *arg) { (*(F *)arg)(); }
template <class F> static void frt_host_run(int64_t blocks, int threads, int waits, F f) {
  frt_host_launch(blocks, threads, waits, frt_host_body<F>, &f);
}
#define FRT_LAUNCH(kernel, blocks, threads, queue, ...) \
  ((void)(queue), frt_host_run(blocks, threads, 1, [=] { kernel(__VA_ARGS__); }))
#define FRT_LAUNCH_ALONE(kernel, blocks, threads, queue, ...) \
  ((void)(queue), frt_host_run(blocks, threads, 0, [=] { kernel(__VA_ARGS__); }))

/* ---- the runtime's calls, as far as the provider makes them ----------------------------- */

typedef enum cudaError {
  cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35, cudaErrorNoDevice = 100,
  cudaErrorECCUncorrectable = 214, cudaErrorNotReady = 600,
  cudaErrorIllegalAddress = 700, cudaErrorLaunchTimeout = 702, cudaErrorAssert = 710,
  cudaErrorHardwareStackError = 714, cudaErrorIllegalInstruction = 715,
  cudaErrorMisalignedAddress = 716, cudaErrorInvalidAddressSpace = 717,
  cudaErrorInvalidPc = 718, cudaErrorLaunchFailure = 719
} cudaError_t;
typedef int *cudaStream_t; /* one allocated byte each, so that leaks show */
typedef int *cudaEvent_t;
typedef enum cudaMemcpyKind {
  cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3
} cudaMemcpyKind;
typedef struct cudaDeviceProp {
  char name[256];
  size_t totalGlobalMem;
  int major, minor, multiProcessorCount;
} cudaDeviceProp;
enum { cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2, cudaHostAllocMapped = 2 };

cudaError_t cudaGetDeviceCount(int *n);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaRuntimeGetVersion(int *version);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total);
cudaError_t cudaMalloc(void **p, size_t bytes);
cudaError_t cudaFree(void *p);
cudaError_t cudaHostAlloc(void **p, size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void *p);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemsetAsync(void *p, int byte, size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaGetLastError(void);
const char *cudaGetErrorName(cudaError_t code);
const char *cudaGetErrorString(cudaError_t code);

#endif
