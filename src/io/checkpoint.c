/* Saving checkpoints: a folder per step, a manifest that guards every byte, renames that
 * make a save whole or absent, a lock that keeps a second saver out. */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/checkpoint.h"

enum { NAME = 64, KEPT = 2 };

void frti_hash_text(const void *bytes, size_t n, char to[FRTI_HASH_TEXT]) {
  const XXH128_hash_t h = XXH3_128bits(bytes, n);
  snprintf(to, FRTI_HASH_TEXT, "%016llx%016llx", (unsigned long long)h.high64,
           (unsigned long long)h.low64);
}

/* ---- what is saved ---------------------------------------------------------------------- */

/* The scope as it is at one moment, between two runs. */
typedef struct snapshot {
  const char **names;
  frt_tensor_t **tensors;
  size_t n;
} snapshot_t;

static void snapshot_release(snapshot_t *s) {
  for (size_t i = 0; s->tensors && i < s->n; ++i) frt_tensor_release(s->tensors[i]);
  frti_free(s->tensors);
  frt_free(s->names);
}

static frt_status_t take_snapshot(frt_scope_t *scope, snapshot_t *s, frt_error_t *err) {
  char file[FRTI_IO_NAME];
  FRT_TRY(frt_scope_names(scope, &s->names, &s->n, err));
  for (size_t i = 0; i < s->n; ++i)
    FRT_TRY(frti_io_file_name(s->names[i], "", file, err));
  s->tensors = frti_calloc(s->n, sizeof *s->tensors);
  if (!s->tensors) return frti_no_memory(err);
  return frti_scope_get_all(scope, s->names, s->n, s->tensors, err);
}

/* ---- the folder of a step ------------------------------------------------------------------ */

static frt_status_t write_record(const frti_folder_t *f, const char *name,
                                 const frt_tensor_t *t, frti_str_t *manifest,
                                 frt_error_t *err) {
  char file[FRTI_IO_NAME], hash[FRTI_HASH_TEXT];
  void *bytes;
  size_t n;
  FRT_TRY(frti_io_file_name(name, "", file, err));
  FRT_TRY(frt_paddle_tensor_serialize(t, &bytes, &n, err));
  const frt_status_t status = frti_folder_write_new(f, file, bytes, n, err);
  frti_hash_text(bytes, n, hash);
  frti_str_addf(manifest, "var %s %zu %s\n", hash, n, file);
  frt_free(bytes);
  return status;
}

static frt_status_t write_manifest(const frti_folder_t *f, frti_str_t *m, frt_error_t *err) {
  char hash[FRTI_HASH_TEXT];
  if (m->failed) return frti_no_memory(err);
  frti_hash_text(m->text, m->len, hash);
  frti_str_addf(m, "end %s\n", hash);
  if (m->failed) return frti_no_memory(err);
  return frti_folder_write_new(f, FRTI_MANIFEST, m->text, m->len, err);
}

static frt_status_t fill(const frti_folder_t *f, const snapshot_t *s,
                         const frt_checkpoint_info_t *info, frt_error_t *err) {
  frti_str_t m = {0};
  frt_status_t status = FRT_OK;
  frti_str_add(&m, FRTI_MANIFEST_HEAD);
  frti_str_addf(&m, "step %llu\nrun %llu\nseed %llu\n", (unsigned long long)info->step,
                (unsigned long long)info->run, (unsigned long long)info->seed);
  for (size_t i = 0; i < s->n && status == FRT_OK; ++i)
    if (s->tensors[i]) status = write_record(f, s->names[i], s->tensors[i], &m, err);
  if (status == FRT_OK) status = write_manifest(f, &m, err);
  if (status == FRT_OK) status = frti_folder_sync(f, err);
  frti_str_release(&m);
  return status;
}

static frt_status_t write_temp(const frti_folder_t *f, const char *temp, const snapshot_t *s,
                               const frt_checkpoint_info_t *info, frt_error_t *err) {
  frti_folder_t inner = FRTI_NO_FOLDER;
  FRT_TRY(frti_folder_remove(f, temp, err)); /* left behind by a process that died */
  frt_status_t status = frti_folder_make(f, temp, &inner, err);
  if (status == FRT_OK) status = fill(&inner, s, info, err);
  frti_folder_close(&inner);
  if (status != FRT_OK) frti_folder_remove(f, temp, NULL);
  return status;
}

/* Where a disk cannot exchange two names: for a moment the old one is step-N.old. */
static frt_status_t swap_in_two(const frti_folder_t *f, const char *temp, const char *final,
                                frt_error_t *err) {
  char old[NAME + 16];
  snprintf(old, sizeof old, "%s.old", final);
  FRT_TRY(frti_folder_remove(f, old, err));
  FRT_TRY(frti_folder_rename(f, final, old, err));
  const frt_status_t status = frti_folder_rename(f, temp, final, err);
  if (status != FRT_OK && frti_folder_has(f, final) == FRTI_NOTHING)
    frti_folder_rename(f, old, final, NULL);
  FRT_TRY(status);
  return frti_folder_remove(f, old, err);
}

/* Puts `temp` in the place of `final`, which may exist from an earlier run. */
static frt_status_t swap_in(const frti_folder_t *f, const char *temp, const char *final,
                            frt_error_t *err) {
  bool done;
  if (frti_folder_has(f, final) == FRTI_NOTHING)
    return frti_folder_rename(f, temp, final, err);
  FRT_TRY(frti_folder_exchange(f, temp, final, &done, err));
  return done ? frti_folder_remove(f, temp, err) : swap_in_two(f, temp, final, err);
}

/* ---- the folder of checkpoints -------------------------------------------------------------- */

bool frti_step_of(const char *name, uint64_t *step) {
  char *end;
  if (strncmp(name, "step-", 5) || name[5] < '0' || name[5] > '9') return false;
  *step = strtoull(name + 5, &end, 10);
  return !*end || !strcmp(end, ".old");
}

static int newest_first(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x < y) - (x > y);
}

frt_status_t frti_list_steps(const frti_folder_t *f, uint64_t **steps, size_t *n,
                             frt_error_t *err) {
  const char **names;
  size_t count, all_n = 0;
  *steps = NULL;
  *n = 0;
  FRT_TRY(frti_folder_list(f, NULL, &names, &count, err));
  uint64_t *all = frti_calloc(count + 1, sizeof *all);
  for (size_t i = 0; all && i < count; ++i) all_n += frti_step_of(names[i], &all[all_n]);
  frti_free(names);
  if (!all) return frti_no_memory(err);
  qsort(all, all_n, sizeof *all, newest_first);
  for (size_t i = 0; i < all_n; ++i)
    if (!*n || all[*n - 1] != all[i]) all[(*n)++] = all[i];
  *steps = all;
  return FRT_OK;
}

/* The newest two up to `step` stay; later ones are of a history that was left, and what
 * ends in .tmp was left by a process that died. */
static bool goes(const char *name, uint64_t step, const uint64_t *steps, size_t n) {
  const size_t len = strlen(name);
  uint64_t mine;
  size_t kept = 0;
  if (!strncmp(name, "step-", 5) && len > 4 && !strcmp(name + len - 4, ".tmp")) return true;
  if (!frti_step_of(name, &mine)) return false;
  if (mine == step && strchr(name, '.')) return true;
  for (size_t i = 0; i < n; ++i) {
    if (steps[i] > step) continue;
    if (kept++ == KEPT) break;
    if (steps[i] == mine) return false;
  }
  return true;
}

static frt_status_t drop_old(const frti_folder_t *f, uint64_t step, frt_error_t *err) {
  uint64_t *steps;
  const char **names = NULL;
  size_t n, count = 0;
  FRT_TRY(frti_list_steps(f, &steps, &n, err));
  frt_status_t status = frti_folder_list(f, NULL, &names, &count, err);
  for (size_t i = 0; status == FRT_OK && i < count; ++i)
    if (goes(names[i], step, steps, n)) status = frti_folder_remove(f, names[i], err);
  frti_free(names);
  frti_free(steps);
  return status;
}

static frt_status_t save_into(const frti_folder_t *f, const snapshot_t *s,
                              const frt_checkpoint_info_t *info, frt_error_t *err) {
  char name[NAME], temp[NAME + 16];
  snprintf(name, sizeof name, "step-%llu", (unsigned long long)info->step);
  snprintf(temp, sizeof temp, "%s.tmp", name);
  FRT_TRY(frti_folder_lock(f, err));
  FRT_TRY(write_temp(f, temp, s, info, err));
  const frt_status_t status = swap_in(f, temp, name, err);
  if (status != FRT_OK) frti_folder_remove(f, temp, NULL);
  FRT_TRY(status);
  strcat(name, "\n");
  FRT_TRY(frti_folder_write(f, "LATEST", name, strlen(name), err));
  FRT_TRY(frti_folder_sync(f, err));
  return drop_old(f, info->step, err);
}

static frt_status_t save(const char *dir, frt_scope_t *scope,
                         const frt_checkpoint_info_t *info, frt_error_t *err) {
  frti_folder_t f = FRTI_NO_FOLDER;
  snapshot_t s = {0};
  frt_status_t status = take_snapshot(scope, &s, err);
  if (status == FRT_OK) status = frti_make_dir(dir, err);
  if (status == FRT_OK) status = frti_folder_open(dir, &f, err);
  if (status == FRT_OK) status = save_into(&f, &s, info, err);
  frti_folder_close(&f); /* and the lock with it */
  snapshot_release(&s);
  return status;
}

frt_status_t frt_checkpoint_save(const char *dir, frt_scope_t *scope,
                                 const frt_checkpoint_info_t *info, frt_error_t *err) {
  if (!dir || !dir[0] || !scope || !info || info->struct_size < sizeof *info)
    return frt_fail(err, FRT_INVALID_ARGUMENT, "a checkpoint needs a folder, a scope and info");
  const frt_status_t status = strlen(dir) < FRTI_MAX_DIR
                                  ? save(dir, scope, info, err)
                                  : frti_long_path(dir, err);
  return status == FRT_OK ? FRT_OK : frti_error_phase(err, status, FRT_PHASE_CHECKPOINT);
}
