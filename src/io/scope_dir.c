/* Scopes to and from folders of npy files. */
#include <string.h>

#include "io/io.h"

static const char suffix[] = ".npy";

static frt_status_t load_itself(const frti_folder_t *f, const char *file,
                                frt_tensor_t **out, frt_error_t *err) {
  uint8_t *bytes;
  size_t n;
  FRT_TRY(frti_folder_read(f, file, 0, &bytes, &n, err));
  frt_status_t status = frt_npy_parse(bytes, n, out, err);
  frti_free(bytes);
  if (status == FRT_OK) return FRT_OK;
  char *path = frti_io_join(f->path, file);
  if (path) frti_io_in_file(err, status, path);
  frti_free(path);
  return status;
}

static frt_status_t load_file(const frti_folder_t *f, const char *file, char **name,
                              frt_tensor_t **out, frt_error_t *err) {
  size_t n = strlen(file) - (sizeof suffix - 1);
  char stem[FRTI_IO_NAME];
  if (n >= sizeof stem)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "file name '%.96s' is too long", file);
  memcpy(stem, file, n);
  stem[n] = 0;
  if (!(*name = frti_alloc(n + 1))) return frti_no_memory(err);
  FRT_TRY(frt_file_to_name(stem, *name, n + 1, err));
  return load_itself(f, file, out, err);
}

static frt_status_t load_all(const frti_folder_t *f, frt_scope_t *s, frt_error_t *err) {
  const char **files;
  size_t n;
  FRT_TRY(frti_folder_list(f, suffix, &files, &n, err));
  char **names = frti_calloc(n, sizeof *names);
  frt_tensor_t **tensors = frti_calloc(n, sizeof *tensors);
  frt_status_t status = names && tensors ? FRT_OK : frti_no_memory(err);
  for (size_t i = 0; i < n && status == FRT_OK; ++i)
    status = load_file(f, files[i], &names[i], &tensors[i], err);
  if (status == FRT_OK)
    status = frti_scope_set_all(s, (const char *const *)names, tensors, n, err);
  for (size_t i = 0; i < n; ++i) {
    if (names) frti_free(names[i]);
    if (tensors) frt_tensor_release(tensors[i]);
  }
  frti_free(names);
  frti_free(tensors);
  frti_free(files);
  return status;
}

frt_status_t frt_scope_load_dir(frt_scope_t *s, const char *dir, frt_error_t *err) {
  frti_folder_t f;
  frt_status_t status = frti_folder_open(dir, &f, err);
  if (status == FRT_OK) status = load_all(&f, s, err);
  frti_folder_close(&f);
  return status;
}

/* ---- saving ----------------------------------------------------------------------- */

static frt_status_t save_all(const char *dir, const char *const *names,
                             frt_tensor_t *const *tensors, size_t n, frt_error_t *err) {
  frti_folder_t f;
  FRT_TRY(frti_make_dir(dir, err));
  frt_status_t status = frti_folder_open(dir, &f, err);
  for (size_t i = 0; i < n && status == FRT_OK; ++i)
    if (tensors[i])
      status = frti_io_save(&f, names[i], suffix, frti_npy_serialize, tensors[i], err);
  if (status == FRT_OK) status = frti_folder_sync(&f, err);
  frti_folder_close(&f);
  return status;
}

frt_status_t frt_scope_save_dir(frt_scope_t *s, const char *dir, frt_error_t *err) {
  const char **names;
  char file[FRTI_IO_NAME];
  size_t n;
  FRT_TRY(frt_scope_names(s, &names, &n, err));
  frt_tensor_t **tensors = frti_calloc(n, sizeof *tensors);
  frt_status_t status = tensors ? FRT_OK : frti_no_memory(err);
  /* A name that fits in no file name is found before anything is written. */
  for (size_t i = 0; i < n && status == FRT_OK; ++i)
    status = frti_io_file_name(names[i], suffix, file, err);
  if (status == FRT_OK) status = frti_scope_get_all(s, names, n, tensors, err);
  if (status == FRT_OK) status = save_all(dir, names, tensors, n, err);
  for (size_t i = 0; tensors && i < n; ++i) frt_tensor_release(tensors[i]);
  frti_free(tensors);
  frt_free(names);
  return status;
}
