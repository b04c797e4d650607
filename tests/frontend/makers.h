/* One conformance case as a program: the op, a loss that weighs all its outputs with fed
 * numbers, and the gradients that append_backward makes. */
#ifndef FRONTEND_MAKERS_H
#define FRONTEND_MAKERS_H

#include "fluidrt/executor.h"
#include "fluidrt/layers.h"
#include "fluidrt/train.h"
#include "runner/runner.h"

enum { MAKER_MAX = 24 }; /* inputs or outputs of a case */

typedef struct maker_net {
  const frti_probe_t *probe;
  frt_builder_t *b;
  frt_executor_t *exe;
  frt_scope_t *scope;
  frt_var_t in[MAKER_MAX], loss;
  frt_var_t terms[2 * MAKER_MAX]; /* of the loss */
  size_t n_terms;
  frt_feed_t feed[3 * MAKER_MAX];
  size_t n_feed;
  int in_feed[MAKER_MAX]; /* where input i is fed, -1: it is not */
} maker_net_t;

/* Whether input i of the case has a gradient that should be right. */
int maker_differentiable(const frti_probe_t *p, uint32_t i);
/* Whether its gradient op asks for the gradient of output o. */
int maker_counts(const frti_probe_t *p, uint32_t o);
/* Builds the net with the op appended `times` times over the same inputs. */
frt_status_t maker_build(maker_net_t *n, const frti_probe_t *p, int times,
                         frt_runtime_t *rt, frt_error_t *err);
/* append_backward; input `barred` (-1: none) takes no gradient: by name in no_grad_set,
 * or, if by_flag, by stop_gradient. */
frt_status_t maker_backward(maker_net_t *n, int barred, int by_flag, frt_error_t *err);
/* The loss with element e of input i at x. */
frt_status_t maker_loss(maker_net_t *n, uint32_t i, int64_t e, double x, double *loss,
                        frt_error_t *err);
/* The gradient of input i, as many elements as it has; NOT_FOUND: the program has none. */
frt_status_t maker_gradient(maker_net_t *n, uint32_t i, double *to, frt_error_t *err);
void maker_release(maker_net_t *n);

#endif
