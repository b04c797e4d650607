#include "train/rules.h"

#include <math.h>

#define VALUE(name, expr)                                          \
  static double name(const frt_optimizer_options_t *o) { return expr; }
VALUE(momentum, FRTI_REAL(o->momentum, 0.0))
VALUE(lars_coeff, FRTI_REAL(o->lars_coeff, 0.001))
VALUE(lars_decay, FRTI_REAL(o->lars_weight_decay, 0.0005))
VALUE(nesterov, o->use_nesterov != 0)
VALUE(beta1, FRTI_REAL(o->beta1, 0.9))
VALUE(beta2, FRTI_REAL(o->beta2, 0.999))
VALUE(epsilon8, FRTI_REAL(o->epsilon, 1e-8))
VALUE(epsilon6, FRTI_REAL(o->epsilon, 1e-6))
VALUE(lazy, o->lazy_mode != 0)
VALUE(multithread, 1000 + 0 * o->epsilon)
VALUE(initial, FRTI_REAL(o->initial_accumulator_value, 0.0))
VALUE(decay, FRTI_REAL(o->decay, 0.95))
VALUE(rho, FRTI_REAL(o->rho, 0.95))
VALUE(centered, o->centered != 0)
VALUE(l1, FRTI_REAL(o->l1, 0.0))
VALUE(power, FRTI_REAL(o->lr_power, -0.5))
VALUE(lamb_decay, FRTI_REAL(o->lamb_weight_decay, 0.01))

#define VELOCITY {{"velocity", "Velocity", "VelocityOut"}}
#define MOMENT(start) {{"moment", "Moment", "MomentOut", start}}
#define ADAM_MOMENTS                                                      \
  {"moment1", "Moment1", "Moment1Out"}, {"moment2", "Moment2", "Moment2Out"}

/* Ftrl's l2 attribute gets l1: the 1.8.5 class does so. */
static const frti_rule_t rules[] = {
    [FRT_OPTIMIZER_LARS_MOMENTUM] =
        {.op = "lars_momentum", .class_name = "LarsMomentumOptimizer",
         .needs_momentum = true, .accs = VELOCITY,
         .hypers = {{"mu", momentum}, {"lars_coeff", lars_coeff},
                    {"lars_weight_decay", lars_decay}}},
    [FRT_OPTIMIZER_SGD] = {.op = "sgd", .class_name = "SGDOptimizer"},
    [FRT_OPTIMIZER_MOMENTUM] =
        {.op = "momentum", .class_name = "MomentumOptimizer", .needs_momentum = true,
         .accs = VELOCITY,
         .hypers = {{"mu", momentum}, {"use_nesterov", nesterov, true}}},
    [FRT_OPTIMIZER_ADAM] =
        {.op = "adam", .class_name = "AdamOptimizer", .rate = 0.001,
         .accs = {ADAM_MOMENTS,
                  {"beta1_pow_acc", "Beta1Pow", "Beta1PowOut", beta1, true, "cpu"},
                  {"beta2_pow_acc", "Beta2Pow", "Beta2PowOut", beta2, true, "cpu"}},
         .hypers = {{"beta1", beta1}, {"beta2", beta2}, {"epsilon", epsilon8},
                    {"lazy_mode", lazy, true},
                    {"min_row_size_to_use_multithread", multithread, true}}},
    [FRT_OPTIMIZER_ADAMAX] =
        {.op = "adamax", .class_name = "AdamaxOptimizer", .rate = 0.001,
         .accs = {{"moment", "Moment", "MomentOut"},
                  {"inf_norm", "InfNorm", "InfNormOut"},
                  {"beta1_pow_acc", "Beta1Pow", NULL, beta1, true}},
         .hypers = {{"beta1", beta1}, {"beta2", beta2}, {"epsilon", epsilon8}},
         .finish = "beta1_pow_acc", .finish_scope = "adamx", .finish_by = beta1},
    [FRT_OPTIMIZER_ADAGRAD] =
        {.op = "adagrad", .class_name = "AdagradOptimizer", .accs = MOMENT(initial),
         .hypers = {{"epsilon", epsilon6}}},
    [FRT_OPTIMIZER_DECAYED_ADAGRAD] =
        {.op = "decayed_adagrad", .class_name = "DecayedAdagradOptimizer",
         .accs = MOMENT(NULL), .hypers = {{"decay", decay}, {"epsilon", epsilon6}}},
    [FRT_OPTIMIZER_ADADELTA] =
        {.op = "adadelta", .class_name = "AdadeltaOptimizer", .no_rate = true,
         .accs = {{"_avg_squared_grad", "AvgSquaredGrad", "AvgSquaredGradOut"},
                  {"_avg_squared_update", "AvgSquaredUpdate", "AvgSquaredUpdateOut"}},
         .hypers = {{"epsilon", epsilon6}, {"rho", rho}}},
    [FRT_OPTIMIZER_RMSPROP] =
        {.op = "rmsprop", .class_name = "RMSPropOptimizer",
         .accs = {{"momentum", "Moment", "MomentOut"},
                  {"mean_square", "MeanSquare", "MeanSquareOut"},
                  {"mean_grad", "MeanGrad", "MeanGradOut"}},
         .hypers = {{"epsilon", epsilon6}, {"decay", rho}, {"momentum", momentum},
                    {"centered", centered, true}}},
    [FRT_OPTIMIZER_FTRL] =
        {.op = "ftrl", .class_name = "FtrlOptimizer",
         .accs = {{"squared", "SquaredAccumulator", "SquaredAccumOut"},
                  {"linear", "LinearAccumulator", "LinearAccumOut"}},
         .hypers = {{"l1", l1}, {"l2", l1}, {"lr_power", power}}},
    [FRT_OPTIMIZER_LAMB] =
        {.op = "lamb", .class_name = "LambOptimizer", .rate = 0.001,
         .accs = {ADAM_MOMENTS, {"beta1_pow_acc", "Beta1Pow", NULL, beta1, true, "cpu"},
                  {"beta2_pow_acc", "Beta2Pow", NULL, beta2, true, "cpu"}},
         .hypers = {{"beta1", beta1}, {"beta2", beta2}, {"epsilon", epsilon6},
                    {"weight_decay", lamb_decay}}},
};

const frti_rule_t *frti_rule(frt_optimizer_kind_t kind) {
  return (size_t)kind < FRTI_COUNT(rules) ? &rules[kind] : NULL;
}
