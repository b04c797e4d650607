/* append_backward: the ops the loss depends on, their gradient ops in reverse, sums,
 * declarations, roles. */
#include "train/backward.h"

#include <math.h>
#include <string.h>

#include "program/parts.h"

frti_fact_t *frti_fact(frti_backward_t *w, const char *interned) {
  const size_t id = frti_name_id(interned);
  if (id >= w->n_facts) {
    const size_t more = FRTI_MAX(id + 1, w->n_facts * 2 + 64);
    frti_fact_t *to = frti_realloc(w->facts, more * sizeof *to);
    if (!to) return NULL;
    memset(to + w->n_facts, 0, (more - w->n_facts) * sizeof *to);
    w->facts = to;
    w->n_facts = more;
  }
  return &w->facts[id];
}

bool frti_is_gradient(const char *name) { return strstr(name, FRTI_GRAD) != NULL; }

const char *frti_grad_name(frti_backward_t *w, const char *name) {
  return frti_internf(w->b, "%s" FRTI_GRAD, name);
}

const char *frti_strip_grad(frti_backward_t *w, const char *name) {
  while (!strncmp(name, "grad/", 5)) name += 5;
  const char *end = strstr(name, FRTI_GRAD);
  return end ? frti_internf(w->b, "%.*s", (int)(end - name), name) : name;
}

/* ---- the path ---------------------------------------------------------------------- */

static frti_fact_t *fact_of(frti_backward_t *w, const char *program_name) {
  const char *name = frti_intern(w->b, program_name);
  return name ? frti_fact(w, name) : NULL;
}

static frt_status_t bar(frti_backward_t *w, const char *name) {
  frti_fact_t *f = fact_of(w, name);
  if (!f) return frti_no_memory(w->err);
  f->no_grad = true;
  return FRT_OK;
}

static bool writes_needed(frti_backward_t *w, const frti_op_t *op) {
  for (uint32_t s = 0; s < op->n_out; ++s)
    for (uint32_t i = 0; i < op->out[s].n; ++i) {
      const frti_fact_t *f = fact_of(w, op->out[s].args[i]);
      if (f && f->needed) return true;
    }
  return false;
}

static frt_status_t need_inputs(frti_backward_t *w, const frti_op_t *op) {
  for (uint32_t s = 0; s < op->n_in; ++s)
    for (uint32_t i = 0; i < op->in[s].n; ++i) {
      frti_fact_t *f = fact_of(w, op->in[s].args[i]);
      if (!f) return frti_no_memory(w->err);
      if (!f->no_grad) f->needed = true;
    }
  return FRT_OK;
}

/* Ops with blocks count: their gradient is known, or the call is refused. */
static bool has_gradient(const frti_op_t *op) {
  const frt_op_schema_t *schema = frt_op_find(op->type);
  return !schema || frti_op_sub_block(op) >= 0 || (strcmp(schema->grad, FRT_NO_GRAD) != 0 &&
                     strcmp(schema->grad, FRT_NOT_DIFFERENTIABLE) != 0);
}

static bool op_reads(const frti_op_t *op, const char *interned) {
  for (uint32_t s = 0; s < op->n_in; ++s)
    for (uint32_t i = 0; i < op->in[s].n; ++i)
      if (op->in[s].args[i] == interned) return true;
  return false;
}

/* Outputs on the path that lead nowhere take no gradient either. */
static frt_status_t bar_idle_outputs(frti_backward_t *w) {
  for (size_t k = 0; k < w->n_path; ++k) {
    const frti_op_t *op = &w->p->blocks[w->block].ops[w->path[k]];
    for (uint32_t s = 0; s < op->n_out && frti_op_sub_block(op) < 0; ++s)
      for (uint32_t i = 0; i < op->out[s].n; ++i) {
        frti_fact_t *f = fact_of(w, op->out[s].args[i]);
        if (!f) return frti_no_memory(w->err);
        if (!f->needed && !op_reads(op, op->out[s].args[i])) f->no_grad = true;
      }
  }
  return FRT_OK;
}

frt_status_t frti_backward_path(frti_backward_t *w) {
  const frti_block_t *block = &w->p->blocks[w->block];
  for (size_t i = 0; i < w->n_no_grad; ++i) FRT_TRY(bar(w, w->no_grad[i]));
  for (size_t i = 0; i < w->b->n_vars; ++i) {
    const frti_var_note_t *v = &w->b->vars[i];
    if (v->program == w->p && (v->stop_gradient || (v->parameter && !v->trainable)))
      FRT_TRY(bar(w, v->name));
  }
  for (uint32_t i = block->n_ops; i-- > 0;) {
    const frti_op_t *op = &block->ops[i];
    if (!writes_needed(w, op) || !has_gradient(op)) continue;
    FRT_TRY(need_inputs(w, op));
    if (!FRTI_GROW(w->path, w->n_path, w->path_cap)) return frti_no_memory(w->err);
    w->path[w->n_path++] = i;
  }
  FRT_TRY(bar_idle_outputs(w));
  for (size_t id = 0, all = w->n_facts; id < all && id < w->b->names.n; ++id) {
    if (!w->facts[id].no_grad) continue;
    const char *grad = frti_grad_name(w, w->b->names.by_id[id]);
    frti_fact_t *f = grad ? frti_fact(w, grad) : NULL;
    if (!f) return frti_no_memory(w->err);
    f->no_grad_name = true;
  }
  return FRT_OK;
}

/* ---- a second backward ------------------------------------------------------------- */

static bool declared(const frti_backward_t *w, const char *name) {
  const char *there = frti_names_find(&w->p->names, name, strlen(name));
  int32_t owner = -1;
  return there && frti_program_resolve(w->p, w->to, there, &owner) && owner == w->to;
}

/* Names that the program has already get a prefix per backward. */
static frt_status_t rename_again(frti_backward_t *w, frti_gop_t *op) {
  for (uint32_t s = 0; s < op->n_in; ++s)
    for (uint32_t i = 0; i < op->in[s].n; ++i) {
      const frti_fact_t *f = frti_fact(w, op->in[s].names[i]);
      if (f && f->renamed) op->in[s].names[i] = f->renamed;
    }
  for (uint32_t s = 0; s < op->n_out; ++s)
    for (uint32_t i = 0; i < op->out[s].n; ++i) {
      const char *name = op->out[s].names[i], *longer = name;
      if (!frti_is_gradient(name) || !declared(w, name)) continue;
      for (int32_t k = 0; k < w->times && longer; ++k)
        longer = frti_internf(w->b, "grad/%s", longer);
      frti_fact_t *to = longer ? frti_fact(w, longer) : NULL;
      if (!to) return frti_no_memory(w->err);
      frti_fact_t *from = frti_fact(w, name);
      to = frti_fact(w, longer);
      to->forward = from->forward;
      from->renamed = longer;
      op->out[s].names[i] = longer;
    }
  return FRT_OK;
}

/* From the second backward on, only ops that this loss's gradient reaches count. */
static bool reached(frti_backward_t *w, const frti_gop_t *op) {
  bool any = false, hit = false;
  for (uint32_t s = 0; s < op->n_in; ++s)
    for (uint32_t i = 0; i < op->in[s].n; ++i) {
      if (!frti_is_gradient(op->in[s].names[i])) continue;
      const frti_fact_t *f = frti_fact(w, op->in[s].names[i]);
      any = true;
      hit |= f && f->reaches;
    }
  if (any && !hit) return false;
  for (uint32_t s = 0; s < op->n_out; ++s)
    for (uint32_t i = 0; i < op->out[s].n; ++i) {
      frti_fact_t *f = frti_fact(w, op->out[s].names[i]);
      if (f) f->reaches = true;
    }
  return true;
}

static frt_status_t make_all(frti_backward_t *w) {
  for (size_t k = 0; k < w->n_path; ++k) {
    const size_t from = w->n_ops;
    FRT_TRY(frti_make_grad(w, &w->p->blocks[w->block].ops[w->path[k]], w->path[k]));
    if (w->times == 1) continue;
    size_t to = from;
    for (size_t i = from; i < w->n_ops; ++i) {
      FRT_TRY(rename_again(w, w->ops[i]));
      if (reached(w, w->ops[i])) w->ops[to++] = w->ops[i];
    }
    w->n_ops = to;
  }
  return FRT_OK;
}

/* ---- writing ----------------------------------------------------------------------- */

static frt_status_t copy_attrs(frti_backward_t *w, const frti_op_t *like, uint32_t op) {
  for (uint32_t i = 0; like && i < like->n_attrs; ++i) {
    const frti_attr_t *a = &like->attrs[i];
    frt_attr_info_t info = {.name = a->name, .type = a->type, .count = a->count};
    switch (a->type) {
      case FRTI_WIRE_FLOAT: case FRTI_WIRE_FLOAT64: info.f = a->v.f; break;
      case FRTI_WIRE_STRING: info.s = a->v.s; break;
      case FRTI_WIRE_STRINGS: info.ss = a->v.ss; break;
      case FRTI_WIRE_FLOATS: case FRTI_WIRE_FLOAT64S: info.fs = a->v.fs; break;
      case FRTI_WIRE_INTS: case FRTI_WIRE_LONGS: case FRTI_WIRE_BOOLEANS:
      case FRTI_WIRE_BLOCKS: info.is = a->v.is; break;
      default: info.i = a->v.i;
    }
    FRT_TRY(frt_program_set_attr(w->p, w->to, op, &info, w->err));
  }
  return FRT_OK;
}

/* Declares new gradients like their variables. Whether any gradient input exists and
 * anything comes out decides if the op is written at all. */
static frt_status_t declare_outputs(frti_backward_t *w, const frti_gop_t *g) {
  for (uint32_t s = 0; s < g->n_out; ++s)
    for (uint32_t i = 0; i < g->out[s].n; ++i) {
      const char *name = g->out[s].names[i];
      frt_var_info_t info = {0}, forward;
      frt_var_t ignored;
      if (!strcmp(name, FRTI_EMPTY) || declared(w, name)) continue;
      const char *base = frti_strip_grad(w, name);
      if (!base) return frti_no_memory(w->err);
      info.dtype = FRT_F32;
      if (frt_program_find_var(w->p, w->block, base, &forward, NULL) == FRT_OK)
        info = forward;
      info.name = name;
      info.persistable = info.need_check_feed = 0;
      FRT_TRY(frti_declare(w->b, w->p, w->to, &info, &ignored, w->err));
      frti_fact_t *f = frti_fact(w, name);
      if (!f) return frti_no_memory(w->err);
      f->made = true;
    }
  return FRT_OK;
}

static bool worth_writing(frti_backward_t *w, const frti_gop_t *g) {
  uint32_t outputs = 0, gradients = 0, existing = 0;
  for (uint32_t s = 0; s < g->n_out; ++s)
    for (uint32_t i = 0; i < g->out[s].n; ++i)
      outputs += strcmp(g->out[s].names[i], FRTI_EMPTY) != 0;
  for (uint32_t s = 0; s < g->n_in; ++s)
    for (uint32_t i = 0; i < g->in[s].n; ++i) {
      if (!frti_is_gradient(g->in[s].names[i])) continue;
      const frti_fact_t *f = frti_fact(w, g->in[s].names[i]);
      ++gradients;
      existing += declared(w, g->in[s].names[i]) || (f && f->given);
    }
  return outputs && (!gradients || existing);
}

static frt_status_t write_op(frti_backward_t *w, const frti_gop_t *g) {
  uint32_t op = 0;
  if (!worth_writing(w, g)) return FRT_OK;
  FRT_TRY(frt_program_add_op(w->p, w->to, g->type, &op, w->err));
  for (uint32_t s = 0; s < g->n_in; ++s)
    FRT_TRY(frt_program_set_input(w->p, w->to, op, g->in[s].slot, g->in[s].names, g->in[s].n,
                                  w->err));
  for (uint32_t s = 0; s < g->n_out; ++s)
    FRT_TRY(frt_program_set_output(w->p, w->to, op, g->out[s].slot, g->out[s].names,
                                   g->out[s].n, w->err));
  FRT_TRY(copy_attrs(w, g->like, op));
  for (uint32_t i = 0; i < g->n_own; ++i)
    FRT_TRY(frt_program_set_attr(w->p, w->to, op, &g->own[i], w->err));
  FRT_TRY(frt_program_set_attr_int(w->p, w->to, op, "op_role", FRTI_ROLE_BACKWARD, w->err));
  if (!g->like) FRT_TRY(frt_program_set_attr_string(w->p, w->to, op, "op_device", "", w->err));
  return declare_outputs(w, g);
}

/* The gradient of the loss itself: one, made by a constant. Once more: another name. */
static frt_status_t seed(frti_backward_t *w, const frt_var_info_t *like, const char **name) {
  const char *grad = frti_grad_name(w, w->loss);
  *name = grad && declared(w, grad) ? frti_unique(w->b, grad) : grad;
  if (!*name) return frti_no_memory(w->err);
  const frti_spec_t spec = {.type = "fill_constant",
      .out = FRTI_IN({"Out", FRTI_ONE(*name)}),
      .attrs = FRTI_ATTRS(
          {.name = "shape", .type = FRTI_WIRE_LONGS, .count = like->rank,
           .is = like->dims},
          {.name = "value", .type = FRTI_WIRE_FLOAT, .f = 1},
          {.name = "dtype", .type = FRTI_WIRE_INT, .i = like->dtype},
          {.name = "force_cpu", .type = FRTI_WIRE_BOOLEAN},
          {.name = "op_role", .type = FRTI_WIRE_INT,
           .i = FRTI_ROLE_BACKWARD | FRTI_ROLE_LOSS},
          {.name = "op_device", .type = FRTI_WIRE_STRING, .s = ""})};
  FRT_TRY(frti_append_raw(w->p, 0, &spec, NULL, w->err));
  const frt_var_info_t info = {.name = *name, .dtype = like->dtype, .rank = like->rank,
                               .dims = like->dims};
  frt_var_t ignored;
  return frti_declare(w->b, w->p, 0, &info, &ignored, w->err);
}

/* ---- pairs ------------------------------------------------------------------------- */

static frti_op_t *last_writer(const frt_program_t *p, const char *name) {
  const frti_block_t *b = &p->blocks[0];
  const char *there = frti_names_find(&p->names, name, strlen(name));
  for (uint32_t i = b->n_ops; there && i-- > 0;)
    for (uint32_t s = 0; s < b->ops[i].n_out; ++s)
      for (uint32_t k = 0; k < b->ops[i].out[s].n; ++k)
        if (b->ops[i].out[s].args[k] == there) return &b->ops[i];
  return NULL;
}

/* op_role_var of the op that made the gradient begins with the pair. */
static frt_status_t mark(frti_backward_t *w, const char *param, const char *grad) {
  const frti_op_t *op = last_writer(w->p, grad);
  const char *all[64] = {param, grad};
  uint32_t n = 2;
  if (!op) return FRT_OK;
  const frti_attr_t *old = frti_op_attr(op, "op_role_var");
  for (uint32_t i = 0; old && i < old->count && n < FRTI_COUNT(all); ++i)
    all[n++] = old->v.ss[i];
  const frt_attr_info_t info = {.name = "op_role_var", .type = FRTI_WIRE_STRINGS,
                                .count = n, .ss = all};
  return frt_program_set_attr(w->p, 0, (uint32_t)(op - w->p->blocks[0].ops), &info,
                              w->err);
}

/* The gradient of a parameter that this backward made, or NULL. */
static const char *made_for(frti_backward_t *w, const char *param) {
  const char *found = NULL;
  for (size_t id = 0; id < w->n_facts && id < w->b->names.n; ++id)
    if (w->facts[id].made && w->facts[id].forward == param)
      found = w->b->names.by_id[id];
  return found;
}

static frt_status_t pair_up(frti_backward_t *w, const char *const *list, size_t n_list,
                            frt_param_grad_t **pairs, size_t *n) {
  const size_t most = n_list ? n_list : w->b->n_vars;
  *pairs = frti_arena_calloc(&w->b->results, most + 1, sizeof **pairs);
  if (!*pairs) return frti_no_memory(w->err);
  for (size_t i = 0; i < most; ++i) {
    const frti_var_note_t *v = &w->b->vars[i];
    if (!n_list && (v->program != w->p || !v->parameter || !v->trainable)) continue;
    const char *param = n_list ? frti_intern(w->b, list[i]) : v->name;
    if (!param) return frti_no_memory(w->err);
    const char *grad = made_for(w, param);
    if (grad) (*pairs)[(*n)++] = (frt_param_grad_t){param, grad};
  }
  for (size_t i = 0; i < *n; ++i) FRT_TRY(mark(w, (*pairs)[i].param, (*pairs)[i].grad));
  return FRT_OK;
}

/* ---- the whole --------------------------------------------------------------------- */

static frt_status_t check_names(frt_builder_t *b, const char *argument,
                                const char *const *names, size_t n, frt_error_t *err) {
  if (n && !names)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument, "is NULL; its length is %zu", n);
  for (size_t i = 0; i < n; ++i)
    if (!names[i])
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument, "[%zu] is NULL", i);
  return FRT_OK;
}

static frt_status_t check_loss(frt_builder_t *b, frt_var_t loss, frt_var_info_t *info,
                               frt_error_t *err) {
  char text[96];
  FRT_TRY(frti_info(b, loss, "loss", info, err));
  if (info->rank != 1 || info->dims[0] != 1)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "loss",
                     "'%.80s' has shape %s; wanted [1]", loss.name,
                     frti_dims_text(text, sizeof text, info->rank, info->dims));
  if (info->dtype != FRT_F32 && info->dtype != FRT_F64)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "loss", "'%.80s' is %s; wanted a float",
                     loss.name, frt_dtype_name((uint32_t)info->dtype));
  const frti_program_note_t *note = frti_program_note(b, loss.program);
  if (!note) return frti_no_memory(err);
  if (loss.block != 0 || note->current_block != 0)
    return frti_fail(b, err, FRT_FAILED_PRECONDITION, "loss",
                     "'%.80s': backward inside control flow is not supported", loss.name);
  return FRT_OK;
}

frt_status_t frti_backward_ops(frti_backward_t *w) {
  FRT_TRY(make_all(w));
  FRT_TRY(frti_sum_producers(w));
  FRT_TRY(frti_drop_branches(w));
  for (size_t i = 0; i < w->n_ops; ++i) FRT_TRY(write_op(w, w->ops[i]));
  return FRT_OK;
}

void frti_backward_release(frti_backward_t *w) {
  frti_free(w->facts);
  frti_free(w->path);
  frti_free(w->ops);
  frti_free(w->order);
  frti_arena_release(&w->arena);
}

static frt_status_t run(frti_backward_t *w, const frt_var_info_t *like) {
  const char *grad;
  frti_op_t *maker = last_writer(w->p, w->loss);
  if (maker)
    FRT_TRY(frt_program_set_attr_int(w->p, 0,
                                     (uint32_t)(maker - w->p->blocks[0].ops), "op_role",
                                     FRTI_ROLE_FORWARD | FRTI_ROLE_LOSS, w->err));
  frti_fact_t *loss = frti_fact(w, w->loss);
  if (!loss) return frti_no_memory(w->err);
  loss->needed = true;
  FRT_TRY(frti_backward_path(w));
  FRT_TRY(seed(w, like, &grad));
  frti_fact_t *first = fact_of(w, grad);
  if (!first) return frti_no_memory(w->err);
  first->reaches = true;
  const char *plain = frti_grad_name(w, w->loss);
  if (!plain || !frti_fact(w, plain)) return frti_no_memory(w->err);
  if (plain != grad) frti_fact(w, plain)->renamed = grad;
  return frti_backward_ops(w);
}

frt_status_t frt_append_backward(frt_builder_t *b, frt_var_t loss,
                                 const char *const *parameter_list, size_t n_parameters,
                                 const char *const *no_grad_set, size_t n_no_grad,
                                 frt_param_grad_t **pairs, size_t *n_pairs,
                                 frt_error_t *err) {
  frt_var_info_t info;
  *pairs = NULL;
  *n_pairs = 0;
  frti_enter(b, "backward");
  if (b->live)
    return frti_fail(b, err, FRT_FAILED_PRECONDITION, NULL,
                     "imperative mode has frt_imperative_backward");
  FRT_TRY(check_loss(b, loss, &info, err));
  FRT_TRY(check_names(b, "parameter_list", parameter_list, n_parameters, err));
  FRT_TRY(check_names(b, "no_grad_set", no_grad_set, n_no_grad, err));
  frti_backward_t w = {.b = b, .p = loss.program, .loss = frti_intern(b, loss.name),
                       .times = ++frti_program_note(b, loss.program)->gradients,
                       .no_grad = no_grad_set, .n_no_grad = n_no_grad, .err = err};
  frt_status_t status = w.loss ? run(&w, &info) : frti_no_memory(err);
  if (status == FRT_OK) status = pair_up(&w, parameter_list, n_parameters, pairs, n_pairs);
  frti_backward_release(&w);
  return status;
}

frt_status_t frti_append_gradients(frt_builder_t *b, frt_var_t loss, frt_error_t *err) {
  frt_var_info_t info;
  frti_program_note_t *note = frti_program_note(b, loss.program);
  if (!note) return frti_no_memory(err);
  FRT_TRY(frti_info(b, loss, "loss", &info, err));
  note->gradients = 0;
  frti_backward_t w = {.b = b, .p = loss.program, .loss = frti_intern(b, loss.name),
                       .times = ++note->gradients, .err = err};
  const frt_status_t status = w.loss ? run(&w, &info) : frti_no_memory(err);
  frti_backward_release(&w);
  return status;
}
