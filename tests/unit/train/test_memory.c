/* Running out of memory anywhere is an answer, not a crash. */
#include "net.h"

#include <stdbool.h>

#include "base/fault.h"

static size_t calls, fail_at;
static bool fails_once(void) { return calls++ == fail_at; }

/* Doubled, or left alone. */
static frt_status_t twice(frt_builder_t *b, void *ctx, frt_var_t *out, frt_error_t *err) {
  return frt_layers_scale(b, *(frt_var_t *)ctx, 2, 0, 0, out, err);
}
static frt_status_t once(frt_builder_t *b, void *ctx, frt_var_t *out, frt_error_t *err) {
  return frt_layers_tanh(b, *(frt_var_t *)ctx, out, err);
}

/* A network with a branch and a marked clip, differentiated and cloned. */
static frt_status_t build_branches(frt_error_t *err) {
  const int64_t dims[] = {-1, 4}, one[] = {1};
  const frt_clip_t clip = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 1,
                           .group_name = "g"};
  const frt_optimizer_options_t o = {.exclude_from_weight_decay = NULL};
  frt_builder_t *b = NULL;
  frt_optimizer_t *lamb = NULL;
  frt_program_t *clone = NULL;
  frt_var_t x, flag;
  frt_status_t status = frt_builder_create(&b, err);
  if (status == FRT_OK) status = frt_data(b, "x", 2, dims, FRT_F32, &x, err);
  if (status == FRT_OK) status = frt_data(b, "flag", 1, one, FRT_BOOL, &flag, err);
  if (status == FRT_OK) status = frt_layers_fc(b, x, 3, NULL, &x, err);
  if (status == FRT_OK) status = frt_layers_cond(b, flag, twice, once, &x, 1, &x, err);
  if (status == FRT_OK) status = frt_layers_mean(b, x, &x, err);
  if (status == FRT_OK) status = frt_set_gradient_clip(b, &clip, NULL, 0, NULL, err);
  if (status == FRT_OK)
    status = frt_optimizer_create(b, FRT_OPTIMIZER_LAMB, &o, &lamb, err);
  if (status == FRT_OK) status = frt_optimizer_minimize(lamb, x, NULL, NULL, err);
  if (status == FRT_OK) status = frt_builder_clone(b, NULL, 1, &clone, err);
  frt_program_release(clone);
  frt_optimizer_release(lamb);
  frt_builder_release(b);
  return status;
}

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

static void sweep(frt_status_t (*whole)(frt_error_t *)) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status = FRT_RESOURCE_EXHAUSTED;
  for (fail_at = 0; status != FRT_OK && fail_at < 100000; ++fail_at) {
    calls = 0;
    frti_alloc_fails = fails_once;
    status = whole(&err);
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

static void every_failed_allocation_is_reported(void **state) {
  (void)state;
  sweep(build);
}

static void and_in_a_network_with_branches(void **state) {
  (void)state;
  sweep(build_branches);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_failed_allocation_is_reported),
      cmocka_unit_test(and_in_a_network_with_branches),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
