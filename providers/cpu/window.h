/* A filter's window that slides over an image: where it lies, and the matrix whose
 * columns are what it sees. */
#ifndef FRT_CPU_WINDOW_H
#define FRT_CPU_WINDOW_H

#include "fluidrt/kernel.h"

/* The filter meets an image [n, c, h, w] at each cell of a grid [n, m, gh, gw]: position
 * grid * stride - pad + k * dilation, 0 outside of the image. A convolution goes from the
 * image to the grid, its transpose from the grid to the image. */
typedef struct frt_cpu_window {
  int64_t n, c, m, groups;
  int64_t image[2], grid[2], kernel[2], stride[2], pad[2], dilation[2];
  int64_t cells, pixels, taps; /* of the grid, of the image, of the kernel: products */
  int32_t last;                /* channels stand last in image and grid */
  int32_t plain;               /* the window is one pixel, the grid is the image */
} frt_cpu_window_t;

/* Where strides, paddings, dilations, groups, padding_algorithm and data_format stand in
 * an op; dilations and groups -1: there are none. */
typedef struct frt_cpu_window_attrs {
  int strides, paddings, dilations, groups, algorithm, format;
} frt_cpu_window_attrs_t;

/* padded: the tensor whose extents SAME goes by. kernel: rows, columns of the window. */
void frt_cpu_window_make(frt_cpu_window_t *w, const frt_api_op_t *op,
                         const frt_cpu_window_attrs_t *at, const frt_api_tensor_t *image,
                         const frt_api_tensor_t *grid, const frt_api_tensor_t *padded,
                         const int64_t kernel[2]);

/* A part of that matrix: channels [c0, c1) of image n, grid cells [p0, p1). Row
 * (channel, i, j), column p; rows are p1 - p0 apart. */
typedef struct frt_cpu_columns {
  const frt_cpu_window_t *w;
  int64_t n, c0, c1, p0, p1;
} frt_cpu_columns_t;

/* What the window sees of the image. */
void frt_cpu_columns_take(const frt_cpu_columns_t *c, const float *image, float *to);
/* The reverse: adds each element to the pixel it stands for; `from` is only read. */
void frt_cpu_columns_add(const frt_cpu_columns_t *c, float *from, float *image);

#endif
