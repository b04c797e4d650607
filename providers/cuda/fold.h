/* Reductions of a tensor over some of its dims. Pieces are folded first, of a size that the
 * shape alone decides, then the pieces of each output in order: the same bits in every run. */
#ifndef FRT_CUDA_FOLD_H
#define FRT_CUDA_FOLD_H

#include "team.h"

/* Element k of what is folded into output o lies at keep(o) + gone(k). */
typedef struct frt_gpu_fold {
  frt_gpu_walk_t keep, gone;
  int64_t piece, pieces;
  int by_block; /* a block a piece, else a thread */
} frt_gpu_fold_t;

enum { FRT_GPU_PIECE = 4096 };

/* Over dims with row-major steps, `gone` says which are folded. Adds to *workspace. */
static inline void frt_gpu_fold_plan(frt_gpu_fold_t *f, uint32_t rank, const int64_t *dims,
                                     const int *gone, uint64_t *workspace) {
  int64_t k_dims[FRT_GPU_DIMS], k_steps[FRT_GPU_DIMS], g_dims[FRT_GPU_DIMS];
  int64_t g_steps[FRT_GPU_DIMS], steps[FRT_GPU_DIMS], step = 1;
  uint32_t k = 0, g = 0;
  for (uint32_t d = rank; d-- > 0; step *= dims[d]) steps[d] = step;
  for (uint32_t d = 0; d < rank; ++d) {
    if (gone[d]) g_dims[g] = dims[d], g_steps[g++] = steps[d];
    else k_dims[k] = dims[d], k_steps[k++] = steps[d];
  }
  f->keep = frt_gpu_walk_of(k, k_dims, k_steps);
  f->gone = frt_gpu_walk_of(g, g_dims, g_steps);
  /* Threads next to each other shall read what lies next to each other. */
  f->by_block = f->gone.n > 32 && f->gone.rank && f->gone.steps[f->gone.rank - 1] == 1;
  f->piece = f->by_block ? (int64_t)FRT_GPU_PIECE : f->gone.n / 256 > 64 ? f->gone.n / 256 : 64;
  if (f->piece > f->gone.n) f->piece = f->gone.n ? f->gone.n : 1;
  f->pieces = f->gone.n ? (f->gone.n + f->piece - 1) / f->piece : 1;
  if (f->pieces > 1) *workspace += 8 * (uint64_t)f->pieces * (uint64_t)f->keep.n;
}

/* Piece p of output o, as row o + p * outputs. */
template <class Op, class V, class Get, class Put> struct frt_gpu_fold_pieces {
  frt_gpu_fold_t plan;
  V *parts;
  Op op;
  Get get;
  Put put;
  template <class Team> FRT_GPU_FN void operator()(Team team, int64_t row) const {
    const int64_t o = row % plan.keep.n, p = row / plan.keep.n;
    const int64_t lo = p * plan.piece, base = frt_gpu_at(plan.keep, o);
    const int64_t left = plan.gone.n - lo, n = left < plan.piece ? left : plan.piece;
    V v = op.none();
    FRT_GPU_ROLLED
    for (int64_t k = team.first(); k < n; k += team.step())
      v = op.join(v, (V)get(base + frt_gpu_at(plan.gone, lo + k)));
    v = team.fold(op, v);
    if (!team.leads()) return;
    if (plan.pieces == 1) put(o, v);
    else parts[row] = v;
  }
};
template <class Op, class V, class Put>
FRT_GPU_KERNEL frt_gpu_fold_rest(int64_t outputs, int64_t pieces, const V *parts, Op op,
                                 Put put) {
  FRT_GPU_ROLLED
  for (int64_t o = frt_gpu_block(); o < outputs; o += frt_gpu_blocks()) {
    V v = op.none();
    FRT_GPU_ROLLED
    for (int64_t p = frt_gpu_thread(); p < pieces; p += FRT_GPU_BLOCK)
      v = op.join(v, parts[o + p * outputs]);
    v = frt_gpu_block_fold(op, v);
    if (frt_gpu_thread() == 0) put(o, v);
  }
}

/* put(o, fold of get(where each element lies)); `parts` is the workspace planned for. */
template <class Op, class Get, class Put>
static frt_status_t frt_gpu_reduce(const frt_run_t *r, const frt_gpu_fold_t *plan, void *parts,
                                   Op op, Get get, Put put, frt_error_t *err) {
  typedef decltype(op.none()) V;
  const frt_gpu_fold_pieces<Op, V, Get, Put> first = {*plan, (V *)parts, op, get, put};
  const int64_t outputs = plan->keep.n, pieces = plan->pieces;
  const V *sums = (const V *)parts;
  FRT_TRY(frt_gpu_rows(r, outputs * pieces, plan->by_block ? 65 : 1, first, err));
  if (pieces == 1 || outputs == 0) return FRT_OK;
  FRT_LAUNCH(frt_gpu_fold_rest, frt_gpu_grid(outputs, 1), FRT_GPU_BLOCK, FRT_GPU_QUEUE(r),
             outputs, pieces, sums, op, put);
  return frt_gpu_launched(err);
}

#endif
