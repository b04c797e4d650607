/* The end of a run on devices that are late. */
#include "runtime/stages.h"

frt_status_t frti_op_failed(const frti_node_t *n, frt_status_t status,
                            frt_error_t *err) {
  char type[sizeof err->op_type];
  if (err && err->phase == FRT_PHASE_PROVIDER && !strncmp(err->message, "block ", 6))
    return status; /* a breach of the contract has its place already */
  if (err && err->block >= 0 && err->op_type[0] && strncmp(err->message, "block ", 6)) {
    memcpy(type, err->op_type, sizeof type);
    return frti_error_at(err, status, FRT_PHASE_RUN, err->block, err->op, type);
  }
  if (status != frti_known_status(status))
    frt_fail(err, FRT_INTERNAL, "the kernel returned status %d, which there is not",
             (int)status);
  return n ? frti_node_error(n, status, FRT_PHASE_RUN, err)
           : frti_error_phase(err, status, FRT_PHASE_RUN);
}

frt_status_t frti_finish_queues(frt_executor_t *exe, frt_status_t status,
                                frt_error_t *err) {
  for (uint32_t i = 0; i < exe->n_places; ++i) {
    frti_device_t *d = exe->places[i].device;
    if (!(d->flags & FRT_DEVICE_ASYNC)) continue;
    frt_error_t late = FRT_ERROR_INIT;
    const frt_status_t after =
        frti_device_said(d, frti_place_sync(&exe->places[i], &late));
    if (after == FRT_OK || status != FRT_OK) continue;
    if (err) *err = late;
    status = frti_op_failed(NULL, after, err);
  }
  return status;
}
