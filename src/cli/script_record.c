/* What a script records, and the comparison with what the case holds. */
#include <stdlib.h>
#include <string.h>

#include "script.h"

#define WHAT(name)                                                                  \
  static frt_status_t name(frti_cli_script_t *s, const json_t *step, json_t **out, \
      frt_error_t *err)
#define OF frti_cli_script_text(step, "of")

/* An array is judged at once, against arrays/KEY.npy. */
static void judge_array(frti_cli_script_t *s, const char *key, const frt_tensor_t *got) {
  const frti_cli_tolerance_t t = frti_cli_case_tolerance(s->r->c, key);
  frti_cli_verdict_t v;
  frt_tensor_t *want = frti_cli_case_tensor(s->r, s->place, "arrays", key);
  if (!want) return;
  frti_cli_judge(got, want, &t, &v);
  frti_cli_case_judged(s->r, s->place, key, &v);
  frt_tensor_release(want);
}

/* Takes the reference. */
static json_t *array(frti_cli_script_t *s, const json_t *step, frt_tensor_t *t) {
  judge_array(s, frti_cli_script_text(step, "key"), t);
  frt_tensor_release(t);
  return json_true();
}

WHAT(value) {
  frt_tensor_t *t = NULL;
  frt_var_t v;
  FRT_TRY(frti_cli_script_var(s, OF, &v, err));
  FRT_TRY(frt_imperative_value(s->im, v, &t, err));
  *out = array(s, step, t);
  return FRT_OK;
}

WHAT(gradient) {
  frt_tensor_t *t = NULL;
  frt_var_t v;
  FRT_TRY(frti_cli_script_var(s, OF, &v, err));
  FRT_TRY(frt_imperative_gradient(s->im, v, &t, err));
  *out = array(s, step, t);
  return FRT_OK;
}

WHAT(item) {
  frt_tensor_t *t = NULL;
  frt_var_t v;
  FRT_TRY(frti_cli_script_var(s, OF, &v, err));
  FRT_TRY(frt_imperative_value(s->im, v, &t, err));
  *out = json_real(frti_cli_element(t, 0));
  frt_tensor_release(t);
  return FRT_OK;
}

WHAT(rate) {
  frti_cli_item_t *o;
  double lr;
  FRT_TRY(frti_cli_script_item(s, OF, ITEM_OPTIMIZER, &o, err));
  FRT_TRY(frt_optimizer_current_step_lr(o->optimizer, &lr, err));
  *out = json_real(lr);
  return FRT_OK;
}

WHAT(state) {
  const bool number = !json_object_get(step, "accumulator");
  frt_tensor_t *t = NULL;
  frti_cli_item_t *o;
  FRT_TRY(frti_cli_script_item(s, OF, ITEM_OPTIMIZER, &o, err));
  FRT_TRY(frt_optimizer_state(o->optimizer, frti_cli_script_text(step, "name"), &t, err));
  *out = number ? json_integer((json_int_t)frti_cli_element(t, 0)) : array(s, step, t);
  if (number) frt_tensor_release(t);
  return FRT_OK;
}

WHAT(state_keys) {
  const char **names = NULL;
  size_t n = 0;
  frti_cli_item_t *o;
  FRT_TRY(frti_cli_script_item(s, OF, ITEM_OPTIMIZER, &o, err));
  FRT_TRY(frt_optimizer_state_names(o->optimizer, &names, &n, err));
  *out = json_array();
  for (size_t i = 0; i < n; ++i) json_array_append_new(*out, json_string(names[i]));
  frt_free(names);
  return FRT_OK;
}

WHAT(parameter_names) {
  frti_cli_item_t *l;
  FRT_TRY(frti_cli_script_item(s, OF, ITEM_LAYER, &l, err));
  *out = json_array();
  json_array_append_new(*out, json_string(l->layer.weight.name));
  if (l->layer.bias.name) json_array_append_new(*out, json_string(l->layer.bias.name));
  return FRT_OK;
}

WHAT(pair_names) {
  frti_cli_item_t *m;
  FRT_TRY(frti_cli_script_item(s, OF, ITEM_MINIMIZED, &m, err));
  *out = json_array();
  for (size_t i = 0; i < m->minimized.n_pairs; ++i)
    json_array_append_new(*out, json_string(m->minimized.pairs[i].param));
  return FRT_OK;
}

WHAT(pair_count) {
  frti_cli_item_t *m;
  FRT_TRY(frti_cli_script_item(s, OF, ITEM_MINIMIZED, &m, err));
  *out = json_integer((json_int_t)m->minimized.n_pairs);
  return FRT_OK;
}

WHAT(minimize_return) {
  frti_cli_item_t *m;
  json_t *names = NULL;
  FRT_TRY(frti_cli_script_item(s, OF, ITEM_MINIMIZED, &m, err));
  FRT_TRY(pair_names(s, step, &names, err));
  *out = json_array();
  json_array_append_new(*out, json_string("tuple"));
  json_array_append_new(*out, json_integer((json_int_t)m->minimized.n_ops));
  json_array_append_new(*out, names);
  return FRT_OK;
}

WHAT(op_count) {
  frti_cli_item_t *p;
  FRT_TRY(frti_cli_script_item(s, OF, ITEM_PROGRAM, &p, err));
  *out = json_integer(frt_program_n_ops(p->program, 0));
  return FRT_OK;
}

WHAT(error) {
  (void)step;
  if (!s->error && !s->skipped)
    return frt_fail(err, FRT_DATA_LOSS, "the step before has not failed");
  *out = s->skipped ? json_null() : json_string(s->error);
  return FRT_OK;
}

static const struct {
  const char *what;
  frt_status_t (*see)(
      frti_cli_script_t *s, const json_t *step, json_t **out, frt_error_t *err);
} WHATS[] = {{"value", value}, {"gradient", gradient}, {"item", item}, {"lr", rate},
    {"state", state}, {"state_keys", state_keys}, {"parameter_names", parameter_names},
    {"minimize_return", minimize_return}, {"pair_names", pair_names},
    {"pair_count", pair_count}, {"op_count", op_count}, {"error", error}};

frt_status_t frti_cli_script_record(
    frti_cli_script_t *s, const json_t *step, frt_error_t *err) {
  const char *what = frti_cli_script_text(step, "what");
  const char *key = frti_cli_script_text(step, "key");
  json_t *got = NULL, *list;
  size_t i = 0;
  const size_t n = sizeof WHATS / sizeof WHATS[0];
  while (i < n && strcmp(WHATS[i].what, what)) ++i;
  if (i == n) return frt_fail(err, FRT_DATA_LOSS, "'%s' cannot be recorded here", what);
  FRT_TRY(WHATS[i].see(s, step, &got, err));
  if (json_is_true(json_object_get(step, "field"))) {
    ++s->r->out->tensors;
    if (!json_equal(got, json_object_get(s->r->c->json, key)))
      frti_cli_case_failed(s->r, s->place, "'%s' is not what the case holds", key);
    json_decref(got);
    return FRT_OK;
  }
  if (!json_is_true(json_object_get(step, "append")))
    return json_object_set_new(s->got, key, got) ? frt_fail(err, FRT_RESOURCE_EXHAUSTED,
                                                       "out of memory")
                                                 : FRT_OK;
  list = json_object_get(s->got, key);
  if (!list) json_object_set_new(s->got, key, list = json_array());
  json_array_append_new(list, got);
  return FRT_OK;
}

/* ---- judging ------------------------------------------------------------------------ */

/* A number or a list of them as one tensor; NULL: it is something else, or whole. */
static frt_tensor_t *numbers(const json_t *v) {
  const bool list = json_is_array(v);
  const int64_t n = list ? (int64_t)json_array_size(v) : 1;
  frt_tensor_t *t = NULL;
  bool any_real = false;
  for (int64_t i = 0; i < n; ++i) {
    const json_t *e = list ? json_array_get(v, (size_t)i) : v;
    if (!json_is_number(e)) return NULL;
    any_real |= json_is_real(e);
  }
  if (!any_real || frt_tensor_create(FRT_F64, 1, &n, &t, NULL)) return NULL;
  for (int64_t i = 0; i < n; ++i)
    ((double *)frt_tensor_data(t))[i] =
        json_number_value(list ? json_array_get(v, (size_t)i) : v);
  return t;
}

static void judge_value(frti_cli_script_t *s, const char *key, const json_t *got,
    const json_t *want) {
  frt_tensor_t *a = numbers(want), *b = a ? numbers(got) : NULL;
  frti_cli_verdict_t v = {.why = ""};
  if (a && b) {
    frti_cli_judge(b, a, &s->r->c->tolerance, &v);
  } else if (a || !json_equal(got, want)) {
    char *x = json_dumps(got, JSON_ENCODE_ANY), *y = json_dumps(want, JSON_ENCODE_ANY);
    snprintf(v.why, sizeof v.why, "got %.100s, want %.100s", x ? x : "", y ? y : "");
    free(x);
    free(y);
  }
  frti_cli_case_judged(s->r, "record", key, &v);
  frt_tensor_release(a);
  frt_tensor_release(b);
}

/* Every record of the case has to have been made, and to be right. What C cannot say
 * left null behind. */
void frti_cli_script_judge(frti_cli_script_t *s) {
  const json_t *records = json_object_get(s->r->c->json, "records");
  size_t i;
  json_t *e;
  json_array_foreach(records, i, e) {
    const char *key = frti_cli_script_text(e, "array");
    const char *kind = frti_cli_script_text(e, "error_kind");
    const json_t *got;
    if (json_is_false(json_object_get(e, "from_script"))) continue;
    if (!key[0]) key = frti_cli_script_text(e, "key");
    got = json_object_get(s->got, key);
    if (!got) frti_cli_case_failed(s->r, "record", "'%s' was not made", key);
    else if (json_is_true(got) || json_is_null(got)) continue;
    else if (!kind[0]) judge_value(s, key, got, json_object_get(e, "value"));
    else judge_value(s, key, got, json_object_get(e, "error_kind"));
  }
}
