/* Convolutions and poolings of images. */
#include <math.h>
#include <string.h>

#include "fluidrt/layers_image.h"
#include "train/train.h"

/* rows, columns; 0: the default, or rows again. */
typedef struct pair { int64_t v[2]; } pair_t;
static pair_t pair_of(const int64_t *given, int64_t otherwise) {
  pair_t p = {{otherwise, otherwise}};
  if (given && given[0]) p.v[0] = p.v[1] = given[0];
  if (given && given[1]) p.v[1] = given[1];
  return p;
}

static frt_status_t check_pair(frt_builder_t *b, const char *argument, const pair_t *p,
                               frt_error_t *err) {
  if (p->v[0] >= 1 && p->v[1] >= 1) return FRT_OK;
  return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument,
                   "is [%lld, %lld]; wanted 1 or more", (long long)p->v[0],
                   (long long)p->v[1]);
}

/* ---- padding: two numbers where four say no more --------------------------------------- */

typedef struct pads {
  const char *algorithm;
  uint32_t n;
  int64_t v[4];
} pads_t;

static frt_status_t read_padding(frt_builder_t *b, const frt_padding_t *p,
                                 const char *argument, pads_t *out, frt_error_t *err) {
  *out = (pads_t){"EXPLICIT", 2, {0}};
  if (p->algorithm) {
    if (strcmp(p->algorithm, "SAME") && strcmp(p->algorithm, "VALID"))
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument,
                       "is '%.40s'; wanted SAME, VALID or numbers", p->algorithm);
    out->algorithm = p->algorithm;
    return FRT_OK;
  }
  if (p->n > 4 || p->n == 3)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument, "has %u numbers; wanted 1, 2 "
                     "or 4", p->n);
  for (uint32_t i = 0; i < p->n; ++i)
    if (p->sides[i] < 0)
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument, "has %lld; wanted 0 or more",
                       (long long)p->sides[i]);
  if (p->n) memcpy(out->v, p->sides, p->n * sizeof *out->v);
  if (p->n == 1) out->v[1] = out->v[0];
  if (p->n < 4) return FRT_OK;
  if (out->v[0] == out->v[1] && out->v[2] == out->v[3]) out->v[1] = out->v[2];
  else out->n = 4;
  return FRT_OK;
}

/* ---- convolutions ------------------------------------------------------------------------ */

typedef struct conv {
  const char *type, *helper, *format;
  int64_t channels, groups;
  uint32_t dtype;
  pair_t filter, stride, dilation;
  pads_t pads;
  const frt_conv2d_options_t *o;
} conv_t;

static frt_status_t read_image(frt_builder_t *b, frt_var_t input, const char *format,
                               frt_var_info_t *info, int64_t *channels, frt_error_t *err) {
  FRT_TRY(frti_info(b, input, "input", info, err));
  const int last = !strcmp(format, "NHWC");
  if (!last && strcmp(format, "NCHW"))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "data_format",
                     "is '%.40s'; wanted NCHW or NHWC", format);
  if (info->rank != 4)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "input", "'%.80s' has rank %u; wanted 4",
                     info->name, info->rank);
  *channels = info->dims[last ? 3 : 1];
  return FRT_OK;
}

static frt_status_t conv_read(frt_builder_t *b, frt_var_t input, int64_t num_filters,
                              const int64_t *filter_size, conv_t *c, frt_error_t *err) {
  frt_var_info_t info;
  c->format = c->o->data_format ? c->o->data_format : "NCHW";
  c->groups = c->o->groups ? c->o->groups : 1;
  c->filter = pair_of(filter_size, 0);
  c->stride = pair_of(c->o->stride, 1);
  c->dilation = pair_of(c->o->dilation, 1);
  FRT_TRY(read_image(b, input, c->format, &info, &c->channels, err));
  c->dtype = (uint32_t)info.dtype;
  if (c->channels < 1)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "input",
                     "'%.80s': its channels are unknown; the filter needs them", info.name);
  if (num_filters < 1)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "num_filters",
                     "is %lld; wanted 1 or more", (long long)num_filters);
  if (c->groups < 1 || c->channels % c->groups || num_filters % c->groups)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "groups",
                     "is %lld; wanted a divisor of %lld channels and of %lld filters",
                     (long long)c->groups, (long long)c->channels, (long long)num_filters);
  FRT_TRY(check_pair(b, "filter_size", &c->filter, err));
  FRT_TRY(check_pair(b, "stride", &c->stride, err));
  FRT_TRY(check_pair(b, "dilation", &c->dilation, err));
  return read_padding(b, &c->o->padding, "padding", &c->pads, err);
}

static frt_status_t conv_name(frt_builder_t *b, conv_t *c, frt_error_t *err) {
  c->helper = c->o->name ? frti_intern(b, c->o->name) : frti_unique(b, c->type);
  return c->helper ? FRT_OK : frti_no_memory(err);
}

static frt_status_t conv_bias(frt_builder_t *b, const conv_t *c, int64_t num_filters,
                              frt_var_t *out, frt_error_t *err) {
  frt_var_t bias;
  const int axis = strcmp(c->format, "NHWC") ? 1 : 3;
  if (c->o->bias_attr && c->o->bias_attr->none) return FRT_OK;
  FRT_TRY(frti_parameter(b, c->helper, "b", c->o->bias_attr, c->dtype, 1, &num_filters,
                         &bias, err));
  const char *key = frti_internf(b, "%s.tmp", c->helper);
  if (!key) return frti_no_memory(err);
  return frti_binary(b, "elementwise_add", key, *out, bias,
                     FRTI_ATTRS({.name = "axis", .i = axis}), c->dtype, out, err);
}

/* Fluid hands use_cudnn on to the activation. */
static frt_status_t conv_act(frt_builder_t *b, const conv_t *c, frt_var_t *out,
                             frt_error_t *err) {
  const char *act = c->o->act;
  const frt_op_schema_t *s = act ? frt_op_find(act) : NULL;
  for (int i = 0; s && !c->o->no_cudnn && i < FRT_MAX_ATTRS && s->attrs[i].name; ++i)
    if (!strcmp(s->attrs[i].name, "use_cudnn"))
      return frti_unary_in(b, c->helper, act, *out,
                           FRTI_ATTRS({.name = "use_cudnn", .i = 1}), out, err);
  return frti_activate(b, c->helper, act, *out, out, err);
}

#define CONV_ATTRS(c)                                                                 \
  {.name = "strides", .count = 2, .is = (c)->stride.v},                               \
      {.name = "paddings", .count = (c)->pads.n, .is = (c)->pads.v},                  \
      {.name = "dilations", .count = 2, .is = (c)->dilation.v},                       \
      {.name = "groups", .i = (c)->groups}, {.name = "use_cudnn", .i = !(c)->o->no_cudnn}, \
      {.name = "padding_algorithm", .s = (c)->pads.algorithm},                        \
      {.name = "data_format", .s = (c)->format}

/* Fluid takes all channels, grouped or not. */
static frt_param_attr_t conv_weight(const conv_t *c) {
  frt_param_attr_t attr = {0};
  if (c->o->param_attr) attr = *c->o->param_attr;
  if (attr.initializer.kind == FRT_INIT_DEFAULT) {
    const int32_t seed = attr.initializer.seed;
    attr.initializer = (frt_initializer_t){
        .kind = FRT_INIT_NORMAL, .seed = seed,
        .scale = sqrt(2.0 / ((double)c->filter.v[0] * (double)c->filter.v[1] *
                             (double)c->channels))};
  }
  return attr;
}

frt_status_t frt_layers_conv2d(frt_builder_t *b, frt_var_t input, int64_t num_filters,
                               const int64_t filter_size[2],
                               const frt_conv2d_options_t *options, frt_var_t *out,
                               frt_error_t *err) {
  static const frt_conv2d_options_t nothing = {0};
  conv_t c = {.type = "conv2d", .o = options ? options : &nothing};
  frt_var_t w;
  frti_enter(b, "conv2d");
  FRT_TRY(conv_read(b, input, num_filters, filter_size, &c, err));
  if (c.o->no_cudnn && c.groups == c.channels && num_filters % c.channels == 0)
    c.type = "depthwise_conv2d";
  FRT_TRY(conv_name(b, &c, err));
  const frt_param_attr_t attr = conv_weight(&c);
  const int64_t dims[] = {num_filters, c.channels / c.groups, c.filter.v[0], c.filter.v[1]};
  FRT_TRY(frti_parameter(b, c.helper, "w", &attr, c.dtype, 4, dims, &w, err));
  FRT_TRY(frti_helper_tmp(b, c.helper, c.dtype, out, err));
  const frti_spec_t spec = {.type = c.type,
      .in = FRTI_IN({"Input", FRTI_ONE(input.name)}, {"Filter", FRTI_ONE(w.name)}),
      .out = FRTI_IN({"Output", FRTI_ONE(out->name)}), .attrs = FRTI_ATTRS(CONV_ATTRS(&c))};
  FRT_TRY(frti_append(b, &spec, NULL, err));
  FRT_TRY(conv_bias(b, &c, num_filters, out, err));
  return conv_act(b, &c, out, err);
}

frt_status_t frt_layers_conv2d_transpose(frt_builder_t *b, frt_var_t input,
                                         int64_t num_filters, const int64_t filter_size[2],
                                         const int64_t output_size[2],
                                         const frt_conv2d_options_t *options, frt_var_t *out,
                                         frt_error_t *err) {
  static const frt_conv2d_options_t nothing = {0};
  conv_t c = {.type = "conv2d_transpose", .o = options ? options : &nothing};
  const pair_t size = pair_of(output_size, 1);
  frt_var_t w;
  frti_enter(b, "conv2d_transpose");
  FRT_TRY(conv_read(b, input, num_filters, filter_size, &c, err));
  FRT_TRY(check_pair(b, "output_size", &size, err));
  FRT_TRY(conv_name(b, &c, err));
  const int64_t dims[] = {c.channels, num_filters / c.groups, c.filter.v[0], c.filter.v[1]};
  FRT_TRY(frti_parameter(b, c.helper, "w", c.o->param_attr, c.dtype, 4, dims, &w, err));
  FRT_TRY(frti_helper_tmp(b, c.helper, c.dtype, out, err));
  const frti_spec_t spec = {.type = c.type,
      .in = FRTI_IN({"Input", FRTI_ONE(input.name)}, {"Filter", FRTI_ONE(w.name)}),
      .out = FRTI_IN({"Output", FRTI_ONE(out->name)}),
      .attrs = FRTI_ATTRS({.name = "output_size", .count = output_size ? 2 : 0, .is = size.v},
                          CONV_ATTRS(&c))};
  FRT_TRY(frti_append(b, &spec, NULL, err));
  FRT_TRY(conv_bias(b, &c, num_filters, out, err));
  return conv_act(b, &c, out, err);
}

/* ---- poolings ---------------------------------------------------------------------------- */

typedef struct pool {
  const char *type, *format, *name;
  pair_t size, stride;
  pads_t pads;
  int global, adaptive, cudnn, ceil_mode, exclusive;
} pool_t;

static frt_status_t pool_append(frt_builder_t *b, frt_var_t input, const pool_t *p,
                                frt_var_t *out, frt_error_t *err) {
  frt_var_info_t info;
  int64_t channels;
  FRT_TRY(read_image(b, input, p->format, &info, &channels, err));
  if (strcmp(p->type, "max") && strcmp(p->type, "avg"))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "pool_type",
                     "is '%.40s'; wanted max or avg", p->type);
  if (!p->global) FRT_TRY(check_pair(b, "pool_size", &p->size, err));
  FRT_TRY(check_pair(b, "pool_stride", &p->stride, err));
  const char *helper = p->name ? frti_intern(b, p->name) : frti_unique(b, "pool2d");
  if (!helper) return frti_no_memory(err);
  FRT_TRY(frti_helper_tmp(b, helper, (uint32_t)info.dtype, out, err));
  const frti_spec_t spec = {.type = "pool2d", .in = FRTI_IN({"X", FRTI_ONE(input.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)}),
      .attrs = FRTI_ATTRS({.name = "pooling_type", .s = p->type},
                          {.name = "ksize", .count = 2, .is = p->size.v},
                          {.name = "global_pooling", .i = p->global},
                          {.name = "strides", .count = 2, .is = p->stride.v},
                          {.name = "paddings", .count = p->pads.n, .is = p->pads.v},
                          {.name = "exclusive", .i = p->exclusive},
                          {.name = "adaptive", .i = p->adaptive},
                          {.name = "ceil_mode", .i = p->ceil_mode},
                          {.name = "data_format", .s = p->format},
                          {.name = "padding_algorithm", .s = p->pads.algorithm},
                          {.name = "use_cudnn", .i = p->cudnn},
                          {.name = "use_quantizer", .i = 0}, {.name = "use_mkldnn", .i = 0},
                          {.name = "is_test", .i = 0})};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frt_layers_pool2d(frt_builder_t *b, frt_var_t input, const int64_t pool_size[2],
                               const frt_pool2d_options_t *options, frt_var_t *out,
                               frt_error_t *err) {
  static const frt_pool2d_options_t nothing = {0};
  const frt_pool2d_options_t *o = options ? options : &nothing;
  pool_t p = {.type = o->type ? o->type : "max",
              .format = o->data_format ? o->data_format : "NCHW", .name = o->name,
              .size = pair_of(pool_size, o->global_pooling ? -1 : 0),
              .stride = pair_of(o->stride, 1), .global = o->global_pooling != 0,
              .cudnn = !o->no_cudnn, .ceil_mode = o->ceil_mode != 0,
              .exclusive = !o->inclusive};
  frti_enter(b, "pool2d");
  FRT_TRY(read_padding(b, &o->padding, "pool_padding", &p.pads, err));
  if (p.ceil_mode && !strcmp(p.pads.algorithm, "VALID"))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "pool_padding",
                     "is VALID and ceil_mode is set; wanted one of them");
  return pool_append(b, input, &p, out, err);
}

frt_status_t frt_layers_adaptive_pool2d(frt_builder_t *b, frt_var_t input,
                                        const int64_t pool_size[2], const char *type,
                                        frt_var_t *out, frt_error_t *err) {
  const pool_t p = {.type = type ? type : "max", .format = "NCHW",
                    .size = pair_of(pool_size, 0), .stride = {{1, 1}},
                    .pads = {"EXPLICIT", 2, {0}}, .adaptive = 1, .exclusive = 1};
  frti_enter(b, "adaptive_pool2d");
  return pool_append(b, input, &p, out, err);
}
