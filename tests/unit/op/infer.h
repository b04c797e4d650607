/* An op with shapes and attributes, as the planner hands it to infer_shape. */
#ifndef FRT_TEST_INFER_H
#define FRT_TEST_INFER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fluidrt/op.h"
#include "fluidrt/program.h"

enum { MAX_TENSORS = 4 };

typedef struct op {
  frt_infer_t x;
  frt_api_attr_t attrs[FRT_MAX_ATTRS];
  int64_t ints[FRT_MAX_ATTRS][16];
  frt_infer_slot_t in[FRT_MAX_SLOTS], out[FRT_MAX_SLOTS];
  frt_shape_t in_shapes[FRT_MAX_SLOTS][MAX_TENSORS];
  frt_shape_t out_shapes[FRT_MAX_SLOTS][MAX_TENSORS];
} op_t;

/* Attributes have their defaults, no input is there, every output is asked for once. */
static inline void op_init(op_t *o, const char *type) {
  memset(o, 0, sizeof *o);
  const frt_op_schema_t *s = frt_op_find(type);
  assert_non_null(s);
  for (int i = 0; i < FRT_MAX_SLOTS; ++i) {
    o->in[i].shapes = o->in_shapes[i];
    o->out[i].shapes = o->out_shapes[i];
    o->out[i].count = s->outputs[i].name && !(s->outputs[i].flags & FRT_SLOT_REFUSED);
  }
  for (int i = 0; i < FRT_MAX_ATTRS && s->attrs[i].name; ++i) {
    frt_api_attr_t *a = &o->attrs[i];
    a->name = s->attrs[i].name;
    a->type = s->attrs[i].type;
    a->count = 1;
    if (a->type == FRT_ATTR_F32) a->v.f = (float)s->attrs[i].def;
    else if (a->type == FRT_ATTR_STRING) a->v.s = s->attrs[i].def_s ? s->attrs[i].def_s : "";
    else if (a->type == FRT_ATTR_INT || a->type == FRT_ATTR_BOOL)
      a->v.i = (int64_t)s->attrs[i].def;
    else a->count = 0;
  }
  o->x = (frt_infer_t){sizeof o->x, s, o->attrs, o->in, o->out};
}

static inline frt_api_attr_t *op_attr(op_t *o, const char *name) {
  for (int i = 0; i < FRT_MAX_ATTRS && o->attrs[i].name; ++i)
    if (!strcmp(o->attrs[i].name, name)) return &o->attrs[i];
  fail_msg("no attribute '%s'", name);
  return NULL;
}
#define SET_INT(o, name, value) (op_attr(o, name)->v.i = (value))
#define SET_F32(o, name, value) (op_attr(o, name)->v.f = (value))
#define SET_STR(o, name, value) (op_attr(o, name)->v.s = (value))

static inline void op_set_ints(op_t *o, const char *name, uint32_t n, const int64_t *v) {
  frt_api_attr_t *a = op_attr(o, name);
  assert_true(n <= 16);
  memcpy(o->ints[a - o->attrs], v, n * sizeof *v);
  a->count = n;
  a->v.is = o->ints[a - o->attrs];
}
#define LENGTH(...) (sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define SET_INTS(o, name, ...) \
  op_set_ints(o, name, LENGTH(__VA_ARGS__), (const int64_t[]){__VA_ARGS__})

static inline void op_add_in(op_t *o, const char *slot, uint32_t dtype, uint32_t rank,
                             const int64_t *dims) {
  const int i = frt_infer_index_(o->x.schema->inputs, slot);
  assert_true(i >= 0 && o->in[i].count < MAX_TENSORS);
  frt_shape_t *s = &o->in_shapes[i][o->in[i].count++];
  s->dtype = dtype;
  s->rank = rank;
  memcpy(s->dims, dims, rank * sizeof *dims);
}
/* One more tensor in a slot. */
#define IN(o, slot, dtype, ...) \
  op_add_in(o, slot, dtype, LENGTH(__VA_ARGS__), (const int64_t[]){__VA_ARGS__})

static inline void op_no_out(op_t *o, const char *slot) {
  o->out[frt_infer_index_(o->x.schema->outputs, slot)].count = 0;
}
static inline void op_outs(op_t *o, const char *slot, uint32_t n) {
  o->out[frt_infer_index_(o->x.schema->outputs, slot)].count = n;
}

static inline void accepts(op_t *o) {
  frt_error_t err = FRT_ERROR_INIT;
  const frt_status_t status = o->x.schema->infer_shape(&o->x, &err);
  if (status != FRT_OK) fail_msg("refused: %s", err.message);
}
static inline void op_check_out(op_t *o, const char *slot, uint32_t k, uint32_t dtype,
                                uint32_t rank, const int64_t *dims) {
  const int i = frt_infer_index_(o->x.schema->outputs, slot);
  assert_true(i >= 0);
  assert_int_equal(o->out_shapes[i][k].dtype, dtype);
  assert_int_equal(o->out_shapes[i][k].rank, rank);
  for (uint32_t d = 0; d < rank; ++d)
    assert_int_equal(o->out_shapes[i][k].dims[d], dims[d]);
}
#define OUT_AT(o, slot, k, dtype, ...) \
  op_check_out(o, slot, k, dtype, LENGTH(__VA_ARGS__), (const int64_t[]){__VA_ARGS__})
#define OUT(o, slot, dtype, ...) OUT_AT(o, slot, 0, dtype, __VA_ARGS__)

static inline void refuses(op_t *o, frt_status_t status, const char *message) {
  frt_error_t err = FRT_ERROR_INIT;
  assert_int_equal(o->x.schema->infer_shape(&o->x, &err), status);
  assert_string_equal(err.message, message);
  assert_int_equal(err.status, status);
  assert_true(err.name[0] != 0);
  assert_int_equal(o->x.schema->infer_shape(&o->x, NULL), status);
}

#endif
