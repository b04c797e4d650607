/* Clones: whole, and the part that tests. Equality with recorded test programs is shown
 * by frontend_golden; here what a clone taken after minimize leaves out. */
#include <string.h>

#include "net.h"

static void minimize(net_t *n) {
  frt_optimizer_t *o = NULL;
  assert_int_equal(FRT_OK, frt_lars_momentum_create(n->b, 0.1, 0.9, NULL, &o, &n->err));
  assert_int_equal(FRT_OK, frt_optimizer_minimize(o, n->loss, NULL, NULL, &n->err));
  frt_optimizer_release(o);
}

static void a_whole_clone_has_the_same_bytes(void **state) {
  net_t *n = *state;
  frt_program_t *clone = NULL;
  void *a = NULL, *c = NULL;
  size_t n_a = 0, n_c = 0;
  minimize(n);
  assert_int_equal(FRT_OK, frt_program_clone(frt_builder_main(n->b), 0, &clone, &n->err));
  assert_int_equal(FRT_OK, frt_program_serialize(frt_builder_main(n->b), &a, &n_a, &n->err));
  assert_int_equal(FRT_OK, frt_program_serialize(clone, &c, &n_c, &n->err));
  assert_int_equal(n_a, n_c);
  assert_memory_equal(a, c, n_a);
  assert_true(frt_program_uid(clone) != frt_program_uid(frt_builder_main(n->b)));
  frt_free(a);
  frt_free(c);
  frt_program_release(clone);
}

/* Nothing but the role of the op that makes the loss tells the two apart. */
static void a_clone_for_test_leaves_out_what_trains(void **state) {
  net_t *n = *state;
  frt_program_t *clone = NULL;
  frt_var_info_t info;
  const uint32_t forward = frt_program_n_ops(frt_builder_main(n->b), 0);
  const uint32_t vars = frt_program_n_vars(frt_builder_main(n->b), 0);
  minimize(n);
  assert_true(frt_program_n_ops(frt_builder_main(n->b), 0) > forward);
  assert_int_equal(FRT_OK, frt_builder_clone(n->b, NULL, 1, &clone, &n->err));
  assert_int_equal(frt_program_n_ops(clone, 0), forward);
  assert_int_equal(frt_program_n_vars(clone, 0), vars);
  for (uint32_t i = 0; i < forward; ++i)
    assert_string_equal(frt_program_op_type(clone, 0, i),
                        frt_program_op_type(frt_builder_main(n->b), 0, i));
  assert_int_equal(FRT_NOT_FOUND,
                   frt_program_find_var(clone, 0, "learning_rate_0", &info, NULL));
  assert_int_equal(FRT_NOT_FOUND,
                   frt_program_find_var(clone, 0, "fc_0.w_0@GRAD", &info, NULL));
  assert_int_equal(FRT_OK, frt_program_find_var(clone, 0, "fc_0.w_0", &info, NULL));
  assert_int_equal(info.persistable, 1);
  frt_program_release(clone);
}

/* The schedule's Switch has two blocks that go; the user's own block stays and gets
 * the next number. */
static void blocks_of_a_schedule_go_and_others_are_renumbered(void **state) {
  net_t *n = *state;
  const int64_t one[] = {1}, limits[] = {3};
  const double rates[] = {0.2, 0.1};
  frt_optimizer_options_t o = {.momentum = 0.9};
  frt_optimizer_t *lars = NULL;
  frt_program_t *clone = NULL;
  frt_var_t a, c, less;
  frt_switch_t *s;
  assert_int_equal(FRT_OK, frt_piecewise_decay(n->b, limits, rates, 1,
                                               &o.learning_rate_var, &n->err));
  assert_int_equal(FRT_OK, frt_layers_fill_constant(n->b, 1, one, FRT_F32, 1, &a, &n->err));
  assert_int_equal(FRT_OK, frt_layers_fill_constant(n->b, 1, one, FRT_F32, 2, &c, &n->err));
  assert_int_equal(FRT_OK, frt_layers_less_than(n->b, a, c, &less, &n->err));
  assert_int_equal(FRT_OK, frt_switch_begin(n->b, &s, &n->err));
  assert_int_equal(FRT_OK, frt_switch_case(s, less, &n->err));
  assert_int_equal(FRT_OK, frt_layers_assign(n->b, c, &a, &n->err));
  assert_int_equal(FRT_OK, frt_switch_end_case(s, &n->err));
  assert_int_equal(FRT_OK, frt_optimizer_create(n->b, FRT_OPTIMIZER_LARS_MOMENTUM, &o,
                                                &lars, &n->err));
  assert_int_equal(FRT_OK, frt_optimizer_minimize(lars, n->loss, NULL, NULL, &n->err));
  assert_int_equal(frt_program_n_blocks(frt_builder_main(n->b)), 4);
  assert_int_equal(FRT_OK, frt_builder_clone(n->b, NULL, 1, &clone, &n->err));
  assert_int_equal(frt_program_n_blocks(clone), 2);
  assert_int_equal(frt_program_n_ops(clone, 1), 1);
  assert_string_equal(frt_program_op_type(clone, 1, 0), "assign");
  uint32_t at = 0;
  while (strcmp(frt_program_op_type(clone, 0, at), "conditional_block") != 0) {
    assert_true(at < frt_program_n_ops(clone, 0));
    ++at;
  }
  for (uint32_t i = 0; i < frt_program_op_n_attrs(clone, 0, at); ++i) {
    frt_attr_info_t attr;
    assert_int_equal(FRT_OK, frt_program_op_attr(clone, 0, at, i, &attr, &n->err));
    if (!strcmp(attr.name, "sub_block")) assert_int_equal(attr.i, 1);
  }
  frt_optimizer_release(lars);
  frt_program_release(clone);
}

static int is_test(const frt_program_t *p, const char *type) {
  for (uint32_t i = 0; i < frt_program_n_ops(p, 0); ++i)
    for (uint32_t k = 0; k < frt_program_op_n_attrs(p, 0, i); ++k) {
      frt_attr_info_t a;
      frt_program_op_attr(p, 0, i, k, &a, NULL);
      if (!strcmp(frt_program_op_type(p, 0, i), type) && !strcmp(a.name, "is_test"))
        return (int)a.i;
    }
  return -1;
}

static void dropout_drops_nothing_in_a_test(void **state) {
  net_t *n = *state;
  frt_program_t *clone = NULL;
  frt_var_t v;
  assert_int_equal(FRT_OK, frt_layers_dropout(n->b, n->out, 0.5, NULL, &v, &n->err));
  assert_int_equal(FRT_OK, frt_builder_clone(n->b, NULL, 1, &clone, &n->err));
  assert_int_equal(is_test(frt_builder_main(n->b), "dropout"), 0);
  assert_int_equal(is_test(clone, "dropout"), 1);
  frt_program_release(clone);
}

/* What the builder knew of a parameter it knows of the clone's. */
static void layers_can_be_added_to_a_clone(void **state) {
  net_t *n = *state;
  frt_program_t *clone = NULL;
  frt_param_grad_t *pairs;
  size_t n_pairs;
  frt_var_t v;
  assert_int_equal(FRT_OK, frt_builder_clone(n->b, NULL, 0, &clone, &n->err));
  assert_int_equal(FRT_OK, frt_builder_push_programs(n->b, clone, NULL, &n->err));
  assert_int_equal(FRT_OK, frt_builder_var(n->b, n->out.name, &v, &n->err));
  assert_int_equal(FRT_OK, frt_layers_reduce_sum(n->b, v, NULL, &v, &n->err));
  assert_int_equal(FRT_OK, frt_append_backward(n->b, v, NULL, 0, NULL, 0, &pairs, &n_pairs,
                                               &n->err));
  assert_int_equal(n_pairs, 4);
  assert_int_equal(FRT_OK, frt_builder_pop_programs(n->b, &n->err));
  frt_program_release(clone);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      NET_TEST(a_whole_clone_has_the_same_bytes),
      NET_TEST(a_clone_for_test_leaves_out_what_trains),
      NET_TEST(blocks_of_a_schedule_go_and_others_are_renumbered),
      NET_TEST(dropout_drops_nothing_in_a_test),
      NET_TEST(layers_can_be_added_to_a_clone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
