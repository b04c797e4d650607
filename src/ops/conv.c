/* Convolutions of images and their transposes. */
#include "image.h"

/* What an op is set to that only other kernels of Fluid's know. */
static frt_status_t only_defaults(const frt_infer_t *x, frt_error_t *err) {
  static const char *const flags[] = {"fuse_relu_before_depthwise_conv", "fuse_relu",
                                      "fuse_brelu", "fuse_residual_connection"};
  const char *set = *shape_str(x, "fuse_activation") ? "fuse_activation" : NULL;
  for (size_t i = 0; i < sizeof flags / sizeof *flags && !set; ++i)
    if (frt_infer_attr(x, flags[i]) && shape_int(x, flags[i])) set = flags[i];
  if (!set) return FRT_OK;
  return shape_fail(err, FRT_UNIMPLEMENTED, set,
                    "%s is set; only its default is supported", set);
}

typedef struct conv {
  image_axes_t axes;
  image_window_t window;
  int64_t groups, image[2]; /* of Input; -1: not known */
} conv_t;

/* All that both directions ask of Input, Filter and the attributes. */
static frt_status_t conv_begin(const frt_infer_t *x, conv_t *c, frt_error_t *err) {
  const frt_shape_t *in = frt_infer_in(x, "Input"), *f = frt_infer_in(x, "Filter");
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(only_defaults(x, err));
  FRT_TRY(image_axes(x, &c->axes, err));
  FRT_TRY(image_check("Input", in, err));
  FRT_TRY(image_check("Filter", f, err));
  FRT_TRY(shape_same_dtype("Filter", f, "Input", in, err));
  if (!f->dims[0])
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Filter",
                      "Filter has shape %s; wanted extents >= 1", shape_text(f).s);
  c->groups = shape_int(x, "groups");
  FRT_TRY(image_pair(x, "dilations", c->window.dilation, err));
  for (int i = 0; i < 2; ++i) {
    c->image[i] = in->dims[c->axes.row + (uint32_t)i];
    c->window.kernel[i] = f->dims[2 + i];
  }
  return image_window(x, c->image, &c->window, err);
}

static frt_status_t bad_channels(const frt_infer_t *x, const char *wanted,
                                 frt_error_t *err) {
  return shape_fail(err, FRT_INVALID_ARGUMENT, "Filter",
                    "Filter has shape %s, Input has shape %s, groups is %lld; wanted %s",
                    shape_text(frt_infer_in(x, "Filter")).s,
                    shape_text(frt_infer_in(x, "Input")).s,
                    (long long)shape_int(x, "groups"), wanted);
}

/* Extents of the output: `at` names the axis in the message. */
static frt_status_t bad_extent(const conv_t *c, int axis, int64_t out, frt_error_t *err) {
  return shape_fail(err, FRT_INVALID_ARGUMENT, "Input",
                    "%s: Input has %lld, padding %lld and %lld, the filter spans %lld; the "
                    "output would have %lld, wanted 1 at least", axis ? "columns" : "rows",
                    (long long)c->image[axis], (long long)c->window.before[axis],
                    (long long)c->window.after[axis],
                    (long long)image_span(&c->window, axis), (long long)out);
}

/* ---- conv2d, depthwise_conv2d -------------------------------------------------------- */

static frt_status_t conv_channels(const frt_infer_t *x, const conv_t *c,
                                  frt_error_t *err) {
  const frt_shape_t *in = frt_infer_in(x, "Input"), *f = frt_infer_in(x, "Filter");
  const int64_t channels = in->dims[c->axes.channel];
  int64_t all;
  if (f->dims[0] > 0 && f->dims[0] % c->groups)
    return bad_channels(x, "groups that divide Filter's dim 0", err);
  if (f->dims[1] < 0 || channels < 0) return FRT_OK;
  if (__builtin_mul_overflow(f->dims[1], c->groups, &all) || all != channels)
    return bad_channels(x, "Input's channels = groups times Filter's dim 1", err);
  if (!strncmp(x->schema->type, "depthwise_", 10) && f->dims[1] != 1)
    return bad_channels(x, "1 in Filter's dim 1", err);
  return FRT_OK;
}

static frt_status_t conv_forward(const frt_infer_t *x, frt_shape_t *out,
                                 frt_error_t *err) {
  conv_t c;
  const frt_shape_t *in = frt_infer_in(x, "Input");
  FRT_TRY(conv_begin(x, &c, err));
  FRT_TRY(conv_channels(x, &c, err));
  *out = *in;
  out->dims[c.axes.channel] = frt_infer_in(x, "Filter")->dims[0];
  for (int i = 0; i < 2; ++i) {
    const image_window_t *w = &c.window;
    int64_t *to = &out->dims[c.axes.row + (uint32_t)i], room;
    *to = -1;
    if (c.image[i] < 0 || w->kernel[i] < 0) continue;
    room = c.image[i] + w->before[i] + w->after[i] - image_span(w, i);
    if (room < 0) return bad_extent(&c, i, -((-room + w->stride[i] - 1) / w->stride[i]) + 1, err);
    *to = room / w->stride[i] + 1;
  }
  return FRT_OK;
}

static frt_status_t conv_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(conv_forward(x, &out, err));
  return shape_out(x, "Output", out, err);
}

static frt_status_t grads_out(const frt_infer_t *x, const frt_shape_t *out,
                              frt_error_t *err) {
  FRT_TRY(shape_same("Output@GRAD", frt_infer_in(x, "Output@GRAD"), "the convolution", out,
                     err));
  FRT_TRY(shape_out(x, "Input@GRAD", *frt_infer_in(x, "Input"), err));
  return shape_out(x, "Filter@GRAD", *frt_infer_in(x, "Filter"), err);
}

static frt_status_t conv_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(conv_forward(x, &out, err));
  return grads_out(x, &out, err);
}

/* ---- conv2d_transpose ------------------------------------------------------------------ */

static frt_status_t transpose_size(const frt_infer_t *x, const conv_t *c, int axis,
                                   int64_t least, int64_t *out, frt_error_t *err) {
  const frt_api_attr_t *a = frt_infer_attr(x, "output_size");
  const int64_t most = least + c->window.stride[axis] - 1;
  *out = a->count ? a->v.is[axis] : least;
  if (c->image[axis] < 0 || c->window.kernel[axis] < 0) return FRT_OK;
  if (a->count && (*out < least || *out > most))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "output_size",
                      "output_size is %s; wanted %lld to %lld %s",
                      shape_text_of(a->count, a->v.is).s, (long long)least,
                      (long long)most, axis ? "columns" : "rows");
  return *out < 1 ? bad_extent(c, axis, *out, err) : FRT_OK;
}

static frt_status_t transpose_forward(const frt_infer_t *x, frt_shape_t *out,
                                      frt_error_t *err) {
  conv_t c;
  const frt_shape_t *in = frt_infer_in(x, "Input"), *f = frt_infer_in(x, "Filter");
  const frt_api_attr_t *size = frt_infer_attr(x, "output_size");
  FRT_TRY(conv_begin(x, &c, err));
  if (size->count && size->count != 2)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "output_size",
                      "output_size is %s; wanted 2 numbers or none",
                      shape_text_of(size->count, size->v.is).s);
  if (!shape_dim_agrees(in->dims[c.axes.channel], f->dims[0]))
    return bad_channels(x, "Filter's dim 0 = Input's channels", err);
  if (f->dims[0] > 0 && f->dims[0] % c.groups)
    return bad_channels(x, "groups that divide Filter's dim 0", err);
  *out = *in;
  int64_t *channels = &out->dims[c.axes.channel];
  if (__builtin_mul_overflow(f->dims[1], c.groups, channels))
    return bad_channels(x, "groups times Filter's dim 1 within 64 bits", err);
  if (f->dims[1] < 0) *channels = -1;
  for (int i = 0; i < 2; ++i) {
    const image_window_t *w = &c.window;
    int64_t least = -1;
    if (c.image[i] >= 0 && w->kernel[i] >= 0)
      least = (c.image[i] - 1) * w->stride[i] - w->before[i] - w->after[i] + image_span(w, i);
    FRT_TRY(transpose_size(x, &c, i, least, &out->dims[c.axes.row + (uint32_t)i], err));
  }
  return FRT_OK;
}

static frt_status_t transpose_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(transpose_forward(x, &out, err));
  return shape_out(x, "Output", out, err);
}

static frt_status_t transpose_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(transpose_forward(x, &out, err));
  return grads_out(x, &out, err);
}

/* ---- cost: 2 x the products of one pass, borders counted as if they were inside ------- */

static double pass(const frt_infer_t *x, const frt_shape_t *grid) {
  const frt_shape_t *f = frt_infer_in(x, "Filter");
  return f->dims[0] > 0 ? 2 * shape_elements(grid) * shape_elements(f) / (double)f->dims[0]
                        : 0;
}
static int passes(const frt_infer_t *x) {
  return !!frt_infer_out(x, "Input@GRAD") + !!frt_infer_out(x, "Filter@GRAD");
}
static frt_cost_t conv_cost(const frt_infer_t *x) {
  return shape_cost(x, pass(x, frt_infer_out(x, "Output")));
}
static frt_cost_t conv_grad_cost(const frt_infer_t *x) {
  return shape_cost(x, passes(x) * pass(x, frt_infer_in(x, "Output@GRAD")));
}
static frt_cost_t transpose_cost(const frt_infer_t *x) {
  return shape_cost(x, pass(x, frt_infer_in(x, "Input")));
}
static frt_cost_t transpose_grad_cost(const frt_infer_t *x) {
  return shape_cost(x, passes(x) * pass(x, frt_infer_in(x, "Input")));
}

/* ---- the ops ---------------------------------------------------------------------------- */

#define ONLY(name) {name, FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "only false is supported"}
#define UNUSED_F(name, def) \
  {name, FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, "no meaning here", def}
#define UNUSED(name, type, def) \
  {name, type, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, "no meaning here", def}
#define GROUPS                                                                   \
  {"groups", FRT_ATTR_INT, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE,                    \
   "channels are cut into as many parts, which do not meet", 1, NULL, 1, IMAGE_MOST}
#define DILATIONS IMAGE_SIZES("dilations", 1, "cells from one filter cell to the next")
#define ACTIVATION \
  {"fuse_activation", FRT_ATTR_STRING, FRT_ATTR_DEFAULT, "only empty is supported", 0, ""}
#define CUDNN SHAPE_IGNORED_BOOL("use_cudnn")
#define MKLDNN SHAPE_IGNORED_BOOL("use_mkldnn")
#define IS_TEST SHAPE_IGNORED_BOOL("is_test")
#define CONV_ATTRS                                                                       \
  {IS_TEST, IMAGE_STRIDES, IMAGE_PADDINGS, IMAGE_ALGORITHM, GROUPS, DILATIONS, CUDNN,    \
   ONLY("fuse_relu_before_depthwise_conv"), MKLDNN, SHAPE_IGNORED_BOOL("use_quantizer"), \
   ONLY("fuse_relu"), ONLY("fuse_brelu"), UNUSED_F("fuse_brelu_threshold", 6), ACTIVATION, \
   UNUSED_F("fuse_alpha", 0), UNUSED_F("fuse_beta", 0), ONLY("fuse_residual_connection"), \
   UNUSED_F("Scale_in", 1), UNUSED_F("Scale_out", 1), UNUSED_F("Scale_in_eltwise", 1),   \
   UNUSED("Scale_weights", FRT_ATTR_F32S, 0), SHAPE_IGNORED_BOOL("force_fp32_output"),   \
   IMAGE_FORMAT, UNUSED("workspace_size_MB", FRT_ATTR_INT, 512),                         \
   SHAPE_IGNORED_BOOL("exhaustive_search")}
#define TRANSPOSE_ATTRS                                                                   \
  {IS_TEST,                                                                               \
   {"output_size", FRT_ATTR_INTS, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE,                      \
    "rows, columns of Output, where several fit; empty: the least", 0, NULL, 0, IMAGE_MOST}, \
   GROUPS, DILATIONS, IMAGE_STRIDES, IMAGE_PADDINGS, CUDNN, MKLDNN, ONLY("fuse_relu"),    \
   ACTIVATION, UNUSED_F("fuse_alpha", 0), UNUSED_F("fuse_beta", 0), IMAGE_FORMAT,         \
   IMAGE_ALGORITHM, UNUSED("workspace_size_MB", FRT_ATTR_INT, 512)}
#define INPUT {"Input", FRT_FLOATS, 0, "[N, C, H, W], or [N, H, W, C]"}
#define FILTER {"Filter", FRT_FLOATS, 0, "[M, C / groups, rows, columns]"}
#define TURNED_FILTER {"Filter", FRT_FLOATS, 0, "[C, M / groups, rows, columns]"}
#define BIAS {"Bias", FRT_FLOATS, SHAPE_REFUSED, "[M]"}
#define RESIDUAL {"ResidualData", FRT_FLOATS, SHAPE_REFUSED, "shape of Output"}
#define OUTPUT {"Output", FRT_FLOATS, 0, "[N, M, H', W'], or [N, H', W', M]"}
#define OUTPUT_GRAD {"Output@GRAD", FRT_FLOATS, 0, "shape of Output"}
#define GRADS                                                                 \
  {{"Bias@GRAD", FRT_FLOATS, SHAPE_REFUSED, "[M]"},                           \
   {"Filter@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Filter"},         \
   {"Input@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Input"}}
#define CONV_DOC                                                                         \
  "Output[n, m, p] = the sum over channels c of m's group and filter cells k of "        \
  "Input[n, c, stride p - padding + dilation k] Filter[m, c, k]; outside of the image "  \
  "there is 0."
#define GRAD_DOC                                                                        \
  "Input@GRAD and Filter@GRAD: for each product Input . Filter in an Output, the other " \
  "factor times that Output's gradient, summed."

FRT_OPS(conv) = {
    {.type = "conv2d",
     .doc = CONV_DOC,
     .source = "PaddlePaddle 1.8 op conv2d",
     .inputs = {INPUT, FILTER, BIAS, RESIDUAL},
     .outputs = {OUTPUT},
     .attrs = CONV_ATTRS,
     .infer_shape = conv_shape, .cost = conv_cost, .grad = "conv2d_grad"},
    {.type = "conv2d_grad",
     .doc = GRAD_DOC,
     .source = "PaddlePaddle 1.8 op conv2d_grad",
     .inputs = {BIAS, FILTER, INPUT, OUTPUT_GRAD},
     .outputs = GRADS,
     .attrs = CONV_ATTRS,
     .infer_shape = conv_grad_shape, .cost = conv_grad_cost, .grad = FRT_NO_GRAD},
    {.type = "depthwise_conv2d",
     .doc = CONV_DOC " Each channel is a group of its own.",
     .source = "PaddlePaddle 1.8 op depthwise_conv2d",
     .inputs = {INPUT, {"Filter", FRT_FLOATS, 0, "[M, 1, rows, columns]"}, BIAS, RESIDUAL},
     .outputs = {OUTPUT},
     .attrs = CONV_ATTRS,
     .infer_shape = conv_shape, .cost = conv_cost, .grad = "depthwise_conv2d_grad"},
    {.type = "depthwise_conv2d_grad",
     .doc = GRAD_DOC,
     .source = "PaddlePaddle 1.8 op depthwise_conv2d_grad",
     .inputs = {BIAS, {"Filter", FRT_FLOATS, 0, "[M, 1, rows, columns]"}, INPUT,
                OUTPUT_GRAD},
     .outputs = GRADS,
     .attrs = CONV_ATTRS,
     .infer_shape = conv_grad_shape, .cost = conv_grad_cost, .grad = FRT_NO_GRAD},
    {.type = "conv2d_transpose",
     .doc = "Output[n, m, stride p - padding + dilation k] += Input[n, c, p] "
            "Filter[c, m, k] for all c, p and k that meet inside of Output, from 0.",
     .source = "PaddlePaddle 1.8 op conv2d_transpose",
     .inputs = {INPUT, TURNED_FILTER, BIAS},
     .outputs = {OUTPUT},
     .attrs = TRANSPOSE_ATTRS,
     .infer_shape = transpose_shape, .cost = transpose_cost,
     .grad = "conv2d_transpose_grad"},
    {.type = "conv2d_transpose_grad",
     .doc = GRAD_DOC,
     .source = "PaddlePaddle 1.8 op conv2d_transpose_grad",
     .inputs = {BIAS, TURNED_FILTER, INPUT, OUTPUT_GRAD},
     .outputs = GRADS,
     .attrs = TRANSPOSE_ATTRS,
     .infer_shape = transpose_grad_shape, .cost = transpose_grad_cost,
     .grad = FRT_NO_GRAD},
    {0}};
