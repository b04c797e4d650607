#include "norm.h"

/* X seen as [rows, width]: begin_norm_axis is where a row begins. */
static frt_status_t row_shape(const frt_infer_t *x, frt_shape_t *rows, int64_t *width,
                              frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X");
  const int64_t axis = shape_int(x, "begin_norm_axis");
  int64_t n;
  FRT_TRY(shape_inputs(x, err));
  if (axis < 1 || axis >= s->rank)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "begin_norm_axis",
                      "begin_norm_axis is %lld; wanted 1 to %d as X has shape %s",
                      (long long)axis, (int)s->rank - 1, shape_text(s).s);
  /* Both fit: shape_inputs saw that X does, and an extent of 0 hides nothing here. */
  if (!shape_product(s, 0, (uint32_t)axis, &n) ||
      !shape_product(s, (uint32_t)axis, s->rank, width))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X", "X has shape %s; its size overflows 64 bits",
                      shape_text(s).s);
  *rows = norm_of_rank_1(s, n);
  FRT_TRY(norm_vector(x, "Scale", *width, "elements of X from begin_norm_axis on", err));
  return norm_vector(x, "Bias", *width, "elements of X from begin_norm_axis on", err);
}

static frt_status_t layer_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t rows;
  int64_t width;
  FRT_TRY(row_shape(x, &rows, &width, err));
  FRT_TRY(shape_out(x, "Mean", rows, err));
  FRT_TRY(shape_out(x, "Variance", rows, err));
  return shape_out(x, "Y", *frt_infer_in(x, "X"), err);
}

static frt_status_t layer_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const char *rows_doc = "rows of X before begin_norm_axis";
  frt_shape_t rows;
  int64_t width;
  FRT_TRY(row_shape(x, &rows, &width, err));
  FRT_TRY(norm_vector(x, "Mean", rows.dims[0], rows_doc, err));
  FRT_TRY(norm_vector(x, "Variance", rows.dims[0], rows_doc, err));
  return norm_grads(x, "X", width, err);
}

#define WIDTH_DOC "[elements of X from begin_norm_axis on]"
#define ROWS_DOC "[product of the dims before begin_norm_axis]"
#define ATTRS                                                                    \
  {NORM_EPSILON(0.001),                                                          \
   {"begin_norm_axis", FRT_ATTR_INT, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE,          \
    "the first of the dims that are normalized together", 1, NULL, 1, FRT_MAX_RANK - 1}}

FRT_OPS(norm_layer) = {
    {.type = "layer_norm",
     .doc = "Y = (X - Mean) / sqrt(Variance + epsilon) * Scale + Bias; Mean and Variance "
            "(the biased one) of the elements from begin_norm_axis on.",
     .source = "PaddlePaddle 1.8 op layer_norm (CPU)",
     .inputs = {{"X", FRT_FLOATS, 0, "any shape of rank 2 or more"},
                {"Scale", FRT_FLOATS, FRT_SLOT_OPTIONAL, WIDTH_DOC},
                {"Bias", FRT_FLOATS, FRT_SLOT_OPTIONAL, WIDTH_DOC}},
     .outputs = {{"Y", FRT_FLOATS, 0, "shape of X"},
                 {"Mean", FRT_FLOATS, FRT_SLOT_INTERMEDIATE, ROWS_DOC},
                 {"Variance", FRT_FLOATS, FRT_SLOT_INTERMEDIATE, ROWS_DOC}},
     .attrs = ATTRS,
     .infer_shape = layer_shape,
     .cost = norm_cost,
     .grad = "layer_norm_grad"},
    {.type = "layer_norm_grad",
     .doc = "With H = (X - Mean) / sqrt(Variance + epsilon) and G = Y@GRAD * Scale: X@GRAD = "
            "(G - mean of G - H * mean of G * H) / sqrt(Variance + epsilon), means over the "
            "row; Scale@GRAD = sum of Y@GRAD * H, Bias@GRAD = sum of Y@GRAD over the rows.",
     .source = "PaddlePaddle 1.8 op layer_norm_grad",
     .inputs = {{"Bias", FRT_FLOATS, FRT_SLOT_OPTIONAL, WIDTH_DOC},
                {"Mean", FRT_FLOATS, 0, ROWS_DOC},
                {"Scale", FRT_FLOATS, FRT_SLOT_OPTIONAL, WIDTH_DOC},
                {"Variance", FRT_FLOATS, 0, ROWS_DOC},
                {"X", FRT_FLOATS, 0, "any shape of rank 2 or more"},
                {"Y@GRAD", FRT_FLOATS, 0, "shape of X"}},
     .outputs = {{"Bias@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, WIDTH_DOC},
                 {"Scale@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, WIDTH_DOC},
                 {"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},
     .attrs = ATTRS,
     .infer_shape = layer_grad_shape,
     .cost = norm_grad_cost,
     .grad = FRT_NO_GRAD},
    {0}};
