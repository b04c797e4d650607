#include "fluidrt/op_index.h"
#include "loop.h"
#undef A
#undef B

static void copy_bytes(const frt_api_tensor_t *from, const frt_api_tensor_t *to) {
  if (to->bytes && to->data != from->data) memcpy(to->data, from->data, (size_t)to->bytes);
}

/* XShape has no data: its dims were inferred. */
static frt_status_t reshape_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  (void)state, (void)err;
  copy_bytes(frt_in(r, FRT_RESHAPE2_IN_X), frt_out(r, FRT_RESHAPE2_OUT_OUT));
  return FRT_OK;
}

static frt_status_t reshape_grad_run(const void *state, const frt_run_t *r,
                                     frt_error_t *err) {
  (void)state, (void)err;
  if (frt_has_out(r, FRT_RESHAPE2_GRAD_OUT_X_GRAD))
    copy_bytes(frt_in(r, FRT_RESHAPE2_GRAD_IN_OUT_GRAD),
               frt_out(r, FRT_RESHAPE2_GRAD_OUT_X_GRAD));
  return FRT_OK;
}

#define FLAGS (FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
FRT_KERNELS(cpu, reshape) = {
    FRT_KERNEL_PLAIN("reshape2", FRT_ANY_DTYPE, reshape, FLAGS),
    FRT_KERNEL_PLAIN("reshape2_grad", FRT_ANY_DTYPE, reshape_grad, FLAGS),
    FRT_KERNELS_END};
