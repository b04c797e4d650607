/* Elements of a dtype that is known by its number only. */
#ifndef FRT_CUDA_DTYPE_H
#define FRT_CUDA_DTYPE_H

#include "gpu.h"

/* An fp16 or bf16 number from its fields. */
static FRT_GPU_FN inline double frt_gpu_half_to_double(uint16_t h, int mantissa, int bias) {
  const int exp_max = (1 << (15 - mantissa)) - 1;
  const int e = (h >> mantissa) & exp_max, m = h & ((1 << mantissa) - 1);
  double v;
  if (e == exp_max) v = m ? (double)NAN : (double)INFINITY;
  else if (e == 0) v = ldexp((double)m, 1 - bias - mantissa);
  else v = ldexp((double)(m + (1 << mantissa)), e - bias - mantissa);
  return h & 0x8000u ? -v : v;
}
/* Round to nearest, ties to even; too large becomes infinity. */
static FRT_GPU_FN inline uint16_t frt_gpu_double_to_half(double x, int mantissa, int bias) {
  const uint32_t exp_max = (1u << (15 - mantissa)) - 1, inf = exp_max << mantissa;
  const uint32_t sign = signbit(x) ? 0x8000u : 0;
  double q;
  int e;
  if (x != x) return (uint16_t)(sign | inf | (1u << (mantissa - 1)));
  x = fabs(x);
  if (x == 0) return (uint16_t)sign;
  if (x > 1e300) return (uint16_t)(sign | inf);
  e = ilogb(x);
  if (e < 1 - bias) e = 1 - bias;
  /* q counts units in the last place of this exponent; a carry moves up by itself. */
  q = nearbyint(ldexp(x, mantissa - e));
  if (e > bias) return (uint16_t)(sign | inf);
  q += ldexp((double)(e + bias - 1), mantissa);
  return (uint16_t)(sign | (q >= (double)inf ? inf : (uint32_t)q));
}

static FRT_GPU_BOTH inline int frt_gpu_is_int(uint32_t dtype) {
  return dtype == FRT_BOOL || dtype == FRT_I16 || dtype == FRT_I32 || dtype == FRT_I64 ||
         dtype == FRT_U8 || dtype == FRT_I8;
}
static FRT_GPU_FN inline double frt_gpu_load_real(uint32_t dtype, const void *p, int64_t i) {
  switch (dtype) {
    case FRT_F16: return frt_gpu_half_to_double(((const uint16_t *)p)[i], 10, 15);
    case FRT_BF16: return frt_gpu_half_to_double(((const uint16_t *)p)[i], 7, 127);
    case FRT_F32: return ((const float *)p)[i];
    default: return ((const double *)p)[i];
  }
}
static FRT_GPU_FN inline int64_t frt_gpu_load_int(uint32_t dtype, const void *p, int64_t i) {
  switch (dtype) {
    case FRT_BOOL: return ((const uint8_t *)p)[i] != 0;
    case FRT_U8: return ((const uint8_t *)p)[i];
    case FRT_I8: return ((const int8_t *)p)[i];
    case FRT_I16: return ((const int16_t *)p)[i];
    case FRT_I32: return ((const int32_t *)p)[i];
    default: return ((const int64_t *)p)[i];
  }
}
static FRT_GPU_FN inline void frt_gpu_store_real(uint32_t dtype, void *p, int64_t i, double v) {
  switch (dtype) {
    case FRT_F16: ((uint16_t *)p)[i] = frt_gpu_double_to_half(v, 10, 15); return;
    case FRT_BF16: ((uint16_t *)p)[i] = frt_gpu_double_to_half(v, 7, 127); return;
    case FRT_F32: ((float *)p)[i] = (float)v; return;
    default: ((double *)p)[i] = v; return;
  }
}
/* Wraps around. */
static FRT_GPU_FN inline void frt_gpu_store_int(uint32_t dtype, void *p, int64_t i, int64_t v) {
  switch (dtype) {
    case FRT_BOOL: ((uint8_t *)p)[i] = v != 0; return;
    case FRT_U8: case FRT_I8: ((uint8_t *)p)[i] = (uint8_t)v; return;
    case FRT_I16: ((uint16_t *)p)[i] = (uint16_t)v; return;
    case FRT_I32: ((uint32_t *)p)[i] = (uint32_t)v; return;
    default: ((int64_t *)p)[i] = v; return;
  }
}
/* From a real number to an integer type: truncated and saturated, NaN is 0. */
static FRT_GPU_FN inline int64_t frt_gpu_saturated(uint32_t dtype, double v) {
  switch (dtype) {
    case FRT_BOOL: return v != 0;
    case FRT_U8: return frt_gpu_whole(v, 0, UINT8_MAX);
    case FRT_I8: return frt_gpu_whole(v, INT8_MIN, INT8_MAX);
    case FRT_I16: return frt_gpu_whole(v, INT16_MIN, INT16_MAX);
    case FRT_I32: return frt_gpu_whole(v, INT32_MIN, INT32_MAX);
    default: return frt_gpu_whole(v, INT64_MIN, INT64_MAX);
  }
}

#endif
