/* layer_norm: a row is normalized while it is in the cache. The sums over rows of its
 * gradient run in chunks of rows that the shape alone decides. */
#include "fluidrt/op_index.h"
#include "norm.h"

typedef struct {
  int64_t rows, width;
  float epsilon;
  int64_t chunk, chunks; /* rows of a chunk; the gradient's */
} layer_t;

static void layer_make(layer_t *s, const frt_api_tensor_t *x, int64_t axis, float epsilon) {
  s->rows = s->width = 1;
  for (int64_t d = 0; d < (int64_t)x->rank; ++d)
    *(d < axis ? &s->rows : &s->width) *= x->dims[d];
  s->epsilon = epsilon;
}

/* Vectors that are absent are ones and zeros in the workspace. */
static const float *params(const frt_run_t *r, int slot, int64_t offset, int64_t n,
                           float absent) {
  float *to;
  if (frt_has_in(r, slot)) return frt_in_f32(r, slot);
  to = (float *)frt_cpu_workspace(r, offset);
  for (int64_t i = 0; i < n; ++i) to[i] = absent;
  return to;
}

static int64_t row_grain(const layer_t *s) {
  return frt_cpu_div_up(FRT_CPU_GRAIN, s->width ? s->width : 1);
}

/* ---- forward ---------------------------------------------------------------------------- */

typedef layer_t layer_norm_t;

typedef struct {
  const layer_t *s;
  const float *x, *w, *b;
  float *y, *mean, *variance;
} layer_call_t;

FRT_CPU_BODY void normalize_body(float *y, const float *x, const float *w, const float *b,
                                 float hi, float lo, float inverse, int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t i = 0; i < n; ++i) y[i] = ((x[i] - hi) - lo) * inverse * w[i] + b[i];
}
FRT_CPU_VARIANTS(normalize,
                 (float *y, const float *x, const float *w, const float *b, float hi, float lo,
                  float inverse, int64_t n), (y, x, w, b, hi, lo, inverse, n))

static frt_status_t layer_norm_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                       frt_error_t *err) {
  layer_t *s = (layer_t *)state;
  (void)err;
  layer_make(s, frt_in(op, FRT_LAYER_NORM_IN_X),
             frt_attr_i64(op, FRT_LAYER_NORM_ATTR_BEGIN_NORM_AXIS),
             frt_attr_f32(op, FRT_LAYER_NORM_ATTR_EPSILON));
  if (!frt_has_in(op, FRT_LAYER_NORM_IN_SCALE) || !frt_has_in(op, FRT_LAYER_NORM_IN_BIAS))
    *workspace = 2 * sizeof(float) * (uint64_t)s->width;
  return FRT_OK;
}

static void layer_rows(void *arg, int64_t lo, int64_t hi) {
  const layer_call_t *c = (const layer_call_t *)arg;
  const int64_t n = c->s->width;
  for (int64_t row = lo; row < hi; ++row) {
    const frt_cpu_moments_t m = frt_cpu_moments(c->x + row * n, n);
    const double variance = n ? m.squares / (double)n : 0.0;
    const float mean = (float)m.mean;
    normalize(c->y + row * n, c->x + row * n, c->w, c->b, mean,
              frt_cpu_norm_rest(m.mean, mean),
              (float)frt_cpu_norm_inverse(variance, c->s->epsilon), n);
    if (c->mean) c->mean[row] = mean;
    if (c->variance) c->variance[row] = (float)variance;
  }
}

static frt_status_t layer_norm_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const layer_t *s = (const layer_t *)state;
  layer_call_t c = {.s = s, .x = frt_in_f32(r, FRT_LAYER_NORM_IN_X),
                    .y = frt_out_f32(r, FRT_LAYER_NORM_OUT_Y)};
  (void)err;
  c.w = params(r, FRT_LAYER_NORM_IN_SCALE, 0, s->width, 1.0f);
  c.b = params(r, FRT_LAYER_NORM_IN_BIAS, (int64_t)sizeof(float) * s->width, s->width, 0.0f);
  if (frt_has_out(r, FRT_LAYER_NORM_OUT_MEAN))
    c.mean = frt_out_f32(r, FRT_LAYER_NORM_OUT_MEAN);
  if (frt_has_out(r, FRT_LAYER_NORM_OUT_VARIANCE))
    c.variance = frt_out_f32(r, FRT_LAYER_NORM_OUT_VARIANCE);
  frt_cpu_for(r, s->rows, row_grain(s), layer_rows, &c);
  return FRT_OK;
}

/* ---- backward --------------------------------------------------------------------------- */

typedef layer_t layer_norm_grad_t;

/* Sums over all rows are kept in double for each chunk, Bias@GRAD's behind Scale@GRAD's. */
enum { CHUNKS = 32, CHUNK_ROWS = 8, CHUNK_CELLS = 1 << 21 };

typedef struct {
  const layer_t *s;
  const float *x, *g, *w, *mean, *variance;
  float *dx, *dw, *db;
  double *acc; /* NULL: neither dw nor db is asked for */
} back_call_t;

FRT_CPU_NORM_SUMS(back_sums, G, G * (X - P), FRT_CPU_NORM_XGW)

/* dx = (g w - g0 - (x - mean) g1) inverse. */
FRT_CPU_BODY void back_body(float *dx, const float *x, const float *g, const float *w,
                            float mean, float g0, float g1, float inverse, int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t i = 0; i < n; ++i)
    dx[i] = (g[i] * w[i] - g0 - (x[i] - mean) * g1) * inverse;
}
FRT_CPU_VARIANTS(back,
                 (float *dx, const float *x, const float *g, const float *w, float mean,
                  float g0, float g1, float inverse, int64_t n),
                 (dx, x, g, w, mean, g0, g1, inverse, n))

/* Adds CHUNK_ROWS rows to the sums: eight fp32 terms first, then one double. */
FRT_CPU_BODY void gather_8_body(double *dw, double *db, const float *x, const float *g,
                                const float *mean, const float *inverse, int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    float w = 0.0f, b = 0.0f;
    for (int k = 0; k < CHUNK_ROWS; ++k) {
      w += g[k * n + i] * ((x[k * n + i] - mean[k]) * inverse[k]);
      b += g[k * n + i];
    }
    dw[i] += (double)w;
    db[i] += (double)b;
  }
}
FRT_CPU_VARIANTS(gather_8,
                 (double *dw, double *db, const float *x, const float *g, const float *mean,
                  const float *inverse, int64_t n), (dw, db, x, g, mean, inverse, n))
FRT_CPU_BODY void gather_1_body(double *dw, double *db, const float *x, const float *g,
                                float mean, float inverse, int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    dw[i] += (double)(g[i] * ((x[i] - mean) * inverse));
    db[i] += (double)g[i];
  }
}
FRT_CPU_VARIANTS(gather_1,
                 (double *dw, double *db, const float *x, const float *g, float mean,
                  float inverse, int64_t n), (dw, db, x, g, mean, inverse, n))

static void gather_rows(const back_call_t *c, double *acc, int64_t row, int64_t rows,
                        const float *inverse) {
  const int64_t n = c->s->width, at = row * n;
  if (rows == CHUNK_ROWS) {
    gather_8(acc, acc + n, c->x + at, c->g + at, c->mean + row, inverse, n);
    return;
  }
  for (int64_t k = 0; k < rows; ++k)
    gather_1(acc, acc + n, c->x + at + k * n, c->g + at + k * n, c->mean[row + k], inverse[k],
             n);
}

static void back_row(const back_call_t *c, int64_t row, double inverse) {
  const int64_t n = c->s->width;
  const float *x = c->x + row * n, *g = c->g + row * n;
  double g0 = 0.0, g1 = 0.0;
  for (int64_t at = 0; at < n; at += FRT_CPU_BLOCK) {
    double s[2];
    back_sums(x + at, g + at, c->w + at, (double)c->mean[row],
              n - at < FRT_CPU_BLOCK ? n - at : FRT_CPU_BLOCK, s);
    g0 += s[0];
    g1 += s[1];
  }
  back(c->dx + row * n, x, g, c->w, c->mean[row], (float)(g0 / (double)n),
       (float)(g1 / (double)n * inverse * inverse), (float)inverse, n);
}

static void back_chunks(void *arg, int64_t lo, int64_t hi) {
  const back_call_t *c = (const back_call_t *)arg;
  const layer_t *s = c->s;
  for (int64_t chunk = lo; chunk < hi; ++chunk) {
    const int64_t stop = (chunk + 1) * s->chunk < s->rows ? (chunk + 1) * s->chunk : s->rows;
    double *acc = c->acc ? c->acc + chunk * 2 * s->width : NULL;
    for (int64_t i = 0; acc && i < 2 * s->width; ++i) acc[i] = 0.0;
    for (int64_t row = chunk * s->chunk; row < stop; row += CHUNK_ROWS) {
      const int64_t rows = stop - row < CHUNK_ROWS ? stop - row : CHUNK_ROWS;
      float inverse[CHUNK_ROWS];
      for (int64_t k = 0; k < rows; ++k) {
        const double v = frt_cpu_norm_inverse((double)c->variance[row + k], s->epsilon);
        inverse[k] = (float)v;
        if (c->dx) back_row(c, row + k, v);
      }
      if (acc) gather_rows(c, acc, row, rows, inverse);
    }
  }
}

static void fold_chunks(void *arg, int64_t lo, int64_t hi) {
  const back_call_t *c = (const back_call_t *)arg;
  const int64_t n = c->s->width;
  for (int64_t i = lo; i < hi; ++i) {
    double w = 0.0, b = 0.0;
    for (int64_t k = 0; k < c->s->chunks; ++k) {
      w += c->acc[2 * k * n + i];
      b += c->acc[(2 * k + 1) * n + i];
    }
    if (c->dw) c->dw[i] = (float)w;
    if (c->db) c->db[i] = (float)b;
  }
}

static frt_status_t layer_norm_grad_prepare(const frt_op_t *op, void *state,
                                            uint64_t *workspace, frt_error_t *err) {
  layer_t *s = (layer_t *)state;
  int64_t most = CHUNKS;
  (void)err;
  layer_make(s, frt_in(op, FRT_LAYER_NORM_GRAD_IN_X),
             frt_attr_i64(op, FRT_LAYER_NORM_GRAD_ATTR_BEGIN_NORM_AXIS),
             frt_attr_f32(op, FRT_LAYER_NORM_GRAD_ATTR_EPSILON));
  if (most * s->width > CHUNK_CELLS) most = CHUNK_CELLS / s->width;
  if (most < 1) most = 1;
  s->chunk = frt_cpu_div_up(frt_cpu_div_up(s->rows, most), CHUNK_ROWS) * CHUNK_ROWS;
  s->chunks = s->chunk ? frt_cpu_div_up(s->rows, s->chunk) : 0;
  *workspace = 2 * sizeof(double) * (uint64_t)(s->chunks * s->width);
  if (!frt_has_in(op, FRT_LAYER_NORM_GRAD_IN_SCALE))
    *workspace += sizeof(float) * (uint64_t)s->width;
  return FRT_OK;
}

static frt_status_t layer_norm_grad_run(const void *state, const frt_run_t *r,
                                        frt_error_t *err) {
  const layer_t *s = (const layer_t *)state;
  back_call_t c = {.s = s, .x = frt_in_f32(r, FRT_LAYER_NORM_GRAD_IN_X),
                   .g = frt_in_f32(r, FRT_LAYER_NORM_GRAD_IN_Y_GRAD),
                   .mean = frt_in_f32(r, FRT_LAYER_NORM_GRAD_IN_MEAN),
                   .variance = frt_in_f32(r, FRT_LAYER_NORM_GRAD_IN_VARIANCE)};
  (void)err;
  c.w = params(r, FRT_LAYER_NORM_GRAD_IN_SCALE,
               2 * (int64_t)sizeof(double) * s->chunks * s->width, s->width, 1.0f);
  c.dx = frt_cpu_out_or_null(r, FRT_LAYER_NORM_GRAD_OUT_X_GRAD);
  c.dw = frt_cpu_out_or_null(r, FRT_LAYER_NORM_GRAD_OUT_SCALE_GRAD);
  c.db = frt_cpu_out_or_null(r, FRT_LAYER_NORM_GRAD_OUT_BIAS_GRAD);
  if (c.dw || c.db) c.acc = (double *)r->workspace;
  frt_cpu_for(r, s->chunks, frt_cpu_div_up(FRT_CPU_GRAIN, s->chunk * s->width + 1),
              back_chunks, &c);
  if (c.dw || c.db) frt_cpu_for(r, s->width, 1024, fold_chunks, &c);
  return FRT_OK;
}

FRT_KERNELS(cpu, norm_layer) = {
    FRT_KERNEL("layer_norm", FRT_F32S, layer_norm,
               FRT_KERNEL_INPLACE | FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("layer_norm_grad", FRT_F32S, layer_norm_grad, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
