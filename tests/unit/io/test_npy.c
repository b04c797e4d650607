/* npy files: what is read, what is written, what is refused and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/base.h"
#include "fluidrt/io.h"

typedef struct bytes { uint8_t at[2048]; size_t n; } bytes_t;

/* A file of this version with this header text and `data` zero bytes. */
static bytes_t file(int version, const char *header, size_t data) {
  bytes_t b = {{0}, 0};
  size_t len = strlen(header), head = version == 1 ? 10 : 12;
  memcpy(b.at, "\x93NUMPY", 6);
  b.at[6] = (uint8_t)version;
  b.at[8] = (uint8_t)len;
  b.at[9] = (uint8_t)(len >> 8);
  memcpy(b.at + head, header, len);
  b.n = head + len + data;
  return b;
}

static frt_status_t parse(bytes_t b, frt_tensor_t **out, frt_error_t *err) {
  /* An allocation of the exact size lets the sanitizer see reads past the end. */
  uint8_t *copy = frti_alloc(b.n);
  memcpy(copy, b.at, b.n);
  frt_status_t s = frt_npy_parse(copy, b.n, out, err);
  frti_free(copy);
  return s;
}

static void accepts(int version, const char *header, size_t data, frt_dtype_t dtype,
                    uint32_t rank, int64_t numel) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  if (parse(file(version, header, data), &t, &err) != FRT_OK) fail_msg("%s", err.message);
  assert_int_equal(frt_tensor_dtype(t), dtype);
  assert_int_equal(frt_tensor_rank(t), rank);
  assert_int_equal(frt_tensor_numel(t), numel);
  frt_tensor_release(t);
}

static void refuses(const char *header, size_t data, const char *why) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  assert_int_equal(parse(file(1, header, data), &t, &err), FRT_DATA_LOSS);
  if (!strstr(err.message, why)) fail_msg("'%s' lacks '%s'", err.message, why);
  assert_null(t);
}

static void versions_spaces_and_key_orders_are_read(void **state) {
  FRTI_UNUSED(state);
  for (int v = 1; v <= 3; ++v)
    accepts(v, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", 24, FRT_F32,
            2, 6);
  accepts(1, "{\"shape\":(2L,),'descr':'<i8','fortran_order':False}", 16, FRT_I64, 1, 2);
  accepts(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (), }\n", 1, FRT_BOOL, 0, 1);
  accepts(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4), }\n", 0, FRT_F64, 2, 0);
  accepts(1, "{'descr': '<u1', 'fortran_order': False, 'shape': (3,), }\n", 3, FRT_U8, 1, 3);
}

static void other_kinds_of_data_are_refused_by_name(void **state) {
  FRTI_UNUSED(state);
  static const char *const cases[][2] = {
      {"'>f4'", "big-endian"}, {"'|O'", "Python objects"}, {"'<U5'", "text"},
      {"'|S5'", "text"}, {"'<c8'", "complex"}, {"'|V4'", "structured"},
      {"[('a', '<f4')]", "structured"}, {"'<f99'", "no dtype"}, {"''", "no dtype"},
      {"'f4'", "no dtype"}, {"4", "wanted a quoted text"}};
  for (size_t i = 0; i < FRTI_COUNT(cases); ++i) {
    char header[128];
    snprintf(header, sizeof header, "{'descr': %s, 'fortran_order': False, 'shape': (1,), }",
             cases[i][0]);
    refuses(header, 4, cases[i][1]);
  }
  refuses("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", 4, "fortran_order True");
}

static void shapes_follow_the_grammar(void **state) {
  FRTI_UNUSED(state);
  static const char *const cases[][2] = {
      {"(-1,)", "wanted an extent"}, {"(2.0,)", "wanted ','"}, {"(1+1,)", "wanted ','"},
      {"(len('a'),)", "wanted an extent"}, {"(1)", "wanted ','"}, {"[1]", "wanted '('"},
      {"((1,),)", "wanted an extent"}, {"(,)", "wanted an extent"}, {"(1,,)", "extent"},
      {"(1,1,1,1,1,1,1,1,1,1)", "rank above 9"},
      {"(99999999999999999999999999999999,)", "overflows"},
      {"(4294967296, 4294967296)", "overflows"},
      {"(9223372036854775807, 2)", "overflows"}, {"(4611686018427387904,)", "overflows"},
      {"(1000000000000,)", "needs 4000000000000 bytes"}, {"(0,)", "there are 4"},
      {"(2,)", "needs 8 bytes at offset"}, {"(1 1)", "wanted ','"}, {"(1,", "extent"}};
  for (size_t i = 0; i < FRTI_COUNT(cases); ++i) {
    char header[160];
    snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }",
             cases[i][0]);
    refuses(header, 4, cases[i][1]);
  }
}

static void keys_come_once_each(void **state) {
  FRTI_UNUSED(state);
  refuses("{'descr': '<f4', 'shape': (1,), }", 4, "key 'fortran_order' is missing");
  refuses("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4,
          "key 'descr' given twice");
  refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", 4,
          "unknown key 'x'");
  refuses("['descr']", 4, "wanted '{' at offset 10");
  refuses("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", 4, "wanted True or False");
  refuses("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + 1", 4, "text after '}'");
  refuses("{'descr", 4, "quote without end");
  refuses("{'de\\x73cr': 1}", 4, "unknown text");
  refuses("{'descr' '<f4'}", 4, "wanted ':'");
  refuses("{'descr': '<f4' 'shape': (1,)}", 4, "wanted ','");
  refuses("", 4, "wanted '{'");
}

static void every_cut_is_refused(void **state) {
  FRTI_UNUSED(state);
  for (int v = 1; v <= 3; ++v) {
    bytes_t whole =
        file(v, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24);
    for (size_t n = 0; n < whole.n; ++n) {
      frt_error_t err = FRT_ERROR_INIT;
      frt_tensor_t *t;
      bytes_t cut = whole;
      cut.n = n;
      assert_int_equal(parse(cut, &t, &err), FRT_DATA_LOSS);
      assert_non_null(strstr(err.message, "npy"));
    }
    whole.n += 1;
    frt_tensor_t *t;
    assert_int_equal(parse(whole, &t, NULL), FRT_DATA_LOSS);
  }
}

static void bit_flips_are_refused_or_harmless(void **state) {
  FRTI_UNUSED(state);
  bytes_t whole = file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24);
  for (size_t i = 0; i < whole.n * 8; ++i) {
    bytes_t b = whole;
    frt_tensor_t *t;
    b.at[i / 8] ^= (uint8_t)(1u << (i % 8));
    if (parse(b, &t, NULL) == FRT_OK) frt_tensor_release(t);
    else assert_null(t);
  }
}

static void wrong_versions_and_lengths_are_named(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  bytes_t b = file(9, "{}", 0);
  assert_int_equal(parse(b, &t, &err), FRT_DATA_LOSS);
  assert_non_null(strstr(err.message, "version 9.0"));
  b = file(2, "{}", 0);
  b.at[11] = 0xff;
  assert_int_equal(parse(b, &t, &err), FRT_DATA_LOSS);
  assert_non_null(strstr(err.message, "npy header of 4278190082 bytes"));
  b = file(1, "{}", 0);
  b.at[0] = 'P';
  assert_int_equal(parse(b, &t, &err), FRT_DATA_LOSS);
  assert_non_null(strstr(err.message, "not an npy file"));
}

static void archives_are_no_arrays(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  assert_int_equal(frt_npy_parse("PK\x03\x04\x14\0\0\0\0\0", 10, &t, &err), FRT_DATA_LOSS);
  assert_non_null(strstr(err.message, "zip archive"));
  assert_null(t);
}

static void bools_become_zero_or_one(void **state) {
  FRTI_UNUSED(state);
  frt_tensor_t *t;
  bytes_t b = file(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }", 3);
  b.at[b.n - 1] = 1;
  b.at[b.n - 2] = 200;
  assert_int_equal(parse(b, &t, NULL), FRT_OK);
  assert_memory_equal(frt_tensor_data(t), "\0\1\1", 3);
  frt_tensor_release(t);
}

static void what_is_saved_loads(void **state) {
  FRTI_UNUSED(state);
  static const frt_dtype_t dtypes[] = {FRT_BOOL, FRT_I16, FRT_I32, FRT_I64, FRT_F16,
                                       FRT_F32, FRT_F64, FRT_U8, FRT_I8};
  const int64_t dims[] = {3, 1, 2, 1, 1, 1, 1, 1, 1};
  frt_error_t err = FRT_ERROR_INIT;
  char path[] = "/tmp/frt_npy_XXXXXX";
  close(mkstemp(path));
  for (size_t i = 0; i < FRTI_COUNT(dtypes); ++i)
    for (uint32_t rank = 0; rank <= 9; ++rank) {
      frt_tensor_t *t, *back;
      uint8_t *bytes;
      size_t n;
      assert_int_equal(frt_tensor_create(dtypes[i], rank, dims, &t, NULL), FRT_OK);
      memset(frt_tensor_data(t), 1, frt_tensor_bytes(t));
      assert_int_equal(frt_npy_save(path, t, &err), FRT_OK);
      if (frt_npy_load(path, &back, &err) != FRT_OK) fail_msg("%s", err.message);
      assert_int_equal(frt_tensor_dtype(back), dtypes[i]);
      assert_int_equal(frt_tensor_rank(back), rank);
      assert_memory_equal(frt_tensor_dims(back), dims, rank * sizeof *dims);
      assert_memory_equal(frt_tensor_data(back), frt_tensor_data(t), frt_tensor_bytes(t));
      assert_int_equal(frti_file_read(path, 0, &bytes, &n, NULL), FRT_OK);
      assert_int_equal((n - frt_tensor_bytes(t)) % 64, 0);
      frti_free(bytes);
      frt_tensor_release(back);
      frt_tensor_release(t);
    }
  frt_tensor_t *half;
  frt_tensor_create(FRT_BF16, 0, NULL, &half, NULL);
  assert_int_equal(frt_npy_save(path, half, &err), FRT_UNIMPLEMENTED);
  assert_non_null(strstr(err.message, "npy has no bfloat16"));
  frt_tensor_release(half);
  unlink(path);
  assert_int_equal(frt_npy_load(path, &half, &err), FRT_NOT_FOUND);
}

static void a_bad_file_is_named(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  char path[] = "/tmp/frt_npy_XXXXXX", want[128];
  close(mkstemp(path));
  assert_int_equal(frt_npy_load(path, &t, &err), FRT_DATA_LOSS);
  snprintf(want, sizeof want, "'%s': not an npy file: wrong magic at offset 0", path);
  assert_string_equal(err.message, want);
  assert_string_equal(err.name, path);
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(versions_spaces_and_key_orders_are_read),
      cmocka_unit_test(other_kinds_of_data_are_refused_by_name), /* 3d: 155-157 */
      cmocka_unit_test(shapes_follow_the_grammar), /* 3d: 158, 159 */
      cmocka_unit_test(keys_come_once_each), /* 3d: 160 */
      cmocka_unit_test(every_cut_is_refused), /* 3d: 153 */
      cmocka_unit_test(bit_flips_are_refused_or_harmless),
      cmocka_unit_test(wrong_versions_and_lengths_are_named), /* 3d: 153, 154 */
      cmocka_unit_test(archives_are_no_arrays), /* 3d: 161 */
      cmocka_unit_test(bools_become_zero_or_one),
      cmocka_unit_test(what_is_saved_loads),
      cmocka_unit_test(a_bad_file_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
