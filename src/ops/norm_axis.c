#include <float.h>

#include "shape.h"

/* X's shape with one element along `axis`. */
static frt_status_t norm_of(const frt_infer_t *x, frt_shape_t *norm, frt_error_t *err) {
  const frt_shape_t *xs = frt_infer_in(x, "X");
  uint32_t axis;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_axis("axis", shape_int(x, "axis"), "X", xs, &axis, err));
  *norm = *xs;
  norm->dims[axis] = 1;
  return FRT_OK;
}

static frt_status_t norm_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t norm;
  FRT_TRY(norm_of(x, &norm, err));
  FRT_TRY(shape_out(x, "Norm", norm, err));
  return shape_out(x, "Out", *frt_infer_in(x, "X"), err);
}

static frt_status_t norm_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t norm;
  FRT_TRY(norm_of(x, &norm, err));
  FRT_TRY(shape_same("Norm", frt_infer_in(x, "Norm"), "X with one element along axis",
                     &norm, err));
  return shape_unary_grad(x, "X", err);
}

static frt_cost_t norm_cost(const frt_infer_t *x) {
  return shape_cost(x, 3 * shape_elements(frt_infer_in(x, "X")));
}
static frt_cost_t norm_grad_cost(const frt_infer_t *x) {
  return shape_cost(x, 5 * shape_elements(frt_infer_in(x, "X")));
}

static frt_status_t cumsum_shape(const frt_infer_t *x, frt_error_t *err) {
  uint32_t axis;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_axis("axis", shape_int(x, "axis"), "X", frt_infer_in(x, "X"), &axis, err));
  return shape_out(x, "Out", *frt_infer_in(x, "X"), err);
}

#define AXIS {"axis", FRT_ATTR_INT, 0, "the axis of the norm; negative: from the end"}
#define EPSILON                                                                      \
  {"epsilon", FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE,                       \
   "is added to the sum of squares", 1e-10, NULL, 0, FLT_MAX}

FRT_OPS(norm_axis) = {
    {.type = "norm",
     .doc = "Norm = sqrt(sum of X^2 along axis + epsilon); Out = X / Norm.",
     .source = "PaddlePaddle 1.8 op norm",
     .inputs = {{"X", FRT_FLOATS, 0, "any shape of rank 1 or more"}},
     .outputs = {{"Norm", FRT_FLOATS, FRT_SLOT_INTERMEDIATE, "X with 1 at axis"},
                 {"Out", FRT_FLOATS, 0, "shape of X"}},
     .attrs = {AXIS, EPSILON},
     .infer_shape = norm_shape,
     .cost = norm_cost,
     .grad = "norm_grad"},
    {.type = "norm_grad",
     .doc = "X@GRAD = (Out@GRAD - X * (sum of X * Out@GRAD along axis) / Norm^2) / Norm.",
     .source = "PaddlePaddle 1.8 op norm_grad",
     .inputs = {{"Norm", FRT_FLOATS, 0, "X with 1 at axis"},
                {"Out@GRAD", FRT_FLOATS, 0, "shape of X"},
                {"X", FRT_FLOATS, 0, "any shape of rank 1 or more"}},
     .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},
     .attrs = {AXIS, EPSILON},
     .infer_shape = norm_grad_shape,
     .cost = norm_grad_cost,
     .grad = FRT_NO_GRAD},
    /* Fluid's gradient is cumsum of Out@GRAD with `reverse` turned round. */
    {.type = "cumsum",
     .doc = "Out = the sum of X up to and with the element, along axis; exclusive: "
            "without it; reverse: from the end.",
     .source = "PaddlePaddle 1.8 op cumsum",
     .inputs = {{"X", FRT_FLOATS | FRT_DTYPE_BIT(FRT_I32) | FRT_DTYPE_BIT(FRT_I64), 0,
                 "any shape of rank 1 or more"}},
     .outputs = {{"Out", FRT_FLOATS | FRT_DTYPE_BIT(FRT_I32) | FRT_DTYPE_BIT(FRT_I64), 0,
                  "shape of X"}},
     .attrs = {{"axis", FRT_ATTR_INT, FRT_ATTR_DEFAULT,
                "the axis that is summed; negative: from the end", -1},
               {"exclusive", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "the element itself is left out"},
               {"reverse", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "sums from the end"}},
     .infer_shape = cumsum_shape,
     .grad = "cumsum"},
    {0}};
