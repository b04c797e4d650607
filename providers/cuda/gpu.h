/* The small part of CUDA that this provider is written in, so that the same sources are
 * compiled by nvcc for a GPU and by a C++ compiler for this machine (FRT_CUDA_HOST), where
 * the kernels' indexing can be tested without one.
 *
 * A kernel is an FRT_GPU_KERNEL; it learns its place from frt_gpu_*(), shares memory with
 * its block by FRT_SHARED, waits for the block in frt_syncthreads, and is started by
 * FRT_LAUNCH, or by FRT_LAUNCH_ALONE when its threads never wait for each other. There are
 * no atomics: every sum has one order, so results have the same bits in every run. */
#ifndef FRT_CUDA_GPU_H
#define FRT_CUDA_GPU_H

#include <math.h>
#include <pthread.h>

#include "fluidrt/kernel.h"
#include "fluidrt/op_index.h"

#if defined(FRT_CUDA_HOST)
#include "host/shim.h"
#else
#include <cuda_runtime.h>
#define FRT_GPU_KERNEL static __global__ void
#define FRT_GPU_FN __device__
#define FRT_GPU_BOTH __host__ __device__
#define FRT_SHARED __shared__
#define FRT_GPU_ROLLED _Pragma("unroll 1") /* a small kernel compiles fast and runs alike */
#define frt_syncthreads() __syncthreads()
#define FRT_LAUNCH(kernel, blocks, threads, queue, ...) \
  kernel<<<(unsigned)(blocks), (unsigned)(threads), 0, (queue)->stream>>>(__VA_ARGS__)
#define FRT_LAUNCH_ALONE FRT_LAUNCH
/* Threads of a block. A smaller number for the host build, where a thread is a fiber. */
enum { FRT_GPU_BLOCK = 256 };
static __device__ inline int frt_gpu_thread(void) { return (int)threadIdx.x; }
static __device__ inline int frt_gpu_threads(void) { return (int)blockDim.x; }
static __device__ inline int64_t frt_gpu_block(void) { return blockIdx.x; }
static __device__ inline int64_t frt_gpu_blocks(void) { return gridDim.x; }
#endif

/* For what a macro offers and an expression may not want. */
template <class V> static FRT_GPU_FN inline void frt_gpu_unused(const V &) {}
#define FRT_GPU_UNUSED(v) frt_gpu_unused(v)

/* ---- devices and queues -------------------------------------------------------- */

/* Where a kernel records what is wrong with a value; read at the next sync. In pinned
 * memory, written by one thread of one kernel at a time. */
typedef struct frt_gpu_fault {
  int32_t set, block, op, reserved;
  int64_t position, value;
  char type[48], slot[16], wanted[64];
} frt_gpu_fault_t;

typedef struct frt_gpu_blas frt_gpu_blas_t; /* blas.cu: the functions of cuBLAS */

typedef struct frt_gpu {
  frt_module_t module; /* first: frt_api_provider_t.self is both */
} frt_gpu_t;

struct frt_dev {
  frt_gpu_t *gpu;
  int index;
  frt_gpu_blas_t *blas; /* NULL: the kernel of blas.cu serves */
  pthread_mutex_t lock;
  frt_queue_t *spare; /* closed queues: the host opens one for a single copy, too */
};

struct frt_queue {
  frt_dev_t *dev;
  frt_queue_t *next; /* of the spare ones */
  cudaStream_t stream;
  void *blas; /* cuBLAS handle, made by the first product */
  void *blas_space;
  frt_gpu_fault_t *fault;
};

/* FRT_OK, or what this code of the runtime means, with `doing` in the message. */
frt_status_t frt_gpu_result(cudaError_t code, const char *doing, frt_error_t *err);

/* After the launches of an op. */
static inline frt_status_t frt_gpu_launched(frt_error_t *err) {
  return frt_gpu_result(cudaGetLastError(), "launching a kernel", err);
}

#define FRT_GPU_QUEUE(r) ((frt_queue_t *)(r)->queue)
#define FRT_GPU_FLAGS FRT_KERNEL_DETERMINISTIC
#define FRT_GPU_INPLACE (FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)

/* Blocks that fill any device; what is left over is done by striding. */
static inline int64_t frt_gpu_grid(int64_t n, int64_t threads) {
  const int64_t blocks = (n + threads - 1) / threads;
  return blocks < 1 ? 1 : blocks > 8192 ? 8192 : blocks;
}

/* ---- one function an element ------------------------------------------------------ */

/* stop: where a check left the position of a bad value, -1 for none; or NULL. */
template <class F>
FRT_GPU_KERNEL frt_gpu_each_kernel(const int64_t *stop, int64_t n, F f) {
  const int64_t step = frt_gpu_blocks() * frt_gpu_threads();
  if (stop && *stop >= 0) return;
  FRT_GPU_ROLLED
  for (int64_t i = frt_gpu_block() * frt_gpu_threads() + frt_gpu_thread(); i < n; i += step)
    f(i);
}

/* f(i) for i in [0, n), in any order. */
template <class F>
static frt_status_t frt_gpu_each(const frt_run_t *r, int64_t n, F f, frt_error_t *err,
                                 const int64_t *stop = NULL) {
  if (n <= 0) return FRT_OK;
  FRT_LAUNCH_ALONE(frt_gpu_each_kernel, frt_gpu_grid(n, FRT_GPU_BLOCK), FRT_GPU_BLOCK,
                   FRT_GPU_QUEUE(r), stop, n, f);
  return frt_gpu_launched(err);
}

/* ---- numbers ------------------------------------------------------------------------- */

/* Arithmetic is in double and rounded once, for fp32 too: a GPU that trains is bound by
 * its memory, and the result is then within every bound that fp32 has. */
#define frt_gpu_in(T, r, slot) ((const T *)frt_in(r, slot)->data)
#define frt_gpu_out(T, r, slot) ((T *)frt_out(r, slot)->data)
/* NULL where the slot is absent. */
#define frt_gpu_maybe_in(T, r, slot) (frt_has_in(r, slot) ? frt_gpu_in(T, r, slot) : NULL)
#define frt_gpu_maybe_out(T, r, slot) (frt_has_out(r, slot) ? frt_gpu_out(T, r, slot) : NULL)

/* Truncates, saturates, NaN gives 0. */
static FRT_GPU_BOTH inline int64_t frt_gpu_whole(double x, int64_t lo, int64_t hi) {
  if (x != x) return 0;
  if (x <= (double)lo) return lo;
  if (x >= (double)hi) return hi;
  return (int64_t)x;
}

/* Integers wrap around. */
static FRT_GPU_BOTH inline int64_t frt_gpu_add(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}
static FRT_GPU_BOTH inline int64_t frt_gpu_mul(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a * (uint64_t)b);
}

/* fp32 or fp64, int32 or int64, by a flag: the arithmetic is the same, and there are half
 * the kernels to compile. */
static FRT_GPU_FN inline double frt_gpu_get(double, const void *p, int wide, int64_t i) {
  return wide ? ((const double *)p)[i] : (double)((const float *)p)[i];
}
static FRT_GPU_FN inline int64_t frt_gpu_get(int64_t, const void *p, int wide, int64_t i) {
  return wide ? ((const int64_t *)p)[i] : ((const int32_t *)p)[i];
}
#define frt_gpu_real(p, wide, i) frt_gpu_get(0.0, p, wide, i)
#define frt_gpu_int(p, wide, i) frt_gpu_get((int64_t)0, p, wide, i)
static FRT_GPU_FN inline void frt_gpu_put(void *p, int wide, int64_t i, double v) {
  if (wide) ((double *)p)[i] = v;
  else ((float *)p)[i] = (float)v;
}
static FRT_GPU_FN inline void frt_gpu_put(void *p, int wide, int64_t i, int64_t v) {
  if (wide) ((int64_t *)p)[i] = v;
  else ((int32_t *)p)[i] = (int32_t)v;
}
static inline int frt_gpu_wide(const frt_api_tensor_t *t) {
  return t->dtype == FRT_F64 || t->dtype == FRT_I64;
}
#define frt_gpu_data_in(r, slot) (frt_has_in(r, slot) ? (const void *)frt_in(r, slot)->data : NULL)
#define frt_gpu_data_out(r, slot) (frt_has_out(r, slot) ? frt_out(r, slot)->data : NULL)

/* ---- attributes that kernels read ------------------------------------------------------ */

typedef struct frt_gpu_numbers { double v[4]; } frt_gpu_numbers_t;
static inline double frt_gpu_number(const frt_op_t *op, int attr) {
  const frt_api_attr_t *a = &op->attrs[attr];
  return a->type == FRT_ATTR_F32 ? (double)(float)a->v.f : (double)a->v.i;
}

/* Product of dims[from .. to - 1]. */
static inline int64_t frt_gpu_product(const int64_t *dims, uint32_t from, uint32_t to) {
  int64_t n = 1;
  for (uint32_t d = from; d < to; ++d) n *= dims[d];
  return n;
}

/* A tensor seen as outer x n x inner; a negative axis counts from the end. */
typedef struct frt_gpu_axis { int64_t outer, n, inner; } frt_gpu_axis_t;
static inline frt_gpu_axis_t frt_gpu_split(const frt_api_tensor_t *t, int64_t axis) {
  frt_gpu_axis_t a = {1, 1, 1};
  if (t->rank == 0) return a;
  if (axis < 0) axis += t->rank;
  a.outer = frt_gpu_product(t->dims, 0, (uint32_t)axis);
  a.n = t->dims[axis];
  a.inner = frt_gpu_product(t->dims, (uint32_t)axis + 1, t->rank);
  return a;
}

/* ---- walking over tensors ---------------------------------------------------------------- */

/* Element i of a box of these dims lies at the sum of its coordinates times steps. Repeating
 * a dim makes two of it. */
enum { FRT_GPU_DIMS = 2 * FRT_MAX_RANK };
typedef struct frt_gpu_walk {
  int rank;
  int64_t n, start, dims[FRT_GPU_DIMS], steps[FRT_GPU_DIMS];
} frt_gpu_walk_t;

static FRT_GPU_FN inline int64_t frt_gpu_at(const frt_gpu_walk_t &w, int64_t i) {
  int64_t at = w.start;
  if (w.n <= 0x7fffffff) { /* 32-bit division is many times faster */
    uint32_t k = (uint32_t)i;
    FRT_GPU_ROLLED
    for (int d = w.rank - 1; d > 0; --d) {
      const uint32_t n = (uint32_t)w.dims[d], q = k / n;
      at += (int64_t)(k - q * n) * w.steps[d];
      k = q;
    }
    return w.rank ? at + (int64_t)k * w.steps[0] : at;
  }
  FRT_GPU_ROLLED
  for (int d = w.rank - 1; d > 0; --d) {
    const int64_t q = i / w.dims[d];
    at += (i - q * w.dims[d]) * w.steps[d];
    i = q;
  }
  return w.rank ? at + i * w.steps[0] : at;
}

static inline void frt_gpu_walk_dim(frt_gpu_walk_t *w, int64_t dim, int64_t step) {
  w->n *= dim;
  if (dim == 1) return;
  if (w->rank && w->steps[w->rank - 1] == dim * step) { /* runs on: one dim */
    w->dims[w->rank - 1] *= dim;
    w->steps[w->rank - 1] = step;
    return;
  }
  w->dims[w->rank] = dim;
  w->steps[w->rank++] = step;
}
/* Of n dims with these steps, outermost first. */
static inline frt_gpu_walk_t frt_gpu_walk_of(uint32_t n, const int64_t *dims,
                                             const int64_t *steps) {
  frt_gpu_walk_t w;
  memset(&w, 0, sizeof w);
  w.n = 1;
  for (uint32_t d = 0; d < n; ++d) frt_gpu_walk_dim(&w, dims[d], steps[d]);
  return w;
}
/* The row-major steps of t. */
static inline void frt_gpu_steps(const frt_api_tensor_t *t, int64_t *steps) {
  int64_t step = 1;
  for (uint32_t d = t->rank; d-- > 0;) {
    steps[d] = step;
    step *= t->dims[d];
  }
}

/* Y of an elementwise op laid over X at `axis`: steps over the dims of out, 0 where t is
 * repeated. */
static inline void frt_gpu_lay(const frt_api_tensor_t *t, uint32_t rank, int64_t axis,
                               int64_t *steps) {
  int64_t step = 1;
  const int64_t at = axis < 0 ? (int64_t)rank - t->rank : axis;
  for (uint32_t d = 0; d < rank; ++d) steps[d] = 0;
  for (uint32_t d = t->rank; d-- > 0;) {
    /* Trailing extents of 1 may stick out at the end: they are dropped. */
    if (at + d >= 0 && at + d < rank && t->dims[d] != 1) steps[at + d] = step;
    step *= t->dims[d];
  }
}

#endif
