/* Backward over the trace. Gradients of what outlives the graph are variables themselves,
 * named X@GRAD; all others live within the run. */
#include <string.h>

#include "imperative/guard.h"

/* Gradients that were made for variables that stay, stay with them. Returns how many. */
static uint32_t keep_gradients(frt_imperative_t *im) {
  frti_block_t *block = &im->trace->blocks[0];
  const size_t tail = strlen(FRTI_GRAD_SUFFIX);
  uint32_t n = 0;
  for (uint32_t i = 0; i < block->n_vars; ++i) {
    frti_var_t *v = &block->vars[i];
    const size_t len = frti_name_len(v->name);
    if (len <= tail || strcmp(v->name + len - tail, FRTI_GRAD_SUFFIX) != 0) continue;
    const char *base = frti_names_find(&im->trace->names, v->name, len - tail);
    const frti_var_t *of = base ? frti_program_resolve(im->trace, 0, base, NULL) : NULL;
    if (!of || of->persistable != 1) continue;
    v->persistable = 1;
    ++n;
  }
  return n;
}

/* Whether an op from `from` on writes a gradient that stays. */
static bool writes_kept(const frt_imperative_t *im, uint32_t from) {
  const frti_block_t *block = &im->trace->blocks[0];
  for (uint32_t i = from; i < block->n_ops; ++i)
    for (uint32_t s = 0; s < block->ops[i].n_out; ++s)
      for (uint32_t k = 0; k < block->ops[i].out[s].n; ++k) {
        const frti_var_t *v =
            frti_program_resolve(im->trace, 0, block->ops[i].out[s].args[k], NULL);
        if (v && v->persistable == 1) return true;
      }
  return false;
}

static frt_status_t run_backward(frt_imperative_t *im, frt_var_t v, frti_mark_t mark,
                                 frt_error_t *err) {
  FRT_TRY(frti_append_gradients(im->b, v, err));
  keep_gradients(im);
  if (!writes_kept(im, mark.n_ops))
    return frti_fail(im->b, err, FRT_FAILED_PRECONDITION, "variable",
                     "'%.80s' depends on nothing that takes a gradient in this graph",
                     v.name);
  return frti_segment_run(im, im->trace, mark.n_ops, frt_program_n_ops(im->trace, 0), false,
                          false, err);
}

frt_status_t frt_imperative_backward(frt_imperative_t *im, frt_var_t v, frt_error_t *err) {
  frti_say(im->b, "backward");
  const frti_var_t *var;
  FRT_TRY(frti_variable(im, v, &var, err));
  if (!(FRT_DTYPE_BIT(var->dtype) & FRT_FLOATS))
    return frti_fail(im->b, err, FRT_INVALID_ARGUMENT, "variable",
                     "'%.80s' is %s; wanted a float", v.name,
                     frt_dtype_name((uint32_t)var->dtype));
  const frti_mark_t mark = frti_graph_mark(im);
  ++im->live.quiet;
  const frt_status_t status = run_backward(im, v, mark, err);
  --im->live.quiet;
  frti_program_cut(im->trace, mark.n_ops, mark.n_vars, status == FRT_OK);
  if (status == FRT_OK) im->live.ended = true;
  return status;
}

frt_status_t frt_imperative_gradient(frt_imperative_t *im, frt_var_t v, frt_tensor_t **out,
                                     frt_error_t *err) {
  *out = NULL;
  frti_say(im->b, "gradient");
  const frti_var_t *var;
  FRT_TRY(frti_variable(im, v, &var, err));
  const frti_var_t *grad = frti_gradient_of(im, v.name);
  if (grad) return frt_scope_get(im->scope, grad->name, out, err);
  return frti_fail(im->b, err, FRT_NOT_FOUND, "variable", "'%.80s' has no gradient", v.name);
}

/* ---- clearing ------------------------------------------------------------------------------- */

static frt_status_t append_zeros(frt_imperative_t *im, const frti_var_t *grad,
                                 frt_error_t *err) {
  const frti_spec_t spec = {.type = "fill_constant",
      .out = FRTI_IN({"Out", FRTI_ONE(grad->name)}),
      .attrs = FRTI_ATTRS({.name = "shape", .count = grad->rank, .is = grad->dims},
                          {.name = "dtype", .i = grad->dtype}, {.name = "value", .f = 0})};
  return frti_append(im->b, &spec, NULL, err);
}

static frt_status_t clear(frt_imperative_t *im, const char *const *names, size_t n,
                          frt_error_t *err) {
  const frti_mark_t mark = frti_graph_mark(im);
  frt_status_t status = FRT_OK;
  ++im->live.quiet;
  for (size_t i = 0; status == FRT_OK && i < n; ++i) {
    const frti_var_t *grad = frti_gradient_of(im, names[i]);
    if (grad) status = append_zeros(im, grad, err);
  }
  --im->live.quiet;
  if (status == FRT_OK) return frti_segment_run_since(im, mark, err);
  frti_program_cut(im->trace, mark.n_ops, mark.n_vars, true);
  return status;
}

frt_status_t frt_imperative_clear_gradients(frt_imperative_t *im, const frt_var_t *v,
                                            size_t n, frt_error_t *err) {
  frti_say(im->b, "clear_gradients");
  const char **names = frti_calloc(n + 1, sizeof *names);
  frt_status_t status = names ? FRT_OK : frti_no_memory(err);
  for (size_t i = 0; status == FRT_OK && i < n; ++i) {
    const frti_var_t *var;
    names[i] = v[i].name;
    status = frti_variable(im, v[i], &var, err);
  }
  if (status == FRT_OK) status = clear(im, names, n, err);
  frti_free(names);
  return status;
}

frt_status_t frti_live_clear_gradients(void *im, frt_optimizer_t *o, frt_error_t *err) {
  return clear(im, o->o.parameter_list, o->o.n_parameters, err);
}
