/* From a case to the op that a provider sees: slots and attributes in schema order,
 * defaults filled in, output shapes from the schema. Exactly the runtime's rules. */
#include <stdlib.h>

#include "fluidrt/rng.h"
#include "runner/runner.h"

int frti_slot_index(const frt_slot_def_t *defs, const char *name) {
  for (int i = 0; i < FRT_MAX_SLOTS && defs[i].name; ++i)
    if (!strcmp(defs[i].name, name)) return i;
  return -1;
}

uint32_t frti_slot_count(const frt_slot_def_t *defs) {
  uint32_t n = 0;
  while (n < FRT_MAX_SLOTS && defs[n].name) ++n;
  return n;
}

double frti_resolve(const frti_probe_t *p, double v) {
  if (v == DIM_N) return (double)p->row[0];
  if (v == DIM_M) return (double)p->row[1];
  if (v == DIM_K) return (double)p->row[2];
  if (v == DIM_P) return (double)p->row[3];
  return v == THE_DTYPE ? (double)p->dtype : v;
}

void frti_value_shape(frti_value_t *v, uint32_t dtype, uint32_t rank, const int64_t *dims) {
  int64_t numel = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    v->dims[i] = dims[i];
    numel = numel < 0 || dims[i] < 0 ? -1 : numel * dims[i];
  }
  v->api.size = sizeof v->api;
  v->api.dtype = dtype;
  v->api.rank = rank;
  v->api.dims = v->dims;
  v->api.numel = numel;
  v->api.bytes = numel < 0 ? 0 : (uint64_t)numel * frt_dtype_size(dtype);
}

/* ---- attributes ------------------------------------------------------------ */

static frt_status_t set_list(frti_probe_t *p, uint32_t i, const frt_case_attr_t *from,
                             frt_error_t *err) {
  frt_api_attr_t *a = &p->attrs[i];
  const uint32_t n = from ? from->n : 0;
  int64_t *is;
  double *fs;
  p->lists[i] = calloc(n + 1u, sizeof(double));
  if (!p->lists[i]) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
  a->count = n;
  is = p->lists[i];
  fs = p->lists[i];
  for (uint32_t k = 0; k < n; ++k) {
    const double v = frti_resolve(p, from->list[k]);
    if (a->type == FRT_ATTR_F32S) fs[k] = (double)(float)v;
    else is[k] = (int64_t)v;
  }
  if (a->type == FRT_ATTR_F32S) a->v.fs = fs;
  else if (a->type == FRT_ATTR_STRINGS) a->v.ss = p->lists[i];
  else a->v.is = is;
  return FRT_OK;
}

static frt_status_t set_attr(frti_probe_t *p, uint32_t i, const frt_case_attr_t *from,
                             frt_error_t *err) {
  const frt_attr_def_t *def = &p->schema->attrs[i];
  frt_api_attr_t *a = &p->attrs[i];
  double v;
  if (!from && !(def->flags & (FRT_ATTR_DEFAULT | FRT_ATTR_IGNORED)))
    return frt_fail(err, FRT_INVALID_ARGUMENT, "the case lacks attribute '%s'", def->name);
  v = from ? frti_resolve(p, from->v) : def->def;
  a->name = def->name;
  a->type = def->type;
  a->count = 1;
  if (from && from->list && (def->flags & FRT_ATTR_LIST_TOO))
    a->type = def->type == FRT_ATTR_F32 ? FRT_ATTR_F32S : FRT_ATTR_INTS;
  switch (a->type) {
    case FRT_ATTR_F32: a->v.f = (double)(float)v; return FRT_OK;
    case FRT_ATTR_STRING:
      a->v.s = from && from->s ? from->s : def->def_s ? def->def_s : "";
      return FRT_OK;
    case FRT_ATTR_INTS: case FRT_ATTR_F32S: case FRT_ATTR_STRINGS:
      return set_list(p, i, from, err);
    default: a->v.i = (int64_t)v; return FRT_OK;
  }
}

static frt_status_t set_attrs(frti_probe_t *p, frt_error_t *err) {
  const frt_case_attr_t *from = p->c->attrs;
  uint32_t n = 0;
  for (; n < FRT_MAX_ATTRS && p->schema->attrs[n].name; ++n) {
    const frt_case_attr_t *found = NULL;
    for (int k = 0; k < FRT_CASE_ATTRS && from[k].name; ++k)
      if (!strcmp(from[k].name, p->schema->attrs[n].name)) found = &from[k];
    FRT_TRY(set_attr(p, n, found, err));
  }
  p->op.attrs = p->attrs;
  p->op.n_attrs = n;
  return FRT_OK;
}

/* ---- slots ----------------------------------------------------------------- */

static frt_status_t set_inputs(frti_probe_t *p, frt_error_t *err) {
  const uint32_t n = frti_slot_count(p->schema->inputs);
  for (uint32_t s = 0; s < n; ++s) {
    const frt_slot_def_t *def = &p->schema->inputs[s];
    const uint32_t first = p->n_in;
    for (int k = 0; k < FRT_CASE_INS && p->c->in[k].slot; ++k) {
      const frt_case_in_t *from = &p->c->in[k];
      frti_value_t *v = &p->in[p->n_in];
      int64_t dims[FRT_MAX_RANK];
      if (strcmp(from->slot, def->name)) continue;
      for (uint32_t i = 0; i < from->shape.rank; ++i)
        dims[i] = (int64_t)frti_resolve(p, (double)from->shape.d[i]);
      frti_value_shape(v, from->dtype ? (uint32_t)from->dtype - 1 : p->dtype,
                       from->shape.rank, dims);
      v->def = def;
      v->data = &from->data;
      p->in_at[p->n_in++] = &v->api;
    }
    if (p->n_in == first && !(def->flags & FRT_SLOT_OPTIONAL))
      return frt_fail(err, FRT_INVALID_ARGUMENT, "the case lacks input '%s'", def->name);
    p->in_slots[s] = (frt_api_slot_t){def->name, p->n_in - first, 0, &p->in_at[first]};
  }
  p->op.in = p->in_slots;
  p->op.n_in = n;
  return FRT_OK;
}

/* The gradient of an input that is not there, and what the case leaves out. */
static int output_wanted(const frti_probe_t *p, const frt_slot_def_t *def) {
  const size_t len = strlen(def->name);
  if (def->flags & FRT_SLOT_REFUSED) return 0;
  for (int i = 0; i < FRT_CASE_OUTS && p->c->without[i]; ++i)
    if (!strcmp(p->c->without[i], def->name)) return 0;
  if (!(def->flags & FRT_SLOT_OPTIONAL) || len < 5) return 1;
  for (uint32_t s = 0; s < p->op.n_in; ++s)
    if (strlen(p->in_slots[s].name) == len - 5 && !strcmp(def->name + len - 5, "@GRAD") &&
        !strncmp(p->in_slots[s].name, def->name, len - 5))
      return p->in_slots[s].count != 0;
  return 1;
}

/* As many as there are inputs it is the gradient of, else as the case says. */
static uint32_t variadic(const frti_probe_t *p, const frt_slot_def_t *def) {
  const size_t len = strlen(def->name);
  for (uint32_t s = 0; s < p->op.n_in; ++s)
    if (p->in_slots[s].count && strlen(p->in_slots[s].name) + 5 == len &&
        !strncmp(p->in_slots[s].name, def->name, len - 5))
      return p->in_slots[s].count;
  return p->c->outs ? p->c->outs : 1;
}

/* An output that must be an input's variable comes as often as that input. */
static void set_output(frti_probe_t *p, const frt_slot_def_t *def) {
  const int from = def->alias_of ? frti_slot_index(p->schema->inputs, def->alias_of) : -1;
  const uint32_t count = from >= 0 ? p->in_slots[from].count : 0;
  const uint32_t n = (def->flags & FRT_SLOT_VARIADIC) ? (count ? count : variadic(p, def)) : 1;
  for (uint32_t i = 0; i < n; ++i) {
    frti_value_t *v = &p->out[p->n_out];
    v->def = def;
    v->alias = count ? (int)(p->in_slots[from].t - p->in_at + i) : -1;
    p->out_at[p->n_out++] = &v->api;
  }
}

static void set_outputs(frti_probe_t *p) {
  const uint32_t n = frti_slot_count(p->schema->outputs);
  for (uint32_t s = 0; s < n; ++s) {
    const frt_slot_def_t *def = &p->schema->outputs[s];
    const uint32_t first = p->n_out;
    if (output_wanted(p, def)) set_output(p, def);
    p->out_slots[s] = (frt_api_slot_t){def->name, p->n_out - first, 0, &p->out_at[first]};
  }
  p->op.out = p->out_slots;
  p->op.n_out = n;
}

frt_status_t frti_probe_infer(frti_probe_t *p, frt_error_t *err) {
  frt_shape_t in[FRTI_MAX_TENSORS] = {{0}}, out[FRTI_MAX_TENSORS] = {{0}};
  frt_infer_slot_t in_slots[FRT_MAX_SLOTS] = {{0}}, out_slots[FRT_MAX_SLOTS] = {{0}};
  const frt_infer_t x = {sizeof x, p->schema, p->attrs, in_slots, out_slots};
  for (uint32_t i = 0; i < p->n_in; ++i) {
    in[i].dtype = p->in[i].api.dtype;
    in[i].rank = p->in[i].api.rank;
    memcpy(in[i].dims, p->in[i].dims, sizeof in[i].dims);
  }
  for (uint32_t s = 0; s < p->op.n_in; ++s)
    in_slots[s] = (frt_infer_slot_t){p->in_slots[s].count, in + (p->in_slots[s].t - p->in_at)};
  for (uint32_t s = 0; s < p->op.n_out; ++s)
    out_slots[s] =
        (frt_infer_slot_t){p->out_slots[s].count, out + (p->out_slots[s].t - p->out_at)};
  if (p->schema->infer_shape) FRT_TRY(p->schema->infer_shape(&x, err));
  for (uint32_t i = 0; i < p->n_out; ++i)
    frti_value_shape(&p->out[i], out[i].dtype, out[i].rank, out[i].dims);
  return FRT_OK;
}

frt_status_t frti_probe_build(frti_probe_t *p, const frt_case_t *c, const int64_t *row,
                              uint32_t dtype, const frti_bench_t *b, frt_error_t *err) {
  static const int64_t none[4] = {0};
  memset(p, 0, sizeof *p);
  p->view.calls = &frti_case_calls;
  p->c = c;
  p->schema = frti_schema_of(c->op);
  if (!p->schema) return frt_fail(err, FRT_NOT_FOUND, "no op '%s'", c->op);
  p->row = row ? row : none;
  p->dtype = dtype;
  /* Numbers that the case knows come from its own state, others from the seed too. */
  p->rng = frt_rng_seed(c->rng ? c->rng : c->want[0].slot || !b->seed ? 1u : frti_mix(b->seed));
  p->seed = frti_mix(b->seed ^ frti_mix(FRT_CASE_VERSION) ^ frti_hash_text(c->op)) ^
            frti_hash_text(c->name);
  for (int i = 0; i < 4; ++i) p->seed = frti_mix(p->seed ^ (uint64_t)p->row[i]);
  p->op.size = sizeof p->op;
  p->op.version = 1;
  p->op.type = p->schema->type;
  p->op.host = b->target[0].host;
  FRT_TRY(set_attrs(p, err));
  FRT_TRY(set_inputs(p, err));
  set_outputs(p);
  return frti_probe_infer(p, err);
}

void frti_probe_release(frti_probe_t *p) {
  for (uint32_t i = 0; i < p->n_in; ++i) free(p->in[i].d);
  for (uint32_t i = 0; i < p->n_out; ++i) {
    free(p->out[i].d);
    free(p->out[i].mag);
  }
  for (int i = 0; i < FRT_MAX_ATTRS; ++i) free(p->lists[i]);
  memset(p, 0, sizeof *p);
}
