#include "team.h"
#include "unary.h"

/* ---- huber_loss ---------------------------------------------------------------------------- */

GPU_PREPARE_(huber, FRT_HUBER_LOSS_ATTR_DELTA)
GPU_PREPARE_(huber_grad, FRT_HUBER_LOSS_GRAD_ATTR_DELTA)
static frt_status_t huber_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const double delta = ((const frt_gpu_numbers_t *)state)->v[0];
  const int wide = frt_gpu_wide(frt_in(r, FRT_HUBER_LOSS_IN_X));
  const void *x = frt_in(r, FRT_HUBER_LOSS_IN_X)->data, *y = frt_in(r, FRT_HUBER_LOSS_IN_Y)->data;
  void *out = frt_out(r, FRT_HUBER_LOSS_OUT_OUT)->data;
  void *residual = frt_gpu_data_out(r, FRT_HUBER_LOSS_OUT_RESIDUAL);
  return frt_gpu_each(
      r, frt_out_numel(r, FRT_HUBER_LOSS_OUT_OUT),
      [=] FRT_GPU_FN(int64_t i) {
        const double d = frt_gpu_real(y, wide, i) - frt_gpu_real(x, wide, i), a = fabs(d);
        if (residual) frt_gpu_put(residual, wide, i, d);
        frt_gpu_put(out, wide, i, a <= delta ? 0.5 * d * d : delta * (a - 0.5 * delta));
      },
      err);
}
static frt_status_t huber_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const double delta = ((const frt_gpu_numbers_t *)state)->v[0];
  const frt_api_tensor_t *t = frt_in(r, FRT_HUBER_LOSS_GRAD_IN_RESIDUAL);
  const int wide = frt_gpu_wide(t);
  const void *g = frt_in(r, FRT_HUBER_LOSS_GRAD_IN_OUT_GRAD)->data, *residual = t->data;
  void *dx = frt_gpu_data_out(r, FRT_HUBER_LOSS_GRAD_OUT_X_GRAD);
  void *dy = frt_gpu_data_out(r, FRT_HUBER_LOSS_GRAD_OUT_Y_GRAD);
  return frt_gpu_each(
      r, t->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const double d = frt_gpu_real(residual, wide, i);
        const double v = frt_gpu_real(g, wide, i) * (d > delta ? delta : d < -delta ? -delta : d);
        if (dx) frt_gpu_put(dx, wide, i, -v);
        if (dy) frt_gpu_put(dy, wide, i, v);
      },
      err);
}

/* ---- smooth_l1_loss -------------------------------------------------------------------------- */

static FRT_GPU_FN inline double weight(const void *w, int wide, int64_t i) {
  return w ? frt_gpu_real(w, wide, i) : 1.0;
}
struct smooth_row {
  int64_t n;
  int wide;
  double s2;
  const void *x, *y, *in, *outer;
  void *diff, *out;
  template <class Team> FRT_GPU_FN void operator()(Team team, int64_t row) const {
    const smooth_row q = *this;
    const int64_t at = row * n;
    const double v = frt_gpu_over(team, frt_gpu_sum(), n, [=](int64_t k) {
      const int64_t i = at + k;
      const double e = frt_gpu_real(q.x, q.wide, i) - frt_gpu_real(q.y, q.wide, i);
      const double d = e * weight(q.in, q.wide, i), a = fabs(d);
      if (q.diff) frt_gpu_put(q.diff, q.wide, i, d);
      return weight(q.outer, q.wide, i) *
             (a < 1.0 / q.s2 ? 0.5 * q.s2 * d * d : a - 0.5 / q.s2);
    });
    if (team.leads()) frt_gpu_put(out, wide, row, v);
  }
};
GPU_PREPARE_(smooth, FRT_SMOOTH_L1_LOSS_ATTR_SIGMA)
GPU_PREPARE_(smooth_grad, FRT_SMOOTH_L1_LOSS_GRAD_ATTR_SIGMA)
static frt_status_t smooth_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const double sigma = ((const frt_gpu_numbers_t *)state)->v[0];
  const frt_api_tensor_t *x = frt_in(r, FRT_SMOOTH_L1_LOSS_IN_X);
  const frt_api_tensor_t *out = frt_out(r, FRT_SMOOTH_L1_LOSS_OUT_OUT);
  const smooth_row f = {out->numel ? x->numel / out->numel : 0, frt_gpu_wide(x), sigma * sigma,
                        x->data, frt_in(r, FRT_SMOOTH_L1_LOSS_IN_Y)->data,
                        frt_gpu_data_in(r, FRT_SMOOTH_L1_LOSS_IN_INSIDEWEIGHT),
                        frt_gpu_data_in(r, FRT_SMOOTH_L1_LOSS_IN_OUTSIDEWEIGHT),
                        frt_gpu_data_out(r, FRT_SMOOTH_L1_LOSS_OUT_DIFF), out->data};
  return frt_gpu_rows(r, out->numel, f.n, f, err);
}
static frt_status_t smooth_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const double sigma = ((const frt_gpu_numbers_t *)state)->v[0], s2 = sigma * sigma;
  const frt_api_tensor_t *t = frt_in(r, FRT_SMOOTH_L1_LOSS_GRAD_IN_DIFF);
  const frt_api_tensor_t *gt = frt_in(r, FRT_SMOOTH_L1_LOSS_GRAD_IN_OUT_GRAD);
  const int wide = frt_gpu_wide(t);
  const void *diff = t->data, *g = gt->data;
  const void *in = frt_gpu_data_in(r, FRT_SMOOTH_L1_LOSS_GRAD_IN_INSIDEWEIGHT);
  const void *outer = frt_gpu_data_in(r, FRT_SMOOTH_L1_LOSS_GRAD_IN_OUTSIDEWEIGHT);
  void *dx = frt_gpu_data_out(r, FRT_SMOOTH_L1_LOSS_GRAD_OUT_X_GRAD);
  void *dy = frt_gpu_data_out(r, FRT_SMOOTH_L1_LOSS_GRAD_OUT_Y_GRAD);
  const int64_t n = gt->numel ? t->numel / gt->numel : 1;
  return frt_gpu_each(
      r, t->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const double d = frt_gpu_real(diff, wide, i);
        const double slope =
            d != d ? d : fabs(d) < 1.0 / s2 ? s2 * d : (double)((d > 0) - (d < 0));
        const double v = frt_gpu_real(g, wide, i / n) * weight(in, wide, i) *
                         weight(outer, wide, i) * slope;
        if (dx) frt_gpu_put(dx, wide, i, v);
        if (dy) frt_gpu_put(dy, wide, i, -v);
      },
      err);
}

/* ---- log_loss ----------------------------------------------------------------------------------- */

GPU_PREPARE_(log_loss, FRT_LOG_LOSS_ATTR_EPSILON)
GPU_PREPARE_(log_loss_grad, FRT_LOG_LOSS_GRAD_ATTR_EPSILON)
static frt_status_t log_loss_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const double eps = ((const frt_gpu_numbers_t *)state)->v[0];
  const frt_api_tensor_t *t = frt_in(r, FRT_LOG_LOSS_IN_PREDICTED);
  const int wide = frt_gpu_wide(t);
  const void *p = t->data, *label = frt_in(r, FRT_LOG_LOSS_IN_LABELS)->data;
  void *out = frt_out(r, FRT_LOG_LOSS_OUT_LOSS)->data;
  return frt_gpu_each(
      r, t->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const double v = frt_gpu_real(p, wide, i), l = frt_gpu_real(label, wide, i);
        frt_gpu_put(out, wide, i, -l * log(v + eps) - (1.0 - l) * log(1.0 - v + eps));
      },
      err);
}
static frt_status_t log_loss_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const double eps = ((const frt_gpu_numbers_t *)state)->v[0];
  const frt_api_tensor_t *t = frt_in(r, FRT_LOG_LOSS_GRAD_IN_PREDICTED);
  const int wide = frt_gpu_wide(t);
  const void *p = t->data, *label = frt_in(r, FRT_LOG_LOSS_GRAD_IN_LABELS)->data;
  const void *g = frt_in(r, FRT_LOG_LOSS_GRAD_IN_LOSS_GRAD)->data;
  void *dx = frt_gpu_data_out(r, FRT_LOG_LOSS_GRAD_OUT_PREDICTED_GRAD);
  if (!dx) return FRT_OK;
  return frt_gpu_each(
      r, t->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const double v = frt_gpu_real(p, wide, i), l = frt_gpu_real(label, wide, i);
        frt_gpu_put(dx, wide, i, frt_gpu_real(g, wide, i) *
                                     ((1.0 - l) / (1.0 - v + eps) - l / (v + eps)));
      },
      err);
}

FRT_KERNELS(cuda, loss_more) = {
    GPU_FLOATS("huber_loss", huber, FRT_GPU_FLAGS),
    GPU_FLOATS("huber_loss_grad", huber_grad, FRT_GPU_FLAGS),
    GPU_FLOATS("smooth_l1_loss", smooth, FRT_GPU_FLAGS),
    GPU_FLOATS("smooth_l1_loss_grad", smooth_grad, FRT_GPU_FLAGS),
    GPU_FLOATS("log_loss", log_loss, FRT_GPU_FLAGS),
    GPU_FLOATS("log_loss_grad", log_loss_grad, FRT_GPU_FLAGS),
    FRT_KERNELS_END};
