#include "update.h"

static frt_status_t adam_shape(const frt_infer_t *x, frt_error_t *err) {
  FRT_TRY(update_false(x, "multi_precision", err));
  FRT_TRY(update_false(x, "use_global_beta_pow", err));
  return update_shape(x, err);
}
static frt_cost_t adam_cost(const frt_infer_t *x) { return update_cost(x, 12); }
static frt_cost_t adamax_cost(const frt_infer_t *x) { return update_cost(x, 10); }
static frt_cost_t lamb_cost(const frt_infer_t *x) { return update_cost(x, 17); }

#define BETA1 UPDATE_F32("beta1", "how much of the first moment stays", 0.9)
#define BETA2 UPDATE_F32("beta2", "how much of the second moment stays", 0.999)
#define POWERS UPDATE_SCALAR("Beta1Pow"), UPDATE_SCALAR("Beta2Pow")
#define REFUSED(slot) {slot, FRT_F32S, SHAPE_REFUSED, "[1]"}

FRT_OPS(optimizer_adam) = {
    {.type = "adam",
     .flags = FRT_OP_OPTIMIZER,
     .doc = "Moment1Out = beta1 * Moment1 + (1 - beta1) * Grad; Moment2Out = beta2 * "
            "Moment2 + (1 - beta2) * Grad^2; ParamOut = Param - LearningRate * sqrt(1 - "
            "Beta2Pow) / (1 - Beta1Pow) * Moment1Out / (sqrt(Moment2Out) + epsilon); "
            "Beta1PowOut = beta1 * Beta1Pow; Beta2PowOut = beta2 * Beta2Pow; in place.",
     .source = "PaddlePaddle 1.8 op adam",
     .inputs = {UPDATE_PARAM, UPDATE_IN("Grad"), UPDATE_SCALAR("LearningRate"),
                UPDATE_IN("Moment1"), UPDATE_IN("Moment2"), POWERS, REFUSED("Beta1Tensor"),
                REFUSED("Beta2Tensor"), REFUSED("EpsilonTensor"), REFUSED("MasterParam"),
                {"SkipUpdate", FRT_BOOLS, SHAPE_REFUSED, "[1]"}},
     .outputs = {UPDATE_OUT("ParamOut", "Param"), UPDATE_OUT("Moment1Out", "Moment1"),
                 UPDATE_OUT("Moment2Out", "Moment2"),
                 UPDATE_SCALAR_OUT("Beta1PowOut", "Beta1Pow"),
                 UPDATE_SCALAR_OUT("Beta2PowOut", "Beta2Pow"),
                 {"MasterParamOut", FRT_F32S, SHAPE_REFUSED, "shape of Param",
                  "MasterParam"}},
     .attrs = {BETA1, BETA2, UPDATE_EPSILON(1e-8),
               /* Both are about gradients of selected rows. */
               SHAPE_IGNORED_BOOL("lazy_mode"),
               {"min_row_size_to_use_multithread", FRT_ATTR_INT,
                FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, "no meaning here", 1000},
               UPDATE_NO("multi_precision"), UPDATE_NO("use_global_beta_pow")},
     .infer_shape = adam_shape,
     .cost = adam_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "adamax",
     .flags = FRT_OP_OPTIMIZER,
     .doc = "MomentOut = beta1 * Moment + (1 - beta1) * Grad; InfNormOut = the larger of "
            "|Grad| and beta2 * InfNorm + epsilon; ParamOut = Param - LearningRate / (1 - "
            "Beta1Pow) * MomentOut / InfNormOut; in place. Beta1Pow stays: Fluid's "
            "programs multiply it by a scale op.",
     .source = "PaddlePaddle 1.8 op adamax",
     .inputs = {UPDATE_PARAM, UPDATE_IN("Grad"), UPDATE_SCALAR("LearningRate"),
                UPDATE_IN("Moment"), UPDATE_IN("InfNorm"), UPDATE_SCALAR("Beta1Pow")},
     .outputs = {UPDATE_OUT("ParamOut", "Param"), UPDATE_OUT("MomentOut", "Moment"),
                 UPDATE_OUT("InfNormOut", "InfNorm")},
     .attrs = {BETA1, UPDATE_F32("beta2", "how much of the norm stays", 0.999),
               UPDATE_EPSILON(1e-8)},
     .infer_shape = update_shape,
     .cost = adamax_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "lamb",
     .flags = FRT_OP_OPTIMIZER,
     .doc = "Moment1Out = beta1 * Moment1 + (1 - beta1) * Grad; Moment2Out = beta2 * "
            "Moment2 + (1 - beta2) * Grad^2; r = Moment1Out / (sqrt(Moment2Out) + epsilon) "
            "+ weight_decay * Param; ParamOut = Param - LearningRate * ||Param|| / ||r|| * "
            "r, without the ratio unless both norms are > 0; in place. Beta1Pow and "
            "Beta2Pow are neither used nor changed.",
     .source = "PaddlePaddle 1.8 op lamb",
     .inputs = {UPDATE_PARAM, UPDATE_IN("Grad"), UPDATE_SCALAR("LearningRate"),
                UPDATE_IN("Moment1"), UPDATE_IN("Moment2"),
                {"Beta1Pow", FRT_FLOATS, FRT_SLOT_SHAPE_ONLY, "[1]"},
                {"Beta2Pow", FRT_FLOATS, FRT_SLOT_SHAPE_ONLY, "[1]"}},
     .outputs = {UPDATE_OUT("ParamOut", "Param"), UPDATE_OUT("Moment1Out", "Moment1"),
                 UPDATE_OUT("Moment2Out", "Moment2")},
     .attrs = {UPDATE_F32_NEEDED("weight_decay", "decay inside the update"), BETA1, BETA2,
               UPDATE_EPSILON(1e-6)},
     .infer_shape = update_shape,
     .cost = lamb_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
