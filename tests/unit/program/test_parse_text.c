/* Programs read from protobuf text: what print wrote, what people write, and what is
 * neither. */
#include "walk.h"

#include <math.h>

static frt_program_t *read_text(const char *text) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL;
  if (frt_program_parse_text(text, strlen(text), NULL, &p, &err) != FRT_OK)
    fail_msg("refused: %s", err.message);
  return p;
}

static void refuse_text(const char *text, frt_status_t status, frt_phase_t phase,
                        const char *message) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = (frt_program_t *)&err;
  assert_int_equal(status, frt_program_parse_text(text, strlen(text), NULL, &p, &err));
  assert_null(p);
  assert_string_equal(message, err.message);
  assert_int_equal(phase, err.phase);
}

/* ---- there and back ------------------------------------------------------------------ */

static void same_after_text(const char *where, const void *bytes, size_t n) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL, *q = NULL;
  char *text = NULL;
  void *back = NULL;
  size_t n_back = 0;
  if (frt_program_parse(bytes, n, NULL, &p, &err) != FRT_OK ||
      frt_program_to_text(p, &text, &err) != FRT_OK ||
      frt_program_parse_text(text, strlen(text), NULL, &q, &err) != FRT_OK ||
      frt_program_serialize(q, &back, &n_back, &err) != FRT_OK)
    fail_msg("%s: %s", where, err.message);
  if (n != n_back || memcmp(bytes, back, n)) fail_msg("%s: other bytes", where);
  frt_free(back);
  frt_free(text);
  frt_program_release(q);
  frt_program_release(p);
}

static void every_golden_program_survives_text(void **state) {
  FRTI_UNUSED(state);
  assert_true(walk_golden(same_after_text) >= 280);
}

static void unknown_fields_survive_text(void **state) {
  FRTI_UNUSED(state);
  bytes_t attr = attr_bytes("a", 0), op = op_bytes("relu"), p;
  const uint32_t four = 0xdeadbeefu;
  const uint64_t eight = 0x0123456789abcdefu;
  add_int(&attr, 3, 7);
  add_int(&attr, 901, -1);
  add_message(&op, 4, &attr);
  add_bytes(&op, 902, "\0\x01\xff\"\\\n", 6);
  add_varint(&op, 903 << 3 | 5), add_raw(&op, &four, 4);
  add_varint(&op, 904 << 3 | 1), add_raw(&op, &eight, 8);
  p = program_with(4, &op);
  same_after_text("unknown fields", p.b, p.n);
}

static void foreign_values_survive_text(void **state) {
  FRTI_UNUSED(state);
  bytes_t a = attr_bytes("a", 0), op = op_bytes("any");
  add_int(&a, 13, INT64_MIN); /* says INT, holds l */
  add_message(&op, 4, &a);
  a = attr_bytes("s", 2);
  add_bytes(&a, 5, "\0\xff\r\t'?", 6);
  add_message(&op, 4, &a);
  const bytes_t p = program_with(4, &op);
  same_after_text("foreign values", p.b, p.n);
}

/* ---- what people write ------------------------------------------------------------------ */

static const char HEAD[] = "blocks { idx: 0 parent_idx: -1 ops { type: \"t\" ";

static frt_attr_info_t attr_of(frt_program_t *p, uint32_t index) {
  frt_attr_info_t a;
  assert_int_equal(FRT_OK, frt_program_op_attr(p, 0, 0, index, &a, NULL));
  return a;
}

static frt_program_t *with_attrs(const char *attrs) {
  char text[2000];
  snprintf(text, sizeof text, "%s%s } }", HEAD, attrs);
  return read_text(text);
}

static void brackets_commas_and_comments_are_read(void **state) {
  FRTI_UNUSED(state);
  frt_program_t *p = read_text(
      "# a program\n"
      "blocks: < idx: 0, parent_idx: -1; # the only one\n"
      "  vars: [{ name: 'x' type { type: LOD_TENSOR lod_tensor { tensor {\n"
      "           data_type: 5 dims: [2, -1] } } } },\n"
      "         < name: 'y' type { type: 17 } >]\n"
      "  ops { type: 'relu' inputs: [{ parameter: 'X', arguments: ['x', 'y'] }] }\n"
      "  ops: []\n"
      ">");
  frt_var_info_t v;
  frt_slot_info_t s;
  assert_int_equal(FRT_OK, frt_program_find_var(p, 0, "x", &v, NULL));
  assert_int_equal(2, v.rank);
  assert_int_equal(-1, v.dims[1]);
  assert_int_equal(FRT_OK, frt_program_find_var(p, 0, "y", &v, NULL));
  assert_int_equal(FRT_VAR_RAW, v.kind);
  assert_int_equal(1, frt_program_n_ops(p, 0));
  assert_int_equal(FRT_OK, frt_program_op_input(p, 0, 0, 0, &s, NULL));
  assert_int_equal(2, s.count);
  assert_string_equal("y", s.args[1]);
  frt_program_release(p);
}

static void numbers_are_read_in_all_their_forms(void **state) {
  FRTI_UNUSED(state);
  frt_program_t *p = with_attrs(
      "attrs { name: 'a' type: INTS ints: [0x7fffffff, -2147483648, 010, -0] }"
      "attrs { name: 'b' type: FLOATS floats: [1, -.5, 2.5e3f, inf, -INFINITY, -0.0] }"
      "attrs { name: 'c' type: FLOAT64 float64: 0.1 }"
      "attrs { name: 'd' type: LONG l: -9223372036854775808 }"
      "attrs { name: 'e' type: BOOLEANS bools: [true, f, 1, False] }"
      "attrs { name: 'g' type: FLOAT f: nan }");
  const frt_attr_info_t a = attr_of(p, 0), b = attr_of(p, 1), e = attr_of(p, 4);
  assert_int_equal(INT32_MAX, a.is[0]);
  assert_int_equal(INT32_MIN, a.is[1]);
  assert_int_equal(8, a.is[2]);
  assert_true(b.fs[0] == 1 && b.fs[1] == -0.5 && b.fs[2] == 2500);
  assert_true(isinf(b.fs[3]) && b.fs[4] == -INFINITY && signbit(b.fs[5]));
  assert_true(attr_of(p, 2).f == 0.1);
  assert_true(attr_of(p, 3).i == INT64_MIN);
  assert_true(e.is[0] && !e.is[1] && e.is[2] && !e.is[3]);
  assert_true(isnan(attr_of(p, 5).f));
  frt_program_release(p);
}

static void strings_are_joined_and_unescaped(void **state) {
  FRTI_UNUSED(state);
  frt_program_t *p = with_attrs("attrs { name: 'a' type: STRING s: 'one' # and\n"
                                " \" two\\n\\t\\x41\\101\\\"\\'\\u20ac\\U0001F600\" }");
  assert_string_equal("one two\n\tAA\"'\xe2\x82\xac\xf0\x9f\x98\x80", attr_of(p, 0).s);
  frt_program_release(p);
}

/* ---- what is no program ---------------------------------------------------------------- */

static void faults_have_line_and_column(void **state) {
  FRTI_UNUSED(state);
  static const struct { const char *text, *message; } rows[] = {
      {"blocks {\n  idx: 0\n  parrent_idx: -1\n}",
       "line 3, column 3: no field 'parrent_idx' in BlockDesc; nearest is 'parent_idx'"},
      {"blocks {\n  idx: 0\n", "line 1, column 8: 'blocks' is not closed"},
      {"blocks {\n  idx: 0\n}",
       "line 1, column 8: BlockDesc: 'parent_idx' is required, but missing"},
      {"blocks { idx: 0 idx: 0 }", "line 1, column 17: 'idx' is given twice"},
      {"blocks { idx 0 }", "line 1, column 14: '0'; wanted ':'"},
      {"blocks { idx: 2147483648 }", "line 1, column 15: idx: 2147483648 does not fit 32 bits"},
      {"blocks { idx: -2147483649 }",
       "line 1, column 15: idx: -2147483649 does not fit 32 bits"},
      {"blocks { idx: 1.5 }", "line 1, column 15: idx: '1.5' is not a whole number"},
      {"blocks { idx: 09 }", "line 1, column 15: idx: '09' is not a whole number"},
      {"blocks { idx: [0] }", "line 1, column 15: '['; wanted a whole number"},
      {"blocks { vars { type { type: LOD_TENSER } } }",
       "line 1, column 30: type: no Type is called 'LOD_TENSER'; nearest is "
       "'LOD_TENSOR'"},
      {"blocks { vars { name: \"x } }", "line 1, column 23: the text ends within a string"},
      {"blocks { vars { name: \"x\n\" } }",
       "line 1, column 23: a string does not end on its line"},
      {"blocks { vars { name: \"\\q\" } }",
       "line 1, column 24: an escape that does not exist"},
      {"blocks { vars { name: '\\ud800' } }",
       "line 1, column 24: an escape that is no character"},
      {"blocks { vars { name: '\\000' } }", "line 1, column 23: name: NUL in a name"},
      {"blocks { vars { name: '\\377' } }", "line 1, column 23: name: a name is not UTF-8"},
      {"blocks { vars { name: x } }", "line 1, column 23: 'x'; wanted a string in quotes"},
      {"blocks { vars { persistable: maybe } }",
       "line 1, column 30: persistable: 'maybe'; wanted true or false"},
      {"blocks [ { idx: 0 parent_idx: -1 } ; ]", "line 1, column 36: ';'; wanted ',' or ']'"},
      {"[foo.bar] { }", "line 1, column 1: extensions are not part of the format"},
      {"}", "line 1, column 1: '}'; wanted the name of a field"},
      {"blocks { } }", "line 1, column 8: BlockDesc: 'idx' is required, but missing"},
      {"\xe2\x82\xac", "line 1, column 1: a byte 0xe2; wanted the name of a field"},
      {"version { version: 1 } 0: 1", "line 1, column 24: '0' is no field number"},
      {"99: what", "line 1, column 5: 99: 'what' is neither a number nor a string"},
  };
  for (size_t i = 0; i < FRTI_COUNT(rows); ++i)
    refuse_text(rows[i].text, FRT_DATA_LOSS, FRT_PHASE_PARSE, rows[i].message);
}

static void numbers_that_do_not_fit_are_refused(void **state) {
  FRTI_UNUSED(state);
  static const char *const bad[] = {"1e999", "1e40", "0x1p3", "1.2.3", "1e", "-", "--1",
                                    "infinite", "1,5"};
  for (size_t i = 0; i < FRTI_COUNT(bad); ++i) {
    char text[200];
    frt_error_t err = FRT_ERROR_INIT;
    frt_program_t *p;
    snprintf(text, sizeof text, "%sattrs { name: 'a' type: FLOAT f: %s } } }", HEAD, bad[i]);
    assert_int_equal(FRT_DATA_LOSS,
                     frt_program_parse_text(text, strlen(text), NULL, &p, &err));
    assert_non_null(strstr(err.message, "line 1, column"));
  }
}

static void structure_and_limits_are_checked(void **state) {
  FRTI_UNUSED(state);
  const frt_load_options_t small = {.struct_size = sizeof small, .max_ops = 1};
  const frt_load_options_t short_text = {.struct_size = sizeof small, .max_bytes = 10};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  char text[200];
  refuse_text("", FRT_INVALID_ARGUMENT, FRT_PHASE_VALIDATE, "the program has no block");
  refuse_text("blocks { idx: 1 parent_idx: -1 }", FRT_INVALID_ARGUMENT, FRT_PHASE_VALIDATE,
              "block 0: idx is 1; wanted 0, its position");
  snprintf(text, sizeof text, "%s} ops { type: 'u' } }", HEAD);
  assert_int_equal(FRT_RESOURCE_EXHAUSTED,
                   frt_program_parse_text(text, strlen(text), &small, &p, &err));
  assert_non_null(strstr(err.message, "max_ops"));
  assert_int_equal(FRT_RESOURCE_EXHAUSTED,
                   frt_program_parse_text(text, strlen(text), &short_text, &p, &err));
  assert_non_null(strstr(err.message, "max_bytes"));
}

static void nesting_is_bounded(void **state) {
  char text[4000];
  size_t n = 0;
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  FRTI_UNUSED(state);
  while (n < 3900) n += (size_t)snprintf(text + n, sizeof text - n, "99 { ");
  assert_int_equal(FRT_DATA_LOSS, frt_program_parse_text(text, n, NULL, &p, &err));
  assert_non_null(strstr(err.message, "nested too deeply"));
}

/* Every prefix, and every byte replaced by each of a few, of a text with all features. */
static void torn_texts_are_refused_or_mean_something(void **state) {
  static const char text[] =
      "blocks: <idx: 0, parent_idx: -0x1; vars: [{ name: 'x\\101' type { type: LOD_TENSOR "
      "lod_tensor { tensor { data_type: FP32 dims: [2, -1] } } } }] # c\n ops { type: 't' "
      "attrs { name: 'a' type: FLOATS floats: [1.5, inf, 1e-3f] } 99: 'u' 98 { 1: 0x00000001"
      " } } > version { version: 1 }";
  static const char other[] = {0, '"', '\'', '{', '}', '<', '>', '[', ']', '\\', '#', '9',
                               'a', '\n', (char)0xff, ':', '-'};
  char copy[sizeof text];
  FRTI_UNUSED(state);
  frt_program_release(read_text(text));
  for (size_t i = 0; i < sizeof text - 1; ++i) {
    frt_program_t *p = NULL;
    if (frt_program_parse_text(text, i, NULL, &p, NULL) == FRT_OK) frt_program_release(p);
    for (size_t k = 0; k < sizeof other; ++k) {
      memcpy(copy, text, sizeof text);
      copy[i] = other[k];
      if (frt_program_parse_text(copy, sizeof text - 1, NULL, &p, NULL) != FRT_OK) continue;
      void *bytes = NULL;
      size_t n = 0;
      assert_int_equal(FRT_OK, frt_program_serialize(p, &bytes, &n, NULL));
      frt_free(bytes);
      frt_program_release(p);
    }
  }
}

static void files_that_end_in_pbtxt_are_text(void **state) {
  char path[1200];
  const char *root = getenv("FLUIDRT_SOURCE_DIR");
  frt_program_t *a = NULL, *b = NULL;
  void *bytes = NULL;
  size_t n = 0;
  FRTI_UNUSED(state);
  snprintf(path, sizeof path, "%s/models/digits/main.pbtxt", root ? root : ".");
  assert_int_equal(FRT_OK, frt_program_load(path, NULL, &a, NULL));
  snprintf(path, sizeof path, "%s/models/digits/main.pdmodel", root ? root : ".");
  assert_int_equal(FRT_OK, frt_program_load(path, NULL, &b, NULL));
  assert_int_equal(FRT_OK, frt_program_serialize(a, &bytes, &n, NULL));
  assert_int_equal(1, frt_program_bytes_canonical(b, bytes, n));
  frt_free(bytes);
  frt_program_release(a);
  frt_program_release(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_golden_program_survives_text),
      cmocka_unit_test(unknown_fields_survive_text),
      cmocka_unit_test(foreign_values_survive_text),
      cmocka_unit_test(brackets_commas_and_comments_are_read),
      cmocka_unit_test(numbers_are_read_in_all_their_forms),
      cmocka_unit_test(strings_are_joined_and_unescaped),
      cmocka_unit_test(faults_have_line_and_column),
      cmocka_unit_test(numbers_that_do_not_fit_are_refused),
      cmocka_unit_test(structure_and_limits_are_checked),
      cmocka_unit_test(nesting_is_bounded),
      cmocka_unit_test(torn_texts_are_refused_or_mean_something),
      cmocka_unit_test(files_that_end_in_pbtxt_are_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
