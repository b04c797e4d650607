#include "ref.h"

/* ---- cross entropy of probabilities ------------------------------------------------ */

/* Fluid keeps an infinite logarithm within +-1e20. */
static double held(double ln) { return isinf(ln) ? copysign(1e20, ln) : ln; }

static frt_status_t check_labels(const ref_tensor_t *label, int64_t classes,
                                 int64_t ignored, frt_error_t *err) {
  for (int64_t i = 0; i < label->n; ++i) {
    const double v = label->v[i];
    if (v == (double)ignored || (v >= 0 && v < (double)classes)) continue;
    frt_fail(err, FRT_OUT_OF_RANGE,
             "Label: row %lld is %lld; wanted 0 to %lld, or ignore_index %lld", (long long)i,
             (long long)ref_to_i64(v, INT64_MIN, INT64_MAX), (long long)classes - 1,
             (long long)ignored);
    if (err) snprintf(err->name, sizeof err->name, "Label");
    return FRT_OUT_OF_RANGE;
  }
  return FRT_OK;
}

static int64_t classes_of(const ref_tensor_t *x) {
  return x->meta->dims[x->meta->rank - 1];
}

/* -log x[label] of each row; match (may be NULL) gets the probability. */
static void hard_loss(const ref_tensor_t *x, const ref_tensor_t *label, double ignored,
                      const ref_tensor_t *y, const ref_tensor_t *match) {
  const int64_t n = classes_of(x);
  for (int64_t row = 0; row < label->n; ++row) {
    const int skip = label->v[row] == ignored;
    const double p = skip ? 1.0 : x->v[row * n + (int64_t)label->v[row]];
    if (match) ref_put_own(match, row, p);
    ref_put_own(y, row, skip ? 0.0 : -held(log(p)));
  }
}

static void soft_loss(const ref_tensor_t *x, const ref_tensor_t *label,
                      const ref_tensor_t *y) {
  const int64_t n = classes_of(x);
  for (int64_t row = 0; row < y->n; ++row) {
    double v = 0, mag = 0;
    for (int64_t i = row * n; i < (row + 1) * n; ++i) {
      const double term = label->v[i] * held(log(x->v[i]));
      v -= term;
      mag += fabs(term);
    }
    ref_put(y, row, v, mag);
  }
}

static frt_status_t entropy(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_CROSS_ENTROPY_IN_X);
  const ref_tensor_t *label = ref_in(c, FRT_CROSS_ENTROPY_IN_LABEL);
  const ref_tensor_t *y = ref_out(c, FRT_CROSS_ENTROPY_OUT_Y);
  const int64_t ignored = frt_attr_i64(c->op, FRT_CROSS_ENTROPY_ATTR_IGNORE_INDEX);
  if (frt_attr_bool(c->op, FRT_CROSS_ENTROPY_ATTR_SOFT_LABEL)) {
    soft_loss(x, label, y);
    return FRT_OK;
  }
  FRT_TRY(check_labels(label, classes_of(x), ignored, err));
  hard_loss(x, label, (double)ignored, y, NULL);
  return FRT_OK;
}

static frt_status_t entropy2(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_CROSS_ENTROPY2_IN_X);
  const ref_tensor_t *label = ref_in(c, FRT_CROSS_ENTROPY2_IN_LABEL);
  const int64_t ignored = frt_attr_i64(c->op, FRT_CROSS_ENTROPY2_ATTR_IGNORE_INDEX);
  FRT_TRY(check_labels(label, classes_of(x), ignored, err));
  hard_loss(x, label, (double)ignored, ref_out(c, FRT_CROSS_ENTROPY2_OUT_Y),
            ref_out(c, FRT_CROSS_ENTROPY2_OUT_MATCHX));
  return FRT_OK;
}

static frt_status_t entropy_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *label = ref_in(c, FRT_CROSS_ENTROPY_GRAD_IN_LABEL);
  const ref_tensor_t *x = ref_in(c, FRT_CROSS_ENTROPY_GRAD_IN_X);
  const ref_tensor_t *g = ref_in(c, FRT_CROSS_ENTROPY_GRAD_IN_Y_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_CROSS_ENTROPY_GRAD_OUT_X_GRAD);
  const int soft = frt_attr_bool(c->op, FRT_CROSS_ENTROPY_GRAD_ATTR_SOFT_LABEL);
  const int64_t ignored = frt_attr_i64(c->op, FRT_CROSS_ENTROPY_GRAD_ATTR_IGNORE_INDEX);
  const int64_t n = classes_of(x);
  if (!soft) FRT_TRY(check_labels(label, n, ignored, err));
  for (int64_t i = 0; dx && i < x->n; ++i) {
    const int64_t row = i / n;
    const int here = !soft && label->v[row] != (double)ignored &&
                     label->v[row] == (double)(i % n);
    if (soft) ref_put_own(dx, i, -g->v[row] * label->v[i] / x->v[i]);
    else ref_put_own(dx, i, here ? -g->v[row] / x->v[i] : 0.0);
  }
  return FRT_OK;
}

static frt_status_t entropy2_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *label = ref_in(c, FRT_CROSS_ENTROPY_GRAD2_IN_LABEL);
  const ref_tensor_t *match = ref_in(c, FRT_CROSS_ENTROPY_GRAD2_IN_MATCHX);
  const ref_tensor_t *g = ref_in(c, FRT_CROSS_ENTROPY_GRAD2_IN_Y_GRAD);
  const ref_tensor_t *note = ref_in(c, FRT_CROSS_ENTROPY_GRAD2_IN_XSHAPE);
  const ref_tensor_t *dx = ref_out(c, FRT_CROSS_ENTROPY_GRAD2_OUT_X_GRAD);
  const int64_t ignored = frt_attr_i64(c->op, FRT_CROSS_ENTROPY_GRAD2_ATTR_IGNORE_INDEX);
  const int64_t n = note->meta->dims[note->meta->rank - 2];
  FRT_TRY(check_labels(label, n, ignored, err));
  for (int64_t i = 0; dx && i < dx->n; ++i) {
    const int64_t row = i / n;
    const int here = label->v[row] != (double)ignored && label->v[row] == (double)(i % n);
    ref_put_own(dx, i, here ? -g->v[row] / match->v[row] : 0.0);
  }
  return FRT_OK;
}

/* ---- sigmoid_cross_entropy_with_logits ----------------------------------------------- */

static double labels_kept(const ref_tensor_t *label, int64_t ignored, int normalize) {
  double n = 0;
  if (!normalize) return 1.0;
  for (int64_t i = 0; i < label->n; ++i) n += label->v[i] != (double)ignored;
  return n > 1e-5 ? n : 1e-5;
}

static frt_status_t logits(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_IN_X);
  const ref_tensor_t *z = ref_in(c, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_IN_LABEL);
  const ref_tensor_t *out = ref_out(c, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_OUT_OUT);
  const int64_t ignored =
      frt_attr_i64(c->op, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_ATTR_IGNORE_INDEX);
  const double kept = labels_kept(z, ignored, frt_attr_bool(c->op,
      FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_ATTR_NORMALIZE));
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    const double v = x->v[i], big = v > 0 ? v : 0.0, tail = log1p(exp(-fabs(v)));
    if (z->v[i] == (double)ignored) ref_put(out, i, 0.0, 0.0);
    else
      ref_put(out, i, (big - v * z->v[i] + tail) / kept,
              (big + fabs(v * z->v[i]) + tail) / kept);
  }
  return FRT_OK;
}

static frt_status_t logits_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD_IN_X);
  const ref_tensor_t *z = ref_in(c, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD_IN_LABEL);
  const ref_tensor_t *g = ref_in(c, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD_OUT_X_GRAD);
  const int64_t ignored =
      frt_attr_i64(c->op, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD_ATTR_IGNORE_INDEX);
  const double kept = labels_kept(z, ignored, frt_attr_bool(c->op,
      FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD_ATTR_NORMALIZE));
  (void)err;
  for (int64_t i = 0; dx && i < dx->n; ++i) {
    const double s = 1.0 / (1.0 + exp(-x->v[i]));
    if (z->v[i] == (double)ignored) ref_put(dx, i, 0.0, 0.0);
    else
      ref_put(dx, i, g->v[i] * (s - z->v[i]) / kept,
              fabs(g->v[i]) * (s + fabs(z->v[i])) / kept);
  }
  return FRT_OK;
}

/* ---- huber_loss, smooth_l1_loss, log_loss --------------------------------------------- */

static frt_status_t huber(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_HUBER_LOSS_IN_X), *y = ref_in(c, FRT_HUBER_LOSS_IN_Y);
  const ref_tensor_t *out = ref_out(c, FRT_HUBER_LOSS_OUT_OUT);
  const ref_tensor_t *residual = ref_out(c, FRT_HUBER_LOSS_OUT_RESIDUAL);
  const double delta = frt_attr_f32(c->op, FRT_HUBER_LOSS_ATTR_DELTA);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    const double r = y->v[i] - x->v[i], a = fabs(r);
    ref_put_own(residual, i, r);
    if (a <= delta) ref_put_own(out, i, 0.5 * r * r);
    else ref_put(out, i, delta * (a - 0.5 * delta), delta * (a + 0.5 * delta));
  }
  return FRT_OK;
}

static frt_status_t huber_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *g = ref_in(c, FRT_HUBER_LOSS_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *r = ref_in(c, FRT_HUBER_LOSS_GRAD_IN_RESIDUAL);
  const ref_tensor_t *dx = ref_out(c, FRT_HUBER_LOSS_GRAD_OUT_X_GRAD);
  const ref_tensor_t *dy = ref_out(c, FRT_HUBER_LOSS_GRAD_OUT_Y_GRAD);
  const double delta = frt_attr_f32(c->op, FRT_HUBER_LOSS_GRAD_ATTR_DELTA);
  (void)err;
  for (int64_t i = 0; i < r->n; ++i) {
    const double d = r->v[i], held_back = d > delta ? delta : d < -delta ? -delta : d;
    if (dx) ref_put_own(dx, i, -g->v[i] * held_back);
    if (dy) ref_put_own(dy, i, g->v[i] * held_back);
  }
  return FRT_OK;
}

static double weight(const ref_tensor_t *w, int64_t i) { return w ? w->v[i] : 1.0; }

static frt_status_t smooth(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_SMOOTH_L1_LOSS_IN_X);
  const ref_tensor_t *y = ref_in(c, FRT_SMOOTH_L1_LOSS_IN_Y);
  const ref_tensor_t *in = ref_in(c, FRT_SMOOTH_L1_LOSS_IN_INSIDEWEIGHT);
  const ref_tensor_t *outer = ref_in(c, FRT_SMOOTH_L1_LOSS_IN_OUTSIDEWEIGHT);
  const ref_tensor_t *diff = ref_out(c, FRT_SMOOTH_L1_LOSS_OUT_DIFF);
  const ref_tensor_t *out = ref_out(c, FRT_SMOOTH_L1_LOSS_OUT_OUT);
  const double sigma = frt_attr_f32(c->op, FRT_SMOOTH_L1_LOSS_ATTR_SIGMA);
  const double s2 = sigma * sigma;
  const int64_t n = out->n ? x->n / out->n : 0;
  (void)err;
  for (int64_t row = 0; row < out->n; ++row) {
    double v = 0, mag = 0;
    for (int64_t i = row * n; i < (row + 1) * n; ++i) {
      const double d = (x->v[i] - y->v[i]) * weight(in, i), a = fabs(d);
      const double w = weight(outer, i), q = 0.5 * s2 * d * d;
      ref_put_own(diff, i, d);
      v += w * (a < 1.0 / s2 ? q : a - 0.5 / s2);
      mag += fabs(w) * (a < 1.0 / s2 ? q : a + 0.5 / s2);
    }
    ref_put(out, row, v, mag);
  }
  return FRT_OK;
}

static frt_status_t smooth_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *diff = ref_in(c, FRT_SMOOTH_L1_LOSS_GRAD_IN_DIFF);
  const ref_tensor_t *in = ref_in(c, FRT_SMOOTH_L1_LOSS_GRAD_IN_INSIDEWEIGHT);
  const ref_tensor_t *outer = ref_in(c, FRT_SMOOTH_L1_LOSS_GRAD_IN_OUTSIDEWEIGHT);
  const ref_tensor_t *g = ref_in(c, FRT_SMOOTH_L1_LOSS_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_SMOOTH_L1_LOSS_GRAD_OUT_X_GRAD);
  const ref_tensor_t *dy = ref_out(c, FRT_SMOOTH_L1_LOSS_GRAD_OUT_Y_GRAD);
  const double sigma = frt_attr_f32(c->op, FRT_SMOOTH_L1_LOSS_GRAD_ATTR_SIGMA);
  const double s2 = sigma * sigma;
  const int64_t n = g->n ? diff->n / g->n : 0;
  (void)err;
  for (int64_t i = 0; i < diff->n; ++i) {
    const double d = diff->v[i];
    const double slope = fabs(d) < 1.0 / s2 ? s2 * d : (double)((d > 0) - (d < 0));
    const double v = g->v[i / n] * weight(in, i) * weight(outer, i) *
                     (d != d ? d : slope);
    if (dx) ref_put_own(dx, i, v);
    if (dy) ref_put_own(dy, i, -v);
  }
  return FRT_OK;
}

static frt_status_t log_loss(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *p = ref_in(c, FRT_LOG_LOSS_IN_PREDICTED);
  const ref_tensor_t *label = ref_in(c, FRT_LOG_LOSS_IN_LABELS);
  const ref_tensor_t *out = ref_out(c, FRT_LOG_LOSS_OUT_LOSS);
  const double eps = frt_attr_f32(c->op, FRT_LOG_LOSS_ATTR_EPSILON);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    const double l = label->v[i], a = log(p->v[i] + eps), b = log(1.0 - p->v[i] + eps);
    /* A rounding of the logarithm's argument is an absolute error of the logarithm. */
    ref_put(out, i, -l * a - (1.0 - l) * b,
            fabs(l) * (fabs(a) + 1.0) + fabs(1.0 - l) * (fabs(b) + 1.0));
  }
  return FRT_OK;
}

static frt_status_t log_loss_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *p = ref_in(c, FRT_LOG_LOSS_GRAD_IN_PREDICTED);
  const ref_tensor_t *label = ref_in(c, FRT_LOG_LOSS_GRAD_IN_LABELS);
  const ref_tensor_t *g = ref_in(c, FRT_LOG_LOSS_GRAD_IN_LOSS_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_LOG_LOSS_GRAD_OUT_PREDICTED_GRAD);
  const double eps = frt_attr_f32(c->op, FRT_LOG_LOSS_GRAD_ATTR_EPSILON);
  (void)err;
  for (int64_t i = 0; dx && i < dx->n; ++i) {
    const double l = label->v[i];
    const double a = l / (p->v[i] + eps), b = (1.0 - l) / (1.0 - p->v[i] + eps);
    ref_put(dx, i, g->v[i] * (b - a), fabs(g->v[i]) * (fabs(a) + fabs(b)));
  }
  return FRT_OK;
}

REF_KERNELS(loss) = {
    {"cross_entropy", FRT_FLOATS, entropy, NULL, 0},
    {"cross_entropy_grad", FRT_FLOATS | FRT_I64S, entropy_grad, NULL, 0},
    {"cross_entropy2", FRT_FLOATS, entropy2, NULL, 0},
    {"cross_entropy_grad2", FRT_I64S, entropy2_grad, NULL, 0},
    {"sigmoid_cross_entropy_with_logits", FRT_FLOATS, logits, NULL, 0},
    {"sigmoid_cross_entropy_with_logits_grad", FRT_FLOATS, logits_grad, NULL, 0},
    {"huber_loss", FRT_FLOATS, huber, NULL, 0},
    {"huber_loss_grad", FRT_FLOATS, huber_grad, NULL, 0},
    {"smooth_l1_loss", FRT_FLOATS, smooth, NULL, 0},
    {"smooth_l1_loss_grad", FRT_FLOATS, smooth_grad, NULL, 0},
    {"log_loss", FRT_FLOATS, log_loss, NULL, 0},
    {"log_loss_grad", FRT_FLOATS, log_loss_grad, NULL, 0},
    REF_END};
