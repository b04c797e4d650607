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
    "\vExit status: 0 all claims hold, 1 a claim is wrong or a case or an op failed, 64 "
    "usage, 66 no such provider or file, 69 it cannot be used.";

enum { KEY_PROGRAM = 256, KEY_STARTUP, KEY_FEED, KEY_CASE, KEY_STEPS };

static const struct argp_option OPTIONS[] = {
    {"level", 'l', "LEVEL", 0,
        "How much to run: load (claims and questions, no kernel is run), core (default)", 0},
    {"ops", 'o', "GLOB", 0, "Only ops that match, such as 'elementwise_*'", 0},
    {"seed", 's', "N", 0, "Other random values (default 0)", 0},
    {"json", 'j', NULL, 0, "Print one JSON object", 0},
    {"verbose", 'v', NULL, 0, "Also print what was declined, and a table of the ops", 0},
    {"program", KEY_PROGRAM, "FILE|DIR", 0,
        "Judge the ops of this program, or of a folder with main.pdmodel", 1},
    {"startup", KEY_STARTUP, "FILE", 0,
        "What makes its persistables (default: startup.pdmodel of the folder)", 1},
    {"feed", KEY_FEED, "NAME=FILE", 0, "Feed variable NAME with an .npy file", 1},
    {"case", KEY_CASE, "CASE", 0,
        "Take feeds, and programs that are not given, from a recorded case", 1},
    {"steps", KEY_STEPS, "N", 0, "At most N steps of the case; without one, runs (1)", 1},
    {0}};

static void set_level(frti_options_t *o, const char *arg, struct argp_state *state) {
  o->load = !strcmp(arg, "load");
  if (!o->load && strcmp(arg, "core"))
    argp_error(state, "unknown level '%s'; wanted load or core", arg);
}

static void check_end(const frti_cli_conform_t *a, struct argp_state *state) {
  if (!a->o.provider) argp_error(state, "which provider?");
  if ((a->startup || a->feeds.n || a->steps) && !a->program && !a->recorded)
    argp_error(state, "--startup, --feed and --steps go with --program or --case");
  if (a->o.load && (a->program || a->recorded))
    argp_error(state, "--level load judges no program");
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  frti_cli_conform_t *a = state->input;
  switch (key) {
    case 'l': set_level(&a->o, arg, state); return 0;
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
    default: return ARGP_ERR_UNKNOWN;
  }
}

/* The glob must name something: a misspelt op would run nothing. */
static int no_op_matches(const char *glob) {
  frti_cli_t cli = {.verb = "conform"};
  const char *near = frt_op_nearest(glob);
  return frti_cli_fail(&cli, CLI_USAGE, "no op matches '%s'%s%s", glob,
                       near ? "; nearest is " : "", near ? near : "");
}

int frti_cli_conform(int argc, char **argv) {
  static const struct argp argp = {OPTIONS, parse, "PROVIDER", DOC, NULL, NULL, NULL};
  frti_cli_conform_t a = {.cli = {.verb = "conform"}};
  int code;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  if (a.o.ops && !frti_suite_matches(a.o.ops)) return no_op_matches(a.o.ops);
  if (a.program || a.recorded) code = frti_guarded(frti_cli_conform_program, &a);
  else code = frti_suite_run(&a.o);
  frti_cli_list_release(&a.feeds);
  return code;
}
