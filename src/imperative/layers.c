/* Layers that keep their parameters: names and start values are made here, the rest is
 * layers.h. */
#include <string.h>

#include "imperative/guard.h"

/* A parameter under its own name, or LAYER_N.SUFFIX_0. */
static frt_status_t parameter(frt_imperative_t *im, uint64_t number, const char *suffix,
                              const frt_param_attr_t *attr, frt_dtype_t dtype,
                              uint32_t rank, const int64_t *dims, frt_var_t *out,
                              frt_error_t *err) {
  const char *layer = im->b->layer;
  frt_param_attr_t a = {0};
  frt_var_info_t have;
  if (attr) a = *attr;
  if (!a.name)
    a.name = frti_internf(im->b, "%s_%llu.%s_0", layer, (unsigned long long)number, suffix);
  if (!a.name) return frti_no_memory(err);
  if (frt_program_find_var(im->trace, 0, a.name, &have, NULL) == FRT_OK)
    return frti_fail(im->b, err, FRT_ALREADY_EXISTS, "param_attr",
                     "'%.80s' is a variable already", a.name);
  if (rank == 1 && a.initializer.kind == FRT_INIT_DEFAULT)
    a.initializer.kind = FRT_INIT_CONSTANT;
  ++im->live.quiet; /* the graph goes on */
  const frt_status_t status =
      frt_layers_create_parameter(im->b, rank, dims, dtype, &a, out, err);
  --im->live.quiet;
  frti_say(im->b, layer);
  return status;
}

/* Hands the layer out and counts it, or takes its parameters back. */
static frt_status_t settle(frt_imperative_t *im, frt_status_t status, frti_mark_t mark,
                           uint64_t *count, const void *made, void *out, size_t size) {
  if (status != FRT_OK) {
    frti_program_cut(im->trace, mark.n_ops, mark.n_vars, false);
    return status;
  }
  ++*count;
  memcpy(out, made, size);
  return FRT_OK;
}

frt_status_t frt_linear_create(frt_imperative_t *im, int64_t input_dim, int64_t output_dim,
                               const frt_linear_options_t *options, frt_linear_t *out,
                               frt_error_t *err) {
  static const frt_linear_options_t nothing = {0};
  const frt_linear_options_t *o = options ? options : &nothing;
  const frt_dtype_t dtype = o->dtype ? o->dtype : FRT_F32;
  const int64_t dims[2] = {input_dim, output_dim};
  frt_linear_t made = {0};
  *out = made;
  frti_say(im->b, "linear");
  FRT_TRY(frti_check_dims(im->b, "dims", 2, dims, 1, err));
  if (o->act && o->act[0] && !frt_op_find(o->act))
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "act", "'%.40s' is no op", o->act);
  if (o->act && !(made.act = frti_intern(im->b, o->act))) return frti_no_memory(err);
  const frti_mark_t mark = frti_graph_mark(im);
  frt_status_t status =
      parameter(im, im->n_linear, "w", o->param_attr, dtype, 2, dims, &made.weight, err);
  if (status == FRT_OK && (!o->bias_attr || !o->bias_attr->none))
    status = parameter(im, im->n_linear, "b", o->bias_attr, dtype, 1, dims + 1, &made.bias,
                       err);
  return settle(im, status, mark, &im->n_linear, &made, out, sizeof made);
}

frt_status_t frt_linear_call(frt_imperative_t *im, const frt_linear_t *layer, frt_var_t x,
                             frt_var_t *out, frt_error_t *err) {
  frt_var_info_t info;
  frt_var_t product;
  frti_enter(im->b, "linear");
  FRT_TRY(frti_info(im->b, x, "input", &info, err));
  const int axis = (int)info.rank - 1;
  FRT_TRY(frt_layers_matmul(im->b, x, layer->weight, 0, 0, 1, &product, err));
  if (layer->bias.name)
    return frt_layers_elementwise_add(im->b, product, layer->bias, axis, layer->act, out, err);
  return frti_activate(im->b, "linear", layer->act, product, out, err);
}

frt_status_t frt_embedding_create(frt_imperative_t *im, int64_t vocabulary, int64_t width,
                                  const frt_embedding_options_t *options,
                                  frt_embedding_t *out, frt_error_t *err) {
  const int64_t dims[2] = {vocabulary, width};
  frt_embedding_t made = {0};
  *out = made;
  if (options) made.options = *options;
  made.options.v2 = 1;
  made.options.param_attr = NULL;
  frti_say(im->b, "embedding");
  FRT_TRY(frti_check_dims(im->b, "size", 2, dims, 1, err));
  if (made.options.has_padding &&
      (made.options.padding_idx < -vocabulary || made.options.padding_idx >= vocabulary))
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "padding_idx",
                     "is %lld; wanted -%lld to %lld", (long long)made.options.padding_idx,
                     (long long)vocabulary, (long long)vocabulary - 1);
  const frti_mark_t mark = frti_graph_mark(im);
  const frt_status_t status = parameter(
      im, im->n_embedding, "w", options ? options->param_attr : NULL,
      made.options.dtype ? made.options.dtype : FRT_F32, 2, dims, &made.weight, err);
  return settle(im, status, mark, &im->n_embedding, &made, out, sizeof made);
}

frt_status_t frt_embedding_call(frt_imperative_t *im, const frt_embedding_t *layer,
                                frt_var_t ids, frt_var_t *out, frt_error_t *err) {
  frt_var_info_t info;
  frti_enter(im->b, "embedding");
  FRT_TRY(frti_info(im->b, ids, "input", &info, err));
  return frti_lookup(im->b, "embedding", ids, layer->weight, &layer->options, out, err);
}
