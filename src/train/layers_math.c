/* Elementwise layers, reductions and Python's operators. */
#include <math.h>
#include <string.h>

#include "train/train.h"

frt_status_t frti_helper(frt_builder_t *b, const char *layer, const char **helper,
                         frt_error_t *err) {
  frti_enter(b, layer);
  *helper = frti_unique(b, layer);
  return *helper ? FRT_OK : frti_no_memory(err);
}

frt_status_t frti_no_gradient(frt_builder_t *b, frt_var_t v, frt_error_t *err) {
  frti_var_note_t *note = frti_var_note(b, v.program, v.block, v.name);
  if (!note) return frti_no_memory(err);
  note->stop_gradient = true;
  return FRT_OK;
}

/* ---- one input --------------------------------------------------------------------- */

static frt_status_t unary_into(frt_builder_t *b, const char *type, frt_var_t x,
                               const frt_attr_info_t *attrs, frt_var_t out,
                               frt_error_t *err) {
  const frti_spec_t spec = {.type = type, .in = FRTI_IN({"X", FRTI_ONE(x.name)}),
                            .out = FRTI_IN({"Out", FRTI_ONE(out.name)}), .attrs = attrs};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frti_unary_in(frt_builder_t *b, const char *helper, const char *type,
                           frt_var_t x, const frt_attr_info_t *attrs, frt_var_t *out,
                           frt_error_t *err) {
  frt_var_info_t info;
  FRT_TRY(frti_info(b, x, "x", &info, err));
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, out, err));
  return unary_into(b, type, x, attrs, *out, err);
}

frt_status_t frti_unary(frt_builder_t *b, const char *type, frt_var_t x,
                        const frt_attr_info_t *attrs, frt_var_t *out, frt_error_t *err) {
  const char *helper = frti_unique(b, type);
  if (!helper) return frti_no_memory(err);
  return frti_unary_in(b, helper, type, x, attrs, out, err);
}

#define DEFINE_UNARY(name)                                                        \
  frt_status_t frt_layers_##name(frt_builder_t *b, frt_var_t x, frt_var_t *out,   \
                                 frt_error_t *err) {                              \
    frti_enter(b, #name);                                                         \
    return frti_unary(b, #name, x, NULL, out, err);                               \
  }
FRT_LAYERS_UNARY_MAP(DEFINE_UNARY)
DEFINE_UNARY(mean)

frt_status_t frti_activate(frt_builder_t *b, const char *helper, const char *act,
                           frt_var_t x, frt_var_t *out, frt_error_t *err) {
  *out = x;
  if (!act || !act[0]) return FRT_OK;
  if (!frt_op_find(act))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "act", "'%.40s' is not known", act);
  return frti_unary_in(b, helper, act, x, NULL, out, err);
}

frt_status_t frt_layers_scale(frt_builder_t *b, frt_var_t x, double scale, double bias,
                              int bias_first, frt_var_t *out, frt_error_t *err) {
  frti_enter(b, "scale");
  return frti_unary(b, "scale", x,
                    FRTI_ATTRS({.name = "scale", .f = FRTI_REAL(scale, 1.0)},
                               {.name = "bias", .f = bias},
                               {.name = "bias_after_scale", .i = !bias_first}),
                    out, err);
}

frt_status_t frt_layers_cast(frt_builder_t *b, frt_var_t x, frt_dtype_t dtype,
                             frt_var_t *out, frt_error_t *err) {
  frt_var_info_t info;
  frti_enter(b, "cast");
  FRT_TRY(frti_info(b, x, "x", &info, err));
  const char *helper = frti_unique(b, "cast");
  if (!helper) return frti_no_memory(err);
  FRT_TRY(frti_helper_tmp(b, helper, dtype, out, err));
  return unary_into(b, "cast", x, FRTI_ATTRS({.name = "in_dtype", .i = info.dtype},
                                             {.name = "out_dtype", .i = dtype}),
                    *out, err);
}

frt_status_t frt_layers_clip(frt_builder_t *b, frt_var_t x, double min, double max,
                             frt_var_t *out, frt_error_t *err) {
  frti_enter(b, "clip");
  return frti_unary(b, "clip", x,
                    FRTI_ATTRS({.name = "min", .f = min}, {.name = "max", .f = max}), out,
                    err);
}

frt_status_t frt_layers_clip_by_norm(frt_builder_t *b, frt_var_t x, double max_norm,
                                     frt_var_t *out, frt_error_t *err) {
  frti_enter(b, "clip_by_norm");
  return frti_unary(b, "clip_by_norm", x, FRTI_ATTRS({.name = "max_norm", .f = max_norm}),
                    out, err);
}

frt_status_t frt_layers_softmax(frt_builder_t *b, frt_var_t x, int axis, frt_var_t *out,
                                frt_error_t *err) {
  frti_enter(b, "softmax");
  return frti_unary(b, "softmax", x, FRTI_ATTRS({.name = "axis", .i = axis}), out, err);
}

frt_status_t frt_layers_increment(frt_builder_t *b, frt_var_t x, double step, int new_var,
                                  frt_var_t *out, frt_error_t *err) {
  const frt_attr_info_t *attrs = FRTI_ATTRS({.name = "step", .f = step});
  frt_var_t to = x;
  frti_enter(b, "increment");
  frt_var_info_t info;
  FRT_TRY(frti_info(b, x, "x", &info, err));
  const char *helper = frti_unique(b, "increment");
  if (!helper) return frti_no_memory(err);
  const frt_status_t status =
      new_var ? frti_unary_in(b, helper, "increment", x, attrs, &to, err)
              : unary_into(b, "increment", x, attrs, x, err);
  if (out) *out = to;
  return status;
}

frt_status_t frti_assign_to(frt_builder_t *b, frt_var_t x, frt_var_t to,
                            frt_error_t *err) {
  return unary_into(b, "assign", x, NULL, to, err);
}

frt_status_t frt_layers_assign(frt_builder_t *b, frt_var_t x, frt_var_t *to,
                               frt_error_t *err) {
  frt_var_t here = {0};
  frti_enter(b, "assign");
  if (!to) to = &here;
  const char *helper = frti_unique(b, "assign");
  if (!helper) return frti_no_memory(err);
  if (!to->name) return frti_unary_in(b, helper, "assign", x, NULL, to, err);
  return frti_assign_to(b, x, *to, err);
}

/* ---- two inputs -------------------------------------------------------------------- */

frt_status_t frti_binary(frt_builder_t *b, const char *type, const char *key, frt_var_t x,
                         frt_var_t y, const frt_attr_info_t *attrs, uint32_t dtype,
                         frt_var_t *out, frt_error_t *err) {
  frt_var_info_t info;
  FRT_TRY(frti_info(b, x, "x", &info, err));
  FRT_TRY(frti_info(b, y, "y", &info, err));
  FRT_TRY(frti_tmp(b, key, dtype, out, err));
  const frti_spec_t spec = {.type = type,
      .in = FRTI_IN({"X", FRTI_ONE(x.name)}, {"Y", FRTI_ONE(y.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)}), .attrs = attrs};
  return frti_append(b, &spec, NULL, err);
}

static frt_status_t elementwise(frt_builder_t *b, const char *type, frt_var_t x,
                                frt_var_t y, int axis, const char *act, frt_var_t *out,
                                frt_error_t *err) {
  frt_var_info_t info;
  frti_enter(b, type);
  FRT_TRY(frti_info(b, x, "x", &info, err));
  const char *helper = frti_unique(b, type);
  const char *key = helper ? frti_internf(b, "%s.tmp", helper) : NULL;
  if (!key) return frti_no_memory(err);
  FRT_TRY(frti_binary(b, type, key, x, y, FRTI_ATTRS({.name = "axis", .i = axis}),
                      (uint32_t)info.dtype, out, err));
  return frti_activate(b, helper, act, *out, out, err);
}

#define DEFINE_ELEMENTWISE(name)                                                      \
  frt_status_t frt_layers_elementwise_##name(frt_builder_t *b, frt_var_t x,           \
                                             frt_var_t y, int axis, const char *act,  \
                                             frt_var_t *out, frt_error_t *err) {      \
    return elementwise(b, "elementwise_" #name, x, y, axis, act, out, err);           \
  }
FRT_LAYERS_ELEMENTWISE_MAP(DEFINE_ELEMENTWISE)

static frt_status_t compare(frt_builder_t *b, const char *type, frt_var_t x, frt_var_t y,
                            frt_var_t *out, frt_error_t *err) {
  frti_enter(b, type);
  const char *helper = frti_unique(b, type);
  const char *key = helper ? frti_internf(b, "%s.tmp", helper) : NULL;
  if (!key) return frti_no_memory(err);
  FRT_TRY(frti_binary(b, type, key, x, y, NULL, FRT_BOOL, out, err));
  return frti_no_gradient(b, *out, err);
}

#define DEFINE_COMPARE(name)                                                          \
  frt_status_t frt_layers_##name(frt_builder_t *b, frt_var_t x, frt_var_t y,          \
                                 frt_var_t *out, frt_error_t *err) {                  \
    return compare(b, #name, x, y, out, err);                                         \
  }
FRT_LAYERS_COMPARE_MAP(DEFINE_COMPARE)

frt_status_t frt_layers_less_than_to(frt_builder_t *b, frt_var_t x, frt_var_t y,
                                     frt_var_t to, frt_error_t *err) {
  frt_var_info_t info;
  frti_enter(b, "less_than");
  if (!frti_unique(b, "less_than")) return frti_no_memory(err);
  FRT_TRY(frti_info(b, x, "x", &info, err));
  FRT_TRY(frti_info(b, y, "y", &info, err));
  FRT_TRY(frti_info(b, to, "cond", &info, err));
  const frti_spec_t spec = {.type = "less_than",
      .in = FRTI_IN({"X", FRTI_ONE(x.name)}, {"Y", FRTI_ONE(y.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(to.name)})};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frt_layers_logical_not(frt_builder_t *b, frt_var_t x, frt_var_t *out,
                                    frt_error_t *err) {
  frti_enter(b, "logical_not");
  FRT_TRY(frti_unary(b, "logical_not", x, NULL, out, err));
  return frti_no_gradient(b, *out, err);
}

/* ---- Python's operators ------------------------------------------------------------ */

static bool compares(const char *op) {
  return !strcmp(op, "less_than") || !strcmp(op, "less_equal") || !strcmp(op, "equal") ||
         !strcmp(op, "greater_than") || !strcmp(op, "greater_equal") ||
         !strcmp(op, "not_equal");
}

frt_status_t frt_var_op(frt_builder_t *b, const char *op, frt_var_t x, frt_var_t y,
                        frt_var_t *out, frt_error_t *err) {
  frt_var_info_t info;
  frti_enter(b, "operator");
  FRT_TRY(frti_check_text(b, "op", op, err));
  const bool comparing = compares(op);
  const char *type = comparing ? op : frti_internf(b, "elementwise_%s", op);
  if (!type) return frti_no_memory(err);
  FRT_TRY(frti_info(b, x, "x", &info, err));
  return frti_binary(b, type, "tmp", x, y, FRTI_ATTRS({.name = "axis", .i = -1}),
                     comparing ? FRT_BOOL : (uint32_t)info.dtype, out, err);
}

frt_status_t frti_scale_op(frt_builder_t *b, frt_var_t x, double scale, double bias,
                           frt_var_t *out, frt_error_t *err) {
  frt_var_info_t info;
  FRT_TRY(frti_info(b, x, "x", &info, err));
  FRT_TRY(frti_tmp(b, "tmp", (uint32_t)info.dtype, out, err));
  return unary_into(b, "scale", x,
                    FRTI_ATTRS({.name = "scale", .f = scale}, {.name = "bias", .f = bias}),
                    *out, err);
}

/* The number as a variable: [1] on the right of an operator; on the left, of x's shape. */
static frt_status_t scalar(frt_builder_t *b, double number, const frt_var_info_t *x,
                           bool left, frt_var_t *out, frt_error_t *err) {
  const int64_t one[1] = {1};
  FRT_TRY(frti_tmp(b, "tmp", (uint32_t)x->dtype, out, err));
  FRT_TRY(frti_no_gradient(b, *out, err));
  const frti_spec_t spec = {.type = "fill_constant",
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)}),
      .attrs = FRTI_ATTRS({.name = "dtype", .i = x->dtype},
                          {.name = "shape", .count = left ? x->rank : 1,
                           .is = left ? x->dims : one},
                          {.name = "value", .f = number}, {.name = "force_cpu", .i = 0})};
  return frti_append(b, &spec, NULL, err);
}

/* The same where x's shape begins with the batch: its extent is taken from x. */
static frt_status_t like_batch(frt_builder_t *b, double number, const frt_var_info_t *x,
                               frt_var_t *out, frt_error_t *err) {
  int64_t dims[FRT_MAX_RANK];
  int32_t batch = -1;
  for (uint32_t i = 0; i < x->rank; ++i) {
    dims[i] = x->dims[i] < 0 && batch >= 0 ? 1 : x->dims[i];
    if (x->dims[i] < 0 && batch < 0) batch = (int32_t)i;
  }
  FRT_TRY(frti_tmp(b, "tmp", (uint32_t)x->dtype, out, err));
  FRT_TRY(frti_no_gradient(b, *out, err));
  const frti_spec_t spec = {.type = "fill_constant_batch_size_like",
      .in = FRTI_IN({"Input", FRTI_ONE(x->name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)}),
      .attrs = FRTI_ATTRS({.name = "shape", .count = x->rank, .is = dims},
                          {.name = "value", .f = number},
                          {.name = "input_dim_idx", .i = batch},
                          {.name = "output_dim_idx", .i = batch})};
  return frti_append(b, &spec, NULL, err);
}

static bool has_batch(const frt_var_info_t *x) {
  for (uint32_t i = 0; i < x->rank; ++i)
    if (x->dims[i] < 0) return true;
  return false;
}

frt_status_t frt_var_op_number(frt_builder_t *b, const char *op, frt_var_t x,
                               double number, int reversed, frt_var_t *out,
                               frt_error_t *err) {
  frt_var_info_t info;
  frt_var_t other;
  frti_enter(b, "operator");
  FRT_TRY(frti_check_text(b, "op", op, err));
  FRT_TRY(frti_info(b, x, "x", &info, err));
  const bool floats = info.dtype == FRT_F32 || info.dtype == FRT_F64;
  if (floats && !strcmp(op, "add")) return frti_scale_op(b, x, 1, number, out, err);
  if (floats && !strcmp(op, "mul")) return frti_scale_op(b, x, number, 0, out, err);
  if (floats && !strcmp(op, "sub"))
    return reversed ? frti_scale_op(b, x, -1, number, out, err)
                    : frti_scale_op(b, x, 1, -number, out, err);
  if (floats && !strcmp(op, "div") && !reversed)
    return frti_scale_op(b, x, 1 / number, 0, out, err);
  if (reversed && has_batch(&info)) FRT_TRY(like_batch(b, number, &info, &other, err));
  else FRT_TRY(scalar(b, number, &info, reversed != 0, &other, err));
  return reversed ? frt_var_op(b, op, other, x, out, err)
                  : frt_var_op(b, op, x, other, out, err);
}

/* ---- reductions -------------------------------------------------------------------- */

static frt_status_t reduce(frt_builder_t *b, const char *type, frt_var_t x,
                           const frt_reduce_options_t *o, frt_var_t *out,
                           frt_error_t *err) {
  static const int64_t zero[1] = {0};
  frt_var_info_t info;
  frti_enter(b, type);
  FRT_TRY(frti_info(b, x, "input", &info, err));
  const bool some = o && o->dim && o->n_dim;
  if (some) FRT_TRY(frti_check_dims(b, "dim", o->n_dim, o->dim, -(int64_t)info.rank, err));
  const frt_attr_info_t *attrs = FRTI_ATTRS(
      {.name = "dim", .count = some ? o->n_dim : 1, .is = some ? o->dim : zero},
      {.name = "keep_dim", .i = o && o->keep_dim},
      {.name = "reduce_all", .i = !some || o->n_dim == info.rank});
  return frti_unary(b, type, x, attrs, out, err);
}

#define DEFINE_REDUCE(name)                                                           \
  frt_status_t frt_layers_reduce_##name(frt_builder_t *b, frt_var_t x,                \
                                        const frt_reduce_options_t *options,          \
                                        frt_var_t *out, frt_error_t *err) {           \
    return reduce(b, "reduce_" #name, x, options, out, err);                          \
  }
FRT_LAYERS_REDUCE_MAP(DEFINE_REDUCE)
