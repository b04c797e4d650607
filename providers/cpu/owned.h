/* Rows whose prepared state keeps a list of the op's: its first member points to one
 * block of host memory, which the provider frees when the kernel is released. */
#ifndef FRT_CPU_OWNED_H
#define FRT_CPU_OWNED_H

#include "fluidrt/kernel.h"

/* A private flag of a row; never shown to the host. */
enum { FRT_CPU_OWNS = 1 << 16 };

static inline frt_status_t frt_cpu_own(const frt_op_t *op, size_t bytes, void **out,
                                       frt_error_t *err) {
  *out = op->host->mem_alloc(op->host->ctx, bytes ? bytes : 1, 64);
  if (*out) return FRT_OK;
  return frt_fail(err, FRT_RESOURCE_EXHAUSTED, "no memory for %zu bytes of a kernel", bytes);
}

static inline void frt_cpu_owned_release(frt_prepared_t *k) {
  void *owned;
  if (!k || !(k->row->flags & (uint32_t)FRT_CPU_OWNS)) return;
  memcpy(&owned, FRT_PREPARED_STATE(k), sizeof owned);
  if (owned) k->host->mem_free(k->host->ctx, owned);
}

#endif
