/* What one queue makes, another one uses: a row of ops on queue A, an event, and the op that
 * reads the last result on queue B. Nobody waits in between but for the event. */
#include <stdlib.h>

#include "runner/trial.h"

enum { CHAIN = 8 };

typedef struct order {
  frti_trial_t t;
  frti_target_t a, b;
  frti_exec_t *x[CHAIN + 1]; /* the last one is on queue B */
} order_t;

static void close_chain(order_t *o) {
  for (int i = 0; i <= CHAIN; ++i) {
    frti_exec_close(o->x[i]);
    o->x[i] = NULL;
  }
}

static frt_status_t open_chain(order_t *o, frt_error_t *err) {
  const frti_variant_t plain = {0xFF, FRTI_ALIGNED, 0};
  for (int i = 0; i <= CHAIN; ++i) {
    FRT_TRY(frti_exec_open(i < CHAIN ? &o->a : &o->b, &o->t.p, plain, &o->x[i], err));
    if (i) frti_exec_link(o->x[i], 0, o->x[i - 1], 0);
  }
  FRT_TRY(o->a.api->queue_sync(o->a.queue, err)); /* inputs have arrived */
  return o->b.api->queue_sync(o->b.queue, err);
}

/* The op behind the event; or, without one, behind a sync after every op. */
static frt_status_t run_chain(order_t *o, frt_event_t *event, int on_host,
                              frti_outcome_t *out, frt_error_t *err) {
  for (int i = 0; i < CHAIN; ++i) {
    FRT_TRY(frti_exec_launch(o->x[i], err));
    if (!event) FRT_TRY(o->a.api->queue_sync(o->a.queue, err));
  }
  if (event) {
    FRT_TRY(o->a.api->event_record(event, o->a.queue, err));
    FRT_TRY(o->a.api->event_wait(event, on_host ? NULL : o->b.queue, err));
  }
  FRT_TRY(frti_exec_launch(o->x[CHAIN], err));
  return frti_exec_finish(o->x[CHAIN], out, err);
}

static int behind_event(order_t *o, int on_host) {
  const frt_api_provider_t *api = o->a.api;
  const char *how = on_host ? "after the host waited for another queue's event"
                            : "behind another queue's event";
  frti_outcome_t out = {0};
  frt_event_t *event = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  int v;
  frt_status_t status = api->event_open(o->a.dev, &event, &err);
  if (status == FRT_OK) status = open_chain(o, &err);
  if (status == FRT_OK) status = run_chain(o, event, on_host, &out, &err);
  v = status == FRT_OK ? frti_trial_same(&o->t, &out, how)
                       : frti_trial_failed(&o->t, how, status, &err);
  if (event) api->event_close(event);
  api->queue_sync(o->a.queue, NULL);
  frti_outcome_release(&out);
  close_chain(o);
  return v;
}

/* Both queues are there. `base` becomes the result of the chain with a sync after every
 * op; an op that fails on its own results has nothing to say here. */
static int in_order(order_t *o) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status = open_chain(o, &err);
  int v = FRTI_PASS;
  frti_outcome_release(&o->t.base);
  if (status == FRT_OK) status = run_chain(o, NULL, 0, &o->t.base, &err);
  close_chain(o);
  if (status != FRT_OK) return 0;
  for (int on_host = 0; on_host < 2 && v == FRTI_PASS; ++on_host)
    v = behind_event(o, on_host);
  return v;
}

static int chains(const frti_trial_t *t) {
  const frti_value_t *in = &t->p.in[0], *out = &t->p.out[0];
  return t->p.n_in && t->p.n_out && in->d && in->api.bytes && out->alias < 0 &&
         in->api.bytes == out->api.bytes && in->api.dtype == out->api.dtype &&
         (t->support.flags & FRT_SUPPORT_DETERMINISTIC) &&
         !(out->def->flags & FRT_SLOT_SHAPE_ONLY);
}

int frti_run_order(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                   uint32_t dtype, char *why, size_t cap) {
  const frti_target_t *one = &b->target[0];
  frt_error_t err = FRT_ERROR_INIT;
  order_t *o;
  int v;
  if (!(one->info.flags & FRT_DEVICE_ASYNC) || !one->api->event_open) return 0;
  o = calloc(1, sizeof *o);
  if (!o) return FRTI_FAIL;
  v = frti_trial_open(&o->t, b, c, row, dtype, why, cap);
  if (v == FRTI_PASS && !chains(&o->t)) v = 0;
  o->a = o->b = *one;
  o->a.spare = o->b.spare = NULL;
  o->b.queue = NULL;
  if (v == FRTI_PASS && one->api->queue_open(one->dev, &o->b.queue, &err) != FRT_OK)
    v = frti_trial_failed(&o->t, "a second queue", err.status, &err);
  if (v == FRTI_PASS) v = in_order(o);
  if (o->b.queue) one->api->queue_close(o->b.queue);
  frti_trial_close(&o->t);
  free(o);
  return v;
}
