#include "check.h"
#include "fold.h"
#include "unary.h"

/* Fluid keeps an infinite logarithm within +-1e20. */
static FRT_GPU_FN inline double held(double ln) {
  return ln > 1e300 ? 1e20 : ln < -1e300 ? -1e20 : ln;
}

/* ---- cross entropy of probabilities ------------------------------------------------------- */

typedef struct {
  frt_gpu_check_t check;
  int64_t classes, ignored;
  int soft;
} entropy_t;
typedef entropy_t entropy2_t;
typedef entropy_t entropy_grad_t;
typedef entropy_t entropy2_grad_t;

static void entropy_plan(entropy_t *s, const frt_op_t *op, int64_t classes, int soft,
                         int64_t ignored, uint64_t *workspace) {
  char more[40];
  s->classes = classes;
  s->soft = soft;
  s->ignored = ignored;
  snprintf(more, sizeof more, ", or ignore_index %lld", (long long)ignored);
  frt_gpu_check_plan(&s->check, op, "Label", workspace);
  frt_gpu_check_range(&s->check, classes, more);
}
static int64_t last_dim(const frt_api_tensor_t *t) { return t->dims[t->rank - 1]; }
#define PREPARE(stem, CLASSES, SOFT, IGNORED)                                              \
  static frt_status_t stem##_prepare(const frt_op_t *op, void *state, uint64_t *workspace, \
                                     frt_error_t *err) {                                   \
    (void)err;                                                                             \
    entropy_plan((entropy_t *)state, op, CLASSES, SOFT, frt_attr_i64(op, IGNORED), workspace); \
    return FRT_OK;                                                                         \
  }
PREPARE(entropy, last_dim(frt_in(op, FRT_CROSS_ENTROPY_IN_X)),
        frt_attr_bool(op, FRT_CROSS_ENTROPY_ATTR_SOFT_LABEL),
        FRT_CROSS_ENTROPY_ATTR_IGNORE_INDEX)
PREPARE(entropy2, last_dim(frt_in(op, FRT_CROSS_ENTROPY2_IN_X)), 0,
        FRT_CROSS_ENTROPY2_ATTR_IGNORE_INDEX)
PREPARE(entropy_grad, last_dim(frt_in(op, FRT_CROSS_ENTROPY_GRAD_IN_X)),
        frt_attr_bool(op, FRT_CROSS_ENTROPY_GRAD_ATTR_SOFT_LABEL),
        FRT_CROSS_ENTROPY_GRAD_ATTR_IGNORE_INDEX)
PREPARE(entropy2_grad,
        frt_in(op, FRT_CROSS_ENTROPY_GRAD2_IN_XSHAPE)
            ->dims[frt_in(op, FRT_CROSS_ENTROPY_GRAD2_IN_XSHAPE)->rank - 2],
        0, FRT_CROSS_ENTROPY_GRAD2_ATTR_IGNORE_INDEX)

/* -log x[label] of each row; match (may be NULL) gets the probability. */
static frt_status_t hard_loss(const entropy_t *s, const frt_run_t *r,
                              const frt_api_tensor_t *xt, const frt_api_tensor_t *lt, void *y,
                              void *match, frt_error_t *err) {
  const int wide = frt_gpu_wide(xt), wide_label = frt_gpu_wide(lt);
  const void *x = xt->data, *label = lt->data;
  const int64_t n = s->classes, ignored = s->ignored;
  FRT_TRY(frt_gpu_check_ids(r, &s->check, lt, n, 1, ignored, err));
  return frt_gpu_each(
      r, lt->numel,
      [=] FRT_GPU_FN(int64_t row) {
        const int64_t c = frt_gpu_int(label, wide_label, row);
        const double p = c == ignored ? 1.0 : frt_gpu_real(x, wide, row * n + c);
        if (match) frt_gpu_put(match, wide, row, p);
        frt_gpu_put(y, wide, row, c == ignored ? 0.0 : -held(log(p)));
      },
      err, FRT_GPU_STOP(r));
}
struct soft_row {
  int64_t n;
  int wide;
  const void *x, *label;
  void *y;
  template <class Team> FRT_GPU_FN void operator()(Team team, int64_t row) const {
    const void *xs = x, *labels = label;
    const int w = wide;
    const int64_t at = row * n;
    const double v = frt_gpu_over(team, frt_gpu_sum(), n, [=](int64_t k) {
      return frt_gpu_real(labels, w, at + k) * held(log(frt_gpu_real(xs, w, at + k)));
    });
    if (team.leads()) frt_gpu_put(y, wide, row, -v);
  }
};
static frt_status_t entropy_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const entropy_t *s = (const entropy_t *)state;
  const frt_api_tensor_t *x = frt_in(r, FRT_CROSS_ENTROPY_IN_X);
  const frt_api_tensor_t *label = frt_in(r, FRT_CROSS_ENTROPY_IN_LABEL);
  void *y = frt_out(r, FRT_CROSS_ENTROPY_OUT_Y)->data;
  const soft_row f = {s->classes, frt_gpu_wide(x), x->data, label->data, y};
  if (!s->soft) return hard_loss(s, r, x, label, y, NULL, err);
  return frt_gpu_rows(r, frt_out_numel(r, FRT_CROSS_ENTROPY_OUT_Y), s->classes, f, err);
}
static frt_status_t entropy2_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  return hard_loss((const entropy_t *)state, r, frt_in(r, FRT_CROSS_ENTROPY2_IN_X),
                   frt_in(r, FRT_CROSS_ENTROPY2_IN_LABEL),
                   frt_out(r, FRT_CROSS_ENTROPY2_OUT_Y)->data,
                   frt_gpu_data_out(r, FRT_CROSS_ENTROPY2_OUT_MATCHX), err);
}

/* from: X, with an element a class, or MatchX, with one a row (by_row). */
static frt_status_t hard_grad(const entropy_t *s, const frt_run_t *r,
                              const frt_api_tensor_t *lt, const void *from, int by_row,
                              const frt_api_tensor_t *gt, const frt_api_tensor_t *dxt,
                              frt_error_t *err) {
  const int wide = frt_gpu_wide(gt), wide_label = frt_gpu_wide(lt);
  const void *label = lt->data, *g = gt->data;
  const int64_t n = s->classes, ignored = s->ignored;
  void *dx = dxt->data;
  FRT_TRY(frt_gpu_check_ids(r, &s->check, lt, n, 1, ignored, err));
  return frt_gpu_each(
      r, dxt->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const int64_t row = i / n, c = frt_gpu_int(label, wide_label, row);
        double v = 0.0;
        if (c != ignored && c == i % n)
          v = -frt_gpu_real(g, wide, row) / frt_gpu_real(from, wide, by_row ? row : i);
        frt_gpu_put(dx, wide, i, v);
      },
      err, FRT_GPU_STOP(r));
}
static frt_status_t entropy_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const entropy_t *s = (const entropy_t *)state;
  const frt_api_tensor_t *lt = frt_in(r, FRT_CROSS_ENTROPY_GRAD_IN_LABEL);
  const frt_api_tensor_t *gt = frt_in(r, FRT_CROSS_ENTROPY_GRAD_IN_Y_GRAD);
  const void *x = frt_in(r, FRT_CROSS_ENTROPY_GRAD_IN_X)->data, *g = gt->data;
  const void *label = lt->data;
  const int wide = frt_gpu_wide(gt);
  const int64_t n = s->classes;
  if (!frt_has_out(r, FRT_CROSS_ENTROPY_GRAD_OUT_X_GRAD)) return FRT_OK;
  const frt_api_tensor_t *dxt = frt_out(r, FRT_CROSS_ENTROPY_GRAD_OUT_X_GRAD);
  void *dx = dxt->data;
  if (!s->soft) return hard_grad(s, r, lt, x, 0, gt, dxt, err);
  return frt_gpu_each(
      r, dxt->numel,
      [=] FRT_GPU_FN(int64_t i) {
        frt_gpu_put(dx, wide, i, -frt_gpu_real(g, wide, i / n) * frt_gpu_real(label, wide, i) /
                                     frt_gpu_real(x, wide, i));
      },
      err);
}
static frt_status_t entropy2_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  if (!frt_has_out(r, FRT_CROSS_ENTROPY_GRAD2_OUT_X_GRAD)) return FRT_OK;
  return hard_grad((const entropy_t *)state, r, frt_in(r, FRT_CROSS_ENTROPY_GRAD2_IN_LABEL),
                   frt_in(r, FRT_CROSS_ENTROPY_GRAD2_IN_MATCHX)->data, 1,
                   frt_in(r, FRT_CROSS_ENTROPY_GRAD2_IN_Y_GRAD),
                   frt_out(r, FRT_CROSS_ENTROPY_GRAD2_OUT_X_GRAD), err);
}

/* ---- sigmoid_cross_entropy_with_logits --------------------------------------------------------- */

typedef struct {
  frt_gpu_fold_t all;
  double ignored;
  int normalize;
} logits_t;
typedef logits_t logits_grad_t;

static void logits_plan(logits_t *s, const frt_api_tensor_t *label, int64_t ignored,
                        int normalize, uint64_t *workspace) {
  const int gone = 1;
  s->ignored = (double)ignored;
  s->normalize = normalize;
  *workspace = 64; /* the count */
  frt_gpu_fold_plan(&s->all, 1, &label->numel, &gone, workspace);
}
#define LOGITS(stem, OP)                                                                  \
  static frt_status_t stem##_prepare(const frt_op_t *op, void *state, uint64_t *workspace, \
                                     frt_error_t *err) {                                  \
    (void)err;                                                                            \
    logits_plan((logits_t *)state, frt_in(op, FRT_##OP##_IN_LABEL),                       \
                frt_attr_i64(op, FRT_##OP##_ATTR_IGNORE_INDEX),                           \
                frt_attr_bool(op, FRT_##OP##_ATTR_NORMALIZE), workspace);                 \
    return FRT_OK;                                                                        \
  }
LOGITS(logits, SIGMOID_CROSS_ENTROPY_WITH_LOGITS)
LOGITS(logits_grad, SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD)

/* The number of labels kept, at the start of the workspace; NULL when nobody divides. */
static frt_status_t count_kept(const logits_t *s, const frt_run_t *r, const void *label,
                               int wide, const double **kept, frt_error_t *err) {
  double *to = (double *)r->workspace;
  const double ignored = s->ignored;
  *kept = s->normalize ? to : NULL;
  if (!s->normalize) return FRT_OK;
  return frt_gpu_reduce(
      r, &s->all, (char *)r->workspace + 64, frt_gpu_sum(),
      [=] FRT_GPU_FN(int64_t i) -> double { return frt_gpu_real(label, wide, i) != ignored; },
      [=] FRT_GPU_FN(int64_t, double v) { *to = v > 1e-5 ? v : 1e-5; }, err);
}
static frt_status_t logits_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const logits_t *s = (const logits_t *)state;
  const frt_api_tensor_t *t = frt_in(r, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_IN_X);
  const int wide = frt_gpu_wide(t);
  const void *x = t->data, *z = frt_in(r, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_IN_LABEL)->data;
  void *out = frt_out(r, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_OUT_OUT)->data;
  const double ignored = s->ignored;
  const double *kept;
  FRT_TRY(count_kept(s, r, z, wide, &kept, err));
  return frt_gpu_each(
      r, t->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const double v = frt_gpu_real(x, wide, i), l = frt_gpu_real(z, wide, i);
        const double y = (v > 0 ? v : 0.0) - v * l + log1p(exp(-fabs(v)));
        frt_gpu_put(out, wide, i, l == ignored ? 0.0 : kept ? y / *kept : y);
      },
      err);
}
static frt_status_t logits_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const logits_t *s = (const logits_t *)state;
  const frt_api_tensor_t *t = frt_in(r, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD_IN_X);
  const int wide = frt_gpu_wide(t);
  const void *x = t->data;
  const void *z = frt_in(r, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD_IN_LABEL)->data;
  const void *gs = frt_in(r, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD_IN_OUT_GRAD)->data;
  void *dx = frt_gpu_data_out(r, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD_OUT_X_GRAD);
  const double ignored = s->ignored;
  const double *kept;
  if (!dx) return FRT_OK;
  FRT_TRY(count_kept(s, r, z, wide, &kept, err));
  return frt_gpu_each(
      r, t->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const double l = frt_gpu_real(z, wide, i), g = frt_gpu_real(gs, wide, i);
        const double y = g * (1.0 / (1.0 + exp(-frt_gpu_real(x, wide, i))) - l);
        frt_gpu_put(dx, wide, i, l == ignored ? 0.0 : kept ? y / *kept : y);
      },
      err);
}

#define ROW(type, dtypes, stem) FRT_KERNEL(type, dtypes, stem, FRT_GPU_FLAGS)
FRT_KERNELS(cuda, loss) = {
    ROW("cross_entropy", FRT_FLOATS, entropy),
    ROW("cross_entropy_grad", FRT_FLOATS | FRT_I64S, entropy_grad),
    ROW("cross_entropy2", FRT_FLOATS, entropy2),
    ROW("cross_entropy_grad2", FRT_I64S, entropy2_grad),
    ROW("sigmoid_cross_entropy_with_logits", FRT_FLOATS, logits),
    ROW("sigmoid_cross_entropy_with_logits_grad", FRT_FLOATS, logits_grad),
    FRT_KERNELS_END};
