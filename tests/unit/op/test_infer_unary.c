/* Shapes and attributes of the ops that map one tensor, of norm and of cumsum. */
#include <float.h>
#include <math.h>

#include "infer.h"

static void unary_ops_keep_the_shape(void **state) {
  static const char *const ops[] = {
      "abs", "exp", "log", "floor", "ceil", "round", "sin", "cos", "atan", "erf", "rsqrt",
      "reciprocal", "pow", "gelu", "elu", "relu6", "leaky_relu", "softplus", "softsign",
      "hard_shrink", "hard_sigmoid", "hard_swish", "swish", "stanh", "tanh_shrink",
      "logsigmoid", "brelu"};
  (void)state;
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; ++i) {
    op_t o;
    op_init(&o, ops[i]);
    IN(&o, "X", FRT_F32, -1, 3);
    accepts(&o);
    OUT(&o, "Out", FRT_F32, -1, 3);
    op_init(&o, ops[i]);
    IN(&o, "X", FRT_I64, 2, 3);
    refuses(&o, FRT_INVALID_ARGUMENT, "X has dtype int64; wanted float32, float64");
  }
}

/* Each op's gradient is there, and takes Out@GRAD and X or Out of one shape. */
static void gradients_want_like_shapes(void **state) {
  static const char *const from_x[] = {
      "abs_grad", "log_grad", "sin_grad", "cos_grad", "atan_grad", "erf_grad", "pow_grad",
      "gelu_grad", "elu_grad", "softplus_grad", "softsign_grad", "hard_shrink_grad",
      "hard_swish_grad", "swish_grad", "stanh_grad", "tanh_shrink_grad", "logsigmoid_grad",
      "brelu_grad"};
  static const char *const from_out[] = {"exp_grad", "rsqrt_grad", "reciprocal_grad",
                                         "relu6_grad", "leaky_relu_grad",
                                         "hard_sigmoid_grad"};
  op_t o;
  (void)state;
  for (size_t i = 0; i < sizeof from_x / sizeof from_x[0]; ++i) {
    op_init(&o, from_x[i]);
    IN(&o, "X", FRT_F32, -1, 3);
    IN(&o, "Out@GRAD", FRT_F32, 5, 3);
    accepts(&o);
    OUT(&o, "X@GRAD", FRT_F32, 5, 3);
    o.in_shapes[frt_infer_index_(o.x.schema->inputs, "Out@GRAD")][0].dims[1] = 4;
    refuses(&o, FRT_INVALID_ARGUMENT,
            "Out@GRAD has shape [5, 4]; wanted [-1, 3], the shape of X");
  }
  for (size_t i = 0; i < sizeof from_out / sizeof from_out[0]; ++i) {
    op_init(&o, from_out[i]);
    IN(&o, "Out", FRT_F32, 2, 3);
    IN(&o, "Out@GRAD", FRT_F64, 2, 3);
    refuses(&o, FRT_INVALID_ARGUMENT,
            "Out@GRAD has dtype float64; wanted float32, the dtype of Out");
  }
}

static void steps_have_a_gradient_without_data(void **state) {
  static const char *const ops[] = {"floor_grad", "ceil_grad", "round_grad"};
  (void)state;
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; ++i) {
    op_t o;
    op_init(&o, ops[i]);
    IN(&o, "Out@GRAD", FRT_F32, 4, 2);
    accepts(&o);
    OUT(&o, "X@GRAD", FRT_F32, 4, 2);
    assert_true(o.x.schema->inputs[0].flags & FRT_SLOT_SHAPE_ONLY);
  }
}

static void pow_wants_one_factor(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "pow");
  IN(&o, "X", FRT_F32, 4);
  IN(&o, "FactorTensor", FRT_F32, 1);
  accepts(&o);
  o.in_shapes[1][0].dims[0] = 2;
  refuses(&o, FRT_INVALID_ARGUMENT, "FactorTensor has shape [2]; wanted one element");
  op_init(&o, "pow_grad");
  IN(&o, "X", FRT_F32, 4);
  IN(&o, "Out@GRAD", FRT_F32, 4);
  IN(&o, "FactorTensor", FRT_F64, 1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "FactorTensor has dtype float64; wanted float32, the dtype of X");
}

static void brelu_and_hard_swish_check_their_numbers(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "brelu");
  IN(&o, "X", FRT_F32, 4);
  SET_F32(&o, "t_min", 3);
  SET_F32(&o, "t_max", 2);
  refuses(&o, FRT_INVALID_ARGUMENT, "t_min is 3, t_max is 2; wanted t_min <= t_max");
  SET_F32(&o, "t_max", 3);
  accepts(&o);
  SET_F32(&o, "t_max", (double)INFINITY);
  accepts(&o);
  SET_F32(&o, "t_min", (double)NAN);
  refuses(&o, FRT_INVALID_ARGUMENT, "t_min is nan, t_max is inf; wanted t_min <= t_max");
  op_init(&o, "brelu_grad");
  IN(&o, "X", FRT_F32, 4);
  IN(&o, "Out@GRAD", FRT_F32, 4);
  SET_F32(&o, "t_max", -1);
  refuses(&o, FRT_INVALID_ARGUMENT, "t_min is 0, t_max is -1; wanted t_min <= t_max");
  op_init(&o, "hard_swish");
  IN(&o, "X", FRT_F32, 4);
  SET_F32(&o, "scale", 0);
  refuses(&o, FRT_INVALID_ARGUMENT, "scale is 0; wanted another number");
  op_init(&o, "hard_swish_grad");
  IN(&o, "X", FRT_F32, 4);
  IN(&o, "Out@GRAD", FRT_F32, 4);
  SET_F32(&o, "scale", 0);
  refuses(&o, FRT_INVALID_ARGUMENT, "scale is 0; wanted another number");
}

/* The loader checks ranges; NaN is outside every one. */
static void ranges_are_declared(void **state) {
  static const struct { const char *op, *attr; double lo; } rows[] = {
      {"elu", "alpha", -FLT_MAX}, {"relu6", "threshold", 0}, {"relu6_grad", "threshold", 0},
      {"leaky_relu", "alpha", -FLT_MAX}, {"leaky_relu_grad", "alpha", 0},
      {"hard_shrink", "threshold", -FLT_MAX}, {"hard_sigmoid", "slope", -FLT_MAX},
      {"hard_swish", "threshold", 0}, {"swish", "beta", -FLT_MAX},
      {"stanh", "scale_a", -FLT_MAX}, {"pow", "factor", -FLT_MAX}, {"norm", "epsilon", 0}};
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
    const frt_op_schema_t *s = frt_op_find(rows[i].op);
    const frt_attr_def_t *a = s->attrs;
    while (strcmp(a->name, rows[i].attr)) ++a;
    assert_true(a->flags & FRT_ATTR_RANGE);
    assert_true(a->lo == rows[i].lo);
    assert_true(a->hi == (double)FLT_MAX);
  }
}

static void norm_wants_an_axis_of_x(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "norm");
  IN(&o, "X", FRT_F32, -1, 3, 4);
  SET_INT(&o, "axis", -2);
  accepts(&o);
  OUT(&o, "Norm", FRT_F32, -1, 1, 4);
  OUT(&o, "Out", FRT_F32, -1, 3, 4);
  SET_INT(&o, "axis", 3);
  refuses(&o, FRT_INVALID_ARGUMENT, "axis is 3; wanted -3 to 2 as X has shape [-1, 3, 4]");
  SET_INT(&o, "axis", -4);
  refuses(&o, FRT_INVALID_ARGUMENT, "axis is -4; wanted -3 to 2 as X has shape [-1, 3, 4]");
  SET_INT(&o, "axis", INT32_MIN);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "axis is -2147483648; wanted -3 to 2 as X has shape [-1, 3, 4]");
}

static void norm_grad_wants_the_norm_of_x(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "norm_grad");
  IN(&o, "X", FRT_F32, 2, 3);
  IN(&o, "Out@GRAD", FRT_F32, 2, 3);
  IN(&o, "Norm", FRT_F32, 2, 1);
  SET_INT(&o, "axis", 1);
  accepts(&o);
  OUT(&o, "X@GRAD", FRT_F32, 2, 3);
  SET_INT(&o, "axis", 0);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Norm has shape [2, 1]; wanted [1, 3], the shape of X with one element along axis");
}

static void cumsum_wants_an_axis_of_x(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "cumsum");
  IN(&o, "X", FRT_I64, 2, -1);
  accepts(&o);
  OUT(&o, "Out", FRT_I64, 2, -1);
  SET_INT(&o, "axis", 2);
  refuses(&o, FRT_INVALID_ARGUMENT, "axis is 2; wanted -2 to 1 as X has shape [2, -1]");
  op_init(&o, "cumsum");
  IN(&o, "X", FRT_BOOL, 2);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "X has dtype bool; wanted int32, int64, float32, float64");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unary_ops_keep_the_shape),
      cmocka_unit_test(gradients_want_like_shapes),
      cmocka_unit_test(steps_have_a_gradient_without_data),
      cmocka_unit_test(pow_wants_one_factor),
      cmocka_unit_test(brelu_and_hard_swish_check_their_numbers),
      cmocka_unit_test(ranges_are_declared),
      cmocka_unit_test(norm_wants_an_axis_of_x),
      cmocka_unit_test(norm_grad_wants_the_norm_of_x),
      cmocka_unit_test(cumsum_wants_an_axis_of_x)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
