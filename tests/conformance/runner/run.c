/* One case on the provider: the answer of query, the values, and that neither what
 * lay in the outputs before, nor alignment, nor sharing memory, nor the number of
 * threads changes a bit. */
#include <stdlib.h>

#include "runner/trial.h"

static int host_memory(const frti_target_t *t) {
  return (t->info.flags & FRT_DEVICE_HOST_MEMORY) != 0;
}

static int can_share(const frti_trial_t *t) {
  return (t->support.flags & FRT_SUPPORT_INPLACE) && t->p.n_in && t->p.n_out &&
         t->p.out[0].alias < 0 && t->p.in[0].d &&
         t->p.in[0].api.bytes == t->p.out[0].api.bytes;
}

/* Every run on a device takes queues and copies: there, two ways are tried as one. */
static int repeat(frti_trial_t *t) {
  static const char *const threads[] = {"", "2 threads", "3 threads", "7 threads"};
  enum { HOST = 1, DEVICE = 2 };
  static const struct { frti_variant_t v; int where; const char *how; } ways[] = {
      {{0x41, FRTI_ALIGNED, 0}, HOST, "outputs and workspace filled otherwise"},
      {{0x41, FRTI_MISALIGNED, 0}, HOST, "buffers misaligned"},
      {{0x41, FRTI_MISALIGNED, 0}, DEVICE, "filled otherwise, buffers misaligned"},
      {{0xFF, FRTI_ENDS_AT_PAGE, 0}, HOST, "buffers end at a protected page"},
      {{0xFF, FRTI_BEGINS_AT_PAGE, 0}, HOST, "buffers begin at a protected page"},
      {{0xFF, FRTI_ALIGNED, 1}, HOST | DEVICE, "in place"}};
  const frti_target_t *one = &t->b->target[0];
  const frti_variant_t plain = {0xFF, FRTI_ALIGNED, 0};
  int v = FRTI_PASS;
  for (size_t i = 0; i < sizeof ways / sizeof ways[0] && v == FRTI_PASS; ++i) {
    if (!(ways[i].where & (host_memory(one) ? HOST : DEVICE))) continue;
    if (ways[i].v.inplace && !can_share(t)) continue;
    v = frti_trial_repeat(t, one, ways[i].v, ways[i].how);
  }
  /* What a device computes by itself leaves the host's threads alone: one try. */
  for (int k = host_memory(one) ? 1 : FRTI_N_THREADS - 1; k < FRTI_N_THREADS && v == FRTI_PASS;
       ++k)
    v = frti_trial_repeat(t, &t->b->target[k], plain, threads[k]);
  return v;
}

/* Random ops: the bits of the reference provider. */
static int judge_random(frti_trial_t *t) {
  const frti_variant_t plain = {0xFF, FRTI_ALIGNED, 0};
  frti_outcome_t mine = t->base;
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status = frti_exec(&t->b->reference, &t->p, plain, &t->base, &err);
  int v;
  if (status != FRT_OK) v = frti_trial_failed(t, "the reference provider", status, &err);
  else v = frti_trial_repeat(t, &t->b->target[0], plain, "the reference provider's bits");
  frti_outcome_release(&t->base);
  t->base = mine;
  return v;
}

/* The n-th entry of a slot is for its n-th tensor; a lone one is for all of them. */
static int is_for(const frti_trial_t *t, const frt_case_want_t *w, uint32_t k) {
  const frt_case_want_t *all = t->p.c->want;
  int before = 0, entries = 0;
  uint32_t place = 0;
  for (int i = 0; i < FRT_CASE_OUTS && all[i].slot; ++i) {
    if (strcmp(all[i].slot, w->slot)) continue;
    before += &all[i] < w;
    ++entries;
  }
  for (uint32_t i = 0; i < k; ++i) place += t->p.out[i].def == t->p.out[k].def;
  return entries == 1 || (uint32_t)before == place;
}

/* Values that the case knows: the provider's and the oracle's are held to them. */
static int judge_wanted(frti_trial_t *t, uint32_t k) {
  const frti_value_t *out = &t->p.out[k];
  const frti_bounds_t bounds = frti_bounds_of_case(&t->p, k);
  double *want = malloc((size_t)(out->api.numel + 1) * sizeof *want);
  frti_judged_t judged;
  int v = FRTI_PASS;
  if (!want) return FRTI_FAIL;
  for (int i = 0; i < FRT_CASE_OUTS && t->p.c->want[i].slot; ++i) {
    const frt_case_want_t *w = &t->p.c->want[i];
    if (strcmp(w->slot, out->def->name) || !is_for(t, w, k)) continue;
    for (int64_t e = 0; e < out->api.numel; ++e) want[e] = w->data.v[(size_t)e % w->data.n];
    if (!frti_judge(&t->p, k, t->base.out[k], want, &bounds, &judged, t->why, t->cap))
      v = FRTI_FAIL;
    for (int64_t e = 0; e < out->api.numel && v == FRTI_PASS && out->d; ++e) {
      const double ref = out->d[e], off = fabs(ref - want[e]);
      if (ref == want[e] || (isnan(ref) && isnan(want[e])) ||
          off <= 1e-12 * fmax(fabs(want[e]), out->mag[e]) ||
          frti_drawn(t->p.schema))
        continue;
      snprintf(t->why, t->cap, "%s[%lld]: the oracle says %.17g, wanted %.17g",
               out->def->name, (long long)e, ref, want[e]);
      v = FRTI_FAIL;
    }
  }
  free(want);
  return v;
}

/* The reference itself is the oracle rounded once: exact. */
static int judge_all(frti_trial_t *t) {
  int v = FRTI_PASS;
  const int random = frti_drawn(t->p.schema);
  if (random && !t->b->self) v = judge_random(t);
  for (uint32_t k = 0; k < t->p.n_out && v == FRTI_PASS; ++k) {
    if (t->p.out[k].def->flags & FRT_SLOT_SHAPE_ONLY) continue;
    if (!random) v = frti_trial_judge(t, &t->base, k);
    if (!random && !frti_magnitudes_hold(&t->p, k, t->why, t->cap)) v = FRTI_FAIL;
    if (v == FRTI_PASS) v = judge_wanted(t, k);
  }
  return v;
}

/* Ids and labels that are none: reported by the next sync, nothing beside the outputs is
 * written, and the queue works on. A device that is done at once writes nothing at all. */
static int refuse(frti_trial_t *t, uint8_t fill) {
  const frti_target_t *one = &t->b->target[0];
  const frti_variant_t v = {fill, FRTI_ALIGNED, 0};
  frti_exec_t *x = NULL;
  frti_outcome_t o = {0};
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status = frti_exec_open(one, &t->p, v, &x, &err);
  if (status != FRT_OK) return frti_trial_failed(t, "before the run", status, &err);
  status = frti_exec_launch(x, &err);
  if (status == FRT_OK) status = one->api->queue_sync(one->queue, &err);
  int verdict = FRTI_FAIL;
  if (status != FRT_OUT_OF_RANGE)
    snprintf(t->why, t->cap, "the sync behind the run says '%s', wanted '%s'",
             frt_status_text(status), frt_status_text(FRT_OUT_OF_RANGE));
  else if (!err.message[0])
    snprintf(t->why, t->cap, "the sync says '%s' without a text", frt_status_text(status));
  else if ((status = frti_exec_finish(x, &o, &err)) != FRT_OK)
    verdict = frti_trial_failed(t, "the sync after the one that failed", status, &err);
  else if (o.fault[0])
    verdict = frti_trial_fault(t, "out of range", o.fault);
  else
    verdict = FRTI_PASS;
  for (uint32_t k = 0; k < t->p.n_out && verdict == FRTI_PASS && host_memory(one); ++k)
    for (size_t i = 0; i < t->p.out[k].api.bytes && verdict == FRTI_PASS; ++i)
      if (o.out[k][i] != fill && t->p.out[k].alias < 0) {
        snprintf(t->why, t->cap, "%s: written although the run was refused",
                 t->p.out[k].def->name);
        verdict = FRTI_FAIL;
      }
  frti_outcome_release(&o);
  frti_exec_close(x);
  return verdict;
}

static int run_trial(frti_trial_t *t) {
  int v;
  if (t->p.c->flags & FRT_CASE_OUT_OF_RANGE) {
    v = refuse(t, 0x41);
    return v == FRTI_PASS ? refuse(t, 0xFF) : v;
  }
  v = frti_trial_run(t);
  if (v == FRTI_PASS) v = judge_all(t);
  return v == FRTI_PASS ? repeat(t) : v;
}

int frti_run_case(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                  uint32_t dtype, double *worst, char *why, size_t cap) {
  frti_trial_t *t = malloc(sizeof *t);
  int v;
  if (!t) return FRTI_FAIL;
  v = frti_trial_open(t, b, c, row, dtype, why, cap);
  t->worst = worst;
  if (v == FRTI_PASS) v = run_trial(t);
  frti_trial_close(t);
  free(t);
  return v;
}
