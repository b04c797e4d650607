/* Sums with one definition, whoever asks: blocks of 4,096 elements, 32 double
 * lanes a block and four for its tail, and a fixed tree over the block sums. Nothing here depends on the number
 * of threads or on an address. */
#ifndef FRT_CPU_SUMS_H
#define FRT_CPU_SUMS_H

#include "loop.h"

enum { FRT_CPU_BLOCK = 4096, FRT_CPU_LANES = 32 };

FRT_CPU_BODY double frt_cpu_fold_lanes(double *l) {
  for (int w = FRT_CPU_LANES / 2; w; w /= 2)
    for (int j = 0; j < w; ++j) l[j] += l[j + w];
  return l[0];
}

/* Defines double name##_block(x, y, n), n <= FRT_CPU_BLOCK; u, v: the two values. */
#define FRT_CPU_SUM_BLOCK(name, term)                                              \
  FRT_CPU_BODY void name##_body(const float *x, const float *y, int64_t n, double *s) { \
    double t[4] = {0}, sum = 0.0;                                                  \
    int64_t i = 0;                                                                 \
    (void)y;                                                                       \
    if (n >= FRT_CPU_LANES) {                                                      \
      double l[FRT_CPU_LANES];                                                     \
      for (int j = 0; j < FRT_CPU_LANES; ++j) l[j] = 0.0;                          \
      for (; i + FRT_CPU_LANES <= n; i += FRT_CPU_LANES)                           \
        for (int j = 0; j < FRT_CPU_LANES; ++j) {                                  \
          const double u = (double)x[i + j], v = (double)y[i + j];                 \
          (void)v;                                                                 \
          l[j] += (term);                                                          \
        }                                                                          \
      sum = frt_cpu_fold_lanes(l);                                                 \
    }                                                                              \
    for (; i + 4 <= n; i += 4)                                                     \
      for (int j = 0; j < 4; ++j) {                                                \
        const double u = (double)x[i + j], v = (double)y[i + j];                   \
        (void)v;                                                                   \
        t[j] += (term);                                                            \
      }                                                                            \
    sum += (t[0] + t[2]) + (t[1] + t[3]);                                          \
    for (; i < n; ++i) {                                                           \
      const double u = (double)x[i], v = (double)y[i];                             \
      (void)v;                                                                     \
      sum += (term);                                                               \
    }                                                                              \
    *s = sum;                                                                      \
  }                                                                                \
  FRT_CPU_VARIANTS(name, (const float *x, const float *y, int64_t n, double *s),   \
                   (x, y, n, s))

/* Pairs the halves again and again: a tree of n leaves that n alone decides. */
static inline double frt_cpu_fold(double *p, int64_t n) {
  if (n == 0) return 0.0;
  while (n > 1) {
    const int64_t half = (n + 1) / 2;
    for (int64_t i = 0; i + half < n; ++i) p[i] += p[i + half];
    n = half;
  }
  return p[0];
}

static inline int64_t frt_cpu_blocks(int64_t n) {
  return frt_cpu_div_up(n, FRT_CPU_BLOCK);
}

/* The sum of a whole array by a block function made above. `partials` holds one
 * double a block (unused when there is only one). */
typedef struct frt_cpu_sum {
  void (*block)(const float *x, const float *y, int64_t n, double *s);
  const float *x, *y;
  int64_t n;
  double *partials;
} frt_cpu_sum_t;

static inline void frt_cpu_sum_piece(void *arg, int64_t lo, int64_t hi) {
  const frt_cpu_sum_t *s = (const frt_cpu_sum_t *)arg;
  for (int64_t b = lo; b < hi; ++b) {
    const int64_t at = b * FRT_CPU_BLOCK;
    const int64_t n = s->n - at < FRT_CPU_BLOCK ? s->n - at : FRT_CPU_BLOCK;
    s->block(s->x + at, s->y + at, n, s->partials + b);
  }
}

static inline double frt_cpu_sum_all(const frt_run_t *r, frt_cpu_sum_t *s) {
  const int64_t blocks = frt_cpu_blocks(s->n);
  double one = 0.0;
  if (blocks <= 1) {
    if (s->n) s->block(s->x, s->y, s->n, &one);
    return one;
  }
  frt_cpu_for(r, blocks, 4, frt_cpu_sum_piece, s);
  return frt_cpu_fold(s->partials, blocks);
}

#endif
