/* --trace and --profile: where the time goes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

enum { TRACKS = 16, MADE = 4096 };

/* Trace events as chrome://tracing and Perfetto read them: a list of objects; X: a span,
 * M: a name, s and f: the ends of an arrow. Times in microseconds. */
struct frti_cli_trace {
  FILE *to;
  uint64_t start_ns, arrows;
  char tracks[TRACKS][48]; /* labels of places, in order of appearance */
  int n_tracks;
  struct { int32_t block, op; int track; double end; } made[MADE]; /* by hash of the op */
};

static int track_of(frti_cli_trace_t *t, const char *place) {
  for (int i = 0; i < t->n_tracks; ++i)
    if (!strcmp(t->tracks[i], place)) return i;
  if (t->n_tracks == TRACKS) return TRACKS - 1;
  snprintf(t->tracks[t->n_tracks], sizeof t->tracks[0], "%s", place);
  fprintf(t->to,
      "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":1,\"tid\":%d,\"args\":{\"name\":\"%s\"}},\n",
      t->n_tracks, place);
  return t->n_tracks++;
}

static size_t slot(int32_t block, int32_t op) {
  return ((uint32_t)block * 2654435761u + (uint32_t)op) % MADE;
}

static void put_name(FILE *to, const char *name) {
  char *text = NULL;
  json_t *s = json_string(name);
  if (s) text = json_dumps(s, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
  fputs(text ? text : "\"?\"", to);
  free(text);
  json_decref(s);
}

/* From the op that made the value to the copy. */
static void put_arrow(frti_cli_trace_t *t, const frt_trace_span_t *s, int track, double begin) {
  const size_t at = slot(s->made_block, s->made_op);
  if (s->made_op < 0 || t->made[at].op != s->made_op || t->made[at].block != s->made_block ||
      t->made[at].end <= 0)
    return;
  ++t->arrows;
  fprintf(t->to,
      ",\n{\"ph\":\"s\",\"name\":\"copy\",\"cat\":\"copy\",\"id\":%llu,\"pid\":1,\"tid\":%d,"
      "\"ts\":%.3f},\n"
      "{\"ph\":\"f\",\"bp\":\"e\",\"name\":\"copy\",\"cat\":\"copy\",\"id\":%llu,\"pid\":1,"
      "\"tid\":%d,\"ts\":%.3f}",
      (unsigned long long)t->arrows, t->made[at].track, t->made[at].end - 0.001,
      (unsigned long long)t->arrows, track, begin + 0.001);
}

static void on_span(void *ctx, const frt_trace_span_t *s) {
  static const char *const KIND[] = {"kernel", "copy", "wait"};
  frti_cli_trace_t *t = ctx;
  const int track = track_of(t, s->place);
  if (!t->start_ns) t->start_ns = s->begin_ns;
  const double begin = (double)(s->begin_ns - t->start_ns) / 1e3;
  const double end = (double)(s->end_ns - t->start_ns) / 1e3;
  fputs("{\"ph\":\"X\",\"name\":", t->to);
  put_name(t->to, s->kind == FRT_TRACE_WAIT ? "wait" : s->name);
  fprintf(t->to,
      ",\"cat\":\"%s\",\"pid\":1,\"tid\":%d,\"ts\":%.3f,\"dur\":%.3f,\"args\":{\"run\":%llu,"
      "\"block\":%d,\"op\":%d",
      KIND[s->kind], track, begin, end - begin, (unsigned long long)s->run, (int)s->block,
      (int)s->op);
  if (s->kind == FRT_TRACE_COPY)
    fprintf(t->to, ",\"bytes\":%llu,\"from\":\"%s\",\"to\":\"%s\"", (unsigned long long)s->bytes,
        s->from, s->to);
  fputs("}}", t->to);
  if (s->kind == FRT_TRACE_COPY) put_arrow(t, s, track, begin);
  fputs(",\n", t->to);
  if (s->kind != FRT_TRACE_KERNEL) return;
  const size_t at = slot(s->block, s->op);
  t->made[at].block = s->block;
  t->made[at].op = s->op;
  t->made[at].track = track;
  t->made[at].end = end;
}

int frti_cli_trace_begin(const frti_cli_t *cli, frti_cli_session_t *s) {
  if (cli->profile) frt_executor_time_ops(s->exe, 1);
  if (cli->trace && !s->trace) {
    FILE *to = fopen(cli->trace, "w");
    if (!to)
      return frti_cli_fail(
          cli, CLI_CANNOT_CREATE, "--trace %s: %s", cli->trace, strerror(errno));
    s->trace = frti_cli_alloc(sizeof *s->trace);
    s->trace->to = to;
    fputs("[\n", to);
  }
  if (s->trace) frt_executor_trace(s->exe, on_span, s->trace);
  return CLI_OK;
}

void frti_cli_trace_end(frti_cli_session_t *s) {
  frti_cli_trace_t *t = s->trace;
  if (!t) return;
  fputs("{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":1,\"args\":{\"name\":\"fluidrt\"}}\n]\n",
      t->to);
  if (fclose(t->to)) fputs("fluidrt: --trace: the file could not be written whole\n", stderr);
  free(t);
  s->trace = NULL;
}

int frti_cli_profile(const frti_cli_t *cli, const frti_cli_session_t *s,
    const frt_program_t *p, const frt_feed_t *feeds, size_t n_feeds,
    const frt_fetch_t *fetches, size_t n_fetches, int64_t batch, bool prune) {
  const frt_run_options_t options = {.struct_size = sizeof options, .use_prune = prune};
  frt_error_t err = FRT_ERROR_INIT;
  char *text = NULL;
  int code = CLI_OK;
  if (!cli->profile) return CLI_OK;
  if (frt_executor_explain(s->exe, p, s->scope, feeds, n_feeds, fetches, n_fetches, batch,
          &options, 1, &text, &err))
    return frti_cli_error(cli, NULL, &err);
  FILE *to = fopen(cli->profile, "w");
  const bool bad = !to || fputs(text, to) < 0;
  if ((to && fclose(to)) || bad)
    code = frti_cli_fail(
        cli, CLI_CANNOT_CREATE, "--profile %s: %s", cli->profile, strerror(errno));
  frt_free(text);
  return code;
}

char *frti_cli_sibling(const char *folder, const char *stem) {
  static const char *const SUFFIX[] = {"pdmodel", "pb"};
  struct stat st;
  for (int i = 0; i < 2; ++i) {
    char *path = frti_cli_text("%s/%s.%s", folder, stem, SUFFIX[i]);
    if (!stat(path, &st)) return path;
    free(path);
  }
  return NULL;
}
