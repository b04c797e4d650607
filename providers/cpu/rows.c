#include "rows.h"

#include <string.h>

#include "isa.h"

#if defined(FRT_CPU_X86)
#include <immintrin.h>

#define ATTR __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,fma")))
#define VEC __m512
#define WIDTH 16
#define NAME(stem) stem##_512
#define MADD(a, b, c) _mm512_fmadd_ps(a, b, c)
#define SCALAR_MADD(a, b, c) __builtin_fmaf(a, b, c)
FRT_CPU_BODY ATTR VEC load_512(const float *p) { return _mm512_loadu_ps(p); }
FRT_CPU_BODY ATTR VEC splat_512(float x) { return _mm512_set1_ps(x); }
FRT_CPU_BODY ATTR void store_512(float *p, VEC v) { _mm512_storeu_ps(p, v); }
#include "gemm_rows.h"

#define ATTR __attribute__((target("avx2,fma")))
#define VEC __m256
#define WIDTH 8
#define NAME(stem) stem##_256
#define MADD(a, b, c) _mm256_fmadd_ps(a, b, c)
#define SCALAR_MADD(a, b, c) __builtin_fmaf(a, b, c)
FRT_CPU_BODY ATTR VEC load_256(const float *p) { return _mm256_loadu_ps(p); }
FRT_CPU_BODY ATTR VEC splat_256(float x) { return _mm256_set1_ps(x); }
FRT_CPU_BODY ATTR void store_256(float *p, VEC v) { _mm256_storeu_ps(p, v); }
#include "gemm_rows.h"
#endif

typedef float vec4 __attribute__((vector_size(16)));
#define ATTR
#define VEC vec4
#define WIDTH 4
#define NAME(stem) stem##_128
#define MADD(a, b, c) ((c) + (a) * (b))
#define SCALAR_MADD(a, b, c) ((c) + (a) * (b))
FRT_CPU_BODY VEC load_128(const float *p) {
  VEC v;
  memcpy(&v, p, sizeof v);
  return v;
}
FRT_CPU_BODY VEC splat_128(float x) { return (VEC){x, x, x, x}; }
FRT_CPU_BODY void store_128(float *p, VEC v) { memcpy(p, &v, sizeof v); }
#include "gemm_rows.h"

void frt_cpu_rows(const frt_cpu_rows_t *g, int64_t lo, int64_t hi) {
#if defined(FRT_CPU_X86)
  if (frt_cpu_isa_level == 2) {
    few_rows_512(g, lo, hi);
    return;
  }
  if (frt_cpu_isa_level == 1) {
    few_rows_256(g, lo, hi);
    return;
  }
#endif
  few_rows_128(g, lo, hi);
}
