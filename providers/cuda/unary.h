/* Kernels of ops that map one tensor element by element, written as expressions: of x (the
 * input, or what the gradient reads: X or Out), g (Out@GRAD) and p[] (the attributes listed
 * last, or GPU_NONE). */
#ifndef FRT_CUDA_UNARY_H
#define FRT_CUDA_UNARY_H

#include "gpu.h"

/* Exact where the result is, which pow of a GPU is not: it may be 2 ulp off. */
static FRT_GPU_FN inline double frt_gpu_power(double x, double power) {
  if (power == 1) return x;
  if (power == 2) return x * x;
  return power == 0.5 && x > 0 ? sqrt(x) : pow(x, power);
}

enum { GPU_NONE = -1 };

#define GPU_PREPARE_(stem, ...)                                                          \
  static frt_status_t stem##_prepare(const frt_op_t *op, void *state, uint64_t *workspace, \
                                     frt_error_t *err) {                                 \
    static const int attrs[] = {__VA_ARGS__};                                            \
    (void)workspace, (void)err;                                                          \
    for (size_t i = 0; i < sizeof attrs / sizeof *attrs && attrs[i] != GPU_NONE; ++i)    \
      ((frt_gpu_numbers_t *)state)->v[i] = frt_gpu_number(op, attrs[i]);                 \
    return FRT_OK;                                                                       \
  }

#define GPU_UNARY(stem, OP, VALUE, ...)                                                  \
  GPU_PREPARE_(stem, __VA_ARGS__)                                                        \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r, frt_error_t *err) { \
    const frt_gpu_numbers_t q = *(const frt_gpu_numbers_t *)state;                       \
    const int wide = frt_gpu_wide(frt_in(r, FRT_##OP##_IN_X));                           \
    const void *from = frt_in(r, FRT_##OP##_IN_X)->data;                                 \
    void *to = frt_out(r, FRT_##OP##_OUT_OUT)->data;                                     \
    return frt_gpu_each(                                                                 \
        r, frt_in_numel(r, FRT_##OP##_IN_X),                                             \
        [=] FRT_GPU_FN(int64_t i) {                                                      \
          const double *p = q.v;                                                         \
          FRT_GPU_UNUSED(p);                                                             \
          const double x = frt_gpu_real(from, wide, i);                                  \
          frt_gpu_put(to, wide, i, (VALUE));                                             \
        },                                                                               \
        err);                                                                            \
  }

/* FROM: X or OUT. */
#define GPU_BACKWARD(stem, OP, FROM, VALUE, ...)                                         \
  GPU_PREPARE_(stem, __VA_ARGS__)                                                        \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r, frt_error_t *err) { \
    const frt_gpu_numbers_t q = *(const frt_gpu_numbers_t *)state;                       \
    const int wide = frt_gpu_wide(frt_in(r, FRT_##OP##_IN_OUT_GRAD));                    \
    const void *from = frt_in(r, FRT_##OP##_IN_##FROM)->data;                            \
    const void *grad = frt_in(r, FRT_##OP##_IN_OUT_GRAD)->data;                          \
    if (!frt_has_out(r, FRT_##OP##_OUT_X_GRAD)) return FRT_OK;                           \
    void *to = frt_out(r, FRT_##OP##_OUT_X_GRAD)->data;                                  \
    return frt_gpu_each(                                                                 \
        r, frt_in_numel(r, FRT_##OP##_IN_OUT_GRAD),                                      \
        [=] FRT_GPU_FN(int64_t i) {                                                      \
          const double *p = q.v;                                                         \
          FRT_GPU_UNUSED(p);                                                             \
          const double x = frt_gpu_real(from, wide, i), g = frt_gpu_real(grad, wide, i); \
          FRT_GPU_UNUSED(x);                                                             \
          frt_gpu_put(to, wide, i, (VALUE));                                             \
        },                                                                               \
        err);                                                                            \
  }

#define GPU_FLOATS(type, stem, flags) \
  {type, FRT_FLOATS, sizeof(frt_gpu_numbers_t), stem##_prepare, stem##_run, flags, NULL}
#define GPU_BOTH_WAYS(name) \
  GPU_FLOATS(#name, name, FRT_GPU_INPLACE), GPU_FLOATS(#name "_grad", name##_grad, FRT_GPU_INPLACE)

/* Rows for fp32 and fp64 of a template. */
#define GPU_ROW(type, dtype, stem, T, flags) \
  {type, FRT_DTYPE_BIT(dtype), sizeof(frt_gpu_numbers_t), stem##_prepare, stem##_run<T>, \
   flags, NULL}
#define GPU_PAIR(type, stem, flags) \
  GPU_ROW(type, FRT_F32, stem, float, flags), GPU_ROW(type, FRT_F64, stem, double, flags)

/* The same for kernels with a state of their own, name##_t, or without one. */
#define GPU_STATE_ROW(type, dtype, stem, T, flags) \
  {type, FRT_DTYPE_BIT(dtype), sizeof(stem##_t), stem##_prepare, stem##_run<T>, flags, NULL}
#define GPU_STATE_FLOATS(type, stem, flags)              \
  GPU_STATE_ROW(type, FRT_F32, stem, float, flags),      \
      GPU_STATE_ROW(type, FRT_F64, stem, double, flags)
#define GPU_PLAIN_ROW(type, dtype, stem, T, flags) \
  {type, FRT_DTYPE_BIT(dtype), 0, NULL, stem##_run<T>, flags, NULL}
#define GPU_PLAIN_FLOATS(type, stem, flags)              \
  GPU_PLAIN_ROW(type, FRT_F32, stem, float, flags),      \
      GPU_PLAIN_ROW(type, FRT_F64, stem, double, flags)

#endif
