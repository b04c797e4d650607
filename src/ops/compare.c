#include "broadcast.h"

static frt_status_t compare_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(broadcast_out(x, &out, err));
  return shape_out(x, "Out", shape_with(&out, FRT_BOOL), err);
}

static frt_status_t logical_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out = *frt_infer_in(x, "X");
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_same("Y", frt_infer_in(x, "Y"), "X", &out, err));
  shape_join(&out, frt_infer_in(x, "Y"));
  return shape_out(x, "Out", out, err);
}

#define COMPARED (FRT_NUMBERS | FRT_BOOLS)
#define COMPARE(name, formula)                                                 \
  {.type = name, .doc = formula,                                               \
   .source = "PaddlePaddle 1.8 op " name,                                      \
   .inputs = {{"X", COMPARED, 0, "any shape"},                                 \
              {"Y", COMPARED, 0, "dims of X from axis on, or 1; trailing ones dropped"}}, \
   .outputs = {{"Out", FRT_BOOLS, 0, "shape of X"}},                           \
   .attrs = {{"axis", FRT_ATTR_INT, FRT_ATTR_DEFAULT,                          \
              "where Y begins in X; -1: Y is aligned at the end of X", -1},    \
             SHAPE_IGNORED_BOOL("force_cpu")},                                 \
   .infer_shape = compare_shape, .grad = FRT_NOT_DIFFERENTIABLE}

#define LOGICAL(name, formula)                                                 \
  {.type = name, .doc = formula,                                               \
   .source = "PaddlePaddle 1.8 op " name,                                      \
   .inputs = {{"X", FRT_BOOLS, 0, "any shape"}, {"Y", FRT_BOOLS, 0, "shape of X"}}, \
   .outputs = {{"Out", FRT_BOOLS, 0, "shape of X"}},                           \
   .infer_shape = logical_shape, .grad = FRT_NOT_DIFFERENTIABLE}

FRT_OPS(compare) = {
    COMPARE("equal", "Out = (X == Y), Y broadcast to X."),
    COMPARE("not_equal", "Out = (X != Y), Y broadcast to X; true for NaN."),
    COMPARE("less_than", "Out = (X < Y), Y broadcast to X."),
    COMPARE("less_equal", "Out = (X <= Y), Y broadcast to X."),
    COMPARE("greater_than", "Out = (X > Y), Y broadcast to X."),
    COMPARE("greater_equal", "Out = (X >= Y), Y broadcast to X."),
    LOGICAL("logical_and", "Out = X and Y."),
    LOGICAL("logical_or", "Out = X or Y."),
    LOGICAL("logical_xor", "Out = (X != Y)."),
    {.type = "logical_not",
     .doc = "Out = not X.",
     .source = "PaddlePaddle 1.8 op logical_not",
     .inputs = {{"X", FRT_BOOLS, 0, "any shape"}},
     .outputs = {{"Out", FRT_BOOLS, 0, "shape of X"}},
     .infer_shape = shape_unary,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
