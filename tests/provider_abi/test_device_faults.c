/* What the runtime answers when a device fails: memory, kernels, copies, the device itself;
 * and that other devices, and the same executor afterwards, are not affected. */
#include <pthread.h>
#include <time.h>

#include "../programs/session.h"

enum { STEPS = 3 };

typedef struct world {
  session_t s; /* startup was run on cpu */
  digits_t d;
  frt_executor_t *exe; /* of the place under test */
} world_t;

static int warnings;

static void count_warnings(void *ctx, int level, const char *text) {
  (void)ctx;
  if (level == FRT_LOG_WARNING && strstr(text, "do not run on")) ++warnings;
}

static frt_executor_t *executor(frt_runtime_t *rt, const char *places) {
  frt_executor_t *exe = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  MUST(frt_executor_create(rt, places, NULL, &exe, &err));
  return exe;
}

static world_t enter(const char *fault, const char *places) {
  world_t w = {.exe = NULL};
  if (fault) setenv("FRT_VIRTUAL_FAULT", fault, 1);
  setenv("FRT_VIRTUAL_BASE", "cpu", 1); /* the same bits as cpu */
  w.s = session_open("digits", "cpu", 1);
  w.d = digits_batch(1);
  w.exe = executor(w.s.rt, places);
  unsetenv("FRT_VIRTUAL_FAULT");
  return w;
}

static void leave(world_t *w) {
  digits_release(&w->d);
  frt_executor_release(w->exe);
  session_close(&w->s);
}

static frt_status_t step(world_t *w, frt_executor_t *exe, frt_scope_t *scope, float *loss,
                         frt_error_t *err) {
  const frt_feed_t feed[] = {{"img", w->d.img}, {"label", w->d.label}};
  const frt_fetch_t fetch = {DIGITS_LOSS, 0, 0};
  frt_tensor_t *out = NULL;
  const frt_status_t status =
      frt_executor_run(exe, w->s.main, scope, feed, 2, &fetch, 1, &out, NULL, err);
  if (status == FRT_OK && loss) *loss = first_f32(out);
  frt_tensor_release(out);
  return status;
}

/* The losses of the first steps, as cpu has them. */
static const float *healthy(void) {
  static float losses[STEPS];
  if (!losses[0]) {
    world_t w = enter(NULL, "cpu");
    frt_error_t err = FRT_ERROR_INIT;
    for (int i = 0; i < STEPS; ++i) MUST(step(&w, w.exe, w.s.scope, &losses[i], &err));
    leave(&w);
  }
  return losses;
}

/* A scope of its own in the same runtime, trained by `exe`: as if nothing had happened. */
static void still_trains(world_t *w, frt_executor_t *exe) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_scope_t *scope = NULL;
  float loss = 0;
  MUST(frt_scope_create(w->s.rt, &scope, &err));
  MUST(frt_executor_run(exe, w->s.startup, scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  for (int i = 0; i < STEPS; ++i) {
    MUST(step(w, exe, scope, &loss, &err));
    assert_true(loss == healthy()[i]);
  }
  frt_scope_release(scope);
}

static void expect(frt_status_t got, frt_status_t want, const frt_error_t *err,
                   const char *word) {
  if (got != want || !strstr(err->message, word))
    fail_msg("got %s: %s; wanted %s and '%s'", frt_status_text(got), err->message,
             frt_status_text(want), word);
}

/* 3f: 207. Whichever op fails, the run says so and stops; the scope is marked, and the same
 * executor trains another scope to the same bits. */
static void a_kernel_that_fails_half_way_stops_the_run(void **state) {
  (void)state;
  for (int k = 1; k <= 50; k += 7) {
    char fault[32], words[64];
    frt_error_t err = FRT_ERROR_INIT;
    snprintf(fault, sizeof fault, "fail:%d", k);
    world_t w = enter(fault, "virtual");
    snprintf(words, sizeof words, "virtual:0: op %d fails as asked", k);
    expect(step(&w, w.exe, w.s.scope, NULL, &err), FRT_INTERNAL, &err, words);
    assert_int_equal(FRT_PHASE_RUN, err.phase);
    assert_true(err.op >= 0 && err.op_type[0]);
    assert_int_equal(1, frt_scope_partly_updated(w.s.scope));
    still_trains(&w, w.exe);
    leave(&w);
  }
}

/* 3f: 210. On one place alone all that it refuses is listed; with another behind it the op
 * runs there, which is said once. */
static void an_op_that_is_refused_falls_back_only_where_there_is_another_place(void **state) {
  (void)state;
  const char *refuse = "refuse:mean,refuse:lars_momentum";
  frt_error_t err = FRT_ERROR_INIT;
  world_t w = enter(refuse, "virtual");
  const frt_status_t status = step(&w, w.exe, w.s.scope, NULL, &err);
  expect(status, FRT_UNIMPLEMENTED, &err, "5 ops cannot run on 'virtual': block 0 op #7 mean: ");
  expect(status, FRT_UNIMPLEMENTED, &err, "op #59 lars_momentum: op 'lars_momentum' is switched");
  assert_int_equal(0, frt_scope_partly_updated(w.s.scope));
  leave(&w);
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 1,
                                   .log = count_warnings};
  w = enter(NULL, "cpu");
  frt_executor_release(w.exe);
  frt_runtime_t *own = NULL;
  setenv("FRT_VIRTUAL_FAULT", refuse, 1);
  MUST(frt_runtime_create(&o, &own, &err));
  w.exe = executor(own, "virtual,cpu");
  unsetenv("FRT_VIRTUAL_FAULT");
  frt_scope_t *scope = NULL;
  MUST(frt_scope_create(own, &scope, &err));
  MUST(frt_executor_run(w.exe, w.s.startup, scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  warnings = 0;
  for (int i = 0; i < STEPS; ++i) {
    float loss = 0;
    MUST(step(&w, w.exe, scope, &loss, &err));
    assert_true(loss == healthy()[i]);
  }
  frt_executor_stats_t stats = {.struct_size = sizeof stats};
  frt_executor_stats(w.exe, &stats);
  assert_int_equal(5, stats.fallback_ops);
  assert_int_equal(1, warnings);
  frt_scope_release(scope);
  frt_executor_release(w.exe);
  frt_runtime_release(own);
  w.exe = executor(w.s.rt, "cpu");
  leave(&w);
}

/* 3f: 211. Every copy in turn fails once; the executor is usable afterwards. */
static void a_copy_that_fails_is_said_with_its_device(void **state) {
  (void)state;
  int failures = 0;
  for (int k = 1; k <= 17; k += 4) {
    char fault[32], words[64];
    frt_error_t err = FRT_ERROR_INIT;
    snprintf(fault, sizeof fault, "copy:%d", k);
    world_t w = enter(fault, "virtual");
    snprintf(words, sizeof words, "virtual:0: copy %d, ", k);
    const frt_status_t status = step(&w, w.exe, w.s.scope, NULL, &err);
    if (status != FRT_OK) {
      expect(status, FRT_UNAVAILABLE, &err, words);
      ++failures;
      still_trains(&w, w.exe);
    }
    leave(&w);
  }
  assert_true(failures >= 4);
}

/* 3g: 225. Out of memory names device and bytes, changes nothing, and the same step then
 * succeeds with the same bits. */
static void out_of_memory_names_device_and_bytes(void **state) {
  (void)state;
  int failures = 0;
  for (int k = 1; k < 14; ++k) {
    char fault[32];
    frt_error_t err = FRT_ERROR_INIT;
    float loss = 0;
    snprintf(fault, sizeof fault, "oom:%d", k);
    world_t w = enter(fault, "virtual");
    const frt_status_t status = step(&w, w.exe, w.s.scope, &loss, &err);
    if (status != FRT_OK) {
      expect(status, FRT_RESOURCE_EXHAUSTED, &err, "device 'virtual:0': ");
      expect(status, FRT_RESOURCE_EXHAUSTED, &err, " bytes wanted");
      assert_int_equal(0, frt_scope_partly_updated(w.s.scope));
      ++failures;
      MUST(step(&w, w.exe, w.s.scope, &loss, &err));
    }
    assert_true(loss == healthy()[0]);
    leave(&w);
  }
  assert_true(failures >= 10);
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* 3g: 226. Once lost, every later call fails at once: the executor, a new one, and what
 * lies only there; the other device and cpu go on to the bit. */
static void a_lost_device_is_not_asked_again(void **state) {
  (void)state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *more = NULL;
  frt_tensor_t *t = NULL;
  world_t w = enter("lost:60", "virtual:0");
  MUST(step(&w, w.exe, w.s.scope, NULL, &err));
  expect(step(&w, w.exe, w.s.scope, NULL, &err), FRT_DEVICE_LOST, &err, "virtual:0 was lost");
  assert_true(err.op >= 0 && err.op_type[0]);
  const double began = seconds();
  for (int i = 0; i < 100; ++i)
    expect(step(&w, w.exe, w.s.scope, NULL, &err), FRT_DEVICE_LOST, &err,
           "device 'virtual:0' was lost in an earlier call");
  assert_true(seconds() - began < 0.5);
  expect(frt_executor_create(w.s.rt, "virtual:0,cpu", NULL, &more, &err), FRT_DEVICE_LOST, &err,
         "device 'virtual:0' was lost in an earlier call");
  assert_null(more);
  /* The parameters' last values are gone with it, and that is said. */
  expect(frt_scope_get(w.s.scope, "fc_0.w_0", &t, &err), FRT_DEVICE_LOST, &err, "was lost");
  assert_null(t);
  still_trains(&w, w.s.exe);
  more = executor(w.s.rt, "cpu");
  still_trains(&w, more);
  frt_executor_release(more);
  leave(&w);
}

/* A device that is slow changes nothing but the time. */
static void a_slow_device_gives_the_same_bits(void **state) {
  (void)state;
  frt_error_t err = FRT_ERROR_INIT;
  world_t w = enter("slow:10", "virtual");
  for (int i = 0; i < STEPS; ++i) {
    float loss = 0;
    MUST(step(&w, w.exe, w.s.scope, &loss, &err));
    assert_true(loss == healthy()[i]);
  }
  leave(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_kernel_that_fails_half_way_stops_the_run),
      cmocka_unit_test(an_op_that_is_refused_falls_back_only_where_there_is_another_place),
      cmocka_unit_test(a_copy_that_fails_is_said_with_its_device),
      cmocka_unit_test(out_of_memory_names_device_and_bytes),
      cmocka_unit_test(a_lost_device_is_not_asked_again),
      cmocka_unit_test(a_slow_device_gives_the_same_bits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
