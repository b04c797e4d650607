/* Accessors. What they lend lives in the program's arena. */
#include <string.h>

#include "program/parts.h"

static const frti_block_t *block_at(const frt_program_t *p, int32_t b) {
  return b >= 0 && (uint32_t)b < p->n_blocks ? &p->blocks[b] : NULL;
}

static const frti_op_t *op_at(const frt_program_t *p, int32_t b, uint32_t op) {
  const frti_block_t *block = block_at(p, b);
  return block && op < block->n_ops ? &block->ops[op] : NULL;
}

static frt_status_t no_block(const frt_program_t *p, int32_t b, frt_error_t *err) {
  return frt_fail(err, FRT_OUT_OF_RANGE, "block %d: the program has %u", b, p->n_blocks);
}

static frt_status_t get_op(const frt_program_t *p, int32_t b, uint32_t index,
                           const frti_op_t **op, frt_error_t *err) {
  if (!block_at(p, b)) return no_block(p, b, err);
  *op = op_at(p, b, index);
  if (*op) return FRT_OK;
  return frt_fail(err, FRT_OUT_OF_RANGE, "op #%u: block %d has %u", index, b,
                  p->blocks[b].n_ops);
}

/* ---- the program and its blocks ------------------------------------------------- */

int32_t frt_program_n_blocks(const frt_program_t *p) { return (int32_t)p->n_blocks; }

int32_t frt_program_parent(const frt_program_t *p, int32_t block) {
  const frti_block_t *b = block_at(p, block);
  return b ? b->parent : -1;
}

int64_t frt_program_format_version(const frt_program_t *p) { return p->format_version; }

uint32_t frt_program_n_vars(const frt_program_t *p, int32_t block) {
  const frti_block_t *b = block_at(p, block);
  return b ? b->n_vars : 0;
}

uint32_t frt_program_n_ops(const frt_program_t *p, int32_t block) {
  const frti_block_t *b = block_at(p, block);
  return b ? b->n_ops : 0;
}

/* ---- variables -------------------------------------------------------------------- */

static void fill_var(const frti_var_t *v, frt_var_info_t *out) {
  *out = (frt_var_info_t){.name = v->name, .kind = v->kind, .dtype = v->dtype,
                          .rank = v->rank, .dims = v->dims, .lod_level = v->lod_level,
                          .persistable = v->persistable == 1,
                          .need_check_feed = v->need_check_feed == 1};
}

frt_status_t frt_program_var(const frt_program_t *p, int32_t block, uint32_t index,
                             frt_var_info_t *out, frt_error_t *err) {
  const frti_block_t *b = block_at(p, block);
  if (!b) return no_block(p, block, err);
  if (index >= b->n_vars)
    return frt_fail(err, FRT_OUT_OF_RANGE, "variable #%u: block %d has %u", index, block,
                    b->n_vars);
  fill_var(&b->vars[index], out);
  return FRT_OK;
}

static frt_status_t no_var(const frt_program_t *p, int32_t block, const char *name,
                           frt_error_t *err) {
  frti_nearest_t near = {.wanted = name};
  for (int32_t b = block; b >= 0; b = p->blocks[b].parent)
    for (uint32_t v = 0; v < p->blocks[b].n_vars; ++v)
      frti_nearest_offer(&near, p->blocks[b].vars[v].name);
  if (near.best)
    frt_fail(err, FRT_NOT_FOUND, "'%.120s': not in block %d; nearest is '%.120s'", name,
             block, near.best);
  else
    frt_fail(err, FRT_NOT_FOUND, "'%.120s': not in block %d", name, block);
  return frti_error_name(err, FRT_NOT_FOUND, name);
}

frt_status_t frt_program_find_var(const frt_program_t *p, int32_t block,
                                  const char *name, frt_var_info_t *out,
                                  frt_error_t *err) {
  if (!block_at(p, block)) return no_block(p, block, err);
  const char *interned = frti_names_find(&p->names, name, strlen(name));
  const frti_var_t *v = frti_program_resolve(p, block, interned, NULL);
  if (!v) return no_var(p, block, name, err);
  fill_var(v, out);
  return FRT_OK;
}

/* ---- ops ----------------------------------------------------------------------------- */

const char *frt_program_op_type(const frt_program_t *p, int32_t block, uint32_t op) {
  const frti_op_t *o = op_at(p, block, op);
  return o ? o->type : "";
}

uint32_t frt_program_op_n_inputs(const frt_program_t *p, int32_t b, uint32_t op) {
  const frti_op_t *o = op_at(p, b, op);
  return o ? o->n_in : 0;
}

uint32_t frt_program_op_n_outputs(const frt_program_t *p, int32_t b, uint32_t op) {
  const frti_op_t *o = op_at(p, b, op);
  return o ? o->n_out : 0;
}

uint32_t frt_program_op_n_attrs(const frt_program_t *p, int32_t b, uint32_t op) {
  const frti_op_t *o = op_at(p, b, op);
  return o ? o->n_attrs : 0;
}

static frt_status_t get_slot(const frti_slot_t *slots, uint32_t n, uint32_t index,
                             frt_slot_info_t *out, frt_error_t *err) {
  if (index >= n)
    return frt_fail(err, FRT_OUT_OF_RANGE, "slot %u: the op has %u", index, n);
  *out = (frt_slot_info_t){slots[index].name, slots[index].n, slots[index].args};
  return FRT_OK;
}

frt_status_t frt_program_op_input(const frt_program_t *p, int32_t b, uint32_t op,
                                  uint32_t slot, frt_slot_info_t *out,
                                  frt_error_t *err) {
  const frti_op_t *o;
  FRT_TRY(get_op(p, b, op, &o, err));
  return get_slot(o->in, o->n_in, slot, out, err);
}

frt_status_t frt_program_op_output(const frt_program_t *p, int32_t b, uint32_t op,
                                   uint32_t slot, frt_slot_info_t *out,
                                   frt_error_t *err) {
  const frti_op_t *o;
  FRT_TRY(get_op(p, b, op, &o, err));
  return get_slot(o->out, o->n_out, slot, out, err);
}

static void fill_attr(const frti_attr_t *a, frt_attr_info_t *out) {
  *out = (frt_attr_info_t){.name = a->name, .type = a->type, .count = a->count};
  switch (a->type) {
    case FRTI_WIRE_INT: case FRTI_WIRE_LONG: case FRTI_WIRE_BOOLEAN:
    case FRTI_WIRE_BLOCK: out->i = a->v.i; return;
    case FRTI_WIRE_FLOAT: case FRTI_WIRE_FLOAT64: out->f = a->v.f; return;
    case FRTI_WIRE_STRING: case FRTI_WIRE_VAR: out->s = a->v.s; return;
    case FRTI_WIRE_STRINGS: case FRTI_WIRE_VARS: out->ss = a->v.ss; return;
    case FRTI_WIRE_FLOATS: case FRTI_WIRE_FLOAT64S: out->fs = a->v.fs; return;
    case FRTI_WIRE_INTS: case FRTI_WIRE_LONGS: case FRTI_WIRE_BOOLEANS:
    case FRTI_WIRE_BLOCKS: out->is = a->v.is; return;
    default: return;
  }
}

frt_status_t frt_program_op_attr(const frt_program_t *p, int32_t b, uint32_t op,
                                 uint32_t index, frt_attr_info_t *out,
                                 frt_error_t *err) {
  const frti_op_t *o;
  FRT_TRY(get_op(p, b, op, &o, err));
  if (index >= o->n_attrs)
    return frt_fail(err, FRT_OUT_OF_RANGE, "attribute %u: the op has %u", index,
                    o->n_attrs);
  fill_attr(&o->attrs[index], out);
  return FRT_OK;
}

/* ---- for the library -------------------------------------------------------------- */

const frti_attr_t *frti_op_attr(const frti_op_t *op, const char *name) {
  for (uint32_t i = 0; i < op->n_attrs; ++i)
    if (!strcmp(op->attrs[i].name, name)) return &op->attrs[i];
  return NULL;
}

static const frti_slot_t *slot_of(const frti_slot_t *slots, uint32_t n,
                                  const char *name) {
  for (uint32_t i = 0; i < n; ++i)
    if (!strcmp(slots[i].name, name)) return &slots[i];
  return NULL;
}

const frti_slot_t *frti_op_in(const frti_op_t *op, const char *name) {
  return slot_of(op->in, op->n_in, name);
}

const frti_slot_t *frti_op_out(const frti_op_t *op, const char *name) {
  return slot_of(op->out, op->n_out, name);
}

int32_t frti_op_sub_block(const frti_op_t *op) {
  const frti_attr_t *a = frti_op_attr(op, "sub_block");
  return a && a->type == FRTI_WIRE_BLOCK && !a->no_value ? (int32_t)a->v.i : -1;
}

int64_t frti_op_role(const frti_op_t *op) {
  const frti_attr_t *a = frti_op_attr(op, "op_role");
  if (!a || a->no_value) return 0;
  return a->type == FRTI_WIRE_INT || a->type == FRTI_WIRE_LONG ? a->v.i : 0;
}
