/* Placement: an op runs on the first listed place that says yes. All that none takes are
 * listed at once. */
#include "runtime/stages.h"

void frti_tensor_set(frti_tensor_t *t, const frt_shape_t *shape) {
  t->t.size = sizeof t->t;
  t->t.dtype = shape->dtype;
  t->t.rank = shape->rank;
  memcpy(t->dims, shape->dims, sizeof t->dims);
  t->t.dims = t->dims;
  t->t.numel = frti_shape_numel(shape);
  t->t.bytes = frti_shape_bytes(shape);
}

static frt_status_t side_api(frti_plan_t *p, frti_slots_t *s, frt_error_t *err) {
  frti_tensor_t *t = frti_arena_calloc(&p->arena, s->n_args + 1, sizeof *t);
  if (!t) return frti_no_memory(err);
  for (uint32_t i = 0; i < s->n_args; ++i) {
    frti_tensor_set(&t[i], &s->shapes[i]);
    if (s->args[i].value->persistable) t[i].t.flags |= FRT_TENSOR_PERSISTABLE;
    if (s->args[i].value->fed) t[i].t.flags |= FRT_TENSOR_FED;
    s->tensors[i] = &t[i].t;
  }
  for (uint32_t k = 0; k < s->n_slots; ++k) {
    s->api[k].count = s->count[k];
    s->api[k].t = &s->tensors[s->at[k]];
  }
  return FRT_OK;
}

frt_status_t frti_node_api(frti_plan_t *p, frti_node_t *n, frt_error_t *err) {
  FRT_TRY(side_api(p, &n->in, err));
  FRT_TRY(side_api(p, &n->out, err));
  const frt_api_op_t op = {sizeof op, 1, n->schema->type, n->block, n->op, n->in.api,
                           n->out.api, n->in.n_slots, n->out.n_slots, n->bound.attrs,
                           n->bound.n_attrs, 0, &p->exe->rt->host};
  n->api = op;
  return FRT_OK;
}

frt_status_t frti_node_query(const frti_node_t *n, const frti_provider_t *provider,
    frt_dev_t *dev, frt_api_support_t *support, frt_error_t *err) {
  memset(support, 0, sizeof *support);
  support->size = sizeof *support;
  frt_status_t status =
      provider->api.op_query(provider->api.self, dev, &n->api, support, err);
  support->detail[sizeof support->detail - 1] = 0;
  return status == FRT_OK ? FRT_OK : frti_node_error(n, status, FRT_PHASE_PLAN, err);
}

/* ---- where an op may go ---------------------------------------------------------------- */

/* The listed place that `want` names: a label, or a provider (then its first place). */
static int32_t find_place(const frt_executor_t *exe, const char *want) {
  const size_t len = strcspn(want, ":");
  for (uint32_t i = 0; i < exe->n_places; ++i) {
    const char *name = exe->places[i].device->provider->api.name;
    if (!strcmp(want, exe->places[i].label) ||
        (!want[len] && strlen(name) == len && !memcmp(want, name, len)))
      return (int32_t)i;
  }
  return -1;
}

enum { ANY = -1, ANY_HOST = -3 };

/* Fluid's op_device: "gpu" is cuda, "cpu" that provider, or without it in the list any
 * place that works on host memory and has the kernel. */
static int32_t find_device(const frt_executor_t *exe, const char *device) {
  const bool gpu = !strncmp(device, "gpu", 3);
  char label[48];
  snprintf(label, sizeof label, "%s%.40s", gpu ? "cuda" : "", gpu ? device + 3 : device);
  int32_t at = find_place(exe, label);
  for (uint32_t i = 0; at < 0 && !strcmp(device, "cpu") && i < exe->n_places; ++i)
    if (exe->places[i].device->flags & FRT_DEVICE_HOST_MEMORY) at = ANY_HOST;
  return at;
}

static bool may_run_at(const frti_plan_t *p, int32_t want, uint32_t i) {
  if (want == ANY_HOST) return p->exe->places[i].device->flags & FRT_DEVICE_HOST_MEMORY;
  return want == ANY || want == (int32_t)i;
}

/* The place that a pin or op_device wants, or ANY, or ANY_HOST. */
static frt_status_t wanted_place(const frti_plan_t *p, const frti_node_t *n, int32_t *out,
                                 frt_error_t *err) {
  const frt_executor_t *exe = p->exe;
  const frti_attr_t *device = n->src ? frti_op_attr(n->src, "op_device") : NULL;
  const char *want = NULL;
  *out = ANY;
  if (device && device->type == FRTI_WIRE_STRING && device->v.s && device->v.s[0] &&
      strcmp(device->v.s, "all")) {
    want = device->v.s;
    *out = find_device(exe, want);
  }
  for (size_t i = 0; i < exe->n_pins; ++i)
    if (exe->pins[i].block == n->block && exe->pins[i].op == n->op) {
      want = exe->pins[i].place;
      *out = find_place(exe, want);
    }
  if (!want || *out != ANY) return FRT_OK;
  const bool gpu = !strncmp(want, "gpu", 3);
  for (uint32_t i = 0; i < exe->n_skipped; ++i)
    if (!strncmp(exe->skipped[i].label, gpu ? "cuda" : want, strlen(gpu ? "cuda" : want)))
      return frti_node_error(n, frt_fail(err, FRT_UNAVAILABLE, "wants device '%s', which is "
          "not here: %s", want, exe->skipped[i].why), FRT_PHASE_PLAN, err);
  return frti_node_error(n, frt_fail(err, FRT_UNAVAILABLE,
      "wants device '%s', which is not in the place list '%s'; add it: -p %s,%s%s", want,
      exe->list, exe->list, gpu ? "cuda" : "", gpu ? want + 3 : want), FRT_PHASE_PLAN, err);
}

static void set_candidate(frti_candidate_t *c, const char *label, bool listed,
                          const frt_api_support_t *s) {
  c->label = label;
  c->listed = listed;
  c->verdict = s->verdict;
  c->reason = s->reason;
  memcpy(c->detail, s->detail, sizeof c->detail);
}

static bool is_listed(const frt_executor_t *exe, const frti_provider_t *provider) {
  for (uint32_t i = 0; i < exe->n_places; ++i)
    if (exe->places[i].device->provider == provider) return true;
  return false;
}

/* Explaining: every listed place and every other loaded provider answers. */
static frt_status_t all_candidates(frti_plan_t *p, frti_node_t *n, frt_error_t *err) {
  frt_executor_t *exe = p->exe;
  frt_api_support_t s;
  uint32_t cap = exe->n_places + (uint32_t)frt_runtime_n_providers(exe->rt);
  n->candidates = frti_arena_calloc(&p->arena, cap, sizeof *n->candidates);
  if (!n->candidates) return frti_no_memory(err);
  for (uint32_t i = 0; i < exe->n_places; ++i) {
    const frti_place_t *place = &exe->places[i];
    FRT_TRY(frti_node_query(n, place->device->provider, place->device->dev, &s, err));
    set_candidate(&n->candidates[n->n_candidates++], place->label, true, &s);
  }
  for (frti_provider_t *q = exe->rt->providers; q && n->n_candidates < cap; q = q->next) {
    if (is_listed(exe, q)) continue;
    FRT_TRY(frti_node_query(n, q, NULL, &s, err));
    set_candidate(&n->candidates[n->n_candidates++], q->api.name, false, &s);
  }
  return FRT_OK;
}

typedef struct refusals { frti_str_t text; uint32_t n; const frti_node_t *first; } refusals_t;

static frt_status_t place_node(frti_plan_t *p, frti_node_t *n, refusals_t *r,
                               frt_error_t *err) {
  frt_api_support_t s = {0};
  int32_t want;
  FRT_TRY(frti_node_api(p, n, err));
  FRT_TRY(wanted_place(p, n, &want, err));
  if (p->explain) FRT_TRY(all_candidates(p, n, err));
  n->place = -2;
  const uint32_t n_places = p->exe->n_places;
  const uint32_t start = p->exe->spread ? (uint32_t)n->op % n_places : 0;
  for (uint32_t k = 0; k < n_places; ++k) {
    const uint32_t i = (start + k) % n_places;
    const frti_device_t *d = p->exe->places[i].device;
    if (!may_run_at(p, want, i)) continue;
    FRT_TRY(frti_node_query(n, d->provider, d->dev, &s, err));
    if (s.verdict == FRT_NO) continue;
    n->place = (int32_t)i;
    n->support = s.flags;
    return FRT_OK;
  }
  if (!r->n++) r->first = n;
  frti_str_addf(&r->text, "%sblock %d op #%d %s: %.100s", r->text.len ? "; " : "", n->block,
                n->op, n->schema->type, s.detail);
  return FRT_OK;
}

static frt_status_t place_list(frti_plan_t *p, const frti_list_t *list, refusals_t *r,
                               frt_error_t *err) {
  for (uint32_t i = 0; i < list->n; ++i) {
    frti_node_t *n = list->v[i];
    if (n->state != FRTI_LIVE) continue;
    if (n->control) FRT_TRY(place_list(p, &n->body, r, err));
    else FRT_TRY(place_node(p, n, r, err));
  }
  return FRT_OK;
}

frt_status_t frti_plan_place(frti_plan_t *p, frt_error_t *err) {
  refusals_t r = {0};
  frt_status_t status = place_list(p, &p->root, &r, err);
  if (status == FRT_OK && r.n && !p->explain) {
    status = frt_fail(err, FRT_UNIMPLEMENTED, "%u op%s cannot run on '%s': %s", r.n,
                      r.n == 1 ? "" : "s", p->exe->list, r.text.text ? r.text.text : "");
    frti_error_phase(err, status, FRT_PHASE_PLAN);
    if (err) {
      err->block = r.first->block;
      err->op = r.first->op;
    }
  }
  frti_str_release(&r.text);
  return status;
}
