#include "unary.h"

#define TWO_OVER_SQRT_PI 1.1283791670955126

GPU_UNARY(abs, ABS, fabs(x), GPU_NONE)
GPU_UNARY(exp, EXP, exp(x), GPU_NONE)
GPU_UNARY(log, LOG, log(x), GPU_NONE)
GPU_UNARY(floor, FLOOR, floor(x), GPU_NONE)
GPU_UNARY(ceil, CEIL, ceil(x), GPU_NONE)
GPU_UNARY(round, ROUND, round(x), GPU_NONE)
GPU_UNARY(sin, SIN, sin(x), GPU_NONE)
GPU_UNARY(cos, COS, cos(x), GPU_NONE)
GPU_UNARY(atan, ATAN, atan(x), GPU_NONE)
GPU_UNARY(erf, ERF, erf(x), GPU_NONE)
GPU_UNARY(rsqrt, RSQRT, 1.0 / sqrt(x), GPU_NONE)
GPU_UNARY(reciprocal, RECIPROCAL, 1.0 / x, GPU_NONE)

GPU_BACKWARD(abs_grad, ABS_GRAD, X, x > 0 ? g : x < 0 ? -g : 0.0, GPU_NONE)
GPU_BACKWARD(exp_grad, EXP_GRAD, OUT, g *x, GPU_NONE)
GPU_BACKWARD(log_grad, LOG_GRAD, X, g / x, GPU_NONE)
GPU_BACKWARD(sin_grad, SIN_GRAD, X, g *cos(x), GPU_NONE)
GPU_BACKWARD(cos_grad, COS_GRAD, X, -g *sin(x), GPU_NONE)
GPU_BACKWARD(atan_grad, ATAN_GRAD, X, g / (1.0 + x * x), GPU_NONE)
GPU_BACKWARD(erf_grad, ERF_GRAD, X, g *(TWO_OVER_SQRT_PI * exp(-x * x)), GPU_NONE)
GPU_BACKWARD(rsqrt_grad, RSQRT_GRAD, OUT, -0.5 * g * (x * x * x), GPU_NONE)
GPU_BACKWARD(reciprocal_grad, RECIPROCAL_GRAD, OUT, -g *(x *x), GPU_NONE)

/* floor, ceil and round: the same slots. */
template <class T>
static frt_status_t flat_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  T *to = frt_gpu_maybe_out(T, r, FRT_FLOOR_GRAD_OUT_X_GRAD);
  (void)state;
  if (!to) return FRT_OK;
  return frt_gpu_each(
      r, frt_out_numel(r, FRT_FLOOR_GRAD_OUT_X_GRAD),
      [=] FRT_GPU_FN(int64_t i) { to[i] = (T)0; }, err);
}

/* ---- pow: the factor may come as a tensor -------------------------------------------- */

GPU_PREPARE_(pow, FRT_POW_ATTR_FACTOR)
GPU_PREPARE_(pow_grad, FRT_POW_GRAD_ATTR_FACTOR)

template <class T>
static frt_status_t pow_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const double attr = ((const frt_gpu_numbers_t *)state)->v[0];
  const T *x = frt_gpu_in(T, r, FRT_POW_IN_X);
  const T *factor = frt_gpu_maybe_in(T, r, FRT_POW_IN_FACTORTENSOR);
  T *out = frt_gpu_out(T, r, FRT_POW_OUT_OUT);
  return frt_gpu_each(
      r, frt_in_numel(r, FRT_POW_IN_X),
      [=] FRT_GPU_FN(int64_t i) {
        out[i] = (T)frt_gpu_power((double)x[i], factor ? (double)factor[0] : attr);
      },
      err);
}

template <class T>
static frt_status_t pow_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const double attr = ((const frt_gpu_numbers_t *)state)->v[0];
  const T *x = frt_gpu_in(T, r, FRT_POW_GRAD_IN_X);
  const T *g = frt_gpu_in(T, r, FRT_POW_GRAD_IN_OUT_GRAD);
  const T *factor = frt_gpu_maybe_in(T, r, FRT_POW_GRAD_IN_FACTORTENSOR);
  T *dx = frt_gpu_maybe_out(T, r, FRT_POW_GRAD_OUT_X_GRAD);
  if (!dx) return FRT_OK;
  return frt_gpu_each(
      r, frt_in_numel(r, FRT_POW_GRAD_IN_X),
      [=] FRT_GPU_FN(int64_t i) {
        const double f = factor ? (double)factor[0] : attr;
        dx[i] = (T)(f == 0 ? 0.0 : (double)g[i] * (f * frt_gpu_power((double)x[i], f - 1.0)));
      },
      err);
}

FRT_KERNELS(cuda, unary_math) = {
    GPU_BOTH_WAYS(abs), GPU_BOTH_WAYS(exp), GPU_BOTH_WAYS(log), GPU_BOTH_WAYS(sin),
    GPU_BOTH_WAYS(cos), GPU_BOTH_WAYS(atan), GPU_BOTH_WAYS(erf), GPU_BOTH_WAYS(rsqrt),
    GPU_BOTH_WAYS(reciprocal),
    GPU_FLOATS("floor", floor, FRT_GPU_INPLACE),
    GPU_FLOATS("ceil", ceil, FRT_GPU_INPLACE),
    GPU_FLOATS("round", round, FRT_GPU_INPLACE),
    GPU_PLAIN_FLOATS("floor_grad", flat_grad, FRT_GPU_FLAGS),
    GPU_PLAIN_FLOATS("ceil_grad", flat_grad, FRT_GPU_FLAGS),
    GPU_PLAIN_FLOATS("round_grad", flat_grad, FRT_GPU_FLAGS),
    GPU_PAIR("pow", pow, FRT_GPU_INPLACE),
    GPU_PAIR("pow_grad", pow_grad, FRT_GPU_FLAGS),
    FRT_KERNELS_END};
