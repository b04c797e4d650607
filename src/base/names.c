/* Interned names: open addressing over texts that carry their id and length. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string.h>

#include "base/base.h"

uint64_t frti_hash(const void *bytes, size_t n, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes, n, seed);
}

void frti_names_init(frti_names_t *t, frti_arena_t *arena) {
  memset(t, 0, sizeof *t);
  t->arena = arena;
  t->seed = frti_random_seed();
}

/* The slot that holds the text, or the empty one where it belongs. */
static size_t slot_of(const frti_names_t *t, const char *text, size_t len) {
  size_t mask = t->cap - 1, i = (size_t)frti_hash(text, len, t->seed) & mask;
  for (; t->slots[i]; i = (i + 1) & mask)
    if (frti_name_len(t->slots[i]) == len && (!len || !memcmp(t->slots[i], text, len)))
      break;
  return i;
}

static bool grow_slots(frti_names_t *t) {
  size_t cap = t->cap ? t->cap * 2 : 64;
  const char **old = t->slots, **slots = frti_calloc(cap, sizeof *slots);
  if (!slots) return false;
  t->slots = slots;
  t->cap = cap;
  for (size_t i = 0; i < t->n; ++i)
    slots[slot_of(t, t->by_id[i], frti_name_len(t->by_id[i]))] = t->by_id[i];
  frti_free(old);
  return true;
}

const char *frti_names_find(const frti_names_t *t, const char *text, size_t len) {
  return t->cap ? t->slots[slot_of(t, text, len)] : NULL;
}

const char *frti_names_add(frti_names_t *t, const char *text, size_t len) {
  const char *found = frti_names_find(t, text, len);
  frti_name_head_t *head;
  size_t bytes;
  char *copy;
  if (found) return found;
  if (len >= UINT32_MAX || t->n >= UINT32_MAX) return NULL;
  if (t->n * 2 >= t->cap && !grow_slots(t)) return NULL;
  if (!FRTI_GROW(t->by_id, t->n, t->by_id_cap)) return NULL;
  if (!frti_add_size(len, sizeof *head + 1, &bytes)) return NULL;
  head = frti_arena_alloc(t->arena, bytes);
  if (!head) return NULL;
  head->id = (uint32_t)t->n;
  head->len = (uint32_t)len;
  copy = (char *)(head + 1);
  if (len) memcpy(copy, text, len);
  copy[len] = 0;
  t->slots[slot_of(t, copy, len)] = copy;
  t->by_id[t->n++] = copy;
  return copy;
}

void frti_names_release(frti_names_t *t) {
  frti_free(t->slots);
  frti_free(t->by_id);
  memset(t, 0, sizeof *t);
}
