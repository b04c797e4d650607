/* Sums, extremes and products over any set of axes, in double and in an order that the shape
 * alone decides. Used by the reduce ops and by gradients of repeated operands. */
#ifndef FRT_CPU_REDUCE_H
#define FRT_CPU_REDUCE_H

#include "fluidrt/kernel.h"

enum { FRT_CPU_SUM = 0, FRT_CPU_MAX = 1, FRT_CPU_MIN = 2, FRT_CPU_PROD = 3 };

/* Loops after joining neighbours: over what stays, over what goes, and the last one
 * (dense), which is of either kind. */
typedef struct frt_cpu_reduce {
  int32_t what, whole, last_goes;
  int32_t n_kept, n_gone;
  int64_t kept_n[FRT_MAX_RANK], kept_s[FRT_MAX_RANK];
  int64_t gone_n[FRT_MAX_RANK], gone_s[FRT_MAX_RANK];
  int64_t last, kept, gone; /* kept, gone: products of the outer loops */
  int64_t numel, outputs, strips, blocks, block;
} frt_cpu_reduce_t;

/* goes: bit d set when axis d is reduced. Adds to *workspace what a run wants. */
void frt_cpu_reduce_make(frt_cpu_reduce_t *p, int what, uint32_t rank,
                         const int64_t *dims, uint32_t goes, uint64_t *workspace);
/* out = (float)(result / divisor). */
void frt_cpu_reduce_run(const frt_cpu_reduce_t *p, const frt_run_t *r, const float *x,
                        float *out, void *workspace, double divisor);

#endif
