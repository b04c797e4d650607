#include "unary.h"

#include <string.h>

#include "fluidrt/op_index.h"
#include "vmath.h"

/* Halves away from zero. The fraction is exact; an infinity leaves NaN, which compares
 * false. */
FRT_CPU_BODY float rounded(float x) {
  const float t = __builtin_truncf(x);
  return __builtin_fabsf(x - t) >= 0.5f ? t + __builtin_copysignf(1.0f, x) : t;
}

FRT_CPU_LOOP(absolute, __builtin_fabsf(A))
FRT_CPU_LOOP(below, __builtin_floorf(A))
FRT_CPU_LOOP(above, __builtin_ceilf(A))
FRT_CPU_LOOP(nearest, rounded(A))
FRT_CPU_LOOP(inverse_root, 1.0f / __builtin_sqrtf(A))
FRT_CPU_LOOP(inverse, 1.0f / A)
FRT_CPU_LOOP(copy, A)
FRT_CPU_LOOP(squared, A * A)
FRT_CPU_LOOP(fill, P)

/* A: Out@GRAD, B: X, Out or what was made of it. */
FRT_CPU_LOOP(by_sign, B > 0.0f ? A : B < 0.0f ? -A : 0.0f)
FRT_CPU_LOOP(times, A * B)
FRT_CPU_LOOP(minus_times, -A * B)
FRT_CPU_LOOP(over, A / B)
FRT_CPU_LOOP(over_square_and_one, A / (1.0f + B * B))
FRT_CPU_LOOP(minus_square, -A * A)
FRT_CPU_LOOP(times_bell, A * (1.12837917f * B)) /* 2 / sqrt(pi) */
FRT_CPU_LOOP(minus_half_cube, -0.5f * A * (B * B * B))
FRT_CPU_LOOP(minus_times_square, -A * (B * B))
FRT_CPU_LOOP(times_factor, A * (P * B))
#undef A
#undef B

#define STEP FRT_CPU_STEP
#define MATH FRT_CPU_MATH
#define FORWARD FRT_CPU_FORWARD
#define BACKWARD FRT_CPU_BACKWARD
static const frt_cpu_unary_t ops[] = {
    {"abs", FORWARD(ABS), .steps = {STEP(O, X, X, absolute)}},
    {"abs_grad", BACKWARD(ABS_GRAD, X), .steps = {STEP(O, G, X, by_sign)}},
    {"exp", FORWARD(EXP), .steps = {MATH(O, X, frt_cpu_vexp)}},
    {"exp_grad", BACKWARD(EXP_GRAD, OUT), .steps = {STEP(O, G, X, times)}},
    {"log", FORWARD(LOG), .steps = {MATH(O, X, frt_cpu_vlog)}},
    {"log_grad", BACKWARD(LOG_GRAD, X), .steps = {STEP(O, G, X, over)}},
    {"floor", FORWARD(FLOOR), .steps = {STEP(O, X, X, below)}},
    {"ceil", FORWARD(CEIL), .steps = {STEP(O, X, X, above)}},
    {"round", FORWARD(ROUND), .steps = {STEP(O, X, X, nearest)}},
    {"sin", FORWARD(SIN), .steps = {MATH(O, X, frt_cpu_vsin)}},
    {"sin_grad", BACKWARD(SIN_GRAD, X),
     .steps = {MATH(Z, X, frt_cpu_vcos), STEP(O, G, Z, times)}},
    {"cos", FORWARD(COS), .steps = {MATH(O, X, frt_cpu_vcos)}},
    {"cos_grad", BACKWARD(COS_GRAD, X),
     .steps = {MATH(Z, X, frt_cpu_vsin), STEP(O, G, Z, minus_times)}},
    {"atan", FORWARD(ATAN), .steps = {MATH(O, X, frt_cpu_vatan)}},
    {"atan_grad", BACKWARD(ATAN_GRAD, X), .steps = {STEP(O, G, X, over_square_and_one)}},
    {"erf", FORWARD(ERF), .steps = {MATH(O, X, frt_cpu_verf)}},
    {"erf_grad", BACKWARD(ERF_GRAD, X),
     .steps = {STEP(Z, X, X, minus_square), MATH(Z, Z, frt_cpu_vexp),
               STEP(O, G, Z, times_bell)}},
    {"rsqrt", FORWARD(RSQRT), .steps = {STEP(O, X, X, inverse_root)}},
    {"rsqrt_grad", BACKWARD(RSQRT_GRAD, OUT), .steps = {STEP(O, G, X, minus_half_cube)}},
    {"reciprocal", FORWARD(RECIPROCAL), .steps = {STEP(O, X, X, inverse)}},
    {"reciprocal_grad", BACKWARD(RECIPROCAL_GRAD, OUT),
     .steps = {STEP(O, G, X, minus_times_square)}},
    {0}};

static frt_status_t unary_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  (void)workspace, (void)err;
  frt_cpu_unary_make((frt_cpu_unary_state_t *)state, ops, op);
  return FRT_OK;
}

static frt_status_t zero_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  (void)state, (void)err;
  if (frt_has_out(r, FRT_FLOOR_GRAD_OUT_X_GRAD) &&
      frt_out_numel(r, FRT_FLOOR_GRAD_OUT_X_GRAD))
    memset(frt_out(r, FRT_FLOOR_GRAD_OUT_X_GRAD)->data, 0,
           (size_t)frt_out(r, FRT_FLOOR_GRAD_OUT_X_GRAD)->bytes);
  return FRT_OK;
}

/* ---- pow: the factor may be a tensor, so that run picks the steps ------------------- */

static const frt_cpu_unary_t pow_first = {"pow", FORWARD(POW), .steps = {STEP(O, X, X, copy)}};
static const frt_cpu_unary_t pow_second = {"pow", FORWARD(POW),
                                           .steps = {STEP(O, X, X, squared)}};
static const frt_cpu_unary_t pow_any = {
    "pow", FORWARD(POW), .steps = {STEP(Z, X, X, fill), FRT_CPU_MATH2(O, X, Z, frt_cpu_vpow)}};
/* Parameters: factor, factor - 1. */
static const frt_cpu_unary_t pow_grad_zero = {"pow_grad", BACKWARD(POW_GRAD, X),
                                              .steps = {STEP(O, G, X, fill)}};
static const frt_cpu_unary_t pow_grad_any = {
    "pow_grad", BACKWARD(POW_GRAD, X),
    .steps = {FRT_CPU_STEP_AT(Z, X, X, fill, 1), FRT_CPU_MATH2(Z, X, Z, frt_cpu_vpow),
              STEP(O, G, Z, times_factor)}};

typedef struct { float factor; } pow_t;
typedef pow_t pow_grad_t;

static frt_status_t pow_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                frt_error_t *err) {
  (void)workspace, (void)err;
  ((pow_t *)state)->factor = frt_attr_f32(op, FRT_POW_ATTR_FACTOR);
  return FRT_OK;
}
static frt_status_t pow_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const float f = frt_has_in(r, FRT_POW_IN_FACTORTENSOR)
                      ? frt_in_f32(r, FRT_POW_IN_FACTORTENSOR)[0]
                      : ((const pow_t *)state)->factor;
  const frt_cpu_unary_state_t s = {
      f == 1.0f ? &pow_first : f == 2.0f ? &pow_second : &pow_any, {f}};
  return frt_cpu_unary_run(&s, r, err);
}

static frt_status_t pow_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                     frt_error_t *err) {
  (void)workspace, (void)err;
  ((pow_grad_t *)state)->factor = frt_attr_f32(op, FRT_POW_GRAD_ATTR_FACTOR);
  return FRT_OK;
}
static frt_status_t pow_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const float f = frt_has_in(r, FRT_POW_GRAD_IN_FACTORTENSOR)
                      ? frt_in_f32(r, FRT_POW_GRAD_IN_FACTORTENSOR)[0]
                      : ((const pow_grad_t *)state)->factor;
  const frt_cpu_unary_state_t s = {f == 0.0f ? &pow_grad_zero : &pow_grad_any,
                                   {f, f - 1.0f}};
  return frt_cpu_unary_run(&s, r, err);
}

typedef frt_cpu_unary_state_t unary_t;
#define unary_run frt_cpu_unary_run
#define FLAGS (FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
#define ROW(type) FRT_KERNEL(type, FRT_F32S, unary, FLAGS)
#define BOTH(type) ROW(type), ROW(type "_grad")
#define STEPS(type) ROW(type), FRT_KERNEL_PLAIN(type "_grad", FRT_F32S, zero, FLAGS)
FRT_KERNELS(cpu, unary_math) = {BOTH("abs"), BOTH("exp"), BOTH("log"), STEPS("floor"),
                                STEPS("ceil"), STEPS("round"), BOTH("sin"), BOTH("cos"),
                                BOTH("atan"), BOTH("erf"), BOTH("rsqrt"), BOTH("reciprocal"),
                                FRT_KERNEL("pow", FRT_F32S, pow, FLAGS),
                                FRT_KERNEL("pow_grad", FRT_F32S, pow_grad, FLAGS),
                                FRT_KERNELS_END};
