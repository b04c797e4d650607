/* An op of a program becomes a probe, by the runtime's rules: slots and attributes in
 * schema order, defaults filled in, output shapes from the schema. */
#include <stdlib.h>

#include "fluidrt/rng.h"
#include "runner/replay.h"

static int is_empty(const char *arg) { return !arg[0] || !strcmp(arg, "@EMPTY@"); }

/* ---- attributes ------------------------------------------------------------------- */

enum { WIRE_INT = 0, WIRE_F32 = 1, WIRE_STRING = 2, WIRE_INTS = 3, WIRE_F32S = 4,
       WIRE_STRINGS = 5, WIRE_BOOL = 6, WIRE_BOOLS = 7, WIRE_BLOCK = 8, WIRE_LONG = 9,
       WIRE_LONGS = 11, WIRE_F64 = 15 };

static int is_int(const frt_attr_info_t *a) {
  return a->type == WIRE_INT || a->type == WIRE_LONG;
}
static int is_ints(const frt_attr_info_t *a) {
  return a->type == WIRE_INTS || a->type == WIRE_LONGS;
}

static frt_status_t keep_list(frti_probe_t *p, uint32_t i, const void *from, uint32_t n,
                              frt_error_t *err) {
  p->lists[i] = calloc(n + 1u, 8);
  if (!p->lists[i]) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
  if (n) memcpy(p->lists[i], from, 8u * n);
  p->attrs[i].count = n;
  return FRT_OK;
}

static frt_status_t keep_ints(frti_probe_t *p, uint32_t i, const frt_attr_info_t *from,
                              frt_error_t *err) {
  const int one = !from || is_int(from);
  FRT_TRY(keep_list(p, i, one ? (from ? &from->i : NULL) : from->is,
                    one ? (from ? 1 : 0) : from->count, err));
  p->attrs[i].type = FRT_ATTR_INTS;
  p->attrs[i].v.is = p->lists[i];
  return FRT_OK;
}

static frt_status_t keep_floats(frti_probe_t *p, uint32_t i, const frt_attr_info_t *from,
                                frt_error_t *err) {
  FRT_TRY(keep_list(p, i, from ? from->fs : NULL, from ? from->count : 0, err));
  p->attrs[i].type = FRT_ATTR_F32S;
  p->attrs[i].v.fs = p->lists[i];
  return FRT_OK;
}

static frt_status_t set_number(frti_probe_t *p, uint32_t i, const frt_attr_info_t *from,
                               frt_error_t *err) {
  const frt_attr_def_t *def = &p->schema->attrs[i];
  frt_api_attr_t *a = &p->attrs[i];
  const int list_too = (def->flags & FRT_ATTR_LIST_TOO) != 0;
  if (def->type == FRT_ATTR_F32) {
    if (from && from->type == WIRE_F32S && list_too) return keep_floats(p, i, from, err);
    a->v.f = !from ? (double)(float)def->def
             : from->type == WIRE_F32S && from->count ? from->fs[0] : (double)(float)from->f;
    return FRT_OK;
  }
  if (from && is_ints(from) && list_too) return keep_ints(p, i, from, err);
  a->v.i = !from ? (int64_t)def->def : is_ints(from) && from->count ? from->is[0] : from->i;
  return FRT_OK;
}

static int fits(uint32_t type, const frt_attr_info_t *from) {
  switch (type) {
    case FRT_ATTR_F32:
      return from->type == WIRE_F32 || from->type == WIRE_F32S || from->type == WIRE_F64;
    case FRT_ATTR_INT: case FRT_ATTR_INTS: return is_int(from) || is_ints(from);
    default: return from->type == (int32_t)type;
  }
}

static frt_status_t set_attr(frti_probe_t *p, uint32_t i, const frt_attr_info_t *from,
                             frt_error_t *err) {
  const frt_attr_def_t *def = &p->schema->attrs[i];
  frt_api_attr_t *a = &p->attrs[i];
  if (from && (def->flags & FRT_ATTR_IGNORED) && !fits(def->type, from)) from = NULL;
  if (from && !fits(def->type, from))
    return frt_fail(err, FRT_INVALID_ARGUMENT, "attribute '%s' has another type", def->name);
  if (!from && !(def->flags & (FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED)))
    return frt_fail(err, FRT_INVALID_ARGUMENT, "attribute '%s' is missing", def->name);
  a->name = def->name;
  a->type = def->type;
  a->count = 1;
  switch (def->type) {
    case FRT_ATTR_STRING: a->v.s = from ? from->s : def->def_s ? def->def_s : ""; return FRT_OK;
    case FRT_ATTR_INTS: return keep_ints(p, i, from, err);
    case FRT_ATTR_F32S: return keep_floats(p, i, from, err);
    case FRT_ATTR_STRINGS:
      FRT_TRY(keep_list(p, i, from ? from->ss : NULL, from ? from->count : 0, err));
      a->v.ss = p->lists[i];
      return FRT_OK;
    default: return set_number(p, i, from, err);
  }
}

static frt_status_t set_attrs(frti_probe_t *p, const frt_program_t *program, int32_t b,
                              uint32_t index, frt_error_t *err) {
  const uint32_t n = frt_program_op_n_attrs(program, b, index);
  uint32_t i = 0;
  for (; i < FRT_MAX_ATTRS && p->schema->attrs[i].name; ++i) {
    frt_attr_info_t info;
    int found = 0;
    for (uint32_t k = 0; k < n && !found; ++k)
      found = !frt_program_op_attr(program, b, index, k, &info, NULL) &&
              !strcmp(info.name, p->schema->attrs[i].name);
    FRT_TRY(set_attr(p, i, found ? &info : NULL, err));
  }
  p->op.attrs = p->attrs;
  p->op.n_attrs = i;
  return FRT_OK;
}

/* ---- slots -------------------------------------------------------------------------- */

/* The op's slot of that name; count 0 where there is none, or only placeholders. */
static frt_slot_info_t slot_named(const frt_program_t *p, int32_t b, uint32_t index,
                                  int side, const char *name) {
  const uint32_t n = side ? frt_program_op_n_outputs(p, b, index)
                          : frt_program_op_n_inputs(p, b, index);
  frt_slot_info_t s = {0}, none = {0};
  for (uint32_t i = 0; i < n; ++i) {
    if ((side ? frt_program_op_output(p, b, index, i, &s, NULL)
              : frt_program_op_input(p, b, index, i, &s, NULL)) || strcmp(s.name, name))
      continue;
    for (uint32_t k = 0; k < s.count; ++k)
      if (!is_empty(s.args[k])) return s;
  }
  return none;
}

const char *frti_probe_name(const frti_walk_t *w, const frti_probe_t *p, int32_t block,
                            uint32_t index, int side, uint32_t i) {
  const frti_value_t *v = side ? &p->out[i] : &p->in[i];
  const frt_slot_def_t *defs = side ? p->schema->outputs : p->schema->inputs;
  const frt_api_slot_t *slot = &(side ? p->out_slots : p->in_slots)[v->def - defs];
  const uint32_t first = (uint32_t)(slot->t - (side ? p->out_at : p->in_at));
  return slot_named(w->run->program, block, index, side, v->def->name).args[i - first];
}

static frt_status_t declared_shape(frti_walk_t *w, int32_t block, const char *name,
                                   frti_value_t *v, frt_error_t *err) {
  frt_var_info_t info;
  FRT_TRY(frt_program_find_var(w->run->program, block, name, &info, err));
  if (info.dtype < 0 || !frt_dtype_size((uint32_t)info.dtype) || info.rank > FRT_MAX_RANK)
    return frt_fail(err, FRT_UNIMPLEMENTED, "'%s' is no dense tensor", name);
  frti_value_shape(v, (uint32_t)info.dtype, info.rank, info.dims);
  return FRT_OK;
}

static frt_status_t take_value(frti_walk_t *w, int32_t block, const char *name,
                               frti_value_t *v, frt_error_t *err) {
  const frti_variable_t *from = frti_walk_variable(w, block, name, 0);
  const frt_tensor_t *t = from ? from->t : NULL;
  if (!t)
    return frt_fail(err, FRT_FAILED_PRECONDITION, "%s: '%s' has no value; nothing feeds it "
                    "and no op before has written it", v->def->name, name);
  frti_value_shape(v, (uint32_t)frt_tensor_dtype(t), frt_tensor_rank(t), frt_tensor_dims(t));
  v->api.flags = from->block == FRTI_LASTING ? FRT_TENSOR_PERSISTABLE : 0;
  if (v->def->flags & FRT_SLOT_SHAPE_ONLY) return FRT_OK;
  v->raw = frt_tensor_data(t);
  v->d = calloc((size_t)v->api.numel + 1, sizeof(double));
  if (!v->d) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
  for (int64_t e = 0; e < v->api.numel; ++e) v->d[e] = frti_load(v->api.dtype, v->raw, e);
  return FRT_OK;
}

/* A branch that was not taken left no value: NaN in the shape of its neighbour's, which
 * an op that looks at it cannot miss. */
static frt_status_t stand_in(frti_walk_t *w, int32_t block, const frt_slot_info_t *slot,
                             uint32_t at, frt_error_t *err) {
  frti_variable_t *v = frti_walk_variable(w, block, slot->args[at], 0);
  const frt_tensor_t *like = NULL;
  frt_dtype_t dtype;
  if (!v || v->t || !v->skipped) return FRT_OK;
  for (uint32_t i = 0; i < slot->count && !like; ++i) {
    const frti_variable_t *other = frti_walk_variable(w, block, slot->args[i], 0);
    like = other ? other->t : NULL;
  }
  if (!like) return FRT_OK;
  dtype = frt_tensor_dtype(like);
  FRT_TRY(frt_tensor_create(dtype, frt_tensor_rank(like), frt_tensor_dims(like), &v->t, err));
  for (int64_t e = 0; e < frt_tensor_numel(like) && (FRT_DTYPE_BIT(dtype) & FRT_FLOATS); ++e)
    frti_store(dtype, frt_tensor_data(v->t), e, NAN);
  return FRT_OK;
}

static frt_status_t refuse_many(const frt_slot_def_t *def, frt_error_t *err) {
  return frt_fail(err, FRT_UNIMPLEMENTED, "%s: more than %d tensors, or placeholders "
                  "between variables", def->name, FRTI_MAX_TENSORS);
}

static frt_status_t set_inputs(frti_walk_t *w, int32_t b, uint32_t index, int declared,
                               frti_probe_t *p, frt_error_t *err) {
  p->op.n_in = frti_slot_count(p->schema->inputs);
  p->op.in = p->in_slots;
  for (uint32_t s = 0; s < p->op.n_in; ++s) {
    const frt_slot_def_t *def = &p->schema->inputs[s];
    const frt_slot_info_t slot = slot_named(w->run->program, b, index, 0, def->name);
    p->in_slots[s] = (frt_api_slot_t){def->name, slot.count, 0, &p->in_at[p->n_in]};
    if (!slot.count && !(def->flags & (FRT_SLOT_OPTIONAL | FRT_SLOT_REFUSED)))
      return frt_fail(err, FRT_INVALID_ARGUMENT, "input '%s' is missing", def->name);
    if (slot.count > FRTI_MAX_TENSORS - p->n_in) return refuse_many(def, err);
    for (uint32_t i = 0; i < slot.count; ++i) {
      frti_value_t *v = &p->in[p->n_in];
      if (is_empty(slot.args[i])) return refuse_many(def, err);
      v->def = def;
      p->in_at[p->n_in++] = &v->api;
      if (declared) FRT_TRY(declared_shape(w, b, slot.args[i], v, err));
      else if (slot.count > 1) FRT_TRY(stand_in(w, b, &slot, i, err));
      if (!declared) FRT_TRY(take_value(w, b, slot.args[i], v, err));
    }
  }
  return FRT_OK;
}

/* The input tensor that output i of a slot must share memory with, or -1. */
static int aliased(const frti_probe_t *p, const frt_slot_def_t *def, uint32_t i) {
  const int from = def->alias_of ? frti_slot_index(p->schema->inputs, def->alias_of) : -1;
  if (from < 0 || i >= p->in_slots[from].count) return -1;
  return (int)(p->in_slots[from].t - p->in_at + i);
}

static frt_status_t set_outputs(frti_walk_t *w, int32_t b, uint32_t index,
                                frti_probe_t *p, frt_error_t *err) {
  p->op.n_out = frti_slot_count(p->schema->outputs);
  p->op.out = p->out_slots;
  for (uint32_t s = 0; s < p->op.n_out; ++s) {
    const frt_slot_def_t *def = &p->schema->outputs[s];
    const frt_slot_info_t slot = slot_named(w->run->program, b, index, 1, def->name);
    p->out_slots[s] = (frt_api_slot_t){def->name, slot.count, 0, &p->out_at[p->n_out]};
    if (slot.count > FRTI_MAX_TENSORS - p->n_out) return refuse_many(def, err);
    for (uint32_t i = 0; i < slot.count; ++i) {
      frti_value_t *v = &p->out[p->n_out];
      if (is_empty(slot.args[i])) return refuse_many(def, err);
      v->def = def;
      v->alias = aliased(p, def, i);
      p->out_at[p->n_out++] = &v->api;
    }
  }
  return FRT_OK;
}

/* ---- the probe -------------------------------------------------------------------------- */

/* Seed 0 asks for other numbers every time: any will do, as long as both get them. */
static void set_seed(const frti_walk_t *w, int32_t b, uint32_t index, frti_probe_t *p) {
  p->rng = frt_rng_seed(frti_mix(w->r->o.seed ^ frti_mix(w->r->n_runs) ^
                                 ((uint64_t)(uint32_t)b << 32 | index)));
  for (uint32_t i = 0; i < p->op.n_attrs; ++i)
    if (!strcmp(p->attrs[i].name, "seed") && p->attrs[i].v.i)
      p->rng = frt_rng_seed((uint64_t)p->attrs[i].v.i);
}

/* What counts as the dtype under test: the first float. */
static void set_dtype(frti_probe_t *p) {
  p->dtype = p->n_out ? p->out[0].api.dtype : FRT_F32;
  for (uint32_t i = p->n_out; i-- > 0;)
    if (FRT_DTYPE_BIT(p->out[i].api.dtype) & FRT_FLOATS) p->dtype = p->out[i].api.dtype;
}

frt_status_t frti_probe_of_op(frti_walk_t *w, int32_t b, uint32_t index, int declared,
                              frti_probe_t *p, frt_error_t *err) {
  static const frt_case_t no_case = {0};
  static const int64_t no_row[4] = {0};
  const char *type = frt_program_op_type(w->run->program, b, index);
  memset(p, 0, sizeof *p);
  p->view.calls = &frti_case_calls;
  p->c = &no_case;
  p->row = no_row;
  p->schema = frti_schema_of(type);
  if (!p->schema) return frt_fail(err, FRT_UNIMPLEMENTED, "the library has no such op");
  p->op.size = sizeof p->op;
  p->op.version = 1;
  p->op.type = p->schema->type;
  p->op.block = b;
  p->op.index = (int32_t)(b || !w->run->kept ? index : w->run->kept[index]);
  p->op.host = w->r->b.target[0].host;
  FRT_TRY(set_attrs(p, w->run->program, b, index, err));
  FRT_TRY(set_inputs(w, b, index, declared, p, err));
  FRT_TRY(set_outputs(w, b, index, p, err));
  set_seed(w, b, index, p);
  FRT_TRY(frti_probe_infer(p, err));
  set_dtype(p);
  return FRT_OK;
}
