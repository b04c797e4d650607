/* The validator: what it lists, in which words, and that it goes on. */
#include "walk.h"

#include <time.h>

#include "fluidrt/op.h"

/* ---- a small program by hand ------------------------------------------------------------ */

typedef struct maker { frt_program_t *p; int32_t block; uint32_t op; } maker_t;

static maker_t make(void) {
  maker_t m = {.p = NULL};
  assert_int_equal(FRT_OK, frt_program_create(&m.p, NULL));
  return m;
}

static void var_of(maker_t *m, const char *name, int32_t dtype, uint32_t rank,
                   const int64_t *dims, int persistable) {
  const frt_var_info_t v = {.name = name, .dtype = dtype, .rank = rank, .dims = dims,
                            .persistable = persistable};
  assert_int_equal(FRT_OK, frt_program_add_var(m->p, m->block, &v, NULL));
}
#define DIMS(...) (sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__}

static void op(maker_t *m, const char *type) {
  assert_int_equal(FRT_OK, frt_program_add_op(m->p, m->block, type, &m->op, NULL));
}
static void in(maker_t *m, const char *slot, const char *arg) {
  assert_int_equal(FRT_OK,
                   frt_program_set_input(m->p, m->block, m->op, slot, &arg, 1, NULL));
}
static void out(maker_t *m, const char *slot, const char *arg) {
  assert_int_equal(FRT_OK,
                   frt_program_set_output(m->p, m->block, m->op, slot, &arg, 1, NULL));
}
static void unary(maker_t *m, const char *type, const char *from, const char *to) {
  op(m, type);
  in(m, "X", from);
  out(m, "Out", to);
}
static void attr_int(maker_t *m, const char *name, int32_t v) {
  assert_int_equal(FRT_OK, frt_program_set_attr_int(m->p, m->block, m->op, name, v, NULL));
}

/* ---- looking at findings ----------------------------------------------------------------- */

static frt_findings_t *check_with(const frt_program_t *p, const frt_check_options_t *o) {
  frt_findings_t *f = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  assert_int_equal(FRT_OK, frt_program_check(p, o, &f, &err));
  assert_non_null(f);
  return f;
}

static void add_line(frti_str_t *s, const frt_finding_t *f) {
  frti_str_addf(s, "%s %d:%d %s%s%s\n", frt_severity_text(f->severity), f->block, f->op,
                f->op_type, f->op_type[0] ? ": " : "", f->message);
}

/* All findings, a line each, must read so. */
static void finds_with(maker_t *m, const frt_check_options_t *o, const char *want) {
  frt_findings_t *f = check_with(m->p, o);
  frti_str_t s = {0};
  for (size_t i = 0; i < frt_findings_count(f); ++i) add_line(&s, frt_findings_at(f, i));
  assert_null(frt_findings_at(f, frt_findings_count(f)));
  assert_string_equal(want, s.text ? s.text : "");
  frti_str_release(&s);
  frt_findings_release(f);
}

static void finds(maker_t *m, const char *want) {
  finds_with(m, NULL, want);
  frt_program_release(m->p);
}

/* ---- accept controls ------------------------------------------------------------------------ */

static bool knows_all(const frt_program_t *p) {
  for (int32_t b = 0; b < frt_program_n_blocks(p); ++b)
    for (uint32_t i = 0; i < frt_program_n_ops(p, b); ++i)
      if (!frt_op_find(frt_program_op_type(p, b, i))) return false;
  return true;
}

static void has_no_error(const char *where, const void *bytes, size_t n) {
  frt_program_t *p = NULL;
  assert_int_equal(FRT_OK, frt_program_parse(bytes, n, NULL, &p, NULL));
  frt_findings_t *f = check_with(p, NULL);
  for (size_t i = 0; i < frt_findings_count(f); ++i) {
    const frt_finding_t *x = frt_findings_at(f, i);
    if (x->severity == FRT_SEVERITY_NOTE) continue;
    if (knows_all(p) || !strstr(x->message, "not known"))
      fail_msg("%s: %s", where, x->message);
  }
  frt_findings_release(f);
  frt_program_release(p);
}

static void golden_programs_are_accepted(void **state) {
  FRTI_UNUSED(state);
  assert_true(walk_golden(has_no_error) >= 280);
}

static void a_sound_program_has_nothing_to_find(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  var_of(&m, "w", 5, DIMS(3), 1);
  var_of(&m, "y", 5, DIMS(3), 0);
  unary(&m, "relu", "w", "y");
  finds(&m, "");
}

/* ---- findings --------------------------------------------------------------------------------- */

static void all_unknown_ops_are_listed_with_the_nearest(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  var_of(&m, "w", 5, DIMS(3), 1);
  var_of(&m, "y", 5, DIMS(3), 0);
  unary(&m, "reluu", "w", "y");
  unary(&m, "RELU_X_Y_Z_NOTHING_LIKE_IT", "w", "y");
  unary(&m, "save", "w", "y");
  finds(&m,
        "error 0:0 reluu: this op is not known; nearest is 'relu'\n"
        "error 0:1 RELU_X_Y_Z_NOTHING_LIKE_IT: this op is not known\n"
        "error 0:2 save: refused: no program may reach files, the network or code outside "
        "of it\n");
}

static void undeclared_arguments_are_named_with_the_nearest(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  var_of(&m, "weight", 5, DIMS(3), 1);
  unary(&m, "relu", "weigth", "nothing_at_all");
  finds(&m,
        "error 0:0 relu: X names 'weigth', which no block declares; nearest is 'weight'\n"
        "error 0:0 relu: Out names 'nothing_at_all', which no block declares\n");
}

static void binding_faults_do_not_stop_the_walk(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  var_of(&m, "w", 5, DIMS(3), 1);
  var_of(&m, "y", 5, DIMS(3), 0);
  op(&m, "relu");
  out(&m, "Out", "y");
  unary(&m, "clip", "w", "y");
  finds(&m,
        "error 0:0 relu: input slot 'X' is missing; wanted a variable\n"
        "error 0:1 clip: attribute 'min' is missing; wanted FLOAT\n");
}

static void what_follows_from_a_fault_is_no_finding(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  var_of(&m, "w", 5, DIMS(2, 3), 1);
  var_of(&m, "v", 5, DIMS(4, 5), 1);
  var_of(&m, "a", 5, DIMS(2, 5), 0);
  var_of(&m, "b", 5, DIMS(9, 9), 0);
  op(&m, "mul");
  in(&m, "X", "w");
  in(&m, "Y", "v");
  out(&m, "Out", "a");
  unary(&m, "relu", "a", "b"); /* b is declared wrongly, but a's shape is not known */
  finds(&m, "error 0:0 mul: Y has shape [4, 5]; wanted [3, N] as X is [2, 3] with "
            "x_num_col_dims 1\n");
}

static void reads_before_the_first_write_are_told_from_inputs(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  var_of(&m, "x", 5, DIMS(-1, 3), 0);
  var_of(&m, "a", 5, DIMS(-1, 3), 0);
  var_of(&m, "b", 5, DIMS(-1, 3), 0);
  unary(&m, "relu", "b", "a");
  unary(&m, "relu", "x", "b");
  finds_with(&m, NULL,
        "error 0:0 relu: reads 'b' before the first op that writes it, block 0 op #1 relu\n"
        "note 0:1 relu: reads 'x', which no op writes: an input, float32 [-1, 3]\n");
  const char *feeds[] = {"b"}, *wrong[] = {"bb", "x"};
  const frt_check_options_t o = {.struct_size = sizeof o, .feeds = feeds, .n_feeds = 1};
  finds_with(&m, &o, "error 0:1 relu: reads 'x', which no op writes and which is not fed\n");
  const frt_check_options_t w = {.struct_size = sizeof w, .feeds = wrong, .n_feeds = 2,
                                 .fetches = wrong, .n_fetches = 1};
  finds_with(&m, &w,
        "error -1:-1 feed 'bb': not in block 0; nearest is 'b'\n"
        "error 0:0 relu: reads 'b' before the first op that writes it, block 0 op #1 relu\n"
        "error -1:-1 fetch 'bb': not in block 0; nearest is 'b'\n");
  frt_program_release(m.p);
}

static void an_op_that_reads_its_own_output_is_found(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  var_of(&m, "a", 5, DIMS(3), 0);
  unary(&m, "relu", "a", "a");
  finds(&m, "error 0:0 relu: reads 'a' before the first op that writes it, block 0 op #0 "
            "relu\n");
}

static void lars(maker_t *m, const char *param_out, const char *velocity_out) {
  var_of(m, "p", 5, DIMS(4, 3), 1);
  var_of(m, "g", 5, DIMS(4, 3), 1);
  var_of(m, "v", 5, DIMS(4, 3), 1);
  var_of(m, "lr", 5, DIMS(1), 1);
  op(m, "lars_momentum");
  in(m, "Param", "p");
  in(m, "Grad", "g");
  in(m, "Velocity", "v");
  in(m, "LearningRate", "lr");
  out(m, "ParamOut", param_out);
  out(m, "VelocityOut", velocity_out);
  assert_int_equal(FRT_OK, frt_program_set_attr_f32(m->p, 0, m->op, "mu", 0.9f, NULL));
}

static void broken_in_place_pairs_name_both_variables(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  lars(&m, "v", "p");
  finds(&m,
        "error 0:0 lars_momentum: ParamOut is 'v'; wanted 'p', the variable of Param: the "
        "op works in place\n"
        "error 0:0 lars_momentum: VelocityOut is 'p'; wanted 'v', the variable of "
        "Velocity: the op works in place\n");
}

static void a_declaration_that_contradicts_is_a_warning(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  var_of(&m, "w", 5, DIMS(2, 3), 1);
  var_of(&m, "t", 5, DIMS(3, 2), 0);
  var_of(&m, "q", 5, DIMS(2, 4), 1);
  unary(&m, "relu", "w", "t");
  unary(&m, "relu", "t", "q"); /* the inferred shape counts */
  finds_with(&m, NULL,
        "warning 0:0 relu: writes float32 [2, 3] to 't', which is declared as float32 "
        "[3, 2]\n"
        "error 0:1 relu: writes float32 [2, 3] to 'q', which is declared as float32 "
        "[2, 4]\n");
  const frt_check_options_t strict = {.struct_size = sizeof strict, .strict = 1};
  frt_findings_t *f = check_with(m.p, &strict);
  assert_int_equal(2, frt_findings_total(f, FRT_SEVERITY_ERROR));
  assert_int_equal(0, frt_findings_total(f, FRT_SEVERITY_WARNING));
  frt_findings_release(f);
  frt_program_release(m.p);
}

static void unknown_attributes_are_notes_or_strict_errors(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  var_of(&m, "w", 5, DIMS(3), 1);
  var_of(&m, "y", 5, DIMS(3), 0);
  unary(&m, "relu", "w", "y");
  attr_int(&m, "slope", 1);
  attr_int(&m, "op_role", 0);
  finds_with(&m, NULL, "note 0:0 relu: attribute 'slope' is not one of relu and has no "
                       "meaning here\n");
  const frt_check_options_t strict = {.struct_size = sizeof strict, .strict = 1};
  finds_with(&m, &strict, "error 0:0 relu: attribute 'slope' is not one of relu and has no "
                          "meaning here\n");
  frt_program_release(m.p);
}

static void persistables_have_a_size(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  var_of(&m, "a", 5, DIMS(-1, 3), 1);
  var_of(&m, "b", 5, DIMS(0, 3), 1);
  var_of(&m, "c", 5, DIMS(INT64_MAX, 3), 1);
  var_of(&m, "d", 5, DIMS(INT64_C(1) << 62), 1);
  finds(&m,
        "error 0:-1 the persistable 'a' has shape [-1, 3]: an unknown extent\n"
        "error 0:-1 the persistable 'b' has shape [0, 3]: no elements\n"
        "error 0:-1 the persistable 'c' has shape [9223372036854775807, 3]: a size that "
        "overflows 64 bits\n"
        "error 0:-1 the persistable 'd' has shape [4611686018427387904]: a size that "
        "overflows 64 bits\n");
}

static void only_dense_tensors_are_computed_with(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  const frt_var_info_t rows = {.name = "s", .kind = FRT_VAR_SELECTED_ROWS, .dtype = 5,
                               .rank = 1, .dims = (int64_t[]){3}};
  const frt_var_info_t lod = {.name = "l", .dtype = 5, .rank = 1, .dims = (int64_t[]){3},
                              .lod_level = 1};
  assert_int_equal(FRT_OK, frt_program_add_var(m.p, 0, &rows, NULL));
  assert_int_equal(FRT_OK, frt_program_add_var(m.p, 0, &lod, NULL));
  unary(&m, "relu", "s", "l");
  unary(&m, "relu", "s", "l");
  finds(&m,
        "error 0:0 relu: variable 's' is of kind 8; only dense LOD_TENSORs are run\n"
        "error 0:0 relu: variable 'l' has lod_level 1; only dense tensors are run\n");
}

/* ---- feed and fetch, bodies ---------------------------------------------------------------------- */

static void holder(maker_t *m, const char *type, const char *from, const char *to, int col) {
  unary(m, type, from, to);
  attr_int(m, "col", col);
}

static void feed_columns_are_distinct_and_in_range(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  const frt_var_info_t feed = {.name = "feed", .kind = FRT_VAR_FEED_MINIBATCH,
                               .dtype = -1, .persistable = 1};
  assert_int_equal(FRT_OK, frt_program_add_var(m.p, 0, &feed, NULL));
  var_of(&m, "x", 5, DIMS(3), 0);
  var_of(&m, "y", 5, DIMS(3), 0);
  holder(&m, "feed", "feed", "x", 0);
  holder(&m, "feed", "feed", "y", 0);
  holder(&m, "feed", "feed", "y", 1000000000);
  holder(&m, "feed", "feed", "y", -1);
  finds(&m,
        "error 0:1 feed: col 0 is that of another feed op, too\n"
        "error 0:2 feed: col is 1000000000; wanted 0 to 3, as there are 4 feed ops\n"
        "error 0:3 feed: attribute 'col' is -1; wanted 0 to 2.14748e+09\n");
}

static int32_t body_of(maker_t *m, const char *type, const char *slot, int32_t block) {
  const frt_attr_info_t sub = {.name = "sub_block", .type = 8, .count = 1, .i = block};
  op(m, type);
  in(m, slot, "c");
  assert_int_equal(FRT_OK, frt_program_set_attr(m->p, m->block, m->op, &sub, NULL));
  if (!strcmp(type, "conditional_block"))
    assert_int_equal(FRT_OK, frt_program_set_attr_bool(m->p, m->block, m->op,
                                                       "is_scalar_condition", 1, NULL));
  return block;
}

static void bodies_are_walked_where_they_run(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  const frt_var_info_t scope = {.name = "s", .kind = FRT_VAR_STEP_SCOPES, .dtype = -1};
  int32_t inner;
  assert_int_equal(FRT_OK, frt_program_add_block(m.p, 0, &inner, NULL));
  assert_int_equal(FRT_OK, frt_program_add_var(m.p, 0, &scope, NULL));
  var_of(&m, "c", 5, DIMS(1), 1);
  var_of(&m, "a", 5, DIMS(3), 0);
  var_of(&m, "w", 5, DIMS(3), 1);
  body_of(&m, "conditional_block", "Cond", inner);
  out(&m, "Scope", "s");
  unary(&m, "relu", "a", "a");
  body_of(&m, "conditional_block", "Cond", inner);
  out(&m, "Scope", "s");
  m.block = inner;
  unary(&m, "no_such_op", "w", "a");
  finds(&m,
        "error 0:0 conditional_block: Cond is 'c', a float32 of 1 elements; wanted one "
        "bool\n"
        "error 1:0 no_such_op: this op is not known\n"
        "error 0:2 conditional_block: Cond is 'c', a float32 of 1 elements; wanted one "
        "bool\n"
        "error 0:2 conditional_block: sub_block 1 is the body of another op, too\n");
}

static void only_scalar_conditions_are_run(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  const frt_var_info_t scope = {.name = "s", .kind = FRT_VAR_STEP_SCOPES, .dtype = -1};
  int32_t inner;
  assert_int_equal(FRT_OK, frt_program_add_block(m.p, 0, &inner, NULL));
  assert_int_equal(FRT_OK, frt_program_add_var(m.p, 0, &scope, NULL));
  var_of(&m, "c", FRT_BOOL, DIMS(1), 1);
  body_of(&m, "conditional_block", "Cond", inner);
  out(&m, "Scope", "s");
  assert_int_equal(FRT_OK, frt_program_set_attr_bool(m.p, 0, m.op, "is_scalar_condition", 0,
                                                     NULL));
  finds(&m, "error 0:0 conditional_block: is_scalar_condition is false; only a scalar "
            "condition is run\n");
}

static void a_fetch_that_nothing_writes_is_found(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  const char *fetches[] = {"y", "w", "z"};
  const frt_check_options_t o = {.struct_size = sizeof o, .fetches = fetches, .n_fetches = 3};
  var_of(&m, "w", 5, DIMS(3), 1);
  var_of(&m, "y", 5, DIMS(3), 0);
  var_of(&m, "z", 5, DIMS(3), 0);
  unary(&m, "relu", "w", "z");
  finds_with(&m, &o, "error -1:-1 fetch 'y': no op writes it and it is not fed\n");
  frt_program_release(m.p);
}

static void unknown_ops_in_unreached_blocks_are_listed(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  assert_int_equal(FRT_OK, frt_program_add_block(m.p, 0, &m.block, NULL));
  op(&m, "no_such_op");
  finds(&m, "error 1:0 no_such_op: this op is not known\n");
}

/* ---- bounds ----------------------------------------------------------------------------------------- */

static void findings_beyond_the_bound_are_counted(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  const frt_check_options_t o = {.struct_size = sizeof o, .max_findings = 2};
  for (int i = 0; i < 5; ++i) op(&m, "no_such_op");
  frt_findings_t *f = check_with(m.p, &o);
  assert_int_equal(2, frt_findings_count(f));
  assert_int_equal(5, frt_findings_total(f, FRT_SEVERITY_ERROR));
  frt_findings_release(f);
  frt_program_release(m.p);
}

static void names_cannot_steer_a_terminal(void **state) {
  FRTI_UNUSED(state);
  maker_t m = make();
  op(&m, "\x1b[2J%n%s\xc2\x9b");
  finds(&m, "error 0:0 ?[2J%n%s??: this op is not known\n");
}

/* A chain of n ops over n variables, each with one undeclared argument's worth of work. */
static double time_of(uint32_t n, bool broken) {
  maker_t m = make();
  char from[32] = "v0", to[32];
  var_of(&m, "v0", 5, DIMS(3), 1);
  for (uint32_t i = 1; i <= n; ++i) {
    snprintf(to, sizeof to, "v%u", i);
    var_of(&m, to, 5, DIMS(3), 0);
    unary(&m, broken ? "relv" : "relu", broken ? "undeclared" : from, to);
    memcpy(from, to, sizeof to);
  }
  const clock_t start = clock(); /* of this process: the machine may be busy */
  frt_findings_t *f = check_with(m.p, NULL);
  const double took = (double)(clock() - start) / CLOCKS_PER_SEC;
  assert_int_equal(broken ? 2 * n : 0, frt_findings_total(f, FRT_SEVERITY_ERROR));
  frt_findings_release(f);
  frt_program_release(m.p);
  return took;
}

static void a_hundred_thousand_ops_take_less_than_two_seconds(void **state) {
  FRTI_UNUSED(state);
  assert_true(time_of(100000, false) < 2);
  assert_true(time_of(100000, true) < 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(golden_programs_are_accepted),
      cmocka_unit_test(a_sound_program_has_nothing_to_find),
      cmocka_unit_test(all_unknown_ops_are_listed_with_the_nearest),
      cmocka_unit_test(undeclared_arguments_are_named_with_the_nearest),
      cmocka_unit_test(binding_faults_do_not_stop_the_walk),
      cmocka_unit_test(what_follows_from_a_fault_is_no_finding),
      cmocka_unit_test(reads_before_the_first_write_are_told_from_inputs),
      cmocka_unit_test(an_op_that_reads_its_own_output_is_found), /* 3b: 49 */
      cmocka_unit_test(broken_in_place_pairs_name_both_variables),
      cmocka_unit_test(a_declaration_that_contradicts_is_a_warning),
      cmocka_unit_test(unknown_attributes_are_notes_or_strict_errors), /* 3b: 74 */
      cmocka_unit_test(persistables_have_a_size),
      cmocka_unit_test(only_dense_tensors_are_computed_with),
      cmocka_unit_test(feed_columns_are_distinct_and_in_range),
      cmocka_unit_test(bodies_are_walked_where_they_run),
      cmocka_unit_test(only_scalar_conditions_are_run),
      cmocka_unit_test(a_fetch_that_nothing_writes_is_found),
      cmocka_unit_test(unknown_ops_in_unreached_blocks_are_listed),
      cmocka_unit_test(findings_beyond_the_bound_are_counted),
      cmocka_unit_test(names_cannot_steer_a_terminal),
      cmocka_unit_test(a_hundred_thousand_ops_take_less_than_two_seconds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
