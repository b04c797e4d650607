/* The compact form back into protobuf bytes, always canonical: fields in number order,
 * unpacked lists, shortest numbers, unknown fields after the known ones. Written from
 * the end to the beginning, so that a message's length is known when it is needed. */
#include <string.h>

#include "program/parts.h"
#include "program/wire.h"

/* Without `bytes` it only counts: a first pass finds the size, a second one writes. */
typedef struct writer {
  uint8_t *bytes;
  size_t at, cap; /* what was written lies in bytes[at..cap) */
} writer_t;

static size_t written(const writer_t *w) { return w->cap - w->at; }

static inline void put(writer_t *w, const void *bytes, size_t n) {
  w->at -= n;
  if (w->bytes && n) memcpy(w->bytes + w->at, bytes, n);
}

static void put_raw(writer_t *w, frti_raw_t raw) { put(w, raw.bytes, raw.n); }

static void put_varint(writer_t *w, uint64_t v) {
  uint8_t text[10];
  size_t n = 0;
  for (; v >= 0x80; v >>= 7) text[n++] = (uint8_t)(v | 0x80);
  text[n++] = (uint8_t)v;
  put(w, text, n);
}

static void put_tag(writer_t *w, uint32_t number, uint32_t wire) {
  put_varint(w, (uint64_t)number << 3 | wire);
}

static void put_int(writer_t *w, uint32_t number, int64_t v) {
  put_varint(w, (uint64_t)v);
  put_tag(w, number, FRTI_VARINT);
}

static void put_f32(writer_t *w, uint32_t number, double v) {
  const float narrow = (float)v;
  put(w, &narrow, sizeof narrow);
  put_tag(w, number, FRTI_FIXED32);
}

static void put_f64(writer_t *w, uint32_t number, double v) {
  put(w, &v, sizeof v);
  put_tag(w, number, FRTI_FIXED64);
}

static void put_bytes(writer_t *w, uint32_t number, frti_raw_t raw) {
  put_raw(w, raw);
  put_varint(w, raw.n);
  put_tag(w, number, FRTI_LENGTH);
}

static void put_name(writer_t *w, uint32_t number, const char *interned) {
  put_bytes(w, number, (frti_raw_t){(const uint8_t *)interned, frti_name_len(interned)});
}

/* Closes a message whose content began when `before` bytes were written. */
static void put_head(writer_t *w, uint32_t number, size_t before) {
  put_varint(w, written(w) - before);
  put_tag(w, number, FRTI_LENGTH);
}

/* ---- ops ----------------------------------------------------------------------- */

static void put_ints(writer_t *w, uint32_t number, const frti_attr_t *a) {
  for (uint32_t i = a->count; i-- > 0;) put_int(w, number, a->v.is[i]);
}

static void put_strings(writer_t *w, uint32_t number, const frti_attr_t *a) {
  for (uint32_t i = a->count; i-- > 0;) put_name(w, number, a->v.ss[i]);
}

static void put_value(writer_t *w, const frti_attr_t *a) {
  if (a->no_value) return;
  switch (a->type) {
    case FRTI_WIRE_INT: put_int(w, 3, a->v.i); return;
    case FRTI_WIRE_FLOAT: put_f32(w, 4, a->v.f); return;
    case FRTI_WIRE_STRING: put_name(w, 5, a->v.s); return;
    case FRTI_WIRE_INTS: put_ints(w, 6, a); return;
    case FRTI_WIRE_FLOATS:
      for (uint32_t i = a->count; i-- > 0;) put_f32(w, 7, a->v.fs[i]);
      return;
    case FRTI_WIRE_STRINGS: put_strings(w, 8, a); return;
    case FRTI_WIRE_BOOLEAN: put_int(w, 10, a->v.i); return;
    case FRTI_WIRE_BOOLEANS: put_ints(w, 11, a); return;
    case FRTI_WIRE_BLOCK: put_int(w, 12, a->v.i); return;
    case FRTI_WIRE_LONG: put_int(w, 13, a->v.i); return;
    case FRTI_WIRE_BLOCKS: put_ints(w, 14, a); return;
    case FRTI_WIRE_LONGS: put_ints(w, 15, a); return;
    case FRTI_WIRE_FLOAT64S:
      for (uint32_t i = a->count; i-- > 0;) put_f64(w, 16, a->v.fs[i]);
      return;
    case FRTI_WIRE_VAR: put_name(w, 17, a->v.s); return;
    case FRTI_WIRE_VARS: put_strings(w, 18, a); return;
    case FRTI_WIRE_FLOAT64: put_f64(w, 19, a->v.f); return;
    default: return; /* kept as a message */
  }
}

static void put_attr(writer_t *w, const frti_attr_t *a) {
  const size_t before = written(w);
  if (a->message.n) {
    put_bytes(w, 4, a->message);
    return;
  }
  put_value(w, a);
  put_int(w, 2, a->type);
  put_name(w, 1, a->name);
  put_head(w, 4, before);
}

static void put_slots(writer_t *w, uint32_t number, const frti_slot_t *slots, uint32_t n) {
  for (uint32_t i = n; i-- > 0;) {
    const size_t before = written(w);
    put_raw(w, slots[i].unknown);
    for (uint32_t k = slots[i].n; k-- > 0;) put_name(w, 2, slots[i].args[k]);
    put_name(w, 1, slots[i].name);
    put_head(w, number, before);
  }
}

static void put_op(writer_t *w, const frti_op_t *op) {
  const size_t before = written(w);
  put_raw(w, op->unknown);
  if (op->is_target >= 0) put_int(w, 5, op->is_target);
  for (uint32_t i = op->n_attrs; i-- > 0;) put_attr(w, &op->attrs[i]);
  put_name(w, 3, op->type);
  put_slots(w, 2, op->out, op->n_out);
  put_slots(w, 1, op->in, op->n_in);
  put_head(w, 4, before);
}

/* ---- variables -------------------------------------------------------------------- */

static void put_tensor(writer_t *w, uint32_t number, const frti_var_t *v) {
  const size_t before = written(w);
  for (uint32_t i = v->rank; i-- > 0;) put_int(w, 2, v->dims[i]);
  put_int(w, 1, v->dtype);
  put_head(w, number, before);
}

static void put_lod_tensor(writer_t *w, uint32_t number, const frti_var_t *v) {
  const size_t before = written(w);
  if (v->has_lod_level) put_int(w, 2, v->lod_level);
  put_tensor(w, 1, v);
  put_head(w, number, before);
}

static void put_type(writer_t *w, const frti_var_t *v) {
  const size_t before = written(w);
  if (v->type_message.n) {
    put_bytes(w, 2, v->type_message);
    return;
  }
  if (v->dtype >= 0) {
    if (v->kind == FRT_VAR_LOD_TENSOR) put_lod_tensor(w, 3, v);
    if (v->kind == FRT_VAR_LOD_TENSOR_ARRAY) put_lod_tensor(w, 4, v);
    if (v->kind == FRT_VAR_SELECTED_ROWS) put_tensor(w, 2, v);
  }
  put_int(w, 1, v->kind);
  put_head(w, 2, before);
}

static void put_var(writer_t *w, const frti_var_t *v) {
  const size_t before = written(w);
  put_raw(w, v->rest);
  if (v->need_check_feed >= 0) put_int(w, 4, v->need_check_feed);
  if (v->persistable >= 0) put_int(w, 3, v->persistable);
  put_type(w, v);
  put_name(w, 1, v->name);
  put_head(w, 3, before);
}

/* ---- the program -------------------------------------------------------------------- */

static void put_block(writer_t *w, const frti_block_t *b) {
  const size_t before = written(w);
  put_raw(w, b->unknown);
  if (b->has_forward_block_idx) put_int(w, 5, b->forward_block_idx);
  for (uint32_t i = b->n_ops; i-- > 0;) put_op(w, &b->ops[i]);
  for (uint32_t i = b->n_vars; i-- > 0;) put_var(w, &b->vars[i]);
  put_int(w, 2, b->parent);
  put_int(w, 1, b->idx);
  put_head(w, 1, before);
}

static void put_version(writer_t *w, const frt_program_t *p) {
  const size_t before = written(w);
  if (!p->has_version) return;
  if (p->has_version_number) put_int(w, 1, p->format_version);
  put_head(w, 4, before);
}

static void put_program(writer_t *w, const frt_program_t *p) {
  put_raw(w, p->unknown);
  put_version(w, p);
  if (p->compatible_map.bytes) put_bytes(w, 3, p->compatible_map);
  for (uint32_t i = p->n_blocks; i-- > 0;) put_block(w, &p->blocks[i]);
}

frt_status_t frt_program_serialize(const frt_program_t *p, void **bytes, size_t *n,
                                   frt_error_t *err) {
  writer_t w = {.at = SIZE_MAX, .cap = SIZE_MAX};
  *bytes = NULL;
  *n = 0;
  put_program(&w, p);
  w.at = w.cap = written(&w);
  w.bytes = frti_alloc(FRTI_MAX(w.cap, (size_t)1));
  if (!w.bytes) return frti_no_memory(err);
  put_program(&w, p);
  *n = w.cap;
  *bytes = w.bytes;
  return FRT_OK;
}

int frt_program_bytes_canonical(const frt_program_t *p, const void *bytes, size_t n) {
  void *own;
  size_t n_own;
  if (frt_program_serialize(p, &own, &n_own, NULL) != FRT_OK) return 0;
  const int same = n == n_own && !memcmp(own, bytes, n);
  frti_free(own);
  return same;
}

frt_status_t frt_program_save(const frt_program_t *p, const char *path,
                              frt_error_t *err) {
  void *bytes;
  size_t n;
  FRT_TRY(frt_program_serialize(p, &bytes, &n, err));
  const frt_status_t status = frti_file_write(path, bytes, n, err);
  frti_free(bytes);
  return status;
}
