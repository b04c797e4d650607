/* What a library that is called may not leave changed: noted, compared, put back. */
#define _GNU_SOURCE
#include <fenv.h>
#include <float.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

struct frti_process_state {
  fenv_t fenv;
  int rounding;
  bool subnormals;
  locale_t thread_locale;
  char locale[512];
  char folder[PATH_MAX];
  sigset_t mask;
  struct sigaction actions[65];
};

/* Flush-to-zero has no portable name, but an effect. */
static bool keeps_subnormals(void) {
  volatile float smallest = FLT_MIN, half = 0.5f;
  volatile float result = smallest * half;
  return result != 0.0f;
}

static void note_actions(struct sigaction *actions) {
  for (int i = 1; i < 65; ++i) sigaction(i, NULL, &actions[i]);
}

static void note(frti_process_state_t *s) {
  const char *locale = setlocale(LC_ALL, NULL);
  fegetenv(&s->fenv);
  s->rounding = fegetround();
  s->subnormals = keeps_subnormals();
  s->thread_locale = uselocale((locale_t)0);
  snprintf(s->locale, sizeof s->locale, "%s", locale ? locale : "C");
  if (!getcwd(s->folder, sizeof s->folder)) s->folder[0] = 0;
  pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
  note_actions(s->actions);
}

frti_process_state_t *frti_process_state_note(void) {
  frti_process_state_t *s = frti_calloc(1, sizeof *s);
  if (s) note(s);
  return s;
}

static void add(char *changed, size_t cap, const char *what) {
  const size_t at = strlen(changed);
  snprintf(changed + at, cap - at, "%s%s", at ? ", " : "", what);
}

static bool same_mask(const sigset_t *a, const sigset_t *b) {
  for (int i = 1; i < 65; ++i)
    if (sigismember(a, i) != sigismember(b, i)) return false;
  return true;
}

static bool restore_actions(const struct sigaction *old, const struct sigaction *now) {
  bool same = true;
  for (int i = 1; i < 65; ++i) {
    if (old[i].sa_handler == now[i].sa_handler && old[i].sa_flags == now[i].sa_flags) continue;
    sigaction(i, &old[i], NULL);
    same = false;
  }
  return same;
}

void frti_process_state_restore(frti_process_state_t *s, char *changed, size_t cap) {
  frti_process_state_t *now = frti_process_state_note();
  changed[0] = 0;
  if (now) {
    if (now->rounding != s->rounding) add(changed, cap, "rounding mode");
    if (now->subnormals != s->subnormals) add(changed, cap, "handling of subnormals");
    if (changed[0]) fesetenv(&s->fenv);
    if (now->thread_locale != s->thread_locale || strcmp(now->locale, s->locale)) {
      add(changed, cap, "locale");
      uselocale(s->thread_locale);
      setlocale(LC_ALL, s->locale);
    }
    if (strcmp(now->folder, s->folder)) {
      add(changed, cap, "working folder");
      if (s->folder[0] && chdir(s->folder)) add(changed, cap, "which is gone");
    }
    if (!same_mask(&s->mask, &now->mask)) {
      add(changed, cap, "signal mask");
      pthread_sigmask(SIG_SETMASK, &s->mask, NULL);
    }
    if (!restore_actions(s->actions, now->actions)) add(changed, cap, "signal handlers");
  }
  frti_free(now);
  frti_free(s);
}
