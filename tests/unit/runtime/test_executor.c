/* Running a small program: results, errors, the plan cache, pruning, cancelling. */
#include "unit/runtime/fixture.h"

static void a_step_updates_what_it_should(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  frt_tensor_t *x = vector(1, 2, 3), *out[2] = {0};
  const frt_feed_t feed = {"x", x};
  const frt_fetch_t fetch[] = {{.var = "loss"}, {.var = "w"}};
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  for (int step = 1; step <= 3; ++step) { /* w = 2 - step * x / 2; loss = sum(x w) before */
    OK(frt_executor_run(exe, f->main, f->scope, &feed, 1, fetch, 2, out, NULL, &err));
    assert_float_equal(((float *)frt_tensor_data(out[0]))[0],
                       12.0f - 7.0f * (float)(step - 1), 0.0f);
    for (int i = 0; i < 3; ++i)
      assert_float_equal(((float *)frt_tensor_data(out[1]))[i],
                         2.0f - 0.5f * (float)(step * (i + 1)), 0.0f);
    assert_float_equal(element(f->scope, "counter", 0), (float)step, 0.0f);
  }
  frt_executor_stats_t s = {.struct_size = sizeof s};
  frt_executor_stats(exe, &s);
  assert_int_equal(s.plans_built, 2); /* one for each program */
  assert_int_equal(s.ops, 4);         /* sqrt reaches nothing */
  frt_tensor_release(out[0]);
  frt_tensor_release(out[1]);
  frt_tensor_release(x);
  frt_executor_release(exe);
}

static void refuse(fixture_t *f, const frt_feed_t *feed, size_t n_feed, const char *fetch,
                   frt_status_t want, frt_phase_t phase, const char *message) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  frt_tensor_t *out = NULL;
  const frt_fetch_t one = {.var = fetch};
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  assert_int_equal(want, frt_executor_run(exe, f->main, f->scope, feed, n_feed, &one, 1,
                                          &out, NULL, &err));
  assert_string_equal(err.message, message);
  assert_int_equal(err.phase, phase);
  assert_null(out);
  frt_executor_release(exe);
}

static void run_names_what_it_cannot_use(void **state) {
  fixture_t *f = *state;
  static const int64_t four[] = {2, 2};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *x = vector(1, 2, 3), *square;
  OK(frt_tensor_create(FRT_F32, 2, four, &square, &err));
  frt_feed_t feed[2] = {{"x", x}, {"xx", x}};
  refuse(f, feed, 1, "loss", FRT_FAILED_PRECONDITION, FRT_PHASE_RUN,
         "3 variables are not initialized (run the startup program first): "
         "'w' (read by op #0 elementwise_mul), 'lr' (read by op #3 sgd), "
         "'counter' (read by op #4 increment)");
  frt_executor_t *exe;
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  frt_executor_release(exe);
  refuse(f, feed, 1, "los", FRT_NOT_FOUND, FRT_PHASE_FETCH,
         "fetch 'los': not in block 0; nearest is 'loss'");
  refuse(f, feed, 2, "loss", FRT_NOT_FOUND, FRT_PHASE_FEED,
         "feed 'xx': not in block 0; nearest is 'x'");
  refuse(f, NULL, 0, "loss", FRT_FAILED_PRECONDITION, FRT_PHASE_FEED,
         "1 feed is missing: 'x' (read by op #0 elementwise_mul)");
  feed[0].tensor = square;
  refuse(f, feed, 1, "loss", FRT_INVALID_ARGUMENT, FRT_PHASE_FEED,
         "feed 'x' has shape [2, 2]; wanted [-1]");
  feed[1].name = "x";
  refuse(f, feed, 2, "loss", FRT_INVALID_ARGUMENT, FRT_PHASE_FEED, "feed 'x' is given twice");
  frt_tensor_release(x);
  frt_tensor_release(square);
}

static void unknown_ops_are_listed_together(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  add_op(f->main, 0, "reduce_sun", "X=y", "Out=unused");
  add_op(f->main, 0, "my_private_operator", "X=y", "Out=unused");
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  assert_int_equal(FRT_UNIMPLEMENTED, frt_executor_run(exe, f->main, f->scope, NULL, 0, NULL,
                                                       0, NULL, NULL, &err));
  assert_string_equal(err.message,
                      "2 ops are not known: block 0 op #5 'reduce_sun' (nearest is "
                      "'reduce_sum'), block 0 op #6 'my_private_operator'");
  assert_int_equal(err.op, 5);
  frt_executor_release(exe);
}

static void a_persistable_can_be_fed(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  frt_tensor_t *x = vector(1, 1, 1), *w = vector(5, 6, 7), *out = NULL;
  const frt_feed_t feed[] = {{"x", x}, {"w", w}};
  const frt_fetch_t fetch = {.var = "loss"};
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  OK(frt_executor_run(exe, f->main, f->scope, feed, 2, &fetch, 1, &out, NULL, &err));
  assert_float_equal(((float *)frt_tensor_data(out))[0], 18.0f, 0.0f);
  assert_float_equal(element(f->scope, "w", 0), 4.5f, 0.0f);
  assert_float_equal(((float *)frt_tensor_data(w))[0], 5.0f, 0.0f); /* lent, read only */
  frt_tensor_release(out);
  frt_tensor_release(x);
  frt_tensor_release(w);
  frt_executor_release(exe);
}

static void a_cancelled_run_says_where(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  frt_executor_cancel(exe);
  assert_int_equal(FRT_CANCELLED, frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL,
                                                   0, NULL, NULL, &err));
  assert_string_equal(err.message, "block 0 op #0 fill_constant: cancelled before this op");
  assert_true(frt_scope_partly_updated(f->scope));
  OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  assert_false(frt_scope_partly_updated(f->scope));
  frt_executor_release(exe);
}

/* 20 plans are made, of which `max_plans` (0: 16) stay. */
static void fill_cache(fixture_t *f, uint32_t max_plans, uint64_t evicted) {
  const frt_executor_options_t o = {.struct_size = sizeof o, .max_plans = max_plans};
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  frt_program_t *p;
  static const int64_t batch[] = {-1};
  OK(frt_program_create(&p, &err));
  add_var(p, 0, "a", FRT_F32, 1, batch, 0);
  add_var(p, 0, "b", FRT_F32, 1, batch, 0);
  add_op(p, 0, "square", "X=a", "Out=b");
  OK(frt_executor_create(f->rt, "reference", &o, &exe, &err));
  for (int64_t n = 1; n <= 20; ++n) {
    frt_tensor_t *a, *out = NULL;
    OK(frt_tensor_create(FRT_F32, 1, &n, &a, &err));
    ((float *)frt_tensor_data(a))[n - 1] = 3.0f;
    const frt_feed_t feed = {"a", a};
    const frt_fetch_t fetch = {.var = "b"};
    OK(frt_executor_run(exe, p, f->scope, &feed, 1, &fetch, 1, &out, NULL, &err));
    assert_float_equal(((float *)frt_tensor_data(out))[n - 1], 9.0f, 0.0f);
    frt_tensor_release(out);
    frt_tensor_release(a);
  }
  frt_executor_stats_t s = {.struct_size = sizeof s};
  frt_executor_stats(exe, &s);
  assert_int_equal(s.plans_built, 20);
  assert_int_equal(s.plans_evicted, evicted);
  frt_executor_release(exe);
  frt_program_release(p);
}

static void the_cache_holds_as_many_plans_as_it_is_told(void **state) {
  fill_cache(*state, 0, 4);
  fill_cache(*state, 1, 19);
  fill_cache(*state, 64, 0);
}

static void a_memory_limit_refuses_before_the_first_op(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  const frt_executor_options_t o = {.struct_size = sizeof o, .max_memory = 8};
  OK(frt_executor_create(f->rt, "reference", &o, &exe, &err));
  assert_int_equal(FRT_RESOURCE_EXHAUSTED,
                   frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL,
                                    &err));
  assert_non_null(strstr(err.message, "the limit is 8"));
  assert_false(frt_scope_partly_updated(f->scope));
  frt_executor_release(exe);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
      T(a_step_updates_what_it_should), T(run_names_what_it_cannot_use),
      T(unknown_ops_are_listed_together), T(a_persistable_can_be_fed),
      T(a_cancelled_run_says_where), T(the_cache_holds_as_many_plans_as_it_is_told),
      T(a_memory_limit_refuses_before_the_first_op) /* 3g: 219 */};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
