/* same A B: 0 if two program files are the same graph, else the first difference.
 * same clone CASE: whether the recorded test program of a case is the clone for a test of
 * its main program. */
#include <string.h>

#include "frontend.h"
#include "golden.h"

static int load(const char *path, frt_program_t **out) {
  frt_error_t err = FRT_ERROR_INIT;
  if (frt_program_load(path, NULL, out, &err) == FRT_OK) return 1;
  fprintf(stderr, "%s: %s\n", path, err.message);
  return 0;
}

static int member(const char *name, const char *file, frt_program_t **out) {
  frt_error_t err = FRT_ERROR_INIT;
  size_t n = 0;
  zip_t *z = golden_open(name);
  void *bytes = z ? golden_read(z, name, file, &n) : NULL;
  const int ok = bytes && frt_program_parse(bytes, n, NULL, out, &err) == FRT_OK;
  if (!ok) fprintf(stderr, "%s of %s: %s\n", file, name, err.message);
  free(bytes);
  if (z) zip_discard(z);
  return ok;
}

/* Paddle cloned before minimize, which marks the loss. */
static void unmark_loss(frt_program_t *p) {
  for (uint32_t i = 0; i < frt_program_n_ops(p, 0); ++i) {
    frt_attr_info_t a;
    for (uint32_t k = 0; frt_program_op_attr(p, 0, i, k, &a, NULL) == FRT_OK; ++k)
      if (!strcmp(a.name, "op_role") && a.i == 256)
        frt_program_set_attr_int(p, 0, i, "op_role", 0, NULL);
  }
}

static int clone_of(const char *name, frt_program_t **got, frt_program_t **want) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *whole = NULL;
  const int ok = member(name, "main.pb", &whole) && member(name, "test.pb", want) &&
                 frt_program_clone(whole, 1, got, &err) == FRT_OK;
  if (ok) unmark_loss(*got);
  frt_program_release(whole);
  return ok;
}

int main(int argc, char **argv) {
  frt_program_t *got = NULL, *want = NULL;
  char text[8192];
  if (argc != 3) return 64;
  int ok = strcmp(argv[1], "clone") ? load(argv[1], &got) && load(argv[2], &want)
                                    : clone_of(argv[2], &got, &want);
  if (ok && !(ok = same_graph(got, want, text, sizeof text)))
    printf("%s and %s: %s\n", argv[1], argv[2], text);
  frt_program_release(got);
  frt_program_release(want);
  return !ok;
}
