/* Queues and events. A queue is a thread that does its jobs in order, each after a
 * random rest; the first failure is kept for the next sync and ends the jobs behind it. */
#include <time.h>

#include "virtual.h"

enum { SLOW_US = 5000 };

frt_status_t frt_virtual_lost(const frt_dev_t *dev, frt_error_t *err) {
  if (!atomic_load(&dev->lost)) return FRT_OK;
  return frt_fail(err, FRT_DEVICE_LOST, "virtual:%u was lost", dev->index);
}

/* xorshift: which rests a queue takes depends on the seed, the device and its number. */
static uint64_t roll(uint64_t *dice) {
  *dice ^= *dice << 13;
  *dice ^= *dice >> 7;
  *dice ^= *dice << 17;
  return *dice;
}

static void rest(frt_queue_t *q, const job_t *j) {
  const settings_t *s = &q->dev->settings;
  uint64_t us = s->delay_us ? roll(&q->dice) % (s->delay_us + 1) : 0;
  if (s->slow && j->number % s->slow == 0) us += SLOW_US;
  if (!us) return;
  const struct timespec t = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
  nanosleep(&t, NULL);
}

/* Skipped work: an event is recorded all the same, or its waiters never end. */
static int skips(const frt_queue_t *q, const job_t *j) {
  return q->status != FRT_OK && (j->kind == JOB_RUN || j->kind == JOB_COPY);
}

static void *serve(void *arg) {
  frt_queue_t *q = arg;
  pthread_mutex_lock(&q->lock);
  for (;;) {
    while (!q->first && !q->ending) pthread_cond_wait(&q->work, &q->lock);
    job_t *j = q->first;
    if (!j) break;
    q->first = j->next;
    if (!q->first) q->last = NULL;
    const int skip = skips(q, j);
    pthread_mutex_unlock(&q->lock);
    frt_error_t err = FRT_ERROR_INIT;
    frt_status_t status = FRT_OK;
    if (!skip) {
      rest(q, j);
      status = frt_virtual_job_do(q, j, &err);
    }
    pthread_mutex_lock(&q->lock);
    if (status != FRT_OK && q->status == FRT_OK) {
      q->status = status;
      q->err = err;
    }
    q->done = j->number;
    j->next = q->spare;
    q->spare = j;
    pthread_cond_broadcast(&q->idle);
  }
  pthread_mutex_unlock(&q->lock);
  return NULL;
}

static uint64_t submit(frt_queue_t *q, job_t *j) {
  pthread_mutex_lock(&q->lock);
  const uint64_t number = j->number = ++q->asked;
  j->next = NULL;
  if (q->last) q->last->next = j;
  else q->first = j;
  q->last = j;
  pthread_cond_signal(&q->work);
  pthread_mutex_unlock(&q->lock);
  return number;
}

/* Waits for all jobs up to `number` and reports the first failure, once. */
static frt_status_t wait_for(frt_queue_t *q, uint64_t number, frt_error_t *err) {
  pthread_mutex_lock(&q->lock);
  while (q->done < number) pthread_cond_wait(&q->idle, &q->lock);
  const frt_status_t status = q->status;
  if (status != FRT_OK && err) *err = q->err;
  q->status = FRT_OK;
  pthread_mutex_unlock(&q->lock);
  return status;
}

frt_status_t frt_virtual_queue_open(frt_dev_t *dev, frt_queue_t **out, frt_error_t *err) {
  const frt_api_host_t *host = dev->v->host;
  frt_queue_t *q;
  *out = NULL;
  FRT_TRY(frt_virtual_lost(dev, err));
  q = host->mem_alloc(host->ctx, sizeof *q, 16);
  if (!q) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "virtual: no memory for a queue");
  memset(q, 0, sizeof *q);
  q->dev = dev;
  q->dice = (dev->settings.seed * 1000003 + dev->index * 1009 +
             atomic_fetch_add(&dev->queues, 1)) * 0x9e3779b97f4a7c15u | 1;
  pthread_mutex_init(&q->lock, NULL);
  pthread_cond_init(&q->work, NULL);
  pthread_cond_init(&q->idle, NULL);
  frt_status_t status = dev->v->base->queue_open(dev->base, &q->base, err);
  if (status == FRT_OK && pthread_create(&q->thread, NULL, serve, q)) {
    dev->v->base->queue_close(q->base);
    status = frt_fail(err, FRT_RESOURCE_EXHAUSTED, "virtual: no thread for a queue");
  }
  if (status == FRT_OK) {
    *out = q;
    return FRT_OK;
  }
  host->mem_free(host->ctx, q);
  return status;
}

frt_status_t frt_virtual_queue_sync(frt_queue_t *q, frt_error_t *err) {
  pthread_mutex_lock(&q->lock);
  const uint64_t number = q->asked;
  pthread_mutex_unlock(&q->lock);
  FRT_TRY(wait_for(q, number, err));
  return frt_virtual_lost(q->dev, err);
}

void frt_virtual_queue_close(frt_queue_t *q) {
  if (!q) return;
  const frt_api_host_t *host = q->dev->v->host;
  pthread_mutex_lock(&q->lock);
  q->ending = 1;
  pthread_cond_signal(&q->work);
  pthread_mutex_unlock(&q->lock);
  pthread_join(q->thread, NULL); /* it ends when its jobs are done */
  q->dev->v->base->queue_close(q->base);
  while (q->spare) {
    job_t *j = q->spare;
    q->spare = j->next;
    if (j->room) host->mem_free(host->ctx, j->room);
    host->mem_free(host->ctx, j);
  }
  pthread_cond_destroy(&q->idle);
  pthread_cond_destroy(&q->work);
  pthread_mutex_destroy(&q->lock);
  host->mem_free(host->ctx, q);
}

/* ---- events ------------------------------------------------------------------------ */

frt_status_t frt_virtual_event_open(frt_dev_t *dev, frt_event_t **out, frt_error_t *err) {
  const frt_api_host_t *host = dev->v->host;
  *out = NULL;
  FRT_TRY(frt_virtual_lost(dev, err));
  frt_event_t *e = host->mem_alloc(host->ctx, sizeof *e, 16);
  if (!e) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "virtual: no memory for an event");
  memset(e, 0, sizeof *e);
  e->host = host;
  e->refs = 1;
  pthread_mutex_init(&e->lock, NULL);
  pthread_cond_init(&e->done_one, NULL);
  *out = e;
  return FRT_OK;
}

void frt_virtual_event_close(frt_event_t *e) {
  if (!e) return;
  pthread_mutex_lock(&e->lock);
  const uint32_t left = --e->refs;
  pthread_mutex_unlock(&e->lock);
  if (left) return;
  pthread_cond_destroy(&e->done_one);
  pthread_mutex_destroy(&e->lock);
  e->host->mem_free(e->host->ctx, e);
}

static frt_status_t submit_event(frt_event_t *e, frt_queue_t *q, job_kind_t kind,
                                 frt_error_t *err) {
  job_t *j = frt_virtual_job_new(q, 0);
  if (!j) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "virtual: no memory for a job");
  pthread_mutex_lock(&e->lock);
  ++e->refs;
  j->ticket = kind == JOB_RECORD ? ++e->recorded : e->recorded;
  pthread_mutex_unlock(&e->lock);
  j->kind = kind;
  j->event = e;
  submit(q, j);
  return FRT_OK;
}

frt_status_t frt_virtual_event_record(frt_event_t *e, frt_queue_t *q, frt_error_t *err) {
  FRT_TRY(frt_virtual_lost(q->dev, err));
  return submit_event(e, q, JOB_RECORD, err);
}

frt_status_t frt_virtual_event_wait(frt_event_t *e, frt_queue_t *q, frt_error_t *err) {
  if (q) {
    FRT_TRY(frt_virtual_lost(q->dev, err));
    return submit_event(e, q, JOB_WAIT, err);
  }
  pthread_mutex_lock(&e->lock);
  const uint64_t ticket = e->recorded;
  while (e->done < ticket) pthread_cond_wait(&e->done_one, &e->lock);
  pthread_mutex_unlock(&e->lock);
  return FRT_OK;
}

/* ---- copies and ops ------------------------------------------------------------------ */

/* The host's memory is its own again when the call returns, unless it is pinned: what goes
 * to the device is taken at once, what comes from it is waited for. copy=late drops that
 * courtesy: then only a sync says that host memory was read or written. */
frt_status_t frt_virtual_copy(frt_dev_t *dev, frt_queue_t *q, uint32_t direction, void *dst,
                              const void *src, uint64_t bytes, frt_error_t *err) {
  memory_t *m = &dev->v->memory;
  const int to = direction == FRT_COPY_TO_DEVICE, from = direction == FRT_COPY_FROM_DEVICE;
  const void *host = to ? src : dst;
  FRT_TRY(frt_virtual_lost(dev, err));
  if (direction > FRT_COPY_WITHIN || !q || q->dev != dev)
    return frt_fail(err, FRT_INVALID_ARGUMENT,
                    "virtual:%u: a copy of direction %u wants a queue of this device",
                    dev->index, direction);
  if ((to || from) && !frt_virtual_is_host(m, host, bytes))
    return frt_fail(err, FRT_INTERNAL, "virtual:%u: a copy's host address %p is device memory",
                    dev->index, host);
  const int courtesy = (to || from) && !dev->settings.late && !frt_virtual_is_pinned(m, host, bytes);
  job_t *j = frt_virtual_job_new(q, courtesy && to ? bytes : 0);
  if (!j) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "virtual: no memory for a copy");
  j->kind = JOB_COPY;
  j->direction = direction;
  j->dst = dst;
  j->src = src;
  j->bytes = bytes;
  if (courtesy && to) {
    if (bytes) memcpy(j->room, src, bytes);
    j->src = j->room;
  }
  const uint64_t number = submit(q, j);
  return courtesy && from ? wait_for(q, number, err) : FRT_OK;
}

/* Asked here too, so that a wrong address fails the call that brought it. */
static frt_status_t check_slots(const frt_dev_t *dev, const frt_api_slot_t *slots, uint32_t n,
                                frt_error_t *err) {
  void *unused;
  char what[64];
  for (uint32_t s = 0; s < n; ++s)
    for (uint32_t i = 0; i < slots[s].count; ++i) {
      const frt_api_tensor_t *t = slots[s].t[i];
      if (!t->data) continue;
      snprintf(what, sizeof what, "slot %.40s[%u]", slots[s].name ? slots[s].name : "?", i);
      FRT_TRY(frt_virtual_real(&dev->v->memory, dev->index, t->data, t->bytes, what, &unused,
                               err));
    }
  return FRT_OK;
}

static frt_status_t check_run(frt_dev_t *dev, const frt_api_run_t *run, frt_error_t *err) {
  memory_t *m = &dev->v->memory;
  void *unused;
  pthread_rwlock_rdlock(&m->lock);
  frt_status_t status = check_slots(dev, run->in, run->n_in, err);
  if (status == FRT_OK) status = check_slots(dev, run->out, run->n_out, err);
  if (status == FRT_OK && run->workspace)
    status = frt_virtual_real(m, dev->index, run->workspace, run->workspace_bytes,
                              "the workspace", &unused, err);
  pthread_rwlock_unlock(&m->lock);
  return status;
}

frt_status_t frt_virtual_op_run(const frt_prepared_t *k, const frt_api_run_t *run,
                                frt_error_t *err) {
  frt_queue_t *q = run->queue;
  job_t *j;
  if (!q) return frt_fail(err, FRT_INVALID_ARGUMENT, "virtual: op_run without a queue");
  FRT_TRY(frt_virtual_lost(q->dev, err));
  FRT_TRY(check_run(q->dev, run, err));
  FRT_TRY(frt_virtual_job_run(q, k, run, &j, err));
  submit(q, j);
  return FRT_OK;
}
