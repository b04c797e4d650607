#include "ref.h"

static void move(const ref_tensor_t *to, int64_t at, const ref_tensor_t *from,
                 int64_t from_at) {
  if (to->i) to->i[at] = from->i[from_at];
  else ref_put_own(to, at, from->v[from_at]);
}

/* A box of elements of a larger tensor: element e of the box lies at start plus its
 * coordinates times steps. */
typedef struct {
  uint32_t rank;
  int64_t dims[FRT_MAX_RANK], steps[FRT_MAX_RANK], start, n;
} box_t;

static box_t whole_box(const frt_api_tensor_t *t) {
  box_t b;
  memset(&b, 0, sizeof b);
  b.rank = t->rank;
  b.n = t->numel;
  for (uint32_t d = 0; d < t->rank; ++d) {
    b.dims[d] = t->dims[d];
    b.steps[d] = ref_product(t->dims, d + 1, t->rank);
  }
  return b;
}
static void box_size(box_t *b) {
  b->n = ref_product(b->dims, 0, b->rank);
}
static int64_t box_at(const box_t *b, int64_t e) {
  int64_t at = b->start;
  for (uint32_t d = b->rank; d-- > 0; e /= b->dims[d]) at += e % b->dims[d] * b->steps[d];
  return at;
}

static void clear(const ref_tensor_t *t) {
  for (int64_t i = 0; i < t->n; ++i) {
    if (t->i) t->i[i] = 0;
    else ref_put(t, i, 0.0, 0.0);
  }
}

/* ---- transpose2 ------------------------------------------------------------------- */

/* X seen in the order of Out. */
static box_t turned(const frt_api_tensor_t *x, const frt_api_attr_t *axis) {
  const box_t x_box = whole_box(x);
  box_t b = x_box;
  for (uint32_t d = 0; d < x->rank; ++d) {
    b.dims[d] = x_box.dims[axis->v.is[d]];
    b.steps[d] = x_box.steps[axis->v.is[d]];
  }
  return b;
}

static frt_status_t transpose2(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_TRANSPOSE2_IN_X);
  const ref_tensor_t *out = ref_out(c, FRT_TRANSPOSE2_OUT_OUT);
  const box_t b = turned(x->meta, &c->op->attrs[FRT_TRANSPOSE2_ATTR_AXIS]);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) move(out, i, x, box_at(&b, i));
  return FRT_OK;
}

static frt_status_t transpose2_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *g = ref_in(c, FRT_TRANSPOSE2_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_TRANSPOSE2_GRAD_OUT_X_GRAD);
  (void)err;
  if (!dx) return FRT_OK;
  const box_t b = turned(dx->meta, &c->op->attrs[FRT_TRANSPOSE2_GRAD_ATTR_AXIS]);
  for (int64_t i = 0; i < g->n; ++i) move(dx, box_at(&b, i), g, i);
  return FRT_OK;
}

/* ---- slice ------------------------------------------------------------------------- */

static int64_t clamp(int64_t v, int64_t n) {
  if (v < 0) v = v < -n ? 0 : v + n;
  return v > n ? n : v;
}

static box_t cut(const frt_api_tensor_t *x, const frt_api_attr_t *axes,
                 const frt_api_attr_t *starts, const frt_api_attr_t *ends) {
  box_t b = whole_box(x);
  for (uint32_t i = 0; i < axes->count; ++i) {
    const int64_t d = axes->v.is[i] < 0 ? axes->v.is[i] + x->rank : axes->v.is[i];
    const int64_t from = clamp(starts->v.is[i], x->dims[d]);
    const int64_t to = clamp(ends->v.is[i], x->dims[d]);
    b.start += from * b.steps[d];
    b.dims[d] = to > from ? to - from : 0;
  }
  box_size(&b);
  return b;
}
#define CUT(c, OP, x)                                                             \
  cut((x)->meta, &(c)->op->attrs[FRT_##OP##_ATTR_AXES],                           \
      &(c)->op->attrs[FRT_##OP##_ATTR_STARTS], &(c)->op->attrs[FRT_##OP##_ATTR_ENDS])

static frt_status_t slice(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_SLICE_IN_INPUT);
  const ref_tensor_t *out = ref_out(c, FRT_SLICE_OUT_OUT);
  const box_t b = CUT(c, SLICE, x);
  (void)err;
  for (int64_t i = 0; i < b.n; ++i) move(out, i, x, box_at(&b, i));
  return FRT_OK;
}

static frt_status_t slice_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *g = ref_in(c, FRT_SLICE_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_SLICE_GRAD_OUT_INPUT_GRAD);
  (void)err;
  if (!dx) return FRT_OK;
  const box_t b = CUT(c, SLICE_GRAD, dx);
  clear(dx);
  for (int64_t i = 0; i < b.n; ++i) move(dx, box_at(&b, i), g, i);
  return FRT_OK;
}

/* ---- expand ------------------------------------------------------------------------- */

/* Where element `at` of the expanded tensor comes from. */
static int64_t source(const frt_api_tensor_t *x, const frt_api_tensor_t *out, int64_t at) {
  int64_t from = 0, step = 1;
  for (uint32_t d = out->rank; d-- > 0; at /= out->dims[d]) {
    from += at % out->dims[d] % x->dims[d] * step;
    step *= x->dims[d];
  }
  return from;
}

static frt_status_t expand(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_EXPAND_IN_X);
  const ref_tensor_t *out = ref_out(c, FRT_EXPAND_OUT_OUT);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) move(out, i, x, source(x->meta, out->meta, i));
  return FRT_OK;
}

static frt_status_t expand_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *g = ref_in(c, FRT_EXPAND_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_EXPAND_GRAD_OUT_X_GRAD);
  (void)err;
  if (!dx) return FRT_OK;
  clear(dx);
  for (int64_t i = 0; i < g->n; ++i) {
    const int64_t to = source(dx->meta, g->meta, i);
    dx->v[to] += g->v[i];
    if (dx->mag) dx->mag[to] += fabs(g->v[i]);
  }
  return FRT_OK;
}

/* ---- pad ----------------------------------------------------------------------------- */

static box_t framed(const frt_api_tensor_t *outer, const frt_api_attr_t *paddings) {
  box_t b = whole_box(outer);
  for (uint32_t d = 0; d < outer->rank; ++d) {
    b.start += paddings->v.is[2 * d] * b.steps[d];
    b.dims[d] -= paddings->v.is[2 * d] + paddings->v.is[2 * d + 1];
  }
  box_size(&b);
  return b;
}

static frt_status_t pad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *x = ref_in(c, FRT_PAD_IN_X), *out = ref_out(c, FRT_PAD_OUT_OUT);
  const box_t b = framed(out->meta, &c->op->attrs[FRT_PAD_ATTR_PADDINGS]);
  const double value = c->op->attrs[FRT_PAD_ATTR_PAD_VALUE].v.f;
  const int64_t whole = out->meta->dtype == FRT_I32 ? ref_to_i64(value, INT32_MIN, INT32_MAX)
                                                    : ref_to_i64(value, INT64_MIN, INT64_MAX);
  (void)err;
  for (int64_t i = 0; i < out->n; ++i) {
    if (out->i) out->i[i] = whole;
    else ref_put_own(out, i, value);
  }
  for (int64_t i = 0; i < b.n; ++i) move(out, box_at(&b, i), x, i);
  return FRT_OK;
}

static frt_status_t pad_grad(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *g = ref_in(c, FRT_PAD_GRAD_IN_OUT_GRAD);
  const ref_tensor_t *dx = ref_out(c, FRT_PAD_GRAD_OUT_X_GRAD);
  const box_t b = framed(g->meta, &c->op->attrs[FRT_PAD_GRAD_ATTR_PADDINGS]);
  (void)err;
  for (int64_t i = 0; dx && i < b.n; ++i) move(dx, i, g, box_at(&b, i));
  return FRT_OK;
}

#define BOTH(name) {#name, FRT_ANY_DTYPE, name, name, 0}
REF_KERNELS(layout) = {BOTH(transpose2),
                       BOTH(transpose2_grad),
                       BOTH(slice),
                       BOTH(slice_grad),
                       BOTH(expand),
                       {"expand_grad", FRT_FLOATS, expand_grad, NULL, 0},
                       {"pad", FRT_NUMBERS, pad, pad, 0},
                       BOTH(pad_grad),
                       REF_END};
