/* From a program to nodes and values: use_prune, schemas, slots in schema order. */
#include "runtime/stages.h"

/* ---- keys: what was fed and fetched ------------------------------------------------ */

static frt_status_t copy_feeds(frti_plan_t *p, const frti_plan_request_t *q,
                               frt_error_t *err) {
  p->n_feeds = q->n_feed;
  p->feeds = frti_arena_calloc(&p->arena, q->n_feed + 1, sizeof *p->feeds);
  if (!p->feeds) return frti_no_memory(err);
  for (size_t i = 0; i < q->n_feed; ++i) {
    frti_feed_key_t *key = &p->feeds[i];
    const frt_tensor_t *t = q->feed[i].tensor;
    if (!q->feed[i].name || !t) {
      frt_fail(err, FRT_INVALID_ARGUMENT, "feed %zu has no %s", i, t ? "name" : "tensor");
      return frti_error_phase(err, FRT_INVALID_ARGUMENT, FRT_PHASE_FEED);
    }
    for (size_t k = 0; k < i; ++k) {
      if (strcmp(p->feeds[k].name, q->feed[i].name)) continue;
      frt_fail(err, FRT_INVALID_ARGUMENT, "feed '%s' is given twice", q->feed[i].name);
      frti_error_name(err, FRT_INVALID_ARGUMENT, q->feed[i].name);
      return frti_error_phase(err, FRT_INVALID_ARGUMENT, FRT_PHASE_FEED);
    }
    key->name = frti_arena_strdup(&p->arena, q->feed[i].name);
    if (!key->name) return frti_no_memory(err);
    key->dtype = frt_tensor_dtype(t);
    key->rank = frt_tensor_rank(t);
    memcpy(key->dims, frt_tensor_dims(t), key->rank * sizeof(int64_t));
  }
  return FRT_OK;
}

static frt_status_t copy_fetches(frti_plan_t *p, const frti_plan_request_t *q,
                                 frt_error_t *err) {
  p->n_fetches = q->n_fetch;
  p->fetches = frti_arena_calloc(&p->arena, q->n_fetch + 1, sizeof *p->fetches);
  if (!p->fetches) return frti_no_memory(err);
  for (size_t i = 0; i < q->n_fetch; ++i) {
    frti_fetch_key_t *key = &p->fetches[i];
    key->block = q->fetch[i].block;
    key->op = q->fetch[i].op;
    if (!q->fetch[i].var) continue;
    key->var = frti_arena_strdup(&p->arena, q->fetch[i].var);
    if (!key->var) return frti_no_memory(err);
  }
  return FRT_OK;
}

/* ---- use_prune --------------------------------------------------------------------- */

static frt_status_t collect_prune(frti_plan_t *p, frt_prune_request_t *r,
                                  frt_error_t *err) {
  const char **feeds = frti_arena_calloc(&p->arena, p->n_feeds + 1, sizeof *feeds);
  const char **vars = frti_arena_calloc(&p->arena, p->n_fetches + 1, sizeof *vars);
  uint32_t *ops = frti_arena_calloc(&p->arena, p->n_fetches + 1, sizeof *ops);
  if (!feeds || !vars || !ops) return frti_no_memory(err);
  for (size_t i = 0; i < p->n_feeds; ++i) feeds[r->n_feeds++] = p->feeds[i].name;
  for (size_t i = 0; i < p->n_fetches; ++i) {
    const frti_fetch_key_t *f = &p->fetches[i];
    if (f->var) {
      vars[r->n_fetches++] = f->var;
    } else if (f->block != 0 || f->op < 0 ||
               (uint32_t)f->op >= p->loaded->blocks[0].n_ops) {
      return frt_fail(err, FRT_INVALID_ARGUMENT,
                      "fetch of operator %d of block %d: block 0 has operators 0 to %d",
                      f->op, f->block, (int)p->loaded->blocks[0].n_ops - 1);
    } else {
      ops[r->n_ops++] = (uint32_t)f->op;
    }
  }
  r->feeds = feeds;
  r->fetches = vars;
  r->ops = ops;
  return FRT_OK;
}

static frt_status_t prune(frti_plan_t *p, frt_error_t *err) {
  frt_prune_request_t r = {.struct_size = sizeof r};
  uint32_t *kept = NULL;
  size_t n_kept = 0;
  bool forced = false;
  for (size_t i = 0; i < p->n_fetches; ++i) forced = forced || !p->fetches[i].var;
  if (!p->use_prune && !forced) {
    p->program = frt_program_retain(p->loaded);
    return FRT_OK;
  }
  FRT_TRY(collect_prune(p, &r, err));
  FRT_TRY(frt_program_prune(p->loaded, &r, &p->program, &kept, &n_kept, err));
  uint32_t *origin = frti_arena_calloc(&p->arena, n_kept + 1, sizeof *origin);
  if (origin && n_kept) memcpy(origin, kept, n_kept * sizeof *origin);
  p->origin = origin;
  frt_free(kept);
  return origin ? FRT_OK : frti_no_memory(err);
}

/* ---- values -------------------------------------------------------------------------- */

static frti_value_t *add_value(frti_plan_t *p, const char *name, int32_t owner,
                               const frti_var_t *var) {
  frti_value_t *v = frti_arena_calloc(&p->arena, 1, sizeof *v);
  if (!v || !FRTI_GROW(p->values, p->n_values, p->values_cap)) return NULL;
  v->name = name;
  v->owner = owner;
  v->var = var;
  v->id = p->n_values;
  v->first = v->last = -1;
  v->root = v;
  p->values[p->n_values++] = v;
  return v;
}

static frt_status_t make_values(frti_plan_t *p, frt_error_t *err) {
  const frt_program_t *g = p->program;
  p->by_name = frti_arena_calloc(&p->arena, g->names.n + 1, sizeof *p->by_name);
  if (!p->by_name) return frti_no_memory(err);
  for (uint32_t b = 0; b < g->n_blocks; ++b)
    for (uint32_t i = 0; i < g->blocks[b].n_vars; ++i) {
      const frti_var_t *var = &g->blocks[b].vars[i];
      frti_value_t *v = add_value(p, var->name, (int32_t)b, var);
      if (!v) return frti_no_memory(err);
      v->tensor = var->kind == FRT_VAR_LOD_TENSOR && frt_dtype_size((uint32_t)var->dtype);
      v->dense_rows = var->kind == FRT_VAR_SELECTED_ROWS && var->persistable != 1;
      v->tensor = v->tensor || v->dense_rows; /* is_sparse=True: the gradient is dense */
      v->persistable = var->persistable == 1 && v->tensor;
      v->same_name = p->by_name[frti_name_id(var->name)];
      p->by_name[frti_name_id(var->name)] = v;
    }
  return FRT_OK;
}

static bool is_ancestor(const frt_program_t *g, int32_t block, int32_t of) {
  for (; of >= 0; of = g->blocks[of].parent)
    if (of == block) return true;
  return false;
}

frti_value_t *frti_plan_value(const frti_plan_t *p, int32_t block, const char *interned) {
  frti_value_t *best = NULL;
  for (frti_value_t *v = p->by_name[frti_name_id(interned)]; v; v = v->same_name) {
    if (v->owner == block) return v;
    if (is_ancestor(p->program, v->owner, block) && (!best || v->owner > best->owner))
      best = v; /* a child's index is greater than its parent's */
  }
  return best;
}

frti_value_t *frti_plan_temp(frti_plan_t *p, const char *name, const frt_shape_t *shape) {
  frti_value_t *v = add_value(p, name, 0, NULL);
  if (!v) return NULL;
  v->tensor = v->shaped = true;
  v->shape = *shape;
  v->bytes = frti_shape_bytes(shape);
  return v;
}

/* ---- nodes ----------------------------------------------------------------------------- */

frt_status_t frti_node_error(const frti_node_t *n, frt_status_t status, frt_phase_t phase,
                             frt_error_t *err) {
  return frti_error_at(err, status, phase, n->block, n->op, n->schema->type);
}

bool frti_list_add(frti_plan_t *p, frti_list_t *list, uint32_t *cap, frti_node_t *n) {
  if (list->n == *cap) {
    uint32_t wider = *cap ? *cap * 2 : 4;
    frti_node_t **v = frti_arena_calloc(&p->arena, wider, sizeof *v);
    if (!v) return false;
    if (list->n) memcpy(v, list->v, list->n * sizeof *v);
    list->v = v;
    *cap = wider;
  }
  list->v[list->n++] = n;
  return true;
}

static frt_status_t undeclared(const frti_plan_t *p, const char *slot, const char *name,
                               frt_error_t *err) {
  frti_nearest_t near = {.wanted = name};
  for (uint32_t i = 0; i < p->n_values; ++i) frti_nearest_offer(&near, p->values[i]->name);
  frt_fail(err, FRT_INVALID_ARGUMENT, "%s names '%s', which no block declares%s%s%s", slot,
           name, near.best ? "; nearest is '" : "", near.best ? near.best : "",
           near.best ? "'" : "");
  return frti_error_name(err, FRT_INVALID_ARGUMENT, name);
}

/* What a gradient op makes for an input that wants none: written and never read, so that
 * the others of its slot keep their places. */
static frti_value_t *unwanted(frti_plan_t *p) {
  frti_value_t *v = add_value(p, "@EMPTY@", 0, NULL);
  if (v) v->tensor = true;
  return v;
}

static frt_status_t fill_slots(frti_plan_t *p, int32_t block, const frti_bound_slot_t *from,
    const frt_slot_def_t *defs, uint32_t n_slots, bool outputs, frti_slots_t *to,
    frt_error_t *err) {
  uint32_t n = 0;
  for (uint32_t s = 0; s < n_slots; ++s) n += from[s].n;
  to->n_slots = n_slots;
  to->args = frti_arena_calloc(&p->arena, n + 1, sizeof *to->args);
  to->shapes = frti_arena_calloc(&p->arena, n + 1, sizeof *to->shapes);
  to->api = frti_arena_calloc(&p->arena, n_slots + 1, sizeof *to->api);
  to->tensors = frti_arena_calloc(&p->arena, n + 1, sizeof *to->tensors);
  if (!to->args || !to->shapes || !to->api || !to->tensors) return frti_no_memory(err);
  for (uint32_t s = 0; s < n_slots; ++s) {
    to->at[s] = to->n_args;
    for (uint32_t i = 0; i < from[s].n; ++i) {
      const bool empty = !from[s].args[i]; /* @EMPTY@ */
      if (empty && (!outputs || !(defs[s].flags & FRT_SLOT_VARIADIC))) continue;
      frti_value_t *v = empty ? unwanted(p) : frti_plan_value(p, block, from[s].args[i]);
      if (!v && empty) return frti_no_memory(err);
      if (!v) return undeclared(p, defs[s].name, from[s].args[i], err);
      to->args[to->n_args++].value = v;
      ++to->count[s];
    }
    to->api[s].name = defs[s].name;
  }
  return FRT_OK;
}

frt_status_t frti_node_slots(frti_plan_t *p, frti_node_t *n, int32_t scope_block,
                             frt_error_t *err) {
  FRT_TRY(fill_slots(p, scope_block, n->bound.in, n->schema->inputs, n->bound.n_in,
                     false, &n->in, err));
  return fill_slots(p, scope_block, n->bound.out, n->schema->outputs, n->bound.n_out, true,
                    &n->out, err);
}

static bool is_true(const frti_bound_t *b, const char *attr) {
  for (uint32_t i = 0; i < b->n_attrs; ++i)
    if (!strcmp(b->attrs[i].name, attr)) return b->attrs[i].v.i != 0;
  return false;
}

/* In test mode running statistics stay: what an op would write over its own inputs is no
 * output then, and runs that only test share a scope. */
static void leave_statistics(frti_bound_t *b) {
  if (!is_true(b, "use_global_stats") &&
      (!is_true(b, "is_test") || is_true(b, "trainable_statistics")))
    return;
  for (uint32_t o = 0; o < b->n_out; ++o) {
    const char *tied = b->schema->outputs[o].alias_of;
    const int i = tied ? frt_infer_index_(b->schema->inputs, tied) : -1;
    if (i >= 0 && b->in[i].n == 1 && b->out[o].n == 1 && b->out[o].args[0] &&
        b->in[i].args[0] && !strcmp(b->in[i].args[0], b->out[o].args[0]))
      b->out[o].n = 0;
  }
}

/* An output that the schema ties to an input must be that very variable. */
static frt_status_t check_aliases(const frti_node_t *n, frt_error_t *err) {
  for (uint32_t o = 0; o < n->out.n_slots; ++o) {
    const char *tied = n->schema->outputs[o].alias_of;
    if (!tied) continue;
    int i = frt_infer_index_(n->schema->inputs, tied);
    for (uint32_t k = 0; i >= 0 && k < n->out.count[o] && k < n->in.count[i]; ++k) {
      const frti_value_t *a = n->out.args[n->out.at[o] + k].value;
      const frti_value_t *b = n->in.args[n->in.at[i] + k].value;
      if (a != b)
        return frt_fail(err, FRT_INVALID_ARGUMENT,
                        "%s is '%s'; wanted '%s', the variable of %s: the op works in place",
                        n->schema->outputs[o].name, a->name, b->name, tied);
    }
  }
  return FRT_OK;
}

/* Which of two outputs would be the variable's value is nobody's to say. */
static frt_status_t check_outputs(const frti_node_t *n, frt_error_t *err) {
  for (uint32_t o = 1; !n->control && o < n->out.n_args; ++o)
    for (uint32_t k = 0; k < o; ++k)
      if (n->out.args[o].value == n->out.args[k].value)
        return frt_fail(err, FRT_INVALID_ARGUMENT, "two outputs name '%s'",
                        n->out.args[o].value->name);
  return FRT_OK;
}

static frt_status_t check_kinds(const frti_node_t *n, frt_error_t *err) {
  if (n->control || n->state == FRTI_HOLDER) return FRT_OK;
  for (int side = 0; side < 2; ++side) {
    const frti_slots_t *s = side ? &n->out : &n->in;
    for (uint32_t i = 0; i < s->n_args; ++i) {
      const frti_value_t *v = s->args[i].value;
      if (!v->tensor)
        return frt_fail(err, FRT_UNIMPLEMENTED,
                        "variable '%s' is of kind %d; only dense LOD_TENSORs are run",
                        v->name, v->var ? v->var->kind : 0);
      if (v->var && v->var->lod_level > 0)
        return frt_fail(err, FRT_UNIMPLEMENTED,
                        "variable '%s' has lod_level %d; only dense tensors are run", v->name,
                        v->var->lod_level);
    }
  }
  return FRT_OK;
}

static frt_status_t make_list(frti_plan_t *p, int32_t block, frti_node_t *parent,
                              frti_list_t *out, frt_error_t *err);

static frt_status_t make_body(frti_plan_t *p, frti_node_t *n, frt_error_t *err) {
  n->control = !strcmp(n->schema->type, "while")               ? FRTI_WHILE
               : !strcmp(n->schema->type, "conditional_block") ? FRTI_COND
                                                               : FRTI_KERNEL;
  if (!n->control) {
    n->state = FRTI_HOLDER;
    return FRT_OK;
  }
  n->body_block = frti_op_sub_block(n->src);
  if (n->body_block <= 0 || (uint32_t)n->body_block >= p->program->n_blocks)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "sub_block is %d; the program has %u blocks",
                    n->body_block, p->program->n_blocks);
  /* Two ops per block that share a body would double the plan at every level. */
  if (!p->bodies) p->bodies = frti_arena_calloc(&p->arena, p->program->n_blocks, 1);
  if (!p->bodies) return frti_no_memory(err);
  if (p->bodies[n->body_block])
    return frt_fail(err, FRT_INVALID_ARGUMENT,
                    "sub_block %d is the body of another op, too", n->body_block);
  p->bodies[n->body_block] = true;
  const frti_attr_t *scalar = frti_op_attr(n->src, "is_scalar_condition");
  if (n->control == FRTI_COND && scalar && !scalar->v.i)
    return frt_fail(err, FRT_UNIMPLEMENTED,
                    "is_scalar_condition is false; only a scalar condition is run");
  return make_list(p, n->body_block, n, &n->body, err);
}

static frt_status_t make_node(frti_plan_t *p, int32_t block, uint32_t i,
                              frti_node_t *parent, frti_node_t **out, frt_error_t *err) {
  frti_node_t *n = frti_arena_calloc(&p->arena, 1, sizeof *n);
  if (!n) return frti_no_memory(err);
  n->block = block;
  n->op = block == 0 && p->origin ? (int32_t)p->origin[i] : (int32_t)i;
  n->src = &p->program->blocks[block].ops[i];
  n->schema = frti_op_find(p->exe->rt, n->src->type);
  n->parent = parent;
  n->place = -1;
  *out = n;
  frt_status_t status =
      frti_bind_op(p->program, block, i, n->schema, &p->arena, &n->bound, err);
  if (status == FRT_OK) leave_statistics(&n->bound);
  if (status == FRT_OK) status = frti_node_slots(p, n, block, err);
  if (status == FRT_OK && (n->schema->flags & FRT_OP_RUNTIME))
    status = make_body(p, n, err);
  if (status == FRT_OK) status = check_kinds(n, err);
  if (status == FRT_OK) status = check_aliases(n, err);
  if (status == FRT_OK) status = check_outputs(n, err);
  return status == FRT_OK ? FRT_OK : frti_node_error(n, status, FRT_PHASE_PLAN, err);
}

static frt_status_t make_list(frti_plan_t *p, int32_t block, frti_node_t *parent,
                              frti_list_t *out, frt_error_t *err) {
  const frti_block_t *b = &p->program->blocks[block];
  out->v = frti_arena_calloc(&p->arena, b->n_ops + 1, sizeof *out->v);
  if (!out->v) return frti_no_memory(err);
  for (uint32_t i = 0; i < b->n_ops; ++i, ++out->n)
    FRT_TRY(make_node(p, block, i, parent, &out->v[i], err));
  return FRT_OK;
}

/* All unknown ops at once, before anything else is said about them. */
static frt_status_t check_known(const frti_plan_t *p, frt_error_t *err) {
  frti_str_t s = {0};
  uint32_t n = 0;
  int32_t first_block = 0, first_op = 0;
  for (uint32_t b = 0; b < p->program->n_blocks; ++b)
    for (uint32_t i = 0; i < p->program->blocks[b].n_ops; ++i) {
      const char *type = p->program->blocks[b].ops[i].type;
      if (frti_op_find(p->exe->rt, type)) continue;
      const char *near = frt_op_nearest(type);
      if (!n++) {
        first_block = (int32_t)b;
        first_op = b == 0 && p->origin ? (int32_t)p->origin[i] : (int32_t)i;
      }
      frti_str_addf(&s, "%sblock %u op #%u '%.40s'%s%s%s", s.len ? ", " : "", b,
                    b == 0 && p->origin ? p->origin[i] : i, type, near ? " (nearest is '" : "",
                    near ? near : "", near ? "')" : "");
    }
  if (!n) return FRT_OK;
  frt_fail(err, FRT_UNIMPLEMENTED, "%u op%s not known: %s", n, n == 1 ? " is" : "s are",
           s.text ? s.text : "");
  frti_str_release(&s);
  frti_error_phase(err, FRT_UNIMPLEMENTED, FRT_PHASE_PLAN);
  if (err) {
    err->block = first_block;
    err->op = first_op;
  }
  return FRT_UNIMPLEMENTED;
}

/* ---- feeds and fetches find their values ------------------------------------------------ */

static const frti_value_t *nearest_value(const frti_plan_t *p, const char *name) {
  frti_nearest_t near = {.wanted = name};
  const frti_value_t *best = NULL;
  for (uint32_t i = 0; i < p->n_values; ++i) {
    const char *before = near.best;
    if (p->values[i]->owner == 0) frti_nearest_offer(&near, p->values[i]->name);
    if (near.best != before) best = p->values[i];
  }
  return best;
}

static frt_status_t not_there(const frti_plan_t *p, const char *what, const char *name,
                              frt_phase_t phase, frt_error_t *err) {
  const frti_value_t *near = nearest_value(p, name);
  frt_fail(err, FRT_NOT_FOUND, "%s '%s': not in block 0%s%s%s", what, name,
           near ? "; nearest is '" : "", near ? near->name : "", near ? "'" : "");
  frti_error_name(err, FRT_NOT_FOUND, name);
  return frti_error_phase(err, FRT_NOT_FOUND, phase);
}

static frti_value_t *block0_value(const frti_plan_t *p, const char *name) {
  const char *known = frti_names_find(&p->program->names, name, strlen(name));
  for (frti_value_t *v = known ? p->by_name[frti_name_id(known)] : NULL; v; v = v->same_name)
    if (v->owner == 0) return v;
  return NULL;
}

static bool declared(const frt_program_t *g, const char *name) {
  const char *known = frti_names_find(&g->names, name, strlen(name));
  return known && frti_program_resolve(g, 0, known, NULL);
}

static frt_status_t check_feed(const frti_feed_key_t *f, const frti_value_t *v,
                               frt_error_t *err) {
  char got[96], want[96];
  bool fits = f->rank == v->var->rank;
  for (uint32_t i = 0; fits && i < f->rank; ++i)
    fits = v->var->dims[i] == -1 || v->var->dims[i] == f->dims[i];
  if (f->dtype != (uint32_t)v->var->dtype)
    frt_fail(err, FRT_INVALID_ARGUMENT, "feed '%s' has dtype %s; wanted %s", f->name,
             frt_dtype_name(f->dtype), frt_dtype_name((uint32_t)v->var->dtype));
  else if (!fits)
    frt_fail(err, FRT_INVALID_ARGUMENT, "feed '%s' has shape %s; wanted %s", f->name,
             frti_dims_text(got, sizeof got, f->rank, f->dims),
             frti_dims_text(want, sizeof want, v->var->rank, v->var->dims));
  else
    return FRT_OK;
  frti_error_name(err, FRT_INVALID_ARGUMENT, f->name);
  return frti_error_phase(err, FRT_INVALID_ARGUMENT, FRT_PHASE_FEED);
}

static frt_status_t find_feeds(frti_plan_t *p, frt_error_t *err) {
  for (size_t i = 0; i < p->n_feeds; ++i) {
    frti_feed_key_t *f = &p->feeds[i];
    frti_value_t *v = block0_value(p, f->name);
    if (!v && declared(p->loaded, f->name)) continue; /* pruned away: ignored */
    if (!v) return not_there(p, "feed", f->name, FRT_PHASE_FEED, err);
    if (!v->tensor)
      return frt_fail(err, FRT_INVALID_ARGUMENT, "feed '%s' is no dense tensor variable",
                      f->name);
    FRT_TRY(check_feed(f, v, err));
    f->value = v;
    if (v->persistable) {
      v->fed_record = p->writes = p->feeds_scope = true;
      continue;
    }
    v->fed = true;
    v->shaped = true;
    v->shape.dtype = f->dtype;
    v->shape.rank = f->rank;
    memcpy(v->shape.dims, f->dims, sizeof f->dims);
    v->bytes = frti_shape_bytes(&v->shape);
  }
  return FRT_OK;
}

static frt_status_t find_fetches(frti_plan_t *p, frt_error_t *err) {
  for (size_t i = 0; i < p->n_fetches; ++i) {
    frti_fetch_key_t *f = &p->fetches[i];
    if (!f->var) continue;
    f->value = block0_value(p, f->var);
    if (!f->value) return not_there(p, "fetch", f->var, FRT_PHASE_FETCH, err);
    if (!f->value->tensor)
      return frt_fail(err, FRT_INVALID_ARGUMENT, "fetch '%s' is no dense tensor variable",
                      f->var);
    f->value->fetched = true;
  }
  return FRT_OK;
}

frt_status_t frti_plan_build(frti_plan_t *p, const frti_plan_request_t *q,
                             frt_error_t *err) {
  p->loaded = frt_program_retain((frt_program_t *)(uintptr_t)q->program);
  p->uid = frt_program_uid(p->loaded);
  p->version = frt_program_version(p->loaded);
  p->use_prune = q->use_prune;
  p->n_loaded_ops = p->loaded->blocks[0].n_ops;
  FRT_TRY(copy_feeds(p, q, err));
  FRT_TRY(copy_fetches(p, q, err));
  FRT_TRY(prune(p, err));
  FRT_TRY(check_known(p, err));
  FRT_TRY(frti_plan_lower(p, err));
  FRT_TRY(make_values(p, err));
  FRT_TRY(find_feeds(p, err));
  FRT_TRY(find_fetches(p, err));
  return make_list(p, 0, NULL, &p->root, err);
}
