#include <math.h>

#include "fluidrt/op_index.h"
#include "sums.h"
#include "update.h"

/* K0 beta1, K1 1 - beta1, K2 beta2, K3 1 - beta2, K4 epsilon: a, b are the moments. */
#define MOMENTS                                   \
  const float m = K0 * a[i] + K1 * g[i];          \
  const float v = K2 * b[i] + K3 * (g[i] * g[i]);

/* K5 rate */
FRT_CPU_UPDATE(adam_step, MOMENTS o1[i] = m; o2[i] = v;
               o0[i] = p[i] - K5 * (m / (__builtin_sqrtf(v) + K4));)
FRT_CPU_UPDATE(adamax_step, const float m = K0 * a[i] + K1 * g[i];
               const float size = __builtin_fabsf(g[i]); const float kept = K2 * b[i] + K4;
               const float n = size > kept ? size : kept; o1[i] = m; o2[i] = n;
               o0[i] = p[i] - K5 * (m / n);)
/* K5 decay; o0 is the direction, not the parameter. */
FRT_CPU_UPDATE(lamb_direction, MOMENTS o1[i] = m; o2[i] = v;
               o0[i] = m / (__builtin_sqrtf(v) + K4) + K5 * p[i];)
FRT_CPU_LOOP(lamb_step, A - P * B)
#undef A
#undef B
FRT_CPU_SUM_BLOCK(square_sum, u * u)

typedef struct { float beta1, beta2, epsilon, decay; } adam_t;

/* The complements in fp32, as the betas are. */
static void constants(const adam_t *s, float rate, float k[8]) {
  k[0] = s->beta1;
  k[1] = 1.0f - s->beta1;
  k[2] = s->beta2;
  k[3] = 1.0f - s->beta2;
  k[4] = s->epsilon;
  k[5] = rate;
}

static frt_status_t adam_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  adam_t *s = (adam_t *)state;
  (void)workspace, (void)err;
  s->beta1 = frt_attr_f32(op, FRT_ADAM_ATTR_BETA1);
  s->beta2 = frt_attr_f32(op, FRT_ADAM_ATTR_BETA2);
  s->epsilon = frt_attr_f32(op, FRT_ADAM_ATTR_EPSILON);
  return FRT_OK;
}

/* Both powers are read before their outputs, the same memory, are written. */
static frt_status_t adam_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const adam_t *s = (const adam_t *)state;
  const float pow1 = frt_in_f32(r, FRT_ADAM_IN_BETA1POW)[0];
  const float pow2 = frt_in_f32(r, FRT_ADAM_IN_BETA2POW)[0];
  frt_cpu_update_t u = {
      .o = {frt_out_f32(r, FRT_ADAM_OUT_PARAMOUT), frt_out_f32(r, FRT_ADAM_OUT_MOMENT1OUT),
            frt_out_f32(r, FRT_ADAM_OUT_MOMENT2OUT)},
      .in = {frt_in_f32(r, FRT_ADAM_IN_MOMENT1), frt_in_f32(r, FRT_ADAM_IN_MOMENT2)},
      .p = frt_in_f32(r, FRT_ADAM_IN_PARAM),
      .g = frt_in_f32(r, FRT_ADAM_IN_GRAD)};
  (void)err;
  constants(s, frt_in_f32(r, FRT_ADAM_IN_LEARNINGRATE)[0] * sqrtf(1.0f - pow2) /
                   (1.0f - pow1), u.k);
  frt_cpu_for(r, frt_in_numel(r, FRT_ADAM_IN_PARAM), FRT_CPU_GRAIN, adam_step, &u);
  frt_out_f32(r, FRT_ADAM_OUT_BETA1POWOUT)[0] = s->beta1 * pow1;
  frt_out_f32(r, FRT_ADAM_OUT_BETA2POWOUT)[0] = s->beta2 * pow2;
  return FRT_OK;
}

typedef adam_t adamax_t;
static frt_status_t adamax_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  adam_t *s = (adam_t *)state;
  (void)workspace, (void)err;
  s->beta1 = frt_attr_f32(op, FRT_ADAMAX_ATTR_BETA1);
  s->beta2 = frt_attr_f32(op, FRT_ADAMAX_ATTR_BETA2);
  s->epsilon = frt_attr_f32(op, FRT_ADAMAX_ATTR_EPSILON);
  return FRT_OK;
}

static frt_status_t adamax_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const float lr = frt_in_f32(r, FRT_ADAMAX_IN_LEARNINGRATE)[0];
  frt_cpu_update_t u = {
      .o = {frt_out_f32(r, FRT_ADAMAX_OUT_PARAMOUT),
            frt_out_f32(r, FRT_ADAMAX_OUT_MOMENTOUT),
            frt_out_f32(r, FRT_ADAMAX_OUT_INFNORMOUT)},
      .in = {frt_in_f32(r, FRT_ADAMAX_IN_MOMENT), frt_in_f32(r, FRT_ADAMAX_IN_INFNORM)},
      .p = frt_in_f32(r, FRT_ADAMAX_IN_PARAM),
      .g = frt_in_f32(r, FRT_ADAMAX_IN_GRAD)};
  (void)err;
  constants((const adam_t *)state,
            lr / (1.0f - frt_in_f32(r, FRT_ADAMAX_IN_BETA1POW)[0]), u.k);
  frt_cpu_for(r, frt_in_numel(r, FRT_ADAMAX_IN_PARAM), FRT_CPU_GRAIN, adamax_step, &u);
  return FRT_OK;
}

/* Workspace: the direction, one float an element, then the partial sums of a norm. */
static size_t direction_bytes(int64_t n) { return ((size_t)n * sizeof(float) + 63) / 64 * 64; }

typedef adam_t lamb_t;
static frt_status_t lamb_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  adam_t *s = (adam_t *)state;
  const int64_t n = frt_in_numel(op, FRT_LAMB_IN_PARAM);
  (void)err;
  s->beta1 = frt_attr_f32(op, FRT_LAMB_ATTR_BETA1);
  s->beta2 = frt_attr_f32(op, FRT_LAMB_ATTR_BETA2);
  s->epsilon = frt_attr_f32(op, FRT_LAMB_ATTR_EPSILON);
  s->decay = frt_attr_f32(op, FRT_LAMB_ATTR_WEIGHT_DECAY);
  *workspace = direction_bytes(n) + (uint64_t)frt_cpu_blocks(n) * sizeof(double);
  return FRT_OK;
}

static double norm(const frt_run_t *r, const float *x, int64_t n) {
  frt_cpu_sum_t s = {square_sum, x, x, n,
                     (double *)frt_cpu_workspace(r, (int64_t)direction_bytes(n))};
  return sqrt(frt_cpu_sum_all(r, &s));
}

static frt_status_t lamb_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const adam_t *s = (const adam_t *)state;
  const int64_t n = frt_in_numel(r, FRT_LAMB_IN_PARAM);
  const float *p = frt_in_f32(r, FRT_LAMB_IN_PARAM);
  float *direction = (float *)r->workspace;
  frt_cpu_update_t u = {
      .o = {direction, frt_out_f32(r, FRT_LAMB_OUT_MOMENT1OUT),
            frt_out_f32(r, FRT_LAMB_OUT_MOMENT2OUT)},
      .in = {frt_in_f32(r, FRT_LAMB_IN_MOMENT1), frt_in_f32(r, FRT_LAMB_IN_MOMENT2)},
      .p = p,
      .g = frt_in_f32(r, FRT_LAMB_IN_GRAD)};
  frt_cpu_ew_t e = {frt_out_f32(r, FRT_LAMB_OUT_PARAMOUT), p, direction,
                    frt_in_f32(r, FRT_LAMB_IN_LEARNINGRATE)[0], 0};
  (void)err;
  constants(s, s->decay, u.k);
  frt_cpu_for(r, n, FRT_CPU_GRAIN, lamb_direction, &u);
  const double pn = norm(r, p, n), rn = norm(r, direction, n);
  /* A NaN norm counts as not greater. */
  if (pn > 0.0 && rn > 0.0) e.p = (float)((double)e.p * pn / rn);
  frt_cpu_for(r, n, FRT_CPU_GRAIN, lamb_step, &e);
  return FRT_OK;
}

#define ROW(type, stem) \
  FRT_KERNEL(type, FRT_F32S, stem, FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
FRT_KERNELS(cpu, optimizer_adam) = {ROW("adam", adam), ROW("adamax", adamax),
                                    ROW("lamb", lamb), FRT_KERNELS_END};
