/* The compact form of a program: what serde.c decodes into and encodes from. All
 * pieces live in the program's arena; all strings are interned in `names`, so equal
 * names are equal pointers and frti_name_id() indexes dense tables. */
#ifndef FRTI_PROGRAM_IR_H
#define FRTI_PROGRAM_IR_H

#include <stdatomic.h>

#include "base/base.h"
#include "fluidrt/program.h"

/* The wire's AttrType. */
enum { FRTI_WIRE_INT = 0, FRTI_WIRE_FLOAT = 1, FRTI_WIRE_STRING = 2, FRTI_WIRE_INTS = 3,
       FRTI_WIRE_FLOATS = 4, FRTI_WIRE_STRINGS = 5, FRTI_WIRE_BOOLEAN = 6,
       FRTI_WIRE_BOOLEANS = 7, FRTI_WIRE_BLOCK = 8, FRTI_WIRE_LONG = 9,
       FRTI_WIRE_BLOCKS = 10, FRTI_WIRE_LONGS = 11, FRTI_WIRE_FLOAT64S = 12,
       FRTI_WIRE_VAR = 13, FRTI_WIRE_VARS = 14, FRTI_WIRE_FLOAT64 = 15,
       FRTI_WIRE_SCALAR = 16, FRTI_WIRE_SCALARS = 17 };

/* Bytes kept as they came: unknown fields (tag and value, concatenated as on the
 * wire, written after the known ones) or a whole message that the compact form
 * cannot hold. n 0 = none. */
typedef struct frti_raw { const uint8_t *bytes; size_t n; } frti_raw_t;

typedef struct frti_attr {
  const char *name; /* interned */
  int32_t type;
  uint32_t count;
  union {
    int64_t i;              /* INT LONG BOOLEAN BLOCK */
    double f;               /* FLOAT FLOAT64 */
    const char *s;          /* STRING VAR; interned */
    const int64_t *is;      /* INTS LONGS BOOLEANS BLOCKS */
    const double *fs;       /* FLOATS FLOAT64S */
    const char *const *ss;  /* STRINGS VARS; interned */
  } v;
  bool no_value;            /* the field of its type is absent */
  frti_raw_t message;       /* the whole Attr, when the above does not say it all */
} frti_attr_t;

typedef struct frti_slot {
  const char *name;         /* interned */
  uint32_t n;
  const char *const *args;  /* interned */
  frti_raw_t unknown;
} frti_slot_t;

typedef struct frti_op {
  const char *type;         /* interned */
  uint32_t n_in, n_out, n_attrs;
  frti_slot_t *in, *out;
  frti_attr_t *attrs;
  int8_t is_target;         /* -1 absent, 0, 1 */
  frti_raw_t unknown;
} frti_op_t;

typedef struct frti_var {
  const char *name;         /* interned */
  int32_t kind, dtype;      /* dtype -1: this kind has none */
  uint32_t rank;
  const int64_t *dims;
  int32_t lod_level;
  bool has_lod_level;
  int8_t persistable, need_check_feed; /* -1 absent, 0, 1 */
  frti_raw_t type_message;  /* the whole VarType, when the above does not say it all */
  frti_raw_t rest;          /* VarDesc's fields after 4 and its unknown ones */
} frti_var_t;

typedef struct frti_block {
  int32_t idx, parent;
  int32_t forward_block_idx;
  bool has_forward_block_idx;
  uint32_t n_vars, n_ops;
  size_t vars_cap, ops_cap; /* growth while building */
  frti_var_t *vars;
  frti_op_t *ops;
  frti_raw_t unknown;
} frti_block_t;

/* (block, name id) -> position in block->vars. Valid for the block array it was built
 * for; without it, looking up is a scan. */
typedef struct frti_var_index {
  const frti_block_t *blocks;
  uint64_t *keys; /* 0: free; open addressing, power of two */
  uint32_t *at;
  size_t n, cap;
} frti_var_index_t;

struct frt_program {
  _Atomic uint32_t refs;
  uint64_t uid, version;
  frti_arena_t arena;
  frti_names_t names;
  uint32_t n_blocks;
  size_t blocks_cap;
  frti_block_t *blocks;
  bool has_version, has_version_number; /* Version message; its field 1 */
  int64_t format_version;
  frti_raw_t compatible_map; /* ProgramDesc field 3, its value */
  frti_raw_t unknown;        /* fields 5 and up among them */
  frti_var_index_t index;    /* behind frti_program_resolve */
};

/* The variable that `interned` names, seen from `block`: looks in the block, then in
 * its ancestors. NULL if none declares it; *owner (may be NULL) gets the block. */
const frti_var_t *frti_program_resolve(const frt_program_t *p, int32_t block,
                                       const char *interned, int32_t *owner);
/* Builds the index after the blocks were filled in by hand; false: out of memory, then
 * looking up still works. */
bool frti_index_build(frt_program_t *p);
/* The attribute of that name, or NULL. */
const frti_attr_t *frti_op_attr(const frti_op_t *op, const char *name);
/* The slot of that name, or NULL. */
const frti_slot_t *frti_op_in(const frti_op_t *op, const char *name);
const frti_slot_t *frti_op_out(const frti_op_t *op, const char *name);
/* The block that attribute `sub_block` names, -1 if there is none. */
int32_t frti_op_sub_block(const frti_op_t *op);
/* op_role, 0 when absent. */
int64_t frti_op_role(const frti_op_t *op);


/* ---- a program that is a record of what was run (renew.c) -------------------------- */

/* Takes back the ops of block 0 from `n_ops` on, and the variables from `n_vars` on; of
 * these, persistable ones stay if `keep`. Cannot fail; memory is given back by renewing. */
void frti_program_cut(frt_program_t *p, uint32_t n_ops, uint32_t n_vars, bool keep);
/* Only those variables of block 0 stay that `keep` says yes to; no op does, nor any other
 * memory. Names that the program lent are gone. After a failure nothing has changed. */
frt_status_t frti_program_renew(frt_program_t *p,
                                bool (*keep)(void *ctx, const frti_var_t *v), void *ctx,
                                frt_error_t *err);

#endif
