#include "reduce.h"

#include "fluidrt/op_index.h"
#include "spread.h"

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
                        frt_cpu_reduced_axes(op, DIM, ALL, x->rank), workspace);   \
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

FRT_CPU_SPREAD_ROW(copy_row, g[i])
FRT_CPU_SPREAD_ROW(fill_row, g[0])
FRT_CPU_SPREAD_ROW(tied_row, x[i] == out[i] ? g[i] : 0.0f)
FRT_CPU_SPREAD_ROW(tied_lone, x[i] == out[0] ? g[0] : 0.0f)

static frt_status_t reduce_sum_grad_prepare(const frt_op_t *op, void *state,
                                            uint64_t *workspace, frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_REDUCE_SUM_GRAD_IN_X);
  (void)workspace, (void)err;
  frt_cpu_spread_make((frt_cpu_spread_t *)state, x,
                      frt_cpu_reduced_axes(op, FRT_REDUCE_SUM_GRAD_ATTR_DIM,
                                           FRT_REDUCE_SUM_GRAD_ATTR_REDUCE_ALL, x->rank),
                      copy_row, fill_row);
  return FRT_OK;
}

static frt_status_t reduce_max_grad_prepare(const frt_op_t *op, void *state,
                                            uint64_t *workspace, frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_REDUCE_MAX_GRAD_IN_X);
  (void)workspace, (void)err;
  frt_cpu_spread_make((frt_cpu_spread_t *)state, x,
                      frt_cpu_reduced_axes(op, FRT_REDUCE_MAX_GRAD_ATTR_DIM,
                                           FRT_REDUCE_MAX_GRAD_ATTR_REDUCE_ALL, x->rank),
                      tied_row, tied_lone);
  return FRT_OK;
}

static frt_status_t reduce_sum_grad_run(const void *state, const frt_run_t *r,
                                        frt_error_t *err) {
  frt_cpu_spread_call_t c = {(const frt_cpu_spread_t *)state, NULL, NULL, NULL,
                             frt_in_f32(r, FRT_REDUCE_SUM_GRAD_IN_OUT_GRAD)};
  (void)err;
  if (!frt_has_out(r, FRT_REDUCE_SUM_GRAD_OUT_X_GRAD)) return FRT_OK;
  c.o = frt_out_f32(r, FRT_REDUCE_SUM_GRAD_OUT_X_GRAD);
  frt_cpu_spread_do(r, &c);
  return FRT_OK;
}

static frt_status_t reduce_max_grad_run(const void *state, const frt_run_t *r,
                                        frt_error_t *err) {
  frt_cpu_spread_call_t c = {(const frt_cpu_spread_t *)state, NULL,
                             frt_in_f32(r, FRT_REDUCE_MAX_GRAD_IN_X),
                             frt_in_f32(r, FRT_REDUCE_MAX_GRAD_IN_OUT),
                             frt_in_f32(r, FRT_REDUCE_MAX_GRAD_IN_OUT_GRAD)};
  (void)err;
  if (!frt_has_out(r, FRT_REDUCE_MAX_GRAD_OUT_X_GRAD)) return FRT_OK;
  c.o = frt_out_f32(r, FRT_REDUCE_MAX_GRAD_OUT_X_GRAD);
  frt_cpu_spread_do(r, &c);
  return FRT_OK;
}

static frt_status_t mean_grad_run(const void *state, const frt_run_t *r,
                                  frt_error_t *err) {
  float v;
  const frt_cpu_spread_t s = {{1, 1, 0, 1, 0, {0}, {0}}, fill_row, 0};
  frt_cpu_spread_call_t c = {&s, NULL, NULL, NULL, &v};
  (void)state, (void)err;
  if (!frt_has_out(r, FRT_MEAN_GRAD_OUT_X_GRAD)) return FRT_OK;
  v = (float)((double)frt_in_f32(r, FRT_MEAN_GRAD_IN_OUT_GRAD)[0] /
              (double)frt_out_numel(r, FRT_MEAN_GRAD_OUT_X_GRAD));
  c.o = frt_out_f32(r, FRT_MEAN_GRAD_OUT_X_GRAD);
  frt_cpu_for(r, frt_out_numel(r, FRT_MEAN_GRAD_OUT_X_GRAD), FRT_CPU_GRAIN,
              frt_cpu_spread_flat, &c);
  return FRT_OK;
}

#define ROW(type, T, prepare, run) \
  {type, FRT_F32S, sizeof(T), prepare, run, FRT_KERNEL_DETERMINISTIC, NULL}
FRT_KERNELS(cpu, reduce) = {
    ROW("reduce_sum", reduce_t, reduce_sum_prepare, reduce_run),
    ROW("reduce_max", reduce_t, reduce_max_prepare, reduce_run),
    ROW("mean", reduce_t, mean_prepare, reduce_run),
    ROW("reduce_sum_grad", frt_cpu_spread_t, reduce_sum_grad_prepare, reduce_sum_grad_run),
    ROW("reduce_max_grad", frt_cpu_spread_t, reduce_max_grad_prepare, reduce_max_grad_run),
    FRT_KERNEL_PLAIN("mean_grad", FRT_F32S, mean_grad, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
