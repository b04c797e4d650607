/* Proves a plan. The ops are walked in the program's order with the actions beside them,
 * and of every access is asked: does the memory hold the content that the program means,
 * and has all that it conflicts with happened before? A body is walked once as taken and
 * once as not; a loop's body once more from where both meet, which stands for every later
 * iteration. It shares only `frti_action_touches` with the stages that made the plan. */
#include "runtime/plan_marks.h"

enum { DEEP = 5 }; /* loops within loops: the second walk doubles at each */

typedef struct verifier {
  const frti_plan_t *p;
  frti_marks_t now;
  frti_contents_t contents;
  uint32_t at; /* the next action */
  uint32_t depth;
  const frti_action_t *action; /* the one that touches */
  frti_touch_t *own;           /* what it touched so far */
  size_t n_own, own_cap;
  frt_status_t status;
  frt_error_t *err;
} verifier_t;

/* ---- what is said --------------------------------------------------------------------- */

enum { ONE = 160 };

static const char *space_name(const frti_plan_t *p, uint32_t space) {
  for (uint32_t i = 0; i < p->exe->n_places; ++i)
    if (p->exe->places[i].device->space == space) return p->exe->places[i].label;
  return "host";
}

static void say_op(const frti_plan_t *p, const frti_node_t *n, char *to, size_t cap) {
  const frti_place_t *place = frti_node_place(p, n);
  char block[32] = "";
  if (n->block) snprintf(block, sizeof block, "block %d ", n->block);
  snprintf(to, cap, "%sop #%d %s%s%s", block, n->op, n->schema->type, place ? " on " : "",
           place ? place->label : "");
}

static const char *say(const frti_plan_t *p, const frti_action_t *a, char *to, size_t cap) {
  char op[ONE] = "a fetch";
  if (!a) {
    snprintf(to, cap, "the start of the run");
    return to;
  }
  if (a->node) say_op(p, a->node, op, sizeof op);
  if (a->kind == FRTI_COPY)
    snprintf(to, cap, "the copy of '%.40s' %s -> %s for %s", a->copy->value->name,
             space_name(p, a->copy->from), space_name(p, a->copy->to), op);
  else
    snprintf(to, cap, "%s", op);
  return to;
}

static const char *name_of(const frti_value_t *v) { return v ? v->name : "its workspace"; }

static frt_status_t fail_at(verifier_t *w, const frti_node_t *n, const frti_value_t *v) {
  if (w->err) {
    w->err->block = n ? n->block : -1;
    w->err->op = n ? n->op : -1;
    if (n) snprintf(w->err->op_type, sizeof w->err->op_type, "%s", n->schema->type);
  }
  if (v) frti_error_name(w->err, FRT_INTERNAL, v->name);
  frti_error_phase(w->err, FRT_INTERNAL, FRT_PHASE_PLAN);
  return w->status = FRT_INTERNAL;
}

static const frti_node_t *node_of(const frti_action_t *a) { return a ? a->node : NULL; }

static frt_status_t race(verifier_t *w, const frti_touch_t *t, const frti_mark_t *m) {
  char me[ONE * 2], other[ONE * 2];
  frt_fail(w->err, FRT_INTERNAL,
           "%s %s '%.40s' while %s may still %s '%.40s' in the same memory: a wait is missing",
           say(w->p, w->action, me, sizeof me), t->write ? "writes" : "reads",
           name_of(t->value), say(w->p, m->action, other, sizeof other),
           m->at.write ? "write" : "read", name_of(m->at.value));
  return fail_at(w, node_of(w->action), t->value ? t->value : m->at.value);
}

/* `who` wants content `want` of `v` at `t` and does not find it. */
static frt_status_t missing(verifier_t *w, const char *who, const frti_touch_t *t,
                            uint32_t want) {
  char writer[ONE * 2], other[ONE * 2];
  const struct frti_content *c = &w->contents.v[want];
  const frti_mark_t *there = frti_marks_any(&w->now, t);
  if (there)
    frt_fail(w->err, FRT_INTERNAL,
             "%s wants '%.40s' of %s, but %s has %s'%.40s' there", who, name_of(t->value),
             say(w->p, c->writer, writer, sizeof writer),
             say(w->p, there->action, other, sizeof other),
             there->at.value == t->value ? "an older " : "written ", name_of(there->at.value));
  else
    frt_fail(w->err, FRT_INTERNAL, "%s wants '%.40s' of %s, but nothing was copied to %s", who,
             name_of(t->value), say(w->p, c->writer, writer, sizeof writer),
             space_name(w->p, t->space));
  return fail_at(w, node_of(w->action), t->value);
}

static frt_status_t out_of_turn(verifier_t *w, const frti_node_t *n) {
  char turn[ONE], other[ONE * 2] = "the plan ends";
  say_op(w->p, n, turn, sizeof turn);
  if (w->at < w->p->n_actions)
    say(w->p, &w->p->actions[w->at], other, sizeof other);
  const frti_value_t *v = n->out.n_args ? n->out.args[0].value : NULL;
  frt_fail(w->err, FRT_INTERNAL, "it is the turn of %s, which writes '%.40s', but there comes %s",
           turn, v ? v->name : "nothing", other);
  return fail_at(w, n, v);
}

/* ---- one action ------------------------------------------------------------------------ */

static frt_status_t add(verifier_t *w, const frti_touch_t *t, int32_t by, uint32_t content) {
  if (!FRTI_GROW(w->own, w->n_own, w->own_cap)) return w->status = frti_no_memory(w->err);
  w->own[w->n_own++] = *t;
  if (frti_marks_add(&w->now, t, w->action, by, content)) return FRT_OK;
  return w->status = frti_no_memory(w->err);
}

static void read_by(verifier_t *w, const frti_touch_t *t, const frti_value_t *v) {
  char who[ONE * 2];
  const uint32_t want = v ? w->now.current[v->id] : 0;
  const frti_mark_t *m = frti_marks_race(&w->now, t, w->action->by);
  if (m) {
    race(w, t, m);
    return;
  }
  m = frti_marks_covering(&w->now, t);
  if (want && t->lo != t->hi && (!m || m->content != want)) {
    missing(w, say(w->p, w->action, who, sizeof who), t, want);
    return;
  }
  add(w, t, w->action->by, 0);
}

/* May output `v` of this op lie where its input lies? Where the schema ties them, or in
 * the first input's place if the kernel said so. */
static bool may_lie_there(const frti_node_t *n, const frti_value_t *v,
                          const frti_touch_t *in) {
  const bool first = n->in.n_args && in->value == n->in.args[0].value &&
                     n->out.args[0].value == v;
  for (uint32_t s = 0; s < n->out.n_slots; ++s)
    for (uint32_t k = 0; k < n->out.count[s]; ++k)
      if (n->schema->outputs[s].alias_of && n->out.args[n->out.at[s] + k].value == v)
        return in->value == v;
  return first && (n->support & FRT_SUPPORT_INPLACE);
}

static frt_status_t check_own(verifier_t *w, const frti_touch_t *t) {
  char me[ONE * 2];
  for (size_t i = 0; i < w->n_own; ++i) {
    const frti_touch_t *m = &w->own[i];
    if (!frti_touch_overlap(t, m)) continue;
    if (!m->write && t->value && may_lie_there(w->action->node, t->value, m) &&
        m->lo == t->lo && m->hi == t->hi)
      continue;
    frt_fail(w->err, FRT_INTERNAL, "%s writes '%.40s' over '%.40s', which it %s",
             say(w->p, w->action, me, sizeof me), name_of(t->value), name_of(m->value),
             m->write ? "writes too" : "reads");
    return fail_at(w, w->action->node, t->value ? t->value : m->value);
  }
  return FRT_OK;
}

static void write_by(verifier_t *w, const frti_touch_t *t, uint32_t content) {
  const frti_mark_t *m = frti_marks_race(&w->now, t, w->action->by);
  char me[ONE * 2];
  if (m) {
    race(w, t, m);
  } else if (t->value && !t->placed && !frti_root(t->value)->persistable) {
    frt_fail(w->err, FRT_INTERNAL, "%s writes '%.40s' into memory that the caller lent",
             say(w->p, w->action, me, sizeof me), name_of(t->value));
    fail_at(w, node_of(w->action), t->value);
  } else {
    add(w, t, w->action->by, content);
  }
}

static void kernel_touch(void *ctx, const frti_touch_t *t) {
  verifier_t *w = ctx;
  uint32_t content = 0;
  if (w->status != FRT_OK) return;
  if (!t->write) {
    read_by(w, t, t->value);
    return;
  }
  if (check_own(w, t) != FRT_OK) return;
  if (t->value) {
    content = frti_content_new(&w->contents, w->action, t->value);
    if (!content) w->status = frti_no_memory(w->err);
    w->now.current[t->value->id] = content;
  }
  if (w->status == FRT_OK) write_by(w, t, content);
}

static void copy_touch(void *ctx, const frti_touch_t *t) {
  verifier_t *w = ctx;
  frti_touch_t src;
  char who[ONE * 2];
  if (w->status != FRT_OK) return;
  if (!t->write) {
    read_by(w, t, NULL);
    return;
  }
  frti_tensor_touch(w->action->copy->src, w->action->copy->value, false, &src);
  const frti_mark_t *m = frti_marks_covering(&w->now, &src);
  const uint32_t want = w->now.current[w->action->copy->value->id];
  if (!m && want && src.lo != src.hi)
    missing(w, say(w->p, w->action, who, sizeof who), &src, want);
  else
    write_by(w, t, m ? m->content : 0);
}

static void test_touch(void *ctx, const frti_touch_t *t) {
  verifier_t *w = ctx;
  frti_touch_t named = *t;
  named.value = frti_node_condition(w->action->node)->value;
  if (w->status == FRT_OK) read_by(w, &named, named.value);
}

static frt_status_t perform(verifier_t *w, const frti_action_t *a) {
  w->action = a;
  w->n_own = 0;
  if (a->kind == FRTI_WAIT) frti_marks_waited(&w->now, a->by);
  else if (a->kind == FRTI_COPY) frti_action_touches(w->p, a, copy_touch, w);
  else if (a->kind == FRTI_JUMP_IF_FALSE) frti_action_touches(w->p, a, test_touch, w);
  else frti_action_touches(w->p, a, kernel_touch, w);
  return w->status;
}

/* Copies and waits up to what is neither, or up to action `end`. */
static frt_status_t perform_between(verifier_t *w, uint32_t end) {
  while (w->at < end) {
    const frti_action_t *a = &w->p->actions[w->at];
    if (a->kind != FRTI_COPY && a->kind != FRTI_WAIT) break;
    FRT_TRY(perform(w, a));
    ++w->at;
  }
  return FRT_OK;
}

/* ---- ops in the program's order ----------------------------------------------------------- */

static frt_status_t walk(verifier_t *w, const frti_list_t *list);

static const frti_action_t *next_of(verifier_t *w, const frti_node_t *n,
                                    frti_action_kind_t from, frti_action_kind_t to) {
  const frti_action_t *a =
      w->at < w->p->n_actions ? &w->p->actions[w->at] : NULL;
  if (a && a->node == n && a->kind >= from && a->kind <= to) return a;
  out_of_turn(w, n);
  return NULL;
}

static frt_status_t all_known(verifier_t *w, const char *where, const frti_node_t *n) {
  char op[ONE], other[ONE * 2];
  const frti_mark_t *m = frti_marks_unknown(&w->now);
  if (!m) return FRT_OK;
  say_op(w->p, n, op, sizeof op);
  frt_fail(w->err, FRT_INTERNAL, "%s %s comes while %s may still %s '%.40s': a wait is missing",
           where, op, say(w->p, m->action, other, sizeof other), m->at.write ? "write" : "read",
           name_of(m->at.value));
  return fail_at(w, n, m->at.value);
}

static frt_status_t walk_body(verifier_t *w, const frti_node_t *n, uint32_t head) {
  const uint32_t end = w->p->actions[head].target;
  w->at = head + 1;
  FRT_TRY(walk(w, &n->body));
  FRT_TRY(perform_between(w, end));
  FRT_TRY(all_known(w, "the end of the body of", n));
  if (n->control == FRTI_WHILE) {
    const frti_action_t *back = next_of(w, n, FRTI_JUMP, FRTI_JUMP);
    if (!back || back->target != head) return w->status ? w->status : out_of_turn(w, n);
    ++w->at;
  }
  return w->at == end ? FRT_OK : out_of_turn(w, n);
}

static frt_status_t join(verifier_t *w, const frti_marks_t *other) {
  if (frti_marks_join(&w->now, other, &w->contents)) return FRT_OK;
  return w->status = frti_no_memory(w->err);
}

/* The body, from the state at hand; afterwards what holds whether it ran or not. */
static frt_status_t walk_maybe(verifier_t *w, const frti_node_t *n, uint32_t head) {
  frti_marks_t before;
  if (!frti_marks_copy(&w->now, &before)) return w->status = frti_no_memory(w->err);
  if (walk_body(w, n, head) == FRT_OK) join(w, &before);
  frti_marks_release(&before);
  return w->status;
}

static frt_status_t walk_control(verifier_t *w, const frti_node_t *n) {
  const uint32_t head = w->at;
  const frti_action_t *test = next_of(w, n, FRTI_JUMP_IF_FALSE, FRTI_JUMP_IF_FALSE);
  if (!test) return w->status;
  if (test->target <= head || test->target > w->p->n_actions) return out_of_turn(w, n);
  FRT_TRY(all_known(w, "the test of", n));
  FRT_TRY(perform(w, test));
  ++w->depth;
  FRT_TRY(walk_maybe(w, n, head));
  if (n->control == FRTI_WHILE && w->depth <= DEEP) {
    w->at = head;
    FRT_TRY(perform(w, test));
    FRT_TRY(walk_maybe(w, n, head));
  }
  --w->depth;
  return FRT_OK;
}

static frt_status_t walk(verifier_t *w, const frti_list_t *list) {
  for (uint32_t i = 0; i < list->n; ++i) {
    const frti_node_t *n = list->v[i];
    if (n->state != FRTI_LIVE) continue;
    if (n->view) { /* its output is its input */
      for (uint32_t s = 0; s < n->in.n_slots; ++s)
        if (n->in.count[s] && !(n->schema->inputs[s].flags & FRT_SLOT_SHAPE_ONLY))
          w->now.current[n->out.args[0].value->id] =
              w->now.current[n->in.args[n->in.at[s]].value->id];
      continue;
    }
    FRT_TRY(perform_between(w, w->p->n_actions));
    if (n->control) {
      FRT_TRY(walk_control(w, n));
      continue;
    }
    const frti_action_t *a = next_of(w, n, FRTI_RUN, FRTI_RUN_RANDOM);
    if (!a) return w->status;
    FRT_TRY(perform(w, a));
    ++w->at;
  }
  return FRT_OK;
}

/* ---- the start and the end ------------------------------------------------------------------- */

/* Fed values lie in host memory, persistables in every space that they were wanted in. */
static frt_status_t start(verifier_t *w) {
  const frti_plan_t *p = w->p;
  w->now.n_values = p->n_values;
  w->now.current = frti_calloc(p->n_values + 1, sizeof *w->now.current);
  if (!w->now.current) return frti_no_memory(w->err);
  for (uint32_t i = 0; i < p->n_values; ++i) {
    frti_value_t *v = p->values[i];
    const uint32_t where = v->persistable ? v->bind : v->fed ? FRTI_SPACE_BIT(FRTI_HOST) : 0;
    if (!where || frti_root(v) != v) continue;
    const uint32_t content = frti_content_new(&w->contents, NULL, v);
    if (!content) return frti_no_memory(w->err);
    w->now.current[v->id] = content;
    const uint64_t bytes = v->persistable ? frti_shape_bytes(&v->start_shape) : v->bytes;
    for (const frti_storage_t *s = v->storage; s; s = s->next) {
      const uint64_t lo = s->placed ? s->offset : 0;
      const frti_touch_t t = {s, v, s->space, s->placed, true, lo, lo + bytes};
      if (where & FRTI_SPACE_BIT(s->space)) FRT_TRY(add(w, &t, FRTI_BY_HOST, content));
    }
  }
  return FRT_OK;
}

static frt_status_t check_fetches(verifier_t *w) {
  for (size_t i = 0; i < w->p->n_fetches; ++i) {
    const frti_fetch_key_t *f = &w->p->fetches[i];
    frti_touch_t t;
    if (!f->value || !f->tensor) continue;
    frti_tensor_touch(f->tensor, f->value, false, &t);
    const uint32_t want = w->now.current[f->value->id];
    const frti_mark_t *m = frti_marks_covering(&w->now, &t);
    if (want && t.lo != t.hi && (!m || m->content != want))
      return missing(w, "the fetch", &t, want);
  }
  return FRT_OK;
}

/* The scope will be told which spaces hold the last value. */
static frt_status_t check_persistables(verifier_t *w) {
  for (uint32_t i = 0; i < w->p->n_persistables; ++i) {
    frti_value_t *v = w->p->persistables[i];
    const uint32_t want = w->now.current[v->id];
    for (const frti_storage_t *s = v->storage; v->dirty && want && s; s = s->next) {
      const frti_touch_t t = {s, v, s->space, s->placed, false, 0, frti_shape_bytes(&v->shape)};
      const frti_mark_t *m = frti_marks_covering(&w->now, &t);
      if ((v->valid & FRTI_SPACE_BIT(s->space)) && t.hi && (!m || m->content != want))
        return missing(w, "the scope", &t, want);
    }
  }
  return FRT_OK;
}

static frt_status_t verify(verifier_t *w) {
  FRT_TRY(start(w));
  FRT_TRY(walk(w, &w->p->root));
  FRT_TRY(perform_between(w, w->p->n_actions));
  if (w->at != w->p->n_actions) {
    const frti_action_t *a = &w->p->actions[w->at];
    char other[ONE * 2];
    frt_fail(w->err, FRT_INTERNAL, "no op's turn is left, but there comes %s",
             say(w->p, a, other, sizeof other));
    return fail_at(w, a->node, NULL);
  }
  w->action = NULL; /* the run ends with a wait for every queue */
  FRT_TRY(check_fetches(w));
  return check_persistables(w);
}

frt_status_t frti_plan_verify(const frti_plan_t *p, frt_error_t *err) {
  verifier_t w = {.p = p, .err = err, .status = FRT_OK};
  const frt_status_t status = verify(&w);
  frti_marks_release(&w.now);
  frti_free(w.contents.v);
  frti_free(w.own);
  return status;
}
