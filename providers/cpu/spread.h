/* Gradients of reduce ops: what was reduced is repeated along the axes that went. */
#ifndef FRT_CPU_SPREAD_H
#define FRT_CPU_SPREAD_H

#include "broadcast.h"
#include "fluidrt/kernel.h"
#include "loop.h"
#undef A
#undef B

/* The axes that `dim` and `reduce_all` name, as bits; an empty list is [0]. */
static inline uint32_t frt_cpu_reduced_axes(const frt_op_t *op, int dim, int all,
                                            uint32_t rank) {
  const frt_api_attr_t *a = &op->attrs[dim];
  uint32_t mask = 0;
  if (frt_attr_bool(op, all)) return (1u << rank) - 1;
  if (!a->count) return rank ? 1u : 0;
  for (uint32_t i = 0; i < a->count; ++i)
    mask |= 1u << (a->v.is[i] < 0 ? a->v.is[i] + rank : a->v.is[i]);
  return mask;
}

/* One row of the result; x, out and g lie as the row wants them. q: a constant. */
typedef void (*frt_cpu_spread_fn)(float *o, const float *x, const float *out,
                                  const float *g, int64_t n, double q);
#define FRT_CPU_SPREAD_ROW(name, expr)                                                  \
  FRT_CPU_BODY void name##_body(float *o, const float *x, const float *out,             \
                                const float *g, int64_t n, double q) {                  \
    (void)x, (void)out, (void)q;                                                        \
    FRT_CPU_IVDEP                                                                       \
    for (int64_t i = 0; i < n; ++i) o[i] = (expr);                                      \
  }                                                                                     \
  FRT_CPU_VARIANTS(name,                                                                \
                   (float *o, const float *x, const float *out, const float *g,         \
                    int64_t n, double q), (o, x, out, g, n, q))

typedef struct {
  frt_cpu_broadcast_t b;
  frt_cpu_spread_fn row;
  double q;
} frt_cpu_spread_t;

typedef struct {
  const frt_cpu_spread_t *s;
  float *o;
  const float *x, *out, *g;
} frt_cpu_spread_call_t;

/* both: the row when the last axis stays; lone: when it went. */
static inline void frt_cpu_spread_make(frt_cpu_spread_t *s, const frt_api_tensor_t *x,
                                       uint32_t goes, frt_cpu_spread_fn both,
                                       frt_cpu_spread_fn lone) {
  int64_t yd[FRT_MAX_RANK];
  for (uint32_t d = 0; d < x->rank; ++d) yd[d] = goes >> d & 1u ? 1 : x->dims[d];
  frt_cpu_broadcast_dims(&s->b, x->dims, yd, (int)x->rank);
  s->row = s->b.ys[s->b.rank - 1] ? both : lone;
}

static inline const float *frt_cpu_moved(const float *p, int64_t by) { return p ? p + by : p; }

static inline void frt_cpu_spread_flat(void *arg, int64_t lo, int64_t hi) {
  const frt_cpu_spread_call_t *c = (const frt_cpu_spread_call_t *)arg;
  const int64_t y = c->s->b.ys[0] ? lo : 0;
  c->s->row(c->o + lo, frt_cpu_moved(c->x, lo), frt_cpu_moved(c->out, y), c->g + y, hi - lo,
            c->s->q);
}

static inline void frt_cpu_spread_rows(void *arg, int64_t lo, int64_t hi) {
  const frt_cpu_spread_call_t *c = (const frt_cpu_spread_call_t *)arg;
  const frt_cpu_broadcast_t *b = &c->s->b;
  for (int64_t row = lo; row < hi; ++row) {
    const int64_t y = frt_cpu_broadcast_offset(b, row), at = row * b->inner;
    c->s->row(c->o + at, frt_cpu_moved(c->x, at), frt_cpu_moved(c->out, y), c->g + y,
              b->inner, c->s->q);
  }
}

static inline void frt_cpu_spread_do(const frt_run_t *r, frt_cpu_spread_call_t *c) {
  const frt_cpu_broadcast_t *b = &c->s->b;
  if (!b->numel) return;
  if (b->rank == 1) frt_cpu_for(r, b->numel, FRT_CPU_GRAIN, frt_cpu_spread_flat, c);
  else
    frt_cpu_for(r, b->rows, frt_cpu_div_up(FRT_CPU_GRAIN, b->inner), frt_cpu_spread_rows, c);
}

#endif
