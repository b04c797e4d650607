/* Sums and maps of the normalizing ops. Statistics are double; a mean reaches the fp32
 * loops as two floats, so that x - mean is right to the last bit but one whatever the
 * mean's size. */
#ifndef FRT_CPU_NORM_H
#define FRT_CPU_NORM_H

#include <math.h>

#include "sums.h"
#undef A
#undef B

/* Defines void name(x, g, w, p, n, s): two sums over n <= FRT_CPU_BLOCK elements, 16 double
 * lanes each; X, G, W: the three values, P: the number p. g and w may be NULL where the
 * terms do not name them. */
#define FRT_CPU_NORM_SUMS(name, first, second, GET)                                        \
  FRT_CPU_BODY void name##_body(const float *x, const float *g, const float *w, double p,  \
                                int64_t n, double *s) {                                    \
    double l[16], k[16];                                                                   \
    int64_t i = 0;                                                                         \
    for (int j = 0; j < 16; ++j) l[j] = k[j] = 0.0;                                        \
    for (; i + 16 <= n; i += 16)                                                           \
      for (int j = 0; j < 16; ++j) {                                                       \
        GET(i + j);                                                                        \
        l[j] += (first);                                                                   \
        k[j] += (second);                                                                  \
      }                                                                                    \
    for (int h = 8; h; h /= 2)                                                             \
      for (int j = 0; j < h; ++j) {                                                        \
        l[j] += l[j + h];                                                                  \
        k[j] += k[j + h];                                                                  \
      }                                                                                    \
    for (; i < n; ++i) {                                                                   \
      GET(i);                                                                              \
      l[0] += (first);                                                                     \
      k[0] += (second);                                                                    \
    }                                                                                      \
    s[0] = l[0];                                                                           \
    s[1] = k[0];                                                                           \
  }                                                                                        \
  FRT_CPU_VARIANTS(name,                                                                   \
                   (const float *x, const float *g, const float *w, double p, int64_t n,   \
                    double *s), (x, g, w, p, n, s))
#define FRT_CPU_NORM_X(i) \
  const double X = (double)x[i], P = p; \
  (void)g, (void)w
#define FRT_CPU_NORM_XG(i) \
  const double X = (double)x[i], G = (double)g[i], P = p; \
  (void)w
#define FRT_CPU_NORM_XGW(i) \
  const double X = (double)x[i], P = p; \
  const double G = (double)g[i] * (double)w[i]

typedef struct frt_cpu_moments {
  double mean, squares; /* squares: the sum of squared deviations */
} frt_cpu_moments_t;

FRT_CPU_SUM_BLOCK(frt_cpu_norm_plain, u)
FRT_CPU_NORM_SUMS(frt_cpu_norm_deviations, X - P, (X - P) * (X - P), FRT_CPU_NORM_X)

/* Of one run of elements: two passes over each block while it is in the first cache, the
 * blocks joined by the exact formula for two sets. n = 0: zeros. */
static inline frt_cpu_moments_t frt_cpu_moments(const float *x, int64_t n) {
  frt_cpu_moments_t m = {0.0, 0.0};
  for (int64_t at = 0; at < n; at += FRT_CPU_BLOCK) {
    const int64_t k = n - at < FRT_CPU_BLOCK ? n - at : FRT_CPU_BLOCK;
    double sum, s[2];
    frt_cpu_norm_plain(x + at, x + at, k, &sum);
    const double middle = sum / (double)k;
    frt_cpu_norm_deviations(x + at, NULL, NULL, middle, k, s);
    const double mean = middle + s[0] / (double)k, apart = mean - m.mean;
    const double all = (double)(at + k);
    m.squares += s[1] - s[0] * s[0] / (double)k + apart * apart * ((double)at * (double)k / all);
    m.mean = at ? m.mean + apart * ((double)k / all) : mean;
  }
  if (m.squares < 0) m.squares = 0; /* what rounding may leave of equal elements */
  return m;
}

static inline double frt_cpu_norm_inverse(double variance, float epsilon) {
  return 1.0 / sqrt(variance + (double)epsilon);
}

/* The rest of a mean that `hi` does not hold; infinities have none. */
static inline float frt_cpu_norm_rest(double mean, float hi) {
  const double rest = mean - (double)hi;
  return isfinite(rest) ? (float)rest : 0.0f;
}

#endif
