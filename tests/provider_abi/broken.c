/* A provider with one kernel, clip, and, by -DWRONG_<NAME>, one thing wrong with it. Built
 * once for each name that CMakeLists.txt lists, and once sound. */
#define _GNU_SOURCE
#include <fenv.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "fluidrt/kernel.h"
#include "fluidrt/op.h"
#include "fluidrt/op_index.h"

/* ---- the file ------------------------------------------------------------------------ */

#if defined(WRONG_MAJOR_TWO)
#define MAJOR 2
#elif defined(WRONG_MAJOR_ZERO)
#define MAJOR 0
#else
#define MAJOR FRT_ABI_MAJOR
#endif
#if defined(WRONG_WANTS_NEWER_HOST)
#define HOST_MINOR 7
#else
#define HOST_MINOR 0
#endif
#if defined(WRONG_SHORT_MANIFEST)
#define DESCSZ 20
#else
#define DESCSZ (uint32_t)(sizeof(frt_api_manifest_t) - 16)
#endif
#if !defined(WRONG_NO_MANIFEST)
__attribute__((used, section(".note.frt"), aligned(4)))
static const frt_api_manifest_t manifest = {
    4, DESCSZ, 1, "frt", MAJOR, 0, HOST_MINOR, 0, "broken", "1.0"};
#endif

#if defined(WRONG_MISSING_LIBRARIES) || defined(WRONG_MISSING_SYMBOLS)
int gone_first(void); /* of libraries that are not there when the file is loaded */
int gone_second(void);
int frt_broken_touch(void);
__attribute__((visibility("default"))) int frt_broken_touch(void) {
  return gone_first() + gone_second();
}
#endif

#if defined(WRONG_CRASHES_AT_CLOSE) || defined(WRONG_NEVER_UNLOADED)
__attribute__((destructor)) static void crash(void) { raise(SIGSEGV); }
#endif

/* ---- the kernel ------------------------------------------------------------------------- */

typedef struct { float lo, hi; } clip_t;

static frt_status_t clip_prepare(const frt_op_t *op, void *state, uint64_t *workspace,
                                 frt_error_t *err) {
  clip_t *c = (clip_t *)state;
  (void)err;
  c->lo = frt_attr_f32(op, FRT_CLIP_ATTR_MIN);
  c->hi = frt_attr_f32(op, FRT_CLIP_ATTR_MAX);
#if defined(WRONG_PREPARE_FAILS)
  return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "the tuner found no kernel");
#endif
  *workspace = 32;
  return FRT_OK;
}

static void misbehave(const frt_run_t *r) {
  float *out = frt_out_f32(r, FRT_CLIP_OUT_OUT);
  const int64_t n = frt_out_numel(r, FRT_CLIP_OUT_OUT);
  (void)out, (void)n;
#if defined(WRONG_WRITES_PAST_END)
  out[n] = 7;
#elif defined(WRONG_WRITES_BEFORE_START)
  out[-1] = 7;
#elif defined(WRONG_WRITES_INPUT)
  ((float *)(uintptr_t)frt_in_f32(r, FRT_CLIP_IN_X))[0] = 7;
#elif defined(WRONG_WRITES_PAST_WORKSPACE)
  ((char *)r->workspace)[r->workspace_bytes] = 7;
#elif defined(WRONG_ROUNDING)
  fesetround(FE_UPWARD);
#elif defined(WRONG_LOCALE)
  setlocale(LC_ALL, "C.UTF-8");
#elif defined(WRONG_FOLDER)
  if (chdir("/")) abort();
#elif defined(WRONG_SIGNAL_MASK)
  sigset_t s;
  sigemptyset(&s);
  sigaddset(&s, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &s, NULL);
#elif defined(WRONG_SIGNAL_HANDLER)
  signal(SIGUSR2, SIG_IGN);
#elif defined(WRONG_SUBNORMALS) && defined(__x86_64__)
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040u);
#elif defined(WRONG_CALLS_BACK)
  struct { void (*fn)(void *); void *arg; } call;
  memcpy(&call, frt_in_f32(r, FRT_CLIP_IN_X), sizeof call);
  call.fn(call.arg);
#elif defined(WRONG_ABORTS)
  abort();
#endif
}

static frt_status_t clip_run(const void *state, const frt_run_t *r, frt_error_t *err) {
  const clip_t *c = (const clip_t *)state;
  const float *x = frt_in_f32(r, FRT_CLIP_IN_X);
  float *out = frt_out_f32(r, FRT_CLIP_OUT_OUT);
  int64_t n = frt_in_numel(r, FRT_CLIP_IN_X);
  (void)err;
#if defined(WRONG_FAILS_HALF_WAY)
  static int runs;
  if (++runs % 2 == 0) return frt_fail(err, FRT_INTERNAL, "unit 3 does not answer");
#elif defined(WRONG_FAILS_SILENTLY)
  return FRT_INTERNAL;
#elif defined(WRONG_RUN_STATUS)
  return (frt_status_t)-77;
#elif defined(WRONG_LEAVES_TAIL)
  --n;
#endif
  for (int64_t i = 0; i < n; ++i)
    out[i] = x[i] < c->lo ? c->lo : x[i] > c->hi ? c->hi : x[i];
  misbehave(r);
  return FRT_OK;
}

FRT_KERNELS(broken, all) = {FRT_KERNEL("clip", FRT_F32S, clip, 0), FRT_KERNELS_END};
static const frt_kernel_row_t *const tables[] = {frt_broken_kernels_all};

/* ---- the device ------------------------------------------------------------------------- */

struct frt_dev { frt_module_t *module; };

static void provider_close(void *self) {
  frt_module_t *m = (frt_module_t *)self;
  const frt_api_host_t *host = m->host;
  frt_module_close(m);
  host->mem_free(host->ctx, m);
}

static uint32_t device_count(void *self, char *why) {
  (void)self, (void)why;
#if defined(WRONG_NO_DEVICE)
  memset(why, 'x', 160); /* and no end */
  return 0;
#elif defined(WRONG_MANY_DEVICES)
  return 4000000000u;
#else
  return 1;
#endif
}

static frt_status_t device_info(void *self, uint32_t index, frt_api_device_info_t *out,
                                frt_error_t *err) {
  (void)self, (void)index, (void)err;
#if defined(WRONG_INFO_FAILS)
  return frt_fail(err, FRT_UNAVAILABLE, "the card does not say what it is");
#endif
#if !defined(WRONG_NO_SLABS) && !defined(WRONG_NULL_SLAB) && !defined(WRONG_CROOKED_SLAB)
  out->flags = FRT_DEVICE_HOST_MEMORY;
#endif
  memset(out->desc, 'd', sizeof out->desc); /* without an end, which the host must bear */
  return FRT_OK;
}

static frt_status_t dev_open(void *self, uint32_t index, const frt_api_option_t *opt,
                             uint32_t n_opt, frt_dev_t **out, frt_error_t *err) {
  (void)index, (void)opt, (void)n_opt, (void)err;
#if defined(WRONG_OPEN_FAILS)
  return frt_fail(err, FRT_UNAVAILABLE, "the card is in another process");
#elif defined(WRONG_NULL_DEVICE)
  *out = NULL;
  return FRT_OK;
#else
  *out = (frt_dev_t *)self;
  return FRT_OK;
#endif
}
static void dev_close(frt_dev_t *dev) { (void)dev; }

static frt_status_t slab_alloc(frt_dev_t *dev, uint32_t kind, uint64_t bytes, void **out,
                               frt_error_t *err) {
  (void)dev, (void)kind, (void)err;
#if defined(WRONG_NULL_SLAB)
  (void)bytes;
  *out = NULL;
#else
  *out = (char *)aligned_alloc(64, (bytes + 191) & ~(uint64_t)63) + 3;
#endif
  return FRT_OK;
}
static void slab_free(frt_dev_t *dev, uint32_t kind, void *p) {
  (void)dev, (void)kind;
  free((char *)p - 3);
}
static frt_status_t copy(frt_dev_t *dev, frt_queue_t *q, uint32_t direction, void *dst,
                         const void *src, uint64_t bytes, frt_error_t *err) {
  (void)dev, (void)q, (void)direction, (void)err;
  memmove(dst, src, bytes);
  return FRT_OK;
}

static frt_status_t queue_open(frt_dev_t *dev, frt_queue_t **out, frt_error_t *err) {
  (void)err;
#if defined(WRONG_QUEUE_FAILS)
  return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "all 8 queues are taken");
#endif
  *out = (frt_queue_t *)(void *)dev;
  return FRT_OK;
}
static frt_status_t queue_sync(frt_queue_t *q, frt_error_t *err) {
  (void)q, (void)err;
  return FRT_OK;
}
static void queue_close(frt_queue_t *q) { (void)q; }

static frt_status_t op_query(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                             frt_api_support_t *support, frt_error_t *err) {
  (void)dev, (void)err;
#if defined(WRONG_QUERY_FAILS)
  return frt_fail(err, FRT_INTERNAL, "the table of kernels is not sorted");
#endif
  return frt_module_query((frt_module_t *)self, op, support);
}
static frt_status_t op_prepare(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                               frt_prepared_t **out, uint64_t *workspace, frt_error_t *err) {
  (void)dev;
  return frt_module_prepare((frt_module_t *)self, op, out, workspace, err);
}

/* ---- the entry -------------------------------------------------------------------------- */

#if defined(WRONG_SCHEMA) || defined(WRONG_NAME_TAKEN)
static frt_status_t infer(const frt_infer_t *c, frt_error_t *err) {
  (void)c, (void)err;
  return FRT_OK;
}
static const frt_op_schema_t schemas[] = {
    {.struct_size = sizeof schemas[0], .type = "broken.good", .doc = "Out = X.",
     .inputs = {{"X", FRT_FLOATS, 0, "any"}}, .outputs = {{"Out", FRT_FLOATS, 0, "as X"}},
     .infer_shape = infer, .grad = FRT_NO_GRAD},
    {.struct_size = sizeof schemas[0], .type = "nodot", .doc = "Out = X.",
     .inputs = {{"X", FRT_FLOATS, 0, "any"}}, .outputs = {{"Out", FRT_FLOATS, 0, "as X"}},
     .infer_shape = infer, .grad = FRT_NO_GRAD}};
static const frt_op_schema_t *const listed[] = {&schemas[0], &schemas[1]};
static const void *extension(void *self, const char *name) {
#if defined(WRONG_SCHEMA)
  static const frt_api_schemas_t x = {sizeof x, 2, listed};
#else
  static const frt_api_schemas_t x = {sizeof x, 1, listed};
#endif
  (void)self;
  return strcmp(name, FRT_SCHEMAS_V1) ? NULL : &x;
}
#endif

static void spoil_kernels(frt_api_provider_t *p) {
  static frt_api_kernel_decl_t rows[] = {{"clip", 1, 1, FRT_DTYPE_BIT(FRT_F32), 0},
                                         {"relu", 1, 1, FRT_DTYPE_BIT(FRT_F32), 0}};
  (void)rows, (void)p;
#if defined(WRONG_KERNEL_TWICE)
  rows[1].type = "clip";
#elif defined(WRONG_KERNEL_UNNAMED)
  rows[1].type = NULL;
#elif defined(WRONG_KERNEL_EMPTY_NAME)
  rows[1].type = "";
#elif defined(WRONG_KERNEL_NO_DTYPE)
  rows[1].dtypes = 0;
#elif defined(WRONG_KERNEL_VERSIONS)
  rows[1].ver_min = 3;
#endif
#if defined(WRONG_KERNEL_TWICE) || defined(WRONG_KERNEL_UNNAMED) || \
    defined(WRONG_KERNEL_EMPTY_NAME) || defined(WRONG_KERNEL_NO_DTYPE) || \
    defined(WRONG_KERNEL_VERSIONS)
  p->kernels = rows;
  p->n_kernels = 2;
#elif defined(WRONG_MILLION_KERNELS)
  p->n_kernels = 1000000;
#elif defined(WRONG_NO_KERNEL_TABLE)
  p->kernels = NULL;
#elif defined(WRONG_STRIDE)
  p->kernel_stride = 8;
#endif
}

static void spoil(frt_api_provider_t *p) {
  static char long_name[10241];
  (void)long_name;
#if defined(WRONG_SIZE_ZERO)
  p->size = 0;
#elif defined(WRONG_SIZE_SMALL)
  p->size = 60;
#elif defined(WRONG_SIZE_HUGE)
  p->size = 0xffffffffu;
#elif defined(WRONG_NO_RUN)
  p->op_run = NULL;
  p->queue_sync = NULL;
#elif defined(WRONG_NO_OPTIONAL)
  p->version = p->description = NULL;
  p->slab_alloc = NULL;
  p->slab_free = NULL;
  p->copy = NULL;
#elif defined(WRONG_NAME_NULL)
  p->name = NULL;
#elif defined(WRONG_NAME_EMPTY)
  p->name = "";
#elif defined(WRONG_NAME_LONG)
  memset(long_name, 'n', sizeof long_name - 1);
  p->name = long_name;
#elif defined(WRONG_NAME_BYTES)
  p->name = "br\xf6ken";
#elif defined(WRONG_NAME_COLON)
  p->name = "broken:1";
#elif defined(WRONG_NAME_TAKEN)
  p->name = "reference";
#elif defined(WRONG_NO_SLABS)
  p->slab_alloc = NULL;
#endif
#if defined(WRONG_SCHEMA) || defined(WRONG_NAME_TAKEN)
  p->extension = extension;
#endif
  spoil_kernels(p);
}

static frt_status_t entry(const frt_api_host_t *host, frt_api_provider_t *io,
                          frt_error_t *err) {
  frt_module_t *m = (frt_module_t *)host->mem_alloc(host->ctx, sizeof *m, 16);
  if (!m) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory");
  memset(m, 0, sizeof *m);
  const frt_status_t status = frt_module_open(m, host, tables, 1, err);
  if (status != FRT_OK) return provider_close(m), status;
  const frt_api_provider_t p = {
      .size = io->size, .abi_minor = FRT_ABI_MINOR, .self = m, .name = "broken",
      .version = "1.0", .description = "wrong on purpose", .kernels = m->decls,
      .n_kernels = m->n, .kernel_stride = sizeof *m->decls, .close = provider_close,
      .device_count = device_count, .device_info = device_info, .dev_open = dev_open,
      .dev_close = dev_close, .slab_alloc = slab_alloc, .slab_free = slab_free, .copy = copy,
      .queue_open = queue_open, .queue_sync = queue_sync, .queue_close = queue_close,
      .op_query = op_query, .op_prepare = op_prepare, .op_run = frt_module_run,
      .op_release = frt_module_release};
  memcpy(io, &p, FRT_HAS(io, frt_api_provider_t, extension) ? sizeof p : io->size);
  spoil(io);
#if defined(WRONG_WRITES_PAST_TABLE)
  ((uint64_t *)(void *)(io + 1))[0] = 1; /* a field of a later minor, unasked */
#endif
  return FRT_OK;
}

#if !defined(WRONG_NO_ENTRY)
__attribute__((visibility("default")))
#else
__attribute__((used))
#endif
frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err);

frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err) {
#if defined(WRONG_ENTRY_FAILS)
  return frt_fail(err, FRT_UNAVAILABLE, "the licence server does not answer");
#elif defined(WRONG_ENTRY_FAILS_SILENTLY)
  return FRT_UNAVAILABLE;
#elif defined(WRONG_ENTRY_STATUS)
  return (frt_status_t)4711;
#elif defined(WRONG_ENTRY_TEXT)
  memset(err, 'e', sizeof *err); /* no end, no size */
  return FRT_UNAVAILABLE;
#elif defined(WRONG_ENTRY_FILLS_NOTHING)
  return FRT_OK;
#else
  return entry(host, io, err);
#endif
}
