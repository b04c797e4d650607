/* npy files. The header is a Python literal: it is scanned by a fixed grammar, and
 * nothing in it is ever evaluated. Counts are compared with the bytes that are there
 * before anything is allocated. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/io.h"

static const char magic[] = "\x93NUMPY";
enum { MAGIC = 6, GROWTH = 21 };

static const struct { char code[4]; uint32_t dtype; } dtypes[] = {
    {"|b1", FRT_BOOL}, {"|u1", FRT_U8}, {"|i1", FRT_I8}, {"<i2", FRT_I16}, {"<i4", FRT_I32},
    {"<i8", FRT_I64}, {"<f2", FRT_F16}, {"<f4", FRT_F32}, {"<f8", FRT_F64}};

/* The header's text within the file. */
typedef struct scan {
  const char *at, *end;
  const uint8_t *file; /* for offsets in messages */
  frt_error_t *err;
  uint32_t dtype, rank;
  int64_t dims[FRT_MAX_RANK];
  bool has_descr, has_order, has_shape;
} scan_t;

static frt_status_t bad(const scan_t *s, const char *what) {
  return frt_fail(s->err, FRT_DATA_LOSS, "npy header: %s at offset %zu", what,
                  (size_t)((const uint8_t *)s->at - s->file));
}

static void skip_spaces(scan_t *s) {
  while (s->at < s->end && (*s->at == ' ' || *s->at == '\n')) ++s->at;
}

static bool take(scan_t *s, char c) {
  skip_spaces(s);
  if (s->at == s->end || *s->at != c) return false;
  ++s->at;
  return true;
}

/* A quoted text without escapes. */
static frt_status_t take_text(scan_t *s, char *to, size_t cap) {
  size_t n = 0;
  char quote;
  skip_spaces(s);
  if (s->at == s->end || (*s->at != '\'' && *s->at != '"'))
    return bad(s, "wanted a quoted text");
  for (quote = *s->at++; s->at < s->end && *s->at != quote; ++s->at) {
    if (*s->at < 0x20 || *s->at > 0x7e || *s->at == '\\' || n + 1 >= cap)
      return bad(s, "unknown text");
    to[n++] = *s->at;
  }
  if (s->at == s->end) return bad(s, "quote without end");
  ++s->at;
  to[n] = 0;
  return FRT_OK;
}

static frt_status_t refuse_dtype(const scan_t *s, const char *code) {
  const char *why = "no dtype that is read";
  if (code[0] == '>') why = "big-endian data is not read";
  else if (strchr(code, 'O')) why = "Python objects are not read";
  else if (strpbrk(code, "SUa")) why = "text is not read";
  else if (strchr(code, 'V')) why = "raw and structured data is not read";
  else if (strchr(code, 'c')) why = "complex numbers are not read";
  return frt_fail(s->err, FRT_DATA_LOSS, "npy header: descr '%s': %s", code, why);
}

static frt_status_t take_descr(scan_t *s) {
  char code[32];
  skip_spaces(s);
  if (s->at < s->end && (*s->at == '[' || *s->at == '('))
    return frt_fail(s->err, FRT_DATA_LOSS,
                    "npy header: descr: structured data is not read");
  FRT_TRY(take_text(s, code, sizeof code));
  for (size_t i = 0; i < FRTI_COUNT(dtypes); ++i) {
    /* For one-byte elements the order means nothing: numpy writes '|'. */
    bool order = code[0] == dtypes[i].code[0] ||
                 (dtypes[i].code[0] == '|' && code[0] == '<');
    if (!order || strcmp(code + 1, dtypes[i].code + 1)) continue;
    s->dtype = dtypes[i].dtype;
    return FRT_OK;
  }
  return refuse_dtype(s, code);
}

static bool take_word(scan_t *s, const char *word) {
  size_t n = strlen(word);
  skip_spaces(s);
  if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n)) return false;
  s->at += n;
  return true;
}

static frt_status_t take_order(scan_t *s) {
  if (take_word(s, "True"))
    return frt_fail(s->err, FRT_DATA_LOSS,
                    "npy header: fortran_order True is not read, only C order");
  return take_word(s, "False") ? FRT_OK : bad(s, "fortran_order: wanted True or False");
}

static frt_status_t take_extent(scan_t *s, int64_t *out) {
  int64_t v = 0;
  const char *from;
  skip_spaces(s);
  for (from = s->at; s->at < s->end && *s->at >= '0' && *s->at <= '9'; ++s->at)
    if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *s->at - '0', &v))
      return bad(s, "shape: extent overflows");
  if (s->at == from) return bad(s, "shape: wanted an extent");
  if (s->at < s->end && *s->at == 'L') ++s->at; /* as Python 2 wrote it */
  *out = v;
  return FRT_OK;
}

static frt_status_t take_shape(scan_t *s) {
  bool comma = false;
  if (!take(s, '(')) return bad(s, "shape: wanted '('");
  while (!take(s, ')')) {
    if (s->rank && !comma) return bad(s, "shape: wanted ',' or ')'");
    if (s->rank == FRT_MAX_RANK) return bad(s, "shape: rank above 9");
    FRT_TRY(take_extent(s, &s->dims[s->rank++]));
    comma = take(s, ',');
  }
  /* "(3)" is a number in Python, not a shape. */
  if (s->rank == 1 && !comma) return bad(s, "shape: wanted ','");
  return FRT_OK;
}

static frt_status_t take_item(scan_t *s) {
  char key[32];
  bool *seen;
  FRT_TRY(take_text(s, key, sizeof key));
  seen = !strcmp(key, "descr") ? &s->has_descr
         : !strcmp(key, "fortran_order") ? &s->has_order
         : !strcmp(key, "shape") ? &s->has_shape : NULL;
  if (!seen)
    return frt_fail(s->err, FRT_DATA_LOSS, "npy header: unknown key '%s'", key);
  if (*seen)
    return frt_fail(s->err, FRT_DATA_LOSS, "npy header: key '%s' given twice", key);
  *seen = true;
  if (!take(s, ':')) return bad(s, "wanted ':'");
  if (seen == &s->has_descr) return take_descr(s);
  return seen == &s->has_order ? take_order(s) : take_shape(s);
}

static frt_status_t take_header(scan_t *s) {
  const char *missing;
  bool comma = true;
  if (!take(s, '{')) return bad(s, "wanted '{'");
  while (!take(s, '}')) {
    if (!comma) return bad(s, "wanted ',' or '}'");
    FRT_TRY(take_item(s));
    comma = take(s, ',');
  }
  skip_spaces(s);
  if (s->at != s->end) return bad(s, "text after '}'");
  missing = !s->has_descr ? "descr" : !s->has_order ? "fortran_order"
            : !s->has_shape ? "shape" : NULL;
  if (missing)
    return frt_fail(s->err, FRT_DATA_LOSS, "npy header: key '%s' is missing", missing);
  return FRT_OK;
}

/* Where the header's text begins and ends. */
static frt_status_t find_header(const uint8_t *p, size_t n, size_t *from, size_t *to,
                                frt_error_t *err) {
  uint64_t len;
  if (n >= 4 && !memcmp(p, "PK\x03\x04", 4))
    return frt_fail(err, FRT_DATA_LOSS, "not an npy file: a zip archive; wanted one array of "
                    "an .npz, not the whole");
  if (n < MAGIC || memcmp(p, magic, MAGIC))
    return frt_fail(err, FRT_DATA_LOSS, "not an npy file: wrong magic at offset 0");
  if (n < MAGIC + 2) goto cut;
  if (p[6] < 1 || p[6] > 3 || p[7])
    return frt_fail(err, FRT_DATA_LOSS, "npy version %u.%u at offset 6, wanted 1.0 to 3.0",
                    p[6], p[7]);
  *from = p[6] == 1 ? 10 : 12;
  if (n < *from) goto cut;
  len = p[8] | (uint64_t)p[9] << 8;
  if (p[6] > 1) len |= (uint64_t)p[10] << 16 | (uint64_t)p[11] << 24;
  if (len > n - *from)
    return frt_fail(err, FRT_DATA_LOSS,
                    "npy header of %" PRIu64 " bytes at offset 8, the file ends at %zu", len,
                    n);
  *to = *from + (size_t)len;
  return FRT_OK;
cut:
  return frt_fail(err, FRT_DATA_LOSS, "npy file ends at offset %zu, within the header", n);
}

frt_status_t frt_npy_parse(const void *bytes, size_t n, frt_tensor_t **out,
                           frt_error_t *err) {
  const uint8_t *p = bytes;
  scan_t s = {.file = bytes, .err = err};
  size_t from = 0, to = 0, wanted;
  char text[160];
  int64_t numel;
  *out = NULL;
  FRT_TRY(find_header(p, n, &from, &to, err));
  s.at = (const char *)p + from;
  s.end = (const char *)p + to;
  FRT_TRY(take_header(&s));
  frti_dims_text(text, sizeof text, s.rank, s.dims);
  if (!frti_numel(s.rank, s.dims, &numel) ||
      !frti_mul_size((size_t)numel, frt_dtype_size(s.dtype), &wanted))
    return frt_fail(err, FRT_DATA_LOSS, "npy header: shape %s overflows", text);
  if (wanted != n - to)
    return frt_fail(err, FRT_DATA_LOSS,
                    "npy data: %s %s needs %zu bytes at offset %zu, there are %zu",
                    frt_dtype_name(s.dtype), text, wanted, to, n - to);
  return frti_io_tensor((frt_dtype_t)s.dtype, s.rank, s.dims, p + to, out, err);
}

frt_status_t frt_npy_load(const char *path, frt_tensor_t **out, frt_error_t *err) {
  uint8_t *bytes;
  size_t n;
  frt_status_t status;
  *out = NULL;
  FRT_TRY(frti_file_read(path, 0, &bytes, &n, err));
  status = frt_npy_parse(bytes, n, out, err);
  frti_free(bytes);
  return status == FRT_OK ? FRT_OK : frti_io_in_file(err, status, path);
}

/* Numpy leaves room for the first extent to grow to 20 digits in place, then pads so
 * that the data begins at a multiple of 64. */
static void add_header(frti_str_t *s, const char *code, const frt_tensor_t *t) {
  uint32_t rank = frt_tensor_rank(t);
  const int64_t *dims = frt_tensor_dims(t);
  size_t length;
  frti_str_add_n(s, "\x93NUMPY\x01\x00\x00\x00", 10);
  frti_str_addf(s, "{'descr': '%s', 'fortran_order': False, 'shape': (", code);
  for (uint32_t i = 0; i < rank; ++i)
    frti_str_addf(s, "%s%" PRId64 "%s", i ? " " : "", dims[i],
                  rank == 1 || i + 1 < rank ? "," : "");
  frti_str_add(s, "), }");
  if (rank) {
    int digits = snprintf(NULL, 0, "%" PRId64, dims[0]);
    for (int i = digits; i < GROWTH; ++i) frti_str_add(s, " ");
  }
  while (!s->failed && (s->len + 1) % 64) frti_str_add(s, " ");
  frti_str_add(s, "\n");
  if (s->failed) return;
  length = s->len - 10;
  s->text[8] = (char)(length & 255);
  s->text[9] = (char)(length >> 8);
}

frt_status_t frti_npy_serialize(const frt_tensor_t *t, void **bytes, size_t *n,
                                frt_error_t *err) {
  frti_str_t s = {0};
  const char *code = NULL;
  for (size_t i = 0; i < FRTI_COUNT(dtypes); ++i)
    if (dtypes[i].dtype == (uint32_t)frt_tensor_dtype(t)) code = dtypes[i].code;
  if (!code)
    return frt_fail(err, FRT_UNIMPLEMENTED, "npy has no %s",
                    frt_dtype_name(frt_tensor_dtype(t)));
  add_header(&s, code, t);
  if (frt_tensor_bytes(t)) frti_str_add_n(&s, frt_tensor_data(t), frt_tensor_bytes(t));
  *bytes = s.text;
  *n = s.len;
  if (!s.failed) return FRT_OK;
  frti_str_release(&s);
  return frti_no_memory(err);
}

frt_status_t frt_npy_save(const char *path, const frt_tensor_t *t, frt_error_t *err) {
  void *bytes;
  size_t n;
  frt_status_t status = frti_npy_serialize(t, &bytes, &n, err);
  if (status == FRT_UNIMPLEMENTED) return frti_io_in_file(err, status, path);
  FRT_TRY(status);
  status = frti_file_write(path, bytes, n, err);
  frti_free(bytes);
  return status;
}
