/* The pieces of append_backward. Names are interned in the builder, so that equal names
 * are equal pointers and facts about them sit in an array by id. */
#ifndef FRTI_TRAIN_BACKWARD_H
#define FRTI_TRAIN_BACKWARD_H

#include "train/train.h"

#define FRTI_GRAD "@GRAD"
#define FRTI_EMPTY "@EMPTY@"

typedef struct frti_gslot {
  const char *slot;
  uint32_t n;
  const char **names;
} frti_gslot_t;

/* A gradient op before it is written. Slots in name order. */
typedef struct frti_gop {
  const char *type;
  const frti_op_t *like; /* attributes are copied from this op; NULL: none */
  frt_attr_info_t own[3];
  uint32_t n_own, n_in, n_out;
  frti_gslot_t in[FRT_MAX_SLOTS], out[FRT_MAX_SLOTS];
} frti_gop_t;

typedef struct frti_fact {
  bool no_grad;          /* no gradient flows into this variable */
  bool no_grad_name;     /* this gradient's name is one nobody may produce */
  bool needed;           /* the loss depends on it */
  bool reaches;          /* a gradient that a second backward came to */
  bool touched;          /* seen while producers were counted */
  const char *forward;   /* of a gradient: the variable it belongs to */
  const char *renamed;   /* what a second backward calls it */
  const char **producers; /* names of the partial gradients so far */
  uint32_t n_producers, first_op, count;
  bool made;             /* declared by this backward */
  bool given;            /* of a sub-block: a gradient that comes from outside */
} frti_fact_t;

typedef struct frti_backward {
  frt_builder_t *b;
  frt_program_t *p;
  int32_t times; /* 1: the program's first */
  int32_t block, to; /* whose ops are differentiated, where gradient ops go */
  const char *const *no_grad; /* the caller's set */
  size_t n_no_grad;
  const char *loss; /* NULL: of a sub-block, whose gradients come from outside */
  frti_arena_t arena;
  frti_fact_t *facts;
  size_t n_facts;
  uint32_t *path; /* ops the loss depends on, last first */
  size_t n_path, path_cap;
  frti_gop_t **ops;
  size_t n_ops, ops_cap;
  const char **order; /* gradients in the order they were first touched */
  size_t n_order, order_cap;
  frt_error_t *err;
} frti_backward_t;

/* The facts of a name; NULL: out of memory. Moves when a new name is asked for. */
frti_fact_t *frti_fact(frti_backward_t *w, const char *interned);
bool frti_is_gradient(const char *name); /* "@GRAD" occurs in it */
/* "x@GRAD", interned. */
const char *frti_grad_name(frti_backward_t *w, const char *name);
/* The variable behind "grad/grad/x@GRAD@RENAME@block0@1": "x". */
const char *frti_strip_grad(frti_backward_t *w, const char *name);

/* Which ops the needed variables depend on, and where gradients stop. */
frt_status_t frti_backward_path(frti_backward_t *w);
/* Their gradient ops, summed, cut and written to w->to. */
frt_status_t frti_backward_ops(frti_backward_t *w);
void frti_backward_release(frti_backward_t *w);
/* The gradient op of a conditional_block, with a block of its own (backward_block.c). */
frt_status_t frti_make_conditional(frti_backward_t *w, const frti_op_t *op,
                                   uint32_t index);
/* A gradient op to be filled, last in w->ops; a slot of it, in name order. */
frti_gop_t *frti_gop(frti_backward_t *w, const char *type, const frti_op_t *like);
frti_gslot_t *frti_gop_slot(frti_gslot_t *slots, uint32_t *n, const char *name);
/* Room for n names; the forward op's slot as it is. false: out of memory. */
bool frti_gop_reserve(frti_backward_t *w, frti_gslot_t *to, uint32_t n);
bool frti_gop_copy(frti_backward_t *w, const frti_slot_t *from, frti_gslot_t *to);
/* Appends the gradient ops of one forward op to w->ops. */
frt_status_t frti_make_grad(frti_backward_t *w, const frti_op_t *op, uint32_t index);
/* Sums gradients that have several producers. */
frt_status_t frti_sum_producers(frti_backward_t *w);
/* Drops gradient ops whose results or whose inputs nobody may have. */
frt_status_t frti_drop_branches(frti_backward_t *w);

#endif
