#include "bytes.h"
#include "dtype.h"
#include "owned.h"

/* ---- cast: between any two dtypes, by number --------------------------------------------- */

static frt_status_t cast_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(r, FRT_CAST_IN_X), *out = frt_out(r, FRT_CAST_OUT_OUT);
  const uint32_t is = x->dtype, to = out->dtype;
  const void *from = x->data;
  void *into = out->data;
  (void)state;
  return frt_gpu_each(
      r, x->numel,
      [=] FRT_GPU_FN(int64_t i) {
        if (frt_gpu_is_int(is)) {
          const int64_t v = frt_gpu_load_int(is, from, i);
          if (frt_gpu_is_int(to)) frt_gpu_store_int(to, into, i, v);
          else if (to == FRT_F32) ((float *)into)[i] = (float)v; /* rounded once */
          else frt_gpu_store_real(to, into, i, (double)v);
        } else {
          const double v = frt_gpu_load_real(is, from, i);
          if (frt_gpu_is_int(to)) frt_gpu_store_int(to, into, i, frt_gpu_saturated(to, v));
          else frt_gpu_store_real(to, into, i, v);
        }
      },
      err);
}

/* ---- fill_constant and its kin ----------------------------------------------------------------- */

/* A decimal number as Fluid prints them into str_value. Not strtod, which follows the locale:
 * digits beyond 19 are dropped, the rest is one or two roundings in long double. */
static double parse_number(const char *s) {
  long double m = 0;
  int digits = 0, point = 0, scale = 0, e = 0, e_negative = 0;
  const int negative = *s == '-';
  if (*s == '-' || *s == '+') ++s;
  if (!strncmp(s, "inf", 3)) return negative ? -(double)INFINITY : (double)INFINITY;
  if (!strncmp(s, "nan", 3)) return (double)NAN;
  for (; (*s >= '0' && *s <= '9') || (*s == '.' && !point); ++s) {
    if (*s == '.') {
      point = 1;
      continue;
    }
    if (digits < 19) m = m * 10 + (*s - '0');
    else ++scale;
    if (m > 0) ++digits;
    if (point) --scale;
  }
  if (*s == 'e' || *s == 'E') {
    e_negative = *++s == '-';
    if (*s == '-' || *s == '+') ++s;
    for (; *s >= '0' && *s <= '9'; ++s)
      if (e < 9999) e = e * 10 + (*s - '0');
    scale += e_negative ? -e : e;
  }
  if (m > 0) m = scale < 0 ? m / powl(10.0L, -scale) : m * powl(10.0L, scale);
  return negative ? -(double)m : (double)m;
}

/* Exact and saturated; text with a point or an exponent goes through double. */
static int64_t parse_int(const char *s) {
  const int negative = *s == '-';
  const uint64_t limit = (uint64_t)INT64_MAX + (uint64_t)negative;
  uint64_t m = 0;
  const char *p = s + (*s == '-' || *s == '+');
  for (; *p >= '0' && *p <= '9'; ++p) {
    if (m > (limit - (uint64_t)(*p - '0')) / 10) return negative ? INT64_MIN : INT64_MAX;
    m = m * 10 + (uint64_t)(*p - '0');
  }
  if (*p) return frt_gpu_whole(parse_number(s), INT64_MIN, INT64_MAX);
  return negative ? (int64_t)(0 - m) : (int64_t)m;
}

typedef struct {
  double real;
  int64_t whole;
} fill_t;
/* The number to fill with: `text` if there is one, else `value`. */
static void fill_plan(fill_t *s, const frt_api_tensor_t *out, double value, const char *text) {
  const int has_text = text && *text;
  s->real = has_text ? parse_number(text) : value;
  s->whole = out->dtype == FRT_BOOL ? s->real != 0
             : has_text             ? parse_int(text)
                                    : frt_gpu_whole(value, INT64_MIN, INT64_MAX);
}
static frt_status_t fill(const fill_t *state, const frt_run_t *r, const frt_api_tensor_t *out,
                         frt_error_t *err) {
  const fill_t s = *state;
  const uint32_t dtype = out->dtype;
  void *to = out->data;
  return frt_gpu_each(
      r, out->numel,
      [=] FRT_GPU_FN(int64_t i) {
        if (frt_gpu_is_int(dtype)) frt_gpu_store_int(dtype, to, i, s.whole);
        else frt_gpu_store_real(dtype, to, i, s.real);
      },
      err);
}
#define FILL(stem, OUT, VALUE, TEXT)                                                        \
  typedef fill_t stem##_t;                                                                  \
  static frt_status_t stem##_prepare(const frt_op_t *op, void *state, uint64_t *workspace,  \
                                     frt_error_t *err) {                                    \
    (void)workspace, (void)err;                                                             \
    fill_plan((fill_t *)state, frt_out(op, OUT), VALUE, TEXT);                              \
    return FRT_OK;                                                                          \
  }                                                                                         \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r, frt_error_t *err) { \
    return fill((const fill_t *)state, r, frt_out(r, OUT), err);                            \
  }
FILL(constant, FRT_FILL_CONSTANT_OUT_OUT, frt_attr_f32(op, FRT_FILL_CONSTANT_ATTR_VALUE),
     frt_attr_str(op, FRT_FILL_CONSTANT_ATTR_STR_VALUE))
FILL(like, FRT_FILL_CONSTANT_BATCH_SIZE_LIKE_OUT_OUT,
     frt_attr_f32(op, FRT_FILL_CONSTANT_BATCH_SIZE_LIKE_ATTR_VALUE),
     frt_attr_str(op, FRT_FILL_CONSTANT_BATCH_SIZE_LIKE_ATTR_STR_VALUE))
FILL(zeros, FRT_FILL_ZEROS_LIKE_OUT_OUT, 0, NULL)

/* ---- assign_value: the bytes are made once, and copied from the host each time --------------- */

typedef struct {
  void *owned;
  uint64_t bytes;
} values_t;
static const frt_api_attr_t *values_of(const frt_op_t *op, uint32_t dtype) {
  switch (dtype) {
    case FRT_BOOL: return &op->attrs[FRT_ASSIGN_VALUE_ATTR_BOOL_VALUES];
    case FRT_I32: return &op->attrs[FRT_ASSIGN_VALUE_ATTR_INT32_VALUES];
    case FRT_I64: return &op->attrs[FRT_ASSIGN_VALUE_ATTR_INT64_VALUES];
    default: return &op->attrs[FRT_ASSIGN_VALUE_ATTR_FP32_VALUES];
  }
}
static frt_status_t values_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  values_t *s = (values_t *)state;
  const frt_api_tensor_t *out = frt_out(op, FRT_ASSIGN_VALUE_OUT_OUT);
  const frt_api_attr_t *a = values_of(op, out->dtype);
  (void)workspace;
  s->bytes = (uint64_t)out->numel * frt_dtype_size(out->dtype);
  FRT_TRY(frt_gpu_own(op, (size_t)s->bytes, &s->owned, err));
  for (int64_t i = 0; i < out->numel; ++i) {
    const int64_t v = a->type == FRT_ATTR_INTS ? a->v.is[i] : 0;
    if (out->dtype == FRT_BOOL) ((uint8_t *)s->owned)[i] = v != 0;
    else if (out->dtype == FRT_I32) ((int32_t *)s->owned)[i] = (int32_t)v;
    else if (out->dtype == FRT_I64) ((int64_t *)s->owned)[i] = v;
    else ((float *)s->owned)[i] = (float)(a->type == FRT_ATTR_INTS ? (double)v : a->v.fs[i]);
  }
  return FRT_OK;
}
static frt_status_t values_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const values_t *s = (const values_t *)state;
  if (s->bytes == 0) return FRT_OK;
  return frt_gpu_result(
      cudaMemcpyAsync(frt_out(r, FRT_ASSIGN_VALUE_OUT_OUT)->data, s->owned, (size_t)s->bytes,
                      cudaMemcpyHostToDevice, FRT_GPU_QUEUE(r)->stream),
      "copying values", err);
}

FRT_KERNELS(cuda, fill) = {
    FRT_KERNEL_PLAIN("cast", FRT_ANY_DTYPE, cast, FRT_GPU_FLAGS),
    FRT_KERNEL("fill_constant", FRT_NUMBERS | FRT_BOOLS, constant, FRT_GPU_FLAGS),
    FRT_KERNEL("fill_constant_batch_size_like", FRT_NUMBERS | FRT_BOOLS, like, FRT_GPU_FLAGS),
    FRT_KERNEL("fill_zeros_like", FRT_NUMBERS | FRT_BOOLS, zeros, FRT_GPU_FLAGS),
    FRT_KERNEL("assign_value", FRT_F32S | FRT_INTS | FRT_BOOLS, values,
               FRT_GPU_FLAGS | FRT_GPU_OWNS),
    FRT_KERNELS_END};
