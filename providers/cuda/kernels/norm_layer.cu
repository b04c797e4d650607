#include "fold.h"
#include "norm.h"

typedef struct {
  int64_t rows, width;
  double epsilon;
} layer_norm_t;

static layer_norm_t layer_of(const frt_api_tensor_t *x, int64_t axis, double epsilon) {
  const layer_norm_t s = {frt_gpu_product(x->dims, 0, (uint32_t)axis),
                          frt_gpu_product(x->dims, (uint32_t)axis, x->rank), epsilon};
  return s;
}

struct layer_row {
  int64_t n;
  int wide;
  double epsilon;
  const void *x, *w, *b;
  void *y, *mean, *variance;
  template <class Team> FRT_GPU_FN void operator()(Team team, int64_t row) const {
    const layer_row q = *this;
    const int64_t at = row * n;
    const double sum = frt_gpu_over(team, frt_gpu_sum(), n, [=](int64_t k) {
      return frt_gpu_real(q.x, q.wide, at + k);
    });
    const double middle = n ? sum / (double)n : 0.0;
    const frt_gpu_pair s = frt_gpu_over(team, frt_gpu_pair_sum(), n, [=](int64_t k) {
      const double d = frt_gpu_real(q.x, q.wide, at + k) - middle;
      const frt_gpu_pair p = {d, d * d};
      return p;
    });
    const frt_gpu_moments m = frt_gpu_moments_of(middle, s, n ? (double)n : 1.0);
    const double inverse = frt_gpu_inverse(m.variance, epsilon);
    FRT_GPU_ROLLED
    for (int64_t k = team.first(); k < n; k += team.step()) {
      const double d = (frt_gpu_real(x, wide, at + k) - m.hi) - m.lo;
      frt_gpu_put(y, wide, at + k,
                  d * inverse * frt_gpu_param(w, wide, k, 1.0) +
                      frt_gpu_param(b, wide, k, 0.0));
    }
    if (mean && team.leads()) frt_gpu_put(mean, wide, row, m.hi + m.lo);
    if (variance && team.leads()) frt_gpu_put(variance, wide, row, m.variance);
  }
};
static frt_status_t layer_norm_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                       frt_error_t *err) {
  (void)workspace, (void)err;
  *(layer_norm_t *)state = layer_of(frt_in(op, FRT_LAYER_NORM_IN_X),
                                    frt_attr_i64(op, FRT_LAYER_NORM_ATTR_BEGIN_NORM_AXIS),
                                    frt_attr_f32(op, FRT_LAYER_NORM_ATTR_EPSILON));
  return FRT_OK;
}
static frt_status_t layer_norm_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const layer_norm_t *s = (const layer_norm_t *)state;
  const layer_row f = {s->width, frt_gpu_wide(frt_in(r, FRT_LAYER_NORM_IN_X)), s->epsilon,
                       frt_gpu_data_in(r, FRT_LAYER_NORM_IN_X),
                       frt_gpu_data_in(r, FRT_LAYER_NORM_IN_SCALE),
                       frt_gpu_data_in(r, FRT_LAYER_NORM_IN_BIAS),
                       frt_gpu_data_out(r, FRT_LAYER_NORM_OUT_Y),
                       frt_gpu_data_out(r, FRT_LAYER_NORM_OUT_MEAN),
                       frt_gpu_data_out(r, FRT_LAYER_NORM_OUT_VARIANCE)};
  return frt_gpu_rows(r, s->rows, s->width, f, err);
}

/* ---- backward: rows for X@GRAD, columns for the parameters ----------------------------------- */

typedef struct {
  layer_norm_t s;
  frt_gpu_fold_t columns;
} layer_norm_grad_t;

struct layer_back_row {
  int64_t n;
  int wide;
  double epsilon;
  const void *x, *g, *w, *mean, *variance;
  void *dx;
  template <class Team> FRT_GPU_FN void operator()(Team team, int64_t row) const {
    const layer_back_row q = *this;
    const int64_t at = row * n;
    const double middle = frt_gpu_real(mean, wide, row);
    const double inverse = frt_gpu_inverse(frt_gpu_real(variance, wide, row), epsilon);
    const frt_gpu_pair s = frt_gpu_over(team, frt_gpu_pair_sum(), n, [=](int64_t k) {
      const double v = frt_gpu_real(q.g, q.wide, at + k) * frt_gpu_param(q.w, q.wide, k, 1.0);
      const frt_gpu_pair p = {v, v * (frt_gpu_real(q.x, q.wide, at + k) - middle) * inverse};
      return p;
    });
    FRT_GPU_ROLLED
    for (int64_t k = team.first(); k < n; k += team.step()) {
      const double v = frt_gpu_real(g, wide, at + k) * frt_gpu_param(w, wide, k, 1.0);
      const double h = (frt_gpu_real(x, wide, at + k) - middle) * inverse;
      frt_gpu_put(dx, wide, at + k, (v - s.a / (double)n - h * (s.b / (double)n)) * inverse);
    }
  }
};

/* What element i brings to Bias@GRAD (a) and Scale@GRAD (b), and where column o puts it. */
struct layer_back_get {
  int64_t n;
  int wide;
  double epsilon;
  const void *x, *g, *mean, *variance;
  FRT_GPU_FN frt_gpu_pair operator()(int64_t i) const {
    const int64_t row = i / n;
    const double v = frt_gpu_real(g, wide, i);
    const double inverse = frt_gpu_inverse(frt_gpu_real(variance, wide, row), epsilon);
    const frt_gpu_pair p = {
        v, v * ((frt_gpu_real(x, wide, i) - frt_gpu_real(mean, wide, row)) * inverse)};
    return p;
  }
};
struct layer_back_put {
  int wide;
  void *db, *dw;
  FRT_GPU_FN void operator()(int64_t o, frt_gpu_pair v) const {
    if (db) frt_gpu_put(db, wide, o, v.a);
    if (dw) frt_gpu_put(dw, wide, o, v.b);
  }
};

static frt_status_t layer_norm_grad_prepare(const frt_op_t *op, void *state,
                                            uint64_t *workspace, frt_error_t *err) {
  layer_norm_grad_t *s = (layer_norm_grad_t *)state;
  uint64_t sums = 0;
  (void)err;
  s->s = layer_of(frt_in(op, FRT_LAYER_NORM_GRAD_IN_X),
                  frt_attr_i64(op, FRT_LAYER_NORM_GRAD_ATTR_BEGIN_NORM_AXIS),
                  frt_attr_f32(op, FRT_LAYER_NORM_GRAD_ATTR_EPSILON));
  const int64_t dims[] = {s->s.rows, s->s.width};
  const int gone[] = {1, 0};
  frt_gpu_fold_plan(&s->columns, 2, dims, gone, &sums);
  *workspace += 2 * sums; /* of pairs */
  return FRT_OK;
}
static frt_status_t layer_norm_grad_run(const void *state, const frt_run_t *r,
                                        frt_error_t *err) {
  const layer_norm_grad_t *s = (const layer_norm_grad_t *)state;
  const int wide = frt_gpu_wide(frt_in(r, FRT_LAYER_NORM_GRAD_IN_X));
  const layer_back_row rows = {s->s.width, wide, s->s.epsilon,
                               frt_gpu_data_in(r, FRT_LAYER_NORM_GRAD_IN_X),
                               frt_gpu_data_in(r, FRT_LAYER_NORM_GRAD_IN_Y_GRAD),
                               frt_gpu_data_in(r, FRT_LAYER_NORM_GRAD_IN_SCALE),
                               frt_gpu_data_in(r, FRT_LAYER_NORM_GRAD_IN_MEAN),
                               frt_gpu_data_in(r, FRT_LAYER_NORM_GRAD_IN_VARIANCE),
                               frt_gpu_data_out(r, FRT_LAYER_NORM_GRAD_OUT_X_GRAD)};
  const layer_back_get get = {s->s.width, wide, s->s.epsilon, rows.x, rows.g, rows.mean,
                              rows.variance};
  const layer_back_put put = {wide, frt_gpu_data_out(r, FRT_LAYER_NORM_GRAD_OUT_BIAS_GRAD),
                              frt_gpu_data_out(r, FRT_LAYER_NORM_GRAD_OUT_SCALE_GRAD)};
  if (rows.dx) FRT_TRY(frt_gpu_rows(r, s->s.rows, s->s.width, rows, err));
  if (!put.db && !put.dw) return FRT_OK;
  return frt_gpu_reduce(r, &s->columns, r->workspace, frt_gpu_pair_sum(), get, put, err);
}

FRT_KERNELS(cuda, norm_layer) = {
    FRT_KERNEL("layer_norm", FRT_FLOATS, layer_norm, FRT_GPU_INPLACE),
    FRT_KERNEL("layer_norm_grad", FRT_FLOATS, layer_norm_grad, FRT_GPU_FLAGS),
    FRT_KERNELS_END};
