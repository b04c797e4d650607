#include "ref.h"

/* A decimal number as Fluid prints them into str_value. Not strtod, which follows the
 * locale: digits beyond 19 are dropped, the rest is one or two roundings in long
 * double, far below an fp32 rounding. */
static double parse_number(const char *s) {
  long double m = 0;
  int digits = 0, point = 0, scale = 0, e = 0, e_negative, negative = *s == '-';
  if (*s == '-' || *s == '+') ++s;
  if (!strncmp(s, "inf", 3)) return negative ? -(double)INFINITY : (double)INFINITY;
  if (!strncmp(s, "nan", 3)) return (double)NAN;
  for (; (*s >= '0' && *s <= '9') || (*s == '.' && !point); ++s) {
    if (*s == '.') {
      point = 1;
      continue;
    }
    if (digits < 19) m = m * 10 + (*s - '0');
    else ++scale;
    if (m > 0) ++digits;
    if (point) --scale;
  }
  if (*s == 'e' || *s == 'E') {
    e_negative = *++s == '-';
    if (*s == '-' || *s == '+') ++s;
    for (; *s >= '0' && *s <= '9'; ++s)
      if (e < 9999) e = e * 10 + (*s - '0');
    scale += e_negative ? -e : e;
  }
  if (m > 0) m = scale < 0 ? m / powl(10.0L, -scale) : m * powl(10.0L, scale);
  return negative ? -(double)m : (double)m;
}

/* The integer in `s`, exact and saturated; text with a point or an exponent goes
 * through double. */
static int64_t parse_int(const char *s) {
  const int negative = *s == '-';
  const uint64_t limit = (uint64_t)INT64_MAX + (uint64_t)negative;
  uint64_t m = 0;
  const char *p = s + (*s == '-' || *s == '+');
  for (; *p >= '0' && *p <= '9'; ++p) {
    if (m > (limit - (uint64_t)(*p - '0')) / 10)
      return negative ? INT64_MIN : INT64_MAX;
    m = m * 10 + (uint64_t)(*p - '0');
  }
  if (*p) return ref_to_i64(parse_number(s), INT64_MIN, INT64_MAX);
  return negative ? ref_sub(0, (int64_t)m) : (int64_t)m;
}

/* str_value if it says something, else value. */
static void fill(const ref_tensor_t *out, double value, const char *text) {
  const int has_text = text && *text;
  double number = has_text ? parse_number(text) : value;
  if (out->meta->dtype == FRT_BOOL) number = number != 0;
  for (int64_t i = 0; i < out->n; ++i)
    if (!out->i) ref_put_own(out, i, number);
    else if (has_text && out->meta->dtype != FRT_BOOL) out->i[i] = parse_int(text);
    else out->i[i] = ref_to_i64(number, INT64_MIN, INT64_MAX);
}

static frt_status_t fill_constant(const ref_call_t *c, frt_error_t *err) {
  (void)err;
  fill(ref_out(c, FRT_FILL_CONSTANT_OUT_OUT),
       frt_attr_f32(c->op, FRT_FILL_CONSTANT_ATTR_VALUE),
       frt_attr_str(c->op, FRT_FILL_CONSTANT_ATTR_STR_VALUE));
  return FRT_OK;
}

static frt_status_t fill_like(const ref_call_t *c, frt_error_t *err) {
  (void)err;
  fill(ref_out(c, FRT_FILL_CONSTANT_BATCH_SIZE_LIKE_OUT_OUT),
       frt_attr_f32(c->op, FRT_FILL_CONSTANT_BATCH_SIZE_LIKE_ATTR_VALUE),
       frt_attr_str(c->op, FRT_FILL_CONSTANT_BATCH_SIZE_LIKE_ATTR_STR_VALUE));
  return FRT_OK;
}

static frt_status_t fill_zeros(const ref_call_t *c, frt_error_t *err) {
  (void)err;
  fill(ref_out(c, FRT_FILL_ZEROS_LIKE_OUT_OUT), 0, NULL);
  return FRT_OK;
}

/* The list that the dtype names holds the values. */
static const frt_api_attr_t *values_of(const ref_call_t *c, uint32_t dtype) {
  switch (dtype) {
    case FRT_BOOL: return &c->op->attrs[FRT_ASSIGN_VALUE_ATTR_BOOL_VALUES];
    case FRT_I32: return &c->op->attrs[FRT_ASSIGN_VALUE_ATTR_INT32_VALUES];
    case FRT_I64: return &c->op->attrs[FRT_ASSIGN_VALUE_ATTR_INT64_VALUES];
    default: return &c->op->attrs[FRT_ASSIGN_VALUE_ATTR_FP32_VALUES];
  }
}

static frt_status_t assign_value(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *out = ref_out(c, FRT_ASSIGN_VALUE_OUT_OUT);
  const frt_api_attr_t *a = values_of(c, out->meta->dtype);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    if (out->i) out->i[i] = a->v.is[i];
    else ref_put_own(out, i, a->type == FRT_ATTR_INTS ? (double)a->v.is[i] : a->v.fs[i]);
  }
  return FRT_OK;
}

REF_KERNELS(fill) = {
    {"fill_constant", FRT_NUMBERS | FRT_BOOLS, fill_constant, fill_constant, 0},
    {"fill_constant_batch_size_like", FRT_NUMBERS | FRT_BOOLS, fill_like, fill_like, 0},
    {"fill_zeros_like", FRT_NUMBERS | FRT_BOOLS, fill_zeros, fill_zeros, 0},
    {"assign_value", FRT_F32S | FRT_INTS | FRT_BOOLS, assign_value, assign_value, 0},
    REF_END};
