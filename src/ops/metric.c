#include "shape.h"

static frt_status_t top_k_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out = *frt_infer_in(x, "X");
  const int64_t k = shape_int(x, "k"), row = out.rank ? out.dims[out.rank - 1] : 0;
  FRT_TRY(shape_inputs(x, err));
  if (k < 1 || (row >= 0 && k > row))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "k",
                      "k is %lld; wanted 1 to the last extent of X, which has shape %s",
                      (long long)k, shape_text(&out).s);
  out.dims[out.rank - 1] = k;
  FRT_TRY(shape_out(x, "Out", out, err));
  return shape_out(x, "Indices", shape_with(&out, FRT_I64), err);
}

static frt_status_t accuracy_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *out = frt_infer_in(x, "Out"), *ids = frt_infer_in(x, "Indices");
  const frt_shape_t *label = frt_infer_in(x, "Label");
  const frt_shape_t same = shape_with(out, ids->dtype);
  FRT_TRY(shape_inputs(x, err));
  if (out->rank != 2)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Out",
                      "Out has shape %s; wanted [N, k], the Out of top_k",
                      shape_text(out).s);
  FRT_TRY(shape_same("Indices", ids, "Out", &same, err));
  if (label->rank < 1 || label->rank > 2 ||
      (label->rank == 2 && !shape_dim_agrees(label->dims[1], 1)) ||
      !shape_dim_agrees(label->dims[0], out->dims[0]))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Label",
                      "Label has shape %s; wanted one label a row, [N, 1] or [N], as Out "
                      "has shape %s", shape_text(label).s, shape_text(out).s);
  if (shape_numel(label) == 0)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Label",
                      "Label has shape %s; wanted at least one row", shape_text(label).s);
  FRT_TRY(shape_out(x, "Accuracy", shape_scalar(FRT_F32), err));
  FRT_TRY(shape_out(x, "Correct", shape_scalar(FRT_I32), err));
  return shape_out(x, "Total", shape_scalar(FRT_I32), err);
}

/* Each element is compared with the smallest one kept; replacements are rare. */
static frt_cost_t top_k_cost(const frt_infer_t *x) {
  return shape_cost(x, shape_elements(frt_infer_in(x, "X")));
}
static frt_cost_t accuracy_cost(const frt_infer_t *x) {
  return shape_cost(x, shape_elements(frt_infer_in(x, "Indices")));
}

FRT_OPS(metric) = {
    {.type = "top_k",
     .doc = "Out = the k largest of each row of X in falling order, Indices their places; "
            "of equal values the lower index comes first.",
     .source = "PaddlePaddle 1.8 op top_k",
     .inputs = {{"X", FRT_NUMBERS, 0, "[..., n]"},
                {"K", FRT_DTYPE_BIT(FRT_I32), SHAPE_REFUSED, "[1]"}},
     .outputs = {{"Out", FRT_NUMBERS, 0, "[..., k]"},
                 {"Indices", FRT_I64S, 0, "[..., k]"}},
     .attrs = {{"k", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "how many, 1 to n", 1}},
     .infer_shape = top_k_shape,
     .cost = top_k_cost,
     .grad = FRT_NO_GRAD},
    {.type = "accuracy",
     .doc = "Correct = rows whose Indices hold Label; Total = rows; Accuracy = Correct / "
            "Total.",
     .source = "PaddlePaddle 1.8 op accuracy",
     .inputs = {{"Out", FRT_FLOATS, 0, "[N, k], from top_k"},
                {"Indices", FRT_I64S, 0, "[N, k], from top_k"},
                {"Label", FRT_I64S, 0, "[N, 1] or [N]"}},
     .outputs = {{"Accuracy", FRT_F32S, 0, "[1]"},
                 {"Correct", FRT_DTYPE_BIT(FRT_I32), 0, "[1]"},
                 {"Total", FRT_DTYPE_BIT(FRT_I32), 0, "[1]"}},
     .infer_shape = accuracy_shape,
     .cost = accuracy_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
