/* Y of an elementwise op laid over X at `axis`, reduced to the fewest loops. */
#ifndef FRT_CPU_BROADCAST_H
#define FRT_CPU_BROADCAST_H

#include "fluidrt/kernel.h"

/* n: extents after joining neighbours, outermost first; ys: strides of Y, 0 where it
 * is repeated. X (and the output) are dense. The last loop has ys 1 or 0. */
typedef struct frt_cpu_broadcast {
  int32_t rank;
  int32_t repeated; /* Y has fewer elements than X */
  int64_t numel, rows, inner;
  int64_t n[FRT_MAX_RANK], ys[FRT_MAX_RANK];
} frt_cpu_broadcast_t;

static inline void frt_cpu_broadcast_dims(frt_cpu_broadcast_t *b, const int64_t *dims,
                                          const int64_t *yd, int rank) {
  int64_t n[FRT_MAX_RANK], ys[FRT_MAX_RANK], stride = 1;
  int at = 0; /* counted from the innermost loop */
  b->numel = 1;
  b->repeated = 0;
  for (int d = rank - 1; d >= 0; --d) {
    const int64_t s = yd[d] == 1 && dims[d] != 1 ? 0 : stride;
    b->numel *= dims[d];
    stride *= yd[d];
    if (dims[d] == 1) continue;
    if (s == 0) b->repeated = 1;
    if (at && s == ys[at - 1] * n[at - 1]) {
      n[at - 1] *= dims[d];
      continue;
    }
    n[at] = dims[d];
    ys[at++] = s;
  }
  if (!at) {
    n[0] = 1;
    ys[at++] = 1;
  }
  b->rank = at;
  for (int i = 0; i < at; ++i) {
    b->n[i] = n[at - 1 - i];
    b->ys[i] = ys[at - 1 - i];
  }
  b->inner = b->n[at - 1];
  b->rows = b->inner ? b->numel / b->inner : 0;
}

/* The dims of Y as X sees them: ones where Y has none. */
static inline void frt_cpu_broadcast_align(const frt_api_tensor_t *x,
                                           const frt_api_tensor_t *y, int64_t axis,
                                           int64_t *yd) {
  const uint32_t at = axis < 0 ? x->rank - y->rank : (uint32_t)axis;
  uint32_t rank = y->rank;
  while (rank && y->dims[rank - 1] == 1) --rank; /* trailing ones are dropped */
  for (uint32_t d = 0; d < x->rank; ++d)
    yd[d] = d >= at && d < at + rank ? y->dims[d - at] : 1;
}

static inline void frt_cpu_broadcast_make(frt_cpu_broadcast_t *b,
                                          const frt_api_tensor_t *x,
                                          const frt_api_tensor_t *y, int64_t axis) {
  int64_t yd[FRT_MAX_RANK];
  frt_cpu_broadcast_align(x, y, axis, yd);
  frt_cpu_broadcast_dims(b, x->dims, yd, (int)x->rank);
}

/* The offset of Y for a row of X. */
static inline int64_t frt_cpu_broadcast_offset(const frt_cpu_broadcast_t *b, int64_t row) {
  int64_t at = 0;
  for (int d = b->rank - 2; d >= 0; --d) {
    at += row % b->n[d] * b->ys[d];
    row /= b->n[d];
  }
  return at;
}

#endif
