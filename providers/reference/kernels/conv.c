#include "ref.h"

/* A filter slides over an image [n, c, h, w] and meets, at each place, one cell of a grid
 * [n, m, gh, gw]. A convolution goes from the image to the grid, its transpose from the
 * grid to the image: the same products, summed another way. */
typedef struct {
  int64_t n, c, m, groups, image[2], grid[2], kernel[2];
  int64_t stride[2], pad[2], dilation[2];
  int last; /* channels stand last */
} conv_t;

/* Where the attributes of an op stand. */
typedef struct {
  int strides, paddings, dilations, groups, algorithm, format;
} attrs_t;
static const attrs_t CONV = {FRT_CONV2D_ATTR_STRIDES, FRT_CONV2D_ATTR_PADDINGS,
                             FRT_CONV2D_ATTR_DILATIONS, FRT_CONV2D_ATTR_GROUPS,
                             FRT_CONV2D_ATTR_PADDING_ALGORITHM,
                             FRT_CONV2D_ATTR_DATA_FORMAT};
static const attrs_t TURNED = {
    FRT_CONV2D_TRANSPOSE_ATTR_STRIDES, FRT_CONV2D_TRANSPOSE_ATTR_PADDINGS,
    FRT_CONV2D_TRANSPOSE_ATTR_DILATIONS, FRT_CONV2D_TRANSPOSE_ATTR_GROUPS,
    FRT_CONV2D_TRANSPOSE_ATTR_PADDING_ALGORITHM, FRT_CONV2D_TRANSPOSE_ATTR_DATA_FORMAT};

/* Padding before the first cell of the op's Input, of extent `in`. */
static int64_t padding(const conv_t *s, const frt_op_t *op, const attrs_t *at, int axis,
                       int64_t in) {
  const frt_api_attr_t *p = &op->attrs[at->paddings];
  const char *algorithm = frt_attr_str(op, at->algorithm);
  const int64_t stride = s->stride[axis];
  if (!strcmp(algorithm, "VALID")) return 0;
  if (!strcmp(algorithm, "SAME")) {
    const int64_t missing =
        ((in + stride - 1) / stride - 1) * stride + s->kernel[axis] - in;
    return missing > 0 ? missing / 2 : 0;
  }
  return p->v.is[p->count == 4 ? 2 * axis : axis];
}

/* in: the op's Input, which is the image or, transposed, the grid; other: the other. */
static conv_t plan(const frt_op_t *op, const attrs_t *at, const frt_api_tensor_t *in,
                   const frt_api_tensor_t *other, const frt_api_tensor_t *filter) {
  const frt_api_tensor_t *image = at == &CONV ? in : other, *grid = at == &CONV ? other : in;
  conv_t s;
  memset(&s, 0, sizeof s);
  s.last = !strcmp(frt_attr_str(op, at->format), "NHWC");
  s.n = image->dims[0];
  s.c = image->dims[s.last ? 3 : 1];
  s.m = grid->dims[s.last ? 3 : 1];
  s.groups = frt_attr_i64(op, at->groups);
  for (int i = 0; i < 2; ++i) {
    const int axis = (s.last ? 1 : 2) + i;
    s.image[i] = image->dims[axis];
    s.grid[i] = grid->dims[axis];
    s.kernel[i] = filter->dims[2 + i];
    s.stride[i] = op->attrs[at->strides].v.is[i];
    s.dilation[i] = op->attrs[at->dilations].v.is[i];
    if (!strcmp(frt_attr_str(op, at->algorithm), "SAME")) s.dilation[i] = 1;
    s.pad[i] = padding(&s, op, at, i, in->dims[axis]);
  }
  return s;
}

static int64_t element(const conv_t *s, const int64_t *extent, int64_t channels, int64_t n,
                       int64_t c, int64_t y, int64_t x) {
  return s->last ? ((n * extent[0] + y) * extent[1] + x) * channels + c
                 : ((n * channels + c) * extent[0] + y) * extent[1] + x;
}

/* The elements of one product. */
typedef struct {
  int64_t image, grid, filter;
} meeting_t;

/* What is summed into one of the three: the product of the other two. */
typedef struct {
  const double *image, *grid, *filter; /* NULL: the target */
  const ref_tensor_t *to;
} sum_t;

static void add(const sum_t *s, const meeting_t *m) {
  const int64_t at = !s->image ? m->image : !s->grid ? m->grid : m->filter;
  double term = 1;
  if (s->image) term *= s->image[m->image];
  if (s->grid) term *= s->grid[m->grid];
  if (s->filter) term *= s->filter[m->filter];
  s->to->v[at] += term;
  if (s->to->mag) s->to->mag[at] += fabs(term);
}

/* All products of grid cell (n, m, y, x). */
static void meet(const conv_t *s, const sum_t *sum, int64_t n, int64_t m, int64_t y,
                 int64_t x) {
  const int64_t per = s->c / s->groups, group = m / (s->m / s->groups);
  meeting_t at = {0, element(s, s->grid, s->m, n, m, y, x), 0};
  for (int64_t c = 0; c < per; ++c)
    for (int64_t i = 0; i < s->kernel[0]; ++i)
      for (int64_t j = 0; j < s->kernel[1]; ++j) {
        const int64_t iy = y * s->stride[0] - s->pad[0] + i * s->dilation[0];
        const int64_t ix = x * s->stride[1] - s->pad[1] + j * s->dilation[1];
        if (iy < 0 || iy >= s->image[0] || ix < 0 || ix >= s->image[1]) continue;
        at.image = element(s, s->image, s->c, n, group * per + c, iy, ix);
        at.filter = ((m * per + c) * s->kernel[0] + i) * s->kernel[1] + j;
        add(sum, &at);
      }
}

static void run(const conv_t *s, const double *image, const double *grid,
                const double *filter, const ref_tensor_t *to) {
  const sum_t sum = {image, grid, filter, to};
  if (!to) return;
  for (int64_t i = 0; i < to->n; ++i) ref_put(to, i, 0.0, 0.0);
  for (int64_t n = 0; n < s->n; ++n)
    for (int64_t m = 0; m < s->m; ++m)
      for (int64_t y = 0; y < s->grid[0]; ++y)
        for (int64_t x = 0; x < s->grid[1]; ++x) meet(s, &sum, n, m, y, x);
}

/* conv2d and depthwise_conv2d are alike, and so are their gradients. */
static frt_status_t conv(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *in = ref_in(c, FRT_CONV2D_IN_INPUT);
  const ref_tensor_t *filter = ref_in(c, FRT_CONV2D_IN_FILTER);
  const ref_tensor_t *out = ref_out(c, FRT_CONV2D_OUT_OUTPUT);
  const conv_t s = plan(c->op, &CONV, in->meta, out->meta, filter->meta);
  (void)err;
  run(&s, in->v, NULL, filter->v, out);
  return FRT_OK;
}

static frt_status_t conv_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *in = ref_in(c, FRT_CONV2D_GRAD_IN_INPUT);
  const ref_tensor_t *filter = ref_in(c, FRT_CONV2D_GRAD_IN_FILTER);
  const ref_tensor_t *g = ref_in(c, FRT_CONV2D_GRAD_IN_OUTPUT_GRAD);
  const conv_t s = plan(c->op, &CONV, in->meta, g->meta, filter->meta);
  (void)err;
  run(&s, NULL, g->v, filter->v, ref_out(c, FRT_CONV2D_GRAD_OUT_INPUT_GRAD));
  run(&s, in->v, g->v, NULL, ref_out(c, FRT_CONV2D_GRAD_OUT_FILTER_GRAD));
  return FRT_OK;
}

static frt_status_t transpose(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *in = ref_in(c, FRT_CONV2D_TRANSPOSE_IN_INPUT);
  const ref_tensor_t *filter = ref_in(c, FRT_CONV2D_TRANSPOSE_IN_FILTER);
  const ref_tensor_t *out = ref_out(c, FRT_CONV2D_TRANSPOSE_OUT_OUTPUT);
  const conv_t s = plan(c->op, &TURNED, in->meta, out->meta, filter->meta);
  (void)err;
  run(&s, NULL, in->v, filter->v, out);
  return FRT_OK;
}

static frt_status_t transpose_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *in = ref_in(c, FRT_CONV2D_TRANSPOSE_GRAD_IN_INPUT);
  const ref_tensor_t *filter = ref_in(c, FRT_CONV2D_TRANSPOSE_GRAD_IN_FILTER);
  const ref_tensor_t *g = ref_in(c, FRT_CONV2D_TRANSPOSE_GRAD_IN_OUTPUT_GRAD);
  const conv_t s = plan(c->op, &TURNED, in->meta, g->meta, filter->meta);
  (void)err;
  run(&s, g->v, NULL, filter->v, ref_out(c, FRT_CONV2D_TRANSPOSE_GRAD_OUT_INPUT_GRAD));
  run(&s, g->v, in->v, NULL, ref_out(c, FRT_CONV2D_TRANSPOSE_GRAD_OUT_FILTER_GRAD));
  return FRT_OK;
}

REF_KERNELS(conv) = {{"conv2d", FRT_FLOATS, conv, NULL, 0},
                     {"conv2d_grad", FRT_FLOATS, conv_grad, NULL, 0},
                     {"depthwise_conv2d", FRT_FLOATS, conv, NULL, 0},
                     {"depthwise_conv2d_grad", FRT_FLOATS, conv_grad, NULL, 0},
                     {"conv2d_transpose", FRT_FLOATS, transpose, NULL, 0},
                     {"conv2d_transpose_grad", FRT_FLOATS, transpose_grad, NULL, 0},
                     REF_END};
