#include "fluidrt/kernel.h"
#include "fluidrt/op_index.h"
#include "fluidrt/rng.h"

typedef struct { int64_t low; uint32_t range; } randint_t;

static frt_status_t randint_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  randint_t *s = (randint_t *)state;
  (void)workspace, (void)err;
  s->low = frt_attr_i64(op, FRT_RANDINT_ATTR_LOW);
  s->range = (uint32_t)(frt_attr_i64(op, FRT_RANDINT_ATTR_HIGH) - 1 - s->low);
  return FRT_OK;
}

/* How many draws a number takes is known only on the way: one after another. */
static frt_status_t randint_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const randint_t *s = (const randint_t *)state;
  const frt_api_tensor_t *out = frt_out(r, FRT_RANDINT_OUT_OUT);
  uint32_t x = (uint32_t)r->rng_state;
  (void)err;
  for (int64_t i = 0; i < out->numel; ++i) {
    const int64_t v = s->low + (int64_t)frt_rng_range(&x, s->range);
    if (out->dtype == FRT_I64) ((int64_t *)out->data)[i] = v;
    else ((int32_t *)out->data)[i] = (int32_t)v;
  }
  return FRT_OK;
}

FRT_KERNELS(cpu, random_more) = {
    FRT_KERNEL("randint", FRT_INTS, randint, FRT_KERNEL_DETERMINISTIC), FRT_KERNELS_END};
