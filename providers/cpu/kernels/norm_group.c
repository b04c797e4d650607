/* group_norm and instance_norm: sums a cell, joined to a group's (an instance is a group of
 * one channel), then one map over the tensor. */
#include "cells.h"
#include "fluidrt/op_index.h"
#include "norm.h"

typedef struct {
  frt_cpu_cells_t q;
  int64_t groups, size; /* size: channels of a group */
  float epsilon;
} group_t;
typedef group_t group_norm_t;
typedef group_t group_norm_grad_t;
typedef group_t instance_norm_t;
typedef group_t instance_norm_grad_t;

/* groups 0: one for each channel. */
static void group_make(group_t *s, const frt_api_tensor_t *x, int nhwc, int64_t groups,
                       float epsilon, uint64_t *workspace) {
  frt_cpu_cells_make(&s->q, x, nhwc, 0);
  s->groups = groups ? groups : s->q.c;
  s->size = s->groups ? s->q.c / s->groups : 0;
  s->epsilon = epsilon;
  *workspace = frt_cpu_cells_bytes(&s->q, frt_cpu_cells_count(&s->q));
}

typedef struct {
  const group_t *s;
  frt_cpu_cells_space_t at;
  const float *w, *bias, *mean, *spread; /* w, bias: NULL, ones and zeros */
  float *first, *second;                 /* may be NULL */
  int inverted;                          /* second holds, spread is, 1 / sqrt(...) */
} group_call_t;

static void for_groups(const frt_run_t *r, const group_t *s,
                       void (*fn)(void *arg, int64_t lo, int64_t hi), group_call_t *c) {
  frt_cpu_for(r, s->q.n * s->groups, frt_cpu_div_up(1024, s->size ? s->size : 1), fn, c);
}
/* The first cell of group i. */
static int64_t first_cell(const group_t *s, int64_t i) {
  return i / s->groups * s->q.c + i % s->groups * s->size;
}

/* ---- forward ----------------------------------------------------------------------------- */

/* A group's mean and variance, from its cells, which are of one size. */
static double join(const group_call_t *c, int64_t cell, double *variance) {
  const int64_t n = c->s->size;
  const double each = (double)c->s->q.s;
  double mean = 0.0, squares = 0.0;
  *variance = 0.0;
  if (c->s->q.s == 0) return 0.0;
  for (int64_t k = 0; k < n; ++k) mean += c->at.a[cell + k];
  mean /= (double)n;
  for (int64_t k = 0; k < n; ++k) {
    const double apart = c->at.a[cell + k] - mean;
    squares += c->at.b[cell + k] + apart * apart * each;
  }
  *variance = squares / ((double)n * each);
  return mean;
}

static void groups(void *arg, int64_t lo, int64_t hi) {
  const group_call_t *c = (const group_call_t *)arg;
  float *const *v = c->at.v;
  for (int64_t i = lo; i < hi; ++i) {
    const int64_t cell = first_cell(c->s, i), channel = cell % c->s->q.c;
    double variance;
    const double mean = join(c, cell, &variance);
    const double inverse = frt_cpu_norm_inverse(variance, c->s->epsilon);
    const float hi_part = (float)mean;
    if (c->first) c->first[i] = hi_part;
    if (c->second) c->second[i] = (float)(c->inverted ? inverse : variance);
    for (int64_t k = 0; k < c->s->size; ++k) {
      v[0][cell + k] = hi_part;
      v[1][cell + k] = frt_cpu_norm_rest(mean, hi_part);
      v[2][cell + k] = (float)(inverse * (c->w ? (double)c->w[channel + k] : 1.0));
      v[3][cell + k] = c->bias ? c->bias[channel + k] : 0.0f;
    }
  }
}

static frt_status_t forward(const frt_run_t *r, group_call_t *c, const float *x, float *y) {
  const group_t *s = c->s;
  c->at = frt_cpu_cells_space(r, &s->q, frt_cpu_cells_count(&s->q));
  frt_cpu_cells_moments(r, &s->q, x, c->at.a, c->at.b);
  for_groups(r, s, groups, c);
  const frt_cpu_cell_map_t m = frt_cpu_cells_map(&c->at, s->q.c);
  frt_cpu_cells_normalize(r, &s->q, x, &m, y);
  return FRT_OK;
}

static frt_status_t group_norm_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                       frt_error_t *err) {
  (void)err;
  group_make((group_t *)state, frt_in(op, FRT_GROUP_NORM_IN_X),
             !strcmp(frt_attr_str(op, FRT_GROUP_NORM_ATTR_DATA_LAYOUT), "NHWC"),
             frt_attr_i64(op, FRT_GROUP_NORM_ATTR_GROUPS),
             frt_attr_f32(op, FRT_GROUP_NORM_ATTR_EPSILON), workspace);
  return FRT_OK;
}
static frt_status_t group_norm_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  group_call_t c = {.s = (const group_t *)state,
                    .w = frt_cpu_in_or_null(r, FRT_GROUP_NORM_IN_SCALE),
                    .bias = frt_cpu_in_or_null(r, FRT_GROUP_NORM_IN_BIAS),
                    .first = frt_cpu_out_or_null(r, FRT_GROUP_NORM_OUT_MEAN),
                    .second = frt_cpu_out_or_null(r, FRT_GROUP_NORM_OUT_VARIANCE)};
  (void)err;
  return forward(r, &c, frt_in_f32(r, FRT_GROUP_NORM_IN_X),
                 frt_out_f32(r, FRT_GROUP_NORM_OUT_Y));
}

static frt_status_t instance_norm_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                          frt_error_t *err) {
  (void)err;
  group_make((group_t *)state, frt_in(op, FRT_INSTANCE_NORM_IN_X), 0, 0,
             frt_attr_f32(op, FRT_INSTANCE_NORM_ATTR_EPSILON), workspace);
  return FRT_OK;
}
static frt_status_t instance_norm_run(const void *state, const frt_run_t *r,
                                      frt_error_t *err) {
  group_call_t c = {.s = (const group_t *)state, .inverted = 1,
                    .w = frt_in_f32(r, FRT_INSTANCE_NORM_IN_SCALE),
                    .bias = frt_in_f32(r, FRT_INSTANCE_NORM_IN_BIAS),
                    .first = frt_cpu_out_or_null(r, FRT_INSTANCE_NORM_OUT_SAVEDMEAN),
                    .second = frt_cpu_out_or_null(r, FRT_INSTANCE_NORM_OUT_SAVEDVARIANCE)};
  (void)err;
  return forward(r, &c, frt_in_f32(r, FRT_INSTANCE_NORM_IN_X),
                 frt_out_f32(r, FRT_INSTANCE_NORM_OUT_Y));
}

/* ---- backward ---------------------------------------------------------------------------- */

/* x@grad = g v0 - v1 - (x - v3) v2. group_norm has Y for x, and in (x - v3) / w the
 * normalized value; instance_norm has it in (x - v3) * inverse. */
static void back_groups(void *arg, int64_t lo, int64_t hi) {
  const group_call_t *c = (const group_call_t *)arg;
  float *const *v = c->at.v;
  for (int64_t i = lo; i < hi; ++i) {
    const int64_t cell = first_cell(c->s, i), channel = cell % c->s->q.c;
    const double n = (double)c->s->size * (double)c->s->q.s;
    const double inverse = c->inverted ? (double)c->spread[i]
                                       : frt_cpu_norm_inverse((double)c->spread[i],
                                                              c->s->epsilon);
    double g = 0.0, gh = 0.0;
    for (int64_t k = 0; k < c->s->size; ++k) {
      const double w = c->w ? (double)c->w[channel + k] : 1.0;
      g += w * c->at.a[cell + k];
      gh += c->inverted ? w * c->at.b[cell + k] * inverse : w == 0 ? 0.0 : c->at.b[cell + k];
    }
    for (int64_t k = 0; k < c->s->size; ++k) {
      const double w = c->w ? (double)c->w[channel + k] : 1.0;
      const double to_h = c->inverted ? inverse : w == 0 ? 0.0 : 1.0 / w;
      v[0][cell + k] = (float)(w * inverse);
      v[1][cell + k] = c->w ? (float)(inverse * (g / n)) : 0.0f; /* Fluid's way */
      v[2][cell + k] = (float)(inverse * (gh / n) * to_h);
      v[3][cell + k] = c->inverted ? c->mean[cell] : c->bias ? c->bias[channel + k] : 0.0f;
    }
  }
}

/* The parameters: over all samples, in order. */
static void back_channels(void *arg, int64_t lo, int64_t hi) {
  const group_call_t *c = (const group_call_t *)arg;
  const frt_cpu_cells_t *q = &c->s->q;
  for (int64_t i = lo; i < hi; ++i) {
    const double w = c->w ? (double)c->w[i] : 1.0;
    double g = 0.0, gh = 0.0;
    for (int64_t k = 0; k < q->n; ++k) {
      g += c->at.a[k * q->c + i];
      gh += c->at.b[k * q->c + i] * (c->inverted ? (double)c->spread[k * q->c + i] : 1.0);
    }
    if (!c->inverted) gh = w == 0 ? 0.0 : gh / w;
    if (c->first) c->first[i] = (float)gh;
    if (c->second) c->second[i] = (float)g;
  }
}

static frt_status_t backward(const frt_run_t *r, group_call_t *c, const float *x,
                             const float *g, float *dx) {
  const group_t *s = c->s;
  c->at = frt_cpu_cells_space(r, &s->q, frt_cpu_cells_count(&s->q));
  frt_cpu_cells_sums(r, &s->q, x, g, c->inverted ? c->mean : c->bias,
                     c->inverted ? s->q.c : 0, c->at.a, c->at.b);
  frt_cpu_for(r, s->q.c, 64, back_channels, c);
  if (!dx) return FRT_OK;
  for_groups(r, s, back_groups, c);
  const frt_cpu_cell_map_t m = frt_cpu_cells_map(&c->at, s->q.c);
  frt_cpu_cells_back(r, &s->q, x, g, &m, dx);
  return FRT_OK;
}

static frt_status_t group_norm_grad_prepare(const frt_op_t *op, void *state,
                                            uint64_t *workspace, frt_error_t *err) {
  (void)err;
  group_make((group_t *)state, frt_in(op, FRT_GROUP_NORM_GRAD_IN_Y),
             !strcmp(frt_attr_str(op, FRT_GROUP_NORM_GRAD_ATTR_DATA_LAYOUT), "NHWC"),
             frt_attr_i64(op, FRT_GROUP_NORM_GRAD_ATTR_GROUPS),
             frt_attr_f32(op, FRT_GROUP_NORM_GRAD_ATTR_EPSILON), workspace);
  return FRT_OK;
}
static frt_status_t group_norm_grad_run(const void *state, const frt_run_t *r,
                                        frt_error_t *err) {
  group_call_t c = {.s = (const group_t *)state,
                    .w = frt_cpu_in_or_null(r, FRT_GROUP_NORM_GRAD_IN_SCALE),
                    .bias = frt_cpu_in_or_null(r, FRT_GROUP_NORM_GRAD_IN_BIAS),
                    .spread = frt_in_f32(r, FRT_GROUP_NORM_GRAD_IN_VARIANCE),
                    .first = frt_cpu_out_or_null(r, FRT_GROUP_NORM_GRAD_OUT_SCALE_GRAD),
                    .second = frt_cpu_out_or_null(r, FRT_GROUP_NORM_GRAD_OUT_BIAS_GRAD)};
  (void)err;
  return backward(r, &c, frt_in_f32(r, FRT_GROUP_NORM_GRAD_IN_Y),
                  frt_in_f32(r, FRT_GROUP_NORM_GRAD_IN_Y_GRAD),
                  frt_cpu_out_or_null(r, FRT_GROUP_NORM_GRAD_OUT_X_GRAD));
}

static frt_status_t instance_norm_grad_prepare(const frt_op_t *op, void *state,
                                               uint64_t *workspace, frt_error_t *err) {
  (void)err;
  group_make((group_t *)state, frt_in(op, FRT_INSTANCE_NORM_GRAD_IN_X), 0, 0, 0.0f,
             workspace);
  return FRT_OK;
}
static frt_status_t instance_norm_grad_run(const void *state, const frt_run_t *r,
                                           frt_error_t *err) {
  group_call_t c = {.s = (const group_t *)state, .inverted = 1,
                    .w = frt_in_f32(r, FRT_INSTANCE_NORM_GRAD_IN_SCALE),
                    .mean = frt_in_f32(r, FRT_INSTANCE_NORM_GRAD_IN_SAVEDMEAN),
                    .spread = frt_in_f32(r, FRT_INSTANCE_NORM_GRAD_IN_SAVEDVARIANCE),
                    .first = frt_cpu_out_or_null(r, FRT_INSTANCE_NORM_GRAD_OUT_SCALE_GRAD),
                    .second = frt_cpu_out_or_null(r, FRT_INSTANCE_NORM_GRAD_OUT_BIAS_GRAD)};
  (void)err;
  return backward(r, &c, frt_in_f32(r, FRT_INSTANCE_NORM_GRAD_IN_X),
                  frt_in_f32(r, FRT_INSTANCE_NORM_GRAD_IN_Y_GRAD),
                  frt_cpu_out_or_null(r, FRT_INSTANCE_NORM_GRAD_OUT_X_GRAD));
}

#define FORWARD_FLAGS (FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC)
FRT_KERNELS(cpu, norm_group) = {
    FRT_KERNEL("group_norm", FRT_F32S, group_norm, FORWARD_FLAGS),
    FRT_KERNEL("group_norm_grad", FRT_F32S, group_norm_grad, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("instance_norm", FRT_F32S, instance_norm, FORWARD_FLAGS),
    FRT_KERNEL("instance_norm_grad", FRT_F32S, instance_norm_grad, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
