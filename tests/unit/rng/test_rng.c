#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fluidrt/rng.h"

static double relative(double got, double want) { return fabs(got - want) / fabs(want); }

static void the_engine_is_the_lehmer_engine(void **state) {
  uint32_t x = frt_rng_seed(1);
  (void)state;
  /* The C++ standard fixes the 10,000th number of minstd_rand. */
  for (int i = 0; i < 10000; ++i) x = frt_rng_next(x);
  assert_int_equal(399268537, x);
  assert_int_equal(399268537, frt_rng_jump(1, 10000));
  assert_int_equal(1, frt_rng_seed(0));
  assert_int_equal(1, frt_rng_seed(FRT_RNG_MOD));
}

static void the_unit_float_stays_below_one(void **state) {
  (void)state;
  assert_true(frt_rng_unit(1) == 0.0f);
  assert_true(frt_rng_unit(FRT_RNG_MOD - 1) < 1.0f);
}

static void log_agrees_with_the_c_library(void **state) {
  (void)state;
  for (double x = 1e-322; x < 1e300; x *= 1.37)
    assert_true(relative(frt_rng_log(x), log(x)) < 4e-16);
  for (double x = 0.9; x < 1.1; x += 1.0 / 4096)
    if (x != 1.0) assert_true(relative(frt_rng_log(x), log(x)) < 4e-16);
  assert_true(frt_rng_log(1.0) == 0.0);
  assert_true(isinf(frt_rng_log(0.0)) && frt_rng_log(0.0) < 0);
  assert_true(isnan(frt_rng_log(-1.0)) && isnan(frt_rng_log((double)NAN)));
}

/* erf(erfinv(x)) = x; a relative error d of erfinv moves it by d x' erf'(x'). */
static void erfinv_inverts_erf(void **state) {
  (void)state;
  for (double x = -0.9999; x < 1.0; x += 1.0 / 8192) {
    const double y = frt_rng_erfinv(x);
    assert_true(fabs(erf(y) - x) <= 2e-15 * fabs(y) * 1.13 * exp(-y * y) + 3e-16);
  }
  for (double y = 2.5; y < 5.8; y += 0.1) /* the tail, through erfc */
    assert_true(fabs(erfc(frt_rng_erfinv(1.0 - erfc(y))) - erfc(y)) <= 2.3e-16 +
                                                                      1e-13 * erfc(y));
  assert_true(isinf(frt_rng_erfinv(1.0)) && isnan(frt_rng_erfinv(1.5)));
}

static void a_gaussian_trial_is_rejected_outside_the_circle(void **state) {
  float out[2];
  (void)state;
  /* Unit floats near 1 and 0: a corner of the square. */
  assert_int_equal(0, frt_rng_gaussian_pair(FRT_RNG_MOD - 1, 1, out));
  /* u = 1/2 for x, 3/4 for y: x = 0, y = 1/2, r2 = 1/4. */
  assert_int_equal(1, frt_rng_gaussian_pair((1u << 30) + 1, 3u * (1u << 29) + 1, out));
  assert_true(out[1] == 0.0f);
  assert_true(relative((double)out[0], sqrt(-2.0 * log(0.25))) < 2e-7);
}

static void the_truncated_normal_stays_within_two(void **state) {
  (void)state;
  assert_true(fabs(frt_rng_truncated(1) + 2.0) < 1e-14);
  assert_true(fabs(frt_rng_truncated((1u << 30) + 1)) < 1e-15);
  assert_true(frt_rng_truncated(FRT_RNG_MOD - 1) < 2.0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_engine_is_the_lehmer_engine),
      cmocka_unit_test(the_unit_float_stays_below_one),
      cmocka_unit_test(log_agrees_with_the_c_library),
      cmocka_unit_test(erfinv_inverts_erf),
      cmocka_unit_test(a_gaussian_trial_is_rejected_outside_the_circle),
      cmocka_unit_test(the_truncated_normal_stays_within_two),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
