#include "blas.h"
#include "fluidrt/op_index.h"
#include "loop.h"

/* [batch..., M, K] . [batch..., K, N]. Steps are elements, 0 where one matrix serves
 * all batches; batch dims are counted from the last. A single Y under an X that lies
 * as it is makes one product of many rows: then there is one batch. */
typedef struct {
  int64_t m, k, n, batches, x_size, y_size, x_numel, y_numel;
  int32_t rank, tx, ty;
  int64_t dims[FRT_MAX_RANK], xs[FRT_MAX_RANK], ys[FRT_MAX_RANK];
  float alpha;
} batch_t;

static int64_t extent(const frt_api_tensor_t *t, uint32_t from_end) {
  return t->rank >= from_end ? t->dims[t->rank - from_end] : 1;
}

static void batch_dims(batch_t *s, const frt_api_tensor_t *x, const frt_api_tensor_t *y) {
  const uint32_t rank = x->rank > y->rank ? x->rank : y->rank;
  int64_t x_step = s->x_size, y_step = s->y_size;
  s->rank = rank > 2 ? (int32_t)rank - 2 : 0;
  s->batches = 1;
  for (uint32_t d = 0; d < (uint32_t)s->rank; ++d) {
    const int64_t a = extent(x, d + 3), b = extent(y, d + 3);
    s->dims[d] = a == 1 ? b : a;
    s->xs[d] = a == 1 ? 0 : x_step;
    s->ys[d] = b == 1 ? 0 : y_step;
    s->batches *= s->dims[d];
    x_step *= a;
    y_step *= b;
  }
}

static void make(batch_t *s, const frt_api_tensor_t *x, const frt_api_tensor_t *y, int tx,
                 int ty, float alpha) {
  const int64_t x_rows = x->rank > 1 ? extent(x, 2) : 1, x_cols = extent(x, 1);
  const int64_t y_rows = y->rank > 1 ? extent(y, 2) : extent(y, 1);
  const int64_t y_cols = y->rank > 1 ? extent(y, 1) : 1;
  s->tx = tx;
  s->ty = ty;
  s->m = tx ? x_cols : x_rows;
  s->k = tx ? x_rows : x_cols;
  s->n = ty ? y_rows : y_cols;
  s->x_size = s->m * s->k;
  s->y_size = s->k * s->n;
  s->x_numel = x->numel;
  s->y_numel = y->numel;
  s->alpha = alpha;
  batch_dims(s, x, y);
  if (tx || y->numel != s->y_size || x->numel != s->batches * s->x_size) return;
  s->m *= s->batches;
  s->x_size *= s->batches;
  s->batches = 1;
  s->rank = 0;
}

/* Where the matrices of a batch start; *x_first: no batch before had this one of X. */
static void locate(const batch_t *s, int64_t batch, int64_t *x, int64_t *y, int *x_first,
                   int *y_first) {
  *x = *y = 0;
  *x_first = *y_first = 1;
  for (int32_t d = 0; d < s->rank; batch /= s->dims[d], ++d) {
    const int64_t i = batch % s->dims[d];
    *x += i * s->xs[d];
    *y += i * s->ys[d];
    if (i && !s->xs[d]) *x_first = 0;
    if (i && !s->ys[d]) *y_first = 0;
  }
}

FRT_CPU_LOOP(scale, A *P)
FRT_CPU_LOOP(sum, A + B)

static void scale_all(const batch_t *s, const frt_run_t *r, float *o, int64_t n) {
  frt_cpu_ew_t e = {o, o, NULL, s->alpha, 0};
  if (s->alpha != 1.0f) frt_cpu_for(r, n, FRT_CPU_GRAIN, scale, &e);
}

/* ---- forward ---------------------------------------------------------------------------- */

typedef struct {
  const batch_t *s;
  const frt_cpu_gemm_t *g;
  const frt_run_t *r;
  const float *x, *y;
  float *out;
} forward_call_t;

static void forward_batches(void *arg, int64_t lo, int64_t hi) {
  const forward_call_t *c = (const forward_call_t *)arg;
  for (int64_t b = lo; b < hi; ++b) {
    int64_t x, y;
    int x_first, y_first;
    locate(c->s, b, &x, &y, &x_first, &y_first);
    frt_cpu_gemm_run(c->g, c->r, c->x + x, c->y + y, c->out + b * c->s->m * c->s->n);
  }
}

/* Products of one piece run side by side, larger ones spread themselves. */
static void over_batches(const batch_t *s, const frt_cpu_gemm_t *g, const frt_run_t *r,
                         void (*fn)(void *, int64_t, int64_t), void *c) {
  const double work = (double)s->m * (double)s->n * (double)s->k + 1;
  const int64_t grain = work > 65536 ? 1 : (int64_t)(65536 / work) + 1;
  if (g->pieces == 1) frt_cpu_for(r, s->batches, grain, fn, c);
  else fn(c, 0, s->batches);
}

typedef struct {
  batch_t s;
  frt_cpu_gemm_t g;
} matmul_t;

static frt_status_t forward_plan(matmul_t *s, frt_error_t *err) {
  return frt_cpu_gemm_plan(&s->g, s->s.m, s->s.n, s->s.k, s->s.tx, s->s.ty, err);
}

static frt_status_t matmul_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  matmul_t *s = (matmul_t *)state;
  (void)workspace;
  make(&s->s, frt_in(op, FRT_MATMUL_IN_X), frt_in(op, FRT_MATMUL_IN_Y),
       frt_attr_bool(op, FRT_MATMUL_ATTR_TRANSPOSE_X),
       frt_attr_bool(op, FRT_MATMUL_ATTR_TRANSPOSE_Y),
       frt_attr_f32(op, FRT_MATMUL_ATTR_ALPHA));
  return forward_plan(s, err);
}

/* Vectors are not transposed. */
static int turns(const frt_op_t *op, const frt_api_tensor_t *t, int attr) {
  return frt_attr_bool(op, attr) && t->rank > 1;
}

static frt_status_t matmul_v2_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                      frt_error_t *err) {
  matmul_t *s = (matmul_t *)state;
  const frt_api_tensor_t *x = frt_in(op, FRT_MATMUL_V2_IN_X);
  const frt_api_tensor_t *y = frt_in(op, FRT_MATMUL_V2_IN_Y);
  (void)workspace;
  make(&s->s, x, y, turns(op, x, FRT_MATMUL_V2_ATTR_TRANS_X),
       turns(op, y, FRT_MATMUL_V2_ATTR_TRANS_Y), 1.0f);
  return forward_plan(s, err);
}

/* matmul and matmul_v2 have their slots in one order. */
static frt_status_t matmul_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const matmul_t *s = (const matmul_t *)state;
  forward_call_t c = {&s->s, &s->g, r, frt_in_f32(r, FRT_MATMUL_IN_X),
                      frt_in_f32(r, FRT_MATMUL_IN_Y), frt_out_f32(r, FRT_MATMUL_OUT_OUT)};
  (void)err;
  over_batches(&s->s, &s->g, r, forward_batches, &c);
  scale_all(&s->s, r, c.out, frt_out_numel(r, FRT_MATMUL_OUT_OUT));
  return FRT_OK;
}

/* ---- backward ---------------------------------------------------------------------------- */

/* X@GRAD = G . Y^T or, transposed, Y . G^T; Y@GRAD = X^T . G or G^T . X. A matrix that
 * served several batches gets their sum, batch after batch. */
typedef struct {
  batch_t s;
  frt_cpu_gemm_t dx, dy;
  int32_t x_in, y_in, g_in; /* slots */
} matmul_grad_t;

static frt_status_t backward_plan(matmul_grad_t *s, uint64_t *workspace, frt_error_t *err) {
  const batch_t *b = &s->s;
  int64_t spare = 0; /* one product, before it is added */
  if (b->x_numel < b->batches * b->x_size) spare = b->x_size;
  if (b->y_numel < b->batches * b->y_size && b->y_size > spare) spare = b->y_size;
  *workspace = (uint64_t)spare * sizeof(float);
  if (b->tx) FRT_TRY(frt_cpu_gemm_plan(&s->dx, b->k, b->m, b->n, b->ty, 1, err));
  else FRT_TRY(frt_cpu_gemm_plan(&s->dx, b->m, b->k, b->n, 0, !b->ty, err));
  if (b->ty) return frt_cpu_gemm_plan(&s->dy, b->n, b->k, b->m, 1, b->tx, err);
  return frt_cpu_gemm_plan(&s->dy, b->k, b->n, b->m, !b->tx, 0, err);
}

static frt_status_t matmul_grad_prepare(const frt_op_t *op, void *state,
                                        uint64_t *workspace, frt_error_t *err) {
  matmul_grad_t *s = (matmul_grad_t *)state;
  s->x_in = FRT_MATMUL_GRAD_IN_X;
  s->y_in = FRT_MATMUL_GRAD_IN_Y;
  s->g_in = FRT_MATMUL_GRAD_IN_OUT_GRAD;
  make(&s->s, frt_in(op, s->x_in), frt_in(op, s->y_in),
       frt_attr_bool(op, FRT_MATMUL_GRAD_ATTR_TRANSPOSE_X),
       frt_attr_bool(op, FRT_MATMUL_GRAD_ATTR_TRANSPOSE_Y),
       frt_attr_f32(op, FRT_MATMUL_GRAD_ATTR_ALPHA));
  return backward_plan(s, workspace, err);
}

static frt_status_t matmul_v2_grad_prepare(const frt_op_t *op, void *state,
                                           uint64_t *workspace, frt_error_t *err) {
  matmul_grad_t *s = (matmul_grad_t *)state;
  s->x_in = FRT_MATMUL_V2_GRAD_IN_X;
  s->y_in = FRT_MATMUL_V2_GRAD_IN_Y;
  s->g_in = FRT_MATMUL_V2_GRAD_IN_OUT_GRAD;
  make(&s->s, frt_in(op, s->x_in), frt_in(op, s->y_in),
       turns(op, frt_in(op, s->x_in), FRT_MATMUL_V2_GRAD_ATTR_TRANS_X),
       turns(op, frt_in(op, s->y_in), FRT_MATMUL_V2_GRAD_ATTR_TRANS_Y), 1.0f);
  return backward_plan(s, workspace, err);
}

/* One of the two gradients. `spare` NULL: every matrix belongs to one batch. */
typedef struct {
  const batch_t *s;
  const frt_cpu_gemm_t *gemm;
  const frt_run_t *r;
  const float *x, *y, *g;
  float *out, *spare;
  int64_t size; /* of a matrix of the output */
  int for_y;
} backward_call_t;

static void one_product(const backward_call_t *c, int64_t b, int64_t x, int64_t y, float *to) {
  const float *g = c->g + b * c->s->m * c->s->n;
  const float *other = c->for_y ? c->x + x : c->y + y;
  const int other_first = c->for_y ? !c->s->ty : c->s->tx;
  frt_cpu_gemm_run(c->gemm, c->r, other_first ? other : g, other_first ? g : other, to);
}

static void backward_batches(void *arg, int64_t lo, int64_t hi) {
  const backward_call_t *c = (const backward_call_t *)arg;
  for (int64_t b = lo; b < hi; ++b) {
    int64_t x, y;
    int x_first, y_first;
    locate(c->s, b, &x, &y, &x_first, &y_first);
    float *to = c->out + (c->for_y ? y : x);
    if (c->for_y ? y_first : x_first) {
      one_product(c, b, x, y, to);
      continue;
    }
    frt_cpu_ew_t e = {to, to, c->spare, 0, 0};
    one_product(c, b, x, y, c->spare);
    frt_cpu_for(c->r, c->size, FRT_CPU_GRAIN, sum, &e);
  }
}

static void backward_side(backward_call_t *c, int64_t numel) {
  if (!numel) return;
  if (!c->s->batches) memset(c->out, 0, (size_t)numel * sizeof *c->out);
  if (numel < c->s->batches * c->size) backward_batches(c, 0, c->s->batches);
  else over_batches(c->s, c->gemm, c->r, backward_batches, c);
  scale_all(c->s, c->r, c->out, numel);
}

/* Both gradient ops write X@GRAD, then Y@GRAD. */
static frt_status_t matmul_grad_run(const void *state, const frt_run_t *r,
                                    frt_error_t *err) {
  const matmul_grad_t *s = (const matmul_grad_t *)state;
  backward_call_t c = {&s->s, &s->dx, r, frt_in_f32(r, s->x_in), frt_in_f32(r, s->y_in),
                       frt_in_f32(r, s->g_in), NULL, (float *)r->workspace, s->s.x_size, 0};
  (void)err;
  if (frt_has_out(r, FRT_MATMUL_GRAD_OUT_X_GRAD)) {
    c.out = frt_out_f32(r, FRT_MATMUL_GRAD_OUT_X_GRAD);
    backward_side(&c, s->s.x_numel);
  }
  if (!frt_has_out(r, FRT_MATMUL_GRAD_OUT_Y_GRAD)) return FRT_OK;
  c.out = frt_out_f32(r, FRT_MATMUL_GRAD_OUT_Y_GRAD);
  c.gemm = &s->dy;
  c.size = s->s.y_size;
  c.for_y = 1;
  backward_side(&c, s->s.y_numel);
  return FRT_OK;
}

FRT_KERNELS(cpu, matmul_batch) = {
    FRT_KERNEL("matmul", FRT_F32S, matmul, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("matmul_grad", FRT_F32S, matmul_grad, FRT_KERNEL_DETERMINISTIC),
    {"matmul_v2", FRT_F32S, sizeof(matmul_t), matmul_v2_prepare, matmul_run,
     FRT_KERNEL_DETERMINISTIC, NULL},
    {"matmul_v2_grad", FRT_F32S, sizeof(matmul_grad_t), matmul_v2_grad_prepare,
     matmul_grad_run, FRT_KERNEL_DETERMINISTIC, NULL},
    FRT_KERNELS_END};
