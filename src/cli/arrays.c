/* Named tensors, and files written whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arrays.h"

void frti_cli_arrays_add(frti_cli_arrays_t *a, const char *name, frt_tensor_t *tensor) {
  if (a->n == a->cap) {
    const size_t cap = a->cap ? 2 * a->cap : 16;
    struct frti_cli_array *grown = frti_cli_alloc(cap * sizeof *grown);
    if (a->n) memcpy(grown, a->items, a->n * sizeof *grown);
    free(a->items);
    a->items = grown;
    a->cap = cap;
  }
  a->items[a->n].name = frti_cli_strdup(name);
  a->items[a->n++].tensor = tensor;
}

static int by_name(const void *a, const void *b) {
  const struct frti_cli_array *x = a, *y = b;
  return strcmp(x->name, y->name);
}

void frti_cli_arrays_sort(frti_cli_arrays_t *a) {
  if (a->n) qsort(a->items, a->n, sizeof *a->items, by_name);
}

const char *frti_cli_arrays_twice(const frti_cli_arrays_t *a) {
  for (size_t i = 1; i < a->n; ++i)
    if (!strcmp(a->items[i].name, a->items[i - 1].name)) return a->items[i].name;
  return NULL;
}

void frti_cli_arrays_release(frti_cli_arrays_t *a) {
  for (size_t i = 0; i < a->n; ++i) {
    free(a->items[i].name);
    frt_tensor_release(a->items[i].tensor);
  }
  free(a->items);
  memset(a, 0, sizeof *a);
}

int frti_cli_write_file(
    const frti_cli_t *cli, const char *path, const void *bytes, size_t n) {
  char *side = frti_cli_text("%s.tmp%ld", path, (long)getpid());
  FILE *f = fopen(side, "wb");
  int code = CLI_OK;
  if (!f) {
    code = frti_cli_fail(cli, CLI_CANNOT_CREATE, "%s: %s", path, strerror(errno));
  } else {
    bool good = fwrite(bytes, 1, n, f) == n && !fflush(f) && !fsync(fileno(f));
    good = !fclose(f) && good;
    if (!good || rename(side, path)) {
      code = frti_cli_fail(cli, CLI_CANNOT_WRITE, "%s: %s", path, strerror(errno));
      unlink(side);
    }
  }
  free(side);
  return code;
}
