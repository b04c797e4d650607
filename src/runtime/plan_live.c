/* Dead code, walking backwards: an op stays if it writes a persistable, or something
 * that is fetched or that a later live op reads. What only gives a shape to live ops is
 * inferred but not run. The body of a live control op stays whole. */
#include "runtime/stages.h"

void frti_body_touches(const frti_node_t *control, frti_touch_fn fn, void *ctx) {
  for (uint32_t k = 0; k < control->body.n; ++k) {
    const frti_node_t *n = control->body.v[k];
    for (uint32_t i = 0; i < n->in.n_args; ++i)
      if (n->in.args[i].value->owner != control->body_block)
        fn(ctx, n->in.args[i].value, false);
    if (n->control) {
      frti_body_touches(n, fn, ctx);
      continue;
    }
    for (uint32_t i = 0; i < n->out.n_args; ++i)
      if (n->out.args[i].value->owner != control->body_block)
        fn(ctx, n->out.args[i].value, true);
  }
}

static void need_data(frti_value_t *v) { v->need_data = true; }

static void need_read(void *ctx, frti_value_t *v, bool write) {
  FRTI_UNUSED(ctx);
  FRTI_UNUSED(write);
  need_data(v); /* also what may be written: the old value may have to survive */
}

typedef struct wanted { bool data, shape; } wanted_t;

static void ask_output(void *ctx, frti_value_t *v, bool write) {
  wanted_t *w = ctx;
  if (!write) return;
  w->data = w->data || v->persistable || v->need_data;
  w->shape = w->shape || v->need_shape;
}

static void live_control(frti_node_t *n) {
  wanted_t w = {false, false};
  frti_body_touches(n, ask_output, &w);
  if (!w.data && !w.shape) {
    n->state = FRTI_DEAD;
    return;
  }
  frti_body_touches(n, need_read, NULL);
  for (uint32_t i = 0; i < n->in.n_slots; ++i) {
    const char *slot = n->schema->inputs[i].name;
    if (!strcmp(slot, "Cond") || !strcmp(slot, "Condition"))
      for (uint32_t k = 0; k < n->in.count[i]; ++k)
        need_data(n->in.args[n->in.at[i] + k].value);
  }
}

/* A full write ends the need for what was there before. */
static void kill_outputs(const frti_node_t *n) {
  for (uint32_t i = 0; i < n->out.n_args; ++i) {
    n->out.args[i].value->need_data = false;
    n->out.args[i].value->need_shape = false;
  }
}

static void need_inputs(const frti_node_t *n) {
  for (uint32_t s = 0; s < n->in.n_slots; ++s)
    for (uint32_t k = 0; k < n->in.count[s]; ++k) {
      frti_value_t *v = n->in.args[n->in.at[s] + k].value;
      const bool data = n->state == FRTI_LIVE &&
                        !(n->schema->inputs[s].flags & FRT_SLOT_SHAPE_ONLY);
      if (data) v->need_data = true;
      else v->need_shape = true;
    }
}

static void live_op(frti_node_t *n) {
  wanted_t w = {n->out.n_args == 0, false};
  for (uint32_t i = 0; i < n->out.n_args; ++i) ask_output(&w, n->out.args[i].value, true);
  if (!w.data && !w.shape) {
    n->state = FRTI_DEAD;
    return;
  }
  n->state = w.data ? FRTI_LIVE : FRTI_SHAPES;
  kill_outputs(n);
  need_inputs(n);
}

frt_status_t frti_plan_live(frti_plan_t *p, frt_error_t *err) {
  FRTI_UNUSED(err);
  for (uint32_t i = 0; i < p->n_values; ++i) p->values[i]->need_data = p->values[i]->fetched;
  for (uint32_t i = p->root.n; i-- > 0;) {
    frti_node_t *n = p->root.v[i];
    if (n->state == FRTI_HOLDER) continue;
    if (n->control) live_control(n);
    else live_op(n);
  }
  return FRT_OK;
}
