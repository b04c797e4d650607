#include "fluidrt/op_index.h"
#include "loop.h"
#include "vmath.h"

/* sqrtf without errno is one instruction; the values are the same. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-math-errno")
#endif

FRT_CPU_LOOP(relu, A < 0.0f ? 0.0f : A) /* NaN stays NaN */
FRT_CPU_LOOP(relu_grad, B > 0.0f ? A : 0.0f)
FRT_CPU_LOOP(tanh_grad, A * (1.0f - B * B))
FRT_CPU_LOOP(sigmoid_grad, A * B * (1.0f - B))
FRT_CPU_LOOP(square, A * A)
FRT_CPU_LOOP(square_grad, A * 2.0f * B)
FRT_CPU_LOOP(root, __builtin_sqrtf(A))
FRT_CPU_LOOP(root_grad, 0.5f * A / B)
FRT_CPU_LOOP(sign, (float)(A > 0.0f) - (float)(A < 0.0f))
/* -|x|; keeps exp from overflowing. */
FRT_CPU_LOOP(minus_abs, A < 0.0f ? A : -A)
/* a: x, b: exp(-|x|). */
FRT_CPU_LOOP(logistic, (A < 0.0f ? B : 1.0f) / (1.0f + B))

FRT_CPU_UNARY_RUN(relu, FRT_RELU_IN_X, FRT_RELU_OUT_OUT, relu)
FRT_CPU_UNARY_RUN(square, FRT_SQUARE_IN_X, FRT_SQUARE_OUT_OUT, square)
FRT_CPU_UNARY_RUN(root, FRT_SQRT_IN_X, FRT_SQRT_OUT_OUT, root)
FRT_CPU_UNARY_RUN(sign, FRT_SIGN_IN_X, FRT_SIGN_OUT_OUT, sign)

/* A: Out@GRAD, B: Out or X. */
#define GRAD_RUN(stem, OP, FROM)                                                  \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r,           \
                                 frt_error_t *err) {                              \
    frt_cpu_ew_t e;                                                               \
    (void)state, (void)err;                                                       \
    if (!frt_has_out(r, FRT_##OP##_GRAD_OUT_X_GRAD)) return FRT_OK;               \
    e = (frt_cpu_ew_t){frt_out_f32(r, FRT_##OP##_GRAD_OUT_X_GRAD),                \
                       frt_in_f32(r, FRT_##OP##_GRAD_IN_OUT_GRAD),                \
                       frt_in_f32(r, FRT_##OP##_GRAD_IN_##FROM), 0, 0};           \
    frt_cpu_for(r, frt_in_numel(r, FRT_##OP##_GRAD_IN_OUT_GRAD), FRT_CPU_GRAIN, stem, \
                &e);                                                              \
    return FRT_OK;                                                                \
  }
GRAD_RUN(relu_grad, RELU, OUT)
GRAD_RUN(tanh_grad, TANH, OUT)
GRAD_RUN(sigmoid_grad, SIGMOID, OUT)
GRAD_RUN(root_grad, SQRT, OUT)
GRAD_RUN(square_grad, SQUARE, X)

static void tanh_piece(void *arg, int64_t lo, int64_t hi) {
  const frt_cpu_ew_t *e = (const frt_cpu_ew_t *)arg;
  frt_cpu_vtanh(e->o + lo, e->a + lo, hi - lo);
}

/* In strips, because the input is needed again and may be the output. */
static void sigmoid_piece(void *arg, int64_t lo, int64_t hi) {
  const frt_cpu_ew_t *e = (const frt_cpu_ew_t *)arg;
  float z[256];
  for (int64_t at = lo; at < hi; at += 256) {
    const int64_t n = hi - at < 256 ? hi - at : 256;
    frt_cpu_ew_t strip = {z, e->a + at, NULL, 0, 0};
    minus_abs(&strip, 0, n);
    frt_cpu_vexp(z, z, n);
    strip = (frt_cpu_ew_t){e->o + at, e->a + at, z, 0, 0};
    logistic(&strip, 0, n);
  }
}

#define MATH_RUN(stem, OP)                                                       \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r,          \
                                 frt_error_t *err) {                             \
    frt_cpu_ew_t e = {frt_out_f32(r, FRT_##OP##_OUT_OUT),                        \
                      frt_in_f32(r, FRT_##OP##_IN_X), NULL, 0, 0};               \
    (void)state, (void)err;                                                      \
    frt_cpu_for(r, frt_in_numel(r, FRT_##OP##_IN_X), FRT_CPU_GRAIN_MATH,         \
                stem##_piece, &e);                                               \
    return FRT_OK;                                                               \
  }
MATH_RUN(tanh, TANH)
MATH_RUN(sigmoid, SIGMOID)

#define ROW(type, stem) FRT_KERNEL_PLAIN(type, FRT_F32S, stem, FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
FRT_KERNELS(cpu, activation) = {
    ROW("relu", relu), ROW("relu_grad", relu_grad),
    ROW("tanh", tanh), ROW("tanh_grad", tanh_grad),
    ROW("sigmoid", sigmoid), ROW("sigmoid_grad", sigmoid_grad),
    ROW("sqrt", root), ROW("sqrt_grad", root_grad),
    ROW("square", square), ROW("square_grad", square_grad),
    ROW("sign", sign),
    FRT_KERNELS_END};
