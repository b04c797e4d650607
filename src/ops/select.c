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

FRT_OPS(select) = {
    {.type = "select_input",
     .doc = "Out = X[Mask].",
     .source = "PaddlePaddle 1.8 op select_input; all X have one shape here, and its gradient "
               "(select_output) is not supported",
     .inputs = {{"X", FRT_ANY_DTYPE, FRT_SLOT_VARIADIC, "any shape, the same for all"},
                {"Mask", FRT_DTYPE_BIT(FRT_I32), 0, "[1], 0 to count of X - 1"}},
     .outputs = {{"Out", FRT_ANY_DTYPE, 0, "shape of X[0]"}},
     .infer_shape = select_shape,
     .cost = select_cost,
     .grad = FRT_NO_GRAD},
    {0}};
