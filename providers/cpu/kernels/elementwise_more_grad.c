#include <math.h>

#include "broadcast.h"
#include "fluidrt/op_index.h"
#include "loop.h"
#include "reduce.h"
#undef A
#undef B

enum { IN_G = FRT_ELEMENTWISE_MIN_GRAD_IN_OUT_GRAD, IN_X = FRT_ELEMENTWISE_MIN_GRAD_IN_X,
       IN_Y = FRT_ELEMENTWISE_MIN_GRAD_IN_Y, DX = FRT_ELEMENTWISE_MIN_GRAD_OUT_X_GRAD,
       DY = FRT_ELEMENTWISE_MIN_GRAD_OUT_Y_GRAD,
       AXIS = FRT_ELEMENTWISE_MIN_GRAD_ATTR_AXIS };

/* One row of terms: y moves, or is one element for the whole row. */
typedef void (*row_fn)(float *o, const float *g, const float *x, const float *y, int64_t n);

#define ROW_(name, value, expr)                                                      \
  FRT_CPU_BODY void name##_body(float *o, const float *gs, const float *xs,          \
                                const float *ys, int64_t n) {                        \
    FRT_CPU_IVDEP                                                                    \
    for (int64_t i = 0; i < n; ++i) {                                                \
      const float g = gs[i], x = xs[i], y = value;                                   \
      o[i] = (expr);                                                                 \
    }                                                                                \
  }                                                                                  \
  FRT_CPU_VARIANTS(name,                                                             \
                   (float *o, const float *gs, const float *xs, const float *ys,     \
                    int64_t n),                                                      \
                   (o, gs, xs, ys, n))
#define ROWS(name, expr)          \
  ROW_(name##_both, ys[i], expr)  \
  ROW_(name##_lone, ys[0], expr)
ROWS(min_dx, x < y ? g : 0.0f)
ROWS(min_dy, x >= y ? g : 0.0f)
ROWS(pow_dx, g *y *powf(x, y - 1.0f))
ROWS(pow_dy, g *logf(x) * powf(x, y))

typedef struct {
  frt_cpu_broadcast_t b;
  frt_cpu_reduce_t sum; /* of the terms of Y@GRAD, over the repeated places */
  row_fn dx, dy;
  int64_t grain;
  int64_t terms; /* bytes of the workspace before what `sum` wants */
} grad_t;

static void grad_make(const frt_op_t *op, grad_t *s, uint64_t *workspace) {
  const frt_api_tensor_t *x = frt_in(op, IN_X), *y = frt_in(op, IN_Y);
  const int64_t axis = frt_attr_i64(op, AXIS);
  int64_t yd[FRT_MAX_RANK];
  uint32_t goes = 0;
  frt_cpu_broadcast_align(x, y, axis, yd);
  frt_cpu_broadcast_make(&s->b, x, y, axis);
  if (!frt_has_out(op, DY) || !s->b.repeated) return;
  for (uint32_t d = 0; d < x->rank; ++d)
    if (yd[d] == 1 && x->dims[d] != 1) goes |= 1u << d;
  *workspace = (uint64_t)(s->terms = (s->b.numel * 4 + 63) / 64 * 64);
  frt_cpu_reduce_make(&s->sum, FRT_CPU_SUM, x->rank, x->dims, goes, workspace);
}

#define PREPARE(name, grain_)                                                   \
  static frt_status_t name##_prepare(const frt_op_t *op, void *state,           \
                                     uint64_t *workspace, frt_error_t *err) {   \
    grad_t *s = (grad_t *)state;                                                \
    (void)err;                                                                  \
    grad_make(op, s, workspace);                                                \
    const int both = s->b.ys[s->b.rank - 1] != 0;                               \
    s->dx = both ? name##_dx_both : name##_dx_lone;                             \
    s->dy = both ? name##_dy_both : name##_dy_lone;                             \
    s->grain = grain_;                                                          \
    return FRT_OK;                                                              \
  }
PREPARE(min, FRT_CPU_GRAIN)
PREPARE(pow, FRT_CPU_GRAIN_MATH)

typedef struct {
  const grad_t *s;
  row_fn row;
  float *o;
  const float *g, *x, *y;
} grad_call_t;

static void grad_flat(void *arg, int64_t lo, int64_t hi) {
  const grad_call_t *c = (const grad_call_t *)arg;
  c->row(c->o + lo, c->g + lo, c->x + lo, c->s->b.ys[0] ? c->y + lo : c->y, hi - lo);
}

static void grad_rows(void *arg, int64_t lo, int64_t hi) {
  const grad_call_t *c = (const grad_call_t *)arg;
  const frt_cpu_broadcast_t *b = &c->s->b;
  for (int64_t row = lo; row < hi; ++row) {
    const int64_t at = row * b->inner;
    c->row(c->o + at, c->g + at, c->x + at, c->y + frt_cpu_broadcast_offset(b, row),
           b->inner);
  }
}

static void grad_terms(const frt_run_t *r, grad_call_t *c, row_fn row, float *o) {
  const frt_cpu_broadcast_t *b = &c->s->b;
  if (!b->numel) return;
  c->row = row;
  c->o = o;
  if (b->rank == 1) frt_cpu_for(r, b->numel, c->s->grain, grad_flat, c);
  else frt_cpu_for(r, b->rows, frt_cpu_div_up(c->s->grain, b->inner), grad_rows, c);
}

/* Y@GRAD first: X@GRAD may lie where Out@GRAD does. */
static frt_status_t grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const grad_t *s = (const grad_t *)state;
  grad_call_t c = {s, NULL, NULL, frt_in_f32(r, IN_G), frt_in_f32(r, IN_X),
                   frt_in_f32(r, IN_Y)};
  (void)err;
  if (frt_has_out(r, DY)) {
    float *dy = frt_out_f32(r, DY);
    if (!s->b.repeated) grad_terms(r, &c, s->dy, dy);
    else {
      grad_terms(r, &c, s->dy, (float *)r->workspace);
      frt_cpu_reduce_run(&s->sum, r, (const float *)r->workspace, dy,
                         frt_cpu_workspace(r, s->terms), 1.0);
    }
  }
  if (frt_has_out(r, DX)) grad_terms(r, &c, s->dx, frt_out_f32(r, DX));
  return FRT_OK;
}

#define ROW(type, name) \
  {type, FRT_F32S, sizeof(grad_t), name##_prepare, grad_run, \
   FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC, NULL}
FRT_KERNELS(cpu, elementwise_more_grad) = {ROW("elementwise_min_grad", min),
                                           ROW("elementwise_pow_grad", pow),
                                           FRT_KERNELS_END};
