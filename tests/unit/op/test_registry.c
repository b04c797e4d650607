/* Every schema is well formed, and is found. */
#include "infer.h"

static void finds_every_op_by_its_type(void **state) {
  (void)state;
  assert_true(frt_op_count() >= 69);
  assert_true(frt_op_count() < 1024); /* the index is not full: none was left out */
  for (size_t i = 0; i < frt_op_count(); ++i)
    assert_ptr_equal(frt_op_find(frt_op_at(i)->type), frt_op_at(i));
  assert_null(frt_op_at(frt_op_count()));
  assert_null(frt_op_find("no_such_op"));
  assert_null(frt_op_find(""));
  assert_null(frt_op_find(NULL));
}

static void lists_the_types_in_order_and_once(void **state) {
  (void)state;
  for (size_t i = 1; i < frt_op_count(); ++i)
    assert_true(strcmp(frt_op_at(i - 1)->type, frt_op_at(i)->type) < 0);
}

static void names_the_nearest_type(void **state) {
  (void)state;
  assert_string_equal(frt_op_nearest("lars_momentun"), "lars_momentum");
  assert_string_equal(frt_op_nearest("sofmax"), "softmax");
  assert_string_equal(frt_op_nearest("elementwise_ad"), "elementwise_add");
  assert_null(frt_op_nearest("completely_unlike_anything"));
  assert_null(frt_op_nearest(NULL));
}

/* The defined entries stand at the front, then all is zero; names are distinct. */
static int count_slots(const frt_op_schema_t *s, const frt_slot_def_t *slots) {
  int n = 0;
  while (n < FRT_MAX_SLOTS && slots[n].name) ++n;
  for (int i = n; i < FRT_MAX_SLOTS; ++i)
    if (slots[i].name || slots[i].dtypes || slots[i].doc) fail_msg("%s: gap", s->type);
  for (int i = 0; i < n; ++i)
    for (int k = 0; k < i; ++k)
      if (!strcmp(slots[i].name, slots[k].name)) fail_msg("%s: slot twice", s->type);
  return n;
}

static void check_slots(const frt_op_schema_t *s, const frt_slot_def_t *slots) {
  const uint32_t known = FRT_SLOT_OPTIONAL | FRT_SLOT_VARIADIC | FRT_SLOT_SHAPE_ONLY |
                         FRT_SLOT_INTERMEDIATE | FRT_SLOT_REFUSED;
  for (int i = 0, n = count_slots(s, slots); i < n; ++i) {
    if (!slots[i].doc || !slots[i].doc[0]) fail_msg("%s: no doc", slots[i].name);
    if (slots[i].flags & ~known) fail_msg("%s: unknown flag", slots[i].name);
    if (slots[i].dtypes & ~(uint32_t)FRT_ANY_DTYPE) fail_msg("%s: dtypes", slots[i].name);
    if (!slots[i].dtypes && !(s->flags & FRT_OP_RUNTIME)) fail_msg("%s: none", s->type);
    if ((slots[i].flags & FRT_SLOT_REFUSED) && !(slots[i].flags & FRT_SLOT_OPTIONAL))
      fail_msg("%s: refused but required", slots[i].name);
  }
}

/* Running statistics stay in test mode, and need not be named then. */
static uint32_t may_be_absent(const frt_op_schema_t *s) {
  for (int i = 0; i < FRT_MAX_ATTRS && s->attrs[i].name; ++i)
    if (!strcmp(s->attrs[i].name, "is_test")) return FRT_SLOT_OPTIONAL;
  return 0;
}

static void check_aliases(const frt_op_schema_t *s) {
  for (int i = 0; i < FRT_MAX_SLOTS && s->outputs[i].name; ++i) {
    if (!s->outputs[i].alias_of) continue;
    const int in = frt_infer_index_(s->inputs, s->outputs[i].alias_of);
    if (in < 0) fail_msg("%s: alias of no input", s->outputs[i].name);
    assert_int_equal(s->inputs[in].dtypes, s->outputs[i].dtypes);
    assert_int_equal(s->inputs[in].flags, s->outputs[i].flags & ~may_be_absent(s));
  }
  for (int i = 0; i < FRT_MAX_SLOTS && s->inputs[i].name; ++i)
    assert_null(s->inputs[i].alias_of);
}

static void check_attr(const frt_op_schema_t *s, const frt_attr_def_t *a) {
  if (!a->doc || !a->doc[0]) fail_msg("%s %s: no doc", s->type, a->name);
  if (a->type > FRT_ATTR_BLOCK || a->type == 7) fail_msg("%s: type", a->name);
  if (a->flags & ~15u) fail_msg("%s: unknown flag", a->name);
  if ((a->flags & FRT_ATTR_IGNORED) && !(a->flags & FRT_ATTR_DEFAULT))
    fail_msg("%s %s: ignored but required", s->type, a->name);
  if ((a->flags & FRT_ATTR_LIST_TOO) && a->type != FRT_ATTR_INT && a->type != FRT_ATTR_F32)
    fail_msg("%s %s: list of what", s->type, a->name);
  if ((a->flags & FRT_ATTR_DEFAULT) && a->type == FRT_ATTR_STRING && !a->def_s)
    fail_msg("%s %s: no default text", s->type, a->name);
  if (!(a->flags & FRT_ATTR_RANGE)) return;
  assert_true(a->lo < a->hi);
  if ((a->flags & FRT_ATTR_DEFAULT) && !(a->lo <= a->def && a->def <= a->hi))
    fail_msg("%s %s: default outside its range", s->type, a->name);
}

static void check_grad(const frt_op_schema_t *s) {
  if (!s->grad) fail_msg("%s: gradient not said", s->type);
  if (!strcmp(s->grad, FRT_NO_GRAD) || !strcmp(s->grad, FRT_NOT_DIFFERENTIABLE)) return;
  const frt_op_schema_t *g = frt_op_find(s->grad);
  if (!g) fail_msg("%s: no op %s", s->type, s->grad);
  /* Slots of the gradient op: the forward op's own, or S@GRAD of one of them. */
  if (!strstr(s->grad, "_grad")) return;
  for (int side = 0; side < 2; ++side)
    for (int i = 0; i < FRT_MAX_SLOTS; ++i) {
      const char *name = side ? g->outputs[i].name : g->inputs[i].name;
      char base[64];
      if (!name) break;
      snprintf(base, sizeof base, "%s", name);
      char *at = strstr(base, "@GRAD");
      assert_true(side == 0 || at != NULL);
      if (at) *at = 0;
      if (frt_infer_index_(s->inputs, base) < 0 && frt_infer_index_(s->outputs, base) < 0)
        fail_msg("%s: slot %s is none of %s", g->type, name, s->type);
    }
}

static void every_schema_is_well_formed(void **state) {
  (void)state;
  for (size_t i = 0; i < frt_op_count(); ++i) {
    const frt_op_schema_t *s = frt_op_at(i);
    int n = 0;
    assert_true(s->doc && strlen(s->doc) > 5 && s->doc[strlen(s->doc) - 1] == '.');
    assert_true(s->source && s->source[0]);
    assert_int_equal(s->struct_size, 0);
    assert_non_null(s->infer_shape);
    check_slots(s, s->inputs);
    check_slots(s, s->outputs);
    assert_non_null(s->outputs[0].name);
    check_aliases(s);
    while (n < FRT_MAX_ATTRS && s->attrs[n].name) check_attr(s, &s->attrs[n++]);
    for (; n < FRT_MAX_ATTRS; ++n) assert_null(s->attrs[n].doc);
    check_grad(s);
  }
}

static void gradients_of_linear_ops_read_no_data_of_their_inputs(void **state) {
  static const char *const rows[][2] = {
      {"elementwise_add_grad", "X"}, {"elementwise_add_grad", "Y"},
      {"elementwise_sub_grad", "X"}, {"elementwise_sub_grad", "Y"},
      {"mean_grad", "X"}, {"reduce_sum_grad", "X"}, {"reshape2_grad", "XShape"},
      {"fc_grad", "Bias"}};
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
    const frt_op_schema_t *s = frt_op_find(rows[i][0]);
    const int slot = frt_infer_index_(s->inputs, rows[i][1]);
    assert_true(s->inputs[slot].flags & FRT_SLOT_SHAPE_ONLY);
  }
}

static void documents_one_op_in_markdown(void **state) {
  char *text = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  assert_int_equal(frt_op_document(frt_op_find("sgd"), 0, &text, &err), FRT_OK);
  assert_string_equal(text,
      "## sgd\n\nParamOut = Param - LearningRate * Grad, in place.\n"
      "\n| input | dtypes | shape | |\n|---|---|---|---|\n"
      "| `Param` | float32, float64 | any shape |  |\n"
      "| `LearningRate` | float32, float64 | [1] |  |\n"
      "| `Grad` | float32, float64 | shape of Param |  |\n"
      "\n| output | dtypes | shape | |\n|---|---|---|---|\n"
      "| `ParamOut` | float32, float64 | shape of Param | is `Param` |\n"
      "\nGradient: not differentiable. Source: PaddlePaddle 1.8 op sgd. "
      "Marks: optimizer.\n");
  frt_free(text);
  assert_int_equal(frt_op_document(frt_op_find("fc_grad"), 0, &text, &err), FRT_OK);
  assert_non_null(strstr(text, "| `Bias` | float32, float64 | [N] or [1, N] | optional, "
                               "shape only |"));
  assert_non_null(strstr(text, "| `activation_type` | string | \"\" |  | "));
  assert_non_null(strstr(text, "Gradient: none."));
  assert_non_null(strstr(text, "Marks: extension."));
  frt_free(text);
}

static void documents_all_ops(void **state) {
  char *text = NULL;
  (void)state;
  assert_int_equal(frt_op_document(NULL, 0, &text, NULL), FRT_OK);
  for (size_t i = 0; i < frt_op_count(); ++i) {
    char title[80];
    snprintf(title, sizeof title, "## %s\n", frt_op_at(i)->type);
    assert_non_null(strstr(text, title));
  }
  frt_free(text);
  assert_int_equal(frt_op_document(NULL, 1, &text, NULL), FRT_OK);
  assert_non_null(strstr(text, "\"type\": \"lars_momentum\""));
  assert_non_null(strstr(text, "\"gradient\": \"mul_grad\""));
  frt_free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_every_op_by_its_type),
      cmocka_unit_test(lists_the_types_in_order_and_once),
      cmocka_unit_test(names_the_nearest_type),
      cmocka_unit_test(every_schema_is_well_formed),
      cmocka_unit_test(gradients_of_linear_ops_read_no_data_of_their_inputs),
      cmocka_unit_test(documents_one_op_in_markdown),
      cmocka_unit_test(documents_all_ops)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
