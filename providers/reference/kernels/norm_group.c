#include "norm.h"

/* How X lies: sample, channel and the rest are steps of memory. */
typedef struct {
  int64_t n, c, s, step_c, step_s;
} layout_t;
static layout_t layout_of(const frt_api_tensor_t *x, const char *layout) {
  const int last = !strcmp(layout, "NHWC");
  layout_t l = {x->dims[0], x->dims[last ? x->rank - 1 : 1], 1, 1, 1};
  l.s = last ? ref_product(x->dims, 1, x->rank - 1) : ref_product(x->dims, 2, x->rank);
  if (last) l.step_s = l.c;
  else l.step_c = l.s;
  return l;
}
/* `size` channels of sample k from channel `first` on: element i is of channel
 * first + i / s. */
static ref_set_t channels_of(const layout_t *l, int64_t k, int64_t first, int64_t size) {
  const ref_set_t s = {k * l->c * l->s + first * l->step_c, size, l->step_c, l->s, l->step_s};
  return s;
}

static void forward(const layout_t *l, int64_t k, int64_t first, int64_t size, double eps,
                    const ref_tensor_t *x, const ref_tensor_t *w, const ref_tensor_t *b,
                    const ref_tensor_t *y, ref_moments_t *m) {
  const ref_set_t s = channels_of(l, k, first, size);
  *m = ref_moments(&s, x->v);
  for (int64_t i = 0; i < ref_set_size(&s); ++i) {
    const int64_t at = ref_set_at(&s, i), channel = first + i / l->s;
    ref_normalize(m, x->v[at], 1 / sqrt(m->variance + eps), ref_param(w, channel, 1),
                  ref_param(b, channel, 0), y, at);
  }
}

/* ---- group_norm ------------------------------------------------------------------------- */

static frt_status_t group_norm(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_GROUP_NORM_IN_X);
  const layout_t l = layout_of(x->meta, frt_attr_str(c->op, FRT_GROUP_NORM_ATTR_DATA_LAYOUT));
  const int64_t groups = frt_attr_i64(c->op, FRT_GROUP_NORM_ATTR_GROUPS), size = l.c / groups;
  (void)err;
  for (int64_t k = 0; k < l.n; ++k)
    for (int64_t g = 0; g < groups; ++g) {
      ref_moments_t m;
      forward(&l, k, g * size, size, frt_attr_f32(c->op, FRT_GROUP_NORM_ATTR_EPSILON), x,
              ref_in(c, FRT_GROUP_NORM_IN_SCALE), ref_in(c, FRT_GROUP_NORM_IN_BIAS),
              ref_out(c, FRT_GROUP_NORM_OUT_Y), &m);
      ref_put_moments(&m, ref_out(c, FRT_GROUP_NORM_OUT_MEAN),
                      ref_out(c, FRT_GROUP_NORM_OUT_VARIANCE), k * groups + g);
    }
  return FRT_OK;
}

/* The normalized value behind y, and one that bounds what rounding makes of it. */
static double behind(double y, double w, double b) { return w == 0 ? 0 : (y - b) / w; }
static double behind_most(double y, double w, double b) {
  return w == 0 ? 0 : (fabs(y) + fabs(b)) / fabs(w);
}

typedef struct {
  const ref_tensor_t *y, *dy, *w, *b, *dx, *dw, *db;
} group_back_t;

static void group_back(const group_back_t *t, const layout_t *l, const ref_set_t *s,
                       int64_t first, double inverse) {
  const double n = (double)ref_set_size(s);
  double g_mean = 0, gh_mean = 0, g_most = 0, gh_most = 0;
  for (int64_t i = 0; i < ref_set_size(s); ++i) {
    const int64_t at = ref_set_at(s, i), channel = first + i / l->s;
    const double w = ref_param(t->w, channel, 1), b = ref_param(t->b, channel, 0);
    const double dy = t->dy->v[at], h = behind(t->y->v[at], w, b);
    const double most = behind_most(t->y->v[at], w, b);
    if (t->w) g_mean += dy * w / n; /* not without Scale: Fluid's way */
    gh_mean += dy * w * h / n;
    if (t->w) g_most += fabs(dy * w) / n;
    gh_most += fabs(dy * w) * most / n;
    ref_gather(t->db, channel, dy);
    if (!t->dw) continue;
    t->dw->v[channel] += dy * h;
    if (t->dw->mag) t->dw->mag[channel] += fabs(dy) * most;
  }
  for (int64_t i = 0; t->dx && i < ref_set_size(s); ++i) {
    const int64_t at = ref_set_at(s, i), channel = first + i / l->s;
    const double w = ref_param(t->w, channel, 1), b = ref_param(t->b, channel, 0);
    const double g = t->dy->v[at] * w;
    ref_put(t->dx, at, (g - g_mean - behind(t->y->v[at], w, b) * gh_mean) * inverse,
            (fabs(g) + g_most + behind_most(t->y->v[at], w, b) * gh_most) * fabs(inverse));
  }
}

static frt_status_t group_norm_grad(const ref_call_t *c, frt_error_t *err) {
  const group_back_t t = {
      ref_in(c, FRT_GROUP_NORM_GRAD_IN_Y), ref_in(c, FRT_GROUP_NORM_GRAD_IN_Y_GRAD),
      ref_in(c, FRT_GROUP_NORM_GRAD_IN_SCALE), ref_in(c, FRT_GROUP_NORM_GRAD_IN_BIAS),
      ref_out(c, FRT_GROUP_NORM_GRAD_OUT_X_GRAD),
      ref_out(c, FRT_GROUP_NORM_GRAD_OUT_SCALE_GRAD),
      ref_out(c, FRT_GROUP_NORM_GRAD_OUT_BIAS_GRAD)};
  const layout_t l =
      layout_of(t.y->meta, frt_attr_str(c->op, FRT_GROUP_NORM_GRAD_ATTR_DATA_LAYOUT));
  const int64_t groups = frt_attr_i64(c->op, FRT_GROUP_NORM_GRAD_ATTR_GROUPS);
  const double eps = frt_attr_f32(c->op, FRT_GROUP_NORM_GRAD_ATTR_EPSILON);
  (void)err;
  ref_clear(t.dw);
  ref_clear(t.db);
  for (int64_t i = 0; i < l.n * groups; ++i) {
    const int64_t size = l.c / groups, first = i % groups * size;
    const ref_set_t s = channels_of(&l, i / groups, first, size);
    const double variance = ref_in(c, FRT_GROUP_NORM_GRAD_IN_VARIANCE)->v[i];
    group_back(&t, &l, &s, first, 1 / sqrt(variance + eps));
  }
  return FRT_OK;
}

/* ---- instance_norm ----------------------------------------------------------------------- */

static frt_status_t instance_norm(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_INSTANCE_NORM_IN_X);
  const ref_tensor_t *saved = ref_out(c, FRT_INSTANCE_NORM_OUT_SAVEDVARIANCE);
  const layout_t l = layout_of(x->meta, "NCHW");
  const double eps = frt_attr_f32(c->op, FRT_INSTANCE_NORM_ATTR_EPSILON);
  (void)err;
  for (int64_t i = 0; i < l.n * l.c; ++i) {
    ref_moments_t m;
    forward(&l, i / l.c, i % l.c, 1, eps, x, ref_in(c, FRT_INSTANCE_NORM_IN_SCALE),
            ref_in(c, FRT_INSTANCE_NORM_IN_BIAS), ref_out(c, FRT_INSTANCE_NORM_OUT_Y), &m);
    ref_put_moments(&m, ref_out(c, FRT_INSTANCE_NORM_OUT_SAVEDMEAN), NULL, i);
    if (saved) ref_put_own(saved, i, 1 / sqrt(m.variance + eps));
  }
  return FRT_OK;
}

static frt_status_t instance_norm_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_INSTANCE_NORM_GRAD_IN_X);
  const ref_tensor_t *dy = ref_in(c, FRT_INSTANCE_NORM_GRAD_IN_Y_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_INSTANCE_NORM_GRAD_OUT_X_GRAD);
  const ref_tensor_t *dw = ref_out(c, FRT_INSTANCE_NORM_GRAD_OUT_SCALE_GRAD);
  const ref_tensor_t *db = ref_out(c, FRT_INSTANCE_NORM_GRAD_OUT_BIAS_GRAD);
  const layout_t l = layout_of(x->meta, "NCHW");
  (void)err;
  ref_clear(dw);
  ref_clear(db);
  for (int64_t i = 0; i < l.n * l.c; ++i) {
    const double mean = ref_in(c, FRT_INSTANCE_NORM_GRAD_IN_SAVEDMEAN)->v[i];
    const double inverse = ref_in(c, FRT_INSTANCE_NORM_GRAD_IN_SAVEDVARIANCE)->v[i];
    const double w = ref_in(c, FRT_INSTANCE_NORM_GRAD_IN_SCALE)->v[i % l.c];
    ref_back_t back = {0, 0, 0, 0};
    for (int64_t k = i * l.s; k < (i + 1) * l.s; ++k) {
      const double g = dy->v[k], h = (x->v[k] - mean) * inverse;
      ref_back_add(&back, g, h, (double)l.s);
      ref_gather(dw, i % l.c, g * h);
      ref_gather(db, i % l.c, g);
    }
    for (int64_t k = i * l.s; dx && k < (i + 1) * l.s; ++k)
      ref_back_put(&back, dy->v[k], (x->v[k] - mean) * inverse, inverse * w, dx, k);
  }
  return FRT_OK;
}

REF_KERNELS(norm_group) = {{"group_norm", FRT_FLOATS, group_norm, NULL, 0},
                           {"group_norm_grad", FRT_FLOATS, group_norm_grad, NULL, 0},
                           {"instance_norm", FRT_FLOATS, instance_norm, NULL, 0},
                           {"instance_norm_grad", FRT_FLOATS, instance_norm_grad, NULL, 0},
                           REF_END};
