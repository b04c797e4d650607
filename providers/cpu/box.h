/* Moving a box of elements from one layout to another: slices, transposes, frames,
 * repetitions, parts of a whole. Elements are bytes of a size; nothing is computed. */
#ifndef FRT_CPU_BOX_H
#define FRT_CPU_BOX_H

#include "fluidrt/kernel.h"

enum { FRT_CPU_BOX_RANK = 2 * FRT_MAX_RANK };

/* Loops after joining neighbours, outermost first; steps count elements. from 0: one
 * element is repeated. */
typedef struct frt_cpu_box {
  int32_t rank, size; /* size: bytes of an element */
  int32_t turned;     /* the last two loops are a transposition */
  int64_t n[FRT_CPU_BOX_RANK], from[FRT_CPU_BOX_RANK], to[FRT_CPU_BOX_RANK];
  int64_t rows, numel; /* rows: product of all loops but the last */
} frt_cpu_box_t;

/* rank <= FRT_CPU_BOX_RANK loops. */
void frt_cpu_box_make(frt_cpu_box_t *b, size_t size, uint32_t rank, const int64_t *n,
                      const int64_t *from, const int64_t *to);
/* The buffers do not overlap. */
void frt_cpu_box_run(const frt_cpu_box_t *b, const frt_run_t *r, const void *from,
                     void *to);

/* Row-major steps. */
static inline void frt_cpu_steps(uint32_t rank, const int64_t *dims, int64_t *steps) {
  int64_t step = 1;
  for (uint32_t d = rank; d-- > 0; step *= dims[d]) steps[d] = step;
}

#endif
