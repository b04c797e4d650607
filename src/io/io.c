/* Names of files, and what the readers share. */
#include "io/io.h"

#include <stdio.h>
#include <string.h>

frt_status_t frti_io_in_file(frt_error_t *err, frt_status_t status, const char *path) {
  char whole[2 * sizeof err->message];
  size_t n;
  if (!err) return status;
  snprintf(whole, sizeof whole, "'%.200s': %s", path, err->message);
  n = FRTI_MIN(strlen(whole), sizeof err->message - 1);
  memcpy(err->message, whole, n);
  err->message[n] = 0;
  if (whole[n]) memcpy(err->message + sizeof err->message - 4, "...", 4);
  return frti_error_name(err, status, path);
}

char *frti_io_join(const char *dir, const char *file) {
  frti_str_t s = {0};
  frti_str_add(&s, dir);
  if (s.len && s.text[s.len - 1] != '/') frti_str_add(&s, "/");
  frti_str_add(&s, file);
  if (s.failed) frti_str_release(&s);
  return s.text;
}

frt_status_t frti_io_tensor(frt_dtype_t dtype, uint32_t rank, const int64_t *dims,
                            const uint8_t *bytes, frt_tensor_t **out, frt_error_t *err) {
  FRT_TRY(frt_tensor_create(dtype, rank, dims, out, err));
  size_t n = frt_tensor_bytes(*out);
  uint8_t *to = frt_tensor_data(*out);
  if (dtype == FRT_BOOL)
    for (size_t i = 0; i < n; ++i) to[i] = bytes[i] != 0;
  else if (n)
    memcpy(to, bytes, n);
  return FRT_OK;
}

/* ---- variable names as file names ------------------------------------------------ */

/* What stands for itself in no file name: '/', '%', control characters, and the dots of
 * "." and "..", which are folders. */
static bool coded(char c, bool dots) {
  return c == '%' || c == '/' || dots || (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_dots(const char *name) { return !strcmp(name, ".") || !strcmp(name, ".."); }

frt_status_t frt_name_to_file(const char *name, char *to, size_t cap, frt_error_t *err) {
  static const char digits[] = "0123456789ABCDEF";
  const bool dots = is_dots(name);
  size_t n = 0;
  for (const char *at = name; *at; ++at) {
    const unsigned char c = (unsigned char)*at;
    const size_t len = coded(*at, dots) ? 3 : 1;
    if (n + len >= cap) goto too_long;
    if (len == 3) {
      to[n++] = '%';
      to[n++] = digits[c >> 4];
      to[n++] = digits[c & 15];
    } else {
      to[n++] = *at;
    }
  }
  if (n >= cap) goto too_long;
  to[n] = 0;
  return FRT_OK;
too_long:
  if (cap) to[0] = 0;
  frt_fail(err, FRT_INVALID_ARGUMENT, "name '%.96s': its file name does not fit in %zu bytes",
           name, cap);
  return frti_error_name(err, FRT_INVALID_ARGUMENT, name);
}

frt_status_t frti_io_file_name(const char *name, const char *suffix,
                               char to[FRTI_IO_NAME], frt_error_t *err) {
  const size_t n = strlen(suffix);
  FRT_TRY(frt_name_to_file(name, to, FRTI_IO_NAME - n, err));
  strcat(to, suffix);
  return FRT_OK;
}

frt_status_t frti_io_save(const frti_folder_t *f, const char *name, const char *suffix,
                          frti_serialize_fn serialize, const frt_tensor_t *t,
                          frt_error_t *err) {
  char file[FRTI_IO_NAME];
  void *bytes;
  size_t n;
  FRT_TRY(frti_io_file_name(name, suffix, file, err));
  FRT_TRY(serialize(t, &bytes, &n, err));
  const frt_status_t status = frti_folder_write(f, file, bytes, n, err);
  frti_free(bytes);
  return status;
}

static int hex(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The character that "%XX" stands for; false: no code that frt_name_to_file writes. */
static bool decode(const char *at, char *to) {
  const int high = hex(at[1]), low = high < 0 ? -1 : hex(at[2]);
  if (low < 0 || (!high && !low)) return false;
  *to = (char)(high << 4 | low);
  return coded(*to, *to == '.');
}

frt_status_t frt_file_to_name(const char *file, char *to, size_t cap, frt_error_t *err) {
  const char *why = "does not fit";
  bool dot = false; /* one was coded: right in "." and ".." only */
  size_t n = 0;
  for (const char *at = file; *at; ++at, ++n) {
    if (n + 1 >= cap) goto bad;
    to[n] = *at;
    why = "'/' in a file name";
    if (*at == '/') goto bad;
    why = "'%' without the number of a character that needs it";
    if (*at == '%') {
      if (!decode(at, &to[n])) goto bad;
      dot = dot || to[n] == '.';
      at += 2;
    }
    why = "does not fit";
  }
  if (n >= cap) goto bad;
  to[n] = 0;
  why = "a coded '.' in a longer name";
  if (!dot || is_dots(to)) return FRT_OK;
bad:
  if (cap) to[0] = 0;
  frt_fail(err, FRT_INVALID_ARGUMENT, "file name '%.96s': %s", file, why);
  return frti_error_name(err, FRT_INVALID_ARGUMENT, file);
}
