#include "fold.h"
#include "norm.h"

/* group_norm; instance_norm is the same with a group for each channel, whose spread is kept
 * inverted. */
typedef struct {
  frt_gpu_channels q;
  frt_gpu_fold_t sets, channels; /* what is normalized together; what shares parameters */
  double epsilon;
  int64_t groups, size, sample; /* size: channels of a group; sample: elements of one */
  double n;                     /* elements of a group */
  int64_t all;                  /* groups of all samples */
  int inverted;
  uint64_t parts; /* bytes of a fold's pieces; behind them three doubles a group */
} group_norm_t;
typedef group_norm_t group_norm_grad_t;
typedef group_norm_t instance_norm_t;
typedef group_norm_t instance_norm_grad_t;

/* groups 0: one for each channel. */
static void group_make(group_norm_t *s, const frt_api_tensor_t *x, int last, int64_t groups,
                       double epsilon, uint64_t *workspace) {
  int64_t outer;
  uint64_t sets = 0, channels = 0;
  s->q = frt_gpu_channels_of(x, last, &outer);
  s->groups = groups ? groups : s->q.c;
  s->size = s->groups ? s->q.c / s->groups : 0;
  s->sample = frt_gpu_product(x->dims, 1, x->rank);
  s->n = s->groups ? (double)(s->sample / s->groups) : 0.0;
  s->all = x->dims[0] * s->groups;
  s->epsilon = epsilon;
  s->inverted = !groups;
  const int64_t rest = last ? frt_gpu_product(x->dims, 1, x->rank - 1) : s->q.inner;
  const int64_t first[] = {x->dims[0], s->groups, s->size * rest};
  const int64_t behind[] = {x->dims[0], rest, s->groups, s->size};
  const int64_t by_channel[] = {outer, s->q.c, s->q.inner};
  const int first_gone[] = {0, 0, 1}, behind_gone[] = {0, 1, 0, 1}, channel_gone[] = {1, 0, 1};
  if (last) frt_gpu_fold_plan(&s->sets, 4, behind, behind_gone, &sets);
  else frt_gpu_fold_plan(&s->sets, 3, first, first_gone, &sets);
  frt_gpu_fold_plan(&s->channels, 3, by_channel, channel_gone, &channels);
  s->parts = 2 * (sets > channels ? sets : channels); /* of pairs */
  *workspace = s->parts + 3 * sizeof(double) * (uint64_t)s->all;
}
static double *group_numbers(const group_norm_t *s, const frt_run_t *r) {
  return r->workspace ? (double *)((char *)r->workspace + s->parts) : NULL;
}

/* Which group element i is in. */
struct group_of {
  frt_gpu_channels q;
  int64_t groups, size, sample;
  FRT_GPU_FN int64_t operator()(int64_t i) const {
    return i / sample * groups + q(i) / size;
  }
};
static group_of group_finder(const group_norm_t *s) {
  const group_of f = {s->q, s->groups, s->size, s->sample};
  return f;
}

/* ---- forward -------------------------------------------------------------------------------- */

struct group_put {
  int wide, inverted;
  double epsilon, n;
  void *mean, *spread;
  double *hi, *lo, *inverse;
  FRT_GPU_FN void operator()(int64_t o, frt_gpu_pair s) const {
    const frt_gpu_moments m = frt_gpu_moments_of(hi[o], s, n > 0.0 ? n : 1.0);
    lo[o] = m.lo;
    inverse[o] = frt_gpu_inverse(m.variance, epsilon);
    if (mean) frt_gpu_put(mean, wide, o, m.hi + m.lo);
    if (spread) frt_gpu_put(spread, wide, o, inverted ? inverse[o] : m.variance);
  }
};

static frt_status_t group_forward(const group_norm_t *s, const frt_run_t *r, int in, int scale,
                                  int bias, int out, int mean, int spread, frt_error_t *err) {
  const frt_api_tensor_t *t = frt_in(r, in);
  const void *x = t->data, *w = frt_gpu_data_in(r, scale), *b = frt_gpu_data_in(r, bias);
  void *y = frt_out(r, out)->data;
  const int wide = frt_gpu_wide(t);
  double *hi = group_numbers(s, r), *lo = hi ? hi + s->all : NULL;
  double *inverse = hi ? hi + 2 * s->all : NULL;
  const group_of where = group_finder(s);
  const frt_gpu_elements get = {wide, x};
  const frt_gpu_middle middle = {s->n, hi};
  const frt_gpu_deviation<group_of> deviation = {where, wide, x, hi};
  const group_put put = {wide, s->inverted, s->epsilon, s->n, frt_gpu_data_out(r, mean),
                         frt_gpu_data_out(r, spread), hi, lo, inverse};
  FRT_TRY(frt_gpu_reduce(r, &s->sets, r->workspace, frt_gpu_sum(), get, middle, err));
  FRT_TRY(frt_gpu_reduce(r, &s->sets, r->workspace, frt_gpu_pair_sum(), deviation, put, err));
  return frt_gpu_each(
      r, t->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const int64_t o = where(i), channel = where.q(i);
        const double d = (frt_gpu_real(x, wide, i) - hi[o]) - lo[o];
        frt_gpu_put(y, wide, i,
                    d * inverse[o] * frt_gpu_param(w, wide, channel, 1.0) +
                        frt_gpu_param(b, wide, channel, 0.0));
      },
      err);
}

static frt_status_t group_norm_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                       frt_error_t *err) {
  (void)err;
  group_make((group_norm_t *)state, frt_in(op, FRT_GROUP_NORM_IN_X),
             !strcmp(frt_attr_str(op, FRT_GROUP_NORM_ATTR_DATA_LAYOUT), "NHWC"),
             frt_attr_i64(op, FRT_GROUP_NORM_ATTR_GROUPS),
             frt_attr_f32(op, FRT_GROUP_NORM_ATTR_EPSILON), workspace);
  return FRT_OK;
}
static frt_status_t group_norm_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  return group_forward((const group_norm_t *)state, r, FRT_GROUP_NORM_IN_X,
                       FRT_GROUP_NORM_IN_SCALE, FRT_GROUP_NORM_IN_BIAS, FRT_GROUP_NORM_OUT_Y,
                       FRT_GROUP_NORM_OUT_MEAN, FRT_GROUP_NORM_OUT_VARIANCE, err);
}
static frt_status_t instance_norm_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                          frt_error_t *err) {
  (void)err;
  group_make((group_norm_t *)state, frt_in(op, FRT_INSTANCE_NORM_IN_X), 0, 0,
             frt_attr_f32(op, FRT_INSTANCE_NORM_ATTR_EPSILON), workspace);
  return FRT_OK;
}
static frt_status_t instance_norm_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  return group_forward((const group_norm_t *)state, r, FRT_INSTANCE_NORM_IN_X,
                       FRT_INSTANCE_NORM_IN_SCALE, FRT_INSTANCE_NORM_IN_BIAS,
                       FRT_INSTANCE_NORM_OUT_Y, FRT_INSTANCE_NORM_OUT_SAVEDMEAN,
                       FRT_INSTANCE_NORM_OUT_SAVEDVARIANCE, err);
}

/* ---- backward ------------------------------------------------------------------------------- */

/* What the gradient knows of an element: group_norm has Y and finds the normalized value in
 * (y - b) / w, instance_norm has X. */
struct group_back {
  group_of where;
  int wide, inverted;
  double epsilon;
  const void *x, *g, *w, *b, *mean, *spread;
  FRT_GPU_FN double scale(int64_t i) const {
    return frt_gpu_param(w, wide, where.q(i), 1.0);
  }
  FRT_GPU_FN double inverse(int64_t o) const {
    const double v = frt_gpu_real(spread, wide, o);
    return inverted ? v : frt_gpu_inverse(v, epsilon);
  }
  FRT_GPU_FN double normalized(int64_t i) const {
    const double v = frt_gpu_real(x, wide, i), by = scale(i);
    const int64_t o = inverted ? where(i) : 0;
    if (inverted) return (v - frt_gpu_real(mean, wide, o)) * inverse(o);
    return by == 0.0 ? 0.0 : (v - frt_gpu_param(b, wide, where.q(i), 0.0)) / by;
  }
};
struct group_back_get {
  group_back of;
  int scaled; /* g * w: for a group's means; else for the parameters */
  FRT_GPU_FN frt_gpu_pair operator()(int64_t i) const {
    const double v = frt_gpu_real(of.g, of.wide, i) * (scaled ? of.scale(i) : 1.0);
    const frt_gpu_pair p = {v, v * of.normalized(i)};
    return p;
  }
};
struct group_back_means { /* without Scale the mean of g is left out, Fluid's way */
  double n;
  int scaled;
  double *a, *b;
  FRT_GPU_FN void operator()(int64_t o, frt_gpu_pair s) const {
    a[o] = scaled ? s.a / n : 0.0;
    b[o] = s.b / n;
  }
};
struct group_back_put {
  int wide;
  void *db, *dw;
  FRT_GPU_FN void operator()(int64_t o, frt_gpu_pair s) const {
    if (db) frt_gpu_put(db, wide, o, s.a);
    if (dw) frt_gpu_put(dw, wide, o, s.b);
  }
};

static frt_status_t group_backward(const group_norm_t *s, const frt_run_t *r,
                                   const group_back &from, int64_t numel, void *dx, void *dw,
                                   void *db, frt_error_t *err) {
  const group_back of = from;
  double *a = group_numbers(s, r), *b = a ? a + s->all : NULL;
  const group_back_get scaled = {of, 1}, plain = {of, 0};
  const group_back_means means = {s->n, of.w != NULL, a, b};
  const group_back_put put = {of.wide, db, dw};
  if (db || dw)
    FRT_TRY(frt_gpu_reduce(r, &s->channels, r->workspace, frt_gpu_pair_sum(), plain, put, err));
  if (!dx) return FRT_OK;
  FRT_TRY(frt_gpu_reduce(r, &s->sets, r->workspace, frt_gpu_pair_sum(), scaled, means, err));
  return frt_gpu_each(
      r, numel,
      [=] FRT_GPU_FN(int64_t i) {
        const int64_t o = of.where(i);
        const double v = frt_gpu_real(of.g, of.wide, i) * of.scale(i);
        frt_gpu_put(dx, of.wide, i, (v - a[o] - of.normalized(i) * b[o]) * of.inverse(o));
      },
      err);
}

static frt_status_t group_norm_grad_prepare(const frt_op_t *op, void *state,
                                            uint64_t *workspace, frt_error_t *err) {
  (void)err;
  group_make((group_norm_t *)state, frt_in(op, FRT_GROUP_NORM_GRAD_IN_Y),
             !strcmp(frt_attr_str(op, FRT_GROUP_NORM_GRAD_ATTR_DATA_LAYOUT), "NHWC"),
             frt_attr_i64(op, FRT_GROUP_NORM_GRAD_ATTR_GROUPS),
             frt_attr_f32(op, FRT_GROUP_NORM_GRAD_ATTR_EPSILON), workspace);
  return FRT_OK;
}
static frt_status_t group_norm_grad_run(const void *state, const frt_run_t *r,
                                        frt_error_t *err) {
  const group_norm_t *s = (const group_norm_t *)state;
  const frt_api_tensor_t *y = frt_in(r, FRT_GROUP_NORM_GRAD_IN_Y);
  const group_back of = {group_finder(s), frt_gpu_wide(y), 0, s->epsilon, y->data,
                         frt_gpu_data_in(r, FRT_GROUP_NORM_GRAD_IN_Y_GRAD),
                         frt_gpu_data_in(r, FRT_GROUP_NORM_GRAD_IN_SCALE),
                         frt_gpu_data_in(r, FRT_GROUP_NORM_GRAD_IN_BIAS), NULL,
                         frt_gpu_data_in(r, FRT_GROUP_NORM_GRAD_IN_VARIANCE)};
  return group_backward(s, r, of, y->numel, frt_gpu_data_out(r, FRT_GROUP_NORM_GRAD_OUT_X_GRAD),
                        frt_gpu_data_out(r, FRT_GROUP_NORM_GRAD_OUT_SCALE_GRAD),
                        frt_gpu_data_out(r, FRT_GROUP_NORM_GRAD_OUT_BIAS_GRAD), err);
}
static frt_status_t instance_norm_grad_prepare(const frt_op_t *op, void *state,
                                               uint64_t *workspace, frt_error_t *err) {
  (void)err;
  group_make((group_norm_t *)state, frt_in(op, FRT_INSTANCE_NORM_GRAD_IN_X), 0, 0, 0.0,
             workspace);
  return FRT_OK;
}
static frt_status_t instance_norm_grad_run(const void *state, const frt_run_t *r,
                                           frt_error_t *err) {
  const group_norm_t *s = (const group_norm_t *)state;
  const frt_api_tensor_t *x = frt_in(r, FRT_INSTANCE_NORM_GRAD_IN_X);
  const group_back of = {group_finder(s), frt_gpu_wide(x), 1, 0.0, x->data,
                         frt_gpu_data_in(r, FRT_INSTANCE_NORM_GRAD_IN_Y_GRAD),
                         frt_gpu_data_in(r, FRT_INSTANCE_NORM_GRAD_IN_SCALE), NULL,
                         frt_gpu_data_in(r, FRT_INSTANCE_NORM_GRAD_IN_SAVEDMEAN),
                         frt_gpu_data_in(r, FRT_INSTANCE_NORM_GRAD_IN_SAVEDVARIANCE)};
  return group_backward(s, r, of, x->numel,
                        frt_gpu_data_out(r, FRT_INSTANCE_NORM_GRAD_OUT_X_GRAD),
                        frt_gpu_data_out(r, FRT_INSTANCE_NORM_GRAD_OUT_SCALE_GRAD),
                        frt_gpu_data_out(r, FRT_INSTANCE_NORM_GRAD_OUT_BIAS_GRAD), err);
}

FRT_KERNELS(cuda, norm_group) = {
    FRT_KERNEL("group_norm", FRT_FLOATS, group_norm, FRT_GPU_INPLACE),
    FRT_KERNEL("group_norm_grad", FRT_FLOATS, group_norm_grad, FRT_GPU_FLAGS),
    FRT_KERNEL("instance_norm", FRT_FLOATS, instance_norm, FRT_GPU_INPLACE),
    FRT_KERNEL("instance_norm_grad", FRT_FLOATS, instance_norm_grad, FRT_GPU_FLAGS),
    FRT_KERNELS_END};
