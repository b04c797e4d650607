/* Is an output within its bound? Per element, never on the average. */
#include <stdlib.h>

#include "runner/runner.h"

static const frt_case_bound_t BITS = EXACT(NULL);

frti_bounds_t frti_bounds_exact(const frti_probe_t *p) {
  const frti_bounds_t exact = {{&BITS}, 1, p->c->flags & FRT_CASE_SIGNED_ZERO};
  return exact;
}

frti_bounds_t frti_bounds_of_case(const frti_probe_t *p, uint32_t k) {
  const frti_value_t *v = &p->out[k];
  frti_bounds_t found = frti_bounds_exact(p);
  if (v->api.dtype != FRT_F32 && v->api.dtype != FRT_F64) return found;
  for (int i = 0; i < FRT_CASE_OUTS; ++i) {
    const frt_case_bound_t *b = &p->c->bound[i];
    const int given = b->kind != FRT_BOUND_EXACT || b->slot;
    if (!given || (b->slot && strcmp(b->slot, v->def->name))) continue;
    found.at[0] = b;
    return found;
  }
  return found;
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
static double ratio_of(uint32_t dtype, uint32_t flags, const frt_case_bound_t *b,
                       double got, double ref, double allowed) {
  const int is_float = dtype == FRT_F32 || dtype == FRT_F64;
  const double rounded = is_float ? frti_round_to(dtype, ref) : ref;
  const double top = dtype == FRT_F64 ? DBL_MAX : (double)FLT_MAX;
  if (isnan(got) || isnan(rounded)) return isnan(got) && isnan(rounded) ? 0 : INFINITY;
  if ((flags & FRT_CASE_SIGNED_ZERO) && got == 0 && rounded == 0)
    return signbit(got) == signbit(rounded) ? 0 : INFINITY;
  if (got == rounded) return 0;
  if (isinf(ref) && !isinf(got)) return INFINITY; /* the largest number is one ulp away */
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
    b->formula(&p->view, &out, allowed);
  } else {
    double c;
    if (b->terms) n = b->terms(&p->view, &out);
    if (n < 0) n = 0;
    c = b->k * n * u / (1 - n * u);
    for (int64_t e = 0; e < v->api.numel; ++e) allowed[e] = c * v->mag[e];
  }
  for (int64_t e = 0; e < v->api.numel; ++e)
    allowed[e] = twice * allowed[e] + (n + 1) * tiny;
}

void frti_bound_allowed(const frti_probe_t *p, uint32_t k, const frt_case_bound_t *b,
                        double *allowed) {
  const frti_value_t *v = &p->out[k];
  const int wide = v->api.dtype == FRT_F64;
  const double u = wide ? 0x1p-53 : 0x1p-24, tiny = wide ? 0x1p-1074 : 0x1p-149;
  /* Half a step is u |x|; ULP counts whole steps from there. */
  const double steps = b->kind == FRT_BOUND_ULP ? 2 * b->k + 1 : 1;
  if (b->kind >= FRT_BOUND_SUM) {
    allowances(p, k, b, allowed);
    return;
  }
  for (int64_t e = 0; e < v->api.numel; ++e)
    allowed[e] = steps * (u * fabs(v->d[e]) + tiny);
}

int frti_magnitudes_hold(const frti_probe_t *p, uint32_t k, char *why, size_t cap) {
  const frti_value_t *v = &p->out[k];
  if (frti_bounds_of_case(p, k).at[0]->kind != FRT_BOUND_SUM) return 1;
  for (int64_t e = 0; e < v->api.numel; ++e) {
    if (!isfinite(v->d[e]) || v->mag[e] >= fabs(v->d[e]) * (1 - 1e-12)) continue;
    snprintf(why, cap, "%s[%lld]: the oracle's magnitude %.9g is below its value %.9g",
             v->def->name, (long long)e, v->mag[e], v->d[e]);
    return 0;
  }
  return 1;
}

/* The least of the ratios under all bounds, element by element. */
static int ratios(const frti_probe_t *p, uint32_t k, const void *got, const double *ref,
                  const frti_bounds_t *bounds, double *ratio) {
  const frti_value_t *v = &p->out[k];
  const size_t n = (size_t)v->api.numel;
  double *allowed = calloc(n + 1, sizeof(double));
  if (!allowed) return 0;
  for (size_t e = 0; e < n; ++e) ratio[e] = INFINITY;
  for (uint32_t i = 0; i < bounds->n; ++i) {
    const frt_case_bound_t *b = bounds->at[i];
    if (b->kind >= FRT_BOUND_SUM) allowances(p, k, b, allowed);
    for (size_t e = 0; e < n; ++e)
      ratio[e] = fmin(ratio[e], ratio_of(v->api.dtype, bounds->flags, b,
                                         frti_load(v->api.dtype, got, (int64_t)e), ref[e],
                                         allowed[e]));
  }
  free(allowed);
  return 1;
}

int frti_judge(const frti_probe_t *p, uint32_t k, const void *got, const double *ref,
               const frti_bounds_t *bounds, frti_judged_t *out, char *why, size_t cap) {
  const frti_value_t *v = &p->out[k];
  double *ratio = calloc((size_t)v->api.numel + 1, sizeof(double));
  *out = (frti_judged_t){.at = -1};
  if (!ratio || !ratios(p, k, got, ref, bounds, ratio)) {
    free(ratio);
    snprintf(why, cap, "out of memory");
    return 0;
  }
  for (int64_t e = 0; e < v->api.numel; ++e) {
    out->bad += !(ratio[e] <= 1);
    if (ratio[e] <= out->worst) continue;
    out->worst = ratio[e];
    out->at = e;
  }
  free(ratio);
  if (out->at >= 0) {
    out->got = frti_load(v->api.dtype, got, out->at);
    out->want = ref[out->at];
  }
  if (!out->bad) return 1;
  snprintf(why, cap, "%s[%lld]: got %.9g, wanted %.9g, %.3g times the bound; %lld of %lld"
           " elements are off", v->def->name, (long long)out->at, out->got, out->want,
           out->worst, (long long)out->bad, (long long)v->api.numel);
  return 0;
}
