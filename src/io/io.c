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

frt_status_t frt_name_to_file(const char *name, char *to, size_t cap, frt_error_t *err) {
  size_t n = 0;
  const bool dots = !strcmp(name, ".") || !strcmp(name, ".."); /* folders, not files */
  for (const char *at = name; *at; ++at) {
    const char *code = *at == '%' ? "%25" : *at == '/' ? "%2F" : dots ? "%2E" : NULL;
    size_t len = code ? 3 : 1;
    if (n + len >= cap) goto too_long;
    memcpy(to + n, code ? code : at, len);
    n += len;
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

frt_status_t frt_file_to_name(const char *file, char *to, size_t cap, frt_error_t *err) {
  const char *why = "does not fit";
  size_t n = 0;
  for (const char *at = file; *at; ++at, ++n) {
    if (n + 1 >= cap) goto bad;
    to[n] = *at;
    why = "'/' in a file name";
    if (*at == '/') goto bad;
    why = "'%' without 25, 2F or 2E";
    if (*at == '%') {
      if (at[1] != '2' || !at[2] || !strchr("5FE", at[2])) goto bad;
      to[n] = at[2] == '5' ? '%' : at[2] == 'F' ? '/' : '.';
      at += 2;
    }
    why = "does not fit";
  }
  if (n >= cap) goto bad;
  to[n] = 0;
  return FRT_OK;
bad:
  if (cap) to[0] = 0;
  frt_fail(err, FRT_INVALID_ARGUMENT, "file name '%.96s': %s", file, why);
  return frti_error_name(err, FRT_INVALID_ARGUMENT, file);
}
