/* Checkpoints: a folder per step, a manifest that guards every byte, renames that make a
 * save whole or absent. */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "fluidrt/checkpoint.h"
#include "io/io.h"

/* No variable can have this name: '%' in a name is written "%25". */
#define MANIFEST "%manifest"
#define HEAD "fluidrt checkpoint 1\n"
enum { PATH_CAP = 4096, HASH_TEXT = 33, KEPT = 2 };

static void hash_text(const void *bytes, size_t n, char to[HASH_TEXT]) {
  const XXH128_hash_t h = XXH3_128bits(bytes, n);
  snprintf(to, HASH_TEXT, "%016llx%016llx", (unsigned long long)h.high64,
           (unsigned long long)h.low64);
}

static frt_status_t in_checkpoint(frt_error_t *err, frt_status_t status) {
  return status == FRT_OK ? FRT_OK : frti_error_phase(err, status, FRT_PHASE_CHECKPOINT);
}

static frt_status_t path_in(char *to, const char *dir, const char *file, frt_error_t *err) {
  const int n = snprintf(to, PATH_CAP, "%s/%s", dir, file);
  if (n > 0 && n < PATH_CAP) return FRT_OK;
  return frt_fail(err, FRT_INVALID_ARGUMENT, "the path of '%.60s' is too long", file);
}

/* ---- saving --------------------------------------------------------------------------------- */

frt_status_t frti_io_save_record(const char *dir, const char *name, const frt_tensor_t *t,
                                 frti_str_t *manifest, frt_error_t *err) {
  char file[1024], path[PATH_CAP], hash[HASH_TEXT];
  void *bytes;
  size_t n;
  FRT_TRY(frt_name_to_file(name, file, sizeof file, err));
  FRT_TRY(path_in(path, dir, file, err));
  FRT_TRY(frt_paddle_tensor_serialize(t, &bytes, &n, err));
  frt_status_t status = frti_file_write(path, bytes, n, err);
  if (manifest) {
    hash_text(bytes, n, hash);
    frti_str_addf(manifest, "var %s %zu %s\n", hash, n, file);
  }
  frt_free(bytes);
  return status;
}

static frt_status_t write_variables(const char *dir, frt_scope_t *scope,
                                    frti_str_t *manifest, frt_error_t *err) {
  const char **names;
  size_t n;
  FRT_TRY(frt_scope_names(scope, &names, &n, err));
  frt_status_t status = FRT_OK;
  for (size_t i = 0; i < n && status == FRT_OK; ++i) {
    frt_tensor_t *t;
    status = frt_scope_get(scope, names[i], &t, err);
    if (status != FRT_OK) break;
    status = frti_io_save_record(dir, names[i], t, manifest, err);
    frt_tensor_release(t);
  }
  frt_free(names);
  return status;
}

static frt_status_t write_manifest(const char *dir, frti_str_t *m, frt_error_t *err) {
  char path[PATH_CAP], hash[HASH_TEXT];
  if (m->failed) return frti_no_memory(err);
  hash_text(m->text, m->len, hash);
  frti_str_addf(m, "end %s\n", hash);
  if (m->failed) return frti_no_memory(err);
  FRT_TRY(path_in(path, dir, MANIFEST, err));
  return frti_file_write(path, m->text, m->len, err);
}

static frt_status_t write_temp(const char *temp, frt_scope_t *scope,
                               const frt_checkpoint_info_t *info, frt_error_t *err) {
  frti_str_t m = {0};
  FRT_TRY(frti_remove_tree(temp, err)); /* left behind by a process that died */
  FRT_TRY(frti_make_dir(temp, err));
  frti_str_add(&m, HEAD);
  frti_str_addf(&m, "step %llu\nrun %llu\nseed %llu\n", (unsigned long long)info->step,
                (unsigned long long)info->run, (unsigned long long)info->seed);
  frt_status_t status = write_variables(temp, scope, &m, err);
  if (status == FRT_OK) status = write_manifest(temp, &m, err);
  frti_str_release(&m);
  if (status != FRT_OK) frti_remove_tree(temp, NULL);
  return status;
}

/* Puts `temp` in the place of `final`, which may exist from an earlier run. */
static frt_status_t swap_in(const char *temp, const char *final, frt_error_t *err) {
  char old[PATH_CAP];
  if (!frti_is_dir(final)) return frti_rename(temp, final, err);
  if (snprintf(old, sizeof old, "%s.old", final) >= (int)sizeof old)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "the path of a checkpoint is too long");
  FRT_TRY(frti_remove_tree(old, err));
  FRT_TRY(frti_rename(final, old, err));
  FRT_TRY(frti_rename(temp, final, err));
  return frti_remove_tree(old, err);
}

/* "step-12" and "step-12.old" -> 12; false for every other name. */
static bool step_of(const char *name, uint64_t *step) {
  char *end;
  if (strncmp(name, "step-", 5) || name[5] < '0' || name[5] > '9') return false;
  *step = strtoull(name + 5, &end, 10);
  return !*end || !strcmp(end, ".old");
}

static int newest_first(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x < y) - (x > y);
}

/* The steps that have a folder, newest first, each once: a frti_free'd array. */
static frt_status_t list_steps(const char *dir, uint64_t **steps, size_t *n,
                               frt_error_t *err) {
  const char **names;
  size_t count, all_n = 0;
  *steps = NULL;
  *n = 0;
  FRT_TRY(frti_list_folders(dir, &names, &count, err));
  uint64_t *all = frti_calloc(count + 1, sizeof *all);
  for (size_t i = 0; all && i < count; ++i) all_n += step_of(names[i], &all[all_n]);
  frti_free(names);
  if (!all) return frti_no_memory(err);
  qsort(all, all_n, sizeof *all, newest_first);
  for (size_t i = 0; i < all_n; ++i)
    if (!*n || all[*n - 1] != all[i]) all[(*n)++] = all[i];
  *steps = all;
  return FRT_OK;
}

static frt_status_t remove_in(const char *dir, const char *name, frt_error_t *err) {
  char path[PATH_CAP];
  FRT_TRY(path_in(path, dir, name, err));
  return frti_remove_tree(path, err);
}

/* The newest two up to `step` stay; later ones are of a history that was left, and what
 * ends in .tmp was left by a process that died. */
static bool goes(const char *name, uint64_t step, const uint64_t *steps, size_t n) {
  const size_t len = strlen(name);
  uint64_t mine;
  size_t kept = 0;
  if (!strncmp(name, "step-", 5) && len > 4 && !strcmp(name + len - 4, ".tmp")) return true;
  if (!step_of(name, &mine)) return false;
  if (mine == step && strchr(name, '.')) return true;
  for (size_t i = 0; i < n; ++i) {
    if (steps[i] > step) continue;
    if (kept++ == KEPT) break;
    if (steps[i] == mine) return false;
  }
  return true;
}

static frt_status_t drop_old(const char *dir, uint64_t step, frt_error_t *err) {
  uint64_t *steps;
  const char **names = NULL;
  size_t n, count = 0;
  FRT_TRY(list_steps(dir, &steps, &n, err));
  frt_status_t status = frti_list_folders(dir, &names, &count, err);
  for (size_t i = 0; status == FRT_OK && i < count; ++i)
    if (goes(names[i], step, steps, n)) status = remove_in(dir, names[i], err);
  frti_free(names);
  frti_free(steps);
  return status;
}

static frt_status_t save(const char *dir, frt_scope_t *scope,
                         const frt_checkpoint_info_t *info, frt_error_t *err) {
  char name[64], temp_name[80], final[PATH_CAP], temp[PATH_CAP], latest[PATH_CAP];
  snprintf(name, sizeof name, "step-%llu", (unsigned long long)info->step);
  snprintf(temp_name, sizeof temp_name, "%s.tmp", name);
  FRT_TRY(path_in(final, dir, name, err));
  FRT_TRY(path_in(temp, dir, temp_name, err));
  FRT_TRY(path_in(latest, dir, "LATEST", err));
  FRT_TRY(frti_make_dir(dir, err));
  FRT_TRY(write_temp(temp, scope, info, err));
  FRT_TRY(swap_in(temp, final, err));
  strcat(name, "\n");
  FRT_TRY(frti_file_write(latest, name, strlen(name), err));
  return drop_old(dir, info->step, err);
}

frt_status_t frt_checkpoint_save(const char *dir, frt_scope_t *scope,
                                 const frt_checkpoint_info_t *info, frt_error_t *err) {
  if (!dir || !dir[0] || !scope || !info || info->struct_size < sizeof *info)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "a checkpoint needs a folder, a scope and info");
  return in_checkpoint(err, save(dir, scope, info, err));
}

/* ---- reading a manifest -------------------------------------------------------------------------- */

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

static frt_status_t bad_manifest(const char *dir, const char *what, frt_error_t *err) {
  return frt_fail(err, FRT_DATA_LOSS, "'%.200s/%s': %s", dir, MANIFEST, what);
}

static frt_status_t read_variable(const char *dir, char *line, loaded_t *l, frt_error_t *err) {
  char path[PATH_CAP], hash[HASH_TEXT], name[1024];
  char *want = line + 4, *size = strchr(want, ' '), *file = size ? strchr(size + 1, ' ') : NULL;
  uint8_t *bytes;
  size_t n, used;
  if (!file || size - want != HASH_TEXT - 1)
    return bad_manifest(dir, "a line that is no variable", err);
  *size++ = *file++ = 0;
  if (strchr(file, '/') || !strcmp(file, "..") || !strcmp(file, "."))
    return bad_manifest(dir, "a file outside the folder", err);
  FRT_TRY(frt_file_to_name(file, name, sizeof name, err));
  FRT_TRY(path_in(path, dir, file, err));
  FRT_TRY(frti_file_read(path, 0, &bytes, &n, err));
  hash_text(bytes, n, hash);
  frt_status_t status = FRT_OK;
  if (n != strtoull(size, NULL, 10))
    status = frt_fail(err, FRT_DATA_LOSS, "'%.200s' has %zu bytes; the manifest says %s", path,
                      n, size);
  else if (strcmp(hash, want))
    status = frt_fail(err, FRT_DATA_LOSS, "'%.200s' has changed since it was saved", path);
  if (status == FRT_OK && (!FRTI_GROW(l->names, l->n, l->cap) ||
                           !FRTI_GROW(l->tensors, l->n, l->tensors_cap)))
    status = frti_no_memory(err);
  if (status == FRT_OK)
    status = frt_paddle_tensor_parse(bytes, n, &l->tensors[l->n], &used, err);
  frti_free(bytes);
  FRT_TRY(status);
  l->names[l->n] = frti_strdup(name);
  return l->names[l->n++] ? FRT_OK : frti_no_memory(err);
}

static frt_status_t read_lines(const char *dir, char *text, loaded_t *l, frt_error_t *err) {
  char *save_at = NULL;
  for (char *line = strtok_r(text, "\n", &save_at); line; line = strtok_r(NULL, "\n", &save_at)) {
    if (!strncmp(line, "step ", 5)) l->info.step = strtoull(line + 5, NULL, 10);
    else if (!strncmp(line, "run ", 4)) l->info.run = strtoull(line + 4, NULL, 10);
    else if (!strncmp(line, "seed ", 5)) l->info.seed = strtoull(line + 5, NULL, 10);
    else if (!strncmp(line, "var ", 4)) FRT_TRY(read_variable(dir, line, l, err));
    else return bad_manifest(dir, "a line of unknown kind", err);
  }
  return FRT_OK;
}

static frt_status_t read_manifest(const char *dir, char *text, size_t n, loaded_t *l,
                                  frt_error_t *err) {
  char hash[HASH_TEXT];
  const size_t tail = 4 + HASH_TEXT; /* "end " hash "\n" */
  if (n < sizeof HEAD - 1 + tail || memcmp(text, HEAD, sizeof HEAD - 1))
    return bad_manifest(dir, "not a checkpoint of this format", err);
  char *end = text + n - tail;
  if (memcmp(end, "end ", 4) || end[tail - 1] != '\n')
    return bad_manifest(dir, "it is cut", err);
  hash_text(text, (size_t)(end - text), hash);
  if (memcmp(end + 4, hash, HASH_TEXT - 1))
    return bad_manifest(dir, "it has changed since it was saved", err);
  *end = 0;
  return read_lines(dir, text + sizeof HEAD - 1, l, err);
}

static frt_status_t read_folder(const char *dir, loaded_t *l, frt_error_t *err) {
  char path[PATH_CAP];
  uint8_t *bytes;
  size_t n;
  FRT_TRY(path_in(path, dir, MANIFEST, err));
  FRT_TRY(frti_file_read(path, 64u << 20, &bytes, &n, err));
  frt_status_t status = read_manifest(dir, (char *)bytes, n, l, err);
  frti_free(bytes);
  if (status != FRT_OK) loaded_release(l);
  /* A variable's missing file is a damaged checkpoint, not a missing one. */
  if (status == FRT_NOT_FOUND && err) err->status = FRT_DATA_LOSS;
  return status == FRT_NOT_FOUND ? FRT_DATA_LOSS : status;
}

/* ---- which one ------------------------------------------------------------------------------------- */

/* The newest whole checkpoint; one that LATEST names goes first. A process that died while
 * replacing step-N leaves step-N.old. */
static frt_status_t read_newest(const char *dir, loaded_t *l, frt_error_t *err) {
  uint64_t *steps;
  size_t n;
  char name[64], path[PATH_CAP];
  frt_error_t first = FRT_ERROR_INIT;
  frt_status_t status = FRT_NOT_FOUND;
  FRT_TRY(list_steps(dir, &steps, &n, err));
  for (size_t i = 0; i < n && status != FRT_OK; ++i)
    for (size_t form = 0; form < 2 && status != FRT_OK; ++form) {
      snprintf(name, sizeof name, "step-%llu%s", (unsigned long long)steps[i],
               form ? ".old" : "");
      if (path_in(path, dir, name, err) != FRT_OK || !frti_is_dir(path)) continue;
      status = read_folder(path, l, first.status ? NULL : &first);
    }
  frti_free(steps);
  if (status == FRT_OK) return FRT_OK;
  if (first.status) {
    if (err) *err = first;
    return (frt_status_t)first.status;
  }
  return frt_fail(err, FRT_NOT_FOUND, "'%.200s' holds no checkpoint (step-N)", dir);
}

static frt_status_t load(const char *dir, frt_scope_t *scope, frt_checkpoint_info_t *info,
                         frt_error_t *err) {
  loaded_t l = {0};
  char path[PATH_CAP];
  FRT_TRY(path_in(path, dir, MANIFEST, err));
  if (!frti_is_dir(dir)) return frt_fail(err, FRT_NOT_FOUND, "no folder '%.200s'", dir);
  FRT_TRY(frti_is_file(path) ? read_folder(dir, &l, err) : read_newest(dir, &l, err));
  frt_status_t status = frti_io_set_all(scope, (const char *const *)l.names, l.tensors, l.n,
                                        err);
  if (status == FRT_OK && info) {
    l.info.struct_size = info->struct_size;
    memcpy(info, &l.info, FRTI_MIN(info->struct_size, sizeof l.info));
  }
  loaded_release(&l);
  return status;
}

frt_status_t frt_checkpoint_load(const char *dir, frt_scope_t *scope,
                                 frt_checkpoint_info_t *info, frt_error_t *err) {
  if (!dir || !dir[0] || !scope)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "a checkpoint needs a folder and a scope");
  return in_checkpoint(err, load(dir, scope, info, err));
}
