/* Paddle's tensor record, byte by byte, and names of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base.h"
#include "fluidrt/io.h"

typedef struct record { uint8_t at[256]; size_t n; } record_t;

static void put(record_t *r, uint64_t v, size_t n) {
  for (size_t i = 0; i < n; ++i) r->at[r->n++] = (uint8_t)(v >> (8 * i));
}

/* A record with this TensorDesc and `data` bytes of 1, 2, 3 ... */
static record_t record(const char *desc, size_t n, size_t data) {
  record_t r = {{0}, 0};
  put(&r, 0, 4);
  put(&r, 0, 8);
  put(&r, 0, 4);
  put(&r, n, 4);
  memcpy(r.at + r.n, desc, n);
  r.n += n;
  for (size_t i = 0; i < data; ++i) put(&r, i + 1, 1);
  return r;
}
#define RECORD(desc, data) record(desc, sizeof(desc) - 1, data)

static frt_status_t parse(const record_t *r, frt_tensor_t **out, size_t *used,
                          frt_error_t *err) {
  uint8_t *copy = frti_alloc(r->n);
  memcpy(copy, r->at, r->n);
  frt_status_t s = frt_paddle_tensor_parse(copy, r->n, out, used, err);
  frti_free(copy);
  return s;
}

static void refuses(record_t r, const char *why) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  size_t used;
  assert_int_equal(parse(&r, &t, &used, &err), FRT_DATA_LOSS);
  if (!strstr(err.message, why)) fail_msg("'%s' lacks '%s'", err.message, why);
  assert_null(t);
  assert_int_equal(used, 0);
}

static void a_record_gives_its_tensor_and_length(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  size_t used;
  record_t r = RECORD("\x08\x05\x10\x01", 4);
  assert_int_equal(r.n, 28); /* float32 [1] */
  put(&r, 9, 1);             /* bytes may follow */
  assert_int_equal(parse(&r, &t, &used, &err), FRT_OK);
  assert_int_equal(used, 28);
  assert_int_equal(frt_tensor_dtype(t), FRT_F32);
  assert_int_equal(frt_tensor_rank(t), 1);
  assert_memory_equal(frt_tensor_data(t), "\1\2\3\4", 4);
  frt_tensor_release(t);
  r = RECORD("\x08\x03\x12\x02\x02\x01", 16); /* int64, packed dims [2, 1] */
  assert_int_equal(parse(&r, &t, NULL, &err), FRT_OK);
  assert_int_equal(frt_tensor_rank(t), 2);
  assert_int_equal(frt_tensor_numel(t), 2);
  frt_tensor_release(t);
}

static void every_cut_is_refused_with_its_offset(void **state) {
  FRTI_UNUSED(state);
  record_t whole = RECORD("\x08\x05\x10\x02\x10\x03", 24);
  for (size_t n = 0; n < whole.n; ++n) {
    record_t cut = whole;
    cut.n = n;
    refuses(cut, "offset");
  }
}

static void bit_flips_never_crash(void **state) {
  FRTI_UNUSED(state);
  record_t whole = RECORD("\x08\x05\x10\x02\x10\x03", 24);
  for (size_t i = 0; i < whole.n * 8; ++i) {
    record_t r = whole;
    frt_tensor_t *t;
    r.at[i / 8] ^= (uint8_t)(1u << (i % 8));
    if (parse(&r, &t, NULL, NULL) == FRT_OK) frt_tensor_release(t);
    else assert_null(t);
  }
}

static void versions_must_be_zero(void **state) {
  FRTI_UNUSED(state);
  record_t r = RECORD("\x08\x05\x10\x01", 4);
  r.at[0] = 1;
  refuses(r, "LoD tensor version 1 at offset 0, wanted 0");
  r = RECORD("\x08\x05\x10\x01", 4);
  r.at[13] = 1;
  refuses(r, "tensor version 256 at offset 12, wanted 0");
}

/* A record whose LoD part is as given, then a good rest. */
static record_t with_lod(uint64_t levels, uint64_t bytes, const uint64_t *offsets, size_t n) {
  record_t good = RECORD("\x08\x05\x10\x01", 4), r = {{0}, 0};
  put(&r, 0, 4);
  put(&r, levels, 8);
  put(&r, bytes, 8);
  for (size_t i = 0; i < n; ++i) put(&r, offsets[i], 8);
  memcpy(r.at + r.n, good.at + 12, good.n - 12);
  r.n += good.n - 12;
  return r;
}

static void lods_are_checked_then_not_read(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  record_t r = with_lod(1, 24, (uint64_t[]){0, 1, 1}, 3);
  assert_int_equal(parse(&r, &t, NULL, &err), FRT_UNIMPLEMENTED);
  assert_string_equal(err.message, "tensor record: a LoD of 1 levels is not read");
  refuses(with_lod((uint64_t)1 << 60, 0, NULL, 0), "LoD levels at offset 4");
  refuses(with_lod(UINT64_MAX, 0, NULL, 0), "LoD levels at offset 4");
  refuses(with_lod(1, (uint64_t)1 << 62, NULL, 0), "LoD level of 4611686018427387904 bytes");
  refuses(with_lod(1, 7, NULL, 0), "LoD level of 7 bytes");
  refuses(with_lod(1, 24, (uint64_t[]){0, 2, 1}, 3), "do not ascend");
  refuses(with_lod(1, 16, (uint64_t[]){1, 2}, 2), "do not ascend");
}

static void descriptions_are_decoded_strictly(void **state) {
  FRTI_UNUSED(state);
  record_t r = RECORD("\x08\x05\x10\x01", 4);
  put(&r, 0, 0);
  memset(r.at + 16, 0xff, 4);
  refuses(r, "TensorDesc of -1 bytes at offset 16");
  r.at[19] = 0x7f;
  refuses(r, "the TensorDesc needs 2147483647 bytes");
  refuses(RECORD("", 4), "data_type is missing");
  refuses(RECORD("\x10\x01", 4), "data_type is missing");
  refuses(RECORD("\x08\x05\x08\x05\x10\x01", 4), "data_type given twice");
  refuses(RECORD("\x08\x07\x10\x01", 4), "data_type 7 is no type of elements");
  refuses(RECORD("\x08\x4d\x10\x01", 4), "data_type 77 is no type of elements");
  refuses(RECORD("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x01", 4), "no number");
  refuses(RECORD("\x08\x05\x18\x01", 4), "unknown field");
  refuses(RECORD("\x08\x05\x12\x09\x01", 4), "dims run past the end");
  refuses(RECORD("\x08\x05\x10", 4), "varint without end");
  refuses(RECORD("\x08\x05\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 4), "varint");
}

static void shapes_are_compared_with_the_bytes(void **state) {
  FRTI_UNUSED(state);
  refuses(RECORD("\x08\x05\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 4),
          "negative extent");
  refuses(RECORD("\x08\x05\x10\x80\x80\x80\x80\x80\x80\x80\x80\x40\x10\x04", 4), "overflows");
  refuses(RECORD("\x08\x05\x10\x80\x80\x80\x80\x80\x80\x01", 64),
          "needs 17592186044416 bytes at offset");
  refuses(RECORD("\x08\x05\x10\x01\x10\x01\x10\x01\x10\x01\x10\x01\x10\x01\x10\x01\x10\x01"
                 "\x10\x01\x10\x01", 4), "rank above 9");
}

static void names_and_files_map_both_ways(void **state) {
  FRTI_UNUSED(state);
  static const char *const pairs[][2] = {
      {"fc_0.w_0@GRAD", "fc_0.w_0@GRAD"}, {"a/b", "a%2Fb"}, {"100%", "100%25"},
      {"../../x", "..%2F..%2Fx"}, {"%2F", "%252F"}, {"", ""},
      {"a\nb", "a%0Ab"}, {"\x7f", "%7F"}, {".", "%2E"}, {"..", "%2E%2E"}, {"...", "..."}};
  frt_error_t err = FRT_ERROR_INIT;
  char to[64];
  for (size_t i = 0; i < FRTI_COUNT(pairs); ++i) {
    assert_int_equal(frt_name_to_file(pairs[i][0], to, sizeof to, &err), FRT_OK);
    assert_string_equal(to, pairs[i][1]);
    assert_int_equal(frt_file_to_name(pairs[i][1], to, sizeof to, &err), FRT_OK);
    assert_string_equal(to, pairs[i][0]);
  }
  assert_int_equal(frt_name_to_file("a/b", to, 6, &err), FRT_OK);
  assert_int_equal(frt_name_to_file("a/b", to, 5, &err), FRT_INVALID_ARGUMENT);
  assert_int_equal(frt_file_to_name("a%2Fb", to, 4, &err), FRT_OK);
  assert_int_equal(frt_file_to_name("a%2Fb", to, 3, &err), FRT_INVALID_ARGUMENT);
  assert_string_equal(err.message, "file name 'a%2Fb': does not fit");
  assert_int_equal(frt_file_to_name("a%2fb", to, 64, &err), FRT_INVALID_ARGUMENT);
  assert_string_equal(err.message, "file name 'a%2fb': '%' without the number of a character that needs it");
  assert_int_equal(frt_file_to_name("a/b", to, 64, &err), FRT_INVALID_ARGUMENT);
  static const char *const others[] = {"%41", "%00", "%2", "%", "%0a", "a%2E", "%2E%2E%2E"};
  for (size_t i = 0; i < FRTI_COUNT(others); ++i) /* no name is written so */
    assert_int_equal(frt_file_to_name(others[i], to, 64, &err), FRT_INVALID_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_record_gives_its_tensor_and_length),
      cmocka_unit_test(every_cut_is_refused_with_its_offset),
      cmocka_unit_test(bit_flips_never_crash),
      cmocka_unit_test(versions_must_be_zero),
      cmocka_unit_test(lods_are_checked_then_not_read),
      cmocka_unit_test(descriptions_are_decoded_strictly),
      cmocka_unit_test(shapes_are_compared_with_the_bytes),
      cmocka_unit_test(names_and_files_map_both_ways),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
