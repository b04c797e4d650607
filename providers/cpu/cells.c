#include "cells.h"

#include "norm.h"

/* Neighbouring channels that are done together when they come last; rows that make a sample
 * when samples need not be kept apart, and how many samples at most. */
enum { STRIP = 64, ROWS = 16, SAMPLES = 64 };

void frt_cpu_cells_make(frt_cpu_cells_t *q, const frt_api_tensor_t *x, int nhwc, int joined) {
  const frt_cpu_cells_t none = {0, 0, 1, 0, 0, 0};
  *q = none;
  q->n = x->dims[0];
  q->c = x->dims[nhwc ? x->rank - 1 : 1];
  for (uint32_t d = nhwc ? 1 : 2; d + (nhwc ? 1u : 0u) < x->rank; ++d) q->s *= x->dims[d];
  q->last = nhwc || (joined && q->s == 1);
  q->rows = q->n * q->s;
  if (!joined || !q->last) return;
  q->s = q->c ? FRT_CPU_GRAIN / q->c : 1;
  if (q->s < ROWS) q->s = ROWS;
  if (q->s * SAMPLES < q->rows) q->s = frt_cpu_div_up(q->rows, SAMPLES);
  q->n = frt_cpu_div_up(q->rows, q->s);
}

typedef struct {
  const frt_cpu_cells_t *q;
  const float *x, *g, *center;
  int64_t step; /* of center */
  double *a, *b;
  const frt_cpu_cell_map_t *m;
  float *y;
} call_t;

/* Channels last: strip `item` of the samples' strips. */
typedef struct {
  int64_t sample, channel, width, rows, at; /* at: its first element */
} strip_t;
static int64_t strips(const frt_cpu_cells_t *q) { return frt_cpu_div_up(q->c, STRIP); }
static strip_t strip_of(const frt_cpu_cells_t *q, int64_t item) {
  const int64_t sample = item / strips(q), channel = item % strips(q) * STRIP;
  const strip_t s = {sample, channel, q->c - channel < STRIP ? q->c - channel : STRIP,
                     frt_cpu_cell_size(q, sample), sample * q->s * q->c + channel};
  return s;
}

/* fn over the cells, or over the strips of channels. */
static void for_cells(const frt_run_t *r, const frt_cpu_cells_t *q,
                      void (*cells)(void *arg, int64_t lo, int64_t hi),
                      void (*of_strips)(void *arg, int64_t lo, int64_t hi), call_t *c) {
  const int64_t work = q->s * (q->last ? (q->c < STRIP ? q->c : STRIP) : 1);
  const int64_t grain = frt_cpu_div_up(FRT_CPU_GRAIN, work > 0 ? work : 1);
  if (q->last) frt_cpu_for(r, q->n * strips(q), grain, of_strips, c);
  else frt_cpu_for(r, q->n * q->c, grain, cells, c);
}

/* ---- moments ---------------------------------------------------------------------------- */

static void cell_moments(void *arg, int64_t lo, int64_t hi) {
  const call_t *c = (const call_t *)arg;
  for (int64_t i = lo; i < hi; ++i) {
    const frt_cpu_moments_t m = frt_cpu_moments(c->x + i * c->q->s, c->q->s);
    c->a[i] = m.mean;
    c->b[i] = m.squares;
  }
}

FRT_CPU_BODY void add_row_body(const float *x, int64_t n, double *sum) {
  for (int64_t j = 0; j < n; ++j) sum[j] += (double)x[j];
}
FRT_CPU_VARIANTS(add_row, (const float *x, int64_t n, double *sum), (x, n, sum))
FRT_CPU_BODY void add_deviations_body(const float *x, const double *mean, int64_t n,
                                      double *sum, double *squares) {
  FRT_CPU_IVDEP
  for (int64_t j = 0; j < n; ++j) {
    const double d = (double)x[j] - mean[j];
    sum[j] += d;
    squares[j] += d * d;
  }
}
FRT_CPU_VARIANTS(add_deviations,
                 (const float *x, const double *mean, int64_t n, double *sum, double *squares),
                 (x, mean, n, sum, squares))

static void strip_moments(void *arg, int64_t lo, int64_t hi) {
  const call_t *c = (const call_t *)arg;
  for (int64_t i = lo; i < hi; ++i) {
    const strip_t s = strip_of(c->q, i);
    const double n = s.rows > 0 ? (double)s.rows : 1.0;
    double mean[STRIP] = {0.0}, rest[STRIP] = {0.0}, squares[STRIP] = {0.0};
    for (int64_t k = 0; k < s.rows; ++k) add_row(c->x + s.at + k * c->q->c, s.width, mean);
    for (int64_t j = 0; j < s.width; ++j) mean[j] /= n;
    for (int64_t k = 0; k < s.rows; ++k)
      add_deviations(c->x + s.at + k * c->q->c, mean, s.width, rest, squares);
    for (int64_t j = 0; j < s.width; ++j) {
      const int64_t at = s.sample * c->q->c + s.channel + j;
      const double left = squares[j] - rest[j] * rest[j] / n;
      c->a[at] = mean[j] + rest[j] / n;
      c->b[at] = left < 0 ? 0.0 : left;
    }
  }
}

void frt_cpu_cells_moments(const frt_run_t *r, const frt_cpu_cells_t *q, const float *x,
                           double *mean, double *squares) {
  call_t c = {.q = q, .x = x, .a = mean, .b = squares};
  for_cells(r, q, cell_moments, strip_moments, &c);
}

/* ---- sums of the gradient ---------------------------------------------------------------- */

FRT_CPU_NORM_SUMS(back_sums, G, G * (X - P), FRT_CPU_NORM_XG)

static void cell_sums(void *arg, int64_t lo, int64_t hi) {
  const call_t *c = (const call_t *)arg;
  const int64_t n = c->q->s;
  for (int64_t i = lo; i < hi; ++i) {
    const int64_t at_center = i / c->q->c * c->step + i % c->q->c;
    const double center = c->center ? (double)c->center[at_center] : 0.0;
    c->a[i] = c->b[i] = 0.0;
    for (int64_t at = 0; at < n; at += FRT_CPU_BLOCK) {
      double s[2];
      back_sums(c->x + i * n + at, c->g + i * n + at, NULL, center,
                n - at < FRT_CPU_BLOCK ? n - at : FRT_CPU_BLOCK, s);
      c->a[i] += s[0];
      c->b[i] += s[1];
    }
  }
}

FRT_CPU_BODY void add_products_body(const float *x, const float *g, const float *center,
                                    int64_t n, double *sum, double *product) {
  FRT_CPU_IVDEP
  for (int64_t j = 0; j < n; ++j) {
    sum[j] += (double)g[j];
    product[j] += (double)g[j] * ((double)x[j] - (double)center[j]);
  }
}
FRT_CPU_VARIANTS(add_products,
                 (const float *x, const float *g, const float *center, int64_t n, double *sum,
                  double *product), (x, g, center, n, sum, product))

static void strip_sums(void *arg, int64_t lo, int64_t hi) {
  static const float zeros[STRIP];
  const call_t *c = (const call_t *)arg;
  for (int64_t i = lo; i < hi; ++i) {
    const strip_t s = strip_of(c->q, i);
    const int64_t cell = s.sample * c->q->c + s.channel;
    const float *center = c->center ? c->center + s.sample * c->step + s.channel
                                    : zeros;
    for (int64_t j = 0; j < s.width; ++j) c->a[cell + j] = c->b[cell + j] = 0.0;
    for (int64_t k = 0; k < s.rows; ++k)
      add_products(c->x + s.at + k * c->q->c, c->g + s.at + k * c->q->c, center, s.width,
                   c->a + cell, c->b + cell);
  }
}

void frt_cpu_cells_sums(const frt_run_t *r, const frt_cpu_cells_t *q, const float *x,
                        const float *g, const float *center, int64_t step, double *sum,
                        double *product) {
  call_t c = {.q = q, .x = x, .g = g, .center = center, .step = step, .a = sum, .b = product};
  for_cells(r, q, cell_sums, strip_sums, &c);
}

/* ---- maps -------------------------------------------------------------------------------- */

FRT_CPU_BODY void normalize_cell_body(float *y, const float *x, float hi, float lo, float a,
                                      float b, int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t i = 0; i < n; ++i) y[i] = ((x[i] - hi) - lo) * a + b;
}
FRT_CPU_VARIANTS(normalize_cell,
                 (float *y, const float *x, float hi, float lo, float a, float b, int64_t n),
                 (y, x, hi, lo, a, b, n))
FRT_CPU_BODY void normalize_row_body(float *y, const float *x, const float *hi,
                                     const float *lo, const float *a, const float *b,
                                     int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t i = 0; i < n; ++i) y[i] = ((x[i] - hi[i]) - lo[i]) * a[i] + b[i];
}
FRT_CPU_VARIANTS(normalize_row,
                 (float *y, const float *x, const float *hi, const float *lo, const float *a,
                  const float *b, int64_t n), (y, x, hi, lo, a, b, n))

FRT_CPU_BODY void back_cell_body(float *y, const float *x, const float *g, float a, float b,
                                 float d, float center, int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t i = 0; i < n; ++i) y[i] = g[i] * a - b - (x[i] - center) * d;
}
FRT_CPU_VARIANTS(back_cell,
                 (float *y, const float *x, const float *g, float a, float b, float d,
                  float center, int64_t n), (y, x, g, a, b, d, center, n))
FRT_CPU_BODY void back_row_body(float *y, const float *x, const float *g, const float *a,
                                const float *b, const float *d, const float *center,
                                int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t i = 0; i < n; ++i) y[i] = g[i] * a[i] - b[i] - (x[i] - center[i]) * d[i];
}
FRT_CPU_VARIANTS(back_row,
                 (float *y, const float *x, const float *g, const float *a, const float *b,
                  const float *d, const float *center, int64_t n),
                 (y, x, g, a, b, d, center, n))

/* Where the numbers of cell i, or of row i, begin. */
static int64_t numbers_of(const call_t *c, int64_t i) {
  const frt_cpu_cells_t *q = c->q;
  return q->last ? i / q->s * c->m->step : i / q->c * c->m->step + i % q->c;
}

static void normalize_cells(void *arg, int64_t lo, int64_t hi) {
  const call_t *c = (const call_t *)arg;
  const int64_t n = c->q->last ? c->q->c : c->q->s;
  for (int64_t i = lo; i < hi; ++i) {
    const int64_t k = numbers_of(c, i);
    const float *const *v = c->m->v;
    if (c->q->last)
      normalize_row(c->y + i * n, c->x + i * n, v[0] + k, v[1] + k, v[2] + k, v[3] + k, n);
    else normalize_cell(c->y + i * n, c->x + i * n, v[0][k], v[1][k], v[2][k], v[3][k], n);
  }
}
static void back_cells(void *arg, int64_t lo, int64_t hi) {
  const call_t *c = (const call_t *)arg;
  const int64_t n = c->q->last ? c->q->c : c->q->s;
  for (int64_t i = lo; i < hi; ++i) {
    const int64_t k = numbers_of(c, i), at = i * n;
    const float *const *v = c->m->v;
    if (c->q->last)
      back_row(c->y + at, c->x + at, c->g + at, v[0] + k, v[1] + k, v[2] + k, v[3] + k, n);
    else
      back_cell(c->y + at, c->x + at, c->g + at, v[0][k], v[1][k], v[2][k], v[3][k], n);
  }
}

static void map(const frt_run_t *r, call_t *c, void (*fn)(void *arg, int64_t lo, int64_t hi)) {
  const frt_cpu_cells_t *q = c->q;
  const int64_t n = q->last ? q->c : q->s;
  frt_cpu_for(r, n ? (q->last ? q->rows : q->n * q->c) : 0,
              frt_cpu_div_up(FRT_CPU_GRAIN, n ? n : 1), fn, c);
}

void frt_cpu_cells_normalize(const frt_run_t *r, const frt_cpu_cells_t *q, const float *x,
                             const frt_cpu_cell_map_t *m, float *y) {
  call_t c = {.q = q, .x = x, .m = m, .y = y};
  map(r, &c, normalize_cells);
}
void frt_cpu_cells_back(const frt_run_t *r, const frt_cpu_cells_t *q, const float *x,
                        const float *g, const frt_cpu_cell_map_t *m, float *y) {
  call_t c = {.q = q, .x = x, .g = g, .m = m, .y = y};
  map(r, &c, back_cells);
}
