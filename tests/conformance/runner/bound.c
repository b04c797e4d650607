/* Is an output within its bound? Per element, never on the average. */
#include <stdlib.h>

#include "runner/runner.h"

static const frt_case_bound_t *bound_of(const frti_probe_t *p, uint32_t k) {
  static const frt_case_bound_t exact = EXACT(NULL);
  const frti_value_t *v = &p->out[k];
  if (v->api.dtype != FRT_F32 && v->api.dtype != FRT_F64) return &exact;
  for (int i = 0; i < FRT_CASE_OUTS; ++i) {
    const frt_case_bound_t *b = &p->c->bound[i];
    const int given = b->kind != FRT_BOUND_EXACT || b->slot;
    if (given && (!b->slot || !strcmp(b->slot, v->def->name))) return b;
  }
  return &exact;
}

/* Position among the representable numbers, -0 and +0 both 0. */
static double position(uint32_t dtype, double v) {
  if (dtype == FRT_F32) {
    const float f = (float)v;
    int32_t bits;
    memcpy(&bits, &f, 4);
    return bits < 0 ? -(double)(bits & INT32_MAX) : (double)bits;
  } else {
    int64_t bits;
    memcpy(&bits, &v, 8);
    return bits < 0 ? -(double)(bits & INT64_MAX) : (double)bits;
  }
}

/* How many times its bound an element is off; <= 1 passes. */
static double ratio_of(const frti_probe_t *p, uint32_t k, const frt_case_bound_t *b,
                       double got, double ref, double allowed) {
  const uint32_t dtype = p->out[k].api.dtype;
  const int is_float = dtype == FRT_F32 || dtype == FRT_F64;
  const double rounded = is_float ? frti_round_to(dtype, ref) : ref;
  const double top = dtype == FRT_F64 ? DBL_MAX : (double)FLT_MAX;
  if (isnan(got) || isnan(rounded)) return isnan(got) && isnan(rounded) ? 0 : INFINITY;
  if ((p->c->flags & FRT_CASE_SIGNED_ZERO) && got == 0 && rounded == 0)
    return signbit(got) == signbit(rounded) ? 0 : INFINITY;
  if (got == rounded) return 0;
  if (b->kind == FRT_BOUND_EXACT) return INFINITY;
  if (b->kind == FRT_BOUND_ULP) {
    const double off = dtype == FRT_F64 && is_float
        ? fabs(got - rounded) / (nextafter(fabs(rounded), INFINITY) - fabs(rounded))
        : fabs(position(dtype, got) - position(dtype, rounded));
    return b->k > 0 ? off / b->k : INFINITY;
  }
  if (isinf(rounded)) return isinf(ref) || isinf(got) || fabs(ref) - allowed > top
                             ? INFINITY : 0;
  if (isinf(got)) return fabs(ref) + allowed >= top && (got > 0) == (ref > 0) ? 0 : INFINITY;
  return allowed > 0 ? fabs(got - ref) / allowed : INFINITY;
}

/* Absolute errors allowed for SUM and FORMULA. eta: each product may underflow. */
static void allowances(const frti_probe_t *p, uint32_t k, const frt_case_bound_t *b,
                       double *allowed) {
  const frti_value_t *v = &p->out[k];
  const frt_case_array_t out = {v->api.rank, v->dims, v->api.numel, v->d};
  const int wide = v->api.dtype == FRT_F64;
  const double u = wide ? 0x1p-53 : 0x1p-24, tiny = wide ? 0x1p-1074 : 0x1p-149;
  /* The oracle itself computes in double: its own rounding counts once more. */
  const double twice = wide ? 2 : 1;
  double n = 1;
  if (b->kind == FRT_BOUND_FORMULA) {
    b->formula(p, &out, allowed);
  } else {
    double c;
    if (b->terms) n = b->terms(p, &out);
    if (n < 0) n = 0;
    c = b->k * n * u / (1 - n * u);
    for (int64_t e = 0; e < v->api.numel; ++e) allowed[e] = c * v->mag[e];
  }
  for (int64_t e = 0; e < v->api.numel; ++e)
    allowed[e] = twice * allowed[e] + (n + 1) * tiny;
}

int frti_magnitudes_hold(const frti_probe_t *p, uint32_t k, char *why, size_t cap) {
  const frti_value_t *v = &p->out[k];
  if (bound_of(p, k)->kind != FRT_BOUND_SUM) return 1;
  for (int64_t e = 0; e < v->api.numel; ++e) {
    if (!isfinite(v->d[e]) || v->mag[e] >= fabs(v->d[e]) * (1 - 1e-12)) continue;
    snprintf(why, cap, "%s[%lld]: the oracle's magnitude %.9g is below its value %.9g",
             v->def->name, (long long)e, v->mag[e], v->d[e]);
    return 0;
  }
  return 1;
}

int frti_judge(const frti_probe_t *p, uint32_t k, const void *got, const double *ref,
               int exact, char *why, size_t cap) {
  static const frt_case_bound_t bits = EXACT(NULL);
  const frti_value_t *v = &p->out[k];
  const frt_case_bound_t *b = exact ? &bits : bound_of(p, k);
  double *allowed = calloc((size_t)v->api.numel + 1, sizeof(double)), worst = 1;
  int64_t at = -1, bad = 0;
  if (!allowed) {
    snprintf(why, cap, "out of memory");
    return 0;
  }
  if (b->kind >= FRT_BOUND_SUM) allowances(p, k, b, allowed);
  for (int64_t e = 0; e < v->api.numel; ++e) {
    const double ratio =
        ratio_of(p, k, b, frti_load(v->api.dtype, got, e), ref[e], allowed[e]);
    if (ratio <= 1) continue;
    ++bad;
    if (at < 0 || ratio > worst) {
      worst = ratio;
      at = e;
    }
  }
  free(allowed);
  if (at < 0) return 1;
  snprintf(why, cap, "%s[%lld]: got %.9g, wanted %.9g, %.3g times the bound; %lld of %lld"
           " elements are off", v->def->name, (long long)at,
           frti_load(v->api.dtype, got, at), ref[at], worst, (long long)bad,
           (long long)v->api.numel);
  return 0;
}
