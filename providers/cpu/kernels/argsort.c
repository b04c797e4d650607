#include "fluidrt/op_index.h"
#include "loop.h"
#undef A
#undef B

/* A stable merge sort of every row, by pairs (value, place) in the workspace: two
 * arrays of values, two of places. */
typedef struct {
  int64_t outer, n, inner;
  int32_t falling;
  void (*fn)(void *arg, int64_t lo, int64_t hi);
} argsort_t;

typedef struct {
  const argsort_t *s;
  const void *x;
  void *out, *vals[2];
  int64_t *ids, *places[2];
} sort_call_t;

enum { RUN = 12 };

/* Strictly before; NaN comes last whatever the direction. */
#define SORT(suffix, T)                                                                 \
  FRT_CPU_BODY int before_##suffix(T a, T b, int falling) {                             \
    return (falling ? a > b : a < b) || (a == a && b != b);                             \
  }                                                                                     \
  static void insert_##suffix(T *v, int64_t *id, int64_t n, int falling) {              \
    for (int64_t i = 1; i < n; ++i) {                                                   \
      const T value = v[i];                                                             \
      const int64_t place = id[i];                                                      \
      int64_t at = i;                                                                   \
      for (; at > 0 && before_##suffix(value, v[at - 1], falling); --at) {              \
        v[at] = v[at - 1];                                                              \
        id[at] = id[at - 1];                                                            \
      }                                                                                 \
      v[at] = value;                                                                    \
      id[at] = place;                                                                   \
    }                                                                                   \
  }                                                                                     \
  static void merge_##suffix(const T *v, const int64_t *id, int64_t mid, int64_t n,     \
                             T *to, int64_t *to_id, int falling) {                      \
    int64_t a = 0, b = mid;                                                             \
    for (int64_t i = 0; i < n; ++i) {                                                   \
      const int right = a == mid || (b < n && before_##suffix(v[b], v[a], falling));    \
      const int64_t from = right ? b++ : a++;                                           \
      to[i] = v[from];                                                                  \
      to_id[i] = id[from];                                                              \
    }                                                                                   \
  }                                                                                     \
  static void row_##suffix(const sort_call_t *c, int64_t row) {                         \
    const int64_t n = c->s->n, inner = c->s->inner;                                     \
    const int64_t first = row / inner * n * inner + row % inner;                        \
    T *v = (T *)c->vals[0] + row * n, *w = (T *)c->vals[1] + row * n, *swap;            \
    int64_t *id = c->places[0] + row * n, *jd = c->places[1] + row * n, *id_swap;       \
    for (int64_t k = 0; k < n; ++k) {                                                   \
      v[k] = ((const T *)c->x)[first + k * inner];                                      \
      id[k] = k;                                                                        \
    }                                                                                   \
    for (int64_t k = 0; k < n; k += RUN)                                                \
      insert_##suffix(v + k, id + k, n - k < RUN ? n - k : RUN, c->s->falling);         \
    for (int64_t run = RUN; run < n; run *= 2) {                                        \
      for (int64_t k = 0; k < n; k += 2 * run) {                                        \
        const int64_t all = n - k < 2 * run ? n - k : 2 * run;                          \
        merge_##suffix(v + k, id + k, run < all ? run : all, all, w + k, jd + k,        \
                       c->s->falling);                                                  \
      }                                                                                 \
      swap = v, v = w, w = swap;                                                        \
      id_swap = id, id = jd, jd = id_swap;                                              \
    }                                                                                   \
    for (int64_t k = 0; k < n; ++k) {                                                   \
      ((T *)c->out)[first + k * inner] = v[k];                                          \
      c->ids[first + k * inner] = id[k];                                                \
    }                                                                                   \
  }                                                                                     \
  static void rows_##suffix(void *arg, int64_t lo, int64_t hi) {                        \
    for (int64_t row = lo; row < hi; ++row) row_##suffix((const sort_call_t *)arg, row); \
  }
SORT(f32, float)
SORT(f64, double)
SORT(i32, int32_t)
SORT(i64, int64_t)

static frt_status_t argsort_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  argsort_t *s = (argsort_t *)state;
  const frt_api_tensor_t *x = frt_in(op, FRT_ARGSORT_IN_X);
  const int64_t a = frt_attr_i64(op, FRT_ARGSORT_ATTR_AXIS), axis = a < 0 ? a + x->rank : a;
  (void)err;
  s->outer = s->inner = 1;
  for (uint32_t d = 0; d < x->rank; ++d) {
    if (d < axis) s->outer *= x->dims[d];
    if (d > axis) s->inner *= x->dims[d];
  }
  s->n = x->dims[axis];
  s->falling = frt_attr_bool(op, FRT_ARGSORT_ATTR_DESCENDING);
  s->fn = x->dtype == FRT_F32   ? rows_f32
          : x->dtype == FRT_F64 ? rows_f64
          : x->dtype == FRT_I32 ? rows_i32
                                : rows_i64;
  *workspace = (uint64_t)x->numel * 4 * sizeof(int64_t);
  return FRT_OK;
}

static frt_status_t argsort_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const argsort_t *s = (const argsort_t *)state;
  const int64_t n = frt_in_numel(r, FRT_ARGSORT_IN_X);
  int64_t *space = (int64_t *)r->workspace;
  (void)err;
  if (!n) return FRT_OK;
  sort_call_t c = {s, frt_in(r, FRT_ARGSORT_IN_X)->data, frt_out(r, FRT_ARGSORT_OUT_OUT)->data,
                   {space, space + n}, frt_out_i64(r, FRT_ARGSORT_OUT_INDICES),
                   {space + 2 * n, space + 3 * n}};
  frt_cpu_for(r, s->outer * s->inner, frt_cpu_div_up(FRT_CPU_GRAIN_MATH, s->n), s->fn, &c);
  return FRT_OK;
}

FRT_KERNELS(cpu, argsort) = {
    FRT_KERNEL("argsort", FRT_NUMBERS, argsort, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
