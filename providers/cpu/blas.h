/* Row-major matrix products, C = op(A) op(B), for all ops that multiply. */
#ifndef FRT_CPU_BLAS_H
#define FRT_CPU_BLAS_H

#include "fluidrt/kernel.h"

/* Sets OpenBLAS to one thread, whatever the environment said. */
void frt_cpu_blas_open(void);

/* The shape decides the route, and the route and the shape decide the pieces:
 * neither looks at the number of threads or at an address. */
typedef struct frt_cpu_gemm {
  int64_t m, n, k;
  int32_t ta, tb; /* A is [k, m], B is [n, k] */
  int32_t route, by_rows;
  int64_t piece, pieces; /* rows or columns of C */
} frt_cpu_gemm_t;

/* INVALID_ARGUMENT when an extent is beyond BLAS's int. */
frt_status_t frt_cpu_gemm_plan(frt_cpu_gemm_t *g, int64_t m, int64_t n, int64_t k,
                               int ta, int tb, frt_error_t *err);
void frt_cpu_gemm_run(const frt_cpu_gemm_t *g, const frt_run_t *r, const float *a,
                      const float *b, float *c);

/* One product on the calling thread, for kernels that cut their work themselves:
 * C[m, n] = op(A) op(B) + beta C, rows lda, ldb and ldc elements apart. All extents are
 * positive and, like the steps, fit an int. */
typedef struct frt_cpu_product {
  int ta, tb;
  int64_t m, n, k, lda, ldb, ldc;
  float beta;
} frt_cpu_product_t;
void frt_cpu_multiply(const frt_cpu_product_t *p, const float *a, const float *b, float *c);

#endif
