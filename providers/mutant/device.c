/* Defects of the provider as a whole: devices, queues, events, memory. */
#include <stdio.h>

#include "distort.h"

/* The base's functions: the handles of devices and queues are its own. All runtimes of a
 * process open the same file, so that these are the same for all of them. */
static frt_api_provider_t base;
static const frt_api_host_t *host;

#define TABLE(name) void frt_mutant_##name(const mutant_t *m, frt_api_provider_t *p)
#define KEEP base = *m->base, host = m->host

/* ---- queues and events (base virtual) ------------------------------------------------ */

static frt_status_t wait_for_nothing(frt_event_t *e, frt_queue_t *q, frt_error_t *err) {
  (void)e, (void)q, (void)err;
  return FRT_OK;
}
TABLE(lost_wait) { KEEP; p->event_wait = wait_for_nothing; }

static frt_status_t record_nothing(frt_event_t *e, frt_queue_t *q, frt_error_t *err) {
  (void)e, (void)q, (void)err;
  return FRT_OK;
}
TABLE(lost_record) { KEEP; p->event_record = record_nothing; }

static frt_status_t sync_nothing(frt_queue_t *q, frt_error_t *err) {
  (void)q, (void)err;
  return FRT_OK;
}
TABLE(lost_sync) { KEEP; p->queue_sync = sync_nothing; }

/* What failed on the queue is not told. */
static frt_status_t sync_and_forget(frt_queue_t *q, frt_error_t *err) {
  (void)err;
  base.queue_sync(q, NULL);
  return FRT_OK;
}
TABLE(silent_queue) { KEEP; p->queue_sync = sync_and_forget; }

static frt_status_t grant(frt_dev_t *dev, uint32_t kind, uint64_t bytes, void **out,
                          frt_error_t *err) {
  return base.slab_alloc(dev, kind, bytes < (uint64_t)1 << 40 ? bytes : 4096, out, err);
}
TABLE(grants_all) { KEEP; p->slab_alloc = grant; }

/* ---- opening and closing ------------------------------------------------------------------ */

static frt_status_t take_any_option(void *self, uint32_t index, const frt_api_option_t *opt,
                                    uint32_t n_opt, frt_dev_t **out, frt_error_t *err) {
  const mutant_t *m = self;
  (void)opt, (void)n_opt;
  return m->base->dev_open(m->base->self, index, NULL, 0, out, err);
}
TABLE(any_option) { KEEP; p->dev_open = take_any_option; }

static frt_status_t leak(void *self, uint32_t index, const frt_api_option_t *opt,
                         uint32_t n_opt, frt_dev_t **out, frt_error_t *err) {
  const mutant_t *m = self;
  host->mem_alloc(host->ctx, 100, 16);
  return m->base->dev_open(m->base->self, index, opt, n_opt, out, err);
}
TABLE(leaking_device) { KEEP; p->dev_open = leak; }

static frt_status_t talk(void *self, uint32_t index, const frt_api_option_t *opt,
                         uint32_t n_opt, frt_dev_t **out, frt_error_t *err) {
  const mutant_t *m = self;
  puts("a device was opened");
  return m->base->dev_open(m->base->self, index, opt, n_opt, out, err);
}
TABLE(talking_device) { KEEP; p->dev_open = talk; }

static frt_status_t never_fails(frt_dev_t *dev, frt_queue_t **out, frt_error_t *err) {
  void *memory = host->mem_alloc(host->ctx, 64, 16);
  memset(memory, 0, 64); /* without a look whether there is any */
  host->mem_free(host->ctx, memory);
  return base.queue_open(dev, out, err);
}
TABLE(careless_queue) { KEEP; p->queue_open = never_fails; }

/* The name of a device that there is not, and no word about it. */
static frt_status_t any_device(void *self, uint32_t index, frt_api_device_info_t *out,
                               frt_error_t *err) {
  const mutant_t *m = self;
  (void)index;
  return m->base->device_info(m->base->self, 0, out, err);
}
TABLE(endless_devices) { KEEP; p->device_info = any_device; }

TABLE(leaking_entry) {
  KEEP;
  (void)p;
  host->mem_alloc(host->ctx, 100, 16);
}
