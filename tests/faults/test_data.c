/* Data that no attribute shows: zeros, infinities, NaN, indices, empty tensors. Each op
 * has one answer, the same on both providers, or says what is wrong. Wanted values are
 * the definitions', by hand. */
#include "running.h"

#define NAN4 {"x", FRT_F32, 1, {4}, {NAN, -2, 0.5, 9}}
#define X4F T("x", "FP32", "4")
#define OF T("o", "FP32", "")

static void integer_quotients(void **state) {
  (void)state;
  for (int wide = 0; wide < 2; ++wide) {
    const frt_dtype_t d = wide ? FRT_I64 : FRT_I32;
    const int64_t least = wide ? INT64_MIN : INT32_MIN;
    const char *const program =
        wide ? T("x", "INT64", "1") T("y", "INT64", "1") T("o", "INT64", "1")
                   BINARY("elementwise_div", "")
             : T("x", "INT32", "1") T("y", "INT32", "1") T("o", "INT32", "1")
                   BINARY("elementwise_div", "");
    fails(program, FED({"x", d, 1, {1}, {7}}, {"y", d, 1, {1}, {0}}), FRT_OUT_OF_RANGE,
          "Y: element 0 is 0; an integer divisor must not be");
    /* -(-2^63) wraps around to itself. */
    gives(program, FED({"x", d, 1, {1}, {0}, least}, {"y", d, 1, {1}, {-1}}),
          VALUES((double)least));
  }
}

static void reductions_of_nothing(void **state) {
  (void)state;
  gives(T("x", "FP32", "0, 3") OF UNARY("reduce_sum", ATTR("dim", "INTS", "ints: [0]")),
        FED({"x", FRT_F32, 2, {0, 3}}), VALUES(0, 0, 0));
  gives(T("x", "FP32", "0, 3") OF UNARY("reduce_prod", ATTR("dim", "INTS", "ints: [0]")),
        FED({"x", FRT_F32, 2, {0, 3}}), VALUES(1, 1, 1));
  for (int i = 0; i < 2; ++i) {
    const outcome_t r = run_with(T("x", "FP32", "0, 3") OF UNARY("mean", ""), both[i], NULL,
                                 FED({"x", FRT_F32, 2, {0, 3}}), "o");
    expect_error(r.status, &r.err, FRT_INVALID_ARGUMENT, FRT_PHASE_PLAN,
                 "X has shape [0, 3]; wanted at least one element");
  }
  gives(T("x", "FP32", "0, 3") T("o", "FP32", "0, 3") UNARY("relu", ""),
        FED({"x", FRT_F32, 2, {0, 3}}), NULL, 0);
}

static void clip_keeps_nan_and_signed_zeros(void **state) {
  (void)state;
  gives(X4F OF UNARY("clip", FLOAT("min", "-1") FLOAT("max", "1")), FED(NAN4),
        VALUES(NAN, -1, 0.5, 1));
  gives(X4F OF UNARY("clip", FLOAT("min", "0") FLOAT("max", "1")),
        FED({"x", FRT_F32, 1, {4}, {-0.0, 0.0, INFINITY, -INFINITY}}), VALUES(-0.0, 0, 1, 0));
}

static void clip_by_norm_of_zeros_is_zeros(void **state) {
  (void)state;
  gives(X4F OF UNARY("clip_by_norm", FLOAT("max_norm", "1")), FED({"x", FRT_F32, 1, {4}, {0}}),
        VALUES(0, 0, 0, 0));
}

static void scale_by_nan_is_reported(void **state) {
  (void)state;
  gives(X4F OF UNARY("scale", FLOAT("scale", "nan")), FED({"x", FRT_F32, 1, {4}, {1, 2, 3, 4}}),
        VALUES(NAN, NAN, NAN, NAN));
  reported(X4F OF UNARY("scale", FLOAT("scale", "nan")),
           FED({"x", FRT_F32, 1, {4}, {1, 2, 3, 4}}), "scale", "4 nan and 0 inf");
}

static void casts_saturate(void **state) {
  (void)state;
  gives(X4F T("o", "INT32", "4") UNARY("cast", INT("in_dtype", "5") INT("out_dtype", "2")),
        FED({"x", FRT_F32, 1, {4}, {NAN, 1e30, -1e30, INFINITY}}),
        VALUES(0, INT32_MAX, INT32_MIN, INT32_MAX));
  gives(X4F T("o", "INT64", "4") UNARY("cast", INT("in_dtype", "5") INT("out_dtype", "3")),
        FED({"x", FRT_F32, 1, {4}, {NAN, 1e30, -1e30, -INFINITY}}),
        VALUES(0, (double)INT64_MAX, (double)INT64_MIN, (double)INT64_MIN));
}

static void softmax_of_huge_rows(void **state) {
  (void)state;
  gives(X4F OF UNARY("softmax", ""),
        FED({"x", FRT_F32, 1, {4}, {1e38, 1e38, 1e38, 1e38}}), VALUES(0.25, 0.25, 0.25, 0.25));
  for (int i = 0; i < 2; ++i) { /* e^-64 is the least that Fluid's softmax gives */
    const outcome_t r = run_with(X4F OF UNARY("softmax", ""), both[i], NULL,
                                 FED({"x", FRT_F32, 1, {4}, {1e38, -1e38, -INFINITY, 0}}), "o");
    assert_int_equal(FRT_OK, r.status);
    assert_true(r.v[0] == 1);
    for (int k = 1; k < 4; ++k) assert_true(r.v[k] >= 0 && r.v[k] < 2e-28);
  }
  gives(X4F OF UNARY("softmax", ""),
        FED({"x", FRT_F32, 1, {4}, {-INFINITY, -INFINITY, -INFINITY, -INFINITY}}),
        VALUES(NAN, NAN, NAN, NAN));
  reported(X4F T("s", "FP32", "") OF UNARY("scale", FLOAT("scale", "-10"))
               OP("softmax", IN("X", "'o'") OUT("Out", "'s'")),
           FED({"x", FRT_F32, 1, {4}, {3e38, 3e38, 3e38, 3e38}}), "scale", "0 nan and 4 inf");
}

static void dropout_of_everything(void **state) {
  (void)state;
  gives(X4F OF T("m", "UINT8", "4")
            OP("dropout", IN("X", "'x'") OUT("Out", "'o'") OUT("Mask", "'m'")
                   FLOAT("dropout_prob", "1")
                   ATTR("dropout_implementation", "STRING", "s: 'upscale_in_train'")),
        FED({"x", FRT_F32, 1, {4}, {1, -2, INFINITY, 4}}), VALUES(0, 0, 0, 0));
}

#define PROBABILITIES T("x", "FP32", "2, 2") T("l", "INT64", "2, 1") OF
static void labels_and_logarithms_of_zero(void **state) {
  (void)state;
  /* An ignored row is 0 whatever it holds. */
  gives(PROBABILITIES OP("cross_entropy", IN("X", "'x'") IN("Label", "'l'") OUT("Y", "'o'")
                             INT("ignore_index", "1")),
        FED({"x", FRT_F32, 2, {2, 2}, {1, 0, NAN, NAN}}, {"l", FRT_I64, 2, {2, 1}, {0, 1}}),
        VALUES(-0.0, 0));
  /* ln 0 counts as -1e20, so that the loss stays a number. */
  gives(PROBABILITIES OP("cross_entropy", IN("X", "'x'") IN("Label", "'l'") OUT("Y", "'o'")),
        FED({"x", FRT_F32, 2, {2, 2}, {0, 1, 1, 0}}, {"l", FRT_I64, 2, {2, 1}, {0, 0}}),
        VALUES((double)1e20f, -0.0));
  gives(X4F OF UNARY("log", ""), FED({"x", FRT_F32, 1, {4}, {0, 1, -1, INFINITY}}),
        VALUES(-INFINITY, 0, NAN, INFINITY));
  reported(X4F OF UNARY("log", ""), FED({"x", FRT_F32, 1, {4}, {0, 1, 1, 1}}), "log",
           "0 nan and 1 inf, the first at element 0");
}

#define HOT(depth) T("x", "INT64", "2, 1") OF UNARY("one_hot", INT("depth", depth))
#define PICK T("x", "FP32", "2, 2") T("i", "INT64", "2") OF \
  OP("gather", IN("X", "'x'") IN("Index", "'i'") OUT("Out", "'o'"))
static void indices_out_of_range(void **state) {
  static const int64_t bad[] = {-1, 2, INT64_C(1) << 32, INT64_MIN, INT64_MAX};
  (void)state;
  REFUSED(BAD(V("x", "INT64", "2, 1") O UNARY("one_hot", INT("depth", "0")), "depth is 0"),
          BAD(V("x", "INT64", "2, 1") O UNARY("one_hot", INT("depth", "-3")), "depth is -3"));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    char word[64];
    snprintf(word, sizeof word, "is %lld", (long long)bad[i]);
    fails(HOT("2"), FED({"x", FRT_I64, 2, {2, 1}, {0}, bad[i]}), FRT_OUT_OF_RANGE, word);
    fails(PICK, FED({"x", FRT_F32, 2, {2, 2}, {1, 2, 3, 4}}, {"i", FRT_I64, 1, {2}, {0}, bad[i]}),
          FRT_OUT_OF_RANGE, word);
  }
  gives(HOT("2"), FED({"x", FRT_I64, 2, {2, 1}, {1, 0}}), VALUES(0, 1, 1, 0));
}

/* ---- seeds and sizes -------------------------------------------------------------------- */

#define DRAW(seed) OF OP("uniform_random", OUT("Out", "'o'") \
                             ATTR("shape", "LONGS", "longs: [8]") INT("seed", seed))
static void seeds_reproduce(void **state) {
  static const char *const fixed[] = {DRAW("1"), DRAW("-2147483648"), DRAW("-1"),
                                      DRAW("2147483647")};
  (void)state;
  for (int p = 0; p < 2; ++p)
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; ++i) {
      const outcome_t a = run_with(fixed[i], both[p], NULL, NULL, 0, "o");
      const outcome_t b = run_with(fixed[i], both[p], NULL, NULL, 0, "o");
      same_values(&b, a.v, 8, both[p]);
      for (int k = 0; k < 8; ++k) assert_true(a.v[k] >= -1 && a.v[k] <= 1);
    }
  /* 0: another in each run of an executor, by the executor's own seed. */
  const frt_executor_options_t one = {.struct_size = sizeof one, .seed = 5},
                               two = {.struct_size = sizeof two, .seed = 6};
  const outcome_t a = run_with(DRAW("0"), "cpu", &one, NULL, 0, "o");
  const outcome_t b = run_with(DRAW("0"), "cpu", &one, NULL, 0, "o");
  const outcome_t c = run_with(DRAW("0"), "cpu", &two, NULL, 0, "o");
  same_values(&b, a.v, 8, "cpu");
  assert_memory_not_equal(a.v, c.v, sizeof a.v);
}

static void sizes_beyond_the_limit(void **state) {
  static const char *const programs[] = {
      V("o", "FP32", "") OP("uniform_random", OUT("Out", "'o'")
                                ATTR("shape", "LONGS", "longs: [100000000000]")),
      V("o", "FP32", "") OP("fill_constant", OUT("Out", "'o'")
                                ATTR("shape", "LONGS", "longs: [1024, 1024, 1024, 1024]")
                                    INT("dtype", "5"))};
  const frt_executor_options_t o = {.struct_size = sizeof o, .max_memory = 1 << 30};
  (void)state;
  REFUSED(BAD(V("o", "FP32", "") OP("uniform_random", OUT("Out", "'o'")
                                        ATTR("shape", "LONGS", "longs: [0]")), "shape is [0]"));
  for (int i = 0; i < 4; ++i) {
    const outcome_t r = run_with(programs[i / 2], both[i % 2], &o, NULL, 0, NULL);
    expect_error(r.status, &r.err, FRT_RESOURCE_EXHAUSTED, FRT_PHASE_PLAN, "1073741824");
  }
}

/* ---- lars_momentum ------------------------------------------------------------------------ */

#define LARS(attrs) \
  T("p", "FP32", "2") T("g", "FP32", "2") T("v", "FP32", "2") T("r", "FP32", "1") \
  OP("lars_momentum", IN("Param", "'p'") IN("Grad", "'g'") IN("Velocity", "'v'") \
         IN("LearningRate", "'r'") OUT("ParamOut", "'p'") OUT("VelocityOut", "'v'") \
         FLOAT("mu", "0") attrs)
/* v' = mu v + rate (g + decay p), p' = p - v'; with mu 0 a step from p is p - v'. */
static outcome_t lars(const char *place, const char *program, const frt_executor_options_t *o,
                      double p0, double p1, double g0, double g1, double rate) {
  const value_t in[] = {{"p", FRT_F32, 1, {2}, {p0, p1}}, {"g", FRT_F32, 1, {2}, {g0, g1}},
                        {"v", FRT_F32, 1, {2}, {0, 0}}, {"r", FRT_F32, 1, {1}, {rate}}};
  return run_with(program, place, o, in, 4, "p");
}

#define PLAIN LARS(FLOAT("lars_coeff", "0.5") FLOAT("lars_weight_decay", "0"))
static void lars_without_a_norm_takes_the_plain_rate(void **state) {
  (void)state;
  for (int i = 0; i < 2; ++i) {
    outcome_t r = lars(both[i], PLAIN, NULL, 0, 0, 1, -2, 0.25);
    same_values(&r, VALUES(-0.25, 0.5), both[i]); /* |p| = 0: p - 0.25 g */
    r = lars(both[i], PLAIN, NULL, 3, 4, 0, 0, 0.25);
    same_values(&r, VALUES(3, 4), both[i]);
    r = lars(both[i], PLAIN, NULL, 0, 0, 0, 0, 0.25);
    same_values(&r, VALUES(0, 0), both[i]);
    /* 3, 4 and 6, 8: norms 5 and 10, local rate 0.25 * 0.5 * 5 / 10. */
    r = lars(both[i], PLAIN, NULL, 3, 4, 6, 8, 0.25);
    same_values(&r, VALUES(3 - 0.375, 4 - 0.5), both[i]);
  }
}

static void lars_of_large_parameters_is_finite(void **state) {
  (void)state;
  for (int i = 0; i < 2; ++i) {
    /* Squares of 1e30 are no floats; the norms are. Their ratio is 1. */
    const outcome_t r = lars(both[i], PLAIN, NULL, 1e30, 1e30, 1e30, 1e30, 0.5);
    assert_int_equal(FRT_OK, r.status);
    for (int k = 0; k < 2; ++k)
      assert_true(fabs(r.v[k] - 0.75e30) < 1e-6 * 0.75e30); /* 1 - 0.5 * 0.5 */
  }
}

static void lars_rates_of_any_sign(void **state) {
  const frt_executor_options_t check = {.struct_size = sizeof check, .check_nan = 1};
  (void)state;
  for (int i = 0; i < 2; ++i) {
    outcome_t r = lars(both[i], PLAIN, NULL, 0, 0, 1, -2, -0.25);
    same_values(&r, VALUES(0.25, -0.5), both[i]);
    r = lars(both[i], PLAIN, NULL, 0, 0, 1, -2, NAN);
    same_values(&r, VALUES(NAN, NAN), both[i]);
    r = lars(both[i], PLAIN, &check, 0, 0, 1, -2, NAN); /* a feed is looked at, too */
    expect_error(r.status, &r.err, FRT_OUT_OF_RANGE, FRT_PHASE_FEED, "feed 'r'");
  }
}

/* With the check on, an update does not take place that would put NaN where it stays. */
static void a_nan_gradient_is_found_before_the_update(void **state) {
  const frt_executor_options_t check = {.struct_size = sizeof check, .check_nan = 1};
  static const char *const program =
      V("p", "FP32", "2") V("g", "FP32", "2") V("v", "FP32", "2") V("r", "FP32", "1")
      OP("lars_momentum", IN("Param", "'p'") IN("Grad", "'g'") IN("Velocity", "'v'")
             IN("LearningRate", "'r'") OUT("ParamOut", "'p'") OUT("VelocityOut", "'v'")
             FLOAT("mu", "0.9"));
  static const double bad[] = {NAN, INFINITY, -INFINITY};
  static const char *const names[] = {"p", "g", "v", "r"};
  (void)state;
  for (int i = 0; i < 6; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_program_t *p = read_block(program);
    frt_executor_t *exe = NULL;
    frt_scope_t *scope = NULL;
    frt_tensor_t *t;
    OK(frt_executor_create(catalogue_rt, both[i % 2], &check, &exe, &err));
    OK(frt_scope_create(catalogue_rt, &scope, &err));
    for (int k = 0; k < 4; ++k) {
      const value_t v = {names[k], FRT_F32, 1, {k == 3 ? 1 : 2},
                         {k == 1 ? 1.0 : 0.5, k == 1 ? bad[i / 2] : 0.5}};
      t = tensor_of(&v);
      OK(frt_scope_set(scope, names[k], t, &err));
      frt_tensor_release(t);
    }
    expect_error(frt_executor_run(exe, p, scope, NULL, 0, NULL, 0, NULL, NULL, &err), &err,
                 FRT_OUT_OF_RANGE, FRT_PHASE_RUN, "Grad 'g'");
    assert_string_equal("lars_momentum", err.op_type);
    for (int k = 0; k < 3; k += 2) {
      OK(frt_scope_get(scope, names[k], &t, &err));
      for (int e = 0; e < 2; ++e) assert_true(((float *)frt_tensor_data(t))[e] == 0.5f);
      frt_tensor_release(t);
    }
    frt_scope_release(scope);
    frt_executor_release(exe);
    frt_program_release(p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(integer_quotients), /* 3c: 83 */
      cmocka_unit_test(reductions_of_nothing), /* 3c: 86 3g: 227 */
      cmocka_unit_test(clip_keeps_nan_and_signed_zeros), /* 3c: 91 3h: 244 */
      cmocka_unit_test(clip_by_norm_of_zeros_is_zeros), /* 3c: 92 */
      cmocka_unit_test(scale_by_nan_is_reported), /* 3c: 93 */
      cmocka_unit_test(casts_saturate), /* 3c: 95 */
      cmocka_unit_test(softmax_of_huge_rows), /* 3c: 104 */
      cmocka_unit_test(dropout_of_everything), /* 3c: 105 */
      cmocka_unit_test(labels_and_logarithms_of_zero), /* 3c: 108, 110 */
      cmocka_unit_test(indices_out_of_range), /* 3c: 114, 115 */
      cmocka_unit_test(seeds_reproduce), /* 3c: 99 */
      cmocka_unit_test(sizes_beyond_the_limit), /* 3b: 62 3c: 97 3g: 219 */
      cmocka_unit_test(lars_without_a_norm_takes_the_plain_rate), /* 3c: 133, 134 */
      cmocka_unit_test(lars_of_large_parameters_is_finite), /* 3c: 136 */
      cmocka_unit_test(lars_rates_of_any_sign), /* 3c: 137 */
      cmocka_unit_test(a_nan_gradient_is_found_before_the_update), /* 3c: 135 */
  };
  return cmocka_run_group_tests(tests, open_catalogue, close_catalogue);
}
