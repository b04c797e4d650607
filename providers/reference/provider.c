#include "ref.h"

FRT_MANIFEST("reference", "0.1.0");

#define FRT_KERNEL_TABLE(table) extern const ref_row_t table[];
#include "reference_kernels.inc"
#undef FRT_KERNEL_TABLE

static const ref_row_t *const tables[] = {
#define FRT_KERNEL_TABLE(table) table,
#include "reference_kernels.inc"
#undef FRT_KERNEL_TABLE
    NULL};

typedef struct {
  const frt_api_host_t *host;
  frt_api_kernel_decl_t *decls; /* rows follow in the same order */
  const ref_row_t **rows;       /* sorted by type */
  uint32_t n;
} module_t;

typedef struct {
  const ref_row_t *row;
  const frt_api_host_t *host;
  const frt_op_t *op;
  uint64_t workspace;
} prepared_t;

/* ---- rows ------------------------------------------------------------------- */

static uint32_t row_count(void) {
  uint32_t n = 0;
  for (uint32_t t = 0; tables[t]; ++t)
    for (const ref_row_t *row = tables[t]; row->type; ++row) ++n;
  return n;
}

static void sort_rows(module_t *m) {
  for (uint32_t t = 0; tables[t]; ++t)
    for (const ref_row_t *row = tables[t]; row->type; ++row) {
      uint32_t at = m->n++;
      for (; at > 0 && strcmp(m->rows[at - 1]->type, row->type) > 0; --at)
        m->rows[at] = m->rows[at - 1];
      m->rows[at] = row;
    }
  for (uint32_t i = 0; i < m->n; ++i) {
    const frt_api_kernel_decl_t d = {
        m->rows[i]->type, 1, 1, m->rows[i]->dtypes,
        FRT_SUPPORT_INPLACE | FRT_SUPPORT_DETERMINISTIC};
    m->decls[i] = d;
  }
}

/* The row for this type and dtype; *fits is 0 when only the type is known. */
static const ref_row_t *find_row(const module_t *m, const char *type, uint32_t dtype,
                                 int *fits) {
  const ref_row_t *first = NULL;
  *fits = 0;
  for (uint32_t i = 0; i < m->n; ++i) {
    if (strcmp(m->rows[i]->type, type) != 0) continue;
    if (!first) first = m->rows[i];
    if (dtype < 32 && (m->rows[i]->dtypes & FRT_DTYPE_BIT(dtype))) {
      *fits = 1;
      return m->rows[i];
    }
  }
  return first;
}

static const char *key_name(const frt_op_t *op) {
  for (uint32_t i = 0; i < op->n_in; ++i)
    if (op->in[i].count) return op->in[i].name;
  for (uint32_t i = 0; i < op->n_out; ++i)
    if (op->out[i].count) return op->out[i].name;
  return "the op";
}

static uint32_t key_dtype(const frt_op_t *op) {
  const frt_api_tensor_t *key = frt_key_tensor(op);
  return key ? key->dtype : (uint32_t)FRT_F32;
}

static frt_status_t op_query(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                             frt_api_support_t *s, frt_error_t *err) {
  int fits;
  char list[80];
  const ref_row_t *row = find_row((module_t *)self, op->type, key_dtype(op), &fits);
  (void)dev;
  (void)err;
  s->verdict = fits ? FRT_YES : FRT_NO;
  if (fits) {
    s->flags = FRT_SUPPORT_INPLACE | FRT_SUPPORT_DETERMINISTIC;
  } else if (!row) {
    s->reason = FRT_REASON_NO_KERNEL;
    snprintf(s->detail, sizeof s->detail, "no kernel for op '%.80s'", op->type);
  } else {
    s->reason = FRT_REASON_DTYPE;
    frt_dtype_list(row->dtypes, list, sizeof list);
    snprintf(s->detail, sizeof s->detail, "%.24s has dtype %s; the kernel takes %s",
             key_name(op), frt_dtype_name(key_dtype(op)), list);
  }
  return FRT_OK;
}

/* ---- calls: the working arrays over one block ------------------------------- */

static uint32_t tensor_count(const frt_api_slot_t *slots, uint32_t n) {
  uint32_t count = 0;
  for (uint32_t s = 0; s < n; ++s) count += slots[s].count;
  return count;
}

static int64_t tensor_n(const frt_api_tensor_t *t) {
  return t && t->numel > 0 ? t->numel : 0;
}

static size_t head_bytes(const frt_op_t *op) {
  const size_t n = tensor_count(op->in, op->n_in) + tensor_count(op->out, op->n_out);
  const size_t bytes = (op->n_in + op->n_out) * sizeof(ref_slot_t) +
                       n * sizeof(ref_tensor_t);
  return (bytes + 63) & ~(size_t)63;
}

static uint64_t data_bytes(const frt_api_slot_t *slots, uint32_t n) {
  uint64_t bytes = 0;
  for (uint32_t s = 0; s < n; ++s)
    for (uint32_t i = 0; i < slots[s].count; ++i)
      bytes += (uint64_t)tensor_n(slots[s].t[i]) * sizeof(double);
  return bytes;
}

static void lay_slots(ref_slot_t *to, const frt_api_slot_t *slots, uint32_t n,
                      ref_tensor_t **t) {
  for (uint32_t s = 0; s < n; ++s) {
    to[s].count = slots[s].count;
    to[s].t = *t;
    for (uint32_t i = 0; i < slots[s].count; ++i, ++*t) {
      const ref_tensor_t empty = {slots[s].t[i], tensor_n(slots[s].t[i]), NULL, NULL,
                                  NULL};
      **t = empty;
    }
  }
}

/* Lays the call's slots over `memory` (head_bytes). */
static ref_call_t make_call(const frt_op_t *op, uint64_t rng_state, void *memory) {
  ref_slot_t *slots = (ref_slot_t *)memory;
  ref_tensor_t *t = (ref_tensor_t *)(void *)(slots + op->n_in + op->n_out);
  const ref_call_t c = {op, slots, slots + op->n_in, rng_state};
  lay_slots(c.in, op->in, op->n_in, &t);
  lay_slots(c.out, op->out, op->n_out, &t);
  return c;
}

static void give_array(ref_tensor_t *t, int as_int, char **at) {
  if (as_int) t->i = (int64_t *)(void *)*at;
  else t->v = (double *)(void *)*at;
  *at += (size_t)t->n * sizeof(double);
}

/* ---- prepare and run ---------------------------------------------------------- */

static frt_status_t op_prepare(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                               frt_prepared_t **out, uint64_t *workspace,
                               frt_error_t *err) {
  const module_t *m = (const module_t *)self;
  const frt_api_host_t *host = m->host;
  int fits;
  const ref_row_t *row = find_row(m, op->type, key_dtype(op), &fits);
  prepared_t *k;
  (void)dev;
  *out = NULL;
  *workspace = 0;
  if (!fits)
    return frt_fail(err, FRT_UNIMPLEMENTED, "no kernel for op '%s' with dtype %s",
                    op->type, frt_dtype_name(key_dtype(op)));
  k = (prepared_t *)host->mem_alloc(host->ctx, sizeof *k, 16);
  if (!k) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for a kernel");
  k->row = row;
  k->host = host;
  k->op = frt_reference_op_copy(op, host);
  if (!k->op) {
    host->mem_free(host->ctx, k);
    return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for a kernel");
  }
  k->workspace = head_bytes(op);
  if (!(row->flags & REF_BYTES))
    k->workspace += data_bytes(op->in, op->n_in) + data_bytes(op->out, op->n_out);
  *workspace = k->workspace;
  *out = (frt_prepared_t *)(void *)k;
  return FRT_OK;
}

static void op_release(frt_prepared_t *p) {
  prepared_t *k = (prepared_t *)(void *)p;
  if (!k) return;
  k->host->mem_free(k->host->ctx, (void *)(uintptr_t)k->op);
  k->host->mem_free(k->host->ctx, k);
}

static frt_status_t run_bytes(const frt_op_t *op, const frt_api_run_t *run) {
  for (uint32_t s = 0; s < op->n_in; ++s) {
    const frt_api_tensor_t *from = op->in[s].count ? run->in[s].t[0] : NULL;
    const frt_api_tensor_t *to = op->n_out && op->out[0].count ? run->out[0].t[0] : NULL;
    if (!from || !to) continue;
    if (to->data && from->data && to->data != from->data)
      memmove(to->data, from->data,
              (size_t)tensor_n(op->out[0].t[0]) * frt_dtype_size(to->dtype));
    return FRT_OK;
  }
  return FRT_OK;
}

static frt_status_t op_run(const frt_prepared_t *p, const frt_api_run_t *run,
                           frt_error_t *err) {
  const prepared_t *k = (const prepared_t *)(const void *)p;
  const frt_op_t *op = k->op;
  const int as_int = k->row->ints && ref_is_int(key_dtype(op));
  char *at = (char *)run->workspace + head_bytes(op);
  ref_call_t c;
  if (k->row->flags & REF_BYTES) return run_bytes(op, run);
  if (!run->workspace || run->workspace_bytes < k->workspace)
    return frt_fail(err, FRT_INTERNAL, "workspace has %llu bytes; wanted %llu",
                    (unsigned long long)run->workspace_bytes,
                    (unsigned long long)k->workspace);
  c = make_call(op, run->rng_state, run->workspace);
  for (uint32_t s = 0; s < op->n_in; ++s)
    for (uint32_t i = 0; i < op->in[s].count; ++i) {
      const void *data = run->in[s].t[i] ? run->in[s].t[i]->data : NULL;
      if (!data && c.in[s].t[i].n) continue; /* only its shape is read */
      give_array(&c.in[s].t[i], as_int, &at);
      frt_reference_load(&c.in[s].t[i], data);
    }
  for (uint32_t s = 0; s < op->n_out; ++s)
    for (uint32_t i = 0; i < op->out[s].count; ++i)
      give_array(&c.out[s].t[i], as_int, &at);
  FRT_TRY((as_int ? k->row->ints : k->row->fn)(&c, err));
  for (uint32_t s = 0; s < op->n_out; ++s)
    for (uint32_t i = 0; i < op->out[s].count; ++i)
      if (run->out[s].t[i] && run->out[s].t[i]->data)
        frt_reference_store(&c.out[s].t[i], run->out[s].t[i]->data);
  return FRT_OK;
}

/* ---- the oracle ------------------------------------------------------------- */

static frt_status_t oracle_eval(void *self, const frt_api_op_t *op, uint64_t rng_state,
                                const double *const *in, double *const *out,
                                double *const *mag, frt_error_t *err) {
  const frt_api_host_t *host = ((const module_t *)self)->host;
  uint32_t at = 0;
  int fits, complete = 1;
  frt_status_t status;
  const ref_row_t *row = find_row((module_t *)self, op->type, key_dtype(op), &fits);
  void *memory;
  ref_call_t c;
  if (!fits)
    return frt_fail(err, FRT_UNIMPLEMENTED, "no kernel for op '%s' with dtype %s",
                    op->type, frt_dtype_name(key_dtype(op)));
  memory = host->mem_alloc(host->ctx, head_bytes(op) + 64, 64);
  if (!memory) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for a call");
  c = make_call(op, rng_state, memory);
  for (uint32_t s = 0; s < op->n_in; ++s) /* kernels do not write their inputs */
    for (uint32_t i = 0; i < op->in[s].count; ++i)
      c.in[s].t[i].v = (double *)(uintptr_t)in[at++];
  at = 0;
  for (uint32_t s = 0; s < op->n_out; ++s)
    for (uint32_t i = 0; i < op->out[s].count; ++i, ++at) {
      ref_tensor_t *t = &c.out[s].t[i];
      t->v = out[at];
      t->mag = mag ? mag[at] : NULL;
      if (!t->v && t->n) complete = 0;
    }
  status = complete ? row->fn(&c, err)
                    : frt_fail(err, FRT_INVALID_ARGUMENT, "out: an array is missing");
  host->mem_free(host->ctx, memory);
  return status;
}

static const void *extension(void *self, const char *name) {
  static const frt_api_oracle_t oracle = {sizeof(frt_api_oracle_t), 0, oracle_eval};
  (void)self;
  return strcmp(name, "frt.oracle.v1") ? NULL : &oracle;
}

/* ---- the device: host memory, everything at once ------------------------------- */

static uint32_t device_count(void *self, char *why) {
  (void)self;
  if (why) why[0] = 0;
  return 1;
}

static frt_status_t device_info(void *self, uint32_t index, frt_api_device_info_t *out,
                                frt_error_t *err) {
  (void)self;
  if (index)
    return frt_fail(err, FRT_NOT_FOUND, "device %u; there is only device 0", index);
  out->flags = FRT_DEVICE_HOST_MEMORY;
  snprintf(out->desc, sizeof out->desc, "double precision, one thread");
  return FRT_OK;
}

static frt_status_t dev_open(void *self, uint32_t index, const frt_api_option_t *opt,
                             uint32_t n_opt, frt_dev_t **out, frt_error_t *err) {
  *out = NULL;
  if (index)
    return frt_fail(err, FRT_NOT_FOUND, "device %u; there is only device 0", index);
  if (n_opt)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "option '%s'; there are no options",
                    opt[0].key);
  *out = (frt_dev_t *)self;
  return FRT_OK;
}

static void dev_close(frt_dev_t *dev) { (void)dev; }

static frt_status_t copy(frt_dev_t *dev, frt_queue_t *q, uint32_t direction, void *dst,
                         const void *src, uint64_t bytes, frt_error_t *err) {
  (void)dev;
  (void)q;
  (void)direction;
  (void)err;
  if (bytes) memmove(dst, src, (size_t)bytes);
  return FRT_OK;
}

static frt_status_t queue_open(frt_dev_t *dev, frt_queue_t **out, frt_error_t *err) {
  (void)err;
  *out = (frt_queue_t *)(void *)dev; /* nothing is ever queued */
  return FRT_OK;
}

static frt_status_t queue_sync(frt_queue_t *q, frt_error_t *err) {
  (void)q;
  (void)err;
  return FRT_OK;
}

static void queue_close(frt_queue_t *q) { (void)q; }

/* ---- entry --------------------------------------------------------------------- */

static void module_close(void *self) {
  module_t *m = (module_t *)self;
  if (m) m->host->mem_free(m->host->ctx, m);
}

static frt_status_t module_open(const frt_api_host_t *host, module_t **out,
                                frt_error_t *err) {
  const uint32_t n = row_count();
  const size_t head = (sizeof(module_t) + 15) & ~(size_t)15;
  char *memory = (char *)host->mem_alloc(
      host->ctx, head + n * (sizeof(frt_api_kernel_decl_t) + sizeof(ref_row_t *)), 16);
  module_t *m = (module_t *)(void *)memory;
  if (!memory)
    return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for %u kernel rows", n);
  m->host = host;
  m->decls = (frt_api_kernel_decl_t *)(void *)(memory + head);
  m->rows = (const ref_row_t **)(void *)(m->decls + n);
  m->n = 0;
  sort_rows(m);
  *out = m;
  return FRT_OK;
}

frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err);
__attribute__((visibility("default")))
frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err) {
  const frt_api_provider_t filled = {
      .size = sizeof filled, .abi_minor = FRT_ABI_MINOR,
      .name = "reference", .version = "0.1.0",
      .description = "plain loops in double precision: the oracle, never fast",
      .kernel_stride = sizeof(frt_api_kernel_decl_t),
      .close = module_close, .device_count = device_count, .device_info = device_info,
      .dev_open = dev_open, .dev_close = dev_close, .copy = copy,
      .queue_open = queue_open, .queue_sync = queue_sync, .queue_close = queue_close,
      .op_query = op_query, .op_prepare = op_prepare, .op_run = op_run,
      .op_release = op_release, .extension = extension};
  module_t *m = NULL;
  if (io->size < sizeof filled || !FRT_HAS(host, frt_api_host_t, mem_free))
    return frt_fail(err, FRT_ABI_MISMATCH,
                    "the host's tables have %u and %u bytes; wanted at least %u and %u",
                    io->size, host->size, (unsigned)sizeof filled,
                    (unsigned)(offsetof(frt_api_host_t, mem_free) + sizeof(void *)));
  FRT_TRY(module_open(host, &m, err));
  *io = filled;
  io->self = m;
  io->kernels = m->decls;
  io->n_kernels = m->n;
  return FRT_OK;
}
