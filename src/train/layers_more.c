/* Losses, metrics, shapes, constants. */
#include <math.h>
#include <string.h>

#include "train/train.h"

/* ---- losses ------------------------------------------------------------------------ */

static int64_t ignored(const frt_cross_entropy_options_t *o) {
  return o && o->has_ignore_index ? o->ignore_index : -100;
}

/* Hard labels go through cross_entropy2, which keeps what its gradient needs. */
static frt_status_t hard_entropy(frt_builder_t *b, frt_var_t input, frt_var_t label,
                                 const frt_cross_entropy_options_t *o, uint32_t dtype,
                                 frt_var_t *out, frt_error_t *err) {
  const char *helper;
  frt_var_t xshape, match;
  FRT_TRY(frti_helper(b, "cross_entropy2", &helper, err));
  b->layer = "cross_entropy";
  FRT_TRY(frti_helper_tmp(b, helper, dtype, out, err));
  FRT_TRY(frti_helper_tmp(b, helper, dtype, &xshape, err));
  FRT_TRY(frti_helper_tmp(b, helper, dtype, &match, err));
  const frti_spec_t spec = {.type = "cross_entropy2",
      .in = FRTI_IN({"X", FRTI_ONE(input.name)}, {"Label", FRTI_ONE(label.name)}),
      .out = FRTI_IN({"Y", FRTI_ONE(out->name)}, {"MatchX", FRTI_ONE(match.name)},
                     {"XShape", FRTI_ONE(xshape.name)}),
      .attrs = FRTI_ATTRS({.name = "ignore_index", .i = ignored(o)})};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frt_layers_cross_entropy(frt_builder_t *b, frt_var_t input, frt_var_t label,
                                      const frt_cross_entropy_options_t *options,
                                      frt_var_t *out, frt_error_t *err) {
  const char *helper;
  frt_var_info_t info;
  frti_enter(b, "cross_entropy");
  FRT_TRY(frti_info(b, input, "input", &info, err));
  FRT_TRY(frti_info(b, label, "label", &(frt_var_info_t){0}, err));
  if (!options || !options->soft_label)
    return hard_entropy(b, input, label, options, (uint32_t)info.dtype, out, err);
  FRT_TRY(frti_helper(b, "cross_entropy", &helper, err));
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, out, err));
  const frti_spec_t spec = {.type = "cross_entropy",
      .in = FRTI_IN({"X", FRTI_ONE(input.name)}, {"Label", FRTI_ONE(label.name)}),
      .out = FRTI_IN({"Y", FRTI_ONE(out->name)}),
      .attrs = FRTI_ATTRS({.name = "soft_label", .i = 1},
                          {.name = "ignore_index", .i = ignored(options)})};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frt_layers_softmax_with_cross_entropy(
    frt_builder_t *b, frt_var_t logits, frt_var_t label,
    const frt_cross_entropy_options_t *o, frt_var_t *loss, frt_var_t *softmax,
    frt_error_t *err) {
  const char *helper;
  frt_var_info_t info;
  frt_var_t kept;
  FRT_TRY(frti_helper(b, "softmax_with_cross_entropy", &helper, err));
  FRT_TRY(frti_info(b, logits, "logits", &info, err));
  FRT_TRY(frti_info(b, label, "label", &(frt_var_info_t){0}, err));
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, &kept, err));
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, loss, err));
  const frti_spec_t spec = {.type = "softmax_with_cross_entropy",
      .in = FRTI_IN({"Logits", FRTI_ONE(logits.name)}, {"Label", FRTI_ONE(label.name)}),
      .out = FRTI_IN({"Softmax", FRTI_ONE(kept.name)}, {"Loss", FRTI_ONE(loss->name)}),
      .attrs = FRTI_ATTRS({.name = "soft_label", .i = o && o->soft_label},
                          {.name = "ignore_index", .i = ignored(o)},
                          {.name = "numeric_stable_mode", .i = !(o && o->unstable)},
                          {.name = "axis", .i = -1})};
  FRT_TRY(frti_append(b, &spec, NULL, err));
  if (softmax) *softmax = kept;
  return FRT_OK;
}

frt_status_t frt_layers_square_error_cost(frt_builder_t *b, frt_var_t input,
                                          frt_var_t label, frt_var_t *out,
                                          frt_error_t *err) {
  const char *helper;
  frt_var_info_t info;
  frt_var_t difference;
  FRT_TRY(frti_helper(b, "square_error_cost", &helper, err));
  FRT_TRY(frti_info(b, label, "label", &info, err));
  FRT_TRY(frti_info(b, input, "input", &info, err));
  const char *key = frti_internf(b, "%s.tmp", helper);
  if (!key) return frti_no_memory(err);
  FRT_TRY(frti_binary(b, "elementwise_sub", key, input, label, NULL,
                      (uint32_t)info.dtype, &difference, err));
  return frti_unary_in(b, helper, "square", difference, NULL, out, err);
}

frt_status_t frt_layers_top_k(frt_builder_t *b, frt_var_t x, int k, frt_var_t *values,
                              frt_var_t *indices, frt_error_t *err) {
  const char *helper;
  frt_var_info_t info;
  FRT_TRY(frti_helper(b, "top_k", &helper, err));
  FRT_TRY(frti_info(b, x, "input", &info, err));
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, values, err));
  FRT_TRY(frti_helper_tmp(b, helper, FRT_I64, indices, err));
  const frti_spec_t spec = {.type = "top_k", .in = FRTI_IN({"X", FRTI_ONE(x.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(values->name)},
                     {"Indices", FRTI_ONE(indices->name)}),
      .attrs = FRTI_ATTRS({.name = "k", .i = k})};
  FRT_TRY(frti_append(b, &spec, NULL, err));
  FRT_TRY(frti_no_gradient(b, *values, err));
  return frti_no_gradient(b, *indices, err);
}

frt_status_t frt_layers_accuracy(frt_builder_t *b, frt_var_t input, frt_var_t label,
                                 int k, frt_var_t *out, frt_error_t *err) {
  const char *helper;
  frt_var_t values, indices, correct, total;
  FRT_TRY(frti_helper(b, "accuracy", &helper, err));
  FRT_TRY(frt_layers_top_k(b, input, k ? k : 1, &values, &indices, err));
  frti_enter(b, "accuracy");
  FRT_TRY(frti_info(b, label, "label", &(frt_var_info_t){0}, err));
  FRT_TRY(frti_helper_tmp(b, helper, FRT_F32, out, err));
  FRT_TRY(frti_helper_tmp(b, helper, FRT_I32, &correct, err));
  FRT_TRY(frti_helper_tmp(b, helper, FRT_I32, &total, err));
  const frti_spec_t spec = {.type = "accuracy",
      .in = FRTI_IN({"Out", FRTI_ONE(values.name)}, {"Indices", FRTI_ONE(indices.name)},
                    {"Label", FRTI_ONE(label.name)}),
      .out = FRTI_IN({"Accuracy", FRTI_ONE(out->name)},
                     {"Correct", FRTI_ONE(correct.name)},
                     {"Total", FRTI_ONE(total.name)})};
  return frti_append(b, &spec, NULL, err);
}

/* ---- several inputs ---------------------------------------------------------------- */

/* helper NULL: *out is there already. */
static frt_status_t many(frt_builder_t *b, const char *type, const char *helper,
                         const frt_var_t *x, size_t n, const frt_attr_info_t *attrs,
                         frt_var_t *out, frt_error_t *err) {
  const char *names[256];
  frt_var_info_t info = {0};
  if (!x || n < 1 || n > FRTI_COUNT(names))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "input",
                     "has %zu variables; wanted 1 to %zu", x ? n : 0, FRTI_COUNT(names));
  for (size_t i = n; i-- > 0;) {
    FRT_TRY(frti_info(b, x[i], "input", &info, err));
    names[i] = x[i].name;
  }
  if (helper) FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, out, err));
  const frti_spec_t spec = {.type = type, .in = FRTI_IN({"X", (uint32_t)n, names}),
                            .out = FRTI_IN({"Out", FRTI_ONE(out->name)}), .attrs = attrs};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frt_layers_sums(frt_builder_t *b, const frt_var_t *x, size_t n,
                             frt_var_t *out, frt_error_t *err) {
  const char *helper;
  FRT_TRY(frti_helper(b, "sum", &helper, err));
  return many(b, "sum", helper, x, n, NULL, out, err);
}

frt_status_t frt_layers_sums_to(frt_builder_t *b, const frt_var_t *x, size_t n,
                                frt_var_t to, frt_error_t *err) {
  const char *helper;
  FRT_TRY(frti_helper(b, "sum", &helper, err));
  FRT_TRY(frti_info(b, to, "out", &(frt_var_info_t){0}, err));
  return many(b, "sum", NULL, x, n, NULL, &to, err);
}

frt_status_t frt_layers_concat(frt_builder_t *b, const frt_var_t *x, size_t n, int axis,
                               frt_var_t *out, frt_error_t *err) {
  const char *helper;
  FRT_TRY(frti_helper(b, "concat", &helper, err));
  return many(b, "concat", helper, x, n, FRTI_ATTRS({.name = "axis", .i = axis}), out, err);
}

/* ---- shapes ------------------------------------------------------------------------ */

static frt_status_t with_xshape(frt_builder_t *b, const char *type, const char *helper,
                                frt_var_t x, const char *attr, uint32_t n,
                                const int64_t *values, frt_var_t *out, frt_error_t *err) {
  frt_var_info_t info;
  frt_var_t xshape;
  FRT_TRY(frti_info(b, x, "x", &info, err));
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, out, err));
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, &xshape, err));
  const frti_spec_t spec = {.type = type, .in = FRTI_IN({"X", FRTI_ONE(x.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)}, {"XShape", FRTI_ONE(xshape.name)}),
      .attrs = FRTI_ATTRS({.name = attr, .count = n, .is = values})};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frt_layers_reshape(frt_builder_t *b, frt_var_t x, uint32_t rank,
                                const int64_t *dims, const char *act, frt_var_t *out,
                                frt_error_t *err) {
  const char *helper;
  FRT_TRY(frti_helper(b, "reshape2", &helper, err));
  b->layer = "reshape";
  FRT_TRY(frti_check_dims(b, "shape", rank, dims, -1, err));
  FRT_TRY(with_xshape(b, "reshape2", helper, x, "shape", rank, dims, out, err));
  return frti_activate(b, helper, act, *out, out, err);
}

frt_status_t frt_layers_transpose(frt_builder_t *b, frt_var_t x, uint32_t rank,
                                  const int64_t *perm, frt_var_t *out, frt_error_t *err) {
  const char *helper;
  FRT_TRY(frti_helper(b, "transpose", &helper, err));
  FRT_TRY(frti_check_dims(b, "perm", rank, perm, 0, err));
  return with_xshape(b, "transpose2", helper, x, "axis", rank, perm, out, err);
}

/* ---- constants --------------------------------------------------------------------- */

/* Python's str() of the number: 3 is "3.0", or "3" for an integer variable. */
static frt_status_t number_text(frti_str_t *s, double value, uint32_t dtype,
                                frt_error_t *err) {
  if (dtype == FRT_I64 || dtype == FRT_I32) frti_str_addf(s, "%lld", (long long)value);
  else frti_str_add_f64(s, value);
  if (s->failed) return frti_no_memory(err);
  if (dtype != FRT_I64 && dtype != FRT_I32 && !strpbrk(s->text, ".eni"))
    frti_str_add(s, ".0");
  return s->failed ? frti_no_memory(err) : FRT_OK;
}

static frt_status_t fill_into(frt_builder_t *b, const frt_var_info_t *shape, double value,
                              int force_cpu, const char *name, frt_error_t *err) {
  frti_str_t text = {0};
  frt_status_t status = number_text(&text, value, (uint32_t)shape->dtype, err);
  const frti_spec_t spec = {.type = "fill_constant", .in = FRTI_NO_INPUTS,
      .out = FRTI_IN({"Out", FRTI_ONE(name)}),
      .attrs = FRTI_ATTRS({.name = "shape", .count = shape->rank, .is = shape->dims},
                          {.name = "dtype", .i = shape->dtype},
                          {.name = "value", .f = value},
                          {.name = "str_value", .s = text.text},
                          {.name = "force_cpu", .i = force_cpu})};
  if (status == FRT_OK) status = frti_append(b, &spec, NULL, err);
  frti_str_release(&text);
  return status;
}

frt_status_t frti_fill_constant(frt_builder_t *b, uint32_t rank, const int64_t *dims,
                                uint32_t dtype, double value, int force_cpu,
                                frt_var_t *out, frt_error_t *err) {
  const frt_var_info_t shape = {.dtype = (int32_t)dtype, .rank = rank, .dims = dims};
  FRT_TRY(frti_check_dims(b, "shape", rank, dims, 0, err));
  const char *helper = frti_unique(b, "fill_constant");
  if (!helper) return frti_no_memory(err);
  FRT_TRY(frti_helper_tmp(b, helper, dtype, out, err));
  FRT_TRY(fill_into(b, &shape, value, force_cpu, out->name, err));
  return frti_no_gradient(b, *out, err);
}

frt_status_t frt_layers_fill_constant_to(frt_builder_t *b, double value, frt_var_t to,
                                         frt_error_t *err) {
  const char *helper;
  frt_var_info_t info;
  FRT_TRY(frti_helper(b, "fill_constant", &helper, err));
  FRT_TRY(frti_info(b, to, "out", &info, err));
  FRT_TRY(fill_into(b, &info, value, 0, to.name, err));
  return frti_no_gradient(b, to, err);
}

frt_status_t frt_layers_fill_constant(frt_builder_t *b, uint32_t rank,
                                      const int64_t *dims, frt_dtype_t dtype,
                                      double value, frt_var_t *out, frt_error_t *err) {
  frti_enter(b, "fill_constant");
  return frti_fill_constant(b, rank, dims, dtype, value, 0, out, err);
}
