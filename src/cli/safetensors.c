/* safetensors: 8 bytes of length, a JSON header, the data. Names, dtypes, shapes and
 * places are in the header; nothing is executed, nothing is compressed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "arrays.h"

/* The format's own limit on the header; and ours on a file. */
static const uint64_t MAX_HEADER = 100000000, MAX_BYTES = (uint64_t)1 << 34;

static const struct {
  const char *name;
  frt_dtype_t dtype;
} DTYPES[] = {{"BOOL", FRT_BOOL}, {"U8", FRT_U8}, {"I8", FRT_I8}, {"I16", FRT_I16},
    {"I32", FRT_I32}, {"I64", FRT_I64}, {"F16", FRT_F16}, {"BF16", FRT_BF16},
    {"F32", FRT_F32}, {"F64", FRT_F64}};
enum { N_DTYPES = sizeof DTYPES / sizeof DTYPES[0] };

/* ---- writing ------------------------------------------------------------------------
 */

static const char *dtype_name(frt_dtype_t dtype) {
  for (size_t i = 0; i < N_DTYPES; ++i)
    if (DTYPES[i].dtype == dtype) return DTYPES[i].name;
  return "?";
}

/* Wide elements first, so that all data are aligned; then by name. */
static int by_place(const void *a, const void *b) {
  const struct frti_cli_array *x = a, *y = b;
  const size_t n = frt_dtype_size((uint32_t)frt_tensor_dtype(x->tensor));
  const size_t m = frt_dtype_size((uint32_t)frt_tensor_dtype(y->tensor));
  return n != m ? (n < m) - (n > m) : strcmp(x->name, y->name);
}

static json_t *entry(const frt_tensor_t *t, uint64_t at) {
  json_t *o = json_object(), *offsets = json_array();
  json_array_append_new(offsets, json_integer((json_int_t)at));
  json_array_append_new(offsets, json_integer((json_int_t)(at + frt_tensor_bytes(t))));
  json_object_set_new(o, "dtype", json_string(dtype_name(frt_tensor_dtype(t))));
  json_object_set_new(
      o, "shape", frti_cli_json_dims(frt_tensor_rank(t), frt_tensor_dims(t)));
  json_object_set_new(o, "data_offsets", offsets);
  return o;
}

static int write_sorted(
    const frti_cli_t *cli, const char *path, const frti_cli_arrays_t *a) {
  json_t *root = json_object();
  uint64_t data = 0;
  int code = CLI_OK;
  for (size_t i = 0; !code && i < a->n; ++i) {
    if (!strcmp(a->items[i].name, "__metadata__") ||
        json_object_set_new(root, a->items[i].name, entry(a->items[i].tensor, data)))
      code = frti_cli_fail(cli, CLI_DATA,
          "%s: a safetensors file cannot hold the name '%s'", path, a->items[i].name);
    data += frt_tensor_bytes(a->items[i].tensor);
  }
  char *text = json_dumps(root, JSON_COMPACT);
  const size_t len = text ? strlen(text) : 0, head = (len + 7) / 8 * 8;
  json_decref(root);
  if (!code && text) {
    char *all = frti_cli_alloc(8 + head + data), *at = all + 8 + head;
    for (int i = 0; i < 8; ++i) all[i] = (char)((uint64_t)head >> (8 * i) & 255);
    memset(all + 8, ' ', head);
    memcpy(all + 8, text, len);
    for (size_t i = 0; i < a->n; ++i) {
      const size_t n = frt_tensor_bytes(a->items[i].tensor);
      if (n) memcpy(at, frt_tensor_data(a->items[i].tensor), n);
      at += n;
    }
    code = frti_cli_write_file(cli, path, all, 8 + head + data);
    free(all);
  } else if (!code) {
    code = frti_cli_fail(cli, CLI_DATA, "%s: the header cannot be written", path);
  }
  free(text);
  return code;
}

int frti_cli_safetensors_write(
    const frti_cli_t *cli, const char *path, const frti_cli_arrays_t *a) {
  frti_cli_arrays_t sorted = {.n = a->n};
  sorted.items = frti_cli_alloc((a->n + 1) * sizeof *sorted.items);
  if (a->n) {
    memcpy(sorted.items, a->items, a->n * sizeof *sorted.items);
    qsort(sorted.items, a->n, sizeof *sorted.items, by_place);
  }
  const int code = write_sorted(cli, path, &sorted);
  free(sorted.items);
  return code;
}

/* ---- reading -------------------------------------------------------------------------
 */

typedef struct span {
  uint64_t begin, end;
  const char *name;
} span_t;

static int by_begin(const void *a, const void *b) {
  const span_t *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

static frt_status_t bad(frt_error_t *err, const char *name, const char *what) {
  return frt_fail(err, FRT_DATA_LOSS, "tensor '%.96s': %s", name, what);
}

/* A whole number >= 0. */
static bool whole(const json_t *v, uint64_t *out) {
  if (!json_is_integer(v) || json_integer_value(v) < 0) return false;
  *out = (uint64_t)json_integer_value(v);
  return true;
}

static frt_status_t read_shape(const json_t *shape, const char *name, int64_t *dims,
    uint32_t *rank, frt_error_t *err) {
  if (!json_is_array(shape)) return bad(err, name, "no shape");
  if (json_array_size(shape) > FRT_MAX_RANK) return bad(err, name, "rank above 9");
  *rank = (uint32_t)json_array_size(shape);
  for (uint32_t i = 0; i < *rank; ++i) {
    uint64_t d;
    if (!whole(json_array_get(shape, i), &d))
      return bad(err, name, "a shape is of whole numbers, 0 and up");
    dims[i] = (int64_t)d;
  }
  return FRT_OK;
}

static frt_status_t check_bools(
    const uint8_t *at, size_t n, const char *name, frt_error_t *err) {
  for (size_t i = 0; i < n; ++i)
    if (at[i] > 1) return bad(err, name, "a BOOL that is neither 0 nor 1");
  return FRT_OK;
}

/* One entry of the header: its place goes to *span, its values to *out. */
static frt_status_t read_entry(const char *name, const json_t *o, const uint8_t *data,
    size_t n, span_t *span, frt_tensor_t **out, frt_error_t *err) {
  const json_t *offsets = json_object_get(o, "data_offsets");
  const char *dtype = json_string_value(json_object_get(o, "dtype"));
  int64_t dims[FRT_MAX_RANK];
  uint32_t rank = 0;
  size_t k = 0;
  frt_tensor_t *shape = NULL;
  if (!json_is_object(o) || json_object_size(o) != 3 || !dtype)
    return bad(err, name, "wanted dtype, shape and data_offsets");
  while (k < N_DTYPES && strcmp(dtype, DTYPES[k].name)) ++k;
  if (k == N_DTYPES)
    return frt_fail(err, FRT_UNIMPLEMENTED, "tensor '%.96s': dtype '%.16s' is not known",
        name, dtype);
  FRT_TRY(read_shape(json_object_get(o, "shape"), name, dims, &rank, err));
  if (json_array_size(offsets) != 2 || !whole(json_array_get(offsets, 0), &span->begin) ||
      !whole(json_array_get(offsets, 1), &span->end) || span->begin > span->end ||
      span->end > n)
    return bad(err, name, "data_offsets are not within the data");
  span->name = name;
  /* The shape's own bytes, by the library's checked arithmetic, before any are taken. */
  if (frt_tensor_wrap(DTYPES[k].dtype, rank, dims,
          (void *)(uintptr_t)(data + span->begin), (size_t)(span->end - span->begin),
          &shape, err))
    return bad(err, name, "the shape needs more bytes than data_offsets give");
  const size_t bytes = frt_tensor_bytes(shape);
  frt_tensor_release(shape);
  if (bytes != span->end - span->begin)
    return bad(err, name, "the shape needs fewer bytes than data_offsets give");
  if (DTYPES[k].dtype == FRT_BOOL)
    FRT_TRY(check_bools(data + span->begin, bytes, name, err));
  FRT_TRY(frt_tensor_create(DTYPES[k].dtype, rank, dims, out, err));
  if (bytes) memcpy(frt_tensor_data(*out), data + span->begin, bytes);
  return FRT_OK;
}

/* Together the tensors cover the data once. */
static frt_status_t check_cover(span_t *spans, size_t count, size_t n, frt_error_t *err) {
  uint64_t at = 0;
  if (count) qsort(spans, count, sizeof *spans, by_begin);
  for (size_t i = 0; i < count; ++i) {
    if (spans[i].begin < at)
      return bad(err, spans[i].name, "its data overlap another tensor's");
    if (spans[i].begin > at) return bad(err, spans[i].name, "a gap before its data");
    at = spans[i].end;
  }
  if (at == n) return FRT_OK;
  return frt_fail(err, FRT_DATA_LOSS, "%llu bytes follow the last tensor",
      (unsigned long long)(n - at));
}

static frt_status_t check_metadata(const json_t *o, frt_error_t *err) {
  const char *key;
  json_t *value;
  if (!json_is_object(o))
    return frt_fail(err, FRT_DATA_LOSS, "__metadata__ is no object");
  json_object_foreach((json_t *)(uintptr_t)o, key, value) {
    if (!json_is_string(value))
      return frt_fail(err, FRT_DATA_LOSS, "__metadata__ '%.64s' is no string", key);
  }
  return FRT_OK;
}

static frt_status_t read_all(json_t *root, const uint8_t *data, size_t n,
    frti_cli_arrays_t *out, frt_error_t *err) {
  span_t *spans = frti_cli_alloc((json_object_size(root) + 1) * sizeof *spans);
  frt_status_t status = FRT_OK;
  size_t count = 0;
  const char *name;
  json_t *value;
  json_object_foreach(root, name, value) {
    frt_tensor_t *t = NULL;
    if (!strcmp(name, "__metadata__")) {
      status = check_metadata(value, err);
    } else if (!name[0]) {
      status = frt_fail(err, FRT_DATA_LOSS, "a tensor without a name");
    } else {
      status = read_entry(name, value, data, n, &spans[count++], &t, err);
      if (status == FRT_OK) frti_cli_arrays_add(out, name, t);
    }
    if (status != FRT_OK) break;
  }
  if (status == FRT_OK) status = check_cover(spans, count, n, err);
  free(spans);
  return status;
}

frt_status_t frti_cli_safetensors_parse(
    const void *bytes, size_t n, frti_cli_arrays_t *out, frt_error_t *err) {
  const uint8_t *at = bytes;
  uint64_t head = 0;
  json_error_t why;
  if (n < 8) return frt_fail(err, FRT_DATA_LOSS, "%zu bytes are no safetensors file", n);
  for (int i = 0; i < 8; ++i) head |= (uint64_t)at[i] << (8 * i);
  if (head > MAX_HEADER || head > n - 8)
    return frt_fail(err, FRT_DATA_LOSS, "a header of %llu bytes in a file of %zu",
        (unsigned long long)head, n);
  if (!head || at[8] != '{')
    return frt_fail(err, FRT_DATA_LOSS, "the header does not begin with '{'");
  json_t *root =
      json_loadb((const char *)at + 8, (size_t)head, JSON_REJECT_DUPLICATES, &why);
  if (!root)
    return frt_fail(err, FRT_DATA_LOSS, "the header is no JSON: offset %d: %s",
        8 + why.position, why.text);
  const frt_status_t status =
      json_is_object(root) ? read_all(root, at + 8 + head, n - 8 - (size_t)head, out, err)
                           : frt_fail(err, FRT_DATA_LOSS, "the header is no object");
  json_decref(root);
  if (status == FRT_OK) frti_cli_arrays_sort(out);
  return status;
}

frt_status_t frti_cli_safetensors_read(
    const char *path, frti_cli_arrays_t *out, frt_error_t *err) {
  struct stat st;
  frt_status_t status;
  FILE *f = fopen(path, "rb");
  if (!f || fstat(fileno(f), &st)) {
    status = frt_fail(
        err, errno == ENOENT ? FRT_NOT_FOUND : FRT_UNAVAILABLE, "%s", strerror(errno));
    if (f) fclose(f);
    return status;
  }
  if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > MAX_BYTES) {
    fclose(f);
    return frt_fail(err, FRT_DATA_LOSS, "no regular file of at most %llu bytes",
        (unsigned long long)MAX_BYTES);
  }
  char *bytes = frti_cli_alloc((size_t)st.st_size + 1);
  const size_t n = fread(bytes, 1, (size_t)st.st_size, f);
  fclose(f);
  status = frti_cli_safetensors_parse(bytes, n, out, err);
  free(bytes);
  return status;
}
