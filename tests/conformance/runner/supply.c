/* The memory that providers ask the host for, counted, and refused when asked to. */
#include <stdatomic.h>
#include <stdlib.h>

#include "runner/runner.h"

/* The one whose turn it is to be refused; all before and behind it are granted. */
static int refused(frti_supply_t *s) {
  int64_t left = atomic_load(&s->left);
  while (left > 0)
    if (atomic_compare_exchange_weak(&s->left, &left, left - 1)) return left == 1;
  return 0;
}

void *frti_supply_alloc(void *supply, size_t bytes, size_t align) {
  frti_supply_t *s = supply;
  void *p = NULL;
  if (refused(s) || posix_memalign(&p, align, bytes)) return NULL;
  atomic_fetch_add(&s->held, 1);
  return p;
}

void frti_supply_free(void *supply, void *p) {
  frti_supply_t *s = supply;
  if (!p) return;
  atomic_fetch_sub(&s->held, 1);
  free(p);
}
