#include "fluidrt/op_index.h"
#include "update.h"

/* K0 mu, K1 rate */
FRT_CPU_UPDATE(plain, const float v = K0 * a[i] + g[i]; o1[i] = v; o0[i] = p[i] - K1 * v;)
FRT_CPU_UPDATE(nesterov, const float v = K0 * a[i] + g[i]; const float ahead = g[i] + K0 * v;
               o1[i] = v; o0[i] = p[i] - K1 * ahead;)

typedef struct {
  float mu;
  int nesterov;
} momentum_t;

static frt_status_t momentum_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                     frt_error_t *err) {
  momentum_t *s = (momentum_t *)state;
  (void)workspace, (void)err;
  s->mu = frt_attr_f32(op, FRT_MOMENTUM_ATTR_MU);
  s->nesterov = frt_attr_bool(op, FRT_MOMENTUM_ATTR_USE_NESTEROV);
  return FRT_OK;
}

static frt_status_t momentum_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const momentum_t *s = (const momentum_t *)state;
  frt_cpu_update_t u = {
      .o = {frt_out_f32(r, FRT_MOMENTUM_OUT_PARAMOUT),
            frt_out_f32(r, FRT_MOMENTUM_OUT_VELOCITYOUT)},
      .in = {frt_in_f32(r, FRT_MOMENTUM_IN_VELOCITY)},
      .p = frt_in_f32(r, FRT_MOMENTUM_IN_PARAM),
      .g = frt_in_f32(r, FRT_MOMENTUM_IN_GRAD),
      .k = {s->mu, frt_in_f32(r, FRT_MOMENTUM_IN_LEARNINGRATE)[0]}};
  (void)err;
  frt_cpu_for(r, frt_in_numel(r, FRT_MOMENTUM_IN_PARAM), FRT_CPU_GRAIN,
              s->nesterov ? nesterov : plain, &u);
  return FRT_OK;
}

FRT_KERNELS(cpu, optimizer_momentum) = {
    FRT_KERNEL("momentum", FRT_F32S, momentum,
               FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
