/* One forward op's gradient ops. The gradient op's schema says the slots: S is the
 * forward op's S, S@GRAD the gradient of the forward op's S. Where Fluid's gradient is an
 * ordinary op, a small maker builds it. */
#include <math.h>
#include <string.h>

#include "train/backward.h"

static const frti_slot_t *slot_of(const frti_slot_t *slots, uint32_t n, const char *name,
                                  size_t len) {
  for (uint32_t i = 0; i < n; ++i)
    if (strlen(slots[i].name) == len && !strncmp(slots[i].name, name, len))
      return &slots[i];
  return NULL;
}

frti_gop_t *frti_gop(frti_backward_t *w, const char *type, const frti_op_t *like) {
  frti_gop_t *g = frti_arena_calloc(&w->arena, 1, sizeof *g);
  if (!g || !FRTI_GROW(w->ops, w->n_ops, w->ops_cap)) return NULL;
  g->type = type;
  g->like = like;
  w->ops[w->n_ops++] = g;
  return g;
}

/* Keeps slots in name order. */
frti_gslot_t *frti_gop_slot(frti_gslot_t *slots, uint32_t *n, const char *name) {
  uint32_t at = (*n)++;
  for (; at > 0 && strcmp(slots[at - 1].slot, name) > 0; --at) slots[at] = slots[at - 1];
  slots[at] = (frti_gslot_t){.slot = name};
  return &slots[at];
}

bool frti_gop_reserve(frti_backward_t *w, frti_gslot_t *to, uint32_t n) {
  to->names = frti_arena_calloc(&w->arena, n, sizeof *to->names);
  return to->names != NULL;
}

/* The forward op's slot as it is. */
bool frti_gop_copy(frti_backward_t *w, const frti_slot_t *from, frti_gslot_t *to) {
  if (!from) return true;
  if (!frti_gop_reserve(w, to, from->n)) return false;
  for (uint32_t i = 0; i < from->n; ++i)
    if (!(to->names[to->n++] = frti_intern(w->b, from->args[i]))) return false;
  return true;
}

/* Gradients of a slot's variables. As outputs, those that may not be produced are left
 * out, or, in a slot of several, keep their place as @EMPTY@. */
static bool grad_slot(frti_backward_t *w, const frti_slot_t *from, bool output,
                      bool several, frti_gslot_t *to) {
  if (!from) return true;
  if (!frti_gop_reserve(w, to, from->n)) return false;
  for (uint32_t i = 0; i < from->n; ++i) {
    const char *forward = frti_intern(w->b, from->args[i]);
    const char *name = forward ? frti_grad_name(w, forward) : NULL;
    frti_fact_t *fact = name ? frti_fact(w, name) : NULL;
    if (!fact) return false;
    if (output && fact->no_grad_name) {
      if (several && !(to->names[to->n++] = frti_intern(w->b, FRTI_EMPTY))) return false;
      continue;
    }
    if (output) fact->forward = forward;
    to->names[to->n++] = name;
  }
  return true;
}

static bool fill(frti_backward_t *w, const frti_op_t *op, const frt_slot_def_t *def,
                 bool output, frti_gslot_t *to) {
  const size_t len = strlen(def->name), tail = sizeof FRTI_GRAD - 1;
  const bool grad = len > tail && !strcmp(def->name + len - tail, FRTI_GRAD);
  const size_t base = grad ? len - tail : len;
  const frti_slot_t *in = slot_of(op->in, op->n_in, def->name, base);
  const frti_slot_t *out = slot_of(op->out, op->n_out, def->name, base);
  if (!grad) return frti_gop_copy(w, in ? in : out, to);
  const bool several = (def->flags & FRT_SLOT_VARIADIC) != 0;
  return output ? grad_slot(w, in, true, several, to)
                : grad_slot(w, out ? out : in, false, false, to);
}

/* Attributes that the gradient op does not take over. */
static bool takes_attributes(const char *type) { return strcmp(type, "mean_grad") != 0; }

static frt_status_t make_by_schema(frti_backward_t *w, const frti_op_t *op,
                                   const frt_op_schema_t *grad) {
  frti_gop_t *g = frti_gop(w, grad->type, takes_attributes(grad->type) ? op : NULL);
  if (!g) return frti_no_memory(w->err);
  for (uint32_t i = 0; i < FRT_MAX_SLOTS && grad->inputs[i].name; ++i)
    if (!fill(w, op, &grad->inputs[i], false, frti_gop_slot(g->in, &g->n_in, grad->inputs[i].name)))
      return frti_no_memory(w->err);
  for (uint32_t i = 0; i < FRT_MAX_SLOTS && grad->outputs[i].name; ++i)
    if (!fill(w, op, &grad->outputs[i], true,
              frti_gop_slot(g->out, &g->n_out, grad->outputs[i].name)))
      return frti_no_memory(w->err);
  return FRT_OK;
}

/* Running statistics are read by a gradient that normalizes with them, and by no other. */
static frt_status_t make_batch_norm(frti_backward_t *w, const frti_op_t *op) {
  const frti_attr_t *global = frti_op_attr(op, "use_global_stats");
  const frt_op_schema_t *grad = frt_op_find("batch_norm_grad");
  uint32_t kept = 0;
  FRT_TRY(make_by_schema(w, op, grad));
  frti_gop_t *g = w->ops[w->n_ops - 1];
  for (uint32_t i = 0; i < g->n_in; ++i) {
    const bool running = !strcmp(g->in[i].slot, "Mean") || !strcmp(g->in[i].slot, "Variance");
    if (!running || (global && global->v.i)) g->in[kept++] = g->in[i];
  }
  g->n_in = kept;
  return FRT_OK;
}

/* ---- gradients that are ordinary ops ----------------------------------------------- */

/* X = Out@GRAD, Out = the gradient of X[at]; NULL: out of memory. */
static frti_gop_t *mirror(frti_backward_t *w, const frti_op_t *op, const char *type,
                          uint32_t at) {
  const frti_slot_t *x = slot_of(op->in, op->n_in, "X", 1);
  const frti_slot_t *out = slot_of(op->out, op->n_out, "Out", 3);
  frti_gop_t *g = frti_gop(w, type, NULL);
  if (!g || !x || !out) return NULL;
  const frti_slot_t one = {.name = x->name, .n = 1, .args = x->args + at};
  const bool done = grad_slot(w, out, false, false, frti_gop_slot(g->in, &g->n_in, "X")) &&
                    grad_slot(w, &one, true, true, frti_gop_slot(g->out, &g->n_out, "Out"));
  return done ? g : NULL;
}

static frt_attr_info_t renamed_attr(const frti_op_t *op, const char *from,
                                    const char *to, int32_t type) {
  const frti_attr_t *a = frti_op_attr(op, from);
  frt_attr_info_t info = {.name = to, .type = type, .count = 1};
  if (a && type == FRTI_WIRE_FLOAT) info.f = a->v.f;
  else if (a) info.i = a->v.i;
  return info;
}

static frt_status_t make_scale(frti_backward_t *w, const frti_op_t *op) {
  frti_gop_t *g = mirror(w, op, "scale", 0);
  const frti_slot_t *tensor = slot_of(op->in, op->n_in, "ScaleTensor", 11);
  if (!g || (tensor && !frti_gop_copy(w, tensor, frti_gop_slot(g->in, &g->n_in, "ScaleTensor"))))
    return frti_no_memory(w->err);
  g->own[g->n_own++] = renamed_attr(op, "scale", "scale", FRTI_WIRE_FLOAT);
  g->own[g->n_own++] =
      (frt_attr_info_t){.name = "bias", .type = FRTI_WIRE_FLOAT, .count = 1};
  g->own[g->n_own++] = (frt_attr_info_t){
      .name = "bias_after_scale", .type = FRTI_WIRE_BOOLEAN, .count = 1, .i = 1};
  return FRT_OK;
}

static frt_status_t make_sum(frti_backward_t *w, const frti_op_t *op) {
  const frti_slot_t *x = slot_of(op->in, op->n_in, "X", 1);
  for (uint32_t i = 0; x && i < x->n; ++i) {
    frti_gop_t *g = mirror(w, op, "scale", i);
    if (!g) return frti_no_memory(w->err);
    g->own[g->n_own++] =
        (frt_attr_info_t){.name = "scale", .type = FRTI_WIRE_FLOAT, .count = 1, .f = 1};
  }
  return FRT_OK;
}

static frt_status_t make_cast(frti_backward_t *w, const frti_op_t *op) {
  frti_gop_t *g = mirror(w, op, "cast", 0);
  if (!g) return frti_no_memory(w->err);
  g->own[g->n_own++] = renamed_attr(op, "in_dtype", "out_dtype", FRTI_WIRE_INT);
  g->own[g->n_own++] = renamed_attr(op, "out_dtype", "in_dtype", FRTI_WIRE_INT);
  return FRT_OK;
}

static frt_status_t make_assign(frti_backward_t *w, const frti_op_t *op) {
  return mirror(w, op, "assign", 0) ? FRT_OK : frti_no_memory(w->err);
}

/* The sum from the other end. */
static frt_status_t make_cumsum(frti_backward_t *w, const frti_op_t *op) {
  frti_gop_t *g = mirror(w, op, "cumsum", 0);
  if (!g) return frti_no_memory(w->err);
  g->own[g->n_own++] = renamed_attr(op, "axis", "axis", FRTI_WIRE_INT);
  g->own[g->n_own++] = renamed_attr(op, "exclusive", "exclusive", FRTI_WIRE_BOOLEAN);
  g->own[g->n_own] = renamed_attr(op, "reverse", "reverse", FRTI_WIRE_BOOLEAN);
  g->own[g->n_own].i = !g->own[g->n_own].i;
  ++g->n_own;
  return FRT_OK;
}

/* The parts' gradients put together again. */
static frt_status_t make_split(frti_backward_t *w, const frti_op_t *op) {
  frti_gop_t *g = mirror(w, op, "concat", 0);
  const frti_slot_t *axis = slot_of(op->in, op->n_in, "AxisTensor", 10);
  if (!g || !frti_gop_copy(w, axis, frti_gop_slot(g->in, &g->n_in, "AxisTensor")))
    return frti_no_memory(w->err);
  g->like = op;
  return FRT_OK;
}

/* X goes back to the input that was selected. */
static frt_status_t make_select(frti_backward_t *w, const frti_op_t *op) {
  frti_gop_t *g = frti_gop(w, "select_output", NULL);
  const frti_slot_t *x = slot_of(op->in, op->n_in, "X", 1);
  const frti_slot_t *mask = slot_of(op->in, op->n_in, "Mask", 4);
  const frti_slot_t *out = slot_of(op->out, op->n_out, "Out", 3);
  if (!g || !grad_slot(w, out, false, false, frti_gop_slot(g->in, &g->n_in, "X")) ||
      !frti_gop_copy(w, mask, frti_gop_slot(g->in, &g->n_in, "Mask")) ||
      !grad_slot(w, x, true, true, frti_gop_slot(g->out, &g->n_out, "Out")))
    return frti_no_memory(w->err);
  return FRT_OK;
}

static const struct {
  const char *type;
  frt_status_t (*make)(frti_backward_t *w, const frti_op_t *op);
} makers[] = {{"scale", make_scale}, {"sum", make_sum}, {"cast", make_cast},
              {"assign", make_assign}, {"cumsum", make_cumsum}, {"split", make_split},
              {"select_input", make_select}, {"batch_norm", make_batch_norm}};

frt_status_t frti_make_grad(frti_backward_t *w, const frti_op_t *op, uint32_t index) {
  for (size_t i = 0; i < FRTI_COUNT(makers); ++i)
    if (!strcmp(makers[i].type, op->type)) return makers[i].make(w, op);
  if (!strcmp(op->type, "conditional_block")) return frti_make_conditional(w, op, index);
  const frt_op_schema_t *schema = frt_op_find(op->type);
  const frt_op_schema_t *grad = schema ? frt_op_find(schema->grad) : NULL;
  if (grad && frti_op_sub_block(op) < 0) return make_by_schema(w, op, grad);
  frti_fail(w->b, w->err, FRT_UNIMPLEMENTED, NULL, "its gradient is not known");
  return frti_error_at(w->err, FRT_UNIMPLEMENTED, FRT_PHASE_NONE, w->block,
                       (int32_t)index, op->type);
}
