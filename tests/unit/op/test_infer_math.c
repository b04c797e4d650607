/* Shapes of elementwise, comparison, activation, clip, matmul and reduce ops. */
#include <math.h>

#include "infer.h"

static void elementwise_broadcasts_y_at_the_axis(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "elementwise_add");
  IN(&o, "X", FRT_F32, 2, 3, 4);
  IN(&o, "Y", FRT_F32, 3, 4);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 2, 3, 4);
  op_init(&o, "elementwise_mul");
  IN(&o, "X", FRT_F64, 2, 3, 4);
  IN(&o, "Y", FRT_F64, 3, 1);
  SET_INT(&o, "axis", 1);
  accepts(&o);
  op_init(&o, "elementwise_mul"); /* clipping by the global norm: Y is a scalar */
  IN(&o, "X", FRT_F32, 7, 5);
  IN(&o, "Y", FRT_F32, 1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 7, 5);
  op_init(&o, "elementwise_sub"); /* unknown extents are taken from the other side */
  IN(&o, "X", FRT_F32, -1, -1);
  IN(&o, "Y", FRT_F32, -1, 4);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, -1, 4);
}

static void elementwise_refuses_what_does_not_broadcast(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "elementwise_add");
  IN(&o, "X", FRT_F32, 2, 3);
  IN(&o, "Y", FRT_F32, 2);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Y has shape [2]; wanted dims of X [2, 3] from axis 1 on (axis is -1)");
  op_init(&o, "elementwise_add");
  IN(&o, "X", FRT_F32, 3);
  IN(&o, "Y", FRT_F32, 2, 3);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Y has shape [2, 3]; wanted rank 1 at most as X has shape [3]");
  op_init(&o, "elementwise_add"); /* Y has more elements than X */
  IN(&o, "X", FRT_F32, 1);
  IN(&o, "Y", FRT_F32, 4);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Y has shape [4]; wanted dims of X [1] from axis 0 on (axis is -1)");
  for (int64_t axis = -2; axis < 3; axis += 4) {
    op_init(&o, "elementwise_add");
    IN(&o, "X", FRT_F32, 2, 3);
    IN(&o, "Y", FRT_F32, 3);
    SET_INT(&o, "axis", axis);
    refuses(&o, FRT_INVALID_ARGUMENT,
            axis < 0 ? "axis is -2; wanted -1 to 1 as X has shape [2, 3]"
                     : "axis is 2; wanted -1 to 1 as X has shape [2, 3]");
  }
  op_init(&o, "elementwise_add");
  IN(&o, "X", FRT_F32, 2);
  IN(&o, "Y", FRT_I64, 2);
  refuses(&o, FRT_INVALID_ARGUMENT, "Y has dtype int64; wanted float32, the dtype of X");
  op_init(&o, "elementwise_add");
  IN(&o, "X", FRT_BOOL, 2);
  IN(&o, "Y", FRT_BOOL, 2);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "X has dtype bool; wanted int32, int64, float32, float64");
}

static void elementwise_gradients_have_the_shapes_of_x_and_y(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "elementwise_div_grad");
  IN(&o, "X", FRT_F32, 2, 3);
  IN(&o, "Y", FRT_F32, 3);
  IN(&o, "Out", FRT_F32, 2, 3);
  IN(&o, "Out@GRAD", FRT_F32, 2, 3);
  accepts(&o);
  OUT(&o, "X@GRAD", FRT_F32, 2, 3);
  OUT(&o, "Y@GRAD", FRT_F32, 3);
  op_init(&o, "elementwise_add_grad");
  IN(&o, "X", FRT_F32, 2, 3);
  IN(&o, "Y", FRT_F32, 3);
  IN(&o, "Out@GRAD", FRT_F32, 3, 2);
  op_no_out(&o, "X@GRAD");
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Out@GRAD has shape [3, 2]; wanted [2, 3], the shape of X");
}

static void comparisons_give_bools(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "less_than");
  IN(&o, "X", FRT_I64, 1);
  IN(&o, "Y", FRT_I64, 1);
  accepts(&o);
  OUT(&o, "Out", FRT_BOOL, 1);
  op_init(&o, "less_than");
  IN(&o, "X", FRT_I64, 1);
  IN(&o, "Y", FRT_F32, 1);
  refuses(&o, FRT_INVALID_ARGUMENT, "Y has dtype float32; wanted int64, the dtype of X");
  op_init(&o, "logical_and");
  IN(&o, "X", FRT_BOOL, 2);
  IN(&o, "Y", FRT_BOOL, 3);
  refuses(&o, FRT_INVALID_ARGUMENT, "Y has shape [3]; wanted [2], the shape of X");
  op_init(&o, "logical_not");
  IN(&o, "X", FRT_F32, 2);
  refuses(&o, FRT_INVALID_ARGUMENT, "X has dtype float32; wanted bool");
}

static void activations_keep_the_shape(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "tanh");
  IN(&o, "X", FRT_F32, -1, 5);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, -1, 5);
  op_init(&o, "relu_grad");
  IN(&o, "Out", FRT_F32, -1, 5);
  IN(&o, "Out@GRAD", FRT_F32, 4, 5);
  accepts(&o);
  OUT(&o, "X@GRAD", FRT_F32, 4, 5);
  op_init(&o, "square_grad");
  IN(&o, "X", FRT_F32, 4);
  IN(&o, "Out@GRAD", FRT_F32, 5);
  refuses(&o, FRT_INVALID_ARGUMENT, "Out@GRAD has shape [5]; wanted [4], the shape of X");
  op_init(&o, "sqrt");
  IN(&o, "X", FRT_I64, 4);
  refuses(&o, FRT_INVALID_ARGUMENT, "X has dtype int64; wanted float32, float64");
}

static void clip_wants_ordered_bounds(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "clip");
  IN(&o, "X", FRT_F32, 4);
  SET_F32(&o, "min", 2);
  SET_F32(&o, "max", 1);
  refuses(&o, FRT_INVALID_ARGUMENT, "min is 2, max is 1; wanted min <= max");
  SET_F32(&o, "max", (double)NAN);
  assert_int_equal(o.x.schema->infer_shape(&o.x, NULL), FRT_INVALID_ARGUMENT);
  SET_F32(&o, "min", -(double)INFINITY);
  SET_F32(&o, "max", (double)INFINITY);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 4);
  op_init(&o, "clip_by_norm");
  IN(&o, "X", FRT_F32, 4);
  refuses(&o, FRT_INVALID_ARGUMENT, "max_norm is 0; wanted > 0");
  SET_F32(&o, "max_norm", 0.5);
  accepts(&o);
}

static void mul_multiplies_flattened_matrices(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "mul");
  IN(&o, "X", FRT_F32, -1, 3, 4);
  IN(&o, "Y", FRT_F32, 2, 6, 5);
  SET_INT(&o, "y_num_col_dims", 2);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, -1, 5);
  op_init(&o, "mul");
  IN(&o, "X", FRT_F32, 7, 2, 3);
  IN(&o, "Y", FRT_F32, 3, 5);
  SET_INT(&o, "x_num_col_dims", 2);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 7, 2, 5);
  assert_true(o.x.schema->cost(&o.x).flops == 2.0 * 14 * 3 * 5);
  assert_true(o.x.schema->cost(&o.x).bytes == 4.0 * (42 + 15 + 70));
}

static void mul_refuses_columns_that_do_not_meet(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "mul");
  IN(&o, "X", FRT_F32, 2, 3);
  IN(&o, "Y", FRT_F32, 4, 3);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Y has shape [4, 3]; wanted [3, N] as X is [2, 3] with x_num_col_dims 1");
  static const int64_t wrong[] = {0, -1, 2, 99, INT32_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
    char text[128];
    op_init(&o, "mul");
    IN(&o, "X", FRT_F32, 2, 3);
    IN(&o, "Y", FRT_F32, 3, 4);
    SET_INT(&o, "x_num_col_dims", wrong[i]);
    snprintf(text, sizeof text,
             "x_num_col_dims is %lld; wanted 1 to 1 as X has shape [2, 3]",
             (long long)wrong[i]);
    refuses(&o, FRT_INVALID_ARGUMENT, text);
  }
  op_init(&o, "mul");
  IN(&o, "X", FRT_F32, 1LL << 40, 1);
  IN(&o, "Y", FRT_F32, 1, 1LL << 40);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Out has shape [1099511627776, 1099511627776]; its size overflows 64 bits");
}

static void mul_grad_checks_the_gradient(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "mul_grad");
  IN(&o, "X", FRT_F32, 2, 3);
  IN(&o, "Y", FRT_F32, 3, 4);
  IN(&o, "Out@GRAD", FRT_F32, 2, 5);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Out@GRAD has shape [2, 5]; wanted [2, 4], the shape of Out");
  o.in_shapes[0][0].dims[1] = 4;
  accepts(&o);
  OUT(&o, "X@GRAD", FRT_F32, 2, 3);
  OUT(&o, "Y@GRAD", FRT_F32, 3, 4);
}

static void fc_with(op_t *o, int64_t w0, const char *act, int bias) {
  op_init(o, "fc");
  IN(o, "Input", FRT_F32, 2, 3, 4);
  IN(o, "W", FRT_F32, w0, 5);
  if (bias) IN(o, "Bias", FRT_F32, 1, bias);
  SET_INT(o, "in_num_col_dims", 2);
  SET_STR(o, "activation_type", act);
}

static void fc_is_mul_bias_and_relu(void **state) {
  op_t o;
  (void)state;
  fc_with(&o, 4, "relu", 5);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 2, 3, 5);
  fc_with(&o, 4, "", 0);
  accepts(&o);
  fc_with(&o, 4, "relu", 0);
  refuses(&o, FRT_INVALID_ARGUMENT, "activation_type is 'relu'; when Bias is absent, "
                                    "activation_type must be \"\"");
  fc_with(&o, 4, "tanh", 5);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "activation_type is 'tanh'; wanted \"\" or \"relu\"");
  fc_with(&o, 4, "", 6);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Bias has shape [1, 6]; wanted [5] or [1, 5] as W is [4, 5]");
  fc_with(&o, 12, "", 0);
  refuses(&o, FRT_INVALID_ARGUMENT, "W has shape [12, 5]; wanted [4, N] as Input is "
                                    "[2, 3, 4] with in_num_col_dims 2");
  fc_with(&o, 8, "", 0);
  SET_INT(&o, "padding_weights", 1);
  refuses(&o, FRT_UNIMPLEMENTED, "padding_weights is true; only false is supported");
}

static void fc_grad_needs_out_for_relu_only(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "fc_grad");
  IN(&o, "Input", FRT_F32, 2, 4);
  IN(&o, "W", FRT_F32, 4, 5);
  IN(&o, "Bias", FRT_F32, 5);
  IN(&o, "Out@GRAD", FRT_F32, 2, 5);
  accepts(&o);
  OUT(&o, "Input@GRAD", FRT_F32, 2, 4);
  OUT(&o, "W@GRAD", FRT_F32, 4, 5);
  OUT(&o, "Bias@GRAD", FRT_F32, 5);
  SET_STR(&o, "activation_type", "relu");
  refuses(&o, FRT_INVALID_ARGUMENT, "Out is absent; wanted the forward op's Out as "
                                    "activation_type is 'relu'");
  IN(&o, "Out", FRT_F32, 2, 5);
  accepts(&o);
  op_init(&o, "fc_grad");
  IN(&o, "Input", FRT_F32, 2, 4);
  IN(&o, "W", FRT_F32, 4, 5);
  IN(&o, "Out@GRAD", FRT_F32, 2, 5);
  refuses(&o, FRT_INVALID_ARGUMENT, "Bias@GRAD is wanted, but Bias is absent");
}

static void reduce_of(op_t *o, const char *type) {
  op_init(o, type);
  IN(o, "X", FRT_F32, 2, 3, 4);
}

static void reduce_drops_or_keeps_axes(void **state) {
  op_t o;
  (void)state;
  reduce_of(&o, "reduce_sum");
  SET_INTS(&o, "dim", 1, -1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 2);
  SET_INT(&o, "keep_dim", 1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 2, 1, 1);
  reduce_of(&o, "reduce_max"); /* an absent dim is [0] */
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 3, 4);
  SET_INT(&o, "reduce_all", 1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 1);
  SET_INT(&o, "keep_dim", 1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 1, 1, 1);
  reduce_of(&o, "reduce_sum"); /* naming every axis is a full reduction */
  SET_INTS(&o, "dim", 0, 1, 2);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 1);
}

static void reduce_refuses_bad_axes(void **state) {
  op_t o;
  (void)state;
  reduce_of(&o, "reduce_sum");
  SET_INTS(&o, "dim", 3);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "dim is 3; wanted -3 to 2 as X has shape [2, 3, 4]");
  SET_INTS(&o, "dim", INT32_MIN);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "dim is -2147483648; wanted -3 to 2 as X has shape [2, 3, 4]");
  SET_INTS(&o, "dim", 1, -2);
  refuses(&o, FRT_INVALID_ARGUMENT, "dim is [1, -2]; wanted every axis once, 1 is repeated "
                                    "(X has shape [2, 3, 4])");
  reduce_of(&o, "reduce_sum");
  SET_INT(&o, "out_dtype", FRT_F64);
  refuses(&o, FRT_UNIMPLEMENTED, "out_dtype is 6 (float64); wanted -1 or 5 (float32), the "
                                 "dtype of X: use a cast op");
  SET_INT(&o, "out_dtype", 77);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "out_dtype is 77, no dtype; wanted -1 or 5 (float32), the dtype of X");
  op_init(&o, "reduce_max");
  IN(&o, "X", FRT_F32, 0, 4);
  refuses(&o, FRT_INVALID_ARGUMENT, "X has shape [0, 4]; wanted at least one element to "
                                    "take the maximum of");
}

static void reduce_gradients_have_the_shape_of_x(void **state) {
  op_t o;
  (void)state;
  reduce_of(&o, "reduce_sum_grad");
  SET_INTS(&o, "dim", 1);
  IN(&o, "Out@GRAD", FRT_F32, 2, 4);
  accepts(&o);
  OUT(&o, "X@GRAD", FRT_F32, 2, 3, 4);
  SET_INT(&o, "keep_dim", 1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Out@GRAD has shape [2, 4]; wanted [2, 1, 4], the shape of the reduced X");
  reduce_of(&o, "mean_grad");
  IN(&o, "Out@GRAD", FRT_F32, 2);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Out@GRAD has shape [2]; wanted [1], the shape of the mean of X");
  reduce_of(&o, "mean");
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 1);
  assert_true(o.x.schema->cost(&o.x).flops == 24);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elementwise_broadcasts_y_at_the_axis),
      cmocka_unit_test(elementwise_refuses_what_does_not_broadcast),
      cmocka_unit_test(elementwise_gradients_have_the_shapes_of_x_and_y),
      cmocka_unit_test(comparisons_give_bools),
      cmocka_unit_test(activations_keep_the_shape),
      cmocka_unit_test(clip_wants_ordered_bounds),
      cmocka_unit_test(mul_multiplies_flattened_matrices),
      cmocka_unit_test(mul_refuses_columns_that_do_not_meet),
      cmocka_unit_test(mul_grad_checks_the_gradient),
      cmocka_unit_test(fc_is_mul_bias_and_relu),
      cmocka_unit_test(fc_grad_needs_out_for_relu_only),
      cmocka_unit_test(reduce_drops_or_keeps_axes),
      cmocka_unit_test(reduce_refuses_bad_axes),
      cmocka_unit_test(reduce_gradients_have_the_shape_of_x)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
