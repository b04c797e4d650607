/* Saving parameters as Paddle does, and manifests that lie although their seal is whole. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/base.h"
#include "fluidrt/fluidrt.h"

#define OK(call)                                                                        \
  do {                                                                                  \
    frt_status_t ok_ = (call);                                                          \
    if (ok_ != FRT_OK) fail_msg("%s: %s: %s", #call, frt_status_text(ok_), err.message); \
  } while (0)

static char folder[64];

typedef struct fixture {
  frt_runtime_t *rt;
  frt_scope_t *scope;
  frt_program_t *p;
} fixture_t;

static const char *const NAMES[] = {"w", "a/b", "100%"};
enum { N_NAMES = 3 };

static const char *in_folder(const char *file) {
  static char path[4][256];
  static int turn;
  char *to = path[turn++ % 4];
  snprintf(to, sizeof path[0], "%s/%s", folder, file);
  return to;
}

static frt_tensor_t *tensor(frt_dtype_t dtype, int64_t n, int fill) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  OK(frt_tensor_create(dtype, 1, &n, &t, &err));
  memset(frt_tensor_data(t), fill, frt_tensor_bytes(t));
  return t;
}

static void set(frt_scope_t *s, const char *name, int64_t n, int fill) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = tensor(FRT_F32, n, fill);
  OK(frt_scope_set(s, name, t, &err));
  frt_tensor_release(t);
}

static int setup(void **state) {
  static const int64_t dims[] = {2};
  frt_error_t err = FRT_ERROR_INIT;
  fixture_t *f = calloc(1, sizeof *f);
  snprintf(folder, sizeof folder, "/tmp/frt_more_io_XXXXXX");
  assert_non_null(mkdtemp(folder));
  OK(frt_runtime_create(NULL, &f->rt, &err));
  OK(frt_scope_create(f->rt, &f->scope, &err));
  OK(frt_program_create(&f->p, &err));
  for (int i = 0; i < N_NAMES; ++i) {
    const frt_var_info_t v = {.name = NAMES[i], .dtype = FRT_F32, .rank = 1, .dims = dims,
                              .persistable = 1};
    OK(frt_program_add_var(f->p, 0, &v, &err));
  }
  const frt_var_info_t passing = {.name = "t", .dtype = FRT_F32, .rank = 1, .dims = dims};
  const frt_var_info_t raw = {.name = "r", .kind = FRT_VAR_RAW, .persistable = 1};
  OK(frt_program_add_var(f->p, 0, &passing, &err));
  OK(frt_program_add_var(f->p, 0, &raw, &err));
  *state = f;
  return 0;
}

static int teardown(void **state) {
  char command[128];
  fixture_t *f = *state;
  frt_program_release(f->p);
  frt_scope_release(f->scope);
  frt_runtime_release(f->rt);
  free(f);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

static void set_all(fixture_t *f) {
  for (int i = 0; i < N_NAMES; ++i) set(f->scope, NAMES[i], 2, i + 1);
}

static void check_scope(frt_scope_t *s, int first, int last) {
  frt_error_t err = FRT_ERROR_INIT;
  for (int i = first; i < last; ++i) {
    frt_tensor_t *t;
    char want[8];
    memset(want, i + 1, sizeof want);
    OK(frt_scope_get(s, NAMES[i], &t, &err));
    assert_int_equal(8, frt_tensor_bytes(t));
    assert_memory_equal(want, frt_tensor_data(t), 8);
    frt_tensor_release(t);
  }
}

static void parameters_come_back_from_folders_and_files(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  set_all(f);
  for (int combined = 0; combined < 2; ++combined) {
    const char *path = in_folder(combined ? "one" : "many");
    frt_scope_t *other;
    OK(frt_params_save(path, f->p, f->scope, combined, NULL, 0, &err));
    OK(frt_scope_create(f->rt, &other, &err));
    OK(frt_params_load(path, f->p, other, &err));
    check_scope(other, 0, N_NAMES);
    frt_scope_release(other);
  }
  assert_true(frti_is_file(in_folder("many/a%2Fb")));
  assert_true(frti_is_file(in_folder("many/w")));
  assert_false(frti_is_file(in_folder("many/t")));
  assert_false(frti_is_file(in_folder("many/r")));
}

/* Records stand in bytewise order of names: "100%", "a/b", "w", 16 + 4 + desc + 8 each. */
static void one_file_holds_records_in_order_of_names(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  uint8_t *bytes;
  size_t n, at = 0, used;
  set_all(f);
  OK(frt_params_save(in_folder("one"), f->p, f->scope, 1, NULL, 0, &err));
  OK(frti_file_read(in_folder("one"), 0, &bytes, &n, &err));
  for (int i = 0; i < N_NAMES; ++i, at += used) {
    static const int fill[] = {3, 2, 1};
    frt_tensor_t *t;
    OK(frt_paddle_tensor_parse(bytes + at, n - at, &t, &used, &err));
    assert_int_equal(fill[i], *(const char *)frt_tensor_data(t));
    frt_tensor_release(t);
  }
  assert_int_equal(n, at);
  frti_free(bytes);
}

static void only_what_is_named_is_saved(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  const char *const one[] = {"a/b"}, *const bad[] = {"w", "t"}, *const none[] = {"q"};
  set_all(f);
  OK(frt_params_save(in_folder("few"), f->p, f->scope, 0, one, 1, &err));
  assert_true(frti_is_file(in_folder("few/a%2Fb")));
  assert_false(frti_is_file(in_folder("few/w")));
  assert_int_equal(FRT_NOT_FOUND,
                   frt_params_save(in_folder("bad"), f->p, f->scope, 0, bad, 2, &err));
  assert_string_equal("'t' is no persistable tensor of block 0", err.message);
  assert_string_equal("t", err.name);
  assert_int_equal(FRT_PHASE_CHECKPOINT, err.phase);
  assert_int_equal(FRT_NOT_FOUND,
                   frt_params_save(in_folder("bad"), f->p, f->scope, 1, none, 1, &err));
  assert_false(frti_is_dir(in_folder("bad")));
  assert_false(frti_is_file(in_folder("bad")));
}

static void variables_without_a_value_are_all_listed(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  set(f->scope, "w", 2, 1);
  assert_int_equal(FRT_FAILED_PRECONDITION,
                   frt_params_save(in_folder("x"), f->p, f->scope, 0, NULL, 0, &err));
  assert_string_equal("2 variables to save are not initialized: '100%', 'a/b'", err.message);
  assert_false(frti_is_dir(in_folder("x")));
}

static void places_that_cannot_be_written_are_unavailable(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  set_all(f);
  OK(frti_file_write(in_folder("file"), "x", 1, &err));
  assert_int_equal(FRT_UNAVAILABLE,
                   frt_params_save(in_folder("file/x"), f->p, f->scope, 0, NULL, 0, &err));
  assert_true(err.native != 0);
  assert_int_equal(FRT_UNAVAILABLE,
                   frt_params_save(in_folder("none/x"), f->p, f->scope, 1, NULL, 0, &err));
  assert_true(err.native != 0);
}

static void fluids_files_have_no_bfloat16(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  void *bytes = &err;
  size_t n = 7;
  frt_tensor_t *t = tensor(FRT_BF16, 2, 0);
  (void)state;
  assert_int_equal(FRT_UNIMPLEMENTED, frt_paddle_tensor_serialize(t, &bytes, &n, &err));
  assert_null(bytes);
  assert_int_equal(0, n);
  frt_tensor_release(t);
}

/* Every dtype and an empty tensor: out and in again. */
static void records_of_every_type_come_back(void **state) {
  static const frt_dtype_t types[] = {FRT_BOOL, FRT_I16, FRT_I32, FRT_I64, FRT_F16,
                                      FRT_F32,  FRT_F64, FRT_U8,  FRT_I8};
  (void)state;
  for (size_t i = 0; i < FRTI_COUNT(types) * 2; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_tensor_t *t = tensor(types[i / 2], i % 2 ? 300 : 0, 1), *back;
    void *bytes;
    size_t n;
    OK(frt_paddle_tensor_serialize(t, &bytes, &n, &err));
    OK(frt_paddle_tensor_parse(bytes, n, &back, NULL, &err));
    assert_int_equal(types[i / 2], frt_tensor_dtype(back));
    assert_int_equal(frt_tensor_bytes(t), frt_tensor_bytes(back));
    if (i % 2) assert_memory_equal(frt_tensor_data(t), frt_tensor_data(back),
                                   frt_tensor_bytes(t));
    frt_free(bytes);
    frt_tensor_release(t);
    frt_tensor_release(back);
  }
}

/* ---- checkpoints ------------------------------------------------------------------------- */

static void checkpoints_need_all_their_arguments(void **state) {
  fixture_t *f = *state;
  const frt_checkpoint_info_t info = {sizeof info, 1, 1, 1}, cut = {4, 1, 1, 1};
  frt_error_t err = FRT_ERROR_INIT;
#define NEEDS(call)                                                   \
  assert_int_equal(FRT_INVALID_ARGUMENT, call);                       \
  assert_non_null(strstr(err.message, "a checkpoint needs a folder"))
  NEEDS(frt_checkpoint_save(NULL, f->scope, &info, &err));
  NEEDS(frt_checkpoint_save("", f->scope, &info, &err));
  NEEDS(frt_checkpoint_save(folder, NULL, &info, &err));
  NEEDS(frt_checkpoint_save(folder, f->scope, NULL, &err));
  NEEDS(frt_checkpoint_save(folder, f->scope, &cut, &err));
  NEEDS(frt_checkpoint_load(NULL, f->scope, NULL, &err));
  NEEDS(frt_checkpoint_load("", f->scope, NULL, &err));
  NEEDS(frt_checkpoint_load(folder, NULL, NULL, &err));
  char *deep = malloc(6000);
  memset(deep, 'd', 5999);
  deep[5999] = 0;
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_checkpoint_save(deep, f->scope, &info, &err));
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_checkpoint_load(deep, f->scope, NULL, &err));
  assert_int_equal(FRT_NOT_FOUND,
                   frt_checkpoint_load(in_folder("nowhere"), f->scope, NULL, &err));
  assert_int_equal(FRT_PHASE_CHECKPOINT, err.phase);
  free(deep);
}

/* Writes a manifest of these lines with a good seal. */
static void forge(const char *lines) {
  frt_error_t err = FRT_ERROR_INIT;
  char text[1024];
  const int n = snprintf(text, sizeof text, "fluidrt checkpoint 1\n%s", lines);
  const XXH128_hash_t h = XXH3_128bits(text, (size_t)n);
  snprintf(text + n, sizeof text - (size_t)n, "end %016llx%016llx\n",
           (unsigned long long)h.high64, (unsigned long long)h.low64);
  OK(frti_make_dir(in_folder("step-5"), &err));
  OK(frti_file_write(in_folder("step-5/%manifest"), text, strlen(text), &err));
}

static void a_sealed_manifest_may_still_lie(void **state) {
  static const struct { const char *lines, *word; } bad[] = {
      {"step 5\nvar short 3 w\n", "a line that is no variable"},
      {"step 5\nvar 0123456789abcdef0123456789abcdef\n", "a line that is no variable"},
      {"var 0123456789abcdef0123456789abcdef 3 ../w\n", "a file outside the folder"},
      {"var 0123456789abcdef0123456789abcdef 3 ..\n", "a file outside the folder"},
      {"var 0123456789abcdef0123456789abcdef 3 .\n", "a file outside the folder"},
      {"colour 7\n", "a line of unknown kind"}};
  fixture_t *f = *state;
  for (size_t i = 0; i < FRTI_COUNT(bad); ++i)
    for (int whole = 0; whole < 2; ++whole) {
      frt_error_t err = FRT_ERROR_INIT;
      forge(bad[i].lines);
      assert_int_equal(FRT_DATA_LOSS,
                       frt_checkpoint_load(whole ? folder : in_folder("step-5"), f->scope,
                                           NULL, &err));
      if (!strstr(err.message, bad[i].word)) fail_msg("%s", err.message);
    }
  frt_error_t err = FRT_ERROR_INIT;
  forge("var 0123456789abcdef0123456789abcdef 3 gone\n");
  assert_int_equal(FRT_DATA_LOSS, frt_checkpoint_load(folder, f->scope, NULL, &err));
  OK(frti_file_write(in_folder("step-5/%manifest"), "some other file of that name, long enough "
                     "to hold a head and a seal of its own", 78, &err));
  assert_int_equal(FRT_DATA_LOSS, frt_checkpoint_load(folder, f->scope, NULL, &err));
  assert_non_null(strstr(err.message, "not a checkpoint of this format"));
}

static void a_forged_but_true_manifest_loads(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_checkpoint_info_t info = {.struct_size = sizeof info};
  forge("step 5\nrun 6\nseed 7\n");
  OK(frt_checkpoint_load(folder, f->scope, &info, &err));
  assert_int_equal(5, info.step);
  assert_int_equal(6, info.run);
  assert_int_equal(7, info.seed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
      T(parameters_come_back_from_folders_and_files),
      T(one_file_holds_records_in_order_of_names), T(only_what_is_named_is_saved),
      T(variables_without_a_value_are_all_listed),
      T(places_that_cannot_be_written_are_unavailable), T(fluids_files_have_no_bfloat16),
      T(records_of_every_type_come_back), T(checkpoints_need_all_their_arguments),
      T(a_sealed_manifest_may_still_lie), T(a_forged_but_true_manifest_loads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
