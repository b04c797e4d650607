/* Running out of memory anywhere is an answer, not a crash. */
#include "net.h"

#include <stdbool.h>

#include "base/fault.h"

static size_t calls, fail_at;
static bool fails_once(void) { return calls++ == fail_at; }

/* A loop, a schedule, clip, decay and an optimizer. */
static frt_status_t build(frt_error_t *err) {
  const int64_t dims[] = {-1, 4}, limits[] = {3};
  const double values[] = {0.2, 0.1};
  const frt_fc_options_t relu = {.act = "relu"};
  frt_optimizer_options_t o = {
      .momentum = 0.9, .regularization = {FRT_DECAY_L2, 0.1},
      .grad_clip = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 1}};
  frt_builder_t *b = NULL;
  frt_optimizer_t *lars = NULL;
  frt_var_t x, shared;
  frt_status_t status = frt_builder_create(&b, err);
  if (status == FRT_OK) status = frt_data(b, "x", 2, dims, FRT_F32, &x, err);
  if (status == FRT_OK) status = frt_layers_fc(b, x, 4, &relu, &shared, err);
  if (status == FRT_OK)
    status = frt_layers_elementwise_mul(b, shared, shared, -1, NULL, &x, err);
  if (status == FRT_OK) status = frt_layers_mean(b, x, &x, err);
  if (status == FRT_OK)
    status = frt_piecewise_decay(b, limits, values, 1, &o.learning_rate_var, err);
  if (status == FRT_OK)
    status = frt_optimizer_create(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, &lars, err);
  if (status == FRT_OK) status = frt_optimizer_minimize(lars, x, NULL, NULL, err);
  frt_optimizer_release(lars);
  frt_builder_release(b);
  return status;
}

static void every_failed_allocation_is_reported(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status = FRT_RESOURCE_EXHAUSTED;
  (void)state;
  for (fail_at = 0; status != FRT_OK && fail_at < 100000; ++fail_at) {
    calls = 0;
    frti_alloc_fails = fails_once;
    status = build(&err);
    frti_alloc_fails = NULL;
    if (calls <= fail_at) break; /* none failed: the whole was built */
    if (status == FRT_OK) {      /* an allocation that can be done without */
      status = FRT_RESOURCE_EXHAUSTED;
      continue;
    }
    assert_int_equal(FRT_RESOURCE_EXHAUSTED, status);
  }
  assert_int_equal(FRT_OK, status);
  assert_true(fail_at > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_failed_allocation_is_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
