/* virtual: accelerators that need no hardware. It stands in front of another provider,
 * opened through the public ABI, and gives it devices with memory that the host cannot
 * touch and queues that are late: a missing copy faults or is refused, a missing wait
 * gives poison. See ../README.md for what the environment sets. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

#include "virtual.h"

#include "base.inc"

FRT_MANIFEST("virtual", "0.1.0");

typedef struct module {
  virtual_t v; /* first: frt_api_provider_t.self is both */
  base_t base;
  char text[128];
} module_t;

__attribute__((visibility("default")))
frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err);

static void virtual_close(void *self) {
  module_t *m = self;
  const frt_api_host_t *host = m->v.host;
  frt_virtual_memory_close(&m->v.memory);
  base_close(&m->base);
  host->mem_free(host->ctx, m);
}

static uint32_t device_count(void *self, char *why) {
  virtual_t *v = self;
  if (!v->settings.n_devices && why)
    snprintf(why, 160, "FRT_VIRTUAL_DEVICES is 0");
  return v->settings.n_devices;
}

static frt_status_t no_device(const virtual_t *v, uint32_t index, frt_error_t *err) {
  return frt_fail(err, FRT_NOT_FOUND, "provider virtual has %u devices; wanted %u",
                  v->settings.n_devices, index);
}

static frt_status_t device_info(void *self, uint32_t index, frt_api_device_info_t *out,
                                frt_error_t *err) {
  const virtual_t *v = self;
  const uint32_t size = out->size;
  frt_api_device_info_t info = {.size = size, .flags = FRT_DEVICE_ASYNC, .alloc_align = 64};
  if (index >= v->settings.n_devices) return no_device(v, index, err);
  memcpy(info.desc, v->desc[index], sizeof info.desc);
  memcpy(out, &info, size < sizeof info ? size : sizeof info);
  return FRT_OK;
}

static frt_status_t dev_open(void *self, uint32_t index, const frt_api_option_t *opt,
                             uint32_t n_opt, frt_dev_t **out, frt_error_t *err) {
  virtual_t *v = self;
  settings_t settings = v->settings;
  frt_dev_t *dev;
  *out = NULL;
  if (index >= v->settings.n_devices) return no_device(v, index, err);
  for (uint32_t i = 0; i < n_opt; ++i)
    FRT_TRY(frt_virtual_set(&settings, opt[i].key, opt[i].value, err));
  dev = v->host->mem_alloc(v->host->ctx, sizeof *dev, 16);
  if (!dev) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "virtual: no memory for a device");
  memset(dev, 0, sizeof *dev);
  dev->v = v;
  dev->index = index;
  dev->settings = settings;
  frt_status_t status = v->base->dev_open(v->base->self, 0, NULL, 0, &dev->base, err);
  if (status == FRT_OK) *out = dev;
  else v->host->mem_free(v->host->ctx, dev);
  return status;
}

static void dev_close(frt_dev_t *dev) {
  if (!dev) return;
  dev->v->base->dev_close(dev->base);
  dev->v->host->mem_free(dev->v->host->ctx, dev);
}

static frt_status_t slab_alloc(frt_dev_t *dev, uint32_t kind, uint64_t bytes, void **out,
                               frt_error_t *err) {
  const uint64_t number = atomic_fetch_add(&dev->slabs, 1) + 1;
  *out = NULL;
  FRT_TRY(frt_virtual_lost(dev, err));
  if (kind > FRT_MEM_PINNED)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "virtual: no memory of kind %u", kind);
  if (number == dev->settings.oom)
    return frt_fail(err, FRT_RESOURCE_EXHAUSTED,
                    "virtual:%u: slab %llu, %llu bytes, fails as asked", dev->index,
                    (unsigned long long)number, (unsigned long long)bytes);
  return frt_virtual_slab_new(&dev->v->memory, dev->index, kind, bytes, out, err);
}

static void slab_free(frt_dev_t *dev, uint32_t kind, void *p) {
  const char *fault = frt_virtual_slab_free(&dev->v->memory, dev->index, kind, p);
  char text[160];
  if (!fault) return;
  snprintf(text, sizeof text, "virtual:%u: slab %p cannot be freed: %s", dev->index, p, fault);
  dev->v->host->log(dev->v->host->ctx, 0, text);
}

static frt_status_t op_query(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                             frt_api_support_t *support, frt_error_t *err) {
  const virtual_t *v = self;
  const settings_t *s = dev ? &dev->settings : &v->settings;
  for (uint32_t i = 0; i < s->n_refused; ++i)
    if (!strcmp(s->refused[i], op->type)) {
      support->verdict = FRT_NO;
      support->reason = FRT_REASON_DISABLED;
      snprintf(support->detail, sizeof support->detail,
               "op '%.48s' is switched off: fault refuse:%.48s", op->type, op->type);
      return FRT_OK;
    }
  return v->base->op_query(v->base->self, dev ? dev->base : NULL, op, support, err);
}

static frt_status_t op_prepare(void *self, frt_dev_t *dev, const frt_api_op_t *op,
                               frt_prepared_t **out, uint64_t *workspace, frt_error_t *err) {
  virtual_t *v = self;
  frt_prepared_t *k;
  *out = NULL;
  FRT_TRY(frt_virtual_lost(dev, err));
  k = v->host->mem_alloc(v->host->ctx, sizeof *k, 16);
  if (!k) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "virtual: no memory for a kernel");
  memset(k, 0, sizeof *k);
  k->v = v;
  k->block = op->block;
  k->op = op->index;
  snprintf(k->type, sizeof k->type, "%s", op->type);
  frt_status_t status =
      v->base->op_prepare(v->base->self, dev->base, op, &k->base, workspace, err);
  if (status == FRT_OK) *out = k;
  else v->host->mem_free(v->host->ctx, k);
  return status;
}

static void op_release(frt_prepared_t *k) {
  if (!k) return;
  k->v->base->op_release(k->base);
  k->v->host->mem_free(k->v->host->ctx, k);
}

static const void *extension(void *self, const char *name) {
  (void)self, (void)name; /* the base's tables want the base's self */
  return NULL;
}

static void fill(module_t *m, frt_api_provider_t *io) {
  const frt_api_provider_t *base = &m->base.api;
  const frt_api_provider_t p = {
      .size = io->size, .abi_minor = FRT_ABI_MINOR, .self = m, .name = "virtual",
      .version = "0.1.0", .description = m->text, .kernels = base->kernels,
      .n_kernels = base->n_kernels, .kernel_stride = base->kernel_stride,
      .close = virtual_close, .device_count = device_count, .device_info = device_info,
      .dev_open = dev_open, .dev_close = dev_close, .slab_alloc = slab_alloc,
      .slab_free = slab_free, .copy = frt_virtual_copy,
      .queue_open = frt_virtual_queue_open, .queue_sync = frt_virtual_queue_sync,
      .queue_close = frt_virtual_queue_close, .event_open = frt_virtual_event_open,
      .event_record = frt_virtual_event_record, .event_wait = frt_virtual_event_wait,
      .event_close = frt_virtual_event_close, .op_query = op_query,
      .op_prepare = op_prepare, .op_run = frt_virtual_op_run, .op_release = op_release,
      .extension = extension};
  memcpy(io, &p, io->size < sizeof p ? io->size : sizeof p);
}

static void describe(module_t *m) {
  const settings_t *s = &m->v.settings;
  snprintf(m->text, sizeof m->text, "%u test accelerators in front of '%s'", s->n_devices,
           s->base);
  for (uint32_t i = 0; i < s->n_devices; ++i)
    snprintf(m->v.desc[i], sizeof m->v.desc[i],
             "memory of its own, queues up to %llu us late, kernels of %.31s",
             (unsigned long long)s->delay_us, s->base);
}

frt_status_t FRT_PROVIDER_ENTRY(const frt_api_host_t *host, frt_api_provider_t *io,
                                frt_error_t *err) {
  const void *mine;
  frt_provider_entry_t self = FRT_PROVIDER_ENTRY;
  module_t *m;
  if (!FRT_HAS(host, frt_api_host_t, parallel_for) ||
      !FRT_HAS(io, frt_api_provider_t, op_release))
    return frt_fail(err, FRT_ABI_MISMATCH, "provider virtual wants a host of ABI %u.%u",
                    FRT_ABI_MAJOR, FRT_ABI_MINOR);
  memcpy(&mine, &self, sizeof mine);
  m = host->mem_alloc(host->ctx, sizeof *m, 16);
  if (!m) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for provider virtual");
  memset(m, 0, sizeof *m);
  m->v.host = host;
  frt_status_t status = frt_virtual_settings(&m->v.settings, err);
  if (status == FRT_OK) status = base_open(&m->base, host, m->v.settings.base, mine, 1, err);
  if (status != FRT_OK) {
    host->mem_free(host->ctx, m);
    return status;
  }
  m->v.base = &m->base.api;
  frt_virtual_memory_init(&m->v.memory, host);
  describe(m);
  fill(m, io);
  return FRT_OK;
}
