/* Running: find the plan (plan_cache.c), bind it to the scope and the feeds, walk its
 * actions. From the second run of a plan on nothing here allocates. */
#include "fluidrt/rng.h"
#include "runtime/stages.h"

/* ---- binding ---------------------------------------------------------------------------- */

static void point(frti_storage_t *s, void *data) {
  for (frti_tensor_t *t = s->tensors; t; t = t->next) t->t.data = data;
}

/* Arenas are shared by all plans of an executor and only grow. */
static frt_status_t bind_arenas(frt_executor_t *exe, frti_plan_t *p, frt_error_t *err) {
  for (uint32_t space = 0; space < exe->rt->n_spaces; ++space) {
    if (p->space_bytes[space] > exe->base_bytes[space]) {
      void *fresh;
      FRT_TRY(frti_space_alloc(exe->rt, space, p->space_bytes[space], &fresh, err));
      if (space == FRTI_HOST) memset(fresh, 0, p->space_bytes[space]);
      frti_space_free(exe->rt, space, exe->base[space]);
      exe->base[space] = fresh;
      exe->base_bytes[space] = p->space_bytes[space];
      ++exe->base_version[space];
    }
    if (p->base_version[space] == exe->base_version[space]) continue;
    char *base = exe->base[space];
    for (uint32_t i = 0; i < p->n_values; ++i)
      for (frti_storage_t *s = p->values[i]->storage; s; s = s->next)
        if (s->placed && s->space == space) point(s, base + s->offset);
    for (uint32_t i = 0; i < p->n_actions; ++i) {
      frti_node_t *n = p->actions[i].node;
      if (p->actions[i].kind <= FRTI_RUN_RANDOM && n->workspace &&
          exe->places[n->place].device->space == space)
        n->run.workspace = base + n->workspace_offset;
    }
    p->base_version[space] = exe->base_version[space];
  }
  return FRT_OK;
}

/* Every persistable of the plan gets its record and buffers. */
static frt_status_t bind_records(frti_plan_t *p, frt_scope_t *s, frt_error_t *err) {
  if (p->scope_uid == s->uid && p->scope_layout == s->layout) return FRT_OK;
  for (uint32_t i = 0; i < p->n_persistables; ++i) {
    frti_value_t *v = p->persistables[i];
    FRT_TRY(frti_scope_record(s, v->name, &v->record, err));
    if (!v->record->initialized || !v->read_first)
      FRT_TRY(frti_record_shape(s, v->record, v->shape.dtype, v->shape.rank, v->shape.dims,
                                err));
    for (frti_storage_t *st = v->storage; st; st = st->next) {
      FRT_TRY(frti_record_reserve(s, v->record, st->space, err));
      point(st, v->record->data[st->space]);
    }
  }
  p->scope_uid = s->uid;
  p->scope_layout = s->layout;
  return FRT_OK;
}

/* The values wanted at the start are brought to where they are wanted. */
static frt_status_t bring_records(frt_executor_t *exe, frti_plan_t *p, frt_scope_t *s,
                                  frt_error_t *err) {
  for (uint32_t i = 0; i < p->n_persistables; ++i) {
    frti_value_t *v = p->persistables[i];
    frti_record_t *r = v->record;
    if (!r->initialized && v->bind) { /* only a branch may write it: zeros until then */
      memset(r->data[FRTI_HOST], 0, r->bytes);
      r->valid = FRTI_SPACE_BIT(FRTI_HOST);
      r->initialized = true;
    }
    for (uint32_t space = 0; v->bind & ~r->valid; ++space)
      if (v->bind & FRTI_SPACE_BIT(space))
        FRT_TRY(frti_record_bring(s, r, space, &exe->bind_copies, err));
  }
  return FRT_OK;
}

static void bind_feeds(frti_plan_t *p, const frt_feed_t *feed) {
  for (size_t i = 0; i < p->n_feeds; ++i) {
    frti_value_t *v = p->feeds[i].value;
    void *data = frt_tensor_data(feed[i].tensor);
    if (!v || !v->fed) continue;
    for (frti_storage_t *s = v->storage; s; s = s->next) {
      if (s->space != FRTI_HOST) continue;
      if (!s->placed) point(s, data);
      else if (s->tensors) memcpy(s->tensors->t.data, data, frt_tensor_bytes(feed[i].tensor));
    }
  }
}

/* The name of the persistable that feed `i` goes to; NULL if it goes to none. */
static const char *fed_record(const frti_plan_request_t *q, size_t i) {
  const char *name = q->feed[i].name;
  const char *known = name ? frti_names_find(&q->program->names, name, strlen(name)) : NULL;
  const frti_var_t *var = known ? frti_program_resolve(q->program, 0, known, NULL) : NULL;
  return var && var->persistable == 1 && var->kind == FRT_VAR_LOD_TENSOR && q->feed[i].tensor
             ? known : NULL;
}

static frt_status_t set_record(frt_scope_t *s, frti_record_t *r, const frt_tensor_t *t,
                               frt_error_t *err) {
  FRT_TRY(frti_record_shape(s, r, frt_tensor_dtype(t), frt_tensor_rank(t),
                            frt_tensor_dims(t), err));
  FRT_TRY(frti_record_reserve(s, r, FRTI_HOST, err));
  if (r->bytes) memcpy(r->data[FRTI_HOST], frt_tensor_data(t), r->bytes);
  r->valid = FRTI_SPACE_BIT(FRTI_HOST);
  r->initialized = true;
  return FRT_OK;
}

/* Fed persistables become part of the scope, as Fluid's feed does. */
static frt_status_t feed_records(const frti_plan_request_t *q, frt_error_t *err) {
  for (size_t i = 0; i < q->n_feed; ++i) {
    const char *name = fed_record(q, i);
    frti_record_t *r;
    if (!name) continue;
    FRT_TRY(frti_scope_record(q->scope, name, &r, err));
    FRT_TRY(set_record(q->scope, r, q->feed[i].tensor, err));
  }
  return FRT_OK;
}

/* Copies of what feed_records will replace, so that a refused run changes nothing. */
static frt_status_t save_records(const frti_plan_request_t *q, frt_tensor_t **old,
                                 frt_error_t *err) {
  uint64_t copied = 0;
  for (size_t i = 0; i < q->n_feed; ++i) {
    const char *name = fed_record(q, i);
    frti_record_t *r = name ? frti_scope_find(q->scope, name) : NULL;
    if (!r || !r->initialized) continue;
    FRT_TRY(frti_record_bring(q->scope, r, FRTI_HOST, &copied, err));
    FRT_TRY(frt_tensor_create((frt_dtype_t)r->dtype, r->rank, r->dims, &old[i], err));
    if (r->bytes) memcpy(frt_tensor_data(old[i]), r->data[FRTI_HOST], r->bytes);
  }
  return FRT_OK;
}

/* Buffers only grow: nothing here can fail. */
static void restore_records(const frti_plan_request_t *q, frt_tensor_t *const *old) {
  for (size_t i = 0; i < q->n_feed; ++i) {
    const char *name = fed_record(q, i);
    frti_record_t *r = name ? frti_scope_find(q->scope, name) : NULL;
    if (!r) continue;
    r->initialized = false;
    if (old[i]) set_record(q->scope, r, old[i], NULL);
  }
}

/* Feeds the scope, then plans; undoes the former if the latter fails. */
static frt_status_t feed_and_plan(frt_executor_t *exe, const frti_plan_request_t *q,
                                  frti_plan_t **out, frt_error_t *err) {
  frt_tensor_t **old = frti_calloc(q->n_feed, sizeof *old);
  if (!old) return frti_no_memory(err);
  frt_status_t status = save_records(q, old, err);
  if (status == FRT_OK) {
    status = feed_records(q, err);
    if (status == FRT_OK) status = frti_plan_find(exe, q, NULL, out, err);
    if (status != FRT_OK) restore_records(q, old);
  }
  for (size_t i = 0; i < q->n_feed; ++i) frt_tensor_release(old[i]);
  frti_free(old);
  return status;
}

/* ---- the run ----------------------------------------------------------------------------- */

/* splitmix64 over what names a draw: executor seed, run, block, op, draw of the run. */
static uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

static uint64_t draw_state(const frt_executor_t *exe, const frti_node_t *n, uint64_t draw) {
  uint64_t x = mix(exe->seed);
  x = mix(x ^ exe->runs);
  x = mix(x ^ ((uint64_t)(uint32_t)n->block << 32 | (uint32_t)n->op));
  return frt_rng_seed(mix(x ^ draw));
}

static frt_status_t do_copy(frt_executor_t *exe, const frti_copy_t *c, frt_error_t *err) {
  if (c->place == FRTI_BY_HOST) {
    memcpy(c->dst->t.data, c->src->t.data, c->bytes);
    return FRT_OK;
  }
  const frti_place_t *place = &exe->places[c->place];
  const uint32_t way = c->from == c->to     ? FRT_COPY_WITHIN
                       : c->to != FRTI_HOST ? FRT_COPY_TO_DEVICE
                                            : FRT_COPY_FROM_DEVICE;
  return place->device->provider->api.copy(place->device->dev, place->queue, way,
                                           c->dst->t.data, c->src->t.data, c->bytes, err);
}

static frt_status_t failed(frt_executor_t *exe, const frti_action_t *a, frt_status_t status,
                           frt_error_t *err) {
  const int32_t place = frti_action_place(a);
  if (place >= 0) frti_device_said(exe->places[place].device, status);
  return frti_op_failed(a->node, status, err);
}

/* A device that was lost is found out before anything is run or changed. */
static frt_status_t all_alive(const frt_executor_t *exe, const frti_plan_t *p,
                              frt_error_t *err) {
  for (uint32_t i = 0; i < exe->n_places; ++i)
    if (p->uses & (1u << i)) FRT_TRY(frti_device_alive(exe->places[i].device, err));
  return FRT_OK;
}

static frt_status_t cancelled(const frti_action_t *a, frt_error_t *err) {
  frt_fail(err, FRT_CANCELLED, "cancelled before this op");
  return frti_node_error(a->node, FRT_CANCELLED, FRT_PHASE_RUN, err);
}

/* Where a run stands: the next action, and how often it drew numbers. */
typedef struct course { uint32_t at; uint64_t draws; } course_t;

static frt_status_t run_kernel(frt_executor_t *exe, frti_action_t *a, frt_error_t *err) {
  if (exe->check_provider) return frti_checked_run(exe, a, err);
  return exe->timed ? frti_run_timed(exe, a, err) : a->run(a->prepared, a->args, err);
}

/* `watched` is a constant where it is called: most runs ask nothing per op. */
static inline frt_status_t act(frt_executor_t *exe, frti_action_t *a, bool watched,
                               course_t *c, frt_error_t *err) {
  switch (a->kind) {
    case FRTI_RUN_RANDOM: a->node->run.rng_state = draw_state(exe, a->node, c->draws++);
    /* fall through */
    case FRTI_RUN:
      return watched ? run_kernel(exe, a, err) : a->run(a->prepared, a->args, err);
    case FRTI_COPY: return do_copy(exe, a->copy, err);
    case FRTI_WAIT: return frti_place_sync(&exe->places[a->by], err);
    case FRTI_JUMP_IF_FALSE:
      if (!*(const uint8_t *)a->cond->t.data) c->at = a->target;
      return FRT_OK;
    case FRTI_JUMP: c->at = a->target; return FRT_OK;
  }
  return FRT_OK;
}

static frt_status_t act_watched(frt_executor_t *exe, frti_action_t *a, course_t *c,
                                frt_error_t *err) {
  const bool look = exe->check_nan && a->kind <= FRTI_RUN_RANDOM;
  const uint64_t began = exe->trace ? frti_now_ns() : 0;
  if (look) FRT_TRY(frti_check_update(exe, a->node, err));
  FRT_TRY(act(exe, a, true, c, err));
  if (exe->trace && a->kind <= FRTI_WAIT) FRT_TRY(frti_traced(exe, a, began, err));
  return look ? frti_check_outputs(exe, a->node, err) : FRT_OK;
}

static frt_status_t run_actions(frt_executor_t *exe, frti_plan_t *p, frt_error_t *err) {
  const bool watched = exe->trace || exe->check_nan || exe->check_provider || exe->timed;
  const uint32_t n = p->n_actions;
  course_t c = {0, 0};
  while (c.at < n) {
    frti_action_t *a = &p->actions[c.at++];
    if (atomic_load_explicit(&exe->cancel, memory_order_relaxed) && a->node)
      return cancelled(a, err);
    const frt_status_t status =
        watched ? act_watched(exe, a, &c, err) : act(exe, a, false, &c, err);
    if (status != FRT_OK) return failed(exe, a, status, err);
  }
  return FRT_OK;
}

static void commit_records(frti_plan_t *p) {
  for (uint32_t i = 0; i < p->n_persistables; ++i) {
    frti_value_t *v = p->persistables[i];
    if (!v->dirty) continue;
    v->record->valid = v->valid;
    v->record->initialized = true;
  }
}

/* ---- fetching ------------------------------------------------------------------------------ */

static bool fits(const frt_tensor_t *t, const frti_tensor_t *from) {
  return t && frt_tensor_dtype(t) == (frt_dtype_t)from->t.dtype &&
         frt_tensor_rank(t) == from->t.rank &&
         !memcmp(frt_tensor_dims(t), from->dims, from->t.rank * sizeof(int64_t));
}

/* Tensors where the caller's do not fit are made before the first op runs: afterwards
 * nothing can fail, so an update is never done without its results. */
static frt_status_t make_outputs(frti_plan_t *p, frt_tensor_t *const *out, frt_error_t *err) {
  for (size_t i = 0; i < p->n_fetches; ++i) {
    frti_fetch_key_t *f = &p->fetches[i];
    if (!f->value || fits(out[i], f->tensor)) continue;
    frt_status_t status =
        frt_tensor_create((frt_dtype_t)f->tensor->t.dtype, f->tensor->t.rank,
                          f->tensor->dims, &f->fresh, err);
    if (status != FRT_OK) return frti_error_phase(err, status, FRT_PHASE_FETCH);
  }
  return FRT_OK;
}

static void drop_outputs(frti_plan_t *p) {
  for (size_t i = 0; i < p->n_fetches; ++i) {
    frt_tensor_release(p->fetches[i].fresh);
    p->fetches[i].fresh = NULL;
  }
}

static void fill_outputs(frti_plan_t *p, frt_tensor_t **out) {
  for (size_t i = 0; i < p->n_fetches; ++i) {
    frti_fetch_key_t *f = &p->fetches[i];
    if (!f->tensor || f->fresh) {
      frt_tensor_release(out[i]);
      out[i] = f->fresh;
      f->fresh = NULL;
    }
    if (f->tensor && f->tensor->t.bytes)
      memcpy(frt_tensor_data(out[i]), f->tensor->t.data, f->tensor->t.bytes);
  }
}

/* ---- the public call -------------------------------------------------------------------------- */

static bool feeds_records(const frti_plan_request_t *q) {
  for (size_t i = 0; i < q->n_feed; ++i)
    if (fed_record(q, i)) return true;
  return false;
}

/* Whether running `p` leaves the scope exactly as it is. */
static bool only_reads(const frti_plan_t *p, frt_scope_t *s) {
  if (p->writes) return false;
  for (uint32_t i = 0; i < p->n_persistables; ++i) {
    const frti_value_t *v = p->persistables[i];
    const frti_record_t *r = frti_scope_find(s, v->name);
    if (!r || !r->initialized || (v->bind & ~r->valid)) return false;
    for (const frti_storage_t *st = v->storage; st; st = st->next)
      if (!r->data[st->space] || r->cap[st->space] < r->bytes) return false;
  }
  return true;
}

static frt_status_t run_plan(frt_executor_t *exe, frti_plan_t *p,
                             const frti_plan_request_t *q, frt_tensor_t **out,
                             frt_error_t *err) {
  p->last_used = ++exe->clock;
  exe->last = p;
  exe->bind_copies = 0;
  FRT_TRY(all_alive(exe, p, err));
  FRT_TRY(bind_records(p, q->scope, err));
  FRT_TRY(bind_arenas(exe, p, err));
  FRT_TRY(bring_records(exe, p, q->scope, err));
  for (size_t i = 0; exe->check_nan && i < q->n_feed; ++i)
    FRT_TRY(frti_check_feed(q->feed[i].name, q->feed[i].tensor, err));
  bind_feeds(p, q->feed);
  frt_status_t status = make_outputs(p, out, err);
  if (status == FRT_OK) {
    status = run_actions(exe, p, err);
    if (p->has_async) status = frti_finish_queues(exe, status, err);
    ++exe->runs;
    if (p->writes) q->scope->partly_updated = status != FRT_OK;
  }
  if (status != FRT_OK) {
    drop_outputs(p);
    return status;
  }
  commit_records(p);
  fill_outputs(p, out);
  return FRT_OK;
}

/* Shares the scope if the plan only reads it, else takes it for itself. */
static frt_status_t run_scoped(frt_executor_t *exe, const frti_plan_request_t *q,
                               frt_tensor_t **out, frt_error_t *err) {
  frti_plan_t *hint = frti_plan_match(exe, q);
  const bool feeds = hint ? hint->feeds_scope : feeds_records(q);
  bool write = hint ? hint->writes : feeds;
  for (;;) {
    frti_plan_t *p;
    FRT_TRY(frti_scope_enter(q->scope, write, err));
    frt_status_t status = feeds && hint ? feed_records(q, err) : FRT_OK;
    if (status == FRT_OK)
      status = feeds && !hint ? feed_and_plan(exe, q, &p, err)
                              : frti_plan_find(exe, q, hint, &p, err);
    const bool again = status == FRT_OK && !write && !only_reads(p, q->scope);
    if (status == FRT_OK && !again) status = run_plan(exe, p, q, out, err);
    frti_scope_leave(q->scope, write);
    if (!again) return status;
    write = true;
    hint = p;
  }
}

frt_status_t frt_executor_run(frt_executor_t *exe, const frt_program_t *program,
    frt_scope_t *scope, const frt_feed_t *feed, size_t n_feed, const frt_fetch_t *fetch,
    size_t n_fetch, frt_tensor_t **out, const frt_run_options_t *options,
    frt_error_t *err) {
  const bool prune = options && FRT_HAS_OPTION(options, frt_run_options_t, use_prune) &&
                     options->use_prune;
  const frti_plan_request_t q = {program, scope, feed, n_feed, fetch, n_fetch, prune,
                                 false, -1};
  if (!program || !scope || (n_fetch && !out))
    return frt_fail(err, FRT_INVALID_ARGUMENT, "run needs a program, a scope%s",
                    n_fetch ? " and room for its fetches" : "");
  if (exe->explain_only)
    return frt_fail(err, FRT_FAILED_PRECONDITION, "this executor was made to explain only");
  if (atomic_exchange(&exe->running, 1))
    return frt_fail(err, FRT_BUSY, "this executor is running a program");
  frti_places_enter(exe);
  frt_status_t status = run_scoped(exe, &q, out, err);
  frti_places_leave(exe);
  atomic_store(&exe->cancel, 0);
  atomic_store(&exe->running, 0);
  return status;
}

void frt_executor_cancel(frt_executor_t *exe) { atomic_store(&exe->cancel, 1); }
