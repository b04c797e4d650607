/* Programs whose parts do not fit together. */
#include "catalogue.h"

/* Refused when it is loaded. */
static void unloadable_text(const char *text, frt_status_t status, const char *word) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL;
  const frt_status_t got = frt_program_parse_text(text, strlen(text), NULL, &p, &err);
  assert_null(p);
  expect_error(got, &err, status, FRT_PHASE_VALIDATE, word);
}
static void unloadable(const char *contents, const char *word) {
  char text[4000];
  snprintf(text, sizeof text, "blocks { idx: 0 parent_idx: -1 %s }", contents);
  unloadable_text(text, FRT_INVALID_ARGUMENT, word);
}

static void block_index_is_not_the_position(void **state) {
  (void)state;
  static const char *const bad[] = {"1", "-1", "2147483647"};
  for (size_t i = 0; i < 3; ++i) {
    char text[200];
    snprintf(text, sizeof text, "blocks { idx: %s parent_idx: -1 }", bad[i]);
    unloadable_text(text, FRT_INVALID_ARGUMENT, "wanted 0, its position");
  }
  unloadable_text("blocks { idx: 0 parent_idx: -1 } blocks { idx: 0 parent_idx: 0 }",
                  FRT_INVALID_ARGUMENT, "block 1: idx is 0; wanted 1");
}

static void parent_out_of_range_self_or_loop(void **state) {
  (void)state;
  static const char *const bad[] = {"1", "7", "-1", "-2147483648"};
  char text[300];
  for (size_t i = 0; i < 4; ++i) {
    snprintf(text, sizeof text,
             "blocks { idx: 0 parent_idx: -1 } blocks { idx: 1 parent_idx: %s }", bad[i]);
    unloadable_text(text, FRT_INVALID_ARGUMENT, "parent is");
  }
  unloadable_text("blocks { idx: 0 parent_idx: -1 } blocks { idx: 1 parent_idx: 2 } "
                  "blocks { idx: 2 parent_idx: 1 }", FRT_INVALID_ARGUMENT, "loop");
}

static void forward_block_out_of_range(void **state) {
  (void)state;
  unloadable("forward_block_idx: 3", "forward_block_idx is 3");
  unloadable("forward_block_idx: -2", "forward_block_idx is -2");
}

static void sub_block_out_of_range_or_recursive(void **state) {
  (void)state;
  unloadable(OP("while", ATTR("sub_block", "BLOCK", "block_idx: 9")), "block 9");
  unloadable(OP("while", ATTR("sub_block", "BLOCK", "block_idx: -1")), "block -1");
  unloadable(OP("while", ATTR("sub_block", "BLOCK", "block_idx: 0")), "recursive");
  unloadable_text("blocks { idx: 0 parent_idx: -1 } blocks { idx: 1 parent_idx: 0 "
                  OP("while", ATTR("sub_block", "BLOCK", "block_idx: 2")) "} "
                  "blocks { idx: 2 parent_idx: 0 "
                  OP("while", ATTR("sub_block", "BLOCK", "block_idx: 1")) "}",
                  FRT_INVALID_ARGUMENT, "sub_block");
}

static void nesting_of_twenty_thousand(void **state) {
  (void)state;
  char *text = malloc(20000 * 48);
  size_t n = 0;
  assert_non_null(text);
  for (int i = 0; i < 20000; ++i)
    n += (size_t)sprintf(text + n, "blocks { idx: %d parent_idx: %d }\n", i, i - 1);
  unloadable_text(text, FRT_RESOURCE_EXHAUSTED, "max_depth");
  free(text);
}

/* Two ops of each block would share its child: the plan must not double at each level. */
static void shared_bodies(void **state) {
  (void)state;
  char text[1 << 14];
  size_t n = 0;
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL;
  for (int i = 0; i < 40; ++i) {
    n += (size_t)snprintf(text + n, sizeof text - n, "blocks { idx: %d parent_idx: %d ", i,
                          i - 1);
    if (!i)
      n += (size_t)snprintf(text + n, sizeof text - n, "%s", V("c", "BOOL", "1")
                            "vars { name: 's' type { type: STEP_SCOPES } } ");
    for (int k = 0; i < 39 && k < 2; ++k)
      n += (size_t)snprintf(text + n, sizeof text - n,
          "ops { type: 'while' %s attrs { name: 'sub_block' type: BLOCK block_idx: %d } } ",
          IN("Condition", "'c'") OUT("StepScopes", "'s'"), i + 1);
    n += (size_t)snprintf(text + n, sizeof text - n, "} ");
  }
  OK(frt_program_parse_text(text, n, NULL, &p, &err));
  check_finds(p, FRT_INVALID_ARGUMENT, "body of another op");
  expect_error(plan(p, &err), &err, FRT_INVALID_ARGUMENT, FRT_PHASE_PLAN,
               "body of another op");
  frt_program_release(p);
}

static void sub_block_as_a_number(void **state) {
  (void)state;
  REFUSED(BAD(V("c", "BOOL", "1") "vars { name: 's' type { type: STEP_SCOPES } } "
                  OP("while", IN("Condition", "'c'") OUT("StepScopes", "'s'")
                         ATTR("sub_block", "INT", "i: 1")),
              "'sub_block' is INT; wanted BLOCK"));
}

static void unknown_ops_are_all_listed(void **state) {
  (void)state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = read_block(X4 O UNARY("Relu", "") UNARY("../../etc/passwd", "")
                                    UNARY("no_op_of_this_name", ""));
  check_finds(p, FRT_UNIMPLEMENTED, "nearest is '");
  frt_findings_t *f = check(p);
  assert_int_equal(3, frt_findings_total(f, FRT_SEVERITY_ERROR));
  frt_findings_release(f);
  expect_error(plan(p, &err), &err, FRT_UNIMPLEMENTED, FRT_PHASE_PLAN, "no_op_of_this_name");
  expect_error(FRT_UNIMPLEMENTED, &err, FRT_UNIMPLEMENTED, FRT_PHASE_PLAN, "3 ops");
  frt_program_release(p);
}

static void ops_that_reach_outside(void **state) {
  (void)state;
  static const char *const types[] = {"py_func", "save", "load", "send", "listen_and_serv",
                                      "read", "save_combine", "load_combine"};
  for (size_t i = 0; i < sizeof types / sizeof *types; ++i) {
    char text[600];
    frt_error_t err = FRT_ERROR_INIT;
    snprintf(text, sizeof text, "%s ops { type: '%s' %s }", X4 O, types[i],
             IN("X", "'x'") OUT("Out", "'o'"));
    frt_program_t *p = read_block(text);
    check_finds(p, FRT_UNIMPLEMENTED, "refused");
    expect_error(plan(p, &err), &err, FRT_UNIMPLEMENTED, FRT_PHASE_PLAN, types[i]);
    frt_program_release(p);
  }
}

static void required_slots(void **state) {
  (void)state;
  REFUSED(BAD(X4 O OP("relu", OUT("Out", "'o'")), "'X' is missing"),
          BAD(X4 O OP("relu", IN("X", "") OUT("Out", "'o'")), "'X' is"),
          BAD(X4 O OP("relu", IN("X", "'x', 'x'") OUT("Out", "'o'")), "holds 2 variables"),
          BAD(X4 O OP("relu", IN("X", "'@EMPTY@'") OUT("Out", "'o'")), "'X'"),
          BAD(X4 O OP("relu", IN("X", "'x'") OUT("Out", "''")), "has no name"));
}

static void unknown_and_repeated_slots(void **state) {
  (void)state;
  REFUSED(BAD(X4 O OP("relu", IN("X", "'x'") IN("Z", "'x'") OUT("Out", "'o'")),
              "slot 'Z' is not one of relu"));
  unloadable(X4 O OP("relu", IN("X", "'x'") IN("X", "'x'") OUT("Out", "'o'")), "given twice");
}

static void undeclared_arguments(void **state) {
  (void)state;
  REFUSED(BAD(V("input", "FP32", "4") O OP("relu", IN("X", "'inputs'") OUT("Out", "'o'")),
              "nearest is 'input'"));
}

static void equal_and_unequal_declarations(void **state) {
  (void)state;
  accepted(X4 X4 V("o", "FP32", "4") UNARY("relu", ""));
  unloadable(X4 X23, "declared twice");
}

#define SGD(to) X4 V("g", "FP32", "4") V("r", "FP32", "1") V("q", "FP32", "4") \
  OP("sgd", IN("Param", "'x'") IN("Grad", "'g'") IN("LearningRate", "'r'") \
         OUT("ParamOut", to))
static void broken_in_place_pairs(void **state) {
  (void)state;
  REFUSED(BAD(SGD("'q'"), "ParamOut is 'q'; wanted 'x'"));
  accepted(SGD("'x'"));
}

static void dims_below_minus_one(void **state) {
  (void)state;
  unloadable(V("x", "FP32", "-7"), "dims[0] is -7");
  unloadable(V("x", "FP32", "-9223372036854775808"), "dims[0] is -9223372036854775808");
}

static void persistables_without_a_size(void **state) {
  (void)state;
  static const struct { const char *text, *word; } rows[] = {
      {V("x", "FP32", "-1"), "unknown extent"},
      {V("x", "FP32", "0, 3"), "no elements"},
      {V("x", "FP32", "4294967296, 4294967296"), "overflows"},
      {V("x", "FP32", "4611686018427387904"), "overflows"}};
  for (size_t i = 0; i < 4; ++i) {
    frt_program_t *p = read_block(rows[i].text);
    check_finds(p, FRT_INVALID_ARGUMENT, rows[i].word);
    frt_program_release(p);
  }
}

static void shapes_and_dtypes_that_differ(void **state) {
  (void)state;
  REFUSED(BAD(X23 V("y", "FP32", "4, 2") O BINARY("mul", ""), "[4, 2]; wanted [3, N]"),
          BAD(X23 V("y", "FP64", "3, 2") O BINARY("mul", ""), "dtype float64; wanted float32"),
          BAD(V("x", "FP32", "") V("y", "FP32", "3, 2") O BINARY("mul", ""), "x_num_col_dims"));
}

static void kinds_and_their_descriptions(void **state) {
  (void)state;
  unloadable(V("x", "LOD_TENSOR", "3"), "no element type");
  unloadable("vars { name: 'x' type { type: LOD_TENSOR } }", "without lod_tensor");
  unloadable("vars { name: 'x' type { type: SELECTED_ROWS lod_tensor { tensor { data_type: "
             "FP32 } } } }", "description of another");
}

static void lod_levels(void **state) {
  (void)state;
  static const char *const bad[] = {"-5", "2147483647"};
  for (size_t i = 0; i < 2; ++i) {
    char text[300];
    snprintf(text, sizeof text, "vars { name: 'x' type { type: LOD_TENSOR lod_tensor { "
             "tensor { data_type: FP32 } lod_level: %s } } }", bad[i]);
    unloadable(text, "lod_level is");
  }
}

static void feed_columns(void **state) {
  (void)state;
  frt_program_t *p = read_block(
      X4 "vars { name: 'feed' persistable: true type { type: FEED_MINIBATCH } } "
      OP("feed", IN("X", "'feed'") OUT("Out", "'x'") ATTR("col", "INT", "i: 0"))
      OP("feed", IN("X", "'feed'") OUT("Out", "'x'") ATTR("col", "INT", "i: 0"))
      OP("feed", IN("X", "'feed'") OUT("Out", "'x'") ATTR("col", "INT", "i: 1000000000")));
  check_finds(p, FRT_INVALID_ARGUMENT, "col 0 is that of another feed op");
  check_finds(p, FRT_INVALID_ARGUMENT, "col is 1000000000");
  frt_program_release(p);
}

static void a_call_stack_of_a_mebibyte(void **state) {
  (void)state;
  char *stack = malloc((1 << 20) + 1);
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = read_block(X4 O UNARY("clip", ""));
  assert_non_null(stack);
  memset(stack, 's', 1 << 20);
  stack[1 << 20] = 0;
  OK(frt_program_set_attr_string(p, 0, 0, "op_callstack", stack, &err));
  expect_error(plan(p, &err), &err, FRT_INVALID_ARGUMENT, FRT_PHASE_PLAN, "is missing");
  assert_null(strstr(err.message, "ssss"));
  frt_program_release(p);
  free(stack);
}

static void attributes_twice_or_without_value(void **state) {
  (void)state;
  unloadable(X4 O UNARY("relu", ATTR("a", "INT", "i: 1") ATTR("a", "INT", "i: 1")),
             "'a' is given twice");
  unloadable(X4 O UNARY("relu", ATTR("a", "77", "i: 1")), "type 77 does not exist");
  REFUSED(BAD(X4 O UNARY("softmax", ATTR("axis", "INT", "l: 1")), "INT without a value"),
          BAD(X4 O UNARY("softmax", ATTR("axis", "INT", "")), "INT without a value"));
}

static void reads_before_the_first_write(void **state) {
  (void)state;
  frt_program_t *p = read_block(
      "vars { name: 'x' type { type: LOD_TENSOR lod_tensor { tensor { data_type: FP32 dims: 4 "
      "} } } } " O UNARY("relu", "") OP("relu", IN("X", "'o'") OUT("Out", "'x'")));
  check_finds(p, FRT_INVALID_ARGUMENT, "reads 'x' before the first op that writes it");
  frt_program_release(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(block_index_is_not_the_position), /* 3b: 33 */
      cmocka_unit_test(parent_out_of_range_self_or_loop), /* 3b: 34 */
      cmocka_unit_test(forward_block_out_of_range), /* 3b: 35 */
      cmocka_unit_test(sub_block_out_of_range_or_recursive), /* 3b: 36-38 */
      cmocka_unit_test(nesting_of_twenty_thousand), /* 3b: 39 */
      cmocka_unit_test(shared_bodies),
      cmocka_unit_test(sub_block_as_a_number), /* 3b: 40 */
      cmocka_unit_test(unknown_ops_are_all_listed), /* 3b: 42 */
      cmocka_unit_test(ops_that_reach_outside), /* 3b: 43 */
      cmocka_unit_test(required_slots), /* 3b: 44, 46 */
      cmocka_unit_test(unknown_and_repeated_slots), /* 3b: 45 */
      cmocka_unit_test(undeclared_arguments), /* 3b: 47 */
      cmocka_unit_test(equal_and_unequal_declarations), /* 3b: 50, 51 */
      cmocka_unit_test(broken_in_place_pairs), /* 3b: 52 */
      cmocka_unit_test(dims_below_minus_one), /* 3b: 56 */
      cmocka_unit_test(persistables_without_a_size), /* 3b: 57, 60, 61 */
      cmocka_unit_test(shapes_and_dtypes_that_differ), /* 3b: 63, 65, 66 */
      cmocka_unit_test(kinds_and_their_descriptions), /* 3b: 67, 68 */
      cmocka_unit_test(lod_levels), /* 3b: 69 */
      cmocka_unit_test(feed_columns), /* 3b: 72 */
      cmocka_unit_test(a_call_stack_of_a_mebibyte), /* 3b: 73 */
      cmocka_unit_test(attributes_twice_or_without_value), /* 3b: 76, 77 */
      cmocka_unit_test(reads_before_the_first_write), /* 3b: 48, 49 */
  };
  return cmocka_run_group_tests(tests, open_catalogue, close_catalogue);
}
