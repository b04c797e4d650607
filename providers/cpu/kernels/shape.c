#include "fluidrt/op_index.h"
#include "loop.h"
#undef A
#undef B

/* All of these have what is copied in their first slots; XShape has no data. */
static frt_status_t copy_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  (void)state, (void)err;
  if (!frt_has_out(r, 0)) return FRT_OK;
  const frt_api_tensor_t *from = frt_in(r, 0), *to = frt_out(r, 0);
  if (to->bytes && to->data != from->data) memcpy(to->data, from->data, (size_t)to->bytes);
  return FRT_OK;
}

typedef struct {
  uint32_t rank;
  int32_t dims[FRT_MAX_RANK];
} shape_t;

static frt_status_t shape_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  shape_t *s = (shape_t *)state;
  const frt_api_tensor_t *x = frt_in(op, FRT_SHAPE_IN_INPUT);
  (void)workspace, (void)err;
  s->rank = x->rank;
  for (uint32_t d = 0; d < x->rank; ++d) s->dims[d] = (int32_t)x->dims[d];
  return FRT_OK;
}

static frt_status_t shape_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const shape_t *s = (const shape_t *)state;
  (void)err;
  if (s->rank)
    memcpy(frt_out(r, FRT_SHAPE_OUT_OUT)->data, s->dims, s->rank * sizeof *s->dims);
  return FRT_OK;
}

#define COPY(type) \
  FRT_KERNEL_PLAIN(type, FRT_ANY_DTYPE, copy, FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
FRT_KERNELS(cpu, shape) = {
    COPY("squeeze2"),
    COPY("squeeze2_grad"),
    COPY("unsqueeze2"),
    COPY("unsqueeze2_grad"),
    COPY("flatten2"),
    COPY("flatten2_grad"),
    COPY("flatten_contiguous_range"),
    COPY("flatten_contiguous_range_grad"),
    FRT_KERNEL("shape", FRT_ANY_DTYPE, shape, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
