/* norm and cumsum: along one axis, in double, every line alone and in order. */
#include <math.h>

#include "fluidrt/op_index.h"
#include "sums.h"
#undef A
#undef B

/* Neighbouring lines that are done together when the axis is not the last one. */
enum { LINES = 64 };

typedef struct {
  int64_t outer, n, inner, strips;
} lines_t;

static lines_t lines_of(const frt_api_tensor_t *x, int64_t axis) {
  lines_t l = {1, 1, 1, 1};
  if (axis < 0) axis += x->rank;
  for (int64_t d = 0; d < (int64_t)x->rank; ++d)
    *(d < axis ? &l.outer : d == axis ? &l.n : &l.inner) *= x->dims[d];
  l.strips = frt_cpu_div_up(l.inner, LINES);
  return l;
}

/* Item `item` of outer x strips: its first element, its first line, its lines. */
typedef struct {
  int64_t at, line, width;
} item_t;
static item_t item_of(const lines_t *l, int64_t item) {
  const int64_t outer = item / l->strips, j = item % l->strips * LINES;
  const item_t i = {outer * l->n * l->inner + j, outer * l->inner + j,
                    l->inner - j < LINES ? l->inner - j : LINES};
  return i;
}

static void for_items(const frt_run_t *r, const lines_t *l,
                      void (*fn)(void *arg, int64_t lo, int64_t hi), void *arg) {
  const int64_t work = l->n * (l->inner < LINES ? l->inner : LINES);
  frt_cpu_for(r, l->outer * l->strips, frt_cpu_div_up(FRT_CPU_GRAIN, work > 0 ? work : 1),
              fn, arg);
}

/* ---- norm ----------------------------------------------------------------------------- */

FRT_CPU_SUM_BLOCK(products, u * v)

FRT_CPU_BODY void add_products_body(const float *x, const float *y, int64_t n, double *acc) {
  for (int64_t j = 0; j < n; ++j) acc[j] += (double)x[j] * (double)y[j];
}
FRT_CPU_VARIANTS(add_products, (const float *x, const float *y, int64_t n, double *acc),
                 (x, y, n, acc))

FRT_CPU_BODY void divide_row_body(float *o, const float *x, const float *by, int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t j = 0; j < n; ++j) o[j] = x[j] / by[j];
}
FRT_CPU_VARIANTS(divide_row, (float *o, const float *x, const float *by, int64_t n),
                 (o, x, by, n))
FRT_CPU_BODY void divide_body(float *o, const float *x, float by, int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t j = 0; j < n; ++j) o[j] = x[j] / by;
}
FRT_CPU_VARIANTS(divide, (float *o, const float *x, float by, int64_t n), (o, x, by, n))

FRT_CPU_BODY void back_row_body(float *o, const float *g, const float *x, const float *dot,
                                const float *by, int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t j = 0; j < n; ++j) o[j] = (g[j] - x[j] * dot[j]) / by[j];
}
FRT_CPU_VARIANTS(back_row,
                 (float *o, const float *g, const float *x, const float *dot,
                  const float *by, int64_t n),
                 (o, g, x, dot, by, n))
FRT_CPU_BODY void back_body(float *o, const float *g, const float *x, float dot, float by,
                            int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t j = 0; j < n; ++j) o[j] = (g[j] - x[j] * dot) / by;
}
FRT_CPU_VARIANTS(back,
                 (float *o, const float *g, const float *x, float dot, float by, int64_t n),
                 (o, g, x, dot, by, n))

/* Sums of x * y along the lines of one item. */
static void sum_lines(const lines_t *l, const item_t *i, const float *x, const float *y,
                      double *acc) {
  for (int64_t j = 0; j < i->width; ++j) acc[j] = 0.0;
  if (l->inner > 1) {
    for (int64_t k = 0; k < l->n; ++k)
      add_products(x + i->at + k * l->inner, y + i->at + k * l->inner, i->width, acc);
    return;
  }
  for (int64_t k = 0; k < l->n; k += FRT_CPU_BLOCK) {
    double sum;
    products(x + i->at + k, y + i->at + k, l->n - k < FRT_CPU_BLOCK ? l->n - k : FRT_CPU_BLOCK,
             &sum);
    acc[0] += sum;
  }
}

typedef struct {
  lines_t l;
  float epsilon;
} norm_t;
typedef norm_t norm_grad_t;

typedef struct {
  const norm_t *s;
  const float *x, *g, *by;
  float *out, *norm;
} norm_call_t;

static frt_status_t norm_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  norm_t *s = (norm_t *)state;
  (void)workspace, (void)err;
  s->l = lines_of(frt_in(op, FRT_NORM_IN_X), frt_attr_i64(op, FRT_NORM_ATTR_AXIS));
  s->epsilon = frt_attr_f32(op, FRT_NORM_ATTR_EPSILON);
  return FRT_OK;
}

/* Norm is written last: with one element a line it may have the memory of X. */
static void norm_items(void *arg, int64_t lo, int64_t hi) {
  const norm_call_t *c = (const norm_call_t *)arg;
  const lines_t *l = &c->s->l;
  for (int64_t at = lo; at < hi; ++at) {
    const item_t i = item_of(l, at);
    double acc[LINES];
    float by[LINES];
    sum_lines(l, &i, c->x, c->x, acc);
    for (int64_t j = 0; j < i.width; ++j)
      by[j] = (float)sqrt(acc[j] + (double)c->s->epsilon);
    if (l->inner == 1) divide(c->out + i.at, c->x + i.at, by[0], l->n);
    else
      for (int64_t k = 0; k < l->n; ++k)
        divide_row(c->out + i.at + k * l->inner, c->x + i.at + k * l->inner, by, i.width);
    for (int64_t j = 0; c->norm && j < i.width; ++j) c->norm[i.line + j] = by[j];
  }
}

static frt_status_t norm_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  norm_call_t c = {(const norm_t *)state, frt_in_f32(r, FRT_NORM_IN_X), NULL, NULL,
                   frt_out_f32(r, FRT_NORM_OUT_OUT), NULL};
  (void)err;
  if (frt_has_out(r, FRT_NORM_OUT_NORM)) c.norm = frt_out_f32(r, FRT_NORM_OUT_NORM);
  for_items(r, &c.s->l, norm_items, &c);
  return FRT_OK;
}

static frt_status_t norm_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                      frt_error_t *err) {
  (void)workspace, (void)err;
  ((norm_grad_t *)state)->l = lines_of(frt_in(op, FRT_NORM_GRAD_IN_X),
                                       frt_attr_i64(op, FRT_NORM_GRAD_ATTR_AXIS));
  return FRT_OK;
}

static void norm_grad_items(void *arg, int64_t lo, int64_t hi) {
  const norm_call_t *c = (const norm_call_t *)arg;
  const lines_t *l = &c->s->l;
  for (int64_t at = lo; at < hi; ++at) {
    const item_t i = item_of(l, at);
    double acc[LINES];
    float by[LINES], dot[LINES];
    sum_lines(l, &i, c->x, c->g, acc);
    for (int64_t j = 0; j < i.width; ++j) { /* copied: X@GRAD may have Norm's memory */
      by[j] = c->by[i.line + j];
      dot[j] = (float)(acc[j] / ((double)by[j] * (double)by[j]));
    }
    if (l->inner == 1) back(c->out + i.at, c->g + i.at, c->x + i.at, dot[0], by[0], l->n);
    else
      for (int64_t k = 0; k < l->n; ++k) {
        const int64_t row = i.at + k * l->inner;
        back_row(c->out + row, c->g + row, c->x + row, dot, by, i.width);
      }
  }
}

static frt_status_t norm_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  norm_call_t c;
  (void)err;
  if (!frt_has_out(r, FRT_NORM_GRAD_OUT_X_GRAD)) return FRT_OK;
  c = (norm_call_t){(const norm_t *)state, frt_in_f32(r, FRT_NORM_GRAD_IN_X),
                    frt_in_f32(r, FRT_NORM_GRAD_IN_OUT_GRAD),
                    frt_in_f32(r, FRT_NORM_GRAD_IN_NORM),
                    frt_out_f32(r, FRT_NORM_GRAD_OUT_X_GRAD), NULL};
  for_items(r, &c.s->l, norm_grad_items, &c);
  return FRT_OK;
}

/* ---- cumsum --------------------------------------------------------------------------- */

typedef struct {
  lines_t l;
  int exclusive, reverse;
} cumsum_t;

typedef struct {
  const cumsum_t *s;
  const float *x;
  float *out;
} cumsum_call_t;

static frt_status_t cumsum_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  cumsum_t *s = (cumsum_t *)state;
  (void)workspace, (void)err;
  s->l = lines_of(frt_in(op, FRT_CUMSUM_IN_X), frt_attr_i64(op, FRT_CUMSUM_ATTR_AXIS));
  s->exclusive = frt_attr_bool(op, FRT_CUMSUM_ATTR_EXCLUSIVE);
  s->reverse = frt_attr_bool(op, FRT_CUMSUM_ATTR_REVERSE);
  return FRT_OK;
}

/* One step of all lines of an item. Out may be X. */
FRT_CPU_BODY void add_row_body(float *o, const float *x, int64_t n, double *acc,
                               int exclusive) {
  for (int64_t j = 0; j < n; ++j) {
    const double sum = acc[j] + (double)x[j];
    o[j] = (float)(exclusive ? acc[j] : sum);
    acc[j] = sum;
  }
}
FRT_CPU_VARIANTS(add_row, (float *o, const float *x, int64_t n, double *acc, int exclusive),
                 (o, x, n, acc, exclusive))

/* The last axis: one line. */
static void add_line(float *o, const float *x, int64_t n, int64_t step, int exclusive) {
  double sum = 0.0;
  for (int64_t k = 0; k < n; ++k, o += step, x += step) {
    const double next = sum + (double)*x;
    *o = (float)(exclusive ? sum : next);
    sum = next;
  }
}

static void cumsum_items(void *arg, int64_t lo, int64_t hi) {
  const cumsum_call_t *c = (const cumsum_call_t *)arg;
  const lines_t *l = &c->s->l;
  for (int64_t at = lo; at < hi; ++at) {
    const item_t i = item_of(l, at);
    const int64_t first = c->s->reverse ? i.at + (l->n - 1) * l->inner : i.at;
    const int64_t step = c->s->reverse ? -l->inner : l->inner;
    double acc[LINES] = {0.0};
    if (l->inner == 1) {
      add_line(c->out + first, c->x + first, l->n, step, c->s->exclusive);
      continue;
    }
    for (int64_t k = 0; k < l->n; ++k)
      add_row(c->out + first + k * step, c->x + first + k * step, i.width, acc,
              c->s->exclusive);
  }
}

static frt_status_t cumsum_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  cumsum_call_t c = {(const cumsum_t *)state, frt_in_f32(r, FRT_CUMSUM_IN_X),
                     frt_out_f32(r, FRT_CUMSUM_OUT_OUT)};
  (void)err;
  if (c.s->l.n) for_items(r, &c.s->l, cumsum_items, &c);
  return FRT_OK;
}

#define FLAGS (FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
FRT_KERNELS(cpu, norm_axis) = {FRT_KERNEL("norm", FRT_F32S, norm, FLAGS),
                               FRT_KERNEL("norm_grad", FRT_F32S, norm_grad, FLAGS),
                               FRT_KERNEL("cumsum", FRT_F32S, cumsum, FLAGS),
                               FRT_KERNELS_END};
