/* Rarer answers of the runtime: what explain says of every state an op can be in, misuse
 * that is refused by name, providers with wrong tables, conditions that are none. */
#define _GNU_SOURCE
#include <math.h>

#include "unit/runtime/fixture.h"
#include "unit/runtime/island.h"

static frt_executor_t *executor(fixture_t *f, const char *places,
                                const frt_executor_options_t *o) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_executor_t *exe = NULL;
  OK(frt_executor_create(f->rt, places, o, &exe, &err));
  return exe;
}

static void run_startup(fixture_t *f, frt_executor_t *exe) {
  frt_error_t err = FRT_ERROR_INIT;
  OK(frt_executor_run(exe, f->startup, f->scope, NULL, 0, NULL, 0, NULL, NULL, &err));
}

static void has(const char *text, const char *word) {
  if (!strstr(text, word)) fail_msg("no '%s' in:\n%s", word, text);
}

/* Explains as text and as JSON; both must hold their words. */
static void explains(frt_executor_t *exe, const frt_program_t *p, const char *fetch,
                     const frt_run_options_t *o, const char *words, const char *json) {
  const frt_fetch_t one = {.var = fetch};
  for (int side = 0; side < 2; ++side) {
    frt_error_t err = FRT_ERROR_INIT;
    char *text = NULL;
    OK(frt_executor_explain(exe, p, NULL, NULL, 0, &one, fetch != NULL, 3, o, side, &text,
                            &err));
    has(text, side ? json : words);
    frt_free(text);
  }
}

static void explain_tells_what_no_place_takes(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  OK(frt_runtime_add_provider(f->rt, island_entry, &err));
  frt_executor_t *exe = executor(f, "island", NULL);
  island.refuse = "sgd";
  explains(exe, f->main, NULL, NULL, "NOWHERE",
           "{\"block\":0,\"op\":3,\"type\":\"sgd\",\"state\":\"unplaced\",\"place\":\"NOWHERE\"");
  explains(exe, f->main, NULL, NULL, "[island: no: disabled: op 'sgd' is switched off]",
           "\"verdict\":\"no\"");
  /* Another provider could; it is only not in the list. */
  explains(exe, f->main, NULL, NULL, "[reference: could, but is not in the place list]",
           "\"place\":\"reference\",\"listed\":false,\"verdict\":\"yes\"");
  frt_executor_release(exe);
  exe = executor(f, "reference,island", NULL);
  explains(exe, f->main, NULL, NULL, "[island: could, listed after reference]",
           "\"listed\":true");
  frt_executor_release(exe);
}

static void explain_lists_copies_as_json(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  OK(frt_runtime_add_provider(f->rt, island_entry, &err));
  frt_executor_t *exe = executor(f, "island,reference", NULL);
  island.refuse = "reduce_sum";
  explains(exe, f->main, "loss", NULL,
           "'y' 12 bytes, island -> host, each run: #0 elementwise_mul (island) -> #1 "
           "reduce_sum (reference), because island says no: disabled: op 'reduce_sum' is "
           "switched off\n",
           "{\"value\":\"y\",\"bytes\":12,\"from\":\"island\",\"to\":\"host\",\"per\":\"run\","
           "\"op\":1");
  explains(exe, f->main, "loss", NULL, "not on island, the dearest first:\nop #1 reduce_sum runs "
           "on reference, costs 1 copy, 12 bytes, each run; island says no: disabled: op "
           "'reduce_sum' is switched off\n",
           "\"fallbacks\":[\n{\"block\":0,\"op\":1,\"type\":\"reduce_sum\"");
  island.refuse = "sgd"; /* w lies on the island, and is written elsewhere */
  explains(exe, f->main, "loss", NULL, "ping-pong: 'w' 12 bytes crosses between memories each "
           "run: read first by #0 elementwise_mul (island), written last by #3 sgd "
           "(reference); island says no: disabled: op 'sgd' is switched off\n",
           "{\"name\":\"w\",\"bytes\":12,\"to\":\"island\",\"per\":\"run\"}");
  island.refuse = NULL;
  frt_executor_release(exe);
}

static void explain_tells_what_was_pruned_fused_and_dead(void **state) {
  fixture_t *f = *state;
  const frt_run_options_t prune = {.struct_size = sizeof prune, .use_prune = 1};
  frt_executor_t *exe = executor(f, "reference", NULL);
  explains(exe, f->main, "loss", &prune, "pruned: the fetch list does not need it",
           "\"type\":\"sqrt\",\"state\":\"pruned\",\"place\":\"-\"}");
  explains(exe, f->main, "loss", NULL, "not run: its outputs reach neither",
           "\"type\":\"sqrt\",\"state\":\"dead\"");
  frt_executor_release(exe);
}

/* mul, elementwise_add with JSON; and only the shape of `t` is read. */
static void explain_tells_shapes_and_fusion_as_json(void **state) {
  static const int64_t x[] = {2, 3}, w[] = {3, 4}, b[] = {4}, y[] = {2, 4};
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  frt_executor_t *exe = executor(f, "reference", NULL);
  OK(frt_program_create(&p, &err));
  add_var(p, 0, "x", FRT_F32, 2, x, 0);
  add_var(p, 0, "w", FRT_F32, 2, w, 0);
  add_var(p, 0, "b", FRT_F32, 1, b, 0);
  add_var(p, 0, "t0", FRT_F32, 2, y, 0);
  add_var(p, 0, "t1", FRT_F32, 2, y, 0);
  add_var(p, 0, "g", FRT_F32, 2, y, 0);
  add_var(p, 0, "bg", FRT_F32, 1, b, 0);
  add_op(p, 0, "mul", "X=x;Y=w", "Out=t0");
  uint32_t op = add_op(p, 0, "elementwise_add", "X=t0;Y=b", "Out=t1");
  OK(frt_program_set_attr_int(p, 0, op, "axis", 1, &err));
  op = add_op(p, 0, "elementwise_add_grad", "Out@GRAD=g;X=t0;Y=b", "Y@GRAD=bg");
  OK(frt_program_set_attr_int(p, 0, op, "axis", 1, &err));
  explains(exe, p, "t1", NULL, "fused into fc at #1",
           "\"state\":\"fused\",\"place\":\"reference\",\"fused_into\":1,\"fused_type\":\"fc\"");
  explains(exe, p, "bg", NULL, "not run: only its shapes are needed", "\"state\":\"shapes\"");
  frt_executor_release(exe);
  frt_program_release(p);
}

/* ---- misuse ------------------------------------------------------------------------------- */

static void refused(frt_executor_t *exe, const frt_program_t *p, frt_scope_t *scope,
                    const frt_feed_t *feed, size_t n_feed, const frt_fetch_t *fetch,
                    frt_status_t want, const char *message) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *out[2] = {0};
  assert_int_equal(want, frt_executor_run(exe, p, scope, feed, n_feed, fetch, fetch != NULL,
                                          fetch ? out : NULL, NULL, &err));
  if (!strstr(err.message, message)) fail_msg("'%s' lacks '%s'", err.message, message);
  assert_null(out[0]);
  /* The same without a record to write to. */
  assert_int_equal(want, frt_executor_run(exe, p, scope, feed, n_feed, fetch, fetch != NULL,
                                          fetch ? out : NULL, NULL, NULL));
}

static void run_refuses_what_is_missing_or_twice(void **state) {
  fixture_t *f = *state;
  frt_tensor_t *x = vector(1, 2, 3);
  frt_executor_t *exe = executor(f, "reference", NULL);
  const frt_feed_t none = {"x", NULL}, nameless = {NULL, x}, twice[] = {{"x", x}, {"x", x}};
  const frt_feed_t good = {"x", x};
  const frt_fetch_t far = {.block = 0, .op = 99}, inner = {.block = 1}, below = {.op = -1};
  const frt_fetch_t not_written = {.var = "stray"}, w = {.var = "w"};
  static const int64_t one[] = {1};
  frt_error_t err = FRT_ERROR_INIT;
  add_var(f->main, 0, "stray", FRT_F32, 1, one, 0);
  const frt_var_info_t raw = {.name = "raw", .kind = FRT_VAR_RAW};
  OK(frt_program_add_var(f->main, 0, &raw, &err));
  const frt_feed_t fed_raw = {"raw", x};
  const frt_fetch_t fetch_raw = {.var = "raw"};
  refused(exe, NULL, f->scope, NULL, 0, NULL, FRT_INVALID_ARGUMENT, "run needs a program");
  refused(exe, f->main, NULL, NULL, 0, NULL, FRT_INVALID_ARGUMENT, "run needs a program");
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_executor_run(exe, f->main, f->scope, NULL, 0, &w,
                                                          1, NULL, NULL, &err));
  run_startup(f, exe);
  refused(exe, f->main, f->scope, &none, 1, NULL, FRT_INVALID_ARGUMENT, "feed 0 has no tensor");
  refused(exe, f->main, f->scope, &nameless, 1, NULL, FRT_INVALID_ARGUMENT,
          "feed 0 has no name");
  refused(exe, f->main, f->scope, twice, 2, NULL, FRT_INVALID_ARGUMENT,
          "feed 'x' is given twice");
  refused(exe, f->main, f->scope, &good, 1, &far, FRT_INVALID_ARGUMENT,
          "fetch of operator 99 of block 0: block 0 has operators 0 to 4");
  refused(exe, f->main, f->scope, &good, 1, &inner, FRT_INVALID_ARGUMENT, "of block 1");
  refused(exe, f->main, f->scope, &good, 1, &below, FRT_INVALID_ARGUMENT, "operator -1");
  refused(exe, f->main, f->scope, &fed_raw, 1, NULL, FRT_INVALID_ARGUMENT,
          "feed 'raw' is no dense tensor variable");
  refused(exe, f->main, f->scope, &good, 1, &fetch_raw, FRT_INVALID_ARGUMENT,
          "fetch 'raw' is no dense tensor variable");
  refused(exe, f->main, f->scope, &good, 1, &not_written, FRT_FAILED_PRECONDITION,
          "fetch 'stray': no op writes it and it is not fed");
  assert_float_equal(element(f->scope, "counter", 0), 0.0f, 0.0f);
  frt_executor_release(exe);
  frt_tensor_release(x);
}

/* w is not read by anything here, only fetched. */
static void a_fetched_persistable_must_be_initialized(void **state) {
  static const int64_t three[] = {3};
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  const frt_fetch_t fetch = {.var = "p"};
  frt_executor_t *exe = executor(f, "reference", NULL);
  OK(frt_program_create(&p, &err));
  add_var(p, 0, "p", FRT_F32, 1, three, 1);
  refused(exe, p, f->scope, NULL, 0, &fetch, FRT_FAILED_PRECONDITION,
          "fetch 'p': not initialized; run the startup program first");
  explains(exe, p, "p", NULL, "places reference", "\"ops\":[");
  frt_executor_release(exe);
  frt_program_release(p);
}

static void an_op_before_its_inputs_writer_is_named(void **state) {
  static const int64_t three[] = {3};
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p;
  const frt_fetch_t fetch = {.var = "b"};
  frt_executor_t *exe = executor(f, "reference", NULL);
  OK(frt_program_create(&p, &err));
  add_var(p, 0, "a", FRT_F32, 1, three, 0);
  add_var(p, 0, "b", FRT_F32, 1, three, 0);
  add_op(p, 0, "relu", "X=a", "Out=b");
  fill(p, 0, "a", 1, three, FRT_F32, 1.0f);
  add_op(p, 0, "elementwise_add", "X=a;Y=b", "Out=b");
  refused(exe, p, f->scope, NULL, 0, &fetch, FRT_INVALID_ARGUMENT,
          "read before the first op that writes it: 'a'");
  frt_executor_release(exe);
  frt_program_release(p);
}

/* A condition of three bools, or of one float. */
static void a_condition_is_one_bool(void **state) {
  static const int64_t three[] = {3}, one[] = {1};
  fixture_t *f = *state;
  for (int k = 0; k < 2; ++k) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_program_t *p;
    int32_t body;
    frt_executor_t *exe = executor(f, "reference", NULL);
    const frt_fetch_t fetch = {.var = "s"};
    OK(frt_program_create(&p, &err));
    add_var(p, 0, "c", k ? FRT_F32 : FRT_BOOL, 1, k ? one : three, 0);
    add_var(p, 0, "s", FRT_F32, 1, one, 0);
    fill(p, 0, "c", 1, k ? one : three, k ? FRT_F32 : FRT_BOOL, 1.0f);
    fill(p, 0, "s", 1, one, FRT_F32, 1.0f);
    OK(frt_program_add_block(p, 0, &body, &err));
    add_op(p, body, "scale", "X=s", "Out=s");
    uint32_t op = add_op(p, 0, "while", "X=s;Condition=c", "Out=s");
    const frt_attr_info_t block = {.name = "sub_block", .type = 8, .count = 1, .i = body};
    OK(frt_program_set_attr(p, 0, op, &block, &err));
    refused(exe, p, f->scope, NULL, 0, &fetch, FRT_INVALID_ARGUMENT, "");
    frt_executor_release(exe);
    frt_program_release(p);
  }
}

static void long_place_lists_are_refused(void **state) {
  fixture_t *f = *state;
  static const char *const bad[] = {
      "reference,reference,reference,reference,reference,reference,reference,reference,"
      "reference", ":0", "a_name_of_a_provider_that_is_longer_than_31_bytes"};
  for (size_t i = 0; i < 3; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_executor_t *exe = (frt_executor_t *)&err;
    assert_int_equal(FRT_INVALID_ARGUMENT,
                     frt_executor_create(f->rt, bad[i], NULL, &exe, &err));
    assert_int_equal(FRT_PHASE_PROVIDER, err.phase);
    assert_null(exe);
  }
  frt_executor_release(NULL);
}

/* ---- provider tables ------------------------------------------------------------------------ */

enum { LONG_NAME, SHORT_STRIDE, NO_DEVICE, NO_REASON, NO_COPY, N_TABLES };
static int table;

static uint32_t no_device(void *self, char *why) {
  (void)self;
  if (why && table == NO_DEVICE) snprintf(why, 160, "unplugged");
  return 0;
}

static frt_status_t crooked_entry(const frt_api_host_t *host, frt_api_provider_t *io,
                                  frt_error_t *err) {
  FRT_TRY(island_entry(host, io, err));
  io->name = "crooked";
  if (table == LONG_NAME) io->name = "a_name_that_is_longer_than_the_31_bytes_it_may_have";
  if (table == SHORT_STRIDE) io->kernel_stride = 4;
  if (table == NO_DEVICE || table == NO_REASON) io->device_count = no_device;
  if (table == NO_COPY) io->copy = NULL;
  return FRT_OK;
}

static void crooked_tables_are_refused(void **state) {
  static const struct { frt_status_t status; const char *word; } want[] = {
      {FRT_ABI_MISMATCH, "provider name must have 1 to 31 bytes"},
      {FRT_ABI_MISMATCH, "kernel_stride is 4"},
      {FRT_UNAVAILABLE, "provider 'crooked' has no device: unplugged"},
      {FRT_UNAVAILABLE, "provider 'crooked' has no device: it does not say why"},
      {FRT_ABI_MISMATCH, "has its own memory but no slab_alloc, slab_free or copy"}};
  (void)state;
  for (table = 0; table < N_TABLES; ++table) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_runtime_t *rt;
    frt_executor_t *exe = NULL;
    OK(frt_runtime_create(NULL, &rt, &err));
    frt_status_t status = frt_runtime_add_provider(rt, crooked_entry, &err);
    if (status == FRT_OK) status = frt_executor_create(rt, "crooked", NULL, &exe, &err);
    assert_int_equal(want[table].status, status);
    has(err.message, want[table].word);
    assert_null(exe);
    frt_runtime_release(rt);
  }
}

/* ---- the host's services, the log, retain and release ---------------------------------------- */

static char logged[4][512];
static int n_logged;
static void keep_line(void *ctx, int level, const char *text) {
  (void)ctx;
  (void)level;
  if (n_logged < 4) snprintf(logged[n_logged++], sizeof logged[0], "%s", text);
}

static void host_services_reach_the_runtime(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt;
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 1, .log = keep_line};
  (void)state;
  n_logged = 0;
  OK(frt_runtime_create(&o, &rt, &err));
  const frt_api_host_t *host = frt_runtime_host(rt);
  host->log(host->ctx, FRT_LOG_INFO, "a line");
  assert_int_equal(1, n_logged);
  assert_string_equal("a line", logged[0]);
  const uint64_t then = host->now_ns(host->ctx);
  assert_true(host->now_ns(host->ctx) >= then);
  assert_int_equal(0, host->cancelled(host->ctx));
  void *p = host->mem_alloc(host->ctx, 100, 64);
  assert_int_equal(0, (uintptr_t)p % 64);
  host->mem_free(host->ctx, p);
  frt_provider_info_t info;
  assert_int_equal(FRT_OUT_OF_RANGE, frt_runtime_provider(rt, 0, &info, &err));
  assert_null(frt_runtime_provider_api(rt, "nobody"));
  assert_ptr_equal(rt, frt_runtime_retain(rt));
  frt_runtime_release(rt);
  frt_scope_t *scope;
  OK(frt_scope_create(rt, &scope, &err));
  frt_runtime_release(rt); /* the scope keeps it */
  assert_ptr_equal(scope, frt_scope_retain(scope));
  assert_null(frt_scope_retain(NULL));
  frt_scope_release(scope);
  frt_scope_release(scope);
  frt_scope_release(NULL);
  frt_runtime_release(NULL);
}

typedef struct purse { int blocks, asked; } purse_t;
static void *purse_alloc(void *ctx, size_t bytes, size_t align) {
  purse_t *p = ctx;
  void *block = NULL;
  ++p->asked;
  if (posix_memalign(&block, align, bytes)) return NULL;
  ++p->blocks;
  return block;
}
static void purse_free(void *ctx, void *block) {
  if (block) --((purse_t *)ctx)->blocks;
  free(block);
}

static void providers_get_their_memory_from_the_application(void **state) {
  purse_t purse = {0};
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt;
  frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 1, .mem_alloc = purse_alloc,
                             .mem_ctx = &purse};
  (void)state;
  assert_int_equal(FRT_INVALID_ARGUMENT, frt_runtime_create(&o, &rt, &err));
  assert_string_equal("mem_alloc and mem_free go together", err.message);
  assert_null(rt);
  o.mem_free = purse_free;
  OK(frt_runtime_create(&o, &rt, &err));
  assert_int_equal(0, purse.asked);
  OK(frt_runtime_load_provider(rt, "cpu", &err));
  assert_true(purse.blocks > 0);
  frt_runtime_release(rt);
  assert_int_equal(0, purse.blocks);
}

static void falling_back_is_said_once(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt;
  frt_scope_t *scope;
  frt_executor_t *exe;
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 1, .log = keep_line};
  n_logged = 0;
  OK(frt_runtime_create(&o, &rt, &err));
  OK(frt_scope_create(rt, &scope, &err));
  OK(frt_runtime_add_provider(rt, island_entry, &err));
  island.refuse = "increment";
  frt_tensor_t *x = vector(1, 2, 3);
  const frt_feed_t feed = {"x", x};
  OK(frt_executor_create(rt, "island,reference", NULL, &exe, &err));
  OK(frt_executor_run(exe, f->startup, scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  assert_int_equal(0, n_logged);
  for (int i = 0; i < 3; ++i)
    OK(frt_executor_run(exe, f->main, scope, &feed, 1, NULL, 0, NULL, NULL, &err));
  assert_int_equal(1, n_logged);
  has(logged[0], "1 of 2 ops do not run on 'island' but on a later place");
  frt_tensor_release(x);
  frt_executor_release(exe);
  frt_scope_release(scope);
  frt_runtime_release(rt);
}

static void the_nan_check_reads_the_memory_of_devices(void **state) {
  fixture_t *f = *state;
  frt_error_t err = FRT_ERROR_INIT;
  const frt_executor_options_t o = {.struct_size = sizeof o, .check_nan = 1};
  const frt_fetch_t fetch = {.var = "loss"};
  OK(frt_runtime_add_provider(f->rt, island_entry, &err));
  frt_executor_t *exe = executor(f, "island", &o);
  frt_tensor_t *x = vector(1, 2, 3), *out = NULL;
  const frt_feed_t feed = {"x", x};
  run_startup(f, exe);
  OK(frt_executor_run(exe, f->main, f->scope, &feed, 1, &fetch, 1, &out, NULL, &err));
  /* w is 1.5 by now: the product with 3e38 is no float32. */
  ((float *)frt_tensor_data(x))[0] = 3e38f;
  assert_int_equal(FRT_OUT_OF_RANGE, frt_executor_run(exe, f->main, f->scope, &feed, 1, &fetch,
                                                      1, &out, NULL, &err));
  has(err.message, "block 0 op #0 elementwise_mul: Out 'y' of shape [3] has 0 nan and 1 inf");
  frt_tensor_release(out);
  frt_tensor_release(x);
  frt_executor_release(exe);
}

/* Neither an option nor the environment says where providers are. */
static void without_a_path_it_looks_beside_the_library(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt;
  char *kept = strdup(getenv("FLUIDRT_PROVIDER_PATH"));
  (void)state;
  unsetenv("FLUIDRT_PROVIDER_PATH");
  OK(frt_runtime_create(NULL, &rt, &err));
  assert_int_equal(FRT_NOT_FOUND, frt_runtime_load_provider(rt, "nosuch", &err));
  has(err.message, "fluidrt");
  frt_runtime_release(rt);
  setenv("FLUIDRT_PROVIDER_PATH", kept, 1);
  free(kept);
}

static frt_status_t any_shape(const frt_infer_t *x, frt_error_t *err) {
  (void)x;
  (void)err;
  return FRT_OK;
}

static void own_op_types_have_a_length(void **state) {
  static const char *const types[] = {
      NULL, "", "acme.a_type_that_is_longer_than_the_47_bytes_it_may_have"};
  fixture_t *f = *state;
  for (int i = 0; i < 3; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    const frt_op_schema_t s = {.struct_size = sizeof s, .type = types[i], .doc = "d",
                               .outputs = {{"Out", FRT_F32S, 0, "any", NULL}},
                               .infer_shape = any_shape, .grad = FRT_NO_GRAD};
    assert_int_equal(FRT_INVALID_ARGUMENT, frt_runtime_add_op(f->rt, &s, &err));
    has(err.message, "an op type has 1 to 47 bytes");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
      T(explain_tells_what_no_place_takes), T(explain_lists_copies_as_json),
      T(explain_tells_what_was_pruned_fused_and_dead),
      T(explain_tells_shapes_and_fusion_as_json), T(run_refuses_what_is_missing_or_twice),
      T(a_fetched_persistable_must_be_initialized),
      T(an_op_before_its_inputs_writer_is_named), T(a_condition_is_one_bool),
      T(long_place_lists_are_refused), T(crooked_tables_are_refused),
      T(host_services_reach_the_runtime),
      T(providers_get_their_memory_from_the_application), T(falling_back_is_said_once),
      T(the_nan_check_reads_the_memory_of_devices), /* 3h: 240 */
      T(without_a_path_it_looks_beside_the_library), T(own_op_types_have_a_length)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
