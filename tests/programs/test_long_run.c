/* A long training keeps neither memory nor files, and is the same run the second time; so
 * does a thousand times everything from the runtime to its release, with failures between.
 * A training in imperative mode, which builds its graph anew in each step, keeps no more.
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

/* ---- imperative ------------------------------------------------------------------------ */

typedef struct course {
  frt_imperative_t *im;
  frt_builder_t *b;
  frt_linear_t linear;
  frt_optimizer_t *lars;
} course_t;

/* The page's network, on a batch of its own: forward, backward, update; every third step
 * has another shape, every seventh ends without a backward, every ninth fails. */
static float course_step(course_t *c, long step) {
  const int64_t rows = step % 3 ? 2 : 4, dims[2] = {rows, 13}, bad[2] = {rows, 12};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = NULL, *out = NULL;
  frt_var_t x, y, loss;
  float value;
  MUST(frt_tensor_create(FRT_F32, 2, step % 9 ? dims : bad, &t, &err));
  for (int64_t i = 0; i < frt_tensor_numel(t); ++i)
    ((float *)frt_tensor_data(t))[i] = (float)((i * 7 + step % 5) % 11) / 11;
  MUST(frt_to_variable(c->im, t, NULL, &x, &err));
  frt_tensor_release(t);
  if (step % 9 == 0) {
    assert_int_equal(FRT_INVALID_ARGUMENT, frt_linear_call(c->im, &c->linear, x, &y, &err));
    MUST(frt_imperative_drop(c->im, x, &err));
    return 0;
  }
  MUST(frt_linear_call(c->im, &c->linear, x, &y, &err));
  MUST(frt_layers_square(c->b, y, &y, &err));
  MUST(frt_layers_mean(c->b, y, &loss, &err));
  if (step % 7) {
    MUST(frt_imperative_backward(c->im, loss, &err));
    MUST(frt_optimizer_minimize(c->lars, loss, NULL, NULL, &err));
    MUST(frt_optimizer_clear_gradients(c->lars, &err));
  } else {
    frt_imperative_end_graph(c->im);
  }
  MUST(frt_imperative_value(c->im, loss, &out, &err));
  value = first_f32(out);
  frt_tensor_release(out);
  MUST(frt_imperative_drop(c->im, x, &err));
  return value;
}

static void an_imperative_training_stays_small(void **state) {
  enum { STEPS = DEFAULT_STEPS / 2, SETTLED_STEPS = SETTLED };
  const char *list[2];
  frt_optimizer_options_t o = {.lars_coeff = 0.05, .parameter_list = list, .n_parameters = 2};
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt = NULL;
  course_t c = {NULL};
  frt_executor_stats_t settled_stats = {.struct_size = sizeof settled_stats}, end_stats;
  usage_t settled = {0, 0};
  float first = 0, last = 0;
  (void)state;
  MUST(frt_runtime_create(NULL, &rt, &err));
  MUST(frt_imperative_create(rt, "cpu", NULL, &c.im, &err));
  c.b = frt_imperative_builder(c.im);
  MUST(frt_linear_create(c.im, 13, 5, NULL, &c.linear, &err));
  list[0] = c.linear.weight.name;
  list[1] = c.linear.bias.name;
  MUST(frt_lars_momentum_create(c.b, 0.01, 0.9, &o, &c.lars, &err));
  const double began = seconds();
  for (long step = 1; step <= STEPS; ++step) {
    const float loss = course_step(&c, step);
    if (step == 1) first = loss;
    if (loss != 0) last = loss;
    if (step == SETTLED_STEPS) {
      settled = usage_now();
      frt_executor_stats(frt_imperative_executor(c.im), &settled_stats);
    }
    if (step > SETTLED_STEPS && step % 500 == 0)
      check_flat(settled, usage_now(), "imperative step", step);
  }
  end_stats = settled_stats;
  frt_executor_stats(frt_imperative_executor(c.im), &end_stats);
  printf("%d imperative steps, %.0f us each: loss %g -> %g, %llu plans, %+ld bytes\n", STEPS,
         1e6 * (seconds() - began) / STEPS, (double)first, (double)last,
         (unsigned long long)end_stats.plans_built, usage_now().bytes - settled.bytes);
  assert_true(isfinite(last) && last < first / 2);
  assert_int_equal(settled_stats.plans_built, end_stats.plans_built);
  frt_optimizer_release(c.lars);
  frt_imperative_release(c.im);
  frt_runtime_release(rt);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_long_training_stays_small_finite_and_repeatable),
      cmocka_unit_test(an_imperative_training_stays_small),
      cmocka_unit_test(a_thousand_runtimes_leave_nothing_behind)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
