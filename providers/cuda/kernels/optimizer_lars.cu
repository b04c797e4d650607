#include "fold.h"
#include "owned.h"

/* Up to TENSORS parameters in three launches: sums of squares over pieces of 4,096 elements,
 * the local rates, the updates. Every piece and every rate is one block's. */
enum { TENSORS = 32 };

typedef struct {
  void *p, *v;
  const void *p0, *g, *v0, *lr;
  int64_t n, piece; /* number of its first piece */
  double decay;
} item_t;
typedef struct {
  int n, wide, newer;
  int64_t pieces;
  double mu, coeff, epsilon, rescale;
  item_t item[TENSORS];
} list_t;
typedef struct { double p, g; } squares_t;

typedef struct {
  void *owned; /* double decay[], one or as many as tensors */
  double mu, coeff, epsilon, rescale;
  uint32_t decays; /* 0: Fluid 1.8's scalar form, which scales without decay too */
} lars_t;

static int64_t pieces_of(int64_t n) { return (n + FRT_GPU_PIECE - 1) / FRT_GPU_PIECE; }

static frt_status_t lars_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  lars_t *s = (lars_t *)state;
  const frt_api_attr_t *wd = &op->attrs[FRT_LARS_MOMENTUM_ATTR_LARS_WEIGHT_DECAY];
  const frt_api_slot_t *params = &op->in[FRT_LARS_MOMENTUM_IN_PARAM];
  int64_t pieces = 0, most = 0;
  s->mu = frt_attr_f32(op, FRT_LARS_MOMENTUM_ATTR_MU);
  s->coeff = frt_attr_f32(op, FRT_LARS_MOMENTUM_ATTR_LARS_COEFF);
  s->epsilon = frt_attr_f32(op, FRT_LARS_MOMENTUM_ATTR_EPSILON);
  s->rescale = frt_attr_f32(op, FRT_LARS_MOMENTUM_ATTR_RESCALE_GRAD);
  FRT_TRY(frt_gpu_own(op, sizeof(double) * (wd->count ? wd->count : 1), &s->owned, err));
  *(double *)s->owned = 0.0;
  if (wd->type == FRT_ATTR_F32S) {
    s->decays = wd->count ? wd->count : 1;
    for (uint32_t i = 0; i < wd->count; ++i) ((double *)s->owned)[i] = (float)wd->v.fs[i];
  } else {
    *(double *)s->owned = (float)wd->v.f;
  }
  for (uint32_t i = 0; i < params->count; ++i) {
    pieces = (i % TENSORS ? pieces : 0) + pieces_of(params->t[i]->numel);
    if (pieces > most) most = pieces;
  }
  *workspace = TENSORS * sizeof(double) + (uint64_t)most * sizeof(squares_t);
  return FRT_OK;
}

/* Which tensor a piece is of. */
static FRT_GPU_FN inline int item_of(const list_t &l, int64_t piece) {
  int i = 0;
  FRT_GPU_ROLLED
  while (i + 1 < l.n && l.item[i + 1].piece <= piece) ++i;
  return i;
}

FRT_GPU_KERNEL squares_kernel(list_t l, squares_t *sums) {
  FRT_GPU_ROLLED
  for (int64_t piece = frt_gpu_block(); piece < l.pieces; piece += frt_gpu_blocks()) {
    const item_t &t = l.item[item_of(l, piece)];
    const int64_t lo = (piece - t.piece) * FRT_GPU_PIECE;
    const int64_t hi = lo + FRT_GPU_PIECE < t.n ? lo + FRT_GPU_PIECE : t.n;
    squares_t s = {0, 0};
    for (int64_t i = lo + frt_gpu_thread(); i < hi; i += FRT_GPU_BLOCK) {
      const double p = frt_gpu_real(t.p0, l.wide, i), g = frt_gpu_real(t.g, l.wide, i);
      s.p += p * p;
      s.g += g * g;
    }
    s.p = frt_gpu_block_fold(frt_gpu_sum(), s.p);
    s.g = frt_gpu_block_fold(frt_gpu_sum(), s.g);
    if (frt_gpu_thread() == 0) sums[piece] = s;
  }
}

/* A NaN norm counts as not greater: the plain rate, without coeff. */
FRT_GPU_KERNEL rates_kernel(list_t l, const squares_t *sums, double *rates) {
  const int i = (int)frt_gpu_block();
  const item_t &t = l.item[i];
  const int64_t end = i + 1 < l.n ? l.item[i + 1].piece : l.pieces;
  double p = 0, g = 0;
  FRT_GPU_ROLLED
  for (int64_t piece = t.piece + frt_gpu_thread(); piece < end; piece += FRT_GPU_BLOCK) {
    p += sums[piece].p;
    g += sums[piece].g;
  }
  p = sqrt(frt_gpu_block_fold(frt_gpu_sum(), p));
  g = sqrt(frt_gpu_block_fold(frt_gpu_sum(), g)) * fabs(l.rescale);
  if (frt_gpu_thread()) return;
  const double lr = frt_gpu_real(t.lr, l.wide, 0);
  const int plain = !(p > 0 && g > 0) || (l.newer && !(t.decay > 0));
  rates[i] = plain ? lr : lr * l.coeff * p / (g + t.decay * p + l.epsilon);
}

FRT_GPU_KERNEL update_kernel(list_t l, const double *rates) {
  FRT_GPU_ROLLED
  for (int64_t piece = frt_gpu_block(); piece < l.pieces; piece += frt_gpu_blocks()) {
    const int k = item_of(l, piece);
    const item_t &t = l.item[k];
    const double local = rates[k];
    const int64_t lo = (piece - t.piece) * FRT_GPU_PIECE;
    const int64_t hi = lo + FRT_GPU_PIECE < t.n ? lo + FRT_GPU_PIECE : t.n;
    for (int64_t i = lo + frt_gpu_thread(); i < hi; i += FRT_GPU_BLOCK) {
      const double p = frt_gpu_real(t.p0, l.wide, i);
      const double g = l.rescale * frt_gpu_real(t.g, l.wide, i);
      const double v = l.mu * frt_gpu_real(t.v0, l.wide, i) + local * (g + t.decay * p);
      frt_gpu_put(t.v, l.wide, i, v);
      frt_gpu_put(t.p, l.wide, i, p - v);
    }
  }
}

static void fill_item(const lars_t *s, const frt_run_t *r, uint32_t k, item_t *t) {
  const uint32_t rates = r->in[FRT_LARS_MOMENTUM_IN_LEARNINGRATE].count;
  const uint32_t last = s->decays ? s->decays - 1 : 0;
  const frt_api_tensor_t *p = frt_in_at(r, FRT_LARS_MOMENTUM_IN_PARAM, k);
  t->p0 = p->data;
  t->n = p->numel;
  t->g = frt_in_at(r, FRT_LARS_MOMENTUM_IN_GRAD, k)->data;
  t->v0 = frt_in_at(r, FRT_LARS_MOMENTUM_IN_VELOCITY, k)->data;
  t->lr = frt_in_at(r, FRT_LARS_MOMENTUM_IN_LEARNINGRATE, k < rates ? k : 0)->data;
  t->p = frt_out_at(r, FRT_LARS_MOMENTUM_OUT_PARAMOUT, k)->data;
  t->v = frt_out_at(r, FRT_LARS_MOMENTUM_OUT_VELOCITYOUT, k)->data;
  t->decay = ((const double *)s->owned)[k < last ? k : last];
}

static frt_status_t lars_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const lars_t *s = (const lars_t *)state;
  const uint32_t n = r->in[FRT_LARS_MOMENTUM_IN_PARAM].count;
  double *rates = (double *)r->workspace;
  squares_t *sums = (squares_t *)(rates + TENSORS);
  frt_queue_t *q = FRT_GPU_QUEUE(r);
  for (uint32_t at = 0; at < n; at += TENSORS) {
    list_t l;
    memset(&l, 0, sizeof l);
    l.wide = frt_gpu_wide(frt_in(r, FRT_LARS_MOMENTUM_IN_PARAM));
    l.newer = s->decays != 0;
    l.mu = s->mu, l.coeff = s->coeff, l.epsilon = s->epsilon, l.rescale = s->rescale;
    for (; l.n < TENSORS && at + (uint32_t)l.n < n; ++l.n) {
      l.item[l.n].piece = l.pieces;
      fill_item(s, r, at + (uint32_t)l.n, &l.item[l.n]);
      l.pieces += pieces_of(l.item[l.n].n);
    }
    if (l.pieces == 0) continue;
    FRT_LAUNCH(squares_kernel, frt_gpu_grid(l.pieces, 1), FRT_GPU_BLOCK, q, l, sums);
    FRT_LAUNCH(rates_kernel, l.n, FRT_GPU_BLOCK, q, l, sums, rates);
    FRT_LAUNCH_ALONE(update_kernel, frt_gpu_grid(l.pieces, 1), FRT_GPU_BLOCK, q, l, rates);
    FRT_TRY(frt_gpu_launched(err));
  }
  return FRT_OK;
}

/* ---- lamb ----------------------------------------------------------------------------------- */

typedef struct {
  frt_gpu_fold_t all;
  double beta1, beta2, epsilon, decay;
  uint64_t parts; /* where the fold's pieces lie, behind the direction and two sums */
} lamb_t;

static frt_status_t lamb_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  lamb_t *s = (lamb_t *)state;
  const int64_t n = frt_in_numel(op, FRT_LAMB_IN_PARAM);
  const int gone = 1;
  (void)err;
  s->beta1 = frt_attr_f32(op, FRT_LAMB_ATTR_BETA1);
  s->beta2 = frt_attr_f32(op, FRT_LAMB_ATTR_BETA2);
  s->epsilon = frt_attr_f32(op, FRT_LAMB_ATTR_EPSILON);
  s->decay = frt_attr_f32(op, FRT_LAMB_ATTR_WEIGHT_DECAY);
  *workspace = s->parts = 16 + 8 * (uint64_t)n;
  frt_gpu_fold_plan(&s->all, 1, &n, &gone, workspace);
  return FRT_OK;
}

/* Moments, and r = m / (sqrt(v) + epsilon) + decay p. */
static frt_status_t lamb_direction(const lamb_t *s, const frt_run_t *r, double *to,
                                   frt_error_t *err) {
  const int wide = frt_gpu_wide(frt_in(r, FRT_LAMB_IN_PARAM));
  const void *p = frt_in(r, FRT_LAMB_IN_PARAM)->data, *gs = frt_in(r, FRT_LAMB_IN_GRAD)->data;
  const void *m0 = frt_in(r, FRT_LAMB_IN_MOMENT1)->data;
  const void *v0 = frt_in(r, FRT_LAMB_IN_MOMENT2)->data;
  void *m1 = frt_out(r, FRT_LAMB_OUT_MOMENT1OUT)->data;
  void *v1 = frt_out(r, FRT_LAMB_OUT_MOMENT2OUT)->data;
  const double b1 = s->beta1, b2 = s->beta2, epsilon = s->epsilon, decay = s->decay;
  return frt_gpu_each(
      r, frt_in_numel(r, FRT_LAMB_IN_PARAM),
      [=] FRT_GPU_FN(int64_t i) {
        const double g = frt_gpu_real(gs, wide, i);
        const double m = b1 * frt_gpu_real(m0, wide, i) + (1 - b1) * g;
        const double v = b2 * frt_gpu_real(v0, wide, i) + (1 - b2) * (g * g);
        frt_gpu_put(m1, wide, i, m);
        frt_gpu_put(v1, wide, i, v);
        to[i] = m / (sqrt(v) + epsilon) + decay * frt_gpu_real(p, wide, i);
      },
      err);
}

static frt_status_t lamb_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const lamb_t *s = (const lamb_t *)state;
  const int wide = frt_gpu_wide(frt_in(r, FRT_LAMB_IN_PARAM));
  const void *p = frt_in(r, FRT_LAMB_IN_PARAM)->data;
  const void *lr = frt_in(r, FRT_LAMB_IN_LEARNINGRATE)->data;
  void *out = frt_out(r, FRT_LAMB_OUT_PARAMOUT)->data, *parts = (char *)r->workspace + s->parts;
  double *sums = (double *)r->workspace, *direction = sums + 2;
  FRT_TRY(lamb_direction(s, r, direction, err));
  /* Which array is squared by a flag: one kernel for both norms. */
  for (int which = 0; which < 2; ++which)
    FRT_TRY(frt_gpu_reduce(
        r, &s->all, parts, frt_gpu_sum(),
        [=] FRT_GPU_FN(int64_t i) -> double {
          const double v = which ? direction[i] : frt_gpu_real(p, wide, i);
          return v * v;
        },
        [=] FRT_GPU_FN(int64_t, double v) { sums[which] = sqrt(v); }, err));
  return frt_gpu_each(
      r, frt_in_numel(r, FRT_LAMB_IN_PARAM),
      [=] FRT_GPU_FN(int64_t i) {
        const double ratio = sums[0] > 0 && sums[1] > 0 ? sums[0] / sums[1] : 1.0;
        const double step = frt_gpu_real(lr, wide, 0) * ratio * direction[i];
        frt_gpu_put(out, wide, i, frt_gpu_real(p, wide, i) - step);
      },
      err);
}

FRT_KERNELS(cuda, optimizer_lars) = {
    FRT_KERNEL("lars_momentum", FRT_FLOATS, lars, FRT_GPU_INPLACE | FRT_GPU_OWNS),
    FRT_KERNEL("lamb", FRT_FLOATS, lamb, FRT_GPU_INPLACE),
    FRT_KERNELS_END};
