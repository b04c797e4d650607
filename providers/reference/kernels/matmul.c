#include "ref.h"

/* One product sum of a matrix product: z[i][j] = sum over k of a[i][k] b[k][j],
 * addressed by steps, so that transposes are steps too. */
typedef struct {
  const double *p;
  int64_t row, col;
} matrix_t;

static void product(const ref_tensor_t *z, int64_t rows, int64_t cols, int64_t depth,
                    matrix_t a, matrix_t b) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) {
      double v = 0, mag = 0;
      for (int64_t k = 0; k < depth; ++k) {
        const double term = a.p[i * a.row + k * a.col] * b.p[k * b.row + j * b.col];
        v += term;
        mag += fabs(term);
      }
      ref_put(z, i * cols + j, v, mag);
    }
}

static matrix_t plain(const double *p, int64_t cols) {
  const matrix_t m = {p, cols, 1};
  return m;
}
static matrix_t turned(const double *p, int64_t cols) {
  const matrix_t m = {p, 1, cols};
  return m;
}

/* X [m, k] . Y [k, n] after flattening. */
typedef struct {
  int64_t m, k, n;
} sizes_t;

static sizes_t flatten(const ref_tensor_t *x, int64_t x_cols, const ref_tensor_t *y,
                       int64_t y_cols) {
  const sizes_t s = {
      ref_product(x->meta->dims, 0, (uint32_t)x_cols),
      ref_product(x->meta->dims, (uint32_t)x_cols, x->meta->rank),
      ref_product(y->meta->dims, (uint32_t)y_cols, y->meta->rank)};
  return s;
}

static frt_status_t mul(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_MUL_IN_X), *y = ref_in(c, FRT_MUL_IN_Y);
  const sizes_t s = flatten(x, frt_attr_i64(c->op, FRT_MUL_ATTR_X_NUM_COL_DIMS), y,
                            frt_attr_i64(c->op, FRT_MUL_ATTR_Y_NUM_COL_DIMS));
  (void)err;
  product(ref_out(c, FRT_MUL_OUT_OUT), s.m, s.n, s.k, plain(x->v, s.k),
          plain(y->v, s.n));
  return FRT_OK;
}

static void product_grads(const ref_tensor_t *dx, const ref_tensor_t *dy,
                          const double *x, const double *y, const double *g,
                          sizes_t s) {
  if (dx) product(dx, s.m, s.k, s.n, plain(g, s.n), turned(y, s.n));
  if (dy) product(dy, s.k, s.n, s.m, turned(x, s.k), plain(g, s.n));
}

static frt_status_t mul_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_MUL_GRAD_IN_X), *y = ref_in(c, FRT_MUL_GRAD_IN_Y);
  const sizes_t s = flatten(x, frt_attr_i64(c->op, FRT_MUL_GRAD_ATTR_X_NUM_COL_DIMS), y,
                            frt_attr_i64(c->op, FRT_MUL_GRAD_ATTR_Y_NUM_COL_DIMS));
  (void)err;
  product_grads(ref_out(c, FRT_MUL_GRAD_OUT_X_GRAD), ref_out(c, FRT_MUL_GRAD_OUT_Y_GRAD),
                x->v, y->v, ref_in(c, FRT_MUL_GRAD_IN_OUT_GRAD)->v, s);
  return FRT_OK;
}

/* ---- fc ------------------------------------------------------------------------ */

static int is_relu(const char *activation) {
  return activation && !strcmp(activation, "relu");
}

static frt_status_t fc(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_FC_IN_INPUT), *w = ref_in(c, FRT_FC_IN_W);
  const ref_tensor_t *bias = ref_in(c, FRT_FC_IN_BIAS), *out = ref_out(c, FRT_FC_OUT_OUT);
  const sizes_t s = flatten(x, frt_attr_i64(c->op, FRT_FC_ATTR_IN_NUM_COL_DIMS), w, 1);
  const int relu = is_relu(frt_attr_str(c->op, FRT_FC_ATTR_ACTIVATION_TYPE));
  (void)err;
  product(out, s.m, s.n, s.k, plain(x->v, s.k), plain(w->v, s.n));
  for (int64_t i = 0; i < out->n; ++i) {
    const double b = bias ? bias->v[i % s.n] : 0.0, v = out->v[i] + b;
    ref_put(out, i, relu && v < 0 ? 0.0 : v, out->mag ? out->mag[i] + fabs(b) : 0.0);
  }
  return FRT_OK;
}

/* Out@GRAD, with relu only where Out > 0. */
static double through(const ref_tensor_t *g, const ref_tensor_t *out, int relu,
                      int64_t at) {
  return !relu || out->v[at] > 0 ? g->v[at] : 0.0;
}

static void fc_dx(const ref_tensor_t *dx, const ref_tensor_t *g, const ref_tensor_t *out,
                  int relu, const double *w, sizes_t s) {
  for (int64_t i = 0; i < dx->n; ++i) {
    double v = 0, mag = 0;
    for (int64_t j = 0; j < s.n; ++j) {
      const double term = through(g, out, relu, i / s.k * s.n + j) * w[i % s.k * s.n + j];
      v += term;
      mag += fabs(term);
    }
    ref_put(dx, i, v, mag);
  }
}

/* x NULL: the bias, whose row of X is all ones. */
static void fc_dw(const ref_tensor_t *dw, const ref_tensor_t *g, const ref_tensor_t *out,
                  int relu, const double *x, sizes_t s) {
  for (int64_t i = 0; i < dw->n; ++i) {
    double v = 0, mag = 0;
    for (int64_t r = 0; r < s.m; ++r) {
      const double term = through(g, out, relu, r * s.n + i % s.n) *
                          (x ? x[r * s.k + i / s.n] : 1.0);
      v += term;
      mag += fabs(term);
    }
    ref_put(dw, i, v, mag);
  }
}

static frt_status_t fc_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_FC_GRAD_IN_INPUT), *w = ref_in(c, FRT_FC_GRAD_IN_W);
  const ref_tensor_t *g = ref_in(c, FRT_FC_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *out = ref_in(c, FRT_FC_GRAD_IN_OUT);
  const ref_tensor_t *dx = ref_out(c, FRT_FC_GRAD_OUT_INPUT_GRAD);
  const ref_tensor_t *dw = ref_out(c, FRT_FC_GRAD_OUT_W_GRAD);
  const ref_tensor_t *db = ref_out(c, FRT_FC_GRAD_OUT_BIAS_GRAD);
  const sizes_t s =
      flatten(x, frt_attr_i64(c->op, FRT_FC_GRAD_ATTR_IN_NUM_COL_DIMS), w, 1);
  const int relu = is_relu(frt_attr_str(c->op, FRT_FC_GRAD_ATTR_ACTIVATION_TYPE));
  (void)err;
  if (dx) fc_dx(dx, g, out, relu, w->v, s);
  if (dw) fc_dw(dw, g, out, relu, x->v, s);
  if (db) fc_dw(db, g, out, relu, NULL, s);
  return FRT_OK;
}

REF_KERNELS(matmul) = {{"mul", FRT_FLOATS, mul, NULL, 0},
                       {"mul_grad", FRT_FLOATS, mul_grad, NULL, 0},
                       {"fc", FRT_FLOATS, fc, NULL, 0},
                       {"fc_grad", FRT_FLOATS, fc_grad, NULL, 0},
                       REF_END};
