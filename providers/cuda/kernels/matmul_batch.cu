#include "blas.h"
#include "fold.h"

/* [batches of] X [m, k] . Y [k, n]; where the matrices of a batch lie, 0 apart where one
 * serves several. */
typedef struct {
  int64_t m, k, n;
  int turn_x, turn_y, shared_x, shared_y;
  frt_gpu_walk_t x, y;     /* offsets by batch */
  frt_gpu_fold_t fold_x, fold_y; /* the gradients of what is shared */
  double alpha;
} batch_t;

static int64_t extent(const frt_api_tensor_t *t, uint32_t from_end) {
  return t->rank >= from_end ? t->dims[t->rank - from_end] : 1;
}

/* Batch dims, outermost first, and the steps of t over them. */
static uint32_t batch_dims(const frt_api_tensor_t *x, const frt_api_tensor_t *y, int64_t *dims) {
  const uint32_t rank = x->rank > y->rank ? x->rank : y->rank, n = rank > 2 ? rank - 2 : 0;
  for (uint32_t d = 0; d < n; ++d) {
    const int64_t a = extent(x, rank - d), b = extent(y, rank - d);
    dims[d] = a == 1 ? b : a;
  }
  return n;
}
static int batch_steps(const frt_api_tensor_t *t, uint32_t n, const int64_t *dims,
                       int64_t *steps) {
  int64_t step = t->rank > 1 ? extent(t, 1) * extent(t, 2) : extent(t, 1);
  int shared = 0;
  for (uint32_t d = n; d-- > 0;) {
    const int64_t own = extent(t, n - d + 2);
    steps[d] = own == 1 ? 0 : step;
    shared |= own == 1 && dims[d] != 1;
    step *= own;
  }
  return shared;
}

/* One matrix of Y for all and X in one piece: taller, not many. */
static void stand_up(batch_t *p) {
  if (p->turn_x || p->shared_x || p->y.rank != 1 || p->y.steps[0] != 0) return;
  p->m *= p->x.n;
  memset(&p->x, 0, sizeof p->x);
  memset(&p->y, 0, sizeof p->y);
  p->x.n = p->y.n = 1;
  p->shared_y = 0;
}

static void plan(batch_t *p, const frt_api_tensor_t *x, const frt_api_tensor_t *y, int tx,
                 int ty, double alpha, uint64_t *workspace) {
  int64_t dims[FRT_GPU_DIMS], xs[FRT_GPU_DIMS], ys[FRT_GPU_DIMS];
  int gone_x[FRT_GPU_DIMS], gone_y[FRT_GPU_DIMS];
  const uint32_t n = batch_dims(x, y, dims);
  const int64_t x_rows = x->rank > 1 ? extent(x, 2) : 1, x_cols = extent(x, 1);
  const int64_t y_rows = y->rank > 1 ? extent(y, 2) : extent(y, 1);
  const int64_t y_cols = y->rank > 1 ? extent(y, 1) : 1;
  p->turn_x = tx;
  p->turn_y = ty;
  p->alpha = alpha;
  p->m = tx ? x_cols : x_rows;
  p->k = tx ? x_rows : x_cols;
  p->n = ty ? y_rows : y_cols;
  p->shared_x = batch_steps(x, n, dims, xs);
  p->shared_y = batch_steps(y, n, dims, ys);
  p->x = frt_gpu_walk_of(n, dims, xs);
  p->y = frt_gpu_walk_of(n, dims, ys);
  stand_up(p);
  if (!workspace || (!p->shared_x && !p->shared_y)) return;
  for (uint32_t d = 0; d < n; ++d) {
    gone_x[d] = xs[d] == 0 && dims[d] != 1;
    gone_y[d] = ys[d] == 0 && dims[d] != 1;
  }
  gone_x[n] = gone_x[n + 1] = gone_y[n] = gone_y[n + 1] = 0;
  gone_x[n + 2] = gone_y[n + 2] = 1;
  dims[n] = x_rows, dims[n + 1] = x_cols, dims[n + 2] = p->n;
  if (p->shared_x) frt_gpu_fold_plan(&p->fold_x, n + 3, dims, gone_x, workspace);
  dims[n] = y_rows, dims[n + 1] = y_cols, dims[n + 2] = p->m;
  if (p->shared_y) frt_gpu_fold_plan(&p->fold_y, n + 3, dims, gone_y, workspace);
}

static int64_t host_at(const frt_gpu_walk_t *w, int64_t i) {
  int64_t at = 0;
  for (int d = w->rank - 1; d >= 0; --d) {
    at += i % w->dims[d] * w->steps[d];
    i /= w->dims[d];
  }
  return at;
}

/* Products of batches; a and b walk, c is in a row. One call where the steps allow it. */
static frt_status_t products(const frt_run_t *r, int wide, frt_gpu_gemm_t g,
                             const frt_gpu_walk_t *aw, const frt_gpu_walk_t *bw,
                             const frt_gpu_walk_t *cw, const void *a, const void *b, void *c,
                             frt_error_t *err) {
  const int64_t batches = aw->n;
  const int together = aw->rank <= 1 && bw->rank <= 1 && cw->rank <= 1;
  const size_t size = wide ? 8 : 4;
  if (together) {
    g.batches = batches;
    g.stride_a = aw->rank ? aw->steps[0] : 0;
    g.stride_b = bw->rank ? bw->steps[0] : 0;
    g.stride_c = cw->rank ? cw->steps[0] : 0;
  }
  for (int64_t i = 0; i < (together ? 1 : batches); ++i) {
    const char *ai = (const char *)a + (size_t)host_at(aw, i) * size;
    const char *bi = (const char *)b + (size_t)host_at(bw, i) * size;
    char *ci = (char *)c + (size_t)host_at(cw, i) * size;
    if (wide)
      FRT_TRY(frt_gpu_dgemm(r, &g, (const double *)ai, (const double *)bi, (double *)ci, err));
    else
      FRT_TRY(frt_gpu_sgemm(r, &g, (const float *)ai, (const float *)bi, (float *)ci, err));
  }
  return FRT_OK;
}

static frt_gpu_walk_t in_a_row(int64_t n, int64_t step) { return frt_gpu_walk_of(1, &n, &step); }

static frt_status_t forward(const batch_t *p, const frt_run_t *r, const frt_api_tensor_t *x,
                            const frt_api_tensor_t *y, void *out, frt_error_t *err) {
  const frt_gpu_gemm_t g = {p->turn_x, p->turn_y, p->m, p->n, p->k, 1, 0, 0, 0, p->alpha};
  const frt_gpu_walk_t rows = in_a_row(p->x.n, p->m * p->n);
  if (p->m * p->n == 0) return FRT_OK;
  return products(r, frt_gpu_wide(x), g, &p->x, &p->y, &rows, x->data, y->data, out, err);
}

/* ---- gradients ------------------------------------------------------------------------------ */

/* The gradient of a shared side, term by term: of element (batch, a, b) and c, what is summed.
 * For X the third is a column of the gradient, for Y a row. */
struct term {
  int wide, of_x, turn, turn_other;
  int64_t m, k, n, rows, cols;
  frt_gpu_walk_t other_at;
  const void *g, *other;
  FRT_GPU_FN double operator()(int64_t i) const {
    const int64_t last = of_x ? n : m, c = i % last, b = i / last % cols;
    const int64_t a = i / last / cols % rows, batch = i / last / cols / rows;
    const int64_t kk = (turn != 0) == (of_x != 0) ? a : b;
    const int64_t mine = (turn != 0) == (of_x != 0) ? b : a; /* the row of X, or column of Y */
    const int64_t row = of_x ? mine : c, col = of_x ? c : mine;
    const int64_t at = of_x ? (turn_other ? col * k + kk : kk * n + col)
                            : (turn_other ? kk * m + row : row * k + kk);
    return frt_gpu_real(g, wide, (batch * m + row) * n + col) *
           frt_gpu_real(other, wide, frt_gpu_at(other_at, batch) + at);
  }
};
static frt_status_t shared_grad(const batch_t *p, const frt_run_t *r, int of_x, int wide,
                                const void *g, const void *other, void *to, frt_error_t *err) {
  const double alpha = p->alpha;
  const int turn = of_x ? p->turn_x : p->turn_y;
  struct term t = {wide, of_x, turn, of_x ? p->turn_y : p->turn_x, p->m, p->k, p->n, 0, 0,
                   of_x ? p->y : p->x, g, other};
  t.rows = of_x ? (turn ? p->k : p->m) : (turn ? p->n : p->k);
  t.cols = of_x ? (turn ? p->m : p->k) : (turn ? p->k : p->n);
  return frt_gpu_reduce(
      r, of_x ? &p->fold_x : &p->fold_y, r->workspace, frt_gpu_sum(), t,
      [=] FRT_GPU_FN(int64_t o, double v) { frt_gpu_put(to, wide, o, alpha * v); }, err);
}

static frt_status_t backward(const batch_t *p, const frt_run_t *r, const void *x, const void *y,
                             const frt_api_tensor_t *gt, void *dx, void *dy, frt_error_t *err) {
  const int wide = frt_gpu_wide(gt), tx = p->turn_x, ty = p->turn_y;
  const int64_t m = p->m, k = p->k, n = p->n;
  const frt_gpu_walk_t rows = in_a_row(p->x.n, m * n);
  if (dx && p->shared_x) FRT_TRY(shared_grad(p, r, 1, wide, gt->data, y, dx, err));
  if (dx && !p->shared_x && m * k > 0) {
    const frt_gpu_gemm_t plain = {0, !ty, m, k, n, 1, 0, 0, 0, p->alpha};
    const frt_gpu_gemm_t turned = {ty, 1, k, m, n, 1, 0, 0, 0, p->alpha};
    if (!tx) FRT_TRY(products(r, wide, plain, &rows, &p->y, &p->x, gt->data, y, dx, err));
    else FRT_TRY(products(r, wide, turned, &p->y, &rows, &p->x, y, gt->data, dx, err));
  }
  if (dy && p->shared_y) return shared_grad(p, r, 0, wide, gt->data, x, dy, err);
  if (dy && k * n > 0) {
    const frt_gpu_gemm_t plain = {!tx, 0, k, n, m, 1, 0, 0, 0, p->alpha};
    const frt_gpu_gemm_t turned = {1, tx, n, k, m, 1, 0, 0, 0, p->alpha};
    if (!ty) return products(r, wide, plain, &p->x, &rows, &p->y, x, gt->data, dy, err);
    return products(r, wide, turned, &rows, &p->x, &p->y, gt->data, x, dy, err);
  }
  return FRT_OK;
}

/* ---- rows -------------------------------------------------------------------------------------- */

typedef batch_t matmul_t;
typedef batch_t matmul_grad_t;
typedef batch_t matmul_v2_t;
typedef batch_t matmul_v2_grad_t;

#define PREPARE(stem, OP, TX, TY, ALPHA, space)                                            \
  static frt_status_t stem##_prepare(const frt_op_t *op, void *state, uint64_t *workspace, \
                                     frt_error_t *err) {                                   \
    const frt_api_tensor_t *x = frt_in(op, FRT_##OP##_IN_X), *y = frt_in(op, FRT_##OP##_IN_Y); \
    (void)workspace, (void)err;                                                            \
    plan((batch_t *)state, x, y, TX, TY, ALPHA, space);                                    \
    return FRT_OK;                                                                         \
  }
#define TURN(OP, SIDE) frt_attr_bool(op, FRT_##OP##_ATTR_TRANSPOSE_##SIDE)
#define ALPHA_OF(OP) frt_attr_f32(op, FRT_##OP##_ATTR_ALPHA)
PREPARE(matmul, MATMUL, TURN(MATMUL, X), TURN(MATMUL, Y), ALPHA_OF(MATMUL), NULL)
PREPARE(matmul_grad, MATMUL_GRAD, TURN(MATMUL_GRAD, X), TURN(MATMUL_GRAD, Y),
        ALPHA_OF(MATMUL_GRAD), workspace)
/* Vectors are not transposed. */
#define TURN_V2(OP, SIDE, t) (frt_attr_bool(op, FRT_##OP##_ATTR_TRANS_##SIDE) && (t)->rank > 1)
PREPARE(matmul_v2, MATMUL_V2, TURN_V2(MATMUL_V2, X, x), TURN_V2(MATMUL_V2, Y, y), 1.0, NULL)
PREPARE(matmul_v2_grad, MATMUL_V2_GRAD, TURN_V2(MATMUL_V2_GRAD, X, x),
        TURN_V2(MATMUL_V2_GRAD, Y, y), 1.0, workspace)

#define RUNS(stem, OP)                                                                        \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r, frt_error_t *err) {   \
    return forward((const batch_t *)state, r, frt_in(r, FRT_##OP##_IN_X),                     \
                   frt_in(r, FRT_##OP##_IN_Y), frt_out(r, FRT_##OP##_OUT_OUT)->data, err);    \
  }                                                                                           \
  static frt_status_t stem##_grad_run(const void *state, const frt_run_t *r,                  \
                                      frt_error_t *err) {                                     \
    return backward((const batch_t *)state, r, frt_in(r, FRT_##OP##_GRAD_IN_X)->data,         \
                    frt_in(r, FRT_##OP##_GRAD_IN_Y)->data,                                    \
                    frt_in(r, FRT_##OP##_GRAD_IN_OUT_GRAD),                                   \
                    frt_gpu_data_out(r, FRT_##OP##_GRAD_OUT_X_GRAD),                          \
                    frt_gpu_data_out(r, FRT_##OP##_GRAD_OUT_Y_GRAD), err);                    \
  }
RUNS(matmul, MATMUL)
RUNS(matmul_v2, MATMUL_V2)

#define ROW(name) FRT_KERNEL(#name, FRT_FLOATS, name, FRT_GPU_FLAGS)
FRT_KERNELS(cuda, matmul_batch) = {ROW(matmul), ROW(matmul_grad), ROW(matmul_v2),
                                   ROW(matmul_v2_grad), FRT_KERNELS_END};
