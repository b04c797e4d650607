/* Recorded cases: reading, running, judging. Used by `verify` and `train --compare`.
 * The format is told in tests/golden/README.md. */
#ifndef FRTI_CASE_H
#define FRTI_CASE_H

#include "cli.h"

typedef struct frti_cli_tolerance {
  double rtol, atol_of_max, atol_floor;
  double atol; /* at least this much is allowed anywhere */
} frti_cli_tolerance_t;

typedef struct frti_cli_verdict {
  double share;    /* of the tolerance, at the worst element; inf: not comparable */
  uint64_t differ; /* elements that are not equal bit for bit */
  char why[256];   /* "" = passed; else element, got, want */
} frti_cli_verdict_t;

/* got against want: dtype, shape, then every element. */
void frti_cli_judge(const frt_tensor_t *got, const frt_tensor_t *want,
    const frti_cli_tolerance_t *tolerance, frti_cli_verdict_t *v);
/* The same by units in the last place (float32; other types must be equal). */
void frti_cli_judge_ulp(const frt_tensor_t *got, const frt_tensor_t *want, uint32_t ulp,
    frti_cli_verdict_t *v);

typedef struct frti_cli_case_program {
  const char *name;
  frt_program_t *program;
} frti_cli_case_program_t;

typedef struct frti_cli_case {
  frti_cli_files_t *files;
  json_t *json;
  const char *name, *kind; /* lent by json */
  frti_cli_case_program_t *programs;
  size_t n_programs;
  frti_cli_tolerance_t tolerance;
  char *skip; /* why the case is not run; NULL: it is */
} frti_cli_case_t;

/* Opens a folder or a zip. Errors: NOT_FOUND, DATA_LOSS what is missing or broken. */
frt_status_t frti_cli_case_open(const char *path, frti_cli_case_t *out, frt_error_t *err);
void frti_cli_case_close(frti_cli_case_t *c);
bool frti_cli_case_imperative(const frti_cli_case_t *c);
frt_program_t *frti_cli_case_program(const frti_cli_case_t *c, const char *name);

/* Gives the executor for the next run, of the program of this name. */
typedef frt_executor_t *(*frti_cli_choose_t)(void *ctx, const char *program);

typedef struct frti_cli_case_result {
  frti_cli_list_t failures;
  double worst;    /* largest share of a tolerance */
  char where[256]; /* the tensor it is in */
  uint64_t runs, tensors;
  uint64_t normal, normal_differ; /* elements of normally distributed start values */
  const char *on_purpose;         /* the case's text, if something was left out */
  char left_out[96];
} frti_cli_case_result_t;

void frti_cli_case_run(const frti_cli_case_t *c, frt_runtime_t *rt,
    frti_cli_choose_t choose, void *ctx, frti_cli_case_result_t *out);
/* A case of kind dygraph: its script, each guard on these places (script.c). */
void frti_cli_case_script(const frti_cli_case_t *c, frt_runtime_t *rt, const char *places,
    const frt_executor_options_t *options, frti_cli_case_result_t *out);
void frti_cli_case_result_release(frti_cli_case_result_t *r);

/* How a case is run once per op (case_force.c): `places` is the list, `to` the place in
 * it that each op in turn is forced to, `plain` the executor of the other programs. */
typedef struct frti_cli_force {
  const frti_cli_t *cli;
  const char *places, *to;
  frt_executor_t *plain;
  void (*beat)(void *ctx, const char *what); /* before each run; may be NULL */
  void *ctx;
} frti_cli_force_t;
/* *forced: runs made; *moved: those in which the op really ran elsewhere. Returns the
 * exit status of what was no verdict about the case. */
int frti_cli_case_force(const frti_cli_force_t *how, const frti_cli_case_t *c,
    frt_runtime_t *rt, frti_cli_case_result_t *sum, uint64_t *forced, uint64_t *moved);

/* What case_run.c and case_start.c share. */
typedef struct frti_cli_case_runner {
  const frti_cli_case_t *c;
  frt_runtime_t *rt;
  frti_cli_choose_t choose;
  void *ctx;
  frti_cli_case_result_t *out;
} frti_cli_case_runner_t;

/* Notes a failure: "place: text". */
void frti_cli_case_failed(
    frti_cli_case_runner_t *r, const char *place, const char *fmt, ...) FRT_PRINTF(3, 4);
/* Notes what was judged at `place` about variable `name`. */
void frti_cli_case_judged(frti_cli_case_runner_t *r, const char *place, const char *name,
    const frti_cli_verdict_t *v);
/* The tolerance of a variable: the case's, loosened by per_variable. */
frti_cli_tolerance_t frti_cli_case_tolerance(const frti_cli_case_t *c, const char *name);
/* A recorded tensor, DIR/V.npy; a failure is noted. */
frt_tensor_t *frti_cli_case_tensor(
    frti_cli_case_runner_t *r, const char *place, const char *dir, const char *name);
/* A new scope as the case starts: the startup program was run and compared with init/,
 * or init/ or the parameters were loaded. NULL after a failure that ends the case. */
frt_scope_t *frti_cli_case_start(frti_cli_case_runner_t *r, bool compare);

#endif
