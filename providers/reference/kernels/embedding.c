#include "ref.h"

static frt_status_t check_ids(const ref_tensor_t *ids, int64_t rows, frt_error_t *err) {
  for (int64_t i = 0; i < ids->n; ++i) {
    if (ids->v[i] >= 0 && ids->v[i] < (double)rows) continue;
    frt_fail(err, FRT_OUT_OF_RANGE, "Ids: position %lld is %lld; wanted 0 to %lld",
             (long long)i, (long long)ref_to_i64(ids->v[i], INT64_MIN, INT64_MAX),
             (long long)rows - 1);
    if (err) snprintf(err->name, sizeof err->name, "Ids");
    return FRT_OUT_OF_RANGE;
  }
  return FRT_OK;
}

static frt_status_t look_up(const ref_tensor_t *w, const ref_tensor_t *ids,
                            const ref_tensor_t *out, int64_t padding, frt_error_t *err) {
  const int64_t width = w->meta->dims[1];
  FRT_TRY(check_ids(ids, w->meta->dims[0], err));
  for (int64_t i = 0; i < out->n; ++i) {
    const int64_t id = (int64_t)ids->v[i / width];
    ref_put_own(out, i, id == padding ? 0.0 : w->v[id * width + i % width]);
  }
  return FRT_OK;
}

static frt_status_t add_up(const ref_tensor_t *w, const ref_tensor_t *ids,
                           const ref_tensor_t *g, const ref_tensor_t *dw, int64_t padding,
                           frt_error_t *err) {
  const int64_t width = w->meta->dims[1];
  FRT_TRY(check_ids(ids, w->meta->dims[0], err));
  for (int64_t i = 0; dw && i < dw->n; ++i) ref_put(dw, i, 0.0, 0.0);
  for (int64_t i = 0; dw && i < g->n; ++i) {
    const int64_t id = (int64_t)ids->v[i / width], to = id * width + i % width;
    if (id == padding) continue;
    dw->v[to] += g->v[i];
    if (dw->mag) dw->mag[to] += fabs(g->v[i]);
  }
  return FRT_OK;
}

#define TABLE(name, OP)                                                                  \
  static frt_status_t name(const ref_call_t *c, frt_error_t *err) {                      \
    return look_up(ref_in(c, FRT_##OP##_IN_W), ref_in(c, FRT_##OP##_IN_IDS),             \
                   ref_out(c, FRT_##OP##_OUT_OUT),                                       \
                   frt_attr_i64(c->op, FRT_##OP##_ATTR_PADDING_IDX), err);               \
  }                                                                                      \
  static frt_status_t name##_grad(const ref_call_t *c, frt_error_t *err) {               \
    return add_up(ref_in(c, FRT_##OP##_GRAD_IN_W), ref_in(c, FRT_##OP##_GRAD_IN_IDS),    \
                  ref_in(c, FRT_##OP##_GRAD_IN_OUT_GRAD),                                \
                  ref_out(c, FRT_##OP##_GRAD_OUT_W_GRAD),                                \
                  frt_attr_i64(c->op, FRT_##OP##_GRAD_ATTR_PADDING_IDX), err);           \
  }
TABLE(table, LOOKUP_TABLE)
TABLE(table_v2, LOOKUP_TABLE_V2)

REF_KERNELS(embedding) = {{"lookup_table", FRT_FLOATS, table, NULL, 0},
                          {"lookup_table_grad", FRT_I64S, table_grad, NULL, 0},
                          {"lookup_table_v2", FRT_FLOATS, table_v2, NULL, 0},
                          {"lookup_table_v2_grad", FRT_I64S, table_v2_grad, NULL, 0},
                          REF_END};
