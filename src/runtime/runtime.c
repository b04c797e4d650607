/* The root object and the services it gives to providers. */
#include "runtime/internal.h"

#include <dlfcn.h>

/* ---- services ------------------------------------------------------------------ */

static void host_log(void *ctx, int level, const char *text) {
  frt_runtime_t *rt = ctx;
  if (rt->log) rt->log(rt->log_ctx, level, text);
}
static void *host_alloc(void *ctx, size_t bytes, size_t align) {
  FRTI_UNUSED(ctx);
  return frti_alloc_aligned(bytes ? bytes : 1, align < 16 ? 16 : align);
}
static void host_free(void *ctx, void *p) {
  FRTI_UNUSED(ctx);
  frti_free(p);
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
  rt->n_spaces = 1;
  rt->host = host;
  rt->host.ctx = rt;
  take_options(rt, options);
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

static void provider_release(frti_provider_t *p) {
  for (uint32_t i = 0; i < p->n_devices && p->devices; ++i)
    if (p->devices[i].dev) p->api.dev_close(p->devices[i].dev);
  if (p->api.close) p->api.close(p->api.self);
  if (p->library) dlclose(p->library);
  frti_free(p->devices);
  frti_free(p->path);
  frti_free(p);
}

void frt_runtime_release(frt_runtime_t *rt) {
  if (!rt || atomic_fetch_sub(&rt->refs, 1) != 1) return;
  while (rt->providers) {
    frti_provider_t *p = rt->providers;
    rt->providers = p->next;
    provider_release(p);
  }
  frti_own_ops_release(rt);
  frti_pool_release(rt->pool);
  pthread_mutex_destroy(&rt->loading);
  pthread_mutex_destroy(&rt->lock);
  frti_free(rt->provider_path);
  frti_free(rt);
}

uint32_t frt_runtime_threads(const frt_runtime_t *rt) {
  return frti_pool_threads(rt->pool);
}

const frt_api_host_t *frt_runtime_host(frt_runtime_t *rt) { return &rt->host; }

/* ---- providers --------------------------------------------------------------------- */

static frti_provider_t *find_locked(frt_runtime_t *rt, const char *name) {
  for (frti_provider_t *p = rt->providers; p; p = p->next)
    if (!strcmp(p->api.name, name)) return p;
  return NULL;
}

frti_provider_t *frti_provider_find(frt_runtime_t *rt, const char *name) {
  pthread_mutex_lock(&rt->lock);
  frti_provider_t *p = find_locked(rt, name);
  pthread_mutex_unlock(&rt->lock);
  return p;
}

/* What a provider must fill; offsets so that a missing one can be named. */
static const struct { const char *name; size_t offset; } mandatory[] = {
#define MUST(field) {#field, offsetof(frt_api_provider_t, field)}
    MUST(name), MUST(device_count), MUST(device_info), MUST(dev_open), MUST(dev_close),
    MUST(queue_open), MUST(queue_sync), MUST(queue_close), MUST(op_query),
    MUST(op_prepare), MUST(op_run), MUST(op_release)
#undef MUST
};

static frt_status_t check_table(const frt_api_provider_t *api, frt_error_t *err) {
  if (api->size < offsetof(frt_api_provider_t, extension))
    return frt_fail(err, FRT_ABI_MISMATCH,
                    "provider table has %u bytes; wanted at least %zu", api->size,
                    offsetof(frt_api_provider_t, extension));
  for (size_t i = 0; i < FRTI_COUNT(mandatory); ++i) {
    const void *entry;
    memcpy(&entry, (const char *)api + mandatory[i].offset, sizeof entry);
    if (!entry)
      return frt_fail(err, FRT_ABI_MISMATCH, "provider table lacks '%s'",
                      mandatory[i].name);
  }
  if (!api->name[0] || strlen(api->name) > 31)
    return frt_fail(err, FRT_ABI_MISMATCH, "provider name must have 1 to 31 bytes");
  if (api->n_kernels && api->kernel_stride < sizeof(frt_api_kernel_decl_t))
    return frt_fail(err, FRT_ABI_MISMATCH, "provider '%s': kernel_stride is %u; wanted %zu",
                    api->name, api->kernel_stride, sizeof(frt_api_kernel_decl_t));
  return FRT_OK;
}

static frt_status_t list_devices(frti_provider_t *p, frt_error_t *err) {
  p->n_devices = p->api.device_count(p->api.self, p->why);
  if (!p->n_devices) return FRT_OK;
  p->why[0] = 0;
  p->devices = frti_calloc(p->n_devices, sizeof *p->devices);
  if (!p->devices) return frti_no_memory(err);
  for (uint32_t i = 0; i < p->n_devices; ++i) {
    frt_api_device_info_t info = {.size = sizeof info};
    FRT_TRY(p->api.device_info(p->api.self, i, &info, err));
    p->devices[i].provider = p;
    p->devices[i].index = i;
    p->devices[i].flags = info.flags;
    memcpy(p->devices[i].desc, info.desc, sizeof info.desc);
    p->devices[i].desc[sizeof info.desc - 1] = 0;
  }
  return FRT_OK;
}

static frt_status_t fill_provider(frt_runtime_t *rt, frt_provider_entry_t entry,
                                  frti_provider_t *p, frt_error_t *err) {
  p->api.size = sizeof p->api;
  frt_status_t status = entry(&rt->host, &p->api, err);
  if (status != FRT_OK) {
    memset(&p->api, 0, sizeof p->api); /* a failed entry keeps nothing to close */
    return status;
  }
  FRT_TRY(check_table(&p->api, err));
  return list_devices(p, err);
}

frt_status_t frti_provider_register(frt_runtime_t *rt, frt_provider_entry_t entry,
    const char *path, void *library, frt_error_t *err) {
  frti_provider_t *p = frti_calloc(1, sizeof *p), **at;
  if (!p || !(p->path = frti_strdup(path ? path : ""))) {
    frti_free(p);
    if (library) dlclose(library);
    return frti_error_phase(err, frti_no_memory(err), FRT_PHASE_PROVIDER);
  }
  p->library = library;
  frt_status_t status = fill_provider(rt, entry, p, err);
  if (status == FRT_OK) status = frti_add_provider_ops(rt, &p->api, err);
  pthread_mutex_lock(&rt->lock);
  if (status == FRT_OK && find_locked(rt, p->api.name))
    status = frt_fail(err, FRT_ALREADY_EXISTS, "a provider named '%s' is registered already",
                      p->api.name);
  if (status == FRT_OK) {
    for (at = &rt->providers; *at; at = &(*at)->next) {}
    *at = p;
  }
  pthread_mutex_unlock(&rt->lock);
  if (status == FRT_OK) return FRT_OK;
  provider_release(p);
  return frti_error_phase(err, status, FRT_PHASE_PROVIDER);
}

frt_status_t frt_runtime_add_provider(frt_runtime_t *rt, frt_provider_entry_t entry,
                                      frt_error_t *err) {
  return frti_provider_register(rt, entry, NULL, NULL, err);
}

size_t frt_runtime_n_providers(frt_runtime_t *rt) {
  size_t n = 0;
  pthread_mutex_lock(&rt->lock);
  for (frti_provider_t *p = rt->providers; p; p = p->next) ++n;
  pthread_mutex_unlock(&rt->lock);
  return n;
}

frt_status_t frt_runtime_provider(frt_runtime_t *rt, size_t index,
                                  frt_provider_info_t *out, frt_error_t *err) {
  pthread_mutex_lock(&rt->lock);
  frti_provider_t *p = rt->providers;
  for (size_t i = 0; p && i < index; ++i) p = p->next;
  pthread_mutex_unlock(&rt->lock);
  if (!p) return frt_fail(err, FRT_OUT_OF_RANGE, "no provider has index %zu", index);
  memset(out, 0, sizeof *out);
  out->name = p->api.name;
  out->version = p->api.version ? p->api.version : "";
  out->description = p->api.description ? p->api.description : "";
  out->path = p->path;
  out->n_devices = p->n_devices;
  out->n_kernels = p->api.n_kernels;
  memcpy(out->why, p->why, sizeof out->why);
  if (p->n_devices) memcpy(out->device, p->devices[0].desc, sizeof out->device);
  return FRT_OK;
}

const frt_api_provider_t *frt_runtime_provider_api(frt_runtime_t *rt, const char *name) {
  frti_provider_t *p = frti_provider_find(rt, name);
  return p ? &p->api : NULL;
}
