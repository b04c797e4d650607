#include "ref.h"

typedef double (*fn1_t)(double x);

/* Unary ops: X -> Out. Each function is its own bound's scale: the relative error
 * of the result is a few units in the last place. */
static frt_status_t unary(const ref_call_t *c, fn1_t fn) {
  const ref_tensor_t *x = ref_in(c, FRT_RELU_IN_X), *out = ref_out(c, FRT_RELU_OUT_OUT);
  for (int64_t i = 0; i < x->n; ++i) ref_put_own(out, i, fn(x->v[i]));
  return FRT_OK;
}

static double relu_of(double x) { return x < 0 ? 0.0 : x; } /* NaN stays NaN */
static double sigmoid_of(double x) { return 1.0 / (1.0 + exp(-x)); }
static double square_of(double x) { return x * x; }
static double sign_of(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; }

#define UNARY(name, fn)                                             \
  static frt_status_t name(const ref_call_t *c, frt_error_t *err) { \
    (void)err;                                                      \
    return unary(c, fn);                                            \
  }
UNARY(relu, relu_of)
UNARY(tanh_run, tanh)
UNARY(sigmoid, sigmoid_of)
UNARY(sqrt_run, sqrt)
UNARY(square, square_of)
UNARY(sign, sign_of)

static frt_status_t square_ints(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_SQUARE_IN_X), *out = ref_out(c, FRT_SQUARE_OUT_OUT);
  (void)err;
  for (int64_t i = 0; i < x->n; ++i) out->i[i] = ref_mul(x->i[i], x->i[i]);
  return FRT_OK;
}

/* ---- gradients ------------------------------------------------------------------ */

typedef struct {
  double v, mag;
} term_t;
typedef term_t (*grad_t)(double g, double from);

/* from: the forward op's Out, or its X. */
static frt_status_t backward(const ref_call_t *c, int grad, int from, int to, grad_t fn) {
  const ref_tensor_t *g = ref_in(c, grad), *f = ref_in(c, from), *dx = ref_out(c, to);
  for (int64_t i = 0; dx && i < g->n; ++i) {
    const term_t t = fn(g->v[i], f->v[i]);
    ref_put(dx, i, t.v, t.mag);
  }
  return FRT_OK;
}

static term_t relu_back(double g, double out) {
  const term_t t = {out > 0 ? g : 0.0, out > 0 ? fabs(g) : 0.0};
  return t;
}
static term_t tanh_back(double g, double out) {
  const term_t t = {g * (1.0 - out * out), fabs(g) * (1.0 + out * out)};
  return t;
}
static term_t sigmoid_back(double g, double out) {
  const term_t t = {g * out * (1.0 - out), fabs(g * out) * (1.0 + fabs(out))};
  return t;
}
static term_t sqrt_back(double g, double out) {
  const term_t t = {0.5 * g / out, fabs(0.5 * g / out)};
  return t;
}
static term_t square_back(double g, double x) {
  const term_t t = {2.0 * g * x, fabs(2.0 * g * x)};
  return t;
}

#define BACKWARD(name, OP, FROM, fn)                                        \
  static frt_status_t name(const ref_call_t *c, frt_error_t *err) {         \
    (void)err;                                                              \
    return backward(c, FRT_##OP##_GRAD_IN_OUT_GRAD, FRT_##OP##_GRAD_IN_##FROM, \
                    FRT_##OP##_GRAD_OUT_X_GRAD, fn);                        \
  }
BACKWARD(relu_grad, RELU, OUT, relu_back)
BACKWARD(tanh_grad, TANH, OUT, tanh_back)
BACKWARD(sigmoid_grad, SIGMOID, OUT, sigmoid_back)
BACKWARD(sqrt_grad, SQRT, OUT, sqrt_back)
BACKWARD(square_grad, SQUARE, X, square_back)

REF_KERNELS(activation) = {{"relu", FRT_FLOATS, relu, NULL, 0},
                           {"tanh", FRT_FLOATS, tanh_run, NULL, 0},
                           {"sigmoid", FRT_FLOATS, sigmoid, NULL, 0},
                           {"sqrt", FRT_FLOATS, sqrt_run, NULL, 0},
                           {"square", FRT_NUMBERS, square, square_ints, 0},
                           {"sign", FRT_FLOATS, sign, NULL, 0},
                           {"relu_grad", FRT_FLOATS, relu_grad, NULL, 0},
                           {"tanh_grad", FRT_FLOATS, tanh_grad, NULL, 0},
                           {"sigmoid_grad", FRT_FLOATS, sigmoid_grad, NULL, 0},
                           {"sqrt_grad", FRT_FLOATS, sqrt_grad, NULL, 0},
                           {"square_grad", FRT_FLOATS, square_grad, NULL, 0},
                           REF_END};
