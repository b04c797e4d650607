/* Where temporaries lie in each space's arena: best fit over lifetimes, in program order,
 * 64-byte pieces. The high-water mark is the peak that `explain` prints. */
#include <stdlib.h>

#include "runtime/stages.h"

enum { PIECE = 64, PAGE = 4096 };

typedef struct item { /* something that wants bytes between two positions */
  int64_t first, last;
  uint64_t bytes, *offset;
} item_t;

typedef struct hole { uint64_t at, bytes; } hole_t;

typedef struct arena {
  hole_t *holes;
  size_t n_holes, holes_cap;
  item_t *heap; /* live items, the earliest `last` on top */
  size_t n_heap;
  uint64_t top;
} arena_t;

static int by_first(const void *a, const void *b) {
  const item_t *x = a, *y = b;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : 0;
}

/* ---- a heap by `last` ------------------------------------------------------------------ */

static void heap_push(arena_t *a, item_t it) {
  size_t i = a->n_heap++;
  for (; i && a->heap[(i - 1) / 2].last > it.last; i = (i - 1) / 2)
    a->heap[i] = a->heap[(i - 1) / 2];
  a->heap[i] = it;
}

static item_t heap_pop(arena_t *a) {
  const item_t top = a->heap[0], last = a->heap[--a->n_heap];
  size_t i = 0;
  for (size_t c; (c = 2 * i + 1) < a->n_heap; i = c) {
    if (c + 1 < a->n_heap && a->heap[c + 1].last < a->heap[c].last) ++c;
    if (a->heap[c].last >= last.last) break;
    a->heap[i] = a->heap[c];
  }
  a->heap[i] = last;
  return top;
}

/* Without reuse nothing ever shares memory: each piece behind the last. */
static uint64_t stack(item_t *items, size_t n) {
  uint64_t top = 0;
  for (size_t i = 0; i < n; top += items[i++].bytes) *items[i].offset = top;
  return top;
}

/* ---- holes ------------------------------------------------------------------------------ */

static bool give_back(arena_t *a, uint64_t at, uint64_t bytes) {
  size_t i = 0;
  while (i < a->n_holes && a->holes[i].at < at) ++i;
  const bool left = i && a->holes[i - 1].at + a->holes[i - 1].bytes == at;
  const bool right = i < a->n_holes && at + bytes == a->holes[i].at;
  if (left && right) {
    a->holes[i - 1].bytes += bytes + a->holes[i].bytes;
    memmove(&a->holes[i], &a->holes[i + 1], (--a->n_holes - i) * sizeof *a->holes);
  } else if (left) {
    a->holes[i - 1].bytes += bytes;
  } else if (right) {
    a->holes[i].at = at;
    a->holes[i].bytes += bytes;
  } else {
    if (!FRTI_GROW(a->holes, a->n_holes, a->holes_cap)) return false;
    memmove(&a->holes[i + 1], &a->holes[i], (a->n_holes++ - i) * sizeof *a->holes);
    a->holes[i] = (hole_t){at, bytes};
  }
  return true;
}

static uint64_t take(arena_t *a, uint64_t bytes) {
  size_t best = a->n_holes;
  for (size_t i = 0; i < a->n_holes; ++i)
    if (a->holes[i].bytes >= bytes &&
        (best == a->n_holes || a->holes[i].bytes < a->holes[best].bytes))
      best = i;
  if (best == a->n_holes) {
    uint64_t at = a->top;
    if (a->n_holes && a->holes[a->n_holes - 1].at + a->holes[a->n_holes - 1].bytes == a->top)
      at = a->holes[--a->n_holes].at; /* grow the hole at the end */
    a->top = at + bytes;
    return at;
  }
  uint64_t at = a->holes[best].at;
  a->holes[best].at += bytes;
  a->holes[best].bytes -= bytes;
  if (!a->holes[best].bytes)
    memmove(&a->holes[best], &a->holes[best + 1],
            (--a->n_holes - best) * sizeof *a->holes);
  return at;
}

static bool lay_out(item_t *items, size_t n, uint64_t *top) {
  arena_t a = {0};
  bool ok = true;
  qsort(items, n, sizeof *items, by_first);
  a.heap = frti_calloc(n + 1, sizeof *a.heap);
  for (size_t i = 0; a.heap && ok && i < n; ++i) {
    while (ok && a.n_heap && a.heap[0].last < items[i].first) {
      const item_t dead = heap_pop(&a);
      ok = give_back(&a, *dead.offset, dead.bytes);
    }
    *items[i].offset = take(&a, items[i].bytes);
    heap_push(&a, items[i]);
  }
  *top = a.top;
  ok = ok && a.heap;
  frti_free(a.heap);
  frti_free(a.holes);
  return ok;
}

/* ---- what wants memory --------------------------------------------------------------------- */

typedef struct items { item_t *v; size_t n, cap; } items_t;

static bool add_item(items_t *t, int64_t first, int64_t last, uint64_t bytes,
                     uint64_t *offset) {
  if (!FRTI_GROW(t->v, t->n, t->cap)) return false;
  uint64_t rounded = (FRTI_MAX(bytes, 1) + PIECE - 1) & ~(uint64_t)(PIECE - 1);
  if (rounded >= PAGE) rounded += FRTI_STAGGER; /* see there */
  t->v[t->n++] = (item_t){first < 0 ? 0 : first, last, rounded, offset};
  return true;
}

static bool collect_values(const frti_plan_t *p, uint32_t space, items_t *t) {
  for (uint32_t i = 0; i < p->n_values; ++i)
    for (frti_storage_t *s = p->values[i]->storage; s; s = s->next)
      if (s->space == space && s->placed &&
          !add_item(t, p->values[i]->first, p->values[i]->last, p->values[i]->bytes,
                    &s->offset))
        return false;
  return true;
}

static bool collect_workspaces(const frti_plan_t *p, uint32_t space, items_t *t) {
  for (uint32_t i = 0; i < p->n_actions; ++i) {
    frti_node_t *n = p->actions[i].node;
    if (p->actions[i].kind > FRTI_RUN_RANDOM || !n->workspace) continue;
    if (p->exe->places[n->place].device->space == space &&
        !add_item(t, n->first, n->last, n->workspace, &n->workspace_offset))
      return false;
  }
  return true;
}

/* Spaces in which something lies; host memory always. */
static uint32_t used_spaces(const frti_plan_t *p) {
  uint32_t used = FRTI_SPACE_BIT(FRTI_HOST);
  for (uint32_t i = 0; i < p->n_values; ++i)
    for (const frti_storage_t *s = p->values[i]->storage; s; s = s->next)
      used |= FRTI_SPACE_BIT(s->space);
  for (uint32_t i = 0; i < p->exe->n_places; ++i)
    used |= FRTI_SPACE_BIT(p->exe->places[i].device->space);
  return used;
}

frt_status_t frti_plan_memory(frti_plan_t *p, frt_error_t *err) {
  const uint32_t used = used_spaces(p);
  for (uint32_t space = 0; space < FRTI_MAX_SPACES; ++space) {
    if (!(used & FRTI_SPACE_BIT(space))) continue;
    items_t t = {0};
    bool ok = collect_values(p, space, &t) && collect_workspaces(p, space, &t) &&
              (!t.n || p->exe->no_reuse || lay_out(t.v, t.n, &p->space_bytes[space]));
    if (ok && p->exe->no_reuse) p->space_bytes[space] = stack(t.v, t.n);
    frti_free(t.v);
    if (!ok) return frti_no_memory(err);
    const uint64_t need = p->space_bytes[space] + (space ? 0 : p->persistable_bytes);
    if (p->exe->max_memory && need > p->exe->max_memory) {
      frt_fail(err, FRT_RESOURCE_EXHAUSTED,
               "the plan needs %llu bytes (%llu of them temporaries); the limit is %llu",
               (unsigned long long)need, (unsigned long long)p->space_bytes[space],
               (unsigned long long)p->exe->max_memory);
      return frti_error_phase(err, FRT_RESOURCE_EXHAUSTED, FRT_PHASE_PLAN);
    }
  }
  return FRT_OK;
}
