/* Variables, graphs, gradients: values by hand. */
#include "guard.h"

#include "imperative/guard.h"

static void a_layer_has_run_when_it_returns(void **state) {
  guard_t *g = *state;
  frt_var_t x = variable(g, 2, 2, (const float[]){-1, 2, 3, -4}), y, z;
  OK(frt_layers_relu(g->b, x, &y, &g->err));
  value_is(g, y, F(0, 2, 3, 0));
  OK(frt_var_op_number(g->b, "mul", y, 3, 0, &z, &g->err));
  OK(frt_layers_reduce_sum(g->b, z, NULL, &z, &g->err));
  value_is(g, z, F(15));
}

/* y = sum(x * w): dy/dw = x, dy/dx = w; a vector is seeded with ones. */
static void gradients_are_those_of_the_formula(void **state) {
  guard_t *g = *state;
  frt_var_t x = variable(g, 3, 0, (const float[]){1, 2, 3});
  frt_var_t w = variable(g, 3, 0, (const float[]){5, 7, 11}), y;
  frt_tensor_t *none = NULL;
  OK(frt_var_stop_gradient(g->b, w, 0, &g->err));
  OK(frt_layers_elementwise_mul(g->b, x, w, -1, NULL, &y, &g->err));
  FAILS(FRT_NOT_FOUND, "gradient: variable 'generated_var_1' has no gradient",
        frt_imperative_gradient(g->im, w, &none, &g->err));
  OK(frt_imperative_backward(g->im, y, &g->err));
  gradient_is(g, w, F(1, 2, 3));
  FAILS(FRT_NOT_FOUND, "gradient: variable 'generated_var_0' has no gradient",
        frt_imperative_gradient(g->im, x, &none, &g->err)); /* it stops gradients */
  value_is(g, y, F(5, 14, 33)); /* still there */
  OK(frt_imperative_clear_gradients(g->im, &w, 1, &g->err));
  gradient_is(g, w, F(0, 0, 0));
  assert_null(none);
}

/* Within one backward contributions add up; the next one replaces the sum. */
static void a_backward_replaces_the_gradient(void **state) {
  guard_t *g = *state;
  frt_var_t w = variable(g, 2, 0, (const float[]){3, 4}), y;
  OK(frt_var_stop_gradient(g->b, w, 0, &g->err));
  OK(frt_layers_elementwise_mul(g->b, w, w, -1, NULL, &y, &g->err));
  OK(frt_imperative_backward(g->im, y, &g->err));
  gradient_is(g, w, F(6, 8));
  OK(frt_layers_scale(g->b, w, 2, 0, 0, &y, &g->err));
  OK(frt_imperative_backward(g->im, y, &g->err));
  gradient_is(g, w, F(2, 2));
}

/* Until the next layer the graph serves further results. */
static void two_results_of_one_graph(void **state) {
  guard_t *g = *state;
  frt_var_t w = variable(g, 2, 0, (const float[]){3, 4}), a, b;
  OK(frt_var_stop_gradient(g->b, w, 0, &g->err));
  OK(frt_layers_square(g->b, w, &a, &g->err));
  OK(frt_layers_scale(g->b, a, 5, 0, 0, &b, &g->err));
  OK(frt_imperative_backward(g->im, a, &g->err));
  gradient_is(g, w, F(6, 8));
  OK(frt_imperative_backward(g->im, b, &g->err));
  gradient_is(g, w, F(30, 40));
  OK(frt_imperative_backward(g->im, a, &g->err));
  gradient_is(g, w, F(6, 8));
}

static void results_go_with_their_graph(void **state) {
  guard_t *g = *state;
  frt_var_t w = variable(g, 2, 0, (const float[]){3, 4}), old, y, z;
  frt_tensor_t *none = NULL;
  OK(frt_var_stop_gradient(g->b, w, 0, &g->err));
  OK(frt_layers_square(g->b, w, &old, &g->err));
  OK(frt_imperative_backward(g->im, old, &g->err));
  OK(frt_layers_relu(g->b, w, &y, &g->err));
  FAILS(FRT_NOT_FOUND,
        "value: variable '0~square_0.tmp_0' was dropped, or went with its graph",
        frt_imperative_value(g->im, old, &none, &g->err));
  FAILS(FRT_NOT_FOUND, "relu: x '0~square_0.tmp_0' is not in block 0 of its program",
        frt_layers_relu(g->b, old, &z, &g->err));
  /* The same layer again has another name, so the old handle does not mean it. */
  OK(frt_layers_square(g->b, w, &z, &g->err));
  assert_int_equal(FRT_NOT_FOUND, frt_imperative_value(g->im, old, &none, &g->err));
  value_is(g, z, F(9, 16));
  value_is(g, y, F(3, 4)); /* a refused call began nothing */
  frt_imperative_end_graph(g->im);
  value_is(g, z, F(9, 16));
  OK(frt_layers_relu(g->b, w, &y, &g->err));
  assert_int_equal(FRT_NOT_FOUND, frt_imperative_value(g->im, z, &none, &g->err));
  assert_null(none);
}

/* 1 if the scope holds a value of this name. */
static int held(guard_t *g, const char *name) {
  const char **names = NULL;
  size_t n = 0;
  int found = 0;
  OK(frt_scope_names(g->im->scope, &names, &n, &g->err));
  for (size_t i = 0; i < n; ++i) found |= !strcmp(names[i], name);
  frt_free((void *)names);
  return found;
}

/* What the next graph makes again keeps its memory; what it does not is given back. */
static void dead_values_are_given_back(void **state) {
  guard_t *g = *state;
  frt_var_t x = variable(g, 2, 0, (const float[]){3, 4}), y;
  OK(frt_layers_square(g->b, x, &y, &g->err));
  OK(frt_layers_relu(g->b, y, &y, &g->err));
  for (int graph = 0; graph < 3; ++graph) {
    assert_int_equal(graph < 2, held(g, "~square_0.tmp_0"));
    assert_true(held(g, "~relu_0.tmp_0"));
    frt_imperative_end_graph(g->im);
    OK(frt_layers_relu(g->b, x, &y, &g->err));
  }
  OK(frt_imperative_drop(g->im, x, &g->err));
  assert_true(held(g, "generated_var_0")); /* it stands in the graph */
  frt_imperative_end_graph(g->im);
  x = variable(g, 2, 0, (const float[]){3, 4});
  OK(frt_layers_relu(g->b, x, &y, &g->err));
  assert_string_equal("generated_var_1", x.name);
  assert_false(held(g, "generated_var_0"));
}

static void backward_wants_something_to_differentiate(void **state) {
  guard_t *g = *state;
  frt_var_t x = variable(g, 2, 0, (const float[]){3, 4}), y, less;
  OK(frt_layers_square(g->b, x, &y, &g->err));
  FAILS(FRT_FAILED_PRECONDITION,
        "backward: variable '0~square_0.tmp_0' depends on nothing that takes a gradient in this "
        "graph",
        frt_imperative_backward(g->im, y, &g->err));
  OK(frt_layers_less_than(g->b, x, y, &less, &g->err));
  FAILS(FRT_INVALID_ARGUMENT,
        "backward: variable '0~less_than_0.tmp_0' is bool; wanted a float",
        frt_imperative_backward(g->im, less, &g->err));
  value_is(g, y, F(9, 16)); /* the graph goes on */
  OK(frt_var_stop_gradient(g->b, x, 0, &g->err));
  OK(frt_imperative_backward(g->im, y, &g->err));
  gradient_is(g, x, F(6, 8));
}

static void variables_are_assigned_and_dropped(void **state) {
  guard_t *g = *state;
  frt_var_t x = variable(g, 2, 0, (const float[]){1, 2}), y, again;
  frt_tensor_t *t = matrix(2, 0, (const float[]){5, 6}), *wide = matrix(3, 0, (const float[]){1, 2, 3});
  frt_tensor_t *none = NULL;
  OK(frt_imperative_assign(g->im, x, t, &g->err));
  value_is(g, x, F(5, 6));
  FAILS(FRT_INVALID_ARGUMENT,
        "assign: value is float32 [3]; 'generated_var_0' is float32 [2]",
        frt_imperative_assign(g->im, x, wide, &g->err));
  FAILS(FRT_ALREADY_EXISTS, "to_variable: name 'generated_var_0' is a variable already",
        frt_to_variable(g->im, t, "generated_var_0", &y, &g->err));
  value_is(g, x, F(5, 6));
  OK(frt_var_stop_gradient(g->b, x, 0, &g->err));
  OK(frt_layers_square(g->b, x, &y, &g->err));
  OK(frt_imperative_drop(g->im, x, &g->err)); /* it stands in the graph: later */
  FAILS(FRT_NOT_FOUND, "value: variable 'generated_var_0' was dropped, or went with its graph",
        frt_imperative_value(g->im, x, &none, &g->err));
  FAILS(FRT_FAILED_PRECONDITION,
        "drop: variable '0~square_0.tmp_0' is a layer's result; it goes with its graph",
        frt_imperative_drop(g->im, y, &g->err));
  OK(frt_imperative_backward(g->im, y, &g->err));
  OK(frt_imperative_backward(g->im, y, &g->err)); /* it stands there still */
  frt_imperative_end_graph(g->im);
  OK(frt_to_variable(g->im, t, "other", &again, &g->err));
  OK(frt_layers_relu(g->b, again, &y, &g->err));
  again = variable(g, 3, 0, (const float[]){7, 8, 9});
  assert_string_equal("generated_var_0", again.name);
  value_is(g, again, F(7, 8, 9));
  FAILS(FRT_NOT_FOUND, "gradient: variable 'generated_var_0' has no gradient",
        frt_imperative_gradient(g->im, again, &none, &g->err));
  frt_tensor_release(t);
  frt_tensor_release(wide);
}

static void another_guards_variables_are_refused(void **state) {
  guard_t *g = *state;
  frt_imperative_t *other = NULL;
  frt_tensor_t *t = matrix(2, 0, (const float[]){5, 6}), *none = NULL;
  frt_var_t theirs, mine = variable(g, 2, 0, (const float[]){5, 6}), y;
  OK(frt_imperative_create(g->rt, "reference", NULL, &other, &g->err));
  OK(frt_to_variable(other, t, NULL, &theirs, &g->err));
  for (int ended = 0; ended < 2; ++ended) {
    FAILS(FRT_INVALID_ARGUMENT, "value: variable is one of another guard",
          frt_imperative_value(g->im, theirs, &none, &g->err));
    FAILS(FRT_INVALID_ARGUMENT, "relu: x is a variable of another guard",
          frt_layers_relu(g->b, theirs, &y, &g->err));
    FAILS(FRT_INVALID_ARGUMENT, "elementwise_add: y is a variable of another guard",
          frt_layers_elementwise_add(g->b, mine, theirs, -1, NULL, &y, &g->err));
    FAILS(FRT_INVALID_ARGUMENT, "backward: variable is one of another guard",
          frt_imperative_backward(g->im, theirs, &g->err));
    frt_imperative_release(other); /* the second time round it is gone */
    other = NULL;
  }
  FAILS(FRT_INVALID_ARGUMENT, "value: variable is none",
        frt_imperative_value(g->im, (frt_var_t){0}, &none, &g->err));
  frt_tensor_release(t);
}

static frt_status_t a_branch(frt_builder_t *b, void *ctx, frt_var_t *out, frt_error_t *err) {
  return frt_layers_relu(b, *(frt_var_t *)ctx, out, err);
}

static void what_makes_no_sense_here_is_refused(void **state) {
  guard_t *g = *state;
  frt_var_t x = variable(g, 1, 2, (const float[]){1, 2}), y, yes;
  frt_param_grad_t *pairs;
  size_t n;
  const int64_t dims[] = {2};
  FAILS(FRT_FAILED_PRECONDITION,
        "fc: param_attr needs a name in imperative mode, under which each call finds it",
        frt_layers_fc(g->b, x, 3, NULL, &y, &g->err));
  OK(frt_layers_fill_constant(g->b, 1, (const int64_t[]){1}, FRT_BOOL, 1, &yes, &g->err));
  FAILS(FRT_UNIMPLEMENTED, "cond: control flow is the language's own in imperative mode",
        frt_layers_cond(g->b, yes, a_branch, a_branch, &x, 1, &y, &g->err));
  FAILS(FRT_FAILED_PRECONDITION, "backward: imperative mode has frt_imperative_backward",
        frt_append_backward(g->b, yes, NULL, 0, NULL, 0, &pairs, &n, &g->err));
  FAILS(FRT_FAILED_PRECONDITION,
        "noam_decay: builds static graphs; imperative mode has frt_lr_decay_create",
        frt_noam_decay(g->b, 64, 5, 1, &y, &g->err));
  FAILS(FRT_FAILED_PRECONDITION,
        "program guard: imperative mode runs what is built, in no program",
        frt_builder_push_programs(g->b, NULL, NULL, &g->err));
  FAILS(FRT_FAILED_PRECONDITION, "data: there is nothing to feed in imperative mode",
        frt_data(g->b, "d", 1, dims, FRT_F32, &y, &g->err));
  value_is(g, x, F(1, 2));
}

/* A named parameter is made once and found by the next call. */
static void named_parameters_are_found_again(void **state) {
  guard_t *g = *state;
  const frt_param_attr_t w = {.name = "w"}, none = {.none = 1};
  const frt_fc_options_t o = {.param_attr = &w, .bias_attr = &none};
  frt_var_t x = variable(g, 1, 2, (const float[]){1, 2}), y;
  frt_tensor_t *first = NULL, *second = NULL;
  OK(frt_layers_fc(g->b, x, 3, &o, &y, &g->err));
  OK(frt_imperative_value(g->im, y, &first, &g->err));
  OK(frt_imperative_backward(g->im, y, &g->err));
  gradient_is(g, (frt_var_t){y.program, 0, "w"}, F(1, 1, 1, 2, 2, 2));
  OK(frt_layers_fc(g->b, x, 3, &o, &y, &g->err));
  OK(frt_imperative_value(g->im, y, &second, &g->err));
  assert_memory_equal(frt_tensor_data(first), frt_tensor_data(second), 3 * sizeof(float));
  frt_tensor_release(first);
  frt_tensor_release(second);
}

static void layers_keep_their_parameters(void **state) {
  guard_t *g = *state;
  const frt_param_attr_t none = {.none = 1}, half = {.initializer = {.kind = FRT_INIT_CONSTANT, .value = 0.5}};
  const frt_linear_options_t o = {.param_attr = &half, .bias_attr = &none, .act = "relu"};
  const frt_embedding_options_t padded = {.has_padding = 1, .padding_idx = -1, .param_attr = &half};
  const int64_t n = 3;
  frt_linear_t first, plain;
  frt_embedding_t table;
  frt_tensor_t *t = NULL;
  frt_var_t x = variable(g, 1, 2, (const float[]){1, 2}), ids, y;
  OK(frt_linear_create(g->im, 2, 1, &o, &first, &g->err));
  OK(frt_linear_create(g->im, 2, 3, NULL, &plain, &g->err));
  assert_string_equal("linear_0.w_0", first.weight.name);
  assert_null(first.bias.name);
  assert_string_equal("linear_1.b_0", plain.bias.name);
  value_is(g, plain.bias, F(0, 0, 0));
  OK(frt_linear_call(g->im, &first, x, &y, &g->err));
  value_is(g, y, F(1.5f));
  OK(frt_embedding_create(g->im, 4, 2, &padded, &table, &g->err));
  assert_string_equal("embedding_0.w_0", table.weight.name);
  OK(frt_tensor_create(FRT_I64, 1, &n, &t, &g->err));
  memcpy(frt_tensor_data(t), (const int64_t[]){2, 3, 2}, 3 * sizeof(int64_t));
  OK(frt_to_variable(g->im, t, NULL, &ids, &g->err));
  OK(frt_embedding_call(g->im, &table, ids, &y, &g->err));
  value_is(g, y, F(0.5f, 0.5f, 0, 0, 0.5f, 0.5f));
  OK(frt_imperative_backward(g->im, y, &g->err));
  gradient_is(g, table.weight, F(0, 0, 0, 0, 2, 2, 0, 0));
  ((int64_t *)frt_tensor_data(t))[1] = 9;
  OK(frt_imperative_assign(g->im, ids, t, &g->err));
  assert_int_equal(FRT_OUT_OF_RANGE, frt_embedding_call(g->im, &table, ids, &y, &g->err));
  ((int64_t *)frt_tensor_data(t))[1] = 0;
  OK(frt_imperative_assign(g->im, ids, t, &g->err));
  OK(frt_embedding_call(g->im, &table, ids, &y, &g->err)); /* all goes on */
  value_is(g, y, F(0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f));
  frt_tensor_release(t);
}

static void layers_refuse_bad_arguments(void **state) {
  guard_t *g = *state;
  const frt_linear_options_t act = {.act = "leap"};
  const frt_param_attr_t same = {.name = "linear_0.w_0"};
  const frt_linear_options_t twice = {.param_attr = &same};
  const frt_embedding_options_t padded = {.has_padding = 1, .padding_idx = 7};
  frt_linear_t l;
  frt_embedding_t e;
  frt_var_t x = variable(g, 1, 3, (const float[]){1, 2, 3}), y;
  FAILS(FRT_INVALID_ARGUMENT, "linear: dims [1] is 0; wanted 1 or more",
        frt_linear_create(g->im, 2, 0, NULL, &l, &g->err));
  FAILS(FRT_INVALID_ARGUMENT, "linear: act 'leap' is no op",
        frt_linear_create(g->im, 2, 2, &act, &l, &g->err));
  assert_null(l.weight.name);
  OK(frt_linear_create(g->im, 2, 2, NULL, &l, &g->err));
  assert_string_equal("linear_0.w_0", l.weight.name);
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_linear_call(g->im, &l, x, &y, &g->err));
  FAILS(FRT_ALREADY_EXISTS, "linear: param_attr 'linear_0.w_0' is a variable already",
        frt_linear_create(g->im, 2, 2, &twice, &l, &g->err));
  FAILS(FRT_INVALID_ARGUMENT, "embedding: size [0] is -1; wanted 1 or more",
        frt_embedding_create(g->im, -1, 2, NULL, &e, &g->err));
  FAILS(FRT_INVALID_ARGUMENT, "embedding: padding_idx is 7; wanted -4 to 3",
        frt_embedding_create(g->im, 4, 2, &padded, &e, &g->err));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      GUARD_TEST(a_layer_has_run_when_it_returns),
      GUARD_TEST(gradients_are_those_of_the_formula),
      GUARD_TEST(a_backward_replaces_the_gradient),
      GUARD_TEST(two_results_of_one_graph),
      GUARD_TEST(results_go_with_their_graph),
      GUARD_TEST(dead_values_are_given_back),
      GUARD_TEST(backward_wants_something_to_differentiate),
      GUARD_TEST(variables_are_assigned_and_dropped),
      GUARD_TEST(another_guards_variables_are_refused),
      GUARD_TEST(what_makes_no_sense_here_is_refused),
      GUARD_TEST(named_parameters_are_found_again),
      GUARD_TEST(layers_keep_their_parameters),
      GUARD_TEST(layers_refuse_bad_arguments),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
