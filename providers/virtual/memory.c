/* Slabs: one memfd each, mapped twice. The address that the host gets, the token, is
 * without access rights for ever and never used again, so that whoever touches device
 * memory from outside faults, and whoever names freed memory is found out. The device
 * works on the second mapping. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "virtual.h"

enum { PAGE = 4096, POISON = 0xAB };
static const size_t region_bytes = (size_t)1 << 36;

void frt_virtual_memory_init(memory_t *m, const frt_api_host_t *host) {
  memset(m, 0, sizeof *m);
  m->host = host;
  pthread_rwlock_init(&m->lock, NULL);
}

void frt_virtual_memory_close(memory_t *m) {
  for (uint32_t i = 0; i < m->n; ++i) munmap(m->slabs[i].alias, m->slabs[i].mapped);
  while (m->regions) {
    region_t *r = m->regions;
    m->regions = r->next;
    munmap(r->at, r->bytes);
    m->host->mem_free(m->host->ctx, r);
  }
  if (m->slabs) m->host->mem_free(m->host->ctx, m->slabs);
  pthread_rwlock_destroy(&m->lock);
}

static int room_for_one(memory_t *m) {
  const uint32_t cap = m->cap ? m->cap * 2 : 64;
  slab_t *more;
  if (m->n < m->cap) return 1;
  more = m->host->mem_alloc(m->host->ctx, cap * sizeof *more, 16);
  if (!more) return 0;
  if (m->n) memcpy(more, m->slabs, m->n * sizeof *more);
  if (m->slabs) m->host->mem_free(m->host->ctx, m->slabs);
  m->slabs = more;
  m->cap = cap;
  return 1;
}

/* `bytes` of address space that was never handed out, with a page of nothing behind. */
static char *take_token(memory_t *m, size_t bytes) {
  region_t *r = m->regions;
  if (!r || r->bytes - r->used < bytes + PAGE) {
    r = m->host->mem_alloc(m->host->ctx, sizeof *r, 16);
    if (!r) return NULL;
    r->bytes = bytes + PAGE > region_bytes ? bytes + PAGE : region_bytes;
    r->used = 0;
    r->at = mmap(NULL, r->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (r->at == MAP_FAILED) {
      m->host->mem_free(m->host->ctx, r);
      return NULL;
    }
    r->next = m->regions;
    m->regions = r;
  }
  r->used += bytes + PAGE;
  return r->at + r->used - bytes - PAGE;
}

static int map_twice(slab_t *s) {
  const int fd = memfd_create("frt_virtual", MFD_CLOEXEC);
  int good = 0;
  if (fd < 0) return 0;
  if (!ftruncate(fd, (off_t)s->mapped)) {
    s->alias = mmap(NULL, s->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    good = s->alias != MAP_FAILED &&
           mmap(s->token, s->mapped, s->kind == FRT_MEM_PINNED ? PROT_READ | PROT_WRITE : PROT_NONE,
                MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
    if (!good && s->alias != MAP_FAILED) munmap(s->alias, s->mapped);
  }
  close(fd);
  return good;
}

frt_status_t frt_virtual_slab_new(memory_t *m, uint32_t device, uint32_t kind, uint64_t bytes,
                                  void **out, frt_error_t *err) {
  slab_t s = {.bytes = bytes, .kind = kind, .device = device};
  int good = 0;
  *out = NULL;
  s.mapped = ((bytes ? bytes : 1) + PAGE - 1) / PAGE * PAGE;
  pthread_rwlock_wrlock(&m->lock);
  if (bytes < (uint64_t)1 << 46 && room_for_one(m)) {
    s.token = take_token(m, s.mapped);
    good = s.token && map_twice(&s);
    if (good) m->slabs[m->n++] = s;
  }
  pthread_rwlock_unlock(&m->lock);
  if (!good)
    return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "virtual:%u has no memory for %llu bytes",
                    device, (unsigned long long)bytes);
  memset(s.alias, POISON, s.mapped);
  *out = s.token;
  return FRT_OK;
}

/* The living slab whose range, the empty page behind it included, holds p. */
static slab_t *slab_at(const memory_t *m, const void *p) {
  const char *at = p;
  for (uint32_t i = m->n; i > 0; --i) {
    slab_t *s = &m->slabs[i - 1];
    if (at >= s->token && at < s->token + s->mapped + PAGE) return s;
  }
  return NULL;
}

/* No living slab has p: did one have it? */
static int was_handed_out(const memory_t *m, const void *p) {
  const char *at = p;
  for (const region_t *r = m->regions; r; r = r->next)
    if (at >= r->at && at < r->at + r->used) return 1;
  return 0;
}

const char *frt_virtual_slab_free(memory_t *m, uint32_t device, uint32_t kind, void *p) {
  const char *fault = NULL;
  slab_t *s;
  if (!p) return NULL;
  pthread_rwlock_wrlock(&m->lock);
  s = slab_at(m, p);
  if (!s) fault = was_handed_out(m, p) ? "it was freed before" : "it is no slab";
  else if (s->token != p) fault = "it is inside a slab, not its start";
  else if (s->device != device) fault = "it belongs to another device";
  else if (s->kind != kind) fault = "it is of the other kind of memory";
  if (!fault) {
    munmap(s->alias, s->mapped);
    /* Nothing again, so that the mappings of freed slabs melt into one. */
    mmap(s->token, s->mapped, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    --m->n;
    memmove(s, s + 1, (size_t)(m->slabs + m->n - s) * sizeof *s);
  }
  pthread_rwlock_unlock(&m->lock);
  return fault;
}

frt_status_t frt_virtual_real(const memory_t *m, uint32_t device, const void *p,
                              uint64_t bytes, const char *what, void **out, frt_error_t *err) {
  static char nothing[64];
  const slab_t *s = slab_at(m, p);
  const char *fault = NULL;
  *out = nothing;
  if (!bytes && !s) return FRT_OK;
  if (!s) fault = was_handed_out(m, p) ? "in a slab that was freed" : "in no slab";
  else if (s->device != device) fault = "in a slab of another device";
  else if (s->kind != FRT_MEM_DEVICE) fault = "in pinned memory of the host";
  else if ((uint64_t)((const char *)p - s->token) > s->bytes ||
           bytes > s->bytes - (uint64_t)((const char *)p - s->token))
    fault = "beyond the end of its slab";
  if (fault)
    return frt_fail(err, FRT_INTERNAL, "virtual:%u: %s: %llu bytes at %p are %s", device, what,
                    (unsigned long long)bytes, p, fault);
  *out = s->alias + ((const char *)p - s->token);
  return FRT_OK;
}

int frt_virtual_is_host(memory_t *m, const void *p, uint64_t bytes) {
  const char *lo = p, *hi = lo + bytes;
  int yes = 1;
  if (!bytes || frt_virtual_is_pinned(m, p, bytes)) return 1;
  pthread_rwlock_rdlock(&m->lock);
  for (const region_t *r = m->regions; r; r = r->next)
    if (lo < r->at + r->used && hi > r->at) yes = 0;
  pthread_rwlock_unlock(&m->lock);
  return yes;
}

int frt_virtual_is_pinned(memory_t *m, const void *p, uint64_t bytes) {
  pthread_rwlock_rdlock(&m->lock);
  const slab_t *s = slab_at(m, p);
  const uint64_t at = s ? (uint64_t)((const char *)p - s->token) : 0;
  const int yes = s && s->kind == FRT_MEM_PINNED && at <= s->bytes && bytes <= s->bytes - at;
  pthread_rwlock_unlock(&m->lock);
  return yes;
}
