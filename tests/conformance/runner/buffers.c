/* Where the buffers of one run lie: in one block with guards of a known byte between
 * them, or each in pages of its own that end or begin at a page nobody may touch. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "runner/exec.h"

enum { GUARD = 64, GUARD_BYTE = 0xA5, PAGE = 4096 };

static int is_paged(const frti_arena_t *a) {
  return a->place == FRTI_ENDS_AT_PAGE || a->place == FRTI_BEGINS_AT_PAGE;
}

void frti_buffer_lay(frti_arena_t *a, frti_buffer_t *b, size_t bytes, size_t align) {
  const size_t span = bytes ? (bytes + PAGE - 1) / PAGE * PAGE : PAGE;
  b->bytes = bytes;
  b->laid = 1;
  if (is_paged(a)) {
    b->from = a->bytes + PAGE; /* the page before it */
    b->to = b->from + span;
    b->at = a->place == FRTI_BEGINS_AT_PAGE ? b->from : (b->to - bytes) / align * align;
  } else {
    b->from = a->bytes;
    b->at = b->from + GUARD + (a->place == FRTI_MISALIGNED ? align : 0);
    b->to = (b->at + bytes + GUARD + 63) / 64 * 64;
  }
  a->bytes = b->to;
}

static frt_status_t no_memory(frt_error_t *err) {
  return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "the suite itself is out of memory");
}

static frt_status_t open_pages(frti_arena_t *a, frt_error_t *err) {
  a->bytes += PAGE; /* behind the last one */
  a->base = mmap(NULL, a->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (a->base == MAP_FAILED) {
    a->base = NULL;
    return no_memory(err);
  }
  a->host = a->base;
  return FRT_OK;
}

/* The spare slab if it is large enough and nobody's, else a new one, which becomes the
 * spare if there is none. */
static frt_status_t take_slab(frti_arena_t *a, const frti_target_t *t, frt_error_t *err) {
  frti_spare_t *spare = t->spare;
  void *slab = NULL;
  if (spare && spare->slab && !spare->taken && spare->bytes >= a->bytes) {
    spare->taken = 1;
    a->dev = spare->slab;
    return FRT_OK;
  }
  FRT_TRY(t->api->slab_alloc(t->dev, FRT_MEM_DEVICE, a->bytes, &slab, err));
  a->dev = slab;
  return FRT_OK;
}

static void give_slab(const frti_arena_t *a, const frti_target_t *t) {
  frti_spare_t *spare = t->spare;
  void *old = a->dev;
  if (spare && spare->slab == a->dev) {
    spare->taken = 0;
    return;
  }
  if (spare && !spare->taken && spare->bytes < a->bytes) {
    old = spare->slab;
    *spare = (frti_spare_t){a->dev, a->bytes, 0};
  }
  if (old) t->api->slab_free(t->dev, FRT_MEM_DEVICE, old);
}

frt_status_t frti_arena_open(frti_arena_t *a, const frti_target_t *t, frt_error_t *err) {
  if (is_paged(a)) return open_pages(a, err);
  a->base = malloc(a->bytes + 64);
  if (!a->base) return no_memory(err);
  a->host = (uint8_t *)a->base + (64 - (uintptr_t)a->base % 64) % 64;
  memset(a->host, GUARD_BYTE, a->bytes);
  if (t->info.flags & FRT_DEVICE_HOST_MEMORY) return FRT_OK;
  return take_slab(a, t, err);
}

void frti_arena_close(frti_arena_t *a, const frti_target_t *t) {
  if (a->dev) give_slab(a, t);
  if (a->base && is_paged(a)) munmap(a->base, a->bytes);
  else free(a->base);
}

frt_status_t frti_arena_copy(const frti_arena_t *a, const frti_target_t *t,
                             uint32_t direction, frt_error_t *err) {
  const int to = direction == FRT_COPY_TO_DEVICE;
  if (!a->dev) return FRT_OK;
  return t->api->copy(t->dev, t->queue, direction, to ? a->dev : a->host,
                      to ? a->host : a->dev, a->bytes, err);
}

void frti_buffer_permit(const frti_arena_t *a, const frti_buffer_t *b, int read_only) {
  if (!is_paged(a) || !b->laid) return;
  mprotect(a->host + b->from, b->to - b->from, read_only ? PROT_READ : PROT_READ | PROT_WRITE);
  if (read_only) return;
  memset(a->host + b->from, GUARD_BYTE, b->at - b->from);
  memset(a->host + b->at + b->bytes, GUARD_BYTE, b->to - b->at - b->bytes);
}

const char *frti_buffer_fault(const frti_arena_t *a, const frti_buffer_t *b) {
  if (!b->laid) return NULL;
  for (size_t i = b->from; i < b->at; ++i)
    if (a->host[i] != GUARD_BYTE) return "bytes before the buffer were written";
  for (size_t i = b->at + b->bytes; i < b->to; ++i)
    if (a->host[i] != GUARD_BYTE) return "bytes after the buffer were written";
  return NULL;
}

int frti_buffer_locate(const frti_arena_t *a, const frti_buffer_t *b, const void *address,
                       char *to, size_t cap) {
  const size_t page = (size_t)((uintptr_t)address - (uintptr_t)a->host); /* wraps if below */
  /* The page between two buffers is the one's or the other's. */
  const size_t lo = a->place == FRTI_BEGINS_AT_PAGE ? b->from - PAGE : b->from;
  const size_t hi = a->place == FRTI_BEGINS_AT_PAGE ? b->to : b->to + PAGE;
  if (!b->laid || page < lo || page >= hi) return 0;
  if (page >= b->at + b->bytes)
    snprintf(to, cap, "touched the byte %zu behind its end", page - b->at - b->bytes + 1);
  else if (page < b->at)
    snprintf(to, cap, "touched the byte %zu before its begin", b->at - page);
  else
    snprintf(to, cap, "byte %zu is for reading only and was written", page - b->at);
  return 1;
}
