/* The JSON of explain has the members and types that it says it has, on a machine without
 * the device, too; what was measured stands beside what was predicted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../programs/session.h"

/* "a" member: lists are followed into each element; '?' may be missing. */
static const struct { const char *path, *types; } SCHEMA[] = {
    {"version", "i"}, {"places", "[s"}, {"devices", "[o"}, {"devices.place", "s"},
    {"devices.provider", "s"}, {"devices.provider_version", "s"}, {"devices.description", "s"},
    {"devices.present", "b"}, {"devices.why", "s"}, {"devices.ops", "i"},
    {"devices.cost_percent", "n"}, {"devices.time_percent", "?n"}, {"ops", "[o"},
    {"ops.block", "i"}, {"ops.op", "i"}, {"ops.type", "s"}, {"ops.state", "s"},
    {"ops.place", "s"}, {"ops.fused_into", "?i"}, {"ops.fused_type", "?s"},
    {"ops.inputs", "[o"}, {"ops.inputs.name", "s"}, {"ops.inputs.dtype", "s"},
    {"ops.inputs.shape", "[i"}, {"ops.outputs", "[o"}, {"ops.outputs.name", "s"},
    {"ops.outputs.dtype", "s"}, {"ops.outputs.shape", "[i"}, {"ops.cost_percent", "?n"},
    {"ops.us", "?n"}, {"ops.time_percent", "?n"}, {"ops.candidates", "[o"},
    {"ops.candidates.place", "s"}, {"ops.candidates.listed", "b"},
    {"ops.candidates.verdict", "s"}, {"ops.candidates.reason", "s"},
    {"ops.candidates.detail", "s"}, {"fallbacks", "[o"}, {"fallbacks.block", "i"},
    {"fallbacks.op", "i"}, {"fallbacks.type", "s"}, {"fallbacks.place", "s"},
    {"fallbacks.copies", "i"}, {"fallbacks.bytes", "i"}, {"fallbacks.why", "s"},
    {"copies", "[o"}, {"copies.value", "s"}, {"copies.bytes", "i"}, {"copies.from", "s"},
    {"copies.to", "s"}, {"copies.per", "s"}, {"copies.why", "s"}, {"copies.reason", "s"},
    {"copies.op", "i"}, {"copies.producer", "oN"}, {"copies.producer.block", "i"},
    {"copies.producer.op", "i"}, {"copies.producer.type", "s"}, {"copies.producer.place", "s"},
    {"copies.consumer", "oN"}, {"copies.consumer.block", "i"}, {"copies.consumer.op", "i"},
    {"copies.consumer.type", "s"}, {"copies.consumer.place", "s"}, {"persistables", "[o"},
    {"persistables.name", "s"}, {"persistables.bytes", "i"}, {"persistables.to", "s"},
    {"persistables.per", "s"}, {"memory", "o"}, {"memory.persistables", "i"},
    {"memory.temporaries", "[o"}, {"memory.temporaries.space", "s"},
    {"memory.temporaries.bytes", "i"}, {"memory.peak", "[o"}, {"memory.peak.space", "s"},
    {"memory.peak.bytes", "i"}, {"plan", "o"}, {"plan.actions", "i"}, {"plan.copies", "i"},
    {"plan.waits", "i"}, {"plan.unplaced", "i"}};
enum { MEMBERS = sizeof SCHEMA / sizeof SCHEMA[0] };
static long seen[MEMBERS];

static int is(const json_t *v, char type) {
  switch (type) {
    case 'i': return json_is_integer(v) && json_integer_value(v) >= -1;
    case 'n': return json_is_number(v);
    case 's': return json_is_string(v);
    case 'b': return json_is_boolean(v);
    case 'o': return json_is_object(v);
    case 'N': return json_is_null(v);
    default: return 0;
  }
}

static int fits(const json_t *v, const char *types) {
  if (*types == '?') ++types;
  if (*types == '[') {
    for (size_t i = 0; i < json_array_size(v); ++i)
      if (!is(json_array_get(v, i), types[1])) return 0;
    return json_is_array(v);
  }
  for (; *types; ++types)
    if (is(v, *types)) return 1;
  return 0;
}

static void check(json_t *v, const char *path);

static void check_object(json_t *v, const char *path) {
  const char *key;
  json_t *member;
  json_object_foreach(v, key, member) {
    char inner[128];
    int k = 0;
    snprintf(inner, sizeof inner, "%s%s%s", path, path[0] ? "." : "", key);
    while (k < MEMBERS && strcmp(SCHEMA[k].path, inner)) ++k;
    if (k == MEMBERS) fail_msg("'%s' is not in the schema", inner);
    if (!fits(member, SCHEMA[k].types)) fail_msg("'%s' is no '%s'", inner, SCHEMA[k].types);
    ++seen[k];
    check(member, inner);
  }
  for (int k = 0; k < MEMBERS; ++k) { /* what must be there is */
    const char *dot = strrchr(SCHEMA[k].path, '.');
    const size_t n = dot ? (size_t)(dot - SCHEMA[k].path) : 0;
    if (SCHEMA[k].types[0] == '?' || strlen(path) != n || strncmp(SCHEMA[k].path, path, n))
      continue;
    const char *pruned = json_string_value(json_object_get(v, "state"));
    if (pruned && !strcmp(pruned, "pruned")) continue;
    if (!json_object_get(v, SCHEMA[k].path + (dot ? n + 1 : 0)))
      fail_msg("an object of '%s' lacks '%s'", path, SCHEMA[k].path);
  }
}

static void check(json_t *v, const char *path) {
  if (json_is_object(v)) check_object(v, path);
  for (size_t i = 0; json_is_array(v) && i < json_array_size(v); ++i)
    check(json_array_get(v, i), path);
}

static json_t *explained(frt_executor_t *exe, const frt_program_t *p, const char *fetch,
                         int prune) {
  const frt_fetch_t one = {fetch, 0, 0};
  const frt_run_options_t o = {.struct_size = sizeof o, .use_prune = prune};
  frt_error_t err = FRT_ERROR_INIT;
  char *text = NULL;
  MUST(frt_executor_explain(exe, p, NULL, NULL, 0, &one, 1, BATCH, &o, 1, &text, &err));
  json_error_t why;
  json_t *root = json_loads(text, 0, &why);
  if (!root) fail_msg("%s", why.text);
  assert_int_equal(2, json_integer_value(json_object_get(root, "version")));
  check(root, "");
  frt_free(text);
  return root;
}

static json_t *at(json_t *root, const char *list, size_t i) {
  return json_array_get(json_object_get(root, list), i);
}

static const char *text_of(const json_t *o, const char *key) {
  return json_string_value(json_object_get(o, key));
}

static double number_of(const json_t *o, const char *key) {
  return json_number_value(json_object_get(o, key));
}

static void the_schema_is_kept(void **state) {
  (void)state;
  setenv("FRT_VIRTUAL_FAULT", "refuse:lars_momentum,refuse:mean", 1);
  session_t s = session_open("digits", "cpu", 1);
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  MUST(frt_executor_create(s.rt, "virtual,cpu", NULL, &exe, &err));
  frt_executor_time_ops(exe, 1);
  digits_t d = digits_batch(1);
  const frt_feed_t feed[] = {{"img", d.img}, {"label", d.label}};
  const frt_fetch_t fetch = {DIGITS_LOSS, 0, 0};
  frt_tensor_t *loss = NULL;
  for (int i = 0; i < 3; ++i)
    MUST(frt_executor_run(exe, s.main, s.scope, feed, 2, &fetch, 1, &loss, NULL, &err));
  json_t *root = explained(exe, s.main, DIGITS_LOSS, 0), *op;
  /* Measured and predicted stand beside each other, and both are shares of a whole. */
  double cost = 0, time = 0, measured = 0;
  size_t i;
  json_array_foreach(json_object_get(root, "ops"), i, op) {
    cost += number_of(op, "cost_percent");
    time += number_of(op, "time_percent");
    measured += json_object_get(op, "us") != NULL;
  }
  assert_true(cost > 99.9 && cost < 100.1 && time > 99.9 && time < 100.1 && measured > 40);
  assert_string_equal("lars_momentum", text_of(at(root, "fallbacks", 0), "type"));
  assert_non_null(strstr(text_of(at(root, "fallbacks", 0), "why"), "refuse:lars_momentum"));
  json_decref(root);
  json_decref(explained(exe, s.main, DIGITS_LOSS, 1));
  for (int k = 0; k < MEMBERS; ++k)
    if (!seen[k]) fail_msg("'%s' never came", SCHEMA[k].path);
  unsetenv("FRT_VIRTUAL_FAULT");
  frt_tensor_release(loss);
  digits_release(&d);
  frt_executor_release(exe);
  session_close(&s);
}

/* No device: the static table answers, per op, and nothing can be run. */
static void the_device_need_not_be_there(void **state) {
  (void)state;
  frt_error_t err = FRT_ERROR_INIT;
  const frt_executor_options_t o = {.struct_size = sizeof o, .explain_only = 1};
  frt_executor_t *exe;
  setenv("FRT_VIRTUAL_DEVICES", "0", 1);
  session_t s = session_open("digits", "cpu", 1);
  assert_int_equal(FRT_UNAVAILABLE, frt_executor_create(s.rt, "virtual", NULL, &exe, &err));
  MUST(frt_executor_create(s.rt, "virtual,cpu", &o, &exe, &err));
  json_t *root = explained(exe, s.main, DIGITS_LOSS, 0);
  const json_t *device = at(root, "devices", 0);
  assert_true(json_is_false(json_object_get(device, "present")));
  assert_non_null(strstr(text_of(device, "why"), "FRT_VIRTUAL_DEVICES is 0"));
  assert_true(number_of(device, "ops") > 40);
  assert_string_equal("virtual", text_of(at(root, "ops", 0), "place"));
  assert_true(json_array_size(json_object_get(root, "copies")) >= 3);
  json_decref(root);
  assert_int_equal(FRT_FAILED_PRECONDITION, frt_executor_run(exe, s.startup, s.scope, NULL, 0,
                                                             NULL, 0, NULL, NULL, &err));
  unsetenv("FRT_VIRTUAL_DEVICES");
  frt_executor_release(exe);
  session_close(&s);
}

/* In a list it is skipped, and the report says so; the run goes to what is here. */
static void a_place_that_is_skipped_is_named(void **state) {
  (void)state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  setenv("FRT_VIRTUAL_DEVICES", "0", 1);
  session_t s = session_open("digits", "virtual,cpu", 1);
  exe = s.exe;
  json_t *root = explained(exe, s.main, DIGITS_LOSS, 0);
  assert_int_equal(2, json_array_size(json_object_get(root, "devices")));
  assert_string_equal("cpu", text_of(at(root, "devices", 0), "place"));
  const json_t *device = at(root, "devices", 1);
  assert_string_equal("virtual", text_of(device, "place"));
  assert_true(json_is_false(json_object_get(device, "present")));
  assert_non_null(strstr(text_of(device, "why"), "FRT_VIRTUAL_DEVICES is 0"));
  assert_int_equal(0, (int)number_of(device, "ops"));
  assert_string_equal("cpu", text_of(at(root, "ops", 0), "place"));
  json_decref(root);
  MUST(frt_executor_run(exe, s.startup, s.scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  unsetenv("FRT_VIRTUAL_DEVICES");
  session_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_schema_is_kept),
                                     cmocka_unit_test(a_place_that_is_skipped_is_named),
                                     cmocka_unit_test(the_device_need_not_be_there)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
