/* Vector exp and tanh (SLEEF, 1 ulp). Every element takes the vector form, the tail
 * by a padded load, so that its place in the buffer never changes its bits. x may
 * be y. */
#ifndef FRT_CPU_VMATH_H
#define FRT_CPU_VMATH_H

#include <stdint.h>

void frt_cpu_vexp(float *y, const float *x, int64_t n);
void frt_cpu_vtanh(float *y, const float *x, int64_t n);

#endif
