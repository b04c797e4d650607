/* The gradient of a conditional_block: an op conditional_block_grad whose own block holds
 * the gradient ops of the branch. In that block gradients are local variables; the op
 * hands those of what the branch reads from outside to the outside, or zeros where the
 * branch was not taken. */
#include <math.h>
#include <string.h>

#include "train/backward.h"

static frt_status_t refuse(frti_backward_t *w, const frti_op_t *op, uint32_t index,
                           const char *why, const char *name) {
  frti_fail(w->b, w->err, FRT_UNIMPLEMENTED, NULL,
            "its gradient is not known: %s%s%.80s%s", why,
            name ? " '" : "", name ? name : "", name ? "'" : "");
  return frti_error_at(w->err, FRT_UNIMPLEMENTED, FRT_PHASE_NONE, w->block,
                       (int32_t)index, op->type);
}

/* How many ops on the path write a variable. Two, and whose gradient it is depends on
 * which one ran: Fluid gives it to both. */
static uint32_t writers(const frti_backward_t *w, const char *name) {
  uint32_t n = 0;
  for (size_t k = 0; k < w->n_path; ++k) {
    const frti_op_t *op = &w->p->blocks[w->block].ops[w->path[k]];
    bool hit = false;
    for (uint32_t s = 0; s < op->n_out; ++s)
      for (uint32_t i = 0; i < op->out[s].n; ++i) hit |= !strcmp(op->out[s].args[i], name);
    n += hit;
  }
  return n;
}

/* What is wanted of the branch: the gradients of its needed outputs are given. */
static frt_status_t give(frti_backward_t *w, const frti_slot_t *out, uint32_t index,
                         const frti_op_t *op, frti_backward_t *inner, frti_gslot_t *to) {
  if (!frti_gop_reserve(w, to, out ? out->n : 0)) return frti_no_memory(w->err);
  for (uint32_t i = 0; out && i < out->n; ++i) {
    const char *name = frti_intern(w->b, out->args[i]);
    const char *grad = name ? frti_grad_name(w, name) : NULL;
    const frti_fact_t *f = grad ? frti_fact(w, name) : NULL;
    if (!f) return frti_no_memory(w->err);
    if (!f->needed || f->no_grad) continue;
    if (writers(w, name) > 1)
      return refuse(w, op, index, "more than one op writes", name);
    frti_fact_t *inside = frti_fact(inner, name);
    if (!inside) return frti_no_memory(w->err);
    inside->needed = true;
    inside = frti_fact(inner, grad);
    if (!inside) return frti_no_memory(w->err);
    inside->given = true;
    to->names[to->n++] = grad;
  }
  return FRT_OK;
}

/* Gradients of what the branch reads; those it did not make keep their places. */
static frt_status_t take(frti_backward_t *w, const frti_slot_t *in, frti_backward_t *inner,
                         frti_gslot_t *to) {
  if (!frti_gop_reserve(w, to, in ? in->n : 0)) return frti_no_memory(w->err);
  for (uint32_t i = 0; in && i < in->n; ++i) {
    const char *name = frti_intern(w->b, in->args[i]);
    const char *grad = name ? frti_grad_name(w, name) : NULL;
    const frti_fact_t *inside = grad ? frti_fact(inner, grad) : NULL;
    frti_fact_t *f = grad ? frti_fact(w, grad) : NULL;
    if (!inside || !f) return frti_no_memory(w->err);
    const bool made = inside->made && !f->no_grad_name;
    if (made) f->forward = name;
    to->names[to->n] = made ? grad : frti_intern(w->b, FRTI_EMPTY);
    if (!to->names[to->n++]) return frti_no_memory(w->err);
  }
  return FRT_OK;
}

static frt_status_t open_block(frti_backward_t *w, int32_t forward, int32_t *block) {
  FRT_TRY(frt_program_add_block(w->p, w->to, block, w->err));
  w->p->blocks[*block].forward_block_idx = forward;
  w->p->blocks[*block].has_forward_block_idx = true;
  return FRT_OK;
}

static frt_status_t fill(frti_backward_t *w, const frti_op_t *op, uint32_t index,
                         frti_backward_t *inner, frti_gop_t *g) {
  const frti_slot_t *cond = frti_op_in(op, "Cond"), *in = frti_op_in(op, "Input");
  frti_gslot_t *given = frti_gop_slot(g->in, &g->n_in, "Out" FRTI_GRAD);
  FRT_TRY(give(w, frti_op_out(op, "Out"), index, op, inner, given));
  if (!frti_gop_copy(w, cond, frti_gop_slot(g->in, &g->n_in, "Cond")) ||
      !frti_gop_copy(w, in, frti_gop_slot(g->in, &g->n_in, "Input")) ||
      !frti_gop_copy(w, frti_op_out(op, "Scope"), frti_gop_slot(g->in, &g->n_in, "Scope")))
    return frti_no_memory(w->err);
  FRT_TRY(frti_backward_path(inner));
  FRT_TRY(frti_backward_ops(inner));
  frti_gslot_t *to = frti_gop_slot(g->out, &g->n_out, "Cond" FRTI_GRAD);
  if (!frti_gop_reserve(w, to, 1) ||
      !(to->names[to->n++] = frti_intern(w->b, FRTI_EMPTY)))
    return frti_no_memory(w->err);
  return take(w, in, inner, frti_gop_slot(g->out, &g->n_out, "Input" FRTI_GRAD));
}

frt_status_t frti_make_conditional(frti_backward_t *w, const frti_op_t *op,
                                   uint32_t index) {
  const int32_t forward = frti_op_sub_block(op);
  int32_t block = -1;
  if (w->times > 1)
    return refuse(w, op, index, "it is the program's second backward", NULL);
  FRT_TRY(open_block(w, forward, &block));
  frti_backward_t inner = {.b = w->b, .p = w->p, .times = 1, .block = forward, .to = block,
                           .no_grad = w->no_grad, .n_no_grad = w->n_no_grad,
                           .err = w->err};
  frti_gop_t *g = frti_gop(w, "conditional_block_grad", NULL);
  frt_status_t status = g ? fill(w, op, index, &inner, g) : frti_no_memory(w->err);
  frti_backward_release(&inner);
  FRT_TRY(status);
  g->own[g->n_own++] = (frt_attr_info_t){.name = "sub_block", .type = FRTI_WIRE_BLOCK,
                                         .count = 1, .i = block};
  g->own[g->n_own++] = (frt_attr_info_t){.name = "is_scalar_condition",
                                         .type = FRTI_WIRE_BOOLEAN, .count = 1, .i = 1};
  return FRT_OK;
}
