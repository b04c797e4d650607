/* Scopes: values in and out, names, errors, readers and writers. */
#include "runtime/internal.h"
#include "unit/runtime/fixture.h"

static void a_scope_gives_back_what_it_was_given(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = vector(1, 2, 3), *back;
  OK(frt_scope_set(f->scope, "a", t, &err));
  ((float *)frt_tensor_data(t))[0] = 9; /* a copy was taken */
  OK(frt_scope_get(f->scope, "a", &back, &err));
  assert_float_equal(((float *)frt_tensor_data(back))[0], 1.0f, 0.0f);
  ((float *)frt_tensor_data(back))[1] = 9; /* and a copy was given */
  assert_float_equal(element(f->scope, "a", 1), 2.0f, 0.0f);
  frt_tensor_release(back);
  frt_tensor_release(t);
}

static void missing_variables_are_named_with_the_nearest(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = vector(1, 2, 3), *back;
  OK(frt_scope_set(f->scope, "fc_0.w_0", t, &err));
  assert_int_equal(FRT_NOT_FOUND, frt_scope_get(f->scope, "fc_0.w_1", &back, &err));
  assert_string_equal(err.message,
                      "variable 'fc_0.w_1': not in the scope; nearest is 'fc_0.w_0'");
  assert_string_equal(err.name, "fc_0.w_1");
  assert_null(back);
  OK(frt_scope_erase(f->scope, "fc_0.w_0", &err));
  assert_int_equal(FRT_NOT_FOUND, frt_scope_erase(f->scope, "fc_0.w_0", &err));
  assert_string_equal(err.message, "variable 'fc_0.w_0': not in the scope");
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_scope_set(f->scope, "", t, &err));
  frt_tensor_release(t);
}

static void names_come_sorted(void **state) {
  fixture_t *f = *state;
  static const char *const names[] = {"b", "a", "c", "@LR_DECAY_COUNTER@"};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = vector(1, 2, 3);
  const char **sorted;
  size_t n;
  for (int i = 0; i < 4; ++i) OK(frt_scope_set(f->scope, names[i], t, &err));
  OK(frt_scope_erase(f->scope, "b", &err));
  OK(frt_scope_names(f->scope, &sorted, &n, &err));
  assert_int_equal(n, 3);
  assert_string_equal(sorted[0], "@LR_DECAY_COUNTER@");
  assert_string_equal(sorted[1], "a");
  assert_string_equal(sorted[2], "c");
  frt_free(sorted);
  frt_tensor_release(t);
}

static void readers_share_and_writers_do_not_wait(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  OK(frti_scope_enter(f->scope, false, &err));
  OK(frti_scope_enter(f->scope, false, &err));
  assert_int_equal(FRT_BUSY, frti_scope_enter(f->scope, true, &err));
  assert_string_equal(err.message, "the scope is being read by another run");
  frti_scope_leave(f->scope, false);
  frti_scope_leave(f->scope, false);
  OK(frti_scope_enter(f->scope, true, &err));
  assert_int_equal(FRT_BUSY, frti_scope_enter(f->scope, false, &err));
  assert_string_equal(err.message, "the scope is being written by another run");
  frti_scope_leave(f->scope, true);
  OK(frti_scope_enter(f->scope, false, &err));
  frti_scope_leave(f->scope, false);
}

static void a_record_of_another_shape_is_refused_by_the_program(void **state) {
  fixture_t *f = *state;
  static const int64_t two[] = {2};
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  frt_tensor_t *x = vector(1, 2, 3), *w;
  const frt_feed_t feed = {"x", x};
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  OK(frt_tensor_create(FRT_F32, 1, two, &w, &err));
  OK(frt_scope_set(f->scope, "w", w, &err));
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_executor_run(exe, f->main, f->scope, &feed, 1,
                                                          NULL, 0, NULL, NULL, &err));
  assert_string_equal(err.message, "variable 'w' is float32 [2] in the scope; the program "
                                   "declares float32 [3]");
  frt_executor_release(exe);
  frt_tensor_release(x);
  frt_tensor_release(w);
}

static void a_layout_change_rebinds_the_plan(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  frt_tensor_t *x = vector(1, 2, 3), *w = vector(7, 7, 7);
  const frt_feed_t feed = {"x", x};
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  OK(frt_executor_run(exe, f->main, f->scope, &feed, 1, NULL, 0, NULL, NULL, &err));
  OK(frt_scope_erase(f->scope, "w", &err));
  OK(frt_scope_set(f->scope, "another", x, &err));
  OK(frt_scope_set(f->scope, "w", w, &err));
  OK(frt_executor_run(exe, f->main, f->scope, &feed, 1, NULL, 0, NULL, NULL, &err));
  assert_float_equal(element(f->scope, "w", 1), 6.0f, 0.0f); /* 7 - 0.5 * 2 */
  frt_executor_release(exe);
  frt_tensor_release(x);
  frt_tensor_release(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
      T(a_scope_gives_back_what_it_was_given), T(missing_variables_are_named_with_the_nearest),
      T(names_come_sorted), T(readers_share_and_writers_do_not_wait),
      T(a_record_of_another_shape_is_refused_by_the_program), /* 3b: 64 */
      T(a_layout_change_rebinds_the_plan)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
