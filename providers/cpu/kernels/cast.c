#include "fluidrt/op_index.h"
#include "loop.h"
#undef A
#undef B

/* Floats to integers truncate and saturate, NaN gives 0; integers wrap around; to
 * bool is x != 0. Every pair is one loop, picked in prepare. */
typedef void (*cast_fn)(void *out, const void *x, int64_t lo, int64_t hi);

FRT_CPU_BODY int64_t saturate(double x, int64_t lo, int64_t hi) {
  return x != x ? 0 : x <= (double)lo ? lo : x >= (double)hi ? hi : (int64_t)x;
}

#define CAST(name, F, T, expr)                                                    \
  static void name(void *out_, const void *x_, int64_t lo, int64_t hi) {          \
    T *out = (T *)out_;                                                           \
    const F *xs = (const F *)x_;                                                  \
    for (int64_t i = lo; i < hi; ++i) {                                           \
      const F x = xs[i];                                                          \
      out[i] = (expr);                                                            \
    }                                                                             \
  }
/* From one type to all; INT is how it becomes an integer of a kind. */
#define CASTS(f, F, INT)                                                          \
  CAST(f##_to_bool, F, uint8_t, (uint8_t)(x != 0))                                \
  CAST(f##_to_i16, F, int16_t, INT(int16_t, uint16_t, INT16_MIN, INT16_MAX))      \
  CAST(f##_to_i32, F, int32_t, INT(int32_t, uint32_t, INT32_MIN, INT32_MAX))      \
  CAST(f##_to_i64, F, int64_t, INT(int64_t, uint64_t, INT64_MIN, INT64_MAX))      \
  CAST(f##_to_f32, F, float, (float)x)                                            \
  CAST(f##_to_f64, F, double, (double)x)                                          \
  CAST(f##_to_u8, F, uint8_t, INT(uint8_t, uint8_t, 0, UINT8_MAX))                \
  CAST(f##_to_i8, F, int8_t, INT(int8_t, uint8_t, INT8_MIN, INT8_MAX))
#define WRAP(T, U, lo, hi) ((T)(U)x)
#define SATURATE(T, U, lo, hi) ((T)saturate((double)x, lo, hi))
CASTS(u8, uint8_t, WRAP)
CASTS(i8, int8_t, WRAP)
CASTS(i16, int16_t, WRAP)
CASTS(i32, int32_t, WRAP)
CASTS(i64, int64_t, WRAP)
CASTS(f32, float, SATURATE)
CASTS(f64, double, SATURATE)

/* A bool is 0 or 1, whatever byte it arrived as. */
#define FROM_BOOL(t, T) CAST(bool_to_##t, uint8_t, T, (T)(x != 0))
FROM_BOOL(bool, uint8_t)
FROM_BOOL(i16, int16_t)
FROM_BOOL(i32, int32_t)
FROM_BOOL(i64, int64_t)
FROM_BOOL(f32, float)
FROM_BOOL(f64, double)
FROM_BOOL(u8, uint8_t)
FROM_BOOL(i8, int8_t)

enum { KINDS = 8 };
static const uint32_t kinds[KINDS] = {FRT_BOOL, FRT_I16, FRT_I32, FRT_I64,
                                      FRT_F32, FRT_F64, FRT_U8, FRT_I8};
#define TO_ALL(f) \
  {f##_to_bool, f##_to_i16, f##_to_i32, f##_to_i64, f##_to_f32, f##_to_f64, f##_to_u8, f##_to_i8}
static const cast_fn casts[KINDS][KINDS] = {TO_ALL(bool), TO_ALL(i16), TO_ALL(i32),
                                            TO_ALL(i64), TO_ALL(f32), TO_ALL(f64),
                                            TO_ALL(u8), TO_ALL(i8)};

static int kind(int64_t dtype) {
  for (int i = 0; i < KINDS; ++i)
    if (kinds[i] == dtype) return i;
  return -1;
}

typedef struct { cast_fn fn; } cast_t;

static frt_status_t cast_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  const int from = kind(frt_in(op, FRT_CAST_IN_X)->dtype);
  const int to = kind(frt_attr_i64(op, FRT_CAST_ATTR_OUT_DTYPE));
  (void)workspace;
  if (from < 0 || to < 0)
    return frt_fail(err, FRT_UNIMPLEMENTED, "no cast from %s to %s",
                    frt_dtype_name(frt_in(op, FRT_CAST_IN_X)->dtype),
                    frt_dtype_name((uint32_t)frt_attr_i64(op, FRT_CAST_ATTR_OUT_DTYPE)));
  ((cast_t *)state)->fn = casts[from][to];
  return FRT_OK;
}

static frt_reason_t cast_refuse(const frt_op_t *op, char detail[160]) {
  const int64_t to = frt_attr_i64(op, FRT_CAST_ATTR_OUT_DTYPE);
  if (kind(to) >= 0) return FRT_REASON_NONE;
  snprintf(detail, 160, "out_dtype is %s; the kernel has no such output",
           frt_dtype_name((uint32_t)to));
  return FRT_REASON_ATTR;
}

typedef struct {
  cast_fn fn;
  void *out;
  const void *x;
} cast_call_t;

static void cast_piece(void *arg, int64_t lo, int64_t hi) {
  const cast_call_t *c = (const cast_call_t *)arg;
  c->fn(c->out, c->x, lo, hi);
}

static frt_status_t cast_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  cast_call_t c = {((const cast_t *)state)->fn, frt_out(r, FRT_CAST_OUT_OUT)->data,
                   frt_in(r, FRT_CAST_IN_X)->data};
  (void)err;
  frt_cpu_for(r, frt_in_numel(r, FRT_CAST_IN_X), FRT_CPU_GRAIN, cast_piece, &c);
  return FRT_OK;
}

#define CASTABLE \
  (FRT_ANY_DTYPE & ~(FRT_DTYPE_BIT(FRT_F16) | FRT_DTYPE_BIT(FRT_BF16)))
FRT_KERNELS(cpu, cast) = {{"cast", CASTABLE, sizeof(cast_t), cast_prepare, cast_run,
                           FRT_KERNEL_DETERMINISTIC, cast_refuse},
                          FRT_KERNELS_END};
