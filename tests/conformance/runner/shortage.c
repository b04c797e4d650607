/* Short of memory: every request to the host's mem_alloc is refused once, while an op is
 * prepared and run. That is RESOURCE_EXHAUSTED with a text (or goes unnoticed), nothing
 * stays behind, and the device works on. */
#include <stdatomic.h>

#include "runner/process.h"
#include "runner/trial.h"

enum { MOST = 40, AGAIN = 4 };

/* With the k-th request refused. *reached: there was such a request. */
static int refuse(frti_trial_t *t, int64_t k, int *reached) {
  frti_supply_t *supply = t->b->supply;
  const frti_variant_t plain = {0xFF, FRTI_ALIGNED, 0};
  char how[64];
  frti_outcome_t o = {0};
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status;
  int v = FRTI_PASS;
  snprintf(how, sizeof how, "request %lld to mem_alloc refused", (long long)k);
  atomic_store(&supply->left, k);
  status = frti_exec(&t->b->target[0], &t->p, plain, &o, &err);
  *reached = atomic_exchange(&supply->left, 0) == 0;
  if (status == FRT_OK) {
    v = frti_trial_same(t, &o, how);
  } else if (status != FRT_RESOURCE_EXHAUSTED || !err.message[0]) {
    snprintf(t->why, t->cap, "%s: the status is '%s', wanted '%s' and a text", how,
             frt_status_text(status), frt_status_text(FRT_RESOURCE_EXHAUSTED));
    v = FRTI_FAIL;
  }
  frti_outcome_release(&o);
  t->b->target[0].api->queue_sync(t->b->target[0].queue, NULL);
  if (v == FRTI_PASS) v = frti_trial_repeat(t, &t->b->target[0], plain, "after a shortage");
  return v;
}

static int all_requests(frti_trial_t *t) {
  int v = FRTI_PASS, reached = 1;
  for (int64_t k = 1; k <= MOST && v == FRTI_PASS && reached; ++k) {
    frti_things_t counts[AGAIN] = {{{0}}};
    for (int i = 0; i < AGAIN && v == FRTI_PASS && reached; ++i) {
      v = refuse(t, k, &reached);
      counts[i].n[FRTI_BLOCKS] = atomic_load(&t->b->supply->held);
    }
    if (v != FRTI_PASS || !reached || !frti_things_grow(counts, AGAIN, t->why, t->cap))
      continue;
    snprintf(t->why, t->cap, "request %lld to mem_alloc refused: blocks taken before it "
             "stay behind", (long long)k);
    v = FRTI_FAIL;
  }
  return v;
}

int frti_run_shortage(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                      uint32_t dtype, char *why, size_t cap) {
  return frti_trial(b, c, row, dtype, why, cap, all_requests);
}
