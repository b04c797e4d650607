/* Edits. Everything is copied into the program first and entered last, so that a
 * failed edit leaves the program as it was. */
#include <math.h>
#include <string.h>

#include "program/parts.h"

static frt_status_t no_block(const frt_program_t *p, int32_t b, frt_error_t *err) {
  return frt_fail(err, FRT_OUT_OF_RANGE, "block %d: the program has %u", b, p->n_blocks);
}

static bool has_block(const frt_program_t *p, int32_t b) {
  return b >= 0 && (uint32_t)b < p->n_blocks;
}

static const char *intern(frt_program_t *p, const char *text) {
  return frti_names_add(&p->names, text, strlen(text));
}

/* Room for one more element in an array of the arena, which cannot give memory back. */
static bool grow(frt_program_t *p, void **array, size_t n, size_t *cap, size_t elem) {
  if (n < *cap) return true;
  const size_t more = FRTI_MAX(*cap * 2, (size_t)8);
  void *to = frti_arena_calloc(&p->arena, more, elem);
  if (!to) return false;
  if (n) memcpy(to, *array, n * elem);
  *array = to;
  *cap = more;
  return true;
}

frt_status_t frt_program_add_block(frt_program_t *p, int32_t parent, int32_t *out,
                                   frt_error_t *err) {
  if (!has_block(p, parent)) return no_block(p, parent, err);
  if (p->n_blocks >= INT32_MAX ||
      !grow(p, (void **)&p->blocks, p->n_blocks, &p->blocks_cap, sizeof *p->blocks))
    return frti_no_memory(err);
  if (p->index.cap) p->index.blocks = p->blocks;
  frti_block_t *b = &p->blocks[p->n_blocks];
  *b = (frti_block_t){.idx = (int32_t)p->n_blocks, .parent = parent,
                      .forward_block_idx = -1};
  if (out) *out = b->idx;
  ++p->n_blocks;
  frti_program_touch(p);
  return FRT_OK;
}

/* ---- variables --------------------------------------------------------------------- */

static bool has_elements(int32_t kind) {
  return kind == FRT_VAR_LOD_TENSOR || kind == FRT_VAR_SELECTED_ROWS ||
         kind == FRT_VAR_LOD_TENSOR_ARRAY;
}

static frt_status_t check_var(const frt_var_info_t *v, int32_t kind, frt_error_t *err) {
  if (!v->name || !v->name[0])
    return frt_fail(err, FRT_INVALID_ARGUMENT, "a variable needs a name");
  if (!frti_is_var_kind(kind) || frti_is_element_type(kind))
    return frt_fail(err, FRT_INVALID_ARGUMENT, "variable '%.80s': kind %d does not exist",
                    v->name, kind);
  if (!has_elements(kind))
    return v->rank ? frt_fail(err, FRT_INVALID_ARGUMENT,
                              "variable '%.80s': rank %u; kind %d has no shape", v->name,
                              v->rank, kind)
                   : FRT_OK;
  if (v->dtype < 0 || !frt_dtype_size((uint32_t)v->dtype))
    return frt_fail(err, FRT_INVALID_ARGUMENT, "variable '%.80s': %d is no dtype",
                    v->name, v->dtype);
  if (v->rank > FRT_MAX_RANK)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "variable '%.80s': rank %u; wanted 0 to %d",
                    v->name, v->rank, FRT_MAX_RANK);
  if (v->lod_level < 0)
    return frt_fail(err, FRT_INVALID_ARGUMENT,
                    "variable '%.80s': lod_level %d; wanted 0 or more", v->name,
                    v->lod_level);
  for (uint32_t i = 0; i < v->rank; ++i)
    if (v->dims[i] < -1)
      return frt_fail(err, FRT_INVALID_ARGUMENT,
                      "variable '%.80s': dims[%u] is %lld; wanted -1 or more", v->name, i,
                      (long long)v->dims[i]);
  return FRT_OK;
}

static bool declared_in(const frt_program_t *p, int32_t block, const char *interned) {
  int32_t owner;
  return frti_program_resolve(p, block, interned, &owner) && owner == block;
}

frt_status_t frt_program_add_var(frt_program_t *p, int32_t block,
                                 const frt_var_info_t *var, frt_error_t *err) {
  const int32_t kind = var->kind ? var->kind : FRT_VAR_LOD_TENSOR;
  if (!has_block(p, block)) return no_block(p, block, err);
  frt_status_t status = check_var(var, kind, err);
  if (status != FRT_OK)
    return frti_error_name(err, status, var->name ? var->name : "");
  frti_block_t *b = &p->blocks[block];
  const char *name = intern(p, var->name);
  int64_t *dims = frti_arena_calloc(&p->arena, var->rank, sizeof *dims);
  if (!name || !dims ||
      !grow(p, (void **)&b->vars, b->n_vars, &b->vars_cap, sizeof *b->vars))
    return frti_no_memory(err);
  if (declared_in(p, block, name)) {
    status = frt_fail(err, FRT_ALREADY_EXISTS, "variable '%.80s' is already in block %d",
                      name, block);
    return frti_error_name(err, status, name);
  }
  if (var->rank) memcpy(dims, var->dims, var->rank * sizeof *dims);
  b->vars[b->n_vars] = (frti_var_t){
      .name = name, .kind = kind, .dtype = has_elements(kind) ? var->dtype : -1,
      .rank = var->rank, .dims = dims, .lod_level = var->lod_level,
      .has_lod_level = has_elements(kind) && kind != FRT_VAR_SELECTED_ROWS,
      .persistable = var->persistable ? 1 : -1,
      .need_check_feed = var->need_check_feed ? 1 : -1};
  frti_index_add(p, block, b->n_vars++);
  frti_program_touch(p);
  return FRT_OK;
}

/* ---- ops and slots ------------------------------------------------------------------ */

frt_status_t frt_program_add_op(frt_program_t *p, int32_t block, const char *type,
                                uint32_t *out, frt_error_t *err) {
  if (!has_block(p, block)) return no_block(p, block, err);
  if (!type || !type[0])
    return frt_fail(err, FRT_INVALID_ARGUMENT, "an op needs a type");
  frti_block_t *b = &p->blocks[block];
  const char *name = intern(p, type);
  if (!name || !grow(p, (void **)&b->ops, b->n_ops, &b->ops_cap, sizeof *b->ops))
    return frti_no_memory(err);
  b->ops[b->n_ops] = (frti_op_t){.type = name, .is_target = -1};
  if (out) *out = b->n_ops;
  ++b->n_ops;
  frti_program_touch(p);
  return FRT_OK;
}

static frt_status_t get_op(frt_program_t *p, int32_t b, uint32_t index, frti_op_t **op,
                           frt_error_t *err) {
  if (!has_block(p, b)) return no_block(p, b, err);
  if (index >= p->blocks[b].n_ops)
    return frt_fail(err, FRT_OUT_OF_RANGE, "op #%u: block %d has %u", index, b,
                    p->blocks[b].n_ops);
  *op = &p->blocks[b].ops[index];
  return FRT_OK;
}

static const char **copy_names(frt_program_t *p, const char *const *from, uint32_t n) {
  const char **to = frti_arena_calloc(&p->arena, n, sizeof *to);
  for (uint32_t i = 0; to && i < n; ++i)
    if (!from[i] || !(to[i] = intern(p, from[i]))) return NULL;
  return to;
}

static frt_status_t set_slot(frt_program_t *p, frti_slot_t **slots, uint32_t *n_slots,
                             const char *name, const char *const *args, uint32_t n,
                             frt_error_t *err) {
  if (!name || !name[0])
    return frt_fail(err, FRT_INVALID_ARGUMENT, "a slot needs a name");
  for (uint32_t i = 0; i < n; ++i)
    if (!args[i])
      return frt_fail(err, FRT_INVALID_ARGUMENT, "slot '%.64s': argument %u is NULL",
                      name, i);
  const char **copy = copy_names(p, args, n);
  frti_slot_t slot = {.name = intern(p, name), .n = n, .args = copy};
  if (!slot.name || !copy) return frti_no_memory(err);
  uint32_t at = 0;
  while (at < *n_slots && (*slots)[at].name != slot.name) ++at;
  if (at == *n_slots) {
    frti_slot_t *more = frti_arena_calloc(&p->arena, *n_slots + 1u, sizeof *more);
    if (!more) return frti_no_memory(err);
    if (*n_slots) memcpy(more, *slots, *n_slots * sizeof *more);
    *slots = more;
    ++*n_slots;
  }
  (*slots)[at] = slot;
  frti_program_touch(p);
  return FRT_OK;
}

frt_status_t frt_program_set_input(frt_program_t *p, int32_t b, uint32_t op,
                                   const char *slot, const char *const *args, uint32_t n,
                                   frt_error_t *err) {
  frti_op_t *o = NULL;
  FRT_TRY(get_op(p, b, op, &o, err));
  return set_slot(p, &o->in, &o->n_in, slot, args, n, err);
}

frt_status_t frt_program_set_output(frt_program_t *p, int32_t b, uint32_t op,
                                    const char *slot, const char *const *args, uint32_t n,
                                    frt_error_t *err) {
  frti_op_t *o = NULL;
  FRT_TRY(get_op(p, b, op, &o, err));
  return set_slot(p, &o->out, &o->n_out, slot, args, n, err);
}

/* ---- attributes ------------------------------------------------------------------------ */

static frt_status_t check_int(const frt_attr_info_t *a, int64_t v, frt_error_t *err) {
  if (v >= INT32_MIN && v <= INT32_MAX) return FRT_OK;
  return frt_fail(err, FRT_INVALID_ARGUMENT,
                  "attribute '%.64s': %lld does not fit %s, which has 32 bits", a->name,
                  (long long)v, frti_wire_type_name(a->type));
}

static frt_status_t check_lists(const frt_attr_info_t *a, frt_error_t *err) {
  const void *list = a->type == FRTI_WIRE_STRINGS || a->type == FRTI_WIRE_VARS
                         ? (const void *)a->ss
                     : a->type == FRTI_WIRE_FLOATS || a->type == FRTI_WIRE_FLOAT64S
                         ? (const void *)a->fs : (const void *)a->is;
  if (a->count && !list)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "attribute '%.64s': %s without its list",
                    a->name, frti_wire_type_name(a->type));
  if (a->type == FRTI_WIRE_STRINGS || a->type == FRTI_WIRE_VARS)
    for (uint32_t i = 0; i < a->count; ++i)
      if (!a->ss[i])
        return frt_fail(err, FRT_INVALID_ARGUMENT, "attribute '%.64s': string %u is NULL",
                        a->name, i);
  return FRT_OK;
}

/* Type and value make sense, blocks exist. */
static frt_status_t check_attr(const frt_program_t *p, int32_t block,
                               const frt_attr_info_t *a, frt_error_t *err) {
  if (!a->name || !a->name[0])
    return frt_fail(err, FRT_INVALID_ARGUMENT, "an attribute needs a name");
  switch (a->type) {
    case FRTI_WIRE_INT: return check_int(a, a->i, err);
    case FRTI_WIRE_BLOCK: return frti_check_block_attr(p, block, a->name, a->i, err);
    case FRTI_WIRE_STRING: case FRTI_WIRE_VAR:
      return a->s ? FRT_OK : frt_fail(err, FRT_INVALID_ARGUMENT,
                                      "attribute '%.64s': the string is NULL", a->name);
    case FRTI_WIRE_LONG: case FRTI_WIRE_BOOLEAN: case FRTI_WIRE_FLOAT:
    case FRTI_WIRE_FLOAT64: return FRT_OK;
    case FRTI_WIRE_SCALAR: case FRTI_WIRE_SCALARS: break;
    default:
      if (a->type < 0 || a->type > FRTI_WIRE_SCALARS) break;
      FRT_TRY(check_lists(a, err));
      for (uint32_t i = 0; a->type == FRTI_WIRE_INTS && i < a->count; ++i)
        FRT_TRY(check_int(a, a->is[i], err));
      for (uint32_t i = 0; a->type == FRTI_WIRE_BLOCKS && i < a->count; ++i)
        FRT_TRY(frti_check_block_attr(p, block, a->name, a->is[i], err));
      return FRT_OK;
  }
  return frt_fail(err, FRT_INVALID_ARGUMENT, "attribute '%.64s': type %d cannot be set",
                  a->name, a->type);
}

static bool copy_ints(frt_program_t *p, const frt_attr_info_t *from, frti_attr_t *to) {
  int64_t *is = frti_arena_calloc(&p->arena, from->count, sizeof *is);
  for (uint32_t i = 0; is && i < from->count; ++i)
    is[i] = from->type == FRTI_WIRE_BOOLEANS ? from->is[i] != 0 : from->is[i];
  to->v.is = is;
  return is != NULL;
}

static bool copy_floats(frt_program_t *p, const frt_attr_info_t *from, frti_attr_t *to) {
  double *fs = frti_arena_calloc(&p->arena, from->count, sizeof *fs);
  for (uint32_t i = 0; fs && i < from->count; ++i)
    fs[i] = from->type == FRTI_WIRE_FLOATS ? (double)(float)from->fs[i] : from->fs[i];
  to->v.fs = fs;
  return fs != NULL;
}

static bool copy_attr(frt_program_t *p, const frt_attr_info_t *from, frti_attr_t *to) {
  *to = (frti_attr_t){.name = intern(p, from->name), .type = from->type, .count = 1};
  if (!to->name) return false;
  switch (from->type) {
    case FRTI_WIRE_INT: case FRTI_WIRE_LONG: case FRTI_WIRE_BLOCK:
      to->v.i = from->i;
      return true;
    case FRTI_WIRE_BOOLEAN: to->v.i = from->i != 0; return true;
    case FRTI_WIRE_FLOAT: to->v.f = (double)(float)from->f; return true;
    case FRTI_WIRE_FLOAT64: to->v.f = from->f; return true;
    case FRTI_WIRE_STRING: case FRTI_WIRE_VAR:
      to->v.s = intern(p, from->s);
      return to->v.s != NULL;
    default: break;
  }
  to->count = from->count;
  if (from->type == FRTI_WIRE_STRINGS || from->type == FRTI_WIRE_VARS)
    return (to->v.ss = copy_names(p, from->ss, from->count)) != NULL;
  if (from->type == FRTI_WIRE_FLOATS || from->type == FRTI_WIRE_FLOAT64S)
    return copy_floats(p, from, to);
  return copy_ints(p, from, to);
}

frt_status_t frt_program_set_attr(frt_program_t *p, int32_t b, uint32_t op,
                                  const frt_attr_info_t *attr, frt_error_t *err) {
  frti_op_t *o = NULL;
  frti_attr_t copy;
  FRT_TRY(get_op(p, b, op, &o, err));
  const frt_status_t status = check_attr(p, b, attr, err);
  if (status != FRT_OK)
    return frti_error_name(err, status, attr->name ? attr->name : "");
  if (!copy_attr(p, attr, &copy)) return frti_no_memory(err);
  uint32_t at = 0;
  while (at < o->n_attrs && o->attrs[at].name != copy.name) ++at;
  if (at == o->n_attrs) {
    frti_attr_t *more = frti_arena_calloc(&p->arena, o->n_attrs + 1u, sizeof *more);
    if (!more) return frti_no_memory(err);
    if (o->n_attrs) memcpy(more, o->attrs, o->n_attrs * sizeof *more);
    o->attrs = more;
    ++o->n_attrs;
  }
  o->attrs[at] = copy;
  frti_program_touch(p);
  return FRT_OK;
}

/* ---- shorthands ------------------------------------------------------------------------ */

frt_status_t frt_program_set_attr_int(frt_program_t *p, int32_t b, uint32_t op,
                                      const char *name, int32_t value, frt_error_t *err) {
  const frt_attr_info_t a = {.name = name, .type = FRTI_WIRE_INT, .count = 1, .i = value};
  return frt_program_set_attr(p, b, op, &a, err);
}

frt_status_t frt_program_set_attr_f32(frt_program_t *p, int32_t b, uint32_t op,
                                      const char *name, float value, frt_error_t *err) {
  const frt_attr_info_t a = {.name = name, .type = FRTI_WIRE_FLOAT, .count = 1,
                             .f = value};
  return frt_program_set_attr(p, b, op, &a, err);
}

frt_status_t frt_program_set_attr_bool(frt_program_t *p, int32_t b, uint32_t op,
                                       const char *name, int value, frt_error_t *err) {
  const frt_attr_info_t a = {.name = name, .type = FRTI_WIRE_BOOLEAN, .count = 1,
                             .i = value != 0};
  return frt_program_set_attr(p, b, op, &a, err);
}

frt_status_t frt_program_set_attr_string(frt_program_t *p, int32_t b, uint32_t op,
                                         const char *name, const char *value,
                                         frt_error_t *err) {
  const frt_attr_info_t a = {.name = name, .type = FRTI_WIRE_STRING, .count = 1,
                             .s = value};
  return frt_program_set_attr(p, b, op, &a, err);
}

frt_status_t frt_program_set_attr_ints(frt_program_t *p, int32_t b, uint32_t op,
                                       const char *name, const int32_t *values,
                                       uint32_t n, frt_error_t *err) {
  int64_t *wide = frti_calloc(FRTI_MAX(n, 1u), sizeof *wide);
  if (!wide) return frti_no_memory(err);
  for (uint32_t i = 0; i < n; ++i) wide[i] = values[i];
  const frt_attr_info_t a = {.name = name, .type = FRTI_WIRE_INTS, .count = n, .is = wide};
  const frt_status_t status = frt_program_set_attr(p, b, op, &a, err);
  frti_free(wide);
  return status;
}

frt_status_t frt_program_set_attr_longs(frt_program_t *p, int32_t b, uint32_t op,
                                        const char *name, const int64_t *values,
                                        uint32_t n, frt_error_t *err) {
  const frt_attr_info_t a = {.name = name, .type = FRTI_WIRE_LONGS, .count = n,
                             .is = values};
  return frt_program_set_attr(p, b, op, &a, err);
}
