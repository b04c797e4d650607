#include <math.h>

#include "fluidrt/op_index.h"
#include "loop.h"
#undef A
#undef B

/* Quadratic up to 1 / sigma^2; s2 = sigma^2. Either weight may be NULL, both outputs of
 * the gradient too. */
typedef struct { int64_t rows, n; double s2; } smooth_t;
typedef smooth_t smooth_grad_t;

typedef struct {
  const smooth_t *s;
  const float *x, *y, *in, *outer, *g;
  float *diff, *out;
} smooth_call_t;

static void smooth_make(smooth_t *s, const frt_api_tensor_t *x, float sigma) {
  s->rows = x->dims[0];
  s->n = s->rows ? x->numel / s->rows : 0;
  s->s2 = (double)sigma * (double)sigma;
}

static double weight(const float *w, int64_t i) { return w ? (double)w[i] : 1.0; }

static void smooth_rows(void *arg, int64_t lo, int64_t hi) {
  const smooth_call_t *c = (const smooth_call_t *)arg;
  const double s2 = c->s->s2;
  for (int64_t row = lo; row < hi; ++row) {
    double sum = 0.0;
    for (int64_t i = row * c->s->n; i < (row + 1) * c->s->n; ++i) {
      const double d = ((double)c->x[i] - (double)c->y[i]) * weight(c->in, i);
      const double a = fabs(d), v = a < 1.0 / s2 ? 0.5 * s2 * d * d : a - 0.5 / s2;
      c->diff[i] = (float)d;
      sum += v * weight(c->outer, i);
    }
    c->out[row] = (float)sum;
  }
}

/* diff: X@GRAD, out: Y@GRAD; x: Diff. */
static void smooth_grad_rows(void *arg, int64_t lo, int64_t hi) {
  const smooth_call_t *c = (const smooth_call_t *)arg;
  const double s2 = c->s->s2;
  for (int64_t row = lo; row < hi; ++row)
    for (int64_t i = row * c->s->n; i < (row + 1) * c->s->n; ++i) {
      const double d = (double)c->x[i];
      const double slope = fabs(d) < 1.0 / s2 ? s2 * d : d > 0 ? 1.0 : d < 0 ? -1.0 : d;
      const double v = (double)c->g[row] * weight(c->in, i) * weight(c->outer, i) * slope;
      if (c->diff) c->diff[i] = (float)v;
      if (c->out) c->out[i] = (float)-v;
    }
}

static frt_status_t smooth_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  (void)workspace, (void)err;
  smooth_make((smooth_t *)state, frt_in(op, FRT_SMOOTH_L1_LOSS_IN_X),
              frt_attr_f32(op, FRT_SMOOTH_L1_LOSS_ATTR_SIGMA));
  return FRT_OK;
}
static frt_status_t smooth_grad_prepare(const frt_op_t *op, void *state,
                                        uint64_t *workspace, frt_error_t *err) {
  (void)workspace, (void)err;
  smooth_make((smooth_t *)state, frt_in(op, FRT_SMOOTH_L1_LOSS_GRAD_IN_DIFF),
              frt_attr_f32(op, FRT_SMOOTH_L1_LOSS_GRAD_ATTR_SIGMA));
  return FRT_OK;
}

static int64_t grain(const smooth_t *s) {
  return frt_cpu_div_up(FRT_CPU_GRAIN_MATH, s->n ? s->n : 1);
}

static frt_status_t smooth_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const smooth_t *s = (const smooth_t *)state;
  smooth_call_t c = {s, frt_in_f32(r, FRT_SMOOTH_L1_LOSS_IN_X),
                     frt_in_f32(r, FRT_SMOOTH_L1_LOSS_IN_Y),
                     frt_cpu_in_or_null(r, FRT_SMOOTH_L1_LOSS_IN_INSIDEWEIGHT),
                     frt_cpu_in_or_null(r, FRT_SMOOTH_L1_LOSS_IN_OUTSIDEWEIGHT), NULL,
                     frt_out_f32(r, FRT_SMOOTH_L1_LOSS_OUT_DIFF),
                     frt_out_f32(r, FRT_SMOOTH_L1_LOSS_OUT_OUT)};
  (void)err;
  frt_cpu_for(r, s->rows, grain(s), smooth_rows, &c);
  return FRT_OK;
}
static frt_status_t smooth_grad_run(const void *state, const frt_run_t *r,
                                    frt_error_t *err) {
  const smooth_t *s = (const smooth_t *)state;
  smooth_call_t c = {s, frt_in_f32(r, FRT_SMOOTH_L1_LOSS_GRAD_IN_DIFF), NULL,
                     frt_cpu_in_or_null(r, FRT_SMOOTH_L1_LOSS_GRAD_IN_INSIDEWEIGHT),
                     frt_cpu_in_or_null(r, FRT_SMOOTH_L1_LOSS_GRAD_IN_OUTSIDEWEIGHT),
                     frt_in_f32(r, FRT_SMOOTH_L1_LOSS_GRAD_IN_OUT_GRAD),
                     frt_cpu_out_or_null(r, FRT_SMOOTH_L1_LOSS_GRAD_OUT_X_GRAD),
                     frt_cpu_out_or_null(r, FRT_SMOOTH_L1_LOSS_GRAD_OUT_Y_GRAD)};
  (void)err;
  frt_cpu_for(r, s->rows, grain(s), smooth_grad_rows, &c);
  return FRT_OK;
}

FRT_KERNELS(cpu, smooth_l1) = {
    FRT_KERNEL("smooth_l1_loss", FRT_F32S, smooth, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("smooth_l1_loss_grad", FRT_F32S, smooth_grad, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
