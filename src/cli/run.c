/* fluidrt run: one run of a program, with everything that goes in and comes out as
 * files. The door for outside checkers, one process per step. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

typedef struct args {
  frti_cli_t cli; /* first: see frti_cli_children */
  const char *program, *startup, *scope_in, *scope_out, *params, *out;
  frti_cli_list_t feed_names, feed_files, fetches;
  int32_t *ops;
  size_t n_ops;
  bool prune;
} args_t;

enum {
  KEY_STARTUP = 0x2001,
  KEY_SCOPE_IN,
  KEY_SCOPE_OUT,
  KEY_PARAMS,
  KEY_FEED,
  KEY_FETCH,
  KEY_OUT,
  KEY_PRUNE,
  KEY_OPS
};

static const struct argp_option OPTIONS[] = {
    {"startup", KEY_STARTUP, "PROGRAM", 0, "Run this program first, in the same scope"},
    {"scope-in", KEY_SCOPE_IN, "DIR", 0,
        "Every V.npy there is variable V before the run"},
    {"scope-out", KEY_SCOPE_OUT, "DIR", 0,
        "Afterwards V.npy of every initialized variable of the scope"},
    {"params", KEY_PARAMS, "DIR|FILE", 0,
        "Persistables from Paddle's files: a folder, or one combined file"},
    {"feed", KEY_FEED, "NAME=FILE.npy", 0,
        "Feed a variable of block 0 (may be repeated)"},
    {"fetch", KEY_FETCH, "NAME", 0,
        "Fetch a variable (may be repeated; default: what the fetch ops name)"},
    {"fetch-ops", KEY_OPS, "N,N,...", 0,
        "Operators in the fetch list, by index in block 0; implies --prune"},
    {"out", KEY_OUT, "DIR", 0,
        "Write V.npy of each fetch there; without it they are printed"},
    {"prune", KEY_PRUNE, NULL, 0,
        "Run only what the fetch list needs (Fluid's use_prune)"},
    {0}};

static void add_feed(args_t *a, char *arg, struct argp_state *state) {
  char *equals = strchr(arg, '=');
  if (!equals || equals == arg || !equals[1])
    argp_error(state, "--feed '%s': wanted NAME=FILE.npy", arg);
  *equals = 0;
  if (frti_cli_list_has(&a->feed_names, arg))
    argp_error(state, "--feed '%s' is given twice", arg);
  frti_cli_list_add(&a->feed_names, arg);
  frti_cli_list_add(&a->feed_files, equals + 1);
}

static void add_ops(args_t *a, char *arg, struct argp_state *state) {
  char *save = NULL;
  for (char *s = strtok_r(arg, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
    int32_t *grown = frti_cli_alloc((a->n_ops + 1) * sizeof *grown);
    if (a->n_ops) memcpy(grown, a->ops, a->n_ops * sizeof *grown);
    free(a->ops);
    a->ops = grown;
    a->ops[a->n_ops++] = (int32_t)frti_cli_number(state, "--fetch-ops", s, INT32_MAX);
  }
  a->prune = true;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  args_t *a = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &a->cli;
      return 0;
    case KEY_STARTUP:
      a->startup = arg;
      return 0;
    case KEY_SCOPE_IN:
      a->scope_in = arg;
      return 0;
    case KEY_SCOPE_OUT:
      a->scope_out = arg;
      return 0;
    case KEY_PARAMS:
      a->params = arg;
      return 0;
    case KEY_FEED:
      add_feed(a, arg, state);
      return 0;
    case KEY_FETCH:
      frti_cli_list_add(&a->fetches, arg);
      return 0;
    case KEY_OPS:
      add_ops(a, arg, state);
      return 0;
    case KEY_OUT:
      a->out = arg;
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

/* What a run needs, made from args; released in one place. */
typedef struct job {
  frti_cli_session_t s;
  frt_program_t *main, *startup;
  frt_feed_t *feeds;
  frt_fetch_t *fetches;
  frt_tensor_t **out;
  size_t n_fetches;
} job_t;

static void release(job_t *j, args_t *a) {
  for (size_t i = 0; j->out && i < j->n_fetches; ++i) frt_tensor_release(j->out[i]);
  for (size_t i = 0; j->feeds && i < a->feed_names.n; ++i)
    frt_tensor_release(j->feeds[i].tensor);
  free(j->out);
  free(j->fetches);
  free(j->feeds);
  frti_cli_close(&j->s);
  frt_program_release(j->startup);
  frt_program_release(j->main);
  frti_cli_list_release(&a->feed_names);
  frti_cli_list_release(&a->feed_files);
  frti_cli_list_release(&a->fetches);
  free(a->ops);
}

static bool has_main(const char *folder) {
  static const char *const names[] = {"main.pdmodel", "main.pb", "main.pbtxt"};
  bool found = false;
  for (size_t i = 0; i < sizeof names / sizeof names[0] && !found; ++i) {
    struct stat st;
    char *path = frti_cli_text("%s/%s", folder, names[i]);
    found = !stat(path, &st);
    free(path);
  }
  return found;
}

/* A folder for inference brings its own parameters. One that holds programs only, to be
 * run with --startup, does not. */
static bool has_params(const args_t *a) {
  struct stat st;
  return !a->params && !a->scope_in && !a->startup && !stat(a->program, &st) &&
         S_ISDIR(st.st_mode) && !has_main(a->program);
}

/* Whose fetch ops, in column order, are the default of --fetch. */
static int load_folder(const args_t *a, job_t *j) {
  frt_error_t err = FRT_ERROR_INIT;
  if (frt_inference_load(a->program, NULL, j->s.scope, &j->main, NULL, NULL, NULL, NULL, &err))
    return frti_cli_error(&a->cli, a->program, &err);
  return CLI_OK;
}

/* All files first (66, 65), then the places (69). */
static int read_inputs(const args_t *a, job_t *j) {
  frt_error_t err = FRT_ERROR_INIT;
  const bool folder = has_params(a);
  int code = folder ? CLI_OK : frti_cli_load(&a->cli, a->program, &j->main);
  if (!code && a->startup) code = frti_cli_load(&a->cli, a->startup, &j->startup);
  j->feeds = frti_cli_alloc((a->feed_names.n + 1) * sizeof *j->feeds);
  for (size_t i = 0; !code && i < a->feed_names.n; ++i) {
    j->feeds[i].name = a->feed_names.items[i];
    if (frt_npy_load(a->feed_files.items[i], &j->feeds[i].tensor, &err))
      code = frti_cli_error(&a->cli, a->feed_files.items[i], &err);
  }
  if (!code) code = frti_cli_open(&a->cli, &j->s);
  if (!code && folder) code = load_folder(a, j);
  if (!code && a->params && frt_params_load(a->params, j->main, j->s.scope, &err))
    code = frti_cli_error(&a->cli, a->params, &err);
  if (!code && a->scope_in && frt_scope_load_dir(j->s.scope, a->scope_in, &err))
    code = frti_cli_error(&a->cli, a->scope_in, &err);
  return code;
}

static void make_fetches(args_t *a, job_t *j) {
  if (!a->fetches.n && !a->n_ops) frti_cli_fetches(j->main, &a->fetches);
  j->n_fetches = a->fetches.n + a->n_ops;
  j->fetches = frti_cli_alloc((j->n_fetches + 1) * sizeof *j->fetches);
  j->out = frti_cli_alloc((j->n_fetches + 1) * sizeof *j->out);
  for (size_t i = 0; i < a->fetches.n; ++i)
    j->fetches[i] = (frt_fetch_t){.var = a->fetches.items[i]};
  for (size_t i = 0; i < a->n_ops; ++i)
    j->fetches[a->fetches.n + i] = (frt_fetch_t){.op = a->ops[i]};
}

static int write_results(const args_t *a, const job_t *j) {
  frt_error_t err = FRT_ERROR_INIT;
  int code = a->out ? frti_cli_make_dir(&a->cli, a->out) : CLI_OK;
  for (size_t i = 0; !code && a->out && i < a->fetches.n; ++i) {
    char *path = frti_cli_npy_path(a->out, a->fetches.items[i]);
    if (frt_npy_save(path, j->out[i], &err))
      code = frti_cli_write_error(&a->cli, path, &err);
    free(path);
  }
  if (!code && a->scope_out) {
    code = frti_cli_make_dir(&a->cli, a->scope_out);
    if (!code && frt_scope_save_dir(j->s.scope, a->scope_out, &err))
      code = frti_cli_write_error(&a->cli, a->scope_out, &err);
  }
  return code;
}

static void print_results(const args_t *a, const job_t *j) {
  if (a->cli.json) {
    json_t *root = json_object(), *list = json_array();
    for (size_t i = 0; i < a->fetches.n; ++i)
      json_array_append_new(list, frti_cli_json_tensor(a->fetches.items[i], j->out[i]));
    json_object_set_new(root, "fetches", list);
    frti_cli_json_print(root);
  } else if (!a->out) {
    for (size_t i = 0; i < a->fetches.n; ++i)
      frti_cli_print_tensor(stdout, a->fetches.items[i], j->out[i]);
  }
}

static int execute(args_t *a, job_t *j) {
  frt_error_t err = FRT_ERROR_INIT;
  const frt_run_options_t options = {
      .struct_size = sizeof options, .use_prune = a->prune};
  int code = CLI_OK;
  frti_cli_watch(j->s.exe);
  if (j->startup && frt_executor_run(j->s.exe, j->startup, j->s.scope, NULL, 0, NULL, 0,
                        NULL, NULL, &err))
    return frti_cli_error(&a->cli, a->startup, &err);
  if (frt_executor_run(j->s.exe, j->main, j->s.scope, j->feeds, a->feed_names.n,
          j->fetches, j->n_fetches, j->n_fetches ? j->out : NULL, &options, &err))
    return frti_cli_error(&a->cli, a->program, &err);
  frti_cli_watch(NULL);
  code = write_results(a, j);
  if (!code) print_results(a, j);
  if (!code)
    code = frti_cli_profile(&a->cli, &j->s, j->main, j->feeds, a->feed_names.n, j->fetches,
        j->n_fetches, 1, a->prune);
  return code;
}

int frti_cli_run(int argc, char **argv) {
  static const struct argp argp = {OPTIONS, parse, "PROGRAM",
      "Runs PROGRAM once: a .pdmodel, .pb or __model__ file, or a folder that holds one. "
      "A folder for inference brings its parameters too.",
      frti_cli_children, NULL, NULL};
  args_t a = {.cli = {.verb = "run"}};
  job_t j = {0};
  int code;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  code = read_inputs(&a, &j);
  if (!code) {
    make_fetches(&a, &j);
    code = execute(&a, &j);
  }
  release(&j, &a);
  return code;
}
