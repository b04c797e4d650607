/* The providers of a runtime: registered whole or not at all, asked, unloaded. */
#include "runtime/internal.h"

#include <dlfcn.h>

enum { MAX_DEVICES = 1024 };

void frti_provider_release(frti_provider_t *p) {
  for (uint32_t i = 0; i < p->n_devices && p->devices; ++i)
    if (p->devices[i].dev) p->api.dev_close(p->devices[i].dev);
  if (p->api.close) p->api.close(p->api.self);
  if (p->library) dlclose(p->library);
  frti_free(p->devices);
  frti_free(p->path);
  frti_free(p);
}

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

/* ---- registering ---------------------------------------------------------------------- */

static frt_status_t list_devices(frt_runtime_t *rt, frti_provider_t *p, frt_error_t *err) {
  const uint32_t n = p->api.device_count(p->api.self, p->why);
  p->why[sizeof p->why - 1] = 0;
  if (!n) return FRT_OK;
  p->why[0] = 0;
  if (n > MAX_DEVICES)
    return frt_fail(err, FRT_ABI_MISMATCH, "provider '%s' says that it has %u devices; at most "
                    "%d", p->api.name, n, MAX_DEVICES);
  p->devices = frti_calloc(n, sizeof *p->devices);
  if (!p->devices) return frti_no_memory(err);
  p->n_devices = n;
  for (uint32_t i = 0; i < n; ++i) {
    frt_api_device_info_t info = {.size = sizeof info};
    FRT_TRY(p->api.device_info(p->api.self, i, &info, err));
    p->devices[i].provider = p;
    p->devices[i].index = i;
    p->devices[i].flags = info.flags;
    p->devices[i].single = info.flags & FRT_DEVICE_SINGLE_THREAD ? &rt->single : NULL;
    p->devices[i].align = info.alloc_align ? info.alloc_align : 64;
    memcpy(p->devices[i].desc, info.desc, sizeof info.desc);
    p->devices[i].desc[sizeof info.desc - 1] = 0;
  }
  return FRT_OK;
}

/* Some room behind the table shows whether the entry kept to the bytes it was given. */
typedef struct guarded {
  frt_api_provider_t api;
  uint64_t guard[32];
} guarded_t;
static const uint64_t GUARD = 0xa5a5a5a5a5a5a5a5u;

/* Whatever a failed entry left in the record: a status and a text that ends. */
static frt_status_t entry_failed(frt_status_t status, frt_error_t *err) {
  char text[sizeof err->message];
  if (status != frti_known_status(status))
    return frt_fail(err, FRT_INTERNAL, "the entry returned status %d, which there is not",
                    (int)status);
  if (!err) return status;
  const int32_t native = err->native;
  snprintf(text, sizeof text, "%.*s", (int)sizeof text - 1, err->message);
  frt_fail(err, status, "%s", text[0] ? text : "the entry failed without a word");
  err->native = native;
  return status;
}

static frt_status_t call_entry(frt_runtime_t *rt, frt_provider_entry_t entry,
                               frti_provider_t *p, frt_error_t *err) {
  guarded_t g = {.api = {.size = sizeof g.api}};
  for (size_t i = 0; i < FRTI_COUNT(g.guard); ++i) g.guard[i] = GUARD;
  const frt_status_t status = entry(&rt->host, &g.api, err);
  if (status != FRT_OK) return entry_failed(status, err); /* it keeps nothing to close */
  p->api = g.api;
  p->api.size = FRTI_MIN(p->api.size, (uint32_t)sizeof p->api);
  for (size_t i = 0; i < FRTI_COUNT(g.guard); ++i)
    if (g.guard[i] != GUARD)
      return frt_fail(err, FRT_ABI_MISMATCH, "the entry wrote past the %zu bytes of the table "
                      "that it was given", sizeof g.api);
  return FRT_OK;
}

static frt_status_t fill_provider(frt_runtime_t *rt, frt_provider_entry_t entry,
                                  frti_provider_t *p, frt_error_t *err) {
  FRT_TRY(call_entry(rt, entry, p, err));
  FRT_TRY(frti_provider_check(&p->api, err));
  return list_devices(rt, p, err);
}

static frt_status_t link_locked(frt_runtime_t *rt, frti_provider_t *p, frt_error_t *err) {
  frti_provider_t **at = &rt->providers;
  if (find_locked(rt, p->api.name))
    return frt_fail(err, FRT_ALREADY_EXISTS, "a provider named '%s' is registered already",
                    p->api.name);
  FRT_TRY(frti_add_provider_ops(rt, p, err));
  while (*at) at = &(*at)->next;
  *at = p;
  return FRT_OK;
}

frt_status_t frti_provider_register(frt_runtime_t *rt, frt_provider_entry_t entry,
    const char *path, void *library, frt_error_t *err) {
  frti_provider_t *p = frti_calloc(1, sizeof *p);
  if (!p || !(p->path = frti_strdup(path ? path : ""))) {
    frti_free(p);
    if (library) dlclose(library);
    return frti_error_phase(err, frti_no_memory(err), FRT_PHASE_PROVIDER);
  }
  p->library = library;
  frt_status_t status = fill_provider(rt, entry, p, err);
  if (status == FRT_OK) {
    pthread_mutex_lock(&rt->lock);
    status = link_locked(rt, p, err);
    pthread_mutex_unlock(&rt->lock);
  }
  if (status == FRT_OK) return FRT_OK;
  frti_provider_release(p);
  return frti_error_phase(err, status, FRT_PHASE_PROVIDER);
}

frt_status_t frt_runtime_add_provider(frt_runtime_t *rt, frt_provider_entry_t entry,
                                      frt_error_t *err) {
  return frti_provider_register(rt, entry, NULL, NULL, err);
}

/* ---- unloading ---------------------------------------------------------------------------- */

static frt_status_t not_registered(frt_runtime_t *rt, const char *name, frt_error_t *err) {
  frti_nearest_t near = {.wanted = name};
  for (frti_provider_t *p = rt->providers; p; p = p->next)
    frti_nearest_offer(&near, p->api.name);
  return frt_fail(err, FRT_NOT_FOUND, "no provider named '%s' is registered%s%s%s", name,
                  near.best ? "; nearest is '" : "", near.best ? near.best : "",
                  near.best ? "'" : "");
}

static frt_status_t check_idle(frt_runtime_t *rt, const frti_provider_t *p, frt_error_t *err) {
  int64_t users = 0;
  for (uint32_t i = 0; i < p->n_devices; ++i) users += atomic_load(&p->devices[i].users);
  if (users)
    return frt_fail(err, FRT_BUSY, "provider '%s' is in use: %lld executors and blocks of "
                    "memory", p->api.name, (long long)users);
  if (atomic_load(&rt->planned) && frti_provider_has_ops(rt, p))
    return frt_fail(err, FRT_BUSY, "provider '%s' brought ops that a plan may hold",
                    p->api.name);
  return FRT_OK;
}

static frt_status_t unlink_locked(frt_runtime_t *rt, const char *name, frti_provider_t **out,
                                  frt_error_t *err) {
  frti_provider_t **at = &rt->providers;
  while (*at && strcmp((*at)->api.name, name)) at = &(*at)->next;
  if (!*at) return not_registered(rt, name, err);
  FRT_TRY(check_idle(rt, *at, err));
  *out = *at;
  *at = (*out)->next;
  frti_drop_provider_ops(rt, *out);
  for (uint32_t i = 0; i < (*out)->n_devices; ++i)
    if ((*out)->devices[i].space != FRTI_HOST) rt->spaces[(*out)->devices[i].space] = NULL;
  return FRT_OK;
}

frt_status_t frt_runtime_unload_provider(frt_runtime_t *rt, const char *name,
                                         frt_error_t *err) {
  frti_provider_t *p = NULL;
  pthread_mutex_lock(&rt->loading);
  pthread_mutex_lock(&rt->lock);
  frt_status_t status = unlink_locked(rt, name, &p, err);
  pthread_mutex_unlock(&rt->lock);
  if (p) frti_provider_release(p);
  pthread_mutex_unlock(&rt->loading);
  return status == FRT_OK ? FRT_OK : frti_error_phase(err, status, FRT_PHASE_PROVIDER);
}

/* ---- asking -------------------------------------------------------------------------------- */

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
