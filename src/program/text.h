/* What the files that read protobuf text share. */
#ifndef FRTI_PROGRAM_TEXT_H
#define FRTI_PROGRAM_TEXT_H

#include "program/parts.h"
#include "program/wire.h"

enum { FRTI_TEXT_DEPTH = 12, FRTI_TEXT_TOKEN = 400 };

typedef struct frti_text_level {
  const ProtobufCMessageDescriptor *message; /* NULL: of an unknown field */
  const char *opened;                        /* where, in the text */
  size_t start;                              /* of the contents, in the bytes */
  uint32_t seen;                             /* a bit per field */
  char close;                                /* '}' or '>' */
  const ProtobufCFieldDescriptor *field;     /* what it is the value of */
  bool in_list;
} frti_text_level_t;

typedef struct frti_text_reader {
  const char *text, *at, *end;
  frti_str_t out; /* the wire bytes */
  uint64_t max_bytes;
  frti_text_level_t stack[FRTI_TEXT_DEPTH];
  int depth;
  frt_error_t *err;
} frti_text_reader_t;

typedef struct frti_text_token {
  const char *from;
  size_t n;
  char s[FRTI_TEXT_TOKEN];
} frti_text_token_t;

/* What a value belongs to: a field of the description, or a number alone. */
typedef struct frti_text_target {
  const ProtobufCFieldDescriptor *field;
  uint32_t number;
  char name[64];
} frti_text_target_t;

/* DATA_LOSS with line and column of `where`. */
frt_status_t frti_text_fault(const frti_text_reader_t *r, const char *where,
                             const char *fmt, ...) FRT_PRINTF(3, 4);
/* What stands at r->at is not what was wanted. */
frt_status_t frti_text_unexpected(const frti_text_reader_t *r, const char *wanted);
/* Spaces and comments. */
void frti_text_skip(frti_text_reader_t *r);
/* Skips, then takes that character if it is the next one. */
bool frti_text_take(frti_text_reader_t *r, char c);
/* A name or a number. */
frt_status_t frti_text_token(frti_text_reader_t *r, const char *wanted,
                             frti_text_token_t *t);
/* Decimal, 0x hexadecimal, 0 octal; false: no such number, or beyond 64 bits. */
bool frti_text_magnitude(const char *s, uint64_t *out);
/* Leaves room for a length, and fills it in once it is known. */
size_t frti_text_open(frti_text_reader_t *r, const frti_text_target_t *to);
void frti_text_close(frti_text_reader_t *r, size_t start);
/* One value that is no message. */
frt_status_t frti_text_scalar(frti_text_reader_t *r, const frti_text_target_t *to);

#endif
