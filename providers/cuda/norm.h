/* What the normalizing ops share. A mean is kept as hi + lo: one double would lose of a
 * small spread what a large mean takes, in fp64. */
#ifndef FRT_CUDA_NORM_H
#define FRT_CUDA_NORM_H

#include "team.h"

/* Two sums at once. */
struct frt_gpu_pair { double a, b; };
struct frt_gpu_pair_sum {
  FRT_GPU_FN frt_gpu_pair none() const {
    const frt_gpu_pair p = {0.0, 0.0};
    return p;
  }
  FRT_GPU_FN frt_gpu_pair join(frt_gpu_pair x, frt_gpu_pair y) const {
    const frt_gpu_pair p = {x.a + y.a, x.b + y.b};
    return p;
  }
};

struct frt_gpu_moments { double hi, lo, variance; };

/* From the sum of n elements, then from that of deviations from it and of their squares. */
static FRT_GPU_FN inline frt_gpu_moments frt_gpu_moments_of(double middle, frt_gpu_pair s,
                                                            double n) {
  frt_gpu_moments m = {middle, s.a / n, 0.0};
  m.variance = s.b / n - m.lo * m.lo;
  if (m.variance < 0.0) m.variance = 0.0; /* what rounding may leave of equal elements */
  return m;
}
static FRT_GPU_FN inline double frt_gpu_inverse(double variance, double epsilon) {
  return 1.0 / sqrt(variance + epsilon);
}
/* Which channel element i belongs to: `inner` elements lie side by side in each of c. */
struct frt_gpu_channels {
  int64_t c, inner;
  int narrow; /* all positions fit 32 bits, whose division is many times faster */
  FRT_GPU_FN int64_t operator()(int64_t i) const {
    if (narrow) return (int64_t)((uint32_t)i / (uint32_t)inner % (uint32_t)c);
    return i / inner % c;
  }
};
/* The channels of x, and their elements as a fold: [n, c, inner] or, last, [rows, c]. */
static inline frt_gpu_channels frt_gpu_channels_of(const frt_api_tensor_t *x, int last,
                                                   int64_t *outer) {
  const uint32_t dim = last ? x->rank - 1 : 1;
  frt_gpu_channels q = {x->dims[dim], frt_gpu_product(x->dims, dim + 1, x->rank), 0};
  *outer = frt_gpu_product(x->dims, 0, dim);
  q.narrow = x->numel <= 0x7fffffff;
  return q;
}

/* Folds of x over sets, `where` telling which set an element belongs to: first the middle of
 * each into hi, then the sums of deviations from it and of their squares. */
struct frt_gpu_elements {
  int wide;
  const void *x;
  FRT_GPU_FN double operator()(int64_t i) const { return frt_gpu_real(x, wide, i); }
};
struct frt_gpu_middle {
  double n;
  double *hi;
  FRT_GPU_FN void operator()(int64_t o, double sum) const { hi[o] = n > 0.0 ? sum / n : 0.0; }
};
template <class Where>
struct frt_gpu_deviation {
  Where where;
  int wide;
  const void *x;
  const double *hi;
  FRT_GPU_FN frt_gpu_pair operator()(int64_t i) const {
    const double d = frt_gpu_real(x, wide, i) - hi[where(i)];
    const frt_gpu_pair p = {d, d * d};
    return p;
  }
};

/* p[i], or `absent`. */
static FRT_GPU_FN inline double frt_gpu_param(const void *p, int wide, int64_t i,
                                              double absent) {
  return p ? frt_gpu_real(p, wide, i) : absent;
}

#endif
