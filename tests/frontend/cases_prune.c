/* Programs of the pruning cases, and programs with two losses, two optimizers or sums of
 * micro-batches. */
#include <string.h>

#include "nets.h"

static const frt_optimizer_options_t plain_lars = {.learning_rate = 0.1, .momentum = 0.9,
                                                   .lars_coeff = 0.1};

/* ---- a side branch that nobody trains ---------------------------------------------- */

enum { BRANCH, BRANCH_CLIP_L2, L2_ALONE, SCHEDULE, SCHEDULE_SOFTMAX, BRANCHES };

static frt_status_t branch(frt_builder_t *b, frt_var_t logits, int with_max,
                           frt_error_t *err) {
  const int64_t last[] = {-1};
  const frt_reduce_options_t over = {last, 1, 0};
  frt_var_t v;
  FRT_TRY(frt_layers_softmax(b, logits, -1, &v, err));
  return with_max ? frt_layers_reduce_max(b, v, &over, &v, err) : FRT_OK;
}

static frt_status_t build(frt_builder_t *b, int variant, frt_program_t **extra,
                          frt_error_t *err) {
  const int64_t limits[] = {1, 2};
  const int64_t later[] = {2, 4};
  const double values[] = {0.3, 0.2, 0.1}, rates[] = {0.4, 0.2, 0.1};
  frt_optimizer_options_t o = plain_lars;
  frt_var_t x, logits, loss;
  FRT_TRY(net_mlp(b, NULL, NULL, &logits, &loss, err));
  if (variant == BRANCH || variant == BRANCH_CLIP_L2 || variant == BRANCHES)
    FRT_TRY(branch(b, logits, 1, err));
  if (variant == SCHEDULE_SOFTMAX) FRT_TRY(branch(b, logits, 0, err));
  if (variant == BRANCHES) {
    FRT_TRY(frt_builder_var(b, "x", &x, err));
    FRT_TRY(frt_layers_square(b, x, &x, err));
    FRT_TRY(frt_layers_reduce_sum(b, x, NULL, &x, err));
  }
  FRT_TRY(net_for_test(b, extra, err));
  if (variant == BRANCH_CLIP_L2) {
    o.regularization = (frt_decay_t){FRT_DECAY_L2, 0.05};
    o.grad_clip = (frt_clip_t){.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 0.1};
  }
  if (variant == L2_ALONE) o.regularization = (frt_decay_t){FRT_DECAY_L2, 0.5};
  if (variant == SCHEDULE)
    FRT_TRY(frt_piecewise_decay(b, limits, values, 2, &o.learning_rate_var, err));
  if (variant == SCHEDULE_SOFTMAX)
    FRT_TRY(frt_piecewise_decay(b, later, rates, 2, &o.learning_rate_var, err));
  FRT_TRY(net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, loss, NULL, err));
  if (variant != BRANCHES) return FRT_OK;
  /* A loss without parameters. */
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, x, NULL, err);
}

/* ---- two losses -------------------------------------------------------------------- */

static frt_status_t branch_loss(frt_builder_t *b, frt_var_t x, frt_var_t y, frt_var_t *loss,
                                frt_error_t *err) {
  FRT_TRY(frt_layers_square_error_cost(b, x, y, loss, err));
  return frt_layers_mean(b, *loss, loss, err);
}

static frt_status_t first_tower(frt_builder_t *b, frt_var_t x, frt_var_t *out,
                                frt_error_t *err) {
  const frt_param_attr_t w = {.name = "a_w"}, bias = {.name = "a_b"};
  const frt_fc_options_t fc = {.param_attr = &w, .bias_attr = &bias, .act = "tanh"};
  return frt_layers_fc(b, x, 3, &fc, out, err);
}

static frt_status_t second_tower(frt_builder_t *b, frt_var_t x, int deep, frt_var_t *out,
                                 frt_error_t *err) {
  const frt_param_attr_t v = {.name = "b_v"}, w = {.name = "b_w"}, bias = {.name = "b_b"},
                         no_bias = {.none = 1};
  const frt_fc_options_t hidden = {.param_attr = &v, .bias_attr = &no_bias, .act = "tanh"};
  const frt_fc_options_t fc = {.param_attr = &w, .bias_attr = &bias};
  if (deep) FRT_TRY(frt_layers_fc(b, x, 5, &hidden, &x, err));
  return frt_layers_fc(b, x, 1, &fc, out, err);
}

static int not_the_bias(void *ctx, const char *parameter) {
  (void)ctx;
  return strcmp(parameter, "b_b") != 0;
}

static frt_status_t two_losses(frt_builder_t *b, int groups, frt_program_t **extra,
                               frt_error_t *err) {
  const int64_t x_dims[] = {-1, 4}, y_dims[] = {-1, 1}, d1[] = {1};
  const frt_reduce_options_t over = {d1, 1, 1};
  const char *const own_a[] = {"a_w", "a_b"}, *const own_b[] = {"b_v", "b_w", "b_b"};
  frt_optimizer_options_t one = plain_lars, two = {.learning_rate = 0.05};
  frt_var_t x, y, a, c, loss_a, loss_b;
  (void)extra;
  FRT_TRY(frt_data(b, "x", 2, x_dims, FRT_F32, &x, err));
  FRT_TRY(frt_data(b, "y", 2, y_dims, FRT_F32, &y, err));
  FRT_TRY(first_tower(b, x, &a, err));
  FRT_TRY(second_tower(b, x, groups, &c, err));
  FRT_TRY(frt_layers_reduce_sum(b, a, &over, &a, err));
  FRT_TRY(branch_loss(b, a, y, &loss_a, err));
  FRT_TRY(branch_loss(b, c, y, &loss_b, err));
  if (groups) {
    one.parameter_list = own_a;
    one.n_parameters = 2;
    one.grad_clip = (frt_clip_t){.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 0.05};
    two = (frt_optimizer_options_t){
        .learning_rate = 0.05, .momentum = 0.8, .lars_coeff = 0.2,
        .parameter_list = own_b, .n_parameters = 3,
        .regularization = {FRT_DECAY_L2, 0.01},
        .grad_clip = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 0.2,
                      .need_clip = not_the_bias}};
  }
  FRT_TRY(net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &one, loss_a, NULL, err));
  return net_minimize(b, groups ? FRT_OPTIMIZER_LARS_MOMENTUM : FRT_OPTIMIZER_SGD, &two,
                      loss_b, NULL, err);
}

/* ---- gradients summed over micro-batches ------------------------------------------- */

/* Adds every gradient to a persistable <param>_sum. */
static frt_status_t accumulate(frt_builder_t *b, frt_var_t loss, frt_param_grad_t **pairs,
                               frt_var_t *sums, size_t *n, frt_error_t *err) {
  FRT_TRY(frt_append_backward(b, loss, NULL, 0, NULL, 0, pairs, n, err));
  for (size_t i = 0; i < *n; ++i) {
    frt_var_info_t info;
    char name[64];
    FRT_TRY(frt_program_find_var(loss.program, 0, (*pairs)[i].param, &info, err));
    snprintf(name, sizeof name, "%s_sum", (*pairs)[i].param);
    FRT_TRY(frt_layers_create_global_var(b, info.rank, info.dims, 0, FRT_F32, 1, name,
                                         &sums[i], err));
    const frt_var_t both[2] = {sums[i], {loss.program, 0, (*pairs)[i].grad}};
    FRT_TRY(frt_layers_sums_to(b, both, 2, sums[i], err));
  }
  return FRT_OK;
}

/* The second program declares the parameters and sums, takes the mean, updates, clears. */
static frt_status_t apply(frt_builder_t *b, const frt_param_grad_t *pairs,
                          const frt_var_t *sums, size_t n, frt_error_t *err) {
  frt_optimizer_options_t o = plain_lars;
  frt_param_grad_t mean[8];
  frt_var_t here[8], v;
  o.learning_rate = 0.2;
  o.regularization = (frt_decay_t){FRT_DECAY_L2, 0.01};
  o.grad_clip = (frt_clip_t){.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 0.2};
  for (size_t i = 0; i < n; ++i) {
    frt_var_info_t info;
    const frt_param_attr_t attr = {.name = pairs[i].param};
    FRT_TRY(frt_program_find_var(sums[i].program, 0, sums[i].name, &info, err));
    FRT_TRY(frt_layers_create_parameter(b, info.rank, info.dims, FRT_F32, &attr, &v, err));
    FRT_TRY(frt_program_add_var(v.program, 0, &info, err));
    here[i] = (frt_var_t){v.program, 0, sums[i].name};
    FRT_TRY(frt_layers_scale(b, here[i], 0.25, 0, 0, &v, err));
    mean[i] = (frt_param_grad_t){pairs[i].param, v.name};
  }
  frt_optimizer_t *lars = NULL;
  FRT_TRY(frt_optimizer_create(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, &lars, err));
  frt_status_t status = frt_optimizer_apply_gradients(lars, mean, n, NULL, err);
  for (size_t i = 0; status == FRT_OK && i < n; ++i)
    status = frt_layers_fill_constant_to(b, 0, here[i], err);
  frt_optimizer_release(lars);
  return status;
}

static frt_status_t micro_batches(frt_builder_t *b, int variant, frt_program_t **extra,
                                  frt_error_t *err) {
  frt_param_grad_t *pairs;
  frt_var_t loss, sums[8];
  size_t n;
  (void)variant;
  FRT_TRY(net_mlp(b, NULL, NULL, NULL, &loss, err));
  FRT_TRY(accumulate(b, loss, &pairs, sums, &n, err));
  FRT_TRY(frt_program_create(extra, err));
  FRT_TRY(frt_builder_push_programs(b, *extra, NULL, err));
  FRT_TRY(apply(b, pairs, sums, n, err));
  return frt_builder_pop_programs(b, err);
}

/* lars_momentum by hand, with state made by hand, in a Switch: every fourth run. */
static frt_status_t raw_update(frt_builder_t *b, const char *param, frt_var_t sum,
                               frt_var_t velocity, frt_var_t rate, frt_error_t *err) {
  frt_var_t mean;
  FRT_TRY(frt_layers_scale(b, sum, 0.25, 0, 0, &mean, err));
  const frt_op_slot_t in[] = {{"Param", 1, &param}, {"Grad", 1, &mean.name},
                              {"Velocity", 1, &velocity.name},
                              {"LearningRate", 1, &rate.name}};
  const frt_op_slot_t out[] = {{"ParamOut", 1, &param}, {"VelocityOut", 1, &velocity.name}};
  const frt_attr_info_t attrs[] = {{.name = "mu", .f = 0.9}, {.name = "lars_coeff", .f = 0.1},
                                   {.name = "lars_weight_decay", .f = 0.001}};
  FRT_TRY(frt_append_op(b, "lars_momentum", in, 4, out, 2, attrs, 3, NULL, err));
  return frt_layers_fill_constant_to(b, 0, sum, err);
}

static frt_status_t in_switch(frt_builder_t *b, int variant, frt_program_t **extra,
                              frt_error_t *err) {
  const int64_t one[] = {1};
  frt_param_grad_t *pairs;
  frt_var_t loss, sums[8], velocities[8], micro, rate, four, full;
  frt_switch_t *s;
  size_t n;
  (void)variant;
  (void)extra;
  FRT_TRY(net_mlp(b, NULL, NULL, NULL, &loss, err));
  FRT_TRY(accumulate(b, loss, &pairs, sums, &n, err));
  FRT_TRY(frt_layers_create_global_var(b, 1, one, 0, FRT_F32, 1, "micro", &micro, err));
  FRT_TRY(frt_layers_increment(b, micro, 1, 0, NULL, err));
  FRT_TRY(frt_layers_create_global_var(b, 1, one, 0.2, FRT_F32, 1, "rate", &rate, err));
  for (size_t i = 0; i < n; ++i) {
    frt_var_info_t info;
    char name[64];
    FRT_TRY(frt_program_find_var(loss.program, 0, pairs[i].param, &info, err));
    snprintf(name, sizeof name, "%s_velocity", pairs[i].param);
    FRT_TRY(frt_layers_create_global_var(b, info.rank, info.dims, 0, FRT_F32, 1, name,
                                         &velocities[i], err));
  }
  FRT_TRY(frt_layers_fill_constant(b, 1, one, FRT_F32, 4, &four, err));
  FRT_TRY(frt_layers_equal(b, micro, four, &full, err));
  FRT_TRY(frt_switch_begin(b, &s, err));
  FRT_TRY(frt_switch_case(s, full, err));
  for (size_t i = 0; i < n; ++i)
    FRT_TRY(raw_update(b, pairs[i].param, sums[i], velocities[i], rate, err));
  FRT_TRY(frt_layers_fill_constant_to(b, 0, micro, err));
  return frt_switch_end_case(s, err);
}

const frontend_case_t cases_prune[] = {
    {"prune_fetch_name", 1234, build, BRANCH, "forward.pb"},
    {"prune_minimize_tuple", 1234, build, BRANCH, "forward.pb"},
    {"prune_minimize_tuple_only", 1234, build, BRANCH, "forward.pb"},
    {"prune_intermediate", 1234, build, BRANCH, "forward.pb"},
    {"prune_intermediate_forward", 1234, build, BRANCH, "forward.pb"},
    {"prune_feed_intermediate", 1234, build, BRANCH, "forward.pb"},
    {"prune_fetch_grad", 1234, build, BRANCH, "forward.pb"},
    {"prune_off_then_on", 1234, build, BRANCH, "forward.pb"},
    {"prune_fetch_name_clip_l2", 1234, build, BRANCH_CLIP_L2, "forward.pb"},
    {"prune_minimize_tuple_l2_quirk", 1234, build, L2_ALONE},
    {"prune_minimize_tuple_piecewise", 1234, build, SCHEDULE},
    {"fetch_list_forms", 1305, build, BRANCHES, "forward.pb"},
    {"prune_two_losses", 1234, two_losses, 0},
    {"lars_clip_two_groups", 1308, two_losses, 1},
    {"lars_train_test_one_scope", 1311, build, SCHEDULE_SOFTMAX, "test.pb"},
    {"lars_two_scopes", 1312, build, SCHEDULE_SOFTMAX, "test.pb"},
    {"lars_accumulate_two_programs", 1313, micro_batches, 0, "apply.pb"},
    {"lars_accumulate_switch", 1314, in_switch, 0},
    {0}};
