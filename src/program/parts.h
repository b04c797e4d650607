/* What the files of this layer share. */
#ifndef FRTI_PROGRAM_PARTS_H
#define FRTI_PROGRAM_PARTS_H

#include "program/ir.h"

struct ProtobufCMessageDescriptor;

/* frt_load_options_t with the defaults filled in. */
typedef struct frti_limits {
  uint64_t max_bytes, max_memory, max_ops, max_vars, max_args;
  uint32_t max_rank, max_depth;
} frti_limits_t;

frti_limits_t frti_limits_of(const frt_load_options_t *options);

/* An empty program: no block yet, one reference. NULL: out of memory. */
frt_program_t *frti_program_new(void);
/* An edit was made. */
void frti_program_touch(frt_program_t *p);

/* Scans and decodes into `p`. Errors: as frt_program_parse, without structure. */
frt_status_t frti_program_decode(frt_program_t *p, const uint8_t *bytes, size_t n,
                                 const frti_limits_t *limits, frt_error_t *err);
/* The description of ProgramDesc. */
const struct ProtobufCMessageDescriptor *frti_program_descriptor(void);

/* Checks blocks, variables and ops; equal duplicates of a variable are dropped.
 * Errors (phase VALIDATE): INVALID_ARGUMENT; RESOURCE_EXHAUSTED depth, rank. */
frt_status_t frti_program_check(frt_program_t *p, const frti_limits_t *limits,
                                frt_error_t *err);
/* Whether an op in `block` may name `target` in an attribute of this name. */
frt_status_t frti_check_block_attr(const frt_program_t *p, int32_t block,
                                   const char *attr, int64_t target, frt_error_t *err);
/* A number that tensor elements may have / that a variable's kind may have. */
bool frti_is_element_type(int64_t number);
bool frti_is_var_kind(int64_t number);

/* Attribute is_test true on every op that has it. */
frt_status_t frti_program_set_is_test(frt_program_t *p, frt_error_t *err);

/* Enters the last variable of a block; a failure drops the index. */
void frti_index_add(frt_program_t *p, int32_t block, uint32_t var);
void frti_index_release(frt_program_t *p);

/* "INT" ... "SCALARS"; "?" for a number that is no type. */
const char *frti_wire_type_name(int64_t type);

#endif
