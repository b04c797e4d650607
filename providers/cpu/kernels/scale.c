#include "fluidrt/op_index.h"
#include "loop.h"

/* ---- scale ------------------------------------------------------------------------ */

FRT_CPU_LOOP(scale_then, P * A + Q)
FRT_CPU_LOOP(bias_then, P * (A + Q))

typedef struct {
  float scale, bias;
  int32_t after;
} scale_t;

static frt_status_t scale_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  scale_t *s = (scale_t *)state;
  (void)workspace, (void)err;
  s->scale = frt_attr_f32(op, FRT_SCALE_ATTR_SCALE);
  s->bias = frt_attr_f32(op, FRT_SCALE_ATTR_BIAS);
  s->after = frt_attr_bool(op, FRT_SCALE_ATTR_BIAS_AFTER_SCALE);
  return FRT_OK;
}
static frt_status_t scale_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const scale_t *s = (const scale_t *)state;
  frt_cpu_ew_t e = {frt_out_f32(r, FRT_SCALE_OUT_OUT), frt_in_f32(r, FRT_SCALE_IN_X), NULL,
                    s->scale, s->bias};
  (void)err;
  frt_cpu_for(r, frt_in_numel(r, FRT_SCALE_IN_X), FRT_CPU_GRAIN,
              s->after ? scale_then : bias_then, &e);
  return FRT_OK;
}

/* Truncates, saturates, NaN gives 0. */
static int64_t to_int(double x, int64_t lo, int64_t hi) {
  if (x != x) return 0;
  if (x <= (double)lo) return lo;
  if (x >= (double)hi) return hi;
  return (int64_t)x;
}

/* Integers: the attributes are converted first, as Fluid does, and all wraps around. */
#define SCALE_INT(name, T, U, least, most)                                             \
  static frt_status_t name##_run(const void *state, const frt_run_t *r,                \
                                 frt_error_t *err) {                                   \
    const scale_t *s = (const scale_t *)state;                                         \
    const U scale = (U)to_int((double)s->scale, least, most);                          \
    const U bias = (U)to_int((double)s->bias, least, most);                            \
    const T *x = (const T *)frt_in(r, FRT_SCALE_IN_X)->data;                           \
    T *out = (T *)frt_out(r, FRT_SCALE_OUT_OUT)->data;                                 \
    (void)err;                                                                         \
    for (int64_t i = 0, n = frt_in_numel(r, FRT_SCALE_IN_X); i < n; ++i)               \
      out[i] = (T)(s->after ? scale * (U)x[i] + bias : scale * ((U)x[i] + bias));      \
    return FRT_OK;                                                                     \
  }
SCALE_INT(scale_i32, int32_t, uint32_t, INT32_MIN, INT32_MAX)
SCALE_INT(scale_i64, int64_t, uint64_t, INT64_MIN, INT64_MAX)

/* ---- sum ---------------------------------------------------------------------------- */

FRT_CPU_LOOP(add, A + B)

enum { STRIP = 1024 };

/* Out may be any of the inputs: a strip is complete before it is stored. */
static void sum_piece(void *arg, int64_t lo, int64_t hi) {
  const frt_run_t *r = (const frt_run_t *)arg;
  const uint32_t count = r->in[FRT_SUM_IN_X].count;
  float acc[STRIP];
  for (int64_t at = lo; at < hi; at += STRIP) {
    const int64_t n = hi - at < STRIP ? hi - at : STRIP;
    frt_cpu_ew_t e = {acc, (const float *)frt_in_at(r, FRT_SUM_IN_X, 0)->data + at, NULL, 0, 0};
    for (uint32_t k = 1; k < count; ++k) {
      e.b = (const float *)frt_in_at(r, FRT_SUM_IN_X, k)->data + at;
      if (k + 1 == count) e.o = frt_out_f32(r, FRT_SUM_OUT_OUT) + at;
      add(&e, 0, n);
      e.a = acc;
    }
  }
}

static frt_status_t sum_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const uint32_t count = r->in[FRT_SUM_IN_X].count;
  const int64_t n = frt_out_numel(r, FRT_SUM_OUT_OUT);
  frt_cpu_ew_t e = {frt_out_f32(r, FRT_SUM_OUT_OUT), frt_in_f32(r, FRT_SUM_IN_X), NULL, 0, 0};
  frt_run_t run = *r;
  (void)state, (void)err;
  if (count == 1) {
    if (n && e.o != e.a) memmove(e.o, e.a, (size_t)n * sizeof *e.o);
  } else if (count == 2) {
    e.b = (const float *)frt_in_at(r, FRT_SUM_IN_X, 1)->data;
    frt_cpu_for(r, n, FRT_CPU_GRAIN, add, &e);
  } else {
    frt_cpu_for(r, n, FRT_CPU_GRAIN, sum_piece, &run);
  }
  return FRT_OK;
}

#define SUM_INT(name, U)                                                               \
  static frt_status_t name##_run(const void *state, const frt_run_t *r,                \
                                 frt_error_t *err) {                                   \
    U *out = (U *)frt_out(r, FRT_SUM_OUT_OUT)->data;                                   \
    (void)state, (void)err;                                                            \
    for (int64_t i = 0, n = frt_out_numel(r, FRT_SUM_OUT_OUT); i < n; ++i) {           \
      U acc = 0;                                                                       \
      for (uint32_t k = 0; k < r->in[FRT_SUM_IN_X].count; ++k)                         \
        acc += ((const U *)frt_in_at(r, FRT_SUM_IN_X, k)->data)[i];                    \
      out[i] = acc;                                                                    \
    }                                                                                  \
    return FRT_OK;                                                                     \
  }
SUM_INT(sum_i32, uint32_t)
SUM_INT(sum_i64, uint64_t)

/* ---- increment, assign ---------------------------------------------------------------- */

typedef struct { float step; } increment_t;

static frt_status_t increment_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                      frt_error_t *err) {
  (void)workspace, (void)err;
  ((increment_t *)state)->step = frt_attr_f32(op, FRT_INCREMENT_ATTR_STEP);
  return FRT_OK;
}
static frt_status_t increment_run(const void *state, const frt_run_t *r,
                                  frt_error_t *err) {
  const float step = ((const increment_t *)state)->step;
  const frt_api_tensor_t *x = frt_in(r, FRT_INCREMENT_IN_X);
  void *out = frt_out(r, FRT_INCREMENT_OUT_OUT)->data;
  (void)err;
  for (int64_t i = 0; i < x->numel; ++i) {
    if (x->dtype == FRT_F32) ((float *)out)[i] = ((const float *)x->data)[i] + step;
    else if (x->dtype == FRT_I64)
      ((uint64_t *)out)[i] = ((const uint64_t *)x->data)[i] +
                             (uint64_t)to_int((double)step, INT64_MIN, INT64_MAX);
    else
      ((uint32_t *)out)[i] = ((const uint32_t *)x->data)[i] +
                             (uint32_t)to_int((double)step, INT32_MIN, INT32_MAX);
  }
  return FRT_OK;
}

static frt_status_t assign_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(r, FRT_ASSIGN_IN_X);
  const frt_api_tensor_t *out = frt_out(r, FRT_ASSIGN_OUT_OUT);
  (void)state, (void)err;
  if (x->bytes && out->data != x->data) memcpy(out->data, x->data, (size_t)x->bytes);
  return FRT_OK;
}

/* ---- decay: the rounding of Fluid's scale, then sum ------------------------------------ */

FRT_CPU_LOOP(decay_l2, A + (P * B + 0.0f))
FRT_CPU_LOOP(decay_l1, A + (P * ((float)(B > 0.0f) - (float)(B < 0.0f)) + 0.0f))

typedef struct {
  float coeff;
  int32_t l1;
} decay_t;

static frt_status_t decay_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  decay_t *s = (decay_t *)state;
  (void)workspace, (void)err;
  s->coeff = frt_attr_f32(op, FRT_DECAY_ATTR_COEFF);
  s->l1 = !strcmp(frt_attr_str(op, FRT_DECAY_ATTR_MODE), "l1");
  return FRT_OK;
}
static frt_status_t decay_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const decay_t *s = (const decay_t *)state;
  frt_cpu_ew_t e = {frt_out_f32(r, FRT_DECAY_OUT_OUT), frt_in_f32(r, FRT_DECAY_IN_GRAD),
                    frt_in_f32(r, FRT_DECAY_IN_PARAM), s->coeff, 0};
  (void)err;
  frt_cpu_for(r, frt_out_numel(r, FRT_DECAY_OUT_OUT), FRT_CPU_GRAIN,
              s->l1 ? decay_l1 : decay_l2, &e);
  return FRT_OK;
}

#define FLAGS (FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
#define I32S FRT_DTYPE_BIT(FRT_I32)
FRT_KERNELS(cpu, scale) = {
    FRT_KERNEL("scale", FRT_F32S, scale, FLAGS),
    {"scale", I32S, sizeof(scale_t), scale_prepare, scale_i32_run, FLAGS, NULL},
    {"scale", FRT_I64S, sizeof(scale_t), scale_prepare, scale_i64_run, FLAGS, NULL},
    FRT_KERNEL_PLAIN("sum", FRT_F32S, sum, FLAGS),
    FRT_KERNEL_PLAIN("sum", I32S, sum_i32, FLAGS),
    FRT_KERNEL_PLAIN("sum", FRT_I64S, sum_i64, FLAGS),
    FRT_KERNEL("increment", FRT_F32S | FRT_INTS, increment, FLAGS),
    FRT_KERNEL_PLAIN("assign", FRT_ANY_DTYPE, assign, FLAGS),
    FRT_KERNEL("decay", FRT_F32S, decay, FLAGS),
    FRT_KERNELS_END};
