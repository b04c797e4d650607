#include "shape.h"

static frt_status_t sgd_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *lr = frt_infer_in(x, "LearningRate");
  frt_shape_t p = *frt_infer_in(x, "Param");
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_same("Grad", frt_infer_in(x, "Grad"), "Param", &p, err));
  FRT_TRY(shape_same_dtype("LearningRate", lr, "Param", &p, err));
  if (shape_numel(lr) != 1 && shape_numel(lr) != -1)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "LearningRate",
                      "LearningRate has shape %s; wanted [1]", shape_text(lr).s);
  shape_join(&p, frt_infer_in(x, "Grad"));
  return shape_out(x, "ParamOut", p, err);
}

static frt_cost_t sgd_cost(const frt_infer_t *x) {
  return shape_cost(x, 2 * shape_elements(frt_infer_in(x, "Param")));
}

FRT_OPS(optimizer) = {
    {.type = "sgd",
     .flags = FRT_OP_OPTIMIZER,
     .doc = "ParamOut = Param - LearningRate * Grad, in place.",
     .source = "PaddlePaddle 1.8 op sgd",
     .inputs = {{"Param", FRT_FLOATS, 0, "any shape"},
                {"LearningRate", FRT_FLOATS, 0, "[1]"},
                {"Grad", FRT_FLOATS, 0, "shape of Param"}},
     .outputs = {{"ParamOut", FRT_FLOATS, 0, "shape of Param", "Param"}},
     .infer_shape = sgd_shape,
     .cost = sgd_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
