#include "reduce.h"

static frt_status_t reduce_sum(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_REDUCE_SUM_IN_X);
  const ref_tensor_t *out = ref_out(c, FRT_REDUCE_SUM_OUT_OUT);
  const ref_map_t m = REF_MAP(c, REDUCE_SUM, x);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    if (out->i) out->i[i] = 0;
    else ref_put(out, i, 0.0, 0.0);
  }
  for (int64_t i = 0; i < x->n; ++i) {
    const int64_t to = ref_target(&m, i);
    if (out->i) {
      out->i[to] = ref_add(out->i[to], x->i[i]);
      continue;
    }
    out->v[to] += x->v[i];
    if (out->mag) out->mag[to] += fabs(x->v[i]);
  }
  return FRT_OK;
}

static frt_status_t reduce_max(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_REDUCE_MAX_IN_X);
  const ref_tensor_t *out = ref_out(c, FRT_REDUCE_MAX_OUT_OUT);
  const ref_map_t m = REF_MAP(c, REDUCE_MAX, x);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    if (out->i) out->i[i] = x->meta->dtype == FRT_I32 ? INT32_MIN : INT64_MIN;
    else ref_put(out, i, (double)-INFINITY, 0.0);
  }
  for (int64_t i = 0; i < x->n; ++i) {
    const int64_t to = ref_target(&m, i);
    if (out->i) {
      if (x->i[i] > out->i[to]) out->i[to] = x->i[i];
    } else if (x->v[i] > out->v[to] || x->v[i] != x->v[i]) {
      ref_put_own(out, to, x->v[i]); /* a NaN enters, and nothing is greater */
    }
  }
  return FRT_OK;
}

static frt_status_t reduce_sum_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_REDUCE_SUM_GRAD_IN_X);
  const ref_tensor_t *g = ref_in(c, FRT_REDUCE_SUM_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_REDUCE_SUM_GRAD_OUT_X_GRAD);
  const ref_map_t m = REF_MAP(c, REDUCE_SUM_GRAD, x);
  (void)err;
  for (int64_t i = 0; dx && i < dx->n; ++i) ref_put_own(dx, i, g->v[ref_target(&m, i)]);
  return FRT_OK;
}

static frt_status_t reduce_max_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_REDUCE_MAX_GRAD_IN_X);
  const ref_tensor_t *out = ref_in(c, FRT_REDUCE_MAX_GRAD_IN_OUT);
  const ref_tensor_t *g = ref_in(c, FRT_REDUCE_MAX_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_REDUCE_MAX_GRAD_OUT_X_GRAD);
  const ref_map_t m = REF_MAP(c, REDUCE_MAX_GRAD, x);
  (void)err;
  for (int64_t i = 0; dx && i < x->n; ++i) { /* every tied place gets it whole */
    const int64_t to = ref_target(&m, i);
    ref_put_own(dx, i, x->v[i] == out->v[to] ? g->v[to] : 0.0);
  }
  return FRT_OK;
}

static frt_status_t mean(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_MEAN_IN_X), *out = ref_out(c, FRT_MEAN_OUT_OUT);
  double v = 0, mag = 0;
  (void)err;
  for (int64_t i = 0; i < x->n; ++i) {
    v += x->v[i];
    mag += fabs(x->v[i]);
  }
  ref_put(out, 0, v / (double)x->n, mag / (double)x->n);
  return FRT_OK;
}

static frt_status_t mean_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *g = ref_in(c, FRT_MEAN_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_MEAN_GRAD_OUT_X_GRAD);
  (void)err;
  for (int64_t i = 0; dx && i < dx->n; ++i) ref_put_own(dx, i, g->v[0] / (double)dx->n);
  return FRT_OK;
}

REF_KERNELS(reduce) = {{"reduce_sum", FRT_NUMBERS, reduce_sum, reduce_sum, 0},
                       {"reduce_max", FRT_NUMBERS, reduce_max, reduce_max, 0},
                       {"reduce_sum_grad", FRT_FLOATS, reduce_sum_grad, NULL, 0},
                       {"reduce_max_grad", FRT_FLOATS, reduce_max_grad, NULL, 0},
                       {"mean", FRT_FLOATS, mean, NULL, 0},
                       {"mean_grad", FRT_FLOATS, mean_grad, NULL, 0},
                       REF_END};
