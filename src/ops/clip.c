#include "shape.h"

static frt_status_t clip_bounds(const frt_infer_t *x, frt_error_t *err) {
  const double lo = shape_f32(x, "min"), hi = shape_f32(x, "max");
  if (lo <= hi) return FRT_OK; /* false for NaN */
  return shape_fail(err, FRT_INVALID_ARGUMENT, "min",
                    "min is %g, max is %g; wanted min <= max", lo, hi);
}

static frt_status_t clip_shape(const frt_infer_t *x, frt_error_t *err) {
  FRT_TRY(clip_bounds(x, err));
  return shape_unary(x, err);
}

static frt_status_t clip_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  FRT_TRY(clip_bounds(x, err));
  return shape_unary_grad(x, "X", err);
}

static frt_status_t clip_by_norm_shape(const frt_infer_t *x, frt_error_t *err) {
  const double max_norm = shape_f32(x, "max_norm");
  if (!(max_norm > 0))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "max_norm",
                      "max_norm is %g; wanted > 0", max_norm);
  return shape_unary(x, err);
}

static frt_cost_t clip_by_norm_cost(const frt_infer_t *x) {
  return shape_cost(x, 3 * shape_elements(frt_infer_in(x, "X")));
}

FRT_OPS(clip) = {
    {.type = "clip",
     .doc = "Out = X limited to [min, max]; NaN stays NaN.",
     .source = "PaddlePaddle 1.8 op clip",
     .inputs = {{"X", FRT_FLOATS, 0, "any shape"},
                {"Min", FRT_FLOATS, SHAPE_REFUSED, "[1]"},
                {"Max", FRT_FLOATS, SHAPE_REFUSED, "[1]"}},
     .outputs = {{"Out", FRT_FLOATS, 0, "shape of X"}},
     .attrs = {{"min", FRT_ATTR_F32, 0, "lower bound"},
               {"max", FRT_ATTR_F32, 0, "upper bound, >= min"}},
     .infer_shape = clip_shape,
     .grad = "clip_grad"},
    {.type = "clip_grad",
     .doc = "X@GRAD = Out@GRAD where min < X < max, else 0.",
     .source = "PaddlePaddle 1.8 op clip_grad",
     .inputs = {{"Max", FRT_FLOATS, SHAPE_REFUSED, "[1]"},
                {"Min", FRT_FLOATS, SHAPE_REFUSED, "[1]"},
                {"Out@GRAD", FRT_FLOATS, 0, "shape of X"},
                {"X", FRT_FLOATS, 0, "any shape"}},
     .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},
     .attrs = {{"max", FRT_ATTR_F32, 0, "upper bound, >= min"},
               {"min", FRT_ATTR_F32, 0, "lower bound"}},
     .infer_shape = clip_grad_shape,
     .grad = FRT_NO_GRAD},
    {.type = "clip_by_norm",
     .doc = "Out = X if ||X||2 <= max_norm, else X * max_norm / ||X||2; zeros stay zeros.",
     .source = "PaddlePaddle 1.8 op clip_by_norm, where zeros give NaN",
     .inputs = {{"X", FRT_FLOATS, 0, "any shape"}},
     .outputs = {{"Out", FRT_FLOATS, 0, "shape of X"}},
     .attrs = {{"max_norm", FRT_ATTR_F32, 0, "largest norm that passes, > 0"}},
     .infer_shape = clip_by_norm_shape,
     .cost = clip_by_norm_cost,
     .grad = FRT_NO_GRAD},
    {0}};
