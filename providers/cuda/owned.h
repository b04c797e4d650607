/* Host memory that a prepared kernel owns: the first member of its state is a pointer to it,
 * and its row says FRT_GPU_OWNS. Freed with the kernel. */
#ifndef FRT_CUDA_OWNED_H
#define FRT_CUDA_OWNED_H

#include "fluidrt/kernel.h"

enum { FRT_GPU_OWNS = 1 << 30 }; /* ours, not shown to the host */

static inline frt_status_t frt_gpu_own(const frt_op_t *op, size_t bytes, void **out,
                                       frt_error_t *err) {
  *out = op->host->mem_alloc(op->host->ctx, bytes ? bytes : 1, 16);
  if (*out) return FRT_OK;
  return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for a kernel");
}
static inline void frt_gpu_disown(frt_prepared_t *k) {
  if (!k || !(k->row->flags & FRT_GPU_OWNS)) return;
  void *owned = *(void **)FRT_PREPARED_STATE(k);
  if (owned) k->host->mem_free(k->host->ctx, owned);
}

#endif
