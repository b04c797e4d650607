#include "box.h"
#include "fluidrt/op_index.h"

/* A whole [outer, total, inner] and the parts that lie in it along the middle. */
typedef struct {
  int64_t outer, total, inner, each; /* each: extent of a part, -1: its own */
  int64_t axis;
} join_t;

static void make(join_t *s, const frt_api_tensor_t *whole, int64_t axis, int stacked) {
  s->axis = axis < 0 ? axis + whole->rank : axis;
  s->outer = s->inner = 1;
  for (uint32_t d = 0; d < whole->rank; ++d) {
    if (d < s->axis) s->outer *= whole->dims[d];
    if (d > s->axis) s->inner *= whole->dims[d];
  }
  s->total = whole->dims[s->axis];
  s->each = stacked ? 1 : -1;
}

static void move(const join_t *s, const frt_run_t *r, const frt_api_tensor_t *whole,
                 const frt_api_slot_t *parts, int into_whole) {
  const size_t size = frt_dtype_size(whole->dtype);
  int64_t at = 0;
  for (uint32_t k = 0; k < parts->count; ++k) {
    const int64_t n = s->each > 0 ? s->each : parts->t[k]->dims[s->axis];
    const int64_t dims[2] = {s->outer, n * s->inner}, steps[2] = {n * s->inner, 1};
    const int64_t whole_steps[2] = {s->total * s->inner, 1};
    char *place = (char *)whole->data + (size_t)(at * s->inner) * size;
    frt_cpu_box_t b;
    at += n;
    if (!s->outer || !n || !s->inner) continue;
    frt_cpu_box_make(&b, size, 2, dims, into_whole ? steps : whole_steps,
                     into_whole ? whole_steps : steps);
    if (into_whole) frt_cpu_box_run(&b, r, parts->t[k]->data, place);
    else frt_cpu_box_run(&b, r, place, parts->t[k]->data);
  }
}

#define JOIN(name, whole_tensor, parts, OP, stacked, into_whole)                         \
  typedef join_t name##_t;                                                               \
  static frt_status_t name##_prepare(const frt_op_t *x, void *state, uint64_t *workspace, \
                                     frt_error_t *err) {                                 \
    (void)workspace, (void)err;                                                          \
    make((join_t *)state, whole_tensor, frt_attr_i64(x, FRT_##OP##_ATTR_AXIS), stacked); \
    return FRT_OK;                                                                       \
  }                                                                                      \
  static frt_status_t name##_run(const void *state, const frt_run_t *x,                  \
                                 frt_error_t *err) {                                     \
    (void)err;                                                                           \
    move((const join_t *)state, x, whole_tensor, &x->parts, into_whole);                 \
    return FRT_OK;                                                                       \
  }
JOIN(concat, frt_out(x, FRT_CONCAT_OUT_OUT), in[FRT_CONCAT_IN_X], CONCAT, 0, 1)
JOIN(concat_grad, frt_in(x, FRT_CONCAT_GRAD_IN_OUT_GRAD), out[FRT_CONCAT_GRAD_OUT_X_GRAD],
     CONCAT_GRAD, 0, 0)
JOIN(split, frt_in(x, FRT_SPLIT_IN_X), out[FRT_SPLIT_OUT_OUT], SPLIT, 0, 0)
JOIN(stack, frt_out(x, FRT_STACK_OUT_Y), in[FRT_STACK_IN_X], STACK, 1, 1)
JOIN(stack_grad, frt_in(x, FRT_STACK_GRAD_IN_Y_GRAD), out[FRT_STACK_GRAD_OUT_X_GRAD],
     STACK_GRAD, 1, 0)

FRT_KERNELS(cpu, join) = {
    FRT_KERNEL("concat", FRT_ANY_DTYPE, concat, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("concat_grad", FRT_ANY_DTYPE, concat_grad, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("split", FRT_ANY_DTYPE, split, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("stack", FRT_ANY_DTYPE, stack, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNEL("stack_grad", FRT_ANY_DTYPE, stack_grad, FRT_KERNEL_DETERMINISTIC),
    FRT_KERNELS_END};
