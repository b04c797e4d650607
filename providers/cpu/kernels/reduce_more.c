#include "fluidrt/op_index.h"
#include "reduce.h"
#include "spread.h"

/* The forward attributes stand in one order for all. */
enum { IN_X = FRT_REDUCE_MEAN_IN_X, OUT = FRT_REDUCE_MEAN_OUT_OUT,
       DIM = FRT_REDUCE_MEAN_ATTR_DIM, ALL = FRT_REDUCE_MEAN_ATTR_REDUCE_ALL };

typedef struct {
  frt_cpu_reduce_t plan;
  double divisor;
} reduce_t;

#define PREPARE(name, what, divide_by)                                             \
  static frt_status_t name##_prepare(const frt_op_t *op, void *state,              \
                                     uint64_t *workspace, frt_error_t *err) {      \
    reduce_t *s = (reduce_t *)state;                                               \
    const frt_api_tensor_t *x = frt_in(op, IN_X);                                  \
    (void)err;                                                                     \
    frt_cpu_reduce_make(&s->plan, what, x->rank, x->dims,                          \
                        frt_cpu_reduced_axes(op, DIM, ALL, x->rank), workspace);   \
    s->divisor = divide_by;                                                        \
    return FRT_OK;                                                                 \
  }
PREPARE(reduce_mean, FRT_CPU_SUM,
        s->plan.outputs ? (double)s->plan.numel / (double)s->plan.outputs : 1.0)
PREPARE(reduce_min, FRT_CPU_MIN, 1.0)
PREPARE(reduce_prod, FRT_CPU_PROD, 1.0)

static frt_status_t reduce_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const reduce_t *s = (const reduce_t *)state;
  (void)err;
  frt_cpu_reduce_run(&s->plan, r, frt_in_f32(r, IN_X), frt_out_f32(r, OUT), r->workspace,
                     s->divisor);
  return FRT_OK;
}

/* ---- gradients: what was reduced is repeated --------------------------------------- */

FRT_CPU_SPREAD_ROW(part_row, (float)((double)g[i] / q))
FRT_CPU_SPREAD_ROW(part_lone, (float)((double)g[0] / q))
FRT_CPU_SPREAD_ROW(tied_row, x[i] == out[i] ? g[i] : 0.0f)
FRT_CPU_SPREAD_ROW(tied_lone, x[i] == out[0] ? g[0] : 0.0f)

static frt_status_t reduce_mean_grad_prepare(const frt_op_t *op, void *state,
                                             uint64_t *workspace, frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_REDUCE_MEAN_GRAD_IN_X);
  const int64_t means = frt_in(op, FRT_REDUCE_MEAN_GRAD_IN_OUT_GRAD)->numel;
  frt_cpu_spread_t *s = (frt_cpu_spread_t *)state;
  (void)workspace, (void)err;
  frt_cpu_spread_make(s, x,
                      frt_cpu_reduced_axes(op, FRT_REDUCE_MEAN_GRAD_ATTR_DIM,
                                           FRT_REDUCE_MEAN_GRAD_ATTR_REDUCE_ALL, x->rank),
                      part_row, part_lone);
  s->q = means ? (double)x->numel / (double)means : 1.0;
  return FRT_OK;
}

static frt_status_t reduce_min_grad_prepare(const frt_op_t *op, void *state,
                                            uint64_t *workspace, frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_REDUCE_MIN_GRAD_IN_X);
  (void)workspace, (void)err;
  frt_cpu_spread_make((frt_cpu_spread_t *)state, x,
                      frt_cpu_reduced_axes(op, FRT_REDUCE_MIN_GRAD_ATTR_DIM,
                                           FRT_REDUCE_MIN_GRAD_ATTR_REDUCE_ALL, x->rank),
                      tied_row, tied_lone);
  return FRT_OK;
}

static frt_status_t reduce_mean_grad_run(const void *state, const frt_run_t *r,
                                         frt_error_t *err) {
  frt_cpu_spread_call_t c = {(const frt_cpu_spread_t *)state, NULL, NULL, NULL,
                             frt_in_f32(r, FRT_REDUCE_MEAN_GRAD_IN_OUT_GRAD)};
  (void)err;
  if (!frt_has_out(r, FRT_REDUCE_MEAN_GRAD_OUT_X_GRAD)) return FRT_OK;
  c.o = frt_out_f32(r, FRT_REDUCE_MEAN_GRAD_OUT_X_GRAD);
  frt_cpu_spread_do(r, &c);
  return FRT_OK;
}

static frt_status_t reduce_min_grad_run(const void *state, const frt_run_t *r,
                                        frt_error_t *err) {
  frt_cpu_spread_call_t c = {(const frt_cpu_spread_t *)state, NULL,
                             frt_in_f32(r, FRT_REDUCE_MIN_GRAD_IN_X),
                             frt_in_f32(r, FRT_REDUCE_MIN_GRAD_IN_OUT),
                             frt_in_f32(r, FRT_REDUCE_MIN_GRAD_IN_OUT_GRAD)};
  (void)err;
  if (!frt_has_out(r, FRT_REDUCE_MIN_GRAD_OUT_X_GRAD)) return FRT_OK;
  c.o = frt_out_f32(r, FRT_REDUCE_MIN_GRAD_OUT_X_GRAD);
  frt_cpu_spread_do(r, &c);
  return FRT_OK;
}

/* ---- the gradient of a product ------------------------------------------------------
 *
 * The product of the others, in double, is the product of all that are not 0, divided by
 * the element itself; one 0 among them is the only one with a gradient, and of two none
 * has. Outputs are cut into groups that share loops: a strip of neighbours that go
 * different ways, or one output whose last axis went. */
enum { STRIP = 64 };

typedef struct {
  const frt_cpu_reduce_t *p;
  const float *x, *g;
  float *o;
} prod_call_t;

static int64_t offset(const int64_t *n, const int64_t *s, int count, int64_t at) {
  int64_t to = 0;
  for (int d = count - 1; d >= 0; --d) {
    to += at % n[d] * s[d];
    at /= n[d];
  }
  return to;
}

FRT_CPU_BODY float prod_part(float x, float g, double all, double zeros) {
  const double others = zeros == 0.0 ? all / (double)x
                                     : zeros == 1.0 && x == 0.0f ? all : 0.0;
  return (float)((double)g * others);
}

/* n columns of every row in the group, from x + row's offset on; m of them belong to one
 * output each (m == n), or all to one (m == 1). */
static void prod_group(const prod_call_t *c, const float *x, const float *g, float *o,
                       int64_t n, int64_t m) {
  const frt_cpu_reduce_t *p = c->p;
  double all[STRIP], zeros[STRIP];
  for (int64_t j = 0; j < m; ++j) {
    all[j] = 1.0;
    zeros[j] = 0.0;
  }
  for (int64_t row = 0; row < p->gone; ++row) {
    const float *v = x + offset(p->gone_n, p->gone_s, p->n_gone, row);
    for (int64_t j = 0; j < n; ++j) {
      const int64_t k = m == 1 ? 0 : j;
      if (v[j] == 0.0f) zeros[k] += 1.0;
      else all[k] *= (double)v[j];
    }
  }
  for (int64_t row = 0; row < p->gone; ++row) {
    const int64_t at = offset(p->gone_n, p->gone_s, p->n_gone, row);
    for (int64_t j = 0; j < n; ++j) {
      const int64_t k = m == 1 ? 0 : j;
      o[at + j] = prod_part(x[at + j], g[k], all[k], zeros[k]);
    }
  }
}

static void prod_items(void *arg, int64_t lo, int64_t hi) {
  const prod_call_t *c = (const prod_call_t *)arg;
  const frt_cpu_reduce_t *p = c->p;
  for (int64_t item = lo; item < hi; ++item) {
    const int64_t strip = item % p->strips, kept = item / p->strips, j = strip * STRIP;
    const int64_t at = offset(p->kept_n, p->kept_s, p->n_kept, kept) + j;
    if (p->last_goes) {
      prod_group(c, c->x + at, c->g + kept, c->o + at, p->last, 1);
    } else {
      const int64_t n = p->last - j < STRIP ? p->last - j : STRIP;
      prod_group(c, c->x + at, c->g + kept * p->last + j, c->o + at, n, n);
    }
  }
}

static frt_status_t reduce_prod_grad_prepare(const frt_op_t *op, void *state,
                                             uint64_t *workspace, frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_REDUCE_PROD_GRAD_IN_X);
  uint64_t unused = 0;
  (void)workspace, (void)err;
  frt_cpu_reduce_make(&((reduce_t *)state)->plan, FRT_CPU_PROD, x->rank, x->dims,
                      frt_cpu_reduced_axes(op, FRT_REDUCE_PROD_GRAD_ATTR_DIM,
                                           FRT_REDUCE_PROD_GRAD_ATTR_REDUCE_ALL, x->rank),
                      &unused);
  return FRT_OK;
}

static frt_status_t reduce_prod_grad_run(const void *state, const frt_run_t *r,
                                         frt_error_t *err) {
  const frt_cpu_reduce_t *p = &((const reduce_t *)state)->plan;
  prod_call_t c = {p, frt_in_f32(r, FRT_REDUCE_PROD_GRAD_IN_X),
                   frt_in_f32(r, FRT_REDUCE_PROD_GRAD_IN_OUT_GRAD), NULL};
  (void)err;
  if (!frt_has_out(r, FRT_REDUCE_PROD_GRAD_OUT_X_GRAD) || !p->numel) return FRT_OK;
  c.o = frt_out_f32(r, FRT_REDUCE_PROD_GRAD_OUT_X_GRAD);
  frt_cpu_for(r, p->kept * p->strips, frt_cpu_div_up(FRT_CPU_GRAIN, p->gone * p->last),
              prod_items, &c);
  return FRT_OK;
}

#define ROW(type, T, stem, run) \
  {type, FRT_F32S, sizeof(T), stem##_prepare, run, FRT_KERNEL_DETERMINISTIC, NULL}
FRT_KERNELS(cpu, reduce_more) = {
    ROW("reduce_mean", reduce_t, reduce_mean, reduce_run),
    ROW("reduce_mean_grad", frt_cpu_spread_t, reduce_mean_grad, reduce_mean_grad_run),
    ROW("reduce_min", reduce_t, reduce_min, reduce_run),
    ROW("reduce_min_grad", frt_cpu_spread_t, reduce_min_grad, reduce_min_grad_run),
    ROW("reduce_prod", reduce_t, reduce_prod, reduce_run),
    ROW("reduce_prod_grad", reduce_t, reduce_prod_grad, reduce_prod_grad_run),
    FRT_KERNELS_END};
