#include "ref.h"

/* One row: elements at + k * step, k < n. */
typedef struct {
  int64_t at, n, step;
} row_t;

static row_t row_of(ref_axis_t a, int64_t row) {
  const row_t r = {row / a.inner * a.n * a.inner + row % a.inner, a.n, a.inner};
  return r;
}

static double row_max(const double *x, row_t r) {
  double m = x[r.at];
  for (int64_t k = 1; k < r.n; ++k)
    if (x[r.at + k * r.step] > m) m = x[r.at + k * r.step];
  return m;
}

/* x - max, floored at -64 as Fluid does; NaN passes. */
static double below(double x, double max) { return x - max < -64.0 ? -64.0 : x - max; }

/* Relative error scale of p: that of exp(d) is |d|, as d carries a rounding error of
 * |d|, and the sum adds the mean of the |d|. */
static double spread(const double *x, const double *p, row_t r, double max) {
  double s = 0;
  for (int64_t k = 0; k < r.n; ++k)
    s += p[r.at + k * r.step] * fabs(below(x[r.at + k * r.step], max));
  return s;
}

static void softmax_row(const double *x, const ref_tensor_t *out, row_t r) {
  const double max = row_max(x, r);
  double sum = 0;
  for (int64_t k = 0; k < r.n; ++k) {
    const int64_t i = r.at + k * r.step;
    out->v[i] = exp(below(x[i], max));
    sum += out->v[i];
  }
  for (int64_t k = 0; k < r.n; ++k) out->v[r.at + k * r.step] /= sum;
  if (!out->mag) return;
  sum = spread(x, out->v, r, max);
  for (int64_t k = 0; k < r.n; ++k) {
    const int64_t i = r.at + k * r.step;
    out->mag[i] = fabs(out->v[i]) * (1.0 + fabs(below(x[i], max)) + sum);
  }
}

static frt_status_t softmax(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_SOFTMAX_IN_X);
  const ref_axis_t a = ref_split(x->meta, frt_attr_i64(c->op, FRT_SOFTMAX_ATTR_AXIS));
  (void)err;
  for (int64_t row = 0; x->n && row < a.outer * a.inner; ++row)
    softmax_row(x->v, ref_out(c, FRT_SOFTMAX_OUT_OUT), row_of(a, row));
  return FRT_OK;
}

static frt_status_t softmax_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *p = ref_in(c, FRT_SOFTMAX_GRAD_IN_OUT);
  const ref_tensor_t *g = ref_in(c, FRT_SOFTMAX_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_SOFTMAX_GRAD_OUT_X_GRAD);
  const ref_axis_t a =
      ref_split(p->meta, frt_attr_i64(c->op, FRT_SOFTMAX_GRAD_ATTR_AXIS));
  (void)err;
  for (int64_t row = 0; dx && p->n && row < a.outer * a.inner; ++row) {
    const row_t r = row_of(a, row);
    double dot = 0, mag = 0;
    for (int64_t k = 0; k < r.n; ++k) {
      const double term = p->v[r.at + k * r.step] * g->v[r.at + k * r.step];
      dot += term;
      mag += fabs(term);
    }
    for (int64_t k = 0; k < r.n; ++k) {
      const int64_t i = r.at + k * r.step;
      ref_put(dx, i, p->v[i] * (g->v[i] - dot), fabs(p->v[i]) * (fabs(g->v[i]) + mag));
    }
  }
  return FRT_OK;
}

/* ---- softmax_with_cross_entropy -------------------------------------------------- */

static frt_status_t check_labels(const ref_tensor_t *label, int64_t classes,
                                 int64_t ignored, frt_error_t *err) {
  for (int64_t i = 0; i < label->n; ++i) {
    const double v = label->v[i];
    if (v == (double)ignored || (v >= 0 && v < (double)classes)) continue;
    return frt_fail(err, FRT_OUT_OF_RANGE,
                    "Label: row %lld is %lld; wanted 0 to %lld, or %lld to ignore it",
                    (long long)i, (long long)ref_to_i64(v, INT64_MIN, INT64_MAX),
                    (long long)classes - 1, (long long)ignored);
  }
  return FRT_OK;
}

/* Loss = -sum of label log p; log p has the absolute error scale |log p| + the
 * relative one of p. */
static void soft_loss(const double *x, const double *p, const double *label,
                      const ref_tensor_t *loss, int64_t row, row_t r) {
  const double max = row_max(x, r), s = spread(x, p, r, max);
  double v = 0, mag = 0;
  for (int64_t k = 0; k < r.n; ++k) {
    const int64_t i = r.at + k * r.step;
    const double ln = log(p[i]);
    v -= label[i] * ln;
    mag += fabs(label[i]) * (fabs(ln) + 1.0 + fabs(below(x[i], max)) + s);
  }
  ref_put(loss, row, v, mag);
}

static void hard_loss(const double *x, const double *p, double label, int64_t ignored,
                      const ref_tensor_t *loss, int64_t row, row_t r) {
  const double max = row_max(x, r);
  int64_t i;
  double ln;
  if (label == (double)ignored) {
    ref_put(loss, row, 0.0, 0.0);
    return;
  }
  i = r.at + (int64_t)label * r.step;
  ln = log(p[i]);
  ref_put(loss, row, -ln,
          fabs(ln) + 1.0 + fabs(below(x[i], max)) + spread(x, p, r, max));
}

static frt_status_t entropy(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_SOFTMAX_WITH_CROSS_ENTROPY_IN_LOGITS);
  const ref_tensor_t *label = ref_in(c, FRT_SOFTMAX_WITH_CROSS_ENTROPY_IN_LABEL);
  const ref_tensor_t *p = ref_out(c, FRT_SOFTMAX_WITH_CROSS_ENTROPY_OUT_SOFTMAX);
  const ref_tensor_t *loss = ref_out(c, FRT_SOFTMAX_WITH_CROSS_ENTROPY_OUT_LOSS);
  const int soft = frt_attr_bool(c->op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_ATTR_SOFT_LABEL);
  const int64_t ignored =
      frt_attr_i64(c->op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_ATTR_IGNORE_INDEX);
  const ref_axis_t a = ref_split(
      x->meta, frt_attr_i64(c->op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_ATTR_AXIS));
  if (!soft) FRT_TRY(check_labels(label, a.n, ignored, err));
  for (int64_t i = 0; a.n == 0 && i < loss->n; ++i) ref_put(loss, i, 0.0, 0.0);
  for (int64_t row = 0; x->n && row < a.outer * a.inner; ++row) {
    const row_t r = row_of(a, row);
    softmax_row(x->v, p, r);
    if (soft) soft_loss(x->v, p->v, label->v, loss, row, r);
    else hard_loss(x->v, p->v, label->v[row], ignored, loss, row, r);
  }
  return FRT_OK;
}

static frt_status_t entropy_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *label = ref_in(c, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_IN_LABEL);
  const ref_tensor_t *g = ref_in(c, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_IN_LOSS_GRAD);
  const ref_tensor_t *p = ref_in(c, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_IN_SOFTMAX);
  const ref_tensor_t *dx =
      ref_out(c, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_OUT_LOGITS_GRAD);
  const int soft =
      frt_attr_bool(c->op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_ATTR_SOFT_LABEL);
  const double ignored = (double)frt_attr_i64(
      c->op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_ATTR_IGNORE_INDEX);
  const ref_axis_t a = ref_split(
      p->meta, frt_attr_i64(c->op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_ATTR_AXIS));
  if (!soft) FRT_TRY(check_labels(label, a.n, (int64_t)ignored, err));
  for (int64_t row = 0; dx && p->n && row < a.outer * a.inner; ++row) {
    const row_t r = row_of(a, row);
    for (int64_t k = 0; k < r.n; ++k) {
      const int64_t i = r.at + k * r.step;
      const double want = soft ? label->v[i] : label->v[row] == (double)k;
      /* The gradient of an ignored row is zero, where Fluid on the CPU forgets to. */
      if (!soft && label->v[row] == ignored) ref_put(dx, i, 0.0, 0.0);
      else
        ref_put(dx, i, (p->v[i] - want) * g->v[row],
                (fabs(p->v[i]) + fabs(want)) * fabs(g->v[row]));
    }
  }
  return FRT_OK;
}

REF_KERNELS(softmax) = {
    {"softmax", FRT_FLOATS, softmax, NULL, 0},
    {"softmax_grad", FRT_FLOATS, softmax_grad, NULL, 0},
    {"softmax_with_cross_entropy", FRT_FLOATS, entropy, NULL, 0},
    {"softmax_with_cross_entropy_grad", FRT_FLOATS | FRT_INTS, entropy_grad, NULL, 0},
    REF_END};
