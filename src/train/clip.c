/* Gradient clipping and decay, op for op as fluid.clip and fluid.regularizer. */
#include <math.h>
#include <string.h>

#include "train/train.h"

typedef struct clip_job {
  frt_builder_t *b;
  frt_program_t *p;
  const frt_clip_t *clip;
  frti_pair_t *pairs;
  size_t n;
  bool *changed; /* pairs whose gradient was replaced */
} clip_job_t;

static frt_var_t var_of(const clip_job_t *j, const char *name) {
  return (frt_var_t){j->p, 0, name};
}

static bool wanted(const clip_job_t *j, size_t i) {
  const frt_clip_t *c = j->clip;
  return j->pairs[i].grad && (!c->need_clip || c->need_clip(c->ctx, j->pairs[i].param));
}

/* Python's `with program._optimized_guard([p, g])`. */
static frti_role_t guard(const clip_job_t *j, size_t i) {
  return frti_role_set(j->b, j->p, FRTI_ROLE_OPTIMIZE, j->pairs[i].param,
                       j->pairs[i].grad);
}

static frt_status_t clip_one(const clip_job_t *j, size_t i, frt_error_t *err) {
  const frt_clip_t *c = j->clip;
  const frt_var_t g = var_of(j, j->pairs[i].grad);
  frt_var_t out;
  const frti_role_t old = guard(j, i);
  const frt_status_t status =
      c->kind == FRT_CLIP_BY_NORM
          ? frt_layers_clip_by_norm(j->b, g, c->clip_norm, &out, err)
          : frt_layers_clip(j->b, g, c->has_min ? c->min : -c->max, c->max, &out, err);
  frti_role_restore(j->b, j->p, old);
  FRT_TRY(status);
  j->pairs[i].grad = out.name;
  j->changed[i] = true;
  return FRT_OK;
}

static frt_status_t clip_each(const clip_job_t *j, frt_error_t *err) {
  for (size_t i = 0; i < j->n; ++i)
    if (wanted(j, i)) FRT_TRY(clip_one(j, i, err));
  return FRT_OK;
}

/* ---- by global norm ---------------------------------------------------------------- */

static frt_status_t square_sum(const clip_job_t *j, size_t i, frt_var_t *out,
                               frt_error_t *err) {
  frt_var_t square;
  const frti_role_t old = guard(j, i);
  frt_status_t status =
      frt_layers_square(j->b, var_of(j, j->pairs[i].grad), &square, err);
  if (status == FRT_OK)
    status = frt_layers_reduce_sum(j->b, square, NULL, out, err);
  frti_role_restore(j->b, j->p, old);
  return status;
}

/* clip_norm / max(clip_norm, norm). */
static frt_status_t factor(const clip_job_t *j, const frt_var_t *sums, size_t n,
                           frt_var_t *out, frt_error_t *err) {
  const int64_t one[1] = {1};
  frt_var_info_t info;
  frt_var_t total, norm, limit, larger;
  FRT_TRY(frt_layers_sums(j->b, sums, n, &total, err));
  FRT_TRY(frt_layers_sqrt(j->b, total, &norm, err));
  FRT_TRY(frti_info(j->b, norm, "norm", &info, err));
  FRT_TRY(frt_layers_fill_constant(j->b, 1, one, (frt_dtype_t)info.dtype,
                                   j->clip->clip_norm, &limit, err));
  FRT_TRY(frt_layers_elementwise_max(j->b, limit, norm, -1, NULL, &larger, err));
  return frt_layers_elementwise_div(j->b, limit, larger, -1, NULL, out, err);
}

static frt_status_t scale_all(const clip_job_t *j, frt_var_t by, frt_error_t *err) {
  for (size_t i = 0; i < j->n; ++i) {
    frt_var_t out;
    if (!wanted(j, i)) continue;
    const frti_role_t old = guard(j, i);
    const frt_status_t status = frt_layers_elementwise_mul(
        j->b, var_of(j, j->pairs[i].grad), by, -1, NULL, &out, err);
    frti_role_restore(j->b, j->p, old);
    FRT_TRY(status);
    j->pairs[i].grad = out.name;
    j->changed[i] = true;
  }
  return FRT_OK;
}

static frt_status_t clip_together(const clip_job_t *j, frt_var_t *sums,
                                  frt_error_t *err) {
  size_t n = 0;
  frt_var_t by = {0};
  for (size_t i = 0; i < j->n; ++i)
    if (wanted(j, i)) FRT_TRY(square_sum(j, i, &sums[n++], err));
  if (!n) return FRT_OK;
  size_t last = j->n - 1;
  while (last > 0 && !j->pairs[last].grad) --last;
  const frti_role_t old = guard(j, last);
  const frt_status_t status = factor(j, sums, n, &by, err);
  frti_role_restore(j->b, j->p, old);
  FRT_TRY(status);
  return scale_all(j, by, err);
}

/* ---- roles ------------------------------------------------------------------------- */

/* op_role_var of the clip ops names the clipped gradient, not the raw one. */
static frt_status_t correct_roles(const clip_job_t *j, frt_error_t *err) {
  const frti_block_t *b = &j->p->blocks[0];
  for (uint32_t i = 0; i < b->n_ops; ++i) {
    const frti_attr_t *scope = frti_op_attr(&b->ops[i], "op_namescope");
    const frti_attr_t *pair = frti_op_attr(&b->ops[i], "op_role_var");
    if (!scope || !pair || pair->count < 2 || !strstr(scope->v.s, "gradient_clip"))
      continue;
    for (size_t k = 0; k < j->n; ++k) {
      if (!j->changed[k] || strcmp(pair->v.ss[0], j->pairs[k].param) != 0) continue;
      const char *const both[2] = {j->pairs[k].param, j->pairs[k].grad};
      const frt_attr_info_t a = {.name = "op_role_var", .type = FRTI_WIRE_STRINGS,
                                 .count = 2, .ss = both};
      FRT_TRY(frt_program_set_attr(j->p, 0, i, &a, err));
      break;
    }
  }
  return FRT_OK;
}

frt_status_t frti_clip_gradients(frt_builder_t *b, frt_program_t *p,
                                 const frt_clip_t *clip, frti_pair_t *pairs, size_t n,
                                 frt_error_t *err) {
  if (clip->kind == FRT_CLIP_NONE || !n) return FRT_OK;
  frt_var_t *sums = frti_calloc(n, sizeof *sums);
  bool *changed = frti_calloc(n, sizeof *changed);
  const clip_job_t j = {b, p, clip, pairs, n, changed};
  frt_status_t status = sums && changed ? FRT_OK : frti_no_memory(err);
  if (status == FRT_OK) status = frt_builder_push_scope(b, "gradient_clip", err);
  if (status == FRT_OK) {
    status = clip->kind == FRT_CLIP_BY_GLOBAL_NORM ? clip_together(&j, sums, err)
                                                   : clip_each(&j, err);
    frt_builder_pop_scope(b, NULL);
  }
  if (status == FRT_OK) status = correct_roles(&j, err);
  frti_free(sums);
  frti_free(changed);
  return status;
}

/* ---- decay ------------------------------------------------------------------------- */

static frt_status_t op1(frt_builder_t *b, frt_program_t *p, const char *type,
                        const char *x, const char *out, const frt_attr_info_t *attrs,
                        frt_error_t *err) {
  const frti_spec_t spec = {.type = type, .program = p, .block = 0,
                            .in = FRTI_IN({"X", FRTI_ONE(x)}),
                            .out = FRTI_IN({"Out", FRTI_ONE(out)}), .attrs = attrs};
  return frti_append(b, &spec, NULL, err);
}

/* The term, then grad + term into the gradient itself. */
static frt_status_t decay_one(frt_builder_t *b, frt_program_t *p, const frt_decay_t *d,
                              const frti_pair_t *pair, frt_error_t *err) {
  frt_var_info_t info;
  frt_var_t term;
  b->layer = "regularization";
  FRT_TRY(frti_info(b, (frt_var_t){p, 0, pair->param}, "parameter", &info, err));
  info.name = frti_unique(b, "_generated_var");
  if (!info.name) return frti_no_memory(err);
  info.persistable = info.need_check_feed = 0;
  FRT_TRY(frti_declare(b, p, 0, &info, &term, err));
  const frt_attr_info_t *coeff = FRTI_ATTRS({.name = "scale", .f = d->coeff});
  if (d->kind == FRT_DECAY_L1) {
    FRT_TRY(op1(b, p, "sign", pair->param, term.name, NULL, err));
    FRT_TRY(op1(b, p, "scale", term.name, term.name, coeff, err));
  } else {
    FRT_TRY(op1(b, p, "scale", pair->param, term.name, coeff, err));
  }
  const char *const both[2] = {pair->grad, term.name};
  const frti_spec_t sum = {.type = "sum", .program = p, .block = 0,
                           .in = FRTI_IN({"X", 2, both}),
                           .out = FRTI_IN({"Out", FRTI_ONE(pair->grad)})};
  return frti_append(b, &sum, NULL, err);
}

frt_status_t frti_decay_gradients(frt_builder_t *b, frt_program_t *p,
                                  const frt_decay_t *decay, frti_pair_t *pairs, size_t n,
                                  frt_error_t *err) {
  FRT_TRY(frt_builder_push_scope(b, "regularization", err));
  frt_status_t status = FRT_OK;
  for (size_t i = 0; status == FRT_OK && i < n; ++i) {
    const frti_var_note_t *note = frti_find_note(b, p, 0, pairs[i].param);
    const bool own = note && note->regularizer.kind != FRT_DECAY_NONE;
    const frt_decay_t d = own ? note->regularizer : *decay;
    if (!pairs[i].grad || d.kind == FRT_DECAY_NONE) continue;
    const frti_role_t old =
        frti_role_set(b, p, FRTI_ROLE_OPTIMIZE, pairs[i].param, pairs[i].grad);
    status = decay_one(b, p, &d, &pairs[i], err);
    frti_role_restore(b, p, old);
  }
  frt_builder_pop_scope(b, NULL);
  return status;
}
