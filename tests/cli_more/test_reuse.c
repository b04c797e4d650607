/* Every recorded program, step by step, in two executors: one gives every value memory of
 * its own, the other reuses memory, writes in place and makes views. All that is fetched
 * and all that is left in the scopes must be equal bit for bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>

#include <cmocka.h>

#include "case.h"

enum { MODES = 2, MAX_SCOPES = 8, MAX_LIST = 64 };

typedef struct pair {
  const char *place, *name;
  frt_runtime_t *rt;
  frt_executor_t *exe[MODES];
  frti_cli_case_t c;
  const char *scope_names[MAX_SCOPES];
  frt_scope_t *scopes[MAX_SCOPES][MODES];
  size_t n_scopes;
  uint64_t runs, tensors, peak[MODES];
} pair_t;

static frt_executor_t *choose(void *ctx, const char *program) {
  (void)program;
  return ctx;
}

static frt_scope_t *start(pair_t *p, int mode) {
  frti_cli_case_result_t out = {0};
  frti_cli_case_runner_t r = {&p->c, p->rt, choose, p->exe[mode], &out};
  frt_scope_t *s = frti_cli_case_start(&r, false);
  if (!s) fail_msg("%s: %s", p->name, out.failures.n ? out.failures.items[0] : "no start");
  frti_cli_case_result_release(&out);
  return s;
}

static frt_scope_t **scopes_of(pair_t *p, const char *name) {
  for (size_t i = 0; i < p->n_scopes; ++i)
    if (!strcmp(p->scope_names[i], name)) return p->scopes[i];
  assert_true(p->n_scopes < MAX_SCOPES);
  p->scope_names[p->n_scopes] = name;
  for (int mode = 0; mode < MODES; ++mode) p->scopes[p->n_scopes][mode] = start(p, mode);
  return p->scopes[p->n_scopes++];
}

static void same(pair_t *p, const char *where, const char *name, const frt_tensor_t *a,
    const frt_tensor_t *b) {
  ++p->tensors;
  assert_non_null(a);
  assert_non_null(b);
  if (frt_tensor_dtype(a) != frt_tensor_dtype(b) || frt_tensor_bytes(a) != frt_tensor_bytes(b) ||
      memcmp(frt_tensor_data(a), frt_tensor_data(b), frt_tensor_bytes(a)))
    fail_msg("%s on %s, %s: '%s' differs with reuse", p->name, p->place, where, name);
}

static size_t list_feeds(pair_t *p, const json_t *names, const char *dir, frt_feed_t *to) {
  const size_t n = json_array_size(names);
  assert_true(n <= MAX_LIST);
  for (size_t i = 0; i < n; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    char *path;
    to[i].name = json_string_value(json_array_get(names, i));
    path = frti_cli_npy_path(dir, to[i].name);
    if (frti_cli_files_npy(p->c.files, path, &to[i].tensor, &err))
      fail_msg("%s: %s", p->name, err.message);
    free(path);
  }
  return n;
}

static void run_step(pair_t *p, const json_t *step, const char *where, const char *dir) {
  const json_t *fetches = json_object_get(step, "fetches");
  const json_t *ops = json_object_get(step, "minimize_ops_in_fetch");
  const char *program = json_string_value(json_object_get(step, "program"));
  const char *in = json_string_value(json_object_get(step, "scope"));
  const frt_run_options_t options = {.struct_size = sizeof options,
      .use_prune = json_is_true(json_object_get(step, "use_prune"))};
  const size_t named = json_array_size(fetches), n = named + json_array_size(ops);
  frt_program_t *main = frti_cli_case_program(&p->c, program ? program : "main");
  frt_scope_t **scopes = scopes_of(p, in ? in : "");
  frt_tensor_t *out[MODES][MAX_LIST] = {{0}};
  frt_feed_t feeds[MAX_LIST];
  frt_fetch_t fetch[MAX_LIST];
  const size_t n_feeds = list_feeds(p, json_object_get(step, "feeds"), dir, feeds);
  assert_non_null(main);
  assert_true(n <= MAX_LIST);
  for (size_t i = 0; i < n; ++i)
    fetch[i] = i < named
        ? (frt_fetch_t){.var = json_string_value(json_array_get(fetches, i))}
        : (frt_fetch_t){.op = (int32_t)json_integer_value(json_array_get(ops, i - named))};
  for (int mode = 0; mode < MODES; ++mode) {
    frt_executor_stats_t stats = {.struct_size = sizeof stats};
    frt_error_t err = FRT_ERROR_INIT;
    if (frt_executor_run(p->exe[mode], main, scopes[mode], feeds, n_feeds, fetch, n,
            n ? out[mode] : NULL, &options, &err))
      fail_msg("%s, %s: %s", p->name, where, err.message);
    frt_executor_stats(p->exe[mode], &stats);
    if (stats.peak_bytes > p->peak[mode]) p->peak[mode] = stats.peak_bytes;
  }
  ++p->runs;
  for (size_t i = 0; i < named; ++i) same(p, where, fetch[i].var, out[0][i], out[1][i]);
  for (size_t i = 0; i < n_feeds; ++i) frt_tensor_release(feeds[i].tensor);
  for (size_t i = 0; i < MODES * n; ++i) frt_tensor_release(out[i / n][i % n]);
}

static void compare_scopes(pair_t *p, frt_scope_t **scopes) {
  const char **names[MODES];
  size_t n[MODES];
  frt_error_t err = FRT_ERROR_INIT;
  for (int mode = 0; mode < MODES; ++mode)
    assert_int_equal(FRT_OK, frt_scope_names(scopes[mode], &names[mode], &n[mode], &err));
  assert_int_equal(n[0], n[1]);
  for (size_t i = 0; i < n[0]; ++i) {
    frt_tensor_t *t[MODES];
    for (int mode = 0; mode < MODES; ++mode)
      assert_int_equal(FRT_OK, frt_scope_get(scopes[mode], names[0][i], &t[mode], &err));
    same(p, "the end", names[0][i], t[0], t[1]);
    for (int mode = 0; mode < MODES; ++mode) frt_tensor_release(t[mode]);
  }
  for (int mode = 0; mode < MODES; ++mode) frt_free((void *)names[mode]);
}

static void run_case(pair_t *p) {
  const json_t *steps = json_object_get(p->c.json, "steps");
  if (!strcmp(p->c.kind, "newer")) run_step(p, p->c.json, "run", "feed");
  for (size_t i = 0; strcmp(p->c.kind, "newer") && i < json_array_size(steps); ++i) {
    char where[32], dir[48];
    snprintf(where, sizeof where, "step %zu", i);
    snprintf(dir, sizeof dir, "step_%03zu/feed", i);
    run_step(p, json_array_get(steps, i), where, dir);
  }
  for (size_t i = 0; i < p->n_scopes; ++i) compare_scopes(p, p->scopes[i]);
}

/* False: a case that is not run. */
static bool judge(frt_runtime_t *rt, const char *place, const char *path, pair_t *total) {
  pair_t p = {.place = place, .name = path, .rt = rt};
  frt_error_t err = FRT_ERROR_INIT;
  bool ran;
  if (frti_cli_case_open(path, &p.c, &err)) fail_msg("%s: %s", path, err.message);
  ran = !p.c.skip;
  for (int mode = 0; ran && mode < MODES; ++mode) {
    const frt_executor_options_t o = {.struct_size = sizeof o, .no_reuse = mode};
    if (frt_executor_create(rt, place, &o, &p.exe[mode], &err)) fail_msg("%s", err.message);
  }
  if (ran) run_case(&p);
  for (size_t i = 0; i < p.n_scopes * MODES; ++i)
    frt_scope_release(p.scopes[i / MODES][i % MODES]);
  for (int mode = 0; mode < MODES; ++mode) {
    frt_executor_release(p.exe[mode]);
    assert_true(p.peak[0] <= p.peak[1]);
    total->peak[mode] += p.peak[mode];
  }
  total->runs += p.runs;
  total->tensors += p.tensors;
  frti_cli_case_close(&p.c);
  return ran;
}

static void every_case_on(const char *place) {
  const char *root = getenv("FLUIDRT_SOURCE_DIR");
  char dir[1024], path[2048];
  frt_runtime_t *rt;
  frt_error_t err = FRT_ERROR_INIT;
  pair_t total = {0};
  unsigned ran = 0;
  DIR *d;
  snprintf(dir, sizeof dir, "%s/tests/golden", root ? root : ".");
  assert_int_equal(FRT_OK, frt_runtime_create(NULL, &rt, &err));
  d = opendir(dir);
  assert_non_null(d);
  for (struct dirent *e; (e = readdir(d));) {
    if (!frti_cli_ends_with(e->d_name, ".zip")) continue;
    snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
    ran += judge(rt, place, path, &total);
  }
  closedir(d);
  frt_runtime_release(rt);
  printf("%s: %u cases, %llu runs, %llu tensors equal; peak bytes in all %llu with reuse, "
         "%llu without\n", place, ran, (unsigned long long)total.runs,
         (unsigned long long)total.tensors, (unsigned long long)total.peak[0],
         (unsigned long long)total.peak[1]);
  assert_true(ran > 80);
  assert_true(total.peak[0] < total.peak[1]);
}

static void reuse_changes_no_bit_on_cpu(void **state) {
  (void)state;
  every_case_on("cpu");
}

static void reuse_changes_no_bit_on_reference(void **state) {
  (void)state;
  every_case_on("reference");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(reuse_changes_no_bit_on_cpu), /* 3h: 239 */
      cmocka_unit_test(reuse_changes_no_bit_on_reference) /* 3h: 239 */};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
