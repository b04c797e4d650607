/* Single arrays out of an .npz, the zip file that numpy.savez writes: members as they are,
 * without compression. */
#include <string.h>

#include "io/io.h"

enum { LOCAL_HEAD = 30, ENTRY_HEAD = 46, END_HEAD = 22, MAX_COMMENT = 65535 };
enum { ENCRYPTED = 1, STORED = 0 };

typedef struct archive {
  const uint8_t *bytes;
  size_t n;
  size_t start, size; /* the directory */
  const char *path;
  frt_error_t *err;
} archive_t;

typedef struct member {
  const char *name; /* not terminated */
  size_t name_len, offset, bytes;
  uint32_t flags, method, crc, packed;
} member_t;

static uint32_t u16(const uint8_t *at) { return at[0] | (uint32_t)at[1] << 8; }
static uint32_t u32(const uint8_t *at) { return u16(at) | u16(at + 2) << 16; }

static frt_status_t damaged(const archive_t *a, const char *what) {
  return frt_fail(a->err, FRT_DATA_LOSS, "'%.200s': %s", a->path, what);
}

static frt_status_t too_new(const archive_t *a, const char *name, size_t n, const char *what) {
  return frt_fail(a->err, FRT_UNIMPLEMENTED, "'%.160s': '%.*s' is %s", a->path,
                  (int)FRTI_MIN(n, 80u), name, what);
}

/* The end record stands last, but for a comment of the length that it says. */
static frt_status_t find_directory(archive_t *a) {
  const size_t deepest = a->n > END_HEAD + MAX_COMMENT ? a->n - END_HEAD - MAX_COMMENT : 0;
  for (size_t at = a->n < END_HEAD ? 0 : a->n - END_HEAD + 1; at-- > deepest;) {
    const uint8_t *end = a->bytes + at;
    if (memcmp(end, "PK\5\6", 4) || u16(end + 20) != a->n - at - END_HEAD) continue;
    a->size = u32(end + 12);
    a->start = u32(end + 16);
    if (a->start > at || a->size != at - a->start)
      return damaged(a, "the directory is not where the end record says");
    return FRT_OK;
  }
  return damaged(a, "no zip file, or cut");
}

/* The entry at *at of the directory; *at goes behind it. */
static frt_status_t take_member(const archive_t *a, size_t *at, member_t *m) {
  const uint8_t *e = a->bytes + *at;
  const size_t left = a->start + a->size - *at;
  if (left < ENTRY_HEAD || memcmp(e, "PK\1\2", 4)) return damaged(a, "a bad directory entry");
  const size_t more = u16(e + 28) + u16(e + 30) + u16(e + 32);
  if (more > left - ENTRY_HEAD) return damaged(a, "a directory entry past the end");
  *m = (member_t){.name = (const char *)e + ENTRY_HEAD, .name_len = u16(e + 28),
                  .offset = u32(e + 42), .bytes = u32(e + 24), .packed = u32(e + 20),
                  .flags = u16(e + 8), .method = u16(e + 10), .crc = u32(e + 16)};
  *at += ENTRY_HEAD + more;
  return FRT_OK;
}

static bool is_array(const member_t *m, const char *array) {
  const size_t n = strlen(array);
  if (m->name_len != n && m->name_len != n + 4) return false;
  return !memcmp(m->name, array, n) &&
         (m->name_len == n || !memcmp(m->name + n, ".npy", 4));
}

static void offer(frti_nearest_t *near, const member_t *m, char *to, size_t cap) {
  size_t n = FRTI_MIN(m->name_len, cap - 1);
  if (n > 4 && !memcmp(m->name + n - 4, ".npy", 4)) n -= 4;
  memcpy(to, m->name, n);
  to[n] = 0;
  frti_nearest_offer(near, to);
}

static frt_status_t find_member(const archive_t *a, const char *array, member_t *m) {
  char names[2][96], *name = names[0];
  frti_nearest_t near = {.wanted = array};
  for (size_t at = a->start; at < a->start + a->size;) {
    FRT_TRY(take_member(a, &at, m));
    if (is_array(m, array)) return FRT_OK;
    offer(&near, m, name, sizeof names[0]);
    if (near.best == name) name = names[name == names[0]]; /* keep the best one's text */
  }
  frt_fail(a->err, FRT_NOT_FOUND, "'%.160s' has no array '%.80s'%s%s%s", a->path, array,
           near.best ? "; nearest is '" : "", near.best ? near.best : "",
           near.best ? "'" : "");
  return frti_error_name(a->err, FRT_NOT_FOUND, array);
}

/* The one of zip: reflected, 0xedb88320. */
static uint32_t crc32_of(const uint8_t *bytes, size_t n) {
  uint32_t crc = ~0u;
  for (size_t i = 0; i < n; ++i) {
    crc ^= bytes[i];
    for (int k = 0; k < 8; ++k) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
  }
  return ~crc;
}

static frt_status_t read_member(const archive_t *a, const member_t *m, frt_tensor_t **out) {
  if (m->flags & ENCRYPTED) return too_new(a, m->name, m->name_len, "encrypted");
  if (m->method != STORED)
    return too_new(a, m->name, m->name_len,
                   "compressed; save it with numpy.savez, not savez_compressed");
  if (m->bytes == UINT32_MAX || m->offset == UINT32_MAX)
    return too_new(a, m->name, m->name_len, "in an archive of more than 4 GiB");
  if (m->offset > a->start || a->start - m->offset < LOCAL_HEAD ||
      memcmp(a->bytes + m->offset, "PK\3\4", 4))
    return damaged(a, "a member is not where the directory says");
  const uint8_t *head = a->bytes + m->offset;
  const size_t data = m->offset + LOCAL_HEAD + u16(head + 26) + u16(head + 28);
  if (m->packed != m->bytes || data > a->start || m->bytes > a->start - data)
    return damaged(a, "a member runs past the end");
  if (crc32_of(a->bytes + data, m->bytes) != m->crc)
    return damaged(a, "a member has changed since it was saved (CRC)");
  const frt_status_t status = frt_npy_parse(a->bytes + data, m->bytes, out, a->err);
  return status == FRT_OK ? FRT_OK : frti_io_in_file(a->err, status, a->path);
}

frt_status_t frt_npz_load(const char *path, const char *array, frt_tensor_t **out,
                          frt_error_t *err) {
  archive_t a = {.path = path, .err = err};
  member_t m;
  uint8_t *bytes;
  *out = NULL;
  FRT_TRY(frti_file_read(path, 0, &bytes, &a.n, err));
  a.bytes = bytes;
  frt_status_t status = find_directory(&a);
  if (status == FRT_OK) status = find_member(&a, array, &m);
  if (status == FRT_OK) status = read_member(&a, &m, out);
  frti_free(bytes);
  return status;
}
