#include <math.h>

#include "fluidrt/op_index.h"
#include "sums.h"

/* Not fminf and fmaxf: those turn NaN into a bound. */
FRT_CPU_LOOP(clip, A < P ? P : A > Q ? Q : A)
FRT_CPU_LOOP(clip_grad, B > P && B < Q ? A : 0.0f)
FRT_CPU_LOOP(times, A * P)
FRT_CPU_SUM_BLOCK(squares, u * u)

typedef struct { float lo, hi; } clip_t;

static frt_status_t clip_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  clip_t *c = (clip_t *)state;
  (void)workspace, (void)err;
  c->lo = frt_attr_f32(op, FRT_CLIP_ATTR_MIN);
  c->hi = frt_attr_f32(op, FRT_CLIP_ATTR_MAX);
  return FRT_OK;
}
static frt_status_t clip_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const clip_t *c = (const clip_t *)state;
  frt_cpu_ew_t e = {frt_out_f32(r, FRT_CLIP_OUT_OUT), frt_in_f32(r, FRT_CLIP_IN_X), NULL,
                    c->lo, c->hi};
  (void)err;
  frt_cpu_for(r, frt_in_numel(r, FRT_CLIP_IN_X), FRT_CPU_GRAIN, clip, &e);
  return FRT_OK;
}

typedef clip_t clip_grad_t;

static frt_status_t clip_grad_prepare(const frt_op_t *op, void *state,
                                      uint64_t *workspace, frt_error_t *err) {
  clip_grad_t *c = (clip_grad_t *)state;
  (void)workspace, (void)err;
  c->lo = frt_attr_f32(op, FRT_CLIP_GRAD_ATTR_MIN);
  c->hi = frt_attr_f32(op, FRT_CLIP_GRAD_ATTR_MAX);
  return FRT_OK;
}
static frt_status_t clip_grad_run(const void *state, const frt_run_t *r,
                                  frt_error_t *err) {
  const clip_grad_t *c = (const clip_grad_t *)state;
  frt_cpu_ew_t e;
  (void)err;
  if (!frt_has_out(r, FRT_CLIP_GRAD_OUT_X_GRAD)) return FRT_OK;
  e = (frt_cpu_ew_t){frt_out_f32(r, FRT_CLIP_GRAD_OUT_X_GRAD),
                     frt_in_f32(r, FRT_CLIP_GRAD_IN_OUT_GRAD),
                     frt_in_f32(r, FRT_CLIP_GRAD_IN_X), c->lo, c->hi};
  frt_cpu_for(r, frt_in_numel(r, FRT_CLIP_GRAD_IN_X), FRT_CPU_GRAIN, clip_grad, &e);
  return FRT_OK;
}

typedef struct { float most; } by_norm_t;

static frt_status_t by_norm_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  (void)err;
  ((by_norm_t *)state)->most = frt_attr_f32(op, FRT_CLIP_BY_NORM_ATTR_MAX_NORM);
  *workspace = (uint64_t)frt_cpu_blocks(frt_in_numel(op, FRT_CLIP_BY_NORM_IN_X)) *
               sizeof(double);
  return FRT_OK;
}
/* Zeros stay zeros: their norm is within any bound. A NaN norm gives NaN. */
static frt_status_t by_norm_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const float most = ((const by_norm_t *)state)->most;
  const float *x = frt_in_f32(r, FRT_CLIP_BY_NORM_IN_X);
  const int64_t n = frt_in_numel(r, FRT_CLIP_BY_NORM_IN_X);
  frt_cpu_sum_t s = {squares, x, x, n, (double *)r->workspace};
  const double norm = sqrt(frt_cpu_sum_all(r, &s));
  frt_cpu_ew_t e = {frt_out_f32(r, FRT_CLIP_BY_NORM_OUT_OUT), x, NULL,
                    norm <= (double)most ? 1.0f : (float)((double)most / norm), 0};
  (void)err;
  frt_cpu_for(r, n, FRT_CPU_GRAIN, times, &e);
  return FRT_OK;
}

#define FLAGS (FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
FRT_KERNELS(cpu, clip) = {FRT_KERNEL("clip", FRT_F32S, clip, FLAGS),
                          FRT_KERNEL("clip_grad", FRT_F32S, clip_grad, FLAGS),
                          FRT_KERNEL("clip_by_norm", FRT_F32S, by_norm, FLAGS),
                          FRT_KERNELS_END};
