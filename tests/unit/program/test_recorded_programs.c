/* Every program that PaddlePaddle wrote and that the recorded cases hold: loads, is
 * written byte for byte as it came, and prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"
#include "fluidrt/program.h"
#include "unit/golden.h"

typedef struct tally { int archives, files, bad; char first[512]; } tally_t;

static bool ends_with(const char *s, const char *end) {
  const size_t n = strlen(s), k = strlen(end);
  return n >= k && !strcmp(s + n - k, end);
}

static bool is_program(const char *name) {
  return ends_with(name, ".pb") || ends_with(name, "__model__") || ends_with(name, ".pdmodel");
}

static void judge(tally_t *t, const char *name, const void *bytes, size_t n) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL;
  char *text = NULL;
  bool good = frt_program_parse(bytes, n, NULL, &p, &err) == FRT_OK &&
              frt_program_bytes_canonical(p, bytes, n) &&
              frt_program_to_text(p, &text, &err) == FRT_OK && strstr(text, "blocks {");
  ++t->files;
  if (!good && !t->bad++) snprintf(t->first, sizeof t->first, "%s: %s", name, err.message);
  frt_free(text);
  frt_program_release(p);
}

static void judge_archive(tally_t *t, const char *dir, const char *file) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", dir, file);
  zip_t *z = zip_open(path, ZIP_RDONLY, NULL);
  assert_non_null(z);
  ++t->archives;
  for (zip_int64_t i = 0; i < zip_get_num_entries(z, 0); ++i) {
    const char *name = zip_get_name(z, (zip_uint64_t)i, 0);
    size_t n;
    if (!is_program(name)) continue;
    void *bytes = golden_read(z, "", name, &n);
    assert_non_null(bytes);
    judge(t, name, bytes, n);
    free(bytes);
  }
  zip_close(z);
}

static void every_recorded_program_is_written_as_it_came(void **state) {
  char dir[900];
  const char *root = getenv("FLUIDRT_SOURCE_DIR"), **names;
  frt_error_t err = FRT_ERROR_INIT;
  tally_t t = {0};
  size_t n;
  FRTI_UNUSED(state);
  snprintf(dir, sizeof dir, "%s/tests/golden", root ? root : ".");
  assert_int_equal(FRT_OK, frti_list_dir(dir, ".zip", &names, &n, &err));
  for (size_t i = 0; i < n; ++i) judge_archive(&t, dir, names[i]);
  frti_free(names);
  if (t.bad) fail_msg("%d of %d differ, first %s", t.bad, t.files, t.first);
  assert_true(t.archives >= 130);
  assert_true(t.files >= 280);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_recorded_program_is_written_as_it_came)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
