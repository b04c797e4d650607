/* The options that every verb has. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { KEY_THREADS = 0x1001, KEY_SEED, KEY_JSON, KEY_NO_FUSE,
  KEY_NO_REUSE, KEY_CHECK_NAN, KEY_CHECK_PROVIDER, KEY_MEM_LIMIT, KEY_CHECK_PLANS,
  KEY_SPREAD, KEY_TRACE, KEY_PROFILE };

static const struct argp_option OPTIONS[] = {{NULL, 0, NULL, 0, "Common options:", 90},
    {"provider", 'p', "LIST", 0,
        "Places in order of preference, e.g. cpu or cuda:1,cpu (default cpu,reference); "
        "one place alone is strict",
        90},
    {"threads", KEY_THREADS, "N", 0, "Threads of the pool (default: the CPUs allowed)",
        90},
    {"seed", KEY_SEED, "N", 0, "Seed for ops whose own seed is 0 (default 1)", 90},
    {"json", KEY_JSON, NULL, 0, "Results as JSON on standard output", 90},
    {"no-fuse", KEY_NO_FUSE, NULL, 0, "Run the program op by op, without fusion", 90},
    {"no-reuse", KEY_NO_REUSE, NULL, 0, "Give every value memory of its own", 90},
    {"check-plans", KEY_CHECK_PLANS, NULL, 0,
        "Prove of each plan, before it runs, that every read finds what was written", 90},
    {"trace", KEY_TRACE, "FILE.json", 0,
        "Write what was run as trace events, for chrome://tracing or Perfetto", 90},
    {"profile", KEY_PROFILE, "FILE.json", 0,
        "Write what `explain` says, and beside what it predicts what was measured", 90},
    {"spread", KEY_SPREAD, NULL, 0,
        "Op I prefers place I modulo their number: as many copies as can be", 90},
    {"check-nan", KEY_CHECK_NAN, NULL, 0,
        "Look for NaN and infinity after every op; stop at the first and name it", 90},
    {"check-provider", KEY_CHECK_PROVIDER, NULL, 0,
        "Run every kernel between guards, in poisoned memory; stop at the first that writes "
        "elsewhere, leaves output unwritten or changes the process",
        90},
    {"mem-limit", KEY_MEM_LIMIT, "BYTES[K|M|G]", 0,
        "Refuse, before the first op, a plan that needs more", 90},
    {"quiet", 'q', NULL, 0, "Say only what was asked for, and errors", 90}, {0}};

uint64_t frti_cli_number(
    struct argp_state *state, const char *option, const char *text, uint64_t max) {
  char *end = NULL;
  unsigned long long v;
  errno = 0;
  v = strtoull(text, &end, 10);
  if (errno || end == text || *end || text[0] < '0' || text[0] > '9' || v > max)
    argp_error(state, "%s '%s': wanted a whole number from 0 to %llu", option, text,
        (unsigned long long)max);
  return v;
}

/* "64M" -> 67108864. */
static uint64_t bytes_of(struct argp_state *state, const char *text) {
  static const char units[] = "KMG";
  char digits[32];
  const size_t n = strlen(text);
  const char *unit = n ? strchr(units, text[n - 1]) : NULL;
  const int shift = unit ? 10 * (int)(unit - units + 1) : 0;
  snprintf(digits, sizeof digits, "%.*s", (int)(unit ? n - 1 : n), text);
  return frti_cli_number(state, "--mem-limit", digits, UINT64_MAX >> shift) << shift;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  frti_cli_t *cli = state->input;
  if (!cli) return ARGP_ERR_UNKNOWN; /* argp asks so when it prints --help */
  switch (key) {
    case 'p':
      cli->places = arg;
      return 0;
    case 'q':
      cli->quiet = true;
      return 0;
    case KEY_THREADS:
      cli->threads = (uint32_t)frti_cli_number(state, "--threads", arg, 4096);
      return 0;
    case KEY_SEED:
      cli->seed = frti_cli_number(state, "--seed", arg, UINT64_MAX);
      return 0;
    case KEY_JSON:
      cli->json = true;
      return 0;
    case KEY_NO_FUSE:
      cli->no_fuse = true;
      return 0;
    case KEY_NO_REUSE:
      cli->no_reuse = true;
      return 0;
    case KEY_CHECK_PLANS:
      cli->check_plans = true;
      return 0;
    case KEY_TRACE:
      cli->trace = arg;
      return 0;
    case KEY_PROFILE:
      cli->profile = arg;
      return 0;
    case KEY_SPREAD:
      cli->spread = true;
      return 0;
    case KEY_CHECK_NAN:
      cli->check_nan = true;
      return 0;
    case KEY_CHECK_PROVIDER:
      cli->check_provider = true;
      return 0;
    case KEY_MEM_LIMIT:
      cli->mem_limit = bytes_of(state, arg);
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

const struct argp frti_cli_argp = {.options = OPTIONS, .parser = parse};
const struct argp_child frti_cli_children[] = {{&frti_cli_argp, 0, NULL, 90}, {0}};
