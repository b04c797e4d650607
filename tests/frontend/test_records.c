/* The recorded cases of kind `errors`: every record has a pin and every pin a record. */
#include <jansson.h>

#include "golden.h"
#include "records.h"

/* ---- the rig ------------------------------------------------------------------------- */

static void build(rig_t *r) {
  const int64_t dims[] = {-1, 2}, one[] = {-1, 1}, two[] = {2};
  const frt_fc_options_t tanh = {.act = "tanh"};
  MUST(frt_data(r->b, "x", 2, dims, FRT_F32, &r->x, &r->err));
  MUST(frt_layers_data(r->b, "unchecked", 1, two, FRT_F32, 0, &r->unchecked, &r->err));
  MUST(frt_data(r->b, "label", 2, one, FRT_F32, &r->label, &r->err));
  MUST(frt_layers_square(r->b, r->label, &r->side, &r->err));
  MUST(frt_layers_fc(r->b, r->x, 3, &tanh, &r->out, &r->err));
  MUST(frt_layers_fc(r->b, r->out, 2, NULL, &r->out, &r->err));
  MUST(frt_layers_mean(r->b, r->out, &r->loss, &r->err));
}

static int setup(void **state) {
  static rig_t rig;
  static float x_values[] = {1, -2, 3, 0.5f}, label_values[] = {1, 2};
  const int64_t x_dims[] = {2, 2}, label_dims[] = {2, 1};
  rig_t *r = &rig;
  *r = (rig_t){.err = FRT_ERROR_INIT};
  MUST(frt_builder_create(&r->b, &r->err));
  MUST(frt_runtime_create(NULL, &r->rt, &r->err));
  MUST(frt_executor_create(r->rt, "reference", NULL, &r->exe, &r->err));
  MUST(frt_scope_create(r->rt, &r->scope, &r->err));
  MUST(frt_tensor_wrap(FRT_F32, 2, x_dims, x_values, sizeof x_values, &r->x_data, &r->err));
  MUST(frt_tensor_wrap(FRT_F32, 2, label_dims, label_values, sizeof label_values,
                       &r->label_data, &r->err));
  build(r);
  *state = r;
  return 0;
}

static int teardown(void **state) {
  rig_t *r = *state;
  frt_tensor_release(r->x_data);
  frt_tensor_release(r->label_data);
  frt_optimizer_release(r->optimizer);
  frt_scope_release(r->scope);
  frt_executor_release(r->exe);
  frt_runtime_release(r->rt);
  frt_builder_release(r->b);
  return 0;
}

void rig_train(rig_t *r, const frt_optimizer_options_t *more) {
  MUST(frt_lars_momentum_create(r->b, 0.1, 0.9, more, &r->optimizer, &r->err));
  MUST(frt_optimizer_minimize(r->optimizer, r->loss, NULL, &r->minimized, &r->err));
  MUST(frt_executor_run(r->exe, frt_builder_startup(r->b), r->scope, NULL, 0, NULL, 0, NULL,
                        NULL, &r->err));
}

frt_status_t rig_run(rig_t *r, const frt_fetch_t *fetch, size_t n, frt_tensor_t **out,
                     int use_prune) {
  const frt_run_options_t o = {.struct_size = sizeof o, .use_prune = use_prune};
  const frt_feed_t feed[] = {{"x", r->x_data}, {"label", r->label_data}};
  return frt_executor_run(r->exe, frt_builder_main(r->b), r->scope, feed, 2, fetch, n, out,
                          &o, &r->err);
}

/* ---- pins ---------------------------------------------------------------------------- */

static const struct { const char *name; const pin_t *pins; } cases[] = {
    {"executor_errors", pins_executor_errors}, {"executor_forms", pins_executor_forms},
    {"minimize_forms", pins_minimize_forms},
    {"static_mode_errors", pins_static_mode_errors}};
enum { N_CASES = sizeof cases / sizeof *cases };

static const pin_t *all[256]; /* in the order of the tests */
static size_t n_all, at;

/* The next pin: cmocka gives a test no argument beside its state. */
static void one(void **state) {
  rig_t *r = *state;
  const pin_t *p = all[at++];
  if (p->kind != SAME) assert_non_null(p->why);
  if (p->kind == NO_WORDS) return;
  const frt_status_t status = p->run(r);
  if (status != p->status)
    fail_msg("%s: %s (%s)", p->record, frt_status_text(status), r->err.message);
  if (p->message) assert_string_equal(r->err.message, p->message);
}

/* ---- records ------------------------------------------------------------------------- */

static json_t *records_of(const char *name) {
  size_t n = 0;
  zip_t *z = golden_open(name);
  char *text = z ? golden_read(z, name, "case.json", &n) : NULL;
  json_t *root = text ? json_loads(text, 0, NULL) : NULL;
  json_t *records = root ? json_incref(json_object_get(root, "records")) : NULL;
  json_decref(root);
  free(text);
  if (z) zip_discard(z);
  return records;
}

static const pin_t *find(const pin_t *pins, const char *key) {
  for (; pins->record; ++pins)
    if (!strcmp(pins->record, key)) return pins;
  return NULL;
}

/* A pin says SAME or DIFFERS of whether the thing is refused; the record knows. */
static void check_record(const pin_t *p, const json_t *record, const char *name) {
  const char *key = json_string_value(json_object_get(record, "key"));
  const int refused = json_is_string(json_object_get(record, "raised"));
  if (!p) fail_msg("%s: record '%s' has no pin", name, key);
  const int alike = p->kind == SAME || p->kind == DIFFERS_IN_RESULT;
  if (alike && refused == (p->status == FRT_OK))
    fail_msg("%s: '%s' is not the same", name, key);
  if (p->kind == DIFFERS && refused != (p->status == FRT_OK))
    fail_msg("%s: '%s' does not differ", name, key);
}

static void every_record_has_a_pin(void **state) {
  (void)state;
  for (size_t c = 0; c < N_CASES; ++c) {
    json_t *records = records_of(cases[c].name), *record;
    size_t i, n = 0;
    assert_non_null(records);
    json_array_foreach(records, i, record) {
      const char *key = json_string_value(json_object_get(record, "key"));
      check_record(find(cases[c].pins, key), record, cases[c].name);
    }
    for (const pin_t *p = cases[c].pins; p->record; ++p) {
      assert_ptr_equal(find(cases[c].pins, p->record), p); /* pinned once */
      ++n;
    }
    assert_int_equal(n, json_array_size(records));
    json_decref(records);
  }
}

int main(void) {
  static struct CMUnitTest tests[257];
  int counts[4] = {0};
  for (size_t c = 0; c < N_CASES; ++c)
    for (const pin_t *p = cases[c].pins; p->record; ++p) {
      tests[n_all] = (struct CMUnitTest){p->record, one, setup, teardown, NULL};
      all[n_all++] = p;
      ++counts[p->kind];
    }
  tests[n_all] = (struct CMUnitTest){"every_record_has_a_pin", every_record_has_a_pin, NULL,
                                     NULL, NULL};
  const int failed = _cmocka_run_group_tests("records", tests, n_all + 1, NULL, NULL);
  printf("%zu records: %d answered as Fluid does, %d otherwise on purpose, %d that C cannot "
         "say\n", n_all, counts[SAME],
         counts[DIFFERS] + counts[DIFFERS_IN_RESULT], counts[NO_WORDS]);
  return failed;
}
