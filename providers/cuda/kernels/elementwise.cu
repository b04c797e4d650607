#include "binary.h"

/* All forward ops have the same slots in the same places. */
enum { X = FRT_ELEMENTWISE_ADD_IN_X, Y = FRT_ELEMENTWISE_ADD_IN_Y,
       OUT = FRT_ELEMENTWISE_ADD_OUT_OUT, AXIS = FRT_ELEMENTWISE_ADD_ATTR_AXIS };

static frt_status_t pair_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  (void)workspace, (void)err;
  frt_gpu_pair_plan((frt_gpu_pair_t *)state, frt_in(op, X), frt_in(op, Y), frt_out(op, OUT),
                    frt_attr_i64(op, AXIS));
  return FRT_OK;
}

static FRT_GPU_FN inline double modulo(double x, double y) {
  const double r = fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

GPU_BINARY(add, double, x + y)
GPU_BINARY(sub, double, x - y)
GPU_BINARY(mul, double, x *y)
GPU_BINARY(div, double, x / y)
GPU_BINARY(max, double, x > y ? x : y)
GPU_BINARY(min, double, x < y ? x : y)
GPU_BINARY(pow, double, pow(x, y))
GPU_BINARY(mod, double, modulo(x, y))
GPU_BINARY(iadd, int64_t, frt_gpu_add(x, y))
GPU_BINARY(isub, int64_t, frt_gpu_add(x, frt_gpu_mul(-1, y)))
GPU_BINARY(imul, int64_t, frt_gpu_mul(x, y))
GPU_BINARY(imax, int64_t, x > y ? x : y)
GPU_BINARY(imin, int64_t, x < y ? x : y)

/* ---- integers that some divisors and powers are not for ---------------------------------- */

typedef struct { /* the pair first: prepared alike */
  frt_gpu_pair_t pair;
  frt_gpu_check_t check;
} checked_t;

static frt_status_t checked_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  checked_t *s = (checked_t *)state;
  frt_gpu_check_plan(&s->check, op, "Y", workspace);
  snprintf(s->check.wanted, sizeof s->check.wanted, "an integer divisor must not be");
  return pair_prepare(op, state, workspace, err);
}
static frt_status_t power_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  checked_t *s = (checked_t *)state;
  frt_gpu_check_plan(&s->check, op, "Y", workspace);
  snprintf(s->check.wanted, sizeof s->check.wanted,
           "where X is 0 an integer has no such power");
  return pair_prepare(op, state, workspace, err);
}

static FRT_GPU_FN inline int64_t int_div(int64_t x, int64_t y) {
  return y == -1 ? frt_gpu_mul(-1, x) : x / y;
}
static FRT_GPU_FN inline int64_t int_mod(int64_t x, int64_t y) {
  const int64_t r = y == -1 ? 0 : x % y;
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static FRT_GPU_FN inline int64_t int_pow(int64_t x, int64_t y) {
  int64_t v = 1;
  if (y < 0) return x == 1 ? 1 : x == -1 ? (y % 2 ? -1 : 1) : 0;
  for (; y; y /= 2) {
    if (y % 2) v = frt_gpu_mul(v, x);
    x = frt_gpu_mul(x, x);
  }
  return v;
}

#define CHECKED(stem, BAD, VALUE)                                                          \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r, frt_error_t *err) { \
    const checked_t *s = (const checked_t *)state;                                         \
    const frt_gpu_pair_t at = s->pair;                                                     \
    const int wide = frt_gpu_wide(frt_in(r, X));                                           \
    const void *xs = frt_in(r, X)->data, *ys = frt_in(r, Y)->data;                         \
    void *out = frt_out(r, OUT)->data;                                                     \
    const int64_t n = frt_out_numel(r, OUT);                                               \
    FRT_TRY(frt_gpu_look(                                                                  \
        r, &s->check, n,                                                                   \
        [=] FRT_GPU_FN(int64_t i) -> bool {                                                \
          const int64_t x = frt_gpu_int(xs, wide, frt_gpu_at(at.x, i));                    \
          const int64_t y = frt_gpu_int(ys, wide, frt_gpu_at(at.y, i));                    \
          FRT_GPU_UNUSED(x);                                                               \
          return (BAD);                                                                    \
        },                                                                                 \
        [=] FRT_GPU_FN(int64_t i) -> int64_t {                                             \
          return frt_gpu_int(ys, wide, frt_gpu_at(at.y, i));                               \
        },                                                                                 \
        err));                                                                             \
    return frt_gpu_each(                                                                   \
        r, n,                                                                              \
        [=] FRT_GPU_FN(int64_t i) {                                                        \
          const int64_t x = frt_gpu_int(xs, wide, frt_gpu_at(at.x, i));                    \
          const int64_t y = frt_gpu_int(ys, wide, frt_gpu_at(at.y, i));                    \
          frt_gpu_put(out, wide, i, (VALUE));                                              \
        },                                                                                 \
        err, FRT_GPU_STOP(r));                                                             \
  }
CHECKED(idiv, y == 0, int_div(x, y))
CHECKED(imod, y == 0, int_mod(x, y))
CHECKED(ipow, x == 0 && y < 0, int_pow(x, y))

/* ---- gradients: one kernel, which expression by number ------------------------------------- */

enum kind { KEEP, NEGATE, MUL_X, MUL_Y, DIV_X, DIV_Y, MAX_X, MAX_Y, MIN_X, MIN_Y, POW_X, POW_Y };

struct term {
  int kind, wide;
  frt_gpu_pair_t at;
  const void *xs, *ys, *gs, *os; /* NULL where a gradient reads only the shape */
  FRT_GPU_FN double operator()(int64_t i) const {
    const double g = frt_gpu_real(gs, wide, i);
    if (kind == KEEP) return g;
    if (kind == NEGATE) return -g;
    const double x = frt_gpu_real(xs, wide, frt_gpu_at(at.x, i));
    const double y = frt_gpu_real(ys, wide, frt_gpu_at(at.y, i));
    switch (kind) {
      case MUL_X: return g * y;
      case MUL_Y: return g * x;
      case DIV_X: return g / y;
      case DIV_Y: return -g * frt_gpu_real(os, wide, i) / y;
      case MAX_X: return x > y ? g : 0.0;
      case MAX_Y: return x <= y ? g : 0.0; /* a tie goes to Y */
      case MIN_X: return x < y ? g : 0.0;
      case MIN_Y: return x >= y ? g : 0.0;
      case POW_X: return g * y * pow(x, y - 1);
      default: return g * log(x) * pow(x, y);
    }
  }
};

/* in: X, Y, Out@GRAD, Out or -1; out: X@GRAD, Y@GRAD. */
typedef struct { int in[4], out[2], axis, kinds[2]; } backward_t;

static frt_status_t backward(const backward_t *b, const void *state, const frt_run_t *r,
                             frt_error_t *err) {
  const frt_gpu_backward_t *s = (const frt_gpu_backward_t *)state;
  const frt_api_tensor_t *g = frt_in(r, b->in[2]);
  const int wide = frt_gpu_wide(g);
  struct term t = {b->kinds[0], wide, s->pair, frt_gpu_data_in(r, b->in[0]),
                   frt_gpu_data_in(r, b->in[1]), g->data,
                   b->in[3] < 0 ? NULL : frt_gpu_data_in(r, b->in[3])};
  FRT_TRY(frt_gpu_side(r, &s->x, s->folds_x, g->numel, wide, frt_gpu_data_out(r, b->out[0]), t,
                       err));
  t.kind = b->kinds[1];
  return frt_gpu_side(r, &s->y, s->folds_y, g->numel, wide, frt_gpu_data_out(r, b->out[1]), t,
                      err);
}

#define BACKWARD(stem, OP, O, dx, dy)                                                       \
  static const backward_t stem##_slots = {                                                  \
      {FRT_##OP##_GRAD_IN_X, FRT_##OP##_GRAD_IN_Y, FRT_##OP##_GRAD_IN_OUT_GRAD, O},         \
      {FRT_##OP##_GRAD_OUT_X_GRAD, FRT_##OP##_GRAD_OUT_Y_GRAD},                             \
      FRT_##OP##_GRAD_ATTR_AXIS, {dx, dy}};                                                 \
  static frt_status_t stem##_prepare(const frt_op_t *op, void *state, uint64_t *workspace,  \
                                     frt_error_t *err) {                                    \
    const backward_t *b = &stem##_slots;                                                    \
    (void)err;                                                                              \
    frt_gpu_backward_plan((frt_gpu_backward_t *)state, frt_in(op, b->in[0]),                \
                          frt_in(op, b->in[1]), frt_in(op, b->in[2]),                       \
                          frt_attr_i64(op, b->axis), workspace);                            \
    return FRT_OK;                                                                          \
  }                                                                                         \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r, frt_error_t *err) { \
    return backward(&stem##_slots, state, r, err);                                          \
  }
BACKWARD(add_grad, ELEMENTWISE_ADD, -1, KEEP, KEEP)
BACKWARD(sub_grad, ELEMENTWISE_SUB, -1, KEEP, NEGATE)
BACKWARD(mul_grad, ELEMENTWISE_MUL, -1, MUL_X, MUL_Y)
BACKWARD(div_grad, ELEMENTWISE_DIV, FRT_ELEMENTWISE_DIV_GRAD_IN_OUT, DIV_X, DIV_Y)
BACKWARD(max_grad, ELEMENTWISE_MAX, -1, MAX_X, MAX_Y)
BACKWARD(min_grad, ELEMENTWISE_MIN, -1, MIN_X, MIN_Y)
BACKWARD(pow_grad, ELEMENTWISE_POW, -1, POW_X, POW_Y)

#define ROW(type, dtypes, stem, state, prepare, flags) \
  {type, dtypes, sizeof(state), prepare, stem##_run, flags, NULL}
#define FORWARD(type, stem) \
  ROW(type, FRT_FLOATS, stem, frt_gpu_pair_t, pair_prepare, FRT_GPU_INPLACE)
#define FORWARD_INTS(type, stem) \
  ROW(type, FRT_INTS, stem, frt_gpu_pair_t, pair_prepare, FRT_GPU_INPLACE)
#define CHECKED_INTS(type, stem, prepare) \
  ROW(type, FRT_INTS, stem, checked_t, prepare, FRT_GPU_FLAGS)
#define GRAD(type, stem) \
  ROW(type, FRT_FLOATS, stem, frt_gpu_backward_t, stem##_prepare, FRT_GPU_FLAGS)

FRT_KERNELS(cuda, elementwise) = {
    FORWARD("elementwise_add", add), FORWARD_INTS("elementwise_add", iadd),
    FORWARD("elementwise_sub", sub), FORWARD_INTS("elementwise_sub", isub),
    FORWARD("elementwise_mul", mul), FORWARD_INTS("elementwise_mul", imul),
    FORWARD("elementwise_max", max), FORWARD_INTS("elementwise_max", imax),
    FORWARD("elementwise_min", min), FORWARD_INTS("elementwise_min", imin),
    FORWARD("elementwise_div", div),
    CHECKED_INTS("elementwise_div", idiv, checked_prepare),
    FORWARD("elementwise_mod", mod),
    CHECKED_INTS("elementwise_mod", imod, checked_prepare),
    CHECKED_INTS("elementwise_floordiv", idiv, checked_prepare),
    FORWARD("elementwise_pow", pow),
    CHECKED_INTS("elementwise_pow", ipow, power_prepare),
    GRAD("elementwise_add_grad", add_grad), GRAD("elementwise_sub_grad", sub_grad),
    GRAD("elementwise_mul_grad", mul_grad), GRAD("elementwise_div_grad", div_grad),
    GRAD("elementwise_max_grad", max_grad), GRAD("elementwise_min_grad", min_grad),
    GRAD("elementwise_pow_grad", pow_grad),
    FRT_KERNELS_END};
