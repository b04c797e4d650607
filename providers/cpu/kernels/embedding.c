#include "fluidrt/op_index.h"
#include "loop.h"
#undef A
#undef B

typedef struct { int64_t rows, width, n, padding; } table_t;

typedef struct {
  const table_t *t;
  const int64_t *ids;
  const float *from;
  float *to;
} table_call_t;

/* Before anything is written. */
static frt_status_t check_ids(const table_t *t, const int64_t *ids, frt_error_t *err) {
  for (int64_t i = 0; i < t->n; ++i) {
    if (ids[i] >= 0 && ids[i] < t->rows) continue;
    frt_fail(err, FRT_OUT_OF_RANGE, "Ids: position %lld is %lld; wanted 0 to %lld",
             (long long)i, (long long)ids[i], (long long)t->rows - 1);
    if (err) snprintf(err->name, sizeof err->name, "Ids");
    return FRT_OUT_OF_RANGE;
  }
  return FRT_OK;
}

static void look_up(void *arg, int64_t lo, int64_t hi) {
  const table_call_t *c = (const table_call_t *)arg;
  const int64_t width = c->t->width;
  const size_t bytes = (size_t)width * sizeof(float);
  for (int64_t i = lo; i < hi; ++i) {
    if (c->ids[i] == c->t->padding) memset(c->to + i * width, 0, bytes);
    else memcpy(c->to + i * width, c->from + c->ids[i] * width, bytes);
  }
}

FRT_CPU_BODY void add_row_body(float *to, const float *from, int64_t n) {
  FRT_CPU_IVDEP
  for (int64_t j = 0; j < n; ++j) to[j] += from[j];
}
FRT_CPU_VARIANTS(add_row, (float *to, const float *from, int64_t n), (to, from, n))

/* Rows [lo, hi) of the table's gradient: each piece reads all ids and adds those that
 * are its own, so that a row always adds up in the order of the ids. */
static void add_up(void *arg, int64_t lo, int64_t hi) {
  const table_call_t *c = (const table_call_t *)arg;
  const int64_t width = c->t->width;
  memset(c->to + lo * width, 0, (size_t)((hi - lo) * width) * sizeof(float));
  for (int64_t i = 0; i < c->t->n; ++i) {
    const int64_t id = c->ids[i];
    if (id < lo || id >= hi || id == c->t->padding) continue;
    add_row(c->to + id * width, c->from + i * width, width);
  }
}

static void table_make(table_t *t, const frt_api_tensor_t *w, const frt_api_tensor_t *ids,
                       int64_t padding) {
  t->rows = w->dims[0];
  t->width = w->dims[1];
  t->n = ids->numel;
  t->padding = padding;
}

static frt_status_t look_up_run(const table_t *t, const frt_run_t *r, const int64_t *ids,
                                const float *w, float *out, frt_error_t *err) {
  table_call_t c = {t, ids, w, out};
  FRT_TRY(check_ids(t, ids, err));
  if (!t->width) return FRT_OK;
  frt_cpu_for(r, t->n, frt_cpu_div_up(FRT_CPU_GRAIN, t->width), look_up, &c);
  return FRT_OK;
}

/* At most 16 pieces, as each of them reads all the ids. */
static frt_status_t add_up_run(const table_t *t, const frt_run_t *r, const int64_t *ids,
                               const float *g, float *dw, frt_error_t *err) {
  table_call_t c = {t, ids, g, dw};
  int64_t grain = frt_cpu_div_up(t->rows, 16);
  FRT_TRY(check_ids(t, ids, err));
  if (!dw || !t->width) return FRT_OK;
  if (grain * t->width < FRT_CPU_GRAIN) grain = frt_cpu_div_up(FRT_CPU_GRAIN, t->width);
  frt_cpu_for(r, t->rows, grain, add_up, &c);
  return FRT_OK;
}

#define TABLE(name, OP)                                                                   \
  static frt_status_t name##_prepare(const frt_op_t *op, void *state, uint64_t *workspace, \
                                     frt_error_t *err) {                                  \
    (void)workspace, (void)err;                                                           \
    table_make((table_t *)state, frt_in(op, FRT_##OP##_IN_W), frt_in(op, FRT_##OP##_IN_IDS), \
               frt_attr_i64(op, FRT_##OP##_ATTR_PADDING_IDX));                            \
    return FRT_OK;                                                                        \
  }
#define FORWARD(name, OP)                                                                 \
  TABLE(name, OP)                                                                         \
  static frt_status_t name##_run(const void *state, const frt_run_t *r, frt_error_t *err) { \
    return look_up_run((const table_t *)state, r, frt_in_i64(r, FRT_##OP##_IN_IDS),       \
                       frt_in_f32(r, FRT_##OP##_IN_W), frt_out_f32(r, FRT_##OP##_OUT_OUT), \
                       err);                                                              \
  }
#define BACKWARD(name, OP)                                                                \
  TABLE(name, OP)                                                                         \
  static frt_status_t name##_run(const void *state, const frt_run_t *r, frt_error_t *err) { \
    return add_up_run(                                                                    \
        (const table_t *)state, r, frt_in_i64(r, FRT_##OP##_IN_IDS),                      \
        frt_in_f32(r, FRT_##OP##_IN_OUT_GRAD),                                            \
        frt_has_out(r, FRT_##OP##_OUT_W_GRAD) ? frt_out_f32(r, FRT_##OP##_OUT_W_GRAD)     \
                                              : NULL, err);                               \
  }                                                                                       \
  /* The key slot is Ids: the gradient's dtype decides. */                                \
  static frt_reason_t name##_refuse(const frt_op_t *op, char detail[160]) {               \
    const uint32_t dtype = frt_in(op, FRT_##OP##_IN_OUT_GRAD)->dtype;                     \
    if (dtype == FRT_F32) return FRT_REASON_NONE;                                         \
    snprintf(detail, 160, "Out@GRAD has dtype %s; the kernel takes float32",              \
             frt_dtype_name(dtype));                                                      \
    return FRT_REASON_DTYPE;                                                              \
  }
FORWARD(table, LOOKUP_TABLE)
FORWARD(table_v2, LOOKUP_TABLE_V2)
BACKWARD(table_grad, LOOKUP_TABLE_GRAD)
BACKWARD(table_v2_grad, LOOKUP_TABLE_V2_GRAD)

#define GRAD_ROW(type, stem) \
  {type, FRT_I64S, sizeof(table_t), stem##_prepare, stem##_run, FRT_KERNEL_DETERMINISTIC, \
   stem##_refuse}
#define ROW(type, stem) \
  {type, FRT_F32S, sizeof(table_t), stem##_prepare, stem##_run, FRT_KERNEL_DETERMINISTIC, NULL}
FRT_KERNELS(cpu, embedding) = {ROW("lookup_table", table),
                               GRAD_ROW("lookup_table_grad", table_grad),
                               ROW("lookup_table_v2", table_v2),
                               GRAD_ROW("lookup_table_v2_grad", table_v2_grad),
                               FRT_KERNELS_END};
