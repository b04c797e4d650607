/* fluidrt convert, fluidrt prune: one program in, another out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "arrays.h"
#include "chart.h"

typedef struct convert_args {
  frti_cli_t cli; /* first: see frti_cli_children */
  const char *in, *out, *program;
  bool strip, combined;
} convert_args_t;

enum {
  KEY_STRIP = 0x2001, KEY_PROGRAM, KEY_COMBINED, KEY_FEED, KEY_FETCH, KEY_OPS, KEY_EXPLAIN,
  KEY_PADDLE
};

static const struct argp_option CONVERT_OPTIONS[] = {
    {"strip", KEY_STRIP, "WHAT", 0,
        "Leave out: callstack (the Python stacks of the ops)"},
    {"program", KEY_PROGRAM, "PROGRAM", 0,
        "Whose parameters they are: names those of a combined file"},
    {"combined", KEY_COMBINED, NULL, 0, "Write parameters as one file of Paddle's"},
    {0}};

static error_t parse_convert(int key, char *arg, struct argp_state *state) {
  convert_args_t *a = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &a->cli;
      return 0;
    case KEY_STRIP:
      if (strcmp(arg, "callstack"))
        argp_error(state, "--strip '%s': only callstack can be left out", arg);
      a->strip = true;
      return 0;
    case KEY_PROGRAM:
      a->program = arg;
      return 0;
    case KEY_COMBINED:
      a->combined = true;
      return 0;
    case ARGP_KEY_ARG:
      if (a->out) argp_error(state, "too many files: '%s'", arg);
      if (a->in)
        a->out = arg;
      else
        a->in = arg;
      return 0;
    case ARGP_KEY_END:
      if (!a->out) argp_error(state, "which IN and OUT?");
      if ((a->program || a->combined) && !frti_cli_is_params(a->in, a->out))
        argp_error(state, "--program, --combined: IN or OUT is .npz or .safetensors then");
      if (a->strip && frti_cli_is_params(a->in, a->out))
        argp_error(state, "--strip: parameters have no callstack");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

/* The one thing that text cannot say: the bits of a NaN, or bytes that were not
 * canonical deep inside. */
static void note_text(const convert_args_t *a, const frt_program_t *p) {
  frt_program_t *back = NULL;
  char *text = NULL;
  void *bytes = NULL;
  size_t n = 0;
  if (!frt_program_to_text(p, &text, NULL) &&
      !frt_program_parse_text(text, strlen(text), NULL, &back, NULL) &&
      !frt_program_serialize(p, &bytes, &n, NULL) &&
      !frt_program_bytes_canonical(back, bytes, n))
    frti_cli_note(&a->cli,
        "%s does not say all of %s: which NaN a float holds, or bytes that were not "
        "canonical", a->out, a->in);
  frt_free(bytes);
  frt_free(text);
  frt_program_release(back);
}

/* Saving re-encodes; the note says when that changes bytes that nobody asked to change.
 */
static void note_canonical(const convert_args_t *a, const frt_program_t *p) {
  frti_cli_files_t *folder = NULL;
  char *dir = frti_cli_strdup(a->in), *slash = strrchr(dir, '/');
  const char *file = slash ? slash + 1 : a->in;
  void *bytes = NULL;
  size_t n = 0;
  struct stat st;
  if (slash) *slash = 0;
  if (!stat(a->in, &st) && S_ISREG(st.st_mode) &&
      !frti_cli_files_open(!slash   ? "."
                           : dir[0] ? dir
                                    : "/",
          &folder, NULL) &&
      !frti_cli_files_read(folder, file, &bytes, &n, NULL) &&
      !frt_program_bytes_canonical(p, bytes, n))
    frti_cli_note(&a->cli,
        "%s is not canonical protobuf: the copy means the same in other bytes", a->in);
  free(bytes);
  frti_cli_files_close(folder);
  free(dir);
}

static int strip_program(const convert_args_t *a, frt_program_t **p) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *stripped = NULL;
  void *bytes = NULL, *less = NULL;
  size_t n = 0, m = 0;
  int code = CLI_OK;
  if (frt_program_serialize(*p, &bytes, &n, &err))
    return frti_cli_error(&a->cli, a->in, &err);
  if (!frti_cli_strip_callstack(bytes, n, &less, &m))
    code =
        frti_cli_fail(&a->cli, CLI_INTERNAL, "%s: its own bytes do not read back", a->in);
  else if (frt_program_parse(less, m, NULL, &stripped, &err))
    code = frti_cli_error(&a->cli, a->in, &err);
  frt_free(bytes);
  free(less);
  if (code) return code;
  frt_program_release(*p);
  *p = stripped;
  return CLI_OK;
}

int frti_cli_convert(int argc, char **argv) {
  static const struct argp argp = {CONVERT_OPTIONS, parse_convert, "IN OUT",
      "Writes the program IN as OUT; the suffixes say how: .pdmodel, .pb and __model__ "
      "are binary, .pbtxt is text. Where one is .npz or .safetensors, parameters are "
      "converted; the other may then be Paddle's folder with a file for each, or one "
      "combined file. IN.npy to OUT.svg draws a curve.",
      frti_cli_children, NULL, NULL};
  convert_args_t a = {.cli = {.verb = "convert"}};
  frt_program_t *p = NULL;
  int code;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  if (frti_cli_ends_with(a.out, ".svg")) return frti_cli_picture(&a.cli, a.in, a.out);
  if (frti_cli_is_params(a.in, a.out))
    return frti_cli_convert_params(&a.cli, a.in, a.out, a.program, a.combined);
  code = frti_cli_load(&a.cli, a.in, &p);
  if (!code && !frti_cli_ends_with(a.in, ".pbtxt")) note_canonical(&a, p);
  if (!code && a.strip) code = strip_program(&a, &p);
  if (!code) code = frti_cli_save_program(&a.cli, p, a.out);
  if (!code && frti_cli_ends_with(a.out, ".pbtxt")) note_text(&a, p);
  frt_program_release(p);
  return code;
}

/* ---- prune
 * ------------------------------------------------------------------------------ */

typedef struct prune_args {
  frti_cli_t cli; /* first: see frti_cli_children */
  const char *in, *out;
  frti_cli_list_t feeds, fetches;
  uint32_t *ops;
  size_t n_ops;
  bool explain, paddle;
} prune_args_t;

static const struct argp_option PRUNE_OPTIONS[] = {
    {"feed", KEY_FEED, "NAME", 0, "A variable that will be fed (may be repeated)"},
    {"fetch", KEY_FETCH, "NAME", 0, "A variable that will be fetched (may be repeated)"},
    {"fetch-ops", KEY_OPS, "N,N,...", 0,
        "Operators in the fetch list, by index in block 0"},
    {"output", 'o', "OUT", 0, "The program to write"},
    {"explain", KEY_EXPLAIN, NULL, 0, "Say which ops stay and which go"},
    {"paddle-rule", KEY_PADDLE, NULL, 0,
        "Fluid's own rule: clip and decay go when operators are in the fetch list"},
    {0}};

static void add_ops(prune_args_t *a, char *arg, struct argp_state *state) {
  char *save = NULL;
  for (char *s = strtok_r(arg, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
    uint32_t *grown = frti_cli_alloc((a->n_ops + 1) * sizeof *grown);
    if (a->n_ops) memcpy(grown, a->ops, a->n_ops * sizeof *grown);
    free(a->ops);
    a->ops = grown;
    a->ops[a->n_ops++] = (uint32_t)frti_cli_number(state, "--fetch-ops", s, INT32_MAX);
  }
}

static error_t parse_prune(int key, char *arg, struct argp_state *state) {
  prune_args_t *a = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &a->cli;
      return 0;
    case KEY_FEED:
      frti_cli_list_add(&a->feeds, arg);
      return 0;
    case KEY_FETCH:
      frti_cli_list_add(&a->fetches, arg);
      return 0;
    case KEY_OPS:
      add_ops(a, arg, state);
      return 0;
    case KEY_EXPLAIN:
      a->explain = true;
      return 0;
    case KEY_PADDLE:
      a->paddle = true;
      return 0;
    case 'o':
      a->out = arg;
      return 0;
    case ARGP_KEY_ARG:
      if (a->in) argp_error(state, "one PROGRAM at a time: '%s' and '%s'", a->in, arg);
      a->in = arg;
      return 0;
    case ARGP_KEY_END:
      if (!a->in) argp_error(state, "which PROGRAM?");
      if (!a->out && !a->explain && !a->cli.json)
        argp_error(state, "-o OUT or --explain?");
      if (!a->fetches.n && !a->n_ops)
        argp_error(state, "--fetch or --fetch-ops: what is needed?");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static void report_prune(
    const prune_args_t *a, const frt_program_t *p, const uint32_t *kept, size_t n_kept) {
  json_t *root = a->cli.json ? json_object() : NULL, *stay = json_array();
  size_t k = 0;
  const uint32_t n = frt_program_n_ops(p, 0);
  for (uint32_t i = 0; i < n; ++i) {
    const bool keep = k < n_kept && kept[k] == i;
    k += keep;
    if (keep && root) json_array_append_new(stay, json_integer(i));
    if (!root)
      printf("%s %3u %s\n", keep ? "keep" : "drop", i, frt_program_op_type(p, 0, i));
  }
  if (root) {
    json_object_set(root, "kept", stay);
    json_object_set_new(root, "n_ops", json_integer(n));
    frti_cli_json_print(root);
  } else {
    printf("%zu of %u ops stay\n", n_kept, (unsigned)n);
  }
  json_decref(stay);
}

int frti_cli_prune(int argc, char **argv) {
  static const struct argp argp = {PRUNE_OPTIONS, parse_prune, "PROGRAM",
      "Keeps the ops that a fetch list needs, by the rule of Fluid's use_prune, with "
      "what "
      "the named updates need (clip, decay).",
      frti_cli_children, NULL, NULL};
  prune_args_t a = {.cli = {.verb = "prune"}};
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL, *pruned = NULL;
  uint32_t *kept = NULL;
  size_t n_kept = 0;
  int code;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  const frt_prune_request_t request = {.struct_size = sizeof request,
      .feeds = (const char *const *)a.feeds.items,
      .n_feeds = a.feeds.n,
      .fetches = (const char *const *)a.fetches.items,
      .n_fetches = a.fetches.n,
      .ops = a.ops,
      .n_ops = a.n_ops,
      .paddle_rule = a.paddle};
  code = frti_cli_load(&a.cli, a.in, &p);
  if (!code && frt_program_prune(p, &request, &pruned, &kept, &n_kept, &err)) {
    err.phase = FRT_PHASE_PLAN; /* a name that is not there is a fault of the data */
    code = frti_cli_error(&a.cli, a.in, &err);
  }
  if (!code && (a.explain || a.cli.json)) report_prune(&a, p, kept, n_kept);
  if (!code && a.out) code = frti_cli_save_program(&a.cli, pruned, a.out);
  frt_free(kept);
  frt_program_release(pruned);
  frt_program_release(p);
  frti_cli_list_release(&a.feeds);
  frti_cli_list_release(&a.fetches);
  free(a.ops);
  return code;
}
