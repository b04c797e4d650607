/* LarsMomentumOptimizer with every argument of its page, on two small networks. */
#include <string.h>

#include "nets.h"

/* ---- the page's example ------------------------------------------------------------ */

static frt_status_t page(frt_builder_t *b, int variant, frt_program_t **extra,
                         frt_error_t *err) {
  (void)extra;
  const int64_t shape[] = {2, 2};
  frt_var_t x;
  (void)variant;
  FRT_TRY(frt_layers_data(b, "inp", 2, shape, FRT_F32, 1, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 3, NULL, &x, err));
  FRT_TRY(frt_layers_reduce_sum(b, x, NULL, &x, err));
  const frt_optimizer_options_t o = {.learning_rate = 0.001, .momentum = 0.9};
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, x, NULL, err);
}

/* ---- arguments of the constructor -------------------------------------------------- */

static int only_weights(void *ctx, const char *parameter) {
  (void)ctx;
  return strstr(parameter, ".w_") != NULL;
}
static int only_first_layer(void *ctx, const char *parameter) {
  (void)ctx;
  return !strncmp(parameter, "fc_0.", 5);
}
static int none(void *ctx, const char *parameter) {
  (void)ctx;
  (void)parameter;
  return 0;
}

#define COEFF .lars_coeff = 0.1
#define GNORM(...) .grad_clip = {.kind = FRT_CLIP_BY_GLOBAL_NORM, __VA_ARGS__}
#define NORM(...) .grad_clip = {.kind = FRT_CLIP_BY_NORM, __VA_ARGS__}
#define BY_VALUE(...) .grad_clip = {.kind = FRT_CLIP_BY_VALUE, __VA_ARGS__}
#define L1(c) .regularization = {FRT_DECAY_L1, c}
#define L2(c) .regularization = {FRT_DECAY_L2, c}

enum { PLAIN, L1_DECAY, L2_DECAY, COEFF_WD, WD_ZERO, MU_ZERO, GNORM_BITES, GNORM_IDLE,
       NORM_BITES, NORM_IDLE, VALUE_BITES, VALUE_IDLE, NEED_CLIP, VALUE_NEED_CLIP,
       NORM_NEED_CLIP, GNORM_NONE, GNORM_GROUP, CLIP_AND_L2, PREFIX };
static const frt_optimizer_options_t arguments[] = {
    [PLAIN] = {.name = NULL},
    [L1_DECAY] = {L1(0.02)},
    [L2_DECAY] = {L2(0.05)},
    [COEFF_WD] = {.lars_coeff = 0.05, .lars_weight_decay = 0.02},
    [WD_ZERO] = {.lars_coeff = 0.5, .lars_weight_decay = FRT_ZERO},
    [MU_ZERO] = {.lars_coeff = 0.5, .momentum = FRT_ZERO},
    [GNORM_BITES] = {COEFF, GNORM(.clip_norm = 0.05)},
    [GNORM_IDLE] = {COEFF, GNORM(.clip_norm = 1000)},
    [NORM_BITES] = {COEFF, NORM(.clip_norm = 0.1)},
    [NORM_IDLE] = {COEFF, NORM(.clip_norm = 50)},
    [VALUE_BITES] = {COEFF, BY_VALUE(.max = 0.03, .min = -0.01, .has_min = 1)},
    [VALUE_IDLE] = {COEFF, BY_VALUE(.max = 100)},
    [NEED_CLIP] = {COEFF, GNORM(.clip_norm = 0.05, .need_clip = only_weights)},
    [VALUE_NEED_CLIP] = {COEFF, BY_VALUE(.max = 0.02, .need_clip = only_weights)},
    [NORM_NEED_CLIP] = {COEFF, L2(0.05),
                        NORM(.clip_norm = 0.05, .need_clip = only_first_layer)},
    [GNORM_NONE] = {COEFF, GNORM(.clip_norm = 0.05, .need_clip = none)},
    [GNORM_GROUP] = {COEFF, GNORM(.clip_norm = 0.05, .group_name = "group")},
    [CLIP_AND_L2] = {COEFF, L2(0.05), GNORM(.clip_norm = 0.05)},
    [PREFIX] = {.name = "myopt"},
};

static frt_status_t constructor(frt_builder_t *b, int variant, frt_program_t **extra,
                         frt_error_t *err) {
  (void)extra;
  frt_optimizer_options_t o = arguments[variant];
  frt_var_t loss;
  FRT_TRY(net_mlp(b, NULL, NULL, NULL, &loss, err));
  o.learning_rate = 0.1;
  if (o.momentum == 0 && variant != MU_ZERO) o.momentum = 0.9;
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, loss, NULL, err);
}

/* ---- ParamAttr --------------------------------------------------------------------- */

enum { ATTR_REGULARIZER, ATTR_RATE, ATTR_FROZEN };

static frt_status_t param_attr(frt_builder_t *b, int variant, frt_program_t **extra,
                               frt_error_t *err) {
  const frt_param_attr_t attrs[] = {
      [ATTR_REGULARIZER] = {.regularizer = {FRT_DECAY_L1, 0.1}},
      [ATTR_RATE] = {.learning_rate = 0.1},
      [ATTR_FROZEN] = {.not_trainable = 1}};
  const frt_param_attr_t *a = &attrs[variant];
  frt_optimizer_options_t o = {.learning_rate = 0.1, .momentum = 0.9, COEFF};
  frt_var_t loss;
  (void)extra;
  if (variant == ATTR_REGULARIZER) o.regularization = (frt_decay_t){FRT_DECAY_L2, 0.05};
  FRT_TRY(net_mlp(b, variant == ATTR_RATE ? NULL : a, variant == ATTR_RATE ? a : NULL,
                  NULL, &loss, err));
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, loss, NULL, err);
}

/* One weight for two layers. */
static frt_status_t shared(frt_builder_t *b, int variant, frt_program_t **extra,
                           frt_error_t *err) {
  const int64_t dims[] = {-1, 4};
  const frt_param_attr_t w = {.name = "shared_w"}, no_bias = {.none = 1};
  const frt_fc_options_t first = {.param_attr = &w, .bias_attr = &no_bias, .act = "tanh"};
  const frt_fc_options_t second = {.param_attr = &w, .bias_attr = &no_bias};
  const frt_optimizer_options_t o = {.learning_rate = 0.1, .momentum = 0.9, COEFF};
  frt_var_t x, y;
  (void)variant;
  (void)extra;
  FRT_TRY(frt_data(b, "x", 2, dims, FRT_F32, &x, err));
  FRT_TRY(frt_data(b, "y", 2, dims, FRT_F32, &y, err));
  FRT_TRY(frt_layers_fc(b, x, 4, &first, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 4, &second, &x, err));
  FRT_TRY(frt_layers_square_error_cost(b, x, y, &x, err));
  FRT_TRY(frt_layers_mean(b, x, &x, err));
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, x, NULL, err);
}

/* ---- parameter lists --------------------------------------------------------------- */

#define NAMES(...) (const char *const[]){__VA_ARGS__, NULL}
enum { LIST_NAMES, LIST_PARAMS, LIST_CTOR, NO_GRAD_NAMES, NO_GRAD_PARAMS, LIST_BOTH,
       LIST_BOTH_NO_GRAD, LIST_EMPTY };
typedef struct lists { const char *const *own, *const *call, *const *no_grad; } lists_t;

static size_t count(const char *const *names) {
  size_t n = 0;
  while (names && names[n]) ++n;
  return n;
}

static frt_status_t parameter_lists(frt_builder_t *b, int variant, frt_program_t **extra,
                                    frt_error_t *err) {
  const lists_t all[] = {
      [LIST_NAMES] = {.call = NAMES("fc_0.w_0", "fc_1.b_0")},
      [LIST_PARAMS] = {.call = NAMES("fc_0.b_0", "fc_1.w_0")},
      [LIST_CTOR] = {.own = NAMES("fc_1.w_0", "fc_1.b_0")},
      [NO_GRAD_NAMES] = {.no_grad = NAMES("fc_0.w_0")},
      [NO_GRAD_PARAMS] = {.no_grad = NAMES("fc_1.b_0")},
      [LIST_BOTH] = {NAMES("fc_0.b_0", "fc_1.w_0"), NAMES("fc_0.w_0", "fc_1.b_0"), NULL},
      [LIST_BOTH_NO_GRAD] = {NAMES("fc_1.w_0"), NAMES("fc_0.w_0", "fc_0.b_0", "fc_1.b_0"),
                             NAMES("fc_1.b_0", "fc_1.w_0")},
      [LIST_EMPTY] = {.own = NAMES("fc_0.b_0", "fc_1.w_0"), .call = NULL}};
  const lists_t l = all[variant];
  const frt_optimizer_options_t o = {.learning_rate = 0.1, .momentum = 0.9, COEFF,
                                     .parameter_list = l.own,
                                     .n_parameters = count(l.own)};
  const frt_minimize_options_t m = {.parameter_list = l.call,
                                    .n_parameters = count(l.call),
                                    .no_grad_set = l.no_grad,
                                    .n_no_grad = count(l.no_grad)};
  frt_var_t loss;
  (void)extra;
  FRT_TRY(net_mlp(b, NULL, NULL, NULL, &loss, err));
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, loss, &m, err);
}

/* ---- the rate as a variable; zero corners ------------------------------------------ */

static frt_status_t rate_variable(frt_builder_t *b, int fed, frt_program_t **extra,
                                  frt_error_t *err) {
  const int64_t one[] = {1};
  frt_optimizer_options_t o = {.momentum = 0.9, COEFF};
  frt_var_t loss;
  (void)extra;
  if (fed)
    FRT_TRY(frt_layers_data(b, "lr", 1, one, FRT_F32, 1, &o.learning_rate_var, err));
  else
    FRT_TRY(frt_layers_create_global_var(b, 1, one, 0.25, FRT_F32, 1, "my_lr",
                                         &o.learning_rate_var, err));
  FRT_TRY(net_mlp(b, NULL, NULL, NULL, &loss, err));
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, loss, NULL, err);
}

enum { CORNER_HALF = 1, CORNER_NO_DECAY = 2, CORNER_COEFF = 4, CORNER_CLIP = 8 };

static frt_status_t corner(frt_builder_t *b, int variant, frt_program_t **extra,
                           frt_error_t *err) {
  const int64_t dims[] = {2, 3};
  const frt_param_attr_t no_bias = {.none = 1};
  const frt_param_attr_t w = {.initializer = {.kind = FRT_INIT_CONSTANT,
                                              .value = variant & CORNER_HALF ? 0.5 : 0}},
                         plain = {0};
  const frt_fc_options_t fc = {.param_attr = variant & CORNER_CLIP ? &plain : &w,
                               .bias_attr = &no_bias};
  frt_optimizer_options_t o = {
      .learning_rate = 0.1, .momentum = 0.9,
      .lars_coeff = variant & CORNER_COEFF ? 0.001 : 0.01,
      .lars_weight_decay = variant & CORNER_NO_DECAY ? FRT_ZERO : 0};
  frt_var_t x;
  (void)extra;
  if (variant & CORNER_CLIP)
    o.grad_clip = (frt_clip_t){.kind = FRT_CLIP_BY_NORM, .clip_norm = 1};
  FRT_TRY(frt_data(b, "x", 2, dims, FRT_F32, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 2, &fc, &x, err));
  FRT_TRY(frt_layers_reduce_sum(b, x, NULL, &x, err));
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, x, NULL, err);
}

/* ---- minimize in parts, with a startup program of its own -------------------------- */

static frt_status_t backward_apply(frt_builder_t *b, int variant, frt_program_t **extra,
                                   frt_error_t *err) {
  const frt_optimizer_options_t o = {.lars_coeff = 0.1};
  frt_optimizer_t *lars = NULL;
  frt_param_grad_t *pairs;
  size_t n;
  frt_var_t loss;
  (void)variant;
  (void)extra;
  FRT_TRY(net_mlp(b, NULL, NULL, NULL, &loss, err));
  FRT_TRY(frt_lars_momentum_create(b, 0.1, 0.9, &o, &lars, err));
  frt_status_t status = frt_optimizer_backward(lars, loss, NULL, &pairs, &n, err);
  if (status == FRT_OK)
    status = frt_optimizer_apply_gradients(lars, pairs, n, NULL, err);
  frt_optimizer_release(lars);
  return status;
}

static frt_status_t startup_program(frt_builder_t *b, int variant, frt_program_t **extra,
                                    frt_error_t *err) {
  const frt_optimizer_options_t o = {.learning_rate = 0.1, .momentum = 0.9, COEFF,
                                     L2(0.02)};
  frt_var_t loss;
  (void)variant;
  FRT_TRY(net_mlp(b, NULL, NULL, NULL, &loss, err));
  FRT_TRY(frt_program_create(extra, err));
  const frt_minimize_options_t m = {.startup_program = *extra};
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, loss, &m, err);
}

const frontend_case_t cases_lars[] = {
    {"lars_seed_static", 1234, page, 0},
    {"lars_plain", 1234, constructor, PLAIN},
    {"lars_l1", 1234, constructor, L1_DECAY},
    {"lars_l2", 1234, constructor, L2_DECAY},
    {"lars_coeff_wd", 1234, constructor, COEFF_WD},
    {"lars_wd_zero", 1234, constructor, WD_ZERO},
    {"lars_mu_zero", 1234, constructor, MU_ZERO},
    {"lars_clip_gnorm_bites", 1234, constructor, GNORM_BITES},
    {"lars_clip_gnorm_idle", 1234, constructor, GNORM_IDLE},
    {"lars_clip_norm_bites", 1234, constructor, NORM_BITES},
    {"lars_clip_norm_idle", 1234, constructor, NORM_IDLE},
    {"lars_clip_value_bites", 1234, constructor, VALUE_BITES},
    {"lars_clip_value_idle", 1234, constructor, VALUE_IDLE},
    {"lars_clip_need_clip", 1234, constructor, NEED_CLIP},
    {"lars_clip_value_need_clip", 1307, constructor, VALUE_NEED_CLIP},
    {"lars_clip_norm_need_clip", 1307, constructor, NORM_NEED_CLIP},
    {"lars_clip_gnorm_need_clip_none", 1307, constructor, GNORM_NONE},
    {"lars_clip_gnorm_group_name", 1307, constructor, GNORM_GROUP},
    {"lars_clip_and_l2", 1234, constructor, CLIP_AND_L2},
    {"lars_name_prefix", 1234, constructor, PREFIX},
    {"lars_paramattr_regularizer", 1234, param_attr, ATTR_REGULARIZER},
    {"lars_paramattr_lr", 1234, param_attr, ATTR_RATE},
    {"lars_not_trainable", 1234, param_attr, ATTR_FROZEN},
    {"lars_shared_param", 1234, shared, 0},
    {"lars_param_list_names", 1234, parameter_lists, LIST_NAMES},
    {"lars_param_list_params", 1234, parameter_lists, LIST_PARAMS},
    {"lars_param_list_ctor", 1234, parameter_lists, LIST_CTOR},
    {"lars_no_grad_set_names", 1234, parameter_lists, NO_GRAD_NAMES},
    {"lars_no_grad_set_params", 1234, parameter_lists, NO_GRAD_PARAMS},
    {"lars_param_list_both", 1302, parameter_lists, LIST_BOTH},
    {"lars_param_list_both_no_grad", 1303, parameter_lists, LIST_BOTH_NO_GRAD},
    {"lars_param_list_empty", 1304, parameter_lists, LIST_EMPTY},
    {"lars_lr_variable", 1234, rate_variable, 0},
    {"lars_lr_fed", 1234, rate_variable, 1},
    {"lars_zero_param", 1234, corner, 0},
    {"lars_zero_grad", 1234, corner, CORNER_HALF},
    {"lars_zero_both", 1234, corner, 0},
    {"lars_zero_grad_wd_zero", 1234, corner, CORNER_HALF | CORNER_NO_DECAY},
    {"lars_nonfinite_grad", 1234, corner, CORNER_HALF | CORNER_COEFF},
    {"clip_by_norm_zero_quirk", 1234, corner, CORNER_COEFF | CORNER_CLIP},
    {"lars_backward_apply", 1234, backward_apply, 0},
    {"lars_startup_program", 1301, startup_program, 0, "optimizer_startup.pb"},
    {0}};
