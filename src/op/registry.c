/* The library's ops by type. The index is built once, by whoever asks first; its size
 * is fixed, so that building it cannot fail. */
#include <pthread.h>
#include <stdlib.h>

#include "base/base.h"
#include "fluidrt/op.h"

#define FRTI_ROW(table) extern const frt_op_schema_t table[];
#include "ops.inc"
#undef FRTI_ROW

static const frt_op_schema_t *const tables[] = {
#define FRTI_ROW(table) table,
#include "ops.inc"
#undef FRTI_ROW
    NULL};

enum { MAX_OPS = 1024 }; /* a unit test compares the index with the tables */

static const frt_op_schema_t *sorted[MAX_OPS];
static size_t n_sorted;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int by_type(const void *a, const void *b) {
  const frt_op_schema_t *const *x = a, *const *y = b;
  return strcmp((*x)->type, (*y)->type);
}

static void build(void) {
  for (size_t t = 0; tables[t]; ++t)
    for (const frt_op_schema_t *s = tables[t]; s->type && n_sorted < MAX_OPS; ++s)
      sorted[n_sorted++] = s;
  qsort(sorted, n_sorted, sizeof *sorted, by_type);
}

size_t frt_op_count(void) {
  pthread_once(&once, build);
  return n_sorted;
}

const frt_op_schema_t *frt_op_at(size_t index) {
  return index < frt_op_count() ? sorted[index] : NULL;
}

const frt_op_schema_t *frt_op_find(const char *type) {
  size_t lo = 0, hi = frt_op_count();
  if (!type) return NULL;
  while (lo < hi) {
    const size_t mid = lo + (hi - lo) / 2;
    const int order = strcmp(sorted[mid]->type, type);
    if (!order) return sorted[mid];
    if (order < 0) lo = mid + 1;
    else hi = mid;
  }
  return NULL;
}

const char *frt_op_nearest(const char *type) {
  frti_nearest_t near = {.wanted = type};
  if (!type) return NULL;
  for (size_t i = 0; i < frt_op_count(); ++i) frti_nearest_offer(&near, sorted[i]->type);
  return near.best;
}
