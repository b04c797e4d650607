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
/* p[i], or `absent`. */
static FRT_GPU_FN inline double frt_gpu_param(const void *p, int wide, int64_t i,
                                              double absent) {
  return p ? frt_gpu_real(p, wide, i) : absent;
}

#endif
