#include "reduce.h"

static frt_status_t reduce_max_shape(const frt_infer_t *x, frt_error_t *err) {
  return reduce_some_shape(x, "maximum", err);
}

static frt_status_t mean_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  FRT_TRY(shape_inputs(x, err));
  if (shape_numel(s) == 0)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                      "X has shape %s; wanted at least one element to take the mean of",
                      shape_text(s).s);
  return shape_out(x, "Out", shape_scalar(s->dtype), err);
}

static frt_status_t mean_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X"), *g = frt_infer_in(x, "Out@GRAD");
  const frt_shape_t one = shape_scalar(s->dtype);
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_same("Out@GRAD", g, "the mean of X", &one, err));
  return shape_out(x, "X@GRAD", *s, err);
}

FRT_OPS(reduce) = {
    REDUCE_FORWARD("reduce_sum", "Out = sum of X over the axes dim.", FRT_NUMBERS, reduce_shape),
    {.type = "reduce_sum_grad",
     .doc = "X@GRAD = Out@GRAD repeated along the reduced axes.",
     .source = "PaddlePaddle 1.8 op reduce_sum_grad",
     .inputs = {{"Out@GRAD", FRT_FLOATS, 0, REDUCED_DOC},
                {"X", FRT_FLOATS, FRT_SLOT_SHAPE_ONLY, "any shape"}},
     REDUCE_GRAD_REST},
    REDUCE_FORWARD("reduce_max", "Out = maximum of X over the axes dim.", FRT_NUMBERS,
                   reduce_max_shape),
    {.type = "reduce_max_grad",
     .doc = "X@GRAD = Out@GRAD where X = Out, at every tied place, else 0.",
     .source = "PaddlePaddle 1.8 op reduce_max_grad",
     .inputs = {{"Out", FRT_FLOATS, 0, REDUCED_DOC},
                {"Out@GRAD", FRT_FLOATS, 0, REDUCED_DOC},
                {"X", FRT_FLOATS, 0, "any shape"}},
     REDUCE_GRAD_REST},
    {.type = "mean",
     .doc = "Out = sum of X / number of elements.",
     .source = "PaddlePaddle 1.8 op mean",
     .inputs = {{"X", FRT_FLOATS, 0, "any shape, at least one element"}},
     .outputs = {{"Out", FRT_FLOATS, 0, "[1]"}},
     .infer_shape = mean_shape,
     .cost = reduce_cost,
     .grad = "mean_grad"},
    {.type = "mean_grad",
     .doc = "X@GRAD = Out@GRAD / number of elements of X, everywhere.",
     .source = "PaddlePaddle 1.8 op mean_grad",
     .inputs = {{"Out@GRAD", FRT_FLOATS, 0, "[1]"},
                {"X", FRT_FLOATS, FRT_SLOT_SHAPE_ONLY, "any shape"}},
     .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},
     .infer_shape = mean_grad_shape,
     .grad = FRT_NO_GRAD},
    {0}};
