#include "reduce.h"

static frt_status_t reduce_mean_shape(const frt_infer_t *x, frt_error_t *err) {
  return reduce_some_shape(x, "mean", err);
}
static frt_status_t reduce_min_shape(const frt_infer_t *x, frt_error_t *err) {
  return reduce_some_shape(x, "minimum", err);
}

#define X_GRAD_IN(flags) {"X", FRT_FLOATS, flags, "any shape"}
#define OUT_IN {"Out", FRT_FLOATS, 0, REDUCED_DOC}
#define G_IN {"Out@GRAD", FRT_FLOATS, 0, REDUCED_DOC}

FRT_OPS(reduce_more) = {
    REDUCE_FORWARD("reduce_mean", "Out = mean of X over the axes dim.", FRT_FLOATS,
                   reduce_mean_shape),
    {.type = "reduce_mean_grad",
     .doc = "X@GRAD = Out@GRAD / number of elements in each mean, repeated along the reduced "
            "axes.",
     .source = "PaddlePaddle 1.8 op reduce_mean_grad",
     .inputs = {G_IN, X_GRAD_IN(FRT_SLOT_SHAPE_ONLY)},
     REDUCE_GRAD_REST},
    REDUCE_FORWARD("reduce_min", "Out = minimum of X over the axes dim.", FRT_NUMBERS,
                   reduce_min_shape),
    {.type = "reduce_min_grad",
     .doc = "X@GRAD = Out@GRAD where X = Out, at every tied place, else 0.",
     .source = "PaddlePaddle 1.8 op reduce_min_grad",
     .inputs = {OUT_IN, G_IN, X_GRAD_IN(0)},
     REDUCE_GRAD_REST},
    REDUCE_FORWARD("reduce_prod", "Out = product of X over the axes dim.", FRT_NUMBERS,
                   reduce_shape),
    {.type = "reduce_prod_grad",
     .doc = "X@GRAD = Out@GRAD * product of the other elements of X that are reduced with it.",
     .source = "PaddlePaddle 1.8 op reduce_prod_grad, which divides Out by X: 0 / 0 where X "
               "is 0",
     .inputs = {OUT_IN, G_IN, X_GRAD_IN(0)},
     REDUCE_GRAD_REST},
    {0}};
