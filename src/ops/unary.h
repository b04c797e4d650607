/* Schemas of ops that map one tensor element by element, and of their gradients. The
 * last argument of each is the list of attributes; UNARY_LIBRARY, its reverse and
 * UNARY_NONE are the common ones. */
#ifndef FRTI_OPS_UNARY_H
#define FRTI_OPS_UNARY_H

#include <float.h>

#include "shape.h"

static inline frt_status_t unary_from_x(const frt_infer_t *x, frt_error_t *err) {
  return shape_unary_grad(x, "X", err);
}
static inline frt_status_t unary_from_out(const frt_infer_t *x, frt_error_t *err) {
  return shape_unary_grad(x, "Out", err);
}

/* Choosers of a library, which mean nothing here; gradient ops list them by name. */
#define UNARY_NONE {0}
#define UNARY_LIBRARY SHAPE_IGNORED_BOOL("use_mkldnn"), SHAPE_IGNORED_BOOL("use_cudnn")
#define UNARY_LIBRARY_GRAD SHAPE_IGNORED_BOOL("use_cudnn"), SHAPE_IGNORED_BOOL("use_mkldnn")

/* A finite float attribute with a default. */
#define UNARY_F32(name, def, doc) UNARY_F32_FROM(name, def, -FLT_MAX, doc)
#define UNARY_F32_FROM(name, def, least, doc)                                   \
  {name, FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_RANGE, doc, def, NULL, least, FLT_MAX}

#define UNARY_CHECKED(name, formula, gradient, infer, ...) \
  {.type = name, .doc = formula,                           \
   .source = "PaddlePaddle 1.8 op " name,                  \
   .inputs = {{"X", FRT_FLOATS, 0, "any shape"}},          \
   .outputs = {{"Out", FRT_FLOATS, 0, "shape of X"}},      \
   .attrs = {__VA_ARGS__}, .infer_shape = infer, .grad = gradient}
#define UNARY(name, formula, gradient, ...) \
  UNARY_CHECKED(name, formula, gradient, shape_unary, __VA_ARGS__)

#define UNARY_GRAD_X_CHECKED(name, formula, infer, ...)                         \
  {.type = name, .doc = formula,                                                \
   .source = "PaddlePaddle 1.8 op " name,                                       \
   .inputs = {{"Out@GRAD", FRT_FLOATS, 0, "shape of X"},                        \
              {"X", FRT_FLOATS, 0, "any shape"}},                               \
   .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"}},        \
   .attrs = {__VA_ARGS__}, .infer_shape = infer, .grad = FRT_NO_GRAD}
#define UNARY_GRAD_X(name, formula, ...) \
  UNARY_GRAD_X_CHECKED(name, formula, unary_from_x, __VA_ARGS__)

#define UNARY_GRAD_OUT(name, formula, ...)                                      \
  {.type = name, .doc = formula,                                                \
   .source = "PaddlePaddle 1.8 op " name,                                       \
   .inputs = {{"Out", FRT_FLOATS, 0, "any shape"},                              \
              {"Out@GRAD", FRT_FLOATS, 0, "shape of Out"}},                     \
   .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Out"}},      \
   .attrs = {__VA_ARGS__}, .infer_shape = unary_from_out, .grad = FRT_NO_GRAD}

#endif
