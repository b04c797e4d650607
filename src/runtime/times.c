/* What each op takes, for those who ask: the clock before and after its kernel, and on a
 * device with queues the wait for it. */
#include "runtime/stages.h"

frt_status_t frti_run_timed(frt_executor_t *exe, frti_action_t *a, frt_error_t *err) {
  const frti_place_t *place = &exe->places[a->node->place];
  const uint64_t began = frti_now_ns();
  frt_status_t status = a->run(a->prepared, a->args, err);
  if (status == FRT_OK && place->device->flags & FRT_DEVICE_ASYNC)
    status = frti_place_sync(place, err);
  const uint64_t took = frti_now_ns() - began;
  a->ns += took;
  a->slowest_ns = FRTI_MAX(a->slowest_ns, took);
  ++a->runs;
  return status;
}

void frt_executor_time_ops(frt_executor_t *exe, int on) { exe->timed = on != 0; }

/* The same op in other plans of the program (other feeds or fetches) is one row. */
static frt_op_time_t *row_of(frt_op_time_t *rows, size_t n, const frti_node_t *at,
                             const char *place) {
  for (size_t i = 0; i < n; ++i)
    if (rows[i].op == at->op && rows[i].block == at->block && rows[i].place == place &&
        rows[i].type == at->schema->type)
      return &rows[i];
  return NULL;
}

static size_t add_plan(const frti_plan_t *p, frt_op_time_t *rows, size_t n) {
  for (uint32_t i = 0; i < p->n_actions; ++i) {
    const frti_action_t *a = &p->actions[i];
    if (!a->runs) continue;
    const char *place = p->exe->places[a->node->place].label;
    frt_op_time_t *row = row_of(rows, n, a->node, place);
    if (!row) {
      row = &rows[n++];
      *row = (frt_op_time_t){a->node->block, a->node->op, a->node->schema->type, place, 0, 0, 0};
    }
    row->runs += a->runs;
    row->ns += a->ns;
    row->slowest_ns = FRTI_MAX(row->slowest_ns, a->slowest_ns);
  }
  return n;
}

frt_status_t frt_executor_op_times(const frt_executor_t *exe, const frt_program_t *program,
    frt_op_time_t **out, size_t *n, frt_error_t *err) {
  size_t most = 1;
  *n = 0;
  for (uint32_t i = 0; i < exe->n_plans; ++i) most += exe->plans[i]->n_actions;
  if (!(*out = frti_calloc(most, sizeof **out))) return frti_no_memory(err);
  for (uint32_t i = 0; i < exe->n_plans; ++i)
    if (exe->plans[i]->uid == frt_program_uid(program)) *n = add_plan(exe->plans[i], *out, *n);
  return FRT_OK;
}
