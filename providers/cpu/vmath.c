#include "vmath.h"

#include <string.h>

#include "isa.h"

#if defined(FRT_CPU_X86)
#include <immintrin.h>
/* sleef.h declares the wide forms only where the whole file is compiled for them. */
__m512 Sleef_expf16_u10avx512f(__m512);
__m512 Sleef_tanhf16_u10avx512f(__m512);
__m256 Sleef_expf8_u10avx2(__m256);
__m256 Sleef_tanhf8_u10avx2(__m256);
__m128 Sleef_expf4_u10sse2(__m128);
__m128 Sleef_tanhf4_u10sse2(__m128);
#define VMATH_FMA __attribute__((target("avx2,fma")))
#elif defined(__aarch64__)
#include <arm_neon.h>
float32x4_t Sleef_expf4_u10advsimd(float32x4_t);
float32x4_t Sleef_tanhf4_u10advsimd(float32x4_t);
#else
#error "the cpu provider knows x86-64 and aarch64"
#endif

#define VMATH(name, attribute, vec, width, load, store, fn)               \
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

#if defined(FRT_CPU_X86)
VMATH(exp_512, FRT_CPU_AVX512, __m512, 16, _mm512_loadu_ps, _mm512_storeu_ps,
      Sleef_expf16_u10avx512f)
VMATH(exp_256, VMATH_FMA, __m256, 8, _mm256_loadu_ps, _mm256_storeu_ps,
      Sleef_expf8_u10avx2)
VMATH(exp_128, , __m128, 4, _mm_loadu_ps, _mm_storeu_ps, Sleef_expf4_u10sse2)
VMATH(tanh_512, FRT_CPU_AVX512, __m512, 16, _mm512_loadu_ps, _mm512_storeu_ps,
      Sleef_tanhf16_u10avx512f)
VMATH(tanh_256, VMATH_FMA, __m256, 8, _mm256_loadu_ps, _mm256_storeu_ps,
      Sleef_tanhf8_u10avx2)
VMATH(tanh_128, , __m128, 4, _mm_loadu_ps, _mm_storeu_ps, Sleef_tanhf4_u10sse2)

void frt_cpu_vexp(float *y, const float *x, int64_t n) {
  if (frt_cpu_isa_level == 2) exp_512(y, x, n);
  else if (frt_cpu_isa_level == 1) exp_256(y, x, n);
  else exp_128(y, x, n);
}
void frt_cpu_vtanh(float *y, const float *x, int64_t n) {
  if (frt_cpu_isa_level == 2) tanh_512(y, x, n);
  else if (frt_cpu_isa_level == 1) tanh_256(y, x, n);
  else tanh_128(y, x, n);
}
#else
VMATH(exp_neon, , float32x4_t, 4, vld1q_f32, vst1q_f32, Sleef_expf4_u10advsimd)
VMATH(tanh_neon, , float32x4_t, 4, vld1q_f32, vst1q_f32, Sleef_tanhf4_u10advsimd)
void frt_cpu_vexp(float *y, const float *x, int64_t n) { exp_neon(y, x, n); }
void frt_cpu_vtanh(float *y, const float *x, int64_t n) { tanh_neon(y, x, n); }
#endif
