/* infer_shape of the update rules, and what their schemas promise. */
#include "infer.h"

static const char *const types[] = {"momentum", "adam", "adamax", "lamb", "adagrad",
                                    "decayed_adagrad", "adadelta", "rmsprop", "ftrl"};

static int is_scalar(const char *slot) {
  return !strcmp(slot, "LearningRate") || !strncmp(slot, "Beta", 4);
}

/* All inputs that a program must give, as [2, 3] or [1]. */
static void op_of(op_t *o, const char *type) {
  op_init(o, type);
  for (int i = 0; i < FRT_MAX_SLOTS && o->x.schema->inputs[i].name; ++i) {
    const frt_slot_def_t *s = &o->x.schema->inputs[i];
    if (s->flags & FRT_SLOT_REFUSED) continue;
    if (is_scalar(s->name)) IN(o, s->name, FRT_F32, 1);
    else IN(o, s->name, FRT_F32, 2, 3);
  }
}

static frt_shape_t *in(op_t *o, const char *slot) {
  return &o->in_shapes[frt_infer_index_(o->x.schema->inputs, slot)][0];
}

static void every_state_keeps_its_shape(void **state) {
  (void)state;
  for (size_t t = 0; t < sizeof types / sizeof *types; ++t) {
    op_t o;
    op_of(&o, types[t]);
    accepts(&o);
    for (int i = 0; i < FRT_MAX_SLOTS && o.x.schema->outputs[i].name; ++i) {
      const frt_slot_def_t *s = &o.x.schema->outputs[i];
      if (s->flags & FRT_SLOT_REFUSED) continue;
      if (is_scalar(s->name)) OUT(&o, s->name, FRT_F32, 1);
      else OUT(&o, s->name, FRT_F32, 2, 3);
    }
    assert_true(o.x.schema->cost(&o.x).flops >= 24);
  }
}

static void every_output_is_an_input_in_place(void **state) {
  (void)state;
  for (size_t t = 0; t < sizeof types / sizeof *types; ++t) {
    const frt_op_schema_t *s = frt_op_find(types[t]);
    assert_true(s->flags & FRT_OP_OPTIMIZER);
    assert_string_equal(s->grad, FRT_NOT_DIFFERENTIABLE);
    for (int i = 0; i < FRT_MAX_SLOTS && s->outputs[i].name; ++i) {
      assert_non_null(s->outputs[i].alias_of);
      assert_true(frt_infer_index_(s->inputs, s->outputs[i].alias_of) >= 0);
    }
  }
}

static void every_update_refuses_unlike_tensors(void **state) {
  (void)state;
  for (size_t t = 0; t < sizeof types / sizeof *types; ++t) {
    op_t o;
    op_of(&o, types[t]);
    in(&o, "Grad")->dims[1] = 4;
    refuses(&o, FRT_INVALID_ARGUMENT,
            "Grad has shape [2, 4]; wanted [2, 3], the shape of Param");
    op_of(&o, types[t]);
    in(&o, "Grad")->dtype = FRT_I64;
    refuses(&o, FRT_INVALID_ARGUMENT, "Grad has dtype int64; wanted float32, float64");
    op_of(&o, types[t]);
    in(&o, "Grad")->dtype = FRT_F64;
    refuses(&o, FRT_INVALID_ARGUMENT,
            "Grad has dtype float64; wanted float32, the dtype of Param");
    if (frt_infer_index_(o.x.schema->inputs, "LearningRate") < 0) continue;
    op_of(&o, types[t]);
    in(&o, "LearningRate")->dims[0] = 2;
    refuses(&o, FRT_INVALID_ARGUMENT, "LearningRate has shape [2]; wanted [1]");
    op_of(&o, types[t]);
    in(&o, "LearningRate")->dtype = FRT_F64;
    refuses(&o, FRT_INVALID_ARGUMENT,
            "LearningRate has dtype float64; wanted float32, the dtype of Param");
  }
}

static void every_number_is_finite(void **state) {
  (void)state;
  for (size_t t = 0; t < sizeof types / sizeof *types; ++t) {
    const frt_op_schema_t *s = frt_op_find(types[t]);
    for (int i = 0; i < FRT_MAX_ATTRS && s->attrs[i].name; ++i) {
      const frt_attr_def_t *a = &s->attrs[i];
      if (a->type != FRT_ATTR_F32) continue;
      assert_true(a->flags & FRT_ATTR_RANGE);
      assert_true(a->lo > -1e39 && a->hi < 1e39);
      if (!strcmp(a->name, "epsilon")) assert_true(a->lo == 0);
    }
  }
}

static void moments_and_powers_are_checked(void **state) {
  op_t o;
  (void)state;
  op_of(&o, "adam");
  in(&o, "Moment2")->dims[0] = 3;
  refuses(&o, FRT_INVALID_ARGUMENT,
          "Moment2 has shape [3, 3]; wanted [2, 3], the shape of Param");
  op_of(&o, "lamb");
  in(&o, "Beta2Pow")->dims[0] = 3;
  refuses(&o, FRT_INVALID_ARGUMENT, "Beta2Pow has shape [3]; wanted [1]");
  op_of(&o, "ftrl");
  in(&o, "LinearAccumulator")->rank = 1;
  refuses(&o, FRT_INVALID_ARGUMENT,
          "LinearAccumulator has shape [2]; wanted [2, 3], the shape of Param");
}

static void an_unknown_extent_is_taken_from_the_state(void **state) {
  op_t o;
  (void)state;
  op_of(&o, "adagrad");
  in(&o, "Param")->dims[0] = in(&o, "Grad")->dims[0] = -1;
  accepts(&o);
  OUT(&o, "ParamOut", FRT_F32, 2, 3);
}

static void centered_wants_a_mean_gradient(void **state) {
  op_t o;
  (void)state;
  op_of(&o, "rmsprop");
  SET_INT(&o, "centered", 1);
  accepts(&o);
  op_no_out(&o, "MeanGradOut");
  refuses(&o, FRT_INVALID_ARGUMENT,
          "MeanGradOut is missing; wanted one as centered is true");
  o.in[frt_infer_index_(o.x.schema->inputs, "MeanGrad")].count = 0;
  refuses(&o, FRT_INVALID_ARGUMENT, "MeanGrad is missing; wanted one as centered is true");
  SET_INT(&o, "centered", 0);
  accepts(&o);
  op_outs(&o, "MeanGradOut", 1);
  refuses(&o, FRT_INVALID_ARGUMENT,
          "MeanGradOut is there without MeanGrad; wanted both or neither");
}

static void what_newer_versions_added_is_refused(void **state) {
  op_t o;
  (void)state;
  op_of(&o, "momentum");
  SET_INT(&o, "multi_precision", 1);
  refuses(&o, FRT_UNIMPLEMENTED, "multi_precision is true; only false is supported");
  op_of(&o, "momentum");
  SET_STR(&o, "regularization_method", "l2_decay");
  refuses(&o, FRT_UNIMPLEMENTED,
          "regularization_method is 'l2_decay'; only \"\" is supported");
  op_of(&o, "momentum");
  SET_F32(&o, "rescale_grad", 0.5);
  refuses(&o, FRT_UNIMPLEMENTED, "rescale_grad is 0.5; only 1 is supported");
  op_of(&o, "adam");
  SET_INT(&o, "use_global_beta_pow", 1);
  refuses(&o, FRT_UNIMPLEMENTED, "use_global_beta_pow is true; only false is supported");
  SET_INT(&o, "multi_precision", 1);
  refuses(&o, FRT_UNIMPLEMENTED, "multi_precision is true; only false is supported");
}

static void betas_as_tensors_are_refused_slots(void **state) {
  static const char *const slots[] = {"Beta1Tensor", "Beta2Tensor", "EpsilonTensor",
                                      "MasterParam", "SkipUpdate"};
  const frt_op_schema_t *s = frt_op_find("adam");
  (void)state;
  for (size_t i = 0; i < sizeof slots / sizeof *slots; ++i) {
    const int at = frt_infer_index_(s->inputs, slots[i]);
    assert_true(at >= 0);
    assert_int_equal(s->inputs[at].flags, FRT_SLOT_OPTIONAL | FRT_SLOT_REFUSED);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_state_keeps_its_shape),
      cmocka_unit_test(every_output_is_an_input_in_place),
      cmocka_unit_test(every_update_refuses_unlike_tensors),
      cmocka_unit_test(every_number_is_finite),
      cmocka_unit_test(moments_and_powers_are_checked),
      cmocka_unit_test(an_unknown_extent_is_taken_from_the_state),
      cmocka_unit_test(centered_wants_a_mean_gradient),
      cmocka_unit_test(what_newer_versions_added_is_refused),
      cmocka_unit_test(betas_as_tensors_are_refused_slots)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
