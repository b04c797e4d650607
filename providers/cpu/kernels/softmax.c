#include <math.h>

#include "fluidrt/op_index.h"
#include "sums.h"
#include "vmath.h"
#undef A
#undef B

/* The classes lie along an axis: outer x n x inner. When inner is not 1 the rows are
 * gathered into the workspace first and spread out again behind. */
typedef struct {
  int64_t outer, n, inner, rows, numel;
} axis_t;

static void axis_make(axis_t *a, const frt_api_tensor_t *t, int64_t axis) {
  if (axis < 0) axis += t->rank;
  a->outer = a->inner = 1;
  for (int64_t d = 0; d < axis; ++d) a->outer *= t->dims[d];
  for (int64_t d = axis + 1; d < t->rank; ++d) a->inner *= t->dims[d];
  a->n = t->dims[axis];
  a->rows = a->outer * a->inner;
  a->numel = a->rows * a->n;
}

/* Element c of row `row` of a tensor as it lies in memory. */
static int64_t place(const axis_t *a, int64_t row, int64_t c) {
  return (row / a->inner * a->n + c) * a->inner + row % a->inner;
}

/* ---- rows ---------------------------------------------------------------------------- */

FRT_CPU_SUM_BLOCK(plain, u)
FRT_CPU_SUM_BLOCK(product, u * v)

/* Any length; block sums are added in order. */
static double row_sum(void (*block)(const float *, const float *, int64_t, double *),
                      const float *x, const float *y, int64_t n) {
  double acc = 0.0, s;
  for (int64_t at = 0; at < n; at += FRT_CPU_BLOCK) {
    block(x + at, y + at, n - at < FRT_CPU_BLOCK ? n - at : FRT_CPU_BLOCK, &s);
    acc += s;
  }
  return acc;
}

/* y = max(x - max x, -64), Fluid's floor. NaN stays NaN; y may be x. */
FRT_CPU_BODY void shift_body(float *y, const float *x, int64_t n) {
  float l[8], top;
  int64_t i = 0;
  if (n >= 8) {
    for (int j = 0; j < 8; ++j) l[j] = x[j];
    for (; i + 8 <= n; i += 8)
      for (int j = 0; j < 8; ++j) l[j] = x[i + j] > l[j] ? x[i + j] : l[j];
    top = l[0];
    for (int j = 1; j < 8; ++j) top = l[j] > top ? l[j] : top;
  } else {
    top = x[0];
  }
  for (; i < n; ++i) top = x[i] > top ? x[i] : top;
  FRT_CPU_IVDEP
  for (int64_t k = 0; k < n; ++k) {
    const float d = x[k] - top;
    y[k] = d < -64.0f ? -64.0f : d;
  }
}
FRT_CPU_VARIANTS(shift, (float *y, const float *x, int64_t n), (y, x, n))

FRT_CPU_BODY void divide_body(float *y, float by, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = y[i] / by;
}
FRT_CPU_VARIANTS(divide, (float *y, float by, int64_t n), (y, by, n))

/* x = y * (g - s). */
FRT_CPU_BODY void backward_body(float *x, const float *y, const float *g, float s,
                                int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t i = 0; i < n; ++i) x[i] = y[i] * (g[i] - s);
}
FRT_CPU_VARIANTS(backward, (float *x, const float *y, const float *g, float s, int64_t n),
                 (x, y, g, s, n))

/* ---- softmax ---------------------------------------------------------------------------- */

typedef struct softmax_call softmax_call_t;
/* What else a row is good for, between exp and division: z is the shifted row. */
typedef void (*row_end_fn)(const softmax_call_t *c, int64_t row, const float *z, double sum);
struct softmax_call {
  const axis_t *a;
  const float *x;
  float *y;
  float *z; /* the shifted rows are kept here when `end` is set */
  row_end_fn end;
  const void *label;
  float *loss;
  int64_t ignore;
  float *gathered; /* workspace of rows, NULL when inner is 1 */
};

/* exp runs over as many rows at once as the first cache holds: short rows share the
 * vectors. */
static void softmax_rows(const softmax_call_t *c, const float *x, float *y, float *z,
                         int64_t lo, int64_t hi) {
  const int64_t n = c->a->n, at_once = n >= 2048 ? 1 : 2048 / n;
  for (int64_t row = lo; row < hi; row += at_once) {
    const int64_t rows = hi - row < at_once ? hi - row : at_once;
    float *zs = z ? z + row * n : y + row * n;
    for (int64_t i = 0; i < rows; ++i) shift(zs + i * n, x + (row + i) * n, n);
    frt_cpu_vexp(y + row * n, zs, rows * n);
    for (int64_t i = 0; i < rows; ++i) {
      float *yr = y + (row + i) * n;
      const double sum = row_sum(plain, yr, yr, n);
      if (c->end) c->end(c, row + i, zs + i * n, sum);
      divide(yr, (float)sum, n);
    }
  }
}

static void softmax_piece(void *arg, int64_t lo, int64_t hi) {
  const softmax_call_t *c = (const softmax_call_t *)arg;
  const axis_t *a = c->a;
  if (!c->gathered) {
    softmax_rows(c, c->x, c->y, c->z, lo, hi);
    return;
  }
  for (int64_t row = lo; row < hi; ++row)
    for (int64_t k = 0; k < a->n; ++k) c->gathered[row * a->n + k] = c->x[place(a, row, k)];
  softmax_rows(c, c->gathered, c->gathered, c->z, lo, hi);
  for (int64_t row = lo; row < hi; ++row)
    for (int64_t k = 0; k < a->n; ++k) c->y[place(a, row, k)] = c->gathered[row * a->n + k];
}

static int64_t row_grain(const axis_t *a) {
  return frt_cpu_div_up(FRT_CPU_GRAIN_MATH, a->n ? a->n : 1);
}

typedef struct { axis_t a; } softmax_t;

static frt_status_t softmax_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  softmax_t *s = (softmax_t *)state;
  (void)err;
  axis_make(&s->a, frt_in(op, FRT_SOFTMAX_IN_X), frt_attr_i64(op, FRT_SOFTMAX_ATTR_AXIS));
  if (s->a.inner != 1) *workspace = (uint64_t)s->a.numel * sizeof(float);
  return FRT_OK;
}

static frt_status_t softmax_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const softmax_t *s = (const softmax_t *)state;
  softmax_call_t c = {.a = &s->a, .x = frt_in_f32(r, FRT_SOFTMAX_IN_X),
                      .y = frt_out_f32(r, FRT_SOFTMAX_OUT_OUT),
                      .gathered = s->a.inner == 1 ? NULL : (float *)r->workspace};
  (void)err;
  if (s->a.numel) frt_cpu_for(r, s->a.rows, row_grain(&s->a), softmax_piece, &c);
  return FRT_OK;
}

typedef struct {
  const axis_t *a;
  const float *y, *g;
  float *x;
} softmax_grad_call_t;

static void softmax_grad_piece(void *arg, int64_t lo, int64_t hi) {
  const softmax_grad_call_t *c = (const softmax_grad_call_t *)arg;
  const axis_t *a = c->a;
  for (int64_t row = lo; row < hi; ++row) {
    const int64_t at = row * a->n;
    double s = 0.0;
    if (a->inner == 1) {
      s = row_sum(product, c->y + at, c->g + at, a->n);
      backward(c->x + at, c->y + at, c->g + at, (float)s, a->n);
      continue;
    }
    for (int64_t k = 0; k < a->n; ++k)
      s += (double)c->y[place(a, row, k)] * (double)c->g[place(a, row, k)];
    for (int64_t k = 0; k < a->n; ++k) {
      const int64_t i = place(a, row, k);
      c->x[i] = c->y[i] * (c->g[i] - (float)s);
    }
  }
}

typedef softmax_t softmax_grad_t;
static frt_status_t softmax_grad_prepare(const frt_op_t *op, void *state,
                                         uint64_t *workspace, frt_error_t *err) {
  (void)workspace, (void)err;
  axis_make(&((softmax_grad_t *)state)->a, frt_in(op, FRT_SOFTMAX_GRAD_IN_OUT),
            frt_attr_i64(op, FRT_SOFTMAX_GRAD_ATTR_AXIS));
  return FRT_OK;
}
static frt_status_t softmax_grad_run(const void *state, const frt_run_t *r,
                                     frt_error_t *err) {
  const axis_t *a = &((const softmax_grad_t *)state)->a;
  softmax_grad_call_t c = {a, frt_in_f32(r, FRT_SOFTMAX_GRAD_IN_OUT),
                           frt_in_f32(r, FRT_SOFTMAX_GRAD_IN_OUT_GRAD), NULL};
  (void)err;
  if (!frt_has_out(r, FRT_SOFTMAX_GRAD_OUT_X_GRAD)) return FRT_OK;
  c.x = frt_out_f32(r, FRT_SOFTMAX_GRAD_OUT_X_GRAD);
  frt_cpu_for(r, a->rows, row_grain(a), softmax_grad_piece, &c);
  return FRT_OK;
}

/* ---- softmax_with_cross_entropy ------------------------------------------------------------ */

typedef struct {
  axis_t a;
  int32_t soft, keep; /* keep: Softmax is an output */
  int64_t ignore, gathered; /* gathered: bytes before the shifted rows */
} entropy_t;

/* Loss = log sum - z[label]: no precision is lost where the probability is near 1. */
static void hard_loss(const softmax_call_t *c, int64_t row, const float *z, double sum) {
  const int64_t label = ((const int64_t *)c->label)[row];
  c->loss[row] = label == c->ignore ? 0.0f : (float)(log(sum) - (double)z[label]);
}

static void soft_loss(const softmax_call_t *c, int64_t row, const float *z, double sum) {
  const double top = log(sum);
  double loss = 0.0;
  for (int64_t k = 0; k < c->a->n; ++k)
    loss += (double)((const float *)c->label)[place(c->a, row, k)] * (top - (double)z[k]);
  c->loss[row] = (float)loss;
}

/* Before anything is written. */
static frt_status_t check_labels(const axis_t *a, const int64_t *label, int64_t ignore,
                                 frt_error_t *err) {
  for (int64_t row = 0; row < a->rows; ++row) {
    if ((label[row] >= 0 && label[row] < a->n) || label[row] == ignore) continue;
    frt_fail(err, FRT_OUT_OF_RANGE,
             "Label: row %lld is %lld; wanted 0 to %lld, or ignore_index %lld",
             (long long)row, (long long)label[row], (long long)a->n - 1, (long long)ignore);
    if (err) snprintf(err->name, sizeof err->name, "Label");
    return FRT_OUT_OF_RANGE;
  }
  return FRT_OK;
}

static frt_status_t entropy_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  entropy_t *s = (entropy_t *)state;
  int64_t rows_bytes;
  (void)err;
  axis_make(&s->a, frt_in(op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_IN_LOGITS),
            frt_attr_i64(op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_ATTR_AXIS));
  s->soft = frt_attr_bool(op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_ATTR_SOFT_LABEL);
  s->ignore = frt_attr_i64(op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_ATTR_IGNORE_INDEX);
  s->keep = frt_has_out(op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_OUT_SOFTMAX);
  rows_bytes = (s->a.numel * 4 + 63) / 64 * 64;
  s->gathered = s->a.inner != 1 || !s->keep ? rows_bytes : 0;
  *workspace = (uint64_t)(s->gathered + rows_bytes);
  return FRT_OK;
}

static frt_status_t entropy_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const entropy_t *s = (const entropy_t *)state;
  float *rows = (float *)r->workspace;
  softmax_call_t c = {
      .a = &s->a, .x = frt_in_f32(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_IN_LOGITS), .y = rows,
      .z = (float *)frt_cpu_workspace(r, s->gathered),
      .end = s->soft ? soft_loss : hard_loss,
      .label = frt_in(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_IN_LABEL)->data,
      .loss = frt_out_f32(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_OUT_LOSS),
      .ignore = s->ignore, .gathered = s->a.inner == 1 ? NULL : rows};
  if (!s->soft) FRT_TRY(check_labels(&s->a, (const int64_t *)c.label, s->ignore, err));
  if (s->keep) c.y = frt_out_f32(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_OUT_SOFTMAX);
  if (s->a.numel) frt_cpu_for(r, s->a.rows, row_grain(&s->a), softmax_piece, &c);
  else if (s->a.rows) memset(c.loss, 0, (size_t)s->a.rows * sizeof *c.loss);
  return FRT_OK;
}

typedef entropy_t entropy_grad_t;

static frt_status_t entropy_grad_prepare(const frt_op_t *op, void *state,
                                         uint64_t *workspace, frt_error_t *err) {
  entropy_grad_t *s = (entropy_grad_t *)state;
  (void)workspace, (void)err;
  axis_make(&s->a, frt_in(op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_IN_SOFTMAX),
            frt_attr_i64(op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_ATTR_AXIS));
  s->soft = frt_attr_bool(op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_ATTR_SOFT_LABEL);
  s->ignore = frt_attr_i64(op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_ATTR_IGNORE_INDEX);
  return FRT_OK;
}

typedef struct {
  const entropy_grad_t *s;
  const void *label;
  const float *g, *y;
  float *x;
} entropy_grad_call_t;

static void hard_grad(void *arg, int64_t lo, int64_t hi) {
  const entropy_grad_call_t *c = (const entropy_grad_call_t *)arg;
  const axis_t *a = &c->s->a;
  const int64_t *label = (const int64_t *)c->label;
  for (int64_t row = lo; row < hi; ++row) {
    const int64_t first = place(a, row, 0), step = a->inner;
    const float g = c->g[row];
    if (label[row] == c->s->ignore) {
      for (int64_t k = 0; k < a->n; ++k) c->x[first + k * step] = 0.0f;
      continue;
    }
    const int64_t hit = first + label[row] * step;
    const float there = (c->y[hit] - 1.0f) * g;
    for (int64_t k = 0; k < a->n; ++k) c->x[first + k * step] = c->y[first + k * step] * g;
    c->x[hit] = there;
  }
}

static void soft_grad(void *arg, int64_t lo, int64_t hi) {
  const entropy_grad_call_t *c = (const entropy_grad_call_t *)arg;
  const axis_t *a = &c->s->a;
  const float *label = (const float *)c->label;
  for (int64_t row = lo; row < hi; ++row) {
    const int64_t first = place(a, row, 0);
    for (int64_t k = 0; k < a->n; ++k) {
      const int64_t i = first + k * a->inner;
      c->x[i] = (c->y[i] - label[i]) * c->g[row];
    }
  }
}

static frt_status_t entropy_grad_run(const void *state, const frt_run_t *r,
                                     frt_error_t *err) {
  const entropy_grad_t *s = (const entropy_grad_t *)state;
  entropy_grad_call_t c = {
      s, frt_in(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_IN_LABEL)->data,
      frt_in_f32(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_IN_LOSS_GRAD),
      frt_in_f32(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_IN_SOFTMAX), NULL};
  if (!s->soft) FRT_TRY(check_labels(&s->a, (const int64_t *)c.label, s->ignore, err));
  if (!frt_has_out(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_OUT_LOGITS_GRAD)) return FRT_OK;
  c.x = frt_out_f32(r, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_OUT_LOGITS_GRAD);
  frt_cpu_for(r, s->a.rows, row_grain(&s->a), s->soft ? soft_grad : hard_grad, &c);
  return FRT_OK;
}

/* The key slot of the gradient is Label: int64, or float32 when labels are soft; the
 * other slots decide. */
static frt_reason_t entropy_grad_refuse(const frt_op_t *op, char detail[160]) {
  const uint32_t dtype =
      frt_in(op, FRT_SOFTMAX_WITH_CROSS_ENTROPY_GRAD_IN_SOFTMAX)->dtype;
  if (dtype == FRT_F32) return FRT_REASON_NONE;
  snprintf(detail, 160, "Softmax has dtype %s; the kernel takes float32",
           frt_dtype_name(dtype));
  return FRT_REASON_DTYPE;
}

FRT_KERNELS(cpu, softmax) = {
    FRT_KERNEL("softmax", FRT_F32S, softmax, FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("softmax_grad", FRT_F32S, softmax_grad,
               FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("softmax_with_cross_entropy", FRT_F32S, entropy, FRT_KERNEL_DETERMINISTIC),
    {"softmax_with_cross_entropy_grad", FRT_F32S | FRT_I64S, sizeof(entropy_grad_t),
     entropy_grad_prepare, entropy_grad_run, FRT_KERNEL_DETERMINISTIC, entropy_grad_refuse},
    FRT_KERNELS_END};
