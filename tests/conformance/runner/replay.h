/* A program, op by op: each op is run alone on its recorded inputs and judged by the
 * bound of its type; then the provider's own outputs are what the next op gets. */
#ifndef FRTI_CONFORM_REPLAY_H
#define FRTI_CONFORM_REPLAY_H

#include "fluidrt/executor.h"
#include "fluidrt/program.h"
#include "runner/runner.h"

/* ---- variables.c: host tensors by block and name --------------------------------- */

typedef struct frti_variable {
  char *name;
  int32_t block;   /* the block that declares it; FRTI_LASTING: a persistable */
  int persistable; /* of a declaration */
  int skipped;     /* a block that was not run would have written it */
  frt_tensor_t *t; /* NULL: no value yet */
} frti_variable_t;
enum { FRTI_LASTING = -1 };

typedef struct frti_variables {
  frti_variable_t *all;
  uint32_t n, cap;
  uint32_t *index; /* 1 + position, 0: free */
  uint32_t index_cap;
} frti_variables_t;

frti_variable_t *frti_variable_find(const frti_variables_t *v, int32_t block,
                                    const char *name);
/* Finds or makes it; NULL: out of memory. Moves what find returned before. */
frti_variable_t *frti_variable_get(frti_variables_t *v, int32_t block, const char *name);
void frti_variables_release(frti_variables_t *v);

/* ---- replay.c ---------------------------------------------------------------------- */

typedef struct frti_progress { /* shared with the watching process */
  char now[256];               /* the op that is being run */
  uint64_t beats, passed, failed;
} frti_progress_t;

typedef struct frti_replay frti_replay_t;
frt_status_t frti_replay_open(const frti_options_t *o, frti_progress_t *progress,
                              frti_replay_t **out, frt_error_t *err);
void frti_replay_close(frti_replay_t *r);
/* The runtime that the provider and the reference are loaded in; lent. */
frt_runtime_t *frti_replay_runtime(frti_replay_t *r);
/* A scope by name ("" is the default one), made at first use; *fresh says so. NULL: out
 * of memory. */
frti_variables_t *frti_replay_scope(frti_replay_t *r, const char *name, int *fresh);
/* Gives a persistable a value. */
frt_status_t frti_replay_set(frti_variables_t *scope, const char *name, frt_tensor_t *t,
                             frt_error_t *err);

typedef struct frti_replay_run {
  const char *name;             /* of the program: "main" */
  const char *when;             /* "step 2" */
  const frt_program_t *loaded;  /* the program that op numbers refer to */
  const frt_program_t *program; /* what is run: `loaded`, or it pruned */
  const uint32_t *kept;         /* block 0: numbers in `loaded`; NULL: the same */
  const frt_feed_t *feeds;
  size_t n_feeds;
} frti_replay_run_t;
/* Walks block 0 once. A failure that ends the walk is counted and kept, no error. */
frt_status_t frti_replay_run(frti_replay_t *r, frti_variables_t *scope,
                             const frti_replay_run_t *run, frt_error_t *err);
/* Asks about the ops that no run reached, prints everything; the exit status. */
int frti_replay_report(frti_replay_t *r);

/* ---- guard.c ------------------------------------------------------------------------- */

/* Runs `fn` in a child that may crash or hang; returns its exit status. end: what it had
 * counted; NULL: the counts are printed after a crash. */
int frti_guarded(int (*fn)(void *ctx, frti_progress_t *progress), void *ctx,
                 frti_progress_t *end);
/* A child says it is alive; from here it has that many seconds more of CPU time. */
void frti_set_cpu_limit(uint32_t seconds);

/* ---- inside ---------------------------------------------------------------------------- */

enum { FRTI_ASKED_NOT, FRTI_CLAIMED, FRTI_UNCLAIMED };
typedef struct frti_replay_program { /* the ops of one program, as they were loaded */
  char name[64];
  const frt_program_t *p;
  uint8_t **answer; /* per block, per op: FRTI_CLAIMED ... */
} frti_replay_program_t;

typedef struct frti_replay_row { /* one op type */
  uint32_t runs, passed, failed, declined;
  double worst;
  char where[160];
} frti_replay_row_t;

typedef struct frti_replay_note { char *text; uint32_t times; } frti_replay_note_t;
typedef struct frti_replay_notes { frti_replay_note_t *all; uint32_t n, cap; } frti_replay_notes_t;

struct frti_replay {
  frti_options_t o;
  frti_bench_t b;
  frti_progress_t *progress;
  struct { char name[64]; frti_variables_t v; } scopes[8];
  uint32_t n_scopes;
  frti_replay_program_t programs[8];
  uint32_t n_programs, n_runs;
  frti_replay_row_t *rows; /* one per op of the registry */
  frti_replay_notes_t failures, unclaimed;
  uint64_t passed, failed;
};

/* The walk over one program. */
typedef struct frti_walk {
  frti_replay_t *r;
  const frti_replay_run_t *run;
  frti_replay_program_t *record;
  frti_variables_t *scope, declared, local;
} frti_walk_t;

/* Where a variable seen from `block` lives; NULL: nowhere yet (make 0), or out of memory. */
frti_variable_t *frti_walk_variable(frti_walk_t *w, int32_t block, const char *name, int make);
/* bind.c: op `index` of `block` with its inputs as they are now. declared: shapes are
 * the declared ones instead, there are no values. */
frt_status_t frti_probe_of_op(frti_walk_t *w, int32_t block, uint32_t index, int declared,
                              frti_probe_t *p, frt_error_t *err);
/* The variable behind tensor i of the inputs (outputs: side 1). */
const char *frti_probe_name(const frti_walk_t *w, const frti_probe_t *p, int32_t block,
                            uint32_t index, int side, uint32_t i);
/* The op type of row i. */
const char *frti_replay_op(size_t i);
/* report.c */
void frti_note(frti_replay_notes_t *to, const char *text);
void frti_replay_ask(frti_walk_t *w, int32_t block, uint32_t index, int verdict,
                     const char *type, const char *why);

#endif
