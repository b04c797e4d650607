#include "window.h"

#include "loop.h"
#undef A
#undef B

static int64_t padding(const frt_cpu_window_t *w, const frt_api_attr_t *paddings,
                       const char *algorithm, int axis, int64_t extent) {
  const int64_t s = w->stride[axis];
  if (!strcmp(algorithm, "VALID")) return 0;
  if (!strcmp(algorithm, "SAME")) {
    const int64_t missing = (frt_cpu_div_up(extent, s) - 1) * s + w->kernel[axis] - extent;
    return missing > 0 ? missing / 2 : 0;
  }
  return paddings->v.is[paddings->count == 4 ? 2 * axis : axis];
}

void frt_cpu_window_make(frt_cpu_window_t *w, const frt_api_op_t *op,
                         const frt_cpu_window_attrs_t *at, const frt_api_tensor_t *image,
                         const frt_api_tensor_t *grid, const frt_api_tensor_t *padded,
                         const int64_t kernel[2]) {
  const char *algorithm = op->attrs[at->algorithm].v.s;
  memset(w, 0, sizeof *w);
  w->last = !strcmp(op->attrs[at->format].v.s, "NHWC");
  w->n = image->dims[0];
  w->c = image->dims[w->last ? 3 : 1];
  w->m = grid->dims[w->last ? 3 : 1];
  w->groups = at->groups < 0 ? 1 : op->attrs[at->groups].v.i;
  w->cells = w->pixels = w->taps = w->plain = 1;
  for (int i = 0; i < 2; ++i) {
    const int axis = (w->last ? 1 : 2) + i;
    w->image[i] = image->dims[axis];
    w->grid[i] = grid->dims[axis];
    w->kernel[i] = kernel[i];
    w->stride[i] = op->attrs[at->strides].v.is[i];
    w->dilation[i] = at->dilations < 0 || !strcmp(algorithm, "SAME")
                         ? 1 : op->attrs[at->dilations].v.is[i];
    w->pad[i] = padding(w, &op->attrs[at->paddings], algorithm, i, padded->dims[axis]);
    w->plain &= w->kernel[i] == 1 && w->stride[i] == 1 && !w->pad[i] &&
                w->grid[i] == w->image[i];
    w->cells *= w->grid[i];
    w->pixels *= w->image[i];
    w->taps *= w->kernel[i];
  }
}

/* ---- one line: the cells of one row of the grid that one filter cell meets --------------- */

/* Grid columns [lo, hi) of [x0, x1) whose pixel is inside of the image; pixel of `lo`. */
typedef struct line { int64_t lo, hi, at; } line_t;

static line_t line_of(const frt_cpu_window_t *w, int64_t j, int64_t x0, int64_t x1) {
  const int64_t s = w->stride[1], shift = j * w->dilation[1] - w->pad[1];
  const int64_t room = w->image[1] - 1 - shift;
  line_t l = {shift < 0 ? frt_cpu_div_up(-shift, s) : 0, room < 0 ? 0 : room / s + 1, 0};
  if (l.lo < x0) l.lo = x0;
  if (l.lo > x1) l.lo = x1;
  if (l.hi > x1) l.hi = x1;
  if (l.hi < l.lo) l.hi = l.lo;
  l.at = l.lo * s + shift;
  return l;
}

static void take_line(float *to, int64_t x0, int64_t x1, const line_t *l, const float *row,
                      int64_t step) {
  float *o = to + (l->lo - x0);
  const int64_t n = l->hi - l->lo;
  if (l->lo > x0) memset(to, 0, (size_t)(l->lo - x0) * sizeof *to);
  if (step == 1) memcpy(o, row, (size_t)n * sizeof *to);
  else
    for (int64_t i = 0; i < n; ++i) o[i] = row[i * step];
  if (x1 > l->hi) memset(o + n, 0, (size_t)(x1 - l->hi) * sizeof *to);
}

static void add_line(float *row, const float *from, int64_t n, int64_t step) {
  if (step == 1) {
    FRT_CPU_IVDEP
    for (int64_t i = 0; i < n; ++i) row[i] += from[i];
  } else {
    for (int64_t i = 0; i < n; ++i) row[i * step] += from[i];
  }
}

/* Pixel (y, x) of channel c of image n lies at base + (y * w + x) * step. */
static int64_t plane(const frt_cpu_window_t *w, int64_t n, int64_t c, int64_t *step) {
  *step = w->last ? w->c : 1;
  return w->last ? n * w->pixels * w->c + c : (n * w->c + c) * w->pixels;
}

/* One row of the matrix: filter cell (i, j) over all its grid cells. `add` is where the
 * elements go, `take` where they come from; one of them is NULL. */
static void matrix_row(const frt_cpu_columns_t *c, int64_t channel, int64_t tap, float *row,
                       const float *take, float *add) {
  const frt_cpu_window_t *w = c->w;
  const int64_t i = tap / w->kernel[1], j = tap % w->kernel[1], width = w->grid[1];
  int64_t step;
  const int64_t base = plane(w, c->n, channel, &step);
  for (int64_t p = c->p0, to; p < c->p1; p = to) {
    const int64_t gy = p / width, x0 = p % width;
    const int64_t y = gy * w->stride[0] - w->pad[0] + i * w->dilation[0];
    const int64_t x1 = c->p1 - p < width - x0 ? x0 + c->p1 - p : width;
    float *at = row + (p - c->p0);
    to = p + x1 - x0;
    if (y < 0 || y >= w->image[0]) {
      if (take) memset(at, 0, (size_t)(x1 - x0) * sizeof *at);
      continue;
    }
    const line_t l = line_of(w, j, x0, x1);
    const int64_t pixel = base + (y * w->image[1] + l.at) * step;
    if (take)
      take_line(at, x0, x1, &l, l.hi > l.lo ? take + pixel : take, step * w->stride[1]);
    else if (l.hi > l.lo)
      add_line(add + pixel, at + (l.lo - x0), l.hi - l.lo, step * w->stride[1]);
  }
}

void frt_cpu_columns_take(const frt_cpu_columns_t *c, const float *image, float *to) {
  for (int64_t k = c->c0; k < c->c1; ++k)
    for (int64_t tap = 0; tap < c->w->taps; ++tap, to += c->p1 - c->p0)
      matrix_row(c, k, tap, to, image, NULL);
}

void frt_cpu_columns_add(const frt_cpu_columns_t *c, float *from, float *image) {
  for (int64_t k = c->c0; k < c->c1; ++k)
    for (int64_t tap = 0; tap < c->w->taps; ++tap, from += c->p1 - c->p0)
      matrix_row(c, k, tap, from, NULL, image);
}
