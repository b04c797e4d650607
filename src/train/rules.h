/* The update rules as data: what an optimizer keeps per parameter and which op, slots and
 * attributes it writes. */
#ifndef FRTI_TRAIN_RULES_H
#define FRTI_TRAIN_RULES_H

#include "train/train.h"

/* An accumulator: <param>_<name>_0, like the parameter or [1]. */
typedef struct frti_acc {
  const char *name, *in, *out; /* out NULL: the op does not write it */
  double (*start)(const frt_optimizer_options_t *o); /* NULL: 0 */
  bool scalar;
  const char *device;
} frti_acc_t;

typedef struct frti_hyper {
  const char *attr;
  double (*value)(const frt_optimizer_options_t *o);
  bool integer; /* boolean attributes */
} frti_hyper_t;

typedef struct frti_rule {
  const char *op, *class_name;
  bool no_rate;       /* adadelta has no LearningRate */
  bool needs_momentum;
  double rate; /* the default learning rate; 0: it has to be given */
  frti_acc_t accs[5];
  frti_hyper_t hypers[6];
  const char *finish; /* accumulator that a scale op multiplies at the end */
  const char *finish_scope;
  double (*finish_by)(const frt_optimizer_options_t *o);
} frti_rule_t;

const frti_rule_t *frti_rule(frt_optimizer_kind_t kind); /* NULL: no such kind */

#endif
