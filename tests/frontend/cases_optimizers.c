/* Every optimizer on the small network. */
#include "nets.h"

enum { SGD, MOMENTUM, NESTEROV, ADAM, ADAM_L2_GNORM, ADAGRAD, RMSPROP, RMSPROP_CENTERED,
       LAMB, ADAMAX, ADADELTA, DECAYED_ADAGRAD, FTRL };
static const struct {
  frt_optimizer_kind_t kind;
  frt_optimizer_options_t o;
} optimizers[] = {
    [SGD] = {FRT_OPTIMIZER_SGD, {.learning_rate = 0.1}},
    [MOMENTUM] = {FRT_OPTIMIZER_MOMENTUM, {.learning_rate = 0.1, .momentum = 0.9}},
    [NESTEROV] = {FRT_OPTIMIZER_MOMENTUM,
                  {.learning_rate = 0.1, .momentum = 0.9, .use_nesterov = 1}},
    [ADAM] = {FRT_OPTIMIZER_ADAM, {.learning_rate = 0.05}},
    [ADAM_L2_GNORM] = {FRT_OPTIMIZER_ADAM,
                       {.learning_rate = 0.05, .epsilon = 1e-6, .beta1 = 0.8, .beta2 = 0.99,
                        .regularization = {FRT_DECAY_L2, 0.01},
                        .grad_clip = {.kind = FRT_CLIP_BY_GLOBAL_NORM,
                                      .clip_norm = 0.1}}},
    [ADAGRAD] = {FRT_OPTIMIZER_ADAGRAD,
                 {.learning_rate = 0.1, .initial_accumulator_value = 0.1}},
    [RMSPROP] = {FRT_OPTIMIZER_RMSPROP, {.learning_rate = 0.05, .rho = 0.9}},
    [RMSPROP_CENTERED] = {FRT_OPTIMIZER_RMSPROP,
                          {.learning_rate = 0.05, .rho = 0.9, .epsilon = 1e-3,
                           .momentum = 0.8, .centered = 1}},
    [LAMB] = {FRT_OPTIMIZER_LAMB, {.learning_rate = 0.05, .lamb_weight_decay = 0.02}},
    [ADAMAX] = {FRT_OPTIMIZER_ADAMAX, {.learning_rate = 0.05}},
    [ADADELTA] = {FRT_OPTIMIZER_ADADELTA,
                  {.learning_rate = 0.5, .epsilon = 1e-4, .rho = 0.9}},
    [DECAYED_ADAGRAD] = {FRT_OPTIMIZER_DECAYED_ADAGRAD,
                         {.learning_rate = 0.1, .decay = 0.9, .epsilon = 1e-4}},
    [FTRL] = {FRT_OPTIMIZER_FTRL, {.learning_rate = 0.1, .l1 = 0.001, .l2 = 0.01}},
};

static frt_status_t build(frt_builder_t *b, int variant, frt_program_t **extra,
                          frt_error_t *err) {
  frt_var_t loss;
  (void)extra;
  FRT_TRY(net_mlp(b, NULL, NULL, NULL, &loss, err));
  return net_minimize(b, optimizers[variant].kind, &optimizers[variant].o, loss, NULL,
                      err);
}

const frontend_case_t cases_optimizers[] = {
    {"opt_sgd", 1234, build, SGD},
    {"opt_momentum", 1234, build, MOMENTUM},
    {"opt_momentum_nesterov", 1234, build, NESTEROV},
    {"opt_adam", 1234, build, ADAM},
    {"opt_adam_l2_gnorm", 1234, build, ADAM_L2_GNORM},
    {"opt_adagrad", 1234, build, ADAGRAD},
    {"opt_rmsprop", 1234, build, RMSPROP},
    {"opt_rmsprop_centered", 1234, build, RMSPROP_CENTERED},
    {"opt_lamb", 1234, build, LAMB},
    {"opt_adamax", 1234, build, ADAMAX},
    {"opt_adadelta", 1234, build, ADADELTA},
    {"opt_decayed_adagrad", 1234, build, DECAYED_ADAGRAD},
    {"opt_ftrl", 1234, build, FTRL},
    {0}};
