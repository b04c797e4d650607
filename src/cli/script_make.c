/* Schedules and optimizers of a script: Paddle's names, and which option each is. */
#include <stdlib.h>
#include <string.h>

#include "script.h"

typedef struct name_number { const char *name; int number; } name_number_t;

static bool number_of(const name_number_t *table, size_t n, const char *name, int *out) {
  for (size_t i = 0; i < n; ++i)
    if (!strcmp(table[i].name, name)) {
      *out = table[i].number;
      return true;
    }
  return false;
}
#define NUMBER_OF(table, name, out) \
  number_of(table, sizeof(table) / sizeof(table)[0], name, out)

static double real(const json_t *v) {
  const double d = json_number_value(v);
  return d == 0 ? FRT_ZERO : d;
}

/* ---- schedules -------------------------------------------------------------------- */

static const name_number_t DECAYS[] = {{"PiecewiseDecay", FRT_LR_PIECEWISE},
    {"NaturalExpDecay", FRT_LR_NATURAL_EXP}, {"ExponentialDecay", FRT_LR_EXPONENTIAL},
    {"InverseTimeDecay", FRT_LR_INVERSE_TIME}, {"PolynomialDecay", FRT_LR_POLYNOMIAL},
    {"CosineDecay", FRT_LR_COSINE}, {"NoamDecay", FRT_LR_NOAM},
    {"LinearLrWarmup", FRT_LR_LINEAR_WARMUP}, {"StepDecay", FRT_LR_STEP},
    {"MultiStepDecay", FRT_LR_MULTI_STEP}};

#define REAL(field) {#field, offsetof(frt_lr_decay_options_t, field)}
static const struct { const char *name; size_t at; } REALS[] = {REAL(learning_rate),
    REAL(decay_steps), REAL(decay_rate), REAL(end_learning_rate), REAL(power),
    REAL(step_each_epoch), REAL(epochs), REAL(d_model), REAL(warmup_steps), REAL(start_lr),
    REAL(end_lr)};

/* One argument; false if there is no such. */
static bool take(frt_lr_decay_options_t *o, const char *name, const json_t *v) {
  for (size_t i = 0; i < sizeof REALS / sizeof REALS[0]; ++i)
    if (!strcmp(REALS[i].name, name)) {
      *(double *)(void *)((char *)o + REALS[i].at) = real(v);
      return true;
    }
  if (!strcmp(name, "staircase")) o->staircase = json_is_true(v);
  else if (!strcmp(name, "cycle")) o->cycle = json_is_true(v);
  else if (!strcmp(name, "step_size")) o->step_size = json_integer_value(v);
  else if (!strcmp(name, "step")) o->step = json_integer_value(v);
  else if (!strcmp(name, "begin")) o->begin = json_integer_value(v);
  else return false;
  if (!strcmp(name, "begin")) o->has_begin = 1;
  return true;
}

/* The lists of PiecewiseDecay and MultiStepDecay, for free(). */
static void take_lists(frt_lr_decay_options_t *o, const json_t *args) {
  const json_t *values = json_object_get(args, "values");
  const json_t *bounds = json_object_get(args, values ? "boundaries" : "milestones");
  o->n = json_array_size(bounds);
  int64_t *b = frti_cli_alloc((o->n + 1) * sizeof *b);
  double *v = frti_cli_alloc((o->n + 1) * sizeof *v);
  for (size_t i = 0; i < o->n; ++i) b[i] = json_integer_value(json_array_get(bounds, i));
  for (size_t i = 0; i <= o->n; ++i) v[i] = json_number_value(json_array_get(values, i));
  o->bounds = b;
  o->values = v;
}

frt_status_t frti_cli_script_schedule(
    frti_cli_script_t *s, const json_t *step, frt_lr_decay_t **out, frt_error_t *err) {
  const json_t *args = json_object_get(step, "args");
  const char *type = frti_cli_script_text(step, "type"), *name;
  frt_lr_decay_options_t o = {0};
  int kind;
  json_t *v;
  if (!NUMBER_OF(DECAYS, type, &kind))
    return frt_fail(err, FRT_DATA_LOSS, "'%s' is no schedule that is known here", type);
  json_object_foreach((json_t *)(uintptr_t)args, name, v) {
    if (json_is_array(v) || take(&o, name, v)) continue;
    return frt_fail(err, FRT_DATA_LOSS, "%s has no argument '%s' here", type, name);
  }
  take_lists(&o, args);
  const frt_status_t status =
      frt_lr_decay_create(s->im, (frt_lr_decay_kind_t)kind, &o, out, err);
  free((void *)(uintptr_t)o.bounds);
  free((void *)(uintptr_t)o.values);
  return status;
}

/* ---- optimizers -------------------------------------------------------------------- */

static const name_number_t OPTIMIZERS[] = {{"LarsMomentum", FRT_OPTIMIZER_LARS_MOMENTUM},
    {"SGD", FRT_OPTIMIZER_SGD}, {"Momentum", FRT_OPTIMIZER_MOMENTUM},
    {"Adam", FRT_OPTIMIZER_ADAM}, {"Adamax", FRT_OPTIMIZER_ADAMAX},
    {"Adagrad", FRT_OPTIMIZER_ADAGRAD}, {"DecayedAdagrad", FRT_OPTIMIZER_DECAYED_ADAGRAD},
    {"Adadelta", FRT_OPTIMIZER_ADADELTA}, {"RMSProp", FRT_OPTIMIZER_RMSPROP},
    {"Ftrl", FRT_OPTIMIZER_FTRL}, {"Lamb", FRT_OPTIMIZER_LAMB}};
static const name_number_t PENALTIES[] = {{"L1Decay", FRT_DECAY_L1}, {"L2Decay", FRT_DECAY_L2}};
static const name_number_t CLIPS[] = {{"GradientClipByNorm", FRT_CLIP_BY_NORM},
    {"GradientClipByGlobalNorm", FRT_CLIP_BY_GLOBAL_NORM}};

#define ARG(field) {#field, offsetof(frt_optimizer_options_t, field)}
static const struct { const char *name; size_t at; } ARGS[] = {ARG(momentum),
    ARG(lars_coeff), ARG(lars_weight_decay), ARG(beta1), ARG(beta2), ARG(epsilon),
    ARG(decay), ARG(rho), ARG(l1), ARG(l2), ARG(lr_power), ARG(lamb_weight_decay),
    ARG(initial_accumulator_value)};

static frt_status_t take_args(
    const json_t *args, frt_optimizer_options_t *o, frt_error_t *err) {
  const char *name;
  json_t *v;
  json_object_foreach((json_t *)(uintptr_t)args, name, v) {
    size_t i = 0;
    while (i < sizeof ARGS / sizeof ARGS[0] && strcmp(ARGS[i].name, name)) ++i;
    if (i == sizeof ARGS / sizeof ARGS[0])
      return frt_fail(err, FRT_DATA_LOSS, "no optimizer has an argument '%s' here", name);
    *(double *)(void *)((char *)o + ARGS[i].at) = real(v);
  }
  return FRT_OK;
}

static frt_status_t take_rate(const frti_cli_script_t *s, const json_t *rate,
    frt_optimizer_options_t *o, frt_error_t *err) {
  const char *schedule = frti_cli_script_text(rate, "schedule");
  const char *variable = frti_cli_script_text(rate, "variable");
  frti_cli_item_t *item;
  if (json_is_number(rate)) o->learning_rate = real(rate);
  if (variable[0]) return frti_cli_script_var(s, variable, &o->learning_rate_var, err);
  if (!schedule[0]) return FRT_OK;
  FRT_TRY(frti_cli_script_item(s, schedule, ITEM_SCHEDULE, &item, err));
  o->learning_rate_decay = item->schedule;
  return FRT_OK;
}

static frt_status_t take_strategies(
    const json_t *step, frt_optimizer_options_t *o, frt_error_t *err) {
  const json_t *penalty = json_object_get(step, "regularization");
  const json_t *clip = json_object_get(step, "grad_clip");
  int kind;
  if (json_is_object(penalty)) {
    if (!NUMBER_OF(PENALTIES, frti_cli_script_text(penalty, "type"), &kind))
      return frt_fail(err, FRT_DATA_LOSS, "no such regularization is known here");
    o->regularization.kind = (frt_decay_kind_t)kind;
    o->regularization.coeff = json_number_value(json_object_get(penalty, "coeff"));
  }
  if (json_is_object(clip)) {
    if (!NUMBER_OF(CLIPS, frti_cli_script_text(clip, "type"), &kind))
      return frt_fail(err, FRT_DATA_LOSS, "no such grad_clip is known here");
    o->grad_clip.kind = (frt_clip_kind_t)kind;
    o->grad_clip.clip_norm = json_number_value(json_object_get(clip, "clip_norm"));
  }
  return FRT_OK;
}

frt_status_t frti_cli_script_optimizer(
    frti_cli_script_t *s, const json_t *step, frt_optimizer_t **out, frt_error_t *err) {
  const json_t *parameters = json_object_get(step, "parameters");
  const size_t n = json_array_size(parameters);
  const char *names[64];
  frt_optimizer_options_t o = {0};
  int kind;
  if (!NUMBER_OF(OPTIMIZERS, frti_cli_script_text(step, "type"), &kind) ||
      n > sizeof names / sizeof names[0])
    return frt_fail(err, FRT_DATA_LOSS, "no such optimizer is known here");
  FRT_TRY(take_args(json_object_get(step, "args"), &o, err));
  FRT_TRY(take_rate(s, json_object_get(step, "learning_rate"), &o, err));
  FRT_TRY(take_strategies(step, &o, err));
  for (size_t i = 0; i < n; ++i) {
    const char *name = json_string_value(json_array_get(parameters, i));
    frt_var_t v;
    FRT_TRY(frti_cli_script_var(s, name ? name : "", &v, err));
    names[i] = v.name;
  }
  o.parameter_list = json_is_array(parameters) ? names : NULL;
  o.n_parameters = n;
  return frt_optimizer_create(
      frt_imperative_builder(s->im), (frt_optimizer_kind_t)kind, &o, out, err);
}
