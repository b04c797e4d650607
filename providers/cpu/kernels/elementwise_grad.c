#include "broadcast.h"
#include "fluidrt/op_index.h"
#include "loop.h"
#include "reduce.h"
#undef A
#undef B

/* One row of terms: g and out move, y moves or is one element. */
typedef void (*row_fn)(float *o, const float *g, const float *out, const float *x,
                       const float *y, int64_t n);

#define ROW_BODY(name, index, expr)                                                 \
  FRT_CPU_BODY void name##_body(float *o, const float *gs, const float *outs,       \
                                const float *xs, const float *ys, int64_t n) {      \
    (void)outs, (void)xs, (void)ys;                                                 \
    FRT_CPU_IVDEP                                                                   \
    for (int64_t i = 0; i < n; ++i) {                                               \
      const float g = gs[i];                                                        \
      o[i] = (expr);                                                                \
    }                                                                               \
  }                                                                                 \
  FRT_CPU_VARIANTS(name,                                                            \
                   (float *o, const float *gs, const float *outs, const float *xs,  \
                    const float *ys, int64_t n),                                    \
                   (o, gs, outs, xs, ys, n))
#define X (xs[i])
#define OUT (outs[i])
#define Y (ys[i])
ROW_BODY(mul_dx_both, i, g *Y)
ROW_BODY(div_dx_both, i, g / Y)
ROW_BODY(div_dy_both, i, -(g * OUT) / Y)
ROW_BODY(max_dx_both, i, X > Y ? g : 0.0f)
ROW_BODY(max_dy_both, i, X <= Y ? g : 0.0f)
ROW_BODY(negate, i, -g)
ROW_BODY(mul_dy, i, g *X)
#undef Y
#define Y (ys[0])
ROW_BODY(mul_dx_lone, 0, g *Y)
ROW_BODY(div_dx_lone, 0, g / Y)
ROW_BODY(div_dy_lone, 0, -(g * OUT) / Y)
ROW_BODY(max_dx_lone, 0, X > Y ? g : 0.0f)
ROW_BODY(max_dy_lone, 0, X <= Y ? g : 0.0f)

/* NULL: the term is Out@GRAD itself. */
typedef struct {
  row_fn dx[2], dy[2]; /* y moves, y is one element */
  int16_t g, x, y, out, axis;
} grad_def_t;

enum { DX = FRT_ELEMENTWISE_ADD_GRAD_OUT_X_GRAD, DY = FRT_ELEMENTWISE_ADD_GRAD_OUT_Y_GRAD };

#define SLOTS(OP, out)                                                             \
  FRT_ELEMENTWISE_##OP##_GRAD_IN_OUT_GRAD, FRT_ELEMENTWISE_##OP##_GRAD_IN_X,       \
      FRT_ELEMENTWISE_##OP##_GRAD_IN_Y, out, FRT_ELEMENTWISE_##OP##_GRAD_ATTR_AXIS
static const grad_def_t add_def = {{NULL, NULL}, {NULL, NULL}, SLOTS(ADD, -1)};
static const grad_def_t sub_def = {{NULL, NULL}, {negate, negate}, SLOTS(SUB, -1)};
static const grad_def_t mul_def = {{mul_dx_both, mul_dx_lone}, {mul_dy, mul_dy},
                                   SLOTS(MUL, -1)};
static const grad_def_t div_def = {{div_dx_both, div_dx_lone}, {div_dy_both, div_dy_lone},
                                   SLOTS(DIV, FRT_ELEMENTWISE_DIV_GRAD_IN_OUT)};
static const grad_def_t max_def = {{max_dx_both, max_dx_lone}, {max_dy_both, max_dy_lone},
                                   SLOTS(MAX, -1)};

typedef struct {
  const grad_def_t *def;
  frt_cpu_broadcast_t b;
  frt_cpu_reduce_t sum; /* of the terms of Y@GRAD, over the repeated places */
  row_fn dx, dy;
  int64_t terms; /* bytes of the workspace before what `sum` wants */
} grad_t;

static frt_status_t grad_make(const frt_op_t *op, grad_t *s, const grad_def_t *def,
                              uint64_t *workspace) {
  const frt_api_tensor_t *x = frt_in(op, def->x), *y = frt_in(op, def->y);
  const int64_t axis = frt_attr_i64(op, def->axis);
  int64_t yd[FRT_MAX_RANK];
  uint32_t goes = 0;
  frt_cpu_broadcast_align(x, y, axis, yd);
  frt_cpu_broadcast_make(&s->b, x, y, axis);
  for (uint32_t d = 0; d < x->rank; ++d)
    if (yd[d] == 1 && x->dims[d] != 1) goes |= 1u << d;
  const int lone = s->b.ys[s->b.rank - 1] == 0;
  s->def = def;
  s->dx = def->dx[lone];
  s->dy = def->dy[lone];
  if (!frt_has_out(op, DY) || !s->b.repeated) return FRT_OK;
  /* Terms that are Out@GRAD, or minus it, need no room of their own. */
  if (s->dy && s->dy != negate)
    *workspace = (uint64_t)(s->terms = (s->b.numel * 4 + 63) / 64 * 64);
  frt_cpu_reduce_make(&s->sum, FRT_CPU_SUM, x->rank, x->dims, goes, workspace);
  return FRT_OK;
}

typedef struct {
  const grad_t *s;
  row_fn row;
  float *o;
  const float *g, *out, *x, *y;
} grad_call_t;

static const float *moved(const float *p, int64_t by) { return p ? p + by : p; }

static void grad_flat(void *arg, int64_t lo, int64_t hi) {
  const grad_call_t *c = (const grad_call_t *)arg;
  c->row(c->o + lo, c->g + lo, moved(c->out, lo), moved(c->x, lo),
         c->s->b.ys[0] ? moved(c->y, lo) : c->y, hi - lo);
}

static void grad_rows(void *arg, int64_t lo, int64_t hi) {
  const grad_call_t *c = (const grad_call_t *)arg;
  const frt_cpu_broadcast_t *b = &c->s->b;
  for (int64_t row = lo; row < hi; ++row) {
    const int64_t at = row * b->inner;
    c->row(c->o + at, c->g + at, moved(c->out, at), moved(c->x, at),
           moved(c->y, frt_cpu_broadcast_offset(b, row)), b->inner);
  }
}

/* o = the terms; without a row function they are g. */
static void grad_terms(const frt_run_t *r, grad_call_t *c, row_fn row, float *o) {
  const frt_cpu_broadcast_t *b = &c->s->b;
  if (!b->numel) return;
  if (!row) {
    if (o != c->g) memcpy(o, c->g, (size_t)b->numel * sizeof *o);
    return;
  }
  c->row = row;
  c->o = o;
  if (b->rank == 1) frt_cpu_for(r, b->numel, FRT_CPU_GRAIN, grad_flat, c);
  else frt_cpu_for(r, b->rows, frt_cpu_div_up(FRT_CPU_GRAIN, b->inner), grad_rows, c);
}

/* Y@GRAD first: X@GRAD may lie where Out@GRAD does. */
static frt_status_t grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const grad_t *s = (const grad_t *)state;
  const grad_def_t *def = s->def;
  grad_call_t c = {s, NULL, NULL, frt_in_f32(r, def->g),
                   def->out < 0 ? NULL : frt_in_f32(r, def->out), frt_in_f32(r, def->x),
                   frt_in_f32(r, def->y)};
  (void)err;
  if (frt_has_out(r, DY)) {
    float *dy = frt_out_f32(r, DY);
    if (!s->b.repeated) grad_terms(r, &c, s->dy, dy);
    else {
      const float *terms = c.g;
      if (s->terms) grad_terms(r, &c, s->dy, (float *)r->workspace);
      if (s->terms) terms = (const float *)r->workspace;
      frt_cpu_reduce_run(&s->sum, r, terms, dy, frt_cpu_workspace(r, s->terms),
                         s->dy == negate ? -1.0 : 1.0);
    }
  }
  if (frt_has_out(r, DX)) grad_terms(r, &c, s->dx, frt_out_f32(r, DX));
  return FRT_OK;
}

#define PREPARE(name)                                                           \
  static frt_status_t name##_prepare(const frt_op_t *op, void *state,           \
                                     uint64_t *workspace, frt_error_t *err) {   \
    (void)err;                                                                  \
    return grad_make(op, (grad_t *)state, &name##_def, workspace);              \
  }
PREPARE(add)
PREPARE(sub)
PREPARE(mul)
PREPARE(div)
PREPARE(max)

/* In place only where X@GRAD may take the memory of Out@GRAD, the first input. */
#define ROW(type, name, flags) \
  {type, FRT_F32S, sizeof(grad_t), name##_prepare, grad_run, \
   (flags) | FRT_KERNEL_DETERMINISTIC, NULL}
FRT_KERNELS(cpu, elementwise_grad) = {
    ROW("elementwise_add_grad", add, FRT_KERNEL_INPLACE),
    ROW("elementwise_sub_grad", sub, FRT_KERNEL_INPLACE),
    ROW("elementwise_mul_grad", mul, FRT_KERNEL_INPLACE),
    ROW("elementwise_div_grad", div, 0),
    ROW("elementwise_max_grad", max, FRT_KERNEL_INPLACE),
    FRT_KERNELS_END};
