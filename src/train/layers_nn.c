/* data, fc, embedding, dropout: layers with parameters or states of their own. */
#include <math.h>
#include <string.h>

#include "train/train.h"

/* ---- data -------------------------------------------------------------------------- */

static frt_status_t declare_data(frt_builder_t *b, const frt_var_info_t *info,
                                 frt_var_t *out, frt_error_t *err) {
  if (b->live)
    return frti_fail(b, err, FRT_FAILED_PRECONDITION, NULL,
                     "there is nothing to feed in imperative mode");
  FRT_TRY(frti_check_text(b, "name", info->name, err));
  FRT_TRY(frti_check_dims(b, "shape", info->rank, info->dims, -1, err));
  FRT_TRY(frti_declare(b, frt_builder_main(b), 0, info, out, err));
  frti_var_note_t *note = frti_var_note(b, out->program, 0, out->name);
  if (!note) return frti_no_memory(err);
  note->stop_gradient = true;
  return FRT_OK;
}

frt_status_t frt_data(frt_builder_t *b, const char *name, uint32_t rank,
                      const int64_t *dims, frt_dtype_t dtype, frt_var_t *out,
                      frt_error_t *err) {
  frti_enter(b, "data");
  const frt_var_info_t info = {.name = name, .dtype = dtype, .rank = rank, .dims = dims,
                               .need_check_feed = 1};
  return declare_data(b, &info, out, err);
}

frt_status_t frt_layers_data(frt_builder_t *b, const char *name, uint32_t rank,
                             const int64_t *dims, frt_dtype_t dtype, int no_batch_size,
                             frt_var_t *out, frt_error_t *err) {
  int64_t all[FRT_MAX_RANK + 1] = {-1};
  frti_enter(b, "data");
  FRT_TRY(frti_check_dims(b, "shape", rank, dims, -1, err));
  for (uint32_t i = 0; i < rank; ++i) {
    all[i + 1] = dims[i];
    if (dims[i] < 0) no_batch_size = 1;
  }
  const frt_var_info_t info = {.name = name, .dtype = dtype,
                               .rank = rank + (no_batch_size ? 0u : 1u),
                               .dims = no_batch_size ? all + 1 : all};
  return declare_data(b, &info, out, err);
}

/* ---- fc ---------------------------------------------------------------------------- */

typedef struct fc {
  const frt_fc_options_t *o;
  const char *helper;
  int64_t size;
  int32_t flat;
  uint32_t dtype;
} fc_t;

/* input . weight for one input. */
static frt_status_t fc_product(frt_builder_t *b, const fc_t *f, frt_var_t input,
                               size_t index, frt_var_t *out, frt_error_t *err) {
  frt_var_info_t in;
  frt_var_t w;
  int64_t dims[2] = {1, f->size};
  FRT_TRY(frti_info(b, input, "input", &in, err));
  const int32_t flat = f->flat == -1 ? (int32_t)in.rank - 1 : f->flat;
  if (flat < 1 || (uint32_t)flat >= in.rank)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "num_flatten_dims",
                     "is %d; wanted 1 to rank - 1 = %d, or -1", f->flat, (int)in.rank - 1);
  for (uint32_t i = (uint32_t)flat; i < in.rank; ++i) {
    if (in.dims[i] < 0)
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, "input",
                       "'%.80s': dim %u is unknown; the weight needs it", input.name, i);
    dims[0] *= in.dims[i];
  }
  const frt_param_attr_t *attr = f->o->param_attr;
  if (attr && f->o->n_param_attrs > 1) attr += index;
  FRT_TRY(frti_parameter(b, f->helper, "w", attr, (uint32_t)in.dtype, 2, dims, &w, err));
  FRT_TRY(frti_helper_tmp(b, f->helper, (uint32_t)in.dtype, out, err));
  const frti_spec_t spec = {.type = "mul",
      .in = FRTI_IN({"X", FRTI_ONE(input.name)}, {"Y", FRTI_ONE(w.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)}),
      .attrs = FRTI_ATTRS({.name = "x_num_col_dims", .i = flat},
                          {.name = "y_num_col_dims", .i = 1})};
  return frti_append(b, &spec, NULL, err);
}

static frt_status_t fc_bias(frt_builder_t *b, const fc_t *f, frt_var_t x, int32_t flat,
                            frt_var_t *out, frt_error_t *err) {
  frt_var_info_t info;
  frt_var_t bias;
  int64_t dims[FRT_MAX_RANK];
  *out = x;
  if (f->o->bias_attr && f->o->bias_attr->none) return FRT_OK;
  FRT_TRY(frti_info(b, x, "input", &info, err));
  const uint32_t rank = info.rank - (uint32_t)flat;
  memcpy(dims, info.dims + flat, rank * sizeof *dims);
  FRT_TRY(frti_parameter(b, f->helper, "b", f->o->bias_attr, f->dtype, rank, dims, &bias,
                         err));
  const char *key = frti_internf(b, "%s.tmp", f->helper);
  if (!key) return frti_no_memory(err);
  return frti_binary(b, "elementwise_add", key, x, bias,
                     FRTI_ATTRS({.name = "axis", .i = flat}), f->dtype, out, err);
}

static frt_status_t fc_sum(frt_builder_t *b, const fc_t *f, const frt_var_t *x, size_t n,
                           frt_var_t *out, frt_error_t *err) {
  const char *names[64];
  *out = x[0];
  if (n == 1) return FRT_OK;
  for (size_t i = 0; i < n; ++i) names[i] = x[i].name;
  FRT_TRY(frti_helper_tmp(b, f->helper, f->dtype, out, err));
  const frti_spec_t spec = {.type = "sum", .in = FRTI_IN({"X", (uint32_t)n, names}),
                            .out = FRTI_IN({"Out", FRTI_ONE(out->name)})};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frt_layers_fc_n(frt_builder_t *b, const frt_var_t *inputs, size_t n,
                             int64_t size, const frt_fc_options_t *options,
                             frt_var_t *out, frt_error_t *err) {
  static const frt_fc_options_t nothing = {0};
  const frt_fc_options_t *o = options ? options : &nothing;
  frt_var_t products[64], x;
  frt_var_info_t first;
  frti_enter(b, "fc");
  if (!inputs || n < 1 || n > FRTI_COUNT(products))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "input",
                     "has %zu variables; wanted 1 to %zu", inputs ? n : 0,
                     FRTI_COUNT(products));
  if (o->n_param_attrs > 1 && o->n_param_attrs != n)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "param_attr", "has %zu; wanted 1 or %zu",
                     o->n_param_attrs, n);
  if (size < 1)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "size", "is %lld; wanted 1 or more",
                     (long long)size);
  FRT_TRY(frti_info(b, inputs[0], "input", &first, err));
  const fc_t f = {o, o->name ? frti_intern(b, o->name) : frti_unique(b, "fc"), size,
                  o->num_flatten_dims ? o->num_flatten_dims : 1, (uint32_t)first.dtype};
  if (!f.helper) return frti_no_memory(err);
  for (size_t i = 0; i < n; ++i)
    FRT_TRY(fc_product(b, &f, inputs[i], i, &products[i], err));
  const int32_t flat = f.flat == -1 ? (int32_t)first.rank - 1 : f.flat;
  FRT_TRY(fc_sum(b, &f, products, n, &x, err));
  FRT_TRY(fc_bias(b, &f, x, flat, &x, err));
  return frti_activate(b, f.helper, o->act, x, out, err);
}

frt_status_t frt_layers_fc(frt_builder_t *b, frt_var_t input, int64_t size,
                           const frt_fc_options_t *options, frt_var_t *out,
                           frt_error_t *err) {
  return frt_layers_fc_n(b, &input, 1, size, options, out, err);
}

/* ---- embedding --------------------------------------------------------------------- */

/* The row of zeros, counted from 0; -1: none. */
static frt_status_t padding_row(frt_builder_t *b, const frt_embedding_options_t *o,
                                int64_t vocabulary, int64_t *out, frt_error_t *err) {
  *out = -1;
  if (!o->has_padding) return FRT_OK;
  *out = o->padding_idx < 0 ? vocabulary + o->padding_idx : o->padding_idx;
  if (*out >= 0 && *out < vocabulary) return FRT_OK;
  return frti_fail(b, err, FRT_INVALID_ARGUMENT, "padding_idx",
                   "is %lld; wanted -%lld to %lld", (long long)o->padding_idx,
                   (long long)vocabulary, (long long)vocabulary - 1);
}

frt_status_t frti_lookup(frt_builder_t *b, const char *helper, frt_var_t ids, frt_var_t w,
                         const frt_embedding_options_t *o, frt_var_t *out,
                         frt_error_t *err) {
  frt_var_info_t info;
  int64_t padding;
  FRT_TRY(frti_info(b, w, "weight", &info, err));
  FRT_TRY(padding_row(b, o, info.dims[0], &padding, err));
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, out, err));
  const frti_spec_t spec = {.type = o->v2 ? "lookup_table_v2" : "lookup_table",
      .in = FRTI_IN({"Ids", FRTI_ONE(ids.name)}, {"W", FRTI_ONE(w.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)}),
      .attrs = FRTI_ATTRS({.name = "is_sparse", .i = o->is_sparse},
                          {.name = "is_distributed", .i = o->is_distributed},
                          {.name = "padding_idx", .i = padding})};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frt_layers_embedding(frt_builder_t *b, frt_var_t ids, int64_t vocabulary,
                                  int64_t width, const frt_embedding_options_t *options,
                                  frt_var_t *out, frt_error_t *err) {
  static const frt_embedding_options_t nothing = {0};
  const frt_embedding_options_t *o = options ? options : &nothing;
  const uint32_t dtype = o->dtype ? o->dtype : FRT_F32;
  const int64_t dims[2] = {vocabulary, width};
  int64_t padding;
  frt_var_info_t info;
  frt_var_t w;
  frti_enter(b, "embedding");
  FRT_TRY(frti_info(b, ids, "input", &info, err));
  FRT_TRY(frti_check_dims(b, "size", 2, dims, 1, err));
  FRT_TRY(padding_row(b, o, vocabulary, &padding, err));
  const char *helper = frti_unique(b, "embedding");
  if (!helper) return frti_no_memory(err);
  FRT_TRY(frti_parameter(b, helper, "w", o->param_attr, dtype, 2, dims, &w, err));
  return frti_lookup(b, helper, ids, w, o, out, err);
}

/* ---- dropout ----------------------------------------------------------------------- */

frt_status_t frt_layers_dropout(frt_builder_t *b, frt_var_t x, double prob,
                                const frt_dropout_options_t *options, frt_var_t *out,
                                frt_error_t *err) {
  static const frt_dropout_options_t nothing = {0};
  const frt_dropout_options_t *o = options ? options : &nothing;
  frt_var_info_t info;
  frt_var_t mask;
  frti_enter(b, "dropout");
  FRT_TRY(frti_info(b, x, "x", &info, err));
  if (!(prob >= 0 && prob <= 1))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "dropout_prob", "is %g; wanted 0 to 1",
                     prob);
  const frti_program_note_t *note = frti_program_note(b, frt_builder_main(b));
  const char *helper = frti_unique(b, "dropout");
  if (!helper || !note) return frti_no_memory(err);
  const int32_t seed = o->seed ? o->seed : note->seed;
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, out, err));
  FRT_TRY(frti_helper_tmp(b, helper, FRT_U8, &mask, err));
  frti_var_note_t *mask_note = frti_var_note(b, mask.program, mask.block, mask.name);
  if (!mask_note) return frti_no_memory(err);
  mask_note->stop_gradient = true;
  const char *how = o->upscale_in_train ? "upscale_in_train" : "downgrade_in_infer";
  const frti_spec_t spec = {.type = "dropout", .in = FRTI_IN({"X", FRTI_ONE(x.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)}, {"Mask", FRTI_ONE(mask.name)}),
      .attrs = FRTI_ATTRS({.name = "dropout_prob", .f = prob},
                          {.name = "is_test", .i = o->is_test},
                          {.name = "fix_seed", .i = seed != 0},
                          {.name = "seed", .i = seed},
                          {.name = "dropout_implementation", .s = how})};
  FRT_TRY(frti_append(b, &spec, NULL, err));
  /* In test mode Fluid leaves the mask without a shape. */
  const frt_shape_t none = {.dtype = FRT_U8};
  return o->is_test ? frti_set_shape(mask.program, mask.block, mask.name, &none, err)
                    : FRT_OK;
}
