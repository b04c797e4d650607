/* Names of variables that would be paths, options or nothing on a disk: each becomes one
 * file inside the folder and comes back, or is refused before anything is written. */
#include "faults.h"

#include <dirent.h>
#include <sys/stat.h>

#include "fluidrt/checkpoint.h"

static const char *const names[] = {
    "../../x", "/abs", ".", "..", "...", "a/b", "a/../../b", "a\nb", "-rf", "~", "a:b", "a\\b",
    "%2F", "/", "%", "%25", "w", "W", "LATEST", "manifest", "con", "nul.npy", "*", "$HOME", " ",
    "\x1b[2J", "\xc3\xa9", "e\xcc\x81", "v.tmp"};
enum { NAMES = sizeof names / sizeof names[0] };

static char root[512], dir[600];
static frt_runtime_t *rt;
static frt_scope_t *scope;
static frt_program_t *program;

static int setup(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  make_folder(root, sizeof root);
  rt = linked_runtime(1);
  program = new_program();
  OK(frt_scope_create(rt, &scope, &err));
  for (int i = 0; i < NAMES; ++i) {
    frt_tensor_t *t = floats(1, ONE, (float)(i + 1));
    OK(frt_scope_set(scope, names[i], t, &err));
    var(program, 0, names[i], FRT_F32, 1, ONE, 1);
    frt_tensor_release(t);
  }
  return 0;
}

static int teardown(void **state) {
  (void)state;
  frt_program_release(program);
  frt_scope_release(scope);
  frt_runtime_release(rt);
  remove_folder(root);
  return 0;
}

static int entries(const char *path) {
  DIR *d = opendir(path);
  struct dirent *e;
  int n = 0;
  assert_non_null(d);
  while ((e = readdir(d)) != NULL) n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
  closedir(d);
  return n;
}

/* A folder of its own two levels down, so that what leaves it is seen. */
static const char *fresh(const char *name) {
  char command[1400];
  snprintf(dir, sizeof dir, "%s/deep/er/%s", root, name);
  snprintf(command, sizeof command, "rm -rf '%s/deep' && mkdir -p '%s/deep/er'", root, root);
  assert_int_equal(0, system(command));
  return dir;
}
static void nothing_left_it(int files) {
  char path[600];
  assert_int_equal(1, entries(root));
  snprintf(path, sizeof path, "%s/deep", root);
  assert_int_equal(1, entries(path));
  snprintf(path, sizeof path, "%s/deep/er", root);
  assert_int_equal(1, entries(path));
  if (files) assert_int_equal(files, entries(dir));
}

static void all_came_back(frt_scope_t *s) {
  frt_error_t err = FRT_ERROR_INIT;
  for (int i = 0; i < NAMES; ++i) {
    frt_tensor_t *t = NULL;
    OK(frt_scope_get(s, names[i], &t, &err));
    assert_true(*(float *)frt_tensor_data(t) == (float)(i + 1));
    frt_tensor_release(t);
  }
  frt_scope_release(s);
}
static frt_scope_t *empty(void) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_scope_t *s = NULL;
  OK(frt_scope_create(rt, &s, &err));
  return s;
}

static void scopes_in_folders(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_scope_t *s = empty();
  (void)state;
  OK(frt_scope_save_dir(scope, fresh("scope"), &err));
  nothing_left_it(NAMES);
  OK(frt_scope_load_dir(s, dir, &err));
  all_came_back(s);
}

static void parameters_in_folders_and_files(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  for (int combined = 0; combined < 2; ++combined) {
    frt_scope_t *s = empty();
    OK(frt_params_save(fresh("params"), program, scope, combined, NULL, 0, &err));
    nothing_left_it(combined ? 0 : NAMES);
    OK(frt_params_load(dir, program, s, &err));
    all_came_back(s);
  }
}

static void checkpoints(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_checkpoint_info_t info = {.struct_size = sizeof info, .step = 7};
  frt_scope_t *s = empty();
  (void)state;
  OK(frt_checkpoint_save(fresh("kept"), scope, &info, &err));
  nothing_left_it(0);
  OK(frt_checkpoint_load(dir, s, &info, &err));
  assert_int_equal(7, info.step);
  all_came_back(s);
}

static void a_name_too_long_for_a_file(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_checkpoint_info_t info = {.struct_size = sizeof info, .step = 7};
  char name[301];
  struct stat st;
  frt_tensor_t *t = floats(1, ONE, 1);
  frt_scope_t *s = empty();
  frt_program_t *p = new_program();
  (void)state;
  memset(name, 'n', 300);
  name[300] = 0;
  OK(frt_scope_set(s, name, t, &err));
  OK(frt_scope_set(s, "a", t, &err));
  var(p, 0, "a", FRT_F32, 1, ONE, 1);
  var(p, 0, name, FRT_F32, 1, ONE, 1);
  expect_error(frt_scope_save_dir(s, fresh("scope"), &err), &err, FRT_INVALID_ARGUMENT,
               FRT_PHASE_NONE, "does not fit");
  assert_int_equal(-1, stat(dir, &st)); /* not even the folder */
  expect_error(frt_params_save(fresh("params"), p, s, 0, NULL, 0, &err), &err,
               FRT_INVALID_ARGUMENT, FRT_PHASE_CHECKPOINT, "does not fit");
  assert_int_equal(-1, stat(dir, &st));
  expect_error(frt_checkpoint_save(fresh("kept"), s, &info, &err), &err, FRT_INVALID_ARGUMENT,
               FRT_PHASE_CHECKPOINT, "does not fit");
  expect_error(frt_checkpoint_load(dir, s, &info, &err), &err, FRT_NOT_FOUND,
               FRT_PHASE_CHECKPOINT, "");
  OK(frt_params_save(fresh("params"), p, s, 1, NULL, 0, &err)); /* one file holds any name */
  frt_program_release(p);
  frt_scope_release(s);
  frt_tensor_release(t);
}

static void distinct_names_have_distinct_files(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  char file[NAMES][64];
  (void)state;
  for (int i = 0; i < NAMES; ++i) {
    OK(frt_name_to_file(names[i], file[i], sizeof file[i], &err));
    assert_null(strchr(file[i], '/'));
    assert_true(strcmp(file[i], ".") && strcmp(file[i], ".."));
    for (int k = 0; k < i; ++k) assert_string_not_equal(file[i], file[k]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scopes_in_folders), /* 3b: 70 */
      cmocka_unit_test(parameters_in_folders_and_files), /* 3b: 70 */
      cmocka_unit_test(checkpoints), /* 3b: 70 */
      cmocka_unit_test(a_name_too_long_for_a_file), /* 3b: 70 */
      cmocka_unit_test(distinct_names_have_distinct_files), /* 3b: 71 */
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
