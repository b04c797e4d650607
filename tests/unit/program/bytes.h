/* Writes protobuf bytes by hand, so that tests can write what no library would. */
#ifndef TEST_PROGRAM_BYTES_H
#define TEST_PROGRAM_BYTES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "fluidrt/program.h"
#include "program/ir.h"

typedef struct bytes { uint8_t b[8192]; size_t n; } bytes_t;

static inline void add_raw(bytes_t *m, const void *bytes, size_t n) {
  assert_true(m->n + n <= sizeof m->b);
  if (n) memcpy(m->b + m->n, bytes, n);
  m->n += n;
}
static inline void add_varint(bytes_t *m, uint64_t v) {
  uint8_t byte;
  for (; v >= 0x80; v >>= 7) byte = (uint8_t)(v | 0x80), add_raw(m, &byte, 1);
  byte = (uint8_t)v, add_raw(m, &byte, 1);
}
static inline void add_int(bytes_t *m, uint32_t number, int64_t v) {
  add_varint(m, number << 3);
  add_varint(m, (uint64_t)v);
}
static inline void add_bytes(bytes_t *m, uint32_t number, const void *bytes, size_t n) {
  add_varint(m, number << 3 | 2);
  add_varint(m, n);
  add_raw(m, bytes, n);
}
static inline void add_text(bytes_t *m, uint32_t number, const char *text) {
  add_bytes(m, number, text, strlen(text));
}
static inline void add_message(bytes_t *m, uint32_t number, const bytes_t *child) {
  add_bytes(m, number, child->b, child->n);
}

/* A block without variables and ops. */
static inline bytes_t block_bytes(int32_t idx, int32_t parent) {
  bytes_t m = {.n = 0};
  add_int(&m, 1, idx);
  add_int(&m, 2, parent);
  return m;
}
/* An op of that type; attributes (field 4) may follow. */
static inline bytes_t op_bytes(const char *type) {
  bytes_t m = {.n = 0};
  add_text(&m, 3, type);
  return m;
}
static inline bytes_t slot_bytes(const char *name, const char *arg) {
  bytes_t m = {.n = 0};
  add_text(&m, 1, name);
  if (arg) add_text(&m, 2, arg);
  return m;
}
static inline bytes_t attr_bytes(const char *name, int32_t type) {
  bytes_t m = {.n = 0};
  add_text(&m, 1, name);
  add_int(&m, 2, type);
  return m;
}
/* A LOD_TENSOR of one dim. */
static inline bytes_t var_bytes(const char *name, int32_t dtype, int64_t dim) {
  bytes_t tensor = {.n = 0}, lod = {.n = 0}, type = {.n = 0}, m = {.n = 0};
  add_int(&tensor, 1, dtype);
  add_int(&tensor, 2, dim);
  add_message(&lod, 1, &tensor);
  add_int(&type, 1, 7);
  add_message(&type, 3, &lod);
  add_text(&m, 1, name);
  add_message(&m, 2, &type);
  return m;
}
/* A program of one block that holds one child in that field (3: variable, 4: op). */
static inline bytes_t program_with(uint32_t number, const bytes_t *child) {
  bytes_t b = block_bytes(0, -1), p = {.n = 0};
  if (child) add_message(&b, number, child);
  add_message(&p, 1, &b);
  return p;
}

static inline frt_program_t *accept(const bytes_t *m) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = NULL;
  if (frt_program_parse(m->b, m->n, NULL, &p, &err) != FRT_OK)
    fail_msg("refused: %s", err.message);
  return p;
}
static inline void refuse(const bytes_t *m, frt_status_t status, frt_phase_t phase,
                          const char *message) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_program_t *p = (frt_program_t *)&err;
  assert_int_equal(status, frt_program_parse(m->b, m->n, NULL, &p, &err));
  assert_null(p);
  assert_string_equal(message, err.message);
  assert_int_equal(phase, err.phase);
}
/* The program writes exactly these bytes. */
static inline void writes(const frt_program_t *p, const bytes_t *m) {
  void *bytes;
  size_t n;
  assert_int_equal(FRT_OK, frt_program_serialize(p, &bytes, &n, NULL));
  assert_int_equal(m->n, n);
  assert_memory_equal(m->b, bytes, n);
  frti_free(bytes);
}
static inline void round_trips(const bytes_t *m) {
  frt_program_t *p = accept(m);
  writes(p, m);
  assert_int_equal(1, frt_program_bytes_canonical(p, m->b, m->n));
  frt_program_release(p);
}

#endif
