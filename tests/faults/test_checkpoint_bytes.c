/* Damaged parameter files and checkpoints: refused with variable and file, and the scope is
 * as it was. */
#include "faults.h"

#include <math.h>

/* Offsets in a record: version, LoD levels, version, length of the description, and the
 * description of a matrix (tag, type, tag, dim, tag, dim). */
enum { LOD_AT = 4, TENSOR_AT = 12, LENGTH_AT = 16, DESC_AT = 20, DATA_AT = 26 };

static const int64_t TWO_BY_THREE[] = {2, 3};

static struct {
  char dir[512];
  frt_runtime_t *rt;
  frt_program_t *program; /* b [3], n [1], w [2, 3] */
  frt_scope_t *scope;
} w;

static const char *at(const char *name) {
  static char path[4][1024];
  static int turn;
  char *to = path[turn++ % 4];
  snprintf(to, sizeof path[0], "%s/%s", w.dir, name);
  return to;
}

typedef struct bytes {
  unsigned char at[4096];
  size_t n;
} bytes_t;

static bytes_t get(const char *path) {
  bytes_t b = {{0}, 0};
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  b.n = fread(b.at, 1, sizeof b.at, f);
  fclose(f);
  return b;
}

static void put(const char *path, const void *bytes, size_t n) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(n, fwrite(bytes, 1, n, f));
  fclose(f);
}

static void set(frt_scope_t *s, const char *name, uint32_t rank, const int64_t *dims,
                float first) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = floats(rank, dims, first);
  OK(frt_scope_set(s, name, t, &err));
  frt_tensor_release(t);
}

static float value(frt_scope_t *s, const char *name, int i) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  OK(frt_scope_get(s, name, &t, &err));
  const float v = ((const float *)frt_tensor_data(t))[i];
  frt_tensor_release(t);
  return v;
}

/* The scope holds 100, 200, 300; the files hold 1, 2, 3. */
static void fill(frt_scope_t *s, float by) {
  set(s, "b", 1, THREE, 1 * by);
  set(s, "n", 1, ONE, 2 * by);
  set(s, "w", 2, TWO_BY_THREE, 3 * by);
}
static void unchanged(void) {
  assert_true(value(w.scope, "b", 0) == 100 && value(w.scope, "n", 0) == 200 &&
              value(w.scope, "w", 5) == 305);
}

static void fresh_files(void) {
  frt_error_t err = FRT_ERROR_INIT;
  const frt_checkpoint_info_t info = {sizeof info, 4, 5, 6};
  char command[1200];
  snprintf(command, sizeof command, "rm -rf '%s'/*", w.dir);
  assert_int_equal(0, system(command));
  fill(w.scope, 1);
  OK(frt_params_save(at("p"), w.program, w.scope, 0, NULL, 0, &err));
  OK(frt_params_save(at("all"), w.program, w.scope, 1, NULL, 0, &err));
  OK(frt_checkpoint_save(at("ck"), w.scope, &info, &err));
  fill(w.scope, 100);
}

static int setup(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  make_folder(w.dir, sizeof w.dir);
  w.rt = linked_runtime(1);
  w.program = new_program();
  var(w.program, 0, "w", FRT_F32, 2, TWO_BY_THREE, 1);
  var(w.program, 0, "b", FRT_F32, 1, THREE, 1);
  var(w.program, 0, "n", FRT_F32, 1, ONE, 1);
  OK(frt_scope_create(w.rt, &w.scope, &err));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  frt_scope_release(w.scope);
  frt_program_release(w.program);
  frt_runtime_release(w.rt);
  remove_folder(w.dir);
  return 0;
}

/* Loading `path` fails so; nothing changed. */
static void refused_params(const char *path, frt_status_t status, const char *word) {
  frt_error_t err = FRT_ERROR_INIT;
  expect_error(frt_params_load(path, w.program, w.scope, &err), &err, status,
               FRT_PHASE_CHECKPOINT, word);
  unchanged();
}
static void refused_checkpoint(const char *word) {
  frt_error_t err = FRT_ERROR_INIT;
  expect_error(frt_checkpoint_load(at("ck"), w.scope, NULL, &err), &err, FRT_DATA_LOSS,
               FRT_PHASE_CHECKPOINT, word);
  unchanged();
}
/* The file of w with `n` bytes at `offset` replaced. */
static void bad_record(size_t offset, const void *bytes, size_t n, frt_status_t status,
                       const char *word) {
  bytes_t r;
  fresh_files();
  r = get(at("p/w"));
  memcpy(r.at + offset, bytes, n);
  put(at("p/w"), r.at, r.n);
  refused_params(at("p"), status, word);
}

/* ---- lengths ------------------------------------------------------------------------------ */

static void every_cut_is_refused(void **state) {
  bytes_t r, all, ck;
  (void)state;
  fresh_files();
  r = get(at("p/w"));
  for (size_t n = 0; n < r.n; ++n) {
    put(at("p/w"), r.at, n);
    refused_params(at("p"), FRT_DATA_LOSS, "p/w'");
  }
  all = get(at("all"));
  for (size_t n = 0; n < all.n; ++n) {
    put(at("all"), all.at, n);
    refused_params(at("all"), FRT_DATA_LOSS, "record");
  }
  ck = get(at("ck/step-4/w"));
  for (size_t n = 0; n < ck.n; ++n) {
    put(at("ck/step-4/w"), ck.at, n);
    refused_checkpoint("bytes; the manifest says 50");
  }
}

static void nothing_may_follow(void **state) {
  bytes_t r, all;
  (void)state;
  fresh_files();
  r = get(at("p/w"));
  put(at("p/w"), r.at, r.n + 1); /* a zero more */
  refused_params(at("p"), FRT_DATA_LOSS, "ends at offset 50 of 51");
  memcpy(r.at + r.n, r.at, r.n); /* the same twice */
  put(at("p/w"), r.at, 2 * r.n);
  refused_params(at("p"), FRT_DATA_LOSS, "ends at offset 50 of 100");
  put(at("ck/step-4/w"), r.at, 2 * r.n);
  refused_checkpoint("has 100 bytes; the manifest says 50");
  all = get(at("all"));
  put(at("all"), all.at, all.n + 5);
  refused_params(at("all"), FRT_DATA_LOSS, "5 bytes follow the last of 3 records");
}

/* ---- the head of a record ------------------------------------------------------------------- */

static void heads_are_checked(void **state) {
  (void)state;
  bad_record(0, "\1", 1, FRT_DATA_LOSS, "LoD tensor version 1");
  bad_record(TENSOR_AT, "\0\0\0\1", 4, FRT_DATA_LOSS, "tensor version 16777216");
  bad_record(LOD_AT, "\0\0\0\0\0\0\0\x10", 8, FRT_DATA_LOSS, "LoD levels");
  bad_record(LOD_AT, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, FRT_DATA_LOSS, "LoD levels");
  bad_record(LOD_AT, "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40", 16, FRT_DATA_LOSS,
             "LoD level of 4611686018427387904 bytes");
  bad_record(LOD_AT, "\1\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0", 16, FRT_DATA_LOSS,
             "LoD level of 7 bytes");
  bad_record(LOD_AT, "\1\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff", 25,
             FRT_DATA_LOSS, "tensor record"); /* 0, 255: ascends, but then no version */
  bad_record(LOD_AT, "\1\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0", 24,
             FRT_DATA_LOSS, "do not ascend"); /* begins at 5 */
}

static void descriptions_are_checked(void **state) {
  (void)state;
  bad_record(LENGTH_AT, "\xff\xff\xff\xff", 4, FRT_DATA_LOSS, "TensorDesc of -1 bytes");
  bad_record(LENGTH_AT, "\0\0\0\x80", 4, FRT_DATA_LOSS, "TensorDesc of -2147483648 bytes");
  bad_record(LENGTH_AT, "\xff\xff\xff\x7f", 4, FRT_DATA_LOSS, "the TensorDesc");
  bad_record(LENGTH_AT, "\0\0\0\0", 4, FRT_DATA_LOSS, "data_type is missing");
  bad_record(DESC_AT, "\xba\xad\xf0\x0d\xba\xad", 6, FRT_DATA_LOSS, "TensorDesc");
}

static void types_are_compared(void **state) {
  (void)state;
  bad_record(DESC_AT + 1, "\2", 1, FRT_INVALID_ARGUMENT,
             "variable 'w' is declared float32 [2, 3], the file has int32 [2, 3]");
  bad_record(DESC_AT + 1, "\x4d", 1, FRT_DATA_LOSS, "data_type 77 is no type of elements");
  bad_record(DESC_AT + 1, "\7", 1, FRT_DATA_LOSS, "data_type 7 is no type of elements");
}

static void shapes_are_compared(void **state) {
  static const int64_t three_by_two[] = {3, 2}, six[] = {6};
  static const struct { uint32_t rank; const int64_t *dims; const char *word; } others[] = {
      {2, three_by_two, "declared float32 [2, 3], the file has float32 [3, 2]"},
      {1, six, "declared float32 [2, 3], the file has float32 [6]"}};
  (void)state;
  for (int i = 0; i < 2; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    void *bytes;
    size_t n;
    fresh_files();
    frt_tensor_t *t = floats(others[i].rank, others[i].dims, 0);
    OK(frt_paddle_tensor_serialize(t, &bytes, &n, &err));
    put(at("p/w"), bytes, n);
    frt_free(bytes);
    frt_tensor_release(t);
    refused_params(at("p"), FRT_INVALID_ARGUMENT, others[i].word);
  }
}

/* A record of that description and 64 bytes of data. */
static void announced(const char *desc, size_t n, const char *word) {
  unsigned char r[2048] = {0};
  fresh_files();
  r[LENGTH_AT] = (unsigned char)n;
  r[LENGTH_AT + 1] = (unsigned char)(n >> 8);
  memcpy(r + DESC_AT, desc, n);
  put(at("p/w"), r, DESC_AT + n + 64);
  refused_params(at("p"), FRT_DATA_LOSS, word);
}

static void extents_are_believed_by_the_bytes_there(void **state) {
  static const char minus[] = "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\1";
  char desc[1024] = "\x08\5";
  (void)state;
  memcpy(desc + 2, minus, 11);
  memcpy(desc + 13, minus, 11);
  announced(desc, 24, "negative extent"); /* their product is 1 */
  announced("\x08\5\x10\x80\x80\x80\x80\x80\x80\x80\x80\x40\x10\4", 14, "overflows");
  announced("\x08\5\x10\x80\x80\x80\x80\x80\x20", 9, "needs 4398046511104 bytes");
  for (int i = 0; i < 500; ++i) memcpy(desc + 2 + 2 * i, "\x10\1", 2);
  announced(desc, 1002, "rank above 9");
}

/* ---- flipped bits ------------------------------------------------------------------------------ */

static void a_flip_in_the_head_is_refused_or_nothing(void **state) {
  bytes_t r;
  (void)state;
  fresh_files();
  r = get(at("p/w"));
  for (size_t bit = 0; bit < 8 * DATA_AT; ++bit) {
    frt_error_t err = FRT_ERROR_INIT;
    r.at[bit / 8] ^= (unsigned char)(1u << bit % 8);
    put(at("p/w"), r.at, r.n);
    if (frt_params_load(at("p"), w.program, w.scope, &err) == FRT_OK) {
      assert_true(value(w.scope, "w", 5) == 8);
      fill(w.scope, 100);
    } else {
      assert_int_equal(FRT_PHASE_CHECKPOINT, err.phase);
      unchanged();
    }
    r.at[bit / 8] ^= (unsigned char)(1u << bit % 8);
  }
}

/* With a manifest each is noticed; Paddle's own files have none, there data is data. */
static void a_flip_in_the_data_is_noticed_by_the_manifest(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  bytes_t r, m;
  (void)state;
  fresh_files();
  r = get(at("ck/step-4/w"));
  for (size_t bit = 0; bit < 8 * r.n; ++bit) {
    r.at[bit / 8] ^= (unsigned char)(1u << bit % 8);
    put(at("ck/step-4/w"), r.at, r.n);
    refused_checkpoint("step-4/w' has changed since it was saved");
    r.at[bit / 8] ^= (unsigned char)(1u << bit % 8);
  }
  put(at("ck/step-4/w"), r.at, r.n);
  m = get(at("ck/step-4/%manifest"));
  for (size_t bit = 0; bit < 8 * m.n; ++bit) {
    m.at[bit / 8] ^= (unsigned char)(1u << bit % 8);
    put(at("ck/step-4/%manifest"), m.at, m.n);
    refused_checkpoint("manifest");
    m.at[bit / 8] ^= (unsigned char)(1u << bit % 8);
  }
  r = get(at("p/w"));
  r.at[r.n - 1] ^= 1;
  put(at("p/w"), r.at, r.n);
  OK(frt_params_load(at("p"), w.program, w.scope, &err));
}

/* ---- other files --------------------------------------------------------------------------------- */

static void a_file_of_another_variable_is_noticed(void **state) {
  bytes_t b;
  (void)state;
  fresh_files();
  b = get(at("p/b"));
  put(at("p/w"), b.at, b.n);
  refused_params(at("p"), FRT_INVALID_ARGUMENT, "the file has float32 [3]");
  b = get(at("ck/step-4/b"));
  put(at("ck/step-4/n"), b.at, b.n);
  refused_checkpoint("step-4/n' has 36 bytes; the manifest says 28");
}

static void what_is_missing_is_listed_and_more_is_ignored(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  fresh_files();
  put(at("p/extra"), "?", 1);
  put(at("ck/step-4/extra"), "?", 1);
  OK(frt_params_load(at("p"), w.program, w.scope, &err));
  OK(frt_checkpoint_load(at("ck"), w.scope, NULL, &err));
  assert_int_equal(FRT_NOT_FOUND, frt_scope_erase(w.scope, "extra", &err));
  fill(w.scope, 100);
  unlink(at("p/w"));
  unlink(at("p/b"));
  refused_params(at("p"), FRT_NOT_FOUND, "2 of 3 variables have no file: b, w");
  unlink(at("ck/step-4/n"));
  refused_checkpoint("step-4/n'");
}

static void the_last_of_three_spoils_all(void **state) {
  (void)state;
  bad_record(DESC_AT, "\xff", 1, FRT_DATA_LOSS, "p/w'"); /* b and n were read before */
}

static void files_of_other_kinds_are_refused(void **state) {
  static const struct { const char *bytes; size_t n; const char *word; } kinds[] = {
      {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\6\x08\5\x10\2\x10\3", 50, "the TensorDesc"},
      {"1.0 2.0 3.0 4.0 5.0 6.0 and so on, sixty bytes of text", 50, "LoD tensor version"},
      {"\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False}", 50, "an .npy file"},
      {"PK\3\4 and the rest of a zip file, which goes on for a while", 50, "a zip"},
      {"\x80\2}q\0(X\x10\0\0\0 and the rest of a pickled dictionary", 50, "fluid.save"}};
  (void)state;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    char padded[64] = {0};
    fresh_files();
    memcpy(padded, kinds[i].bytes, i ? strnlen(kinds[i].bytes, 50) + (i == 4 ? 10 : 0) : 26);
    put(at("p/w"), padded, 50);
    refused_params(at("p"), FRT_DATA_LOSS, kinds[i].word);
    put(at("all"), padded, 50);
    refused_params(at("all"), FRT_DATA_LOSS, kinds[i].word);
  }
}

static void a_combined_file_has_its_order(void **state) {
  bytes_t all;
  unsigned char other[4096];
  (void)state;
  fresh_files();
  all = get(at("all")); /* b: 36 bytes, n: 28, w: 50 */
  assert_int_equal(36 + 28 + 50, all.n);
  memcpy(other, all.at + 36, 28);
  memcpy(other + 28, all.at, 36);
  memcpy(other + 64, all.at + 64, 50);
  put(at("all"), other, all.n);
  refused_params(at("all"), FRT_INVALID_ARGUMENT, "record 1 of 3 at offset 0, variable 'b'");
  put(at("all"), all.at, 64);
  refused_params(at("all"), FRT_DATA_LOSS, "record 3 of 3 at offset 64, variable 'w'");
  memcpy(all.at + all.n, all.at, 36);
  put(at("all"), all.at, all.n + 36);
  refused_params(at("all"), FRT_DATA_LOSS, "36 bytes follow the last of 3 records");
}

/* ---- values ---------------------------------------------------------------------------------------- */

static void nan_is_a_value(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  const frt_executor_options_t careful = {.struct_size = sizeof careful, .check_nan = 1};
  const frt_checkpoint_info_t info = {sizeof info, 1, 1, 1};
  const frt_fetch_t fetch = {"y", 0, 0};
  frt_executor_t *exe = NULL;
  frt_tensor_t *out = NULL;
  frt_program_t *p = new_program();
  (void)state;
  fresh_files();
  set(w.scope, "b", 1, THREE, NAN);
  OK(frt_checkpoint_save(at("nan"), w.scope, &info, &err));
  fill(w.scope, 100);
  OK(frt_checkpoint_load(at("nan"), w.scope, NULL, &err));
  assert_true(isnan(value(w.scope, "b", 0)));
  var(p, 0, "b", FRT_F32, 1, THREE, 1);
  var(p, 0, "y", FRT_F32, 1, THREE, 0);
  op(p, 0, "elementwise_add", "X=b;Y=b", "Out=y");
  OK(frt_executor_create(w.rt, "cpu", &careful, &exe, &err));
  expect_error(frt_executor_run(exe, p, w.scope, NULL, 0, &fetch, 1, &out, NULL, &err), &err,
               FRT_OUT_OF_RANGE, FRT_PHASE_RUN, "nan");
  frt_executor_release(exe);
  frt_program_release(p);
}

static void one_tensor_in_two_variables_is_two(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  const frt_checkpoint_info_t info = {sizeof info, 1, 1, 1};
  frt_tensor_t *t = floats(1, THREE, 7);
  (void)state;
  fresh_files();
  OK(frt_scope_set(w.scope, "b", t, &err));
  OK(frt_scope_set(w.scope, "twin", t, &err));
  OK(frt_checkpoint_save(at("twins"), w.scope, &info, &err));
  assert_memory_equal(get(at("twins/step-1/b")).at, get(at("twins/step-1/twin")).at, 36);
  fill(w.scope, 100);
  OK(frt_checkpoint_load(at("twins"), w.scope, NULL, &err));
  set(w.scope, "twin", 1, THREE, 9); /* they share nothing */
  assert_true(value(w.scope, "b", 2) == 9 && value(w.scope, "twin", 2) == 11);
  OK(frt_scope_erase(w.scope, "twin", &err));
  frt_tensor_release(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_cut_is_refused),                          /* 3e: 169 */
      cmocka_unit_test(nothing_may_follow),                            /* 3e: 170 */
      cmocka_unit_test(heads_are_checked),                             /* 3e: 171, 172 */
      cmocka_unit_test(descriptions_are_checked),                      /* 3e: 173 */
      cmocka_unit_test(types_are_compared),                            /* 3e: 174 */
      cmocka_unit_test(shapes_are_compared),                           /* 3e: 175 */
      cmocka_unit_test(extents_are_believed_by_the_bytes_there),       /* 3e: 176 */
      cmocka_unit_test(a_flip_in_the_head_is_refused_or_nothing),      /* 3e: 177 */
      cmocka_unit_test(a_flip_in_the_data_is_noticed_by_the_manifest), /* 3e: 178 */
      cmocka_unit_test(a_file_of_another_variable_is_noticed),         /* 3e: 179 */
      cmocka_unit_test(what_is_missing_is_listed_and_more_is_ignored), /* 3e: 180 */
      cmocka_unit_test(the_last_of_three_spoils_all),                  /* 3e: 181 */
      cmocka_unit_test(files_of_other_kinds_are_refused),              /* 3e: 182 */
      cmocka_unit_test(a_combined_file_has_its_order),                 /* 3e: 183 */
      cmocka_unit_test(nan_is_a_value),                                /* 3e: 194 */
      cmocka_unit_test(one_tensor_in_two_variables_is_two)};           /* 3e: 196 */
  return cmocka_run_group_tests(tests, setup, teardown);
}
