/* fluidrt check: everything that is wrong with a program, before it is run. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct args {
  frti_cli_t cli; /* first: see frti_cli_children */
  const char *path;
  frti_cli_list_t feeds, fetches, names, shapes;
  int64_t batch;
  bool strict, plan;
} args_t;

enum { KEY_STRICT = 0x2001, KEY_FEED, KEY_FETCH, KEY_BATCH, KEY_PLAN, KEY_SHAPE };

static const struct argp_option OPTIONS[] = {
    {"strict", KEY_STRICT, NULL, 0, "Warnings and unknown attributes are errors"},
    {"feed", KEY_FEED, "V", 0,
        "V will be fed (may be repeated); then what is neither fed nor written is an "
        "error"},
    {"fetch", KEY_FETCH, "V", 0, "V will be fetched (may be repeated)"},
    {"batch", KEY_BATCH, "N", 0, "Extent -1 of what is fed is N (default: not known)"},
    {"plan", KEY_PLAN, NULL, 0,
        "Also plan it for the places of -p and prove the plan: every read finds what was "
        "written, and nothing that conflicts can happen at once"},
    {"feed-shape", KEY_SHAPE, "NAME=2,3", 0,
        "With --plan: the shape of a feed (may be repeated; others: --batch, or 1)"},
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
  args_t *a = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &a->cli;
      return 0;
    case KEY_STRICT:
      a->strict = true;
      return 0;
    case KEY_FEED:
      frti_cli_list_add(&a->feeds, arg);
      return 0;
    case KEY_FETCH:
      frti_cli_list_add(&a->fetches, arg);
      return 0;
    case KEY_BATCH:
      a->batch = (int64_t)frti_cli_number(state, "--batch", arg, INT32_MAX);
      return 0;
    case KEY_PLAN:
      a->plan = true;
      return 0;
    case KEY_SHAPE:
      frti_cli_shape_option(state, arg, &a->names, &a->shapes);
      return 0;
    case ARGP_KEY_ARG:
      if (a->path) argp_error(state, "one PROGRAM at a time: '%s' and '%s'", a->path, arg);
      a->path = arg;
      return 0;
    case ARGP_KEY_END:
      if (!a->path) argp_error(state, "which PROGRAM?");
      if (a->shapes.n && !a->plan) argp_error(state, "--feed-shape is for --plan");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

/* A message cut within a character is no JSON string: its end is left out. */
static json_t *text_json(const char *s) {
  json_t *j = json_string(s);
  for (size_t n = strlen(s); !j && n-- > 0;) j = json_stringn(s, n);
  return j;
}

static json_t *finding_json(const frt_finding_t *f) {
  json_t *j = json_object();
  json_object_set_new(j, "severity", json_string(frt_severity_text(f->severity)));
  if (f->status)
    json_object_set_new(j, "status", json_string(frt_status_text(f->status)));
  if (f->block >= 0) json_object_set_new(j, "block", json_integer(f->block));
  if (f->op >= 0) {
    json_object_set_new(j, "op", json_integer(f->op));
    json_object_set_new(j, "op_type", text_json(f->op_type));
  }
  if (f->name[0]) json_object_set_new(j, "name", text_json(f->name));
  json_object_set_new(j, "message", text_json(f->message));
  return j;
}

static void print_json(const frt_findings_t *found, json_t *plan) {
  json_t *root = json_object(), *all = json_array();
  for (size_t i = 0; i < frt_findings_count(found); ++i)
    json_array_append_new(all, finding_json(frt_findings_at(found, i)));
  json_object_set_new(root, "findings", all);
  json_object_set_new(root, "errors",
      json_integer((json_int_t)frt_findings_total(found, FRT_SEVERITY_ERROR)));
  json_object_set_new(root, "warnings",
      json_integer((json_int_t)frt_findings_total(found, FRT_SEVERITY_WARNING)));
  json_object_set_new(root, "notes",
      json_integer((json_int_t)frt_findings_total(found, FRT_SEVERITY_NOTE)));
  if (plan) json_object_set(root, "plan", plan);
  frti_cli_json_print(root);
}

static void print_text(const frt_findings_t *found) {
  uint64_t total[3], all = 0;
  for (int k = 0; k < 3; ++k)
    all += total[k] = frt_findings_total(found, (frt_severity_t)k);
  for (size_t i = 0; i < frt_findings_count(found); ++i) {
    const frt_finding_t *f = frt_findings_at(found, i);
    printf("%s: ", frt_severity_text(f->severity));
    if (f->op >= 0)
      printf("block %d op #%d %s: ", (int)f->block, (int)f->op, f->op_type);
    else if (f->block >= 0)
      printf("block %d: ", (int)f->block);
    puts(f->message);
  }
  if (all > frt_findings_count(found))
    printf("... and %llu more\n", (unsigned long long)(all - frt_findings_count(found)));
  printf("%llu errors, %llu warnings, %llu notes\n", (unsigned long long)total[0],
      (unsigned long long)total[1], (unsigned long long)total[2]);
}

/* ---- the plan ------------------------------------------------------------------------ */

/* What explain says of the plan as a whole; it fails if the proof does. */
static int prove(const args_t *a, frt_executor_t *exe, const frt_program_t *p,
    const frt_feed_t *feeds, json_t **out) {
  frt_fetch_t *fetches = frti_cli_alloc((a->fetches.n + 1) * sizeof *fetches);
  frt_error_t err = FRT_ERROR_INIT;
  char *text = NULL;
  int code = CLI_OK;
  for (size_t i = 0; i < a->fetches.n; ++i) fetches[i].var = a->fetches.items[i];
  if (frt_executor_explain(exe, p, NULL, feeds, a->names.n, fetches, a->fetches.n,
          a->batch ? a->batch : 1, NULL, 1, &text, &err))
    code = frti_cli_error(&a->cli, a->path, &err);
  json_t *root = text ? json_loads(text, 0, NULL) : NULL;
  *out = json_incref(json_object_get(root, "plan"));
  json_decref(root);
  frt_free(text);
  free(fetches);
  return code;
}

static int64_t count(const json_t *plan, const char *what) {
  return json_integer_value(json_object_get(plan, what));
}

/* On JSON's turn nothing is said here: the object is part of the answer. */
static int judge_plan(const args_t *a, const json_t *plan) {
  if (count(plan, "unplaced"))
    return frti_cli_fail(&a->cli, CLI_DATA,
        "%lld ops cannot run on these places; `fluidrt explain` says why",
        (long long)count(plan, "unplaced"));
  if (!a->cli.json)
    printf("plan: %lld actions, of them %lld copies and %lld waits; every read finds what "
           "was written\n",
        (long long)count(plan, "actions"), (long long)count(plan, "copies"),
        (long long)count(plan, "waits"));
  return CLI_OK;
}

static int check_plan(args_t *a, const frt_program_t *p, json_t **plan) {
  frti_cli_session_t s = {0};
  frt_feed_t *feeds = frti_cli_alloc((a->names.n + 1) * sizeof *feeds);
  a->cli.check_plans = true;
  if (!a->fetches.n) frti_cli_fetches(p, &a->fetches);
  const char *loss = a->fetches.n ? NULL : frti_cli_marked_loss(p);
  if (loss) frti_cli_list_add(&a->fetches, loss);
  int code = frti_cli_open(&a->cli, &s);
  for (size_t i = 0; !code && i < a->names.n; ++i)
    code = frti_cli_feed_shape(
        &a->cli, a->path, p, a->names.items[i], a->shapes.items[i], &feeds[i]);
  if (!code) code = prove(a, s.exe, p, feeds, plan);
  if (!code) code = judge_plan(a, *plan);
  for (size_t i = 0; i < a->names.n; ++i) frt_tensor_release(feeds[i].tensor);
  free(feeds);
  frti_cli_close(&s);
  return code;
}

int frti_cli_check(int argc, char **argv) {
  static const struct argp argp = {OPTIONS, parse, "PROGRAM",
      "Lists everything that is wrong with a program, its ops, their shapes and their "
      "order, and ends with 65 if there is an error; with --plan, what is wrong with its "
      "plan. Nothing is run.",
      frti_cli_children, NULL, NULL};
  args_t a = {.cli = {.verb = "check"}};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL;
  frt_findings_t *found = NULL;
  json_t *plan = NULL;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  const frt_check_options_t options = {.struct_size = sizeof options,
      .feeds = (const char *const *)a.feeds.items,
      .n_feeds = a.feeds.n,
      .fetches = (const char *const *)a.fetches.items,
      .n_fetches = a.fetches.n,
      .batch = a.batch,
      .strict = a.strict};
  int code = frti_cli_load(&a.cli, a.path, &p);
  if (!code && frt_program_check(p, &options, &found, &err))
    code = frti_cli_error(&a.cli, a.path, &err);
  if (found && !a.cli.json) print_text(found);
  if (found && frt_findings_total(found, FRT_SEVERITY_ERROR)) code = CLI_DATA;
  if (found && !code && a.plan) code = check_plan(&a, p, &plan);
  if (found && a.cli.json) print_json(found, plan);
  json_decref(plan);
  frt_findings_release(found);
  frt_program_release(p);
  frti_cli_list_release(&a.feeds);
  frti_cli_list_release(&a.fetches);
  frti_cli_list_release(&a.names);
  frti_cli_list_release(&a.shapes);
  return code;
}
