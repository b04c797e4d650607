#include "ref.h"

typedef struct { double v, mag; } mean_t;
static mean_t mean(double rho, double was, double now) {
  const mean_t m = {rho * was + (1 - rho) * now, fabs(rho * was) + fabs((1 - rho) * now)};
  return m;
}

/* p - lr * g / (sqrt(m) + epsilon) */
static void adagrad_step(const ref_call_t *c, int64_t i, mean_t m, double epsilon) {
  const double p = ref_in(c, FRT_ADAGRAD_IN_PARAM)->v[i];
  const double step = ref_in(c, FRT_ADAGRAD_IN_LEARNINGRATE)->v[0] *
                      ref_in(c, FRT_ADAGRAD_IN_GRAD)->v[i] / (sqrt(m.v) + epsilon);
  ref_put(ref_out(c, FRT_ADAGRAD_OUT_MOMENTOUT), i, m.v, m.mag);
  ref_put(ref_out(c, FRT_ADAGRAD_OUT_PARAMOUT), i, p - step, fabs(p) + fabs(step));
}

static frt_status_t adagrad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *g = ref_in(c, FRT_ADAGRAD_IN_GRAD);
  const ref_tensor_t *m0 = ref_in(c, FRT_ADAGRAD_IN_MOMENT);
  (void)err;
  for (int64_t i = 0; i < g->n; ++i) {
    const double gg = g->v[i] * g->v[i];
    const mean_t m = {m0->v[i] + gg, fabs(m0->v[i]) + gg};
    adagrad_step(c, i, m, frt_attr_f32(c->op, FRT_ADAGRAD_ATTR_EPSILON));
  }
  return FRT_OK;
}

/* Its slots are those of adagrad, in the same places. */
static frt_status_t decayed_adagrad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *g = ref_in(c, FRT_DECAYED_ADAGRAD_IN_GRAD);
  const ref_tensor_t *m0 = ref_in(c, FRT_DECAYED_ADAGRAD_IN_MOMENT);
  const double decay = frt_attr_f32(c->op, FRT_DECAYED_ADAGRAD_ATTR_DECAY);
  (void)err;
  for (int64_t i = 0; i < g->n; ++i)
    adagrad_step(c, i, mean(decay, m0->v[i], g->v[i] * g->v[i]),
                 frt_attr_f32(c->op, FRT_DECAYED_ADAGRAD_ATTR_EPSILON));
  return FRT_OK;
}

static frt_status_t adadelta(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *p = ref_in(c, FRT_ADADELTA_IN_PARAM);
  const ref_tensor_t *g = ref_in(c, FRT_ADADELTA_IN_GRAD);
  const ref_tensor_t *a0 = ref_in(c, FRT_ADADELTA_IN_AVGSQUAREDGRAD);
  const ref_tensor_t *b0 = ref_in(c, FRT_ADADELTA_IN_AVGSQUAREDUPDATE);
  const double rho = frt_attr_f32(c->op, FRT_ADADELTA_ATTR_RHO);
  const double epsilon = frt_attr_f32(c->op, FRT_ADADELTA_ATTR_EPSILON);
  (void)err;
  for (int64_t i = 0; i < p->n; ++i) {
    const mean_t a = mean(rho, a0->v[i], g->v[i] * g->v[i]);
    const double u = -sqrt((b0->v[i] + epsilon) / (a.v + epsilon)) * g->v[i];
    const mean_t b = mean(rho, b0->v[i], u * u);
    /* The new average, not the one that made u: as Fluid computes it. */
    const double step = sqrt((b.v + epsilon) / (a.v + epsilon)) * g->v[i];
    ref_put(ref_out(c, FRT_ADADELTA_OUT_AVGSQUAREDGRADOUT), i, a.v, a.mag);
    ref_put(ref_out(c, FRT_ADADELTA_OUT_AVGSQUAREDUPDATEOUT), i, b.v, b.mag);
    ref_put(ref_out(c, FRT_ADADELTA_OUT_PARAMOUT), i, p->v[i] - step,
            fabs(p->v[i]) + fabs(step));
  }
  return FRT_OK;
}

/* What is under the root, and how much of it cancels. */
typedef struct { double v, spread; } radicand_t;
static radicand_t rmsprop_radicand(const ref_call_t *c, int64_t i, mean_t ms) {
  const double epsilon = frt_attr_f32(c->op, FRT_RMSPROP_ATTR_EPSILON);
  const double decay = frt_attr_f32(c->op, FRT_RMSPROP_ATTR_DECAY);
  const ref_tensor_t *g0 = ref_in(c, FRT_RMSPROP_IN_MEANGRAD);
  const ref_tensor_t *out = ref_out(c, FRT_RMSPROP_OUT_MEANGRADOUT);
  radicand_t d = {ms.v + epsilon, 1};
  if (frt_attr_bool(c->op, FRT_RMSPROP_ATTR_CENTERED)) {
    const mean_t mg = mean(decay, g0->v[i], ref_in(c, FRT_RMSPROP_IN_GRAD)->v[i]);
    if (out) ref_put(out, i, mg.v, mg.mag);
    d.v = ms.v - mg.v * mg.v + epsilon;
    d.spread = (ms.mag + mg.mag * mg.mag + epsilon) / fabs(d.v);
  } else if (out) {
    ref_put_own(out, i, g0->v[i]);
  }
  return d;
}

static frt_status_t rmsprop(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *p = ref_in(c, FRT_RMSPROP_IN_PARAM);
  const ref_tensor_t *g = ref_in(c, FRT_RMSPROP_IN_GRAD);
  const double lr = ref_in(c, FRT_RMSPROP_IN_LEARNINGRATE)->v[0];
  const double decay = frt_attr_f32(c->op, FRT_RMSPROP_ATTR_DECAY);
  const double mu = frt_attr_f32(c->op, FRT_RMSPROP_ATTR_MOMENTUM);
  (void)err;
  for (int64_t i = 0; i < p->n; ++i) {
    const double gi = g->v[i], kept = mu * ref_in(c, FRT_RMSPROP_IN_MOMENT)->v[i];
    const mean_t ms = mean(decay, ref_in(c, FRT_RMSPROP_IN_MEANSQUARE)->v[i], gi * gi);
    const radicand_t d = rmsprop_radicand(c, i, ms);
    const double step = lr * gi / sqrt(d.v), mag = fabs(kept) + fabs(step) * d.spread;
    ref_put(ref_out(c, FRT_RMSPROP_OUT_MEANSQUAREOUT), i, ms.v, ms.mag);
    ref_put(ref_out(c, FRT_RMSPROP_OUT_MOMENTOUT), i, kept + step, mag);
    ref_put(ref_out(c, FRT_RMSPROP_OUT_PARAMOUT), i, p->v[i] - (kept + step),
            fabs(p->v[i]) + mag);
  }
  return FRT_OK;
}

static frt_status_t ftrl(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *p = ref_in(c, FRT_FTRL_IN_PARAM), *g = ref_in(c, FRT_FTRL_IN_GRAD);
  const ref_tensor_t *n0 = ref_in(c, FRT_FTRL_IN_SQUAREDACCUMULATOR);
  const ref_tensor_t *z0 = ref_in(c, FRT_FTRL_IN_LINEARACCUMULATOR);
  const double lr = ref_in(c, FRT_FTRL_IN_LEARNINGRATE)->v[0];
  const double l1 = frt_attr_f32(c->op, FRT_FTRL_ATTR_L1);
  const double l2 = frt_attr_f32(c->op, FRT_FTRL_ATTR_L2);
  const double power = -(double)frt_attr_f32(c->op, FRT_FTRL_ATTR_LR_POWER);
  (void)err;
  for (int64_t i = 0; i < p->n; ++i) {
    const double n = n0->v[i] + g->v[i] * g->v[i];
    const double was = pow(n0->v[i], power), now = pow(n, power);
    const double z = z0->v[i] + g->v[i] - (now - was) / lr * p->v[i];
    const double z_mag = fabs(z0->v[i]) + fabs(g->v[i]) +
                         (now + was) / fabs(lr) * fabs(p->v[i]);
    const double y = now / lr + 2 * l2, x = (z > 0 ? l1 : z < 0 ? -l1 : 0) - z;
    ref_put(ref_out(c, FRT_FTRL_OUT_SQUAREDACCUMOUT), i, n,
            fabs(n0->v[i]) + g->v[i] * g->v[i]);
    ref_put(ref_out(c, FRT_FTRL_OUT_LINEARACCUMOUT), i, z, z_mag);
    ref_put(ref_out(c, FRT_FTRL_OUT_PARAMOUT), i, fabs(z) > l1 ? x / y : 0,
            (z_mag + fabs(l1)) / fabs(y));
  }
  return FRT_OK;
}

REF_KERNELS(optimizer_adaptive) = {{"adagrad", FRT_FLOATS, adagrad, NULL, 0},
                                   {"decayed_adagrad", FRT_FLOATS, decayed_adagrad, NULL, 0},
                                   {"adadelta", FRT_FLOATS, adadelta, NULL, 0},
                                   {"rmsprop", FRT_FLOATS, rmsprop, NULL, 0},
                                   {"ftrl", FRT_FLOATS, ftrl, NULL, 0}, REF_END};
