/* Pruning by the rule of Fluid 1.8's use_prune: targets, then backwards over block 0.
 * Sub-blocks of kept ops stay whole and blocks keep their numbers, so that places in
 * errors and sub_block attributes mean the same as in the program as it was loaded. A
 * block that no kept op names is emptied: its ops could name variables that went. */
#include <string.h>

#include "program/parts.h"

enum { ROLE_OPTIMIZE = 2 };

typedef struct prune {
  const frt_program_t *p;
  frt_prune_request_t want;
  frti_arena_t scratch;
  bool *fed, *needed, *named; /* by name id; named: variables that stay */
  bool *listed;               /* by op of block 0: it is in the fetch list */
  bool *target, *keep;        /* by op of block 0 */
  bool *used;                 /* by block: a kept op runs it */
  bool *none;                 /* by op of any block: nothing */
  bool *around;               /* by block: a used one sees its variables */
} prune_t;

typedef void visit_t(prune_t *c, const char *name, void *ctx);

static const frti_block_t *root(const prune_t *c) { return &c->p->blocks[0]; }

static bool no_variable(const char *name) {
  return !name[0] || !strcmp(name, "@EMPTY@");
}

/* ---- what an op touches --------------------------------------------------------- */

static bool is_block_attr(const frti_attr_t *a) {
  return !a->no_value && (a->type == FRTI_WIRE_BLOCK || a->type == FRTI_WIRE_BLOCKS);
}

static int64_t block_of_attr(const frti_attr_t *a, uint32_t i) {
  return a->type == FRTI_WIRE_BLOCK ? a->v.i : a->v.is[i];
}

static uint32_t n_blocks_of_attr(const frti_attr_t *a) {
  if (!is_block_attr(a)) return 0;
  return a->type == FRTI_WIRE_BLOCK ? 1 : a->count;
}

/* Marks the blocks that the op runs, nested ones too, in `mark`. Loading has checked
 * that blocks do not run themselves; a marked block is not entered again anyway. */
static void mark_blocks(const frt_program_t *p, const frti_op_t *op, bool *mark) {
  for (uint32_t a = 0; a < op->n_attrs; ++a)
    for (uint32_t i = 0; i < n_blocks_of_attr(&op->attrs[a]); ++i) {
      int64_t b = block_of_attr(&op->attrs[a], i);
      if (b <= 0 || b >= (int64_t)p->n_blocks || mark[b]) continue;
      mark[b] = true;
      for (uint32_t o = 0; o < p->blocks[b].n_ops; ++o)
        mark_blocks(p, &p->blocks[b].ops[o], mark);
    }
}

static bool has_blocks(const frti_op_t *op) {
  for (uint32_t a = 0; a < op->n_attrs; ++a)
    if (n_blocks_of_attr(&op->attrs[a])) return true;
  return false;
}

static void visit_slots(prune_t *c, const frti_slot_t *slots, uint32_t n, visit_t *visit,
                        void *ctx) {
  for (uint32_t s = 0; s < n; ++s)
    for (uint32_t i = 0; i < slots[s].n; ++i)
      if (!no_variable(slots[s].args[i])) visit(c, slots[s].args[i], ctx);
}

/* The variables of block 0 that an op of block `b` reads or writes. */
static void visit_inner(prune_t *c, uint32_t b, const frti_op_t *op, bool outputs,
                        visit_t *visit, void *ctx) {
  const frti_slot_t *slots = outputs ? op->out : op->in;
  const uint32_t n = outputs ? op->n_out : op->n_in;
  for (uint32_t s = 0; s < n; ++s)
    for (uint32_t i = 0; i < slots[s].n; ++i) {
      const char *name = slots[s].args[i];
      int32_t owner = -1;
      frti_program_resolve(c->p, (int32_t)b, name, &owner);
      if (owner <= 0 && !no_variable(name)) visit(c, name, ctx);
    }
}

/* Inputs or outputs of an op of block 0: its own, and the outer variables that the
 * blocks it runs read or write. `mark` is scratch, one flag per block. */
static void visit_args(prune_t *c, const frti_op_t *op, bool outputs, bool *mark,
                       visit_t *visit, void *ctx) {
  const frt_program_t *p = c->p;
  visit_slots(c, outputs ? op->out : op->in, outputs ? op->n_out : op->n_in, visit, ctx);
  if (!has_blocks(op)) return;
  memset(mark, 0, p->n_blocks * sizeof *mark);
  mark_blocks(p, op, mark);
  for (uint32_t b = 1; b < p->n_blocks; ++b)
    for (uint32_t o = 0; mark[b] && o < p->blocks[b].n_ops; ++o)
      visit_inner(c, b, &p->blocks[b].ops[o], outputs, visit, ctx);
}

static void visit_need(prune_t *c, const char *name, void *ctx) {
  FRTI_UNUSED(ctx);
  if (!c->fed[frti_name_id(name)]) c->needed[frti_name_id(name)] = true;
}

static void visit_name(prune_t *c, const char *name, void *ctx) {
  FRTI_UNUSED(ctx);
  c->named[frti_name_id(name)] = true;
}

static void visit_wanted(prune_t *c, const char *name, void *ctx) {
  if (c->needed[frti_name_id(name)]) *(bool *)ctx = true;
}

/* ---- roles ---------------------------------------------------------------------- */

static bool is_optimize(const frti_op_t *op) {
  return (frti_op_role(op) & ROLE_OPTIMIZE) != 0;
}

/* Moves a parameter, unlike the clip and decay ops that have the same role. */
static bool is_update(const frti_op_t *op) {
  return is_optimize(op) && frti_op_in(op, "Param") && frti_op_out(op, "ParamOut");
}

/* Whether an op that no target names may be kept for what it writes. Fluid refuses
 * all of role Optimize, since update ops write what the forward pass reads; with it go
 * clip and decay. The repair refuses update ops only. */
static bool may_be_needed(const prune_t *c, const frti_op_t *op) {
  return c->want.paddle_rule ? !is_optimize(op) : !is_update(op);
}

/* ---- targets -------------------------------------------------------------------- */

static frt_status_t add_operators(prune_t *c, frt_error_t *err) {
  const frti_block_t *b = root(c);
  for (size_t i = 0; i < c->want.n_ops; ++i) {
    uint32_t at = c->want.ops[i];
    if (at >= b->n_ops)
      return frt_fail(err, FRT_INVALID_ARGUMENT,
                      "operator %u in the fetch list: block 0 has %u ops", at, b->n_ops);
    if (!is_optimize(&b->ops[at])) {
      frt_fail(err, FRT_INVALID_ARGUMENT,
               "in the fetch list, but no update op (op_role %lld, wanted 2)",
               (long long)frti_op_role(&b->ops[at]));
      return frti_error_at(err, FRT_INVALID_ARGUMENT, FRT_PHASE_PLAN, 0, (int32_t)at,
                           b->ops[at].type);
    }
    c->listed[at] = c->target[at] = true;
  }
  if (!c->want.n_ops)
    for (uint32_t o = 0; o < b->n_ops; ++o)
      if (is_optimize(&b->ops[o])) c->listed[o] = c->target[o] = true;
  return FRT_OK;
}

static bool writes(const frti_op_t *op, const char *name) {
  for (uint32_t s = 0; s < op->n_out; ++s)
    for (uint32_t i = 0; i < op->out[s].n; ++i)
      if (op->out[s].args[i] == name) return true;
  return false;
}

static frt_status_t no_writer(const prune_t *c, const char *name, bool known,
                              frt_error_t *err) {
  frti_nearest_t near = {.wanted = name};
  for (uint32_t v = 0; v < root(c)->n_vars && !known; ++v)
    frti_nearest_offer(&near, root(c)->vars[v].name);
  if (known)
    frt_fail(err, FRT_NOT_FOUND, "fetch '%.96s': no op that pruning may keep writes it",
             name);
  else
    frt_fail(err, FRT_NOT_FOUND, "fetch '%.96s': not in block 0%s%.96s%s", name,
             near.best ? "; nearest is '" : "", near.best ? near.best : "",
             near.best ? "'" : "");
  return frti_error_name(err, FRT_NOT_FOUND, name);
}

/* The first op that writes the name, by Fluid's rule; then, where Fluid finds none, the
 * first clip or decay op (a clipped gradient is a name of its own). */
static frt_status_t add_fetch(prune_t *c, const char *text, frt_error_t *err) {
  const frti_block_t *b = root(c);
  const char *name = frti_names_find(&c->p->names, text, strlen(text));
  int32_t owner = -1;
  if (!name || no_variable(name)) return no_writer(c, text, false, err);
  if (c->fed[frti_name_id(name)]) {
    c->named[frti_name_id(name)] = true;
    return FRT_OK;
  }
  for (int repair = 0; repair <= !c->want.paddle_rule; ++repair)
    for (uint32_t o = 0; o < b->n_ops; ++o) {
      const frti_op_t *op = &b->ops[o];
      bool skip = repair ? is_update(op) : is_optimize(op);
      if ((skip && !c->listed[o]) || !writes(op, name)) continue;
      c->target[o] = true;
      return FRT_OK;
    }
  return no_writer(c, name, frti_program_resolve(c->p, 0, name, &owner) != NULL, err);
}

static frt_status_t add_targets(prune_t *c, frt_error_t *err) {
  for (size_t i = 0; i < c->want.n_feeds; ++i) {
    const char *text = c->want.feeds[i];
    const char *name = frti_names_find(&c->p->names, text, strlen(text));
    if (name) c->fed[frti_name_id(name)] = true;
  }
  FRT_TRY(add_operators(c, err));
  for (size_t i = 0; i < c->want.n_fetches; ++i)
    FRT_TRY(add_fetch(c, c->want.fetches[i], err));
  return FRT_OK;
}

/* A used block looks names up in its ancestors and, if it is a gradient, in its forward
 * block; those keep their variables even if nothing runs them. */
static void mark_around(const prune_t *c) {
  for (bool more = true; more;) {
    more = false;
    for (uint32_t b = 1; b < c->p->n_blocks; ++b) {
      const frti_block_t *from = &c->p->blocks[b];
      int32_t seen[2] = {from->parent,
                         from->has_forward_block_idx ? from->forward_block_idx : -1};
      for (int i = 0; i < 2 && (c->used[b] || c->around[b]); ++i) {
        if (seen[i] <= 0 || seen[i] >= (int32_t)c->p->n_blocks || c->around[seen[i]])
          continue;
        c->around[seen[i]] = more = true;
      }
    }
  }
}

/* Backwards: an op stays if it is a target or writes what a later kept op reads. What is
 * once needed stays needed, as a write may be partial or conditional. */
static frt_status_t choose(prune_t *c, frt_error_t *err) {
  const frti_block_t *b = root(c);
  bool *mark = frti_arena_calloc(&c->scratch, c->p->n_blocks, sizeof *mark);
  if (!mark) return frti_no_memory(err);
  for (uint32_t o = b->n_ops; o-- > 0;) {
    const frti_op_t *op = &b->ops[o];
    bool stay = false;
    if (may_be_needed(c, op)) visit_args(c, op, true, mark, visit_wanted, &stay);
    if (!stay && !c->target[o]) continue;
    c->keep[o] = true;
    visit_args(c, op, false, mark, visit_need, NULL);
    visit_args(c, op, false, mark, visit_name, NULL);
    visit_args(c, op, true, mark, visit_name, NULL);
    mark_blocks(c->p, op, c->used);
  }
  mark_around(c);
  return FRT_OK;
}

/* ---- copying -------------------------------------------------------------------- */

/* Into a new program; `failed` is set once memory ran out, then pieces are NULL. */
typedef struct copy {
  frt_program_t *to;
  const char **names; /* by the old program's name ids */
  bool failed;
} copy_t;

static const char *copy_name(copy_t *c, const char *name) {
  const char **slot;
  if (!name) return NULL;
  slot = &c->names[frti_name_id(name)];
  if (!*slot) *slot = frti_names_add(&c->to->names, name, frti_name_len(name));
  if (!*slot) c->failed = true;
  return *slot;
}

static void *copy_array(copy_t *c, const void *from, size_t n, size_t elem) {
  size_t bytes;
  void *to;
  if (!n || !from) return NULL;
  to = frti_mul_size(n, elem, &bytes) ? frti_arena_alloc(&c->to->arena, bytes) : NULL;
  if (!to) c->failed = true;
  return to ? memcpy(to, from, bytes) : NULL;
}

static const char *const *copy_names(copy_t *c, const char *const *from, uint32_t n) {
  const char **to = copy_array(c, from, n, sizeof *to);
  for (uint32_t i = 0; to && i < n; ++i) to[i] = copy_name(c, from[i]);
  return to;
}

static frti_raw_t copy_raw(copy_t *c, frti_raw_t from) {
  return (frti_raw_t){copy_array(c, from.bytes, from.n, 1), from.n};
}

static void copy_attr(copy_t *c, frti_attr_t *a) {
  a->name = copy_name(c, a->name);
  a->message = copy_raw(c, a->message);
  if (a->no_value) {
    memset(&a->v, 0, sizeof a->v);
    return;
  }
  switch (a->type) {
    case FRTI_WIRE_STRING: case FRTI_WIRE_VAR:
      a->v.s = copy_name(c, a->v.s);
      return;
    case FRTI_WIRE_INTS: case FRTI_WIRE_LONGS: case FRTI_WIRE_BOOLEANS:
    case FRTI_WIRE_BLOCKS:
      a->v.is = copy_array(c, a->v.is, a->count, sizeof *a->v.is);
      return;
    case FRTI_WIRE_FLOATS: case FRTI_WIRE_FLOAT64S:
      a->v.fs = copy_array(c, a->v.fs, a->count, sizeof *a->v.fs);
      return;
    case FRTI_WIRE_STRINGS: case FRTI_WIRE_VARS:
      a->v.ss = copy_names(c, a->v.ss, a->count);
      return;
    case FRTI_WIRE_SCALAR: case FRTI_WIRE_SCALARS:
      memset(&a->v, 0, sizeof a->v); /* held by `message` alone */
      return;
    default: return;
  }
}

static frti_slot_t *copy_slots(copy_t *c, const frti_slot_t *from, uint32_t n) {
  frti_slot_t *to = copy_array(c, from, n, sizeof *to);
  for (uint32_t i = 0; to && i < n; ++i) {
    to[i].name = copy_name(c, from[i].name);
    to[i].args = copy_names(c, from[i].args, from[i].n);
    to[i].unknown = copy_raw(c, from[i].unknown);
  }
  return to;
}

static void copy_op(copy_t *c, frti_op_t *to, const frti_op_t *from) {
  *to = *from;
  to->type = copy_name(c, from->type);
  to->in = copy_slots(c, from->in, from->n_in);
  to->out = copy_slots(c, from->out, from->n_out);
  to->attrs = copy_array(c, from->attrs, from->n_attrs, sizeof *to->attrs);
  for (uint32_t i = 0; to->attrs && i < to->n_attrs; ++i) copy_attr(c, &to->attrs[i]);
  to->unknown = copy_raw(c, from->unknown);
}

static void copy_var(copy_t *c, frti_var_t *to, const frti_var_t *from) {
  *to = *from;
  to->name = copy_name(c, from->name);
  to->dims = copy_array(c, from->dims, from->rank, sizeof *to->dims);
  to->type_message = copy_raw(c, from->type_message);
  to->rest = copy_raw(c, from->rest);
}

/* The block without variables and ops. */
static void copy_empty(copy_t *c, frti_block_t *to, const frti_block_t *from) {
  memset(to, 0, sizeof *to);
  to->idx = from->idx;
  to->parent = from->parent;
  to->forward_block_idx = from->forward_block_idx;
  to->has_forward_block_idx = from->has_forward_block_idx;
  to->unknown = copy_raw(c, from->unknown);
}

/* keep_op and keep_var (by name id) NULL: all. */
static void copy_block(copy_t *c, frti_block_t *to, const frti_block_t *from,
                       const bool *keep_op, const bool *keep_var) {
  copy_empty(c, to, from);
  to->vars = frti_arena_calloc(&c->to->arena, FRTI_MAX(from->n_vars, 1u), sizeof *to->vars);
  to->ops = frti_arena_calloc(&c->to->arena, FRTI_MAX(from->n_ops, 1u), sizeof *to->ops);
  to->vars_cap = FRTI_MAX(from->n_vars, 1u);
  to->ops_cap = FRTI_MAX(from->n_ops, 1u);
  if (!to->vars || !to->ops) {
    c->failed = true;
    return;
  }
  for (uint32_t v = 0; v < from->n_vars && !c->failed; ++v)
    if (!keep_var || keep_var[frti_name_id(from->vars[v].name)])
      copy_var(c, &to->vars[to->n_vars++], &from->vars[v]);
  for (uint32_t o = 0; o < from->n_ops && !c->failed; ++o)
    if (!keep_op || keep_op[o]) copy_op(c, &to->ops[to->n_ops++], &from->ops[o]);
}

static frt_status_t copy_program(prune_t *c, frt_program_t **out, frt_error_t *err) {
  const frt_program_t *p = c->p;
  copy_t k = {.names = frti_arena_calloc(&c->scratch, p->names.n, sizeof *k.names)};
  if (!k.names) return frti_no_memory(err);
  k.to = frti_program_new();
  if (!k.to) return frti_no_memory(err);
  k.to->has_version = p->has_version;
  k.to->has_version_number = p->has_version_number;
  k.to->format_version = p->format_version;
  k.to->compatible_map = copy_raw(&k, p->compatible_map);
  k.to->unknown = copy_raw(&k, p->unknown);
  k.to->blocks = copy_array(&k, p->blocks, p->n_blocks, sizeof *k.to->blocks);
  k.to->blocks_cap = k.to->n_blocks = k.to->blocks ? p->n_blocks : 0;
  for (uint32_t b = 0; b < k.to->n_blocks && !k.failed; ++b) {
    frti_block_t *to = &k.to->blocks[b];
    if (b == 0) copy_block(&k, to, &p->blocks[b], c->keep, c->named);
    else if (c->used[b]) copy_block(&k, to, &p->blocks[b], NULL, NULL);
    else if (c->around[b]) copy_block(&k, to, &p->blocks[b], c->none, NULL);
    else copy_empty(&k, to, &p->blocks[b]);
  }
  if (k.failed || !frti_index_build(k.to)) {
    frt_program_release(k.to);
    return frti_no_memory(err);
  }
  *out = k.to;
  return FRT_OK;
}

static frt_status_t copy_kept(const prune_t *c, uint32_t **kept, size_t *n,
                              frt_error_t *err) {
  const frti_block_t *b = root(c);
  uint32_t *list;
  size_t count = 0;
  if (!kept) return FRT_OK;
  list = frti_calloc(FRTI_MAX(b->n_ops, 1u), sizeof *list);
  if (!list) return frti_no_memory(err);
  for (uint32_t o = 0; o < b->n_ops; ++o)
    if (c->keep[o]) list[count++] = o;
  *kept = list;
  if (n) *n = count;
  return FRT_OK;
}

static bool make_tables(prune_t *c) {
  const size_t names = c->p->names.n, ops = root(c)->n_ops;
  frti_arena_t *a = &c->scratch;
  size_t most = 0;
  for (uint32_t b = 0; b < c->p->n_blocks; ++b)
    most = FRTI_MAX(most, (size_t)c->p->blocks[b].n_ops);
  c->none = frti_arena_calloc(a, most, sizeof(bool));
  c->around = frti_arena_calloc(a, c->p->n_blocks, sizeof(bool));
  c->fed = frti_arena_calloc(a, names, sizeof(bool));
  c->needed = frti_arena_calloc(a, names, sizeof(bool));
  c->named = frti_arena_calloc(a, names, sizeof(bool));
  c->listed = frti_arena_calloc(a, ops, sizeof(bool));
  c->target = frti_arena_calloc(a, ops, sizeof(bool));
  c->keep = frti_arena_calloc(a, ops, sizeof(bool));
  c->used = frti_arena_calloc(a, c->p->n_blocks, sizeof(bool));
  return c->none && c->around && c->fed && c->needed && c->named && c->listed &&
         c->target && c->keep && c->used;
}

frt_status_t frt_program_prune(const frt_program_t *p, const frt_prune_request_t *request,
                               frt_program_t **out, uint32_t **kept, size_t *n_kept,
                               frt_error_t *err) {
  prune_t c = {.p = p};
  size_t size = request->struct_size ? request->struct_size : sizeof c.want;
  frt_status_t status;
  *out = NULL;
  if (kept) *kept = NULL;
  if (n_kept) *n_kept = 0;
  memcpy(&c.want, request, FRTI_MIN(size, sizeof c.want));
  status = make_tables(&c) ? add_targets(&c, err) : frti_no_memory(err);
  if (status == FRT_OK) status = choose(&c, err);
  if (status == FRT_OK) status = copy_program(&c, out, err);
  if (status == FRT_OK) status = copy_kept(&c, kept, n_kept, err);
  if (status != FRT_OK) {
    frt_program_release(*out);
    *out = NULL;
    frti_error_phase(err, status, FRT_PHASE_PLAN);
  }
  frti_arena_release(&c.scratch);
  return status;
}
