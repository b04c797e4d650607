/* Errors get their place on the way up. */
#include <stdio.h>
#include <string.h>

#include "base/base.h"

static void cut(char *to, size_t cap, const char *text) {
  snprintf(to, cap, "%s", text);
}

/* Names come from anyone: what would steer a terminal becomes '?', also where UTF-8
 * says it in two bytes (U+0080 to U+009F). */
static void clean(char *s) {
  for (unsigned char *at = (unsigned char *)s; *at; ++at) {
    if (*at < 0x20 || *at == 0x7f) *at = *at == '\n' ? ' ' : '?';
    if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) at[0] = at[1] = '?';
  }
}

/* Puts `prefix` before the message; a message that no longer fits ends in "...". */
static void put_before(frt_error_t *err, const char *prefix) {
  char whole[sizeof err->message + 128];
  size_t n;
  snprintf(whole, sizeof whole, "%s%s", prefix, err->message);
  n = strlen(whole);
  if (n >= sizeof err->message) {
    memcpy(err->message, whole, sizeof err->message - 4);
    memcpy(err->message + sizeof err->message - 4, "...", 4);
  } else {
    memcpy(err->message, whole, n + 1);
  }
}

/* A provider may have returned a code without filling the record, or without ending
 * its text. */
static void complete(frt_error_t *err, frt_status_t status) {
  err->message[sizeof err->message - 1] = 0;
  err->op_type[sizeof err->op_type - 1] = 0;
  err->name[sizeof err->name - 1] = 0;
  if (!err->message[0]) cut(err->message, sizeof err->message, frt_status_text(status));
  clean(err->message);
  err->status = (uint32_t)status;
}

frt_status_t frti_known_status(frt_status_t status) {
  return frt_status_text(status) == frt_status_text((frt_status_t)-1) ? FRT_INTERNAL : status;
}

frt_status_t frti_error_at(frt_error_t *err, frt_status_t status, frt_phase_t phase,
                           int32_t block, int32_t op, const char *op_type) {
  char prefix[96];
  status = frti_known_status(status);
  if (!err) return status;
  complete(err, status);
  err->phase = (uint32_t)phase;
  /* The innermost place wins: an error of a sub-block's op keeps it. */
  if (err->block >= 0 && !strncmp(err->message, "block ", 6)) return status;
  err->block = block;
  err->op = op;
  cut(err->op_type, sizeof err->op_type, op_type ? op_type : "");
  clean(err->op_type);
  if (block < 0) return status;
  if (op < 0)
    snprintf(prefix, sizeof prefix, "block %d: ", block);
  else
    snprintf(prefix, sizeof prefix, "block %d op #%d%s%.47s: ", block, op,
             op_type ? " " : "", op_type ? err->op_type : "");
  put_before(err, prefix);
  return status;
}

frt_status_t frti_error_phase(frt_error_t *err, frt_status_t status, frt_phase_t phase) {
  status = frti_known_status(status);
  if (err) {
    complete(err, status);
    err->phase = (uint32_t)phase;
  }
  return status;
}

frt_status_t frti_error_name(frt_error_t *err, frt_status_t status, const char *name) {
  if (err) {
    cut(err->name, sizeof err->name, name);
    clean(err->name);
  }
  return status;
}
