#include "shape.h"

static frt_status_t softmax_shape(const frt_infer_t *x, frt_error_t *err) {
  uint32_t axis;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_axis("axis", shape_int(x, "axis"), "X", frt_infer_in(x, "X"), &axis, err));
  return shape_out(x, "Out", *frt_infer_in(x, "X"), err);
}

static frt_status_t softmax_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  uint32_t axis;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_axis("axis", shape_int(x, "axis"), "Out", frt_infer_in(x, "Out"), &axis,
                     err));
  return shape_unary_grad(x, "Out", err);
}

/* `scores` (Logits or Softmax, called `name`) against Label; fills Loss's shape. */
static frt_status_t label_shape(const frt_infer_t *x, const char *name,
                                const frt_shape_t *scores, frt_shape_t *loss,
                                frt_error_t *err) {
  const frt_shape_t *label = frt_infer_in(x, "Label");
  const int soft = shape_int(x, "soft_label") != 0;
  uint32_t axis;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_axis("axis", shape_int(x, "axis"), name, scores, &axis, err));
  *loss = *scores;
  loss->dims[axis] = 1;
  if (soft && scores->dims[axis] == 0)
    return shape_fail(err, FRT_INVALID_ARGUMENT, name, "%s has shape %s; wanted classes",
                      name, shape_text(scores).s);
  const uint32_t dtype = soft ? scores->dtype : (uint32_t)FRT_I64;
  if (label->dtype != dtype)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Label",
                      "Label has dtype %s; wanted %s as soft_label is %s",
                      frt_dtype_name(label->dtype), frt_dtype_name(dtype),
                      soft ? "true" : "false");
  if (!shape_agrees(label, soft ? scores : loss))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Label",
                      "Label has shape %s; wanted %s as %s has shape %s and soft_label "
                      "is %s", shape_text(label).s,
                      shape_text(soft ? scores : loss).s, name, shape_text(scores).s,
                      soft ? "true" : "false");
  for (uint32_t i = 0; i < loss->rank; ++i)
    if (i != axis && loss->dims[i] < 0) loss->dims[i] = label->dims[i];
  return FRT_OK;
}

static frt_status_t entropy_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *logits = frt_infer_in(x, "Logits");
  frt_shape_t loss, softmax = *logits;
  FRT_TRY(label_shape(x, "Logits", logits, &loss, err));
  for (uint32_t i = 0; i < loss.rank; ++i)
    if (softmax.dims[i] < 0 && loss.dims[i] != 1) softmax.dims[i] = loss.dims[i];
  FRT_TRY(shape_out(x, "Softmax", softmax, err));
  return shape_out(x, "Loss", loss, err);
}

static frt_status_t entropy_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *softmax = frt_infer_in(x, "Softmax");
  frt_shape_t loss;
  FRT_TRY(label_shape(x, "Softmax", softmax, &loss, err));
  FRT_TRY(shape_same("Loss@GRAD", frt_infer_in(x, "Loss@GRAD"), "Loss", &loss, err));
  return shape_out(x, "Logits@GRAD", *softmax, err);
}

/* Per element: maximum, subtract, exp, sum, divide. */
static frt_cost_t softmax_cost(const frt_infer_t *x) {
  return shape_cost(x, 5 * shape_elements(&x->in[0].shapes[0]));
}
/* Per element: multiply, sum, subtract, multiply. */
static frt_cost_t softmax_grad_cost(const frt_infer_t *x) {
  return shape_cost(x, 4 * shape_elements(frt_infer_in(x, "Out")));
}
static frt_cost_t entropy_grad_cost(const frt_infer_t *x) {
  return shape_cost(x, 2 * shape_elements(frt_infer_in(x, "Softmax")));
}

#define LABEL_DTYPES (FRT_FLOATS | FRT_I64S)
#define LABEL_DOC "int64 class numbers, 1 along axis; soft_label: probabilities, shape of Logits"
#define SOFT_LABEL {"soft_label", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, \
                    "Label holds probabilities, not class numbers"}
#define STABLE {"numeric_stable_mode", FRT_ATTR_BOOL, \
                FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, "always stable here", 1}
#define IGNORE_INDEX {"ignore_index", FRT_ATTR_INT, FRT_ATTR_DEFAULT, \
                      "this label gives loss 0 and gradient 0; hard labels only", -100}
#define AXIS {"axis", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "the axis of the classes", -1}
#define IS_TEST SHAPE_IGNORED_BOOL("is_test")
#define CUDNN SHAPE_IGNORED_BOOL("use_cudnn")
#define MKLDNN SHAPE_IGNORED_BOOL("use_mkldnn")
#define FORMAT SHAPE_IGNORED_STRING("data_format", "AnyLayout")

FRT_OPS(softmax) = {
    {.type = "softmax",
     .doc = "Out = exp(Z) / sum of exp(Z) along axis, Z = max(X - max X, -64).",
     .source = "PaddlePaddle 1.8 op softmax (CPU)",
     .inputs = {{"X", FRT_FLOATS, 0, "any shape of rank >= 1"}},
     .outputs = {{"Out", FRT_FLOATS, 0, "shape of X"}},
     .attrs = {AXIS, CUDNN, FORMAT, MKLDNN, IS_TEST},
     .infer_shape = softmax_shape,
     .cost = softmax_cost,
     .grad = "softmax_grad"},
    {.type = "softmax_grad",
     .doc = "X@GRAD = Out * (Out@GRAD - sum of Out * Out@GRAD along axis).",
     .source = "PaddlePaddle 1.8 op softmax_grad",
     .inputs = {{"Out", FRT_FLOATS, 0, "any shape of rank >= 1"},
                {"Out@GRAD", FRT_FLOATS, 0, "shape of Out"}},
     .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Out"}},
     .attrs = {AXIS, FORMAT, IS_TEST, CUDNN, MKLDNN},
     .infer_shape = softmax_grad_shape,
     .cost = softmax_grad_cost,
     .grad = FRT_NO_GRAD},
    {.type = "softmax_with_cross_entropy",
     .doc = "Softmax = softmax(Logits); Loss = -log Softmax[Label], or -sum of Label * "
            "log Softmax with soft_label; 0 where Label = ignore_index.",
     .source = "PaddlePaddle 1.8 op softmax_with_cross_entropy (CPU)",
     .inputs = {{"Logits", FRT_FLOATS, 0, "any shape of rank >= 1"},
                {"Label", LABEL_DTYPES, 0, LABEL_DOC}},
     .outputs = {{"Softmax", FRT_FLOATS, FRT_SLOT_INTERMEDIATE, "shape of Logits"},
                 {"Loss", FRT_FLOATS, 0, "Logits with 1 along axis"}},
     .attrs = {SOFT_LABEL, STABLE, IGNORE_INDEX, AXIS},
     .infer_shape = entropy_shape,
     .cost = softmax_cost,
     .grad = "softmax_with_cross_entropy_grad"},
    {.type = "softmax_with_cross_entropy_grad",
     .doc = "Logits@GRAD = (Softmax - onehot(Label)) * Loss@GRAD, or (Softmax - Label) * "
            "Loss@GRAD with soft_label; 0 where Label = ignore_index.",
     .source = "PaddlePaddle 1.8 op softmax_with_cross_entropy_grad, whose CPU kernel "
               "does not zero ignored rows",
     .inputs = {{"Label", LABEL_DTYPES, 0, LABEL_DOC},
                {"Loss@GRAD", FRT_FLOATS, 0, "Softmax with 1 along axis"},
                {"Softmax", FRT_FLOATS, 0, "any shape of rank >= 1"}},
     .outputs = {{"Logits@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Softmax"}},
     .attrs = {AXIS, IGNORE_INDEX, STABLE, SOFT_LABEL},
     .infer_shape = entropy_grad_shape,
     .cost = entropy_grad_cost,
     .grad = FRT_NO_GRAD},
    {0}};
