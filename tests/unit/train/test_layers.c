/* What layers refuse, and in which words. */
#include "fluidrt/op.h"
#include "live.h"

static void fc_names_the_flatten_dims_it_cannot_use(void **state) {
  net_t *n = *state;
  const frt_fc_options_t o = {.num_flatten_dims = 2};
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   frt_layers_fc(n->b, n->x, 3, &o, &n->out, &n->err));
  assert_string_equal(n->err.message,
                      "fc: num_flatten_dims is 2; wanted 1 to rank - 1 = 1, or -1");
  assert_string_equal(n->err.name, "num_flatten_dims");
}

static void fc_refuses_an_unknown_width(void **state) {
  net_t *n = *state;
  const int64_t dims[] = {2, -1};
  frt_var_t x;
  assert_int_equal(FRT_OK, frt_data(n->b, "wide", 2, dims, FRT_F32, &x, &n->err));
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_layers_fc(n->b, x, 3, NULL, &x, &n->err));
  assert_string_equal(n->err.message,
                      "fc: input 'wide': dim 1 is unknown; the weight needs it");
}

static void fc_refuses_size_zero_and_foreign_activations(void **state) {
  net_t *n = *state;
  const frt_fc_options_t o = {.act = "sine"};
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   frt_layers_fc(n->b, n->x, 0, NULL, &n->out, &n->err));
  assert_string_equal(n->err.message, "fc: size is 0; wanted 1 or more");
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   frt_layers_fc(n->b, n->x, 3, &o, &n->out, &n->err));
  assert_string_equal(n->err.message, "fc: act 'sine' is not known");
}

static void a_layer_refuses_no_variable(void **state) {
  net_t *n = *state;
  const frt_var_t nothing = {0};
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   frt_layers_tanh(n->b, nothing, &n->out, &n->err));
  assert_string_equal(n->err.message, "tanh: x is no variable");
}

static void a_variable_of_another_program_is_not_found(void **state) {
  net_t *n = *state;
  frt_var_t alien = n->x;
  alien.name = "nowhere";
  assert_int_equal(FRT_NOT_FOUND, frt_layers_mean(n->b, alien, &n->out, &n->err));
  assert_string_equal(n->err.message,
                      "mean: x 'nowhere' is not in block 0 of its program");
}

static void a_refused_layer_leaves_no_op(void **state) {
  net_t *n = *state;
  const uint32_t ops = frt_program_n_ops(frt_builder_main(n->b), 0);
  const int64_t dims[] = {5, 7};
  frt_var_t y;
  assert_int_equal(FRT_OK, frt_data(n->b, "y", 2, dims, FRT_F32, &y, &n->err));
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_layers_elementwise_add(
                                             n->b, n->x, y, -1, NULL, &n->out, &n->err));
  assert_memory_equal(n->err.message, "elementwise_add: op elementwise_add: ", 37);
  assert_int_equal(frt_program_n_ops(frt_builder_main(n->b), 0), ops);
}

static void a_shared_parameter_must_have_one_shape(void **state) {
  net_t *n = *state;
  const frt_param_attr_t attr = {.name = "fc_0.w_0"};
  const frt_fc_options_t o = {.param_attr = &attr};
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   frt_layers_fc(n->b, n->x, 9, &o, &n->out, &n->err));
  assert_string_equal(
      n->err.message,
      "fc: param_attr 'fc_0.w_0' exists with shape [4, 3]; wanted [4, 9]");
}

static void an_array_initializer_must_fit(void **state) {
  net_t *n = *state;
  const float data[] = {1, 2};
  const int64_t dims[] = {3};
  const frt_param_attr_t attr = {
      .name = "p", .initializer = {.kind = FRT_INIT_ARRAY, .data = data, .data_bytes = 8}};
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_layers_create_parameter(
                                             n->b, 1, dims, FRT_F32, &attr, &n->out,
                                             &n->err));
  assert_string_equal(n->err.message, "create_parameter: initializer has 8 bytes; 'p' "
                                      "wants 3 elements of float32");
}

static void padding_idx_must_be_a_row(void **state) {
  net_t *n = *state;
  const int64_t dims[] = {-1, 1};
  const frt_embedding_options_t o = {.has_padding = 1, .padding_idx = 10};
  frt_var_t ids;
  assert_int_equal(FRT_OK, frt_data(n->b, "ids", 2, dims, FRT_I64, &ids, &n->err));
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   frt_layers_embedding(n->b, ids, 10, 4, &o, &n->out, &n->err));
  assert_string_equal(n->err.message, "embedding: padding_idx is 10; wanted -10 to 9");
}

static void switch_cases_come_in_order(void **state) {
  net_t *n = *state;
  const int64_t one[] = {1};
  frt_switch_t *s;
  frt_var_t a, c, less;
  assert_int_equal(FRT_OK, frt_layers_fill_constant(n->b, 1, one, FRT_F32, 1, &a, &n->err));
  assert_int_equal(FRT_OK, frt_layers_fill_constant(n->b, 1, one, FRT_F32, 2, &c, &n->err));
  assert_int_equal(FRT_OK, frt_layers_less_than(n->b, a, c, &less, &n->err));
  assert_int_equal(FRT_OK, frt_switch_begin(n->b, &s, &n->err));
  assert_int_equal(FRT_FAILED_PRECONDITION, frt_switch_default(s, &n->err));
  assert_string_equal(n->err.message, "Switch: default comes before any case");
  assert_int_equal(FRT_FAILED_PRECONDITION, frt_switch_end_case(s, &n->err));
  assert_string_equal(n->err.message, "Switch: no case is open");
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_switch_case(s, a, &n->err));
  assert_string_equal(n->err.message,
                      "Switch: condition 'fill_constant_0.tmp_0' is float32; wanted bool");
  assert_int_equal(FRT_OK, frt_switch_case(s, less, &n->err));
  assert_int_equal(FRT_FAILED_PRECONDITION, frt_switch_case(s, less, &n->err));
  assert_string_equal(n->err.message, "Switch: a case is still open");
  assert_int_equal(FRT_OK, frt_switch_end_case(s, &n->err));
}

static void a_loop_that_never_changes_its_condition_is_refused(void **state) {
  net_t *n = *state;
  const int64_t one[] = {1};
  frt_while_t *w;
  frt_var_t a, less;
  assert_int_equal(FRT_OK, frt_layers_fill_constant(n->b, 1, one, FRT_F32, 1, &a, &n->err));
  assert_int_equal(FRT_OK, frt_layers_less_than(n->b, a, a, &less, &n->err));
  assert_int_equal(FRT_OK, frt_while_begin(n->b, less, 0, &w, &n->err));
  assert_int_equal(FRT_OK, frt_layers_increment(n->b, a, 1, 0, NULL, &n->err));
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_while_end(w, &n->err));
  assert_string_equal(n->err.message, "While: condition 'less_than_0.tmp_0' is not written "
                                      "by the body; the loop would not end");
}

static void an_unknown_op_is_refused(void **state) {
  net_t *n = *state;
  assert_int_equal(FRT_UNIMPLEMENTED, frt_append_op(n->b, "warp_drive", NULL, 0, NULL, 0,
                                                    NULL, 0, NULL, &n->err));
  assert_string_equal(n->err.message, "append_op: op warp_drive is not known here");
}

/* 1 / x, x [-1, 4]: the 1 takes its extent from the batch at hand. */
static void a_number_on_the_left_has_the_size_of_the_batch(void **state) {
  net_t *n = *state;
  float x[3][4] = {{1, 2, 4, 8}, {-1, -2, -4, -8}, {0.5f, 0.25f, 10, 100}};
  const int64_t dims[] = {3, 4};
  double got[12];
  frt_feed_t feed = {"x", NULL};
  frt_var_t out;
  live_t l;
  assert_int_equal(FRT_OK, frt_var_op_number(n->b, "div", n->x, 1, 1, &out, &n->err));
  assert_int_equal(FRT_OK, frt_tensor_wrap(FRT_F32, 2, dims, x, sizeof x, &feed.tensor,
                                           &n->err));
  live_open(&l, n->b, &n->err);
  assert_int_equal(12, live_run(&l, frt_builder_main(n->b), &feed, 1, out.name, got, 12,
                                &n->err));
  for (int i = 0; i < 12; ++i) assert_true((float)got[i] == 1 / x[i / 4][i % 4]);
  live_close(&l);
  frt_tensor_release(feed.tensor);
}

/* Every op that the library knows and that is no gradient can be appended. */
static void every_known_op_can_be_appended(void **state) {
  net_t *n = *state;
  for (size_t i = 0; i < frt_op_count(); ++i) {
    const char *type = frt_op_at(i)->type;
    if (strstr(type, "_grad")) continue;
    const frt_status_t status =
        frt_append_op(n->b, type, NULL, 0, NULL, 0, NULL, 0, NULL, &n->err);
    if (status == FRT_UNIMPLEMENTED) fail_msg("%s: %s", type, n->err.message);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      NET_TEST(fc_names_the_flatten_dims_it_cannot_use),
      NET_TEST(fc_refuses_an_unknown_width),
      NET_TEST(fc_refuses_size_zero_and_foreign_activations),
      NET_TEST(a_layer_refuses_no_variable),
      NET_TEST(a_variable_of_another_program_is_not_found),
      NET_TEST(a_refused_layer_leaves_no_op),
      NET_TEST(a_shared_parameter_must_have_one_shape),
      NET_TEST(an_array_initializer_must_fit),
      NET_TEST(padding_idx_must_be_a_row),
      NET_TEST(switch_cases_come_in_order),
      NET_TEST(a_loop_that_never_changes_its_condition_is_refused),
      NET_TEST(an_unknown_op_is_refused),
      NET_TEST(a_number_on_the_left_has_the_size_of_the_batch),
      NET_TEST(every_known_op_can_be_appended),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
