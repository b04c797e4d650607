/* Looking up variables: a seeded hash over (block, name). */
#include <string.h>

#include "program/parts.h"

static uint64_t key_of(int32_t block, const char *interned) {
  return ((uint64_t)(uint32_t)block << 32 | frti_name_id(interned)) + 1;
}

/* The place that holds the key, or the free one where it belongs. */
static size_t place_of(const frti_var_index_t *x, uint64_t key, uint64_t seed) {
  const size_t mask = x->cap - 1;
  uint64_t h = (key ^ seed) * 0x9e3779b97f4a7c15u;
  h ^= h >> 32;
  h *= 0xd6e8feb86659fd93u;
  size_t i = (size_t)(h >> 32) & mask;
  for (; x->keys[i] && x->keys[i] != key; i = (i + 1) & mask) {}
  return i;
}

void frti_index_release(frt_program_t *p) {
  frti_free(p->index.keys);
  frti_free(p->index.at);
  memset(&p->index, 0, sizeof p->index);
}

static bool reserve(frt_program_t *p, size_t cap) {
  frti_var_index_t *x = &p->index, old = *x;
  uint64_t *keys = frti_calloc(cap, sizeof *keys);
  uint32_t *at = frti_calloc(cap, sizeof *at);
  if (!keys || !at) {
    frti_free(keys);
    frti_free(at);
    return false;
  }
  x->keys = keys;
  x->at = at;
  x->cap = cap;
  for (size_t i = 0; i < old.cap; ++i) {
    if (!old.keys[i]) continue;
    const size_t to = place_of(x, old.keys[i], p->names.seed);
    keys[to] = old.keys[i];
    at[to] = old.at[i];
  }
  frti_free(old.keys);
  frti_free(old.at);
  return true;
}

static void enter(frt_program_t *p, int32_t block, uint32_t var) {
  frti_var_index_t *x = &p->index;
  const uint64_t key = key_of(block, p->blocks[block].vars[var].name);
  const size_t i = place_of(x, key, p->names.seed);
  if (x->keys[i]) return; /* of equal names the first counts */
  x->keys[i] = key;
  x->at[i] = var;
  ++x->n;
}

bool frti_index_build(frt_program_t *p) {
  size_t n = 0, cap = 16;
  frti_index_release(p);
  for (uint32_t b = 0; b < p->n_blocks; ++b) n += p->blocks[b].n_vars;
  while (cap < n * 2) cap *= 2;
  if (!reserve(p, cap)) return false;
  p->index.blocks = p->blocks;
  for (uint32_t b = 0; b < p->n_blocks; ++b)
    for (uint32_t v = 0; v < p->blocks[b].n_vars; ++v) enter(p, (int32_t)b, v);
  return true;
}

void frti_index_add(frt_program_t *p, int32_t block, uint32_t var) {
  frti_var_index_t *x = &p->index;
  if (!x->cap || x->blocks != p->blocks) return;
  if ((x->n + 1) * 2 > x->cap && !reserve(p, x->cap * 2)) {
    frti_index_release(p);
    return;
  }
  enter(p, block, var);
}

static const frti_var_t *find_in(const frt_program_t *p, int32_t block,
                                 const char *interned) {
  const frti_var_index_t *x = &p->index;
  const frti_block_t *b = &p->blocks[block];
  if (x->cap && x->blocks == p->blocks) {
    const size_t i = place_of(x, key_of(block, interned), p->names.seed);
    return x->keys[i] ? &b->vars[x->at[i]] : NULL;
  }
  for (uint32_t v = 0; v < b->n_vars; ++v)
    if (b->vars[v].name == interned) return &b->vars[v];
  return NULL;
}

const frti_var_t *frti_program_resolve(const frt_program_t *p, int32_t block,
                                       const char *interned, int32_t *owner) {
  if (owner) *owner = -1;
  while (interned && block >= 0 && (uint32_t)block < p->n_blocks) {
    /* A gradient's block sees the variables of the block it belongs to. */
    const int32_t both[2] = {block, p->blocks[block].forward_block_idx};
    for (int i = 0; i < 2; ++i) {
      const bool there = both[i] >= 0 && (uint32_t)both[i] < p->n_blocks;
      const frti_var_t *v = there ? find_in(p, both[i], interned) : NULL;
      if (!v) continue;
      if (owner) *owner = both[i];
      return v;
    }
    block = p->blocks[block].parent;
  }
  return NULL;
}
