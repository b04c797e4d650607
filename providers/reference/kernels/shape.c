#include "ref.h"

/* The order of the elements stays; XShape has no elements. */
static frt_status_t copy(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *from = ref_in(c, 0), *to = ref_out(c, 0);
  (void)err;
  for (int64_t i = 0; to && i < from->n; ++i) ref_put_own(to, i, from->v[i]);
  return FRT_OK;
}

static frt_status_t shape(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *in = ref_in(c, FRT_SHAPE_IN_INPUT);
  const ref_tensor_t *out = ref_out(c, FRT_SHAPE_OUT_OUT);
  (void)err;
  for (uint32_t d = 0; d < in->meta->rank; ++d)
    ref_put(out, d, (double)in->meta->dims[d], 0.0);
  return FRT_OK;
}

#define COPY(type) {type, FRT_ANY_DTYPE, copy, NULL, REF_BYTES}
REF_KERNELS(shape) = {COPY("squeeze2"),
                      COPY("squeeze2_grad"),
                      COPY("unsqueeze2"),
                      COPY("unsqueeze2_grad"),
                      COPY("flatten2"),
                      COPY("flatten2_grad"),
                      COPY("flatten_contiguous_range"),
                      COPY("flatten_contiguous_range_grad"),
                      {"shape", FRT_ANY_DTYPE, shape, NULL, 0},
                      REF_END};
