/* What the files of the validator share. */
#ifndef FRTI_PROGRAM_CHECK_H
#define FRTI_PROGRAM_CHECK_H

#include "fluidrt/op.h"
#include "program/parts.h"

/* What is known of a variable while the ops are walked. */
typedef enum frti_known {
  FRTI_UNTOUCHED = 0, /* nobody wrote or read it yet */
  FRTI_SHAPED,        /* it has a value of `shape` */
  FRTI_VAGUE,         /* it has a value, of what shape is not known */
} frti_known_t;

typedef struct frti_seen {
  frt_shape_t *shape;
  int32_t writer_block, writer_op; /* the first one; writer_op -1: none */
  uint8_t known;                   /* frti_known_t */
  bool fed;
  bool told;                       /* a finding says that its kind or shape is bad */
} frti_seen_t;

typedef struct frti_place_in { uint32_t block, next; int32_t control; } frti_place_in_t;

typedef struct frti_checker {
  const frt_program_t *p;
  frt_check_options_t o;
  frt_findings_t *found;
  frti_arena_t arena;      /* lives as long as the check */
  frti_arena_t scratch;    /* of one op */
  uint32_t *base;          /* by block: where its variables begin in `seen` */
  frti_seen_t *seen;
  bool *entered;           /* by block: it was walked */
  frti_place_in_t *stack;
  uint32_t depth;
  uint8_t *cols[2];        /* feed, fetch: columns taken */
  uint32_t n_cols[2];
  uint64_t offers;         /* of names for "nearest", which are bounded */
  bool no_memory;
  int32_t block, op;       /* where the walk is; -1 outside */
} frti_checker_t;

/* Adds a finding at c->block, c->op; `name` may be NULL. */
void frti_find(frti_checker_t *c, frt_severity_t severity, frt_status_t status,
               const char *name, const char *fmt, ...) FRT_PRINTF(5, 6);
/* The same from a filled record. */
void frti_find_error(frti_checker_t *c, const frt_error_t *err);
frt_findings_t *frti_findings_new(uint32_t max);

/* The variable that an argument names, seen from c->block. An undeclared one is
 * reported, and NULL. */
frti_seen_t *frti_check_arg(frti_checker_t *c, const char *slot, const char *name,
                            const frti_var_t **var);
bool frti_is_tensor(const frti_var_t *v);
/* Gives a variable the shape that it declares. */
void frti_take_declared(frti_checker_t *c, frti_seen_t *s, const frti_var_t *v);
/* "; nearest is 'x'" among the variables seen from c->block, or "". */
const char *frti_near_text(frti_checker_t *c, const char *name, char *to, size_t cap);

/* One op of the walk; a body that is to be walked next goes to *body, else -1. */
void frti_check_op(frti_checker_t *c, const frti_op_t *op, int32_t *body);
/* After the body of a control op. */
void frti_check_after_body(frti_checker_t *c, const frti_op_t *op);
void frti_check_unknown_type(frti_checker_t *c, const frti_op_t *op);

#endif
