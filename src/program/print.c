/* Programs as protobuf text. The canonical bytes are walked beside their description,
 * so every field, also of newer programs, prints under its own name. */
#include <math.h>
#include <string.h>

#include "program/parts.h"
#include "program/wire.h"

enum { MAX_DEPTH = 12 };

typedef struct level {
  const ProtobufCMessageDescriptor *message;
  frti_wire_t wire;
} level_t;

typedef struct printer {
  frti_str_t text;
  level_t stack[MAX_DEPTH];
  int depth;
} printer_t;

static void indent(printer_t *o) {
  static const char spaces[] = "                        ";
  frti_str_add_n(&o->text, spaces, FRTI_MIN((size_t)o->depth * 2, sizeof spaces - 1));
}

/* Quoted; names keep their UTF-8, which was checked, other bytes become octal. */
static void add_quoted(printer_t *o, const uint8_t *s, size_t n, bool utf8) {
  size_t plain = 0;
  frti_str_add_n(&o->text, "\"", 1);
  for (size_t i = 0; i < n; ++i) {
    const uint8_t c = s[i];
    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') continue;
    if (c >= 0x80 && utf8) continue;
    frti_str_add_n(&o->text, (const char *)s + plain, i - plain);
    plain = i + 1;
    if (c == '"') frti_str_add(&o->text, "\\\"");
    else if (c == '\\') frti_str_add(&o->text, "\\\\");
    else if (c == '\n') frti_str_add(&o->text, "\\n");
    else frti_str_addf(&o->text, "\\%03o", c);
  }
  frti_str_add_n(&o->text, (const char *)s + plain, n - plain);
  frti_str_add_n(&o->text, "\"", 1);
}

static void add_double(printer_t *o, double v, bool narrow) {
  if (isnan(v)) frti_str_add(&o->text, "nan");
  else if (isinf(v)) frti_str_add(&o->text, v < 0 ? "-inf" : "inf");
  else if (narrow) frti_str_add_f32(&o->text, (float)v);
  else frti_str_add_f64(&o->text, v);
}

static void add_fixed(printer_t *o, uint64_t v, bool narrow) {
  double wide;
  if (narrow) {
    const uint32_t bits = (uint32_t)v;
    float f;
    memcpy(&f, &bits, sizeof f);
    wide = f;
  } else {
    memcpy(&wide, &v, sizeof wide);
  }
  add_double(o, wide, narrow);
}

static void add_enum(printer_t *o, const ProtobufCFieldDescriptor *field, int32_t v) {
  const ProtobufCEnumValue *known =
      protobuf_c_enum_descriptor_get_value(field->descriptor, v);
  if (known) frti_str_add(&o->text, known->name);
  else frti_str_addf(&o->text, "%d", v);
}

static void add_scalar(printer_t *o, const ProtobufCFieldDescriptor *field, uint64_t v) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL: frti_str_add(&o->text, v ? "true" : "false"); return;
    case PROTOBUF_C_TYPE_ENUM: add_enum(o, field, (int32_t)v); return;
    case PROTOBUF_C_TYPE_FLOAT: add_fixed(o, v, true); return;
    case PROTOBUF_C_TYPE_DOUBLE: add_fixed(o, v, false); return;
    case PROTOBUF_C_TYPE_INT32: frti_str_addf(&o->text, "%d", (int32_t)v); return;
    default: frti_str_addf(&o->text, "%lld", (long long)v); return;
  }
}

/* Raw messages are kept as they came, so a packed list may be among them. */
static void print_packed(printer_t *o, const ProtobufCFieldDescriptor *field,
                         const frti_wire_field_t *f) {
  const uint32_t wire = frti_wire_of(field);
  for (const uint8_t *at = f->value, *end = at + f->n; at < end;) {
    uint64_t v = 0;
    if (wire == FRTI_VARINT) {
      for (int shift = 0; at < end; shift += 7) {
        v |= (uint64_t)(*at & 0x7f) << shift;
        if (!(*at++ & 0x80)) break;
      }
    } else {
      const size_t n = wire == FRTI_FIXED32 ? 4 : 8;
      memcpy(&v, at, n);
      at += n;
    }
    indent(o);
    frti_str_addf(&o->text, "%s: ", field->name);
    add_scalar(o, field, v);
    frti_str_add(&o->text, "\n");
  }
}

static void print_unknown(printer_t *o, const frti_wire_field_t *f) {
  indent(o);
  frti_str_addf(&o->text, "%u: ", f->number);
  if (f->wire == FRTI_LENGTH) add_quoted(o, f->value, f->n, false);
  else if (f->wire == FRTI_VARINT) frti_str_addf(&o->text, "%llu", (unsigned long long)f->v);
  else frti_str_addf(&o->text, "0x%0*llx", f->wire == FRTI_FIXED32 ? 8 : 16,
                     (unsigned long long)f->v);
  frti_str_add(&o->text, "\n");
}

static void open_message(printer_t *o, const ProtobufCFieldDescriptor *field,
                         const frti_wire_field_t *f) {
  indent(o);
  frti_str_addf(&o->text, "%s {\n", field->name);
  level_t *child = &o->stack[++o->depth];
  child->message = field->descriptor;
  child->wire = frti_wire(f->value, f->n);
}

static void print_field(printer_t *o, const frti_wire_field_t *f) {
  const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(
      o->stack[o->depth].message, f->number);
  if (!field) {
    print_unknown(o, f);
  } else if (field->type == PROTOBUF_C_TYPE_MESSAGE && o->depth + 1 < MAX_DEPTH) {
    open_message(o, field, f);
  } else if (f->wire != frti_wire_of(field)) {
    print_packed(o, field, f);
  } else {
    indent(o);
    frti_str_addf(&o->text, "%s: ", field->name);
    if (f->wire == FRTI_LENGTH)
      add_quoted(o, f->value, f->n, field->type == PROTOBUF_C_TYPE_STRING);
    else
      add_scalar(o, field, f->v);
    frti_str_add(&o->text, "\n");
  }
}

static void print_all(printer_t *o) {
  frti_wire_field_t f;
  while (o->depth >= 0 && !o->text.failed) {
    if (frti_wire_next(&o->stack[o->depth].wire, &f)) {
      print_field(o, &f);
      continue;
    }
    if (--o->depth < 0) return;
    indent(o);
    frti_str_add(&o->text, "}\n");
  }
}

frt_status_t frt_program_to_text(const frt_program_t *p, char **text, frt_error_t *err) {
  void *bytes;
  size_t n;
  printer_t o = {0};
  *text = NULL;
  FRT_TRY(frt_program_serialize(p, &bytes, &n, err));
  o.stack[0] = (level_t){frti_program_descriptor(), frti_wire(bytes, n)};
  print_all(&o);
  frti_free(bytes);
  frti_str_add(&o.text, "");
  if (!o.text.failed && !o.text.text) o.text.failed = !(o.text.text = frti_strdup(""));
  if (o.text.failed) {
    frti_str_release(&o.text);
    return frti_no_memory(err);
  }
  *text = o.text.text;
  return FRT_OK;
}
