#include "shape.h"

/* What only a training cluster has. */
static frt_status_t one_machine(const frt_infer_t *x, frt_error_t *err) {
  static const char *const flags[] = {"is_distributed", "remote_prefetch"};
  for (int i = 0; i < 2; ++i)
    if (shape_int(x, flags[i]))
      return shape_fail(err, FRT_UNIMPLEMENTED, flags[i],
                        "%s is true; only false is supported: the table is local", flags[i]);
  if (frt_infer_attr(x, "epmap")->count)
    return shape_fail(err, FRT_UNIMPLEMENTED, "epmap",
                      "epmap has %u endpoints; none are supported: the table is local",
                      frt_infer_attr(x, "epmap")->count);
  return FRT_OK;
}

/* Out's shape from W and Ids; `with_one`: Ids end in an extent of 1, which D replaces. */
static frt_status_t looked_up(const frt_infer_t *x, int with_one, frt_shape_t *out,
                              frt_error_t *err) {
  const frt_shape_t *w = frt_infer_in(x, "W"), *ids = frt_infer_in(x, "Ids");
  const int64_t padding = shape_int(x, "padding_idx");
  FRT_TRY(shape_inputs(x, err));
  FRT_TRY(one_machine(x, err));
  if (w->rank != 2)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "W", "W has shape %s; wanted [rows, width]",
                      shape_text(w).s);
  if (padding < -1 || (w->dims[0] >= 0 && padding >= w->dims[0]))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "padding_idx",
                      "padding_idx is %lld; wanted a row of W, which has shape %s, or -1 for "
                      "none", (long long)padding, shape_text(w).s);
  if (with_one && (ids->rank < 2 || !shape_dim_agrees(ids->dims[ids->rank - 1], 1)))
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Ids",
                      "Ids has shape %s; wanted [..., 1]", shape_text(ids).s);
  if (!with_one && ids->rank >= FRT_MAX_RANK)
    return shape_fail(err, FRT_INVALID_ARGUMENT, "Ids",
                      "Ids has shape %s; wanted rank %d at most", shape_text(ids).s,
                      FRT_MAX_RANK - 1);
  *out = shape_with(ids, w->dtype);
  if (!with_one) ++out->rank;
  out->dims[out->rank - 1] = w->dims[1];
  return FRT_OK;
}

static frt_status_t table_shape(const frt_infer_t *x, int with_one, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(looked_up(x, with_one, &out, err));
  return shape_out(x, "Out", out, err);
}
static frt_status_t table1_shape(const frt_infer_t *x, frt_error_t *err) {
  return table_shape(x, 1, err);
}
static frt_status_t table2_shape(const frt_infer_t *x, frt_error_t *err) {
  return table_shape(x, 0, err);
}

static frt_status_t table_grad_shape(const frt_infer_t *x, int with_one, frt_error_t *err) {
  frt_shape_t out;
  FRT_TRY(looked_up(x, with_one, &out, err));
  FRT_TRY(shape_same("Out@GRAD", frt_infer_in(x, "Out@GRAD"), "Out", &out, err));
  return shape_out(x, "W@GRAD", *frt_infer_in(x, "W"), err);
}
static frt_status_t table1_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  return table_grad_shape(x, 1, err);
}
static frt_status_t table2_grad_shape(const frt_infer_t *x, frt_error_t *err) {
  return table_grad_shape(x, 0, err);
}

/* Only the rows that are named are read: nothing is computed, a row is moved. */
static frt_cost_t table_cost(const frt_infer_t *x) {
  const double ids = shape_elements(frt_infer_in(x, "Ids"));
  const frt_shape_t *out = frt_infer_out(x, "Out");
  const frt_cost_t c = {0, 8 * ids + (out ? 2 * shape_elements(out) *
                                                (double)frt_dtype_size(out->dtype) : 0)};
  return c;
}
static frt_cost_t table_grad_cost(const frt_infer_t *x) {
  return shape_cost(x, shape_elements(frt_infer_in(x, "Out@GRAD")));
}

#define NONE(name, doc) {name, FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, doc}
#define SPARSE {"is_sparse", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT, \
                "accepted; the gradient is dense all the same, with the same numbers"}
#define DISTRIBUTED NONE("is_distributed", "only false is supported")
#define PREFETCH NONE("remote_prefetch", "only false is supported")
#define PADDING {"padding_idx", FRT_ATTR_INT, FRT_ATTR_DEFAULT, \
                 "this id gives zeros and has no gradient; -1: none", -1}
#define INPLACE {"grad_inplace", FRT_ATTR_BOOL, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, \
                 "memory is planned here"}
#define TRAINER {"trainer_id", FRT_ATTR_INT, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, \
                 "no meaning with one trainer"}
#define SECTIONS {"height_sections", FRT_ATTR_INTS, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, \
                  "no meaning for a local table"}
#define EPMAP {"epmap", FRT_ATTR_STRINGS, FRT_ATTR_DEFAULT, "only empty is supported"}
#define NAMES {"table_names", FRT_ATTR_STRINGS, FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED, \
               "no meaning for a local table"}
#define TABLE(type_, ids_, out_, shape_)                                                  \
  .type = type_,                                                                          \
  .doc = "Out = row Ids of W, zeros where Ids is padding_idx.",                           \
  .source = "PaddlePaddle 1.8 op " type_,                                                 \
  .inputs = {{"W", FRT_FLOATS, 0, "[rows, width]"},                                       \
             {"Ids", FRT_I64S, 0, ids_ ", 0 to rows - 1"}},                               \
  .outputs = {{"Out", FRT_FLOATS, 0, out_}},                                              \
  .infer_shape = shape_, .cost = table_cost, .grad = type_ "_grad"
#define TABLE_GRAD(type_, ids_, out_, shape_)                                             \
  .type = type_,                                                                          \
  .doc = "W@GRAD = sum of the Out@GRAD rows whose id names the row, added in the order of " \
         "Ids; 0 elsewhere and at padding_idx.",                                          \
  .source = "PaddlePaddle 1.8 op " type_ " (dense)",                                      \
  .inputs = {{"Ids", FRT_I64S, 0, ids_ ", 0 to rows - 1"},                                \
             {"Out@GRAD", FRT_FLOATS, 0, out_},                                           \
             {"W", FRT_FLOATS, FRT_SLOT_SHAPE_ONLY, "[rows, width]"}},                    \
  .outputs = {{"W@GRAD", FRT_FLOATS, FRT_SLOT_OPTIONAL, "shape of W"}},                   \
  .infer_shape = shape_, .cost = table_grad_cost, .grad = FRT_NO_GRAD
#define OUT1 "shape of Ids with width for the last 1"
#define OUT2 "shape of Ids, then width"

FRT_OPS(embedding) = {
    {TABLE("lookup_table", "[..., 1]", OUT1, table1_shape),
     .attrs = {SPARSE, DISTRIBUTED, PADDING, INPLACE, PREFETCH, TRAINER, SECTIONS, EPMAP,
               NAMES}},
    {TABLE_GRAD("lookup_table_grad", "[..., 1]", OUT1, table1_grad_shape),
     .attrs = {EPMAP, INPLACE, SECTIONS, DISTRIBUTED, SPARSE, PADDING, PREFETCH, NAMES,
               TRAINER}},
    {TABLE("lookup_table_v2", "any shape", OUT2, table2_shape),
     .attrs = {SPARSE, DISTRIBUTED, PADDING, PREFETCH, TRAINER, SECTIONS, EPMAP, NAMES}},
    {TABLE_GRAD("lookup_table_v2_grad", "any shape", OUT2, table2_grad_shape),
     .attrs = {EPMAP, SECTIONS, DISTRIBUTED, SPARSE, PADDING, PREFETCH, NAMES, TRAINER}},
    {0}};
