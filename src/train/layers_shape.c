/* Matrices, shapes, indices, arrays and random numbers. */
#include <math.h>

#include "train/train.h"

enum { MANY = 256 }; /* parts of a split, inputs of a stack */

/* ---- matrices ---------------------------------------------------------------------- */

static frt_status_t product(frt_builder_t *b, const char *type, frt_var_t x, frt_var_t y,
                            const frt_attr_info_t *attrs, frt_var_t *out,
                            frt_error_t *err) {
  const char *helper;
  frt_var_info_t info;
  FRT_TRY(frti_helper(b, type, &helper, err));
  FRT_TRY(frti_info(b, x, "x", &info, err));
  const char *key = frti_internf(b, "%s.tmp", helper);
  if (!key) return frti_no_memory(err);
  return frti_binary(b, type, key, x, y, attrs, (uint32_t)info.dtype, out, err);
}

frt_status_t frt_layers_matmul(frt_builder_t *b, frt_var_t x, frt_var_t y,
                               int transpose_x, int transpose_y, double alpha,
                               frt_var_t *out, frt_error_t *err) {
  return product(b, "matmul", x, y,
                 FRTI_ATTRS({.name = "transpose_X", .i = transpose_x != 0},
                            {.name = "transpose_Y", .i = transpose_y != 0},
                            {.name = "alpha", .f = FRTI_REAL(alpha, 1.0)}),
                 out, err);
}

frt_status_t frt_layers_mul(frt_builder_t *b, frt_var_t x, frt_var_t y,
                            int x_num_col_dims, int y_num_col_dims, frt_var_t *out,
                            frt_error_t *err) {
  const int xs = x_num_col_dims ? x_num_col_dims : 1;
  const int ys = y_num_col_dims ? y_num_col_dims : 1;
  return product(b, "mul", x, y, FRTI_ATTRS({.name = "x_num_col_dims", .i = xs},
                                            {.name = "y_num_col_dims", .i = ys}),
                 out, err);
}

/* ---- one input, other slots than X -> Out ------------------------------------------- */

static frt_status_t one_to_one(frt_builder_t *b, const char *layer, const char *type,
                               const char *in_slot, frt_var_t x, uint32_t dtype,
                               const frt_attr_info_t *attrs, frt_var_t *out,
                               frt_error_t *err) {
  const char *helper;
  frt_var_info_t info;
  FRT_TRY(frti_helper(b, layer, &helper, err));
  FRT_TRY(frti_info(b, x, "input", &info, err));
  FRT_TRY(frti_helper_tmp(b, helper, dtype ? dtype : (uint32_t)info.dtype, out, err));
  const frti_spec_t spec = {.type = type, .in = FRTI_IN({in_slot, FRTI_ONE(x.name)}),
                            .out = FRTI_IN({"Out", FRTI_ONE(out->name)}), .attrs = attrs};
  return frti_append(b, &spec, NULL, err);
}

/* Two outputs: Out and another. */
static frt_status_t one_to_two(frt_builder_t *b, const char *layer, const char *type,
                               frt_var_t x, const char *other_slot, uint32_t other_dtype,
                               const frt_attr_info_t *attrs, frt_var_t *out,
                               frt_var_t *other, frt_error_t *err) {
  const char *helper;
  frt_var_info_t info;
  FRT_TRY(frti_helper(b, layer, &helper, err));
  FRT_TRY(frti_info(b, x, "input", &info, err));
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, out, err));
  FRT_TRY(frti_helper_tmp(b, helper, other_dtype ? other_dtype : (uint32_t)info.dtype,
                          other, err));
  const frti_spec_t spec = {.type = type, .in = FRTI_IN({"X", FRTI_ONE(x.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)}, {other_slot, FRTI_ONE(other->name)}),
      .attrs = attrs};
  return frti_append(b, &spec, NULL, err);
}

/* ---- parts ------------------------------------------------------------------------- */

/* The axis counted from the front; Fluid writes split's so. */
static frt_status_t from_front(frt_builder_t *b, const frt_var_info_t *x, int *axis,
                               frt_error_t *err) {
  const int rank = (int)x->rank;
  if (*axis < -rank || *axis >= rank)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "dim", "is %d; wanted %d to %d", *axis,
                     -rank, rank - 1);
  if (*axis < 0) *axis += rank;
  return FRT_OK;
}

static frt_status_t check_parts(frt_builder_t *b, const frt_var_info_t *x, int axis,
                                uint32_t n, const int64_t *sections, frt_error_t *err) {
  for (uint32_t i = 0; sections && i < n; ++i)
    if (sections[i] < -1)
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, "num_or_sections",
                       "[%u] is %lld; wanted -1 or more", i, (long long)sections[i]);
  const int64_t extent = x->dims[axis];
  if (!sections && extent >= 0 && extent % n)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "num_or_sections",
                     "is %u; dim %d has %lld", n, axis, (long long)extent);
  return FRT_OK;
}

frt_status_t frt_layers_split(frt_builder_t *b, frt_var_t x, int axis, uint32_t n,
                              const int64_t *sections, frt_var_t *out,
                              frt_error_t *err) {
  const char *helper, *names[MANY];
  frt_var_info_t info;
  FRT_TRY(frti_helper(b, "split", &helper, err));
  FRT_TRY(frti_info(b, x, "input", &info, err));
  if (n < 1 || n > MANY)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "num_or_sections",
                     "is %u; wanted 1 to %d", n, MANY);
  FRT_TRY(from_front(b, &info, &axis, err));
  FRT_TRY(check_parts(b, &info, axis, n, sections, err));
  for (uint32_t i = 0; i < n; ++i) {
    FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, &out[i], err));
    names[i] = out[i].name;
  }
  const frti_spec_t spec = {.type = "split", .in = FRTI_IN({"X", FRTI_ONE(x.name)}),
      .out = FRTI_IN({"Out", n, names}),
      .attrs = FRTI_ATTRS({.name = "axis", .i = axis},
                          {.name = "num", .i = sections ? 0 : (int64_t)n},
                          {.name = "sections", .count = sections ? n : 0,
                           .is = sections})};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frt_layers_stack(frt_builder_t *b, const frt_var_t *x, size_t n, int axis,
                              frt_var_t *out, frt_error_t *err) {
  const char *helper, *names[MANY];
  frt_var_info_t info = {0};
  FRT_TRY(frti_helper(b, "stack", &helper, err));
  if (!x || n < 1 || n > MANY)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "x", "has %zu variables; wanted 1 to %d",
                     x ? n : 0, MANY);
  for (size_t i = n; i-- > 0;) {
    FRT_TRY(frti_info(b, x[i], "x", &info, err));
    names[i] = x[i].name;
  }
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, out, err));
  const frti_spec_t spec = {.type = "stack", .in = FRTI_IN({"X", (uint32_t)n, names}),
                            .out = FRTI_IN({"Y", FRTI_ONE(out->name)}),
                            .attrs = FRTI_ATTRS({.name = "axis", .i = axis})};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frt_layers_slice(frt_builder_t *b, frt_var_t x, uint32_t n,
                              const int64_t *axes, const int64_t *starts,
                              const int64_t *ends, frt_var_t *out, frt_error_t *err) {
  int64_t known[FRT_MAX_RANK];
  frti_enter(b, "slice");
  if (n < 1 || n > FRT_MAX_RANK)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "axes", "has %u; wanted 1 to %d", n,
                     FRT_MAX_RANK);
  if (!axes || !starts || !ends)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, axes ? starts ? "ends" : "starts" : "axes",
                     "is NULL");
  for (uint32_t i = 0; i < n; ++i) known[i] = 1;
  return one_to_one(b, "slice", "slice", "Input", x, 0,
                    FRTI_ATTRS({.name = "axes", .count = n, .is = axes},
                               {.name = "starts", .count = n, .is = starts},
                               {.name = "ends", .count = n, .is = ends},
                               {.name = "infer_flags", .count = n, .is = known}),
                    out, err);
}

/* ---- the same elements in another shape --------------------------------------------- */

frt_status_t frt_layers_unsqueeze(frt_builder_t *b, frt_var_t x, uint32_t n,
                                  const int64_t *axes, frt_var_t *out, frt_error_t *err) {
  frt_var_t xshape;
  return one_to_two(b, "unsqueeze2", "unsqueeze2", x, "XShape", 0,
                    FRTI_ATTRS({.name = "axes", .count = n, .is = axes}), out, &xshape,
                    err);
}

frt_status_t frt_layers_squeeze(frt_builder_t *b, frt_var_t x, uint32_t n,
                                const int64_t *axes, frt_var_t *out, frt_error_t *err) {
  frt_var_t xshape;
  return one_to_two(b, "squeeze", "squeeze2", x, "XShape", 0,
                    FRTI_ATTRS({.name = "axes", .count = n, .is = axes}), out, &xshape,
                    err);
}

frt_status_t frt_layers_flatten(frt_builder_t *b, frt_var_t x, int axis, frt_var_t *out,
                                frt_error_t *err) {
  frt_var_t xshape;
  return one_to_two(b, "flatten", "flatten2", x, "XShape", 0,
                    FRTI_ATTRS({.name = "axis", .i = axis}), out, &xshape, err);
}

/* ---- more elements, or fewer --------------------------------------------------------- */

frt_status_t frt_layers_expand(frt_builder_t *b, frt_var_t x, uint32_t rank,
                               const int64_t *times, frt_var_t *out, frt_error_t *err) {
  frti_enter(b, "expand");
  FRT_TRY(frti_check_dims(b, "expand_times", rank, times, 1, err));
  return one_to_one(b, "expand", "expand", "X", x, 0,
                    FRTI_ATTRS({.name = "expand_times", .count = rank, .is = times}), out,
                    err);
}

frt_status_t frt_layers_gather(frt_builder_t *b, frt_var_t x, frt_var_t index,
                               frt_var_t *out, frt_error_t *err) {
  const char *helper;
  frt_var_info_t info, other;
  FRT_TRY(frti_helper(b, "gather", &helper, err));
  FRT_TRY(frti_info(b, x, "input", &info, err));
  FRT_TRY(frti_info(b, index, "index", &other, err));
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, out, err));
  const frti_spec_t spec = {.type = "gather",
      .in = FRTI_IN({"X", FRTI_ONE(x.name)}, {"Index", FRTI_ONE(index.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)})};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frt_layers_pad(frt_builder_t *b, frt_var_t x, uint32_t rank,
                            const int64_t *paddings, double value, frt_var_t *out,
                            frt_error_t *err) {
  frti_enter(b, "pad");
  if (rank > FRT_MAX_RANK || (rank && !paddings))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "paddings", "are %s; the rank is %u",
                     paddings ? "too many" : "NULL", rank);
  return one_to_one(b, "pad", "pad", "X", x, 0,
                    FRTI_ATTRS({.name = "paddings", .count = 2 * rank, .is = paddings},
                               {.name = "pad_value", .f = value}),
                    out, err);
}

/* ---- indices ----------------------------------------------------------------------- */

static frt_status_t without_gradient(frt_builder_t *b, frt_status_t status, frt_var_t out,
                                     frt_error_t *err) {
  return status == FRT_OK ? frti_no_gradient(b, out, err) : status;
}

frt_status_t frt_layers_shape(frt_builder_t *b, frt_var_t x, frt_var_t *out,
                              frt_error_t *err) {
  const frt_status_t status =
      one_to_one(b, "shape", "shape", "Input", x, FRT_I32, NULL, out, err);
  return without_gradient(b, status, *out, err);
}

frt_status_t frt_layers_argmax(frt_builder_t *b, frt_var_t x, int axis, frt_var_t *out,
                               frt_error_t *err) {
  const frt_status_t status =
      one_to_one(b, "arg_max", "arg_max", "X", x, FRT_I64,
                 FRTI_ATTRS({.name = "axis", .i = axis}), out, err);
  return without_gradient(b, status, *out, err);
}

frt_status_t frt_layers_argmin(frt_builder_t *b, frt_var_t x, int axis, frt_var_t *out,
                               frt_error_t *err) {
  const frt_status_t status =
      one_to_one(b, "arg_min", "arg_min", "X", x, FRT_I64,
                 FRTI_ATTRS({.name = "axis", .i = axis}), out, err);
  return without_gradient(b, status, *out, err);
}

frt_status_t frt_layers_argsort(frt_builder_t *b, frt_var_t x, int axis, int descending,
                                frt_var_t *out, frt_var_t *indices, frt_error_t *err) {
  const frt_status_t status = one_to_two(
      b, "argsort", "argsort", x, "Indices", FRT_I64,
      FRTI_ATTRS({.name = "axis", .i = axis}, {.name = "descending", .i = descending != 0}),
      out, indices, err);
  return without_gradient(b, status, *indices, err);
}

frt_status_t frt_layers_one_hot(frt_builder_t *b, frt_var_t x, int depth, frt_var_t *out,
                                frt_error_t *err) {
  frti_enter(b, "one_hot");
  if (depth < 1)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "depth", "is %d; wanted 1 or more",
                     depth);
  const frt_status_t status =
      one_to_one(b, "one_hot", "one_hot", "X", x, FRT_F32,
                 FRTI_ATTRS({.name = "depth", .i = depth}), out, err);
  return without_gradient(b, status, *out, err);
}

/* ---- made of nothing ---------------------------------------------------------------- */

frt_status_t frt_layers_assign_array(frt_builder_t *b, uint32_t rank, const int64_t *dims,
                                     frt_dtype_t dtype, const void *data, size_t bytes,
                                     frt_var_t *out, frt_error_t *err) {
  const char *helper;
  FRT_TRY(frti_helper(b, "assign", &helper, err));
  FRT_TRY(frti_check_dims(b, "shape", rank, dims, 0, err));
  FRT_TRY(frti_helper_tmp(b, helper, dtype, out, err));
  const frt_var_info_t info = {.name = out->name, .dtype = dtype, .rank = rank,
                               .dims = dims};
  return frti_assign_array(b, &info, data, bytes, err);
}

/* shape, dtype and seed beside the given attributes. */
static frt_status_t random_op(frt_builder_t *b, const char *type, uint32_t rank,
                              const int64_t *dims, frt_dtype_t dtype, int32_t seed,
                              const char *low_name, const char *high_name, double low,
                              double high, frt_var_t *out, frt_error_t *err) {
  const char *helper;
  FRT_TRY(frti_helper(b, type, &helper, err));
  FRT_TRY(frti_check_dims(b, "shape", rank, dims, 0, err));
  FRT_TRY(frti_helper_tmp(b, helper, dtype, out, err));
  const frti_spec_t spec = {.type = type, .in = FRTI_NO_INPUTS,
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)}),
      .attrs = FRTI_ATTRS({.name = "shape", .count = rank, .is = dims},
                          {.name = "dtype", .i = dtype}, {.name = "seed", .i = seed},
                          {.name = low_name, .f = low, .i = (int64_t)low},
                          {.name = high_name, .f = high, .i = (int64_t)high})};
  FRT_TRY(frti_append(b, &spec, NULL, err));
  return frti_no_gradient(b, *out, err);
}

frt_status_t frt_layers_uniform_random(frt_builder_t *b, uint32_t rank,
                                       const int64_t *dims, frt_dtype_t dtype, double min,
                                       double max, int32_t seed, frt_var_t *out,
                                       frt_error_t *err) {
  const bool given = min != 0 || max != 0;
  return random_op(b, "uniform_random", rank, dims, dtype, seed, "min", "max",
                   given ? min : -1, given ? max : 1, out, err);
}

frt_status_t frt_layers_gaussian_random(frt_builder_t *b, uint32_t rank,
                                        const int64_t *dims, frt_dtype_t dtype,
                                        double mean, double std, int32_t seed,
                                        frt_var_t *out, frt_error_t *err) {
  return random_op(b, "gaussian_random", rank, dims, dtype, seed, "mean", "std", mean,
                   FRTI_REAL(std, 1.0), out, err);
}

frt_status_t frt_layers_randint(frt_builder_t *b, uint32_t rank, const int64_t *dims,
                                frt_dtype_t dtype, int64_t low, int64_t high,
                                int32_t seed, frt_var_t *out, frt_error_t *err) {
  frti_enter(b, "randint");
  if (low >= high)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "high", "is %lld; wanted more than low, "
                     "which is %lld", (long long)high, (long long)low);
  return random_op(b, "randint", rank, dims, dtype, seed, "low", "high", (double)low,
                   (double)high, out, err);
}
