/* What is normalized together, and its mean and variance. */
#ifndef FRT_REFERENCE_NORM_H
#define FRT_REFERENCE_NORM_H

#include "ref.h"

/* Element k < outer * inner lies at first + (k / inner) * outer_step + (k % inner) *
 * inner_step. */
typedef struct ref_set {
  int64_t first, outer, outer_step, inner, inner_step;
} ref_set_t;

static inline int64_t ref_set_size(const ref_set_t *s) { return s->outer * s->inner; }
static inline int64_t ref_set_at(const ref_set_t *s, int64_t k) {
  return s->first + k / s->inner * s->outer_step + k % s->inner * s->inner_step;
}

/* The mean is hi + lo: one double would lose of a small spread what a large mean takes.
 * spread: the mean of |x - mean|. */
typedef struct ref_moments {
  double hi, lo, variance, spread;
} ref_moments_t;

static inline double ref_deviation(const ref_moments_t *m, double x) {
  return (x - m->hi) - m->lo;
}

/* Of no elements: zeros. */
static inline ref_moments_t ref_moments(const ref_set_t *s, const double *x) {
  ref_moments_t m = {0, 0, 0, 0};
  const int64_t n = ref_set_size(s);
  double sum = 0, rest = 0;
  if (n == 0) return m;
  for (int64_t k = 0; k < n; ++k) sum += x[ref_set_at(s, k)];
  m.hi = sum / (double)n;
  for (int64_t k = 0; k < n; ++k) rest += x[ref_set_at(s, k)] - m.hi;
  m.lo = rest / (double)n;
  for (int64_t k = 0; k < n; ++k) {
    const double d = ref_deviation(&m, x[ref_set_at(s, k)]);
    m.variance += d * d;
    m.spread += fabs(d);
  }
  m.variance /= (double)n;
  m.spread /= (double)n;
  return m;
}

/* y = deviation * inverse * w + b. What a rounding of the sum of deviations does, all
 * elements feel: the spread. */
static inline void ref_normalize(const ref_moments_t *m, double x, double inverse, double w,
                                 double b, const ref_tensor_t *y, int64_t at) {
  const double d = ref_deviation(m, x);
  ref_put(y, at, d * inverse * w + b,
          (fabs(d) + m->spread) * fabs(inverse) * fabs(w) + fabs(b));
}
static inline void ref_put_moments(const ref_moments_t *m, const ref_tensor_t *mean,
                                   const ref_tensor_t *variance, int64_t at) {
  if (mean) ref_put(mean, at, m->hi + m->lo, fabs(m->hi) + m->spread);
  if (variance) ref_put_own(variance, at, m->variance);
}

/* The value of an optional vector of parameters. */
static inline double ref_param(const ref_tensor_t *t, int64_t at, double absent) {
  return t ? t->v[at] : absent;
}

/* x = (g - mean of g - h * mean of g * h) * inverse, for g = dy * w and the normalized h:
 * the means and those of the absolute values. */
typedef struct ref_back {
  double g, gh, g_most, gh_most;
} ref_back_t;
static inline void ref_back_add(ref_back_t *b, double g, double h, double n) {
  b->g += g / n;
  b->gh += g * h / n;
  b->g_most += fabs(g) / n;
  b->gh_most += fabs(g * h) / n;
}
static inline void ref_back_put(const ref_back_t *b, double g, double h, double inverse,
                                const ref_tensor_t *x, int64_t at) {
  ref_put(x, at, (g - b->g - h * b->gh) * inverse,
          (fabs(g) + b->g_most + fabs(h) * b->gh_most) * fabs(inverse));
}

/* A sum that grows; both tensors may be absent. */
static inline void ref_clear(const ref_tensor_t *t) {
  for (int64_t i = 0; t && i < t->n; ++i) ref_put(t, i, 0, 0);
}
static inline void ref_gather(const ref_tensor_t *t, int64_t at, double v) {
  if (!t) return;
  t->v[at] += v;
  if (t->mag) t->mag[at] += fabs(v);
}

#endif
