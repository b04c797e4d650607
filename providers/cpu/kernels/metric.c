#include "fluidrt/op_index.h"
#include "loop.h"
#undef A
#undef B

typedef struct { int64_t n, k, rows; } top_k_t;

static frt_status_t top_k_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  top_k_t *s = (top_k_t *)state;
  const frt_api_tensor_t *x = frt_in(op, FRT_TOP_K_IN_X);
  (void)workspace, (void)err;
  s->n = x->dims[x->rank - 1];
  s->k = frt_attr_i64(op, FRT_TOP_K_ATTR_K);
  s->rows = s->n ? x->numel / s->n : 0;
  return FRT_OK;
}

typedef struct {
  const top_k_t *s;
  const float *x;
  float *out;
  int64_t *ids;
} top_k_call_t;

/* Strictly before: larger, NaN last of all; equals keep the lower index first because
 * the row is read from the left. */
static int before(float a, float b) { return a > b || (a == a && b != b); }

/* Keeps the k best so far in falling order, in the output itself. */
static void top_k_row(const float *x, int64_t n, int64_t k, float *out, int64_t *ids) {
  int64_t kept = 0;
  for (int64_t i = 0; i < n; ++i) {
    int64_t lo = 0, hi = kept;
    if (kept == k && !before(x[i], out[k - 1])) continue;
    while (lo < hi) {
      const int64_t mid = lo + (hi - lo) / 2;
      if (before(x[i], out[mid])) hi = mid;
      else lo = mid + 1;
    }
    if (kept < k) ++kept;
    memmove(out + lo + 1, out + lo, (size_t)(kept - 1 - lo) * sizeof *out);
    memmove(ids + lo + 1, ids + lo, (size_t)(kept - 1 - lo) * sizeof *ids);
    out[lo] = x[i];
    ids[lo] = i;
  }
}

static void best_row(const float *x, int64_t n, float *out, int64_t *id) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; ++i)
    if (before(x[i], x[best])) best = i;
  *out = x[best];
  *id = best;
}

static void top_k_rows(void *arg, int64_t lo, int64_t hi) {
  const top_k_call_t *c = (const top_k_call_t *)arg;
  const int64_t n = c->s->n, k = c->s->k;
  for (int64_t row = lo; row < hi; ++row) {
    if (k == 1) best_row(c->x + row * n, n, c->out + row, c->ids + row);
    else top_k_row(c->x + row * n, n, k, c->out + row * k, c->ids + row * k);
  }
}

static frt_status_t top_k_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const top_k_t *s = (const top_k_t *)state;
  top_k_call_t c = {s, frt_in_f32(r, FRT_TOP_K_IN_X), frt_out_f32(r, FRT_TOP_K_OUT_OUT),
                    frt_out_i64(r, FRT_TOP_K_OUT_INDICES)};
  (void)err;
  if (!s->rows || !s->k) return FRT_OK;
  frt_cpu_for(r, s->rows, frt_cpu_div_up(FRT_CPU_GRAIN_MATH, s->n), top_k_rows, &c);
  return FRT_OK;
}

/* Rows whose k indices hold the label. */
static frt_status_t accuracy_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const frt_api_tensor_t *indices = frt_in(r, FRT_ACCURACY_IN_INDICES);
  const int64_t rows = indices->dims[0], k = rows ? indices->numel / rows : 0;
  const int64_t *ids = (const int64_t *)indices->data;
  const int64_t *label = frt_in_i64(r, FRT_ACCURACY_IN_LABEL);
  int64_t correct = 0;
  (void)state, (void)err;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 0; j < k; ++j)
      if (ids[row * k + j] == label[row]) {
        ++correct;
        break;
      }
  frt_out_f32(r, FRT_ACCURACY_OUT_ACCURACY)[0] = (float)((double)correct / (double)rows);
  *(int32_t *)frt_out(r, FRT_ACCURACY_OUT_CORRECT)->data = (int32_t)correct;
  *(int32_t *)frt_out(r, FRT_ACCURACY_OUT_TOTAL)->data = (int32_t)rows;
  return FRT_OK;
}

FRT_KERNELS(cpu, metric) = {
    FRT_KERNEL("top_k", FRT_F32S, top_k, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL_PLAIN("accuracy", FRT_F32S, accuracy, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
