/* Waits, where two that do not know of each other touch one piece of memory: the host and
 * a queue, or two queues. What one queue is asked it does in order. Nothing is under way
 * at a jump nor where one leads, so that what follows need not know which way was taken. */
#include "runtime/stages.h"

typedef struct pending { /* what a queue was asked since it was last waited for */
  frti_touch_t *v;
  size_t n, cap;
} pending_t;

typedef struct waits {
  frti_plan_t *p;
  pending_t by[FRTI_MAX_PLACES];
  frti_action_t *to; /* the actions with their waits */
  size_t n, cap;
  const frti_action_t *now;
  bool failed;
} waits_t;

static bool works_late(const frti_plan_t *p, int32_t place) {
  return place >= 0 && (p->exe->places[place].device->flags & FRT_DEVICE_ASYNC);
}

static int32_t worker(frti_plan_t *p, const frti_action_t *a) {
  const int32_t place = frti_action_place(a);
  if (place >= 0) p->uses |= 1u << place;
  return works_late(p, place) ? place : FRTI_BY_HOST;
}

static void put(waits_t *w, const frti_action_t *a) {
  if (w->failed || !FRTI_GROW(w->to, w->n, w->cap)) w->failed = true;
  else w->to[w->n++] = *a;
}

static void wait_for(waits_t *w, uint32_t place) {
  const frti_action_t wait = {.kind = FRTI_WAIT, .by = (int32_t)place,
                              .node = w->now ? w->now->node : NULL};
  if (!w->by[place].n) return;
  put(w, &wait);
  ++w->p->n_waits;
  w->by[place].n = 0;
}

static void wait_for_all(waits_t *w) {
  for (uint32_t i = 0; i < w->p->exe->n_places; ++i) wait_for(w, i);
}

static bool in_the_way(const pending_t *by, const frti_touch_t *t) {
  for (size_t i = 0; i < by->n; ++i)
    if ((t->write || by->v[i].write) && frti_touch_overlap(t, &by->v[i])) return true;
  return false;
}

static void before_touch(void *ctx, const frti_touch_t *t) {
  waits_t *w = ctx;
  for (uint32_t i = 0; i < w->p->exe->n_places; ++i)
    if ((int32_t)i != w->now->by && in_the_way(&w->by[i], t)) wait_for(w, i);
}

static void after_touch(void *ctx, const frti_touch_t *t) {
  waits_t *w = ctx;
  pending_t *by = &w->by[w->now->by];
  if (w->failed || !FRTI_GROW(by->v, by->n, by->cap)) w->failed = true;
  else by->v[by->n++] = *t;
}

static void take(waits_t *w, frti_action_t *a) {
  w->now = a;
  a->by = worker(w->p, a);
  if (a->kind == FRTI_JUMP || a->kind == FRTI_JUMP_IF_FALSE) wait_for_all(w);
  frti_action_touches(w->p, a, before_touch, w);
  put(w, a);
  if (a->by == FRTI_BY_HOST) return;
  w->p->has_async = true;
  frti_action_touches(w->p, a, after_touch, w);
}

/* Marks where jumps lead; index n_actions is the end. */
static bool *find_targets(const frti_plan_t *p) {
  bool *led_to = frti_calloc(p->n_actions + 1, sizeof *led_to);
  for (uint32_t i = 0; led_to && i < p->n_actions; ++i)
    if (p->actions[i].kind >= FRTI_JUMP_IF_FALSE) led_to[p->actions[i].target] = true;
  return led_to;
}

static bool take_all(waits_t *w, const bool *led_to, uint32_t *moved) {
  frti_plan_t *p = w->p;
  for (uint32_t i = 0; i <= p->n_actions && !w->failed; ++i) {
    w->now = i < p->n_actions ? &p->actions[i] : NULL;
    if (led_to[i]) wait_for_all(w);
    moved[i] = (uint32_t)w->n;
    if (i < p->n_actions) take(w, &p->actions[i]);
  }
  return !w->failed;
}

frt_status_t frti_plan_wait(frti_plan_t *p, frt_error_t *err) {
  waits_t w = {.p = p};
  bool *led_to = find_targets(p);
  uint32_t *moved = frti_calloc(p->n_actions + 1, sizeof *moved);
  const bool ok = led_to && moved && take_all(&w, led_to, moved);
  for (size_t i = 0; ok && i < w.n; ++i)
    if (w.to[i].kind >= FRTI_JUMP_IF_FALSE) w.to[i].target = moved[w.to[i].target];
  if (ok && w.n) {
    frti_free(p->actions);
    p->actions = w.to;
    p->n_actions = (uint32_t)w.n;
    p->actions_cap = w.cap;
  } else {
    frti_free(w.to);
  }
  for (uint32_t i = 0; i < FRTI_MAX_PLACES; ++i) frti_free(w.by[i].v);
  frti_free(moved);
  frti_free(led_to);
  return ok ? FRT_OK : frti_no_memory(err);
}
