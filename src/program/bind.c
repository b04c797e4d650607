/* An op of a program meets its schema. */
#include "program/bind.h"

#include <math.h>
#include <string.h>

#include "program/parts.h"

#define EMPTY "@EMPTY@"

typedef struct binder {
  const frti_op_t *op;
  const frt_op_schema_t *schema;
  frti_arena_t *arena;
  frt_error_t *err;
} binder_t;

/* ---- slots -------------------------------------------------------------------------- */

static uint32_t count_slots(const frt_slot_def_t *defs) {
  uint32_t n = 0;
  while (n < FRT_MAX_SLOTS && defs[n].name) ++n;
  return n;
}

static uint32_t count_attrs(const frt_attr_def_t *defs) {
  uint32_t n = 0;
  while (n < FRT_MAX_ATTRS && defs[n].name) ++n;
  return n;
}

static bool is_empty_name(const char *name) { return !strcmp(name, EMPTY); }

static uint32_t count_filled(const frti_slot_t *slot) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < slot->n; ++i) n += !is_empty_name(slot->args[i]);
  return n;
}

static frt_status_t unknown_slot(const binder_t *b, const frti_slot_t *slot,
                                 const frt_slot_def_t *defs, const char *side) {
  frti_nearest_t near = {.wanted = slot->name};
  for (uint32_t i = 0; i < count_slots(defs); ++i) frti_nearest_offer(&near, defs[i].name);
  if (near.best)
    frt_fail(b->err, FRT_INVALID_ARGUMENT,
             "%s slot '%.64s' is not one of %s; nearest is '%s'", side, slot->name,
             b->schema->type, near.best);
  else
    frt_fail(b->err, FRT_INVALID_ARGUMENT, "%s slot '%.64s' is not one of %s", side,
             slot->name, b->schema->type);
  return frti_error_name(b->err, FRT_INVALID_ARGUMENT, slot->name);
}

static frt_status_t check_known(const binder_t *b, const frti_slot_t *slots, uint32_t n,
                                const frt_slot_def_t *defs, const char *side) {
  const uint32_t n_defs = count_slots(defs);
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t k = 0;
    while (k < n_defs && strcmp(defs[k].name, slots[i].name)) ++k;
    if (k == n_defs && count_filled(&slots[i]))
      return unknown_slot(b, &slots[i], defs, side);
  }
  return FRT_OK;
}

static frt_status_t check_count(const binder_t *b, const frti_slot_t *slot,
                                uint32_t filled, const frt_slot_def_t *def,
                                const char *side) {
  frt_status_t status = FRT_OK;
  if (filled && (def->flags & FRT_SLOT_REFUSED))
    status = frt_fail(b->err, FRT_UNIMPLEMENTED,
                      "%s slot '%s' holds '%.80s'; this slot is not supported", side,
                      def->name, slot->args[0]);
  else if (!filled && !(def->flags & (FRT_SLOT_OPTIONAL | FRT_SLOT_REFUSED)))
    status = frt_fail(b->err, FRT_INVALID_ARGUMENT, "%s slot '%s' is %s; wanted %s", side,
                      def->name, slot ? "empty" : "missing",
                      def->flags & FRT_SLOT_VARIADIC ? "at least one variable"
                                                     : "a variable");
  else if (slot && slot->n > 1 && !(def->flags & FRT_SLOT_VARIADIC))
    status = frt_fail(b->err, FRT_INVALID_ARGUMENT,
                      "%s slot '%s' holds %u variables; wanted 1", side, def->name,
                      slot->n);
  for (uint32_t i = 0; status == FRT_OK && slot && i < slot->n; ++i)
    if (!slot->args[i][0])
      status = frt_fail(b->err, FRT_INVALID_ARGUMENT,
                        "%s slot '%s': argument %u has no name", side, def->name, i);
  return status == FRT_OK ? FRT_OK : frti_error_name(b->err, status, def->name);
}

/* A slot that holds nothing but placeholders is absent; between variables a placeholder
 * becomes NULL and keeps its place. */
static frt_status_t bind_slot(const binder_t *b, const frti_slot_t *slot,
                              const frt_slot_def_t *def, const char *side,
                              frti_bound_slot_t *out) {
  const uint32_t filled = slot ? count_filled(slot) : 0;
  FRT_TRY(check_count(b, slot, filled, def, side));
  if (!filled) return FRT_OK;
  out->n = slot->n;
  out->args = slot->args;
  if (filled == slot->n) return FRT_OK;
  const char **args = frti_arena_calloc(b->arena, slot->n, sizeof *args);
  if (!args) return frti_no_memory(b->err);
  for (uint32_t i = 0; i < slot->n; ++i)
    if (!is_empty_name(slot->args[i])) args[i] = slot->args[i];
  out->args = args;
  return FRT_OK;
}

static frt_status_t bind_slots(const binder_t *b, const frti_slot_t *slots, uint32_t n,
                               const frt_slot_def_t *defs, const char *side,
                               uint32_t n_defs, frti_bound_slot_t *out) {
  FRT_TRY(check_known(b, slots, n, defs, side));
  for (uint32_t i = 0; i < n_defs; ++i) {
    const frti_slot_t *slot = NULL;
    for (uint32_t k = 0; k < n && !slot; ++k)
      if (!strcmp(slots[k].name, defs[i].name)) slot = &slots[k];
    FRT_TRY(bind_slot(b, slot, &defs[i], side, &out[i]));
  }
  return FRT_OK;
}

/* ---- attributes ---------------------------------------------------------------------- */

/* Schema types carry the wire's numbers. */
static frt_status_t wrong_type(const binder_t *b, const frti_attr_t *a,
                               const frt_attr_def_t *def) {
  const char *wanted = frti_wire_type_name(def->type);
  if (a->no_value)
    frt_fail(b->err, FRT_INVALID_ARGUMENT, "attribute '%s' is %s without a value; wanted %s",
             def->name, frti_wire_type_name(a->type), wanted);
  else if (a->count != 1)
    frt_fail(b->err, FRT_INVALID_ARGUMENT, "attribute '%s' is %s of %u; wanted %s",
             def->name, frti_wire_type_name(a->type), a->count, wanted);
  else
    frt_fail(b->err, FRT_INVALID_ARGUMENT, "attribute '%s' is %s; wanted %s", def->name,
             frti_wire_type_name(a->type), wanted);
  return frti_error_name(b->err, FRT_INVALID_ARGUMENT, def->name);
}

static bool is_int_list(const frti_attr_t *a) {
  return a->type == FRTI_WIRE_INTS || a->type == FRTI_WIRE_LONGS;
}

static bool is_int(const frti_attr_t *a) {
  return a->type == FRTI_WIRE_INT || a->type == FRTI_WIRE_LONG;
}

static bool take_int(const frti_attr_t *a, bool list_too, frt_api_attr_t *out) {
  if (is_int_list(a) && list_too) {
    out->type = FRT_ATTR_INTS;
    out->count = a->count;
    out->v.is = a->v.is;
    return true;
  }
  if (is_int_list(a) && a->count == 1) {
    out->v.i = a->v.is[0];
    return true;
  }
  out->v.i = a->v.i;
  return is_int(a);
}

/* A FLOAT64 that no fp32 holds would turn into infinity unseen. */
static bool take_f32(const frti_attr_t *a, bool list_too, frt_api_attr_t *out) {
  if (a->type == FRTI_WIRE_FLOATS && list_too) {
    out->type = FRT_ATTR_F32S;
    out->count = a->count;
    out->v.fs = a->v.fs;
    return true;
  }
  if (a->type == FRTI_WIRE_FLOATS && a->count == 1) {
    out->v.f = a->v.fs[0];
    return true;
  }
  if (a->type == FRTI_WIRE_FLOAT64) {
    out->v.f = (double)(float)a->v.f;
    return isinf(a->v.f) || !isinf(out->v.f);
  }
  out->v.f = a->v.f;
  return a->type == FRTI_WIRE_FLOAT;
}

static bool take_ints(const frti_attr_t *a, frt_api_attr_t *out) {
  if (is_int(a)) {
    out->count = 1;
    out->v.is = &a->v.i;
    return true;
  }
  out->count = a->count;
  out->v.is = a->v.is;
  return is_int_list(a);
}

/* A kernel reads text up to the first NUL. */
static bool is_text(const char *s) { return strlen(s) == frti_name_len(s); }

static bool take_strings(const frti_attr_t *a, frt_api_attr_t *out) {
  if (a->type != FRTI_WIRE_STRINGS) return false;
  for (uint32_t i = 0; i < a->count; ++i)
    if (!is_text(a->v.ss[i])) return false;
  out->count = a->count;
  out->v.ss = a->v.ss;
  return true;
}

/* The value as the schema wants it; false: another type. */
static bool take(const frti_attr_t *a, const frt_attr_def_t *def, frt_api_attr_t *out) {
  const bool list_too = (def->flags & FRT_ATTR_LIST_TOO) != 0;
  if (a->no_value) return false;
  switch (def->type) {
    case FRT_ATTR_INT: return take_int(a, list_too, out);
    case FRT_ATTR_F32: return take_f32(a, list_too, out);
    case FRT_ATTR_INTS: return take_ints(a, out);
    case FRT_ATTR_F32S:
      out->count = a->count;
      out->v.fs = a->v.fs;
      return a->type == FRTI_WIRE_FLOATS;
    case FRT_ATTR_STRING:
      out->v.s = a->v.s;
      return a->type == FRTI_WIRE_STRING && is_text(a->v.s);
    case FRT_ATTR_STRINGS: return take_strings(a, out);
    case FRT_ATTR_BOOL: out->v.i = a->v.i; return a->type == FRTI_WIRE_BOOLEAN;
    case FRT_ATTR_BLOCK: out->v.i = a->v.i; return a->type == FRTI_WIRE_BLOCK;
    default: return false; /* GCOVR_EXCL_LINE: schemas have no other type */
  }
}

static void take_default(const frt_attr_def_t *def, frt_api_attr_t *out) {
  out->type = def->type;
  out->count = 1;
  switch (def->type) {
    case FRT_ATTR_INT: case FRT_ATTR_BOOL: case FRT_ATTR_BLOCK:
      out->v.i = (int64_t)def->def;
      return;
    case FRT_ATTR_F32: out->v.f = (double)(float)def->def; return;
    case FRT_ATTR_STRING: out->v.s = def->def_s ? def->def_s : ""; return;
    default:
      out->count = 0;
      memset(&out->v, 0, sizeof out->v);
      return;
  }
}

static frt_status_t out_of_range(const binder_t *b, const frt_attr_def_t *def, double v) {
  frt_fail(b->err, FRT_INVALID_ARGUMENT, "attribute '%s' is %g; wanted %g to %g", def->name,
           v, def->lo, def->hi);
  return frti_error_name(b->err, FRT_INVALID_ARGUMENT, def->name);
}

/* NaN is in no range. */
static frt_status_t check_range(const binder_t *b, const frt_attr_def_t *def,
                                const frt_api_attr_t *a) {
  const bool floats = a->type == FRT_ATTR_F32 || a->type == FRT_ATTR_F32S;
  const bool list = a->type == FRT_ATTR_INTS || a->type == FRT_ATTR_F32S;
  if (!floats && a->type != FRT_ATTR_INT && a->type != FRT_ATTR_INTS) return FRT_OK;
  for (uint32_t i = 0; i < a->count; ++i) {
    const double v = floats ? (list ? a->v.fs[i] : a->v.f)
                            : (double)(list ? a->v.is[i] : a->v.i);
    if (!(def->lo <= v && v <= def->hi)) return out_of_range(b, def, v);
  }
  return FRT_OK;
}

static frt_status_t bind_attr(const binder_t *b, const frt_attr_def_t *def,
                              frt_api_attr_t *out) {
  const frti_attr_t *a = frti_op_attr(b->op, def->name);
  out->name = def->name;
  take_default(def, out);
  if (!a) {
    if (def->flags & (FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED)) return FRT_OK;
    frt_fail(b->err, FRT_INVALID_ARGUMENT, "attribute '%s' is missing; wanted %s",
             def->name, frti_wire_type_name(def->type));
    return frti_error_name(b->err, FRT_INVALID_ARGUMENT, def->name);
  }
  if (!take(a, def, out)) {
    if (!(def->flags & FRT_ATTR_IGNORED)) return wrong_type(b, a, def);
    take_default(def, out);
    return FRT_OK;
  }
  return def->flags & FRT_ATTR_RANGE ? check_range(b, def, out) : FRT_OK;
}

frt_status_t frti_bind_op(const frt_program_t *p, int32_t block, uint32_t index,
                          const frt_op_schema_t *schema, frti_arena_t *arena,
                          frti_bound_t *out, frt_error_t *err) {
  const frti_op_t *op = &p->blocks[block].ops[index];
  const binder_t b = {op, schema, arena, err};
  *out = (frti_bound_t){.schema = schema, .n_in = count_slots(schema->inputs),
                        .n_out = count_slots(schema->outputs),
                        .n_attrs = count_attrs(schema->attrs)};
  out->in = frti_arena_calloc(arena, out->n_in + out->n_out, sizeof *out->in);
  out->attrs = frti_arena_calloc(arena, out->n_attrs, sizeof *out->attrs);
  if (!out->in || !out->attrs) return frti_no_memory(err);
  out->out = out->in + out->n_in;
  FRT_TRY(bind_slots(&b, op->in, op->n_in, schema->inputs, "input", out->n_in, out->in));
  FRT_TRY(bind_slots(&b, op->out, op->n_out, schema->outputs, "output", out->n_out,
                     out->out));
  for (uint32_t i = 0; i < out->n_attrs; ++i)
    FRT_TRY(bind_attr(&b, &schema->attrs[i], &out->attrs[i]));
  return FRT_OK;
}
