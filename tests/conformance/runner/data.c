/* Values: a counter-based generator, and doubles to and from the dtypes. */
#include "runner/runner.h"

/* splitmix64's finaliser: every bit of x reaches every bit of the result. */
uint64_t frti_mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t frti_hash_text(const char *text) {
  uint64_t h = 0;
  for (; *text; ++text) h = frti_mix(h ^ (unsigned char)*text);
  return h;
}

double frti_unit(uint64_t key, uint64_t index) {
  return (double)(frti_mix(key ^ frti_mix(index)) >> 11) * 0x1p-53;
}

/* IEEE half precision, to nearest even. */
static uint16_t half_bits(double v) {
  const uint16_t sign = signbit(v) ? 0x8000 : 0;
  const double a = fabs(v);
  double steps;
  int e;
  if (isnan(v)) return 0x7e00;
  if (a >= 65520) return (uint16_t)(sign | 0x7c00);
  frexp(a, &e);
  if (a == 0 || e < -13) e = -13; /* subnormal: steps of 2^-24 */
  steps = nearbyint(ldexp(a, 11 - e));
  return (uint16_t)(sign | (uint16_t)((e + 13) * 1024 + (int)steps));
}

static double half_value(uint16_t bits) {
  const int e = (bits >> 10) & 31, m = bits & 1023;
  const double a = e == 31 ? (m ? NAN : INFINITY) : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
  return bits >> 15 ? -a : a;
}

/* The upper half of a float, to nearest even. */
static uint16_t brain_bits(double v) {
  const float f = (float)v;
  uint32_t bits;
  memcpy(&bits, &f, 4);
  if (isnan(v)) return 0x7fc0;
  return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static double brain_value(uint16_t half) {
  const uint32_t bits = (uint32_t)half << 16;
  float f;
  memcpy(&f, &bits, 4);
  return (double)f;
}

double frti_round_to(uint32_t dtype, double v) {
  switch (dtype) {
    case FRT_F32: return (double)(float)v;
    case FRT_F64: return v;
    case FRT_F16: return half_value(half_bits(v));
    case FRT_BF16: return brain_value(brain_bits(v));
    case FRT_BOOL: return v != 0;
    default: return trunc(v);
  }
}

void frti_store(uint32_t dtype, void *to, int64_t i, double v) {
  switch (dtype) {
    case FRT_F32: { float x = (float)v; memcpy((char *)to + 4 * i, &x, 4); return; }
    case FRT_F64: memcpy((char *)to + 8 * i, &v, 8); return;
    case FRT_I64: { int64_t x = (int64_t)v; memcpy((char *)to + 8 * i, &x, 8); return; }
    case FRT_I32: { int32_t x = (int32_t)v; memcpy((char *)to + 4 * i, &x, 4); return; }
    case FRT_I16: { int16_t x = (int16_t)(int64_t)v; memcpy((char *)to + 2 * i, &x, 2); return; }
    case FRT_F16: { uint16_t x = half_bits(v); memcpy((char *)to + 2 * i, &x, 2); return; }
    case FRT_BF16: { uint16_t x = brain_bits(v); memcpy((char *)to + 2 * i, &x, 2); return; }
    case FRT_I8: ((int8_t *)to)[i] = (int8_t)(int64_t)v; return;
    case FRT_U8: ((uint8_t *)to)[i] = (uint8_t)(int64_t)v; return;
    case FRT_BOOL: ((uint8_t *)to)[i] = v != 0; return;
    default: return;
  }
}

double frti_load(uint32_t dtype, const void *from, int64_t i) {
  switch (dtype) {
    case FRT_F32: { float x; memcpy(&x, (const char *)from + 4 * i, 4); return x; }
    case FRT_F64: { double x; memcpy(&x, (const char *)from + 8 * i, 8); return x; }
    case FRT_I64: { int64_t x; memcpy(&x, (const char *)from + 8 * i, 8); return (double)x; }
    case FRT_I32: { int32_t x; memcpy(&x, (const char *)from + 4 * i, 4); return x; }
    case FRT_I16: { int16_t x; memcpy(&x, (const char *)from + 2 * i, 2); return x; }
    case FRT_F16: { uint16_t x; memcpy(&x, (const char *)from + 2 * i, 2); return half_value(x); }
    case FRT_BF16: { uint16_t x; memcpy(&x, (const char *)from + 2 * i, 2); return brain_value(x); }
    case FRT_I8: return ((const int8_t *)from)[i];
    case FRT_U8: case FRT_BOOL: return ((const uint8_t *)from)[i];
    default: return NAN;
  }
}

static double special(uint32_t dtype, uint64_t bits) {
  static const double common[] = {NAN, INFINITY, -INFINITY, -0.0, 0.0, 1, -1, 0.5,
                                  -2.5, 0x1p-126, -0x1p-126, 0x1.8p-130, -0x1p-149};
  const size_t n = sizeof common / sizeof common[0];
  const uint64_t k = bits % (n + 2);
  if (k < n) return common[k];
  return (k == n ? 1 : -1) * (dtype == FRT_F64 ? DBL_MAX : (double)FLT_MAX);
}

void frti_generate(const frt_case_data_t *data, uint32_t dtype, uint64_t key, double *to,
                   int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t bits = frti_mix(key ^ frti_mix((uint64_t)i));
    double v = 0;
    switch (data->kind) {
      case FRT_DATA_VALUES: v = data->v[(size_t)i % data->n]; break;
      case FRT_DATA_UNIFORM:
        v = data->lo + (data->hi - data->lo) * frti_unit(key, (uint64_t)i);
        break;
      case FRT_DATA_WHOLE:
        v = data->lo + (double)(bits % (uint64_t)(data->hi - data->lo + 1));
        break;
      case FRT_DATA_SPECIALS: v = special(dtype, bits); break;
      default: break;
    }
    to[i] = frti_round_to(dtype, v);
  }
}
