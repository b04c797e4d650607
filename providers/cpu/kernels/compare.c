#include "broadcast.h"
#include "fluidrt/op_index.h"
#include "loop.h"
#undef A
#undef B

/* All comparisons have the same slots; logical ops have no axis. */
enum { IN_X = FRT_EQUAL_IN_X, IN_Y = FRT_EQUAL_IN_Y, OUT = FRT_EQUAL_OUT_OUT,
       AXIS = FRT_EQUAL_ATTR_AXIS };

/* step: 1, or 0 when one y serves the whole row. */
typedef void (*row_fn)(uint8_t *o, const void *x, const void *y, int64_t step, int64_t n);

typedef struct {
  frt_cpu_broadcast_t b;
  row_fn row;
  uint32_t size;
} compare_t;

typedef struct {
  const compare_t *s;
  uint8_t *o;
  const char *x, *y;
} compare_call_t;

static void compare_flat(void *arg, int64_t lo, int64_t hi) {
  const compare_call_t *c = (const compare_call_t *)arg;
  const size_t at = (size_t)lo * c->s->size;
  const int64_t step = c->s->b.ys[0] != 0;
  c->s->row(c->o + lo, c->x + at, step ? c->y + at : c->y, step, hi - lo);
}

static void compare_rows(void *arg, int64_t lo, int64_t hi) {
  const compare_call_t *c = (const compare_call_t *)arg;
  const frt_cpu_broadcast_t *b = &c->s->b;
  const size_t size = c->s->size;
  for (int64_t row = lo; row < hi; ++row)
    c->s->row(c->o + row * b->inner, c->x + (size_t)(row * b->inner) * size,
              c->y + (size_t)frt_cpu_broadcast_offset(b, row) * size,
              b->ys[b->rank - 1] != 0, b->inner);
}

static frt_status_t compare_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const compare_t *s = (const compare_t *)state;
  compare_call_t c = {s, (uint8_t *)frt_out(r, OUT)->data,
                      (const char *)frt_in(r, IN_X)->data,
                      (const char *)frt_in(r, IN_Y)->data};
  (void)err;
  if (!s->b.numel) return FRT_OK;
  if (s->b.rank == 1) frt_cpu_for(r, s->b.numel, FRT_CPU_GRAIN, compare_flat, &c);
  else
    frt_cpu_for(r, s->b.rows, frt_cpu_div_up(FRT_CPU_GRAIN, s->b.inner), compare_rows, &c);
  return FRT_OK;
}

#define ROWS(name, T, expr)                                                           \
  static void name(uint8_t *o, const void *x_, const void *y_, int64_t step,          \
                   int64_t n) {                                                       \
    const T *xs = (const T *)x_, *yp = (const T *)y_;                                 \
    for (int64_t i = 0; i < n; ++i) {                                                 \
      const T x = xs[i], y = yp[i * step];                                            \
      o[i] = (uint8_t)(expr);                                                         \
    }                                                                                 \
  }
#define COMPARE(name, sign)                                                           \
  ROWS(name##_f32, float, x sign y)                                                   \
  ROWS(name##_f64, double, x sign y)                                                  \
  ROWS(name##_i32, int32_t, x sign y)                                                 \
  ROWS(name##_i64, int64_t, x sign y)                                                 \
  ROWS(name##_bool, uint8_t, (x != 0) sign (y != 0))                                  \
  static frt_status_t name##_prepare(const frt_op_t *op, void *state,                 \
                                     uint64_t *workspace, frt_error_t *err) {         \
    compare_t *s = (compare_t *)state;                                                \
    const uint32_t dtype = frt_in(op, IN_X)->dtype;                                   \
    (void)workspace, (void)err;                                                       \
    frt_cpu_broadcast_make(&s->b, frt_in(op, IN_X), frt_in(op, IN_Y),                 \
                           frt_attr_i64(op, AXIS));                                   \
    s->size = (uint32_t)frt_dtype_size(dtype);                                        \
    s->row = dtype == FRT_F32 ? name##_f32 : dtype == FRT_F64 ? name##_f64            \
           : dtype == FRT_I32 ? name##_i32 : dtype == FRT_I64 ? name##_i64            \
                                                              : name##_bool;          \
    return FRT_OK;                                                                    \
  }
COMPARE(equal, ==)
COMPARE(not_equal, !=)
COMPARE(less_than, <)
COMPARE(less_equal, <=)
COMPARE(greater_than, >)
COMPARE(greater_equal, >=)

typedef struct {
  uint8_t *o;
  const uint8_t *x, *y;
} logical_call_t;

#define LOGICAL(name, expr)                                                           \
  static void name##_piece(void *arg, int64_t lo, int64_t hi) {                       \
    const logical_call_t *c = (const logical_call_t *)arg;                            \
    for (int64_t i = lo; i < hi; ++i) {                                               \
      const int x = c->x[i] != 0, y = c->y[i] != 0;                                   \
      (void)y;                                                                        \
      c->o[i] = (uint8_t)(expr);                                                      \
    }                                                                                 \
  }                                                                                   \
  static frt_status_t name##_run(const void *state, const frt_run_t *r,               \
                                 frt_error_t *err) {                                  \
    const uint8_t *x = (const uint8_t *)frt_in(r, IN_X)->data;                        \
    logical_call_t c = {(uint8_t *)frt_out(r, OUT)->data, x,                          \
                        r->n_in > 1 ? (const uint8_t *)frt_in(r, IN_Y)->data : x};    \
    (void)state, (void)err;                                                           \
    frt_cpu_for(r, frt_in_numel(r, IN_X), 4 * FRT_CPU_GRAIN, name##_piece, &c);       \
    return FRT_OK;                                                                    \
  }
LOGICAL(logical_and, x & y)
LOGICAL(logical_or, x | y)
LOGICAL(logical_xor, x ^ y)
LOGICAL(logical_not, !x)

#define COMPARED (FRT_NUMBERS | FRT_BOOLS)
#define ROW(name)                                                                     \
  {#name, COMPARED, sizeof(compare_t), name##_prepare, compare_run,                   \
   FRT_KERNEL_DETERMINISTIC, NULL}
#define LOGICAL_ROW(name) \
  FRT_KERNEL_PLAIN(#name, FRT_BOOLS, name, FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
FRT_KERNELS(cpu, compare) = {
    ROW(equal), ROW(not_equal), ROW(less_than), ROW(less_equal), ROW(greater_than),
    ROW(greater_equal), LOGICAL_ROW(logical_and), LOGICAL_ROW(logical_or),
    LOGICAL_ROW(logical_xor), LOGICAL_ROW(logical_not),
    FRT_KERNELS_END};
