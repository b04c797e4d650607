/* Files: each system call of loading and saving fails once. What fails says so with errno
 * in `native`, the old file is whole, nothing is left beside it; interruptions and short
 * counts are no failures. */
#include "calls.h"

#include "fluidrt/checkpoint.h"

/* ---- the actions ----------------------------------------------------------------------------- */

static struct {
  char dir[512];
  frt_runtime_t *rt;
  frt_scope_t *scope;
  frt_program_t *program, *parameters; /* of `parameters`: a and b/c */
  frt_tensor_t *small, *large;
} w;

static const char *at(const char *name) {
  static char path[1024];
  snprintf(path, sizeof path, "%s/%s", w.dir, name);
  return path;
}

static frt_status_t load_program(frt_error_t *err) {
  frt_program_t *p = NULL;
  frt_status_t status = frt_program_load(at("p.pdmodel"), NULL, &p, err);
  frt_program_release(p);
  return status;
}
static frt_status_t save_program(frt_error_t *err) {
  return frt_program_save(w.program, at("p.pdmodel"), err);
}
static frt_status_t load_npy(frt_error_t *err) {
  frt_tensor_t *t = NULL;
  frt_status_t status = frt_npy_load(at("t.npy"), &t, err);
  if (status == FRT_OK) {
    assert_int_equal(frt_tensor_bytes(w.small), frt_tensor_bytes(t));
    assert_memory_equal(frt_tensor_data(w.small), frt_tensor_data(t), frt_tensor_bytes(t));
  }
  frt_tensor_release(t);
  return status;
}
static frt_status_t save_npy(frt_error_t *err) {
  return frt_npy_save(at("t.npy"), w.small, err);
}
static frt_status_t save_scope(frt_error_t *err) {
  return frt_scope_save_dir(w.scope, at("deep/scope"), err);
}
static frt_status_t load_scope(frt_error_t *err) {
  return frt_scope_load_dir(w.scope, at("scope"), err);
}

static frt_status_t save_checkpoint(frt_error_t *err) {
  const frt_checkpoint_info_t info = {.struct_size = sizeof info, .step = 8};
  return frt_checkpoint_save(at("kept"), w.scope, &info, err);
}
/* Step 7 or the 8 that save_checkpoint adds: the same values. */
static frt_status_t load_checkpoint(frt_error_t *err) {
  frt_checkpoint_info_t info = {.struct_size = sizeof info};
  frt_tensor_t *t = NULL;
  FRT_TRY(frt_checkpoint_load(at("kept"), w.scope, &info, err));
  if (info.step != 7 && info.step != 8) fail_msg("step %llu", (unsigned long long)info.step);
  FRT_TRY(frt_scope_get(w.scope, "b/c", &t, err));
  assert_memory_equal(frt_tensor_data(w.large), frt_tensor_data(t), frt_tensor_bytes(t));
  frt_tensor_release(t);
  return FRT_OK;
}
static frt_status_t save_params(frt_error_t *err) {
  return frt_params_save(at("deep/params"), w.parameters, w.scope, 0, NULL, 0, err);
}
static frt_status_t load_params(frt_error_t *err) {
  return frt_params_load(at("records"), w.parameters, w.scope, err);
}
static frt_status_t save_combined(frt_error_t *err) {
  return frt_params_save(at("params.one"), w.parameters, w.scope, 1, NULL, 0, err);
}
static frt_status_t load_combined(frt_error_t *err) {
  return frt_params_load(at("params.one"), w.parameters, w.scope, err);
}

static const struct { const char *name; frt_status_t (*run)(frt_error_t *err); } actions[] = {
    {"load program", load_program}, {"save program", save_program}, {"load npy", load_npy},
    {"save npy", save_npy}, {"save scope", save_scope}, {"load scope", load_scope},
    {"save checkpoint", save_checkpoint}, {"load checkpoint", load_checkpoint},
    {"save params", save_params}, {"load params", load_params},
    {"save combined", save_combined}, {"load combined", load_combined}};
enum { ACTIONS = sizeof actions / sizeof actions[0] };

static void remove_deep(void) {
  char path[600];
  snprintf(path, sizeof path, "%s/deep", w.dir);
  remove_folder(path);
}

static int setup(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  static const int64_t many[] = {3000};
  (void)state;
  make_folder(w.dir, sizeof w.dir);
  w.rt = linked_runtime(1);
  w.small = floats(1, THREE, 1.0f);
  w.large = floats(1, many, 2.0f);
  OK(frt_scope_create(w.rt, &w.scope, &err));
  OK(frt_scope_set(w.scope, "a", w.small, &err));
  OK(frt_scope_set(w.scope, "b/c", w.large, &err));
  OK(frt_program_load(model_path("lars_seed/main.pdmodel"), NULL, &w.program, &err));
  OK(frt_program_save(w.program, at("p.pdmodel"), &err));
  OK(frt_npy_save(at("t.npy"), w.small, &err));
  OK(frt_scope_save_dir(w.scope, at("scope"), &err));
  w.parameters = new_program();
  var(w.parameters, 0, "a", FRT_F32, 1, THREE, 1);
  var(w.parameters, 0, "b/c", FRT_F32, 1, many, 1);
  const frt_checkpoint_info_t info = {.struct_size = sizeof info, .step = 7};
  OK(frt_checkpoint_save(at("kept"), w.scope, &info, &err));
  OK(frt_params_save(at("records"), w.parameters, w.scope, 0, NULL, 0, &err));
  OK(save_combined(&err));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  frt_tensor_release(w.small);
  frt_tensor_release(w.large);
  frt_program_release(w.parameters);
  frt_program_release(w.program);
  frt_scope_release(w.scope);
  frt_runtime_release(w.rt);
  remove_folder(w.dir);
  return 0;
}

static void no_temps(const char *path) {
  DIR *d = opendir(path);
  struct dirent *e;
  while (d && (e = readdir(d)) != NULL)
    if (strstr(e->d_name, ".tmp")) fail_msg("'%s' was left in %s", e->d_name, path);
  if (d) closedir(d);
}

/* Whatever happened: what was there before loads. */
static void all_is_well(void) {
  frt_error_t err = FRT_ERROR_INIT;
  OK(load_program(&err));
  OK(load_npy(&err));
  OK(load_scope(&err));
  OK(load_checkpoint(&err));
  OK(load_params(&err));
  OK(load_combined(&err));
  no_temps(w.dir);
  no_temps(at("scope"));
  no_temps(at("deep/scope"));
}

/* ---- sweeps ------------------------------------------------------------------------------------- */

/* Faults that change nothing: interruptions, short counts, and a `close` after reading. */
static int harmless(int action, int call, int how) {
  if (how == EINTR || how == SHORT) return 1;
  if (call == CLOSE) return !strncmp(actions[action].name, "load", 4);
  return 0;
}

static int one(int action, int call, int n, int how) {
  frt_error_t err = FRT_ERROR_INIT;
  arm(call, n, how);
  frt_status_t status = actions[action].run(&err);
  fault.on = 0;
  if (!fault.hit) return 0;
  if (status == FRT_OK) {
    /* The folder is opened once more to sync it: it may be unreadable, and that handle
     * need not close well. */
    /* And what cannot be read of the newest checkpoint leaves the older one. */
    if (!harmless(action, call, how) && call != CLOSE &&
        ((call != OPEN && call != OPENAT) || how != EACCES) &&
        actions[action].run != load_checkpoint)
      fail_msg("%s: %s #%d: errno %d was not noticed", actions[action].name,
               call_names[call], n, how);
  } else {
    if (harmless(action, call, how))
      fail_msg("%s: %s #%d, %d: %s", actions[action].name, call_names[call], n, how,
               err.message);
    if (actions[action].run == load_checkpoint && status == FRT_DATA_LOSS) status = FRT_UNAVAILABLE;
    if (status != FRT_UNAVAILABLE || err.native != how ||
        (call != MKDIR && call != MKDIRAT && !strstr(err.message, w.dir)))
      fail_msg("%s: %s #%d: errno %d came as %s, native %d: %s", actions[action].name,
               call_names[call], n, how, frt_status_text(status), err.native, err.message);
  }
  all_is_well();
  return 1;
}

static void every_call_fails_once(void **state) {
  static const int ways[] = {EIO, ENOSPC, EDQUOT, EACCES, EINTR, SHORT};
  int points = 0;
  (void)state;
  for (int action = 0; action < ACTIONS; ++action)
    for (int call = 0; call < CALLS; ++call)
      for (size_t how = 0; how < sizeof ways / sizeof *ways; ++how) {
        if (ways[how] == SHORT && call != READ && call != WRITE) continue;
        if (ways[how] == EINTR && call >= FSTAT) continue;
        for (int n = 1; n < 1000; ++n) {
          remove_deep();
          if (!one(action, call, n, ways[how])) break;
          ++points;
        }
      }
  print_message("%d failing calls\n", points);
  assert_true(points > 100);
}

/* ---- what is no plain file --------------------------------------------------------------------------- */

static void things_that_are_no_files_are_not_read(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL;
  frt_tensor_t *t = NULL;
  static const char *const paths[] = {"/dev/zero", "/dev/full", "/dev/null"};
  (void)state;
  for (int i = 0; i < 3; ++i) {
    expect_error(frt_program_load(paths[i], NULL, &p, &err), &err, FRT_INVALID_ARGUMENT,
                 FRT_PHASE_PARSE, "regular file");
    expect_error(frt_npy_load(paths[i], &t, &err), &err, FRT_INVALID_ARGUMENT, FRT_PHASE_NONE,
                 "regular file");
  }
  assert_int_equal(0, mkfifo(at("fifo"), 0600)); /* opening it must not wait, either */
  expect_error(frt_program_load(at("fifo"), NULL, &p, &err), &err, FRT_INVALID_ARGUMENT,
               FRT_PHASE_PARSE, "regular file");
  expect_error(frt_npy_load(at("fifo"), &t, &err), &err, FRT_INVALID_ARGUMENT, FRT_PHASE_NONE,
               "regular file");
  expect_error(frt_npy_load(w.dir, &t, &err), &err, FRT_INVALID_ARGUMENT, FRT_PHASE_NONE,
               "regular file");
  expect_error(frt_program_load(at("nothing"), NULL, &p, &err), &err, FRT_NOT_FOUND,
               FRT_PHASE_PARSE, "nothing");
  assert_int_equal(ENOENT, err.native);
  assert_null(p);
  assert_null(t);
  unlink(at("fifo"));
}

/* Another process adds to it with each read. */
static int reads;
static void grow_file(int call, int n, const char *name) {
  static char more[4096];
  (void)n, (void)name;
  if (call != READ) return;
  FILE *f = fopen(at("grows.pdmodel"), "ab");
  assert_non_null(f);
  ++reads;
  assert_int_equal(1, fwrite(more, sizeof more, 1, f));
  fclose(f);
}

/* Read at most to the limit, whatever its size was when it was opened. */
static void a_file_that_grows_is_cut_off(void **state) {
  const frt_load_options_t o = {.struct_size = sizeof o, .max_bytes = 100000};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL;
  (void)state;
  OK(frt_program_save(w.program, at("grows.pdmodel"), &err));
  char path[600];
  snprintf(path, sizeof path, "%s", at("grows.pdmodel"));
  arm(-1, 0, 0);
  fault.before = grow_file;
  const frt_status_t got = frt_program_load(path, &o, &p, &err);
  fault.on = 0;
  expect_error(got, &err, FRT_RESOURCE_EXHAUSTED, FRT_PHASE_PARSE, "larger than 100000");
  assert_true(reads > 1 && reads < 100);
  assert_null(p);
  unlink(path);
}

static void things_that_are_no_files_are_not_written_over(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  struct stat st;
  (void)state;
  expect_error(frt_program_save(w.program, "/dev/full", &err), &err, FRT_UNAVAILABLE,
               FRT_PHASE_NONE, "not a regular file");
  expect_error(frt_npy_save("/dev/full", w.small, &err), &err, FRT_UNAVAILABLE, FRT_PHASE_NONE,
               "not a regular file");
  assert_int_equal(0, stat("/dev/full", &st));
  assert_true(S_ISCHR(st.st_mode));
  assert_int_equal(0, mkfifo(at("fifo"), 0600));
  expect_error(frt_npy_save(at("fifo"), w.small, &err), &err, FRT_UNAVAILABLE, FRT_PHASE_NONE,
               "not a regular file");
  unlink(at("fifo"));
  expect_error(frt_npy_save(w.dir, w.small, &err), &err, FRT_UNAVAILABLE, FRT_PHASE_NONE,
               "not a regular file");
  assert_int_equal(EISDIR, err.native);
  expect_error(frt_npy_save(at("no/such/t.npy"), w.small, &err), &err, FRT_UNAVAILABLE,
               FRT_PHASE_NONE, "No such file");
  assert_int_equal(ENOENT, err.native);
  expect_error(frt_scope_save_dir(w.scope, at("t.npy"), &err), &err, FRT_UNAVAILABLE,
               FRT_PHASE_NONE, "t.npy");
  assert_int_equal(ENOTDIR, err.native);
  all_is_well();
}

static void a_symlink_is_replaced_not_followed(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  char target[600];
  struct stat st;
  (void)state;
  snprintf(target, sizeof target, "%s/t.npy", w.dir);
  assert_int_equal(0, symlink(target, at("link.npy")));
  OK(frt_npy_save(at("link.npy"), w.large, &err));
  assert_int_equal(0, lstat(at("link.npy"), &st));
  assert_true(S_ISREG(st.st_mode));
  all_is_well();
  unlink(at("link.npy"));
}

/* A folder of variables is data from elsewhere: a link in it would lead out of it. */
static void a_symlink_in_a_folder_of_variables_is_refused(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  char target[600];
  (void)state;
  snprintf(target, sizeof target, "%s/t.npy", w.dir);
  assert_int_equal(0, mkdir(at("linked"), 0777));
  assert_int_equal(0, symlink(target, at("linked/v.npy")));
  expect_error(frt_scope_load_dir(w.scope, at("linked"), &err), &err, FRT_INVALID_ARGUMENT,
               FRT_PHASE_NONE, "symbolic link");
  assert_int_equal(0, mkdir(at("params"), 0777));
  static const char *const names[] = {"fc_0.b_0", "fc_0.b_0_velocity_0", "fc_0.w_0",
                                      "fc_0.w_0_velocity_0", "learning_rate_0"};
  for (int i = 0; i < 5; ++i) {
    char path[64];
    snprintf(path, sizeof path, "params/%s", names[i]);
    assert_int_equal(0, symlink(target, at(path)));
  }
  expect_error(frt_params_load(at("params"), w.program, w.scope, &err), &err,
               FRT_INVALID_ARGUMENT, FRT_PHASE_CHECKPOINT, "symbolic link");
}

static void a_hard_link_keeps_its_old_contents(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  char other[600];
  frt_tensor_t *t = NULL;
  (void)state;
  snprintf(other, sizeof other, "%s/hard.npy", w.dir);
  assert_int_equal(0, link(at("t.npy"), other));
  OK(frt_npy_save(other, w.large, &err));
  OK(load_npy(&err)); /* t.npy is what it was */
  OK(frt_npy_load(other, &t, &err));
  assert_int_equal(frt_tensor_bytes(w.large), frt_tensor_bytes(t));
  frt_tensor_release(t);
  unlink(other);
}

static void a_folder_without_permission_is_named(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  if (!geteuid()) skip(); /* root may write everywhere */
  assert_int_equal(0, mkdir(at("locked"), 0555));
  expect_error(frt_npy_save(at("locked/t.npy"), w.small, &err), &err, FRT_UNAVAILABLE,
               FRT_PHASE_NONE, "Permission denied");
  assert_int_equal(EACCES, err.native);
}

static void files_follow_the_umask(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  struct stat st;
  (void)state;
  const mode_t masks[] = {0, 022, 077};
  for (int i = 0; i < 3; ++i) {
    const mode_t old = umask(masks[i]);
    OK(frt_npy_save(at("mode.npy"), w.small, &err));
    umask(old);
    assert_int_equal(0, stat(at("mode.npy"), &st));
    assert_int_equal(0666 & ~masks[i], st.st_mode & 0777);
    unlink(at("mode.npy"));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_call_fails_once),
      cmocka_unit_test(things_that_are_no_files_are_not_read), /* 3a: 31 */
      cmocka_unit_test(a_file_that_grows_is_cut_off), /* 3a: 31 */
      cmocka_unit_test(things_that_are_no_files_are_not_written_over),
      cmocka_unit_test(a_symlink_is_replaced_not_followed),
      cmocka_unit_test(a_symlink_in_a_folder_of_variables_is_refused),
      cmocka_unit_test(a_hard_link_keeps_its_old_contents),
      cmocka_unit_test(a_folder_without_permission_is_named),
      cmocka_unit_test(files_follow_the_umask) /* 3g: 229 */};
  return cmocka_run_group_tests(tests, setup, teardown);
}
