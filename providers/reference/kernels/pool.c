#include "ref.h"

typedef struct {
  int64_t n, c, image[2], out[2], ksize[2], stride[2], pad[2];
  int max, exclusive, adaptive, last;
} pool_t;

static int64_t padding(const pool_t *s, const frt_op_t *op, int axis) {
  const frt_api_attr_t *p = &op->attrs[FRT_POOL2D_ATTR_PADDINGS];
  const char *algorithm = frt_attr_str(op, FRT_POOL2D_ATTR_PADDING_ALGORITHM);
  const int64_t in = s->image[axis], stride = s->stride[axis];
  if (!strcmp(algorithm, "VALID")) return 0;
  if (!strcmp(algorithm, "SAME")) {
    const int64_t missing =
        ((in + stride - 1) / stride - 1) * stride + s->ksize[axis] - in;
    return missing > 0 ? missing / 2 : 0;
  }
  return p->v.is[p->count == 4 ? 2 * axis : axis];
}

/* pool2d and pool2d_grad have the same attributes. */
static pool_t plan(const frt_op_t *op, const frt_api_tensor_t *x,
                   const frt_api_tensor_t *out) {
  const int global = frt_attr_bool(op, FRT_POOL2D_ATTR_GLOBAL_POOLING);
  pool_t s;
  memset(&s, 0, sizeof s);
  s.last = !strcmp(frt_attr_str(op, FRT_POOL2D_ATTR_DATA_FORMAT), "NHWC");
  s.max = !strcmp(frt_attr_str(op, FRT_POOL2D_ATTR_POOLING_TYPE), "max");
  s.exclusive = frt_attr_bool(op, FRT_POOL2D_ATTR_EXCLUSIVE);
  s.adaptive = frt_attr_bool(op, FRT_POOL2D_ATTR_ADAPTIVE);
  s.n = x->dims[0];
  s.c = x->dims[s.last ? 3 : 1];
  for (int i = 0; i < 2; ++i) {
    const int axis = (s.last ? 1 : 2) + i;
    s.image[i] = x->dims[axis];
    s.out[i] = out->dims[axis];
    s.ksize[i] = global ? s.image[i] : op->attrs[FRT_POOL2D_ATTR_KSIZE].v.is[i];
    s.stride[i] = op->attrs[FRT_POOL2D_ATTR_STRIDES].v.is[i];
    s.pad[i] = global || s.adaptive ? 0 : padding(&s, op, i);
  }
  return s;
}

static int64_t element(const pool_t *s, const int64_t *extent, int64_t n, int64_t c,
                       int64_t y, int64_t x) {
  return s->last ? ((n * extent[0] + y) * extent[1] + x) * s->c + c
                 : ((n * s->c + c) * extent[0] + y) * extent[1] + x;
}

/* Rows (axis 0) or columns [lo, hi) of the image in window `at`. */
static void window(const pool_t *s, int axis, int64_t at, int64_t *lo, int64_t *hi) {
  const int64_t in = s->image[axis], n = s->out[axis];
  if (s->adaptive) {
    *lo = at * in / n;
    *hi = ((at + 1) * in + n - 1) / n;
    return;
  }
  *lo = at * s->stride[axis] - s->pad[axis];
  *hi = *lo + s->ksize[axis];
  if (*lo < 0) *lo = 0;
  if (*hi > in) *hi = in;
}

typedef struct {
  int64_t n, c, at, y0, y1, x0, x1; /* at: the element of Out */
  double cells;
} window_t;

static void each_window(const pool_t *s, void (*fn)(const pool_t *s, const window_t *w,
                                                    void *arg), void *arg) {
  for (int64_t n = 0; n < s->n; ++n)
    for (int64_t c = 0; c < s->c; ++c)
      for (int64_t y = 0; y < s->out[0]; ++y)
        for (int64_t x = 0; x < s->out[1]; ++x) {
          window_t w = {n, c, element(s, s->out, n, c, y, x), 0, 0, 0, 0, 0};
          window(s, 0, y, &w.y0, &w.y1);
          window(s, 1, x, &w.x0, &w.x1);
          w.cells = s->exclusive || s->adaptive
                        ? (double)((w.y1 - w.y0) * (w.x1 - w.x0))
                        : (double)(s->ksize[0] * s->ksize[1]);
          fn(s, &w, arg);
        }
}

typedef struct {
  const ref_tensor_t *x, *out, *g, *dx;
} pool_call_t;

static void forward(const pool_t *s, const window_t *w, void *arg) {
  const pool_call_t *c = (const pool_call_t *)arg;
  double most = -INFINITY, sum = 0, mag = 0;
  for (int64_t y = w->y0; y < w->y1; ++y)
    for (int64_t x = w->x0; x < w->x1; ++x) {
      const double v = c->x->v[element(s, s->image, w->n, w->c, y, x)];
      if (v > most || v != v) most = v; /* NaN stays: nothing is greater */
      sum += v;
      mag += fabs(v);
    }
  if (s->max) ref_put_own(c->out, w->at, most);
  else ref_put(c->out, w->at, sum / w->cells, mag / w->cells);
}

static void give(const ref_tensor_t *to, int64_t at, double v) {
  to->v[at] += v;
  if (to->mag) to->mag[at] += fabs(v);
}

static void backward(const pool_t *s, const window_t *w, void *arg) {
  const pool_call_t *c = (const pool_call_t *)arg;
  const double g = c->g->v[w->at];
  for (int64_t y = w->y0; y < w->y1; ++y)
    for (int64_t x = w->x0; x < w->x1; ++x) {
      const int64_t at = element(s, s->image, w->n, w->c, y, x);
      if (!s->max) {
        give(c->dx, at, g / w->cells);
      } else if (c->x->v[at] == c->out->v[w->at]) {
        give(c->dx, at, g);
        return;
      }
    }
}

static frt_status_t pool(const ref_call_t *c, frt_error_t *err) {
  pool_call_t call = {ref_in(c, FRT_POOL2D_IN_X), ref_out(c, FRT_POOL2D_OUT_OUT), NULL, NULL};
  const pool_t s = plan(c->op, call.x->meta, call.out->meta);
  (void)err;
  each_window(&s, forward, &call);
  return FRT_OK;
}

static frt_status_t pool_grad(const ref_call_t *c, frt_error_t *err) {
  pool_call_t call = {ref_in(c, FRT_POOL2D_GRAD_IN_X), ref_in(c, FRT_POOL2D_GRAD_IN_OUT),
                      ref_in(c, FRT_POOL2D_GRAD_IN_OUT_GRAD),
                      ref_out(c, FRT_POOL2D_GRAD_OUT_X_GRAD)};
  (void)err;
  if (!call.dx) return FRT_OK;
  const pool_t s = plan(c->op, call.x->meta, call.out->meta);
  for (int64_t i = 0; i < call.dx->n; ++i) ref_put(call.dx, i, 0.0, 0.0);
  each_window(&s, backward, &call);
  return FRT_OK;
}

REF_KERNELS(pool) = {{"pool2d", FRT_FLOATS, pool, NULL, 0},
                     {"pool2d_grad", FRT_FLOATS, pool_grad, NULL, 0},
                     REF_END};
