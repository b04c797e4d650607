/* Imperative mode (Fluid's dygraph): each layer runs when it is called, its values are
 * there to be read, and backward goes over what was run.
 *
 * frt_imperative_t is the guard. Its builder is given to any function of layers.h and
 * layers_more.h, and to optimizers (train.h); it answers by running what the function
 * appends. Refused: data (there is nothing to feed), control flow (the caller's own if and
 * for take its place), program guards, and layers that would make a parameter without a name, each call a
 * new one: Linear and Embedding below keep theirs; layers with param_attr.name find them.
 *
 * What lives how long:
 *   variables of frt_to_variable and create_global_var, parameters, gradients: until they
 *     are dropped, or the guard ends;
 *   results of layers: until the graph ends and a layer begins the next one. A backward
 *     ends it, or frt_imperative_end_graph. Until then values can still be read. Keep one
 *     that is to cross over in a variable: frt_imperative_value, frt_to_variable.
 * A result used after that is refused as unknown (8 graphs later its name comes back). A
 * loop whose steps repeat holds no more memory than two of them.
 *
 * A call that fails changes nothing but what its out arguments hold, and may be made
 * again. An update that fails on its way (a device that is lost) may be partly done.
 *
 * One thread at a time uses a guard with all that was made from it. Source: Paddle 1.8
 * fluid.dygraph; set_lr: its pull request 24455. */
#ifndef FLUIDRT_IMPERATIVE_H
#define FLUIDRT_IMPERATIVE_H

#include "fluidrt/builder.h"
#include "fluidrt/executor.h"
#include "fluidrt/layers.h"
#include "fluidrt/train.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct frt_imperative frt_imperative_t;

/* fluid.dygraph.guard(place): names count from 0. places and options as
 * frt_executor_create (max_plans 0 = 1024 here). Errors: as there. */
FRT_API frt_status_t frt_imperative_create(frt_runtime_t *rt, const char *places,
    const frt_executor_options_t *options, frt_imperative_t **out, frt_error_t *err);
/* Leaves the guard: its variables are gone. Release its optimizers and decay objects
 * first. */
FRT_API void frt_imperative_release(frt_imperative_t *im);
/* Lent. Layers, create_global_var, stop_gradient, seeds, set_gradient_clip, optimizers. */
FRT_API frt_builder_t *frt_imperative_builder(frt_imperative_t *im);
/* Lent: for traces, times and figures. */
FRT_API frt_executor_t *frt_imperative_executor(frt_imperative_t *im);

/* ---- variables ----------------------------------------------------------------------
 * Errors of all that take one: INVALID_ARGUMENT it is none, or of another guard;
 *   NOT_FOUND it was dropped, or went with its graph. */

/* fluid.dygraph.to_variable: a variable with a copy of `t`, any shape and dtype. name
 * NULL: generated_var_N. No gradient flows to it unless frt_var_stop_gradient(.., 0).
 * Errors: ALREADY_EXISTS the name. */
FRT_API frt_status_t frt_to_variable(frt_imperative_t *im, const frt_tensor_t *t,
    const char *name, frt_var_t *out, frt_error_t *err);
/* Variable.numpy(): a copy, yours. */
FRT_API frt_status_t frt_imperative_value(frt_imperative_t *im, frt_var_t v,
    frt_tensor_t **out, frt_error_t *err);
/* Variable.set_value: shape and dtype stay. Errors: INVALID_ARGUMENT others. */
FRT_API frt_status_t frt_imperative_assign(frt_imperative_t *im, frt_var_t v,
    const frt_tensor_t *t, frt_error_t *err);
/* Forgets a variable and its gradient: now, or with a graph in which it may stand. A loop
 * that makes one each time drops it too.
 * Errors: FAILED_PRECONDITION a result of a layer; the rate of an optimizer. */
FRT_API frt_status_t frt_imperative_drop(frt_imperative_t *im, frt_var_t v,
    frt_error_t *err);

/* ---- gradients ---------------------------------------------------------------------- */

/* Variable.backward(): seeded with ones in the shape of `v`. Afterwards every parameter
 * and variable that it depends on, but for those that stop gradients, has a gradient, in
 * place of the one it had; the others' stay. Ends the graph: until the next layer there
 * may be a backward of another result.
 * Errors: INVALID_ARGUMENT v is no float; FAILED_PRECONDITION nothing it depends on takes
 *   a gradient, or minimize has changed the parameters since; UNIMPLEMENTED an op whose
 *   gradient is not known. */
FRT_API frt_status_t frt_imperative_backward(frt_imperative_t *im, frt_var_t v,
    frt_error_t *err);
/* Variable.gradient(): a copy, yours. Errors: NOT_FOUND it has none yet; results of layers
 *   keep none. */
FRT_API frt_status_t frt_imperative_gradient(frt_imperative_t *im, frt_var_t v,
    frt_tensor_t **out, frt_error_t *err);
/* Variable.clear_gradient(), Layer.clear_gradients(): zeros, where there is one. */
FRT_API frt_status_t frt_imperative_clear_gradients(frt_imperative_t *im,
    const frt_var_t *v, size_t n, frt_error_t *err);
/* Ends the graph without a backward: a loop that only looks at values ends its steps so,
 * or keeps all of them. */
FRT_API void frt_imperative_end_graph(frt_imperative_t *im);

/* ---- layers with parameters: plain data, nothing to release -------------------------- */

typedef struct frt_linear_options {
  const frt_param_attr_t *param_attr; /* its name NULL: linear_N.w_0 */
  const frt_param_attr_t *bias_attr;  /* .none: no bias */
  const char *act;                    /* "relu", "tanh" ...; copied */
  frt_dtype_t dtype;                  /* 0: float32 */
} frt_linear_options_t;
typedef struct frt_linear {
  frt_var_t weight; /* [input_dim, output_dim] */
  frt_var_t bias;   /* [output_dim], or no variable */
  const char *act;
} frt_linear_t;
/* fluid.dygraph.Linear. Weights start Xavier uniform, the bias 0.
 * Errors: INVALID_ARGUMENT dims, dtype, attr, act; ALREADY_EXISTS a name. */
FRT_API frt_status_t frt_linear_create(frt_imperative_t *im, int64_t input_dim,
    int64_t output_dim, const frt_linear_options_t *options, frt_linear_t *out,
    frt_error_t *err);
/* out = act(x [.., input_dim] . weight + bias). Errors: as layers. */
FRT_API frt_status_t frt_linear_call(frt_imperative_t *im, const frt_linear_t *layer,
    frt_var_t x, frt_var_t *out, frt_error_t *err);

typedef struct frt_embedding { frt_var_t weight; frt_embedding_options_t options; } frt_embedding_t;
/* fluid.dygraph.Embedding([vocabulary, width]); options->v2 counts as set, param_attr is
 * read here alone. Errors: as frt_linear_create. */
FRT_API frt_status_t frt_embedding_create(frt_imperative_t *im, int64_t vocabulary,
    int64_t width, const frt_embedding_options_t *options, frt_embedding_t *out,
    frt_error_t *err);
/* Rows of the table; ids int64, any shape. Errors: as layers; OUT_OF_RANGE an id. */
FRT_API frt_status_t frt_embedding_call(frt_imperative_t *im, const frt_embedding_t *layer,
    frt_var_t ids, frt_var_t *out, frt_error_t *err);

/* ---- learning-rate decay objects ----------------------------------------------------- */

/* The position s begins at `begin` and moves by `step` with each minimize; STEP,
 * MULTI_STEP and LAMBDA move with frt_lr_decay_epoch alone, from 0. Formulas as in train.h;
 * of Fluid's, ReduceLROnPlateau alone is not there. */
typedef enum frt_lr_decay_kind {
  FRT_LR_PIECEWISE = 0,  /* bounds, values */
  FRT_LR_NATURAL_EXP,    /* learning_rate, decay_steps, decay_rate, staircase */
  FRT_LR_EXPONENTIAL,    /* the same */
  FRT_LR_INVERSE_TIME,   /* the same */
  FRT_LR_POLYNOMIAL,     /* learning_rate, decay_steps, end_learning_rate, power, cycle */
  FRT_LR_COSINE,         /* learning_rate, step_each_epoch, epochs */
  FRT_LR_NOAM,           /* d_model, warmup_steps, learning_rate; begin 1 */
  FRT_LR_LINEAR_WARMUP,  /* learning_rate or after, warmup_steps, start_lr, end_lr; begin 1:
                            (end_lr - start_lr) / warmup_steps * s, from warmup_steps on
                            learning_rate or after's */
  FRT_LR_STEP,           /* learning_rate * decay_rate ^ floor(epoch / step_size) */
  FRT_LR_MULTI_STEP,     /* learning_rate * decay_rate ^ (bounds that epoch has reached) */
  FRT_LR_LAMBDA          /* learning_rate * lambda(lambda_ctx, epoch) */
} frt_lr_decay_kind_t;

typedef struct frt_lr_decay frt_lr_decay_t;

/* 0 is Fluid's default (in brackets). */
typedef struct frt_lr_decay_options {
  double learning_rate; /* NOAM [1] */
  const int64_t *bounds; /* n, ascending: boundaries or milestones */
  const double *values;  /* n + 1 */
  size_t n;
  double decay_steps, decay_rate; /* decay_rate of STEP, MULTI_STEP [0.1] */
  int staircase, cycle;
  double end_learning_rate, power; /* [0.0001; FRT_ZERO is 0], [1] */
  double step_each_epoch, epochs;
  double d_model, warmup_steps, start_lr, end_lr;
  frt_lr_decay_t *after; /* moves with the warmup; outlives it */
  int64_t step_size;
  double (*lambda)(void *ctx, int64_t epoch);
  void *lambda_ctx;
  int has_begin;
  int64_t begin, step; /* [0, of some 1], [1] */
} frt_lr_decay_options_t;

/* Errors: INVALID_ARGUMENT an option (named). */
FRT_API frt_status_t frt_lr_decay_create(frt_imperative_t *im, frt_lr_decay_kind_t kind,
    const frt_lr_decay_options_t *options, frt_lr_decay_t **out, frt_error_t *err);
FRT_API void frt_lr_decay_release(frt_lr_decay_t *d);
/* epoch(). Errors: FAILED_PRECONDITION it moves with minimize. */
FRT_API frt_status_t frt_lr_decay_epoch(frt_lr_decay_t *d, frt_error_t *err);

/* ---- the state of an optimizer -------------------------------------------------------- */

/* The keys of state_dict(), sorted: accumulators, and with a decay object LR_Scheduler and
 * (unless it moves by epochs) global_step. An array of *n strings for frt_free.
 * Errors: FAILED_PRECONDITION a static graph's optimizer. */
FRT_API frt_status_t frt_optimizer_state_names(frt_optimizer_t *o, const char ***names,
    size_t *n, frt_error_t *err);
/* One entry, a copy, yours; positions of schedules are int64 [1]. An accumulator is a
 * variable of the builder, too (frt_builder_var): assigning to it restores it.
 * Errors: NOT_FOUND the key; FAILED_PRECONDITION as above. */
FRT_API frt_status_t frt_optimizer_state(frt_optimizer_t *o, const char *name,
    frt_tensor_t **out, frt_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
