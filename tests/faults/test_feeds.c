/* What is fed and fetched: each mistake has its code, its phase and a word that helps. */
#include "faults.h"

#include <math.h>

static frt_runtime_t *rt;
static frt_executor_t *exe;
static frt_scope_t *scope;
static frt_program_t *startup, *prog;
static frt_tensor_t *good;

/* y = x * w; z = x2 + y; total = sum(z); w and never are persistable. */
static void make_programs(void) {
  frt_error_t err = FRT_ERROR_INIT;
  startup = new_program();
  prog = new_program();
  var(startup, 0, "w", FRT_F32, 1, THREE, 1);
  constant(startup, 0, "w", 1, THREE, FRT_F32, 2.0f);
  var(prog, 0, "w", FRT_F32, 1, THREE, 1);
  var(prog, 0, "x", FRT_F32, 2, ANY_BY_3, 0);
  var(prog, 0, "x2", FRT_F32, 2, ANY_BY_3, 0);
  var(prog, 0, "y", FRT_F32, 2, ANY_BY_3, 0);
  var(prog, 0, "z", FRT_F32, 2, ANY_BY_3, 0);
  var(prog, 0, "total", FRT_F32, 1, ONE, 0);
  var(prog, 0, "nowhere", FRT_F32, 1, ONE, 0);
  op(prog, 0, "elementwise_mul", "X=x;Y=w", "Out=y");
  op(prog, 0, "elementwise_add", "X=x2;Y=y", "Out=z");
  const uint32_t at = op(prog, 0, "reduce_sum", "X=z", "Out=total");
  OK(frt_program_set_attr_bool(prog, 0, at, "reduce_all", 1, &err));
}

static int setup(void **state) {
  static const int64_t two_by_3[] = {2, 3};
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  rt = linked_runtime(1);
  OK(frt_executor_create(rt, "cpu,reference", NULL, &exe, &err));
  OK(frt_scope_create(rt, &scope, &err));
  make_programs();
  good = floats(2, two_by_3, 1.0f);
  OK(frt_executor_run(exe, startup, scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  frt_tensor_release(good);
  frt_program_release(prog);
  frt_program_release(startup);
  frt_scope_release(scope);
  frt_executor_release(exe);
  frt_runtime_release(rt);
  return 0;
}

static void refused(const frt_feed_t *feed, size_t n, const char *fetched, frt_status_t want,
                    frt_phase_t phase, const char *word) {
  const frt_fetch_t fetch = {fetched, 0, 0};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *out = good, *w = NULL;
  expect_error(frt_executor_run(exe, prog, scope, feed, n, &fetch, 1, &out, NULL, &err), &err,
               want, phase, word);
  assert_ptr_equal(good, out);
  OK(frt_scope_get(scope, "w", &w, &err)); /* and the scope is as it was */
  assert_true(((float *)frt_tensor_data(w))[2] == 2.0f);
  frt_tensor_release(w);
}

/* total for x = x2 = good: sum of 3 * (1 .. 6). */
static void works(const frt_feed_t *feed, size_t n) {
  const frt_fetch_t fetch = {"total", 0, 0};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *out = NULL;
  OK(frt_executor_run(exe, prog, scope, feed, n, &fetch, 1, &out, NULL, &err));
  assert_true(*(float *)frt_tensor_data(out) == 63.0f);
  frt_tensor_release(out);
}

static void all_missing_feeds_are_listed(void **state) {
  (void)state;
  refused(NULL, 0, "total", FRT_FAILED_PRECONDITION, FRT_PHASE_FEED, "x2");
  refused(NULL, 0, "total", FRT_FAILED_PRECONDITION, FRT_PHASE_FEED, "'x'");
}

static void an_unknown_feed_is_named_with_the_nearest(void **state) {
  const frt_feed_t feed[] = {{"x", good}, {"x2", good}, {"totl", good}};
  (void)state;
  refused(feed, 3, "total", FRT_NOT_FOUND, FRT_PHASE_FEED, "nearest is 'total'");
}

static void a_feed_is_given_once_and_whole(void **state) {
  const frt_feed_t twice[] = {{"x", good}, {"x2", good}, {"x", good}};
  const frt_feed_t nameless[] = {{NULL, good}}, empty[] = {{"x", NULL}};
  (void)state;
  refused(twice, 3, "total", FRT_INVALID_ARGUMENT, FRT_PHASE_FEED, "twice");
  refused(nameless, 1, "total", FRT_INVALID_ARGUMENT, FRT_PHASE_FEED, "no name");
  refused(empty, 1, "total", FRT_INVALID_ARGUMENT, FRT_PHASE_FEED, "no tensor");
}

static void shapes_and_dtypes_are_as_declared(void **state) {
  static const int64_t two_by_4[] = {2, 4}, six[] = {6}, two_by_3[] = {2, 3};
  static const struct { frt_dtype_t dtype; uint32_t rank; const int64_t *dims;
                        const char *word; } bad[] = {
      {FRT_F32, 2, two_by_4, "wanted [-1, 3]"}, {FRT_F32, 1, six, "wanted [-1, 3]"},
      {FRT_F32, 0, NULL, "wanted [-1, 3]"}, {FRT_F64, 2, two_by_3, "wanted float32"},
      {FRT_I64, 2, two_by_3, "wanted float32"}};
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_tensor_t *t = NULL;
    OK(frt_tensor_create(bad[i].dtype, bad[i].rank, bad[i].dims, &t, &err));
    const frt_feed_t feed[] = {{"x", t}, {"x2", good}};
    refused(feed, 2, "total", FRT_INVALID_ARGUMENT, FRT_PHASE_FEED, bad[i].word);
    frt_tensor_release(t);
  }
}

static void memory_must_cover_the_shape(void **state) {
  static const int64_t dims[] = {2, 3}, none[] = {0, 3}, huge[] = {INT64_MAX, 3};
  float data[6] = {0};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = NULL;
  (void)state;
  expect_error(frt_tensor_wrap(FRT_F32, 2, dims, data, 23, &t, &err), &err,
               FRT_INVALID_ARGUMENT, FRT_PHASE_NONE, "more bytes");
  expect_error(frt_tensor_wrap(FRT_F32, 2, dims, NULL, 24, &t, &err), &err,
               FRT_INVALID_ARGUMENT, FRT_PHASE_NONE, "no data");
  expect_error(frt_tensor_wrap(FRT_F32, 2, huge, data, 24, &t, &err), &err,
               FRT_INVALID_ARGUMENT, FRT_PHASE_NONE, "overflow");
  assert_null(t);
  OK(frt_tensor_wrap(FRT_F32, 2, none, NULL, 0, &t, &err));
  frt_tensor_release(t);
}

/* Elements at their own alignment are enough; less is refused, never read wrongly. */
static void a_buffer_may_start_at_any_element(void **state) {
  static const int64_t dims[] = {2, 3};
  _Alignas(16) unsigned char bytes[6 * sizeof(float) + 8];
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  for (int shift = 0; shift < 8; ++shift) {
    frt_tensor_t *t = NULL;
    memcpy(bytes + shift, frt_tensor_data(good), 6 * sizeof(float));
    frt_status_t status =
        frt_tensor_wrap(FRT_F32, 2, dims, bytes + shift, 6 * sizeof(float), &t, &err);
    if (shift % 4) {
      expect_error(status, &err, FRT_INVALID_ARGUMENT, FRT_PHASE_NONE, "misaligned");
      continue;
    }
    const frt_feed_t feed[] = {{"x", t}, {"x2", t}};
    works(feed, 2);
    frt_tensor_release(t);
  }
}

static void a_result_does_not_change_with_its_feed(void **state) {
  static const int64_t dims[] = {2, 3};
  const frt_fetch_t fetch[] = {{"x", 0, 0}, {"z", 0, 0}};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = floats(2, dims, 1.0f), *out[2] = {NULL, NULL};
  const frt_feed_t feed[] = {{"x", t}, {"x2", t}};
  (void)state;
  OK(frt_executor_run(exe, prog, scope, feed, 2, fetch, 2, out, NULL, &err));
  memset(frt_tensor_data(t), 0x7f, frt_tensor_bytes(t));
  frt_tensor_release(t);
  assert_true(((float *)frt_tensor_data(out[0]))[5] == 6.0f);
  assert_true(((float *)frt_tensor_data(out[1]))[5] == 18.0f);
  for (int i = 0; i < 2; ++i) frt_tensor_release(out[i]);
}

/* As in Fluid: the feed comes first, then the producer runs and overwrites it. */
static void a_computed_value_that_is_fed_is_computed(void **state) {
  const frt_feed_t feed[] = {{"x", good}, {"x2", good}, {"y", good}};
  (void)state;
  works(feed, 3);
}

static void a_fed_parameter_changes_nothing_if_the_run_is_refused(void **state) {
  frt_tensor_t *w = floats(1, THREE, 50.0f);
  const frt_feed_t feed[] = {{"x", good}, {"x2", good}, {"w", w}};
  (void)state;
  refused(feed, 3, "totl", FRT_NOT_FOUND, FRT_PHASE_FETCH, "total");
  frt_tensor_release(w);
}

static void special_numbers_pass_through(void **state) {
  static const int64_t dims[] = {1, 3};
  static const uint32_t bits[] = {0x7fc00000u, 0x7f800000u, 0xff800000u, 0x7f800001u,
                                  0x80000000u, 0x00000001u};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = floats(2, dims, 0.0f), *zero = floats(2, dims, 0.0f), *out = NULL;
  const frt_feed_t feed[] = {{"x", t}, {"x2", zero}};
  const frt_fetch_t fetch = {"x", 0, 0};
  (void)state;
  for (int k = 0; k < 2; ++k) {
    memcpy(frt_tensor_data(t), bits + 3 * k, 3 * sizeof *bits);
    OK(frt_executor_run(exe, prog, scope, feed, 2, &fetch, 1, &out, NULL, &err));
    assert_memory_equal(frt_tensor_data(out), bits + 3 * k, 3 * sizeof *bits);
  }
  frt_tensor_release(out);
  frt_tensor_release(zero);
  frt_tensor_release(t);
}

static void an_unknown_fetch_is_named_with_the_nearest(void **state) {
  const frt_feed_t feed[] = {{"x", good}, {"x2", good}};
  (void)state;
  refused(feed, 2, "tota", FRT_NOT_FOUND, FRT_PHASE_FETCH, "nearest is 'total'");
  refused(feed, 2, "", FRT_NOT_FOUND, FRT_PHASE_FETCH, "fetch ''");
}

static void what_no_op_has_written_is_not_fetched(void **state) {
  const frt_feed_t feed[] = {{"x", good}, {"x2", good}};
  (void)state;
  refused(feed, 2, "nowhere", FRT_FAILED_PRECONDITION, FRT_PHASE_FETCH, "nowhere");
}

static void a_fetch_may_come_often(void **state) {
  enum { MANY = 3000 };
  const frt_feed_t feed[] = {{"x", good}, {"x2", good}};
  static frt_fetch_t fetch[MANY];
  static frt_tensor_t *out[MANY];
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  for (int i = 0; i < MANY; ++i) fetch[i].var = i % 2 ? "total" : "z";
  OK(frt_executor_run(exe, prog, scope, feed, 2, fetch, MANY, out, NULL, &err));
  for (int i = 0; i < MANY; ++i) {
    assert_memory_equal(frt_tensor_data(out[i]), frt_tensor_data(out[i % 2]),
                        frt_tensor_bytes(out[i % 2]));
    if (i > 1) assert_ptr_not_equal(out[i], out[i % 2]);
  }
  for (int i = 0; i < MANY; ++i) frt_tensor_release(out[i]);
}

static void a_tensor_that_does_not_fit_is_replaced(void **state) {
  const frt_feed_t feed[] = {{"x", good}, {"x2", good}};
  const frt_fetch_t fetch = {"total", 0, 0};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *mine = floats(1, THREE, 5.0f), *out = frt_tensor_retain(mine);
  (void)state;
  OK(frt_executor_run(exe, prog, scope, feed, 2, &fetch, 1, &out, NULL, &err));
  assert_ptr_not_equal(mine, out);
  assert_true(((float *)frt_tensor_data(mine))[0] == 5.0f);
  assert_int_equal(1, frt_tensor_numel(out));
  frt_tensor_release(out);
  frt_tensor_release(mine);
}

static void main_before_startup_lists_what_is_missing(void **state) {
  const frt_feed_t feed[] = {{"x", good}, {"x2", good}};
  frt_error_t err = FRT_ERROR_INIT;
  frt_scope_t *fresh = NULL;
  (void)state;
  OK(frt_scope_create(rt, &fresh, &err));
  /* Nothing is wanted: nothing runs. */
  OK(frt_executor_run(exe, prog, fresh, feed, 2, NULL, 0, NULL, NULL, &err));
  const frt_fetch_t fetch = {"total", 0, 0};
  frt_tensor_t *out = NULL;
  expect_error(frt_executor_run(exe, prog, fresh, feed, 2, &fetch, 1, &out, NULL, &err), &err,
               FRT_FAILED_PRECONDITION, FRT_PHASE_RUN, "'w'");
  assert_null(out);
  frt_scope_release(fresh);
}

static void startup_may_run_again(void **state) {
  const frt_feed_t feed[] = {{"x", good}, {"x2", good}};
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  OK(frt_executor_run(exe, startup, scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  works(feed, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_missing_feeds_are_listed), /* 3d: 140 */
      cmocka_unit_test(an_unknown_feed_is_named_with_the_nearest), /* 3d: 141 */
      cmocka_unit_test(a_feed_is_given_once_and_whole), /* 3d: 144, 147 */
      cmocka_unit_test(shapes_and_dtypes_are_as_declared), /* 3d: 145, 146 */
      cmocka_unit_test(memory_must_cover_the_shape), /* 3d: 147 */
      cmocka_unit_test(a_buffer_may_start_at_any_element), /* 3d: 148 */
      cmocka_unit_test(a_result_does_not_change_with_its_feed), /* 3d: 150 */
      cmocka_unit_test(a_computed_value_that_is_fed_is_computed), /* 3d: 142 */
      cmocka_unit_test(a_fed_parameter_changes_nothing_if_the_run_is_refused), /* 3d: 143 */
      cmocka_unit_test(special_numbers_pass_through), /* 3d: 151 */
      cmocka_unit_test(an_unknown_fetch_is_named_with_the_nearest), /* 3d: 162 */
      cmocka_unit_test(what_no_op_has_written_is_not_fetched), /* 3d: 166 */
      cmocka_unit_test(a_fetch_may_come_often), /* 3d: 164 */
      cmocka_unit_test(a_tensor_that_does_not_fit_is_replaced), /* 3d: 165 */
      cmocka_unit_test(main_before_startup_lists_what_is_missing), /* 3d: 167 */
      cmocka_unit_test(startup_may_run_again) /* 3d: 168 */};
  return cmocka_run_group_tests(tests, setup, teardown);
}
