/* Loops of update rules: several tensors of one shape are read, several are written,
 * each output in the memory of its own input. */
#ifndef FRT_CPU_UPDATE_H
#define FRT_CPU_UPDATE_H

#include "loop.h"

/* sqrtf without errno is one instruction; the values are the same. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-math-errno")
#endif

typedef struct frt_cpu_update {
  float *o[4];
  const float *in[3]; /* after Param and Grad */
  const float *p, *g;
  float k[8];
} frt_cpu_update_t;

/* Defines void name(void *update, lo, hi) from the statements of one element: p, g, a,
 * b, c are the inputs and o0 to o3 the outputs at i, K0 to K7 the constants. */
#define FRT_CPU_UPDATE(name, ...)                                                  \
  FRT_CPU_BODY void name##_body(void *arg, int64_t lo, int64_t hi) {               \
    const frt_cpu_update_t *u = (const frt_cpu_update_t *)arg;                     \
    float *o0 = u->o[0], *o1 = u->o[1], *o2 = u->o[2], *o3 = u->o[3];              \
    const float *p = u->p, *g = u->g, *a = u->in[0], *b = u->in[1], *c = u->in[2]; \
    const float K0 = u->k[0], K1 = u->k[1], K2 = u->k[2], K3 = u->k[3];            \
    const float K4 = u->k[4], K5 = u->k[5], K6 = u->k[6], K7 = u->k[7];            \
    (void)o0, (void)o1, (void)o2, (void)o3, (void)p, (void)g, (void)a, (void)b;    \
    (void)c, (void)K0, (void)K1, (void)K2, (void)K3, (void)K4, (void)K5, (void)K6; \
    (void)K7;                                                                      \
    FRT_CPU_IVDEP                                                                  \
    for (int64_t i = lo; i < hi; ++i) {                                            \
      __VA_ARGS__                                                                  \
    }                                                                              \
  }                                                                                \
  FRT_CPU_VARIANTS(name, (void *arg, int64_t lo, int64_t hi), (arg, lo, hi))

#endif
