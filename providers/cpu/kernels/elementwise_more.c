#include <math.h>

#include "binary.h"
#undef A
#undef B

/* powf and fmodf are libm's, one element at a time: an element's bits then never
 * depend on its place, and the special cases are those of C. */
FRT_CPU_BODY float modulo(float x, float y) {
  const float r = fmodf(x, y);
  return r != 0.0f && (r < 0.0f) != (y < 0.0f) ? r + y : r;
}

/* Unsigned: integers wrap around without undefined behaviour. */
#define INTEGERS(T, U, bits)                                               \
  FRT_CPU_BODY T power_##bits(T x, T y) {                                  \
    U r = 1, f = (U)x;                                                     \
    if (y < 0) return x == 1 ? 1 : x == -1 ? (y % 2 ? -1 : 1) : 0;         \
    for (; y; y /= 2) {                                                    \
      if (y % 2) r *= f;                                                   \
      f *= f;                                                              \
    }                                                                      \
    return (T)r;                                                           \
  }                                                                        \
  FRT_CPU_BODY T modulo_##bits(T x, T y) {                                 \
    const T r = y == -1 ? 0 : x % y;                                       \
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;                       \
  }                                                                        \
  FRT_CPU_BODY T divide_##bits(T x, T y) {                                 \
    return y == -1 ? (T)((U)0 - (U)x) : x / y; /* the most negative wraps */ \
  }                                                                        \
  FRT_CPU_BINARY(min_i##bits, T, x < y ? x : y, FRT_CPU_GRAIN)             \
  FRT_CPU_BINARY(pow_i##bits, T, power_##bits(x, y), FRT_CPU_GRAIN_MATH)   \
  FRT_CPU_BINARY(mod_i##bits, T, modulo_##bits(x, y), FRT_CPU_GRAIN_MATH)  \
  FRT_CPU_BINARY(div_i##bits, T, divide_##bits(x, y), FRT_CPU_GRAIN_MATH)
INTEGERS(int32_t, uint32_t, 32)
INTEGERS(int64_t, uint64_t, 64)
FRT_CPU_BINARY(min_f32, float, x < y ? x : y, FRT_CPU_GRAIN)
FRT_CPU_BINARY(pow_f32, float, powf(x, y), FRT_CPU_GRAIN_MATH)
FRT_CPU_BINARY(mod_f32, float, modulo(x, y), FRT_CPU_GRAIN_MATH)

static frt_status_t binary_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  (void)err;
  frt_cpu_binary_do((const frt_cpu_binary_t *)state, r);
  return FRT_OK;
}

static int64_t whole(const frt_api_tensor_t *t, int64_t at) {
  return t->dtype == FRT_I32 ? ((const int32_t *)t->data)[at] : ((const int64_t *)t->data)[at];
}

/* Looks at every divisor before anything is written. */
static frt_status_t divisor_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_cpu_binary_t *s = (const frt_cpu_binary_t *)state;
  const frt_api_tensor_t *y = frt_in(r, FRT_CPU_BINARY_Y);
  for (int64_t i = 0; s->b.numel && i < y->numel; ++i)
    if (!whole(y, i))
      return frt_fail(err, FRT_OUT_OF_RANGE,
                      "Y: element %lld is 0; an integer divisor must not be",
                      (long long)i);
  frt_cpu_binary_do(s, r);
  return FRT_OK;
}

/* The first element of Y that is negative where X is 0, or -1. */
static int64_t impossible_power(const frt_cpu_binary_t *s, const frt_run_t *r) {
  const frt_api_tensor_t *x = frt_in(r, FRT_CPU_BINARY_X), *y = frt_in(r, FRT_CPU_BINARY_Y);
  int64_t negative = 0;
  for (int64_t i = 0; i < y->numel; ++i) negative += whole(y, i) < 0;
  if (!negative) return -1;
  for (int64_t i = 0; i < s->b.numel; ++i) {
    const int64_t row = i / s->b.inner, in = i % s->b.inner;
    const int64_t at = frt_cpu_broadcast_offset(&s->b, row) + in * s->b.ys[s->b.rank - 1];
    if (!whole(x, i) && whole(y, at) < 0) return at;
  }
  return -1;
}

static frt_status_t int_pow_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_cpu_binary_t *s = (const frt_cpu_binary_t *)state;
  const int64_t at = impossible_power(s, r);
  if (at >= 0)
    return frt_fail(err, FRT_OUT_OF_RANGE,
                    "Y: element %lld is %lld where X is 0; an integer has no such power",
                    (long long)at, (long long)whole(frt_in(r, FRT_CPU_BINARY_Y), at));
  frt_cpu_binary_do(s, r);
  return FRT_OK;
}

#define FLAGS (FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
#define ROW(type, dtypes, stem, run) \
  {type, dtypes, sizeof(frt_cpu_binary_t), stem##_prepare, run, FLAGS, NULL}
#define I32S FRT_DTYPE_BIT(FRT_I32)
FRT_KERNELS(cpu, elementwise_more) = {
    ROW("elementwise_min", FRT_F32S, min_f32, binary_run),
    ROW("elementwise_min", I32S, min_i32, binary_run),
    ROW("elementwise_min", FRT_I64S, min_i64, binary_run),
    ROW("elementwise_pow", FRT_F32S, pow_f32, binary_run),
    ROW("elementwise_pow", I32S, pow_i32, int_pow_run),
    ROW("elementwise_pow", FRT_I64S, pow_i64, int_pow_run),
    ROW("elementwise_mod", FRT_F32S, mod_f32, binary_run),
    ROW("elementwise_mod", I32S, mod_i32, divisor_run),
    ROW("elementwise_mod", FRT_I64S, mod_i64, divisor_run),
    ROW("elementwise_floordiv", I32S, div_i32, divisor_run),
    ROW("elementwise_floordiv", FRT_I64S, div_i64, divisor_run),
    FRT_KERNELS_END};
