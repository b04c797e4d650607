/* Saving and loading beside others: full disks, links, processes, runs, odd names. */
#include "checkpoints.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* Real disks, if they can be made: 64 kB of memory. */
static void a_full_disk_keeps_the_old_checkpoint(void **state) {
  static const int64_t many[] = {12000};
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  clear();
  assert_int_equal(0, mkdir(at("ck"), 0777));
  if (mount("none", at("ck"), "tmpfs", 0, "size=64k")) skip();
  assert_int_equal(FRT_OK, save(1, &err));
  frt_tensor_t *large = floats(1, many, 0);
  OK(frt_scope_set(w.scope, "large", large, &err));
  const frt_status_t status = save(2, &err);
  OK(frt_scope_erase(w.scope, "large", &err));
  const int step = newest(), left = entries(at("ck"), ".tmp");
  umount(at("ck"));
  frt_tensor_release(large);
  expect_error(status, &err, FRT_UNAVAILABLE, FRT_PHASE_CHECKPOINT, "No space left");
  assert_int_equal(ENOSPC, err.native);
  assert_int_equal(1, step);
  assert_int_equal(0, left);
}

/* ---- what is no plain folder or file ---------------------------------------------------------------- */

static void targets_that_are_in_the_way_are_named(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  FILE *f;
  (void)state;
  clear();
  f = fopen(at("ck"), "w");
  assert_non_null(f);
  fclose(f);
  expect_error(save(1, &err), &err, FRT_UNAVAILABLE, FRT_PHASE_CHECKPOINT, "Not a directory");
  assert_int_equal(ENOTDIR, err.native);
  unlink(at("ck"));
  assert_int_equal(0, mkdir(at("p"), 0777));
  assert_int_equal(0, mkdir(at("p/a"), 0777)); /* a folder where a file is to be */
  expect_error(frt_params_save(at("p"), w.program, w.scope, 0, NULL, 0, &err), &err,
               FRT_UNAVAILABLE, FRT_PHASE_CHECKPOINT, "p/a'");
  assert_int_equal(EISDIR, err.native);
  assert_int_equal(1, entries(at("p"), ""));
  OK(frt_params_save(at("deep/er/p"), w.program, w.scope, 0, NULL, 0, &err)); /* parents */
}

static void links_and_pipes_in_a_folder_are_not_followed(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  char command[4096];
  (void)state;
  clear();
  OK(save(1, &err));
  OK(frt_params_save(at("p"), w.program, w.scope, 0, NULL, 0, &err));
  snprintf(command, sizeof command,
           "cd '%s' && mv p/a a && ln -s ../a p/a && mv ck/step-1/a b && ln -s ../../b "
           "ck/step-1/a && mkdir q && mkfifo q/a && cp p/b%%2Fc q && mkdir -p r r2/b && cp a r "
           "&& cp p/b%%2Fc r2/b/c && ln -s ../r2/b r/b && ln p/b%%2Fc hard", w.dir);
  assert_int_equal(0, system(command));
  fill(w.scope, 50);
  expect_error(frt_params_load(at("p"), w.program, w.scope, &err), &err,
               FRT_INVALID_ARGUMENT, FRT_PHASE_CHECKPOINT, "p/a' is a symbolic link");
  expect_error(frt_checkpoint_load(at("ck"), w.scope, NULL, &err), &err,
               FRT_INVALID_ARGUMENT, FRT_PHASE_CHECKPOINT, "symbolic link");
  expect_error(frt_params_load(at("q"), w.program, w.scope, &err), &err,
               FRT_INVALID_ARGUMENT, FRT_PHASE_CHECKPOINT, "not a regular file");
  expect_error(frt_params_load(at("r"), w.program, w.scope, &err), &err,
               FRT_INVALID_ARGUMENT, FRT_PHASE_CHECKPOINT, "r/b' is no folder, or a link");
  expect_error(frt_params_load("/dev/zero", w.program, w.scope, &err), &err,
               FRT_INVALID_ARGUMENT, FRT_PHASE_CHECKPOINT, "not a regular file");
  assert_int_equal(50, held(w.scope));
  /* A hard link is replaced, what it was a link to stays. */
  unlink(at("p/a"));
  OK(frt_params_save(at("p"), w.program, w.scope, 0, NULL, 0, &err));
  snprintf(command, sizeof command, "cd '%s' && ! cmp -s hard p/b%%2Fc", w.dir);
  assert_int_equal(0, system(command));
}

/* ---- others ------------------------------------------------------------ */

static void processes_that_save_to_one_name_do_not_mix(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  pid_t child[3];
  int busy = 0;
  (void)state;
  clear();
  OK(save(7, &err));
  for (int i = 0; i < 3; ++i) {
    if ((child[i] = fork()) != 0) continue;
    for (int k = 0; k < 60; ++k) { /* the same step: the contents tell who wrote it */
      const frt_checkpoint_info_t info = {sizeof info, 7, 1, 1};
      fill(w.scope, 100 * (i + 1) + k);
      const frt_status_t status = frt_checkpoint_save(at("ck"), w.scope, &info, &err);
      if (status != FRT_OK && status != FRT_BUSY) _exit(2);
      if (status == FRT_BUSY) busy = 1;
    }
    _exit(busy);
  }
  for (int k = 0; k < 200; ++k) { /* and a reader beside them sees whole ones only */
    OK(frt_checkpoint_load(at("ck"), w.scope, NULL, &err));
    held(w.scope);
  }
  for (int i = 0; i < 3; ++i) {
    int status;
    assert_int_equal(child[i], waitpid(child[i], &status, 0));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
  }
  OK(frt_checkpoint_load(at("ck"), w.scope, NULL, &err));
  held(w.scope);
}

/* A run that adds 1 to both variables, again and again. */
static atomic_int stop, runs;
static void *run_on(void *arg) {
  frt_executor_t *exe = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = new_program();
  for (int i = 0; i < 2; ++i) {
    char in[64], out[64];
    var(p, 0, names[i], FRT_F32, 1, THREE, 1);
    snprintf(in, sizeof in, "X=%s", names[i]);
    snprintf(out, sizeof out, "Out=%s", names[i]);
    const uint32_t k = op(p, 0, "scale", in, out);
    OK(frt_program_set_attr_f32(p, 0, k, "bias", 1, &err));
  }
  OK(frt_executor_create(w.rt, "cpu", NULL, &exe, &err));
  while (!atomic_load(&stop)) {
    const frt_status_t status =
        frt_executor_run(exe, p, w.scope, NULL, 0, NULL, 0, NULL, NULL, &err);
    if (status == FRT_OK) atomic_fetch_add(&runs, 1);
    else if (status != FRT_BUSY) break;
    usleep(20); /* the next batch is read */
  }
  frt_executor_release(exe);
  frt_program_release(p);
  return arg;
}

static void a_save_beside_runs_is_busy_or_of_one_moment(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_scope_t *s;
  pthread_t thread;
  int saved = 0;
  (void)state;
  clear();
  fill(w.scope, 0);
  OK(frt_scope_create(w.rt, &s, &err));
  atomic_store(&stop, 0);
  assert_int_equal(0, pthread_create(&thread, NULL, run_on, NULL));
  while (atomic_load(&runs) < 3) usleep(100);
  for (int k = 0; k < 20000 && saved < 40; ++k) {
    const frt_checkpoint_info_t info = {sizeof info, (uint64_t)k, 1, 1};
    const frt_status_t status = frt_checkpoint_save(at("ck"), w.scope, &info, &err);
    if (status == FRT_BUSY) continue;
    OK(status);
    ++saved;
    OK(frt_checkpoint_load(at("ck"), s, NULL, &err));
    held(s); /* both of one step */
  }
  atomic_store(&stop, 1);
  pthread_join(thread, NULL);
  frt_scope_release(s);
  assert_true(saved > 0);
}

/* ---- names ----------------------------------------------------------------------------------------------- */

static void any_name_is_one_file_in_the_folder(void **state) {
  static const char *const odd[] = {"../../x", "/abs", ".", "..", "a/b", "a\nb", "-rf", "~",
                                    "a:b", "a%2Fb", "%manifest", "LATEST", "A", "a b"};
  enum { N = sizeof odd / sizeof *odd };
  frt_error_t err = FRT_ERROR_INIT;
  const frt_checkpoint_info_t info = {sizeof info, 1, 1, 1};
  frt_program_t *p = new_program();
  frt_scope_t *s, *t;
  char name[301];
  (void)state;
  clear();
  OK(frt_scope_create(w.rt, &s, &err));
  OK(frt_scope_create(w.rt, &t, &err));
  for (int i = 0; i < N; ++i) {
    frt_tensor_t *x = floats(1, THREE, (float)i);
    var(p, 0, odd[i], FRT_F32, 1, THREE, 1);
    OK(frt_scope_set(s, odd[i], x, &err));
    frt_tensor_release(x);
  }
  OK(frt_checkpoint_save(at("in/ck"), s, &info, &err));
  OK(frt_params_save(at("in/p"), p, s, 0, NULL, 0, &err));
  assert_int_equal(N, entries(at("in/p"), ""));
  assert_int_equal(N + 1, entries(at("in/ck/step-1"), ""));
  assert_int_equal(2, entries(at("in"), "")); /* nothing outside */
  assert_int_equal(1, entries(w.dir, ""));
  for (int from = 0; from < 2; ++from) {
    if (from) OK(frt_params_load(at("in/p"), p, t, &err));
    else OK(frt_checkpoint_load(at("in/ck"), t, NULL, &err));
    for (int i = 0; i < N; ++i) {
      frt_tensor_t *x;
      OK(frt_scope_get(t, odd[i], &x, &err));
      assert_true(*(float *)frt_tensor_data(x) == (float)i);
      OK(frt_scope_erase(t, odd[i], &err));
      frt_tensor_release(x);
    }
  }
  memset(name, 'n', 300);
  name[300] = 0;
  frt_tensor_t *x = floats(1, THREE, 0);
  OK(frt_scope_set(s, name, x, &err));
  frt_tensor_release(x);
  expect_error(frt_checkpoint_save(at("long"), s, &info, &err), &err, FRT_INVALID_ARGUMENT,
               FRT_PHASE_CHECKPOINT, "does not fit");
  assert_int_equal(0, entries(w.dir, "long")); /* found before anything is written */
  frt_program_release(p);
  frt_scope_release(t);
  frt_scope_release(s);
}

static void names_hold_no_time(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  clear();
  for (int i = 1; i <= 5; ++i) { /* within a second, some twice, one back */
    OK(save(i == 4 ? 3 : i, &err));
    assert_int_equal(i == 4 ? 3 : i, newest());
  }
  assert_int_equal(1, entries(at("ck"), "step-5"));
  assert_int_equal(1, entries(at("ck"), "step-3"));
  assert_int_equal(3, entries(at("ck"), "")); /* LATEST besides */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_full_disk_keeps_the_old_checkpoint),         /* 3e: 187 */
      cmocka_unit_test(targets_that_are_in_the_way_are_named),        /* 3e: 186 */
      cmocka_unit_test(links_and_pipes_in_a_folder_are_not_followed), /* 3e: 184 */
      cmocka_unit_test(processes_that_save_to_one_name_do_not_mix),   /* 3e: 191, 193 */
      cmocka_unit_test(a_save_beside_runs_is_busy_or_of_one_moment),  /* 3e: 192 */
      cmocka_unit_test(any_name_is_one_file_in_the_folder),           /* 3b: 70, 71 */
      cmocka_unit_test(names_hold_no_time)};                          /* 3e: 195 */
  return cmocka_run_group_tests(tests, setup, teardown);
}
