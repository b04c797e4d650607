/* frt_gpu_bench MODULE [SCALE]: ops through a provider's table, and beside each what bounds
 * it: a copy within the device, and, for products, cuBLAS called directly and the most that
 * the multipliers can do. Medians of rounds; each round is N runs and one wait. SCALE divides the sizes (for a slow device). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "fluidrt/kernel.h"
#include "fluidrt/op_index.h"

enum { ROUNDS = 7, MOST = 8 };

static frt_api_provider_t api = {.size = sizeof(frt_api_provider_t)};
static frt_dev_t *dev;
static frt_queue_t *queue;
static frt_error_t err;

static void must(frt_status_t status) {
  if (status == FRT_OK) return;
  fprintf(stderr, "frt_gpu_bench: status %d: %s\n", (int)status, err.message);
  exit(1);
}

/* ---- the least host there is ------------------------------------------------------- */

static void host_log(void *ctx, int level, const char *text) { (void)ctx, (void)level, (void)text; }
static void *host_alloc(void *ctx, size_t bytes, size_t align) {
  (void)ctx;
  return aligned_alloc(align, (bytes + align - 1) / align * align);
}
static void host_free(void *ctx, void *p) {
  (void)ctx;
  free(p);
}
static void host_for(void *ctx, int64_t n, int64_t grain, void (*fn)(void *, int64_t, int64_t),
                     void *arg) {
  (void)ctx, (void)grain;
  fn(arg, 0, n);
}
static int host_cancelled(void *ctx) { return (void)ctx, 0; }
static uint64_t host_now(void *ctx) {
  struct timespec t;
  (void)ctx;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static const frt_api_host_t host = {
    sizeof host, FRT_ABI_MINOR, NULL, host_log, host_alloc, host_free, host_for, host_cancelled,
    host_now};

static double seconds(void) { return (double)host_now(NULL) / 1e9; }

/* ---- tensors and ops ------------------------------------------------------------------ */

typedef struct cell {
  frt_api_tensor_t t;
  int64_t dims[2];
  const frt_api_tensor_t *list[1];
} cell_t;

/* rank 1 or 2, values small and not all alike. */
static void make(cell_t *c, uint32_t rank, int64_t a, int64_t b) {
  memset(c, 0, sizeof *c);
  c->dims[0] = a;
  c->dims[1] = b;
  c->t.size = sizeof c->t;
  c->t.dtype = FRT_F32;
  c->t.rank = rank;
  c->t.dims = c->dims;
  c->t.numel = rank == 2 ? a * b : a;
  c->t.bytes = (uint64_t)c->t.numel * 4;
  c->list[0] = &c->t;
  float *values = malloc(c->t.bytes);
  if (!values) exit(1);
  for (int64_t i = 0; i < c->t.numel; ++i) values[i] = (float)(i % 29 - 14) / 32.0f;
  must(api.slab_alloc(dev, FRT_MEM_DEVICE, c->t.bytes, &c->t.data, &err));
  must(api.copy(dev, queue, FRT_COPY_TO_DEVICE, c->t.data, values, c->t.bytes, &err));
  must(api.queue_sync(queue, &err));
  free(values);
}
static void drop(cell_t *c) { api.slab_free(dev, FRT_MEM_DEVICE, c->t.data); }

typedef struct job {
  const char *type;
  frt_api_slot_t in[MOST], out[MOST];
  uint32_t n_in, n_out, n_attrs;
  frt_api_attr_t attrs[24];
  frt_prepared_t *k;
  frt_api_run_t run;
} job_t;

static void give(frt_api_slot_t *slot, cell_t *c) {
  slot->name = "";
  slot->count = 1;
  slot->t = c->list;
}

static void prepare(job_t *j) {
  frt_api_op_t op = {.size = sizeof op, .version = 1, .type = j->type, .in = j->in,
                     .out = j->out, .n_in = j->n_in, .n_out = j->n_out, .attrs = j->attrs,
                     .n_attrs = j->n_attrs, .host = &host};
  uint64_t bytes = 0;
  void *space = NULL;
  must(api.op_prepare(api.self, dev, &op, &j->k, &bytes, &err));
  if (bytes) must(api.slab_alloc(dev, FRT_MEM_DEVICE, bytes, &space, &err));
  const frt_api_run_t run = {.size = sizeof run, .queue = queue, .in = j->in, .out = j->out,
                             .n_in = j->n_in, .n_out = j->n_out, .workspace = space,
                             .workspace_bytes = bytes, .rng_state = 1, .host = &host};
  j->run = run;
}

/* ---- timing ---------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}
typedef void (*once_fn)(void *arg);
typedef void (*wait_fn)(void);
static void wait_queue(void) { must(api.queue_sync(queue, &err)); }

static double median(once_fn once, void *arg, wait_fn wait, int n) {
  double rounds[ROUNDS];
  for (int i = 0; i < 3; ++i) once(arg);
  wait();
  for (int r = 0; r < ROUNDS; ++r) {
    const double began = seconds();
    for (int i = 0; i < n; ++i) once(arg);
    wait();
    rounds[r] = (seconds() - began) / n;
  }
  qsort(rounds, ROUNDS, sizeof *rounds, by_value);
  return rounds[ROUNDS / 2];
}

static void run_job(void *arg) {
  job_t *j = arg;
  must(api.op_run(j->k, &j->run, &err));
}
typedef struct { cell_t *to, *from; } pair_t;
static void copy_once(void *arg) {
  const pair_t *p = arg;
  must(api.copy(dev, queue, FRT_COPY_WITHIN, p->to->t.data, p->from->t.data, p->to->t.bytes,
                &err));
}

/* A line of the report: bytes moved per second, beside the copy's. */
static void report(const char *what, double s, double bytes, double limit) {
  printf("%-34s %9.3f ms %8.1f GB/s  %5.1f %% of a copy\n", what, s * 1e3, bytes / s / 1e9,
         100 * bytes / s / limit);
}

static double time_job(job_t *j) {
  prepare(j);
  const double s = median(run_job, j, wait_queue, 10);
  api.op_release(j->k);
  if (j->run.workspace) api.slab_free(dev, FRT_MEM_DEVICE, j->run.workspace);
  return s;
}

static void memory_bound(int64_t n) {
  cell_t x, y, z, v, lr, one;
  char what[64];
  make(&x, 1, n, 0), make(&y, 1, n, 0), make(&z, 1, n, 0), make(&v, 1, n, 0);
  make(&lr, 1, 1, 0), make(&one, 1, 1, 0);
  pair_t p = {&z, &x};
  const double bytes = (double)n * 4;
  const double s = median(copy_once, &p, wait_queue, 10), limit = 2 * bytes / s;
  snprintf(what, sizeof what, "copy within, %lld fp32", (long long)n);
  report(what, s, 2 * bytes, limit);

  job_t add = {.type = "elementwise_add", .n_in = 2, .n_out = 1, .n_attrs = 1};
  give(&add.in[FRT_ELEMENTWISE_ADD_IN_X], &x);
  give(&add.in[FRT_ELEMENTWISE_ADD_IN_Y], &y);
  give(&add.out[FRT_ELEMENTWISE_ADD_OUT_OUT], &z);
  add.attrs[FRT_ELEMENTWISE_ADD_ATTR_AXIS].v.i = -1;
  report("elementwise_add", time_job(&add), 3 * bytes, limit);

  job_t relu = {.type = "relu", .n_in = 1, .n_out = 1};
  give(&relu.in[FRT_RELU_IN_X], &x);
  give(&relu.out[FRT_RELU_OUT_OUT], &z);
  report("relu", time_job(&relu), 2 * bytes, limit);

  job_t tanh_job = {.type = "tanh", .n_in = 1, .n_out = 1};
  give(&tanh_job.in[FRT_TANH_IN_X], &x);
  give(&tanh_job.out[FRT_TANH_OUT_OUT], &z);
  report("tanh", time_job(&tanh_job), 2 * bytes, limit);

  job_t mean = {.type = "mean", .n_in = 1, .n_out = 1};
  give(&mean.in[FRT_MEAN_IN_X], &x);
  give(&mean.out[FRT_MEAN_OUT_OUT], &one);
  report("mean", time_job(&mean), bytes, limit);

  /* Both norms read two tensors, the update three and writes two. */
  job_t lars = {.type = "lars_momentum", .n_in = 5, .n_out = 3, .n_attrs = 6};
  give(&lars.in[FRT_LARS_MOMENTUM_IN_PARAM], &x);
  give(&lars.in[FRT_LARS_MOMENTUM_IN_GRAD], &y);
  give(&lars.in[FRT_LARS_MOMENTUM_IN_VELOCITY], &v);
  give(&lars.in[FRT_LARS_MOMENTUM_IN_LEARNINGRATE], &lr);
  give(&lars.out[FRT_LARS_MOMENTUM_OUT_PARAMOUT], &x);
  give(&lars.out[FRT_LARS_MOMENTUM_OUT_VELOCITYOUT], &v);
  for (int i = 0; i < 6; ++i) lars.attrs[i].type = FRT_ATTR_F32;
  lars.attrs[FRT_LARS_MOMENTUM_ATTR_MU].v.f = 0.5;
  lars.attrs[FRT_LARS_MOMENTUM_ATTR_LARS_COEFF].v.f = 0.001f;
  lars.attrs[FRT_LARS_MOMENTUM_ATTR_LARS_WEIGHT_DECAY].v.f = 0.0005f;
  lars.attrs[FRT_LARS_MOMENTUM_ATTR_RESCALE_GRAD].v.f = 1.0;
  report("lars_momentum", time_job(&lars), 7 * bytes, limit);
  drop(&x), drop(&y), drop(&z), drop(&v), drop(&lr), drop(&one);
}

/* ---- products ----------------------------------------------------------------------------- */

/* cuBLAS by itself, on its own stream; waited for by the driver. */
typedef struct direct {
  void *handle;
  int (*gemm)(void *, int, int, int, int, int, const float *, const float *, int, const float *,
              int, const float *, float *, int);
  int n;
  cell_t *a, *b, *c;
} direct_t;
static int (*context_sync)(void);
static int (*device_attribute)(int *out, int attribute, int device);
static void wait_context(void) { context_sync(); }
static void gemm_once(void *arg) {
  direct_t *d = arg;
  const float one = 1, zero = 0;
  d->gemm(d->handle, 0, 0, d->n, d->n, d->n, &one, d->b->t.data, d->n, d->a->t.data, d->n, &zero,
          d->c->t.data, d->n);
}
static int open_direct(direct_t *d) {
  void *blas = dlopen("libcublas.so.13", RTLD_NOW), *cuda = dlopen("libcuda.so.1", RTLD_NOW);
  int (*create)(void **);
  if (!blas) blas = dlopen("libcublas.so.12", RTLD_NOW);
  if (!blas || !cuda) return 0;
  *(void **)&create = dlsym(blas, "cublasCreate_v2");
  *(void **)&d->gemm = dlsym(blas, "cublasSgemm_v2");
  *(void **)&context_sync = dlsym(cuda, "cuCtxSynchronize");
  *(void **)&device_attribute = dlsym(cuda, "cuDeviceGetAttribute");
  return create && d->gemm && context_sync && create(&d->handle) == 0;
}

/* fp32 operations a second at the greatest clock: a multiply and an add a lane and clock. */
static double fp32_peak(void) {
  enum { CLOCK_KHZ = 13, MULTIPROCESSORS = 16, MAJOR = 75, MINOR = 76 };
  int khz = 0, sms = 0, major = 0, minor = 0;
  if (!device_attribute || device_attribute(&khz, CLOCK_KHZ, 0) ||
      device_attribute(&sms, MULTIPROCESSORS, 0) || device_attribute(&major, MAJOR, 0) ||
      device_attribute(&minor, MINOR, 0))
    return 0;
  const int lanes = major == 7 || (major == 8 && minor == 0) ? 64 : 128;
  return 2.0 * lanes * sms * khz * 1e3;
}

static void products(int64_t n) {
  cell_t a, b, c;
  direct_t d = {0};
  const double flops = 2.0 * (double)n * (double)n * (double)n;
  make(&a, 2, n, n), make(&b, 2, n, n), make(&c, 2, n, n);
  job_t mul = {.type = "mul", .n_in = 2, .n_out = 1, .n_attrs = 2};
  give(&mul.in[FRT_MUL_IN_X], &a);
  give(&mul.in[FRT_MUL_IN_Y], &b);
  give(&mul.out[FRT_MUL_OUT_OUT], &c);
  mul.attrs[FRT_MUL_ATTR_X_NUM_COL_DIMS].v.i = mul.attrs[FRT_MUL_ATTR_Y_NUM_COL_DIMS].v.i = 1;
  const double s = time_job(&mul);
  printf("mul %lld x %lld x %lld fp32 %13.3f ms %8.2f TFLOP/s", (long long)n, (long long)n,
         (long long)n, s * 1e3, flops / s / 1e12);
  if (open_direct(&d)) {
    d.n = (int)n, d.a = &a, d.b = &b, d.c = &c;
    const double limit = median(gemm_once, &d, wait_context, 10);
    printf("  %.1f %% of cuBLAS alone (%.2f)", 100 * limit / s, flops / limit / 1e12);
    const double peak = fp32_peak();
    if (peak > 0)
      printf(", %.1f %% of the fp32 peak (%.1f)", 100 * flops / s / peak, peak / 1e12);
  }
  printf("\n");
  drop(&a), drop(&b), drop(&c);
}

/* Without a device the claims are there all the same, and questions are answered. */
static int no_device(const char *why) {
  cell_t x = {.t = {.size = sizeof x.t, .dtype = FRT_F32, .rank = 2, .numel = -1}};
  frt_api_support_t support = {.size = sizeof support};
  job_t relu = {.type = "relu", .n_in = 1, .n_out = 1};
  x.dims[0] = -1, x.dims[1] = 3, x.t.dims = x.dims, x.list[0] = &x.t;
  give(&relu.in[FRT_RELU_IN_X], &x);
  give(&relu.out[FRT_RELU_OUT_OUT], &x);
  const frt_api_op_t op = {.size = sizeof op, .version = 1, .type = relu.type, .in = relu.in,
                           .out = relu.out, .n_in = 1, .n_out = 1, .host = &host};
  must(api.op_query(api.self, NULL, &op, &support, &err));
  printf("no device (%s); %u kernels claimed; relu: %s\n", why, api.n_kernels,
         support.verdict == FRT_YES ? "yes" : support.detail);
  if (api.dev_open(api.self, 0, NULL, 0, &dev, &err) == FRT_OK) return 1;
  printf("opening it: %s\n", err.message);
  api.close(api.self);
  return 69;
}

int main(int argc, char **argv) {
  const int64_t scale = argc > 2 ? atoll(argv[2]) : 1;
  if (argc < 2 || scale < 1) {
    fprintf(stderr, "Usage: frt_gpu_bench MODULE [SCALE]\n");
    return 64;
  }
  void *module = dlopen(argv[1], RTLD_NOW);
  frt_provider_entry_t entry = NULL;
  if (module) *(void **)&entry = dlsym(module, FRT_PROVIDER_ENTRY_NAME);
  if (!entry) {
    fprintf(stderr, "frt_gpu_bench: %s\n", dlerror());
    return 66;
  }
  char why[160] = "";
  must(entry(&host, &api, &err));
  if (api.device_count(api.self, why) == 0) return no_device(why);
  must(api.dev_open(api.self, 0, NULL, 0, &dev, &err));
  must(api.queue_open(dev, &queue, &err));
  frt_api_device_info_t info = {.size = sizeof info};
  must(api.device_info(api.self, 0, &info, &err));
  printf("%s\n", info.desc);
  memory_bound(((int64_t)1 << 26) / scale);
  memory_bound(((int64_t)1 << 24) / scale);
  memory_bound(((int64_t)1 << 20) / scale);
  products(4096 / (scale > 16 ? 16 : scale));
  products(1024 / (scale > 16 ? 16 : scale));
  api.queue_close(queue);
  api.dev_close(dev);
  api.close(api.self);
  return 0;
}
