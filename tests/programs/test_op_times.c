/* Ops are measured where it is asked for, each run of each once, and nothing else changes. */
#include "session.h"

enum { STEPS = 5 };

static const frt_op_time_t *find(const frt_op_time_t *t, size_t n, const char *type) {
  for (size_t i = 0; i < n; ++i)
    if (!strcmp(t[i].type, type)) return &t[i];
  fail_msg("no time of %s", type);
  return NULL;
}

/* The loss after STEPS steps, measured or not. */
static float train(session_t *s, int timed) {
  frt_tensor_t *loss = NULL;
  float last;
  for (uint32_t i = 0; i < STEPS; ++i) {
    digits_t d = digits_batch(i);
    frt_executor_time_ops(s->exe, timed);
    digits_step(s, &d, &loss);
    digits_release(&d);
  }
  last = first_f32(loss);
  frt_tensor_release(loss);
  return last;
}

static void every_run_of_an_op_is_measured(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_op_time_t *t;
  size_t n;
  (void)state;
  session_t s = session_open("digits", "cpu", 1);
  const float loss = train(&s, 1);
  MUST(frt_executor_op_times(s.exe, s.main, &t, &n, &err));
  const frt_op_time_t *softmax = find(t, n, "softmax_with_cross_entropy");
  assert_int_equal(softmax->runs, STEPS);
  assert_true(softmax->ns >= softmax->slowest_ns && softmax->slowest_ns > 0);
  assert_true(softmax->slowest_ns * STEPS >= softmax->ns);
  assert_string_equal(softmax->place, "cpu");
  assert_string_equal(frt_program_op_type(s.main, softmax->block, (uint32_t)softmax->op),
                      "softmax_with_cross_entropy");
  /* Of the branches of the schedule the first one alone ran. */
  size_t branches = 0;
  for (size_t i = 0; i < n; ++i) branches += t[i].block > 0;
  assert_int_equal(branches, 1);
  frt_free(t);
  session_close(&s);
  session_t plain = session_open("digits", "cpu", 1);
  assert_true(train(&plain, 0) == loss); /* the same bits */
  MUST(frt_executor_op_times(plain.exe, plain.main, &t, &n, &err));
  assert_int_equal(n, 0);
  frt_free(t);
  session_close(&plain);
}

static void times_add_up_until_they_are_turned_off(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_op_time_t *t;
  size_t n;
  (void)state;
  session_t s = session_open("digits", "reference", 1);
  train(&s, 1);
  train(&s, 0);
  train(&s, 1);
  MUST(frt_executor_op_times(s.exe, s.main, &t, &n, &err));
  assert_int_equal(find(t, n, "lars_momentum")->runs, 2 * STEPS);
  frt_free(t);
  MUST(frt_executor_op_times(s.exe, s.startup, &t, &n, &err)); /* ran unmeasured */
  assert_int_equal(n, 0);
  frt_free(t);
  session_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_run_of_an_op_is_measured),
      cmocka_unit_test(times_add_up_until_they_are_turned_off)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
