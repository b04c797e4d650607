#include "ref.h"

/* Strides of t, whose first dim lies at `axis`, over an output of rank `rank`; 0 where
 * t is repeated. */
static void lay(const frt_api_tensor_t *t, uint32_t rank, int64_t axis, int64_t *strides) {
  int64_t step = 1;
  const int64_t at = axis < 0 ? (int64_t)rank - t->rank : axis;
  for (uint32_t d = 0; d < rank; ++d) strides[d] = 0;
  for (uint32_t d = t->rank; d-- > 0;) {
    /* Trailing extents of 1 may stick out at the end: they are dropped. */
    if (at + d >= 0 && at + d < rank && t->dims[d] != 1) strides[at + d] = step;
    step *= t->dims[d];
  }
}

ref_broadcast_t frt_reference_broadcast(const frt_api_tensor_t *x,
    const frt_api_tensor_t *y, const frt_api_tensor_t *out, int64_t axis) {
  ref_broadcast_t b;
  memset(&b, 0, sizeof b);
  b.rank = out->rank;
  b.n = out->numel;
  for (uint32_t d = 0; d < b.rank; ++d) b.dims[d] = out->dims[d];
  lay(x, b.rank, 0, b.xs);
  lay(y, b.rank, axis, b.ys);
  return b;
}

void frt_reference_locate(const ref_broadcast_t *b, int64_t at, int64_t *x, int64_t *y) {
  *x = *y = 0;
  for (uint32_t d = b->rank; d-- > 0; at /= b->dims[d]) {
    *x += at % b->dims[d] * b->xs[d];
    *y += at % b->dims[d] * b->ys[d];
  }
}
