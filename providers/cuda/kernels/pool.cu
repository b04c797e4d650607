#include "window.h"

typedef struct {
  frt_gpu_window_t w;
  int max, exclusive, adaptive;
} pool_t;

/* pool2d and pool2d_grad have the same attributes. */
static void make(pool_t *s, const frt_op_t *op, const frt_api_tensor_t *x,
                 const frt_api_tensor_t *out) {
  static const frt_gpu_window_attrs_t at = {
      FRT_POOL2D_ATTR_STRIDES, FRT_POOL2D_ATTR_PADDINGS, -1, -1,
      FRT_POOL2D_ATTR_PADDING_ALGORITHM, FRT_POOL2D_ATTR_DATA_FORMAT};
  frt_gpu_window_make(&s->w, op, &at, x, out, x, op->attrs[FRT_POOL2D_ATTR_KSIZE].v.is);
  s->max = !strcmp(frt_attr_str(op, FRT_POOL2D_ATTR_POOLING_TYPE), "max");
  s->exclusive = frt_attr_bool(op, FRT_POOL2D_ATTR_EXCLUSIVE);
  /* Global pooling is adaptive to one row and one column. */
  s->adaptive = frt_attr_bool(op, FRT_POOL2D_ATTR_ADAPTIVE) ||
                frt_attr_bool(op, FRT_POOL2D_ATTR_GLOBAL_POOLING);
}

/* Pixels [lo, hi) along one axis in window g. */
typedef struct { int64_t lo, hi; } span_t;
static FRT_GPU_FN inline span_t span(const pool_t &s, int axis, int64_t g) {
  const int64_t in = s.w.image[axis], n = s.w.grid[axis];
  span_t p;
  if (s.adaptive) {
    p.lo = g * in / n;
    p.hi = ((g + 1) * in + n - 1) / n;
    return p;
  }
  p.lo = g * s.w.stride[axis] - s.w.pad[axis];
  p.hi = p.lo + s.w.kernel[axis] < in ? p.lo + s.w.kernel[axis] : in;
  if (p.lo < 0) p.lo = 0;
  return p;
}
/* The windows [lo, hi) along one axis that hold pixel p. */
static FRT_GPU_FN inline span_t holders(const pool_t &s, int axis, int64_t p) {
  const int64_t in = s.w.image[axis], n = s.w.grid[axis], step = s.w.stride[axis];
  const int64_t at = p + s.w.pad[axis], k = s.w.kernel[axis];
  span_t g;
  if (s.adaptive) { /* floor(g in / n) <= p and ceil((g + 1) in / n) > p */
    g.lo = p * n / in;
    g.hi = ((p + 1) * n - 1) / in + 1;
    return g;
  }
  g.lo = at < k ? 0 : (at - k) / step + 1;
  g.hi = at / step + 1 < n ? at / step + 1 : n;
  return g;
}
static FRT_GPU_FN inline double divisor(const pool_t &s, const span_t &y, const span_t &x) {
  if (!s.exclusive && !s.adaptive) return (double)s.w.taps;
  return (double)((y.hi - y.lo) * (x.hi - x.lo));
}

static frt_status_t pool_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  (void)workspace, (void)err;
  make((pool_t *)state, op, frt_in(op, FRT_POOL2D_IN_X), frt_out(op, FRT_POOL2D_OUT_OUT));
  return FRT_OK;
}
static frt_status_t pool_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const pool_t s = *(const pool_t *)state;
  const int wide = frt_gpu_wide(frt_in(r, FRT_POOL2D_IN_X));
  const void *in = frt_in(r, FRT_POOL2D_IN_X)->data;
  void *out = frt_out(r, FRT_POOL2D_OUT_OUT)->data;
  return frt_gpu_each(
      r, s.w.n * s.w.c * s.w.cells,
      [=] FRT_GPU_FN(int64_t i) {
        const frt_gpu_place_t p = frt_gpu_place_of(s.w.last, s.w.grid, s.w.c, i);
        const span_t ys = span(s, 0, p.y), xs = span(s, 1, p.x);
        double sum = 0.0, most = -(double)INFINITY;
        for (int64_t y = ys.lo; y < ys.hi; ++y)
          for (int64_t x = xs.lo; x < xs.hi; ++x) {
            const double v = frt_gpu_real(
                in, wide, frt_gpu_place_at(s.w.last, s.w.image, s.w.c, p.n, p.c, y, x));
            sum += v;
            if (v > most || v != v) most = v; /* NaN stays: nothing is greater */
          }
        frt_gpu_put(out, wide, i, s.max ? most : sum / divisor(s, ys, xs));
      },
      err);
}

static frt_status_t pool_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                      frt_error_t *err) {
  (void)workspace, (void)err;
  make((pool_t *)state, op, frt_in(op, FRT_POOL2D_GRAD_IN_X),
       frt_in(op, FRT_POOL2D_GRAD_IN_OUT));
  return FRT_OK;
}

typedef struct { int wide; const void *x, *out, *g; } given_t;

/* Whether pixel (py, px) is the first of the window that equals the window's result. */
static FRT_GPU_FN inline int is_first(const pool_t &s, const given_t &d,
                                      const frt_gpu_place_t &p, const span_t &ys,
                                      const span_t &xs, double most) {
  for (int64_t y = ys.lo; y <= p.y; ++y)
    for (int64_t x = xs.lo; x < xs.hi; ++x) {
      const double v = frt_gpu_real(
          d.x, d.wide, frt_gpu_place_at(s.w.last, s.w.image, s.w.c, p.n, p.c, y, x));
      if (v == most) return y == p.y && x == p.x;
    }
  return 0;
}

/* Each pixel asks the windows that hold it. */
static frt_status_t pool_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const pool_t s = *(const pool_t *)state;
  const given_t d = {frt_gpu_wide(frt_in(r, FRT_POOL2D_GRAD_IN_X)),
                     frt_in(r, FRT_POOL2D_GRAD_IN_X)->data,
                     frt_in(r, FRT_POOL2D_GRAD_IN_OUT)->data,
                     frt_in(r, FRT_POOL2D_GRAD_IN_OUT_GRAD)->data};
  void *dx = frt_gpu_data_out(r, FRT_POOL2D_GRAD_OUT_X_GRAD);
  if (!dx) return FRT_OK;
  return frt_gpu_each(
      r, s.w.n * s.w.c * s.w.pixels,
      [=] FRT_GPU_FN(int64_t i) {
        const frt_gpu_place_t p = frt_gpu_place_of(s.w.last, s.w.image, s.w.c, i);
        const span_t gys = holders(s, 0, p.y), gxs = holders(s, 1, p.x);
        double v = 0.0;
        for (int64_t gy = gys.lo; gy < gys.hi; ++gy)
          for (int64_t gx = gxs.lo; gx < gxs.hi; ++gx) {
            const span_t ys = span(s, 0, gy), xs = span(s, 1, gx);
            const int64_t at =
                frt_gpu_place_at(s.w.last, s.w.grid, s.w.c, p.n, p.c, gy, gx);
            const double g = frt_gpu_real(d.g, d.wide, at);
            if (!s.max) v += g / divisor(s, ys, xs);
            else if (is_first(s, d, p, ys, xs, frt_gpu_real(d.out, d.wide, at))) v += g;
          }
        frt_gpu_put(dx, d.wide, i, v);
      },
      err);
}

FRT_KERNELS(cuda, pool) = {FRT_KERNEL("pool2d", FRT_FLOATS, pool, FRT_GPU_FLAGS),
                           {"pool2d_grad", FRT_FLOATS, sizeof(pool_t), pool_grad_prepare,
                            pool_grad_run, FRT_GPU_FLAGS, NULL},
                           FRT_KERNELS_END};
