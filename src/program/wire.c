#include "program/wire.h"

#include <string.h>

/* ---- the reader ---------------------------------------------------------------- */

static bool read_long_varint(frti_wire_t *w, int max_bytes, uint64_t *out) {
  uint64_t v = 0;
  for (int i = 0; i < max_bytes; ++i) {
    if (w->at == w->end) {
      w->why = "the bytes end within a number";
      return false;
    }
    const uint8_t byte = *w->at++;
    v |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (byte & 0x80) continue;
    if (i == 9 && byte > 1) break;
    *out = v;
    return true;
  }
  w->why = "a number is too long";
  return false;
}

static inline bool read_varint(frti_wire_t *w, int max_bytes, uint64_t *out) {
  if (w->at == w->end || *w->at & 0x80) return read_long_varint(w, max_bytes, out);
  *out = *w->at++;
  return true;
}

/* Host order is little endian (a platform requirement). */
static bool read_fixed(frti_wire_t *w, size_t n, uint64_t *out) {
  if ((size_t)(w->end - w->at) < n) {
    w->why = "the bytes end within a value";
    return false;
  }
  *out = 0;
  memcpy(out, w->at, n);
  w->at += n;
  return true;
}

static bool read_length(frti_wire_t *w, frti_wire_field_t *f) {
  uint64_t n;
  if (!read_varint(w, 5, &n)) return false;
  if (n > (uint64_t)(w->end - w->at)) {
    w->why = "a length runs past the end";
    return false;
  }
  f->value = w->at;
  f->n = (size_t)n;
  w->at += n;
  return true;
}

static inline bool next_field(frti_wire_t *w, frti_wire_field_t *f) {
  uint64_t tag;
  w->why = NULL;
  if (w->at == w->end) return false;
  f->tag = w->at;
  if (!read_varint(w, 5, &tag)) return false;
  if (tag > UINT32_MAX || tag >> 3 == 0) {
    w->why = tag >> 3 ? "a field number is too large" : "a field has number 0";
    return false;
  }
  f->number = (uint32_t)tag >> 3;
  f->wire = (uint32_t)tag & 7;
  switch (f->wire) {
    case FRTI_VARINT: return read_varint(w, 10, &f->v);
    case FRTI_FIXED64: return read_fixed(w, 8, &f->v);
    case FRTI_LENGTH: return read_length(w, f);
    case FRTI_FIXED32: return read_fixed(w, 4, &f->v);
    case 3: case 4: w->why = "groups are not part of the format"; return false;
    default: w->why = "a wire type that does not exist"; return false;
  }
}

bool frti_wire_next(frti_wire_t *w, frti_wire_field_t *f) { return next_field(w, f); }

bool frti_wire_packed(const frti_wire_field_t *f, uint32_t wire, size_t *count) {
  const size_t size = wire == FRTI_FIXED32 ? 4 : 8;
  *count = 0;
  if (wire != FRTI_VARINT) {
    *count = f->n / size;
    return f->n % size == 0;
  }
  frti_wire_t w = frti_wire(f->value, f->n);
  uint64_t v;
  for (; w.at < w.end; ++*count)
    if (!read_varint(&w, 10, &v)) return false;
  return true;
}

uint32_t frti_wire_of(const ProtobufCFieldDescriptor *field) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_FLOAT: return FRTI_FIXED32;
    case PROTOBUF_C_TYPE_DOUBLE: return FRTI_FIXED64;
    case PROTOBUF_C_TYPE_STRING: case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return FRTI_LENGTH;
    default: return FRTI_VARINT;
  }
}

/* ---- text in names --------------------------------------------------------------- */

/* Bytes of the UTF-8 character at `s`; 0 if it is none. */
static size_t utf8_length(const uint8_t *s, size_t left) {
  const uint8_t lead = s[0];
  if (lead < 0x80) return 1;
  const size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || left < n) return 0;
  for (size_t i = 1; i < n; ++i)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if (lead == 0xe0 && s[1] < 0xa0) return 0; /* longer than needed */
  if (lead == 0xed && s[1] > 0x9f) return 0; /* a surrogate */
  if (lead == 0xf0 && s[1] < 0x90) return 0;
  if (lead == 0xf4 && s[1] > 0x8f) return 0; /* beyond U+10FFFF */
  return n;
}

const char *frti_wire_name_fault(const uint8_t *s, size_t n) {
  if (n && memchr(s, 0, n)) return "NUL in a name";
  for (size_t i = 0; i < n;) {
    uint64_t eight;
    if (n - i >= 8) {
      memcpy(&eight, s + i, 8);
      if (!(eight & 0x8080808080808080u)) {
        i += 8;
        continue;
      }
    }
    const size_t k = utf8_length(s + i, n - i);
    if (!k) return "a name is not UTF-8";
    i += k;
  }
  return NULL;
}

/* ---- the scan ----------------------------------------------------------------------- */

enum { MAX_DEPTH = 12, MAX_KINDS = 32, MAX_NUMBER = 32 };

/* A description made ready for lookups by field number. */
typedef struct kind {
  const ProtobufCMessageDescriptor *message;
  uint32_t required;                /* a bit per field */
  uint8_t field[MAX_NUMBER];        /* by number: index + 1, 0 = unknown */
  struct kind *child[MAX_NUMBER];   /* by number: of a field that is a message */
  uint8_t rule[MAX_NUMBER];         /* by number: index + 1, 0 = none */
} kind_t;

typedef struct frame {
  kind_t *kind;
  const ProtobufCMessageDescriptor *message;
  const ProtobufCFieldDescriptor *in; /* the parent's field */
  const uint8_t *start, *end, *tag;   /* tag: of this message in the parent */
  uint32_t seen;                      /* a bit per field */
} frame_t;

typedef struct scan {
  const uint8_t *bytes;
  frti_wire_t wire;
  frame_t stack[MAX_DEPTH];
  int depth;
  kind_t *kinds; /* MAX_KINDS */
  size_t n_kinds;
  const frti_wire_rule_t *rules;
  size_t n_rules;
  uint64_t counts[8];
  frt_error_t *err;
} scan_t;

/* How many fields of that number stand before `until` in the message. */
static size_t count_before(const frame_t *f, uint32_t number, const uint8_t *until) {
  frti_wire_t w = {f->start, until, NULL};
  frti_wire_field_t field;
  size_t n = 0;
  while (frti_wire_next(&w, &field)) n += field.number == number;
  return n;
}

/* "blocks[0].ops[3].attrs[1].name" */
static void path_text(const scan_t *s, const char *leaf, char *to, size_t cap) {
  size_t at = 0;
  to[0] = 0;
  for (int d = 1; d <= s->depth && at < cap; ++d) {
    const frame_t *f = &s->stack[d];
    if (f->in->label == PROTOBUF_C_LABEL_REPEATED)
      at += (size_t)snprintf(to + at, cap - at, "%s%s[%zu]", d > 1 ? "." : "",
                             f->in->name,
                             count_before(&s->stack[d - 1], f->in->id, f->tag));
    else
      at += (size_t)snprintf(to + at, cap - at, "%s%s", d > 1 ? "." : "", f->in->name);
  }
  if (leaf && at < cap) snprintf(to + at, cap - at, "%s%s", at ? "." : "", leaf);
}

static frt_status_t fault(const scan_t *s, const uint8_t *where, const char *leaf,
                          const char *why) {
  char path[160];
  path_text(s, leaf, path, sizeof path);
  const frt_status_t status =
      frt_fail(s->err, FRT_DATA_LOSS, "not a ProgramDesc: offset %zu%s%s: %s",
               (size_t)(where - s->bytes), path[0] ? ", " : "", path, why);
  return frti_error_name(s->err, status, path);
}

/* NULL: more descriptions, fields or numbers than there is room for. */
static kind_t *kind_of(scan_t *s, const ProtobufCMessageDescriptor *m) {
  for (size_t i = 0; i < s->n_kinds; ++i)
    if (s->kinds[i].message == m) return &s->kinds[i];
  if (s->n_kinds == MAX_KINDS) return NULL;
  kind_t *k = &s->kinds[s->n_kinds++];
  k->message = m;
  for (unsigned i = 0; i < m->n_fields; ++i) {
    if (m->fields[i].id >= MAX_NUMBER) return NULL;
    k->field[m->fields[i].id] = (uint8_t)(i + 1);
    if (m->fields[i].label == PROTOBUF_C_LABEL_REQUIRED) k->required |= 1u << i;
  }
  for (size_t i = 0; i < s->n_rules; ++i)
    if (s->rules[i].message == m) k->rule[s->rules[i].field] = (uint8_t)(i + 1);
  return k;
}

static frt_status_t leave(scan_t *s) {
  const frame_t *f = &s->stack[s->depth];
  const uint32_t missing = f->kind->required & ~f->seen;
  if (missing)
    return fault(s, f->end, f->message->fields[__builtin_ctz(missing)].name,
                 "required, but missing");
  --s->depth;
  return FRT_OK;
}

static frt_status_t count(scan_t *s, const frti_wire_field_t *f, size_t n) {
  const uint8_t rule = s->stack[s->depth].kind->rule[f->number];
  if (!rule) return FRT_OK;
  const frti_wire_rule_t *r = &s->rules[rule - 1];
  s->counts[rule - 1] += n;
  if (s->counts[rule - 1] <= r->max) return FRT_OK;
  char path[160];
  path_text(s, NULL, path, sizeof path);
  const frt_status_t status =
      frt_fail(s->err, FRT_RESOURCE_EXHAUSTED, "%s%smore than %llu %s (%s)", path,
               path[0] ? ": " : "", (unsigned long long)r->max, r->what, r->option);
  return frti_error_name(s->err, status, r->option);
}

static bool enter(scan_t *s, const ProtobufCFieldDescriptor *field,
                  const frti_wire_field_t *f) {
  kind_t **kind = &s->stack[s->depth].kind->child[field->id];
  if (!*kind && !(*kind = kind_of(s, field->descriptor))) return false;
  frame_t *child = &s->stack[++s->depth];
  *child = (frame_t){.kind = *kind, .message = field->descriptor, .in = field,
                     .start = f->value, .end = f->value + f->n, .tag = f->tag};
  s->wire.at = child->start;
  for (size_t i = 0; i < s->n_rules; ++i)
    if (s->rules[i].per_message && s->rules[i].message == child->message)
      s->counts[i] = 0;
  return true;
}

/* A number that the field's type cannot hold would be cut by the decoder. Negative
 * int32 are ten bytes long; five-byte ones of old writers are accepted. */
static bool fits(const ProtobufCFieldDescriptor *field, uint64_t v) {
  if (field->type != PROTOBUF_C_TYPE_INT32 && field->type != PROTOBUF_C_TYPE_ENUM)
    return true;
  return v <= UINT32_MAX || v >= UINT64_MAX - INT32_MAX;
}

static frt_status_t scan_known(scan_t *s, const ProtobufCFieldDescriptor *field,
                               const frti_wire_field_t *f) {
  frame_t *top = &s->stack[s->depth];
  const uint32_t bit = 1u << (field - top->message->fields);
  const uint32_t wire = frti_wire_of(field);
  const bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
  size_t n = 1;
  if (f->wire != wire) {
    if (!repeated || f->wire != FRTI_LENGTH) {
      char why[64];
      snprintf(why, sizeof why, "wire type %u; wanted %u", f->wire, wire);
      return fault(s, f->tag, field->name, why);
    }
    if (!frti_wire_packed(f, wire, &n))
      return fault(s, f->tag, field->name, "a packed list ends within an element");
  } else if (wire == FRTI_VARINT && !fits(field, f->v)) {
    return fault(s, f->tag, field->name, "a number beyond 32 bits");
  }
  if (!repeated && (top->seen & bit)) return fault(s, f->tag, field->name, "given twice");
  top->seen |= bit;
  if (repeated) FRT_TRY(count(s, f, n));
  if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
    if (s->depth + 1 == MAX_DEPTH || !enter(s, field, f))
      /* The description nests half as deep. */
      return fault(s, f->tag, field->name, "nested too deeply"); /* GCOVR_EXCL_LINE */
  } else if (field->type == PROTOBUF_C_TYPE_STRING) {
    const char *why = frti_wire_name_fault(f->value, f->n);
    if (why) return fault(s, f->value, field->name, why);
  }
  return FRT_OK;
}

static frt_status_t scan_all(scan_t *s) {
  frti_wire_field_t f;
  while (s->depth >= 0) {
    const frame_t *top = &s->stack[s->depth];
    if (s->wire.at == top->end) {
      FRT_TRY(leave(s));
      continue;
    }
    s->wire.end = top->end;
    if (!next_field(&s->wire, &f)) return fault(s, s->wire.at, NULL, s->wire.why);
    const uint8_t known = f.number < MAX_NUMBER ? top->kind->field[f.number] : 0;
    if (known) FRT_TRY(scan_known(s, &top->message->fields[known - 1], &f));
  }
  return FRT_OK;
}

frt_status_t frti_wire_scan(const uint8_t *bytes, size_t n,
                            const ProtobufCMessageDescriptor *message,
                            const frti_wire_rule_t *rules, size_t n_rules,
                            frt_error_t *err) {
  scan_t s = {.bytes = bytes, .rules = rules, .err = err,
              .n_rules = FRTI_MIN(n_rules, FRTI_COUNT(s.counts))};
  s.kinds = frti_calloc(MAX_KINDS, sizeof *s.kinds);
  if (!s.kinds) return frti_no_memory(err);
  s.wire = frti_wire(bytes, n);
  s.stack[0] = (frame_t){.kind = kind_of(&s, message), .message = message,
                         .start = bytes, .end = bytes + n};
  const frt_status_t status = scan_all(&s);
  frti_free(s.kinds);
  return status;
}

/* ---- what else it may be ---------------------------------------------------------- */

static bool looks_like_text(const uint8_t *bytes, size_t n) {
  const size_t k = FRTI_MIN(n, (size_t)256);
  for (size_t i = 0; i < k; ++i)
    if (bytes[i] < 0x20 && bytes[i] != '\n' && bytes[i] != '\r' && bytes[i] != '\t')
      return false;
  return n >= 8;
}

const char *frti_wire_kind(const uint8_t *bytes, size_t n) {
  static const struct { const char *magic; size_t n; const char *kind; } known[] = {
      {"PK\x03\x04", 4, "a zip archive"},
      {"PK\x05\x06", 4, "a zip archive"},
      {"\x1f\x8b", 2, "gzip data"},
      {"\x7f" "ELF", 4, "an ELF binary"},
      {"\x93NUMPY", 6, "a numpy array"},
      {"\x80\x02", 2, "a Python pickle"},
      {"\x80\x03", 2, "a Python pickle"},
      {"\x80\x04", 2, "a Python pickle"},
      {"\x80\x05", 2, "a Python pickle"},
      {"\x89HDF", 4, "an HDF5 file"},
      {"blocks {", 8, "a program in text form"},
      {"\xef\xbb\xbf", 3, "text"},
  };
  for (size_t i = 0; i < FRTI_COUNT(known); ++i)
    if (n >= known[i].n && !memcmp(bytes, known[i].magic, known[i].n))
      return known[i].kind;
  return looks_like_text(bytes, n) ? "text" : NULL;
}
