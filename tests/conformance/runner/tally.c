/* Counting: one row an op, one cell a dtype. */
#include <fnmatch.h>
#include <stdlib.h>

#include "runner/tally.h"

const char *const frti_level_names[] = {"load", "core", "full", "stress", NULL};
const char *const frti_mode_names[] = {"all", "test", "grad", "train", "perf", "claims",
                                       "support", NULL};
const char *const frti_format_names[] = {"plain", "table", "md", "csv", NULL};

/* Room for one more; 0: out of memory. */
static int grow(void **all, uint32_t n, uint32_t *cap, size_t size) {
  const uint32_t want = *cap ? 2 * *cap : 64;
  void *p;
  if (n < *cap) return 1;
  p = realloc(*all, want * size);
  if (!p) return 0;
  *all = p;
  *cap = want;
  return 1;
}

frti_row_t *frti_tally_row(frti_tally_t *t, const char *op, int make) {
  void *all = t->rows;
  for (uint32_t i = 0; i < t->n_rows; ++i)
    if (!strcmp(t->rows[i].op, op)) return &t->rows[i];
  if (!make || !grow(&all, t->n_rows, &t->cap_rows, sizeof *t->rows)) return NULL;
  t->rows = all;
  memset(&t->rows[t->n_rows], 0, sizeof *t->rows);
  snprintf(t->rows[t->n_rows].op, sizeof t->rows[0].op, "%s", op);
  return &t->rows[t->n_rows++];
}

int frti_tally_open(frti_tally_t *t, const frti_options_t *o) {
  memset(t, 0, sizeof *t);
  t->o = o;
  for (size_t i = 0; i < frt_op_count(); ++i) {
    const frt_op_schema_t *s = frt_op_at(i);
    frti_row_t *row = s->flags & FRT_OP_RUNTIME ? NULL : frti_tally_row(t, s->type, 1);
    if (row) row->is_op = 1;
    else if (!(s->flags & FRT_OP_RUNTIME)) return 0;
  }
  for (size_t f = 0; f < frti_n_families; ++f)
    for (const frt_case_t *c = frti_families[f].cases; c->op; ++c) {
      frti_row_t *row = frti_tally_row(t, c->op, 0);
      if (row) row->has_cases = 1;
    }
  return 1;
}

void frti_tally_close(frti_tally_t *t) {
  for (uint32_t i = 0; i < t->n_found; ++i) {
    free(t->found[i].op);
    free(t->found[i].name);
    free(t->found[i].why);
  }
  free(t->found);
  free(t->rows);
  free(t->speeds);
  frti_xfail_release(&t->xfail);
  json_decref(t->programs);
}

char *frti_repeat(const frti_options_t *o, const char *op, const char *name, char *to,
                  size_t cap) {
  snprintf(to, cap, "fluidrt conform %s%s%s --replay %s/%s", o->provider,
           o->oracle ? " --oracle " : "", o->oracle ? o->oracle : "", op, name);
  return to;
}

/* ---- a verdict ------------------------------------------------------------------------ */

static void remember(frti_tally_t *t, const char *op, const char *name, char verdict,
                     const char *why) {
  void *all = t->found;
  frti_found_t *f;
  if (!grow(&all, t->n_found, &t->cap_found, sizeof *t->found)) return;
  t->found = all;
  f = &t->found[t->n_found];
  *f = (frti_found_t){strdup(op), strdup(name), strdup(why), verdict};
  if (f->op && f->name && f->why) {
    ++t->n_found;
    return;
  }
  free(f->op);
  free(f->name);
  free(f->why);
}

/* What is told at once, while the run goes on. */
static void tell(const frti_tally_t *t, const char *op, const char *name, char verdict,
                 const char *why) {
  const int bad = verdict == FRTI_FAIL || verdict == FRTI_SURPRISE;
  FILE *to = t->o->json || t->o->format > FRTI_TABLE ? stderr : stdout;
  char line[512];
  if ((t->o->json && to == stderr && !bad) || (!bad && !t->o->verbose)) return;
  fprintf(to, "%s %s/%s: %s\n", bad ? "FAIL" : verdict == FRTI_EXPECTED ? "expected"
          : "declined", op, name, why);
  if (bad && strcmp(op, "provider"))
    fprintf(to, "     repeat: %s\n", frti_repeat(t->o, op, name, line, sizeof line));
  fflush(to);
}

/* A question runs no kernel: that it is answered well surprises nobody. */
static int is_question(const char *name) {
  return !strcmp(name, "claims") || strstr(name, "/unknown_sizes") || strstr(name, "/support");
}

/* The verdict in the light of what was foretold. */
static char foretold(frti_tally_t *t, const char *op, const char *name, char verdict,
                     char *why, size_t cap) {
  frti_xfail_rule_t *r = NULL;
  char was[FRTI_TEXT];
  if (verdict == FRTI_FAIL || verdict == FRTI_PASS) r = frti_xfail_find(&t->xfail, op, name);
  if (!r || (verdict == FRTI_PASS && is_question(name))) return verdict;
  snprintf(was, sizeof was, "%s", why);
  if (verdict == FRTI_FAIL) {
    ++r->failed;
    snprintf(why, cap, "%s (%s)", was, r->reason);
    return FRTI_EXPECTED;
  }
  ++r->passed;
  snprintf(why, cap, "passed, and line %d of %s says it fails: %s", r->line, t->o->xfail,
           r->reason);
  return FRTI_SURPRISE;
}

static void count(frti_cell_t *c, char verdict) {
  if (verdict == FRTI_PASS) ++c->passed;
  else if (verdict == FRTI_DECLINED) ++c->declined;
  else if (verdict == FRTI_EXPECTED) ++c->expected;
  else ++c->failed;
}

void frti_tally_verdict(frti_tally_t *t, const char *op, const char *name, uint32_t dtype,
                        char verdict, const char *why, double worst) {
  frti_row_t *row = frti_tally_row(t, op, 1);
  char text[FRTI_TEXT + 200];
  snprintf(text, sizeof text, "%s", why);
  verdict = foretold(t, op, name, verdict, text, sizeof text);
  if (row) {
    count(&row->all, verdict);
    if (dtype < 32) count(&row->by[dtype], verdict);
    if (dtype < 32) row->by[dtype].worst = fmax(row->by[dtype].worst, worst);
    if (worst > row->all.worst) {
      row->all.worst = worst;
      snprintf(row->worst_in, sizeof row->worst_in, "%s", name);
    }
  }
  if (verdict == FRTI_PASS) ++t->passed;
  else if (verdict == FRTI_DECLINED) ++t->declined;
  else if (verdict == FRTI_EXPECTED) ++t->expected;
  else ++t->failed;
  if (verdict != FRTI_PASS || t->o->junit) remember(t, op, name, verdict, text);
  if (verdict != FRTI_PASS) tell(t, op, name, verdict, text);
}

void frti_tally_speed(frti_tally_t *t, const frti_speed_t *s) {
  void *all = t->speeds;
  if (!grow(&all, t->n_speeds, &t->cap_speeds, sizeof *t->speeds)) return;
  t->speeds = all;
  t->speeds[t->n_speeds++] = *s;
}

/* ---- sums ------------------------------------------------------------------------------ */

int frti_tally_counts(const frti_tally_t *t, const frti_row_t *row) {
  return row->is_op && (!t->o->ops || !fnmatch(t->o->ops, row->op, 0));
}

frti_totals_t frti_tally_totals(const frti_tally_t *t) {
  frti_totals_t sum = {0};
  for (uint32_t i = 0; i < t->n_rows; ++i) {
    const frti_row_t *row = &t->rows[i];
    if (!frti_tally_counts(t, row)) continue;
    if (row->claimed) ++sum.claimed; else ++sum.unclaimed;
    if (row->all.failed) ++sum.wrong; else if (row->all.declined) ++sum.declined;
    if (!row->has_cases) ++sum.without;
    sum.untested += (uint32_t)__builtin_popcount(row->untested);
  }
  return sum;
}

const char *frti_cell_state(const frti_tally_t *t, const frti_row_t *row,
                            uint32_t d) {
  const frti_cell_t *c = &row->by[d];
  const int claimed = (row->claimed & FRT_DTYPE_BIT(d)) != 0;
  if (!claimed && !c->failed) return NULL;
  if (c->failed || c->expected) return "wrong";
  if (c->passed && c->declined) return "partly";
  if (c->passed) return t->o->mode == FRTI_SUPPORT ? "claimed" : "verified";
  return c->declined ? "declined" : "untested";
}
