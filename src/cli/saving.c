/* Programs to files: the kind goes by the suffix. And a filter on serialized
 * programs that drops one attribute. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static bool is_binary(const char *path) {
  const char *slash = strrchr(path, '/');
  return frti_cli_ends_with(path, ".pb") || frti_cli_ends_with(path, ".pdmodel") ||
         !strcmp(slash ? slash + 1 : path, "__model__");
}

/* To the side, synced, renamed: a reader never sees half a file. */
static int write_text(const frti_cli_t *cli, const char *path, const char *text) {
  char *side = frti_cli_text("%s.tmp%ld", path, (long)getpid());
  FILE *f = fopen(side, "w");
  int code = CLI_OK;
  if (!f) {
    code = frti_cli_fail(cli, CLI_CANNOT_CREATE, "%s: %s", path, strerror(errno));
  } else {
    bool good = fputs(text, f) >= 0 && !fflush(f) && !fsync(fileno(f));
    good = !fclose(f) && good;
    if (!good || rename(side, path)) {
      code = frti_cli_fail(cli, CLI_CANNOT_WRITE, "%s: %s", path, strerror(errno));
      unlink(side);
    }
  }
  free(side);
  return code;
}

int frti_cli_save_program(
    const frti_cli_t *cli, const frt_program_t *p, const char *path) {
  frt_error_t err = FRT_ERROR_INIT;
  char *text = NULL;
  int code = CLI_OK;
  if (is_binary(path))
    return frt_program_save(p, path, &err) ? frti_cli_write_error(cli, path, &err)
                                           : CLI_OK;
  if (!frti_cli_ends_with(path, ".pbtxt"))
    return frti_cli_fail(cli, CLI_USAGE,
        "%s: the kind of file goes by the suffix: .pdmodel, .pb or "
        "__model__ (binary), .pbtxt (text)",
        path);
  if (frt_program_to_text(p, &text, &err)) return frti_cli_error(cli, path, &err);
  code = write_text(cli, path, text);
  frt_free(text);
  return code;
}

/* ---- dropping op_callstack from the wire bytes -------------------------------------
 * Fields of program.proto: ProgramDesc.blocks 1, BlockDesc.ops 4, OpDesc.attrs 4,
 * Attr.name 1. All four are length-delimited; everything else is copied as it is. */

typedef struct span {
  const uint8_t *at, *end;
} span_t;

typedef struct bytes {
  uint8_t *data;
  size_t n, cap;
} bytes_t;

static void append(bytes_t *b, const void *data, size_t n) {
  if (b->n + n > b->cap) {
    uint8_t *grown = frti_cli_alloc(b->cap = 2 * (b->n + n));
    if (b->n) memcpy(grown, b->data, b->n);
    free(b->data);
    b->data = grown;
  }
  if (n) memcpy(b->data + b->n, data, n);
  b->n += n;
}

static bool varint(span_t *s, uint64_t *out) {
  *out = 0;
  for (unsigned shift = 0; shift < 64 && s->at < s->end; shift += 7) {
    const uint8_t byte = *s->at++;
    *out |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) return true;
  }
  return false;
}

static void append_varint(bytes_t *b, uint64_t v) {
  for (; v > 127; v >>= 7) append(b, &(uint8_t){(uint8_t)(v | 128)}, 1);
  append(b, &(uint8_t){(uint8_t)v}, 1);
}

/* One field: its tag, and for a length-delimited one its contents. */
static bool field(span_t *s, uint64_t *tag, span_t *inside) {
  uint64_t n = 0;
  inside->at = NULL;
  if (!varint(s, tag)) return false;
  switch (*tag & 7) {
    case 0:
      return varint(s, &n);
    case 1:
      n = 8;
      break;
    case 2:
      if (!varint(s, &n)) return false;
      break;
    case 5:
      n = 4;
      break;
    default:
      return false;
  }
  if (n > (uint64_t)(s->end - s->at)) return false;
  inside->at = s->at;
  s->at += n;
  inside->end = s->at;
  return true;
}

static bool is_callstack(span_t attr) {
  uint64_t tag;
  span_t inside;
  while (attr.at < attr.end && field(&attr, &tag, &inside))
    if (tag >> 3 == 1 && (tag & 7) == 2)
      return inside.end - inside.at == 12 && !memcmp(inside.at, "op_callstack", 12);
  return false;
}

/* level 0 ProgramDesc, 1 BlockDesc, 2 OpDesc. */
static bool strip(span_t s, unsigned level, bytes_t *out) {
  static const uint64_t DOWN[] = {1, 4, 4};
  while (s.at < s.end) {
    const uint8_t *start = s.at;
    uint64_t tag;
    span_t inside;
    if (!field(&s, &tag, &inside)) return false;
    if ((tag & 7) != 2 || tag >> 3 != DOWN[level]) {
      append(out, start, (size_t)(s.at - start));
    } else if (level == 2) {
      if (!is_callstack(inside)) append(out, start, (size_t)(s.at - start));
    } else {
      bytes_t part = {0};
      const bool good = strip(inside, level + 1, &part);
      append_varint(out, tag);
      append_varint(out, part.n);
      append(out, part.data, part.n);
      free(part.data);
      if (!good) return false;
    }
  }
  return true;
}

bool frti_cli_strip_callstack(const void *data, size_t n, void **out, size_t *out_n) {
  bytes_t result = {0};
  const uint8_t *at = data;
  if (!strip((span_t){at, at + n}, 0, &result)) {
    free(result.data);
    return false;
  }
  *out = result.data;
  *out_n = result.n;
  return true;
}
