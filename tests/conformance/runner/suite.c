/* The suite itself loads no provider: children do, one per family of ops, so that a
 * crash or a hang is one failed case. Counts, report, exit status. */
#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/replay.h"

enum { EXIT_NO = 1, EXIT_NO_INPUT = 66, EXIT_UNAVAILABLE = 69, EXIT_INTERNAL = 70,
       SILENT_MS = 60000, CLAIMS = -1 };

typedef struct op_row {
  uint32_t cases, passed, failed, declined;
  int claimed, has_cases;
  double worst;      /* largest share of a bound */
  char worst_in[96]; /* the case it was in */
} op_row_t;

typedef struct suite {
  const frti_options_t *o;
  op_row_t *rows; /* one per op of the registry */
  char name[96], version[48];
  uint32_t passed, failed, declined, untested;
  uint32_t next;         /* job number to go on with */
  int open;              /* a job has begun and not ended */
  char hung[64];         /* the op that hung last: its other cases are not tried */
  char op[64], what[160];
  uint32_t error_status; /* the provider could not be opened */
  char error[400];
  int json_first;
} suite_t;

static op_row_t *row_of(suite_t *s, const char *type) {
  for (size_t i = 0; i < frt_op_count(); ++i)
    if (!strcmp(frt_op_at(i)->type, type)) return &s->rows[i];
  return NULL;
}

static void report_case(suite_t *s, char verdict, const char *why) {
  if (s->o->json) {
    printf("%s\n    {\"op\": ", s->json_first ? "" : ",");
    s->json_first = 0;
    frti_print_json(s->op);
    fputs(", \"case\": ", stdout);
    frti_print_json(s->what);
    printf(", \"verdict\": \"%s\", \"why\": ",
           verdict == FRTI_DECLINED ? "declined" : "failed");
    frti_print_json(why);
    putchar('}');
  } else if (verdict == FRTI_FAIL || s->o->verbose) {
    printf("%s %s %s: %s\n", verdict == FRTI_FAIL ? "FAIL" : "declined", s->op, s->what, why);
    fflush(stdout);
  }
}

static void verdict_in(suite_t *s, char verdict, const char *why, double worst) {
  op_row_t *row = row_of(s, s->op);
  s->open = 0;
  if (verdict == 'S') return; /* the case has nothing to do at this size */
  if (row) ++row->cases;
  if (row && worst > row->worst) {
    row->worst = worst;
    snprintf(row->worst_in, sizeof row->worst_in, "%s", s->what);
  }
  if (verdict == FRTI_PASS) {
    ++s->passed;
    if (row) ++row->passed;
    return;
  }
  if (verdict == FRTI_DECLINED) {
    ++s->declined;
    if (row) ++row->declined;
  } else {
    ++s->failed;
    if (row) ++row->failed;
  }
  report_case(s, verdict, why);
}

/* One line of a worker; 1 when it says it is done. */
static int take_line(suite_t *s, char *line) {
  char *field[4] = {line, "", "", ""};
  op_row_t *row;
  for (int i = 1; i < 4; ++i) {
    char *tab = strchr(field[i - 1], '\t');
    if (!tab) break;
    *tab = 0;
    field[i] = tab + 1;
  }
  switch (line[0]) {
    case 'Z': return 1;
    case 'B':
      s->open = 1;
      s->next = (uint32_t)strtoul(field[1], NULL, 10) + 1;
      snprintf(s->op, sizeof s->op, "%s", field[2]);
      snprintf(s->what, sizeof s->what, "%s", field[3]);
      return 0;
    case 'N':
      snprintf(s->name, sizeof s->name, "%s", field[1]);
      snprintf(s->version, sizeof s->version, "%s", field[2]);
      return 0;
    case 'K':
      if ((row = row_of(s, field[1]))) row->claimed = 1;
      return 0;
    case 'U':
      ++s->untested;
      if (s->o->verbose && !s->o->json)
        printf("untested %s: no case for claimed dtype %s\n", field[1], field[2]);
      return 0;
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
    const int ready = poll(&p, 1, SILENT_MS);
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
    s->next = UINT32_MAX;
  }
  if (hangs) snprintf(s->hung, sizeof s->hung, "%s", s->op);
  verdict_in(s, FRTI_FAIL, why, 0);
}

/* Runs one worker. 1: go on with another one at s->next; 0: the family is done;
 * -1: no worker could be made. */
static int run_child(suite_t *s, int family, uint32_t first) {
  const char *name = family == CLAIMS ? "provider" : frti_families[family].name;
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
  child_died(s, status, silent, name);
  return s->next == UINT32_MAX || family == CLAIMS ? 0 : 1;
}

static int family_matches(const suite_t *s, size_t family) {
  for (const frt_case_t *c = frti_families[family].cases; c->op; ++c)
    if (!s->o->ops || !fnmatch(s->o->ops, c->op, 0)) return 1;
  return 0;
}

static int run_families(suite_t *s) {
  for (size_t f = 0; f < frti_n_families && !s->error_status; ++f) {
    int more = 1;
    if (!family_matches(s, f)) continue;
    s->next = 0;
    s->hung[0] = 0;
    while (more > 0) more = run_child(s, (int)f, s->next);
    if (more < 0) return -1;
  }
  return 0;
}

/* ---- the report -------------------------------------------------------------- */

typedef struct totals { uint32_t claimed, wrong, declined, unclaimed, without; } totals_t;

static totals_t add_up(suite_t *s) {
  totals_t t = {0};
  for (size_t i = 0; i < frt_op_count(); ++i) {
    const frt_op_schema_t *op = frt_op_at(i);
    const op_row_t *row = &s->rows[i];
    if ((op->flags & FRT_OP_RUNTIME) || (s->o->ops && fnmatch(s->o->ops, op->type, 0)))
      continue;
    if (row->claimed) ++t.claimed; else ++t.unclaimed;
    if (row->failed) ++t.wrong; else if (row->declined) ++t.declined;
    if (!row->has_cases) {
      ++t.without;
      if (!s->o->json) printf("FAIL %s: the suite has no case for this op\n", op->type);
    }
  }
  return t;
}

static void print_table(suite_t *s) {
  printf("%-34s %7s %7s %7s %8s %7s  %s\n", "op", "cases", "passed", "failed", "declined",
         "worst", "share of its bound, in");
  for (size_t i = 0; i < frt_op_count(); ++i) {
    const op_row_t *row = &s->rows[i];
    if (!row->cases) continue;
    printf("%-34s %7u %7u %7u %8u %7.3f  %s%s\n", frt_op_at(i)->type, row->cases,
           row->passed, row->failed, row->declined, row->worst,
           row->claimed ? "" : "unclaimed ", row->worst_in);
  }
}

static void print_json_end(suite_t *s, const totals_t *t) {
  printf("\n  ],\n  \"ops\": [");
  for (size_t i = 0, n = 0; i < frt_op_count(); ++i) {
    const op_row_t *row = &s->rows[i];
    if (!row->cases) continue;
    printf("%s\n    {\"op\": \"%s\", \"claimed\": %s, \"cases\": %u, \"passed\": %u, "
           "\"failed\": %u, \"declined\": %u, \"worst\": ", n++ ? "," : "",
           frt_op_at(i)->type, row->claimed ? "true" : "false", row->cases, row->passed,
           row->failed, row->declined);
    if (isfinite(row->worst)) printf("%.6g", row->worst);
    else fputs("null", stdout);
    fputs(", \"worst_in\": ", stdout);
    frti_print_json(row->worst_in);
    putchar('}');
  }
  printf("\n  ],\n  \"claimed\": %u, \"wrong\": %u, \"declined\": %u, \"unclaimed\": %u,\n"
         "  \"ops_without_cases\": %u, \"dtypes_without_cases\": %u,\n"
         "  \"passed\": %u, \"failed\": %u\n}\n", t->claimed, t->wrong, t->declined,
         t->unclaimed, t->without, s->untested, s->passed, s->failed);
}

static int finish(suite_t *s) {
  const totals_t t = add_up(s);
  /* Declining everything is no way to pass. */
  const int nothing = !s->passed || t.declined >= t.claimed;
  if (s->o->json) {
    print_json_end(s, &t);
  } else {
    if (s->o->verbose) print_table(s);
    if (nothing) printf("FAIL: the provider runs none of these ops\n");
    printf("ops without cases: %u; claimed dtypes without cases: %u\n", t.without,
           s->untested);
    printf("conform %s: %u ops claimed, %u wrong, %u declined, %u unclaimed\n", s->name,
           t.claimed, t.wrong, t.declined, t.unclaimed);
    printf("%u passed, %u failed\n", s->passed, s->failed);
  }
  return nothing || s->failed || t.wrong || t.without ? EXIT_NO : 0;
}

static int refuse(const suite_t *s) {
  fprintf(stderr, "fluidrt conform: %s\n", s->error);
  return s->error_status == FRT_NOT_FOUND ? EXIT_NO_INPUT : EXIT_UNAVAILABLE;
}

static int run_all(suite_t *s) {
  if (run_child(s, CLAIMS, 0) < 0) return EXIT_INTERNAL;
  if (s->error_status) return refuse(s);
  if (!s->name[0]) snprintf(s->name, sizeof s->name, "%s", s->o->provider);
  if (s->o->json) {
    s->json_first = 1;
    printf("{\n  \"format\": 1, \"suite\": %d, \"level\": \"%s\", \"seed\": %llu,\n"
           "  \"provider\": ", FRT_CASE_VERSION, s->o->load ? "load" : "core",
           (unsigned long long)s->o->seed);
    frti_print_json(s->name);
    fputs(", \"version\": ", stdout);
    frti_print_json(s->version);
    fputs(",\n  \"cases\": [", stdout);
  }
  if (run_families(s)) return EXIT_INTERNAL;
  return s->error_status ? refuse(s) : finish(s);
}

int frti_suite_matches(const char *glob) {
  for (size_t i = 0; i < frt_op_count(); ++i)
    if (!fnmatch(glob, frt_op_at(i)->type, 0)) return 1;
  return 0;
}

int frti_suite_run(const frti_options_t *o) {
  suite_t *s = calloc(1, sizeof *s);
  int code = EXIT_INTERNAL;
  if (!s) return code;
  s->o = o;
  s->rows = calloc(frt_op_count() + 1, sizeof *s->rows);
  for (size_t f = 0; s->rows && f < frti_n_families; ++f)
    for (const frt_case_t *c = frti_families[f].cases; c->op; ++c) {
      op_row_t *row = row_of(s, c->op);
      if (row) row->has_cases = 1;
    }
  if (s->rows) code = run_all(s);
  free(s->rows);
  free(s);
  return code;
}
