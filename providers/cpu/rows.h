/* The project's own product for few rows of A, where BLAS would pack all of B. */
#ifndef FRT_CPU_ROWS_H
#define FRT_CPU_ROWS_H

#include <stdint.h>

/* C [m, n] = A [m, k] B [k, n], all dense, row-major; k > 0. */
typedef struct frt_cpu_rows {
  int64_t m, n, k;
  const float *a, *b;
  float *c;
} frt_cpu_rows_t;

/* Columns [lo, hi) of C. */
void frt_cpu_rows(const frt_cpu_rows_t *g, int64_t lo, int64_t hi);

#endif
