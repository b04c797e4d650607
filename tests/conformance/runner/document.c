/* The report as a document: JSON with everything, JUnit for CI, written so that a reader
 * never sees half a file. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "runner/tally.h"

enum { FORMAT = 2 };

/* ---- files ---------------------------------------------------------------------------- */

int frti_write_file(const char *path, const char *text) {
  const size_t n = strlen(path) + 32;
  char *side = malloc(n);
  FILE *f;
  int code = 0;
  if (!side) return ENOMEM;
  snprintf(side, n, "%s.tmp%ld", path, (long)getpid());
  f = fopen(side, "w");
  if (!f) {
    code = errno;
  } else {
    if (fputs(text, f) < 0 || fflush(f) || fsync(fileno(f))) code = errno ? errno : EIO;
    if (fclose(f) && !code) code = errno;
    if (!code && rename(side, path)) code = errno;
    if (code) unlink(side);
  }
  free(side);
  return code;
}

void frti_file_hash(const char *path, char to[17]) {
  FILE *f = path[0] ? fopen(path, "rb") : NULL;
  XXH3_state_t *state = f ? XXH3_createState() : NULL;
  char block[16384];
  size_t n;
  to[0] = 0;
  if (state && XXH3_64bits_reset(state) == XXH_OK) {
    while ((n = fread(block, 1, sizeof block, f)) > 0) XXH3_64bits_update(state, block, n);
    if (!ferror(f))
      snprintf(to, 17, "%016llx", (unsigned long long)XXH3_64bits_digest(state));
  }
  XXH3_freeState(state);
  if (f) fclose(f);
}

/* ---- JSON ----------------------------------------------------------------------------- */

static json_t *number(double v) { return isfinite(v) ? json_real(v) : json_null(); }
static json_t *whole(uint64_t v) { return json_integer((json_int_t)v); }
/* What is no UTF-8 (a message of a stranger's) becomes question marks. */
static json_t *text(const char *s) {
  json_t *j = json_string(s);
  char *plain = j ? NULL : strdup(s);
  for (char *c = plain; c && *c; ++c)
    if ((unsigned char)*c > 126) *c = '?';
  if (plain) j = json_string(plain);
  free(plain);
  return j;
}

static json_t *about_provider(const frti_facts_t *f) {
  char hash[17];
  frti_file_hash(f->path, hash);
  return json_pack("{s:o, s:o, s:o, s:o, s:s, s:{s:i, s:i}, s:o}", "name", text(f->name),
                   "version", text(f->version), "description", text(f->description), "file",
                   text(f->path), "xxh3", hash, "abi", "major", (int)FRT_ABI_MAJOR, "minor",
                   (int)f->abi_minor, "device", text(f->device));
}

static json_t *about_cell(const frti_cell_t *c, const char *state) {
  return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "state", state, "passed",
                   whole(c->passed), "failed", whole(c->failed), "expected",
                   whole(c->expected), "declined", whole(c->declined), "worst",
                   number(c->worst));
}

static json_t *about_op(const frti_tally_t *t, const frti_row_t *row) {
  json_t *dtypes = json_object();
  const frti_cell_t *c = &row->all;
  for (uint32_t d = 0; d < 32; ++d)
    if (frti_cell_state(t, row, d))
      json_object_set_new(dtypes, frt_dtype_name(d),
                          about_cell(&row->by[d], frti_cell_state(t, row, d)));
  return json_pack("{s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "op", row->op,
                   "claimed", row->claimed != 0, "own", row->own, "passed",
                   whole(c->passed), "failed", whole(c->failed), "expected",
                   whole(c->expected), "declined", whole(c->declined), "worst",
                   number(c->worst), "worst_in", text(row->worst_in), "dtypes", dtypes);
}

static const char *verdict_name(char v) {
  return v == FRTI_DECLINED ? "declined" : v == FRTI_EXPECTED ? "expected"
         : v == FRTI_SURPRISE ? "unexpected_pass" : "failed";
}

static json_t *about_found(const frti_tally_t *t) {
  json_t *all = json_array();
  char line[512];
  for (uint32_t i = 0; i < t->n_found; ++i) {
    const frti_found_t *f = &t->found[i];
    if (f->verdict == FRTI_PASS) continue;
    json_array_append_new(all, json_pack("{s:o, s:o, s:s, s:o, s:o}", "op", text(f->op),
        "case", text(f->name), "verdict", verdict_name(f->verdict), "why", text(f->why),
        "repeat", text(frti_repeat(t->o, f->op, f->name, line, sizeof line))));
  }
  return all;
}

static json_t *about_xfails(const frti_xfail_t *x) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < x->n; ++i) {
    const frti_xfail_rule_t *r = &x->rules[i];
    json_array_append_new(all, json_pack("{s:o, s:o, s:i, s:b, s:o, s:o}", "pattern",
        text(r->pattern), "reason", text(r->reason), "until", r->until, "expired",
        r->expired, "failed", whole(r->failed), "passed", whole(r->passed)));
  }
  return all;
}

static json_t *about_speeds(const frti_tally_t *t) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < t->n_speeds; ++i) {
    const frti_speed_t *s = &t->speeds[i];
    json_array_append_new(all, json_pack("{s:s, s:s, s:f, s:f, s:f, s:f}", "op", s->op,
        "case", s->name, "seconds", s->seconds, "spread", s->spread, "flops", s->flops,
        "bytes", s->bytes));
  }
  return all;
}

json_t *frti_document(const frti_tally_t *t, int passes) {
  const frti_totals_t sum = frti_tally_totals(t);
  const frti_options_t *o = t->o;
  json_t *ops = json_array(), *root;
  for (uint32_t i = 0; i < t->n_rows; ++i) {
    const frti_row_t *row = &t->rows[i];
    if (frti_tally_counts(t, row) &&
        (row->claimed || row->all.passed || row->all.failed || row->all.declined))
      json_array_append_new(ops, about_op(t, row));
  }
  root = json_pack("{s:i, s:s, s:{s:i, s:s}, s:o, s:s, s:s, s:o, s:o, s:o, s:b}",
      "format", FORMAT, "kind", "fluidrt conformance", "suite", "version",
      (int)FRT_CASE_VERSION, "hash", frti_suite_hash, "provider", about_provider(&t->facts),
      "level", frti_level_names[o->level], "mode", frti_mode_names[o->mode], "seed",
      whole(o->seed), "seeds", whole(o->seeds), "ops_glob",
      o->ops ? text(o->ops) : json_null(), "passes", passes);
  if (!root) return NULL;
  json_object_set_new(root, "counts", json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
      "passed", whole(t->passed), "failed", whole(t->failed), "expected",
      whole(t->expected), "declined", whole(t->declined), "ops_claimed",
      whole(sum.claimed), "ops_wrong", whole(sum.wrong), "ops_declined",
      whole(sum.declined), "ops_unclaimed", whole(sum.unclaimed), "ops_without_cases",
      whole(sum.without), "dtypes_untested", whole(sum.untested)));
  json_object_set_new(root, "xfails", about_xfails(&t->xfail));
  json_object_set_new(root, "cases", about_found(t));
  json_object_set_new(root, "ops", ops);
  if (t->n_speeds) json_object_set_new(root, "speeds", about_speeds(t));
  if (t->programs) json_object_set(root, "programs", t->programs);
  return root;
}

/* ---- JUnit ---------------------------------------------------------------------------- */

typedef struct page { char *text; size_t n, cap; int bad; } page_t;

static void put(page_t *p, const char *s, size_t n) {
  if (p->n + n + 1 > p->cap) {
    const size_t cap = 2 * (p->n + n + 1024);
    char *grown = realloc(p->text, cap);
    if (!grown) {
      p->bad = 1;
      return;
    }
    p->text = grown;
    p->cap = cap;
  }
  memcpy(p->text + p->n, s, n);
  p->n += n;
  p->text[p->n] = 0;
}

static void say(page_t *p, const char *s) { put(p, s, strlen(s)); }

/* An attribute's value: the five that XML wants escaped, and nothing that is no ASCII. */
static void quoted(page_t *p, const char *key, const char *s) {
  say(p, " ");
  say(p, key);
  say(p, "=\"");
  for (; *s; ++s) {
    const char c = (unsigned char)*s < 32 || (unsigned char)*s > 126 ? '?' : *s;
    if (c == '&') say(p, "&amp;");
    else if (c == '<') say(p, "&lt;");
    else if (c == '>') say(p, "&gt;");
    else if (c == '"') say(p, "&quot;");
    else if (c == '\'') say(p, "&apos;");
    else put(p, &c, 1);
  }
  say(p, "\"");
}

static void count_attribute(page_t *p, const char *key, uint64_t n) {
  char digits[32];
  snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
  quoted(p, key, digits);
}

static void one_case(page_t *p, const frti_tally_t *t, const frti_found_t *f) {
  char name[256], line[512];
  const int skipped = f->verdict == FRTI_DECLINED || f->verdict == FRTI_EXPECTED;
  snprintf(name, sizeof name, "%s.%s", t->facts.name, f->op);
  say(p, "  <testcase");
  quoted(p, "classname", name);
  quoted(p, "name", f->name);
  if (f->verdict == FRTI_PASS) {
    say(p, "/>\n");
    return;
  }
  say(p, skipped ? "><skipped" : "><failure");
  quoted(p, "message", f->why);
  if (!skipped)
    quoted(p, "type", frti_repeat(t->o, f->op, f->name, line, sizeof line));
  say(p, "/></testcase>\n");
}

char *frti_junit(const frti_tally_t *t) {
  page_t p = {0};
  char name[160];
  snprintf(name, sizeof name, "fluidrt conform %s", t->facts.name);
  say(&p, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n <testsuite");
  quoted(&p, "name", name);
  count_attribute(&p, "tests", t->n_found);
  count_attribute(&p, "failures", t->failed);
  count_attribute(&p, "skipped", t->declined + t->expected);
  say(&p, ">\n");
  for (uint32_t i = 0; i < t->n_found; ++i) one_case(&p, t, &t->found[i]);
  say(&p, " </testsuite>\n</testsuites>\n");
  if (!p.bad) return p.text;
  free(p.text);
  return NULL;
}
