#include "binary.h"

/* All comparisons and binary logical ops have the same slots. */
enum { X = FRT_EQUAL_IN_X, Y = FRT_EQUAL_IN_Y, OUT = FRT_EQUAL_OUT_OUT,
       AXIS = FRT_EQUAL_ATTR_AXIS };
enum kind { EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, AND, OR, XOR, NOT };

typedef frt_gpu_pair_t compare_t;
static frt_status_t compare_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  (void)workspace, (void)err;
  frt_gpu_pair_plan((frt_gpu_pair_t *)state, frt_in(op, X), frt_in(op, Y), frt_out(op, OUT),
                    frt_attr_i64(op, AXIS));
  return FRT_OK;
}
/* Logical ops have no axis: laid at the end. */
static frt_status_t logical_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  (void)workspace, (void)err;
  frt_gpu_pair_plan((frt_gpu_pair_t *)state, frt_in(op, X), frt_in(op, Y), frt_out(op, OUT), -1);
  return FRT_OK;
}

static FRT_GPU_FN inline int holds(int kind, int less, int equal, int greater) {
  switch (kind) {
    case EQUAL: return equal;
    case NOT_EQUAL: return !equal;
    case LESS: return less;
    case LESS_EQUAL: return less || equal;
    case GREATER: return greater;
    default: return equal || greater;
  }
}

template <class T>
static frt_status_t compare(const void *state, const frt_run_t *r, int kind, frt_error_t *err) {
  const frt_gpu_pair_t at = *(const frt_gpu_pair_t *)state;
  const T *xs = frt_gpu_in(T, r, X), *ys = frt_gpu_in(T, r, Y);
  uint8_t *out = frt_gpu_out(uint8_t, r, OUT);
  return frt_gpu_each(
      r, frt_out_numel(r, OUT),
      [=] FRT_GPU_FN(int64_t i) {
        const T x = xs[frt_gpu_at(at.x, i)], y = ys[frt_gpu_at(at.y, i)];
        out[i] = (uint8_t)holds(kind, x < y, x == y, x > y);
      },
      err);
}
static frt_status_t by_type(const void *state, const frt_run_t *r, int kind, frt_error_t *err) {
  switch (frt_in(r, X)->dtype) {
    case FRT_BOOL: return compare<uint8_t>(state, r, kind, err);
    case FRT_I32: return compare<int32_t>(state, r, kind, err);
    case FRT_I64: return compare<int64_t>(state, r, kind, err);
    case FRT_F32: return compare<float>(state, r, kind, err);
    default: return compare<double>(state, r, kind, err);
  }
}

static frt_status_t logical(const void *state, const frt_run_t *r, int kind, frt_error_t *err) {
  const frt_gpu_pair_t at = *(const frt_gpu_pair_t *)state;
  const uint8_t *xs = frt_gpu_in(uint8_t, r, X), *ys = frt_gpu_in(uint8_t, r, Y);
  uint8_t *out = frt_gpu_out(uint8_t, r, OUT);
  return frt_gpu_each(
      r, frt_out_numel(r, OUT),
      [=] FRT_GPU_FN(int64_t i) {
        const int x = xs[frt_gpu_at(at.x, i)] != 0, y = ys[frt_gpu_at(at.y, i)] != 0;
        out[i] = (uint8_t)(kind == AND ? x && y : kind == OR ? x || y : x != y);
      },
      err);
}
static frt_status_t not_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const uint8_t *x = frt_gpu_in(uint8_t, r, FRT_LOGICAL_NOT_IN_X);
  uint8_t *out = frt_gpu_out(uint8_t, r, FRT_LOGICAL_NOT_OUT_OUT);
  (void)state;
  return frt_gpu_each(
      r, frt_in_numel(r, FRT_LOGICAL_NOT_IN_X), [=] FRT_GPU_FN(int64_t i) { out[i] = !x[i]; },
      err);
}

#define RUN(stem, FN, KIND)                                                                 \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r, frt_error_t *err) { \
    return FN(state, r, KIND, err);                                                         \
  }
RUN(equal, by_type, EQUAL)
RUN(not_equal, by_type, NOT_EQUAL)
RUN(less_than, by_type, LESS)
RUN(less_equal, by_type, LESS_EQUAL)
RUN(greater_than, by_type, GREATER)
RUN(greater_equal, by_type, GREATER_EQUAL)
RUN(logical_and, logical, AND)
RUN(logical_or, logical, OR)
RUN(logical_xor, logical, XOR)

#define COMPARE(name) \
  {#name, FRT_NUMBERS | FRT_BOOLS, sizeof(compare_t), compare_prepare, name##_run, \
   FRT_GPU_FLAGS, NULL}
#define LOGICAL(name) \
  {#name, FRT_BOOLS, sizeof(compare_t), logical_prepare, name##_run, FRT_GPU_INPLACE, NULL}
FRT_KERNELS(cuda, compare) = {
    COMPARE(equal), COMPARE(not_equal), COMPARE(less_than), COMPARE(less_equal),
    COMPARE(greater_than), COMPARE(greater_equal), LOGICAL(logical_and), LOGICAL(logical_or),
    LOGICAL(logical_xor),
    {"logical_not", FRT_BOOLS, 0, NULL, not_run, FRT_GPU_INPLACE, NULL},
    FRT_KERNELS_END};
