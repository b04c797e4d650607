#include "check.h"

/* A NaN is never greater: it comes back through the exponentials. */
struct largest {
  FRT_GPU_FN double none() const { return -(double)INFINITY; }
  FRT_GPU_FN double join(double a, double b) const { return b > a ? b : a; }
};

/* x - max, floored at -64 as Fluid does; NaN passes. */
static FRT_GPU_FN inline double below(double x, double max) {
  return x - max < -64.0 ? -64.0 : x - max;
}

/* Where a row starts; element k is k * inner further. */
static FRT_GPU_FN inline int64_t row_start(const frt_gpu_axis_t &a, int64_t row) {
  return row / a.inner * a.n * a.inner + row % a.inner;
}

struct row_stats { double max, sum; };
template <class Team>
static FRT_GPU_FN inline row_stats stats_of(Team team, const frt_gpu_axis_t &a, const void *x,
                                            int wide, int64_t at) {
  row_stats s;
  const int64_t step = a.inner;
  s.max = frt_gpu_over(team, largest(), a.n,
                       [=](int64_t k) { return frt_gpu_real(x, wide, at + k * step); });
  const double max = s.max;
  s.sum = frt_gpu_over(team, frt_gpu_sum(), a.n, [=](int64_t k) {
    return exp(below(frt_gpu_real(x, wide, at + k * step), max));
  });
  return s;
}

/* ---- softmax ------------------------------------------------------------------------------- */

typedef struct { frt_gpu_axis_t axis; } softmax_t;
typedef softmax_t softmax_grad_t;

struct softmax_row {
  frt_gpu_axis_t a;
  int wide;
  const void *x;
  void *out;
  template <class Team> FRT_GPU_FN void operator()(Team team, int64_t row) const {
    const int64_t at = row_start(a, row);
    const row_stats s = stats_of(team, a, x, wide, at);
    FRT_GPU_ROLLED
    for (int64_t k = team.first(); k < a.n; k += team.step()) {
      const int64_t i = at + k * a.inner;
      frt_gpu_put(out, wide, i, exp(below(frt_gpu_real(x, wide, i), s.max)) / s.sum);
    }
  }
};
static frt_status_t softmax_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  (void)workspace, (void)err;
  ((softmax_t *)state)->axis =
      frt_gpu_split(frt_in(op, FRT_SOFTMAX_IN_X), frt_attr_i64(op, FRT_SOFTMAX_ATTR_AXIS));
  return FRT_OK;
}
static frt_status_t softmax_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_gpu_axis_t a = ((const softmax_t *)state)->axis;
  const softmax_row f = {a, frt_gpu_wide(frt_in(r, FRT_SOFTMAX_IN_X)),
                         frt_in(r, FRT_SOFTMAX_IN_X)->data,
                         frt_out(r, FRT_SOFTMAX_OUT_OUT)->data};
  return frt_gpu_rows(r, a.n ? a.outer * a.inner : 0, a.n, f, err);
}

struct softmax_grad_row {
  frt_gpu_axis_t a;
  int wide;
  const void *p, *g;
  void *dx;
  template <class Team> FRT_GPU_FN void operator()(Team team, int64_t row) const {
    const int64_t at = row_start(a, row), step = a.inner;
    const void *ps = p, *gs = g;
    const int w = wide;
    const double dot = frt_gpu_over(team, frt_gpu_sum(), a.n, [=](int64_t k) {
      return frt_gpu_real(ps, w, at + k * step) * frt_gpu_real(gs, w, at + k * step);
    });
    FRT_GPU_ROLLED
    for (int64_t k = team.first(); k < a.n; k += team.step()) {
      const int64_t i = at + k * step;
      frt_gpu_put(dx, w, i, frt_gpu_real(p, w, i) * (frt_gpu_real(g, w, i) - dot));
    }
  }
};
static frt_status_t softmax_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                         frt_error_t *err) {
  (void)workspace, (void)err;
  ((softmax_t *)state)->axis = frt_gpu_split(frt_in(op, FRT_SOFTMAX_GRAD_IN_OUT),
                                             frt_attr_i64(op, FRT_SOFTMAX_GRAD_ATTR_AXIS));
  return FRT_OK;
}
static frt_status_t softmax_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_gpu_axis_t a = ((const softmax_t *)state)->axis;
  const softmax_grad_row f = {a, frt_gpu_wide(frt_in(r, FRT_SOFTMAX_GRAD_IN_OUT)),
                              frt_in(r, FRT_SOFTMAX_GRAD_IN_OUT)->data,
                              frt_in(r, FRT_SOFTMAX_GRAD_IN_OUT_GRAD)->data,
                              frt_gpu_data_out(r, FRT_SOFTMAX_GRAD_OUT_X_GRAD)};
  if (!f.dx) return FRT_OK;
  return frt_gpu_rows(r, a.n ? a.outer * a.inner : 0, a.n, f, err);
}

/* ---- softmax_with_cross_entropy ---------------------------------------------------------------- */

typedef struct {
  frt_gpu_check_t check;
  frt_gpu_axis_t axis;
  int soft;
  int64_t ignored;
} entropy_t;
typedef entropy_t entropy_grad_t;

static void entropy_plan(entropy_t *s, const frt_op_t *op, const frt_api_tensor_t *x, int axis,
                         int soft, int ignored, uint64_t *workspace) {
  char more[40];
  s->axis = frt_gpu_split(x, frt_attr_i64(op, axis));
  s->soft = frt_attr_bool(op, soft);
  s->ignored = frt_attr_i64(op, ignored);
  snprintf(more, sizeof more, ", or ignore_index %lld", (long long)s->ignored);
  frt_gpu_check_plan(&s->check, op, "Label", workspace);
  frt_gpu_check_range(&s->check, s->axis.n, more);
}

struct entropy_row {
  frt_gpu_axis_t a;
  int wide, soft, wide_label;
  int64_t ignored;
  const void *x, *label;
  void *p, *loss;
  /* The sum of label log p, by the team; log p is what is below the maximum, less log sum. */
  template <class Team>
  FRT_GPU_FN double soft_loss(Team team, const row_stats &s, int64_t at) const {
    const void *xs = x, *labels = label;
    const int w = wide, wl = wide_label;
    const int64_t step = a.inner;
    const double max = s.max, ln = log(s.sum);
    return -frt_gpu_over(team, frt_gpu_sum(), a.n, [=](int64_t k) {
      const int64_t i = at + k * step;
      return frt_gpu_real(labels, wl, i) * (below(frt_gpu_real(xs, w, i), max) - ln);
    });
  }
  template <class Team> FRT_GPU_FN void operator()(Team team, int64_t row) const {
    const int64_t at = row_start(a, row);
    const row_stats s = stats_of(team, a, x, wide, at);
    FRT_GPU_ROLLED
    for (int64_t k = team.first(); k < a.n; k += team.step()) {
      const int64_t i = at + k * a.inner;
      frt_gpu_put(p, wide, i, exp(below(frt_gpu_real(x, wide, i), s.max)) / s.sum);
    }
    double v = 0.0;
    if (soft) {
      v = soft_loss(team, s, at);
    } else {
      const int64_t c = frt_gpu_int(label, wide_label, row);
      if (c != ignored)
        v = log(s.sum) - below(frt_gpu_real(x, wide, at + c * a.inner), s.max);
    }
    if (team.leads()) frt_gpu_put(loss, wide, row, v);
  }
};
static frt_status_t entropy_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  (void)err;
  entropy_plan((entropy_t *)state, op, frt_in(op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_IN_LOGITS),
               FRT_SOFTMAX_WITH_CROSS_ENTROPY_ATTR_AXIS,
               FRT_SOFTMAX_WITH_CROSS_ENTROPY_ATTR_SOFT_LABEL,
               FRT_SOFTMAX_WITH_CROSS_ENTROPY_ATTR_IGNORE_INDEX, workspace);
  return FRT_OK;
}
static frt_status_t entropy_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const entropy_t *s = (const entropy_t *)state;
  const frt_api_tensor_t *label = frt_in(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_IN_LABEL);
  const frt_api_tensor_t *x = frt_in(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_IN_LOGITS);
  const entropy_row f = {s->axis, frt_gpu_wide(x), s->soft, frt_gpu_wide(label), s->ignored,
                         x->data, label->data,
                         frt_out(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_OUT_SOFTMAX)->data,
                         frt_out(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_OUT_LOSS)->data};
  const int64_t rows = s->axis.outer * s->axis.inner;
  if (s->axis.n == 0)
    return frt_gpu_each(
        r, rows, [=] FRT_GPU_FN(int64_t i) { frt_gpu_put(f.loss, f.wide, i, 0.0); }, err);
  if (!s->soft)
    FRT_TRY(frt_gpu_check_ids(r, &s->check, label, s->axis.n, 1, s->ignored, err));
  return frt_gpu_rows(r, rows, s->axis.n, f, err, s->soft ? NULL : FRT_GPU_STOP(r));
}

static frt_status_t entropy_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                         frt_error_t *err) {
  (void)err;
  entropy_plan((entropy_t *)state, op,
               frt_in(op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_IN_SOFTMAX),
               FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_ATTR_AXIS,
               FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_ATTR_SOFT_LABEL,
               FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_ATTR_IGNORE_INDEX, workspace);
  return FRT_OK;
}
/* The gradient of an ignored row is zero, where Fluid on the CPU forgets to. */
static frt_status_t entropy_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const entropy_t *s = (const entropy_t *)state;
  const frt_api_tensor_t *labels = frt_in(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_IN_LABEL);
  const frt_api_tensor_t *p = frt_in(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_IN_SOFTMAX);
  const void *g = frt_in(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_IN_LOSS_GRAD)->data;
  void *dx = frt_gpu_data_out(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_OUT_LOGITS_GRAD);
  const frt_gpu_axis_t a = s->axis;
  const int wide = frt_gpu_wide(p), wide_label = frt_gpu_wide(labels), soft = s->soft;
  const int64_t ignored = s->ignored;
  const void *ps = p->data, *label = labels->data;
  if (!dx) return FRT_OK;
  if (!soft) FRT_TRY(frt_gpu_check_ids(r, &s->check, labels, a.n, 1, ignored, err));
  return frt_gpu_each(
      r, p->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const int64_t k = i / a.inner % a.n, row = i / a.inner / a.n * a.inner + i % a.inner;
        const int64_t c = soft ? 0 : frt_gpu_int(label, wide_label, row);
        const double want = soft ? frt_gpu_real(label, wide_label, i) : (double)(c == k);
        const double v = (frt_gpu_real(ps, wide, i) - want) * frt_gpu_real(g, wide, row);
        frt_gpu_put(dx, wide, i, !soft && c == ignored ? 0.0 : v);
      },
      err, soft ? NULL : FRT_GPU_STOP(r));
}

FRT_KERNELS(cuda, softmax) = {
    FRT_KERNEL("softmax", FRT_FLOATS, softmax, FRT_GPU_INPLACE),
    FRT_KERNEL("softmax_grad", FRT_FLOATS, softmax_grad, FRT_GPU_INPLACE),
    FRT_KERNEL("softmax_with_cross_entropy", FRT_FLOATS, entropy, FRT_GPU_FLAGS),
    FRT_KERNEL("softmax_with_cross_entropy_grad", FRT_FLOATS | FRT_INTS, entropy_grad,
               FRT_GPU_FLAGS),
    FRT_KERNELS_END};
