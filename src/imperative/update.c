/* Optimizers in imperative mode: what minimize appends to a static program, run at once.
 * The rate, the accumulators and the gradients are variables of the trace. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "imperative/guard.h"

/* ---- the rate -------------------------------------------------------------------------------- */

static frt_status_t next_rate(frt_optimizer_t *o, double *out, frt_error_t *err) {
  if (o->o.learning_rate_decay) return frti_lr_decay_value(o->o.learning_rate_decay, out, err);
  *out = FRTI_REAL(o->o.learning_rate, o->rule->rate);
  return FRT_OK;
}

/* From the first minimize on the rate is a variable, which a decay object fills anew. */
static frt_status_t prepare_rate(frt_imperative_t *im, frt_optimizer_t *o,
                                 frt_error_t *err) {
  double value = 0;
  if (o->rate && !o->o.learning_rate_decay) return FRT_OK;
  FRT_TRY(next_rate(o, &value, err));
  if (!o->rate) FRT_TRY(frti_optimizer_rate(o, im->trace, err));
  return frti_write_number(im, o->rate, value, err);
}

frt_status_t frti_live_set_lr(void *im, frt_optimizer_t *o, double value, frt_error_t *err) {
  if (o->rate) FRT_TRY(frti_write_number(im, o->rate, value, err));
  o->o.learning_rate = value == 0 ? FRT_ZERO : value;
  return FRT_OK;
}

frt_status_t frti_live_bind_lr(void *ctx, frt_optimizer_t *o, frt_var_t value,
                               frt_error_t *err) {
  frt_imperative_t *im = ctx;
  char text[96];
  const frti_var_t *v;
  FRT_TRY(frti_variable(im, value, &v, err));
  if (v->rank != 1 || v->dims[0] != 1)
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "value",
                     "'%.80s' has shape %s; wanted [1]", v->name,
                     frti_dims_text(text, sizeof text, v->rank, v->dims));
  if (v->persistable != 1)
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "value",
                     "'%.80s' is a layer's result, which goes with its graph", v->name);
  frti_var_note_t *note = frti_var_note(im->b, im->trace, 0, v->name);
  if (!note) return frti_no_memory(err);
  note->bound = true;
  o->rate = note->name;
  o->rate_program = im->trace;
  return FRT_OK;
}

frt_status_t frti_live_current_lr(void *im, frt_optimizer_t *o, double *out,
                                  frt_error_t *err) {
  return o->rate ? frti_read_number(im, o->rate, out, err) : next_rate(o, out, err);
}

/* ---- minimize --------------------------------------------------------------------------------- */

/* Parameters that have a gradient, in the order of the list. */
static frt_status_t collect(frt_imperative_t *im, frt_optimizer_t *o, size_t *n,
                            frt_error_t *err) {
  if (!o->pairs && !(o->pairs = frti_calloc(o->o.n_parameters + 1, sizeof *o->pairs)))
    return frti_no_memory(err);
  *n = 0;
  for (size_t i = 0; i < o->o.n_parameters; ++i) {
    const char *param = o->o.parameter_list[i];
    const frti_var_note_t *note = frti_find_note(im->b, im->trace, 0, param);
    const frti_var_t *grad = frti_gradient_of(im, param);
    if (!grad || (note && ((note->parameter && !note->trainable) || note->dropped))) continue;
    const char *kept = frti_intern(im->b, grad->name);
    if (!kept) return frti_no_memory(err);
    o->pairs[(*n)++] = (frt_param_grad_t){param, kept};
  }
  return FRT_OK;
}

static frt_status_t append(frt_imperative_t *im, frt_optimizer_t *o, size_t n,
                           frt_error_t *err) {
  ++im->live.quiet;
  frt_status_t status = prepare_rate(im, o, err);
  frti_say(im->b, o->rule->class_name);
  if (status == FRT_OK && n) status = frti_optimizer_append(o, o->pairs, n, NULL, err);
  --im->live.quiet;
  return status;
}

static frt_status_t update(frt_imperative_t *im, frt_optimizer_t *o, size_t n,
                           frt_error_t *err) {
  const frti_mark_t mark = frti_graph_mark(im);
  double before = 0;
  const bool scheduled = o->rate && o->o.learning_rate_decay;
  if (scheduled) FRT_TRY(frti_read_number(im, o->rate, &before, err));
  frt_status_t status = append(im, o, n, err);
  if (status == FRT_OK) status = frti_segment_run_since(im, mark, err);
  else frti_program_cut(im->trace, mark.n_ops, mark.n_vars, true);
  if (status != FRT_OK && scheduled) frti_write_number(im, o->rate, before, NULL);
  im->b->scopes[0].n = 0; /* name scopes count from 0 for each update */
  return status;
}

/* The ops of a graph that was used up are dead, and would be read with other parameters:
 * they go, so that a loop of minimize alone holds nothing either. */
frt_status_t frti_live_minimize(void *ctx, frt_optimizer_t *o, frt_var_t loss,
                                frt_minimized_t *out, frt_error_t *err) {
  frt_imperative_t *im = ctx;
  size_t n = 0;
  if (loss.program != im->trace)
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "loss",
                     "is a variable of another guard");
  if (im->live.ended) FRT_TRY(frti_graph_renew(im, true, err));
  FRT_TRY(collect(im, o, &n, err));
  FRT_TRY(update(im, o, n, err));
  if (o->o.learning_rate_decay) frti_lr_decay_advance(o->o.learning_rate_decay);
  if (out) *out = (frt_minimized_t){.pairs = o->pairs, .n_pairs = n};
  return FRT_OK;
}

/* ---- state -------------------------------------------------------------------------------------- */

static frt_status_t is_live(frt_optimizer_t *o, const char *method, frt_error_t *err) {
  frti_say(o->b, method);
  if (o->b->live) return FRT_OK;
  return frti_fail(o->b, err, FRT_FAILED_PRECONDITION, NULL,
                   "needs imperative mode; this optimizer builds static graphs");
}

/* The entries beside the accumulators; n of them. */
static size_t positions(const frt_optimizer_t *o, const char *names[2]) {
  names[0] = "LR_Scheduler";
  names[1] = "global_step";
  if (!o->o.learning_rate_decay) return 0;
  return frti_lr_decay_by_epochs(o->o.learning_rate_decay) ? 1 : 2;
}

static int compare(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

frt_status_t frt_optimizer_state_names(frt_optimizer_t *o, const char ***names, size_t *n,
                                       frt_error_t *err) {
  const char *more[2];
  size_t bytes = 0, at = 0;
  *names = NULL;
  *n = 0;
  FRT_TRY(is_live(o, "state_names", err));
  const size_t n_more = positions(o, more), all = o->n_states + n_more;
  const char **array = frti_calloc(all + 1, sizeof *array);
  if (!array) return frti_no_memory(err);
  for (size_t i = 0; i < all; ++i) {
    array[i] = i < o->n_states ? o->states[i].var : more[i - o->n_states];
    bytes += strlen(array[i]) + 1;
  }
  qsort(array, all, sizeof *array, compare);
  const char **block = frti_alloc((all + 1) * sizeof *block + bytes);
  if (block) {
    char *text = (char *)(block + all);
    for (size_t i = 0; i < all; ++i) {
      const size_t len = strlen(array[i]) + 1;
      block[i] = memcpy(text + at, array[i], len);
      at += len;
    }
    *names = block;
    *n = all;
  }
  frti_free(array);
  return block ? FRT_OK : frti_no_memory(err);
}

frt_status_t frt_optimizer_state(frt_optimizer_t *o, const char *name, frt_tensor_t **out,
                                 frt_error_t *err) {
  static const int64_t one[1] = {1};
  const char *more[2];
  *out = NULL;
  FRT_TRY(is_live(o, "state", err));
  if (!name) return frti_fail(o->b, err, FRT_INVALID_ARGUMENT, "name", "is NULL");
  for (size_t i = 0, n = positions(o, more); i < n; ++i) {
    if (strcmp(more[i], name) != 0) continue;
    FRT_TRY(frt_tensor_create(FRT_I64, 1, one, out, err));
    *(int64_t *)frt_tensor_data(*out) = frti_lr_decay_position(o->o.learning_rate_decay);
    return FRT_OK;
  }
  for (size_t i = 0; i < o->n_states; ++i)
    if (!strcmp(o->states[i].var, name)) {
      const frt_imperative_t *im = o->b->live->im;
      return frt_scope_get(im->scope, name, out, err);
    }
  return frti_fail(o->b, err, FRT_NOT_FOUND, "name", "'%.80s' is no state of this optimizer",
                   name);
}
