/* An optimizer over a thousand steps. Every step is held to the op's own bound, from the
 * provider's state before it; and the state itself to a trajectory in double precision,
 * within a bound that grows:
 *
 *   e' = |F(s + e) - F(s)| + d
 *
 * where F is the oracle's step, s the trajectory, e how far the provider may be from it,
 * and d what the op's bound admits. The first term is the sum over the state variables of
 * the largest change that moving one of them by e makes, in four patterns of signs: up,
 * down, and both along the values, which moves a norm most. A sixteenth is added for the
 * second order. */
#include <stdlib.h>

#include "runner/trial.h"

enum { STEPS = 1000, PATTERNS = 4, MAX_STATES = 16 };
#define SECOND_ORDER 1.0625

typedef struct state { /* output `out` is input `in` after the step */
  uint32_t in, out;
  int64_t n;
  double *low;              /* the provider's */
  double *s, *e;            /* the trajectory, and the bound on |low - s| */
  double *s_next, *e_next;
  double *least, *moved;    /* work */
} state_t;

typedef struct drift {
  frti_trial_t t;
  frti_exec_t *x;
  state_t state[MAX_STATES];
  uint32_t n_states, grad;
} drift_t;

static int out_of_memory(drift_t *d) {
  snprintf(d->t.why, d->t.cap, "the suite itself is out of memory");
  return FRTI_FAIL;
}

static int open_states(drift_t *d) {
  frti_probe_t *p = &d->t.p;
  for (uint32_t k = 0; k < p->n_out; ++k) {
    state_t *s = &d->state[d->n_states];
    double *room;
    if (p->out[k].alias < 0 || d->n_states == MAX_STATES) continue;
    s->in = (uint32_t)p->out[k].alias;
    s->out = k;
    s->n = p->out[k].api.numel;
    room = calloc((size_t)(7 * s->n) + 1, sizeof *room);
    if (!room) return out_of_memory(d);
    s->low = room;
    s->s = room + s->n;
    s->e = room + 2 * s->n;
    s->s_next = room + 3 * s->n;
    s->e_next = room + 4 * s->n;
    s->least = room + 5 * s->n;
    s->moved = room + 6 * s->n;
    memcpy(s->low, p->in[s->in].d, (size_t)s->n * sizeof *room);
    memcpy(s->s, s->low, (size_t)s->n * sizeof *room);
    ++d->n_states;
  }
  return FRTI_PASS;
}

static frt_status_t eval(drift_t *d, frt_error_t *err) {
  return frti_probe_oracle(&d->t.p, d->t.b, err);
}

static void put(drift_t *d, const state_t *s, const double *values) {
  memcpy(d->t.p.in[s->in].d, values, (size_t)s->n * sizeof *values);
}

static double moved(const state_t *s, int64_t i, int pattern) {
  const double along = s->s[i] < 0 ? -s->e[i] : s->e[i];
  switch (pattern) {
    case 0: return s->s[i] + s->e[i];
    case 1: return s->s[i] - s->e[i];
    case 2: return s->s[i] + along;
    default: return s->s[i] - along;
  }
}

/* Adds to every e_next what moving state j by its error changes at most. */
static frt_status_t propagate(drift_t *d, uint32_t j, frt_error_t *err) {
  state_t *from = &d->state[j];
  for (uint32_t k = 0; k < d->n_states; ++k)
    memset(d->state[k].moved, 0, (size_t)d->state[k].n * sizeof(double));
  for (int pattern = 0; pattern < PATTERNS; ++pattern) {
    for (int64_t i = 0; i < from->n; ++i) from->least[i] = moved(from, i, pattern);
    put(d, from, from->least);
    FRT_TRY(eval(d, err));
    for (uint32_t k = 0; k < d->n_states; ++k) {
      state_t *to = &d->state[k];
      for (int64_t i = 0; i < to->n; ++i)
        to->moved[i] = fmax(to->moved[i], fabs(d->t.p.out[to->out].d[i] - to->s_next[i]));
    }
  }
  put(d, from, from->s);
  for (uint32_t k = 0; k < d->n_states; ++k)
    for (int64_t i = 0; i < d->state[k].n; ++i)
      d->state[k].e_next[i] += SECOND_ORDER * d->state[k].moved[i];
  return FRT_OK;
}

/* One step of the trajectory and of its bound. */
static frt_status_t advance(drift_t *d, frt_error_t *err) {
  for (uint32_t k = 0; k < d->n_states; ++k) put(d, &d->state[k], d->state[k].s);
  FRT_TRY(eval(d, err));
  for (uint32_t k = 0; k < d->n_states; ++k) {
    state_t *s = &d->state[k];
    const frti_bounds_t bounds = frti_bounds_of_case(&d->t.p, s->out);
    frti_bound_allowed(&d->t.p, s->out, bounds.at[0], s->e_next);
    memcpy(s->s_next, d->t.p.out[s->out].d, (size_t)s->n * sizeof(double));
  }
  for (uint32_t j = 0; j < d->n_states; ++j) FRT_TRY(propagate(d, j, err));
  return FRT_OK;
}

/* The provider's new state against the trajectory's. */
static int near_trajectory(drift_t *d, int step) {
  for (uint32_t k = 0; k < d->n_states; ++k) {
    const state_t *s = &d->state[k];
    for (int64_t i = 0; i < s->n; ++i) {
      if (fabs(s->low[i] - s->s[i]) <= s->e[i] || s->low[i] == s->s[i] || isnan(s->s[i]))
        continue;
      snprintf(d->t.why, d->t.cap, "step %d: %s[%lld] is %.9g, in double precision %.9g, %.3g "
               "times the bound on drift", step, d->t.p.out[s->out].def->name, (long long)i,
               s->low[i], s->s[i], fabs(s->low[i] - s->s[i]) / s->e[i]);
      return FRTI_FAIL;
    }
  }
  return FRTI_PASS;
}

/* The provider's step, from its own state: within the op's bound. */
static int step_of_provider(drift_t *d, int step) {
  frti_outcome_t o = {0};
  frt_error_t err = FRT_ERROR_INIT;
  char how[32], why[FRTI_TEXT];
  int v = FRTI_PASS;
  frt_status_t status;
  snprintf(how, sizeof how, "step %d", step);
  for (uint32_t k = 0; k < d->n_states; ++k) put(d, &d->state[k], d->state[k].low);
  status = eval(d, &err);
  if (status == FRT_OK) status = frti_exec_write(d->x, d->grad, d->t.p.in[d->grad].d, &err);
  if (status == FRT_OK) status = frti_exec_launch(d->x, &err);
  if (status == FRT_OK) status = frti_exec_finish(d->x, &o, &err);
  if (status != FRT_OK) v = frti_trial_failed(&d->t, how, status, &err);
  else if (o.fault[0]) v = frti_trial_fault(&d->t, how, o.fault);
  for (uint32_t k = 0; k < d->t.p.n_out && v == FRTI_PASS; ++k) {
    v = frti_trial_judge(&d->t, &o, k);
    if (v == FRTI_PASS) continue;
    snprintf(why, sizeof why, "%s", d->t.why);
    snprintf(d->t.why, d->t.cap, "%s: %s", how, why);
  }
  for (uint32_t k = 0; k < d->n_states && v == FRTI_PASS; ++k)
    for (int64_t i = 0; i < d->state[k].n; ++i)
      d->state[k].low[i] = frti_load(d->t.p.out[d->state[k].out].api.dtype,
                                     o.out[d->state[k].out], i);
  frti_outcome_release(&o);
  return v;
}

static void swap(double **a, double **b) {
  double *was = *a;
  *a = *b;
  *b = was;
}

static int one_step(drift_t *d, int step) {
  static const frt_case_data_t noise = UNIFORM(-1, 1);
  const frti_value_t *g = &d->t.p.in[d->grad];
  frt_error_t err = FRT_ERROR_INIT;
  int v;
  frti_generate(&noise, g->api.dtype, frti_mix(d->t.p.seed + 1000003u * (uint64_t)step), g->d,
                g->api.numel);
  if (advance(d, &err) != FRT_OK)
    return frti_trial_failed(&d->t, "the oracle", err.status, &err);
  v = step_of_provider(d, step);
  for (uint32_t k = 0; k < d->n_states; ++k) {
    swap(&d->state[k].s, &d->state[k].s_next);
    swap(&d->state[k].e, &d->state[k].e_next);
  }
  return v == FRTI_PASS ? near_trajectory(d, step) : v;
}

static int walk(drift_t *d) {
  const frti_variant_t plain = {0xFF, FRTI_ALIGNED, 0};
  const int slot = frti_slot_index(d->t.p.schema->inputs, "Grad");
  frt_error_t err = FRT_ERROR_INIT;
  int v;
  if (slot < 0 || !d->t.p.in_slots[slot].count) return 0;
  d->grad = (uint32_t)(d->t.p.in_slots[slot].t - d->t.p.in_at);
  v = open_states(d);
  if (v == FRTI_PASS && !d->n_states) return 0;
  if (v == FRTI_PASS &&
      frti_exec_open(&d->t.b->target[0], &d->t.p, plain, &d->x, &err) != FRT_OK)
    v = frti_trial_failed(&d->t, "before the first step", err.status, &err);
  for (int step = 1; step <= STEPS && v == FRTI_PASS; ++step) v = one_step(d, step);
  return v;
}

int frti_run_drift(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                   uint32_t dtype, char *why, size_t cap) {
  drift_t *d = calloc(1, sizeof *d);
  int v;
  if (!d) return FRTI_FAIL;
  v = frti_trial_open(&d->t, b, c, row, dtype, why, cap);
  if (v == FRTI_PASS) v = walk(d);
  frti_exec_close(d->x);
  /* `low` is where the room of a state begins; it is never exchanged. */
  for (uint32_t k = 0; k < d->n_states; ++k) free(d->state[k].low);
  frti_trial_close(&d->t);
  free(d);
  return v;
}
