/* Networks that several recorded cases share. */
#ifndef FRONTEND_NETS_H
#define FRONTEND_NETS_H

#include "frontend.h"

/* x [-1, 4], labels y [-1, 1]: fc 5 tanh, fc 3, mean of the softmax cross entropy.
 * Attributes of the two weights may be NULL; logits may be NULL. */
static inline frt_status_t net_mlp(frt_builder_t *b, const frt_param_attr_t *first,
                                   const frt_param_attr_t *second, frt_var_t *logits,
                                   frt_var_t *loss, frt_error_t *err) {
  const int64_t x_dims[] = {-1, 4}, y_dims[] = {-1, 1};
  const frt_fc_options_t hidden = {.act = "tanh", .param_attr = first};
  const frt_fc_options_t last = {.param_attr = second};
  frt_var_t x, y;
  FRT_TRY(frt_data(b, "x", 2, x_dims, FRT_F32, &x, err));
  FRT_TRY(frt_data(b, "y", 2, y_dims, FRT_I64, &y, err));
  FRT_TRY(frt_layers_fc(b, x, 5, &hidden, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 3, &last, &x, err));
  if (logits) *logits = x;
  FRT_TRY(frt_layers_softmax_with_cross_entropy(b, x, y, NULL, loss, NULL, err));
  return frt_layers_mean(b, *loss, loss, err);
}

static inline frt_status_t net_minimize(frt_builder_t *b, frt_optimizer_kind_t kind,
                                        const frt_optimizer_options_t *options,
                                        frt_var_t loss, const frt_minimize_options_t *m,
                                        frt_error_t *err) {
  frt_optimizer_t *o = NULL;
  FRT_TRY(frt_optimizer_create(b, kind, options, &o, err));
  const frt_status_t status = frt_optimizer_minimize(o, loss, m, NULL, err);
  frt_optimizer_release(o);
  return status;
}

/* The main program so far, as it tests; extra NULL: nobody asks. */
static inline frt_status_t net_for_test(frt_builder_t *b, frt_program_t **extra,
                                        frt_error_t *err) {
  return extra ? frt_builder_clone(b, NULL, 1, extra, err) : FRT_OK;
}

#endif
