/* `fluidrt conform --program`: the programs, start values and feeds of a walk. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conform.h"

typedef struct job {
  const frti_cli_conform_t *a;
  frti_replay_t *r;
  frt_program_t *main, *startup; /* given by path; NULL: the case's */
  frti_cli_case_t c;
  frt_executor_t *exe; /* for a case that starts from files */
} job_t;

/* The program of this name: what was given comes before what the case holds. */
static frt_program_t *program_of(const job_t *j, const char *name) {
  if (j->main && !strcmp(name, "main")) return j->main;
  if (j->startup && !strcmp(name, "startup")) return j->startup;
  return j->a->recorded ? frti_cli_case_program(&j->c, name) : NULL;
}

static int load(job_t *j) {
  const frti_cli_conform_t *a = j->a;
  frt_error_t err = FRT_ERROR_INIT;
  char *beside = NULL;
  int code = CLI_OK;
  if (a->recorded && frti_cli_case_open(a->recorded, &j->c, &err))
    return frti_cli_error(&a->cli, a->recorded, &err);
  if (a->recorded && j->c.skip)
    return frti_cli_fail(&a->cli, CLI_DATA, "%s: %s", a->recorded, j->c.skip);
  if (a->program) code = frti_cli_load(&a->cli, a->program, &j->main);
  if (code) return code;
  if (a->startup) return frti_cli_load(&a->cli, a->startup, &j->startup);
  if (a->program) beside = frti_cli_text("%s/startup.pdmodel", a->program);
  if (beside && !access(beside, R_OK)) code = frti_cli_load(&a->cli, beside, &j->startup);
  free(beside);
  return code;
}

/* ---- start values ------------------------------------------------------------------ */

static frt_executor_t *choose(void *ctx, const char *program) {
  (void)program;
  return ((job_t *)ctx)->exe;
}

static int copy_scope(job_t *j, frt_scope_t *from, frti_variables_t *to) {
  frt_error_t err = FRT_ERROR_INIT;
  const char **names = NULL;
  size_t n = 0;
  frt_status_t status = frt_scope_names(from, &names, &n, &err);
  for (size_t i = 0; i < n && !status; ++i) {
    frt_tensor_t *t = NULL;
    status = frt_scope_get(from, names[i], &t, &err);
    if (!status) status = frti_replay_set(to, names[i], t, &err);
    frt_tensor_release(t);
  }
  frt_free(names);
  return status ? frti_cli_error(&j->a->cli, j->a->recorded, &err) : CLI_OK;
}

/* A case without a startup program: its files. */
static int start_from_files(job_t *j, frti_variables_t *to) {
  frti_cli_case_result_t out = {0};
  frti_cli_case_runner_t r = {&j->c, frti_replay_runtime(j->r), choose, j, &out};
  frt_scope_t *scope;
  int code = CLI_OK;
  if (!j->exe)
    code = frti_cli_executor(&j->a->cli, r.rt, "reference", NULL, &j->exe);
  if (code) return code;
  scope = frti_cli_case_start(&r, false);
  if (scope)
    code = copy_scope(j, scope, to);
  else
    code = frti_cli_fail(&j->a->cli, CLI_DATA, "%s: %s", j->a->recorded,
        out.failures.n ? out.failures.items[0] : "it cannot be started");
  frt_scope_release(scope);
  frti_cli_case_result_release(&out);
  return code;
}

static int run(job_t *j, frti_variables_t *scope, const frti_replay_run_t *what) {
  frt_error_t err = FRT_ERROR_INIT;
  if (frti_replay_run(j->r, scope, what, &err))
    return frti_cli_error(&j->a->cli, what->name, &err);
  return CLI_OK;
}

/* A scope's start: its persistables come from the startup program, op by op too. */
static int scope_of(job_t *j, const char *name, frti_variables_t **out) {
  frti_replay_run_t what = {.name = "startup", .when = "start"};
  int fresh = 0;
  *out = frti_replay_scope(j->r, name, &fresh);
  if (!*out) return frti_cli_fail(&j->a->cli, CLI_INTERNAL, "more than 8 scopes");
  if (!fresh) return CLI_OK;
  what.loaded = what.program = program_of(j, "startup");
  if (what.program) return run(j, *out, &what);
  return j->a->recorded ? start_from_files(j, *out) : CLI_OK;
}

/* ---- one step of a case --------------------------------------------------------------- */

static char **strings(const json_t *array, size_t *n) {
  char **all;
  *n = json_array_size(array);
  all = frti_cli_alloc((*n + 1) * sizeof *all);
  for (size_t i = 0; i < *n; ++i) {
    const char *s = json_string_value(json_array_get(array, i));
    all[i] = (char *)(uintptr_t)(s ? s : "");
  }
  return all;
}

/* The program that the step runs: itself, or pruned as the step says. */
static int prune(job_t *j, const json_t *step, frti_replay_run_t *what, frt_program_t **cut,
    uint32_t **kept) {
  const json_t *ops = json_object_get(step, "minimize_ops_in_fetch");
  frt_prune_request_t request = {.struct_size = sizeof request};
  frt_error_t err = FRT_ERROR_INIT;
  size_t n_kept = 0;
  uint32_t *numbers;
  char **feeds, **fetches;
  frt_status_t status;
  if (!json_is_true(json_object_get(step, "use_prune")) && !json_array_size(ops))
    return CLI_OK;
  feeds = strings(json_object_get(step, "feeds"), &request.n_feeds);
  fetches = strings(json_object_get(step, "fetches"), &request.n_fetches);
  request.n_ops = json_array_size(ops);
  numbers = frti_cli_alloc((request.n_ops + 1) * sizeof *numbers);
  for (size_t i = 0; i < request.n_ops; ++i)
    numbers[i] = (uint32_t)json_integer_value(json_array_get(ops, i));
  request.feeds = (const char *const *)feeds;
  request.fetches = (const char *const *)fetches;
  request.ops = numbers;
  status = frt_program_prune(what->loaded, &request, cut, kept, &n_kept, &err);
  free(feeds);
  free(fetches);
  free(numbers);
  if (status) return frti_cli_error(&j->a->cli, j->a->recorded, &err);
  what->program = *cut;
  what->kept = *kept;
  return CLI_OK;
}

static int read_feeds(job_t *j, const json_t *names, const char *dir, frt_feed_t *to,
    size_t *n) {
  for (size_t i = 0; i < json_array_size(names); ++i) {
    const char *name = json_string_value(json_array_get(names, i));
    char *path = frti_cli_npy_path(dir, name ? name : "");
    frt_error_t err = FRT_ERROR_INIT;
    const frt_status_t status = frti_cli_files_npy(j->c.files, path, &to[i].tensor, &err);
    free(path);
    if (status) return frti_cli_error(&j->a->cli, NULL, &err);
    to[i].name = name;
    *n = i + 1;
  }
  return CLI_OK;
}

static int run_step(job_t *j, const json_t *step, const char *dir, const char *when) {
  const char *program = json_string_value(json_object_get(step, "program"));
  const char *in = json_string_value(json_object_get(step, "scope"));
  const json_t *names = json_object_get(step, "feeds");
  frt_feed_t *feeds = frti_cli_alloc((json_array_size(names) + 1) * sizeof *feeds);
  frti_replay_run_t what = {.name = program ? program : "main", .when = when};
  frti_variables_t *scope = NULL;
  frt_program_t *cut = NULL;
  uint32_t *kept = NULL;
  int code = scope_of(j, in ? in : "", &scope);
  what.loaded = what.program = program_of(j, what.name);
  if (!code && !what.program)
    code = frti_cli_fail(&j->a->cli, CLI_DATA, "%s: %s runs '%s', and there is no such "
                         "program", j->a->recorded, when, what.name);
  if (!code) code = read_feeds(j, names, dir, feeds, &what.n_feeds);
  what.feeds = feeds;
  if (!code) code = prune(j, step, &what, &cut, &kept);
  if (!code) code = run(j, scope, &what);
  for (size_t i = 0; i < json_array_size(names); ++i) frt_tensor_release(feeds[i].tensor);
  free(feeds);
  frt_free(kept);
  frt_program_release(cut);
  return code;
}

static int run_case(job_t *j) {
  const json_t *steps = json_object_get(j->c.json, "steps");
  const size_t n = json_array_size(steps);
  int code = CLI_OK;
  if (!strcmp(j->c.kind, "newer")) return run_step(j, j->c.json, "feed", "run");
  for (size_t i = 0; i < n && !code && (!j->a->steps || i < j->a->steps); ++i) {
    char when[32], dir[48];
    snprintf(when, sizeof when, "step %zu", i);
    snprintf(dir, sizeof dir, "step_%03zu/feed", i);
    code = run_step(j, json_array_get(steps, i), dir, when);
  }
  return code;
}

/* ---- a program with feeds by hand --------------------------------------------------------- */

static int run_given(job_t *j) {
  const frti_cli_list_t *list = &j->a->feeds;
  frt_feed_t *feeds = frti_cli_alloc((list->n + 1) * sizeof *feeds);
  frti_replay_run_t what = {.name = "main", .feeds = feeds};
  frti_variables_t *scope = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  int code = CLI_OK;
  what.loaded = what.program = j->main;
  for (size_t i = 0; i < list->n && !code; ++i) {
    char *file = strchr(list->items[i], '=');
    *file = 0;
    feeds[i].name = list->items[i];
    if (frt_npy_load(file + 1, &feeds[i].tensor, &err))
      code = frti_cli_error(&j->a->cli, file + 1, &err);
    what.n_feeds = i + 1;
  }
  if (!code) code = scope_of(j, "", &scope);
  for (uint64_t i = 0; i < (j->a->steps ? j->a->steps : 1) && !code; ++i) {
    char when[32];
    snprintf(when, sizeof when, "run %llu", (unsigned long long)i);
    what.when = when;
    code = run(j, scope, &what);
  }
  for (size_t i = 0; i < list->n; ++i) frt_tensor_release(feeds[i].tensor);
  free(feeds);
  return code;
}

int frti_cli_conform_program(void *ctx, frti_progress_t *progress) {
  job_t j = {.a = ctx};
  frt_error_t err = FRT_ERROR_INIT;
  int code = load(&j);
  if (!code && frti_replay_open(&j.a->o, progress, &j.r, &err)) {
    err.phase = FRT_PHASE_PROVIDER;
    code = frti_cli_fail(&j.a->cli, err.status == FRT_NOT_FOUND ? CLI_NO_INPUT
                         : CLI_UNAVAILABLE, "%s", err.message);
  }
  if (!code) code = j.a->recorded ? run_case(&j) : run_given(&j);
  if (!code) code = frti_replay_report(j.r);
  frt_executor_release(j.exe);
  frti_replay_close(j.r);
  frt_program_release(j.main);
  frt_program_release(j.startup);
  frti_cli_case_close(&j.c);
  return code;
}
