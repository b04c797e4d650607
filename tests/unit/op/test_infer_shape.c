/* Shapes of ops that move or rename extents, and of products of batches. */
#include "infer.h"

static void transpose2_wants_a_permutation(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "transpose2");
  IN(&o, "X", FRT_F32, 2, 3, 4);
  SET_INTS(&o, "axis", 2, 0, 1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 4, 2, 3);
  OUT(&o, "XShape", FRT_F32, 0, 2, 3, 4);
  SET_INTS(&o, "axis", 2, 0, 2);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "axis is [2, 0, 2]; wanted each of 0 to 2 once as X has shape [2, 3, 4]");
  SET_INTS(&o, "axis", 1, 0);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "axis is [1, 0]; wanted each of 0 to 2 once as X has shape [2, 3, 4]");
  SET_INTS(&o, "axis", 0, 1, 3);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "axis is [0, 1, 3]; wanted each of 0 to 2 once as X has shape [2, 3, 4]");
}

static void concat_wants_all_but_one_axis_alike(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "concat");
  IN(&o, "X", FRT_F32, -1, 3);
  IN(&o, "X", FRT_F32, 2, 4);
  SET_INT(&o, "axis", -1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 2, 7);
  SET_INT(&o, "axis", 0);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "X[1] has shape [2, 4]; wanted that of X[0], [-1, 3], but for axis 0");
  SET_INT(&o, "axis", 2);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "axis is 2; wanted -2 to 1 as X[0] has shape [-1, 3]");
  SET_INT(&o, "axis", 1);
  o.in_shapes[0][1].dtype = FRT_I64;
  refuses(&o, FRT_INVALID_ARGUMENT, "X[1] has dtype int64; wanted float32, the dtype of X[0]");
}

static void split_wants_parts_that_add_up(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "split");
  IN(&o, "X", FRT_F32, 2, 6);
  SET_INT(&o, "axis", 1);
  SET_INT(&o, "num", 2);
  op_outs(&o, "Out", 2);
  accepts(&o);
  OUT_AT(&o, "Out", 1, FRT_F32, 2, 3);
  SET_INT(&o, "num", 4);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "num is 4 and sections is empty; wanted a divisor of extent 1 of X, which has shape "
          "[2, 6]");
  SET_INT(&o, "num", 3);
  refuses(&o, FRT_INVALID_ARGUMENT, "Out has 2 tensors; wanted 3, as num says");
  SET_INTS(&o, "sections", 1, -1);
  accepts(&o);
  OUT_AT(&o, "Out", 1, FRT_F32, 2, 5);
  SET_INTS(&o, "sections", 1, 4);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "sections is [1, 4]; wanted extents >= 0, one -1 (the rest) at most, that add up to "
          "extent 1 of X, which has shape [2, 6]");
}

static void slice_clamps_and_wants_each_axis_once(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "slice");
  IN(&o, "Input", FRT_F32, 2, 3, 4);
  SET_INTS(&o, "axes", 1, 2);
  SET_INTS(&o, "starts", 2, -3);
  SET_INTS(&o, "ends", 3, 100);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 2, 1, 3);
  SET_INTS(&o, "decrease_axis", 1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 2, 3);
  SET_INTS(&o, "decrease_axis", 2);
  refuses(&o, FRT_INVALID_ARGUMENT, "decrease_axis names axis 2, the slice has shape "
                                    "[2, 1, 3]; wanted an extent of 1 there");
  SET_INTS(&o, "starts", 2);
  refuses(&o, FRT_INVALID_ARGUMENT, "starts has 1 elements; wanted 2 as axes has");
  SET_INTS(&o, "starts", 2, 0);
  SET_INTS(&o, "axes", 1, 1);
  refuses(&o, FRT_INVALID_ARGUMENT, "axes is [1, 1]; wanted every axis once, 1 is repeated "
                                    "(Input has shape [2, 3, 4])");
  SET_INTS(&o, "axes", 1, 3);
  refuses(&o, FRT_INVALID_ARGUMENT, "axes is 3; wanted -3 to 2 as Input has shape [2, 3, 4]");
}

static void expand_wants_counts_that_fit(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "expand");
  IN(&o, "X", FRT_F32, 6, 4);
  SET_INTS(&o, "expand_times", 2, 1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 12, 4);
  SET_INTS(&o, "expand_times", 2, -1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "expand_times is [2, -1]; wanted 2 numbers >= 1 as X has shape [6, 4]");
  SET_INTS(&o, "expand_times", INT64_MAX, 1);
  refuses(&o, FRT_INVALID_ARGUMENT, "expand_times is [9223372036854775807, 1], X has shape "
                                    "[6, 4]; an extent overflows 64 bits");
}

static void views_want_axes_of_x(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "squeeze2");
  IN(&o, "X", FRT_F32, 1, 6, 4, 1);
  SET_INTS(&o, "axes", 0);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 6, 4, 1);
  SET_INTS(&o, "axes", 1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "axes names axis 1, X has shape [1, 6, 4, 1]; wanted an extent of 1 there");
  op_init(&o, "unsqueeze2");
  IN(&o, "X", FRT_F32, 6, 4);
  SET_INTS(&o, "axes", 0, 3);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 1, 6, 4, 1);
  SET_INTS(&o, "axes", 4);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "axes is [4]; wanted -3 to 2 for element 0 as X has shape [6, 4]");
  op_init(&o, "flatten2");
  IN(&o, "X", FRT_F32, 2, 3, 4);
  SET_INT(&o, "axis", 4);
  refuses(&o, FRT_INVALID_ARGUMENT, "axis is 4; wanted 0 to 3 as X has shape [2, 3, 4]");
  op_init(&o, "flatten_contiguous_range");
  IN(&o, "X", FRT_F32, -1, 4, 4, 4);
  SET_INT(&o, "stop_axis", 3);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, -1, 64);
  op_init(&o, "pad");
  IN(&o, "X", FRT_F32, 6, 4);
  SET_INTS(&o, "paddings", 1, 0, 0, -2);
  refuses(&o, FRT_INVALID_ARGUMENT, "paddings is [1, 0, 0, -2]; wanted 4 numbers >= 0, before "
                                    "and after each axis, as X has shape [6, 4]");
}

static void matmul_wants_matching_rows_and_batches(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "matmul");
  IN(&o, "X", FRT_F32, 2, 3, 4);
  IN(&o, "Y", FRT_F32, 6, 4);
  SET_INT(&o, "transpose_Y", 1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 2, 3, 6);
  SET_INT(&o, "transpose_Y", 0);
  refuses(&o, FRT_INVALID_ARGUMENT, "Y has shape [6, 4], X has shape [2, 3, 4]; wanted 4 rows "
                                    "of Y as X has 4 columns");
  SET_INT(&o, "head_number", 2);
  refuses(&o, FRT_UNIMPLEMENTED, "head_number is set; only its default is supported");
  op_init(&o, "matmul");
  IN(&o, "X", FRT_F32, 2, 3, 4);
  IN(&o, "Y", FRT_F32, 3, 4, 5);
  refuses(&o, FRT_INVALID_ARGUMENT, "Y has shape [3, 4, 5], X has shape [2, 3, 4]; wanted like "
                                    "dims before the last two, or rank 2 at most on one side");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(transpose2_wants_a_permutation),
      cmocka_unit_test(concat_wants_all_but_one_axis_alike),
      cmocka_unit_test(split_wants_parts_that_add_up),
      cmocka_unit_test(slice_clamps_and_wants_each_axis_once),
      cmocka_unit_test(expand_wants_counts_that_fit),
      cmocka_unit_test(views_want_axes_of_x),
      cmocka_unit_test(matmul_wants_matching_rows_and_batches),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
