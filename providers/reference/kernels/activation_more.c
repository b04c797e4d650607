#include "unary.h"

/* 1 / sqrt(2), 1 / sqrt(2 pi), sqrt(2 / pi), and the cubic term of the form with tanh. */
#define SQRT_HALF 0.70710678118654752
#define INV_SQRT_2PI 0.39894228040143268
#define SQRT_2_OVER_PI 0.79788456080286536
#define CUBIC 0.044715

static double sigmoid_of(double x) { return 1.0 / (1.0 + exp(-x)); }
/* ln(1 + e^x), exact where e^x overflows. */
static double softplus_of(double x) {
  return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}
static double limited(double x, double lo, double hi) {
  return x < lo ? lo : x > hi ? hi : x; /* NaN stays NaN */
}

/* ---- gelu ----------------------------------------------------------------------- */

/* What 1 is added to. */
static double gelu_inner(double x, double approximate) {
  return approximate != 0 ? tanh(SQRT_2_OVER_PI * (x + CUBIC * x * x * x))
                          : erf(x * SQRT_HALF);
}
/* The slope of that, times x / 2; t: 1 for the value, -1 for the magnitude, which
 * counts the rounding of x^2 in the exponential. */
static double gelu_slope(double x, double approximate, double t) {
  const double z = gelu_inner(x, approximate);
  if (approximate != 0)
    return 0.5 * x * (1.0 - t * z * z) * SQRT_2_OVER_PI * (1.0 + 3.0 * CUBIC * x * x);
  return x * INV_SQRT_2PI * exp(-0.5 * x * x) * (t > 0 ? 1.0 : 1.0 + 0.5 * x * x);
}
REF_UNARY(gelu, GELU, 0.5 * x * (1.0 + gelu_inner(x, p[0])),
          fabs(0.5 * x) * (1.0 + fabs(gelu_inner(x, p[0]))), FRT_GELU_ATTR_APPROXIMATE)
REF_BACKWARD(gelu_grad, GELU_GRAD, X,
             g * (0.5 * (1.0 + gelu_inner(x, p[0])) + gelu_slope(x, p[0], 1)),
             fabs(g) * (0.5 * (1.0 + fabs(gelu_inner(x, p[0]))) +
                        fabs(gelu_slope(x, p[0], -1))),
             FRT_GELU_GRAD_ATTR_APPROXIMATE)

/* ---- made of lines ---------------------------------------------------------------- */

REF_UNARY(relu6, RELU6, limited(x, 0, p[0]), fabs(v), FRT_RELU6_ATTR_THRESHOLD)
REF_BACKWARD(relu6_grad, RELU6_GRAD, OUT, x > 0 && x < p[0] ? g : 0.0, fabs(v),
             FRT_RELU6_GRAD_ATTR_THRESHOLD)
REF_UNARY(leaky_relu, LEAKY_RELU, x * (x > 0 ? fmax(1, p[0]) : fmin(1, p[0])), fabs(v),
          FRT_LEAKY_RELU_ATTR_ALPHA)
REF_BACKWARD(leaky_relu_grad, LEAKY_RELU_GRAD, OUT,
             g * (x > 0 ? fmax(1, p[0]) : fmin(1, p[0])), fabs(v),
             FRT_LEAKY_RELU_GRAD_ATTR_ALPHA)
REF_UNARY(hard_shrink, HARD_SHRINK, x >= -p[0] && x <= p[0] ? 0.0 : x, fabs(v),
          FRT_HARD_SHRINK_ATTR_THRESHOLD)
REF_BACKWARD(hard_shrink_grad, HARD_SHRINK_GRAD, X, x >= -p[0] && x <= p[0] ? 0.0 : g,
             fabs(v), FRT_HARD_SHRINK_GRAD_ATTR_THRESHOLD)
REF_UNARY(hard_sigmoid, HARD_SIGMOID, limited(p[0] * x + p[1], 0, 1),
          fabs(p[0] * x) + fabs(p[1]), FRT_HARD_SIGMOID_ATTR_SLOPE,
          FRT_HARD_SIGMOID_ATTR_OFFSET)
REF_BACKWARD(hard_sigmoid_grad, HARD_SIGMOID_GRAD, OUT, x > 0 && x < 1 ? g * p[0] : 0.0,
             fabs(v), FRT_HARD_SIGMOID_GRAD_ATTR_SLOPE)
REF_UNARY(hard_swish, HARD_SWISH, x * limited(x + p[0], 0, p[1]) / p[2], fabs(v),
          FRT_HARD_SWISH_ATTR_OFFSET, FRT_HARD_SWISH_ATTR_THRESHOLD,
          FRT_HARD_SWISH_ATTR_SCALE)
REF_BACKWARD(hard_swish_grad, HARD_SWISH_GRAD, X,
             x <= -p[0] ? 0.0 : g * (x < p[1] - p[0] ? 2.0 * x + p[0] : p[1]) / p[2],
             x <= -p[0] ? 0.0 : x < p[1] - p[0]
                 ? fabs(g / p[2]) * (2.0 * fabs(x) + fabs(p[0])) : fabs(v),
             FRT_HARD_SWISH_GRAD_ATTR_OFFSET, FRT_HARD_SWISH_GRAD_ATTR_THRESHOLD,
             FRT_HARD_SWISH_GRAD_ATTR_SCALE)
REF_UNARY(brelu, BRELU, limited(x, p[0], p[1]), fabs(v), FRT_BRELU_ATTR_T_MIN,
          FRT_BRELU_ATTR_T_MAX)
REF_BACKWARD(brelu_grad, BRELU_GRAD, X, x > p[0] && x < p[1] ? g : 0.0, fabs(v),
             FRT_BRELU_GRAD_ATTR_T_MIN, FRT_BRELU_GRAD_ATTR_T_MAX)
REF_UNARY(softsign, SOFTSIGN, x / (1.0 + fabs(x)), fabs(v), REF_NO_ATTRS)
REF_BACKWARD(softsign_grad, SOFTSIGN_GRAD, X, g / ((1.0 + fabs(x)) * (1.0 + fabs(x))),
             fabs(v), REF_NO_ATTRS)

/* ---- made of exponentials ----------------------------------------------------------- */

REF_UNARY(elu, ELU, x > 0 ? x : p[0] * expm1(x), x > 0 ? x : fabs(p[0]) * (exp(x) + 1.0),
          FRT_ELU_ATTR_ALPHA)
REF_BACKWARD(elu_grad, ELU_GRAD, X, x > 0 ? g : g * (p[0] * exp(x)), fabs(v),
             FRT_ELU_GRAD_ATTR_ALPHA)
REF_UNARY(softplus, SOFTPLUS, softplus_of(x), fabs(v), REF_NO_ATTRS)
REF_BACKWARD(softplus_grad, SOFTPLUS_GRAD, X, g * sigmoid_of(x), fabs(v), REF_NO_ATTRS)
REF_UNARY(logsigmoid, LOGSIGMOID, -softplus_of(-x), fabs(v), REF_NO_ATTRS)
REF_BACKWARD(logsigmoid_grad, LOGSIGMOID_GRAD, X, g * sigmoid_of(-x), fabs(v),
             REF_NO_ATTRS)
/* The rounding of beta * x comes back |beta * x| times in the exponential. */
REF_UNARY(swish, SWISH, x * sigmoid_of(p[0] * x), fabs(v) * (1.0 + fabs(p[0] * x)),
          FRT_SWISH_ATTR_BETA)
REF_BACKWARD(swish_grad, SWISH_GRAD, X,
             g * (sigmoid_of(p[0] * x) * (1.0 + p[0] * x * sigmoid_of(-p[0] * x))),
             fabs(g) * sigmoid_of(p[0] * x) * (1.0 + fabs(p[0] * x)) *
                 (1.0 + fabs(p[0] * x)),
             FRT_SWISH_GRAD_ATTR_BETA)
REF_UNARY(stanh, STANH, p[1] * tanh(p[0] * x), fabs(v), FRT_STANH_ATTR_SCALE_A,
          FRT_STANH_ATTR_SCALE_B)
REF_BACKWARD(stanh_grad, STANH_GRAD, X,
             g * (p[0] * p[1] * (1.0 - tanh(p[0] * x) * tanh(p[0] * x))),
             fabs(g * p[0] * p[1]) * (1.0 + tanh(p[0] * x) * tanh(p[0] * x)),
             FRT_STANH_GRAD_ATTR_SCALE_A, FRT_STANH_GRAD_ATTR_SCALE_B)
REF_UNARY(tanh_shrink, TANH_SHRINK, x - tanh(x), fabs(x) + fabs(tanh(x)), REF_NO_ATTRS)
REF_BACKWARD(tanh_shrink_grad, TANH_SHRINK_GRAD, X, g * (tanh(x) * tanh(x)), fabs(v),
             REF_NO_ATTRS)

#define ROW(fn) {#fn, FRT_FLOATS, fn, NULL, 0}
#define BOTH(fn) ROW(fn), ROW(fn##_grad)
REF_KERNELS(activation_more) = {BOTH(gelu), BOTH(relu6), BOTH(leaky_relu),
                                BOTH(hard_shrink), BOTH(hard_sigmoid), BOTH(hard_swish),
                                BOTH(brelu), BOTH(softsign), BOTH(elu), BOTH(softplus),
                                BOTH(logsigmoid), BOTH(swish), BOTH(stanh),
                                BOTH(tanh_shrink), REF_END};
