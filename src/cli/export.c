/* fluidrt export: a trained program as a folder for inference. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

typedef struct args {
  frti_cli_t cli; /* first: see frti_cli_children */
  const char *program, *params, *checkpoint, *scope_in, *out;
  frti_cli_list_t feeds, fetches;
  bool combined;
} args_t;

enum {
  KEY_PARAMS = 0x2001,
  KEY_CHECKPOINT,
  KEY_SCOPE_IN,
  KEY_FEED,
  KEY_FETCH,
  KEY_COMBINED
};

static const struct argp_option OPTIONS[] = {
    {"params", KEY_PARAMS, "DIR|FILE", 0,
        "Parameters from Paddle's files: a folder, or one combined file"},
    {"checkpoint", KEY_CHECKPOINT, "DIR", 0, "... from the newest checkpoint of DIR"},
    {"scope-in", KEY_SCOPE_IN, "DIR", 0, "... from V.npy for each variable V"},
    {"feed", KEY_FEED, "NAME,NAME,...", 0,
        "What will be fed, in the order of the columns (may be repeated)"},
    {"fetch", KEY_FETCH, "NAME,NAME,...", 0,
        "What will be fetched, in the order of the columns (may be repeated)"},
    {"combined", KEY_COMBINED, NULL, 0, "All parameters in one file, __params__"},
    {NULL, 'o', "FOLDER", 0, "Where to"}, {0}};

static void add_names(frti_cli_list_t *list, char *arg) {
  char *save = NULL;
  for (char *s = strtok_r(arg, ",", &save); s; s = strtok_r(NULL, ",", &save))
    frti_cli_list_add(list, s);
}

static void check_args(const args_t *a, struct argp_state *state) {
  if (!a->program) argp_error(state, "which PROGRAM?");
  if (!a->out) argp_error(state, "-o FOLDER: where to?");
  if (!a->params + !a->checkpoint + !a->scope_in != 2)
    argp_error(
        state, "--params, --checkpoint or --scope-in: which one holds the parameters?");
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  args_t *a = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &a->cli;
      return 0;
    case KEY_PARAMS:
      a->params = arg;
      return 0;
    case KEY_CHECKPOINT:
      a->checkpoint = arg;
      return 0;
    case KEY_SCOPE_IN:
      a->scope_in = arg;
      return 0;
    case KEY_FEED:
      add_names(&a->feeds, arg);
      return 0;
    case KEY_FETCH:
      add_names(&a->fetches, arg);
      return 0;
    case KEY_COMBINED:
      a->combined = true;
      return 0;
    case 'o':
      a->out = arg;
      return 0;
    case ARGP_KEY_ARG:
      if (a->program)
        argp_error(state, "one PROGRAM at a time: '%s' and '%s'", a->program, arg);
      a->program = arg;
      return 0;
    case ARGP_KEY_END:
      check_args(a, state);
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

/* Files of the whole program (save_persistables) and of what is exported alone
 * (save_params, save_inference_model) both do. */
static int read_params(const args_t *a, const frt_program_t *whole,
    const frt_program_t *small, frt_scope_t *s) {
  frt_error_t err = FRT_ERROR_INIT, first = FRT_ERROR_INIT;
  struct stat st;
  if (!stat(a->params, &st) && S_ISDIR(st.st_mode))
    return frt_params_load(a->params, small, s, &err)
               ? frti_cli_error(&a->cli, a->params, &err)
               : CLI_OK;
  /* One file has no names: only the program it was saved with can read it. */
  if (!frt_params_load(a->params, whole, s, &first) ||
      !frt_params_load(a->params, small, s, &err))
    return CLI_OK;
  return frti_cli_error(&a->cli, a->params, &first);
}

static int read_values(const args_t *a, const frt_program_t *whole,
    const frt_program_t *small, frt_scope_t *s) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_checkpoint_info_t info = {.struct_size = sizeof info};
  if (a->params) return read_params(a, whole, small, s);
  if (a->checkpoint && frt_checkpoint_load(a->checkpoint, s, &info, &err))
    return frti_cli_error(&a->cli, a->checkpoint, &err);
  if (a->scope_in && frt_scope_load_dir(s, a->scope_in, &err))
    return frti_cli_error(&a->cli, a->scope_in, &err);
  return CLI_OK;
}

static void say(const args_t *a, const frt_program_t *small) {
  unsigned params = 0;
  for (uint32_t i = 0; i < frt_program_n_vars(small, 0); ++i) {
    frt_var_info_t v;
    if (!frt_program_var(small, 0, i, &v, NULL) && v.persistable &&
        v.kind == FRT_VAR_LOD_TENSOR)
      ++params;
  }
  frti_cli_note(&a->cli, "%s: %u ops, %u parameters, %zu feeds, %zu fetches", a->out,
      (unsigned)frt_program_n_ops(small, 0), params, a->feeds.n, a->fetches.n);
}

static int work(
    args_t *a, frti_cli_session_t *s, frt_program_t **whole, frt_program_t **small) {
  frt_error_t err = FRT_ERROR_INIT;
  const frt_inference_options_t options = {.struct_size = sizeof options,
      .params_filename = a->combined ? "__params__" : NULL};
  int code = frti_cli_load(&a->cli, a->program, whole);
  if (code) return code;
  if (!a->feeds.n && !a->fetches.n) {
    frti_cli_fetches(*whole, &a->fetches);
    if (a->fetches.n) frti_cli_feeds(*whole, &a->feeds);
  }
  if (!a->fetches.n)
    return frti_cli_fail(
        &a->cli, CLI_USAGE, "--fetch NAMES: %s has no fetch op", a->program);
  const char *const *feeds = (const char *const *)a->feeds.items;
  const char *const *fetches = (const char *const *)a->fetches.items;
  if (frt_inference_program(
          *whole, feeds, a->feeds.n, fetches, a->fetches.n, small, &err))
    return frti_cli_error(&a->cli, a->program, &err);
  code = frti_cli_open_runtime(&a->cli, s);
  if (!code && frt_scope_create(s->rt, &s->scope, &err))
    code = frti_cli_error(&a->cli, NULL, &err);
  if (!code) code = read_values(a, *whole, *small, s->scope);
  if (!code && frt_inference_save(a->out, *whole, feeds, a->feeds.n, fetches,
                   a->fetches.n, s->scope, &options, &err))
    code = frti_cli_write_error(&a->cli, a->out, &err);
  if (!code) say(a, *small);
  return code;
}

int frti_cli_export(int argc, char **argv) {
  static const struct argp argp = {OPTIONS, parse, "PROGRAM",
      "Writes what the fetches need of PROGRAM and its parameters as a folder, the way "
      "Fluid's save_inference_model does; `fluidrt run FOLDER` runs it.",
      frti_cli_children, NULL, NULL};
  args_t a = {.cli = {.verb = "export"}};
  frti_cli_session_t s = {0};
  frt_program_t *whole = NULL, *small = NULL;
  int code;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  code = work(&a, &s, &whole, &small);
  frti_cli_close(&s);
  frt_program_release(small);
  frt_program_release(whole);
  frti_cli_list_release(&a.feeds);
  frti_cli_list_release(&a.fetches);
  return code;
}
