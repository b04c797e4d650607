/* Kernels of ops that map one tensor element by element, written as expressions: of x
 * (the input, or what the gradient reads: X or Out), g (Out@GRAD) and p[] (the
 * attributes listed last, or REF_NO_ATTRS); MAG may also use the value v. */
#ifndef FRT_REFERENCE_UNARY_H
#define FRT_REFERENCE_UNARY_H

#include "ref.h"

enum { REF_NO_ATTRS = -1, REF_MOST_ATTRS = 4 };

static inline void ref_attrs(const frt_op_t *op, const int *attrs, int n, double *p) {
  for (int i = 0; i < n && attrs[i] != REF_NO_ATTRS; ++i) {
    const frt_api_attr_t *a = &op->attrs[attrs[i]];
    p[i] = a->type == FRT_ATTR_F32 ? (double)(float)a->v.f : (double)a->v.i;
  }
}

#define REF_ATTRS_(...)                                                       \
  static const int attrs[] = {__VA_ARGS__};                                   \
  double p[REF_MOST_ATTRS] = {0};                                             \
  ref_attrs(c->op, attrs, (int)(sizeof attrs / sizeof attrs[0]), p);          \
  (void)p, (void)err

#define REF_UNARY(stem, OP, VALUE, MAG, ...)                                  \
  static frt_status_t stem(const ref_call_t *c, frt_error_t *err) {           \
    const ref_tensor_t *in = ref_in(c, FRT_##OP##_IN_X);                      \
    const ref_tensor_t *out = ref_out(c, FRT_##OP##_OUT_OUT);                 \
    REF_ATTRS_(__VA_ARGS__);                                                  \
    for (int64_t i = 0; i < in->n; ++i) {                                     \
      const double x = in->v[i], v = (VALUE);                                 \
      ref_put(out, i, v, (MAG));                                              \
    }                                                                         \
    return FRT_OK;                                                            \
  }

/* FROM: X or OUT. */
#define REF_BACKWARD(stem, OP, FROM, VALUE, MAG, ...)                         \
  static frt_status_t stem(const ref_call_t *c, frt_error_t *err) {           \
    const ref_tensor_t *from = ref_in(c, FRT_##OP##_IN_##FROM);               \
    const ref_tensor_t *grad = ref_in(c, FRT_##OP##_IN_OUT_GRAD);             \
    const ref_tensor_t *dx = ref_out(c, FRT_##OP##_OUT_X_GRAD);               \
    REF_ATTRS_(__VA_ARGS__);                                                  \
    for (int64_t i = 0; dx && i < grad->n; ++i) {                             \
      const double x = from->v[i], g = grad->v[i], v = (VALUE);               \
      (void)x;                                                                \
      ref_put(dx, i, v, (MAG));                                               \
    }                                                                         \
    return FRT_OK;                                                            \
  }

#endif
