/* What the reduce ops share: axes, shapes, attributes, rows of the table. */
#ifndef FRTI_OPS_REDUCE_H
#define FRTI_OPS_REDUCE_H

#include "shape.h"

/* The axes as bits. `dim` empty or absent is Fluid's default, [0]; a `dim` that names
 * every axis is a full reduction (Fluid computes nothing there). */
static inline frt_status_t reduced_axes(const frt_infer_t *x, const frt_shape_t *s,
                                 uint32_t *mask, frt_error_t *err) {
  const frt_api_attr_t *dim = frt_infer_attr(x, "dim");
  *mask = 0;
  if (shape_int(x, "reduce_all")) {
    *mask = (1u << s->rank) - 1;
    return FRT_OK;
  }
  if (!dim->count) {
    *mask = s->rank ? 1 : 0;
    return FRT_OK;
  }
  for (uint32_t i = 0; i < dim->count; ++i) {
    uint32_t axis;
    FRT_TRY(shape_axis("dim", dim->v.is[i], "X", s, &axis, err));
    if (*mask & (1u << axis))
      return shape_fail(err, FRT_INVALID_ARGUMENT, "dim",
                        "dim is %s; wanted every axis once, %u is repeated (X has shape "
                        "%s)", shape_text_of(dim->count, dim->v.is).s, axis,
                        shape_text(s).s);
    *mask |= 1u << axis;
  }
  return FRT_OK;
}

/* This runtime converts only in `cast`. */
static inline frt_status_t same_dtype_attr(const frt_infer_t *x, const char *attr,
                                    const frt_shape_t *s, frt_error_t *err) {
  const int64_t v = shape_int(x, attr);
  if (v == -1 || v == (int64_t)s->dtype) return FRT_OK;
  if (v < 0 || v > 31 || !frt_dtype_size((uint32_t)v))
    return shape_fail(err, FRT_INVALID_ARGUMENT, attr,
                      "%s is %lld, no dtype; wanted -1 or %u (%s), the dtype of X", attr,
                      (long long)v, s->dtype, frt_dtype_name(s->dtype));
  return shape_fail(err, FRT_UNIMPLEMENTED, attr,
                    "%s is %lld (%s); wanted -1 or %u (%s), the dtype of X: use a cast op",
                    attr, (long long)v, frt_dtype_name((uint32_t)v), s->dtype,
                    frt_dtype_name(s->dtype));
}

static inline frt_status_t reduced(const frt_infer_t *x, frt_shape_t *out, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  const int keep = shape_int(x, "keep_dim") != 0;
  uint32_t mask;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(same_dtype_attr(x, "in_dtype", s, err));
  FRT_TRY(same_dtype_attr(x, "out_dtype", s, err));
  FRT_TRY(reduced_axes(x, s, &mask, err));
  *out = *s;
  out->rank = 0;
  for (uint32_t i = 0; i < s->rank; ++i)
    if (!(mask & (1u << i))) out->dims[out->rank++] = s->dims[i];
    else if (keep) out->dims[out->rank++] = 1;
  if (!out->rank) *out = shape_scalar(s->dtype);
  return FRT_OK;
}

static inline frt_status_t reduce_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(reduced(x, &out, err));
  return shape_out(x, "Out", out, err);
}

/* An extreme or a mean of nothing does not exist. */
static inline frt_status_t reduce_some_shape(const frt_infer_t *x, const char *what,
                                             frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  frt_shape_t out;
  FRT_TRY(reduced(x, &out, err));
  if (shape_numel(s) == 0 && shape_numel(&out) != 0)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X",
                      "X has shape %s; wanted at least one element to take the %s of",
                      shape_text(s).s, what);
  return shape_out(x, "Out", out, err);
}

static inline frt_status_t reduce_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *saved = frt_infer_in(x, "Out");
  frt_shape_t out;
  FRT_TRY(reduced(x, &out, err));
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "the reduced X", &out, err));
  if (saved) FRT_TRY(shape_same("Out", saved, "the reduced X", &out, err));
  return shape_out(x, "X@GRAD", *frt_infer_in(x, "X"), err);
}

/* One operation per element that goes in. */
static inline frt_cost_t reduce_cost(const frt_infer_t *x) {
  return shape_cost(x, shape_elements(frt_infer_in(x, "X")));
}

#define REDUCE_DIM {"dim", FRT_ATTR_INTS, FRT_ATTR_DEFAULT, \
                    "axes to reduce, negative from the end; empty is [0]"}
#define REDUCE_KEEP {"keep_dim", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "keep reduced axes as 1"}
#define REDUCE_ALL {"reduce_all", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, \
                    "reduce every axis, whatever dim"}
#define REDUCE_DTYPE(name) {name, FRT_ATTR_INT, FRT_ATTR_DEFAULT, "-1 or the dtype of X", -1}
#define REDUCED_DOC "X without its reduced axes, or 1 there; [1] if none is left"

#define REDUCE_FORWARD(name, formula, dtypes_, shape)                        \
  {.type = name, .doc = formula,                                             \
   .source = "PaddlePaddle 1.8 op " name                                     \
             "; a dim that names all axes is a full reduction here",         \
   .inputs = {{"X", dtypes_, 0, "any shape"}},                               \
   .outputs = {{"Out", dtypes_, 0, REDUCED_DOC}},                            \
   .attrs = {REDUCE_DIM, REDUCE_KEEP, REDUCE_ALL, REDUCE_DTYPE("in_dtype"),  \
             REDUCE_DTYPE("out_dtype")},                                     \
   .infer_shape = shape, .cost = reduce_cost, .grad = name "_grad"}
#define REDUCE_GRAD_REST                                                     \
  .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},      \
  .attrs = {REDUCE_DIM, REDUCE_DTYPE("in_dtype"), REDUCE_KEEP,               \
            REDUCE_DTYPE("out_dtype"), REDUCE_ALL},                          \
  .infer_shape = reduce_grad_shape, .grad = FRT_NO_GRAD

#endif
