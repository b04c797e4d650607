/* Copies of programs: whole, or without what trains. */
#include "program/parts.h"

/* op_role bits: what a test does not run, and the op that seeds the loss's gradient. */
enum { BACKWARD = 1, OPTIMIZE = 2, SCHEDULE = 16, LOSS = 256 };

static frt_status_t copy(const frt_program_t *p, frt_program_t **out, frt_error_t *err) {
  const frt_load_options_t any = {.struct_size = sizeof any, .max_bytes = UINT64_MAX,
                                  .max_memory = UINT64_MAX, .max_ops = UINT64_MAX,
                                  .max_vars = UINT64_MAX, .max_args = UINT64_MAX};
  void *bytes = NULL;
  size_t n = 0;
  FRT_TRY(frt_program_serialize(p, &bytes, &n, err));
  const frt_status_t status = frt_program_parse(bytes, n, &any, out, err);
  frt_free(bytes);
  return status;
}

frt_status_t frti_program_set_is_test(frt_program_t *p, frt_error_t *err) {
  for (uint32_t b = 0; b < p->n_blocks; ++b)
    for (uint32_t i = 0; i < p->blocks[b].n_ops; ++i)
      if (frti_op_attr(&p->blocks[b].ops[i], "is_test"))
        FRT_TRY(frt_program_set_attr_bool(p, (int32_t)b, i, "is_test", 1, err));
  return FRT_OK;
}

/* ---- without what trains ----------------------------------------------------------- */

static bool trains(const frti_op_t *op) {
  return (frti_op_role(op) & (BACKWARD | OPTIMIZE | SCHEDULE)) != 0;
}

/* Only a program that holds a gradient of a loss is cut, as in Fluid. */
static bool has_gradient(const frt_program_t *p) {
  for (uint32_t b = 0; b < p->n_blocks; ++b)
    for (uint32_t i = 0; i < p->blocks[b].n_ops; ++i)
      if (frti_op_role(&p->blocks[b].ops[i]) == (BACKWARD | LOSS)) return true;
  return false;
}

static void drop_ops(frt_program_t *p) {
  for (uint32_t b = 0; b < p->n_blocks; ++b) {
    frti_block_t *block = &p->blocks[b];
    uint32_t n = 0;
    for (uint32_t i = 0; i < block->n_ops; ++i)
      if (!trains(&block->ops[i])) block->ops[n++] = block->ops[i];
    block->n_ops = n;
  }
}

/* Keeps block b and those around it; false: it was kept before. */
static bool keep(const frt_program_t *p, int32_t b, bool *kept) {
  if (kept[b]) return false;
  for (; b >= 0 && !kept[b]; b = p->blocks[b].parent) kept[b] = true;
  return true;
}

static bool keep_named(const frt_program_t *p, const frti_attr_t *a, bool *kept) {
  bool more = a->type == FRTI_WIRE_BLOCK && keep(p, (int32_t)a->v.i, kept);
  for (uint32_t k = 0; a->type == FRTI_WIRE_BLOCKS && k < a->count; ++k)
    more |= keep(p, (int32_t)a->v.is[k], kept);
  return more;
}

/* A block stays if an op of a block that stays runs it. to[b] is its new index or -1. */
static void renumber_blocks(const frt_program_t *p, bool *kept, int32_t *to) {
  kept[0] = true;
  for (bool more = true; more;) {
    more = false;
    for (uint32_t b = 0; b < p->n_blocks; ++b)
      for (uint32_t i = 0; kept[b] && i < p->blocks[b].n_ops; ++i) {
        const frti_op_t *op = &p->blocks[b].ops[i];
        for (uint32_t k = 0; k < op->n_attrs; ++k)
          more |= keep_named(p, &op->attrs[k], kept);
      }
  }
  int32_t n = 0;
  for (uint32_t b = 0; b < p->n_blocks; ++b) to[b] = kept[b] ? n++ : -1;
}

static bool renumber_attr(frt_program_t *p, frti_attr_t *a, const int32_t *to) {
  if (a->type == FRTI_WIRE_BLOCK) a->v.i = to[a->v.i];
  if (a->type != FRTI_WIRE_BLOCKS) return true;
  int64_t *all = frti_arena_calloc(&p->arena, a->count, sizeof *all);
  for (uint32_t i = 0; all && i < a->count; ++i) all[i] = to[a->v.is[i]];
  a->v.is = all;
  return all != NULL;
}

/* used[b][v]: whether an op names variable v of block b. */
static void mark_slots(const frt_program_t *p, int32_t block, const frti_slot_t *slots,
                       uint32_t n, bool **used) {
  for (uint32_t s = 0; s < n; ++s)
    for (uint32_t k = 0; k < slots[s].n; ++k) {
      int32_t owner = 0;
      const frti_var_t *v = frti_program_resolve(p, block, slots[s].args[k], &owner);
      if (v) used[owner][v - p->blocks[owner].vars] = true;
    }
}

static bool drop_vars(frt_program_t *p, frti_arena_t *scratch) {
  bool **used = frti_arena_calloc(scratch, p->n_blocks, sizeof *used);
  for (uint32_t b = 0; used && b < p->n_blocks; ++b)
    if (!(used[b] = frti_arena_calloc(scratch, p->blocks[b].n_vars, sizeof **used)))
      return false;
  if (!used) return false;
  for (uint32_t b = 0; b < p->n_blocks; ++b)
    for (uint32_t i = 0; i < p->blocks[b].n_ops; ++i) {
      const frti_op_t *op = &p->blocks[b].ops[i];
      mark_slots(p, (int32_t)b, op->in, op->n_in, used);
      mark_slots(p, (int32_t)b, op->out, op->n_out, used);
    }
  for (uint32_t b = 0; b < p->n_blocks; ++b) {
    frti_block_t *block = &p->blocks[b];
    uint32_t n = 0;
    for (uint32_t v = 0; v < block->n_vars; ++v)
      if (used[b][v]) block->vars[n++] = block->vars[v];
    block->n_vars = n;
  }
  return true;
}

static bool drop_blocks(frt_program_t *p, const int32_t *to) {
  uint32_t n = 0;
  for (uint32_t b = 0; b < p->n_blocks; ++b) {
    frti_block_t block = p->blocks[b];
    if (to[b] < 0) continue;
    for (uint32_t i = 0; i < block.n_ops; ++i)
      for (uint32_t k = 0; k < block.ops[i].n_attrs; ++k)
        if (!renumber_attr(p, &block.ops[i].attrs[k], to)) return false;
    block.idx = to[b];
    if (block.parent >= 0) block.parent = to[block.parent];
    if (block.forward_block_idx >= 0) block.forward_block_idx = to[block.forward_block_idx];
    p->blocks[n++] = block;
  }
  p->n_blocks = n;
  return true;
}

/* Ops of blocks that went do not keep variables. */
static void empty_blocks(frt_program_t *p, const int32_t *to) {
  for (uint32_t b = 0; b < p->n_blocks; ++b)
    if (to[b] < 0) p->blocks[b].n_ops = 0;
}

static frt_status_t cut(frt_program_t *p, frt_error_t *err) {
  frti_arena_t scratch = {0};
  int32_t *to = frti_arena_calloc(&scratch, p->n_blocks, sizeof *to);
  bool *kept = frti_arena_calloc(&scratch, p->n_blocks, sizeof *kept);
  bool done = to && kept;
  if (done) {
    drop_ops(p);
    renumber_blocks(p, kept, to);
    empty_blocks(p, to);
    done = drop_vars(p, &scratch) && drop_blocks(p, to);
  }
  frti_arena_release(&scratch);
  frti_index_release(p);
  frti_index_build(p); /* without it, looking up is a scan */
  return done ? FRT_OK : frti_no_memory(err);
}

frt_status_t frt_program_clone(const frt_program_t *p, int for_test, frt_program_t **out,
                               frt_error_t *err) {
  *out = NULL;
  FRT_TRY(copy(p, out, err));
  frt_status_t status = FRT_OK;
  if (for_test && has_gradient(*out)) status = cut(*out, err);
  if (for_test && status == FRT_OK) status = frti_program_set_is_test(*out, err);
  if (status == FRT_OK) return FRT_OK;
  frt_program_release(*out);
  *out = NULL;
  return status;
}
