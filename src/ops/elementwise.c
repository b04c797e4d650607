#include "broadcast.h"

static frt_status_t binary_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(broadcast_out(x, &out, err));
  return shape_out(x, "Out", out, err);
}

static frt_status_t binary_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *xs = frt_infer_in(x, "X"), *ys = frt_infer_in(x, "Y");
  const frt_shape_t *saved = frt_infer_in(x, "Out");
  frt_shape_t out;
  FRT_TRY(broadcast_out(x, &out, err));
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "X", &out, err));
  if (saved) FRT_TRY(shape_same("Out", saved, "X", &out, err));
  FRT_TRY(shape_out(x, "X@GRAD", *xs, err));
  return shape_out(x, "Y@GRAD", *ys, err);
}

#define Y_DOC "dims of X from axis on, or 1; trailing ones are dropped"
#define AXIS_DOC "where Y begins in X; -1: Y is aligned at the end of X"
#define AXIS {"axis", FRT_ATTR_INT, FRT_ATTR_DEFAULT, AXIS_DOC, -1}
#define ATTRS                                                        \
  .attrs = {AXIS, SHAPE_IGNORED_BOOL("use_mkldnn"),                  \
            SHAPE_IGNORED_STRING("x_data_format", ""),               \
            SHAPE_IGNORED_STRING("y_data_format", "")}

#define FORWARD(name, formula)                                       \
  {.type = name, .doc = formula,                                     \
   .source = "PaddlePaddle 1.8 op " name,                            \
   .inputs = {{"X", FRT_NUMBERS, 0, "any shape"},                    \
              {"Y", FRT_NUMBERS, 0, Y_DOC}},                         \
   .outputs = {{"Out", FRT_NUMBERS, 0, "shape of X"}},               \
   ATTRS, .infer_shape = binary_shape, .grad = name "_grad"}

/* `reads` is SHAPE_ONLY where X and Y give nothing but their dims. */
#define GRAD_SLOTS(reads)                                            \
  {"Out@GRAD", FRT_FLOATS, 0, "shape of X"},                         \
  {"X", FRT_FLOATS, reads, "any shape"}, {"Y", FRT_FLOATS, reads, Y_DOC}
#define GRAD_REST                                                    \
  .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"},  \
              {"Y@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Y"}}, \
  ATTRS, .infer_shape = binary_grad_shape, .grad = FRT_NO_GRAD
#define GRAD(name, formula, reads)                                   \
  {.type = name, .doc = formula,                                     \
   .source = "PaddlePaddle 1.8 op " name,                            \
   .inputs = {GRAD_SLOTS(reads)}, GRAD_REST}

FRT_OPS(elementwise) = {
    FORWARD("elementwise_add", "Out = X + Y, Y broadcast to X."),
    GRAD("elementwise_add_grad",
         "X@GRAD = Out@GRAD; Y@GRAD = Out@GRAD summed over the broadcast places.",
         FRT_SLOT_SHAPE_ONLY),
    FORWARD("elementwise_sub", "Out = X - Y, Y broadcast to X."),
    GRAD("elementwise_sub_grad",
         "X@GRAD = Out@GRAD; Y@GRAD = -Out@GRAD summed over the broadcast places.",
         FRT_SLOT_SHAPE_ONLY),
    FORWARD("elementwise_mul", "Out = X * Y, Y broadcast to X."),
    GRAD("elementwise_mul_grad",
         "X@GRAD = Out@GRAD * Y; Y@GRAD = Out@GRAD * X summed over the broadcast places.",
         0),
    FORWARD("elementwise_div",
            "Out = X / Y, Y broadcast to X; integers truncate toward zero."),
    {.type = "elementwise_div_grad",
     .doc = "X@GRAD = Out@GRAD / Y; Y@GRAD = -Out@GRAD * Out / Y summed over the "
            "broadcast places.",
     .source = "PaddlePaddle 1.8 op elementwise_div_grad",
     .inputs = {{"Out", FRT_FLOATS, 0, "shape of X"}, GRAD_SLOTS(0)},
     GRAD_REST},
    FORWARD("elementwise_max", "Out = the larger of X and Y, Y broadcast to X."),
    GRAD("elementwise_max_grad",
         "X@GRAD = Out@GRAD where X > Y, else 0; Y@GRAD = Out@GRAD where X <= Y, else 0, "
         "summed over the broadcast places.",
         0),
    {0}};
