#define _GNU_SOURCE /* strtod_l */
#include <locale.h>
#include <stdlib.h>

#include "fluidrt/op_index.h"
#include "loop.h"
#include "owned.h"
#undef A
#undef B

static int64_t to_int(double x, int64_t lo, int64_t hi) {
  return x != x ? 0 : x <= (double)lo ? lo : x >= (double)hi ? hi : (int64_t)x;
}

/* ---- fill_constant ---------------------------------------------------------------- */

/* One element, as it lies in memory. */
typedef struct {
  uint32_t size, zero;
  unsigned char bytes[8];
} fill_t;

static frt_status_t number(const char *text, double *v, frt_error_t *err) {
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for a locale");
  *v = strtod_l(text, NULL, c);
  freelocale(c);
  return FRT_OK;
}

static void put_int(fill_t *s, uint32_t dtype, int64_t v) {
  const int32_t narrow = (int32_t)v;
  if (dtype == FRT_I64) memcpy(s->bytes, &v, sizeof v);
  else memcpy(s->bytes, &narrow, sizeof narrow);
}

static void put_number(fill_t *s, uint32_t dtype, double v) {
  const float f = (float)v;
  if (dtype == FRT_F32) memcpy(s->bytes, &f, sizeof f);
  else if (dtype == FRT_F64) memcpy(s->bytes, &v, sizeof v);
  else if (dtype == FRT_BOOL) s->bytes[0] = v != 0;
  else if (dtype == FRT_I64) put_int(s, dtype, to_int(v, INT64_MIN, INT64_MAX));
  else put_int(s, dtype, to_int(v, INT32_MIN, INT32_MAX));
}

static frt_status_t element(fill_t *s, uint32_t dtype, double v, const char *text,
                            frt_error_t *err) {
  s->size = (uint32_t)frt_dtype_size(dtype);
  if (text[0] && (dtype == FRT_I64 || dtype == FRT_I32)) {
    char *end;
    const long long whole = strtoll(text, &end, 10); /* a double would lose bits */
    if (!*end) {
      put_int(s, dtype, whole);
      s->zero = whole == 0;
      return FRT_OK;
    }
  }
  if (text[0]) FRT_TRY(number(text, &v, err));
  put_number(s, dtype, v);
  s->zero = 1;
  for (uint32_t i = 0; i < s->size; ++i)
    if (s->bytes[i]) s->zero = 0;
  return FRT_OK;
}

static frt_status_t fill_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  (void)workspace;
  return element((fill_t *)state, frt_out(op, FRT_FILL_CONSTANT_OUT_OUT)->dtype,
                 op->attrs[FRT_FILL_CONSTANT_ATTR_VALUE].v.f,
                 frt_attr_str(op, FRT_FILL_CONSTANT_ATTR_STR_VALUE), err);
}

static frt_status_t like_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  (void)workspace;
  return element((fill_t *)state,
                 frt_out(op, FRT_FILL_CONSTANT_BATCH_SIZE_LIKE_OUT_OUT)->dtype,
                 op->attrs[FRT_FILL_CONSTANT_BATCH_SIZE_LIKE_ATTR_VALUE].v.f,
                 frt_attr_str(op, FRT_FILL_CONSTANT_BATCH_SIZE_LIKE_ATTR_STR_VALUE), err);
}

static frt_status_t zeros_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  (void)workspace;
  return element((fill_t *)state, frt_out(op, FRT_FILL_ZEROS_LIKE_OUT_OUT)->dtype, 0, "",
                 err);
}

typedef struct {
  const fill_t *s;
  unsigned char *out;
} fill_call_t;

static void fill_piece(void *arg, int64_t lo, int64_t hi) {
  const fill_call_t *c = (const fill_call_t *)arg;
  const uint32_t size = c->s->size;
  unsigned char *out = c->out + (size_t)lo * size;
  const int64_t n = hi - lo;
  if (size == 1 || c->s->zero) {
    memset(out, c->s->bytes[0], (size_t)n * size);
  } else if (size == 4) {
    uint32_t v;
    memcpy(&v, c->s->bytes, sizeof v);
    for (int64_t i = 0; i < n; ++i) ((uint32_t *)(void *)out)[i] = v;
  } else {
    uint64_t v;
    memcpy(&v, c->s->bytes, sizeof v);
    for (int64_t i = 0; i < n; ++i) ((uint64_t *)(void *)out)[i] = v;
  }
}

static frt_status_t fill_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  fill_call_t c = {(const fill_t *)state,
                   (unsigned char *)frt_out(r, FRT_FILL_CONSTANT_OUT_OUT)->data};
  (void)err;
  frt_cpu_for(r, frt_out_numel(r, FRT_FILL_CONSTANT_OUT_OUT), 2 * FRT_CPU_GRAIN, fill_piece,
              &c);
  return FRT_OK;
}

/* All three write output 0. */
typedef fill_t like_t, zeros_t;
static frt_status_t like_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  return fill_run(state, r, err);
}
static frt_status_t zeros_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  return fill_run(state, r, err);
}

/* ---- assign_value ------------------------------------------------------------------- */

/* Memory in the dtype of Out, ready to be copied. */
typedef struct {
  void *owned;
  size_t bytes;
} values_t;

static int values_attr(uint32_t dtype) {
  return dtype == FRT_BOOL ? FRT_ASSIGN_VALUE_ATTR_BOOL_VALUES
       : dtype == FRT_I32  ? FRT_ASSIGN_VALUE_ATTR_INT32_VALUES
       : dtype == FRT_I64  ? FRT_ASSIGN_VALUE_ATTR_INT64_VALUES
                           : FRT_ASSIGN_VALUE_ATTR_FP32_VALUES;
}

static frt_status_t values_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  values_t *s = (values_t *)state;
  const uint32_t dtype = frt_out(op, FRT_ASSIGN_VALUE_OUT_OUT)->dtype;
  const frt_api_attr_t *a = &op->attrs[values_attr(dtype)];
  (void)workspace;
  s->bytes = a->count * frt_dtype_size(dtype);
  FRT_TRY(frt_cpu_own(op, s->bytes, &s->owned, err));
  for (uint32_t i = 0; i < a->count; ++i) {
    if (dtype == FRT_F32) ((float *)s->owned)[i] = (float)a->v.fs[i];
    else if (dtype == FRT_BOOL) ((uint8_t *)s->owned)[i] = a->v.is[i] != 0;
    else if (dtype == FRT_I64) ((int64_t *)s->owned)[i] = a->v.is[i];
    else ((int32_t *)s->owned)[i] = (int32_t)a->v.is[i];
  }
  return FRT_OK;
}

static frt_status_t values_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const values_t *s = (const values_t *)state;
  (void)err;
  if (s->bytes) memcpy(frt_out(r, FRT_ASSIGN_VALUE_OUT_OUT)->data, s->owned, s->bytes);
  return FRT_OK;
}

FRT_KERNELS(cpu, fill) = {
    FRT_KERNEL("fill_constant", FRT_NUMBERS | FRT_BOOLS, fill, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("fill_constant_batch_size_like", FRT_NUMBERS | FRT_BOOLS, like,
               FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("fill_zeros_like", FRT_NUMBERS | FRT_BOOLS, zeros,
               FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("assign_value", FRT_F32S | FRT_INTS | FRT_BOOLS, values,
               FRT_KERNEL_DETERMINISTIC | FRT_CPU_OWNS),
    FRT_KERNELS_END};
