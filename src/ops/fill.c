#include <float.h>

#include "shape.h"

/* ---- str_value: a number in C's decimal notation, without the locale ---------- */

static const char *digits(const char *s, long double *v, int *scale, int *n, int step) {
  for (; *s >= '0' && *s <= '9'; ++s, ++*n) {
    *v = *v * 10 + (*s - '0');
    *scale += step;
    if (*v > 1e300L) { /* only the magnitude matters */
      *v /= 1e100L;
      *scale += 100;
    }
  }
  return s;
}

static long double scaled(long double v, int exponent) {
  if (exponent > 700) exponent = v > 0 ? 700 : 0;
  for (; exponent > 0 && v <= DBL_MAX; --exponent) v *= 10;
  for (; exponent < 0 && v > 0; ++exponent) v /= 10;
  return v;
}

enum { NOT_A_NUMBER, FINITE, SPECIAL, INTEGER }; /* INTEGER: digits only */

/* *v: the value, close enough to compare it with the limits of a dtype. */
static int parse_number(const char *s, long double *v) {
  const int negative = *s == '-';
  int scale = 0, n = 0, exponent = 0, kind = INTEGER;
  *v = 0;
  if (*s == '-' || *s == '+') ++s;
  if (!strcmp(s, "inf") || !strcmp(s, "nan")) return SPECIAL;
  s = digits(s, v, &scale, &n, 0);
  if (*s == '.' || *s == 'e' || *s == 'E') kind = FINITE;
  if (*s == '.') s = digits(s + 1, v, &scale, &n, -1);
  if (!n) return NOT_A_NUMBER;
  if (*s == 'e' || *s == 'E') {
    const int minus = s[1] == '-';
    s += 1 + (s[1] == '-' || s[1] == '+');
    if (*s < '0' || *s > '9') return NOT_A_NUMBER;
    for (; *s >= '0' && *s <= '9'; ++s)
      if (exponent < 100000) exponent = exponent * 10 + (*s - '0');
    if (minus) exponent = -exponent;
  }
  if (*s) return NOT_A_NUMBER;
  *v = scaled(*v, exponent + scale);
  if (negative) *v = -*v;
  return kind;
}

/* An integer comes without point and exponent, as Fluid writes it. */
static int dtype_holds(uint32_t dtype, int kind, long double v) {
  const long double two63 = 9223372036854775808.0L;
  switch (dtype) {
    case FRT_F32: return kind == SPECIAL || (v <= FLT_MAX && v >= -FLT_MAX);
    case FRT_F64: return kind == SPECIAL || (v <= DBL_MAX && v >= -DBL_MAX);
    case FRT_I32: return kind == INTEGER && v < 2147483648.0L && v > -2147483649.0L;
    case FRT_I64: return kind == INTEGER && v < two63 && v >= -two63;
    default: return kind != SPECIAL;
  }
}

static frt_status_t fill_value(const frt_infer_t *x, uint32_t dtype, frt_error_t *err) {
  const char *text = shape_str(x, "str_value");
  long double v = shape_f32(x, "value");
  int kind;
  if (text[0]) {
    kind = parse_number(text, &v);
    if (kind != NOT_A_NUMBER && dtype_holds(dtype, kind, v)) return FRT_OK;
    return shape_fail(err, FRT_INVALID_ARGUMENT, "str_value",
                      "str_value is '%.40s'; wanted a number that %s can hold", text,
                      frt_dtype_name(dtype));
  }
  kind = v - v == 0 ? INTEGER : SPECIAL; /* an fp32 attribute truncates */
  if (dtype_holds(dtype, kind, v)) return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "value",
                    "value is %g; wanted a number that %s can hold", (double)v,
                    frt_dtype_name(dtype));
}

static frt_status_t fill_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out = {0};
  FRT_TRY(shape_dtype_attr(x, "dtype", "Out", &out.dtype, err));
  FRT_TRY(shape_attr(x, "shape", 0, &out, err));
  FRT_TRY(fill_value(x, out.dtype, err));
  return shape_out(x, "Out", out, err);
}

/* Extent output_dim_idx of the shape is extent input_dim_idx of Input. */
static frt_status_t fill_like_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *in = frt_infer_in(x, "Input");
  frt_shape_t out = {0};
  uint32_t from, to;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_dtype_attr(x, "dtype", "Out", &out.dtype, err));
  FRT_TRY(shape_attr(x, "shape", -1, &out, err));
  FRT_TRY(shape_axis("input_dim_idx", shape_int(x, "input_dim_idx"), "Input", in, &from,
                     err));
  FRT_TRY(shape_axis("output_dim_idx", shape_int(x, "output_dim_idx"), "Out", &out, &to,
                     err));
  out.dims[to] = in->dims[from];
  for (uint32_t i = 0; i < out.rank; ++i)
    if (i != to && out.dims[i] < 0)
      return shape_fail(err, FRT_INVALID_ARGUMENT, "shape",
                        "shape is %s; wanted extents >= 0 but at output_dim_idx %u",
                        shape_text_of(out.rank, frt_infer_attr(x, "shape")->v.is).s, to);
  FRT_TRY(fill_value(x, out.dtype, err));
  return shape_out(x, "Out", out, err);
}

/* ---- assign_value ---------------------------------------------------------------- */

static const char *values_name(uint32_t dtype) {
  switch (dtype) {
    case FRT_BOOL: return "bool_values";
    case FRT_I32: return "int32_values";
    case FRT_I64: return "int64_values";
    default: return "fp32_values";
  }
}

static frt_status_t assign_value_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out = {0};
  int64_t n = 0;
  FRT_TRY(shape_dtype_attr(x, "dtype", "Out", &out.dtype, err));
  FRT_TRY(shape_attr(x, "shape", 0, &out, err));
  const char *name = values_name(out.dtype);
  const uint32_t count = frt_infer_attr(x, name)->count;
  if (!shape_product(&out, 0, out.rank, &n) || n != (int64_t)count)
    return shape_fail(err, FRT_INVALID_ARGUMENT, name,
                      "%s has %u values; wanted as many as shape %s has elements", name,
                      count, shape_text(&out).s);
  return shape_out(x, "Out", out, err);
}

FRT_OPS(fill) = {
    {.type = "fill_constant",
     .doc = "Out = value everywhere, or the number in str_value if it is not empty.",
     .source = "PaddlePaddle 1.8 op fill_constant",
     .inputs = {{"ValueTensor", FRT_ANY_DTYPE, SHAPE_REFUSED, "[1]"},
                {"ShapeTensor", FRT_INTS, SHAPE_REFUSED, "[rank]"},
                {"ShapeTensorList", FRT_INTS, SHAPE_REFUSED | FRT_SLOT_VARIADIC, "[1]"}},
     .outputs = {{"Out", FRT_NUMBERS | FRT_BOOLS, 0, "shape"}},
     .attrs = {{"dtype", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "the number of Out's dtype",
                FRT_F32},
               {"shape", FRT_ATTR_INTS, FRT_ATTR_DEFAULT, "extents of Out, >= 0"},
               {"value", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "the value", 0},
               {"str_value", FRT_ATTR_STRING, FRT_ATTR_DEFAULT,
                "the value as a decimal number, inf or nan; \"\": see value", 0, ""},
               SHAPE_IGNORED_BOOL("force_cpu")},
     .infer_shape = fill_shape,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "fill_constant_batch_size_like",
     .doc = "Out = value everywhere, in a shape that takes one extent from Input.",
     .source = "PaddlePaddle 1.8 op fill_constant_batch_size_like",
     .inputs = {{"Input", FRT_ANY_DTYPE, FRT_SLOT_SHAPE_ONLY, "any shape"}},
     .outputs = {{"Out", FRT_NUMBERS | FRT_BOOLS, 0,
                  "shape, with extent input_dim_idx of Input at output_dim_idx"}},
     .attrs = {{"shape", FRT_ATTR_INTS, 0, "extents of Out; the one at output_dim_idx is "
                                           "not looked at"},
               {"input_dim_idx", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "which extent of Input", 0},
               {"output_dim_idx", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "where it goes", 0},
               {"dtype", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "the number of Out's dtype",
                FRT_F32},
               {"value", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "the value", 0},
               {"str_value", FRT_ATTR_STRING, FRT_ATTR_DEFAULT,
                "the value as a decimal number, inf or nan; \"\": see value", 0, ""},
               SHAPE_IGNORED_BOOL("force_cpu")},
     .infer_shape = fill_like_shape,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "fill_zeros_like",
     .doc = "Out = 0 everywhere, in the shape of X.",
     .source = "PaddlePaddle 1.8 op fill_zeros_like",
     .inputs = {{"X", FRT_NUMBERS | FRT_BOOLS, FRT_SLOT_SHAPE_ONLY, "any shape"}},
     .outputs = {{"Out", FRT_NUMBERS | FRT_BOOLS, 0, "shape of X"}},
     .infer_shape = shape_unary,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {.type = "assign_value",
     .doc = "Out = the values of the list that belongs to dtype, row by row.",
     .source = "PaddlePaddle 1.8 op assign_value",
     .outputs = {{"Out", FRT_F32S | FRT_INTS | FRT_BOOLS, 0, "shape"}},
     .attrs = {{"shape", FRT_ATTR_INTS, 0, "extents of Out, >= 0"},
               {"dtype", FRT_ATTR_INT, 0, "the number of Out's dtype"},
               {"fp32_values", FRT_ATTR_F32S, FRT_ATTR_DEFAULT, "values for float32"},
               {"bool_values", FRT_ATTR_INTS, FRT_ATTR_DEFAULT, "values for bool"},
               {"int32_values", FRT_ATTR_INTS, FRT_ATTR_DEFAULT, "values for int32"},
               {"int64_values", FRT_ATTR_INTS, FRT_ATTR_DEFAULT, "values for int64"}},
     .infer_shape = assign_value_shape,
     .grad = FRT_NOT_DIFFERENTIABLE},
    {0}};
