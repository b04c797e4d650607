#include "ref.h"

static frt_status_t norm(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_NORM_IN_X);
  const ref_tensor_t *norm = ref_out(c, FRT_NORM_OUT_NORM), *out = ref_out(c, FRT_NORM_OUT_OUT);
  const ref_axis_t a = ref_split(x->meta, frt_attr_i64(c->op, FRT_NORM_ATTR_AXIS));
  const double eps = frt_attr_f32(c->op, FRT_NORM_ATTR_EPSILON);
  (void)err;
  for (int64_t o = 0; o < a.outer; ++o)
    for (int64_t i = 0; i < a.inner; ++i) {
      const int64_t first = o * a.n * a.inner + i;
      double sum = 0;
      for (int64_t k = 0; k < a.n; ++k)
        sum += x->v[first + k * a.inner] * x->v[first + k * a.inner];
      sum = sqrt(sum + eps);
      if (norm) ref_put_own(norm, o * a.inner + i, sum);
      for (int64_t k = 0; k < a.n; ++k)
        ref_put_own(out, first + k * a.inner, x->v[first + k * a.inner] / sum);
    }
  return FRT_OK;
}

static frt_status_t norm_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_NORM_GRAD_IN_X);
  const ref_tensor_t *g = ref_in(c, FRT_NORM_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *norm = ref_in(c, FRT_NORM_GRAD_IN_NORM);
  const ref_tensor_t *dx = ref_out(c, FRT_NORM_GRAD_OUT_X_GRAD);
  const ref_axis_t a = ref_split(x->meta, frt_attr_i64(c->op, FRT_NORM_GRAD_ATTR_AXIS));
  (void)err;
  for (int64_t o = 0; dx && o < a.outer; ++o)
    for (int64_t i = 0; i < a.inner; ++i) {
      const int64_t first = o * a.n * a.inner + i;
      const double n = norm->v[o * a.inner + i];
      double dot = 0, most = 0;
      for (int64_t k = 0; k < a.n; ++k) {
        const int64_t at = first + k * a.inner;
        dot += x->v[at] * g->v[at];
        most += fabs(x->v[at] * g->v[at]);
      }
      for (int64_t k = 0; k < a.n; ++k) {
        const int64_t at = first + k * a.inner;
        ref_put(dx, at, (g->v[at] - x->v[at] * (dot / (n * n))) / n,
                (fabs(g->v[at]) + fabs(x->v[at]) * (most / (n * n))) / n);
      }
    }
  return FRT_OK;
}

/* Element `k` of the order in which a sum runs. */
static int64_t place(const ref_axis_t *a, int reverse, int64_t first, int64_t k) {
  return first + (reverse ? a->n - 1 - k : k) * a->inner;
}

static frt_status_t cumsum(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_CUMSUM_IN_X), *out = ref_out(c, FRT_CUMSUM_OUT_OUT);
  const ref_axis_t a = ref_split(x->meta, frt_attr_i64(c->op, FRT_CUMSUM_ATTR_AXIS));
  const int exclusive = frt_attr_bool(c->op, FRT_CUMSUM_ATTR_EXCLUSIVE);
  const int reverse = frt_attr_bool(c->op, FRT_CUMSUM_ATTR_REVERSE);
  (void)err;
  for (int64_t line = 0; line < a.outer * a.inner; ++line) {
    const int64_t first = line / a.inner * a.n * a.inner + line % a.inner;
    double sum = 0, most = 0;
    for (int64_t k = 0; k < a.n; ++k) {
      const int64_t at = place(&a, reverse, first, k);
      if (exclusive) ref_put(out, at, sum, most);
      sum += x->v[at];
      most += fabs(x->v[at]);
      if (!exclusive) ref_put(out, at, sum, most);
    }
  }
  return FRT_OK;
}

static frt_status_t cumsum_ints(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_CUMSUM_IN_X), *out = ref_out(c, FRT_CUMSUM_OUT_OUT);
  const ref_axis_t a = ref_split(x->meta, frt_attr_i64(c->op, FRT_CUMSUM_ATTR_AXIS));
  const int exclusive = frt_attr_bool(c->op, FRT_CUMSUM_ATTR_EXCLUSIVE);
  const int reverse = frt_attr_bool(c->op, FRT_CUMSUM_ATTR_REVERSE);
  (void)err;
  for (int64_t line = 0; line < a.outer * a.inner; ++line) {
    const int64_t first = line / a.inner * a.n * a.inner + line % a.inner;
    int64_t sum = 0;
    for (int64_t k = 0; k < a.n; ++k) {
      const int64_t at = place(&a, reverse, first, k);
      const int64_t next = ref_add(sum, x->i[at]);
      out->i[at] = exclusive ? sum : next;
      sum = next;
    }
  }
  return FRT_OK;
}

REF_KERNELS(norm_axis) = {
    {"norm", FRT_FLOATS, norm, NULL, 0},
    {"norm_grad", FRT_FLOATS, norm_grad, NULL, 0},
    {"cumsum", FRT_FLOATS | FRT_DTYPE_BIT(FRT_I32) | FRT_DTYPE_BIT(FRT_I64), cumsum,
     cumsum_ints, 0},
    REF_END};
