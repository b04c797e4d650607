/* Layers over images [N, C, H, W], or [N, H, W, C] with data_format "NHWC": op for op what
 * Fluid 1.8 appends. Errors as in layers.h. A second number of 0 is the first: {3, 0} is
 * {3, 3}. Source: Paddle 1.8 fluid.layers. */
#ifndef FLUIDRT_LAYERS_IMAGE_H
#define FLUIDRT_LAYERS_IMAGE_H

#include "fluidrt/builder.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Cells around the image. algorithm NULL: n numbers, of all sides (1), of rows and columns
 * (2), or top, bottom, left, right (4); n 0: none. Otherwise "SAME" or "VALID". */
typedef struct frt_padding {
  const char *algorithm;
  uint32_t n;
  int64_t sides[4];
} frt_padding_t;

typedef struct frt_conv2d_options {
  int64_t stride[2], dilation[2]; /* 0: 1 */
  frt_padding_t padding;
  int groups;                         /* 0: 1 */
  const frt_param_attr_t *param_attr; /* default: normal, deviation sqrt(2 / (rows *
                                         columns * channels)); transposed: Xavier uniform */
  const frt_param_attr_t *bias_attr;  /* .none: no bias */
  int no_cudnn;                       /* use_cudnn=False */
  const char *act, *name, *data_format; /* NULL: none, a unique one, "NCHW" */
} frt_conv2d_options_t;
/* filter_size: rows, columns. With no_cudnn, groups = channels and num_filters a multiple
 * of them the op is depthwise_conv2d. */
FRT_API frt_status_t frt_layers_conv2d(frt_builder_t *b, frt_var_t input,
    int64_t num_filters, const int64_t filter_size[2],
    const frt_conv2d_options_t *options, frt_var_t *out, frt_error_t *err);
/* output_size NULL: the least that fits. Where Fluid picks depthwise_conv2d_transpose
 * (no_cudnn, groups = channels = num_filters) this appends conv2d_transpose, which
 * computes the same. */
FRT_API frt_status_t frt_layers_conv2d_transpose(frt_builder_t *b, frt_var_t input,
    int64_t num_filters, const int64_t filter_size[2], const int64_t output_size[2],
    const frt_conv2d_options_t *options, frt_var_t *out, frt_error_t *err);

typedef struct frt_pool2d_options {
  const char *type;  /* pool_type: NULL: "max"; "avg" */
  int64_t stride[2]; /* 0: 1 */
  frt_padding_t padding;
  int global_pooling; /* pool_size is not read */
  int no_cudnn;       /* use_cudnn=False */
  int ceil_mode;
  int inclusive;           /* exclusive=False: a mean counts the padding */
  const char *data_format; /* NULL: "NCHW" */
  const char *name;        /* NULL: a unique one */
} frt_pool2d_options_t;
/* pool_size: rows, columns of the window; NULL with global_pooling. */
FRT_API frt_status_t frt_layers_pool2d(frt_builder_t *b, frt_var_t input,
    const int64_t pool_size[2], const frt_pool2d_options_t *options, frt_var_t *out,
    frt_error_t *err);
/* Out has pool_size rows and columns, whatever the image has. type "avg", or "max", for
 * which Fluid appends max_pool2d_with_index and this pool2d: the same values. */
FRT_API frt_status_t frt_layers_adaptive_pool2d(frt_builder_t *b, frt_var_t input,
    const int64_t pool_size[2], const char *type, frt_var_t *out, frt_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
