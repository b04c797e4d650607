#include "unary.h"

static frt_status_t brelu_bounds(const frt_infer_t *x, frt_error_t *err) {
  const double lo = shape_f32(x, "t_min"), hi = shape_f32(x, "t_max");
  if (lo <= hi) return FRT_OK; /* false for NaN */
  return shape_fail(err, FRT_INVALID_ARGUMENT, "t_min",
                    "t_min is %g, t_max is %g; wanted t_min <= t_max", lo, hi);
}
static frt_status_t brelu_shape(const frt_infer_t *x, frt_error_t *err) {
  FRT_TRY(brelu_bounds(x, err));
  return shape_unary(x, err);
}
static frt_status_t brelu_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  FRT_TRY(brelu_bounds(x, err));
  return unary_from_x(x, err);
}

static frt_status_t hard_swish_scale(const frt_infer_t *x, frt_error_t *err) {
  if (shape_f32(x, "scale") != 0) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "scale", "scale is 0; wanted another number");
}
static frt_status_t hard_swish_shape(const frt_infer_t *x, frt_error_t *err) {
  FRT_TRY(hard_swish_scale(x, err));
  return shape_unary(x, err);
}
static frt_status_t hard_swish_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  FRT_TRY(hard_swish_scale(x, err));
  return unary_from_x(x, err);
}

#define ELU_ALPHA UNARY_F32("alpha", 1, "what X far below 0 gives, negated")
#define LEAK "slope below 0"
#define RELU6_THRESHOLD UNARY_F32_FROM("threshold", 6, 0, "the largest Out, >= 0")
#define SHRINK_THRESHOLD UNARY_F32("threshold", 0.5, "half the width of the gap")
#define BETA UNARY_F32("beta", 1, "factor of X inside the sigmoid")
#define APPROXIMATE \
  {"approximate", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "the form with tanh, not with erf"}

FRT_OPS(activation_more) = {
    UNARY("gelu",
          "Out = X * (1 + erf(X / sqrt(2))) / 2; approximate: "
          "X * (1 + tanh(sqrt(2 / pi) * (X + 0.044715 * X^3))) / 2.",
          "gelu_grad", APPROXIMATE, UNARY_LIBRARY),
    UNARY_GRAD_X("gelu_grad",
                 "X@GRAD = Out@GRAD * (the derivative of gelu's formula at X).",
                 APPROXIMATE, UNARY_LIBRARY_GRAD),
    UNARY("elu", "Out = X where X > 0, else alpha * (e^X - 1).", "elu_grad", ELU_ALPHA),
    UNARY_GRAD_X("elu_grad", "X@GRAD = Out@GRAD where X > 0, else Out@GRAD * alpha * e^X.",
                 ELU_ALPHA),
    UNARY("relu6", "Out = min(max(X, 0), threshold); NaN stays NaN.", "relu6_grad",
          RELU6_THRESHOLD),
    UNARY_GRAD_OUT("relu6_grad", "X@GRAD = Out@GRAD where 0 < Out < threshold, else 0.",
                   RELU6_THRESHOLD),
    UNARY("leaky_relu", "Out = max(X, alpha * X).", "leaky_relu_grad",
          UNARY_F32("alpha", 0.02, LEAK), SHAPE_IGNORED_BOOL("use_mkldnn")),
    /* From Out alone the side of X is known only while alpha is not negative. */
    UNARY_GRAD_OUT("leaky_relu_grad",
                   "X@GRAD = Out@GRAD * max(1, alpha) where Out > 0, else "
                   "Out@GRAD * min(1, alpha).",
                   UNARY_F32_FROM("alpha", 0.02, 0, LEAK ", >= 0"),
                   SHAPE_IGNORED_BOOL("use_mkldnn")),
    UNARY("softplus", "Out = ln(1 + e^X).", "softplus_grad", UNARY_LIBRARY),
    UNARY_GRAD_X("softplus_grad", "X@GRAD = Out@GRAD / (1 + e^-X).", UNARY_LIBRARY_GRAD),
    UNARY("softsign", "Out = X / (1 + |X|).", "softsign_grad", UNARY_LIBRARY),
    UNARY_GRAD_X("softsign_grad", "X@GRAD = Out@GRAD / (1 + |X|)^2.", UNARY_LIBRARY_GRAD),
    UNARY("hard_shrink", "Out = 0 where |X| <= threshold, else X.", "hard_shrink_grad",
          SHRINK_THRESHOLD),
    UNARY_GRAD_X("hard_shrink_grad",
                 "X@GRAD = 0 where |X| <= threshold, else Out@GRAD.", SHRINK_THRESHOLD),
    UNARY("hard_sigmoid", "Out = slope * X + offset limited to [0, 1].",
          "hard_sigmoid_grad", UNARY_F32("slope", 0.2, "slope of the line"),
          UNARY_F32("offset", 0.5, "the line at 0")),
    UNARY_GRAD_OUT("hard_sigmoid_grad",
                   "X@GRAD = Out@GRAD * slope where 0 < Out < 1, else 0.",
                   UNARY_F32("offset", 0.5, "the line at 0"),
                   UNARY_F32("slope", 0.2, "slope of the line")),
    UNARY_CHECKED("hard_swish",
                  "Out = X * min(max(X + offset, 0), threshold) / scale.",
                  "hard_swish_grad", hard_swish_shape,
                  UNARY_F32_FROM("threshold", 6, 0, "the largest factor, >= 0"),
                  UNARY_F32("scale", 6, "divides the product, not 0"),
                  UNARY_F32("offset", 3, "is added to X")),
    {.type = "hard_swish_grad",
     .doc = "X@GRAD = 0 where X <= -offset, Out@GRAD * (2 * X + offset) / scale where "
            "X < threshold - offset, else Out@GRAD * threshold / scale.",
     .source = "PaddlePaddle 1.8 op hard_swish_grad, which takes threshold / scale for 1",
     .inputs = {{"Out@GRAD", FRT_FLOATS, 0, "shape of X"},
                {"X", FRT_FLOATS, 0, "any shape"}},
     .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},
     .attrs = {UNARY_F32("offset", 3, "is added to X"),
               UNARY_F32("scale", 6, "divides the product, not 0"),
               UNARY_F32_FROM("threshold", 6, 0, "the largest factor, >= 0")},
     .infer_shape = hard_swish_grad_shape,
     .grad = FRT_NO_GRAD},
    UNARY("swish", "Out = X / (1 + exp(-beta * X)).", "swish_grad", BETA,
          SHAPE_IGNORED_BOOL("use_mkldnn")),
    UNARY_GRAD_X("swish_grad",
                 "X@GRAD = Out@GRAD * s * (1 + beta * X * (1 - s)), s = "
                 "1 / (1 + exp(-beta * X)).",
                 BETA, SHAPE_IGNORED_BOOL("use_mkldnn")),
    UNARY("stanh", "Out = scale_b * tanh(scale_a * X).", "stanh_grad",
          UNARY_F32("scale_a", 0.67, "factor of X"),
          UNARY_F32("scale_b", 1.7159, "factor of the result")),
    UNARY_GRAD_X("stanh_grad",
                 "X@GRAD = Out@GRAD * scale_a * scale_b * (1 - tanh(scale_a * X)^2).",
                 UNARY_F32("scale_a", 0.67, "factor of X"),
                 UNARY_F32("scale_b", 1.7159, "factor of the result")),
    UNARY("tanh_shrink", "Out = X - tanh(X).", "tanh_shrink_grad", UNARY_LIBRARY),
    UNARY_GRAD_X("tanh_shrink_grad", "X@GRAD = Out@GRAD * tanh(X)^2.", UNARY_LIBRARY_GRAD),
    UNARY("logsigmoid", "Out = -ln(1 + e^-X).", "logsigmoid_grad", UNARY_LIBRARY),
    UNARY_GRAD_X("logsigmoid_grad", "X@GRAD = Out@GRAD / (1 + e^X).", UNARY_LIBRARY_GRAD),
    UNARY_CHECKED("brelu", "Out = X limited to [t_min, t_max]; NaN stays NaN.",
                  "brelu_grad", brelu_shape,
                  {"t_min", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "lower bound"},
                  {"t_max", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "upper bound, >= t_min", 24}),
    UNARY_GRAD_X_CHECKED("brelu_grad", "X@GRAD = Out@GRAD where t_min < X < t_max, else 0.",
                         brelu_grad_shape,
                         {"t_max", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "upper bound, >= t_min", 24},
                         {"t_min", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "lower bound"}),
    {0}};
