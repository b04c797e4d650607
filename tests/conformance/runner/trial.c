/* The first run of a case, and the comparison of all others with it. */
#include <stdlib.h>

#include "runner/trial.h"

int frti_trial_failed(frti_trial_t *t, const char *how, frt_status_t status,
                      const frt_error_t *err) {
  snprintf(t->why, t->cap, "%s: %s%s: %s", how,
           status == FRT_UNIMPLEMENTED ? "op_query says YES, then " : "",
           frt_status_text(status), err->message);
  return FRTI_FAIL;
}

int frti_trial_fault(frti_trial_t *t, const char *how, const char *fault) {
  snprintf(t->why, t->cap, "%s%s%s", how, how[0] ? ": " : "", fault);
  return FRTI_FAIL;
}

int frti_trial_open(frti_trial_t *t, const frti_bench_t *b, const frt_case_t *c,
                    const int64_t *row, uint32_t dtype, char *why, size_t cap) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_status_t status;
  memset(t, 0, sizeof *t);
  t->b = b;
  t->why = why;
  t->cap = cap;
  if (frti_probe_build(&t->p, c, row, dtype, b, &err) != FRT_OK) {
    snprintf(why, cap, "the case cannot be built: %s", err.message);
    return FRTI_FAIL;
  }
  status = frti_probe_fill(&t->p, b, &err);
  if (status == FRT_OK && !frti_drawn(t->p.schema) &&
      !(c->flags & FRT_CASE_OUT_OF_RANGE))
    status = frti_probe_oracle(&t->p, b, &err);
  if (status != FRT_OK) {
    snprintf(why, cap, "the oracle: %s", err.message);
    return FRTI_FAIL;
  }
  return frti_ask(&b->target[0], &t->p.op, &t->support, why, cap);
}

void frti_trial_close(frti_trial_t *t) {
  frti_outcome_release(&t->base);
  frti_probe_release(&t->p);
}

int frti_trial_run(frti_trial_t *t) {
  const frti_variant_t plain = {0xFF, FRTI_ALIGNED, 0};
  frt_error_t err = FRT_ERROR_INIT;
  const frt_status_t status = frti_exec(&t->b->target[0], &t->p, plain, &t->base, &err);
  if (status != FRT_OK) return frti_trial_failed(t, "run", status, &err);
  return t->base.fault[0] ? frti_trial_fault(t, "", t->base.fault) : FRTI_PASS;
}

int frti_trial(const frti_bench_t *b, const frt_case_t *c, const int64_t *row, uint32_t dtype,
               char *why, size_t cap, int (*then)(frti_trial_t *t)) {
  frti_trial_t *t = malloc(sizeof *t);
  int v;
  if (!t) return FRTI_FAIL;
  v = frti_trial_open(t, b, c, row, dtype, why, cap);
  if (v == FRTI_PASS) v = frti_trial_run(t);
  if (v == FRTI_PASS) v = then(t);
  frti_trial_close(t);
  free(t);
  return v;
}

int frti_trial_judge(frti_trial_t *t, const frti_outcome_t *o, uint32_t k) {
  const frti_bounds_t bounds =
      t->b->self ? frti_bounds_exact(&t->p) : frti_bounds_of_case(&t->p, k);
  frti_judged_t judged;
  const int good = frti_judge(&t->p, k, o->out[k], t->p.out[k].d, &bounds, &judged, t->why,
                              t->cap);
  if (t->worst) *t->worst = fmax(*t->worst, judged.worst);
  return good ? FRTI_PASS : FRTI_FAIL;
}

static int same_output(frti_trial_t *t, const frti_outcome_t *o, uint32_t k, const char *how) {
  const frti_value_t *out = &t->p.out[k];
  const size_t size = frt_dtype_size(out->api.dtype);
  const uint8_t *got = o->out[k], *base = t->base.out[k];
  if (!memcmp(got, base, (size_t)out->api.numel * size)) return FRTI_PASS;
  if (!(t->support.flags & FRT_SUPPORT_DETERMINISTIC) &&
      !frti_drawn(t->p.schema))
    return frti_trial_judge(t, o, k);
  for (int64_t e = 0; e < out->api.numel; ++e) {
    if (!memcmp(got + (size_t)e * size, base + (size_t)e * size, size)) continue;
    snprintf(t->why, t->cap, "%s[%lld]: got %.9g, wanted the same bits as before, %.9g (%s)",
             out->def->name, (long long)e, frti_load(out->api.dtype, got, e),
             frti_load(out->api.dtype, base, e), how);
    break;
  }
  return FRTI_FAIL;
}

int frti_trial_same(frti_trial_t *t, const frti_outcome_t *o, const char *how) {
  int v = FRTI_PASS;
  if (o->fault[0]) return frti_trial_fault(t, how, o->fault);
  for (uint32_t k = 0; k < t->p.n_out && v == FRTI_PASS; ++k)
    if (!(t->p.out[k].def->flags & FRT_SLOT_SHAPE_ONLY)) v = same_output(t, o, k, how);
  return v;
}

int frti_trial_repeat(frti_trial_t *t, const frti_target_t *target, frti_variant_t v,
                      const char *how) {
  frti_outcome_t o;
  frt_error_t err = FRT_ERROR_INIT;
  const frt_status_t status = frti_exec(target, &t->p, v, &o, &err);
  const int verdict = status == FRT_OK ? frti_trial_same(t, &o, how)
                                       : frti_trial_failed(t, how, status, &err);
  frti_outcome_release(&o);
  return verdict;
}
