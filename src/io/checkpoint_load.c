/* Loading checkpoints: every byte is compared with the manifest before the first variable
 * of the scope changes. */
#include <stdlib.h>
#include <string.h>

#include "io/checkpoint.h"

enum { MAX_MANIFEST = 64 << 20, TRIES = 100 };

typedef struct loaded {
  frt_checkpoint_info_t info;
  char **names;
  frt_tensor_t **tensors;
  size_t n, cap, tensors_cap;
} loaded_t;

static void loaded_release(loaded_t *l) {
  for (size_t i = 0; i < l->n; ++i) {
    frti_free(l->names[i]);
    frt_tensor_release(l->tensors[i]);
  }
  frti_free(l->names);
  frti_free(l->tensors);
  memset(l, 0, sizeof *l);
}

/* ---- one checkpoint -------------------------------------------------------------------------- */

static frt_status_t bad_manifest(const frti_folder_t *f, const char *what, frt_error_t *err) {
  return frt_fail(err, FRT_DATA_LOSS, "'%.200s/%s': %s", f->path, FRTI_MANIFEST, what);
}

/* The bytes of a record as the manifest says them: size and hash. */
static frt_status_t read_guarded(const frti_folder_t *f, const char *file, const char *size,
                                 const char *want, uint8_t **bytes, size_t *n,
                                 frt_error_t *err) {
  char hash[FRTI_HASH_TEXT];
  FRT_TRY(frti_folder_read(f, file, 0, bytes, n, err));
  frti_hash_text(*bytes, *n, hash);
  frt_status_t status = FRT_OK;
  if (*n != strtoull(size, NULL, 10))
    status = frt_fail(err, FRT_DATA_LOSS, "'%.140s/%.60s' has %zu bytes; the manifest says %s",
                      f->path, file, *n, size);
  else if (strcmp(hash, want))
    status = frt_fail(err, FRT_DATA_LOSS, "'%.140s/%.60s' has changed since it was saved",
                      f->path, file);
  if (status != FRT_OK) frti_free(*bytes);
  return status;
}

static frt_status_t read_variable(const frti_folder_t *f, char *line, loaded_t *l,
                                  frt_error_t *err) {
  char name[1024];
  char *want = line + 4, *size = strchr(want, ' '), *file = size ? strchr(size + 1, ' ') : NULL;
  uint8_t *bytes;
  size_t n, used;
  if (!file || size - want != FRTI_HASH_TEXT - 1)
    return bad_manifest(f, "a line that is no variable", err);
  *size++ = *file++ = 0;
  if (strchr(file, '/') || !strcmp(file, "..") || !strcmp(file, "."))
    return bad_manifest(f, "a file outside the folder", err);
  FRT_TRY(frt_file_to_name(file, name, sizeof name, err));
  if (!FRTI_GROW(l->names, l->n, l->cap) || !FRTI_GROW(l->tensors, l->n, l->tensors_cap))
    return frti_no_memory(err);
  FRT_TRY(read_guarded(f, file, size, want, &bytes, &n, err));
  const frt_status_t status =
      frt_paddle_tensor_parse(bytes, n, &l->tensors[l->n], &used, err);
  frti_free(bytes);
  FRT_TRY(status);
  l->names[l->n] = frti_strdup(name);
  return l->names[l->n++] ? FRT_OK : frti_no_memory(err);
}

static frt_status_t read_lines(const frti_folder_t *f, char *text, loaded_t *l,
                               frt_error_t *err) {
  char *save_at = NULL;
  for (char *line = strtok_r(text, "\n", &save_at); line; line = strtok_r(NULL, "\n", &save_at)) {
    if (!strncmp(line, "step ", 5)) l->info.step = strtoull(line + 5, NULL, 10);
    else if (!strncmp(line, "run ", 4)) l->info.run = strtoull(line + 4, NULL, 10);
    else if (!strncmp(line, "seed ", 5)) l->info.seed = strtoull(line + 5, NULL, 10);
    else if (!strncmp(line, "var ", 4)) FRT_TRY(read_variable(f, line, l, err));
    else return bad_manifest(f, "a line of unknown kind", err);
  }
  return FRT_OK;
}

static frt_status_t read_manifest(const frti_folder_t *f, char *text, size_t n, loaded_t *l,
                                  frt_error_t *err) {
  static const char head[] = FRTI_MANIFEST_HEAD;
  char hash[FRTI_HASH_TEXT];
  const size_t tail = 4 + FRTI_HASH_TEXT; /* "end " hash "\n" */
  if (n < sizeof head - 1 + tail || memcmp(text, head, sizeof head - 1))
    return bad_manifest(f, "not a checkpoint of this format", err);
  char *end = text + n - tail;
  if (memcmp(end, "end ", 4) || end[tail - 1] != '\n')
    return bad_manifest(f, "it is cut", err);
  frti_hash_text(text, (size_t)(end - text), hash);
  if (memcmp(end + 4, hash, FRTI_HASH_TEXT - 1))
    return bad_manifest(f, "it has changed since it was saved", err);
  *end = 0;
  return read_lines(f, text + sizeof head - 1, l, err);
}

static frt_status_t read_folder(const frti_folder_t *f, loaded_t *l, frt_error_t *err) {
  uint8_t *bytes;
  size_t n;
  frt_status_t status = frti_folder_read(f, FRTI_MANIFEST, MAX_MANIFEST, &bytes, &n, err);
  if (status == FRT_OK) {
    status = read_manifest(f, (char *)bytes, n, l, err);
    frti_free(bytes);
  }
  if (status != FRT_OK) loaded_release(l);
  /* A missing file is a damaged checkpoint, not a missing one. */
  if (status == FRT_NOT_FOUND && err) err->status = FRT_DATA_LOSS;
  return status == FRT_NOT_FOUND ? FRT_DATA_LOSS : status;
}

/* ---- which one ------------------------------------------------------------------------------- */

/* step-N, else step-N.old, which a process leaves that died while it replaced step-N.
 * NOT_FOUND: neither is there. `first` keeps the first failure. */
static frt_status_t read_step(const frti_folder_t *dir, uint64_t step, loaded_t *l,
                              frt_error_t *first) {
  frt_status_t status = FRT_NOT_FOUND;
  for (int old = 0; old < 2 && status != FRT_OK; ++old) {
    char name[64];
    frti_folder_t f = FRTI_NO_FOLDER;
    frt_error_t why = FRT_ERROR_INIT;
    snprintf(name, sizeof name, "step-%llu%s", (unsigned long long)step, old ? ".old" : "");
    if (frti_folder_has(dir, name) != FRTI_FOLDER) continue;
    status = frti_folder_enter(dir, name, &f, &why);
    if (status == FRT_OK) status = read_folder(&f, l, &why);
    frti_folder_close(&f);
    if (status != FRT_OK && !first->status) *first = why;
  }
  return status;
}

/* One look at what is there; `stamp` tells whether the next one would see the same. */
static frt_status_t look(const frti_folder_t *dir, loaded_t *l, uint64_t *stamp,
                         frt_error_t *first, frt_error_t *err) {
  frt_status_t status = FRT_NOT_FOUND;
  uint64_t *steps;
  char name[64];
  size_t n;
  FRT_TRY(frti_list_steps(dir, &steps, &n, err));
  snprintf(name, sizeof name, "step-%llu", n ? (unsigned long long)steps[0] : 0);
  for (size_t i = 0; i < n && status != FRT_OK; ++i)
    status = read_step(dir, steps[i], l, first);
  *stamp = frti_folder_stamp(dir, n ? name : "LATEST");
  frti_free(steps);
  return status;
}

/* The newest whole one. Somebody may be saving meanwhile, and drop what was just listed:
 * then there is something newer to be found. */
static frt_status_t read_newest(const frti_folder_t *dir, loaded_t *l, frt_error_t *err) {
  frt_error_t first, why = FRT_ERROR_INIT;
  frt_status_t status;
  uint64_t stamp = 0, before;
  int tries = 0;
  do {
    before = stamp;
    first = (frt_error_t)FRT_ERROR_INIT;
    status = look(dir, l, &stamp, &first, &why);
  } while (status != FRT_OK && !why.status && stamp != before && ++tries < TRIES);
  if (status == FRT_OK) return FRT_OK;
  if (!first.status) first = why;
  if (!first.status)
    return frt_fail(err, FRT_NOT_FOUND, "'%.200s' holds no checkpoint (step-N)", dir->path);
  if (err) *err = first;
  return (frt_status_t)first.status;
}

static frt_status_t load(const char *dir, frt_scope_t *scope, frt_checkpoint_info_t *info,
                         frt_error_t *err) {
  loaded_t l = {0};
  frti_folder_t f = FRTI_NO_FOLDER;
  if (!frti_is_dir(dir)) return frt_fail(err, FRT_NOT_FOUND, "no folder '%.200s'", dir);
  frt_status_t status = frti_folder_open(dir, &f, err);
  if (status == FRT_OK)
    status = frti_folder_has(&f, FRTI_MANIFEST) != FRTI_NOTHING ? read_folder(&f, &l, err)
                                                               : read_newest(&f, &l, err);
  if (status == FRT_OK)
    status = frti_scope_set_all(scope, (const char *const *)l.names, l.tensors, l.n, err);
  if (status == FRT_OK && info) {
    l.info.struct_size = info->struct_size;
    memcpy(info, &l.info, FRTI_MIN(info->struct_size, sizeof l.info));
  }
  frti_folder_close(&f);
  loaded_release(&l);
  return status;
}

frt_status_t frt_checkpoint_load(const char *dir, frt_scope_t *scope,
                                 frt_checkpoint_info_t *info, frt_error_t *err) {
  if (!dir || !dir[0] || !scope)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "a checkpoint needs a folder and a scope");
  const frt_status_t status = strlen(dir) < FRTI_MAX_DIR
                                  ? load(dir, scope, info, err)
                                  : frti_long_path(dir, err);
  return status == FRT_OK ? FRT_OK : frti_error_phase(err, status, FRT_PHASE_CHECKPOINT);
}
