/* The validator: everything that is wrong with a program, in one walk over its ops in
 * the order in which a run meets them. Bodies of control ops are walked where they are
 * run, with a work list, each at most once. */
#include "program/check.h"

#include <string.h>

enum { MAX_FINDINGS = 1000, MAX_OFFERS = 1 << 20 };

/* ---- variables --------------------------------------------------------------------- */

bool frti_is_tensor(const frti_var_t *v) {
  return v->kind == FRT_VAR_LOD_TENSOR && v->dtype >= 0 &&
         frt_dtype_size((uint32_t)v->dtype);
}

const char *frti_near_text(frti_checker_t *c, const char *name, char *to, size_t cap) {
  frti_nearest_t near = {.wanted = name};
  to[0] = 0;
  for (int32_t b = FRTI_MAX(c->block, 0); b >= 0; b = c->p->blocks[b].parent) {
    const frti_block_t *block = &c->p->blocks[b];
    if (c->offers + block->n_vars > MAX_OFFERS) break;
    c->offers += block->n_vars;
    for (uint32_t i = 0; i < block->n_vars; ++i)
      frti_nearest_offer(&near, block->vars[i].name);
  }
  if (near.best) snprintf(to, cap, "; nearest is '%.100s'", near.best);
  return to;
}

static frti_seen_t *seen_of(const frti_checker_t *c, int32_t block, const char *interned,
                            const frti_var_t **var) {
  int32_t owner;
  *var = frti_program_resolve(c->p, block, interned, &owner);
  if (!*var) return NULL;
  return &c->seen[c->base[owner] + (size_t)(*var - c->p->blocks[owner].vars)];
}

frti_seen_t *frti_check_arg(frti_checker_t *c, const char *slot, const char *name,
                            const frti_var_t **var) {
  frti_seen_t *s = seen_of(c, c->block, name, var);
  char near[128];
  if (s) return s;
  if (!name[0])
    frti_find(c, FRT_SEVERITY_ERROR, FRT_INVALID_ARGUMENT, slot,
              "%.64s has an argument without a name", slot);
  else
    frti_find(c, FRT_SEVERITY_ERROR, FRT_INVALID_ARGUMENT, name,
              "%.64s names '%.100s', which no block declares%s", slot, name,
              frti_near_text(c, name, near, sizeof near));
  return NULL;
}

void frti_take_declared(frti_checker_t *c, frti_seen_t *s, const frti_var_t *v) {
  s->known = FRTI_VAGUE;
  if (!frti_is_tensor(v) || v->rank > FRT_MAX_RANK) return;
  frt_shape_t *shape = s->shape;
  if (!shape) shape = frti_arena_calloc(&c->arena, 1, sizeof *shape);
  if (!shape) {
    c->no_memory = true;
    return;
  }
  const int64_t any = s->fed && c->o.batch > 0 ? c->o.batch : -1;
  memset(shape, 0, sizeof *shape);
  shape->dtype = (uint32_t)v->dtype;
  shape->rank = v->rank;
  for (uint32_t i = 0; i < v->rank; ++i)
    shape->dims[i] = v->dims[i] < 0 ? any : v->dims[i];
  s->shape = shape;
  s->known = FRTI_SHAPED;
}

/* What is stored between runs has a size, and one that fits. */
static void check_persistable(frti_checker_t *c, frti_seen_t *s, const frti_var_t *v) {
  char dims[128];
  const char *why = NULL;
  int64_t n = 0;
  size_t bytes;
  for (uint32_t i = 0; i < v->rank && !why; ++i)
    if (v->dims[i] < 1) why = v->dims[i] < 0 ? "an unknown extent" : "no elements";
  if (!why && (!frti_numel(v->rank, v->dims, &n) ||
               !frti_mul_size((size_t)n, frt_dtype_size((uint32_t)v->dtype), &bytes)))
    why = "a size that overflows 64 bits";
  if (!why) return;
  s->told = true;
  frti_find(c, FRT_SEVERITY_ERROR, FRT_INVALID_ARGUMENT, v->name,
            "the persistable '%.100s' has shape %s: %s", v->name,
            frti_dims_text(dims, sizeof dims, v->rank, v->dims), why);
}

static void check_vars(frti_checker_t *c) {
  for (uint32_t b = 0; b < c->p->n_blocks; ++b) {
    c->block = (int32_t)b;
    for (uint32_t i = 0; i < c->p->blocks[b].n_vars; ++i) {
      const frti_var_t *v = &c->p->blocks[b].vars[i];
      if (v->persistable == 1 && frti_is_tensor(v))
        check_persistable(c, &c->seen[c->base[b] + i], v);
    }
  }
  c->block = -1;
}

/* ---- before the walk ----------------------------------------------------------------- */

static void note_writer(frti_checker_t *c, int32_t block, int32_t op) {
  const frti_op_t *o = &c->p->blocks[block].ops[op];
  const frti_var_t *v;
  for (uint32_t i = 0; i < o->n_out; ++i)
    for (uint32_t k = 0; k < o->out[i].n; ++k) {
      frti_seen_t *s = seen_of(c, block, o->out[i].args[k], &v);
      if (!s || s->writer_op >= 0) continue;
      s->writer_block = block;
      s->writer_op = op;
    }
}

/* Who writes what first, and how many feed and fetch ops there are. */
static void note_writers(frti_checker_t *c) {
  for (uint32_t b = 0; b < c->p->n_blocks; ++b)
    for (uint32_t i = 0; i < c->p->blocks[b].n_ops; ++i) {
      const char *type = c->p->blocks[b].ops[i].type;
      note_writer(c, (int32_t)b, (int32_t)i);
      c->n_cols[0] += !strcmp(type, "feed");
      c->n_cols[1] += !strcmp(type, "fetch");
    }
  for (int k = 0; k < 2; ++k)
    if (!(c->cols[k] = frti_arena_calloc(&c->arena, c->n_cols[k] + 1, 1)))
      c->no_memory = true;
}

static frti_seen_t *in_block_0(frti_checker_t *c, const char *what, const char *name,
                               const frti_var_t **v) {
  const char *known = name ? frti_names_find(&c->p->names, name, strlen(name)) : NULL;
  frti_seen_t *s = known ? seen_of(c, 0, known, v) : NULL;
  char near[128];
  if (s) return s;
  frti_find(c, FRT_SEVERITY_ERROR, FRT_NOT_FOUND, name, "%s '%.100s': not in block 0%s",
            what, name ? name : "",
            name ? frti_near_text(c, name, near, sizeof near) : "");
  return NULL;
}

static void take_feeds(frti_checker_t *c) {
  const frti_var_t *v;
  for (size_t i = 0; i < c->o.n_feeds; ++i) {
    frti_seen_t *s = in_block_0(c, "feed", c->o.feeds[i], &v);
    if (!s) continue;
    s->fed = true;
    frti_take_declared(c, s, v);
  }
}

/* ---- the walk ---------------------------------------------------------------------------- */

static void push(frti_checker_t *c, int32_t block, int32_t control) {
  c->entered[block] = true;
  c->stack[c->depth++] = (frti_place_in_t){(uint32_t)block, 0, control};
}

static void leave(frti_checker_t *c) {
  const int32_t control = c->stack[--c->depth].control;
  if (!c->depth) return;
  c->block = (int32_t)c->stack[c->depth - 1].block;
  c->op = control;
  frti_check_after_body(c, &c->p->blocks[c->block].ops[control]);
}

static void walk(frti_checker_t *c) {
  push(c, 0, -1);
  while (c->depth && !c->no_memory) {
    frti_place_in_t *at = &c->stack[c->depth - 1];
    const frti_block_t *b = &c->p->blocks[at->block];
    if (at->next == b->n_ops) {
      leave(c);
      continue;
    }
    int32_t body = -1;
    c->block = (int32_t)at->block;
    c->op = (int32_t)at->next++;
    frti_check_op(c, &b->ops[c->op], &body);
    frti_arena_release(&c->scratch);
    if (body >= 0) push(c, body, c->op);
  }
}

/* Blocks that nothing known runs, such as the body of an unknown op. */
static void check_unreached(frti_checker_t *c) {
  for (uint32_t b = 0; b < c->p->n_blocks; ++b)
    for (uint32_t i = 0; !c->entered[b] && i < c->p->blocks[b].n_ops; ++i) {
      c->block = (int32_t)b;
      c->op = (int32_t)i;
      if (!frt_op_find(c->p->blocks[b].ops[i].type))
        frti_check_unknown_type(c, &c->p->blocks[b].ops[i]);
    }
  c->block = c->op = -1;
}

static void check_fetches(frti_checker_t *c) {
  const frti_var_t *v;
  for (size_t i = 0; i < c->o.n_fetches; ++i) {
    const frti_seen_t *s = in_block_0(c, "fetch", c->o.fetches[i], &v);
    if (s && s->known == FRTI_UNTOUCHED && v->persistable != 1)
      frti_find(c, FRT_SEVERITY_ERROR, FRT_FAILED_PRECONDITION, v->name,
                "fetch '%.100s': no op writes it and it is not fed", v->name);
  }
}

/* ---- entry ------------------------------------------------------------------------------ */

static bool make_tables(frti_checker_t *c) {
  size_t n = 0;
  const uint32_t n_blocks = c->p->n_blocks;
  c->base = frti_arena_calloc(&c->arena, n_blocks, sizeof *c->base);
  c->entered = frti_arena_calloc(&c->arena, n_blocks, sizeof *c->entered);
  c->stack = frti_arena_calloc(&c->arena, n_blocks, sizeof *c->stack);
  if (!c->base || !c->entered || !c->stack) return false;
  for (uint32_t b = 0; b < n_blocks; ++b) {
    c->base[b] = (uint32_t)n;
    n += c->p->blocks[b].n_vars;
  }
  c->seen = frti_arena_calloc(&c->arena, n, sizeof *c->seen);
  for (size_t i = 0; c->seen && i < n; ++i) c->seen[i].writer_op = -1;
  return c->seen != NULL;
}

static void check_all(frti_checker_t *c) {
  check_vars(c);
  note_writers(c);
  if (c->no_memory) return;
  take_feeds(c);
  walk(c);
  check_unreached(c);
  check_fetches(c);
}

frt_status_t frt_program_check(const frt_program_t *p, const frt_check_options_t *options,
                               frt_findings_t **out, frt_error_t *err) {
  frti_checker_t c = {.p = p, .block = -1, .op = -1};
  *out = NULL;
  if (options)
    memcpy(&c.o, options, FRTI_MIN((size_t)options->struct_size, sizeof c.o));
  if (!c.o.feeds) c.o.n_feeds = 0;
  if (!c.o.fetches) c.o.n_fetches = 0;
  c.found = frti_findings_new(c.o.max_findings ? c.o.max_findings : MAX_FINDINGS);
  c.no_memory = !c.found || !make_tables(&c);
  if (!c.no_memory) check_all(&c);
  frti_arena_release(&c.scratch);
  frti_arena_release(&c.arena);
  if (!c.no_memory) {
    *out = c.found;
    return FRT_OK;
  }
  frt_findings_release(c.found);
  frti_no_memory(err);
  return frti_error_phase(err, FRT_RESOURCE_EXHAUSTED, FRT_PHASE_VALIDATE);
}
