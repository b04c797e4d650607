/* Protobuf wire bytes: a reader that knows its offset, and the scan that runs over
 * untrusted bytes before the decoder sees them. */
#ifndef FRTI_PROGRAM_WIRE_H
#define FRTI_PROGRAM_WIRE_H

#include <protobuf-c/protobuf-c.h>

#include "program/ir.h"

enum { FRTI_VARINT = 0, FRTI_FIXED64 = 1, FRTI_LENGTH = 2, FRTI_FIXED32 = 5 };

typedef struct frti_wire {
  const uint8_t *at, *end;
  const char *why; /* set when frti_wire_next found the bytes malformed */
} frti_wire_t;

typedef struct frti_wire_field {
  uint32_t number, wire;
  const uint8_t *tag;   /* where the field begins */
  const uint8_t *value; /* of a LENGTH field, n bytes */
  size_t n;
  uint64_t v;           /* of all others */
} frti_wire_field_t;

static inline frti_wire_t frti_wire(const uint8_t *bytes, size_t n) {
  /* No bytes may be NULL, to which not even 0 can be added. */
  frti_wire_t w = {bytes, n ? bytes + n : bytes, NULL};
  return w;
}
/* The next field. False at the end, and on malformed bytes (then w->why is set and
 * w->at is near the fault). */
bool frti_wire_next(frti_wire_t *w, frti_wire_field_t *f);
/* Elements of a packed field by their wire type; false: malformed. */
bool frti_wire_packed(const frti_wire_field_t *f, uint32_t wire, size_t *count);
/* The wire type of an unpacked element of this field. */
uint32_t frti_wire_of(const ProtobufCFieldDescriptor *field);

/* A bound on how often a repeated field occurs. */
typedef struct frti_wire_rule {
  const ProtobufCMessageDescriptor *message;
  uint32_t field;
  bool per_message; /* else in the whole program */
  uint64_t max;
  const char *what, *option; /* "ops", "max_ops" */
} frti_wire_rule_t;

/* Checks that `bytes` are a message of that description which the decoder accepts:
 * no duplicate singular field, wrong wire type, cut or over-long piece, group, NUL or
 * bad UTF-8 in a string, missing required field, nor more repetitions than the rules
 * allow. The stack is as deep as the description, whatever the bytes.
 * Errors: DATA_LOSS (offset and field path); RESOURCE_EXHAUSTED a rule. */
frt_status_t frti_wire_scan(const uint8_t *bytes, size_t n,
                            const ProtobufCMessageDescriptor *message,
                            const frti_wire_rule_t *rules, size_t n_rules,
                            frt_error_t *err);
/* What is wrong with a name, NULL if nothing is. */
const char *frti_wire_name_fault(const uint8_t *s, size_t n);
/* "a zip archive" and so on for bytes with a known beginning, else NULL. */
const char *frti_wire_kind(const uint8_t *bytes, size_t n);

#endif
