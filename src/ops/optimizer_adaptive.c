#include "update.h"

static frt_cost_t adagrad_cost(const frt_infer_t *x) { return update_cost(x, 7); }
static frt_cost_t decayed_cost(const frt_infer_t *x) { return update_cost(x, 9); }
static frt_cost_t adadelta_cost(const frt_infer_t *x) { return update_cost(x, 18); }
static frt_cost_t ftrl_cost(const frt_infer_t *x) { return update_cost(x, 15); }
static frt_cost_t rmsprop_cost(const frt_infer_t *x) {
  return update_cost(x, shape_int(x, "centered") ? 15 : 10);
}

static frt_status_t rmsprop_shape(const frt_infer_t *x, frt_error_t *err) {
  const bool given = frt_infer_in(x, "MeanGrad") != NULL;
  if (!given && shape_int(x, "centered"))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "MeanGrad",
                      "MeanGrad is missing; wanted one as centered is true");
  if (!given && frt_infer_out(x, "MeanGradOut"))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "MeanGradOut",
                      "MeanGradOut is there without MeanGrad; wanted both or neither");
  if (given && shape_int(x, "centered") && !frt_infer_out(x, "MeanGradOut"))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "MeanGradOut",
                      "MeanGradOut is missing; wanted one as centered is true");
  return update_shape(x, err);
}

#define ADAGRAD_SLOTS                                                             \
  .inputs = {UPDATE_PARAM, UPDATE_IN("Grad"), UPDATE_IN("Moment"),                \
             UPDATE_SCALAR("LearningRate")},                                      \
  .outputs = {UPDATE_OUT("ParamOut", "Param"), UPDATE_OUT("MomentOut", "Moment")}

FRT_OPS(optimizer_adaptive) = {
    {.type = "adagrad",
     .flags = FRT_OP_OPTIMIZER,
     .doc = "MomentOut = Moment + Grad^2; ParamOut = Param - LearningRate * Grad / "
            "(sqrt(MomentOut) + epsilon); in place.",
     .source = "PaddlePaddle 1.8 op adagrad",
     ADAGRAD_SLOTS,
     .attrs = {UPDATE_EPSILON(1e-6)},
     .infer_shape = update_shape,
     .cost = adagrad_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "decayed_adagrad",
     .flags = FRT_OP_OPTIMIZER,
     .doc = "MomentOut = decay * Moment + (1 - decay) * Grad^2; ParamOut = Param - "
            "LearningRate * Grad / (sqrt(MomentOut) + epsilon); in place.",
     .source = "PaddlePaddle 1.8 op decayed_adagrad",
     ADAGRAD_SLOTS,
     .attrs = {UPDATE_F32("decay", "how much of the moment stays", 0.95),
               UPDATE_EPSILON(1e-6)},
     .infer_shape = update_shape,
     .cost = decayed_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "adadelta",
     .flags = FRT_OP_OPTIMIZER,
     .doc = "a = AvgSquaredGradOut = rho * AvgSquaredGrad + (1 - rho) * Grad^2; u = "
            "-sqrt((AvgSquaredUpdate + epsilon) / (a + epsilon)) * Grad; b = "
            "AvgSquaredUpdateOut = rho * AvgSquaredUpdate + (1 - rho) * u^2; ParamOut = "
            "Param - sqrt((b + epsilon) / (a + epsilon)) * Grad, with the new b and "
            "without a rate; in place.",
     .source = "PaddlePaddle 1.8 op adadelta",
     .inputs = {UPDATE_PARAM, UPDATE_IN("Grad"), UPDATE_IN("AvgSquaredGrad"),
                UPDATE_IN("AvgSquaredUpdate")},
     .outputs = {UPDATE_OUT("ParamOut", "Param"),
                 UPDATE_OUT("AvgSquaredGradOut", "AvgSquaredGrad"),
                 UPDATE_OUT("AvgSquaredUpdateOut", "AvgSquaredUpdate")},
     .attrs = {UPDATE_F32("rho", "how much of the averages stays", 0.95),
               UPDATE_EPSILON(1e-6)},
     .infer_shape = update_shape,
     .cost = adadelta_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "rmsprop",
     .flags = FRT_OP_OPTIMIZER,
     .doc = "MeanSquareOut = decay * MeanSquare + (1 - decay) * Grad^2; MomentOut = "
            "momentum * Moment + LearningRate * Grad / sqrt(MeanSquareOut + epsilon); "
            "ParamOut = Param - MomentOut; with centered also MeanGradOut = decay * "
            "MeanGrad + (1 - decay) * Grad, and MeanSquareOut - MeanGradOut^2 + epsilon "
            "under the root; in place.",
     .source = "PaddlePaddle 1.8 op rmsprop",
     .inputs = {UPDATE_PARAM, UPDATE_IN("MeanSquare"),
                {"MeanGrad", FRT_FLOATS, FRT_SLOT_OPTIONAL,
                 "shape of Param; only read with centered"},
                UPDATE_SCALAR("LearningRate"), UPDATE_IN("Grad"), UPDATE_IN("Moment")},
     .outputs = {UPDATE_OUT("ParamOut", "Param"), UPDATE_OUT("MomentOut", "Moment"),
                 UPDATE_OUT("MeanSquareOut", "MeanSquare"),
                 {"MeanGradOut", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Param",
                  "MeanGrad"}},
     .attrs = {UPDATE_EPSILON(1e-10), UPDATE_F32("decay", "how much of the means stays", 0.9),
               UPDATE_F32("momentum", "how much of Moment stays", 0),
               {"centered", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT,
                "divides by the variance, not by the mean square"}},
     .infer_shape = rmsprop_shape,
     .cost = rmsprop_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "ftrl",
     .flags = FRT_OP_OPTIMIZER,
     .doc = "n = SquaredAccumOut = SquaredAccumulator + Grad^2; with root(a) = "
            "a^-lr_power: z = LinearAccumOut = LinearAccumulator + Grad - (root(n) - "
            "root(SquaredAccumulator)) / LearningRate * Param; ParamOut = (l1 * sign(z) - "
            "z) / (root(n) / LearningRate + 2 * l2) if |z| > l1, else 0; in place.",
     .source = "PaddlePaddle 1.8 op ftrl",
     .inputs = {UPDATE_PARAM, UPDATE_IN("SquaredAccumulator"),
                UPDATE_IN("LinearAccumulator"), UPDATE_IN("Grad"),
                UPDATE_SCALAR("LearningRate")},
     .outputs = {UPDATE_OUT("ParamOut", "Param"),
                 UPDATE_OUT("SquaredAccumOut", "SquaredAccumulator"),
                 UPDATE_OUT("LinearAccumOut", "LinearAccumulator")},
     .attrs = {UPDATE_F32("l1", "what |z| must exceed", 0), UPDATE_F32("l2", "shrinkage", 0),
               UPDATE_F32("lr_power", "minus the power of the accumulator", -0.5)},
     .infer_shape = update_shape,
     .cost = ftrl_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
