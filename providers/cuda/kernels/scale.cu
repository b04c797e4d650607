#include "fold.h"
#include "unary.h"

/* ---- scale ------------------------------------------------------------------------------ */

GPU_PREPARE_(scale, FRT_SCALE_ATTR_SCALE, FRT_SCALE_ATTR_BIAS, FRT_SCALE_ATTR_BIAS_AFTER_SCALE)
static frt_status_t scale_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_gpu_numbers_t q = *(const frt_gpu_numbers_t *)state;
  const int wide = frt_gpu_wide(frt_in(r, FRT_SCALE_IN_X));
  const void *x = frt_in(r, FRT_SCALE_IN_X)->data;
  void *out = frt_out(r, FRT_SCALE_OUT_OUT)->data;
  return frt_gpu_each(
      r, frt_in_numel(r, FRT_SCALE_IN_X),
      [=] FRT_GPU_FN(int64_t i) {
        const double v = frt_gpu_real(x, wide, i), s = q.v[0], b = q.v[1];
        frt_gpu_put(out, wide, i, q.v[2] != 0 ? s * v + b : s * (v + b));
      },
      err);
}
/* Scale and bias are truncated to integers first, as Fluid does. */
static frt_status_t iscale_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_gpu_numbers_t q = *(const frt_gpu_numbers_t *)state;
  const int64_t s = frt_gpu_whole(q.v[0], INT64_MIN, INT64_MAX);
  const int64_t b = frt_gpu_whole(q.v[1], INT64_MIN, INT64_MAX);
  const int wide = frt_gpu_wide(frt_in(r, FRT_SCALE_IN_X)), after = q.v[2] != 0;
  const void *x = frt_in(r, FRT_SCALE_IN_X)->data;
  void *out = frt_out(r, FRT_SCALE_OUT_OUT)->data;
  return frt_gpu_each(
      r, frt_in_numel(r, FRT_SCALE_IN_X),
      [=] FRT_GPU_FN(int64_t i) {
        const int64_t v = frt_gpu_int(x, wide, i);
        frt_gpu_put(out, wide, i, after ? frt_gpu_add(frt_gpu_mul(s, v), b)
                                        : frt_gpu_mul(s, frt_gpu_add(v, b)));
      },
      err);
}

/* ---- sum: all inputs of a launch are added in order, in double ----------------------------- */

enum { TERMS = 64 };
typedef struct { int n; const void *x[TERMS]; } terms_t;

typedef struct { uint64_t bytes; } sum_t;
static frt_status_t sum_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                frt_error_t *err) {
  (void)state, (void)err;
  /* Beyond one launch the sum so far waits unrounded. */
  if (op->in[FRT_SUM_IN_X].count > TERMS)
    *workspace = 8 * (uint64_t)frt_out_numel(op, FRT_SUM_OUT_OUT);
  return FRT_OK;
}
template <class V, class Op>
static frt_status_t add_up(const frt_run_t *r, Op op, frt_error_t *err) {
  const frt_api_slot_t *xs = &r->in[FRT_SUM_IN_X];
  const int wide = frt_gpu_wide(frt_out(r, FRT_SUM_OUT_OUT));
  void *out = frt_out(r, FRT_SUM_OUT_OUT)->data;
  V *kept = (V *)r->workspace;
  for (uint32_t at = 0; at < xs->count; at += TERMS) {
    terms_t t = {0, {NULL}};
    for (; t.n < TERMS && at + (uint32_t)t.n < xs->count; ++t.n)
      t.x[t.n] = xs->t[at + (uint32_t)t.n]->data;
    const int first = at == 0, last = at + (uint32_t)t.n == xs->count;
    FRT_TRY(frt_gpu_each(
        r, frt_out_numel(r, FRT_SUM_OUT_OUT),
        [=] FRT_GPU_FN(int64_t i) {
          V v = first ? op.none() : kept[i];
          FRT_GPU_ROLLED
          for (int k = 0; k < t.n; ++k) v = op.join(v, frt_gpu_get((V)0, t.x[k], wide, i));
          if (last) frt_gpu_put(out, wide, i, v);
          else kept[i] = v;
        },
        err));
  }
  return FRT_OK;
}
static frt_status_t sum_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  (void)state;
  return add_up<double>(r, frt_gpu_sum(), err);
}
static frt_status_t isum_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_gpu_any_int op = {FRT_GPU_SUM};
  (void)state;
  return add_up<int64_t>(r, op, err);
}

/* ---- increment, decay ----------------------------------------------------------------------- */

GPU_PREPARE_(increment, FRT_INCREMENT_ATTR_STEP)
static frt_status_t increment_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const double step = ((const frt_gpu_numbers_t *)state)->v[0];
  const int64_t whole = frt_gpu_whole(step, INT64_MIN, INT64_MAX);
  const frt_api_tensor_t *t = frt_in(r, FRT_INCREMENT_IN_X);
  const int wide = frt_gpu_wide(t), real = t->dtype == FRT_F32 || t->dtype == FRT_F64;
  const void *x = t->data;
  void *out = frt_out(r, FRT_INCREMENT_OUT_OUT)->data;
  return frt_gpu_each(
      r, t->numel,
      [=] FRT_GPU_FN(int64_t i) {
        if (real) frt_gpu_put(out, wide, i, frt_gpu_real(x, wide, i) + step);
        else frt_gpu_put(out, wide, i, frt_gpu_add(frt_gpu_int(x, wide, i), whole));
      },
      err);
}

/* Regularization: l2 adds coeff Param, l1 adds coeff sign(Param). */
typedef struct { double coeff; int l1; } decay_t;
static frt_status_t decay_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  decay_t *s = (decay_t *)state;
  (void)workspace, (void)err;
  s->coeff = frt_attr_f32(op, FRT_DECAY_ATTR_COEFF);
  s->l1 = !strcmp(frt_attr_str(op, FRT_DECAY_ATTR_MODE), "l1");
  return FRT_OK;
}
static frt_status_t decay_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const decay_t s = *(const decay_t *)state;
  const int wide = frt_gpu_wide(frt_in(r, FRT_DECAY_IN_GRAD));
  const void *g = frt_in(r, FRT_DECAY_IN_GRAD)->data, *p = frt_in(r, FRT_DECAY_IN_PARAM)->data;
  void *out = frt_out(r, FRT_DECAY_OUT_OUT)->data;
  return frt_gpu_each(
      r, frt_in_numel(r, FRT_DECAY_IN_GRAD),
      [=] FRT_GPU_FN(int64_t i) {
        const double w = frt_gpu_real(p, wide, i);
        const double term = s.coeff * (!s.l1 ? w : w > 0 ? 1.0 : w < 0 ? -1.0 : 0.0);
        frt_gpu_put(out, wide, i, frt_gpu_real(g, wide, i) + term);
      },
      err);
}

/* ---- clip ------------------------------------------------------------------------------------ */

GPU_UNARY(clip, CLIP, x < p[0] ? p[0] : x > p[1] ? p[1] : x, FRT_CLIP_ATTR_MIN,
          FRT_CLIP_ATTR_MAX)
GPU_BACKWARD(clip_grad, CLIP_GRAD, X, x > p[0] && x < p[1] ? g : 0.0, FRT_CLIP_GRAD_ATTR_MIN,
             FRT_CLIP_GRAD_ATTR_MAX)

typedef struct {
  frt_gpu_fold_t all;
  double max;
} clip_by_norm_t;
static frt_status_t clip_by_norm_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                         frt_error_t *err) {
  clip_by_norm_t *s = (clip_by_norm_t *)state;
  const int64_t n = frt_in_numel(op, FRT_CLIP_BY_NORM_IN_X);
  const int gone = 1;
  (void)err;
  s->max = frt_attr_f32(op, FRT_CLIP_BY_NORM_ATTR_MAX_NORM);
  *workspace = 64; /* the norm */
  frt_gpu_fold_plan(&s->all, 1, &n, &gone, workspace);
  return FRT_OK;
}
/* A NaN norm scales: NaN everywhere. Zeros stay zeros, where Fluid gives NaN. */
static frt_status_t clip_by_norm_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const clip_by_norm_t *s = (const clip_by_norm_t *)state;
  const int wide = frt_gpu_wide(frt_in(r, FRT_CLIP_BY_NORM_IN_X));
  const void *x = frt_in(r, FRT_CLIP_BY_NORM_IN_X)->data;
  void *out = frt_out(r, FRT_CLIP_BY_NORM_OUT_OUT)->data;
  double *norm = (double *)r->workspace;
  const double max = s->max;
  FRT_TRY(frt_gpu_reduce(
      r, &s->all, (char *)r->workspace + 64, frt_gpu_sum(),
      [=] FRT_GPU_FN(int64_t i) -> double {
        const double v = frt_gpu_real(x, wide, i);
        return v * v;
      },
      [=] FRT_GPU_FN(int64_t, double v) { *norm = sqrt(v); }, err));
  return frt_gpu_each(
      r, frt_in_numel(r, FRT_CLIP_BY_NORM_IN_X),
      [=] FRT_GPU_FN(int64_t i) {
        const double v = frt_gpu_real(x, wide, i);
        frt_gpu_put(out, wide, i, *norm <= max ? v : v * max / *norm);
      },
      err);
}

#define INT_ROW(type, prepare, stem)                                               \
  {type, FRT_INTS, sizeof(frt_gpu_numbers_t), prepare, stem##_run, FRT_GPU_INPLACE, NULL}
FRT_KERNELS(cuda, scale) = {
    GPU_FLOATS("scale", scale, FRT_GPU_INPLACE), INT_ROW("scale", scale_prepare, iscale),
    FRT_KERNEL("sum", FRT_FLOATS, sum, FRT_GPU_INPLACE),
    INT_ROW("sum", sum_prepare, isum),
    GPU_FLOATS("increment", increment, FRT_GPU_INPLACE),
    INT_ROW("increment", increment_prepare, increment),
    FRT_KERNEL("decay", FRT_FLOATS, decay, FRT_GPU_INPLACE),
    GPU_FLOATS("clip", clip, FRT_GPU_INPLACE), GPU_FLOATS("clip_grad", clip_grad, FRT_GPU_INPLACE),
    FRT_KERNEL("clip_by_norm", FRT_FLOATS, clip_by_norm, FRT_GPU_FLAGS),
    FRT_KERNELS_END};
