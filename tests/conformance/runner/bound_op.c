/* The bound of an op that no case made: what the cases of its type say about the form
 * that is nearest to it. Bounds depend on op type, attributes, dtypes and shapes; the
 * functions in a case read the latter three from the probe, whichever that is. */

#include "runner/runner.h"

static const frt_case_attr_t *case_attr(const frt_case_t *c, const char *name) {
  for (int i = 0; i < FRT_CASE_ATTRS && c->attrs[i].name; ++i)
    if (!strcmp(c->attrs[i].name, name)) return &c->attrs[i];
  return NULL;
}

/* Whether attribute i has the same meaning in the case: modes are equal, numbers are
 * both at their default or both not. */
static int same_form(const frti_probe_t *p, const frt_case_t *c, uint32_t i) {
  const frt_attr_def_t *def = &p->schema->attrs[i];
  const frt_api_attr_t *a = &p->attrs[i];
  const frt_case_attr_t *from = case_attr(c, def->name);
  const char *text = def->def_s ? def->def_s : "";
  const double number = (double)(float)def->def;
  switch (a->type) {
    case FRT_ATTR_STRING: return !strcmp(a->v.s, from && from->s ? from->s : text);
    case FRT_ATTR_BOOL: return (a->v.i != 0) == ((from ? from->v : def->def) != 0);
    case FRT_ATTR_INT:
      return ((double)a->v.i == def->def) == (!from || from->v == def->def);
    case FRT_ATTR_F32:
      return (a->v.f == number) == (!from || (double)(float)from->v == number);
    default: return (a->count == 0) == (!from || !from->n);
  }
}

static int case_has(const frt_case_t *c, const char *slot) {
  for (int i = 0; i < FRT_CASE_INS && c->in[i].slot; ++i)
    if (!strcmp(c->in[i].slot, slot)) return 1;
  return 0;
}

static uint32_t likeness(const frti_probe_t *p, const frt_case_t *c) {
  uint32_t score = 0;
  for (uint32_t i = 0; i < p->op.n_attrs; ++i)
    if (!(p->schema->attrs[i].flags & FRT_ATTR_IGNORED)) score += (uint32_t)same_form(p, c, i);
  for (uint32_t s = 0; s < p->op.n_in; ++s)
    score += case_has(c, p->in_slots[s].name) == (p->in_slots[s].count != 0);
  return score;
}

/* The case's own bound of that output; NULL: none given, exact. */
static const frt_case_bound_t *given(const frt_case_t *c, const char *slot) {
  for (int i = 0; i < FRT_CASE_OUTS; ++i) {
    const frt_case_bound_t *b = &c->bound[i];
    if (b->kind != FRT_BOUND_EXACT && (!b->slot || !strcmp(b->slot, slot))) return b;
  }
  return NULL;
}

/* Exact because of its values (whole numbers, some chosen by hand) says nothing about
 * the op at large. One chosen number, such as a learning rate, is no such choice. */
static int speaks_for_all(const frt_case_t *c, const char *slot) {
  int chosen = 0;
  for (int i = 0; i < FRT_CASE_INS && c->in[i].slot; ++i) {
    const int kind = c->in[i].data.kind;
    if (kind == FRT_DATA_SPECIALS) return 0;
    if (c->in[i].dtype) continue;
    chosen |= kind == FRT_DATA_WHOLE || (kind == FRT_DATA_VALUES && c->in[i].data.n > 1);
  }
  return given(c, slot) || !chosen;
}

static int same_bound(const frt_case_bound_t *a, const frt_case_bound_t *b) {
  return a->kind == b->kind && a->k == b->k && a->terms == b->terms &&
         a->formula == b->formula;
}

static void add(frti_bounds_t *to, const frt_case_bound_t *b) {
  for (uint32_t i = 0; i < to->n; ++i)
    if (same_bound(to->at[i], b)) return;
  if (to->n < FRTI_MAX_BOUNDS) to->at[to->n++] = b;
}

frti_bounds_t frti_bounds_of_op(const frti_probe_t *p, uint32_t k) {
  const char *slot = p->out[k].def->name;
  const frti_bounds_t exact = frti_bounds_exact(p), none = {{NULL}, 0, 0};
  frti_bounds_t found = none;
  uint32_t best = 0;
  for (size_t f = 0; f <= frti_n_families; ++f)
    for (const frt_case_t *c = frti_cases_of(f); c->op; ++c) {
      const frt_case_bound_t *b = given(c, slot);
      uint32_t score;
      if (strcmp(c->op, p->schema->type) || (c->flags & FRT_CASE_OUT_OF_RANGE)) continue;
      score = 1 + likeness(p, c) + (speaks_for_all(c, slot) ? 1000 : 0);
      if (score < best) continue;
      if (score > best) found = none;
      best = score;
      add(&found, b ? b : exact.at[0]);
    }
  if (found.n && p->out[k].api.dtype != FRT_F32 && p->out[k].api.dtype != FRT_F64)
    return exact;
  return found;
}
