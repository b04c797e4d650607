/* What the conformance cases leave untried, seen from their tables: attributes that never
 * have another value than their default, values of an enumeration that no case has, ops
 * that are never given an empty tensor, tensors of the highest rank. What is left out on
 * purpose is listed with the reason; all else is a failure. */
#include <stdio.h>

#include "runner/runner.h"
#include "runner/tally.h"


static int failures;

static int is_listed(const char *const (*list)[2], const char *op, const char *what) {
  for (; (*list)[0]; ++list)
    if (!strcmp((*list)[0], op) && (!what || !strcmp((*list)[1], what))) return 1;
  return 0;
}

/* The op's case behind `c`, NULL: the first one. */
static const frt_case_t *next(const char *op, const frt_case_t *c) {
  for (size_t f = 0; f < frti_n_families; ++f)
    for (const frt_case_t *k = frti_families[f].cases; k->op; ++k) {
      if (strcmp(k->op, op)) continue;
      if (!c) return k;
      if (k == c) c = NULL;
    }
  return NULL;
}

/* ---- attributes ------------------------------------------------------------------------ */

/* The host turns a seed into the state of the engine, which is what a kernel gets. */
static const char *const ONE_VALUE[][2] = {
    {"dropout", "seed"}, {"randint", "seed"}, {NULL, NULL}};

static const frt_case_attr_t *value_in(const frt_case_t *c, const char *name) {
  for (int i = 0; i < FRT_CASE_ATTRS && c->attrs[i].name; ++i)
    if (!strcmp(c->attrs[i].name, name)) return &c->attrs[i];
  return NULL;
}

static int differs(const frt_attr_def_t *d, const frt_case_attr_t *a) {
  if (!a) return 0;
  if (!(d->flags & FRT_ATTR_DEFAULT)) return 1; /* it always has a value */
  if (a->list) return a->n != 0;
  if (a->s) return strcmp(a->s, d->def_s ? d->def_s : "") != 0;
  return a->v != d->def;
}

/* Some value that is not the default one. */
static frt_case_attr_t another(const frt_attr_def_t *d) {
  static const double one[] = {1};
  frt_case_attr_t a = {.name = d->name, .v = d->type == FRT_ATTR_BOOL ? d->def == 0 : d->def + 1};
  if (d->type == FRT_ATTR_STRING) a.s = "another";
  if (d->type == FRT_ATTR_INTS || d->type == FRT_ATTR_F32S || d->type == FRT_ATTR_STRINGS) {
    a.list = one;
    a.n = 1;
  }
  return a;
}

/* What the schema refuses, with a text that names the attribute, reaches no provider. */
static int is_refused(const frt_op_schema_t *s, const frt_attr_def_t *d) {
  static frti_probe_t p;
  static const frti_bench_t none;
  frt_error_t err = FRT_ERROR_INIT;
  frt_case_t c = *next(s->type, NULL);
  int i = 0, refused;
  while (i < FRT_CASE_ATTRS - 1 && c.attrs[i].name && strcmp(c.attrs[i].name, d->name)) ++i;
  c.attrs[i] = another(d);
  refused = frti_probe_build(&p, &c, c.n_sizes ? c.sizes[0] : NULL, FRT_F32, &none, &err) !=
            FRT_OK && strstr(err.message, d->name);
  frti_probe_release(&p);
  return refused;
}

static void check_attributes(const frt_op_schema_t *s) {
  for (int i = 0; i < FRT_MAX_ATTRS && s->attrs[i].name; ++i) {
    const frt_attr_def_t *d = &s->attrs[i];
    int other = 0;
    if ((d->flags & FRT_ATTR_IGNORED) || is_listed(ONE_VALUE, s->type, d->name)) continue;
    for (const frt_case_t *c = next(s->type, NULL); c && !other; c = next(s->type, c))
      other = differs(d, value_in(c, d->name));
    if (other || is_refused(s, d)) continue;
    printf("FAIL %s: no case gives attribute '%s' another value than its default\n", s->type,
           d->name);
    ++failures;
  }
}

/* ---- shapes ----------------------------------------------------------------------------- */

static const char *const NEVER_EMPTY[][2] = {
    {"accuracy", "the schema wants a row"}, {"increment", "X has one element"},
    {"mean", "the schema wants an element"},
    {"gaussian_random", "the schema wants extents of at least 1, as Fluid does"},
    {"randint", "likewise"}, {"truncated_gaussian_random", "likewise"},
    {"uniform_random", "likewise"}, {NULL, NULL}};

static int64_t extent(const frt_case_t *c, int64_t d, const int64_t *row) {
  (void)c;
  if (d == DIM_N) return row ? row[0] : 0;
  if (d == DIM_M) return row ? row[1] : 0;
  if (d == DIM_K) return row ? row[2] : 0;
  return d == DIM_P ? (row ? row[3] : 0) : d;
}

static int is_empty(const frt_case_t *c, const int64_t *row) {
  for (int i = 0; i < FRT_CASE_INS && c->in[i].slot; ++i)
    for (uint32_t k = 0; k < c->in[i].shape.rank; ++k)
      if (extent(c, c->in[i].shape.d[k], row) == 0) return 1;
  for (int i = 0; i < FRT_CASE_ATTRS && c->attrs[i].name; ++i) /* fill_constant and its like */
    for (uint32_t k = 0; k < c->attrs[i].n; ++k)
      if (!strcmp(c->attrs[i].name, "shape") &&
          extent(c, (int64_t)c->attrs[i].list[k], row) == 0)
        return 1;
  return 0;
}

static void check_empty(const frt_op_schema_t *s) {
  if (is_listed(NEVER_EMPTY, s->type, NULL)) return;
  for (const frt_case_t *c = next(s->type, NULL); c; c = next(s->type, c)) {
    if (is_empty(c, c->n_sizes ? c->sizes[0] : NULL)) return;
    for (uint32_t r = 1; r < c->n_sizes; ++r)
      if (is_empty(c, c->sizes[r])) return;
  }
  printf("FAIL %s: no case has an empty tensor\n", s->type);
  ++failures;
}

int main(void) {
  for (size_t i = 0; i < frt_op_count(); ++i) {
    const frt_op_schema_t *s = frt_op_at(i);
    if (s->flags & FRT_OP_RUNTIME) continue;
    if (!next(s->type, NULL)) {
      printf("FAIL %s: no case\n", s->type);
      ++failures;
    }
    check_attributes(s);
    check_empty(s);
  }
  printf("%d failed\n", failures);
  return failures != 0;
}
