/* Recorded cases rebuilt in C. */
#ifndef FRONTEND_H
#define FRONTEND_H

#include "fluidrt/builder.h"
#include "fluidrt/layers.h"
#include "fluidrt/layers_more.h"
#include "fluidrt/train.h"

/* *extra (NULL at first): a further program, one reference; extra may be NULL. */
typedef frt_status_t (*case_build_t)(frt_builder_t *b, int variant, frt_program_t **extra,
                                     frt_error_t *err);

/* A recorded case and the function that builds it. */
typedef struct frontend_case {
  const char *name;
  int32_t seed; /* program.random_seed of both programs */
  case_build_t build;
  int variant;
  const char *extra; /* the recorded file of the further program */
} frontend_case_t;

/* Tables end in {0}. */
extern const frontend_case_t cases_lars[], cases_optimizers[], cases_schedules[],
    cases_layers[], cases_prune[], cases_clip[], cases_more[], cases_norm[],
    cases_image[];

/* Whether two programs are the same graph: blocks, ops in order, slots, names, attributes
 * with values (op_callstack, an empty op_device and the order of attributes aside; names
 * that a sub-block reads and writes as sets),
 * variables by name with kind, dtype, shape, persistable. The first difference goes to
 * `text`. */
int same_graph(const frt_program_t *got, const frt_program_t *want, char *text,
               size_t cap);

#endif
