/* A child runs what may crash or hang; its parent watches and says what it was at. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runner/replay.h"

enum { SILENT_SECONDS = 60, EXIT_NO = 1, EXIT_INTERNAL = 70 };

void frti_set_cpu_limit(uint32_t seconds) {
  struct rusage used;
  struct rlimit limit;
  if (getrusage(RUSAGE_SELF, &used) || getrlimit(RLIMIT_CPU, &limit)) return;
  /* Both are cut to whole seconds: two more, so that none is ended early. */
  limit.rlim_cur = (rlim_t)used.ru_utime.tv_sec + (rlim_t)used.ru_stime.tv_sec + 2 + seconds;
  setrlimit(RLIMIT_CPU, &limit);
}

/* Waits; a child whose beats stand still for too long is ended. 1: it was. */
static int watch(pid_t pid, const volatile frti_progress_t *progress, int *status) {
  const struct timespec nap = {0, 20000000};
  const time_t start = time(NULL);
  time_t last = start;
  uint64_t beats = 0;
  for (;;) {
    const pid_t done = waitpid(pid, status, WNOHANG);
    if (done == pid) return 0;
    if (done < 0 && errno != EINTR) return 1;
    if (progress->beats != beats) {
      beats = progress->beats;
      last = time(NULL);
    }
    if (time(NULL) - last > SILENT_SECONDS) {
      kill(pid, SIGKILL);
      while (waitpid(pid, status, 0) < 0 && errno == EINTR) continue;
      return 1;
    }
    nanosleep(&nap, NULL);
  }
}

int frti_guarded(int (*fn)(void *ctx, frti_progress_t *progress), void *ctx,
                 frti_progress_t *end) {
  frti_progress_t *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int status = 0, silent, code = EXIT_NO;
  pid_t pid;
  if (p == MAP_FAILED) return EXIT_INTERNAL;
  fflush(NULL);
  pid = fork();
  if (pid < 0) return EXIT_INTERNAL;
  if (!pid) exit(fn(ctx, p));
  silent = watch(pid, p, &status);
  p->now[sizeof p->now - 1] = 0;
  if (WIFEXITED(status)) {
    code = WEXITSTATUS(status);
  } else {
    const int sig = WTERMSIG(status);
    if (silent || sig == SIGXCPU) printf("FAIL %s: hangs\n", p->now);
    else printf("FAIL %s: crashed: %s\n", p->now, strsignal(sig));
    ++p->failed;
    if (!end)
      printf("%llu passed, %llu failed\n", (unsigned long long)p->passed,
             (unsigned long long)p->failed);
  }
  if (end) *end = *p;
  munmap(p, sizeof *p);
  return code;
}
