/* The builder: what Fluid's Python keeps in globals, as one object. It owns a default
 * startup and a default main program, the stack of program guards, the counters of
 * unique names, and what a ProgramDesc cannot say about variables (trainable,
 * stop_gradient, regularizer ...).
 *
 * One thread at a time uses a builder. Names in frt_var_t and results of minimize live
 * until the builder's release. After a failed call the programs hold whatever was built
 * before it; start again with a new builder. Source: Paddle 1.8 fluid.framework,
 * fluid.unique_name. */
#ifndef FLUIDRT_BUILDER_H
#define FLUIDRT_BUILDER_H

#include "fluidrt/program.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct frt_builder frt_builder_t;

/* A variable of a program under construction. Copy it freely; {0} is "no variable". */
typedef struct frt_var {
  frt_program_t *program;
  int32_t block;
  const char *name;
} frt_var_t;

/* Where an option's 0 stands for Fluid's default, this is a real zero. */
#define FRT_ZERO (-0.0)

FRT_API frt_status_t frt_builder_create(frt_builder_t **out, frt_error_t *err);
FRT_API void frt_builder_release(frt_builder_t *b);

/* fluid.default_main_program(), fluid.default_startup_program(): the innermost guard's.
 * Lent: retain a program that is to outlive the builder. */
FRT_API frt_program_t *frt_builder_main(const frt_builder_t *b);
FRT_API frt_program_t *frt_builder_startup(const frt_builder_t *b);

/* program.random_seed: initializers with seed 0 take the startup program's, dropout the
 * main program's. p NULL: both defaults. */
FRT_API frt_status_t frt_builder_set_seed(frt_builder_t *b, frt_program_t *p,
    int32_t seed, frt_error_t *err);

/* Program.clone(for_test) of a program that this builder made (NULL: the main one), as
 * frt_program_clone, with what the builder knows of its variables: layers can be added
 * to the clone under a program guard. One reference, yours; the builder holds another. */
FRT_API frt_status_t frt_builder_clone(frt_builder_t *b, frt_program_t *p, int for_test,
    frt_program_t **out, frt_error_t *err);

/* fluid.program_guard(main, startup): NULL keeps what is current. Both are retained. */
FRT_API frt_status_t frt_builder_push_programs(frt_builder_t *b, frt_program_t *main,
    frt_program_t *startup, frt_error_t *err);
/* Errors: FAILED_PRECONDITION no guard is open. */
FRT_API frt_status_t frt_builder_pop_programs(frt_builder_t *b, frt_error_t *err);

/* fluid.unique_name.guard(prefix): counters from 0, names begin with it (NULL: ""). */
FRT_API frt_status_t frt_builder_push_names(frt_builder_t *b, const char *prefix,
    frt_error_t *err);
FRT_API frt_status_t frt_builder_pop_names(frt_builder_t *b, frt_error_t *err);
/* fluid.unique_name.generate(key): "fc" gives "fc_0", then "fc_1". */
FRT_API frt_status_t frt_builder_unique_name(frt_builder_t *b, const char *key,
    const char **out, frt_error_t *err);
/* fluid.name_scope(prefix): only op_namescope shows it. */
FRT_API frt_status_t frt_builder_push_scope(frt_builder_t *b, const char *prefix,
    frt_error_t *err);
FRT_API frt_status_t frt_builder_pop_scope(frt_builder_t *b, frt_error_t *err);

/* A variable of the main program by name, seen from the current block.
 * Errors: NOT_FOUND with the nearest name. */
FRT_API frt_status_t frt_builder_var(frt_builder_t *b, const char *name, frt_var_t *out,
    frt_error_t *err);
/* Block.create_var in the current block: a temporary named key_N (NULL: "_generated_var")
 * whose shape the op that writes it will tell. With frt_append_op. */
FRT_API frt_status_t frt_builder_create_var(frt_builder_t *b, const char *key,
    frt_dtype_t dtype, frt_var_t *out, frt_error_t *err);
/* var.stop_gradient = on: no gradient flows through it. */
FRT_API frt_status_t frt_var_stop_gradient(frt_builder_t *b, frt_var_t var, int on,
    frt_error_t *err);
/* var.persistable = on. Errors: NOT_FOUND. */
FRT_API frt_status_t frt_var_set_persistable(frt_builder_t *b, frt_var_t var, int on,
    frt_error_t *err);

/* ---- parameters -------------------------------------------------------------------- */

typedef enum frt_initializer_kind {
  FRT_INIT_DEFAULT = 0, /* Xavier uniform for weights, 0 for biases */
  FRT_INIT_CONSTANT, FRT_INIT_UNIFORM, FRT_INIT_NORMAL, FRT_INIT_TRUNCATED_NORMAL,
  FRT_INIT_XAVIER, FRT_INIT_MSRA, FRT_INIT_ARRAY, FRT_INIT_BILINEAR
} frt_initializer_kind_t;

/* Fluid's initializers. seed 0: the startup program's. */
typedef struct frt_initializer {
  frt_initializer_kind_t kind;
  double value;     /* CONSTANT */
  int force_cpu;    /* CONSTANT */
  double low, high; /* UNIFORM; both 0: -1 and 1 */
  double loc;       /* NORMAL, TRUNCATED_NORMAL: mean */
  double scale;     /* ... and deviation; 0: 1 */
  int normal;       /* XAVIER, MSRA: normal instead of uniform */
  double fan_in, fan_out; /* XAVIER, MSRA: 0 = from the shape */
  int32_t seed;
  uint32_t diag_num, diag_step; /* UNIFORM */
  double diag_val;              /* UNIFORM; 0: 1 */
  const void *data;    /* ARRAY: as many elements of the variable's dtype (float32, */
  size_t data_bytes;   /*   int32, int64, bool) as its shape has; borrowed for the call */
} frt_initializer_t;

/* fluid.regularizer: adds coeff * parameter (L2) or coeff * sign(parameter) (L1) to the
 * gradient. */
typedef enum frt_decay_kind {
  FRT_DECAY_NONE = 0, FRT_DECAY_L1, FRT_DECAY_L2
} frt_decay_kind_t;
typedef struct frt_decay {
  frt_decay_kind_t kind;
  double coeff;
} frt_decay_t;

/* fluid.ParamAttr; {0} or NULL is the default. */
typedef struct frt_param_attr {
  const char *name;      /* NULL: a unique one */
  frt_initializer_t initializer;
  double learning_rate;  /* factor on the optimizer's; 0: 1, FRT_ZERO: 0 */
  frt_decay_t regularizer; /* replaces the optimizer's for this parameter */
  int not_trainable;     /* trainable=False */
  int no_model_average;  /* do_model_average=False: accepted, nothing reads it */
  int none;              /* ParamAttr=False: the layer makes no such parameter */
} frt_param_attr_t;

#ifdef __cplusplus
}
#endif
#endif
