/* Rarer things in programs: edits that are refused, values of every kind as text, kinds of
 * variables that newer programs have, a text that does not end. */
#include <math.h>

#include "bytes.h"

static frt_program_t *make(void) {
  frt_program_t *p = NULL;
  uint32_t op;
  assert_int_equal(FRT_OK, frt_program_create(&p, NULL));
  assert_int_equal(FRT_OK, frt_program_add_op(p, 0, "relu", &op, NULL));
  return p;
}

static void says(frt_status_t want, frt_status_t got, const frt_error_t *err,
                 const char *message, const char *name) {
  assert_int_equal(want, got);
  assert_string_equal(message, err->message);
  assert_string_equal(name, err->name);
}

static void variables_that_cannot_be_are_refused(void **state) {
  static const int64_t low[] = {3, -2}, ten[10] = {1};
  static const struct { frt_var_info_t v; const char *message, *name; } bad[] = {
      {{.name = NULL}, "a variable needs a name", ""},
      {{.name = ""}, "a variable needs a name", ""},
      {{.name = "v", .kind = 77}, "variable 'v': kind 77 does not exist", "v"},
      {{.name = "v", .kind = FRT_F32}, "variable 'v': kind 5 does not exist", "v"},
      {{.name = "v", .kind = FRT_VAR_RAW, .rank = 1, .dims = low},
       "variable 'v': rank 1; kind 17 has no shape", "v"},
      {{.name = "v", .dtype = -1}, "variable 'v': -1 is no dtype", "v"},
      {{.name = "v", .dtype = 19}, "variable 'v': 19 is no dtype", "v"},
      {{.name = "v", .dtype = FRT_F32, .rank = 10, .dims = ten},
       "variable 'v': rank 10; wanted 0 to 9", "v"},
      {{.name = "v", .dtype = FRT_F32, .lod_level = -1},
       "variable 'v': lod_level -1; wanted 0 or more", "v"},
      {{.name = "v", .dtype = FRT_F32, .rank = 2, .dims = low},
       "variable 'v': dims[1] is -2; wanted -1 or more", "v"}};
  frt_program_t *p = make();
  const uint64_t version = frt_program_version(p);
  (void)state;
  for (size_t i = 0; i < FRTI_COUNT(bad); ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    says(FRT_INVALID_ARGUMENT, frt_program_add_var(p, 0, &bad[i].v, &err), &err,
         bad[i].message, bad[i].name);
  }
  assert_int_equal(0, frt_program_n_vars(p, 0));
  assert_true(version == frt_program_version(p));
  frt_program_release(p);
}

static void indices_beyond_the_end_are_out_of_range(void **state) {
  frt_program_t *p = make();
  frt_error_t err = FRT_ERROR_INIT;
  const frt_var_info_t v = {.name = "v", .dtype = FRT_F32};
  frt_attr_info_t attr;
  frt_slot_info_t slot;
  frt_var_info_t var;
  (void)state;
#define BEYOND(call, message) says(FRT_OUT_OF_RANGE, call, &err, message, "")
  BEYOND(frt_program_add_var(p, 1, &v, &err), "block 1: the program has 1");
  BEYOND(frt_program_add_var(p, -1, &v, &err), "block -1: the program has 1");
  BEYOND(frt_program_add_block(p, 1, NULL, &err), "block 1: the program has 1");
  BEYOND(frt_program_add_op(p, 2, "relu", NULL, &err), "block 2: the program has 1");
  BEYOND(frt_program_set_attr_int(p, 0, 1, "a", 1, &err), "op #1: block 0 has 1");
  BEYOND(frt_program_set_attr_int(p, 3, 0, "a", 1, &err), "block 3: the program has 1");
  BEYOND(frt_program_set_input(p, 0, 9, "X", NULL, 0, &err), "op #9: block 0 has 1");
  BEYOND(frt_program_set_output(p, 0, 9, "X", NULL, 0, &err), "op #9: block 0 has 1");
#define REFUSES(call) assert_int_equal(FRT_OUT_OF_RANGE, call)
  REFUSES(frt_program_var(p, 0, 0, &var, &err));
  REFUSES(frt_program_var(p, 5, 0, &var, &err));
  REFUSES(frt_program_op_input(p, 0, 0, 0, &slot, &err));
  REFUSES(frt_program_op_input(p, 0, 7, 0, &slot, &err));
  REFUSES(frt_program_op_output(p, 0, 0, 0, &slot, &err));
  REFUSES(frt_program_op_output(p, 1, 0, 0, &slot, &err));
  REFUSES(frt_program_op_attr(p, 0, 0, 0, &attr, &err));
  REFUSES(frt_program_op_attr(p, 0, 3, 0, &attr, &err));
  assert_string_equal("", frt_program_op_type(p, 0, 1));
  assert_string_equal("", frt_program_op_type(p, 4, 0));
  assert_int_equal(0, frt_program_op_n_inputs(p, 0, 1));
  assert_int_equal(0, frt_program_op_n_outputs(p, 1, 0));
  assert_int_equal(0, frt_program_op_n_attrs(p, -1, 0));
  assert_int_equal(0, frt_program_n_vars(p, 1));
  assert_int_equal(0, frt_program_n_ops(p, -1));
  frt_program_release(p);
}

static void ops_slots_and_attributes_need_names_and_values(void **state) {
  static const char *const hole[] = {"a", NULL};
  static const int64_t big[] = {1, INT64_C(1) << 40}, blocks[] = {0};
  static const struct { frt_attr_info_t a; const char *message, *name; } bad[] = {
      {{.name = NULL, .type = FRTI_WIRE_INT}, "an attribute needs a name", ""},
      {{.name = "", .type = FRTI_WIRE_INT}, "an attribute needs a name", ""},
      {{.name = "a", .type = FRTI_WIRE_INT, .i = INT64_MAX},
       "attribute 'a': 9223372036854775807 does not fit INT, which has 32 bits", "a"},
      {{.name = "a", .type = FRTI_WIRE_INTS, .count = 2, .is = big},
       "attribute 'a': 1099511627776 does not fit INTS, which has 32 bits", "a"},
      {{.name = "a", .type = FRTI_WIRE_STRING}, "attribute 'a': the string is NULL", "a"},
      {{.name = "a", .type = FRTI_WIRE_STRINGS, .count = 2, .ss = hole},
       "attribute 'a': string 1 is NULL", "a"},
      {{.name = "a", .type = FRTI_WIRE_STRINGS, .count = 1},
       "attribute 'a': STRINGS without its list", "a"},
      {{.name = "a", .type = FRTI_WIRE_FLOATS, .count = 1},
       "attribute 'a': FLOATS without its list", "a"},
      {{.name = "a", .type = FRTI_WIRE_LONGS, .count = 1},
       "attribute 'a': LONGS without its list", "a"},
      {{.name = "a", .type = FRTI_WIRE_SCALAR}, "attribute 'a': type 16 cannot be set", "a"},
      {{.name = "a", .type = 18}, "attribute 'a': type 18 cannot be set", "a"},
      {{.name = "a", .type = -1}, "attribute 'a': type -1 cannot be set", "a"}};
  frt_program_t *p = make();
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  for (size_t i = 0; i < FRTI_COUNT(bad); ++i)
    says(FRT_INVALID_ARGUMENT, frt_program_set_attr(p, 0, 0, &bad[i].a, &err), &err,
         bad[i].message, bad[i].name);
  const frt_attr_info_t outer = {.name = "blocks", .type = FRTI_WIRE_BLOCKS, .count = 1,
                                 .is = blocks};
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_program_set_attr(p, 0, 0, &outer, &err));
  says(FRT_INVALID_ARGUMENT, frt_program_add_op(p, 0, "", NULL, &err), &err,
       "an op needs a type", "");
  says(FRT_INVALID_ARGUMENT, frt_program_add_op(p, 0, NULL, NULL, &err), &err,
       "an op needs a type", "");
  says(FRT_INVALID_ARGUMENT, frt_program_set_input(p, 0, 0, "", hole, 1, &err), &err,
       "a slot needs a name", "");
  says(FRT_INVALID_ARGUMENT, frt_program_set_output(p, 0, 0, NULL, hole, 1, &err), &err,
       "a slot needs a name", "");
  says(FRT_INVALID_ARGUMENT, frt_program_set_input(p, 0, 0, "X", hole, 2, &err), &err,
       "slot 'X': argument 1 is NULL", "");
  assert_int_equal(0, frt_program_op_n_attrs(p, 0, 0));
  assert_int_equal(0, frt_program_op_n_inputs(p, 0, 0));
  frt_program_release(p);
}

/* Every type that can be set comes back through the wire and through text. */
static void attributes_of_every_type_survive(void **state) {
  static const int64_t ints[] = {-1, 2}, flags[] = {5, 0}, blocks[] = {1};
  static const double floats[] = {0.1, -INFINITY};
  static const char *const strings[] = {"one", ""};
  static const frt_attr_info_t all[] = {
      {.name = "a0", .type = FRTI_WIRE_INT, .i = -7},
      {.name = "a1", .type = FRTI_WIRE_FLOAT, .f = 0.1},
      {.name = "a2", .type = FRTI_WIRE_STRING, .s = "text"},
      {.name = "a3", .type = FRTI_WIRE_INTS, .count = 2, .is = ints},
      {.name = "a4", .type = FRTI_WIRE_FLOATS, .count = 2, .fs = floats},
      {.name = "a5", .type = FRTI_WIRE_STRINGS, .count = 2, .ss = strings},
      {.name = "a6", .type = FRTI_WIRE_BOOLEAN, .i = 9},
      {.name = "a7", .type = FRTI_WIRE_BOOLEANS, .count = 2, .is = flags},
      {.name = "a8", .type = FRTI_WIRE_BLOCK, .i = 1},
      {.name = "a9", .type = FRTI_WIRE_LONG, .i = INT64_MIN},
      {.name = "b0", .type = FRTI_WIRE_BLOCKS, .count = 1, .is = blocks},
      {.name = "b1", .type = FRTI_WIRE_LONGS, .count = 2, .is = ints},
      {.name = "b2", .type = FRTI_WIRE_FLOAT64S, .count = 2, .fs = floats},
      {.name = "b3", .type = FRTI_WIRE_VAR, .s = "v"},
      {.name = "b4", .type = FRTI_WIRE_VARS, .count = 2, .ss = strings},
      {.name = "b5", .type = FRTI_WIRE_FLOAT64, .f = 0.1}};
  frt_program_t *p = make(), *again = NULL, *read = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  frt_attr_info_t got;
  void *bytes, *more;
  char *text;
  size_t n, n_more;
  (void)state;
  assert_int_equal(FRT_OK, frt_program_add_block(p, 0, NULL, &err));
  for (size_t i = 0; i < FRTI_COUNT(all); ++i)
    if (frt_program_set_attr(p, 0, 0, &all[i], &err)) fail_msg("%s", err.message);
  assert_int_equal(FRT_OK, frt_program_op_attr(p, 0, 0, 1, &got, &err));
  assert_true(got.f == (double)0.1f);
  assert_int_equal(FRT_OK, frt_program_op_attr(p, 0, 0, 6, &got, &err));
  assert_int_equal(1, got.i);
  assert_int_equal(FRT_OK, frt_program_op_attr(p, 0, 0, 7, &got, &err));
  assert_int_equal(1, got.is[0]);
  assert_int_equal(FRT_OK, frt_program_serialize(p, &bytes, &n, &err));
  if (frt_program_parse(bytes, n, NULL, &again, &err)) fail_msg("%s", err.message);
  assert_int_equal(1, frt_program_bytes_canonical(again, bytes, n));
  assert_int_equal(FRT_OK, frt_program_op_attr(again, 0, 0, 15, &got, &err));
  assert_int_equal(FRTI_WIRE_FLOAT64, got.type);
  assert_true(got.f == 0.1);
  assert_int_equal(FRT_OK, frt_program_op_attr(again, 0, 0, 12, &got, &err));
  assert_true(got.count == 2 && got.fs[0] == 0.1 && isinf(got.fs[1]));
  assert_int_equal(FRT_OK, frt_program_to_text(again, &text, &err));
  if (frt_program_parse_text(text, strlen(text), NULL, &read, &err))
    fail_msg("%s\n%s", err.message, text);
  assert_int_equal(FRT_OK, frt_program_serialize(read, &more, &n_more, &err));
  assert_int_equal(n, n_more);
  assert_memory_equal(bytes, more, n);
  frt_free(bytes);
  frt_free(more);
  frt_free(text);
  frt_program_release(p);
  frt_program_release(again);
  frt_program_release(read);
}

/* Kinds of newer programs with their own bodies; and with another kind's. */
static void newer_kinds_have_their_own_description(void **state) {
  static const struct { int32_t kind; uint32_t field; } kinds[] = {
      {FRT_VAR_LOD_TENSOR_ARRAY, 4}, {FRT_VAR_READER, 5}, {18, 7}, {25, 8}, {26, 9},
      {27, 10}, {30, 11}, {31, 12}};
  (void)state;
  for (size_t i = 0; i < FRTI_COUNT(kinds); ++i)
    for (int foreign = 0; foreign < 2; ++foreign) {
      bytes_t tensor = {.n = 0}, body = {.n = 0}, type = {.n = 0}, v = {.n = 0};
      const uint32_t field = foreign ? kinds[i].field == 4 ? 5 : 4 : kinds[i].field;
      frt_program_t *p = NULL;
      frt_error_t err = FRT_ERROR_INIT;
      add_int(&tensor, 1, FRT_F32);
      if (field == 4) add_message(&body, 1, &tensor);
      if (field == 11 || field == 12) body = tensor;
      add_int(&type, 1, kinds[i].kind);
      add_message(&type, field, &body);
      add_text(&v, 1, "v");
      add_message(&v, 2, &type);
      const bytes_t m = program_with(3, &v);
      const frt_status_t status = frt_program_parse(m.b, m.n, NULL, &p, &err);
      if (foreign) {
        assert_int_equal(FRT_INVALID_ARGUMENT, status);
        assert_non_null(strstr(err.message, "with the description of another"));
      } else if (status == FRT_OK) {
        writes(p, &m);
      } else if (status != FRT_INVALID_ARGUMENT && status != FRT_DATA_LOSS) {
        fail_msg("kind %d: %s", kinds[i].kind, err.message);
      }
      frt_program_release(p);
    }
}

static void a_block_that_is_no_child_is_refused_in_a_list(void **state) {
  (void)state;
  bytes_t op = op_bytes("while"), attr = attr_bytes("blocks", FRTI_WIRE_BLOCKS);
  frt_program_t *p = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  add_int(&attr, 14, 4);
  add_message(&op, 4, &attr);
  const bytes_t m = program_with(4, &op);
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_program_parse(m.b, m.n, NULL, &p, &err));
  assert_non_null(strstr(err.message, "'blocks'"));
  assert_null(p);
}

static void printed_numbers_cover_enums_and_doubles(void **state) {
  (void)state;
  /* An attribute with a field that this version does not know is kept as it came, and its
   * lists may be packed. */
  bytes_t attr = attr_bytes("f", FRTI_WIRE_INTS), op = op_bytes("o"), packed = {.n = 0};
  add_varint(&packed, 5);
  add_varint(&packed, 300);
  add_bytes(&attr, 6, packed.b, packed.n);
  add_int(&attr, 99, 1);
  add_message(&op, 4, &attr);
  const bytes_t m = program_with(4, &op);
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = accept(&m);
  char *text;
  assert_int_equal(FRT_OK, frt_program_to_text(p, &text, &err));
  if (!strstr(text, "ints: 5\n") || !strstr(text, "ints: 300\n") || !strstr(text, "99: 1"))
    fail_msg("%s", text);
  frt_free(text);
  frt_program_release(p);
}

static void packed_floats_and_doubles_print(void **state) {
  (void)state;
  const float f[] = {0.5f, -2.0f};
  const double d[] = {0.1, INFINITY};
  bytes_t attr = attr_bytes("f", FRTI_WIRE_FLOATS), more = attr_bytes("d", FRTI_WIRE_FLOAT64S);
  bytes_t op = op_bytes("o");
  frt_error_t err = FRT_ERROR_INIT;
  char *text;
  add_bytes(&attr, 7, f, sizeof f);
  add_int(&attr, 99, 1);
  add_bytes(&more, 16, d, sizeof d);
  add_int(&more, 99, 1);
  add_message(&op, 4, &attr);
  add_message(&op, 4, &more);
  const bytes_t m = program_with(4, &op);
  frt_program_t *p = accept(&m);
  assert_int_equal(FRT_OK, frt_program_to_text(p, &text, &err));
  if (!strstr(text, "floats: 0.5\n") || !strstr(text, "floats: -2\n") ||
      !strstr(text, "float64s: 0.1\n") || !strstr(text, "float64s: inf\n"))
    fail_msg("%s", text);
  frt_free(text);
  frt_program_release(p);
}

/* A text may end anywhere and may be longer than allowed. */
static void limits_hold_for_text_too(void **state) {
  static const char text[] = "blocks { idx: 0 parent_idx: -1 }";
  const frt_load_options_t small = {.struct_size = sizeof small, .max_bytes = 8};
  const frt_load_options_t half = {.struct_size = offsetof(frt_load_options_t, max_ops),
                                   .max_ops = 1};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL;
  (void)state;
  assert_int_equal(FRT_RESOURCE_EXHAUSTED,
                   frt_program_parse_text(text, sizeof text - 1, &small, &p, &err));
  assert_null(p);
  assert_int_equal(FRT_PHASE_PARSE, err.phase);
  assert_int_equal(FRT_OK, frt_program_parse_text(text, sizeof text - 1, &half, &p, &err));
  frt_program_release(p);
  frt_program_release(NULL);
  assert_null(frt_program_retain(NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(variables_that_cannot_be_are_refused),
      cmocka_unit_test(indices_beyond_the_end_are_out_of_range),
      cmocka_unit_test(ops_slots_and_attributes_need_names_and_values),
      cmocka_unit_test(attributes_of_every_type_survive),
      cmocka_unit_test(newer_kinds_have_their_own_description),
      cmocka_unit_test(a_block_that_is_no_child_is_refused_in_a_list),
      cmocka_unit_test(printed_numbers_cover_enums_and_doubles),
      cmocka_unit_test(packed_floats_and_doubles_print),
      cmocka_unit_test(limits_hold_for_text_too)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
