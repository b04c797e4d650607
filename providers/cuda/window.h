/* A filter's window that slides over an image: where it lies. */
#ifndef FRT_CUDA_WINDOW_H
#define FRT_CUDA_WINDOW_H

#include "gpu.h"

/* The filter meets an image [n, c, h, w] at each cell of a grid [n, m, gh, gw]: position
 * grid * stride - pad + k * dilation, 0 outside of the image. A convolution goes from the
 * image to the grid, its transpose from the grid to the image. */
typedef struct frt_gpu_window {
  int64_t n, c, m, groups, per, out_per; /* per, out_per: channels of a group */
  int64_t image[2], grid[2], kernel[2], stride[2], pad[2], dilation[2];
  int64_t cells, pixels, taps, depth; /* depth: per * taps */
  int last;                           /* channels stand last in image and grid */
} frt_gpu_window_t;

/* Where these stand in an op; dilations and groups -1: there are none. */
typedef struct frt_gpu_window_attrs {
  int strides, paddings, dilations, groups, algorithm, format;
} frt_gpu_window_attrs_t;

static inline int64_t frt_gpu_window_pad(const frt_gpu_window_t *w, const frt_api_attr_t *given,
                                         const char *algorithm, int axis, int64_t extent) {
  const int64_t s = w->stride[axis];
  if (!strcmp(algorithm, "VALID")) return 0;
  if (!strcmp(algorithm, "SAME")) {
    const int64_t missing = ((extent + s - 1) / s - 1) * s + w->kernel[axis] - extent;
    return missing > 0 ? missing / 2 : 0;
  }
  return given->v.is[given->count == 4 ? 2 * axis : axis];
}

/* padded: the tensor whose extents SAME goes by. kernel: rows, columns of the window. */
static inline void frt_gpu_window_make(frt_gpu_window_t *w, const frt_op_t *op,
                                       const frt_gpu_window_attrs_t *at,
                                       const frt_api_tensor_t *image,
                                       const frt_api_tensor_t *grid,
                                       const frt_api_tensor_t *padded, const int64_t *kernel) {
  const char *algorithm = frt_attr_str(op, at->algorithm);
  memset(w, 0, sizeof *w);
  w->last = !strcmp(frt_attr_str(op, at->format), "NHWC");
  w->n = image->dims[0];
  w->c = image->dims[w->last ? 3 : 1];
  w->m = grid->dims[w->last ? 3 : 1];
  w->groups = at->groups < 0 ? 1 : frt_attr_i64(op, at->groups);
  w->cells = w->pixels = w->taps = 1;
  for (int i = 0; i < 2; ++i) {
    const int axis = (w->last ? 1 : 2) + i;
    w->image[i] = image->dims[axis];
    w->grid[i] = grid->dims[axis];
    w->kernel[i] = kernel[i];
    w->stride[i] = op->attrs[at->strides].v.is[i];
    w->dilation[i] = at->dilations < 0 || !strcmp(algorithm, "SAME")
                         ? 1 : op->attrs[at->dilations].v.is[i];
    w->pad[i] = frt_gpu_window_pad(w, &op->attrs[at->paddings], algorithm, i,
                                   padded->dims[axis]);
    w->cells *= w->grid[i];
    w->pixels *= w->image[i];
    w->taps *= w->kernel[i];
  }
  w->per = w->c / w->groups;
  w->out_per = w->m / w->groups;
  w->depth = w->per * w->taps;
}

/* A place of a tensor: image, channel, row, column. */
typedef struct frt_gpu_place { int64_t n, c, y, x; } frt_gpu_place_t;

static FRT_GPU_FN inline int64_t frt_gpu_place_at(int last, const int64_t *extent,
                                                  int64_t channels, int64_t n, int64_t c,
                                                  int64_t y, int64_t x) {
  return last ? ((n * extent[0] + y) * extent[1] + x) * channels + c
              : ((n * channels + c) * extent[0] + y) * extent[1] + x;
}
static FRT_GPU_FN inline frt_gpu_place_t frt_gpu_place_of(int last, const int64_t *extent,
                                                          int64_t channels, int64_t i) {
  frt_gpu_place_t p;
  if (last) {
    p.c = i % channels;
    i /= channels;
  }
  p.x = i % extent[1];
  i /= extent[1];
  p.y = i % extent[0];
  i /= extent[0];
  if (!last) {
    p.c = i % channels;
    i /= channels;
  }
  p.n = i;
  return p;
}

/* The pixel that filter cell k of grid cell g meets, along one axis; and the grid cell
 * that meets pixel p with filter cell k: -1 if there is none. */
static FRT_GPU_FN inline int64_t frt_gpu_seen(const frt_gpu_window_t &w, int axis, int64_t g,
                                              int64_t k) {
  const int64_t p = g * w.stride[axis] - w.pad[axis] + k * w.dilation[axis];
  return p >= 0 && p < w.image[axis] ? p : -1;
}
static FRT_GPU_FN inline int64_t frt_gpu_seer(const frt_gpu_window_t &w, int axis, int64_t p,
                                              int64_t k) {
  const int64_t at = p + w.pad[axis] - k * w.dilation[axis];
  if (at < 0 || at % w.stride[axis]) return -1;
  return at / w.stride[axis] < w.grid[axis] ? at / w.stride[axis] : -1;
}

#endif
