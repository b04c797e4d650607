#include "ref.h"

static frt_status_t out_of_range(int64_t mask, uint32_t count, frt_error_t *err) {
  frt_fail(err, FRT_OUT_OF_RANGE, "Mask: position 0 is %lld; wanted 0 to %u",
           (long long)mask, count - 1);
  if (err) snprintf(err->name, sizeof err->name, "Mask");
  return FRT_OUT_OF_RANGE;
}

static frt_status_t select_input(const ref_call_t *c, frt_error_t *err) {
  const ref_slot_t *xs = &c->in[FRT_SELECT_INPUT_IN_X];
  const ref_tensor_t *mask = ref_in(c, FRT_SELECT_INPUT_IN_MASK);
  const ref_tensor_t *out = ref_out(c, FRT_SELECT_INPUT_OUT_OUT);
  const int64_t which = mask->i ? mask->i[0] : (int64_t)mask->v[0];
  if (which < 0 || which >= (int64_t)xs->count) return out_of_range(which, xs->count, err);
  for (int64_t i = 0; i < out->n; ++i) {
    if (out->i) out->i[i] = xs->t[which].i[i];
    else ref_put_own(out, i, xs->t[which].v[i]);
  }
  return FRT_OK;
}

static frt_status_t select_output(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_SELECT_OUTPUT_IN_X);
  const ref_tensor_t *mask = ref_in(c, FRT_SELECT_OUTPUT_IN_MASK);
  const ref_slot_t *outs = &c->out[FRT_SELECT_OUTPUT_OUT_OUT];
  const int64_t which = mask->i ? mask->i[0] : (int64_t)mask->v[0];
  if (which < 0 || which >= (int64_t)outs->count)
    return out_of_range(which, outs->count, err);
  for (uint32_t k = 0; k < outs->count; ++k) {
    const ref_tensor_t *out = &outs->t[k];
    for (int64_t i = 0; i < out->n; ++i) {
      const int here = k == (uint32_t)which;
      if (out->i) out->i[i] = here ? x->i[i] : 0;
      else ref_put_own(out, i, here ? x->v[i] : 0);
    }
  }
  return FRT_OK;
}

REF_KERNELS(select) = {{"select_input", FRT_ANY_DTYPE, select_input, select_input, 0},
                       {"select_output", FRT_ANY_DTYPE, select_output, select_output, 0},
                       REF_END};
