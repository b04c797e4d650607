/* `fluidrt conform`: certifies an execution provider. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "runner/runner.h"

static const char DOC[] =
    "Certify an execution provider: PROVIDER is a name or the path of a file."
    "\vExit status: 0 all claims hold, 1 a claim is wrong or a case failed, 64 usage, "
    "66 no such provider, 69 it cannot be used.";

static const struct argp_option OPTIONS[] = {
    {"level", 'l', "LEVEL", 0, "How much to run: core (default)", 0},
    {"ops", 'o', "GLOB", 0, "Only ops that match, such as 'elementwise_*'", 0},
    {"seed", 's', "N", 0, "Other random values (default 0)", 0},
    {"json", 'j', NULL, 0, "Print one JSON object", 0},
    {"verbose", 'v', NULL, 0, "Also print what was declined, and a table of the ops", 0},
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
  frti_options_t *o = state->input;
  switch (key) {
    case 'l':
      if (strcmp(arg, "core")) argp_error(state, "unknown level '%s'; wanted core", arg);
      return 0;
    case 'o': o->ops = arg; return 0;
    case 's': o->seed = frti_cli_number(state, "--seed", arg, UINT64_MAX); return 0;
    case 'j': o->json = 1; return 0;
    case 'v': o->verbose = 1; return 0;
    case ARGP_KEY_ARG:
      if (o->provider) argp_error(state, "one provider at a time: '%s'", arg);
      o->provider = arg;
      return 0;
    case ARGP_KEY_END:
      if (!o->provider) argp_error(state, "which provider?");
      return 0;
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
  frti_options_t o = {0};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  if (o.ops && !frti_suite_matches(o.ops)) return no_op_matches(o.ops);
  return frti_suite_run(&o);
}
