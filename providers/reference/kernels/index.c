#include "ref.h"

static int64_t whole(const ref_tensor_t *t, int64_t at) {
  return t->i ? t->i[at] : ref_to_i64(t->v[at], INT64_MIN, INT64_MAX);
}
static void put(const ref_tensor_t *t, int64_t at, double v) {
  if (t->i) t->i[at] = (int64_t)v;
  else ref_put(t, at, v, fabs(v));
}

/* Before anything is written. */
static frt_status_t check(const ref_tensor_t *ids, const char *slot, int64_t n,
                          const char *of, frt_error_t *err) {
  for (int64_t i = 0; i < ids->n; ++i) {
    const int64_t v = whole(ids, i);
    if (v >= 0 && v < n) continue;
    frt_fail(err, FRT_OUT_OF_RANGE, "%s: element %lld is %lld; wanted 0 to %lld, %s", slot,
             (long long)i, (long long)v, (long long)n - 1, of);
    if (err) snprintf(err->name, sizeof err->name, "%s", slot);
    return FRT_OUT_OF_RANGE;
  }
  return FRT_OK;
}

/* ---- gather ------------------------------------------------------------------------ */

static int64_t row_size(const frt_api_tensor_t *t) {
  return ref_product(t->dims, 1, t->rank);
}

static frt_status_t gather(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_GATHER_IN_X), *ids = ref_in(c, FRT_GATHER_IN_INDEX);
  const ref_tensor_t *out = ref_out(c, FRT_GATHER_OUT_OUT);
  const int64_t row = row_size(x->meta);
  FRT_TRY(check(ids, "Index", x->meta->dims[0], "a row of X", err));
  for (int64_t i = 0; i < out->n; ++i) {
    const int64_t from = whole(ids, i / row) * row + i % row;
    if (out->i) out->i[i] = x->i[from];
    else ref_put_own(out, i, x->v[from]);
  }
  return FRT_OK;
}

static frt_status_t gather_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *ids = ref_in(c, FRT_GATHER_GRAD_IN_INDEX);
  const ref_tensor_t *g = ref_in(c, FRT_GATHER_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_GATHER_GRAD_OUT_X_GRAD);
  const int replace = frt_attr_bool(c->op, FRT_GATHER_GRAD_ATTR_OVERWRITE);
  if (!dx) return FRT_OK;
  const int64_t row = row_size(dx->meta);
  FRT_TRY(check(ids, "Index", dx->meta->dims[0], "a row of X", err));
  for (int64_t i = 0; i < dx->n; ++i) ref_put(dx, i, 0.0, 0.0);
  for (int64_t i = 0; i < g->n; ++i) {
    const int64_t to = whole(ids, i / row) * row + i % row;
    const double was = replace ? 0.0 : dx->v[to];
    const double mag = replace || !dx->mag ? 0.0 : dx->mag[to];
    ref_put(dx, to, was + g->v[i], mag + fabs(g->v[i]));
  }
  return FRT_OK;
}

/* ---- arg_max, arg_min ---------------------------------------------------------------- */

/* Is x[i] better than x[best]? A NaN never is, and anything is better than one. */
static int better(const ref_tensor_t *x, int64_t i, int64_t best, int largest) {
  if (x->i) return largest ? x->i[i] > x->i[best] : x->i[i] < x->i[best];
  const double a = x->v[i], b = x->v[best];
  return (largest ? a > b : a < b) || (a == a && b != b);
}

static frt_status_t arg(const ref_call_t *c, int largest) {
  const ref_tensor_t *x = ref_in(c, FRT_ARG_MAX_IN_X), *out = ref_out(c, FRT_ARG_MAX_OUT_OUT);
  const ref_axis_t a = ref_split(x->meta, frt_attr_i64(c->op, FRT_ARG_MAX_ATTR_AXIS));
  for (int64_t i = 0; i < out->n; ++i) {
    const int64_t first = i / a.inner * a.n * a.inner + i % a.inner;
    int64_t best = 0;
    for (int64_t k = 1; k < a.n; ++k)
      if (better(x, first + k * a.inner, first + best * a.inner, largest)) best = k;
    put(out, i, (double)best);
  }
  return FRT_OK;
}

static frt_status_t arg_max(const ref_call_t *c, frt_error_t *err) {
  (void)err;
  return arg(c, 1);
}
static frt_status_t arg_min(const ref_call_t *c, frt_error_t *err) {
  (void)err;
  return arg(c, 0);
}

/* ---- argsort --------------------------------------------------------------------------- */

/* Does x[i] come before x[j], whatever their places? NaN comes last. */
static int before(const ref_tensor_t *x, int64_t i, int64_t j, int falling) {
  if (x->i) return falling ? x->i[i] > x->i[j] : x->i[i] < x->i[j];
  const double a = x->v[i], b = x->v[j];
  return (falling ? a > b : a < b) || (a == a && b != b);
}

/* Every element's place is the number of those that come before it. */
static frt_status_t argsort(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_ARGSORT_IN_X), *out = ref_out(c, FRT_ARGSORT_OUT_OUT);
  const ref_tensor_t *ids = ref_out(c, FRT_ARGSORT_OUT_INDICES);
  const ref_axis_t a = ref_split(x->meta, frt_attr_i64(c->op, FRT_ARGSORT_ATTR_AXIS));
  const int falling = frt_attr_bool(c->op, FRT_ARGSORT_ATTR_DESCENDING);
  (void)err;
  for (int64_t i = 0; i < x->n; ++i) {
    const int64_t k = i / a.inner % a.n, first = i - k * a.inner;
    int64_t place = 0;
    for (int64_t j = 0; j < a.n; ++j) {
      const int64_t other = first + j * a.inner;
      place += before(x, other, i, falling) || (j < k && !before(x, i, other, falling));
    }
    const int64_t to = first + place * a.inner;
    if (out->i) out->i[to] = x->i[i];
    else ref_put_own(out, to, x->v[i]);
    put(ids, to, (double)k);
  }
  return FRT_OK;
}

static frt_status_t argsort_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *ids = ref_in(c, FRT_ARGSORT_GRAD_IN_INDICES);
  const ref_tensor_t *g = ref_in(c, FRT_ARGSORT_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_ARGSORT_GRAD_OUT_X_GRAD);
  const ref_axis_t a = ref_split(g->meta, frt_attr_i64(c->op, FRT_ARGSORT_GRAD_ATTR_AXIS));
  if (!dx) return FRT_OK;
  FRT_TRY(check(ids, "Indices", a.n, "a place along axis", err));
  for (int64_t i = 0; i < dx->n; ++i) ref_put(dx, i, 0.0, 0.0);
  for (int64_t i = 0; i < g->n; ++i) {
    const int64_t k = i / a.inner % a.n;
    ref_put_own(dx, i + (whole(ids, i) - k) * a.inner, g->v[i]);
  }
  return FRT_OK;
}

/* ---- one_hot --------------------------------------------------------------------------- */

static frt_status_t one_hot(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_ONE_HOT_IN_X), *out = ref_out(c, FRT_ONE_HOT_OUT_OUT);
  const int64_t depth = frt_attr_i64(c->op, FRT_ONE_HOT_ATTR_DEPTH);
  if (!frt_attr_bool(c->op, FRT_ONE_HOT_ATTR_ALLOW_OUT_OF_RANGE))
    FRT_TRY(check(x, "X", depth, "below depth", err));
  for (int64_t i = 0; i < out->n; ++i)
    ref_put(out, i, whole(x, i / depth) == i % depth ? 1.0 : 0.0, 0.0);
  return FRT_OK;
}

#define VALUES (FRT_NUMBERS | FRT_DTYPE_BIT(FRT_I16) | FRT_DTYPE_BIT(FRT_U8))
/* The first input of gather_grad, argsort_grad and one_hot holds integers, what they
 * write need not: only the form in double. */
REF_KERNELS(index) = {{"gather", FRT_ANY_DTYPE, gather, gather, 0},
                      {"gather_grad", FRT_INTS, gather_grad, NULL, 0},
                      {"arg_max", VALUES, arg_max, arg_max, 0},
                      {"arg_min", VALUES, arg_min, arg_min, 0},
                      {"argsort", FRT_NUMBERS, argsort, argsort, 0},
                      {"argsort_grad", FRT_I64S, argsort_grad, NULL, 0},
                      {"one_hot", FRT_INTS, one_hot, NULL, 0},
                      REF_END};
