/* minimize_forms and static_mode_errors. */
#include <math.h>

#include "records.h"

static frt_status_t minimize(rig_t *r, const frt_minimize_options_t *m) {
  MUST(frt_lars_momentum_create(r->b, 0.1, 0.9, NULL, &r->optimizer, &r->err));
  return frt_optimizer_minimize(r->optimizer, r->loss, m, &r->minimized, &r->err);
}

/* ---- startup programs ------------------------------------------------------------------- */

/* The variables that a program's ops write, in order, are these and no more. */
static void writes(rig_t *r, const frt_program_t *p, const char *const *names, uint32_t n) {
  assert_int_equal(frt_program_n_ops(p, 0), n);
  for (uint32_t i = 0; i < n; ++i) {
    frt_slot_info_t slot;
    MUST(frt_program_op_output(p, 0, i, 0, &slot, &r->err));
    assert_string_equal(slot.args[0], names[i]);
  }
}

static const char *const of_minimize[] = {"learning_rate_0", "fc_1.w_0_velocity_0",
                                          "fc_1.b_0_velocity_0", "fc_0.w_0_velocity_0",
                                          "fc_0.b_0_velocity_0"};
static const char *const of_layers[] = {"fc_1.b_0", "fc_1.w_0", "fc_0.b_0", "fc_0.w_0"};

static frt_status_t startup_given(rig_t *r) {
  frt_program_t *p = NULL;
  MUST(frt_program_create(&p, &r->err));
  const frt_minimize_options_t m = {.startup_program = p};
  const frt_status_t status = minimize(r, &m);
  writes(r, p, of_minimize, 5);
  writes(r, frt_builder_startup(r->b), of_layers, 4);
  frt_program_release(p);
  return status;
}

static frt_status_t startup_given_not_run(rig_t *r) {
  frt_program_t *p = NULL;
  const frt_fetch_t f = {.var = r->loss.name};
  frt_tensor_t *out = NULL;
  MUST(frt_program_create(&p, &r->err));
  const frt_minimize_options_t m = {.startup_program = p};
  MUST(minimize(r, &m));
  MUST(frt_executor_run(r->exe, frt_builder_startup(r->b), r->scope, NULL, 0, NULL, 0, NULL,
                        NULL, &r->err));
  const frt_status_t status = rig_run(r, &f, 1, &out, 0);
  frt_program_release(p);
  return status;
}

static frt_status_t loss_of_another_program(rig_t *r) {
  frt_program_t *main = NULL, *startup = NULL;
  MUST(frt_program_create(&main, &r->err));
  MUST(frt_program_create(&startup, &r->err));
  MUST(frt_builder_push_programs(r->b, main, startup, &r->err));
  const frt_status_t status = minimize(r, NULL);
  MUST(frt_builder_pop_programs(r->b, &r->err));
  writes(r, startup, of_minimize, 5);
  writes(r, frt_builder_startup(r->b), of_layers, 4);
  assert_int_equal(frt_program_n_ops(main, 0), 0);
  assert_int_equal(r->minimized.n_ops, 4);
  for (size_t i = 0; i < 4; ++i)
    assert_string_equal("lars_momentum", frt_program_op_type(frt_builder_main(r->b), 0,
                                                             r->minimized.ops[i]));
  frt_program_release(main);
  frt_program_release(startup);
  return status;
}

static frt_status_t no_loss(rig_t *r) {
  r->loss = (frt_var_t){0};
  return minimize(r, NULL);
}

/* ---- lists -------------------------------------------------------------------------------- */

/* Minimizes with the lists; what is updated is `want`, sorted. */
static frt_status_t updates(rig_t *r, const char *const *list, size_t n,
                            const char *const *no_grad, size_t n_no_grad,
                            const char *const *want, size_t n_want) {
  const frt_program_t *p = frt_builder_main(r->b);
  const frt_minimize_options_t m = {.parameter_list = list, .n_parameters = n,
                                    .no_grad_set = no_grad, .n_no_grad = n_no_grad};
  const frt_status_t status = minimize(r, &m);
  if (status != FRT_OK) return status;
  assert_int_equal(r->minimized.n_ops, n_want);
  for (size_t i = 0; i < n_want; ++i) {
    frt_slot_info_t slot;
    MUST(frt_program_op_output(p, 0, r->minimized.ops[i], 0, &slot, &r->err));
    assert_string_equal(slot.name, "ParamOut");
    assert_string_equal(slot.args[0], want[i]);
  }
  return status;
}

#define NAMES(...) (const char *const[]){__VA_ARGS__}
#define ALL NAMES("fc_0.b_0", "fc_0.w_0", "fc_1.b_0", "fc_1.w_0")

static frt_status_t list_of_two(rig_t *r) {
  return updates(r, NAMES("fc_1.w_0", "fc_0.b_0"), 2, NULL, 0,
                 NAMES("fc_0.b_0", "fc_1.w_0"), 2);
}
static frt_status_t list_of_one(rig_t *r) {
  return updates(r, NAMES("fc_1.w_0"), 1, NULL, 0, NAMES("fc_1.w_0"), 1);
}
static frt_status_t list_twice(rig_t *r) {
  return updates(r, NAMES("fc_0.w_0", "fc_0.w_0"), 2, NULL, 0, NULL, 0);
}
static frt_status_t list_with_a_hole(rig_t *r) {
  return updates(r, NAMES(NULL), 1, NULL, 0, NULL, 0);
}
static frt_status_t list_empty(rig_t *r) {
  return updates(r, NAMES("not looked at"), 0, NULL, 0, ALL, 4);
}
static frt_status_t no_grad_one(rig_t *r) {
  return updates(r, NULL, 0, NAMES("fc_0.w_0"), 1,
                 NAMES("fc_0.b_0", "fc_1.b_0", "fc_1.w_0"), 3);
}
static frt_status_t no_grad_with_a_hole(rig_t *r) {
  return updates(r, NULL, 0, NAMES(NULL), 1, NULL, 0);
}
static frt_status_t no_grad_unknown(rig_t *r) {
  return updates(r, NULL, 0, NAMES("nope"), 1, ALL, 4);
}
static frt_status_t no_grad_everything(rig_t *r) {
  return updates(r, NULL, 0, ALL, 4, NULL, 0);
}

/* ---- control flow ------------------------------------------------------------------------- */

static frt_status_t inside_a_switch(rig_t *r) {
  const int64_t one[] = {1};
  frt_param_grad_t *pairs;
  frt_switch_t *s;
  frt_var_t a, yes;
  size_t n;
  MUST(frt_lars_momentum_create(r->b, 0.1, 0.9, NULL, &r->optimizer, &r->err));
  MUST(frt_optimizer_backward(r->optimizer, r->loss, NULL, &pairs, &n, &r->err));
  MUST(frt_layers_fill_constant(r->b, 1, one, FRT_F32, 1, &a, &r->err));
  MUST(frt_layers_equal(r->b, a, a, &yes, &r->err));
  MUST(frt_switch_begin(r->b, &s, &r->err));
  MUST(frt_switch_case(s, yes, &r->err));
  return frt_optimizer_apply_gradients(r->optimizer, pairs, n, NULL, &r->err);
}

/* ---- the op fc ----------------------------------------------------------------------------- */

static frt_status_t raw_fc(rig_t *r, int64_t rows, int64_t bias_width, const char *act,
                           frt_var_t *out) {
  const int64_t w_dims[] = {rows, 3}, b_dims[] = {bias_width};
  const frt_param_attr_t w_attr = {.name = "w"}, b_attr = {.name = "b"};
  frt_var_t w, bias = {0};
  MUST(frt_layers_create_parameter(r->b, 2, w_dims, FRT_F32, &w_attr, &w, &r->err));
  if (bias_width)
    MUST(frt_layers_create_parameter(r->b, 1, b_dims, FRT_F32, &b_attr, &bias, &r->err));
  MUST(frt_builder_create_var(r->b, "o", FRT_F32, out, &r->err));
  const frt_op_slot_t in[] = {{"Input", 1, &r->x.name}, {"W", 1, &w.name},
                              {"Bias", 1, &bias.name}};
  const frt_op_slot_t to[] = {{"Out", 1, &out->name}};
  const frt_attr_info_t attrs[] = {{.name = "activation_type", .s = act}};
  return frt_append_op(r->b, "fc", in, bias_width ? 3 : 2, to, 1, attrs, 1, NULL, &r->err);
}

static frt_status_t relu_without_bias(rig_t *r) {
  frt_var_t out;
  return raw_fc(r, 2, 0, "relu", &out);
}
static frt_status_t fc_tanh(rig_t *r) {
  frt_var_t out;
  return raw_fc(r, 2, 3, "tanh", &out);
}
static frt_status_t fc_weight(rig_t *r) {
  frt_var_t out;
  return raw_fc(r, 3, 3, "", &out);
}
static frt_status_t fc_bias(rig_t *r) {
  frt_var_t out;
  return raw_fc(r, 2, 4, "", &out);
}

static frt_status_t fc_gradient(rig_t *r) {
  frt_param_grad_t *pairs;
  size_t n;
  frt_var_t out;
  MUST(raw_fc(r, 2, 3, "", &out));
  MUST(frt_layers_mean(r->b, out, &out, &r->err));
  const frt_status_t status =
      frt_append_backward(r->b, out, NULL, 0, NULL, 0, &pairs, &n, &r->err);
  if (status == FRT_OK) {
    assert_int_equal(n, 2);
    assert_string_equal(pairs[0].grad, "w@GRAD");
    assert_string_equal(pairs[1].grad, "b@GRAD");
  }
  return status;
}

static frt_status_t feed_not_needed(rig_t *r) {
  frt_program_t *p = NULL;
  const frt_status_t status = frt_inference_program(frt_builder_main(r->b),
                                                    NAMES("x", "label"), 2,
                                                    &r->out.name, 1, &p, &r->err);
  frt_program_release(p);
  return status;
}

/* ---- imperative methods --------------------------------------------------------------------- */

static frt_status_t clear_gradients(rig_t *r) {
  rig_train(r, NULL);
  return frt_optimizer_clear_gradients(r->optimizer, &r->err);
}
static frt_status_t set_lr(rig_t *r) {
  rig_train(r, NULL);
  return frt_optimizer_set_lr(r->optimizer, 0.1, &r->err);
}
static frt_status_t set_lr_nan(rig_t *r) {
  rig_train(r, NULL);
  return frt_optimizer_set_lr(r->optimizer, (double)NAN, &r->err);
}
static frt_status_t step_lr(rig_t *r) {
  rig_train(r, NULL);
  return frt_optimizer_current_step_lr(r->optimizer, NULL, &r->err);
}
static frt_status_t step_lr_first(rig_t *r) {
  double rate;
  MUST(frt_lars_momentum_create(r->b, 0.1, 0.9, NULL, &r->optimizer, &r->err));
  return frt_optimizer_current_step_lr(r->optimizer, &rate, &r->err);
}

/* ---- tables ---------------------------------------------------------------------------------- */

#define NAME_LIST "a list is an array of names and its length"
#define TYPED "a program, a variable, a function have their types"
const pin_t pins_minimize_forms[] = {
    {"startup_given", SAME, startup_given, FRT_OK, NULL},
    {"startup_given_not_run", SAME, startup_given_not_run, FRT_FAILED_PRECONDITION, 
     "5 variables are not initialized (run the startup program first): 'fc_0.b_0_velocity_0' "
     "(read by op #14 lars_momentum), 'learning_rate_0' (read by op #14 lars_momentum), "
     "'fc_0.w_0_velocity_0' (read by op #15 lars_momentum), 'fc_1.b_0_velocity_0' (read by op "
     "#16 lars_momentum), 'fc_1.w_0_velocity_0' (read by op #17 lars_momentum)"},
    {"loss_of_another_program", SAME, loss_of_another_program, FRT_OK, NULL},
    {"startup_wrong_type", NO_WORDS, NULL, FRT_OK, NULL, TYPED},
    {"loss_wrong_type", SAME, no_loss, FRT_INVALID_ARGUMENT,
     "LarsMomentumOptimizer: loss is no variable"},
    {"parameter_list_str", NO_WORDS, NULL, FRT_OK, NULL, NAME_LIST},
    {"parameter_list_int", SAME, list_with_a_hole, FRT_INVALID_ARGUMENT,
     "backward: parameter_list [0] is NULL"},
    {"parameter_list_tuple", SAME, list_of_two, FRT_OK, NULL},
    {"parameter_list_set", SAME, list_of_one, FRT_OK, NULL},
    {"parameter_list_twice", SAME, list_twice, FRT_ALREADY_EXISTS,
     "LarsMomentumOptimizer: parameter 'fc_0.w_0' is there twice"},
    {"parameter_list_empty", SAME, list_empty, FRT_OK, NULL},
    {"no_grad_set_list", SAME, no_grad_one, FRT_OK, NULL},
    {"no_grad_set_tuple", SAME, no_grad_one, FRT_OK, NULL},
    {"no_grad_set_str", NO_WORDS, NULL, FRT_OK, NULL, NAME_LIST},
    {"no_grad_set_int", SAME, no_grad_with_a_hole, FRT_INVALID_ARGUMENT,
     "backward: no_grad_set [0] is NULL"},
    {"no_grad_set_unknown", SAME, no_grad_unknown, FRT_OK, NULL},
    {"no_grad_set_everything", SAME, no_grad_everything, FRT_OK, NULL},
    {"need_clip_not_callable", NO_WORDS, NULL, FRT_OK, NULL, TYPED},
    {"paramattr_need_clip", NO_WORDS, NULL, FRT_OK, NULL, "frt_param_attr_t has no such field"},
    {"apply_gradients_in_switch", SAME, inside_a_switch, FRT_FAILED_PRECONDITION,
     "LarsMomentumOptimizer: updates inside control flow are not supported"},
    {"fc_relu_without_bias", SAME, relu_without_bias, FRT_INVALID_ARGUMENT, 
     "append_op: op fc: activation_type is 'relu'; when Bias is absent, activation_type must "
     "be \"\""},
    {"fc_tanh", SAME, fc_tanh, FRT_INVALID_ARGUMENT, 
     "append_op: op fc: activation_type is 'tanh'; wanted \"\" or \"relu\""},
    {"fc_weight_shape", SAME, fc_weight, FRT_INVALID_ARGUMENT, 
     "append_op: op fc: W has shape [3, 3]; wanted [2, N] as Input is [-1, 2] with "
     "in_num_col_dims 1"},
    {"fc_bias_shape", SAME, fc_bias, FRT_INVALID_ARGUMENT, 
     "append_op: op fc: Bias has shape [4]; wanted [3] or [1, 3] as W is [2, 3]"},
    {"fc_has_no_gradient", DIFFERS_IN_RESULT, fc_gradient, FRT_OK, NULL,
     "fc_grad is an op of ours: parameters above the op are found"},
    {"inference_feed_not_needed", SAME, feed_not_needed, FRT_INVALID_ARGUMENT, 
     "feed 'label': no target needs it"},
    {0}};

#define ONLY(method)                                                               \
  "LarsMomentumOptimizer: " method " needs imperative mode; this optimizer builds " \
  "static graphs"
#define IN_SCOPE "state lies in the scope: frt_persistables_save and checkpoints"
#define NO_METHOD "frt_var_t has no methods; values are fetched"
const pin_t pins_static_mode_errors[] = {
    {"clear_gradients", SAME, clear_gradients, FRT_FAILED_PRECONDITION,
     ONLY("clear_gradients")},
    {"set_lr_float", SAME, set_lr, FRT_FAILED_PRECONDITION, ONLY("set_lr")},
    {"set_lr_variable", NO_WORDS, NULL, FRT_OK, NULL, "set_lr takes a double"},
    {"set_lr_int", SAME, set_lr_nan, FRT_FAILED_PRECONDITION, ONLY("set_lr")},
    {"current_step_lr", SAME, step_lr, FRT_FAILED_PRECONDITION, ONLY("current_step_lr")},
    {"current_step_lr_before_minimize", SAME, step_lr_first, FRT_FAILED_PRECONDITION,
     ONLY("current_step_lr")},
    {"state_dict", NO_WORDS, NULL, FRT_OK, NULL, IN_SCOPE},
    {"set_dict", NO_WORDS, NULL, FRT_OK, NULL, IN_SCOPE},
    {"variable_backward", NO_WORDS, NULL, FRT_OK, NULL, NO_METHOD},
    {"variable_numpy", NO_WORDS, NULL, FRT_OK, NULL, NO_METHOD},
    {"variable_gradient", NO_WORDS, NULL, FRT_OK, NULL, NO_METHOD},
    {"variable_clear_gradient", NO_WORDS, NULL, FRT_OK, NULL, NO_METHOD},
    {"to_variable", NO_WORDS, NULL, FRT_OK, NULL, "there is no imperative mode in C"},
    {"decay_object", NO_WORDS, NULL, FRT_OK, NULL, "there is no imperative mode in C"},
    {0}};
