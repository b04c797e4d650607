/* Protobuf bytes into the compact form. Variables and ops are unpacked one at a time
 * into a pool that is reset in between, so the protobuf tree of a program never
 * exists as a whole and stays in the cache. This is the only file that knows the
 * generated types. */
#include <string.h>

#include "program.pb-c.h"
#include "program/parts.h"
#include "program/wire.h"

typedef Fluidrt__Proto__OpDesc op_message_t;
typedef Fluidrt__Proto__OpDesc__Attr attr_message_t;
typedef Fluidrt__Proto__OpDesc__Var slot_message_t;
typedef Fluidrt__Proto__VarDesc var_message_t;
typedef Fluidrt__Proto__VarType type_message_t;
typedef Fluidrt__Proto__VarType__TensorDesc tensor_message_t;

const ProtobufCMessageDescriptor *frti_program_descriptor(void) {
  return &fluidrt__proto__program_desc__descriptor;
}

/* ---- the decoder's memory ------------------------------------------------------- */

enum { POOL_BYTES = 1 << 16 };

typedef struct piece { struct piece *next; } piece_t;

/* Small pieces are cut from one buffer, large ones have their own memory; protobuf-c
 * says NULL for "no memory" and "bad bytes" alike, `refused` tells them apart. */
typedef struct pool {
  uint8_t *buffer;
  size_t used;
  piece_t *large;
  size_t taken, budget;
  bool refused;
} pool_t;

static void *pool_alloc(void *context, size_t bytes) {
  pool_t *pool = context;
  const size_t need = (bytes + 15) & ~(size_t)15;
  if (need < bytes || need > pool->budget - pool->taken) {
    pool->refused = true;
    return NULL;
  }
  pool->taken += need;
  if (need <= POOL_BYTES - pool->used) {
    pool->used += need;
    return pool->buffer + pool->used - need;
  }
  piece_t *piece = need > SIZE_MAX - 16 ? NULL : frti_alloc(need + 16);
  if (!piece) {
    pool->refused = true;
    return NULL;
  }
  piece->next = pool->large;
  pool->large = piece;
  return (uint8_t *)piece + 16;
}

static void pool_free(void *context, void *p) {
  FRTI_UNUSED(context);
  FRTI_UNUSED(p); /* all at once, in pool_reset */
}

static void pool_reset(pool_t *pool) {
  for (piece_t *piece = pool->large, *next; piece; piece = next) {
    next = piece->next;
    frti_free(piece);
  }
  pool->large = NULL;
  pool->used = pool->taken = 0;
}

typedef struct decoder {
  frt_program_t *p;
  pool_t pool;
  ProtobufCAllocator allocator;
  const frti_limits_t *limits;
  frt_error_t *err;
} decoder_t;

static frt_status_t no_memory(const decoder_t *d) {
  return frt_fail(d->err, FRT_RESOURCE_EXHAUSTED,
                  "decoding needs more memory: max_memory is %llu bytes, %zu in use",
                  (unsigned long long)d->limits->max_memory, d->p->arena.used);
}

static frt_status_t unpack(decoder_t *d, const ProtobufCMessageDescriptor *type,
                           frti_raw_t bytes, void *out) {
  pool_reset(&d->pool);
  ProtobufCMessage *m =
      protobuf_c_message_unpack(type, &d->allocator, bytes.n, bytes.bytes);
  *(void **)out = m;
  if (m) return FRT_OK;
  if (d->pool.refused) return no_memory(d);
  return frt_fail(d->err, FRT_DATA_LOSS, "not a ProgramDesc: a %s does not decode",
                  type->short_name);
}

/* ---- raw pieces ---------------------------------------------------------------- */

/* The k-th field of that number; the caller knows that it exists. */
static frti_raw_t nth(frti_raw_t message, uint32_t number, size_t k) {
  frti_wire_t w = frti_wire(message.bytes, message.n);
  frti_wire_field_t f;
  while (frti_wire_next(&w, &f))
    if (f.number == number && f.wire == FRTI_LENGTH && k-- == 0)
      return (frti_raw_t){f.value, f.n};
  return (frti_raw_t){NULL, 0};
}

static bool keep_bytes(decoder_t *d, frti_raw_t from, frti_raw_t *to) {
  uint8_t *copy = frti_arena_alloc(&d->p->arena, from.n);
  if (!copy) return false;
  if (from.n) memcpy(copy, from.bytes, from.n);
  *to = (frti_raw_t){copy, from.n};
  return true;
}

/* Copies the fields of that number, or with number 0 those that the description does
 * not know; returns their bytes. to == NULL: only counts. */
static size_t copy_fields(frti_raw_t message, const ProtobufCMessageDescriptor *type,
                          uint32_t number, uint8_t *to) {
  frti_wire_t w = frti_wire(message.bytes, message.n);
  frti_wire_field_t f;
  size_t n = 0;
  while (frti_wire_next(&w, &f)) {
    const bool known = protobuf_c_message_descriptor_get_field(type, f.number) != NULL;
    if (number ? f.number != number : known) continue;
    const size_t bytes = (size_t)(w.at - f.tag);
    if (to) memcpy(to + n, f.tag, bytes);
    n += bytes;
  }
  return n;
}

/* Keeps the known fields from number `first` on, in number order, then the unknown
 * ones in the order they came. */
static bool keep_rest(decoder_t *d, frti_raw_t message,
                      const ProtobufCMessageDescriptor *type, uint32_t first,
                      frti_raw_t *out) {
  size_t n = copy_fields(message, type, 0, NULL), at = 0;
  for (unsigned i = 0; i < type->n_fields; ++i)
    if (type->fields[i].id >= first)
      n += copy_fields(message, type, type->fields[i].id, NULL);
  if (!n) return true;
  uint8_t *to = frti_arena_alloc(&d->p->arena, n);
  if (!to) return false;
  for (unsigned i = 0; i < type->n_fields; ++i)
    if (type->fields[i].id >= first)
      at += copy_fields(message, type, type->fields[i].id, to + at);
  copy_fields(message, type, 0, to + at);
  *out = (frti_raw_t){to, n};
  return true;
}

/* ---- attributes ------------------------------------------------------------------ */

static const char *intern(decoder_t *d, const char *text, size_t n) {
  return frti_names_add(&d->p->names, n ? text : "", n);
}

static const char *intern_text(decoder_t *d, const char *text) {
  return intern(d, text, strlen(text));
}

static void *room(decoder_t *d, size_t n, size_t elem) {
  return frti_arena_calloc(&d->p->arena, n, elem);
}

/* Which value fields are filled, as bits of field numbers. */
static uint32_t filled(const attr_message_t *m) {
  return (uint32_t)m->has_i << 3 | (uint32_t)m->has_f << 4 | (uint32_t)m->has_s << 5 |
         (m->n_ints ? 1u << 6 : 0) | (m->n_floats ? 1u << 7 : 0) |
         (m->n_strings ? 1u << 8 : 0) | (uint32_t)m->has_b << 10 |
         (m->n_bools ? 1u << 11 : 0) | (uint32_t)m->has_block_idx << 12 |
         (uint32_t)m->has_l << 13 | (m->n_blocks_idx ? 1u << 14 : 0) |
         (m->n_longs ? 1u << 15 : 0) | (m->n_float64s ? 1u << 16 : 0) |
         (m->var_name ? 1u << 17 : 0) | (m->n_vars_name ? 1u << 18 : 0) |
         (uint32_t)m->has_float64 << 19 | (m->scalar ? 1u << 20 : 0) |
         (m->n_scalars ? 1u << 21 : 0);
}

#define COPY_LIST(TYPE, FIELD, MEMBER)                                   \
  do {                                                                   \
    TYPE *to = room(d, m->n_##FIELD, sizeof *to);                        \
    if (!to) return false;                                               \
    for (size_t i = 0; i < m->n_##FIELD; ++i) to[i] = m->FIELD[i];       \
    a->v.MEMBER = to;                                                    \
    a->count = (uint32_t)m->n_##FIELD;                                   \
  } while (0)

static bool copy_strings(decoder_t *d, const attr_message_t *m, frti_attr_t *a) {
  const size_t n = a->type == FRTI_WIRE_STRINGS ? m->n_strings : m->n_vars_name;
  const char **to = room(d, n, sizeof *to);
  if (!to) return false;
  for (size_t i = 0; i < n; ++i) {
    to[i] = a->type == FRTI_WIRE_STRINGS
                ? intern(d, (const char *)m->strings[i].data, m->strings[i].len)
                : intern_text(d, m->vars_name[i]);
    if (!to[i]) return false;
  }
  a->v.ss = to;
  a->count = (uint32_t)n;
  return true;
}

static bool copy_string(decoder_t *d, const attr_message_t *m, frti_attr_t *a) {
  if (a->type == FRTI_WIRE_VAR) a->v.s = intern_text(d, m->var_name ? m->var_name : "");
  else a->v.s = intern(d, (const char *)m->s.data, m->has_s ? m->s.len : 0);
  return a->v.s != NULL;
}

static bool copy_value(decoder_t *d, const attr_message_t *m, frti_attr_t *a) {
  a->count = 1;
  switch (a->type) {
    case FRTI_WIRE_INT: a->v.i = m->i; return true;
    case FRTI_WIRE_LONG: a->v.i = m->l; return true;
    case FRTI_WIRE_BOOLEAN: a->v.i = m->b != 0; return true;
    case FRTI_WIRE_BLOCK: a->v.i = m->block_idx; return true;
    case FRTI_WIRE_FLOAT: a->v.f = m->f; return true;
    case FRTI_WIRE_FLOAT64: a->v.f = m->float64; return true;
    case FRTI_WIRE_STRING: case FRTI_WIRE_VAR: return copy_string(d, m, a);
    case FRTI_WIRE_STRINGS: case FRTI_WIRE_VARS: return copy_strings(d, m, a);
    case FRTI_WIRE_INTS: COPY_LIST(int64_t, ints, is); return true;
    case FRTI_WIRE_LONGS: COPY_LIST(int64_t, longs, is); return true;
    case FRTI_WIRE_BLOCKS: COPY_LIST(int64_t, blocks_idx, is); return true;
    case FRTI_WIRE_BOOLEANS: COPY_LIST(int64_t, bools, is); return true;
    case FRTI_WIRE_FLOATS: COPY_LIST(double, floats, fs); return true;
    case FRTI_WIRE_FLOAT64S: COPY_LIST(double, float64s, fs); return true;
    default: a->count = 0; return true;
  }
}

/* Converting a signalling NaN to double and back changes its bits. */
static bool holds_nan(const attr_message_t *m) {
  if (m->has_f && m->f != m->f) return true;
  for (size_t i = 0; i < m->n_floats; ++i)
    if (m->floats[i] != m->floats[i]) return true;
  return false;
}

static bool is_list(int32_t type) {
  return type == FRTI_WIRE_INTS || type == FRTI_WIRE_FLOATS ||
         type == FRTI_WIRE_STRINGS || type == FRTI_WIRE_BOOLEANS ||
         type == FRTI_WIRE_BLOCKS || type == FRTI_WIRE_LONGS ||
         type == FRTI_WIRE_FLOAT64S || type == FRTI_WIRE_VARS ||
         type == FRTI_WIRE_SCALARS;
}

static bool decode_attr(decoder_t *d, const attr_message_t *m, frti_raw_t op, size_t k,
                        frti_attr_t *a) {
  static const uint8_t field_of[] = {3, 4, 5, 6, 7, 8, 10, 11, 12,
                                     13, 14, 15, 16, 17, 18, 19, 20, 21};
  const bool known = m->type >= 0 && (size_t)m->type < FRTI_COUNT(field_of);
  const uint32_t own = known ? 1u << field_of[m->type] : 0, all = filled(m);
  a->name = intern_text(d, m->name);
  a->type = m->type;
  if (!a->name || !copy_value(d, m, a)) return false;
  a->no_value = !(all & own) && !is_list(a->type);
  if (!(all & ~own) && !m->base.n_unknown_fields && known && !holds_nan(m) &&
      a->type != FRTI_WIRE_SCALAR && a->type != FRTI_WIRE_SCALARS)
    return true;
  return keep_bytes(d, nth(op, 4, k), &a->message);
}

/* ---- ops --------------------------------------------------------------------------- */

static bool decode_slots(decoder_t *d, slot_message_t *const *m, size_t n,
                         frti_raw_t op, uint32_t number, frti_slot_t **out) {
  frti_slot_t *slots = room(d, n, sizeof *slots);
  if (!slots) return false;
  for (size_t i = 0; i < n; ++i) {
    const char **args = room(d, m[i]->n_arguments, sizeof *args);
    slots[i].name = intern_text(d, m[i]->parameter);
    if (!args || !slots[i].name) return false;
    for (size_t k = 0; k < m[i]->n_arguments; ++k)
      if (!(args[k] = intern_text(d, m[i]->arguments[k]))) return false;
    slots[i].args = args;
    slots[i].n = (uint32_t)m[i]->n_arguments;
    if (m[i]->base.n_unknown_fields &&
        !keep_rest(d, nth(op, number, i), m[i]->base.descriptor, 3, &slots[i].unknown))
      return false;
  }
  *out = slots;
  return true;
}

static frt_status_t decode_op(decoder_t *d, frti_raw_t bytes, frti_op_t *op) {
  op_message_t *m;
  FRT_TRY(unpack(d, &fluidrt__proto__op_desc__descriptor, bytes, &m));
  op->type = intern_text(d, m->type);
  op->n_in = (uint32_t)m->n_inputs;
  op->n_out = (uint32_t)m->n_outputs;
  op->n_attrs = (uint32_t)m->n_attrs;
  op->is_target = m->has_is_target ? m->is_target != 0 : -1;
  op->attrs = room(d, m->n_attrs, sizeof *op->attrs);
  if (!op->type || !op->attrs ||
      !decode_slots(d, m->inputs, m->n_inputs, bytes, 1, &op->in) ||
      !decode_slots(d, m->outputs, m->n_outputs, bytes, 2, &op->out))
    return no_memory(d);
  for (size_t i = 0; i < m->n_attrs; ++i)
    if (!decode_attr(d, m->attrs[i], bytes, i, &op->attrs[i])) return no_memory(d);
  if (m->base.n_unknown_fields &&
      !keep_rest(d, bytes, m->base.descriptor, 6, &op->unknown))
    return no_memory(d);
  return FRT_OK;
}

/* ---- variables -------------------------------------------------------------------- */

static bool decode_tensor(decoder_t *d, const tensor_message_t *m, frti_var_t *v) {
  int64_t *dims = room(d, m->n_dims, sizeof *dims);
  if (!dims) return false;
  if (m->n_dims) memcpy(dims, m->dims, m->n_dims * sizeof *dims);
  v->dtype = m->data_type;
  v->rank = (uint32_t)m->n_dims;
  v->dims = dims;
  return true;
}

static bool plain(const ProtobufCMessage *m) { return !m || !m->n_unknown_fields; }

/* Whether kind, element type, dims and level are all that the message says. */
static bool says_it_all(const type_message_t *m) {
  const int kind = (int)m->type;
  const unsigned bodies = (m->selected_rows != NULL) + (m->lod_tensor != NULL) +
                          (m->tensor_array != NULL) + (m->reader != NULL) +
                          (m->tuple != NULL) + (m->string != NULL) +
                          (m->strings != NULL) + (m->vocab != NULL) +
                          (m->sparse_coo != NULL) + (m->sparse_csr != NULL);
  const Fluidrt__Proto__VarType__LoDTensorDesc *lod =
      m->lod_tensor ? m->lod_tensor : m->tensor_array;
  if (!plain(&m->base) || bodies > 1) return false;
  if (!bodies) return true;
  if (lod && (!plain(&lod->base) || !plain(&lod->tensor->base))) return false;
  if (m->lod_tensor) return kind == FRT_VAR_LOD_TENSOR;
  if (m->tensor_array) return kind == FRT_VAR_LOD_TENSOR_ARRAY;
  return m->selected_rows && plain(&m->selected_rows->base) &&
         kind == FRT_VAR_SELECTED_ROWS;
}

static bool decode_type(decoder_t *d, const type_message_t *m, frti_raw_t var,
                        frti_var_t *v) {
  const int kind = (int)m->type;
  const Fluidrt__Proto__VarType__LoDTensorDesc *lod =
      kind == FRT_VAR_LOD_TENSOR ? m->lod_tensor
      : kind == FRT_VAR_LOD_TENSOR_ARRAY ? m->tensor_array : NULL;
  v->kind = kind;
  v->dtype = -1;
  if (kind == FRT_VAR_SELECTED_ROWS && m->selected_rows &&
      !decode_tensor(d, m->selected_rows, v))
    return false;
  if (lod) {
    if (!decode_tensor(d, lod->tensor, v)) return false;
    v->has_lod_level = lod->has_lod_level;
    v->lod_level = lod->lod_level;
  }
  return says_it_all(m) || keep_bytes(d, nth(var, 2, 0), &v->type_message);
}

static frt_status_t decode_var(decoder_t *d, frti_raw_t bytes, frti_var_t *v) {
  var_message_t *m;
  FRT_TRY(unpack(d, &fluidrt__proto__var_desc__descriptor, bytes, &m));
  v->name = intern_text(d, m->name);
  v->persistable = m->has_persistable ? m->persistable != 0 : -1;
  v->need_check_feed = m->has_need_check_feed ? m->need_check_feed != 0 : -1;
  if (!v->name || !decode_type(d, m->type, bytes, v) ||
      !keep_rest(d, bytes, m->base.descriptor, 5, &v->rest))
    return no_memory(d);
  return FRT_OK;
}

/* ---- blocks and the program ------------------------------------------------------ */

static size_t count_fields(frti_raw_t message, uint32_t number) {
  frti_wire_t w = frti_wire(message.bytes, message.n);
  frti_wire_field_t f;
  size_t n = 0;
  while (frti_wire_next(&w, &f)) n += f.number == number;
  return n;
}

static frt_status_t decode_block(decoder_t *d, frti_raw_t bytes, frti_block_t *b) {
  frti_wire_t w = frti_wire(bytes.bytes, bytes.n);
  frti_wire_field_t f;
  b->vars_cap = count_fields(bytes, 3);
  b->ops_cap = count_fields(bytes, 4);
  b->vars = room(d, b->vars_cap, sizeof *b->vars);
  b->ops = room(d, b->ops_cap, sizeof *b->ops);
  b->forward_block_idx = -1;
  if (!b->vars || !b->ops) return no_memory(d);
  while (frti_wire_next(&w, &f)) {
    const frti_raw_t value = {f.value, f.n};
    switch (f.number) {
      case 1: b->idx = (int32_t)f.v; break;
      case 2: b->parent = (int32_t)f.v; break;
      case 3: FRT_TRY(decode_var(d, value, &b->vars[b->n_vars++])); break;
      case 4: FRT_TRY(decode_op(d, value, &b->ops[b->n_ops++])); break;
      case 5: b->forward_block_idx = (int32_t)f.v; b->has_forward_block_idx = true; break;
      default: break;
    }
  }
  if (!keep_rest(d, bytes, &fluidrt__proto__block_desc__descriptor, 6, &b->unknown))
    return no_memory(d);
  return FRT_OK;
}

/* A version with unknown fields has no place in the compact form: it stays among the
 * program's raw fields, and only its number is taken over. */
static frt_status_t decode_version(decoder_t *d, frti_raw_t bytes) {
  Fluidrt__Proto__Version *m;
  FRT_TRY(unpack(d, &fluidrt__proto__version__descriptor, bytes, &m));
  d->p->has_version = plain(&m->base);
  d->p->has_version_number = d->p->has_version && m->has_version;
  d->p->format_version = m->version;
  return FRT_OK;
}

static frt_status_t decode_program(decoder_t *d, frti_raw_t bytes) {
  frt_program_t *p = d->p;
  frti_wire_t w = frti_wire(bytes.bytes, bytes.n);
  frti_wire_field_t f;
  p->blocks_cap = count_fields(bytes, 1);
  p->blocks = room(d, p->blocks_cap, sizeof *p->blocks);
  if (!p->blocks) return no_memory(d);
  while (frti_wire_next(&w, &f)) {
    const frti_raw_t value = {f.value, f.n};
    if (f.number == 1) FRT_TRY(decode_block(d, value, &p->blocks[p->n_blocks++]));
    if (f.number == 3 && !keep_bytes(d, value, &p->compatible_map)) return no_memory(d);
    if (f.number == 4) FRT_TRY(decode_version(d, value));
  }
  const uint32_t first = p->has_version ? 5 : 4;
  if (!keep_rest(d, bytes, frti_program_descriptor(), first, &p->unknown))
    return no_memory(d);
  return FRT_OK;
}

static frt_status_t scan(const frti_limits_t *l, frti_raw_t bytes, frt_error_t *err) {
  const frti_wire_rule_t rules[] = {
      {&fluidrt__proto__block_desc__descriptor, 4, false, l->max_ops, "ops", "max_ops"},
      {&fluidrt__proto__block_desc__descriptor, 3, false, l->max_vars, "variables",
       "max_vars"},
      {&fluidrt__proto__op_desc__var__descriptor, 2, false, l->max_args, "arguments",
       "max_args"},
      {&fluidrt__proto__var_type__tensor_desc__descriptor, 2, true, l->max_rank, "dims",
       "max_rank"},
  };
  return frti_wire_scan(bytes.bytes, bytes.n, frti_program_descriptor(), rules,
                        FRTI_COUNT(rules), err);
}

frt_status_t frti_program_decode(frt_program_t *p, const uint8_t *bytes, size_t n,
                                 const frti_limits_t *limits, frt_error_t *err) {
  const frti_raw_t raw = {bytes, n};
  decoder_t d = {.p = p, .limits = limits, .err = err,
                 .pool = {.budget = (size_t)limits->max_memory}};
  d.allocator = (ProtobufCAllocator){pool_alloc, pool_free, &d.pool};
  frt_status_t status = scan(limits, raw, err);
  if (status != FRT_OK) return status;
  d.pool.buffer = frti_alloc(POOL_BYTES);
  if (!d.pool.buffer) return frti_no_memory(err);
  p->arena.limit = (size_t)limits->max_memory;
  status = decode_program(&d, raw);
  p->arena.limit = 0;
  pool_reset(&d.pool);
  frti_free(d.pool.buffer);
  return status;
}
