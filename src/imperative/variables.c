/* The guard's life, and variables by their handles. */
#include <stdlib.h>
#include <string.h>

#include "imperative/guard.h"

enum { MAX_PLANS = 1024 };

/* ---- the guard --------------------------------------------------------------------------- */

static frt_status_t open_parts(frt_imperative_t *im, frt_runtime_t *rt, const char *places,
                               const frt_executor_options_t *options, frt_error_t *err) {
  frt_executor_options_t o = {0};
  if (options) memcpy(&o, options, FRTI_MIN((size_t)options->struct_size, sizeof o));
  o.struct_size = sizeof o;
  if (!o.max_plans) o.max_plans = MAX_PLANS;
  im->rt = rt;
  FRT_TRY(frt_executor_create(rt, places, &o, &im->exe, err));
  FRT_TRY(frt_scope_create(rt, &im->scope, err));
  FRT_TRY(frt_tensor_create(FRT_F32, 1, (const int64_t[]){1}, &im->number, err));
  FRT_TRY(frt_builder_create(&im->b, err));
  return frt_builder_push_names(im->b, NULL, err); /* names of graphs: graph.c */
}

frt_status_t frt_imperative_create(frt_runtime_t *rt, const char *places,
                                   const frt_executor_options_t *options,
                                   frt_imperative_t **out, frt_error_t *err) {
  frt_imperative_t *im = frti_calloc(1, sizeof *im);
  *out = NULL;
  if (!im) return frti_no_memory(err);
  frti_names_init(&im->segments.keys, &im->segments.arena);
  frti_names_init(&im->seen, &im->seen_arena);
  const frt_status_t status = open_parts(im, rt, places, options, err);
  if (status != FRT_OK) {
    frt_imperative_release(im);
    return status;
  }
  im->trace = frt_builder_main(im->b);
  im->live = (frti_live_t){.im = im, .tag = "0~", .enter = frti_graph_enter,
                           .run = frti_segment_run_op, .minimize = frti_live_minimize,
                           .clear_gradients = frti_live_clear_gradients,
                           .set_lr = frti_live_set_lr, .bind_lr = frti_live_bind_lr,
                           .current_lr = frti_live_current_lr};
  im->b->live = &im->live;
  *out = im;
  return FRT_OK;
}

void frt_imperative_release(frt_imperative_t *im) {
  if (!im) return;
  frt_builder_release(im->b);
  frti_segments_release(&im->segments);
  frt_executor_release(im->exe);
  frt_scope_release(im->scope);
  frt_tensor_release(im->number);
  frti_names_release(&im->seen);
  frti_arena_release(&im->seen_arena);
  frti_free(im->last);
  frti_free(im);
}

frt_builder_t *frt_imperative_builder(frt_imperative_t *im) { return im->b; }
frt_executor_t *frt_imperative_executor(frt_imperative_t *im) { return im->exe; }

/* ---- handles ----------------------------------------------------------------------------- */

static const frti_var_t *look(const frt_imperative_t *im, const char *name) {
  const char *known = frti_names_find(&im->trace->names, name, strlen(name));
  return known ? frti_program_resolve(im->trace, 0, known, NULL) : NULL;
}

frt_status_t frti_variable(frt_imperative_t *im, frt_var_t v, const frti_var_t **out,
                           frt_error_t *err) {
  *out = NULL;
  if (!v.name || !v.program || v.program != im->trace)
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "variable",
                     v.name && v.program ? "is one of another guard" : "is none");
  const frti_var_note_t *note =
      im->n_dropped ? frti_find_note(im->b, im->trace, 0, v.name) : NULL;
  if (!note || !note->dropped) *out = look(im, v.name);
  if (*out) return FRT_OK;
  return frti_fail(im->b, err, FRT_NOT_FOUND, "variable",
                   "'%.120s' was dropped, or went with its graph", v.name);
}

const frti_var_t *frti_gradient_of(const frt_imperative_t *im, const char *name) {
  const char *grad = frti_internf(im->b, "%s" FRTI_GRAD_SUFFIX, name);
  const frti_var_t *v = grad ? look(im, grad) : NULL;
  return v && v->persistable == 1 ? v : NULL;
}

/* ---- making, reading, writing -------------------------------------------------------------- */

static frt_status_t declare(frt_imperative_t *im, const frt_tensor_t *t, const char *name,
                            frt_var_t *out, frt_error_t *err) {
  const frt_var_info_t info = {.name = name, .dtype = (int32_t)frt_tensor_dtype(t),
                               .rank = frt_tensor_rank(t), .dims = frt_tensor_dims(t),
                               .persistable = 1};
  const frti_mark_t mark = frti_graph_mark(im);
  frti_var_note_t *note = frti_var_note(im->b, im->trace, 0, name);
  if (!note) return frti_no_memory(err);
  *note = (frti_var_note_t){.program = im->trace, .name = note->name, .learning_rate = 1,
                            .stop_gradient = true};
  FRT_TRY(frti_declare(im->b, im->trace, 0, &info, out, err));
  const frt_status_t status = frt_scope_set(im->scope, name, t, err);
  if (status != FRT_OK) frti_program_cut(im->trace, mark.n_ops, mark.n_vars, false);
  return status;
}

frt_status_t frt_to_variable(frt_imperative_t *im, const frt_tensor_t *t, const char *name,
                             frt_var_t *out, frt_error_t *err) {
  *out = (frt_var_t){0};
  frti_say(im->b, "to_variable");
  if (!t) return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "value", "is NULL");
  if (name && look(im, name))
    return frti_fail(im->b, err, FRT_ALREADY_EXISTS, "name", "'%.80s' is a variable already",
                     name);
  if (!name && !(name = frti_unique_kept(im->b, "generated_var"))) return frti_no_memory(err);
  frt_var_t made;
  FRT_TRY(declare(im, t, name, &made, err));
  *out = made;
  return FRT_OK;
}

frt_status_t frt_imperative_value(frt_imperative_t *im, frt_var_t v, frt_tensor_t **out,
                                  frt_error_t *err) {
  *out = NULL;
  frti_say(im->b, "value");
  const frti_var_t *var;
  FRT_TRY(frti_variable(im, v, &var, err));
  return frt_scope_get(im->scope, frti_scope_name(var), out, err);
}

frt_status_t frt_imperative_assign(frt_imperative_t *im, frt_var_t v, const frt_tensor_t *t,
                                   frt_error_t *err) {
  char a[96], c[96];
  frti_say(im->b, "assign");
  if (!t) return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "value", "is NULL");
  const frti_var_t *var;
  FRT_TRY(frti_variable(im, v, &var, err));
  if ((int32_t)frt_tensor_dtype(t) != var->dtype || frt_tensor_rank(t) != var->rank ||
      memcmp(frt_tensor_dims(t), var->dims, var->rank * sizeof *var->dims) != 0)
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "value",
                     "is %s %s; '%.80s' is %s %s", frt_dtype_name((uint32_t)frt_tensor_dtype(t)),
                     frti_dims_text(a, sizeof a, frt_tensor_rank(t), frt_tensor_dims(t)),
                     var->name, frt_dtype_name((uint32_t)var->dtype),
                     frti_dims_text(c, sizeof c, var->rank, var->dims));
  return frt_scope_set(im->scope, frti_scope_name(var), t, err);
}

frt_status_t frt_imperative_drop(frt_imperative_t *im, frt_var_t v, frt_error_t *err) {
  frti_say(im->b, "drop");
  const frti_var_t *var;
  FRT_TRY(frti_variable(im, v, &var, err));
  if (var->persistable != 1)
    return frti_fail(im->b, err, FRT_FAILED_PRECONDITION, "variable",
                     "'%.80s' is a layer's result; it goes with its graph", var->name);
  frti_var_note_t *note = frti_var_note(im->b, im->trace, 0, var->name);
  if (!note) return frti_no_memory(err);
  if (note->bound)
    return frti_fail(im->b, err, FRT_FAILED_PRECONDITION, "variable",
                     "'%.80s' is the learning rate of an optimizer", var->name);
  note->dropped = true;
  ++im->n_dropped;
  /* Where nothing refers to it any more; without memory for that, later. */
  if (!im->trace->blocks[0].n_ops) frti_graph_renew(im, true, NULL);
  return FRT_OK;
}

/* ---- numbers ------------------------------------------------------------------------------- */

frt_status_t frti_read_number(frt_imperative_t *im, const char *name, double *out,
                              frt_error_t *err) {
  frt_tensor_t *t = NULL;
  FRT_TRY(frt_scope_get(im->scope, name, &t, err));
  const void *data = frt_tensor_data(t);
  switch (frt_tensor_dtype(t)) {
    case FRT_F32: *out = *(const float *)data; break;
    case FRT_F64: *out = *(const double *)data; break;
    case FRT_I64: *out = (double)*(const int64_t *)data; break;
    case FRT_I32: *out = *(const int32_t *)data; break;
    default: *out = *(const uint8_t *)data;
  }
  frt_tensor_release(t);
  return FRT_OK;
}

frt_status_t frti_write_number(frt_imperative_t *im, const char *name, double value,
                               frt_error_t *err) {
  static const int64_t one[1] = {1};
  const frti_var_t *v = look(im, name);
  frt_tensor_t *t = frt_tensor_retain(im->number);
  if (v && v->dtype != FRT_F32) {
    frt_tensor_release(t);
    FRT_TRY(frt_tensor_create((frt_dtype_t)v->dtype, 1, one, &t, err));
  }
  void *data = frt_tensor_data(t);
  switch (frt_tensor_dtype(t)) {
    case FRT_F32: *(float *)data = (float)value; break;
    case FRT_F64: *(double *)data = value; break;
    case FRT_I64: *(int64_t *)data = (int64_t)value; break;
    case FRT_I32: *(int32_t *)data = (int32_t)value; break;
    default: *(uint8_t *)data = value != 0;
  }
  const frt_status_t status = frt_scope_set(im->scope, name, t, err);
  frt_tensor_release(t);
  return status;
}
