/* Normalizing layers beyond what frontend_golden shows: options, moving statistics over
 * several runs and in test programs, gradients through moving statistics. */
#include "fluidrt/layers_norm.h"
#include "live.h"

typedef struct image_net {
  frt_builder_t *b;
  frt_error_t err;
  frt_var_t x, y, loss; /* x [4, 2] */
} image_net_t;

static void open_net(image_net_t *n, const frt_batch_norm_options_t *o) {
  const int64_t dims[] = {4, 2};
  *n = (image_net_t){.err = FRT_ERROR_INIT};
  assert_int_equal(FRT_OK, frt_builder_create(&n->b, &n->err));
  assert_int_equal(FRT_OK, frt_data(n->b, "x", 2, dims, FRT_F32, &n->x, &n->err));
  assert_int_equal(FRT_OK, frt_var_stop_gradient(n->b, n->x, 0, &n->err));
  assert_int_equal(FRT_OK, frt_layers_batch_norm(n->b, n->x, o, &n->y, &n->err));
  assert_int_equal(FRT_OK, frt_layers_mean(n->b, n->y, &n->loss, &n->err));
}

/* 1 5, 3 5, 5 5, 7 5: means 4 and 5, variances 5 and 0. */
static frt_feed_t fed(frt_error_t *err) {
  static const float values[] = {1, 5, 3, 5, 5, 5, 7, 5};
  const int64_t dims[] = {4, 2};
  frt_feed_t f = {.name = "x"};
  assert_int_equal(FRT_OK, frt_tensor_create(FRT_F32, 2, dims, &f.tensor, err));
  memcpy(frt_tensor_data(f.tensor), values, sizeof values);
  return f;
}

static const frt_slot_info_t *slot(frt_slot_info_t *to, const frt_program_t *p, uint32_t op,
                                   const char *name) {
  for (uint32_t i = 0; i < frt_program_op_n_inputs(p, 0, op); ++i)
    if (frt_program_op_input(p, 0, op, i, to, NULL) == FRT_OK && !strcmp(to->name, name))
      return to;
  return NULL;
}

static uint32_t find_op(const frt_program_t *p, const char *type) {
  for (uint32_t i = 0; i < frt_program_n_ops(p, 0); ++i)
    if (!strcmp(frt_program_op_type(p, 0, i), type)) return i;
  fail_msg("no op %s", type);
  return 0;
}

static void moving_statistics_are_named_kept_and_not_trained(void **state) {
  const frt_batch_norm_options_t o = {.moving_mean_name = "m", .moving_variance_name = "v",
                                      .act = "relu"};
  frt_optimizer_t *sgd = NULL;
  const frt_optimizer_options_t rate = {.learning_rate = 0.5};
  frt_var_info_t info;
  image_net_t n;
  (void)state;
  open_net(&n, &o);
  assert_int_equal(FRT_OK,
                   frt_optimizer_create(n.b, FRT_OPTIMIZER_SGD, &rate, &sgd, &n.err));
  assert_int_equal(FRT_OK, frt_optimizer_minimize(sgd, n.loss, NULL, NULL, &n.err));
  const frt_program_t *p = frt_builder_main(n.b);
  assert_int_equal(FRT_OK, frt_program_find_var(p, 0, "m", &info, NULL));
  assert_int_equal(1, info.persistable);
  assert_int_equal(FRT_NOT_FOUND, frt_program_find_var(p, 0, "m@GRAD", &info, NULL));
  assert_int_equal(FRT_NOT_FOUND, frt_program_find_var(p, 0, "v@GRAD", &info, NULL));
  assert_int_equal(FRT_OK, frt_program_find_var(p, 0, "batch_norm_0.w_0@GRAD", &info, NULL));
  assert_int_equal(FRT_OK, frt_program_find_var(p, 0, "batch_norm_0.tmp_3", &info, NULL));
  frt_optimizer_release(sgd);
  frt_builder_release(n.b);
}

/* 0.75 of the old values stay: means 4 (1 - 0.75^k), variances 5 + (1 - 5) 0.75^k. */
static void a_test_program_uses_what_training_left(void **state) {
  const frt_batch_norm_options_t o = {.momentum = 0.75, .epsilon = FRT_ZERO};
  frt_program_t *test = NULL;
  double v[8];
  image_net_t n;
  live_t l;
  (void)state;
  open_net(&n, &o);
  frt_feed_t f = fed(&n.err);
  assert_int_equal(FRT_OK, frt_builder_clone(n.b, NULL, 1, &test, &n.err));
  live_open(&l, n.b, &n.err);
  for (int k = 0; k < 2; ++k) /* in test mode nothing moves */
    assert_int_equal(8, live_run(&l, test, &f, 1, n.y.name, v, 8, &n.err));
  assert_true(v[0] == 1 && v[1] == 5 && v[6] == 7);
  live_run(&l, frt_builder_main(n.b), &f, 1, "batch_norm_0.w_1", v, 2, &n.err);
  assert_true(v[0] == 1 && v[1] == 1.25);
  live_run(&l, frt_builder_main(n.b), &f, 1, "batch_norm_0.w_2", v, 2, &n.err);
  assert_true(v[0] == 2.75 && v[1] == 0.5625); /* 0.75 (0.75 + 1.25) + 1.25, 0.75^2 */
  live_run(&l, test, &f, 1, n.y.name, v, 8, &n.err);
  assert_true(v[1] == (5 - 2.1875) / 0.75); /* mean 1.25 * 0.75 + 1.25 */
  live_close(&l);
  frt_tensor_release(f.tensor);
  frt_program_release(test);
  frt_builder_release(n.b);
}

typedef struct second {
  live_t *l;
  frt_executor_t *exe;
  const frt_program_t *program;
  frt_feed_t *feed;
  frt_status_t status;
  int runs;
} second_t;

static void run_second(void *ctx, const frt_trace_span_t *span) {
  second_t *s = (second_t *)ctx;
  (void)span;
  if (s->runs++) return;
  s->status = frt_executor_run(s->exe, s->program, s->l->scope, s->feed, 1, NULL, 0, NULL, NULL,
                               NULL);
}

/* Another executor comes while a run is under way. */
static void runs_that_test_share_a_scope(void **state) {
  const frt_fetch_t fetch = {.var = "batch_norm_0.tmp_2"};
  frt_program_t *test = NULL;
  frt_tensor_t *out = NULL;
  image_net_t n;
  live_t l;
  (void)state;
  open_net(&n, NULL);
  frt_feed_t f = fed(&n.err);
  assert_int_equal(FRT_OK, frt_builder_clone(n.b, NULL, 1, &test, &n.err));
  live_open(&l, n.b, &n.err);
  second_t s = {.l = &l, .feed = &f};
  assert_int_equal(FRT_OK, frt_executor_create(l.rt, "reference", NULL, &s.exe, &n.err));
  for (int i = 0; i < 2; ++i) { /* the plans are made, one by one */
    frt_executor_t *exe = i ? s.exe : l.exe;
    assert_int_equal(FRT_OK, frt_executor_run(exe, test, l.scope, &f, 1, &fetch, 1, &out, NULL,
                                              &n.err));
  }
  frt_executor_trace(l.exe, run_second, &s);
  for (int trains = 0; trains < 2; ++trains) {
    s.program = trains ? frt_builder_main(n.b) : test;
    s.runs = 0;
    assert_int_equal(FRT_OK, frt_executor_run(l.exe, test, l.scope, &f, 1, &fetch, 1, &out,
                                              NULL, &n.err));
    assert_true(s.runs > 0);
    assert_int_equal(trains ? FRT_BUSY : FRT_OK, s.status);
  }
  frt_tensor_release(out);
  frt_executor_release(s.exe);
  live_close(&l);
  frt_tensor_release(f.tensor);
  frt_program_release(test);
  frt_builder_release(n.b);
}

static void only_global_statistics_reach_the_gradient(void **state) {
  frt_param_grad_t *pairs;
  frt_slot_info_t at;
  size_t count;
  (void)state;
  for (int global = 0; global < 2; ++global) {
    const frt_batch_norm_options_t o = {.use_global_stats = global, .epsilon = FRT_ZERO};
    image_net_t n;
    open_net(&n, &o);
    assert_int_equal(FRT_OK, frt_append_backward(n.b, n.loss, NULL, 0, NULL, 0, &pairs, &count,
                                                 &n.err));
    assert_int_equal(2, count);
    const frt_program_t *p = frt_builder_main(n.b);
    const uint32_t op = find_op(p, "batch_norm_grad");
    assert_int_equal(global, slot(&at, p, op, "Mean") != NULL);
    assert_int_equal(global, slot(&at, p, op, "Variance") != NULL);
    if (global) {
      double v[8];
      frt_feed_t f = fed(&n.err);
      live_t l;
      live_open(&l, n.b, &n.err);
      live_run(&l, p, &f, 1, "x@GRAD", v, 8, &n.err); /* Y = X at first */
      for (int i = 0; i < 8; ++i) assert_true(v[i] == 0.125);
      live_close(&l);
      frt_tensor_release(f.tensor);
    }
    frt_builder_release(n.b);
  }
}

static void layers_may_do_without_parameters(void **state) {
  const int64_t dims[] = {2, 3, 4, 6};
  const frt_layer_norm_options_t bare = {.no_scale = 1, .no_shift = 1, .begin_norm_axis = 3};
  const frt_param_attr_t one = {.name = "gw"};
  const frt_group_norm_options_t last = {.nhwc = 1, .param_attr = &one};
  const frt_batch_norm_options_t nhwc = {.nhwc = 1};
  frt_builder_t *b;
  frt_error_t err = FRT_ERROR_INIT;
  frt_var_t x, out;
  frt_var_info_t info;
  (void)state;
  assert_int_equal(FRT_OK, frt_builder_create(&b, &err));
  assert_int_equal(FRT_OK, frt_data(b, "x", 4, dims, FRT_F32, &x, &err));
  assert_int_equal(FRT_OK, frt_layers_layer_norm(b, x, &bare, &out, &err));
  assert_int_equal(FRT_OK, frt_layers_group_norm(b, x, 3, &last, &out, &err));
  assert_int_equal(FRT_OK, frt_layers_batch_norm(b, x, &nhwc, &out, &err));
  assert_int_equal(FRT_OK, frt_layers_instance_norm(b, x, NULL, &out, &err));
  const frt_program_t *p = frt_builder_main(b);
  assert_int_equal(FRT_NOT_FOUND, frt_program_find_var(p, 0, "layer_norm_0.w_0", &info, NULL));
  assert_int_equal(FRT_OK, frt_program_find_var(p, 0, "layer_norm_0.tmp_0", &info, NULL));
  assert_true(info.rank == 1 && info.dims[0] == 24);
  assert_int_equal(FRT_OK, frt_program_find_var(p, 0, "gw", &info, NULL));
  assert_true(info.rank == 1 && info.dims[0] == 6);
  assert_int_equal(FRT_OK, frt_program_find_var(p, 0, "batch_norm_0.w_2", &info, NULL));
  assert_true(info.rank == 1 && info.dims[0] == 6);
  assert_int_equal(FRT_OK, frt_program_find_var(p, 0, "instance_norm_0.tmp_1", &info, NULL));
  assert_true(info.rank == 1 && info.dims[0] == 6);
  frt_builder_release(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(moving_statistics_are_named_kept_and_not_trained),
      cmocka_unit_test(a_test_program_uses_what_training_left),
      cmocka_unit_test(runs_that_test_share_a_scope),
      cmocka_unit_test(only_global_statistics_reach_the_gradient),
      cmocka_unit_test(layers_may_do_without_parameters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
