/* One op of the validator's walk: type, slots, attributes, reads, writes, shapes. */
#include <string.h>

#include "program/bind.h"
#include "program/check.h"

/* ---- types ------------------------------------------------------------------------- */

/* Ops that would let a program read and write files, call back or use the network.
 * They stay out: whoever may hand over a program could do the same. */
static bool is_refused(const char *type) {
  static const char *const refused[] = {
      "save", "save_combine", "load", "load_combine", "py_func", "read", "send", "recv",
      "send_barrier", "fetch_barrier", "listen_and_serv", "fl_listen_and_serv",
      "checkpoint_notify", "prefetch", "distributed_lookup_table", "create_py_reader",
      "create_custom_reader", "create_double_buffer_reader", "enqueue", "dequeue",
      "run_program", "print"};
  for (size_t i = 0; i < FRTI_COUNT(refused); ++i)
    if (!strcmp(type, refused[i])) return true;
  return false;
}

void frti_check_unknown_type(frti_checker_t *c, const frti_op_t *op) {
  if (is_refused(op->type)) {
    frti_find(c, FRT_SEVERITY_ERROR, FRT_UNIMPLEMENTED, NULL,
              "refused: no program may reach files, the network or code outside of it");
    return;
  }
  const char *near = NULL;
  if (c->offers < 1u << 20) {
    c->offers += frt_op_count();
    near = frt_op_nearest(op->type);
  }
  frti_find(c, FRT_SEVERITY_ERROR, FRT_UNIMPLEMENTED, NULL, "this op is not known%s%s%s",
            near ? "; nearest is '" : "", near ? near : "", near ? "'" : "");
}

/* ---- reads ---------------------------------------------------------------------------- */

/* The first read of something that nobody wrote yet. */
static void start(frti_checker_t *c, frti_seen_t *s, const frti_var_t *v, bool data) {
  char dims[96];
  if (s->known != FRTI_UNTOUCHED) return;
  const bool input = data && v->persistable != 1 && frti_is_tensor(v) && s->writer_op < 0;
  s->fed = s->fed || input;
  frti_take_declared(c, s, v);
  if (!data || v->persistable == 1 || !frti_is_tensor(v)) return;
  if (s->writer_op >= 0)
    frti_find(c, FRT_SEVERITY_ERROR, FRT_INVALID_ARGUMENT, v->name,
              "reads '%.100s' before the first op that writes it, block %d op #%d %.47s",
              v->name, s->writer_block, s->writer_op,
              c->p->blocks[s->writer_block].ops[s->writer_op].type);
  else if (c->o.feeds)
    frti_find(c, FRT_SEVERITY_ERROR, FRT_FAILED_PRECONDITION, v->name,
              "reads '%.100s', which no op writes and which is not fed", v->name);
  else
    frti_find(c, FRT_SEVERITY_NOTE, FRT_OK, v->name,
              "reads '%.100s', which no op writes: an input, %s %s", v->name,
              frt_dtype_name((uint32_t)v->dtype),
              frti_dims_text(dims, sizeof dims, v->rank, v->dims));
}

/* Whether an op can take this variable; if not, it is said once. */
static bool is_dense(frti_checker_t *c, frti_seen_t *s, const frti_var_t *v) {
  const bool tensor = frti_is_tensor(v);
  if (tensor && v->lod_level <= 0) return true;
  if (s->told) return false;
  s->told = true;
  if (v->kind != FRT_VAR_LOD_TENSOR)
    frti_find(c, FRT_SEVERITY_ERROR, FRT_UNIMPLEMENTED, v->name,
              "variable '%.100s' is of kind %d; only dense LOD_TENSORs are run", v->name,
              v->kind);
  else if (!tensor)
    frti_find(c, FRT_SEVERITY_ERROR, FRT_UNIMPLEMENTED, v->name,
              "variable '%.100s' has element type %d, which no op computes with", v->name,
              v->dtype);
  else
    frti_find(c, FRT_SEVERITY_ERROR, FRT_UNIMPLEMENTED, v->name,
              "variable '%.100s' has lod_level %d; only dense tensors are run", v->name,
              v->lod_level);
  return false;
}

/* ---- ops that did not bind: what is written has a value, of no known shape ---------- */

static bool is_placeholder(const char *name) { return !strcmp(name, "@EMPTY@"); }

static void skip_op(frti_checker_t *c, const frti_op_t *op) {
  const frti_var_t *v;
  for (uint32_t i = 0; i < op->n_in; ++i)
    for (uint32_t k = 0; k < op->in[i].n; ++k)
      if (!is_placeholder(op->in[i].args[k]))
        frti_check_arg(c, op->in[i].name, op->in[i].args[k], &v);
  for (uint32_t i = 0; i < op->n_out; ++i)
    for (uint32_t k = 0; k < op->out[i].n; ++k) {
      if (is_placeholder(op->out[i].args[k])) continue;
      frti_seen_t *s = frti_check_arg(c, op->out[i].name, op->out[i].args[k], &v);
      if (s) s->known = FRTI_VAGUE;
    }
}

/* ---- attributes and in-place pairs ---------------------------------------------------- */

/* What every op of Fluid carries. */
static bool is_framework_attr(const char *name) {
  static const char *const known[] = {"op_role", "op_role_var", "op_namescope",
                                      "op_callstack", "op_device", "with_quant_attr"};
  for (size_t i = 0; i < FRTI_COUNT(known); ++i)
    if (!strcmp(name, known[i])) return true;
  return false;
}

static void check_unknown_attrs(frti_checker_t *c, const frti_op_t *op,
                                const frt_op_schema_t *schema) {
  for (uint32_t i = 0; i < op->n_attrs; ++i) {
    const char *name = op->attrs[i].name;
    int k = 0;
    while (k < FRT_MAX_ATTRS && schema->attrs[k].name &&
           strcmp(schema->attrs[k].name, name))
      ++k;
    if ((k < FRT_MAX_ATTRS && schema->attrs[k].name) || is_framework_attr(name)) continue;
    frti_find(c, c->o.strict ? FRT_SEVERITY_ERROR : FRT_SEVERITY_NOTE,
              c->o.strict ? FRT_INVALID_ARGUMENT : FRT_OK, name,
              "attribute '%.64s' is not one of %s and has no meaning here", name,
              schema->type);
  }
}

static void check_aliases(frti_checker_t *c, const frti_bound_t *b) {
  const frti_var_t *got, *want;
  for (uint32_t o = 0; o < b->n_out; ++o) {
    const char *tied = b->schema->outputs[o].alias_of;
    const int i = tied ? frt_infer_index_(b->schema->inputs, tied) : -1;
    for (uint32_t k = 0; i >= 0 && k < b->out[o].n && k < b->in[i].n; ++k) {
      const char *out = b->out[o].args[k], *in = b->in[i].args[k];
      if (!out || !in || out == in) continue;
      got = frti_program_resolve(c->p, c->block, out, NULL);
      want = frti_program_resolve(c->p, c->block, in, NULL);
      if (got && want)
        frti_find(c, FRT_SEVERITY_ERROR, FRT_INVALID_ARGUMENT, out,
                  "%s is '%.100s'; wanted '%.100s', the variable of %s: the op works in "
                  "place", b->schema->outputs[o].name, out, in, tied);
    }
  }
}

/* ---- shapes --------------------------------------------------------------------------- */

typedef struct args {
  frt_infer_slot_t slots[FRT_MAX_SLOTS];
  frt_shape_t *shapes;
  frti_seen_t **seen;
  const frti_var_t **vars;
  uint32_t n;
} args_t;

static bool make_args(frti_checker_t *c, const frti_bound_slot_t *slots, uint32_t n_slots,
                      args_t *a) {
  size_t n = 1;
  for (uint32_t s = 0; s < n_slots; ++s) n += slots[s].n;
  a->n = 0;
  memset(a->slots, 0, sizeof a->slots);
  a->shapes = frti_arena_calloc(&c->scratch, n, sizeof *a->shapes);
  a->seen = frti_arena_calloc(&c->scratch, n, sizeof *a->seen);
  a->vars = frti_arena_calloc(&c->scratch, n, sizeof *a->vars);
  if (!a->shapes || !a->seen || !a->vars) c->no_memory = true;
  return !c->no_memory;
}

/* Finds the variables; false: one of them cannot be used. */
static bool find_args(frti_checker_t *c, const frti_bound_slot_t *slots,
                      const frt_slot_def_t *defs, uint32_t n_slots, bool dense,
                      args_t *a) {
  bool good = true;
  if (!make_args(c, slots, n_slots, a)) return false;
  for (uint32_t s = 0; s < n_slots; ++s) {
    a->slots[s].shapes = &a->shapes[a->n];
    for (uint32_t k = 0; k < slots[s].n; ++k) {
      if (!slots[s].args[k]) continue;
      const frti_var_t *v;
      frti_seen_t *seen = frti_check_arg(c, defs[s].name, slots[s].args[k], &v);
      if (!seen || (dense && !is_dense(c, seen, v))) good = false;
      if (!seen) continue;
      a->seen[a->n] = seen;
      a->vars[a->n++] = v;
      ++a->slots[s].count;
    }
  }
  return good;
}

/* False: the shape of an input is not known. */
static bool read_inputs(frti_checker_t *c, const frti_bound_t *b, args_t *in) {
  bool good = true;
  uint32_t at = 0;
  for (uint32_t s = 0; s < b->n_in; ++s)
    for (uint32_t k = 0; k < in->slots[s].count; ++k, ++at) {
      frti_seen_t *seen = in->seen[at];
      start(c, seen, in->vars[at], !(b->schema->inputs[s].flags & FRT_SLOT_SHAPE_ONLY));
      if (seen->known == FRTI_SHAPED) in->shapes[at] = *seen->shape;
      else good = false;
    }
  return good;
}

/* Declared with no dims means that nobody inferred them: Fluid has no scalars. */
static bool contradicts(const frti_var_t *v, const frt_shape_t *s) {
  if ((uint32_t)v->dtype != s->dtype) return true;
  if (!v->rank) return false;
  if (v->rank != s->rank) return true;
  for (uint32_t i = 0; i < s->rank; ++i)
    if (v->dims[i] >= 0 && s->dims[i] >= 0 && v->dims[i] != s->dims[i]) return true;
  return false;
}

/* What an op leaves for its gradient alone may be declared with its elements in other dims:
 * newer programs keep the leading dims of X for layer_norm's Mean. */
static bool only_regrouped(const frti_var_t *v, const frt_shape_t *s) {
  int64_t declared, inferred;
  if ((uint32_t)v->dtype != s->dtype || v->persistable == 1) return false;
  return !frti_numel(v->rank, v->dims, &declared) ||
         !frti_numel(s->rank, s->dims, &inferred) || declared == inferred;
}

static void compare_declared(frti_checker_t *c, frti_seen_t *seen, const frti_var_t *v,
                             const frt_shape_t *s, uint32_t flags) {
  char got[96], want[96];
  if (seen->told || !contradicts(v, s)) return;
  if ((flags & FRT_SLOT_INTERMEDIATE) && only_regrouped(v, s)) return;
  seen->told = true;
  frti_find(c, v->persistable == 1 ? FRT_SEVERITY_ERROR : FRT_SEVERITY_WARNING,
            FRT_INVALID_ARGUMENT, v->name,
            "writes %s %s to '%.100s', which is declared as %s %s",
            frt_dtype_name(s->dtype), frti_dims_text(got, sizeof got, s->rank, s->dims),
            v->name, frt_dtype_name((uint32_t)v->dtype),
            frti_dims_text(want, sizeof want, v->rank, v->dims));
}

static void write_outputs(frti_checker_t *c, const frt_op_schema_t *schema, args_t *out,
                          bool shaped) {
  for (uint32_t i = 0, slot = 0, k = 0; i < out->n; ++i, ++k) {
    frti_seen_t *seen = out->seen[i];
    for (; k >= out->slots[slot].count; ++slot) k = 0;
    seen->known = FRTI_VAGUE;
    if (!shaped) continue;
    if (!seen->shape) seen->shape = frti_arena_alloc(&c->arena, sizeof *seen->shape);
    if (!seen->shape) {
      c->no_memory = true;
      return;
    }
    *seen->shape = out->shapes[i];
    seen->known = FRTI_SHAPED;
    compare_declared(c, seen, out->vars[i], &out->shapes[i], schema->outputs[slot].flags);
  }
}

static bool infer(frti_checker_t *c, const frti_bound_t *b, const args_t *in,
                  const args_t *out) {
  const frt_infer_t x = {sizeof x, b->schema, b->attrs, in->slots, out->slots};
  frt_error_t err = FRT_ERROR_INIT;
  if (b->schema->flags & FRT_OP_DATA_SHAPE)
    frt_fail(&err, FRT_UNIMPLEMENTED, /* GCOVR_EXCL_LINE: no op of ours is such a one */
             "the size of its output depends on data, which a plan cannot hold yet");
  else if (b->schema->infer_shape(&x, &err) == FRT_OK)
    return true;
  frti_find_error(c, &err);
  return false;
}

/* ---- feed, fetch and control ------------------------------------------------------------ */

static void check_col(frti_checker_t *c, const frti_op_t *op, int which) {
  const frti_attr_t *a = frti_op_attr(op, "col");
  const uint32_t n = c->n_cols[which];
  if (!a || a->type != FRTI_WIRE_INT || a->no_value) return; /* binding has said so */
  if (a->v.i < 0 || a->v.i >= (int64_t)n)
    frti_find(c, FRT_SEVERITY_ERROR, FRT_INVALID_ARGUMENT, "col",
              "col is %lld; wanted 0 to %u, as there are %u %s ops", (long long)a->v.i,
              n - 1, n, op->type);
  else if (c->cols[which][a->v.i]++)
    frti_find(c, FRT_SEVERITY_ERROR, FRT_INVALID_ARGUMENT, "col",
              "col %lld is that of another %s op, too", (long long)a->v.i, op->type);
}

static void check_holder(frti_checker_t *c, const frti_op_t *op, const frti_bound_t *b) {
  const bool feed = !strcmp(op->type, "feed");
  args_t in, out;
  check_col(c, op, feed ? 0 : 1);
  const bool good = find_args(c, b->in, b->schema->inputs, b->n_in, false, &in);
  if (!find_args(c, b->out, b->schema->outputs, b->n_out, false, &out) || !good) return;
  for (uint32_t i = 0; i < in.n && !feed; ++i) start(c, in.seen[i], in.vars[i], true);
  for (uint32_t i = 0; i < out.n && feed; ++i) {
    out.seen[i]->fed = true;
    frti_take_declared(c, out.seen[i], out.vars[i]);
  }
}

static void check_condition(frti_checker_t *c, const char *slot, frti_seen_t *s,
                            const frti_var_t *v) {
  int64_t n;
  start(c, s, v, true);
  if (s->known != FRTI_SHAPED) return;
  const bool counted = frti_numel(s->shape->rank, s->shape->dims, &n);
  if (s->shape->dtype != FRT_BOOL || (counted && n != 1))
    frti_find(c, FRT_SEVERITY_ERROR, FRT_INVALID_ARGUMENT, v->name,
              "%s is '%.100s', a %s of %lld elements; wanted one bool", slot, v->name,
              frt_dtype_name(s->shape->dtype), counted ? (long long)n : -1LL);
}

static void check_control(frti_checker_t *c, const frti_op_t *op, const frti_bound_t *b,
                          int32_t *body) {
  args_t in, out;
  uint32_t at = 0;
  find_args(c, b->in, b->schema->inputs, b->n_in, false, &in);
  find_args(c, b->out, b->schema->outputs, b->n_out, false, &out);
  for (uint32_t s = 0; s < b->n_in; at += in.slots[s++].count) {
    const char *slot = b->schema->inputs[s].name;
    if (strcmp(slot, "Cond") && strcmp(slot, "Condition")) continue;
    for (uint32_t k = 0; k < in.slots[s].count; ++k)
      check_condition(c, slot, in.seen[at + k], in.vars[at + k]);
  }
  const frti_attr_t *scalar = frti_op_attr(op, "is_scalar_condition");
  if (!strcmp(op->type, "conditional_block") && scalar && !scalar->v.i)
    frti_find(c, FRT_SEVERITY_ERROR, FRT_UNIMPLEMENTED, "is_scalar_condition",
              "is_scalar_condition is false; only a scalar condition is run");
  const int32_t target = frti_op_sub_block(op);
  if (target <= 0 || (uint32_t)target >= c->p->n_blocks ||
      c->p->blocks[target].parent != c->block)
    /* Refused when a program is loaded or edited, long before. */
    frti_find(c, FRT_SEVERITY_ERROR, FRT_INVALID_ARGUMENT, "sub_block", /* GCOVR_EXCL_LINE */
              "sub_block is %d; wanted a block whose parent is block %d", target, c->block);
  else if (c->entered[target])
    frti_find(c, FRT_SEVERITY_ERROR, FRT_INVALID_ARGUMENT, "sub_block",
              "sub_block %d is the body of another op, too", target);
  else
    *body = target;
}

/* What the op says it writes has a value now, written by the body or not. */
void frti_check_after_body(frti_checker_t *c, const frti_op_t *op) {
  const frti_var_t *v;
  for (uint32_t i = 0; i < op->n_out; ++i)
    for (uint32_t k = 0; k < op->out[i].n; ++k) {
      if (is_placeholder(op->out[i].args[k])) continue;
      if (!frti_program_resolve(c->p, c->block, op->out[i].args[k], NULL)) continue;
      frti_seen_t *s = frti_check_arg(c, op->out[i].name, op->out[i].args[k], &v);
      if (s->known == FRTI_UNTOUCHED) frti_take_declared(c, s, v);
    }
}

/* ---- the op -------------------------------------------------------------------------------- */

static void check_bound(frti_checker_t *c, const frti_op_t *op, const frti_bound_t *b,
                        int32_t *body) {
  args_t in, out;
  check_unknown_attrs(c, op, b->schema);
  if (b->schema->flags & FRT_OP_RUNTIME) {
    if (!strcmp(op->type, "feed") || !strcmp(op->type, "fetch")) check_holder(c, op, b);
    else check_control(c, op, b, body);
    return;
  }
  check_aliases(c, b);
  bool good = find_args(c, b->in, b->schema->inputs, b->n_in, true, &in);
  good = read_inputs(c, b, &in) && good;
  good = find_args(c, b->out, b->schema->outputs, b->n_out, true, &out) && good;
  good = good && !c->no_memory && infer(c, b, &in, &out);
  write_outputs(c, b->schema, &out, good);
}

void frti_check_op(frti_checker_t *c, const frti_op_t *op, int32_t *body) {
  const frt_op_schema_t *schema = frt_op_find(op->type);
  frt_error_t err = FRT_ERROR_INIT;
  frti_bound_t bound;
  if (!schema) {
    frti_check_unknown_type(c, op);
    skip_op(c, op);
  } else if (frti_bind_op(c->p, c->block, (uint32_t)c->op, schema, &c->scratch, &bound,
                          &err) != FRT_OK) {
    frti_find_error(c, &err);
    skip_op(c, op);
  } else {
    check_bound(c, op, &bound, body);
  }
}
