/* The stages of a plan, each a file, and what they share. */
#ifndef FRTI_RUNTIME_STAGES_H
#define FRTI_RUNTIME_STAGES_H

#include "runtime/plan.h"

/* All stages. In explain mode unplaceable ops stay with place -2 and no kernel is
 * prepared. The scope must be entered. */
frt_status_t frti_plan_create(frt_executor_t *exe, const frti_plan_request_t *request,
                              frti_plan_t **out, frt_error_t *err);
void frti_plan_release(frti_plan_t *plan);

frt_status_t frti_plan_build(frti_plan_t *p, const frti_plan_request_t *request,
                             frt_error_t *err);
/* p->program without conditional_block_grad. */
frt_status_t frti_plan_lower(frti_plan_t *p, frt_error_t *err);
frt_status_t frti_plan_live(frti_plan_t *p, frt_error_t *err);
frt_status_t frti_plan_shape(frti_plan_t *p, frt_error_t *err);
frt_status_t frti_plan_place(frti_plan_t *p, frt_error_t *err);
frt_status_t frti_plan_fuse(frti_plan_t *p, frt_error_t *err);
frt_status_t frti_plan_alias(frti_plan_t *p, frt_error_t *err);
frt_status_t frti_plan_copy(frti_plan_t *p, frt_error_t *err);
frt_status_t frti_plan_memory(frti_plan_t *p, frt_error_t *err);
frt_status_t frti_plan_prepare(frti_plan_t *p, frt_error_t *err);
frt_status_t frti_plan_wait(frti_plan_t *p, frt_error_t *err);

/* Proves that the plan does what the program says: every read finds the value that was
 * last written, complete, and no two accesses of one piece of memory, one of them a write,
 * can happen at once. Errors: INTERNAL, naming both ops and the variable. */
frt_status_t frti_plan_verify(const frti_plan_t *p, frt_error_t *err);

/* ---- plan_cache.c ------------------------------------------------------------------- */

/* A cached plan for this request, the scope apart; NULL if there is none. */
frti_plan_t *frti_plan_match(const frt_executor_t *exe, const frti_plan_request_t *q);
/* A plan for this request and its scope, made if need be. `hint`: what frti_plan_match
 * found, or NULL. */
frt_status_t frti_plan_find(frt_executor_t *exe, const frti_plan_request_t *q,
                            frti_plan_t *hint, frti_plan_t **out, frt_error_t *err);

/* Looks for NaN and infinity in what `n` wrote (OUT_OF_RANGE) / in a fed tensor. */
frt_status_t frti_check_outputs(frt_executor_t *exe, const frti_node_t *n, frt_error_t *err);
/* Before an op that works in place runs, in what it reads: an update would spread what is
 * bad over what stays. */
frt_status_t frti_check_update(frt_executor_t *exe, const frti_node_t *n, frt_error_t *err);
frt_status_t frti_check_feed(const char *name, const frt_tensor_t *t, frt_error_t *err);

/* Runs an action's kernel and adds to its times (times.c). */
frt_status_t frti_run_timed(frt_executor_t *exe, frti_action_t *a, frt_error_t *err);
/* Tells of an action that began then and has been asked of its device (trace.c). */
frt_status_t frti_traced(frt_executor_t *exe, const frti_action_t *a, uint64_t began,
                         frt_error_t *err);
/* Runs a kernel under guard. Errors: INTERNAL (phase PROVIDER) a breach of the contract. */
frt_status_t frti_checked_run(frt_executor_t *exe, const frti_action_t *a, frt_error_t *err);

/* ---- queues.c ---------------------------------------------------------------------- */

/* Until the place has done all that it was asked; what failed late is said here. */
static inline frt_status_t frti_place_sync(const frti_place_t *place, frt_error_t *err) {
  return place->device->provider->api.queue_sync(place->queue, err);
}

/* Says where it failed. A queue reports late: the op that its error names failed, not the
 * one where it was noticed (`n`, or NULL). */
frt_status_t frti_op_failed(const frti_node_t *n, frt_status_t status, frt_error_t *err);
/* Waits for every queue, also after a failure: nothing that was asked of a device may still
 * be under way, or be reported, when the next run begins. The first failure counts. */
frt_status_t frti_finish_queues(frt_executor_t *exe, frt_status_t status,
                                frt_error_t *err);

/* ---- plan_touch.c ------------------------------------------------------------------- */

/* A piece of memory that an action reads or writes, in bytes of its space's arena, or of
 * `storage` where that has memory of its own. */
typedef struct frti_touch {
  const frti_storage_t *storage; /* NULL: a workspace */
  frti_value_t *value;           /* NULL: a workspace */
  uint32_t space;
  bool placed, write;
  uint64_t lo, hi;
} frti_touch_t;
typedef void (*frti_touched_fn)(void *ctx, const frti_touch_t *t);
/* Reads before writes. */
void frti_action_touches(const frti_plan_t *p, const frti_action_t *a, frti_touched_fn fn,
                         void *ctx);
void frti_tensor_touch(const frti_tensor_t *t, frti_value_t *value, bool write,
                       frti_touch_t *out);
bool frti_touch_overlap(const frti_touch_t *a, const frti_touch_t *b);

/* ---- shared by the stages --------------------------------------------------------- */

/* The value that `interned` names, seen from `block`; NULL if nothing declares it. */
frti_value_t *frti_plan_value(const frti_plan_t *p, int32_t block, const char *interned);
/* A new temporary that no program declares. */
frti_value_t *frti_plan_temp(frti_plan_t *p, const char *name, const frt_shape_t *shape);
/* Fills node->in/out: room for the arguments of node->bound. */
frt_status_t frti_node_slots(frti_plan_t *p, frti_node_t *n, int32_t scope_block,
                             frt_error_t *err);
frt_status_t frti_node_infer(frti_plan_t *p, frti_node_t *n, frt_error_t *err);
/* Makes node->api for a query: tensors without data. */
frt_status_t frti_node_api(frti_plan_t *p, frti_node_t *n, frt_error_t *err);
/* Asks a provider; dev may be NULL. */
frt_status_t frti_node_query(const frti_node_t *n, const frti_provider_t *provider,
    frt_dev_t *dev, frt_api_support_t *support, frt_error_t *err);
frt_status_t frti_node_error(const frti_node_t *n, frt_status_t status, frt_phase_t phase,
                             frt_error_t *err);
/* What a control op tests; NULL if it names nothing. */
frti_arg_t *frti_node_condition(const frti_node_t *n);
uint64_t frti_shape_bytes(const frt_shape_t *s);
int64_t frti_shape_numel(const frt_shape_t *s); /* -1 if a dim is unknown */
void frti_tensor_set(frti_tensor_t *t, const frt_shape_t *shape);
bool frti_shape_equal(const frt_shape_t *a, const frt_shape_t *b);
bool frti_list_add(frti_plan_t *p, frti_list_t *list, uint32_t *cap, frti_node_t *n);

/* Calls fn for every outer value that the body of `control` touches (write or read). */
typedef void (*frti_touch_fn)(void *ctx, frti_value_t *value, bool write);
void frti_body_touches(const frti_node_t *control, frti_touch_fn fn, void *ctx);

#endif
