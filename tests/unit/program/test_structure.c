/* Programs that decode but make no sense. */
#include "bytes.h"

static void invalid(const bytes_t *p, const char *message) {
  refuse(p, FRT_INVALID_ARGUMENT, FRT_PHASE_VALIDATE, message);
}

static bytes_t two_blocks(bytes_t first, bytes_t second) {
  bytes_t p = {.n = 0};
  add_message(&p, 1, &first);
  add_message(&p, 1, &second);
  return p;
}

static void no_bytes_are_no_block(void **state) {
  FRTI_UNUSED(state);
  const bytes_t p = {.n = 0};
  invalid(&p, "the program has no block");
}

static void blocks_form_a_tree(void **state) {
  FRTI_UNUSED(state);
  bytes_t p = two_blocks(block_bytes(0, -1), block_bytes(0, 0));
  invalid(&p, "block 1: idx is 0; wanted 1, its position");
  p = two_blocks(block_bytes(0, 1), block_bytes(1, 0));
  invalid(&p, "block 0: parent is 1; wanted -1");
  p = two_blocks(block_bytes(0, -1), block_bytes(1, 1));
  invalid(&p, "block 1: parent is 1; wanted another block, 0 to 1");
  p = two_blocks(block_bytes(0, -1), block_bytes(1, INT32_MIN));
  invalid(&p, "block 1: parent is -2147483648; wanted another block, 0 to 1");
  p = two_blocks(block_bytes(0, -1), block_bytes(1, 2));
  bytes_t third = block_bytes(2, 1);
  add_message(&p, 1, &third);
  invalid(&p, "block 1: its parents form a loop");
  bytes_t b = block_bytes(0, -1);
  add_int(&b, 5, 9);
  p = two_blocks(b, block_bytes(1, 0));
  invalid(&p, "block 0: forward_block_idx is 9; wanted -1 to 1");
}

static void nesting_is_limited(void **state) {
  FRTI_UNUSED(state);
  bytes_t p = {.n = 0};
  for (int i = 0; i < 65; ++i) {
    const bytes_t b = block_bytes(i, i - 1);
    add_message(&p, 1, &b);
  }
  refuse(&p, FRT_RESOURCE_EXHAUSTED, FRT_PHASE_VALIDATE,
         "block 64: nested 65 deep; max_depth is 64");
}

static bytes_t with_sub_block(int32_t from, int64_t target, int32_t parent_of_1) {
  bytes_t a = attr_bytes("sub_block", 8), op = op_bytes("while"), p = {.n = 0};
  bytes_t b[3] = {block_bytes(0, -1), block_bytes(1, parent_of_1), block_bytes(2, 0)};
  add_int(&a, 12, target);
  add_message(&op, 4, &a);
  add_message(&b[from], 4, &op);
  for (int i = 0; i < 3; ++i) add_message(&p, 1, &b[i]);
  return p;
}

static void sub_blocks_are_children(void **state) {
  FRTI_UNUSED(state);
  bytes_t p = with_sub_block(0, 1, 0);
  round_trips(&p);
  p = with_sub_block(0, 3, 0);
  invalid(&p, "block 0 op #0 while: attribute 'sub_block': block 3; the program has 3");
  p = with_sub_block(0, -1, 0);
  invalid(&p, "block 0 op #0 while: attribute 'sub_block': block -1; the program has 3");
  p = with_sub_block(0, 0, 0);
  invalid(&p, "block 0 op #0 while: attribute 'sub_block': recursive, block 0 contains "
              "this op");
  p = with_sub_block(1, 0, 2);
  invalid(&p, "block 1 op #0 while: attribute 'sub_block': recursive, block 0 contains "
              "this op");
  p = with_sub_block(0, 1, 2);
  invalid(&p, "block 0 op #0 while: attribute 'sub_block': block 1 has parent 2; wanted "
              "0");
  p = with_sub_block(1, 2, 0);
  invalid(&p, "block 1 op #0 while: attribute 'sub_block': block 2 has parent 0; wanted "
              "1");
}

static bytes_t with_var(const bytes_t *v) { return program_with(3, v); }

static bytes_t var_of_type(const bytes_t *type) {
  bytes_t v = {.n = 0};
  add_text(&v, 1, "x");
  add_message(&v, 2, type);
  return v;
}

static void tensors_are_described_soundly(void **state) {
  FRTI_UNUSED(state);
  bytes_t v = var_bytes("x", 5, -7), p = with_var(&v);
  invalid(&p, "block 0: variable 'x': dims[0] is -7; wanted -1 or more");
  v = var_bytes("x", 7, 1), p = with_var(&v);
  invalid(&p, "block 0: variable 'x': data_type 7 is no element type");
  v = var_bytes("x", 999, 1), p = with_var(&v);
  invalid(&p, "block 0: variable 'x': data_type 999 is no element type");
  v = var_bytes("", 5, 1), p = with_var(&v);
  invalid(&p, "block 0: variable '': a variable has no name");
}

static void kinds_match_their_description(void **state) {
  FRTI_UNUSED(state);
  bytes_t tensor = {.n = 0}, lod = {.n = 0}, type = {.n = 0}, v, p;
  add_int(&tensor, 1, 5);
  add_message(&lod, 1, &tensor);
  add_int(&type, 1, 7);
  v = var_of_type(&type), p = with_var(&v);
  invalid(&p, "block 0: variable 'x': LOD_TENSOR without lod_tensor");
  type.b[1] = 8;
  add_message(&type, 3, &lod);
  v = var_of_type(&type), p = with_var(&v);
  invalid(&p, "block 0: variable 'x': type 8 with the description of another (field 3)");
  type = (bytes_t){.n = 0};
  add_int(&type, 1, 99);
  v = var_of_type(&type), p = with_var(&v);
  invalid(&p, "block 0: variable 'x': type 99 is no kind of variable");
  type = (bytes_t){.n = 0};
  add_int(&type, 1, 7);
  add_int(&lod, 2, -5);
  add_message(&type, 3, &lod);
  v = var_of_type(&type), p = with_var(&v);
  invalid(&p, "block 0: variable 'x': lod_level is -5; wanted 0 to 64");
}

static void all_kinds_are_accepted(void **state) {
  FRTI_UNUSED(state);
  static const int kinds[] = {8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 25, 28, 30};
  for (size_t i = 0; i < FRTI_COUNT(kinds); ++i) {
    bytes_t type = {.n = 0};
    add_int(&type, 1, kinds[i]);
    bytes_t v = var_of_type(&type);
    const bytes_t p = with_var(&v);
    round_trips(&p);
  }
}

static void equal_declarations_count_once(void **state) {
  FRTI_UNUSED(state);
  bytes_t v = var_bytes("x", 5, 3), other = var_bytes("x", 5, 4), b = block_bytes(0, -1);
  bytes_t p = {.n = 0};
  add_message(&b, 3, &v);
  add_message(&b, 3, &v);
  add_message(&p, 1, &b);
  frt_program_t *q = accept(&p);
  assert_int_equal(1, frt_program_n_vars(q, 0));
  frt_program_release(q);
  add_message(&b, 3, &other);
  p.n = 0;
  add_message(&p, 1, &b);
  invalid(&p, "block 0: variable 'x': declared twice, with different types");
}

static void ops_have_a_type_and_distinct_parts(void **state) {
  FRTI_UNUSED(state);
  bytes_t op = op_bytes(""), p = program_with(4, &op), a = attr_bytes("axis", 0);
  invalid(&p, "block 0 op #0 : the op has no type");
  op = op_bytes("any");
  add_message(&op, 4, &a);
  add_message(&op, 4, &a);
  p = program_with(4, &op);
  invalid(&p, "block 0 op #0 any: attribute 'axis' is given twice");
  bytes_t slot = slot_bytes("X", "x");
  op = op_bytes("any");
  add_message(&op, 1, &slot);
  add_message(&op, 2, &slot); /* the same name on the other side is fine */
  p = program_with(4, &op);
  frt_program_release(accept(&p));
  add_message(&op, 1, &slot);
  p = program_with(4, &op);
  invalid(&p, "block 0 op #0 any: input slot 'X' is given twice");
  op = op_bytes("any");
  a = attr_bytes("axis", 77);
  add_message(&op, 4, &a);
  p = program_with(4, &op);
  invalid(&p, "block 0 op #0 any: attribute 'axis': type 77 does not exist");
}

static void the_error_says_where(void **state) {
  FRTI_UNUSED(state);
  bytes_t a = attr_bytes("axis", 77), op = op_bytes("any");
  add_message(&op, 4, &a);
  const bytes_t p = program_with(4, &op);
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *q;
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_program_parse(p.b, p.n, NULL, &q, &err));
  assert_int_equal(0, err.block);
  assert_int_equal(0, err.op);
  assert_string_equal("any", err.op_type);
  assert_string_equal("axis", err.name);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_bytes_are_no_block),
      cmocka_unit_test(blocks_form_a_tree),
      cmocka_unit_test(nesting_is_limited),
      cmocka_unit_test(sub_blocks_are_children),
      cmocka_unit_test(tensors_are_described_soundly),
      cmocka_unit_test(kinds_match_their_description),
      cmocka_unit_test(all_kinds_are_accepted),
      cmocka_unit_test(equal_declarations_count_once),
      cmocka_unit_test(ops_have_a_type_and_distinct_parts),
      cmocka_unit_test(the_error_says_where),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
