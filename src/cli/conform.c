/* `fluidrt conform`: certifies an execution provider. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

static const char DOC[] =
    "Certify an execution provider: PROVIDER is a name or the path of a file. With "
    "--program or --case, every op of a program is run alone on what the ops before it "
    "made, and judged by its own bound: can this provider train my program?"
    "\vLevels. load: the device, the kernel table and every question that op_query can be "
    "asked; no kernel is run. core: every case of every op, forward, gradient and "
    "optimizer, at small sizes and around the borders of vectors and tiles, each run in "
    "several ways (filled outputs, misaligned, in place, 1, 2, 3 and 7 threads), and the "
    "oracle's gradients against central differences. full: core, and sizes past the "
    "thresholds at which kernels change their ways, 4 seeds unless --seeds says more. "
    "stress: full, over and over with other seeds until --seconds (60) are over.\n\n"
    "Modes. test: forward ops. grad: gradient ops and central differences. train: "
    "optimizers; then, unless --ops is given, the bundled networks, or that of --case: three steps op by op, and the "
    "whole once for each op, that op alone on another place. perf: of "
    "each op the largest and a tiny case on all CPUs: median and spread of its time, bytes "
    "and operations a second by the schema's cost, the cost of a launch, and copies. claims: what the kernel table says against what runs: claimed and "
    "wrong, claimed and declined, unclaimed. support: op by dtype, asked, nothing run.\n\n"
    "A case is a pure function of its name, OP/CASE:SIZES/DTYPE@SEED, and of the "
    "suite's version: --replay NAME repeats exactly it. An --xfail file has lines "
    "'PATTERN [until YYYY-MM-DD] REASON' with globs over OP, or OP/CASE:SIZES/DTYPE; "
    "what it names and passes is a failure.\n\n"
    "Exit status: 0 all claims hold, 1 a claim is wrong or a case or an op failed, 64 "
    "usage, 65 a file makes no sense, 66 no such provider or file, 69 it cannot be used, "
    "74 a report could not be written.";

enum { KEY_PROGRAM = 256, KEY_STARTUP, KEY_FEED, KEY_CASE, KEY_STEPS, KEY_SEEDS, KEY_SAMPLE,
       KEY_XFAIL, KEY_REPORT, KEY_JUNIT, KEY_REPLAY, KEY_ORACLE, KEY_LIMIT, KEY_SECONDS, KEY_BASELINE };

static const struct argp_option OPTIONS[] = {
    {"level", 'l', "LEVEL", 0, "How much to run: load, core (default), full, stress", 0},
    {"mode", 'm', "MODE", 0, "Only a part: test, grad, train, perf, claims, support", 0},
    {"ops", 'o', "GLOB", 0, "Only ops that match, such as 'elementwise_*'", 0},
    {"seed", 's', "N", 0, "Other random values (default 0)", 0},
    {"seeds", KEY_SEEDS, "N", 0, "So many seeds in a row; fixed values run once", 0},
    {"sample", KEY_SAMPLE, "X", 0,
        "Of each op and seed only about X cases, drawn by the seed; 0.1: one case of "
        "every tenth op", 0},
    {"seconds", KEY_SECONDS, "S", 0, "How long level stress goes on (default 60)", 0},
    {"baseline", KEY_BASELINE, "FILE", 0,
        "A report of --mode perf; what is slower than in it beyond noise (a tenth, and three "
        "times the spread) has failed", 1},
    {"replay", KEY_REPLAY, "NAME", 0, "Only this case, named as a failure names it", 0},
    {"oracle", KEY_ORACLE, "FILE", 0,
        "The module whose frt.oracle.v1 says what the provider's own ops are", 0},
    {"time-limit", KEY_LIMIT, "S", 0, "CPU seconds that a case may take (default 20)", 0},
    {"xfail", KEY_XFAIL, "FILE", 0, "Failures that are expected, with reasons", 1},
    {"report", KEY_REPORT, "FILE", 0, "Write everything to FILE, as JSON", 1},
    {"junit", KEY_JUNIT, "FILE", 0, "Write every case to FILE, as JUnit XML", 1},
    {"format", 'f', "FORMAT", 0, "Print a score card: table, md or csv", 1},
    {"json", 'j', NULL, 0, "Print one JSON object", 1},
    {"verbose", 'v', NULL, 0, "Also print what was declined, and the score card", 1},
    {"program", KEY_PROGRAM, "FILE|DIR", 0,
        "Judge the ops of this program, or of a folder with main.pdmodel", 2},
    {"startup", KEY_STARTUP, "FILE", 0,
        "What makes its persistables (default: startup.pdmodel of the folder)", 2},
    {"feed", KEY_FEED, "NAME=FILE", 0, "Feed variable NAME with an .npy file", 2},
    {"case", KEY_CASE, "CASE", 0,
        "Take feeds, and programs that are not given, from a recorded case", 2},
    {"steps", KEY_STEPS, "N", 0, "At most N steps of the case; without one, runs (1)", 2},
    {0}};

/* One of `words`, by number; anything else is refused with the nearest. */
static int one_of(struct argp_state *state, const char *what, const char *arg,
    const char *const *words) {
  const char *near;
  size_t n = 0;
  for (; words[n]; ++n)
    if (!strcmp(words[n], arg)) return (int)n;
  near = frti_cli_nearest(arg, words, n);
  argp_error(state, "unknown %s '%s'%s%s", what, arg, near ? "; nearest is " : "; see --help",
      near ? near : "");
  return 0;
}

static void check_end(const frti_cli_conform_t *a, struct argp_state *state) {
  const int program = a->program || a->recorded;
  if (!a->o.provider) argp_error(state, "which provider?");
  if ((a->startup || a->feeds.n || a->steps) && !program)
    argp_error(state, "--startup, --feed and --steps go with --program or --case");
  if (a->o.level == FRTI_LOAD && program)
    argp_error(state, "--level load judges no program");
  if (program && a->o.mode != FRTI_TRAIN && (a->o.replay || a->o.xfail || a->o.junit || a->o.format || a->o.seeds))
    argp_error(state, "--replay, --xfail, --junit, --format and --seeds are about cases of "
                      "ops; they do not go with --program or --case");
  if (a->o.json && a->o.format) argp_error(state, "--json or --format, not both");
  if (a->o.baseline && a->o.mode != FRTI_PERF)
    argp_error(state, "--baseline goes with --mode perf");
  if (a->o.replay && (!strchr(a->o.replay, '/') || a->o.ops))
    argp_error(state, a->o.ops ? "--replay or --ops, not both"
                               : "--replay '%s': wanted OP/CASE:SIZES/DTYPE@SEED, as a "
                                 "failure prints it", a->o.replay);
}

static double positive(struct argp_state *state, const char *option, const char *arg) {
  char *end = NULL;
  const double v = strtod(arg, &end);
  if (end == arg || *end || !(v > 0) || v > 1e6)
    argp_error(state, "%s '%s': wanted a number above 0", option, arg);
  return v;
}

/* "op/case:3/float32@7": the op becomes the filter, the seed the seed. */
static void set_replay(frti_cli_conform_t *a) {
  const char *slash = strchr(a->o.replay, '/'), *at = strrchr(a->o.replay, '@');
  static char op[64];
  snprintf(op, sizeof op, "%.*s", (int)(slash - a->o.replay), a->o.replay);
  a->o.ops = op;
  a->o.seed = at ? strtoull(at + 1, NULL, 10) : 0;
  a->o.seeds = 1;
}

static error_t parse_more(int key, char *arg, struct argp_state *state) {
  frti_cli_conform_t *a = state->input;
  switch (key) {
    case KEY_SEEDS: a->o.seeds = frti_cli_number(state, "--seeds", arg, 1000000000);
      if (!a->o.seeds) argp_error(state, "--seeds 0 judges nothing");
      return 0;
    case KEY_SAMPLE: a->o.sample = positive(state, "--sample", arg); return 0;
    case KEY_SECONDS: a->o.seconds = frti_cli_number(state, "--seconds", arg, 1000000); return 0;
    case KEY_BASELINE: a->o.baseline = arg; return 0;
    case KEY_LIMIT:
      a->o.time_limit = (uint32_t)frti_cli_number(state, "--time-limit", arg, 86400);
      if (!a->o.time_limit) argp_error(state, "--time-limit 0 lets nothing run");
      return 0;
    case KEY_XFAIL: a->o.xfail = arg; return 0;
    case KEY_REPORT: a->o.report = arg; return 0;
    case KEY_JUNIT: a->o.junit = arg; return 0;
    case KEY_REPLAY: a->o.replay = arg; return 0;
    case KEY_ORACLE: a->o.oracle = arg; return 0;
    case 'f': a->o.format = one_of(state, "format", arg, frti_format_names); return 0;
    case 'm': a->o.mode = one_of(state, "mode", arg, frti_mode_names); return 0;
    case 'l': a->o.level = one_of(state, "level", arg, frti_level_names); return 0;
    default: return ARGP_ERR_UNKNOWN;
  }
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  frti_cli_conform_t *a = state->input;
  switch (key) {
    case 'o': a->o.ops = arg; return 0;
    case 's': a->o.seed = frti_cli_number(state, "--seed", arg, UINT64_MAX); return 0;
    case 'j': a->o.json = 1; return 0;
    case 'v': a->o.verbose = 1; return 0;
    case KEY_PROGRAM: a->program = arg; return 0;
    case KEY_STARTUP: a->startup = arg; return 0;
    case KEY_CASE: a->recorded = arg; return 0;
    case KEY_STEPS:
      a->steps = frti_cli_number(state, "--steps", arg, 1000000);
      if (!a->steps) argp_error(state, "--steps 0 judges nothing");
      return 0;
    case KEY_FEED:
      if (!strchr(arg, '=')) argp_error(state, "--feed '%s': wanted NAME=FILE", arg);
      frti_cli_list_add(&a->feeds, arg);
      return 0;
    case ARGP_KEY_ARG:
      if (a->o.provider) argp_error(state, "one provider at a time: '%s'", arg);
      a->o.provider = arg;
      return 0;
    case ARGP_KEY_END: check_end(a, state); return 0;
    default: return parse_more(key, arg, state);
  }
}

/* The glob must name something: a misspelt op would run nothing. What has a dot may be
 * an op of the provider's own, which nobody has asked yet. */
static int no_op_matches(const char *glob) {
  frti_cli_t cli = {.verb = "conform"};
  const char *near = frt_op_nearest(glob);
  return frti_cli_fail(&cli, CLI_USAGE, "no op matches '%s'%s%s", glob,
                       near ? "; nearest is " : "", near ? near : "");
}

int frti_cli_conform(int argc, char **argv) {
  static const struct argp argp = {OPTIONS, parse, "PROVIDER", DOC, NULL, NULL, NULL};
  frti_cli_conform_t a = {.cli = {.verb = "conform"},
                          .o = {.level = FRTI_CORE, .time_limit = 20, .seconds = 60}};
  int code;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  if (a.o.replay) set_replay(&a);
  if (!a.o.seeds)
    a.o.seeds = a.o.level == FRTI_STRESS ? UINT64_MAX : a.o.level == FRTI_FULL ? 4 : 1;
  if (a.o.mode >= FRTI_CLAIMS && !a.o.format && !a.o.json) a.o.format = FRTI_TABLE;
  if (a.o.ops && !strchr(a.o.ops, '.') && !frti_suite_matches(a.o.ops))
    return no_op_matches(a.o.ops);
  if (a.o.mode == FRTI_TRAIN && !a.o.replay && !a.program && (a.recorded || !a.o.ops)) {
    a.o.programs = frti_cli_conform_train;
    a.o.ctx = &a;
  }
  if (a.program || (a.recorded && !a.o.programs))
    code = frti_guarded(frti_cli_conform_program, &a, NULL);
  else
    code = frti_suite_run(&a.o);
  frti_cli_list_release(&a.feeds);
  return code;
}
