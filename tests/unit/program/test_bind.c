/* Ops against a schema of every kind of slot and attribute. */
#include "bytes.h"

#include <math.h>

#include "program/bind.h"

enum { IN_X, IN_LIST, IN_MASK, OUT_OUT = 0, OUT_EXTRA };
enum { A_MU, A_AXIS, A_SHAPE, A_MODE, A_FLAG, A_DECAY, A_NAMES, A_SEED, A_DIMS };

static const frt_op_schema_t schema = {
    .type = "toy",
    .inputs = {{"X", FRT_FLOATS, 0, ""},
               {"List", FRT_FLOATS, FRT_SLOT_OPTIONAL | FRT_SLOT_VARIADIC, ""},
               {"Mask", FRT_FLOATS, FRT_SLOT_OPTIONAL | FRT_SLOT_REFUSED, ""}},
    .outputs = {{"Out", FRT_FLOATS, 0, ""}, {"Extra", FRT_FLOATS, FRT_SLOT_OPTIONAL, ""}},
    .attrs = {{"mu", FRT_ATTR_F32, FRT_ATTR_RANGE, "", 0, NULL, 0, 1},
              {"axis", FRT_ATTR_INT, FRT_ATTR_DEFAULT, "", -1},
              {"shape", FRT_ATTR_INTS, FRT_ATTR_DEFAULT, ""},
              {"mode", FRT_ATTR_STRING, FRT_ATTR_DEFAULT, "", 0, "sum"},
              {"flag", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "", 1},
              {"decay", FRT_ATTR_F32, FRT_ATTR_DEFAULT | FRT_ATTR_LIST_TOO, "", 0.1},
              {"names", FRT_ATTR_STRINGS, FRT_ATTR_DEFAULT, ""},
              {"seed", FRT_ATTR_INT, FRT_ATTR_IGNORED, "", 3},
              {"dims", FRT_ATTR_INT, FRT_ATTR_DEFAULT | FRT_ATTR_LIST_TOO, "", 1}},
};

typedef struct fixture {
  frt_program_t *p;
  frti_arena_t arena;
  frti_bound_t bound;
  frt_error_t err;
} fixture_t;

static void set_slot(fixture_t *f, bool out, const char *slot, const char *a,
                     const char *b) {
  const char *args[] = {a, b};
  const uint32_t n = b ? 2 : a ? 1 : 0;
  assert_int_equal(FRT_OK, out ? frt_program_set_output(f->p, 0, 0, slot, args, n, NULL)
                               : frt_program_set_input(f->p, 0, 0, slot, args, n, NULL));
}

static void set_attr(fixture_t *f, frt_attr_info_t a) {
  if (!a.count) a.count = 1;
  assert_int_equal(FRT_OK, frt_program_set_attr(f->p, 0, 0, &a, &f->err));
}

static int setup(void **state) {
  fixture_t *f = frti_calloc(1, sizeof *f);
  assert_int_equal(FRT_OK, frt_program_create(&f->p, NULL));
  assert_int_equal(FRT_OK, frt_program_add_op(f->p, 0, "toy", NULL, NULL));
  set_slot(f, false, "X", "x", NULL);
  set_slot(f, true, "Out", "y", NULL);
  set_attr(f, (frt_attr_info_t){.name = "mu", .type = FRTI_WIRE_FLOAT, .f = 0.9});
  *state = f;
  return 0;
}

static int teardown(void **state) {
  fixture_t *f = *state;
  frt_program_release(f->p);
  frti_arena_release(&f->arena);
  frti_free(f);
  return 0;
}

static frt_status_t bind(fixture_t *f) {
  return frti_bind_op(f->p, 0, 0, &schema, &f->arena, &f->bound, &f->err);
}

static void binds(fixture_t *f) {
  if (bind(f) != FRT_OK) fail_msg("refused: %s", f->err.message);
}

static void fails(fixture_t *f, frt_status_t status, const char *message) {
  assert_int_equal(status, bind(f));
  assert_string_equal(message, f->err.message);
}

static void defaults_fill_what_is_absent(void **state) {
  fixture_t *f = *state;
  binds(f);
  const frt_api_attr_t *a = f->bound.attrs;
  assert_int_equal(3, f->bound.n_in);
  assert_int_equal(2, f->bound.n_out);
  assert_int_equal(9, f->bound.n_attrs);
  assert_string_equal("x", f->bound.in[IN_X].args[0]);
  assert_int_equal(0, f->bound.in[IN_LIST].n);
  assert_int_equal(0, f->bound.out[OUT_EXTRA].n);
  assert_true(a[A_MU].v.f == (double)0.9f);
  assert_int_equal(-1, a[A_AXIS].v.i);
  assert_int_equal(0, a[A_SHAPE].count);
  assert_string_equal("sum", a[A_MODE].v.s);
  assert_int_equal(1, a[A_FLAG].v.i);
  assert_true(a[A_DECAY].v.f == (double)0.1f);
  assert_int_equal(0, a[A_NAMES].count);
  assert_int_equal(3, a[A_SEED].v.i);
}

static void integers_interchange(void **state) {
  fixture_t *f = *state;
  const int64_t list[] = {7, 8};
  set_attr(f, (frt_attr_info_t){.name = "axis", .type = FRTI_WIRE_LONG, .i = 5});
  set_attr(f, (frt_attr_info_t){.name = "shape", .type = FRTI_WIRE_INT, .i = 6});
  binds(f);
  assert_int_equal(5, f->bound.attrs[A_AXIS].v.i);
  assert_int_equal(1, f->bound.attrs[A_SHAPE].count);
  assert_int_equal(6, f->bound.attrs[A_SHAPE].v.is[0]);
  set_attr(f, (frt_attr_info_t){.name = "axis", .type = FRTI_WIRE_INTS, .is = list});
  binds(f);
  assert_int_equal(7, f->bound.attrs[A_AXIS].v.i);
  set_attr(f, (frt_attr_info_t){.name = "shape", .type = FRTI_WIRE_LONGS, .count = 2,
                                .is = list});
  binds(f);
  assert_int_equal(8, f->bound.attrs[A_SHAPE].v.is[1]);
  set_attr(f, (frt_attr_info_t){.name = "axis", .type = FRTI_WIRE_LONGS, .count = 2,
                                .is = list});
  fails(f, FRT_INVALID_ARGUMENT, "attribute 'axis' is LONGS of 2; wanted INT");
}

static void floats_come_from_doubles_and_single_lists(void **state) {
  fixture_t *f = *state;
  const double list[] = {0.25, 0.5};
  set_attr(f, (frt_attr_info_t){.name = "mu", .type = FRTI_WIRE_FLOAT64, .f = 0.1});
  binds(f);
  assert_true(f->bound.attrs[A_MU].v.f == (double)0.1f);
  set_attr(f, (frt_attr_info_t){.name = "mu", .type = FRTI_WIRE_FLOATS, .fs = list});
  binds(f);
  assert_true(f->bound.attrs[A_MU].v.f == 0.25);
  set_attr(f, (frt_attr_info_t){.name = "mu", .type = FRTI_WIRE_FLOAT64S, .fs = list});
  fails(f, FRT_INVALID_ARGUMENT, "attribute 'mu' is FLOAT64S; wanted FLOAT");
  set_attr(f, (frt_attr_info_t){.name = "mu", .type = FRTI_WIRE_FLOAT64, .f = 1e300});
  fails(f, FRT_INVALID_ARGUMENT, "attribute 'mu' is FLOAT64; wanted FLOAT");
  set_attr(f, (frt_attr_info_t){.name = "mu", .type = FRTI_WIRE_INT, .i = 1});
  fails(f, FRT_INVALID_ARGUMENT, "attribute 'mu' is INT; wanted FLOAT");
}

static void a_list_too_stays_a_list(void **state) {
  fixture_t *f = *state;
  const double list[] = {0.25, 0.5};
  for (uint32_t n = 1; n <= 2; ++n) {
    set_attr(f, (frt_attr_info_t){.name = "decay", .type = FRTI_WIRE_FLOATS, .count = n,
                                  .fs = list});
    binds(f);
    assert_int_equal(FRT_ATTR_F32S, f->bound.attrs[A_DECAY].type);
    assert_int_equal(n, f->bound.attrs[A_DECAY].count);
    assert_true(f->bound.attrs[A_DECAY].v.fs[n - 1] == list[n - 1]);
  }
  const int64_t dims[] = {7, -8};
  for (int32_t type = FRTI_WIRE_INTS; type <= FRTI_WIRE_LONGS;
       type += FRTI_WIRE_LONGS - FRTI_WIRE_INTS) {
    set_attr(f, (frt_attr_info_t){.name = "dims", .type = type, .count = 2, .is = dims});
    binds(f);
    assert_int_equal(FRT_ATTR_INTS, f->bound.attrs[A_DIMS].type);
    assert_int_equal(2, f->bound.attrs[A_DIMS].count);
    assert_int_equal(-8, f->bound.attrs[A_DIMS].v.is[1]);
  }
}

static void other_types_are_refused(void **state) {
  fixture_t *f = *state;
  set_attr(f, (frt_attr_info_t){.name = "axis", .type = FRTI_WIRE_BOOLEAN, .i = 1});
  fails(f, FRT_INVALID_ARGUMENT, "attribute 'axis' is BOOLEAN; wanted INT");
  assert_string_equal("axis", f->err.name);
  set_attr(f, (frt_attr_info_t){.name = "axis", .type = FRTI_WIRE_INT, .i = 1});
  set_attr(f, (frt_attr_info_t){.name = "flag", .type = FRTI_WIRE_INT, .i = 1});
  fails(f, FRT_INVALID_ARGUMENT, "attribute 'flag' is INT; wanted BOOLEAN");
}

static void ranges_refuse_what_is_outside_and_nan(void **state) {
  fixture_t *f = *state;
  set_attr(f, (frt_attr_info_t){.name = "mu", .type = FRTI_WIRE_FLOAT, .f = 1.5});
  fails(f, FRT_INVALID_ARGUMENT, "attribute 'mu' is 1.5; wanted 0 to 1");
  set_attr(f, (frt_attr_info_t){.name = "mu", .type = FRTI_WIRE_FLOAT, .f = NAN});
  fails(f, FRT_INVALID_ARGUMENT, "attribute 'mu' is nan; wanted 0 to 1");
}

static void a_required_attribute_is_demanded(void **state) {
  fixture_t *f = *state;
  assert_int_equal(FRT_OK, frt_program_add_op(f->p, 0, "toy", NULL, NULL));
  const char *x[] = {"x"};
  frt_program_set_input(f->p, 0, 1, "X", x, 1, NULL);
  frt_program_set_output(f->p, 0, 1, "Out", x, 1, NULL);
  assert_int_equal(FRT_INVALID_ARGUMENT, frti_bind_op(f->p, 0, 1, &schema, &f->arena,
                                                      &f->bound, &f->err));
  assert_string_equal("attribute 'mu' is missing; wanted FLOAT", f->err.message);
}

static void an_attribute_without_value_is_refused(void **state) {
  fixture_t *f = *state;
  bytes_t a = attr_bytes("mu", 1), op = op_bytes("toy"), x = slot_bytes("X", "x");
  bytes_t y = slot_bytes("Out", "y");
  add_message(&op, 1, &x);
  add_message(&op, 2, &y);
  add_int(&a, 3, 4);
  add_message(&op, 4, &a);
  const bytes_t p = program_with(4, &op);
  frt_program_release(f->p);
  f->p = accept(&p);
  fails(f, FRT_INVALID_ARGUMENT, "attribute 'mu' is FLOAT without a value; wanted FLOAT");
}

static void unknown_attributes_and_ignored_types_pass(void **state) {
  fixture_t *f = *state;
  set_attr(f, (frt_attr_info_t){.name = "use_mkldnn", .type = FRTI_WIRE_BOOLEAN, .i = 1});
  set_attr(f, (frt_attr_info_t){.name = "seed", .type = FRTI_WIRE_STRING, .s = "x"});
  binds(f);
  assert_int_equal(3, f->bound.attrs[A_SEED].v.i);
}

static void unknown_slots_are_refused_unless_empty(void **state) {
  fixture_t *f = *state;
  set_slot(f, false, "Lost", NULL, NULL);
  binds(f);
  set_slot(f, false, "Lost", "z", NULL);
  fails(f, FRT_INVALID_ARGUMENT,
        "input slot 'Lost' is not one of toy; nearest is 'List'");
}

static void a_missing_slot_is_named(void **state) {
  fixture_t *f = *state;
  set_slot(f, true, "Out", NULL, NULL);
  fails(f, FRT_INVALID_ARGUMENT, "output slot 'Out' is empty; wanted a variable");
  set_slot(f, true, "Out", "@EMPTY@", NULL);
  fails(f, FRT_INVALID_ARGUMENT, "output slot 'Out' is empty; wanted a variable");
  set_slot(f, true, "Out", "", NULL);
  fails(f, FRT_INVALID_ARGUMENT, "output slot 'Out': argument 0 has no name");
}

static void a_single_slot_holds_one_variable(void **state) {
  fixture_t *f = *state;
  set_slot(f, false, "X", "x", "z");
  fails(f, FRT_INVALID_ARGUMENT, "input slot 'X' holds 2 variables; wanted 1");
}

static void a_refused_slot_is_unimplemented(void **state) {
  fixture_t *f = *state;
  set_slot(f, false, "Mask", "@EMPTY@", NULL);
  binds(f);
  set_slot(f, false, "Mask", "m", NULL);
  fails(f, FRT_UNIMPLEMENTED, "input slot 'Mask' holds 'm'; this slot is not supported");
  assert_string_equal("Mask", f->err.name);
}

static void placeholders_keep_their_place(void **state) {
  fixture_t *f = *state;
  set_slot(f, false, "List", "@EMPTY@", "b");
  set_slot(f, true, "Extra", "@EMPTY@", NULL);
  binds(f);
  assert_int_equal(2, f->bound.in[IN_LIST].n);
  assert_null(f->bound.in[IN_LIST].args[0]);
  assert_string_equal("b", f->bound.in[IN_LIST].args[1]);
  assert_int_equal(0, f->bound.out[OUT_EXTRA].n);
}

int main(void) {
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
  const struct CMUnitTest tests[] = {
      WITH(defaults_fill_what_is_absent), /* 3b: 75 */
      WITH(integers_interchange),
      WITH(floats_come_from_doubles_and_single_lists), WITH(a_list_too_stays_a_list),
      WITH(other_types_are_refused), WITH(ranges_refuse_what_is_outside_and_nan),
      WITH(a_required_attribute_is_demanded), /* 3b: 75 */
      WITH(an_attribute_without_value_is_refused),
      WITH(unknown_attributes_and_ignored_types_pass),
      WITH(unknown_slots_are_refused_unless_empty), WITH(a_missing_slot_is_named),
      WITH(a_single_slot_holds_one_variable), WITH(a_refused_slot_is_unimplemented),
      WITH(placeholders_keep_their_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
