#include "norm.h"

static const char channels_doc[] = "channels of X";

/* ---- group_norm ------------------------------------------------------------------------- */

/* [n, groups] of what is normalized together; `slot` is X or, for the gradient, Y. */
static frt_status_t group_shape_of(const frt_infer_t *x, const char *slot, int64_t *channels,
                                   frt_shape_t *groups, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, slot);
  const int64_t n = shape_int(x, "groups");
  const char *doc = *slot == 'X' ? channels_doc : "channels of Y";
  uint32_t dim;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(norm_channel_dim(x, slot, s, FRT_MAX_RANK, &dim, err));
  *channels = s->dims[dim];
  if (n < 1 || (*channels >= 0 && *channels % n != 0))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "groups",
                      "groups is %lld; wanted a divisor of %lld, the %s", (long long)n,
                      (long long)*channels, doc);
  groups->dtype = s->dtype;
  groups->rank = 2;
  groups->dims[0] = s->dims[0];
  groups->dims[1] = n;
  FRT_TRY(norm_vector(x, "Scale", *channels, doc, err));
  return norm_vector(x, "Bias", *channels, doc, err);
}

static frt_status_t group_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t groups = {0, 0, {0}};
  int64_t channels;
  FRT_TRY(group_shape_of(x, "X", &channels, &groups, err));
  FRT_TRY(shape_out(x, "Mean", groups, err));
  FRT_TRY(shape_out(x, "Variance", groups, err));
  return shape_out(x, "Y", *frt_infer_in(x, "X"), err);
}

static frt_status_t group_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t groups = {0, 0, {0}};
  int64_t n;
  FRT_TRY(group_shape_of(x, "Y", &n, &groups, err));
  FRT_TRY(shape_same("Variance", frt_infer_in(x, "Variance"), "Y's samples and groups",
                     &groups, err));
  return norm_grads(x, "Y", n, err);
}

/* ---- instance_norm ----------------------------------------------------------------------- */

/* One number a sample and channel. */
static frt_status_t instance_cells(const frt_infer_t *x, int64_t *channels, frt_shape_t *cells,
                                   frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  uint32_t dim;
  int64_t n;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(norm_channel_dim(x, "X", s, 5, &dim, err));
  *channels = s->dims[1];
  if (!shape_product(s, 0, 2, &n))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X", "X has shape %s; its size overflows 64 bits",
                      shape_text(s).s);
  *cells = norm_of_rank_1(s, n);
  FRT_TRY(norm_vector(x, "Scale", *channels, channels_doc, err));
  return norm_vector(x, "Bias", *channels, channels_doc, err);
}

static frt_status_t instance_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t cells;
  int64_t channels;
  FRT_TRY(instance_cells(x, &channels, &cells, err));
  FRT_TRY(shape_out(x, "SavedMean", cells, err));
  FRT_TRY(shape_out(x, "SavedVariance", cells, err));
  return shape_out(x, "Y", *frt_infer_in(x, "X"), err);
}

static frt_status_t instance_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const char *cells_doc = "samples of X times its channels";
  frt_shape_t cells;
  int64_t n;
  FRT_TRY(instance_cells(x, &n, &cells, err));
  FRT_TRY(norm_vector(x, "SavedMean", cells.dims[0], cells_doc, err));
  FRT_TRY(norm_vector(x, "SavedVariance", cells.dims[0], cells_doc, err));
  return norm_grads(x, "X", n, err);
}

#define CHANNELS "[channels]"
#define GROUPS "[samples, groups]"
#define CELLS "[samples * channels]"
#define GROUP_ATTRS                                                                     \
  {NORM_EPSILON(1), {"groups", FRT_ATTR_INT, 0, "a divisor of the number of channels"}, \
   NORM_LAYOUT}

FRT_OPS(norm_group) = {
    {.type = "group_norm",
     .doc = "Y = (X - Mean) / sqrt(Variance + epsilon) * Scale + Bias, Mean and Variance (the "
            "biased one) of a sample's neighbouring channels, `groups` sets of them.",
     .source = "PaddlePaddle 1.8 op group_norm (CPU), where groups need not divide the "
               "channels",
     .inputs = {{"X", FRT_FLOATS, 0, "rank 2 or more"},
                {"Scale", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS},
                {"Bias", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS}},
     .outputs = {{"Y", FRT_FLOATS, 0, "shape of X"},
                 {"Mean", FRT_FLOATS, FRT_SLOT_INTERMEDIATE, GROUPS},
                 {"Variance", FRT_FLOATS, FRT_SLOT_INTERMEDIATE, GROUPS}},
     .attrs = GROUP_ATTRS,
     .infer_shape = group_shape,
     .cost = norm_cost,
     .grad = "group_norm_grad"},
    {.type = "group_norm_grad",
     .doc = "With H = (Y - Bias) / Scale (0 where Scale is 0) and G = Y@GRAD * Scale: X@GRAD = "
            "(G - mean of G - H * mean of G * H) / sqrt(Variance + epsilon), means over a "
            "group; Scale@GRAD = sum of Y@GRAD * H, Bias@GRAD = sum of Y@GRAD. Without Scale "
            "the mean of G is left out, as Fluid does: give a Scale to train through it.",
     .source = "PaddlePaddle 1.8 op group_norm_grad (CPU), recorded with and without Scale",
     .inputs = {{"Bias", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS},
                {"Scale", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS},
                {"Variance", FRT_FLOATS, 0, GROUPS},
                {"Y", FRT_FLOATS, 0, "rank 2 or more"},
                {"Y@GRAD", FRT_FLOATS, 0, "shape of Y"}},
     .outputs = {{"Bias@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS},
                 {"Scale@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS},
                 {"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Y"}},
     .attrs = GROUP_ATTRS,
     .infer_shape = group_grad_shape,
     .cost = norm_grad_cost,
     .grad = FRT_NO_GRAD},
    {.type = "instance_norm",
     .doc = "Y = (X - SavedMean) * SavedVariance * Scale + Bias, of each sample's each "
            "channel (dim 1); SavedVariance = 1 / sqrt(biased variance + epsilon).",
     .source = "PaddlePaddle 1.8 op instance_norm (CPU)",
     .inputs = {{"X", FRT_FLOATS, 0, "rank 2 to 5"}, {"Scale", FRT_FLOATS, 0, CHANNELS},
                {"Bias", FRT_FLOATS, 0, CHANNELS}},
     .outputs = {{"Y", FRT_FLOATS, 0, "shape of X"},
                 {"SavedMean", FRT_FLOATS, FRT_SLOT_INTERMEDIATE, CELLS},
                 {"SavedVariance", FRT_FLOATS, FRT_SLOT_INTERMEDIATE, CELLS}},
     .attrs = {NORM_EPSILON(0.001)},
     .infer_shape = instance_shape,
     .cost = norm_cost,
     .grad = "instance_norm_grad"},
    {.type = "instance_norm_grad",
     .doc = "With H = (X - SavedMean) * SavedVariance: X@GRAD = Scale * SavedVariance * "
            "(Y@GRAD - mean of Y@GRAD - H * mean of Y@GRAD * H), means over a channel of a "
            "sample; Scale@GRAD = sum of Y@GRAD * H, Bias@GRAD = sum of Y@GRAD over all "
            "samples.",
     .source = "PaddlePaddle 1.8 op instance_norm_grad",
     .inputs = {{"SavedMean", FRT_FLOATS, 0, CELLS}, {"SavedVariance", FRT_FLOATS, 0, CELLS},
                {"Scale", FRT_FLOATS, 0, CHANNELS}, {"X", FRT_FLOATS, 0, "rank 2 to 5"},
                {"Y@GRAD", FRT_FLOATS, 0, "shape of X"}},
     .outputs = {{"Bias@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS},
                 {"Scale@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS},
                 {"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},
     .attrs = {NORM_EPSILON(0.001)},
     .infer_shape = instance_grad_shape,
     .cost = norm_grad_cost,
     .grad = FRT_NO_GRAD},
    {0}};
