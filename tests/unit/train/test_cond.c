/* Gradients through cond: both branches, values from outside, a branch in a branch; what
 * cannot be differentiated is refused. Against central differences, in double. */
#include <math.h>
#include <stdbool.h>

#include "base/fault.h"
#include "live.h"

enum { ROWS = 2, WIDTH = 3 };

typedef struct cond_net {
  frt_builder_t *b;
  frt_error_t err;
  frt_var_t x, w, pred, inner, hidden, loss;
  int nested;
} cond_net_t;

static double x_data[ROWS * WIDTH] = {0.5, -1.25, 2, 0.25, 0.75, -0.5};
static uint8_t flags[2];

/* tanh(h * w) and h read from outside; the branch makes temporaries of its own. */
static frt_status_t curved(frt_builder_t *b, void *ctx, frt_var_t *out, frt_error_t *err) {
  cond_net_t *n = ctx;
  FRT_TRY(frt_layers_elementwise_mul(b, n->hidden, n->w, -1, NULL, out, err));
  FRT_TRY(frt_layers_tanh(b, *out, out, err));
  FRT_TRY(frt_layers_elementwise_mul(b, *out, *out, -1, NULL, out, err));
  return frt_layers_elementwise_add(b, *out, n->hidden, -1, NULL, out, err);
}

/* w alone, used twice. */
static frt_status_t straight(frt_builder_t *b, void *ctx, frt_var_t *out,
                             frt_error_t *err) {
  cond_net_t *n = ctx;
  frt_var_t square;
  FRT_TRY(frt_layers_elementwise_mul(b, n->x, n->w, -1, NULL, out, err));
  FRT_TRY(frt_layers_elementwise_mul(b, *out, n->w, -1, NULL, &square, err));
  return frt_layers_scale(b, square, 3, 0.5, 0, out, err);
}

static frt_status_t nested(frt_builder_t *b, void *ctx, frt_var_t *out, frt_error_t *err) {
  cond_net_t *n = ctx;
  frt_var_t v;
  FRT_TRY(frt_layers_cond(b, n->inner, curved, straight, ctx, 1, &v, err));
  FRT_TRY(frt_layers_sin(b, v, &v, err));
  return frt_layers_elementwise_mul(b, v, n->hidden, -1, NULL, out, err);
}

static void build(cond_net_t *n, int with_nesting) {
  const int64_t dims[] = {ROWS, WIDTH}, w_dims[] = {WIDTH}, one[] = {1};
  const frt_param_attr_t w = {.name = "w",
                              .initializer = {FRT_INIT_CONSTANT, .value = 0.5}};
  frt_error_t *err = &n->err;
  frt_builder_t *b;
  *n = (cond_net_t){.err = FRT_ERROR_INIT, .nested = with_nesting};
  assert_int_equal(FRT_OK, frt_builder_create(&n->b, err));
  b = n->b;
  assert_int_equal(FRT_OK, frt_data(b, "x", 2, dims, FRT_F64, &n->x, err));
  assert_int_equal(FRT_OK, frt_var_stop_gradient(b, n->x, 0, err));
  assert_int_equal(FRT_OK, frt_data(b, "pred", 1, one, FRT_BOOL, &n->pred, err));
  assert_int_equal(FRT_OK, frt_data(b, "inner", 1, one, FRT_BOOL, &n->inner, err));
  assert_int_equal(FRT_OK, frt_layers_create_parameter(b, 1, w_dims, FRT_F64, &w, &n->w, err));
  assert_int_equal(FRT_OK, frt_layers_square(b, n->x, &n->hidden, err));
  frt_var_t out;
  assert_int_equal(FRT_OK, frt_layers_cond(b, n->pred, with_nesting ? nested : curved,
                                           straight, n, 1, &out, err));
  /* hidden has a reader outside, too */
  assert_int_equal(FRT_OK,
                   frt_layers_elementwise_mul(b, out, n->hidden, -1, NULL, &out, err));
  assert_int_equal(FRT_OK, frt_layers_mean(b, out, &n->loss, err));
}

static frt_status_t backward(cond_net_t *n) {
  frt_param_grad_t *pairs;
  size_t count;
  return frt_append_backward(n->b, n->loss, NULL, 0, NULL, 0, &pairs, &count, &n->err);
}

typedef struct feeds { frt_feed_t all[3]; } feeds_t;

static feeds_t make_feeds(cond_net_t *n) {
  const int64_t dims[] = {ROWS, WIDTH}, one[] = {1};
  feeds_t f = {{{"x", NULL}, {"pred", NULL}, {"inner", NULL}}};
  assert_int_equal(FRT_OK, frt_tensor_wrap(FRT_F64, 2, dims, x_data, sizeof x_data,
                                           &f.all[0].tensor, &n->err));
  for (int i = 0; i < 2; ++i)
    assert_int_equal(FRT_OK, frt_tensor_wrap(FRT_BOOL, 1, one, &flags[i], 1,
                                             &f.all[1 + i].tensor, &n->err));
  return f;
}

static double loss_at(cond_net_t *n, live_t *l, const feeds_t *f, size_t e, double x) {
  const double was = x_data[e];
  double loss;
  x_data[e] = x;
  live_run(l, frt_builder_main(n->b), f->all, 3, n->loss.name, &loss, 1, &n->err);
  x_data[e] = was;
  return loss;
}

static void check_x(cond_net_t *n, live_t *l, const feeds_t *f) {
  double grad[ROWS * WIDTH];
  assert_int_equal(ROWS * WIDTH, live_run(l, frt_builder_main(n->b), f->all, 3, "x@GRAD",
                                          grad, ROWS * WIDTH, &n->err));
  for (size_t e = 0; e < ROWS * WIDTH; ++e) {
    const double h = 1e-5, x = x_data[e];
    const double slope = (loss_at(n, l, f, e, x + h) - loss_at(n, l, f, e, x - h)) / (2 * h);
    if (fabs(grad[e] - slope) > 1e-8 * (1 + fabs(slope)))
      fail_msg("pred %d inner %d x@GRAD[%zu]: %.12g, central difference %.12g", flags[0],
               flags[1], e, grad[e], slope);
  }
}

/* By hand: straight is 3 x w^2 + 0.5, times x^2, over 6: d/dw_k = sum over rows 6 w x^3 / 6. */
static void check_w_of_straight(cond_net_t *n, live_t *l, const feeds_t *f) {
  double grad[WIDTH];
  assert_int_equal(WIDTH, live_run(l, frt_builder_main(n->b), f->all, 3, "w@GRAD", grad,
                                   WIDTH, &n->err));
  for (int k = 0; k < WIDTH; ++k) {
    const double want = 0.5 * (pow(x_data[k], 3) + pow(x_data[WIDTH + k], 3));
    assert_true(fabs(grad[k] - want) <= 1e-12 * (1 + fabs(want)));
  }
}

static void check_network(int with_nesting) {
  cond_net_t n;
  live_t l;
  build(&n, with_nesting);
  if (backward(&n) != FRT_OK) fail_msg("%s", n.err.message);
  live_open(&l, n.b, &n.err);
  feeds_t f = make_feeds(&n);
  for (int i = 0; i < 4; ++i) {
    flags[0] = i & 1;
    flags[1] = (i >> 1) & 1;
    check_x(&n, &l, &f);
    if (!flags[0]) check_w_of_straight(&n, &l, &f);
  }
  for (int i = 0; i < 3; ++i) frt_tensor_release(f.all[i].tensor);
  live_close(&l);
  frt_builder_release(n.b);
}

static void gradients_take_the_branch_that_was_taken(void **state) {
  (void)state;
  check_network(0);
}

static void gradients_go_through_a_branch_in_a_branch(void **state) {
  (void)state;
  check_network(1);
}

/* As Paddle writes it: select_output, one conditional_block_grad a branch, each with a
 * block that names its forward block. */
static void backward_has_the_ops_of_paddle(void **state) {
  cond_net_t n;
  frt_param_grad_t *pairs;
  size_t count;
  uint32_t selects = 0, blocks = 0;
  (void)state;
  build(&n, 0);
  const int32_t before = frt_program_n_blocks(frt_builder_main(n.b));
  assert_int_equal(FRT_OK, frt_append_backward(n.b, n.loss, NULL, 0, NULL, 0, &pairs, &count,
                                               &n.err));
  assert_int_equal(count, 1);
  assert_string_equal(pairs[0].grad, "w@GRAD");
  const frt_program_t *p = frt_builder_main(n.b);
  for (uint32_t i = 0; i < frt_program_n_ops(p, 0); ++i) {
    selects += !strcmp(frt_program_op_type(p, 0, i), "select_output");
    blocks += !strcmp(frt_program_op_type(p, 0, i), "conditional_block_grad");
  }
  assert_int_equal(selects, 1);
  assert_int_equal(blocks, 2);
  assert_int_equal(frt_program_n_blocks(p), before + 2);
  frt_builder_release(n.b);
}

/* Saved and read again, the program trains the same. */
static void a_program_with_branches_survives_its_file(void **state) {
  cond_net_t n;
  live_t l;
  frt_program_t *again = NULL;
  void *bytes = NULL;
  size_t size = 0;
  double a[WIDTH], c[WIDTH];
  (void)state;
  build(&n, 1);
  assert_int_equal(FRT_OK, backward(&n));
  assert_int_equal(FRT_OK, frt_program_serialize(frt_builder_main(n.b), &bytes, &size,
                                                 &n.err));
  assert_int_equal(FRT_OK, frt_program_parse(bytes, size, NULL, &again, &n.err));
  live_open(&l, n.b, &n.err);
  feeds_t f = make_feeds(&n);
  flags[0] = flags[1] = 1;
  live_run(&l, frt_builder_main(n.b), f.all, 3, "w@GRAD", a, WIDTH, &n.err);
  live_run(&l, again, f.all, 3, "w@GRAD", c, WIDTH, &n.err);
  assert_memory_equal(a, c, sizeof a);
  for (int i = 0; i < 3; ++i) frt_tensor_release(f.all[i].tensor);
  frt_free(bytes);
  frt_program_release(again);
  live_close(&l);
  frt_builder_release(n.b);
}

/* The validator accepts it, a prune keeps what the gradient needs, a test clone drops it. */
static void other_tools_know_the_gradient_block(void **state) {
  const frt_run_options_t pruned = {.struct_size = sizeof pruned, .use_prune = 1};
  const frt_fetch_t fetch = {.var = "w@GRAD"};
  cond_net_t n;
  live_t l;
  frt_findings_t *found = NULL;
  frt_program_t *clone = NULL;
  frt_tensor_t *out = NULL;
  double whole[WIDTH];
  (void)state;
  build(&n, 1);
  const int32_t forward = frt_program_n_blocks(frt_builder_main(n.b));
  assert_int_equal(FRT_OK, backward(&n));
  assert_int_equal(FRT_OK, frt_program_check(frt_builder_main(n.b), NULL, &found, &n.err));
  for (size_t i = 0; i < frt_findings_count(found); ++i)
    if (frt_findings_at(found, i)->severity != FRT_SEVERITY_NOTE)
      fail_msg("%s", frt_findings_at(found, i)->message);
  assert_int_equal(FRT_OK, frt_program_clone(frt_builder_main(n.b), 1, &clone, &n.err));
  assert_int_equal(frt_program_n_blocks(clone), forward);
  live_open(&l, n.b, &n.err);
  feeds_t f = make_feeds(&n);
  flags[0] = 1;
  flags[1] = 0;
  live_run(&l, frt_builder_main(n.b), f.all, 3, "w@GRAD", whole, WIDTH, &n.err);
  assert_int_equal(FRT_OK, frt_executor_run(l.exe, frt_builder_main(n.b), l.scope, f.all, 3,
                                            &fetch, 1, &out, &pruned, &n.err));
  assert_memory_equal(whole, frt_tensor_data(out), sizeof whole);
  for (int i = 0; i < 3; ++i) frt_tensor_release(f.all[i].tensor);
  frt_tensor_release(out);
  frt_findings_release(found);
  frt_program_release(clone);
  live_close(&l);
  frt_builder_release(n.b);
}

static size_t calls, fail_at;
static bool fails_once(void) { return calls++ == fail_at; }

/* Planning a program with gradient blocks, each allocation failing in turn. */
static void running_out_of_memory_while_planning_is_an_answer(void **state) {
  const frt_fetch_t fetch = {.var = "w@GRAD"};
  frt_status_t status = FRT_RESOURCE_EXHAUSTED;
  cond_net_t n;
  live_t l;
  (void)state;
  build(&n, 1);
  assert_int_equal(FRT_OK, backward(&n));
  live_open(&l, n.b, &n.err);
  feeds_t f = make_feeds(&n);
  for (fail_at = 0; status != FRT_OK && fail_at < 100000; ++fail_at) {
    frt_tensor_t *out = NULL;
    calls = 0;
    frti_alloc_fails = fails_once;
    status = frt_executor_run(l.exe, frt_builder_main(n.b), l.scope, f.all, 3, &fetch, 1,
                              &out, NULL, &n.err);
    frti_alloc_fails = NULL;
    frt_tensor_release(out);
    if (calls <= fail_at) break;
    if (status == FRT_OK) { /* an allocation that can be done without: plan anew */
      status = FRT_RESOURCE_EXHAUSTED;
      frt_executor_release(l.exe);
      assert_int_equal(FRT_OK, frt_executor_create(l.rt, "reference", NULL, &l.exe, &n.err));
      continue;
    }
    assert_int_equal(FRT_RESOURCE_EXHAUSTED, status);
  }
  assert_int_equal(FRT_OK, status);
  assert_true(fail_at > 200);
  for (int i = 0; i < 3; ++i) frt_tensor_release(f.all[i].tensor);
  live_close(&l);
  frt_builder_release(n.b);
}

static void a_loop_has_no_gradient(void **state) {
  net_t *n = *state;
  const int64_t one[] = {1};
  frt_param_grad_t *pairs;
  size_t count;
  frt_while_t *loop;
  frt_var_t i, limit, more, sum;
  assert_int_equal(FRT_OK, frt_layers_fill_constant(n->b, 1, one, FRT_F32, 0, &i, &n->err));
  assert_int_equal(FRT_OK, frt_layers_fill_constant(n->b, 1, one, FRT_F32, 3, &limit, &n->err));
  assert_int_equal(FRT_OK, frt_layers_less_than(n->b, i, limit, &more, &n->err));
  assert_int_equal(FRT_OK, frt_layers_scale(n->b, n->loss, 1, 0, 0, &sum, &n->err));
  assert_int_equal(FRT_OK, frt_while_begin(n->b, more, 0, &loop, &n->err));
  assert_int_equal(FRT_OK, frt_layers_scale(n->b, sum, 2, 0, 0, &limit, &n->err));
  assert_int_equal(FRT_OK, frt_layers_assign(n->b, limit, &sum, &n->err));
  assert_int_equal(FRT_OK, frt_layers_increment(n->b, i, 1, 0, NULL, &n->err));
  assert_int_equal(FRT_OK, frt_layers_less_than_to(n->b, i, limit, more, &n->err));
  assert_int_equal(FRT_OK, frt_while_end(loop, &n->err));
  assert_int_equal(FRT_UNIMPLEMENTED, frt_append_backward(n->b, sum, NULL, 0, NULL, 0, &pairs,
                                                          &count, &n->err));
  assert_string_equal(n->err.message, "block 0 op #10 while: backward: its gradient is not known");
  assert_int_equal(n->err.op, 10);
}

/* Two cases of a Switch write one variable: whose gradient is it? */
static void a_variable_of_two_cases_is_refused(void **state) {
  net_t *n = *state;
  const int64_t one[] = {1};
  frt_param_grad_t *pairs;
  size_t count;
  frt_switch_t *s;
  frt_var_t a, c, yes, out;
  assert_int_equal(FRT_OK, frt_layers_fill_constant(n->b, 1, one, FRT_F32, 1, &a, &n->err));
  assert_int_equal(FRT_OK, frt_layers_fill_constant(n->b, 1, one, FRT_F32, 2, &c, &n->err));
  assert_int_equal(FRT_OK, frt_layers_less_than(n->b, a, c, &yes, &n->err));
  assert_int_equal(FRT_OK, frt_layers_fill_constant(n->b, 1, one, FRT_F32, 0, &out, &n->err));
  assert_int_equal(FRT_OK, frt_var_stop_gradient(n->b, out, 0, &n->err));
  assert_int_equal(FRT_OK, frt_switch_begin(n->b, &s, &n->err));
  assert_int_equal(FRT_OK, frt_switch_case(s, yes, &n->err));
  assert_int_equal(FRT_OK, frt_layers_assign(n->b, n->loss, &out, &n->err));
  assert_int_equal(FRT_OK, frt_switch_end_case(s, &n->err));
  assert_int_equal(FRT_OK, frt_switch_default(s, &n->err));
  assert_int_equal(FRT_OK, frt_layers_assign(n->b, n->loss, &out, &n->err));
  assert_int_equal(FRT_OK, frt_switch_end_case(s, &n->err));
  assert_int_equal(FRT_UNIMPLEMENTED, frt_append_backward(n->b, out, NULL, 0, NULL, 0, &pairs,
                                                          &count, &n->err));
  assert_string_equal(n->err.message,
                      "block 0 op #12 conditional_block: backward: its gradient is not known: "
                      "more than one op writes 'fill_constant_2.tmp_0'");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradients_take_the_branch_that_was_taken),
      cmocka_unit_test(gradients_go_through_a_branch_in_a_branch),
      cmocka_unit_test(backward_has_the_ops_of_paddle),
      cmocka_unit_test(a_program_with_branches_survives_its_file),
      cmocka_unit_test(other_tools_know_the_gradient_block),
      cmocka_unit_test(running_out_of_memory_while_planning_is_an_answer),
      NET_TEST(a_loop_has_no_gradient),
      NET_TEST(a_variable_of_two_cases_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
