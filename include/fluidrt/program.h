/* Programs: Fluid 1.8 ProgramDescs, loaded, built, printed, saved and pruned.
 *
 * Loading decodes and checks structure; it needs no schema, so programs of any
 * version load whether their ops are known or not. load -> save of an untouched
 * program in canonical protobuf is byte-exact, unknown fields included.
 * A program is reference-counted and immutable while a run uses it; edits are made
 * by one thread and raise its version. Names and strings that accessors lend live
 * until the program's next edit or release. */
#ifndef FLUIDRT_PROGRAM_H
#define FLUIDRT_PROGRAM_H

#include "fluidrt/status.h"
#include "fluidrt/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct frt_program frt_program_t;

/* Limits on untrusted bytes; zero means the default in brackets. */
typedef struct frt_load_options {
  uint32_t struct_size;
  uint64_t max_bytes;  /* of the file [64 MiB] */
  uint64_t max_memory; /* of the decoder [512 MiB] */
  uint64_t max_ops, max_vars, max_args; /* in all [4 Mi each] */
  uint32_t max_rank;   /* of a declared shape [9] */
  uint32_t max_depth;  /* of nested blocks [64] */
} frt_load_options_t;

/* A new program: block 0, no variables, no ops, version 1008005. */
FRT_API frt_status_t frt_program_create(frt_program_t **out, frt_error_t *err);
/* Errors (phase PARSE): DATA_LOSS not a ProgramDesc (offset and field path);
 *   INVALID_ARGUMENT structure (block, op); RESOURCE_EXHAUSTED a limit. */
FRT_API frt_status_t frt_program_parse(const void *bytes, size_t n,
    const frt_load_options_t *options, frt_program_t **out, frt_error_t *err);
/* The same from a file, or from a folder that holds `__model__` or `main.pdmodel`.
 * Errors: also NOT_FOUND, UNAVAILABLE (cannot read; native = errno). */
FRT_API frt_status_t frt_program_load(const char *path,
    const frt_load_options_t *options, frt_program_t **out, frt_error_t *err);

/* A program in protobuf's text format, n bytes, as frt_program_to_text writes it and
 * as people do: comments, `<` for `{`, lists in brackets, enums by name or number,
 * fields that have no name here by number. A text cannot say which NaN a float holds
 * nor how bytes were not canonical; all else comes back as it was. frt_program_load reads files that end in .pbtxt so.
 * Errors (phase PARSE): DATA_LOSS not such a text (line and column);
 *   INVALID_ARGUMENT, RESOURCE_EXHAUSTED as frt_program_parse. */
FRT_API frt_status_t frt_program_parse_text(const char *text, size_t n,
    const frt_load_options_t *options, frt_program_t **out, frt_error_t *err);

FRT_API frt_program_t *frt_program_retain(frt_program_t *p);
FRT_API void frt_program_release(frt_program_t *p);
/* Never reused within a process; raised by each edit. */
FRT_API uint64_t frt_program_uid(const frt_program_t *p);
FRT_API uint64_t frt_program_version(const frt_program_t *p);

/* Canonical protobuf bytes; free them with frt_free. */
FRT_API frt_status_t frt_program_serialize(const frt_program_t *p, void **bytes,
    size_t *n, frt_error_t *err);
/* Written to the side, synced, renamed. Errors: UNAVAILABLE (native = errno). */
FRT_API frt_status_t frt_program_save(const frt_program_t *p, const char *path,
    frt_error_t *err);
/* protobuf text format (.pbtxt); a NUL-terminated string for frt_free. */
FRT_API frt_status_t frt_program_to_text(const frt_program_t *p, char **text,
    frt_error_t *err);
/* Whether `bytes` equal what frt_program_serialize would write for them: 1 if so. */
FRT_API int frt_program_bytes_canonical(const frt_program_t *p, const void *bytes,
    size_t n);
FRT_API void frt_free(void *p);

/* ---- looking ---------------------------------------------------------------- */

/* Kinds equal VarType.Type: 7 LOD_TENSOR, 8 SELECTED_ROWS, 9 FEED_MINIBATCH,
 * 10 FETCH_LIST, 11 STEP_SCOPES, 13 LOD_TENSOR_ARRAY, 15 READER, 17 RAW ... */
enum { FRT_VAR_LOD_TENSOR = 7, FRT_VAR_SELECTED_ROWS = 8, FRT_VAR_FEED_MINIBATCH = 9,
       FRT_VAR_FETCH_LIST = 10, FRT_VAR_STEP_SCOPES = 11,
       FRT_VAR_LOD_TENSOR_ARRAY = 13, FRT_VAR_READER = 15, FRT_VAR_RAW = 17 };

typedef struct frt_var_info {
  const char *name;
  int32_t kind;
  int32_t dtype;       /* frt_dtype_t, or a number that is none; -1 no tensor */
  uint32_t rank;       /* of the declared shape */
  const int64_t *dims; /* -1 = any */
  int32_t lod_level;
  int persistable, need_check_feed;
} frt_var_info_t;

typedef struct frt_attr_info {
  const char *name;
  int32_t type;   /* the wire's AttrType 0..17 */
  uint32_t count; /* elements of a list; 1 for scalars */
  int64_t i;      /* INT, LONG, BOOLEAN, BLOCK */
  double f;       /* FLOAT (the fp32 value), FLOAT64 */
  const char *s;
  const int64_t *is;       /* INTS, LONGS, BOOLEANS, BLOCKS */
  const double *fs;        /* FLOATS, FLOAT64S */
  const char *const *ss;   /* STRINGS */
} frt_attr_info_t;

typedef struct frt_slot_info {
  const char *name;
  uint32_t count;
  const char *const *args;
} frt_slot_info_t;

FRT_API int32_t frt_program_n_blocks(const frt_program_t *p);
/* -1 for block 0 and for a block that does not exist. */
FRT_API int32_t frt_program_parent(const frt_program_t *p, int32_t block);
FRT_API int64_t frt_program_format_version(const frt_program_t *p); /* -1: absent */
FRT_API uint32_t frt_program_n_vars(const frt_program_t *p, int32_t block);
FRT_API uint32_t frt_program_n_ops(const frt_program_t *p, int32_t block);
/* Errors: OUT_OF_RANGE an index. */
FRT_API frt_status_t frt_program_var(const frt_program_t *p, int32_t block,
    uint32_t index, frt_var_info_t *out, frt_error_t *err);
/* Looks in `block`, then in its ancestors. Errors: NOT_FOUND with the nearest name. */
FRT_API frt_status_t frt_program_find_var(const frt_program_t *p, int32_t block,
    const char *name, frt_var_info_t *out, frt_error_t *err);
/* "" for an index out of range. */
FRT_API const char *frt_program_op_type(const frt_program_t *p, int32_t block,
    uint32_t op);
FRT_API uint32_t frt_program_op_n_inputs(const frt_program_t *p, int32_t b, uint32_t op);
FRT_API uint32_t frt_program_op_n_outputs(const frt_program_t *p, int32_t b, uint32_t op);
FRT_API uint32_t frt_program_op_n_attrs(const frt_program_t *p, int32_t b, uint32_t op);
FRT_API frt_status_t frt_program_op_input(const frt_program_t *p, int32_t b,
    uint32_t op, uint32_t slot, frt_slot_info_t *out, frt_error_t *err);
FRT_API frt_status_t frt_program_op_output(const frt_program_t *p, int32_t b,
    uint32_t op, uint32_t slot, frt_slot_info_t *out, frt_error_t *err);
FRT_API frt_status_t frt_program_op_attr(const frt_program_t *p, int32_t b,
    uint32_t op, uint32_t index, frt_attr_info_t *out, frt_error_t *err);

/* ---- building --------------------------------------------------------------- */

/* Adds a block whose parent is `parent`; its index goes to *out. */
FRT_API frt_status_t frt_program_add_block(frt_program_t *p, int32_t parent,
    int32_t *out, frt_error_t *err);
/* Declares a LOD_TENSOR (kind 0 = 7). Everything is copied. Errors: ALREADY_EXISTS
 *   in this block; INVALID_ARGUMENT empty name, dtype, rank, dims < -1. */
FRT_API frt_status_t frt_program_add_var(frt_program_t *p, int32_t block,
    const frt_var_info_t *var, frt_error_t *err);
/* Appends an op without slots and attributes; its index goes to *out (may be NULL). */
FRT_API frt_status_t frt_program_add_op(frt_program_t *p, int32_t block,
    const char *type, uint32_t *out, frt_error_t *err);
/* Sets a slot to the given variable names (replacing what was there). */
FRT_API frt_status_t frt_program_set_input(frt_program_t *p, int32_t b, uint32_t op,
    const char *slot, const char *const *args, uint32_t n, frt_error_t *err);
FRT_API frt_status_t frt_program_set_output(frt_program_t *p, int32_t b, uint32_t op,
    const char *slot, const char *const *args, uint32_t n, frt_error_t *err);
/* Sets an attribute (replacing one of that name). attr->type is the wire's. */
FRT_API frt_status_t frt_program_set_attr(frt_program_t *p, int32_t b, uint32_t op,
    const frt_attr_info_t *attr, frt_error_t *err);
/* Shorthands. */
FRT_API frt_status_t frt_program_set_attr_int(frt_program_t *p, int32_t b,
    uint32_t op, const char *name, int32_t value, frt_error_t *err);
FRT_API frt_status_t frt_program_set_attr_f32(frt_program_t *p, int32_t b,
    uint32_t op, const char *name, float value, frt_error_t *err);
FRT_API frt_status_t frt_program_set_attr_bool(frt_program_t *p, int32_t b,
    uint32_t op, const char *name, int value, frt_error_t *err);
FRT_API frt_status_t frt_program_set_attr_string(frt_program_t *p, int32_t b,
    uint32_t op, const char *name, const char *value, frt_error_t *err);
FRT_API frt_status_t frt_program_set_attr_ints(frt_program_t *p, int32_t b,
    uint32_t op, const char *name, const int32_t *values, uint32_t n, frt_error_t *err);
FRT_API frt_status_t frt_program_set_attr_longs(frt_program_t *p, int32_t b,
    uint32_t op, const char *name, const int64_t *values, uint32_t n, frt_error_t *err);

/* ---- checking --------------------------------------------------------------- */

/* Zero means the default in brackets. */
typedef struct frt_check_options {
  uint32_t struct_size;
  const char *const *feeds;   /* what will be fed, all of it [NULL: anything] */
  size_t n_feeds;
  const char *const *fetches; /* what will be fetched */
  size_t n_fetches;
  int64_t batch;              /* stands for -1 in what is fed [0: stays unknown] */
  int strict;                 /* warnings and unknown attributes are errors */
  uint32_t max_findings;      /* kept; more are only counted [1000] */
} frt_check_options_t;

typedef enum frt_severity {
  FRT_SEVERITY_ERROR = 0, /* the program, or a run of it, will be refused */
  FRT_SEVERITY_WARNING,   /* it runs, though it contradicts itself */
  FRT_SEVERITY_NOTE
} frt_severity_t;

typedef struct frt_finding {
  uint32_t severity;    /* frt_severity_t */
  uint32_t status;      /* what a run would fail with; FRT_OK of a note */
  int32_t block, op;    /* -1: not at a block, not at an op */
  const char *op_type;  /* "" if not at an op */
  const char *name;     /* of the variable, slot or attribute; "" if there is none */
  const char *message;
} frt_finding_t;

typedef struct frt_findings frt_findings_t;

/* Looks at everything that can be known without data, places and memory: ops, slots,
 * attributes, variables, order of reads and writes, shapes. Goes on after a problem
 * and lists all of them; time and memory are linear in the program.
 * Errors: RESOURCE_EXHAUSTED memory. A program full of errors is no error. */
FRT_API frt_status_t frt_program_check(const frt_program_t *p,
    const frt_check_options_t *options, frt_findings_t **out, frt_error_t *err);
FRT_API void frt_findings_release(frt_findings_t *f);
/* How many there are to look at, at most max_findings. */
FRT_API size_t frt_findings_count(const frt_findings_t *f);
/* NULL beyond the last; lives until the release. */
FRT_API const frt_finding_t *frt_findings_at(const frt_findings_t *f, size_t index);
/* How many of that severity were found, kept or not. */
FRT_API uint64_t frt_findings_total(const frt_findings_t *f, frt_severity_t severity);
/* "error", "warning", "note". Never NULL. */
FRT_API const char *frt_severity_text(frt_severity_t severity);

/* ---- copies ------------------------------------------------------------------ */

/* A new program. for_test: is_test is true everywhere, and of a program that holds a
 * loss's gradient only what tests stays: ops of the roles backward, optimize and
 * schedule go, and with them the blocks they run and variables that no op names.
 * Errors: RESOURCE_EXHAUSTED memory. Source: Paddle 1.8 Program.clone(for_test). */
FRT_API frt_status_t frt_program_clone(const frt_program_t *p, int for_test,
    frt_program_t **out, frt_error_t *err);

/* ---- pruning ---------------------------------------------------------------- */

typedef struct frt_prune_request {
  uint32_t struct_size;
  const char *const *feeds;   /* names that will be fed */
  size_t n_feeds;
  const char *const *fetches; /* names that will be fetched */
  size_t n_fetches;
  const uint32_t *ops;        /* operators in the fetch list, block 0 */
  size_t n_ops;
  int paddle_rule;            /* 1: Fluid's own rule, decay and clip cut (quirk) */
} frt_prune_request_t;

/* A new program that keeps what feeds, fetches and operators need, by the rule of
 * Fluid 1.8's use_prune, with one repair: what a kept update op needs (clip and
 * decay included) stays. Unused variables go. kept (may be NULL): frt_free'd array
 * of the kept ops' indices in block 0 of `p`, in order.
 * Errors: NOT_FOUND a fetch (nearest name); INVALID_ARGUMENT an operator that is no
 *   update op. Source: Paddle 1.8 Executor.run(use_prune=True). */
FRT_API frt_status_t frt_program_prune(const frt_program_t *p,
    const frt_prune_request_t *request, frt_program_t **out, uint32_t **kept,
    size_t *n_kept, frt_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
