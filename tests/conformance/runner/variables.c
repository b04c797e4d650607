/* Host tensors by block and name. */
#include <stdlib.h>

#include "runner/replay.h"

static uint32_t slot_of(const frti_variables_t *v, int32_t block, const char *name) {
  uint32_t at = (uint32_t)frti_mix(frti_hash_text(name) ^ (uint32_t)block);
  for (at &= v->index_cap - 1; v->index[at]; at = (at + 1) & (v->index_cap - 1)) {
    const frti_variable_t *e = &v->all[v->index[at] - 1];
    if (e->block == block && !strcmp(e->name, name)) break;
  }
  return at;
}

frti_variable_t *frti_variable_find(const frti_variables_t *v, int32_t block,
                                    const char *name) {
  const uint32_t found = v->index_cap ? v->index[slot_of(v, block, name)] : 0;
  return found ? &v->all[found - 1] : NULL;
}

/* Room for one more, the index at most half full. */
static int grow(frti_variables_t *v) {
  const uint32_t cap = v->cap ? 2 * v->cap : 64;
  frti_variable_t *all;
  uint32_t *index;
  if (v->n < v->cap) return 1;
  all = realloc(v->all, cap * sizeof *all);
  if (!all) return 0;
  v->all = all;
  index = calloc(2u * cap, sizeof *index);
  if (!index) return 0;
  free(v->index);
  v->cap = cap;
  v->index = index;
  v->index_cap = 2 * cap;
  for (uint32_t i = 0; i < v->n; ++i)
    index[slot_of(v, all[i].block, all[i].name)] = i + 1;
  return 1;
}

frti_variable_t *frti_variable_get(frti_variables_t *v, int32_t block, const char *name) {
  frti_variable_t *e = frti_variable_find(v, block, name);
  char *copy;
  if (e) return e;
  copy = malloc(strlen(name) + 1);
  if (!copy || !grow(v)) {
    free(copy);
    return NULL;
  }
  strcpy(copy, name);
  e = &v->all[v->n];
  *e = (frti_variable_t){.name = copy, .block = block};
  v->index[slot_of(v, block, name)] = ++v->n;
  return e;
}

void frti_variables_release(frti_variables_t *v) {
  for (uint32_t i = 0; i < v->n; ++i) {
    free(v->all[i].name);
    frt_tensor_release(v->all[i].t);
  }
  free(v->all);
  free(v->index);
  memset(v, 0, sizeof *v);
}
