#include "ref.h"

/* What one parameter is updated with. The form of 1.8.5 has one decay number; newer
 * programs have a list, one per parameter, and then a decay of 0 turns scaling off. */
typedef struct {
  double mu, coeff, decay, epsilon, rescale;
  int newer;
} lars_t;

static lars_t lars_of(const frt_op_t *op, uint32_t k) {
  const frt_api_attr_t *wd = &op->attrs[FRT_LARS_MOMENTUM_ATTR_LARS_WEIGHT_DECAY];
  lars_t a;
  a.mu = frt_attr_f32(op, FRT_LARS_MOMENTUM_ATTR_MU);
  a.coeff = frt_attr_f32(op, FRT_LARS_MOMENTUM_ATTR_LARS_COEFF);
  a.epsilon = frt_attr_f32(op, FRT_LARS_MOMENTUM_ATTR_EPSILON);
  a.rescale = frt_attr_f32(op, FRT_LARS_MOMENTUM_ATTR_RESCALE_GRAD);
  a.newer = wd->type == FRT_ATTR_F32S;
  if (!a.newer) a.decay = wd->v.f;
  else a.decay = wd->count == 0 ? 0.0 : wd->v.fs[k < wd->count ? k : wd->count - 1];
  return a;
}

static double norm(const ref_tensor_t *t) {
  double sum = 0;
  for (int64_t i = 0; i < t->n; ++i) sum += t->v[i] * t->v[i];
  return sqrt(sum);
}

/* A NaN norm compares as "not greater": the plain rate, without coeff. */
static double local_rate(const lars_t *a, double lr, double pn, double gn) {
  if (!(pn > 0 && gn > 0) || (a->newer && !(a->decay > 0))) return lr;
  return lr * a->coeff * pn / (gn + a->decay * pn + a->epsilon);
}

static void update(const lars_t *a, double lr, const ref_tensor_t *p,
                   const ref_tensor_t *g, const ref_tensor_t *v,
                   const ref_tensor_t *p_out, const ref_tensor_t *v_out) {
  const double local = local_rate(a, lr, norm(p), fabs(a->rescale) * norm(g));
  for (int64_t i = 0; i < p->n; ++i) {
    const double gi = a->rescale * g->v[i], wp = a->decay * p->v[i];
    const double vi = a->mu * v->v[i] + local * (gi + wp);
    const double mag = fabs(a->mu * v->v[i]) + fabs(local) * (fabs(gi) + fabs(wp));
    if (v_out) ref_put(v_out, i, vi, mag);
    if (p_out) ref_put(p_out, i, p->v[i] - vi, fabs(p->v[i]) + mag);
  }
}

static const ref_tensor_t *at(const ref_slot_t *slot, uint32_t k) {
  return k < slot->count ? &slot->t[k] : NULL;
}

static frt_status_t lars(const ref_call_t *c, frt_error_t *err) {
  const ref_slot_t *lr = &c->in[FRT_LARS_MOMENTUM_IN_LEARNINGRATE];
  (void)err;
  for (uint32_t k = 0; k < c->in[FRT_LARS_MOMENTUM_IN_PARAM].count; ++k) {
    const lars_t a = lars_of(c->op, k);
    update(&a, lr->t[k < lr->count ? k : 0].v[0],
           &c->in[FRT_LARS_MOMENTUM_IN_PARAM].t[k],
           &c->in[FRT_LARS_MOMENTUM_IN_GRAD].t[k],
           &c->in[FRT_LARS_MOMENTUM_IN_VELOCITY].t[k],
           at(&c->out[FRT_LARS_MOMENTUM_OUT_PARAMOUT], k),
           at(&c->out[FRT_LARS_MOMENTUM_OUT_VELOCITYOUT], k));
  }
  return FRT_OK;
}

REF_KERNELS(optimizer_lars) = {{"lars_momentum", FRT_FLOATS, lars, NULL, 0}, REF_END};
