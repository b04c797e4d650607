/* Defects that act before the base runs. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "distort.h"
#include "number.h"

#define BEFORE(name) frt_status_t frt_mutant_##name(call_t *c, frt_error_t *err)
#define QUIET (void)c, (void)err

BEFORE(save) {
  const frt_api_tensor_t *t = target(c);
  QUIET;
  if (!t || !t->data) return FRT_OK;
  c->saved = malloc(t->bytes + 1);
  if (c->saved) memcpy(c->saved, t->data, t->bytes);
  return FRT_OK;
}

/* Gives input slot `where` memory of its own; its bytes are copied. NULL if absent. */
static const frt_api_tensor_t *exchange(call_t *c, const char *where) {
  for (uint32_t s = 0; s < c->run.n_in; ++s) {
    frt_api_slot_t *slot = &c->in[s];
    if (strcmp(slot->name, where) || !slot->count || slot->count > MUTANT_MAX_LIST ||
        !slot->t[0]->data)
      continue;
    c->fresh = *slot->t[0];
    c->fresh.data = malloc(c->fresh.bytes + 64);
    if (!c->fresh.data) return NULL;
    memcpy(c->fresh.data, slot->t[0]->data, c->fresh.bytes);
    memcpy(c->list, slot->t, slot->count * sizeof *slot->t);
    c->list[0] = &c->fresh;
    slot->t = c->list;
    return &c->fresh;
  }
  return NULL;
}

BEFORE(fill_input) {
  const frt_api_tensor_t *t = exchange(c, c->d->where);
  QUIET;
  for (int64_t i = 0; t && i < t->numel; ++i) number_set(t, i, c->d->value);
  return FRT_OK;
}

BEFORE(clamp_labels) {
  const frt_api_tensor_t *x = c->run.n_in && c->in[0].count ? c->in[0].t[0] : NULL;
  QUIET;
  if (!x || !x->rank) return FRT_OK;
  const int64_t classes = x->dims[c->d->value < 0 ? x->rank - 1 : 0];
  const frt_api_tensor_t *t = exchange(c, c->d->where);
  if (!t || t->dtype != FRT_I64) return FRT_OK;
  for (int64_t i = 0; i < t->numel; ++i) {
    const int64_t label = ((int64_t *)t->data)[i];
    if (label != -100 && (label < 0 || label >= classes)) ((int64_t *)t->data)[i] = 0;
  }
  return FRT_OK;
}

static double norm_of(const frt_api_tensor_t *t, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += number_get(t, i) * number_get(t, i);
  return sqrt(sum);
}

/* The rate is proportional to ||Param|| / (||Grad|| + decay ||Param||). */
BEFORE(short_norm) {
  const frt_api_tensor_t *p = input_of(c, "Param"), *g = input_of(c, "Grad");
  QUIET;
  if (!p || !g || p->numel < 9) return FRT_OK;
  const double whole = norm_of(p, p->numel), part = norm_of(p, p->numel - 8);
  const double grad = norm_of(g, g->numel);
  if (whole <= 0 || part <= 0 || grad <= 0) return FRT_OK;
  const frt_api_tensor_t *rate = exchange(c, "LearningRate");
  if (rate)
    number_set(rate, 0, number_get(rate, 0) * (part / (grad + c->k->decay * part)) /
                            (whole / (grad + c->k->decay * whole)));
  return FRT_OK;
}

BEFORE(next_draw) {
  QUIET;
  c->run.rng_state = c->run.rng_state * 16807 % 2147483647;
  return FRT_OK;
}

BEFORE(unimplemented) { QUIET; return frt_fail(err, FRT_UNIMPLEMENTED, "not after all"); }
BEFORE(fails_silently) { QUIET; return FRT_INTERNAL; }
BEFORE(crashes) { QUIET; raise(SIGSEGV); return FRT_OK; }
BEFORE(aborts) { QUIET; abort(); }
BEFORE(exits) { QUIET; exit(0); }
BEFORE(hangs) {
  static volatile int go = 1;
  QUIET;
  while (go) continue;
  return FRT_OK;
}
BEFORE(leaks) {
  QUIET;
  c->k->m->host->mem_alloc(c->k->m->host->ctx, 100, 16);
  return FRT_OK;
}
BEFORE(leaks_file) { QUIET; return open("/dev/null", O_RDONLY) < 0 ? FRT_INTERNAL : FRT_OK; }
static void *sleeper(void *unused) {
  for (;;) pause();
  return unused;
}
BEFORE(leaks_thread) {
  pthread_t t;
  QUIET;
  if (!pthread_create(&t, NULL, sleeper, NULL)) pthread_detach(t);
  return FRT_OK;
}
BEFORE(prints) { QUIET; puts("a kernel was here"); return FRT_OK; }
BEFORE(prints_error) { QUIET; fputs("a kernel was here\n", stderr); return FRT_OK; }
BEFORE(rounds_up) { QUIET; fesetround(FE_UPWARD); return FRT_OK; }
BEFORE(flushes) {
  QUIET;
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#else
  unsigned long fpcr;
  __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
  __asm__ volatile("msr fpcr, %0" : : "r"(fpcr | 1ul << 24));
#endif
  return FRT_OK;
}
BEFORE(changes_locale) { QUIET; setlocale(LC_ALL, "C.UTF-8"); return FRT_OK; }
BEFORE(changes_environment) { QUIET; setenv("A_KERNEL", "was here", 1); return FRT_OK; }
BEFORE(changes_signal) { QUIET; signal(SIGUSR1, SIG_IGN); return FRT_OK; }
BEFORE(changes_folder) { QUIET; return chdir("/") ? FRT_INTERNAL : FRT_OK; }
BEFORE(forgets_later) {
  if (atomic_load(c->k->runs) != 500) return FRT_OK;
  const frt_api_tensor_t *t = exchange(c, c->d->where);
  QUIET;
  for (int64_t i = 0; t && i < t->numel; ++i) number_set(t, i, 0);
  return FRT_OK;
}
BEFORE(fill_zeros) {
  const frt_api_tensor_t *t = exchange(c, c->d->where);
  QUIET;
  for (int64_t i = 0; t && !is_float(t) && i < t->numel; ++i)
    if (number_get(t, i) == 0) number_set(t, i, 1);
  return FRT_OK;
}
BEFORE(writes_first) {
  const frt_api_tensor_t *t = target(c);
  QUIET;
  if (t && t->data) memset(t->data, 0, t->bytes);
  return FRT_OK;
}
