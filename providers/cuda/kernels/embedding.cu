#include "bytes.h"
#include "chains.h"

typedef struct {
  frt_gpu_check_t check;
  int64_t rows, width, padding;
} table_t;
typedef table_t table_v2_t;
typedef table_t table_grad_t;
typedef table_t table_v2_grad_t;

static void plan(table_t *s, const frt_op_t *op, const frt_api_tensor_t *w, int64_t padding,
                 uint64_t *workspace) {
  s->rows = w->dims[0];
  s->width = w->dims[1];
  s->padding = padding;
  frt_gpu_check_plan(&s->check, op, "Ids", workspace);
  frt_gpu_check_range(&s->check, s->rows, "");
}

static frt_status_t look_up(const table_t *s, const frt_run_t *r, const frt_api_tensor_t *w,
                            const frt_api_tensor_t *ids, const frt_api_tensor_t *out,
                            frt_error_t *err) {
  const int wide = frt_gpu_wide(w), wide_ids = frt_gpu_wide(ids);
  const int64_t width = s->width, padding = s->padding;
  const void *from = w->data, *at = ids->data;
  void *to = out->data;
  FRT_TRY(frt_gpu_check_ids(r, &s->check, ids, s->rows, 0, 0, err));
  return frt_gpu_each(
      r, out->numel,
      [=] FRT_GPU_FN(int64_t i) {
        const int64_t id = frt_gpu_int(at, wide_ids, i / width);
        const double v = id == padding ? 0.0 : frt_gpu_real(from, wide, id * width + i % width);
        frt_gpu_put(to, wide, i, v);
      },
      err, FRT_GPU_STOP(r));
}

static frt_status_t add_up(const table_t *s, const frt_run_t *r, const frt_api_tensor_t *ids,
                           const frt_api_tensor_t *g, const frt_api_tensor_t *dw,
                           frt_error_t *err) {
  int64_t *links = (int64_t *)FRT_GPU_AFTER_CELL(r);
  uint8_t *bytes = (uint8_t *)dw->data;
  FRT_TRY(frt_gpu_check_ids(r, &s->check, ids, s->rows, 0, 0, err));
  FRT_TRY(frt_gpu_each(
      r, (int64_t)(dw->bytes / 4),
      [=] FRT_GPU_FN(int64_t i) { ((uint32_t *)bytes)[i] = 0; }, err, FRT_GPU_STOP(r)));
  FRT_TRY(frt_gpu_chains(r, ids, links, err));
  return frt_gpu_chains_add(r, ids, links, g->data, dw->data, frt_gpu_wide(dw), s->width,
                            s->padding, 0, err);
}

#define TABLE(name, OP)                                                                      \
  static frt_status_t name##_prepare(const frt_op_t *op, void *state, uint64_t *workspace,   \
                                     frt_error_t *err) {                                     \
    (void)err;                                                                               \
    plan((table_t *)state, op, frt_in(op, FRT_##OP##_IN_W),                                  \
         frt_attr_i64(op, FRT_##OP##_ATTR_PADDING_IDX), workspace);                          \
    return FRT_OK;                                                                           \
  }                                                                                          \
  static frt_status_t name##_run(const void *state, const frt_run_t *r, frt_error_t *err) {  \
    return look_up((const table_t *)state, r, frt_in(r, FRT_##OP##_IN_W),                    \
                   frt_in(r, FRT_##OP##_IN_IDS), frt_out(r, FRT_##OP##_OUT_OUT), err);       \
  }                                                                                          \
  static frt_status_t name##_grad_prepare(const frt_op_t *op, void *state,                   \
                                          uint64_t *workspace, frt_error_t *err) {           \
    (void)err;                                                                               \
    plan((table_t *)state, op, frt_in(op, FRT_##OP##_GRAD_IN_W),                             \
         frt_attr_i64(op, FRT_##OP##_GRAD_ATTR_PADDING_IDX), workspace);                     \
    *workspace += frt_gpu_chains_bytes(frt_in_numel(op, FRT_##OP##_GRAD_IN_IDS));            \
    return FRT_OK;                                                                           \
  }                                                                                          \
  static frt_status_t name##_grad_run(const void *state, const frt_run_t *r,                 \
                                      frt_error_t *err) {                                    \
    if (!frt_has_out(r, FRT_##OP##_GRAD_OUT_W_GRAD)) return FRT_OK;                          \
    return add_up((const table_t *)state, r, frt_in(r, FRT_##OP##_GRAD_IN_IDS),              \
                  frt_in(r, FRT_##OP##_GRAD_IN_OUT_GRAD),                                    \
                  frt_out(r, FRT_##OP##_GRAD_OUT_W_GRAD), err);                              \
  }
TABLE(table, LOOKUP_TABLE)
TABLE(table_v2, LOOKUP_TABLE_V2)

FRT_KERNELS(cuda, embedding) = {
    FRT_KERNEL("lookup_table", FRT_FLOATS, table, FRT_GPU_FLAGS),
    FRT_KERNEL("lookup_table_grad", FRT_I64S, table_grad, FRT_GPU_FLAGS),
    FRT_KERNEL("lookup_table_v2", FRT_FLOATS, table_v2, FRT_GPU_FLAGS),
    FRT_KERNEL("lookup_table_v2_grad", FRT_I64S, table_v2_grad, FRT_GPU_FLAGS),
    FRT_KERNELS_END};
