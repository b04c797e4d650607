#include "ref.h"

/* Does element i of x come before element j? Larger first, NaN last, then by index. */
static int before(const ref_tensor_t *x, int64_t i, int64_t j) {
  if (x->i) return x->i[i] != x->i[j] ? x->i[i] > x->i[j] : i < j;
  const double a = x->v[i], b = x->v[j];
  if (a > b || (a == a && b != b)) return 1;
  if (a < b || (a != a && b == b)) return 0;
  return i < j;
}

/* The first element of [lo, hi) that comes after `last`; -1: any does. */
static int64_t next_best(const ref_tensor_t *x, int64_t lo, int64_t hi, int64_t last) {
  int64_t best = -1;
  for (int64_t i = lo; i < hi; ++i)
    if ((last < 0 || before(x, last, i)) && (best < 0 || before(x, i, best))) best = i;
  return best;
}

static frt_status_t top_k(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_TOP_K_IN_X), *out = ref_out(c, FRT_TOP_K_OUT_OUT);
  const ref_tensor_t *indices = ref_out(c, FRT_TOP_K_OUT_INDICES);
  const int64_t n = x->meta->rank ? x->meta->dims[x->meta->rank - 1] : 1;
  const int64_t k = out->meta->rank ? out->meta->dims[out->meta->rank - 1] : 1;
  int64_t last = -1;
  (void)err;
  for (int64_t to = 0; to < out->n; ++to) {
    const int64_t row = to / k * n;
    last = next_best(x, row, row + n, to % k ? last : -1);
    if (out->i) {
      out->i[to] = x->i[last];
      indices->i[to] = last - row;
    } else {
      ref_put_own(out, to, x->v[last]);
      ref_put(indices, to, (double)(last - row), 0.0);
    }
  }
  return FRT_OK;
}

static frt_status_t accuracy(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *indices = ref_in(c, FRT_ACCURACY_IN_INDICES);
  const ref_tensor_t *label = ref_in(c, FRT_ACCURACY_IN_LABEL);
  const int64_t rows = indices->meta->rank ? indices->meta->dims[0] : 1;
  const int64_t k = rows ? indices->n / rows : 0;
  const ref_tensor_t *accuracy_out = ref_out(c, FRT_ACCURACY_OUT_ACCURACY);
  const ref_tensor_t *correct = ref_out(c, FRT_ACCURACY_OUT_CORRECT);
  const ref_tensor_t *total = ref_out(c, FRT_ACCURACY_OUT_TOTAL);
  int64_t hits = 0;
  (void)err;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < k; ++i)
      if (indices->v[row * k + i] == label->v[row]) {
        ++hits;
        break;
      }
  if (accuracy_out)
    ref_put_own(accuracy_out, 0, rows ? (double)hits / (double)rows : 0.0);
  if (correct) ref_put(correct, 0, (double)hits, 0.0);
  if (total) ref_put(total, 0, (double)rows, 0.0);
  return FRT_OK;
}

REF_KERNELS(metric) = {{"top_k", FRT_NUMBERS, top_k, top_k, 0},
                       {"accuracy", FRT_FLOATS, accuracy, NULL, 0},
                       REF_END};
