#include "norm.h"

static const char channels_doc[] = "channels of X";

static frt_status_t batch_channels(const frt_infer_t *x, int64_t *n, frt_error_t *err) {
  const frt_shape_t *xs = frt_infer_in(x, "X");
  uint32_t dim;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(norm_channel_dim(x, "X", xs, 5, &dim, err));
  *n = xs->dims[dim];
  if (shape_int(x, "fuse_with_relu"))
    return shape_fail(err, FRT_UNIMPLEMENTED, "fuse_with_relu",
                      "fuse_with_relu is true; only false is supported");
  FRT_TRY(norm_vector(x, "Scale", *n, channels_doc, err));
  FRT_TRY(norm_vector(x, "Bias", *n, channels_doc, err));
  FRT_TRY(norm_vector(x, "Mean", *n, channels_doc, err));
  return norm_vector(x, "Variance", *n, channels_doc, err);
}

static frt_status_t batch_momentum(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *m = frt_infer_in(x, "MomentumTensor");
  if (!m) return FRT_OK;
  FRT_TRY(shape_same_dtype("MomentumTensor", m, "X", frt_infer_in(x, "X"), err));
  if (shape_numel(m) == 1 || shape_numel(m) == -1) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "MomentumTensor",
                    "MomentumTensor has shape %s; wanted [1]", shape_text(m).s);
}

/* Running statistics that move have to be named; the others may be. */
static frt_status_t batch_moves(const frt_infer_t *x, const char *slot, frt_error_t *err) {
  if (frt_infer_out(x, slot) || shape_int(x, "use_global_stats") ||
      (shape_int(x, "is_test") && !shape_int(x, "trainable_statistics")))
    return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, slot,
                    "%s is missing; wanted the variable of its input, as is_test is false",
                    slot);
}

static frt_status_t batch_shape(const frt_infer_t *x, frt_error_t *err) {
  static const char *const vectors[] = {"MeanOut", "VarianceOut", "SavedMean",
                                        "SavedVariance"};
  const frt_shape_t *xs = frt_infer_in(x, "X");
  int64_t n;
  FRT_TRY(batch_channels(x, &n, err));
  FRT_TRY(batch_momentum(x, err));
  FRT_TRY(batch_moves(x, "MeanOut", err));
  FRT_TRY(batch_moves(x, "VarianceOut", err));
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; ++i)
    FRT_TRY(shape_out(x, vectors[i], norm_of_rank_1(xs, n), err));
  FRT_TRY(shape_out(x, "ReserveSpace", norm_of_rank_1(xs, 0), err));
  return shape_out(x, "Y", *xs, err);
}

/* Fluid trains on running statistics by use_global_stats alone. */
static frt_status_t batch_trains(const frt_infer_t *x, frt_error_t *err) {
  const bool global = shape_int(x, "use_global_stats") != 0;
  if (shape_int(x, "is_test") && !shape_int(x, "trainable_statistics"))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "is_test",
                      "is_test is true; wanted false: use_global_stats trains on running "
                      "statistics");
  if (global && !frt_infer_in(x, "Mean"))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Mean",
                      "Mean is missing; wanted the running mean as use_global_stats is true");
  if (global && !frt_infer_in(x, "Variance"))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Variance",
                      "Variance is missing; wanted the running variance as use_global_stats "
                      "is true");
  return FRT_OK;
}

static frt_status_t batch_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  int64_t n;
  FRT_TRY(batch_channels(x, &n, err));
  FRT_TRY(batch_trains(x, err));
  FRT_TRY(norm_vector(x, "SavedMean", n, channels_doc, err));
  FRT_TRY(norm_vector(x, "SavedVariance", n, channels_doc, err));
  return norm_grads(x, "X", n, err);
}

#define CHANNELS "[channels of X]"
#define VECTOR(name) {name, FRT_FLOATS, 0, CHANNELS}
#define MOMENTUM(more)                                                                   \
  {"momentum", FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE | (more),                 \
   "what the running statistics keep of themselves", 0.9, NULL, -FLT_MAX, FLT_MAX}
#define FLAG(name, doc) {name, FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, doc}
#define ATTRS(more)                                                                      \
  {FLAG("is_test", "normalizes with Mean and Variance and keeps them"), MOMENTUM(more),  \
   NORM_EPSILON(0.001), NORM_LAYOUT, SHAPE_IGNORED_BOOL("use_mkldnn"),                   \
   FLAG("fuse_with_relu", "only false is supported"),                                    \
   FLAG("use_global_stats", "as is_test, but can be trained"),                           \
   FLAG("trainable_statistics", "is_test has no effect")}

FRT_OPS(norm_batch) = {
    {.type = "batch_norm",
     .doc = "Y = (X - M) / sqrt(V + epsilon) * Scale + Bias, M and V a channel's mean and "
            "biased variance, which SavedMean and, as 1 / sqrt(V + epsilon), SavedVariance "
            "hold; MeanOut = Mean * momentum + M * (1 - momentum), VarianceOut likewise, in "
            "place. With is_test or use_global_stats M and V are Mean and Variance, which "
            "stay. With less than two elements a channel Y = X, both Saved are 0 and Mean "
            "and Variance stay.",
     .source = "PaddlePaddle 1.8 op batch_norm (CPU), which leaves SavedMean and "
               "SavedVariance unset where Mean and Variance are used",
     .inputs = {{"X", FRT_FLOATS, 0, "rank 2 to 5"}, VECTOR("Scale"), VECTOR("Bias"),
                VECTOR("Mean"), VECTOR("Variance"),
                {"MomentumTensor", FRT_FLOATS, FRT_SLOT_OPTIONAL, "[1]; instead of momentum"}},
     .outputs = {{"Y", FRT_FLOATS, 0, "shape of X"},
                 {"MeanOut", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS "; where it moves", "Mean"},
                 {"VarianceOut", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS "; where it moves",
                  "Variance"},
                 {"SavedMean", FRT_FLOATS, FRT_SLOT_INTERMEDIATE, CHANNELS},
                 {"SavedVariance", FRT_FLOATS, FRT_SLOT_INTERMEDIATE, CHANNELS},
                 {"ReserveSpace", FRT_ANY_DTYPE,
                  FRT_SLOT_OPTIONAL | FRT_SLOT_INTERMEDIATE | FRT_SLOT_SHAPE_ONLY,
                  "[0], never any data"}},
     .attrs = ATTRS(0),
     .infer_shape = batch_shape,
     .cost = norm_cost,
     .grad = "batch_norm_grad"},
    {.type = "batch_norm_grad",
     .doc = "With H = (X - SavedMean) * SavedVariance: Scale@GRAD = sum of Y@GRAD * H, "
            "Bias@GRAD = sum of Y@GRAD, X@GRAD = Scale * SavedVariance * (Y@GRAD - mean of "
            "Y@GRAD - H * mean of Y@GRAD * H), over a channel. With use_global_stats H is of "
            "Mean and Variance and X@GRAD = Y@GRAD * Scale / sqrt(Variance + epsilon). With "
            "less than two elements a channel X@GRAD = Y@GRAD, the others are 0.",
     .source = "PaddlePaddle 1.8 op batch_norm_grad",
     .inputs = {VECTOR("Bias"),
                {"Mean", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS "; with use_global_stats"},
                VECTOR("SavedMean"), VECTOR("SavedVariance"), VECTOR("Scale"),
                {"Variance", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS "; with use_global_stats"},
                {"X", FRT_FLOATS, 0, "rank 2 to 5"},
                {"Y@GRAD", FRT_FLOATS, 0, "shape of X"}},
     .outputs = {{"Bias@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS},
                 {"Scale@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, CHANNELS},
                 {"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},
     .attrs = ATTRS(FRT_ATTR_IGNORED),
     .infer_shape = batch_grad_shape,
     .cost = norm_grad_cost,
     .grad = FRT_NO_GRAD},
    {0}};
