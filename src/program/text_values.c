/* Tokens, numbers and strings of protobuf text, written as wire bytes. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "program/text.h"

enum { LENGTH_BYTES = 5 };

/* ---- errors ------------------------------------------------------------------------- */

frt_status_t frti_text_fault(const frti_text_reader_t *r, const char *where, const char *fmt, ...) {
  size_t line = 1, column = 1;
  char what[280];
  va_list ap;
  for (const char *s = r->text; s < where; ++s) {
    if (*s == '\n') ++line, column = 1;
    else if (((unsigned char)*s & 0xc0) != 0x80) ++column;
  }
  va_start(ap, fmt);
  frt_error_text_(what, sizeof what, fmt, ap);
  va_end(ap);
  return frt_fail(r->err, FRT_DATA_LOSS, "line %zu, column %zu: %s", line, column, what);
}

frt_status_t frti_text_unexpected(const frti_text_reader_t *r, const char *wanted) {
  if (r->at == r->end) return frti_text_fault(r, r->at, "the text ends; wanted %s", wanted);
  if (*r->at > ' ' && *r->at < 0x7f)
    return frti_text_fault(r, r->at, "'%c'; wanted %s", *r->at, wanted);
  return frti_text_fault(r, r->at, "a byte 0x%02x; wanted %s", (unsigned char)*r->at, wanted);
}

/* ---- tokens --------------------------------------------------------------------------- */

void frti_text_skip(frti_text_reader_t *r) {
  for (; r->at < r->end; ++r->at) {
    if (*r->at == '#') {
      const char *line = memchr(r->at, '\n', (size_t)(r->end - r->at));
      r->at = line ? line : r->end;
      if (!line) return;
    } else if (!strchr(" \t\r\n\f\v", *r->at) || !*r->at) {
      return;
    }
  }
}

bool frti_text_take(frti_text_reader_t *r, char c) {
  frti_text_skip(r);
  if (r->at == r->end || *r->at != c) return false;
  ++r->at;
  return true;
}

static bool is_word(char c) {
  return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '+' || c == '-';
}

frt_status_t frti_text_token(frti_text_reader_t *r, const char *wanted, frti_text_token_t *t) {
  frti_text_skip(r);
  t->from = r->at;
  while (r->at < r->end && is_word(*r->at)) ++r->at;
  t->n = (size_t)(r->at - t->from);
  if (!t->n) return frti_text_unexpected(r, wanted);
  if (t->n >= FRTI_TEXT_TOKEN)
    return frti_text_fault(r, t->from, "%zu letters; wanted %s", t->n, wanted);
  memcpy(t->s, t->from, t->n);
  t->s[t->n] = 0;
  return FRT_OK;
}

/* ---- wire bytes -------------------------------------------------------------------------- */

static void put(frti_text_reader_t *r, const void *bytes, size_t n) {
  frti_str_add_n(&r->out, bytes, n);
}

static size_t varint(uint64_t v, uint8_t *to) {
  size_t n = 0;
  for (; v >= 0x80; v >>= 7) to[n++] = (uint8_t)(v | 0x80);
  to[n++] = (uint8_t)v;
  return n;
}

static void put_varint(frti_text_reader_t *r, uint64_t v) {
  uint8_t bytes[10];
  put(r, bytes, varint(v, bytes));
}

static void put_tag(frti_text_reader_t *r, const frti_text_target_t *to, uint32_t wire) {
  put_varint(r, (uint64_t)to->number << 3 | wire);
}

static void put_number(frti_text_reader_t *r, const frti_text_target_t *to, uint64_t v) {
  put_tag(r, to, FRTI_VARINT);
  put_varint(r, v);
}

static void put_fixed(frti_text_reader_t *r, const frti_text_target_t *to, uint64_t v,
                      bool narrow) {
  put_tag(r, to, narrow ? FRTI_FIXED32 : FRTI_FIXED64);
  put(r, &v, narrow ? 4 : 8); /* little endian, a platform requirement */
}

size_t frti_text_open(frti_text_reader_t *r, const frti_text_target_t *to) {
  static const uint8_t room[LENGTH_BYTES];
  put_tag(r, to, FRTI_LENGTH);
  put(r, room, sizeof room);
  return r->out.len;
}

void frti_text_close(frti_text_reader_t *r, size_t start) {
  uint8_t bytes[10];
  if (r->out.failed) return;
  const size_t n = r->out.len - start, k = varint(n, bytes);
  char *head = r->out.text + start - LENGTH_BYTES;
  memcpy(head, bytes, k);
  memmove(head + k, r->out.text + start, n);
  r->out.len -= LENGTH_BYTES - k;
}

/* ---- numbers -------------------------------------------------------------------------------- */

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int letter = tolower((unsigned char)c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : 99;
}

bool frti_text_magnitude(const char *s, uint64_t *out) {
  uint64_t base = 10;
  *out = 0;
  if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) base = 16, s += 2;
  else if (s[0] == '0' && s[1]) base = 8, ++s;
  if (!*s) return false;
  for (; *s; ++s) {
    const uint64_t d = (uint64_t)digit(*s);
    if (d >= base || __builtin_mul_overflow(*out, base, out) ||
        __builtin_add_overflow(*out, d, out))
      return false;
  }
  return true;
}

static frt_status_t read_int(frti_text_reader_t *r, const frti_text_target_t *to, bool narrow,
                             int64_t *out) {
  frti_text_token_t t;
  uint64_t v;
  FRT_TRY(frti_text_token(r, "a whole number", &t));
  const bool minus = t.s[0] == '-';
  const uint64_t most = (narrow ? (uint64_t)INT32_MAX : (uint64_t)INT64_MAX) + minus;
  if (!frti_text_magnitude(t.s + minus, &v))
    return frti_text_fault(r, t.from, "%s: '%.40s' is not a whole number", to->name, t.s);
  if (v > most)
    return frti_text_fault(r, t.from, "%s: %.40s does not fit %d bits", to->name, t.s,
                 narrow ? 32 : 64);
  *out = minus ? (int64_t)(0 - v) : (int64_t)v;
  return FRT_OK;
}

static bool parse_special(const char *s, double *out) {
  const bool minus = *s == '-';
  s += minus;
  if (!strcasecmp(s, "inf") || !strcasecmp(s, "infinity")) *out = INFINITY;
  else if (!strcasecmp(s, "nan")) *out = NAN;
  else return false;
  if (minus) *out = -*out;
  return true;
}

/* strtod wants the locale's decimal point, which stands between 0 and 5 of 0.5. */
static bool parse_decimal(const char *s, bool narrow, double *out) {
  char half[16], own[FRTI_TEXT_TOKEN + 16], *end;
  size_t n = strlen(s);
  snprintf(half, sizeof half, "%.1f", 0.5);
  const size_t point_len = strlen(half) - 2;
  if (n && (s[n - 1] == 'f' || s[n - 1] == 'F')) --n;
  if (strspn(s, "0123456789+-.eE") < n || !n) return false;
  const char *point = memchr(s, '.', n);
  if (point && memchr(point + 1, '.', n - (size_t)(point + 1 - s))) return false;
  const size_t whole = point ? (size_t)(point - s) : n;
  snprintf(own, sizeof own, "%.*s%.*s%.*s", (int)whole, s, point ? (int)point_len : 0,
           half + 1, point ? (int)(n - whole - 1) : 0, point ? point + 1 : "");
  errno = 0;
  *out = narrow ? (double)strtof(own, &end) : strtod(own, &end);
  return end != own && !*end && !isinf(*out);
}

static frt_status_t read_float(frti_text_reader_t *r, const frti_text_target_t *to, bool narrow) {
  frti_text_token_t t;
  double v;
  uint64_t bits = 0;
  FRT_TRY(frti_text_token(r, "a number", &t));
  if (!parse_special(t.s, &v) && !parse_decimal(t.s, narrow, &v))
    return frti_text_fault(r, t.from, "%s: '%.40s' is not a number that %s holds", to->name, t.s,
                 narrow ? "a float" : "a double");
  const float f = (float)v;
  if (narrow) memcpy(&bits, &f, sizeof f);
  else memcpy(&bits, &v, sizeof v);
  put_fixed(r, to, bits, narrow);
  return FRT_OK;
}

static frt_status_t read_bool(frti_text_reader_t *r, const frti_text_target_t *to) {
  static const char *const words[] = {"false", "true", "False", "True", "f", "t", "0", "1"};
  frti_text_token_t t;
  FRT_TRY(frti_text_token(r, "true or false", &t));
  for (size_t i = 0; i < FRTI_COUNT(words); ++i)
    if (!strcmp(t.s, words[i])) {
      put_number(r, to, i & 1);
      return FRT_OK;
    }
  return frti_text_fault(r, t.from, "%s: '%.40s'; wanted true or false", to->name, t.s);
}

static frt_status_t read_enum(frti_text_reader_t *r, const frti_text_target_t *to) {
  const ProtobufCEnumDescriptor *e = to->field->descriptor;
  frti_text_token_t t;
  frti_text_skip(r);
  if (r->at < r->end && !isalpha((unsigned char)*r->at)) {
    int64_t v;
    FRT_TRY(read_int(r, to, true, &v));
    put_number(r, to, (uint64_t)v);
    return FRT_OK;
  }
  FRT_TRY(frti_text_token(r, "a name", &t));
  const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value_by_name(e, t.s);
  if (v) {
    put_number(r, to, (uint64_t)(int64_t)v->value);
    return FRT_OK;
  }
  frti_nearest_t near = {.wanted = t.s};
  for (unsigned i = 0; i < e->n_values; ++i) frti_nearest_offer(&near, e->values[i].name);
  return frti_text_fault(r, t.from, "%s: no %s is called '%.40s'%s%s%s", to->name, e->short_name, t.s,
               near.best ? "; nearest is '" : "", near.best ? near.best : "",
               near.best ? "'" : "");
}

/* ---- strings ---------------------------------------------------------------------------------- */

static void put_utf8(frti_text_reader_t *r, uint32_t c) {
  uint8_t b[4];
  size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = n - 1; i > 0; --i, c >>= 6) b[i] = (uint8_t)(0x80 | (c & 0x3f));
  b[0] = (uint8_t)(lead[n] | c);
  put(r, b, n);
}

/* `least` to `most` digits of that base. */
static bool read_digits(frti_text_reader_t *r, int base, int least, int most, uint32_t *out) {
  int n = 0;
  *out = 0;
  for (; n < most && r->at < r->end && digit(*r->at) < base; ++n, ++r->at)
    *out = *out * (uint32_t)base + (uint32_t)digit(*r->at);
  return n >= least;
}

/* Behind the backslash. */
static frt_status_t read_escape(frti_text_reader_t *r) {
  static const char from[] = "nrtabfv\\'\"?", to[] = "\n\r\t\a\b\f\v\\'\"?";
  const char *start = r->at - 1, *known;
  uint32_t v = 0;
  uint8_t byte;
  bool good;
  if (r->at == r->end) return frti_text_fault(r, start, "the text ends within a string");
  const char c = *r->at;
  if (c && (known = strchr(from, c)) != NULL) {
    put(r, &to[known - from], 1);
    ++r->at;
    return FRT_OK;
  }
  if (c == 'u' || c == 'U') {
    ++r->at;
    good = read_digits(r, 16, c == 'u' ? 4 : 8, c == 'u' ? 4 : 8, &v) && v <= 0x10ffff &&
           (v < 0xd800 || v > 0xdfff);
    if (good) put_utf8(r, v);
    return good ? FRT_OK : frti_text_fault(r, start, "an escape that is no character");
  }
  if (c == 'x' || c == 'X') {
    ++r->at;
    good = read_digits(r, 16, 1, 2, &v);
  } else {
    good = read_digits(r, 8, 1, 3, &v) && v < 256;
  }
  if (!good) return frti_text_fault(r, start, "an escape that does not exist");
  byte = (uint8_t)v;
  put(r, &byte, 1);
  return FRT_OK;
}

/* One piece in quotes. */
static frt_status_t read_quoted(frti_text_reader_t *r) {
  const char *start = r->at, quote = *r->at++;
  while (r->at < r->end && *r->at != quote) {
    const char *plain = r->at;
    while (r->at < r->end && *r->at != quote && *r->at != '\\' && *r->at != '\n') ++r->at;
    put(r, plain, (size_t)(r->at - plain));
    if (r->at == r->end || *r->at == quote) break;
    if (*r->at == '\n') return frti_text_fault(r, start, "a string does not end on its line");
    ++r->at;
    FRT_TRY(read_escape(r));
  }
  if (r->at == r->end) return frti_text_fault(r, start, "the text ends within a string");
  ++r->at;
  return FRT_OK;
}

static bool at_quote(frti_text_reader_t *r) {
  frti_text_skip(r);
  return r->at < r->end && (*r->at == '"' || *r->at == '\'');
}

/* Pieces that follow each other are one string. */
static frt_status_t read_string(frti_text_reader_t *r, const frti_text_target_t *to) {
  if (!at_quote(r)) return frti_text_unexpected(r, "a string in quotes");
  const char *where = r->at;
  const size_t start = frti_text_open(r, to);
  do FRT_TRY(read_quoted(r));
  while (at_quote(r));
  if (r->out.failed) return FRT_OK;
  const char *why = NULL;
  if (to->field && to->field->type == PROTOBUF_C_TYPE_STRING)
    why = frti_wire_name_fault((const uint8_t *)r->out.text + start, r->out.len - start);
  frti_text_close(r, start);
  return why ? frti_text_fault(r, where, "%s: %s", to->name, why) : FRT_OK;
}

/* ---- one value ------------------------------------------------------------------------ */

/* What print writes of a field that has no name here: text, a number, or 0x with as many
 * digits as the field has room for. */
static frt_status_t read_unknown(frti_text_reader_t *r, const frti_text_target_t *to) {
  frti_text_token_t t;
  uint64_t v;
  if (at_quote(r)) return read_string(r, to);
  FRT_TRY(frti_text_token(r, "a number or a string", &t));
  const bool minus = t.s[0] == '-';
  if (!frti_text_magnitude(t.s + minus, &v) || (minus && v > (uint64_t)INT64_MAX + 1))
    return frti_text_fault(r, t.from, "%s: '%.40s' is neither a number nor a string", to->name, t.s);
  if (t.s[0] == '0' && (t.n == 10 || t.n == 18) && t.s[1] == 'x')
    put_fixed(r, to, v, t.n == 10);
  else
    put_number(r, to, minus ? 0 - v : v);
  return FRT_OK;
}

frt_status_t frti_text_scalar(frti_text_reader_t *r, const frti_text_target_t *to) {
  int64_t v;
  if (!to->field) return read_unknown(r, to);
  switch (to->field->type) {
    case PROTOBUF_C_TYPE_BOOL: return read_bool(r, to);
    case PROTOBUF_C_TYPE_ENUM: return read_enum(r, to);
    case PROTOBUF_C_TYPE_FLOAT: return read_float(r, to, true);
    case PROTOBUF_C_TYPE_DOUBLE: return read_float(r, to, false);
    case PROTOBUF_C_TYPE_STRING: case PROTOBUF_C_TYPE_BYTES: return read_string(r, to);
    default: break;
  }
  FRT_TRY(read_int(r, to, to->field->type == PROTOBUF_C_TYPE_INT32, &v));
  put_number(r, to, (uint64_t)v);
  return FRT_OK;
}
