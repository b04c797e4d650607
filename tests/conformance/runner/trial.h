/* A case on the provider under test: its probe with values, the answer of op_query, and
 * what the first plain run computed, which every other way of running it is held to. */
#ifndef FRTI_CONFORM_TRIAL_H
#define FRTI_CONFORM_TRIAL_H

#include "runner/exec.h"

typedef struct frti_trial {
  const frti_bench_t *b;
  frti_probe_t p;
  frt_api_support_t support;
  frti_outcome_t base;
  double *worst;
  char *why;
  size_t cap;
} frti_trial_t;

/* Builds the probe, makes its values, asks the oracle and the provider. */
int frti_trial_open(frti_trial_t *t, const frti_bench_t *b, const frt_case_t *c,
                    const int64_t *row, uint32_t dtype, char *why, size_t cap);
void frti_trial_close(frti_trial_t *t);
/* The first plain run: fills `base`. */
int frti_trial_run(frti_trial_t *t);
/* Opens a trial, runs it once, then does `then` with it: PASS only if all three do. */
int frti_trial(const frti_bench_t *b, const frt_case_t *c, const int64_t *row, uint32_t dtype,
               char *why, size_t cap, int (*then)(frti_trial_t *t));
/* The verdict FAIL, in words: `how` says which way of running it failed. */
int frti_trial_failed(frti_trial_t *t, const char *how, frt_status_t status,
                      const frt_error_t *err);
int frti_trial_fault(frti_trial_t *t, const char *how, const char *fault);
/* Not a bit may differ from `base` where DETERMINISTIC is claimed or the op draws random
 * numbers; elsewhere the bounds hold here too. */
int frti_trial_same(frti_trial_t *t, const frti_outcome_t *o, const char *how);
/* Runs it in another way and compares. */
int frti_trial_repeat(frti_trial_t *t, const frti_target_t *target, frti_variant_t v,
                      const char *how);
/* Output k of an outcome against the oracle. */
int frti_trial_judge(frti_trial_t *t, const frti_outcome_t *o, uint32_t k);

/* What follows runs on one case of each op. */
/* steady.c: eight times over, elsewhere in memory: the same bits, and nothing piles up. */
int frti_run_steady(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                    uint32_t dtype, char *why, size_t cap);
/* parallel.c: one prepared kernel on four queues from four threads, questions meanwhile. */
int frti_run_parallel(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                      uint32_t dtype, char *why, size_t cap);
/* order.c: on ASYNC devices, a consumer on another queue behind an event. */
int frti_run_order(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                   uint32_t dtype, char *why, size_t cap);
/* shortage.c: every request for memory refused in turn. */
int frti_run_shortage(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                      uint32_t dtype, char *why, size_t cap);
/* drift.c: optimizers over many steps. */
int frti_run_drift(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                   uint32_t dtype, char *why, size_t cap);

#endif
