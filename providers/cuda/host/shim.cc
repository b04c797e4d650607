#include "shim.h"

#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

/* ---- blocks of fibers ------------------------------------------------------------------ */

enum { STACK_BYTES = 128 * 1024, MOST_THREADS = 64 };

typedef struct fiber {
  ucontext_t context;
  char *stack;
  int done;
} fiber_t;

typedef struct crew { /* the fibers of one thread, kept from launch to launch */
  fiber_t fibers[MOST_THREADS];
  ucontext_t back;
  void (*body)(void *);
  void *arg;
  ~crew() {
    for (int t = 0; t < MOST_THREADS; ++t) free(fibers[t].stack);
  }
} crew_t;

thread_local frt_host_place_t frt_host_place;
static thread_local crew_t *crew_now;

/* Swapping keeps the signal mask, with two system calls; nothing else is as portable. */
void frt_syncthreads(void) {
  crew_t *c = crew_now;
  if (!c) return; /* a block of one thread */
  const int me = frt_host_place.thread;
  swapcontext(&c->fibers[me].context, &c->back);
  frt_host_place.thread = me;
}

static void fiber_main(void) {
  crew_t *c = crew_now;
  const int me = frt_host_place.thread;
  c->body(c->arg);
  c->fibers[me].done = 1;
  swapcontext(&c->fibers[me].context, &c->back);
}

static int start_fibers(crew_t *c, int threads) {
  for (int t = 0; t < threads; ++t) {
    fiber_t *f = &c->fibers[t];
    if (!f->stack) f->stack = (char *)malloc(STACK_BYTES);
    if (!f->stack || getcontext(&f->context)) return 0;
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = STACK_BYTES;
    f->context.uc_link = NULL;
    f->done = 0;
    makecontext(&f->context, fiber_main, 0);
  }
  return 1;
}

/* Each round takes every fiber from one wait to the next, so that a wait that only some
 * threads reach shows as a wrong result and not as a hang. */
static void run_block(crew_t *c, int threads) {
  int left = threads;
  if (!start_fibers(c, threads)) return;
  while (left > 0)
    for (int t = 0; t < threads; ++t) {
      if (c->fibers[t].done) continue;
      frt_host_place.thread = t;
      swapcontext(&c->back, &c->fibers[t].context);
      left -= c->fibers[t].done;
    }
}

void frt_host_launch(int64_t blocks, int threads, int waits, void (*body)(void *), void *arg) {
  static thread_local crew_t crew = {};
  frt_host_place.threads = threads;
  frt_host_place.blocks = blocks;
  for (int64_t b = 0; b < blocks; ++b) {
    frt_host_place.block = b;
    if (waits && threads > 1) {
      crew.body = body;
      crew.arg = arg;
      crew_now = &crew;
      run_block(&crew, threads);
      crew_now = NULL;
      continue;
    }
    for (int t = 0; t < threads; ++t) {
      frt_host_place.thread = t;
      body(arg);
    }
  }
}

/* ---- the runtime ---------------------------------------------------------------------------- */

static cudaError_t take(void **p, size_t bytes) {
  *p = NULL;
  /* Aligned as a device's memory is; a size that no machine has fails at once. */
  if (bytes > ((size_t)1 << 46) || posix_memalign(p, 256, bytes ? bytes : 1)) {
    *p = NULL;
    return cudaErrorMemoryAllocation;
  }
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *n) { *n = 1; return cudaSuccess; }
cudaError_t cudaDriverGetVersion(int *version) { *version = 0; return cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int *version) { *version = 0; return cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device) {
  memset(p, 0, sizeof *p);
  strcpy(p->name, "the kernels compiled for this machine");
  return device ? cudaErrorInvalidValue : cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return device ? cudaErrorInvalidValue : cudaSuccess; }
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total) {
  *free_bytes = *total = 0;
  return cudaSuccess;
}
cudaError_t cudaMalloc(void **p, size_t bytes) { return take(p, bytes); }
cudaError_t cudaFree(void *p) { free(p); return cudaSuccess; }
cudaError_t cudaHostAlloc(void **p, size_t bytes, unsigned) { return take(p, bytes); }
cudaError_t cudaFreeHost(void *p) { free(p); return cudaSuccess; }
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind,
                            cudaStream_t) {
  if (bytes) memmove(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void *p, int byte, size_t bytes, cudaStream_t) {
  if (bytes) memset(p, byte, bytes);
  return cudaSuccess;
}

static cudaError_t open_handle(int **handle) {
  *handle = (int *)malloc(sizeof **handle);
  return *handle ? cudaSuccess : cudaErrorMemoryAllocation;
}
static cudaError_t close_handle(int *handle) { free(handle); return cudaSuccess; }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned) { return open_handle(s); }
cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaStreamDestroy(cudaStream_t s) { return close_handle(s); }
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return cudaSuccess; }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned) { return open_handle(e); }
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaEventDestroy(cudaEvent_t e) { return close_handle(e); }
cudaError_t cudaGetLastError(void) { return cudaSuccess; }
const char *cudaGetErrorName(cudaError_t code) {
  return code == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaError";
}
const char *cudaGetErrorString(cudaError_t code) {
  return code == cudaErrorMemoryAllocation ? "out of memory" : "an error";
}
