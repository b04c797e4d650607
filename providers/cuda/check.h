/* Values that index: they are all looked at before anything is written. */
#ifndef FRT_CUDA_CHECK_H
#define FRT_CUDA_CHECK_H

#include "team.h"

/* What a kernel keeps to report a value; `slot` and `wanted` go into the message. */
typedef struct frt_gpu_check {
  int32_t block, op;
  char type[48], slot[16], wanted[64];
} frt_gpu_check_t;

/* Reserves the cell that the check and the kernels behind it share. First of all that a
 * kernel asks of its workspace. */
enum { FRT_GPU_CELL = 64 };
static inline void frt_gpu_check_plan(frt_gpu_check_t *c, const frt_op_t *op,
                                      const char *slot, uint64_t *workspace) {
  c->block = op->block;
  c->op = op->index;
  snprintf(c->type, sizeof c->type, "%s", op->type);
  snprintf(c->slot, sizeof c->slot, "%s", slot);
  *workspace += FRT_GPU_CELL;
}
static inline void frt_gpu_check_range(frt_gpu_check_t *c, int64_t n, const char *more) {
  snprintf(c->wanted, sizeof c->wanted, "wanted 0 to %lld%s", (long long)n - 1, more);
}
#define FRT_GPU_STOP(r) ((const int64_t *)(r)->workspace)
#define FRT_GPU_AFTER_CELL(r) ((void *)((char *)(r)->workspace + FRT_GPU_CELL))

static FRT_GPU_FN inline void frt_gpu_text(char *to, const char *from, int n) {
  FRT_GPU_ROLLED
  for (int i = 0; i < n; ++i) to[i] = from[i];
}

/* One block: the first bad position, -1 for none, into *stop. */
template <class Bad, class Value>
FRT_GPU_KERNEL frt_gpu_check_kernel(int64_t *stop, int64_t n, Bad bad, Value value,
                                    frt_gpu_fault_t *fault, frt_gpu_check_t c) {
  int64_t first = INT64_MAX;
  FRT_GPU_ROLLED
  for (int64_t i = frt_gpu_thread(); i < n && first == INT64_MAX; i += FRT_GPU_BLOCK)
    if (bad(i)) first = i;
  first = frt_gpu_block_fold(frt_gpu_imin(), first);
  if (frt_gpu_thread()) return;
  *stop = first == INT64_MAX ? -1 : first;
  if (*stop < 0 || fault->set) return;
  fault->block = c.block;
  fault->op = c.op;
  fault->position = first;
  fault->value = value(first);
  frt_gpu_text(fault->type, c.type, sizeof c.type);
  frt_gpu_text(fault->slot, c.slot, sizeof c.slot);
  frt_gpu_text(fault->wanted, c.wanted, sizeof c.wanted);
  fault->set = 1;
}

/* Records the first i in [0, n) for which bad(i), and stops the kernels that are given
 * FRT_GPU_STOP(r). */
template <class Bad, class Value>
static frt_status_t frt_gpu_look(const frt_run_t *r, const frt_gpu_check_t *c, int64_t n,
                                  Bad bad, Value value, frt_error_t *err) {
  frt_queue_t *q = FRT_GPU_QUEUE(r);
  int64_t *stop = (int64_t *)r->workspace;
  FRT_LAUNCH(frt_gpu_check_kernel, 1, FRT_GPU_BLOCK, q, stop, n, bad, value, q->fault, *c);
  return frt_gpu_launched(err);
}

/* The same for indices: each in [0, limit), or equal to `ignored` when that is meant. */
static inline frt_status_t frt_gpu_check_ids(const frt_run_t *r, const frt_gpu_check_t *c,
                                             const frt_api_tensor_t *t, int64_t limit,
                                             int ignores, int64_t ignored, frt_error_t *err) {
  const int wide = frt_gpu_wide(t);
  const void *ids = t->data;
  return frt_gpu_look(
      r, c, t->numel,
      [=] FRT_GPU_FN(int64_t i) -> bool {
        const int64_t v = frt_gpu_int(ids, wide, i);
        return !(v >= 0 && v < limit) && !(ignores && v == ignored);
      },
      [=] FRT_GPU_FN(int64_t i) -> int64_t { return frt_gpu_int(ids, wide, i); }, err);
}

#endif
