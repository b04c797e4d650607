/* Shapes of softmax, metric, scale, fill, random, reshape and optimizer ops. */
#include <math.h>

#include "infer.h"

static void softmax_wants_an_axis_of_x(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "softmax");
  IN(&o, "X", FRT_F32, -1, 10);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, -1, 10);
  assert_true(o.x.schema->cost(&o.x).flops == 0); /* nothing is known */
  SET_INT(&o, "axis", 2);
  refuses(&o, FRT_INVALID_ARGUMENT, "axis is 2; wanted -2 to 1 as X has shape [-1, 10]");
  op_init(&o, "softmax_grad");
  IN(&o, "Out", FRT_F32, 4, 10);
  IN(&o, "Out@GRAD", FRT_F32, 4, 9);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Out@GRAD has shape [4, 9]; wanted [4, 10], the shape of Out");
}

static void entropy_wants_one_label_a_row(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "softmax_with_cross_entropy");
  IN(&o, "Logits", FRT_F32, -1, 10);
  IN(&o, "Label", FRT_I64, 8, 1);
  accepts(&o);
  OUT(&o, "Softmax", FRT_F32, 8, 10);
  OUT(&o, "Loss", FRT_F32, 8, 1);
  op_init(&o, "softmax_with_cross_entropy");
  IN(&o, "Logits", FRT_F32, 8, 10);
  IN(&o, "Label", FRT_I64, 7, 1);
  refuses(&o, FRT_INVALID_ARGUMENT, "Label has shape [7, 1]; wanted [8, 1] as Logits has "
                                    "shape [8, 10] and soft_label is false");
  SET_INT(&o, "soft_label", 1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Label has dtype int64; wanted float32 as soft_label is true");
  op_init(&o, "softmax_with_cross_entropy");
  IN(&o, "Logits", FRT_F32, 8, 10);
  IN(&o, "Label", FRT_F32, 8, 10);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Label has dtype float32; wanted int64 as soft_label is false");
  SET_INT(&o, "soft_label", 1);
  accepts(&o);
  op_init(&o, "softmax_with_cross_entropy_grad");
  IN(&o, "Softmax", FRT_F32, 8, 10);
  IN(&o, "Label", FRT_I64, 8, 1);
  IN(&o, "Loss@GRAD", FRT_F32, 8);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Loss@GRAD has shape [8]; wanted [8, 1], the shape of Loss");
  o.in[1].count = 0;
  IN(&o, "Loss@GRAD", FRT_F32, 8, 1);
  accepts(&o);
  OUT(&o, "Logits@GRAD", FRT_F32, 8, 10);
}

static void top_k_wants_k_within_the_row(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "top_k");
  IN(&o, "X", FRT_F32, 6, 10);
  SET_INT(&o, "k", 3);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 6, 3);
  OUT(&o, "Indices", FRT_I64, 6, 3);
  SET_INT(&o, "k", 11);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "k is 11; wanted 1 to the last extent of X, which has shape [6, 10]");
  SET_INT(&o, "k", 0);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "k is 0; wanted 1 to the last extent of X, which has shape [6, 10]");
}

static void accuracy_counts_rows(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "accuracy");
  IN(&o, "Out", FRT_F32, 6, 3);
  IN(&o, "Indices", FRT_I64, 6, 3);
  IN(&o, "Label", FRT_I64, 6, 1);
  accepts(&o);
  OUT(&o, "Accuracy", FRT_F32, 1);
  OUT(&o, "Correct", FRT_I32, 1);
  OUT(&o, "Total", FRT_I32, 1);
  o.in_shapes[2][0].dims[0] = 5;
  refuses(&o, FRT_INVALID_ARGUMENT, "Label has shape [5, 1]; wanted one label a row, [N, 1] "
                                    "or [N], as Out has shape [6, 3]");
  o.in_shapes[1][0].dims[1] = 2;
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Indices has shape [6, 2]; wanted [6, 3], the shape of Out");
}

static void sum_wants_like_shapes(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "sum");
  IN(&o, "X", FRT_F32, -1, 3);
  IN(&o, "X", FRT_F32, 2, 3);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 2, 3);
  IN(&o, "X", FRT_F32, 3, 2);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "X[2] has shape [3, 2]; wanted [2, 3], the shape of X[0]");
  op_init(&o, "sum");
  refuses(&o, FRT_INVALID_ARGUMENT, "X has no tensor; wanted at least one");
}

static void cast_wants_true_dtypes(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "cast");
  IN(&o, "X", FRT_I64, 4);
  SET_INT(&o, "in_dtype", FRT_I64);
  SET_INT(&o, "out_dtype", FRT_F32);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 4);
  SET_INT(&o, "out_dtype", 7); /* LOD_TENSOR */
  refuses(&o, FRT_INVALID_ARGUMENT,
          "out_dtype is 7 (?); wanted the number of bool, int16, int32, int64, float16, "
          "float32, float64, uint8, int8, bfloat16");
  SET_INT(&o, "in_dtype", FRT_F32);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "in_dtype is 5 (float32); wanted 3 (int64), the dtype of X");
}

static void increment_and_decay(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "increment");
  IN(&o, "X", FRT_I64, 1);
  accepts(&o);
  OUT(&o, "Out", FRT_I64, 1);
  o.in_shapes[0][0].dims[0] = 2;
  refuses(&o, FRT_INVALID_ARGUMENT, "X has shape [2]; wanted one element");
  op_init(&o, "decay");
  IN(&o, "Grad", FRT_F32, 2, 3);
  IN(&o, "Param", FRT_F32, 2, 3);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 2, 3);
  SET_STR(&o, "mode", "l3");
  refuses(&o, FRT_INVALID_ARGUMENT, "mode is 'l3'; wanted \"l1\" or \"l2\"");
}

static void fill_constant_reads_its_number(void **state) {
  static const struct { int dtype; const char *text; int good; } rows[] = {
      {FRT_F32, "0.05", 1}, {FRT_F32, "-1e-3", 1}, {FRT_F32, "+.5", 1}, {FRT_F32, "5.", 1},
      {FRT_F32, "inf", 1}, {FRT_F32, "-inf", 1}, {FRT_F32, "nan", 1}, {FRT_F32, "1e38", 1},
      {FRT_F32, "1e39", 0}, {FRT_F32, "1e999", 0}, {FRT_F64, "1e39", 1}, {FRT_F64, "1e309", 0},
      {FRT_F32, "0e99999999999", 1}, {FRT_F32, "1e-99999999999", 1}, {FRT_F32, "1x", 0},
      {FRT_F32, "0,5", 0}, {FRT_F32, "e5", 0}, {FRT_F32, "1e", 0}, {FRT_F32, ".", 0},
      {FRT_F32, "-", 0}, {FRT_F32, " 1", 0}, {FRT_F32, "0x10", 0}, {FRT_F32, "infinity", 0},
      {FRT_I64, "9223372036854775807", 1}, {FRT_I64, "9223372036854775808", 0},
      {FRT_I64, "-9223372036854775808", 1}, {FRT_I32, "2147483647", 1},
      {FRT_I32, "2147483648", 0}, {FRT_I64, "inf", 0}, {FRT_BOOL, "1.0", 1},
      {FRT_I64, "1e3", 0}, {FRT_I64, "1.0", 0}, {FRT_I64, "-3", 1}};
  op_t o;
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
    char text[160];
    op_init(&o, "fill_constant");
    SET_INT(&o, "dtype", rows[i].dtype);
    SET_INTS(&o, "shape", 2, 3);
    SET_STR(&o, "str_value", rows[i].text);
    snprintf(text, sizeof text, "str_value is '%s'; wanted a number that %s can hold",
             rows[i].text, frt_dtype_name((uint32_t)rows[i].dtype));
    if (!rows[i].good) refuses(&o, FRT_INVALID_ARGUMENT, text);
    else accepts(&o);
    if (rows[i].good) OUT(&o, "Out", (uint32_t)rows[i].dtype, 2, 3);
  }
  op_init(&o, "fill_constant");
  SET_INT(&o, "dtype", FRT_I32);
  SET_INTS(&o, "shape", 1);
  SET_F32(&o, "value", (double)NAN);
  assert_int_equal(o.x.schema->infer_shape(&o.x, NULL), FRT_INVALID_ARGUMENT);
}

static void fill_constant_wants_a_shape_that_exists(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "fill_constant");
  refuses(&o, FRT_INVALID_ARGUMENT, "shape has 0 extents; wanted 1 to 9");
  SET_INTS(&o, "shape", 2, -1);
  refuses(&o, FRT_INVALID_ARGUMENT, "shape is [2, -1]; wanted extents >= 0");
  SET_INTS(&o, "shape", 1LL << 40, 1LL << 40);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Out has shape [1099511627776, 1099511627776]; its size overflows 64 bits");
  SET_INTS(&o, "shape", 0, 3);
  accepts(&o);
  SET_INT(&o, "dtype", 77);
  refuses(&o, FRT_INVALID_ARGUMENT, "dtype is 77 (no dtype); wanted the number of bool, "
                                    "int32, int64, float32, float64");
}

static void assign_value_counts_its_values(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "assign_value");
  SET_INT(&o, "dtype", FRT_I32);
  SET_INTS(&o, "shape", 3);
  SET_INTS(&o, "int32_values", 3, 0, 3);
  accepts(&o);
  OUT(&o, "Out", FRT_I32, 3);
  SET_INT(&o, "dtype", FRT_F32);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "fp32_values has 0 values; wanted as many as shape [3] has elements");
}

static void random_ops_check_their_numbers(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "uniform_random");
  SET_INTS(&o, "shape", 4, 3);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 4, 3);
  SET_INT(&o, "diag_num", 2);
  refuses(&o, FRT_UNIMPLEMENTED, "diag_num is 2; only 0 is supported");
  SET_F32(&o, "min", 2);
  refuses(&o, FRT_INVALID_ARGUMENT, "min is 2, max is 1; wanted min <= max");
  SET_F32(&o, "min", -3e38);
  SET_F32(&o, "max", 3e38);
  refuses(&o, FRT_INVALID_ARGUMENT, "min is -3e+38, max is 3e+38; wanted a difference that "
                                    "float32 can hold");
  op_init(&o, "gaussian_random");
  SET_INTS(&o, "shape", 4, 0);
  refuses(&o, FRT_INVALID_ARGUMENT, "shape is [4, 0]; wanted extents >= 1");
  SET_INT(&o, "dtype", FRT_I64);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "dtype is 3 (int64); wanted the number of float32, float64");
  const frt_attr_def_t *std = &o.x.schema->attrs[2];
  assert_string_equal(std->name, "std");
  assert_true((std->flags & FRT_ATTR_RANGE) && std->lo == 0 && isfinite(std->hi));
}

static void reshape_to(op_t *o, uint32_t n, const int64_t *shape) {
  op_init(o, "reshape2");
  IN(o, "X", FRT_F32, 2, 3, 4);
  op_set_ints(o, "shape", n, shape);
}
#define RESHAPE(o, ...) reshape_to(o, LENGTH(__VA_ARGS__), (const int64_t[]){__VA_ARGS__})

static void reshape_copies_and_fills_extents(void **state) {
  op_t o;
  (void)state;
  RESHAPE(&o, 0, -1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 2, 12);
  OUT(&o, "XShape", FRT_F32, 0, 2, 3, 4);
  RESHAPE(&o, 6, 4);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 6, 4);
  op_init(&o, "reshape2"); /* what is unknown and copied does not matter */
  IN(&o, "X", FRT_F32, -1, 4, 4);
  SET_INTS(&o, "shape", 0, -1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, -1, 16);
  SET_INTS(&o, "shape", -1, 8);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, -1, 8);
}

static void reshape_refuses_what_does_not_fit(void **state) {
  op_t o;
  (void)state;
  RESHAPE(&o, 5, 5);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "shape is [5, 5], X is [2, 3, 4]; wanted as many elements as X");
  RESHAPE(&o, -1, -1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "shape is [-1, -1], X is [2, 3, 4]; wanted -1 once at most");
  RESHAPE(&o, -2, 12);
  refuses(&o, FRT_INVALID_ARGUMENT, "shape is [-2, 12], X is [2, 3, 4]; wanted extents > 0, "
                                    "one -1 (the rest) or 0 (copy)");
  RESHAPE(&o, 2, 3, 4, 0);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "shape is [2, 3, 4, 0], X is [2, 3, 4]; wanted 0 only where X has an extent");
  RESHAPE(&o, -1, 5);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "shape is [-1, 5], X is [2, 3, 4]; wanted extents that divide X");
  RESHAPE(&o, 1LL << 40, 1LL << 40);
  refuses(&o, FRT_INVALID_ARGUMENT, "shape is [1099511627776, 1099511627776], X is "
                                    "[2, 3, 4]; wanted a product that fits 64 bits");
  op_set_ints(&o, "shape", 0, (const int64_t[]){0});
  refuses(&o, FRT_INVALID_ARGUMENT, "shape is [], X is [2, 3, 4]; wanted 1 to 9 extents");
}

static void reshape_grad_reads_xshape(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "reshape2_grad");
  IN(&o, "Out@GRAD", FRT_F32, 6, 4);
  IN(&o, "XShape", FRT_F32, 0, 2, 3, 4);
  accepts(&o);
  OUT(&o, "X@GRAD", FRT_F32, 2, 3, 4);
  o.in_shapes[0][0].dims[0] = 5;
  refuses(&o, FRT_INVALID_ARGUMENT, "Out@GRAD has shape [5, 4]; wanted as many elements as "
                                    "X, which is [2, 3, 4] by XShape");
  o.in_shapes[1][0].dims[0] = 1;
  refuses(&o, FRT_INVALID_ARGUMENT,
          "XShape has shape [1, 2, 3, 4]; wanted [0, dims of X...]");
}

static void sgd_wants_one_rate(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "sgd");
  IN(&o, "Param", FRT_F32, 3);
  IN(&o, "Grad", FRT_F32, 3);
  IN(&o, "LearningRate", FRT_F32, 1);
  accepts(&o);
  OUT(&o, "ParamOut", FRT_F32, 3);
  o.in_shapes[1][0].dims[0] = 2;
  refuses(&o, FRT_INVALID_ARGUMENT, "LearningRate has shape [2]; wanted [1]");
  o.in_shapes[2][0].dtype = FRT_I64;
  refuses(&o, FRT_INVALID_ARGUMENT, "Grad has dtype int64; wanted float32, float64");
}

static void lars_of_two(op_t *o) {
  op_init(o, "lars_momentum");
  for (int i = 0; i < 2; ++i) {
    IN(o, "Param", FRT_F32, 3, i + 1);
    IN(o, "Grad", FRT_F32, 3, i + 1);
    IN(o, "Velocity", FRT_F32, 3, i + 1);
  }
  IN(o, "LearningRate", FRT_F32, 1);
  op_outs(o, "ParamOut", 2);
  op_outs(o, "VelocityOut", 2);
}

static void lars_takes_several_tensors(void **state) {
  static const double decays[] = {0.1, 0, 0.2};
  op_t o;
  (void)state;
  lars_of_two(&o);
  accepts(&o);
  OUT_AT(&o, "ParamOut", 0, FRT_F32, 3, 1);
  OUT_AT(&o, "VelocityOut", 1, FRT_F32, 3, 2);
  assert_true(o.x.schema->cost(&o.x).flops == 90);
  frt_api_attr_t *decay = op_attr(&o, "lars_weight_decay");
  decay->type = FRT_ATTR_F32S;
  decay->v.fs = decays;
  decay->count = 2;
  accepts(&o);
  decay->count = 3;
  refuses(&o, FRT_INVALID_ARGUMENT, "lars_weight_decay has 3 values; wanted one, or one for "
                                    "each of the 2 tensors of Param");
}

static void lars_refuses_unlike_tensors(void **state) {
  op_t o;
  (void)state;
  lars_of_two(&o);
  o.in_shapes[1][1].dims[1] = 5;
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Grad[1] has shape [3, 5]; wanted [3, 2], the shape of Param[1]");
  lars_of_two(&o);
  o.in[2].count = 1;
  refuses(&o, FRT_INVALID_ARGUMENT, "Velocity has 1 tensors; wanted 2 as Param");
  lars_of_two(&o);
  o.in_shapes[3][0].dims[0] = 2;
  refuses(&o, FRT_INVALID_ARGUMENT, "LearningRate has shape [2]; wanted [1]");
  lars_of_two(&o);
  o.in_shapes[3][0].dtype = FRT_F64;
  refuses(&o, FRT_INVALID_ARGUMENT,
          "LearningRate has dtype float64; wanted float32, the dtype of Param");
  lars_of_two(&o);
  SET_INT(&o, "multi_precision", 1);
  refuses(&o, FRT_UNIMPLEMENTED, "multi_precision is true; only false is supported");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(softmax_wants_an_axis_of_x),
      cmocka_unit_test(entropy_wants_one_label_a_row),
      cmocka_unit_test(top_k_wants_k_within_the_row),
      cmocka_unit_test(accuracy_counts_rows),
      cmocka_unit_test(sum_wants_like_shapes),
      cmocka_unit_test(cast_wants_true_dtypes),
      cmocka_unit_test(increment_and_decay),
      cmocka_unit_test(fill_constant_reads_its_number),
      cmocka_unit_test(fill_constant_wants_a_shape_that_exists),
      cmocka_unit_test(assign_value_counts_its_values),
      cmocka_unit_test(random_ops_check_their_numbers),
      cmocka_unit_test(reshape_copies_and_fills_extents),
      cmocka_unit_test(reshape_refuses_what_does_not_fit),
      cmocka_unit_test(reshape_grad_reads_xshape),
      cmocka_unit_test(sgd_wants_one_rate),
      cmocka_unit_test(lars_takes_several_tensors),
      cmocka_unit_test(lars_refuses_unlike_tensors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
