#include <float.h>

#include "shape.h"

/* ---- cross entropy of probabilities ------------------------------------------------ */

static frt_status_t label_dtype(const frt_shape_t *label, uint32_t want, const char *why,
                                frt_error_t *err) {
  if (label->dtype == want) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "Label",
                    "Label has dtype %s; wanted %s%s", frt_dtype_name(label->dtype),
                    frt_dtype_name(want), why);
}

static frt_status_t has_classes(const char *name, const frt_shape_t *s, int soft,
                                frt_error_t *err) {
  if (s->rank >= 1 && !(soft && s->dims[s->rank - 1] == 0)) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, name, "%s has shape %s; wanted [..., classes]",
                    name, shape_text(s).s);
}

/* Class numbers, one a row of `s`: with a last extent of 1, or without it. Fills the
 * loss's shape, that of the labels. */
static frt_status_t hard_labels(const char *name, const frt_shape_t *s,
                                const frt_shape_t *label, frt_shape_t *y,
                                frt_error_t *err) {
  *y = *s;
  y->dims[s->rank - 1] = 1;
  if (s->rank > 1 && label->rank + 1 == s->rank) y->rank = label->rank;
  if (!shape_agrees(label, y))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Label",
                      "Label has shape %s; wanted %s, one label a row, as %s has shape %s",
                      shape_text(label).s, shape_text(y).s, name, shape_text(s).s);
  shape_join(y, label);
  return FRT_OK;
}

static frt_status_t soft_labels(const frt_shape_t *s, const frt_shape_t *label,
                                frt_shape_t *y, frt_error_t *err) {
  *y = *s;
  FRT_TRY(shape_same("Label", label, "X", s, err));
  shape_join(y, label);
  y->dims[s->rank - 1] = 1;
  return FRT_OK;
}

static frt_status_t entropy_labels(const frt_infer_t *x, frt_shape_t *y, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X"), *label = frt_infer_in(x, "Label");
  const int soft = shape_int(x, "soft_label") != 0;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(has_classes("X", s, soft, err));
  FRT_TRY(label_dtype(label, soft ? s->dtype : (uint32_t)FRT_I64,
                      soft ? " as soft_label is true" : " as soft_label is false", err));
  return soft ? soft_labels(s, label, y, err) : hard_labels("X", s, label, y, err);
}

static frt_status_t entropy_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t y;
  FRT_TRY(entropy_labels(x, &y, err));
  return shape_out(x, "Y", y, err);
}

static frt_status_t entropy_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t y;
  FRT_TRY(entropy_labels(x, &y, err));
  FRT_TRY(shape_same("Y@GRAD", frt_infer_in(x, "Y@GRAD"), "Y", &y, err));
  return shape_out(x, "X@GRAD", *frt_infer_in(x, "X"), err);
}

static frt_status_t entropy2_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X"), *label = frt_infer_in(x, "Label");
  frt_shape_t y, note = *s;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(has_classes("X", s, 0, err));
  if (s->rank >= FRT_MAX_RANK)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "X", "X has shape %s; wanted rank %d at most",
                      shape_text(s).s, FRT_MAX_RANK - 1);
  FRT_TRY(label_dtype(label, FRT_I64, "", err));
  FRT_TRY(hard_labels("X", s, label, &y, err));
  note.dims[note.rank++] = 0;
  FRT_TRY(shape_out(x, "Y", y, err));
  FRT_TRY(shape_out(x, "XShape", note, err));
  return shape_out(x, "MatchX", y, err);
}

static frt_status_t entropy2_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *label = frt_infer_in(x, "Label"), *note = frt_infer_in(x, "XShape");
  const frt_shape_t *match = frt_infer_in(x, "MatchX"), *g = frt_infer_in(x, "Y@GRAD");
  frt_shape_t y, s = *note;
  FRT_TRY(shape_inputs(x, err));
  if (note->rank < 2)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "XShape",
                      "XShape has shape %s; wanted the dims of X, then 0",
                      shape_text(note).s);
  s.dims[--s.rank] = 0;
  s.dtype = match->dtype;
  FRT_TRY(label_dtype(label, FRT_I64, "", err));
  FRT_TRY(hard_labels("X, by XShape,", &s, label, &y, err));
  FRT_TRY(shape_same("MatchX", match, "Y", &y, err));
  FRT_TRY(shape_same("Y@GRAD", g, "Y", &y, err));
  return shape_out(x, "X@GRAD", s, err);
}

/* ---- losses of one element each ----------------------------------------------------- */

/* Inputs `a` and `b` are alike; their shape goes to every output. */
static frt_status_t pair_shape(const frt_infer_t *x, const char *a, const char *b,
                               frt_error_t *err) {
  const frt_shape_t *p = frt_infer_in(x, a), *q = frt_infer_in(x, b);
  frt_shape_t out = *p;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_same(b, q, a, p, err));
  shape_join(&out, q);
  for (int i = 0; i < FRT_MAX_SLOTS && x->schema->outputs[i].name; ++i)
    FRT_TRY(shape_out(x, x->schema->outputs[i].name, out, err));
  return FRT_OK;
}
static frt_status_t sigmoid_shape(const frt_infer_t *x, frt_error_t *err) {
  return pair_shape(x, "X", "Label", err);
}
static frt_status_t sigmoid_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  FRT_TRY(pair_shape(x, "X", "Label", err));
  return shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "X", frt_infer_in(x, "X"), err);
}
static frt_status_t huber_shape(const frt_infer_t *x, frt_error_t *err) {
  return pair_shape(x, "X", "Y", err);
}
static frt_status_t huber_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  return pair_shape(x, "Residual", "Out@GRAD", err);
}
static frt_status_t log_loss_shape(const frt_infer_t *x, frt_error_t *err) {
  return pair_shape(x, "Predicted", "Labels", err);
}
static frt_status_t log_loss_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  FRT_TRY(pair_shape(x, "Predicted", "Labels", err));
  return shape_same("Loss@GRAD", frt_infer_in(x, "Loss@GRAD"), "Predicted",
                    frt_infer_in(x, "Predicted"), err);
}

/* ---- smooth_l1_loss ------------------------------------------------------------------ */

/* sigma and the two weights against `s`, the shape of the differences. */
static frt_status_t smooth_common(const frt_infer_t *x, const char *name,
                                  const frt_shape_t *s, frt_error_t *err) {
  const frt_shape_t *inside = frt_infer_in(x, "InsideWeight");
  const frt_shape_t *outside = frt_infer_in(x, "OutsideWeight");
  const double sigma = shape_f32(x, "sigma");
  if (!(sigma > 0 && sigma <= FLT_MAX))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "sigma", "sigma is %g; wanted a number > 0",
                      sigma);
  if (s->rank < 2)
    return shape_fail(err, FRT_INVALID_ARGUMENT, name,
                      "%s has shape %s; wanted rank 2 at least", name, shape_text(s).s);
  if (!inside != !outside)
    return shape_fail(err, FRT_INVALID_ARGUMENT, inside ? "OutsideWeight" : "InsideWeight",
                      "%s is absent; wanted both weights or none",
                      inside ? "OutsideWeight" : "InsideWeight");
  if (inside) FRT_TRY(shape_same("InsideWeight", inside, name, s, err));
  return outside ? shape_same("OutsideWeight", outside, name, s, err) : FRT_OK;
}

static frt_status_t smooth_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *s = frt_infer_in(x, "X"), *t = frt_infer_in(x, "Y");
  frt_shape_t diff = *s, out = {s->dtype, 2, {0, 1}};
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_same("Y", t, "X", s, err));
  shape_join(&diff, t);
  FRT_TRY(smooth_common(x, "X", &diff, err));
  out.dims[0] = diff.dims[0];
  FRT_TRY(shape_out(x, "Diff", diff, err));
  return shape_out(x, "Out", out, err);
}

static frt_status_t smooth_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *diff = frt_infer_in(x, "Diff");
  frt_shape_t out = {diff->dtype, 2, {0, 1}};
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(smooth_common(x, "Diff", diff, err));
  out.dims[0] = diff->dims[0];
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "Out", &out, err));
  FRT_TRY(shape_out(x, "X@GRAD", *diff, err));
  return shape_out(x, "Y@GRAD", *diff, err);
}

/* ---- cost: some ten operations for each element of the first float input -------------- */

static frt_cost_t loss_cost(const frt_infer_t *x) {
  double n = 0;
  for (int i = 0; i < FRT_MAX_SLOTS && x->schema->inputs[i].name; ++i)
    if (x->in[i].count && shape_elements(&x->in[i].shapes[0]) > n)
      n = shape_elements(&x->in[i].shapes[0]);
  return shape_cost(x, 10 * n);
}

#define LABELS_DOC \
  "int64 class numbers [..., 1] or [...]; soft_label: probabilities, shape of X"
#define ROWS_DOC "[..., 1], or the shape of class numbers"
#define IGNORE_INDEX {"ignore_index", FRT_ATTR_INT, FRT_ATTR_DEFAULT, \
                      "this label gives loss 0 and gradient 0; hard labels only", -100}
#define SOFT_LABEL {"soft_label", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, \
                    "Label holds probabilities, not class numbers"}
#define XSHAPE_DOC "[dims of X..., 0], never any data"
#define GRAD_OUT(name, doc) {name, FRT_FLOATS, FRT_SLOT_OPTIONAL, doc}
#define FLOAT_IN(name, doc) {name, FRT_FLOATS, 0, doc}
#define NOT_NEGATIVE(name, doc) \
  {name, FRT_ATTR_F32, FRT_ATTR_RANGE, doc, 0, NULL, 0, FLT_MAX}
#define NORMALIZE {"normalize", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, \
                   "divide by how many labels are not ignored, at least 1e-5"}
#define IGNORED_VALUE {"ignore_index", FRT_ATTR_INT, FRT_ATTR_DEFAULT, \
                       "this label gives loss 0 and gradient 0", -100}
#define SIGMA {"sigma", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "> 0; quadratic up to 1 / sigma^2", 1}
#define WEIGHT(name, doc) {name, FRT_FLOATS, FRT_SLOT_OPTIONAL, doc}
#define LOSS(type_, source_, shape_, grad_)                       \
  .type = type_, .source = "PaddlePaddle 1.8 op " source_,        \
  .infer_shape = shape_, .cost = loss_cost, .grad = grad_

FRT_OPS(loss) = {
    {LOSS("cross_entropy", "cross_entropy", entropy_shape, "cross_entropy_grad"),
     .doc = "Y = -log X[label], or - sum of Label * log X with soft_label; logarithms within "
            "[-1e20, 1e20].",
     .inputs = {FLOAT_IN("X", "probabilities, [..., classes]"),
                {"Label", FRT_FLOATS | FRT_I64S, 0, LABELS_DOC}},
     .outputs = {FLOAT_IN("Y", ROWS_DOC)},
     .attrs = {SOFT_LABEL, IGNORE_INDEX}},
    {LOSS("cross_entropy_grad", "cross_entropy_grad", entropy_grad_shape, FRT_NO_GRAD),
     .doc = "X@GRAD = -Y@GRAD / X at the label, else 0; -Y@GRAD * Label / X with soft_label.",
     .inputs = {{"Label", FRT_FLOATS | FRT_I64S, 0, LABELS_DOC},
                FLOAT_IN("X", "[..., classes]"), FLOAT_IN("Y@GRAD", "shape of Y")},
     .outputs = {GRAD_OUT("X@GRAD", "shape of X")},
     .attrs = {IGNORE_INDEX, SOFT_LABEL}},
    {LOSS("cross_entropy2", "cross_entropy2", entropy2_shape, "cross_entropy_grad2"),
     .doc = "Y = -log MatchX within [-1e20, 1e20], MatchX = X[label]; 1 where ignored.",
     .inputs = {FLOAT_IN("X", "probabilities, [..., classes]"),
                {"Label", FRT_I64S, 0, "class numbers, [..., 1] or [...]"}},
     .outputs = {FLOAT_IN("Y", "shape of Label"),
                 {"XShape", FRT_FLOATS, FRT_SLOT_OPTIONAL | FRT_SLOT_INTERMEDIATE |
                  FRT_SLOT_SHAPE_ONLY, XSHAPE_DOC},
                 {"MatchX", FRT_FLOATS, FRT_SLOT_INTERMEDIATE, "shape of Label"}},
     .attrs = {IGNORE_INDEX}},
    {LOSS("cross_entropy_grad2", "cross_entropy_grad2", entropy2_grad_shape, FRT_NO_GRAD),
     .doc = "X@GRAD = -Y@GRAD / MatchX at the label, else 0.",
     .inputs = {{"Label", FRT_I64S, 0, "class numbers, [..., 1] or [...]"},
                FLOAT_IN("MatchX", "shape of Label"),
                {"XShape", FRT_FLOATS, FRT_SLOT_SHAPE_ONLY, XSHAPE_DOC},
                FLOAT_IN("Y@GRAD", "shape of Label")},
     .outputs = {GRAD_OUT("X@GRAD", "dims of X")},
     .attrs = {IGNORE_INDEX}},
    {LOSS("sigmoid_cross_entropy_with_logits", "sigmoid_cross_entropy_with_logits",
          sigmoid_shape, "sigmoid_cross_entropy_with_logits_grad"),
     .doc = "Out = max(X, 0) - X * Label + log(1 + exp(-|X|)), 0 where Label is ignore_index.",
     .inputs = {FLOAT_IN("X", "any shape"), FLOAT_IN("Label", "shape of X")},
     .outputs = {FLOAT_IN("Out", "shape of X")},
     .attrs = {NORMALIZE, IGNORED_VALUE}},
    {LOSS("sigmoid_cross_entropy_with_logits_grad", "sigmoid_cross_entropy_with_logits_grad",
          sigmoid_grad_shape, FRT_NO_GRAD),
     .doc = "X@GRAD = (sigmoid(X) - Label) * Out@GRAD, 0 where Label is ignore_index.",
     .inputs = {FLOAT_IN("Label", "shape of X"), FLOAT_IN("Out@GRAD", "shape of X"),
                FLOAT_IN("X", "any shape")},
     .outputs = {GRAD_OUT("X@GRAD", "shape of X")},
     .attrs = {IGNORED_VALUE, NORMALIZE}},
    {LOSS("huber_loss", "huber_loss", huber_shape, "huber_loss_grad"),
     .doc = "Residual r = Y - X; Out = r^2 / 2 where |r| <= delta, else delta * (|r| - delta "
            "/ 2).",
     .inputs = {FLOAT_IN("X", "any shape"), FLOAT_IN("Y", "shape of X")},
     .outputs = {{"Residual", FRT_FLOATS, FRT_SLOT_INTERMEDIATE, "shape of X"},
                 FLOAT_IN("Out", "shape of X")},
     .attrs = {NOT_NEGATIVE("delta", "where the square ends, >= 0")}},
    {LOSS("huber_loss_grad", "huber_loss_grad", huber_grad_shape, FRT_NO_GRAD),
     .doc = "Y@GRAD = Out@GRAD * Residual limited to [-delta, delta], X@GRAD = -Y@GRAD.",
     .inputs = {FLOAT_IN("Out@GRAD", "shape of X"), FLOAT_IN("Residual", "shape of X")},
     .outputs = {GRAD_OUT("X@GRAD", "shape of X"), GRAD_OUT("Y@GRAD", "shape of X")},
     .attrs = {NOT_NEGATIVE("delta", "where the square ends, >= 0")}},
    {LOSS("smooth_l1_loss", "smooth_l1_loss", smooth_shape, "smooth_l1_loss_grad"),
     .doc = "Diff d = (X - Y) * InsideWeight; Out = sum over a row of OutsideWeight * (sigma^2 "
            "d^2 / 2 where |d| < 1 / sigma^2, else |d| - 0.5 / sigma^2).",
     .inputs = {FLOAT_IN("X", "[N, ...]"), FLOAT_IN("Y", "shape of X"),
                WEIGHT("InsideWeight", "shape of X; absent: 1"),
                WEIGHT("OutsideWeight", "shape of X; absent: 1")},
     .outputs = {{"Diff", FRT_FLOATS, FRT_SLOT_INTERMEDIATE, "shape of X"},
                 FLOAT_IN("Out", "[N, 1]")},
     .attrs = {SIGMA}},
    {LOSS("smooth_l1_loss_grad", "smooth_l1_loss_grad", smooth_grad_shape, FRT_NO_GRAD),
     .doc = "X@GRAD = Out@GRAD * InsideWeight * OutsideWeight * (sigma^2 Diff where |Diff| < 1 "
            "/ sigma^2, else sign(Diff)), Y@GRAD = -X@GRAD.",
     .inputs = {FLOAT_IN("Diff", "[N, ...]"), WEIGHT("InsideWeight", "shape of Diff"),
                FLOAT_IN("Out@GRAD", "[N, 1]"), WEIGHT("OutsideWeight", "shape of Diff")},
     .outputs = {GRAD_OUT("X@GRAD", "shape of Diff"), GRAD_OUT("Y@GRAD", "shape of Diff")},
     .attrs = {SIGMA}},
    {LOSS("log_loss", "log_loss, for any shape", log_loss_shape, "log_loss_grad"),
     .doc = "Loss = -Labels * log(Predicted + epsilon) - (1 - Labels) * log(1 - Predicted + "
            "epsilon).",
     .inputs = {FLOAT_IN("Predicted", "any shape"), FLOAT_IN("Labels", "shape of Predicted")},
     .outputs = {FLOAT_IN("Loss", "shape of Predicted")},
     .attrs = {NOT_NEGATIVE("epsilon", "keeps the logarithms finite, >= 0")}},
    {LOSS("log_loss_grad", "log_loss_grad", log_loss_grad_shape, FRT_NO_GRAD),
     .doc = "Predicted@GRAD = Loss@GRAD * ((1 - Labels) / (1 - Predicted + epsilon) - Labels / "
            "(Predicted + epsilon)).",
     .inputs = {FLOAT_IN("Labels", "any shape"), FLOAT_IN("Loss@GRAD", "shape of Labels"),
                FLOAT_IN("Predicted", "shape of Labels")},
     .outputs = {GRAD_OUT("Predicted@GRAD", "shape of Labels")},
     .attrs = {NOT_NEGATIVE("epsilon", "keeps the logarithms finite, >= 0")}},
    {0}};
