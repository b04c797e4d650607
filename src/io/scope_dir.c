/* Scopes to and from folders of npy files. */
#include <string.h>

#include "io/io.h"

enum { MAX_FILE = 255 }; /* bytes of a file name on the usual file systems */
static const char suffix[] = ".npy";

frt_status_t frti_io_set_all(frt_scope_t *scope, const char *const *names,
                             frt_tensor_t *const *tensors, size_t n, frt_error_t *err) {
  frt_tensor_t **old = frti_calloc(n, sizeof *old);
  frt_status_t status = old ? FRT_OK : frti_no_memory(err);
  size_t done = 0;
  for (size_t i = 0; i < n && status == FRT_OK; ++i) {
    frt_error_t why = FRT_ERROR_INIT;
    status = frt_scope_get(scope, names[i], &old[i], &why);
    if (status == FRT_NOT_FOUND || status == FRT_FAILED_PRECONDITION) status = FRT_OK;
    if (status != FRT_OK && err) *err = why;
  }
  while (done < n && status == FRT_OK) {
    status = frt_scope_set(scope, names[done], tensors[done], err);
    done += status == FRT_OK;
  }
  for (size_t i = 0; i < done && status != FRT_OK; ++i) {
    if (old[i]) frt_scope_set(scope, names[i], old[i], NULL);
    else frt_scope_erase(scope, names[i], NULL);
  }
  for (size_t i = 0; old && i < n; ++i) frt_tensor_release(old[i]);
  frti_free(old);
  return status;
}

static frt_status_t load_itself(const char *path, frt_tensor_t **out, frt_error_t *err) {
  uint8_t *bytes;
  size_t n;
  FRT_TRY(frti_file_read_itself(path, &bytes, &n, err));
  frt_status_t status = frt_npy_parse(bytes, n, out, err);
  frti_free(bytes);
  return status == FRT_OK ? FRT_OK : frti_io_in_file(err, status, path);
}

static frt_status_t load_file(const char *dir, const char *file, char **name,
                              frt_tensor_t **out, frt_error_t *err) {
  size_t n = strlen(file) - (sizeof suffix - 1);
  char stem[1024];
  char *path;
  frt_status_t status;
  if (n >= sizeof stem)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "file name '%.96s' is too long", file);
  memcpy(stem, file, n);
  stem[n] = 0;
  *name = frti_alloc(n + 1);
  path = *name ? frti_io_join(dir, file) : NULL;
  status = path ? frt_file_to_name(stem, *name, n + 1, err) : frti_no_memory(err);
  if (status == FRT_OK) status = load_itself(path, out, err);
  frti_free(path);
  return status;
}

frt_status_t frt_scope_load_dir(frt_scope_t *s, const char *dir, frt_error_t *err) {
  const char **files;
  char **names;
  frt_tensor_t **tensors;
  size_t n;
  frt_status_t status;
  FRT_TRY(frti_list_dir(dir, suffix, &files, &n, err));
  names = frti_calloc(n, sizeof *names);
  tensors = frti_calloc(n, sizeof *tensors);
  status = names && tensors ? FRT_OK : frti_no_memory(err);
  for (size_t i = 0; i < n && status == FRT_OK; ++i)
    status = load_file(dir, files[i], &names[i], &tensors[i], err);
  if (status == FRT_OK)
    status = frti_io_set_all(s, (const char *const *)names, tensors, n, err);
  for (size_t i = 0; i < n; ++i) {
    if (names) frti_free(names[i]);
    if (tensors) frt_tensor_release(tensors[i]);
  }
  frti_free(names);
  frti_free(tensors);
  frti_free(files);
  return status;
}

static frt_status_t save_one(frt_scope_t *s, const char *dir, const char *name,
                             frt_error_t *err) {
  char file[MAX_FILE + 1];
  frt_tensor_t *t = NULL;
  char *path;
  frt_status_t status;
  FRT_TRY(frt_name_to_file(name, file, MAX_FILE + 1 - (sizeof suffix - 1), err));
  memcpy(file + strlen(file), suffix, sizeof suffix);
  path = frti_io_join(dir, file);
  status = path ? frt_scope_get(s, name, &t, err) : frti_no_memory(err);
  if (status == FRT_OK) status = frt_npy_save(path, t, err);
  frt_tensor_release(t);
  frti_free(path);
  return status;
}

frt_status_t frt_scope_save_dir(frt_scope_t *s, const char *dir, frt_error_t *err) {
  const char **names;
  char file[MAX_FILE + 1];
  size_t n;
  frt_status_t status;
  FRT_TRY(frt_scope_names(s, &names, &n, err));
  status = FRT_OK;
  /* A name that fits in no file name is found before anything is written. The side
   * file's ".tmpXXXXXX" needs 10 bytes more. */
  for (size_t i = 0; i < n && status == FRT_OK; ++i)
    status = frt_name_to_file(names[i], file, MAX_FILE + 1 - 10 - (sizeof suffix - 1), err);
  if (status == FRT_OK) status = frti_make_dir(dir, err);
  for (size_t i = 0; i < n && status == FRT_OK; ++i) status = save_one(s, dir, names[i], err);
  frt_free(names);
  return status;
}
