/* Products of the last two axes, with transposes and batches. */
#include "shape.h"

/* A side as [batch..., rows, cols], after its transposition. A vector is one row as X
 * and one column as Y. */
typedef struct side {
  frt_shape_t batch;
  int64_t rows, cols;
} side_t;

static side_t side_of(const frt_shape_t *s, int as_y, int turn) {
  side_t d = {shape_with(s, s->dtype), 1, 1};
  d.batch.rank = s->rank > 2 ? s->rank - 2 : 0;
  if (s->rank == 1 && as_y) d.rows = s->dims[0];
  else if (s->rank == 1) d.cols = s->dims[0];
  else if (s->rank) {
    d.rows = s->dims[s->rank - 2];
    d.cols = s->dims[s->rank - 1];
  }
  if (turn) {
    const int64_t rows = d.rows;
    d.rows = d.cols;
    d.cols = rows;
  }
  return d;
}

static frt_status_t bad_batch(const frt_infer_t *x, const char *wanted, frt_error_t *err) {
  return shape_fail(err, FRT_INVALID_ARGUMENT, "Y",
                    "Y has shape %s, X has shape %s; wanted %s",
                    shape_text(frt_infer_in(x, "Y")).s, shape_text(frt_infer_in(x, "X")).s,
                    wanted);
}

/* matmul: both alike, or one side has none. */
static frt_status_t same_batch(const frt_infer_t *x, const side_t *a, const side_t *b,
                               frt_shape_t *out, frt_error_t *err) {
  *out = a->batch.rank ? a->batch : b->batch;
  if (!a->batch.rank || !b->batch.rank) return FRT_OK;
  if (!shape_agrees(&a->batch, &b->batch))
    return bad_batch(x, "like dims before the last two, or rank 2 at most on one side",
                     err);
  shape_join(out, &b->batch);
  return FRT_OK;
}

/* matmul_v2: aligned at the end, 1 is repeated. */
static frt_status_t laid_batch(const frt_infer_t *x, const side_t *a, const side_t *b,
                               frt_shape_t *out, frt_error_t *err) {
  const frt_shape_t *p = &a->batch, *q = &b->batch;
  *out = p->rank >= q->rank ? *p : *q;
  for (uint32_t i = 1; i <= out->rank; ++i) {
    const int64_t u = i <= p->rank ? p->dims[p->rank - i] : 1;
    const int64_t v = i <= q->rank ? q->dims[q->rank - i] : 1;
    if (u != v && u >= 0 && v >= 0 && u != 1 && v != 1)
      return bad_batch(x, "dims before the last two that are equal or 1", err);
    out->dims[out->rank - i] = u == 1 || (u < 0 && v > 1) ? v : u;
  }
  return FRT_OK;
}

static frt_status_t product(const frt_infer_t *x, int tx, int ty, int lay,
                            frt_shape_t *out, frt_error_t *err) {
  const frt_shape_t *xs = frt_infer_in(x, "X"), *ys = frt_infer_in(x, "Y");
  const side_t a = side_of(xs, 0, tx), b = side_of(ys, 1, ty);
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_same_dtype("Y", ys, "X", xs, err));
  if (!xs->rank || !ys->rank)
    return shape_fail(err, FRT_INVALID_ARGUMENT, xs->rank ? "Y" : "X",
                      "%s has shape []; wanted rank 1 at least", xs->rank ? "Y" : "X");
  if (!shape_dim_agrees(a.cols, b.rows))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Y",
                      "Y has shape %s%s, X has shape %s%s; wanted %lld rows of Y as X has "
                      "%lld columns", shape_text(ys).s, ty ? " (transposed)" : "",
                      shape_text(xs).s, tx ? " (transposed)" : "", (long long)a.cols,
                      (long long)a.cols);
  FRT_TRY((lay ? laid_batch : same_batch)(x, &a, &b, out, err));
  out->dtype = xs->dtype;
  /* A vector's own axis of 1 goes; a transposed vector may have another extent. */
  if (!(xs->rank == 1 && a.rows == 1)) out->dims[out->rank++] = a.rows;
  if (!(ys->rank == 1 && b.cols == 1)) out->dims[out->rank++] = b.cols;
  if (!out->rank) *out = shape_scalar(xs->dtype);
  return FRT_OK;
}

/* ---- matmul ------------------------------------------------------------------------ */

static frt_status_t unsupported(const char *attr, frt_error_t *err) {
  return shape_fail(err, FRT_UNIMPLEMENTED, attr,
                    "%s is set; only its default is supported", attr);
}

static frt_status_t matmul_forward(const frt_infer_t *x, frt_shape_t *out,
                                   frt_error_t *err) {
  if (frt_infer_attr(x, "fused_reshape_Out")->count)
    return unsupported("fused_reshape_Out", err);
  if (frt_infer_attr(x, "fused_transpose_Out")->count)
    return unsupported("fused_transpose_Out", err);
  if (shape_int(x, "head_number") != 1) return unsupported("head_number", err);
  return product(x, shape_int(x, "transpose_X") != 0, shape_int(x, "transpose_Y") != 0, 0,
                 out, err);
}

static frt_status_t matmul_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(matmul_forward(x, &out, err));
  return shape_out(x, "Out", out, err);
}

static frt_status_t grads_out(const frt_infer_t *x, const frt_shape_t *out,
                              frt_error_t *err) {
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "the product", out, err));
  FRT_TRY(shape_out(x, "X@GRAD", *frt_infer_in(x, "X"), err));
  return shape_out(x, "Y@GRAD", *frt_infer_in(x, "Y"), err);
}

static frt_status_t matmul_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(matmul_forward(x, &out, err));
  return grads_out(x, &out, err);
}

/* ---- matmul_v2: vectors are not transposed ------------------------------------------ */

static int v2_turns(const frt_infer_t *x, const char *slot, const char *attr) {
  return shape_int(x, attr) != 0 && frt_infer_in(x, slot)->rank > 1;
}

static frt_status_t v2_forward(const frt_infer_t *x, frt_shape_t *out, frt_error_t *err) {
  return product(x, v2_turns(x, "X", "trans_x"), v2_turns(x, "Y", "trans_y"), 1, out, err);
}

static frt_status_t matmul_v2_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(v2_forward(x, &out, err));
  return shape_out(x, "Out", out, err);
}

static frt_status_t matmul_v2_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(v2_forward(x, &out, err));
  return grads_out(x, &out, err);
}

/* ---- cost: 2 |Out| K ------------------------------------------------------------------ */

static double flops(const frt_infer_t *x, int tx, const frt_shape_t *out) {
  const side_t a = side_of(frt_infer_in(x, "X"), 0, tx);
  return a.cols > 0 ? 2 * shape_elements(out) * (double)a.cols : 0;
}
static frt_cost_t matmul_cost(const frt_infer_t *x) {
  return shape_cost(x, flops(x, shape_int(x, "transpose_X") != 0, frt_infer_out(x, "Out")));
}
static frt_cost_t matmul_v2_cost(const frt_infer_t *x) {
  return shape_cost(x, flops(x, v2_turns(x, "X", "trans_x"), frt_infer_out(x, "Out")));
}
static int products(const frt_infer_t *x) {
  return !!frt_infer_out(x, "X@GRAD") + !!frt_infer_out(x, "Y@GRAD");
}
static frt_cost_t matmul_grad_cost(const frt_infer_t *x) {
  return shape_cost(x, products(x) * flops(x, shape_int(x, "transpose_X") != 0,
                                           frt_infer_in(x, "Out@GRAD")));
}
static frt_cost_t matmul_v2_grad_cost(const frt_infer_t *x) {
  return shape_cost(x, products(x) * flops(x, v2_turns(x, "X", "trans_x"),
                                           frt_infer_in(x, "Out@GRAD")));
}

#define UNUSED(name, type, def) \
  {name, type, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, "no meaning here", def}
#define ONLY(name, type, doc, def) {name, type, FRT_ATTR_DEFAULT, doc, def}
#define TURN(name, slot) \
  {name, FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, "the last two axes of " slot " change places"}
#define ALPHA {"alpha", FRT_ATTR_F32, FRT_ATTR_DEFAULT, "factor", 1}
#define HEADS ONLY("head_number", FRT_ATTR_INT, "only 1 is supported", 1)
#define RESHAPE ONLY("fused_reshape_Out", FRT_ATTR_INTS, "only empty is supported", 0)
#define TRANSPOSE ONLY("fused_transpose_Out", FRT_ATTR_INTS, "only empty is supported", 0)
#define SCALES(a, b, c)                                                \
  UNUSED("Scale_" a, FRT_ATTR_F32, 1), UNUSED("Scale_" b, FRT_ATTR_F32, 1), \
      UNUSED("Scale_" c, FRT_ATTR_F32, 1)
#define FORCE SHAPE_IGNORED_BOOL("force_fp32_output")
#define MKLDNN SHAPE_IGNORED_BOOL("use_mkldnn")
#define QUANTIZER SHAPE_IGNORED_BOOL("use_quantizer")
#define X_SLOT {"X", FRT_FLOATS, 0, "[batch..., M, K] or [K]"}
#define Y_SLOT {"Y", FRT_FLOATS, 0, "[batch..., K, N] or [K]"}
#define G_SLOT {"Out@GRAD", FRT_FLOATS, 0, "[batch..., M, N]"}
#define OUT_SLOT {"Out", FRT_FLOATS, 0, "[batch..., M, N], without the axes of vectors"}
#define GRADS                                                    \
  {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"},      \
   {"Y@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Y"}}

FRT_OPS(matmul_batch) = {
    {.type = "matmul",
     .doc = "Out = alpha X . Y over the last two axes, batch by batch; a side of rank 2 "
            "serves every batch.",
     .source = "PaddlePaddle 1.8 op matmul",
     .inputs = {X_SLOT, Y_SLOT},
     .outputs = {OUT_SLOT},
     .attrs = {TURN("transpose_X", "X"), TURN("transpose_Y", "Y"), ALPHA, MKLDNN, RESHAPE,
               TRANSPOSE, QUANTIZER, SCALES("x", "y", "out"), FORCE, HEADS},
     .infer_shape = matmul_shape, .cost = matmul_cost, .grad = "matmul_grad"},
    {.type = "matmul_grad",
     .doc = "X@GRAD = alpha Out@GRAD . Y^T, Y@GRAD = alpha X^T . Out@GRAD, transposed as "
            "X and Y are, summed over the batches that one matrix served.",
     .source = "PaddlePaddle 1.8 op matmul_grad",
     .inputs = {G_SLOT, X_SLOT, Y_SLOT},
     .outputs = GRADS,
     .attrs = {SCALES("out", "x", "y"), ALPHA, FORCE, RESHAPE, TRANSPOSE, HEADS,
               TURN("transpose_X", "X"), TURN("transpose_Y", "Y"), MKLDNN, QUANTIZER},
     .infer_shape = matmul_grad_shape, .cost = matmul_grad_cost, .grad = FRT_NO_GRAD},
    {.type = "matmul_v2",
     .doc = "Out = X . Y over the last two axes; batch dims are laid over each other from "
            "the end, an extent of 1 is repeated; vectors are never transposed.",
     .source = "PaddlePaddle 2 and 3 op matmul_v2",
     .inputs = {X_SLOT, Y_SLOT},
     .outputs = {OUT_SLOT},
     .attrs = {TURN("trans_x", "X"), TURN("trans_y", "Y")},
     .infer_shape = matmul_v2_shape, .cost = matmul_v2_cost, .grad = "matmul_v2_grad"},
    {.type = "matmul_v2_grad",
     .doc = "X@GRAD = Out@GRAD . Y^T, Y@GRAD = X^T . Out@GRAD, transposed as X and Y are, "
            "summed over the batches that one matrix served.",
     .source = "PaddlePaddle 2 and 3 op matmul_v2_grad",
     .inputs = {X_SLOT, Y_SLOT, G_SLOT},
     .outputs = GRADS,
     .attrs = {TURN("trans_x", "X"), TURN("trans_y", "Y")},
     .infer_shape = matmul_v2_grad_shape, .cost = matmul_v2_grad_cost,
     .grad = FRT_NO_GRAD},
    {0}};
