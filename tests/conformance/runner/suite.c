/* The suite itself loads no provider: children do, one per family of ops, so that a
 * crash or a hang is one failed case. Counts, report, exit status. */
#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/life.h"
#include "runner/replay.h"
#include "runner/tally.h"

enum { EXIT_NO = 1, EXIT_USAGE = 64, EXIT_DATA = 65, EXIT_NO_INPUT = 66,
       EXIT_UNAVAILABLE = 69, EXIT_INTERNAL = 70, EXIT_CANNOT_WRITE = 74, CLAIMS = -1,
       FIELDS = 8 };

typedef struct suite {
  const frti_options_t *o;
  frti_tally_t t;
  uint32_t next;         /* job number to go on with */
  int open, any;         /* a job has begun and not ended; one has begun */
  int own;               /* the provider brings ops of its own */
  char hung[64];         /* the op that hung last: its other cases are not tried */
  char op[64], what[160];
  uint32_t dtype;        /* of the open job */
  uint32_t error_status; /* the provider could not be opened */
  char error[400];
} suite_t;

static void verdict_in(suite_t *s, char verdict, const char *why, double worst) {
  s->open = 0;
  if (verdict == 'S') return; /* the case has nothing to do at this size */
  frti_tally_verdict(&s->t, s->op, s->what, s->dtype, verdict, why, worst);
}

/* "N": one fact about the provider. */
static void take_fact(frti_facts_t *f, const char *key, const char *value) {
  if (!strcmp(key, "name")) snprintf(f->name, sizeof f->name, "%s", value);
  else if (!strcmp(key, "version")) snprintf(f->version, sizeof f->version, "%s", value);
  else if (!strcmp(key, "description"))
    snprintf(f->description, sizeof f->description, "%s", value);
  else if (!strcmp(key, "path")) snprintf(f->path, sizeof f->path, "%s", value);
  else if (!strcmp(key, "device")) snprintf(f->device, sizeof f->device, "%s", value);
  else if (!strcmp(key, "abi_minor")) f->abi_minor = (uint32_t)strtoul(value, NULL, 10);
}

/* "K": an op that is claimed, or the provider's own. */
static void take_claim(suite_t *s, char *const *field) {
  frti_row_t *row = frti_tally_row(&s->t, field[1], 1);
  if (!row) return;
  if (field[3][0]) {
    row->is_op = row->own = s->own = 1;
    row->has_cases = field[3][0] == '1';
  }
  row->claimed |= (uint32_t)strtoul(field[2], NULL, 10);
}

static void take_speed(suite_t *s, char *const *field) {
  frti_speed_t v = {.seconds = strtod(field[1], NULL), .spread = strtod(field[2], NULL),
                    .flops = strtod(field[3], NULL), .bytes = strtod(field[4], NULL)};
  snprintf(v.op, sizeof v.op, "%s", s->op);
  snprintf(v.name, sizeof v.name, "%s", s->what);
  frti_tally_speed(&s->t, &v);
}

/* One line of a worker; 1 when it says it is done. */
static int take_line(suite_t *s, char *line) {
  char *field[FIELDS] = {line};
  frti_row_t *row;
  for (int i = 1; i < FIELDS; ++i) {
    char *tab = strchr(field[i - 1], '\t');
    if (tab) *tab = 0;
    field[i] = tab ? tab + 1 : field[i - 1] + strlen(field[i - 1]);
  }
  switch (line[0]) {
    case 'Z': return 1;
    case 'B':
      s->open = s->any = 1;
      s->next = (uint32_t)strtoul(field[1], NULL, 10) + 1;
      snprintf(s->op, sizeof s->op, "%s", field[2]);
      snprintf(s->what, sizeof s->what, "%s", field[3]);
      s->dtype = (uint32_t)strtoul(field[4], NULL, 10);
      return 0;
    case 'N': take_fact(&s->t.facts, field[1], field[2]); return 0;
    case 'K': take_claim(s, field); return 0;
    case 'U':
      if ((row = frti_tally_row(&s->t, field[1], 0)))
        row->untested |= (uint32_t)strtoul(field[2], NULL, 10);
      return 0;
    case 'T': take_speed(s, field); return 0;
    case 'E':
      s->error_status = (uint32_t)strtoul(field[1], NULL, 10);
      snprintf(s->error, sizeof s->error, "%s", field[2]);
      return 1;
    default: verdict_in(s, line[0], field[1], strtod(field[2], NULL)); return 0;
  }
}

/* Reads until the worker ends; 1 if it said it was done. Silence kills it. */
static int listen_to(suite_t *s, int fd, pid_t pid, int *silent) {
  char buffer[4096];
  size_t used = 0;
  int done = 0;
  for (;;) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    const int ready = poll(&p, 1, 5000 + 3000 * (int)s->o->time_limit);
    ssize_t n;
    char *start = buffer, *end;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      *silent = 1;
      kill(pid, SIGKILL);
      return done;
    }
    n = read(fd, buffer + used, sizeof buffer - 1 - used);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return done;
    used += (size_t)n;
    buffer[used] = 0;
    while ((end = strchr(start, '\n'))) {
      *end = 0;
      done |= take_line(s, start);
      start = end + 1;
    }
    used -= (size_t)(start - buffer);
    memmove(buffer, start, used);
    if (used == sizeof buffer - 1) used = 0; /* not ours: no line is that long */
  }
}

static void child_died(suite_t *s, int status, int silent, const char *family) {
  char why[160];
  const int hangs = silent || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
  if (hangs)
    snprintf(why, sizeof why, "hangs (%s); the op's later cases are left out",
             silent ? "silent" : "CPU time used up");
  else if (WIFSIGNALED(status))
    snprintf(why, sizeof why, "crashed: %s", strsignal(WTERMSIG(status)));
  else
    snprintf(why, sizeof why, "ended the process with status %d", WEXITSTATUS(status));
  if (!s->open) {
    snprintf(s->op, sizeof s->op, "%s", family);
    snprintf(s->what, sizeof s->what, "opening or closing the provider");
    s->dtype = 32;
    s->next = UINT32_MAX;
  }
  if (hangs) snprintf(s->hung, sizeof s->hung, "%s", s->op);
  verdict_in(s, FRTI_FAIL, why, 0);
}

/* Runs one worker. 1: go on with another one at s->next; 0: the family is done;
 * -1: no worker could be made. */
static int run_child(suite_t *s, int family, uint32_t first) {
  const char *name = family == CLAIMS ? "provider" : family == (int)frti_n_families
                     ? "own ops" : frti_families[family].name;
  int fd[2], status = 0, silent = 0, done;
  pid_t pid;
  fflush(NULL);
  if (pipe(fd)) return -1;
  pid = fork();
  if (pid < 0) {
    close(fd[0]);
    close(fd[1]);
    return -1;
  }
  if (!pid) {
    FILE *to = fdopen(fd[1], "w");
    int code = 1;
    close(fd[0]);
    if (to) {
      code = family == CLAIMS ? frti_worker_claims(s->o, to)
                              : frti_worker_family(s->o, (size_t)family, first, s->hung, to);
      fclose(to);
    }
    exit(code);
  }
  close(fd[1]);
  s->open = 0;
  done = listen_to(s, fd[0], pid, &silent);
  close(fd[0]);
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (done && (s->error_status || (WIFEXITED(status) && !WEXITSTATUS(status)))) return 0;
  if (!s->open && WIFEXITED(status) && WEXITSTATUS(status) == FRTI_EXPLAINED)
    return family != CLAIMS; /* it has said itself what happened */
  child_died(s, status, silent, name);
  return s->next == UINT32_MAX || family == CLAIMS ? 0 : 1;
}

static int family_matches(const suite_t *s, size_t family) {
  if (family == frti_n_families) return s->own;
  for (const frt_case_t *c = frti_families[family].cases; c->op; ++c)
    if (!s->o->ops || !fnmatch(s->o->ops, c->op, 0)) return 1;
  return 0;
}

/* The family behind the last one: the provider's own ops. */
static int run_families(suite_t *s) {
  for (size_t f = 0; f <= frti_n_families && !s->error_status; ++f) {
    int more = 1;
    if (!family_matches(s, f)) continue;
    s->next = 0;
    s->hung[0] = 0;
    while (more > 0) more = run_child(s, (int)f, s->next);
    if (more < 0) return -1;
  }
  return 0;
}

/* ---- the end --------------------------------------------------------------------- */

static int complain(int code, const char *path, const char *why) {
  fprintf(stderr, "fluidrt conform: %s%s%s\n", path, path[0] ? ": " : "", why);
  return code;
}

static int write_reports(suite_t *s, int passes) {
  const frti_options_t *o = s->o;
  json_t *root = o->report || o->json ? frti_document(&s->t, passes) : NULL;
  char *text = NULL;
  int code = 0;
  if (o->json && root) {
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
  }
  if (o->report) {
    text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    code = text ? frti_write_file(o->report, text) : ENOMEM;
    free(text);
    if (code) complain(0, o->report, strerror(code));
  }
  json_decref(root);
  if (o->junit && !code) {
    text = frti_junit(&s->t);
    code = text ? frti_write_file(o->junit, text) : ENOMEM;
    free(text);
    if (code) complain(0, o->junit, strerror(code));
  }
  return code ? EXIT_CANNOT_WRITE : 0;
}

static void print_end(suite_t *s, const frti_totals_t *sum, int nothing, FILE *to) {
  const frti_tally_t *t = &s->t;
  for (uint32_t i = 0; i < t->n_rows; ++i)
    if (frti_tally_counts(t, &t->rows[i]) && !t->rows[i].has_cases && !s->o->replay)
      fprintf(to, "FAIL %s: the suite has no case for this op\n", t->rows[i].op);
  for (uint32_t i = 0; i < t->xfail.n; ++i) {
    const frti_xfail_rule_t *r = &t->xfail.rules[i];
    if (r->expired) fprintf(to, "line %d of %s has expired: %s\n", r->line, s->o->xfail, r->reason);
    else if (!r->failed && !r->passed)
      fprintf(to, "line %d of %s met no case: %s\n", r->line, s->o->xfail, r->pattern);
  }
  if (s->o->mode == FRTI_PERF) frti_speed_end(t, to);
  if (nothing) fprintf(to, "FAIL: the provider runs none of these ops\n");
  fprintf(to, "ops without cases: %u; claimed dtypes without cases: %u\n", sum->without,
          sum->untested);
  fprintf(to, "conform %s: %u ops claimed, %u wrong, %u declined, %u unclaimed\n",
          t->facts.name, sum->claimed, sum->wrong, sum->declined, sum->unclaimed);
  if (t->expected)
    fprintf(to, "%llu failed as expected\n", (unsigned long long)t->expected);
  fprintf(to, "%llu passed, %llu failed\n", (unsigned long long)t->passed,
          (unsigned long long)t->failed);
}

static int finish(suite_t *s) {
  const frti_totals_t sum = frti_tally_totals(&s->t);
  const frti_options_t *o = s->o;
  /* Declining everything is no way to pass. */
  const int ops = !o->ops || fnmatch(o->ops, FRTI_LIFE, 0);
  const int nothing = o->replay ? 0 : !s->t.passed || (ops && sum.declined >= sum.claimed);
  int code, bad;
  if (o->replay && !s->any)
    return complain(EXIT_USAGE, "", "there is no such case");
  if (o->baseline && (code = frti_speed_compare(&s->t, o->baseline, stderr)) != 0) return code;
  bad = nothing || s->t.failed || sum.wrong || (sum.without && !o->replay);
  if (!o->json) {
    if (o->mode == FRTI_PERF) frti_speed_print(&s->t, o->format, stdout);
    else if (o->format > FRTI_PLAIN || o->verbose)
      frti_score_print(&s->t, o->format > FRTI_PLAIN ? o->format : FRTI_TABLE, stdout);
    print_end(s, &sum, nothing, o->format > FRTI_TABLE ? stderr : stdout);
  }
  code = write_reports(s, !bad);
  return code ? code : bad ? EXIT_NO : 0;
}

static int run_all(suite_t *s) {
  char why[300];
  int code;
  if (s->o->xfail && (code = frti_xfail_read(s->o->xfail, frti_today(), &s->t.xfail, why,
                                             sizeof why)))
    return complain(code < 0 ? EXIT_DATA : EXIT_NO_INPUT, "", why);
  if (run_child(s, CLAIMS, 0) < 0) return EXIT_INTERNAL;
  if (!s->error_status && !s->t.facts.name[0])
    snprintf(s->t.facts.name, sizeof s->t.facts.name, "%s", s->o->provider);
  if (!s->error_status && run_families(s)) return EXIT_INTERNAL;
  if (s->error_status)
    return complain(s->error_status == FRT_NOT_FOUND ? EXIT_NO_INPUT : EXIT_UNAVAILABLE, "",
                    s->error);
  if (s->o->programs) s->o->programs(s->o->ctx, &s->t);
  return finish(s);
}

int frti_suite_matches(const char *glob) {
  if (!fnmatch(glob, FRTI_LIFE, 0)) return 1;
  for (size_t i = 0; i < frt_op_count(); ++i)
    if (!fnmatch(glob, frt_op_at(i)->type, 0)) return 1;
  return 0;
}

int frti_suite_run(const frti_options_t *o) {
  suite_t *s = calloc(1, sizeof *s);
  int code = EXIT_INTERNAL;
  if (!s) return code;
  s->o = o;
  if (frti_tally_open(&s->t, o)) code = run_all(s);
  frti_tally_close(&s->t);
  free(s);
  return code;
}
