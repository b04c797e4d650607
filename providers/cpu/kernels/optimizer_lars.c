#include <math.h>

#include "fluidrt/op_index.h"
#include "owned.h"
#include "sums.h"
#undef A
#undef B

/* Two passes: the norms, then the update. Both are bound by memory. */
FRT_CPU_SUM_BLOCK(square_sum, u * u)

typedef struct {
  float *p, *v;
  const float *p0, *g, *v0;
  float mu, local, decay, rescale;
} update_t;

FRT_CPU_BODY void update_body(void *arg, int64_t lo, int64_t hi) {
  const update_t *u = (const update_t *)arg;
  float *p = u->p, *v = u->v;
  const float *p0 = u->p0, *g = u->g, *v0 = u->v0;
  const float mu = u->mu, local = u->local, decay = u->decay;
  FRT_CPU_IVDEP
  for (int64_t i = lo; i < hi; ++i) {
    const float x = mu * v0[i] + local * (g[i] + decay * p0[i]);
    v[i] = x;
    p[i] = p0[i] - x;
  }
}
FRT_CPU_VARIANTS(update, (void *arg, int64_t lo, int64_t hi), (arg, lo, hi))

FRT_CPU_BODY void update_scaled_body(void *arg, int64_t lo, int64_t hi) {
  const update_t *u = (const update_t *)arg;
  float *p = u->p, *v = u->v;
  const float *p0 = u->p0, *g = u->g, *v0 = u->v0;
  const float mu = u->mu, local = u->local, decay = u->decay, rescale = u->rescale;
  FRT_CPU_IVDEP
  for (int64_t i = lo; i < hi; ++i) {
    const float x = mu * v0[i] + local * (rescale * g[i] + decay * p0[i]);
    v[i] = x;
    p[i] = p0[i] - x;
  }
}
FRT_CPU_VARIANTS(update_scaled, (void *arg, int64_t lo, int64_t hi), (arg, lo, hi))

typedef struct {
  void *owned; /* float decay[], one or as many as tensors */
  float mu, coeff, epsilon, rescale;
  uint32_t decays; /* 0: Fluid 1.8's scalar form, which scales without decay too */
} lars_t;

static frt_status_t lars_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  lars_t *s = (lars_t *)state;
  const frt_api_attr_t *wd = &op->attrs[FRT_LARS_MOMENTUM_ATTR_LARS_WEIGHT_DECAY];
  const frt_api_slot_t *params = &op->in[FRT_LARS_MOMENTUM_IN_PARAM];
  int64_t most = 0;
  s->mu = frt_attr_f32(op, FRT_LARS_MOMENTUM_ATTR_MU);
  s->coeff = frt_attr_f32(op, FRT_LARS_MOMENTUM_ATTR_LARS_COEFF);
  s->epsilon = frt_attr_f32(op, FRT_LARS_MOMENTUM_ATTR_EPSILON);
  s->rescale = frt_attr_f32(op, FRT_LARS_MOMENTUM_ATTR_RESCALE_GRAD);
  FRT_TRY(frt_cpu_own(op, sizeof(float) * (wd->count ? wd->count : 1), &s->owned, err));
  if (wd->type == FRT_ATTR_F32S) {
    s->decays = wd->count;
    for (uint32_t i = 0; i < wd->count; ++i) ((float *)s->owned)[i] = (float)wd->v.fs[i];
  } else {
    *(float *)s->owned = (float)wd->v.f;
  }
  for (uint32_t i = 0; i < params->count; ++i)
    if (params->t[i]->numel > most) most = params->t[i]->numel;
  *workspace = (uint64_t)frt_cpu_blocks(most) * sizeof(double);
  return FRT_OK;
}

static double norm(const frt_run_t *r, const float *x, int64_t n) {
  frt_cpu_sum_t s = {square_sum, x, x, n, (double *)r->workspace};
  return sqrt(frt_cpu_sum_all(r, &s));
}

/* A NaN norm counts as not greater; an infinite one gives a local rate of 0. */
static float local_rate(const lars_t *s, const frt_run_t *r, const update_t *u, int64_t n,
                        float rate) {
  double pn, gn;
  if (s->decays && u->decay == 0.0f) return rate;
  pn = norm(r, u->p0, n);
  gn = norm(r, u->g, n) * fabs((double)s->rescale);
  if (!(pn > 0.0 && gn > 0.0)) return rate;
  return (float)((double)rate * (double)s->coeff * pn /
                 (gn + (double)u->decay * pn + (double)s->epsilon));
}

static frt_status_t lars_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const lars_t *s = (const lars_t *)state;
  const uint32_t n = r->in[FRT_LARS_MOMENTUM_IN_PARAM].count;
  const uint32_t rates = r->in[FRT_LARS_MOMENTUM_IN_LEARNINGRATE].count;
  (void)err;
  for (uint32_t i = 0; i < n; ++i) {
    const frt_api_tensor_t *p = frt_in_at(r, FRT_LARS_MOMENTUM_IN_PARAM, i);
    const frt_api_tensor_t *lr =
        frt_in_at(r, FRT_LARS_MOMENTUM_IN_LEARNINGRATE, i < rates ? i : 0);
    update_t u = {(float *)frt_out_at(r, FRT_LARS_MOMENTUM_OUT_PARAMOUT, i)->data,
                  (float *)frt_out_at(r, FRT_LARS_MOMENTUM_OUT_VELOCITYOUT, i)->data,
                  (const float *)p->data,
                  (const float *)frt_in_at(r, FRT_LARS_MOMENTUM_IN_GRAD, i)->data,
                  (const float *)frt_in_at(r, FRT_LARS_MOMENTUM_IN_VELOCITY, i)->data,
                  s->mu, 0, ((const float *)s->owned)[i < s->decays ? i : 0], s->rescale};
    u.local = local_rate(s, r, &u, p->numel, *(const float *)lr->data);
    frt_cpu_for(r, p->numel, FRT_CPU_GRAIN, s->rescale == 1.0f ? update : update_scaled,
                &u);
  }
  return FRT_OK;
}

FRT_KERNELS(cpu, optimizer_lars) = {
    FRT_KERNEL("lars_momentum", FRT_F32S, lars,
               FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC | FRT_CPU_OWNS),
    FRT_KERNELS_END};
