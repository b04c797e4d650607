#include "shape.h"

static frt_status_t sum_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_infer_slot_t *xs = frt_infer_ins(x, "X");
  frt_shape_t out;
  FRT_TRY(shape_inputs(x, err));
  if (!xs->count)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                      "X has no tensor; wanted at least one");
  out = xs->shapes[0];
  for (uint32_t i = 1; i < xs->count; ++i) {
    char slot[24];
    snprintf(slot, sizeof slot, "X[%u]", i);
    FRT_TRY(shape_same(slot, &xs->shapes[i], "X[0]", &out, err));
    shape_join(&out, &xs->shapes[i]);
  }
  return shape_out(x, "Out", out, err);
}

static frt_cost_t sum_cost(const frt_infer_t *x) {
  const frt_infer_slot_t *xs = frt_infer_ins(x, "X");
  return shape_cost(x, xs->count < 2 ? 0
                           : (xs->count - 1.0) * shape_elements(&xs->shapes[0]));
}

static frt_status_t cast_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  const int64_t from = shape_int(x, "in_dtype");
  uint32_t to;
  FRT_TRY(shape_inputs(x, err));
  if (from != (int64_t)s->dtype)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "in_dtype",
                      "in_dtype is %lld (%s); wanted %u (%s), the dtype of X",
                      (long long)from,
                      from < 0 || from > 31 ? "no dtype" : frt_dtype_name((uint32_t)from),
                      s->dtype, frt_dtype_name(s->dtype));
  FRT_TRY(shape_dtype_attr(x, "out_dtype", "Out", &to, err));
  return shape_out(x, "Out", shape_with(s, to), err);
}

static frt_status_t increment_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  if (shape_numel(s) != 1 && shape_numel(s) != -1)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                      "X has shape %s; wanted one element", shape_text(s).s);
  return shape_unary(x, err);
}

static frt_status_t decay_shape(const frt_infer_t *x, frt_error_t *err) {
  const char *mode = shape_str(x, "mode");
  frt_shape_t out = *frt_infer_in(x, "Grad");
  FRT_TRY(shape_inputs(x, err));
  if (strcmp(mode, "l1") && strcmp(mode, "l2"))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "mode",
                      "mode is '%.40s'; wanted \"l1\" or \"l2\"", mode);
  FRT_TRY(shape_same("Param", frt_infer_in(x, "Param"), "Grad", &out, err));
  shape_join(&out, frt_infer_in(x, "Param"));
  return shape_out(x, "Out", out, err);
}

static frt_cost_t two_per_element(const frt_infer_t *x) {
  return shape_cost(x, 2 * shape_elements(&x->in[0].shapes[0]));
}

#define X_SLOT(mask) {"X", mask, 0, "any shape"}
#define OUT_SLOT(mask) {"Out", mask, 0, "shape of X"}

/* Fluid differentiates scale, cast and assign by themselves, X = Out@GRAD, Out =
 * X@GRAD (scale without its bias, cast with its dtypes exchanged), and sum by one
 * scale by 1 per addend: these gradients have no slot that ends in @GRAD. */
FRT_OPS(scale) = {
    {.type = "scale",
     .doc = "Out = scale * X + bias, or scale * (X + bias) if bias_after_scale is false.",
     .source = "PaddlePaddle 1.8 op scale",
     .inputs = {X_SLOT(FRT_NUMBERS), {"ScaleTensor", FRT_FLOATS, SHAPE_REFUSED, "[1]"}},
     .outputs = {OUT_SLOT(FRT_NUMBERS)},
     .attrs = {{"scale", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "the factor", 1},
               {"bias", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "the addend", 0},
               {"bias_after_scale", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT,
                "whether bias is left unscaled", 1}},
     .infer_shape = shape_unary,
     .cost = two_per_element,
     .grad = "scale"},
    {.type = "sum",
     .doc = "Out = X[0] + X[1] + ..., added in that order.",
     .source = "PaddlePaddle 1.8 op sum",
     .inputs = {{"X", FRT_NUMBERS, FRT_SLOT_VARIADIC, "any shape, all alike"}},
     .outputs = {{"Out", FRT_NUMBERS, 0, "shape of X[0]"}},
     .attrs = {SHAPE_IGNORED_BOOL("use_mkldnn")},
     .infer_shape = sum_shape,
     .cost = sum_cost,
     .grad = "scale"},
    {.type = "increment",
     .doc = "Out = X + step; step is converted to the dtype of X.",
     .source = "PaddlePaddle 1.8 op increment",
     .inputs = {{"X", FRT_NUMBERS, 0, "[1]"}},
     .outputs = {{"Out", FRT_NUMBERS, 0, "[1]"}},
     .attrs = {{"step", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "the addend", 1}},
     .infer_shape = increment_shape,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "cast",
     .doc = "Out = X as out_dtype; float to integer truncates and saturates, NaN gives 0; "
            "to bool is X != 0.",
     .source = "PaddlePaddle 1.8 op cast",
     .inputs = {X_SLOT(FRT_ANY_DTYPE)},
     .outputs = {OUT_SLOT(FRT_ANY_DTYPE)},
     .attrs = {{"out_dtype", FRT_ATTR_INT, 0, "the number of Out's dtype"},
               {"in_dtype", FRT_ATTR_INT, 0, "the number of X's dtype"}},
     .infer_shape = cast_shape,
     .grad = "cast"},
    {.type = "assign",
     .doc = "Out = X.",
     .source = "PaddlePaddle 1.8 op assign",
     .inputs = {X_SLOT(FRT_ANY_DTYPE)},
     .outputs = {OUT_SLOT(FRT_ANY_DTYPE)},
     .infer_shape = shape_unary,
     .grad = "assign"},
    {.type = "decay",
     .flags = FRT_OP_EXTENSION,
     .doc = "l2: Out = Grad + coeff * Param; l1: Out = Grad + coeff * sign(Param).",
     .source = "fluidrt; what scale and sum, or sign, scale and sum, do in Fluid",
     .inputs = {{"Grad", FRT_FLOATS, 0, "any shape"},
                {"Param", FRT_FLOATS, 0, "shape of Grad"}},
     .outputs = {{"Out", FRT_FLOATS, 0, "shape of Grad"}},
     .attrs = {{"mode", FRT_ATTR_STRING, FRT_ATTR_DEFAULT, "\"l1\" or \"l2\"", 0, "l2"},
               {"coeff", FRT_ATTR_F32, 0, "strength of the decay"}},
     .infer_shape = decay_shape,
     .cost = two_per_element,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
