#include "unary.h"

#define TWO_OVER_SQRT_PI 1.1283791670955126

static double sign_of(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; }

/* Values whose error follows their own size. */
#define OWN(stem, OP, VALUE) REF_UNARY(stem, OP, VALUE, fabs(v), REF_NO_ATTRS)
#define OWN_BACK(stem, OP, FROM, VALUE) \
  REF_BACKWARD(stem, OP, FROM, VALUE, fabs(v), REF_NO_ATTRS)

OWN(abs_of, ABS, fabs(x))
OWN(exp_of, EXP, exp(x))
OWN(log_of, LOG, log(x))
OWN(floor_of, FLOOR, floor(x))
OWN(ceil_of, CEIL, ceil(x))
OWN(round_of, ROUND, round(x))
OWN(sin_of, SIN, sin(x))
OWN(cos_of, COS, cos(x))
OWN(atan_of, ATAN, atan(x))
OWN(erf_of, ERF, erf(x))
OWN(rsqrt_of, RSQRT, 1.0 / sqrt(x))
OWN(reciprocal_of, RECIPROCAL, 1.0 / x)

OWN_BACK(abs_grad, ABS_GRAD, X, sign_of(x) != 0 ? g * sign_of(x) : 0.0)
OWN_BACK(exp_grad, EXP_GRAD, OUT, g * x)
OWN_BACK(log_grad, LOG_GRAD, X, g / x)
OWN_BACK(sin_grad, SIN_GRAD, X, g * cos(x))
OWN_BACK(cos_grad, COS_GRAD, X, -g * sin(x))
OWN_BACK(atan_grad, ATAN_GRAD, X, g / (1.0 + x * x))
/* The rounding of x^2 comes back x^2 times in the exponential. */
REF_BACKWARD(erf_grad, ERF_GRAD, X, g * (TWO_OVER_SQRT_PI * exp(-x * x)),
             fabs(v) * (1.0 + x * x), REF_NO_ATTRS)
OWN_BACK(rsqrt_grad, RSQRT_GRAD, OUT, -0.5 * g * (x * x * x))
OWN_BACK(reciprocal_grad, RECIPROCAL_GRAD, OUT, -g * (x * x))

static frt_status_t zero_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *dx = ref_out(c, FRT_FLOOR_GRAD_OUT_X_GRAD);
  (void)err;
  for (int64_t i = 0; dx && i < dx->n; ++i) ref_put_own(dx, i, 0.0);
  return FRT_OK;
}

static double factor_of(const ref_call_t *c, int slot, int attr) {
  const ref_tensor_t *t = ref_in(c, slot);
  return t ? t->v[0] : (double)frt_attr_f32(c->op, attr);
}

/* A product is rounded once; pow of a C library may be an ulp off. */
static double power(double x, double f) { return f == 1 ? x : f == 2 ? x * x : pow(x, f); }

static frt_status_t pow_of(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_POW_IN_X), *out = ref_out(c, FRT_POW_OUT_OUT);
  const double f = factor_of(c, FRT_POW_IN_FACTORTENSOR, FRT_POW_ATTR_FACTOR);
  (void)err;
  for (int64_t i = 0; i < x->n; ++i) ref_put_own(out, i, power(x->v[i], f));
  return FRT_OK;
}

static frt_status_t pow_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_POW_GRAD_IN_X);
  const ref_tensor_t *g = ref_in(c, FRT_POW_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_POW_GRAD_OUT_X_GRAD);
  const double f = factor_of(c, FRT_POW_GRAD_IN_FACTORTENSOR, FRT_POW_GRAD_ATTR_FACTOR);
  (void)err;
  for (int64_t i = 0; dx && i < x->n; ++i) {
    const double v = f == 0 ? 0.0 : g->v[i] * (f * power(x->v[i], f - 1.0));
    /* The rounding of factor - 1 comes back as often as the logarithm says. */
    const double more = x->v[i] > 0 ? fabs((f - 1.0) * log(x->v[i])) : 0.0;
    ref_put(dx, i, v, fabs(v) * (1.0 + more));
  }
  return FRT_OK;
}

#define ROW(type, fn) {type, FRT_FLOATS, fn, NULL, 0}
REF_KERNELS(unary_math) = {ROW("abs", abs_of), ROW("abs_grad", abs_grad),
                           ROW("exp", exp_of), ROW("exp_grad", exp_grad),
                           ROW("log", log_of), ROW("log_grad", log_grad),
                           ROW("floor", floor_of), ROW("floor_grad", zero_grad),
                           ROW("ceil", ceil_of), ROW("ceil_grad", zero_grad),
                           ROW("round", round_of), ROW("round_grad", zero_grad),
                           ROW("sin", sin_of), ROW("sin_grad", sin_grad),
                           ROW("cos", cos_of), ROW("cos_grad", cos_grad),
                           ROW("atan", atan_of), ROW("atan_grad", atan_grad),
                           ROW("erf", erf_of), ROW("erf_grad", erf_grad),
                           ROW("rsqrt", rsqrt_of), ROW("rsqrt_grad", rsqrt_grad),
                           ROW("reciprocal", reciprocal_of),
                           ROW("reciprocal_grad", reciprocal_grad),
                           ROW("pow", pow_of), ROW("pow_grad", pow_grad),
                           REF_END};
