/* fluidrt new: the programs of a model, made in C, as files. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "arrays.h"
#include "new.h"

typedef struct args {
  frti_cli_t cli;
  const frti_cli_model_t *model;
  const char *out;
  bool force;
  frti_cli_net_t net;
} args_t;

/* Keys of options that a model takes are KEY_BIT plus the number of their bit. */
enum { KEY_FORCE = 0x2001, KEY_BIT = 0x3000 };
enum { BIT_FEATURES, BIT_HIDDEN, BIT_CLASSES, BIT_VOCAB, BIT_WIDTH, BIT_TOKENS, BIT_BATCH,
  BIT_OPTIMIZER, BIT_LR, BIT_MOMENTUM, BIT_LARS_COEFF, BIT_L2, BIT_CLIP, BIT_SEED, N_BITS };

static const struct argp_option OPTIONS[] = {
    {NULL, 'o', "FOLDER", 0, "Where to (default: a folder with the model's name)", 1},
    {"force", KEY_FORCE, NULL, 0, "Replace programs that are there", 1},
    {"quiet", 'q', NULL, 0, "Say nothing but errors", 1},
    {NULL, 0, NULL, 0, "Sizes:", 2},
    {"features", KEY_BIT + BIT_FEATURES, "N", 0, "Numbers in a row (mlp; 16)", 2},
    {"hidden", KEY_BIT + BIT_HIDDEN, "N[,N...]", 0,
        "Sizes of the hidden layers (mlp 64, digits 128, lenet 32, embedding none)", 2},
    {"classes", KEY_BIT + BIT_CLASSES, "N", 0, "(mlp 4, digits and lenet 10, embedding 2)", 2},
    {"vocab", KEY_BIT + BIT_VOCAB, "N", 0, "Word ids, 0 for none (embedding; 1000)", 2},
    {"width", KEY_BIT + BIT_WIDTH, "N", 0, "Numbers for each word (embedding; 32)", 2},
    {"tokens", KEY_BIT + BIT_TOKENS, "N", 0, "Words in a text (embedding; 16)", 2},
    {"batch", KEY_BIT + BIT_BATCH, "N", 0, "Rows, fixed (default: any number)", 2},
    {NULL, 0, NULL, 0, "The update:", 3},
    {"optimizer", KEY_BIT + BIT_OPTIMIZER, "NAME", 0,
        "lars, sgd, momentum, adam, adamax, adagrad, decayed_adagrad, adadelta, rmsprop, "
        "ftrl or lamb (default lars, for embedding adam)",
        3},
    {"lr", KEY_BIT + BIT_LR, "RATE", 0,
        "A constant rate (default: by optimizer; digits and lenet have a schedule)", 3},
    {"momentum", KEY_BIT + BIT_MOMENTUM, "X", 0, "(lars and momentum 0.9)", 3},
    {"lars-coeff", KEY_BIT + BIT_LARS_COEFF, "X", 0, "(0.1, lars-seed 0.001)", 3},
    {"l2", KEY_BIT + BIT_L2, "X", 0, "Weight decay (digits and lenet 0.0001, others none)", 3},
    {"clip", KEY_BIT + BIT_CLIP, "X", 0,
        "Greatest norm of all gradients together (digits and lenet 1, others no limit)", 3},
    {"seed", KEY_BIT + BIT_SEED, "N", 0,
        "Of the first weights (1234; 0: the run's --seed decides)", 3},
    {0}};

/* ---- the options ----------------------------------------------------------------------- */

static const char *option_name(int bit) {
  const struct argp_option *o = OPTIONS;
  while (o->key != KEY_BIT + bit) ++o;
  return o->name;
}

static int64_t size_of(struct argp_state *state, int bit, const char *arg) {
  char option[32];
  snprintf(option, sizeof option, "--%s", option_name(bit));
  const int64_t n = (int64_t)frti_cli_number(state, option, arg, 1 << 24);
  if (!n) argp_error(state, "%s: at least 1", option);
  return n;
}

static double number_of(struct argp_state *state, int bit, const char *arg) {
  char *end = NULL;
  const double v = strtod(arg, &end);
  if (end == arg || *end || !isfinite(v) || v < 0)
    argp_error(state, "--%s '%s': wanted a number, 0 or more", option_name(bit), arg);
  return v;
}

static void add_hidden(args_t *a, char *arg, struct argp_state *state) {
  char *save = NULL;
  a->net.n_hidden = 0;
  for (char *s = strtok_r(arg, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
    if (a->net.n_hidden == FRTI_CLI_LAYERS)
      argp_error(state, "--hidden: at most %d layers", FRTI_CLI_LAYERS);
    a->net.hidden[a->net.n_hidden++] = size_of(state, BIT_HIDDEN, s);
  }
  if (!a->net.n_hidden) argp_error(state, "--hidden: which sizes?");
}

static void set_optimizer(args_t *a, const char *arg, struct argp_state *state) {
  const char *names[FRTI_CLI_OPTIMIZERS], *near;
  for (size_t i = 0; i < FRTI_CLI_OPTIMIZERS; ++i) {
    names[i] = frti_cli_optimizers[i].name;
    a->net.optimizer = frti_cli_optimizers[i].kind;
    if (!strcmp(arg, names[i])) return;
  }
  near = frti_cli_nearest(arg, names, FRTI_CLI_OPTIMIZERS);
  argp_error(state, "--optimizer '%s': not known%s%s", arg, near ? "; nearest is " : "",
      near ? near : "");
}

static void set_model(args_t *a, const char *arg, struct argp_state *state) {
  const char *names[FRTI_CLI_MODELS], *near;
  if (a->model) argp_error(state, "one MODEL at a time: '%s' and '%s'", a->model->name, arg);
  for (size_t i = 0; i < FRTI_CLI_MODELS; ++i) {
    names[i] = frti_cli_models[i].name;
    if (!strcmp(arg, names[i]) || !strcmp(arg, frti_cli_models[i].folder))
      a->model = &frti_cli_models[i];
  }
  if (a->model) return;
  near = frti_cli_nearest(arg, names, FRTI_CLI_MODELS);
  if (near) argp_error(state, "no model '%s'; did you mean '%s'?", arg, near);
  argp_error(state,
      "no model '%s'; there are lars-seed, five-ops, mlp, digits, lenet, embedding", arg);
}

static error_t parse_bit(args_t *a, int bit, char *arg, struct argp_state *state) {
  int64_t *const sizes[] = {[BIT_FEATURES] = &a->net.features,
      [BIT_CLASSES] = &a->net.classes, [BIT_VOCAB] = &a->net.vocab,
      [BIT_WIDTH] = &a->net.width, [BIT_TOKENS] = &a->net.tokens,
      [BIT_BATCH] = &a->net.batch};
  double *const numbers[] = {[BIT_LR] = &a->net.lr, [BIT_MOMENTUM] = &a->net.momentum,
      [BIT_LARS_COEFF] = &a->net.lars_coeff, [BIT_L2] = &a->net.l2,
      [BIT_CLIP] = &a->net.clip};
  a->net.given |= 1u << bit;
  if (bit == BIT_HIDDEN)
    add_hidden(a, arg, state);
  else if (bit == BIT_OPTIMIZER)
    set_optimizer(a, arg, state);
  else if (bit == BIT_SEED)
    a->net.seed = (int32_t)frti_cli_number(state, "--seed", arg, INT32_MAX);
  else if (bit <= BIT_BATCH)
    *sizes[bit] = size_of(state, bit, arg);
  else
    *numbers[bit] = number_of(state, bit, arg);
  return 0;
}

/* An option that the model has no use for would be believed and do nothing. */
static void check_args(const args_t *a, struct argp_state *state) {
  char takes[256] = "";
  if (!a->model) argp_error(state, "which MODEL?");
  const unsigned wrong = a->net.given & ~a->model->takes;
  if (!wrong) return;
  for (int bit = 0; bit < N_BITS; ++bit)
    if (a->model->takes & 1u << bit)
      snprintf(takes + strlen(takes), sizeof takes - strlen(takes), " --%s",
          option_name(bit));
  argp_error(state, "%s takes no --%s; it takes%s", a->model->name,
      option_name(__builtin_ctz(wrong)), takes[0] ? takes : " none");
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  args_t *a = state->input;
  if (key >= KEY_BIT && key < KEY_BIT + N_BITS)
    return parse_bit(a, key - KEY_BIT, arg, state);
  switch (key) {
    case 'o':
      a->out = arg;
      return 0;
    case 'q':
      a->cli.quiet = true;
      return 0;
    case KEY_FORCE:
      a->force = true;
      return 0;
    case ARGP_KEY_ARG:
      set_model(a, arg, state);
      return 0;
    case ARGP_KEY_END:
      check_args(a, state);
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

/* getopt names no neighbour of an option that it does not know. */
static bool known_options(const frti_cli_t *cli, int argc, char **argv) {
  const char *names[32] = {"help", "usage"};
  size_t n = 2;
  for (const struct argp_option *o = OPTIONS; o->name || o->key || o->doc; ++o)
    if (o->name) names[n++] = o->name;
  for (int i = 1; i < argc && strcmp(argv[i], "--"); ++i) {
    char word[64];
    bool begins = strncmp(argv[i], "--", 2) != 0;
    snprintf(word, sizeof word, "%s", begins ? "" : argv[i] + 2);
    word[strcspn(word, "=")] = 0;
    for (size_t k = 0; k < n && !begins; ++k)
      begins = !strncmp(names[k], word, strlen(word));
    const char *near = begins ? NULL : frti_cli_nearest(word, names, n);
    if (!near) continue;
    frti_cli_fail(cli, CLI_USAGE, "no option '--%s'; did you mean '--%s'?", word, near);
    return false;
  }
  return true;
}

/* ---- the files ----------------------------------------------------------------------------- */

static int save_both(
    const args_t *a, const char *folder, const char *stem, const frt_program_t *p) {
  static const char *const kinds[] = {"pdmodel", "pbtxt"};
  int code = CLI_OK;
  for (int i = 0; i < 2 && !code; ++i) {
    char *path = frti_cli_text("%s/%s.%s", folder, stem, kinds[i]);
    code = frti_cli_save_program(&a->cli, p, path);
    free(path);
  }
  return code;
}

static void say_feeds(FILE *to, const frt_program_t *p) {
  frti_cli_list_t feeds = {0};
  frti_cli_feeds(p, &feeds);
  for (size_t i = 0; i < feeds.n; ++i) {
    frt_var_info_t v;
    char dims[128];
    if (frt_program_find_var(p, 0, feeds.items[i], &v, NULL)) continue;
    fprintf(to, "%s`%s` %s %s", i ? ", " : "", v.name, frt_dtype_name((frt_dtype_t)v.dtype),
        frti_cli_dims(dims, sizeof dims, v.rank, v.dims));
  }
  frti_cli_list_release(&feeds);
}

static int save_readme(
    const args_t *a, const char *folder, const frt_program_t *p, bool test) {
  const char *loss = frti_cli_marked_loss(p);
  char *text = NULL, *path = frti_cli_text("%s/README.md", folder);
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  int code = CLI_MEMORY;
  if (f) {
    fprintf(f,
        "# %s: %s\n\nWritten by `fluidrt new %s`; `startup.pdmodel` makes the parameters, "
        "`main.pdmodel`\nis one training step%s.\nFed: ",
        a->model->folder, a->model->what, a->model->name,
        test ? ", `test.pdmodel` the same without the update" : "");
    say_feeds(f, p);
    fprintf(f, "; the loss is `%s`.\nTry `fluidrt explain %s`%s%s%s.\n", loss ? loss : "",
        folder, test ? " and `fluidrt train " : "", test ? folder : "",
        test ? " --data FILE.npz`" : "");
    code = fclose(f) ? CLI_MEMORY : frti_cli_write_file(&a->cli, path, text, n);
  }
  free(text);
  free(path);
  return code;
}

static bool is_there(const char *folder) {
  struct stat st;
  char *path = frti_cli_text("%s/main.pdmodel", folder);
  const bool there = !lstat(path, &st);
  free(path);
  return there;
}

/* The main program last: a folder that has it is complete. */
static int save(const args_t *a, const frt_builder_t *b, const frt_program_t *test) {
  const char *folder = a->out ? a->out : a->model->folder;
  const frt_program_t *main_program = frt_builder_main(b);
  if (!a->force && is_there(folder))
    return frti_cli_fail(&a->cli, CLI_CANNOT_CREATE,
        "%s has a main.pdmodel already; -o another folder, or --force", folder);
  int code = frti_cli_make_dir(&a->cli, folder);
  if (!code) code = save_readme(a, folder, main_program, test);
  if (!code) code = save_both(a, folder, "startup", frt_builder_startup(b));
  if (!code && test) code = save_both(a, folder, "test", test);
  if (!code) code = save_both(a, folder, "main", main_program);
  if (!code)
    frti_cli_note(&a->cli, "%s: startup %u ops, main %u ops%s", folder,
        (unsigned)frt_program_n_ops(frt_builder_startup(b), 0),
        (unsigned)frt_program_n_ops(main_program, 0), test ? ", and a test program" : "");
  return code;
}

int frti_cli_new(int argc, char **argv) {
  static const struct argp argp = {OPTIONS, parse, "MODEL",
      "Writes the programs of MODEL, as Fluid's Python would build them: lars-seed, "
      "five-ops, mlp, digits, lenet or embedding. `fluidrt train FOLDER --data FILE.npz` "
      "trains the last four.",
      NULL, NULL, NULL};
  args_t a = {.cli = {.verb = "new"},
      .net = {.batch = -1, .seed = 1234, .optimizer = FRT_OPTIMIZER_LARS_MOMENTUM}};
  frt_error_t err = FRT_ERROR_INIT;
  frt_builder_t *b = NULL;
  frt_program_t *test = NULL;
  int code;
  if (!known_options(&a.cli, argc, argv)) return CLI_USAGE;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  if (frt_builder_create(&b, &err) || frt_builder_set_seed(b, NULL, a.net.seed, &err) ||
      a.model->build(b, &a.net, &test, &err))
    code = frti_cli_error(&a.cli, a.model->name, &err);
  else
    code = save(&a, b, test);
  frt_program_release(test);
  frt_builder_release(b);
  return code;
}
