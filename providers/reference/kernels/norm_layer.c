#include "norm.h"

static ref_set_t row_of(const ref_axis_t *rows, int64_t row) {
  const int64_t width = rows->n * rows->inner;
  const ref_set_t s = {row * width, 1, 0, width, 1};
  return s;
}

static frt_status_t layer_norm(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_LAYER_NORM_IN_X);
  const ref_tensor_t *w = ref_in(c, FRT_LAYER_NORM_IN_SCALE);
  const ref_tensor_t *b = ref_in(c, FRT_LAYER_NORM_IN_BIAS);
  const ref_axis_t rows =
      ref_split(x->meta, frt_attr_i64(c->op, FRT_LAYER_NORM_ATTR_BEGIN_NORM_AXIS));
  const double eps = frt_attr_f32(c->op, FRT_LAYER_NORM_ATTR_EPSILON);
  (void)err;
  for (int64_t row = 0; row < rows.outer; ++row) {
    const ref_set_t s = row_of(&rows, row);
    const ref_moments_t m = ref_moments(&s, x->v);
    const double inverse = 1 / sqrt(m.variance + eps);
    for (int64_t k = 0; k < s.inner; ++k)
      ref_normalize(&m, x->v[s.first + k], inverse, ref_param(w, k, 1), ref_param(b, k, 0),
                    ref_out(c, FRT_LAYER_NORM_OUT_Y), s.first + k);
    ref_put_moments(&m, ref_out(c, FRT_LAYER_NORM_OUT_MEAN),
                    ref_out(c, FRT_LAYER_NORM_OUT_VARIANCE), row);
  }
  return FRT_OK;
}

static frt_status_t layer_norm_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_LAYER_NORM_GRAD_IN_X);
  const ref_tensor_t *dy = ref_in(c, FRT_LAYER_NORM_GRAD_IN_Y_GRAD);
  const ref_tensor_t *w = ref_in(c, FRT_LAYER_NORM_GRAD_IN_SCALE);
  const ref_tensor_t *dx = ref_out(c, FRT_LAYER_NORM_GRAD_OUT_X_GRAD);
  const ref_tensor_t *dw = ref_out(c, FRT_LAYER_NORM_GRAD_OUT_SCALE_GRAD);
  const ref_tensor_t *db = ref_out(c, FRT_LAYER_NORM_GRAD_OUT_BIAS_GRAD);
  const ref_axis_t rows =
      ref_split(x->meta, frt_attr_i64(c->op, FRT_LAYER_NORM_GRAD_ATTR_BEGIN_NORM_AXIS));
  const double eps = frt_attr_f32(c->op, FRT_LAYER_NORM_GRAD_ATTR_EPSILON);
  (void)err;
  ref_clear(dw);
  ref_clear(db);
  for (int64_t row = 0; row < rows.outer; ++row) {
    const ref_set_t s = row_of(&rows, row);
    const double mean = ref_in(c, FRT_LAYER_NORM_GRAD_IN_MEAN)->v[row];
    const double variance = ref_in(c, FRT_LAYER_NORM_GRAD_IN_VARIANCE)->v[row];
    const double inverse = 1 / sqrt(variance + eps);
    ref_back_t back = {0, 0, 0, 0};
    for (int64_t k = 0; k < s.inner; ++k) {
      const double g = dy->v[s.first + k], h = (x->v[s.first + k] - mean) * inverse;
      ref_back_add(&back, g * ref_param(w, k, 1), h, (double)s.inner);
      ref_gather(dw, k, g * h);
      ref_gather(db, k, g);
    }
    for (int64_t k = 0; dx && k < s.inner; ++k)
      ref_back_put(&back, dy->v[s.first + k] * ref_param(w, k, 1),
                   (x->v[s.first + k] - mean) * inverse, inverse, dx, s.first + k);
  }
  return FRT_OK;
}

REF_KERNELS(norm_layer) = {{"layer_norm", FRT_FLOATS, layer_norm, NULL, 0},
                           {"layer_norm_grad", FRT_FLOATS, layer_norm_grad, NULL, 0},
                           REF_END};
