#include "blas.h"
#include "fluidrt/op_index.h"
#include "loop.h"
#include "reduce.h"

static int64_t product(const frt_api_tensor_t *t, int64_t from, int64_t to) {
  int64_t n = 1;
  for (int64_t d = from; d < to; ++d) n *= t->dims[d];
  return n;
}

typedef struct { frt_cpu_gemm_t g; } mul_t;

static frt_status_t mul_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_MUL_IN_X), *y = frt_in(op, FRT_MUL_IN_Y);
  const int64_t xc = frt_attr_i64(op, FRT_MUL_ATTR_X_NUM_COL_DIMS);
  const int64_t yc = frt_attr_i64(op, FRT_MUL_ATTR_Y_NUM_COL_DIMS);
  (void)workspace;
  return frt_cpu_gemm_plan(&((mul_t *)state)->g, product(x, 0, xc),
                           product(y, yc, y->rank), product(y, 0, yc), 0, 0, err);
}

static frt_status_t mul_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  (void)err;
  frt_cpu_gemm_run(&((const mul_t *)state)->g, r, frt_in_f32(r, FRT_MUL_IN_X),
                   frt_in_f32(r, FRT_MUL_IN_Y), frt_out_f32(r, FRT_MUL_OUT_OUT));
  return FRT_OK;
}

/* X@GRAD = Out@GRAD . Y^T, Y@GRAD = X^T . Out@GRAD. */
typedef struct { frt_cpu_gemm_t dx, dy; } mul_grad_t;

static frt_status_t backward_plan(mul_grad_t *s, int64_t m, int64_t n, int64_t k,
                                  frt_error_t *err) {
  FRT_TRY(frt_cpu_gemm_plan(&s->dx, m, k, n, 0, 1, err));
  return frt_cpu_gemm_plan(&s->dy, k, n, m, 1, 0, err);
}

static frt_status_t mul_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                     frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_MUL_GRAD_IN_X);
  const frt_api_tensor_t *y = frt_in(op, FRT_MUL_GRAD_IN_Y);
  const int64_t xc = frt_attr_i64(op, FRT_MUL_GRAD_ATTR_X_NUM_COL_DIMS);
  const int64_t yc = frt_attr_i64(op, FRT_MUL_GRAD_ATTR_Y_NUM_COL_DIMS);
  (void)workspace;
  return backward_plan((mul_grad_t *)state, product(x, 0, xc), product(y, yc, y->rank),
                       product(y, 0, yc), err);
}

static frt_status_t mul_grad_run(const void *state, const frt_run_t *r,
                                 frt_error_t *err) {
  const mul_grad_t *s = (const mul_grad_t *)state;
  const float *g = frt_in_f32(r, FRT_MUL_GRAD_IN_OUT_GRAD);
  (void)err;
  if (frt_has_out(r, FRT_MUL_GRAD_OUT_X_GRAD))
    frt_cpu_gemm_run(&s->dx, r, g, frt_in_f32(r, FRT_MUL_GRAD_IN_Y),
                     frt_out_f32(r, FRT_MUL_GRAD_OUT_X_GRAD));
  if (frt_has_out(r, FRT_MUL_GRAD_OUT_Y_GRAD))
    frt_cpu_gemm_run(&s->dy, r, frt_in_f32(r, FRT_MUL_GRAD_IN_X), g,
                     frt_out_f32(r, FRT_MUL_GRAD_OUT_Y_GRAD));
  return FRT_OK;
}

/* ---- fc: the very arithmetic of mul, elementwise_add, relu ------------------------ */

typedef struct {
  frt_cpu_gemm_t g;
  int32_t relu;
} fc_t;

typedef struct {
  float *out;
  const float *bias;
  int64_t n;
} bias_call_t;

FRT_CPU_BODY void add_bias_body(float *out, const float *bias, int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t i = 0; i < n; ++i) out[i] = out[i] + bias[i];
}
FRT_CPU_VARIANTS(add_bias, (float *out, const float *bias, int64_t n), (out, bias, n))

FRT_CPU_BODY void add_bias_relu_body(float *out, const float *bias, int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    const float v = out[i] + bias[i];
    out[i] = v < 0.0f ? 0.0f : v;
  }
}
FRT_CPU_VARIANTS(add_bias_relu, (float *out, const float *bias, int64_t n), (out, bias, n))

static void bias_rows(void *arg, int64_t lo, int64_t hi) {
  const bias_call_t *c = (const bias_call_t *)arg;
  for (int64_t m = lo; m < hi; ++m) add_bias(c->out + m * c->n, c->bias, c->n);
}
static void bias_relu_rows(void *arg, int64_t lo, int64_t hi) {
  const bias_call_t *c = (const bias_call_t *)arg;
  for (int64_t m = lo; m < hi; ++m) add_bias_relu(c->out + m * c->n, c->bias, c->n);
}

static frt_status_t fc_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                               frt_error_t *err) {
  fc_t *s = (fc_t *)state;
  const frt_api_tensor_t *x = frt_in(op, FRT_FC_IN_INPUT), *w = frt_in(op, FRT_FC_IN_W);
  const int64_t cols = frt_attr_i64(op, FRT_FC_ATTR_IN_NUM_COL_DIMS);
  (void)workspace;
  s->relu = frt_attr_str(op, FRT_FC_ATTR_ACTIVATION_TYPE)[0] != 0;
  return frt_cpu_gemm_plan(&s->g, product(x, 0, cols), w->dims[1], w->dims[0], 0, 0, err);
}

static frt_status_t fc_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const fc_t *s = (const fc_t *)state;
  bias_call_t c = {frt_out_f32(r, FRT_FC_OUT_OUT), NULL, s->g.n};
  (void)err;
  frt_cpu_gemm_run(&s->g, r, frt_in_f32(r, FRT_FC_IN_INPUT), frt_in_f32(r, FRT_FC_IN_W),
                   c.out);
  if (!frt_has_in(r, FRT_FC_IN_BIAS) || !s->g.n) return FRT_OK;
  c.bias = frt_in_f32(r, FRT_FC_IN_BIAS);
  frt_cpu_for(r, s->g.m, frt_cpu_div_up(FRT_CPU_GRAIN, s->g.n),
              s->relu ? bias_relu_rows : bias_rows, &c);
  return FRT_OK;
}

/* ---- fc_grad: relu_grad, then mul_grad and the column sums ------------------------ */

typedef struct {
  mul_grad_t mul;
  frt_cpu_reduce_t bias;
  int64_t masked; /* bytes that Out@GRAD behind relu takes */
} fc_grad_t;

FRT_CPU_LOOP(mask, B > 0.0f ? A : 0.0f)

static frt_status_t fc_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  fc_grad_t *s = (fc_grad_t *)state;
  const frt_api_tensor_t *x = frt_in(op, FRT_FC_GRAD_IN_INPUT);
  const frt_api_tensor_t *w = frt_in(op, FRT_FC_GRAD_IN_W);
  const int64_t m = product(x, 0, frt_attr_i64(op, FRT_FC_GRAD_ATTR_IN_NUM_COL_DIMS));
  const int64_t k = w->dims[0], n = w->dims[1], dims[2] = {m, n};
  if (frt_attr_str(op, FRT_FC_GRAD_ATTR_ACTIVATION_TYPE)[0])
    *workspace = (uint64_t)(s->masked = (m * n * 4 + 63) / 64 * 64);
  if (frt_has_out(op, FRT_FC_GRAD_OUT_BIAS_GRAD))
    frt_cpu_reduce_make(&s->bias, FRT_CPU_SUM, 2, dims, 1u, workspace);
  return backward_plan(&s->mul, m, n, k, err);
}

static frt_status_t fc_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const fc_grad_t *s = (const fc_grad_t *)state;
  const float *g = frt_in_f32(r, FRT_FC_GRAD_IN_OUT_GRAD);
  (void)err;
  if (s->masked) {
    frt_cpu_ew_t e = {(float *)r->workspace, g, frt_in_f32(r, FRT_FC_GRAD_IN_OUT), 0, 0};
    frt_cpu_for(r, frt_in_numel(r, FRT_FC_GRAD_IN_OUT_GRAD), FRT_CPU_GRAIN, mask, &e);
    g = e.o;
  }
  if (frt_has_out(r, FRT_FC_GRAD_OUT_INPUT_GRAD))
    frt_cpu_gemm_run(&s->mul.dx, r, g, frt_in_f32(r, FRT_FC_GRAD_IN_W),
                     frt_out_f32(r, FRT_FC_GRAD_OUT_INPUT_GRAD));
  if (frt_has_out(r, FRT_FC_GRAD_OUT_W_GRAD))
    frt_cpu_gemm_run(&s->mul.dy, r, frt_in_f32(r, FRT_FC_GRAD_IN_INPUT), g,
                     frt_out_f32(r, FRT_FC_GRAD_OUT_W_GRAD));
  if (frt_has_out(r, FRT_FC_GRAD_OUT_BIAS_GRAD))
    frt_cpu_reduce_run(&s->bias, r, g, frt_out_f32(r, FRT_FC_GRAD_OUT_BIAS_GRAD),
                       frt_cpu_workspace(r, s->masked), 1.0);
  return FRT_OK;
}

FRT_KERNELS(cpu, matmul) = {
    FRT_KERNEL("mul", FRT_F32S, mul, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("mul_grad", FRT_F32S, mul_grad, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("fc", FRT_F32S, fc, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("fc_grad", FRT_F32S, fc_grad, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
