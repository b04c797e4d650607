/* `fluidrt conform --mode train`: whole networks. Each runs a few steps op by op, every
 * op judged by its own bound; then the whole case once per op, that op alone forced to
 * another place, judged as the recording says. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conform.h"
#include "runner/tally.h"

enum { STEPS = 3, SHOWN = 6 };

typedef struct train {
  frti_cli_conform_t a; /* what one network is judged with */
  const char *other;    /* the place that ops are forced to */
  frti_progress_t *progress;
} train_t;

/* The folder share/fluidrt/cases of the build or the installation; for free(). */
static char *bundled(void) {
  char exe[4096];
  const ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
  char *slash;
  if (n <= 0) return NULL;
  exe[n] = 0;
  slash = strrchr(exe, '/');
  if (slash) *slash = 0;
  return frti_cli_text("%s/../share/fluidrt/cases", exe);
}

static void list(const char *folder, frti_cli_list_t *to) {
  DIR *d = folder ? opendir(folder) : NULL;
  const struct dirent *e;
  while (d && (e = readdir(d)) != NULL)
    if (frti_cli_ends_with(e->d_name, ".zip")) {
      char *path = frti_cli_text("%s/%s", folder, e->d_name);
      frti_cli_list_add(to, path);
      free(path);
    }
  if (d) closedir(d);
  frti_cli_list_sort(to);
}

/* ---- every op in turn on another place ---------------------------------------------- */

static void beat(void *ctx, const char *what) {
  train_t *t = ctx;
  snprintf(t->progress->now, sizeof t->progress->now, "%.160s, %.80s on %s", t->a.recorded,
      what, t->other);
  ++t->progress->beats;
  ++t->progress->passed;
  frti_set_cpu_limit(10 * t->a.o.time_limit);
}

static int force(train_t *t, frti_cli_session_t *s, const char *places) {
  frti_cli_force_t how = {.cli = &t->a.cli, .places = places, .to = t->other,
      .beat = beat, .ctx = t};
  frti_cli_case_t c;
  frti_cli_case_result_t r = {.worst = 0};
  frt_error_t err = FRT_ERROR_INIT;
  uint64_t forced = 0, moved = 0;
  int code = frti_cli_executor(&t->a.cli, s->rt, places, NULL, &how.plain);
  if (code) return code;
  if (frti_cli_case_open(t->a.recorded, &c, &err))
    return frti_cli_error(&t->a.cli, t->a.recorded, &err);
  code = frti_cli_case_force(&how, &c, s->rt, &r, &forced, &moved);
  t->progress->passed = forced;
  t->progress->failed = r.failures.n;
  t->progress->beats = moved;
  for (size_t i = 0; i < r.failures.n && i < SHOWN; ++i)
    fprintf(t->a.o.json ? stderr : stdout, "FAIL %s: %s\n", c.name, r.failures.items[i]);
  frti_cli_case_result_release(&r);
  frti_cli_case_close(&c);
  frt_executor_release(how.plain);
  return code ? code : t->progress->failed ? CLI_NO : CLI_OK;
}

static int force_all(void *ctx, frti_progress_t *progress) {
  train_t *t = ctx;
  frti_cli_session_t s = {0};
  char *places = frti_cli_text("%s,%s", t->a.o.provider, t->other);
  int code;
  t->progress = progress;
  code = frti_cli_open_runtime(&t->a.cli, &s);
  if (!code) code = force(t, &s, places);
  frti_cli_close(&s);
  free(places);
  return code;
}

/* ---- one network -------------------------------------------------------------------- */

static void count(frti_tally_t *t, int code, const frti_progress_t *p) {
  t->passed += p->passed;
  t->failed += p->failed;
  if (code > CLI_NO && !p->failed) ++t->failed; /* CLI_NO: it runs none of these ops */
}

static void judge(train_t *t, frti_tally_t *to) {
  const char *name = strrchr(t->a.recorded, '/');
  frti_progress_t ops, whole;
  int code;
  name = name ? name + 1 : t->a.recorded;
  code = frti_guarded(frti_cli_conform_program, &t->a, &ops);
  count(to, code, &ops);
  code = frti_guarded(force_all, t, &whole);
  count(to, code, &whole);
  if (!t->a.o.json)
    printf("%s: %llu results of single ops judged, %llu wrong; each of %llu ops in turn on %s, "
           "%llu of them moved, %llu differences\n", name,
        (unsigned long long)(ops.passed + ops.failed), (unsigned long long)ops.failed,
        (unsigned long long)whole.passed, t->other, (unsigned long long)whole.beats,
        (unsigned long long)whole.failed);
  json_array_append_new(to->programs, json_pack("{s:s, s:I, s:I, s:s, s:I, s:I, s:I}",
      "program", name, "passed", (json_int_t)ops.passed, "failed", (json_int_t)ops.failed,
      "other_place", t->other, "forced", (json_int_t)whole.passed, "moved",
      (json_int_t)whole.beats, "differences", (json_int_t)whole.failed));
  fflush(stdout);
}

void frti_cli_conform_train(void *ctx, struct frti_tally *to) {
  const frti_cli_conform_t *from = ctx;
  train_t t = {.a = *from, .other = "reference"};
  frti_cli_list_t cases = {0};
  char *folder = from->recorded ? NULL : bundled();
  if (from->recorded) frti_cli_list_add(&cases, from->recorded);
  else list(folder, &cases);
  if (!strcmp(to->facts.name, "reference")) t.other = "cpu";
  if (!cases.n)
    fprintf(stderr, "fluidrt conform: no network to train: none in %s; --case names one\n",
        folder ? folder : "the installation");
  t.a.cli.no_warnings = true; /* each forced op is off the first place */
  t.a.o.report = NULL;
  if (!t.a.steps) t.a.steps = STEPS;
  to->programs = json_array();
  for (size_t i = 0; i < cases.n; ++i) {
    t.a.recorded = cases.items[i];
    judge(&t, to);
  }
  frti_cli_list_release(&cases);
  free(folder);
}
