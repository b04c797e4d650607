/* Optimizers: minimize = backward, clip, decay, updates, finishing ops. The rules are
 * data (rules.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/optimizer.h"

static frt_status_t copy_names(frt_builder_t *b, const char *const *from, size_t n,
                               const char *const **to, frt_error_t *err) {
  const char **all = frti_arena_calloc(&b->arena, n + 1, sizeof *all);
  if (!all) return frti_no_memory(err);
  for (size_t i = 0; i < n; ++i) {
    if (!from[i])
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, "parameter_list", "[%zu] is NULL", i);
    if (!(all[i] = frti_intern(b, from[i]))) return frti_no_memory(err);
  }
  *to = all;
  return FRT_OK;
}

static bool given(double v) { return v != 0 || signbit(v); }

static frt_status_t no_rate(frt_builder_t *b, frt_error_t *err) {
  return frti_fail(b, err, FRT_INVALID_ARGUMENT, "learning_rate",
                   "is not given; FRT_ZERO is a real 0");
}

/* What imperative mode wants of the options. */
static frt_status_t check_live(frt_builder_t *b, const frti_rule_t *rule,
                               const frt_optimizer_options_t *o, frt_error_t *err) {
  frt_var_info_t info;
  if (!o->parameter_list)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "parameter_list",
                     "is not given; imperative mode needs it");
  for (size_t i = 0; i < o->n_parameters; ++i) {
    if (!o->parameter_list[i]) continue; /* said by copy_names */
    FRT_TRY(frti_info(b, (frt_var_t){frt_builder_main(b), 0, o->parameter_list[i]},
                      "parameter_list", &info, err));
    for (size_t k = 0; k < i; ++k)
      if (!strcmp(o->parameter_list[i], o->parameter_list[k]))
        return frti_fail(b, err, FRT_ALREADY_EXISTS, "parameter_list",
                         "names '%.80s' twice", o->parameter_list[i]);
  }
  if (o->learning_rate_var.name)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "learning_rate",
                     "is a variable; imperative mode takes a number or a decay object");
  if (o->learning_rate_decay || given(o->learning_rate) || rule->rate > 0) return FRT_OK;
  return no_rate(b, err);
}

static frt_status_t check(frt_builder_t *b, const frti_rule_t *rule,
                          const frt_optimizer_options_t *o, frt_error_t *err) {
  frt_var_info_t info;
  char text[96];
  FRT_TRY(frti_check_clip(b, &o->grad_clip, "grad_clip", err));
  if ((int)o->regularization.kind < FRT_DECAY_NONE || o->regularization.kind > FRT_DECAY_L2)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "regularization",
                     "kind %d does not exist", (int)o->regularization.kind);
  if (rule->needs_momentum && !given(o->momentum))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "momentum",
                     "is not given; FRT_ZERO is a real 0");
  if (o->n_parameters && !o->parameter_list)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "parameter_list",
                     "is NULL; n_parameters is %zu", o->n_parameters);
  if (b->live) return check_live(b, rule, o, err);
  if (o->learning_rate_decay)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "learning_rate",
                     "is a decay object, which needs imperative mode");
  if (o->learning_rate_var.name) {
    FRT_TRY(frti_info(b, o->learning_rate_var, "learning_rate", &info, err));
    if (info.rank == 1 && (info.dims[0] == 1 || info.dims[0] == -1)) return FRT_OK;
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "learning_rate",
                     "'%.80s' has shape %s; wanted [1]", o->learning_rate_var.name,
                     frti_dims_text(text, sizeof text, info.rank, info.dims));
  }
  return given(o->learning_rate) || rule->rate > 0 ? FRT_OK : no_rate(b, err);
}

frt_status_t frt_optimizer_create(frt_builder_t *b, frt_optimizer_kind_t kind,
                                  const frt_optimizer_options_t *options,
                                  frt_optimizer_t **out, frt_error_t *err) {
  const frti_rule_t *rule = frti_rule(kind);
  *out = NULL;
  frti_say(b, rule ? rule->class_name : "optimizer");
  if (!rule)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "kind", "%d is no optimizer",
                     (int)kind);
  if (!options) return frti_fail(b, err, FRT_INVALID_ARGUMENT, "options", "are NULL");
  FRT_TRY(check(b, rule, options, err));
  frt_optimizer_t *o = frti_calloc(1, sizeof *o);
  if (!o) return frti_no_memory(err);
  *o = (frt_optimizer_t){.b = b, .rule = rule, .o = *options};
  frt_status_t status = copy_names(b, options->parameter_list, options->n_parameters,
                                   &o->o.parameter_list, err);
  if (status == FRT_OK && options->name && !(o->o.name = frti_intern(b, options->name)))
    status = frti_no_memory(err);
  if (options->learning_rate_var.name) {
    o->rate = options->learning_rate_var.name;
    o->rate_program = options->learning_rate_var.program;
  }
  if (status == FRT_OK) *out = o;
  else frt_optimizer_release(o);
  return status;
}

frt_status_t frt_lars_momentum_create(frt_builder_t *b, double learning_rate,
                                      double momentum,
                                      const frt_optimizer_options_t *more,
                                      frt_optimizer_t **out, frt_error_t *err) {
  frt_optimizer_options_t o = {0};
  if (more) o = *more;
  o.learning_rate = learning_rate == 0 ? FRT_ZERO : learning_rate;
  o.learning_rate_var = (frt_var_t){0};
  o.momentum = momentum == 0 ? FRT_ZERO : momentum;
  return frt_optimizer_create(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, out, err);
}

void frt_optimizer_release(frt_optimizer_t *o) {
  if (!o) return;
  frti_free(o->states);
  frti_free(o->pairs);
  frti_free(o);
}

/* ---- the rate ---------------------------------------------------------------------- */

frt_status_t frti_optimizer_rate(frt_optimizer_t *o, frt_program_t *p, frt_error_t *err) {
  static const int64_t one[1] = {1};
  frt_var_t rate;
  if (o->rate && (o->rate_program == p || o->o.learning_rate_var.name)) return FRT_OK;
  const char *name = frti_unique_kept(o->b, "learning_rate");
  if (!name) return frti_no_memory(err);
  FRT_TRY(frt_layers_create_global_var(o->b, 1, one, FRTI_REAL(o->o.learning_rate, o->rule->rate),
                                       FRT_F32, 1, name, &rate, err));
  o->rate = rate.name;
  o->rate_program = p;
  return FRT_OK;
}

/* The parameter's factor on the rate, as an op of its own. */
static frt_status_t parameter_rate(frt_optimizer_t *o, frt_program_t *p,
                                   const char *param, const char **out,
                                   frt_error_t *err) {
  const frti_var_note_t *note = frti_find_note(o->b, p, 0, param);
  const double factor = note ? note->learning_rate : 1;
  frt_var_t scaled;
  *out = o->rate;
  if (factor == 1) return FRT_OK;
  const frti_role_t old = frti_role_set(
      o->b, p, FRTI_ROLE_SCHEDULE | FRTI_ROLE_OPTIMIZE, NULL, NULL);
  frt_status_t status = frt_builder_push_scope(o->b, "scale_with_param_lr", err);
  if (status == FRT_OK) {
    status = frti_scale_op(o->b, (frt_var_t){p, 0, o->rate}, factor, 0, &scaled, err);
    frt_builder_pop_scope(o->b, NULL);
  }
  frti_role_restore(o->b, p, old);
  if (status == FRT_OK) *out = scaled.name;
  return status;
}

/* ---- accumulators ------------------------------------------------------------------ */

static const char *find_state(const frt_optimizer_t *o, const char *param,
                              const char *acc) {
  for (size_t i = 0; i < o->n_states; ++i)
    if (!strcmp(o->states[i].param, param) && !strcmp(o->states[i].acc, acc))
      return o->states[i].var;
  return NULL;
}

static frt_status_t make_state(frt_optimizer_t *o, frt_program_t *p, const char *param,
                               const frti_acc_t *acc, frt_error_t *err) {
  static const int64_t one[1] = {1};
  frt_var_info_t like;
  frt_var_t var;
  const char *have = find_state(o, param, acc->name);
  if (have && o->b->live) return FRT_OK;
  if (have)
    return frti_fail(o->b, err, FRT_ALREADY_EXISTS, "parameter",
                     "'%.80s' has its accumulator %s already", param, acc->name);
  FRT_TRY(frti_info(o->b, (frt_var_t){p, 0, param}, "parameter", &like, err));
  const char *key = o->o.name ? frti_internf(o->b, "%s_%s_%s", param, o->o.name, acc->name)
                              : frti_internf(o->b, "%s_%s", param, acc->name);
  const char *name = key ? frti_unique_kept(o->b, key) : NULL;
  if (!name || !FRTI_GROW(o->states, o->n_states, o->states_cap))
    return frti_no_memory(err);
  const frt_var_info_t info = {.name = name, .dtype = like.dtype,
                               .rank = acc->scalar ? 1 : like.rank,
                               .dims = acc->scalar ? one : like.dims, .persistable = 1};
  const frt_initializer_t init = {.kind = FRT_INIT_CONSTANT,
                                  .value = acc->start ? acc->start(&o->o) : 0};
  FRT_TRY(frti_global(o->b, &info, p, &init, acc->device, &var, err));
  o->states[o->n_states++] = (frti_state_t){param, acc->name, var.name};
  return FRT_OK;
}

static bool updates(const frt_optimizer_t *o, frt_program_t *p, const frti_pair_t *pair) {
  const frti_var_note_t *note = frti_find_note(o->b, p, 0, pair->param);
  return !note || !note->parameter || note->trainable;
}

/* ---- updates ----------------------------------------------------------------------- */

static double hyper(const frt_optimizer_t *o, const frti_hyper_t *h, const char *param) {
  if (!strcmp(h->attr, "weight_decay") && o->o.exclude_from_weight_decay &&
      o->o.exclude_from_weight_decay(o->o.exclude_ctx, param))
    return 0;
  return h->value(&o->o);
}

static frt_status_t update(frt_optimizer_t *o, frt_program_t *p, const frti_pair_t *pair,
                           frt_error_t *err) {
  frti_arg_t in[10] = {{0}}, out[8] = {{0}};
  const char *vars[5];
  frt_attr_info_t attrs[7] = {{0}};
  const char *rate = NULL;
  size_t n_in = 0, n_out = 0;
  if (!o->rule->no_rate) FRT_TRY(parameter_rate(o, p, pair->param, &rate, err));
  in[n_in++] = (frti_arg_t){"Param", 1, &pair->param};
  in[n_in++] = (frti_arg_t){"Grad", 1, &pair->grad};
  if (rate) in[n_in++] = (frti_arg_t){"LearningRate", 1, &rate};
  out[n_out++] = (frti_arg_t){"ParamOut", 1, &pair->param};
  for (size_t i = 0; i < FRTI_COUNT(vars) && o->rule->accs[i].name; ++i) {
    const frti_acc_t *acc = &o->rule->accs[i];
    vars[i] = find_state(o, pair->param, acc->name);
    in[n_in++] = (frti_arg_t){acc->in, 1, &vars[i]};
    if (acc->out) out[n_out++] = (frti_arg_t){acc->out, 1, &vars[i]};
  }
  for (size_t i = 0; i + 1 < FRTI_COUNT(attrs) && o->rule->hypers[i].attr; ++i) {
    const double v = hyper(o, &o->rule->hypers[i], pair->param);
    attrs[i] = (frt_attr_info_t){.name = o->rule->hypers[i].attr, .count = 1, .f = v,
                                 .i = o->rule->hypers[i].integer ? (int64_t)v : 0};
  }
  const frti_spec_t spec = {.type = o->rule->op, .program = p, .block = 0, .in = in,
                            .out = out, .attrs = attrs};
  return frti_append(o->b, &spec, NULL, err);
}

static frt_status_t finish(frt_optimizer_t *o, frt_program_t *p, const frti_pair_t *pair,
                           frt_error_t *err) {
  const char *var = find_state(o, pair->param, o->rule->finish);
  const frti_spec_t spec = {.type = "scale", .program = p, .block = 0,
      .in = FRTI_IN({"X", FRTI_ONE(var)}), .out = FRTI_IN({"Out", FRTI_ONE(var)}),
      .attrs = FRTI_ATTRS({.name = "scale", .f = o->rule->finish_by(&o->o)})};
  return frti_append(o->b, &spec, NULL, err);
}

/* `step` for one pair inside its role and a name scope. */
static frt_status_t guarded(frt_optimizer_t *o, frt_program_t *p, const frti_pair_t *pair,
                            const char *scope,
                            frt_status_t (*step)(frt_optimizer_t *, frt_program_t *,
                                                 const frti_pair_t *, frt_error_t *),
                            frt_error_t *err) {
  FRT_TRY(frt_builder_push_scope(o->b, scope, err));
  const frti_role_t old =
      frti_role_set(o->b, p, FRTI_ROLE_OPTIMIZE, pair->param, pair->grad);
  frti_say(o->b, o->rule->class_name);
  const frt_status_t status = step(o, p, pair, err);
  frti_role_restore(o->b, p, old);
  frt_builder_pop_scope(o->b, NULL);
  return status;
}

static frt_status_t create_states(frt_optimizer_t *o, frt_program_t *p,
                                  const frti_pair_t *pairs, size_t n, frt_error_t *err) {
  for (size_t i = 0; i < n; ++i)
    for (size_t k = 0; updates(o, p, &pairs[i]) && o->rule->accs[k].name; ++k)
      FRT_TRY(make_state(o, p, pairs[i].param, &o->rule->accs[k], err));
  return FRT_OK;
}

static frt_status_t append_updates(frt_optimizer_t *o, frt_program_t *p,
                                   const frti_pair_t *pairs, size_t n, frt_error_t *err) {
  frti_say(o->b, o->rule->class_name);
  FRT_TRY(create_states(o, p, pairs, n, err));
  FRT_TRY(frti_optimizer_rate(o, p, err));
  for (size_t i = 0; i < n; ++i)
    if (pairs[i].grad && updates(o, p, &pairs[i]))
      FRT_TRY(guarded(o, p, &pairs[i], "optimizer", update, err));
  for (size_t i = 0; o->rule->finish && i < n; ++i)
    if (pairs[i].grad && updates(o, p, &pairs[i]))
      FRT_TRY(guarded(o, p, &pairs[i], o->rule->finish_scope, finish, err));
  return FRT_OK;
}

static int by_param(const void *a, const void *b) {
  return strcmp(((const frti_pair_t *)a)->param, ((const frti_pair_t *)b)->param);
}

static frt_status_t sort_pairs(frt_optimizer_t *o, const frt_param_grad_t *pairs,
                               size_t n, frti_pair_t *to, frt_error_t *err) {
  if (n && !pairs)
    return frti_fail(o->b, err, FRT_INVALID_ARGUMENT, "params_grads", "are NULL");
  for (size_t i = 0; i < n; ++i) {
    if (!pairs[i].param)
      return frti_fail(o->b, err, FRT_INVALID_ARGUMENT, "params_grads",
                       "[%zu] has no parameter", i);
    to[i].param = frti_intern(o->b, pairs[i].param);
    to[i].grad = pairs[i].grad ? frti_intern(o->b, pairs[i].grad) : NULL;
    if (!to[i].param || (pairs[i].grad && !to[i].grad)) return frti_no_memory(err);
  }
  qsort(to, n, sizeof *to, by_param);
  for (size_t i = 1; i < n; ++i)
    if (to[i].param == to[i - 1].param)
      return frti_fail(o->b, err, FRT_ALREADY_EXISTS, "parameter",
                       "'%.80s' is there twice", to[i].param);
  return FRT_OK;
}

static frt_status_t indices(frt_optimizer_t *o, frt_program_t *p, uint32_t from,
                            frt_minimized_t *out, frt_error_t *err) {
  const uint32_t to = frt_program_n_ops(p, 0);
  uint32_t *ops = frti_arena_calloc(&o->b->results, to - from + 1u, sizeof *ops);
  if (!ops) return frti_no_memory(err);
  for (uint32_t i = from; i < to; ++i) ops[i - from] = i;
  out->ops = ops;
  out->n_ops = to - from;
  return FRT_OK;
}

frt_status_t frti_optimizer_append(frt_optimizer_t *o, const frt_param_grad_t *pairs,
                                   size_t n_pairs, frt_minimized_t *out,
                                   frt_error_t *err) {
  frt_program_t *p = frt_builder_main(o->b);
  frt_minimized_t result = {.pairs = pairs, .n_pairs = n_pairs};
  frti_say(o->b, o->rule->class_name);
  if (frti_current_block(o->b) != 0)
    return frti_fail(o->b, err, FRT_FAILED_PRECONDITION, NULL,
                     "updates inside control flow are not supported");
  frti_pair_t *sorted = frti_calloc(n_pairs + 1, sizeof *sorted);
  if (!sorted) return frti_no_memory(err);
  frt_status_t status = sort_pairs(o, pairs, n_pairs, sorted, err);
  if (status == FRT_OK)
    status = o->o.grad_clip.kind != FRT_CLIP_NONE
                 ? frti_clip_gradients(o->b, p, &o->o.grad_clip, sorted, n_pairs, err)
                 : frti_clip_marked(o->b, p, sorted, n_pairs, err);
  if (status == FRT_OK)
    status = frti_decay_gradients(o->b, p, &o->o.regularization, sorted, n_pairs, err);
  const uint32_t from = frt_program_n_ops(p, 0);
  if (status == FRT_OK) status = append_updates(o, p, sorted, n_pairs, err);
  if (status == FRT_OK) status = indices(o, p, from, &result, err);
  frti_free(sorted);
  if (status == FRT_OK && out) *out = result;
  return status;
}

frt_status_t frt_optimizer_apply_gradients(frt_optimizer_t *o,
                                           const frt_param_grad_t *pairs, size_t n_pairs,
                                           frt_minimized_t *out, frt_error_t *err) {
  frti_say(o->b, o->rule->class_name);
  if (o->b->live)
    return frti_fail(o->b, err, FRT_FAILED_PRECONDITION, NULL,
                     "apply_gradients builds static graphs; imperative mode has minimize");
  return frti_optimizer_append(o, pairs, n_pairs, out, err);
}

/* ---- minimize ---------------------------------------------------------------------- */

static const frt_minimize_options_t no_options = {0};

frt_status_t frt_optimizer_backward(frt_optimizer_t *o, frt_var_t loss,
                                    const frt_minimize_options_t *options,
                                    frt_param_grad_t **pairs, size_t *n_pairs,
                                    frt_error_t *err) {
  const frt_minimize_options_t *m = options ? options : &no_options;
  const bool own = m->n_parameters == 0;
  return frt_append_backward(o->b, loss, own ? o->o.parameter_list : m->parameter_list,
                             own ? o->o.n_parameters : m->n_parameters, m->no_grad_set,
                             m->n_no_grad, pairs, n_pairs, err);
}

frt_status_t frt_optimizer_minimize(frt_optimizer_t *o, frt_var_t loss,
                                    const frt_minimize_options_t *options,
                                    frt_minimized_t *out, frt_error_t *err) {
  const frt_minimize_options_t *m = options ? options : &no_options;
  frt_param_grad_t *pairs = NULL;
  size_t n = 0;
  frti_say(o->b, o->rule->class_name);
  if (!loss.program)
    return frti_fail(o->b, err, FRT_INVALID_ARGUMENT, "loss", "is no variable");
  if (o->b->live) return o->b->live->minimize(o->b->live->im, o, loss, out, err);
  FRT_TRY(frt_builder_push_programs(o->b, loss.program, m->startup_program, err));
  frt_status_t status = frt_optimizer_backward(o, loss, m, &pairs, &n, err);
  if (status == FRT_OK) status = frt_optimizer_apply_gradients(o, pairs, n, out, err);
  frt_builder_pop_programs(o->b, NULL);
  return status;
}

size_t frt_minimized_fetches(const frt_minimized_t *m, frt_fetch_t *to, size_t cap) {
  for (size_t i = 0; i < m->n_ops && i < cap; ++i)
    to[i] = (frt_fetch_t){.block = 0, .op = (int32_t)m->ops[i]};
  return m->n_ops;
}

/* ---- imperative mode --------------------------------------------------------------- */

static frt_status_t imperative_only(frt_optimizer_t *o, const char *method,
                                    frt_error_t *err) {
  frti_say(o->b, o->rule->class_name);
  return frti_fail(o->b, err, FRT_FAILED_PRECONDITION, NULL,
                   "%s needs imperative mode; this optimizer builds static graphs",
                   method);
}

frt_status_t frt_optimizer_clear_gradients(frt_optimizer_t *o, frt_error_t *err) {
  const frti_live_t *live = o->b->live;
  if (!live) return imperative_only(o, "clear_gradients", err);
  frti_say(o->b, "clear_gradients");
  return live->clear_gradients(live->im, o, err);
}

/* With a decay object a rate of one's own would be a conflict. */
static frt_status_t settable(frt_optimizer_t *o, frt_error_t *err) {
  if (!o->b->live) return imperative_only(o, "set_lr", err);
  frti_say(o->b, "set_lr");
  if (!o->o.learning_rate_decay) return FRT_OK;
  return frti_fail(o->b, err, FRT_FAILED_PRECONDITION, "learning_rate",
                   "is a decay object; to set it too would be a conflict");
}

frt_status_t frt_optimizer_set_lr(frt_optimizer_t *o, double value, frt_error_t *err) {
  FRT_TRY(settable(o, err));
  return o->b->live->set_lr(o->b->live->im, o, value, err);
}

frt_status_t frt_optimizer_set_lr_var(frt_optimizer_t *o, frt_var_t value,
                                      frt_error_t *err) {
  FRT_TRY(settable(o, err));
  return o->b->live->bind_lr(o->b->live->im, o, value, err);
}

frt_status_t frt_optimizer_current_step_lr(frt_optimizer_t *o, double *out,
                                           frt_error_t *err) {
  const frti_live_t *live = o->b->live;
  if (!live) return imperative_only(o, "current_step_lr", err);
  frti_say(o->b, "current_step_lr");
  return live->current_lr(live->im, o, out, err);
}
