#include "ref.h"


/* An fp16 or bf16 number from its fields. */
static double half_to_double(uint16_t h, int mantissa, int bias) {
  const int exp_max = (1 << (15 - mantissa)) - 1;
  const int e = (h >> mantissa) & exp_max, m = h & ((1 << mantissa) - 1);
  double v;
  if (e == exp_max) v = m ? (double)NAN : (double)INFINITY;
  else if (e == 0) v = ldexp(m, 1 - bias - mantissa);
  else v = ldexp(m + (1 << mantissa), e - bias - mantissa);
  return h & 0x8000u ? -v : v;
}

/* Round to nearest, ties to even; too large becomes infinity. */
static uint16_t double_to_half(double x, int mantissa, int bias) {
  const uint32_t exp_max = (1u << (15 - mantissa)) - 1;
  const uint32_t sign = signbit(x) ? 0x8000u : 0, inf = exp_max << mantissa;
  double q;
  int e;
  if (x != x) return (uint16_t)(sign | inf | (1u << (mantissa - 1)));
  x = fabs(x);
  if (x == 0) return (uint16_t)sign;
  if (isinf(x)) return (uint16_t)(sign | inf);
  e = ilogb(x);
  if (e < 1 - bias) e = 1 - bias;
  /* q counts units in the last place of this exponent; a carry moves up by itself. */
  q = nearbyint(ldexp(x, mantissa - e));
  if (e > bias) return (uint16_t)(sign | inf);
  q += ldexp(e + bias - 1, mantissa);
  return (uint16_t)(sign | (q >= (double)inf ? inf : (uint32_t)q));
}

static double load_double(uint32_t dtype, const void *p, int64_t k) {
  switch (dtype) {
    case FRT_BOOL: return ((const uint8_t *)p)[k] != 0;
    case FRT_U8: return ((const uint8_t *)p)[k];
    case FRT_I8: return ((const int8_t *)p)[k];
    case FRT_I16: return ((const int16_t *)p)[k];
    case FRT_I32: return ((const int32_t *)p)[k];
    case FRT_I64: return (double)((const int64_t *)p)[k];
    case FRT_F16: return half_to_double(((const uint16_t *)p)[k], 10, 15);
    case FRT_BF16: return half_to_double(((const uint16_t *)p)[k], 7, 127);
    case FRT_F32: return ((const float *)p)[k];
    default: return ((const double *)p)[k];
  }
}

static int64_t load_int(uint32_t dtype, const void *p, int64_t k) {
  if (dtype == FRT_I64) return ((const int64_t *)p)[k];
  return ref_to_i64(load_double(dtype, p, k), INT64_MIN, INT64_MAX);
}

static void store_int(uint32_t dtype, void *p, int64_t k, int64_t v) {
  switch (dtype) {
    case FRT_BOOL: ((uint8_t *)p)[k] = v != 0; return;
    case FRT_U8: case FRT_I8: ((uint8_t *)p)[k] = (uint8_t)v; return;
    case FRT_I16: ((uint16_t *)p)[k] = (uint16_t)v; return;
    case FRT_I32: ((uint32_t *)p)[k] = (uint32_t)v; return;
    case FRT_I64: ((int64_t *)p)[k] = v; return;
    case FRT_F16: ((uint16_t *)p)[k] = double_to_half((double)v, 10, 15); return;
    case FRT_BF16: ((uint16_t *)p)[k] = double_to_half((double)v, 7, 127); return;
    case FRT_F32: ((float *)p)[k] = (float)v; return;
    default: ((double *)p)[k] = (double)v; return;
  }
}

static void store_double(uint32_t dtype, void *p, int64_t k, double v) {
  switch (dtype) {
    case FRT_BOOL: ((uint8_t *)p)[k] = v != 0; return;
    case FRT_U8: ((uint8_t *)p)[k] = (uint8_t)ref_to_i64(v, 0, UINT8_MAX); return;
    case FRT_I8: ((int8_t *)p)[k] = (int8_t)ref_to_i64(v, INT8_MIN, INT8_MAX); return;
    case FRT_I16:
      ((int16_t *)p)[k] = (int16_t)ref_to_i64(v, INT16_MIN, INT16_MAX);
      return;
    case FRT_I32:
      ((int32_t *)p)[k] = (int32_t)ref_to_i64(v, INT32_MIN, INT32_MAX);
      return;
    case FRT_I64: ((int64_t *)p)[k] = ref_to_i64(v, INT64_MIN, INT64_MAX); return;
    case FRT_F16: ((uint16_t *)p)[k] = double_to_half(v, 10, 15); return;
    case FRT_BF16: ((uint16_t *)p)[k] = double_to_half(v, 7, 127); return;
    case FRT_F32: ((float *)p)[k] = (float)v; return;
    default: ((double *)p)[k] = v; return;
  }
}

void frt_reference_load(const ref_tensor_t *t, const void *data) {
  for (int64_t k = 0; k < t->n; ++k) {
    if (t->i) t->i[k] = load_int(t->meta->dtype, data, k);
    else t->v[k] = load_double(t->meta->dtype, data, k);
  }
}

void frt_reference_store(const ref_tensor_t *t, void *data) {
  for (int64_t k = 0; k < t->n; ++k) {
    if (t->i) store_int(t->meta->dtype, data, k, t->i[k]);
    else store_double(t->meta->dtype, data, k, t->v[k]);
  }
}
