/* One case on the provider: the answer of query, the values, and that neither what
 * lay in the outputs before, nor alignment, nor sharing memory, nor the number of
 * threads changes a bit. */
#include <stdlib.h>

#include "runner/runner.h"

typedef struct trial {
  const frti_bench_t *b;
  frti_probe_t p;
  frt_api_support_t support;
  frti_outcome_t base;
  double *worst;
  char *why;
  size_t cap;
} trial_t;

static int failed_run(trial_t *t, const char *how, frt_status_t status,
                      const frt_error_t *err) {
  snprintf(t->why, t->cap, "%s: %s: %s", how, frt_status_text(status), err->message);
  return status == FRT_UNIMPLEMENTED ? FRTI_DECLINED : FRTI_FAIL;
}

/* Another way of running the same: not a bit may differ. */
static int same_bits(trial_t *t, const frti_target_t *target, frti_variant_t v,
                     const char *how) {
  frti_outcome_t o;
  frt_error_t err = FRT_ERROR_INIT;
  const frt_status_t status = frti_exec(target, &t->p, v, &o, &err);
  int verdict = FRTI_PASS;
  if (status != FRT_OK) {
    verdict = failed_run(t, how, status, &err);
  } else if (o.fault[0]) {
    snprintf(t->why, t->cap, "%s: %s", how, o.fault);
    verdict = FRTI_FAIL;
  }
  for (uint32_t k = 0; k < t->p.n_out && verdict == FRTI_PASS; ++k) {
    const frti_value_t *out = &t->p.out[k];
    const size_t size = frt_dtype_size(out->api.dtype);
    if (out->def->flags & FRT_SLOT_SHAPE_ONLY) continue;
    for (int64_t e = 0; e < out->api.numel && verdict == FRTI_PASS; ++e) {
      if (!memcmp(o.out[k] + (size_t)e * size, t->base.out[k] + (size_t)e * size, size))
        continue;
      snprintf(t->why, t->cap, "%s[%lld]: got %.9g, wanted the same bits as before, %.9g (%s)",
               out->def->name, (long long)e, frti_load(out->api.dtype, o.out[k], e),
               frti_load(out->api.dtype, t->base.out[k], e), how);
      verdict = FRTI_FAIL;
    }
  }
  frti_outcome_release(&o);
  return verdict;
}

static int repeat(trial_t *t) {
  static const char *const threads[] = {"", "2 threads", "3 threads", "7 threads"};
  const frti_target_t *one = &t->b->target[0];
  const frti_variant_t plain = {0xFF, 0, 0}, other = {0x41, 0, 0}, off = {0x41, 1, 0},
                       inplace = {0xFF, 0, 1};
  int v = same_bits(t, one, other, "outputs and workspace filled otherwise");
  if (v == FRTI_PASS) v = same_bits(t, one, off, "buffers misaligned");
  if (v == FRTI_PASS && (t->support.flags & FRT_SUPPORT_INPLACE) && t->p.n_in &&
      t->p.n_out && t->p.out[0].alias < 0 && t->p.in[0].d &&
      t->p.in[0].api.bytes == t->p.out[0].api.bytes)
    v = same_bits(t, one, inplace, "in place");
  for (int k = 1; k < FRTI_N_THREADS && v == FRTI_PASS; ++k)
    v = same_bits(t, &t->b->target[k], plain, threads[k]);
  return v;
}

/* Random ops: the bits of the reference provider. */
static int judge_random(trial_t *t) {
  const frti_variant_t plain = {0xFF, 0, 0};
  frti_outcome_t mine = t->base;
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status = frti_exec(&t->b->reference, &t->p, plain, &t->base, &err);
  int v;
  if (status != FRT_OK) v = failed_run(t, "the reference provider", status, &err);
  else v = same_bits(t, &t->b->target[0], plain, "the reference provider's bits");
  frti_outcome_release(&t->base);
  t->base = mine;
  return v;
}

/* The n-th entry of a slot is for its n-th tensor; a lone one is for all of them. */
static int is_for(const trial_t *t, const frt_case_want_t *w, uint32_t k) {
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
static int judge_wanted(trial_t *t, uint32_t k) {
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
static int judge_oracle(trial_t *t, uint32_t k) {
  const frti_bounds_t bounds =
      t->b->self ? frti_bounds_exact(&t->p) : frti_bounds_of_case(&t->p, k);
  frti_judged_t judged;
  const int good = frti_judge(&t->p, k, t->base.out[k], t->p.out[k].d, &bounds, &judged,
                              t->why, t->cap);
  *t->worst = fmax(*t->worst, judged.worst);
  return good;
}

static int judge_all(trial_t *t) {
  int v = FRTI_PASS;
  const int random = frti_drawn(t->p.schema);
  if (random && !t->b->self) v = judge_random(t);
  for (uint32_t k = 0; k < t->p.n_out && v == FRTI_PASS; ++k) {
    if (t->p.out[k].def->flags & FRT_SLOT_SHAPE_ONLY) continue;
    if (!random && !judge_oracle(t, k)) v = FRTI_FAIL;
    if (!random && !frti_magnitudes_hold(&t->p, k, t->why, t->cap)) v = FRTI_FAIL;
    if (v == FRTI_PASS) v = judge_wanted(t, k);
  }
  return v;
}

static int run_trial(trial_t *t) {
  const frti_variant_t plain = {0xFF, 0, 0};
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status = frti_probe_fill(&t->p, t->b, &err);
  int v;
  if (status == FRT_OK && !frti_drawn(t->p.schema))
    status = frti_probe_oracle(&t->p, t->b, &err);
  if (status != FRT_OK) {
    snprintf(t->why, t->cap, "the oracle: %s", err.message);
    return FRTI_FAIL;
  }
  v = frti_ask(&t->b->target[0], &t->p.op, &t->support, t->why, t->cap);
  if (v != FRTI_PASS) return v;
  status = frti_exec(&t->b->target[0], &t->p, plain, &t->base, &err);
  if (status != FRT_OK) return failed_run(t, "run", status, &err);
  if (t->base.fault[0]) {
    snprintf(t->why, t->cap, "%s", t->base.fault);
    return FRTI_FAIL;
  }
  v = judge_all(t);
  return v == FRTI_PASS ? repeat(t) : v;
}

int frti_run_case(const frti_bench_t *b, const frt_case_t *c, const int64_t *row,
                  uint32_t dtype, double *worst, char *why, size_t cap) {
  trial_t *t = calloc(1, sizeof *t);
  frt_error_t err = FRT_ERROR_INIT;
  int v = FRTI_FAIL;
  if (!t) return v;
  t->b = b;
  t->worst = worst;
  t->why = why;
  t->cap = cap;
  if (frti_probe_build(&t->p, c, row, dtype, b, &err) == FRT_OK)
    v = run_trial(t);
  else
    snprintf(why, cap, "the case cannot be built: %s", err.message);
  frti_outcome_release(&t->base);
  frti_probe_release(&t->p);
  free(t);
  return v;
}
