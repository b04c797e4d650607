/* What Fluid's Python writes into an op beside what the layer says. The rows' text is
 * explained in op_defaults.py. */
#ifndef FRTI_TRAIN_OP_DEFAULTS_H
#define FRTI_TRAIN_OP_DEFAULTS_H

#include <stddef.h>

typedef struct frti_op_default {
  const char *type;
  const char *inputs, *outputs; /* "X Y?" */
  const char *attrs;            /* "axis:i=-1 dim:I=0 value:f!" */
} frti_op_default_t;

extern const frti_op_default_t frti_op_defaults[]; /* sorted by type */
extern const size_t frti_n_op_defaults;

#endif
