/* The steps of a case, and what is left in its scopes at the end. */
#include <stdlib.h>
#include <string.h>

#include "case.h"

/* What 1.8.5 does and this runtime does not, on purpose: from this step on, or this one
 * variable, a case is run but not judged. The case's own `reference_quirk` says why. */
static const struct {
  const char *name, *variable;
  int64_t from;
} ON_PURPOSE[] = {
    {"clip_by_norm_zero_quirk", NULL, 1},
    {"prune_minimize_tuple_l2_quirk", NULL, 1},
    {"ignore_index_quirk", "x@GRAD", INT64_MAX},
};

static bool on_purpose(frti_cli_case_runner_t *r, int64_t step, const char *variable) {
  const char *text = json_string_value(json_object_get(r->c->json, "reference_quirk"));
  for (size_t i = 0; text && i < sizeof ON_PURPOSE / sizeof ON_PURPOSE[0]; ++i) {
    if (strcmp(r->c->name, ON_PURPOSE[i].name)) continue;
    if (ON_PURPOSE[i].variable ? strcmp(variable, ON_PURPOSE[i].variable) != 0
                               : step < ON_PURPOSE[i].from)
      continue;
    if (!r->out->on_purpose) {
      r->out->on_purpose = text;
      if (ON_PURPOSE[i].variable)
        snprintf(r->out->left_out, sizeof r->out->left_out, "'%s'", variable);
      else
        snprintf(r->out->left_out, sizeof r->out->left_out, "step %lld and what follows",
            (long long)ON_PURPOSE[i].from);
    }
    return true;
  }
  return false;
}

typedef struct step {
  int64_t number;
  char place[32];  /* "step 3", for people */
  char folder[32]; /* "step_003/", or "" */
  frt_feed_t *feeds;
  frt_fetch_t *fetches;
  frt_tensor_t **out;
  size_t n_feeds, n_fetches, n_named;
} step_t;

static bool prepare(frti_cli_case_runner_t *r, step_t *s, const json_t *feeds,
    const json_t *fetches, const json_t *ops) {
  const size_t named = json_array_size(fetches), n_ops = json_array_size(ops);
  char dir[48];
  snprintf(dir, sizeof dir, "%sfeed", s->folder);
  s->feeds = frti_cli_alloc((json_array_size(feeds) + 1) * sizeof *s->feeds);
  s->fetches = frti_cli_alloc((named + n_ops + 1) * sizeof *s->fetches);
  s->out = frti_cli_alloc((named + n_ops + 1) * sizeof *s->out);
  for (size_t i = 0; i < json_array_size(feeds); ++i) {
    const char *name = json_string_value(json_array_get(feeds, i));
    if (!name) return false;
    s->feeds[i].name = name;
    s->feeds[i].tensor = frti_cli_case_tensor(r, s->place, dir, name);
    s->n_feeds = i + 1;
    if (!s->feeds[i].tensor) return false;
  }
  for (size_t i = 0; i < named; ++i) {
    const char *name = json_string_value(json_array_get(fetches, i));
    if (!name) return false;
    s->fetches[i] = (frt_fetch_t){.var = name};
  }
  for (size_t i = 0; i < n_ops; ++i)
    s->fetches[named + i] =
        (frt_fetch_t){.op = (int32_t)json_integer_value(json_array_get(ops, i))};
  s->n_named = named;
  s->n_fetches = named + n_ops;
  return true;
}

static void release(step_t *s) {
  for (size_t i = 0; s->feeds && i < s->n_feeds; ++i)
    frt_tensor_release(s->feeds[i].tensor);
  for (size_t i = 0; s->out && i < s->n_fetches; ++i) frt_tensor_release(s->out[i]);
  free(s->feeds);
  free(s->fetches);
  free(s->out);
}

static void judge_fetches(frti_cli_case_runner_t *r, const step_t *s) {
  char dir[48];
  snprintf(dir, sizeof dir, "%sfetch", s->folder);
  for (size_t i = 0; i < s->n_named; ++i) {
    const char *name = s->fetches[i].var;
    const frti_cli_tolerance_t t = frti_cli_case_tolerance(r->c, name);
    frti_cli_verdict_t v;
    frt_tensor_t *want;
    if (on_purpose(r, s->number, name)) continue;
    want = frti_cli_case_tensor(r, s->place, dir, name);
    if (!want) continue;
    frti_cli_judge(s->out[i], want, &t, &v);
    frti_cli_case_judged(r, s->place, name, &v);
    frt_tensor_release(want);
  }
}

/* One run; false if the case cannot go on. */
static bool run_step(frti_cli_case_runner_t *r, step_t *s, const char *program,
    bool prune, frt_scope_t *scope, const json_t *feeds, const json_t *fetches,
    const json_t *ops) {
  const frt_run_options_t options = {.struct_size = sizeof options, .use_prune = prune};
  frt_program_t *p = frti_cli_case_program(r->c, program);
  frt_error_t err = FRT_ERROR_INIT;
  bool good = p && prepare(r, s, feeds, fetches, ops);
  if (!p) {
    frti_cli_case_failed(r, s->place, "the case has no program '%s'", program);
  } else if (!good) {
    if (!r->out->failures.n) frti_cli_case_failed(r, s->place, "a name is no string");
  } else {
    ++r->out->runs;
    if (frt_executor_run(r->choose(r->ctx, program), p, scope, s->feeds, s->n_feeds,
            s->fetches, s->n_fetches, s->n_fetches ? s->out : NULL, &options, &err)) {
      frti_cli_case_failed(r, s->place, "%s", err.message);
      good = false;
    } else {
      judge_fetches(r, s);
    }
  }
  release(s);
  return good;
}

static void add_names(frti_cli_list_t *names, const json_t *array) {
  for (size_t i = 0; i < json_array_size(array); ++i) {
    const char *name = json_string_value(json_array_get(array, i));
    if (name && !frti_cli_list_has(names, name)) frti_cli_list_add(names, name);
  }
}

/* Every persistable the case names, and whatever else the folder holds. */
static void judge_final(frti_cli_case_runner_t *r, const char *dir, frt_scope_t *scope) {
  frti_cli_list_t names = {0}, files = {0};
  const int64_t last = (int64_t)json_array_size(json_object_get(r->c->json, "steps"));
  add_names(&names, json_object_get(r->c->json, "persistables"));
  add_names(&names, json_object_get(r->c->json, "made_by_a_later_program"));
  frti_cli_files_list(r->c->files, dir, &files);
  for (size_t i = 0; i < files.n; ++i) {
    char name[512], *dot = strstr(files.items[i], ".npy");
    if (dot) *dot = 0;
    if (dot && !frt_file_to_name(files.items[i], name, sizeof name, NULL) &&
        !frti_cli_list_has(&names, name))
      frti_cli_list_add(&names, name);
  }
  for (size_t i = 0; i < names.n; ++i) {
    const char *name = names.items[i];
    const frti_cli_tolerance_t t = frti_cli_case_tolerance(r->c, name);
    frt_error_t err = FRT_ERROR_INIT;
    frt_tensor_t *got = NULL, *want;
    frti_cli_verdict_t v;
    if (on_purpose(r, last, name)) continue;
    want = frti_cli_case_tensor(r, dir, dir, name);
    if (want && frt_scope_get(scope, name, &got, &err))
      frti_cli_case_failed(r, dir, "'%s': %s", name, err.message);
    if (got) {
      frti_cli_judge(got, want, &t, &v);
      frti_cli_case_judged(r, dir, name, &v);
    }
    frt_tensor_release(got);
    frt_tensor_release(want);
  }
  frti_cli_list_release(&files);
  frti_cli_list_release(&names);
}

/* The scopes of a case by name; "" is the default one. */
typedef struct scopes {
  const char *names[8];
  frt_scope_t *scopes[8];
  size_t n;
} scopes_t;

static frt_scope_t *scope_of(frti_cli_case_runner_t *r, scopes_t *all, const char *name) {
  for (size_t i = 0; i < all->n; ++i)
    if (!strcmp(all->names[i], name)) return all->scopes[i];
  if (all->n == sizeof all->scopes / sizeof all->scopes[0]) {
    frti_cli_case_failed(r, name, "more than 8 scopes");
    return NULL;
  }
  all->names[all->n] = name;
  all->scopes[all->n] = frti_cli_case_start(r, true);
  return all->scopes[all->n] ? all->scopes[all->n++] : NULL;
}

static bool run_steps(frti_cli_case_runner_t *r, scopes_t *all) {
  const json_t *steps = json_object_get(r->c->json, "steps");
  const json_t *count = json_object_get(r->c->json, "n_steps");
  json_t *e;
  size_t i;
  if (!json_is_array(steps) ||
      json_integer_value(count) != (json_int_t)json_array_size(steps)) {
    frti_cli_case_failed(r, "case.json", "n_steps is %lld, but there are %zu steps",
        (long long)json_integer_value(count), json_array_size(steps));
    return false;
  }
  json_array_foreach(steps, i, e) {
    const char *name = json_string_value(json_object_get(e, "scope"));
    const char *program = json_string_value(json_object_get(e, "program"));
    frt_scope_t *scope = scope_of(r, all, name ? name : "");
    step_t s = {.number = (int64_t)i};
    snprintf(s.place, sizeof s.place, "step %zu", i);
    snprintf(s.folder, sizeof s.folder, "step_%03zu/", i);
    if (!scope || frti_cli_interrupted()) return false;
    if (!run_step(r, &s, program ? program : "main",
            json_is_true(json_object_get(e, "use_prune")), scope,
            json_object_get(e, "feeds"), json_object_get(e, "fetches"),
            json_object_get(e, "minimize_ops_in_fetch")))
      return false;
  }
  return true;
}

static void run_newer(frti_cli_case_runner_t *r, frt_scope_t *scope) {
  step_t s = {.place = "run"};
  run_step(r, &s, "main", false, scope, json_object_get(r->c->json, "feeds"),
      json_object_get(r->c->json, "fetches"), NULL);
}

void frti_cli_case_run(const frti_cli_case_t *c, frt_runtime_t *rt,
    frti_cli_choose_t choose, void *ctx, frti_cli_case_result_t *out) {
  frti_cli_case_runner_t r = {c, rt, choose, ctx, out};
  scopes_t all = {0};
  memset(out, 0, sizeof *out);
  if (scope_of(&r, &all, "")) {
    if (!strcmp(c->kind, "newer")) {
      run_newer(&r, all.scopes[0]);
    } else if (run_steps(&r, &all)) {
      for (size_t i = 0; i < all.n; ++i) {
        char *dir = frti_cli_text("final%s%s", all.names[i][0] ? "_" : "", all.names[i]);
        judge_final(&r, dir, all.scopes[i]);
        free(dir);
      }
    }
  }
  if (!out->tensors && !out->failures.n && !frti_cli_interrupted())
    frti_cli_case_failed(&r, "case", "there was nothing to compare");
  for (size_t i = 0; i < all.n; ++i) frt_scope_release(all.scopes[i]);
}
