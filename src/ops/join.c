/* Several tensors made one, and one made several, along an axis. */
#include "shape.h"

/* Every output of a variadic slot gets its shape. */
static frt_status_t out_at(const frt_infer_t *x, const char *slot, uint32_t k,
                           frt_shape_t s, frt_error_t *err) {
  const int i = frt_infer_index_(x->schema->outputs, slot);
  FRT_TRY(shape_sane(&x->schema->outputs[i], &s, err));
  for (uint32_t d = s.rank; d < FRT_MAX_RANK; ++d) s.dims[d] = 0;
  x->out[i].shapes[k] = s;
  return FRT_OK;
}

static frt_status_t count_is(const char *slot, uint32_t got, int64_t want,
                             const char *because, frt_error_t *err) {
  if (got == want) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, slot,
                    "%s has %u tensors; wanted %lld, %s", slot, got, (long long)want,
                    because);
}

/* X[k] against X[0]: same dtype, rank and extents but for `axis` (rank: none). */
static frt_status_t alike(const frt_infer_slot_t *xs, uint32_t k, uint32_t axis,
                          frt_error_t *err) {
  const frt_shape_t *first = &xs->shapes[0], *s = &xs->shapes[k];
  bool fits = s->rank == first->rank;
  if (s->dtype != first->dtype)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                      "X[%u] has dtype %s; wanted %s, the dtype of X[0]", k,
                      frt_dtype_name(s->dtype), frt_dtype_name(first->dtype));
  for (uint32_t i = 0; fits && i < s->rank; ++i)
    fits = i == axis || shape_dim_agrees(s->dims[i], first->dims[i]);
  if (fits) return FRT_OK;
  if (axis >= first->rank)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                      "X[%u] has shape %s; wanted %s, the shape of X[0]", k,
                      shape_text(s).s, shape_text(first).s);
  return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                    "X[%u] has shape %s; wanted that of X[0], %s, but for axis %u", k,
                    shape_text(s).s, shape_text(first).s, axis);
}

static frt_status_t some_x(const frt_infer_slot_t *xs, frt_error_t *err) {
  if (xs->count) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                    "X has no tensor; wanted at least one");
}

/* ---- concat ---------------------------------------------------------------------- */

static frt_status_t joined(const frt_infer_t *x, frt_shape_t *out, frt_error_t *err) {
  const frt_infer_slot_t *xs = frt_infer_ins(x, "X");
  uint32_t axis;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(some_x(xs, err));
  *out = xs->shapes[0];
  FRT_TRY(shape_axis("axis", shape_int(x, "axis"), "X[0]", out, &axis, err));
  for (uint32_t k = 1; k < xs->count; ++k) {
    const frt_shape_t *s = &xs->shapes[k];
    FRT_TRY(alike(xs, k, axis, err));
    for (uint32_t i = 0; i < s->rank; ++i)
      if (i != axis && out->dims[i] < 0) out->dims[i] = s->dims[i];
    if (s->dims[axis] < 0 || out->dims[axis] < 0) out->dims[axis] = -1;
    else if (__builtin_add_overflow(out->dims[axis], s->dims[axis], &out->dims[axis]))
      return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                        "X[%u] has shape %s; the joined extent overflows 64 bits", k,
                        shape_text(s).s);
  }
  return FRT_OK;
}

static frt_status_t concat_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(joined(x, &out, err));
  return shape_out(x, "Out", out, err);
}

static frt_status_t concat_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_infer_slot_t *xs = frt_infer_ins(x, "X"), *dx = frt_infer_outs(x, "X@GRAD");
  frt_shape_t out;
  FRT_TRY(joined(x, &out, err));
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "the joined X", &out, err));
  FRT_TRY(count_is("X@GRAD", dx->count, xs->count, "one for each X", err));
  for (uint32_t k = 0; k < xs->count; ++k)
    FRT_TRY(out_at(x, "X@GRAD", k, xs->shapes[k], err));
  return FRT_OK;
}

/* ---- split ------------------------------------------------------------------------ */

static frt_status_t equal_parts(const frt_infer_t *x, const frt_shape_t *s, uint32_t axis,
                                frt_error_t *err) {
  const int64_t num = shape_int(x, "num"), n = s->dims[axis];
  const frt_infer_slot_t *outs = frt_infer_outs(x, "Out");
  frt_shape_t part = *s;
  if (num < 1 || (n >= 0 && n % num))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "num",
                      "num is %lld and sections is empty; wanted a divisor of extent %u of "
                      "X, which has shape %s", (long long)num, axis, shape_text(s).s);
  FRT_TRY(count_is("Out", outs->count, num, "as num says", err));
  part.dims[axis] = n < 0 ? -1 : n / num;
  for (uint32_t k = 0; k < outs->count; ++k) FRT_TRY(out_at(x, "Out", k, part, err));
  return FRT_OK;
}

static frt_status_t bad_sections(const frt_api_attr_t *a, const frt_shape_t *s,
                                 uint32_t axis, frt_error_t *err) {
  return shape_fail(err, FRT_INVALID_ARGUMENT, "sections",
                    "sections is %s; wanted extents >= 0, one -1 (the rest) at most, that "
                    "add up to extent %u of X, which has shape %s",
                    shape_text_of(a->count, a->v.is).s, axis, shape_text(s).s);
}

static frt_status_t given_parts(const frt_infer_t *x, const frt_api_attr_t *a,
                                const frt_shape_t *s, uint32_t axis, frt_error_t *err) {
  const frt_infer_slot_t *outs = frt_infer_outs(x, "Out");
  frt_shape_t part = *s;
  int64_t sum = 0;
  uint32_t open = a->count;
  for (uint32_t i = 0; i < a->count; ++i) {
    if (a->v.is[i] < -1 || (a->v.is[i] == -1 && open < a->count))
      return bad_sections(a, s, axis, err);
    if (a->v.is[i] == -1) open = i;
    else if (__builtin_add_overflow(sum, a->v.is[i], &sum))
      return bad_sections(a, s, axis, err);
  }
  if (s->dims[axis] >= 0 &&
      (open < a->count ? sum > s->dims[axis] : sum != s->dims[axis]))
    return bad_sections(a, s, axis, err);
  FRT_TRY(count_is("Out", outs->count, a->count, "one for each of sections", err));
  for (uint32_t k = 0; k < outs->count; ++k) {
    const int64_t rest = s->dims[axis] < 0 ? -1 : s->dims[axis] - sum;
    part.dims[axis] = k == open ? rest : a->v.is[k];
    FRT_TRY(out_at(x, "Out", k, part, err));
  }
  return FRT_OK;
}

static frt_status_t split_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  const frt_api_attr_t *sections = frt_infer_attr(x, "sections");
  uint32_t axis;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_axis("axis", shape_int(x, "axis"), "X", s, &axis, err));
  return sections->count ? given_parts(x, sections, s, axis, err)
                         : equal_parts(x, s, axis, err);
}

/* ---- stack ------------------------------------------------------------------------- */

static frt_status_t stack_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_infer_slot_t *xs = frt_infer_ins(x, "X");
  const int64_t axis = shape_int(x, "axis");
  frt_shape_t out;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(some_x(xs, err));
  out = xs->shapes[0];
  const int64_t rank = out.rank;
  if (axis < -rank - 1 || axis > rank || rank == FRT_MAX_RANK)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "axis",
                      "axis is %lld; wanted %lld to %lld as X[0] has shape %s, and a rank "
                      "below %d", (long long)axis, (long long)(-rank - 1), (long long)rank,
                      shape_text(&out).s, FRT_MAX_RANK);
  for (uint32_t k = 1; k < xs->count; ++k) {
    FRT_TRY(alike(xs, k, FRT_MAX_RANK, err));
    shape_join(&out, &xs->shapes[k]);
  }
  const uint32_t at = (uint32_t)(axis < 0 ? axis + rank + 1 : axis);
  memmove(out.dims + at + 1, out.dims + at, (out.rank - at) * sizeof *out.dims);
  out.dims[at] = xs->count;
  ++out.rank;
  return shape_out(x, "Y", out, err);
}

static frt_status_t stack_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *g = frt_infer_in(x, "Y@GRAD");
  const frt_infer_slot_t *dx = frt_infer_outs(x, "X@GRAD");
  frt_shape_t out = *g;
  uint32_t axis;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_axis("axis", shape_int(x, "axis"), "Y@GRAD", g, &axis, err));
  if (g->dims[axis] >= 0)
    FRT_TRY(count_is("X@GRAD", dx->count, g->dims[axis], "the extent of Y@GRAD at axis",
                     err));
  --out.rank;
  memmove(out.dims + axis, g->dims + axis + 1, (out.rank - axis) * sizeof *out.dims);
  for (uint32_t k = 0; k < dx->count; ++k) FRT_TRY(out_at(x, "X@GRAD", k, out, err));
  return FRT_OK;
}

static frt_cost_t no_flops(const frt_infer_t *x) { return shape_cost(x, 0); }

#define AXIS(doc) {"axis", FRT_ATTR_INT, FRT_ATTR_DEFAULT, doc}
#define NO_AXIS_TENSOR {"AxisTensor", FRT_INTS, SHAPE_REFUSED, "[1]"}
#define MANY(slot, doc) {slot, FRT_ANY_DTYPE, FRT_SLOT_VARIADIC, doc}

FRT_OPS(join) = {
    {.type = "concat",
     .doc = "Out = all X one after the other along axis.",
     .source = "PaddlePaddle 1.8 op concat",
     .inputs = {MANY("X", "alike but for axis"), NO_AXIS_TENSOR},
     .outputs = {{"Out", FRT_ANY_DTYPE, 0, "dims of X, extents at axis added up"}},
     .attrs = {SHAPE_IGNORED_BOOL("use_mkldnn"), AXIS("negative from the end"),
               SHAPE_IGNORED_BOOL("use_quantizer")},
     .infer_shape = concat_shape, .cost = no_flops, .grad = "concat_grad"},
    {.type = "concat_grad",
     .doc = "X@GRAD[k] = the part of Out@GRAD that X[k] became.",
     .source = "PaddlePaddle 1.8 op concat_grad",
     .inputs = {NO_AXIS_TENSOR,
                {"Out@GRAD", FRT_ANY_DTYPE, 0, "dims of X, extents at axis added up"},
                {"X", FRT_ANY_DTYPE, FRT_SLOT_VARIADIC | FRT_SLOT_SHAPE_ONLY,
                 "alike but for axis"}},
     .outputs = {{"X@GRAD", FRT_ANY_DTYPE, FRT_SLOT_VARIADIC, "shapes of X"}},
     .attrs = {AXIS("negative from the end"), SHAPE_IGNORED_BOOL("use_mkldnn"),
               SHAPE_IGNORED_BOOL("use_quantizer")},
     .infer_shape = concat_grad_shape, .cost = no_flops, .grad = FRT_NO_GRAD},
    {.type = "split",
     .doc = "Out[k] = the k-th part of X along axis: num equal ones, or sections.",
     .source = "PaddlePaddle 1.8 op split; its gradient is concat",
     .inputs = {{"X", FRT_ANY_DTYPE, 0, "any shape of rank 1 at least"}, NO_AXIS_TENSOR,
                {"SectionsTensorList", FRT_INTS, SHAPE_REFUSED | FRT_SLOT_VARIADIC, "[1]"}},
     .outputs = {MANY("Out", "dims of X but for axis")},
     .attrs = {{"sections", FRT_ATTR_INTS, FRT_ATTR_DEFAULT,
                "extents at axis, one of them -1 (the rest); empty: num counts"},
               {"num", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "so many equal parts"},
               AXIS("negative from the end")},
     .infer_shape = split_shape, .cost = no_flops, .grad = "concat"},
    {.type = "stack",
     .doc = "Y = all X side by side along a new axis.",
     .source = "PaddlePaddle 1.8 op stack",
     .inputs = {MANY("X", "all alike")},
     .outputs = {{"Y", FRT_ANY_DTYPE, 0, "dims of X with their number inserted at axis"}},
     .attrs = {AXIS("of Y, negative from its end")},
     .infer_shape = stack_shape, .cost = no_flops, .grad = "stack_grad"},
    {.type = "stack_grad",
     .doc = "X@GRAD[k] = Y@GRAD at k along axis.",
     .source = "PaddlePaddle 1.8 op stack_grad",
     .inputs = {{"Y@GRAD", FRT_ANY_DTYPE, 0, "dims of X with their number at axis"}},
     .outputs = {MANY("X@GRAD", "dims of Y without axis")},
     .attrs = {AXIS("of Y, negative from its end")},
     .infer_shape = stack_grad_shape, .cost = no_flops, .grad = FRT_NO_GRAD},
    {0}};
