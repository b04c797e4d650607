/* The vector functions for AVX2 with FMA; the build compiles this file for it. */
#include "vmath_loops.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define ONE(fn)                              \
  __m256 Sleef_##fn##f8_u10avx2(__m256); \
  FRT_CPU_VMATH_ONE(frt_cpu_v##fn##_256, 8, _mm256_loadu_ps, _mm256_storeu_ps, \
                    Sleef_##fn##f8_u10avx2)
#define TWO(fn)                                      \
  __m256 Sleef_##fn##f8_u10avx2(__m256, __m256); \
  FRT_CPU_VMATH_TWO(frt_cpu_v##fn##_256, 8, _mm256_loadu_ps, _mm256_storeu_ps, \
                    Sleef_##fn##f8_u10avx2)
FRT_CPU_VMATH_EACH(ONE, TWO)
#else
typedef int frt_cpu_vmath_256; /* a file is not empty */
#endif
