/* A device that says SINGLE_THREAD is called by one thread at a time, however many
 * executors run on it. */
#define _GNU_SOURCE

#include "unit/runtime/fixture.h"
#include "unit/runtime/island.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 3, STEPS = 20 };
static _Atomic int inside, met; /* calls under way; those that met another */

static void come(void) {
  if (atomic_fetch_add(&inside, 1)) atomic_fetch_add(&met, 1);
  usleep(50);
}
static void go(void) { atomic_fetch_sub(&inside, 1); }

static frt_status_t one_info(void *self, uint32_t i, frt_api_device_info_t *out,
                             frt_error_t *err) {
  out->flags = FRT_DEVICE_SINGLE_THREAD;
  return island_info(self, i, out, err);
}
static frt_status_t one_alloc(frt_dev_t *d, uint32_t kind, uint64_t bytes, void **out,
                              frt_error_t *err) {
  come();
  const frt_status_t status = island_alloc(d, kind, bytes, out, err);
  go();
  return status;
}
static void one_free(frt_dev_t *d, uint32_t kind, void *p) {
  come();
  island_free(d, kind, p);
  go();
}
static frt_status_t one_copy(frt_dev_t *d, frt_queue_t *q, uint32_t way, void *dst,
                             const void *src, uint64_t bytes, frt_error_t *err) {
  come();
  const frt_status_t status = island_copy(d, q, way, dst, src, bytes, err);
  go();
  return status;
}
static frt_status_t one_prepare(void *self, frt_dev_t *d, const frt_api_op_t *op,
                                frt_prepared_t **out, uint64_t *ws, frt_error_t *err) {
  come();
  const frt_status_t status = island_prepare(self, d, op, out, ws, err);
  go();
  return status;
}
static frt_status_t one_run(const frt_prepared_t *k, const frt_api_run_t *r,
                            frt_error_t *err) {
  come();
  const frt_status_t status = island_run(k, r, err);
  go();
  return status;
}
static frt_status_t one_entry(const frt_api_host_t *host, frt_api_provider_t *io,
                              frt_error_t *err) {
  FRT_TRY(island_entry(host, io, err));
  io->device_info = one_info;
  io->slab_alloc = one_alloc;
  io->slab_free = one_free;
  io->copy = one_copy;
  io->op_prepare = one_prepare;
  io->op_run = one_run;
  return FRT_OK;
}

typedef struct worker {
  fixture_t *f;
  frt_status_t status;
  frt_error_t err;
} worker_t;

/* An executor and a scope of its own; the program is everybody's. */
static frt_status_t train(worker_t *w) {
  frt_error_t *err = &w->err;
  float x[] = {1, 2, 3};
  const int64_t dims[] = {3};
  const frt_fetch_t fetch = {.var = "loss"};
  frt_executor_t *exe = NULL;
  frt_scope_t *scope = NULL;
  frt_tensor_t *in = NULL, *loss = NULL;
  frt_status_t status = frt_executor_create(w->f->rt, "island", NULL, &exe, err);
  if (!status) status = frt_scope_create(w->f->rt, &scope, err);
  if (!status) status = frt_tensor_wrap(FRT_F32, 1, dims, x, sizeof x, &in, err);
  if (!status)
    status = frt_executor_run(exe, w->f->startup, scope, NULL, 0, NULL, 0, NULL, NULL, err);
  const frt_feed_t feed = {"x", in};
  for (int i = 0; i < STEPS && !status; ++i)
    status = frt_executor_run(exe, w->f->main, scope, &feed, 1, &fetch, 1, &loss, NULL, err);
  frt_tensor_release(loss);
  frt_tensor_release(in);
  frt_scope_release(scope);
  frt_executor_release(exe);
  return status;
}

static void *work(void *arg) {
  worker_t *w = arg;
  w->status = train(w);
  return NULL;
}

static void a_single_thread_device_is_called_by_one_thread(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  pthread_t threads[THREADS];
  worker_t workers[THREADS];
  OK(frt_runtime_add_provider(f->rt, one_entry, &err));
  for (int i = 0; i < THREADS; ++i) {
    workers[i] = (worker_t){f, FRT_OK, FRT_ERROR_INIT};
    assert_int_equal(0, pthread_create(&threads[i], NULL, work, &workers[i]));
  }
  for (int i = 0; i < THREADS; ++i) {
    pthread_join(threads[i], NULL);
    if (workers[i].status) fail_msg("thread %d: %s", i, workers[i].err.message);
  }
  assert_int_equal(0, atomic_load(&met));
}

static void explain_says_that_a_device_takes_one_thread(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe = NULL;
  char *text = NULL;
  OK(frt_runtime_add_provider(f->rt, one_entry, &err));
  OK(frt_executor_create(f->rt, "island", NULL, &exe, &err));
  OK(frt_executor_explain(exe, f->main, NULL, NULL, 0, NULL, 0, 3, NULL, 0, &text, &err));
  assert_non_null(strstr(text, "memory of its own; one thread at a time;"));
  frt_free(text);
  frt_executor_release(exe);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_single_thread_device_is_called_by_one_thread, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(explain_says_that_a_device_takes_one_thread, setup,
                                      teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
