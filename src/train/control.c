/* Switch, cond and While: sub-blocks and the ops that run them. Fluid lists a block's
 * outside variables in the order of a hash set; here it is that of first use. */
#include <math.h>
#include <string.h>

#include "train/train.h"

/* Builds go into a new block below the current one. */
static frt_status_t enter_block(frt_builder_t *b, int32_t *block, frt_error_t *err) {
  frt_program_t *p = frt_builder_main(b);
  frti_program_note_t *note = frti_program_note(b, p);
  if (!note) return frti_no_memory(err);
  if (b->live)
    return frti_fail(b, err, FRT_UNIMPLEMENTED, NULL,
                     "control flow is the language's own in imperative mode");
  FRT_TRY(frt_program_add_block(p, note->current_block, block, err));
  note->current_block = *block;
  return FRT_OK;
}

static void leave_block(frt_builder_t *b, int32_t block) {
  frt_program_t *p = frt_builder_main(b);
  frti_program_note_t *note = frti_program_note(b, p);
  if (note) note->current_block = frt_program_parent(p, block);
}

/* ---- what a block reads and writes ------------------------------------------------- */

typedef struct name_list { const char **names; size_t n, cap; } name_list_t;

static bool has(const name_list_t *l, const char *name) {
  for (size_t i = 0; i < l->n; ++i)
    if (l->names[i] == name) return true;
  return false;
}

static bool add(name_list_t *l, const char *name) {
  if (has(l, name)) return true;
  if (!FRTI_GROW(l->names, l->n, l->cap)) return false;
  l->names[l->n++] = name;
  return true;
}

/* Names are the program's interned ones. */
static frt_status_t scan_block(const frt_program_t *p, int32_t block, name_list_t *in,
                               name_list_t *out, frt_error_t *err) {
  const frti_block_t *b = &p->blocks[block];
  for (uint32_t i = 0; i < b->n_ops; ++i) {
    const frti_op_t *op = &b->ops[i];
    for (uint32_t s = 0; s < op->n_in; ++s)
      for (uint32_t k = 0; k < op->in[s].n; ++k)
        if (!has(out, op->in[s].args[k]) && !add(in, op->in[s].args[k]))
          return frti_no_memory(err);
    for (uint32_t s = 0; s < op->n_out; ++s)
      for (uint32_t k = 0; k < op->out[s].n; ++k)
        if (!add(out, op->out[s].args[k])) return frti_no_memory(err);
  }
  return FRT_OK;
}

/* Only what the parent block sees stays. */
static void keep_outer(const frt_program_t *p, int32_t parent, name_list_t *l) {
  size_t n = 0;
  for (size_t i = 0; i < l->n; ++i)
    if (frti_program_resolve(p, parent, l->names[i], NULL)) l->names[n++] = l->names[i];
  l->n = n;
}

static frt_status_t step_scopes(frt_builder_t *b, frt_program_t *p, int32_t block,
                                frt_var_t *out, frt_error_t *err) {
  const frt_var_info_t info = {.name = frti_unique(b, "_generated_var"),
                               .kind = FRT_VAR_STEP_SCOPES, .dtype = -1};
  if (!info.name) return frti_no_memory(err);
  return frti_declare(b, p, block, &info, out, err);
}

static frt_status_t conditional_block(frt_builder_t *b, int32_t block, const char *cond,
                                      frt_error_t *err) {
  frt_program_t *p = frt_builder_main(b);
  const int32_t parent = frt_program_parent(p, block);
  name_list_t in = {0}, out = {0};
  frt_var_t scope = {0};
  leave_block(b, block);
  frt_status_t status = scan_block(p, block, &in, &out, err);
  keep_outer(p, parent, &in);
  keep_outer(p, parent, &out);
  if (status == FRT_OK) status = step_scopes(b, p, parent, &scope, err);
  const frti_spec_t spec = {.type = "conditional_block",
      .in = FRTI_IN({"Cond", FRTI_ONE(cond)}, {"Input", (uint32_t)in.n, in.names}),
      .out = FRTI_IN({"Out", (uint32_t)out.n, out.names},
                     {"Scope", FRTI_ONE(scope.name)}),
      .attrs = FRTI_ATTRS({.name = "sub_block", .i = block},
                          {.name = "is_scalar_condition", .i = 1})};
  if (status == FRT_OK) status = frti_append(b, &spec, NULL, err);
  frti_free(in.names);
  frti_free(out.names);
  return status;
}

/* A condition: bool [1]. */
static frt_status_t check_condition(frt_builder_t *b, frt_var_t v, frt_error_t *err) {
  frt_var_info_t info;
  FRT_TRY(frti_info(b, v, "condition", &info, err));
  if (info.dtype == FRT_BOOL) return FRT_OK;
  return frti_fail(b, err, FRT_INVALID_ARGUMENT, "condition", "'%.80s' is %s; wanted bool",
                   v.name, frt_dtype_name((uint32_t)info.dtype));
}

/* ---- Switch ------------------------------------------------------------------------ */

struct frt_switch {
  frt_builder_t *b;
  frt_var_t none_so_far; /* no condition has held yet; no name before the first case */
  const char *condition; /* of the open case */
  int32_t block;         /* of the open case, -1: none is open */
};

frt_status_t frt_switch_begin(frt_builder_t *b, frt_switch_t **out, frt_error_t *err) {
  frti_enter(b, "Switch");
  frt_switch_t *s = frti_arena_calloc(&b->arena, 1, sizeof *s);
  if (!s || !frti_unique(b, "switch")) return frti_no_memory(err);
  s->b = b;
  s->block = -1;
  *out = s;
  return FRT_OK;
}

static frt_status_t open_case(frt_switch_t *s, frt_var_t condition, frt_error_t *err) {
  s->condition = condition.name;
  if (!frti_unique(s->b, "conditional_block")) return frti_no_memory(err);
  return enter_block(s->b, &s->block, err);
}

static frt_status_t no_open_case(frt_switch_t *s, frt_error_t *err) {
  frti_enter(s->b, "Switch");
  if (s->block < 0) return FRT_OK;
  return frti_fail(s->b, err, FRT_FAILED_PRECONDITION, NULL, "a case is still open");
}

frt_status_t frt_switch_case(frt_switch_t *s, frt_var_t condition, frt_error_t *err) {
  frt_var_t not_this, none;
  FRT_TRY(no_open_case(s, err));
  FRT_TRY(check_condition(s->b, condition, err));
  FRT_TRY(frt_layers_logical_not(s->b, condition, &not_this, err));
  if (!s->none_so_far.name) {
    s->none_so_far = not_this;
    return open_case(s, condition, err);
  }
  FRT_TRY(frt_layers_logical_and(s->b, s->none_so_far, not_this, &none, err));
  FRT_TRY(frt_layers_logical_and(s->b, s->none_so_far, condition, &condition, err));
  s->none_so_far = none;
  return open_case(s, condition, err);
}

frt_status_t frt_switch_default(frt_switch_t *s, frt_error_t *err) {
  FRT_TRY(no_open_case(s, err));
  if (!s->none_so_far.name)
    return frti_fail(s->b, err, FRT_FAILED_PRECONDITION, NULL,
                     "default comes before any case");
  return open_case(s, s->none_so_far, err);
}

frt_status_t frt_switch_end_case(frt_switch_t *s, frt_error_t *err) {
  const int32_t block = s->block;
  frti_enter(s->b, "Switch");
  if (block < 0)
    return frti_fail(s->b, err, FRT_FAILED_PRECONDITION, NULL, "no case is open");
  s->block = -1;
  return conditional_block(s->b, block, s->condition, err);
}

/* ---- cond -------------------------------------------------------------------------- */

/* A result leaves its branch through a variable of the block around it. */
static frt_status_t carry_out(frt_builder_t *b, frt_var_t *v, frt_error_t *err) {
  frt_program_t *p = frt_builder_main(b);
  const int32_t parent = frt_program_parent(p, frti_current_block(b));
  frt_var_info_t info;
  frt_var_t outside;
  frti_enter(b, "cond");
  FRT_TRY(frti_info(b, *v, "result", &info, err));
  info.name = frti_unique(b, "_generated_var");
  if (!info.name) return frti_no_memory(err);
  info.persistable = info.need_check_feed = 0;
  FRT_TRY(frti_declare(b, p, parent, &info, &outside, err));
  if (!frti_unique(b, "assign")) return frti_no_memory(err);
  FRT_TRY(frti_assign_to(b, *v, outside, err));
  *v = outside;
  return FRT_OK;
}

static frt_status_t branch(frt_builder_t *b, frt_var_t pred, frt_branch_t build, void *ctx,
                           size_t n, frt_var_t *out, frt_error_t *err) {
  int32_t block = -1;
  if (!frti_unique(b, "conditional_block")) return frti_no_memory(err);
  FRT_TRY(enter_block(b, &block, err));
  frt_status_t status = build(b, ctx, out, err);
  for (size_t i = 0; status == FRT_OK && i < n; ++i) status = carry_out(b, &out[i], err);
  if (status == FRT_OK) return conditional_block(b, block, pred.name, err);
  leave_block(b, block);
  return status;
}

static frt_status_t select(frt_builder_t *b, frt_var_t no, frt_var_t yes, frt_var_t mask,
                           frt_var_t *out, frt_error_t *err) {
  frt_var_info_t info, other;
  frti_enter(b, "cond");
  FRT_TRY(frti_info(b, no, "result", &info, err));
  FRT_TRY(frti_info(b, yes, "result", &other, err));
  if (info.dtype != other.dtype)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "result",
                     "is %s in one branch and %s in the other",
                     frt_dtype_name((uint32_t)other.dtype),
                     frt_dtype_name((uint32_t)info.dtype));
  info.name = frti_unique(b, "_generated_var");
  if (!info.name || !frti_unique(b, "select_input")) return frti_no_memory(err);
  FRT_TRY(frti_declare(b, frt_builder_main(b), frti_current_block(b), &info, out, err));
  const char *const both[2] = {no.name, yes.name};
  const frti_spec_t spec = {.type = "select_input",
      .in = FRTI_IN({"X", 2, both}, {"Mask", FRTI_ONE(mask.name)}),
      .out = FRTI_IN({"Out", FRTI_ONE(out->name)})};
  return frti_append(b, &spec, NULL, err);
}

frt_status_t frt_layers_cond(frt_builder_t *b, frt_var_t pred, frt_branch_t yes,
                             frt_branch_t no, void *ctx, size_t n, frt_var_t *out,
                             frt_error_t *err) {
  frt_var_t not_pred, mask;
  frti_enter(b, "cond");
  FRT_TRY(check_condition(b, pred, err));
  if (!yes || !no)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, yes ? "false_fn" : "true_fn", "is NULL");
  frt_var_t *a = frti_arena_calloc(&b->arena, n + 1, sizeof *a);
  frt_var_t *c = frti_arena_calloc(&b->arena, n + 1, sizeof *c);
  if (!a || !c || !frti_unique(b, "cond")) return frti_no_memory(err);
  FRT_TRY(branch(b, pred, yes, ctx, n, a, err));
  FRT_TRY(frt_layers_logical_not(b, pred, &not_pred, err));
  FRT_TRY(branch(b, not_pred, no, ctx, n, c, err));
  FRT_TRY(frt_layers_cast(b, pred, FRT_I32, &mask, err));
  for (size_t i = 0; i < n; ++i) FRT_TRY(select(b, c[i], a[i], mask, &out[i], err));
  return FRT_OK;
}

/* ---- While ------------------------------------------------------------------------- */

struct frt_while {
  frt_builder_t *b;
  const char *condition;
  int32_t block;
  int is_test;
};

frt_status_t frt_while_begin(frt_builder_t *b, frt_var_t condition, int is_test,
                             frt_while_t **out, frt_error_t *err) {
  frti_enter(b, "While");
  FRT_TRY(check_condition(b, condition, err));
  frt_while_t *w = frti_arena_calloc(&b->arena, 1, sizeof *w);
  if (!w || !frti_unique(b, "while")) return frti_no_memory(err);
  *w = (frt_while_t){b, condition.name, -1, is_test};
  *out = w;
  return enter_block(b, &w->block, err);
}

static frt_status_t append_while(frt_while_t *w, frt_program_t *p, int32_t parent,
                                 name_list_t *in, name_list_t *out, const char *condition,
                                 frt_error_t *err) {
  frt_var_t scope;
  for (size_t i = 0; i < out->n; ++i)
    if (!add(in, out->names[i])) return frti_no_memory(err);
  size_t n = 0;
  for (size_t i = 0; i < in->n; ++i)
    if (in->names[i] != condition) in->names[n++] = in->names[i];
  in->n = n;
  FRT_TRY(step_scopes(w->b, p, parent, &scope, err));
  const frti_spec_t spec = {.type = "while",
      .in = FRTI_IN({"X", (uint32_t)in->n, in->names}, {"Condition", FRTI_ONE(condition)}),
      .out = FRTI_IN({"Out", (uint32_t)out->n, out->names},
                     {"StepScopes", FRTI_ONE(scope.name)}),
      .attrs = FRTI_ATTRS({.name = "sub_block", .i = w->block},
                          {.name = "is_test", .i = w->is_test})};
  return frti_append(w->b, &spec, NULL, err);
}

frt_status_t frt_while_end(frt_while_t *w, frt_error_t *err) {
  frt_program_t *p = frt_builder_main(w->b);
  name_list_t in = {0}, out = {0};
  frti_enter(w->b, "While");
  if (w->block < 0)
    return frti_fail(w->b, err, FRT_FAILED_PRECONDITION, NULL, "it has ended already");
  const int32_t parent = frt_program_parent(p, w->block);
  const char *condition = frti_names_find(&p->names, w->condition, strlen(w->condition));
  leave_block(w->b, w->block);
  frt_status_t status = scan_block(p, w->block, &in, &out, err);
  const bool moves = condition && has(&out, condition);
  if (status == FRT_OK && !moves)
    status = frti_fail(w->b, err, FRT_INVALID_ARGUMENT, "condition",
                       "'%.80s' is not written by the body; the loop would not end",
                       w->condition);
  keep_outer(p, parent, &in);
  keep_outer(p, parent, &out);
  if (status == FRT_OK) status = append_while(w, p, parent, &in, &out, condition, err);
  frti_free(in.names);
  frti_free(out.names);
  w->block = -1;
  return status;
}
