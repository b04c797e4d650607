/* Gradient clipping, op for op as fluid.clip. */
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

static frt_status_t norm_of(frt_builder_t *b, const frt_var_t *sums, size_t n,
                            frt_var_t *norm, frt_error_t *err) {
  frt_var_t total;
  FRT_TRY(frt_layers_sums(b, sums, n, &total, err));
  return frt_layers_sqrt(b, total, norm, err);
}

static frt_status_t limit_like(frt_builder_t *b, frt_var_t like, double clip_norm,
                               frt_var_t *limit, frt_error_t *err) {
  const int64_t one[1] = {1};
  frt_var_info_t info;
  FRT_TRY(frti_info(b, like, "norm", &info, err));
  return frt_layers_fill_constant(b, 1, one, (frt_dtype_t)info.dtype, clip_norm, limit,
                                  err);
}

/* clip_norm / max(clip_norm, norm). */
static frt_status_t ratio(frt_builder_t *b, frt_var_t limit, frt_var_t norm,
                          frt_var_t *out, frt_error_t *err) {
  frt_var_t larger;
  FRT_TRY(frt_layers_elementwise_max(b, limit, norm, -1, NULL, &larger, err));
  return frt_layers_elementwise_div(b, limit, larger, -1, NULL, out, err);
}

static frt_status_t factor(const clip_job_t *j, const frt_var_t *sums, size_t n,
                           frt_var_t *out, frt_error_t *err) {
  frt_var_t norm, limit;
  FRT_TRY(norm_of(j->b, sums, n, &norm, err));
  FRT_TRY(limit_like(j->b, norm, j->clip->clip_norm, &limit, err));
  return ratio(j->b, limit, norm, out, err);
}

static frt_status_t scale_one(const clip_job_t *j, size_t i, frt_var_t by,
                              frt_error_t *err) {
  frt_var_t out;
  const frti_role_t old = guard(j, i);
  const frt_status_t status = frt_layers_elementwise_mul(
      j->b, var_of(j, j->pairs[i].grad), by, -1, NULL, &out, err);
  frti_role_restore(j->b, j->p, old);
  FRT_TRY(status);
  j->pairs[i].grad = out.name;
  j->changed[i] = true;
  return FRT_OK;
}

static frt_status_t scale_all(const clip_job_t *j, frt_var_t by, frt_error_t *err) {
  for (size_t i = 0; i < j->n; ++i)
    if (wanted(j, i)) FRT_TRY(scale_one(j, i, by, err));
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

/* Negative, infinite or NaN limits clip nothing that anybody means. */
frt_status_t frti_check_clip(frt_builder_t *b, const frt_clip_t *c, const char *argument,
                             frt_error_t *err) {
  if ((int)c->kind < FRT_CLIP_NONE || c->kind > FRT_CLIP_BY_GLOBAL_NORM)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument, "kind %d does not exist",
                     (int)c->kind);
  const bool by_norm = c->kind == FRT_CLIP_BY_NORM || c->kind == FRT_CLIP_BY_GLOBAL_NORM;
  if (by_norm && !(c->clip_norm > 0))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument,
                     "clip_norm is %g; wanted more than 0", c->clip_norm);
  const double min = c->has_min ? c->min : -c->max;
  if (c->kind == FRT_CLIP_BY_VALUE && !(min <= c->max))
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, argument,
                     "min is %g; wanted at most max, which is %g", min, c->max);
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

/* ---- by the marks of set_gradient_clip ---------------------------------------------- */

/* Gradients of one group_name share a norm and its factor. */
typedef struct group {
  const char *name;
  double clip_norm;
  frt_var_t limit, factor; /* factor: no name before the first use */
  frt_var_t *sums;
  size_t n;
} group_t;

typedef struct groups { group_t *all; size_t n; } groups_t;

static const char *group_name(const frt_clip_t *c) {
  return c->group_name ? c->group_name : "default_group";
}

static group_t *find_group(const groups_t *g, const char *name) {
  for (size_t i = 0; i < g->n; ++i)
    if (!strcmp(g->all[i].name, name)) return &g->all[i];
  return NULL;
}

/* The group of pair i, opened by its first member. */
static frt_status_t open_group(const clip_job_t *j, size_t i, groups_t *g, group_t **out,
                               frt_error_t *err) {
  *out = find_group(g, group_name(j->clip));
  if (*out && (*out)->clip_norm == j->clip->clip_norm) return FRT_OK;
  frti_enter(j->b, "set_gradient_clip");
  if (*out)
    return frti_fail(j->b, err, FRT_INVALID_ARGUMENT, "clip_norm",
                     "is %g for '%.80s' and %g for others of group '%.40s'",
                     j->clip->clip_norm, j->pairs[i].param, (*out)->clip_norm,
                     (*out)->name);
  group_t *new_group = &g->all[g->n];
  *new_group = (group_t){.name = group_name(j->clip), .clip_norm = j->clip->clip_norm};
  new_group->sums = frti_calloc(j->n, sizeof *new_group->sums);
  if (!new_group->sums) return frti_no_memory(err);
  ++g->n;
  *out = new_group;
  const frti_role_t old = guard(j, i);
  const frt_status_t status = limit_like(j->b, var_of(j, j->pairs[i].grad),
                                         j->clip->clip_norm, &new_group->limit, err);
  frti_role_restore(j->b, j->p, old);
  return status;
}

static frt_status_t measure(const clip_job_t *j, size_t i, groups_t *g, frt_error_t *err) {
  group_t *group;
  if (j->clip->kind != FRT_CLIP_BY_GLOBAL_NORM) return FRT_OK;
  FRT_TRY(open_group(j, i, g, &group, err));
  return square_sum(j, i, &group->sums[group->n++], err);
}

static frt_status_t shrink(const clip_job_t *j, size_t i, groups_t *g, frt_error_t *err) {
  frt_var_t norm;
  if (j->clip->kind != FRT_CLIP_BY_GLOBAL_NORM) return clip_one(j, i, err);
  group_t *group = find_group(g, group_name(j->clip));
  if (!group->factor.name) {
    const frti_role_t old = guard(j, i);
    frt_status_t status = norm_of(j->b, group->sums, group->n, &norm, err);
    if (status == FRT_OK)
      status = ratio(j->b, group->limit, norm, &group->factor, err);
    frti_role_restore(j->b, j->p, old);
    FRT_TRY(status);
  }
  return scale_one(j, i, group->factor, err);
}

/* `step` for every marked pair, each in a name scope of its own. */
static frt_status_t each_marked(clip_job_t *j, groups_t *g, const char *scope,
                                frt_status_t (*step)(const clip_job_t *, size_t,
                                                     groups_t *, frt_error_t *),
                                frt_error_t *err) {
  for (size_t i = 0; i < j->n; ++i) {
    const frti_var_note_t *note = frti_find_note(j->b, j->p, 0, j->pairs[i].param);
    j->clip = note ? note->clip : NULL;
    if (!j->clip || !wanted(j, i)) continue;
    FRT_TRY(frt_builder_push_scope(j->b, scope, err));
    const frt_status_t status = step(j, i, g, err);
    frt_builder_pop_scope(j->b, NULL);
    FRT_TRY(status);
  }
  return FRT_OK;
}

/* Two differences from Fluid on purpose: every group has its own factor (Fluid takes the
 * last parameter's for all), and what has no mark stays as it is (Fluid then clips
 * nothing at all). The second scope is spelt as Fluid spells it. */
frt_status_t frti_clip_marked(frt_builder_t *b, frt_program_t *p, frti_pair_t *pairs,
                              size_t n, frt_error_t *err) {
  bool *changed = frti_calloc(n + 1, sizeof *changed);
  groups_t g = {.all = frti_calloc(n + 1, sizeof *g.all)};
  clip_job_t j = {b, p, NULL, pairs, n, changed};
  frt_status_t status = changed && g.all ? FRT_OK : frti_no_memory(err);
  if (status == FRT_OK) status = each_marked(&j, &g, "gradient_clip_@CLIP", measure, err);
  if (status == FRT_OK) status = each_marked(&j, &g, "graident_clip_@CLIP", shrink, err);
  if (status == FRT_OK) status = correct_roles(&j, err);
  for (size_t i = 0; i < g.n; ++i) frti_free(g.all[i].sums);
  frti_free(g.all);
  frti_free(changed);
  return status;
}

static frt_status_t mark(frt_builder_t *b, frt_program_t *p, const char *param,
                         const frt_clip_t *clip, frt_error_t *err) {
  for (size_t i = 0; i < b->n_vars; ++i) {
    frti_var_note_t *v = &b->vars[i];
    if (v->program != p || !v->parameter || strcmp(v->name, param) != 0) continue;
    v->clip = clip;
    return FRT_OK;
  }
  const frt_status_t status = frti_fail(b, err, FRT_INVALID_ARGUMENT, "param_list",
                                        "'%.80s' is no parameter of the program", param);
  return frti_error_name(err, status, param);
}

frt_status_t frt_set_gradient_clip(frt_builder_t *b, const frt_clip_t *clip,
                                   const char *const *param_list, size_t n,
                                   frt_program_t *program, frt_error_t *err) {
  frt_program_t *p = program ? program : frt_builder_main(b);
  frti_say(b, "set_gradient_clip");
  if (!clip) return frti_fail(b, err, FRT_INVALID_ARGUMENT, "clip", "is NULL");
  FRT_TRY(frti_check_clip(b, clip, "clip", err));
  if (n && !param_list)
    return frti_fail(b, err, FRT_INVALID_ARGUMENT, "param_list", "is NULL");
  frt_clip_t *kept = frti_arena_calloc(&b->arena, 1, sizeof *kept);
  if (!kept) return frti_no_memory(err);
  *kept = *clip;
  if (clip->group_name && !(kept->group_name = frti_intern(b, clip->group_name)))
    return frti_no_memory(err);
  for (size_t i = 0; i < n; ++i) {
    if (!param_list[i])
      return frti_fail(b, err, FRT_INVALID_ARGUMENT, "param_list", "[%zu] is NULL", i);
    FRT_TRY(mark(b, p, param_list[i], kept, err));
  }
  for (size_t i = 0; !n && i < b->n_vars; ++i)
    if (b->vars[i].program == p && b->vars[i].parameter) b->vars[i].clip = kept;
  return FRT_OK;
}
