#include "box.h"
#include "fluidrt/op_index.h"
#include "loop.h"
#include "reduce.h"
#undef A
#undef B

/* A box of one tensor, dense in the other: `skip` elements lie before it. */
typedef struct {
  frt_cpu_box_t b;
  int64_t skip;
} part_t;

static const char *at(const frt_api_tensor_t *t, int64_t element) {
  return (const char *)t->data + (size_t)element * frt_dtype_size(t->dtype);
}
static void clear(const frt_api_tensor_t *t) {
  if (t->bytes) memset(t->data, 0, (size_t)t->bytes);
}

/* `dims` is the box, `steps` its steps in the larger tensor. */
static void part_make(part_t *p, const frt_api_tensor_t *t, const int64_t *dims,
                      const int64_t *steps, int64_t skip, int out_of) {
  int64_t dense[FRT_MAX_RANK];
  frt_cpu_steps(t->rank, dims, dense);
  p->skip = skip;
  frt_cpu_box_make(&p->b, frt_dtype_size(t->dtype), t->rank, dims, out_of ? steps : dense,
                   out_of ? dense : steps);
}

/* ---- transpose2 -------------------------------------------------------------------- */

static void turn_make(part_t *p, const frt_api_tensor_t *x, const frt_api_attr_t *axis,
                      int forward) {
  int64_t steps[FRT_MAX_RANK], dims[FRT_MAX_RANK], turned[FRT_MAX_RANK];
  frt_cpu_steps(x->rank, x->dims, steps);
  if (forward) { /* in the order of Out, so that Out is dense */
    for (uint32_t d = 0; d < x->rank; ++d) {
      dims[d] = x->dims[axis->v.is[d]];
      turned[d] = steps[axis->v.is[d]];
    }
    part_make(p, x, dims, turned, 0, 1);
    return;
  }
  int64_t out_dims[FRT_MAX_RANK], out_steps[FRT_MAX_RANK];
  for (uint32_t d = 0; d < x->rank; ++d) out_dims[d] = x->dims[axis->v.is[d]];
  frt_cpu_steps(x->rank, out_dims, out_steps);
  for (uint32_t d = 0; d < x->rank; ++d) turned[axis->v.is[d]] = out_steps[d];
  part_make(p, x, x->dims, turned, 0, 1);
}

typedef part_t transpose_t;
static frt_status_t transpose_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                      frt_error_t *err) {
  (void)workspace, (void)err;
  turn_make((part_t *)state, frt_in(op, FRT_TRANSPOSE2_IN_X),
            &op->attrs[FRT_TRANSPOSE2_ATTR_AXIS], 1);
  return FRT_OK;
}
static frt_status_t transpose_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  (void)err;
  frt_cpu_box_run(&((const part_t *)state)->b, r, frt_in(r, FRT_TRANSPOSE2_IN_X)->data,
                  frt_out(r, FRT_TRANSPOSE2_OUT_OUT)->data);
  return FRT_OK;
}

typedef part_t transpose_grad_t;
static frt_status_t transpose_grad_prepare(const frt_op_t *op, void *state,
                                           uint64_t *workspace, frt_error_t *err) {
  (void)workspace, (void)err;
  if (frt_has_out(op, FRT_TRANSPOSE2_GRAD_OUT_X_GRAD))
    turn_make((part_t *)state, frt_out(op, FRT_TRANSPOSE2_GRAD_OUT_X_GRAD),
              &op->attrs[FRT_TRANSPOSE2_GRAD_ATTR_AXIS], 0);
  return FRT_OK;
}
static frt_status_t transpose_grad_run(const void *state, const frt_run_t *r,
                                       frt_error_t *err) {
  (void)err;
  if (frt_has_out(r, FRT_TRANSPOSE2_GRAD_OUT_X_GRAD))
    frt_cpu_box_run(&((const part_t *)state)->b, r,
                    frt_in(r, FRT_TRANSPOSE2_GRAD_IN_OUT_GRAD)->data,
                    frt_out(r, FRT_TRANSPOSE2_GRAD_OUT_X_GRAD)->data);
  return FRT_OK;
}

/* ---- slice --------------------------------------------------------------------------- */

static int64_t clamp(int64_t v, int64_t n) {
  if (v < 0) v = v < -n ? 0 : v + n;
  return v > n ? n : v;
}

static void cut(part_t *p, const frt_api_tensor_t *x, const frt_api_attr_t *axes,
                const frt_api_attr_t *starts, const frt_api_attr_t *ends, int out_of) {
  int64_t steps[FRT_MAX_RANK], dims[FRT_MAX_RANK], skip = 0;
  frt_cpu_steps(x->rank, x->dims, steps);
  for (uint32_t d = 0; d < x->rank; ++d) dims[d] = x->dims[d];
  for (uint32_t i = 0; i < axes->count; ++i) {
    const int64_t d = axes->v.is[i] < 0 ? axes->v.is[i] + x->rank : axes->v.is[i];
    const int64_t from = clamp(starts->v.is[i], x->dims[d]);
    const int64_t to = clamp(ends->v.is[i], x->dims[d]);
    skip += from * steps[d];
    dims[d] = to > from ? to - from : 0;
  }
  part_make(p, x, dims, steps, skip, out_of);
}
#define CUT(op, OP, x, out_of)                                               \
  cut((part_t *)state, x, &(op)->attrs[FRT_##OP##_ATTR_AXES],                \
      &(op)->attrs[FRT_##OP##_ATTR_STARTS], &(op)->attrs[FRT_##OP##_ATTR_ENDS], out_of)

typedef part_t slice_t;
static frt_status_t slice_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                  frt_error_t *err) {
  (void)workspace, (void)err;
  CUT(op, SLICE, frt_in(op, FRT_SLICE_IN_INPUT), 1);
  return FRT_OK;
}
static frt_status_t slice_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const part_t *p = (const part_t *)state;
  (void)err;
  if (p->b.numel)
    frt_cpu_box_run(&p->b, r, at(frt_in(r, FRT_SLICE_IN_INPUT), p->skip),
                    frt_out(r, FRT_SLICE_OUT_OUT)->data);
  return FRT_OK;
}

typedef part_t slice_grad_t;
static frt_status_t slice_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                       frt_error_t *err) {
  (void)workspace, (void)err;
  CUT(op, SLICE_GRAD, frt_in(op, FRT_SLICE_GRAD_IN_INPUT), 0);
  return FRT_OK;
}
static frt_status_t slice_grad_run(const void *state, const frt_run_t *r,
                                   frt_error_t *err) {
  const part_t *p = (const part_t *)state;
  (void)err;
  if (!frt_has_out(r, FRT_SLICE_GRAD_OUT_INPUT_GRAD)) return FRT_OK;
  const frt_api_tensor_t *dx = frt_out(r, FRT_SLICE_GRAD_OUT_INPUT_GRAD);
  clear(dx);
  if (p->b.numel)
    frt_cpu_box_run(&p->b, r, frt_in(r, FRT_SLICE_GRAD_IN_OUT_GRAD)->data,
                    (char *)dx->data + (size_t)p->skip * frt_dtype_size(dx->dtype));
  return FRT_OK;
}

/* ---- expand --------------------------------------------------------------------------- */

/* Axes as pairs of loops, over the copies and over X. */
static void pairs(const frt_api_tensor_t *x, const int64_t *times, int64_t *n, int64_t *from,
                  int64_t *to) {
  int64_t x_steps[FRT_MAX_RANK], step = 1;
  frt_cpu_steps(x->rank, x->dims, x_steps);
  for (uint32_t d = x->rank; d-- > 0;) {
    n[2 * d + 1] = x->dims[d];
    from[2 * d + 1] = x_steps[d];
    to[2 * d + 1] = step;
    step *= x->dims[d];
    n[2 * d] = times[d];
    from[2 * d] = 0;
    to[2 * d] = step;
    step *= times[d];
  }
}

typedef part_t expand_t;
static frt_status_t expand_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  const frt_api_tensor_t *x = frt_in(op, FRT_EXPAND_IN_X);
  int64_t n[FRT_CPU_BOX_RANK], from[FRT_CPU_BOX_RANK], to[FRT_CPU_BOX_RANK];
  (void)workspace, (void)err;
  pairs(x, op->attrs[FRT_EXPAND_ATTR_EXPAND_TIMES].v.is, n, from, to);
  frt_cpu_box_make(&((part_t *)state)->b, frt_dtype_size(x->dtype), 2 * x->rank, n, from, to);
  return FRT_OK;
}
static frt_status_t expand_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  (void)err;
  frt_cpu_box_run(&((const part_t *)state)->b, r, frt_in(r, FRT_EXPAND_IN_X)->data,
                  frt_out(r, FRT_EXPAND_OUT_OUT)->data);
  return FRT_OK;
}

/* The copies of X in Out, as loops that stay and loops that go. */
static uint32_t copies(const frt_api_tensor_t *x, const int64_t *times, int64_t *dims,
                       uint32_t *goes) {
  uint32_t rank = 0;
  *goes = 0;
  for (uint32_t d = 0; d < 2 * x->rank; ++d) {
    const int64_t n = d % 2 ? x->dims[d / 2] : times[d / 2];
    const uint32_t gone = d % 2 ? 0u : 1u;
    if (n == 1) continue;
    if (rank && (*goes >> (rank - 1) & 1u) == gone) {
      dims[rank - 1] *= n;
      continue;
    }
    *goes |= gone << rank;
    dims[rank++] = n;
  }
  return rank;
}

static frt_reason_t expand_grad_refuse(const frt_op_t *op, char detail[160]) {
  const frt_api_attr_t *times = &op->attrs[FRT_EXPAND_GRAD_ATTR_EXPAND_TIMES];
  int64_t dims[FRT_CPU_BOX_RANK];
  uint32_t goes;
  const uint32_t rank = copies(frt_in(op, FRT_EXPAND_GRAD_IN_X), times->v.is, dims, &goes);
  if (rank <= FRT_MAX_RANK) return FRT_REASON_NONE;
  snprintf(detail, 160, "expand_times repeats %u axes of X apart; the kernel sums over %d",
           rank / 2, FRT_MAX_RANK / 2);
  return FRT_REASON_RANK;
}

typedef struct { frt_cpu_reduce_t plan; } expand_grad_t;
static frt_status_t expand_grad_prepare(const frt_op_t *op, void *state,
                                        uint64_t *workspace, frt_error_t *err) {
  const frt_api_attr_t *times = &op->attrs[FRT_EXPAND_GRAD_ATTR_EXPAND_TIMES];
  int64_t dims[FRT_CPU_BOX_RANK];
  uint32_t goes;
  const uint32_t rank = copies(frt_in(op, FRT_EXPAND_GRAD_IN_X), times->v.is, dims, &goes);
  (void)err;
  frt_cpu_reduce_make(&((expand_grad_t *)state)->plan, FRT_CPU_SUM, rank, dims, goes,
                      workspace);
  return FRT_OK;
}
static frt_status_t expand_grad_run(const void *state, const frt_run_t *r,
                                    frt_error_t *err) {
  (void)err;
  if (frt_has_out(r, FRT_EXPAND_GRAD_OUT_X_GRAD))
    frt_cpu_reduce_run(&((const expand_grad_t *)state)->plan, r,
                       frt_in_f32(r, FRT_EXPAND_GRAD_IN_OUT_GRAD),
                       frt_out_f32(r, FRT_EXPAND_GRAD_OUT_X_GRAD), r->workspace, 1.0);
  return FRT_OK;
}

/* ---- pad ------------------------------------------------------------------------------- */

typedef struct {
  part_t p;
  uint64_t value; /* its bytes, as many as an element has */
} pad_t;

static void framed(part_t *p, const frt_api_tensor_t *outer, const int64_t *paddings,
                   int out_of) {
  int64_t steps[FRT_MAX_RANK], dims[FRT_MAX_RANK], skip = 0;
  frt_cpu_steps(outer->rank, outer->dims, steps);
  for (uint32_t d = 0; d < outer->rank; ++d) {
    skip += paddings[2 * d] * steps[d];
    dims[d] = outer->dims[d] - paddings[2 * d] - paddings[2 * d + 1];
  }
  part_make(p, outer, dims, steps, skip, out_of);
}

static int64_t saturate(double v, int64_t lo, int64_t hi) {
  return v != v ? 0 : v <= (double)lo ? lo : v >= (double)hi ? hi : (int64_t)v;
}

static frt_status_t pad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                frt_error_t *err) {
  pad_t *s = (pad_t *)state;
  const frt_api_tensor_t *out = frt_out(op, FRT_PAD_OUT_OUT);
  const double v = op->attrs[FRT_PAD_ATTR_PAD_VALUE].v.f;
  const float f = (float)v;
  const int32_t i32 = (int32_t)saturate(v, INT32_MIN, INT32_MAX);
  const int64_t i64 = saturate(v, INT64_MIN, INT64_MAX);
  (void)workspace, (void)err;
  framed(&s->p, out, op->attrs[FRT_PAD_ATTR_PADDINGS].v.is, 0);
  switch (out->dtype) {
    case FRT_F32: memcpy(&s->value, &f, sizeof f); break;
    case FRT_F64: memcpy(&s->value, &v, sizeof v); break;
    case FRT_I32: memcpy(&s->value, &i32, sizeof i32); break;
    default: memcpy(&s->value, &i64, sizeof i64);
  }
  return FRT_OK;
}

static frt_status_t pad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const pad_t *s = (const pad_t *)state;
  const frt_api_tensor_t *out = frt_out(r, FRT_PAD_OUT_OUT);
  const size_t size = frt_dtype_size(out->dtype);
  const int64_t n = out->numel, none = 0, one = 1;
  frt_cpu_box_t frame;
  (void)err;
  if (!n) return FRT_OK;
  frt_cpu_box_make(&frame, size, 1, &n, &none, &one);
  frt_cpu_box_run(&frame, r, &s->value, out->data);
  if (s->p.b.numel)
    frt_cpu_box_run(&s->p.b, r, frt_in(r, FRT_PAD_IN_X)->data,
                    (char *)out->data + (size_t)s->p.skip * size);
  return FRT_OK;
}

typedef part_t pad_grad_t;
static frt_status_t pad_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                     frt_error_t *err) {
  (void)workspace, (void)err;
  framed((part_t *)state, frt_in(op, FRT_PAD_GRAD_IN_OUT_GRAD),
         op->attrs[FRT_PAD_GRAD_ATTR_PADDINGS].v.is, 1);
  return FRT_OK;
}
static frt_status_t pad_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const part_t *p = (const part_t *)state;
  (void)err;
  if (frt_has_out(r, FRT_PAD_GRAD_OUT_X_GRAD) && p->b.numel)
    frt_cpu_box_run(&p->b, r, at(frt_in(r, FRT_PAD_GRAD_IN_OUT_GRAD), p->skip),
                    frt_out(r, FRT_PAD_GRAD_OUT_X_GRAD)->data);
  return FRT_OK;
}

#define FIXED (FRT_F32S | FRT_INTS | FRT_DTYPE_BIT(FRT_F64))
#define SAME FRT_KERNEL_DETERMINISTIC
FRT_KERNELS(cpu, layout) = {
    FRT_KERNEL("transpose2", FRT_ANY_DTYPE, transpose, SAME),
    FRT_KERNEL("transpose2_grad", FRT_ANY_DTYPE, transpose_grad, SAME),
    FRT_KERNEL("slice", FRT_ANY_DTYPE, slice, SAME),
    FRT_KERNEL("slice_grad", FRT_ANY_DTYPE, slice_grad, SAME),
    FRT_KERNEL("expand", FRT_ANY_DTYPE, expand, SAME),
    {"expand_grad", FRT_F32S, sizeof(expand_grad_t), expand_grad_prepare, expand_grad_run,
     SAME, expand_grad_refuse},
    FRT_KERNEL("pad", FIXED, pad, SAME),
    FRT_KERNEL("pad_grad", FRT_ANY_DTYPE, pad_grad, SAME),
    FRT_KERNELS_END};
