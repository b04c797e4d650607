/* A report of a plan: facts gathered once, told as text and as JSON. */
#ifndef FRTI_RUNTIME_EXPLAIN_H
#define FRTI_RUNTIME_EXPLAIN_H

#include "runtime/stages.h"

typedef struct frti_share { uint32_t ops; double cost, us; } frti_share_t;

typedef struct frti_report {
  frti_plan_t *p;
  frti_share_t all, by_place[FRTI_MAX_PLACES];
  frti_node_t **falls; /* ops that do not run on the first place, the dearest first */
  uint32_t n_falls;
  uint64_t persistables[FRTI_MAX_SPACES]; /* bytes */
  struct { uint32_t run, dead, fused, fusions, runtime, unplaced; } counts;
} frti_report_t;

frt_status_t frti_report_make(frti_plan_t *p, frti_report_t *out, frt_error_t *err);
void frti_report_text(frti_str_t *s, const frti_report_t *r);
void frti_report_json(frti_str_t *s, const frti_report_t *r);
/* The fallbacks alone, a line each. */
void frti_report_falls(frti_str_t *s, const frti_report_t *r);

/* ---- words (explain_facts.c) ---------------------------------------------------------- */

const char *frti_reason_text(int32_t reason);
/* "virtual:1"; "host" for host memory. */
const char *frti_space_label(const frti_plan_t *p, uint32_t space);
const char *frti_state_text(const frti_node_t *n);
const char *frti_place_text(const frti_plan_t *p, const frti_node_t *n);
/* Why a candidate was not taken; "" for the one that was. */
void frti_candidate_text(const frti_plan_t *p, const frti_node_t *n,
                         const frti_candidate_t *c, char *to, size_t cap);
/* What place `label` said of `n`: "no: ..."; "" if it was not asked or was taken. */
const char *frti_why_not(const frti_plan_t *p, const frti_node_t *n, const char *label,
                         char *to, size_t cap);
/* Why a copy is: what one of its two ops was told by the place of the other. */
const char *frti_copy_reason(const frti_plan_t *p, const frti_copy_t *c, char *to, size_t cap);
/* Whether a persistable crosses between memories each run. */
bool frti_ping_pong(const frti_plan_t *p, const frti_value_t *v);
/* Whether op `op` of the loaded block 0 is in the plan. */
bool frti_op_kept(const frti_plan_t *p, uint32_t op);
/* The place that `n` runs on, also for one that is part of a fusion; NULL: none. */
const frti_place_t *frti_run_place(const frti_plan_t *p, const frti_node_t *n);
double frti_percent(double part, double all);

/* Every op of the loaded program, in order; a fusion is told as its parts. */
typedef void (*frti_row_fn)(frti_str_t *s, const frti_report_t *r, const frti_node_t *n,
                            int depth);
void frti_walk_rows(frti_str_t *s, const frti_report_t *r, const frti_list_t *list, int depth,
                    frti_row_fn row);

#endif
