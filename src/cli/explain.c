/* fluidrt explain: the plan of a program, as text or JSON. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct args {
  frti_cli_t cli; /* first: see frti_cli_children */
  const char *program;
  frti_cli_list_t names, shapes, fetches;
  int64_t batch;
  bool prune;
  const char *startup; /* with --run; NULL: the folder's */
  uint32_t runs;
  const char *share_of; /* --min-share; NULL: none */
  double share;
} args_t;

enum { KEY_SHAPE = 0x2001, KEY_BATCH, KEY_FETCH, KEY_PRUNE, KEY_SHARE, KEY_RUN, KEY_STARTUP };

static const struct argp_option OPTIONS[] = {
    {"feed-shape", KEY_SHAPE, "NAME=2,3", 0, "The shape of a feed (may be repeated)"},
    {"batch", KEY_BATCH, "N", 0,
        "What unknown extents of other feeds count as (default 1)"},
    {"fetch", KEY_FETCH, "NAME", 0, "A variable to fetch (may be repeated)"},
    {"prune", KEY_PRUNE, NULL, 0,
        "Plan only what the fetch list needs (Fluid's use_prune)"},
    {"run", KEY_RUN, "N", 0,
        "Run it N times, on zeros, and tell what each op took beside what is predicted"},
    {"startup", KEY_STARTUP, "PROGRAM", 0,
        "With --run: makes the parameters (default: startup.pdmodel of the folder)"},
    {"min-share", KEY_SHARE, "PLACE=PERCENT", 0,
        "End with 1 if this place, or all places of this provider, have less of the "
        "predicted cost than that"},
    {0}};

/* "cuda=95" or "cuda=95%". */
static void parse_share(struct argp_state *state, char *arg, args_t *a) {
  char *equals = strchr(arg, '='), *end = NULL;
  a->share = equals ? strtod(equals + 1, &end) : -1;
  if (!equals || equals == arg || end == equals + 1 || strspn(end, "%") != strlen(end) ||
      !(a->share >= 0 && a->share <= 100))
    argp_error(state, "--min-share '%s': wanted PLACE=PERCENT, e.g. cuda=95", arg);
  *equals = 0;
  a->share_of = arg;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  args_t *a = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &a->cli;
      return 0;
    case KEY_SHAPE:
      frti_cli_shape_option(state, arg, &a->names, &a->shapes);
      return 0;
    case KEY_BATCH:
      a->batch = (int64_t)frti_cli_number(state, "--batch", arg, INT32_MAX);
      return 0;
    case KEY_FETCH:
      frti_cli_list_add(&a->fetches, arg);
      return 0;
    case KEY_RUN:
      a->runs = (uint32_t)frti_cli_number(state, "--run", arg, 1 << 20);
      a->cli.explain_only = a->runs == 0;
      return 0;
    case KEY_STARTUP:
      a->startup = arg;
      return 0;
    case KEY_SHARE:
      parse_share(state, arg, a);
      return 0;
    case KEY_PRUNE:
      a->prune = true;
      return 0;
    case ARGP_KEY_ARG:
      if (a->program)
        argp_error(state, "one PROGRAM at a time: '%s' and '%s'", a->program, arg);
      a->program = arg;
      return 0;
    case ARGP_KEY_END:
      if (!a->program) argp_error(state, "which PROGRAM?");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

/* ---- running, to measure --------------------------------------------------------------- */

static bool given(const args_t *a, const char *name) {
  return frti_cli_list_has(&a->names, name);
}

/* Feeds that have no --feed-shape get their declared one, unknown extents being --batch. */
static void add_shapes(args_t *a, const frt_program_t *p) {
  frti_cli_list_t feeds = {0};
  frti_cli_feeds(p, &feeds);
  for (size_t i = 0; i < feeds.n; ++i) {
    frt_var_info_t v;
    char *shape = frti_cli_strdup("");
    if (given(a, feeds.items[i]) || frt_program_find_var(p, 0, feeds.items[i], &v, NULL)) {
      free(shape);
      continue;
    }
    for (uint32_t d = 0; d < v.rank; ++d) {
      char *longer = frti_cli_text("%s%s%lld", shape, d ? "," : "",
          (long long)(v.dims[d] < 0 ? a->batch : v.dims[d]));
      free(shape);
      shape = longer;
    }
    frti_cli_list_add(&a->names, feeds.items[i]);
    frti_cli_list_add(&a->shapes, shape);
    free(shape);
  }
  frti_cli_list_release(&feeds);
}

static int run_startup(const args_t *a, const frti_cli_session_t *s) {
  char *sibling = a->startup ? NULL : frti_cli_sibling(a->program, "startup");
  const char *path = a->startup ? a->startup : sibling;
  frt_program_t *p = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  int code = path ? frti_cli_load(&a->cli, path, &p) : CLI_OK;
  if (p && frt_executor_run(s->exe, p, s->scope, NULL, 0, NULL, 0, NULL, NULL, &err))
    code = frti_cli_error(&a->cli, path, &err);
  frt_program_release(p);
  free(sibling);
  return code;
}

/* The first run makes the plan and touches memory for the first time: it does not count. */
static int measure(const args_t *a, const frti_cli_session_t *s, const frt_program_t *p,
    const frt_feed_t *feeds, const frt_fetch_t *fetches, const frt_run_options_t *options) {
  frt_tensor_t **out = frti_cli_alloc((a->fetches.n + 1) * sizeof *out);
  frt_error_t err = FRT_ERROR_INIT;
  int code = run_startup(a, s);
  for (uint32_t i = 0; !code && i <= a->runs; ++i) {
    if (i == 1) frt_executor_time_ops(s->exe, 1);
    if (frt_executor_run(s->exe, p, s->scope, feeds, a->names.n, fetches, a->fetches.n, out,
            options, &err))
      code = frti_cli_error(&a->cli, a->program, &err);
  }
  for (size_t i = 0; i < a->fetches.n; ++i) frt_tensor_release(out[i]);
  free(out);
  return code;
}

/* ---- the share of a place ------------------------------------------------------------ */

static int judge_share(const args_t *a, const json_t *root) {
  const json_t *device;
  double share = 0;
  json_int_t ops = 0, all = 0;
  bool known = false;
  size_t i;
  json_array_foreach(json_object_get(root, "devices"), i, device) {
    const char *place = json_string_value(json_object_get(device, "place"));
    const char *provider = json_string_value(json_object_get(device, "provider"));
    const json_int_t n = json_integer_value(json_object_get(device, "ops"));
    all += n;
    if (strcmp(place, a->share_of) && strcmp(provider, a->share_of)) continue;
    known = true;
    ops += n;
    share += json_number_value(json_object_get(device, "cost_percent"));
  }
  if (!known)
    return frti_cli_fail(&a->cli, CLI_USAGE, "--min-share %s: no such place in the list",
        a->share_of);
  all += json_integer_value(json_object_get(json_object_get(root, "plan"), "unplaced"));
  if (share >= a->share) return CLI_OK;
  return frti_cli_fail(&a->cli, CLI_NO,
      "%s has %.1f %% of the predicted cost (%lld of %lld ops); wanted %g %%", a->share_of,
      share, (long long)ops, (long long)all, a->share);
}

static int check_share(const args_t *a, const frti_cli_session_t *s, const frt_program_t *p,
    const frt_feed_t *feeds, const frt_fetch_t *fetches, const frt_run_options_t *options) {
  frt_error_t err = FRT_ERROR_INIT;
  char *text = NULL;
  if (frt_executor_explain(s->exe, p, NULL, feeds, a->names.n, fetches, a->fetches.n, a->batch,
          options, 1, &text, &err))
    return frti_cli_error(&a->cli, a->program, &err);
  json_t *root = json_loads(text, 0, NULL);
  const int code = judge_share(a, root);
  json_decref(root);
  frt_free(text);
  return code;
}

static int explain(args_t *a, const frti_cli_session_t *s, const frt_program_t *p,
    const frt_feed_t *feeds) {
  const frt_run_options_t options = {
      .struct_size = sizeof options, .use_prune = a->prune};
  frt_fetch_t *fetches;
  frt_error_t err = FRT_ERROR_INIT;
  char *text = NULL;
  int code = CLI_OK;
  if (!a->fetches.n) frti_cli_fetches(p, &a->fetches);
  const char *loss = a->fetches.n ? NULL : frti_cli_marked_loss(p);
  if (loss) {
    frti_cli_list_add(&a->fetches, loss);
    frti_cli_note(&a->cli, "as if the loss '%s' were fetched; --fetch names other things",
        loss);
  }
  fetches = frti_cli_alloc((a->fetches.n + 1) * sizeof *fetches);
  for (size_t i = 0; i < a->fetches.n; ++i) fetches[i].var = a->fetches.items[i];
  if (a->runs) code = measure(a, s, p, feeds, fetches, &options);
  if (code) {
    free(fetches);
    return code;
  }
  if (frt_executor_explain(s->exe, p, NULL, feeds, a->names.n, fetches, a->fetches.n,
          a->batch, &options, a->cli.json ? 1 : a->cli.quiet ? 2 : 0, &text, &err)) {
    code = frti_cli_error(&a->cli, a->program, &err);
  } else {
    fputs(text, stdout);
    if (text[0] && text[strlen(text) - 1] != '\n') putchar('\n');
  }
  if (!code && a->share_of) code = check_share(a, s, p, feeds, fetches, &options);
  frt_free(text);
  free(fetches);
  return code;
}

int frti_cli_explain(int argc, char **argv) {
  static const struct argp argp = {OPTIONS, parse, "PROGRAM",
      "Says which op of PROGRAM runs where and why not elsewhere, what is pruned, fused and "
      "copied, and the peak memory; with -q only the ops that do not run on the first "
      "place, the dearest first. Nothing is run, and the devices need not be there.",
      frti_cli_children, NULL, NULL};
  args_t a = {.cli = {.verb = "explain", .explain_only = true}, .batch = 1};
  frti_cli_session_t s = {0};
  frt_program_t *p = NULL;
  frt_feed_t *feeds = NULL;
  int code;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  code = frti_cli_load(&a.cli, a.program, &p);
  if (!code) code = frti_cli_open(&a.cli, &s);
  if (!code && a.runs) add_shapes(&a, p);
  feeds = frti_cli_alloc((a.names.n + 1) * sizeof *feeds);
  for (size_t i = 0; !code && i < a.names.n; ++i) 
    code = frti_cli_feed_shape(&a.cli, a.program, p, a.names.items[i], a.shapes.items[i],
        &feeds[i]);
  if (!code) code = explain(&a, &s, p, feeds);
  for (size_t i = 0; i < a.names.n; ++i) frt_tensor_release(feeds[i].tensor);
  free(feeds);
  frti_cli_close(&s);
  frt_program_release(p);
  frti_cli_list_release(&a.names);
  frti_cli_list_release(&a.shapes);
  frti_cli_list_release(&a.fetches);
  return code;
}
