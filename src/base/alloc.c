/* The one door for memory, and sizes that are checked before they are used. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/fault.h"

bool (*frti_alloc_fails)(void);

static inline bool refused(void) {
  return __builtin_expect(frti_alloc_fails != NULL, 0) && frti_alloc_fails();
}

void *frti_alloc(size_t bytes) {
  if (refused()) return NULL;
  return malloc(bytes ? bytes : 1); /* so that NULL always means out of memory */
}

void *frti_calloc(size_t n, size_t bytes) {
  size_t all;
  if (refused() || !frti_mul_size(n, bytes, &all)) return NULL;
  return calloc(all ? all : 1, 1);
}

void *frti_realloc(void *p, size_t bytes) {
  if (refused()) return NULL;
  return realloc(p, bytes ? bytes : 1);
}

void *frti_alloc_aligned(size_t bytes, size_t align) {
  void *p = NULL;
  if (refused()) return NULL;
  if (align < sizeof(void *)) align = sizeof(void *);
  return posix_memalign(&p, align, bytes ? bytes : 1) ? NULL : p;
}

void frti_free(void *p) { free(p); }

char *frti_strdup(const char *s) {
  size_t n = strlen(s) + 1;
  char *copy = frti_alloc(n);
  return copy ? memcpy(copy, s, n) : NULL;
}

bool frti_grow(void **array, size_t count, size_t *cap, size_t elem) {
  size_t wanted = *cap ? *cap : 4, bytes;
  void *p;
  if (count < *cap) return true;
  if (!frti_mul_size(wanted, 2, &wanted) || !frti_mul_size(wanted, elem, &bytes))
    return false;
  /* The array is of any pointer type: it is read and written as bytes. */
  memcpy(&p, array, sizeof p);
  p = frti_realloc(p, bytes);
  if (!p) return false;
  memcpy(array, &p, sizeof p);
  *cap = wanted;
  return true;
}

bool frti_mul_size(size_t a, size_t b, size_t *out) {
  return !__builtin_mul_overflow(a, b, out);
}

bool frti_add_size(size_t a, size_t b, size_t *out) {
  return !__builtin_add_overflow(a, b, out);
}

bool frti_numel(uint32_t rank, const int64_t *dims, int64_t *out) {
  int64_t n = 1;
  bool empty = false;
  /* Zeros are left out of the product, so that the verdict on an overflow does not
   * depend on where they stand. */
  for (uint32_t i = 0; i < rank; ++i) {
    if (dims[i] < 0) return false;
    if (!dims[i]) empty = true;
    else if (__builtin_mul_overflow(n, dims[i], &n)) return false;
  }
  *out = empty ? 0 : n;
  return true;
}
