/* What the files of the front end share. */
#ifndef FRTI_TRAIN_TRAIN_H
#define FRTI_TRAIN_TRAIN_H

#include "base/base.h"
#include "fluidrt/builder.h"
#include "fluidrt/layers.h"
#include "fluidrt/layers_more.h"
#include "fluidrt/layers_norm.h"
#include "fluidrt/op.h"
#include "fluidrt/train.h"
#include "program/ir.h"
#include "train/live.h"

/* op_role bits. */
enum { FRTI_ROLE_FORWARD = 0, FRTI_ROLE_BACKWARD = 1, FRTI_ROLE_OPTIMIZE = 2,
       FRTI_ROLE_SCHEDULE = 16, FRTI_ROLE_LOSS = 256 };

/* What Fluid knows of a variable and a ProgramDesc does not say. */
typedef struct frti_var_note {
  frt_program_t *program;
  int32_t block;
  const char *name;
  bool stop_gradient, parameter, trainable;
  double learning_rate; /* a parameter's factor */
  frt_decay_t regularizer;
  const frt_clip_t *clip; /* of set_gradient_clip; NULL: none */
  bool bound, dropped;    /* imperative: is an optimizer's rate; goes with the graph */
} frti_var_note_t;

/* What Fluid's Program object has beside its ProgramDesc. */
typedef struct frti_program_note {
  frt_program_t *program; /* retained */
  int32_t seed, current_block;
  int32_t role;
  const char *role_var[2]; /* NULL: none */
  int32_t gradients;       /* calls of append_backward so far */
} frti_program_note_t;

typedef struct frti_counter { const char *key; int64_t next; } frti_counter_t;
typedef struct frti_name_guard {
  const char *prefix;
  frti_counter_t *counters;
  size_t n, cap;
} frti_name_guard_t;

/* fluid.name_scope: a tree of names, each child numbered. */
typedef struct frti_scope_level {
  const char *path; /* "/", "/optimizer_1/" */
  frti_counter_t *children;
  size_t n, cap;
} frti_scope_level_t;

typedef struct frti_guard { frt_program_t *main, *startup; } frti_guard_t;

struct frt_builder {
  frti_arena_t arena;
  frti_names_t names;
  const char *layer; /* the public call that is at work */
  frti_guard_t *guards;
  size_t n_guards, guards_cap;
  frti_name_guard_t *name_guards;
  size_t n_name_guards, name_guards_cap;
  frti_scope_level_t *scopes;
  size_t n_scopes, scopes_cap;
  frti_program_note_t *programs;
  size_t n_programs, programs_cap;
  frti_var_note_t *vars;
  size_t n_vars, vars_cap;
  frti_arena_t results; /* what backward and minimize hand out */
  frti_arena_t scratch; /* one call's */
  frti_live_t *live;    /* imperative mode; NULL: a static graph */
};

/* ---- notes, names ------------------------------------------------------------------ */

/* NULL: out of memory. Pointers move when another program is first seen. */
frti_program_note_t *frti_program_note(frt_builder_t *b, frt_program_t *p);
/* The note, made if there is none; NULL: out of memory. Moves like the above. */
frti_var_note_t *frti_var_note(frt_builder_t *b, frt_program_t *p, int32_t block,
                               const char *name);
/* The note or NULL. */
const frti_var_note_t *frti_find_note(const frt_builder_t *b, const frt_program_t *p,
                                      int32_t block, const char *name);
const char *frti_intern(frt_builder_t *b, const char *text); /* NULL: memory */
const char *frti_internf(frt_builder_t *b, const char *fmt, ...) FRT_PRINTF(2, 3);
/* "key_0"; NULL: memory. */
const char *frti_unique(frt_builder_t *b, const char *key);
/* The same for what outlives a graph: in imperative mode other names begin anew with
 * each graph. This is then the first one that no variable has. */
const char *frti_unique_kept(frt_builder_t *b, const char *key);
/* Opens the current block: that of the main program. */
int32_t frti_current_block(frt_builder_t *b);
/* Says which public call is at work, for messages. */
void frti_say(frt_builder_t *b, const char *layer);
/* The same at the start of a call that builds: in imperative mode it begins a new graph
 * if the last one has ended. */
void frti_enter(frt_builder_t *b, const char *layer);
/* A message that begins with the layer's name. */
frt_status_t frti_fail(const frt_builder_t *b, frt_error_t *err, frt_status_t status,
                       const char *argument, const char *fmt, ...) FRT_PRINTF(5, 6);

/* program._optimized_guard and _lr_schedule_guard: what to restore. */
typedef struct frti_role { int32_t role; const char *var[2]; } frti_role_t;
frti_role_t frti_role_set(frt_builder_t *b, frt_program_t *p, int32_t role,
                          const char *param, const char *grad);
void frti_role_restore(frt_builder_t *b, frt_program_t *p, frti_role_t old);

/* ---- variables --------------------------------------------------------------------- */

/* Declares a tensor in a block, or finds one of that name. */
frt_status_t frti_declare(frt_builder_t *b, frt_program_t *p, int32_t block,
                          const frt_var_info_t *info, frt_var_t *out, frt_error_t *err);
/* A temporary whose shape the op that writes it will tell; in the current block.
 * key: "fc_0.tmp". */
frt_status_t frti_tmp(frt_builder_t *b, const char *key, uint32_t dtype, frt_var_t *out,
                      frt_error_t *err);
/* Like it, named by helper: "fc_0" gives fc_0.tmp_0. */
frt_status_t frti_helper_tmp(frt_builder_t *b, const char *helper, uint32_t dtype,
                             frt_var_t *out, frt_error_t *err);
/* The declared variable behind `v`; frti_fail with the argument's name if none. */
frt_status_t frti_info(frt_builder_t *b, frt_var_t v, const char *argument,
                       frt_var_info_t *out, frt_error_t *err);
/* create_global_var's heart: persistable in block 0 of main and of startup,
 * initialised there. */
frt_status_t frti_global(frt_builder_t *b, const frt_var_info_t *info, frt_program_t *main,
                         const frt_initializer_t *init, const char *device,
                         frt_var_t *out, frt_error_t *err);
/* helper.create_parameter: suffix "w" or "b". */
frt_status_t frti_parameter(frt_builder_t *b, const char *helper, const char *suffix,
                            const frt_param_attr_t *attr, uint32_t dtype, uint32_t rank,
                            const int64_t *dims, frt_var_t *out, frt_error_t *err);
/* Prepends the op that initialises `var` to block 0 of `startup`. */
frt_status_t frti_initialise(frt_builder_t *b, frt_program_t *startup,
                             const frt_var_info_t *var, const frt_initializer_t *init,
                             const char *device, frt_error_t *err);

/* assign_value of an array into `var` of the main program's current block. */
frt_status_t frti_assign_array(frt_builder_t *b, const frt_var_info_t *var,
                               const void *data, size_t bytes, frt_error_t *err);
/* A shape that the caller gave: rank, the array itself, extents of at least `least`. */
frt_status_t frti_check_dims(frt_builder_t *b, const char *argument, uint32_t rank,
                             const int64_t *dims, int64_t least, frt_error_t *err);
/* A name or text that has to be there. */
frt_status_t frti_check_text(frt_builder_t *b, const char *argument, const char *text,
                             frt_error_t *err);
/* What is written has no gradient. */
frt_status_t frti_no_gradient(frt_builder_t *b, frt_var_t v, frt_error_t *err);

/* ---- ops --------------------------------------------------------------------------- */

/* Arrays end in {0}. An attribute's wire type comes from the defaults table: fill i, f,
 * s or (count, is/fs/ss). A value is skipped if count is FRTI_ABSENT. */
typedef struct frti_arg { const char *slot; uint32_t n; const char *const *names; } frti_arg_t;
#define FRTI_ABSENT UINT32_MAX
typedef struct frti_spec {
  const char *type;
  frt_program_t *program; /* NULL: main, its current block */
  int32_t block;
  const frti_arg_t *in;   /* NULL: Fluid passed no inputs at all */
  const frti_arg_t *out;
  const frt_attr_info_t *attrs;
  bool prepend;
  const char *device;     /* op_device */
} frti_spec_t;
#define FRTI_ONE(name_) 1, (const char *const[]){name_}
#define FRTI_IN(...) (const frti_arg_t[]){__VA_ARGS__, {0}}
#define FRTI_ATTRS(...) (const frt_attr_info_t[]){__VA_ARGS__, {0}}
#define FRTI_NO_INPUTS (const frti_arg_t[]){{0}}

/* Block.append_op / _prepend_op: writes slots in name order, attributes with Fluid's
 * defaults, roles and name scope; infers the outputs' shapes. index may be NULL. */
frt_status_t frti_append(frt_builder_t *b, const frti_spec_t *spec, uint32_t *index,
                         frt_error_t *err);
/* Appends an op exactly as given (attributes carry their wire type), nothing added. */
frt_status_t frti_append_raw(frt_program_t *p, int32_t block, const frti_spec_t *spec,
                             uint32_t *index, frt_error_t *err);
/* Sets a declared variable's shape (and dtype). */
frt_status_t frti_set_shape(frt_program_t *p, int32_t block, const char *name,
                            const frt_shape_t *shape, frt_error_t *err);

/* ---- pieces of layers -------------------------------------------------------------- */

/* frti_enter and the next unique name of that layer. */
frt_status_t frti_helper(frt_builder_t *b, const char *layer, const char **helper,
                         frt_error_t *err);
/* One op X -> Out named after the op: "tanh" gives tanh_0.tmp_0. */
frt_status_t frti_unary(frt_builder_t *b, const char *type, frt_var_t x,
                        const frt_attr_info_t *attrs, frt_var_t *out, frt_error_t *err);
/* The same into a temporary of `helper`. */
frt_status_t frti_unary_in(frt_builder_t *b, const char *helper, const char *type,
                           frt_var_t x, const frt_attr_info_t *attrs, frt_var_t *out,
                           frt_error_t *err);
/* An op X, Y -> Out into `key`'s next temporary; dtype of Out. */
frt_status_t frti_binary(frt_builder_t *b, const char *type, const char *key, frt_var_t x,
                         frt_var_t y, const frt_attr_info_t *attrs, uint32_t dtype,
                         frt_var_t *out, frt_error_t *err);
/* layers.fill_constant. */
frt_status_t frti_fill_constant(frt_builder_t *b, uint32_t rank, const int64_t *dims,
                                uint32_t dtype, double value, int force_cpu,
                                frt_var_t *out, frt_error_t *err);
/* layers.assign into an existing variable. */
frt_status_t frti_assign_to(frt_builder_t *b, frt_var_t x, frt_var_t to, frt_error_t *err);
/* Activation by name on a layer's output; NULL or "": the variable itself. */
frt_status_t frti_activate(frt_builder_t *b, const char *helper, const char *act,
                           frt_var_t x, frt_var_t *out, frt_error_t *err);
/* v * factor + bias as Python's operators make it; into block of main. */
frt_status_t frti_scale_op(frt_builder_t *b, frt_var_t x, double scale, double bias,
                           frt_var_t *out, frt_error_t *err);

/* Rows of the table `w` [vocabulary, width]; out is named by helper. */
frt_status_t frti_lookup(frt_builder_t *b, const char *helper, frt_var_t ids, frt_var_t w,
                         const frt_embedding_options_t *o, frt_var_t *out,
                         frt_error_t *err);

/* ---- the optimizer's parts --------------------------------------------------------- */

/* Gradient ops for `loss` of any shape, seeded with ones: append_backward without its
 * checks and its pairs. */
frt_status_t frti_append_gradients(frt_builder_t *b, frt_var_t loss, frt_error_t *err);

typedef struct frti_pair { const char *param, *grad; } frti_pair_t; /* grad NULL: none */

frt_status_t frti_check_clip(frt_builder_t *b, const frt_clip_t *clip,
                             const char *argument, frt_error_t *err);
frt_status_t frti_clip_gradients(frt_builder_t *b, frt_program_t *p, const frt_clip_t *clip,
                                 frti_pair_t *pairs, size_t n, frt_error_t *err);
/* The same by the marks of set_gradient_clip. */
frt_status_t frti_clip_marked(frt_builder_t *b, frt_program_t *p, frti_pair_t *pairs,
                              size_t n, frt_error_t *err);
frt_status_t frti_decay_gradients(frt_builder_t *b, frt_program_t *p,
                                  const frt_decay_t *decay, frti_pair_t *pairs, size_t n,
                                  frt_error_t *err);

#define FRTI_REAL(value, fallback) \
  ((value) == 0 && !signbit(value) ? (fallback) : (value) == 0 ? 0.0 : (value))

#endif
