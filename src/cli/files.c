/* A folder or a zip file, read alike. A zip may hold its files at the top or in one
 * folder of its own. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#include "cli.h"

/* Against zip bombs and files that are none of ours. */
enum { MAX_FILE = 1 << 30 };

struct frti_cli_files {
  char *path;
  zip_t *zip;   /* NULL: a folder */
  char *prefix; /* "case/" inside the zip, or "" */
};

/* The folder that all of a zip's files are in, if case.json is not at the top. */
static char *find_prefix(zip_t *zip) {
  const zip_int64_t n = zip_get_num_entries(zip, 0);
  if (zip_name_locate(zip, "case.json", 0) >= 0) return frti_cli_strdup("");
  for (zip_int64_t i = 0; i < n; ++i) {
    const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);
    const char *slash = name ? strchr(name, '/') : NULL;
    if (slash && !strcmp(slash + 1, "case.json"))
      return frti_cli_text("%.*s/", (int)(slash - name), name);
  }
  return frti_cli_strdup("");
}

frt_status_t frti_cli_files_open(
    const char *path, frti_cli_files_t **out, frt_error_t *err) {
  struct stat st;
  zip_t *zip = NULL;
  int why = 0;
  if (stat(path, &st))
    return frt_fail(err, FRT_NOT_FOUND, "%s: %s", path, strerror(errno));
  if (!S_ISDIR(st.st_mode)) {
    zip = zip_open(path, ZIP_RDONLY, &why);
    if (!zip) {
      zip_error_t e;
      zip_error_init_with_code(&e, why);
      frt_fail(err, FRT_DATA_LOSS, "%s: no folder and no readable zip file: %s", path,
          zip_error_strerror(&e));
      zip_error_fini(&e);
      return FRT_DATA_LOSS;
    }
  }
  *out = frti_cli_alloc(sizeof **out);
  (*out)->path = frti_cli_strdup(path);
  (*out)->zip = zip;
  (*out)->prefix = zip ? find_prefix(zip) : frti_cli_strdup("");
  return FRT_OK;
}

void frti_cli_files_close(frti_cli_files_t *f) {
  if (!f) return;
  if (f->zip) zip_discard(f->zip);
  free(f->path);
  free(f->prefix);
  free(f);
}

static frt_status_t read_zip(
    frti_cli_files_t *f, const char *name, void **bytes, size_t *n, frt_error_t *err) {
  char *full = frti_cli_text("%s%s", f->prefix, name);
  zip_stat_t st;
  zip_file_t *file = NULL;
  frt_status_t status = FRT_OK;
  char *data = NULL;
  zip_stat_init(&st);
  if (zip_stat(f->zip, full, 0, &st)) {
    status = frt_fail(err, FRT_NOT_FOUND, "%s: has no file '%s'", f->path, full);
    goto done;
  }
  if (!(st.valid & ZIP_STAT_SIZE) || st.size > MAX_FILE) {
    status = frt_fail(err, FRT_RESOURCE_EXHAUSTED, "%s: '%s' is larger than %d bytes",
        f->path, full, MAX_FILE);
    goto done;
  }
  file = zip_fopen(f->zip, full, 0);
  data = frti_cli_alloc((size_t)st.size + 1);
  /* The last read, of one byte more, is where libzip checks the CRC. */
  if (!file || zip_fread(file, data, st.size) != (zip_int64_t)st.size ||
      zip_fread(file, data + st.size, 1) != 0) {
    status = frt_fail(err, FRT_DATA_LOSS, "%s: '%s' cannot be read: %s", f->path, full,
        file ? zip_file_strerror(file) : zip_strerror(f->zip));
    goto done;
  }
  data[st.size] = 0;
  *n = (size_t)st.size;
  *bytes = data;
  data = NULL;
done:
  if (file) zip_fclose(file);
  free(data);
  free(full);
  return status;
}

static frt_status_t read_folder(
    frti_cli_files_t *f, const char *name, void **bytes, size_t *n, frt_error_t *err) {
  char *path = frti_cli_text("%s/%s", f->path, name), *data = NULL;
  FILE *file = fopen(path, "rb");
  frt_status_t status = FRT_OK;
  struct stat st;
  if (!file || fstat(fileno(file), &st)) {
    status = frt_fail(err, errno == ENOENT ? FRT_NOT_FOUND : FRT_UNAVAILABLE, "%s: %s",
        path, strerror(errno));
    goto done;
  }
  if (!S_ISREG(st.st_mode) || st.st_size > MAX_FILE) {
    status = frt_fail(
        err, FRT_DATA_LOSS, "%s: no regular file of at most %d bytes", path, MAX_FILE);
    goto done;
  }
  data = frti_cli_alloc((size_t)st.st_size + 1);
  *n = fread(data, 1, (size_t)st.st_size, file);
  if (*n != (size_t)st.st_size) {
    status = frt_fail(err, FRT_DATA_LOSS, "%s: ends after %zu of %lld bytes", path, *n,
        (long long)st.st_size);
    goto done;
  }
  *bytes = data;
  data = NULL;
done:
  if (file) fclose(file);
  free(data);
  free(path);
  return status;
}

frt_status_t frti_cli_files_read(
    frti_cli_files_t *f, const char *name, void **bytes, size_t *n, frt_error_t *err) {
  return f->zip ? read_zip(f, name, bytes, n, err) : read_folder(f, name, bytes, n, err);
}

frt_status_t frti_cli_files_npy(
    frti_cli_files_t *f, const char *name, frt_tensor_t **out, frt_error_t *err) {
  void *bytes = NULL;
  size_t n = 0;
  frt_status_t status;
  FRT_TRY(frti_cli_files_read(f, name, &bytes, &n, err));
  status = frt_npy_parse(bytes, n, out, err);
  if (status && err && !strstr(err->message, name)) {
    char *text = frti_cli_strdup(err->message);
    const uint32_t phase = err->phase;
    frt_fail(err, status, "%s/%s: %s", f->path, name, text);
    err->phase = phase;
    free(text);
  }
  free(bytes);
  return status;
}

static void list_zip(frti_cli_files_t *f, const char *dir, frti_cli_list_t *out) {
  char *start = frti_cli_text("%s%s%s", f->prefix, dir, dir[0] ? "/" : "");
  const size_t n = strlen(start);
  const zip_int64_t entries = zip_get_num_entries(f->zip, 0);
  for (zip_int64_t i = 0; i < entries; ++i) {
    const char *name = zip_get_name(f->zip, (zip_uint64_t)i, 0);
    if (name && !strncmp(name, start, n) && name[n] && !strchr(name + n, '/'))
      frti_cli_list_add(out, name + n);
  }
  free(start);
}

static void list_folder(frti_cli_files_t *f, const char *dir, frti_cli_list_t *out) {
  char *path = frti_cli_text("%s/%s", f->path, dir);
  DIR *d = opendir(path);
  const struct dirent *e;
  while (d && (e = readdir(d)) != NULL) {
    char *file = frti_cli_text("%s/%s", path, e->d_name);
    struct stat st;
    if (!stat(file, &st) && S_ISREG(st.st_mode)) frti_cli_list_add(out, e->d_name);
    free(file);
  }
  if (d) closedir(d);
  free(path);
}

void frti_cli_files_list(frti_cli_files_t *f, const char *dir, frti_cli_list_t *out) {
  if (f->zip)
    list_zip(f, dir, out);
  else
    list_folder(f, dir, out);
  frti_cli_list_sort(out);
}
