/* The text form: protobuf's, field by field. */
#include "bytes.h"

#include <math.h>

static void prints(const bytes_t *m, const char *want) {
  frt_program_t *p = accept(m);
  char *text;
  assert_int_equal(FRT_OK, frt_program_to_text(p, &text, NULL));
  assert_string_equal(want, text);
  frti_free(text);
  frt_program_release(p);
}

static void blocks_variables_and_ops_print_in_wire_order(void **state) {
  FRTI_UNUSED(state);
  bytes_t op = {.n = 0}, slot = slot_bytes("X", "x"), b = block_bytes(0, -1);
  bytes_t p = {.n = 0}, v = var_bytes("x", 5, -1), version = {.n = 0};
  add_message(&op, 1, &slot);
  add_text(&op, 3, "relu");
  add_message(&b, 3, &v);
  add_message(&b, 4, &op);
  add_message(&p, 1, &b);
  add_int(&version, 1, 1008005);
  add_message(&p, 4, &version);
  prints(&p,
         "blocks {\n  idx: 0\n  parent_idx: -1\n  vars {\n    name: \"x\"\n    type {\n"
         "      type: LOD_TENSOR\n      lod_tensor {\n        tensor {\n"
         "          data_type: FP32\n          dims: -1\n        }\n      }\n    }\n"
         "  }\n  ops {\n    inputs {\n      parameter: \"X\"\n      arguments: \"x\"\n"
         "    }\n    type: \"relu\"\n  }\n}\nversion {\n  version: 1008005\n}\n");
}

static void prints_attr(const bytes_t *a, const char *want) {
  bytes_t op = op_bytes("t");
  char text[400];
  add_message(&op, 4, a);
  const bytes_t p = program_with(4, &op);
  snprintf(text, sizeof text,
           "blocks {\n  idx: 0\n  parent_idx: -1\n  ops {\n    type: \"t\"\n    attrs {\n"
           "%s    }\n  }\n}\n", want);
  prints(&p, text);
}

static bytes_t float_attr(float f) {
  bytes_t a = attr_bytes("a", 1);
  add_varint(&a, 4 << 3 | 5);
  add_raw(&a, &f, sizeof f);
  return a;
}

static void floats_are_as_short_as_they_can_be(void **state) {
  FRTI_UNUSED(state);
  static const struct { float f; const char *text; } rows[] = {
      {0.1f, "0.1"}, {1.0f / 3, "0.33333334"}, {(float)INFINITY, "inf"},
      {-(float)INFINITY, "-inf"}, {(float)NAN, "nan"}};
  for (size_t i = 0; i < FRTI_COUNT(rows); ++i) {
    char want[100];
    const bytes_t a = float_attr(rows[i].f);
    snprintf(want, sizeof want, "      name: \"a\"\n      type: FLOAT\n      f: %s\n",
             rows[i].text);
    prints_attr(&a, want);
  }
}

static void strings_are_escaped(void **state) {
  FRTI_UNUSED(state);
  bytes_t a = attr_bytes("\xc3\xa9\"\n", 2);
  add_bytes(&a, 5, "\0\\\xff", 3);
  prints_attr(&a, "      name: \"\xc3\xa9\\\"\\n\"\n      type: STRING\n"
                  "      s: \"\\000\\\\\\377\"\n");
}

static void newer_and_unknown_fields_print(void **state) {
  FRTI_UNUSED(state);
  bytes_t a = attr_bytes("a", 16), scalar = {.n = 0};
  add_int(&scalar, 1, 2);
  add_int(&scalar, 3, -5);
  add_message(&a, 20, &scalar);
  add_int(&a, 99, 6);
  prints_attr(&a, "      name: \"a\"\n      type: SCALAR\n      scalar {\n"
                  "        type: LONG\n        i: -5\n      }\n      99: 6\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_variables_and_ops_print_in_wire_order),
      cmocka_unit_test(floats_are_as_short_as_they_can_be),
      cmocka_unit_test(strings_are_escaped),
      cmocka_unit_test(newer_and_unknown_fields_print),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
