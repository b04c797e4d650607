#include "shape.h"

/* ---- mul: [M, K] . [K, N] after flattening ---------------------------------- */

static frt_status_t num_col_dims(const frt_infer_t *x, const char *attr,
                                 const char *slot, const frt_shape_t *s, uint32_t *out,
                                 frt_error_t *err) {
  const int64_t n = shape_int(x, attr);
  *out = 1;
  if (n < 1 || n >= (int64_t)s->rank)
    return shape_fail(err, FRT_INVALID_ARGUMENT, attr,
                      "%s is %lld; wanted 1 to %lld as %s has shape %s", attr,
                      (long long)n, (long long)s->rank - 1, slot, shape_text(s).s);
  *out = (uint32_t)n;
  return FRT_OK;
}

/* "3", or "K" where it is not known. */
static shape_text_t extent(int64_t n, const char *unknown) {
  shape_text_t t;
  if (n < 0) snprintf(t.s, sizeof t.s, "%s", unknown);
  else snprintf(t.s, sizeof t.s, "%lld", (long long)n);
  return t;
}

static frt_status_t mul_forward(const frt_infer_t *x, frt_shape_t *out,
                                frt_error_t *err) {
  const frt_shape_t *a = frt_infer_in(x, "X"), *b = frt_infer_in(x, "Y");
  uint32_t ac, bc;
  int64_t ka, kb;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_same_dtype("Y", b, "X", a, err));
  FRT_TRY(num_col_dims(x, "x_num_col_dims", "X", a, &ac, err));
  FRT_TRY(num_col_dims(x, "y_num_col_dims", "Y", b, &bc, err));
  if (!shape_product(a, ac, a->rank, &ka) || !shape_product(b, 0, bc, &kb))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Y",
                      "X has shape %s, Y has shape %s; their flattened size overflows "
                      "64 bits", shape_text(a).s, shape_text(b).s);
  if (!shape_dim_agrees(ka, kb) && bc == 1)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Y",
                      "Y has shape %s; wanted [%s, N] as X is %s with x_num_col_dims %u",
                      shape_text(b).s, extent(ka, "K").s, shape_text(a).s, ac);
  if (!shape_dim_agrees(ka, kb))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Y",
                      "Y has shape %s, %lld rows with y_num_col_dims %u; wanted %lld rows "
                      "as X is %s with x_num_col_dims %u", shape_text(b).s,
                      (long long)kb, bc, (long long)ka, shape_text(a).s, ac);
  if (ac + b->rank - bc > FRT_MAX_RANK)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Y",
                      "X has shape %s, Y has shape %s; Out would have rank %u, wanted at "
                      "most %d", shape_text(a).s, shape_text(b).s, ac + b->rank - bc,
                      FRT_MAX_RANK);
  *out = shape_with(a, a->dtype);
  out->rank = ac;
  for (uint32_t i = bc; i < b->rank; ++i) out->dims[out->rank++] = b->dims[i];
  return FRT_OK;
}

static frt_status_t mul_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(mul_forward(x, &out, err));
  return shape_out(x, "Out", out, err);
}

static frt_status_t mul_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(mul_forward(x, &out, err));
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "Out", &out, err));
  FRT_TRY(shape_out(x, "X@GRAD", *frt_infer_in(x, "X"), err));
  return shape_out(x, "Y@GRAD", *frt_infer_in(x, "Y"), err);
}

/* 2 M K N = 2 |X| N: N is what of Y is left of its rows. */
static double gemm_flops(const frt_shape_t *a, const frt_shape_t *b, int64_t b_rows_dims) {
  int64_t n = 0;
  if (!shape_product(b, (uint32_t)b_rows_dims, b->rank, &n) || n < 0) n = 0;
  return 2 * shape_elements(a) * (double)n;
}

static frt_cost_t mul_cost(const frt_infer_t *x) {
  return shape_cost(x, gemm_flops(frt_infer_in(x, "X"), frt_infer_in(x, "Y"),
                                  shape_int(x, "y_num_col_dims")));
}

static frt_cost_t mul_grad_cost(const frt_infer_t *x) {
  const int products = !!frt_infer_out(x, "X@GRAD") + !!frt_infer_out(x, "Y@GRAD");
  return shape_cost(x, products * mul_cost(x).flops);
}

/* ---- fc: mul, bias and activation in one -------------------------------------- */

static frt_status_t fc_options(const frt_infer_t *x, const frt_shape_t *bias,
                               frt_error_t *err) {
  const char *act = shape_str(x, "activation_type");
  if (act[0] && strcmp(act, "relu"))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "activation_type",
                      "activation_type is '%.40s'; wanted \"\" or \"relu\"", act);
  if (act[0] && !bias)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "activation_type",
                      "activation_type is 'relu'; when Bias is absent, activation_type "
                      "must be \"\"");
  if (frt_infer_attr(x, "padding_weights") && shape_int(x, "padding_weights"))
    return shape_fail(err, FRT_UNIMPLEMENTED, "padding_weights",
                      "padding_weights is true; only false is supported");
  return FRT_OK;
}

static frt_status_t fc_bias(const frt_shape_t *bias, const frt_shape_t *in,
                            const frt_shape_t *w, frt_error_t *err) {
  FRT_TRY(shape_same_dtype("Bias", bias, "Input", in, err));
  if ((bias->rank == 1 || (bias->rank == 2 && shape_dim_agrees(bias->dims[0], 1))) &&
      shape_dim_agrees(bias->dims[bias->rank - 1], w->dims[1]))
    return FRT_OK;
  return shape_fail(err, FRT_INVALID_ARGUMENT, "Bias",
                    "Bias has shape %s; wanted [%s] or [1, %s] as W is %s",
                    shape_text(bias).s, extent(w->dims[1], "N").s,
                    extent(w->dims[1], "N").s, shape_text(w).s);
}

static frt_status_t fc_forward(const frt_infer_t *x, frt_shape_t *out,
                               frt_error_t *err) {
  const frt_shape_t *in = frt_infer_in(x, "Input"), *w = frt_infer_in(x, "W");
  const frt_shape_t *bias = frt_infer_in(x, "Bias");
  uint32_t cols;
  int64_t k;
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(shape_same_dtype("W", w, "Input", in, err));
  FRT_TRY(num_col_dims(x, "in_num_col_dims", "Input", in, &cols, err));
  FRT_TRY(fc_options(x, bias, err));
  if (!shape_product(in, cols, in->rank, &k)) k = -1; /* then |Input| = 0 */
  if (w->rank != 2 || !shape_dim_agrees(w->dims[0], k))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "W",
                      "W has shape %s; wanted [%s, N] as Input is %s with "
                      "in_num_col_dims %u", shape_text(w).s, extent(k, "K").s,
                      shape_text(in).s, cols);
  if (bias) FRT_TRY(fc_bias(bias, in, w, err));
  *out = *in;
  out->rank = cols + 1;
  out->dims[cols] = w->dims[1];
  return FRT_OK;
}

static frt_status_t fc_shape(const frt_infer_t *x, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(fc_forward(x, &out, err));
  return shape_out(x, "Out", out, err);
}

static frt_status_t fc_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  const frt_shape_t *bias = frt_infer_in(x, "Bias"), *saved = frt_infer_in(x, "Out");
  frt_shape_t out;
  FRT_TRY(fc_forward(x, &out, err));
  if (shape_str(x, "activation_type")[0] && !saved)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Out",
                      "Out is absent; wanted the forward op's Out as activation_type "
                      "is 'relu'");
  if (saved) FRT_TRY(shape_same("Out", saved, "Input . W", &out, err));
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "Input . W", &out, err));
  if (frt_infer_out(x, "Bias@GRAD") && !bias)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Bias@GRAD",
                      "Bias@GRAD is wanted, but Bias is absent");
  FRT_TRY(shape_out(x, "Input@GRAD", *frt_infer_in(x, "Input"), err));
  FRT_TRY(shape_out(x, "W@GRAD", *frt_infer_in(x, "W"), err));
  return bias ? shape_out(x, "Bias@GRAD", *bias, err) : FRT_OK;
}

static frt_cost_t fc_cost(const frt_infer_t *x) {
  const frt_shape_t *out = frt_infer_out(x, "Out");
  const int passes = !!frt_infer_in(x, "Bias") + (shape_str(x, "activation_type")[0] != 0);
  return shape_cost(x, gemm_flops(frt_infer_in(x, "Input"), frt_infer_in(x, "W"), 1) +
                           (out ? passes * shape_elements(out) : 0));
}

static frt_cost_t fc_grad_cost(const frt_infer_t *x) {
  const int products = !!frt_infer_out(x, "Input@GRAD") + !!frt_infer_out(x, "W@GRAD");
  const int passes = !!frt_infer_out(x, "Bias@GRAD") +
                     (shape_str(x, "activation_type")[0] != 0);
  return shape_cost(
      x, products * gemm_flops(frt_infer_in(x, "Input"), frt_infer_in(x, "W"), 1) +
             passes * shape_elements(frt_infer_in(x, "Out@GRAD")));
}

/* ---- the table ----------------------------------------------------------------- */

#define NUMBER_IGNORED(name, type, def) \
  {name, type, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, "no meaning here", def}
#define X_COLS {"x_num_col_dims", FRT_ATTR_INT, FRT_ATTR_DEFAULT, \
                "so many leading dims of X are rows", 1}
#define Y_COLS {"y_num_col_dims", FRT_ATTR_INT, FRT_ATTR_DEFAULT, \
                "so many leading dims of Y are rows", 1}
#define IN_COLS {"in_num_col_dims", FRT_ATTR_INT, FRT_ATTR_DEFAULT, \
                 "so many leading dims of Input are rows", 1}
#define ACTIVATION {"activation_type", FRT_ATTR_STRING, FRT_ATTR_DEFAULT, \
                    "\"\" or \"relu\"; relu only with Bias", 0, ""}

FRT_OPS(matmul) = {
    {.type = "mul",
     .doc = "Out = X . Y, X flattened at x_num_col_dims, Y at y_num_col_dims.",
     .source = "PaddlePaddle 1.8 op mul",
     .inputs = {{"X", FRT_FLOATS, 0, "[rows..., columns...], columns with product K"},
                {"Y", FRT_FLOATS, 0, "[rows..., columns...], rows with product K"}},
     .outputs = {{"Out", FRT_FLOATS, 0, "rows of X, then columns of Y"}},
     .attrs = {SHAPE_IGNORED_BOOL("use_mkldnn"), X_COLS, Y_COLS,
               NUMBER_IGNORED("scale_x", FRT_ATTR_F32, 1),
               NUMBER_IGNORED("scale_y", FRT_ATTR_F32S, 0),
               NUMBER_IGNORED("scale_out", FRT_ATTR_F32, 1),
               SHAPE_IGNORED_BOOL("force_fp32_output")},
     .infer_shape = mul_shape,
     .cost = mul_cost,
     .grad = "mul_grad"},
    {.type = "mul_grad",
     .doc = "X@GRAD = Out@GRAD . Y^T; Y@GRAD = X^T . Out@GRAD, flattened as in mul.",
     .source = "PaddlePaddle 1.8 op mul_grad",
     .inputs = {{"Out@GRAD", FRT_FLOATS, 0, "rows of X, then columns of Y"},
                {"X", FRT_FLOATS, 0, "[rows..., columns...], columns with product K"},
                {"Y", FRT_FLOATS, 0, "[rows..., columns...], rows with product K"}},
     .outputs = {{"X@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of X"},
                 {"Y@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Y"}},
     .attrs = {SHAPE_IGNORED_BOOL("force_fp32_output"),
               NUMBER_IGNORED("scale_out", FRT_ATTR_F32, 1),
               NUMBER_IGNORED("scale_x", FRT_ATTR_F32, 1),
               NUMBER_IGNORED("scale_y", FRT_ATTR_F32S, 0),
               SHAPE_IGNORED_BOOL("use_mkldnn"), X_COLS, Y_COLS},
     .infer_shape = mul_grad_shape,
     .cost = mul_grad_cost,
     .grad = FRT_NO_GRAD},
    {.type = "fc",
     .doc = "Out = act(Input . W + Bias), Input flattened at in_num_col_dims.",
     .source = "PaddlePaddle 1.8 op fc (made by its inference passes)",
     .inputs = {{"Input", FRT_FLOATS, 0, "[rows..., columns...], columns with product K"},
                {"W", FRT_FLOATS, 0, "[K, N]"},
                {"Bias", FRT_FLOATS, FRT_SLOT_OPTIONAL, "[N] or [1, N]"}},
     .outputs = {{"Out", FRT_FLOATS, 0, "rows of Input, then N"}},
     .attrs = {IN_COLS, ACTIVATION, SHAPE_IGNORED_BOOL("use_mkldnn"),
               {"padding_weights", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT,
                "W carries 4 more rows and columns; only false is supported"},
               SHAPE_IGNORED_BOOL("use_quantizer"),
               NUMBER_IGNORED("Scale_in", FRT_ATTR_F32, 1),
               NUMBER_IGNORED("Scale_weights", FRT_ATTR_F32S, 0),
               NUMBER_IGNORED("Scale_out", FRT_ATTR_F32, 1),
               SHAPE_IGNORED_BOOL("force_fp32_output")},
     .infer_shape = fc_shape,
     .cost = fc_cost,
     .grad = "fc_grad"},
    {.type = "fc_grad",
     .flags = FRT_OP_EXTENSION,
     .doc = "With G = Out@GRAD, for relu only where Out > 0: Input@GRAD = G . W^T; "
            "W@GRAD = Input^T . G; Bias@GRAD = column sums of G.",
     .source = "fluidrt; the derivative of fc",
     .inputs = {{"Input", FRT_FLOATS, 0, "[rows..., columns...], columns with product K"},
                {"W", FRT_FLOATS, 0, "[K, N]"},
                {"Bias", FRT_FLOATS, FRT_SLOT_OPTIONAL | FRT_SLOT_SHAPE_ONLY,
                 "[N] or [1, N]"},
                {"Out", FRT_FLOATS, FRT_SLOT_OPTIONAL, "rows of Input, then N; for relu"},
                {"Out@GRAD", FRT_FLOATS, 0, "rows of Input, then N"}},
     .outputs = {{"Input@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Input"},
                 {"W@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of W"},
                 {"Bias@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of Bias"}},
     .attrs = {IN_COLS, ACTIVATION},
     .infer_shape = fc_grad_shape,
     .cost = fc_grad_cost,
     .grad = FRT_NO_GRAD},
    {0}};
