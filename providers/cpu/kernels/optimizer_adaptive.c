#include <math.h>

#include "fluidrt/op_index.h"
#include "update.h"

#define FLAGS (FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
#define ROOT __builtin_sqrtf

/* ---- adagrad and decayed_adagrad: slots in the same places ------------------------- */

/* K0 epsilon, K1 decay, K2 1 - decay, K3 rate */
FRT_CPU_UPDATE(adagrad_step, const float m = a[i] + g[i] * g[i]; o1[i] = m;
               o0[i] = p[i] - K3 * g[i] / (ROOT(m) + K0);)
FRT_CPU_UPDATE(decayed_step, const float m = K1 * a[i] + K2 * (g[i] * g[i]); o1[i] = m;
               o0[i] = p[i] - K3 * g[i] / (ROOT(m) + K0);)

typedef struct {
  float epsilon, decay;
  int decays;
} adagrad_t;

static frt_status_t adagrad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  (void)workspace, (void)err;
  ((adagrad_t *)state)->epsilon = frt_attr_f32(op, FRT_ADAGRAD_ATTR_EPSILON);
  return FRT_OK;
}
static frt_status_t decayed_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  adagrad_t *s = (adagrad_t *)state;
  (void)workspace, (void)err;
  s->epsilon = frt_attr_f32(op, FRT_DECAYED_ADAGRAD_ATTR_EPSILON);
  s->decay = frt_attr_f32(op, FRT_DECAYED_ADAGRAD_ATTR_DECAY);
  s->decays = 1;
  return FRT_OK;
}

static frt_status_t adagrad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const adagrad_t *s = (const adagrad_t *)state;
  frt_cpu_update_t u = {
      .o = {frt_out_f32(r, FRT_ADAGRAD_OUT_PARAMOUT),
            frt_out_f32(r, FRT_ADAGRAD_OUT_MOMENTOUT)},
      .in = {frt_in_f32(r, FRT_ADAGRAD_IN_MOMENT)},
      .p = frt_in_f32(r, FRT_ADAGRAD_IN_PARAM),
      .g = frt_in_f32(r, FRT_ADAGRAD_IN_GRAD),
      .k = {s->epsilon, s->decay, 1.0f - s->decay,
            frt_in_f32(r, FRT_ADAGRAD_IN_LEARNINGRATE)[0]}};
  (void)err;
  frt_cpu_for(r, frt_in_numel(r, FRT_ADAGRAD_IN_PARAM), FRT_CPU_GRAIN,
              s->decays ? decayed_step : adagrad_step, &u);
  return FRT_OK;
}

/* ---- adadelta ------------------------------------------------------------------------ */

/* K0 rho, K1 1 - rho, K2 epsilon. The step takes the new average of updates. */
FRT_CPU_UPDATE(adadelta_step, const float x = K0 * a[i] + K1 * (g[i] * g[i]);
               const float w = -ROOT((b[i] + K2) / (x + K2)) * g[i];
               const float y = K0 * b[i] + K1 * (w * w);
               const float step = ROOT((y + K2) / (x + K2)) * g[i]; o1[i] = x; o2[i] = y;
               o0[i] = p[i] - step;)

typedef struct { float rho, epsilon; } adadelta_t;

static frt_status_t adadelta_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                     frt_error_t *err) {
  adadelta_t *s = (adadelta_t *)state;
  (void)workspace, (void)err;
  s->rho = frt_attr_f32(op, FRT_ADADELTA_ATTR_RHO);
  s->epsilon = frt_attr_f32(op, FRT_ADADELTA_ATTR_EPSILON);
  return FRT_OK;
}

static frt_status_t adadelta_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const adadelta_t *s = (const adadelta_t *)state;
  frt_cpu_update_t u = {
      .o = {frt_out_f32(r, FRT_ADADELTA_OUT_PARAMOUT),
            frt_out_f32(r, FRT_ADADELTA_OUT_AVGSQUAREDGRADOUT),
            frt_out_f32(r, FRT_ADADELTA_OUT_AVGSQUAREDUPDATEOUT)},
      .in = {frt_in_f32(r, FRT_ADADELTA_IN_AVGSQUAREDGRAD),
             frt_in_f32(r, FRT_ADADELTA_IN_AVGSQUAREDUPDATE)},
      .p = frt_in_f32(r, FRT_ADADELTA_IN_PARAM),
      .g = frt_in_f32(r, FRT_ADADELTA_IN_GRAD),
      .k = {s->rho, 1.0f - s->rho, s->epsilon}};
  (void)err;
  frt_cpu_for(r, frt_in_numel(r, FRT_ADADELTA_IN_PARAM), FRT_CPU_GRAIN, adadelta_step, &u);
  return FRT_OK;
}

/* ---- rmsprop ------------------------------------------------------------------------- */

/* K0 decay, K1 1 - decay, K2 epsilon, K3 momentum, K4 rate; a Moment, b MeanSquare,
 * c MeanGrad. */
FRT_CPU_UPDATE(rmsprop_step, const float s = K0 * b[i] + K1 * (g[i] * g[i]);
               const float m = K3 * a[i] + K4 * g[i] / ROOT(s + K2); o1[i] = m; o2[i] = s;
               o0[i] = p[i] - m;)
FRT_CPU_UPDATE(centered_step, const float s = K0 * b[i] + K1 * (g[i] * g[i]);
               const float n = K0 * c[i] + K1 * g[i];
               const float m = K3 * a[i] + K4 * g[i] / ROOT(s - n * n + K2); o1[i] = m;
               o2[i] = s; o3[i] = n; o0[i] = p[i] - m;)

typedef struct {
  float epsilon, decay, momentum;
  int centered;
} rmsprop_t;

static frt_status_t rmsprop_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  rmsprop_t *s = (rmsprop_t *)state;
  (void)workspace, (void)err;
  s->epsilon = frt_attr_f32(op, FRT_RMSPROP_ATTR_EPSILON);
  s->decay = frt_attr_f32(op, FRT_RMSPROP_ATTR_DECAY);
  s->momentum = frt_attr_f32(op, FRT_RMSPROP_ATTR_MOMENTUM);
  s->centered = frt_attr_bool(op, FRT_RMSPROP_ATTR_CENTERED);
  return FRT_OK;
}

static frt_status_t rmsprop_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const rmsprop_t *s = (const rmsprop_t *)state;
  const int64_t n = frt_in_numel(r, FRT_RMSPROP_IN_PARAM);
  const float *mean = frt_has_in(r, FRT_RMSPROP_IN_MEANGRAD)
                          ? frt_in_f32(r, FRT_RMSPROP_IN_MEANGRAD) : NULL;
  float *mean_out = frt_has_out(r, FRT_RMSPROP_OUT_MEANGRADOUT)
                        ? frt_out_f32(r, FRT_RMSPROP_OUT_MEANGRADOUT) : NULL;
  frt_cpu_update_t u = {
      .o = {frt_out_f32(r, FRT_RMSPROP_OUT_PARAMOUT),
            frt_out_f32(r, FRT_RMSPROP_OUT_MOMENTOUT),
            frt_out_f32(r, FRT_RMSPROP_OUT_MEANSQUAREOUT), mean_out},
      .in = {frt_in_f32(r, FRT_RMSPROP_IN_MOMENT), frt_in_f32(r, FRT_RMSPROP_IN_MEANSQUARE),
             mean},
      .p = frt_in_f32(r, FRT_RMSPROP_IN_PARAM),
      .g = frt_in_f32(r, FRT_RMSPROP_IN_GRAD),
      .k = {s->decay, 1.0f - s->decay, s->epsilon, s->momentum,
            frt_in_f32(r, FRT_RMSPROP_IN_LEARNINGRATE)[0]}};
  (void)err;
  /* Without `centered` the mean gradient stays; as a rule it is the same memory. */
  if (!s->centered && mean_out && mean_out != mean && n)
    memcpy(mean_out, mean, (size_t)n * sizeof *mean);
  frt_cpu_for(r, n, FRT_CPU_GRAIN, s->centered ? centered_step : rmsprop_step, &u);
  return FRT_OK;
}

/* ---- ftrl ---------------------------------------------------------------------------- */

/* K0 l1, K1 2 l2, K2 rate, K3 power; a, b the accumulators. */
#define FTRL(root)                                                            \
  const float n = a[i] + g[i] * g[i]; const float now = root(n);              \
  const float z = b[i] + g[i] - (now - root(a[i])) / K2 * p[i];               \
  const float y = now / K2 + K1; const float sl = z > 0.0f ? K0 : z < 0.0f ? -K0 : 0.0f; \
  const float x = sl - z;                                                     \
  o1[i] = n; o2[i] = z; o0[i] = __builtin_fabsf(z) > K0 ? x / y : 0.0f;
#define POWER(v) powf(v, K3)
FRT_CPU_UPDATE(ftrl_root, FTRL(ROOT))
FRT_CPU_UPDATE(ftrl_power, FTRL(POWER))

typedef struct { float l1, l2, power; } ftrl_t;

static frt_status_t ftrl_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  ftrl_t *s = (ftrl_t *)state;
  (void)workspace, (void)err;
  s->l1 = frt_attr_f32(op, FRT_FTRL_ATTR_L1);
  s->l2 = frt_attr_f32(op, FRT_FTRL_ATTR_L2);
  s->power = -frt_attr_f32(op, FRT_FTRL_ATTR_LR_POWER);
  return FRT_OK;
}

static frt_status_t ftrl_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const ftrl_t *s = (const ftrl_t *)state;
  const int root = s->power == 0.5f;
  frt_cpu_update_t u = {
      .o = {frt_out_f32(r, FRT_FTRL_OUT_PARAMOUT),
            frt_out_f32(r, FRT_FTRL_OUT_SQUAREDACCUMOUT),
            frt_out_f32(r, FRT_FTRL_OUT_LINEARACCUMOUT)},
      .in = {frt_in_f32(r, FRT_FTRL_IN_SQUAREDACCUMULATOR),
             frt_in_f32(r, FRT_FTRL_IN_LINEARACCUMULATOR)},
      .p = frt_in_f32(r, FRT_FTRL_IN_PARAM),
      .g = frt_in_f32(r, FRT_FTRL_IN_GRAD),
      .k = {s->l1, 2.0f * s->l2, frt_in_f32(r, FRT_FTRL_IN_LEARNINGRATE)[0], s->power}};
  (void)err;
  frt_cpu_for(r, frt_in_numel(r, FRT_FTRL_IN_PARAM),
              root ? FRT_CPU_GRAIN : FRT_CPU_GRAIN_MATH, root ? ftrl_root : ftrl_power, &u);
  return FRT_OK;
}

FRT_KERNELS(cpu, optimizer_adaptive) = {
    FRT_KERNEL("adagrad", FRT_F32S, adagrad, FLAGS),
    {"decayed_adagrad", FRT_F32S, sizeof(adagrad_t), decayed_prepare, adagrad_run, FLAGS,
     NULL},
    FRT_KERNEL("adadelta", FRT_F32S, adadelta, FLAGS),
    FRT_KERNEL("rmsprop", FRT_F32S, rmsprop, FLAGS),
    FRT_KERNEL("ftrl", FRT_F32S, ftrl, FLAGS),
    FRT_KERNELS_END};
