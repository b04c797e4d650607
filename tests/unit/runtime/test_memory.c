/* Memory: views, writing in place, reuse; all of it must leave every bit as it was. And the
 * NaN check, which has to see each op's own output. */
#include <math.h>

#include "unit/runtime/fixture.h"

/* a -> square -> reshape2 [2,3]->[6] -> relu -> scale -> c; sum(c) -> d. */
static frt_program_t *make_chain(void) {
  static const int64_t six[] = {6}, two[] = {2, 3}, one[] = {1}, shape[] = {0, 2, 3};
  static const int32_t flat[] = {-1};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  OK(frt_program_create(&p, &err));
  add_var(p, 0, "a", FRT_F32, 2, two, 0);
  add_var(p, 0, "s", FRT_F32, 2, two, 0);
  add_var(p, 0, "r", FRT_F32, 1, six, 0);
  add_var(p, 0, "x", FRT_F32, 3, shape, 0);
  add_var(p, 0, "b", FRT_F32, 1, six, 0);
  add_var(p, 0, "c", FRT_F32, 1, six, 0);
  add_var(p, 0, "d", FRT_F32, 1, one, 0);
  add_op(p, 0, "square", "X=a", "Out=s");
  uint32_t op = add_op(p, 0, "reshape2", "X=s", "Out=r;XShape=x");
  OK(frt_program_set_attr_ints(p, 0, op, "shape", flat, 1, &err));
  add_op(p, 0, "relu", "X=r", "Out=b");
  op = add_op(p, 0, "scale", "X=b", "Out=c");
  OK(frt_program_set_attr_f32(p, 0, op, "scale", 2.0f, &err));
  op = add_op(p, 0, "reduce_sum", "X=c", "Out=d");
  OK(frt_program_set_attr_bool(p, 0, op, "reduce_all", 1, &err));
  return p;
}

static frt_tensor_t *six_values(void) {
  static const int64_t two[] = {2, 3};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  OK(frt_tensor_create(FRT_F32, 2, two, &t, &err));
  for (int i = 0; i < 6; ++i) ((float *)frt_tensor_data(t))[i] = (float)(i - 2);
  return t;
}

static uint64_t run_chain(fixture_t *f, int no_reuse, const char *fetch, float *to, int n) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = make_chain();
  frt_executor_t *exe;
  frt_tensor_t *a = six_values(), *out = NULL;
  const frt_feed_t feed = {"a", a};
  const frt_fetch_t one = {.var = fetch};
  const frt_executor_options_t o = {.struct_size = sizeof o, .no_reuse = no_reuse};
  frt_executor_stats_t s = {.struct_size = sizeof s};
  OK(frt_executor_create(f->rt, "reference", &o, &exe, &err));
  for (int run = 0; run < 2; ++run)
    OK(frt_executor_run(exe, p, f->scope, &feed, 1, &one, 1, &out, NULL, &err));
  memcpy(to, frt_tensor_data(out), (size_t)n * sizeof *to);
  for (int i = 0; i < 6; ++i) /* lent, read only */
    assert_float_equal(((float *)frt_tensor_data(a))[i], (float)(i - 2), 0.0f);
  frt_executor_stats(exe, &s);
  frt_tensor_release(a);
  frt_tensor_release(out);
  frt_executor_release(exe);
  frt_program_release(p);
  return s.peak_bytes;
}

static void reuse_changes_memory_but_no_bit(void **state) {
  fixture_t *f = *state;
  static const char *const names[] = {"s", "r", "b", "c"};
  for (int k = 0; k < 4; ++k) {
    float with[6], without[6];
    const uint64_t less = run_chain(f, 0, names[k], with, 6);
    const uint64_t more = run_chain(f, 1, names[k], without, 6);
    assert_memory_equal(with, without, sizeof with);
    for (int i = 0; i < 6; ++i)
      assert_float_equal(with[i], (float)((i - 2) * (i - 2) * (k == 3 ? 2 : 1)), 0.0f);
    assert_true(less < more || k == 0);
  }
  float sum;
  run_chain(f, 0, "d", &sum, 1);
  assert_float_equal(sum, 2.0f * (4 + 1 + 0 + 1 + 4 + 9), 0.0f);
}

static void a_value_that_is_read_later_is_not_written_over(void **state) {
  fixture_t *f = *state;
  static const int64_t three[] = {3};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  frt_executor_t *exe;
  frt_tensor_t *x = vector(1, 2, 3), *out = NULL;
  OK(frt_program_create(&p, &err));
  for (const char *const *v = (const char *const[]){"x", "a", "b", "c", NULL}; *v; ++v)
    add_var(p, 0, *v, FRT_F32, 1, three, 0);
  add_op(p, 0, "square", "X=x", "Out=a");
  add_op(p, 0, "square", "X=a", "Out=b"); /* may not take a's memory: */
  add_op(p, 0, "elementwise_add", "X=b;Y=a", "Out=c");
  const frt_feed_t feed = {"x", x};
  const frt_fetch_t fetch = {.var = "c"};
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  OK(frt_executor_run(exe, p, f->scope, &feed, 1, &fetch, 1, &out, NULL, &err));
  assert_memory_equal(frt_tensor_data(out), ((const float[]){2, 20, 90}), 12);
  frt_tensor_release(x);
  frt_tensor_release(out);
  frt_executor_release(exe);
  frt_program_release(p);
}

static void the_nan_check_names_the_first_bad_op(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = make_chain();
  frt_executor_t *exe;
  frt_tensor_t *a = six_values(), *out = NULL;
  const frt_feed_t feed = {"a", a};
  const frt_fetch_t fetch = {.var = "d"};
  const frt_executor_options_t o = {.struct_size = sizeof o, .check_nan = 1};
  OK(frt_executor_create(f->rt, "reference", &o, &exe, &err));
  OK(frt_executor_run(exe, p, f->scope, &feed, 1, &fetch, 1, &out, NULL, &err));
  ((float *)frt_tensor_data(a))[4] = 3e38f; /* its square is infinite */
  assert_int_equal(FRT_OUT_OF_RANGE, frt_executor_run(exe, p, f->scope, &feed, 1, &fetch, 1,
                                                      &out, NULL, &err));
  assert_string_equal(err.message, "block 0 op #0 square: Out 's' of shape [2, 3] has 0 nan "
                                   "and 1 inf, the first at element 4");
  assert_string_equal(err.name, "s");
  ((float *)frt_tensor_data(a))[1] = NAN;
  assert_int_equal(FRT_OUT_OF_RANGE, frt_executor_run(exe, p, f->scope, &feed, 1, &fetch, 1,
                                                      &out, NULL, &err));
  assert_string_equal(err.message, "feed 'a' of shape [2, 3] has 1 nan and 0 inf, the first "
                                   "at element 1");
  assert_int_equal(err.phase, FRT_PHASE_FEED);
  frt_tensor_release(a);
  frt_tensor_release(out);
  frt_executor_release(exe);
  frt_program_release(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
      T(reuse_changes_memory_but_no_bit), T(a_value_that_is_read_later_is_not_written_over),
      T(the_nan_check_names_the_first_bad_op)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
