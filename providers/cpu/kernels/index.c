#include "fluidrt/op_index.h"
#include "loop.h"
#undef A
#undef B

static int64_t id_at(const frt_api_tensor_t *ids, int64_t i) {
  return ids->dtype == FRT_I32 ? ((const int32_t *)ids->data)[i]
                               : ((const int64_t *)ids->data)[i];
}

/* Before anything is written. */
static frt_status_t check(const frt_api_tensor_t *ids, const char *slot, int64_t n,
                          const char *of, frt_error_t *err) {
  for (int64_t i = 0; i < ids->numel; ++i) {
    const int64_t v = id_at(ids, i);
    if (v >= 0 && v < n) continue;
    frt_fail(err, FRT_OUT_OF_RANGE, "%s: element %lld is %lld; wanted 0 to %lld, %s", slot,
             (long long)i, (long long)v, (long long)n - 1, of);
    if (err) snprintf(err->name, sizeof err->name, "%s", slot);
    return FRT_OUT_OF_RANGE;
  }
  return FRT_OK;
}

/* The floats that a gradient of integer positions writes. */
static frt_reason_t not_f32(const frt_api_tensor_t *g, char detail[160]) {
  if (g->dtype == FRT_F32) return FRT_REASON_NONE;
  snprintf(detail, 160, "Out@GRAD has dtype %s; the kernel takes float32",
           frt_dtype_name(g->dtype));
  return FRT_REASON_DTYPE;
}

/* ---- gather --------------------------------------------------------------------------- */

typedef struct {
  const frt_api_tensor_t *ids;
  const char *from;
  char *to;
  int64_t row; /* bytes, or elements of a gradient */
  int replace;
} rows_t;

static void gather_rows(void *arg, int64_t lo, int64_t hi) {
  const rows_t *c = (const rows_t *)arg;
  for (int64_t i = lo; i < hi; ++i)
    memcpy(c->to + i * c->row, c->from + id_at(c->ids, i) * c->row, (size_t)c->row);
}

static frt_status_t gather_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(r, FRT_GATHER_IN_X);
  const frt_api_tensor_t *out = frt_out(r, FRT_GATHER_OUT_OUT);
  rows_t c = {frt_in(r, FRT_GATHER_IN_INDEX), (const char *)x->data, (char *)out->data, 0, 0};
  (void)state;
  FRT_TRY(check(c.ids, "Index", x->dims[0], "a row of X", err));
  if (!out->numel) return FRT_OK;
  c.row = (int64_t)(out->bytes / (uint64_t)out->dims[0]);
  frt_cpu_for(r, out->dims[0], frt_cpu_div_up(4 * FRT_CPU_GRAIN, c.row), gather_rows, &c);
  return FRT_OK;
}

FRT_CPU_BODY void add_to_body(float *o, const float *g, int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t i = 0; i < n; ++i) o[i] += g[i];
}
FRT_CPU_VARIANTS(add_to, (float *o, const float *g, int64_t n), (o, g, n))

/* Columns [lo, hi) of all rows: the order of additions is that of Index. */
static void scatter_columns(void *arg, int64_t lo, int64_t hi) {
  const rows_t *c = (const rows_t *)arg;
  for (int64_t i = 0; i < c->ids->numel; ++i) {
    float *to = (float *)(void *)c->to + id_at(c->ids, i) * c->row + lo;
    const float *from = (const float *)(const void *)c->from + i * c->row + lo;
    if (c->replace) memcpy(to, from, (size_t)(hi - lo) * sizeof *to);
    else add_to(to, from, hi - lo);
  }
}

typedef struct { int32_t replace; } gather_grad_t;
static frt_status_t gather_grad_prepare(const frt_op_t *op, void *state,
                                        uint64_t *workspace, frt_error_t *err) {
  (void)workspace, (void)err;
  ((gather_grad_t *)state)->replace = frt_attr_bool(op, FRT_GATHER_GRAD_ATTR_OVERWRITE);
  return FRT_OK;
}

static frt_status_t gather_grad_run(const void *state, const frt_run_t *r,
                                    frt_error_t *err) {
  const frt_api_tensor_t *g = frt_in(r, FRT_GATHER_GRAD_IN_OUT_GRAD);
  rows_t c = {frt_in(r, FRT_GATHER_GRAD_IN_INDEX), (const char *)g->data, NULL, 0,
              ((const gather_grad_t *)state)->replace};
  if (!frt_has_out(r, FRT_GATHER_GRAD_OUT_X_GRAD)) return FRT_OK;
  const frt_api_tensor_t *dx = frt_out(r, FRT_GATHER_GRAD_OUT_X_GRAD);
  FRT_TRY(check(c.ids, "Index", dx->dims[0], "a row of X", err));
  if (!dx->numel) return FRT_OK;
  memset(dx->data, 0, (size_t)dx->bytes);
  c.to = (char *)dx->data;
  c.row = dx->numel / dx->dims[0];
  if (g->numel)
    frt_cpu_for(r, c.row, (frt_cpu_div_up(FRT_CPU_GRAIN, c.ids->numel) + 15) / 16 * 16,
                scatter_columns, &c);
  return FRT_OK;
}

static frt_reason_t gather_grad_refuse(const frt_op_t *op, char detail[160]) {
  return not_f32(frt_in(op, FRT_GATHER_GRAD_IN_OUT_GRAD), detail);
}

/* ---- along an axis ---------------------------------------------------------------------- */

/* [outer, n, inner] */
typedef struct { int64_t outer, n, inner; } along_t;

static void along(along_t *a, const frt_api_tensor_t *t, int64_t axis) {
  axis = axis < 0 ? axis + t->rank : axis;
  a->outer = a->inner = 1;
  a->n = t->dims[axis];
  for (uint32_t d = 0; d < t->rank; ++d) {
    if (d < axis) a->outer *= t->dims[d];
    if (d > axis) a->inner *= t->dims[d];
  }
}

/* ---- arg_max, arg_min --------------------------------------------------------------------- */

typedef struct arg_call {
  const along_t *a;
  const void *x;
  void *out;
  int narrow; /* Out is int32 */
} arg_call_t;

typedef void (*arg_fn)(void *arg, int64_t lo, int64_t hi);
typedef struct {
  along_t a;
  arg_fn fn;
} arg_t;

enum { STRIP = 64 };

static void put_ids(const arg_call_t *c, int64_t at, const int64_t *ids, int64_t n) {
  if (c->narrow)
    for (int64_t j = 0; j < n; ++j) ((int32_t *)c->out)[at + j] = (int32_t)ids[j];
  else
    memcpy((int64_t *)c->out + at, ids, (size_t)n * sizeof *ids);
}

/* Pieces are strips of neighbours in the inner dims. A NaN is never better, and
 * anything is better than one. */
#define ARG(name, T, CMP)                                                               \
  static void name(void *arg, int64_t lo, int64_t hi) {                                 \
    const arg_call_t *c = (const arg_call_t *)arg;                                      \
    const int64_t inner = c->a->inner, strips = frt_cpu_div_up(inner, STRIP);           \
    for (int64_t p = lo; p < hi; ++p) {                                                 \
      const int64_t at = p % strips * STRIP;                                            \
      const int64_t w = inner - at < STRIP ? inner - at : STRIP;                        \
      const T *x = (const T *)c->x + p / strips * c->a->n * inner + at;                 \
      T best[STRIP];                                                                    \
      int64_t ids[STRIP];                                                               \
      for (int64_t j = 0; j < w; ++j) {                                                 \
        best[j] = x[j];                                                                 \
        ids[j] = 0;                                                                     \
      }                                                                                 \
      for (int64_t k = 1; k < c->a->n; ++k) {                                           \
        x += inner;                                                                     \
        for (int64_t j = 0; j < w; ++j) {                                               \
          const int take = x[j] CMP best[j] || (x[j] == x[j] && best[j] != best[j]);    \
          best[j] = take ? x[j] : best[j];                                              \
          ids[j] = take ? k : ids[j];                                                   \
        }                                                                               \
      }                                                                                 \
      put_ids(c, p / strips * inner + at, ids, w);                                      \
    }                                                                                   \
  }
#define ARGS(suffix, T) ARG(max_##suffix, T, >) ARG(min_##suffix, T, <)
ARGS(f32, float)
ARGS(f64, double)
ARGS(i32, int32_t)
ARGS(i64, int64_t)
ARGS(i16, int16_t)
ARGS(u8, uint8_t)

static arg_fn arg_pick(uint32_t dtype, int largest) {
  switch (dtype) {
    case FRT_F32: return largest ? max_f32 : min_f32;
    case FRT_F64: return largest ? max_f64 : min_f64;
    case FRT_I32: return largest ? max_i32 : min_i32;
    case FRT_I64: return largest ? max_i64 : min_i64;
    case FRT_I16: return largest ? max_i16 : min_i16;
    default: return largest ? max_u8 : min_u8;
  }
}

/* arg_max and arg_min have their slots and attributes in one order. */
static frt_status_t arg_make(const frt_op_t *op, arg_t *s, int largest) {
  const frt_api_tensor_t *x = frt_in(op, FRT_ARG_MAX_IN_X);
  along(&s->a, x, frt_attr_i64(op, FRT_ARG_MAX_ATTR_AXIS));
  s->fn = arg_pick(x->dtype, largest);
  return FRT_OK;
}
static frt_status_t arg_max_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  (void)workspace, (void)err;
  return arg_make(op, (arg_t *)state, 1);
}
static frt_status_t arg_min_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  (void)workspace, (void)err;
  return arg_make(op, (arg_t *)state, 0);
}

static frt_status_t arg_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const arg_t *s = (const arg_t *)state;
  const frt_api_tensor_t *out = frt_out(r, FRT_ARG_MAX_OUT_OUT);
  arg_call_t c = {&s->a, frt_in(r, FRT_ARG_MAX_IN_X)->data, out->data,
                  out->dtype == FRT_I32};
  (void)err;
  if (!out->numel) return FRT_OK;
  const int64_t w = s->a.inner < STRIP ? s->a.inner : STRIP;
  frt_cpu_for(r, s->a.outer * frt_cpu_div_up(s->a.inner, STRIP),
              frt_cpu_div_up(FRT_CPU_GRAIN, w * s->a.n), s->fn, &c);
  return FRT_OK;
}

/* ---- argsort_grad --------------------------------------------------------------------------- */

typedef along_t argsort_grad_t;
static frt_status_t argsort_grad_prepare(const frt_op_t *op, void *state,
                                         uint64_t *workspace, frt_error_t *err) {
  (void)workspace, (void)err;
  along((along_t *)state, frt_in(op, FRT_ARGSORT_GRAD_IN_X),
        frt_attr_i64(op, FRT_ARGSORT_GRAD_ATTR_AXIS));
  return FRT_OK;
}

static frt_status_t argsort_grad_run(const void *state, const frt_run_t *r,
                                     frt_error_t *err) {
  const along_t *a = (const along_t *)state;
  const frt_api_tensor_t *ids = frt_in(r, FRT_ARGSORT_GRAD_IN_INDICES);
  const float *g = frt_in_f32(r, FRT_ARGSORT_GRAD_IN_OUT_GRAD);
  if (!frt_has_out(r, FRT_ARGSORT_GRAD_OUT_X_GRAD)) return FRT_OK;
  FRT_TRY(check(ids, "Indices", a->n, "a place along axis", err));
  float *dx = frt_out_f32(r, FRT_ARGSORT_GRAD_OUT_X_GRAD);
  if (!ids->numel) return FRT_OK;
  memset(dx, 0, (size_t)ids->numel * sizeof *dx);
  for (int64_t i = 0; i < ids->numel; ++i) {
    const int64_t k = i / a->inner % a->n;
    dx[i + (id_at(ids, i) - k) * a->inner] = g[i];
  }
  return FRT_OK;
}

static frt_reason_t argsort_grad_refuse(const frt_op_t *op, char detail[160]) {
  return not_f32(frt_in(op, FRT_ARGSORT_GRAD_IN_OUT_GRAD), detail);
}

/* ---- one_hot ---------------------------------------------------------------------------------- */

typedef struct {
  int64_t depth;
  int32_t lenient;
} one_hot_t;

static frt_status_t one_hot_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  one_hot_t *s = (one_hot_t *)state;
  (void)workspace, (void)err;
  s->depth = frt_attr_i64(op, FRT_ONE_HOT_ATTR_DEPTH);
  s->lenient = frt_attr_bool(op, FRT_ONE_HOT_ATTR_ALLOW_OUT_OF_RANGE);
  return FRT_OK;
}

static void put_one(const frt_api_tensor_t *out, int64_t at) {
  switch (out->dtype) {
    case FRT_F32: ((float *)out->data)[at] = 1.0f; return;
    case FRT_F64: ((double *)out->data)[at] = 1.0; return;
    case FRT_I32: ((int32_t *)out->data)[at] = 1; return;
    default: ((int64_t *)out->data)[at] = 1;
  }
}

static frt_status_t one_hot_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const one_hot_t *s = (const one_hot_t *)state;
  const frt_api_tensor_t *x = frt_in(r, FRT_ONE_HOT_IN_X);
  const frt_api_tensor_t *out = frt_out(r, FRT_ONE_HOT_OUT_OUT);
  if (!s->lenient) FRT_TRY(check(x, "X", s->depth, "below depth", err));
  if (!out->numel) return FRT_OK;
  memset(out->data, 0, (size_t)out->bytes);
  for (int64_t i = 0; i < x->numel; ++i) {
    const int64_t v = id_at(x, i);
    if (v >= 0 && v < s->depth) put_one(out, i * s->depth + v);
  }
  return FRT_OK;
}

#define SAME FRT_KERNEL_DETERMINISTIC
#define VALUES (FRT_NUMBERS | FRT_DTYPE_BIT(FRT_I16) | FRT_DTYPE_BIT(FRT_U8))
FRT_KERNELS(cpu, index) = {
    FRT_KERNEL_PLAIN("gather", FRT_ANY_DTYPE, gather, SAME),
    {"gather_grad", FRT_INTS, sizeof(gather_grad_t), gather_grad_prepare, gather_grad_run,
     SAME, gather_grad_refuse},
    {"arg_max", VALUES, sizeof(arg_t), arg_max_prepare, arg_run, SAME, NULL},
    {"arg_min", VALUES, sizeof(arg_t), arg_min_prepare, arg_run, SAME, NULL},
    {"argsort_grad", FRT_I64S, sizeof(argsort_grad_t), argsort_grad_prepare,
     argsort_grad_run, SAME, argsort_grad_refuse},
    FRT_KERNEL("one_hot", FRT_INTS, one_hot, SAME),
    FRT_KERNELS_END};
