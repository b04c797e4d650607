#include "broadcast.h"
#include "fluidrt/op_index.h"
#include "loop.h"
#undef A
#undef B

/* The five forward ops have the same slots in the same places. */
enum { IN_X = FRT_ELEMENTWISE_ADD_IN_X, IN_Y = FRT_ELEMENTWISE_ADD_IN_Y,
       OUT = FRT_ELEMENTWISE_ADD_OUT_OUT, AXIS = FRT_ELEMENTWISE_ADD_ATTR_AXIS };

/* One row: y moves with x, or is one element for the whole row. */
typedef void (*row_fn)(void *o, const void *x, const void *y, int64_t n);

#define ROW_BODY(name, T, index, expr)                                             \
  FRT_CPU_BODY void name##_body(void *o_, const void *x_, const void *y_, int64_t n) { \
    T *o = (T *)o_;                                                                \
    const T *xs = (const T *)x_, *yp = (const T *)y_;                              \
    FRT_CPU_IVDEP                                                                  \
    for (int64_t i = 0; i < n; ++i) {                                              \
      const T x = xs[i], y = yp[index];                                            \
      o[i] = (expr);                                                               \
    }                                                                              \
  }                                                                                \
  FRT_CPU_VARIANTS(name, (void *o_, const void *x_, const void *y_, int64_t n),    \
                   (o_, x_, y_, n))
/* For the lone y: read before anything is stored. */
#define ROW_LONE(name, T, expr)                                                    \
  FRT_CPU_BODY void name##_body(void *o_, const void *x_, const void *y_, int64_t n) { \
    T *o = (T *)o_;                                                                \
    const T *xs = (const T *)x_, y = *(const T *)y_;                               \
    FRT_CPU_IVDEP                                                                  \
    for (int64_t i = 0; i < n; ++i) {                                              \
      const T x = xs[i];                                                           \
      o[i] = (expr);                                                               \
    }                                                                              \
  }                                                                                \
  FRT_CPU_VARIANTS(name, (void *o_, const void *x_, const void *y_, int64_t n),    \
                   (o_, x_, y_, n))
#define ROWS(name, T, expr)             \
  ROW_BODY(name##_both, T, i, expr)     \
  ROW_LONE(name##_lone, T, expr)

typedef struct {
  frt_cpu_broadcast_t b;
  row_fn row;
  uint32_t size; /* bytes of an element */
} binary_t;

typedef struct {
  const binary_t *s;
  char *o;
  const char *x, *y;
} binary_call_t;

static void binary_flat(void *arg, int64_t lo, int64_t hi) {
  const binary_call_t *c = (const binary_call_t *)arg;
  const size_t at = (size_t)lo * c->s->size;
  c->s->row(c->o + at, c->x + at, c->s->b.ys[0] ? c->y + at : c->y, hi - lo);
}

static void binary_rows(void *arg, int64_t lo, int64_t hi) {
  const binary_call_t *c = (const binary_call_t *)arg;
  const frt_cpu_broadcast_t *b = &c->s->b;
  const size_t size = c->s->size;
  for (int64_t row = lo; row < hi; ++row) {
    const size_t at = (size_t)(row * b->inner) * size;
    c->s->row(c->o + at, c->x + at, c->y + (size_t)frt_cpu_broadcast_offset(b, row) * size,
              b->inner);
  }
}

static void binary_do(const binary_t *s, const frt_run_t *r) {
  binary_call_t c = {s, (char *)frt_out(r, OUT)->data,
                     (const char *)frt_in(r, IN_X)->data,
                     (const char *)frt_in(r, IN_Y)->data};
  if (!s->b.numel) return;
  if (s->b.rank == 1) frt_cpu_for(r, s->b.numel, FRT_CPU_GRAIN, binary_flat, &c);
  else
    frt_cpu_for(r, s->b.rows, frt_cpu_div_up(FRT_CPU_GRAIN, s->b.inner), binary_rows, &c);
}

static frt_status_t binary_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  (void)err;
  binary_do((const binary_t *)state, r);
  return FRT_OK;
}

static void binary_set(const frt_op_t *op, binary_t *s, row_fn both, row_fn lone,
                       uint32_t size) {
  frt_cpu_broadcast_make(&s->b, frt_in(op, IN_X), frt_in(op, IN_Y), frt_attr_i64(op, AXIS));
  s->row = s->b.ys[s->b.rank - 1] ? both : lone;
  s->size = size;
}

#define BINARY(name, T, expr)                                                         \
  ROWS(name, T, expr)                                                                 \
  static frt_status_t name##_prepare(const frt_op_t *op, void *state,                 \
                                     uint64_t *workspace, frt_error_t *err) {         \
    (void)workspace, (void)err;                                                       \
    binary_set(op, (binary_t *)state, name##_both, name##_lone, sizeof(T));           \
    return FRT_OK;                                                                    \
  }

BINARY(add_f32, float, x + y)
BINARY(sub_f32, float, x - y)
BINARY(mul_f32, float, x * y)
BINARY(div_f32, float, x / y)
BINARY(max_f32, float, x > y ? x : y)
/* Unsigned: integers wrap around without undefined behaviour. */
BINARY(add_i32, uint32_t, x + y)
BINARY(sub_i32, uint32_t, x - y)
BINARY(mul_i32, uint32_t, x *y)
BINARY(max_i32, int32_t, x > y ? x : y)
BINARY(add_i64, uint64_t, x + y)
BINARY(sub_i64, uint64_t, x - y)
BINARY(mul_i64, uint64_t, x *y)
BINARY(max_i64, int64_t, x > y ? x : y)
/* The most negative by -1 wraps around too. */
BINARY(div_i32, int32_t, y == -1 ? (int32_t)(0u - (uint32_t)x) : x / y)
BINARY(div_i64, int64_t, y == -1 ? (int64_t)(0u - (uint64_t)x) : x / y)

/* Looks at every divisor before anything is written. */
static frt_status_t int_div_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const binary_t *s = (const binary_t *)state;
  const frt_api_tensor_t *y = frt_in(r, IN_Y);
  for (int64_t i = 0; s->b.numel && i < y->numel; ++i)
    if (s->size == 4 ? !((const int32_t *)y->data)[i] : !((const int64_t *)y->data)[i])
      return frt_fail(err, FRT_OUT_OF_RANGE,
                      "Y: element %lld is 0; an integer divisor must not be",
                      (long long)i);
  binary_do(s, r);
  return FRT_OK;
}

#define FLAGS (FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
#define ROW(type, dtypes, stem, run) \
  {type, dtypes, sizeof(binary_t), stem##_prepare, run, FLAGS, NULL}
#define I32S FRT_DTYPE_BIT(FRT_I32)
FRT_KERNELS(cpu, elementwise) = {
    ROW("elementwise_add", FRT_F32S, add_f32, binary_run),
    ROW("elementwise_add", I32S, add_i32, binary_run),
    ROW("elementwise_add", FRT_I64S, add_i64, binary_run),
    ROW("elementwise_sub", FRT_F32S, sub_f32, binary_run),
    ROW("elementwise_sub", I32S, sub_i32, binary_run),
    ROW("elementwise_sub", FRT_I64S, sub_i64, binary_run),
    ROW("elementwise_mul", FRT_F32S, mul_f32, binary_run),
    ROW("elementwise_mul", I32S, mul_i32, binary_run),
    ROW("elementwise_mul", FRT_I64S, mul_i64, binary_run),
    ROW("elementwise_div", FRT_F32S, div_f32, binary_run),
    ROW("elementwise_div", I32S, div_i32, int_div_run),
    ROW("elementwise_div", FRT_I64S, div_i64, int_div_run),
    ROW("elementwise_max", FRT_F32S, max_f32, binary_run),
    ROW("elementwise_max", I32S, max_i32, binary_run),
    ROW("elementwise_max", FRT_I64S, max_i64, binary_run),
    FRT_KERNELS_END};
