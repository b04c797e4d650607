/* Guards, names, programs. */
#include "net.h"

static void names_count_per_key(void **state) {
  net_t *n = *state;
  const char *name;
  assert_int_equal(FRT_OK, frt_builder_unique_name(n->b, "fc", &name, &n->err));
  assert_string_equal(name, "fc_2"); /* the network took 0 and 1 */
  assert_int_equal(FRT_OK, frt_builder_unique_name(n->b, "mine", &name, &n->err));
  assert_string_equal(name, "mine_0");
}

static void a_name_guard_counts_from_zero_and_gives_back(void **state) {
  net_t *n = *state;
  const char *name;
  assert_int_equal(FRT_OK, frt_builder_push_names(n->b, "a_", &n->err));
  assert_int_equal(FRT_OK, frt_builder_unique_name(n->b, "fc", &name, &n->err));
  assert_string_equal(name, "a_fc_0");
  assert_int_equal(FRT_OK, frt_builder_pop_names(n->b, &n->err));
  assert_int_equal(FRT_OK, frt_builder_unique_name(n->b, "fc", &name, &n->err));
  assert_string_equal(name, "fc_2");
}

static void guards_that_are_not_open_cannot_be_closed(void **state) {
  net_t *n = *state;
  assert_int_equal(FRT_FAILED_PRECONDITION, frt_builder_pop_names(n->b, &n->err));
  assert_string_equal(n->err.message, "unique names: no guard is open");
  assert_int_equal(FRT_FAILED_PRECONDITION, frt_builder_pop_programs(n->b, &n->err));
  assert_string_equal(n->err.message, "program guard: none is open");
  assert_int_equal(FRT_FAILED_PRECONDITION, frt_builder_pop_scope(n->b, &n->err));
  assert_string_equal(n->err.message, "name scopes: none is open");
}

static void a_program_guard_moves_building_elsewhere(void **state) {
  net_t *n = *state;
  frt_program_t *before = frt_builder_main(n->b), *other = NULL;
  const uint32_t ops = frt_program_n_ops(before, 0);
  const int64_t one[] = {1};
  frt_var_t v;
  assert_int_equal(FRT_OK, frt_program_create(&other, &n->err));
  assert_int_equal(FRT_OK, frt_builder_push_programs(n->b, other, NULL, &n->err));
  assert_ptr_equal(frt_builder_main(n->b), other);
  assert_int_equal(FRT_OK, frt_layers_fill_constant(n->b, 1, one, FRT_F32, 2, &v, &n->err));
  assert_ptr_equal(v.program, other);
  assert_int_equal(FRT_OK, frt_builder_pop_programs(n->b, &n->err));
  assert_ptr_equal(frt_builder_main(n->b), before);
  assert_int_equal(frt_program_n_ops(before, 0), ops);
  assert_int_equal(frt_program_n_ops(other, 0), 1);
  frt_program_release(other);
}

static void a_variable_is_found_by_name_or_the_nearest_is_named(void **state) {
  net_t *n = *state;
  frt_var_t v;
  assert_int_equal(FRT_OK, frt_builder_var(n->b, "fc_0.w_0", &v, &n->err));
  assert_string_equal(v.name, "fc_0.w_0");
  assert_int_equal(FRT_NOT_FOUND, frt_builder_var(n->b, "fc_0.w_00", &v, &n->err));
  assert_string_equal(n->err.message,
                      "builder_var: name 'fc_0.w_00': not in block 0; nearest is 'fc_0.w_0'");
}

static void what_is_built_parses_again_to_the_same_bytes(void **state) {
  net_t *n = *state;
  frt_program_t *again = NULL;
  void *bytes = NULL, *twice = NULL;
  size_t size = 0, size2 = 0;
  assert_int_equal(FRT_OK, frt_program_serialize(frt_builder_main(n->b), &bytes, &size,
                                                 &n->err));
  assert_int_equal(FRT_OK, frt_program_parse(bytes, size, NULL, &again, &n->err));
  assert_int_equal(FRT_OK, frt_program_serialize(again, &twice, &size2, &n->err));
  assert_int_equal(size, size2);
  assert_memory_equal(bytes, twice, size);
  frt_program_release(again);
  frt_free(bytes);
  frt_free(twice);
}

static void an_initializer_takes_the_seed_of_its_startup_program(void **state) {
  net_t *n = *state;
  const int64_t dims[] = {2, 2};
  frt_attr_info_t a = {0};
  frt_var_t w;
  assert_int_equal(FRT_OK, frt_builder_set_seed(n->b, NULL, 77, &n->err));
  assert_int_equal(FRT_OK, frt_layers_create_parameter(n->b, 2, dims, FRT_F32, NULL, &w,
                                                       &n->err));
  frt_program_t *startup = frt_builder_startup(n->b);
  for (uint32_t i = 0; i < frt_program_op_n_attrs(startup, 0, 0); ++i) {
    frt_program_op_attr(startup, 0, 0, i, &a, NULL);
    if (!strcmp(a.name, "seed")) break;
  }
  assert_string_equal(a.name, "seed");
  assert_int_equal(a.i, 77);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      NET_TEST(names_count_per_key),
      NET_TEST(a_name_guard_counts_from_zero_and_gives_back),
      NET_TEST(guards_that_are_not_open_cannot_be_closed),
      NET_TEST(a_program_guard_moves_building_elsewhere),
      NET_TEST(a_variable_is_found_by_name_or_the_nearest_is_named),
      NET_TEST(what_is_built_parses_again_to_the_same_bytes),
      NET_TEST(an_initializer_takes_the_seed_of_its_startup_program),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
