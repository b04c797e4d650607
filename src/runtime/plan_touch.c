/* What memory an action reads and writes: taken from the tensors that kernels are given,
 * not from what the planner meant. */
#include "runtime/stages.h"

void frti_tensor_touch(const frti_tensor_t *t, frti_value_t *value, bool write,
                       frti_touch_t *out) {
  const frti_storage_t *s = t->of;
  const uint64_t lo = s->placed ? s->offset : 0;
  const frti_touch_t touch = {s, value, s->space, s->placed, write, lo, lo + t->t.bytes};
  *out = touch;
}

bool frti_touch_overlap(const frti_touch_t *a, const frti_touch_t *b) {
  if (a->space != b->space || a->placed != b->placed) return false;
  if (!a->placed && a->storage != b->storage) return false;
  return a->lo < b->hi && b->lo < a->hi;
}

static void touch_tensor(const frt_api_tensor_t *tensor, frti_value_t *value, bool write,
                         frti_touched_fn fn, void *ctx) {
  frti_touch_t t;
  /* Every tensor of an action is the first member of an frti_tensor_t. */
  frti_tensor_touch((const frti_tensor_t *)(const void *)tensor, value, write, &t);
  fn(ctx, &t);
}

static void touch_side(const frti_slots_t *s, const frt_slot_def_t *defs, bool write,
                       frti_touched_fn fn, void *ctx) {
  for (uint32_t slot = 0; slot < s->n_slots; ++slot)
    for (uint32_t k = 0; k < s->count[slot]; ++k) {
      const uint32_t i = s->at[slot] + k;
      if (defs[slot].flags & FRT_SLOT_SHAPE_ONLY) continue;
      touch_tensor(s->tensors[i], s->args[i].value, write, fn, ctx);
    }
}

static void touch_workspace(const frti_plan_t *p, const frti_node_t *n, frti_touched_fn fn,
                            void *ctx) {
  const frti_place_t *place = frti_node_place(p, n);
  const frti_touch_t t = {NULL, NULL, place ? place->device->space : FRTI_HOST, true, true,
                          n->workspace_offset, n->workspace_offset + n->workspace};
  if (n->workspace) fn(ctx, &t);
}

void frti_action_touches(const frti_plan_t *p, const frti_action_t *a, frti_touched_fn fn,
                         void *ctx) {
  switch (a->kind) {
    case FRTI_RUN:
    case FRTI_RUN_RANDOM:
      touch_side(&a->node->in, a->node->schema->inputs, false, fn, ctx);
      touch_side(&a->node->out, a->node->schema->outputs, true, fn, ctx);
      touch_workspace(p, a->node, fn, ctx);
      break;
    case FRTI_COPY:
      touch_tensor(&a->copy->src->t, a->copy->value, false, fn, ctx);
      touch_tensor(&a->copy->dst->t, a->copy->value, true, fn, ctx);
      break;
    case FRTI_JUMP_IF_FALSE:
      touch_tensor(&a->cond->t, NULL, false, fn, ctx);
      break;
    case FRTI_WAIT:
    case FRTI_JUMP: break;
  }
}
