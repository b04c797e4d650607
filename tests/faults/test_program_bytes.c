/* Bytes that are no program, almost one, or one of a size meant to hurt. */
#include "catalogue.h"

#include "unit/program/bytes.h"

static void bad(const void *b, size_t n, const frt_load_options_t *o, frt_status_t status,
                frt_phase_t phase, const char *word) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL;
  const frt_status_t got = frt_program_parse(b, n, o, &p, &err);
  assert_null(p);
  expect_error(got, &err, status, phase, word);
}
static void garbled(const void *b, size_t n, const char *word) {
  bad(b, n, NULL, FRT_DATA_LOSS, FRT_PHASE_PARSE, word);
}
static void garbled_op(const bytes_t *op, const char *word) {
  const bytes_t p = program_with(4, op);
  garbled(p.b, p.n, word);
}

static void zero_bytes(void **state) {
  (void)state;
  bad("", 0, NULL, FRT_INVALID_ARGUMENT, FRT_PHASE_VALIDATE, "no block");
}

static void files_of_other_kinds(void **state) {
  (void)state;
  static const struct { const char *b; size_t n; const char *kind; } rows[] = {
      {"PK\x03\x04....", 8, "zip"}, {"\x1f\x8b\x08\x00", 4, "gzip"},
      {"\x7f" "ELF\x02\x01", 6, "ELF"}, {"\x80\x04\x95\x10\x00", 5, "pickle"},
      {"\x93NUMPY\x01\x00v", 9, "numpy"}, {"{\"blocks\": []}", 14, "text"},
      {"blocks {\n  idx: 0\n}\n", 20, "text form"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i)
    garbled(rows[i].b, rows[i].n, rows[i].kind);
}

static void an_onnx_model(void **state) {
  (void)state;
  garbled("\x08\x07\x12\x04test", 8, "wire type");
}

static void trailing_bytes(void **state) {
  (void)state;
  bytes_t p = program_with(0, NULL);
  add_raw(&p, "\0\0\0\0", 4);
  garbled(p.b, p.n, "offset");
  p = (bytes_t){.n = 0};
  add_raw(&p, "\xef\xbb\xbf", 3);
  garbled(p.b, p.n, "text");
}

static void lengths_beyond_the_end(void **state) {
  (void)state;
  garbled("\x0a\x05\x08", 3, "past the end");
  garbled("\x0a\x80\x80\x80\x80\x08", 6, "past the end");
  garbled("\x0a\xff\xff\xff\xff\x0f", 6, "past the end");
  garbled("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10, "too long");
}

static void numbers_and_tags_that_do_not_end(void **state) {
  (void)state;
  garbled("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, "too long");
  garbled("\x0a\x02\x08\x80", 4, "end within a number");
  garbled("\xf8\xff\xff\xff\xff\x01\x01", 7, "too long");
}

static void groups_and_wire_types_that_do_not_exist(void **state) {
  (void)state;
  static uint8_t groups[100000];
  memset(groups, 0x0b, sizeof groups);
  garbled(groups, sizeof groups, "offset 1: groups");
  garbled("\x0e\x01", 2, "does not exist");
  garbled("\x0f\x01", 2, "does not exist");
  garbled("\x00\x01", 2, "number 0");
}

static void a_known_field_of_another_wire_type(void **state) {
  (void)state;
  bytes_t op = {.n = 0};
  add_int(&op, 3, 1);
  garbled_op(&op, "blocks[0].ops[0].type: wire type 0");
}

#define PART(bytes) bytes, sizeof bytes - 1
/* Every required field in turn; the block around has idx and parent_idx. */
static void required_fields(void **state) {
  static const struct { const char *b; size_t n; const char *word; } in_block[] = {
      {PART("\x1a\x04\x12\x02\x08\x07"), "vars[0].name: required"},
      {PART("\x1a\x03\x0a\x01x"), "vars[0].type: required"},
      {PART("\x1a\x05\x0a\x01x\x12\x00"), "vars[0].type.type: required"},
      {PART("\x1a\x09\x0a\x01x\x12\x04\x08\x07\x1a\x00"),
       "vars[0].type.lod_tensor.tensor: required"},
      {PART("\x1a\x0b\x0a\x01x\x12\x06\x08\x07\x1a\x02\x0a\x00"),
       "vars[0].type.lod_tensor.tensor.data_type: required"},
      {PART("\x22\x00"), "ops[0].type: required"},
      {PART("\x22\x05\x0a\x00\x1a\x01t"), "ops[0].inputs[0].parameter: required"},
      {PART("\x22\x05\x12\x00\x1a\x01t"), "ops[0].outputs[0].parameter: required"},
      {PART("\x22\x07\x1a\x01t\x22\x02\x10\x00"), "ops[0].attrs[0].name: required"},
      {PART("\x22\x08\x1a\x01t\x22\x03\x0a\x01w"), "ops[0].attrs[0].type: required"}};
  (void)state;
  garbled("\x0a\x02\x10\x00", 4, "blocks[0].idx: required");
  garbled("\x0a\x02\x08\x00", 4, "blocks[0].parent_idx: required");
  garbled("\x1a\x02\x0a\x00", 4, "op_compatible_map.pair[0].op_name: required");
  for (size_t i = 0; i < sizeof in_block / sizeof *in_block; ++i) {
    bytes_t b = block_bytes(0, -1), p = {.n = 0};
    add_raw(&b, in_block[i].b, in_block[i].n);
    add_message(&p, 1, &b);
    garbled(p.b, p.n, in_block[i].word);
  }
}

/* What a text-mode transfer makes of a program: a CR before each LF. */
static void files_with_translated_lines(void **state) {
  uint8_t *b = NULL, *crlf;
  size_t n = 0, k = 0;
  (void)state;
  assert_int_equal(FRT_OK, frti_file_read(model_path("lars_seed/main.pdmodel"), 0, &b, &n,
                                          NULL));
  crlf = malloc(2 * n);
  assert_non_null(crlf);
  for (size_t i = 0; i < n; ++i) {
    if (b[i] == '\n') crlf[k++] = '\r';
    crlf[k++] = b[i];
  }
  assert_true(k > n);
  garbled(crlf, k, "offset 0, blocks: wire type 5");
  free(crlf);
  frti_free(b);
}

static void packed_lists_that_are_cut(void **state) {
  (void)state;
  bytes_t a = attr_bytes("a", 4), b = attr_bytes("b", 3), op = op_bytes("t");
  add_bytes(&a, 7, "\0\0\0\0\0", 5);
  add_message(&op, 4, &a);
  garbled_op(&op, "ends within an element");
  op = op_bytes("t");
  add_bytes(&b, 6, "\x01\x80", 2);
  add_message(&op, 4, &b);
  garbled_op(&op, "ends within an element");
}

static void packed_and_unpacked_lists_mix(void **state) {
  (void)state;
  bytes_t a = attr_bytes("a", 3), op = op_bytes("t");
  frt_attr_info_t info;
  add_bytes(&a, 6, "\x01\x02", 2);
  add_int(&a, 6, 3);
  add_message(&op, 4, &a);
  const bytes_t m = program_with(4, &op);
  frt_program_t *p = accept(&m);
  assert_int_equal(FRT_OK, frt_program_op_attr(p, 0, 0, 0, &info, NULL));
  assert_int_equal(3, info.count);
  frt_program_release(p);
}

static void unknown_fields_are_kept(void **state) {
  (void)state;
  bytes_t p = program_with(0, NULL);
  add_text(&p, 900, "kept");
  round_trips(&p);
}

static void names_that_are_no_text(void **state) {
  (void)state;
  static const char *const names[] = {"\xff", "\xed\xa0\x80", "\xc0\x80"};
  bytes_t op = {.n = 0};
  add_bytes(&op, 3, "mul\0evil", 8);
  garbled_op(&op, "NUL in a name");
  for (size_t i = 0; i < 3; ++i) {
    op = op_bytes(names[i]);
    garbled_op(&op, "not UTF-8");
  }
}

static void names_that_steer_a_terminal(void **state) {
  (void)state;
  frt_error_t err = FRT_ERROR_INIT;
  const bytes_t op = op_bytes("\x1b[2J%n%s\x07\xc2\x9b"), m = program_with(4, &op);
  frt_program_t *p = accept(&m);
  expect_error(plan(p, &err), &err, FRT_UNIMPLEMENTED, FRT_PHASE_PLAN, "[2J%n%s");
  for (const char *s = err.message; *s; ++s) assert_true((unsigned char)*s >= 0x20);
  frt_program_release(p);
}

static void singular_fields_given_twice(void **state) {
  (void)state;
  bytes_t op = op_bytes("t"), v = var_bytes("x", 5, 1), type = {.n = 0};
  add_text(&op, 3, "u");
  garbled_op(&op, "given twice");
  add_int(&type, 1, 7);
  add_message(&v, 2, &type);
  const bytes_t p = program_with(3, &v);
  garbled(p.b, p.n, "given twice");
}

static void enum_numbers_that_do_not_exist(void **state) {
  (void)state;
  bytes_t a = attr_bytes("a", 77), op = op_bytes("t");
  add_message(&op, 4, &a);
  bytes_t p = program_with(4, &op);
  bad(p.b, p.n, NULL, FRT_INVALID_ARGUMENT, FRT_PHASE_VALIDATE, "77");
  const bytes_t v = var_bytes("x", 999, 1), w = var_bytes("x", -1, 1);
  p = program_with(3, &v);
  bad(p.b, p.n, NULL, FRT_INVALID_ARGUMENT, FRT_PHASE_VALIDATE, "999");
  p = program_with(3, &w);
  bad(p.b, p.n, NULL, FRT_INVALID_ARGUMENT, FRT_PHASE_VALIDATE, "variable 'x'");
}

static void files_that_are_no_files(void **state) {
  (void)state;
  const frt_load_options_t o = {.struct_size = sizeof o, .max_bytes = 100};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  expect_error(frt_program_load("/dev/zero", NULL, &p, &err), &err, FRT_INVALID_ARGUMENT,
               FRT_PHASE_PARSE, "not a regular file");
  expect_error(frt_program_load("/nothing/here", NULL, &p, &err), &err, FRT_NOT_FOUND,
               FRT_PHASE_PARSE, "/nothing/here");
  expect_error(frt_program_load(model_path("lars_seed/main.pdmodel"), &o, &p, &err), &err,
               FRT_RESOURCE_EXHAUSTED, FRT_PHASE_PARSE, "larger than");
}

static void any_version_loads(void **state) {
  (void)state;
  static const int64_t versions[] = {-1, 2000000, INT64_MAX};
  for (size_t i = 0; i < 3; ++i) {
    bytes_t p = program_with(0, NULL), version = {.n = 0};
    add_int(&version, 1, versions[i]);
    add_message(&p, 4, &version);
    round_trips(&p);
  }
}

/* ---- sweeps -------------------------------------------------------------------------------- */

/* What is accepted writes bytes that are accepted and written again the same, and is
 * checked and planned without harm, in whatever way that ends. */
static void has_a_meaning(const uint8_t *b, size_t n) {
  frt_program_t *p = NULL, *q = NULL;
  frt_findings_t *f = NULL;
  void *once = NULL;
  size_t n_once = 0;
  if (frt_program_parse(b, n, NULL, &p, NULL) != FRT_OK) {
    assert_null(p);
    return;
  }
  assert_int_equal(FRT_OK, frt_program_serialize(p, &once, &n_once, NULL));
  assert_int_equal(FRT_OK, frt_program_parse(once, n_once, NULL, &q, NULL));
  assert_int_equal(1, frt_program_bytes_canonical(q, once, n_once));
  assert_int_equal(FRT_OK, frt_program_check(p, NULL, &f, NULL));
  plan(p, NULL);
  frt_findings_release(f);
  frt_free(once);
  frt_program_release(q);
  frt_program_release(p);
}

static void sweep(const char *file) {
  uint8_t *b = NULL;
  size_t n = 0;
  assert_int_equal(FRT_OK, frti_file_read(model_path(file), 0, &b, &n, NULL));
  for (size_t i = 0; i < n; ++i) has_a_meaning(b, i);
  for (size_t bit = 0; bit < n * 8; ++bit) {
    b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    has_a_meaning(b, n);
    b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
  }
  frti_free(b);
}

static void every_cut_and_bit_flip_of_a_training_program(void **state) {
  (void)state;
  sweep("lars_seed/main.pdmodel");
}

static void every_cut_and_bit_flip_of_a_startup_program(void **state) {
  (void)state;
  sweep("lars_seed/startup.pdmodel");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(zero_bytes), /* 3a: 1 */
      cmocka_unit_test(files_of_other_kinds), /* 3a: 2 */
      cmocka_unit_test(an_onnx_model), /* 3a: 3 */
      cmocka_unit_test(trailing_bytes), /* 3a: 5 */
      cmocka_unit_test(lengths_beyond_the_end), /* 3a: 8 */
      cmocka_unit_test(numbers_and_tags_that_do_not_end), /* 3a: 9, 11 */
      cmocka_unit_test(groups_and_wire_types_that_do_not_exist), /* 3a: 10, 11 */
      cmocka_unit_test(a_known_field_of_another_wire_type), /* 3a: 12 */
      cmocka_unit_test(files_with_translated_lines), /* 3a: 6 */
      cmocka_unit_test(required_fields), /* 3a: 13 */
      cmocka_unit_test(packed_lists_that_are_cut), /* 3a: 14, 15 */
      cmocka_unit_test(packed_and_unpacked_lists_mix), /* 3a: 16 */
      cmocka_unit_test(unknown_fields_are_kept), /* 3a: 17 */
      cmocka_unit_test(names_that_are_no_text), /* 3a: 19, 20 */
      cmocka_unit_test(names_that_steer_a_terminal), /* 3a: 21 */
      cmocka_unit_test(singular_fields_given_twice), /* 3a: 28 */
      cmocka_unit_test(enum_numbers_that_do_not_exist), /* 3a: 29 */
      cmocka_unit_test(files_that_are_no_files), /* 3a: 31 */
      cmocka_unit_test(any_version_loads), /* 3a: 32 */
      cmocka_unit_test(every_cut_and_bit_flip_of_a_training_program), /* 3a: 4, 7 */
      cmocka_unit_test(every_cut_and_bit_flip_of_a_startup_program), /* 3a: 4, 7 */
  };
  return cmocka_run_group_tests(tests, open_catalogue, close_catalogue);
}
