#include "update.h"

/* What later versions added, where it would change the result. */
static frt_status_t momentum_shape(const frt_infer_t *x, frt_error_t *err) {
  const char *decay = shape_str(x, "regularization_method");
  FRT_TRY(update_false(x, "multi_precision", err));
  if (decay[0])
    return shape_fail(err, FRT_UNIMPLEMENTED, "regularization_method",
                      "regularization_method is '%.40s'; only \"\" is supported", decay);
  if (shape_f32(x, "rescale_grad") != 1)
    return shape_fail(err, FRT_UNIMPLEMENTED, "rescale_grad",
                      "rescale_grad is %g; only 1 is supported",
                      shape_f32(x, "rescale_grad"));
  return update_shape(x, err);
}

static frt_cost_t momentum_cost(const frt_infer_t *x) {
  return update_cost(x, shape_int(x, "use_nesterov") ? 6 : 4);
}

FRT_OPS(optimizer_momentum) = {
    {.type = "momentum",
     .flags = FRT_OP_OPTIMIZER,
     .doc = "VelocityOut = mu * Velocity + Grad; ParamOut = Param - LearningRate * "
            "VelocityOut, or with use_nesterov Param - LearningRate * (Grad + mu * "
            "VelocityOut); in place.",
     .source = "PaddlePaddle 1.8 op momentum",
     .inputs = {UPDATE_PARAM, UPDATE_IN("Grad"), UPDATE_IN("Velocity"),
                UPDATE_SCALAR("LearningRate"),
                {"MasterParam", FRT_F32S, SHAPE_REFUSED, "shape of Param"}},
     .outputs = {UPDATE_OUT("ParamOut", "Param"), UPDATE_OUT("VelocityOut", "Velocity"),
                 {"MasterParamOut", FRT_F32S, SHAPE_REFUSED, "shape of Param",
                  "MasterParam"}},
     .attrs = {UPDATE_F32_NEEDED("mu", "momentum"),
               {"use_nesterov", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "looks one step ahead"},
               {"regularization_method", FRT_ATTR_STRING, FRT_ATTR_DEFAULT,
                "only \"\" is supported", 0, ""},
               UPDATE_F32("rescale_grad", "only 1 is supported", 1),
               UPDATE_NO("multi_precision")},
     .infer_shape = momentum_shape,
     .cost = momentum_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
