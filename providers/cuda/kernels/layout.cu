#include "bytes.h"
#include "fold.h"

/* Both sides of a move of n elements; cleared: the rest of the output is zeros. */
typedef struct {
  frt_gpu_walk_t into, out_of;
  int64_t n;
} move_t;

static frt_gpu_walk_t straight(int64_t n) {
  const int64_t step = 1;
  return frt_gpu_walk_of(1, &n, &step);
}

/* ---- copies of all, from the first input to the first output ------------------------------- */

/* XShape has no data. assign may have no input. */
static frt_status_t copy_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  (void)state;
  if (!frt_has_out(r, 0) || !frt_has_in(r, 0)) return FRT_OK;
  return frt_gpu_copy_all(r, frt_out(r, 0), frt_in(r, 0), err);
}

typedef struct { int32_t dims[FRT_MAX_RANK]; } shape_t;
static frt_status_t shape_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_SHAPE_IN_INPUT);
  (void)workspace, (void)err;
  for (uint32_t d = 0; d < x->rank; ++d) ((shape_t *)state)->dims[d] = (int32_t)x->dims[d];
  return FRT_OK;
}
static frt_status_t shape_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const shape_t s = *(const shape_t *)state;
  int32_t *out = frt_gpu_out(int32_t, r, FRT_SHAPE_OUT_OUT);
  return frt_gpu_each(
      r, frt_out_numel(r, FRT_SHAPE_OUT_OUT), [=] FRT_GPU_FN(int64_t i) { out[i] = s.dims[i]; },
      err);
}

/* ---- transpose2, slice, pad: boxes ------------------------------------------------------------ */

/* A tensor of these dims, seen in another order of its axes. */
static frt_gpu_walk_t turned(const frt_api_tensor_t *x, const frt_api_attr_t *axis) {
  int64_t own[FRT_MAX_RANK], dims[FRT_MAX_RANK], steps[FRT_MAX_RANK];
  frt_gpu_steps(x, own);
  for (uint32_t d = 0; d < x->rank; ++d) {
    dims[d] = x->dims[axis->v.is[d]];
    steps[d] = own[axis->v.is[d]];
  }
  return frt_gpu_walk_of(x->rank, dims, steps);
}
static frt_status_t transpose2_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                       frt_error_t *err) {
  move_t *s = (move_t *)state;
  (void)workspace, (void)err;
  s->n = frt_in_numel(op, FRT_TRANSPOSE2_IN_X);
  s->into = straight(s->n);
  s->out_of = turned(frt_in(op, FRT_TRANSPOSE2_IN_X), &op->attrs[FRT_TRANSPOSE2_ATTR_AXIS]);
  return FRT_OK;
}
static frt_status_t transpose2_grad_prepare(const frt_op_t *op, void *state,
                                            uint64_t *workspace, frt_error_t *err) {
  move_t *s = (move_t *)state;
  (void)workspace, (void)err;
  if (!frt_has_out(op, FRT_TRANSPOSE2_GRAD_OUT_X_GRAD)) return FRT_OK;
  const frt_api_tensor_t *dx = frt_out(op, FRT_TRANSPOSE2_GRAD_OUT_X_GRAD);
  s->n = dx->numel;
  s->into = turned(dx, &op->attrs[FRT_TRANSPOSE2_GRAD_ATTR_AXIS]);
  s->out_of = straight(s->n);
  return FRT_OK;
}

static frt_status_t move_slots(const move_t *s, const frt_run_t *r, int in, int out, int clears,
                               frt_error_t *err) {
  if (!frt_has_out(r, out)) return FRT_OK;
  const frt_api_tensor_t *to = frt_out(r, out);
  if (clears) FRT_TRY(frt_gpu_clear(r, to, err));
  return frt_gpu_move(r, s->n, s->into, s->out_of, to->data, frt_in(r, in)->data,
                      frt_dtype_size(to->dtype), err);
}
#define MOVE(stem, IN, OUT, clears)                                                          \
  typedef move_t stem##_t;                                                                   \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r, frt_error_t *err) {  \
    return move_slots((const move_t *)state, r, IN, OUT, clears, err);                       \
  }
MOVE(transpose2, FRT_TRANSPOSE2_IN_X, FRT_TRANSPOSE2_OUT_OUT, 0)
MOVE(transpose2_grad, FRT_TRANSPOSE2_GRAD_IN_OUT_GRAD, FRT_TRANSPOSE2_GRAD_OUT_X_GRAD, 0)

static int64_t clamp(int64_t v, int64_t n) {
  if (v < 0) v = v < -n ? 0 : v + n;
  return v > n ? n : v;
}
static frt_gpu_walk_t cut(const frt_op_t *op, const frt_api_tensor_t *x, int axes_attr,
                          int starts_attr, int ends_attr) {
  const frt_api_attr_t *axes = &op->attrs[axes_attr], *starts = &op->attrs[starts_attr];
  const frt_api_attr_t *ends = &op->attrs[ends_attr];
  int64_t steps[FRT_MAX_RANK], dims[FRT_MAX_RANK], start = 0;
  frt_gpu_walk_t w;
  frt_gpu_steps(x, steps);
  memcpy(dims, x->dims, x->rank * sizeof *dims);
  for (uint32_t i = 0; i < axes->count; ++i) {
    const int64_t d = axes->v.is[i] < 0 ? axes->v.is[i] + x->rank : axes->v.is[i];
    const int64_t from = clamp(starts->v.is[i], x->dims[d]);
    const int64_t to = clamp(ends->v.is[i], x->dims[d]);
    start += from * steps[d];
    dims[d] = to > from ? to - from : 0;
  }
  w = frt_gpu_walk_of(x->rank, dims, steps);
  w.start = start;
  return w;
}
static frt_status_t slice_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  move_t *s = (move_t *)state;
  (void)workspace, (void)err;
  s->out_of = cut(op, frt_in(op, FRT_SLICE_IN_INPUT), FRT_SLICE_ATTR_AXES,
                  FRT_SLICE_ATTR_STARTS, FRT_SLICE_ATTR_ENDS);
  s->n = s->out_of.n;
  s->into = straight(s->n);
  return FRT_OK;
}
static frt_status_t slice_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                       frt_error_t *err) {
  move_t *s = (move_t *)state;
  (void)workspace, (void)err;
  if (!frt_has_out(op, FRT_SLICE_GRAD_OUT_INPUT_GRAD)) return FRT_OK;
  s->into = cut(op, frt_out(op, FRT_SLICE_GRAD_OUT_INPUT_GRAD), FRT_SLICE_GRAD_ATTR_AXES,
                FRT_SLICE_GRAD_ATTR_STARTS, FRT_SLICE_GRAD_ATTR_ENDS);
  s->n = s->into.n;
  s->out_of = straight(s->n);
  return FRT_OK;
}
MOVE(slice, FRT_SLICE_IN_INPUT, FRT_SLICE_OUT_OUT, 0)
MOVE(slice_grad, FRT_SLICE_GRAD_IN_OUT_GRAD, FRT_SLICE_GRAD_OUT_INPUT_GRAD, 1)

static frt_gpu_walk_t framed(const frt_api_tensor_t *outer, const frt_api_attr_t *paddings) {
  int64_t steps[FRT_MAX_RANK], dims[FRT_MAX_RANK], start = 0;
  frt_gpu_walk_t w;
  frt_gpu_steps(outer, steps);
  for (uint32_t d = 0; d < outer->rank; ++d) {
    start += paddings->v.is[2 * d] * steps[d];
    dims[d] = outer->dims[d] - paddings->v.is[2 * d] - paddings->v.is[2 * d + 1];
  }
  w = frt_gpu_walk_of(outer->rank, dims, steps);
  w.start = start;
  return w;
}
typedef struct {
  move_t move;
  double value;
  int64_t whole;
} pad_t;
static frt_status_t pad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                frt_error_t *err) {
  pad_t *s = (pad_t *)state;
  const frt_api_tensor_t *out = frt_out(op, FRT_PAD_OUT_OUT);
  (void)workspace, (void)err;
  s->move.into = framed(out, &op->attrs[FRT_PAD_ATTR_PADDINGS]);
  s->move.n = s->move.into.n;
  s->move.out_of = straight(s->move.n);
  s->value = op->attrs[FRT_PAD_ATTR_PAD_VALUE].v.f;
  s->whole = out->dtype == FRT_I32 ? frt_gpu_whole(s->value, INT32_MIN, INT32_MAX)
                                   : frt_gpu_whole(s->value, INT64_MIN, INT64_MAX);
  return FRT_OK;
}
static frt_status_t pad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const pad_t *s = (const pad_t *)state;
  const frt_api_tensor_t *out = frt_out(r, FRT_PAD_OUT_OUT);
  const int wide = frt_gpu_wide(out), real = out->dtype == FRT_F32 || out->dtype == FRT_F64;
  const double value = s->value;
  const int64_t whole = s->whole;
  void *to = out->data;
  FRT_TRY(frt_gpu_each(
      r, out->numel,
      [=] FRT_GPU_FN(int64_t i) {
        if (real) frt_gpu_put(to, wide, i, value);
        else frt_gpu_put(to, wide, i, whole);
      },
      err));
  return move_slots(&s->move, r, FRT_PAD_IN_X, FRT_PAD_OUT_OUT, 0, err);
}
static frt_status_t pad_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                     frt_error_t *err) {
  move_t *s = (move_t *)state;
  (void)workspace, (void)err;
  s->out_of = framed(frt_in(op, FRT_PAD_GRAD_IN_OUT_GRAD),
                     &op->attrs[FRT_PAD_GRAD_ATTR_PADDINGS]);
  s->n = s->out_of.n;
  s->into = straight(s->n);
  return FRT_OK;
}
MOVE(pad_grad, FRT_PAD_GRAD_IN_OUT_GRAD, FRT_PAD_GRAD_OUT_X_GRAD, 0)

/* ---- expand: each dim of X is repeated, so the output is [times, dim] for each --------------- */

/* The dims of out as pairs (times, dim) over x. */
static uint32_t pairs(const frt_api_tensor_t *x, const frt_api_tensor_t *out, int64_t *dims,
                      int64_t *steps, int *gone) {
  int64_t own[FRT_MAX_RANK];
  uint32_t n = 0;
  frt_gpu_steps(x, own);
  for (uint32_t d = 0; d < x->rank; ++d) {
    const int64_t times = x->dims[d] ? out->dims[d] / x->dims[d] : 1;
    if (times != 1) dims[n] = times, steps[n] = 0, gone[n++] = 1;
    dims[n] = x->dims[d], steps[n] = own[d], gone[n++] = 0;
  }
  return n;
}
static frt_status_t expand_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  move_t *s = (move_t *)state;
  int64_t dims[FRT_GPU_DIMS], steps[FRT_GPU_DIMS];
  int gone[FRT_GPU_DIMS];
  const frt_api_tensor_t *x = frt_in(op, FRT_EXPAND_IN_X), *out = frt_out(op, FRT_EXPAND_OUT_OUT);
  const uint32_t n = pairs(x, out, dims, steps, gone);
  (void)workspace, (void)err;
  s->n = out->numel;
  s->out_of = frt_gpu_walk_of(n, dims, steps);
  s->into = straight(s->n);
  return FRT_OK;
}
MOVE(expand, FRT_EXPAND_IN_X, FRT_EXPAND_OUT_OUT, 0)

typedef frt_gpu_fold_t expand_grad_t;
static frt_status_t expand_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                        frt_error_t *err) {
  int64_t dims[FRT_GPU_DIMS], steps[FRT_GPU_DIMS];
  int gone[FRT_GPU_DIMS];
  if (!frt_has_out(op, FRT_EXPAND_GRAD_OUT_X_GRAD)) return FRT_OK;
  const frt_api_tensor_t *dx = frt_out(op, FRT_EXPAND_GRAD_OUT_X_GRAD);
  const uint32_t n = pairs(dx, frt_in(op, FRT_EXPAND_GRAD_IN_OUT_GRAD), dims, steps, gone);
  (void)err;
  frt_gpu_fold_plan((frt_gpu_fold_t *)state, n, dims, gone, workspace);
  return FRT_OK;
}
static frt_status_t expand_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const int wide = frt_gpu_wide(frt_in(r, FRT_EXPAND_GRAD_IN_OUT_GRAD));
  const void *g = frt_in(r, FRT_EXPAND_GRAD_IN_OUT_GRAD)->data;
  void *dx = frt_gpu_data_out(r, FRT_EXPAND_GRAD_OUT_X_GRAD);
  if (!dx) return FRT_OK;
  return frt_gpu_reduce(
      r, (const frt_gpu_fold_t *)state, r->workspace, frt_gpu_sum(),
      [=] FRT_GPU_FN(int64_t i) -> double { return frt_gpu_real(g, wide, i); },
      [=] FRT_GPU_FN(int64_t o, double v) { frt_gpu_put(dx, wide, o, v); }, err);
}

#define COPY(type) FRT_KERNEL_PLAIN(type, FRT_ANY_DTYPE, copy, FRT_GPU_INPLACE)
#define ROW(name) FRT_KERNEL(#name, FRT_ANY_DTYPE, name, FRT_GPU_FLAGS)
FRT_KERNELS(cuda, layout) = {
    COPY("assign"), COPY("reshape2"), COPY("reshape2_grad"), COPY("squeeze2"),
    COPY("squeeze2_grad"), COPY("unsqueeze2"), COPY("unsqueeze2_grad"), COPY("flatten2"),
    COPY("flatten2_grad"), COPY("flatten_contiguous_range"),
    COPY("flatten_contiguous_range_grad"),
    ROW(shape), ROW(transpose2), ROW(transpose2_grad), ROW(slice), ROW(slice_grad),
    ROW(expand), ROW(pad_grad),
    FRT_KERNEL("pad", FRT_NUMBERS, pad, FRT_GPU_FLAGS),
    FRT_KERNEL("expand_grad", FRT_FLOATS, expand_grad, FRT_GPU_FLAGS),
    FRT_KERNELS_END};
