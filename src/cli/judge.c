/* Two tensors compared: by a tolerance, or by units in the last place. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"

/* "(1, 2)" for element `at`, plain for one dimension. */
static void element_text(const frt_tensor_t *t, int64_t at, char *to, size_t cap) {
  int64_t index[FRT_MAX_RANK];
  const uint32_t rank = frt_tensor_rank(t);
  for (uint32_t d = rank; d-- > 0; at /= frt_tensor_dims(t)[d])
    index[d] = at % frt_tensor_dims(t)[d];
  frti_cli_dims(to, cap, rank, index);
}

static void refuse(frti_cli_verdict_t *v, const frt_tensor_t *got,
    const frt_tensor_t *want, int64_t at, double share, const char *how) {
  char index[160], dims[160];
  v->share = share;
  element_text(want, at, index, sizeof index);
  frti_cli_dims(dims, sizeof dims, frt_tensor_rank(want), frt_tensor_dims(want));
  if (frt_tensor_dtype(want) == FRT_I64)
    snprintf(v->why, sizeof v->why, "element %s of %s: got %" PRId64 ", want %" PRId64,
        index, dims, ((const int64_t *)frt_tensor_data(got))[at],
        ((const int64_t *)frt_tensor_data(want))[at]);
  else
    snprintf(v->why, sizeof v->why, "element %s of %s: got %.9g, want %.9g%s", index,
        dims, frti_cli_element(got, at), frti_cli_element(want, at), how);
}

/* Dtype and shape; false with the reason if they differ. */
static bool alike(
    const frt_tensor_t *got, const frt_tensor_t *want, frti_cli_verdict_t *v) {
  const uint32_t rank = frt_tensor_rank(want);
  char a[96], b[96];
  memset(v, 0, sizeof *v);
  if (frt_tensor_dtype(got) == frt_tensor_dtype(want) && frt_tensor_rank(got) == rank &&
      !memcmp(frt_tensor_dims(got), frt_tensor_dims(want), rank * sizeof(int64_t)))
    return true;
  v->share = INFINITY;
  snprintf(v->why, sizeof v->why, "got %s %s, want %s %s",
      frt_dtype_name((uint32_t)frt_tensor_dtype(got)),
      frti_cli_dims(a, sizeof a, frt_tensor_rank(got), frt_tensor_dims(got)),
      frt_dtype_name((uint32_t)frt_tensor_dtype(want)),
      frti_cli_dims(b, sizeof b, rank, frt_tensor_dims(want)));
  return false;
}

static bool is_float(const frt_tensor_t *t) {
  return (FRT_DTYPE_BIT(frt_tensor_dtype(t)) & FRT_FLOATS) != 0;
}

static bool same_bits(const frt_tensor_t *a, const frt_tensor_t *b, int64_t i) {
  const size_t size = frt_dtype_size((uint32_t)frt_tensor_dtype(a));
  return !memcmp((const char *)frt_tensor_data(a) + (size_t)i * size,
      (const char *)frt_tensor_data(b) + (size_t)i * size, size);
}

static void judge_equal(
    const frt_tensor_t *got, const frt_tensor_t *want, frti_cli_verdict_t *v) {
  for (int64_t i = 0, n = frt_tensor_numel(want); i < n; ++i) {
    if (same_bits(got, want, i)) continue;
    if (!v->differ++) refuse(v, got, want, i, INFINITY, "; they must be equal");
  }
}

/* The share of the tolerance that |got - want| is. */
static double share_of(
    double got, double want, double largest, const frti_cli_tolerance_t *t) {
  double tolerance, difference;
  if (isnan(want)) return isnan(got) ? 0 : INFINITY;
  if (isinf(want)) return got == want ? 0 : INFINITY;
  if (!isfinite(got)) return INFINITY;
  tolerance = t->rtol * fabs(want) + t->atol_of_max * largest + t->atol_floor;
  if (tolerance < t->atol) tolerance = t->atol;
  difference = fabs(got - want);
  return difference == 0 ? 0 : difference / tolerance;
}

void frti_cli_judge(const frt_tensor_t *got, const frt_tensor_t *want,
    const frti_cli_tolerance_t *tolerance, frti_cli_verdict_t *v) {
  const int64_t n = frt_tensor_numel(want);
  double largest = 0;
  int64_t at = -1;
  if (!alike(got, want, v)) return;
  if (!is_float(want)) {
    judge_equal(got, want, v);
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const double w = fabs(frti_cli_element(want, i));
    if (isfinite(w) && w > largest) largest = w;
  }
  for (int64_t i = 0; i < n; ++i) {
    const double share =
        share_of(frti_cli_element(got, i), frti_cli_element(want, i), largest, tolerance);
    if (!same_bits(got, want, i)) ++v->differ;
    if (share <= v->share) continue;
    v->share = share;
    at = i;
  }
  if (v->share > 1) {
    char how[64] = "";
    if (isfinite(v->share))
      snprintf(how, sizeof how, "; %.3g times the tolerance", v->share);
    refuse(v, got, want, at, v->share, how);
  }
}

/* Floats in the order of their values as integers. */
static int64_t ordered(float f) {
  int32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits < 0 ? (int64_t)INT32_MIN - bits : bits;
}

void frti_cli_judge_ulp(const frt_tensor_t *got, const frt_tensor_t *want, uint32_t ulp,
    frti_cli_verdict_t *v) {
  const float *g = frt_tensor_data(got), *w = frt_tensor_data(want);
  if (!alike(got, want, v)) return;
  if (!ulp || frt_tensor_dtype(want) != FRT_F32) {
    judge_equal(got, want, v);
    return;
  }
  for (int64_t i = 0, n = frt_tensor_numel(want); i < n; ++i) {
    double share;
    char how[64];
    if (same_bits(got, want, i)) continue;
    ++v->differ;
    share = isfinite(g[i]) && isfinite(w[i])
                ? (double)llabs(ordered(g[i]) - ordered(w[i])) / ulp
                : INFINITY;
    if (share <= v->share) continue;
    v->share = share;
    if (share <= 1) continue;
    snprintf(how, sizeof how, "; at most %u units in the last place", (unsigned)ulp);
    refuse(v, got, want, i, share, how);
  }
}
