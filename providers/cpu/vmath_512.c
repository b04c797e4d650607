/* The vector functions for AVX-512; the build compiles this file for it. */

/* The address sanitizer of gcc 12 aligns its frames to 32 bytes, where a store of all 64 of
 * `pad` wants 64 (gcc bug 110027). */
#define FRT_CPU_VMATH_FRAME __attribute__((no_sanitize_address))
#include "vmath_loops.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define ONE(fn)                              \
  __m512 Sleef_##fn##f16_u10avx512f(__m512); \
  FRT_CPU_VMATH_ONE(frt_cpu_v##fn##_512, 16, _mm512_loadu_ps, _mm512_storeu_ps, \
                    Sleef_##fn##f16_u10avx512f)
#define TWO(fn)                                      \
  __m512 Sleef_##fn##f16_u10avx512f(__m512, __m512); \
  FRT_CPU_VMATH_TWO(frt_cpu_v##fn##_512, 16, _mm512_loadu_ps, _mm512_storeu_ps, \
                    Sleef_##fn##f16_u10avx512f)
FRT_CPU_VMATH_EACH(ONE, TWO)
#else
typedef int frt_cpu_vmath_512; /* a file is not empty */
#endif
