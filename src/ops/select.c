#include "shape.h"

static frt_status_t select_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_infer_slot_t *xs = frt_infer_ins(x, "X");
  const frt_shape_t *mask = frt_infer_in(x, "Mask");
  frt_shape_t out;
  char name[32];
  if (!xs->count)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X", "X has no tensor; wanted at least one");
  FRT_TRY(shape_inputs(x, err));
  out = xs->shapes[0];
  for (uint32_t i = 1; i < xs->count; ++i) {
    snprintf(name, sizeof name, "X[%u]", i);
    FRT_TRY(shape_same(name, &xs->shapes[i], "X[0]", &out, err));
    shape_join(&out, &xs->shapes[i]);
  }
  if (!shape_dim_agrees(shape_numel(mask), 1))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Mask",
                      "Mask has shape %s; wanted one element", shape_text(mask).s);
  return shape_out(x, "Out", out, err);
}

/* One of the inputs is moved. */
static frt_cost_t select_cost(const frt_infer_t *x) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  const frt_cost_t c = {0, 2 * shape_elements(s) * (double)frt_dtype_size(s->dtype)};
  return c;
}

static frt_status_t select_output_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_infer_slot_t *outs = frt_infer_outs(x, "Out");
  const frt_shape_t *mask = frt_infer_in(x, "Mask");
  FRT_TRY(shape_inputs(x, err));
  if (!shape_dim_agrees(shape_numel(mask), 1))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Mask",
                      "Mask has shape %s; wanted one element", shape_text(mask).s);
  if (!outs->count)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Out",
                      "Out has no tensor; wanted at least one");
  for (uint32_t i = 0; i < outs->count; ++i) outs->shapes[i] = *frt_infer_in(x, "X");
  return FRT_OK;
}

FRT_OPS(select) = {
    {.type = "select_input",
     .doc = "Out = X[Mask].",
     .source = "PaddlePaddle 1.8 op select_input; all X have one shape here",
     .inputs = {{"X", FRT_ANY_DTYPE, FRT_SLOT_VARIADIC, "any shape, the same for all"},
                {"Mask", FRT_DTYPE_BIT(FRT_I32), 0, "[1], 0 to count of X - 1"}},
     .outputs = {{"Out", FRT_ANY_DTYPE, 0, "shape of X[0]"}},
     .infer_shape = select_shape,
     .cost = select_cost,
     .grad = "select_output"},
    {.type = "select_output",
     .doc = "Out[Mask] = X; every other Out = 0.",
     .source = "PaddlePaddle 1.8 op select_output, which leaves the other Out without a value",
     .inputs = {{"X", FRT_ANY_DTYPE, 0, "any shape"},
                {"Mask", FRT_DTYPE_BIT(FRT_I32), 0, "[1], 0 to count of Out - 1"}},
     .outputs = {{"Out", FRT_ANY_DTYPE, FRT_SLOT_VARIADIC, "shape of X, each"}},
     .infer_shape = select_output_shape,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
