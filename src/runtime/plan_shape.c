/* Shapes, walking forwards: every op's outputs are inferred by its schema; who reads
 * what before it was written is found here too, and said all at once. */
#include "runtime/stages.h"

int64_t frti_shape_numel(const frt_shape_t *s) {
  int64_t n;
  return frti_numel(s->rank, s->dims, &n) ? n : -1;
}

uint64_t frti_shape_bytes(const frt_shape_t *s) {
  int64_t n = frti_shape_numel(s);
  size_t bytes;
  if (n < 0 || !frti_mul_size((size_t)n, frt_dtype_size(s->dtype), &bytes)) return 0;
  return bytes;
}

bool frti_shape_equal(const frt_shape_t *a, const frt_shape_t *b) {
  return a->dtype == b->dtype && a->rank == b->rank &&
         !memcmp(a->dims, b->dims, a->rank * sizeof(int64_t));
}

/* ---- names that have no value, collected ------------------------------------------- */

typedef struct walk {
  frti_plan_t *p;
  frti_str_t unfed, late, empty; /* missing feeds; producer only later; not initialized */
  uint32_t n_unfed, n_late, n_empty;
} walk_t;

static void note(frti_str_t *s, uint32_t *n, const frti_value_t *v, const frti_node_t *at) {
  ++*n;
  if (strlen(v->name) < 100)
    frti_str_addf(s, "%s'%s' (read by op #%d %s)", s->len ? ", " : "", v->name, at->op,
                  at->schema->type);
}

static bool written_later(const frti_plan_t *p, const frti_value_t *v) {
  for (uint32_t i = 0; i < p->root.n; ++i)
    for (uint32_t k = 0; p->root.v[i]->state != FRTI_HOLDER && k < p->root.v[i]->out.n_args;
         ++k)
      if (p->root.v[i]->out.args[k].value == v) return true;
  return false;
}

/* ---- where a value starts --------------------------------------------------------------- */

static frti_def_t *new_def(frti_plan_t *p, frti_value_t *v, frti_node_t *writer) {
  frti_def_t *d = frti_arena_calloc(&p->arena, 1, sizeof *d);
  if (!d) return NULL;
  d->value = v;
  d->writer = writer;
  v->def = d;
  return d;
}

static void declared_shape(const frti_plan_t *p, const frti_value_t *v, frt_shape_t *to) {
  to->dtype = (uint32_t)v->var->dtype;
  to->rank = FRTI_MIN(v->var->rank, (uint32_t)FRT_MAX_RANK);
  for (uint32_t i = 0; i < to->rank; ++i)
    to->dims[i] = v->var->dims[i] < 0 ? p->batch : v->var->dims[i];
}

static frt_status_t check_record(const frti_value_t *v, const frti_record_t *r,
                                 frt_error_t *err) {
  char got[96], want[96];
  bool fits = r->rank == v->var->rank && r->dtype == (uint32_t)v->var->dtype;
  for (uint32_t i = 0; fits && i < r->rank; ++i)
    fits = v->var->dims[i] == -1 || v->var->dims[i] == r->dims[i];
  if (fits) return FRT_OK;
  frt_fail(err, FRT_INVALID_ARGUMENT,
           "variable '%s' is %s %s in the scope; the program declares %s %s", v->name,
           frt_dtype_name(r->dtype), frti_dims_text(got, sizeof got, r->rank, r->dims),
           frt_dtype_name((uint32_t)v->var->dtype),
           frti_dims_text(want, sizeof want, v->var->rank, v->var->dims));
  frti_error_name(err, FRT_INVALID_ARGUMENT, v->name);
  return frti_error_phase(err, FRT_INVALID_ARGUMENT, FRT_PHASE_PLAN);
}

/* The value that a persistable has when the run starts. */
static frt_status_t start_persistable(walk_t *w, frti_value_t *v, const frti_node_t *n,
                                      bool optional, frt_error_t *err) {
  frti_record_t *r = w->p->scope ? frti_scope_find(w->p->scope, v->name) : NULL;
  if (r && r->initialized) {
    FRT_TRY(check_record(v, r, err));
    v->shape.dtype = r->dtype;
    v->shape.rank = r->rank;
    memcpy(v->shape.dims, r->dims, sizeof r->dims);
  } else {
    if (!optional && !w->p->explain) note(&w->empty, &w->n_empty, v, n);
    declared_shape(w->p, v, &v->shape);
  }
  v->read_first = !optional || (r && r->initialized);
  v->start_shape = v->shape;
  v->shaped = true;
  return new_def(w->p, v, NULL) ? FRT_OK : frti_no_memory(err);
}

/* Gives `v` a def if it has none: from the scope, the feed, or a complaint. */
static frt_status_t start_value(walk_t *w, frti_value_t *v, const frti_node_t *n,
                                bool data, frt_error_t *err) {
  if (v->def) return FRT_OK;
  if (v->persistable) return start_persistable(w, v, n, false, err);
  if (!v->fed && !v->shaped) {
    declared_shape(w->p, v, &v->shape);
    v->shaped = true;
    if (w->p->explain || !data) {
      v->fed = v->fed || data; /* explaining: stands for a feed that will come */
    } else if (written_later(w->p, v)) {
      note(&w->late, &w->n_late, v, n);
    } else {
      note(&w->unfed, &w->n_unfed, v, n);
    }
  }
  return new_def(w->p, v, NULL) ? FRT_OK : frti_no_memory(err);
}

/* ---- inference ------------------------------------------------------------------------------ */

static void infer_slots(const frti_slots_t *s, frt_infer_slot_t *to) {
  for (uint32_t i = 0; i < s->n_slots; ++i) {
    to[i].count = s->count[i];
    to[i].shapes = &s->shapes[s->at[i]];
  }
}

frt_status_t frti_node_infer(frti_plan_t *p, frti_node_t *n, frt_error_t *err) {
  frt_infer_slot_t in[FRT_MAX_SLOTS], out[FRT_MAX_SLOTS];
  const frt_infer_t x = {sizeof x, n->schema, n->bound.attrs, in, out};
  FRTI_UNUSED(p);
  infer_slots(&n->in, in);
  infer_slots(&n->out, out);
  memset(n->out.shapes, 0, n->out.n_args * sizeof *n->out.shapes);
  if (n->schema->flags & FRT_OP_DATA_SHAPE)
    return frt_fail(err, FRT_UNIMPLEMENTED,
                    "the size of its output depends on data, which a plan cannot hold yet");
  FRT_TRY(n->schema->infer_shape(&x, err));
  for (uint32_t i = 0; i < n->out.n_args; ++i)
    if (frti_shape_numel(&n->out.shapes[i]) < 0)
      return frt_fail(err, FRT_INVALID_ARGUMENT, "output '%s' has no size: a dim is unknown "
                      "or the product overflows", n->out.args[i].value->name);
  return FRT_OK;
}

static frt_status_t walk_inputs(walk_t *w, frti_node_t *n, frt_error_t *err) {
  for (uint32_t s = 0; s < n->in.n_slots; ++s)
    for (uint32_t k = 0; k < n->in.count[s]; ++k) {
      const uint32_t i = n->in.at[s] + k;
      frti_value_t *v = n->in.args[i].value;
      const bool data = n->state == FRTI_LIVE &&
                        !(n->schema->inputs[s].flags & FRT_SLOT_SHAPE_ONLY);
      FRT_TRY(start_value(w, v, n, data, err));
      n->in.args[i].def = v->def;
      n->in.shapes[i] = v->shape;
      if (!data) continue;
      ++v->def->data_uses;
      v->def->user = n;
    }
  return FRT_OK;
}

static frt_status_t wrong_write(const frti_value_t *v, const frt_shape_t *s, const char *how,
                                frt_status_t status, uint32_t dtype, uint32_t rank,
                                const int64_t *dims, frt_error_t *err) {
  char got[96], want[96];
  frt_fail(err, status, "writes %s %s to '%s', which is %s %s %s%s", frt_dtype_name(s->dtype),
           frti_dims_text(got, sizeof got, s->rank, s->dims), v->name, how,
           frt_dtype_name(dtype), frti_dims_text(want, sizeof want, rank, dims),
           status == FRT_UNIMPLEMENTED ? ": a persistable keeps its shape within a run" : "");
  return frti_error_name(err, status, v->name);
}

/* Its record is one piece of memory: what is written first, what is written later and
 * what is declared are alike. (Declared with no dims means that nobody inferred them.) */
static frt_status_t check_persistable(const frti_value_t *v, const frt_shape_t *s,
                                      frt_error_t *err) {
  const frti_var_t *d = v->var;
  if (!v->persistable) return FRT_OK;
  if (v->def && v->shaped && !frti_shape_equal(s, &v->shape))
    return wrong_write(v, s, "until then", FRT_UNIMPLEMENTED, v->shape.dtype, v->shape.rank,
                       v->shape.dims, err);
  bool fits = (uint32_t)d->dtype == s->dtype && (!d->rank || d->rank == s->rank);
  for (uint32_t i = 0; fits && i < d->rank; ++i)
    fits = d->dims[i] < 0 || d->dims[i] == s->dims[i];
  return fits ? FRT_OK
              : wrong_write(v, s, "declared as", FRT_INVALID_ARGUMENT, (uint32_t)d->dtype,
                            d->rank, d->dims, err);
}

static frt_status_t walk_outputs(walk_t *w, frti_node_t *n, frt_error_t *err) {
  for (uint32_t i = 0; i < n->out.n_args; ++i) {
    frti_value_t *v = n->out.args[i].value;
    FRT_TRY(check_persistable(v, &n->out.shapes[i], err));
    v->shape = n->out.shapes[i];
    v->shaped = true;
    v->bytes = FRTI_MAX(v->bytes, frti_shape_bytes(&v->shape));
    if (n->state == FRTI_LIVE) {
      v->written = true;
      w->p->writes = w->p->writes || v->persistable;
    }
    if (!(n->out.args[i].def = new_def(w->p, v, n))) return frti_no_memory(err);
  }
  return FRT_OK;
}

static frt_status_t walk_list(walk_t *w, const frti_list_t *list, frt_error_t *err);

/* ---- control ops: what bodies write keeps its shape ------------------------------------------ */

typedef struct body_walk {
  walk_t *w;
  frti_node_t *control;
  frt_status_t status;
  frt_error_t *err;
} body_walk_t;

/* Outer persistables that a body may write exist before it, read or not. */
static void start_outer(void *ctx, frti_value_t *v, bool write) {
  body_walk_t *b = ctx;
  if (b->status != FRT_OK || !write || !v->persistable || v->def) return;
  b->status = start_persistable(b->w, v, b->control, true, b->err);
}

static void mark_written(void *ctx, frti_value_t *v, bool write) {
  body_walk_t *b = ctx;
  frti_def_t *before = v->def;
  if (!write || b->status != FRT_OK) return;
  if (before && before->writer == b->control) return;
  if (!new_def(b->w->p, v, b->control)) b->status = frti_no_memory(b->err);
}

static frt_status_t walk_control(walk_t *w, frti_node_t *n, frt_error_t *err) {
  body_walk_t b = {w, n, FRT_OK, err};
  for (uint32_t s = 0; s < n->in.n_slots; ++s)
    for (uint32_t k = 0; k < n->in.count[s]; ++k) {
      const char *slot = n->schema->inputs[s].name;
      frti_arg_t *a = &n->in.args[n->in.at[s] + k];
      if (strcmp(slot, "Cond") && strcmp(slot, "Condition")) continue;
      FRT_TRY(start_value(w, a->value, n, true, err));
      a->def = a->value->def;
      ++a->def->data_uses;
      a->def->user = n;
      if (a->value->shape.dtype != FRT_BOOL || frti_shape_numel(&a->value->shape) != 1)
        return frti_node_error(n, frt_fail(err, FRT_INVALID_ARGUMENT,
            "%s is '%s', a %s of %lld elements; wanted one bool", slot, a->value->name,
            frt_dtype_name(a->value->shape.dtype),
            (long long)frti_shape_numel(&a->value->shape)), FRT_PHASE_PLAN, err);
    }
  frti_body_touches(n, start_outer, &b);
  FRT_TRY(b.status);
  FRT_TRY(walk_list(w, &n->body, err));
  frti_body_touches(n, mark_written, &b);
  return b.status;
}

static frt_status_t walk_list(walk_t *w, const frti_list_t *list, frt_error_t *err) {
  for (uint32_t i = 0; i < list->n; ++i) {
    frti_node_t *n = list->v[i];
    if (n->state == FRTI_DEAD || n->state == FRTI_HOLDER) continue;
    if (n->control) {
      FRT_TRY(walk_control(w, n, err));
      continue;
    }
    FRT_TRY(walk_inputs(w, n, err));
    frt_status_t status = frti_node_infer(w->p, n, err);
    if (status == FRT_OK) status = walk_outputs(w, n, err);
    if (status != FRT_OK) return frti_node_error(n, status, FRT_PHASE_PLAN, err);
  }
  return FRT_OK;
}

/* ---- the end of the run --------------------------------------------------------------------- */

static frt_status_t end_values(walk_t *w, frt_error_t *err) {
  static const frti_node_t fetch = {.op = -1, .schema = NULL};
  for (size_t i = 0; i < w->p->n_fetches; ++i) {
    frti_value_t *v = w->p->fetches[i].value;
    if (!v || v->def) continue;
    if (v->persistable) {
      frti_record_t *r = w->p->scope ? frti_scope_find(w->p->scope, v->name) : NULL;
      if (!w->p->explain && !(r && r->initialized)) {
        frt_fail(err, FRT_FAILED_PRECONDITION,
                 "fetch '%s': not initialized; run the startup program first", v->name);
        frti_error_name(err, FRT_FAILED_PRECONDITION, v->name);
        return frti_error_phase(err, FRT_FAILED_PRECONDITION, FRT_PHASE_FETCH);
      }
      FRT_TRY(start_persistable(w, v, &fetch, true, err));
    } else if (v->fed || w->p->explain) {
      if (!v->shaped) declared_shape(w->p, v, &v->shape);
      v->fed = v->shaped = true;
      if (!new_def(w->p, v, NULL)) return frti_no_memory(err);
    } else {
      frt_fail(err, FRT_FAILED_PRECONDITION, "fetch '%s': no op writes it and it is not fed",
               v->name);
      frti_error_name(err, FRT_FAILED_PRECONDITION, v->name);
      return frti_error_phase(err, FRT_FAILED_PRECONDITION, FRT_PHASE_FETCH);
    }
  }
  for (uint32_t i = 0; i < w->p->n_values; ++i) {
    const frti_value_t *v = w->p->values[i];
    if (v->def && (v->fetched || v->persistable)) v->def->kept = true;
  }
  return FRT_OK;
}

static frt_status_t complain(const walk_t *w, frt_error_t *err) {
  frt_phase_t phase = FRT_PHASE_FEED;
  if (w->n_late) {
    frt_fail(err, FRT_INVALID_ARGUMENT, "read before the first op that writes it: %s",
             w->late.text ? w->late.text : "");
    return frti_error_phase(err, FRT_INVALID_ARGUMENT, FRT_PHASE_PLAN);
  }
  if (w->n_unfed) {
    frt_fail(err, FRT_FAILED_PRECONDITION, "%u feed%s missing: %s", w->n_unfed,
             w->n_unfed == 1 ? " is" : "s are", w->unfed.text ? w->unfed.text : "");
  } else if (w->n_empty) {
    phase = FRT_PHASE_RUN;
    frt_fail(err, FRT_FAILED_PRECONDITION,
             "%u variable%s not initialized (run the startup program first): %s", w->n_empty,
             w->n_empty == 1 ? " is" : "s are", w->empty.text ? w->empty.text : "");
  } else {
    return FRT_OK;
  }
  return frti_error_phase(err, FRT_FAILED_PRECONDITION, phase);
}

/* The walk stopped where a missing feed made shapes wrong: the other missing ones. */
static void note_other_feeds(walk_t *w) {
  for (uint32_t i = 0; i < w->p->root.n; ++i) {
    const frti_node_t *n = w->p->root.v[i];
    if (n->state != FRTI_LIVE || n->control) continue;
    for (uint32_t s = 0; s < n->in.n_slots; ++s)
      for (uint32_t k = 0; k < n->in.count[s]; ++k) {
        frti_value_t *v = n->in.args[n->in.at[s] + k].value;
        if (v->def || v->fed || v->persistable || v->owner || written_later(w->p, v) ||
            n->schema->inputs[s].flags & FRT_SLOT_SHAPE_ONLY || !new_def(w->p, v, NULL))
          continue;
        note(&w->unfed, &w->n_unfed, v, n);
      }
  }
}

frt_status_t frti_plan_shape(frti_plan_t *p, frt_error_t *err) {
  walk_t w = {.p = p};
  frt_status_t status = walk_list(&w, &p->root, err);
  if (status != FRT_OK && w.n_unfed) note_other_feeds(&w);
  /* A missing feed makes shapes wrong: say that rather than what followed from it. */
  frt_status_t missing = complain(&w, err);
  if (missing != FRT_OK) status = missing;
  if (status == FRT_OK) status = end_values(&w, err);
  frti_str_release(&w.unfed);
  frti_str_release(&w.late);
  frti_str_release(&w.empty);
  return status;
}
