/* batch_norm: sums a cell, joined to a channel's, then one map over the tensor. */
#include "cells.h"
#include "fluidrt/op_index.h"
#include "norm.h"

typedef struct {
  frt_cpu_cells_t q;
  float epsilon, momentum;
  int32_t global; /* Mean and Variance are what normalizes */
  int32_t passes; /* fewer than two elements a channel, and they are not: Y = X */
  int64_t size;   /* elements of a channel */
} batch_t;
typedef batch_t batch_norm_t;
typedef batch_t batch_norm_grad_t;

static void batch_make(batch_t *s, const frt_api_tensor_t *x, const char *layout, int global,
                       float epsilon) {
  frt_cpu_cells_make(&s->q, x, !strcmp(layout, "NHWC"), 1);
  s->size = s->q.last ? s->q.rows : s->q.n * s->q.s;
  s->epsilon = epsilon;
  s->global = global;
  s->passes = !global && s->size < 2;
}

typedef struct {
  const batch_t *s;
  frt_cpu_cells_space_t at; /* numbers of a map for each channel */
  const float *w, *bias, *mean, *variance;
  float *mean_out, *variance_out, *first, *second; /* Saved..., or ...@GRAD; may be NULL */
  double momentum;
} batch_call_t;

/* ---- forward ----------------------------------------------------------------------------- */

static frt_status_t batch_norm_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                       frt_error_t *err) {
  batch_t *s = (batch_t *)state;
  (void)err;
  batch_make(s, frt_in(op, FRT_BATCH_NORM_IN_X),
             frt_attr_str(op, FRT_BATCH_NORM_ATTR_DATA_LAYOUT),
             frt_attr_bool(op, FRT_BATCH_NORM_ATTR_USE_GLOBAL_STATS) ||
                 (frt_attr_bool(op, FRT_BATCH_NORM_ATTR_IS_TEST) &&
                  !frt_attr_bool(op, FRT_BATCH_NORM_ATTR_TRAINABLE_STATISTICS)),
             frt_attr_f32(op, FRT_BATCH_NORM_ATTR_EPSILON));
  s->momentum = frt_attr_f32(op, FRT_BATCH_NORM_ATTR_MOMENTUM);
  *workspace = frt_cpu_cells_bytes(&s->q, s->q.c);
  return FRT_OK;
}

/* A channel's mean and variance, from its cells. */
static double join(const batch_call_t *c, int64_t channel, double *variance) {
  const frt_cpu_cells_t *q = &c->s->q;
  double sum = 0.0, squares = 0.0;
  for (int64_t k = 0; k < q->n; ++k)
    sum += c->at.a[k * q->c + channel] * (double)frt_cpu_cell_size(q, k);
  const double mean = sum / (double)c->s->size;
  for (int64_t k = 0; k < q->n; ++k) {
    const double apart = c->at.a[k * q->c + channel] - mean;
    squares += c->at.b[k * q->c + channel] + apart * apart * (double)frt_cpu_cell_size(q, k);
  }
  *variance = squares / (double)c->s->size;
  return mean;
}

static void channels(void *arg, int64_t lo, int64_t hi) {
  const batch_call_t *c = (const batch_call_t *)arg;
  for (int64_t i = lo; i < hi; ++i) {
    double mean = (double)c->mean[i], variance = (double)c->variance[i];
    if (!c->s->global) {
      const double m = c->momentum;
      mean = join(c, i, &variance);
      if (c->mean_out) c->mean_out[i] = (float)((double)c->mean[i] * m + mean * (1.0 - m));
      if (c->variance_out)
        c->variance_out[i] = (float)((double)c->variance[i] * m + variance * (1.0 - m));
    }
    const double inverse = frt_cpu_norm_inverse(variance, c->s->epsilon);
    c->at.v[0][i] = (float)mean;
    c->at.v[1][i] = frt_cpu_norm_rest(mean, c->at.v[0][i]);
    c->at.v[2][i] = (float)(inverse * (double)c->w[i]);
    c->at.v[3][i] = c->bias[i];
    if (c->first) c->first[i] = c->at.v[0][i];
    if (c->second) c->second[i] = (float)inverse;
  }
}

static void keep(float *to, const float *from, int64_t n) {
  if (to && to != from && n) memcpy(to, from, (size_t)n * sizeof *to);
}

/* Fewer than two elements a channel. */
static void pass(const batch_call_t *c, const float *x, float *y, int64_t n) {
  const int64_t channels = c->s->q.c;
  keep(y, x, n);
  if (c->first && channels) memset(c->first, 0, (size_t)channels * sizeof *c->first);
  if (c->second && channels) memset(c->second, 0, (size_t)channels * sizeof *c->second);
}

static frt_status_t batch_norm_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const batch_t *s = (const batch_t *)state;
  const float *x = frt_in_f32(r, FRT_BATCH_NORM_IN_X);
  float *y = frt_out_f32(r, FRT_BATCH_NORM_OUT_Y);
  batch_call_t c = {.s = s, .at = frt_cpu_cells_space(r, &s->q, s->q.c)};
  (void)err;
  c.w = frt_in_f32(r, FRT_BATCH_NORM_IN_SCALE);
  c.bias = frt_in_f32(r, FRT_BATCH_NORM_IN_BIAS);
  c.mean = frt_in_f32(r, FRT_BATCH_NORM_IN_MEAN);
  c.variance = frt_in_f32(r, FRT_BATCH_NORM_IN_VARIANCE);
  c.mean_out = frt_cpu_out_or_null(r, FRT_BATCH_NORM_OUT_MEANOUT);
  c.variance_out = frt_cpu_out_or_null(r, FRT_BATCH_NORM_OUT_VARIANCEOUT);
  c.first = frt_cpu_out_or_null(r, FRT_BATCH_NORM_OUT_SAVEDMEAN);
  c.second = frt_cpu_out_or_null(r, FRT_BATCH_NORM_OUT_SAVEDVARIANCE);
  c.momentum = (double)(frt_has_in(r, FRT_BATCH_NORM_IN_MOMENTUMTENSOR)
                            ? frt_in_f32(r, FRT_BATCH_NORM_IN_MOMENTUMTENSOR)[0]
                            : s->momentum);
  if (s->passes || s->global) {
    keep(c.mean_out, c.mean, s->q.c);
    keep(c.variance_out, c.variance, s->q.c);
  }
  if (s->passes) {
    pass(&c, x, y, frt_in_numel(r, FRT_BATCH_NORM_IN_X));
    return FRT_OK;
  }
  if (!s->global) frt_cpu_cells_moments(r, &s->q, x, c.at.a, c.at.b);
  frt_cpu_for(r, s->q.c, 64, channels, &c);
  const frt_cpu_cell_map_t m = frt_cpu_cells_map(&c.at, 0);
  frt_cpu_cells_normalize(r, &s->q, x, &m, y);
  return FRT_OK;
}

/* ---- backward ---------------------------------------------------------------------------- */

static frt_status_t batch_norm_grad_prepare(const frt_op_t *op, void *state,
                                            uint64_t *workspace, frt_error_t *err) {
  batch_t *s = (batch_t *)state;
  (void)err;
  batch_make(s, frt_in(op, FRT_BATCH_NORM_GRAD_IN_X),
             frt_attr_str(op, FRT_BATCH_NORM_GRAD_ATTR_DATA_LAYOUT),
             frt_attr_bool(op, FRT_BATCH_NORM_GRAD_ATTR_USE_GLOBAL_STATS),
             frt_attr_f32(op, FRT_BATCH_NORM_GRAD_ATTR_EPSILON));
  *workspace = frt_cpu_cells_bytes(&s->q, s->q.c);
  return FRT_OK;
}

/* The sums of a channel, and what the map needs: x@grad = g v0 - v1 - (x - v3) v2. */
static void back_channels(void *arg, int64_t lo, int64_t hi) {
  const batch_call_t *c = (const batch_call_t *)arg;
  const frt_cpu_cells_t *q = &c->s->q;
  for (int64_t i = lo; i < hi; ++i) {
    const double inverse = c->s->global
                               ? frt_cpu_norm_inverse((double)c->variance[i], c->s->epsilon)
                               : (double)c->variance[i];
    const double a = inverse * (double)c->w[i], n = (double)c->s->size;
    double sum = 0.0, product = 0.0;
    for (int64_t k = 0; k < q->n; ++k) {
      sum += c->at.a[k * q->c + i];
      product += c->at.b[k * q->c + i];
    }
    if (c->first) c->first[i] = (float)(product * inverse);
    if (c->second) c->second[i] = (float)sum;
    c->at.v[0][i] = (float)a;
    c->at.v[1][i] = c->s->global ? 0.0f : (float)(a * (sum / n));
    c->at.v[2][i] = c->s->global ? 0.0f : (float)(a * (inverse * inverse * (product / n)));
    c->at.v[3][i] = c->mean[i];
  }
}

static frt_status_t batch_norm_grad_run(const void *state, const frt_run_t *r,
                                        frt_error_t *err) {
  const batch_t *s = (const batch_t *)state;
  const float *x = frt_in_f32(r, FRT_BATCH_NORM_GRAD_IN_X);
  const float *g = frt_in_f32(r, FRT_BATCH_NORM_GRAD_IN_Y_GRAD);
  float *dx = frt_cpu_out_or_null(r, FRT_BATCH_NORM_GRAD_OUT_X_GRAD);
  batch_call_t c = {.s = s, .at = frt_cpu_cells_space(r, &s->q, s->q.c)};
  (void)err;
  c.w = frt_in_f32(r, FRT_BATCH_NORM_GRAD_IN_SCALE);
  c.mean = frt_in_f32(r, s->global ? FRT_BATCH_NORM_GRAD_IN_MEAN
                                   : FRT_BATCH_NORM_GRAD_IN_SAVEDMEAN);
  c.variance = frt_in_f32(r, s->global ? FRT_BATCH_NORM_GRAD_IN_VARIANCE
                                       : FRT_BATCH_NORM_GRAD_IN_SAVEDVARIANCE);
  c.first = frt_cpu_out_or_null(r, FRT_BATCH_NORM_GRAD_OUT_SCALE_GRAD);
  c.second = frt_cpu_out_or_null(r, FRT_BATCH_NORM_GRAD_OUT_BIAS_GRAD);
  if (s->passes) {
    pass(&c, g, dx, frt_in_numel(r, FRT_BATCH_NORM_GRAD_IN_Y_GRAD));
    return FRT_OK;
  }
  frt_cpu_cells_sums(r, &s->q, x, g, c.mean, 0, c.at.a, c.at.b);
  frt_cpu_for(r, s->q.c, 64, back_channels, &c);
  const frt_cpu_cell_map_t m = frt_cpu_cells_map(&c.at, 0);
  if (dx) frt_cpu_cells_back(r, &s->q, x, g, &m, dx);
  return FRT_OK;
}

FRT_KERNELS(cpu, norm_batch) = {
    FRT_KERNEL("batch_norm", FRT_F32S, batch_norm,
               FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("batch_norm_grad", FRT_F32S, batch_norm_grad, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
