#include "shape.h"

static frt_status_t bad_shape(frt_error_t *err, const frt_api_attr_t *a,
                              const frt_shape_t *s, const char *wanted) {
  return shape_fail(err, FRT_INVALID_ARGUMENT, "shape", "shape is %s, X is %s; wanted %s",
                    shape_text_of(a->count > FRT_MAX_RANK ? FRT_MAX_RANK : a->count,
                                  a->v.is).s, shape_text(s).s, wanted);
}

/* Fills dims, with -1 at *open (or *open = rank); 0 copies X's extent. */
static frt_status_t reshape_targets(const frt_api_attr_t *a, const frt_shape_t *s,
                                    frt_shape_t *out, uint32_t *open, frt_error_t *err) {
  if (!a->count || a->count > FRT_MAX_RANK)
    return bad_shape(err, a, s, "1 to 9 extents");
  out->rank = *open = a->count;
  for (uint32_t i = 0; i < a->count; ++i) {
    const int64_t v = a->v.is[i];
    if (v < -1) return bad_shape(err, a, s, "extents > 0, one -1 (the rest) or 0 (copy)");
    if (v == 0 && i >= s->rank) return bad_shape(err, a, s, "0 only where X has an extent");
    if (v == -1 && *open < a->count) return bad_shape(err, a, s, "-1 once at most");
    if (v == -1) *open = i;
    out->dims[i] = v ? v : s->dims[i];
  }
  return FRT_OK;
}

/* Elements of X and of the target. An unknown extent that is merely copied is left
 * out on both sides, so that [-1, 4, 4] as [0, -1] is known to be [-1, 16]. */
static bool reshape_products(const frt_api_attr_t *a, const frt_shape_t *s, uint32_t open,
                             int64_t *have, int64_t *want) {
  frt_shape_t from = *s, to = {0};
  to.rank = a->count;
  for (uint32_t i = 0; i < a->count; ++i) {
    to.dims[i] = i == open ? 1 : a->v.is[i] ? a->v.is[i] : s->dims[i];
    if (a->v.is[i] == 0 && s->dims[i] < 0) from.dims[i] = to.dims[i] = 1;
  }
  return shape_product(&from, 0, from.rank, have) && shape_product(&to, 0, to.rank, want);
}

static frt_status_t reshape_dims(const frt_infer_t *x, frt_shape_t *out,
                                 frt_error_t *err) {
  const frt_api_attr_t *a = frt_infer_attr(x, "shape");
  const frt_shape_t *s = frt_infer_in(x, "X");
  uint32_t open = 0;
  int64_t have, want;
  out->dtype = s->dtype;
  FRT_TRY(reshape_targets(a, s, out, &open, err));
  if (!reshape_products(a, s, open, &have, &want))
    return bad_shape(err, a, s, "a product that fits 64 bits");
  if (have < 0 || want < 0) return FRT_OK; /* the -1 stays unknown */
  if (open == out->rank)
    return have == want ? FRT_OK : bad_shape(err, a, s, "as many elements as X");
  if (want == 0 && have == 0) return bad_shape(err, a, s, "no -1 beside an extent of 0");
  if (want == 0 || have % want) return bad_shape(err, a, s, "extents that divide X");
  out->dims[open] = have / want;
  return FRT_OK;
}

static frt_status_t reshape2_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  frt_shape_t out = {0}, note = {0};
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(reshape_dims(x, &out, err));
  FRT_TRY(shape_out(x, "Out", out, err));
  if (!frt_infer_out(x, "XShape")) return FRT_OK;
  if (s->rank >= FRT_MAX_RANK)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                      "X has shape %s; wanted rank %d at most, as XShape has one more",
                      shape_text(s).s, FRT_MAX_RANK - 1);
  note.dtype = s->dtype;
  note.rank = s->rank + 1;
  memcpy(note.dims + 1, s->dims, s->rank * sizeof *s->dims);
  return shape_out(x, "XShape", note, err);
}

static frt_status_t reshape2_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *g = frt_infer_in(x, "Out@GRAD"), *note = frt_infer_in(x, "XShape");
  frt_shape_t out = {0};
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_same_dtype("Out@GRAD", g, "XShape", note, err));
  if (!note->rank || !shape_dim_agrees(note->dims[0], 0))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "XShape",
                      "XShape has shape %s; wanted [0, dims of X...]",
                      shape_text(note).s);
  out.dtype = note->dtype;
  out.rank = note->rank - 1;
  memcpy(out.dims, note->dims + 1, out.rank * sizeof *out.dims);
  FRT_TRY(shape_out(x, "X@GRAD", out, err));
  if (shape_dim_agrees(shape_numel(g), shape_numel(&out))) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "Out@GRAD",
                    "Out@GRAD has shape %s; wanted as many elements as X, which is %s by "
                    "XShape", shape_text(g).s, shape_text(&out).s);
}

static frt_cost_t reshape_cost(const frt_infer_t *x) {
  return shape_cost(x, 0);
}

#define X_NOTE "[0, dims of X...], never any data"

FRT_OPS(reshape) = {
    {.flags = FRT_OP_VIEW,
     .type = "reshape2",
     .doc = "Out = X with other extents; 0 copies X's extent, one -1 takes the rest.",
     .source = "PaddlePaddle 1.8 op reshape2",
     .inputs = {{"X", FRT_ANY_DTYPE, 0, "any shape"},
                {"Shape", FRT_INTS, SHAPE_REFUSED, "[rank]"},
                {"ShapeTensor", FRT_INTS, SHAPE_REFUSED | FRT_SLOT_VARIADIC, "[1]"}},
     .outputs = {{"Out", FRT_ANY_DTYPE, 0, "shape, with 0 and -1 replaced"},
                 {"XShape", FRT_ANY_DTYPE, FRT_SLOT_OPTIONAL | FRT_SLOT_INTERMEDIATE |
                  FRT_SLOT_SHAPE_ONLY, X_NOTE}},
     .attrs = {{"shape", FRT_ATTR_INTS, FRT_ATTR_DEFAULT, "extents, 0 or one -1"},
               SHAPE_IGNORED_BOOL("use_quantizer")},
     .infer_shape = reshape2_shape,
     .cost = reshape_cost,
     .grad = "reshape2_grad"},
    {.flags = FRT_OP_VIEW,
     .type = "reshape2_grad",
     .doc = "X@GRAD = Out@GRAD with the extents of X.",
     .source = "PaddlePaddle 1.8 op reshape2_grad",
     .inputs = {{"Out@GRAD", FRT_ANY_DTYPE, 0, "as many elements as X"},
                {"XShape", FRT_ANY_DTYPE, FRT_SLOT_SHAPE_ONLY, X_NOTE}},
     .outputs = {{"X@GRAD", FRT_ANY_DTYPE, FRT_SLOT_OPTIONAL, "dims of X"}},
     .attrs = {{"shape", FRT_ATTR_INTS, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED,
                "the forward op's; XShape says all"},
               SHAPE_IGNORED_BOOL("use_quantizer")},
     .infer_shape = reshape2_grad_shape,
     .cost = reshape_cost,
     .grad = FRT_NO_GRAD},
    {0}};
