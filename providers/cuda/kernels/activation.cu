#include "unary.h"

/* 1 / sqrt(2), 1 / sqrt(2 pi), sqrt(2 / pi), and the cubic term of the form with tanh. */
#define SQRT_HALF 0.70710678118654752
#define INV_SQRT_2PI 0.39894228040143268
#define SQRT_2_OVER_PI 0.79788456080286536
#define CUBIC 0.044715

static FRT_GPU_FN inline double sigmoid_of(double x) { return 1.0 / (1.0 + exp(-x)); }
/* ln(1 + e^x), exact where e^x overflows. */
static FRT_GPU_FN inline double softplus_of(double x) {
  return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}
static FRT_GPU_FN inline double limited(double x, double lo, double hi) {
  return x < lo ? lo : x > hi ? hi : x; /* NaN stays NaN */
}
static FRT_GPU_FN inline double squared(double x) { return x * x; }

GPU_UNARY(relu, RELU, x < 0 ? 0.0 : x, GPU_NONE)
GPU_BACKWARD(relu_grad, RELU_GRAD, OUT, x > 0 ? g : 0.0, GPU_NONE)
GPU_UNARY(tanh, TANH, tanh(x), GPU_NONE)
GPU_BACKWARD(tanh_grad, TANH_GRAD, OUT, g *(1.0 - x * x), GPU_NONE)
GPU_UNARY(sigmoid, SIGMOID, sigmoid_of(x), GPU_NONE)
GPU_BACKWARD(sigmoid_grad, SIGMOID_GRAD, OUT, g *x *(1.0 - x), GPU_NONE)
GPU_UNARY(sqrt, SQRT, sqrt(x), GPU_NONE)
GPU_BACKWARD(sqrt_grad, SQRT_GRAD, OUT, 0.5 * g / x, GPU_NONE)
GPU_UNARY(square, SQUARE, x *x, GPU_NONE)
GPU_BACKWARD(square_grad, SQUARE_GRAD, X, 2.0 * g * x, GPU_NONE)
GPU_UNARY(sign, SIGN, x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0, GPU_NONE)

template <class T>
static frt_status_t isquare_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const T *x = frt_gpu_in(T, r, FRT_SQUARE_IN_X);
  T *out = frt_gpu_out(T, r, FRT_SQUARE_OUT_OUT);
  (void)state;
  return frt_gpu_each(
      r, frt_in_numel(r, FRT_SQUARE_IN_X),
      [=] FRT_GPU_FN(int64_t i) { out[i] = (T)frt_gpu_mul(x[i], x[i]); }, err);
}

/* ---- gelu ------------------------------------------------------------------------------ */

/* What 1 is added to, and the slope of that, times x / 2. */
static FRT_GPU_FN inline double gelu_inner(double x, double approximate) {
  return approximate != 0 ? tanh(SQRT_2_OVER_PI * (x + CUBIC * x * x * x))
                          : erf(x * SQRT_HALF);
}
static FRT_GPU_FN inline double gelu_slope(double x, double approximate) {
  if (approximate == 0) return x * INV_SQRT_2PI * exp(-0.5 * x * x);
  const double z = gelu_inner(x, approximate);
  return 0.5 * x * (1.0 - z * z) * SQRT_2_OVER_PI * (1.0 + 3.0 * CUBIC * x * x);
}
GPU_UNARY(gelu, GELU, 0.5 * x * (1.0 + gelu_inner(x, p[0])), FRT_GELU_ATTR_APPROXIMATE)
GPU_BACKWARD(gelu_grad, GELU_GRAD, X, g *(0.5 * (1.0 + gelu_inner(x, p[0])) + gelu_slope(x, p[0])),
             FRT_GELU_GRAD_ATTR_APPROXIMATE)

/* ---- made of lines ------------------------------------------------------------------------ */

GPU_UNARY(relu6, RELU6, limited(x, 0, p[0]), FRT_RELU6_ATTR_THRESHOLD)
GPU_BACKWARD(relu6_grad, RELU6_GRAD, OUT, x > 0 && x < p[0] ? g : 0.0,
             FRT_RELU6_GRAD_ATTR_THRESHOLD)
/* The larger of x and alpha x. */
static FRT_GPU_FN inline double leak(double x, double alpha) {
  return x > 0 ? (alpha > 1 ? alpha : 1.0) : (alpha < 1 ? alpha : 1.0);
}
GPU_UNARY(leaky_relu, LEAKY_RELU, x *leak(x, p[0]), FRT_LEAKY_RELU_ATTR_ALPHA)
GPU_BACKWARD(leaky_relu_grad, LEAKY_RELU_GRAD, OUT, g *leak(x, p[0]),
             FRT_LEAKY_RELU_GRAD_ATTR_ALPHA)
GPU_UNARY(hard_shrink, HARD_SHRINK, x >= -p[0] && x <= p[0] ? 0.0 : x,
          FRT_HARD_SHRINK_ATTR_THRESHOLD)
GPU_BACKWARD(hard_shrink_grad, HARD_SHRINK_GRAD, X, x >= -p[0] && x <= p[0] ? 0.0 : g,
             FRT_HARD_SHRINK_GRAD_ATTR_THRESHOLD)
GPU_UNARY(hard_sigmoid, HARD_SIGMOID, limited(p[0] * x + p[1], 0, 1),
          FRT_HARD_SIGMOID_ATTR_SLOPE, FRT_HARD_SIGMOID_ATTR_OFFSET)
GPU_BACKWARD(hard_sigmoid_grad, HARD_SIGMOID_GRAD, OUT, x > 0 && x < 1 ? g * p[0] : 0.0,
             FRT_HARD_SIGMOID_GRAD_ATTR_SLOPE)
GPU_UNARY(hard_swish, HARD_SWISH, x *limited(x + p[0], 0, p[1]) / p[2],
          FRT_HARD_SWISH_ATTR_OFFSET, FRT_HARD_SWISH_ATTR_THRESHOLD,
          FRT_HARD_SWISH_ATTR_SCALE)
GPU_BACKWARD(hard_swish_grad, HARD_SWISH_GRAD, X,
             x <= -p[0] ? 0.0 : g * (x < p[1] - p[0] ? 2.0 * x + p[0] : p[1]) / p[2],
             FRT_HARD_SWISH_GRAD_ATTR_OFFSET, FRT_HARD_SWISH_GRAD_ATTR_THRESHOLD,
             FRT_HARD_SWISH_GRAD_ATTR_SCALE)
GPU_UNARY(brelu, BRELU, limited(x, p[0], p[1]), FRT_BRELU_ATTR_T_MIN, FRT_BRELU_ATTR_T_MAX)
GPU_BACKWARD(brelu_grad, BRELU_GRAD, X, x > p[0] && x < p[1] ? g : 0.0,
             FRT_BRELU_GRAD_ATTR_T_MIN, FRT_BRELU_GRAD_ATTR_T_MAX)
GPU_UNARY(softsign, SOFTSIGN, x / (1.0 + fabs(x)), GPU_NONE)
GPU_BACKWARD(softsign_grad, SOFTSIGN_GRAD, X, g / squared(1.0 + fabs(x)), GPU_NONE)

/* ---- made of exponentials ------------------------------------------------------------------ */

GPU_UNARY(elu, ELU, x > 0 ? x : p[0] * expm1(x), FRT_ELU_ATTR_ALPHA)
GPU_BACKWARD(elu_grad, ELU_GRAD, X, x > 0 ? g : g * (p[0] * exp(x)), FRT_ELU_GRAD_ATTR_ALPHA)
GPU_UNARY(softplus, SOFTPLUS, softplus_of(x), GPU_NONE)
GPU_BACKWARD(softplus_grad, SOFTPLUS_GRAD, X, g *sigmoid_of(x), GPU_NONE)
GPU_UNARY(logsigmoid, LOGSIGMOID, -softplus_of(-x), GPU_NONE)
GPU_BACKWARD(logsigmoid_grad, LOGSIGMOID_GRAD, X, g *sigmoid_of(-x), GPU_NONE)
GPU_UNARY(swish, SWISH, x *sigmoid_of(p[0] * x), FRT_SWISH_ATTR_BETA)
GPU_BACKWARD(swish_grad, SWISH_GRAD, X,
             g *(sigmoid_of(p[0] * x) * (1.0 + p[0] * x * sigmoid_of(-p[0] * x))),
             FRT_SWISH_GRAD_ATTR_BETA)
GPU_UNARY(stanh, STANH, p[1] * tanh(p[0] * x), FRT_STANH_ATTR_SCALE_A, FRT_STANH_ATTR_SCALE_B)
GPU_BACKWARD(stanh_grad, STANH_GRAD, X, g *(p[0] * p[1] * (1.0 - squared(tanh(p[0] * x)))),
             FRT_STANH_GRAD_ATTR_SCALE_A, FRT_STANH_GRAD_ATTR_SCALE_B)
GPU_UNARY(tanh_shrink, TANH_SHRINK, x - tanh(x), GPU_NONE)
GPU_BACKWARD(tanh_shrink_grad, TANH_SHRINK_GRAD, X, g *squared(tanh(x)), GPU_NONE)

FRT_KERNELS(cuda, activation) = {
    GPU_BOTH_WAYS(relu), GPU_BOTH_WAYS(tanh), GPU_BOTH_WAYS(sigmoid), GPU_BOTH_WAYS(sqrt),
    GPU_BOTH_WAYS(square), GPU_FLOATS("sign", sign, FRT_GPU_INPLACE),
    GPU_PLAIN_ROW("square", FRT_I32, isquare, int32_t, FRT_GPU_INPLACE),
    GPU_PLAIN_ROW("square", FRT_I64, isquare, int64_t, FRT_GPU_INPLACE),
    GPU_BOTH_WAYS(gelu), GPU_BOTH_WAYS(relu6), GPU_BOTH_WAYS(leaky_relu),
    GPU_BOTH_WAYS(hard_shrink), GPU_BOTH_WAYS(hard_sigmoid), GPU_BOTH_WAYS(hard_swish),
    GPU_BOTH_WAYS(brelu), GPU_BOTH_WAYS(softsign), GPU_BOTH_WAYS(elu),
    GPU_BOTH_WAYS(softplus), GPU_BOTH_WAYS(logsigmoid), GPU_BOTH_WAYS(swish),
    GPU_BOTH_WAYS(stanh), GPU_BOTH_WAYS(tanh_shrink),
    FRT_KERNELS_END};
