/* Error lines, and the one table from library errors to exit statuses. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cli.h"

enum { ANY = -1 };

/* The first row that fits counts. Files have no phase or PARSE or CHECKPOINT. */
static const struct {
  int status, phase, code;
  const char *advice;
} TABLE[] = {
    {FRT_OK, ANY, CLI_OK, ""},
    {FRT_CANCELLED, ANY, CLI_INTERRUPTED, ""},
    {FRT_RESOURCE_EXHAUSTED, ANY, CLI_MEMORY,
        "`fluidrt explain` tells what a plan needs"},
    {FRT_INTERNAL, FRT_PHASE_PROVIDER, CLI_UNAVAILABLE,
        "the provider breaks its contract; `fluidrt conform` tells more"},
    {FRT_INTERNAL, ANY, CLI_INTERNAL, "this is a fault of fluidrt: please report it"},
    {FRT_BUSY, ANY, CLI_INTERNAL, ""},
    {FRT_DEVICE_LOST, ANY, CLI_UNAVAILABLE, "choose another place with -p"},
    {FRT_ABI_MISMATCH, ANY, CLI_UNAVAILABLE, "build the provider for this version"},
    {FRT_NOT_FOUND, FRT_PHASE_PROVIDER, CLI_UNAVAILABLE,
        "`fluidrt providers -v` tells which there are"},
    {FRT_UNAVAILABLE, FRT_PHASE_PROVIDER, CLI_UNAVAILABLE,
        "`fluidrt providers -v` tells why; -p cpu,reference runs everywhere"},
    {FRT_INVALID_ARGUMENT, FRT_PHASE_PROVIDER, CLI_USAGE,
        "a place list looks like cuda:1,cpu"},
    {ANY, FRT_PHASE_PROVIDER, CLI_UNAVAILABLE, ""},
    {FRT_NOT_FOUND, FRT_PHASE_NONE, CLI_NO_INPUT, ""},
    {FRT_NOT_FOUND, FRT_PHASE_PARSE, CLI_NO_INPUT, ""},
    {FRT_NOT_FOUND, FRT_PHASE_CHECKPOINT, CLI_NO_INPUT, ""},
    {FRT_UNAVAILABLE, FRT_PHASE_RUN, CLI_UNAVAILABLE, ""},
    {FRT_UNAVAILABLE, FRT_PHASE_PLAN, CLI_UNAVAILABLE, ""},
    {FRT_UNAVAILABLE, ANY, CLI_NO_INPUT, ""},
    {FRT_UNIMPLEMENTED, FRT_PHASE_PLAN, CLI_DATA,
        "`fluidrt explain` tells which place can run what"},
    {ANY, ANY, CLI_DATA, ""},
};

static size_t row_of(const frt_error_t *err) {
  for (size_t i = 0;; ++i)
    if ((TABLE[i].status == ANY || TABLE[i].status == (int)err->status) &&
        (TABLE[i].phase == ANY || TABLE[i].phase == (int)err->phase))
      return i;
}

int frti_cli_status(const frt_error_t *err) {
  return TABLE[row_of(err)].code;
}

/* Newlines would make two errors of one. */
static void put(const char *text) {
  for (; *text; ++text) fputc(*text == '\n' ? ' ' : *text, stderr);
}

static void print_error(
    const frti_cli_t *cli, const char *what, const frt_error_t *err, const char *advice) {
  fprintf(stderr, "fluidrt %s: ", cli->verb);
  if (what && !strstr(err->message, what)) fprintf(stderr, "%s: ", what);
  if (err->op >= 0 && err->op_type[0] && !strstr(err->message, err->op_type))
    fprintf(
        stderr, "op %d of block %d (%s): ", (int)err->op, (int)err->block, err->op_type);
  put(err->message[0] ? err->message : frt_status_text((frt_status_t)err->status));
  if (err->name[0] && !strstr(err->message, err->name))
    fprintf(stderr, " ('%s')", err->name);
  if (err->native > 0 && err->status == FRT_UNAVAILABLE &&
      err->phase != FRT_PHASE_PROVIDER && !strstr(err->message, strerror(err->native)))
    fprintf(stderr, ": %s", strerror(err->native));
  if (advice[0]) fprintf(stderr, "; %s", advice);
  fputc('\n', stderr);
}

int frti_cli_error(const frti_cli_t *cli, const char *what, const frt_error_t *err) {
  const size_t row = row_of(err);
  print_error(cli, what, err, TABLE[row].advice);
  return TABLE[row].code;
}

int frti_cli_write_error(
    const frti_cli_t *cli, const char *what, const frt_error_t *err) {
  if (err->status != FRT_UNAVAILABLE && err->status != FRT_NOT_FOUND)
    return frti_cli_error(cli, what, err);
  print_error(cli, what, err, "");
  switch (err->native) {
    case ENOSPC:
    case EIO:
    case EDQUOT:
    case EFBIG:
      return CLI_CANNOT_WRITE;
    default:
      return CLI_CANNOT_CREATE;
  }
}

int frti_cli_fail(const frti_cli_t *cli, int code, const char *fmt, ...) {
  va_list ap;
  fprintf(stderr, "fluidrt %s: ", cli->verb);
  va_start(ap, fmt);
  vfprintf(stderr, fmt, ap);
  va_end(ap);
  fputc('\n', stderr);
  return code;
}

void frti_cli_note(const frti_cli_t *cli, const char *fmt, ...) {
  va_list ap;
  if (cli->quiet) return;
  fprintf(stderr, "fluidrt %s: ", cli->verb);
  va_start(ap, fmt);
  vfprintf(stderr, fmt, ap);
  va_end(ap);
  fputc('\n', stderr);
}
