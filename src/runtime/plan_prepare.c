/* Kernels are prepared, and each action gets what it will call. */
#include "fluidrt/rng.h"
#include "runtime/stages.h"

static uint64_t seed_state(const frti_node_t *n) {
  for (uint32_t i = 0; i < n->bound.n_attrs; ++i)
    if (!strcmp(n->bound.attrs[i].name, "seed"))
      return frt_rng_seed((uint64_t)n->bound.attrs[i].v.i);
  return 1;
}

static frt_status_t prepare_node(frti_plan_t *p, frti_action_t *a, frt_error_t *err) {
  frti_node_t *n = a->node;
  const frti_place_t *place = &p->exe->places[n->place];
  const frt_api_provider_t *api = &place->device->provider->api;
  frt_status_t status = api->op_prepare(api->self, place->device->dev, &n->api,
                                        &n->prepared, &n->workspace, err);
  frti_device_said(place->device, status);
  if (status != FRT_OK) return frti_node_error(n, status, FRT_PHASE_PLAN, err);
  const frt_api_run_t run = {sizeof run, 0, place->queue, n->in.api, n->out.api,
                             n->in.n_slots, n->out.n_slots, NULL, n->workspace,
                             n->schema->flags & FRT_OP_RANDOM ? seed_state(n) : 0,
                             &p->exe->rt->host};
  n->run = run;
  a->run = api->op_run;
  a->prepared = n->prepared;
  a->args = &n->run;
  p->has_async = p->has_async || (place->device->flags & FRT_DEVICE_ASYNC);
  return FRT_OK;
}

frt_status_t frti_plan_prepare(frti_plan_t *p, frt_error_t *err) {
  for (uint32_t i = 0; i < p->n_actions; ++i) {
    if (p->actions[i].kind > FRTI_RUN_RANDOM) continue;
    FRT_TRY(prepare_node(p, &p->actions[i], err));
  }
  return FRT_OK;
}
