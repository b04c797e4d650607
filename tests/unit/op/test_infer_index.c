/* Shapes of ops on positions. */
#include "infer.h"

static void gather_wants_a_list_of_rows(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "gather");
  IN(&o, "X", FRT_F32, 6, 4);
  IN(&o, "Index", FRT_I32, 3, 1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 3, 4);
  o.in_shapes[1][0].dims[1] = 2;
  refuses(&o, FRT_INVALID_ARGUMENT, "Index has shape [3, 2]; wanted [N] or [N, 1]");
  op_init(&o, "gather");
  IN(&o, "X", FRT_F32, 6, 4);
  IN(&o, "Index", FRT_F32, 3);
  refuses(&o, FRT_INVALID_ARGUMENT, "Index has dtype float32; wanted int32, int64");
}

static void one_hot_wants_a_depth(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "one_hot");
  IN(&o, "X", FRT_I64, 6, 1);
  refuses(&o, FRT_INVALID_ARGUMENT, "depth is -1; wanted 1 at least");
  SET_INT(&o, "depth", 0);
  refuses(&o, FRT_INVALID_ARGUMENT, "depth is 0; wanted 1 at least");
  SET_INT(&o, "depth", 4);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 6, 4);
  o.in_shapes[0][0].dims[1] = 2;
  refuses(&o, FRT_INVALID_ARGUMENT, "X has shape [6, 2]; wanted [..., 1], rank 2 at least");
}

static void arg_max_and_argsort_want_an_axis_of_x(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "arg_max");
  IN(&o, "X", FRT_F32, 6, 4);
  SET_INT(&o, "axis", 1);
  accepts(&o);
  OUT(&o, "Out", FRT_I64, 6);
  SET_INT(&o, "axis", 2);
  refuses(&o, FRT_INVALID_ARGUMENT, "axis is 2; wanted -2 to 1 as X has shape [6, 4]");
  op_init(&o, "argsort");
  IN(&o, "X", FRT_F32, 6, 4);
  SET_INT(&o, "axis", -3);
  refuses(&o, FRT_INVALID_ARGUMENT, "axis is -3; wanted -2 to 1 as X has shape [6, 4]");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gather_wants_a_list_of_rows),
      cmocka_unit_test(one_hot_wants_a_depth),
      cmocka_unit_test(arg_max_and_argsort_want_an_axis_of_x),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
