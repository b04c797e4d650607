/* Activations with arguments, and losses beside the cross entropies. */
#include <math.h>

#include "train/train.h"

/* ---- activations ------------------------------------------------------------------- */

#define LAYER(name, ...)                                   \
  do {                                                     \
    frti_enter(b, name);                                   \
    return frti_unary(b, name, x, FRTI_ATTRS(__VA_ARGS__), out, err); \
  } while (0)
#define REAL(attr, value, fallback) {.name = attr, .f = FRTI_REAL(value, fallback)}

frt_status_t frt_layers_leaky_relu(frt_builder_t *b, frt_var_t x, double alpha,
                                   frt_var_t *out, frt_error_t *err) {
  LAYER("leaky_relu", REAL("alpha", alpha, 0.02));
}

frt_status_t frt_layers_elu(frt_builder_t *b, frt_var_t x, double alpha, frt_var_t *out,
                            frt_error_t *err) {
  LAYER("elu", REAL("alpha", alpha, 1.0));
}

frt_status_t frt_layers_relu6(frt_builder_t *b, frt_var_t x, double threshold,
                              frt_var_t *out, frt_error_t *err) {
  LAYER("relu6", REAL("threshold", threshold, 6.0));
}

frt_status_t frt_layers_swish(frt_builder_t *b, frt_var_t x, double beta, frt_var_t *out,
                              frt_error_t *err) {
  LAYER("swish", REAL("beta", beta, 1.0));
}

frt_status_t frt_layers_hard_sigmoid(frt_builder_t *b, frt_var_t x, double slope,
                                     double offset, frt_var_t *out, frt_error_t *err) {
  LAYER("hard_sigmoid", REAL("slope", slope, 0.2), REAL("offset", offset, 0.5));
}

frt_status_t frt_layers_hard_swish(frt_builder_t *b, frt_var_t x, double threshold,
                                   double scale, double offset, frt_var_t *out,
                                   frt_error_t *err) {
  LAYER("hard_swish", REAL("threshold", threshold, 6.0), REAL("scale", scale, 6.0),
        REAL("offset", offset, 3.0));
}

frt_status_t frt_layers_hard_shrink(frt_builder_t *b, frt_var_t x, double threshold,
                                    frt_var_t *out, frt_error_t *err) {
  LAYER("hard_shrink", REAL("threshold", threshold, 0.5));
}

frt_status_t frt_layers_gelu(frt_builder_t *b, frt_var_t x, int approximate,
                             frt_var_t *out, frt_error_t *err) {
  LAYER("gelu", {.name = "approximate", .i = approximate != 0});
}

frt_status_t frt_layers_stanh(frt_builder_t *b, frt_var_t x, double scale_a,
                              double scale_b, frt_var_t *out, frt_error_t *err) {
  LAYER("stanh", REAL("scale_a", scale_a, 0.67), REAL("scale_b", scale_b, 1.7159));
}

frt_status_t frt_layers_brelu(frt_builder_t *b, frt_var_t x, double t_min, double t_max,
                              frt_var_t *out, frt_error_t *err) {
  const bool given = t_min != 0 || t_max != 0;
  LAYER("brelu", {.name = "t_min", .f = t_min},
        {.name = "t_max", .f = given ? t_max : 24.0});
}

frt_status_t frt_layers_pow(frt_builder_t *b, frt_var_t x, double factor, frt_var_t *out,
                            frt_error_t *err) {
  LAYER("pow", REAL("factor", factor, 1.0));
}

frt_status_t frt_layers_cumsum(frt_builder_t *b, frt_var_t x, int axis, int exclusive,
                               int reverse, frt_var_t *out, frt_error_t *err) {
  LAYER("cumsum", {.name = "axis", .i = axis},
        {.name = "exclusive", .i = exclusive != 0}, {.name = "reverse", .i = reverse != 0});
}

/* ---- two outputs of one input ------------------------------------------------------- */

frt_status_t frt_layers_l2_normalize(frt_builder_t *b, frt_var_t x, int axis,
                                     double epsilon, frt_var_t *out, frt_error_t *err) {
  const char *helper;
  frt_var_info_t info;
  frt_var_t norm;
  FRT_TRY(frti_helper(b, "l2_normalize", &helper, err));
  FRT_TRY(frti_info(b, x, "x", &info, err));
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, out, err));
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, &norm, err));
  const frti_spec_t spec = {.type = "norm", .in = FRTI_IN({"X", FRTI_ONE(x.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)}, {"Norm", FRTI_ONE(norm.name)}),
      .attrs = FRTI_ATTRS({.name = "axis", .i = info.rank == 1 ? 0 : axis},
                          REAL("epsilon", epsilon, 1e-12))};
  return frti_append(b, &spec, NULL, err);
}

/* ---- losses ------------------------------------------------------------------------ */

/* Both sides of a loss exist; dtype is that of the first. */
static frt_status_t both(frt_builder_t *b, frt_var_t x, const char *x_name, frt_var_t y,
                         const char *y_name, uint32_t *dtype, frt_error_t *err) {
  frt_var_info_t info, other;
  FRT_TRY(frti_info(b, x, x_name, &info, err));
  *dtype = (uint32_t)info.dtype;
  return frti_info(b, y, y_name, &other, err);
}

frt_status_t frt_layers_sigmoid_cross_entropy_with_logits(
    frt_builder_t *b, frt_var_t x, frt_var_t label, int has_ignore_index,
    int32_t ignore_index, int normalize, frt_var_t *out, frt_error_t *err) {
  const char *helper;
  uint32_t dtype;
  FRT_TRY(frti_helper(b, "sigmoid_cross_entropy_with_logits", &helper, err));
  FRT_TRY(both(b, x, "x", label, "label", &dtype, err));
  FRT_TRY(frti_helper_tmp(b, helper, dtype, out, err));
  const frti_spec_t spec = {.type = "sigmoid_cross_entropy_with_logits",
      .in = FRTI_IN({"X", FRTI_ONE(x.name)}, {"Label", FRTI_ONE(label.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)}),
      .attrs = FRTI_ATTRS(
          {.name = "ignore_index", .i = has_ignore_index ? ignore_index : -100},
          {.name = "normalize", .i = normalize != 0})};
  return frti_append(b, &spec, NULL, err);
}

/* X, Y -> Out and what its gradient needs, made first. */
static frt_status_t loss_with(frt_builder_t *b, const char *type, frt_var_t x,
                              const char *x_name, frt_var_t y, const char *y_name,
                              const char *kept_slot, const frt_attr_info_t *attrs,
                              frt_var_t *out, frt_error_t *err) {
  const char *helper;
  uint32_t dtype;
  frt_var_t kept;
  FRT_TRY(frti_helper(b, type, &helper, err));
  FRT_TRY(both(b, x, x_name, y, y_name, &dtype, err));
  FRT_TRY(frti_helper_tmp(b, helper, dtype, &kept, err));
  FRT_TRY(frti_helper_tmp(b, helper, dtype, out, err));
  const frti_spec_t spec = {.type = type,
      .in = FRTI_IN({"X", FRTI_ONE(x.name)}, {"Y", FRTI_ONE(y.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)}, {kept_slot, FRTI_ONE(kept.name)}),
      .attrs = attrs};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frt_layers_huber_loss(frt_builder_t *b, frt_var_t input, frt_var_t label,
                                   double delta, frt_var_t *out, frt_error_t *err) {
  frti_enter(b, "huber_loss");
  if (!(delta > 0))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "delta", "is %g; wanted more than 0",
                     delta);
  return loss_with(b, "huber_loss", input, "input", label, "label", "Residual",
                   FRTI_ATTRS({.name = "delta", .f = delta}), out, err);
}

frt_status_t frt_layers_smooth_l1(frt_builder_t *b, frt_var_t x, frt_var_t y,
                                  double sigma, frt_var_t *out, frt_error_t *err) {
  return loss_with(b, "smooth_l1_loss", x, "x", y, "y", "Diff",
                   FRTI_ATTRS(REAL("sigma", sigma, 1.0)), out, err);
}

frt_status_t frt_layers_log_loss(frt_builder_t *b, frt_var_t input, frt_var_t label,
                                 double epsilon, frt_var_t *out, frt_error_t *err) {
  const char *helper;
  uint32_t dtype;
  FRT_TRY(frti_helper(b, "log_loss", &helper, err));
  FRT_TRY(both(b, input, "input", label, "label", &dtype, err));
  FRT_TRY(frti_helper_tmp(b, helper, dtype, out, err));
  const frti_spec_t spec = {.type = "log_loss",
      .in = FRTI_IN({"Predicted", FRTI_ONE(input.name)}, {"Labels", FRTI_ONE(label.name)}),
      .out = FRTI_IN({"Loss", FRTI_ONE(out->name)}),
      .attrs = FRTI_ATTRS(REAL("epsilon", epsilon, 1e-4))};
  return frti_append(b, &spec, NULL, err);
}
