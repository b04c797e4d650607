/* Jobs: what a queue will do, with all it needs copied, since what is inside a call ends
 * with the call; and doing them, on the second mappings of the slabs. */
#include "virtual.h"

job_t *frt_virtual_job_new(frt_queue_t *q, size_t room) {
  const frt_api_host_t *host = q->dev->v->host;
  job_t *j;
  pthread_mutex_lock(&q->lock);
  j = q->spare;
  if (j) q->spare = j->next;
  pthread_mutex_unlock(&q->lock);
  if (!j) {
    j = host->mem_alloc(host->ctx, sizeof *j, 16);
    if (!j) return NULL;
    memset(j, 0, sizeof *j);
  }
  if (j->room_bytes < room) {
    if (j->room) host->mem_free(host->ctx, j->room);
    j->room = host->mem_alloc(host->ctx, room, 64);
    j->room_bytes = j->room ? room : 0;
    if (!j->room) {
      frt_virtual_job_drop(q, j);
      return NULL;
    }
  }
  return j;
}

void frt_virtual_job_drop(frt_queue_t *q, job_t *j) {
  pthread_mutex_lock(&q->lock);
  j->next = q->spare;
  q->spare = j;
  pthread_mutex_unlock(&q->lock);
}

/* ---- copying a run ------------------------------------------------------------- */

typedef struct pack { /* base NULL: only counts */
  char *base;
  size_t used;
} pack_t;

static void *put(pack_t *p, const void *from, size_t bytes) {
  char *at = p->base ? p->base + p->used : NULL;
  if (at && bytes) memcpy(at, from, bytes);
  p->used += (bytes + 15) & ~(size_t)15;
  return at;
}

static const frt_api_tensor_t *put_tensor(pack_t *p, const frt_api_tensor_t *t) {
  frt_api_tensor_t copy = {0};
  memcpy(&copy, t, t->size && t->size < sizeof copy ? t->size : sizeof copy);
  copy.size = sizeof copy;
  copy.dims = put(p, t->dims, t->rank * sizeof *t->dims);
  return put(p, &copy, sizeof copy);
}

static const frt_api_slot_t *put_slots(pack_t *p, const frt_api_slot_t *from, uint32_t n) {
  frt_api_slot_t *slots = put(p, from, n * sizeof *from);
  for (uint32_t s = 0; s < n; ++s) {
    const char *name = put(p, from[s].name, from[s].name ? strlen(from[s].name) + 1 : 0);
    const frt_api_tensor_t **t = put(p, from[s].t, from[s].count * sizeof *from[s].t);
    for (uint32_t i = 0; i < from[s].count; ++i) {
      const frt_api_tensor_t *copy = put_tensor(p, from[s].t[i]);
      if (p->base) t[i] = copy;
    }
    if (!p->base) continue;
    slots[s].name = from[s].name ? name : NULL;
    slots[s].t = t;
  }
  return slots;
}

static void put_run(pack_t *p, const frt_api_run_t *run, frt_api_run_t *to) {
  to->in = put_slots(p, run->in, run->n_in);
  to->out = put_slots(p, run->out, run->n_out);
}

frt_status_t frt_virtual_job_run(frt_queue_t *q, const frt_prepared_t *k,
                                 const frt_api_run_t *run, job_t **out, frt_error_t *err) {
  frt_api_run_t copy = {0};
  pack_t p = {0};
  memcpy(&copy, run, run->size < sizeof copy ? run->size : sizeof copy);
  copy.size = sizeof copy;
  put_run(&p, run, &copy);
  job_t *j = frt_virtual_job_new(q, p.used);
  if (!j) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "virtual: no memory for a job");
  p.base = j->room;
  p.used = 0;
  put_run(&p, run, &copy);
  copy.queue = q->base;
  copy.host = q->dev->v->host;
  j->kind = JOB_RUN;
  j->k = k;
  j->run = copy;
  *out = j;
  return FRT_OK;
}

/* ---- doing them ----------------------------------------------------------------- */

/* The job's own copies: their addresses become those of the second mappings. */
static frt_status_t translate(const frt_queue_t *q, const frt_api_slot_t *slots, uint32_t n,
                              frt_error_t *err) {
  const frt_dev_t *dev = q->dev;
  char what[64];
  for (uint32_t s = 0; s < n; ++s)
    for (uint32_t i = 0; i < slots[s].count; ++i) {
      frt_api_tensor_t *t = (frt_api_tensor_t *)(uintptr_t)slots[s].t[i];
      if (!t->data) continue;
      snprintf(what, sizeof what, "slot %.40s[%u]", slots[s].name ? slots[s].name : "?", i);
      FRT_TRY(frt_virtual_real(&dev->v->memory, dev->index, t->data, t->bytes, what, &t->data,
                               err));
    }
  return FRT_OK;
}

static frt_status_t do_run(frt_queue_t *q, job_t *j, frt_error_t *err) {
  const memory_t *m = &q->dev->v->memory;
  frt_api_run_t *run = &j->run;
  FRT_TRY(translate(q, run->in, run->n_in, err));
  FRT_TRY(translate(q, run->out, run->n_out, err));
  if (run->workspace)
    FRT_TRY(frt_virtual_real(m, q->dev->index, run->workspace, run->workspace_bytes,
                             "the workspace", &run->workspace, err));
  return q->dev->v->base->op_run(j->k->base, run, err);
}

static frt_status_t run_op(frt_queue_t *q, job_t *j, frt_error_t *err) {
  frt_dev_t *dev = q->dev;
  const settings_t *s = &dev->settings;
  const uint64_t number = atomic_fetch_add(&dev->ops, 1) + 1;
  frt_status_t status;
  if (s->lost && number >= s->lost) atomic_store(&dev->lost, 1);
  status = frt_virtual_lost(dev, err);
  if (status == FRT_OK && number == s->fail)
    status = frt_fail(err, FRT_INTERNAL, "virtual:%u: op %llu fails as asked", dev->index,
                      (unsigned long long)number);
  if (status == FRT_OK) {
    pthread_rwlock_rdlock(&dev->v->memory.lock);
    status = do_run(q, j, err);
    pthread_rwlock_unlock(&dev->v->memory.lock);
  }
  if (status != FRT_OK) {
    err->block = j->k->block;
    err->op = j->k->op;
    memcpy(err->op_type, j->k->type, sizeof err->op_type);
  }
  return status;
}

static frt_status_t do_copy(frt_queue_t *q, job_t *j, frt_error_t *err) {
  frt_dev_t *dev = q->dev;
  void *to = j->dst, *from = (void *)(uintptr_t)j->src;
  frt_status_t status = FRT_OK;
  const uint64_t number = atomic_fetch_add(&dev->copies, 1) + 1;
  FRT_TRY(frt_virtual_lost(dev, err));
  if (number == dev->settings.copy)
    return frt_fail(err, FRT_UNAVAILABLE, "virtual:%u: copy %llu, %llu bytes, fails as asked",
                    dev->index, (unsigned long long)number, (unsigned long long)j->bytes);
  pthread_rwlock_rdlock(&dev->v->memory.lock);
  if (j->direction != FRT_COPY_FROM_DEVICE)
    status = frt_virtual_real(&dev->v->memory, dev->index, to, j->bytes, "a copy's target",
                              &to, err);
  if (status == FRT_OK && j->direction != FRT_COPY_TO_DEVICE)
    status = frt_virtual_real(&dev->v->memory, dev->index, from, j->bytes, "a copy's source",
                              &from, err);
  if (status == FRT_OK) memmove(to, from, j->bytes);
  pthread_rwlock_unlock(&dev->v->memory.lock);
  return status;
}

frt_status_t frt_virtual_job_do(frt_queue_t *q, job_t *j, frt_error_t *err) {
  frt_event_t *e = j->event;
  switch (j->kind) {
    case JOB_RUN: return run_op(q, j, err);
    case JOB_COPY: return do_copy(q, j, err);
    case JOB_RECORD:
      pthread_mutex_lock(&e->lock);
      if (e->done < j->ticket) e->done = j->ticket;
      pthread_cond_broadcast(&e->done_one);
      pthread_mutex_unlock(&e->lock);
      break;
    case JOB_WAIT:
      pthread_mutex_lock(&e->lock);
      while (e->done < j->ticket) pthread_cond_wait(&e->done_one, &e->lock);
      pthread_mutex_unlock(&e->lock);
      break;
  }
  frt_virtual_event_close(e);
  return FRT_OK;
}
