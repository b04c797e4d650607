/* What the files of imperative mode share. The guard owns a builder, a scope and an
 * executor; block 0 of the builder's main program is the trace: the graph so far, and the
 * variables that outlive it, which are its persistable ones. Values are in the scope. */
#ifndef FRTI_IMPERATIVE_GUARD_H
#define FRTI_IMPERATIVE_GUARD_H

#include "fluidrt/imperative.h"
#include "train/optimizer.h"
#include "train/train.h"

#define FRTI_GRAD_SUFFIX "@GRAD"

/* Programs of one or several ops of the trace, by what they are: a loop that repeats
 * finds each of its ops here, and with it the executor's plan. */
typedef struct frti_segments {
  frti_arena_t arena;
  frti_names_t keys;
  frt_program_t **programs; /* by a key's id */
  size_t cap;
  frti_str_t key; /* the one being written */
} frti_segments_t;

struct frt_imperative {
  frt_runtime_t *rt; /* the executor holds it */
  frt_executor_t *exe;
  frt_scope_t *scope;
  frt_builder_t *b;
  frt_program_t *trace; /* lent by the builder */
  frti_live_t live;
  frti_segments_t segments;
  size_t n_dropped;     /* variables that go with the graph */
  frt_tensor_t *number; /* float32 [1], so that a rate can be put back without memory */
  uint64_t n_linear, n_embedding; /* made so far */
  /* One more than the graph in which a name of a temporary was last used; 0: it has no
   * value. What a graph does not use of the one before it is given back. */
  frti_arena_t seen_arena;
  frti_names_t seen;
  uint64_t *last;
  size_t last_cap;
  uint64_t graph; /* the number of this one */
};

/* ---- graph.c: what the trace holds ---------------------------------------------------- */

/* Drops the ops, and the temporaries too unless they are to be readable still. */
frt_status_t frti_graph_renew(frt_imperative_t *im, bool temporaries, frt_error_t *err);
/* frti_live_t.enter */
void frti_graph_enter(void *im);
/* Where the trace stands, and back to there. */
typedef struct frti_mark { uint32_t n_ops, n_vars; } frti_mark_t;
frti_mark_t frti_graph_mark(const frt_imperative_t *im);

/* ---- segment.c: running what is in the trace ------------------------------------------ */

/* A name in the scope: temporaries have it without the graph's tag. */
const char *frti_scope_name(const frti_var_t *v);
/* Ops [from, to) of block 0 of `p`. keep_all: what they write can be read later; else only
 * persistable variables can. once: the program will not come again. */
frt_status_t frti_segment_run(frt_imperative_t *im, const frt_program_t *p, uint32_t from,
                              uint32_t to, bool keep_all, bool once, frt_error_t *err);
/* frti_live_t.run */
frt_status_t frti_segment_run_op(void *im, frt_program_t *p, uint32_t op, frt_error_t *err);
/* What was appended to the trace since `mark`, which is then taken back. */
frt_status_t frti_segment_run_since(frt_imperative_t *im, frti_mark_t mark,
                                    frt_error_t *err);
void frti_segments_release(frti_segments_t *s);

/* ---- variables.c ------------------------------------------------------------------------ */

/* The variable behind a handle. */
frt_status_t frti_variable(frt_imperative_t *im, frt_var_t v, const frti_var_t **out,
                           frt_error_t *err);
/* The gradient's variable of one that outlives graphs; NULL: it has none. */
const frti_var_t *frti_gradient_of(const frt_imperative_t *im, const char *name);
/* What is in a [1] variable of the scope. */
frt_status_t frti_read_number(frt_imperative_t *im, const char *name, double *out,
                              frt_error_t *err);
/* Fills a [1] variable of the trace. */
frt_status_t frti_write_number(frt_imperative_t *im, const char *name, double value,
                               frt_error_t *err);

/* ---- update.c, gradients.c: frti_live_t's methods of optimizers -------------------------- */

frt_status_t frti_live_minimize(void *im, frt_optimizer_t *o, frt_var_t loss,
                                frt_minimized_t *out, frt_error_t *err);
frt_status_t frti_live_clear_gradients(void *im, frt_optimizer_t *o, frt_error_t *err);
frt_status_t frti_live_set_lr(void *im, frt_optimizer_t *o, double value, frt_error_t *err);
frt_status_t frti_live_bind_lr(void *im, frt_optimizer_t *o, frt_var_t value,
                               frt_error_t *err);
frt_status_t frti_live_current_lr(void *im, frt_optimizer_t *o, double *out,
                                  frt_error_t *err);

/* ---- lr_decay.c ---------------------------------------------------------------------------- */

/* The rate at the current position, which stays. */
frt_status_t frti_lr_decay_value(frt_lr_decay_t *d, double *out, frt_error_t *err);
/* After a minimize. */
void frti_lr_decay_advance(frt_lr_decay_t *d);
int64_t frti_lr_decay_position(const frt_lr_decay_t *d);
bool frti_lr_decay_by_epochs(const frt_lr_decay_t *d);

#endif
