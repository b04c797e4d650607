/* The options of fluidrt train. */
#include <stdlib.h>
#include <string.h>

#include "train.h"

typedef frti_cli_train_args_t args_t;

enum {
  KEY_STARTUP = 0x2001,
  KEY_DATA,
  KEY_BATCH,
  KEY_STEPS,
  KEY_SHUFFLE,
  KEY_SPLIT,
  KEY_SHARE,
  KEY_TEST,
  KEY_FETCH,
  KEY_MAP,
  KEY_COMPARE,
  KEY_SAVE,
  KEY_SAVE_EVERY,
  KEY_RESUME,
  KEY_SCOPE_OUT,
  KEY_EPOCHS,
  KEY_LR,
  KEY_REPORT,
  KEY_OVER,
  KEY_LOSSES,
  KEY_EVERY
};

static const struct argp_option OPTIONS[] = {
    {"startup", KEY_STARTUP, "PROGRAM", 0,
        "The startup program (default: startup.pdmodel of the folder)"},
    {"data", KEY_DATA, "FILE.npz", 0,
        "Arrays with one row per sample (default: ../data/NAME.npz of the folder NAME)"},
    {"map", KEY_MAP, "FEED=ARRAY[/SCALE]", 0,
        "Which array is which feed, divided by SCALE (default: by type and size; uint8 "
        "arrays are divided by their largest value)"},
    {"batch", KEY_BATCH, "N", 0, "Rows per step, drawn with replacement (default 64)"},
    {"steps", KEY_STEPS, "N", 0, "Steps (default 100)"},
    {"shuffle-seed", KEY_SHUFFLE, "N", 0, "Seed of the draws (default 5)"},
    {"split-seed", KEY_SPLIT, "N", 0, "Seed of the choice of test rows (default 0)"},
    {"test-share", KEY_SHARE, "PERCENT", 0, "Rows held out for the test (default 20)"},
    {"test", KEY_TEST, "PROGRAM", 0,
        "The test program (default: test.pdmodel of the folder, if it is there)"},
    {"fetch", KEY_FETCH, "LOSS", 0, "The loss (default: what the program marks as one)"},
    {"compare", KEY_COMPARE, "CASE", 0,
        "Then run this recorded case and say how near it comes"},
    {"epochs", KEY_EPOCHS, "N", 0, "Steps for N times the training rows"},
    {"lr", KEY_LR, "RATE", 0, "Learning rate, where the program holds it as a constant"},
    {"save", KEY_SAVE, "DIR", 0,
        "Write checkpoints DIR/step-N: at the end, at Ctrl-C, and as --save-every says"},
    {"save-every", KEY_SAVE_EVERY, "N", 0, "Steps between checkpoints"},
    {"resume", KEY_RESUME, "DIR", 0,
        "Go on from the newest checkpoint of DIR, to the very numbers of one long run"},
    {"scope-out", KEY_SCOPE_OUT, "DIR", 0, "Write every variable as V.npy at the end"},
    {"report", KEY_REPORT, "FILE.html", 0,
        "Write loss, rates, local rates and figures as one page"},
    {"losses", KEY_LOSSES, "FILE.json", 0, "Write the losses and figures, as --json has them"},
    {"over", KEY_OVER, "FILE.json", 0,
        "Draw the losses over those of an earlier run (its --losses) and say how far apart"},
    {"log-every", KEY_EVERY, "N", 0, "Steps between lines where output is no terminal"},
    {0}};

static error_t parse_number(int key, char *arg, struct argp_state *state) {
  args_t *a = state->input;
  switch (key) {
    case KEY_BATCH:
      a->batch = (int64_t)frti_cli_number(state, "--batch", arg, 1 << 24);
      return 0;
    case KEY_STEPS:
      a->steps = (int64_t)frti_cli_number(state, "--steps", arg, 1 << 30);
      a->steps_given = true;
      return 0;
    case KEY_EPOCHS:
      a->epochs = (int64_t)frti_cli_number(state, "--epochs", arg, 1 << 20);
      if (!a->epochs) argp_error(state, "--epochs: at least 1");
      return 0;
    case KEY_SAVE_EVERY:
      a->save_every = (int64_t)frti_cli_number(state, "--save-every", arg, 1 << 30);
      return 0;
    case KEY_EVERY:
      a->every = (int64_t)frti_cli_number(state, "--log-every", arg, 1 << 30);
      return 0;
    case KEY_SHUFFLE:
      a->shuffle_seed =
          (uint32_t)frti_cli_number(state, "--shuffle-seed", arg, UINT32_MAX);
      return 0;
    case KEY_SPLIT:
      a->split_seed = (uint32_t)frti_cli_number(state, "--split-seed", arg, UINT32_MAX);
      return 0;
    case KEY_SHARE:
      a->test_share = (double)frti_cli_number(state, "--test-share", arg, 99) / 100;
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

/* Options that are the name of a file or folder. */
static error_t parse_path(int key, char *arg, struct argp_state *state) {
  args_t *a = state->input;
  switch (key) {
    case KEY_COMPARE:
      a->compare = arg;
      return 0;
    case KEY_SAVE:
      a->save = arg;
      return 0;
    case KEY_RESUME:
      a->resume = arg;
      return 0;
    case KEY_SCOPE_OUT:
      a->scope_out = arg;
      return 0;
    case KEY_REPORT:
      a->report = arg;
      return 0;
    case KEY_OVER:
      a->over = arg;
      return 0;
    case KEY_LOSSES:
      a->losses = arg;
      return 0;
    default:
      return parse_number(key, arg, state);
  }
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  args_t *a = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &a->cli;
      return 0;
    case KEY_STARTUP:
      free(a->startup);
      a->startup = frti_cli_strdup(arg);
      return 0;
    case KEY_TEST:
      free(a->test);
      a->test = frti_cli_strdup(arg);
      return 0;
    case KEY_DATA:
      a->data = arg;
      return 0;
    case KEY_FETCH:
      a->loss = arg;
      return 0;
    case KEY_LR:
      a->lr = arg;
      return 0;
    case KEY_MAP:
      if (!strchr(arg, '=')) argp_error(state, "--map '%s': wanted FEED=ARRAY", arg);
      frti_cli_list_add(&a->maps, arg);
      return 0;
    case ARGP_KEY_ARG:
      if (a->program)
        argp_error(state, "one PROGRAM at a time: '%s' and '%s'", a->program, arg);
      a->program = arg;
      return 0;
    case ARGP_KEY_END:
      if (!a->program) argp_error(state, "which PROGRAM or folder?");
      if (a->batch < 1 || a->steps < 1)
        argp_error(state, "--batch and --steps: at least 1");
      if (a->steps_given && a->epochs) argp_error(state, "--steps or --epochs, not both");
      if (a->save_every && !a->save) argp_error(state, "--save-every: and --save DIR?");
      return 0;
    default:
      return parse_path(key, arg, state);
  }
}

void frti_cli_train_parse(int argc, char **argv, frti_cli_train_args_t *out) {
  static const struct argp argp = {OPTIONS, parse, "PROGRAM|FOLDER",
      "Runs a training program over the rows of an .npz file, then its test program over "
      "the rows held out. A folder holds main.pdmodel, startup.pdmodel and test.pdmodel.",
      frti_cli_children, NULL, NULL};
  *out = (args_t){.cli = {.verb = "train"},
      .batch = 64,
      .steps = 100,
      .shuffle_seed = 5,
      .test_share = 0.2};
  argp_parse(&argp, argc, argv, 0, NULL, out);
}
