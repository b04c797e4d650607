/* What the schemas of the normalizing ops share. */
#ifndef FRTI_OPS_NORM_H
#define FRTI_OPS_NORM_H

#include <float.h>

#include "shape.h"

/* Fluid refuses an epsilon above this one; it travels as an fp32. */
#define NORM_EPSILON(most)                                                      \
  {"epsilon", FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE,                  \
   "added to the variance, under the root", 1e-5, NULL, 0, (double)(float)(most)}
#define NORM_LAYOUT                                                             \
  {"data_layout", FRT_ATTR_STRING, FRT_ATTR_DEFAULT,                            \
   "NCHW: channels are dim 1; NHWC: the last dim", 0, "NCHW"}

/* `slot`, if it is there, must be [n] of X's dtype; n -1: not known. `of` says of what
 * there are n: "channels of X". */
static inline frt_status_t norm_vector(const frt_infer_t *x, const char *slot, int64_t n,
                                       const char *of, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, slot);
  const frt_shape_t *like = frt_infer_in(x, "X") ? frt_infer_in(x, "X") : frt_infer_in(x, "Y");
  if (!s) return FRT_OK;
  FRT_TRY(shape_same_dtype(slot, s, frt_infer_in(x, "X") ? "X" : "Y", like, err));
  if (s->rank == 1 && shape_dim_agrees(s->dims[0], n)) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, slot, "%s has shape %s; wanted %s, the %s",
                    slot, shape_text(s).s, shape_text_of(1, &n).s, of);
}
static inline frt_shape_t norm_of_rank_1(const frt_shape_t *like, int64_t n) {
  const frt_shape_t s = {like->dtype, 1, {n}};
  return s;
}

/* The outputs of a gradient op: Y@GRAD is like `slot`, Scale and Bias have n elements. */
static inline frt_status_t norm_grads(const frt_infer_t *x, const char *slot, int64_t n,
                                      frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, slot), *g = frt_infer_in(x, "Y@GRAD");
  frt_shape_t out = *s;
  FRT_TRY(shape_same("Y@GRAD", g, slot, s, err));
  shape_join(&out, g);
  FRT_TRY(shape_out(x, "X@GRAD", out, err));
  FRT_TRY(shape_out(x, "Scale@GRAD", norm_of_rank_1(s, n), err));
  return shape_out(x, "Bias@GRAD", norm_of_rank_1(s, n), err);
}

/* Which dim of `s` (the tensor of `slot`) holds the channels. */
static inline frt_status_t norm_channel_dim(const frt_infer_t *x, const char *slot,
                                            const frt_shape_t *s, uint32_t most,
                                            uint32_t *dim, frt_error_t *err) {
  *dim = 1;
  if (s->rank < 2 || s->rank > most)
    return shape_fail(err, FRT_INVALID_ARGUMENT, slot,
                      "%s has shape %s; wanted rank 2 to %u", slot, shape_text(s).s, most);
  if (frt_infer_attr(x, "data_layout")) {
    const char *layout = shape_str(x, "data_layout");
    if (!strcmp(layout, "NHWC")) *dim = s->rank - 1;
    else if (strcmp(layout, "NCHW"))
      return shape_fail(err, FRT_INVALID_ARGUMENT, "data_layout",
                        "data_layout is '%.40s'; wanted NCHW or NHWC", layout);
  }
  return FRT_OK;
}

/* Roughly: two sums, a difference, a product and a sum an element; twice that back. */
static inline frt_cost_t norm_cost(const frt_infer_t *x) {
  return shape_cost(x, 8 * shape_elements(frt_infer_in(x, "X")));
}
static inline frt_cost_t norm_grad_cost(const frt_infer_t *x) {
  return shape_cost(x, 14 * shape_elements(frt_infer_in(x, "Y@GRAD")));
}

#endif
