/* Integer divisions and powers that do not exist are found before anything is written,
 * and whole numbers wrap around where they do not fit. */
#include <limits.h>

#include "fixture.h"

typedef struct run {
  frt_status_t status;
  frt_error_t err;
  int64_t out[3];
} run_t;

static frt_tensor_t *tensor(frt_dtype_t dtype, const int64_t v[3]) {
  static const int64_t three[] = {3};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  OK(frt_tensor_create(dtype, 1, three, &t, &err));
  for (int i = 0; i < 3; ++i)
    if (dtype == FRT_I64) ((int64_t *)frt_tensor_data(t))[i] = v[i];
    else ((int32_t *)frt_tensor_data(t))[i] = (int32_t)v[i];
  return t;
}

/* keep = x op y, where keep was 5, 5, 5 before. */
static run_t run(fixture_t *f, const char *place, const char *type, frt_dtype_t dtype,
                 const int64_t x[3], const int64_t y[3]) {
  static const int64_t three[] = {3}, fives[] = {5, 5, 5};
  run_t r = {.err = FRT_ERROR_INIT};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  frt_executor_t *exe;
  frt_tensor_t *tx = tensor(dtype, x), *ty = tensor(dtype, y), *keep = tensor(dtype, fives);
  OK(frt_program_create(&p, &err));
  add_var(p, 0, "x", dtype, 1, three, 0);
  add_var(p, 0, "y", dtype, 1, three, 0);
  add_var(p, 0, "keep", dtype, 1, three, 1);
  add_op(p, 0, type, "X=x;Y=y", "Out=keep");
  OK(frt_scope_set(f->scope, "keep", keep, &err));
  OK(frt_executor_create(f->rt, place, NULL, &exe, &err));
  const frt_feed_t feed[] = {{"x", tx}, {"y", ty}};
  r.status = frt_executor_run(exe, p, f->scope, feed, 2, NULL, 0, NULL, NULL, &r.err);
  frt_tensor_release(keep);
  OK(frt_scope_get(f->scope, "keep", &keep, &err));
  for (int i = 0; i < 3; ++i)
    r.out[i] = dtype == FRT_I64 ? ((int64_t *)frt_tensor_data(keep))[i]
                                : ((int32_t *)frt_tensor_data(keep))[i];
  frt_tensor_release(keep);
  frt_tensor_release(tx);
  frt_tensor_release(ty);
  frt_executor_release(exe);
  frt_program_release(p);
  return r;
}

#define V(...) ((const int64_t[3]){__VA_ARGS__})
static const char *const places[] = {"reference", "cpu"};
static const frt_dtype_t dtypes[] = {FRT_I32, FRT_I64};

static void a_zero_divisor_is_named_and_nothing_is_written(void **state) {
  static const char *const ops[] = {"elementwise_div", "elementwise_floordiv",
                                    "elementwise_mod"};
  for (int i = 0; i < 12; ++i) {
    const run_t r = run(*state, places[i % 2], ops[i / 4], dtypes[i / 2 % 2], V(1, 2, 3),
                        V(1, 0, 0));
    assert_int_equal(r.status, FRT_OUT_OF_RANGE);
    assert_non_null(strstr(r.err.message,
                           "Y: element 1 is 0; an integer divisor must not be"));
    assert_memory_equal(r.out, V(5, 5, 5), sizeof r.out);
  }
}

static void zero_to_a_negative_power_is_named_and_nothing_is_written(void **state) {
  for (int i = 0; i < 4; ++i) {
    const run_t r = run(*state, places[i % 2], "elementwise_pow", dtypes[i / 2], V(2, 1, 0),
                        V(-1, -2, -3));
    assert_int_equal(r.status, FRT_OUT_OF_RANGE);
    assert_non_null(strstr(r.err.message, "Y: element 2 is -3 where X is 0"));
    assert_memory_equal(r.out, V(5, 5, 5), sizeof r.out);
  }
}

static void the_most_negative_integer_wraps_around(void **state) {
  for (int i = 0; i < 4; ++i) {
    const int64_t least = dtypes[i / 2] == FRT_I64 ? INT64_MIN : INT32_MIN;
    run_t r = run(*state, places[i % 2], "elementwise_floordiv", dtypes[i / 2],
                  V(least, 7, -7), V(-1, -1, 2));
    assert_int_equal(r.status, FRT_OK);
    assert_memory_equal(r.out, V(least, -7, -3), sizeof r.out);
    r = run(*state, places[i % 2], "elementwise_mod", dtypes[i / 2], V(least, 7, -7),
            V(-1, -2, 4));
    assert_int_equal(r.status, FRT_OK);
    assert_memory_equal(r.out, V(0, -1, 1), sizeof r.out);
  }
}

/* 3^41 = 36472996377170786403 > 2^64, 3^21 = 10460353203 > 2^33. */
static void powers_wrap_around(void **state) {
  uint64_t wide = 1;
  uint32_t narrow = 1;
  for (int i = 0; i < 41; ++i) wide *= 3;
  for (int i = 0; i < 21; ++i) narrow *= 3;
  for (int i = 0; i < 4; ++i) {
    const int is_wide = dtypes[i / 2] == FRT_I64;
    const run_t r = run(*state, places[i % 2], "elementwise_pow", dtypes[i / 2], V(3, -1, 0),
                        V(is_wide ? 41 : 21, -3, 0));
    assert_int_equal(r.status, FRT_OK);
    assert_memory_equal(r.out, V(is_wide ? (int64_t)wide : (int32_t)narrow, -1, 1),
                        sizeof r.out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_zero_divisor_is_named_and_nothing_is_written, setup,
                                      teardown), /* 3c: 83 */
      cmocka_unit_test_setup_teardown(
          zero_to_a_negative_power_is_named_and_nothing_is_written, setup, teardown),
      cmocka_unit_test_setup_teardown(the_most_negative_integer_wraps_around, setup,
                                      teardown), /* 3c: 83 */
      cmocka_unit_test_setup_teardown(powers_wrap_around, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
