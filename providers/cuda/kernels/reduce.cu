#include "fold.h"
#include "unary.h"

/* reduce_sum, _max, _min, _prod and _mean have the same slots and attributes. */
enum { X = FRT_REDUCE_SUM_IN_X, OUT = FRT_REDUCE_SUM_OUT_OUT };

static void gone_dims(const frt_op_t *op, uint32_t rank, int dim_attr, int all_attr, int *gone) {
  const frt_api_attr_t *dim = &op->attrs[dim_attr];
  const int all = frt_attr_bool(op, all_attr);
  for (uint32_t d = 0; d < rank; ++d) gone[d] = all;
  if (all || rank == 0) return; /* with reduce_all nobody has checked dim */
  if (dim->count == 0) gone[0] = 1;
  for (uint32_t i = 0; i < dim->count; ++i) {
    const int64_t d = dim->v.is[i];
    gone[d < 0 ? d + rank : d] = 1;
  }
}

static frt_status_t fold_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, X);
  int gone[FRT_MAX_RANK];
  (void)err;
  gone_dims(op, x->rank, FRT_REDUCE_SUM_ATTR_DIM, FRT_REDUCE_SUM_ATTR_REDUCE_ALL, gone);
  frt_gpu_fold_plan((frt_gpu_fold_t *)state, x->rank, x->dims, gone, workspace);
  return FRT_OK;
}

static frt_status_t fold(const void *state, const frt_run_t *r, int kind, int mean,
                         frt_error_t *err) {
  const frt_gpu_fold_t *plan = (const frt_gpu_fold_t *)state;
  const int wide = frt_gpu_wide(frt_in(r, X));
  const void *x = frt_in(r, X)->data;
  void *out = frt_out(r, OUT)->data;
  const double n = mean ? (double)plan->gone.n : 1.0;
  const frt_gpu_any_real op = {kind};
  return frt_gpu_reduce(
      r, plan, r->workspace, op,
      [=] FRT_GPU_FN(int64_t i) -> double { return frt_gpu_real(x, wide, i); },
      [=] FRT_GPU_FN(int64_t o, double v) { frt_gpu_put(out, wide, o, mean ? v / n : v); }, err);
}
static frt_status_t fold_ints(const void *state, const frt_run_t *r, int kind,
                              frt_error_t *err) {
  const int wide = frt_gpu_wide(frt_in(r, X));
  const void *x = frt_in(r, X)->data;
  void *out = frt_out(r, OUT)->data;
  const frt_gpu_any_int op = {kind};
  const int clamps = !wide && (kind == FRT_GPU_MAX || kind == FRT_GPU_MIN);
  return frt_gpu_reduce(
      r, (const frt_gpu_fold_t *)state, r->workspace, op,
      [=] FRT_GPU_FN(int64_t i) -> int64_t { return frt_gpu_int(x, wide, i); },
      [=] FRT_GPU_FN(int64_t o, int64_t v) { /* of nothing: the last int32 there is */
        if (clamps) v = v < INT32_MIN ? INT32_MIN : v > INT32_MAX ? INT32_MAX : v;
        frt_gpu_put(out, wide, o, v);
      },
      err);
}

#define FOLD(stem, KIND)                                                                     \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r, frt_error_t *err) {  \
    return fold(state, r, KIND, 0, err);                                                     \
  }                                                                                          \
  static frt_status_t i##stem##_run(const void *state, const frt_run_t *r, frt_error_t *err) { \
    return fold_ints(state, r, KIND, err);                                                   \
  }
FOLD(sum, FRT_GPU_SUM)
FOLD(max, FRT_GPU_MAX)
FOLD(min, FRT_GPU_MIN)
FOLD(prod, FRT_GPU_PROD)
static frt_status_t mean_of_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  return fold(state, r, FRT_GPU_SUM, 1, err);
}

/* ---- gradients: X's shape, the target of each element ------------------------------------- */

typedef struct {
  frt_gpu_walk_t target;
  frt_gpu_walk_t others; /* reduce_prod_grad: over what is folded together */
  int64_t n;
} back_t;

static void back_plan(back_t *s, const frt_op_t *op, const frt_api_tensor_t *x, int dim_attr,
                      int all_attr) {
  int gone[FRT_MAX_RANK];
  int64_t steps[FRT_MAX_RANK], own[FRT_MAX_RANK], dims[FRT_MAX_RANK], step = 1;
  uint32_t n = 0;
  gone_dims(op, x->rank, dim_attr, all_attr, gone);
  frt_gpu_steps(x, own);
  for (uint32_t d = x->rank; d-- > 0;) {
    steps[d] = gone[d] ? 0 : step;
    if (!gone[d]) step *= x->dims[d];
  }
  s->target = frt_gpu_walk_of(x->rank, x->dims, steps);
  for (uint32_t d = 0; d < x->rank; ++d)
    if (gone[d]) dims[n] = x->dims[d], steps[n++] = own[d];
  s->others = frt_gpu_walk_of(n, dims, steps);
}
#define BACK_PREPARE(stem, OP)                                                            \
  static frt_status_t stem##_prepare(const frt_op_t *op, void *state, uint64_t *workspace, \
                                     frt_error_t *err) {                                  \
    (void)workspace, (void)err;                                                           \
    back_plan((back_t *)state, op, frt_in(op, FRT_##OP##_GRAD_IN_X),                      \
              FRT_##OP##_GRAD_ATTR_DIM, FRT_##OP##_GRAD_ATTR_REDUCE_ALL);                 \
    return FRT_OK;                                                                        \
  }
BACK_PREPARE(sum_grad, REDUCE_SUM)
BACK_PREPARE(mean_of_grad, REDUCE_MEAN)
BACK_PREPARE(max_grad, REDUCE_MAX)
BACK_PREPARE(min_grad, REDUCE_MIN)
BACK_PREPARE(prod_grad, REDUCE_PROD)

static frt_status_t spread(const void *state, const frt_run_t *r, int g_slot, int x_slot,
                           int mean, frt_error_t *err) {
  const frt_gpu_walk_t target = ((const back_t *)state)->target;
  const int wide = frt_gpu_wide(frt_in(r, g_slot));
  const void *g = frt_in(r, g_slot)->data;
  void *dx = frt_gpu_data_out(r, x_slot);
  if (!dx) return FRT_OK;
  const int64_t n = frt_out_numel(r, x_slot), m = frt_in_numel(r, g_slot);
  const double divisor = mean ? (double)n / (double)m : 1.0;
  return frt_gpu_each(
      r, n,
      [=] FRT_GPU_FN(int64_t i) {
        frt_gpu_put(dx, wide, i, frt_gpu_real(g, wide, frt_gpu_at(target, i)) / divisor);
      },
      err);
}
static frt_status_t sum_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  return spread(state, r, FRT_REDUCE_SUM_GRAD_IN_OUT_GRAD, FRT_REDUCE_SUM_GRAD_OUT_X_GRAD, 0,
                err);
}
static frt_status_t mean_of_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  return spread(state, r, FRT_REDUCE_MEAN_GRAD_IN_OUT_GRAD, FRT_REDUCE_MEAN_GRAD_OUT_X_GRAD, 1,
                err);
}

/* Every tied place gets it whole. Maximum and minimum have the same slots. */
static frt_status_t tied_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_gpu_walk_t target = ((const back_t *)state)->target;
  const int wide = frt_gpu_wide(frt_in(r, FRT_REDUCE_MAX_GRAD_IN_X));
  const void *x = frt_in(r, FRT_REDUCE_MAX_GRAD_IN_X)->data;
  const void *out = frt_in(r, FRT_REDUCE_MAX_GRAD_IN_OUT)->data;
  const void *g = frt_in(r, FRT_REDUCE_MAX_GRAD_IN_OUT_GRAD)->data;
  void *dx = frt_gpu_data_out(r, FRT_REDUCE_MAX_GRAD_OUT_X_GRAD);
  if (!dx) return FRT_OK;
  return frt_gpu_each(
      r, frt_in_numel(r, FRT_REDUCE_MAX_GRAD_IN_X),
      [=] FRT_GPU_FN(int64_t i) {
        const int64_t to = frt_gpu_at(target, i);
        const int same = frt_gpu_real(x, wide, i) == frt_gpu_real(out, wide, to);
        frt_gpu_put(dx, wide, i, same ? frt_gpu_real(g, wide, to) : 0.0);
      },
      err);
}
#define max_grad_run tied_run
#define min_grad_run tied_run

/* The product of the others: Out / X is 0 / 0 where X is 0. */
static frt_status_t prod_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_gpu_walk_t target = ((const back_t *)state)->target;
  const frt_gpu_walk_t others = ((const back_t *)state)->others;
  const int wide = frt_gpu_wide(frt_in(r, FRT_REDUCE_PROD_GRAD_IN_X));
  const void *x = frt_in(r, FRT_REDUCE_PROD_GRAD_IN_X)->data;
  const void *g = frt_in(r, FRT_REDUCE_PROD_GRAD_IN_OUT_GRAD)->data;
  void *dx = frt_gpu_data_out(r, FRT_REDUCE_PROD_GRAD_OUT_X_GRAD);
  if (!dx) return FRT_OK;
  return frt_gpu_each(
      r, frt_in_numel(r, FRT_REDUCE_PROD_GRAD_IN_X),
      [=] FRT_GPU_FN(int64_t i) {
        int64_t base = i; /* without the coordinates that are folded */
        FRT_GPU_ROLLED
        for (int d = 0; d < others.rank; ++d)
          base -= i / others.steps[d] % others.dims[d] * others.steps[d];
        double v = frt_gpu_real(g, wide, frt_gpu_at(target, i));
        FRT_GPU_ROLLED
        for (int64_t k = 0; k < others.n; ++k) {
          const int64_t at = base + frt_gpu_at(others, k);
          if (at != i) v *= frt_gpu_real(x, wide, at);
        }
        frt_gpu_put(dx, wide, i, v);
      },
      err);
}

/* ---- mean -------------------------------------------------------------------------------------- */

static frt_status_t mean_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_MEAN_IN_X);
  int gone[FRT_MAX_RANK];
  (void)err;
  for (uint32_t d = 0; d < x->rank; ++d) gone[d] = 1;
  frt_gpu_fold_plan((frt_gpu_fold_t *)state, x->rank, x->dims, gone, workspace);
  return FRT_OK;
}
static frt_status_t mean_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  return mean_of_run(state, r, err);
}
static frt_status_t mean_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const int wide = frt_gpu_wide(frt_in(r, FRT_MEAN_GRAD_IN_OUT_GRAD));
  const void *g = frt_in(r, FRT_MEAN_GRAD_IN_OUT_GRAD)->data;
  void *dx = frt_gpu_data_out(r, FRT_MEAN_GRAD_OUT_X_GRAD);
  (void)state;
  if (!dx) return FRT_OK;
  const int64_t n = frt_out_numel(r, FRT_MEAN_GRAD_OUT_X_GRAD);
  return frt_gpu_each(
      r, n,
      [=] FRT_GPU_FN(int64_t i) {
        frt_gpu_put(dx, wide, i, frt_gpu_real(g, wide, 0) / (double)n);
      },
      err);
}

#define ROW(type, dtypes, prepare, stem, state) \
  {type, dtypes, sizeof(state), prepare, stem##_run, FRT_GPU_FLAGS, NULL}
#define BOTH(name, stem)                                                   \
  ROW("reduce_" #name, FRT_FLOATS, fold_prepare, stem, frt_gpu_fold_t),    \
      ROW("reduce_" #name "_grad", FRT_FLOATS, stem##_grad_prepare, stem##_grad, back_t)
#define INTS(name) ROW("reduce_" #name, FRT_INTS, fold_prepare, i##name, frt_gpu_fold_t)

FRT_KERNELS(cuda, reduce) = {
    BOTH(sum, sum), BOTH(max, max), BOTH(min, min), BOTH(prod, prod), BOTH(mean, mean_of),
    INTS(sum), INTS(max), INTS(min), INTS(prod),
    ROW("mean", FRT_FLOATS, mean_prepare, mean, frt_gpu_fold_t),
    {"mean_grad", FRT_FLOATS, 0, NULL, mean_grad_run, FRT_GPU_FLAGS, NULL},
    FRT_KERNELS_END};
