/* Helpers for infer_shape and cost; private to the schema files. A dim of -1 is not
 * known yet: it agrees with everything and never causes a refusal. */
#ifndef FRTI_OPS_SHAPE_H
#define FRTI_OPS_SHAPE_H

#include <stdbool.h>

#include "fluidrt/op.h"

/* An attribute that Fluid writes and that has no meaning here. */
#define SHAPE_IGNORED_BOOL(name) \
  {name, FRT_ATTR_BOOL, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, "no meaning here"}
#define SHAPE_IGNORED_STRING(name, def_s) \
  {name, FRT_ATTR_STRING, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, "no meaning here", 0, def_s}
#define SHAPE_REFUSED (FRT_SLOT_OPTIONAL | FRT_SLOT_REFUSED)

/* ---- text ----------------------------------------------------------------- */

typedef struct shape_text { char s[128]; } shape_text_t;

static inline shape_text_t shape_text_of(uint32_t rank, const int64_t *dims) {
  shape_text_t t = {"["};
  size_t at = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    int n = snprintf(t.s + at, sizeof t.s - at, i ? ", %lld" : "%lld",
                     (long long)dims[i]);
    if (n < 0 || (size_t)n + 6 >= sizeof t.s - at) {
      memcpy(t.s + at, "...", 4);
      at += 3;
      break;
    }
    at += (size_t)n;
  }
  memcpy(t.s + at, "]", 2);
  return t;
}
static inline shape_text_t shape_text(const frt_shape_t *s) {
  return shape_text_of(s->rank, s->dims);
}
/* "float32, int64" */
static inline shape_text_t shape_dtypes_text(uint32_t mask) {
  shape_text_t t = {""};
  size_t at = 0;
  for (uint32_t d = 0; d < 32; ++d) {
    if (!(mask & FRT_DTYPE_BIT(d)) || !frt_dtype_size(d)) continue;
    int n = snprintf(t.s + at, sizeof t.s - at, "%s%s", at ? ", " : "",
                     frt_dtype_name(d));
    if (n < 0 || (size_t)n >= sizeof t.s - at) break;
    at += (size_t)n;
  }
  return t;
}

/* frt_fail that also names the slot or attribute. */
static inline frt_status_t shape_fail(frt_error_t *err, frt_status_t status,
                                      const char *name, const char *fmt, ...)
    FRT_PRINTF(4, 5);
static inline frt_status_t shape_fail(frt_error_t *err, frt_status_t status,
                                      const char *name, const char *fmt, ...) {
  va_list ap;
  if (!err) return status;
  frt_fail(err, status, "%s", "");
  snprintf(err->name, sizeof err->name, "%s", name);
  va_start(ap, fmt);
  frt_error_text_(err->message, sizeof err->message, fmt, ap);
  va_end(ap);
  return status;
}

/* ---- attributes ----------------------------------------------------------- */

static inline int64_t shape_int(const frt_infer_t *x, const char *name) {
  return frt_infer_attr(x, name)->v.i;
}
static inline double shape_f32(const frt_infer_t *x, const char *name) {
  return frt_infer_attr(x, name)->v.f;
}
static inline const char *shape_str(const frt_infer_t *x, const char *name) {
  const char *s = frt_infer_attr(x, name)->v.s;
  return s ? s : "";
}

/* ---- sizes ---------------------------------------------------------------- */

/* The product of dims [from, to): false when it overflows; -1 = not known. */
static inline bool shape_product(const frt_shape_t *s, uint32_t from, uint32_t to,
                                 int64_t *out) {
  int64_t n = 1;
  bool known = true;
  for (uint32_t i = from; i < to; ++i)
    if (s->dims[i] < 0) known = false;
    else if (__builtin_mul_overflow(n, s->dims[i], &n)) return false;
  *out = known ? n : -1;
  return true;
}
static inline int64_t shape_numel(const frt_shape_t *s) {
  int64_t n = 0;
  return shape_product(s, 0, s->rank, &n) ? n : -1;
}
static inline bool shape_dim_agrees(int64_t a, int64_t b) {
  return a == b || a < 0 || b < 0;
}
static inline bool shape_agrees(const frt_shape_t *a, const frt_shape_t *b) {
  if (a->rank != b->rank) return false;
  for (uint32_t i = 0; i < a->rank; ++i)
    if (!shape_dim_agrees(a->dims[i], b->dims[i])) return false;
  return true;
}
/* Both agree: what either knows. */
static inline void shape_join(frt_shape_t *to, const frt_shape_t *from) {
  for (uint32_t i = 0; i < to->rank; ++i)
    if (to->dims[i] < 0) to->dims[i] = from->dims[i];
}
static inline frt_shape_t shape_scalar(uint32_t dtype) {
  frt_shape_t s = {dtype, 1, {1}};
  return s;
}
static inline frt_shape_t shape_with(const frt_shape_t *s, uint32_t dtype) {
  frt_shape_t t = *s;
  t.dtype = dtype;
  return t;
}

/* ---- checks ----------------------------------------------------------------- */

/* dtype against the slot's mask, rank and extents, and a size that fits. */
static inline frt_status_t shape_sane(const frt_slot_def_t *slot, const frt_shape_t *s,
                                      frt_error_t *err) {
  int64_t n, bytes;
  if (s->dtype > 31 || !(slot->dtypes & FRT_DTYPE_BIT(s->dtype)))
    return shape_fail(err, FRT_INVALID_ARGUMENT, slot->name,
                      "%s has dtype %s; wanted %s", slot->name,
                      frt_dtype_name(s->dtype), shape_dtypes_text(slot->dtypes).s);
  if (s->rank > FRT_MAX_RANK)
    return shape_fail(err, FRT_INVALID_ARGUMENT, slot->name,
                      "%s has rank %u; wanted at most %d", slot->name, s->rank,
                      FRT_MAX_RANK);
  for (uint32_t i = 0; i < s->rank; ++i)
    if (s->dims[i] < -1)
      return shape_fail(err, FRT_INVALID_ARGUMENT, slot->name,
                        "%s has shape %s; wanted extents >= 0, or -1 for unknown",
                        slot->name, shape_text(s).s);
  if (!shape_product(s, 0, s->rank, &n) ||
      (n > 0 && __builtin_mul_overflow(n, (int64_t)frt_dtype_size(s->dtype), &bytes)))
    return shape_fail(err, FRT_INVALID_ARGUMENT, slot->name,
                      "%s has shape %s; its size overflows 64 bits", slot->name,
                      shape_text(s).s);
  return FRT_OK;
}
/* Every infer_shape begins with this. */
static inline frt_status_t shape_inputs(const frt_infer_t *x, frt_error_t *err) {
  for (int i = 0; i < FRT_MAX_SLOTS && x->schema->inputs[i].name; ++i)
    for (uint32_t k = 0; k < x->in[i].count; ++k)
      FRT_TRY(shape_sane(&x->schema->inputs[i], &x->in[i].shapes[k], err));
  return FRT_OK;
}
/* ... and ends with this, once for each output; an absent one is skipped. */
static inline frt_status_t shape_out(const frt_infer_t *x, const char *slot,
                                     frt_shape_t s, frt_error_t *err) {
  const int i = frt_infer_index_(x->schema->outputs, slot);
  if (i < 0 || !x->out[i].count) return FRT_OK;
  FRT_TRY(shape_sane(&x->schema->outputs[i], &s, err));
  for (uint32_t d = s.rank; d < FRT_MAX_RANK; ++d) s.dims[d] = 0;
  x->out[i].shapes[0] = s;
  return FRT_OK;
}
static inline frt_status_t shape_same_dtype(const char *slot, const frt_shape_t *got,
                                            const char *as, const frt_shape_t *want,
                                            frt_error_t *err) {
  if (got->dtype == want->dtype) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, slot,
                    "%s has dtype %s; wanted %s, the dtype of %s", slot,
                    frt_dtype_name(got->dtype), frt_dtype_name(want->dtype), as);
}
/* `got` must have dtype and shape of `want`; `as` names the latter. */
static inline frt_status_t shape_same(const char *slot, const frt_shape_t *got,
                                      const char *as, const frt_shape_t *want,
                                      frt_error_t *err) {
  FRT_TRY(shape_same_dtype(slot, got, as, want, err));
  if (shape_agrees(got, want)) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, slot,
                    "%s has shape %s; wanted %s, the shape of %s", slot,
                    shape_text(got).s, shape_text(want).s, as);
}
/* A dtype attribute that must fit the mask of output `slot`. */
static inline frt_status_t shape_dtype_attr(const frt_infer_t *x, const char *attr,
                                            const char *slot, uint32_t *dtype,
                                            frt_error_t *err) {
  const int64_t v = shape_int(x, attr);
  const int out = frt_infer_index_(x->schema->outputs, slot);
  const uint32_t mask = x->schema->outputs[out].dtypes;
  *dtype = 0;
  if (v < 0 || v > 31 || !(mask & FRT_DTYPE_BIT(v)) || !frt_dtype_size((uint32_t)v))
    return shape_fail(err, FRT_INVALID_ARGUMENT, attr,
                      "%s is %lld (%s); wanted the number of %s", attr, (long long)v,
                      v < 0 || v > 31 ? "no dtype" : frt_dtype_name((uint32_t)v),
                      shape_dtypes_text(mask).s);
  *dtype = (uint32_t)v;
  return FRT_OK;
}
/* A shape attribute with extents >= `least`; fills rank and dims. */
static inline frt_status_t shape_attr(const frt_infer_t *x, const char *attr,
                                      int64_t least, frt_shape_t *out, frt_error_t *err) {
  const frt_api_attr_t *a = frt_infer_attr(x, attr);
  if (a->count < 1 || a->count > FRT_MAX_RANK)
    return shape_fail(err, FRT_INVALID_ARGUMENT, attr,
                      "%s has %u extents; wanted 1 to %d", attr, a->count, FRT_MAX_RANK);
  out->rank = a->count;
  for (uint32_t i = 0; i < a->count; ++i) {
    out->dims[i] = a->v.is[i];
    if (out->dims[i] < least)
      return shape_fail(err, FRT_INVALID_ARGUMENT, attr,
                        "%s is %s; wanted extents >= %lld", attr,
                        shape_text_of(a->count, a->v.is).s, (long long)least);
  }
  return FRT_OK;
}
/* An axis in [-rank, rank); fills the non-negative form. */
static inline frt_status_t shape_axis(const char *attr, int64_t axis, const char *slot,
                                      const frt_shape_t *s, uint32_t *out,
                                      frt_error_t *err) {
  const int64_t rank = s->rank;
  *out = 0;
  if (axis < -rank || axis >= rank)
    return shape_fail(err, FRT_INVALID_ARGUMENT, attr,
                      "%s is %lld; wanted %lld to %lld as %s has shape %s", attr,
                      (long long)axis, (long long)-rank, (long long)rank - 1, slot,
                      shape_text(s).s);
  *out = (uint32_t)(axis < 0 ? axis + rank : axis);
  return FRT_OK;
}

/* ---- whole inferences that several families share --------------------------- */

/* Out: dtype and shape of X. */
static inline frt_status_t shape_unary(const frt_infer_t *x, frt_error_t *err) {
  FRT_TRY(shape_inputs(x, err));
  return shape_out(x, "Out", *frt_infer_in(x, "X"), err);
}
/* X@GRAD: that of Out@GRAD and of `other` (X or Out), which must be alike. */
static inline frt_status_t shape_unary_grad(const frt_infer_t *x, const char *other,
                                            frt_error_t *err) {
  const frt_shape_t *g = frt_infer_in(x, "Out@GRAD"), *o = frt_infer_in(x, other);
  frt_shape_t out = *o;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_same("Out@GRAD", g, other, o, err));
  shape_join(&out, g);
  return shape_out(x, "X@GRAD", out, err);
}

/* ---- cost ------------------------------------------------------------------- */

static inline double shape_elements(const frt_shape_t *s) {
  const int64_t n = shape_numel(s);
  return n > 0 ? (double)n : 0;
}
static inline double shape_slot_bytes(const frt_slot_def_t *defs,
                                      const frt_infer_slot_t *slots) {
  double bytes = 0;
  for (int i = 0; i < FRT_MAX_SLOTS && defs[i].name; ++i)
    for (uint32_t k = 0; k < slots[i].count; ++k)
      if (!(defs[i].flags & FRT_SLOT_SHAPE_ONLY))
        bytes += shape_elements(&slots[i].shapes[k]) *
                 (double)frt_dtype_size(slots[i].shapes[k].dtype);
  return bytes;
}
/* All that is read and written, with these many flops. */
static inline frt_cost_t shape_cost(const frt_infer_t *x, double flops) {
  frt_cost_t c = {flops, shape_slot_bytes(x->schema->inputs, x->in) +
                             shape_slot_bytes(x->schema->outputs, x->out)};
  return c;
}

#endif
