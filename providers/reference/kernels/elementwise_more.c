#include "ref.h"

/* The four forward ops have the same slots in the same places, and so have the two
 * gradients. */
typedef double (*fn2_t)(double x, double y);
typedef int64_t (*int2_t)(int64_t x, int64_t y);
enum { X = FRT_ELEMENTWISE_MIN_IN_X, Y = FRT_ELEMENTWISE_MIN_IN_Y,
       OUT = FRT_ELEMENTWISE_MIN_OUT_OUT, AXIS = FRT_ELEMENTWISE_MIN_ATTR_AXIS };

static double smaller(double x, double y) { return x < y ? x : y; }
static double power(double x, double y) { return pow(x, y); }
static double modulo(double x, double y) {
  const double r = fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

static int64_t int_min(int64_t x, int64_t y) { return x < y ? x : y; }
static int64_t int_mod(int64_t x, int64_t y) {
  const int64_t r = y == -1 ? 0 : x % y;
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static int64_t int_div(int64_t x, int64_t y) { return y == -1 ? ref_sub(0, x) : x / y; }
static int64_t int_pow(int64_t x, int64_t y) {
  int64_t r = 1;
  if (y < 0) return x == 1 ? 1 : x == -1 ? (y % 2 ? -1 : 1) : 0;
  for (; y; y /= 2) {
    if (y % 2) r = ref_mul(r, x);
    x = ref_mul(x, x);
  }
  return r;
}

static ref_broadcast_t forward_map(const ref_call_t *c) {
  return frt_reference_broadcast(ref_in(c, X)->meta, ref_in(c, Y)->meta,
                                 ref_out(c, OUT)->meta, frt_attr_i64(c->op, AXIS));
}

static frt_status_t forward(const ref_call_t *c, fn2_t fn) {
  const ref_tensor_t *x = ref_in(c, X), *y = ref_in(c, Y);
  const ref_broadcast_t b = forward_map(c);
  int64_t xi, yi;
  for (int64_t i = 0; i < b.n; ++i) {
    frt_reference_locate(&b, i, &xi, &yi);
    ref_put_own(ref_out(c, OUT), i, fn(x->v[xi], y->v[yi]));
  }
  return FRT_OK;
}

static int64_t whole(const ref_tensor_t *t, int64_t at) {
  return t->i ? t->i[at] : ref_to_i64(t->v[at], INT64_MIN, INT64_MAX);
}

/* In the integer form, and for the oracle, whose doubles hold integers. */
static frt_status_t forward_ints(const ref_call_t *c, int2_t fn) {
  const ref_tensor_t *x = ref_in(c, X), *y = ref_in(c, Y), *out = ref_out(c, OUT);
  const ref_broadcast_t b = forward_map(c);
  int64_t xi, yi;
  for (int64_t i = 0; i < b.n; ++i) {
    frt_reference_locate(&b, i, &xi, &yi);
    const int64_t v = fn(whole(x, xi), whole(y, yi));
    if (out->i) out->i[i] = v;
    else ref_put_own(out, i, (double)v);
  }
  return FRT_OK;
}

static frt_status_t check_divisor(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *y = ref_in(c, Y);
  for (int64_t i = 0; i < y->n && ref_in(c, X)->n; ++i)
    if (whole(y, i) == 0)
      return frt_fail(err, FRT_OUT_OF_RANGE,
                      "Y: element %lld is 0; an integer divisor must not be",
                      (long long)i);
  return FRT_OK;
}

/* 0 to a negative power is a division by zero. */
static frt_status_t check_power(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, X), *y = ref_in(c, Y);
  const ref_broadcast_t b = forward_map(c);
  int64_t xi, yi;
  for (int64_t i = 0; i < b.n; ++i) {
    frt_reference_locate(&b, i, &xi, &yi);
    if (whole(x, xi) == 0 && whole(y, yi) < 0)
      return frt_fail(err, FRT_OUT_OF_RANGE,
                      "Y: element %lld is %lld where X is 0; an integer has no such power",
                      (long long)yi, (long long)whole(y, yi));
  }
  return FRT_OK;
}

static int is_int(const ref_call_t *c) { return ref_is_int(ref_in(c, X)->meta->dtype); }

static frt_status_t min_run(const ref_call_t *c, frt_error_t *err) {
  (void)err;
  return forward(c, smaller);
}
static frt_status_t min_ints(const ref_call_t *c, frt_error_t *err) {
  (void)err;
  return forward_ints(c, int_min);
}
static frt_status_t pow_ints(const ref_call_t *c, frt_error_t *err) {
  FRT_TRY(check_power(c, err));
  return forward_ints(c, int_pow);
}
static frt_status_t pow_run(const ref_call_t *c, frt_error_t *err) {
  return is_int(c) ? pow_ints(c, err) : forward(c, power);
}
static frt_status_t mod_ints(const ref_call_t *c, frt_error_t *err) {
  FRT_TRY(check_divisor(c, err));
  return forward_ints(c, int_mod);
}
static frt_status_t mod_run(const ref_call_t *c, frt_error_t *err) {
  return is_int(c) ? mod_ints(c, err) : forward(c, modulo);
}
static frt_status_t floordiv_ints(const ref_call_t *c, frt_error_t *err) {
  FRT_TRY(check_divisor(c, err));
  return forward_ints(c, int_div);
}

/* ---- gradients: a term per output element, summed over broadcast places ---------- */

typedef double (*grad_t)(double g, double x, double y);
static double min_dx(double g, double x, double y) { return x < y ? g : 0.0; }
static double min_dy(double g, double x, double y) {
  return x >= y ? g : 0.0; /* a tie goes to Y */
}
static double pow_dx(double g, double x, double y) { return g * y * pow(x, y - 1); }
static double pow_dy(double g, double x, double y) { return g * log(x) * pow(x, y); }

static void add_term(const ref_tensor_t *t, int64_t at, double v) {
  if (!t) return;
  t->v[at] += v;
  if (t->mag) t->mag[at] += fabs(v);
}

static void clear(const ref_tensor_t *t) {
  for (int64_t i = 0; t && i < t->n; ++i) ref_put(t, i, 0.0, 0.0);
}

static frt_status_t backward(const ref_call_t *c, grad_t fx, grad_t fy) {
  const ref_tensor_t *x = ref_in(c, FRT_ELEMENTWISE_MIN_GRAD_IN_X);
  const ref_tensor_t *y = ref_in(c, FRT_ELEMENTWISE_MIN_GRAD_IN_Y);
  const ref_tensor_t *g = ref_in(c, FRT_ELEMENTWISE_MIN_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_ELEMENTWISE_MIN_GRAD_OUT_X_GRAD);
  const ref_tensor_t *dy = ref_out(c, FRT_ELEMENTWISE_MIN_GRAD_OUT_Y_GRAD);
  const ref_broadcast_t b = frt_reference_broadcast(
      x->meta, y->meta, g->meta, frt_attr_i64(c->op, FRT_ELEMENTWISE_MIN_GRAD_ATTR_AXIS));
  int64_t xi, yi;
  clear(dx);
  clear(dy);
  for (int64_t i = 0; i < b.n; ++i) {
    frt_reference_locate(&b, i, &xi, &yi);
    add_term(dx, xi, fx(g->v[i], x->v[xi], y->v[yi]));
    add_term(dy, yi, fy(g->v[i], x->v[xi], y->v[yi]));
  }
  return FRT_OK;
}

static frt_status_t min_grad(const ref_call_t *c, frt_error_t *err) {
  (void)err;
  return backward(c, min_dx, min_dy);
}
static frt_status_t pow_grad(const ref_call_t *c, frt_error_t *err) {
  (void)err;
  return backward(c, pow_dx, pow_dy);
}

REF_KERNELS(elementwise_more) = {
    {"elementwise_min", FRT_NUMBERS, min_run, min_ints, 0},
    {"elementwise_pow", FRT_NUMBERS, pow_run, pow_ints, 0},
    {"elementwise_mod", FRT_NUMBERS, mod_run, mod_ints, 0},
    {"elementwise_floordiv", FRT_INTS, floordiv_ints, floordiv_ints, 0},
    {"elementwise_min_grad", FRT_FLOATS, min_grad, NULL, 0},
    {"elementwise_pow_grad", FRT_FLOATS, pow_grad, NULL, 0},
    REF_END};
