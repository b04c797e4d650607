/* Runs told action by action, for those who listen. */
#include "runtime/explain.h"

void frt_executor_trace(frt_executor_t *exe,
    void (*fn)(void *ctx, const frt_trace_span_t *span), void *ctx) {
  exe->trace = fn;
  exe->trace_ctx = ctx;
}

static void fill_copy(frt_trace_span_t *s, const frti_plan_t *p, const frti_copy_t *c) {
  s->kind = FRT_TRACE_COPY;
  s->name = c->value->name;
  s->from = frti_space_label(p, c->from);
  s->to = frti_space_label(p, c->to);
  s->bytes = c->bytes;
  s->made_block = c->producer ? c->producer->block : 0;
  s->made_op = c->producer ? c->producer->op : -1;
}

frt_status_t frti_traced(frt_executor_t *exe, const frti_action_t *a, uint64_t began,
                         frt_error_t *err) {
  const int32_t at = frti_action_place(a);
  const frti_place_t *place = at >= 0 ? &exe->places[at] : NULL;
  frt_trace_span_t s = {.struct_size = sizeof s,
                        .kind = FRT_TRACE_KERNEL,
                        .name = a->node ? a->node->schema->type : "fetch",
                        .place = place ? place->label : "host",
                        .block = a->node ? a->node->block : 0,
                        .op = a->node ? a->node->op : -1,
                        .made_op = -1,
                        .run = exe->runs,
                        .begin_ns = began};
  if (a->by != FRTI_BY_HOST && a->kind != FRTI_WAIT)
    FRT_TRY(frti_place_sync(place, err));
  s.end_ns = frti_now_ns();
  if (a->kind == FRTI_WAIT) s.kind = FRT_TRACE_WAIT;
  if (a->kind == FRTI_COPY) fill_copy(&s, exe->last, a->copy);
  exe->trace(exe->trace_ctx, &s);
  return FRT_OK;
}
