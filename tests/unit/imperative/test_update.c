/* Optimizers and decay objects in imperative mode. Golden cases hold what Paddle computed;
 * here is what they leave out: sgd by hand, refusals, state. */
#include <math.h>

#include "guard.h"

/* A parameter [2] that starts as given, and loss = sum(2 p), whose gradient is 2. */
static frt_var_t parameter(guard_t *g, const char *name, float a, float b, double factor,
                           int frozen, const frt_decay_t *decay) {
  const float start[] = {a, b};
  frt_param_attr_t attr = {.name = name, .learning_rate = factor, .not_trainable = frozen,
      .initializer = {.kind = FRT_INIT_ARRAY, .data = start, .data_bytes = sizeof start}};
  const int64_t dims[] = {2};
  frt_var_t v;
  if (decay) attr.regularizer = *decay;
  OK(frt_layers_create_parameter(g->b, 1, dims, FRT_F32, &attr, &v, &g->err));
  return v;
}

static frt_var_t backward(guard_t *g, frt_var_t p) {
  frt_var_t y;
  OK(frt_layers_scale(g->b, p, 2, 0, 0, &y, &g->err));
  OK(frt_layers_reduce_sum(g->b, y, NULL, &y, &g->err));
  OK(frt_imperative_backward(g->im, y, &g->err));
  return y;
}

static frt_optimizer_t *sgd(guard_t *g, double rate, const frt_var_t *p, size_t n,
                            frt_optimizer_options_t o) {
  const char *names[4];
  frt_optimizer_t *out = NULL;
  for (size_t i = 0; i < n; ++i) names[i] = p[i].name;
  o.learning_rate = rate;
  o.parameter_list = names;
  o.n_parameters = n;
  OK(frt_optimizer_create(g->b, FRT_OPTIMIZER_SGD, &o, &out, &g->err));
  return out;
}

/* p - 0.5 * 2; a factor of 0.5; what is frozen stays; what has no gradient is no pair. */
static void minimize_updates_from_the_gradients_there_are(void **state) {
  guard_t *g = *state;
  const frt_var_t p[] = {parameter(g, "z", 1, 2, 0, 0, NULL),
                         parameter(g, "half", 1, 2, 0.5, 0, NULL),
                         parameter(g, "frozen", 1, 2, 0, 1, NULL),
                         parameter(g, "idle", 1, 2, 0, 0, NULL)};
  frt_optimizer_t *o = sgd(g, 0.5, p, 4, (frt_optimizer_options_t){0});
  frt_minimized_t m = {0};
  frt_var_t y, z;
  OK(frt_layers_elementwise_add(g->b, p[0], p[1], -1, NULL, &y, &g->err));
  OK(frt_layers_elementwise_add(g->b, y, p[2], -1, NULL, &y, &g->err));
  z = backward(g, y);
  OK(frt_optimizer_minimize(o, z, NULL, &m, &g->err));
  assert_int_equal(0, m.n_ops);
  assert_int_equal(2, m.n_pairs);
  assert_string_equal("z", m.pairs[0].param); /* the list's order, not the names' */
  assert_string_equal("z@GRAD", m.pairs[0].grad);
  assert_string_equal("half", m.pairs[1].param);
  value_is(g, p[0], F(0, 1));
  value_is(g, p[1], F(0.5f, 1.5f));
  value_is(g, p[2], F(1, 2));
  value_is(g, p[3], F(1, 2));
  gradient_is(g, p[0], F(2, 2)); /* not cleared */
  value_is(g, z, F(18));         /* still there: 2 * (1+2) * 3 */
  OK(frt_optimizer_minimize(o, z, NULL, &m, &g->err));
  value_is(g, p[0], F(-1, 0));
  OK(frt_optimizer_clear_gradients(o, &g->err));
  gradient_is(g, p[1], F(0, 0));
  frt_optimizer_release(o);
}

/* Clipped to the norm 1 of (2, 2): 1/sqrt 2 each; then 0.25 p is added; what is kept stays
 * raw. The parameter's own regularizer replaces the optimizer's. */
static void clip_and_decay_leave_the_kept_gradient_raw(void **state) {
  guard_t *g = *state;
  const frt_decay_t own = {FRT_DECAY_L1, 1};
  const frt_var_t p[] = {parameter(g, "p", 4, 8, 0, 0, NULL),
                         parameter(g, "q", 4, -8, 0, 0, &own)};
  const frt_optimizer_options_t options = {.regularization = {FRT_DECAY_L2, 0.25},
      .grad_clip = {.kind = FRT_CLIP_BY_VALUE, .max = 1}};
  frt_optimizer_t *o = sgd(g, 1, p, 2, options);
  frt_var_t y;
  for (int step = 0; step < 2; ++step) {
    OK(frt_layers_elementwise_add(g->b, p[0], p[1], -1, NULL, &y, &g->err));
    y = backward(g, y);
    OK(frt_optimizer_minimize(o, y, NULL, NULL, &g->err));
    gradient_is(g, p[0], F(2, 2));
    if (!step) {
      value_is(g, p[0], F(4 - (1 + 1), 8 - (1 + 2)));
      value_is(g, p[1], F(4 - (1 + 1), -8 - (1 - 1)));
    }
  }
  value_is(g, p[0], F(2 - (1 + 0.5f), 5 - (1 + 1.25f)));
  value_is(g, p[1], F(2 - (1 + 1), -8 - (1 - 1)));
  frt_optimizer_release(o);
}

static void decay_alone_leaves_it_raw_too(void **state) {
  guard_t *g = *state;
  const frt_var_t p = parameter(g, "p", 4, 8, 0, 0, NULL);
  frt_optimizer_t *o =
      sgd(g, 0.5, &p, 1, (frt_optimizer_options_t){.regularization = {FRT_DECAY_L2, 0.25}});
  const frt_var_t y = backward(g, p);
  OK(frt_optimizer_minimize(o, y, NULL, NULL, &g->err));
  value_is(g, p, F(4 - 0.5f * (2 + 1), 8 - 0.5f * (2 + 2)));
  gradient_is(g, p, F(2, 2));
  frt_optimizer_release(o);
}

static void minimize_ends_a_graph_that_was_used(void **state) {
  guard_t *g = *state;
  const frt_var_t p = parameter(g, "p", 4, 8, 0, 0, NULL);
  frt_optimizer_t *o = sgd(g, 1, &p, 1, (frt_optimizer_options_t){0});
  const frt_var_t y = backward(g, p);
  OK(frt_imperative_backward(g->im, y, &g->err));
  OK(frt_optimizer_minimize(o, y, NULL, NULL, &g->err));
  FAILS(FRT_FAILED_PRECONDITION,
        "backward: variable '0~reduce_sum_0.tmp_0' depends on nothing that takes a gradient in "
        "this graph",
        frt_imperative_backward(g->im, y, &g->err));
  frt_optimizer_release(o);
}

static void the_constructor_says_what_is_missing(void **state) {
  guard_t *g = *state;
  const frt_var_t p = parameter(g, "p", 4, 8, 0, 0, NULL);
  const char *names[] = {"p", "p"}, *unknown[] = {"q"}, *holes[] = {NULL};
  frt_optimizer_options_t o = {.learning_rate = 0.1};
  frt_optimizer_t *out = NULL;
  FAILS(FRT_INVALID_ARGUMENT,
        "SGDOptimizer: parameter_list is not given; imperative mode needs it",
        frt_optimizer_create(g->b, FRT_OPTIMIZER_SGD, &o, &out, &g->err));
  o.parameter_list = names;
  o.n_parameters = 2;
  FAILS(FRT_ALREADY_EXISTS, "SGDOptimizer: parameter_list names 'p' twice",
        frt_optimizer_create(g->b, FRT_OPTIMIZER_SGD, &o, &out, &g->err));
  o.n_parameters = 1;
  o.learning_rate_var = p;
  FAILS(FRT_INVALID_ARGUMENT,
        "SGDOptimizer: learning_rate is a variable; imperative mode takes a number or a decay "
        "object",
        frt_optimizer_create(g->b, FRT_OPTIMIZER_SGD, &o, &out, &g->err));
  o.learning_rate_var = (frt_var_t){0};
  o.learning_rate = 0;
  FAILS(FRT_INVALID_ARGUMENT,
        "SGDOptimizer: learning_rate is not given; FRT_ZERO is a real 0",
        frt_optimizer_create(g->b, FRT_OPTIMIZER_SGD, &o, &out, &g->err));
  o.learning_rate = 1;
  o.parameter_list = unknown;
  FAILS(FRT_NOT_FOUND,
        "SGDOptimizer: parameter_list 'q' is not in block 0 of its program",
        frt_optimizer_create(g->b, FRT_OPTIMIZER_SGD, &o, &out, &g->err));
  o.parameter_list = holes;
  FAILS(FRT_INVALID_ARGUMENT, "SGDOptimizer: parameter_list [0] is NULL",
        frt_optimizer_create(g->b, FRT_OPTIMIZER_SGD, &o, &out, &g->err));
  assert_null(out);
}

static double rate_of(guard_t *g, frt_optimizer_t *o) {
  double lr = -1;
  OK(frt_optimizer_current_step_lr(o, &lr, &g->err));
  return lr;
}

static void set_lr_refuses_and_changes_nothing(void **state) {
  guard_t *g = *state;
  const frt_var_t p = parameter(g, "p", 4, 8, 0, 0, NULL);
  const frt_var_t wide = variable(g, 2, 0, (const float[]){1, 2});
  const frt_var_t rate = variable(g, 1, 0, (const float[]){0.25f});
  frt_optimizer_t *o = sgd(g, 0.3, &p, 1, (frt_optimizer_options_t){0});
  frt_var_t y;
  assert_true(rate_of(g, o) == 0.3); /* the number itself */
  FAILS(FRT_INVALID_ARGUMENT, "set_lr: value 'generated_var_0' has shape [2]; wanted [1]",
        frt_optimizer_set_lr_var(o, wide, &g->err));
  OK(frt_layers_scale(g->b, rate, 2, 0, 0, &y, &g->err));
  FAILS(FRT_INVALID_ARGUMENT,
        "set_lr: value '0~scale_0.tmp_0' is a layer's result, which goes with its graph",
        frt_optimizer_set_lr_var(o, y, &g->err));
  FAILS(FRT_INVALID_ARGUMENT, "set_lr: variable is none",
        frt_optimizer_set_lr_var(o, (frt_var_t){0}, &g->err));
  assert_true(rate_of(g, o) == 0.3);
  OK(frt_optimizer_set_lr_var(o, rate, &g->err));
  assert_true(rate_of(g, o) == 0.25);
  FAILS(FRT_FAILED_PRECONDITION,
        "drop: variable 'generated_var_1' is the learning rate of an optimizer",
        frt_imperative_drop(g->im, rate, &g->err));
  OK(frt_optimizer_set_lr(o, 0, &g->err));
  assert_true(rate_of(g, o) == 0);
  value_is(g, rate, F(0));
  OK(frt_optimizer_set_lr(o, NAN, &g->err));
  assert_true(isnan(rate_of(g, o)));
  frt_optimizer_release(o);
  o = sgd(g, 0.3, &p, 1, (frt_optimizer_options_t){0});
  OK(frt_optimizer_set_lr(o, 0, &g->err)); /* not "not given" */
  assert_true(rate_of(g, o) == 0);
  y = backward(g, p);
  OK(frt_optimizer_minimize(o, y, NULL, NULL, &g->err));
  value_is(g, p, F(4, 8));
  frt_optimizer_release(o);
}

static void minimize_wants_a_loss_of_its_guard(void **state) {
  guard_t *g = *state;
  const frt_var_t p = parameter(g, "p", 4, 8, 0, 0, NULL);
  frt_optimizer_t *o = sgd(g, 1, &p, 1, (frt_optimizer_options_t){0});
  frt_program_t *other = NULL;
  OK(frt_program_create(&other, &g->err));
  FAILS(FRT_INVALID_ARGUMENT, "SGDOptimizer: loss is no variable",
        frt_optimizer_minimize(o, (frt_var_t){0}, NULL, NULL, &g->err));
  FAILS(FRT_INVALID_ARGUMENT, "SGDOptimizer: loss is a variable of another guard",
        frt_optimizer_minimize(o, (frt_var_t){other, 0, "p"}, NULL, NULL, &g->err));
  FAILS(FRT_FAILED_PRECONDITION,
        "SGDOptimizer: apply_gradients builds static graphs; imperative mode has minimize",
        frt_optimizer_apply_gradients(o, NULL, 0, NULL, &g->err));
  frt_program_release(other);
  frt_optimizer_release(o);
}

/* ---- decay objects --------------------------------------------------------------------------- */

/* The rates of n minimizes, to 1e-6 of the greatest. */
static void rates_are(guard_t *g, frt_lr_decay_t *d, size_t n, const double *want) {
  const frt_var_t p = parameter(g, "p", 4, 8, 0, 0, NULL);
  const frt_optimizer_options_t options = {.learning_rate_decay = d};
  frt_optimizer_t *o = sgd(g, 0, &p, 1, options);
  assert_true(fabs(rate_of(g, o) - want[0]) < 1e-6);
  for (size_t i = 0; i < n; ++i) {
    OK(frt_optimizer_minimize(o, p, NULL, NULL, &g->err));
    if (fabs(rate_of(g, o) - want[i]) > 1e-6)
      fail_msg("minimize %zu: %.9g, want %.9g", i, rate_of(g, o), want[i]);
  }
  frt_optimizer_release(o);
}

/* exp(-s/4) * 0.5 at s = 3, 5, 7. */
static void begin_and_step_count(void **state) {
  guard_t *g = *state;
  const frt_lr_decay_options_t o = {.learning_rate = 0.5, .decay_steps = 4, .decay_rate = 1,
                                    .has_begin = 1, .begin = 3, .step = 2};
  const double want[] = {0.5 * exp(-0.75), 0.5 * exp(-1.25), 0.5 * exp(-1.75)};
  frt_lr_decay_t *d = NULL;
  OK(frt_lr_decay_create(g->im, FRT_LR_NATURAL_EXP, &o, &d, &g->err));
  rates_are(g, d, 3, want);
  frt_lr_decay_release(d);
}

/* (0.4 - 0) / 4 * s for s = 1, 2, 3, then what the inner object has come to: 1, 1/2, 1/4
 * for its steps 0, 1, 2, and so on. */
static void a_warmup_goes_over_into_another_schedule(void **state) {
  guard_t *g = *state;
  const frt_lr_decay_options_t halves = {.learning_rate = 1, .decay_steps = 1, .decay_rate = 0.5};
  frt_lr_decay_options_t o = {.warmup_steps = 4, .end_lr = 0.4};
  const double want[] = {0.1, 0.2, 0.3, 0.125, 0.0625};
  frt_lr_decay_t *d = NULL, *inner = NULL;
  OK(frt_lr_decay_create(g->im, FRT_LR_EXPONENTIAL, &halves, &inner, &g->err));
  o.after = inner;
  OK(frt_lr_decay_create(g->im, FRT_LR_LINEAR_WARMUP, &o, &d, &g->err));
  rates_are(g, d, 5, want);
  frt_lr_decay_release(d);
  frt_lr_decay_release(inner);
}

/* 0.5 / (1 + k * epoch). */
static double shrink(void *ctx, int64_t epoch) {
  return 1 / (1 + *(const double *)ctx * (double)epoch);
}

static void a_lambda_is_asked_for_each_epoch(void **state) {
  guard_t *g = *state;
  const frt_var_t p = parameter(g, "p", 4, 8, 0, 0, NULL);
  double k = 3;
  const frt_lr_decay_options_t o = {.learning_rate = 0.5, .lambda = shrink, .lambda_ctx = &k};
  frt_lr_decay_t *d = NULL;
  frt_tensor_t *t = NULL;
  OK(frt_lr_decay_create(g->im, FRT_LR_LAMBDA, &o, &d, &g->err));
  frt_optimizer_t *sgd_o = sgd(g, 0, &p, 1, (frt_optimizer_options_t){.learning_rate_decay = d});
  for (int epoch = 0; epoch < 3; ++epoch) {
    OK(frt_optimizer_minimize(sgd_o, p, NULL, NULL, &g->err));
    assert_true(rate_of(g, sgd_o) == (float)(0.5 / (1 + 3.0 * epoch)));
    OK(frt_lr_decay_epoch(d, &g->err));
  }
  OK(frt_optimizer_state(sgd_o, "LR_Scheduler", &t, &g->err));
  assert_int_equal(3, *(const int64_t *)frt_tensor_data(t));
  frt_tensor_release(t);
  FAILS(FRT_NOT_FOUND, "state: name 'global_step' is no state of this optimizer",
        frt_optimizer_state(sgd_o, "global_step", &t, &g->err));
  frt_optimizer_release(sgd_o);
  frt_lr_decay_release(d);
}

static void decay_objects_name_what_they_refuse(void **state) {
  guard_t *g = *state;
  const int64_t down[] = {5, 3};
  const double values[] = {1, 2, 3};
  frt_lr_decay_t *d = NULL, *step = NULL;
  const frt_lr_decay_options_t piecewise = {.bounds = down, .values = values, .n = 2};
  const frt_lr_decay_options_t none = {.learning_rate = 1},
                               begun = {.learning_rate = 1, .step_size = 1, .step = 1};
  const frt_lr_decay_options_t good = {.learning_rate = 1, .step_size = 1};
  FAILS(FRT_INVALID_ARGUMENT, "lr_decay: kind 99 is no decay",
        frt_lr_decay_create(g->im, (frt_lr_decay_kind_t)99, &none, &d, &g->err));
  FAILS(FRT_INVALID_ARGUMENT, "NoamDecay: options are NULL",
        frt_lr_decay_create(g->im, FRT_LR_NOAM, NULL, &d, &g->err));
  FAILS(FRT_INVALID_ARGUMENT, "piecewise_decay: boundaries [1] is 3, not above the one before",
        frt_lr_decay_create(g->im, FRT_LR_PIECEWISE, &piecewise, &d, &g->err));
  FAILS(FRT_INVALID_ARGUMENT, "MultiStepDecay: milestones [1] is 3, not above the one before",
        frt_lr_decay_create(g->im, FRT_LR_MULTI_STEP, &piecewise, &d, &g->err));
  FAILS(FRT_INVALID_ARGUMENT, "StepDecay: step_size is 0; wanted 1 or more",
        frt_lr_decay_create(g->im, FRT_LR_STEP, &none, &d, &g->err));
  FAILS(FRT_INVALID_ARGUMENT, "StepDecay: step is given; it moves by epochs from 0",
        frt_lr_decay_create(g->im, FRT_LR_STEP, &begun, &d, &g->err));
  FAILS(FRT_INVALID_ARGUMENT, "LambdaDecay: lambda is NULL",
        frt_lr_decay_create(g->im, FRT_LR_LAMBDA, &none, &d, &g->err));
  assert_null(d);
  OK(frt_lr_decay_create(g->im, FRT_LR_STEP, &good, &step, &g->err));
  OK(frt_lr_decay_create(g->im, FRT_LR_EXPONENTIAL,
                         &(frt_lr_decay_options_t){.decay_steps = 1, .decay_rate = 1}, &d,
                         &g->err));
  FAILS(FRT_FAILED_PRECONDITION, "ExponentialDecay: moves with minimize",
        frt_lr_decay_epoch(d, &g->err));
  frt_lr_decay_release(step);
  frt_lr_decay_release(d);
}

static void a_decay_object_needs_imperative_mode(void **state) {
  guard_t *g = *state;
  frt_lr_decay_t *d = NULL;
  frt_builder_t *b = NULL;
  frt_optimizer_t *o = NULL;
  frt_optimizer_options_t options = {0};
  const char **names = NULL;
  size_t n = 0;
  frt_tensor_t *t = NULL;
  OK(frt_lr_decay_create(g->im, FRT_LR_STEP,
                         &(frt_lr_decay_options_t){.learning_rate = 1, .step_size = 1}, &d,
                         &g->err));
  OK(frt_builder_create(&b, &g->err));
  options.learning_rate_decay = d;
  FAILS(FRT_INVALID_ARGUMENT,
        "SGDOptimizer: learning_rate is a decay object, which needs imperative mode",
        frt_optimizer_create(b, FRT_OPTIMIZER_SGD, &options, &o, &g->err));
  options = (frt_optimizer_options_t){.learning_rate = 1};
  OK(frt_optimizer_create(b, FRT_OPTIMIZER_SGD, &options, &o, &g->err));
  FAILS(FRT_FAILED_PRECONDITION,
        "state_names: needs imperative mode; this optimizer builds static graphs",
        frt_optimizer_state_names(o, &names, &n, &g->err));
  FAILS(FRT_FAILED_PRECONDITION,
        "state: needs imperative mode; this optimizer builds static graphs",
        frt_optimizer_state(o, "x", &t, &g->err));
  frt_optimizer_release(o);
  frt_builder_release(b);
  frt_lr_decay_release(d);
}

/* ---- state --------------------------------------------------------------------------------------- */

static void accumulators_are_states_and_variables(void **state) {
  guard_t *g = *state;
  const frt_var_t p = parameter(g, "p", 4, 8, 0, 0, NULL);
  const char *list[] = {"p"}, **names = NULL;
  const frt_optimizer_options_t options = {.learning_rate = 1, .momentum = 0.5,
                                           .parameter_list = list, .n_parameters = 1};
  frt_optimizer_t *o = NULL;
  frt_tensor_t *t = NULL;
  frt_var_t v;
  size_t n = 9;
  OK(frt_optimizer_create(g->b, FRT_OPTIMIZER_MOMENTUM, &options, &o, &g->err));
  OK(frt_optimizer_state_names(o, &names, &n, &g->err));
  assert_int_equal(0, n);
  frt_free(names);
  OK(frt_optimizer_minimize(o, backward(g, p), NULL, NULL, &g->err));
  OK(frt_optimizer_state_names(o, &names, &n, &g->err));
  assert_int_equal(1, n);
  assert_string_equal("p_velocity_0", names[0]);
  frt_free(names);
  OK(frt_optimizer_state(o, "p_velocity_0", &t, &g->err));
  holds(t, F(2, 2));
  FAILS(FRT_NOT_FOUND, "state: name 'q' is no state of this optimizer",
        frt_optimizer_state(o, "q", &t, &g->err));
  OK(frt_builder_var(g->b, "p_velocity_0", &v, &g->err));
  t = matrix(2, 0, (const float[]){10, 20});
  OK(frt_imperative_assign(g->im, v, t, &g->err));
  frt_tensor_release(t);
  OK(frt_optimizer_minimize(o, p, NULL, NULL, &g->err)); /* v = 0.5 v + 2; p -= v */
  value_is(g, p, F(4 - 2 - 7, 8 - 2 - 12));
  frt_optimizer_release(o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      GUARD_TEST(minimize_updates_from_the_gradients_there_are),
      GUARD_TEST(clip_and_decay_leave_the_kept_gradient_raw),
      GUARD_TEST(decay_alone_leaves_it_raw_too),
      GUARD_TEST(minimize_ends_a_graph_that_was_used),
      GUARD_TEST(the_constructor_says_what_is_missing),
      GUARD_TEST(set_lr_refuses_and_changes_nothing),
      GUARD_TEST(minimize_wants_a_loss_of_its_guard),
      GUARD_TEST(begin_and_step_count),
      GUARD_TEST(a_warmup_goes_over_into_another_schedule),
      GUARD_TEST(a_lambda_is_asked_for_each_epoch),
      GUARD_TEST(decay_objects_name_what_they_refuse),
      GUARD_TEST(a_decay_object_needs_imperative_mode),
      GUARD_TEST(accumulators_are_states_and_variables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
