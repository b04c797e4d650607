/* Elementwise ops of two operands: Y laid over X, one row at a time. The slots and the
 * axis attribute lie in the same places in all of them. */
#ifndef FRT_CPU_BINARY_H
#define FRT_CPU_BINARY_H

#include "broadcast.h"
#include "fluidrt/op_index.h"
#include "loop.h"

enum { FRT_CPU_BINARY_X = FRT_ELEMENTWISE_ADD_IN_X, FRT_CPU_BINARY_Y = FRT_ELEMENTWISE_ADD_IN_Y,
       FRT_CPU_BINARY_OUT = FRT_ELEMENTWISE_ADD_OUT_OUT,
       FRT_CPU_BINARY_AXIS = FRT_ELEMENTWISE_ADD_ATTR_AXIS };

/* One row: y moves with x, or is one element for the whole row. */
typedef void (*frt_cpu_row_fn)(void *o, const void *x, const void *y, int64_t n);

typedef struct frt_cpu_binary {
  frt_cpu_broadcast_t b;
  frt_cpu_row_fn row;
  uint32_t size; /* bytes of an element */
  int64_t grain;
} frt_cpu_binary_t;

/* Defines name_both and name_lone; in `expr` x and y are the operands, of type T. */
#define FRT_CPU_ROW_(name, T, index, expr)                                             \
  FRT_CPU_BODY void name##_body(void *o_, const void *x_, const void *y_, int64_t n) { \
    T *o = (T *)o_;                                                                    \
    const T *xs = (const T *)x_, *ys = (const T *)y_;                                  \
    const T lone = n ? ys[0] : (T)0; /* before anything is stored */                   \
    (void)lone;                                                                        \
    FRT_CPU_IVDEP                                                                      \
    for (int64_t i = 0; i < n; ++i) {                                                  \
      const T x = xs[i], y = index;                                                    \
      o[i] = (expr);                                                                   \
    }                                                                                  \
  }                                                                                    \
  FRT_CPU_VARIANTS(name, (void *o_, const void *x_, const void *y_, int64_t n),        \
                   (o_, x_, y_, n))
#define FRT_CPU_ROWS(name, T, expr)          \
  FRT_CPU_ROW_(name##_both, T, ys[i], expr)  \
  FRT_CPU_ROW_(name##_lone, T, lone, expr)

typedef struct frt_cpu_binary_call {
  const frt_cpu_binary_t *s;
  char *o;
  const char *x, *y;
} frt_cpu_binary_call_t;

static inline void frt_cpu_binary_flat(void *arg, int64_t lo, int64_t hi) {
  const frt_cpu_binary_call_t *c = (const frt_cpu_binary_call_t *)arg;
  const size_t at = (size_t)lo * c->s->size;
  c->s->row(c->o + at, c->x + at, c->s->b.ys[0] ? c->y + at : c->y, hi - lo);
}

static inline void frt_cpu_binary_rows(void *arg, int64_t lo, int64_t hi) {
  const frt_cpu_binary_call_t *c = (const frt_cpu_binary_call_t *)arg;
  const frt_cpu_broadcast_t *b = &c->s->b;
  const size_t size = c->s->size;
  for (int64_t row = lo; row < hi; ++row) {
    const size_t at = (size_t)(row * b->inner) * size;
    c->s->row(c->o + at, c->x + at, c->y + (size_t)frt_cpu_broadcast_offset(b, row) * size,
              b->inner);
  }
}

static inline void frt_cpu_binary_do(const frt_cpu_binary_t *s, const frt_run_t *r) {
  frt_cpu_binary_call_t c = {s, (char *)frt_out(r, FRT_CPU_BINARY_OUT)->data,
                             (const char *)frt_in(r, FRT_CPU_BINARY_X)->data,
                             (const char *)frt_in(r, FRT_CPU_BINARY_Y)->data};
  if (!s->b.numel) return;
  if (s->b.rank == 1) frt_cpu_for(r, s->b.numel, s->grain, frt_cpu_binary_flat, &c);
  else
    frt_cpu_for(r, s->b.rows, frt_cpu_div_up(s->grain, s->b.inner), frt_cpu_binary_rows, &c);
}

static inline void frt_cpu_binary_make(const frt_op_t *op, frt_cpu_binary_t *s,
                                       frt_cpu_row_fn both, frt_cpu_row_fn lone,
                                       uint32_t size, int64_t grain) {
  frt_cpu_broadcast_make(&s->b, frt_in(op, FRT_CPU_BINARY_X), frt_in(op, FRT_CPU_BINARY_Y),
                         frt_attr_i64(op, FRT_CPU_BINARY_AXIS));
  s->row = s->b.ys[s->b.rank - 1] ? both : lone;
  s->size = size;
  s->grain = grain;
}

/* Defines name_prepare for the rows above. */
#define FRT_CPU_BINARY(name, T, expr, grain_)                                         \
  FRT_CPU_ROWS(name, T, expr)                                                         \
  static frt_status_t name##_prepare(const frt_op_t *op, void *state,                 \
                                     uint64_t *workspace, frt_error_t *err) {         \
    (void)workspace, (void)err;                                                       \
    frt_cpu_binary_make(op, (frt_cpu_binary_t *)state, name##_both, name##_lone,      \
                        sizeof(T), grain_);                                           \
    return FRT_OK;                                                                    \
  }

#endif
