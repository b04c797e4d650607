/* Imperative mode, as far as the front end knows of it: calls that src/imperative answers.
 * A builder with one of these runs ops as they are appended. */
#ifndef FRTI_TRAIN_LIVE_H
#define FRTI_TRAIN_LIVE_H

#include <stdbool.h>

#include "fluidrt/builder.h"
#include "fluidrt/train.h"

typedef struct frti_live {
  void *im;
  bool ended;      /* the graph was used up by a backward; its values can still be read */
  int quiet;       /* > 0: who appends ops to the main program runs them */
  const char *tag; /* begins the names of this graph's temporaries */
  /* A call that builds has begun: a new graph if the last one has ended; without memory
   * for that it stays ended. Start values that were drawn are forgotten. */
  void (*enter)(void *im);
  /* Runs op `op` of block 0 of main or startup. */
  frt_status_t (*run)(void *im, frt_program_t *p, uint32_t op, frt_error_t *err);
  /* Methods of optimizers. */
  frt_status_t (*minimize)(void *im, frt_optimizer_t *o, frt_var_t loss,
                           frt_minimized_t *out, frt_error_t *err);
  frt_status_t (*clear_gradients)(void *im, frt_optimizer_t *o, frt_error_t *err);
  frt_status_t (*set_lr)(void *im, frt_optimizer_t *o, double value, frt_error_t *err);
  frt_status_t (*bind_lr)(void *im, frt_optimizer_t *o, frt_var_t value, frt_error_t *err);
  frt_status_t (*current_lr)(void *im, frt_optimizer_t *o, double *out, frt_error_t *err);
} frti_live_t;

#endif
