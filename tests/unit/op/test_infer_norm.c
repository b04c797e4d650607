/* Shapes of the normalizing ops. */
#include "infer.h"

static void layer_norm_keeps_one_number_a_row(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "layer_norm");
  IN(&o, "X", FRT_F32, 2, 3, 4, 5);
  IN(&o, "Scale", FRT_F32, 20);
  SET_INT(&o, "begin_norm_axis", 2);
  accepts(&o);
  OUT(&o, "Y", FRT_F32, 2, 3, 4, 5);
  OUT(&o, "Mean", FRT_F32, 6);
  OUT(&o, "Variance", FRT_F32, 6);
  o.in_shapes[0][0].dims[0] = -1;
  accepts(&o);
  OUT(&o, "Mean", FRT_F32, -1);
  IN(&o, "Bias", FRT_F32, 5);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Bias has shape [5]; wanted [20], the elements of X from begin_norm_axis on");
  o.in_shapes[1][0].dtype = FRT_F64;
  refuses(&o, FRT_INVALID_ARGUMENT, "Scale has dtype float64; wanted float32, the dtype of X");
}

static void layer_norm_begins_behind_the_first_dim(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "layer_norm");
  IN(&o, "X", FRT_F32, 2, 3);
  SET_INT(&o, "begin_norm_axis", 2);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "begin_norm_axis is 2; wanted 1 to 1 as X has shape [2, 3]");
  SET_INT(&o, "begin_norm_axis", 0);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "begin_norm_axis is 0; wanted 1 to 1 as X has shape [2, 3]");
}

static void layer_norm_grad_wants_what_forward_left(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "layer_norm_grad");
  IN(&o, "X", FRT_F64, -1, 3);
  IN(&o, "Y@GRAD", FRT_F64, 5, 3);
  IN(&o, "Mean", FRT_F64, 5);
  IN(&o, "Variance", FRT_F64, 5);
  accepts(&o);
  OUT(&o, "X@GRAD", FRT_F64, 5, 3);
  OUT(&o, "Scale@GRAD", FRT_F64, 3);
  OUT(&o, "Bias@GRAD", FRT_F64, 3);
  o.in_shapes[4][0].dims[0] = 4;
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Mean has shape [5]; wanted [4], the rows of X before begin_norm_axis");
  o.in_shapes[4][0].dims[0] = 5;
  o.in_shapes[5][0].dims[1] = 4;
  refuses(&o, FRT_INVALID_ARGUMENT, "Y@GRAD has shape [5, 4]; wanted [5, 3], the shape of X");
}

static void batch_norm_finds_its_channels(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "batch_norm");
  IN(&o, "X", FRT_F32, -1, 3, 4, 5);
  IN(&o, "Scale", FRT_F32, 3);
  IN(&o, "Bias", FRT_F32, 3);
  IN(&o, "Mean", FRT_F32, 3);
  IN(&o, "Variance", FRT_F32, 3);
  accepts(&o);
  OUT(&o, "Y", FRT_F32, -1, 3, 4, 5);
  OUT(&o, "MeanOut", FRT_F32, 3);
  OUT(&o, "SavedVariance", FRT_F32, 3);
  OUT(&o, "ReserveSpace", FRT_F32, 0);
  op_no_out(&o, "VarianceOut");
  refuses(&o, FRT_INVALID_ARGUMENT,
          "VarianceOut is missing; wanted the variable of its input, as is_test is false");
  SET_INT(&o, "is_test", 1);
  accepts(&o);
  SET_INT(&o, "trainable_statistics", 1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "VarianceOut is missing; wanted the variable of its input, as is_test is false");
  SET_INT(&o, "use_global_stats", 1);
  accepts(&o);
  SET_STR(&o, "data_layout", "NHWC");
  refuses(&o, FRT_INVALID_ARGUMENT, "Scale has shape [3]; wanted [5], the channels of X");
  SET_STR(&o, "data_layout", "CHWN");
  refuses(&o, FRT_INVALID_ARGUMENT, "data_layout is 'CHWN'; wanted NCHW or NHWC");
  SET_STR(&o, "data_layout", "NCHW");
  IN(&o, "MomentumTensor", FRT_F32, 2);
  refuses(&o, FRT_INVALID_ARGUMENT, "MomentumTensor has shape [2]; wanted [1]");
  SET_INT(&o, "fuse_with_relu", 1);
  refuses(&o, FRT_UNIMPLEMENTED, "fuse_with_relu is true; only false is supported");
  o.in_shapes[0][0].rank = 1;
  refuses(&o, FRT_INVALID_ARGUMENT, "X has shape [-1]; wanted rank 2 to 5");
}

static void batch_norm_grad_wants_what_it_normalized_with(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "batch_norm_grad");
  IN(&o, "X", FRT_F64, 2, 3);
  IN(&o, "Y@GRAD", FRT_F64, 2, 3);
  IN(&o, "Scale", FRT_F64, 3);
  IN(&o, "Bias", FRT_F64, 3);
  IN(&o, "SavedMean", FRT_F64, 3);
  IN(&o, "SavedVariance", FRT_F64, 3);
  accepts(&o);
  OUT(&o, "X@GRAD", FRT_F64, 2, 3);
  OUT(&o, "Scale@GRAD", FRT_F64, 3);
  OUT(&o, "Bias@GRAD", FRT_F64, 3);
  SET_INT(&o, "use_global_stats", 1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Mean is missing; wanted the running mean as use_global_stats is true");
  IN(&o, "Mean", FRT_F64, 3);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Variance is missing; wanted the running variance as use_global_stats is true");
  IN(&o, "Variance", FRT_F64, 3);
  accepts(&o);
  SET_INT(&o, "is_test", 1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "is_test is true; wanted false: use_global_stats trains on running statistics");
  SET_INT(&o, "trainable_statistics", 1);
  accepts(&o);
}

static void group_norm_wants_groups_of_one_size(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "group_norm");
  IN(&o, "X", FRT_F32, 2, 6, 4);
  refuses(&o, FRT_INVALID_ARGUMENT, "groups is 0; wanted a divisor of 6, the channels of X");
  SET_INT(&o, "groups", 4);
  refuses(&o, FRT_INVALID_ARGUMENT, "groups is 4; wanted a divisor of 6, the channels of X");
  SET_INT(&o, "groups", -1);
  refuses(&o, FRT_INVALID_ARGUMENT, "groups is -1; wanted a divisor of 6, the channels of X");
  SET_INT(&o, "groups", 3);
  accepts(&o);
  OUT(&o, "Mean", FRT_F32, 2, 3);
  OUT(&o, "Variance", FRT_F32, 2, 3);
  OUT(&o, "Y", FRT_F32, 2, 6, 4);
  SET_STR(&o, "data_layout", "NHWC");
  refuses(&o, FRT_INVALID_ARGUMENT, "groups is 3; wanted a divisor of 4, the channels of X");
  op_init(&o, "group_norm_grad");
  IN(&o, "Y", FRT_F32, 2, 6, 4);
  IN(&o, "Y@GRAD", FRT_F32, 2, 6, 4);
  IN(&o, "Variance", FRT_F32, 2, 2);
  SET_INT(&o, "groups", 3);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Variance has shape [2, 2]; wanted [2, 3], the shape of Y's samples and groups");
  o.in_shapes[2][0].dims[1] = 3;
  accepts(&o);
  OUT(&o, "X@GRAD", FRT_F32, 2, 6, 4);
  OUT(&o, "Scale@GRAD", FRT_F32, 6);
}

static void instance_norm_keeps_one_number_a_sample_and_channel(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "instance_norm");
  IN(&o, "X", FRT_F32, 2, 3, 4);
  IN(&o, "Scale", FRT_F32, 3);
  IN(&o, "Bias", FRT_F32, 2);
  refuses(&o, FRT_INVALID_ARGUMENT, "Bias has shape [2]; wanted [3], the channels of X");
  o.in_shapes[2][0].dims[0] = 3;
  accepts(&o);
  OUT(&o, "SavedMean", FRT_F32, 6);
  OUT(&o, "SavedVariance", FRT_F32, 6);
  o.in_shapes[0][0].rank = 6;
  refuses(&o, FRT_INVALID_ARGUMENT, "X has shape [2, 3, 4, 0, 0, 0]; wanted rank 2 to 5");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(layer_norm_keeps_one_number_a_row),
      cmocka_unit_test(layer_norm_begins_behind_the_first_dim),
      cmocka_unit_test(layer_norm_grad_wants_what_forward_left),
      cmocka_unit_test(batch_norm_finds_its_channels),
      cmocka_unit_test(batch_norm_grad_wants_what_it_normalized_with),
      cmocka_unit_test(group_norm_wants_groups_of_one_size),
      cmocka_unit_test(instance_norm_keeps_one_number_a_sample_and_channel),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
