/* What a provider must leave alone, and what must not pile up. Reading all of it takes some
 * twenty microseconds, so every case is looked at. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fenv.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "runner/exec.h"
#include "runner/process.h"

extern char **environ;

/* ---- faults ---------------------------------------------------------------------- */

static int said = -1; /* where the case's verdict goes; -1: nobody listens */

static void explain(int sig, siginfo_t *info, void *unused) {
  char where[160] = "", line[400];
  int n;
  (void)unused;
  if (info->si_code > 0) frti_exec_locate(info->si_addr, where, sizeof where);
  n = snprintf(line, sizeof line, "F\tcrashed: %s%s%s\t0\n", strsignal(sig),
               where[0] ? ": " : "", where);
  if (n > 0 && write(said, line, (size_t)n) != n) _exit(1);
  _exit(FRTI_EXPLAINED);
}

static void watch_faults(FILE *to) {
  static char stack[1 << 16]; /* a handler's own: the fault may be the stack's end */
  const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction act = {.sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND};
  act.sa_sigaction = explain;
  said = fileno(to);
  sigaltstack(&other, NULL);
  sigaction(SIGSEGV, &act, NULL);
  sigaction(SIGBUS, &act, NULL);
}

/* ---- standard output and error -------------------------------------------------------- */

static void take_away(int fd) {
  const int file = memfd_create("printed", MFD_CLOEXEC);
  if (file < 0) return;
  dup2(file, fd);
  close(file);
}

void frti_process_watch(FILE *to) {
  fflush(NULL);
  take_away(STDOUT_FILENO);
  take_away(STDERR_FILENO);
  watch_faults(to);
}

static int64_t printed(FILE *stream) {
  struct stat s;
  fflush(stream);
  return fstat(fileno(stream), &s) ? 0 : s.st_size;
}

/* The first words behind position `from`. */
static void first_words(int fd, int64_t from, char *to, size_t cap) {
  const ssize_t n = pread(fd, to, cap - 1, from);
  to[n > 0 ? n : 0] = 0;
  to[strcspn(to, "\n\t")] = 0;
}

/* ---- what is to stay ---------------------------------------------------------------- */

static uint32_t modes(void) {
#if defined(__x86_64__)
  return _mm_getcsr() & ~0x3fu; /* without the flags of what has happened */
#elif defined(__aarch64__)
  uint64_t fpcr;
  __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
  return (uint32_t)fpcr;
#else
  return 0;
#endif
}

static void set_modes(uint32_t to) {
#if defined(__x86_64__)
  _mm_setcsr(to);
#elif defined(__aarch64__)
  const uint64_t fpcr = to;
  __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
#else
  (void)to;
#endif
}

static uint64_t signals(void) {
  uint64_t h = 0;
  for (int s = 1; s < NSIG; ++s) {
    struct sigaction act;
    uintptr_t handler;
    if (sigaction(s, NULL, &act)) continue;
    memcpy(&handler, &act.sa_handler, sizeof handler);
    h = frti_mix(h ^ (uint64_t)handler ^ ((uint64_t)(unsigned)act.sa_flags << 1));
  }
  return h;
}

static uint64_t environment(void) {
  uint64_t h = 0;
  for (char **e = environ; e && *e; ++e) h = frti_mix(h ^ frti_hash_text(*e));
  return h;
}

static uint64_t folder(void) {
  struct stat s;
  return stat(".", &s) ? 0 : frti_mix((uint64_t)s.st_dev ^ frti_mix((uint64_t)s.st_ino));
}

void frti_process_look(frti_process_t *p) {
  const char *locale = setlocale(LC_ALL, NULL);
  p->rounding = fegetround();
  p->modes = modes();
  p->environment = environment();
  p->signals = signals();
  p->folder = folder();
  p->printed[0] = printed(stdout);
  p->printed[1] = printed(stderr);
  snprintf(p->locale, sizeof p->locale, "%s", locale ? locale : "");
}

int frti_process_changed(const frti_process_t *was, char *why, size_t cap) {
  frti_process_t is;
  const char *what = NULL;
  char words[80];
  frti_process_look(&is);
  if (is.printed[0] != was->printed[0] || is.printed[1] != was->printed[1]) {
    const int k = is.printed[0] == was->printed[0];
    first_words(k ? STDERR_FILENO : STDOUT_FILENO, was->printed[k], words, sizeof words);
    snprintf(why, cap, "the provider prints to standard %s: '%s'", k ? "error" : "output",
             words);
    return 1;
  }
  if (is.rounding != was->rounding) what = "rounding mode";
  else if (is.modes != was->modes) what = "floating-point modes (subnormals, exceptions)";
  else if (strcmp(is.locale, was->locale)) what = "locale";
  else if (is.environment != was->environment) what = "environment variables";
  else if (is.signals != was->signals) what = "signal handlers";
  else if (is.folder != was->folder) what = "working folder";
  if (!what) return 0;
  fesetround(was->rounding);
  set_modes(was->modes);
  snprintf(why, cap, "the provider changes the process' %s", what);
  return 1;
}

/* ---- what must not pile up -------------------------------------------------------------- */

const char *const frti_thing_names[FRTI_N_THINGS] = {
    "open files", "threads", "blocks of host memory", "bytes of malloc", "mapped pages"};

static int64_t entries(const char *path) {
  DIR *dir = opendir(path);
  int64_t n = 0;
  while (dir && readdir(dir)) ++n;
  if (dir) closedir(dir);
  return n;
}

/* A sanitizer keeps pages of its own for every thread that there ever was. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static int64_t mapped_pages(void) { return 0; }
#else
static int64_t mapped_pages(void) {
  FILE *f = fopen("/proc/self/statm", "r");
  long long n = 0;
  if (!f) return 0;
  if (fscanf(f, "%lld", &n) != 1) n = 0;
  fclose(f);
  return n;
}
#endif

void frti_things_count(frti_things_t *t, const frti_bench_t *b) {
  t->n[FRTI_FILES] = entries("/proc/self/fd");
  t->n[FRTI_THREADS] = entries("/proc/self/task");
  t->n[FRTI_PAGES] = mapped_pages();
  t->n[FRTI_BLOCKS] = atomic_load(&b->supply->held);
  t->n[FRTI_BYTES] = (int64_t)mallinfo2().uordblks;
}

int frti_things_grow(const frti_things_t *counts, int n, char *why, size_t cap) {
  for (int k = 0; k < FRTI_N_THINGS; ++k) {
    int rises = 0;
    for (int i = 1; i < n; ++i) rises += counts[i].n[k] > counts[i - 1].n[k];
    if (rises < n - 1) continue;
    snprintf(why, cap, "%s pile up: %lld, after %d more times %lld", frti_thing_names[k],
             (long long)counts[0].n[k], n - 1, (long long)counts[n - 1].n[k]);
    return 1;
  }
  return 0;
}
