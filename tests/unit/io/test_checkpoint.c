/* Checkpoints and Paddle's parameter files: exact, whole or absent, and never fooled. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "fluidrt/fluidrt.h"

#define OK(call)                                                                        \
  do {                                                                                  \
    frt_status_t ok_ = (call);                                                          \
    if (ok_ != FRT_OK) fail_msg("%s: %s: %s", #call, frt_status_text(ok_), err.message); \
  } while (0)

static char folder[64];

typedef struct fixture { frt_runtime_t *rt; frt_scope_t *scope; } fixture_t;

static int setup(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  fixture_t *f = calloc(1, sizeof *f);
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 1};
  snprintf(folder, sizeof folder, "/tmp/frt_checkpoint_XXXXXX");
  assert_non_null(mkdtemp(folder));
  OK(frt_runtime_create(&o, &f->rt, &err));
  OK(frt_scope_create(f->rt, &f->scope, &err));
  *state = f;
  return 0;
}

static int teardown(void **state) {
  char command[128];
  fixture_t *f = *state;
  frt_scope_release(f->scope);
  frt_runtime_release(f->rt);
  free(f);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

/* v[i] = step * 1000 + i; 1,000 floats. */
static void fill(frt_scope_t *s, const char *name, int step) {
  static const int64_t dims[] = {1000};
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  OK(frt_tensor_create(FRT_F32, 1, dims, &t, &err));
  for (int i = 0; i < 1000; ++i) ((float *)frt_tensor_data(t))[i] = (float)(step * 1000 + i);
  OK(frt_scope_set(s, name, t, &err));
  frt_tensor_release(t);
}

static int step_in(frt_scope_t *s, const char *name) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  OK(frt_scope_get(s, name, &t, &err));
  const float *v = frt_tensor_data(t);
  const int step = (int)v[0] / 1000;
  for (int i = 0; i < 1000; ++i) assert_float_equal(v[i], (float)(step * 1000 + i), 0.0f);
  frt_tensor_release(t);
  return step;
}

static void fill_all(frt_scope_t *s, int step) {
  static const char *const names[] = {"w", "a/b", "fc_0.w_0@GRAD", "100%", "..", "%manifest"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) fill(s, names[i], step);
}

static void save(frt_scope_t *s, int step) {
  frt_error_t err = FRT_ERROR_INIT;
  const frt_checkpoint_info_t info = {sizeof info, (uint64_t)step, (uint64_t)step + 1, 7};
  fill_all(s, step);
  OK(frt_checkpoint_save(folder, s, &info, &err));
}

static void what_is_saved_comes_back(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_checkpoint_info_t info = {.struct_size = sizeof info};
  frt_scope_t *other;
  save(f->scope, 12);
  OK(frt_scope_create(f->rt, &other, &err));
  OK(frt_checkpoint_load(folder, other, &info, &err));
  assert_int_equal(info.step, 12);
  assert_int_equal(info.run, 13);
  assert_int_equal(info.seed, 7);
  assert_int_equal(step_in(other, "a/b"), 12);
  assert_int_equal(step_in(other, ".."), 12);
  assert_int_equal(step_in(other, "100%"), 12);
  frt_scope_release(other);
}

static bool exists(const char *name) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return frti_is_dir(path) || frti_is_file(path);
}

static void two_are_kept_and_leftovers_go(void **state) {
  fixture_t *f = *state;
  char path[128];
  frt_error_t err = FRT_ERROR_INIT;
  snprintf(path, sizeof path, "%s/step-2.tmp", folder);
  OK(frti_make_dir(path, &err));
  for (int step = 1; step <= 4; ++step) save(f->scope, step);
  assert_false(exists("step-1"));
  assert_false(exists("step-2"));
  assert_false(exists("step-2.tmp"));
  assert_true(exists("step-3"));
  assert_true(exists("step-4"));
  save(f->scope, 4); /* the same step again replaces it */
  assert_true(exists("step-3"));
  assert_false(exists("step-4.old"));
  save(f->scope, 3); /* going back drops what came later */
  assert_false(exists("step-4"));
  uint8_t *latest;
  size_t n;
  snprintf(path, sizeof path, "%s/LATEST", folder);
  OK(frti_file_read(path, 0, &latest, &n, &err));
  assert_string_equal((char *)latest, "step-3\n");
  frti_free(latest);
}

static void damage(const char *file, long at, int cut) {
  char path[160];
  snprintf(path, sizeof path, "%s/%s", folder, file);
  FILE *f = fopen(path, "r+b");
  assert_non_null(f);
  if (cut) {
    assert_int_equal(0, ftruncate(fileno(f), at));
  } else {
    fseek(f, at, SEEK_SET);
    const int c = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(c ^ 16, f);
  }
  fclose(f);
}

static void a_damaged_checkpoint_is_noticed_and_the_older_one_taken(void **state) {
  static const struct { const char *file; long at; int cut; const char *word; } table[] = {
      {"step-2/w", 2000, 0, "has changed since it was saved"},
      {"step-2/w", 2000, 1, "the manifest says"},
      {"step-2/%manifest", 40, 0, "has changed"},
      {"step-2/%manifest", 100, 1, "it is cut"}};
  fixture_t *f = *state;
  for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    char one[128];
    frt_checkpoint_info_t info = {.struct_size = sizeof info};
    save(f->scope, 1);
    save(f->scope, 2);
    damage(table[i].file, table[i].at, table[i].cut);
    fill_all(f->scope, 9);
    snprintf(one, sizeof one, "%s/step-2", folder);
    assert_int_equal(FRT_DATA_LOSS, frt_checkpoint_load(one, f->scope, &info, &err));
    if (!strstr(err.message, table[i].word)) fail_msg("%s", err.message);
    assert_int_equal(err.phase, FRT_PHASE_CHECKPOINT);
    assert_int_equal(step_in(f->scope, "w"), 9); /* nothing changed */
    OK(frt_checkpoint_load(folder, f->scope, &info, &err));
    assert_int_equal(info.step, 1);
    assert_int_equal(step_in(f->scope, "w"), 1);
  }
}

static void a_missing_file_is_data_loss_and_no_checkpoint_is_not_found(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  char path[128];
  assert_int_equal(FRT_NOT_FOUND, frt_checkpoint_load(folder, f->scope, NULL, &err));
  assert_non_null(strstr(err.message, "holds no checkpoint"));
  assert_int_equal(FRT_NOT_FOUND, frt_checkpoint_load("/nowhere/x", f->scope, NULL, &err));
  save(f->scope, 1);
  snprintf(path, sizeof path, "%s/step-1/a%%2Fb", folder);
  assert_int_equal(0, unlink(path));
  assert_int_equal(FRT_DATA_LOSS, frt_checkpoint_load(folder, f->scope, NULL, &err));
  assert_non_null(strstr(err.message, "a%2Fb"));
}

/* A child saves without end; it is killed at some moment; what is found is whole. */
static void a_killed_save_loses_nothing(void **state) {
  fixture_t *f = *state;
  const char *wanted = getenv("FRT_KILLS");
  const int kills = wanted ? atoi(wanted) : 40;
  uint64_t seen = 0, advanced = 0, began = frti_now_ns();
  save(f->scope, 1);
  const uint64_t one_save_us = (frti_now_ns() - began) / 1000;
  for (int k = 0; k < kills; ++k) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_checkpoint_info_t info = {.struct_size = sizeof info};
    const pid_t child = fork();
    if (!child) {
      for (int step = (int)seen + 1;; ++step) save(f->scope, step);
    }
    usleep((useconds_t)(one_save_us * (uint64_t)(k * 7919 % 997) / 400)); /* up to 2.5 saves */
    kill(child, SIGKILL);
    assert_int_equal(child, waitpid(child, NULL, 0));
    OK(frt_checkpoint_load(folder, f->scope, &info, &err));
    assert_true(info.step >= seen);
    assert_int_equal(step_in(f->scope, "w"), (int)info.step);
    assert_int_equal(step_in(f->scope, "a/b"), (int)info.step);
    advanced += info.step > seen;
    seen = info.step;
  }
  print_message("%d kills, %d of them after at least one more save\n", kills, (int)advanced);
  assert_true(advanced > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
      T(what_is_saved_comes_back), T(two_are_kept_and_leftovers_go),
      T(a_damaged_checkpoint_is_noticed_and_the_older_one_taken),
      T(a_missing_file_is_data_loss_and_no_checkpoint_is_not_found),
      T(a_killed_save_loses_nothing)}; /* 3e: 190 */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
