/* batch_norm, layer_norm, group_norm, instance_norm. */
#include <math.h>
#include <string.h>

#include "train/train.h"

/* What one call works with. */
typedef struct norm {
  const char *helper;
  frt_var_info_t in;
  int64_t n; /* elements of a parameter */
} norm_t;

/* The names of an op's arguments; NULL: the slot stays empty. */
#define MAYBE(name) (name) ? 1u : 0u, (const char *const[]){name}

static frt_status_t norm_begin(frt_builder_t *b, const char *layer, const char *name,
                               frt_var_t input, norm_t *n, frt_error_t *err) {
  frti_enter(b, layer);
  FRT_TRY(frti_info(b, input, "input", &n->in, err));
  n->helper = name ? frti_intern(b, name) : frti_unique(b, layer);
  return n->helper ? FRT_OK : frti_no_memory(err);
}

static frt_status_t norm_channels(frt_builder_t *b, uint32_t most, int nhwc, norm_t *n,
                                  frt_error_t *err) {
  const uint32_t rank = n->in.rank;
  if (rank < 2 || rank > most)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "input", "has rank %u; wanted 2 to %u",
                     rank, most);
  n->n = n->in.dims[nhwc ? rank - 1 : 1];
  if (n->n > 0) return FRT_OK;
  return frti_fail(b, err, FRT_INVALID_ARGUMENT, "input",
                   "dim %u is %lld; the parameters need the number of channels",
                   nhwc ? rank - 1 : 1, (long long)n->n);
}

static frt_status_t norm_epsilon(frt_builder_t *b, double given, double most, double *epsilon,
                                 frt_error_t *err) {
  *epsilon = FRTI_REAL(given, 1e-5);
  if (*epsilon >= 0 && (float)*epsilon <= (float)most) return FRT_OK;
  return frti_fail(b, err, FRT_INVALID_ARGUMENT, "epsilon", "is %g; wanted 0 to %g", *epsilon,
                   most);
}

/* A vector of n elements that begin at `value`, unless `attr` says otherwise. */
static frt_status_t norm_parameter(frt_builder_t *b, const norm_t *n, const char *suffix,
                                   const frt_param_attr_t *attr, double value, frt_var_t *out,
                                   frt_error_t *err) {
  frt_param_attr_t own = {0};
  if (attr) own = *attr;
  if (own.initializer.kind == FRT_INIT_DEFAULT) {
    own.initializer.kind = FRT_INIT_CONSTANT;
    own.initializer.value = value;
  }
  return frti_parameter(b, n->helper, suffix, &own, (uint32_t)n->in.dtype, 1, &n->n, out, err);
}

/* A parameter that a layer cannot do without. */
static frt_status_t norm_needed(frt_builder_t *b, const frt_param_attr_t *attr,
                                const char *argument, frt_error_t *err) {
  if (!attr || !attr->none) return FRT_OK;
  return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument, "is none; the layer needs it");
}

/* The statistics, then the result. */
static frt_status_t norm_results(frt_builder_t *b, const norm_t *n, frt_var_t *statistics,
                                 frt_var_t *out, frt_error_t *err) {
  for (int i = 0; i < 2; ++i) {
    FRT_TRY(frti_helper_tmp(b, n->helper, (uint32_t)n->in.dtype, &statistics[i], err));
    FRT_TRY(frti_no_gradient(b, statistics[i], err));
  }
  return frti_helper_tmp(b, n->helper, (uint32_t)n->in.dtype, out, err);
}

/* ---- batch_norm ----------------------------------------------------------------------- */

static frt_status_t moving(frt_builder_t *b, const norm_t *n, const char *name, double value,
                           frt_var_t *out, frt_error_t *err) {
  const frt_param_attr_t attr = {.name = name, .not_trainable = 1};
  return norm_parameter(b, n, "w", &attr, value, out, err);
}

frt_status_t frt_layers_batch_norm(frt_builder_t *b, frt_var_t input,
                                   const frt_batch_norm_options_t *options, frt_var_t *out,
                                   frt_error_t *err) {
  static const frt_batch_norm_options_t nothing = {0};
  const frt_batch_norm_options_t *o = options ? options : &nothing;
  const double momentum = FRTI_REAL(o->momentum, 0.9);
  double epsilon;
  frt_var_t w, bias, mean, variance, saved[2], y;
  norm_t n;
  FRT_TRY(norm_begin(b, "batch_norm", o->name, input, &n, err));
  FRT_TRY(norm_channels(b, 5, o->nhwc, &n, err));
  FRT_TRY(norm_epsilon(b, o->epsilon, 0.001, &epsilon, err));
  FRT_TRY(norm_needed(b, o->param_attr, "param_attr", err));
  FRT_TRY(norm_needed(b, o->bias_attr, "bias_attr", err));
  if (!isfinite(momentum))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "momentum", "is %g; wanted a number",
                     momentum);
  FRT_TRY(norm_parameter(b, &n, "w", o->param_attr, 1, &w, err));
  FRT_TRY(norm_parameter(b, &n, "b", o->bias_attr, 0, &bias, err));
  FRT_TRY(moving(b, &n, o->moving_mean_name, 0, &mean, err));
  FRT_TRY(moving(b, &n, o->moving_variance_name, 1, &variance, err));
  FRT_TRY(norm_results(b, &n, saved, &y, err));
  const frti_spec_t spec = {.type = "batch_norm",
      .in = FRTI_IN({"X", FRTI_ONE(input.name)}, {"Scale", FRTI_ONE(w.name)},
                    {"Bias", FRTI_ONE(bias.name)}, {"Mean", FRTI_ONE(mean.name)},
                    {"Variance", FRTI_ONE(variance.name)}),
      .out = FRTI_IN({"Y", FRTI_ONE(y.name)}, {"MeanOut", FRTI_ONE(mean.name)},
                     {"VarianceOut", FRTI_ONE(variance.name)},
                     {"SavedMean", FRTI_ONE(saved[0].name)},
                     {"SavedVariance", FRTI_ONE(saved[1].name)}),
      .attrs = FRTI_ATTRS({.name = "momentum", .f = momentum},
                          {.name = "epsilon", .f = epsilon},
                          {.name = "is_test", .i = o->is_test != 0},
                          {.name = "data_layout", .s = o->nhwc ? "NHWC" : "NCHW"},
                          {.name = "use_global_stats", .i = o->use_global_stats != 0})};
  FRT_TRY(frti_append(b, &spec, NULL, err));
  return frti_activate(b, n.helper, o->act, y, out, err);
}

/* ---- layer_norm ----------------------------------------------------------------------- */

static frt_status_t row_width(frt_builder_t *b, int begin, norm_t *n, frt_error_t *err) {
  if (begin < 1 || (uint32_t)begin >= n->in.rank)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "begin_norm_axis",
                     "is %d; wanted 1 to rank - 1 = %d", begin, (int)n->in.rank - 1);
  n->n = 1;
  for (uint32_t d = (uint32_t)begin; d < n->in.rank; ++d)
    if (n->in.dims[d] <= 0 || __builtin_mul_overflow(n->n, n->in.dims[d], &n->n))
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, "input",
                       "dim %u is %lld; the parameters need their number", d,
                       (long long)n->in.dims[d]);
  return FRT_OK;
}

frt_status_t frt_layers_layer_norm(frt_builder_t *b, frt_var_t input,
                                   const frt_layer_norm_options_t *options, frt_var_t *out,
                                   frt_error_t *err) {
  static const frt_layer_norm_options_t nothing = {0};
  const frt_layer_norm_options_t *o = options ? options : &nothing;
  const int begin = o->begin_norm_axis ? o->begin_norm_axis : 1;
  double epsilon;
  frt_var_t w = {0}, bias = {0}, statistics[2], y;
  norm_t n;
  FRT_TRY(norm_begin(b, "layer_norm", o->name, input, &n, err));
  FRT_TRY(row_width(b, begin, &n, err));
  FRT_TRY(norm_epsilon(b, o->epsilon, 0.001, &epsilon, err));
  if (!o->no_scale) {
    FRT_TRY(norm_needed(b, o->param_attr, "param_attr", err));
    FRT_TRY(norm_parameter(b, &n, "w", o->param_attr, 1, &w, err));
  }
  if (!o->no_shift) {
    FRT_TRY(norm_needed(b, o->bias_attr, "bias_attr", err));
    FRT_TRY(norm_parameter(b, &n, "b", o->bias_attr, 0, &bias, err));
  }
  FRT_TRY(norm_results(b, &n, statistics, &y, err));
  const frti_spec_t spec = {.type = "layer_norm",
      .in = FRTI_IN({"X", FRTI_ONE(input.name)}, {"Scale", MAYBE(w.name)},
                    {"Bias", MAYBE(bias.name)}),
      .out = FRTI_IN({"Y", FRTI_ONE(y.name)}, {"Mean", FRTI_ONE(statistics[0].name)},
                     {"Variance", FRTI_ONE(statistics[1].name)}),
      .attrs = FRTI_ATTRS({.name = "epsilon", .f = epsilon},
                          {.name = "begin_norm_axis", .i = begin})};
  FRT_TRY(frti_append(b, &spec, NULL, err));
  return frti_activate(b, n.helper, o->act, y, out, err);
}

/* ---- group_norm, instance_norm ----------------------------------------------------------- */

/* Fluid makes these with create_variable, whose names do not begin with the layer's. */
static frt_status_t group_results(frt_builder_t *b, uint32_t dtype, frt_var_t *statistics,
                                  frt_var_t *out, frt_error_t *err) {
  for (int i = 0; i < 2; ++i) {
    FRT_TRY(frti_tmp(b, "_generated_var", dtype, &statistics[i], err));
    FRT_TRY(frti_no_gradient(b, statistics[i], err));
  }
  return frti_tmp(b, "_generated_var", dtype, out, err);
}

frt_status_t frt_layers_group_norm(frt_builder_t *b, frt_var_t input, int groups,
                                   const frt_group_norm_options_t *options, frt_var_t *out,
                                   frt_error_t *err) {
  static const frt_group_norm_options_t nothing = {0};
  const frt_group_norm_options_t *o = options ? options : &nothing;
  double epsilon;
  frt_var_t w = {0}, bias = {0}, statistics[2], y;
  norm_t n;
  FRT_TRY(norm_begin(b, "group_norm", o->name, input, &n, err));
  FRT_TRY(norm_channels(b, FRT_MAX_RANK, o->nhwc, &n, err));
  FRT_TRY(norm_epsilon(b, o->epsilon, 1, &epsilon, err));
  if (groups < 1 || n.n % groups != 0)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "groups",
                     "is %d; wanted a divisor of %lld, the channels", groups, (long long)n.n);
  if (o->param_attr && !o->param_attr->none)
    FRT_TRY(norm_parameter(b, &n, "w", o->param_attr, 1, &w, err));
  if (o->bias_attr && !o->bias_attr->none)
    FRT_TRY(norm_parameter(b, &n, "b", o->bias_attr, 0, &bias, err));
  FRT_TRY(group_results(b, (uint32_t)n.in.dtype, statistics, &y, err));
  const frti_spec_t spec = {.type = "group_norm",
      .in = FRTI_IN({"X", FRTI_ONE(input.name)}, {"Scale", MAYBE(w.name)},
                    {"Bias", MAYBE(bias.name)}),
      .out = FRTI_IN({"Y", FRTI_ONE(y.name)}, {"Mean", FRTI_ONE(statistics[0].name)},
                     {"Variance", FRTI_ONE(statistics[1].name)}),
      .attrs = FRTI_ATTRS({.name = "epsilon", .f = epsilon}, {.name = "groups", .i = groups},
                          {.name = "data_layout", .s = o->nhwc ? "NHWC" : "NCHW"})};
  FRT_TRY(frti_append(b, &spec, NULL, err));
  return frti_activate(b, n.helper, o->act, y, out, err);
}

frt_status_t frt_layers_instance_norm(frt_builder_t *b, frt_var_t input,
                                      const frt_instance_norm_options_t *options,
                                      frt_var_t *out, frt_error_t *err) {
  static const frt_instance_norm_options_t nothing = {0};
  const frt_instance_norm_options_t *o = options ? options : &nothing;
  double epsilon;
  frt_var_t w, bias, saved[2];
  norm_t n;
  FRT_TRY(norm_begin(b, "instance_norm", o->name, input, &n, err));
  FRT_TRY(norm_channels(b, 5, 0, &n, err));
  FRT_TRY(norm_epsilon(b, o->epsilon, 0.001, &epsilon, err));
  FRT_TRY(norm_needed(b, o->param_attr, "param_attr", err));
  FRT_TRY(norm_needed(b, o->bias_attr, "bias_attr", err));
  FRT_TRY(norm_parameter(b, &n, "w", o->param_attr, 1, &w, err));
  FRT_TRY(norm_parameter(b, &n, "b", o->bias_attr, 0, &bias, err));
  FRT_TRY(norm_results(b, &n, saved, out, err));
  const frti_spec_t spec = {.type = "instance_norm",
      .in = FRTI_IN({"X", FRTI_ONE(input.name)}, {"Scale", FRTI_ONE(w.name)},
                    {"Bias", FRTI_ONE(bias.name)}),
      .out = FRTI_IN({"Y", FRTI_ONE(out->name)}, {"SavedMean", FRTI_ONE(saved[0].name)},
                     {"SavedVariance", FRTI_ONE(saved[1].name)}),
      .attrs = FRTI_ATTRS({.name = "epsilon", .f = epsilon})};
  return frti_append(b, &spec, NULL, err);
}
