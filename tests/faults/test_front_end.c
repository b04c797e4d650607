/* Every recorded program is built with one allocation that fails, and with all from there
 * on: each call on the way says that memory is out, nothing leaks, and the same calls on a
 * new builder give the same programs. */
#include "faults.h"

#include <stdbool.h>

#include "base/fault.h"
#include "frontend/frontend.h"

static struct { uint64_t seen, at; bool from_on, hit; } hook;

static bool hook_fails(void) {
  const uint64_t n = ++hook.seen;
  if (!hook.at || (hook.from_on ? n < hook.at : n != hook.at)) return false;
  return hook.hit = true;
}

static uint64_t mixed(uint64_t sum, const frt_program_t *p) {
  frt_error_t err = FRT_ERROR_INIT;
  void *bytes = NULL;
  size_t n = 0;
  OK(frt_program_serialize(p, &bytes, &n, &err));
  for (size_t i = 0; i < n; ++i) sum = (sum ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
  frt_free(bytes);
  return sum;
}

/* Builds the case; *sum: of its programs, if all went well. */
static frt_status_t build(const frontend_case_t *c, uint64_t at, bool from_on, uint64_t *sum,
                          frt_error_t *err) {
  frt_builder_t *b = NULL;
  frt_program_t *extra = NULL;
  memset(&hook, 0, sizeof hook);
  hook.at = at;
  hook.from_on = from_on;
  frt_status_t status = frt_builder_create(&b, err);
  if (status == FRT_OK) status = frt_builder_set_seed(b, NULL, c->seed, err);
  if (status == FRT_OK) status = c->build(b, c->variant, &extra, err);
  hook.at = 0;
  if (status == FRT_OK) {
    *sum = mixed(mixed(7, frt_builder_main(b)), frt_builder_startup(b));
    if (extra) *sum = mixed(*sum, extra);
  }
  frt_program_release(extra);
  frt_builder_release(b);
  return status;
}

/* Every `stride`-th point; all of them if the environment says 1. */
static uint64_t stride(uint64_t otherwise) {
  const char *text = getenv("FRT_FAULT_STRIDE");
  return text && atoi(text) > 0 ? (uint64_t)atoi(text) : otherwise;
}

static uint64_t points, errors, without;

static void sweep(const frontend_case_t *c) {
  frt_error_t err = FRT_ERROR_INIT;
  uint64_t want = 0, got = 0;
  OK(build(c, 0, false, &want, &err));
  const uint64_t n = hook.seen;
  points += n;
  for (int from_on = 0; from_on < 2; ++from_on)
    for (uint64_t at = 1; at <= n; at += stride(from_on ? 7 : 1)) {
      frt_error_t mine = FRT_ERROR_INIT;
      const frt_status_t status = build(c, at, from_on, &got, &mine);
      if (status == FRT_OK) {
        ++without;
        if (got != want) fail_msg("%s, allocation %llu: another program", c->name,
                                  (unsigned long long)at);
        continue;
      }
      ++errors;
      if (!hook.hit || status != FRT_RESOURCE_EXHAUSTED || !strstr(mine.message, "memory"))
        fail_msg("%s, allocation %llu: %s: %s", c->name, (unsigned long long)at,
                 frt_status_text(status), mine.message);
    }
  OK(build(c, 0, false, &got, &err));
  assert_true(got == want);
}

static void every_allocation_of_the_front_end_fails(void **state) {
  static const frontend_case_t *const tables[] = {cases_lars, cases_optimizers, cases_schedules,
                                                  cases_layers, cases_prune, cases_clip,
                                                  cases_more, cases_norm, cases_image};
  int cases = 0;
  (void)state;
  frti_alloc_fails = hook_fails;
  for (size_t t = 0; t < sizeof tables / sizeof *tables; ++t)
    for (const frontend_case_t *c = tables[t]; c->name; ++c, ++cases) sweep(c);
  frti_alloc_fails = NULL;
  print_message("%d programs: %llu allocations; failed singly and from there on: %llu errors, "
                "%llu done without\n", cases, (unsigned long long)points,
                (unsigned long long)errors, (unsigned long long)without);
  assert_true(cases > 50 && errors > points / 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_of_the_front_end_fails) /* 3g: 218 */};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
