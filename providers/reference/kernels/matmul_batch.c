#include "ref.h"

/* [batches of] X [m, k] . Y [k, n], as they lie in memory: steps of a row, of a column
 * and of each batch dim, 0 where one matrix serves all. */
typedef struct {
  int64_t row, col, batch[FRT_MAX_RANK];
} side_t;
typedef struct {
  int64_t m, k, n, batches;
  uint32_t rank;
  int64_t dims[FRT_MAX_RANK];
  side_t x, y;
} product_t;

static int64_t extent(const frt_api_tensor_t *t, uint32_t from_end) {
  return t->rank >= from_end ? t->dims[t->rank - from_end] : 1;
}

static side_t side(const frt_api_tensor_t *t, int turn, int column) {
  const int64_t cols = t->rank > 1 || !column ? extent(t, 1) : 1;
  side_t s;
  memset(&s, 0, sizeof s);
  s.row = turn ? 1 : cols;
  s.col = turn ? cols : 1;
  return s;
}

/* Batch dims, counted from the last. */
static void batch_steps(const frt_api_tensor_t *t, uint32_t rank, int64_t *steps) {
  int64_t step = t->rank > 1 ? extent(t, 1) * extent(t, 2) : extent(t, 1);
  for (uint32_t d = 0; d < rank; ++d) {
    const int64_t n = extent(t, d + 3);
    steps[d] = n == 1 ? 0 : step;
    step *= n;
  }
}

static product_t plan(const frt_api_tensor_t *x, const frt_api_tensor_t *y, int tx, int ty) {
  const uint32_t rank = x->rank > y->rank ? x->rank : y->rank;
  const int64_t x_rows = x->rank > 1 ? extent(x, 2) : 1, x_cols = extent(x, 1);
  const int64_t y_rows = y->rank > 1 ? extent(y, 2) : extent(y, 1);
  const int64_t y_cols = y->rank > 1 ? extent(y, 1) : 1;
  product_t p;
  memset(&p, 0, sizeof p);
  p.m = tx ? x_cols : x_rows;
  p.k = tx ? x_rows : x_cols;
  p.n = ty ? y_rows : y_cols;
  p.x = side(x, tx, 0);
  p.y = side(y, ty, 1);
  p.batches = 1;
  p.rank = rank > 2 ? rank - 2 : 0;
  for (uint32_t d = 0; d < p.rank; ++d) {
    const int64_t a = extent(x, d + 3), b = extent(y, d + 3);
    p.dims[d] = a == 1 ? b : a;
    p.batches *= p.dims[d];
  }
  batch_steps(x, p.rank, p.x.batch);
  batch_steps(y, p.rank, p.y.batch);
  return p;
}

static int64_t start(const product_t *p, const side_t *s, int64_t batch) {
  int64_t at = 0;
  for (uint32_t d = 0; d < p->rank; batch /= p->dims[d], ++d)
    at += batch % p->dims[d] * s->batch[d];
  return at;
}

static void forward(const product_t *p, const double *x, const double *y,
                    const ref_tensor_t *out, double alpha) {
  for (int64_t i = 0; i < out->n; ++i) {
    const int64_t batch = i / p->n / p->m, row = i / p->n % p->m, col = i % p->n;
    const double *a = x + start(p, &p->x, batch) + row * p->x.row;
    const double *b = y + start(p, &p->y, batch) + col * p->y.col;
    double v = 0, mag = 0;
    for (int64_t k = 0; k < p->k; ++k) {
      const double term = a[k * p->x.col] * b[k * p->y.row];
      v += term;
      mag += fabs(term);
    }
    ref_put(out, i, alpha * v, fabs(alpha) * mag);
  }
}

static void add(const ref_tensor_t *to, int64_t at, double term) {
  to->v[at] += term;
  if (to->mag) to->mag[at] += fabs(term);
}

static void backward(const product_t *p, const ref_tensor_t *x, const ref_tensor_t *y,
                     const ref_tensor_t *g, const ref_tensor_t *dx, const ref_tensor_t *dy,
                     double alpha) {
  for (int64_t i = 0; dx && i < dx->n; ++i) ref_put(dx, i, 0.0, 0.0);
  for (int64_t i = 0; dy && i < dy->n; ++i) ref_put(dy, i, 0.0, 0.0);
  for (int64_t i = 0; i < g->n; ++i) {
    const int64_t batch = i / p->n / p->m, row = i / p->n % p->m, col = i % p->n;
    const int64_t a = start(p, &p->x, batch) + row * p->x.row;
    const int64_t b = start(p, &p->y, batch) + col * p->y.col;
    for (int64_t k = 0; k < p->k; ++k) {
      const int64_t x_at = a + k * p->x.col, y_at = b + k * p->y.row;
      if (dx) add(dx, x_at, alpha * g->v[i] * y->v[y_at]);
      if (dy) add(dy, y_at, alpha * g->v[i] * x->v[x_at]);
    }
  }
}

static frt_status_t matmul(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_MATMUL_IN_X), *y = ref_in(c, FRT_MATMUL_IN_Y);
  const product_t p = plan(x->meta, y->meta, frt_attr_bool(c->op, FRT_MATMUL_ATTR_TRANSPOSE_X),
                           frt_attr_bool(c->op, FRT_MATMUL_ATTR_TRANSPOSE_Y));
  (void)err;
  forward(&p, x->v, y->v, ref_out(c, FRT_MATMUL_OUT_OUT),
          c->op->attrs[FRT_MATMUL_ATTR_ALPHA].v.f);
  return FRT_OK;
}

static frt_status_t matmul_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_MATMUL_GRAD_IN_X);
  const ref_tensor_t *y = ref_in(c, FRT_MATMUL_GRAD_IN_Y);
  const product_t p =
      plan(x->meta, y->meta, frt_attr_bool(c->op, FRT_MATMUL_GRAD_ATTR_TRANSPOSE_X),
           frt_attr_bool(c->op, FRT_MATMUL_GRAD_ATTR_TRANSPOSE_Y));
  (void)err;
  backward(&p, x, y, ref_in(c, FRT_MATMUL_GRAD_IN_OUT_GRAD),
           ref_out(c, FRT_MATMUL_GRAD_OUT_X_GRAD), ref_out(c, FRT_MATMUL_GRAD_OUT_Y_GRAD),
           c->op->attrs[FRT_MATMUL_GRAD_ATTR_ALPHA].v.f);
  return FRT_OK;
}

/* Vectors are not transposed. */
static product_t plan_v2(const ref_call_t *c, const ref_tensor_t *x, const ref_tensor_t *y,
                         int x_attr, int y_attr) {
  return plan(x->meta, y->meta, frt_attr_bool(c->op, x_attr) && x->meta->rank > 1,
              frt_attr_bool(c->op, y_attr) && y->meta->rank > 1);
}

static frt_status_t matmul_v2(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_MATMUL_V2_IN_X), *y = ref_in(c, FRT_MATMUL_V2_IN_Y);
  const product_t p =
      plan_v2(c, x, y, FRT_MATMUL_V2_ATTR_TRANS_X, FRT_MATMUL_V2_ATTR_TRANS_Y);
  (void)err;
  forward(&p, x->v, y->v, ref_out(c, FRT_MATMUL_V2_OUT_OUT), 1.0);
  return FRT_OK;
}

static frt_status_t matmul_v2_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_MATMUL_V2_GRAD_IN_X);
  const ref_tensor_t *y = ref_in(c, FRT_MATMUL_V2_GRAD_IN_Y);
  const product_t p =
      plan_v2(c, x, y, FRT_MATMUL_V2_GRAD_ATTR_TRANS_X, FRT_MATMUL_V2_GRAD_ATTR_TRANS_Y);
  (void)err;
  backward(&p, x, y, ref_in(c, FRT_MATMUL_V2_GRAD_IN_OUT_GRAD),
           ref_out(c, FRT_MATMUL_V2_GRAD_OUT_X_GRAD),
           ref_out(c, FRT_MATMUL_V2_GRAD_OUT_Y_GRAD), 1.0);
  return FRT_OK;
}

REF_KERNELS(matmul_batch) = {{"matmul", FRT_FLOATS, matmul, NULL, 0},
                             {"matmul_grad", FRT_FLOATS, matmul_grad, NULL, 0},
                             {"matmul_v2", FRT_FLOATS, matmul_v2, NULL, 0},
                             {"matmul_v2_grad", FRT_FLOATS, matmul_v2_grad, NULL, 0},
                             REF_END};
