/* set_gradient_clip: groups with factors of their own, marks for some, refusals. */
#include <math.h>

#include "live.h"

static void minimize(net_t *n) {
  const frt_optimizer_options_t o = {.learning_rate = 0.1};
  frt_optimizer_t *sgd = NULL;
  assert_int_equal(FRT_OK,
                   frt_optimizer_create(n->b, FRT_OPTIMIZER_SGD, &o, &sgd, &n->err));
  assert_int_equal(FRT_OK, frt_optimizer_minimize(sgd, n->loss, NULL, NULL, &n->err));
  frt_optimizer_release(sgd);
}

/* What the update of a parameter reads as its gradient. */
static const char *applied(const net_t *n, const char *param) {
  const frt_program_t *p = frt_builder_main(n->b);
  for (uint32_t i = 0; i < frt_program_n_ops(p, 0); ++i) {
    const char *grad = NULL;
    int here = 0;
    if (strcmp(frt_program_op_type(p, 0, i), "sgd") != 0) continue;
    for (uint32_t s = 0; s < frt_program_op_n_inputs(p, 0, i); ++s) {
      frt_slot_info_t slot;
      assert_int_equal(FRT_OK, frt_program_op_input(p, 0, i, s, &slot, NULL));
      if (!strcmp(slot.name, "Grad")) grad = slot.args[0];
      if (!strcmp(slot.name, "Param")) here = !strcmp(slot.args[0], param);
    }
    if (here) return grad;
  }
  return "none";
}

static frt_tensor_t *batch(net_t *n) {
  static float x[2][4] = {{1, -2, 3, 0.5f}, {-1, 0.25f, 2, 4}};
  const int64_t dims[] = {2, 4};
  frt_tensor_t *t = NULL;
  assert_int_equal(FRT_OK, frt_tensor_wrap(FRT_F32, 2, dims, x, sizeof x, &t, &n->err));
  return t;
}

/* All gradients of the list, raw, in one array; *ends: where each one ends. */
static void gradients(net_t *n, live_t *l, const frt_feed_t *feed,
                      const char *const *params, int as_applied, double *to,
                      size_t *ends) {
  size_t at = 0;
  for (size_t i = 0; params[i]; ++i) {
    char raw[64];
    snprintf(raw, sizeof raw, "%s@GRAD", params[i]);
    at += live_run(l, frt_builder_main(n->b), feed, 1,
                   as_applied ? applied(n, params[i]) : raw, to + at, 64 - at, &n->err);
    ends[i] = at;
  }
}

/* By the definition: g * limit / max(limit, norm of the group's gradients). */
static void check_group(net_t *n, live_t *l, const frt_feed_t *feed,
                        const char *const *params, double limit) {
  double raw[64], got[64], sum = 0;
  size_t ends[4], n_params = 0;
  while (params[n_params]) ++n_params;
  gradients(n, l, feed, params, 0, raw, ends);
  const size_t all = ends[n_params - 1];
  for (size_t i = 0; i < all; ++i) sum += raw[i] * raw[i];
  gradients(n, l, feed, params, 1, got, ends);
  assert_int_equal(all, ends[n_params - 1]);
  const double by = limit / fmax(limit, sqrt(sum));
  assert_true(by < 1); /* the clip bites, or nothing is shown */
  for (size_t i = 0; i < all; ++i)
    assert_true(fabs(got[i] - raw[i] * by) <= 1e-6 * fabs(raw[i] * by));
}

/* The rate is 0, so that runs do not change the parameters. */
static void each_group_has_its_own_factor(void **state) {
  net_t *n = *state;
  const char *const first[] = {"fc_0.w_0", "fc_0.b_0", NULL};
  const char *const second[] = {"fc_1.w_0", "fc_1.b_0", NULL};
  const frt_clip_t a = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 0.01,
                        .group_name = "g0"};
  const frt_clip_t c = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 0.05,
                        .group_name = "g1"};
  const frt_optimizer_options_t o = {.learning_rate = FRT_ZERO};
  frt_optimizer_t *sgd = NULL;
  live_t l;
  assert_int_equal(FRT_OK, frt_set_gradient_clip(n->b, &a, first, 2, NULL, &n->err));
  assert_int_equal(FRT_OK, frt_set_gradient_clip(n->b, &c, second, 2, NULL, &n->err));
  assert_int_equal(FRT_OK,
                   frt_optimizer_create(n->b, FRT_OPTIMIZER_SGD, &o, &sgd, &n->err));
  assert_int_equal(FRT_OK, frt_optimizer_minimize(sgd, n->loss, NULL, NULL, &n->err));
  const frt_feed_t feed = {"x", batch(n)};
  live_open(&l, n->b, &n->err);
  check_group(n, &l, &feed, first, 0.01);
  check_group(n, &l, &feed, second, 0.05);
  live_close(&l);
  frt_tensor_release(feed.tensor);
  frt_optimizer_release(sgd);
}

static void what_has_no_mark_stays_as_it_is(void **state) {
  net_t *n = *state;
  const char *const marked[] = {"fc_0.w_0"};
  const frt_clip_t c = {.kind = FRT_CLIP_BY_VALUE, .max = 0.01};
  assert_int_equal(FRT_OK, frt_set_gradient_clip(n->b, &c, marked, 1, NULL, &n->err));
  minimize(n);
  assert_string_equal(applied(n, "fc_0.w_0"), "clip_0.tmp_0");
  assert_string_equal(applied(n, "fc_0.b_0"), "fc_0.b_0@GRAD");
  assert_string_equal(applied(n, "fc_1.w_0"), "fc_1.w_0@GRAD");
  assert_string_equal(applied(n, "fc_1.b_0"), "fc_1.b_0@GRAD");
}

static int refuses(void *ctx, const char *parameter) {
  return strcmp(parameter, ctx) != 0;
}

static void need_clip_counts_for_marks_too(void **state) {
  net_t *n = *state;
  char not_this[] = "fc_1.b_0";
  const frt_clip_t c = {.kind = FRT_CLIP_BY_NORM, .clip_norm = 1, .need_clip = refuses,
                        .ctx = not_this};
  assert_int_equal(FRT_OK, frt_set_gradient_clip(n->b, &c, NULL, 0, NULL, &n->err));
  minimize(n);
  assert_string_equal(applied(n, "fc_1.b_0"), "fc_1.b_0@GRAD");
  assert_string_equal(applied(n, "fc_1.w_0"), "clip_by_norm_2.tmp_0");
}

static void one_group_has_one_limit(void **state) {
  net_t *n = *state;
  const char *const first[] = {"fc_0.w_0"};
  const frt_clip_t a = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 1};
  const frt_clip_t c = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 2};
  frt_optimizer_t *o = NULL;
  assert_int_equal(FRT_OK, frt_set_gradient_clip(n->b, &a, NULL, 0, NULL, &n->err));
  assert_int_equal(FRT_OK, frt_set_gradient_clip(n->b, &c, first, 1, NULL, &n->err));
  assert_int_equal(FRT_OK, frt_lars_momentum_create(n->b, 0.1, 0.9, NULL, &o, &n->err));
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   frt_optimizer_minimize(o, n->loss, NULL, NULL, &n->err));
  assert_string_equal(n->err.message, "set_gradient_clip: clip_norm is 2 for 'fc_0.w_0' "
                                      "and 1 for others of group 'default_group'");
  frt_optimizer_release(o);
}

static void marks_are_checked(void **state) {
  net_t *n = *state;
  const frt_clip_t good = {.kind = FRT_CLIP_BY_NORM, .clip_norm = 1};
  const char *const names[] = {"fc_0.w_0", "x"}, *const hole[] = {NULL};
  static const struct { frt_clip_t clip; const char *text; } bad[] = {
      {{.kind = 9}, "set_gradient_clip: clip kind 9 does not exist"},
      {{.kind = FRT_CLIP_BY_NORM},
       "set_gradient_clip: clip clip_norm is 0; wanted more than 0"},
      {{.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = -1},
       "set_gradient_clip: clip clip_norm is -1; wanted more than 0"},
      {{.kind = FRT_CLIP_BY_VALUE, .max = -1},
       "set_gradient_clip: clip min is 1; wanted at most max, which is -1"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    assert_int_equal(FRT_INVALID_ARGUMENT,
                     frt_set_gradient_clip(n->b, &bad[i].clip, NULL, 0, NULL, &n->err));
    assert_string_equal(n->err.message, bad[i].text);
  }
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   frt_set_gradient_clip(n->b, NULL, NULL, 0, NULL, &n->err));
  assert_string_equal(n->err.message, "set_gradient_clip: clip is NULL");
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   frt_set_gradient_clip(n->b, &good, names, 2, NULL, &n->err));
  assert_string_equal(n->err.message,
                      "set_gradient_clip: param_list 'x' is no parameter of the program");
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   frt_set_gradient_clip(n->b, &good, hole, 1, NULL, &n->err));
  assert_string_equal(n->err.message, "set_gradient_clip: param_list [0] is NULL");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      NET_TEST(each_group_has_its_own_factor),
      NET_TEST(what_has_no_mark_stays_as_it_is),
      NET_TEST(need_clip_counts_for_marks_too),
      NET_TEST(one_group_has_one_limit),
      NET_TEST(marks_are_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
