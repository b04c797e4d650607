/* Ops that change or tell extents only: no element moves. */
#include "shape.h"

#include "note.h"

static frt_status_t too_long(const frt_shape_t *s, uint32_t rank, frt_error_t *err) {
  return shape_fail(err, FRT_INVALID_ARGUMENT, "axes",
                    "Out would have rank %u as X has shape %s; wanted %d at most", rank,
                    shape_text(s).s, FRT_MAX_RANK);
}

/* ---- squeeze2 ------------------------------------------------------------------ */

/* The axes to drop as bits; no `axes`: those that are known to be 1. */
static frt_status_t squeezed_axes(const frt_infer_t *x, const frt_shape_t *s,
                                  uint32_t *mask, frt_error_t *err) {
  const frt_api_attr_t *axes = frt_infer_attr(x, "axes");
  *mask = 0;
  if (!axes->count) {
    for (uint32_t i = 0; i < s->rank; ++i)
      if (s->dims[i] == 1) *mask |= 1u << i;
    return FRT_OK;
  }
  for (uint32_t i = 0; i < axes->count; ++i) {
    uint32_t axis;
    FRT_TRY(shape_axis("axes", axes->v.is[i], "X", s, &axis, err));
    if (!shape_dim_agrees(s->dims[axis], 1))
      return shape_fail(err, FRT_INVALID_ARGUMENT, "axes",
                        "axes names axis %u, X has shape %s; wanted an extent of 1 there",
                        axis, shape_text(s).s);
    *mask |= 1u << axis;
  }
  return FRT_OK;
}

static frt_status_t squeeze2_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  frt_shape_t out = shape_with(s, s->dtype);
  uint32_t mask;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(squeezed_axes(x, s, &mask, err));
  out.rank = 0;
  for (uint32_t i = 0; i < s->rank; ++i)
    if (!(mask >> i & 1u)) out.dims[out.rank++] = s->dims[i];
  FRT_TRY(shape_out(x, "Out", out, err));
  return note_out(x, err);
}

/* ---- unsqueeze2 ---------------------------------------------------------------- */

/* The axes are inserted one after the other, each counted in what is there by then. */
static frt_status_t unsqueeze2_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_api_attr_t *axes = frt_infer_attr(x, "axes");
  const frt_shape_t *s = frt_infer_in(x, "X");
  frt_shape_t out = *s;
  FRT_TRY(shape_inputs(x, err));
  if (!axes->count)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "axes",
                      "axes is empty; wanted at least one axis");
  if (axes->count > FRT_MAX_RANK - s->rank) return too_long(s, s->rank + axes->count, err);
  for (uint32_t i = 0; i < axes->count; ++i) {
    const int64_t v = axes->v.is[i], rank = out.rank;
    if (v < -rank - 1 || v > rank)
      return shape_fail(err, FRT_INVALID_ARGUMENT, "axes",
                        "axes is %s; wanted %lld to %lld for element %u as X has shape %s",
                        shape_text_of(axes->count, axes->v.is).s, (long long)(-rank - 1),
                        (long long)rank, i, shape_text(s).s);
    const uint32_t at = (uint32_t)(v < 0 ? v + rank + 1 : v);
    memmove(out.dims + at + 1, out.dims + at, (out.rank - at) * sizeof *out.dims);
    out.dims[at] = 1;
    ++out.rank;
  }
  FRT_TRY(shape_out(x, "Out", out, err));
  return note_out(x, err);
}

/* ---- flatten2, flatten_contiguous_range ---------------------------------------- */

static frt_status_t flattened(const frt_shape_t *s, uint32_t from, uint32_t to,
                              int64_t *out, frt_error_t *err) {
  if (shape_product(s, from, to, out)) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                    "X has shape %s; a flattened extent overflows 64 bits",
                    shape_text(s).s);
}

static frt_status_t flatten2_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  const int64_t axis = shape_int(x, "axis");
  frt_shape_t out = {s->dtype, 2, {0}};
  FRT_TRY(shape_inputs(x, err));
  if (axis < 0 || axis > (int64_t)s->rank)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "axis",
                      "axis is %lld; wanted 0 to %u as X has shape %s", (long long)axis,
                      s->rank, shape_text(s).s);
  FRT_TRY(flattened(s, 0, (uint32_t)axis, &out.dims[0], err));
  FRT_TRY(flattened(s, (uint32_t)axis, s->rank, &out.dims[1], err));
  FRT_TRY(shape_out(x, "Out", out, err));
  return note_out(x, err);
}

static frt_status_t flatten_range_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  frt_shape_t out = *s;
  uint32_t from, to;
  FRT_TRY(shape_inputs(x, err));
  if (!s->rank) {
    out = shape_scalar(s->dtype);
  } else {
    FRT_TRY(shape_axis("start_axis", shape_int(x, "start_axis"), "X", s, &from, err));
    FRT_TRY(shape_axis("stop_axis", shape_int(x, "stop_axis"), "X", s, &to, err));
    if (from > to)
      return shape_fail(err, FRT_INVALID_ARGUMENT, "stop_axis",
                        "stop_axis is %u, start_axis is %u; wanted no axis before "
                        "start_axis (X has shape %s)", to, from, shape_text(s).s);
    FRT_TRY(flattened(s, from, to + 1, &out.dims[from], err));
    memmove(out.dims + from + 1, s->dims + to + 1, (s->rank - to - 1) * sizeof *s->dims);
    out.rank -= to - from;
  }
  FRT_TRY(shape_out(x, "Out", out, err));
  return note_out(x, err);
}

/* ---- their gradients ------------------------------------------------------------ */

static frt_status_t back_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *g = frt_infer_in(x, "Out@GRAD");
  frt_shape_t out;
  FRT_TRY(note_in(x, &out, err));
  FRT_TRY(shape_out(x, "X@GRAD", out, err));
  if (shape_dim_agrees(shape_numel(g), shape_numel(&out))) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "Out@GRAD",
                    "Out@GRAD has shape %s; wanted as many elements as X, which is %s by "
                    "XShape", shape_text(g).s, shape_text(&out).s);
}

/* ---- shape ---------------------------------------------------------------------- */

static frt_status_t shape_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "Input");
  const frt_shape_t out = {FRT_I32, 1, {s->rank}};
  FRT_TRY(shape_inputs(x, err));
  for (uint32_t i = 0; i < s->rank; ++i)
    if (s->dims[i] > INT32_MAX)
      return shape_fail(err, FRT_INVALID_ARGUMENT, "Input",
                        "Input has shape %s; wanted extents that fit int32",
                        shape_text(s).s);
  return shape_out(x, "Out", out, err);
}

static frt_cost_t no_flops(const frt_infer_t *x) { return shape_cost(x, 0); }

#define X_ANY {"X", FRT_ANY_DTYPE, 0, "any shape"}
#define BACK(name, ...)                                                           \
  {.type = name "_grad", .doc = "X@GRAD = Out@GRAD with the extents of X.",       \
   .source = "PaddlePaddle op " name "_grad",                                     \
   .inputs = {{"Out@GRAD", FRT_ANY_DTYPE, 0, "as many elements as X"}, NOTE_IN},  \
   .outputs = {{"X@GRAD", FRT_ANY_DTYPE, FRT_SLOT_OPTIONAL, "dims of X"}},        \
   .attrs = {__VA_ARGS__}, .infer_shape = back_shape, .cost = no_flops,           \
   .grad = FRT_NO_GRAD}
#define UNREAD(name, type) \
  {name, type, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, "the forward op's; XShape says all"}

FRT_OPS(shape) = {
    {.type = "squeeze2",
     .doc = "Out = X without the axes named, each of extent 1; without all such axes if "
            "none is named.",
     .source = "PaddlePaddle 1.8 op squeeze2",
     .inputs = {X_ANY},
     .outputs = {{"Out", FRT_ANY_DTYPE, 0, "dims of X without the dropped axes"}, NOTE_OUT},
     .attrs = {{"axes", FRT_ATTR_INTS, FRT_ATTR_DEFAULT,
                "axes of extent 1, negative from the end; empty: all of them"}},
     .infer_shape = squeeze2_shape, .cost = no_flops, .grad = "squeeze2_grad"},
    BACK("squeeze2", UNREAD("axes", FRT_ATTR_INTS)),
    {.type = "unsqueeze2",
     .doc = "Out = X with axes of extent 1 inserted, one after the other.",
     .source = "PaddlePaddle 1.8 op unsqueeze2",
     .inputs = {X_ANY, {"AxesTensor", FRT_INTS, SHAPE_REFUSED, "[n]"},
                {"AxesTensorList", FRT_INTS, SHAPE_REFUSED | FRT_SLOT_VARIADIC, "[1]"}},
     .outputs = {{"Out", FRT_ANY_DTYPE, 0, "dims of X and the new ones"}, NOTE_OUT},
     .attrs = {{"axes", FRT_ATTR_INTS, FRT_ATTR_DEFAULT,
                "where, counted with those inserted before; negative from the end"}},
     .infer_shape = unsqueeze2_shape, .cost = no_flops, .grad = "unsqueeze2_grad"},
    BACK("unsqueeze2", UNREAD("axes", FRT_ATTR_INTS)),
    {.type = "flatten2",
     .doc = "Out = X as a matrix: the dims before axis are rows, the others columns.",
     .source = "PaddlePaddle 1.8 op flatten2",
     .inputs = {X_ANY},
     .outputs = {{"Out", FRT_ANY_DTYPE, 0, "[rows, columns]"}, NOTE_OUT},
     .attrs = {{"axis", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "0 to the rank of X", 1}},
     .infer_shape = flatten2_shape, .cost = no_flops, .grad = "flatten2_grad"},
    BACK("flatten2", UNREAD("axis", FRT_ATTR_INT)),
    {.type = "flatten_contiguous_range",
     .doc = "Out = X with the axes from start_axis to stop_axis made one.",
     .source = "PaddlePaddle 2 and 3 op flatten_contiguous_range",
     .inputs = {X_ANY},
     .outputs = {{"Out", FRT_ANY_DTYPE, 0, "dims of X, some made one"}, NOTE_OUT},
     .attrs = {{"start_axis", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "negative from the end", 1},
               {"stop_axis", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "not before start_axis", 1}},
     .infer_shape = flatten_range_shape, .cost = no_flops,
     .grad = "flatten_contiguous_range_grad"},
    BACK("flatten_contiguous_range", UNREAD("start_axis", FRT_ATTR_INT),
         UNREAD("stop_axis", FRT_ATTR_INT)),
    {.type = "shape",
     .doc = "Out = the extents of Input.",
     .source = "PaddlePaddle 1.8 op shape",
     .inputs = {{"Input", FRT_ANY_DTYPE, FRT_SLOT_SHAPE_ONLY, "any shape"}},
     .outputs = {{"Out", FRT_DTYPE_BIT(FRT_I32), 0, "[rank of Input]"}},
     .infer_shape = shape_shape, .cost = no_flops, .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
