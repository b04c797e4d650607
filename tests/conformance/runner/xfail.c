/* Failures that are known: a file of patterns with a reason and, if wanted, a last day. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <time.h>

#include "runner/tally.h"

int frti_today(void) {
  const time_t now = time(NULL);
  struct tm day;
  if (!gmtime_r(&now, &day)) return 0;
  return (day.tm_year + 1900) * 10000 + (day.tm_mon + 1) * 100 + day.tm_mday;
}

/* "2027-01-31" at the start of `text`; 0: no date. */
static int date_of(const char *text) {
  int y, m, d, used = 0;
  if (sscanf(text, "%4d-%2d-%2d%n", &y, &m, &d, &used) != 3 || used != 10) return 0;
  return y > 0 && m >= 1 && m <= 12 && d >= 1 && d <= 31 ? y * 10000 + m * 100 + d : 0;
}

static char *word(char **at) {
  char *start = *at + strspn(*at, " \t"), *end = start + strcspn(start, " \t");
  *at = *end ? end + 1 : end;
  *end = 0;
  return start;
}

/* What is wrong with the line, NULL if nothing is. */
static const char *parse(char *line, int today, frti_xfail_rule_t *r) {
  char *at = line, *rest;
  r->pattern = word(&at);
  rest = at + strspn(at, " \t");
  if (!strncmp(rest, "until ", 6)) {
    at = rest + 6;
    r->until = date_of(word(&at));
    if (!r->until) return "wanted a day after 'until', as 2027-01-31";
    rest = at + strspn(at, " \t");
  }
  r->reason = rest;
  r->expired = r->until && r->until < today;
  return *rest ? NULL : "wanted PATTERN [until YYYY-MM-DD] REASON; there is no reason";
}

static int add(frti_xfail_t *x, const frti_xfail_rule_t *r) {
  frti_xfail_rule_t *all = realloc(x->rules, (x->n + 1) * sizeof *all);
  if (!all) return 0;
  x->rules = all;
  all[x->n] = *r;
  all[x->n].pattern = strdup(r->pattern);
  all[x->n].reason = strdup(r->reason);
  ++x->n;
  return all[x->n - 1].pattern && all[x->n - 1].reason;
}

int frti_xfail_read(const char *path, int today, frti_xfail_t *out, char *why, size_t cap) {
  FILE *f = fopen(path, "r");
  char *line = NULL;
  size_t room = 0;
  int code = 0;
  if (!f) {
    snprintf(why, cap, "%s: %s", path, strerror(errno));
    return errno;
  }
  for (int n = 1; !code && getline(&line, &room, f) >= 0; ++n) {
    frti_xfail_rule_t r = {.line = n};
    const char *bad;
    line[strcspn(line, "#\r\n")] = 0;
    if (!line[strspn(line, " \t")]) continue;
    bad = parse(line, today, &r);
    if (!bad && !add(out, &r)) bad = "out of memory";
    if (!bad) continue;
    snprintf(why, cap, "%s:%d: %s", path, n, bad);
    code = -1;
  }
  if (!code && ferror(f)) {
    snprintf(why, cap, "%s: it cannot be read to its end", path);
    code = EIO;
  }
  free(line);
  fclose(f);
  return code;
}

frti_xfail_rule_t *frti_xfail_find(frti_xfail_t *x, const char *op, const char *name) {
  char id[320];
  snprintf(id, sizeof id, "%s/%.*s", op, (int)strcspn(name, "@"), name);
  for (uint32_t i = 0; i < x->n; ++i) {
    frti_xfail_rule_t *r = &x->rules[i];
    const char *subject = strchr(r->pattern, '/') ? id : op;
    if (!r->expired && !fnmatch(r->pattern, subject, 0)) return r;
  }
  return NULL;
}

void frti_xfail_release(frti_xfail_t *x) {
  for (uint32_t i = 0; i < x->n; ++i) {
    free(x->rules[i].pattern);
    free(x->rules[i].reason);
  }
  free(x->rules);
}
