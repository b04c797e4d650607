#include "edit.h"

#include <limits.h>
#include <math.h>

enum { MAX_ARGS = 64 };

uint32_t edit_draw(edit_t *e, uint32_t n) {
  e->state = e->state * 1664525u + 1013904223u;
  return n ? (e->state >> 10) % n : 0;
}

edit_t edit_choose(const frt_program_t *p, uint32_t seed) {
  edit_t e = {.state = seed * 2654435761u + 1u};
  e.block = (int32_t)edit_draw(&e, (uint32_t)frt_program_n_blocks(p));
  e.kind = 1 + edit_draw(&e, EDIT_KINDS - 1);
  const int of_var = e.kind == EDIT_DIMS || e.kind == EDIT_DTYPE;
  e.at = edit_draw(&e, of_var ? frt_program_n_vars(p, e.block)
                              : frt_program_n_ops(p, e.block));
  return e;
}

/* ---- variables ------------------------------------------------------------------------- */

static void edit_dims(edit_t *e, frt_var_info_t *v, int64_t *dims) {
  static const int64_t extents[] = {0, 1, 2, 3, 4, 5, 7, 8, 16, 17, 64, -1, 1 << 20,
                                    INT32_MAX, INT64_MAX};
  const uint32_t way = edit_draw(e, 4);
  if (v->rank) memcpy(dims, v->dims, v->rank * sizeof *dims);
  v->dims = dims;
  if (way == 0 && v->rank < FRT_MAX_RANK) dims[v->rank++] = 1 + edit_draw(e, 3);
  else if (way == 1 && v->rank) --v->rank;
  else if (v->rank) dims[edit_draw(e, v->rank)] = extents[edit_draw(e, way == 2 ? 10 : 15)];
}

static frt_status_t copy_vars(const frt_program_t *p, int32_t b, edit_t *e,
                              frt_program_t *to) {
  static const int32_t dtypes[] = {FRT_BOOL, FRT_I32, FRT_I64, FRT_F32, FRT_F64, FRT_U8};
  for (uint32_t i = 0; i < frt_program_n_vars(p, b); ++i) {
    frt_var_info_t v;
    int64_t dims[FRT_MAX_RANK + 1];
    FRT_TRY(frt_program_var(p, b, i, &v, NULL));
    const int here = e->block == b && e->at == i;
    if (here && e->kind == EDIT_DIMS && v.rank <= FRT_MAX_RANK) edit_dims(e, &v, dims);
    if (here && e->kind == EDIT_DTYPE) v.dtype = dtypes[edit_draw(e, 6)];
    FRT_TRY(frt_program_add_var(to, b, &v, NULL));
  }
  return FRT_OK;
}

/* ---- ops --------------------------------------------------------------------------------- */

static const char *any_var(const frt_program_t *p, int32_t b, edit_t *e) {
  frt_var_info_t v;
  const uint32_t n = frt_program_n_vars(p, b);
  return n && !frt_program_var(p, b, edit_draw(e, n), &v, NULL) ? v.name : "nothing";
}

static frt_status_t copy_slots(const frt_program_t *p, int32_t b, uint32_t op, edit_t *e,
                               frt_program_t *to, int32_t to_b, uint32_t to_op) {
  const uint32_t n_in = frt_program_op_n_inputs(p, b, op);
  const uint32_t n = n_in + frt_program_op_n_outputs(p, b, op);
  const uint32_t victim = e && n ? edit_draw(e, n) : UINT32_MAX;
  for (uint32_t s = 0; s < n; ++s) {
    const char *args[MAX_ARGS + 1];
    frt_slot_info_t slot;
    FRT_TRY(s < n_in ? frt_program_op_input(p, b, op, s, &slot, NULL)
                     : frt_program_op_output(p, b, op, s - n_in, &slot, NULL));
    if (slot.count > MAX_ARGS) return FRT_RESOURCE_EXHAUSTED;
    if (slot.count) memcpy(args, slot.args, slot.count * sizeof *args);
    if (s == victim && e->kind == EDIT_EDGE) {
      const uint32_t way = edit_draw(e, 4);
      if (way == 0 && slot.count) --slot.count;
      else if (way == 1) args[slot.count++] = any_var(p, b, e);
      else if (slot.count) args[edit_draw(e, slot.count)] = any_var(p, b, e);
    }
    FRT_TRY(s < n_in
                ? frt_program_set_input(to, to_b, to_op, slot.name, args, slot.count, NULL)
                : frt_program_set_output(to, to_b, to_op, slot.name, args, slot.count, NULL));
  }
  return FRT_OK;
}

static void edit_attr(edit_t *e, frt_attr_info_t *a, int64_t *is, double *fs) {
  static const int64_t ints[] = {0, 1, 2, 3, 5, 7, -1, -2, -3, 9, 100, INT32_MAX, INT32_MIN};
  const double floats[] = {0, -0.0, 1, -1, 0.5, 1e-30, 1e30, 3e38, NAN, INFINITY, -INFINITY};
  static const char *const texts[] = {"", "relu", "l1", "NCHW", "NHWC", "SAME", "max"};
  const int64_t i = ints[edit_draw(e, 13)];
  const double f = floats[edit_draw(e, 11)];
  if (a->count > MAX_ARGS) return;
  switch (a->type) {
    case 0: case 9: a->i = i; break;
    case 6: a->i = !a->i; break;
    case 1: case 15: a->f = f; break;
    case 2: a->s = texts[edit_draw(e, 7)]; break;
    case 3: case 11: /* INTS, LONGS */
      if (a->count) memcpy(is, a->is, a->count * sizeof *is);
      a->is = is;
      if (edit_draw(e, 3) == 0) is[a->count++] = i;
      else if (a->count && edit_draw(e, 3) == 0) --a->count;
      else if (a->count) is[edit_draw(e, a->count)] = i;
      break;
    case 4: case 12: /* FLOATS, FLOAT64S */
      if (a->count) memcpy(fs, a->fs, a->count * sizeof *fs);
      a->fs = fs;
      if (a->count) fs[edit_draw(e, a->count)] = f;
      break;
    default: break;
  }
}

static frt_status_t copy_attrs(const frt_program_t *p, int32_t b, uint32_t op, edit_t *e,
                               frt_program_t *to, int32_t to_b, uint32_t to_op) {
  const uint32_t n = frt_program_op_n_attrs(p, b, op);
  const uint32_t victim = e && n ? edit_draw(e, n) : UINT32_MAX;
  for (uint32_t i = 0; i < n; ++i) {
    frt_attr_info_t a;
    int64_t is[MAX_ARGS + 1];
    double fs[MAX_ARGS + 1];
    FRT_TRY(frt_program_op_attr(p, b, op, i, &a, NULL));
    if (i == victim && e->kind == EDIT_DROP_ATTR) continue;
    if (i == victim && e->kind == EDIT_ATTR) edit_attr(e, &a, is, fs);
    FRT_TRY(frt_program_set_attr(to, to_b, to_op, &a, NULL));
  }
  return FRT_OK;
}

static const char *other_type(edit_t *e) {
  const size_t n = frt_op_count();
  const frt_op_schema_t *s = frt_op_at(edit_draw(e, (uint32_t)n));
  return s ? s->type : "relu";
}

static frt_status_t copy_op(const frt_program_t *p, int32_t b, uint32_t op, edit_t *e,
                            frt_program_t *to, int32_t to_b) {
  const char *type = frt_program_op_type(p, b, op);
  uint32_t at;
  if (e && e->kind == EDIT_TYPE) type = other_type(e);
  FRT_TRY(frt_program_add_op(to, to_b, type, &at, NULL));
  FRT_TRY(copy_slots(p, b, op, e, to, to_b, at));
  return copy_attrs(p, b, op, e, to, to_b, at);
}

frt_status_t edit_copy_op(const frt_program_t *p, int32_t b, uint32_t op,
                          frt_program_t *to) {
  return copy_op(p, b, op, NULL, to, 0);
}

/* ---- programs ------------------------------------------------------------------------------ */

static frt_status_t copy_all(const frt_program_t *p, edit_t *e, frt_program_t *to) {
  for (int32_t b = 1; b < frt_program_n_blocks(p); ++b) {
    int32_t made;
    FRT_TRY(frt_program_add_block(to, frt_program_parent(p, b), &made, NULL));
  }
  for (int32_t b = 0; b < frt_program_n_blocks(p); ++b) FRT_TRY(copy_vars(p, b, e, to));
  for (int32_t b = 0; b < frt_program_n_blocks(p); ++b)
    for (uint32_t o = 0; o < frt_program_n_ops(p, b); ++o) {
      const int here = e->block == b && e->at == o && e->kind >= EDIT_TYPE;
      FRT_TRY(copy_op(p, b, o, here ? e : NULL, to, b));
    }
  return FRT_OK;
}

frt_program_t *edit_copy(const frt_program_t *p, edit_t e) {
  frt_program_t *to = NULL;
  if (frt_program_create(&to, NULL)) return NULL;
  if (copy_all(p, &e, to) == FRT_OK) return to;
  frt_program_release(to);
  return NULL;
}
