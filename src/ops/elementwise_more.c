#include "broadcast.h"

static frt_status_t binary_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(broadcast_out(x, &out, err));
  return shape_out(x, "Out", out, err);
}

static frt_status_t binary_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(broadcast_out(x, &out, err));
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "X", &out, err));
  FRT_TRY(shape_out(x, "X@GRAD", *frt_infer_in(x, "X"), err));
  return shape_out(x, "Y@GRAD", *frt_infer_in(x, "Y"), err);
}

#define Y_DOC "dims of X from axis on, or 1; trailing ones are dropped"
#define ATTRS                                                        \
  .attrs = {{"axis", FRT_ATTR_INT, FRT_ATTR_DEFAULT,                 \
             "where Y begins in X; -1: Y is aligned at the end of X", -1}, \
            SHAPE_IGNORED_BOOL("use_mkldnn"),                        \
            SHAPE_IGNORED_STRING("x_data_format", ""),               \
            SHAPE_IGNORED_STRING("y_data_format", "")}

#define FORWARD(name, dtypes, formula, grad_)                        \
  {.type = name, .doc = formula,                                     \
   .source = "PaddlePaddle 1.8 op " name,                            \
   .inputs = {{"X", dtypes, 0, "any shape"}, {"Y", dtypes, 0, Y_DOC}}, \
   .outputs = {{"Out", dtypes, 0, "shape of X"}},                    \
   ATTRS, .infer_shape = binary_shape, .grad = grad_}

#define GRAD(name, formula)                                          \
  {.type = name, .doc = formula,                                     \
   .source = "PaddlePaddle 1.8 op " name,                            \
   .inputs = {{"Out@GRAD", FRT_FLOATS, 0, "shape of X"},             \
              {"X", FRT_FLOATS, 0, "any shape"},                     \
              {"Y", FRT_FLOATS, 0, Y_DOC}},                          \
   .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"},  \
               {"Y@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Y"}}, \
   ATTRS, .infer_shape = binary_grad_shape, .grad = FRT_NO_GRAD}

FRT_OPS(elementwise_more) = {
    FORWARD("elementwise_min", FRT_NUMBERS,
            "Out = the smaller of X and Y, Y broadcast to X.", "elementwise_min_grad"),
    GRAD("elementwise_min_grad",
         "X@GRAD = Out@GRAD where X < Y, else 0; Y@GRAD = Out@GRAD where X >= Y, else 0, "
         "summed over the broadcast places."),
    FORWARD("elementwise_pow", FRT_NUMBERS,
            "Out = X to the power of Y, Y broadcast to X; integers wrap around, and a "
            "negative power of an integer truncates toward zero.",
            "elementwise_pow_grad"),
    GRAD("elementwise_pow_grad",
         "X@GRAD = Out@GRAD * Y * X^(Y - 1); Y@GRAD = Out@GRAD * log(X) * X^Y summed over "
         "the broadcast places."),
    FORWARD("elementwise_mod", FRT_NUMBERS,
            "Out = the remainder of X / Y with the sign of Y, Y broadcast to X.",
            FRT_NO_GRAD),
    FORWARD("elementwise_floordiv", FRT_INTS,
            "Out = X / Y of integers, truncated toward zero, Y broadcast to X.",
            FRT_NOT_DIFFERENTIABLE),
    {0}};
