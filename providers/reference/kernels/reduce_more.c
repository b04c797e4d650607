#include "reduce.h"

static double count_of(const ref_tensor_t *x, const ref_tensor_t *out) {
  return out->n ? (double)x->n / (double)out->n : 1.0;
}

static frt_status_t reduce_mean(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_REDUCE_MEAN_IN_X);
  const ref_tensor_t *out = ref_out(c, FRT_REDUCE_MEAN_OUT_OUT);
  const ref_map_t m = REF_MAP(c, REDUCE_MEAN, x);
  const double n = count_of(x, out);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) ref_put(out, i, 0.0, 0.0);
  for (int64_t i = 0; i < x->n; ++i) {
    const int64_t to = ref_target(&m, i);
    out->v[to] += x->v[i];
    if (out->mag) out->mag[to] += fabs(x->v[i]);
  }
  for (int64_t i = 0; i < out->n; ++i) {
    out->v[i] /= n;
    if (out->mag) out->mag[i] /= n;
  }
  return FRT_OK;
}

static frt_status_t reduce_mean_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_REDUCE_MEAN_GRAD_IN_X);
  const ref_tensor_t *g = ref_in(c, FRT_REDUCE_MEAN_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_REDUCE_MEAN_GRAD_OUT_X_GRAD);
  const ref_map_t m = REF_MAP(c, REDUCE_MEAN_GRAD, x);
  (void)err;
  for (int64_t i = 0; dx && i < dx->n; ++i)
    ref_put_own(dx, i, g->v[ref_target(&m, i)] / ((double)dx->n / (double)g->n));
  return FRT_OK;
}

static frt_status_t reduce_min(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_REDUCE_MIN_IN_X);
  const ref_tensor_t *out = ref_out(c, FRT_REDUCE_MIN_OUT_OUT);
  const ref_map_t m = REF_MAP(c, REDUCE_MIN, x);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    if (out->i) out->i[i] = x->meta->dtype == FRT_I32 ? INT32_MAX : INT64_MAX;
    else ref_put(out, i, (double)INFINITY, 0.0);
  }
  for (int64_t i = 0; i < x->n; ++i) {
    const int64_t to = ref_target(&m, i);
    if (out->i) {
      if (x->i[i] < out->i[to]) out->i[to] = x->i[i];
    } else if (x->v[i] < out->v[to] || x->v[i] != x->v[i]) {
      ref_put_own(out, to, x->v[i]); /* a NaN enters, and nothing is less */
    }
  }
  return FRT_OK;
}

static frt_status_t reduce_min_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_REDUCE_MIN_GRAD_IN_X);
  const ref_tensor_t *out = ref_in(c, FRT_REDUCE_MIN_GRAD_IN_OUT);
  const ref_tensor_t *g = ref_in(c, FRT_REDUCE_MIN_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_REDUCE_MIN_GRAD_OUT_X_GRAD);
  const ref_map_t m = REF_MAP(c, REDUCE_MIN_GRAD, x);
  (void)err;
  for (int64_t i = 0; dx && i < x->n; ++i) { /* every tied place gets it whole */
    const int64_t to = ref_target(&m, i);
    ref_put_own(dx, i, x->v[i] == out->v[to] ? g->v[to] : 0.0);
  }
  return FRT_OK;
}

static frt_status_t reduce_prod(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_REDUCE_PROD_IN_X);
  const ref_tensor_t *out = ref_out(c, FRT_REDUCE_PROD_OUT_OUT);
  const ref_map_t m = REF_MAP(c, REDUCE_PROD, x);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    if (out->i) out->i[i] = 1;
    else ref_put(out, i, 1.0, 1.0);
  }
  for (int64_t i = 0; i < x->n; ++i) {
    const int64_t to = ref_target(&m, i);
    if (out->i) out->i[to] = ref_mul(out->i[to], x->i[i]);
    else ref_put_own(out, to, out->v[to] * x->v[i]);
  }
  return FRT_OK;
}

/* The product of the elements that are reduced together with element `skip`, but for
 * itself: Fluid's Out / X is 0 / 0 where X is 0. Axis d and those behind it are free, and
 * `at` is where the axes before it stand; an axis that stays stands where skip does. */
static double others(const ref_tensor_t *x, const ref_map_t *m, uint32_t d, int64_t at,
                     int64_t skip) {
  const int64_t inner = ref_product(m->dims, d + 1, m->rank);
  double v = 1.0;
  if (d == m->rank) return at == skip ? 1.0 : x->v[at];
  if (m->steps[d] != 0)
    return others(x, m, d + 1, at + skip / inner % m->dims[d] * inner, skip);
  for (int64_t k = 0; k < m->dims[d]; ++k) v *= others(x, m, d + 1, at + k * inner, skip);
  return v;
}

static frt_status_t reduce_prod_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_REDUCE_PROD_GRAD_IN_X);
  const ref_tensor_t *g = ref_in(c, FRT_REDUCE_PROD_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_REDUCE_PROD_GRAD_OUT_X_GRAD);
  const ref_map_t m = REF_MAP(c, REDUCE_PROD_GRAD, x);
  (void)err;
  for (int64_t i = 0; dx && i < x->n; ++i) {
    const int64_t to = ref_target(&m, i);
    ref_put_own(dx, i, g->v[to] * others(x, &m, 0, 0, i));
  }
  return FRT_OK;
}

REF_KERNELS(reduce_more) = {{"reduce_mean", FRT_FLOATS, reduce_mean, NULL, 0},
                            {"reduce_mean_grad", FRT_FLOATS, reduce_mean_grad, NULL, 0},
                            {"reduce_min", FRT_NUMBERS, reduce_min, reduce_min, 0},
                            {"reduce_min_grad", FRT_FLOATS, reduce_min_grad, NULL, 0},
                            {"reduce_prod", FRT_NUMBERS, reduce_prod, reduce_prod, 0},
                            {"reduce_prod_grad", FRT_FLOATS, reduce_prod_grad, NULL, 0},
                            REF_END};
