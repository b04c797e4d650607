#include "reduce.h"

#include "broadcast.h"
#include "fluidrt/op_index.h"
#include "loop.h"
#undef A
#undef B

/* The axes that `dim` and `reduce_all` name, as bits; an empty list is [0]. */
static uint32_t reduced_axes(const frt_op_t *op, int dim, int all, uint32_t rank) {
  const frt_api_attr_t *a = &op->attrs[dim];
  uint32_t mask = 0;
  if (frt_attr_bool(op, all)) return (1u << rank) - 1;
  if (!a->count) return rank ? 1u : 0;
  for (uint32_t i = 0; i < a->count; ++i)
    mask |= 1u << (a->v.is[i] < 0 ? a->v.is[i] + rank : a->v.is[i]);
  return mask;
}

/* The five forward attributes stand in one order for all. */
enum { IN_X = FRT_REDUCE_SUM_IN_X, OUT = FRT_REDUCE_SUM_OUT_OUT,
       DIM = FRT_REDUCE_SUM_ATTR_DIM, ALL = FRT_REDUCE_SUM_ATTR_REDUCE_ALL };

typedef struct {
  frt_cpu_reduce_t plan;
  double divisor;
} reduce_t;

#define PREPARE(name, what)                                                        \
  static frt_status_t name##_prepare(const frt_op_t *op, void *state,              \
                                     uint64_t *workspace, frt_error_t *err) {      \
    reduce_t *s = (reduce_t *)state;                                               \
    const frt_api_tensor_t *x = frt_in(op, IN_X);                                  \
    (void)err;                                                                     \
    s->divisor = 1.0;                                                              \
    frt_cpu_reduce_make(&s->plan, what, x->rank, x->dims,                          \
                        reduced_axes(op, DIM, ALL, x->rank), workspace);           \
    return FRT_OK;                                                                 \
  }
PREPARE(reduce_sum, FRT_CPU_SUM)
PREPARE(reduce_max, FRT_CPU_MAX)

static frt_status_t mean_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  reduce_t *s = (reduce_t *)state;
  const frt_api_tensor_t *x = frt_in(op, FRT_MEAN_IN_X);
  (void)err;
  s->divisor = (double)x->numel;
  frt_cpu_reduce_make(&s->plan, FRT_CPU_SUM, x->rank, x->dims, (1u << x->rank) - 1,
                      workspace);
  return FRT_OK;
}

static frt_status_t reduce_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const reduce_t *s = (const reduce_t *)state;
  (void)err;
  frt_cpu_reduce_run(&s->plan, r, frt_in_f32(r, IN_X), frt_out_f32(r, OUT), r->workspace,
                     s->divisor);
  return FRT_OK;
}

/* ---- gradients: what was reduced is repeated --------------------------------------- */

typedef void (*row_fn)(float *o, const float *x, const float *out, const float *g,
                       int64_t n);
#define ROW_BODY(name, expr)                                                            \
  FRT_CPU_BODY void name##_body(float *o, const float *x, const float *out,             \
                                const float *g, int64_t n) {                            \
    (void)x, (void)out;                                                                 \
    FRT_CPU_IVDEP                                                                       \
    for (int64_t i = 0; i < n; ++i) o[i] = (expr);                                      \
  }                                                                                     \
  FRT_CPU_VARIANTS(name,                                                                \
                   (float *o, const float *x, const float *out, const float *g, int64_t n), \
                   (o, x, out, g, n))
ROW_BODY(copy_row, g[i])
ROW_BODY(fill_row, g[0])
ROW_BODY(tied_row, x[i] == out[i] ? g[i] : 0.0f)
ROW_BODY(tied_lone, x[i] == out[0] ? g[0] : 0.0f)

typedef struct {
  frt_cpu_broadcast_t b;
  row_fn row;
} spread_t;

typedef struct {
  const spread_t *s;
  float *o;
  const float *x, *out, *g;
} spread_call_t;

static void spread_make(spread_t *s, const frt_api_tensor_t *x, uint32_t goes, row_fn both,
                        row_fn lone) {
  int64_t yd[FRT_MAX_RANK];
  for (uint32_t d = 0; d < x->rank; ++d) yd[d] = goes >> d & 1u ? 1 : x->dims[d];
  frt_cpu_broadcast_dims(&s->b, x->dims, yd, (int)x->rank);
  s->row = s->b.ys[s->b.rank - 1] ? both : lone;
}

static frt_status_t reduce_sum_grad_prepare(const frt_op_t *op, void *state,
                                            uint64_t *workspace, frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_REDUCE_SUM_GRAD_IN_X);
  (void)workspace, (void)err;
  spread_make((spread_t *)state, x,
              reduced_axes(op, FRT_REDUCE_SUM_GRAD_ATTR_DIM,
                           FRT_REDUCE_SUM_GRAD_ATTR_REDUCE_ALL, x->rank),
              copy_row, fill_row);
  return FRT_OK;
}

static frt_status_t reduce_max_grad_prepare(const frt_op_t *op, void *state,
                                            uint64_t *workspace, frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_REDUCE_MAX_GRAD_IN_X);
  (void)workspace, (void)err;
  spread_make((spread_t *)state, x,
              reduced_axes(op, FRT_REDUCE_MAX_GRAD_ATTR_DIM,
                           FRT_REDUCE_MAX_GRAD_ATTR_REDUCE_ALL, x->rank),
              tied_row, tied_lone);
  return FRT_OK;
}

static const float *moved(const float *p, int64_t by) { return p ? p + by : p; }

static void spread_flat(void *arg, int64_t lo, int64_t hi) {
  const spread_call_t *c = (const spread_call_t *)arg;
  const int64_t y = c->s->b.ys[0] ? lo : 0;
  c->s->row(c->o + lo, moved(c->x, lo), moved(c->out, y), c->g + y, hi - lo);
}

static void spread_rows(void *arg, int64_t lo, int64_t hi) {
  const spread_call_t *c = (const spread_call_t *)arg;
  const frt_cpu_broadcast_t *b = &c->s->b;
  for (int64_t row = lo; row < hi; ++row) {
    const int64_t y = frt_cpu_broadcast_offset(b, row), at = row * b->inner;
    c->s->row(c->o + at, moved(c->x, at), moved(c->out, y), c->g + y, b->inner);
  }
}

static void spread_do(const frt_run_t *r, spread_call_t *c) {
  const frt_cpu_broadcast_t *b = &c->s->b;
  if (!b->numel) return;
  if (b->rank == 1) frt_cpu_for(r, b->numel, FRT_CPU_GRAIN, spread_flat, c);
  else frt_cpu_for(r, b->rows, frt_cpu_div_up(FRT_CPU_GRAIN, b->inner), spread_rows, c);
}

static frt_status_t reduce_sum_grad_run(const void *state, const frt_run_t *r,
                                        frt_error_t *err) {
  spread_call_t c = {(const spread_t *)state, NULL, NULL, NULL,
                     frt_in_f32(r, FRT_REDUCE_SUM_GRAD_IN_OUT_GRAD)};
  (void)err;
  if (!frt_has_out(r, FRT_REDUCE_SUM_GRAD_OUT_X_GRAD)) return FRT_OK;
  c.o = frt_out_f32(r, FRT_REDUCE_SUM_GRAD_OUT_X_GRAD);
  spread_do(r, &c);
  return FRT_OK;
}

static frt_status_t reduce_max_grad_run(const void *state, const frt_run_t *r,
                                        frt_error_t *err) {
  spread_call_t c = {(const spread_t *)state, NULL,
                     frt_in_f32(r, FRT_REDUCE_MAX_GRAD_IN_X),
                     frt_in_f32(r, FRT_REDUCE_MAX_GRAD_IN_OUT),
                     frt_in_f32(r, FRT_REDUCE_MAX_GRAD_IN_OUT_GRAD)};
  (void)err;
  if (!frt_has_out(r, FRT_REDUCE_MAX_GRAD_OUT_X_GRAD)) return FRT_OK;
  c.o = frt_out_f32(r, FRT_REDUCE_MAX_GRAD_OUT_X_GRAD);
  spread_do(r, &c);
  return FRT_OK;
}

static frt_status_t mean_grad_run(const void *state, const frt_run_t *r,
                                  frt_error_t *err) {
  float v;
  const spread_t s = {{1, 1, 0, 1, 0, {0}, {0}}, fill_row};
  spread_call_t c = {&s, NULL, NULL, NULL, &v};
  (void)state, (void)err;
  if (!frt_has_out(r, FRT_MEAN_GRAD_OUT_X_GRAD)) return FRT_OK;
  v = (float)((double)frt_in_f32(r, FRT_MEAN_GRAD_IN_OUT_GRAD)[0] /
              (double)frt_out_numel(r, FRT_MEAN_GRAD_OUT_X_GRAD));
  c.o = frt_out_f32(r, FRT_MEAN_GRAD_OUT_X_GRAD);
  frt_cpu_for(r, frt_out_numel(r, FRT_MEAN_GRAD_OUT_X_GRAD), FRT_CPU_GRAIN, spread_flat,
              &c);
  return FRT_OK;
}

#define ROW(type, T, prepare, run) \
  {type, FRT_F32S, sizeof(T), prepare, run, FRT_KERNEL_DETERMINISTIC, NULL}
FRT_KERNELS(cpu, reduce) = {
    ROW("reduce_sum", reduce_t, reduce_sum_prepare, reduce_run),
    ROW("reduce_max", reduce_t, reduce_max_prepare, reduce_run),
    ROW("mean", reduce_t, mean_prepare, reduce_run),
    ROW("reduce_sum_grad", spread_t, reduce_sum_grad_prepare, reduce_sum_grad_run),
    ROW("reduce_max_grad", spread_t, reduce_max_grad_prepare, reduce_max_grad_run),
    FRT_KERNEL_PLAIN("mean_grad", FRT_F32S, mean_grad, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
