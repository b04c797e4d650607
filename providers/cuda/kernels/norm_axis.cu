#include "team.h"

typedef struct {
  frt_gpu_axis_t axis;
  double epsilon;
  int exclusive, reverse;
} norm_t;
typedef norm_t norm_grad_t;
typedef norm_t cumsum_t;

static FRT_GPU_FN inline int64_t row_start(const frt_gpu_axis_t &a, int64_t row) {
  return row / a.inner * a.n * a.inner + row % a.inner;
}

struct norm_row {
  frt_gpu_axis_t a;
  int wide;
  double epsilon;
  const void *x;
  void *norm, *out;
  template <class Team> FRT_GPU_FN void operator()(Team team, int64_t row) const {
    const norm_row q = *this;
    const int64_t at = row_start(a, row);
    const double sum = frt_gpu_over(team, frt_gpu_sum(), a.n, [=](int64_t k) {
      const double v = frt_gpu_real(q.x, q.wide, at + k * q.a.inner);
      return v * v;
    });
    const double root = sqrt(sum + epsilon);
    if (norm && team.leads()) frt_gpu_put(norm, wide, row, root);
    FRT_GPU_ROLLED
    for (int64_t k = team.first(); k < a.n; k += team.step()) {
      const int64_t i = at + k * a.inner;
      frt_gpu_put(out, wide, i, frt_gpu_real(x, wide, i) / root);
    }
  }
};
static frt_status_t norm_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  norm_t *s = (norm_t *)state;
  (void)workspace, (void)err;
  s->axis = frt_gpu_split(frt_in(op, FRT_NORM_IN_X), frt_attr_i64(op, FRT_NORM_ATTR_AXIS));
  s->epsilon = frt_attr_f32(op, FRT_NORM_ATTR_EPSILON);
  return FRT_OK;
}
static frt_status_t norm_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const norm_t *s = (const norm_t *)state;
  const norm_row f = {s->axis, frt_gpu_wide(frt_in(r, FRT_NORM_IN_X)), s->epsilon,
                      frt_in(r, FRT_NORM_IN_X)->data, frt_gpu_data_out(r, FRT_NORM_OUT_NORM),
                      frt_out(r, FRT_NORM_OUT_OUT)->data};
  return frt_gpu_rows(r, s->axis.outer * s->axis.inner, s->axis.n, f, err);
}

struct norm_grad_row {
  frt_gpu_axis_t a;
  int wide;
  const void *x, *g, *norm;
  void *dx;
  template <class Team> FRT_GPU_FN void operator()(Team team, int64_t row) const {
    const norm_grad_row q = *this;
    const int64_t at = row_start(a, row);
    const double n = frt_gpu_real(norm, wide, row);
    const double dot = frt_gpu_over(team, frt_gpu_sum(), a.n, [=](int64_t k) {
      const int64_t i = at + k * q.a.inner;
      return frt_gpu_real(q.x, q.wide, i) * frt_gpu_real(q.g, q.wide, i);
    });
    FRT_GPU_ROLLED
    for (int64_t k = team.first(); k < a.n; k += team.step()) {
      const int64_t i = at + k * a.inner;
      const double v = frt_gpu_real(g, wide, i) - frt_gpu_real(x, wide, i) * (dot / (n * n));
      frt_gpu_put(dx, wide, i, v / n);
    }
  }
};
static frt_status_t norm_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                      frt_error_t *err) {
  (void)workspace, (void)err;
  ((norm_t *)state)->axis = frt_gpu_split(frt_in(op, FRT_NORM_GRAD_IN_X),
                                          frt_attr_i64(op, FRT_NORM_GRAD_ATTR_AXIS));
  return FRT_OK;
}
static frt_status_t norm_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const norm_t *s = (const norm_t *)state;
  const norm_grad_row f = {s->axis, frt_gpu_wide(frt_in(r, FRT_NORM_GRAD_IN_X)),
                           frt_in(r, FRT_NORM_GRAD_IN_X)->data,
                           frt_in(r, FRT_NORM_GRAD_IN_OUT_GRAD)->data,
                           frt_in(r, FRT_NORM_GRAD_IN_NORM)->data,
                           frt_gpu_data_out(r, FRT_NORM_GRAD_OUT_X_GRAD)};
  if (!f.dx) return FRT_OK;
  return frt_gpu_rows(r, s->axis.outer * s->axis.inner, s->axis.n, f, err);
}

/* ---- cumsum: a thread a short line, a block a long one -------------------------------------- */

static frt_status_t cumsum_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  norm_t *s = (norm_t *)state;
  (void)workspace, (void)err;
  s->axis = frt_gpu_split(frt_in(op, FRT_CUMSUM_IN_X), frt_attr_i64(op, FRT_CUMSUM_ATTR_AXIS));
  s->exclusive = frt_attr_bool(op, FRT_CUMSUM_ATTR_EXCLUSIVE);
  s->reverse = frt_attr_bool(op, FRT_CUMSUM_ATTR_REVERSE);
  return FRT_OK;
}
template <class V, class Op> struct sum_line {
  norm_t s;
  int wide;
  const void *x;
  void *out;
  Op op;
  FRT_GPU_FN int64_t where(int64_t line, int64_t k) const {
    return row_start(s.axis, line) + (s.reverse ? s.axis.n - 1 - k : k) * s.axis.inner;
  }
  FRT_GPU_FN V get(int64_t i) const { return frt_gpu_get((V)0, x, wide, i); }
  FRT_GPU_FN void put(int64_t i, V before) const {
    frt_gpu_put(out, wide, i, s.exclusive ? before : op.join(before, get(i)));
  }
  FRT_GPU_FN void operator()(frt_gpu_alone, int64_t line) const {
    V sum = op.none();
    FRT_GPU_ROLLED
    for (int64_t k = 0; k < s.axis.n; ++k) {
      const int64_t i = where(line, k);
      put(i, sum);
      sum = op.join(sum, get(i));
    }
  }
  FRT_GPU_FN void operator()(frt_gpu_crew, int64_t line) const {
    V sum = op.none(), all;
    FRT_GPU_ROLLED
    for (int64_t lo = 0; lo < s.axis.n; lo += FRT_GPU_BLOCK) {
      const int64_t k = lo + frt_gpu_thread(), i = k < s.axis.n ? where(line, k) : -1;
      const V before = frt_gpu_block_scan(op, i < 0 ? op.none() : get(i), &all);
      if (i >= 0) put(i, op.join(sum, before));
      sum = op.join(sum, all);
    }
  }
};
template <class V, class Op>
static frt_status_t add_along(const norm_t *s, const frt_run_t *r, Op op, frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(r, FRT_CUMSUM_IN_X);
  const sum_line<V, Op> f = {*s, frt_gpu_wide(x), x->data, frt_out(r, FRT_CUMSUM_OUT_OUT)->data,
                             op};
  return frt_gpu_rows(r, s->axis.n ? s->axis.outer * s->axis.inner : 0, s->axis.n, f, err);
}
static frt_status_t cumsum_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  return add_along<double>((const norm_t *)state, r, frt_gpu_sum(), err);
}
static frt_status_t icumsum_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_gpu_any_int op = {FRT_GPU_SUM};
  return add_along<int64_t>((const norm_t *)state, r, op, err);
}

FRT_KERNELS(cuda, norm_axis) = {
    FRT_KERNEL("norm", FRT_FLOATS, norm, FRT_GPU_FLAGS),
    FRT_KERNEL("norm_grad", FRT_FLOATS, norm_grad, FRT_GPU_FLAGS),
    FRT_KERNEL("cumsum", FRT_FLOATS, cumsum, FRT_GPU_FLAGS),
    {"cumsum", FRT_INTS, sizeof(norm_t), cumsum_prepare, icumsum_run, FRT_GPU_FLAGS, NULL},
    FRT_KERNELS_END};
