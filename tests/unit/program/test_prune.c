/* Pruning: the recorded cases, then our repair and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/base.h"
#include "base/fault.h"
#include "program/ir.h"
#include "unit/golden.h"

/* ---- recorded cases ----------------------------------------------------------------- */

static const char quirk[] = "prune_minimize_tuple_l2_quirk";

static frt_program_t *load(zip_t *z, const char *name, const char *stem) {
  char member[128];
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  size_t n;
  snprintf(member, sizeof member, "%s%s", stem, strstr(stem, ".pb") ? "" : ".pb");
  void *bytes = golden_read(z, name, member, &n);
  assert_non_null(bytes);
  if (frt_program_parse(bytes, n, NULL, &p, &err) != FRT_OK) fail_msg("%s", err.message);
  free(bytes);
  return p;
}

static size_t strings(json_t *list, const char *to[64]) {
  size_t n = json_array_size(list);
  assert_true(n <= 64);
  for (size_t i = 0; i < n; ++i) to[i] = json_string_value(json_array_get(list, i));
  return n;
}

static frt_program_t *prune_as(const frt_program_t *p, json_t *step, int paddle_rule,
                               uint32_t **kept, size_t *n_kept) {
  const char *feeds[64], *fetches[64];
  uint32_t ops[64];
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *out;
  json_t *listed = json_object_get(step, "minimize_ops_in_fetch");
  frt_prune_request_t r = {.struct_size = sizeof r, .feeds = feeds, .fetches = fetches,
                           .ops = ops, .paddle_rule = paddle_rule};
  r.n_feeds = strings(json_object_get(step, "feeds"), feeds);
  r.n_fetches = strings(json_object_get(step, "fetches"), fetches);
  r.n_ops = json_array_size(listed);
  for (size_t i = 0; i < r.n_ops; ++i)
    ops[i] = (uint32_t)json_integer_value(json_array_get(listed, i));
  if (frt_program_prune(p, &r, &out, kept, n_kept, &err) != FRT_OK)
    fail_msg("%s", err.message);
  return out;
}

/* Block by block: as many ops, of the same types, with the same arguments. */
static bool same_slots(const frti_slot_t *a, const frti_slot_t *b, uint32_t n) {
  for (uint32_t s = 0; s < n; ++s) {
    if (strcmp(a[s].name, b[s].name) || a[s].n != b[s].n) return false;
    for (uint32_t i = 0; i < a[s].n; ++i)
      if (strcmp(a[s].args[i], b[s].args[i])) return false;
  }
  return true;
}

static bool same_program(const frt_program_t *a, const frt_program_t *b) {
  if (a->n_blocks != b->n_blocks) return false;
  for (uint32_t k = 0; k < a->n_blocks; ++k) {
    const frti_block_t *x = &a->blocks[k], *y = &b->blocks[k];
    if (x->n_ops != y->n_ops || x->n_vars != y->n_vars || x->parent != y->parent)
      return false;
    for (uint32_t o = 0; o < x->n_ops; ++o) {
      const frti_op_t *i = &x->ops[o], *j = &y->ops[o];
      if (strcmp(i->type, j->type) || i->n_in != j->n_in || i->n_out != j->n_out ||
          i->n_attrs != j->n_attrs || !same_slots(i->in, j->in, i->n_in) ||
          !same_slots(i->out, j->out, i->n_out))
        return false;
    }
    for (uint32_t v = 0; v < x->n_vars; ++v) {
      frt_var_info_t info;
      if (frt_program_find_var(b, (int32_t)k, x->vars[v].name, &info, NULL) != FRT_OK)
        return false;
    }
  }
  return true;
}

static void same_as_listed(const frt_program_t *p, json_t *step) {
  json_t *blocks = json_object_get(step, "pruned_op_sequence");
  json_t *vars = json_object_get(step, "pruned_vars");
  size_t n_vars = 0;
  if (!blocks) return; /* the step reuses an earlier program */
  assert_int_equal(json_array_size(blocks), p->n_blocks);
  for (uint32_t b = 0; b < p->n_blocks; ++b) {
    json_t *types = json_array_get(blocks, b);
    assert_int_equal(json_array_size(types), p->blocks[b].n_ops);
    for (uint32_t o = 0; o < p->blocks[b].n_ops; ++o)
      assert_string_equal(json_string_value(json_array_get(types, o)),
                          p->blocks[b].ops[o].type);
    n_vars += p->blocks[b].n_vars;
  }
  assert_int_equal(json_array_size(vars), n_vars);
  for (size_t i = 0; i < json_array_size(vars); ++i) {
    const char *name = json_string_value(json_array_get(vars, i));
    frt_var_info_t info;
    assert_int_equal(frt_program_find_var(p, 0, name, &info, NULL), FRT_OK);
  }
}

/* The pruned program loads again from its own bytes: nothing dangles. */
static void loads_again(const frt_program_t *p) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *again;
  void *bytes;
  size_t n;
  assert_int_equal(frt_program_serialize(p, &bytes, &n, &err), FRT_OK);
  if (frt_program_parse(bytes, n, NULL, &again, &err) != FRT_OK)
    fail_msg("%s", err.message);
  assert_true(same_program(p, again));
  frt_program_release(again);
  frt_free(bytes);
}

static void check_step(zip_t *z, const char *name, json_t *step) {
  frt_program_t *p = load(z, name, json_string_value(json_object_get(step, "program")));
  frt_program_t *recorded =
      load(z, name, json_string_value(json_object_get(step, "pruned_program")));
  bool cut = !strcmp(name, quirk) && json_object_get(step, "minimize_ops_in_fetch");
  for (int paddle_rule = 0; paddle_rule < 2; ++paddle_rule) {
    uint32_t *kept;
    size_t n_kept;
    frt_program_t *ours = prune_as(p, step, paddle_rule, &kept, &n_kept);
    assert_true(same_program(ours, recorded) == (paddle_rule || !cut));
    if (paddle_rule || !cut) same_as_listed(ours, step);
    assert_int_equal(n_kept, ours->blocks[0].n_ops);
    for (size_t i = 0; i < n_kept; ++i)
      assert_string_equal(p->blocks[0].ops[kept[i]].type, ours->blocks[0].ops[i].type);
    loads_again(ours);
    frt_free(kept);
    frt_program_release(ours);
  }
  frt_program_release(recorded);
  frt_program_release(p);
}

static void recorded_cases_leave_what_fluid_left(void **state) {
  FRTI_UNUSED(state);
  static const char *const cases[] = {
      "fetch_list_forms", "prune_feed_intermediate", "prune_fetch_grad", "prune_fetch_name",
      "prune_fetch_name_clip_l2", "prune_intermediate", "prune_intermediate_forward",
      "prune_minimize_tuple", quirk, "prune_minimize_tuple_only",
      "prune_minimize_tuple_piecewise", "prune_off_then_on", "prune_two_losses"};
  size_t checked = 0;
  for (size_t c = 0; c < FRTI_COUNT(cases); ++c) {
    size_t n;
    zip_t *z = golden_open(cases[c]);
    assert_non_null(z);
    char *text = golden_read(z, cases[c], "case.json", &n);
    assert_non_null(text);
    json_t *root = json_loadb(text, n, 0, NULL), *step;
    assert_non_null(root);
    size_t i;
    json_array_foreach(json_object_get(root, "steps"), i, step) {
      if (!json_object_get(step, "pruned_program")) continue;
      check_step(z, cases[c], step);
      ++checked;
    }
    json_decref(root);
    free(text);
    zip_close(z);
  }
  assert_int_equal(checked, 46);
}

/* ---- programs of our own --------------------------------------------------------------- */

static void add_var(frt_program_t *p, int32_t b, const char *name, int persistable) {
  const int64_t dims[] = {2};
  frt_var_info_t v = {.name = name, .kind = FRT_VAR_LOD_TENSOR, .dtype = FRT_F32, .rank = 1,
                      .dims = dims, .persistable = persistable};
  assert_int_equal(frt_program_add_var(p, b, &v, NULL), FRT_OK);
}

static uint32_t add_op(frt_program_t *p, int32_t b, const char *type, const char *x,
                       const char *out, int role) {
  uint32_t op;
  assert_int_equal(frt_program_add_op(p, b, type, &op, NULL), FRT_OK);
  if (x) frt_program_set_input(p, b, op, "X", &x, 1, NULL);
  frt_program_set_output(p, b, op, "Out", &out, 1, NULL);
  frt_program_set_attr_int(p, b, op, "op_role", role, NULL);
  return op;
}

static uint32_t add_update(frt_program_t *p, const char *param, const char *grad) {
  uint32_t op;
  assert_int_equal(frt_program_add_op(p, 0, "sgd", &op, NULL), FRT_OK);
  frt_program_set_input(p, 0, op, "Param", &param, 1, NULL);
  frt_program_set_input(p, 0, op, "Grad", &grad, 1, NULL);
  frt_program_set_output(p, 0, op, "ParamOut", &param, 1, NULL);
  frt_program_set_attr_int(p, 0, op, "op_role", 2, NULL);
  return op;
}

/* x -> relu -> h -> mean -> loss; h@GRAD -> clip -> c -> sgd w; square of x aside. */
static frt_program_t *small(void) {
  static const char *const vars[] = {"x", "h", "loss", "g", "c", "side"};
  frt_program_t *p;
  assert_int_equal(frt_program_create(&p, NULL), FRT_OK);
  for (size_t i = 0; i < FRTI_COUNT(vars); ++i) add_var(p, 0, vars[i], 0);
  add_var(p, 0, "w", 1);
  add_op(p, 0, "relu", "w", "h", 0);      /* 0 */
  add_op(p, 0, "mean", "h", "loss", 256); /* 1 */
  add_op(p, 0, "square", "x", "side", 0); /* 2 */
  add_op(p, 0, "relu", "h", "g", 1);      /* 3 */
  add_op(p, 0, "clip", "g", "c", 2);      /* 4 */
  add_update(p, "w", "c");                /* 5 */
  return p;
}

static frt_status_t prune(const frt_program_t *p, const char *feed, const char *fetch,
                          int32_t op, int paddle_rule, char *kept_text, frt_error_t *err) {
  uint32_t at = (uint32_t)op, *kept;
  size_t n_kept;
  frt_program_t *out;
  frt_prune_request_t r = {.struct_size = sizeof r, .feeds = &feed, .n_feeds = feed != NULL,
                           .fetches = &fetch, .n_fetches = fetch != NULL, .ops = &at,
                           .n_ops = op >= 0, .paddle_rule = paddle_rule};
  frt_status_t status = frt_program_prune(p, &r, &out, &kept, &n_kept, err);
  if (status != FRT_OK) {
    assert_null(out);
    assert_null(kept);
    return status;
  }
  *kept_text = 0;
  for (size_t i = 0; i < n_kept; ++i) sprintf(kept_text + strlen(kept_text), "%u ", kept[i]);
  loads_again(out);
  frt_free(kept);
  frt_program_release(out);
  return status;
}

static void a_named_update_keeps_its_clip(void **state) {
  FRTI_UNUSED(state);
  frt_program_t *p = small();
  char kept[64];
  assert_int_equal(prune(p, NULL, "loss", 5, 0, kept, NULL), FRT_OK);
  assert_string_equal(kept, "0 1 3 4 5 ");
  assert_int_equal(prune(p, NULL, "loss", 5, 1, kept, NULL), FRT_OK);
  assert_string_equal(kept, "0 1 5 "); /* Fluid's quirk: the backward pass goes too */
  assert_int_equal(prune(p, NULL, "loss", -1, 0, kept, NULL), FRT_OK);
  assert_string_equal(kept, "0 1 3 4 5 ");
  /* A clipped gradient is fetched beside the update that reads it. */
  assert_int_equal(prune(p, NULL, "c", 5, 0, kept, NULL), FRT_OK);
  assert_string_equal(kept, "0 3 4 5 ");
  frt_program_release(p);
}

static void a_fed_intermediate_cuts_its_producers(void **state) {
  FRTI_UNUSED(state);
  frt_program_t *p = small();
  char kept[64];
  assert_int_equal(prune(p, "h", "loss", -1, 0, kept, NULL), FRT_OK);
  assert_string_equal(kept, "1 3 4 5 ");
  assert_int_equal(prune(p, "loss", "loss", 5, 0, kept, NULL), FRT_OK);
  assert_string_equal(kept, "0 3 4 5 ");
  frt_program_release(p);
}

static void unwritten_and_unknown_fetches_are_named(void **state) {
  FRTI_UNUSED(state);
  frt_program_t *p = small();
  frt_error_t err = FRT_ERROR_INIT;
  char kept[64];
  assert_int_equal(prune(p, NULL, "los", -1, 0, kept, &err), FRT_NOT_FOUND);
  assert_string_equal(err.message, "fetch 'los': not in block 0; nearest is 'loss'");
  assert_string_equal(err.name, "los");
  assert_int_equal(err.phase, FRT_PHASE_PLAN);
  assert_int_equal(prune(p, NULL, "x", -1, 0, kept, &err), FRT_NOT_FOUND);
  assert_string_equal(err.message, "fetch 'x': no op that pruning may keep writes it");
  assert_int_equal(prune(p, NULL, "w", -1, 0, kept, &err), FRT_OK); /* the update is kept */
  assert_int_equal(prune(p, NULL, "c", 5, 1, kept, &err), FRT_NOT_FOUND);
  frt_program_release(p);
}

static void only_update_ops_may_be_named(void **state) {
  FRTI_UNUSED(state);
  frt_program_t *p = small();
  frt_error_t err = FRT_ERROR_INIT;
  char kept[64];
  assert_int_equal(prune(p, NULL, "loss", 1, 0, kept, &err), FRT_INVALID_ARGUMENT);
  assert_string_equal(err.message, "block 0 op #1 mean: in the fetch list, but no update op "
                                   "(op_role 256, wanted 2)");
  assert_int_equal(err.op, 1);
  assert_int_equal(prune(p, NULL, "loss", 6, 0, kept, &err), FRT_INVALID_ARGUMENT);
  assert_string_equal(err.message, "operator 6 in the fetch list: block 0 has 6 ops");
  frt_program_release(p);
}

/* A loop keeps its body whole, what the body reads outside, and the blocks' numbers. */
static void bodies_stay_with_what_they_read(void **state) {
  FRTI_UNUSED(state);
  static const char *const vars[] = {"a", "b", "out", "cond"};
  frt_program_t *p, *cut;
  int32_t idle, body;
  char kept[64];
  assert_int_equal(frt_program_create(&p, NULL), FRT_OK);
  for (size_t i = 0; i < FRTI_COUNT(vars); ++i) add_var(p, 0, vars[i], 0);
  frt_program_add_block(p, 0, &idle, NULL);
  frt_program_add_block(p, 0, &body, NULL);
  add_var(p, body, "inner", 0);
  add_op(p, body, "relu", "a", "inner", 0);
  add_op(p, body, "relu", "inner", "out", 0);
  add_op(p, idle, "relu", "b", "b", 0);
  add_op(p, 0, "fill_constant", NULL, "a", 0);    /* 0 */
  add_op(p, 0, "fill_constant", NULL, "b", 0);    /* 1 */
  add_op(p, 0, "fill_constant", NULL, "cond", 0); /* 2 */
  for (int32_t b = 1; b <= 2; ++b) {              /* 3: idle, 4: body */
    uint32_t at = add_op(p, 0, "conditional_block", "cond", b == idle ? "b" : "out", 0);
    frt_attr_info_t block = {.name = "sub_block", .type = FRTI_WIRE_BLOCK, .count = 1,
                             .i = b};
    assert_int_equal(frt_program_set_attr(p, 0, at, &block, NULL), FRT_OK);
  }
  assert_int_equal(prune(p, NULL, "out", -1, 0, kept, NULL), FRT_OK);
  assert_string_equal(kept, "0 2 4 ");
  const char *fetch = "out";
  frt_prune_request_t r = {.struct_size = sizeof r, .fetches = &fetch, .n_fetches = 1};
  assert_int_equal(frt_program_prune(p, &r, &cut, NULL, NULL, NULL), FRT_OK);
  assert_int_equal(cut->n_blocks, 3);
  assert_int_equal(cut->blocks[idle].n_ops, 0);
  assert_int_equal(cut->blocks[idle].parent, 0);
  assert_int_equal(cut->blocks[body].n_ops, 2);
  assert_int_equal(cut->blocks[body].n_vars, 1);
  assert_int_equal(cut->blocks[0].n_vars, 3); /* a, out, cond */
  frt_program_release(cut);
  frt_program_release(p);
}

static int calls_left;
static bool after_some(void) { return calls_left-- <= 0; }

static void memory_that_is_out_leaks_nothing(void **state) {
  FRTI_UNUSED(state);
  frt_program_t *p = small(), *out;
  const char *fetch = "loss";
  frt_prune_request_t r = {.struct_size = sizeof r, .fetches = &fetch, .n_fetches = 1};
  frt_status_t status = FRT_RESOURCE_EXHAUSTED;
  uint32_t *kept;
  size_t n_kept;
  int n = 0;
  for (; status != FRT_OK && n < 10000; ++n) {
    calls_left = n;
    frti_alloc_fails = after_some;
    status = frt_program_prune(p, &r, &out, &kept, &n_kept, NULL);
    frti_alloc_fails = NULL;
    if (status == FRT_OK) break;
    assert_int_equal(status, FRT_RESOURCE_EXHAUSTED);
    assert_null(out);
    assert_null(kept);
  }
  assert_int_equal(status, FRT_OK);
  assert_true(n > 3);
  frt_free(kept);
  frt_program_release(out);
  frt_program_release(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(recorded_cases_leave_what_fluid_left),
      cmocka_unit_test(a_named_update_keeps_its_clip),
      cmocka_unit_test(a_fed_intermediate_cuts_its_producers),
      cmocka_unit_test(unwritten_and_unknown_fetches_are_named),
      cmocka_unit_test(only_update_ops_may_be_named),
      cmocka_unit_test(bodies_stay_with_what_they_read),
      cmocka_unit_test(memory_that_is_out_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
