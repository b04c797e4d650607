#include "ref.h"

/* One element, in whichever form the call has. */
static void move(const ref_tensor_t *to, int64_t at, const ref_tensor_t *from,
                 int64_t from_at) {
  if (to->i) to->i[at] = from->i[from_at];
  else ref_put_own(to, at, from->v[from_at]);
}

/* `part` is [outer, n, inner]; it lies in `whole` [outer, total, inner] from `at` on. */
static void move_part(const ref_tensor_t *whole, const ref_tensor_t *part, ref_axis_t part_axis,
                      int64_t total, int64_t at, int into_whole) {
  for (int64_t i = 0; i < part->n; ++i) {
    const int64_t inner = i % part_axis.inner, n = i / part_axis.inner % part_axis.n;
    const int64_t outer = i / part_axis.inner / part_axis.n;
    const int64_t to = (outer * total + at + n) * part_axis.inner + inner;
    if (into_whole) move(whole, to, part, i);
    else move(part, i, whole, to);
  }
}

/* All of a slot's tensors, one after the other along an axis of the whole. */
static frt_status_t move_all(const ref_tensor_t *whole, const ref_slot_t *parts,
                             const ref_slot_t *like, int64_t axis, int into_whole) {
  const int64_t total = ref_split(whole->meta, axis).n;
  int64_t at = 0;
  for (uint32_t k = 0; k < parts->count; ++k) {
    const ref_axis_t a = ref_split(like->t[k].meta, axis);
    move_part(whole, &parts->t[k], a, total, at, into_whole);
    at += a.n;
  }
  return FRT_OK;
}

static frt_status_t concat(const ref_call_t *c, frt_error_t *err) {
  const ref_slot_t *xs = &c->in[FRT_CONCAT_IN_X];
  (void)err;
  return move_all(ref_out(c, FRT_CONCAT_OUT_OUT), xs, xs,
                  frt_attr_i64(c->op, FRT_CONCAT_ATTR_AXIS), 1);
}

static frt_status_t concat_grad(const ref_call_t *c, frt_error_t *err) {
  (void)err;
  return move_all(ref_in(c, FRT_CONCAT_GRAD_IN_OUT_GRAD),
                  &c->out[FRT_CONCAT_GRAD_OUT_X_GRAD], &c->in[FRT_CONCAT_GRAD_IN_X],
                  frt_attr_i64(c->op, FRT_CONCAT_GRAD_ATTR_AXIS), 0);
}

static frt_status_t split(const ref_call_t *c, frt_error_t *err) {
  const ref_slot_t *outs = &c->out[FRT_SPLIT_OUT_OUT];
  (void)err;
  return move_all(ref_in(c, FRT_SPLIT_IN_X), outs, outs,
                  frt_attr_i64(c->op, FRT_SPLIT_ATTR_AXIS), 0);
}

/* A slice of Y along its new axis has extent 1 there. */
static frt_status_t stacked(const ref_tensor_t *y, const ref_slot_t *xs, int64_t axis,
                            int into_whole) {
  ref_axis_t a = ref_split(y->meta, axis);
  const int64_t total = a.n;
  a.n = 1;
  for (uint32_t k = 0; k < xs->count; ++k)
    move_part(y, &xs->t[k], a, total, k, into_whole);
  return FRT_OK;
}

static frt_status_t stack(const ref_call_t *c, frt_error_t *err) {
  (void)err;
  return stacked(ref_out(c, FRT_STACK_OUT_Y), &c->in[FRT_STACK_IN_X],
                 frt_attr_i64(c->op, FRT_STACK_ATTR_AXIS), 1);
}

static frt_status_t stack_grad(const ref_call_t *c, frt_error_t *err) {
  (void)err;
  return stacked(ref_in(c, FRT_STACK_GRAD_IN_Y_GRAD), &c->out[FRT_STACK_GRAD_OUT_X_GRAD],
                 frt_attr_i64(c->op, FRT_STACK_GRAD_ATTR_AXIS), 0);
}

#define BOTH(name) {#name, FRT_ANY_DTYPE, name, name, 0}
REF_KERNELS(join) = {BOTH(concat), BOTH(concat_grad), BOTH(split), BOTH(stack),
                     BOTH(stack_grad), REF_END};
