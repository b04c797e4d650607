/* Arrays out of .npz files that numpy and libzip wrote; damaged ones are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zip.h>

#include "base/base.h"
#include "fluidrt/io.h"

static char dir[64], npz[128], bad[128];

static const char *digits(void) {
  static char path[1024];
  const char *root = getenv("FLUIDRT_SOURCE_DIR");
  snprintf(path, sizeof path, "%s/models/data/digits.npz", root ? root : ".");
  return path;
}

static frt_tensor_t *count_up(int64_t n, float first) {
  frt_tensor_t *t;
  assert_int_equal(frt_tensor_create(FRT_F32, 1, &n, &t, NULL), FRT_OK);
  for (int64_t i = 0; i < n; ++i) ((float *)frt_tensor_data(t))[i] = first + (float)i;
  return t;
}

/* An archive of two arrays, "first" and "second", by libzip. */
static void write_archive(const char *path, int method) {
  static const char *const names[] = {"first.npy", "second.npy"};
  int why;
  zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &why);
  assert_non_null(z);
  for (int i = 0; i < 2; ++i) {
    char file[128];
    uint8_t *bytes, *kept;
    size_t n;
    frt_tensor_t *t = count_up(5 + 90 * i, (float)(10 * i));
    snprintf(file, sizeof file, "%s/array", dir);
    assert_int_equal(frt_npy_save(file, t, NULL), FRT_OK);
    frt_tensor_release(t);
    assert_int_equal(frti_file_read(file, 0, &bytes, &n, NULL), FRT_OK);
    kept = malloc(n);
    memcpy(kept, bytes, n);
    frti_free(bytes);
    const zip_int64_t at =
        zip_file_add(z, names[i], zip_source_buffer(z, kept, n, 1), 0);
    assert_true(at >= 0);
    zip_set_file_compression(z, (zip_uint64_t)at, method, 0);
  }
  assert_int_equal(0, zip_close(z));
}

static int make(void **state) {
  FRTI_UNUSED(state);
  strcpy(dir, "/tmp/frt_npz_XXXXXX");
  if (!mkdtemp(dir)) return -1;
  snprintf(npz, sizeof npz, "%s/a.npz", dir);
  snprintf(bad, sizeof bad, "%s/bad.npz", dir);
  write_archive(npz, ZIP_CM_STORE);
  return 0;
}

static int clean(void **state) {
  char command[128];
  FRTI_UNUSED(state);
  snprintf(command, sizeof command, "rm -rf '%s'", dir);
  return system(command);
}

static void same(const frt_tensor_t *t, int64_t n, float first) {
  assert_int_equal(frt_tensor_numel(t), n);
  for (int64_t i = 0; i < n; ++i)
    assert_true(((const float *)frt_tensor_data(t))[i] == first + (float)i);
}

static void arrays_are_found_by_name(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  FRTI_UNUSED(state);
  assert_int_equal(frt_npz_load(npz, "first", &t, &err), FRT_OK);
  same(t, 5, 0);
  frt_tensor_release(t);
  assert_int_equal(frt_npz_load(npz, "second.npy", &t, &err), FRT_OK);
  same(t, 95, 10);
  frt_tensor_release(t);
  assert_int_equal(frt_npz_load(npz, "secnd", &t, &err), FRT_NOT_FOUND);
  assert_non_null(strstr(err.message, "has no array 'secnd'; nearest is 'second'"));
  assert_null(t);
  assert_int_equal(frt_npz_load("/nowhere/x.npz", "a", &t, &err), FRT_NOT_FOUND);
}

/* The digits that numpy saved: the first ten are 0 to 9, pixels go to 16. */
static void numpys_archives_are_read(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *images, *labels;
  int most = 0;
  FRTI_UNUSED(state);
  assert_int_equal(frt_npz_load(digits(), "images", &images, &err), FRT_OK);
  assert_int_equal(frt_npz_load(digits(), "labels", &labels, &err), FRT_OK);
  assert_int_equal(frt_tensor_dtype(images), FRT_U8);
  assert_int_equal(frt_tensor_dims(images)[0], 1797);
  assert_int_equal(frt_tensor_dims(images)[1], 64);
  for (int i = 0; i < 10; ++i)
    assert_int_equal(((const int64_t *)frt_tensor_data(labels))[i], i);
  for (int64_t i = 0; i < frt_tensor_numel(images); ++i)
    most = FRTI_MAX(most, ((const uint8_t *)frt_tensor_data(images))[i]);
  assert_int_equal(most, 16);
  frt_tensor_release(images);
  frt_tensor_release(labels);
}

static void compressed_archives_are_refused_by_name(void **state) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t;
  FRTI_UNUSED(state);
  write_archive(bad, ZIP_CM_DEFLATE);
  assert_int_equal(frt_npz_load(bad, "second", &t, &err), FRT_UNIMPLEMENTED);
  assert_non_null(strstr(err.message, "savez_compressed"));
}

/* Without a sync: thousands of files are written here. */
static void put(const char *path, const uint8_t *bytes, size_t n) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, n, f), n);
  assert_int_equal(0, fclose(f));
}

/* Every cut is refused; a flipped bit is refused, or it was none that matters. */
static void damage_is_noticed(void **state) {
  uint8_t *bytes;
  size_t n, refused = 0;
  FRTI_UNUSED(state);
  assert_int_equal(frti_file_read(npz, 0, &bytes, &n, NULL), FRT_OK);
  for (size_t cut = 0; cut < n; ++cut) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_tensor_t *t;
    put(bad, bytes, cut);
    assert_int_equal(frt_npz_load(bad, "first", &t, &err), FRT_DATA_LOSS);
    assert_null(t);
  }
  for (size_t bit = 0; bit < 8 * n; ++bit) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_tensor_t *t;
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    put(bad, bytes, n);
    if (frt_npz_load(bad, "first", &t, &err) == FRT_OK) same(t, 5, 0);
    else ++refused;
    frt_tensor_release(t);
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  assert_true(refused > 1000);
  frti_free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(arrays_are_found_by_name),
      cmocka_unit_test(numpys_archives_are_read),
      cmocka_unit_test(compressed_archives_are_refused_by_name),
      cmocka_unit_test(damage_is_noticed),
  };
  return cmocka_run_group_tests(tests, make, clean);
}
