/* The values of a probe: generated inputs, and the oracle's outputs. */
#include <stdlib.h>

#include "runner/runner.h"

/* Runs the forward op `data->op` on the slots that share its names, and takes its
 * output of this slot's name: an input that must be consistent with the others. */
static frt_status_t forward(frti_probe_t *p, uint32_t at, const frti_bench_t *b,
                            frt_error_t *err) {
  frt_case_t c = *p->c;
  frti_probe_t *f = malloc(sizeof *f);
  frt_status_t status;
  if (!f) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
  c.op = p->in[at].data->op;
  status = frti_probe_build(f, &c, p->row, p->dtype, b, err);
  for (uint32_t i = 0; status == FRT_OK && i < f->n_in; ++i) {
    const int slot = frti_slot_index(p->schema->inputs, f->in[i].def->name);
    const size_t bytes = (size_t)f->in[i].api.numel * sizeof(double);
    f->in[i].d = malloc(bytes + 8);
    if (!f->in[i].d || slot < 0 || !p->in[p->in_slots[slot].t - p->in_at].d)
      status = frt_fail(err, FRT_INTERNAL, "FORWARD(%s) lacks '%s'", c.op,
                        f->in[i].def->name);
    else
      memcpy(f->in[i].d, p->in[p->in_slots[slot].t - p->in_at].d, bytes);
  }
  if (status == FRT_OK) status = frti_probe_oracle(f, b, err);
  if (status == FRT_OK) {
    const int slot = frti_slot_index(f->schema->outputs, p->in[at].def->name);
    const frti_value_t *v = slot < 0 ? NULL : &f->out[f->out_slots[slot].t - f->out_at];
    if (!v || v->api.numel != p->in[at].api.numel)
      status = frt_fail(err, FRT_INTERNAL, "FORWARD(%s) has no such output", c.op);
    else
      for (int64_t i = 0; i < v->api.numel; ++i)
        p->in[at].d[i] = frti_round_to(p->in[at].api.dtype, v->d[i]);
  }
  frti_probe_release(f);
  free(f);
  return status;
}

frt_status_t frti_probe_fill(frti_probe_t *p, const frti_bench_t *b, frt_error_t *err) {
  for (int pass = 0; pass < 2; ++pass) /* FORWARD needs the others first */
    for (uint32_t i = 0; i < p->n_in; ++i) {
      frti_value_t *v = &p->in[i];
      const int is_forward = v->data->kind == FRT_DATA_FORWARD;
      if ((v->def->flags & FRT_SLOT_SHAPE_ONLY) || is_forward != pass) continue;
      v->d = calloc((size_t)v->api.numel + 1, sizeof(double));
      if (!v->d) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
      if (is_forward) FRT_TRY(forward(p, i, b, err));
      else frti_generate(v->data, v->api.dtype, frti_mix(p->seed + i), v->d, v->api.numel);
      for (int64_t e = 0; e < v->api.numel && v->data->kind == FRT_DATA_VALUES; ++e)
        v->d[e] = frti_resolve(p, v->d[e]);
    }
  return FRT_OK;
}

frt_status_t frti_probe_oracle(frti_probe_t *p, const frti_bench_t *b, frt_error_t *err) {
  const double *in[FRTI_MAX_TENSORS];
  double *out[FRTI_MAX_TENSORS], *mag[FRTI_MAX_TENSORS];
  for (uint32_t i = 0; i < p->n_in; ++i) in[i] = p->in[i].d;
  for (uint32_t i = 0; i < p->n_out; ++i) {
    frti_value_t *v = &p->out[i];
    if (!v->d) v->d = calloc((size_t)v->api.numel + 1, sizeof(double));
    if (!v->mag) v->mag = calloc((size_t)v->api.numel + 1, sizeof(double));
    if (!v->d || !v->mag) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
    out[i] = v->def->flags & FRT_SLOT_SHAPE_ONLY ? NULL : v->d;
    mag[i] = out[i] ? v->mag : NULL;
  }
  if (frti_is_own(p->schema)) return frti_own_eval(p, in, out, mag, err);
  return b->oracle->eval(b->reference.api->self, &p->op, p->rng, in, out, mag, err);
}

/* ---- what formulas ask ------------------------------------------------------ */

static frt_case_array_t array_of(const frti_value_t *v) {
  const frt_case_array_t a = {v->api.rank, v->dims, v->api.numel, v->d};
  return a;
}

static frt_case_array_t in_at(const frt_case_view_t *view, const char *slot, uint32_t i) {
  const frti_probe_t *v = (const frti_probe_t *)view;
  const frt_case_array_t none = {0};
  const int s = frti_slot_index(v->schema->inputs, slot);
  if (s < 0 || v->in_slots[s].count <= i) return none;
  return array_of(&v->in[v->in_slots[s].t - v->in_at + i]);
}

static frt_case_array_t out_at(const frt_case_view_t *view, const char *slot, uint32_t i) {
  const frti_probe_t *v = (const frti_probe_t *)view;
  const frt_case_array_t none = {0};
  const int s = frti_slot_index(v->schema->outputs, slot);
  if (s < 0 || v->out_slots[s].count <= i) return none;
  return array_of(&v->out[v->out_slots[s].t - v->out_at + i]);
}

static uint32_t count_of(const frt_case_view_t *view, const char *slot) {
  const frti_probe_t *v = (const frti_probe_t *)view;
  const int s = frti_slot_index(v->schema->inputs, slot);
  return s < 0 ? 0 : v->in_slots[s].count;
}

static const frt_api_attr_t *attr_of(const frt_case_view_t *view, const char *name) {
  const frti_probe_t *v = (const frti_probe_t *)view;
  for (uint32_t i = 0; i < v->op.n_attrs; ++i)
    if (!strcmp(v->attrs[i].name, name)) return &v->attrs[i];
  return NULL;
}

static double unit_of(const frt_case_view_t *view) {
  return ((const frti_probe_t *)view)->dtype == FRT_F64 ? 0x1p-53 : 0x1p-24;
}

const frt_case_calls_t frti_case_calls = {sizeof frti_case_calls, 0, in_at, out_at, count_of,
                                          attr_of, unit_of};

double frt_terms_2(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 2;
}

double frt_terms_3(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 3;
}

double frt_terms_input(const frt_case_view_t *v, const frt_case_array_t *out) {
  const frti_probe_t *p = (const frti_probe_t *)v;
  return out->numel ? (double)p->in[0].api.numel / (double)out->numel : 1;
}

/* [m,k] x [k,n] -> [m,n]: k^2 = mk * kn / mn. */
double frt_terms_inner(double a, double b, double out) {
  return out > 0 ? floor(sqrt(a * b / out) + 0.5) : 1;
}

double frt_terms_axis(const frt_case_view_t *v, const frt_case_array_t *out) {
  const frt_api_attr_t *axis = frt_case_attr(v, "axis");
  int64_t at = axis ? axis->v.i : -1;
  const frti_probe_t *p = (const frti_probe_t *)v;
  if (at < 0) at += (int64_t)p->in[0].api.rank;
  (void)out;
  return (double)p->in[0].dims[at];
}
