#include "vmath_loops.h"

#include "isa.h"

#if defined(FRT_CPU_X86)
#include <immintrin.h>
#define VECTOR __m128
#define LOAD _mm_loadu_ps
#define STORE _mm_storeu_ps
#define SLEEF(fn) Sleef_##fn##f4_u10sse2
#elif defined(__aarch64__)
#include <arm_neon.h>
#define VECTOR float32x4_t
#define LOAD vld1q_f32
#define STORE vst1q_f32
#define SLEEF(fn) Sleef_##fn##f4_u10advsimd
#else
#error "the cpu provider knows x86-64 and aarch64"
#endif

#define NARROW_ONE(fn)                                                 \
  VECTOR SLEEF(fn)(VECTOR);                                            \
  static FRT_CPU_VMATH_ONE(fn##_128, 4, LOAD, STORE, SLEEF(fn))
#define NARROW_TWO(fn)                                                 \
  VECTOR SLEEF(fn)(VECTOR, VECTOR);                                    \
  static FRT_CPU_VMATH_TWO(fn##_128, 4, LOAD, STORE, SLEEF(fn))
FRT_CPU_VMATH_EACH(NARROW_ONE, NARROW_TWO)

#if defined(FRT_CPU_X86)
#define WIDEST(fn, args)                                        \
  if (frt_cpu_isa_level == 2) frt_cpu_v##fn##_512 args;         \
  else if (frt_cpu_isa_level == 1) frt_cpu_v##fn##_256 args;    \
  else fn##_128 args;
#else
#define WIDEST(fn, args) fn##_128 args;
#endif
#define ONE(fn) \
  void frt_cpu_v##fn(float *y, const float *x, int64_t n) { WIDEST(fn, (y, x, n)) }
#define TWO(fn)                                                             \
  void frt_cpu_v##fn(float *y, const float *x, const float *e, int64_t n) { \
    WIDEST(fn, (y, x, e, n))                                                \
  }
FRT_CPU_VMATH_EACH(ONE, TWO)
