/* The state of the plan verifier: a list of accesses, and what happens to it. */
#include "runtime/plan_marks.h"

uint32_t frti_content_new(frti_contents_t *c, const frti_action_t *writer,
                          const frti_value_t *value) {
  if (!c->n) { /* number 0 is no content */
    if (!FRTI_GROW(c->v, c->n, c->cap)) return 0;
    memset(&c->v[c->n++], 0, sizeof *c->v);
  }
  if (!FRTI_GROW(c->v, c->n, c->cap)) return 0;
  c->v[c->n].writer = writer;
  c->v[c->n].value = value;
  return (uint32_t)c->n++;
}

bool frti_marks_copy(const frti_marks_t *from, frti_marks_t *to) {
  memset(to, 0, sizeof *to);
  to->v = frti_calloc(from->n + 1, sizeof *to->v);
  to->current = frti_calloc(from->n_values + 1, sizeof *to->current);
  if (!to->v || !to->current) {
    frti_marks_release(to);
    return false;
  }
  if (from->n) memcpy(to->v, from->v, from->n * sizeof *to->v);
  memcpy(to->current, from->current, from->n_values * sizeof *to->current);
  to->n = from->n;
  to->cap = from->n + 1;
  to->n_values = from->n_values;
  return true;
}

void frti_marks_release(frti_marks_t *m) {
  frti_free(m->v);
  frti_free(m->current);
  memset(m, 0, sizeof *m);
}

const frti_mark_t *frti_marks_race(const frti_marks_t *m, const frti_touch_t *t, int32_t by) {
  for (size_t i = 0; i < m->n; ++i) {
    const frti_mark_t *k = &m->v[i];
    if ((t->write || k->at.write) && !(k->known & FRTI_ACTOR_BIT(by)) &&
        frti_touch_overlap(t, &k->at))
      return k;
  }
  return NULL;
}

static bool inside(const frti_touch_t *small, const frti_touch_t *big) {
  return big->lo <= small->lo && small->hi <= big->hi;
}

const frti_mark_t *frti_marks_covering(const frti_marks_t *m, const frti_touch_t *t) {
  for (size_t i = 0; i < m->n; ++i)
    if (m->v[i].at.write && m->v[i].content && frti_touch_overlap(t, &m->v[i].at) &&
        inside(t, &m->v[i].at))
      return &m->v[i];
  return NULL;
}

const frti_mark_t *frti_marks_any(const frti_marks_t *m, const frti_touch_t *t) {
  for (size_t i = m->n; i-- > 0;)
    if (m->v[i].at.write && m->v[i].at.value && frti_touch_overlap(t, &m->v[i].at))
      return &m->v[i];
  return NULL;
}

/* What a write covers is forgotten: it happened before, or there was a race. */
static void cover(frti_marks_t *m, const frti_touch_t *t) {
  size_t kept = 0;
  for (size_t i = 0; i < m->n; ++i) {
    frti_mark_t *k = &m->v[i];
    if (frti_touch_overlap(t, &k->at)) {
      if (inside(&k->at, t)) continue;
      k->content = 0;
    }
    m->v[kept++] = *k;
  }
  m->n = kept;
}

static bool same_place(const frti_touch_t *a, const frti_touch_t *b) {
  return a->space == b->space && a->placed == b->placed && a->lo == b->lo && a->hi == b->hi &&
         a->write == b->write && (a->placed || a->storage == b->storage);
}

bool frti_marks_add(frti_marks_t *m, const frti_touch_t *t, const frti_action_t *a,
                    int32_t by, uint32_t content) {
  const uint32_t known = by == FRTI_BY_HOST ? FRTI_ALL_ACTORS : FRTI_ACTOR_BIT(by);
  const frti_mark_t mark = {*t, a, known, content};
  if (t->lo == t->hi || (!t->write && known == FRTI_ALL_ACTORS)) return true;
  if (t->write) cover(m, t);
  for (size_t i = 0; !t->write && i < m->n; ++i)
    if (m->v[i].known == known && same_place(&m->v[i].at, t)) {
      m->v[i] = mark; /* of two reads in one queue the later one counts */
      return true;
    }
  if (!FRTI_GROW(m->v, m->n, m->cap)) return false;
  m->v[m->n++] = mark;
  return true;
}

void frti_marks_waited(frti_marks_t *m, int32_t by) {
  size_t kept = 0;
  for (size_t i = 0; i < m->n; ++i) {
    const bool known = m->v[i].known & FRTI_ACTOR_BIT(by);
    if (known && !m->v[i].at.write) continue;
    if (known) m->v[i].known = FRTI_ALL_ACTORS;
    m->v[kept++] = m->v[i];
  }
  m->n = kept;
}

const frti_mark_t *frti_marks_unknown(const frti_marks_t *m) {
  for (size_t i = 0; i < m->n; ++i)
    if (!(m->v[i].known & FRTI_ACTOR_BIT(FRTI_BY_HOST))) return &m->v[i];
  return NULL;
}

/* ---- where two ways meet ------------------------------------------------------------ */

typedef struct pair { uint32_t a, b, both; } pair_t; /* contents that are one from here on */

typedef struct pairs { pair_t *v; size_t n, cap; } pairs_t;

static uint32_t find_pair(const pairs_t *p, uint32_t a, uint32_t b) {
  if (a == b) return a;
  for (size_t i = 0; i < p->n; ++i)
    if (p->v[i].a == a && p->v[i].b == b) return p->v[i].both;
  return 0;
}

static bool join_current(frti_marks_t *m, const frti_marks_t *other, frti_contents_t *c,
                         pairs_t *pairs) {
  for (uint32_t i = 0; i < m->n_values; ++i) {
    const uint32_t a = m->current[i], b = other->current[i];
    if (a == b) continue;
    uint32_t both = find_pair(pairs, a, b);
    if (!both) {
      if (!FRTI_GROW(pairs->v, pairs->n, pairs->cap)) return false;
      const struct frti_content from = c->v[b ? b : a];
      both = frti_content_new(c, from.writer, from.value);
      if (!both) return false;
      pairs->v[pairs->n++] = (pair_t){a, b, both};
    }
    m->current[i] = both;
  }
  return true;
}

/* Where one way means nothing yet by a value, whatever the other left serves. */
static uint32_t meet(const pairs_t *p, uint32_t a, uint32_t b) {
  uint32_t both = find_pair(p, a, b);
  if (!both) both = find_pair(p, a, 0);
  return both ? both : find_pair(p, 0, b);
}

static bool join_marks(frti_marks_t *m, const frti_marks_t *other, const pairs_t *pairs) {
  const size_t n = m->n;
  bool *met = frti_calloc(other->n + 1, sizeof *met);
  bool ok = met != NULL;
  for (size_t i = 0; ok && i < n; ++i) {
    frti_mark_t *a = &m->v[i];
    size_t k = 0;
    while (k < other->n && (met[k] || !same_place(&a->at, &other->v[k].at))) ++k;
    if (k == other->n) {
      a->content = meet(pairs, a->content, 0);
      continue;
    }
    met[k] = true;
    a->known &= other->v[k].known;
    a->content = meet(pairs, a->content, other->v[k].content);
  }
  for (size_t k = 0; ok && k < other->n; ++k) {
    if (met[k]) continue;
    ok = FRTI_GROW(m->v, m->n, m->cap);
    if (!ok) break;
    m->v[m->n] = other->v[k];
    m->v[m->n++].content = meet(pairs, 0, other->v[k].content);
  }
  frti_free(met);
  return ok;
}

bool frti_marks_join(frti_marks_t *m, const frti_marks_t *other, frti_contents_t *c) {
  pairs_t pairs = {NULL, 0, 0};
  const bool ok = join_current(m, other, c, &pairs) && join_marks(m, other, &pairs);
  frti_free(pairs.v);
  return ok;
}
