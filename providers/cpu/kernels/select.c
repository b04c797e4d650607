#include "fluidrt/kernel.h"
#include "fluidrt/op_index.h"

static frt_status_t select_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const int32_t which = *(const int32_t *)frt_in(r, FRT_SELECT_INPUT_IN_MASK)->data;
  const uint32_t count = r->in[FRT_SELECT_INPUT_IN_X].count;
  const frt_api_tensor_t *out = frt_out(r, FRT_SELECT_INPUT_OUT_OUT), *from;
  (void)state;
  if (which < 0 || (uint32_t)which >= count) {
    frt_fail(err, FRT_OUT_OF_RANGE, "Mask: position 0 is %d; wanted 0 to %u", (int)which,
             count - 1);
    if (err) snprintf(err->name, sizeof err->name, "Mask");
    return FRT_OUT_OF_RANGE;
  }
  from = frt_in_at(r, FRT_SELECT_INPUT_IN_X, which);
  if (out->bytes && out->data != from->data) memmove(out->data, from->data, out->bytes);
  return FRT_OK;
}

FRT_KERNELS(cpu, select) = {
    FRT_KERNEL_PLAIN("select_input", FRT_ANY_DTYPE, select, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
