/* The vector functions and their loops, for the files that make them of one width. */
#ifndef FRT_CPU_VMATH_LOOPS_H
#define FRT_CPU_VMATH_LOOPS_H

#include <string.h>

#include "vmath.h"

/* Each function of vmath.h, of one operand or of two. */
#define FRT_CPU_VMATH_EACH(ONE, TWO) \
  ONE(exp) ONE(expm1) ONE(log) ONE(log1p) ONE(sin) ONE(cos) ONE(atan) ONE(tanh) ONE(erf) TWO(pow)

#ifndef FRT_CPU_VMATH_FRAME
#define FRT_CPU_VMATH_FRAME
#endif
#define FRT_CPU_VMATH_ONE(name, width, load, store, fn)                   \
  FRT_CPU_VMATH_FRAME void name(float *y, const float *x, int64_t n) {    \
    int64_t i = 0;                                                        \
    for (; i + (width) <= n; i += (width)) store(y + i, fn(load(x + i))); \
    if (i < n) {                                                          \
      float pad[width] = {0};                                             \
      memcpy(pad, x + i, (size_t)(n - i) * sizeof *pad);                  \
      store(pad, fn(load(pad)));                                          \
      memcpy(y + i, pad, (size_t)(n - i) * sizeof *pad);                  \
    }                                                                     \
  }
#define FRT_CPU_VMATH_TWO(name, width, load, store, fn)                                \
  FRT_CPU_VMATH_FRAME void name(float *y, const float *x, const float *e, int64_t n) { \
    int64_t i = 0;                                                                     \
    for (; i + (width) <= n; i += (width)) store(y + i, fn(load(x + i), load(e + i))); \
    if (i < n) {                                                                       \
      float pad[width] = {0}, exponent[width] = {0};                                   \
      memcpy(pad, x + i, (size_t)(n - i) * sizeof *pad);                               \
      memcpy(exponent, e + i, (size_t)(n - i) * sizeof *exponent);                     \
      store(pad, fn(load(pad), load(exponent)));                                       \
      memcpy(y + i, pad, (size_t)(n - i) * sizeof *pad);                               \
    }                                                                                  \
  }

/* frt_cpu_vexp_512 and so on, of vmath_512.c and vmath_256.c. Those are files of their own
 * because they are compiled for their width: a compiler may pass wide vectors in memory
 * in a file that is not, whatever a function's own target says, and SLEEF wants them in
 * registers. */
#define FRT_CPU_VMATH_HIDDEN __attribute__((visibility("hidden")))
#define FRT_CPU_VMATH_DECLARE_ONE(fn)                                                  \
  FRT_CPU_VMATH_HIDDEN void frt_cpu_v##fn##_512(float *y, const float *x, int64_t n);  \
  FRT_CPU_VMATH_HIDDEN void frt_cpu_v##fn##_256(float *y, const float *x, int64_t n);
#define FRT_CPU_VMATH_DECLARE_TWO(fn)                                                   \
  FRT_CPU_VMATH_HIDDEN void frt_cpu_v##fn##_512(float *y, const float *x,               \
                                                const float *e, int64_t n);             \
  FRT_CPU_VMATH_HIDDEN void frt_cpu_v##fn##_256(float *y, const float *x,               \
                                                const float *e, int64_t n);
FRT_CPU_VMATH_EACH(FRT_CPU_VMATH_DECLARE_ONE, FRT_CPU_VMATH_DECLARE_TWO)

#endif
