/* Gradients with several producers are renamed and summed; branches that lead nowhere
 * are cut. The order of sums is that of Fluid's _addup_repetitive_outputs_. */
#include <math.h>
#include <string.h>

#include "train/backward.h"

static void rename_in(frti_gslot_t *slots, uint32_t n, const char *from, const char *to) {
  for (uint32_t s = 0; s < n; ++s)
    for (uint32_t i = 0; i < slots[s].n; ++i)
      if (slots[s].names[i] == from) slots[s].names[i] = to;
}

/* Sums that wait to be put in front of op `before`. */
typedef struct sum_job { size_t before; frti_gop_t *op; } sum_job_t;
typedef struct sums { sum_job_t *jobs; size_t n, cap; } sums_t;

/* A first touch: the order of the last sums. */
static frti_fact_t *touch(frti_backward_t *w, const char *name) {
  frti_fact_t *f = frti_fact(w, name);
  if (!f || f->touched) return f;
  f->touched = true;
  if (!FRTI_GROW(w->order, w->n_order, w->order_cap)) return NULL;
  w->order[w->n_order++] = name;
  return f;
}

static frt_status_t add_sum(frti_backward_t *w, sums_t *sums, const char *name,
                            size_t before) {
  frti_fact_t *f = frti_fact(w, name);
  frti_gop_t *g = frti_arena_calloc(&w->arena, 1, sizeof *g);
  const char **out = frti_arena_calloc(&w->arena, 1, sizeof *out);
  const char **in = frti_arena_calloc(&w->arena, f->n_producers, sizeof *in);
  if (!g || !out || !in || !FRTI_GROW(sums->jobs, sums->n, sums->cap))
    return frti_no_memory(w->err);
  memcpy(in, f->producers, f->n_producers * sizeof *in);
  out[0] = name;
  g->type = "sum";
  g->in[g->n_in++] = (frti_gslot_t){"X", f->n_producers, in};
  g->out[g->n_out++] = (frti_gslot_t){"Out", 1, out};
  g->own[g->n_own++] =
      (frt_attr_info_t){.name = "use_mkldnn", .type = FRTI_WIRE_BOOLEAN, .count = 1};
  sums->jobs[sums->n++] = (sum_job_t){before, g};
  f->producers[0] = name;
  f->n_producers = 1;
  return FRT_OK;
}

static const char *part_name(frti_backward_t *w, const char *name, frti_fact_t *f) {
  return frti_internf(w->b, "%s@RENAME@block%d@%u", name, w->block, f->count++);
}

static bool add_producer(frti_backward_t *w, frti_fact_t *f, const char *name) {
  const char **more =
      frti_arena_calloc(&w->arena, f->n_producers + 1u, sizeof *more);
  if (!more) return false;
  if (f->n_producers) memcpy(more, f->producers, f->n_producers * sizeof *more);
  more[f->n_producers++] = name;
  f->producers = more;
  return true;
}

/* The second producer renames the first one, and what has read it since. */
static bool rename_first(frti_backward_t *w, frti_fact_t *f, sums_t *sums, size_t at,
                         frti_gop_t *op, uint32_t slot, uint32_t arg, const char *name) {
  const char *part = part_name(w, name, f);
  if (!part) return false;
  f->producers[0] = part;
  for (size_t i = f->first_op; i < at; ++i) {
    rename_in(w->ops[i]->in, w->ops[i]->n_in, name, part);
    rename_in(w->ops[i]->out, w->ops[i]->n_out, name, part);
  }
  for (size_t i = 0; i < sums->n; ++i) {
    rename_in(sums->jobs[i].op->in, 1, name, part);
    rename_in(sums->jobs[i].op->out, 1, name, part);
  }
  rename_in(op->out, slot, name, part);
  for (uint32_t i = 0; i < arg; ++i)
    if (op->out[slot].names[i] == name) op->out[slot].names[i] = part;
  return true;
}

static bool reads(const frti_gop_t *op, const char *name) {
  for (uint32_t s = 0; s < op->n_in; ++s)
    for (uint32_t i = 0; i < op->in[s].n; ++i)
      if (op->in[s].names[i] == name) return true;
  return false;
}

static frt_status_t count_output(frti_backward_t *w, sums_t *sums, size_t at,
                                 uint32_t slot, uint32_t arg) {
  frti_gop_t *op = w->ops[at];
  const char *name = op->out[slot].names[arg];
  if (!frti_is_gradient(name) || reads(op, name)) return FRT_OK;
  frti_fact_t *f = touch(w, name);
  if (!f) return frti_no_memory(w->err);
  if (!f->n_producers) {
    f->first_op = (uint32_t)at;
    return add_producer(w, f, name) ? FRT_OK : frti_no_memory(w->err);
  }
  if (f->n_producers == 1 && !rename_first(w, f, sums, at, op, slot, arg, name))
    return frti_no_memory(w->err);
  const char *part = part_name(w, name, f);
  if (!part || !add_producer(w, f, part)) return frti_no_memory(w->err);
  op->out[slot].names[arg] = part;
  return FRT_OK;
}

static frt_status_t count_op(frti_backward_t *w, sums_t *sums, size_t at) {
  const frti_gop_t *op = w->ops[at];
  for (uint32_t s = 0; s < op->n_in; ++s)
    for (uint32_t i = 0; i < op->in[s].n; ++i) {
      const char *name = op->in[s].names[i];
      if (!frti_is_gradient(name)) continue;
      frti_fact_t *f = touch(w, name);
      if (!f) return frti_no_memory(w->err);
      if (f->n_producers > 1) FRT_TRY(add_sum(w, sums, name, at));
    }
  for (uint32_t s = 0; s < op->n_out; ++s)
    for (uint32_t i = 0; i < op->out[s].n; ++i)
      FRT_TRY(count_output(w, sums, at, s, i));
  return FRT_OK;
}

static frt_status_t merge(frti_backward_t *w, const sums_t *sums) {
  const size_t n = w->n_ops + sums->n;
  frti_gop_t **all = frti_calloc(n + 1, sizeof *all);
  if (!all) return frti_no_memory(w->err);
  size_t to = 0, next = 0;
  for (size_t i = 0; i <= w->n_ops; ++i) {
    for (; next < sums->n && sums->jobs[next].before == i; ++next)
      all[to++] = sums->jobs[next].op;
    if (i < w->n_ops) all[to++] = w->ops[i];
  }
  frti_free(w->ops);
  w->ops = all;
  w->n_ops = n;
  w->ops_cap = n + 1;
  return FRT_OK;
}

frt_status_t frti_sum_producers(frti_backward_t *w) {
  sums_t sums = {0};
  frt_status_t status = FRT_OK;
  for (size_t i = 0; status == FRT_OK && i < w->n_ops; ++i)
    status = count_op(w, &sums, i);
  for (size_t i = 0; status == FRT_OK && i < w->n_order; ++i) {
    const frti_fact_t *f = frti_fact(w, w->order[i]);
    if (f->n_producers > 1) status = add_sum(w, &sums, w->order[i], w->n_ops);
  }
  if (status == FRT_OK) status = merge(w, &sums);
  frti_free(sums.jobs);
  return status;
}

/* ---- branches ---------------------------------------------------------------------- */

/* How many names the slots hold, and how many of them nobody may produce. */
static void tally(frti_backward_t *w, const frti_gslot_t *slots, uint32_t n,
                  bool gradients_only, uint32_t *all, uint32_t *barred) {
  *all = *barred = 0;
  for (uint32_t s = 0; s < n; ++s)
    for (uint32_t i = 0; i < slots[s].n; ++i) {
      const char *name = slots[s].names[i];
      if (gradients_only && !frti_is_gradient(name)) continue;
      const frti_fact_t *f = frti_fact(w, name);
      ++*all;
      *barred += f && f->no_grad_name;
    }
}

static bool can_go(frti_backward_t *w, frti_gop_t *op) {
  uint32_t all, barred;
  tally(w, op->out, op->n_out, false, &all, &barred);
  if (all == barred) return true;
  tally(w, op->in, op->n_in, true, &all, &barred);
  if (!all || all != barred) return false;
  for (uint32_t s = 0; s < op->n_out; ++s)
    for (uint32_t i = 0; i < op->out[s].n; ++i) {
      frti_fact_t *f = frti_fact(w, op->out[s].names[i]);
      if (f) f->no_grad_name = true;
    }
  return true;
}

static frti_gop_t *zeros_like(frti_backward_t *w, const char *grad) {
  frti_gop_t *g = frti_arena_calloc(&w->arena, 1, sizeof *g);
  const char **in = frti_arena_calloc(&w->arena, 1, sizeof *in);
  const char **out = frti_arena_calloc(&w->arena, 1, sizeof *out);
  if (!g || !in || !out || !(in[0] = frti_strip_grad(w, grad))) return NULL;
  out[0] = grad;
  g->type = "fill_zeros_like";
  g->in[g->n_in++] = (frti_gslot_t){"X", 1, in};
  g->out[g->n_out++] = (frti_gslot_t){"Out", 1, out};
  return g;
}

/* Gradients that nobody produces but an op reads beside others are zeros. */
static frt_status_t keep(frti_backward_t *w, frti_gop_t *op, frti_gop_t ***to, size_t *n,
                         size_t *cap) {
  for (uint32_t s = 0; s < op->n_in; ++s)
    for (uint32_t i = 0; i < op->in[s].n; ++i) {
      const char *name = op->in[s].names[i];
      const frti_fact_t *f = frti_is_gradient(name) ? frti_fact(w, name) : NULL;
      if (!f || !f->no_grad_name) continue;
      frti_gop_t *zeros = zeros_like(w, name);
      if (!zeros || !frti_grow((void **)to, *n, cap, sizeof **to))
        return frti_no_memory(w->err);
      (*to)[(*n)++] = zeros;
    }
  if (!frti_grow((void **)to, *n, cap, sizeof **to)) return frti_no_memory(w->err);
  (*to)[(*n)++] = op;
  return FRT_OK;
}

frt_status_t frti_drop_branches(frti_backward_t *w) {
  frti_gop_t **kept = NULL;
  size_t n = 0, cap = 0, left = 0;
  frt_status_t status = FRT_OK;
  for (size_t i = 0; i < w->n_ops; ++i)
    if (!can_go(w, w->ops[i])) w->ops[left++] = w->ops[i];
  for (size_t i = 0; status == FRT_OK && i < left; ++i)
    status = keep(w, w->ops[i], &kept, &n, &cap);
  frti_free(w->ops);
  w->ops = kept;
  w->n_ops = n;
  w->ops_cap = cap;
  return status;
}
