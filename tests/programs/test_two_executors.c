/* Two executors of one runtime train in two threads at once, each in its own scope:
 * both end where one alone ends. Also built under ThreadSanitizer. */
#include <pthread.h>

#include "session.h"

enum { STEPS = 10, RUNNERS = 2 };

typedef struct {
  frt_runtime_t *rt;
  frt_program_t *startup, *main;
  frt_status_t status;
  frt_error_t err;
  float loss[STEPS];
} runner_t;

/* No cmocka assertions here: they may only fail in the main thread. */
static frt_status_t train(runner_t *r, frt_executor_t *exe, frt_scope_t *scope,
                          frt_tensor_t **loss) {
  const frt_fetch_t fetch = {DIGITS_LOSS, 0, 0};
  FRT_TRY(frt_executor_run(exe, r->startup, scope, NULL, 0, NULL, 0, NULL, NULL, &r->err));
  for (uint32_t i = 0; i < STEPS; ++i) {
    digits_t d = digits_batch(i);
    const frt_feed_t feed[] = {{"img", d.img}, {"label", d.label}};
    frt_status_t status = frt_executor_run(exe, r->main, scope, feed, 2, &fetch, 1, loss,
                                           NULL, &r->err);
    digits_release(&d);
    if (status != FRT_OK) return status;
    r->loss[i] = first_f32(*loss);
  }
  return FRT_OK;
}

static void *run(void *arg) {
  runner_t *r = (runner_t *)arg;
  frt_executor_t *exe = NULL;
  frt_scope_t *scope = NULL;
  frt_tensor_t *loss = NULL;
  r->status = frt_executor_create(r->rt, "cpu", NULL, &exe, &r->err);
  if (r->status == FRT_OK) r->status = frt_scope_create(r->rt, &scope, &r->err);
  if (r->status == FRT_OK) r->status = train(r, exe, scope, &loss);
  frt_tensor_release(loss);
  frt_scope_release(scope);
  frt_executor_release(exe);
  return NULL;
}

static void two_executors_train_at_once(void **state) {
  (void)state;
  runner_t alone = {.rt = make_runtime(2)}, both[RUNNERS];
  pthread_t threads[RUNNERS];
  alone.startup = load_model("digits", "startup.pdmodel");
  alone.main = load_model("digits", "main.pdmodel");
  for (int i = 0; i < RUNNERS; ++i) both[i] = alone;
  for (int i = 0; i < RUNNERS; ++i)
    assert_int_equal(0, pthread_create(&threads[i], NULL, run, &both[i]));
  for (int i = 0; i < RUNNERS; ++i) pthread_join(threads[i], NULL);
  run(&alone);
  must_(alone.status, &alone.err, "alone");
  for (int i = 0; i < RUNNERS; ++i) {
    must_(both[i].status, &both[i].err, "two at once");
    assert_memory_equal(alone.loss, both[i].loss, sizeof alone.loss);
  }
  frt_program_release(alone.main);
  frt_program_release(alone.startup);
  frt_runtime_release(alone.rt);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(two_executors_train_at_once) /* 3h: 232 */};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
