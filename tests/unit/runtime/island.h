/* A test provider whose memory the host cannot touch: it hands out addresses inside a
 * mapping without access rights and keeps a second, readable mapping of the same pages.
 * Ops are done by the reference provider on translated addresses. A missing copy is then
 * a fault or a refusal, never a number that happens to be right. */
#ifndef TESTS_ISLAND_H
#define TESTS_ISLAND_H

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fluidrt/kernel.h"

enum { ISLAND_SLABS = 256, ISLAND_ARGS = 64 };

typedef struct island_slab { char *token, *alias; size_t bytes; } island_slab_t;

static struct {
  frt_api_provider_t base;
  frt_dev_t *base_dev;
  frt_queue_t *base_queue;
  island_slab_t slabs[ISLAND_SLABS];
  const char *refuse; /* op type that it declines */
  unsigned to_device, from_device, within, outside; /* copies seen; bad addresses */
} island;

static void *island_real(const void *p) {
  for (int i = 0; i < ISLAND_SLABS; ++i) {
    const island_slab_t *s = &island.slabs[i];
    if (s->token && (const char *)p >= s->token && (const char *)p < s->token + s->bytes)
      return s->alias + ((const char *)p - s->token);
  }
  if (p) ++island.outside;
  return NULL;
}

static uint32_t island_count(void *self, char *why) {
  (void)self;
  (void)why;
  return 1;
}
static frt_status_t island_info(void *self, uint32_t i, frt_api_device_info_t *out,
                                frt_error_t *err) {
  (void)self;
  (void)i;
  (void)err;
  snprintf(out->desc, sizeof out->desc, "memory of its own");
  return FRT_OK;
}
static frt_status_t island_open(void *self, uint32_t i, const frt_api_option_t *o,
                                uint32_t n, frt_dev_t **out, frt_error_t *err) {
  (void)self;
  *out = (frt_dev_t *)&island;
  if (island.base_dev) return FRT_OK;
  FRT_TRY(island.base.dev_open(island.base.self, i, o, n, &island.base_dev, err));
  return island.base.queue_open(island.base_dev, &island.base_queue, err);
}
static void island_dev_close(frt_dev_t *d) {
  (void)d;
  if (island.base_queue) island.base.queue_close(island.base_queue);
  if (island.base_dev) island.base.dev_close(island.base_dev);
  island.base_dev = NULL;
  island.base_queue = NULL;
}
static frt_status_t island_alloc(frt_dev_t *d, uint32_t kind, uint64_t bytes, void **out,
                                 frt_error_t *err) {
  (void)d;
  (void)kind;
  size_t size = (bytes + 4095) & ~(size_t)4095;
  int fd = memfd_create("island", 0), i = 0;
  while (i < ISLAND_SLABS && island.slabs[i].token) ++i;
  if (fd < 0 || i == ISLAND_SLABS || ftruncate(fd, (off_t)size))
    return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "island: no memory");
  island_slab_t *s = &island.slabs[i];
  s->token = mmap(NULL, size, PROT_NONE, MAP_SHARED, fd, 0);
  s->alias = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  s->bytes = size;
  close(fd);
  memset(s->alias, 0xAB, size);
  *out = s->token;
  return FRT_OK;
}
static void island_free(frt_dev_t *d, uint32_t kind, void *p) {
  (void)d;
  (void)kind;
  for (int i = 0; i < ISLAND_SLABS; ++i)
    if (island.slabs[i].token == p) {
      munmap(island.slabs[i].token, island.slabs[i].bytes);
      munmap(island.slabs[i].alias, island.slabs[i].bytes);
      island.slabs[i].token = NULL;
    }
}
static frt_status_t island_copy(frt_dev_t *d, frt_queue_t *q, uint32_t way, void *dst,
                                const void *src, uint64_t bytes, frt_error_t *err) {
  (void)d;
  (void)q;
  void *to = way == FRT_COPY_FROM_DEVICE ? dst : island_real(dst);
  const void *from = way == FRT_COPY_TO_DEVICE ? src : island_real(src);
  if (!to || !from) return frt_fail(err, FRT_INTERNAL, "island: an address of elsewhere");
  memmove(to, from, bytes);
  ++*(way == FRT_COPY_TO_DEVICE     ? &island.to_device
      : way == FRT_COPY_FROM_DEVICE ? &island.from_device
                                    : &island.within);
  return FRT_OK;
}
static frt_status_t island_queue(frt_dev_t *d, frt_queue_t **out, frt_error_t *err) {
  (void)err;
  *out = (frt_queue_t *)d;
  return FRT_OK;
}
static frt_status_t island_sync(frt_queue_t *q, frt_error_t *err) {
  (void)q;
  (void)err;
  return FRT_OK;
}
static void island_queue_close(frt_queue_t *q) { (void)q; }

static frt_status_t island_query(void *self, frt_dev_t *d, const frt_api_op_t *op,
                                 frt_api_support_t *s, frt_error_t *err) {
  (void)self;
  (void)d;
  if (island.refuse && !strcmp(island.refuse, op->type)) {
    s->verdict = FRT_NO;
    s->reason = FRT_REASON_DISABLED;
    snprintf(s->detail, sizeof s->detail, "op '%s' is switched off", op->type);
    return FRT_OK;
  }
  return island.base.op_query(island.base.self, island.base_dev, op, s, err);
}
static frt_status_t island_prepare(void *self, frt_dev_t *d, const frt_api_op_t *op,
                                   frt_prepared_t **out, uint64_t *ws, frt_error_t *err) {
  (void)self;
  (void)d;
  return island.base.op_prepare(island.base.self, island.base_dev, op, out, ws, err);
}

typedef struct island_side {
  frt_api_slot_t slots[FRT_MAX_RANK + 7];
  frt_api_tensor_t tensors[ISLAND_ARGS];
  const frt_api_tensor_t *pointers[ISLAND_ARGS];
} island_side_t;

static void island_translate(island_side_t *to, const frt_api_slot_t *from, uint32_t n) {
  uint32_t at = 0;
  for (uint32_t s = 0; s < n; ++s) {
    to->slots[s] = from[s];
    to->slots[s].t = &to->pointers[at];
    for (uint32_t i = 0; i < from[s].count; ++i, ++at) {
      to->tensors[at] = *from[s].t[i];
      to->tensors[at].data = from[s].t[i]->data ? island_real(from[s].t[i]->data) : NULL;
      to->pointers[at] = &to->tensors[at];
    }
  }
}
static frt_status_t island_run(const frt_prepared_t *k, const frt_api_run_t *r,
                               frt_error_t *err) {
  island_side_t in, out;
  frt_api_run_t run = *r;
  unsigned before = island.outside;
  island_translate(&in, r->in, r->n_in);
  island_translate(&out, r->out, r->n_out);
  run.in = in.slots;
  run.out = out.slots;
  run.queue = island.base_queue;
  run.workspace = r->workspace ? island_real(r->workspace) : NULL;
  if (island.outside != before)
    return frt_fail(err, FRT_INTERNAL, "island: a kernel got an address of elsewhere");
  return island.base.op_run(k, &run, err);
}
static void island_release(frt_prepared_t *k) { island.base.op_release(k); }
static void island_close(void *self) {
  (void)self;
  if (island.base.close) island.base.close(island.base.self);
}

static frt_status_t island_entry(const frt_api_host_t *host, frt_api_provider_t *io,
                                 frt_error_t *err) {
  char path[4096];
  frt_provider_entry_t entry;
  snprintf(path, sizeof path, "%s/frt_reference.so", getenv("FLUIDRT_PROVIDER_PATH"));
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void *symbol = library ? dlsym(library, FRT_PROVIDER_ENTRY_NAME) : NULL;
  if (!symbol) return frt_fail(err, FRT_UNAVAILABLE, "island: %s", dlerror());
  memcpy(&entry, &symbol, sizeof entry);
  memset(&island, 0, sizeof island);
  island.base.size = sizeof island.base;
  FRT_TRY(entry(host, &island.base, err));
  const frt_api_provider_t mine = {
      .size = sizeof mine, .abi_minor = FRT_ABI_MINOR, .self = &island, .name = "island",
      .version = "1", .kernels = island.base.kernels, .n_kernels = island.base.n_kernels,
      .kernel_stride = island.base.kernel_stride, .close = island_close,
      .device_count = island_count, .device_info = island_info, .dev_open = island_open,
      .dev_close = island_dev_close, .slab_alloc = island_alloc, .slab_free = island_free,
      .copy = island_copy, .queue_open = island_queue, .queue_sync = island_sync,
      .queue_close = island_queue_close, .op_query = island_query,
      .op_prepare = island_prepare, .op_run = island_run, .op_release = island_release};
  *io = mine;
  return FRT_OK;
}

#endif
