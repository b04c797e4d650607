#include "ref.h"

/* All comparisons and binary logical ops have the same slots. */
enum { X = FRT_EQUAL_IN_X, Y = FRT_EQUAL_IN_Y, OUT = FRT_EQUAL_OUT_OUT,
       AXIS = FRT_EQUAL_ATTR_AXIS };

typedef int (*holds_t)(int less, int equal, int greater);
static int eq(int l, int e, int g) { return (void)l, (void)g, e; }
static int ne(int l, int e, int g) { return (void)l, (void)g, !e; }
static int lt(int l, int e, int g) { return (void)e, (void)g, l; }
static int le(int l, int e, int g) { return (void)g, l || e; }
static int gt(int l, int e, int g) { return (void)l, (void)e, g; }
static int ge(int l, int e, int g) { return (void)l, e || g; }

static void put_bool(const ref_tensor_t *out, int64_t at, int v) {
  if (out->i) out->i[at] = v;
  else ref_put(out, at, v, 0.0);
}

static frt_status_t compare(const ref_call_t *c, holds_t holds) {
  const ref_tensor_t *x = ref_in(c, X), *y = ref_in(c, Y), *out = ref_out(c, OUT);
  const ref_broadcast_t b = frt_reference_broadcast(x->meta, y->meta, out->meta,
                                                    frt_attr_i64(c->op, AXIS));
  int64_t xi, yi;
  for (int64_t i = 0; i < b.n; ++i) {
    frt_reference_locate(&b, i, &xi, &yi);
    put_bool(out, i,
             x->i ? holds(x->i[xi] < y->i[yi], x->i[xi] == y->i[yi], x->i[xi] > y->i[yi])
                  : holds(x->v[xi] < y->v[yi], x->v[xi] == y->v[yi],
                          x->v[xi] > y->v[yi]));
  }
  return FRT_OK;
}

#define COMPARE(name, holds)                                        \
  static frt_status_t name(const ref_call_t *c, frt_error_t *err) { \
    (void)err;                                                      \
    return compare(c, holds);                                       \
  }
COMPARE(equal, eq)
COMPARE(not_equal, ne)
COMPARE(less_than, lt)
COMPARE(less_equal, le)
COMPARE(greater_than, gt)
COMPARE(greater_equal, ge)

static int truth(const ref_tensor_t *t, int64_t at) {
  return t->i ? t->i[at] != 0 : t->v[at] != 0;
}

static int and_fn(int x, int y) { return x && y; }
static int or_fn(int x, int y) { return x || y; }
static int xor_fn(int x, int y) { return x != y; }

static frt_status_t logical(const ref_call_t *c, int (*fn)(int, int)) {
  const ref_tensor_t *x = ref_in(c, X), *y = ref_in(c, Y), *out = ref_out(c, OUT);
  const ref_broadcast_t b = frt_reference_broadcast(x->meta, y->meta, out->meta, -1);
  int64_t xi, yi;
  for (int64_t i = 0; i < b.n; ++i) {
    frt_reference_locate(&b, i, &xi, &yi);
    put_bool(out, i, fn(truth(x, xi), truth(y, yi)));
  }
  return FRT_OK;
}

#define LOGICAL(name, fn)                                           \
  static frt_status_t name(const ref_call_t *c, frt_error_t *err) { \
    (void)err;                                                      \
    return logical(c, fn);                                          \
  }
LOGICAL(logical_and, and_fn)
LOGICAL(logical_or, or_fn)
LOGICAL(logical_xor, xor_fn)

static frt_status_t logical_not(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_LOGICAL_NOT_IN_X);
  const ref_tensor_t *out = ref_out(c, FRT_LOGICAL_NOT_OUT_OUT);
  (void)err;
  for (int64_t i = 0; i < x->n; ++i) put_bool(out, i, !truth(x, i));
  return FRT_OK;
}

#define COMPARED (FRT_NUMBERS | FRT_BOOLS)
REF_KERNELS(compare) = {
    {"equal", COMPARED, equal, equal, 0},
    {"not_equal", COMPARED, not_equal, not_equal, 0},
    {"less_than", COMPARED, less_than, less_than, 0},
    {"less_equal", COMPARED, less_equal, less_equal, 0},
    {"greater_than", COMPARED, greater_than, greater_than, 0},
    {"greater_equal", COMPARED, greater_equal, greater_equal, 0},
    {"logical_and", FRT_BOOLS, logical_and, logical_and, 0},
    {"logical_or", FRT_BOOLS, logical_or, logical_or, 0},
    {"logical_xor", FRT_BOOLS, logical_xor, logical_xor, 0},
    {"logical_not", FRT_BOOLS, logical_not, logical_not, 0},
    REF_END};
