/* Members of the recorded cases in tests/golden/<case>.zip. */
#ifndef UNIT_GOLDEN_H
#define UNIT_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <zip.h>

static inline zip_t *golden_open(const char *name) {
  char path[1024];
  const char *root = getenv("FLUIDRT_SOURCE_DIR");
  snprintf(path, sizeof path, "%s/tests/golden/%s.zip", root ? root : ".", name);
  return zip_open(path, ZIP_RDONLY, NULL);
}

/* The bytes of a member, NUL-terminated, for free(); NULL: there is none. Members stand
 * at the top of the archive or in a folder named like the case. */
static inline void *golden_read(zip_t *z, const char *name, const char *member, size_t *n) {
  char inner[1024];
  zip_stat_t st;
  zip_file_t *f;
  char *bytes;
  snprintf(inner, sizeof inner, "%s/%s", name, member);
  if (!zip_stat(z, member, 0, &st)) f = zip_fopen(z, member, 0);
  else if (!zip_stat(z, inner, 0, &st)) f = zip_fopen(z, inner, 0);
  else return NULL;
  bytes = f ? malloc((size_t)st.size + 1) : NULL;
  if (bytes && zip_fread(f, bytes, st.size) != (zip_int64_t)st.size) {
    free(bytes);
    bytes = NULL;
  }
  if (bytes) bytes[st.size] = 0;
  if (f) zip_fclose(f);
  *n = (size_t)st.size;
  return bytes;
}

#endif
