#include "bytes.h"
#include "check.h"

/* Parts of a whole, one after the other along an axis: a launch a part. */
typedef struct { int64_t outer, total, inner; } join_t;

static frt_status_t axis_prepare(const frt_api_tensor_t *whole, int64_t axis, void *state) {
  const frt_gpu_axis_t a = frt_gpu_split(whole, axis);
  const join_t j = {a.outer, a.n, a.inner};
  *(join_t *)state = j;
  return FRT_OK;
}
#define PREPARE(stem, WHOLE, AXIS)                                                        \
  typedef join_t stem##_t;                                                                \
  static frt_status_t stem##_prepare(const frt_op_t *op, void *state, uint64_t *workspace, \
                                     frt_error_t *err) {                                  \
    (void)workspace, (void)err;                                                           \
    return axis_prepare(WHOLE, frt_attr_i64(op, AXIS), state);                            \
  }
PREPARE(concat, frt_out(op, FRT_CONCAT_OUT_OUT), FRT_CONCAT_ATTR_AXIS)
PREPARE(concat_grad, frt_in(op, FRT_CONCAT_GRAD_IN_OUT_GRAD), FRT_CONCAT_GRAD_ATTR_AXIS)
PREPARE(split, frt_in(op, FRT_SPLIT_IN_X), FRT_SPLIT_ATTR_AXIS)
PREPARE(stack, frt_out(op, FRT_STACK_OUT_Y), FRT_STACK_ATTR_AXIS)
PREPARE(stack_grad, frt_in(op, FRT_STACK_GRAD_IN_Y_GRAD), FRT_STACK_GRAD_ATTR_AXIS)

/* like: the tensors whose sizes say how long each part is (a part may not be wanted). */
static frt_status_t move_all(const void *state, const frt_run_t *r,
                             const frt_api_tensor_t *whole, const frt_api_slot_t *parts,
                             const frt_api_slot_t *like, int into_whole, frt_error_t *err) {
  const join_t j = *(const join_t *)state;
  const int64_t across = j.outer * j.inner;
  int64_t at = 0;
  for (uint32_t k = 0; k < like->count && across; ++k) {
    const int64_t n = like->t[k]->numel / across;
    const int64_t dims[3] = {j.outer, n, j.inner};
    const int64_t steps[3] = {j.total * j.inner, j.inner, 1};
    frt_gpu_walk_t w = frt_gpu_walk_of(3, dims, steps);
    const int64_t one = 1, size = j.outer * n * j.inner;
    const frt_gpu_walk_t own = frt_gpu_walk_of(1, &size, &one);
    w.start = at * j.inner;
    at += n;
    if (k >= parts->count || !parts->t[k] || !parts->t[k]->data) continue;
    FRT_TRY(frt_gpu_move(r, size, into_whole ? w : own, into_whole ? own : w,
                         into_whole ? whole->data : parts->t[k]->data,
                         into_whole ? parts->t[k]->data : whole->data,
                         frt_dtype_size(whole->dtype), err));
  }
  return FRT_OK;
}

#define RUN(stem, WHOLE, PARTS, LIKE, into)                                                  \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r, frt_error_t *err) {  \
    return move_all(state, r, WHOLE, PARTS, LIKE, into, err);                                \
  }
RUN(concat, frt_out(r, FRT_CONCAT_OUT_OUT), &r->in[FRT_CONCAT_IN_X], &r->in[FRT_CONCAT_IN_X], 1)
RUN(concat_grad, frt_in(r, FRT_CONCAT_GRAD_IN_OUT_GRAD), &r->out[FRT_CONCAT_GRAD_OUT_X_GRAD],
    &r->in[FRT_CONCAT_GRAD_IN_X], 0)
RUN(split, frt_in(r, FRT_SPLIT_IN_X), &r->out[FRT_SPLIT_OUT_OUT], &r->out[FRT_SPLIT_OUT_OUT], 0)
RUN(stack, frt_out(r, FRT_STACK_OUT_Y), &r->in[FRT_STACK_IN_X], &r->in[FRT_STACK_IN_X], 1)
RUN(stack_grad, frt_in(r, FRT_STACK_GRAD_IN_Y_GRAD), &r->out[FRT_STACK_GRAD_OUT_X_GRAD],
    &r->out[FRT_STACK_GRAD_OUT_X_GRAD], 0)

/* ---- select_input, select_output: which one only the device knows; all are offered ----------- */

typedef struct { frt_gpu_check_t check; } select_t;
static frt_status_t one_of(const frt_op_t *op, uint32_t count, select_t *s,
                           uint64_t *workspace) {
  frt_gpu_check_plan(&s->check, op, "Mask", workspace);
  frt_gpu_check_range(&s->check, count, "");
  return FRT_OK;
}
static frt_status_t select_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  (void)err;
  return one_of(op, op->in[FRT_SELECT_INPUT_IN_X].count, (select_t *)state, workspace);
}
static frt_status_t select_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const select_t *s = (const select_t *)state;
  const frt_api_slot_t *xs = &r->in[FRT_SELECT_INPUT_IN_X];
  const frt_api_tensor_t *out = frt_out(r, FRT_SELECT_INPUT_OUT_OUT);
  const int32_t *mask = frt_gpu_in(int32_t, r, FRT_SELECT_INPUT_IN_MASK);
  uint8_t *to = (uint8_t *)out->data;
  FRT_TRY(frt_gpu_check_ids(r, &s->check, frt_in(r, FRT_SELECT_INPUT_IN_MASK),
                            (int64_t)xs->count, 0, 0, err));
  for (uint32_t k = 0; k < xs->count; ++k) {
    const uint8_t *from = (const uint8_t *)xs->t[k]->data;
    if (from == to) continue;
    FRT_TRY(frt_gpu_each(
        r, (int64_t)out->bytes,
        [=] FRT_GPU_FN(int64_t i) {
          if (mask[0] == (int32_t)k) to[i] = from[i];
        },
        err, FRT_GPU_STOP(r)));
  }
  return FRT_OK;
}

typedef select_t scatter_t;
static frt_status_t scatter_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                    frt_error_t *err) {
  (void)err;
  return one_of(op, op->out[FRT_SELECT_OUTPUT_OUT_OUT].count, (select_t *)state, workspace);
}
static frt_status_t scatter_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const select_t *s = (const select_t *)state;
  const frt_api_slot_t *outs = &r->out[FRT_SELECT_OUTPUT_OUT_OUT];
  const int32_t *mask = frt_gpu_in(int32_t, r, FRT_SELECT_OUTPUT_IN_MASK);
  const uint8_t *from = (const uint8_t *)frt_in(r, FRT_SELECT_OUTPUT_IN_X)->data;
  FRT_TRY(frt_gpu_check_ids(r, &s->check, frt_in(r, FRT_SELECT_OUTPUT_IN_MASK),
                            (int64_t)outs->count, 0, 0, err));
  for (uint32_t k = 0; k < outs->count; ++k) {
    uint8_t *to = (uint8_t *)outs->t[k]->data;
    FRT_TRY(frt_gpu_each(
        r, (int64_t)outs->t[k]->bytes,
        [=] FRT_GPU_FN(int64_t i) { to[i] = mask[0] == (int32_t)k ? from[i] : 0; }, err,
        FRT_GPU_STOP(r)));
  }
  return FRT_OK;
}

#define ROW(name) FRT_KERNEL(#name, FRT_ANY_DTYPE, name, FRT_GPU_FLAGS)
FRT_KERNELS(cuda, join) = {ROW(concat), ROW(concat_grad), ROW(split), ROW(stack),
                           ROW(stack_grad),
                           FRT_KERNEL("select_input", FRT_ANY_DTYPE, select, FRT_GPU_FLAGS),
                           FRT_KERNEL("select_output", FRT_ANY_DTYPE, scatter, FRT_GPU_FLAGS),
                           FRT_KERNELS_END};
