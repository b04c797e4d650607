/* Shapes and attributes of lookups, dropout, randint, select_input and reductions. */
#include "infer.h"

static void lookup_puts_the_width_behind_the_ids(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "lookup_table");
  IN(&o, "W", FRT_F32, 20, 6);
  IN(&o, "Ids", FRT_I64, -1, 1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, -1, 6);
  op_init(&o, "lookup_table_v2");
  IN(&o, "W", FRT_F32, 20, 6);
  IN(&o, "Ids", FRT_I64, -1, 4);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, -1, 4, 6);
  op_init(&o, "lookup_table_v2_grad");
  IN(&o, "W", FRT_F32, 20, 6);
  IN(&o, "Ids", FRT_I64, 3, 4);
  IN(&o, "Out@GRAD", FRT_F32, 3, 4, 6);
  accepts(&o);
  OUT(&o, "W@GRAD", FRT_F32, 20, 6);
}

static void lookup_refuses_ids_of_another_kind(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "lookup_table");
  IN(&o, "W", FRT_F32, 20, 6);
  IN(&o, "Ids", FRT_I64, 5);
  refuses(&o, FRT_INVALID_ARGUMENT, "Ids has shape [5]; wanted [..., 1]");
  op_init(&o, "lookup_table");
  IN(&o, "W", FRT_F32, 20, 6);
  IN(&o, "Ids", FRT_I32, 5, 1);
  refuses(&o, FRT_INVALID_ARGUMENT, "Ids has dtype int32; wanted int64");
  op_init(&o, "lookup_table_v2");
  IN(&o, "W", FRT_F32, 20);
  IN(&o, "Ids", FRT_I64, 5);
  refuses(&o, FRT_INVALID_ARGUMENT, "W has shape [20]; wanted [rows, width]");
}

static void lookup_wants_a_local_table_and_a_padding_row(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "lookup_table");
  IN(&o, "W", FRT_F32, 20, 6);
  IN(&o, "Ids", FRT_I64, 5, 1);
  SET_INT(&o, "is_sparse", 1);
  SET_INT(&o, "padding_idx", 19);
  accepts(&o);
  SET_INT(&o, "padding_idx", 20);
  refuses(&o, FRT_INVALID_ARGUMENT, "padding_idx is 20; wanted a row of W, which has shape "
                                    "[20, 6], or -1 for none");
  SET_INT(&o, "padding_idx", -2);
  refuses(&o, FRT_INVALID_ARGUMENT, "padding_idx is -2; wanted a row of W, which has shape "
                                    "[20, 6], or -1 for none");
  SET_INT(&o, "padding_idx", -1);
  SET_INT(&o, "remote_prefetch", 1);
  refuses(&o, FRT_UNIMPLEMENTED,
          "remote_prefetch is true; only false is supported: the table is local");
  SET_INT(&o, "is_distributed", 1);
  refuses(&o, FRT_UNIMPLEMENTED,
          "is_distributed is true; only false is supported: the table is local");
  SET_INT(&o, "is_distributed", 0);
  SET_INT(&o, "remote_prefetch", 0);
  op_attr(&o, "epmap")->count = 2;
  refuses(&o, FRT_UNIMPLEMENTED,
          "epmap has 2 endpoints; none are supported: the table is local");
}

static void dropout_knows_two_implementations(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "dropout");
  IN(&o, "X", FRT_F32, -1, 5);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, -1, 5);
  OUT(&o, "Mask", FRT_U8, -1, 5);
  SET_STR(&o, "dropout_implementation", "inverted");
  refuses(&o, FRT_INVALID_ARGUMENT, "dropout_implementation is 'inverted'; wanted "
                                    "\"downgrade_in_infer\" or \"upscale_in_train\"");
  op_init(&o, "dropout_grad");
  IN(&o, "Mask", FRT_U8, 4, 5);
  IN(&o, "Out@GRAD", FRT_F32, 4, 5);
  accepts(&o);
  OUT(&o, "X@GRAD", FRT_F32, 4, 5);
  SET_INT(&o, "is_test", 1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "is_test is true; wanted false: there is no gradient in test mode");
}

/* The bounds that the planner checks before infer_shape. */
static void dropout_and_losses_bound_their_numbers(void **state) {
  static const struct { const char *op, *attr; double lo, hi; } rows[] = {
      {"dropout", "dropout_prob", 0, 1}, {"dropout_grad", "dropout_prob", 0, 1},
      {"huber_loss", "delta", 0, 3e38}, {"log_loss", "epsilon", 0, 3e38}};
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
    const frt_op_schema_t *s = frt_op_find(rows[i].op);
    int k = 0;
    while (strcmp(s->attrs[k].name, rows[i].attr)) ++k;
    assert_true(s->attrs[k].flags & FRT_ATTR_RANGE);
    assert_true(s->attrs[k].lo == rows[i].lo && s->attrs[k].hi >= rows[i].hi);
    if (rows[i].hi == 1) assert_true(s->attrs[k].hi == 1);
  }
}

static void randint_wants_an_order_and_a_shape(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "randint");
  SET_INT(&o, "low", 0);
  SET_INT(&o, "high", 50);
  SET_INTS(&o, "shape", 3, 2);
  accepts(&o);
  OUT(&o, "Out", FRT_I64, 3, 2);
  SET_INT(&o, "dtype", FRT_I32);
  accepts(&o);
  OUT(&o, "Out", FRT_I32, 3, 2);
  SET_INT(&o, "dtype", FRT_F32);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "dtype is 5 (float32); wanted the number of int32, int64");
  SET_INT(&o, "high", 0);
  refuses(&o, FRT_INVALID_ARGUMENT, "low is 0, high is 0; wanted low < high");
  SET_INT(&o, "high", 4294967296);
  refuses(&o, FRT_INVALID_ARGUMENT, "low is 0, high is 4294967296; wanted numbers of 32 bits");
  SET_INT(&o, "high", 50);
  SET_INT(&o, "dtype", FRT_I64);
  SET_INTS(&o, "shape", 3, -1);
  refuses(&o, FRT_INVALID_ARGUMENT, "shape is [3, -1]; wanted extents >= 1");
}

static void select_input_wants_like_inputs(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "select_input");
  IN(&o, "X", FRT_F32, -1, 3);
  IN(&o, "X", FRT_F32, 2, 3);
  IN(&o, "Mask", FRT_I32, 1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 2, 3);
  IN(&o, "X", FRT_F32, 2, 4);
  refuses(&o, FRT_INVALID_ARGUMENT, "X[2] has shape [2, 4]; wanted [2, 3], the shape of X[0]");
  o.in[0].count = 2;
  o.in_shapes[1][0].dims[0] = 2;
  refuses(&o, FRT_INVALID_ARGUMENT, "Mask has shape [2]; wanted one element");
  o.in[0].count = 0;
  refuses(&o, FRT_INVALID_ARGUMENT, "X has no tensor; wanted at least one");
}

static void more_reductions_share_the_rules(void **state) {
  op_t o;
  (void)state;
  op_init(&o, "reduce_mean");
  IN(&o, "X", FRT_F32, 2, 3, 4);
  SET_INTS(&o, "dim", 1, -1);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 2);
  SET_INTS(&o, "dim", 2, -1);
  refuses(&o, FRT_INVALID_ARGUMENT, "dim is [2, -1]; wanted every axis once, 2 is repeated (X "
                                    "has shape [2, 3, 4])");
  op_init(&o, "reduce_min");
  IN(&o, "X", FRT_I64, 0, 3);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "X has shape [0, 3]; wanted at least one element to take the minimum of");
  op_init(&o, "reduce_mean");
  IN(&o, "X", FRT_F32, 0, 3);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "X has shape [0, 3]; wanted at least one element to take the mean of");
  op_init(&o, "reduce_prod");
  IN(&o, "X", FRT_F32, 0, 3);
  accepts(&o);
  OUT(&o, "Out", FRT_F32, 3);
  op_init(&o, "reduce_prod_grad");
  IN(&o, "X", FRT_F32, 2, 3);
  IN(&o, "Out", FRT_F32, 3);
  IN(&o, "Out@GRAD", FRT_F32, 2);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Out@GRAD has shape [2]; wanted [3], the shape of the reduced X");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lookup_puts_the_width_behind_the_ids),
      cmocka_unit_test(lookup_refuses_ids_of_another_kind),
      cmocka_unit_test(lookup_wants_a_local_table_and_a_padding_row),
      cmocka_unit_test(dropout_knows_two_implementations),
      cmocka_unit_test(dropout_and_losses_bound_their_numbers),
      cmocka_unit_test(randint_wants_an_order_and_a_shape),
      cmocka_unit_test(select_input_wants_like_inputs),
      cmocka_unit_test(more_reductions_share_the_rules)};
  return cmocka_run_group_tests_name("lookup, dropout, randint, select shapes", tests, NULL,
                                     NULL);
}
