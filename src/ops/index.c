/* Ops on positions: where the largest is, which rows, one of many. */
#include "shape.h"

/* ---- gather --------------------------------------------------------------------- */

static frt_status_t gathered(const frt_infer_t *x, frt_shape_t *out, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X"), *index = frt_infer_in(x, "Index");
  FRT_TRY(shape_inputs(x, err));
  if (!s->rank)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                      "X has shape []; wanted rows, rank 1 at least");
  if (index->rank < 1 || index->rank > 2 ||
      (index->rank == 2 && !shape_dim_agrees(index->dims[1], 1)))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Index",
                      "Index has shape %s; wanted [N] or [N, 1]", shape_text(index).s);
  *out = *s;
  out->dims[0] = index->dims[0];
  return FRT_OK;
}

static frt_status_t gather_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(gathered(x, &out, err));
  return shape_out(x, "Out", out, err);
}

static frt_status_t gather_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(gathered(x, &out, err));
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "the gathered rows", &out,
                     err));
  return shape_out(x, "X@GRAD", *frt_infer_in(x, "X"), err);
}

/* ---- arg_max, arg_min -------------------------------------------------------------- */

static frt_status_t arg_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  const int keep = shape_int(x, "keepdims") != 0;
  frt_shape_t out = *s;
  uint32_t axis, dtype = FRT_I64;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_axis("axis", shape_int(x, "axis"), "X", s, &axis, err));
  if (shape_int(x, "dtype") != -1)
    FRT_TRY(shape_dtype_attr(x, "dtype", "Out", &dtype, err));
  out.dtype = dtype;
  if (s->dims[axis] == 0 && shape_numel(s) == 0) {
    out.dims[axis] = 1;
    if (shape_numel(&out) != 0)
      return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                        "X has shape %s; wanted at least one element along axis %u",
                        shape_text(s).s, axis);
  }
  if (dtype == FRT_I32 && s->dims[axis] > INT32_MAX)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "dtype",
                      "dtype is int32, X has shape %s; a position may not fit",
                      shape_text(s).s);
  out.dims[axis] = 1;
  if (!keep) {
    --out.rank;
    memmove(out.dims + axis, s->dims + axis + 1, (out.rank - axis) * sizeof *out.dims);
    if (!out.rank) out = shape_scalar(dtype);
  }
  return shape_out(x, "Out", out, err);
}

/* ---- argsort ------------------------------------------------------------------------ */

static frt_status_t argsort_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  uint32_t axis;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_axis("axis", shape_int(x, "axis"), "X", s, &axis, err));
  FRT_TRY(shape_out(x, "Out", *s, err));
  return shape_out(x, "Indices", shape_with(s, FRT_I64), err);
}

static frt_status_t argsort_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  const frt_shape_t ids = shape_with(s, FRT_I64);
  uint32_t axis;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_axis("axis", shape_int(x, "axis"), "X", s, &axis, err));
  FRT_TRY(shape_same("Indices", frt_infer_in(x, "Indices"), "X", &ids, err));
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "X", s, err));
  return shape_out(x, "X@GRAD", *s, err);
}

/* ---- one_hot -------------------------------------------------------------------------- */

static frt_status_t one_hot_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  const int64_t depth = shape_int(x, "depth");
  frt_shape_t out = *s;
  FRT_TRY(shape_inputs(x, err));
  if (s->rank < 2 || !shape_dim_agrees(s->dims[s->rank - 1], 1))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                      "X has shape %s; wanted [..., 1], rank 2 at least", shape_text(s).s);
  if (depth < 1)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "depth",
                      "depth is %lld; wanted 1 at least", (long long)depth);
  FRT_TRY(shape_dtype_attr(x, "dtype", "Out", &out.dtype, err));
  out.dims[s->rank - 1] = depth;
  return shape_out(x, "Out", out, err);
}

static frt_cost_t compare_all(const frt_infer_t *x) {
  return shape_cost(x, shape_elements(frt_infer_in(x, "X")));
}
/* n log2 n comparisons a row. */
static frt_cost_t argsort_cost(const frt_infer_t *x) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  const int64_t axis = shape_int(x, "axis");
  const int64_t n = s->rank ? s->dims[axis < 0 ? axis + s->rank : axis] : 1;
  double log2n = 0;
  for (int64_t k = n; k > 1; k /= 2) ++log2n;
  return shape_cost(x, shape_elements(s) * log2n);
}
static frt_cost_t no_flops(const frt_infer_t *x) { return shape_cost(x, 0); }
static frt_cost_t add_rows(const frt_infer_t *x) {
  return shape_cost(x, shape_elements(frt_infer_in(x, "Out@GRAD")));
}

#define SMALL (FRT_DTYPE_BIT(FRT_I16) | FRT_DTYPE_BIT(FRT_U8))
#define INDEX {"Index", FRT_INTS, 0, "[N] or [N, 1], 0 to rows of X - 1"}
#define ARG(name, what)                                                              \
  {.type = name,                                                                     \
   .doc = "Out = the place of the " what " of X along axis; the first of equal ones, " \
          "never a NaN unless there is nothing else.",                               \
   .source = "PaddlePaddle 1.8 op " name,                                            \
   .inputs = {{"X", FRT_NUMBERS | SMALL, 0, "any shape of rank 1 at least"}},        \
   .outputs = {{"Out", FRT_INTS, 0, "X without axis, or 1 there; [1] if none is left"}}, \
   .attrs = {{"axis", FRT_ATTR_INT, 0, "negative from the end"},                     \
             {"keepdims", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "keep axis as 1"},        \
             {"dtype", FRT_ATTR_INT, FRT_ATTR_DEFAULT,                               \
              "of Out: -1 or 3 (int64), 2 (int32)", -1}},                            \
   .infer_shape = arg_shape, .cost = compare_all, .grad = FRT_NOT_DIFFERENTIABLE}

FRT_OPS(index) = {
    {.type = "gather",
     .doc = "Out[i] = row Index[i] of X.",
     .source = "PaddlePaddle 1.8 op gather; an index outside X is an error here",
     .inputs = {{"X", FRT_ANY_DTYPE, 0, "[rows, ...]"}, INDEX},
     .outputs = {{"Out", FRT_ANY_DTYPE, 0, "[N, ...]"}},
     .attrs = {{"overwrite", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT,
                "means something to the gradient only", 1}},
     .infer_shape = gather_shape, .cost = no_flops, .grad = "gather_grad"},
    {.type = "gather_grad",
     .doc = "X@GRAD is 0 but for the rows of Index: the last Out@GRAD[i] of a row if "
            "overwrite, else the sum of them, in the order of i.",
     .source = "PaddlePaddle 1.8 op gather_grad",
     .inputs = {INDEX, {"Out@GRAD", FRT_FLOATS, 0, "[N, ...]"},
                {"X", FRT_FLOATS, FRT_SLOT_SHAPE_ONLY, "[rows, ...]"}},
     .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},
     .attrs = {{"overwrite", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT,
                "a repeated index: the last one stays, instead of the sum", 1}},
     .infer_shape = gather_grad_shape, .cost = add_rows, .grad = FRT_NO_GRAD},
    ARG("arg_max", "largest element"),
    ARG("arg_min", "smallest element"),
    {.type = "argsort",
     .doc = "Out = X in rising order along axis, Indices their places; of equal values "
            "the lower index comes first, NaN comes last.",
     .source = "PaddlePaddle 1.8 op argsort",
     .inputs = {{"X", FRT_NUMBERS, 0, "any shape of rank 1 at least"}},
     .outputs = {{"Out", FRT_NUMBERS, 0, "shape of X"},
                 {"Indices", FRT_I64S, 0, "shape of X"}},
     .attrs = {{"axis", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "negative from the end", -1},
               {"descending", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "falling order"}},
     .infer_shape = argsort_shape, .cost = argsort_cost, .grad = "argsort_grad"},
    {.type = "argsort_grad",
     .doc = "X@GRAD at place Indices[i] of axis = Out@GRAD[i].",
     .source = "PaddlePaddle 1.8 op argsort_grad",
     .inputs = {{"Indices", FRT_I64S, 0, "shape of X, from argsort"},
                {"X", FRT_FLOATS, FRT_SLOT_SHAPE_ONLY, "any shape of rank 1 at least"},
                {"Out@GRAD", FRT_FLOATS, 0, "shape of X"}},
     .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},
     .attrs = {{"axis", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "negative from the end", -1},
               {"descending", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED,
                "the forward op's; Indices says all"}},
     .infer_shape = argsort_grad_shape, .cost = no_flops, .grad = FRT_NO_GRAD},
    {.type = "one_hot",
     .doc = "Out[..., j] = 1 where X = j, else 0.",
     .source = "PaddlePaddle 1.8 op one_hot",
     .inputs = {{"X", FRT_INTS, 0, "[..., 1], 0 to depth - 1"},
                {"depth_tensor", FRT_DTYPE_BIT(FRT_I32), SHAPE_REFUSED, "[1]"}},
     .outputs = {{"Out", FRT_FLOATS | FRT_INTS, 0, "[..., depth]"}},
     .attrs = {{"depth", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "1 at least", -1},
               {"dtype", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "of Out", FRT_F32},
               {"allow_out_of_range", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT,
                "another value of X gives zeros, instead of an error"}},
     .infer_shape = one_hot_shape, .cost = no_flops, .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
