/* The progress line, and what the process has used so far. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "train.h"

static double clock_seconds(clockid_t id) {
  struct timespec t = {0};
  clock_gettime(id, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double frti_cli_now(void) {
  return clock_seconds(CLOCK_MONOTONIC);
}

/* The kernel counts a process's start in ticks since boot: 10 ms steps. */
double frti_cli_process_seconds(void) {
  char line[1024] = "", *at;
  FILE *f = fopen("/proc/self/stat", "r");
  unsigned long long ticks = 0;
  const long hertz = sysconf(_SC_CLK_TCK);
  if (f) {
    if (!fgets(line, sizeof line, f)) line[0] = 0;
    fclose(f);
  }
  at = strrchr(line, ')'); /* the name may hold blanks; field 22 is the start */
  for (int i = 2; at && i < 22; ++i) at = strchr(at + 1, ' ');
  if (at) ticks = strtoull(at + 1, NULL, 10);
  if (!ticks || hertz <= 0) return (double)clock() / CLOCKS_PER_SEC;
  return clock_seconds(CLOCK_BOOTTIME) - (double)ticks / (double)hertz;
}

double frti_cli_peak_bytes(void) {
  struct rusage u = {0};
  getrusage(RUSAGE_SELF, &u);
  return (double)u.ru_maxrss * 1024;
}

void frti_cli_progress_begin(
    frti_cli_progress_t *p, const frti_cli_t *cli, int64_t steps, int64_t every) {
  p->quiet = cli->quiet;
  p->terminal = isatty(STDERR_FILENO) == 1;
  p->steps = steps;
  p->every = every > 0 ? every : steps > 10 ? (steps + 9) / 10 : 1;
  p->start = frti_cli_now();
  p->shown = 0;
}

void frti_cli_progress_step(
    frti_cli_progress_t *p, int64_t step, double loss, double lr) {
  const double now = frti_cli_now(), spent = now - p->start;
  const double rate = spent > 0 ? (double)step / spent : 0;
  const bool last = step == p->steps;
  if (p->quiet) return;
  if (p->terminal ? !last && now - p->shown < 0.05 : !last && step % p->every) return;
  p->shown = now;
  fprintf(stderr, "%sstep %lld/%lld  loss %.4g", p->terminal ? "\r" : "", (long long)step,
      (long long)p->steps, loss);
  if (!isnan(lr)) fprintf(stderr, "  lr %.4g", lr);
  fprintf(stderr, "  %.0f steps/s  ETA %.0f s%s%s", rate,
      rate > 0 ? (double)(p->steps - step) / rate : 0, p->terminal ? "   " : "",
      p->terminal && !last ? "" : "\n");
  fflush(stderr);
}
