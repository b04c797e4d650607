/* An op of a program meets its schema: slots and attributes in schema order. The
 * validator and the planner both come through here. */
#ifndef FRTI_PROGRAM_BIND_H
#define FRTI_PROGRAM_BIND_H

#include "fluidrt/op.h"
#include "program/ir.h"

typedef struct frti_bound_slot {
  uint32_t n;
  const char *const *args; /* interned in the program; "@EMPTY@" is left out as NULL */
} frti_bound_slot_t;

typedef struct frti_bound {
  const frt_op_schema_t *schema;
  uint32_t n_in, n_out, n_attrs;
  frti_bound_slot_t *in, *out;  /* one per schema slot */
  frt_api_attr_t *attrs;        /* one per schema attribute, defaults filled in */
} frti_bound_t;

/* Checks slots (required, count, unknown, refused) and attributes (type, range,
 * required) of op `index` of block `b` and binds them; memory from `arena`. Attributes
 * that the schema does not know are ignored.
 * Errors: INVALID_ARGUMENT slot or attribute, got, wanted, nearest; UNIMPLEMENTED a
 *   REFUSED slot. The message has no "block B op #N" prefix yet. */
frt_status_t frti_bind_op(const frt_program_t *p, int32_t b, uint32_t index,
    const frt_op_schema_t *schema, frti_arena_t *arena, frti_bound_t *out,
    frt_error_t *err);

#endif
