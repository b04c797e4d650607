#include "ref.h"

static frt_status_t clip(const ref_call_t *c, frt_error_t *err) {
  const double lo = frt_attr_f32(c->op, FRT_CLIP_ATTR_MIN);
  const double hi = frt_attr_f32(c->op, FRT_CLIP_ATTR_MAX);
  const ref_tensor_t *x = ref_in(c, FRT_CLIP_IN_X), *out = ref_out(c, FRT_CLIP_OUT_OUT);
  (void)err;
  for (int64_t i = 0; i < x->n; ++i) /* NaN compares false twice and stays */
    ref_put_own(out, i, x->v[i] < lo ? lo : x->v[i] > hi ? hi : x->v[i]);
  return FRT_OK;
}

static frt_status_t clip_grad(const ref_call_t *c, frt_error_t *err) {
  const double lo = frt_attr_f32(c->op, FRT_CLIP_GRAD_ATTR_MIN);
  const double hi = frt_attr_f32(c->op, FRT_CLIP_GRAD_ATTR_MAX);
  const ref_tensor_t *x = ref_in(c, FRT_CLIP_GRAD_IN_X);
  const ref_tensor_t *g = ref_in(c, FRT_CLIP_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_CLIP_GRAD_OUT_X_GRAD);
  (void)err;
  for (int64_t i = 0; dx && i < x->n; ++i)
    ref_put_own(dx, i, x->v[i] > lo && x->v[i] < hi ? g->v[i] : 0.0);
  return FRT_OK;
}

static frt_status_t clip_by_norm(const ref_call_t *c, frt_error_t *err) {
  const double max = frt_attr_f32(c->op, FRT_CLIP_BY_NORM_ATTR_MAX_NORM);
  const ref_tensor_t *x = ref_in(c, FRT_CLIP_BY_NORM_IN_X);
  const ref_tensor_t *out = ref_out(c, FRT_CLIP_BY_NORM_OUT_OUT);
  double norm = 0;
  (void)err;
  for (int64_t i = 0; i < x->n; ++i) norm += x->v[i] * x->v[i];
  norm = sqrt(norm);
  /* A NaN norm scales: NaN everywhere. Zeros stay zeros, where Fluid gives NaN. */
  for (int64_t i = 0; i < x->n; ++i)
    ref_put_own(out, i, norm <= max ? x->v[i] : x->v[i] * max / norm);
  return FRT_OK;
}

REF_KERNELS(clip) = {{"clip", FRT_FLOATS, clip, NULL, 0},
                     {"clip_grad", FRT_FLOATS, clip_grad, NULL, 0},
                     {"clip_by_norm", FRT_FLOATS, clip_by_norm, NULL, 0},
                     REF_END};
