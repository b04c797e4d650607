/* Runs what a builder made, on the reference provider. */
#ifndef UNIT_TRAIN_LIVE_H
#define UNIT_TRAIN_LIVE_H

#include <string.h>

#include "fluidrt/executor.h"
#include "net.h"

typedef struct live {
  frt_runtime_t *rt;
  frt_executor_t *exe;
  frt_scope_t *scope;
} live_t;

/* Runs the builder's startup program in a new scope. */
static inline void live_open(live_t *l, frt_builder_t *b, frt_error_t *err) {
  memset(l, 0, sizeof *l);
  assert_int_equal(FRT_OK, frt_runtime_create(NULL, &l->rt, err));
  assert_int_equal(FRT_OK, frt_executor_create(l->rt, "reference", NULL, &l->exe, err));
  assert_int_equal(FRT_OK, frt_scope_create(l->rt, &l->scope, err));
  if (frt_program_n_ops(frt_builder_startup(b), 0))
    assert_int_equal(FRT_OK, frt_executor_run(l->exe, frt_builder_startup(b), l->scope,
                                              NULL, 0, NULL, 0, NULL, NULL, err));
}

static inline void live_close(live_t *l) {
  frt_scope_release(l->scope);
  frt_executor_release(l->exe);
  frt_runtime_release(l->rt);
}

/* One run; up to cap elements of the fetched variable go to `to` as double. Returns how
 * many it has. */
static inline size_t live_run(live_t *l, const frt_program_t *p, const frt_feed_t *feed,
                              size_t n_feed, const char *name, double *to, size_t cap,
                              frt_error_t *err) {
  const frt_fetch_t fetch = {.var = name};
  frt_tensor_t *out = NULL;
  const frt_status_t status = frt_executor_run(l->exe, p, l->scope, feed, n_feed, &fetch,
                                               1, &out, NULL, err);
  if (status != FRT_OK) fail_msg("%s: %s", name, err->message);
  const size_t n = (size_t)frt_tensor_numel(out);
  const void *data = frt_tensor_data(out);
  for (size_t i = 0; i < n && i < cap; ++i)
    to[i] = frt_tensor_dtype(out) == FRT_F64 ? ((const double *)data)[i]
                                             : (double)((const float *)data)[i];
  frt_tensor_release(out);
  return n;
}

#endif
