/* Inside `mutant`: what a defect is, and the call that it distorts. */
#ifndef FRT_MUTANT_H
#define FRT_MUTANT_H

#include "fluidrt/provider.h"

enum { MUTANT_MAX_SLOTS = 32, MUTANT_MAX_ATTRS = 64, MUTANT_MAX_LIST = 64 };

typedef struct defect defect_t;

typedef struct mutant {
  const frt_api_host_t *host;
  const frt_api_provider_t *base;
  const defect_t *defect; /* NULL: none */
} mutant_t;

struct frt_prepared {
  const mutant_t *m;
  frt_prepared_t *base;
  int on; /* the defect is one of this op */
  _Atomic uint32_t count, *runs; /* of this kernel; runs: &count */
  uint64_t workspace;
  double decay; /* attribute lars_weight_decay, where there is one */
};

/* One op_run on its way to the base: inputs may be exchanged, outputs were saved. */
typedef struct call {
  const frt_prepared_t *k;
  const defect_t *d;
  frt_api_run_t run; /* `in` is the array below */
  frt_api_slot_t in[MUTANT_MAX_SLOTS];
  const frt_api_tensor_t *list[MUTANT_MAX_LIST]; /* of the slot that was exchanged */
  frt_api_tensor_t fresh;
  void *saved; /* the target's bytes before the run */
} call_t;

/* All are optional. `where` names a slot or an attribute, NULL the first; `value` is what
 * the functions say. */
struct defect {
  const char *name, *op;
  /* After the base answered. */
  void (*ask)(const defect_t *d, const frt_api_op_t *op, int has_dev, frt_api_support_t *s);
  /* Before the base prepares: attributes may be changed, they are a copy. */
  frt_status_t (*ready)(const defect_t *d, const frt_api_op_t *op, frt_api_attr_t *attrs,
                        uint64_t *more_workspace, frt_error_t *err);
  frt_status_t (*before)(call_t *c, frt_error_t *err);
  void (*after)(call_t *c);
  /* Changes a row of the kernel table; 0: the row goes. */
  int (*claim)(const defect_t *d, frt_api_kernel_decl_t *row);
  /* Changes the provider's functions; p's devices and queues are the base's. */
  void (*table)(const mutant_t *m, frt_api_provider_t *p);
  const char *base; /* the provider that it is a defect of; NULL: cpu */
  const char *where;
  double value;
};

/* How many ops run now (provider.c). */
extern _Atomic int frt_mutant_running;

extern const defect_t frt_mutant_defects[]; /* the last one has no name */

#endif
