/* Parameters from Paddle's own files: a folder with a file per variable, or one file of
 * all records in bytewise order of names. All are read and checked before the first
 * variable of the scope changes. */
#include <stdlib.h>
#include <string.h>

#include "io/io.h"

typedef struct params {
  const char **names;  /* sorted bytewise; lent by the program */
  frt_var_info_t *vars;
  frt_tensor_t **tensors;
  size_t n, cap, names_cap, tensors_cap;
} params_t;

static void params_release(params_t *p) {
  for (size_t i = 0; i < p->n; ++i) frt_tensor_release(p->tensors[i]);
  frti_free(p->names);
  frti_free(p->vars);
  frti_free(p->tensors);
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const frt_var_info_t *)a)->name, ((const frt_var_info_t *)b)->name);
}

static frt_status_t collect(const frt_program_t *program, params_t *p, frt_error_t *err) {
  for (uint32_t v = 0; v < frt_program_n_vars(program, 0); ++v) {
    frt_var_info_t info;
    FRT_TRY(frt_program_var(program, 0, v, &info, err));
    if (!info.persistable || info.kind != FRT_VAR_LOD_TENSOR) continue;
    if (!FRTI_GROW(p->vars, p->n, p->cap) || !FRTI_GROW(p->names, p->n, p->names_cap) ||
        !FRTI_GROW(p->tensors, p->n, p->tensors_cap))
      return frti_no_memory(err);
    p->tensors[p->n] = NULL;
    p->vars[p->n++] = info;
  }
  if (p->n) qsort(p->vars, p->n, sizeof *p->vars, by_name);
  for (size_t i = 0; i < p->n; ++i) p->names[i] = p->vars[i].name;
  return FRT_OK;
}

/* Against the declaration, in which -1 is any extent. */
static frt_status_t check(const frt_var_info_t *var, const frt_tensor_t *t,
                          frt_error_t *err) {
  const int64_t *dims = frt_tensor_dims(t);
  bool same = var->dtype == (int32_t)frt_tensor_dtype(t) && var->rank == frt_tensor_rank(t);
  char want[120], got[120];
  for (uint32_t i = 0; same && i < var->rank; ++i)
    same = var->dims[i] == dims[i] || var->dims[i] == -1;
  if (same) return FRT_OK;
  return frt_fail(err, FRT_INVALID_ARGUMENT,
                  "variable '%.64s' is declared %s %s, the file has %s %s", var->name,
                  frt_dtype_name((uint32_t)var->dtype),
                  frti_dims_text(want, sizeof want, var->rank, var->dims),
                  frt_dtype_name((uint32_t)frt_tensor_dtype(t)),
                  frti_dims_text(got, sizeof got, frt_tensor_rank(t), dims));
}

/* ---- a folder --------------------------------------------------------------------- */

/* Paddle writes the bare name, with folders for '/'. A name that would lead out of the
 * folder is only looked for in its coded form. */
static bool safe(const char *name) {
  if (!*name) return false;
  for (const char *at = name; at; at = strchr(at, '/')) {
    if (*at == '/') ++at;
    size_t n = strcspn(at, "/");
    if (!n || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
      return false;
  }
  return true;
}

static frt_status_t read_record(const frti_folder_t *f, const char *file,
                                const frt_var_info_t *var, frt_tensor_t **out,
                                frt_error_t *err) {
  uint8_t *bytes;
  size_t n, used;
  FRT_TRY(frti_folder_read(f, file, 0, &bytes, &n, err));
  frt_status_t status = frt_paddle_tensor_parse(bytes, n, out, &used, err);
  frti_free(bytes);
  if (status == FRT_OK && used != n)
    status = frt_fail(err, FRT_DATA_LOSS, "the tensor record ends at offset %zu of %zu",
                      used, n);
  if (status == FRT_OK) status = check(var, *out, err);
  if (status == FRT_OK) return FRT_OK;
  char *path = frti_io_join(f->path, file);
  if (path) frti_io_in_file(err, status, path);
  frti_free(path);
  return frti_error_name(err, status, var->name);
}

/* By the bare name, folder by folder. */
static frt_status_t read_nested(const frti_folder_t *f, const char *name,
                                const frt_var_info_t *var, frt_tensor_t **out, bool *there,
                                frt_error_t *err) {
  const char *slash = strchr(name, '/');
  char first[FRTI_IO_NAME];
  frti_folder_t inner;
  if (!slash) {
    *there = frti_folder_has(f, name) != FRTI_NOTHING;
    return *there ? read_record(f, name, var, out, err) : FRT_OK;
  }
  if ((size_t)(slash - name) >= sizeof first) return FRT_OK;
  memcpy(first, name, (size_t)(slash - name));
  first[slash - name] = 0;
  if (frti_folder_has(f, first) == FRTI_NOTHING) return FRT_OK;
  frt_status_t status = frti_folder_enter(f, first, &inner, err);
  if (status == FRT_OK) status = read_nested(&inner, slash + 1, var, out, there, err);
  frti_folder_close(&inner);
  return status;
}

/* *there: the variable has a file. Our own name for it goes first: "a%2Fb" is a/b. */
static frt_status_t read_variable(const frti_folder_t *f, const frt_var_info_t *var,
                                  frt_tensor_t **out, bool *there, frt_error_t *err) {
  char file[FRTI_IO_NAME];
  *there = frti_io_file_name(var->name, "", file, NULL) == FRT_OK &&
           frti_folder_has(f, file) != FRTI_NOTHING;
  if (*there) return read_record(f, file, var, out, err);
  return safe(var->name) ? read_nested(f, var->name, var, out, there, err) : FRT_OK;
}

static frt_status_t read_all(const frti_folder_t *f, params_t *p, frt_error_t *err) {
  frti_str_t missing = {0};
  const char *first = NULL;
  size_t n_missing = 0;
  frt_status_t status = FRT_OK;
  for (size_t i = 0; i < p->n && status == FRT_OK; ++i) {
    bool there;
    status = read_variable(f, &p->vars[i], &p->tensors[i], &there, err);
    if (there || status != FRT_OK) continue;
    if (!first) first = p->names[i];
    frti_str_add(&missing, n_missing++ ? ", " : "");
    frti_str_add(&missing, p->names[i]);
  }
  if (status == FRT_OK && n_missing) {
    frt_fail(err, FRT_NOT_FOUND, "'%.120s': %zu of %zu variables have no file: %s", f->path,
             n_missing, p->n, missing.text ? missing.text : first);
    status = frti_error_name(err, FRT_NOT_FOUND, first);
  }
  frti_str_release(&missing);
  return status;
}

static frt_status_t load_folder(const char *dir, params_t *p, frt_error_t *err) {
  frti_folder_t f;
  frt_status_t status = frti_folder_open(dir, &f, err);
  if (status == FRT_OK) status = read_all(&f, p, err);
  frti_folder_close(&f);
  return status;
}

/* ---- one file ----------------------------------------------------------------------- */

static frt_status_t load_combined(const char *path, params_t *p, frt_error_t *err) {
  uint8_t *bytes;
  size_t n, at = 0, used, i = 0;
  frt_status_t status = FRT_OK;
  FRT_TRY(frti_file_read(path, 0, &bytes, &n, err));
  for (; i < p->n && status == FRT_OK; ++i) {
    status = frt_paddle_tensor_parse(bytes + at, n - at, &p->tensors[i], &used, err);
    if (status == FRT_OK) status = check(&p->vars[i], p->tensors[i], err);
    if (status == FRT_OK) {
      at += used;
      continue;
    }
    char where[220]; /* goes between quotes */
    snprintf(where, sizeof where, "%.60s', record %zu of %zu at offset %zu, variable '%.60s",
             path, i + 1, p->n, at, p->names[i]);
    frti_io_in_file(err, status, where);
    frti_error_name(err, status, p->names[i]);
  }
  frti_free(bytes);
  if (status != FRT_OK || at == n) return status;
  frt_fail(err, FRT_DATA_LOSS, "%zu bytes follow the last of %zu records", n - at, p->n);
  return frti_io_in_file(err, FRT_DATA_LOSS, path);
}

frt_status_t frt_params_load(const char *path, const frt_program_t *program,
                             frt_scope_t *scope, frt_error_t *err) {
  params_t p = {0};
  frt_status_t status = collect(program, &p, err);
  if (status == FRT_OK)
    status = frti_is_dir(path) ? load_folder(path, &p, err) : load_combined(path, &p, err);
  if (status == FRT_OK) status = frti_scope_set_all(scope, p.names, p.tensors, p.n, err);
  params_release(&p);
  return status == FRT_OK ? FRT_OK : frti_error_phase(err, status, FRT_PHASE_CHECKPOINT);
}
