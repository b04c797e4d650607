#include "norm.h"

/* The elements of channel `c`. */
static ref_set_t channel_of(const frt_api_tensor_t *x, const char *layout, int64_t c) {
  const int64_t n = x->dims[0], all = ref_product(x->dims, 0, x->rank);
  if (!strcmp(layout, "NHWC")) {
    const int64_t channels = x->dims[x->rank - 1];
    const ref_set_t s = {c, 1, 0, channels ? all / channels : 0, channels};
    return s;
  } else {
    const int64_t inner = ref_product(x->dims, 2, x->rank);
    const ref_set_t s = {c * inner, n, x->dims[1] * inner, inner, 1};
    return s;
  }
}

/* Running statistics: kept, or moved towards what the batch has. */
static void run_on(const ref_call_t *c, int64_t at, const ref_moments_t *batch,
                   double momentum) {
  const ref_tensor_t *mean = ref_out(c, FRT_BATCH_NORM_OUT_MEANOUT);
  const ref_tensor_t *variance = ref_out(c, FRT_BATCH_NORM_OUT_VARIANCEOUT);
  const double m = ref_in(c, FRT_BATCH_NORM_IN_MEAN)->v[at] * momentum;
  const double v = ref_in(c, FRT_BATCH_NORM_IN_VARIANCE)->v[at] * momentum;
  const double new_m = (batch->hi + batch->lo) * (1 - momentum);
  const double new_v = batch->variance * (1 - momentum);
  if (mean)
    ref_put(mean, at, m + new_m,
            fabs(m) + fabs(new_m) + fabs(batch->spread * (1 - momentum)));
  if (variance) ref_put(variance, at, v + new_v, fabs(v) + fabs(new_v));
}
static void stay(const ref_call_t *c, int64_t at) {
  const ref_tensor_t *mean = ref_out(c, FRT_BATCH_NORM_OUT_MEANOUT);
  const ref_tensor_t *variance = ref_out(c, FRT_BATCH_NORM_OUT_VARIANCEOUT);
  if (mean) ref_put_own(mean, at, ref_in(c, FRT_BATCH_NORM_IN_MEAN)->v[at]);
  if (variance) ref_put_own(variance, at, ref_in(c, FRT_BATCH_NORM_IN_VARIANCE)->v[at]);
}

static void save(const ref_call_t *c, int64_t at, const ref_moments_t *m, double inverse) {
  const ref_tensor_t *saved = ref_out(c, FRT_BATCH_NORM_OUT_SAVEDVARIANCE);
  ref_put_moments(m, ref_out(c, FRT_BATCH_NORM_OUT_SAVEDMEAN), NULL, at);
  if (saved) ref_put_own(saved, at, inverse);
}

/* What there is no spread of is left as it is. */
static void pass(const ref_call_t *c, int64_t at, const ref_set_t *s) {
  static const ref_moments_t none = {0, 0, 0, 0};
  for (int64_t k = 0; k < ref_set_size(s); ++k)
    ref_put_own(ref_out(c, FRT_BATCH_NORM_OUT_Y), ref_set_at(s, k),
                ref_in(c, FRT_BATCH_NORM_IN_X)->v[ref_set_at(s, k)]);
  save(c, at, &none, 0);
  stay(c, at);
}

static void normalize(const ref_call_t *c, int64_t at, const ref_set_t *s,
                      const ref_moments_t *m, double eps) {
  const double *x = ref_in(c, FRT_BATCH_NORM_IN_X)->v;
  const double inverse = 1 / sqrt(m->variance + eps);
  for (int64_t k = 0; k < ref_set_size(s); ++k)
    ref_normalize(m, x[ref_set_at(s, k)], inverse, ref_in(c, FRT_BATCH_NORM_IN_SCALE)->v[at],
                  ref_in(c, FRT_BATCH_NORM_IN_BIAS)->v[at], ref_out(c, FRT_BATCH_NORM_OUT_Y),
                  ref_set_at(s, k));
  save(c, at, m, inverse);
}

static frt_status_t batch_norm(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_BATCH_NORM_IN_X);
  const ref_tensor_t *rate = ref_in(c, FRT_BATCH_NORM_IN_MOMENTUMTENSOR);
  const double eps = frt_attr_f32(c->op, FRT_BATCH_NORM_ATTR_EPSILON);
  const double momentum =
      rate ? rate->v[0] : frt_attr_f32(c->op, FRT_BATCH_NORM_ATTR_MOMENTUM);
  const int global = frt_attr_bool(c->op, FRT_BATCH_NORM_ATTR_USE_GLOBAL_STATS) ||
                     (frt_attr_bool(c->op, FRT_BATCH_NORM_ATTR_IS_TEST) &&
                      !frt_attr_bool(c->op, FRT_BATCH_NORM_ATTR_TRAINABLE_STATISTICS));
  (void)err;
  for (int64_t at = 0; at < ref_in(c, FRT_BATCH_NORM_IN_SCALE)->n; ++at) {
    const ref_set_t s =
        channel_of(x->meta, frt_attr_str(c->op, FRT_BATCH_NORM_ATTR_DATA_LAYOUT), at);
    if (global) {
      const ref_moments_t m = {ref_in(c, FRT_BATCH_NORM_IN_MEAN)->v[at], 0,
                               ref_in(c, FRT_BATCH_NORM_IN_VARIANCE)->v[at], 0};
      normalize(c, at, &s, &m, eps);
      stay(c, at);
    } else if (ref_set_size(&s) < 2) {
      pass(c, at, &s);
    } else {
      const ref_moments_t m = ref_moments(&s, x->v);
      normalize(c, at, &s, &m, eps);
      run_on(c, at, &m, momentum);
    }
  }
  return FRT_OK;
}

/* ---- backward --------------------------------------------------------------------------- */

typedef struct {
  const ref_tensor_t *x, *dy, *dx, *dw, *db;
} back_t;

static void back_channel(const back_t *t, const ref_set_t *s, int64_t at, double mean,
                         double inverse, double w, int global) {
  const int64_t n = ref_set_size(s);
  ref_back_t back = {0, 0, 0, 0};
  for (int64_t k = 0; k < n; ++k) {
    const int64_t i = ref_set_at(s, k);
    const double g = t->dy->v[i], h = (t->x->v[i] - mean) * inverse;
    if (!global) ref_back_add(&back, g, h, (double)n);
    ref_gather(t->dw, at, g * h);
    ref_gather(t->db, at, g);
  }
  for (int64_t k = 0; t->dx && k < n; ++k) {
    const int64_t i = ref_set_at(s, k);
    ref_back_put(&back, t->dy->v[i], (t->x->v[i] - mean) * inverse, inverse * w, t->dx, i);
  }
}

static frt_status_t batch_norm_grad(const ref_call_t *c, frt_error_t *err) {
  const back_t t = {ref_in(c, FRT_BATCH_NORM_GRAD_IN_X),
                    ref_in(c, FRT_BATCH_NORM_GRAD_IN_Y_GRAD),
                    ref_out(c, FRT_BATCH_NORM_GRAD_OUT_X_GRAD),
                    ref_out(c, FRT_BATCH_NORM_GRAD_OUT_SCALE_GRAD),
                    ref_out(c, FRT_BATCH_NORM_GRAD_OUT_BIAS_GRAD)};
  const ref_tensor_t *w = ref_in(c, FRT_BATCH_NORM_GRAD_IN_SCALE);
  const int global = frt_attr_bool(c->op, FRT_BATCH_NORM_GRAD_ATTR_USE_GLOBAL_STATS);
  const double eps = frt_attr_f32(c->op, FRT_BATCH_NORM_GRAD_ATTR_EPSILON);
  const ref_tensor_t *mean = ref_in(c, global ? FRT_BATCH_NORM_GRAD_IN_MEAN
                                              : FRT_BATCH_NORM_GRAD_IN_SAVEDMEAN);
  const ref_tensor_t *spread = ref_in(c, global ? FRT_BATCH_NORM_GRAD_IN_VARIANCE
                                                : FRT_BATCH_NORM_GRAD_IN_SAVEDVARIANCE);
  (void)err;
  ref_clear(t.dw);
  ref_clear(t.db);
  for (int64_t at = 0; at < w->n; ++at) {
    const ref_set_t s = channel_of(
        t.x->meta, frt_attr_str(c->op, FRT_BATCH_NORM_GRAD_ATTR_DATA_LAYOUT), at);
    if (global || ref_set_size(&s) > 1)
      back_channel(&t, &s, at, mean->v[at],
                   global ? 1 / sqrt(spread->v[at] + eps) : spread->v[at], w->v[at], global);
    else if (t.dx && ref_set_size(&s) == 1)
      ref_put_own(t.dx, s.first, t.dy->v[s.first]);
  }
  return FRT_OK;
}

REF_KERNELS(norm_batch) = {{"batch_norm", FRT_FLOATS, batch_norm, NULL, 0},
                           {"batch_norm_grad", FRT_FLOATS, batch_norm_grad, NULL, 0},
                           REF_END};
