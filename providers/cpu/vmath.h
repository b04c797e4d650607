/* Vector functions (SLEEF, 1 ulp). Every element takes the vector form, the tail by a
 * padded load, so that its place in the buffer never changes its bits. x (and e) may
 * be y. */
#ifndef FRT_CPU_VMATH_H
#define FRT_CPU_VMATH_H

#include <stdint.h>

void frt_cpu_vexp(float *y, const float *x, int64_t n);
void frt_cpu_vexpm1(float *y, const float *x, int64_t n);
void frt_cpu_vlog(float *y, const float *x, int64_t n);
void frt_cpu_vlog1p(float *y, const float *x, int64_t n);
void frt_cpu_vsin(float *y, const float *x, int64_t n);
void frt_cpu_vcos(float *y, const float *x, int64_t n);
void frt_cpu_vatan(float *y, const float *x, int64_t n);
void frt_cpu_vtanh(float *y, const float *x, int64_t n);
void frt_cpu_verf(float *y, const float *x, int64_t n);
/* y = x to the power e, element by element. */
void frt_cpu_vpow(float *y, const float *x, const float *e, int64_t n);

#endif
