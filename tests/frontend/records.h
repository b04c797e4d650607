/* What Fluid's front end refuses or does at its borders, record by record, and what we
 * answer. A pin runs something of the same meaning; where C cannot say the same, it says
 * why. */
#ifndef FRONTEND_RECORDS_H
#define FRONTEND_RECORDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fluidrt/executor.h"
#include "fluidrt/inference.h"
#include "fluidrt/layers.h"
#include "fluidrt/train.h"

/* x [-1, 2] (checked), unchecked [-1, 2] (layers.data), label [-1, 1], which nothing reads
 * but a side branch; fc 3 tanh, fc 2, mean. Not minimized yet. */
typedef struct rig {
  frt_builder_t *b;
  frt_runtime_t *rt;
  frt_executor_t *exe;
  frt_scope_t *scope;
  frt_var_t x, unchecked, label, side, out, loss;
  frt_optimizer_t *optimizer;
  frt_minimized_t minimized;
  frt_tensor_t *x_data, *label_data;
  frt_error_t err;
} rig_t;

typedef enum pin_kind {
  SAME,    /* refused where Fluid refuses, accepted where it accepts */
  DIFFERS, /* the other way round, on purpose: `why` */
  DIFFERS_IN_RESULT, /* refused or accepted alike, with another result: `why` */
  NO_WORDS /* C's types cannot say it: `why` */
} pin_kind_t;

typedef struct pin {
  const char *record;
  pin_kind_t kind;
  frt_status_t (*run)(rig_t *r); /* the answer; message in r->err */
  frt_status_t status;           /* expected */
  const char *message;           /* expected; NULL with FRT_OK */
  const char *why;
} pin_t;

/* End in {0}. */
extern const pin_t pins_executor_errors[], pins_executor_forms[], pins_minimize_forms[],
    pins_static_mode_errors[];

#define MUST(call)                                                                   \
  do {                                                                               \
    if ((call) != FRT_OK) fail_msg("%s: %s", #call, r->err.message);                 \
  } while (0)

/* minimize by LarsMomentum, then the startup program. */
void rig_train(rig_t *r, const frt_optimizer_options_t *more);
/* One run of the main program with x fed. */
frt_status_t rig_run(rig_t *r, const frt_fetch_t *fetch, size_t n, frt_tensor_t **out,
                     int use_prune);

#endif
