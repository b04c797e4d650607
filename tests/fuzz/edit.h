/* Programs copied through program.h with one thing changed on the way. */
#ifndef TESTS_FUZZ_EDIT_H
#define TESTS_FUZZ_EDIT_H

#include "fuzz.h"

typedef struct edit {
  uint32_t state; /* of the choices */
  enum { EDIT_NONE, EDIT_DIMS, EDIT_DTYPE, EDIT_TYPE, EDIT_ATTR, EDIT_EDGE, EDIT_DROP_ATTR,
         EDIT_KINDS } kind;
  int32_t block;
  uint32_t at;   /* which variable or op of the block */
} edit_t;

uint32_t edit_draw(edit_t *e, uint32_t n); /* 0 .. n-1 */
/* A change somewhere in `p`, from `seed`. */
edit_t edit_choose(const frt_program_t *p, uint32_t seed);
/* NULL if some part cannot be copied (the copier's limits, or a refused change). */
frt_program_t *edit_copy(const frt_program_t *p, edit_t e);
/* Copies op `op` of block `b` to the end of block 0 of `to`, without change. */
frt_status_t edit_copy_op(const frt_program_t *p, int32_t b, uint32_t op, frt_program_t *to);

#endif
