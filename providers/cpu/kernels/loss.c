#include <math.h>

#include "fluidrt/op_index.h"
#include "loop.h"
#undef A
#undef B

/* Terms are computed in double and rounded once. */

static frt_reason_t wants_f32(const frt_api_tensor_t *t, const char *slot,
                              char detail[160]) {
  if (t->dtype == FRT_F32) return FRT_REASON_NONE;
  snprintf(detail, 160, "%s has dtype %s; the kernel takes float32", slot,
           frt_dtype_name(t->dtype));
  return FRT_REASON_DTYPE;
}

/* ---- cross entropy of probabilities ------------------------------------------------ */

typedef struct { int64_t rows, n, ignore; int32_t soft; } entropy_t;

typedef struct {
  const entropy_t *s;
  const float *x, *g;
  const void *label;
  float *y, *match; /* match: of cross_entropy2, else NULL */
} entropy_call_t;

static void entropy_make(entropy_t *s, const frt_api_tensor_t *label, int64_t n,
                         int64_t numel, int64_t ignore, int soft) {
  s->n = n;
  s->rows = soft ? (n ? numel / n : 0) : label->numel;
  s->ignore = ignore;
  s->soft = soft;
}

static int64_t last_dim(const frt_api_tensor_t *x) { return x->dims[x->rank - 1]; }

/* Fluid keeps an infinite logarithm within +-1e20. */
static double held_log(float x) {
  const double ln = log((double)x);
  return isinf(ln) ? copysign(1e20, ln) : ln;
}

/* Before anything is written. */
static frt_status_t check_labels(const entropy_t *s, const void *labels, frt_error_t *err) {
  const int64_t *label = (const int64_t *)labels;
  for (int64_t row = 0; row < s->rows; ++row) {
    if ((label[row] >= 0 && label[row] < s->n) || label[row] == s->ignore) continue;
    frt_fail(err, FRT_OUT_OF_RANGE,
             "Label: row %lld is %lld; wanted 0 to %lld, or ignore_index %lld",
             (long long)row, (long long)label[row], (long long)s->n - 1,
             (long long)s->ignore);
    if (err) snprintf(err->name, sizeof err->name, "Label");
    return FRT_OUT_OF_RANGE;
  }
  return FRT_OK;
}

static void hard_loss(void *arg, int64_t lo, int64_t hi) {
  const entropy_call_t *c = (const entropy_call_t *)arg;
  const int64_t *label = (const int64_t *)c->label;
  for (int64_t row = lo; row < hi; ++row) {
    const int skip = label[row] == c->s->ignore;
    const float p = skip ? 1.0f : c->x[row * c->s->n + label[row]];
    if (c->match) c->match[row] = p;
    c->y[row] = skip ? 0.0f : (float)-held_log(p);
  }
}

static void soft_loss(void *arg, int64_t lo, int64_t hi) {
  const entropy_call_t *c = (const entropy_call_t *)arg;
  const float *label = (const float *)c->label;
  for (int64_t row = lo; row < hi; ++row) {
    double y = 0.0;
    for (int64_t i = row * c->s->n; i < (row + 1) * c->s->n; ++i)
      y -= (double)label[i] * held_log(c->x[i]);
    c->y[row] = (float)y;
  }
}

static void soft_grad(void *arg, int64_t lo, int64_t hi) {
  const entropy_call_t *c = (const entropy_call_t *)arg;
  const float *label = (const float *)c->label;
  for (int64_t row = lo; row < hi; ++row)
    for (int64_t i = row * c->s->n; i < (row + 1) * c->s->n; ++i)
      c->y[i] = (float)(-(double)c->g[row] * (double)label[i] / (double)c->x[i]);
}

/* x or match holds the probability at the label. */
static void hard_grad(void *arg, int64_t lo, int64_t hi) {
  const entropy_call_t *c = (const entropy_call_t *)arg;
  const int64_t *label = (const int64_t *)c->label, n = c->s->n;
  memset(c->y + lo * n, 0, (size_t)((hi - lo) * n) * sizeof(float));
  for (int64_t row = lo; row < hi; ++row) {
    if (label[row] == c->s->ignore) continue;
    const int64_t at = row * n + label[row];
    c->y[at] = -c->g[row] / (c->match ? c->match[row] : c->x[at]);
  }
}

static frt_status_t entropy_do(const frt_run_t *r, entropy_call_t *c, int grad,
                               frt_error_t *err) {
  const entropy_t *s = c->s;
  const int64_t work = s->soft || grad ? s->n : 1;
  if (!s->soft) FRT_TRY(check_labels(s, c->label, err));
  if (!c->y || !s->rows) return FRT_OK;
  frt_cpu_for(r, s->rows, frt_cpu_div_up(FRT_CPU_GRAIN_MATH, work),
              grad ? (s->soft ? soft_grad : hard_grad) : (s->soft ? soft_loss : hard_loss), c);
  return FRT_OK;
}

static frt_status_t entropy_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_CROSS_ENTROPY_IN_X);
  (void)workspace, (void)err;
  entropy_make((entropy_t *)state, frt_in(op, FRT_CROSS_ENTROPY_IN_LABEL), last_dim(x),
               x->numel, frt_attr_i64(op, FRT_CROSS_ENTROPY_ATTR_IGNORE_INDEX),
               frt_attr_bool(op, FRT_CROSS_ENTROPY_ATTR_SOFT_LABEL));
  return FRT_OK;
}
static frt_status_t entropy_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  entropy_call_t c = {(const entropy_t *)state, frt_in_f32(r, FRT_CROSS_ENTROPY_IN_X), NULL,
                      frt_in(r, FRT_CROSS_ENTROPY_IN_LABEL)->data,
                      frt_out_f32(r, FRT_CROSS_ENTROPY_OUT_Y), NULL};
  return entropy_do(r, &c, 0, err);
}

static frt_status_t entropy2_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                     frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_CROSS_ENTROPY2_IN_X);
  (void)workspace, (void)err;
  entropy_make((entropy_t *)state, frt_in(op, FRT_CROSS_ENTROPY2_IN_LABEL), last_dim(x),
               x->numel, frt_attr_i64(op, FRT_CROSS_ENTROPY2_ATTR_IGNORE_INDEX), 0);
  return FRT_OK;
}
static frt_status_t entropy2_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  entropy_call_t c = {(const entropy_t *)state, frt_in_f32(r, FRT_CROSS_ENTROPY2_IN_X), NULL,
                      frt_in(r, FRT_CROSS_ENTROPY2_IN_LABEL)->data,
                      frt_out_f32(r, FRT_CROSS_ENTROPY2_OUT_Y),
                      frt_out_f32(r, FRT_CROSS_ENTROPY2_OUT_MATCHX)};
  return entropy_do(r, &c, 0, err);
}

static frt_status_t entropy_grad_prepare(const frt_op_t *op, void *state,
                                         uint64_t *workspace, frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_CROSS_ENTROPY_GRAD_IN_X);
  (void)workspace, (void)err;
  entropy_make((entropy_t *)state, frt_in(op, FRT_CROSS_ENTROPY_GRAD_IN_LABEL), last_dim(x),
               x->numel, frt_attr_i64(op, FRT_CROSS_ENTROPY_GRAD_ATTR_IGNORE_INDEX),
               frt_attr_bool(op, FRT_CROSS_ENTROPY_GRAD_ATTR_SOFT_LABEL));
  return FRT_OK;
}
static frt_status_t entropy_grad_run(const void *state, const frt_run_t *r,
                                     frt_error_t *err) {
  entropy_call_t c = {(const entropy_t *)state, frt_in_f32(r, FRT_CROSS_ENTROPY_GRAD_IN_X),
                      frt_in_f32(r, FRT_CROSS_ENTROPY_GRAD_IN_Y_GRAD),
                      frt_in(r, FRT_CROSS_ENTROPY_GRAD_IN_LABEL)->data, NULL, NULL};
  if (frt_has_out(r, FRT_CROSS_ENTROPY_GRAD_OUT_X_GRAD))
    c.y = frt_out_f32(r, FRT_CROSS_ENTROPY_GRAD_OUT_X_GRAD);
  return entropy_do(r, &c, 1, err);
}
static frt_reason_t entropy_grad_refuse(const frt_op_t *op, char detail[160]) {
  return wants_f32(frt_in(op, FRT_CROSS_ENTROPY_GRAD_IN_X), "X", detail);
}

static frt_status_t entropy2_grad_prepare(const frt_op_t *op, void *state,
                                          uint64_t *workspace, frt_error_t *err) {
  const frt_api_tensor_t *note = frt_in(op, FRT_CROSS_ENTROPY_GRAD2_IN_XSHAPE);
  (void)workspace, (void)err;
  entropy_make((entropy_t *)state, frt_in(op, FRT_CROSS_ENTROPY_GRAD2_IN_LABEL),
               note->dims[note->rank - 2], 0,
               frt_attr_i64(op, FRT_CROSS_ENTROPY_GRAD2_ATTR_IGNORE_INDEX), 0);
  return FRT_OK;
}
static frt_status_t entropy2_grad_run(const void *state, const frt_run_t *r,
                                      frt_error_t *err) {
  entropy_call_t c = {(const entropy_t *)state, NULL,
                      frt_in_f32(r, FRT_CROSS_ENTROPY_GRAD2_IN_Y_GRAD),
                      frt_in(r, FRT_CROSS_ENTROPY_GRAD2_IN_LABEL)->data, NULL,
                      (float *)frt_in(r, FRT_CROSS_ENTROPY_GRAD2_IN_MATCHX)->data};
  if (frt_has_out(r, FRT_CROSS_ENTROPY_GRAD2_OUT_X_GRAD))
    c.y = frt_out_f32(r, FRT_CROSS_ENTROPY_GRAD2_OUT_X_GRAD);
  return entropy_do(r, &c, 1, err);
}
static frt_reason_t entropy2_grad_refuse(const frt_op_t *op, char detail[160]) {
  return wants_f32(frt_in(op, FRT_CROSS_ENTROPY_GRAD2_IN_MATCHX), "MatchX", detail);
}

/* ---- losses of one element each ------------------------------------------------------ */

typedef struct {
  const float *a, *b, *g;
  float *o, *o2; /* either may be NULL for gradients */
  double p, q;
} pair_t;

static void pair_do(const frt_run_t *r, int64_t n, void (*fn)(void *, int64_t, int64_t),
                    pair_t *c) {
  frt_cpu_for(r, n, FRT_CPU_GRAIN_MATH, fn, c);
}

/* p: ignore_index; q: what to divide by. */
static void logits_piece(void *arg, int64_t lo, int64_t hi) {
  const pair_t *c = (const pair_t *)arg;
  for (int64_t i = lo; i < hi; ++i) {
    const double x = (double)c->a[i], z = (double)c->b[i], big = x > 0 ? x : 0.0;
    c->o[i] = z == c->p ? 0.0f : (float)((big - x * z + log1p(exp(-fabs(x)))) / c->q);
  }
}
static void logits_grad_piece(void *arg, int64_t lo, int64_t hi) {
  const pair_t *c = (const pair_t *)arg;
  for (int64_t i = lo; i < hi; ++i) {
    const double z = (double)c->b[i], s = 1.0 / (1.0 + exp(-(double)c->a[i]));
    c->o[i] = z == c->p ? 0.0f : (float)((double)c->g[i] * (s - z) / c->q);
  }
}

typedef struct { int64_t ignore; int32_t normalize; } logits_t;

static double labels_kept(const logits_t *s, const float *label, int64_t n) {
  int64_t kept = 0;
  if (!s->normalize) return 1.0;
  for (int64_t i = 0; i < n; ++i) kept += (double)label[i] != (double)s->ignore;
  return kept ? (double)kept : 1e-5;
}

#define LOGITS(name, OP)                                                             \
  static frt_status_t name##_prepare(const frt_op_t *op, void *state,                \
                                     uint64_t *workspace, frt_error_t *err) {        \
    logits_t *s = (logits_t *)state;                                                 \
    (void)workspace, (void)err;                                                      \
    s->ignore = frt_attr_i64(op, FRT_##OP##_ATTR_IGNORE_INDEX);                      \
    s->normalize = frt_attr_bool(op, FRT_##OP##_ATTR_NORMALIZE);                     \
    return FRT_OK;                                                                   \
  }                                                                                  \
  static pair_t name##_call(const logits_t *s, const frt_run_t *r) {                 \
    const float *label = frt_in_f32(r, FRT_##OP##_IN_LABEL);                         \
    const pair_t c = {frt_in_f32(r, FRT_##OP##_IN_X), label, NULL, NULL, NULL,       \
                      (double)s->ignore,                                             \
                      labels_kept(s, label, frt_in_numel(r, FRT_##OP##_IN_LABEL))};  \
    return c;                                                                        \
  }
LOGITS(logits, SIGMOID_CROSS_ENTROPY_WITH_LOGITS)
LOGITS(logits_grad, SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD)
typedef logits_t logits_grad_t;

static frt_status_t logits_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  pair_t c = logits_call((const logits_t *)state, r);
  (void)err;
  c.o = frt_out_f32(r, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_OUT_OUT);
  pair_do(r, frt_in_numel(r, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_IN_X), logits_piece, &c);
  return FRT_OK;
}
static frt_status_t logits_grad_run(const void *state, const frt_run_t *r,
                                    frt_error_t *err) {
  pair_t c = logits_grad_call((const logits_t *)state, r);
  (void)err;
  c.g = frt_in_f32(r, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD_IN_OUT_GRAD);
  c.o = frt_cpu_out_or_null(r, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD_OUT_X_GRAD);
  if (c.o)
    pair_do(r, frt_in_numel(r, FRT_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRAD_IN_X),
            logits_grad_piece, &c);
  return FRT_OK;
}

/* One fp32 attribute, kept as the double it is. */
typedef struct { double v; } number_t;
typedef number_t huber_t, huber_grad_t, log_loss_t, log_loss_grad_t;
#define NUMBER(name, attr)                                                            \
  static frt_status_t name##_prepare(const frt_op_t *op, void *state,                 \
                                     uint64_t *workspace, frt_error_t *err) {         \
    (void)workspace, (void)err;                                                       \
    ((number_t *)state)->v = (double)frt_attr_f32(op, attr);                          \
    return FRT_OK;                                                                    \
  }
NUMBER(huber, FRT_HUBER_LOSS_ATTR_DELTA)
NUMBER(huber_grad, FRT_HUBER_LOSS_GRAD_ATTR_DELTA)
NUMBER(log_loss, FRT_LOG_LOSS_ATTR_EPSILON)
NUMBER(log_loss_grad, FRT_LOG_LOSS_GRAD_ATTR_EPSILON)

/* o: Out, o2: Residual; p: delta. */
static void huber_piece(void *arg, int64_t lo, int64_t hi) {
  const pair_t *c = (const pair_t *)arg;
  const double delta = c->p;
  for (int64_t i = lo; i < hi; ++i) {
    const double d = (double)c->b[i] - (double)c->a[i], a = fabs(d);
    c->o2[i] = c->b[i] - c->a[i];
    c->o[i] = (float)(a <= delta ? 0.5 * d * d : delta * (a - 0.5 * delta));
  }
}
static void huber_grad_piece(void *arg, int64_t lo, int64_t hi) {
  const pair_t *c = (const pair_t *)arg;
  const float delta = (float)c->p;
  for (int64_t i = lo; i < hi; ++i) {
    const float d = c->a[i], v = c->g[i] * (d > delta ? delta : d < -delta ? -delta : d);
    if (c->o) c->o[i] = -v;
    if (c->o2) c->o2[i] = v;
  }
}
/* p: epsilon. */
static void log_loss_piece(void *arg, int64_t lo, int64_t hi) {
  const pair_t *c = (const pair_t *)arg;
  for (int64_t i = lo; i < hi; ++i) {
    const double p = (double)c->a[i], l = (double)c->b[i];
    c->o[i] = (float)(-l * log(p + c->p) - (1.0 - l) * log(1.0 - p + c->p));
  }
}
static void log_loss_grad_piece(void *arg, int64_t lo, int64_t hi) {
  const pair_t *c = (const pair_t *)arg;
  for (int64_t i = lo; i < hi; ++i) {
    const double p = (double)c->a[i], l = (double)c->b[i];
    c->o[i] = (float)((double)c->g[i] * ((1.0 - l) / (1.0 - p + c->p) - l / (p + c->p)));
  }
}

static frt_status_t huber_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  pair_t c = {frt_in_f32(r, FRT_HUBER_LOSS_IN_X), frt_in_f32(r, FRT_HUBER_LOSS_IN_Y), NULL,
              frt_out_f32(r, FRT_HUBER_LOSS_OUT_OUT),
              frt_out_f32(r, FRT_HUBER_LOSS_OUT_RESIDUAL), ((const huber_t *)state)->v, 0};
  (void)err;
  pair_do(r, frt_in_numel(r, FRT_HUBER_LOSS_IN_X), huber_piece, &c);
  return FRT_OK;
}
static frt_status_t huber_grad_run(const void *state, const frt_run_t *r,
                                   frt_error_t *err) {
  pair_t c = {frt_in_f32(r, FRT_HUBER_LOSS_GRAD_IN_RESIDUAL), NULL,
              frt_in_f32(r, FRT_HUBER_LOSS_GRAD_IN_OUT_GRAD),
              frt_cpu_out_or_null(r, FRT_HUBER_LOSS_GRAD_OUT_X_GRAD),
              frt_cpu_out_or_null(r, FRT_HUBER_LOSS_GRAD_OUT_Y_GRAD),
              ((const huber_grad_t *)state)->v, 0};
  (void)err;
  pair_do(r, frt_in_numel(r, FRT_HUBER_LOSS_GRAD_IN_RESIDUAL), huber_grad_piece, &c);
  return FRT_OK;
}
static frt_status_t log_loss_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  pair_t c = {frt_in_f32(r, FRT_LOG_LOSS_IN_PREDICTED), frt_in_f32(r, FRT_LOG_LOSS_IN_LABELS),
              NULL, frt_out_f32(r, FRT_LOG_LOSS_OUT_LOSS), NULL,
              ((const log_loss_t *)state)->v, 0};
  (void)err;
  pair_do(r, frt_in_numel(r, FRT_LOG_LOSS_IN_PREDICTED), log_loss_piece, &c);
  return FRT_OK;
}
static frt_status_t log_loss_grad_run(const void *state, const frt_run_t *r,
                                      frt_error_t *err) {
  pair_t c = {frt_in_f32(r, FRT_LOG_LOSS_GRAD_IN_PREDICTED),
              frt_in_f32(r, FRT_LOG_LOSS_GRAD_IN_LABELS),
              frt_in_f32(r, FRT_LOG_LOSS_GRAD_IN_LOSS_GRAD),
              frt_cpu_out_or_null(r, FRT_LOG_LOSS_GRAD_OUT_PREDICTED_GRAD), NULL,
              ((const log_loss_grad_t *)state)->v, 0};
  (void)err;
  if (c.o)
    pair_do(r, frt_in_numel(r, FRT_LOG_LOSS_GRAD_IN_PREDICTED), log_loss_grad_piece, &c);
  return FRT_OK;
}

#define FLAGS FRT_KERNEL_DETERMINISTIC
FRT_KERNELS(cpu, loss) = {
    FRT_KERNEL("cross_entropy", FRT_F32S, entropy, FLAGS),
    {"cross_entropy_grad", FRT_F32S | FRT_I64S, sizeof(entropy_t), entropy_grad_prepare,
     entropy_grad_run, FLAGS, entropy_grad_refuse},
    {"cross_entropy2", FRT_F32S, sizeof(entropy_t), entropy2_prepare, entropy2_run, FLAGS,
     NULL},
    {"cross_entropy_grad2", FRT_I64S, sizeof(entropy_t), entropy2_grad_prepare,
     entropy2_grad_run, FLAGS, entropy2_grad_refuse},
    FRT_KERNEL("sigmoid_cross_entropy_with_logits", FRT_F32S, logits, FLAGS),
    FRT_KERNEL("sigmoid_cross_entropy_with_logits_grad", FRT_F32S, logits_grad, FLAGS),
    FRT_KERNEL("huber_loss", FRT_F32S, huber, FLAGS),
    FRT_KERNEL("huber_loss_grad", FRT_F32S, huber_grad, FLAGS),
    FRT_KERNEL("log_loss", FRT_F32S, log_loss, FLAGS),
    FRT_KERNEL("log_loss_grad", FRT_F32S, log_loss_grad, FLAGS), FRT_KERNELS_END};
