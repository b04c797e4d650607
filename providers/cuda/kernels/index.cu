#include "bytes.h"
#include "chains.h"
#include "dtype.h"
#include "fold.h"

/* ---- gather ---------------------------------------------------------------------------------- */

typedef struct {
  frt_gpu_check_t check;
  int64_t rows, width;
  int replaces;
} gather_t;
typedef gather_t gather_grad_t;

static void rows_plan(gather_t *s, const frt_op_t *op, const frt_api_tensor_t *x,
                      uint64_t *workspace) {
  s->rows = x->dims[0];
  s->width = frt_gpu_product(x->dims, 1, x->rank);
  frt_gpu_check_plan(&s->check, op, "Index", workspace);
  frt_gpu_check_range(&s->check, s->rows, ", a row of X");
}
static frt_status_t gather_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  (void)err;
  rows_plan((gather_t *)state, op, frt_in(op, FRT_GATHER_IN_X), workspace);
  return FRT_OK;
}
template <class T>
static frt_status_t gather_as(const gather_t *s, const frt_run_t *r, frt_error_t *err) {
  const frt_api_tensor_t *t = frt_in(r, FRT_GATHER_IN_INDEX);
  const int wide = frt_gpu_wide(t);
  const void *ids = t->data;
  const T *x = frt_gpu_in(T, r, FRT_GATHER_IN_X);
  T *out = frt_gpu_out(T, r, FRT_GATHER_OUT_OUT);
  const int64_t width = s->width;
  return frt_gpu_each(
      r, frt_out_numel(r, FRT_GATHER_OUT_OUT),
      [=] FRT_GPU_FN(int64_t i) {
        out[i] = x[frt_gpu_int(ids, wide, i / width) * width + i % width];
      },
      err, FRT_GPU_STOP(r));
}
static frt_status_t gather_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const gather_t *s = (const gather_t *)state;
  FRT_TRY(frt_gpu_check_ids(r, &s->check, frt_in(r, FRT_GATHER_IN_INDEX), s->rows, 0, 0, err));
#define GATHER(T) gather_as<T>(s, r, err)
  FRT_GPU_BY_SIZE(frt_dtype_size(frt_in(r, FRT_GATHER_IN_X)->dtype), GATHER);
}

static frt_status_t gather_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                        frt_error_t *err) {
  gather_t *s = (gather_t *)state;
  (void)err;
  if (!frt_has_out(op, FRT_GATHER_GRAD_OUT_X_GRAD)) return FRT_OK;
  rows_plan(s, op, frt_out(op, FRT_GATHER_GRAD_OUT_X_GRAD), workspace);
  s->replaces = frt_attr_bool(op, FRT_GATHER_GRAD_ATTR_OVERWRITE);
  *workspace += frt_gpu_chains_bytes(frt_in_numel(op, FRT_GATHER_GRAD_IN_INDEX));
  return FRT_OK;
}
/* Zeros, unless something is wrong with the ids. */
static frt_status_t clear(const frt_run_t *r, const frt_api_tensor_t *t, frt_error_t *err) {
  uint32_t *to = (uint32_t *)t->data;
  return frt_gpu_each(
      r, (int64_t)(t->bytes / 4), [=] FRT_GPU_FN(int64_t i) { to[i] = 0; }, err,
      FRT_GPU_STOP(r));
}
static frt_status_t gather_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const gather_t *s = (const gather_t *)state;
  const frt_api_tensor_t *ids = frt_in(r, FRT_GATHER_GRAD_IN_INDEX);
  int64_t *links = (int64_t *)FRT_GPU_AFTER_CELL(r);
  if (!frt_has_out(r, FRT_GATHER_GRAD_OUT_X_GRAD)) return FRT_OK;
  const frt_api_tensor_t *dx = frt_out(r, FRT_GATHER_GRAD_OUT_X_GRAD);
  FRT_TRY(frt_gpu_check_ids(r, &s->check, ids, s->rows, 0, 0, err));
  FRT_TRY(clear(r, dx, err));
  FRT_TRY(frt_gpu_chains(r, ids, links, err));
  return frt_gpu_chains_add(r, ids, links, frt_in(r, FRT_GATHER_GRAD_IN_OUT_GRAD)->data,
                            dx->data, frt_gpu_wide(dx), s->width, -1, s->replaces, err);
}

/* ---- orders: larger or smaller first, NaN last, then by index ------------------------------- */

/* Elements of any dtype, in one of two forms. */
struct values {
  const void *p;
  uint32_t dtype;
  /* Does element i come before element j, whatever their places? */
  FRT_GPU_FN bool before(int64_t i, int64_t j, int falling) const {
    if (frt_gpu_is_int(dtype)) {
      const int64_t a = frt_gpu_load_int(dtype, p, i), b = frt_gpu_load_int(dtype, p, j);
      return falling ? a > b : a < b;
    }
    const double a = frt_gpu_load_real(dtype, p, i), b = frt_gpu_load_real(dtype, p, j);
    return (falling ? a > b : a < b) || (a == a && b != b);
  }
};

typedef struct {
  frt_gpu_axis_t axis;
  int falling;
  int64_t k; /* how many are kept */
} order_t;
typedef order_t arg_max_t;
typedef order_t arg_min_t;
typedef order_t argsort_t;
typedef order_t top_k_t;

#define ARG(stem, OP, largest)                                                             \
  static frt_status_t stem##_prepare(const frt_op_t *op, void *state, uint64_t *workspace, \
                                     frt_error_t *err) {                                   \
    order_t *s = (order_t *)state;                                                         \
    (void)workspace, (void)err;                                                            \
    s->axis = frt_gpu_split(frt_in(op, FRT_##OP##_IN_X), frt_attr_i64(op, FRT_##OP##_ATTR_AXIS)); \
    s->falling = largest;                                                                  \
    return FRT_OK;                                                                         \
  }
ARG(arg_max, ARG_MAX, 1)
ARG(arg_min, ARG_MIN, 0)
/* The place along a row of what comes first; equal ones by their places. */
struct first_of {
  values v;
  int64_t at, step;
  int falling;
  FRT_GPU_FN int64_t none() const { return -1; }
  FRT_GPU_FN bool comes(int64_t a, int64_t b) const {
    const int64_t i = at + a * step, j = at + b * step;
    return v.before(i, j, falling) || (a < b && !v.before(j, i, falling));
  }
  FRT_GPU_FN int64_t join(int64_t a, int64_t b) const {
    return a < 0 ? b : b < 0 || !comes(b, a) ? a : b;
  }
};
static FRT_GPU_FN inline first_of first_in(const order_t &s, const values &v, int64_t row) {
  const int64_t step = s.axis.inner;
  const first_of f = {v, row / step * s.axis.n * step + row % step, step, s.falling};
  return f;
}

struct arg_row {
  order_t s;
  values v;
  uint32_t dtype;
  void *to;
  template <class Team> FRT_GPU_FN void operator()(Team team, int64_t row) const {
    const int64_t best =
        frt_gpu_over(team, first_in(s, v, row), s.axis.n, [=](int64_t k) { return k; });
    if (!team.leads()) return;
    if (frt_gpu_is_int(dtype)) frt_gpu_store_int(dtype, to, row, best);
    else frt_gpu_store_real(dtype, to, row, (double)best);
  }
};
static frt_status_t arg_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const order_t *s = (const order_t *)state;
  const frt_api_tensor_t *x = frt_in(r, FRT_ARG_MAX_IN_X), *out = frt_out(r, FRT_ARG_MAX_OUT_OUT);
  const arg_row f = {*s, {x->data, x->dtype}, out->dtype, out->data};
  return frt_gpu_rows(r, s->axis.n ? out->numel : 0, s->axis.n, f, err);
}
#define arg_max_run arg_run
#define arg_min_run arg_run

/* Every element's place is the number of those that come before it. The first k places of
 * each row of n are written, to rows of k. */
template <class T>
static frt_status_t sort_as(const order_t &s, const frt_run_t *r, const frt_api_tensor_t *x,
                            void *values_out, void *ids_out, frt_error_t *err) {
  const values v = {x->data, x->dtype};
  T *out = (T *)values_out;
  int64_t *ids = (int64_t *)ids_out;
  return frt_gpu_each(
      r, x->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const int64_t step = s.axis.inner, k = i / step % s.axis.n, first = i - k * step;
        int64_t place = 0;
        FRT_GPU_ROLLED
        for (int64_t j = 0; j < s.axis.n; ++j) {
          const int64_t other = first + j * step;
          place += v.before(other, i, s.falling) || (j < k && !v.before(i, other, s.falling));
        }
        if (place >= s.k) return;
        const int64_t outer = i / step / s.axis.n, to = (outer * s.k + place) * step + i % step;
        out[to] = ((const T *)v.p)[i];
        ids[to] = k;
      },
      err);
}
static frt_status_t argsort_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  order_t *s = (order_t *)state;
  (void)workspace, (void)err;
  s->axis = frt_gpu_split(frt_in(op, FRT_ARGSORT_IN_X), frt_attr_i64(op, FRT_ARGSORT_ATTR_AXIS));
  s->falling = frt_attr_bool(op, FRT_ARGSORT_ATTR_DESCENDING);
  s->k = s->axis.n;
  return FRT_OK;
}
static frt_status_t argsort_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const order_t *s = (const order_t *)state;
  const frt_api_tensor_t *x = frt_in(r, FRT_ARGSORT_IN_X);
  void *out = frt_out(r, FRT_ARGSORT_OUT_OUT)->data;
  void *ids = frt_out(r, FRT_ARGSORT_OUT_INDICES)->data;
#define SORT(T) sort_as<T>(*s, r, x, out, ids, err)
  FRT_GPU_BY_SIZE(frt_dtype_size(x->dtype), SORT);
}
/* Few of many: one after the other, each the first of those behind the last. */
template <class T> struct select_row {
  order_t s;
  values v;
  T *out;
  int64_t *ids;
  template <class Team> FRT_GPU_FN void operator()(Team team, int64_t row) const {
    const first_of order = first_in(s, v, row);
    int64_t last = -1;
    FRT_GPU_ROLLED
    for (int64_t k = 0; k < s.k; ++k) {
      const int64_t was = last;
      last = frt_gpu_over(team, order, s.axis.n, [=](int64_t i) {
        return was < 0 || order.comes(was, i) ? i : (int64_t)-1;
      });
      if (!team.leads()) continue;
      const int64_t step = order.step, to = (row / step * s.k + k) * step + row % step;
      out[to] = ((const T *)v.p)[order.at + last * step];
      ids[to] = last;
    }
  }
};
template <class T>
static frt_status_t top_of(const order_t &s, const frt_run_t *r, const frt_api_tensor_t *x,
                           void *out, void *ids, frt_error_t *err) {
  const select_row<T> f = {s, {x->data, x->dtype}, (T *)out, (int64_t *)ids};
  if (s.k > 64 || s.axis.n <= 64) return sort_as<T>(s, r, x, out, ids, err);
  return frt_gpu_rows(r, s.axis.outer * s.axis.inner, s.axis.n, f, err);
}
static frt_status_t top_k_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  order_t *s = (order_t *)state;
  const frt_api_tensor_t *out = frt_out(op, FRT_TOP_K_OUT_OUT);
  (void)workspace, (void)err;
  s->axis = frt_gpu_split(frt_in(op, FRT_TOP_K_IN_X), -1);
  s->falling = 1;
  s->k = out->rank ? out->dims[out->rank - 1] : 1;
  return FRT_OK;
}
static frt_status_t top_k_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const order_t *s = (const order_t *)state;
  const frt_api_tensor_t *x = frt_in(r, FRT_TOP_K_IN_X);
  void *out = frt_out(r, FRT_TOP_K_OUT_OUT)->data;
  void *ids = frt_out(r, FRT_TOP_K_OUT_INDICES)->data;
  #define TOP(T) top_of<T>(*s, r, x, out, ids, err)
  FRT_GPU_BY_SIZE(frt_dtype_size(x->dtype), TOP);
}

typedef struct {
  frt_gpu_check_t check;
  frt_gpu_axis_t axis;
} argsort_grad_t;
static frt_status_t argsort_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                         frt_error_t *err) {
  argsort_grad_t *s = (argsort_grad_t *)state;
  (void)err;
  s->axis = frt_gpu_split(frt_in(op, FRT_ARGSORT_GRAD_IN_OUT_GRAD),
                          frt_attr_i64(op, FRT_ARGSORT_GRAD_ATTR_AXIS));
  frt_gpu_check_plan(&s->check, op, "Indices", workspace);
  frt_gpu_check_range(&s->check, s->axis.n, ", a place along axis");
  return FRT_OK;
}
static frt_status_t argsort_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const argsort_grad_t *s = (const argsort_grad_t *)state;
  const frt_gpu_axis_t a = s->axis;
  const frt_api_tensor_t *ids = frt_in(r, FRT_ARGSORT_GRAD_IN_INDICES);
  const int64_t *at = (const int64_t *)ids->data;
  const void *g = frt_in(r, FRT_ARGSORT_GRAD_IN_OUT_GRAD)->data;
  if (!frt_has_out(r, FRT_ARGSORT_GRAD_OUT_X_GRAD)) return FRT_OK;
  const frt_api_tensor_t *dxt = frt_out(r, FRT_ARGSORT_GRAD_OUT_X_GRAD);
  const int wide = frt_gpu_wide(dxt);
  void *dx = dxt->data;
  FRT_TRY(frt_gpu_check_ids(r, &s->check, ids, a.n, 0, 0, err));
  FRT_TRY(clear(r, dxt, err));
  return frt_gpu_each(
      r, dxt->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const int64_t k = i / a.inner % a.n;
        frt_gpu_put(dx, wide, i + (at[i] - k) * a.inner, frt_gpu_real(g, wide, i));
      },
      err, FRT_GPU_STOP(r));
}

/* ---- one_hot, accuracy ----------------------------------------------------------------------- */

typedef struct {
  frt_gpu_check_t check;
  int64_t depth;
  int lenient;
} one_hot_t;
static frt_status_t one_hot_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  one_hot_t *s = (one_hot_t *)state;
  (void)err;
  s->depth = frt_attr_i64(op, FRT_ONE_HOT_ATTR_DEPTH);
  s->lenient = frt_attr_bool(op, FRT_ONE_HOT_ATTR_ALLOW_OUT_OF_RANGE);
  frt_gpu_check_plan(&s->check, op, "X", workspace);
  frt_gpu_check_range(&s->check, s->depth, ", below depth");
  return FRT_OK;
}
static frt_status_t one_hot_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const one_hot_t *s = (const one_hot_t *)state;
  const frt_api_tensor_t *x = frt_in(r, FRT_ONE_HOT_IN_X), *out = frt_out(r, FRT_ONE_HOT_OUT_OUT);
  const int wide = frt_gpu_wide(x);
  const void *ids = x->data;
  const int64_t depth = s->depth;
  const uint32_t dtype = out->dtype;
  void *to = out->data;
  if (!s->lenient) FRT_TRY(frt_gpu_check_ids(r, &s->check, x, depth, 0, 0, err));
  return frt_gpu_each(
      r, out->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const int hot = frt_gpu_int(ids, wide, i / depth) == i % depth;
        if (frt_gpu_is_int(dtype)) frt_gpu_store_int(dtype, to, i, hot);
        else frt_gpu_store_real(dtype, to, i, hot);
      },
      err, s->lenient ? NULL : FRT_GPU_STOP(r));
}

typedef struct {
  frt_gpu_fold_t all;
  int64_t rows, k;
} accuracy_t;
static frt_status_t accuracy_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                     frt_error_t *err) {
  accuracy_t *s = (accuracy_t *)state;
  const frt_api_tensor_t *ids = frt_in(op, FRT_ACCURACY_IN_INDICES);
  const int gone = 1;
  (void)err;
  s->rows = ids->rank ? ids->dims[0] : 1;
  s->k = s->rows ? ids->numel / s->rows : 0;
  frt_gpu_fold_plan(&s->all, 1, &s->rows, &gone, workspace);
  return FRT_OK;
}
static frt_status_t accuracy_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const accuracy_t *s = (const accuracy_t *)state;
  const int wide = frt_gpu_wide(frt_in(r, FRT_ACCURACY_IN_INDICES));
  const int wide_label = frt_gpu_wide(frt_in(r, FRT_ACCURACY_IN_LABEL));
  const void *ids = frt_in(r, FRT_ACCURACY_IN_INDICES)->data;
  const void *label = frt_in(r, FRT_ACCURACY_IN_LABEL)->data;
  float *share = (float *)frt_gpu_data_out(r, FRT_ACCURACY_OUT_ACCURACY);
  int32_t *correct = (int32_t *)frt_gpu_data_out(r, FRT_ACCURACY_OUT_CORRECT);
  int32_t *total = (int32_t *)frt_gpu_data_out(r, FRT_ACCURACY_OUT_TOTAL);
  const int64_t rows = s->rows, k = s->k;
  return frt_gpu_reduce(
      r, &s->all, r->workspace, frt_gpu_sum(),
      [=] FRT_GPU_FN(int64_t row) -> double {
        const int64_t want = frt_gpu_int(label, wide_label, row);
        int hit = 0;
        FRT_GPU_ROLLED
        for (int64_t i = 0; i < k; ++i) hit |= frt_gpu_int(ids, wide, row * k + i) == want;
        return hit;
      },
      [=] FRT_GPU_FN(int64_t, double hits) {
        if (share) *share = rows ? (float)(hits / (double)rows) : 0.0f;
        if (correct) *correct = (int32_t)hits;
        if (total) *total = (int32_t)rows;
      },
      err);
}

#define VALUES (FRT_NUMBERS | FRT_DTYPE_BIT(FRT_I16) | FRT_DTYPE_BIT(FRT_U8))
#define ROW(name, dtypes) FRT_KERNEL(#name, dtypes, name, FRT_GPU_FLAGS)
FRT_KERNELS(cuda, index) = {
    ROW(gather, FRT_ANY_DTYPE), ROW(gather_grad, FRT_INTS), ROW(arg_max, VALUES),
    ROW(arg_min, VALUES), ROW(argsort, FRT_NUMBERS), ROW(argsort_grad, FRT_I64S),
    ROW(one_hot, FRT_INTS), ROW(top_k, FRT_NUMBERS), ROW(accuracy, FRT_FLOATS),
    FRT_KERNELS_END};
