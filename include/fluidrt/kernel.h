/* What a kernel sees, and a provider made of a table of kernels. Header-only, on
 * top of provider.h: a provider that uses it imports no symbol of libfluidrt.
 *
 * One kernel is a row {op type, dtypes of the key slot, prepare, run, flags}. The
 * key slot is the first input that is present, else the first output. `prepare`
 * resolves attributes and shapes into a small struct once per plan (all dims are
 * known, data pointers are not); `run` only computes: no checks, no allocation, no
 * lookups by name. Slots and attributes are addressed by the index constants of
 * fluidrt/op_index.h, which the build generates from the schemas. */
#ifndef FLUIDRT_KERNEL_H
#define FLUIDRT_KERNEL_H

#include "fluidrt/provider.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef frt_api_op_t frt_op_t;
typedef frt_api_run_t frt_run_t;

/* ---- accessors ------------------------------------------------------------ */

#define frt_attr_i64(op, index) ((op)->attrs[index].v.i)
#define frt_attr_bool(op, index) ((op)->attrs[index].v.i != 0)
#define frt_attr_f32(op, index) ((float)(op)->attrs[index].v.f)
#define frt_attr_str(op, index) ((op)->attrs[index].v.s)

/* x is a frt_op_t (shapes only) or a frt_run_t (with data). */
#define frt_has_in(x, slot) ((x)->in[slot].count != 0)
#define frt_has_out(x, slot) ((x)->out[slot].count != 0)
#define frt_in(x, slot) ((x)->in[slot].t[0])
#define frt_out(x, slot) ((x)->out[slot].t[0])
#define frt_in_at(x, slot, i) ((x)->in[slot].t[i])
#define frt_out_at(x, slot, i) ((x)->out[slot].t[i])
#define frt_in_numel(x, slot) (frt_in(x, slot)->numel)
#define frt_out_numel(x, slot) (frt_out(x, slot)->numel)
#define frt_in_f32(r, slot) ((const float *)frt_in(r, slot)->data)
#define frt_out_f32(r, slot) ((float *)frt_out(r, slot)->data)
#define frt_in_i64(r, slot) ((const int64_t *)frt_in(r, slot)->data)
#define frt_out_i64(r, slot) ((int64_t *)frt_out(r, slot)->data)

/* ---- rows ----------------------------------------------------------------- */

enum { FRT_KERNEL_INPLACE = FRT_SUPPORT_INPLACE,
       FRT_KERNEL_DETERMINISTIC = FRT_SUPPORT_DETERMINISTIC };

typedef frt_status_t (*frt_kernel_prepare_fn)(const frt_op_t *op, void *state,
                                              uint64_t *workspace, frt_error_t *err);
typedef frt_status_t (*frt_kernel_run_fn)(const void *state, const frt_run_t *r,
                                          frt_error_t *err);
/* Optional: refuses what the dtype mask cannot say. Dims may be -1. */
typedef frt_reason_t (*frt_kernel_refuse_fn)(const frt_op_t *op, char detail[160]);

typedef struct frt_kernel_row {
  const char *type;
  uint32_t dtypes;     /* FRT_DTYPE_BIT(...) of the key slot */
  uint32_t state_size; /* bytes that prepare fills and run reads */
  frt_kernel_prepare_fn prepare; /* NULL: nothing to resolve */
  frt_kernel_run_fn run;
  uint32_t flags;
  frt_kernel_refuse_fn refuse;
} frt_kernel_row_t;

/* FRT_KERNEL("clip", FRT_F32S, clip, flags): clip_t, clip_prepare, clip_run. */
#define FRT_KERNEL(type, dtypes, stem, flags) \
  {type, dtypes, sizeof(stem##_t), stem##_prepare, stem##_run, flags, NULL}
/* The same for a kernel without state: only stem_run. */
#define FRT_KERNEL_PLAIN(type, dtypes, stem, flags) \
  {type, dtypes, 0, NULL, stem##_run, flags, NULL}
#define FRT_KERNELS_END {NULL, 0, 0, NULL, NULL, 0, NULL}
/* Declared first: in C++ a const table would have internal linkage. */
#define FRT_KERNELS(provider, family)                                    \
  extern const frt_kernel_row_t frt_##provider##_kernels_##family[];     \
  const frt_kernel_row_t frt_##provider##_kernels_##family[]

/* ---- a provider made of rows ---------------------------------------------- */

typedef struct frt_module {
  const frt_api_host_t *host;
  const frt_kernel_row_t **rows; /* sorted by op type */
  frt_api_kernel_decl_t *decls;
  uint32_t n;
} frt_module_t;

struct frt_prepared {
  const frt_kernel_row_t *row;
  const frt_api_host_t *host;
  /* the row's state follows, 16-byte aligned */
};

static inline const frt_api_tensor_t *frt_key_tensor(const frt_op_t *op) {
  for (uint32_t i = 0; i < op->n_in; ++i)
    if (op->in[i].count) return op->in[i].t[0];
  for (uint32_t i = 0; i < op->n_out; ++i)
    if (op->out[i].count) return op->out[i].t[0];
  return NULL;
}

static inline void frt_module_sort_(frt_module_t *m) {
  for (uint32_t i = 1; i < m->n; ++i) { /* insertion: a few hundred rows, once */
    const frt_kernel_row_t *row = m->rows[i];
    uint32_t at = i;
    for (; at > 0 && strcmp(m->rows[at - 1]->type, row->type) > 0; --at)
      m->rows[at] = m->rows[at - 1];
    m->rows[at] = row;
  }
}

/* tables: n_tables arrays that end in FRT_KERNELS_END. */
static inline frt_status_t frt_module_open(frt_module_t *m, const frt_api_host_t *host,
    const frt_kernel_row_t *const *tables, uint32_t n_tables, frt_error_t *err) {
  uint32_t n = 0;
  for (uint32_t t = 0; t < n_tables; ++t)
    for (const frt_kernel_row_t *row = tables[t]; row->type; ++row) ++n;
  m->host = host;
  m->n = 0;
  m->rows = (const frt_kernel_row_t **)host->mem_alloc(
      host->ctx, (n + 1) * sizeof *m->rows, 16);
  m->decls = (frt_api_kernel_decl_t *)host->mem_alloc(
      host->ctx, (n + 1) * sizeof *m->decls, 16);
  if (!m->rows || !m->decls)
    return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for %u kernel rows", n);
  for (uint32_t t = 0; t < n_tables; ++t)
    for (const frt_kernel_row_t *row = tables[t]; row->type; ++row)
      m->rows[m->n++] = row;
  frt_module_sort_(m);
  for (uint32_t i = 0; i < m->n; ++i) {
    frt_api_kernel_decl_t d = {m->rows[i]->type, 1, 1, m->rows[i]->dtypes,
                               m->rows[i]->flags};
    m->decls[i] = d;
  }
  return FRT_OK;
}

static inline void frt_module_close(frt_module_t *m) {
  if (m->rows) m->host->mem_free(m->host->ctx, (void *)m->rows);
  if (m->decls) m->host->mem_free(m->host->ctx, m->decls);
  m->rows = NULL;
  m->decls = NULL;
}

/* The row for this op and dtype; else the first row for its type; else NULL. */
static inline const frt_kernel_row_t *frt_module_find(const frt_module_t *m,
    const char *type, uint32_t dtype, int *dtype_fits) {
  uint32_t lo = 0, hi = m->n;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (strcmp(m->rows[mid]->type, type) < 0) lo = mid + 1; else hi = mid;
  }
  *dtype_fits = 0;
  for (uint32_t i = lo; i < m->n && !strcmp(m->rows[i]->type, type); ++i)
    if (dtype < 32 && (m->rows[i]->dtypes & FRT_DTYPE_BIT(dtype))) {
      *dtype_fits = 1;
      return m->rows[i];
    }
  return lo < m->n && !strcmp(m->rows[lo]->type, type) ? m->rows[lo] : NULL;
}

/* The names of the dtypes in `mask`, "float32, int64". */
static inline void frt_dtype_list(uint32_t mask, char *to, size_t cap) {
  size_t at = 0;
  to[0] = 0;
  for (uint32_t d = 0; d < 32; ++d) {
    if (!(mask & FRT_DTYPE_BIT(d)) || !frt_dtype_size(d)) continue;
    int k = snprintf(to + at, cap - at, "%s%s", at ? ", " : "", frt_dtype_name(d));
    if (k < 0 || (size_t)k >= cap - at) return;
    at += (size_t)k;
  }
}

static inline frt_status_t frt_module_query(const frt_module_t *m, const frt_op_t *op,
                                            frt_api_support_t *s) {
  const frt_api_tensor_t *key = frt_key_tensor(op);
  int fits;
  const frt_kernel_row_t *row =
      frt_module_find(m, op->type, key ? key->dtype : (uint32_t)FRT_F32, &fits);
  char list[96];
  s->verdict = FRT_NO;
  if (!row) {
    s->reason = FRT_REASON_NO_KERNEL;
    snprintf(s->detail, sizeof s->detail, "no kernel for op '%s'", op->type);
    return FRT_OK;
  }
  if (!fits) {
    s->reason = FRT_REASON_DTYPE;
    frt_dtype_list(row->dtypes, list, sizeof list);
    snprintf(s->detail, sizeof s->detail, "%s has dtype %s; the kernel takes %s",
             op->n_in && op->in[0].count ? op->in[0].name : "the key slot",
             frt_dtype_name(key ? key->dtype : 99), list);
    return FRT_OK;
  }
  if (row->refuse) {
    s->reason = (int32_t)row->refuse(op, s->detail);
    if (s->reason != FRT_REASON_NONE) return FRT_OK;
  }
  s->verdict = FRT_YES;
  s->flags = row->flags;
  return FRT_OK;
}

#define FRT_PREPARED_STATE(k) ((void *)((char *)(k) + ((sizeof *(k) + 15) & ~(size_t)15)))

static inline frt_status_t frt_module_prepare(const frt_module_t *m,
    const frt_op_t *op, frt_prepared_t **out, uint64_t *workspace, frt_error_t *err) {
  const frt_api_tensor_t *key = frt_key_tensor(op);
  int fits;
  const frt_kernel_row_t *row =
      frt_module_find(m, op->type, key ? key->dtype : (uint32_t)FRT_F32, &fits);
  size_t head = (sizeof(struct frt_prepared) + 15) & ~(size_t)15;
  frt_prepared_t *k;
  *out = NULL;
  *workspace = 0;
  if (!row || !fits)
    return frt_fail(err, FRT_UNIMPLEMENTED, "no kernel for op '%s' with dtype %s",
                    op->type, frt_dtype_name(key ? key->dtype : 99));
  k = (frt_prepared_t *)m->host->mem_alloc(m->host->ctx, head + row->state_size, 16);
  if (!k) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for a kernel");
  k->row = row;
  k->host = m->host;
  memset((char *)k + head, 0, row->state_size);
  if (row->prepare) {
    frt_status_t status = row->prepare(op, (char *)k + head, workspace, err);
    if (status != FRT_OK) {
      m->host->mem_free(m->host->ctx, k);
      return status;
    }
  }
  *out = k;
  return FRT_OK;
}

static inline frt_status_t frt_module_run(const frt_prepared_t *k,
                                          const frt_run_t *r, frt_error_t *err) {
  return k->row->run((const char *)k + ((sizeof *k + 15) & ~(size_t)15), r, err);
}

static inline void frt_module_release(frt_prepared_t *k) {
  if (k) k->host->mem_free(k->host->ctx, k);
}

#ifdef __cplusplus
}
#endif
#endif
