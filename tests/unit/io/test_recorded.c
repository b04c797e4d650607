/* Files that numpy and PaddlePaddle wrote, and scopes in folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/base.h"
#include "fluidrt/io.h"
#include "unit/golden.h"

static char dir[64];
static frt_runtime_t *rt;
static const char multi[] = "save_load_multi";

static const char *in(const char *name) {
  static char path[4][512];
  static int turn;
  char *to = path[turn++ % 4];
  snprintf(to, sizeof path[0], "%s/%s", dir, name);
  return to;
}

static void extract(zip_t *z, const char *under) {
  for (zip_int64_t i = 0; i < zip_get_num_entries(z, 0); ++i) {
    char inner[512];
    snprintf(inner, sizeof inner, "%s%s", under, zip_get_name(z, (zip_uint64_t)i, 0));
    char *path = frti_strdup(in(inner));
    size_t n;
    char *slash = strrchr(path, '/');
    void *bytes = golden_read(z, "", zip_get_name(z, (zip_uint64_t)i, 0), &n);
    *slash = 0;
    frti_make_dir(path, NULL);
    *slash = '/';
    if (bytes && slash[1]) frti_file_write(path, bytes, n, NULL);
    free(bytes);
    frti_free(path);
  }
}

static int make(void **state) {
  FRTI_UNUSED(state);
  strcpy(dir, "/tmp/frt_io_XXXXXX");
  if (!mkdtemp(dir) || frt_runtime_create(NULL, &rt, NULL) != FRT_OK) return -1;
  zip_t *z = golden_open(multi), *digits = golden_open("save_load_digits");
  if (!z || !digits) return -1;
  extract(z, "");
  extract(digits, "digits/");
  zip_close(z);
  zip_close(digits);
  return 0;
}

static int clean(void **state) {
  FRTI_UNUSED(state);
  char command[128];
  frt_runtime_release(rt);
  snprintf(command, sizeof command, "rm -rf '%s'", dir);
  return system(command);
}

static void npy_files_are_written_as_numpy_does(void **state) {
  FRTI_UNUSED(state);
  static const char *const cases[] = {"save_load_multi", "lars_seed_static", "reduce_max",
                                      "lr_piecewise", "random_ops_main"};
  size_t checked = 0;
  for (size_t c = 0; c < FRTI_COUNT(cases); ++c) {
    zip_t *z = golden_open(cases[c]);
    assert_non_null(z);
    for (zip_int64_t i = 0; i < zip_get_num_entries(z, 0); ++i) {
      const char *name = zip_get_name(z, (zip_uint64_t)i, 0);
      frt_error_t err = FRT_ERROR_INIT;
      frt_tensor_t *t;
      uint8_t *back;
      size_t n, n_back;
      if (!strstr(name, ".npy")) continue;
      void *bytes = golden_read(z, cases[c], name, &n);
      assert_non_null(bytes);
      if (frt_npy_parse(bytes, n, &t, &err) != FRT_OK) fail_msg("%s", err.message);
      assert_int_equal(frt_npy_save(in("again"), t, &err), FRT_OK);
      assert_int_equal(frti_file_read(in("again"), 0, &back, &n_back, &err), FRT_OK);
      assert_int_equal(n_back, n);
      assert_memory_equal(back, bytes, n);
      frt_tensor_release(t);
      frti_free(back);
      free(bytes);
      ++checked;
    }
    zip_close(z);
  }
  assert_true(checked > 100);
}

static frt_scope_t *new_scope(void) {
  frt_scope_t *s;
  assert_int_equal(frt_scope_create(rt, &s, NULL), FRT_OK);
  return s;
}

static void same_as(frt_scope_t *s, const char *under, size_t wanted) {
  const char **names;
  size_t n;
  assert_int_equal(frt_scope_names(s, &names, &n, NULL), FRT_OK);
  assert_int_equal(n, wanted);
  for (size_t i = 0; i < n; ++i) {
    char file[128];
    frt_tensor_t *got, *want;
    snprintf(file, sizeof file, "%sfinal/%s.npy", under, names[i]);
    assert_int_equal(frt_npy_load(in(file), &want, NULL), FRT_OK);
    assert_int_equal(frt_scope_get(s, names[i], &got, NULL), FRT_OK);
    assert_int_equal(frt_tensor_bytes(got), frt_tensor_bytes(want));
    assert_memory_equal(frt_tensor_data(got), frt_tensor_data(want), frt_tensor_bytes(got));
    frt_tensor_release(got);
    frt_tensor_release(want);
  }
  frt_free(names);
}

static void same_as_final(frt_scope_t *s, size_t wanted) { same_as(s, "", wanted); }

static void loads(const char *program, const char *params, size_t wanted) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  frt_scope_t *s = new_scope();
  if (frt_program_load(in(program), NULL, &p, &err) != FRT_OK) fail_msg("%s", err.message);
  if (frt_params_load(in(params), p, s, &err) != FRT_OK) fail_msg("%s", err.message);
  same_as(s, strncmp(program, "digits/", 7) ? "" : "digits/", wanted);
  frt_program_release(p);
  frt_scope_release(s);
}

static void paddles_folders_and_files_are_read(void **state) {
  FRTI_UNUSED(state);
  loads("saved/inference", "saved/inference", 9);
  loads("saved/inference_combined/model", "saved/inference_combined/params", 9);
  loads("main.pb", "saved/persistables", 19);
  loads("digits/main.pb", "digits/saved/persistables", 9);
  loads("digits/main.pb", "digits/saved/persistables_combined/all", 9);
  loads("digits/test.pb", "digits/saved/params", 4);
  loads("digits/saved/inference/__model__", "digits/saved/inference", 4);
  loads("digits/saved/inference_combined/model", "digits/saved/inference_combined/params", 4);
}

/* Fails with this status and text, and the scope stays as it was. */
static void fails(const char *params, const char *program, frt_status_t status,
                  const char *why) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  frt_tensor_t *t;
  frt_scope_t *s = new_scope();
  const char **names;
  size_t n;
  assert_int_equal(frt_tensor_create(FRT_F32, 1, (int64_t[]){1}, &t, NULL), FRT_OK);
  assert_int_equal(frt_scope_set(s, "fc_0.b_0", t, NULL), FRT_OK);
  assert_int_equal(frt_program_load(in(program), NULL, &p, &err), FRT_OK);
  assert_int_equal(frt_params_load(in(params), p, s, &err), status);
  if (!strstr(err.message, why)) fail_msg("'%s' lacks '%s'", err.message, why);
  assert_int_equal(frt_scope_names(s, &names, &n, NULL), FRT_OK);
  assert_int_equal(n, 1);
  frt_free(names);
  frt_tensor_release(t);
  frt_program_release(p);
  frt_scope_release(s);
}

static void missing_files_are_all_listed(void **state) {
  FRTI_UNUSED(state);
  fails("saved/params", "main.pb", FRT_NOT_FOUND,
        "10 of 19 variables have no file: embedding_0.w_0_velocity_0, fc_0.b_0_velocity_0");
  fails("saved/none", "main.pb", FRT_NOT_FOUND, "none': No such file");
}

static void combined_files_must_fit_exactly(void **state) {
  FRTI_UNUSED(state);
  const char *model = "saved/inference_combined/model";
  uint8_t *bytes;
  size_t n;
  assert_int_equal(frti_file_read(in("saved/inference_combined/params"), 0, &bytes, &n, NULL),
                   FRT_OK);
  frti_file_write(in("long"), bytes, n + 1, NULL); /* the NUL behind them */
  fails("long", model, FRT_DATA_LOSS, "long': 1 bytes follow the last of 9 records");
  frti_file_write(in("short"), bytes, n - 1, NULL);
  fails("short", model, FRT_DATA_LOSS, "record 9 of 9 at offset 792, variable 'fc_3.w_0'");
  frti_file_write(in("shifted"), bytes + 110, n - 110, NULL);
  fails("shifted", model, FRT_INVALID_ARGUMENT, "variable 'embedding_0.w_0' is declared");
  frti_free(bytes);
}

static void a_single_file_must_be_one_good_record(void **state) {
  FRTI_UNUSED(state);
  const char *model = "saved/inference_combined/model";
  frti_file_write(in("saved/inference/fc_0.b_0"), "\0\0", 2, NULL);
  fails("saved/inference", model, FRT_DATA_LOSS, "fc_0.b_0': tensor record: LoD tensor version");
  uint8_t *bytes;
  size_t n;
  frti_file_read(in("saved/inference/fc_3.b_0"), 0, &bytes, &n, NULL);
  frti_file_write(in("saved/inference/fc_0.b_0"), bytes, n, NULL);
  fails("saved/inference", model, FRT_INVALID_ARGUMENT, "variable 'fc_0.b_0' is declared float32");
  frti_file_write(in("saved/inference/fc_0.b_0"), bytes, n + 1, NULL);
  fails("saved/inference", model, FRT_DATA_LOSS, "the tensor record ends at offset 36 of 37");
  frti_free(bytes);
}

static void scopes_go_to_folders_and_back(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  frt_scope_t *s = new_scope(), *t = new_scope(), *u = new_scope();
  frt_tensor_t *x;
  char name[300];
  assert_int_equal(frt_scope_load_dir(s, in("final"), &err), FRT_OK);
  same_as_final(s, 19);
  frt_tensor_create(FRT_F32, 0, NULL, &x, NULL);
  assert_int_equal(frt_scope_set(s, "../../a%b", x, &err), FRT_OK);
  assert_int_equal(frt_scope_save_dir(s, in("new/folder"), &err), FRT_OK);
  assert_true(frti_is_file(in("new/folder/..%2F..%2Fa%25b.npy")));
  assert_int_equal(frt_scope_load_dir(t, in("new/folder"), &err), FRT_OK);
  assert_int_equal(frt_scope_erase(t, "../../a%b", &err), FRT_OK);
  same_as_final(t, 19);
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = 0;
  assert_int_equal(frt_scope_set(u, name, x, &err), FRT_OK);
  assert_int_equal(frt_scope_save_dir(u, in("never"), &err), FRT_INVALID_ARGUMENT);
  assert_false(frti_is_dir(in("never")));
  frti_file_write(in("new/folder/bad.npy"), "x", 1, NULL);
  frt_scope_erase(u, name, NULL);
  assert_int_equal(frt_scope_load_dir(u, in("new/folder"), &err), FRT_DATA_LOSS);
  const char **names;
  size_t n;
  assert_int_equal(frt_scope_names(u, &names, &n, NULL), FRT_OK);
  assert_int_equal(n, 0);
  frt_free(names);
  frt_tensor_release(x);
  frt_scope_release(s);
  frt_scope_release(t);
  frt_scope_release(u);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(npy_files_are_written_as_numpy_does),
      cmocka_unit_test(paddles_folders_and_files_are_read),
      cmocka_unit_test(missing_files_are_all_listed),
      cmocka_unit_test(combined_files_must_fit_exactly),
      cmocka_unit_test(a_single_file_must_be_one_good_record),
      cmocka_unit_test(scopes_go_to_folders_and_back),
  };
  return cmocka_run_group_tests(tests, make, clean);
}
