#include <float.h>

#include "shape.h"

static frt_status_t lars_counts(const frt_infer_t *x, uint32_t n, frt_error_t *err) {
  static const char *const ins[] = {"Grad", "Velocity"};
  static const char *const outs[] = {"ParamOut", "VelocityOut"};
  const uint32_t rates = frt_infer_ins(x, "LearningRate")->count;
  for (int i = 0; i < 4; ++i) {
    const char *slot = i < 2 ? ins[i] : outs[i - 2];
    const uint32_t k = (i < 2 ? frt_infer_ins(x, slot) : frt_infer_outs(x, slot))->count;
    if (k != n)
      return shape_fail(err, FRT_INVALID_ARGUMENT, slot,
                        "%s has %u tensors; wanted %u as Param", slot, k, n);
  }
  if (rates != 1 && rates != n)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "LearningRate",
                      "LearningRate has %u tensors; wanted 1 or %u", rates, n);
  return FRT_OK;
}

static frt_status_t lars_options(const frt_infer_t *x, uint32_t n, frt_error_t *err) {
  const frt_api_attr_t *decay = frt_infer_attr(x, "lars_weight_decay");
  if (decay->type == FRT_ATTR_F32S && decay->count != 1 && decay->count != n)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "lars_weight_decay",
                      "lars_weight_decay has %u values; wanted one, or one for each of "
                      "the %u tensors of Param", decay->count, n);
  if (shape_int(x, "multi_precision"))
    return shape_fail(err, FRT_UNIMPLEMENTED, "multi_precision",
                      "multi_precision is true; only false is supported");
  return FRT_OK;
}

/* "Grad", or "Grad[2]" where there are several. */
static shape_text_t member(const char *slot, uint32_t i, uint32_t n) {
  shape_text_t t;
  if (n > 1) snprintf(t.s, sizeof t.s, "%s[%u]", slot, i);
  else snprintf(t.s, sizeof t.s, "%s", slot);
  return t;
}

static frt_status_t lars_one(const frt_infer_t *x, uint32_t i, uint32_t n,
                             frt_error_t *err) {
  frt_shape_t p = frt_infer_ins(x, "Param")->shapes[i];
  const frt_shape_t *g = &frt_infer_ins(x, "Grad")->shapes[i];
  const frt_shape_t *v = &frt_infer_ins(x, "Velocity")->shapes[i];
  const shape_text_t name = member("Param", i, n);
  FRT_TRY(shape_same(member("Grad", i, n).s, g, name.s, &p, err));
  FRT_TRY(shape_same(member("Velocity", i, n).s, v, name.s, &p, err));
  shape_join(&p, g);
  shape_join(&p, v);
  frt_infer_outs(x, "ParamOut")->shapes[i] = p;
  frt_infer_outs(x, "VelocityOut")->shapes[i] = p;
  return FRT_OK;
}

static frt_status_t lars_rate(const frt_infer_t *x, uint32_t i, uint32_t n,
                              frt_error_t *err) {
  const frt_shape_t *lr = &frt_infer_ins(x, "LearningRate")->shapes[i];
  const shape_text_t name = member("LearningRate", i, n);
  FRT_TRY(shape_same_dtype(name.s, lr, "Param", frt_infer_in(x, "Param"), err));
  if (shape_numel(lr) == 1 || shape_numel(lr) == -1) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "LearningRate",
                    "%s has shape %s; wanted [1]", name.s, shape_text(lr).s);
}

static frt_status_t lars_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_infer_slot_t *params = frt_infer_ins(x, "Param");
  const frt_infer_slot_t *rates = frt_infer_ins(x, "LearningRate");
  const uint32_t n = params->count;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(lars_counts(x, n, err));
  FRT_TRY(lars_options(x, n, err));
  for (uint32_t i = 1; i < n; ++i)
    FRT_TRY(shape_same_dtype(member("Param", i, n).s, &params->shapes[i], "Param[0]",
                             &params->shapes[0], err));
  for (uint32_t i = 0; i < n; ++i) FRT_TRY(lars_one(x, i, n, err));
  for (uint32_t i = 0; i < rates->count; ++i)
    FRT_TRY(lars_rate(x, i, rates->count, err));
  return FRT_OK;
}

/* Two norms at 2 an element, then g + wd p, the velocity and the step at 6. */
static frt_cost_t lars_cost(const frt_infer_t *x) {
  const frt_infer_slot_t *params = frt_infer_ins(x, "Param");
  double n = 0;
  for (uint32_t i = 0; i < params->count; ++i) n += shape_elements(&params->shapes[i]);
  return shape_cost(x, 10 * n);
}

FRT_OPS(optimizer_lars) = {
    {.type = "lars_momentum",
     .flags = FRT_OP_OPTIMIZER,
     .doc = "local = LearningRate * lars_coeff * ||Param|| / (||Grad|| + wd * ||Param|| + "
            "epsilon) if both norms are > 0, else LearningRate; VelocityOut = mu * Velocity "
            "+ local * (Grad + wd * Param); ParamOut = Param - VelocityOut; in place, wd = "
            "lars_weight_decay, Grad times rescale_grad before all.",
     .source = "PaddlePaddle 1.8 op lars_momentum; several tensors, epsilon and "
               "rescale_grad as in 2.x, where a list of decays also means: local = "
               "LearningRate for a decay of 0",
     .inputs = {{"Param", FRT_FLOATS, FRT_SLOT_VARIADIC, "any shape"},
                {"Grad", FRT_FLOATS, FRT_SLOT_VARIADIC, "shape of Param"},
                {"Velocity", FRT_FLOATS, FRT_SLOT_VARIADIC, "shape of Param"},
                {"LearningRate", FRT_FLOATS, FRT_SLOT_VARIADIC,
                 "[1]; one for all, or one a tensor"},
                {"MasterParam", FRT_F32S, SHAPE_REFUSED | FRT_SLOT_VARIADIC,
                 "shape of Param"}},
     .outputs = {{"ParamOut", FRT_FLOATS, FRT_SLOT_VARIADIC, "shape of Param", "Param"},
                 {"VelocityOut", FRT_FLOATS, FRT_SLOT_VARIADIC, "shape of Param",
                  "Velocity"},
                 {"MasterParamOut", FRT_F32S, SHAPE_REFUSED | FRT_SLOT_VARIADIC,
                  "shape of Param", "MasterParam"}},
     .attrs = {{"mu", FRT_ATTR_F32, FRT_ATTR_RANGE, "momentum", 0, NULL, -FLT_MAX, FLT_MAX},
               {"lars_coeff", FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE,
                "trust in the ratio of the norms", 0.001, NULL, -FLT_MAX, FLT_MAX},
               {"lars_weight_decay", FRT_ATTR_F32,
                FRT_ATTR_DEFAULT | FRT_ATTR_RANGE | FRT_ATTR_LIST_TOO,
                "decay inside the update; a list: one a tensor", 0.0005, NULL, -FLT_MAX,
                FLT_MAX},
               {"epsilon", FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE,
                "added to the denominator, >= 0", 0, NULL, 0, FLT_MAX},
               {"rescale_grad", FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE,
                "factor on Grad", 1, NULL, -FLT_MAX, FLT_MAX},
               {"multi_precision", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT,
                "only false is supported"}},
     .infer_shape = lars_shape,
     .cost = lars_cost,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
