#include "ref.h"

static frt_status_t scale(const ref_call_t *c, frt_error_t *err) {
  const double s = frt_attr_f32(c->op, FRT_SCALE_ATTR_SCALE);
  const double b = frt_attr_f32(c->op, FRT_SCALE_ATTR_BIAS);
  const int after = frt_attr_bool(c->op, FRT_SCALE_ATTR_BIAS_AFTER_SCALE);
  const ref_tensor_t *x = ref_in(c, FRT_SCALE_IN_X), *out = ref_out(c, FRT_SCALE_OUT_OUT);
  (void)err;
  for (int64_t i = 0; i < x->n; ++i) {
    const double v = x->v[i];
    if (after) ref_put(out, i, s * v + b, fabs(s * v) + fabs(b));
    else ref_put(out, i, s * (v + b), fabs(s) * (fabs(v) + fabs(b)));
  }
  return FRT_OK;
}

/* Scale and bias are truncated to integers first, as Fluid does. */
static frt_status_t scale_ints(const ref_call_t *c, frt_error_t *err) {
  const int64_t s = ref_to_i64(frt_attr_f32(c->op, FRT_SCALE_ATTR_SCALE), INT64_MIN,
                               INT64_MAX);
  const int64_t b = ref_to_i64(frt_attr_f32(c->op, FRT_SCALE_ATTR_BIAS), INT64_MIN,
                               INT64_MAX);
  const int after = frt_attr_bool(c->op, FRT_SCALE_ATTR_BIAS_AFTER_SCALE);
  const ref_tensor_t *x = ref_in(c, FRT_SCALE_IN_X), *out = ref_out(c, FRT_SCALE_OUT_OUT);
  (void)err;
  for (int64_t i = 0; i < x->n; ++i)
    out->i[i] = after ? ref_add(ref_mul(s, x->i[i]), b) : ref_mul(s, ref_add(x->i[i], b));
  return FRT_OK;
}

static frt_status_t sum(const ref_call_t *c, frt_error_t *err) {
  const ref_slot_t *xs = &c->in[FRT_SUM_IN_X];
  const ref_tensor_t *out = ref_out(c, FRT_SUM_OUT_OUT);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    double v = 0, mag = 0;
    for (uint32_t k = 0; k < xs->count; ++k) {
      v += xs->t[k].v[i];
      mag += fabs(xs->t[k].v[i]);
    }
    ref_put(out, i, v, mag);
  }
  return FRT_OK;
}

static frt_status_t sum_ints(const ref_call_t *c, frt_error_t *err) {
  const ref_slot_t *xs = &c->in[FRT_SUM_IN_X];
  const ref_tensor_t *out = ref_out(c, FRT_SUM_OUT_OUT);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    out->i[i] = 0;
    for (uint32_t k = 0; k < xs->count; ++k)
      out->i[i] = ref_add(out->i[i], xs->t[k].i[i]);
  }
  return FRT_OK;
}

static frt_status_t increment(const ref_call_t *c, frt_error_t *err) {
  const double step = frt_attr_f32(c->op, FRT_INCREMENT_ATTR_STEP);
  const ref_tensor_t *x = ref_in(c, FRT_INCREMENT_IN_X);
  const ref_tensor_t *out = ref_out(c, FRT_INCREMENT_OUT_OUT);
  (void)err;
  for (int64_t i = 0; i < x->n; ++i) {
    if (out->i)
      out->i[i] = ref_add(x->i[i], ref_to_i64(step, INT64_MIN, INT64_MAX));
    else
      ref_put(out, i, x->v[i] + step, fabs(x->v[i]) + fabs(step));
  }
  return FRT_OK;
}

/* A floating-point number as that type of integer: truncated, held to its range. */
static double as_integer(uint32_t dtype, double v) {
  static const struct { uint32_t dtype; double lo, hi; } ranges[] = {
      {FRT_U8, 0, UINT8_MAX}, {FRT_I8, INT8_MIN, INT8_MAX}, {FRT_I16, INT16_MIN, INT16_MAX},
      {FRT_I32, INT32_MIN, INT32_MAX}, {FRT_I64, -0x1p63, 0x1p63}};
  if (v != v) return 0.0;
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; ++i)
    if (ranges[i].dtype == dtype) v = fmin(fmax(v, ranges[i].lo), ranges[i].hi);
  return trunc(v);
}

static frt_status_t cast(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_CAST_IN_X), *out = ref_out(c, FRT_CAST_OUT_OUT);
  const uint32_t to = out->meta->dtype;
  (void)err;
  for (int64_t i = 0; i < x->n; ++i) {
    if (out->i) { /* storing wraps, and rounds once to a float type */
      out->i[i] = x->i[i];
    } else if (to == FRT_BOOL) {
      ref_put_own(out, i, x->v[i] != 0);
    } else if (ref_is_int(to)) {
      ref_put_own(out, i, as_integer(to, x->v[i]));
    } else {
      ref_put_own(out, i, x->v[i]);
    }
  }
  return FRT_OK;
}

static frt_status_t assign(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_ASSIGN_IN_X), *out = ref_out(c, FRT_ASSIGN_OUT_OUT);
  (void)err;
  for (int64_t i = 0; x && i < x->n; ++i) ref_put_own(out, i, x->v[i]);
  return FRT_OK;
}

/* Regularization: l2 adds coeff Param, l1 adds coeff sign(Param). */
static frt_status_t decay(const ref_call_t *c, frt_error_t *err) {
  const double coeff = frt_attr_f32(c->op, FRT_DECAY_ATTR_COEFF);
  const int l1 = !strcmp(frt_attr_str(c->op, FRT_DECAY_ATTR_MODE), "l1");
  const ref_tensor_t *g = ref_in(c, FRT_DECAY_IN_GRAD), *p = ref_in(c, FRT_DECAY_IN_PARAM);
  (void)err;
  for (int64_t i = 0; i < g->n; ++i) {
    const double w = p->v[i];
    const double term = coeff * (!l1 ? w : w > 0 ? 1.0 : w < 0 ? -1.0 : 0.0);
    ref_put(ref_out(c, FRT_DECAY_OUT_OUT), i, g->v[i] + term, fabs(g->v[i]) + fabs(term));
  }
  return FRT_OK;
}

REF_KERNELS(scale) = {{"scale", FRT_NUMBERS, scale, scale_ints, 0},
                      {"sum", FRT_NUMBERS, sum, sum_ints, 0},
                      {"increment", FRT_NUMBERS, increment, increment, 0},
                      {"cast", FRT_ANY_DTYPE, cast, cast, 0},
                      {"assign", FRT_ANY_DTYPE, assign, NULL, REF_BYTES},
                      {"decay", FRT_FLOATS, decay, NULL, 0},
                      REF_END};
