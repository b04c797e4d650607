/* Every allocation fails once, and every allocation from the n-th on fails: each call
 * says that memory is out, leaks nothing, leaves its objects usable, and gives the same
 * bits when it is tried again. */
#include "faults.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#include "base/fault.h"

/* ---- the hook ------------------------------------------------------------------------ */

static struct {
  uint64_t seen, at; /* `at` counts from 1; 0: never */
  bool from_on, hit;
} hook;

static bool hook_fails(void) {
  const uint64_t n = ++hook.seen;
  if (!hook.at || (hook.from_on ? n < hook.at : n != hook.at)) return false;
  hook.hit = true;
  return true;
}

/* ---- the world and its steps ------------------------------------------------------------ */

enum { TENSORS = 2, ANSWER_CAP = 1 << 16 };

typedef struct world {
  const char *places;
  char dir[512];
  frt_runtime_t *rt;
  frt_executor_t *exe;
  frt_scope_t *scope, *other;
  frt_program_t *startup, *main, *pruned, *built;
  frt_tensor_t *inp, *out[TENSORS], *loaded;
  /* What the steps answered, to be compared. */
  unsigned char *answers;
  size_t n_answers, cap;
} world_t;

static void answer(world_t *w, const void *bytes, size_t n) {
  if (w->n_answers + n > w->cap) {
    w->cap = (w->n_answers + n) * 2 + ANSWER_CAP;
    w->answers = realloc(w->answers, w->cap);
    assert_non_null(w->answers);
  }
  if (n) memcpy(w->answers + w->n_answers, bytes, n);
  w->n_answers += n;
}

static void answer_tensor(world_t *w, const frt_tensor_t *t) {
  answer(w, frt_tensor_dims(t), frt_tensor_rank(t) * sizeof(int64_t));
  answer(w, frt_tensor_data(t), frt_tensor_bytes(t));
}

typedef frt_status_t step_fn(world_t *w, frt_error_t *err);

static frt_status_t load_startup(world_t *w, frt_error_t *err) {
  return frt_program_load(model_path("lars_seed/startup.pdmodel"), NULL, &w->startup, err);
}
static frt_status_t load_main(world_t *w, frt_error_t *err) {
  return frt_program_load(model_path("lars_seed/main.pdmodel"), NULL, &w->main, err);
}
static frt_status_t load_text(world_t *w, frt_error_t *err) {
  frt_program_t *p = NULL;
  void *bytes = NULL;
  size_t n = 0;
  FRT_TRY(frt_program_load(model_path("lars_seed/main.pbtxt"), NULL, &p, err));
  frt_status_t status = frt_program_serialize(p, &bytes, &n, err);
  frt_program_release(p);
  FRT_TRY(status);
  answer(w, bytes, n);
  frt_free(bytes);
  return FRT_OK;
}
static frt_status_t make_runtime(world_t *w, frt_error_t *err) {
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 2,
                                   .provider_path = "/nonexistent"};
  return frt_runtime_create(&o, &w->rt, err);
}
static frt_status_t add_cpu(world_t *w, frt_error_t *err) {
  return frt_runtime_add_provider(w->rt, frt_provider_cpu_entry, err);
}
static frt_status_t add_reference(world_t *w, frt_error_t *err) {
  return frt_runtime_add_provider(w->rt, frt_provider_reference_entry, err);
}
static frt_status_t make_executor(world_t *w, frt_error_t *err) {
  return frt_executor_create(w->rt, w->places, NULL, &w->exe, err);
}
static frt_status_t make_scope(world_t *w, frt_error_t *err) {
  return frt_scope_create(w->rt, &w->scope, err);
}
static frt_status_t make_other(world_t *w, frt_error_t *err) {
  return frt_scope_create(w->rt, &w->other, err);
}
static frt_status_t make_input(world_t *w, frt_error_t *err) {
  static const int64_t dims[] = {2, 2};
  FRT_TRY(frt_tensor_create(FRT_F32, 2, dims, &w->inp, err));
  for (int i = 0; i < 4; ++i) ((float *)frt_tensor_data(w->inp))[i] = 0.25f * (float)(i + 1);
  return FRT_OK;
}
static frt_status_t explain(world_t *w, frt_error_t *err) {
  const frt_feed_t feed = {"inp", w->inp};
  const frt_fetch_t fetch = {"reduce_sum_0.tmp_0", 0, 0};
  for (int json = 0; json < 2; ++json) {
    char *text = NULL;
    FRT_TRY(frt_executor_explain(w->exe, w->main, w->scope, &feed, 1, &fetch, 1, 2, NULL,
                                 json, &text, err));
    answer(w, text, strlen(text));
    frt_free(text);
  }
  return FRT_OK;
}
static frt_status_t run_startup(world_t *w, frt_error_t *err) {
  return frt_executor_run(w->exe, w->startup, w->scope, NULL, 0, NULL, 0, NULL, NULL, err);
}
static frt_status_t train(world_t *w, frt_error_t *err) {
  const frt_feed_t feed = {"inp", w->inp};
  const frt_fetch_t fetch[TENSORS] = {{"reduce_sum_0.tmp_0", 0, 0}, {"fc_0.w_0@GRAD", 0, 0}};
  frt_tensor_t *before[TENSORS];
  memcpy(before, w->out, sizeof before);
  frt_status_t status = frt_executor_run(w->exe, w->main, w->scope, &feed, 1, fetch, TENSORS,
                                         w->out, NULL, err);
  if (status != FRT_OK) { /* `out` is as it was, and so is the scope */
    assert_memory_equal(before, w->out, sizeof before);
    assert_int_equal(0, frt_scope_partly_updated(w->scope));
    return status;
  }
  for (int i = 0; i < TENSORS; ++i) answer_tensor(w, w->out[i]);
  return FRT_OK;
}
static frt_status_t train_pruned(world_t *w, frt_error_t *err) {
  const frt_feed_t feed = {"inp", w->inp};
  const frt_fetch_t fetch = {"reduce_sum_0.tmp_0", 0, 0};
  const frt_run_options_t o = {sizeof o, 1};
  frt_tensor_t *out = NULL;
  frt_status_t status =
      frt_executor_run(w->exe, w->main, w->scope, &feed, 1, &fetch, 1, &out, &o, err);
  if (status == FRT_OK) answer_tensor(w, out);
  frt_tensor_release(out);
  return status;
}
static frt_status_t prune(world_t *w, frt_error_t *err) {
  const char *fetch = "reduce_sum_0.tmp_0";
  const frt_prune_request_t r = {.struct_size = sizeof r, .fetches = &fetch, .n_fetches = 1};
  uint32_t *kept = NULL;
  size_t n = 0;
  FRT_TRY(frt_program_prune(w->main, &r, &w->pruned, &kept, &n, err));
  answer(w, kept, n * sizeof *kept);
  frt_free(kept);
  return FRT_OK;
}
static frt_status_t serialize(world_t *w, frt_error_t *err) {
  void *bytes = NULL;
  char *text = NULL;
  size_t n = 0;
  FRT_TRY(frt_program_serialize(w->pruned, &bytes, &n, err));
  answer(w, bytes, n);
  frt_free(bytes);
  FRT_TRY(frt_program_to_text(w->pruned, &text, err));
  answer(w, text, strlen(text));
  frt_free(text);
  return FRT_OK;
}
static frt_status_t check_program(world_t *w, frt_error_t *err) {
  frt_findings_t *f = NULL;
  FRT_TRY(frt_program_check(w->main, NULL, &f, err));
  for (size_t i = 0; i < frt_findings_count(f); ++i) {
    const char *text = frt_findings_at(f, i)->message;
    answer(w, text, strlen(text));
  }
  frt_findings_release(f);
  return FRT_OK;
}

/* ---- building: each single edit is tried until it works ---------------------------------- */

static frt_status_t build_start(world_t *w, frt_error_t *err) {
  return frt_program_create(&w->built, err);
}
static frt_status_t build_var(world_t *w, frt_error_t *err) {
  static const int64_t dims[] = {-1, 3, 4};
  const frt_var_info_t v = {.name = "a/b%c", .dtype = FRT_F32, .rank = 3, .dims = dims};
  return frt_program_add_var(w->built, 0, &v, err);
}
static frt_status_t build_block(world_t *w, frt_error_t *err) {
  int32_t block = -1;
  return frt_program_add_block(w->built, 0, &block, err);
}
static frt_status_t build_op(world_t *w, frt_error_t *err) {
  return frt_program_add_op(w->built, 0, "scale", NULL, err);
}
static frt_status_t build_input(world_t *w, frt_error_t *err) {
  const char *args[] = {"a/b%c", "another"};
  return frt_program_set_input(w->built, 0, 0, "X", args, 2, err);
}
static frt_status_t build_attrs(world_t *w, frt_error_t *err) {
  static const int32_t ints[] = {1, 2, 3};
  FRT_TRY(frt_program_set_attr_ints(w->built, 0, 0, "axes", ints, 3, err));
  FRT_TRY(frt_program_set_attr_string(w->built, 0, 0, "mode", "some text", err));
  return frt_program_set_attr_f32(w->built, 0, 0, "scale", 0.5f, err);
}
static frt_status_t build_end(world_t *w, frt_error_t *err) {
  void *bytes = NULL;
  size_t n = 0;
  FRT_TRY(frt_program_serialize(w->built, &bytes, &n, err));
  answer(w, bytes, n);
  frt_free(bytes);
  return FRT_OK;
}

/* ---- files ------------------------------------------------------------------------------- */

static const char *in_dir(const world_t *w, const char *name) {
  static char path[1024];
  snprintf(path, sizeof path, "%s/%s", w->dir, name);
  return path;
}
static frt_status_t save_program(world_t *w, frt_error_t *err) {
  return frt_program_save(w->main, in_dir(w, "saved.pdmodel"), err);
}
static frt_status_t save_npy(world_t *w, frt_error_t *err) {
  return frt_npy_save(in_dir(w, "t.npy"), w->inp, err);
}
static frt_status_t load_npy(world_t *w, frt_error_t *err) {
  frt_tensor_t *t = NULL;
  FRT_TRY(frt_npy_load(in_dir(w, "t.npy"), &t, err));
  answer_tensor(w, t);
  frt_tensor_release(t);
  return FRT_OK;
}
static frt_status_t save_scope(world_t *w, frt_error_t *err) {
  return frt_scope_save_dir(w->scope, in_dir(w, "scope"), err);
}
static frt_status_t answer_scope(world_t *w, frt_scope_t *s, frt_error_t *err) {
  const char **names = NULL;
  size_t n = 0;
  FRT_TRY(frt_scope_names(s, &names, &n, err));
  frt_status_t status = FRT_OK;
  for (size_t i = 0; i < n && status == FRT_OK; ++i) {
    frt_tensor_t *t = NULL;
    status = frt_scope_get(s, names[i], &t, err);
    if (status != FRT_OK) break;
    answer(w, names[i], strlen(names[i]));
    answer_tensor(w, t);
    frt_tensor_release(t);
  }
  frt_free((void *)names);
  return status;
}
static frt_status_t load_scope(world_t *w, frt_error_t *err) {
  frt_status_t status = frt_scope_load_dir(w->other, in_dir(w, "scope"), err);
  const char **names = NULL;
  size_t n = 0;
  frt_error_t mine = FRT_ERROR_INIT;
  if (status == FRT_OK) return FRT_OK;
  hook.at = 0; /* all or nothing: it was empty, so it is */
  assert_int_equal(FRT_OK, frt_scope_names(w->other, &names, &n, &mine));
  assert_int_equal(0, n);
  frt_free((void *)names);
  return status;
}
static frt_status_t load_params(world_t *w, frt_error_t *err) {
  return frt_params_load(in_dir(w, "params"), w->main, w->other, err);
}
static frt_status_t show_scope(world_t *w, frt_error_t *err) {
  return answer_scope(w, w->scope, err);
}
static frt_status_t show_other(world_t *w, frt_error_t *err) {
  return answer_scope(w, w->other, err);
}
/* A value that cannot be replaced stays. */
static frt_status_t set_larger(world_t *w, frt_error_t *err) {
  static const int64_t dims[] = {100, 10};
  frt_tensor_t *t = NULL, *old = NULL;
  FRT_TRY(frt_tensor_create(FRT_F32, 2, dims, &t, err));
  frt_status_t status = frt_scope_set(w->other, "learning_rate_0", t, err);
  frt_tensor_release(t);
  if (status == FRT_OK) return FRT_OK;
  hook.at = 0;
  frt_error_t mine = FRT_ERROR_INIT;
  assert_int_equal(FRT_OK, frt_scope_get(w->other, "learning_rate_0", &old, &mine));
  assert_int_equal(1, frt_tensor_numel(old));
  frt_tensor_release(old);
  return status;
}

static const struct { const char *name; step_fn *run; } steps[] = {
    {"load startup", load_startup}, {"load main", load_main}, {"load text", load_text},
    {"runtime", make_runtime}, {"add cpu", add_cpu}, {"add reference", add_reference},
    {"executor", make_executor}, {"scope", make_scope}, {"other scope", make_other},
    {"tensor", make_input}, {"startup", run_startup}, {"explain", explain},
    {"step 1", train}, {"step 2", train}, {"step 3", train}, {"pruned step", train_pruned},
    {"prune", prune}, {"serialize", serialize}, {"check", check_program},
    {"create", build_start}, {"add var", build_var}, {"add block", build_block},
    {"add op", build_op}, {"set input", build_input}, {"set attributes", build_attrs},
    {"serialize built", build_end}, {"save program", save_program}, {"save npy", save_npy},
    {"load npy", load_npy}, {"show scope", show_scope}, {"save scope", save_scope},
    {"load scope", load_scope}, {"set", set_larger}, {"load params", load_params},
    {"show other", show_other}};
enum { STEPS = sizeof steps / sizeof steps[0] };

static void end_world(world_t *w) {
  for (int i = 0; i < TENSORS; ++i) frt_tensor_release(w->out[i]);
  frt_tensor_release(w->inp);
  frt_program_release(w->built);
  frt_program_release(w->pruned);
  frt_program_release(w->main);
  frt_program_release(w->startup);
  frt_scope_release(w->other);
  frt_scope_release(w->scope);
  frt_executor_release(w->exe);
  frt_runtime_release(w->rt);
  free(w->answers);
}

static void no_temps(const char *dir) {
  DIR *d = opendir(dir);
  struct dirent *e;
  if (!d) return;
  while ((e = readdir(d)) != NULL)
    if (strstr(e->d_name, ".tmp")) fail_msg("'%s' was left in %s", e->d_name, dir);
  closedir(d);
}

/* One pass; a step that fails is tried again without faults. Returns how many failed. */
static int pass(world_t *w, uint64_t at, bool from_on) {
  int failed = 0;
  memset(&hook, 0, sizeof hook);
  hook.at = at;
  hook.from_on = from_on;
  for (int i = 0; i < STEPS; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    const size_t before = w->n_answers;
    frt_status_t status = steps[i].run(w, &err);
    if (status == FRT_OK) continue;
    w->n_answers = before;
    if (!hook.hit) fail_msg("%s: %s", steps[i].name, err.message);
    if (status != FRT_RESOURCE_EXHAUSTED || !strstr(err.message, "memory"))
      fail_msg("allocation %llu, %s: %s: %s", (unsigned long long)at, steps[i].name,
               frt_status_text(status), err.message);
    ++failed;
    hook.at = 0;
    err.message[0] = 0;
    status = steps[i].run(w, &err);
    if (status != FRT_OK)
      fail_msg("allocation %llu, %s, second try: %s: %s", (unsigned long long)at,
               steps[i].name, frt_status_text(status), err.message);
  }
  hook.at = 0;
  return failed;
}

/* ---- what the test needs on disk ------------------------------------------------------------ */

static void put(unsigned char **to, uint64_t v, int bytes) {
  for (int i = 0; i < bytes; ++i) *(*to)++ = (unsigned char)(v >> (8 * i));
}

/* A tensor as Paddle's `save` writes it: zeros of the declared shape. */
static void write_record(const char *dir, const frt_var_info_t *v) {
  unsigned char bytes[1024] = {0}, *at = bytes, desc[64], *d = desc;
  size_t n = 1;
  char path[1024];
  *d++ = 8;
  *d++ = (unsigned char)v->dtype;
  for (uint32_t i = 0; i < v->rank; ++i) {
    *d++ = 16;
    *d++ = (unsigned char)v->dims[i];
    n *= (size_t)v->dims[i];
  }
  put(&at, 0, 4);
  put(&at, 0, 8);
  put(&at, 0, 4);
  put(&at, (uint64_t)(d - desc), 4);
  memcpy(at, desc, (size_t)(d - desc));
  at += (d - desc) + (ptrdiff_t)(n * sizeof(float));
  snprintf(path, sizeof path, "%s/%s", dir, v->name);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(1, fwrite(bytes, (size_t)(at - bytes), 1, f));
  assert_int_equal(0, fclose(f));
}

static void write_params(const char *dir) {
  char params[600], command[700];
  frt_program_t *p = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  snprintf(params, sizeof params, "%s/params", dir);
  snprintf(command, sizeof command, "mkdir '%s'", params);
  assert_int_equal(0, system(command));
  OK(frt_program_load(model_path("lars_seed/main.pdmodel"), NULL, &p, &err));
  for (uint32_t i = 0; i < frt_program_n_vars(p, 0); ++i) {
    frt_var_info_t v;
    OK(frt_program_var(p, 0, i, &v, &err));
    if (v.persistable && v.kind == FRT_VAR_LOD_TENSOR) write_record(params, &v);
  }
  frt_program_release(p);
}

/* ---- the sweeps -------------------------------------------------------------------------------- */

/* Every `stride`-th point; under valgrind or by FRT_FAULT_STRIDE less dense. */
static uint64_t stride(void) {
  const char *text = getenv("FRT_FAULT_STRIDE");
  return text && atoi(text) > 0 ? (uint64_t)atoi(text) : 1;
}

static void sweep(const char *places) {
  char dir[512];
  world_t plain = {.places = places};
  uint64_t points, failed = 0, tolerated = 0;
  write_params(make_folder(dir, sizeof dir));
  memcpy(plain.dir, dir, sizeof dir);
  frti_alloc_fails = hook_fails;
  assert_int_equal(0, pass(&plain, 0, false));
  points = hook.seen;
  for (int from_on = 0; from_on < 2; ++from_on)
    for (uint64_t at = 1; at <= points; at += stride()) {
      world_t w = {.places = places};
      memcpy(w.dir, dir, sizeof dir);
      const int n = pass(&w, at, from_on);
      if (n > 1) fail_msg("allocation %llu: %d steps failed", (unsigned long long)at, n);
      failed += n == 1;
      tolerated += n == 0;
      if (w.n_answers != plain.n_answers ||
          memcmp(w.answers, plain.answers, w.n_answers))
        fail_msg("allocation %llu: other answers than without a fault",
                 (unsigned long long)at);
      end_world(&w);
    }
  frti_alloc_fails = NULL;
  no_temps(dir);
  no_temps(in_dir(&plain, "scope"));
  print_message("%s: %llu allocations; failed singly and from there on: %llu errors, %llu "
                "done without\n", places, (unsigned long long)points,
                (unsigned long long)failed, (unsigned long long)tolerated);
  assert_true(points > 200 && failed > points);
  end_world(&plain);
  remove_folder(dir);
}

static void every_allocation_fails_on_reference(void **state) {
  (void)state;
  sweep("reference");
}

static void every_allocation_fails_on_cpu(void **state) {
  (void)state;
  sweep("cpu");
}

/* ---- threads ------------------------------------------------------------------------------------- */

static int threads_until_failure = -1; /* -1: none fails */

int pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *), void *arg) {
  int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  if (threads_until_failure >= 0 && threads_until_failure-- == 0) return EAGAIN;
  void *symbol = dlsym(RTLD_NEXT, "pthread_create");
  memcpy(&real, &symbol, sizeof real);
  return real(id, attr, run, arg);
}

static void a_thread_that_cannot_start_is_named(void **state) {
  const frt_runtime_options_t o = {.struct_size = sizeof o, .threads = 6};
  frt_error_t err = FRT_ERROR_INIT;
  (void)state;
  for (int k = 0; k < 5; ++k) {
    frt_runtime_t *rt = NULL;
    char word[64];
    threads_until_failure = k;
    frt_status_t status = frt_runtime_create(&o, &rt, &err);
    threads_until_failure = -1;
    snprintf(word, sizeof word, "thread %d of the 6", k + 1);
    expect_error(status, &err, FRT_RESOURCE_EXHAUSTED, FRT_PHASE_NONE, word);
    assert_int_equal(EAGAIN, err.native);
    assert_null(rt);
  }
  frt_runtime_t *rt = NULL;
  OK(frt_runtime_create(&o, &rt, &err));
  assert_int_equal(6, frt_runtime_threads(rt));
  frt_runtime_release(rt);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_fails_on_reference), /* 3g: 218 */
                                     cmocka_unit_test(every_allocation_fails_on_cpu), /* 3g: 218 */
                                     cmocka_unit_test(a_thread_that_cannot_start_is_named) /* 3g: 220 */};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
