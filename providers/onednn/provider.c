/* onednn: mul, fc and reduce_sum with their gradients on oneDNN, in host memory: an example
 * of a provider that wraps a library. fluidrt's public headers are all it knows of us.
 *
 * One thread: the bits do not depend on the load of the machine, and the host's pool stays
 * the only one. Strict float32, whatever the environment says to oneDNN. */
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>

#include "fluidrt/kernel.h"
#include "fluidrt/op_index.h"

FRT_MANIFEST("onednn", "0.1.0");

/* A queue is its device: nothing is ever queued. */
struct frt_dev { const frt_module_t *module; dnnl_engine_t engine; };

static frt_status_t failed(dnnl_status_t status, const char *what, frt_error_t *err) {
  return frt_fail(err, status == dnnl_out_of_memory  ? FRT_RESOURCE_EXHAUSTED
                       : status == dnnl_unimplemented ? FRT_UNIMPLEMENTED : FRT_INTERNAL,
                  "oneDNN cannot %s: %s", what, dnnl_status2str(status));
}

/* ---- calls: a primitive with its tensors, made once per plan --------------------------- */
enum { MAX_ARGS = 4, MAX_CALLS = 2 };
typedef struct call {
  dnnl_primitive_t primitive; /* NULL: there is nothing to compute */
  int n, kind[MAX_ARGS];      /* DNNL_ARG_SRC ... */
  dnnl_memory_desc_t desc[MAX_ARGS], scratch;
} call_t;
/* The state of every kernel begins with its calls, so that op_release finds them. */
typedef struct calls { call_t v[MAX_CALLS]; } calls_t;
/* kernel.h hands the op to prepare as it is: the device stands behind it. */
typedef struct placed_op { frt_api_op_t op; frt_dev_t *dev; } placed_op_t;

/* float32; stride in elements, NULL: dense. */
static void add_arg(call_t *c, int kind, int rank, const int64_t *dims, const int64_t *stride) {
  dnnl_dims_t d = {0}, by = {0};
  for (int i = 0; i < rank; ++i) d[i] = dims[i], by[i] = stride ? stride[i] : 0;
  c->kind[c->n] = kind;
  dnnl_memory_desc_init_by_strides(&c->desc[c->n++], rank, d, dnnl_f32, stride ? by : NULL);
}

static dnnl_status_t create(call_t *c, const void *desc, dnnl_engine_t engine,
                            uint64_t *workspace) {
  dnnl_primitive_attr_t attr = NULL;
  dnnl_primitive_desc_t pd = NULL;
  dnnl_status_t s = dnnl_primitive_attr_create(&attr);
  if (!s) s = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
  if (!s) s = dnnl_primitive_attr_set_fpmath_mode(attr, dnnl_fpmath_mode_strict);
  if (!s) s = dnnl_primitive_desc_create(&pd, desc, attr, engine, NULL);
  if (!s) s = dnnl_primitive_create(&c->primitive, pd);
  if (!s) c->scratch = *dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
  const uint64_t bytes = s ? 0 : dnnl_memory_desc_get_size(&c->scratch);
  if (bytes > *workspace) *workspace = bytes;
  if (pd) dnnl_primitive_desc_destroy(pd);
  if (attr) dnnl_primitive_attr_destroy(attr);
  return s;
}

/* `desc` describes the op; *workspace grows to what a run of it wants. */
static frt_status_t call_create(call_t *c, const void *desc, const frt_op_t *op,
                                uint64_t *workspace, frt_error_t *err) {
  const frt_dev_t *dev = ((const placed_op_t *)(const void *)op)->dev;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1); /* for what this thread starts, until the call is done */
  const dnnl_status_t s = create(c, desc, dev->engine, workspace);
  omp_set_num_threads(threads);
  return s ? failed(s, "make this primitive", err) : FRT_OK;
}

static void calls_release(calls_t *c) {
  for (int i = 0; i < MAX_CALLS; ++i)
    if (c->v[i].primitive) dnnl_primitive_destroy(c->v[i].primitive);
}

/* Stream and memory objects live for one run: a prepared kernel may run on several queues at
 * once. */
static dnnl_status_t execute(const call_t *c, const frt_run_t *r, const void *const *data) {
  const dnnl_engine_t engine = ((const frt_dev_t *)(const void *)r->queue)->engine;
  dnnl_exec_arg_t args[MAX_ARGS + 1] = {{0}};
  dnnl_stream_t stream = NULL;
  dnnl_status_t s = dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
  for (int i = 0; i <= c->n && !s; ++i) {
    args[i].arg = i < c->n ? c->kind[i] : DNNL_ARG_SCRATCHPAD;
    s = dnnl_memory_create(&args[i].memory, i < c->n ? &c->desc[i] : &c->scratch, engine,
                           i < c->n ? (void *)(uintptr_t)data[i] : r->workspace);
  }
  if (!s) s = dnnl_primitive_execute(c->primitive, stream, c->n + 1, args);
  if (!s) s = dnnl_stream_wait(stream);
  for (int i = 0; i <= c->n; ++i)
    if (args[i].memory) dnnl_memory_destroy(args[i].memory);
  if (stream) dnnl_stream_destroy(stream);
  return s;
}

static frt_status_t call_run(const call_t *c, const frt_run_t *r, const void *const *data,
                             frt_error_t *err) {
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const dnnl_status_t s = execute(c, r, data);
  omp_set_num_threads(threads);
  return s ? failed(s, "run this primitive", err) : FRT_OK;
}

/* ---- products: mul, fc ------------------------------------------------------------------- */
/* out[m, n] = a[m, k] . b[k, n] (+ bias[n]). ta: a is stored as [k, m]; tb likewise. */
typedef struct product { int64_t m, n, k; int ta, tb, bias; } product_t;

static frt_status_t product_create(call_t *c, const product_t *p, const frt_op_t *op,
                                   uint64_t *workspace, frt_error_t *err) {
  const int64_t a[] = {p->m, p->k}, b[] = {p->k, p->n}, out[] = {p->m, p->n}, bias[] = {1, p->n};
  const int64_t a_stride[] = {p->ta ? 1 : p->k, p->ta ? p->m : 1};
  const int64_t b_stride[] = {p->tb ? 1 : p->n, p->tb ? p->k : 1};
  dnnl_matmul_desc_t desc;
  if (!p->m || !p->n || !p->k) return FRT_OK;
  add_arg(c, DNNL_ARG_SRC, 2, a, a_stride);
  add_arg(c, DNNL_ARG_WEIGHTS, 2, b, b_stride);
  add_arg(c, DNNL_ARG_DST, 2, out, NULL);
  if (p->bias) add_arg(c, DNNL_ARG_BIAS, 2, bias, NULL);
  const dnnl_status_t s = dnnl_matmul_desc_init(&desc, &c->desc[0], &c->desc[1],
                                                p->bias ? &c->desc[3] : NULL, &c->desc[2]);
  return s ? failed(s, "describe this product", err) : call_create(c, &desc, op, workspace, err);
}

static frt_status_t product_run(const call_t *c, const product_t *p, const frt_run_t *r,
                                const float *a, const float *b, const float *bias, float *out,
                                frt_error_t *err) {
  const void *const data[] = {a, b, out, bias};
  if (c->primitive) return call_run(c, r, data, err);
  for (int64_t i = 0; i < p->m * p->n; ++i) out[i] = p->bias ? bias[i % p->n] : 0.0f;
  return FRT_OK; /* a sum of nothing */
}

/* mul and fc are one thing to us: fc calls X Input and Y W. -1: it has none. */
typedef struct slots { const char *type; int x, y, bias, out, g, x_cols, y_cols, act; } slots_t;
static const slots_t SLOTS[] = {
    {"mul", FRT_MUL_IN_X, FRT_MUL_IN_Y, -1, -1, -1, FRT_MUL_ATTR_X_NUM_COL_DIMS,
     FRT_MUL_ATTR_Y_NUM_COL_DIMS, -1},
    {"fc", FRT_FC_IN_INPUT, FRT_FC_IN_W, FRT_FC_IN_BIAS, -1, -1, FRT_FC_ATTR_IN_NUM_COL_DIMS, -1,
     FRT_FC_ATTR_ACTIVATION_TYPE},
    {"mul_grad", FRT_MUL_GRAD_IN_X, FRT_MUL_GRAD_IN_Y, -1, -1, FRT_MUL_GRAD_IN_OUT_GRAD,
     FRT_MUL_GRAD_ATTR_X_NUM_COL_DIMS, FRT_MUL_GRAD_ATTR_Y_NUM_COL_DIMS, -1},
    {"fc_grad", FRT_FC_GRAD_IN_INPUT, FRT_FC_GRAD_IN_W, -1, FRT_FC_GRAD_IN_OUT,
     FRT_FC_GRAD_IN_OUT_GRAD, FRT_FC_GRAD_ATTR_IN_NUM_COL_DIMS, -1,
     FRT_FC_GRAD_ATTR_ACTIVATION_TYPE}};

typedef struct matmul {
  calls_t calls; /* first */
  const slots_t *s;
  product_t p[2]; /* out; or, with G = Out@GRAD, X@GRAD = G . Y^T and Y@GRAD = X^T . G */
  int64_t m, n;   /* of out */
  int relu;
  uint64_t masked; /* where in the workspace the G that relu let pass lies */
} matmul_t;

static int64_t extent(const frt_api_tensor_t *t, int64_t from, int64_t to) {
  int64_t n = 1;
  for (int64_t i = from; i < to; ++i) n *= t->dims[i];
  return n;
}

static void take_slots(matmul_t *c, const frt_op_t *op) {
  for (c->s = SLOTS; strcmp(c->s->type, op->type); ++c->s) {}
  const frt_api_tensor_t *x = frt_in(op, c->s->x), *y = frt_in(op, c->s->y);
  const int64_t x_cols = frt_attr_i64(op, c->s->x_cols);
  const int64_t y_cols = c->s->y_cols < 0 ? 1 : frt_attr_i64(op, c->s->y_cols);
  const int64_t k = extent(x, x_cols, x->rank);
  c->m = extent(x, 0, x_cols);
  c->n = extent(y, y_cols, y->rank);
  c->relu = c->s->act >= 0 && frt_attr_str(op, c->s->act)[0];
  const product_t out = {c->m, c->n, k, 0, 0, c->s->bias >= 0 && frt_has_in(op, c->s->bias)};
  const product_t dx = {c->m, k, c->n, 0, 1, 0}, dy = {k, c->n, c->m, 1, 0, 0};
  c->p[0] = c->s->g < 0 ? out : dx;
  c->p[1] = dy;
}

static frt_status_t matmul_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                   frt_error_t *err) {
  matmul_t *c = (matmul_t *)state;
  take_slots(c, op);
  for (uint32_t i = 0; i < 2 && i < op->n_out; ++i) {
    if (!frt_has_out(op, i)) continue;
    const frt_status_t s = product_create(&c->calls.v[i], &c->p[i], op, workspace, err);
    if (s != FRT_OK) return calls_release(&c->calls), s;
  }
  c->masked = (*workspace + 63) & ~(uint64_t)63;
  if (c->relu && c->s->g >= 0)
    *workspace = c->masked + (uint64_t)(c->m * c->n) * sizeof(float);
  return FRT_OK;
}

static frt_status_t forward_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const matmul_t *c = (const matmul_t *)state;
  const float *bias = c->p[0].bias ? frt_in_f32(r, c->s->bias) : NULL;
  float *out = frt_out_f32(r, 0);
  FRT_TRY(product_run(&c->calls.v[0], &c->p[0], r, frt_in_f32(r, c->s->x),
                      frt_in_f32(r, c->s->y), bias, out, err));
  /* Not oneDNN's relu, which makes 0 of NaN. */
  for (int64_t i = 0; c->relu && i < c->m * c->n; ++i) out[i] = out[i] < 0.0f ? 0.0f : out[i];
  return FRT_OK;
}

static frt_status_t grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const matmul_t *c = (const matmul_t *)state;
  const float *g = frt_in_f32(r, c->s->g);
  if (c->relu) { /* nothing passes where Out is 0 */
    const float *y = frt_in_f32(r, c->s->out);
    float *masked = (float *)(void *)((char *)r->workspace + c->masked);
    for (int64_t i = 0; i < c->m * c->n; ++i) masked[i] = y[i] > 0.0f ? g[i] : 0.0f;
    g = masked;
  }
  for (uint32_t i = 0; i < 2; ++i)
    if (frt_has_out(r, i))
      FRT_TRY(product_run(&c->calls.v[i], &c->p[i], r, i ? frt_in_f32(r, c->s->x) : g,
                          i ? g : frt_in_f32(r, c->s->y), NULL, frt_out_f32(r, i), err));
  if (r->n_out < 3 || !frt_has_out(r, 2)) return FRT_OK;
  float *db = frt_out_f32(r, 2); /* Bias@GRAD: the column sums of G */
  memset(db, 0, (size_t)c->n * sizeof *db);
  for (int64_t i = 0; i < c->m * c->n; ++i) db[i % c->n] += g[i];
  return FRT_OK;
}

/* ---- sums ---------------------------------------------------------------------------------- */
enum { MAX_RANK = 5 }; /* of oneDNN's reductions */

typedef struct sum {
  calls_t calls; /* first */
  int rank;
  int64_t n_in, n_out, dims[MAX_RANK], stride[MAX_RANK]; /* of the small side; 0: reduced */
} sum_t;

static frt_reason_t refuse_rank(const frt_op_t *op, char detail[160]) {
  const frt_api_tensor_t *x = frt_in(op, op->n_in - 1); /* X is the last input of both */
  if (x->rank <= MAX_RANK) return FRT_REASON_NONE;
  snprintf(detail, 160, "X has rank %u; the kernel takes up to %d", x->rank, MAX_RANK);
  return FRT_REASON_RANK;
}

static void take_shape(sum_t *c, const frt_op_t *op, int slot, int dims, int reduce_all) {
  const frt_api_tensor_t *x = frt_in(op, slot);
  const frt_api_attr_t *dim = &op->attrs[dims];
  const int all = frt_attr_bool(op, reduce_all);
  int reduced[MAX_RANK] = {!dim->count};
  c->rank = (int)x->rank;
  c->n_in = x->numel;
  c->n_out = 1;
  for (uint32_t i = 0; i < dim->count; ++i)
    reduced[dim->v.is[i] < 0 ? dim->v.is[i] + c->rank : dim->v.is[i]] = 1;
  for (int i = c->rank - 1; i >= 0; --i) {
    c->dims[i] = x->dims[i];
    c->stride[i] = all || reduced[i] ? 0 : c->n_out;
    if (c->stride[i]) c->n_out *= x->dims[i];
  }
}

static frt_status_t sum_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                frt_error_t *err) {
  sum_t *c = (sum_t *)state;
  call_t *call = c->calls.v;
  int64_t small[MAX_RANK];
  dnnl_reduction_desc_t desc;
  take_shape(c, op, FRT_REDUCE_SUM_IN_X, FRT_REDUCE_SUM_ATTR_DIM, FRT_REDUCE_SUM_ATTR_REDUCE_ALL);
  if (!c->n_in || c->n_in == c->n_out) return FRT_OK; /* nothing, or a copy */
  for (int i = 0; i < c->rank; ++i) small[i] = c->stride[i] ? c->dims[i] : 1;
  add_arg(call, DNNL_ARG_SRC, c->rank, c->dims, NULL);
  add_arg(call, DNNL_ARG_DST, c->rank, small, NULL);
  const dnnl_status_t s = dnnl_reduction_desc_init(&desc, dnnl_reduction_sum, &call->desc[0],
                                                   &call->desc[1], 0.0f, 0.0f);
  return s ? failed(s, "describe this sum", err) : call_create(call, &desc, op, workspace, err);
}

static frt_status_t sum_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const sum_t *c = (const sum_t *)state;
  const float *x = frt_in_f32(r, FRT_REDUCE_SUM_IN_X);
  float *out = frt_out_f32(r, FRT_REDUCE_SUM_OUT_OUT);
  const void *const data[] = {x, out};
  if (c->calls.v[0].primitive) return call_run(&c->calls.v[0], r, data, err);
  for (int64_t i = 0; i < c->n_out; ++i) out[i] = c->n_in ? x[i] : 0.0f;
  return FRT_OK;
}

static frt_status_t sum_grad_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                     frt_error_t *err) {
  (void)workspace, (void)err;
  take_shape((sum_t *)state, op, FRT_REDUCE_SUM_GRAD_IN_X, FRT_REDUCE_SUM_GRAD_ATTR_DIM,
             FRT_REDUCE_SUM_GRAD_ATTR_REDUCE_ALL);
  return FRT_OK;
}

/* A repetition: no arithmetic, no primitive. */
static frt_status_t sum_grad_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const sum_t *c = (const sum_t *)state;
  const float *g = frt_in_f32(r, FRT_REDUCE_SUM_GRAD_IN_OUT_GRAD);
  int64_t at[MAX_RANK] = {0}, from = 0;
  (void)err;
  for (int64_t i = 0; i < c->n_in && frt_has_out(r, 0); ++i) {
    frt_out_f32(r, 0)[i] = g[from];
    for (int d = c->rank - 1; d >= 0; --d) { /* the next place, last axis first */
      from += c->stride[d];
      if (++at[d] < c->dims[d]) break;
      from -= c->stride[d] * c->dims[d];
      at[d] = 0;
    }
  }
  return FRT_OK;
}

#define ROW(type, state, prepare, run, refuse) \
  {type, FRT_DTYPE_BIT(FRT_F32), sizeof(state), prepare, run, FRT_KERNEL_DETERMINISTIC, refuse}
FRT_KERNELS(onednn, all) = {
    ROW("mul", matmul_t, matmul_prepare, forward_run, NULL),
    ROW("fc", matmul_t, matmul_prepare, forward_run, NULL),
    ROW("mul_grad", matmul_t, matmul_prepare, grad_run, NULL),
    ROW("fc_grad", matmul_t, matmul_prepare, grad_run, NULL),
    ROW("reduce_sum", sum_t, sum_prepare, sum_run, refuse_rank),
    ROW("reduce_sum_grad", sum_t, sum_grad_prepare, sum_grad_run, refuse_rank), FRT_KERNELS_END};
static const frt_kernel_row_t *const tables[] = {frt_onednn_kernels_all};

/* ---- the provider -------------------------------------------------------------------------- */
static void onednn_close(void *self) {
  const frt_api_host_t *host = ((frt_module_t *)self)->host;
  frt_module_close((frt_module_t *)self);
  host->mem_free(host->ctx, self);
}
static uint32_t device_count(void *self, char *why) { return (void)self, (void)why, 1; }
static frt_status_t device_info(void *self, uint32_t index, frt_api_device_info_t *out,
                                frt_error_t *err) {
  const dnnl_version_t *v = dnnl_version();
  (void)self;
  if (index) return frt_fail(err, FRT_NOT_FOUND, "onednn has one device; wanted %u", index);
  out->flags = FRT_DEVICE_HOST_MEMORY;
  snprintf(out->desc, sizeof out->desc, "oneDNN %d.%d.%d, 1 thread", v->major, v->minor, v->patch);
  return FRT_OK;
}
static frt_status_t dev_open(void *self, uint32_t index, const frt_api_option_t *opt,
                             uint32_t n_opt, frt_dev_t **out, frt_error_t *err) {
  const frt_module_t *m = (frt_module_t *)self;
  if (index) return frt_fail(err, FRT_NOT_FOUND, "onednn has one device; wanted %u", index);
  if (n_opt)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "onednn has no option '%s'", opt[0].key);
  *out = (frt_dev_t *)m->host->mem_alloc(m->host->ctx, sizeof **out, 16);
  if (!*out) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for a device");
  (*out)->module = m;
  const dnnl_status_t s = dnnl_engine_create(&(*out)->engine, dnnl_cpu, 0);
  if (s) m->host->mem_free(m->host->ctx, *out);
  return s ? failed(s, "make an engine", err) : FRT_OK;
}
static void dev_close(frt_dev_t *dev) {
  dnnl_engine_destroy(dev->engine);
  dev->module->host->mem_free(dev->module->host->ctx, dev);
}
static frt_status_t queue_open(frt_dev_t *dev, frt_queue_t **out, frt_error_t *err) {
  (void)err;
  *out = (frt_queue_t *)(void *)dev;
  return FRT_OK;
}
static frt_status_t queue_sync(frt_queue_t *q, frt_error_t *err) {
  (void)q, (void)err; /* each run has waited */
  return FRT_OK;
}
static void queue_close(frt_queue_t *q) { (void)q; }

static frt_status_t op_query(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                             frt_api_support_t *support, frt_error_t *err) {
  (void)dev, (void)err;
  return frt_module_query((frt_module_t *)self, op, support);
}
static frt_status_t op_prepare(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                               frt_prepared_t **out, uint64_t *workspace, frt_error_t *err) {
  const placed_op_t placed = {*op, dev};
  return frt_module_prepare((frt_module_t *)self, &placed.op, out, workspace, err);
}
static void op_release(frt_prepared_t *k) {
  if (k) calls_release((calls_t *)FRT_PREPARED_STATE(k));
  frt_module_release(k);
}

__attribute__((visibility("default")))
frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err) {
  if (!FRT_HAS(host, frt_api_host_t, mem_free) || !FRT_HAS(io, frt_api_provider_t, op_release))
    return frt_fail(err, FRT_ABI_MISMATCH, "onednn wants a host of ABI %u.%u", FRT_ABI_MAJOR,
                    FRT_ABI_MINOR);
  frt_module_t *m = (frt_module_t *)host->mem_alloc(host->ctx, sizeof *m, 16);
  if (!m) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for onednn");
  const frt_status_t status = frt_module_open(m, host, tables, 1, err);
  if (status != FRT_OK) return onednn_close(m), status;
  const frt_api_provider_t p = {
      .size = io->size, .abi_minor = FRT_ABI_MINOR, .self = m, .name = "onednn",
      .version = "0.1.0", .description = "matrix products and sums of oneDNN",
      .kernels = m->decls, .n_kernels = m->n, .kernel_stride = sizeof *m->decls,
      .close = onednn_close, .device_count = device_count, .device_info = device_info,
      .dev_open = dev_open, .dev_close = dev_close, .queue_open = queue_open,
      .queue_sync = queue_sync, .queue_close = queue_close, .op_query = op_query,
      .op_prepare = op_prepare, .op_run = frt_module_run, .op_release = op_release};
  memcpy(io, &p, io->size < sizeof p ? io->size : sizeof p);
  return FRT_OK;
}
