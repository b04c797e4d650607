/* A tensor seen as cells: the s elements that one sample has in one channel, n x c x s in
 * memory or, with `last`, n x s x c. Sums are taken a cell; whoever normalizes joins the
 * cells of a channel, a group or none. Cell of sample k and channel j: k * c + j. */
#ifndef FRT_CPU_CELLS_H
#define FRT_CPU_CELLS_H

#include "fluidrt/kernel.h"

typedef struct frt_cpu_cells {
  int64_t n, c, s;
  int64_t rows; /* with `last`: of c elements each; the last sample may have fewer than s */
  int32_t last, reserved;
} frt_cpu_cells_t;

/* Of X with its channels in dim 1 or, nhwc, in the last one. joined: samples need not be kept
 * apart. */
void frt_cpu_cells_make(frt_cpu_cells_t *q, const frt_api_tensor_t *x, int nhwc, int joined);

static inline int64_t frt_cpu_cells_count(const frt_cpu_cells_t *q) { return q->n * q->c; }
/* Elements of a cell of sample k. */
static inline int64_t frt_cpu_cell_size(const frt_cpu_cells_t *q, int64_t k) {
  return q->last && (k + 1) * q->s > q->rows ? q->rows - k * q->s : q->s;
}

/* Each cell's mean and sum of squared deviations from it. */
void frt_cpu_cells_moments(const frt_run_t *r, const frt_cpu_cells_t *q, const float *x,
                           double *mean, double *squares);
/* Each cell's sum of g and of g * (x - center); center[sample * step + channel], NULL:
 * zeros. */
void frt_cpu_cells_sums(const frt_run_t *r, const frt_cpu_cells_t *q, const float *x,
                        const float *g, const float *center, int64_t step, double *sum,
                        double *product);

/* Numbers that a map takes: element k * step + channel of each, for sample k. */
typedef struct frt_cpu_cell_map {
  int64_t step; /* c, or 0: the same for all samples */
  const float *v[4];
} frt_cpu_cell_map_t;
/* y = ((x - v0) - v1) * v2 + v3. y may be x. */
void frt_cpu_cells_normalize(const frt_run_t *r, const frt_cpu_cells_t *q, const float *x,
                             const frt_cpu_cell_map_t *m, float *y);
/* y = g * v0 - v1 - (x - v3) * v2. */
void frt_cpu_cells_back(const frt_run_t *r, const frt_cpu_cells_t *q, const float *x,
                        const float *g, const frt_cpu_cell_map_t *m, float *y);

/* The workspace: two doubles a cell, then four times `n` floats for a map. */
typedef struct frt_cpu_cells_space {
  double *a, *b;
  float *v[4];
} frt_cpu_cells_space_t;
static inline uint64_t frt_cpu_cells_bytes(const frt_cpu_cells_t *q, int64_t n) {
  return 2 * sizeof(double) * (uint64_t)frt_cpu_cells_count(q) +
         4 * sizeof(float) * (uint64_t)n;
}
static inline frt_cpu_cells_space_t frt_cpu_cells_space(const frt_run_t *r,
                                                        const frt_cpu_cells_t *q, int64_t n) {
  frt_cpu_cells_space_t at = {NULL, NULL, {NULL, NULL, NULL, NULL}};
  if (!r->workspace) return at; /* there are no elements */
  at.a = (double *)r->workspace;
  at.b = at.a + frt_cpu_cells_count(q);
  for (int i = 0; i < 4; ++i) at.v[i] = (float *)(at.b + frt_cpu_cells_count(q)) + i * n;
  return at;
}
static inline frt_cpu_cell_map_t frt_cpu_cells_map(const frt_cpu_cells_space_t *at,
                                                   int64_t step) {
  const frt_cpu_cell_map_t m = {step, {at->v[0], at->v[1], at->v[2], at->v[3]}};
  return m;
}

#endif
