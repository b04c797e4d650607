#include "fluidrt/rng.h"
#include "ref.h"

static frt_status_t randint(const ref_call_t *c, frt_error_t *err) {
  const int64_t low = frt_attr_i64(c->op, FRT_RANDINT_ATTR_LOW);
  const int64_t high = frt_attr_i64(c->op, FRT_RANDINT_ATTR_HIGH);
  const ref_tensor_t *out = ref_out(c, FRT_RANDINT_OUT_OUT);
  uint32_t state = (uint32_t)c->rng_state;
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    const int64_t v = low + (int64_t)frt_rng_range(&state, (uint32_t)(high - 1 - low));
    if (out->i) out->i[i] = v;
    else ref_put(out, i, (double)v, 0.0);
  }
  return FRT_OK;
}

REF_KERNELS(random_more) = {{"randint", FRT_INTS, randint, randint, 0}, REF_END};
