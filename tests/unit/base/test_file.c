/* Files and folders. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/base.h"

static char dir[64];

static const char *in(const char *name) {
  static char path[4][256];
  static int turn;
  char *to = path[turn++ % 4];
  snprintf(to, sizeof path[0], "%s/%s", dir, name);
  return to;
}

static int make(void **state) {
  FRTI_UNUSED(state);
  strcpy(dir, "/tmp/frt_file_XXXXXX");
  return mkdtemp(dir) ? 0 : -1;
}

static int clean(void **state) {
  FRTI_UNUSED(state);
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", dir);
  return system(command);
}

static void what_is_written_is_read(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  uint8_t *bytes;
  size_t n;
  for (int i = 0; i < 2; ++i) { /* the second time over the first */
    assert_int_equal(frti_file_write(in("a"), "x\0y", (size_t)(3 - i), &err), FRT_OK);
    assert_int_equal(frti_file_read(in("a"), 3, &bytes, &n, &err), FRT_OK);
    assert_int_equal(n, 3 - i);
    assert_memory_equal(bytes, "x\0y", n);
    assert_int_equal(bytes[n], 0);
    frti_free(bytes);
  }
  assert_int_equal(frti_file_write(in("empty"), NULL, 0, &err), FRT_OK);
  assert_int_equal(frti_file_read(in("empty"), 0, &bytes, &n, &err), FRT_OK);
  assert_int_equal(n, 0);
  frti_free(bytes);
}

static void large_files_come_whole(void **state) {
  FRTI_UNUSED(state);
  size_t n = 3 << 20, got;
  uint8_t *big = frti_alloc(n), *bytes;
  for (size_t i = 0; i < n; ++i) big[i] = (uint8_t)(i * 7);
  assert_int_equal(frti_file_write(in("big"), big, n, NULL), FRT_OK);
  assert_int_equal(frti_file_read(in("big"), 0, &bytes, &got, NULL), FRT_OK);
  assert_int_equal(got, n);
  assert_memory_equal(bytes, big, n);
  frti_free(big);
  frti_free(bytes);
}

static void reading_names_what_is_wrong(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  uint8_t *bytes;
  size_t n;
  assert_int_equal(frti_file_read(in("none"), 0, &bytes, &n, &err), FRT_NOT_FOUND);
  assert_int_equal(err.native, ENOENT);
  assert_non_null(strstr(err.message, "none': No such file or directory"));
  assert_int_equal(frti_file_read(dir, 0, &bytes, &n, &err), FRT_INVALID_ARGUMENT);
  assert_non_null(strstr(err.message, "is not a regular file"));
  assert_int_equal(mkfifo(in("fifo"), 0600), 0);
  assert_int_equal(frti_file_read(in("fifo"), 0, &bytes, &n, &err), FRT_INVALID_ARGUMENT);
  assert_int_equal(frti_file_read("/dev/zero", 0, &bytes, &n, &err), FRT_INVALID_ARGUMENT);
  frti_file_write(in("four"), "1234", 4, NULL);
  assert_int_equal(frti_file_read(in("four"), 3, &bytes, &n, &err), FRT_RESOURCE_EXHAUSTED);
  assert_null(bytes);
  /* Its size is said to be 0. */
  assert_int_equal(frti_file_read("/proc/self/status", 0, &bytes, &n, &err), FRT_OK);
  assert_true(n > 100);
  frti_free(bytes);
  assert_int_equal(frti_file_read("/proc/self/status", 10, &bytes, &n, &err),
                   FRT_RESOURCE_EXHAUSTED);
}

static void a_failed_write_leaves_nothing(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  const char **names;
  size_t n;
  assert_int_equal(frti_make_dir(in("w"), NULL), FRT_OK);
  assert_int_equal(frti_file_write(in("w/none/x"), "1", 1, &err), FRT_UNAVAILABLE);
  assert_int_equal(err.native, ENOENT);
  assert_int_equal(err.status, FRT_UNAVAILABLE);
  assert_int_equal(frti_make_dir(in("w/folder"), NULL), FRT_OK);
  assert_int_equal(frti_file_write(in("w/folder"), "1", 1, &err), FRT_UNAVAILABLE);
  assert_int_equal(err.native, EISDIR);
  assert_int_equal(frti_file_write("/dev/null", "1", 1, &err), FRT_UNAVAILABLE);
  assert_int_equal(frti_list_dir(in("w"), "", &names, &n, &err), FRT_OK);
  assert_int_equal(n, 0);
  frti_free(names);
}

static void folders_are_made_with_parents(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  assert_int_equal(frti_make_dir(in("p/q/r/"), &err), FRT_OK);
  assert_true(frti_is_dir(in("p/q/r")));
  assert_int_equal(frti_make_dir(in("p/q/r"), &err), FRT_OK);
  frti_file_write(in("p/file"), "1", 1, NULL);
  assert_true(frti_is_file(in("p/file")));
  assert_false(frti_is_file(in("p")));
  assert_int_equal(frti_make_dir(in("p/file/x"), &err), FRT_UNAVAILABLE);
  assert_int_equal(err.native, ENOTDIR);
}

static void listing_is_sorted_and_only_of_files(void **state) {
  FRTI_UNUSED(state);
  frt_error_t err = FRT_ERROR_INIT;
  const char *files[] = {"l/b.npy", "l/a.npy", "l/a.txt", "l/B.npy", "l/.npy"};
  const char **names;
  size_t n;
  frti_make_dir(in("l/d.npy"), NULL);
  for (size_t i = 0; i < FRTI_COUNT(files); ++i) frti_file_write(in(files[i]), "", 0, NULL);
  assert_int_equal(frti_list_dir(in("l"), ".npy", &names, &n, &err), FRT_OK);
  assert_int_equal(n, 4);
  assert_string_equal(names[0], ".npy");
  assert_string_equal(names[1], "B.npy");
  assert_string_equal(names[2], "a.npy");
  assert_string_equal(names[3], "b.npy");
  frti_free(names);
  assert_int_equal(frti_list_dir(in("l/none"), "", &names, &n, &err), FRT_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(large_files_come_whole),
      cmocka_unit_test(reading_names_what_is_wrong),
      cmocka_unit_test(a_failed_write_leaves_nothing),
      cmocka_unit_test(folders_are_made_with_parents),
      cmocka_unit_test(listing_is_sorted_and_only_of_files),
  };
  return cmocka_run_group_tests(tests, make, clean);
}
