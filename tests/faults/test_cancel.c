/* Cancelling a run: from another thread, from a signal handler, before it begins. */
#include "faults.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

static frt_runtime_t *rt;
static frt_executor_t *volatile exe;
static frt_scope_t *scope;

static int setup(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *e = NULL;
  (void)state;
  rt = linked_runtime(2);
  OK(frt_executor_create(rt, "cpu", NULL, &e, &err));
  exe = e;
  OK(frt_scope_create(rt, &scope, &err));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  frt_scope_release(scope);
  frt_executor_release(exe);
  frt_runtime_release(rt);
  return 0;
}

static frt_status_t run(const frt_program_t *p, float *count, frt_error_t *err) {
  const frt_fetch_t fetch = {"i", 0, 0};
  frt_tensor_t *out = NULL;
  frt_status_t status = frt_executor_run(exe, p, scope, NULL, 0, &fetch, 1, &out, NULL, err);
  if (status == FRT_OK) *count = *(float *)frt_tensor_data(out);
  else assert_null(out);
  frt_tensor_release(out);
  return status;
}

/* After whatever was cancelled: the same executor counts to 1000. */
static void the_next_run_is_right(void) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = loop_program(1000.0f, 1.0f);
  float count = 0;
  OK(run(p, &count, &err));
  assert_true(count == 1000.0f);
  assert_int_equal(0, frt_scope_partly_updated(scope));
  frt_program_release(p);
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- another thread ---------------------------------------------------------------------- */

static double cancelled_at;

static void *cancel_soon(void *arg) {
  const struct timespec wait = {0, 30000000};
  (void)arg;
  nanosleep(&wait, NULL);
  cancelled_at = seconds();
  frt_executor_cancel(exe);
  return NULL;
}

static void expect_cancelled(const frt_program_t *p) {
  frt_error_t err = FRT_ERROR_INIT;
  float count;
  expect_error(run(p, &count, &err), &err, FRT_CANCELLED, FRT_PHASE_RUN, "cancelled");
  assert_true(err.op >= 0 && err.op_type[0]); /* it says before which op */
}

static void an_endless_loop_is_stopped_by_another_thread(void **state) {
  frt_program_t *p = loop_program(1.0f, 0.0f); /* i += 0 */
  (void)state;
  for (int times = 0; times < 3; ++times) {
    pthread_t id;
    assert_int_equal(0, pthread_create(&id, NULL, cancel_soon, NULL));
    expect_cancelled(p);
    const double stopped_at = seconds();
    pthread_join(id, NULL);
    assert_true(stopped_at - cancelled_at < 2.0); /* an op takes microseconds, a busy machine more */
    the_next_run_is_right();
  }
  frt_program_release(p);
}

/* `while` with a body that runs nothing: only its own jumps can notice. */
static void an_empty_endless_loop_is_stopped(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = new_program();
  pthread_t id;
  int32_t body;
  (void)state;
  const frt_var_info_t scopes = {.name = "scopes", .kind = FRT_VAR_STEP_SCOPES, .dtype = -1};
  var(p, 0, "i", FRT_F32, 1, ONE, 0);
  var(p, 0, "go", FRT_BOOL, 1, ONE, 0);
  OK(frt_program_add_var(p, 0, &scopes, &err));
  constant(p, 0, "i", 1, ONE, FRT_F32, 0.0f);
  op(p, 0, "less_equal", "X=i;Y=i", "Out=go");
  OK(frt_program_add_block(p, 0, &body, &err));
  var(p, body, "dead", FRT_F32, 1, ONE, 0);
  op(p, body, "relu", "X=i", "Out=dead");
  /* What the body writes must seem to matter, or the loop is dropped. */
  uint32_t at = op(p, body, "increment", "X=i", "Out=i");
  OK(frt_program_set_attr_f32(p, body, at, "step", 0.0f, &err));
  at = op(p, 0, "while", "X=i;Condition=go", "Out=i;StepScopes=scopes");
  const frt_attr_info_t block = {.name = "sub_block", .type = 8, .count = 1, .i = body};
  OK(frt_program_set_attr(p, 0, at, &block, &err));
  assert_int_equal(0, pthread_create(&id, NULL, cancel_soon, NULL));
  expect_cancelled(p);
  pthread_join(id, NULL);
  the_next_run_is_right();
  frt_program_release(p);
}

/* ---- a signal handler -------------------------------------------------------------------- */

static void on_alarm(int signal) {
  (void)signal;
  frt_executor_cancel(exe);
}

static void a_signal_handler_may_cancel(void **state) {
  const struct sigaction action = {.sa_handler = on_alarm};
  const struct itimerval soon = {{0, 0}, {0, 30000}};
  struct sigaction before;
  frt_program_t *p = loop_program(1.0f, 0.0f);
  (void)state;
  assert_int_equal(0, sigaction(SIGALRM, &action, &before));
  assert_int_equal(0, setitimer(ITIMER_REAL, &soon, NULL));
  expect_cancelled(p);
  sigaction(SIGALRM, &before, NULL);
  the_next_run_is_right();
  frt_program_release(p);
}

/* Signals that are merely handled disturb nothing, though they come every millisecond. */
static volatile sig_atomic_t alarms;
static void count_alarm(int signal) {
  (void)signal;
  ++alarms;
}

static void other_signals_disturb_nothing(void **state) {
  const struct sigaction action = {.sa_handler = count_alarm};
  const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
  struct sigaction before;
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = loop_program(20000.0f, 1.0f);
  char dir[512], path[600];
  frt_tensor_t *t = floats(1, THREE, 1.0f), *back = NULL;
  float count = 0;
  (void)state;
  snprintf(path, sizeof path, "%s/t.npy", make_folder(dir, sizeof dir));
  assert_int_equal(0, sigaction(SIGALRM, &action, &before));
  assert_int_equal(0, setitimer(ITIMER_REAL, &often, NULL));
  OK(run(p, &count, &err));
  assert_true(count == 20000.0f);
  for (int i = 0; i < 50; ++i) {
    OK(frt_npy_save(path, t, &err));
    OK(frt_npy_load(path, &back, &err));
    frt_tensor_release(back);
  }
  setitimer(ITIMER_REAL, &never, NULL);
  sigaction(SIGALRM, &before, NULL);
  assert_true(alarms > 0);
  frt_tensor_release(t);
  frt_program_release(p);
  remove_folder(dir);
}

/* ---- when nothing runs -------------------------------------------------------------------- */

static void a_cancel_before_a_run_stops_that_run_only(void **state) {
  frt_program_t *p = loop_program(10.0f, 1.0f);
  (void)state;
  frt_executor_cancel(exe);
  expect_cancelled(p);
  the_next_run_is_right();
  frt_program_release(p);
}

/* Updates that were made before the cancel stay, and the scope says so. */
static void a_cancelled_update_marks_the_scope(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = loop_program(1.0f, 0.0f), *set = new_program();
  pthread_t id;
  (void)state;
  var(p, 0, "w", FRT_F32, 1, ONE, 1);
  op(p, 0, "increment", "X=w", "Out=w");
  OK(frt_program_set_attr_f32(p, 0, frt_program_n_ops(p, 0) - 1, "step", 1.0f, &err));
  var(set, 0, "w", FRT_F32, 1, ONE, 1);
  constant(set, 0, "w", 1, ONE, FRT_F32, 1.0f);
  OK(frt_executor_run(exe, set, scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  assert_int_equal(0, pthread_create(&id, NULL, cancel_soon, NULL));
  expect_cancelled(p);
  pthread_join(id, NULL);
  assert_int_equal(1, frt_scope_partly_updated(scope));
  OK(frt_executor_run(exe, set, scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  assert_int_equal(0, frt_scope_partly_updated(scope));
  frt_program_release(set);
  frt_program_release(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_endless_loop_is_stopped_by_another_thread), /* 3b: 41 3h: 236 */
      cmocka_unit_test(an_empty_endless_loop_is_stopped), /* 3b: 41 */
      cmocka_unit_test(a_signal_handler_may_cancel), /* 3g: 223 3h: 236 */
      cmocka_unit_test(other_signals_disturb_nothing), /* 3g: 223 */
      cmocka_unit_test(a_cancel_before_a_run_stops_that_run_only), /* 3h: 236 */
      cmocka_unit_test(a_cancelled_update_marks_the_scope) /* 3h: 236 */};
  return cmocka_run_group_tests(tests, setup, teardown);
}
