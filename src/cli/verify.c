/* fluidrt verify: recorded cases, run and compared. */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "case.h"

typedef struct args {
  frti_cli_t cli; /* first: see frti_cli_children */
  frti_cli_list_t paths;
  bool alternate, force;
} args_t;

enum { KEY_SWITCH = 0x2001, KEY_FORCE };

static const struct argp_option OPTIONS[] = {
    {"switch", KEY_SWITCH, NULL, 0,
        "Change the place from run to run: the places of -p take turns on one scope"},
    {"force-each", KEY_FORCE, NULL, 0,
        "Run each case once per op, that op alone forced to the second place of -p"},
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
  args_t *a = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &a->cli;
      return 0;
    case KEY_SWITCH:
      a->alternate = true;
      return 0;
    case KEY_FORCE:
      a->force = true;
      return 0;
    case ARGP_KEY_ARG:
      frti_cli_list_add(&a->paths, arg);
      return 0;
    case ARGP_KEY_END:
      if (!a->paths.n) argp_error(state, "which CASE?");
      if (a->alternate && a->force)
        argp_error(state, "--switch or --force-each, not both");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

/* ---- which cases ------------------------------------------------------------------ */

static bool is_case(const char *path) {
  char *file = frti_cli_text("%s/case.json", path);
  struct stat st;
  const bool yes =
      (!stat(path, &st) && S_ISREG(st.st_mode) && frti_cli_ends_with(path, ".zip")) ||
      !stat(file, &st);
  free(file);
  return yes;
}

/* A case itself, or all cases of a folder. */
static int expand(const args_t *a, const char *path, frti_cli_list_t *cases) {
  struct stat st;
  const size_t before = cases->n;
  frti_cli_list_t found = {0};
  const struct dirent *e;
  DIR *d;
  if (stat(path, &st))
    return frti_cli_fail(&a->cli, CLI_NO_INPUT, "%s: there is no such case", path);
  d = S_ISDIR(st.st_mode) && !is_case(path) ? opendir(path) : NULL;
  if (!d) {
    frti_cli_list_add(cases, path);
    return CLI_OK;
  }
  while ((e = readdir(d)) != NULL) {
    char *inner = frti_cli_text(
        "%s%s%s", path, frti_cli_ends_with(path, "/") ? "" : "/", e->d_name);
    if (e->d_name[0] != '.' && is_case(inner)) frti_cli_list_add(&found, inner);
    free(inner);
  }
  closedir(d);
  frti_cli_list_sort(&found);
  for (size_t i = 0; i < found.n; ++i) frti_cli_list_add(cases, found.items[i]);
  frti_cli_list_release(&found);
  if (cases->n > before) return CLI_OK;
  return frti_cli_fail(&a->cli, CLI_NO_INPUT,
      "%s: holds no case (a folder with case.json, or a .zip)", path);
}

/* ---- which executor -------------------------------------------------------------- */

/* The default: one executor. --switch: one per place, in turn. */
typedef struct chooser {
  frt_executor_t *all[16];
  size_t n, turn;
} chooser_t;

static frt_executor_t *choose(void *ctx, const char *program) {
  chooser_t *c = ctx;
  frt_executor_t *exe = c->all[c->turn++ % c->n];
  (void)program;
  frti_cli_watch(exe);
  return exe;
}

static int split_places(const args_t *a, frti_cli_list_t *places) {
  char *list = frti_cli_strdup(a->cli.places ? a->cli.places : "cpu,reference"),
       *save = NULL;
  for (char *s = strtok_r(list, ",", &save); s; s = strtok_r(NULL, ",", &save))
    frti_cli_list_add(places, s);
  free(list);
  if (places->n >= 2 && places->n <= 16) return CLI_OK;
  return frti_cli_fail(&a->cli, CLI_USAGE,
      "-p '%s': %s needs two places or more, e.g. cpu,reference",
      a->cli.places ? a->cli.places : "", a->force ? "--force-each" : "--switch");
}

static int open_executors(
    const args_t *a, frt_runtime_t *rt, const frti_cli_list_t *places, chooser_t *c) {
  if (!a->alternate) {
    c->n = 1;
    return frti_cli_executor(&a->cli, rt, a->cli.places, NULL, &c->all[0]);
  }
  for (c->n = 0; c->n < places->n; ++c->n) {
    const int code =
        frti_cli_executor(&a->cli, rt, places->items[c->n], NULL, &c->all[c->n]);
    if (code) return code;
  }
  return CLI_OK;
}

/* ---- what comes out -------------------------------------------------------------- */

typedef struct tally {
  uint64_t passed, failed, skipped, forced, moved;
  json_t *cases; /* with --json */
} tally_t;

static void tell(const args_t *a, tally_t *t, const char *word, const char *name,
    const char *text, const frti_cli_case_result_t *r) {
  if (t->cases) {
    json_t *o = json_object(), *failures = json_array();
    json_object_set_new(o, "name", json_string(name));
    json_object_set_new(o, "result", json_string(word));
    json_object_set_new(o, "text", json_string(text));
    for (size_t i = 0; r && i < r->failures.n; ++i)
      json_array_append_new(failures, json_string(r->failures.items[i]));
    if (r) {
      json_object_set_new(o, "worst", frti_cli_json_number(r->worst));
      json_object_set_new(o, "where", json_string(r->where));
      json_object_set_new(o, "runs", json_integer((json_int_t)r->runs));
      json_object_set_new(o, "tensors", json_integer((json_int_t)r->tensors));
      json_object_set_new(o, "normal_start_values", json_integer((json_int_t)r->normal));
      json_object_set_new(o, "normal_start_values_that_differ",
          json_integer((json_int_t)r->normal_differ));
    }
    json_object_set_new(o, "failures", failures);
    json_array_append_new(t->cases, o);
    return;
  }
  if (a->cli.quiet && strcmp(word, "FAIL")) return;
  printf("%s %s: %s\n", word, name, text);
  enum { SHOWN = 6 };
  for (size_t i = 0; r && i < r->failures.n && i < SHOWN; ++i)
    printf("     %s\n", r->failures.items[i]);
  if (r && r->failures.n > SHOWN) printf("     ... %zu more\n", r->failures.n - SHOWN);
  fflush(stdout);
}

static void conclude(const args_t *a, tally_t *t, const char *name,
    const frti_cli_case_result_t *r, uint64_t forced) {
  char *text, *more = frti_cli_strdup("");
  if (r->failures.n) {
    text = frti_cli_text(
        "%zu failures in %llu runs", r->failures.n, (unsigned long long)r->runs);
    ++t->failed;
  } else {
    if (r->worst > 0)
      text = frti_cli_text("worst %.3g of the tolerance, %s", r->worst, r->where);
    else
      text = frti_cli_strdup("equal in every bit that counts");
    ++t->passed;
  }
  if (forced) {
    free(more);
    more = frti_cli_text("; %llu ops forced", (unsigned long long)forced);
  } else if (r->normal) {
    free(more);
    more = frti_cli_text("; %llu of %llu normal start values differ by 1 ulp",
        (unsigned long long)r->normal_differ, (unsigned long long)r->normal);
  }
  char *line = frti_cli_text("%s%s", text, more);
  tell(a, t, r->failures.n ? "FAIL" : "PASS", name, line, r);
  if (r->on_purpose && !t->cases && !a->cli.quiet)
    printf("     %s not judged, it differs on purpose: %s\n", r->left_out, r->on_purpose);
  free(line);
  free(more);
  free(text);
}

/* ---- running --------------------------------------------------------------------- */

/* A script makes its own executors; with --switch each place runs the whole of it. */
static void run_script(const args_t *a, const frti_cli_case_t *c, frt_runtime_t *rt,
    const frti_cli_list_t *places, frti_cli_case_result_t *r) {
  const frt_executor_options_t options = frti_cli_executor_options(&a->cli, NULL);
  const size_t n = a->alternate ? places->n : 1;
  for (size_t i = 0; i < n; ++i)
    frti_cli_case_script(
        c, rt, a->alternate ? places->items[i] : a->cli.places, &options, r);
}

static int verify_one(const args_t *a, const char *path, frt_runtime_t *rt, chooser_t *ch,
    const frti_cli_list_t *places, tally_t *t) {
  frti_cli_case_t c;
  frt_error_t err = FRT_ERROR_INIT;
  frti_cli_case_result_t r = {.worst = 0};
  const frti_cli_force_t force = {.cli = &a->cli, .places = a->cli.places,
      .to = places->n > 1 ? places->items[1] : NULL, .plain = ch->all[0]};
  uint64_t forced = 0;
  int code = CLI_OK;
  if (frti_cli_case_open(path, &c, &err)) {
    ++t->failed;
    tell(a, t, "FAIL", path, err.message, NULL);
  } else if (c.skip) {
    ++t->skipped;
    tell(a, t, "SKIP", c.name, c.skip, NULL);
  } else if (a->force && frti_cli_case_imperative(&c)) {
    ++t->skipped;
    tell(a, t, "SKIP", c.name, "kind dygraph: --force-each is for programs", NULL);
  } else {
    if (frti_cli_case_imperative(&c))
      run_script(a, &c, rt, places, &r);
    else if (a->force)
      code = frti_cli_case_force(&force, &c, rt, &r, &forced, &t->moved);
    else
      frti_cli_case_run(&c, rt, choose, ch, &r);
    if (!code && !frti_cli_interrupted()) conclude(a, t, c.name, &r, forced);
    t->forced += forced;
  }
  frti_cli_case_result_release(&r);
  frti_cli_case_close(&c);
  return frti_cli_interrupted() ? CLI_INTERRUPTED : code;
}

static void summary(const args_t *a, tally_t *t) {
  if (t->cases) {
    json_t *root = json_object();
    json_object_set_new(root, "passed", json_integer((json_int_t)t->passed));
    json_object_set_new(root, "failed", json_integer((json_int_t)t->failed));
    json_object_set_new(root, "skipped", json_integer((json_int_t)t->skipped));
    if (a->force) {
      json_object_set_new(root, "ops_forced", json_integer((json_int_t)t->forced));
      json_object_set_new(root, "ops_moved", json_integer((json_int_t)t->moved));
    }
    json_object_set_new(root, "cases", t->cases);
    frti_cli_json_print(root);
    return;
  }
  if (a->force)
    printf(
        "%llu ops forced, one at a time; %llu ran on the other place (the rest is not "
        "run "
        "at all)\n",
        (unsigned long long)t->forced, (unsigned long long)t->moved);
  printf("%llu passed, %llu failed, %llu skipped\n", (unsigned long long)t->passed,
      (unsigned long long)t->failed, (unsigned long long)t->skipped);
}

int frti_cli_verify(int argc, char **argv) {
  static const struct argp argp = {OPTIONS, parse, "CASE...",
      "Runs recorded cases (folders, .zip files, or folders of these) and compares every "
      "result and every stored variable with the recorded one.",
      frti_cli_children, NULL, NULL};
  args_t a = {.cli = {.verb = "verify"}};
  frti_cli_session_t s = {0};
  frti_cli_list_t cases = {0}, places = {0};
  chooser_t ch = {.n = 0};
  tally_t t = {0};
  int code = CLI_OK;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  for (size_t i = 0; !code && i < a.paths.n; ++i)
    code = expand(&a, a.paths.items[i], &cases);
  if (!code && (a.alternate || a.force)) code = split_places(&a, &places);
  a.cli.no_warnings = a.force; /* each forced op is off the first place */
  if (!code) code = frti_cli_open_runtime(&a.cli, &s);
  if (!code) code = open_executors(&a, s.rt, &places, &ch);
  if (!code && a.cli.json) t.cases = json_array();
  if (!code) {
    for (size_t i = 0; !code && i < cases.n; ++i)
      code = verify_one(&a, cases.items[i], s.rt, &ch, &places, &t);
    summary(&a, &t);
  }
  frti_cli_watch(NULL);
  for (size_t i = 0; i < ch.n; ++i) frt_executor_release(ch.all[i]);
  frti_cli_close(&s);
  frti_cli_list_release(&cases);
  frti_cli_list_release(&places);
  frti_cli_list_release(&a.paths);
  return code ? code : t.failed ? CLI_NO : CLI_OK;
}
