/* The root object and the services it gives to providers. */
#include "runtime/internal.h"

/* ---- services ------------------------------------------------------------------ */

static void host_log(void *ctx, int level, const char *text) {
  frt_runtime_t *rt = ctx;
  if (rt->log) rt->log(rt->log_ctx, level, text);
}
static void *host_alloc(void *ctx, size_t bytes, size_t align) {
  const frt_runtime_t *rt = ctx;
  if (!bytes) bytes = 1;
  if (align < 16) align = 16;
  if (rt->mem_alloc) return rt->mem_alloc(rt->mem_ctx, bytes, align);
  return frti_alloc_aligned(bytes, align);
}
static void host_free(void *ctx, void *p) {
  const frt_runtime_t *rt = ctx;
  if (rt->mem_free) rt->mem_free(rt->mem_ctx, p);
  else frti_free(p);
}
static void host_parallel_for(void *ctx, int64_t n, int64_t grain,
                              void (*fn)(void *arg, int64_t lo, int64_t hi), void *arg) {
  frti_pool_for(((frt_runtime_t *)ctx)->pool, n, grain, fn, arg);
}
static int host_cancelled(void *ctx) {
  FRTI_UNUSED(ctx);
  return 0; /* a run is cancelled between ops, by its executor */
}
static uint64_t host_now(void *ctx) {
  FRTI_UNUSED(ctx);
  return frti_now_ns();
}

void frti_log(frt_runtime_t *rt, int level, const char *fmt, ...) {
  char text[512];
  va_list ap;
  if (!rt->log) return;
  va_start(ap, fmt);
  frt_error_text_(text, sizeof text, fmt, ap);
  va_end(ap);
  rt->log(rt->log_ctx, level, text);
}

/* ---- life ------------------------------------------------------------------------ */

static void take_options(frt_runtime_t *rt, const frt_runtime_options_t *o) {
  if (!o) return;
  if (FRT_HAS_OPTION(o, frt_runtime_options_t, log)) rt->log = o->log;
  if (FRT_HAS_OPTION(o, frt_runtime_options_t, log_ctx)) rt->log_ctx = o->log_ctx;
  if (FRT_HAS_OPTION(o, frt_runtime_options_t, strict_files))
    rt->strict_files = o->strict_files != 0;
  if (!FRT_HAS_OPTION(o, frt_runtime_options_t, mem_ctx)) return;
  rt->mem_alloc = o->mem_alloc;
  rt->mem_free = o->mem_free;
  rt->mem_ctx = o->mem_ctx;
}

static void init_recursive(pthread_mutex_t *m) {
  pthread_mutexattr_t a;
  pthread_mutexattr_init(&a);
  pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(m, &a);
  pthread_mutexattr_destroy(&a);
}

frt_status_t frt_runtime_create(const frt_runtime_options_t *options,
                                frt_runtime_t **out, frt_error_t *err) {
  const frt_api_host_t host = {sizeof host, FRT_ABI_MINOR, NULL, host_log, host_alloc,
                               host_free, host_parallel_for, host_cancelled, host_now};
  uint32_t threads = 0;
  const char *path = NULL;
  frt_runtime_t *rt = frti_calloc(1, sizeof *rt);
  *out = NULL;
  if (!rt) return frti_no_memory(err);
  atomic_init(&rt->refs, 1);
  pthread_mutex_init(&rt->lock, NULL);
  pthread_mutex_init(&rt->loading, NULL);
  init_recursive(&rt->single);
  rt->n_spaces = 1;
  rt->host = host;
  rt->host.ctx = rt;
  take_options(rt, options);
  if (!rt->mem_alloc != !rt->mem_free) {
    frt_runtime_release(rt);
    return frt_fail(err, FRT_INVALID_ARGUMENT, "mem_alloc and mem_free go together");
  }
  if (options && FRT_HAS_OPTION(options, frt_runtime_options_t, threads))
    threads = options->threads;
  if (options && FRT_HAS_OPTION(options, frt_runtime_options_t, provider_path))
    path = options->provider_path;
  if (path && !(rt->provider_path = frti_strdup(path))) {
    frt_runtime_release(rt);
    return frti_no_memory(err);
  }
  frt_status_t status =
      frti_pool_create(threads ? threads : frti_cpu_count(), &rt->pool, err);
  if (status != FRT_OK) {
    frt_runtime_release(rt);
    return status;
  }
  *out = rt;
  return FRT_OK;
}

frt_runtime_t *frt_runtime_retain(frt_runtime_t *rt) {
  if (rt) atomic_fetch_add(&rt->refs, 1);
  return rt;
}

void frt_runtime_release(frt_runtime_t *rt) {
  if (!rt || atomic_fetch_sub(&rt->refs, 1) != 1) return;
  while (rt->providers) {
    frti_provider_t *p = rt->providers;
    rt->providers = p->next;
    frti_provider_release(p);
  }
  frti_own_ops_release(rt);
  frti_pool_release(rt->pool);
  pthread_mutex_destroy(&rt->loading);
  pthread_mutex_destroy(&rt->single);
  pthread_mutex_destroy(&rt->lock);
  frti_free(rt->provider_path);
  frti_free(rt);
}

uint32_t frt_runtime_threads(const frt_runtime_t *rt) {
  return frti_pool_threads(rt->pool);
}

const frt_api_host_t *frt_runtime_host(frt_runtime_t *rt) { return &rt->host; }
