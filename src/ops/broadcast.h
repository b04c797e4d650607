/* The broadcast of elementwise and comparison ops: Y is laid along X at `axis`, and an
 * extent of 1 is repeated. */
#ifndef FRTI_OPS_BROADCAST_H
#define FRTI_OPS_BROADCAST_H

#include "shape.h"

/* Joins into `out` (X's shape on entry) what Y knows. */
static inline frt_status_t broadcast_y(const frt_shape_t *xs, const frt_shape_t *ys,
                                       int64_t axis, frt_shape_t *out,
                                       frt_error_t *err) {
  uint32_t rank = ys->rank;
  if (axis < -1 || (axis >= 0 && axis >= (int64_t)xs->rank))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "axis",
                      "axis is %lld; wanted -1 to %lld as X has shape %s",
                      (long long)axis, (long long)xs->rank - 1, shape_text(xs).s);
  if (ys->rank > xs->rank)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Y",
                      "Y has shape %s; wanted rank %u at most as X has shape %s",
                      shape_text(ys).s, xs->rank, shape_text(xs).s);
  const uint32_t at = axis < 0 ? xs->rank - ys->rank : (uint32_t)axis;
  /* An unknown extent past the end of X can only turn out to be such a one. */
  while (rank && (ys->dims[rank - 1] == 1 ||
                  (ys->dims[rank - 1] < 0 && at + rank > xs->rank)))
    --rank;
  bool fits = at + rank <= xs->rank;
  for (uint32_t i = 0; fits && i < rank; ++i)
    fits = ys->dims[i] == 1 || shape_dim_agrees(ys->dims[i], xs->dims[at + i]);
  if (!fits)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Y",
                      "Y has shape %s; wanted dims of X %s from axis %u on (axis is %lld)",
                      shape_text(ys).s, shape_text(xs).s, at, (long long)axis);
  for (uint32_t i = 0; i < rank; ++i)
    if (out->dims[at + i] < 0 && ys->dims[i] != 1) out->dims[at + i] = ys->dims[i];
  return FRT_OK;
}

/* dtype and shape of X op Y. */
static inline frt_status_t broadcast_out(const frt_infer_t *x, frt_shape_t *out,
                                         frt_error_t *err) {
  const frt_shape_t *xs = frt_infer_in(x, "X"), *ys = frt_infer_in(x, "Y");
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_same_dtype("Y", ys, "X", xs, err));
  *out = *xs;
  return broadcast_y(xs, ys, shape_int(x, "axis"), out, err);
}

#endif
