/* Whole verbs, each begun anew with one allocation that fails, and then with all that
 * follow failing, too: each says that memory is out, leaks nothing, leaves what it was
 * given as it was, and answers the same when nothing fails. */
#include "faults.h"

#include <stdbool.h>

#include "base/fault.h"
#include "fluidrt/checkpoint.h"
#include "fluidrt/inference.h"
#include "fluidrt/layers.h"
#include "fluidrt/train.h"

static struct { uint64_t seen, at; bool from_on, hit; } hook;

static bool hook_fails(void) {
  const uint64_t n = ++hook.seen;
  if (!hook.at || (hook.from_on ? n < hook.at : n != hook.at)) return false;
  return hook.hit = true;
}

/* What all verbs work on. */
static struct {
  char dir[512];
  frt_runtime_t *rt;
  frt_executor_t *exe;
  frt_scope_t *scope;
  frt_program_t *startup, *main, *bad, *chain;
} w;

static const char *at(const char *name) {
  static char path[600];
  snprintf(path, sizeof path, "%s/%s", w.dir, name);
  return path;
}

/* What a verb answered: a sum over its bytes. */
static uint64_t answered;
static void answer(const void *bytes, size_t n) {
  for (size_t i = 0; i < n; ++i) answered = answered * 1099511628211u + ((const uint8_t *)bytes)[i];
}
static frt_status_t answer_program(const frt_program_t *p, frt_error_t *err) {
  void *bytes = NULL;
  size_t n = 0;
  FRT_TRY(frt_program_serialize(p, &bytes, &n, err));
  answer(bytes, n);
  frt_free(bytes);
  return FRT_OK;
}
/* Not under fault: the scope is looked at, not tested. */
static void answer_scope(frt_scope_t *s) {
  frt_error_t err = FRT_ERROR_INIT;
  const char **names = NULL;
  size_t n = 0;
  const uint64_t off = hook.at;
  hook.at = 0;
  OK(frt_scope_names(s, &names, &n, &err));
  for (size_t i = 0; i < n; ++i) {
    frt_tensor_t *t = NULL;
    OK(frt_scope_get(s, names[i], &t, &err));
    answer(names[i], strlen(names[i]));
    answer(frt_tensor_data(t), frt_tensor_bytes(t));
    frt_tensor_release(t);
  }
  frt_free((void *)names);
  hook.at = off;
}

/* ---- the front end ------------------------------------------------------------------------ */

/* A schedule, decay, a clip by the global norm and a loop over lars_momentum. */
static frt_status_t declare(frt_builder_t *b, frt_optimizer_t **lars, frt_error_t *err) {
  const int64_t dims[] = {-1, 4}, limits[] = {3};
  const double values[] = {0.2, 0.1};
  const frt_fc_options_t relu = {.act = "relu"};
  frt_optimizer_options_t o = {
      .momentum = 0.9, .regularization = {FRT_DECAY_L2, 0.1},
      .grad_clip = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 1}};
  frt_var_t x, shared;
  FRT_TRY(frt_data(b, "x", 2, dims, FRT_F32, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 4, &relu, &shared, err));
  FRT_TRY(frt_layers_elementwise_mul(b, shared, shared, -1, NULL, &x, err));
  FRT_TRY(frt_layers_mean(b, x, &x, err));
  FRT_TRY(frt_piecewise_decay(b, limits, values, 1, &o.learning_rate_var, err));
  FRT_TRY(frt_optimizer_create(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, lars, err));
  return frt_optimizer_minimize(*lars, x, NULL, NULL, err);
}
static frt_status_t minimize(frt_error_t *err) {
  frt_builder_t *b = NULL;
  frt_optimizer_t *lars = NULL;
  frt_status_t status = frt_builder_create(&b, err);
  if (status == FRT_OK) status = declare(b, &lars, err);
  if (status == FRT_OK) status = answer_program(frt_builder_main(b), err);
  if (status == FRT_OK) status = answer_program(frt_builder_startup(b), err);
  frt_optimizer_release(lars);
  frt_builder_release(b);
  return status;
}

/* ---- looking ------------------------------------------------------------------------------- */

static frt_status_t check(const frt_program_t *p, frt_error_t *err) {
  frt_findings_t *f = NULL;
  FRT_TRY(frt_program_check(p, NULL, &f, err));
  for (size_t i = 0; i < frt_findings_count(f); ++i)
    answer(frt_findings_at(f, i)->message, strlen(frt_findings_at(f, i)->message));
  frt_findings_release(f);
  return FRT_OK;
}
static frt_status_t check_main(frt_error_t *err) { return check(w.main, err); }
static frt_status_t check_bad(frt_error_t *err) { return check(w.bad, err); }
static frt_status_t check_long(frt_error_t *err) { return check(w.chain, err); }
static frt_status_t explain(frt_error_t *err) {
  const frt_fetch_t fetch = {"reduce_sum_0.tmp_0", 0, 0};
  char *text = NULL;
  FRT_TRY(frt_executor_explain(w.exe, w.main, w.scope, NULL, 0, &fetch, 1, 2, NULL, 1, &text, err));
  answer(text, strlen(text));
  frt_free(text);
  return FRT_OK;
}
static frt_status_t document(frt_error_t *err) {
  char *text = NULL;
  FRT_TRY(frt_op_document(frt_op_find("lars_momentum"), 1, &text, err));
  answer(text, strlen(text));
  frt_free(text);
  return FRT_OK;
}
static frt_status_t read_text(frt_error_t *err) {
  frt_program_t *p = NULL;
  FRT_TRY(frt_program_load(model_path("digits/main.pbtxt"), NULL, &p, err));
  frt_status_t status = answer_program(p, err);
  frt_program_release(p);
  return status;
}

/* ---- a run with an executor of its own --------------------------------------------------------- */

static frt_status_t step(const char *places, frt_error_t *err) {
  static const int64_t dims[] = {2, 2};
  const frt_fetch_t fetch = {"reduce_sum_0.tmp_0", 0, 0};
  const frt_executor_options_t o = {.struct_size = sizeof o, .check_nan = 1, .no_reuse = 1};
  frt_executor_t *exe = NULL;
  frt_scope_t *scope = NULL;
  frt_tensor_t *x = NULL, *out = NULL;
  frt_status_t status = frt_executor_create(w.rt, places, &o, &exe, err);
  if (status == FRT_OK) status = frt_scope_create(w.rt, &scope, err);
  if (status == FRT_OK) status = frt_tensor_create(FRT_F32, 2, dims, &x, err);
  if (status == FRT_OK)
    status = frt_executor_run(exe, w.startup, scope, NULL, 0, NULL, 0, NULL, NULL, err);
  const frt_feed_t feed = {"inp", x};
  for (int i = 0; i < 2 && status == FRT_OK; ++i)
    status = frt_executor_run(exe, w.main, scope, &feed, 1, &fetch, 1, &out, NULL, err);
  if (status == FRT_OK) answer_scope(scope);
  frt_tensor_release(out);
  frt_tensor_release(x);
  frt_scope_release(scope);
  frt_executor_release(exe);
  return status;
}
static frt_status_t step_checked(frt_error_t *err) { return step("cpu", err); }
static frt_status_t step_shared(frt_error_t *err) { return step("reference,cpu", err); }

/* ---- keeping -------------------------------------------------------------------------------------- */

static frt_status_t save_checkpoint(frt_error_t *err) {
  const frt_checkpoint_info_t info = {.struct_size = sizeof info, .step = 3};
  return frt_checkpoint_save(at("kept"), w.scope, &info, err);
}
static frt_status_t loaded(frt_status_t status, frt_scope_t *s) {
  if (status == FRT_OK) answer_scope(s);
  frt_scope_release(s);
  return status;
}
static frt_status_t load_checkpoint(frt_error_t *err) {
  frt_checkpoint_info_t info = {.struct_size = sizeof info};
  frt_scope_t *s = NULL;
  FRT_TRY(frt_scope_create(w.rt, &s, err));
  return loaded(frt_checkpoint_load(at("good"), s, &info, err), s);
}
static frt_status_t save_params(frt_error_t *err) {
  FRT_TRY(frt_params_save(at("params"), w.main, w.scope, 0, NULL, 0, err));
  return frt_params_save(at("params.one"), w.main, w.scope, 1, NULL, 0, err);
}
static frt_status_t load_params(frt_error_t *err) {
  frt_scope_t *s = NULL;
  FRT_TRY(frt_scope_create(w.rt, &s, err));
  return loaded(frt_params_load(at("good.one"), w.main, s, err), s);
}
static const char *const feeds[] = {"inp"}, *const targets[] = {"reduce_sum_0.tmp_0"};
static frt_status_t save_inference(frt_error_t *err) {
  return frt_inference_save(at("inference"), w.main, feeds, 1, targets, 1, w.scope, NULL, err);
}
static frt_status_t load_inference(frt_error_t *err) {
  const char **in = NULL, **out = NULL;
  frt_program_t *p = NULL;
  frt_scope_t *s = NULL;
  size_t n_in = 0, n_out = 0;
  FRT_TRY(frt_scope_create(w.rt, &s, err));
  frt_status_t status = frt_inference_load(at("good.inference"), NULL, s, &p, &in, &n_in, &out,
                                           &n_out, err);
  if (status == FRT_OK) answer(in[0], strlen(in[0]));
  frt_free((void *)in);
  frt_free((void *)out);
  frt_program_release(p);
  return loaded(status, s);
}

static const struct { const char *name; frt_status_t (*run)(frt_error_t *err); } verbs[] = {
    {"minimize", minimize}, {"check", check_main}, {"check a bad program", check_bad},
    {"check a long program", check_long},
    {"explain", explain}, {"document an op", document}, {"read text", read_text},
    {"steps, values checked", step_checked}, {"steps on two places", step_shared},
    {"save checkpoint", save_checkpoint}, {"load checkpoint", load_checkpoint},
    {"save parameters", save_params}, {"load parameters", load_params},
    {"save inference", save_inference}, {"load inference", load_inference}};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

/* So many feeds, variables and ops that whatever the validator allots begins a new piece
 * of memory at some time. */
static frt_program_t *long_program(void) {
  enum { FEEDS = 300, LENGTH = 1900 };
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = new_program();
  char in[32], out[32], x[32] = "X=f0", feed[16];
  const frt_var_info_t holder = {.name = "feed", .kind = FRT_VAR_FEED_MINIBATCH, .dtype = -1,
                                 .persistable = 1};
  OK(frt_program_add_var(p, 0, &holder, &err));
  for (int i = 0; i < FEEDS; ++i) {
    snprintf(feed, sizeof feed, "f%d", i);
    snprintf(out, sizeof out, "Out=f%d", i);
    var(p, 0, feed, FRT_F32, 1, THREE, 0);
    const uint32_t at = op(p, 0, "feed", "X=feed", out);
    OK(frt_program_set_attr_int(p, 0, at, "col", i, &err));
  }
  for (int i = 0; i < LENGTH; ++i) {
    snprintf(in, sizeof in, "t%d", i);
    snprintf(out, sizeof out, "Out=t%d", i);
    var(p, 0, in, FRT_F32, 1, THREE, 0);
    op(p, 0, "relu", x, out);
    snprintf(x, sizeof x, "X=t%d", i);
  }
  return p;
}

static int setup(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  const frt_checkpoint_info_t info = {.struct_size = sizeof info, .step = 9};
  static const char bad[] =
      "blocks { idx: 0 parent_idx: -1 vars { name: 'x' type { type: LOD_TENSOR lod_tensor { tensor "
      "{ data_type: FP32 dims: 4 } } } } ops { type: 'relv' inputs { parameter: 'X' arguments: 'x' "
      "} } ops { type: 'relu' inputs { parameter: 'X' arguments: 'xx' } } ops { type: 'clip' inputs "
      "{ parameter: 'X' arguments: 'x' } outputs { parameter: 'Out' arguments: 'x' } } }";
  (void)state;
  make_folder(w.dir, sizeof w.dir);
  w.rt = linked_runtime(2);
  OK(frt_executor_create(w.rt, "cpu", NULL, &w.exe, &err));
  OK(frt_scope_create(w.rt, &w.scope, &err));
  OK(frt_program_load(model_path("lars_seed/startup.pdmodel"), NULL, &w.startup, &err));
  OK(frt_program_load(model_path("lars_seed/main.pdmodel"), NULL, &w.main, &err));
  OK(frt_program_parse_text(bad, sizeof bad - 1, NULL, &w.bad, &err));
  w.chain = long_program();
  OK(frt_executor_run(w.exe, w.startup, w.scope, NULL, 0, NULL, 0, NULL, NULL, &err));
  OK(frt_checkpoint_save(at("good"), w.scope, &info, &err));
  OK(frt_params_save(at("good.one"), w.main, w.scope, 1, NULL, 0, &err));
  OK(frt_inference_save(at("good.inference"), w.main, feeds, 1, targets, 1, w.scope, NULL, &err));
  return 0;
}
static int teardown(void **state) {
  (void)state;
  frt_program_release(w.chain);
  frt_program_release(w.bad);
  frt_program_release(w.main);
  frt_program_release(w.startup);
  frt_scope_release(w.scope);
  frt_executor_release(w.exe);
  frt_runtime_release(w.rt);
  remove_folder(w.dir);
  return 0;
}

static frt_status_t run_verb(int verb, uint64_t point, bool from_on, frt_error_t *err) {
  memset(&hook, 0, sizeof hook);
  hook.at = point;
  hook.from_on = from_on;
  answered = 0;
  const frt_status_t status = verbs[verb].run(err);
  hook.at = 0;
  return status;
}

/* Every `stride`-th point; less dense where a sanitizer makes each dear. */
static uint64_t stride(void) {
  const char *text = getenv("FRT_FAULT_STRIDE");
  return text && atoi(text) > 0 ? (uint64_t)atoi(text) : 1;
}

static void sweep(int verb) {
  frt_error_t err = FRT_ERROR_INIT;
  uint64_t failed = 0, without = 0;
  frti_alloc_fails = hook_fails;
  OK(run_verb(verb, 0, false, &err)); /* files and caches come to be */
  OK(run_verb(verb, 0, false, &err));
  const uint64_t points = hook.seen, want = answered;
  for (int from_on = 0; from_on < 2; ++from_on)
    for (uint64_t point = 1; point <= points; point += from_on && points > 1000 ? 7 : stride()) {
      frt_error_t mine = FRT_ERROR_INIT;
      const frt_status_t status = run_verb(verb, point, from_on, &mine);
      if (status == FRT_OK) {
        ++without;
        if (answered != want) fail_msg("%s, %llu: another answer", verbs[verb].name,
                                       (unsigned long long)point);
        continue;
      }
      ++failed;
      if (!hook.hit || status != FRT_RESOURCE_EXHAUSTED || !strstr(mine.message, "memory"))
        fail_msg("%s, allocation %llu: %s: %s", verbs[verb].name, (unsigned long long)point,
                 frt_status_text(status), mine.message);
    }
  OK(run_verb(verb, 0, false, &err)); /* and all is as it was */
  frti_alloc_fails = NULL;
  if (answered != want) fail_msg("%s: another answer after the faults", verbs[verb].name);
  print_message("%s: %llu allocations; failed singly and from there on: %llu errors, %llu done "
                "without\n", verbs[verb].name, (unsigned long long)points,
                (unsigned long long)failed, (unsigned long long)without);
  assert_true(points > 3 && failed);
}

static void every_allocation_of_every_verb_fails(void **state) {
  (void)state;
  for (int verb = 0; verb < VERBS; ++verb) sweep(verb);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_of_every_verb_fails) /* 3g: 218 */};
  return cmocka_run_group_tests(tests, setup, teardown);
}
