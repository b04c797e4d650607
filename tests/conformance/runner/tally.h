/* What a run has found so far: verdicts by op and dtype, and what did not pass. Filled by
 * the process that loads no provider. */
#ifndef FRTI_CONFORM_TALLY_H
#define FRTI_CONFORM_TALLY_H

#include <jansson.h>

#include "runner/runner.h"

/* ---- xfail.c: failures that are expected ------------------------------------------ */

typedef struct frti_xfail_rule {
  char *pattern, *reason; /* a glob over "op" or "op/case:sizes/dtype" */
  int until;              /* its last day, yyyymmdd; 0: for ever */
  int line, expired;
  uint32_t failed, passed; /* cases that it was asked about */
} frti_xfail_rule_t;
typedef struct frti_xfail { frti_xfail_rule_t *rules; uint32_t n; } frti_xfail_t;

/* Lines "PATTERN [until YYYY-MM-DD] REASON", '#' begins a comment. today: yyyymmdd.
 * 0, or errno, or -1 for a line that is none; both with a text. */
int frti_xfail_read(const char *path, int today, frti_xfail_t *out, char *why, size_t cap);
/* The first rule for this case; NULL: none that is in force. */
frti_xfail_rule_t *frti_xfail_find(frti_xfail_t *x, const char *op, const char *name);
int frti_today(void);
void frti_xfail_release(frti_xfail_t *x);

/* ---- tally.c ----------------------------------------------------------------------- */

/* EXPECTED: it failed as foretold. SURPRISE: it passed although it was to fail. */
enum { FRTI_EXPECTED = 'X', FRTI_SURPRISE = 'U' };

typedef struct frti_cell {
  uint32_t passed, failed, declined, expected;
  double worst; /* largest share of a bound */
} frti_cell_t;

typedef struct frti_row { /* an op, or "provider" */
  char op[64];
  int is_op, own, has_cases;
  uint32_t claimed, untested; /* dtypes of the key slot, as bits */
  frti_cell_t all, by[32];
  char worst_in[128];
} frti_row_t;

typedef struct frti_found {
  char *op, *name, *why; /* name: "case:sizes/dtype@seed" */
  char verdict;
} frti_found_t;

typedef struct frti_speed { /* --mode perf: one op */
  char op[64], name[128];
  double seconds, spread, flops, bytes; /* median, half the interquartile range */
} frti_speed_t;

typedef struct frti_facts { /* of the provider, as its worker told */
  char name[96], version[64], description[160], path[512], device[128];
  uint32_t abi_minor;
} frti_facts_t;

typedef struct frti_tally {
  const frti_options_t *o;
  frti_facts_t facts;
  frti_row_t *rows;
  uint32_t n_rows, cap_rows;
  frti_found_t *found;
  uint32_t n_found, cap_found;
  frti_speed_t *speeds;
  uint32_t n_speeds, cap_speeds;
  frti_xfail_t xfail;
  uint64_t passed, failed, declined, expected;
  json_t *programs; /* --mode train: what each program said */
} frti_tally_t;

int frti_tally_open(frti_tally_t *t, const frti_options_t *o); /* 0: out of memory */
void frti_tally_close(frti_tally_t *t);
/* The row of that name; made if `make`; NULL: none, or out of memory. */
frti_row_t *frti_tally_row(frti_tally_t *t, const char *op, int make);
/* A verdict of a worker about case `name` of `op`. dtype 32: of none. */
void frti_tally_verdict(frti_tally_t *t, const char *op, const char *name, uint32_t dtype,
                        char verdict, const char *why, double worst);
void frti_tally_speed(frti_tally_t *t, const frti_speed_t *s);

typedef struct frti_totals { uint32_t claimed, wrong, declined, unclaimed, without, untested; }
    frti_totals_t;
frti_totals_t frti_tally_totals(const frti_tally_t *t);
/* What is said of an op and dtype: "verified", "wrong", ...; NULL: nothing to say. */
const char *frti_cell_state(const frti_tally_t *t, const frti_row_t *row,
                            uint32_t dtype);
/* 1 if this row belongs to what was asked for. */
int frti_tally_counts(const frti_tally_t *t, const frti_row_t *row);

/* ---- score.c, document.c: what is printed and written ------------------------------- */

void frti_score_print(const frti_tally_t *t, int format, FILE *to);
void frti_speed_print(const frti_tally_t *t, int format, FILE *to);
void frti_speed_end(const frti_tally_t *t, FILE *to); /* launches, copies */
/* Compares with a report written before; what is slower beyond noise is a failure. 0, or
 * the exit status for a report that cannot be compared with. */
int frti_speed_compare(frti_tally_t *t, const char *path, FILE *to);
/* The whole report; yours. */
json_t *frti_document(const frti_tally_t *t, int passes);
/* To the side, synced, renamed. 0, or errno. */
int frti_write_file(const char *path, const char *text);
/* The failures, or all cases, as JUnit XML; for free(). */
char *frti_junit(const frti_tally_t *t);
/* "fluidrt conform PROVIDER --replay ..." of a case; returns `to`. */
char *frti_repeat(const frti_options_t *o, const char *op, const char *name, char *to,
                  size_t cap);
/* XXH3 of a file as 16 hex digits; "" if it cannot be read. */
void frti_file_hash(const char *path, char to[17]);
extern const char frti_suite_hash[]; /* of the sources of cases and judgement */

#endif
