#include "ref.h"

static frt_status_t momentum(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *p = ref_in(c, FRT_MOMENTUM_IN_PARAM);
  const ref_tensor_t *g = ref_in(c, FRT_MOMENTUM_IN_GRAD);
  const ref_tensor_t *v = ref_in(c, FRT_MOMENTUM_IN_VELOCITY);
  const double lr = ref_in(c, FRT_MOMENTUM_IN_LEARNINGRATE)->v[0];
  const double mu = frt_attr_f32(c->op, FRT_MOMENTUM_ATTR_MU);
  const int nesterov = frt_attr_bool(c->op, FRT_MOMENTUM_ATTR_USE_NESTEROV);
  (void)err;
  for (int64_t i = 0; i < p->n; ++i) {
    const double now = mu * v->v[i] + g->v[i];
    const double mag = fabs(mu * v->v[i]) + fabs(g->v[i]);
    const double step = nesterov ? g->v[i] + mu * now : now;
    const double step_mag = nesterov ? fabs(g->v[i]) + fabs(mu) * mag : mag;
    ref_put(ref_out(c, FRT_MOMENTUM_OUT_VELOCITYOUT), i, now, mag);
    ref_put(ref_out(c, FRT_MOMENTUM_OUT_PARAMOUT), i, p->v[i] - lr * step,
            fabs(p->v[i]) + fabs(lr) * step_mag);
  }
  return FRT_OK;
}

REF_KERNELS(optimizer_momentum) = {{"momentum", FRT_FLOATS, momentum, NULL, 0}, REF_END};
