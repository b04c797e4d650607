/* Regularization of gradients, op for op as fluid.regularizer. */
#include <math.h>
#include <string.h>

#include "train/train.h"

static frt_status_t op1(frt_builder_t *b, frt_program_t *p, const char *type,
                        const char *x, const char *out, const frt_attr_info_t *attrs,
                        frt_error_t *err) {
  const frti_spec_t spec = {.type = type, .program = p, .block = 0,
                            .in = FRTI_IN({"X", FRTI_ONE(x)}),
                            .out = FRTI_IN({"Out", FRTI_ONE(out)}), .attrs = attrs};
  return frti_append(b, &spec, NULL, err);
}

/* Where grad + term goes: in imperative mode the gradient that is kept stays raw. */
static frt_status_t decayed(frt_builder_t *b, frt_program_t *p, frti_pair_t *pair,
                            frt_error_t *err) {
  frt_var_info_t info;
  frt_var_t out;
  if (!b->live) return FRT_OK;
  FRT_TRY(frti_info(b, (frt_var_t){p, 0, pair->grad}, "gradient", &info, err));
  FRT_TRY(frti_tmp(b, "_generated_var", (uint32_t)info.dtype, &out, err));
  pair->grad = out.name;
  return FRT_OK;
}

/* The term, then grad + term into the gradient itself. */
static frt_status_t decay_one(frt_builder_t *b, frt_program_t *p, const frt_decay_t *d,
                              frti_pair_t *pair, frt_error_t *err) {
  frt_var_info_t info;
  frt_var_t term;
  b->layer = "regularization";
  FRT_TRY(frti_info(b, (frt_var_t){p, 0, pair->param}, "parameter", &info, err));
  info.name = frti_unique(b, "_generated_var");
  if (!info.name) return frti_no_memory(err);
  info.persistable = info.need_check_feed = 0;
  FRT_TRY(frti_declare(b, p, 0, &info, &term, err));
  const frt_attr_info_t *coeff = FRTI_ATTRS({.name = "scale", .f = d->coeff});
  if (d->kind == FRT_DECAY_L1) {
    FRT_TRY(op1(b, p, "sign", pair->param, term.name, NULL, err));
    FRT_TRY(op1(b, p, "scale", term.name, term.name, coeff, err));
  } else {
    FRT_TRY(op1(b, p, "scale", pair->param, term.name, coeff, err));
  }
  const char *const both[2] = {pair->grad, term.name};
  FRT_TRY(decayed(b, p, pair, err));
  const frti_spec_t sum = {.type = "sum", .program = p, .block = 0,
                           .in = FRTI_IN({"X", 2, both}),
                           .out = FRTI_IN({"Out", FRTI_ONE(pair->grad)})};
  return frti_append(b, &sum, NULL, err);
}

frt_status_t frti_decay_gradients(frt_builder_t *b, frt_program_t *p,
                                  const frt_decay_t *decay, frti_pair_t *pairs, size_t n,
                                  frt_error_t *err) {
  FRT_TRY(frt_builder_push_scope(b, "regularization", err));
  frt_status_t status = FRT_OK;
  for (size_t i = 0; status == FRT_OK && i < n; ++i) {
    const frti_var_note_t *note = frti_find_note(b, p, 0, pairs[i].param);
    const bool own = note && note->regularizer.kind != FRT_DECAY_NONE;
    const frt_decay_t d = own ? note->regularizer : *decay;
    if (!pairs[i].grad || d.kind == FRT_DECAY_NONE) continue;
    const frti_role_t old =
        frti_role_set(b, p, FRTI_ROLE_OPTIMIZE, pairs[i].param, pairs[i].grad);
    status = decay_one(b, p, &d, &pairs[i], err);
    frti_role_restore(b, p, old);
  }
  frt_builder_pop_scope(b, NULL);
  return status;
}
