/* Bytes in, bytes out: exact for what is canonical, refused with offset and path for
 * what is no program. */
#include "bytes.h"

#include <stdlib.h>
#include <sys/resource.h>

/* ---- controls ---------------------------------------------------------------------- */

static void an_empty_block_round_trips(void **state) {
  FRTI_UNUSED(state);
  const bytes_t p = program_with(0, NULL);
  round_trips(&p);
}

static void unknown_fields_are_kept_at_every_level(void **state) {
  FRTI_UNUSED(state);
  bytes_t slot = slot_bytes("X", "x"), attr = attr_bytes("a", 0), op = {.n = 0};
  bytes_t block = block_bytes(0, -1), version = {.n = 0}, p = {.n = 0};
  bytes_t var = var_bytes("x", 5, -1);
  add_text(&slot, 900, "slot");
  add_int(&attr, 3, 7);
  add_int(&attr, 901, 1);
  add_message(&op, 1, &slot);
  add_text(&op, 3, "relu");
  add_message(&op, 4, &attr);
  add_int(&op, 5, 1);
  add_text(&op, 902, "op");
  add_int(&var, 5, 1);
  add_int(&var, 903, 2);
  add_message(&block, 3, &var);
  add_message(&block, 4, &op);
  add_int(&block, 5, -1);
  add_int(&block, 904, 5);
  add_message(&p, 1, &block);
  add_int(&version, 1, 1008005);
  add_int(&version, 905, 6);
  add_message(&p, 4, &version);
  add_text(&p, 906, "program");
  round_trips(&p);
  frt_program_t *q = accept(&p);
  assert_int_equal(1008005, frt_program_format_version(q));
  frt_program_release(q);
}

static void attributes_of_all_types_round_trip(void **state) {
  FRTI_UNUSED(state);
  static const struct { int32_t type; uint32_t field; int kind, times; } rows[] = {
      {0, 3, 0, 1}, {1, 4, 1, 1}, {2, 5, 2, 1}, {3, 6, 0, 3}, {4, 7, 1, 3}, {5, 8, 2, 3},
      {6, 10, 0, 1}, {7, 11, 0, 3}, {9, 13, 0, 1}, {11, 15, 0, 3}, {12, 16, 3, 3},
      {13, 17, 2, 1}, {14, 18, 2, 3}, {15, 19, 3, 1}};
  bytes_t op = op_bytes("any");
  for (size_t i = 0; i < FRTI_COUNT(rows); ++i) {
    char name[8];
    snprintf(name, sizeof name, "a%zu", i);
    bytes_t a = attr_bytes(name, rows[i].type), none = attr_bytes(name, rows[i].type);
    for (int k = 0; k < rows[i].times; ++k) {
      const float f = 0.1f;
      const double d = 0.1;
      if (rows[i].kind == 0) add_int(&a, rows[i].field, k == 0);
      if (rows[i].kind == 2) add_text(&a, rows[i].field, k ? "text" : "");
      if (rows[i].kind == 1) add_varint(&a, rows[i].field << 3 | 5), add_raw(&a, &f, 4);
      if (rows[i].kind == 3) add_varint(&a, rows[i].field << 3 | 1), add_raw(&a, &d, 8);
    }
    add_message(&op, 4, &a);
    none.b[2] = 'n'; /* the same without a value */
    add_message(&op, 4, &none);
  }
  const bytes_t p = program_with(4, &op);
  round_trips(&p);
}

static void an_attribute_with_foreign_fields_is_kept_whole(void **state) {
  FRTI_UNUSED(state);
  bytes_t a = attr_bytes("a", 0), op = op_bytes("any");
  const uint32_t signalling = 0x7fa00001u;
  add_int(&a, 13, 5); /* says INT, holds l */
  add_message(&op, 4, &a);
  a = attr_bytes("nan", 1);
  add_varint(&a, 4 << 3 | 5), add_raw(&a, &signalling, 4);
  add_message(&op, 4, &a);
  const bytes_t p = program_with(4, &op);
  round_trips(&p);
}

static void string_values_may_hold_any_bytes(void **state) {
  FRTI_UNUSED(state);
  bytes_t a = attr_bytes("engine", 2), op = op_bytes("any");
  add_bytes(&a, 5, "\0\xff\n", 3);
  add_message(&op, 4, &a);
  const bytes_t p = program_with(4, &op);
  round_trips(&p);
}

static void other_orders_and_packed_lists_become_canonical(void **state) {
  FRTI_UNUSED(state);
  bytes_t a = {.n = 0}, op = {.n = 0}, want_a = attr_bytes("a", 3), want = op_bytes("any");
  add_bytes(&a, 6, "\x01\x02", 2); /* packed, and first */
  add_int(&a, 6, 3);
  add_int(&a, 2, 3);
  add_text(&a, 1, "a");
  add_message(&op, 4, &a);
  add_text(&op, 3, "any");
  for (int i = 1; i <= 3; ++i) add_int(&want_a, 6, i);
  add_message(&want, 4, &want_a);
  const bytes_t in = program_with(4, &op), out = program_with(4, &want);
  frt_program_t *p = accept(&in);
  assert_int_equal(0, frt_program_bytes_canonical(p, in.b, in.n));
  writes(p, &out);
  frt_program_release(p);
}

/* ---- refusals ------------------------------------------------------------------------ */

static bytes_t of_text(const char *bytes, size_t n) {
  bytes_t m = {.n = 0};
  add_raw(&m, bytes, n);
  return m;
}

static void parse_fails(const char *bytes, size_t n, const char *message) {
  const bytes_t m = of_text(bytes, n);
  refuse(&m, FRT_DATA_LOSS, FRT_PHASE_PARSE, message);
}

static void other_files_are_named(void **state) {
  FRTI_UNUSED(state);
  parse_fails("PK\x03\x04....", 8,
              "not a ProgramDesc but a zip archive: offset 3: a field has number 0");
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  static const struct { const char *b; size_t n; const char *kind; } rows[] = {
      {"\x1f\x8b\x08\x00", 4, "gzip data"}, {"\x7f" "ELF\x02\x01", 6, "an ELF binary"},
      {"\x93NUMPY\x01\x00v", 9, "a numpy array"},
      {"\x80\x04\x95\x10\x00", 5, "a Python pickle"},
      {"blocks {\n  idx: 0\n}\n", 20, "a program in text form"},
      {"{\"blocks\": []}", 14, "text"}};
  for (size_t i = 0; i < FRTI_COUNT(rows); ++i) {
    assert_int_equal(FRT_DATA_LOSS,
                     frt_program_parse(rows[i].b, rows[i].n, NULL, &p, &err));
    assert_non_null(strstr(err.message, rows[i].kind));
  }
}

static void broken_wire_is_refused_at_its_offset(void **state) {
  FRTI_UNUSED(state);
  parse_fails("\x0a\x05\x08", 3,
              "not a ProgramDesc: offset 2: a length runs past the end");
  parse_fails("\x0a\x02\x08\x80", 4,
              "not a ProgramDesc: offset 4, blocks[0]: the bytes end within a number");
  parse_fails("\x00\x01", 2, "not a ProgramDesc: offset 1: a field has number 0");
  parse_fails("\x0b\x0c", 2,
              "not a ProgramDesc: offset 1: groups are not part of the format");
  parse_fails("\xf8\xff\xff\xff\xff\x01\x01", 7,
              "not a ProgramDesc: offset 5: a number is too long");
  parse_fails("\x08\x07", 2,
              "not a ProgramDesc: offset 0, blocks: wire type 0; wanted 2");
  parse_fails("\x0a\x0d\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x10\x00", 15,
              "not a ProgramDesc: offset 13, blocks[0]: a number is too long");
  parse_fails("\x0a\x07\x08\x80\x80\x80\x80\x80\x01", 9,
              "not a ProgramDesc: offset 2, blocks[0].idx: a number beyond 32 bits");
}

static void required_fields_are_demanded_by_path(void **state) {
  FRTI_UNUSED(state);
  bytes_t b = {.n = 0}, p = {.n = 0}, empty = {.n = 0}, op = op_bytes("any");
  add_int(&b, 1, 0);
  add_message(&p, 1, &b);
  refuse(&p, FRT_DATA_LOSS, FRT_PHASE_PARSE,
         "not a ProgramDesc: offset 4, blocks[0].parent_idx: required, but missing");
  p = program_with(4, &empty);
  refuse(&p, FRT_DATA_LOSS, FRT_PHASE_PARSE,
         "not a ProgramDesc: offset 17, blocks[0].ops[0].type: required, but missing");
  bytes_t a = attr_bytes("x", 0), untyped = {.n = 0};
  add_text(&untyped, 1, "y");
  add_message(&op, 4, &a);
  add_message(&op, 4, &untyped);
  p = program_with(4, &op);
  refuse(&p, FRT_DATA_LOSS, FRT_PHASE_PARSE,
         "not a ProgramDesc: offset 34, blocks[0].ops[0].attrs[1].type: required, but "
         "missing");
}

static void singular_fields_come_once(void **state) {
  FRTI_UNUSED(state);
  bytes_t op = op_bytes("any");
  add_text(&op, 3, "any");
  const bytes_t p = program_with(4, &op);
  refuse(&p, FRT_DATA_LOSS, FRT_PHASE_PARSE,
         "not a ProgramDesc: offset 22, blocks[0].ops[0].type: given twice");
}

static void names_are_text(void **state) {
  FRTI_UNUSED(state);
  bytes_t op = {.n = 0};
  add_bytes(&op, 3, "mul\0evil", 8);
  bytes_t p = program_with(4, &op);
  refuse(&p, FRT_DATA_LOSS, FRT_PHASE_PARSE,
         "not a ProgramDesc: offset 19, blocks[0].ops[0].type: NUL in a name");
  static const char *const bad[] = {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82",
                                    "\xf4\x90\x80\x80", "long enough \x80"};
  for (size_t i = 0; i < FRTI_COUNT(bad); ++i) {
    op = op_bytes(bad[i]);
    p = program_with(4, &op);
    refuse(&p, FRT_DATA_LOSS, FRT_PHASE_PARSE,
           "not a ProgramDesc: offset 19, blocks[0].ops[0].type: a name is not UTF-8");
  }
  op = op_bytes("\xe2\x82\xac\xf0\x9f\x98\x80");
  p = program_with(4, &op);
  round_trips(&p);
}

static void packed_lists_end_with_an_element(void **state) {
  FRTI_UNUSED(state);
  bytes_t a = attr_bytes("a", 4), op = op_bytes("any");
  add_bytes(&a, 7, "\0\0\0\0\0", 5);
  add_message(&op, 4, &a);
  const bytes_t p = program_with(4, &op);
  refuse(&p, FRT_DATA_LOSS, FRT_PHASE_PARSE,
         "not a ProgramDesc: offset 29, blocks[0].ops[0].attrs[0].floats: a packed list "
         "ends within an element");
}

static void every_cut_is_refused_or_leaves_whole_fields(void **state) {
  FRTI_UNUSED(state);
  bytes_t op = op_bytes("relu"), a = attr_bytes("axis", 0), v = var_bytes("x", 5, 3);
  bytes_t b = block_bytes(0, -1), p = {.n = 0};
  add_int(&a, 3, -1);
  add_message(&op, 4, &a);
  add_message(&b, 3, &v);
  add_message(&b, 4, &op);
  add_message(&p, 1, &b);
  for (size_t n = 0; n < p.n; ++n) {
    frt_program_t *q = NULL;
    frt_error_t err = FRT_ERROR_INIT;
    assert_int_not_equal(FRT_OK, frt_program_parse(p.b, n, NULL, &q, &err));
    assert_null(q);
    assert_true(err.message[0] != 0);
  }
}

/* Whatever is accepted writes bytes that are accepted and written again the same. */
static void every_bit_flip_is_refused_or_has_a_meaning(void **state) {
  FRTI_UNUSED(state);
  bytes_t op = op_bytes("relu"), a = attr_bytes("axis", 3), v = var_bytes("x", 5, 3);
  bytes_t b = block_bytes(0, -1), p = {.n = 0}, slot = slot_bytes("X", "x");
  add_int(&a, 6, -1);
  add_message(&op, 4, &a);
  add_message(&op, 1, &slot);
  add_message(&b, 3, &v);
  add_message(&b, 4, &op);
  add_message(&p, 1, &b);
  for (size_t bit = 0; bit < p.n * 8; ++bit) {
    frt_program_t *q = NULL, *again = NULL;
    void *bytes;
    size_t n;
    p.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    if (frt_program_parse(p.b, p.n, NULL, &q, NULL) == FRT_OK) {
      assert_int_equal(FRT_OK, frt_program_serialize(q, &bytes, &n, NULL));
      assert_int_equal(FRT_OK, frt_program_parse(bytes, n, NULL, &again, NULL));
      assert_true(frt_program_bytes_canonical(again, bytes, n));
      frti_free(bytes);
    }
    frt_program_release(q);
    frt_program_release(again);
    p.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
}

/* ---- limits ------------------------------------------------------------------------- */

static void exceeds(const bytes_t *m, const frt_load_options_t *o, const char *message) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  assert_int_equal(FRT_RESOURCE_EXHAUSTED, frt_program_parse(m->b, m->n, o, &p, &err));
  assert_null(p);
  assert_string_equal(message, err.message);
  assert_int_equal(FRT_PHASE_PARSE, err.phase);
}

static void limits_are_named(void **state) {
  FRTI_UNUSED(state);
  const uint32_t size = (uint32_t)sizeof(frt_load_options_t);
  bytes_t v = var_bytes("x", 5, 3), v2 = var_bytes("y", 5, 3), op = op_bytes("any");
  bytes_t b = block_bytes(0, -1), p = {.n = 0}, slot = slot_bytes("X", "x");
  add_text(&slot, 2, "y");
  add_message(&op, 1, &slot);
  add_message(&b, 3, &v);
  add_message(&b, 3, &v2);
  add_message(&b, 4, &op);
  add_message(&b, 4, &op);
  add_message(&p, 1, &b);
  exceeds(&p, &(frt_load_options_t){.struct_size = size, .max_ops = 1},
          "blocks[0]: more than 1 ops (max_ops)");
  exceeds(&p, &(frt_load_options_t){.struct_size = size, .max_vars = 1},
          "blocks[0]: more than 1 variables (max_vars)");
  exceeds(&p, &(frt_load_options_t){.struct_size = size, .max_args = 3},
          "blocks[0].ops[1].inputs[0]: more than 3 arguments (max_args)");
  exceeds(&p, &(frt_load_options_t){.struct_size = size, .max_bytes = 5},
          "the program has 85 bytes; max_bytes is 5");
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *q;
  assert_int_equal(FRT_RESOURCE_EXHAUSTED,
      frt_program_parse(p.b, p.n, &(frt_load_options_t){.struct_size = size,
                                                        .max_memory = 300}, &q, &err));
  assert_non_null(strstr(err.message, "max_memory is 300 bytes"));
}

static void rank_is_limited(void **state) {
  FRTI_UNUSED(state);
  bytes_t tensor = {.n = 0}, lod = {.n = 0}, type = {.n = 0}, v = {.n = 0};
  add_int(&tensor, 1, 5);
  for (int i = 0; i < 10; ++i) add_int(&tensor, 2, 1);
  add_message(&lod, 1, &tensor);
  add_int(&type, 1, 7);
  add_message(&type, 3, &lod);
  add_text(&v, 1, "x");
  add_message(&v, 2, &type);
  const bytes_t p = program_with(3, &v);
  exceeds(&p, NULL,
          "blocks[0].vars[0].type.lod_tensor.tensor: more than 9 dims (max_rank)");
}

/* ---- files ---------------------------------------------------------------------------- */

static void a_missing_file_is_not_found(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  assert_int_equal(FRT_NOT_FOUND, frt_program_load("/nowhere/at all", NULL, &p, &err));
  assert_null(p);
  assert_int_equal(FRT_PHASE_PARSE, err.phase);
}

static void a_folder_is_searched_for_its_model(void **state) {
  FRTI_UNUSED(state);
  char dir[] = "/tmp/frt_serde_XXXXXX", path[64];
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p, *q;
  assert_non_null(mkdtemp(dir));
  assert_int_equal(FRT_NOT_FOUND, frt_program_load(dir, NULL, &p, &err));
  assert_non_null(strstr(err.message, "holds neither __model__ nor main.pdmodel"));
  assert_int_equal(FRT_OK, frt_program_create(&p, &err));
  snprintf(path, sizeof path, "%s/main.pdmodel", dir);
  assert_int_equal(FRT_OK, frt_program_save(p, path, &err));
  assert_int_equal(FRT_OK, frt_program_load(dir, NULL, &q, &err));
  assert_int_equal(1008005, frt_program_format_version(q));
  assert_true(frt_program_uid(p) != frt_program_uid(q));
  frt_program_release(p);
  frt_program_release(q);
  assert_int_equal(0, remove(path));
  assert_int_equal(0, remove(dir));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_block_round_trips),
      cmocka_unit_test(unknown_fields_are_kept_at_every_level),
      cmocka_unit_test(attributes_of_all_types_round_trip),
      cmocka_unit_test(an_attribute_with_foreign_fields_is_kept_whole),
      cmocka_unit_test(string_values_may_hold_any_bytes),
      cmocka_unit_test(other_orders_and_packed_lists_become_canonical),
      cmocka_unit_test(other_files_are_named),
      cmocka_unit_test(broken_wire_is_refused_at_its_offset),
      cmocka_unit_test(required_fields_are_demanded_by_path),
      cmocka_unit_test(singular_fields_come_once),
      cmocka_unit_test(names_are_text),
      cmocka_unit_test(packed_lists_end_with_an_element),
      cmocka_unit_test(every_cut_is_refused_or_leaves_whole_fields),
      cmocka_unit_test(every_bit_flip_is_refused_or_has_a_meaning),
      cmocka_unit_test(limits_are_named),
      cmocka_unit_test(rank_is_limited),
      cmocka_unit_test(a_missing_file_is_not_found),
      cmocka_unit_test(a_folder_is_searched_for_its_model),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
