/* executor_errors and executor_forms: feeds, fetches, programs, scopes. */
#include "records.h"

enum { FC_MUL = 1 }; /* op 0 is the side branch's square */

/* ---- feeds --------------------------------------------------------------------------- */

static frt_status_t run_fed(rig_t *r, const char *name, frt_dtype_t dtype, uint32_t rank,
                            const int64_t *dims, const char *fetch) {
  const frt_fetch_t f = {.var = fetch};
  frt_tensor_t *t = NULL, *out = NULL;
  rig_train(r, NULL);
  MUST(frt_tensor_create(dtype, rank, dims, &t, &r->err));
  const frt_feed_t feed[] = {{name, t}, {"label", r->label_data}};
  const frt_status_t status = frt_executor_run(r->exe, frt_builder_main(r->b), r->scope,
                                               feed, 2, &f, 1, &out, NULL, &r->err);
  frt_tensor_release(out);
  frt_tensor_release(t);
  return status;
}

static frt_status_t feed_missing(rig_t *r) {
  const frt_feed_t feed = {"label", r->label_data};
  const frt_fetch_t fetch = {.var = r->loss.name};
  frt_tensor_t *out = NULL;
  rig_train(r, NULL);
  return frt_executor_run(r->exe, frt_builder_main(r->b), r->scope, &feed, 1, &fetch, 1,
                          &out, NULL, &r->err);
}

static frt_status_t feed_unknown(rig_t *r) {
  const int64_t dims[] = {1};
  return run_fed(r, "lable", FRT_F32, 1, dims, r->loss.name);
}

static frt_status_t wrong_shape(rig_t *r) {
  const int64_t dims[] = {4, 3};
  return run_fed(r, "x", FRT_F32, 2, dims, r->loss.name);
}
static frt_status_t wrong_rank(rig_t *r) {
  const int64_t dims[] = {2};
  return run_fed(r, "x", FRT_F32, 1, dims, r->loss.name);
}
static frt_status_t wrong_dtype(rig_t *r) {
  const int64_t dims[] = {4, 2};
  return run_fed(r, "x", FRT_F64, 2, dims, r->loss.name);
}
static frt_status_t wrong_shape_unchecked(rig_t *r) {
  const int64_t dims[] = {4, 3};
  return run_fed(r, "unchecked", FRT_F32, 2, dims, r->loss.name);
}
static frt_status_t wrong_dtype_unchecked(rig_t *r) {
  const int64_t dims[] = {4, 2};
  return run_fed(r, "unchecked", FRT_F64, 2, dims, r->loss.name);
}

static frt_status_t no_feed_no_fetch(rig_t *r) {
  return frt_executor_run(r->exe, frt_builder_startup(r->b), r->scope, NULL, 0, NULL, 0,
                          NULL, NULL, &r->err);
}

/* ---- fetches ------------------------------------------------------------------------- */

static frt_status_t fetch_one(rig_t *r, const char *name, int use_prune, frt_tensor_t **out) {
  const frt_fetch_t f = {.var = name};
  rig_train(r, NULL);
  return rig_run(r, &f, 1, out, use_prune);
}

static frt_status_t fetch_unknown(rig_t *r) {
  frt_tensor_t *out = NULL;
  return fetch_one(r, "nothing", 0, &out);
}
static frt_status_t prune_fetch_unknown(rig_t *r) {
  frt_tensor_t *out = NULL;
  return fetch_one(r, "nothing", 1, &out);
}

static frt_status_t parameter(rig_t *r, int use_prune) {
  frt_tensor_t *out = NULL;
  MUST(fetch_one(r, "fc_0.w_0", use_prune, &out));
  assert_int_equal(frt_tensor_rank(out), 2);
  assert_int_equal(frt_tensor_dims(out)[0], 2);
  assert_int_equal(frt_tensor_dims(out)[1], 3);
  frt_tensor_release(out);
  return FRT_OK;
}
static frt_status_t fetch_parameter(rig_t *r) { return parameter(r, 0); }
static frt_status_t prune_fetch_parameter(rig_t *r) { return parameter(r, 1); }

static frt_status_t fetch_none(rig_t *r) {
  rig_train(r, NULL);
  return rig_run(r, NULL, 0, NULL, 0);
}

static frt_status_t startup_not_run(rig_t *r) {
  const frt_fetch_t f = {.var = r->loss.name};
  frt_tensor_t *out = NULL;
  return rig_run(r, &f, 1, &out, 0);
}

static frt_status_t prune_feed_missing(rig_t *r) {
  const frt_run_options_t o = {.struct_size = sizeof o, .use_prune = 1};
  const frt_fetch_t fetch = {.var = r->loss.name};
  frt_tensor_t *out = NULL;
  rig_train(r, NULL);
  return frt_executor_run(r->exe, frt_builder_main(r->b), r->scope, NULL, 0, &fetch, 1, &out,
                          &o, &r->err);
}

/* ---- operators in the list ------------------------------------------------------------ */

/* Runs with fetches that come out empty or not; all results are released. */
static frt_status_t run_list(rig_t *r, const frt_fetch_t *list, size_t n,
                             frt_tensor_t **keep) {
  frt_tensor_t *out[16] = {NULL};
  const frt_status_t status = rig_run(r, list, n, out, 0);
  for (size_t i = 0; i < n; ++i) {
    if (keep && i == 0) *keep = out[i];
    else frt_tensor_release(out[i]);
  }
  return status;
}

/* The operator of minimize that updates a parameter. */
static int32_t updater(rig_t *r, const char *param) {
  const frt_program_t *p = frt_builder_main(r->b);
  for (size_t i = 0; i < r->minimized.n_ops; ++i)
    for (uint32_t s = 0; s < frt_program_op_n_inputs(p, 0, r->minimized.ops[i]); ++s) {
      frt_slot_info_t slot;
      MUST(frt_program_op_input(p, 0, r->minimized.ops[i], s, &slot, &r->err));
      if (!strcmp(slot.name, "Param") && !strcmp(slot.args[0], param))
        return (int32_t)r->minimized.ops[i];
    }
  return -1;
}

static frt_status_t not_an_update(rig_t *r) {
  rig_train(r, NULL);
  const frt_fetch_t list[] = {{.var = r->loss.name}, {.block = 0, .op = FC_MUL}};
  return run_list(r, list, 2, NULL);
}

static frt_status_t no_such_operator(rig_t *r) {
  rig_train(r, NULL);
  const frt_fetch_t list[] = {{.var = r->loss.name}, {.block = 0, .op = 3000}};
  return run_list(r, list, 2, NULL);
}

static frt_status_t nothing_in_the_list(rig_t *r) {
  rig_train(r, NULL);
  const frt_fetch_t list[] = {{.var = r->loss.name}, {.block = 0, .op = -1}};
  return run_list(r, list, 2, NULL);
}

static frt_status_t empty_result(rig_t *r) {
  const frt_minimized_t nothing = {0};
  frt_fetch_t list[4];
  rig_train(r, NULL);
  assert_int_equal(frt_minimized_fetches(&nothing, list, 4), 0);
  return rig_run(r, list, 0, NULL, 0);
}

static frt_status_t whole_result_with_clip(rig_t *r) {
  const frt_optimizer_options_t clip = {
      .grad_clip = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 0.01}};
  frt_fetch_t list[16] = {{0}};
  rig_train(r, &clip);
  list[0].var = r->loss.name;
  const size_t n = 1 + frt_minimized_fetches(&r->minimized, list + 1, 15);
  assert_int_equal(n, 5);
  return run_list(r, list, n, NULL);
}

static frt_status_t duplicates(rig_t *r) {
  frt_tensor_t *out[3] = {NULL};
  rig_train(r, NULL);
  const frt_fetch_t list[] = {{.var = r->loss.name}, {.var = r->loss.name},
                              {.var = r->loss.name}};
  MUST(rig_run(r, list, 3, out, 0));
  for (int i = 0; i < 3; ++i) {
    assert_int_equal(frt_tensor_numel(out[i]), 1);
    assert_memory_equal(frt_tensor_data(out[i]), frt_tensor_data(out[0]), sizeof(float));
  }
  for (int i = 0; i < 3; ++i) frt_tensor_release(out[i]);
  return FRT_OK;
}

static frt_status_t with_operator(rig_t *r, const char *updated, const char *also) {
  rig_train(r, NULL);
  const frt_fetch_t list[] = {{.var = "fc_0.b_0"}, {.op = updater(r, updated)},
                              {.var = also ? also : "fc_0.b_0"}};
  frt_tensor_t *out = NULL;
  const frt_status_t status = run_list(r, list, also ? 3 : 2, &out);
  if (status == FRT_OK) assert_int_equal(frt_tensor_numel(out), 3);
  frt_tensor_release(out);
  return status;
}
static frt_status_t own_operator(rig_t *r) { return with_operator(r, "fc_0.b_0", NULL); }
static frt_status_t other_operator(rig_t *r) { return with_operator(r, "fc_1.w_0", NULL); }
static frt_status_t name_and_operator(rig_t *r) {
  return with_operator(r, "fc_0.b_0", r->loss.name);
}

/* ---- programs and scopes ---------------------------------------------------------------- */

static frt_status_t no_program(rig_t *r) {
  return frt_executor_run(r->exe, NULL, r->scope, NULL, 0, NULL, 0, NULL, NULL, &r->err);
}

static frt_status_t no_scope(rig_t *r) {
  return frt_executor_run(r->exe, frt_builder_startup(r->b), NULL, NULL, 0, NULL, 0, NULL,
                          NULL, &r->err);
}

static frt_status_t empty_program(rig_t *r) {
  frt_program_t *p = NULL;
  MUST(frt_program_create(&p, &r->err));
  const frt_status_t status = frt_executor_run(r->exe, p, r->scope, NULL, 0, NULL, 0, NULL,
                                               NULL, &r->err);
  frt_program_release(p);
  return status;
}

static frt_status_t other_scope(rig_t *r) {
  rig_train(r, NULL);
  frt_scope_release(r->scope);
  MUST(frt_scope_create(r->rt, &r->scope, &r->err));
  const frt_fetch_t f = {.var = r->loss.name};
  frt_tensor_t *out = NULL;
  return rig_run(r, &f, 1, &out, 0);
}

/* The label is cut away; the caller's feeds are what they were. */
static frt_status_t feeds_stay(rig_t *r) {
  const frt_run_options_t o = {.struct_size = sizeof o, .use_prune = 1};
  frt_feed_t feed[] = {{"x", r->x_data}, {"label", r->label_data}}, before[2];
  const frt_fetch_t f = {.var = r->loss.name};
  frt_tensor_t *out = NULL;
  rig_train(r, NULL);
  memcpy(before, feed, sizeof feed);
  const frt_status_t status = frt_executor_run(r->exe, frt_builder_main(r->b), r->scope, feed,
                                               2, &f, 1, &out, &o, &r->err);
  assert_memory_equal(before, feed, sizeof feed);
  frt_tensor_release(out);
  return status;
}

/* out := 7 is added. A pruned run keeps the first op that writes a fetched variable, so it
 * does not see that; an unpruned one does. By the rule, not by a cache that is stale. */
static frt_status_t added_ops(rig_t *r) {
  const frt_fetch_t f = {.var = r->out.name};
  frt_tensor_t *out = NULL;
  rig_train(r, NULL);
  MUST(rig_run(r, &f, 1, &out, 1));
  assert_true(*(const float *)frt_tensor_data(out) != 7);
  const frt_attr_info_t seven[] = {{.name = "scale", .f = 0}, {.name = "bias", .f = 7}};
  const frt_op_slot_t slot_in = {"X", 1, &r->out.name}, slot_out = {"Out", 1, &r->out.name};
  MUST(frt_append_op(r->b, "scale", &slot_in, 1, &slot_out, 1, seven, 2, NULL, &r->err));
  MUST(rig_run(r, &f, 1, &out, 1));
  assert_true(*(const float *)frt_tensor_data(out) != 7);
  const frt_status_t status = rig_run(r, &f, 1, &out, 0);
  assert_true(*(const float *)frt_tensor_data(out) == 7);
  frt_tensor_release(out);
  return status;
}

static float weight(rig_t *r, frt_scope_t *scope) {
  frt_scope_t *was = r->scope;
  const frt_fetch_t f = {.var = "fc_1.b_0"};
  frt_tensor_t *out = NULL;
  frt_program_t *p = NULL;
  r->scope = scope;
  MUST(frt_program_clone(frt_builder_main(r->b), 1, &p, &r->err));
  const frt_feed_t feed[] = {{"x", r->x_data}, {"label", r->label_data}};
  MUST(frt_executor_run(r->exe, p, scope, feed, 2, &f, 1, &out, NULL, &r->err));
  const float v = *(const float *)frt_tensor_data(out);
  frt_tensor_release(out);
  frt_program_release(p);
  r->scope = was;
  return v;
}

/* The second run, in another scope, trains that scope, and the first stays. */
static frt_status_t each_run_its_scope(rig_t *r) {
  frt_scope_t *first = r->scope, *second = NULL;
  rig_train(r, NULL);
  MUST(frt_scope_create(r->rt, &second, &r->err));
  MUST(frt_executor_run(r->exe, frt_builder_startup(r->b), second, NULL, 0, NULL, 0, NULL,
                        NULL, &r->err));
  const float start = weight(r, second);
  MUST(rig_run(r, NULL, 0, NULL, 0));
  const float after_first = weight(r, first);
  r->scope = second;
  const frt_status_t status = rig_run(r, NULL, 0, NULL, 0);
  assert_true(weight(r, first) == after_first);
  assert_true(weight(r, second) != start);
  r->scope = first;
  frt_scope_release(second);
  return status;
}

/* ---- optimizers ------------------------------------------------------------------------- */

static frt_status_t vector_loss(rig_t *r) {
  MUST(frt_lars_momentum_create(r->b, 0.1, 0.9, NULL, &r->optimizer, &r->err));
  return frt_optimizer_minimize(r->optimizer, r->out, NULL, NULL, &r->err);
}

static frt_status_t no_rate(rig_t *r) {
  const frt_optimizer_options_t o = {.momentum = 0.9};
  return frt_optimizer_create(r->b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, &r->optimizer, &r->err);
}

static frt_status_t no_such_clip(rig_t *r) {
  const frt_optimizer_options_t o = {.grad_clip = {.kind = 9}};
  return frt_lars_momentum_create(r->b, 0.1, 0.9, &o, &r->optimizer, &r->err);
}

static frt_status_t no_parameters(rig_t *r) {
  frt_var_t loss;
  MUST(frt_layers_mean(r->b, r->side, &loss, &r->err));
  MUST(frt_lars_momentum_create(r->b, 0.1, 0.9, NULL, &r->optimizer, &r->err));
  const frt_status_t status =
      frt_optimizer_minimize(r->optimizer, loss, NULL, &r->minimized, &r->err);
  assert_int_equal(r->minimized.n_ops + r->minimized.n_pairs, 0);
  return status;
}

static frt_status_t minimize_twice(rig_t *r) {
  rig_train(r, NULL);
  return frt_optimizer_minimize(r->optimizer, r->loss, NULL, NULL, &r->err);
}

static frt_status_t unknown_parameters(rig_t *r) {
  const char *const list[] = {"nope"};
  const frt_minimize_options_t m = {.parameter_list = list, .n_parameters = 1};
  MUST(frt_lars_momentum_create(r->b, 0.1, 0.9, NULL, &r->optimizer, &r->err));
  const frt_status_t status =
      frt_optimizer_minimize(r->optimizer, r->loss, &m, &r->minimized, &r->err);
  assert_int_equal(r->minimized.n_ops + r->minimized.n_pairs, 0);
  return status;
}

static frt_status_t current_step_lr(rig_t *r) {
  double rate;
  rig_train(r, NULL);
  return frt_optimizer_current_step_lr(r->optimizer, &rate, &r->err);
}

/* ---- tables ------------------------------------------------------------------------------- */

#define FLAT "a fetch list is a flat array of names and operators"
#define FEEDS "feeds are an array of names and tensors"
const pin_t pins_executor_errors[] = {
    {"feed_missing", SAME, feed_missing, FRT_FAILED_PRECONDITION,
     "1 feed is missing: 'x' (read by op #1 mul)"},
    {"feed_unknown", DIFFERS, feed_unknown, FRT_NOT_FOUND,
     "feed 'lable': not in block 0; nearest is 'label'", "a misspelt feed is a mistake"},
    {"feed_wrong_shape_checked", SAME, wrong_shape, FRT_INVALID_ARGUMENT,
     "feed 'x' has shape [4, 3]; wanted [-1, 2]"},
    {"feed_wrong_rank_checked", SAME, wrong_rank, FRT_INVALID_ARGUMENT,
     "feed 'x' has shape [2]; wanted [-1, 2]"},
    {"feed_wrong_dtype_checked", SAME, wrong_dtype, FRT_INVALID_ARGUMENT,
     "feed 'x' has dtype float64; wanted float32"},
    {"feed_wrong_shape_unchecked", SAME, wrong_shape_unchecked, FRT_INVALID_ARGUMENT,
     "feed 'unchecked' has shape [4, 3]; wanted [-1, 2]"},
    {"feed_wrong_dtype_unchecked", SAME, wrong_dtype_unchecked, FRT_INVALID_ARGUMENT,
     "feed 'unchecked' has dtype float64; wanted float32"},
    {"fetch_unknown", SAME, fetch_unknown, FRT_NOT_FOUND, "fetch 'nothing': not in block 0"},
    {"fetch_parameter", SAME, fetch_parameter, FRT_OK, NULL},
    {"fetch_none", SAME, fetch_none, FRT_OK, NULL},
    {"startup_not_run", SAME, startup_not_run, FRT_FAILED_PRECONDITION,
     "4 variables are not initialized (run the startup program first): 'fc_0.w_0' (read by op "
     "#1 mul), 'fc_0.b_0' (read by op #2 elementwise_add), 'fc_1.w_0' (read by op #4 mul), "
     "'fc_1.b_0' (read by op #5 elementwise_add)"},
    {"minimize_vector_loss", SAME, vector_loss, FRT_INVALID_ARGUMENT,
     "backward: loss 'fc_1.tmp_1' has shape [-1, 2]; wanted [1]"},
    {"lr_int", NO_WORDS, NULL, FRT_OK, NULL, "the rate is a double; C converts an int"},
    {"lr_none", SAME, no_rate, FRT_INVALID_ARGUMENT,
     "LarsMomentumOptimizer: learning_rate is not given; FRT_ZERO is a real 0"},
    {"grad_clip_wrong_type", SAME, no_such_clip, FRT_INVALID_ARGUMENT,
     "LarsMomentumOptimizer: grad_clip kind 9 does not exist"},
    {"prune_fetch_unknown", SAME, prune_fetch_unknown, FRT_NOT_FOUND,
     "fetch 'nothing': not in block 0"},
    {"prune_fetch_parameter", SAME, prune_fetch_parameter, FRT_OK, NULL},
    {"prune_feed_missing", SAME, prune_feed_missing, FRT_FAILED_PRECONDITION,
     "1 feed is missing: 'x' (read by op #1 mul)"},
    {"minimize_without_parameters", SAME, no_parameters, FRT_OK, NULL},
    {"minimize_twice_same_optimizer", SAME, minimize_twice, FRT_ALREADY_EXISTS,
     "LarsMomentumOptimizer: parameter 'fc_0.b_0' has its accumulator velocity already"},
    {"parameter_list_unknown", SAME, unknown_parameters, FRT_OK, NULL},
    {"feed_python_list", NO_WORDS, NULL, FRT_OK, NULL, FEEDS},
    {"executor_closed", NO_WORDS, NULL, FRT_OK, NULL, "an executor that was released is gone"},
    {"tuple_with_grad_clip", DIFFERS, whole_result_with_clip, FRT_OK, NULL,
     "a prune keeps the clip that a kept update reads"},
    {"current_step_lr_static", SAME, current_step_lr, FRT_FAILED_PRECONDITION,
     "LarsMomentumOptimizer: current_step_lr needs imperative mode; this optimizer builds "
     "static graphs"},
    {0}};

const pin_t pins_executor_forms[] = {
    {"list_in_list_in_list", NO_WORDS, NULL, FRT_OK, NULL, FLAT},
    {"tuple_in_list_in_list", NO_WORDS, NULL, FRT_OK, NULL, FLAT},
    {"ops_in_list_in_list", NO_WORDS, NULL, FRT_OK, NULL, FLAT},
    {"fetch_list_is_the_tuple", NO_WORDS, NULL, FRT_OK, NULL, FLAT},
    {"fetch_list_is_an_operator", NO_WORDS, NULL, FRT_OK, NULL, FLAT},
    {"fetch_list_is_a_set", NO_WORDS, NULL, FRT_OK, NULL, FLAT},
    {"operator_not_optimizer", SAME, not_an_update, FRT_INVALID_ARGUMENT, 
     "block 0 op #1 mul: in the fetch list, but no update op (op_role 0, wanted 2)"},
    {"item_int", SAME, no_such_operator, FRT_INVALID_ARGUMENT, 
     "fetch of operator 3000 of block 0: block 0 has operators 0 to 17"},
    {"item_none", SAME, nothing_in_the_list, FRT_INVALID_ARGUMENT, 
     "fetch of operator -1 of block 0: block 0 has operators 0 to 17"},
    {"empty_python_tuple", DIFFERS, empty_result, FRT_OK, NULL,
     "nothing added to a list is nothing"},
    {"duplicates", SAME, duplicates, FRT_OK, NULL},
    {"parameter_with_its_operator", SAME, own_operator, FRT_OK, NULL},
    {"parameter_without_its_operator", SAME, other_operator, FRT_NOT_FOUND, 
     "fetch 'fc_0.b_0': no op that pruning may keep writes it"},
    {"parameter_and_variable", DIFFERS, name_and_operator, FRT_OK, NULL,
     "names are compared as names"},
    {"parameter_and_name", SAME, name_and_operator, FRT_OK, NULL},
    {"program_none", DIFFERS, no_program, FRT_INVALID_ARGUMENT, "run needs a program, a scope",
     "the default main program is a builder's: frt_builder_main"},
    {"program_wrong_type", NO_WORDS, NULL, FRT_OK, NULL, "a program has a type"},
    {"program_empty", SAME, empty_program, FRT_OK, NULL},
    {"feed_none", SAME, no_feed_no_fetch, FRT_OK, NULL},
    {"feed_list_of_one", NO_WORDS, NULL, FRT_OK, NULL, FEEDS},
    {"feed_list_of_two", NO_WORDS, NULL, FRT_OK, NULL, FEEDS},
    {"feed_wrong_type", NO_WORDS, NULL, FRT_OK, NULL, FEEDS},
    {"return_numpy_false", NO_WORDS, NULL, FRT_OK, NULL, "results are always tensors"},
    {"scope_none", DIFFERS, no_scope, FRT_INVALID_ARGUMENT, "run needs a program, a scope",
     "there is no global scope"},
    {"scope_without_startup", SAME, other_scope, FRT_FAILED_PRECONDITION, 
     "9 variables are not initialized (run the startup program first): 'fc_0.w_0' (read by op "
     "#1 mul), 'fc_0.b_0' (read by op #2 elementwise_add), 'fc_1.w_0' (read by op #4 mul), "
     "'fc_1.b_0' (read by op #5 elementwise_add), 'fc_0.b_0_velocity_0' (read by op #14 "
     "lars_momentum), 'learning_rate_0' (read by op #14 lars_momentum), 'fc_0.w_0_velocity_0' "
     "(read by op #..."},
    {"prune_changes_the_feed_dict", DIFFERS_IN_RESULT, feeds_stay, FRT_OK, NULL,
     "the caller's feeds are borrowed"},
    {"prune_cache_is_stale", SAME, added_ops, FRT_OK, NULL},
    {"program_cache_keeps_the_scope", DIFFERS_IN_RESULT, each_run_its_scope, FRT_OK, NULL,
     "a plan is bound to the scope of each run"},
    {0}};
