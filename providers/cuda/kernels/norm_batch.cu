#include "bytes.h"
#include "fold.h"
#include "norm.h"

typedef struct {
  frt_gpu_channels q;
  frt_gpu_fold_t fold;
  double epsilon, momentum;
  int64_t size;       /* elements of a channel */
  int global, passes; /* passes: less than two elements, and they are what normalizes */
  uint64_t parts;     /* bytes of the fold's pieces; behind them three doubles a channel */
} batch_norm_t;
typedef batch_norm_t batch_norm_grad_t;

static void batch_make(batch_norm_t *s, const frt_api_tensor_t *x, const char *layout,
                       int global, double epsilon, uint64_t *workspace) {
  int64_t outer;
  s->q = frt_gpu_channels_of(x, !strcmp(layout, "NHWC"), &outer);
  const int64_t dims[] = {outer, s->q.c, s->q.inner};
  const int gone[] = {1, 0, 1};
  uint64_t sums = 0;
  frt_gpu_fold_plan(&s->fold, 3, dims, gone, &sums);
  s->parts = 2 * sums; /* of pairs */
  s->size = s->q.c ? x->numel / s->q.c : 0;
  s->epsilon = epsilon;
  s->global = global;
  s->passes = !global && s->size < 2;
  *workspace = s->parts + 3 * sizeof(double) * (uint64_t)s->q.c;
}
static double *batch_numbers(const batch_norm_t *s, const frt_run_t *r) {
  return r->workspace ? (double *)((char *)r->workspace + s->parts) : NULL;
}

/* ---- forward -------------------------------------------------------------------------------- */

static frt_status_t batch_norm_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                       frt_error_t *err) {
  batch_norm_t *s = (batch_norm_t *)state;
  (void)err;
  batch_make(s, frt_in(op, FRT_BATCH_NORM_IN_X),
             frt_attr_str(op, FRT_BATCH_NORM_ATTR_DATA_LAYOUT),
             frt_attr_bool(op, FRT_BATCH_NORM_ATTR_USE_GLOBAL_STATS) ||
                 (frt_attr_bool(op, FRT_BATCH_NORM_ATTR_IS_TEST) &&
                  !frt_attr_bool(op, FRT_BATCH_NORM_ATTR_TRAINABLE_STATISTICS)),
             frt_attr_f32(op, FRT_BATCH_NORM_ATTR_EPSILON), workspace);
  s->momentum = frt_attr_f32(op, FRT_BATCH_NORM_ATTR_MOMENTUM);
  return FRT_OK;
}

/* What a channel's numbers become; hi, lo, inverse: doubles in the workspace. */
struct batch_put {
  int wide;
  double epsilon, momentum, n;
  const void *rate, *mean, *variance;
  void *mean_out, *variance_out, *saved_mean, *saved_variance;
  double *hi, *lo, *inverse;
  FRT_GPU_FN void save(int64_t o, const frt_gpu_moments &m) const {
    hi[o] = m.hi;
    lo[o] = m.lo;
    inverse[o] = frt_gpu_inverse(m.variance, epsilon);
    if (saved_mean) frt_gpu_put(saved_mean, wide, o, m.hi + m.lo);
    if (saved_variance) frt_gpu_put(saved_variance, wide, o, inverse[o]);
  }
  /* From the sums of deviations. */
  FRT_GPU_FN void operator()(int64_t o, frt_gpu_pair s) const {
    const frt_gpu_moments m = frt_gpu_moments_of(hi[o], s, n);
    const double keep = rate ? frt_gpu_real(rate, wide, 0) : momentum;
    save(o, m);
    if (mean_out)
      frt_gpu_put(mean_out, wide, o,
                  frt_gpu_real(mean, wide, o) * keep + (m.hi + m.lo) * (1.0 - keep));
    if (variance_out)
      frt_gpu_put(variance_out, wide, o,
                  frt_gpu_real(variance, wide, o) * keep + m.variance * (1.0 - keep));
  }
};

static frt_status_t batch_statistics(const batch_norm_t *s, const frt_run_t *r,
                                     const batch_put &put, const void *x, frt_error_t *err) {
  const batch_put p = put;
  if (s->global)
    return frt_gpu_each(
        r, s->q.c,
        [=] FRT_GPU_FN(int64_t o) {
          const frt_gpu_moments m = {frt_gpu_real(p.mean, p.wide, o), 0.0,
                                     frt_gpu_real(p.variance, p.wide, o)};
          p.save(o, m);
        },
        err);
  const frt_gpu_elements get = {p.wide, x};
  const frt_gpu_middle middle = {p.n, p.hi};
  const frt_gpu_deviation<frt_gpu_channels> deviation = {s->q, p.wide, x, p.hi};
  FRT_TRY(frt_gpu_reduce(r, &s->fold, r->workspace, frt_gpu_sum(), get, middle, err));
  return frt_gpu_reduce(r, &s->fold, r->workspace, frt_gpu_pair_sum(), deviation, p, err);
}

/* What there is no spread of is left as it is. */
static frt_status_t batch_pass(const frt_run_t *r, int in, int out, int first, int second,
                               frt_error_t *err) {
  if (frt_has_out(r, out)) FRT_TRY(frt_gpu_copy_all(r, frt_out(r, out), frt_in(r, in), err));
  if (frt_has_out(r, first)) FRT_TRY(frt_gpu_clear(r, frt_out(r, first), err));
  return frt_has_out(r, second) ? frt_gpu_clear(r, frt_out(r, second), err) : FRT_OK;
}
static frt_status_t batch_stay(const frt_run_t *r, frt_error_t *err) {
  if (frt_has_out(r, FRT_BATCH_NORM_OUT_MEANOUT))
    FRT_TRY(frt_gpu_copy_all(r, frt_out(r, FRT_BATCH_NORM_OUT_MEANOUT),
                             frt_in(r, FRT_BATCH_NORM_IN_MEAN), err));
  if (frt_has_out(r, FRT_BATCH_NORM_OUT_VARIANCEOUT))
    FRT_TRY(frt_gpu_copy_all(r, frt_out(r, FRT_BATCH_NORM_OUT_VARIANCEOUT),
                             frt_in(r, FRT_BATCH_NORM_IN_VARIANCE), err));
  return FRT_OK;
}

static frt_status_t batch_norm_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const batch_norm_t *s = (const batch_norm_t *)state;
  const frt_api_tensor_t *x = frt_in(r, FRT_BATCH_NORM_IN_X);
  const void *in = x->data;
  const void *w = frt_gpu_data_in(r, FRT_BATCH_NORM_IN_SCALE);
  const void *b = frt_gpu_data_in(r, FRT_BATCH_NORM_IN_BIAS);
  void *y = frt_out(r, FRT_BATCH_NORM_OUT_Y)->data;
  double *numbers = batch_numbers(s, r);
  const batch_put put = {frt_gpu_wide(x), s->epsilon, s->momentum, (double)s->size,
                         frt_gpu_data_in(r, FRT_BATCH_NORM_IN_MOMENTUMTENSOR),
                         frt_gpu_data_in(r, FRT_BATCH_NORM_IN_MEAN),
                         frt_gpu_data_in(r, FRT_BATCH_NORM_IN_VARIANCE),
                         frt_gpu_data_out(r, FRT_BATCH_NORM_OUT_MEANOUT),
                         frt_gpu_data_out(r, FRT_BATCH_NORM_OUT_VARIANCEOUT),
                         frt_gpu_data_out(r, FRT_BATCH_NORM_OUT_SAVEDMEAN),
                         frt_gpu_data_out(r, FRT_BATCH_NORM_OUT_SAVEDVARIANCE),
                         numbers, numbers ? numbers + s->q.c : NULL,
                         numbers ? numbers + 2 * s->q.c : NULL};
  if (s->passes || s->global) FRT_TRY(batch_stay(r, err));
  if (s->passes)
    return batch_pass(r, FRT_BATCH_NORM_IN_X, FRT_BATCH_NORM_OUT_Y,
                      FRT_BATCH_NORM_OUT_SAVEDMEAN, FRT_BATCH_NORM_OUT_SAVEDVARIANCE, err);
  FRT_TRY(batch_statistics(s, r, put, in, err));
  const frt_gpu_channels q = s->q;
  const int wide = put.wide;
  const double *hi = put.hi, *lo = put.lo, *inverse = put.inverse;
  return frt_gpu_each(
      r, x->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const int64_t o = q(i);
        const double d = (frt_gpu_real(in, wide, i) - hi[o]) - lo[o];
        frt_gpu_put(y, wide, i,
                    d * inverse[o] * frt_gpu_real(w, wide, o) + frt_gpu_real(b, wide, o));
      },
      err);
}

/* ---- backward ------------------------------------------------------------------------------- */

static frt_status_t batch_norm_grad_prepare(const frt_op_t *op, void *state,
                                            uint64_t *workspace, frt_error_t *err) {
  (void)err;
  batch_make((batch_norm_t *)state, frt_in(op, FRT_BATCH_NORM_GRAD_IN_X),
             frt_attr_str(op, FRT_BATCH_NORM_GRAD_ATTR_DATA_LAYOUT),
             frt_attr_bool(op, FRT_BATCH_NORM_GRAD_ATTR_USE_GLOBAL_STATS),
             frt_attr_f32(op, FRT_BATCH_NORM_GRAD_ATTR_EPSILON), workspace);
  return FRT_OK;
}

/* A channel's mean, and the inverse of its spread: given, or made of the running variance. */
struct batch_given {
  int wide, global;
  double epsilon;
  const void *mean, *variance;
  FRT_GPU_FN double middle(int64_t o) const { return frt_gpu_real(mean, wide, o); }
  FRT_GPU_FN double inverse(int64_t o) const {
    const double v = frt_gpu_real(variance, wide, o);
    return global ? frt_gpu_inverse(v, epsilon) : v;
  }
};
struct batch_back_get {
  frt_gpu_channels q;
  batch_given of;
  const void *x, *g;
  FRT_GPU_FN frt_gpu_pair operator()(int64_t i) const {
    const int64_t o = q(i);
    const double v = frt_gpu_real(g, of.wide, i);
    const frt_gpu_pair p = {v, v * (frt_gpu_real(x, of.wide, i) - of.middle(o))};
    return p;
  }
};
struct batch_back_put {
  batch_given of;
  double n;
  void *db, *dw;
  double *inverse, *a, *b; /* a, b: the means, b times the inverse */
  FRT_GPU_FN void operator()(int64_t o, frt_gpu_pair s) const {
    const double v = of.inverse(o);
    inverse[o] = v;
    a[o] = of.global ? 0.0 : s.a / n;
    b[o] = of.global ? 0.0 : s.b * v / n;
    if (db) frt_gpu_put(db, of.wide, o, s.a);
    if (dw) frt_gpu_put(dw, of.wide, o, s.b * v);
  }
};

static frt_status_t batch_norm_grad_run(const void *state, const frt_run_t *r,
                                        frt_error_t *err) {
  const batch_norm_t *s = (const batch_norm_t *)state;
  const frt_api_tensor_t *x = frt_in(r, FRT_BATCH_NORM_GRAD_IN_X);
  const void *in = x->data, *g = frt_gpu_data_in(r, FRT_BATCH_NORM_GRAD_IN_Y_GRAD);
  const void *w = frt_gpu_data_in(r, FRT_BATCH_NORM_GRAD_IN_SCALE);
  void *dx = frt_gpu_data_out(r, FRT_BATCH_NORM_GRAD_OUT_X_GRAD);
  double *inverse = batch_numbers(s, r);
  const batch_given of = {
      frt_gpu_wide(x), s->global, s->epsilon,
      frt_gpu_data_in(r, s->global ? FRT_BATCH_NORM_GRAD_IN_MEAN
                                   : FRT_BATCH_NORM_GRAD_IN_SAVEDMEAN),
      frt_gpu_data_in(r, s->global ? FRT_BATCH_NORM_GRAD_IN_VARIANCE
                                   : FRT_BATCH_NORM_GRAD_IN_SAVEDVARIANCE)};
  const batch_back_get get = {s->q, of, in, g};
  const batch_back_put put = {of, (double)s->size,
                              frt_gpu_data_out(r, FRT_BATCH_NORM_GRAD_OUT_BIAS_GRAD),
                              frt_gpu_data_out(r, FRT_BATCH_NORM_GRAD_OUT_SCALE_GRAD),
                              inverse, inverse ? inverse + s->q.c : NULL,
                              inverse ? inverse + 2 * s->q.c : NULL};
  if (s->passes)
    return batch_pass(r, FRT_BATCH_NORM_GRAD_IN_Y_GRAD, FRT_BATCH_NORM_GRAD_OUT_X_GRAD,
                      FRT_BATCH_NORM_GRAD_OUT_SCALE_GRAD, FRT_BATCH_NORM_GRAD_OUT_BIAS_GRAD,
                      err);
  FRT_TRY(frt_gpu_reduce(r, &s->fold, r->workspace, frt_gpu_pair_sum(), get, put, err));
  if (!dx) return FRT_OK;
  const frt_gpu_channels q = s->q;
  const int wide = of.wide;
  const double *a = put.a, *b = put.b;
  return frt_gpu_each(
      r, x->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const int64_t o = q(i);
        const double h = (frt_gpu_real(in, wide, i) - of.middle(o)) * inverse[o];
        const double v = frt_gpu_real(g, wide, i) - a[o] - h * b[o];
        frt_gpu_put(dx, wide, i, v * inverse[o] * frt_gpu_real(w, wide, o));
      },
      err);
}

FRT_KERNELS(cuda, norm_batch) = {
    FRT_KERNEL("batch_norm", FRT_FLOATS, batch_norm, FRT_GPU_INPLACE),
    FRT_KERNEL("batch_norm_grad", FRT_FLOATS, batch_norm_grad, FRT_GPU_FLAGS),
    FRT_KERNELS_END};
