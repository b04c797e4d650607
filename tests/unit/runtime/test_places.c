/* Places: copies to a memory the host cannot touch, mirrors, pins, refusals, control ops
 * across devices, places switched from run to run. */
#define _GNU_SOURCE
#include "unit/runtime/fixture.h"
#include "unit/runtime/island.h"

static void add_island(fixture_t *f) {
  frt_error_t err = FRT_ERROR_INIT;
  OK(frt_runtime_add_provider(f->rt, island_entry, &err));
}

static void train(fixture_t *f, frt_executor_t *exe, int first, int steps) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *x = vector(1, 2, 3), *out[1] = {0};
  const frt_feed_t feed = {"x", x};
  const frt_fetch_t fetch = {.var = "loss"};
  for (int step = first; step < first + steps; ++step) {
    OK(frt_executor_run(exe, f->main, f->scope, &feed, 1, &fetch, 1, out, NULL, &err));
    assert_float_equal(((float *)frt_tensor_data(out[0]))[0], 12.0f - 7.0f * (float)step,
                       0.0f);
  }
  frt_tensor_release(out[0]);
  frt_tensor_release(x);
}

static void check_end(fixture_t *f, int steps) {
  for (int i = 0; i < 3; ++i)
    assert_float_equal(element(f->scope, "w", i), 2.0f - 0.5f * (float)(steps * (i + 1)),
                       0.0f);
  assert_float_equal(element(f->scope, "counter", 0), (float)steps, 0.0f);
}

static void all_on_the_island(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  add_island(f);
  OK(frt_executor_create(f->rt, "island", NULL, &exe, &err));
  OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  train(f, exe, 0, 1);
  const unsigned to = island.to_device, from = island.from_device;
  train(f, exe, 1, 4);
  assert_int_equal(island.to_device - to, 4);     /* the feed, once a step */
  assert_int_equal(island.from_device - from, 4); /* the fetch, once a step */
  check_end(f, 5);
  frt_executor_release(exe);
}

static void places_switch_from_run_to_run(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe[2];
  add_island(f);
  OK(frt_executor_create(f->rt, "island", NULL, &exe[0], &err));
  OK(frt_executor_create(f->rt, "reference", NULL, &exe[1], &err));
  OK(frt_executor_run(exe[1], f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  for (int step = 0; step < 6; ++step) train(f, exe[step % 2], step, 1);
  check_end(f, 6);
  frt_executor_release(exe[0]);
  frt_executor_release(exe[1]);
}

static void every_op_in_turn_falls_back(void **state) {
  fixture_t *f = *state;
  static const char *const types[] = {"elementwise_mul", "reduce_sum", "sgd", "increment"};
  frt_error_t err = FRT_ERROR_INIT;
  add_island(f);
  for (int i = 0; i < 4; ++i) {
    frt_executor_t *exe;
    island.refuse = types[i];
    OK(frt_executor_create(f->rt, "island,reference", NULL, &exe, &err));
    OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
    train(f, exe, 0, 3);
    frt_executor_stats_t s = {.struct_size = sizeof s};
    frt_executor_stats(exe, &s);
    assert_int_equal(s.fallback_ops, 1);
    check_end(f, 3);
    frt_executor_release(exe);
  }
}

static void a_single_place_is_strict(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  frt_tensor_t *x = vector(1, 2, 3);
  const frt_feed_t feed = {"x", x};
  add_island(f);
  OK(frt_executor_create(f->rt, "island", NULL, &exe, &err));
  OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  island.refuse = "sgd";
  assert_int_equal(FRT_UNIMPLEMENTED, frt_executor_run(exe, f->main, f->scope, &feed, 1,
                                                       NULL, 0, NULL, NULL, &err));
  assert_string_equal(err.message, "1 op cannot run on 'island': block 0 op #3 sgd: "
                                   "op 'sgd' is switched off");
  assert_float_equal(element(f->scope, "counter", 0), 0.0f, 0.0f);
  frt_tensor_release(x);
  frt_executor_release(exe);
}

static void a_pin_beats_the_order(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe;
  const frt_pin_t pin = {0, 0, "island"};
  const frt_executor_options_t o = {.struct_size = sizeof o, .pins = &pin, .n_pins = 1};
  add_island(f);
  OK(frt_executor_create(f->rt, "reference,island", &o, &exe, &err));
  OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  train(f, exe, 0, 2);
  check_end(f, 2);
  char *text;
  OK(frt_executor_explain(exe, f->main, f->scope, NULL, 0, NULL, 0, 3, NULL, 0, &text, &err));
  assert_non_null(strstr(text, "copies between memories: 0"));
  frt_free(text);
  const frt_fetch_t fetch = {.var = "loss"};
  OK(frt_executor_explain(exe, f->main, f->scope, NULL, 0, &fetch, 1, 3, NULL, 0, &text,
                          &err));
  assert_non_null(strstr(text, "'x' 12 bytes, host -> island, each run: a feed -> "
                               "#0 elementwise_mul (island)\n"));
  assert_non_null(strstr(text, "'y' 12 bytes, island -> host, each run: #0 elementwise_mul "
                               "(island) -> #1 reduce_sum (reference), because reference says "
                               "could, listed after"));
  frt_free(text);
  frt_executor_release(exe);
}

/* flag = counter < 2; if flag: w = w + x (body on either device). */
static void make_branch(fixture_t *f) {
  static const int64_t one[] = {1}, three[] = {3};
  frt_error_t err = FRT_ERROR_INIT;
  int32_t body;
  add_var(f->main, 0, "two", FRT_I64, 1, one, 0);
  add_var(f->main, 0, "flag", FRT_BOOL, 1, one, 0);
  fill(f->main, 0, "two", 1, one, FRT_I64, 2.0f);
  add_op(f->main, 0, "less_than", "X=counter;Y=two", "Out=flag");
  OK(frt_program_add_block(f->main, 0, &body, &err));
  add_var(f->main, body, "moved", FRT_F32, 1, three, 0);
  add_op(f->main, body, "elementwise_add", "X=w;Y=x", "Out=moved");
  add_op(f->main, body, "assign", "X=moved", "Out=w");
  uint32_t op = add_op(f->main, 0, "conditional_block", "Cond=flag;Input=w,x", "Out=w");
  const frt_attr_info_t block = {.name = "sub_block", .type = 8, .count = 1, .i = body};
  OK(frt_program_set_attr(f->main, 0, op, &block, &err));
  OK(frt_program_set_attr_bool(f->main, 0, op, "is_scalar_condition", 1, &err));
}

static void a_branch_runs_across_devices(void **state) {
  fixture_t *f = *state;
  static const char *const lists[] = {"reference", "island", "island,reference"};
  static const char *const refuse[] = {NULL, NULL, "elementwise_add"};
  frt_error_t err = FRT_ERROR_INIT;
  make_branch(f);
  add_island(f);
  for (int i = 0; i < 3; ++i) {
    frt_executor_t *exe;
    frt_tensor_t *x = vector(1, 2, 3);
    const frt_feed_t feed = {"x", x};
    island.refuse = refuse[i];
    OK(frt_executor_create(f->rt, lists[i], NULL, &exe, &err));
    OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
    for (int step = 0; step < 4; ++step) /* -x/2 each step, +x in the first (counter 1) */
      OK(frt_executor_run(exe, f->main, f->scope, &feed, 1, NULL, 0, NULL, NULL, &err));
    for (int k = 0; k < 3; ++k)
      assert_float_equal(element(f->scope, "w", k), 2.0f + (1.0f - 2.0f) * (float)(k + 1),
                         0.0f);
    frt_tensor_release(x);
    frt_executor_release(exe);
  }
}

/* while i < n: i += 1, sum = sum + x; sum lives outside, on whatever device. */
static void a_loop_runs_across_devices(void **state) {
  fixture_t *f = *state;
  static const char *const lists[] = {"reference", "island", "island,reference",
                                      "reference,island"};
  static const int64_t one[] = {1}, three[] = {3};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  int32_t body;
  OK(frt_program_create(&p, &err));
  add_var(p, 0, "x", FRT_F32, 1, three, 0);
  add_var(p, 0, "sum", FRT_F32, 1, three, 0);
  add_var(p, 0, "i", FRT_I64, 1, one, 0);
  add_var(p, 0, "n", FRT_I64, 1, one, 0);
  add_var(p, 0, "more", FRT_BOOL, 1, one, 0);
  fill(p, 0, "sum", 1, three, FRT_F32, 0.0f);
  fill(p, 0, "i", 1, one, FRT_I64, 0.0f);
  fill(p, 0, "n", 1, one, FRT_I64, 5.0f);
  add_op(p, 0, "less_than", "X=i;Y=n", "Out=more");
  OK(frt_program_add_block(p, 0, &body, &err));
  add_op(p, body, "sum", "X=sum,x", "Out=sum");
  add_op(p, body, "increment", "X=i", "Out=i");
  add_op(p, body, "less_than", "X=i;Y=n", "Out=more");
  uint32_t op = add_op(p, 0, "while", "X=sum,x,i,n;Condition=more", "Out=sum,i,more");
  const frt_attr_info_t block = {.name = "sub_block", .type = 8, .count = 1, .i = body};
  OK(frt_program_set_attr(p, 0, op, &block, &err));
  add_island(f);
  for (int k = 0; k < 4; ++k) {
    frt_executor_t *exe;
    frt_tensor_t *x = vector(1, 2, 3), *out = NULL;
    const frt_feed_t feed = {"x", x};
    const frt_fetch_t fetch = {.var = "sum"};
    island.refuse = k == 2 ? "increment" : NULL;
    OK(frt_executor_create(f->rt, lists[k], NULL, &exe, &err));
    for (int run = 0; run < 2; ++run) {
      OK(frt_executor_run(exe, p, f->scope, &feed, 1, &fetch, 1, &out, NULL, &err));
      for (int j = 0; j < 3; ++j)
        assert_float_equal(((float *)frt_tensor_data(out))[j], 5.0f * (float)(j + 1), 0.0f);
    }
    frt_tensor_release(out);
    frt_tensor_release(x);
    frt_executor_release(exe);
  }
  frt_program_release(p);
}

/* Fluid writes op_device "cpu" on some ops; any place in host memory is that. */
static void op_device_is_honoured(void **state) {
  static const struct { const char *device, *list; frt_status_t status; } table[] = {
      {"cpu", "reference", FRT_OK},     {"cpu", "island,reference", FRT_OK},
      {"all", "island", FRT_OK},        {"cpu", "island", FRT_UNAVAILABLE},
      {"gpu", "reference", FRT_UNAVAILABLE}, {"gpu:1", "reference", FRT_UNAVAILABLE},
      {"island", "reference,island", FRT_OK}};
  fixture_t *f = *state;
  add_island(f);
  for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_executor_t *exe;
    OK(frt_program_set_attr_string(f->startup, 0, 0, "op_device", table[i].device, &err));
    OK(frt_executor_create(f->rt, table[i].list, NULL, &exe, &err));
    assert_int_equal(table[i].status, frt_executor_run(exe, f->startup, f->scope, NULL, 0,
                                                       NULL, 0, NULL, NULL, &err));
    if (table[i].status != FRT_OK) assert_non_null(strstr(err.message, table[i].device));
    frt_executor_release(exe);
  }
}

static void place_lists_are_checked(void **state) {
  static const struct { const char *list; frt_status_t status; const char *word; } bad[] = {
      {"", FRT_INVALID_ARGUMENT, "empty entry"},
      {"reference,,reference", FRT_INVALID_ARGUMENT, "empty entry"},
      {"reference:x", FRT_INVALID_ARGUMENT, "wanted provider:number"},
      {"reference:7", FRT_UNAVAILABLE, "wanted device 7"},
      {"nowhere", FRT_NOT_FOUND, "frt_nowhere.so"}};
  fixture_t *f = *state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_executor_t *exe;
    assert_int_equal(bad[i].status, frt_executor_create(f->rt, bad[i].list, NULL, &exe, &err));
    assert_non_null(strstr(err.message, bad[i].word));
    assert_int_equal(err.phase, FRT_PHASE_PROVIDER);
    assert_null(exe);
  }
}

/* ---- places that are not here --------------------------------------------------------- */

static uint32_t no_device(void *self, char *why) {
  (void)self;
  if (why) snprintf(why, 160, "unplugged");
  return 0;
}
static frt_status_t absent_entry(const frt_api_host_t *host, frt_api_provider_t *io,
                                 frt_error_t *err) {
  FRT_TRY(island_entry(host, io, err));
  io->name = "absent";
  io->device_count = no_device;
  return FRT_OK;
}

static char line[512];
static int lines;
static void keep_line(void *ctx, int level, const char *text) {
  (void)ctx;
  assert_int_equal(FRT_LOG_WARNING, level);
  if (lines++ == 0) snprintf(line, sizeof line, "%s", text);
}

/* Skipped with one line where another place is here; an unknown name never is, and with
 * nothing left the first says why. */
static void absent_places_are_skipped_in_a_list(void **state) {
  static const struct { const char *list; frt_status_t status; int lines; const char *word; }
      want[] = {
          {"absent,reference", FRT_OK, 1,
           "place 'absent' is skipped: provider 'absent' has no device: unplugged; its ops go "
           "to reference"},
          {"reference,absent:1", FRT_OK, 1, "place 'absent:1' is skipped: provider 'absent'"},
          {"absent,reference:7,reference", FRT_OK, 2, "place 'absent' is skipped"},
          {"absent", FRT_UNAVAILABLE, 0, "provider 'absent' has no device: unplugged"},
          {"absent,reference:7", FRT_UNAVAILABLE, 0, "provider 'absent' has no device"},
          {"absent,nosuch,reference", FRT_NOT_FOUND, 0, "frt_nosuch.so"},
          {"reference,absent,", FRT_INVALID_ARGUMENT, 0, "has an empty entry"}};
  const fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt;
  frt_scope_t *scope;
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 1, .log = keep_line};
  OK(frt_runtime_create(&o, &rt, &err));
  OK(frt_scope_create(rt, &scope, &err));
  OK(frt_runtime_add_provider(rt, absent_entry, &err));
  for (size_t i = 0; i < sizeof want / sizeof *want; ++i) {
    frt_executor_t *exe = NULL;
    lines = 0;
    assert_int_equal(want[i].status, frt_executor_create(rt, want[i].list, NULL, &exe, &err));
    assert_non_null(strstr(want[i].status == FRT_OK ? line : err.message, want[i].word));
    assert_int_equal(want[i].lines, lines);
    if (exe) OK(frt_executor_run(exe, f->startup, scope, NULL, 0, NULL, 0, NULL, NULL, &err));
    frt_executor_release(exe);
  }
  frt_scope_release(scope);
  frt_runtime_release(rt);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
      T(all_on_the_island), T(places_switch_from_run_to_run), T(every_op_in_turn_falls_back), /* 3f: 210 */
      T(a_single_place_is_strict), /* 3f: 210 */
      T(a_pin_beats_the_order), T(a_branch_runs_across_devices),
      T(a_loop_runs_across_devices), T(op_device_is_honoured), T(place_lists_are_checked),
      T(absent_places_are_skipped_in_a_list)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
