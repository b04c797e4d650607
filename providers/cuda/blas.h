/* Matrix products: cuBLAS in strict fp32, or a plain kernel where there is none. */
#ifndef FRT_CUDA_BLAS_H
#define FRT_CUDA_BLAS_H

#include "gpu.h"

/* Row-major C[m, n] = alpha A . B for each batch. A is [m, k], or [k, m] when turned; B is
 * [k, n], or [n, k]; strides are elements from one batch to the next. */
typedef struct frt_gpu_gemm {
  int turn_a, turn_b;
  int64_t m, n, k, batches, stride_a, stride_b, stride_c;
  double alpha;
} frt_gpu_gemm_t;

frt_status_t frt_gpu_sgemm(const frt_run_t *r, const frt_gpu_gemm_t *g, const float *a,
                           const float *b, float *c, frt_error_t *err);
frt_status_t frt_gpu_dgemm(const frt_run_t *r, const frt_gpu_gemm_t *g, const double *a,
                           const double *b, double *c, frt_error_t *err);

/* Opens cuBLAS, once a device. Errors: UNAVAILABLE, with what was tried. */
frt_status_t frt_gpu_blas_open(frt_dev_t *dev, frt_error_t *err);
void frt_gpu_blas_close(frt_dev_t *dev);
void frt_gpu_blas_queue_close(frt_queue_t *q);

#endif
