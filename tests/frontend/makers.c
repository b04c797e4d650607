#include "makers.h"

#include <stdlib.h>

static const struct { const char *type, *slot; } mirrors[] = {
    /* Gradients that are ordinary ops: of X through Out. */
    {"scale", "X"}, {"sum", "X"}, {"cast", "X"}, {"assign", "X"}, {"cumsum", "X"},
    {"split", "X"}, {"select_input", "X"}};

static const char *mirror_slot(const char *type) {
  for (size_t i = 0; i < sizeof mirrors / sizeof *mirrors; ++i)
    if (!strcmp(mirrors[i].type, type)) return mirrors[i].slot;
  return NULL;
}

/* Slot "<name>@GRAD" of the gradient op. */
static int has_grad_slot(const frt_slot_def_t *defs, const char *name) {
  char text[64];
  snprintf(text, sizeof text, "%s@GRAD", name);
  return frti_slot_index(defs, text) >= 0;
}

static int is_float(const frti_value_t *v) {
  return v->api.dtype == FRT_F64 || v->api.dtype == FRT_F32;
}

/* In double, or rounding drowns the differences. */
int maker_differentiable(const frti_probe_t *p, uint32_t i) {
  const frti_value_t *v = &p->in[i];
  const char *only = mirror_slot(p->schema->type);
  if (v->api.dtype != FRT_F64) return 0;
  if (only) return !strcmp(v->def->name, only);
  return has_grad_slot(frti_schema_of(p->schema->grad)->outputs, v->def->name);
}

int maker_counts(const frti_probe_t *p, uint32_t o) {
  const frti_value_t *v = &p->out[o];
  if (v->api.dtype != FRT_F64 || (v->def->flags & FRT_SLOT_SHAPE_ONLY)) return 0;
  if (mirror_slot(p->schema->type)) return !strcmp(v->def->name, "Out");
  return has_grad_slot(frti_schema_of(p->schema->grad)->inputs, v->def->name);
}

/* ---- feeds ---------------------------------------------------------------------------- */

static frt_status_t feed_of(maker_net_t *n, const char *name, uint32_t dtype, uint32_t rank,
                            const int64_t *dims, const double *values, frt_error_t *err) {
  frt_feed_t *f = &n->feed[n->n_feed];
  FRT_TRY(frt_tensor_create((frt_dtype_t)dtype, rank, dims, &f->tensor, err));
  f->name = name;
  ++n->n_feed;
  for (int64_t i = 0; values && i < frt_tensor_numel(f->tensor); ++i)
    frti_store(dtype, frt_tensor_data(f->tensor), i, values[i]);
  return FRT_OK;
}

/* Running statistics and their like: no gradient goes through what is overwritten. */
static int is_overwritten(const frti_probe_t *p, uint32_t i) {
  for (uint32_t o = 0; o < p->n_out; ++o)
    if (p->out[o].alias == (int)i) return 1;
  return 0;
}

static frt_status_t add_inputs(maker_net_t *n, frt_error_t *err) {
  for (uint32_t i = 0; i < n->probe->n_in; ++i) {
    const frti_value_t *v = &n->probe->in[i];
    char name[32];
    snprintf(name, sizeof name, "in%u", i);
    FRT_TRY(frt_data(n->b, name, v->api.rank, v->dims, (frt_dtype_t)v->api.dtype, &n->in[i],
                     err));
    if (is_float(v) && !is_overwritten(n->probe, i))
      FRT_TRY(frt_var_stop_gradient(n->b, n->in[i], 0, err));
    n->in_feed[i] = (int)n->n_feed;
    FRT_TRY(feed_of(n, n->in[i].name, v->api.dtype, v->api.rank, v->dims, v->d, err));
  }
  return FRT_OK;
}

/* sum(out * weights), weights being fed. */
static frt_status_t add_term(maker_net_t *n, frt_var_t out, const frti_value_t *v, int copy,
                             uint32_t o, frt_error_t *err) {
  char name[32];
  frt_var_t weights;
  double *values = malloc(((size_t)v->api.numel + 1) * sizeof *values);
  if (!values) return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "out of memory");
  snprintf(name, sizeof name, "weights%d_%u", copy, o);
  for (int64_t i = 0; i < v->api.numel; ++i)
    values[i] = 2 * frti_unit(frti_mix(17u + (uint64_t)copy * 100 + o), (uint64_t)i) - 1;
  frt_status_t status = frt_data(n->b, name, v->api.rank, v->dims,
                                 (frt_dtype_t)v->api.dtype, &weights, err);
  if (status == FRT_OK)
    status = feed_of(n, weights.name, v->api.dtype, v->api.rank, v->dims, values, err);
  free(values);
  FRT_TRY(status);
  FRT_TRY(frt_layers_elementwise_mul(n->b, out, weights, -1, NULL, &out, err));
  FRT_TRY(frt_layers_reduce_sum(n->b, out, NULL, &out, err));
  n->terms[n->n_terms++] = out;
  return FRT_OK;
}

/* ---- the op ---------------------------------------------------------------------------- */

/* A dropout draws the same mask in every run. */
static uint32_t take_attrs(const frti_probe_t *p, frt_attr_info_t *to) {
  uint32_t n = 0;
  for (int k = 0; k < FRT_CASE_ATTRS && p->c->attrs[k].name; ++k)
    for (uint32_t i = 0; i < p->op.n_attrs; ++i) {
      const frt_api_attr_t *a = &p->attrs[i];
      if (strcmp(a->name, p->c->attrs[k].name) != 0) continue;
      to[n] = (frt_attr_info_t){.name = a->name, .count = a->count};
      switch (a->type) {
        case FRT_ATTR_F32: to[n].f = a->v.f; break;
        case FRT_ATTR_STRING: to[n].s = a->v.s; break;
        case FRT_ATTR_INTS: to[n].is = a->v.is; break;
        case FRT_ATTR_F32S: to[n].fs = a->v.fs; break;
        default: to[n].i = a->v.i;
      }
      ++n;
    }
  if (!strcmp(p->schema->type, "dropout")) {
    to[n++] = (frt_attr_info_t){.name = "fix_seed", .i = 1};
    to[n++] = (frt_attr_info_t){.name = "seed", .i = 5};
  }
  return n;
}

static size_t slots_of(const frt_api_slot_t *from, uint32_t n_from,
                       const frt_api_tensor_t *const *base, const frt_var_t *vars,
                       const char **names, frt_op_slot_t *to) {
  size_t n = 0;
  for (uint32_t s = 0; s < n_from; ++s) {
    const size_t at = from[s].count ? (size_t)(from[s].t - base) : 0;
    if (!from[s].count) continue;
    for (uint32_t i = 0; i < from[s].count; ++i) names[at + i] = vars[at + i].name;
    to[n++] = (frt_op_slot_t){from[s].name, from[s].count, names + at};
  }
  return n;
}

static frt_status_t add_op(maker_net_t *n, int copy, frt_error_t *err) {
  const frti_probe_t *p = n->probe;
  frt_op_slot_t in[FRT_MAX_SLOTS], out[FRT_MAX_SLOTS];
  const char *in_names[MAKER_MAX], *out_names[MAKER_MAX];
  frt_attr_info_t attrs[FRT_CASE_ATTRS + 2];
  frt_var_t made[MAKER_MAX];
  for (uint32_t o = 0; o < p->n_out; ++o)
    if (p->out[o].alias >= 0) made[o] = n->in[p->out[o].alias];
    else
      FRT_TRY(frt_builder_create_var(n->b, "out", (frt_dtype_t)p->out[o].api.dtype, &made[o],
                                     err));
  const size_t n_in = slots_of(p->in_slots, p->op.n_in, p->in_at, n->in, in_names, in);
  const size_t n_out = slots_of(p->out_slots, p->op.n_out, p->out_at, made, out_names, out);
  FRT_TRY(frt_append_op(n->b, p->schema->type, in, n_in, out, n_out, attrs,
                        take_attrs(p, attrs), NULL, err));
  for (uint32_t o = 0; o < p->n_out; ++o)
    if (maker_counts(p, o)) FRT_TRY(add_term(n, made[o], &p->out[o], copy, o, err));
  return FRT_OK;
}

frt_status_t maker_build(maker_net_t *n, const frti_probe_t *p, int times,
                         frt_runtime_t *rt, frt_error_t *err) {
  *n = (maker_net_t){.probe = p};
  if (p->n_in > MAKER_MAX || p->n_out > MAKER_MAX)
    return frt_fail(err, FRT_OUT_OF_RANGE, "too many tensors");
  FRT_TRY(frt_builder_create(&n->b, err));
  FRT_TRY(frt_executor_create(rt, "reference", NULL, &n->exe, err));
  FRT_TRY(frt_scope_create(rt, &n->scope, err));
  FRT_TRY(add_inputs(n, err));
  for (int copy = 0; copy < times; ++copy) FRT_TRY(add_op(n, copy, err));
  if (!n->n_terms) return frt_fail(err, FRT_OUT_OF_RANGE, "no output has a gradient");
  return frt_layers_sums(n->b, n->terms, n->n_terms, &n->loss, err);
}

frt_status_t maker_backward(maker_net_t *n, int barred, int by_flag, frt_error_t *err) {
  frt_param_grad_t *pairs;
  size_t n_pairs;
  const char *const no_grad[] = {barred < 0 ? NULL : n->in[barred].name};
  if (barred >= 0 && by_flag)
    FRT_TRY(frt_var_stop_gradient(n->b, n->in[barred], 1, err));
  return frt_append_backward(n->b, n->loss, NULL, 0, no_grad, barred >= 0 && !by_flag,
                             &pairs, &n_pairs, err);
}

/* ---- running ---------------------------------------------------------------------------- */

static frt_status_t run(maker_net_t *n, const char *name, double *to, int64_t cap,
                        frt_error_t *err) {
  const frt_fetch_t fetch = {.var = name};
  frt_tensor_t *out = NULL;
  FRT_TRY(frt_executor_run(n->exe, frt_builder_main(n->b), n->scope, n->feed, n->n_feed,
                           &fetch, 1, &out, NULL, err));
  frt_status_t status = FRT_OK;
  if (frt_tensor_numel(out) != cap)
    status = frt_fail(err, FRT_INTERNAL, "'%s' has %lld elements; wanted %lld", name,
                      (long long)frt_tensor_numel(out), (long long)cap);
  for (int64_t i = 0; status == FRT_OK && i < cap; ++i)
    to[i] = frti_load(frt_tensor_dtype(out), frt_tensor_data(out), i);
  frt_tensor_release(out);
  return status;
}

frt_status_t maker_loss(maker_net_t *n, uint32_t i, int64_t e, double x, double *loss,
                        frt_error_t *err) {
  frt_tensor_t *t = n->feed[n->in_feed[i]].tensor;
  const double was = frti_load(frt_tensor_dtype(t), frt_tensor_data(t), e);
  frti_store(frt_tensor_dtype(t), frt_tensor_data(t), e, x);
  const frt_status_t status = run(n, n->loss.name, loss, 1, err);
  frti_store(frt_tensor_dtype(t), frt_tensor_data(t), e, was);
  return status;
}

frt_status_t maker_gradient(maker_net_t *n, uint32_t i, double *to, frt_error_t *err) {
  char name[48];
  frt_var_info_t info;
  snprintf(name, sizeof name, "%s@GRAD", n->in[i].name);
  FRT_TRY(frt_program_find_var(frt_builder_main(n->b), 0, name, &info, err));
  return run(n, name, to, n->probe->in[i].api.numel, err);
}

void maker_release(maker_net_t *n) {
  for (size_t i = 0; i < n->n_feed; ++i) frt_tensor_release(n->feed[i].tensor);
  frt_scope_release(n->scope);
  frt_executor_release(n->exe);
  frt_builder_release(n->b);
}
