#include "unary.h"

#include "fluidrt/op_index.h"
#include "vmath.h"

/* NaN stays NaN. */
FRT_CPU_BODY float limited(float x, float lo, float hi) {
  return x < lo ? lo : x > hi ? hi : x;
}
/* sqrt(2 / pi), and the cubic term of gelu's form with tanh. */
#define SQRT_2_OVER_PI 0.797884561f
#define CUBIC 0.044715f
/* The slope of (1 + tanh(...)) * x / 2; t: the tanh. Beyond 20 it is flat, while x^2
 * could overflow. */
FRT_CPU_BODY float tanh_slope(float x, float t) {
  const float y = limited(x, -20.0f, 20.0f);
  return 0.5f * (1.0f + t) +
         0.5f * y * (1.0f - t * t) * (SQRT_2_OVER_PI * (1.0f + 3.0f * CUBIC * y * y));
}

/* A: x, B: what was made of it. */
FRT_CPU_LOOP(minus_abs, A < 0.0f ? A : -A)
FRT_CPU_LOOP(scaled, P * A)
FRT_CPU_LOOP(scaled_q, Q * A)
FRT_CPU_LOOP(over_root_2, 0.707106781f * A)
FRT_CPU_LOOP(cubic, SQRT_2_OVER_PI * (A + CUBIC * A * A * A))
FRT_CPU_LOOP(half_one_more, 0.5f * A * (1.0f + B))
FRT_CPU_LOOP(minus_half_square, -0.5f * A * A)
FRT_CPU_LOOP(density, A * (0.39894228f * B)) /* 1 / sqrt(2 pi) */
FRT_CPU_LOOP(erf_slope, 0.5f * (1.0f + A) + B) /* A: erf, B: x * density */
FRT_CPU_LOOP(gelu_slope, tanh_slope(A, B))
FRT_CPU_LOOP(not_above_0, A > 0.0f ? 0.0f : A)
FRT_CPU_LOOP(elu_join, A > 0.0f ? A : P * B)
FRT_CPU_LOOP(elu_slope, A > 0.0f ? 1.0f : P * B)
FRT_CPU_LOOP(from_0, limited(A, 0.0f, P))
FRT_CPU_LOOP(between, limited(A, P, Q))
FRT_CPU_LOOP(leak, A * (A > 0.0f ? (P > 1.0f ? P : 1.0f) : (P < 1.0f ? P : 1.0f)))
FRT_CPU_LOOP(softplus_join, (A < 0.0f ? 0.0f : A) + B)
FRT_CPU_LOOP(logsigmoid_join, (A < 0.0f ? A : 0.0f) - B)
/* 1 / (1 + e^-x) and 1 / (1 + e^x); B: e^-|x|. */
FRT_CPU_LOOP(logistic, (A < 0.0f ? B : 1.0f) / (1.0f + B))
FRT_CPU_LOOP(logistic_down, (A > 0.0f ? B : 1.0f) / (1.0f + B))
FRT_CPU_LOOP(swish_slope, B * (1.0f + A * (1.0f - B))) /* A: beta * x, B: its logistic */
FRT_CPU_LOOP(softsign, A / (1.0f + __builtin_fabsf(A)))
FRT_CPU_LOOP(shrink, A >= -P && A <= P ? 0.0f : A)
FRT_CPU_LOOP(line, limited(P * A + Q, 0.0f, 1.0f))
/* P: offset, Q: threshold. */
FRT_CPU_LOOP(ramp, limited(A + P, 0.0f, Q))
FRT_CPU_LOOP(ramp_slope, A <= -P ? 0.0f : A < Q - P ? 2.0f * A + P : Q)
FRT_CPU_LOOP(times_over_p, A * B / P)
FRT_CPU_LOOP(stanh_slope, P * Q * (1.0f - A * A))
FRT_CPU_LOOP(minus, A - B)

/* A: Out@GRAD, B: X, Out or the slope. */
FRT_CPU_LOOP(times, A * B)
FRT_CPU_LOOP(times_over_p_or_0, B == 0.0f ? 0.0f : A * B / P)
FRT_CPU_LOOP(times_square, A * (B * B))
FRT_CPU_LOOP(inside_from_0, B > 0.0f && B < P ? A : 0.0f)
FRT_CPU_LOOP(inside, B > P && B < Q ? A : 0.0f)
FRT_CPU_LOOP(inside_1_scaled, B > 0.0f && B < 1.0f ? A * P : 0.0f)
FRT_CPU_LOOP(leak_back, A * (B > 0.0f ? (P > 1.0f ? P : 1.0f) : (P < 1.0f ? P : 1.0f)))
FRT_CPU_LOOP(outside, B >= -P && B <= P ? 0.0f : A)
FRT_CPU_LOOP(softsign_back, A / ((1.0f + __builtin_fabsf(B)) * (1.0f + __builtin_fabsf(B))))
#undef A
#undef B

#define STEP FRT_CPU_STEP
#define STEP_AT FRT_CPU_STEP_AT
#define MATH FRT_CPU_MATH
#define FORWARD FRT_CPU_FORWARD
#define BACKWARD FRT_CPU_BACKWARD
/* Z = e^-|from| */
#define SMALL_EXP(from) STEP(Z, from, from, minus_abs), MATH(Z, Z, frt_cpu_vexp)

static const frt_cpu_unary_t ops[] = {
    {"gelu", FORWARD(GELU),
     .steps = {STEP(Z, X, X, over_root_2), MATH(Z, Z, frt_cpu_verf),
               STEP(O, X, Z, half_one_more)}},
    {"gelu_grad", BACKWARD(GELU_GRAD, X),
     .steps = {STEP(W, X, X, minus_half_square), MATH(W, W, frt_cpu_vexp),
               STEP(W, X, W, density), STEP(Z, X, X, over_root_2),
               MATH(Z, Z, frt_cpu_verf), STEP(Z, Z, W, erf_slope), STEP(O, G, Z, times)}},
    {"elu", FORWARD(ELU), .n_params = 1, .params = {FRT_ELU_ATTR_ALPHA},
     .steps = {STEP(Z, X, X, not_above_0), MATH(Z, Z, frt_cpu_vexpm1),
               STEP(O, X, Z, elu_join)}},
    {"elu_grad", BACKWARD(ELU_GRAD, X), .n_params = 1, .params = {FRT_ELU_GRAD_ATTR_ALPHA},
     .steps = {STEP(Z, X, X, not_above_0), MATH(Z, Z, frt_cpu_vexp),
               STEP(Z, X, Z, elu_slope), STEP(O, G, Z, times)}},
    {"relu6", FORWARD(RELU6), .n_params = 1, .params = {FRT_RELU6_ATTR_THRESHOLD},
     .steps = {STEP(O, X, X, from_0)}},
    {"relu6_grad", BACKWARD(RELU6_GRAD, OUT), .n_params = 1,
     .params = {FRT_RELU6_GRAD_ATTR_THRESHOLD}, .steps = {STEP(O, G, X, inside_from_0)}},
    {"leaky_relu", FORWARD(LEAKY_RELU), .n_params = 1, .params = {FRT_LEAKY_RELU_ATTR_ALPHA},
     .steps = {STEP(O, X, X, leak)}},
    {"leaky_relu_grad", BACKWARD(LEAKY_RELU_GRAD, OUT), .n_params = 1,
     .params = {FRT_LEAKY_RELU_GRAD_ATTR_ALPHA}, .steps = {STEP(O, G, X, leak_back)}},
    {"softplus", FORWARD(SOFTPLUS),
     .steps = {SMALL_EXP(X), MATH(Z, Z, frt_cpu_vlog1p), STEP(O, X, Z, softplus_join)}},
    {"softplus_grad", BACKWARD(SOFTPLUS_GRAD, X),
     .steps = {SMALL_EXP(X), STEP(Z, X, Z, logistic), STEP(O, G, Z, times)}},
    {"logsigmoid", FORWARD(LOGSIGMOID),
     .steps = {SMALL_EXP(X), MATH(Z, Z, frt_cpu_vlog1p), STEP(O, X, Z, logsigmoid_join)}},
    {"logsigmoid_grad", BACKWARD(LOGSIGMOID_GRAD, X),
     .steps = {SMALL_EXP(X), STEP(Z, X, Z, logistic_down), STEP(O, G, Z, times)}},
    {"swish", FORWARD(SWISH), .n_params = 1, .params = {FRT_SWISH_ATTR_BETA},
     .steps = {STEP(W, X, X, scaled), SMALL_EXP(W), STEP(Z, W, Z, logistic),
               STEP(O, X, Z, times)}},
    {"swish_grad", BACKWARD(SWISH_GRAD, X), .n_params = 1,
     .params = {FRT_SWISH_GRAD_ATTR_BETA},
     .steps = {STEP(W, X, X, scaled), SMALL_EXP(W), STEP(Z, W, Z, logistic),
               STEP(Z, W, Z, swish_slope), STEP(O, G, Z, times)}},
    {"softsign", FORWARD(SOFTSIGN), .steps = {STEP(O, X, X, softsign)}},
    {"softsign_grad", BACKWARD(SOFTSIGN_GRAD, X), .steps = {STEP(O, G, X, softsign_back)}},
    {"hard_shrink", FORWARD(HARD_SHRINK), .n_params = 1,
     .params = {FRT_HARD_SHRINK_ATTR_THRESHOLD}, .steps = {STEP(O, X, X, shrink)}},
    {"hard_shrink_grad", BACKWARD(HARD_SHRINK_GRAD, X), .n_params = 1,
     .params = {FRT_HARD_SHRINK_GRAD_ATTR_THRESHOLD}, .steps = {STEP(O, G, X, outside)}},
    {"hard_sigmoid", FORWARD(HARD_SIGMOID), .n_params = 2,
     .params = {FRT_HARD_SIGMOID_ATTR_SLOPE, FRT_HARD_SIGMOID_ATTR_OFFSET},
     .steps = {STEP(O, X, X, line)}},
    {"hard_sigmoid_grad", BACKWARD(HARD_SIGMOID_GRAD, OUT), .n_params = 1,
     .params = {FRT_HARD_SIGMOID_GRAD_ATTR_SLOPE}, .steps = {STEP(O, G, X, inside_1_scaled)}},
    {"hard_swish", FORWARD(HARD_SWISH), .n_params = 3,
     .params = {FRT_HARD_SWISH_ATTR_OFFSET, FRT_HARD_SWISH_ATTR_THRESHOLD,
                FRT_HARD_SWISH_ATTR_SCALE},
     .steps = {STEP(Z, X, X, ramp), STEP_AT(O, X, Z, times_over_p, 2)}},
    {"hard_swish_grad", BACKWARD(HARD_SWISH_GRAD, X), .n_params = 3,
     .params = {FRT_HARD_SWISH_GRAD_ATTR_OFFSET, FRT_HARD_SWISH_GRAD_ATTR_THRESHOLD,
                FRT_HARD_SWISH_GRAD_ATTR_SCALE},
     .steps = {STEP(Z, X, X, ramp_slope), STEP_AT(O, G, Z, times_over_p_or_0, 2)}},
    {"stanh", FORWARD(STANH), .n_params = 2,
     .params = {FRT_STANH_ATTR_SCALE_A, FRT_STANH_ATTR_SCALE_B},
     .steps = {STEP(Z, X, X, scaled), MATH(Z, Z, frt_cpu_vtanh), STEP(O, Z, Z, scaled_q)}},
    {"stanh_grad", BACKWARD(STANH_GRAD, X), .n_params = 2,
     .params = {FRT_STANH_GRAD_ATTR_SCALE_A, FRT_STANH_GRAD_ATTR_SCALE_B},
     .steps = {STEP(Z, X, X, scaled), MATH(Z, Z, frt_cpu_vtanh), STEP(Z, Z, Z, stanh_slope),
               STEP(O, G, Z, times)}},
    {"tanh_shrink", FORWARD(TANH_SHRINK),
     .steps = {MATH(Z, X, frt_cpu_vtanh), STEP(O, X, Z, minus)}},
    {"tanh_shrink_grad", BACKWARD(TANH_SHRINK_GRAD, X),
     .steps = {MATH(Z, X, frt_cpu_vtanh), STEP(O, G, Z, times_square)}},
    {"brelu", FORWARD(BRELU), .n_params = 2,
     .params = {FRT_BRELU_ATTR_T_MIN, FRT_BRELU_ATTR_T_MAX}, .steps = {STEP(O, X, X, between)}},
    {"brelu_grad", BACKWARD(BRELU_GRAD, X), .n_params = 2,
     .params = {FRT_BRELU_GRAD_ATTR_T_MIN, FRT_BRELU_GRAD_ATTR_T_MAX},
     .steps = {STEP(O, G, X, inside)}},
    {0}};

/* gelu with tanh. */
static const frt_cpu_unary_t approximate[] = {
    {"gelu", FORWARD(GELU),
     .steps = {STEP(Z, X, X, cubic), MATH(Z, Z, frt_cpu_vtanh), STEP(O, X, Z, half_one_more)}},
    {"gelu_grad", BACKWARD(GELU_GRAD, X),
     .steps = {STEP(Z, X, X, cubic), MATH(Z, Z, frt_cpu_vtanh), STEP(Z, X, Z, gelu_slope),
               STEP(O, G, Z, times)}},
    {0}};

static frt_status_t unary_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  (void)workspace, (void)err;
  frt_cpu_unary_make((frt_cpu_unary_state_t *)state, ops, op);
  return FRT_OK;
}

#define GELU_PREPARE(stem, OP)                                                            \
  static frt_status_t stem##_prepare(const frt_op_t *op, void *state, uint64_t *workspace, \
                                     frt_error_t *err) {                                  \
    (void)workspace, (void)err;                                                           \
    frt_cpu_unary_make((frt_cpu_unary_state_t *)state,                                    \
                       frt_attr_bool(op, FRT_##OP##_ATTR_APPROXIMATE) ? approximate : ops, \
                       op);                                                               \
    return FRT_OK;                                                                        \
  }
GELU_PREPARE(gelu, GELU)
GELU_PREPARE(gelu_grad, GELU_GRAD)

#define FLAGS (FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
#define ROW(type, prepare) \
  {type, FRT_F32S, sizeof(frt_cpu_unary_state_t), prepare, frt_cpu_unary_run, FLAGS, NULL}
#define BOTH(type) ROW(type, unary_prepare), ROW(type "_grad", unary_prepare)
FRT_KERNELS(cpu, activation_more) = {
    ROW("gelu", gelu_prepare), ROW("gelu_grad", gelu_grad_prepare), BOTH("elu"),
    BOTH("relu6"), BOTH("leaky_relu"), BOTH("softplus"), BOTH("logsigmoid"), BOTH("swish"),
    BOTH("softsign"), BOTH("hard_shrink"), BOTH("hard_sigmoid"), BOTH("hard_swish"),
    BOTH("stanh"), BOTH("tanh_shrink"), BOTH("brelu"), FRT_KERNELS_END};
