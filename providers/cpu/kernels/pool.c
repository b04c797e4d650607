/* Pooling, a plane (one channel of one image) at a time. */
#include <math.h>

#include "fluidrt/op_index.h"
#include "loop.h"
#include "window.h"
#undef A
#undef B

typedef struct {
  frt_cpu_window_t w;
  int32_t max, exclusive, adaptive;
  int32_t rows;  /* a row of the output at once, its columns side by side */
  int64_t grain; /* planes of a piece */
} pool_t;

/* pool2d and pool2d_grad have the same attributes. */
static void make(pool_t *s, const frt_op_t *op, const frt_api_tensor_t *x,
                 const frt_api_tensor_t *out) {
  static const frt_cpu_window_attrs_t at = {
      FRT_POOL2D_ATTR_STRIDES, FRT_POOL2D_ATTR_PADDINGS, -1, -1,
      FRT_POOL2D_ATTR_PADDING_ALGORITHM, FRT_POOL2D_ATTR_DATA_FORMAT};
  const int global = frt_attr_bool(op, FRT_POOL2D_ATTR_GLOBAL_POOLING);
  frt_cpu_window_t *w = &s->w;
  frt_cpu_window_make(w, op, &at, x, out, x, op->attrs[FRT_POOL2D_ATTR_KSIZE].v.is);
  s->max = !strcmp(frt_attr_str(op, FRT_POOL2D_ATTR_POOLING_TYPE), "max");
  s->exclusive = frt_attr_bool(op, FRT_POOL2D_ATTR_EXCLUSIVE);
  s->adaptive = global || frt_attr_bool(op, FRT_POOL2D_ATTR_ADAPTIVE); /* global: to 1 x 1 */
  if (s->adaptive) w->pad[0] = w->pad[1] = 0;
  s->rows = !s->adaptive && !w->last;
  const int64_t work = w->pixels + (s->adaptive ? w->pixels : w->cells * w->taps);
  s->grain = work < FRT_CPU_GRAIN ? frt_cpu_div_up(FRT_CPU_GRAIN, work) : 1;
}

/* Pixels [lo, hi) along one axis in window `at`. */
typedef struct { int64_t lo, hi; } span_t;
static span_t span(const pool_t *s, int axis, int64_t at) {
  const frt_cpu_window_t *w = &s->w;
  const int64_t in = w->image[axis], n = w->grid[axis];
  span_t p = {at * w->stride[axis] - w->pad[axis], 0};
  if (s->adaptive) return (span_t){at * in / n, frt_cpu_div_up((at + 1) * in, n)};
  p.hi = p.lo + w->kernel[axis] < in ? p.lo + w->kernel[axis] : in;
  if (p.lo < 0) p.lo = 0;
  return p;
}

static double divisor(const pool_t *s, const span_t *y, const span_t *x) {
  if (!s->exclusive && !s->adaptive) return (double)s->w.taps;
  return (double)((y->hi - y->lo) * (x->hi - x->lo));
}

typedef struct {
  const pool_t *s;
  const float *x, *y, *g; /* image, result, its gradient */
  float *out;
} pool_call_t;

/* First element of a plane of `size` elements. */
static int64_t plane(const frt_cpu_window_t *w, int64_t at, int64_t size) {
  return w->last ? at / w->c * size * w->c + at % w->c : at * size;
}

/* ---- forward: columns side by side --------------------------------------------------------- */

/* NaN enters and, as nothing is greater, stays. */
FRT_CPU_BODY void greater_body(float *o, const float *x, int64_t n, int64_t step) {
  if (step == 1)
    for (int64_t i = 0; i < n; ++i) o[i] = x[i] > o[i] || x[i] != x[i] ? x[i] : o[i];
  else if (step == 2)
    for (int64_t i = 0; i < n; ++i) o[i] = x[2 * i] > o[i] || x[2 * i] != x[2 * i] ? x[2 * i] : o[i];
  else
    for (int64_t i = 0; i < n; ++i)
      o[i] = x[i * step] > o[i] || x[i * step] != x[i * step] ? x[i * step] : o[i];
}
FRT_CPU_VARIANTS(greater, (float *o, const float *x, int64_t n, int64_t step), (o, x, n, step))

FRT_CPU_BODY void plus_body(float *o, const float *x, int64_t n, int64_t step) {
  if (step == 1)
    for (int64_t i = 0; i < n; ++i) o[i] += x[i];
  else if (step == 2)
    for (int64_t i = 0; i < n; ++i) o[i] += x[2 * i];
  else
    for (int64_t i = 0; i < n; ++i) o[i] += x[i * step];
}
FRT_CPU_VARIANTS(plus, (float *o, const float *x, int64_t n, int64_t step), (o, x, n, step))

/* Columns of the output whose window has a pixel at offset j. */
static span_t seen(const frt_cpu_window_t *w, int64_t j) {
  const int64_t s = w->stride[1], shift = j - w->pad[1], room = w->image[1] - 1 - shift;
  span_t p = {shift < 0 ? frt_cpu_div_up(-shift, s) : 0, room < 0 ? 0 : room / s + 1};
  if (p.hi > w->grid[1]) p.hi = w->grid[1];
  return p;
}

static void one_row(const pool_t *s, const float *x, int64_t row, float *out) {
  const frt_cpu_window_t *w = &s->w;
  const span_t y = span(s, 0, row);
  for (int64_t i = 0; i < w->grid[1]; ++i) out[i] = s->max ? -INFINITY : 0.0f;
  for (int64_t i = y.lo; i < y.hi; ++i)
    for (int64_t j = 0; j < w->kernel[1]; ++j) {
      const span_t c = seen(w, j);
      if (c.lo >= c.hi) continue;
      const float *from = x + i * w->image[1] + c.lo * w->stride[1] + j - w->pad[1];
      (s->max ? greater : plus)(out + c.lo, from, c.hi - c.lo, w->stride[1]);
    }
  for (int64_t i = 0; !s->max && i < w->grid[1]; ++i) {
    const span_t c = span(s, 1, i);
    out[i] = (float)((double)out[i] / divisor(s, &y, &c));
  }
}

/* ---- forward: window by window --------------------------------------------------------------- */

static float one_window(const pool_t *s, const float *x, const span_t *ys, const span_t *xs) {
  const frt_cpu_window_t *w = &s->w;
  const int64_t step = w->last ? w->c : 1;
  double sum = 0.0;
  float most = -INFINITY;
  for (int64_t y = ys->lo; y < ys->hi; ++y) {
    const float *row = x + y * w->image[1] * step;
    if (s->max)
      for (int64_t i = xs->lo; i < xs->hi; ++i)
        most = row[i * step] > most || row[i * step] != row[i * step] ? row[i * step] : most;
    else
      for (int64_t i = xs->lo; i < xs->hi; ++i) sum += (double)row[i * step];
  }
  return s->max ? most : (float)(sum / divisor(s, ys, xs));
}

static void windows(const pool_t *s, const float *x, float *out) {
  const frt_cpu_window_t *w = &s->w;
  const int64_t step = w->last ? w->c : 1;
  for (int64_t i = 0; i < w->grid[0]; ++i) {
    const span_t y = span(s, 0, i);
    for (int64_t j = 0; j < w->grid[1]; ++j) {
      const span_t c = span(s, 1, j);
      out[(i * w->grid[1] + j) * step] = one_window(s, x, &y, &c);
    }
  }
}

static void planes(void *arg, int64_t lo, int64_t hi) {
  const pool_call_t *c = (const pool_call_t *)arg;
  const frt_cpu_window_t *w = &c->s->w;
  for (int64_t at = lo; at < hi; ++at) {
    const float *x = c->x + plane(w, at, w->pixels);
    float *out = c->out + plane(w, at, w->cells);
    if (!c->s->rows) windows(c->s, x, out);
    else
      for (int64_t i = 0; i < w->grid[0]; ++i) one_row(c->s, x, i, out + i * w->grid[1]);
  }
}

/* ---- backward ------------------------------------------------------------------------------------ */

/* The first pixel that is the greatest gets all. */
static void give_first(const pool_t *s, const float *x, float most, float g, const span_t *ys,
                       const span_t *xs, float *dx) {
  const frt_cpu_window_t *w = &s->w;
  const int64_t step = w->last ? w->c : 1;
  for (int64_t y = ys->lo; y < ys->hi; ++y)
    for (int64_t i = xs->lo; i < xs->hi; ++i) {
      const int64_t at = (y * w->image[1] + i) * step;
      if (x[at] != most) continue;
      dx[at] += g;
      return;
    }
}

static void give_all(const pool_t *s, float share, const span_t *ys, const span_t *xs,
                     float *dx) {
  const frt_cpu_window_t *w = &s->w;
  const int64_t step = w->last ? w->c : 1;
  for (int64_t y = ys->lo; y < ys->hi; ++y) {
    float *row = dx + y * w->image[1] * step;
    for (int64_t i = xs->lo; i < xs->hi; ++i) row[i * step] += share;
  }
}

static void back_planes(void *arg, int64_t lo, int64_t hi) {
  const pool_call_t *c = (const pool_call_t *)arg;
  const pool_t *s = c->s;
  const frt_cpu_window_t *w = &s->w;
  const int64_t step = w->last ? w->c : 1;
  for (int64_t plane_at = lo; plane_at < hi; ++plane_at) {
    const int64_t image = plane(w, plane_at, w->pixels), grid = plane(w, plane_at, w->cells);
    float *dx = c->out + image;
    for (int64_t i = 0; i < w->pixels; ++i) dx[i * step] = 0.0f;
    for (int64_t i = 0; i < w->grid[0]; ++i) {
      const span_t y = span(s, 0, i);
      for (int64_t j = 0; j < w->grid[1]; ++j) {
        const span_t x = span(s, 1, j);
        const int64_t at = grid + (i * w->grid[1] + j) * step;
        if (s->max) give_first(s, c->x + image, c->y[at], c->g[at], &y, &x, dx);
        else give_all(s, (float)((double)c->g[at] / divisor(s, &y, &x)), &y, &x, dx);
      }
    }
  }
}

/* ---- rows ------------------------------------------------------------------------------------------ */

static frt_status_t pool_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  (void)workspace, (void)err;
  make((pool_t *)state, op, frt_in(op, FRT_POOL2D_IN_X), frt_out(op, FRT_POOL2D_OUT_OUT));
  return FRT_OK;
}

static frt_status_t pool_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const pool_t *s = (const pool_t *)state;
  pool_call_t c = {s, frt_in_f32(r, FRT_POOL2D_IN_X), NULL, NULL,
                   frt_out_f32(r, FRT_POOL2D_OUT_OUT)};
  (void)err;
  frt_cpu_for(r, s->w.n * s->w.c, s->grain, planes, &c);
  return FRT_OK;
}

static frt_status_t pool_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                      frt_error_t *err) {
  (void)workspace, (void)err;
  make((pool_t *)state, op, frt_in(op, FRT_POOL2D_GRAD_IN_X),
       frt_in(op, FRT_POOL2D_GRAD_IN_OUT));
  return FRT_OK;
}

static frt_status_t pool_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const pool_t *s = (const pool_t *)state;
  (void)err;
  if (!frt_has_out(r, FRT_POOL2D_GRAD_OUT_X_GRAD)) return FRT_OK;
  pool_call_t c = {s, frt_in_f32(r, FRT_POOL2D_GRAD_IN_X), frt_in_f32(r, FRT_POOL2D_GRAD_IN_OUT),
                   frt_in_f32(r, FRT_POOL2D_GRAD_IN_OUT_GRAD),
                   frt_out_f32(r, FRT_POOL2D_GRAD_OUT_X_GRAD)};
  frt_cpu_for(r, s->w.n * s->w.c, s->grain, back_planes, &c);
  return FRT_OK;
}

typedef pool_t pool_grad_t;
FRT_KERNELS(cpu, pool) = {FRT_KERNEL("pool2d", FRT_F32S, pool, FRT_KERNEL_DETERMINISTIC),
                          FRT_KERNEL("pool2d_grad", FRT_F32S, pool_grad,
                                     FRT_KERNEL_DETERMINISTIC),
                          FRT_KERNELS_END};
