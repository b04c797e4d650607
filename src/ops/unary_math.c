#include "unary.h"

static frt_status_t zero_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  FRT_TRY(shape_inputs(x, err));
  return shape_out(x, "X@GRAD", *frt_infer_in(x, "Out@GRAD"), err);
}

/* FactorTensor, where it is there, holds one number of X's dtype. */
static frt_status_t factor_check(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *f = frt_infer_in(x, "FactorTensor");
  if (!f) return FRT_OK;
  FRT_TRY(shape_same_dtype("FactorTensor", f, "X", frt_infer_in(x, "X"), err));
  if (shape_numel(f) == 1 || shape_numel(f) == -1) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "FactorTensor",
                    "FactorTensor has shape %s; wanted one element", shape_text(f).s);
}

static frt_status_t pow_shape(const frt_infer_t *x, frt_error_t *err) {
  FRT_TRY(shape_unary(x, err));
  return factor_check(x, err);
}

static frt_status_t pow_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  FRT_TRY(unary_from_x(x, err));
  return factor_check(x, err);
}

/* A step function: nothing flows back. */
#define ZERO_GRAD(name)                                                            \
  {.type = name, .doc = "X@GRAD = 0.",                                             \
   .source = "PaddlePaddle 1.8 op " name,                                          \
   .inputs = {{"Out@GRAD", FRT_FLOATS, FRT_SLOT_SHAPE_ONLY, "any shape"}},         \
   .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Out@GRAD"}},    \
   .attrs = {UNARY_LIBRARY_GRAD}, .infer_shape = zero_grad_shape, .grad = FRT_NO_GRAD}

#define FACTOR \
  {"FactorTensor", FRT_FLOATS, FRT_SLOT_OPTIONAL, "one element, replaces factor"}

FRT_OPS(unary_math) = {
    UNARY("abs", "Out = |X|.", "abs_grad", UNARY_LIBRARY),
    UNARY_GRAD_X("abs_grad", "X@GRAD = Out@GRAD * sign(X); 0 where X is 0.",
                 UNARY_LIBRARY_GRAD),
    UNARY("exp", "Out = e^X.", "exp_grad", UNARY_LIBRARY),
    UNARY_GRAD_OUT("exp_grad", "X@GRAD = Out@GRAD * Out.", UNARY_LIBRARY_GRAD),
    UNARY("log", "Out = ln X; NaN below 0.", "log_grad", UNARY_LIBRARY),
    UNARY_GRAD_X("log_grad", "X@GRAD = Out@GRAD / X.", UNARY_LIBRARY_GRAD),
    UNARY("floor", "Out = the largest integer <= X.", "floor_grad", UNARY_LIBRARY),
    ZERO_GRAD("floor_grad"),
    UNARY("ceil", "Out = the smallest integer >= X.", "ceil_grad", UNARY_LIBRARY),
    ZERO_GRAD("ceil_grad"),
    UNARY("round", "Out = the integer next to X, halves away from 0.", "round_grad",
          UNARY_LIBRARY),
    ZERO_GRAD("round_grad"),
    UNARY("sin", "Out = sin X.", "sin_grad", UNARY_LIBRARY),
    UNARY_GRAD_X("sin_grad", "X@GRAD = Out@GRAD * cos X.", UNARY_LIBRARY_GRAD),
    UNARY("cos", "Out = cos X.", "cos_grad", UNARY_LIBRARY),
    UNARY_GRAD_X("cos_grad", "X@GRAD = -Out@GRAD * sin X.", UNARY_LIBRARY_GRAD),
    UNARY("atan", "Out = atan X.", "atan_grad", UNARY_NONE),
    UNARY_GRAD_X("atan_grad", "X@GRAD = Out@GRAD / (1 + X^2).", UNARY_NONE),
    UNARY("erf", "Out = erf X.", "erf_grad", UNARY_NONE),
    UNARY_GRAD_X("erf_grad", "X@GRAD = Out@GRAD * 2 / sqrt(pi) * exp(-X^2).", UNARY_NONE),
    UNARY("rsqrt", "Out = 1 / sqrt(X).", "rsqrt_grad", UNARY_LIBRARY),
    UNARY_GRAD_OUT("rsqrt_grad", "X@GRAD = -0.5 * Out@GRAD * Out^3.", UNARY_LIBRARY_GRAD),
    UNARY("reciprocal", "Out = 1 / X.", "reciprocal_grad", UNARY_LIBRARY),
    UNARY_GRAD_OUT("reciprocal_grad", "X@GRAD = -Out@GRAD * Out^2.", UNARY_LIBRARY_GRAD),
    {.type = "pow",
     .doc = "Out = X to the power factor.",
     .source = "PaddlePaddle 1.8 op pow",
     .inputs = {{"X", FRT_FLOATS, 0, "any shape"}, FACTOR},
     .outputs = {{"Out", FRT_FLOATS, 0, "shape of X"}},
     .attrs = {UNARY_F32("factor", 1, "the exponent")},
     .infer_shape = pow_shape,
     .grad = "pow_grad"},
    {.type = "pow_grad",
     .doc = "X@GRAD = Out@GRAD * factor * X^(factor - 1); 0 where factor is 0.",
     .source = "PaddlePaddle 1.8 op pow_grad, where factor 0 at X = 0 gives NaN",
     .inputs = {FACTOR,
                {"Out@GRAD", FRT_FLOATS, 0, "shape of X"},
                {"X", FRT_FLOATS, 0, "any shape"}},
     .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},
     .attrs = {UNARY_F32("factor", 1, "the exponent")},
     .infer_shape = pow_grad_shape,
     .grad = FRT_NO_GRAD},
    {0}};
