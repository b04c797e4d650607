#include "fluidrt/rng.h"
#include "ref.h"

static int upscales(const ref_call_t *c, int attr) {
  return !strcmp(frt_attr_str(c->op, attr), "upscale_in_train");
}

/* Seed 0 is a seed too when it is meant. */
static uint32_t first_state(const ref_call_t *c) {
  if (frt_attr_bool(c->op, FRT_DROPOUT_ATTR_FIX_SEED) &&
      frt_attr_i64(c->op, FRT_DROPOUT_ATTR_SEED) == 0)
    return frt_rng_seed(0);
  return (uint32_t)c->rng_state;
}

/* 1 - p is rounded to fp32, as in Fluid; the product or quotient is not. */
static frt_status_t dropout(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_DROPOUT_IN_X), *out = ref_out(c, FRT_DROPOUT_OUT_OUT);
  const ref_tensor_t *mask = ref_out(c, FRT_DROPOUT_OUT_MASK);
  const float p = frt_attr_f32(c->op, FRT_DROPOUT_ATTR_DROPOUT_PROB), keep = 1.0f - p;
  const int up = upscales(c, FRT_DROPOUT_ATTR_DROPOUT_IMPLEMENTATION);
  const int test = frt_attr_bool(c->op, FRT_DROPOUT_ATTR_IS_TEST);
  uint32_t state = first_state(c);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    int kept = 1;
    double v = x->v[i];
    if (test) {
      if (!up) v *= (double)keep;
    } else {
      state = frt_rng_next(state);
      kept = frt_rng_unit(state) >= p;
      v = !kept ? 0.0 : up ? v / (double)keep : v;
    }
    ref_put_own(out, i, v);
    if (mask) ref_put(mask, i, kept, 0.0);
  }
  return FRT_OK;
}

static frt_status_t dropout_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *mask = ref_in(c, FRT_DROPOUT_GRAD_IN_MASK);
  const ref_tensor_t *g = ref_in(c, FRT_DROPOUT_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_DROPOUT_GRAD_OUT_X_GRAD);
  const float keep = 1.0f - frt_attr_f32(c->op, FRT_DROPOUT_GRAD_ATTR_DROPOUT_PROB);
  const int up = upscales(c, FRT_DROPOUT_GRAD_ATTR_DROPOUT_IMPLEMENTATION);
  (void)err;
  for (int64_t i = 0; dx && i < dx->n; ++i)
    ref_put_own(dx, i, mask->v[i] == 0 ? 0.0 : up ? g->v[i] / (double)keep : g->v[i]);
  return FRT_OK;
}

REF_KERNELS(dropout) = {{"dropout", FRT_FLOATS, dropout, NULL, 0},
                        {"dropout_grad", FRT_DTYPE_BIT(FRT_U8), dropout_grad, NULL, 0},
                        REF_END};
