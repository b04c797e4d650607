/* What must hold of a program before anything looks inside it, whatever its ops are:
 * blocks form a tree, variables are declared once and make sense, slots and attributes
 * of an op have different names. Linear in the program, no recursion. */
#include <string.h>

#include "program/parts.h"
#include "program/wire.h"

enum { MAX_LOD_LEVEL = 64 };

typedef struct check {
  frt_program_t *p;
  const frti_limits_t *limits;
  frt_error_t *err;
  uint64_t *stamp; /* by name id: the group that has seen it */
  uint32_t *first; /* by name id: where, in the block at hand */
  uint64_t group;
} check_t;

static const char *const attr_types[] = {
    "INT", "FLOAT", "STRING", "INTS", "FLOATS", "STRINGS", "BOOLEAN", "BOOLEANS", "BLOCK",
    "LONG", "BLOCKS", "LONGS", "FLOAT64S", "VAR", "VARS", "FLOAT64", "SCALAR", "SCALARS"};

const char *frti_wire_type_name(int64_t type) {
  return type >= 0 && type < (int64_t)FRTI_COUNT(attr_types) ? attr_types[type] : "?";
}

/* Bits of VarType.Type's numbers that elements may have: numbers, text, newer floats. */
bool frti_is_element_type(int64_t number) {
  const uint64_t elements = 0x7fu | 1u << 19 | 1u << 20 | 1u << 21 | 1u << 22 | 1u << 23 |
                            1u << 24 | 1u << 25 | 1u << 29 | (uint64_t)3 << 32 |
                            (uint64_t)7 << 36;
  return number >= 0 && number < 64 && (elements >> number & 1);
}

bool frti_is_var_kind(int64_t number) {
  const uint64_t no_number = 1u << 16 | (uint64_t)3 << 34;
  return number >= 0 && number <= 38 && !(no_number >> number & 1);
}

static frt_status_t at_block(const check_t *c, int32_t block, frt_status_t status) {
  return frti_error_at(c->err, status, FRT_PHASE_VALIDATE, block, -1, NULL);
}

/* ---- blocks ----------------------------------------------------------------------- */

static frt_status_t check_links(const check_t *c, int32_t i) {
  const frti_block_t *b = &c->p->blocks[i];
  const int32_t n = (int32_t)c->p->n_blocks;
  frt_status_t status = FRT_OK;
  if (b->idx != i)
    status = frt_fail(c->err, FRT_INVALID_ARGUMENT, "idx is %d; wanted %d, its position",
                      b->idx, i);
  else if (i == 0 && b->parent != -1)
    status = frt_fail(c->err, FRT_INVALID_ARGUMENT, "parent is %d; wanted -1", b->parent);
  else if (i > 0 && (b->parent < 0 || b->parent >= n || b->parent == i))
    status = frt_fail(c->err, FRT_INVALID_ARGUMENT,
                      "parent is %d; wanted another block, 0 to %d", b->parent, n - 1);
  else if (b->forward_block_idx < -1 || b->forward_block_idx >= n)
    status = frt_fail(c->err, FRT_INVALID_ARGUMENT,
                      "forward_block_idx is %d; wanted -1 to %d", b->forward_block_idx,
                      n - 1);
  return status == FRT_OK ? FRT_OK : at_block(c, i, status);
}

/* Sets depth[i] (0 = not known yet) by walking up to a known block and back. A walk of
 * more steps than there are blocks is a loop. */
static frt_status_t find_depth(const check_t *c, uint32_t *depth, int32_t i) {
  uint32_t steps = 0;
  int32_t at = i;
  for (; !depth[at]; at = c->p->blocks[at].parent)
    if (++steps > c->p->n_blocks)
      return at_block(c, i, frt_fail(c->err, FRT_INVALID_ARGUMENT,
                                     "its parents form a loop"));
  uint32_t d = depth[at] + steps;
  if (d > c->limits->max_depth)
    return at_block(c, i, frt_fail(c->err, FRT_RESOURCE_EXHAUSTED,
                                   "nested %u deep; max_depth is %u", d,
                                   c->limits->max_depth));
  for (at = i; !depth[at]; at = c->p->blocks[at].parent) depth[at] = d--;
  return FRT_OK;
}

static frt_status_t check_blocks(const check_t *c) {
  uint32_t *depth = frti_calloc(c->p->n_blocks, sizeof *depth);
  frt_status_t status = depth ? FRT_OK : frti_no_memory(c->err);
  for (uint32_t i = 0; status == FRT_OK && i < c->p->n_blocks; ++i)
    status = check_links(c, (int32_t)i);
  if (status == FRT_OK) depth[0] = 1;
  for (uint32_t i = 1; status == FRT_OK && i < c->p->n_blocks; ++i)
    status = find_depth(c, depth, (int32_t)i);
  frti_free(depth);
  return status;
}

/* ---- variables --------------------------------------------------------------------- */

/* The number of VarType's field that belongs to a kind, 0 if there is none. */
static uint32_t body_of(int32_t kind) {
  switch (kind) {
    case FRT_VAR_SELECTED_ROWS: return 2;
    case FRT_VAR_LOD_TENSOR: return 3;
    case FRT_VAR_LOD_TENSOR_ARRAY: return 4;
    case FRT_VAR_READER: return 5;
    case 18: return 7;  /* TUPLE */
    case 25: return 8;  /* STRING */
    case 26: return 9;  /* STRINGS */
    case 27: return 10; /* VOCAB */
    case 30: return 11; /* SPARSE_COO */
    case 31: return 12; /* SPARSE_CSR */
    default: return 0;
  }
}

/* The body of another kind, 0 if there is none. */
static uint32_t foreign_body(const frti_var_t *v) {
  frti_wire_t w = frti_wire(v->type_message.bytes, v->type_message.n);
  frti_wire_field_t f;
  while (v->type_message.n && frti_wire_next(&w, &f))
    if (f.number >= 2 && f.number <= 12 && f.number != 6 && f.number != body_of(v->kind))
      return f.number;
  return 0;
}

static frt_status_t check_var(const check_t *c, const frti_var_t *v) {
  frt_error_t *err = c->err;
  const bool tensor = v->kind == FRT_VAR_LOD_TENSOR || v->kind == FRT_VAR_SELECTED_ROWS ||
                      v->kind == FRT_VAR_LOD_TENSOR_ARRAY;
  if (!v->name[0]) return frt_fail(err, FRT_INVALID_ARGUMENT, "a variable has no name");
  if (!frti_is_var_kind(v->kind))
    return frt_fail(err, FRT_INVALID_ARGUMENT, "type %d is no kind of variable", v->kind);
  if (foreign_body(v))
    return frt_fail(err, FRT_INVALID_ARGUMENT,
                    "type %d with the description of another (field %u)", v->kind,
                    foreign_body(v));
  if (v->kind == FRT_VAR_LOD_TENSOR && v->dtype == -1)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "LOD_TENSOR without lod_tensor");
  if (tensor && v->dtype != -1 && !frti_is_element_type(v->dtype))
    return frt_fail(err, FRT_INVALID_ARGUMENT, "data_type %d is no element type",
                    v->dtype);
  /* GCOVR_EXCL_START: the scan has counted dims before */
  if (v->rank > c->limits->max_rank)
    return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "rank %u; max_rank is %u", v->rank,
                    c->limits->max_rank);
  /* GCOVR_EXCL_STOP */
  for (uint32_t i = 0; i < v->rank; ++i)
    if (v->dims[i] < -1)
      return frt_fail(err, FRT_INVALID_ARGUMENT, "dims[%u] is %lld; wanted -1 or more", i,
                      (long long)v->dims[i]);
  if (v->lod_level < 0 || v->lod_level > MAX_LOD_LEVEL)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "lod_level is %d; wanted 0 to %d",
                    v->lod_level, MAX_LOD_LEVEL);
  return FRT_OK;
}

static frt_status_t at_var(const check_t *c, int32_t block, const frti_var_t *v,
                           frt_status_t status) {
  if (!c->err) return status;
  char message[sizeof c->err->message];
  memcpy(message, c->err->message, sizeof message);
  snprintf(c->err->message, sizeof c->err->message, "variable '%.80s': %.240s", v->name,
           message);
  frti_error_name(c->err, status, v->name);
  return at_block(c, block, status);
}

static bool same_raw(frti_raw_t a, frti_raw_t b) {
  return a.n == b.n && (!a.n || !memcmp(a.bytes, b.bytes, a.n));
}

static bool same_var(const frti_var_t *a, const frti_var_t *b) {
  return a->kind == b->kind && a->dtype == b->dtype && a->rank == b->rank &&
         (!a->rank || !memcmp(a->dims, b->dims, a->rank * sizeof *a->dims)) &&
         a->lod_level == b->lod_level && (a->persistable == 1) == (b->persistable == 1) &&
         (a->need_check_feed == 1) == (b->need_check_feed == 1) &&
         same_raw(a->type_message, b->type_message) && same_raw(a->rest, b->rest);
}

static bool seen(check_t *c, const char *name) {
  const uint32_t id = frti_name_id(name);
  if (c->stamp[id] == c->group) return true;
  c->stamp[id] = c->group;
  return false;
}

static frt_status_t check_vars(check_t *c, int32_t block) {
  frti_block_t *b = &c->p->blocks[block];
  uint32_t kept = 0;
  ++c->group;
  for (uint32_t i = 0; i < b->n_vars; ++i) {
    const frti_var_t *v = &b->vars[i];
    frt_status_t status = check_var(c, v);
    if (status == FRT_OK && seen(c, v->name)) {
      if (same_var(v, &b->vars[c->first[frti_name_id(v->name)]])) continue;
      status = frt_fail(c->err, FRT_INVALID_ARGUMENT,
                        "declared twice, with different types");
    }
    if (status != FRT_OK) return at_var(c, block, v, status);
    c->first[frti_name_id(v->name)] = kept;
    if (kept != i) b->vars[kept] = *v;
    ++kept;
  }
  b->n_vars = kept;
  return FRT_OK;
}

/* ---- ops ------------------------------------------------------------------------------ */

static bool is_self_or_ancestor(const frt_program_t *p, int64_t target, int32_t block) {
  for (; block >= 0; block = p->blocks[block].parent)
    if (block == target) return true;
  return false;
}

frt_status_t frti_check_block_attr(const frt_program_t *p, int32_t block,
                                   const char *attr, int64_t target, frt_error_t *err) {
  frt_status_t status = FRT_OK;
  if (target < 0 || target >= (int64_t)p->n_blocks)
    status = frt_fail(err, FRT_INVALID_ARGUMENT,
                      "attribute '%.64s': block %lld; the program has %u", attr,
                      (long long)target, p->n_blocks);
  else if (is_self_or_ancestor(p, target, block))
    status = frt_fail(err, FRT_INVALID_ARGUMENT,
                      "attribute '%.64s': recursive, block %lld contains this op", attr,
                      (long long)target);
  else if (!strcmp(attr, "sub_block") && p->blocks[target].parent != block)
    status = frt_fail(err, FRT_INVALID_ARGUMENT,
                      "attribute 'sub_block': block %lld has parent %d; wanted %d",
                      (long long)target, p->blocks[target].parent, block);
  return status == FRT_OK ? FRT_OK : frti_error_name(err, status, attr);
}

static frt_status_t check_attr(check_t *c, int32_t block, const frti_attr_t *a) {
  if (seen(c, a->name)) {
    frt_fail(c->err, FRT_INVALID_ARGUMENT, "attribute '%.64s' is given twice", a->name);
    return frti_error_name(c->err, FRT_INVALID_ARGUMENT, a->name);
  }
  if (a->type < 0 || a->type >= (int32_t)FRTI_COUNT(attr_types)) {
    frt_fail(c->err, FRT_INVALID_ARGUMENT, "attribute '%.64s': type %d does not exist",
             a->name, a->type);
    return frti_error_name(c->err, FRT_INVALID_ARGUMENT, a->name);
  }
  if (a->type == FRTI_WIRE_BLOCK && !a->no_value)
    return frti_check_block_attr(c->p, block, a->name, a->v.i, c->err);
  for (uint32_t i = 0; a->type == FRTI_WIRE_BLOCKS && i < a->count; ++i)
    FRT_TRY(frti_check_block_attr(c->p, block, a->name, a->v.is[i], c->err));
  return FRT_OK;
}

static frt_status_t check_slots(check_t *c, const frti_slot_t *slots, uint32_t n,
                                const char *side) {
  ++c->group;
  for (uint32_t i = 0; i < n; ++i)
    if (seen(c, slots[i].name)) {
      frt_fail(c->err, FRT_INVALID_ARGUMENT, "%s slot '%.64s' is given twice", side,
               slots[i].name);
      return frti_error_name(c->err, FRT_INVALID_ARGUMENT, slots[i].name);
    }
  return FRT_OK;
}

static frt_status_t check_op(check_t *c, int32_t block, const frti_op_t *op) {
  if (!op->type[0]) return frt_fail(c->err, FRT_INVALID_ARGUMENT, "the op has no type");
  FRT_TRY(check_slots(c, op->in, op->n_in, "input"));
  FRT_TRY(check_slots(c, op->out, op->n_out, "output"));
  ++c->group;
  for (uint32_t i = 0; i < op->n_attrs; ++i)
    FRT_TRY(check_attr(c, block, &op->attrs[i]));
  return FRT_OK;
}

static frt_status_t check_ops(check_t *c, int32_t block) {
  const frti_block_t *b = &c->p->blocks[block];
  for (uint32_t i = 0; i < b->n_ops; ++i) {
    const frt_status_t status = check_op(c, block, &b->ops[i]);
    if (status != FRT_OK)
      return frti_error_at(c->err, status, FRT_PHASE_VALIDATE, block, (int32_t)i,
                           b->ops[i].type);
  }
  return FRT_OK;
}

static frt_status_t check_all(check_t *c) {
  FRT_TRY(check_blocks(c));
  for (uint32_t b = 0; b < c->p->n_blocks; ++b) {
    FRT_TRY(check_vars(c, (int32_t)b));
    FRT_TRY(check_ops(c, (int32_t)b));
  }
  return FRT_OK;
}

frt_status_t frti_program_check(frt_program_t *p, const frti_limits_t *limits,
                                frt_error_t *err) {
  check_t c = {.p = p, .limits = limits, .err = err};
  if (!p->n_blocks) {
    frt_fail(err, FRT_INVALID_ARGUMENT, "the program has no block");
    return frti_error_phase(err, FRT_INVALID_ARGUMENT, FRT_PHASE_VALIDATE);
  }
  c.stamp = frti_calloc(p->names.n + 1, sizeof *c.stamp);
  c.first = frti_calloc(p->names.n + 1, sizeof *c.first);
  frt_status_t status = c.stamp && c.first ? check_all(&c) : frti_no_memory(err);
  frti_free(c.stamp);
  frti_free(c.first);
  if (status != FRT_OK) frti_error_phase(err, status, FRT_PHASE_VALIDATE);
  return status;
}
