/* What a plan decides: fusion, dead code, asides, shapes, and how explain says it. */
#include "unit/runtime/fixture.h"

/* x[2,3] . w[3,4] + b[4] -> relu -> out; with `grad`, elementwise_add_grad reads dims. */
static frt_program_t *make_fc(int relu, int grad) {
  static const int64_t x[] = {2, 3}, w[] = {3, 4}, b[] = {4}, y[] = {2, 4};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  OK(frt_program_create(&p, &err));
  add_var(p, 0, "x", FRT_F32, 2, x, 0);
  add_var(p, 0, "w", FRT_F32, 2, w, 0);
  add_var(p, 0, "b", FRT_F32, 1, b, 0);
  add_var(p, 0, "t0", FRT_F32, 2, y, 0);
  add_var(p, 0, "t1", FRT_F32, 2, y, 0);
  add_var(p, 0, "t2", FRT_F32, 2, y, 0);
  add_var(p, 0, "bg", FRT_F32, 1, b, 0);
  add_op(p, 0, "mul", "X=x;Y=w", "Out=t0");
  uint32_t op = add_op(p, 0, "elementwise_add", "X=t0;Y=b", "Out=t1");
  OK(frt_program_set_attr_int(p, 0, op, "axis", 1, &err));
  if (relu) add_op(p, 0, "relu", "X=t1", "Out=t2");
  if (grad) {
    op = add_op(p, 0, "elementwise_add_grad", "Out@GRAD=t2;X=t0;Y=b", "Y@GRAD=bg");
    OK(frt_program_set_attr_int(p, 0, op, "axis", 1, &err));
  }
  return p;
}

static char *explain(fixture_t *f, const frt_program_t *p, const char *fetch, int no_fuse) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  char *text;
  const frt_executor_options_t o = {.struct_size = sizeof o, .no_fuse = no_fuse};
  const frt_fetch_t one = {.var = fetch};
  OK(frt_executor_create(f->rt, "reference", &o, &exe, &err));
  OK(frt_executor_explain(exe, p, NULL, NULL, 0, &one, 1, 1, NULL, 0, &text, &err));
  frt_executor_release(exe);
  return text;
}

static void expect(fixture_t *f, const frt_program_t *p, const char *fetch, int no_fuse,
                   const char *word) {
  char *text = explain(f, p, fetch, no_fuse);
  if (!strstr(text, word)) fail_msg("no '%s' in:\n%s", word, text);
  frt_free(text);
}

static void mul_add_relu_become_fc(void **state) {
  fixture_t *f = *state;
  frt_program_t *p = make_fc(1, 0);
  expect(f, p, "t2", 0, "3 are fused into 1");
  expect(f, p, "t2", 0, "relu                             reference  [2, 4]        fused into fc at #2");
  expect(f, p, "t2", 1, "0 are fused into 0");
  expect(f, p, "t1", 0, "2 are fused into 1"); /* relu is dead, its input is fetched */
  expect(f, p, "t0", 0, "0 are fused into 0"); /* the product itself is fetched */
  frt_program_release(p);
}

static void a_gradient_that_reads_only_dims_does_not_hinder(void **state) {
  fixture_t *f = *state;
  frt_program_t *p = make_fc(1, 1);
  expect(f, p, "bg", 0, "3 are fused into 1");
  frt_program_release(p);
}

/* g = x + c * w (scale, sum), or sign before it; other writes in between forbid it. */
static frt_program_t *make_decay(int l1, int disturbed) {
  static const int64_t three[] = {3};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  OK(frt_program_create(&p, &err));
  for (const char *const *v = (const char *const[]){"g", "w", "t", NULL}; *v; ++v)
    add_var(p, 0, *v, FRT_F32, 1, three, 0);
  if (l1) add_op(p, 0, "sign", "X=w", "Out=t");
  uint32_t op = add_op(p, 0, "scale", l1 ? "X=t" : "X=w", "Out=t");
  OK(frt_program_set_attr_f32(p, 0, op, "scale", 0.25f, &err));
  if (disturbed) add_op(p, 0, "scale", "X=w", "Out=w");
  add_op(p, 0, "sum", "X=g,t", "Out=g");
  return p;
}

static void run_decay(fixture_t *f, const frt_program_t *p, int no_fuse, float *to) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  frt_tensor_t *g = vector(1, -2, 3), *w = vector(-4, 0, 8), *out = NULL;
  const frt_feed_t feed[] = {{"g", g}, {"w", w}};
  const frt_fetch_t fetch = {.var = "g"};
  const frt_executor_options_t o = {.struct_size = sizeof o, .no_fuse = no_fuse};
  OK(frt_executor_create(f->rt, "reference", &o, &exe, &err));
  OK(frt_executor_run(exe, p, f->scope, feed, 2, &fetch, 1, &out, NULL, &err));
  memcpy(to, frt_tensor_data(out), 3 * sizeof *to);
  assert_float_equal(((float *)frt_tensor_data(g))[0], 1.0f, 0.0f); /* lent, read only */
  frt_tensor_release(out);
  frt_tensor_release(g);
  frt_tensor_release(w);
  frt_executor_release(exe);
}

static void scale_and_sum_become_decay(void **state) {
  fixture_t *f = *state;
  static const float want[2][3] = {{0, -2, 5}, {0.75f, -2, 3.25f}};
  for (int l1 = 0; l1 < 2; ++l1) {
    frt_program_t *p = make_decay(l1, 0);
    float got[3];
    expect(f, p, "g", 0, "fused into decay");
    for (int no_fuse = 0; no_fuse < 2; ++no_fuse) {
      run_decay(f, p, no_fuse, got);
      assert_memory_equal(got, want[l1], sizeof got);
    }
    frt_program_release(p);
  }
}

static void a_write_in_between_forbids_fusion(void **state) {
  fixture_t *f = *state;
  static const float want[] = {0, -2, 5};
  frt_program_t *p = make_decay(0, 1);
  float got[3];
  expect(f, p, "w", 0, "need not run"); /* the decay itself is dead here */
  run_decay(f, p, 0, got);
  assert_memory_equal(got, want, sizeof got);
  frt_program_release(p);
}

/* mul of `in` writes x, one of its inputs; x and w are fed, x is fetched. */
static frt_tensor_t *mul_over_x(fixture_t *f, const char *in, const int64_t x_dims[2],
                                const float *xs, const int64_t w_dims[2], const float *ws) {
  const frt_executor_options_t o = {.struct_size = sizeof o, .check_plans = 1};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  frt_executor_t *exe;
  frt_tensor_t *x, *w, *out = NULL;
  OK(frt_program_create(&p, &err));
  add_var(p, 0, "x", FRT_F32, 2, x_dims, 0);
  add_var(p, 0, "w", FRT_F32, 2, w_dims, 0);
  add_op(p, 0, "mul", in, "Out=x");
  OK(frt_tensor_create(FRT_F32, 2, x_dims, &x, &err));
  OK(frt_tensor_create(FRT_F32, 2, w_dims, &w, &err));
  memcpy(frt_tensor_data(x), xs, frt_tensor_bytes(x));
  memcpy(frt_tensor_data(w), ws, frt_tensor_bytes(w));
  const frt_feed_t feed[] = {{"x", x}, {"w", w}};
  const frt_fetch_t fetch = {.var = "x"};
  OK(frt_executor_create(f->rt, "reference", &o, &exe, &err));
  OK(frt_executor_run(exe, p, f->scope, feed, 2, &fetch, 1, &out, NULL, &err));
  frt_tensor_release(x);
  frt_tensor_release(w);
  frt_executor_release(exe);
  frt_program_release(p);
  return out;
}

static void an_op_may_write_what_it_reads(void **state) {
  static const int64_t square[] = {2, 2};
  static const float x[] = {1, 2, 3, 4}, swaps_rows[] = {0, 1, 1, 0};
  frt_tensor_t *out = mul_over_x(*state, "X=w;Y=x", square, x, square, swaps_rows);
  assert_memory_equal(frt_tensor_data(out), ((const float[]){3, 4, 1, 2}), 16);
  frt_tensor_release(out);
}

/* A kernel that works in place does so where the variable stays as large as it was. */
static void what_an_op_reads_may_come_out_larger(void **state) {
  static const int64_t row[] = {1, 2}, wide[] = {2, 3};
  static const float x[] = {1, 2}, w[] = {0, 1, 2, 3, 4, 5};
  frt_tensor_t *out = mul_over_x(*state, "X=x;Y=w", row, x, wide, w);
  assert_int_equal(3, frt_tensor_numel(out));
  assert_memory_equal(frt_tensor_data(out), ((const float[]){6, 9, 12}), 12);
  frt_tensor_release(out);
}

/* concat_grad for the second input only: @EMPTY@ keeps the first one's place. */
static void an_unwanted_gradient_keeps_its_place(void **state) {
  fixture_t *f = *state;
  static const int64_t one[] = {1}, three[] = {3}, four[] = {4};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  frt_executor_t *exe;
  frt_tensor_t *a, *b = vector(1, 2, 3), *g, *out = NULL;
  OK(frt_program_create(&p, &err));
  add_var(p, 0, "a", FRT_F32, 1, one, 0);
  add_var(p, 0, "b", FRT_F32, 1, three, 0);
  add_var(p, 0, "g", FRT_F32, 1, four, 0);
  add_var(p, 0, "bg", FRT_F32, 1, three, 0);
  add_op(p, 0, "concat_grad", "X=a,b;Out@GRAD=g", "X@GRAD=@EMPTY@,bg");
  OK(frt_tensor_create(FRT_F32, 1, one, &a, &err));
  OK(frt_tensor_create(FRT_F32, 1, four, &g, &err));
  for (int i = 0; i < 4; ++i) ((float *)frt_tensor_data(g))[i] = (float)(i + 5);
  const frt_feed_t feed[] = {{"a", a}, {"b", b}, {"g", g}};
  const frt_fetch_t fetch = {.var = "bg"};
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  OK(frt_executor_run(exe, p, f->scope, feed, 3, &fetch, 1, &out, NULL, &err));
  assert_memory_equal(frt_tensor_data(out), ((const float[]){6, 7, 8}), 12);
  frt_tensor_release(a);
  frt_tensor_release(b);
  frt_tensor_release(g);
  frt_tensor_release(out);
  frt_executor_release(exe);
  frt_program_release(p);
}

/* An embedding with is_sparse=True: its gradient is declared SELECTED_ROWS. */
static void a_sparse_gradient_runs_dense_and_is_said_to(void **state) {
  fixture_t *f = *state;
  static const int64_t table[] = {4, 2}, ids[] = {3, 1}, rows[] = {3, 2};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  frt_executor_t *exe;
  frt_tensor_t *w, *i, *g, *out = NULL;
  OK(frt_program_create(&p, &err));
  add_var(p, 0, "w", FRT_F32, 2, table, 0);
  add_var(p, 0, "ids", FRT_I64, 2, ids, 0);
  add_var(p, 0, "g", FRT_F32, 2, rows, 0);
  const frt_var_info_t wg = {.name = "wg", .kind = FRT_VAR_SELECTED_ROWS, .dtype = FRT_F32,
                             .rank = 2, .dims = table};
  OK(frt_program_add_var(p, 0, &wg, &err));
  uint32_t op = add_op(p, 0, "lookup_table_grad", "Ids=ids;W=w;Out@GRAD=g", "W@GRAD=wg");
  OK(frt_program_set_attr_bool(p, 0, op, "is_sparse", 1, &err));
  OK(frt_tensor_create(FRT_F32, 2, table, &w, &err));
  OK(frt_tensor_create(FRT_I64, 2, ids, &i, &err));
  OK(frt_tensor_create(FRT_F32, 2, rows, &g, &err));
  for (int k = 0; k < 3; ++k) ((int64_t *)frt_tensor_data(i))[k] = k == 1 ? 0 : 2;
  for (int k = 0; k < 6; ++k) ((float *)frt_tensor_data(g))[k] = (float)(k + 1);
  const frt_feed_t feed[] = {{"w", w}, {"ids", i}, {"g", g}};
  const frt_fetch_t fetch = {.var = "wg"};
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  OK(frt_executor_run(exe, p, f->scope, feed, 3, &fetch, 1, &out, NULL, &err));
  assert_memory_equal(frt_tensor_data(out), ((const float[]){3, 4, 0, 0, 6, 8, 0, 0}), 32);
  expect(f, p, "wg", 0, "'wg' is declared SELECTED_ROWS (is_sparse) and runs dense");
  frt_tensor_release(w);
  frt_tensor_release(i);
  frt_tensor_release(g);
  frt_tensor_release(out);
  frt_executor_release(exe);
  frt_program_release(p);
}

static void wrong_shapes_are_found_before_anything_runs(void **state) {
  fixture_t *f = *state;
  static const int64_t five[] = {5};
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  add_var(f->main, 0, "five", FRT_F32, 1, five, 0);
  add_var(f->main, 0, "bad", FRT_F32, 1, five, 1);
  fill(f->main, 0, "five", 1, five, FRT_F32, 1.0f);
  add_op(f->main, 0, "elementwise_add", "X=five;Y=w", "Out=bad");
  frt_tensor_t *x = vector(1, 2, 3);
  const frt_feed_t feed = {"x", x};
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_executor_run(exe, f->main, f->scope, &feed, 1,
                                                          NULL, 0, NULL, NULL, &err));
  assert_int_equal(err.op, 6);
  assert_string_equal(err.op_type, "elementwise_add");
  assert_int_equal(err.phase, FRT_PHASE_PLAN);
  assert_float_equal(element(f->scope, "counter", 0), 0.0f, 0.0f);
  frt_tensor_release(x);
  frt_executor_release(exe);
}

static void an_op_tied_to_its_input_refuses_another_output(void **state) {
  fixture_t *f = *state;
  static const int64_t three[] = {3};
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  add_var(f->main, 0, "w2", FRT_F32, 1, three, 1);
  add_op(f->main, 0, "sgd", "Param=w;Grad=x;LearningRate=lr", "ParamOut=w2");
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_executor_run(exe, f->main, f->scope, NULL, 0,
                                                          NULL, 0, NULL, NULL, &err));
  assert_string_equal(err.message, "block 0 op #5 sgd: ParamOut is 'w2'; wanted 'w', the "
                                   "variable of Param: the op works in place");
  frt_executor_release(exe);
}

static void two_outputs_may_not_be_one_variable(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  add_op(f->main, 0, "elementwise_add_grad", "X=x;Y=x;Out@GRAD=x", "X@GRAD=y;Y@GRAD=y");
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_executor_run(exe, f->main, f->scope, NULL, 0,
                                                          NULL, 0, NULL, NULL, &err));
  assert_string_equal(err.message, "block 0 op #5 elementwise_add_grad: two outputs name 'y'");
  frt_executor_release(exe);
}

static void explain_is_json_too(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  char *text;
  const frt_fetch_t fetch = {.var = "loss"};
  const frt_run_options_t prune = {.struct_size = sizeof prune, .use_prune = 1};
  OK(frt_executor_create(f->rt, "reference", NULL, &exe, &err));
  OK(frt_executor_explain(exe, f->main, NULL, NULL, 0, &fetch, 1, 3, NULL, 1, &text, &err));
  assert_non_null(strstr(text, "{\"version\":2,\"places\":[\"reference\"]"));
  assert_non_null(strstr(text, "{\"block\":0,\"op\":2,\"type\":\"sqrt\",\"state\":\"dead\""));
  assert_non_null(strstr(text, "\"place\":\"reference\",\"listed\":true,\"verdict\":\"yes\""));
  frt_free(text);
  OK(frt_executor_explain(exe, f->main, NULL, NULL, 0, &fetch, 1, 3, &prune, 0, &text, &err));
  assert_non_null(strstr(text, "pruned: the fetch list does not need it"));
  frt_free(text);
  frt_executor_release(exe);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
      T(mul_add_relu_become_fc), T(a_gradient_that_reads_only_dims_does_not_hinder),
      T(scale_and_sum_become_decay), T(a_write_in_between_forbids_fusion),
      T(an_op_may_write_what_it_reads), T(what_an_op_reads_may_come_out_larger),
      T(an_unwanted_gradient_keeps_its_place),
      T(a_sparse_gradient_runs_dense_and_is_said_to), T(wrong_shapes_are_found_before_anything_runs),
      T(an_op_tied_to_its_input_refuses_another_output), T(two_outputs_may_not_be_one_variable), T(explain_is_json_too)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
