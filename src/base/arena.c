/* Arenas: blocks that double in size, released together. */
#include <string.h>

#include "base/base.h"

enum { ALIGN = 16, FIRST_BLOCK = 4096, LAST_BLOCK = 1 << 18 };

typedef struct frti_arena_block {
  struct frti_arena_block *next;
  size_t size, used; /* of the bytes after the head */
} frti_arena_block_t;

enum { HEAD = (sizeof(frti_arena_block_t) + ALIGN - 1) / ALIGN * ALIGN };

static frti_arena_block_t *new_block(frti_arena_t *a, size_t bytes) {
  size_t size = a->head ? FRTI_MIN(a->head->size * 2, (size_t)LAST_BLOCK) : FIRST_BLOCK;
  size_t all;
  frti_arena_block_t *b;
  size = FRTI_MAX(size, bytes);
  if (!frti_add_size(size, HEAD, &all) || !(b = frti_alloc(all))) return NULL;
  b->size = size;
  b->used = 0;
  b->next = a->head;
  a->head = b;
  return b;
}

void *frti_arena_alloc(frti_arena_t *a, size_t bytes) {
  frti_arena_block_t *b = a->head;
  size_t total;
  uint8_t *p;
  if (!frti_add_size(FRTI_MAX(bytes, 1u), ALIGN - 1, &bytes)) return NULL;
  bytes = bytes / ALIGN * ALIGN;
  if (!frti_add_size(a->used, bytes, &total)) return NULL;
  if (a->limit && total > a->limit) return NULL;
  if (!b || b->size - b->used < bytes) b = new_block(a, bytes);
  if (!b) return NULL;
  p = (uint8_t *)b + HEAD + b->used;
  b->used += bytes;
  a->used = total;
  return p;
}

void *frti_arena_calloc(frti_arena_t *a, size_t n, size_t bytes) {
  void *p;
  if (!frti_mul_size(n, bytes, &bytes)) return NULL;
  p = frti_arena_alloc(a, bytes);
  return p ? memset(p, 0, bytes) : NULL;
}

char *frti_arena_strdup(frti_arena_t *a, const char *s) {
  size_t n = strlen(s) + 1;
  char *copy = frti_arena_alloc(a, n);
  return copy ? memcpy(copy, s, n) : NULL;
}

void frti_arena_release(frti_arena_t *a) {
  for (frti_arena_block_t *b = a->head, *next; b; b = next) {
    next = b->next;
    frti_free(b);
  }
  a->head = NULL;
  a->used = 0;
}
