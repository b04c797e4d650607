/* Windows that slide over the two spatial axes of a batch of images: what convolution
 * and pooling share. Private to the schema files. */
#ifndef FRTI_OPS_IMAGE_H
#define FRTI_OPS_IMAGE_H

#include "shape.h"

/* More than any image has; what is beyond it would overflow sums of a few of them. */
#define IMAGE_MOST (1 << 24)
#define IMAGE_SIZES(name, least, doc) \
  {name, FRT_ATTR_INTS, FRT_ATTR_RANGE, doc, 0, NULL, least, IMAGE_MOST}
#define IMAGE_STRIDES IMAGE_SIZES("strides", 1, "steps of the window: rows, columns")
#define IMAGE_PADDINGS                                                              \
  IMAGE_SIZES("paddings", 0, "cells around the image: rows, columns, or top, bottom, " \
              "left, right")
#define IMAGE_ALGORITHM                                                            \
  {"padding_algorithm", FRT_ATTR_STRING, FRT_ATTR_DEFAULT,                         \
   "EXPLICIT: paddings; SAME: as much as makes the output ceil(image / stride), " \
   "dilations 1; VALID: none", 0, "EXPLICIT"}
#define IMAGE_FORMAT                                         \
  {"data_format", FRT_ATTR_STRING, FRT_ATTR_DEFAULT,         \
   "NCHW (AnyLayout is the same) or NHWC", 0, "NCHW"}

/* Where channels and rows stand; columns follow rows. */
typedef struct image_axes { uint32_t channel, row; } image_axes_t;

static inline frt_status_t image_axes(const frt_infer_t *x, image_axes_t *a,
                                      frt_error_t *err) {
  const char *format = shape_str(x, "data_format");
  const bool last = !strcmp(format, "NHWC");
  *a = (image_axes_t){last ? 3 : 1, last ? 1 : 2};
  if (last || !strcmp(format, "NCHW") || !strcmp(format, "AnyLayout")) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "data_format",
                    "data_format is '%.40s'; wanted NCHW, NHWC or AnyLayout", format);
}

/* Rank 4, nothing empty but the batch, nothing that sums of positions could overflow. */
static inline frt_status_t image_check(const char *slot, const frt_shape_t *s,
                                       frt_error_t *err) {
  if (s->rank != 4)
    return shape_fail(err, FRT_INVALID_ARGUMENT, slot, "%s has shape %s; wanted rank 4",
                      slot, shape_text(s).s);
  for (uint32_t i = 1; i < 4; ++i)
    if (!s->dims[i] || s->dims[i] > INT32_MAX)
      return shape_fail(err, FRT_INVALID_ARGUMENT, slot,
                        "%s has shape %s; wanted extents of 1 to %d behind the first",
                        slot, shape_text(s).s, INT32_MAX);
  return FRT_OK;
}

/* An attribute of one number for each spatial axis. */
static inline frt_status_t image_pair(const frt_infer_t *x, const char *attr,
                                      int64_t out[2], frt_error_t *err) {
  const frt_api_attr_t *a = frt_infer_attr(x, attr);
  if (a->count != 2)
    return shape_fail(err, FRT_INVALID_ARGUMENT, attr, "%s is %s; wanted 2 numbers", attr,
                      shape_text_of(a->count, a->v.is).s);
  memcpy(out, a->v.is, 2 * sizeof *out);
  return FRT_OK;
}

typedef struct image_window {
  int64_t kernel[2], stride[2], dilation[2], before[2], after[2];
} image_window_t;

/* SAME: half of what is missing before, the rest after. */
static inline void image_pad_same(image_window_t *w, const int64_t image[2]) {
  for (int i = 0; i < 2; ++i) {
    const int64_t s = w->stride[i], out = (image[i] + s - 1) / s;
    const int64_t missing = (out - 1) * s + w->kernel[i] - image[i];
    w->before[i] = missing > 0 ? missing / 2 : 0;
    w->after[i] = missing > 0 ? missing - missing / 2 : 0;
    w->dilation[i] = 1;
  }
}

/* strides, paddings and padding_algorithm for a window whose kernel and dilation are
 * known; image extents may be -1. */
static inline frt_status_t image_window(const frt_infer_t *x, const int64_t image[2],
                                        image_window_t *w, frt_error_t *err) {
  const frt_api_attr_t *p = frt_infer_attr(x, "paddings");
  const char *algorithm = shape_str(x, "padding_algorithm");
  const int same = !strcmp(algorithm, "SAME"), valid = !strcmp(algorithm, "VALID");
  FRT_TRY(image_pair(x, "strides", w->stride, err));
  if (p->count != 2 && p->count != 4)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "paddings",
                      "paddings is %s; wanted 2 or 4 numbers",
                      shape_text_of(p->count, p->v.is).s);
  if (!same && !valid && strcmp(algorithm, "EXPLICIT"))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "padding_algorithm",
                      "padding_algorithm is '%.40s'; wanted EXPLICIT, SAME or VALID",
                      algorithm);
  for (int i = 0; i < 2; ++i) {
    w->before[i] = valid ? 0 : p->v.is[p->count == 4 ? 2 * i : i];
    w->after[i] = valid ? 0 : p->v.is[p->count == 4 ? 2 * i + 1 : i];
  }
  if (same) image_pad_same(w, image);
  return FRT_OK;
}

/* Cells between the first and the last that the window covers. */
static inline int64_t image_span(const image_window_t *w, int axis) {
  return w->dilation[axis] * (w->kernel[axis] - 1) + 1;
}

#endif
