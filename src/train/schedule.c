/* Learning-rate schedules: arithmetic on a step counter, op for op as Fluid's Python
 * operators and layers make it. All ops carry the schedule's role. */
#include <math.h>
#include <string.h>

#include "train/train.h"

#define COUNTER "@LR_DECAY_COUNTER@"
static const int64_t one[1] = {1};

/* ---- the counter ------------------------------------------------------------------- */

/* int64, one more per run; the first run sees `begin`. Shared by nested schedules. */
static frt_status_t counter(frt_builder_t *b, double begin, frt_var_t *out,
                            frt_error_t *err) {
  frt_program_t *p = frt_builder_main(b);
  frt_var_info_t info = {.name = COUNTER, .dtype = FRT_I64, .rank = 1, .dims = one,
                         .persistable = 1}, have;
  const frt_initializer_t init = {.kind = FRT_INIT_CONSTANT, .value = begin - 1,
                                  .force_cpu = 1};
  if (!frti_unique(b, "global_step_counter")) return frti_no_memory(err);
  if (frt_program_find_var(p, 0, COUNTER, &have, NULL) == FRT_OK)
    return frti_declare(b, p, 0, &info, out, err);
  FRT_TRY(frti_global(b, &info, p, &init, NULL, out, err));
  const frti_spec_t spec = {.type = "increment", .program = p, .block = 0,
      .in = FRTI_IN({"X", FRTI_ONE(out->name)}), .out = FRTI_IN({"Out", FRTI_ONE(out->name)}),
      .attrs = FRTI_ATTRS({.name = "step", .f = 1}), .prepend = true};
  return frti_append(b, &spec, NULL, err);
}

static frt_status_t step(frt_builder_t *b, double begin, frt_var_t *out,
                         frt_error_t *err) {
  frt_var_t count;
  FRT_TRY(counter(b, begin, &count, err));
  return frt_layers_cast(b, count, FRT_F32, out, err);
}

/* ---- a schedule is a function of its arguments, run under its role ----------------- */

typedef struct args {
  double rate, steps, factor, end, power;
  int flag;
  const int64_t *boundaries;
  const double *values;
  size_t n;
  frt_var_t after;
} args_t;
typedef frt_status_t (*schedule_t)(frt_builder_t *b, const args_t *a, frt_var_t *out,
                                   frt_error_t *err);

static frt_status_t scheduled(frt_builder_t *b, schedule_t build, const args_t *a,
                              frt_var_t *out, frt_error_t *err) {
  frt_program_t *p = frt_builder_main(b);
  if (b->live)
    return frti_fail(b, err, FRT_FAILED_PRECONDITION, NULL,
                     "builds static graphs; imperative mode has frt_lr_decay_create");
  const frti_role_t old = frti_role_set(b, p, FRTI_ROLE_SCHEDULE, NULL, NULL);
  const frt_status_t status = build(b, a, out, err);
  frti_role_restore(b, p, old);
  return status;
}

static frt_status_t positive(frt_builder_t *b, const char *schedule, const char *argument,
                             double v, frt_error_t *err) {
  frti_enter(b, schedule);
  if (v > 0) return FRT_OK;
  return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument, "is %g; wanted more than 0", v);
}

static frt_status_t times(frt_builder_t *b, frt_var_t *v, double by, frt_error_t *err) {
  return frt_var_op_number(b, "mul", *v, by, 0, v, err);
}
static frt_status_t plus(frt_builder_t *b, frt_var_t *v, double by, frt_error_t *err) {
  return frt_var_op_number(b, "add", *v, by, 0, v, err);
}

/* step / steps, floored on request. */
static frt_status_t quotient(frt_builder_t *b, const args_t *a, frt_var_t *out,
                             frt_error_t *err) {
  FRT_TRY(step(b, 0, out, err));
  FRT_TRY(frt_var_op_number(b, "div", *out, a->steps, 0, out, err));
  return a->flag ? frt_layers_floor(b, *out, out, err) : FRT_OK;
}

static frt_status_t exponential(frt_builder_t *b, const args_t *a, frt_var_t *out,
                                frt_error_t *err) {
  FRT_TRY(quotient(b, a, out, err));
  FRT_TRY(frt_var_op_number(b, "pow", *out, a->factor, 1, out, err));
  return times(b, out, a->rate, err);
}

static frt_status_t natural_exp(frt_builder_t *b, const args_t *a, frt_var_t *out,
                                frt_error_t *err) {
  FRT_TRY(quotient(b, a, out, err));
  FRT_TRY(times(b, out, -1 * a->factor, err));
  FRT_TRY(frt_layers_exp(b, *out, out, err));
  return times(b, out, a->rate, err);
}

static frt_status_t inverse_time(frt_builder_t *b, const args_t *a, frt_var_t *out,
                                 frt_error_t *err) {
  FRT_TRY(quotient(b, a, out, err));
  FRT_TRY(times(b, out, a->factor, err));
  FRT_TRY(plus(b, out, 1, err));
  return frt_var_op_number(b, "div", *out, a->rate, 1, out, err);
}

/* The decay steps stretched: steps * ceil(step / steps), the ceil being 1 at step 0. */
static frt_status_t stretched(frt_builder_t *b, const args_t *a, frt_var_t s,
                              frt_var_t *out, frt_error_t *err) {
  frt_var_t part, zero, unit, begins;
  frt_switch_t *sw;
  FRT_TRY(frt_var_op_number(b, "div", s, a->steps, 0, &part, err));
  FRT_TRY(frt_layers_ceil(b, part, &part, err));
  FRT_TRY(frt_layers_fill_constant(b, 1, one, FRT_F32, 0, &zero, err));
  FRT_TRY(frt_layers_fill_constant(b, 1, one, FRT_F32, 1, &unit, err));
  FRT_TRY(frt_switch_begin(b, &sw, err));
  FRT_TRY(frt_var_op(b, "equal", s, zero, &begins, err));
  FRT_TRY(frt_switch_case(sw, begins, err));
  FRT_TRY(frt_layers_assign(b, unit, &part, err));
  FRT_TRY(frt_switch_end_case(sw, err));
  *out = part;
  FRT_TRY(times(b, out, a->steps, err));
  return frt_var_op(b, "div", s, *out, out, err);
}

static frt_status_t polynomial(frt_builder_t *b, const args_t *a, frt_var_t *out,
                               frt_error_t *err) {
  frt_var_t s, limit;
  FRT_TRY(step(b, 0, &s, err));
  if (a->flag) {
    FRT_TRY(stretched(b, a, s, out, err));
  } else {
    FRT_TRY(frt_layers_fill_constant(b, 1, one, FRT_F32, a->steps, &limit, err));
    FRT_TRY(frt_layers_elementwise_min(b, s, limit, -1, NULL, out, err));
    FRT_TRY(frt_var_op_number(b, "div", *out, a->steps, 0, out, err));
  }
  FRT_TRY(frt_var_op_number(b, "sub", *out, 1, 1, out, err));
  FRT_TRY(frt_var_op_number(b, "pow", *out, a->power, 0, out, err));
  FRT_TRY(times(b, out, a->rate - a->end, err));
  return plus(b, out, a->end, err);
}

/* factor: d_model. */
static frt_status_t noam(frt_builder_t *b, const args_t *a, frt_var_t *out,
                         frt_error_t *err) {
  frt_var_t s, falling, rising;
  FRT_TRY(step(b, 1, &s, err));
  FRT_TRY(frt_var_op_number(b, "pow", s, -0.5, 0, &falling, err));
  rising = s;
  FRT_TRY(times(b, &rising, pow(a->steps, -1.5), err));
  FRT_TRY(frt_layers_elementwise_min(b, falling, rising, -1, NULL, out, err));
  return times(b, out, a->rate * pow(a->factor, -0.5), err);
}

/* steps: per epoch; end: epochs. */
static frt_status_t cosine(frt_builder_t *b, const args_t *a, frt_var_t *out,
                           frt_error_t *err) {
  const double pi = 3.14159265358979323846;
  FRT_TRY(step(b, 0, out, err));
  FRT_TRY(frt_var_op_number(b, "div", *out, a->steps, 0, out, err));
  FRT_TRY(frt_layers_floor(b, *out, out, err));
  FRT_TRY(times(b, out, pi, err));
  FRT_TRY(frt_var_op_number(b, "div", *out, a->end, 0, out, err));
  FRT_TRY(frt_layers_cos(b, *out, out, err));
  FRT_TRY(plus(b, out, 1, err));
  return times(b, out, a->rate * 0.5, err);
}

/* ---- schedules that choose --------------------------------------------------------- */

static frt_status_t one_piece(frt_builder_t *b, frt_switch_t *sw, const args_t *a,
                              size_t i, frt_var_t s, frt_var_t rate, frt_error_t *err) {
  frt_var_t limit, value, below;
  if (i < a->n)
    FRT_TRY(frti_fill_constant(b, 1, one, FRT_F32, (double)a->boundaries[i], 1, &limit,
                               err));
  FRT_TRY(frt_layers_fill_constant(b, 1, one, FRT_F32, a->values[i], &value, err));
  if (i < a->n) {
    FRT_TRY(frt_var_op(b, "less_than", s, limit, &below, err));
    FRT_TRY(frt_switch_case(sw, below, err));
  } else {
    FRT_TRY(frt_switch_default(sw, err));
  }
  FRT_TRY(frt_layers_assign(b, value, &rate, err));
  return frt_switch_end_case(sw, err);
}

static frt_status_t piecewise(frt_builder_t *b, const args_t *a, frt_var_t *out,
                              frt_error_t *err) {
  frt_var_t s;
  frt_switch_t *sw;
  FRT_TRY(step(b, 0, &s, err));
  FRT_TRY(frt_layers_create_global_var(b, 1, one, 0, FRT_F32, 1, "learning_rate", out,
                                       err));
  FRT_TRY(frt_switch_begin(b, &sw, err));
  for (size_t i = 0; i <= a->n; ++i) FRT_TRY(one_piece(b, sw, a, i, s, *out, err));
  return FRT_OK;
}

/* factor: start. */
static frt_status_t warm(frt_builder_t *b, const args_t *a, frt_var_t s, frt_var_t rate,
                         frt_error_t *err) {
  frt_var_t v = s;
  FRT_TRY(frt_var_op_number(b, "div", v, a->steps, 0, &v, err));
  FRT_TRY(times(b, &v, a->end - a->factor, err));
  FRT_TRY(plus(b, &v, a->factor, err));
  return frt_layers_assign(b, v, &rate, err);
}

static frt_status_t warmup(frt_builder_t *b, const args_t *a, frt_var_t *out,
                           frt_error_t *err) {
  frt_var_t s, below, after = a->after;
  frt_switch_t *sw;
  FRT_TRY(frt_layers_create_global_var(b, 1, one, 0, FRT_F32, 1, "learning_rate_warmup",
                                       out, err));
  FRT_TRY(step(b, 0, &s, err));
  FRT_TRY(frt_switch_begin(b, &sw, err));
  FRT_TRY(frt_var_op_number(b, "less_than", s, a->steps, 0, &below, err));
  FRT_TRY(frt_switch_case(sw, below, err));
  FRT_TRY(warm(b, a, s, *out, err));
  FRT_TRY(frt_switch_end_case(sw, err));
  FRT_TRY(frt_switch_default(sw, err));
  if (!after.name)
    FRT_TRY(frt_layers_fill_constant(b, 1, one, FRT_F32, a->rate, &after, err));
  FRT_TRY(frt_layers_assign(b, after, out, err));
  return frt_switch_end_case(sw, err);
}

/* ---- public ------------------------------------------------------------------------ */

frt_status_t frt_piecewise_decay(frt_builder_t *b, const int64_t *boundaries,
                                 const double *values, size_t n, frt_var_t *out,
                                 frt_error_t *err) {
  const args_t a = {.boundaries = boundaries, .values = values, .n = n};
  frti_enter(b, "piecewise_decay");
  if ((n && !boundaries) || !values)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, values ? "boundaries" : "values",
                     "are NULL");
  for (size_t i = 1; i < n; ++i)
    if (boundaries[i] <= boundaries[i - 1])
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, "boundaries",
                       "[%zu] is %lld, not above the one before", i,
                       (long long)boundaries[i]);
  return scheduled(b, piecewise, &a, out, err);
}

frt_status_t frt_exponential_decay(frt_builder_t *b, double rate, double decay_steps,
                                   double decay_rate, int staircase, frt_var_t *out,
                                   frt_error_t *err) {
  const args_t a = {.rate = rate, .steps = decay_steps, .factor = decay_rate,
                    .flag = staircase};
  FRT_TRY(positive(b, "exponential_decay", "decay_steps", decay_steps, err));
  return scheduled(b, exponential, &a, out, err);
}

frt_status_t frt_natural_exp_decay(frt_builder_t *b, double rate, double decay_steps,
                                   double decay_rate, int staircase, frt_var_t *out,
                                   frt_error_t *err) {
  const args_t a = {.rate = rate, .steps = decay_steps, .factor = decay_rate,
                    .flag = staircase};
  FRT_TRY(positive(b, "natural_exp_decay", "decay_steps", decay_steps, err));
  return scheduled(b, natural_exp, &a, out, err);
}

frt_status_t frt_inverse_time_decay(frt_builder_t *b, double rate, double decay_steps,
                                    double decay_rate, int staircase, frt_var_t *out,
                                    frt_error_t *err) {
  const args_t a = {.rate = rate, .steps = decay_steps, .factor = decay_rate,
                    .flag = staircase};
  FRT_TRY(positive(b, "inverse_time_decay", "decay_steps", decay_steps, err));
  return scheduled(b, inverse_time, &a, out, err);
}

frt_status_t frt_polynomial_decay(frt_builder_t *b, double rate, double decay_steps,
                                  double end_rate, double power, int cycle,
                                  frt_var_t *out, frt_error_t *err) {
  const args_t a = {.rate = rate, .steps = decay_steps, .end = end_rate, .power = power,
                    .flag = cycle};
  FRT_TRY(positive(b, "polynomial_decay", "decay_steps", decay_steps, err));
  return scheduled(b, polynomial, &a, out, err);
}

frt_status_t frt_noam_decay(frt_builder_t *b, double d_model, double warmup_steps,
                            double rate, frt_var_t *out, frt_error_t *err) {
  const args_t a = {.rate = rate, .steps = warmup_steps, .factor = d_model};
  FRT_TRY(positive(b, "noam_decay", "d_model", d_model, err));
  FRT_TRY(positive(b, "noam_decay", "warmup_steps", warmup_steps, err));
  return scheduled(b, noam, &a, out, err);
}

frt_status_t frt_cosine_decay(frt_builder_t *b, double rate, double step_each_epoch,
                              double epochs, frt_var_t *out, frt_error_t *err) {
  const args_t a = {.rate = rate, .steps = step_each_epoch, .end = epochs};
  FRT_TRY(positive(b, "cosine_decay", "step_each_epoch", step_each_epoch, err));
  FRT_TRY(positive(b, "cosine_decay", "epochs", epochs, err));
  return scheduled(b, cosine, &a, out, err);
}

frt_status_t frt_linear_lr_warmup(frt_builder_t *b, double rate, frt_var_t after,
                                  double warmup_steps, double start, double end,
                                  frt_var_t *out, frt_error_t *err) {
  const args_t a = {.rate = rate, .after = after, .steps = warmup_steps, .factor = start,
                    .end = end};
  FRT_TRY(positive(b, "linear_lr_warmup", "warmup_steps", warmup_steps, err));
  return scheduled(b, warmup, &a, out, err);
}
