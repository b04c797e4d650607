#include "ref.h"

/* beta * was + (1 - beta) * now, with its magnitude. */
typedef struct { double v, mag; } mean_t;
static mean_t mean(double beta, double was, double now) {
  const mean_t m = {beta * was + (1 - beta) * now,
                    fabs(beta * was) + fabs((1 - beta) * now)};
  return m;
}

static frt_status_t adam(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *p = ref_in(c, FRT_ADAM_IN_PARAM), *g = ref_in(c, FRT_ADAM_IN_GRAD);
  const ref_tensor_t *m0 = ref_in(c, FRT_ADAM_IN_MOMENT1);
  const ref_tensor_t *v0 = ref_in(c, FRT_ADAM_IN_MOMENT2);
  const ref_tensor_t *pow1 = ref_in(c, FRT_ADAM_IN_BETA1POW);
  const ref_tensor_t *pow2 = ref_in(c, FRT_ADAM_IN_BETA2POW);
  const double beta1 = frt_attr_f32(c->op, FRT_ADAM_ATTR_BETA1);
  const double beta2 = frt_attr_f32(c->op, FRT_ADAM_ATTR_BETA2);
  const double epsilon = frt_attr_f32(c->op, FRT_ADAM_ATTR_EPSILON);
  /* The powers as they were before this step. */
  const double rate = ref_in(c, FRT_ADAM_IN_LEARNINGRATE)->v[0] * sqrt(1 - pow2->v[0]) /
                      (1 - pow1->v[0]);
  (void)err;
  for (int64_t i = 0; i < p->n; ++i) {
    const mean_t m = mean(beta1, m0->v[i], g->v[i]);
    const mean_t v = mean(beta2, v0->v[i], g->v[i] * g->v[i]);
    const double divisor = sqrt(v.v) + epsilon;
    ref_put(ref_out(c, FRT_ADAM_OUT_MOMENT1OUT), i, m.v, m.mag);
    ref_put(ref_out(c, FRT_ADAM_OUT_MOMENT2OUT), i, v.v, v.mag);
    ref_put(ref_out(c, FRT_ADAM_OUT_PARAMOUT), i, p->v[i] - rate * m.v / divisor,
            fabs(p->v[i]) + fabs(rate) * m.mag / divisor);
  }
  ref_put_own(ref_out(c, FRT_ADAM_OUT_BETA1POWOUT), 0, beta1 * pow1->v[0]);
  ref_put_own(ref_out(c, FRT_ADAM_OUT_BETA2POWOUT), 0, beta2 * pow2->v[0]);
  return FRT_OK;
}

static frt_status_t adamax(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *p = ref_in(c, FRT_ADAMAX_IN_PARAM);
  const ref_tensor_t *g = ref_in(c, FRT_ADAMAX_IN_GRAD);
  const ref_tensor_t *m0 = ref_in(c, FRT_ADAMAX_IN_MOMENT);
  const ref_tensor_t *u0 = ref_in(c, FRT_ADAMAX_IN_INFNORM);
  const double beta1 = frt_attr_f32(c->op, FRT_ADAMAX_ATTR_BETA1);
  const double beta2 = frt_attr_f32(c->op, FRT_ADAMAX_ATTR_BETA2);
  const double epsilon = frt_attr_f32(c->op, FRT_ADAMAX_ATTR_EPSILON);
  const double rate = ref_in(c, FRT_ADAMAX_IN_LEARNINGRATE)->v[0] /
                      (1 - ref_in(c, FRT_ADAMAX_IN_BETA1POW)->v[0]);
  (void)err;
  for (int64_t i = 0; i < p->n; ++i) {
    const mean_t m = mean(beta1, m0->v[i], g->v[i]);
    const double kept = beta2 * u0->v[i] + epsilon, size = fabs(g->v[i]);
    const double u = size > kept ? size : kept;
    ref_put(ref_out(c, FRT_ADAMAX_OUT_MOMENTOUT), i, m.v, m.mag);
    ref_put(ref_out(c, FRT_ADAMAX_OUT_INFNORMOUT), i, u,
            fmax(size, fabs(beta2 * u0->v[i]) + epsilon));
    ref_put(ref_out(c, FRT_ADAMAX_OUT_PARAMOUT), i, p->v[i] - rate * m.v / u,
            fabs(p->v[i]) + fabs(rate) * m.mag / fabs(u));
  }
  return FRT_OK;
}

/* r = m / (sqrt(v) + epsilon) + decay * p, and the moments. */
static mean_t lamb_direction(const ref_call_t *c, int64_t i) {
  const double beta1 = frt_attr_f32(c->op, FRT_LAMB_ATTR_BETA1);
  const double beta2 = frt_attr_f32(c->op, FRT_LAMB_ATTR_BETA2);
  const double epsilon = frt_attr_f32(c->op, FRT_LAMB_ATTR_EPSILON);
  const double g = ref_in(c, FRT_LAMB_IN_GRAD)->v[i];
  const double decay = (double)frt_attr_f32(c->op, FRT_LAMB_ATTR_WEIGHT_DECAY) *
                       ref_in(c, FRT_LAMB_IN_PARAM)->v[i];
  const mean_t m = mean(beta1, ref_in(c, FRT_LAMB_IN_MOMENT1)->v[i], g);
  const mean_t v = mean(beta2, ref_in(c, FRT_LAMB_IN_MOMENT2)->v[i], g * g);
  const double divisor = sqrt(v.v) + epsilon;
  const mean_t r = {m.v / divisor + decay, m.mag / divisor + fabs(decay)};
  ref_put(ref_out(c, FRT_LAMB_OUT_MOMENT1OUT), i, m.v, m.mag);
  ref_put(ref_out(c, FRT_LAMB_OUT_MOMENT2OUT), i, v.v, v.mag);
  return r;
}

static frt_status_t lamb(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *p = ref_in(c, FRT_LAMB_IN_PARAM);
  const double lr = ref_in(c, FRT_LAMB_IN_LEARNINGRATE)->v[0];
  double pp = 0, rr = 0, mag = 0, ratio = 1, spread = 1;
  (void)err;
  for (int64_t i = 0; i < p->n; ++i) {
    const mean_t r = lamb_direction(c, i);
    pp += p->v[i] * p->v[i];
    rr += r.v * r.v;
    mag += r.mag * r.mag;
  }
  /* A NaN norm is not greater. */
  if (sqrt(pp) > 0 && sqrt(rr) > 0) {
    ratio = sqrt(pp) / sqrt(rr);
    spread = sqrt(mag) / sqrt(rr); /* what cancels in r shows in its norm */
  }
  for (int64_t i = 0; i < p->n; ++i) {
    const mean_t r = lamb_direction(c, i);
    ref_put(ref_out(c, FRT_LAMB_OUT_PARAMOUT), i, p->v[i] - lr * ratio * r.v,
            fabs(p->v[i]) + fabs(lr) * ratio * spread * r.mag);
  }
  return FRT_OK;
}

REF_KERNELS(optimizer_adam) = {{"adam", FRT_FLOATS, adam, NULL, 0},
                               {"adamax", FRT_FLOATS, adamax, NULL, 0},
                               {"lamb", FRT_FLOATS, lamb, NULL, 0}, REF_END};
