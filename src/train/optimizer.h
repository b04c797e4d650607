/* An optimizer, for the static graph and for imperative mode. */
#ifndef FRTI_TRAIN_OPTIMIZER_H
#define FRTI_TRAIN_OPTIMIZER_H

#include "train/rules.h"

/* The accumulator `acc` of `param` is the variable `var`. */
typedef struct frti_state { const char *param, *acc, *var; } frti_state_t;

struct frt_optimizer {
  frt_builder_t *b;
  const frti_rule_t *rule;
  frt_optimizer_options_t o;
  const char *rate; /* the variable, in rate_program; NULL: not made yet */
  frt_program_t *rate_program;
  frti_state_t *states;
  size_t n_states, states_cap;
  frt_param_grad_t *pairs; /* imperative: what the last minimize returned */
};

/* clip, decay, updates, finishing ops, appended to the main program. */
frt_status_t frti_optimizer_append(frt_optimizer_t *o, const frt_param_grad_t *pairs,
                                   size_t n_pairs, frt_minimized_t *out, frt_error_t *err);
/* Makes the rate's variable if there is none. */
frt_status_t frti_optimizer_rate(frt_optimizer_t *o, frt_program_t *p, frt_error_t *err);

#endif
