/* Backward, gradient clipping, decay, optimizers and learning-rate schedules: what
 * Fluid's append_backward, clip, regularizer, optimizer and learning_rate_scheduler
 * append to a program. In imperative mode (imperative.h) optimizers update at once.
 * Source: Paddle 1.8 fluid.backward, fluid.optimizer, fluid.clip, fluid.regularizer,
 * fluid.layers.learning_rate_scheduler. */
#ifndef FLUIDRT_TRAIN_H
#define FLUIDRT_TRAIN_H

#include "fluidrt/builder.h"
#include "fluidrt/executor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct frt_param_grad {
  const char *param, *grad; /* grad NULL: none was made */
} frt_param_grad_t;

/* Gradient ops for `loss` ([1], float) and pairs in the order the parameters were
 * created, or of parameter_list (n 0: every trainable one). *pairs lives in the builder.
 * A gradient of several producers is summed: X@GRAD@RENAME@block0@k. Through cond it goes
 * by conditional_block_grad, with a block of its own for each branch; what a branch that
 * is not taken reads gets 0.
 * Errors: INVALID_ARGUMENT the loss, a list; UNIMPLEMENTED an op whose gradient is not
 *   known (While; a conditional block that is not the only writer of what it writes; a
 *   second backward through one); FAILED_PRECONDITION inside a Switch, cond or While. */
FRT_API frt_status_t frt_append_backward(frt_builder_t *b, frt_var_t loss,
    const char *const *parameter_list, size_t n_parameters,
    const char *const *no_grad_set, size_t n_no_grad, frt_param_grad_t **pairs,
    size_t *n_pairs, frt_error_t *err);

/* ---- gradient clipping ------------------------------------------------------------- */

typedef enum frt_clip_kind {
  FRT_CLIP_NONE = 0,
  FRT_CLIP_BY_VALUE,      /* into [min, max] */
  FRT_CLIP_BY_NORM,       /* each gradient to at most clip_norm */
  FRT_CLIP_BY_GLOBAL_NORM /* all together to at most clip_norm */
} frt_clip_kind_t;

/* fluid.clip.GradientClipBy...; group_name counts for frt_set_gradient_clip alone. */
typedef struct frt_clip {
  frt_clip_kind_t kind;
  double max, min, clip_norm;
  int has_min; /* 0: min = -max */
  const char *group_name;
  int (*need_clip)(void *ctx, const char *parameter); /* NULL: all */
  void *ctx;
} frt_clip_t;

/* fluid.clip.set_gradient_clip: marks parameters of `program` (NULL: the main program),
 * those listed or (n 0) all there are. An optimizer with a grad_clip of its own looks at
 * no mark. Gradients marked by global norm share a norm with their group_name.
 * Different from Fluid on purpose: each group has its own factor (Fluid applies the last
 * group's to every gradient), and parameters without a mark stay as they are (one such
 * parameter, and Fluid clips nothing).
 * Errors: INVALID_ARGUMENT the clip, a name that is no parameter; at apply_gradients
 *   clip_norms that differ in one group. */
FRT_API frt_status_t frt_set_gradient_clip(frt_builder_t *b, const frt_clip_t *clip,
    const char *const *param_list, size_t n, frt_program_t *program, frt_error_t *err);

/* ---- optimizers -------------------------------------------------------------------- */

typedef enum frt_optimizer_kind {
  FRT_OPTIMIZER_LARS_MOMENTUM = 0, FRT_OPTIMIZER_SGD, FRT_OPTIMIZER_MOMENTUM,
  FRT_OPTIMIZER_ADAM, FRT_OPTIMIZER_ADAMAX, FRT_OPTIMIZER_ADAGRAD,
  FRT_OPTIMIZER_DECAYED_ADAGRAD, FRT_OPTIMIZER_ADADELTA, FRT_OPTIMIZER_RMSPROP,
  FRT_OPTIMIZER_FTRL, FRT_OPTIMIZER_LAMB
} frt_optimizer_kind_t;

/* 0 is Fluid's default (in brackets), FRT_ZERO a real zero. Names in the lists are
 * copied; the counts of lists that are not given stay 0. */
typedef struct frt_optimizer_options {
  double learning_rate;     /* unless learning_rate_var has a name; Adam, Adamax, Lamb
                               [0.001], needed by the others */
  frt_var_t learning_rate_var; /* float32 [1]: persistable, fed or computed */
  double momentum;          /* LARS, Momentum: needed; RMSProp [0] */
  const char *const *parameter_list;
  size_t n_parameters;
  frt_decay_t regularization;
  frt_clip_t grad_clip;
  const char *name;         /* prefix of accumulators: <param>_<name>_velocity_0 */
  double lars_coeff;        /* [0.001] */
  double lars_weight_decay; /* [0.0005] */
  int use_nesterov;         /* Momentum */
  double beta1, beta2;      /* Adam, Adamax, Lamb [0.9, 0.999] */
  double epsilon;           /* Adam, Adamax [1e-8]; others [1e-6] */
  int lazy_mode;            /* Adam */
  double initial_accumulator_value; /* Adagrad [0] */
  double decay;             /* DecayedAdagrad [0.95] */
  double rho;               /* Adadelta, RMSProp [0.95] */
  int centered;             /* RMSProp */
  double l1, l2, lr_power;  /* Ftrl [0, 0, -0.5]; l2 gets l1's value as in 1.8.5 */
  double lamb_weight_decay; /* [0.01] */
  /* Lamb: 1 for parameters that are not decayed; NULL: none. */
  int (*exclude_from_weight_decay)(void *ctx, const char *parameter);
  void *exclude_ctx;
  struct frt_lr_decay *learning_rate_decay; /* imperative mode, instead of a number;
                                               outlives the optimizer (imperative.h) */
} frt_optimizer_options_t;

typedef struct frt_optimizer frt_optimizer_t;

/* Errors: INVALID_ARGUMENT the options (argument named). In imperative mode a missing
 *   parameter_list and a learning_rate_var are refused too; NOT_FOUND a parameter;
 *   ALREADY_EXISTS one named twice. */
FRT_API frt_status_t frt_optimizer_create(frt_builder_t *b, frt_optimizer_kind_t kind,
    const frt_optimizer_options_t *options, frt_optimizer_t **out, frt_error_t *err);
FRT_API void frt_optimizer_release(frt_optimizer_t *o);

/* fluid.optimizer.LarsMomentumOptimizer(learning_rate, momentum, ...): per parameter
 *   local = learning_rate * lars_coeff * |p| / (|g| + lars_weight_decay * |p|)
 *   v = momentum * v + local * (g + lars_weight_decay * p);  p = p - v
 * more (may be NULL) holds the optional arguments; its first three fields are ignored. */
FRT_API frt_status_t frt_lars_momentum_create(frt_builder_t *b, double learning_rate,
    double momentum, const frt_optimizer_options_t *more, frt_optimizer_t **out,
    frt_error_t *err);

typedef struct frt_minimize_options {
  frt_program_t *startup_program; /* NULL: the default one */
  const char *const *parameter_list; /* n_parameters 0: the constructor's, or all */
  size_t n_parameters;
  const char *const *no_grad_set; /* taken away from either list */
  size_t n_no_grad;
} frt_minimize_options_t;

/* What minimize returns; lives in the builder. */
typedef struct frt_minimized {
  const uint32_t *ops; /* update and finishing ops: indices in block 0 of the program */
  size_t n_ops;
  const frt_param_grad_t *pairs; /* parameter and raw gradient, in creation order */
  size_t n_pairs;
} frt_minimized_t;

/* backward + apply_gradients. loss: [1]. out may be NULL. In imperative mode: one update
 * from the gradients that are there, without a backward; of the options nothing counts,
 * pairs live until the optimizer's next minimize.
 * Errors: as frt_append_backward; ALREADY_EXISTS a parameter named twice, or a second
 *   minimize of this optimizer over it; FAILED_PRECONDITION inside control flow. */
FRT_API frt_status_t frt_optimizer_minimize(frt_optimizer_t *o, frt_var_t loss,
    const frt_minimize_options_t *options, frt_minimized_t *out, frt_error_t *err);
/* What minimize returned as items of a fetch list: its operators, which force use_prune;
 * in Fluid only the first element of the tuple counts, too. A fetch list is flat: what
 * Fluid nests stands side by side here. Fills at most cap items of `to`, returns how
 * many there are. */
FRT_API size_t frt_minimized_fetches(const frt_minimized_t *m, frt_fetch_t *to,
    size_t cap);
/* The parts. backward's pairs go to apply_gradients: sorted by name, clipped, decayed,
 * updated. */
FRT_API frt_status_t frt_optimizer_backward(frt_optimizer_t *o, frt_var_t loss,
    const frt_minimize_options_t *options, frt_param_grad_t **pairs, size_t *n_pairs,
    frt_error_t *err);
FRT_API frt_status_t frt_optimizer_apply_gradients(frt_optimizer_t *o,
    const frt_param_grad_t *pairs, size_t n_pairs, frt_minimized_t *out,
    frt_error_t *err);

/* Imperative-mode methods. In a static graph each answers FAILED_PRECONDITION and says
 * so, before it looks at any argument.
 * clear_gradients: gradients that exist, of the parameters of the list, become zeros. */
FRT_API frt_status_t frt_optimizer_clear_gradients(frt_optimizer_t *o, frt_error_t *err);
/* Any value, also a negative one or NaN: what the next minimize uses; a variable bound as
 * the rate is overwritten. _var binds a variable, of which no copy is taken: what is
 * assigned to it later counts. It cannot be dropped any more.
 * Errors: FAILED_PRECONDITION the rate is a decay object; INVALID_ARGUMENT value (shape
 *   other than [1], of another guard); NOT_FOUND value. */
FRT_API frt_status_t frt_optimizer_set_lr(frt_optimizer_t *o, double value,
    frt_error_t *err);
FRT_API frt_status_t frt_optimizer_set_lr_var(frt_optimizer_t *o, frt_var_t value,
    frt_error_t *err);
/* The number given, until there is a variable (from the first minimize on): then what is
 * in that. With a decay object the rate that the last minimize used, before the first one
 * that which it will use; asking does not advance it. */
FRT_API frt_status_t frt_optimizer_current_step_lr(frt_optimizer_t *o, double *out,
    frt_error_t *err);

/* ---- learning-rate schedules: *out is the rate, float32 [1] ------------------------ */

/* values[i] for steps below boundaries[i], values[n] from there on; n+1 values. */
FRT_API frt_status_t frt_piecewise_decay(frt_builder_t *b, const int64_t *boundaries,
    const double *values, size_t n_boundaries, frt_var_t *out, frt_error_t *err);
/* rate * decay_rate ^ (step / decay_steps); staircase takes the floor of the quotient. */
FRT_API frt_status_t frt_exponential_decay(frt_builder_t *b, double rate,
    double decay_steps, double decay_rate, int staircase, frt_var_t *out,
    frt_error_t *err);
/* rate * exp(-decay_rate * step / decay_steps). */
FRT_API frt_status_t frt_natural_exp_decay(frt_builder_t *b, double rate,
    double decay_steps, double decay_rate, int staircase, frt_var_t *out,
    frt_error_t *err);
/* rate / (1 + decay_rate * step / decay_steps). */
FRT_API frt_status_t frt_inverse_time_decay(frt_builder_t *b, double rate,
    double decay_steps, double decay_rate, int staircase, frt_var_t *out,
    frt_error_t *err);
/* (rate - end_rate) * (1 - step / decay_steps) ^ power + end_rate; cycle stretches
 * decay_steps whenever they are used up. */
FRT_API frt_status_t frt_polynomial_decay(frt_builder_t *b, double rate,
    double decay_steps, double end_rate, double power, int cycle, frt_var_t *out,
    frt_error_t *err);
/* rate * d_model^-0.5 * min(step^-0.5, step * warmup_steps^-1.5); step starts at 1. */
FRT_API frt_status_t frt_noam_decay(frt_builder_t *b, double d_model,
    double warmup_steps, double rate, frt_var_t *out, frt_error_t *err);
/* rate / 2 * (cos(epoch * pi / epochs) + 1), epoch = floor(step / step_each_epoch). */
FRT_API frt_status_t frt_cosine_decay(frt_builder_t *b, double rate,
    double step_each_epoch, double epochs, frt_var_t *out, frt_error_t *err);
/* start + (end - start) * step / warmup_steps below warmup_steps, then `after` (if it
 * has a name) or rate. */
FRT_API frt_status_t frt_linear_lr_warmup(frt_builder_t *b, double rate, frt_var_t after,
    double warmup_steps, double start, double end, frt_var_t *out, frt_error_t *err);

#ifdef __cplusplus
}
#endif
#endif
