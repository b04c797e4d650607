#include "vmath.h"

#include <string.h>

#include "isa.h"

#if defined(FRT_CPU_X86)
#include <immintrin.h>
#define VMATH_FMA __attribute__((target("avx2,fma")))
#elif defined(__aarch64__)
#include <arm_neon.h>
#else
#error "the cpu provider knows x86-64 and aarch64"
#endif

#define LOOP1(name, attribute, vec, width, load, store, fn)               \
  attribute static void name(float *y, const float *x, int64_t n) {       \
    int64_t i = 0;                                                        \
    for (; i + (width) <= n; i += (width)) store(y + i, fn(load(x + i))); \
    if (i < n) {                                                          \
      float pad[width] = {0};                                             \
      memcpy(pad, x + i, (size_t)(n - i) * sizeof *pad);                  \
      store(pad, fn(load(pad)));                                          \
      memcpy(y + i, pad, (size_t)(n - i) * sizeof *pad);                  \
    }                                                                     \
  }
#define LOOP2(name, attribute, vec, width, load, store, fn)                             \
  attribute static void name(float *y, const float *x, const float *e, int64_t n) {     \
    int64_t i = 0;                                                                      \
    for (; i + (width) <= n; i += (width)) store(y + i, fn(load(x + i), load(e + i)));  \
    if (i < n) {                                                                        \
      float pad[width] = {0}, exponent[width] = {0};                                    \
      memcpy(pad, x + i, (size_t)(n - i) * sizeof *pad);                                \
      memcpy(exponent, e + i, (size_t)(n - i) * sizeof *exponent);                      \
      store(pad, fn(load(pad), load(exponent)));                                        \
      memcpy(y + i, pad, (size_t)(n - i) * sizeof *pad);                                \
    }                                                                                   \
  }

/* LOOP: LOOP1 or LOOP2. TAKES: the vector function's parameters, as many. sleef.h
 * declares the wide forms only where the whole file is compiled for them; clang wants
 * the instruction set at the declaration, too. */
#define ONE(v) (v)
#define TWO(v) (v, v)
#if defined(FRT_CPU_X86)
#define VMATH(fn, LOOP, TAKES, params, args)                                          \
  FRT_CPU_AVX512 __m512 Sleef_##fn##f16_u10avx512f TAKES(__m512);                     \
  VMATH_FMA __m256 Sleef_##fn##f8_u10avx2 TAKES(__m256);                              \
  __m128 Sleef_##fn##f4_u10sse2 TAKES(__m128);                                        \
  LOOP(fn##_512, FRT_CPU_AVX512, __m512, 16, _mm512_loadu_ps, _mm512_storeu_ps,       \
       Sleef_##fn##f16_u10avx512f)                                                    \
  LOOP(fn##_256, VMATH_FMA, __m256, 8, _mm256_loadu_ps, _mm256_storeu_ps,             \
       Sleef_##fn##f8_u10avx2)                                                        \
  LOOP(fn##_128, , __m128, 4, _mm_loadu_ps, _mm_storeu_ps, Sleef_##fn##f4_u10sse2)    \
  void frt_cpu_v##fn params {                                                         \
    if (frt_cpu_isa_level == 2) fn##_512 args;                                        \
    else if (frt_cpu_isa_level == 1) fn##_256 args;                                   \
    else fn##_128 args;                                                               \
  }
#else
#define VMATH(fn, LOOP, TAKES, params, args)                                          \
  float32x4_t Sleef_##fn##f4_u10advsimd TAKES(float32x4_t);                           \
  LOOP(fn##_neon, , float32x4_t, 4, vld1q_f32, vst1q_f32, Sleef_##fn##f4_u10advsimd)  \
  void frt_cpu_v##fn params { fn##_neon args; }
#endif
#define VMATH1(fn) \
  VMATH(fn, LOOP1, ONE, (float *y, const float *x, int64_t n), (y, x, n))

VMATH1(exp)
VMATH1(expm1)
VMATH1(log)
VMATH1(log1p)
VMATH1(sin)
VMATH1(cos)
VMATH1(atan)
VMATH1(tanh)
VMATH1(erf)
VMATH(pow, LOOP2, TWO, (float *y, const float *x, const float *e, int64_t n), (y, x, e, n))
