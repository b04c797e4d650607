/* A plan's life: the stages in order, and its release. */
#include "runtime/stages.h"

/* Debug builds prove every plan. */
static bool proves(const frti_plan_t *p) {
#ifdef NDEBUG
  return p->exe->check_plans;
#else
  FRTI_UNUSED(p);
  return true;
#endif
}

static bool all_placed(const frti_plan_t *p, const frti_list_t *list) {
  for (uint32_t i = 0; i < list->n; ++i) {
    const frti_node_t *n = list->v[i];
    if (n->state != FRTI_LIVE) continue;
    if (n->control ? !all_placed(p, &n->body)
                   : n->place < 0 || !p->exe->places[n->place].queue)
      return false;
  }
  return true;
}

static frt_status_t run_stages(frti_plan_t *p, const frti_plan_request_t *q,
                               frt_error_t *err) {
  FRT_TRY(frti_plan_build(p, q, err));
  FRT_TRY(frti_plan_live(p, err));
  FRT_TRY(frti_plan_shape(p, err));
  FRT_TRY(frti_plan_place(p, err));
  FRT_TRY(frti_plan_fuse(p, err));
  FRT_TRY(frti_plan_alias(p, err));
  FRT_TRY(frti_plan_copy(p, err));
  if (!p->explain || (p->exe->check_plans && all_placed(p, &p->root)))
    FRT_TRY(frti_plan_prepare(p, err));
  FRT_TRY(frti_plan_memory(p, err));
  FRT_TRY(frti_plan_wait(p, err));
  return proves(p) ? frti_plan_verify(p, err) : FRT_OK;
}

frt_status_t frti_plan_create(frt_executor_t *exe, const frti_plan_request_t *q,
                              frti_plan_t **out, frt_error_t *err) {
  frti_plan_t *p = frti_calloc(1, sizeof *p);
  *out = NULL;
  if (!p) return frti_no_memory(err);
  p->exe = exe;
  p->scope = q->scope;
  p->explain = q->explain;
  p->batch = q->explain ? q->batch : -1;
  atomic_store(&exe->rt->planned, 1);
  frti_places_enter(exe);
  frt_status_t status = run_stages(p, q, err);
  frti_places_leave(exe);
  if (status != FRT_OK) {
    frti_plan_release(p);
    return status;
  }
  *out = p;
  return FRT_OK;
}

void frti_plan_release(frti_plan_t *p) {
  if (!p) return;
  frti_places_enter(p->exe);
  for (uint32_t i = 0; i < p->n_actions; ++i) {
    const frti_action_t *a = &p->actions[i];
    if (a->kind <= FRTI_RUN_RANDOM && a->node->prepared)
      p->exe->places[a->node->place].device->provider->api.op_release(a->node->prepared);
  }
  frti_places_leave(p->exe);
  frti_free(p->actions);
  frti_free(p->copies);
  frti_free(p->values);
  frt_program_release(p->program);
  frt_program_release(p->loaded);
  frti_arena_release(&p->arena);
  frti_free(p);
}
