/* Floating point where it is least like arithmetic. */
#include "running.h"

#include <fenv.h>

/* Padding around the elements holds NaN: the check looks at elements only. */
static void nan_around_a_feed_is_not_reported(void **state) {
  const frt_executor_options_t o = {.struct_size = sizeof o, .check_nan = 1};
  _Alignas(64) float memory[64];
  (void)state;
  for (int k = 0; k < 2; ++k)
    for (int64_t n = 1; n <= 20; ++n) {
      frt_error_t err = FRT_ERROR_INIT;
      frt_executor_t *exe = NULL;
      frt_scope_t *scope = NULL;
      frt_tensor_t *t = NULL, *out = NULL;
      frt_program_t *p = read_block(T("x", "FP32", "-1") T("o", "FP32", "-1") UNARY("exp", ""));
      for (int i = 0; i < 64; ++i) memory[i] = i >= 16 && i < 16 + n ? 0.0f : NAN;
      OK(frt_tensor_wrap(FRT_F32, 1, &n, memory + 16, (size_t)n * sizeof(float), &t, &err));
      const frt_feed_t feed = {"x", t};
      const frt_fetch_t fetch = {"o", 0, 0};
      OK(frt_executor_create(catalogue_rt, both[k], &o, &exe, &err));
      OK(frt_scope_create(catalogue_rt, &scope, &err));
      OK(frt_executor_run(exe, p, scope, &feed, 1, &fetch, 1, &out, NULL, &err));
      assert_true(get_value(out, n - 1) == 1);
      memory[16 + n - 1] = NAN; /* the last element does count */
      expect_error(frt_executor_run(exe, p, scope, &feed, 1, &fetch, 1, &out, NULL, &err), &err,
                   FRT_OUT_OF_RANGE, FRT_PHASE_FEED, "1 nan");
      frt_tensor_release(out);
      frt_tensor_release(t);
      frt_scope_release(scope);
      frt_executor_release(exe);
      frt_program_release(p);
    }
}

/* Values between elements that are dropped again are still of an op that was asked for. */
static void the_first_bad_op_is_named(void **state) {
  static const char *const program = T("x", "FP32", "3") T("a", "FP32", "3") T("b", "FP32", "3")
      T("o", "FP32", "3") OP("scale", IN("X", "'x'") OUT("Out", "'a'"))
      OP("log", IN("X", "'a'") OUT("Out", "'b'")) OP("sqrt", IN("X", "'b'") OUT("Out", "'o'"));
  (void)state;
  reported(program, FED({"x", FRT_F32, 1, {3}, {1, 2, -1}}), "log",
           "'b' of shape [3] has 1 nan and 0 inf, the first at element 2");
  reported(program, FED({"x", FRT_F32, 1, {3}, {1, 0, 0}}), "log",
           "0 nan and 2 inf, the first at element 1");
  reported(program, FED({"x", FRT_F32, 1, {3}, {0.5, 2, 3}}), "sqrt",
           "1 nan and 0 inf, the first at element 0");
}

/* The sum of n terms is off by at most n - 1 roundings of the sum of magnitudes; pieces
 * added up as a tree do far better, and a single float accumulator far worse: adding
 * 0.1f to 2^20 is off by 2.5 % of it. */
static void ten_million_terms(void **state) {
  static const int64_t n[] = {10000000};
  static const char *const program = T("x", "FP32", "-1") T("o", "FP32", "1")
      UNARY("reduce_sum", BOOLEAN("reduce_all", "true"));
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = NULL, *out = NULL;
  frt_program_t *p = read_block(program);
  (void)state;
  OK(frt_tensor_create(FRT_F32, 1, n, &t, &err));
  float *x = frt_tensor_data(t);
  const frt_feed_t feed = {"x", t};
  const frt_fetch_t fetch = {"o", 0, 0};
  for (int k = 0; k < 4; ++k) {
    frt_executor_t *exe = NULL;
    frt_scope_t *scope = NULL;
    /* All of one sign; then large ones that cancel, and one that stays. */
    for (int64_t i = 0; i < n[0]; ++i) x[i] = k < 2 ? 0.1f : i % 2 ? -1000.1f : 1000.1f;
    if (k >= 2) x[n[0] / 2] += 3.0f;
    const double want = k < 2 ? 1e7 * (double)0.1f : (double)(1000.1f + 3.0f) - (double)1000.1f;
    const double bound = k < 2 ? 1e-5 * want : 1e7 * 1000.1 * 0x1p-24 * 1e-2;
    OK(frt_executor_create(catalogue_rt, both[k % 2], NULL, &exe, &err));
    OK(frt_scope_create(catalogue_rt, &scope, &err));
    OK(frt_executor_run(exe, p, scope, &feed, 1, &fetch, 1, &out, NULL, &err));
    if (!(fabs(get_value(out, 0) - want) <= bound))
      fail_msg("%s: %.9g, wanted %.9g within %g", both[k % 2], get_value(out, 0), want, bound);
    frt_scope_release(scope);
    frt_executor_release(exe);
  }
  frt_tensor_release(out);
  frt_tensor_release(t);
  frt_program_release(p);
}

#define PAIR(type) T("x", "FP32", "4") T("y", "FP32", "4") T("o", "FP32", "4") BINARY(type, "")
static void nan_in_the_choice_of_the_largest(void **state) {
  (void)state;
  gives(T("x", "FP32", "4") T("o", "FP32", "1") UNARY("reduce_max", ""),
        FED({"x", FRT_F32, 1, {4}, {1, NAN, 3, 2}}), VALUES(NAN));
  gives(T("x", "FP32", "4") T("o", "FP32", "1") UNARY("reduce_min", ""),
        FED({"x", FRT_F32, 1, {4}, {1, 2, 3, NAN}}), VALUES(NAN));
  /* Fluid's x > y ? x : y and x < y ? x : y: a NaN in x loses, one in y wins. */
  gives(PAIR("elementwise_max"), FED({"x", FRT_F32, 1, {4}, {NAN, 1, -0.0, 0.0}},
                                     {"y", FRT_F32, 1, {4}, {1, NAN, 0.0, -0.0}}),
        VALUES(1, NAN, 0.0, -0.0));
  gives(PAIR("elementwise_min"), FED({"x", FRT_F32, 1, {4}, {NAN, 1, -0.0, 0.0}},
                                     {"y", FRT_F32, 1, {4}, {1, NAN, 0.0, -0.0}}),
        VALUES(1, NAN, 0.0, -0.0));
  gives(T("x", "FP32", "4") T("o", "FP32", "4") UNARY("relu", ""),
        FED({"x", FRT_F32, 1, {4}, {NAN, -3, INFINITY, -1}}), VALUES(NAN, 0, INFINITY, 0));
  gives(T("x", "FP32", "4") T("o", "INT64", "1")
            UNARY("arg_max", ATTR("axis", "LONG", "l: 0")),
        FED({"x", FRT_F32, 1, {4}, {1, 7, 7, 2}}), VALUES(1)); /* of equals the first */
}

/* A program that rounds upwards or flushes denormals computes as one that does not. */
static void the_callers_rounding_is_not_ours_to_keep(void **state) {
  const int before = fegetround();
  (void)state;
  for (int k = 0; k < 2; ++k) {
    fesetround(FE_UPWARD);
    const outcome_t r = run_with(T("x", "FP32", "2") T("o", "FP32", "2") UNARY("relu", ""),
                                 both[k], NULL, FED({"x", FRT_F32, 1, {2}, {0x1p-140, 1}}), "o");
    assert_int_equal(FE_UPWARD, fegetround()); /* and it is as the caller set it */
    fesetround(before);
    same_values(&r, VALUES(0x1p-140, 1), both[k]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nan_around_a_feed_is_not_reported), /* 3h: 241 */
      cmocka_unit_test(the_first_bad_op_is_named), /* 3h: 240 */
      cmocka_unit_test(ten_million_terms), /* 3h: 243 */
      cmocka_unit_test(nan_in_the_choice_of_the_largest), /* 3h: 244 */
      cmocka_unit_test(the_callers_rounding_is_not_ours_to_keep), /* 3h: 242 */
  };
  return cmocka_run_group_tests(tests, open_catalogue, close_catalogue);
}
