/* A long training keeps neither memory nor files, and is the same run the second time; so
 * does a thousand times everything from the runtime to its release, with failures between.
 *
 * FRT_STEPS=1000000 makes the long run long (20,000 steps otherwise, fewer in builds that
 * are not optimised). */
#define _GNU_SOURCE
#include <dirent.h>
#include <math.h>
#include <time.h>
#include <unistd.h>

#include "session.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* A sanitizer keeps freed memory on purpose: fewer rounds, and no look at the size. */
enum { SANITIZED = 1, DEFAULT_STEPS = 400, SETTLED = 100, LIVES = 10, SETTLED_LIVES = 2 };
#elif !defined(__OPTIMIZE__)
enum { SANITIZED = 0, DEFAULT_STEPS = 4000, SETTLED = 1000, LIVES = 300,
       SETTLED_LIVES = 100 };
#else
enum { SANITIZED = 0, DEFAULT_STEPS = 20000, SETTLED = 1000, LIVES = 1000,
       SETTLED_LIVES = 100 };
#endif
enum { MEBIBYTE = 1 << 20, SAMPLES = 100, BATCHES = 8 };

typedef struct usage { long bytes, files; } usage_t;

/* Resident bytes, and open descriptors (the one that counts them included). */
static usage_t usage_now(void) {
  usage_t u = {0, 0};
  long pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  DIR *d;
  assert_non_null(f);
  assert_int_equal(1, fscanf(f, "%*s %ld", &pages));
  fclose(f);
  u.bytes = pages * sysconf(_SC_PAGESIZE);
  d = opendir("/proc/self/fd");
  assert_non_null(d);
  while (readdir(d)) ++u.files;
  closedir(d);
  return u;
}

static void check_flat(usage_t first, usage_t now, const char *what, long at) {
  if (!SANITIZED && now.bytes - first.bytes >= MEBIBYTE)
    fail_msg("%s %ld: %ld bytes more than when it had settled", what, at,
             now.bytes - first.bytes);
  if (now.files != first.files)
    fail_msg("%s %ld: %ld open files; had %ld", what, at, now.files, first.files);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t n) { /* FNV-1a */
  const unsigned char *at = (const unsigned char *)bytes;
  for (size_t i = 0; i < n; ++i) hash = (hash ^ at[i]) * 1099511628211u;
  return hash;
}

typedef struct outcome { uint64_t losses, state; float first, last; usage_t settled, end; } outcome_t;

static outcome_t train(long steps) {
  session_t s = session_open("digits", "cpu", 2);
  digits_t d[BATCHES];
  frt_tensor_t *loss = NULL;
  outcome_t o = {.losses = 14695981039346656037u};
  const long every = steps > SAMPLES ? steps / SAMPLES : 1;
  size_t n;
  for (int i = 0; i < BATCHES; ++i) d[i] = digits_batch((uint32_t)i + 1);
  for (long step = 0; step < steps; ++step) {
    digits_step(&s, &d[step % BATCHES], &loss);
    const float v = first_f32(loss);
    if (!isfinite(v)) fail_msg("step %ld: the loss is %g", step, (double)v);
    if (!step) o.first = v;
    o.last = v;
    o.losses = mix(o.losses, &v, sizeof v);
    if (step == SETTLED) o.settled = usage_now();
    if (step > SETTLED && step % every == 0) check_flat(o.settled, usage_now(), "step", step);
  }
  o.end = usage_now();
  unsigned char *state = scope_bytes(s.scope, &n);
  o.state = mix(14695981039346656037u, state, n);
  free(state);
  frt_tensor_release(loss);
  for (int i = 0; i < BATCHES; ++i) digits_release(&d[i]);
  session_close(&s);
  return o;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void a_long_training_stays_small_finite_and_repeatable(void **state) {
  const char *text = getenv("FRT_STEPS");
  const long steps = text ? atol(text) : DEFAULT_STEPS;
  const double began = seconds();
  (void)state;
  assert_true(steps > SETTLED);
  const outcome_t one = train(steps);
  const double took = seconds() - began;
  const outcome_t two = train(steps);
  printf("%ld steps in %.1f s: loss %g -> %g, resident %ld KiB at step %d and %+ld bytes at "
         "the end, %ld files open\n", steps, took, (double)one.first, (double)one.last,
         one.settled.bytes / 1024, SETTLED, one.end.bytes - one.settled.bytes,
         one.end.files);
  assert_true(one.last < one.first);
  assert_true(one.losses == two.losses);
  assert_true(one.state == two.state);
}

/* Each of these fails, and leaves nothing behind. */
static void fail_on_purpose(session_t *s) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *none = NULL;
  frt_program_t *no_program = NULL;
  frt_tensor_t *out = NULL;
  const frt_fetch_t unknown = {"no such variable", 0, 0};
  assert_int_equal(FRT_NOT_FOUND, frt_executor_run(s->exe, s->main, s->scope, NULL, 0,
                                                   &unknown, 1, &out, NULL, &err));
  assert_int_equal(FRT_FAILED_PRECONDITION,
                   frt_executor_run(s->exe, s->main, s->scope, NULL, 0, NULL, 0, NULL, NULL,
                                    &err)); /* nothing is fed */
  assert_int_equal(FRT_NOT_FOUND, frt_runtime_load_provider(s->rt, "nosuch", &err));
  assert_int_equal(FRT_NOT_FOUND, frt_executor_create(s->rt, "nosuch", NULL, &none, &err));
  assert_int_equal(FRT_DATA_LOSS, frt_program_parse("no program", 10, NULL, &no_program, &err));
  assert_null(out);
  assert_null(none);
  assert_null(no_program);
}

static void a_thousand_runtimes_leave_nothing_behind(void **state) {
  usage_t settled = {0, 0};
  frt_tensor_t *loss = NULL;
  digits_t d = digits_batch(1);
  float first = 0;
  (void)state;
  for (int life = 0; life < LIVES; ++life) {
    session_t s = session_open("digits", "cpu", 2);
    digits_step(&s, &d, &loss);
    fail_on_purpose(&s);
    session_close(&s);
    if (!life) first = first_f32(loss);
    assert_memory_equal(&first, frt_tensor_data(loss), sizeof first);
    if (life == SETTLED_LIVES) settled = usage_now();
    if (life > SETTLED_LIVES && life % 50 == 0) check_flat(settled, usage_now(), "runtime", life);
  }
  const usage_t end = usage_now();
  check_flat(settled, end, "runtime", LIVES);
  printf("%d runtimes: resident %ld KiB after %d, %+ld bytes at the end\n", LIVES,
         settled.bytes / 1024, SETTLED_LIVES, end.bytes - settled.bytes);
  frt_tensor_release(loss);
  digits_release(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_long_training_stays_small_finite_and_repeatable),
      cmocka_unit_test(a_thousand_runtimes_leave_nothing_behind)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
