/* Programs made by hand. */
#include "bytes.h"

typedef struct fixture {
  frt_program_t *p;
  frt_error_t err;
} fixture_t;

static int setup(void **state) {
  fixture_t *f = frti_calloc(1, sizeof *f);
  assert_int_equal(FRT_OK, frt_program_create(&f->p, NULL));
  *state = f;
  return 0;
}

static int teardown(void **state) {
  fixture_t *f = *state;
  frt_program_release(f->p);
  frti_free(f);
  return 0;
}

static frt_status_t add_var(fixture_t *f, int32_t block, frt_var_info_t v) {
  return frt_program_add_var(f->p, block, &v, &f->err);
}

static void a_new_program_is_one_empty_block(void **state) {
  fixture_t *f = *state;
  assert_int_equal(1, frt_program_n_blocks(f->p));
  assert_int_equal(-1, frt_program_parent(f->p, 0));
  assert_int_equal(-1, frt_program_parent(f->p, 7));
  assert_int_equal(0, frt_program_n_vars(f->p, 0));
  assert_int_equal(0, frt_program_n_ops(f->p, 0));
  assert_int_equal(1008005, frt_program_format_version(f->p));
  bytes_t want = program_with(0, NULL), version = {.n = 0};
  add_int(&version, 1, 1008005);
  add_message(&want, 4, &version);
  writes(f->p, &want);
}

static void every_edit_raises_the_version(void **state) {
  fixture_t *f = *state;
  const char *args[] = {"x"};
  uint64_t last = frt_program_version(f->p);
  const uint64_t uid = frt_program_uid(f->p);
#define RAISES(call)                                     \
  assert_int_equal(FRT_OK, call);                        \
  assert_true(frt_program_version(f->p) > last);         \
  last = frt_program_version(f->p)
  RAISES(add_var(f, 0, (frt_var_info_t){.name = "x", .dtype = FRT_F32}));
  RAISES(frt_program_add_op(f->p, 0, "relu", NULL, &f->err));
  RAISES(frt_program_set_input(f->p, 0, 0, "X", args, 1, &f->err));
  RAISES(frt_program_set_output(f->p, 0, 0, "Out", args, 1, &f->err));
  RAISES(frt_program_set_attr_int(f->p, 0, 0, "axis", 1, &f->err));
  RAISES(frt_program_add_block(f->p, 0, NULL, &f->err));
  assert_true(uid == frt_program_uid(f->p));
  assert_int_equal(FRT_ALREADY_EXISTS,
                   add_var(f, 0, (frt_var_info_t){.name = "x", .dtype = FRT_F32}));
  assert_true(last == frt_program_version(f->p));
}

static void what_is_built_loads_back_equal(void **state) {
  fixture_t *f = *state;
  const int64_t dims[] = {-1, 4}, longs[] = {1, -2};
  const int32_t ints[] = {3, -4};
  const char *args[] = {"x", "y"};
  uint32_t op;
  int32_t block;
  for (int i = 0; i < 100; ++i) { /* so that arrays grow */
    char name[16];
    snprintf(name, sizeof name, "v%d", i);
    assert_int_equal(FRT_OK, add_var(f, 0, (frt_var_info_t){.name = name, .rank = 2,
                             .dtype = FRT_I64, .dims = dims, .persistable = i & 1}));
    assert_int_equal(FRT_OK, frt_program_add_op(f->p, 0, "any", &op, &f->err));
    assert_int_equal(i, op);
  }
  assert_int_equal(FRT_OK, frt_program_add_block(f->p, 0, &block, &f->err));
  assert_int_equal(1, block);
  frt_program_set_input(f->p, 0, 3, "X", args, 2, NULL);
  frt_program_set_input(f->p, 0, 3, "X", args, 1, NULL);
  frt_program_set_attr_int(f->p, 0, 3, "i", 1, NULL);
  frt_program_set_attr_int(f->p, 0, 3, "i", -1, NULL);
  frt_program_set_attr_f32(f->p, 0, 3, "f", 0.1f, NULL);
  frt_program_set_attr_bool(f->p, 0, 3, "b", 7, NULL);
  frt_program_set_attr_string(f->p, 0, 3, "s", "text", NULL);
  frt_program_set_attr_ints(f->p, 0, 3, "is", ints, 2, NULL);
  frt_program_set_attr_longs(f->p, 0, 3, "ls", longs, 2, NULL);
  assert_int_equal(FRT_OK, frt_program_set_attr(f->p, 0, 3,
      &(frt_attr_info_t){.name = "sub_block", .type = 8, .i = 1}, &f->err));
  void *bytes;
  size_t n;
  frt_program_t *q;
  assert_int_equal(FRT_OK, frt_program_serialize(f->p, &bytes, &n, &f->err));
  assert_int_equal(FRT_OK, frt_program_parse(bytes, n, NULL, &q, &f->err));
  assert_int_equal(1, frt_program_bytes_canonical(q, bytes, n));
  frti_free(bytes);
  frt_slot_info_t slot;
  frt_attr_info_t a;
  assert_int_equal(1, frt_program_op_n_inputs(q, 0, 3));
  assert_int_equal(7, frt_program_op_n_attrs(q, 0, 3));
  assert_int_equal(FRT_OK, frt_program_op_input(q, 0, 3, 0, &slot, NULL));
  assert_int_equal(1, slot.count);
  assert_int_equal(FRT_OK, frt_program_op_attr(q, 0, 3, 0, &a, NULL));
  assert_string_equal("i", a.name);
  assert_int_equal(-1, a.i);
  assert_int_equal(FRT_OK, frt_program_op_attr(q, 0, 3, 1, &a, NULL));
  assert_true(a.f == (double)0.1f);
  assert_int_equal(FRT_OK, frt_program_op_attr(q, 0, 3, 5, &a, NULL));
  assert_int_equal(-2, a.is[1]);
  frt_program_release(q);
}

static void nonsense_is_not_declared(void **state) {
  fixture_t *f = *state;
  const int64_t dims[] = {1, -2};
  assert_int_equal(FRT_INVALID_ARGUMENT, add_var(f, 0, (frt_var_info_t){.name = ""}));
  assert_string_equal("a variable needs a name", f->err.message);
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   add_var(f, 0, (frt_var_info_t){.name = "x", .dtype = 7}));
  assert_string_equal("variable 'x': 7 is no dtype", f->err.message);
  assert_int_equal(FRT_INVALID_ARGUMENT,
                   add_var(f, 0, (frt_var_info_t){.name = "x", .dtype = 5, .rank = 10}));
  assert_string_equal("variable 'x': rank 10; wanted 0 to 9", f->err.message);
  assert_int_equal(FRT_INVALID_ARGUMENT,
      add_var(f, 0, (frt_var_info_t){.name = "x", .dtype = 5, .rank = 2, .dims = dims}));
  assert_string_equal("variable 'x': dims[1] is -2; wanted -1 or more", f->err.message);
  assert_string_equal("x", f->err.name);
  assert_int_equal(FRT_OUT_OF_RANGE, add_var(f, 4, (frt_var_info_t){.name = "x"}));
  assert_int_equal(0, frt_program_n_vars(f->p, 0));
}

static void attributes_are_checked(void **state) {
  fixture_t *f = *state;
  assert_int_equal(FRT_OK, frt_program_add_op(f->p, 0, "any", NULL, NULL));
#define REFUSED(text, ...)                                                           \
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_program_set_attr(f->p, 0, 0,            \
                   &(frt_attr_info_t){.name = "a", __VA_ARGS__}, &f->err));          \
  assert_string_equal(text, f->err.message)
  REFUSED("attribute 'a': 4294967296 does not fit INT, which has 32 bits", .type = 0,
          .i = (int64_t)1 << 32);
  REFUSED("attribute 'a': the string is NULL", .type = 2);
  REFUSED("attribute 'a': type 16 cannot be set", .type = 16);
  REFUSED("attribute 'a': type 99 cannot be set", .type = 99);
  REFUSED("attribute 'a': INTS without its list", .type = 3, .count = 2);
  REFUSED("attribute 'a': block 5; the program has 1", .type = 8, .i = 5);
  REFUSED("attribute 'a': recursive, block 0 contains this op", .type = 8, .i = 0);
  assert_int_equal(0, frt_program_op_n_attrs(f->p, 0, 0));
}

static void a_variable_is_seen_from_inner_blocks(void **state) {
  fixture_t *f = *state;
  frt_var_info_t v;
  int32_t inner, owner;
  frt_program_add_block(f->p, 0, &inner, NULL);
  add_var(f, 0, (frt_var_info_t){.name = "loss", .dtype = FRT_F32});
  add_var(f, inner, (frt_var_info_t){.name = "own", .dtype = FRT_I32});
  assert_int_equal(FRT_OK, frt_program_find_var(f->p, inner, "loss", &v, NULL));
  assert_int_equal(FRT_F32, v.dtype);
  assert_int_equal(FRT_VAR_LOD_TENSOR, v.kind);
  assert_int_equal(FRT_OK, frt_program_find_var(f->p, inner, "own", &v, NULL));
  const char *name = frti_names_find(&f->p->names, "loss", 4);
  assert_non_null(frti_program_resolve(f->p, inner, name, &owner));
  assert_int_equal(0, owner);
  assert_int_equal(FRT_NOT_FOUND, frt_program_find_var(f->p, 0, "own", &v, &f->err));
}

static void a_missing_variable_has_a_nearest_name(void **state) {
  fixture_t *f = *state;
  frt_var_info_t v;
  add_var(f, 0, (frt_var_info_t){.name = "loss", .dtype = FRT_F32});
  assert_int_equal(FRT_NOT_FOUND, frt_program_find_var(f->p, 0, "los", &v, &f->err));
  assert_string_equal("'los': not in block 0; nearest is 'loss'", f->err.message);
  assert_string_equal("los", f->err.name);
}

static void indices_are_checked(void **state) {
  fixture_t *f = *state;
  frt_var_info_t v;
  frt_slot_info_t s;
  frt_attr_info_t a;
  assert_int_equal(FRT_OUT_OF_RANGE, frt_program_var(f->p, 0, 0, &v, &f->err));
  assert_string_equal("variable #0: block 0 has 0", f->err.message);
  assert_int_equal(FRT_OUT_OF_RANGE, frt_program_var(f->p, 2, 0, &v, &f->err));
  assert_string_equal("block 2: the program has 1", f->err.message);
  assert_int_equal(FRT_OUT_OF_RANGE, frt_program_op_input(f->p, 0, 1, 0, &s, &f->err));
  assert_string_equal("op #1: block 0 has 0", f->err.message);
  frt_program_add_op(f->p, 0, "any", NULL, NULL);
  assert_int_equal(FRT_OUT_OF_RANGE, frt_program_op_output(f->p, 0, 0, 0, &s, &f->err));
  assert_int_equal(FRT_OUT_OF_RANGE, frt_program_op_attr(f->p, 0, 0, 0, &a, &f->err));
  assert_string_equal("", frt_program_op_type(f->p, 0, 1));
}

int main(void) {
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
  const struct CMUnitTest tests[] = {
      WITH(a_new_program_is_one_empty_block), WITH(every_edit_raises_the_version),
      WITH(what_is_built_loads_back_equal), WITH(nonsense_is_not_declared),
      WITH(attributes_are_checked), WITH(a_variable_is_seen_from_inner_blocks),
      WITH(a_missing_variable_has_a_nearest_name), WITH(indices_are_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
