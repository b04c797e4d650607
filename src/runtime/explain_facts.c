/* What a report says, before it is put into words.
 *
 * The predicted cost of an op is the larger of the bytes it moves and an eighth of its
 * operations: a core of today moves a byte in the time of about eight operations. It is
 * for shares of one program only, the same on every device, and decides nothing. */
#include <stdlib.h>

#include "runtime/explain.h"

const char *frti_reason_text(int32_t reason) {
  switch (reason) {
#define REASON(name, number, text) case number: return text;
    FRT_REASON_MAP(REASON)
#undef REASON
    default: return "unknown reason";
  }
}

const char *frti_space_label(const frti_plan_t *p, uint32_t space) {
  for (uint32_t i = 0; space != FRTI_HOST && i < p->exe->n_places; ++i)
    if (p->exe->places[i].device->space == space) return p->exe->places[i].label;
  return "host";
}

const char *frti_state_text(const frti_node_t *n) {
  switch (n->state) {
    case FRTI_DEAD: return "dead";
    case FRTI_SHAPES: return "shapes";
    case FRTI_FUSED: return "fused";
    case FRTI_HOLDER: return "runtime";
    default: return n->control ? "runtime" : n->place < 0 ? "unplaced" : "run";
  }
}

const frti_place_t *frti_run_place(const frti_plan_t *p, const frti_node_t *n) {
  return frti_node_place(p, n->state == FRTI_FUSED ? n->into : n);
}

const char *frti_place_text(const frti_plan_t *p, const frti_node_t *n) {
  if (n->state == FRTI_FUSED) return frti_run_place(p, n)->label;
  if (n->control || n->state == FRTI_HOLDER) return "runtime";
  if (n->state != FRTI_LIVE) return "-";
  return n->place < 0 ? "NOWHERE" : frti_node_place(p, n)->label;
}

void frti_candidate_text(const frti_plan_t *p, const frti_node_t *n,
                         const frti_candidate_t *c, char *to, size_t cap) {
  const frti_place_t *place = frti_run_place(p, n);
  if (place && !strcmp(place->label, c->label)) to[0] = 0;
  else if (c->verdict == FRT_NO)
    snprintf(to, cap, "no: %s: %s", frti_reason_text(c->reason),
             c->detail[0] ? c->detail : "(no detail given)");
  else if (!c->listed) snprintf(to, cap, "could, but is not in the place list");
  else if (place) snprintf(to, cap, "could, listed after %s", place->label);
  else snprintf(to, cap, "could run it");
}

const char *frti_why_not(const frti_plan_t *p, const frti_node_t *n, const char *label,
                         char *to, size_t cap) {
  const frti_node_t *asked = n->n_candidates || !n->parts.n ? n : n->parts.v[0];
  to[0] = 0;
  for (uint32_t i = 0; i < asked->n_candidates; ++i)
    if (!strcmp(asked->candidates[i].label, label))
      frti_candidate_text(p, asked, &asked->candidates[i], to, cap);
  return to;
}

const char *frti_copy_reason(const frti_plan_t *p, const frti_copy_t *c, char *to,
                             size_t cap) {
  const frti_place_t *first = c->producer ? frti_run_place(p, c->producer) : NULL;
  const frti_place_t *then = c->cause ? frti_run_place(p, c->cause) : NULL;
  char why[256];
  to[0] = 0;
  if (!first || !then || first == then) return to;
  /* The one further down the list fell back; what did the other's place say to it? */
  const bool later = then > first;
  if (frti_why_not(p, later ? c->cause : c->producer, later ? first->label : then->label, why,
                   sizeof why)[0])
    snprintf(to, cap, "%s says %s", later ? first->label : then->label, why);
  return to;
}

bool frti_ping_pong(const frti_plan_t *p, const frti_value_t *v) {
  if (!v->persistable || !v->dirty) return false;
  if (v->bind & ~v->valid) return true;
  for (uint32_t i = 0; i < p->n_copies; ++i)
    if (p->copies[i]->value == v && p->copies[i]->from != p->copies[i]->to) return true;
  return false;
}

bool frti_op_kept(const frti_plan_t *p, uint32_t op) {
  for (uint32_t i = 0; p->origin && i < p->root.n; ++i)
    if (p->origin[i] == op) return true;
  return !p->origin;
}

double frti_percent(double part, double all) { return all > 0 ? 100 * part / all : 0; }

/* ---- walking all ops of the loaded program ------------------------------------------------ */

static void walk_row(frti_str_t *s, const frti_report_t *r, const frti_node_t *n, int depth,
                     frti_row_fn row) {
  for (uint32_t i = 0; i < n->parts.n && n->parts.v[i]->state == FRTI_FUSED; ++i)
    if (n->parts.v[i]->op == n->op) {
      row(s, r, n->parts.v[i], depth); /* the last part stands in the list as its fusion */
      return;
    }
  row(s, r, n, depth);
  if (n->control && n->state == FRTI_LIVE) frti_walk_rows(s, r, &n->body, depth + 1, row);
}

void frti_walk_rows(frti_str_t *s, const frti_report_t *r, const frti_list_t *list, int depth,
                    frti_row_fn row) {
  for (uint32_t i = 0; i < list->n; ++i) walk_row(s, r, list->v[i], depth, row);
}

/* ---- costs and times --------------------------------------------------------------------------- */

static double side_bytes(const frti_slots_t *s) {
  double sum = 0;
  for (uint32_t i = 0; i < s->n_args; ++i) sum += (double)frti_shape_bytes(&s->shapes[i]);
  return sum;
}

static double predict(const frti_node_t *n) {
  frt_cost_t c = {0, side_bytes(&n->in) + side_bytes(&n->out)};
  frt_infer_slot_t side[2][FRT_MAX_SLOTS];
  for (int k = 0; k < 2; ++k) {
    const frti_slots_t *s = k ? &n->out : &n->in;
    for (uint32_t i = 0; i < s->n_slots; ++i)
      side[k][i] = (frt_infer_slot_t){s->count[i], &s->shapes[s->at[i]]};
  }
  const frt_infer_t x = {sizeof x, n->schema, n->bound.attrs, side[0], side[1]};
  if (n->schema->cost) c = n->schema->cost(&x);
  return c.bytes > c.flops / 8 ? c.bytes : c.flops / 8;
}

typedef void (*timed_fn)(void *ctx, const frti_action_t *a);

static void each_timed(const frti_plan_t *p, timed_fn fn, void *ctx) {
  const frt_executor_t *exe = p->exe;
  for (uint32_t i = 0; i < exe->n_plans; ++i)
    for (uint32_t k = 0; exe->plans[i]->uid == p->uid && k < exe->plans[i]->n_actions; ++k) {
      const frti_action_t *a = &exe->plans[i]->actions[k];
      if (a->runs && a->kind <= FRTI_RUN_RANDOM) fn(ctx, a);
    }
}

typedef struct timed { const frti_node_t *n; double ns, runs, steps; } timed_t;

static void add_timed(void *ctx, const frti_action_t *a) {
  timed_t *t = ctx;
  /* An op of block 0 runs once a step: the most that one of them did are the steps. */
  if (a->node->block == 0 && (double)a->runs > t->steps) t->steps = (double)a->runs;
  if (!t->n || a->node->op != t->n->op || a->node->block != t->n->block ||
      a->node->place != t->n->place)
    return;
  /* The slowest run tells of the system: first touch, another process. */
  const double mean = a->runs > 1 ? (double)(a->ns - a->slowest_ns) / (double)(a->runs - 1)
                                  : (double)a->ns;
  t->ns += mean * (double)a->runs;
  t->runs += (double)a->runs;
}

/* What `n` took of a step, in microseconds; 0: it was not timed. */
static double measured(const frti_plan_t *p, const frti_node_t *n) {
  timed_t t = {.n = n};
  each_timed(p, add_timed, &t);
  return t.runs > 0 ? t.ns / (t.steps > 0 ? t.steps : t.runs) / 1e3 : 0;
}

/* ---- gathering ------------------------------------------------------------------------------------ */

static void add_share(frti_share_t *to, const frti_facts_t *f) {
  ++to->ops;
  to->cost += f->cost;
  to->us += f->us;
}

static void gather_list(frti_report_t *r, const frti_list_t *list) {
  for (uint32_t i = 0; i < list->n; ++i) {
    frti_node_t *n = list->v[i];
    r->counts.fusions += n->parts.n != 0;
    r->counts.fused += n->parts.n;
    r->counts.dead += n->state == FRTI_DEAD || n->state == FRTI_SHAPES;
    r->counts.runtime += n->control || n->state == FRTI_HOLDER;
    if (n->control && n->state == FRTI_LIVE) gather_list(r, &n->body);
    if (n->state != FRTI_LIVE || n->control) continue;
    r->counts.run += n->place >= 0 && !n->parts.n;
    r->counts.unplaced += n->place < 0;
    n->facts.cost = predict(n);
    if (n->place >= 0 && r->p->exe->n_plans) n->facts.us = measured(r->p, n);
    add_share(&r->all, &n->facts);
    if (n->place >= 0) add_share(&r->by_place[n->place], &n->facts);
    if (n->place != 0 && !n->view) r->falls[r->n_falls++] = n;
  }
}

static uint32_t count_nodes(const frti_list_t *list) {
  uint32_t n = list->n;
  for (uint32_t i = 0; i < list->n; ++i)
    if (list->v[i]->control) n += count_nodes(&list->v[i]->body);
  return n;
}

static void blame(frti_node_t *n, uint64_t bytes) {
  if (!n || n->control || n->place == 0) return;
  ++n->facts.copies;
  n->facts.copy_bytes += bytes;
}

/* Each copy belongs to the ops at its ends that are not on the first place. */
static void gather_copies(frti_report_t *r) {
  const frti_plan_t *p = r->p;
  for (uint32_t i = 0; i < p->n_copies; ++i) {
    const frti_copy_t *c = p->copies[i];
    if (c->from == c->to) continue;
    blame(c->cause, c->bytes);
    if (c->producer != c->cause) blame(c->producer, c->bytes);
  }
  for (uint32_t i = 0; i < p->n_persistables; ++i) {
    const frti_value_t *v = p->persistables[i];
    if (v->dirty && (v->bind & ~v->valid)) blame(v->last_writer, frti_shape_bytes(&v->shape));
    for (const frti_storage_t *s = v->storage; s; s = s->next)
      r->persistables[s->space] += frti_shape_bytes(&v->shape);
  }
}

static int dearest_first(const void *a, const void *b) {
  const frti_node_t *x = *(frti_node_t *const *)a, *y = *(frti_node_t *const *)b;
  if (x->facts.copy_bytes != y->facts.copy_bytes)
    return x->facts.copy_bytes < y->facts.copy_bytes ? 1 : -1;
  if (x->facts.cost != y->facts.cost) return x->facts.cost < y->facts.cost ? 1 : -1;
  return x->block != y->block ? (x->block < y->block ? -1 : 1) : (x->op < y->op ? -1 : 1);
}

frt_status_t frti_report_make(frti_plan_t *p, frti_report_t *out, frt_error_t *err) {
  const frti_report_t report = {.p = p};
  *out = report;
  out->falls = frti_arena_calloc(&p->arena, count_nodes(&p->root) + 1, sizeof *out->falls);
  if (!out->falls) return frti_no_memory(err);
  gather_list(out, &p->root);
  gather_copies(out);
  qsort(out->falls, out->n_falls, sizeof *out->falls, dearest_first);
  return FRT_OK;
}
