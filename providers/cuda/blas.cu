#include "blas.h"

#include <limits.h>

/* ---- the plain product: a thread an element, double sums ------------------------------- */

template <class T>
static frt_status_t plain(const frt_run_t *r, const frt_gpu_gemm_t *g_, const T *a, const T *b,
                          T *c, frt_error_t *err) {
  const frt_gpu_gemm_t g = *g_;
  const int64_t a_row = g.turn_a ? 1 : g.k, a_col = g.turn_a ? g.m : 1;
  const int64_t b_row = g.turn_b ? 1 : g.n, b_col = g.turn_b ? g.k : 1;
  return frt_gpu_each(
      r, g.batches * g.m * g.n,
      [=] FRT_GPU_FN(int64_t i) {
        const int64_t batch = i / (g.m * g.n), row = i / g.n % g.m, col = i % g.n;
        const T *x = a + batch * g.stride_a + row * a_row;
        const T *y = b + batch * g.stride_b + col * b_col;
        double v = 0.0;
        for (int64_t k = 0; k < g.k; ++k) v += (double)x[k * a_col] * (double)y[k * b_row];
        c[batch * g.stride_c + row * g.n + col] = (T)(g.alpha * v);
      },
      err);
}

#if defined(FRT_CUDA_HOST)

frt_status_t frt_gpu_blas_open(frt_dev_t *dev, frt_error_t *err) {
  (void)err;
  dev->blas = NULL;
  return FRT_OK;
}
void frt_gpu_blas_close(frt_dev_t *dev) { (void)dev; }
void frt_gpu_blas_queue_close(frt_queue_t *q) { (void)q; }
frt_status_t frt_gpu_sgemm(const frt_run_t *r, const frt_gpu_gemm_t *g, const float *a,
                           const float *b, float *c, frt_error_t *err) {
  return plain(r, g, a, b, c, err);
}
frt_status_t frt_gpu_dgemm(const frt_run_t *r, const frt_gpu_gemm_t *g, const double *a,
                           const double *b, double *c, frt_error_t *err) {
  return plain(r, g, a, b, c, err);
}

#else

#include <dlfcn.h>

/* ---- cuBLAS by name: 500 MB that only a run needs, and never a missing library ----------- */

/* Numbers of cublas_api.h that the ABI of cuBLAS 12 and 13 fixes. */
enum { CUBLAS_OP_NO = 0, CUBLAS_OP_TURN = 1, CUBLAS_PEDANTIC = 2, CUBLAS_NO_ATOMICS = 0 };
enum { BLAS_SPACE = 32 << 20 }; /* bytes; what cuBLAS itself takes on Hopper */

#define BLAS_FUNCTIONS(X)                                                                  \
  X(create, cublasCreate_v2, (void **handle))                                              \
  X(destroy, cublasDestroy_v2, (void *handle))                                             \
  X(stream, cublasSetStream_v2, (void *handle, cudaStream_t stream))                       \
  X(space, cublasSetWorkspace_v2, (void *handle, void *space, size_t bytes))               \
  X(math, cublasSetMathMode, (void *handle, int mode))                                     \
  X(atomics, cublasSetAtomicsMode, (void *handle, int mode))                               \
  X(sgemm, cublasSgemm_v2, (void *handle, int ta, int tb, int m, int n, int k,             \
      const float *alpha, const float *a, int lda, const float *b, int ldb,                \
      const float *beta, float *c, int ldc))                                               \
  X(dgemm, cublasDgemm_v2, (void *handle, int ta, int tb, int m, int n, int k,             \
      const double *alpha, const double *a, int lda, const double *b, int ldb,             \
      const double *beta, double *c, int ldc))                                             \
  X(sgemms, cublasSgemmStridedBatched, (void *handle, int ta, int tb, int m, int n, int k, \
      const float *alpha, const float *a, int lda, long long sa, const float *b, int ldb,  \
      long long sb, const float *beta, float *c, int ldc, long long sc, int count))        \
  X(dgemms, cublasDgemmStridedBatched, (void *handle, int ta, int tb, int m, int n, int k, \
      const double *alpha, const double *a, int lda, long long sa, const double *b,        \
      int ldb, long long sb, const double *beta, double *c, int ldc, long long sc,         \
      int count))

struct frt_gpu_blas {
  void *library;
#define BLAS_FIELD(name, symbol, args) int(*name) args;
  BLAS_FUNCTIONS(BLAS_FIELD)
#undef BLAS_FIELD
};

static frt_status_t load_functions(frt_gpu_blas_t *b, const char *file, frt_error_t *err) {
  struct { const char *symbol; void **to; } const wanted[] = {
#define BLAS_ENTRY(name, symbol, args) {#symbol, (void **)&b->name},
      BLAS_FUNCTIONS(BLAS_ENTRY)
#undef BLAS_ENTRY
  };
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; ++i) {
    *wanted[i].to = dlsym(b->library, wanted[i].symbol);
    if (!*wanted[i].to)
      return frt_fail(err, FRT_UNAVAILABLE, "cuda: %s has no function %s", file,
                      wanted[i].symbol);
  }
  return FRT_OK;
}

frt_status_t frt_gpu_blas_open(frt_dev_t *dev, frt_error_t *err) {
  static const char *const files[] = {"libcublas.so.13", "libcublas.so.12"};
  const frt_api_host_t *host = dev->gpu->module.host;
  frt_gpu_blas_t *b = (frt_gpu_blas_t *)host->mem_alloc(host->ctx, sizeof *b, 16);
  const char *file = NULL, *why = NULL;
  if (!b) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "cuda: no memory for a device");
  memset(b, 0, sizeof *b);
  for (size_t i = 0; i < sizeof files / sizeof *files && !b->library; ++i) {
    b->library = dlopen(file = files[i], RTLD_NOW | RTLD_LOCAL);
    if (!b->library && !why) why = dlerror();
  }
  const frt_status_t status =
      b->library ? load_functions(b, file, err)
                 : frt_fail(err, FRT_UNAVAILABLE,
                            "cuda: device found, cuBLAS missing (libcublas.so.13 or .12): %s",
                            why ? why : "not found");
  if (status == FRT_OK) {
    dev->blas = b;
    return FRT_OK;
  }
  if (b->library) dlclose(b->library);
  host->mem_free(host->ctx, b);
  return status;
}

/* The library stays: it owns threads and device state that do not survive a dlclose. */
void frt_gpu_blas_close(frt_dev_t *dev) {
  const frt_api_host_t *host = dev->gpu->module.host;
  if (dev->blas) host->mem_free(host->ctx, dev->blas);
}

static frt_status_t blas_result(int code, const char *doing, frt_error_t *err) {
  if (code == 0) return FRT_OK;
  const frt_status_t sticky = frt_gpu_result(cudaGetLastError(), doing, err);
  if (sticky != FRT_OK) return sticky;
  return frt_fail(err, code == 3 ? FRT_RESOURCE_EXHAUSTED : FRT_INTERNAL,
                  "cuda: %s: cuBLAS status %d", doing, code);
}

/* A handle a queue, with its own workspace: concurrent queues do not meet, and no product
 * allocates. Pedantic: fp32 operands and products, whatever the environment asks for.
 * The first product of a queue makes it: most queues only copy. */
static frt_status_t open_handle(frt_queue_t *q, frt_error_t *err) {
  const frt_gpu_blas_t *b = q->dev->blas;
  if (q->blas) return FRT_OK;
  FRT_TRY(frt_gpu_result(cudaMalloc(&q->blas_space, BLAS_SPACE), "allocating for cuBLAS", err));
  FRT_TRY(blas_result(b->create(&q->blas), "opening cuBLAS", err));
  FRT_TRY(blas_result(b->stream(q->blas, q->stream), "opening cuBLAS", err));
  FRT_TRY(blas_result(b->space(q->blas, q->blas_space, BLAS_SPACE), "opening cuBLAS", err));
  FRT_TRY(blas_result(b->math(q->blas, CUBLAS_PEDANTIC), "opening cuBLAS", err));
  return blas_result(b->atomics(q->blas, CUBLAS_NO_ATOMICS), "opening cuBLAS", err);
}
void frt_gpu_blas_queue_close(frt_queue_t *q) {
  if (q->blas) q->dev->blas->destroy(q->blas);
  if (q->blas_space) cudaFree(q->blas_space);
}

/* Column-major cuBLAS sees the transposes of all three: C' = B' . A'. */
static int fits(const frt_gpu_gemm_t *g) {
  return g->m <= INT_MAX && g->n <= INT_MAX && g->k <= INT_MAX && g->batches <= INT_MAX;
}
#define GEMM(name, T, one, many)                                                            \
  frt_status_t name(const frt_run_t *r, const frt_gpu_gemm_t *g, const T *a, const T *b,    \
                    T *c, frt_error_t *err) {                                               \
    frt_queue_t *q = FRT_GPU_QUEUE(r);                                                      \
    const frt_gpu_blas_t *f = q->dev->blas;                                                 \
    const T alpha = (T)g->alpha, beta = 0;                                                  \
    const int m = (int)g->m, n = (int)g->n, k = (int)g->k;                                  \
    const int lda = g->turn_a ? m : k, ldb = g->turn_b ? k : n;                             \
    const int ta = g->turn_a ? CUBLAS_OP_TURN : CUBLAS_OP_NO;                               \
    const int tb = g->turn_b ? CUBLAS_OP_TURN : CUBLAS_OP_NO;                               \
    if (g->m * g->n * g->batches == 0) return FRT_OK;                                       \
    if (g->k == 0 || !fits(g)) return plain(r, g, a, b, c, err);                            \
    FRT_TRY(open_handle(q, err));                                                           \
    if (g->batches == 1)                                                                    \
      return blas_result(f->one(q->blas, tb, ta, n, m, k, &alpha, b, ldb, a, lda, &beta, c, \
                                n), "a product by cuBLAS", err);                            \
    return blas_result(f->many(q->blas, tb, ta, n, m, k, &alpha, b, ldb, g->stride_b, a,    \
                               lda, g->stride_a, &beta, c, n, g->stride_c,                  \
                               (int)g->batches), "a product by cuBLAS", err);               \
  }
GEMM(frt_gpu_sgemm, float, sgemm, sgemms)
GEMM(frt_gpu_dgemm, double, dgemm, dgemms)

#endif
