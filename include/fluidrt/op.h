/* One op, described once: everything else (loader, validator, planner, profiler,
 * documentation, conformance) reads this constant struct.
 *
 * A schema lives in src/ops/<family>.c. Slot and attribute names and their order
 * are Paddle's; the order of slots and attributes here is what kernels index. */
#ifndef FLUIDRT_OP_H
#define FLUIDRT_OP_H

#include "fluidrt/provider.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FRT_MAX_SLOTS = 12, FRT_MAX_ATTRS = 28 };

/* SHAPE_ONLY: the op reads dims, never data. REFUSED: Paddle has the slot, this
 * runtime refuses a program that fills it, by name. INTERMEDIATE: written for the
 * gradient op only. */
enum { FRT_SLOT_OPTIONAL = 1, FRT_SLOT_VARIADIC = 2, FRT_SLOT_SHAPE_ONLY = 4,
       FRT_SLOT_INTERMEDIATE = 8, FRT_SLOT_REFUSED = 16 };

typedef struct frt_slot_def {
  const char *name;
  uint32_t dtypes; /* FRT_DTYPE_BIT(...) */
  uint32_t flags;
  const char *doc;      /* the shape, in words */
  const char *alias_of; /* outputs: the input that must be the same variable */
} frt_slot_def_t;

/* DEFAULT: may be absent, then `def` or `def_s` (lists: empty). RANGE: lo <= value
 * <= hi is checked. LIST_TOO: an F32 that newer programs write as a list (then the
 * attribute arrives as FRT_ATTR_F32S); an INT likewise. IGNORED: accepted, has no
 * meaning here. A NaN value of a RANGE attribute is refused. */
enum { FRT_ATTR_DEFAULT = 1, FRT_ATTR_RANGE = 2, FRT_ATTR_LIST_TOO = 4,
       FRT_ATTR_IGNORED = 8 };

typedef struct frt_attr_def {
  const char *name;
  uint32_t type; /* FRT_ATTR_INT ... */
  uint32_t flags;
  const char *doc;
  double def;        /* numbers and bools; an F32 default is rounded to fp32 */
  const char *def_s; /* strings */
  double lo, hi;
} frt_attr_def_t;

/* dims[] may be -1 = unknown while nothing has been fed. */
typedef struct frt_shape {
  uint32_t dtype, rank;
  int64_t dims[FRT_MAX_RANK];
} frt_shape_t;

typedef struct frt_infer_slot {
  uint32_t count;
  frt_shape_t *shapes; /* inputs: known; outputs: to be filled, zeroed before */
} frt_infer_slot_t;

typedef struct frt_infer {
  uint32_t size;
  const struct frt_op_schema *schema;
  const frt_api_attr_t *attrs; /* in schema order */
  const frt_infer_slot_t *in, *out;
} frt_infer_t;

typedef struct frt_cost { double flops, bytes; } frt_cost_t;

/* RANDOM: reads the run's engine state (attribute `seed`). RUNTIME: run by the
 * runtime itself, no provider has a kernel. DATA_SHAPE: the output's size depends
 * on data, refused by the planner. EXTENSION: not an op of Fluid's. VIEW: the first
 * output has the elements of the first data input, so that no kernel need run. */
enum { FRT_OP_RANDOM = 1, FRT_OP_RUNTIME = 2, FRT_OP_DATA_SHAPE = 4,
       FRT_OP_EXTENSION = 8, FRT_OP_OPTIMIZER = 16, FRT_OP_VIEW = 32 };

#define FRT_NO_GRAD "!none"            /* has no gradient in Fluid either */
#define FRT_NOT_DIFFERENTIABLE "!not"  /* integer, comparison, update ... */

typedef struct frt_op_schema {
  uint32_t struct_size; /* sizeof(frt_op_schema_t); 0 in the library's own */
  uint32_t flags;
  const char *type;
  const char *doc;    /* one sentence with the formula */
  const char *source; /* where the meaning comes from */
  frt_slot_def_t inputs[FRT_MAX_SLOTS], outputs[FRT_MAX_SLOTS];
  frt_attr_def_t attrs[FRT_MAX_ATTRS];
  /* Checks shapes and attributes against each other and fills the outputs. The
   * message says slot, got, wanted; the caller adds block and op. */
  frt_status_t (*infer_shape)(const frt_infer_t *x, frt_error_t *err);
  /* NULL: flops = output elements, bytes = all inputs and outputs. */
  frt_cost_t (*cost)(const frt_infer_t *x);
  /* The gradient op's type, or FRT_NO_GRAD, or FRT_NOT_DIFFERENTIABLE. The slots of
   * the gradient op say the rest: a slot S of it is the forward op's S, "S@GRAD"
   * the gradient of the forward op's S. Must be said, never NULL. */
  const char *grad;
} frt_op_schema_t;

/* One table per file, found by the build through its name. */
#define FRT_OPS(family)                             \
  extern const frt_op_schema_t frt_ops_##family[];  \
  const frt_op_schema_t frt_ops_##family[]

/* ---- for infer_shape: inline, so that an application's op needs no symbol ---- */

static inline int frt_infer_index_(const frt_slot_def_t *defs, const char *slot) {
  for (int i = 0; i < FRT_MAX_SLOTS && defs[i].name; ++i)
    if (!strcmp(defs[i].name, slot)) return i;
  return -1;
}
/* The first shape of an input slot; NULL when the slot is empty. */
static inline const frt_shape_t *frt_infer_in(const frt_infer_t *x, const char *slot) {
  int i = frt_infer_index_(x->schema->inputs, slot);
  return i >= 0 && x->in[i].count ? &x->in[i].shapes[0] : NULL;
}
static inline const frt_infer_slot_t *frt_infer_ins(const frt_infer_t *x,
                                                    const char *slot) {
  int i = frt_infer_index_(x->schema->inputs, slot);
  return i >= 0 ? &x->in[i] : NULL;
}
static inline frt_shape_t *frt_infer_out(const frt_infer_t *x, const char *slot) {
  int i = frt_infer_index_(x->schema->outputs, slot);
  return i >= 0 && x->out[i].count ? &x->out[i].shapes[0] : NULL;
}
static inline const frt_infer_slot_t *frt_infer_outs(const frt_infer_t *x,
                                                     const char *slot) {
  int i = frt_infer_index_(x->schema->outputs, slot);
  return i >= 0 ? &x->out[i] : NULL;
}
/* Every schema attribute is there: defaults were filled in. */
static inline const frt_api_attr_t *frt_infer_attr(const frt_infer_t *x,
                                                   const char *name) {
  for (int i = 0; i < FRT_MAX_ATTRS && x->schema->attrs[i].name; ++i)
    if (!strcmp(x->schema->attrs[i].name, name)) return &x->attrs[i];
  return NULL;
}

/* Extension "frt.schemas.v1": a provider brings ops of its own. The schemas live until
 * the provider is closed. */
#define FRT_SCHEMAS_V1 "frt.schemas.v1"
typedef struct frt_api_schemas {
  uint32_t size, n;
  const frt_op_schema_t *const *schemas;
} frt_api_schemas_t;

struct frt_runtime;
/* Makes an op of the application's known to `rt`: kernels for it come from providers
 * that are added or loaded. The struct is copied (struct_size set), its strings are
 * not. Errors: INVALID_ARGUMENT a type without a dot, a schema without doc, outputs,
 *   infer_shape or grad; ALREADY_EXISTS the type; FAILED_PRECONDITION a program was
 *   planned already; ABI_MISMATCH struct_size. */
FRT_API frt_status_t frt_runtime_add_op(struct frt_runtime *rt,
    const frt_op_schema_t *schema, frt_error_t *err);

/* ---- the registry --------------------------------------------------------- */

/* The library's op of this type, NULL if there is none. Any thread. */
FRT_API const frt_op_schema_t *frt_op_find(const char *type);
/* All of them, sorted by type: index 0 .. frt_op_count() - 1. */
FRT_API size_t frt_op_count(void);
FRT_API const frt_op_schema_t *frt_op_at(size_t index);
/* The known op type nearest to `type` by edit distance; NULL if none is near. */
FRT_API const char *frt_op_nearest(const char *type);
/* Describes one op, or all of them (NULL), as Markdown or as a JSON list: everything
 * the schema says. *text is yours: frt_free it. Errors: RESOURCE_EXHAUSTED memory. */
FRT_API frt_status_t frt_op_document(const frt_op_schema_t *one_or_null, int json,
    char **text, frt_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
