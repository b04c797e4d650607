/* From nodes to actions: where each value lies, and the copies between memory spaces.
 * The walk knows for every value the set of spaces that hold its current version. Around a
 * control op the home of what its body writes is the space where it is written last: before
 * the body, after it, and from one iteration to the next it lies there, whichever way was
 * taken. What the body only reads is brought to where it reads it before. */
#include "runtime/stages.h"

/* ---- storage and views ------------------------------------------------------------------ */

static frti_storage_t *storage_of(frti_plan_t *p, frti_value_t *v, uint32_t space) {
  for (frti_storage_t *s = v->storage; s; s = s->next)
    if (s->space == space) return s;
  frti_storage_t *s = frti_arena_calloc(&p->arena, 1, sizeof *s);
  if (!s) return NULL;
  s->space = space;
  /* Records own the memory of persistables, callers that of feeds nobody writes. */
  s->placed = !v->persistable && (!v->fed || v->written || space != FRTI_HOST);
  s->next = v->storage;
  v->storage = s;
  return s;
}

static frti_tensor_t *view_of(frti_plan_t *p, frti_value_t *v, const frt_shape_t *shape,
                              uint32_t space) {
  frti_storage_t *s = storage_of(p, v, space);
  if (!s) return NULL;
  for (frti_tensor_t *t = s->tensors; t; t = t->next)
    if (t->t.dtype == shape->dtype && t->t.rank == shape->rank &&
        !memcmp(t->dims, shape->dims, shape->rank * sizeof(int64_t)))
      return t;
  frti_tensor_t *t = frti_arena_calloc(&p->arena, 1, sizeof *t);
  if (!t) return NULL;
  frti_tensor_set(t, shape);
  t->of = s;
  t->t.flags = (v->persistable ? FRT_TENSOR_PERSISTABLE : 0u) | (v->fed ? FRT_TENSOR_FED : 0u);
  t->next = s->tensors;
  s->tensors = t;
  v->bytes = FRTI_MAX(v->bytes, t->t.bytes);
  return t;
}

/* Holds the value's storage while the outermost op around `n` runs. */
static void hold(frti_value_t *v, const frti_node_t *n) {
  while (n->parent) n = n->parent;
  if (v->first < 0 || n->first < v->first) v->first = n->first;
  v->last = FRTI_MAX(v->last, n->last);
}

/* ---- actions -------------------------------------------------------------------------------- */

static frti_action_t *add_action(frti_plan_t *p, frti_action_kind_t kind, frti_node_t *n) {
  if (!FRTI_GROW(p->actions, p->n_actions, p->actions_cap)) return NULL;
  frti_action_t *a = &p->actions[p->n_actions++];
  memset(a, 0, sizeof *a);
  a->kind = kind;
  a->node = n;
  a->by = FRTI_BY_HOST;
  return a;
}

/* The place whose queue works for a space: the first one that lies there. */
static int32_t worker(const frti_plan_t *p, uint32_t space) {
  for (uint32_t i = 0; space != FRTI_HOST && i < p->exe->n_places; ++i)
    if (p->exe->places[i].device->space == space) return (int32_t)i;
  return FRTI_BY_HOST;
}

static frt_status_t add_copy(frti_plan_t *p, frti_value_t *v, const frt_shape_t *shape,
    uint32_t from, uint32_t to, frti_node_t *cause, const char *why, frt_error_t *err) {
  frti_copy_t *c = frti_arena_calloc(&p->arena, 1, sizeof *c);
  frti_action_t *a = add_action(p, FRTI_COPY, cause);
  if (!c || !a || !FRTI_GROW(p->copies, p->n_copies, p->copies_cap))
    return frti_no_memory(err);
  const frti_copy_t copy = {v, cause, v->last_writer, why, from, to, worker(p, to != FRTI_HOST ? to : from),
                            frti_shape_bytes(shape), view_of(p, v, shape, from),
                            view_of(p, v, shape, to)};
  if (!copy.src || !copy.dst) return frti_no_memory(err);
  *c = copy;
  a->copy = c;
  p->copies[p->n_copies++] = c;
  v->valid |= FRTI_SPACE_BIT(to);
  return FRT_OK;
}

/* Makes the current version of `v` valid in `space`. */
static frt_status_t ensure(frti_plan_t *p, frti_value_t *v, const frt_shape_t *shape,
    uint32_t space, frti_node_t *cause, const char *why, frt_error_t *err) {
  if (v->valid & FRTI_SPACE_BIT(space)) return FRT_OK;
  if (v->persistable && !v->dirty) { /* the scope brings it over, once */
    v->bind |= FRTI_SPACE_BIT(space);
    v->valid |= FRTI_SPACE_BIT(space);
    return view_of(p, v, shape, space) ? FRT_OK : frti_no_memory(err);
  }
  if (!v->valid) return FRT_OK; /* nothing was written yet: a branch may */
  if (space != FRTI_HOST && !(v->valid & FRTI_SPACE_BIT(FRTI_HOST)))
    FRT_TRY(ensure(p, v, shape, FRTI_HOST, cause, why, err));
  uint32_t from = FRTI_HOST;
  while (!(v->valid & FRTI_SPACE_BIT(from))) ++from;
  return add_copy(p, v, shape, from, space, cause, why, err);
}

static void wrote(frti_value_t *v, frti_node_t *by, uint32_t space) {
  v->last_writer = by;
  v->valid = FRTI_SPACE_BIT(space);
  v->dirty = true;
}

static uint32_t node_space(const frti_plan_t *p, const frti_node_t *n) {
  const frti_place_t *place = frti_node_place(p, n);
  return place ? place->device->space : FRTI_HOST;
}

/* ---- one op ------------------------------------------------------------------------------------ */

static frt_status_t emit_inputs(frti_plan_t *p, frti_node_t *n, uint32_t space,
                                frt_error_t *err) {
  for (uint32_t s = 0; s < n->in.n_slots; ++s)
    for (uint32_t k = 0; k < n->in.count[s]; ++k) {
      const uint32_t i = n->in.at[s] + k;
      frti_value_t *v = frti_root(n->in.args[i].value);
      if (n->schema->inputs[s].flags & FRT_SLOT_SHAPE_ONLY) continue;
      hold(v, n);
      if (!v->first_reader) v->first_reader = n;
      FRT_TRY(ensure(p, v, &n->in.shapes[i], space, n, "input", err));
      frti_tensor_t *t = view_of(p, v, &n->in.shapes[i], space);
      if (!t) return frti_no_memory(err);
      n->in.tensors[i] = &t->t;
    }
  return FRT_OK;
}

/* Output `o` (slot s) names a variable that the op also reads. May they share memory? As
 * long as it stays as large as it was: kernels that work in place go along it once. */
static bool may_overlap(const frti_node_t *n, uint32_t s, uint32_t o) {
  const frti_value_t *v = frti_root(n->out.args[o].value);
  const bool tied = n->schema->outputs[s].alias_of != NULL;
  bool first = true;
  for (uint32_t k = 0; k < n->in.n_slots; ++k)
    for (uint32_t i = 0; i < n->in.count[k]; ++i, first = false) {
      if (frti_root(n->in.args[n->in.at[k] + i].value) != v ||
          (n->schema->inputs[k].flags & FRT_SLOT_SHAPE_ONLY) || tied)
        continue;
      if (!first || o != 0 || !(n->support & FRT_SUPPORT_INPLACE) ||
          frti_shape_bytes(&n->in.shapes[n->in.at[k] + i]) != frti_shape_bytes(&n->out.shapes[o]))
        return false;
    }
  return true;
}

static frt_status_t make_aside(frti_plan_t *p, frti_node_t *n, uint32_t o, uint32_t space,
                               frt_error_t *err) {
  if (n->aside)
    return frti_node_error(n, frt_fail(err, FRT_UNIMPLEMENTED,
        "two outputs name variables that the op also reads"), FRT_PHASE_PLAN, err);
  n->aside = frti_plan_temp(p, n->out.args[o].value->name, &n->out.shapes[o]);
  if (!n->aside) return frti_no_memory(err);
  hold(n->aside, n);
  frti_tensor_t *t = view_of(p, n->aside, &n->out.shapes[o], space);
  if (!t) return frti_no_memory(err);
  n->out.tensors[o] = &t->t;
  return FRT_OK;
}

static frt_status_t emit_outputs(frti_plan_t *p, frti_node_t *n, uint32_t space,
                                 frt_error_t *err) {
  for (uint32_t s = 0; s < n->out.n_slots; ++s)
    for (uint32_t k = 0; k < n->out.count[s]; ++k) {
      const uint32_t o = n->out.at[s] + k;
      frti_value_t *v = frti_root(n->out.args[o].value);
      if (n->schema->outputs[s].flags & FRT_SLOT_SHAPE_ONLY) continue;
      hold(v, n);
      frti_tensor_t *t = view_of(p, v, &n->out.shapes[o], space);
      if (!t) return frti_no_memory(err);
      n->out.tensors[o] = &t->t;
      if (!may_overlap(n, s, o)) FRT_TRY(make_aside(p, n, o, space, err));
    }
  return FRT_OK;
}

static frt_status_t finish_outputs(frti_plan_t *p, frti_node_t *n, uint32_t space,
                                   frt_error_t *err) {
  for (uint32_t s = 0; s < n->out.n_slots; ++s)
    for (uint32_t k = 0; k < n->out.count[s]; ++k) {
      const uint32_t o = n->out.at[s] + k;
      if (n->schema->outputs[s].flags & FRT_SLOT_SHAPE_ONLY) continue;
      wrote(frti_root(n->out.args[o].value), n, space);
      if (!n->aside || n->aside->storage->tensors != (const void *)n->out.tensors[o])
        continue;
      frti_value_t *v = frti_root(n->out.args[o].value);
      FRT_TRY(add_copy(p, v, &n->out.shapes[o], space, space, n,
                       "the op may not write what it reads", err));
      p->copies[p->n_copies - 1]->src = n->aside->storage->tensors;
    }
  return FRT_OK;
}

/* Whether each run draws other numbers: seed 0, or fix_seed false where an op has that. */
static bool draws_anew(const frti_node_t *n) {
  const frt_api_attr_t *seed = NULL, *fix = NULL;
  for (uint32_t i = 0; i < n->bound.n_attrs; ++i) {
    if (!strcmp(n->bound.attrs[i].name, "seed")) seed = &n->bound.attrs[i];
    if (!strcmp(n->bound.attrs[i].name, "fix_seed")) fix = &n->bound.attrs[i];
  }
  if (!(n->schema->flags & FRT_OP_RANDOM) || !seed) return false;
  return fix ? !fix->v.i : seed->v.i == 0;
}

static frt_status_t emit_op(frti_plan_t *p, frti_node_t *n, frt_error_t *err) {
  const uint32_t space = node_space(p, n);
  if (n->view) {
    ++p->live_ops;
    return FRT_OK;
  }
  FRT_TRY(emit_inputs(p, n, space, err));
  FRT_TRY(emit_outputs(p, n, space, err));
  n->draws = draws_anew(n);
  if (!add_action(p, n->draws ? FRTI_RUN_RANDOM : FRTI_RUN, n)) return frti_no_memory(err);
  ++p->live_ops;
  p->fallback_ops += n->place > 0;
  return finish_outputs(p, n, space, err);
}

/* ---- control ops --------------------------------------------------------------------------------- */

typedef enum moment { BEFORE, BODY_STARTS, BODY_ENDS, AFTER } moment_t;

typedef struct around {
  frti_plan_t *p;
  frti_node_t *n;
  moment_t moment;
  const uint32_t *valid;      /* by value id: where it lay before the body */
  const frti_value_t *tested; /* a loop's condition: the host reads it each time */
  frt_status_t status;
  frt_error_t *err;
} around_t;

static void mark_writes(const frti_plan_t *p, const frti_list_t *list,
                        const frti_node_t *control) {
  for (uint32_t i = 0; i < list->n; ++i) {
    const frti_node_t *n = list->v[i];
    if (n->control) mark_writes(p, &n->body, control);
    for (uint32_t o = 0; !n->control && o < n->out.n_args; ++o) {
      frti_value_t *v = frti_root(n->out.args[o].value);
      v->body_writer = control;
      v->body_space = node_space(p, n);
    }
  }
}

static void around_value(void *ctx, frti_value_t *v, bool write) {
  around_t *a = ctx;
  FRTI_UNUSED(write);
  if (a->status != FRT_OK) return;
  v = frti_root(v);
  hold(v, a->n);
  if (v->body_writer != a->n) return;
  const uint32_t space = v == a->tested ? (uint32_t)FRTI_HOST : v->body_space;
  const uint32_t home = FRTI_SPACE_BIT(space);
  if (a->moment == BEFORE || a->moment == BODY_ENDS)
    a->status = ensure(a->p, v, &v->shape, space, a->n,
                       a->moment == BEFORE ? "enters a body" : "leaves a body", a->err);
  if (a->moment == BODY_STARTS) {
    v->valid &= home;
    v->dirty = true;
  }
  if (a->moment == AFTER) v->valid = home | (a->valid[v->id] & v->valid);
}

static frt_status_t around(frti_plan_t *p, frti_node_t *n, moment_t moment,
                           const uint32_t *valid, frt_error_t *err) {
  const frti_value_t *tested =
      n->control == FRTI_WHILE ? frti_root(frti_node_condition(n)->value) : NULL;
  around_t a = {p, n, moment, valid, tested, FRT_OK, err};
  mark_writes(p, &n->body, n); /* again: a body within changed it */
  frti_body_touches(n, around_value, &a);
  return a.status;
}

/* What ops of the list read and the body of `control` does not write goes to where they
 * will read it: before the body, so once for a loop. */
static frt_status_t hoist(frti_plan_t *p, const frti_list_t *list, const frti_node_t *control,
                          frt_error_t *err) {
  for (uint32_t i = 0; i < list->n; ++i) {
    frti_node_t *n = list->v[i];
    if (n->state != FRTI_LIVE || n->view) continue;
    if (n->control) {
      frti_value_t *cond = frti_node_condition(n) ? frti_node_condition(n)->value : NULL;
      if (cond && cond->body_writer != control && cond->owner != control->body_block)
        FRT_TRY(ensure(p, cond, &cond->shape, FRTI_HOST, n, "condition", err));
      FRT_TRY(hoist(p, &n->body, control, err));
    }
    for (uint32_t s = 0; !n->control && s < n->in.n_slots; ++s)
      for (uint32_t k = 0; k < n->in.count[s]; ++k) {
        const uint32_t at = n->in.at[s] + k;
        frti_value_t *v = frti_root(n->in.args[at].value);
        if (v->body_writer == control || v->owner == control->body_block ||
            (n->schema->inputs[s].flags & FRT_SLOT_SHAPE_ONLY))
          continue;
        FRT_TRY(ensure(p, v, &n->in.shapes[at], node_space(p, n), n, "input", err));
      }
  }
  return FRT_OK;
}

static frt_status_t emit_list(frti_plan_t *p, frti_list_t *list, frt_error_t *err);

frti_arg_t *frti_node_condition(const frti_node_t *n) {
  for (uint32_t s = 0; s < n->in.n_slots; ++s)
    if (n->in.count[s] && (!strcmp(n->schema->inputs[s].name, "Cond") ||
                           !strcmp(n->schema->inputs[s].name, "Condition")))
      return &n->in.args[n->in.at[s]];
  return NULL;
}

static frt_status_t emit_body(frti_plan_t *p, frti_node_t *n, const uint32_t *valid,
                              frt_error_t *err) {
  frti_value_t *cond = frti_node_condition(n)->value;
  const uint32_t head = p->n_actions;
  frti_action_t *test = add_action(p, FRTI_JUMP_IF_FALSE, n);
  if (!test) return frti_no_memory(err);
  test->cond = view_of(p, cond, &cond->shape, FRTI_HOST);
  if (!test->cond) return frti_no_memory(err);
  FRT_TRY(around(p, n, BODY_STARTS, valid, err));
  FRT_TRY(emit_list(p, &n->body, err));
  FRT_TRY(around(p, n, BODY_ENDS, valid, err));
  if (n->control == FRTI_WHILE) {
    frti_action_t *back = add_action(p, FRTI_JUMP, n);
    if (!back) return frti_no_memory(err);
    back->target = head;
  }
  p->actions[head].target = p->n_actions;
  return around(p, n, AFTER, valid, err);
}

static frt_status_t emit_control(frti_plan_t *p, frti_node_t *n, frt_error_t *err) {
  frti_arg_t *cond = frti_node_condition(n);
  if (!cond)
    return frti_node_error(n, frt_fail(err, FRT_INVALID_ARGUMENT, "has no condition"),
                           FRT_PHASE_PLAN, err);
  hold(cond->value, n);
  FRT_TRY(ensure(p, cond->value, &cond->value->shape, FRTI_HOST, n, "condition", err));
  FRT_TRY(around(p, n, BEFORE, NULL, err));
  FRT_TRY(hoist(p, &n->body, n, err));
  uint32_t *valid = frti_calloc(p->n_values, sizeof *valid);
  if (!valid) return frti_no_memory(err);
  for (uint32_t i = 0; i < p->n_values; ++i) valid[i] = p->values[i]->valid;
  const frt_status_t status = emit_body(p, n, valid, err);
  frti_free(valid);
  return status;
}

static frt_status_t emit_list(frti_plan_t *p, frti_list_t *list, frt_error_t *err) {
  for (uint32_t i = 0; i < list->n; ++i) {
    frti_node_t *n = list->v[i];
    if (n->state != FRTI_LIVE) continue;
    if (n->control) FRT_TRY(emit_control(p, n, err));
    else FRT_TRY(emit_op(p, n, err));
  }
  return FRT_OK;
}

/* ---- the end --------------------------------------------------------------------------------------- */

static frt_status_t emit_fetches(frti_plan_t *p, frt_error_t *err) {
  for (size_t i = 0; i < p->n_fetches; ++i) {
    frti_fetch_key_t *f = &p->fetches[i];
    if (!f->value) continue;
    frti_value_t *v = frti_root(f->value);
    FRT_TRY(ensure(p, v, &f->value->shape, FRTI_HOST, NULL, "fetch", err));
    f->tensor = view_of(p, v, &f->value->shape, FRTI_HOST);
    if (!f->tensor) return frti_no_memory(err);
    if (v->first < 0) v->first = 0;
    v->last = INT64_MAX;
  }
  return FRT_OK;
}

static frt_status_t list_persistables(frti_plan_t *p, frt_error_t *err) {
  p->persistables = frti_arena_calloc(&p->arena, p->n_values + 1, sizeof *p->persistables);
  if (!p->persistables) return frti_no_memory(err);
  for (uint32_t i = 0; i < p->n_values; ++i) {
    frti_value_t *v = p->values[i];
    if (!v->persistable || !v->storage) continue;
    p->persistables[p->n_persistables++] = v;
    for (const frti_storage_t *s = v->storage; s; s = s->next)
      p->persistable_bytes += frti_shape_bytes(&v->shape);
  }
  return FRT_OK;
}

frt_status_t frti_plan_copy(frti_plan_t *p, frt_error_t *err) {
  for (uint32_t i = 0; i < p->n_values; ++i) {
    frti_value_t *v = p->values[i];
    v->valid = v->fed ? FRTI_SPACE_BIT(FRTI_HOST) : 0;
    v->dirty = false;
    if (v->fed && v->written) v->first = 0; /* filled from the feed at the start */
  }
  FRT_TRY(emit_list(p, &p->root, err));
  FRT_TRY(emit_fetches(p, err));
  return list_persistables(p, err);
}
