#include "ref.h"

/* The five ops have the same slots in the same places, and so have their gradients
 * but for Out, which only elementwise_div_grad reads. */
typedef double (*fn2_t)(double x, double y);
typedef int64_t (*int2_t)(int64_t x, int64_t y);
enum { X = FRT_ELEMENTWISE_ADD_IN_X, Y = FRT_ELEMENTWISE_ADD_IN_Y,
       OUT = FRT_ELEMENTWISE_ADD_OUT_OUT, AXIS = FRT_ELEMENTWISE_ADD_ATTR_AXIS };

static double add(double x, double y) { return x + y; }
static double sub(double x, double y) { return x - y; }
static double mul(double x, double y) { return x * y; }
static double divide(double x, double y) { return x / y; }
static double larger(double x, double y) { return x > y ? x : y; }
static double add_mag(double x, double y) { return fabs(x) + fabs(y); }
static double mul_mag(double x, double y) { return fabs(x * y); }
static double div_mag(double x, double y) { return fabs(x / y); }
static double max_mag(double x, double y) { return fabs(larger(x, y)); }
static int64_t int_div(int64_t x, int64_t y) { return y == -1 ? ref_sub(0, x) : x / y; }
static int64_t int_max(int64_t x, int64_t y) { return x > y ? x : y; }

static ref_broadcast_t forward_map(const ref_call_t *c) {
  return frt_reference_broadcast(ref_in(c, X)->meta, ref_in(c, Y)->meta,
                                 ref_out(c, OUT)->meta, frt_attr_i64(c->op, AXIS));
}

static frt_status_t forward(const ref_call_t *c, fn2_t fn, fn2_t mag) {
  const ref_tensor_t *x = ref_in(c, X), *y = ref_in(c, Y);
  const ref_broadcast_t b = forward_map(c);
  int64_t xi, yi;
  for (int64_t i = 0; i < b.n; ++i) {
    frt_reference_locate(&b, i, &xi, &yi);
    ref_put(ref_out(c, OUT), i, fn(x->v[xi], y->v[yi]), mag(x->v[xi], y->v[yi]));
  }
  return FRT_OK;
}

static frt_status_t forward_ints(const ref_call_t *c, int2_t fn) {
  const ref_broadcast_t b = forward_map(c);
  int64_t xi, yi;
  for (int64_t i = 0; i < b.n; ++i) {
    frt_reference_locate(&b, i, &xi, &yi);
    ref_out(c, OUT)->i[i] = fn(ref_in(c, X)->i[xi], ref_in(c, Y)->i[yi]);
  }
  return FRT_OK;
}

static frt_status_t check_divisor(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *y = ref_in(c, Y);
  for (int64_t i = 0; i < y->n && ref_in(c, X)->n; ++i)
    if (y->i ? y->i[i] == 0 : y->v[i] == 0)
      return frt_fail(err, FRT_OUT_OF_RANGE,
                      "Y: element %lld is 0; an integer divisor must not be",
                      (long long)i);
  return FRT_OK;
}

static frt_status_t div_run(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *out = ref_out(c, OUT);
  if (!ref_is_int(out->meta->dtype)) return forward(c, divide, div_mag);
  FRT_TRY(check_divisor(c, err));
  forward(c, divide, div_mag);
  for (int64_t i = 0; i < out->n; ++i) out->v[i] = trunc(out->v[i]);
  return FRT_OK;
}
static frt_status_t div_ints(const ref_call_t *c, frt_error_t *err) {
  FRT_TRY(check_divisor(c, err));
  return forward_ints(c, int_div);
}

#define FORWARD(name, fn, mag)                                       \
  static frt_status_t name(const ref_call_t *c, frt_error_t *err) {  \
    (void)err;                                                       \
    return forward(c, fn, mag);                                      \
  }
#define FORWARD_INTS(name, fn)                                       \
  static frt_status_t name(const ref_call_t *c, frt_error_t *err) {  \
    (void)err;                                                       \
    return forward_ints(c, fn);                                      \
  }
FORWARD(add_run, add, add_mag)
FORWARD(sub_run, sub, add_mag)
FORWARD(mul_run, mul, mul_mag)
FORWARD(max_run, larger, max_mag)
FORWARD_INTS(add_ints, ref_add)
FORWARD_INTS(sub_ints, ref_sub)
FORWARD_INTS(mul_ints, ref_mul)
FORWARD_INTS(max_ints, int_max)

/* ---- gradients: a term per output element, summed over broadcast places ---------- */

typedef double (*grad_t)(double g, double x, double y, double out);
static double pass(double g, double x, double y, double out) {
  (void)x, (void)y, (void)out;
  return g;
}
static double negate(double g, double x, double y, double out) {
  (void)x, (void)y, (void)out;
  return -g;
}
static double mul_dx(double g, double x, double y, double out) {
  (void)x, (void)out;
  return g * y;
}
static double mul_dy(double g, double x, double y, double out) {
  (void)y, (void)out;
  return g * x;
}
static double div_dx(double g, double x, double y, double out) {
  (void)x, (void)out;
  return g / y;
}
static double div_dy(double g, double x, double y, double out) {
  (void)x;
  return -g * out / y;
}
static double max_dx(double g, double x, double y, double out) {
  (void)out;
  return x > y ? g : 0.0;
}
static double max_dy(double g, double x, double y, double out) {
  (void)out;
  return x <= y ? g : 0.0; /* a tie goes to Y */
}

static void add_term(const ref_tensor_t *t, int64_t at, double v) {
  t->v[at] += v;
  if (t->mag) t->mag[at] += fabs(v);
}

static void clear(const ref_tensor_t *t) {
  for (int64_t i = 0; t && i < t->n; ++i) ref_put(t, i, 0.0, 0.0);
}

static double value(const ref_tensor_t *t, int64_t at) {
  return t && t->v ? t->v[at] : 0.0;
}

/* out: slot of Out, or -1. */
static frt_status_t backward(const ref_call_t *c, const int in[3], int out,
                             const int to[2], int axis, grad_t fx, grad_t fy) {
  const ref_tensor_t *x = ref_in(c, in[0]), *y = ref_in(c, in[1]);
  const ref_tensor_t *g = ref_in(c, in[2]), *o = out < 0 ? NULL : ref_in(c, out);
  const ref_tensor_t *dx = ref_out(c, to[0]), *dy = ref_out(c, to[1]);
  const ref_broadcast_t b = frt_reference_broadcast(x->meta, y->meta, g->meta,
                                                    frt_attr_i64(c->op, axis));
  int64_t xi, yi;
  clear(dx);
  clear(dy);
  for (int64_t i = 0; i < b.n; ++i) {
    frt_reference_locate(&b, i, &xi, &yi);
    if (dx)
      add_term(dx, xi, fx(g->v[i], value(x, xi), value(y, yi), value(o, i)));
    if (dy)
      add_term(dy, yi, fy(g->v[i], value(x, xi), value(y, yi), value(o, i)));
  }
  return FRT_OK;
}

#define BACKWARD(name, OP, out, fx, fy)                                            \
  static frt_status_t name(const ref_call_t *c, frt_error_t *err) {                \
    static const int in[] = {FRT_ELEMENTWISE_##OP##_GRAD_IN_X,                     \
                             FRT_ELEMENTWISE_##OP##_GRAD_IN_Y,                     \
                             FRT_ELEMENTWISE_##OP##_GRAD_IN_OUT_GRAD};             \
    static const int to[] = {FRT_ELEMENTWISE_##OP##_GRAD_OUT_X_GRAD,               \
                             FRT_ELEMENTWISE_##OP##_GRAD_OUT_Y_GRAD};              \
    (void)err;                                                                     \
    return backward(c, in, out, to, FRT_ELEMENTWISE_##OP##_GRAD_ATTR_AXIS, fx, fy); \
  }
BACKWARD(add_grad, ADD, -1, pass, pass)
BACKWARD(sub_grad, SUB, -1, pass, negate)
BACKWARD(mul_grad, MUL, -1, mul_dx, mul_dy)
BACKWARD(div_grad, DIV, FRT_ELEMENTWISE_DIV_GRAD_IN_OUT, div_dx, div_dy)
BACKWARD(max_grad, MAX, -1, max_dx, max_dy)

REF_KERNELS(elementwise) = {
    {"elementwise_add", FRT_NUMBERS, add_run, add_ints, 0},
    {"elementwise_sub", FRT_NUMBERS, sub_run, sub_ints, 0},
    {"elementwise_mul", FRT_NUMBERS, mul_run, mul_ints, 0},
    {"elementwise_div", FRT_NUMBERS, div_run, div_ints, 0},
    {"elementwise_max", FRT_NUMBERS, max_run, max_ints, 0},
    {"elementwise_add_grad", FRT_FLOATS, add_grad, NULL, 0},
    {"elementwise_sub_grad", FRT_FLOATS, sub_grad, NULL, 0},
    {"elementwise_mul_grad", FRT_FLOATS, mul_grad, NULL, 0},
    {"elementwise_div_grad", FRT_FLOATS, div_grad, NULL, 0},
    {"elementwise_max_grad", FRT_FLOATS, max_grad, NULL, 0},
    REF_END};
