/* Devices and the memory spaces behind them. */
#include "runtime/internal.h"

/* The number of a space that nobody has. */
static frt_status_t new_space(frt_runtime_t *rt, uint32_t *out, frt_error_t *err) {
  uint32_t space = 1;
  while (space < rt->n_spaces && rt->spaces[space]) ++space;
  if (space == FRTI_MAX_SPACES)
    return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no more than %d memory spaces",
                    FRTI_MAX_SPACES);
  *out = space;
  return FRT_OK;
}

void frti_device_enter(frti_device_t *d) {
  if (d->single) pthread_mutex_lock(d->single);
}

void frti_device_leave(frti_device_t *d) {
  if (d->single) pthread_mutex_unlock(d->single);
}

frt_status_t frti_device_alive(const frti_device_t *d, frt_error_t *err) {
  if (!atomic_load_explicit(&d->lost, memory_order_relaxed)) return FRT_OK;
  return frt_fail(err, FRT_DEVICE_LOST,
                  "device '%s:%u' was lost in an earlier call; other devices are not affected",
                  d->provider->api.name, d->index);
}

frt_status_t frti_device_said(frti_device_t *d, frt_status_t status) {
  if (status == FRT_DEVICE_LOST) atomic_store(&d->lost, 1);
  return status;
}

static frt_status_t open_locked(frt_runtime_t *rt, frti_device_t *d, frt_error_t *err) {
  const frt_api_provider_t *api = &d->provider->api;
  const bool own_space = !(d->flags & FRT_DEVICE_HOST_MEMORY);
  uint32_t space = FRTI_HOST;
  FRT_TRY(frti_device_alive(d, err));
  if (d->dev) return FRT_OK;
  if (own_space) FRT_TRY(new_space(rt, &space, err));
  if (own_space && (!api->slab_alloc || !api->slab_free || !api->copy))
    return frt_fail(err, FRT_ABI_MISMATCH,
                    "provider '%s' has its own memory but no slab_alloc, slab_free or copy",
                    api->name);
  FRT_TRY(api->dev_open(api->self, d->index, NULL, 0, &d->dev, err));
  if (!d->dev)
    return frt_fail(err, FRT_INTERNAL, "provider '%s': dev_open succeeded, but gave no device",
                    api->name);
  d->space = space;
  if (own_space) rt->spaces[space] = d;
  if (own_space) rt->n_spaces = FRTI_MAX(rt->n_spaces, space + 1);
  return FRT_OK;
}

frt_status_t frti_device_open(frt_runtime_t *rt, frti_provider_t *p, uint32_t index,
                              frti_device_t **out, frt_error_t *err) {
  frt_status_t status;
  if (!p->n_devices)
    return frt_fail(err, FRT_UNAVAILABLE, "provider '%s' has no device: %s", p->api.name,
                    p->why[0] ? p->why : "it does not say why");
  if (index >= p->n_devices)
    return frt_fail(err, FRT_UNAVAILABLE, "provider '%s' has %u device%s; wanted device %u",
                    p->api.name, p->n_devices, p->n_devices == 1 ? "" : "s", index);
  pthread_mutex_lock(&rt->lock);
  status = open_locked(rt, &p->devices[index], err);
  if (status == FRT_OK) atomic_fetch_add(&p->devices[index].users, 1);
  pthread_mutex_unlock(&rt->lock);
  *out = status == FRT_OK ? &p->devices[index] : NULL;
  return status;
}

static frt_status_t slab_alloc(frti_device_t *d, uint64_t bytes, void **out,
                               frt_error_t *err) {
  const frt_api_provider_t *api = &d->provider->api;
  frt_error_t why = FRT_ERROR_INIT;
  FRT_TRY(frti_device_alive(d, err));
  frti_device_enter(d);
  const frt_status_t status =
      frti_device_said(d, api->slab_alloc(d->dev, FRT_MEM_DEVICE, bytes, out, &why));
  frti_device_leave(d);
  if (status != FRT_OK) {
    *out = NULL;
    return frt_fail(err, status, "device '%s:%u': %llu bytes wanted: %s", api->name, d->index,
                    (unsigned long long)bytes, why.message);
  }
  if (!*out)
    return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "provider '%s': slab_alloc of %llu bytes "
                    "succeeded, but gave no memory", api->name, (unsigned long long)bytes);
  if ((uintptr_t)*out % d->align) {
    frt_fail(err, FRT_INTERNAL, "provider '%s': slab_alloc gave address %p; wanted a multiple "
             "of %llu", api->name, *out, (unsigned long long)d->align);
    frti_device_enter(d);
    api->slab_free(d->dev, FRT_MEM_DEVICE, *out);
    frti_device_leave(d);
    *out = NULL;
    return FRT_INTERNAL;
  }
  atomic_fetch_add(&d->users, 1);
  return FRT_OK;
}

frt_status_t frti_space_alloc(frt_runtime_t *rt, uint32_t space, uint64_t bytes,
                              void **out, frt_error_t *err) {
  *out = NULL;
  if (space != FRTI_HOST) return slab_alloc(rt->spaces[space], bytes ? bytes : 1, out, err);
  *out = frti_alloc_aligned(bytes ? bytes : 1, 64);
  if (!*out)
    return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory: %llu bytes wanted",
                    (unsigned long long)bytes);
  return FRT_OK;
}

void frti_space_free(frt_runtime_t *rt, uint32_t space, void *p) {
  if (!p) return;
  if (space == FRTI_HOST) {
    frti_free(p);
    return;
  }
  frti_device_t *d = rt->spaces[space];
  frti_device_enter(d);
  d->provider->api.slab_free(d->dev, FRT_MEM_DEVICE, p);
  frti_device_leave(d);
  atomic_fetch_sub(&d->users, 1);
}

/* On a queue of its own, and done when it returns. */
static frt_status_t copy_now(frti_device_t *d, uint32_t direction, void *dst, const void *src,
                             uint64_t bytes, frt_error_t *err) {
  const frt_api_provider_t *api = &d->provider->api;
  frt_queue_t *q;
  frt_status_t status = api->queue_open(d->dev, &q, err);
  if (status != FRT_OK) return status;
  status = api->copy(d->dev, q, direction, dst, src, bytes, err);
  if (status == FRT_OK) status = api->queue_sync(q, err);
  api->queue_close(q);
  return status;
}

frt_status_t frti_space_copy(frt_runtime_t *rt, void *dst, uint32_t dst_space,
    const void *src, uint32_t src_space, uint64_t bytes, frt_error_t *err) {
  if (!bytes) return FRT_OK;
  if (dst_space == FRTI_HOST && src_space == FRTI_HOST) {
    memcpy(dst, src, bytes);
    return FRT_OK;
  }
  frti_device_t *d = rt->spaces[dst_space != FRTI_HOST ? dst_space : src_space];
  const uint32_t direction = dst_space == src_space     ? FRT_COPY_WITHIN
                             : dst_space != FRTI_HOST ? FRT_COPY_TO_DEVICE
                                                      : FRT_COPY_FROM_DEVICE;
  FRT_TRY(frti_device_alive(d, err));
  frti_device_enter(d);
  const frt_status_t status = copy_now(d, direction, dst, src, bytes, err);
  frti_device_leave(d);
  return frti_device_said(d, status);
}
