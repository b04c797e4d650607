/* The same op over and over: prepared, run and released eight times, each time elsewhere
 * in memory. Not a bit differs and nothing piles up. */

#include "runner/process.h"
#include "runner/trial.h"

enum { TIMES = 8, WARM = 2, ROUNDS = 4 };

static int once(frti_trial_t *t, frti_exec_t **last) {
  const frti_variant_t plain = {0xFF, FRTI_ALIGNED, 0};
  frti_exec_t *x = NULL;
  frti_outcome_t o = {0};
  frt_error_t err = FRT_ERROR_INIT;
  int v;
  frt_status_t status = frti_exec_open(&t->b->target[0], &t->p, plain, &x, &err);
  if (status == FRT_OK) status = frti_exec_launch(x, &err);
  if (status == FRT_OK) status = frti_exec_finish(x, &o, &err);
  v = status == FRT_OK ? frti_trial_same(t, &o, "once more, at other addresses")
                       : frti_trial_failed(t, "once more", status, &err);
  frti_outcome_release(&o);
  frti_exec_close(*last); /* it lived until now: this one lies elsewhere */
  *last = x;
  return v;
}

/* Eight times; 1 in *grows if something rose from each of the last ones to the next. */
static int eight_times(frti_trial_t *t, frti_exec_t **last, int *grows) {
  frti_things_t counts[TIMES];
  int v = FRTI_PASS;
  for (int i = 0; i < TIMES && v == FRTI_PASS; ++i) {
    v = once(t, last);
    frti_things_count(&counts[i], t->b);
  }
  *grows = v == FRTI_PASS &&
           frti_things_grow(counts + WARM, TIMES - WARM, t->why, t->cap);
  return v;
}

/* A count that rises and goes on rising: malloc keeps some freed blocks of each size, and
 * rises at first too. */
static int repeat(frti_trial_t *t) {
  frti_exec_t *last = NULL;
  int grows = 1, v = FRTI_PASS;
  for (int round = 0; round < ROUNDS && v == FRTI_PASS && grows; ++round)
    v = eight_times(t, &last, &grows);
  frti_exec_close(last);
  return v == FRTI_PASS && grows ? FRTI_FAIL : v;
}

int frti_run_steady(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                    uint32_t dtype, char *why, size_t cap) {
  return frti_trial(b, c, row, dtype, why, cap, repeat);
}
