/* The record that Paddle's `save` writes, little endian without padding: u32 version,
 * u64 LoD levels, each u64 bytes and offsets, u32 version, i32 length of a TensorDesc,
 * that message, the elements. Every count is compared with the bytes that remain. */
#include <inttypes.h>
#include <string.h>

#include "io/io.h"

typedef struct reader {
  const uint8_t *bytes;
  size_t n, at;
  frt_error_t *err;
} reader_t;

static size_t left(const reader_t *r) { return r->n - r->at; }

static frt_status_t need(const reader_t *r, size_t n, const char *what) {
  if (left(r) >= n) return FRT_OK;
  return frt_fail(r->err, FRT_DATA_LOSS,
                  "tensor record: %s needs %zu bytes at offset %zu, there are %zu", what, n,
                  r->at, left(r));
}

static frt_status_t take(reader_t *r, size_t n, const char *what, uint64_t *out) {
  FRT_TRY(need(r, n, what));
  *out = 0;
  for (size_t i = 0; i < n; ++i) *out |= (uint64_t)r->bytes[r->at + i] << (8 * i);
  r->at += n;
  return FRT_OK;
}

static frt_status_t take_version(reader_t *r, const char *what) {
  uint64_t version;
  FRT_TRY(take(r, 4, what, &version));
  if (!version) return FRT_OK;
  return frt_fail(r->err, FRT_DATA_LOSS, "tensor record: %s %" PRIu64
                  " at offset %zu, wanted 0", what, version, r->at - 4);
}

/* What such files are taken for. */
static frt_status_t known_other(const reader_t *r) {
  static const struct { const char *magic; size_t n; const char *what; } others[] = {
      {"\x93NUMPY", 6, "an .npy file"}, {"PK\3\4", 4, "a zip or .npz file"},
      {"\x80\2", 2, "a Python pickle, as fluid.save writes it; wanted what save_params or "
                    "save_persistables wrote"},
      {"\x80\3", 2, "a Python pickle"}, {"\x80\4", 2, "a Python pickle"}};
  for (size_t i = 0; i < FRTI_COUNT(others); ++i)
    if (r->n >= others[i].n && !memcmp(r->bytes, others[i].magic, others[i].n))
      return frt_fail(r->err, FRT_DATA_LOSS, "no tensor record, but %s", others[i].what);
  return FRT_OK;
}

/* A level is n offsets, from 0 upwards. */
static frt_status_t take_level(reader_t *r) {
  uint64_t bytes, last = 0;
  FRT_TRY(take(r, 8, "the length of a LoD level", &bytes));
  if (bytes > left(r) || bytes % 8)
    return frt_fail(r->err, FRT_DATA_LOSS,
                    "tensor record: LoD level of %" PRIu64 " bytes at offset %zu, there are "
                    "%zu", bytes, r->at, left(r));
  for (uint64_t i = 0; i < bytes / 8; ++i) {
    uint64_t offset;
    FRT_TRY(take(r, 8, "a LoD offset", &offset));
    if (offset < last || (i == 0 && offset))
      return frt_fail(r->err, FRT_DATA_LOSS,
                      "tensor record: LoD offsets do not ascend at offset %zu", r->at - 8);
    last = offset;
  }
  return FRT_OK;
}

static frt_status_t take_lod(reader_t *r, uint64_t *levels) {
  FRT_TRY(take(r, 8, "the number of LoD levels", levels));
  if (*levels > left(r) / 8)
    return frt_fail(r->err, FRT_DATA_LOSS,
                    "tensor record: %" PRIu64 " LoD levels at offset 4, there are %zu bytes",
                    *levels, left(r));
  for (uint64_t i = 0; i < *levels; ++i) FRT_TRY(take_level(r));
  return FRT_OK;
}

/* ---- TensorDesc { required Type data_type = 1; repeated int64 dims = 2; } --------- */

typedef struct desc {
  int64_t dtype; /* -1: absent */
  uint32_t rank;
  int64_t dims[FRT_MAX_RANK];
} desc_t;

static frt_status_t bad_desc(const reader_t *r, const char *what) {
  return frt_fail(r->err, FRT_DATA_LOSS, "tensor record: TensorDesc: %s at offset %zu", what,
                  r->at);
}

static frt_status_t take_varint(reader_t *r, uint64_t *out) {
  *out = 0;
  for (unsigned shift = 0; r->at < r->n && shift < 64; shift += 7) {
    uint8_t b = r->bytes[r->at++];
    if (shift == 63 && b > 1) break;
    *out |= (uint64_t)(b & 127) << shift;
    if (b < 128) return FRT_OK;
  }
  return bad_desc(r, "varint without end");
}

static frt_status_t take_dim(reader_t *r, desc_t *d) {
  uint64_t v;
  FRT_TRY(take_varint(r, &v));
  if (d->rank == FRT_MAX_RANK) return bad_desc(r, "rank above 9");
  if (v > INT64_MAX) return bad_desc(r, "negative extent");
  d->dims[d->rank++] = (int64_t)v;
  return FRT_OK;
}

static frt_status_t take_packed_dims(reader_t *r, desc_t *d) {
  reader_t inner = *r;
  uint64_t n;
  FRT_TRY(take_varint(r, &n));
  if (n > left(r)) return bad_desc(r, "dims run past the end");
  inner.at = r->at;
  inner.n = r->at + (size_t)n;
  while (left(&inner)) FRT_TRY(take_dim(&inner, d));
  r->at = inner.n;
  return FRT_OK;
}

static frt_status_t take_desc(reader_t *r, desc_t *d) {
  enum { TYPE = 1 << 3, DIM = 2 << 3, PACKED = 2 << 3 | 2 };
  d->dtype = -1;
  while (left(r)) {
    uint64_t tag, v;
    FRT_TRY(take_varint(r, &tag));
    if (tag == TYPE) {
      if (d->dtype >= 0) return bad_desc(r, "data_type given twice");
      FRT_TRY(take_varint(r, &v));
      if (v > INT32_MAX) return bad_desc(r, "data_type is no number of a type");
      d->dtype = (int64_t)v;
    } else if (tag == DIM) {
      FRT_TRY(take_dim(r, d));
    } else if (tag == PACKED) {
      FRT_TRY(take_packed_dims(r, d));
    } else {
      return bad_desc(r, "unknown field");
    }
  }
  if (d->dtype < 0) return bad_desc(r, "data_type is missing");
  if (frt_dtype_size((uint32_t)d->dtype)) return FRT_OK;
  return frt_fail(r->err, FRT_DATA_LOSS, "tensor record: data_type %" PRId64
                  " is no type of elements", d->dtype);
}

frt_status_t frt_paddle_tensor_parse(const void *bytes, size_t n, frt_tensor_t **out,
                                     size_t *used, frt_error_t *err) {
  reader_t r = {bytes, n, 0, err}, message;
  desc_t d = {0};
  uint64_t levels, length;
  size_t wanted;
  int64_t numel;
  char text[160];
  *out = NULL;
  if (used) *used = 0;
  FRT_TRY(known_other(&r));
  FRT_TRY(take_version(&r, "LoD tensor version"));
  FRT_TRY(take_lod(&r, &levels));
  FRT_TRY(take_version(&r, "tensor version"));
  FRT_TRY(take(&r, 4, "the length of the TensorDesc", &length));
  if (length > INT32_MAX)
    return frt_fail(err, FRT_DATA_LOSS, "tensor record: TensorDesc of %d bytes at offset %zu",
                    (int)(int32_t)(uint32_t)length, r.at - 4);
  FRT_TRY(need(&r, (size_t)length, "the TensorDesc"));
  message = r;
  message.n = r.at += (size_t)length;
  FRT_TRY(take_desc(&message, &d));
  frti_dims_text(text, sizeof text, d.rank, d.dims);
  if (!frti_numel(d.rank, d.dims, &numel) ||
      !frti_mul_size((size_t)numel, frt_dtype_size((uint32_t)d.dtype), &wanted))
    return frt_fail(err, FRT_DATA_LOSS, "tensor record: shape %s overflows", text);
  if (wanted > left(&r))
    return frt_fail(err, FRT_DATA_LOSS,
                    "tensor record: %s %s needs %zu bytes at offset %zu, there are %zu",
                    frt_dtype_name((uint32_t)d.dtype), text, wanted, r.at, left(&r));
  if (levels)
    return frt_fail(err, FRT_UNIMPLEMENTED,
                    "tensor record: a LoD of %" PRIu64 " levels is not read", levels);
  FRT_TRY(frti_io_tensor((frt_dtype_t)d.dtype, d.rank, d.dims, r.bytes + r.at, out, err));
  if (used) *used = r.at + wanted;
  return FRT_OK;
}
