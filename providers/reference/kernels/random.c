#include "ref.h"

#include "fluidrt/rng.h"

/* Arithmetic in fp32, as Fluid's: the numbers are meant to be equal bit for bit. The
 * values are fp32 numbers in double. */
static frt_status_t uniform(const ref_call_t *c, frt_error_t *err) {
  const float lo = frt_attr_f32(c->op, FRT_UNIFORM_RANDOM_ATTR_MIN);
  const float hi = frt_attr_f32(c->op, FRT_UNIFORM_RANDOM_ATTR_MAX);
  const ref_tensor_t *out = ref_out(c, FRT_UNIFORM_RANDOM_OUT_OUT);
  const float width = hi - lo;
  uint32_t state = (uint32_t)c->rng_state;
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    float v;
    state = frt_rng_next(state);
    v = frt_rng_unit(state) * width;
    v = v + lo;
    ref_put_own(out, i, v);
  }
  return FRT_OK;
}

static frt_status_t gaussian(const ref_call_t *c, frt_error_t *err) {
  const float mean = frt_attr_f32(c->op, FRT_GAUSSIAN_RANDOM_ATTR_MEAN);
  const float std = frt_attr_f32(c->op, FRT_GAUSSIAN_RANDOM_ATTR_STD);
  const ref_tensor_t *out = ref_out(c, FRT_GAUSSIAN_RANDOM_OUT_OUT);
  uint32_t state = (uint32_t)c->rng_state;
  int64_t i = 0;
  (void)err;
  while (i < out->n) {
    const uint32_t first = frt_rng_next(state);
    float pair[2];
    state = frt_rng_next(first);
    if (!frt_rng_gaussian_pair(first, state, pair)) continue;
    for (int k = 0; k < 2 && i < out->n; ++k, ++i) {
      const float v = pair[k] * std;
      ref_put(out, i, v + mean, fabs((double)v) + fabs((double)mean));
    }
  }
  return FRT_OK;
}

static frt_status_t truncated(const ref_call_t *c, frt_error_t *err) {
  const double mean = frt_attr_f32(c->op, FRT_TRUNCATED_GAUSSIAN_RANDOM_ATTR_MEAN);
  const double std = frt_attr_f32(c->op, FRT_TRUNCATED_GAUSSIAN_RANDOM_ATTR_STD);
  const ref_tensor_t *out = ref_out(c, FRT_TRUNCATED_GAUSSIAN_RANDOM_OUT_OUT);
  uint32_t state = (uint32_t)c->rng_state;
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    double v;
    state = frt_rng_next(state);
    v = std * frt_rng_truncated(state);
    ref_put(out, i, mean + v, fabs(mean) + fabs(v));
  }
  return FRT_OK;
}

REF_KERNELS(random) = {{"uniform_random", FRT_F32S, uniform, NULL, 0},
                       {"gaussian_random", FRT_F32S, gaussian, NULL, 0},
                       {"truncated_gaussian_random", FRT_F32S, truncated, NULL, 0},
                       REF_END};
