/* Elements at other places: transposed, cut out, repeated, surrounded. */
#include "note.h"
#include "shape.h"

/* ---- transpose2 ---------------------------------------------------------------- */

static frt_status_t permutation(const frt_infer_t *x, uint32_t rank, const char *slot,
                                const frt_shape_t *s, frt_error_t *err) {
  const frt_api_attr_t *a = frt_infer_attr(x, "axis");
  uint32_t seen = 0;
  bool fits = a->count == rank;
  for (uint32_t i = 0; fits && i < rank; ++i) {
    fits = a->v.is[i] >= 0 && a->v.is[i] < (int64_t)rank && !(seen >> a->v.is[i] & 1u);
    if (fits) seen |= 1u << a->v.is[i];
  }
  if (fits) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "axis",
                    "axis is %s; wanted each of 0 to %d once as %s has shape %s",
                    shape_text_of(a->count, a->v.is).s, (int)rank - 1, slot,
                    shape_text(s).s);
}

static frt_status_t transpose2_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  const frt_api_attr_t *a = frt_infer_attr(x, "axis");
  frt_shape_t out = *s;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(permutation(x, s->rank, "X", s, err));
  for (uint32_t i = 0; i < s->rank; ++i) out.dims[i] = s->dims[a->v.is[i]];
  FRT_TRY(shape_out(x, "Out", out, err));
  return note_out(x, err);
}

static frt_status_t transpose2_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_api_attr_t *a = frt_infer_attr(x, "axis");
  frt_shape_t s, out;
  FRT_TRY(note_in(x, &s, err));
  FRT_TRY(permutation(x, s.rank, "X", &s, err));
  out = s;
  for (uint32_t i = 0; i < s.rank; ++i) out.dims[i] = s.dims[a->v.is[i]];
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "the transposed X", &out,
                     err));
  return shape_out(x, "X@GRAD", s, err);
}

/* ---- slice ---------------------------------------------------------------------- */

static frt_status_t slice_lists(const frt_infer_t *x, frt_error_t *err) {
  const frt_api_attr_t *axes = frt_infer_attr(x, "axes");
  const frt_api_attr_t *starts = frt_infer_attr(x, "starts");
  const frt_api_attr_t *ends = frt_infer_attr(x, "ends");
  if (starts->count != axes->count)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "starts",
                      "starts has %u elements; wanted %u as axes has", starts->count,
                      axes->count);
  if (ends->count != axes->count)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "ends",
                      "ends has %u elements; wanted %u as axes has", ends->count,
                      axes->count);
  return FRT_OK;
}

static int64_t slice_clamp(int64_t v, int64_t n) {
  if (v < 0) v = v < -n ? 0 : v + n;
  return v > n ? n : v;
}

/* decrease_axis: those axes have extent 1 by now and go; [1] if none is left. */
static frt_status_t slice_decrease(const frt_infer_t *x, const frt_shape_t *s,
                                   frt_shape_t *out, frt_error_t *err) {
  const frt_api_attr_t *a = frt_infer_attr(x, "decrease_axis");
  const frt_shape_t full = *out;
  uint32_t mask = 0;
  for (uint32_t i = 0; i < a->count; ++i) {
    uint32_t axis;
    FRT_TRY(shape_axis("decrease_axis", a->v.is[i], "Input", s, &axis, err));
    if (!shape_dim_agrees(full.dims[axis], 1))
      return shape_fail(err, FRT_INVALID_ARGUMENT, "decrease_axis",
                        "decrease_axis names axis %u, the slice has shape %s; wanted an "
                        "extent of 1 there", axis, shape_text(&full).s);
    mask |= 1u << axis;
  }
  if (!mask) return FRT_OK;
  out->rank = 0;
  for (uint32_t i = 0; i < full.rank; ++i)
    if (!(mask >> i & 1u)) out->dims[out->rank++] = full.dims[i];
  if (!out->rank) *out = shape_scalar(full.dtype);
  return FRT_OK;
}

static frt_status_t sliced(const frt_infer_t *x, frt_shape_t *out, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "Input");
  const frt_api_attr_t *axes = frt_infer_attr(x, "axes");
  uint32_t seen = 0;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(slice_lists(x, err));
  *out = *s;
  for (uint32_t i = 0; i < axes->count; ++i) {
    uint32_t axis;
    FRT_TRY(shape_axis("axes", axes->v.is[i], "Input", s, &axis, err));
    if (seen >> axis & 1u)
      return shape_fail(err, FRT_INVALID_ARGUMENT, "axes",
                        "axes is %s; wanted every axis once, %u is repeated (Input has "
                        "shape %s)", shape_text_of(axes->count, axes->v.is).s, axis,
                        shape_text(s).s);
    seen |= 1u << axis;
    if (s->dims[axis] < 0) continue;
    const int64_t from = slice_clamp(frt_infer_attr(x, "starts")->v.is[i], s->dims[axis]);
    const int64_t to = slice_clamp(frt_infer_attr(x, "ends")->v.is[i], s->dims[axis]);
    out->dims[axis] = to > from ? to - from : 0;
  }
  return slice_decrease(x, s, out, err);
}

static frt_status_t slice_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(sliced(x, &out, err));
  return shape_out(x, "Out", out, err);
}

static frt_status_t slice_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(sliced(x, &out, err));
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "the slice", &out, err));
  return shape_out(x, "Input@GRAD", *frt_infer_in(x, "Input"), err);
}

/* ---- expand ---------------------------------------------------------------------- */

static frt_status_t expanded(const frt_infer_t *x, frt_shape_t *out, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  const frt_api_attr_t *a = frt_infer_attr(x, "expand_times");
  bool fits = a->count == s->rank;
  FRT_TRY(shape_inputs(x, err));
  *out = *s;
  for (uint32_t i = 0; fits && i < s->rank; ++i)
    fits = a->v.is[i] >= 1;
  if (!fits)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "expand_times",
                      "expand_times is %s; wanted %u numbers >= 1 as X has shape %s",
                      shape_text_of(a->count, a->v.is).s, s->rank, shape_text(s).s);
  for (uint32_t i = 0; i < s->rank; ++i)
    if (s->dims[i] >= 0 &&
        __builtin_mul_overflow(s->dims[i], a->v.is[i], &out->dims[i]))
      return shape_fail(err, FRT_INVALID_ARGUMENT, "expand_times",
                        "expand_times is %s, X has shape %s; an extent overflows 64 bits",
                        shape_text_of(a->count, a->v.is).s, shape_text(s).s);
  return FRT_OK;
}

static frt_status_t expand_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(expanded(x, &out, err));
  return shape_out(x, "Out", out, err);
}

static frt_status_t expand_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(expanded(x, &out, err));
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "the expanded X", &out, err));
  return shape_out(x, "X@GRAD", *frt_infer_in(x, "X"), err);
}

/* ---- pad -------------------------------------------------------------------------- */

static frt_status_t paddings(const frt_infer_t *x, const char *slot, const frt_shape_t *s,
                             const int64_t **out, frt_error_t *err) {
  const frt_api_attr_t *a = frt_infer_attr(x, "paddings");
  bool fits = a->count == 2 * s->rank;
  for (uint32_t i = 0; fits && i < a->count; ++i)
    fits = a->v.is[i] >= 0 && a->v.is[i] <= INT64_MAX / 4;
  *out = a->v.is;
  if (fits) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "paddings",
                    "paddings is %s; wanted %u numbers >= 0, before and after each axis, "
                    "as %s has shape %s", shape_text_of(a->count, a->v.is).s, 2 * s->rank,
                    slot, shape_text(s).s);
}

static frt_status_t pad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  const int64_t *p;
  frt_shape_t out = *s;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(paddings(x, "X", s, &p, err));
  for (uint32_t i = 0; i < s->rank; ++i)
    if (s->dims[i] >= 0 &&
        __builtin_add_overflow(s->dims[i], p[2 * i] + p[2 * i + 1], &out.dims[i]))
      return shape_fail(err, FRT_INVALID_ARGUMENT, "paddings",
                        "X has shape %s; padded extent %u overflows 64 bits",
                        shape_text(s).s, i);
  return shape_out(x, "Out", out, err);
}

static frt_status_t pad_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *g = frt_infer_in(x, "Out@GRAD");
  const int64_t *p;
  frt_shape_t out = *g;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(paddings(x, "Out@GRAD", g, &p, err));
  for (uint32_t i = 0; i < g->rank; ++i) {
    if (g->dims[i] < 0) continue;
    out.dims[i] = g->dims[i] - p[2 * i] - p[2 * i + 1];
    if (out.dims[i] < 0)
      return shape_fail(err, FRT_INVALID_ARGUMENT, "Out@GRAD",
                        "Out@GRAD has shape %s; wanted extent %u to be %lld at least, as "
                        "paddings says", shape_text(g).s, i,
                        (long long)(p[2 * i] + p[2 * i + 1]));
  }
  return shape_out(x, "X@GRAD", out, err);
}

static frt_cost_t no_flops(const frt_infer_t *x) { return shape_cost(x, 0); }
static frt_cost_t expand_grad_cost(const frt_infer_t *x) {
  return shape_cost(x, shape_elements(frt_infer_in(x, "Out@GRAD")));
}

#define PERM {"axis", FRT_ATTR_INTS, 0, "Out's axis i is X's axis axis[i]"}
#define QUANTIZED SHAPE_IGNORED_BOOL("use_quantizer")
#define MKLDNN SHAPE_IGNORED_BOOL("use_mkldnn")
#define FORMAT SHAPE_IGNORED_STRING("data_format", "AnyLayout")
#define NO_TENSOR(slot) {slot, FRT_INTS, SHAPE_REFUSED, "[n]"}
#define NO_TENSORS(slot) {slot, FRT_INTS, SHAPE_REFUSED | FRT_SLOT_VARIADIC, "[1] each"}
#define AXES {"axes", FRT_ATTR_INTS, 0, "axes to cut, each once"}
#define STARTS {"starts", FRT_ATTR_INTS, FRT_ATTR_DEFAULT, \
                "first index an axis, negative from the end, clamped to the extent"}
#define ENDS {"ends", FRT_ATTR_INTS, FRT_ATTR_DEFAULT, \
              "end (exclusive) an axis, likewise; not above start gives extent 0"}
#define FLAGS {"infer_flags", FRT_ATTR_INTS, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, \
               "no meaning here"}
#define DECREASE {"decrease_axis", FRT_ATTR_INTS, FRT_ATTR_DEFAULT, \
                  "axes of extent 1 that the result does not keep"}
#define TIMES {"expand_times", FRT_ATTR_INTS, FRT_ATTR_DEFAULT, "one number >= 1 an axis"}
#define PADDINGS {"paddings", FRT_ATTR_INTS, 0, "before and after each axis, >= 0"}
#define ANY(slot, doc) {slot, FRT_ANY_DTYPE, 0, doc}
#define BACK(slot, doc) {slot, FRT_ANY_DTYPE, FRT_SLOT_OPTIONAL, doc}

FRT_OPS(layout) = {
    {.type = "transpose2",
     .doc = "Out = X with its axes in another order.",
     .source = "PaddlePaddle 1.8 op transpose2",
     .inputs = {ANY("X", "any shape")},
     .outputs = {ANY("Out", "dims of X, permuted"), NOTE_OUT},
     .attrs = {PERM, MKLDNN, FORMAT, QUANTIZED},
     .infer_shape = transpose2_shape, .cost = no_flops, .grad = "transpose2_grad"},
    {.type = "transpose2_grad",
     .doc = "X@GRAD = Out@GRAD with its axes back in order.",
     .source = "PaddlePaddle 1.8 op transpose2_grad",
     .inputs = {ANY("Out@GRAD", "dims of X, permuted"), NOTE_IN},
     .outputs = {BACK("X@GRAD", "dims of X")},
     .attrs = {PERM, FORMAT, MKLDNN, QUANTIZED},
     .infer_shape = transpose2_grad_shape, .cost = no_flops, .grad = FRT_NO_GRAD},
    {.type = "slice",
     .doc = "Out = Input[start .. end - 1] along each of axes.",
     .source = "PaddlePaddle 1.8 op slice; an empty range gives extent 0 here",
     .inputs = {ANY("Input", "any shape"), NO_TENSOR("StartsTensor"),
                NO_TENSOR("EndsTensor"), NO_TENSORS("StartsTensorList"),
                NO_TENSORS("EndsTensorList")},
     .outputs = {ANY("Out", "what was cut, without decrease_axis; [1] if none is left")},
     .attrs = {AXES, STARTS, ENDS, FLAGS, DECREASE},
     .infer_shape = slice_shape, .cost = no_flops, .grad = "slice_grad"},
    {.type = "slice_grad",
     .doc = "Input@GRAD = Out@GRAD where it was cut from, 0 elsewhere.",
     .source = "PaddlePaddle 1.8 op slice_grad",
     .inputs = {NO_TENSOR("EndsTensor"), NO_TENSORS("EndsTensorList"),
                {"Input", FRT_ANY_DTYPE, FRT_SLOT_SHAPE_ONLY, "any shape"},
                ANY("Out@GRAD", "shape of Out"), NO_TENSOR("StartsTensor"),
                NO_TENSORS("StartsTensorList")},
     .outputs = {BACK("Input@GRAD", "shape of Input")},
     .attrs = {AXES, DECREASE, ENDS, FLAGS, STARTS},
     .infer_shape = slice_grad_shape, .cost = no_flops, .grad = FRT_NO_GRAD},
    {.type = "expand",
     .doc = "Out = X laid side by side expand_times along each axis.",
     .source = "PaddlePaddle 1.8 op expand",
     .inputs = {ANY("X", "any shape"), NO_TENSOR("ExpandTimes"),
                NO_TENSORS("expand_times_tensor")},
     .outputs = {ANY("Out", "dims of X times expand_times")},
     .attrs = {TIMES},
     .infer_shape = expand_shape, .cost = no_flops, .grad = "expand_grad"},
    {.type = "expand_grad",
     .doc = "X@GRAD = the sum of the copies in Out@GRAD.",
     .source = "PaddlePaddle 1.8 op expand_grad",
     .inputs = {NO_TENSOR("ExpandTimes"), {"Out@GRAD", FRT_FLOATS, 0, "shape of Out"},
                {"X", FRT_FLOATS, FRT_SLOT_SHAPE_ONLY, "any shape"},
                NO_TENSORS("expand_times_tensor")},
     .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},
     .attrs = {TIMES},
     .infer_shape = expand_grad_shape, .cost = expand_grad_cost, .grad = FRT_NO_GRAD},
    {.type = "pad",
     .doc = "Out = X in a frame of pad_value.",
     .source = "PaddlePaddle 1.8 op pad",
     .inputs = {{"X", FRT_NUMBERS, 0, "any shape"}},
     .outputs = {{"Out", FRT_NUMBERS, 0, "dims of X plus both paddings"}},
     .attrs = {PADDINGS, {"pad_value", FRT_ATTR_F32, FRT_ATTR_DEFAULT,
                          "the frame; integers take it truncated", 0}},
     .infer_shape = pad_shape, .cost = no_flops, .grad = "pad_grad"},
    {.type = "pad_grad",
     .doc = "X@GRAD = Out@GRAD without the frame.",
     .source = "PaddlePaddle 1.8 op pad_grad",
     .inputs = {ANY("Out@GRAD", "shape of Out")},
     .outputs = {BACK("X@GRAD", "shape of X")},
     .attrs = {{"pad_value", FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED,
                "the forward op's"}, PADDINGS},
     .infer_shape = pad_grad_shape, .cost = no_flops, .grad = FRT_NO_GRAD},
    {0}};
