#include "shape.h"

static frt_status_t from_x(const frt_infer_t *x, frt_error_t *err) {
  return shape_unary_grad(x, "X", err);
}
static frt_status_t from_out(const frt_infer_t *x, frt_error_t *err) {
  return shape_unary_grad(x, "Out", err);
}

#define LIBRARY_ATTRS \
  .attrs = {SHAPE_IGNORED_BOOL("use_mkldnn"), SHAPE_IGNORED_BOOL("use_cudnn")}
#define LIBRARY_GRAD_ATTRS \
  .attrs = {SHAPE_IGNORED_BOOL("use_cudnn"), SHAPE_IGNORED_BOOL("use_mkldnn")}

#define FORWARD(name, mask, formula, gradient)               \
  {.type = name, .doc = formula,                             \
   .source = "PaddlePaddle 1.8 op " name,                    \
   .inputs = {{"X", mask, 0, "any shape"}},                  \
   .outputs = {{"Out", mask, 0, "shape of X"}},              \
   LIBRARY_ATTRS, .infer_shape = shape_unary, .grad = gradient}

/* The gradient reads Out, not X. */
#define GRAD_FROM_OUT(name, formula)                                            \
  {.type = name, .doc = formula,                                                \
   .source = "PaddlePaddle 1.8 op " name,                                       \
   .inputs = {{"Out", FRT_FLOATS, 0, "any shape"},                              \
              {"Out@GRAD", FRT_FLOATS, 0, "shape of Out"}},                     \
   .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Out"}},      \
   LIBRARY_GRAD_ATTRS, .infer_shape = from_out, .grad = FRT_NO_GRAD}

FRT_OPS(activation) = {
    FORWARD("relu", FRT_FLOATS, "Out = X where X > 0, else 0; NaN stays NaN.", "relu_grad"),
    GRAD_FROM_OUT("relu_grad", "X@GRAD = Out@GRAD where Out > 0, else 0."),
    FORWARD("tanh", FRT_FLOATS, "Out = tanh(X).", "tanh_grad"),
    GRAD_FROM_OUT("tanh_grad", "X@GRAD = Out@GRAD * (1 - Out^2)."),
    FORWARD("sigmoid", FRT_FLOATS, "Out = 1 / (1 + exp(-X)).", "sigmoid_grad"),
    GRAD_FROM_OUT("sigmoid_grad", "X@GRAD = Out@GRAD * Out * (1 - Out)."),
    FORWARD("sqrt", FRT_FLOATS, "Out = sqrt(X).", "sqrt_grad"),
    GRAD_FROM_OUT("sqrt_grad", "X@GRAD = 0.5 * Out@GRAD / Out."),
    FORWARD("square", FRT_NUMBERS, "Out = X * X.", "square_grad"),
    {.type = "square_grad",
     .doc = "X@GRAD = 2 * X * Out@GRAD.",
     .source = "PaddlePaddle 1.8 op square_grad",
     .inputs = {{"Out@GRAD", FRT_FLOATS, 0, "shape of X"},
                {"X", FRT_FLOATS, 0, "any shape"}},
     .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},
     LIBRARY_GRAD_ATTRS,
     .infer_shape = from_x,
     .grad = FRT_NO_GRAD},
    /* Fluid's gradient of sign is `scale` by 0: nothing flows. */
    {.type = "sign",
     .doc = "Out = 1 where X > 0, -1 where X < 0, else 0; sign(NaN) = 0.",
     .source = "PaddlePaddle 1.8 op sign",
     .inputs = {{"X", FRT_FLOATS, 0, "any shape"}},
     .outputs = {{"Out", FRT_FLOATS, 0, "shape of X"}},
     .infer_shape = shape_unary,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
