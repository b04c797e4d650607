/* A guard on the reference provider, and tensors in one line. */
#ifndef UNIT_IMPERATIVE_GUARD_H
#define UNIT_IMPERATIVE_GUARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fluidrt/fluidrt.h"

typedef struct guard {
  frt_runtime_t *rt;
  frt_imperative_t *im;
  frt_builder_t *b;
  frt_error_t err;
} guard_t;

static inline int guard_setup(void **state) {
  static guard_t g;
  g = (guard_t){.err = FRT_ERROR_INIT};
  assert_int_equal(FRT_OK, frt_runtime_create(NULL, &g.rt, &g.err));
  assert_int_equal(FRT_OK, frt_imperative_create(g.rt, "reference", NULL, &g.im, &g.err));
  g.b = frt_imperative_builder(g.im);
  *state = &g;
  return 0;
}

static inline int guard_teardown(void **state) {
  guard_t *g = *state;
  frt_imperative_release(g->im);
  frt_runtime_release(g->rt);
  return 0;
}

#define GUARD_TEST(name) cmocka_unit_test_setup_teardown(name, guard_setup, guard_teardown)
#define OK(call)                                                              \
  do {                                                                        \
    if ((call) != FRT_OK) fail_msg("%s: %s", #call, g->err.message);          \
  } while (0)
#define FAILS(status, text, call)                  \
  do {                                             \
    assert_int_equal(status, call);                \
    assert_string_equal(text, g->err.message);     \
  } while (0)

/* A float32 tensor of `rows` x `cols` (cols 0: [rows]). */
static inline frt_tensor_t *matrix(int64_t rows, int64_t cols, const float *values) {
  const int64_t dims[2] = {rows, cols};
  frt_tensor_t *t = NULL;
  assert_int_equal(FRT_OK, frt_tensor_create(FRT_F32, cols ? 2 : 1, dims, &t, NULL));
  memcpy(frt_tensor_data(t), values, frt_tensor_bytes(t));
  return t;
}

static inline frt_var_t variable(guard_t *g, int64_t rows, int64_t cols,
                                 const float *values) {
  frt_tensor_t *t = matrix(rows, cols, values);
  frt_var_t v;
  OK(frt_to_variable(g->im, t, NULL, &v, &g->err));
  frt_tensor_release(t);
  return v;
}

/* Takes the reference of `t`. */
static inline void holds(frt_tensor_t *t, size_t n, const float *want) {
  assert_int_equal(n, frt_tensor_numel(t));
  for (size_t i = 0; i < n; ++i)
    if (((const float *)frt_tensor_data(t))[i] != want[i])
      fail_msg("element %zu: got %.9g, want %.9g", i,
               (double)((const float *)frt_tensor_data(t))[i], (double)want[i]);
  frt_tensor_release(t);
}

#define F(...) sizeof((const float[]){__VA_ARGS__}) / sizeof(float), (const float[]){__VA_ARGS__}

static inline void value_is(guard_t *g, frt_var_t v, size_t n, const float *want) {
  frt_tensor_t *t = NULL;
  OK(frt_imperative_value(g->im, v, &t, &g->err));
  holds(t, n, want);
}

static inline void gradient_is(guard_t *g, frt_var_t v, size_t n, const float *want) {
  frt_tensor_t *t = NULL;
  OK(frt_imperative_gradient(g->im, v, &t, &g->err));
  holds(t, n, want);
}

#endif
