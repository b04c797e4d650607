/* Scripts of recorded imperative cases: what a step can name, and what is observed. The
 * language is told in tests/golden/README.md. */
#ifndef FRTI_SCRIPT_H
#define FRTI_SCRIPT_H

#include "case.h"

typedef enum frti_cli_item_kind {
  ITEM_VARIABLE, ITEM_LAYER, ITEM_SCHEDULE, ITEM_OPTIMIZER, ITEM_PROGRAM, ITEM_MINIMIZED
} frti_cli_item_kind_t;

/* What a step made under a name. */
typedef struct frti_cli_item {
  const char *name; /* lent by json */
  frti_cli_item_kind_t kind;
  frt_var_t var;
  frt_linear_t layer;
  frt_lr_decay_t *schedule;
  frt_optimizer_t *optimizer;
  frt_program_t *program;
  frt_minimized_t minimized;
} frti_cli_item_t;

typedef struct frti_cli_script {
  frti_cli_case_runner_t *r;
  const char *places;
  const frt_executor_options_t *options;
  frt_imperative_t *im;
  frti_cli_item_t *items;
  size_t n_items;
  const char *error; /* kind of the last step's error; NULL: none, or not expressible */
  bool skipped;      /* the last step cannot be said in C */
  json_t *got;       /* key: number, string, list; true: an array that was judged */
  char place[48];    /* "script step 12" */
} frti_cli_script_t;

/* The item of that name and kind; an error names it. */
frt_status_t frti_cli_script_item(const frti_cli_script_t *s, const char *name,
    frti_cli_item_kind_t kind, frti_cli_item_t **out, frt_error_t *err);
/* "x", or "fc.weight". */
frt_status_t frti_cli_script_var(const frti_cli_script_t *s, const char *name,
    frt_var_t *out, frt_error_t *err);
/* The text in a field of a step; "" if there is none. */
const char *frti_cli_script_text(const json_t *step, const char *field);

/* script_make.c: schedule and optimizer, whose arguments are tables. */
frt_status_t frti_cli_script_schedule(
    frti_cli_script_t *s, const json_t *step, frt_lr_decay_t **out, frt_error_t *err);
frt_status_t frti_cli_script_optimizer(
    frti_cli_script_t *s, const json_t *step, frt_optimizer_t **out, frt_error_t *err);

/* script_record.c: what a record step sees; at the end, all records against the case. */
frt_status_t frti_cli_script_record(
    frti_cli_script_t *s, const json_t *step, frt_error_t *err);
void frti_cli_script_judge(frti_cli_script_t *s);

#endif
