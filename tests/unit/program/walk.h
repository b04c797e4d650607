/* Every program among the recorded cases. */
#ifndef TEST_PROGRAM_WALK_H
#define TEST_PROGRAM_WALK_H

#include "bytes.h"
#include "unit/golden.h"

static inline bool is_program(const char *name) {
  static const char *const ends[] = {".pb", ".pdmodel", "__model__"};
  const size_t n = strlen(name);
  for (size_t i = 0; i < FRTI_COUNT(ends); ++i)
    if (n >= strlen(ends[i]) && !strcmp(name + n - strlen(ends[i]), ends[i])) return true;
  return false;
}

/* Calls fn with the bytes of each; returns how many there are. */
static inline int walk_golden(void (*fn)(const char *where, const void *bytes, size_t n)) {
  char dir[1024], where[1400];
  const char *root = getenv("FLUIDRT_SOURCE_DIR"), **cases = NULL;
  size_t n_cases = 0;
  int count = 0;
  snprintf(dir, sizeof dir, "%s/tests/golden", root ? root : ".");
  if (frti_list_dir(dir, ".zip", &cases, &n_cases, NULL) != FRT_OK) return 0;
  for (size_t i = 0; i < n_cases; ++i) {
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)strlen(cases[i]) - 4, cases[i]);
    zip_t *z = golden_open(name);
    for (zip_int64_t k = 0; z && k < zip_get_num_entries(z, 0); ++k) {
      const char *member = zip_get_name(z, (zip_uint64_t)k, 0);
      size_t n = 0;
      if (!member || !is_program(member)) continue;
      void *bytes = golden_read(z, name, member, &n);
      assert_non_null(bytes);
      snprintf(where, sizeof where, "%s/%s", name, member);
      fn(where, bytes, n);
      free(bytes);
      ++count;
    }
    if (z) zip_discard(z);
  }
  frti_free(cases);
  return count;
}

#endif
