/* One prepared kernel on four queues from four threads, while four others ask questions:
 * the same bits as alone, the same answers. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "runner/trial.h"

enum { HANDS = 4, RUNS = 4 };

typedef struct hand {
  pthread_t thread;
  frti_trial_t t;       /* a copy: judging writes its text */
  frti_target_t target; /* with a queue of its own */
  const frti_exec_t *kernel;
  pthread_barrier_t *start;
  _Atomic int *stop;
  int v;
  char why[FRTI_TEXT];
} hand_t;

static int run_once(hand_t *h) {
  const frti_variant_t plain = {0xFF, FRTI_ALIGNED, 0};
  frti_exec_t *x = NULL;
  frti_outcome_t o = {0};
  frt_error_t err = FRT_ERROR_INIT;
  int v;
  frt_status_t status = frti_exec_share(h->kernel, &h->target, plain, &x, &err);
  if (status == FRT_OK) status = frti_exec_launch(x, &err);
  if (status == FRT_OK) status = frti_exec_finish(x, &o, &err);
  v = status == FRT_OK ? frti_trial_same(&h->t, &o, "four threads, one prepared kernel")
                       : frti_trial_failed(&h->t, "in parallel", status, &err);
  frti_outcome_release(&o);
  frti_exec_close(x);
  return v;
}

static void *run(void *arg) {
  hand_t *h = arg;
  pthread_barrier_wait(h->start);
  for (int i = 0; i < RUNS && h->v == FRTI_PASS; ++i) h->v = run_once(h);
  return NULL;
}

static void *ask(void *arg) {
  const struct timespec nap = {0, 20000};
  hand_t *h = arg;
  frt_api_support_t support;
  pthread_barrier_wait(h->start);
  while (h->v == FRTI_PASS && !atomic_load(h->stop)) {
    h->v = frti_ask(&h->target, &h->t.p.op, &support, h->why, sizeof h->why);
    if (h->v == FRTI_PASS && support.flags != h->t.support.flags) {
      snprintf(h->why, sizeof h->why, "op_query answers otherwise while ops run");
      h->v = FRTI_FAIL;
    }
    nanosleep(&nap, NULL); /* the processors are for the others */
  }
  return NULL;
}

static frt_status_t hand_open(hand_t *h, const frti_trial_t *t, const frti_target_t *target,
                              const frti_exec_t *kernel, int asks, frt_error_t *err) {
  h->t = *t;
  h->t.why = h->why;
  h->t.cap = sizeof h->why;
  h->t.worst = NULL;
  h->target = *target;
  h->target.spare = NULL;
  h->target.queue = NULL;
  h->kernel = kernel;
  h->v = FRTI_PASS;
  return asks ? FRT_OK : target->api->queue_open(target->dev, &h->target.queue, err);
}

/* Starts all, or none: those that started wait for the last one. */
static int start(hand_t *h, pthread_barrier_t *barrier, _Atomic int *stop) {
  for (int i = 0; i < 2 * HANDS; ++i) {
    h[i].start = barrier;
    h[i].stop = stop;
    if (!pthread_create(&h[i].thread, NULL, i < HANDS ? run : ask, &h[i])) continue;
    while (i--) {
      pthread_cancel(h[i].thread); /* it waits at the barrier */
      pthread_join(h[i].thread, NULL);
    }
    return 0;
  }
  return 1;
}

static int together(frti_trial_t *t, hand_t *h) {
  pthread_barrier_t barrier;
  _Atomic int stop = 0;
  int v = FRTI_PASS;
  pthread_barrier_init(&barrier, NULL, 2 * HANDS);
  if (!start(h, &barrier, &stop)) {
    snprintf(t->why, t->cap, "the suite itself cannot start %d threads", 2 * HANDS);
    v = FRTI_FAIL;
  }
  for (int i = 0; i < 2 * HANDS && h[0].start && v != FRTI_FAIL; ++i) {
    if (i == HANDS) atomic_store(&stop, 1);
    pthread_join(h[i].thread, NULL);
  }
  for (int i = 0; i < 2 * HANDS && v == FRTI_PASS; ++i)
    if (h[i].v != FRTI_PASS) {
      snprintf(t->why, t->cap, "%s", h[i].why);
      v = FRTI_FAIL;
    }
  pthread_barrier_destroy(&barrier);
  return v;
}

static int in_parallel(frti_trial_t *t) {
  const frti_target_t *target = &t->b->target[1];
  const frti_variant_t plain = {0xFF, FRTI_ALIGNED, 0};
  hand_t *h = calloc(2 * HANDS, sizeof *h);
  frti_exec_t *kernel = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status;
  int v = FRTI_FAIL;
  if (!h) return v;
  status = frti_exec_open(target, &t->p, plain, &kernel, &err);
  for (int i = 0; i < 2 * HANDS && status == FRT_OK; ++i)
    status = hand_open(&h[i], t, target, kernel, i >= HANDS, &err);
  v = status == FRT_OK ? together(t, h)
                       : frti_trial_failed(t, "before running in parallel", status, &err);
  for (int i = 0; i < HANDS; ++i)
    if (h[i].target.queue) target->api->queue_close(h[i].target.queue);
  frti_exec_close(kernel);
  free(h);
  return v;
}

int frti_run_parallel(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                      uint32_t dtype, char *why, size_t cap) {
  if (b->target[1].info.flags & FRT_DEVICE_SINGLE_THREAD) return 0;
  return frti_trial(b, c, row, dtype, why, cap, in_parallel);
}
