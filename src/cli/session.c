/* Runtime, executor and scope of a verb, and the interrupt key. */
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "cli.h"

static _Atomic(frt_executor_t *) watched;
static atomic_int interrupted;

static void on_interrupt(int number) {
  frt_executor_t *exe = atomic_load(&watched);
  (void)number;
  atomic_store(&interrupted, 1);
  if (exe) frt_executor_cancel(exe);
}

static void set_handler(void (*handler)(int)) {
  struct sigaction action = {0};
  action.sa_handler = handler;
  action.sa_flags = (int)SA_RESETHAND; /* a second Ctrl-C ends the process at once */
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}

void frti_cli_watch(frt_executor_t *exe) {
  atomic_store(&watched, exe);
  set_handler(exe ? on_interrupt : SIG_DFL);
}

void frti_cli_watch_between_runs(void) {
  atomic_store(&watched, NULL);
  set_handler(on_interrupt);
}

bool frti_cli_interrupted(void) {
  return atomic_load(&interrupted) != 0;
}

static void say(void *ctx, int level, const char *text) {
  const frti_cli_t *cli = ctx;
  if (level > FRT_LOG_WARNING) return;
  if (level == FRT_LOG_ERROR || !(cli->quiet || cli->no_warnings))
    fprintf(stderr, "fluidrt %s: %s\n", cli->verb, text);
}

int frti_cli_open_runtime(const frti_cli_t *cli, frti_cli_session_t *s) {
  frt_error_t err = FRT_ERROR_INIT;
  const frt_runtime_options_t options = {.struct_size = sizeof options,
      .threads = cli->threads,
      .log = say,
      .log_ctx = (void *)(uintptr_t)cli};
  memset(s, 0, sizeof *s);
  if (frt_runtime_create(&options, &s->rt, &err)) return frti_cli_error(cli, NULL, &err);
  return CLI_OK;
}

frt_executor_options_t frti_cli_executor_options(
    const frti_cli_t *cli, const frt_pin_t *pin) {
  return (frt_executor_options_t){.struct_size = sizeof(frt_executor_options_t),
      .seed = cli->seed,
      .no_fuse = cli->no_fuse,
      .no_reuse = cli->no_reuse,
      .check_nan = cli->check_nan,
      .check_provider = cli->check_provider,
      .check_plans = cli->check_plans,
      .spread = cli->spread,
      .explain_only = cli->explain_only,
      .max_memory = cli->mem_limit,
      .first_run = cli->first_run,
      .pins = pin,
      .n_pins = pin ? 1 : 0};
}

int frti_cli_executor(const frti_cli_t *cli, frt_runtime_t *rt, const char *places,
    const frt_pin_t *pin, frt_executor_t **out) {
  frt_error_t err = FRT_ERROR_INIT;
  const frt_executor_options_t options = frti_cli_executor_options(cli, pin);
  if (!frt_executor_create(rt, places, &options, out, &err)) return CLI_OK;
  err.phase = FRT_PHASE_PROVIDER; /* whatever failed, the place list asked for it */
  return frti_cli_error(cli, places ? places : "cpu,reference", &err);
}

int frti_cli_open(const frti_cli_t *cli, frti_cli_session_t *s) {
  frt_error_t err = FRT_ERROR_INIT;
  int code = frti_cli_open_runtime(cli, s);
  if (code) return code;
  code = frti_cli_executor(cli, s->rt, cli->places, NULL, &s->exe);
  if (code) return code;
  if (frt_scope_create(s->rt, &s->scope, &err)) return frti_cli_error(cli, NULL, &err);
  return frti_cli_trace_begin(cli, s);
}

void frti_cli_close(frti_cli_session_t *s) {
  frti_cli_watch(NULL);
  frti_cli_trace_end(s);
  frt_scope_release(s->scope);
  frt_executor_release(s->exe);
  frt_runtime_release(s->rt);
  memset(s, 0, sizeof *s);
}

int frti_cli_load(const frti_cli_t *cli, const char *path, frt_program_t **out) {
  frt_error_t err = FRT_ERROR_INIT;
  if (frt_program_load(path, NULL, out, &err)) return frti_cli_error(cli, path, &err);
  return CLI_OK;
}
