/* conditional_block_grad becomes ops that the other stages know. Of
 *   conditional_block_grad(Cond, Input = x, Out@GRAD) -> Input@GRAD = g, sub_block G
 * remain, in a copy of the program, fill_zeros_like(x) -> g and a conditional_block over
 * G, at whose end G's own gradient of x is assigned to g. Variables of the branch that G
 * reads move to block 0, so that they outlive the branch. */
#include "runtime/stages.h"

typedef struct lower {
  frti_plan_t *p;
  frt_program_t *g; /* the copy */
  frt_error_t *err;
} lower_t;

static bool is_grad(const frti_op_t *op) {
  return !strcmp(op->type, "conditional_block_grad");
}

static bool within(const frt_program_t *g, int32_t block, int32_t around) {
  for (; block >= 0; block = g->blocks[block].parent)
    if (block == around) return true;
  return false;
}

/* ---- renaming ---------------------------------------------------------------------- */

/* Another name in all slots of a block and of those in it, as far as it means the
 * variable that `owner` declares. */
static frt_status_t rename_slots(lower_t *l, int32_t block, frti_slot_t *slots, uint32_t n,
                                 int32_t owner, const char *from, const char *to) {
  for (uint32_t s = 0; s < n; ++s)
    for (uint32_t k = 0; k < slots[s].n; ++k) {
      int32_t whose = -1;
      if (slots[s].args[k] != from) continue;
      frti_program_resolve(l->g, block, from, &whose);
      if (whose != owner) continue;
      const char **args = frti_arena_calloc(&l->g->arena, slots[s].n, sizeof *args);
      if (!args) return frti_no_memory(l->err);
      memcpy(args, slots[s].args, slots[s].n * sizeof *args);
      args[k] = to;
      slots[s].args = args;
    }
  return FRT_OK;
}

static frt_status_t rename_var(lower_t *l, int32_t owner, const char *from, const char *to) {
  for (uint32_t b = 0; b < l->g->n_blocks; ++b)
    for (uint32_t i = 0; i < l->g->blocks[b].n_ops; ++i) {
      frti_op_t *op = &l->g->blocks[b].ops[i];
      FRT_TRY(rename_slots(l, (int32_t)b, op->in, op->n_in, owner, from, to));
      FRT_TRY(rename_slots(l, (int32_t)b, op->out, op->n_out, owner, from, to));
    }
  return FRT_OK;
}

/* "name@block3": no program of Fluid's has such a name, so nobody fetches it. */
static frt_status_t local_name(lower_t *l, const char *name, int32_t block,
                               const char **to) {
  frti_str_t text = {0};
  frti_str_addf(&text, "%s@block%d", name, block);
  *to = text.failed ? NULL : frti_names_add(&l->g->names, text.text, text.len);
  frti_str_release(&text);
  return *to ? FRT_OK : frti_no_memory(l->err);
}

/* Declares the variable under its new name in `block`, if it is not there yet. */
static frt_status_t declare(lower_t *l, int32_t block, const frti_var_t *like,
                            const char *name) {
  const frt_var_info_t info = {.name = name, .kind = like->kind, .dtype = like->dtype,
                               .rank = like->rank, .dims = like->dims,
                               .lod_level = like->lod_level};
  int32_t owner = -1;
  if (frti_program_resolve(l->g, block, name, &owner) && owner == block) return FRT_OK;
  return frt_program_add_var(l->g, block, &info, l->err);
}

/* ---- variables of the branch -------------------------------------------------------- */

static frt_status_t hoist_slots(lower_t *l, int32_t block, const frti_slot_t *slots,
                                uint32_t n) {
  for (uint32_t s = 0; s < n; ++s)
    for (uint32_t k = 0; k < slots[s].n; ++k) {
      int32_t owner = -1;
      const char *name = slots[s].args[k], *to;
      const frti_var_t *v = frti_program_resolve(l->g, block, name, &owner);
      if (!v || within(l->g, block, owner)) continue;
      FRT_TRY(local_name(l, name, owner, &to));
      FRT_TRY(declare(l, 0, v, to));
      FRT_TRY(rename_var(l, owner, name, to));
    }
  return FRT_OK;
}

static frt_status_t hoist(lower_t *l) {
  for (uint32_t b = 1; b < l->g->n_blocks; ++b)
    for (uint32_t i = 0; i < l->g->blocks[b].n_ops; ++i) {
      const frti_op_t *op = &l->g->blocks[b].ops[i];
      FRT_TRY(hoist_slots(l, (int32_t)b, op->in, op->n_in));
      FRT_TRY(hoist_slots(l, (int32_t)b, op->out, op->n_out));
    }
  return FRT_OK;
}

/* ---- one op ------------------------------------------------------------------------- */

/* Moves the last op of a block to position `at`. */
static void move_last(frti_block_t *b, uint32_t at) {
  const frti_op_t last = b->ops[b->n_ops - 1];
  memmove(b->ops + at + 1, b->ops + at, (b->n_ops - 1 - at) * sizeof *b->ops);
  b->ops[at] = last;
}

static frt_status_t add_op(lower_t *l, int32_t block, const char *type, const char *in,
                           const char *out) {
  uint32_t op = 0;
  FRT_TRY(frt_program_add_op(l->g, block, type, &op, l->err));
  FRT_TRY(frt_program_set_input(l->g, block, op, "X", &in, 1, l->err));
  return frt_program_set_output(l->g, block, op, "Out", &out, 1, l->err);
}

/* How much of a name is left without the ending of local_name. */
static int own_length(const char *name) {
  const char *end = strrchr(name, '@');
  const bool local = end && !strncmp(end, "@block", 6) && end[6] &&
                     end[6 + strspn(end + 6, "0123456789")] == 0;
  return (int)(local ? (size_t)(end - name) : strlen(name));
}

/* The end of G: its own gradient of `x`, if it has one, goes outside. */
static frt_status_t hand_out(lower_t *l, int32_t inside, const char *x, const char *out) {
  frti_str_t text = {0};
  const char *own, *to;
  int32_t owner = -1;
  frti_str_addf(&text, "%.*s@GRAD", own_length(x), x);
  own = text.failed ? NULL : frti_names_add(&l->g->names, text.text, text.len);
  frti_str_release(&text);
  if (!own) return frti_no_memory(l->err);
  const frti_var_t *v = frti_program_resolve(l->g, inside, own, &owner);
  if (!v || owner != inside) return FRT_OK; /* G writes the outer variable itself */
  FRT_TRY(local_name(l, own, inside, &to));
  FRT_TRY(declare(l, inside, v, to));
  FRT_TRY(rename_var(l, inside, own, to));
  /* The old name would hide the outer variable from G. */
  frti_block_t *b = &l->g->blocks[inside];
  for (uint32_t i = 0; i < b->n_vars; ++i)
    if (b->vars[i].name == own) b->vars[i] = b->vars[--b->n_vars];
  if (!frti_index_build(l->g)) return frti_no_memory(l->err);
  return add_op(l, inside, "assign", to, out);
}

/* The op under its new type: what it reads and writes is what the block does. */
static frt_status_t retype(lower_t *l, int32_t block, uint32_t at, const frti_slot_t *cond,
                           const char *const *outs, uint32_t n) {
  frti_op_t *op = &l->g->blocks[block].ops[at];
  const char *type = frti_names_add(&l->g->names, "conditional_block", 17);
  if (!type) return frti_no_memory(l->err);
  op->type = type;
  op->n_in = op->n_out = 0;
  FRT_TRY(frt_program_set_input(l->g, block, at, "Cond", cond->args, cond->n, l->err));
  return frt_program_set_output(l->g, block, at, "Out", outs, n, l->err);
}

static frt_status_t broken(lower_t *l, int32_t block, uint32_t at, const char *why) {
  frt_fail(l->err, FRT_INVALID_ARGUMENT, "%s", why);
  return frti_error_at(l->err, FRT_INVALID_ARGUMENT, FRT_PHASE_PLAN, block, (int32_t)at,
                       "conditional_block_grad");
}

/* *added: how many ops were put in front. */
static frt_status_t lower_op(lower_t *l, int32_t block, uint32_t at, uint32_t *added) {
  const frti_op_t op = l->g->blocks[block].ops[at];
  const frti_slot_t *in = frti_op_in(&op, "Input"), *cond = frti_op_in(&op, "Cond");
  const frti_slot_t *out = frti_op_out(&op, "Input@GRAD");
  const int32_t inside = frti_op_sub_block(&op);
  const uint32_t n = out ? out->n : 0;
  if (inside <= 0 || (uint32_t)inside >= l->g->n_blocks || !cond)
    return broken(l, block, at, "it has no sub_block or no Cond");
  if ((in ? in->n : 0) != n)
    return broken(l, block, at, "Input@GRAD has not as many variables as Input");
  const char **outs = frti_arena_calloc(&l->g->arena, n + 1, sizeof *outs);
  uint32_t n_outs = 0;
  if (!outs) return frti_no_memory(l->err);
  for (uint32_t k = 0; k < n; ++k) {
    if (!strcmp(out->args[k], "@EMPTY@")) continue;
    outs[n_outs++] = out->args[k];
    FRT_TRY(hand_out(l, inside, in->args[k], out->args[k]));
    FRT_TRY(add_op(l, block, "fill_zeros_like", in->args[k], out->args[k]));
    move_last(&l->g->blocks[block], at + (*added)++);
  }
  return retype(l, block, at + *added, cond, outs, n_outs);
}

/* ---- the program --------------------------------------------------------------------- */

static uint32_t count(const frt_program_t *g, uint32_t *room) {
  uint32_t n = 0;
  *room = g->blocks[0].n_ops;
  for (uint32_t b = 0; b < g->n_blocks; ++b)
    for (uint32_t i = 0; i < g->blocks[b].n_ops; ++i) {
      const frti_op_t *op = &g->blocks[b].ops[i];
      if (!is_grad(op)) continue;
      ++n;
      const frti_slot_t *out = frti_op_out(op, "Input@GRAD");
      *room += out ? out->n : 0;
    }
  return n;
}

static frt_status_t lower_all(lower_t *l, uint32_t *origin) {
  const uint32_t *before = l->p->origin;
  uint32_t n = 0;
  FRT_TRY(hoist(l));
  for (uint32_t b = l->g->n_blocks; b-- > 0;)
    for (uint32_t i = 0, was = 0; i < l->g->blocks[b].n_ops; ++i, ++was) {
      uint32_t added = 0;
      if (is_grad(&l->g->blocks[b].ops[i])) FRT_TRY(lower_op(l, (int32_t)b, i, &added));
      i += added;
      for (uint32_t k = 0; b == 0 && k <= added; ++k) origin[n++] = before ? before[was] : was;
    }
  l->p->origin = origin;
  return FRT_OK;
}

frt_status_t frti_plan_lower(frti_plan_t *p, frt_error_t *err) {
  lower_t l = {p, NULL, err};
  uint32_t room;
  if (!count(p->program, &room)) return FRT_OK;
  uint32_t *origin = frti_arena_calloc(&p->arena, room + 1, sizeof *origin);
  if (!origin) return frti_no_memory(err);
  FRT_TRY(frt_program_clone(p->program, 0, &l.g, err));
  const frt_status_t status = lower_all(&l, origin);
  if (status != FRT_OK) {
    frt_program_release(l.g);
    return status;
  }
  frt_program_release(p->program);
  p->program = l.g;
  return FRT_OK;
}
