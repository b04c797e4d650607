/* Pooling of images: the greatest or the mean of a window. */
#include "image.h"

/* The mean divides by cells, so that a window without any would be 0/0. */
static frt_status_t no_empty_window(const image_window_t *w, int axis, int64_t image,
                                    int64_t out, frt_error_t *err) {
  const char *line = axis ? "columns" : "rows";
  const int64_t last = (out - 1) * w->stride[axis] - w->before[axis];
  if (w->before[axis] >= w->kernel[axis])
    return shape_fail(err, FRT_INVALID_ARGUMENT, "paddings",
                      "%s: the padding is %lld, ksize is %lld; wanted less padding than "
                      "ksize, or the first window holds no cell of X", line,
                      (long long)w->before[axis], (long long)w->kernel[axis]);
  if (last >= image)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "strides",
                      "%s: the last window starts at %lld, X has %lld; wanted one that "
                      "holds a cell of X", line, (long long)last, (long long)image);
  return FRT_OK;
}

/* Output extent along one axis; -1: not known. */
static frt_status_t slide(const frt_infer_t *x, const image_window_t *w, int axis,
                          int64_t image, int64_t *out, frt_error_t *err) {
  const int64_t s = w->stride[axis], k = w->kernel[axis];
  const int64_t room = image + w->before[axis] + w->after[axis] - k;
  *out = -1;
  if (image < 0) return FRT_OK;
  if (room < 0)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "ksize",
                      "%s: X has %lld, padding %lld and %lld, ksize is %lld; wanted a "
                      "window that fits", axis ? "columns" : "rows", (long long)image,
                      (long long)w->before[axis], (long long)w->after[axis], (long long)k);
  *out = (room + (shape_int(x, "ceil_mode") ? s - 1 : 0)) / s + 1;
  return no_empty_window(w, axis, image, *out, err);
}

static frt_status_t window_sizes(const frt_infer_t *x, int64_t ksize[2],
                                 frt_error_t *err) {
  FRT_TRY(image_pair(x, "ksize", ksize, err));
  if (shape_int(x, "global_pooling")) return FRT_OK; /* Fluid writes -1 there */
  for (int i = 0; i < 2; ++i)
    if (ksize[i] < 1 || ksize[i] > IMAGE_MOST)
      return shape_fail(err, FRT_INVALID_ARGUMENT, "ksize",
                        "ksize is %s; wanted 1 to %d", shape_text_of(2, ksize).s,
                        IMAGE_MOST);
  return FRT_OK;
}

static frt_status_t modes(const frt_infer_t *x, frt_error_t *err) {
  const char *type = shape_str(x, "pooling_type");
  if (strcmp(type, "max") && strcmp(type, "avg"))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "pooling_type",
                      "pooling_type is '%.40s'; wanted max or avg", type);
  if (shape_int(x, "global_pooling") && shape_int(x, "adaptive"))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "adaptive",
                      "adaptive and global_pooling are both set; wanted one at most");
  return FRT_OK;
}

static frt_status_t forward(const frt_infer_t *x, frt_shape_t *out, frt_error_t *err) {
  const frt_shape_t *in = frt_infer_in(x, "X");
  image_axes_t axes;
  image_window_t w = {.dilation = {1, 1}};
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(modes(x, err));
  FRT_TRY(image_axes(x, &axes, err));
  FRT_TRY(image_check("X", in, err));
  FRT_TRY(window_sizes(x, w.kernel, err));
  const int64_t *image = &in->dims[axes.row];
  FRT_TRY(image_window(x, image, &w, err));
  *out = *in;
  for (int i = 0; i < 2; ++i) {
    int64_t *to = &out->dims[axes.row + (uint32_t)i];
    if (shape_int(x, "global_pooling")) *to = 1;
    else if (shape_int(x, "adaptive")) *to = w.kernel[i];
    else FRT_TRY(slide(x, &w, i, image[i], to, err));
  }
  return FRT_OK;
}

static frt_status_t pool_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(forward(x, &out, err));
  return shape_out(x, "Out", out, err);
}

static frt_status_t pool_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(forward(x, &out, err));
  FRT_TRY(shape_same("Out", frt_infer_in(x, "Out"), "the pooling", &out, err));
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "the pooling", &out, err));
  return shape_out(x, "X@GRAD", *frt_infer_in(x, "X"), err);
}

/* One operation a cell of a window, those at borders counted as if they were inside. */
static double cells(const frt_infer_t *x, const frt_shape_t *out) {
  const frt_api_attr_t *k = frt_infer_attr(x, "ksize");
  if (shape_int(x, "global_pooling") || shape_int(x, "adaptive") || k->count != 2)
    return shape_elements(frt_infer_in(x, "X"));
  return shape_elements(out) * (double)k->v.is[0] * (double)k->v.is[1];
}
static frt_cost_t pool_cost(const frt_infer_t *x) {
  return shape_cost(x, cells(x, frt_infer_out(x, "Out")));
}
static frt_cost_t pool_grad_cost(const frt_infer_t *x) {
  return shape_cost(x, cells(x, frt_infer_in(x, "Out")));
}

#define FLAG(name, def, doc) {name, FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, doc, def}
#define ATTRS                                                                            \
  {{"pooling_type", FRT_ATTR_STRING, 0, "max, or avg: the mean"},                        \
   {"ksize", FRT_ATTR_INTS, 0, "rows, columns of the window; adaptive: of Out"},         \
   FLAG("global_pooling", 0, "one window: the image; ksize and paddings are not read"),  \
   IMAGE_STRIDES, IMAGE_PADDINGS,                                                        \
   FLAG("exclusive", 1, "avg divides by the cells of the image in the window, otherwise " \
        "by rows x columns of ksize"),                                                   \
   FLAG("adaptive", 0, "window i of n covers [floor(i H / n), ceil((i + 1) H / n)); "    \
        "strides and paddings are not read"),                                            \
   FLAG("ceil_mode", 0, "a last window may stand out of the image and its padding"),     \
   IMAGE_FORMAT, IMAGE_ALGORITHM, SHAPE_IGNORED_BOOL("use_cudnn"),                       \
   SHAPE_IGNORED_BOOL("use_quantizer"), SHAPE_IGNORED_BOOL("use_mkldnn"),                \
   SHAPE_IGNORED_BOOL("is_test")}
#define X_SLOT {"X", FRT_FLOATS, 0, "[N, C, H, W], or [N, H, W, C]"}

FRT_OPS(pool) = {
    {.type = "pool2d",
     .doc = "Out[n, c, p] = the greatest value or the mean of X[n, c] in the window at "
            "stride p - padding; NaN in a window gives NaN. A window without a cell of X "
            "is refused.",
     .source = "PaddlePaddle 1.8 op pool2d",
     .inputs = {X_SLOT},
     .outputs = {{"Out", FRT_FLOATS, 0, "[N, C, H', W'], or [N, H', W', C]"}},
     .attrs = ATTRS,
     .infer_shape = pool_shape, .cost = pool_cost, .grad = "pool2d_grad"},
    {.type = "pool2d_grad",
     .doc = "X@GRAD: max gives Out@GRAD to the first cell of its window, row by row, that "
            "equals Out; avg gives each cell its share. Windows add up.",
     .source = "PaddlePaddle 1.8 op pool2d_grad",
     .inputs = {{"Out", FRT_FLOATS, 0, "[N, C, H', W'], or [N, H', W', C]"},
                {"Out@GRAD", FRT_FLOATS, 0, "shape of Out"}, X_SLOT},
     .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},
     .attrs = ATTRS,
     .infer_shape = pool_grad_shape, .cost = pool_grad_cost, .grad = FRT_NO_GRAD},
    {0}};
