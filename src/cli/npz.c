/* npz: a zip archive of npy files, as numpy.savez writes and numpy.load reads it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "arrays.h"

enum { MAX_MEMBER = 1 << 30 }; /* against zip bombs */

/* ---- writing ------------------------------------------------------------------------
 */

static const char *descr(frt_dtype_t dtype) {
  switch (dtype) {
    case FRT_BOOL:
      return "|b1";
    case FRT_I8:
      return "|i1";
    case FRT_U8:
      return "|u1";
    case FRT_I16:
      return "<i2";
    case FRT_I32:
      return "<i4";
    case FRT_I64:
      return "<i8";
    case FRT_F16:
      return "<f2";
    case FRT_F32:
      return "<f4";
    case FRT_F64:
      return "<f8";
    default:
      return NULL; /* numpy has no bfloat16 */
  }
}

/* npy 1.0: magic, version, length, a dictionary padded so that data begin at a multiple
 * of 64. */
static char *npy(const frt_tensor_t *t, size_t *n) {
  const uint32_t rank = frt_tensor_rank(t);
  char dims[FRT_MAX_RANK * 24 + 1] = "", head[512];
  size_t at = 0;
  for (uint32_t i = 0; i < rank; ++i)
    at += (size_t)snprintf(dims + at, sizeof dims - at, "%s%lld", i ? ", " : "",
        (long long)frt_tensor_dims(t)[i]);
  const size_t len = (size_t)snprintf(head, sizeof head,
      "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }",
      descr(frt_tensor_dtype(t)), dims, rank == 1 ? "," : "");
  const size_t start = (10 + len + 1 + 63) / 64 * 64, bytes = frt_tensor_bytes(t);
  char *all = frti_cli_alloc(start + bytes);
  memcpy(all, "\x93NUMPY\x01", 8); /* the NUL behind it is the minor version */
  all[8] = (char)((start - 10) & 255);
  all[9] = (char)((start - 10) >> 8);
  memset(all + 10, ' ', start - 10);
  memcpy(all + 10, head, len);
  all[start - 1] = '\n';
  if (bytes) memcpy(all + start, frt_tensor_data(t), bytes);
  *n = start + bytes;
  return all;
}

static bool add(zip_t *z, const char *name, const frt_tensor_t *t) {
  size_t n;
  char *bytes = npy(t, &n), *file = frti_cli_text("%s.npy", name);
  zip_source_t *source = zip_source_buffer(z, bytes, n, 1); /* takes bytes over */
  zip_int64_t at = source ? zip_file_add(z, file, source, ZIP_FL_ENC_GUESS) : -1;
  free(file);
  if (at < 0) {
    if (source)
      zip_source_free(source);
    else
      free(bytes);
    return false;
  }
  /* One date for all: equal parameters are equal files. */
  return !zip_set_file_compression(z, (zip_uint64_t)at, ZIP_CM_STORE, 0) &&
         !zip_file_set_dostime(z, (zip_uint64_t)at, 0, 33, 0);
}

static int check_dtypes(
    const frti_cli_t *cli, const char *path, const frti_cli_arrays_t *a) {
  for (size_t i = 0; i < a->n; ++i)
    if (!descr(frt_tensor_dtype(a->items[i].tensor)))
      return frti_cli_fail(cli, CLI_DATA, "%s: numpy has no %s ('%s')", path,
          frt_dtype_name((uint32_t)frt_tensor_dtype(a->items[i].tensor)),
          a->items[i].name);
  return CLI_OK;
}

int frti_cli_npz_write(
    const frti_cli_t *cli, const char *path, const frti_cli_arrays_t *a) {
  char *side = frti_cli_text("%s.tmp%ld", path, (long)getpid());
  int why = 0, code = check_dtypes(cli, path, a);
  zip_t *z = code ? NULL : zip_open(side, ZIP_CREATE | ZIP_TRUNCATE, &why);
  if (!code && !z)
    code = frti_cli_fail(cli, CLI_CANNOT_CREATE, "%s: %s", path, strerror(errno));
  for (size_t i = 0; !code && i < a->n; ++i)
    if (!add(z, a->items[i].name, a->items[i].tensor))
      code = frti_cli_fail(cli, CLI_CANNOT_WRITE, "%s: '%s' cannot be added: %s", path,
          a->items[i].name, zip_strerror(z));
  if (!code && zip_close(z)) {
    const char *text = zip_strerror(z);
    code = frti_cli_fail(cli,
        strstr(text, "open") || strstr(text, "temporary") ? CLI_CANNOT_CREATE
                                                          : CLI_CANNOT_WRITE,
        "%s: %s", path, text);
  } else if (!code) {
    z = NULL;
  }
  if (z) zip_discard(z);
  if (!code && rename(side, path))
    code = frti_cli_fail(cli, CLI_CANNOT_WRITE, "%s: %s", path, strerror(errno));
  if (code) unlink(side);
  free(side);
  return code;
}

/* ---- reading -------------------------------------------------------------------------
 */

static frt_status_t member(
    zip_t *z, zip_uint64_t i, const char *name, frt_tensor_t **out, frt_error_t *err) {
  zip_stat_t st;
  zip_file_t *f = NULL;
  char *data = NULL;
  frt_status_t status;
  zip_stat_init(&st);
  if (zip_stat_index(z, i, 0, &st) || !(st.valid & ZIP_STAT_SIZE) || st.size > MAX_MEMBER)
    return frt_fail(
        err, FRT_RESOURCE_EXHAUSTED, "'%.96s': larger than %d bytes", name, MAX_MEMBER);
  f = zip_fopen_index(z, i, 0);
  data = frti_cli_alloc((size_t)st.size + 1);
  /* The last read, of one byte more, is where libzip checks the CRC. */
  if (!f || zip_fread(f, data, st.size) != (zip_int64_t)st.size ||
      zip_fread(f, data + st.size, 1) != 0)
    status = frt_fail(err, FRT_DATA_LOSS, "'%.96s' cannot be read: %s", name,
        f ? zip_file_strerror(f) : zip_strerror(z));
  else
    status = frt_npy_parse(data, (size_t)st.size, out, err);
  if (f) zip_fclose(f);
  free(data);
  return status;
}

frt_status_t frti_cli_npz_read(
    const char *path, frti_cli_arrays_t *out, frt_error_t *err) {
  int why = 0;
  frt_status_t status = FRT_OK;
  zip_t *z = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &why);
  if (!z) {
    zip_error_t e;
    zip_error_init_with_code(&e, why);
    status = frt_fail(err, why == ZIP_ER_NOENT ? FRT_NOT_FOUND : FRT_DATA_LOSS,
        "no npz file: %s", zip_error_strerror(&e));
    zip_error_fini(&e);
    return status;
  }
  const zip_int64_t n = zip_get_num_entries(z, 0);
  for (zip_int64_t i = 0; i < n && status == FRT_OK; ++i) {
    const char *name = zip_get_name(z, (zip_uint64_t)i, 0);
    frt_tensor_t *t = NULL;
    if (!name || !frti_cli_ends_with(name, ".npy") || !name[4]) {
      status = frt_fail(err, FRT_DATA_LOSS, "'%.96s' is no .npy", name ? name : "");
      break;
    }
    status = member(z, (zip_uint64_t)i, name, &t, err);
    if (status != FRT_OK) break;
    char *bare = frti_cli_text("%.*s", (int)strlen(name) - 4, name);
    frti_cli_arrays_add(out, bare, t);
    free(bare);
  }
  zip_discard(z);
  frti_cli_arrays_sort(out);
  const char *twice = frti_cli_arrays_twice(out);
  if (status == FRT_OK && twice)
    status = frt_fail(err, FRT_DATA_LOSS, "'%.96s' is there twice", twice);
  return status;
}
