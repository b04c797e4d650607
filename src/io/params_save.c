/* Parameters into Paddle's own files. */
#include <stdlib.h>
#include <string.h>

#include "fluidrt/checkpoint.h"
#include "io/io.h"

/* ---- one record ------------------------------------------------------------------------ */

static void put(uint8_t **at, const void *bytes, size_t n) {
  memcpy(*at, bytes, n);
  *at += n;
}
static void put_u32(uint8_t **at, uint32_t v) { put(at, &v, sizeof v); }
static void put_u64(uint8_t **at, uint64_t v) { put(at, &v, sizeof v); }

/* A protobuf varint; returns its length, writes it unless `to` is NULL. */
static size_t varint(uint8_t *to, uint64_t v) {
  size_t n = 0;
  for (; v >= 0x80; v >>= 7, ++n)
    if (to) to[n] = (uint8_t)(v | 0x80);
  if (to) to[n] = (uint8_t)v;
  return n + 1;
}

/* TensorDesc { 1: data_type, 2: dims (not packed) }. */
static size_t desc(uint8_t *to, const frt_tensor_t *t) {
  size_t n = 0;
  if (to) to[0] = 0x08;
  n = 1 + varint(to ? to + 1 : NULL, (uint64_t)frt_tensor_dtype(t));
  for (uint32_t i = 0; i < frt_tensor_rank(t); ++i) {
    if (to) to[n] = 0x10;
    ++n;
    n += varint(to ? to + n : NULL, (uint64_t)frt_tensor_dims(t)[i]);
  }
  return n;
}

frt_status_t frt_paddle_tensor_serialize(const frt_tensor_t *t, void **bytes, size_t *n,
                                         frt_error_t *err) {
  const size_t head = desc(NULL, t), data = frt_tensor_bytes(t);
  *bytes = NULL;
  *n = 0;
  if (frt_tensor_dtype(t) == FRT_BF16)
    return frt_fail(err, FRT_UNIMPLEMENTED, "Fluid's files know no %s",
                    frt_dtype_name(FRT_BF16));
  uint8_t *all = frti_alloc(4 + 8 + 4 + 4 + head + data), *at = all;
  if (!all) return frti_no_memory(err);
  put_u32(&at, 0); /* LoD tensor version */
  put_u64(&at, 0); /* levels of LoD */
  put_u32(&at, 0); /* tensor version */
  put_u32(&at, (uint32_t)head);
  at += desc(at, t);
  if (data) put(&at, frt_tensor_data(t), data);
  *bytes = all;
  *n = (size_t)(at - all);
  return FRT_OK;
}

/* ---- what to write ------------------------------------------------------------------------ */

typedef struct keep {
  const char **names; /* sorted bytewise; lent by the program */
  frt_tensor_t **tensors;
  size_t n, cap, tensors_cap;
} keep_t;

static void keep_release(keep_t *k) {
  for (size_t i = 0; i < k->n; ++i) frt_tensor_release(k->tensors[i]);
  frti_free(k->names);
  frti_free(k->tensors);
}

static bool listed(const char *name, const char *const *only, size_t n_only) {
  for (size_t i = 0; i < n_only; ++i)
    if (!strcmp(name, only[i])) return true;
  return !n_only;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static frt_status_t collect(const frt_program_t *program, const char *const *only,
                            size_t n_only, keep_t *k, frt_error_t *err) {
  for (uint32_t v = 0; v < frt_program_n_vars(program, 0); ++v) {
    frt_var_info_t info;
    FRT_TRY(frt_program_var(program, 0, v, &info, err));
    if (!info.persistable || info.kind != FRT_VAR_LOD_TENSOR ||
        !listed(info.name, only, n_only))
      continue;
    if (!FRTI_GROW(k->names, k->n, k->cap) || !FRTI_GROW(k->tensors, k->n, k->tensors_cap))
      return frti_no_memory(err);
    k->tensors[k->n] = NULL;
    k->names[k->n++] = info.name;
  }
  if (k->n) qsort(k->names, k->n, sizeof *k->names, by_name);
  for (size_t i = 0; i < n_only; ++i)
    if (!k->n || !bsearch(&only[i], k->names, k->n, sizeof *k->names, by_name)) {
      frt_fail(err, FRT_NOT_FOUND, "'%s' is no persistable tensor of block 0", only[i]);
      return frti_error_name(err, FRT_NOT_FOUND, only[i]);
    }
  return FRT_OK;
}

/* All as they are at one moment, between two runs. */
static frt_status_t take_values(frt_scope_t *scope, keep_t *k, frt_error_t *err) {
  frti_str_t missing = {0};
  size_t n = 0;
  frt_status_t status = frti_scope_get_all(scope, k->names, k->n, k->tensors, err);
  for (size_t i = 0; i < k->n && status == FRT_OK; ++i)
    if (!k->tensors[i])
      frti_str_addf(&missing, "%s'%.80s'", n++ ? ", " : "", k->names[i]);
  if (status == FRT_OK && n)
    status = frt_fail(err, FRT_FAILED_PRECONDITION,
                      "%zu variables to save are not initialized: %s", n,
                      missing.text ? missing.text : "");
  frti_str_release(&missing);
  return status;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static frt_status_t save_folder(const char *dir, const keep_t *k, frt_error_t *err) {
  char file[FRTI_IO_NAME];
  frti_folder_t f;
  for (size_t i = 0; i < k->n; ++i) /* before anything is written */
    FRT_TRY(frti_io_file_name(k->names[i], "", file, err));
  FRT_TRY(frti_make_dir(dir, err));
  frt_status_t status = frti_folder_open(dir, &f, err);
  for (size_t i = 0; i < k->n && status == FRT_OK; ++i)
    status = frti_io_save(&f, k->names[i], "", frt_paddle_tensor_serialize, k->tensors[i], err);
  if (status == FRT_OK) status = frti_folder_sync(&f, err);
  frti_folder_close(&f);
  return status;
}

static frt_status_t save_combined(const char *path, const keep_t *k, frt_error_t *err) {
  frti_str_t all = {0};
  frt_status_t status = FRT_OK;
  for (size_t i = 0; i < k->n && status == FRT_OK; ++i) {
    void *bytes;
    size_t n;
    status = frt_paddle_tensor_serialize(k->tensors[i], &bytes, &n, err);
    if (status != FRT_OK) break;
    frti_str_add_n(&all, bytes, n);
    frt_free(bytes);
  }
  if (status == FRT_OK && all.failed) status = frti_no_memory(err);
  if (status == FRT_OK)
    status = frti_file_write(path, all.text ? all.text : "", all.len, err);
  frti_str_release(&all);
  return status;
}

frt_status_t frt_params_save(const char *path, const frt_program_t *program,
    frt_scope_t *scope, int combined, const char *const *only, size_t n_only,
    frt_error_t *err) {
  keep_t k = {0};
  frt_status_t status = collect(program, only, n_only, &k, err);
  if (status == FRT_OK) status = take_values(scope, &k, err);
  if (status == FRT_OK)
    status = combined ? save_combined(path, &k, err) : save_folder(path, &k, err);
  keep_release(&k);
  return status == FRT_OK ? FRT_OK : frti_error_phase(err, status, FRT_PHASE_CHECKPOINT);
}
