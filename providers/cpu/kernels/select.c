#include "fluidrt/kernel.h"
#include "fluidrt/op_index.h"

static frt_status_t out_of_range(int32_t which, uint32_t count, frt_error_t *err) {
  frt_fail(err, FRT_OUT_OF_RANGE, "Mask: position 0 is %d; wanted 0 to %u", (int)which,
           count - 1);
  if (err) snprintf(err->name, sizeof err->name, "Mask");
  return FRT_OUT_OF_RANGE;
}

static frt_status_t select_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const int32_t which = *(const int32_t *)frt_in(r, FRT_SELECT_INPUT_IN_MASK)->data;
  const uint32_t count = r->in[FRT_SELECT_INPUT_IN_X].count;
  const frt_api_tensor_t *out = frt_out(r, FRT_SELECT_INPUT_OUT_OUT), *from;
  (void)state;
  if (which < 0 || (uint32_t)which >= count) return out_of_range(which, count, err);
  from = frt_in_at(r, FRT_SELECT_INPUT_IN_X, which);
  if (out->bytes && out->data != from->data) memmove(out->data, from->data, out->bytes);
  return FRT_OK;
}

static frt_status_t scatter_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const int32_t which = *(const int32_t *)frt_in(r, FRT_SELECT_OUTPUT_IN_MASK)->data;
  const uint32_t count = r->out[FRT_SELECT_OUTPUT_OUT_OUT].count;
  const frt_api_tensor_t *x = frt_in(r, FRT_SELECT_OUTPUT_IN_X);
  (void)state;
  if (which < 0 || (uint32_t)which >= count) return out_of_range(which, count, err);
  for (uint32_t k = 0; k < count; ++k) {
    const frt_api_tensor_t *out = frt_out_at(r, FRT_SELECT_OUTPUT_OUT_OUT, k);
    if (!out->bytes) continue;
    if (k == (uint32_t)which) memcpy(out->data, x->data, out->bytes);
    else memset(out->data, 0, out->bytes);
  }
  return FRT_OK;
}

FRT_KERNELS(cpu, select) = {
    FRT_KERNEL_PLAIN("select_input", FRT_ANY_DTYPE, select, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL_PLAIN("select_output", FRT_ANY_DTYPE, scatter, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
