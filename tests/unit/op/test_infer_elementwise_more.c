/* infer_shape of the further elementwise ops. */
#include "infer.h"

static const char *const types[] = {"elementwise_min", "elementwise_pow", "elementwise_mod",
                                    "elementwise_floordiv"};

static void y_is_laid_along_x(void **state) {
  (void)state;
  for (size_t t = 0; t < sizeof types / sizeof *types; ++t) {
    op_t o;
    op_init(&o, types[t]);
    IN(&o, "X", FRT_I64, 2, 3, 4);
    IN(&o, "Y", FRT_I64, 3, 1);
    SET_INT(&o, "axis", 1);
    accepts(&o);
    OUT(&o, "Out", FRT_I64, 2, 3, 4);
  }
}

static void axis_and_shapes_must_fit(void **state) {
  (void)state;
  for (size_t t = 0; t < sizeof types / sizeof *types; ++t) {
    op_t o;
    op_init(&o, types[t]);
    IN(&o, "X", FRT_I64, 2, 3);
    IN(&o, "Y", FRT_I64, 2);
    refuses(&o, FRT_INVALID_ARGUMENT,
            "Y has shape [2]; wanted dims of X [2, 3] from axis 1 on (axis is -1)");
    SET_INT(&o, "axis", -2);
    refuses(&o, FRT_INVALID_ARGUMENT,
            "axis is -2; wanted -1 to 1 as X has shape [2, 3]");
    SET_INT(&o, "axis", INT32_MIN);
    refuses(&o, FRT_INVALID_ARGUMENT,
            "axis is -2147483648; wanted -1 to 1 as X has shape [2, 3]");
    SET_INT(&o, "axis", 2);
    refuses(&o, FRT_INVALID_ARGUMENT, "axis is 2; wanted -1 to 1 as X has shape [2, 3]");
    op_init(&o, types[t]);
    IN(&o, "X", FRT_I64, 3);
    IN(&o, "Y", FRT_I64, 2, 3);
    refuses(&o, FRT_INVALID_ARGUMENT,
            "Y has shape [2, 3]; wanted rank 1 at most as X has shape [3]");
  }
}

static void dtypes_must_agree(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "elementwise_pow");
  IN(&o, "X", FRT_F32, 2, 3);
  IN(&o, "Y", FRT_I64, 3);
  refuses(&o, FRT_INVALID_ARGUMENT, "Y has dtype int64; wanted float32, the dtype of X");
  op_init(&o, "elementwise_floordiv");
  IN(&o, "X", FRT_F32, 2, 3);
  IN(&o, "Y", FRT_F32, 3);
  refuses(&o, FRT_INVALID_ARGUMENT, "X has dtype float32; wanted int32, int64");
}

static void gradients_have_the_shapes_of_x_and_y(void **state) {
  static const char *const grads[] = {"elementwise_min_grad", "elementwise_pow_grad"};
  (void)state;
  for (size_t t = 0; t < 2; ++t) {
    op_t o;
    op_init(&o, grads[t]);
    IN(&o, "Out@GRAD", FRT_F32, 2, 3);
    IN(&o, "X", FRT_F32, 2, 3);
    IN(&o, "Y", FRT_F32, 3);
    accepts(&o);
    OUT(&o, "X@GRAD", FRT_F32, 2, 3);
    OUT(&o, "Y@GRAD", FRT_F32, 3);
    op_no_out(&o, "X@GRAD");
    accepts(&o);
    o.in_shapes[0][0].dims[0] = 5;
    refuses(&o, FRT_INVALID_ARGUMENT,
            "Out@GRAD has shape [5, 3]; wanted [2, 3], the shape of X");
  }
}

static void only_min_and_pow_have_gradients(void **state) {
  (void)state;
  assert_string_equal(frt_op_find("elementwise_min")->grad, "elementwise_min_grad");
  assert_string_equal(frt_op_find("elementwise_pow")->grad, "elementwise_pow_grad");
  assert_string_equal(frt_op_find("elementwise_mod")->grad, FRT_NO_GRAD);
  assert_string_equal(frt_op_find("elementwise_floordiv")->grad, FRT_NOT_DIFFERENTIABLE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(y_is_laid_along_x),
      cmocka_unit_test(axis_and_shapes_must_fit),
      cmocka_unit_test(dtypes_must_agree),
      cmocka_unit_test(gradients_have_the_shapes_of_x_and_y),
      cmocka_unit_test(only_min_and_pow_have_gradients)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
