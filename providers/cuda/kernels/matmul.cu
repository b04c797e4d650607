#include "blas.h"
#include "fold.h"

/* ---- mul: X [m, k] . Y [k, n] after flattening ---------------------------------------------- */

typedef struct { int64_t m, k, n; } sizes_t;
typedef sizes_t mul_t;
typedef sizes_t mul_grad_t;

static sizes_t flatten(const frt_api_tensor_t *x, int64_t x_cols, const frt_api_tensor_t *y,
                       int64_t y_cols) {
  const sizes_t s = {frt_gpu_product(x->dims, 0, (uint32_t)x_cols),
                     frt_gpu_product(x->dims, (uint32_t)x_cols, x->rank),
                     frt_gpu_product(y->dims, (uint32_t)y_cols, y->rank)};
  return s;
}

/* c[m, n] = a . b in the dtype of the op. */
static frt_status_t product(const frt_run_t *r, int wide, int turn_a, int turn_b, int64_t m,
                            int64_t n, int64_t k, const void *a, const void *b, void *c,
                            frt_error_t *err) {
  const frt_gpu_gemm_t g = {turn_a, turn_b, m, n, k, 1, 0, 0, 0, 1.0};
  if (wide) return frt_gpu_dgemm(r, &g, (const double *)a, (const double *)b, (double *)c, err);
  return frt_gpu_sgemm(r, &g, (const float *)a, (const float *)b, (float *)c, err);
}

static frt_status_t mul_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                frt_error_t *err) {
  (void)workspace, (void)err;
  *(sizes_t *)state = flatten(frt_in(op, FRT_MUL_IN_X), frt_attr_i64(op, FRT_MUL_ATTR_X_NUM_COL_DIMS),
                              frt_in(op, FRT_MUL_IN_Y), frt_attr_i64(op, FRT_MUL_ATTR_Y_NUM_COL_DIMS));
  return FRT_OK;
}
static frt_status_t mul_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const sizes_t s = *(const sizes_t *)state;
  return product(r, frt_gpu_wide(frt_in(r, FRT_MUL_IN_X)), 0, 0, s.m, s.n, s.k,
                 frt_in(r, FRT_MUL_IN_X)->data, frt_in(r, FRT_MUL_IN_Y)->data,
                 frt_out(r, FRT_MUL_OUT_OUT)->data, err);
}
static frt_status_t mul_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                     frt_error_t *err) {
  (void)workspace, (void)err;
  *(sizes_t *)state = flatten(
      frt_in(op, FRT_MUL_GRAD_IN_X), frt_attr_i64(op, FRT_MUL_GRAD_ATTR_X_NUM_COL_DIMS),
      frt_in(op, FRT_MUL_GRAD_IN_Y), frt_attr_i64(op, FRT_MUL_GRAD_ATTR_Y_NUM_COL_DIMS));
  return FRT_OK;
}
static frt_status_t mul_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const sizes_t s = *(const sizes_t *)state;
  const int wide = frt_gpu_wide(frt_in(r, FRT_MUL_GRAD_IN_OUT_GRAD));
  const void *x = frt_in(r, FRT_MUL_GRAD_IN_X)->data, *y = frt_in(r, FRT_MUL_GRAD_IN_Y)->data;
  const void *g = frt_in(r, FRT_MUL_GRAD_IN_OUT_GRAD)->data;
  void *dx = frt_gpu_data_out(r, FRT_MUL_GRAD_OUT_X_GRAD);
  void *dy = frt_gpu_data_out(r, FRT_MUL_GRAD_OUT_Y_GRAD);
  if (dx) FRT_TRY(product(r, wide, 0, 1, s.m, s.k, s.n, g, y, dx, err));
  if (dy) FRT_TRY(product(r, wide, 1, 0, s.k, s.n, s.m, x, g, dy, err));
  return FRT_OK;
}

/* ---- fc ------------------------------------------------------------------------------------- */

typedef struct {
  sizes_t s;
  int relu;
} fc_t;
static int is_relu(const char *activation) { return activation && !strcmp(activation, "relu"); }

static frt_status_t fc_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                               frt_error_t *err) {
  fc_t *f = (fc_t *)state;
  (void)workspace, (void)err;
  f->s = flatten(frt_in(op, FRT_FC_IN_INPUT), frt_attr_i64(op, FRT_FC_ATTR_IN_NUM_COL_DIMS),
                 frt_in(op, FRT_FC_IN_W), 1);
  f->relu = is_relu(frt_attr_str(op, FRT_FC_ATTR_ACTIVATION_TYPE));
  return FRT_OK;
}
static frt_status_t fc_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const fc_t f = *(const fc_t *)state;
  const int wide = frt_gpu_wide(frt_in(r, FRT_FC_IN_INPUT));
  const void *bias = frt_gpu_data_in(r, FRT_FC_IN_BIAS);
  void *out = frt_out(r, FRT_FC_OUT_OUT)->data;
  const int64_t n = f.s.n;
  FRT_TRY(product(r, wide, 0, 0, f.s.m, n, f.s.k, frt_in(r, FRT_FC_IN_INPUT)->data,
                  frt_in(r, FRT_FC_IN_W)->data, out, err));
  if (!bias && !f.relu) return FRT_OK;
  return frt_gpu_each(
      r, f.s.m * n,
      [=] FRT_GPU_FN(int64_t i) {
        const double b = bias ? frt_gpu_real(bias, wide, i % n) : 0.0;
        const double v = frt_gpu_real(out, wide, i) + b;
        frt_gpu_put(out, wide, i, f.relu && v < 0 ? 0.0 : v);
      },
      err);
}

typedef struct {
  fc_t f;
  frt_gpu_fold_t columns;
  uint64_t parts; /* behind Out@GRAD where the relu was open */
} fc_grad_t;
static frt_status_t fc_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  fc_grad_t *s = (fc_grad_t *)state;
  (void)err;
  s->f.s = flatten(frt_in(op, FRT_FC_GRAD_IN_INPUT),
                   frt_attr_i64(op, FRT_FC_GRAD_ATTR_IN_NUM_COL_DIMS),
                   frt_in(op, FRT_FC_GRAD_IN_W), 1);
  s->f.relu = is_relu(frt_attr_str(op, FRT_FC_GRAD_ATTR_ACTIVATION_TYPE));
  if (s->f.relu) *workspace = (frt_in(op, FRT_FC_GRAD_IN_OUT_GRAD)->bytes + 255) / 256 * 256;
  s->parts = *workspace;
  const int64_t dims[2] = {s->f.s.m, s->f.s.n};
  const int gone[2] = {1, 0};
  frt_gpu_fold_plan(&s->columns, 2, dims, gone, workspace);
  return FRT_OK;
}
/* Out@GRAD, with relu only where Out > 0. */
static frt_status_t through(const fc_t *f, const frt_run_t *r, int wide, const void **g,
                            frt_error_t *err) {
  const void *all = frt_in(r, FRT_FC_GRAD_IN_OUT_GRAD)->data;
  const void *out = frt_gpu_data_in(r, FRT_FC_GRAD_IN_OUT);
  void *open = r->workspace;
  *g = f->relu ? open : all;
  if (!f->relu) return FRT_OK;
  return frt_gpu_each(
      r, f->s.m * f->s.n,
      [=] FRT_GPU_FN(int64_t i) {
        const int is_open = frt_gpu_real(out, wide, i) > 0;
        frt_gpu_put(open, wide, i, is_open ? frt_gpu_real(all, wide, i) : 0.0);
      },
      err);
}
static frt_status_t fc_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const fc_grad_t *f = (const fc_grad_t *)state;
  const sizes_t s = f->f.s;
  const int wide = frt_gpu_wide(frt_in(r, FRT_FC_GRAD_IN_OUT_GRAD));
  void *dx = frt_gpu_data_out(r, FRT_FC_GRAD_OUT_INPUT_GRAD);
  void *dw = frt_gpu_data_out(r, FRT_FC_GRAD_OUT_W_GRAD);
  void *db = frt_gpu_data_out(r, FRT_FC_GRAD_OUT_BIAS_GRAD);
  const void *g;
  FRT_TRY(through(&f->f, r, wide, &g, err));
  if (dx)
    FRT_TRY(product(r, wide, 0, 1, s.m, s.k, s.n, g, frt_in(r, FRT_FC_GRAD_IN_W)->data, dx, err));
  if (dw)
    FRT_TRY(product(r, wide, 1, 0, s.k, s.n, s.m, frt_in(r, FRT_FC_GRAD_IN_INPUT)->data, g, dw,
                    err));
  if (!db) return FRT_OK;
  return frt_gpu_reduce(
      r, &f->columns, (char *)r->workspace + f->parts, frt_gpu_sum(),
      [=] FRT_GPU_FN(int64_t i) -> double { return frt_gpu_real(g, wide, i); },
      [=] FRT_GPU_FN(int64_t o, double v) { frt_gpu_put(db, wide, o, v); }, err);
}

#define ROW(name) FRT_KERNEL(#name, FRT_FLOATS, name, FRT_GPU_FLAGS)
FRT_KERNELS(cuda, matmul) = {ROW(mul), ROW(mul_grad), ROW(fc), ROW(fc_grad), FRT_KERNELS_END};
