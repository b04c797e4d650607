/* Backward and optimizers: results, refusals, imperative-only methods. */
#include <string.h>

#include "net.h"

static int has_var(const net_t *n, const char *name) {
  frt_var_info_t info;
  return frt_program_find_var(frt_builder_main(n->b), 0, name, &info, NULL) == FRT_OK;
}

static frt_optimizer_t *lars(net_t *n) {
  frt_optimizer_t *o = NULL;
  assert_int_equal(FRT_OK, frt_lars_momentum_create(n->b, 0.1, 0.9, NULL, &o, &n->err));
  return o;
}

static void minimize_returns_updates_and_raw_gradients(void **state) {
  net_t *n = *state;
  frt_optimizer_t *o = lars(n);
  frt_minimized_t m;
  assert_int_equal(FRT_OK, frt_optimizer_minimize(o, n->loss, NULL, &m, &n->err));
  assert_int_equal(m.n_ops, 4);
  for (size_t i = 0; i < 4; ++i)
    assert_string_equal("lars_momentum",
                        frt_program_op_type(frt_builder_main(n->b), 0, m.ops[i]));
  assert_int_equal(m.n_pairs, 4);
  assert_string_equal(m.pairs[0].param, "fc_0.w_0"); /* in creation order */
  assert_string_equal(m.pairs[0].grad, "fc_0.w_0@GRAD");
  assert_string_equal(m.pairs[3].param, "fc_1.b_0");
  frt_optimizer_release(o);
}

static void one_optimizer_minimizes_once(void **state) {
  net_t *n = *state;
  frt_optimizer_t *o = lars(n);
  assert_int_equal(FRT_OK, frt_optimizer_minimize(o, n->loss, NULL, NULL, &n->err));
  assert_int_equal(FRT_ALREADY_EXISTS,
                   frt_optimizer_minimize(o, n->loss, NULL, NULL, &n->err));
  assert_string_equal(n->err.message, "LarsMomentumOptimizer: parameter 'fc_0.b_0' has its "
                                      "accumulator velocity already");
  frt_optimizer_release(o);
}

static void a_parameter_named_twice_is_refused(void **state) {
  net_t *n = *state;
  frt_optimizer_t *o = lars(n);
  const char *const twice[] = {"fc_0.w_0", "fc_0.w_0"};
  const frt_minimize_options_t m = {.parameter_list = twice, .n_parameters = 2};
  assert_int_equal(FRT_ALREADY_EXISTS,
                   frt_optimizer_minimize(o, n->loss, &m, NULL, &n->err));
  assert_string_equal(n->err.message,
                      "LarsMomentumOptimizer: parameter 'fc_0.w_0' is there twice");
  frt_optimizer_release(o);
}

static void unknown_parameters_train_nothing(void **state) {
  net_t *n = *state;
  frt_optimizer_t *o = lars(n);
  const char *const list[] = {"elsewhere"};
  const frt_minimize_options_t m = {.parameter_list = list, .n_parameters = 1};
  frt_minimized_t r;
  assert_int_equal(FRT_OK, frt_optimizer_minimize(o, n->loss, &m, &r, &n->err));
  assert_int_equal(r.n_ops, 0);
  assert_int_equal(r.n_pairs, 0);
  frt_optimizer_release(o);
}

static void the_loss_is_one_float(void **state) {
  net_t *n = *state;
  frt_optimizer_t *o = lars(n);
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   frt_optimizer_minimize(o, n->out, NULL, NULL, &n->err));
  assert_string_equal(n->err.message,
                      "backward: loss 'fc_1.tmp_1' has shape [-1, 2]; wanted [1]");
  frt_optimizer_release(o);
}

static void a_variable_without_gradient_stops_what_is_below(void **state) {
  net_t *n = *state;
  const char *const no_grad[] = {"fc_0.tmp_2"};
  frt_param_grad_t *pairs;
  size_t count;
  assert_int_equal(FRT_OK, frt_append_backward(n->b, n->loss, NULL, 0, no_grad, 1, &pairs,
                                               &count, &n->err));
  assert_int_equal(count, 2);
  assert_string_equal(pairs[0].param, "fc_1.w_0");
  assert_true(has_var(n, "fc_1.w_0@GRAD"));
  assert_false(has_var(n, "fc_0.tmp_2@GRAD"));
  assert_false(has_var(n, "fc_0.w_0@GRAD"));
}

static void a_second_backward_has_names_of_its_own(void **state) {
  net_t *n = *state;
  frt_param_grad_t *pairs;
  size_t count;
  assert_int_equal(FRT_OK, frt_append_backward(n->b, n->loss, NULL, 0, NULL, 0, &pairs,
                                               &count, &n->err));
  assert_int_equal(FRT_OK, frt_append_backward(n->b, n->loss, NULL, 0, NULL, 0, &pairs,
                                               &count, &n->err));
  assert_int_equal(count, 4);
  assert_string_equal(pairs[0].grad, "grad/grad/fc_0.w_0@GRAD");
  assert_true(has_var(n, "grad/grad/fc_0.tmp_2@GRAD"));
  assert_true(has_var(n, "mean_0.tmp_0@GRAD_0"));
}

static void backward_inside_a_switch_is_refused(void **state) {
  net_t *n = *state;
  const int64_t one[] = {1};
  frt_optimizer_t *o = lars(n);
  frt_switch_t *s;
  frt_var_t a, yes;
  assert_int_equal(FRT_OK, frt_layers_fill_constant(n->b, 1, one, FRT_F32, 1, &a, &n->err));
  assert_int_equal(FRT_OK, frt_layers_equal(n->b, a, a, &yes, &n->err));
  assert_int_equal(FRT_OK, frt_switch_begin(n->b, &s, &n->err));
  assert_int_equal(FRT_OK, frt_switch_case(s, yes, &n->err));
  assert_int_equal(FRT_FAILED_PRECONDITION,
                   frt_optimizer_minimize(o, n->loss, NULL, NULL, &n->err));
  assert_string_equal(n->err.message, "backward: loss 'mean_0.tmp_0': backward inside "
                                      "control flow is not supported");
  assert_int_equal(FRT_FAILED_PRECONDITION,
                   frt_optimizer_apply_gradients(o, NULL, 0, NULL, &n->err));
  assert_string_equal(n->err.message, "LarsMomentumOptimizer: updates inside control flow "
                                      "are not supported");
  frt_optimizer_release(o);
}

static void the_rate_variable_has_one_element(void **state) {
  net_t *n = *state;
  const frt_optimizer_options_t options = {.learning_rate_var = n->x};
  frt_optimizer_t *o;
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_optimizer_create(n->b, FRT_OPTIMIZER_SGD,
                                                              &options, &o, &n->err));
  assert_string_equal(n->err.message,
                      "SGDOptimizer: learning_rate 'x' has shape [-1, 4]; wanted [1]");
  assert_null(o);
}

static void imperative_methods_say_that_they_are(void **state) {
  net_t *n = *state;
  frt_optimizer_t *o = lars(n);
  double rate;
  assert_int_equal(FRT_FAILED_PRECONDITION, frt_optimizer_clear_gradients(o, &n->err));
  assert_string_equal(n->err.message, "LarsMomentumOptimizer: clear_gradients needs "
                                      "imperative mode; this optimizer builds static graphs");
  assert_int_equal(FRT_FAILED_PRECONDITION, frt_optimizer_set_lr(o, 0.2, &n->err));
  assert_string_equal(n->err.message, "LarsMomentumOptimizer: set_lr needs imperative mode; "
                                      "this optimizer builds static graphs");
  assert_int_equal(FRT_FAILED_PRECONDITION,
                   frt_optimizer_current_step_lr(o, &rate, &n->err));
  assert_string_equal(n->err.message,
                      "LarsMomentumOptimizer: current_step_lr needs imperative mode; this "
                      "optimizer builds static graphs");
  frt_optimizer_release(o);
}

static void schedules_name_the_argument_they_refuse(void **state) {
  net_t *n = *state;
  const int64_t down[] = {5, 3};
  const double values[] = {1, 2, 3};
  frt_var_t v;
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   frt_piecewise_decay(n->b, down, values, 2, &v, &n->err));
  assert_string_equal(n->err.message,
                      "piecewise_decay: boundaries [1] is 3, not above the one before");
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   frt_exponential_decay(n->b, 0.1, 0, 0.5, 0, &v, &n->err));
  assert_string_equal(n->err.message,
                      "exponential_decay: decay_steps is 0; wanted more than 0");
}

static double attribute(const net_t *n, uint32_t op, const char *name) {
  const frt_program_t *p = frt_builder_main(n->b);
  for (uint32_t i = 0; i < frt_program_op_n_attrs(p, 0, op); ++i) {
    frt_attr_info_t a;
    assert_int_equal(FRT_OK, frt_program_op_attr(p, 0, op, i, &a, NULL));
    if (!strcmp(a.name, name)) return a.f;
  }
  return -1;
}

static int is_bias(void *ctx, const char *parameter) {
  (void)ctx;
  return strstr(parameter, ".b_") != NULL;
}

static void lamb_excludes_parameters_from_its_decay(void **state) {
  net_t *n = *state;
  const frt_optimizer_options_t options = {.lamb_weight_decay = 0.25,
                                           .exclude_from_weight_decay = is_bias};
  frt_optimizer_t *o;
  frt_minimized_t m;
  assert_int_equal(FRT_OK, frt_optimizer_create(n->b, FRT_OPTIMIZER_LAMB, &options, &o,
                                                &n->err));
  assert_int_equal(FRT_OK, frt_optimizer_minimize(o, n->loss, NULL, &m, &n->err));
  assert_int_equal(m.n_ops, 4); /* fc_0.b_0, fc_0.w_0, fc_1.b_0, fc_1.w_0 */
  for (size_t i = 0; i < 4; ++i)
    assert_true(attribute(n, m.ops[i], "weight_decay") == (i & 1 ? 0.25 : 0));
  frt_optimizer_release(o);
}

/* What Fluid's user would put into a nested list stands side by side in a flat one. */
static void minimize_gives_items_of_a_fetch_list(void **state) {
  net_t *n = *state;
  frt_optimizer_t *o = lars(n);
  frt_minimized_t m;
  frt_fetch_t list[6] = {{.var = "mean_0.tmp_0"}};
  assert_int_equal(FRT_OK, frt_optimizer_minimize(o, n->loss, NULL, &m, &n->err));
  assert_int_equal(frt_minimized_fetches(&m, NULL, 0), 4); /* how many */
  assert_int_equal(frt_minimized_fetches(&m, list + 1, 5), 4);
  for (int i = 0; i < 4; ++i) {
    assert_null(list[1 + i].var);
    assert_int_equal(list[1 + i].block, 0);
    assert_int_equal(list[1 + i].op, m.ops[i]);
  }
  assert_int_equal(list[5].op, 0); /* not touched */
  frt_optimizer_release(o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      NET_TEST(minimize_returns_updates_and_raw_gradients),
      NET_TEST(one_optimizer_minimizes_once),
      NET_TEST(a_parameter_named_twice_is_refused),
      NET_TEST(unknown_parameters_train_nothing),
      NET_TEST(the_loss_is_one_float),
      NET_TEST(a_variable_without_gradient_stops_what_is_below),
      NET_TEST(a_second_backward_has_names_of_its_own),
      NET_TEST(backward_inside_a_switch_is_refused),
      NET_TEST(the_rate_variable_has_one_element),
      NET_TEST(imperative_methods_say_that_they_are),
      NET_TEST(schedules_name_the_argument_they_refuse),
      NET_TEST(lamb_excludes_parameters_from_its_decay),
      NET_TEST(minimize_gives_items_of_a_fetch_list),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
