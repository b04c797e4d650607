/* Rows, each worked on by a team: one thread where rows are short or many, a block where
 * they are long. The same code serves both; a team's sums have one fixed order. */
#ifndef FRT_CUDA_TEAM_H
#define FRT_CUDA_TEAM_H

#include "gpu.h"

/* ---- what can be folded ---------------------------------------------------------------- */

struct frt_gpu_sum {
  FRT_GPU_FN double none() const { return 0.0; }
  FRT_GPU_FN double join(double a, double b) const { return a + b; }
};
struct frt_gpu_imin {
  FRT_GPU_FN int64_t none() const { return INT64_MAX; }
  FRT_GPU_FN int64_t join(int64_t a, int64_t b) const { return b < a ? b : a; }
};
/* Any of the folds of an op, by number: one kernel serves them all. */
enum { FRT_GPU_SUM, FRT_GPU_MAX, FRT_GPU_MIN, FRT_GPU_PROD };
struct frt_gpu_any_real { /* NaN enters and stays */
  int kind;
  FRT_GPU_FN double none() const {
    return kind == FRT_GPU_SUM ? 0.0 : kind == FRT_GPU_PROD ? 1.0
         : kind == FRT_GPU_MAX ? -(double)INFINITY : (double)INFINITY;
  }
  FRT_GPU_FN double join(double a, double b) const {
    if (kind == FRT_GPU_SUM) return a + b;
    if (kind == FRT_GPU_PROD) return a * b;
    return b != b || (kind == FRT_GPU_MAX ? b > a : b < a) ? b : a;
  }
};
struct frt_gpu_any_int {
  int kind;
  FRT_GPU_FN int64_t none() const {
    return kind == FRT_GPU_SUM ? 0 : kind == FRT_GPU_PROD ? 1
         : kind == FRT_GPU_MAX ? INT64_MIN : INT64_MAX;
  }
  FRT_GPU_FN int64_t join(int64_t a, int64_t b) const {
    if (kind == FRT_GPU_SUM) return frt_gpu_add(a, b);
    if (kind == FRT_GPU_PROD) return frt_gpu_mul(a, b);
    return (kind == FRT_GPU_MAX ? b > a : b < a) ? b : a;
  }
};

/* All threads of the block bring a value and get the fold of all. */
template <class Op, class V> static FRT_GPU_FN inline V frt_gpu_block_fold(Op op, V v) {
  FRT_SHARED V part[FRT_GPU_BLOCK];
  const int me = frt_gpu_thread();
  part[me] = v;
  frt_syncthreads();
  for (int w = FRT_GPU_BLOCK / 2; w; w /= 2) {
    if (me < w) part[me] = op.join(part[me], part[me + w]);
    frt_syncthreads();
  }
  v = part[0];
  frt_syncthreads(); /* the next fold writes part again */
  return v;
}

/* All threads of the block bring a value; each gets the fold of those before its own, and
 * all get the fold of all. */
template <class Op, class V> static FRT_GPU_FN inline V frt_gpu_block_scan(Op op, V v, V *all) {
  FRT_SHARED V part[FRT_GPU_BLOCK];
  const int me = frt_gpu_thread();
  part[me] = v;
  frt_syncthreads();
  for (int w = 1; w < FRT_GPU_BLOCK; w *= 2) {
    const V add = me >= w ? part[me - w] : op.none();
    frt_syncthreads();
    if (me >= w) part[me] = op.join(add, part[me]);
    frt_syncthreads();
  }
  v = me ? part[me - 1] : op.none();
  *all = part[FRT_GPU_BLOCK - 1];
  frt_syncthreads(); /* the next scan writes part again */
  return v;
}

/* ---- teams ------------------------------------------------------------------------------- */

struct frt_gpu_alone {
  FRT_GPU_FN int64_t first() const { return 0; }
  FRT_GPU_FN int64_t step() const { return 1; }
  FRT_GPU_FN int leads() const { return 1; }
  template <class Op, class V> FRT_GPU_FN V fold(Op, V v) const { return v; }
};
struct frt_gpu_crew {
  FRT_GPU_FN int64_t first() const { return frt_gpu_thread(); }
  FRT_GPU_FN int64_t step() const { return FRT_GPU_BLOCK; }
  FRT_GPU_FN int leads() const { return frt_gpu_thread() == 0; }
  template <class Op, class V> FRT_GPU_FN V fold(Op op, V v) const {
    return frt_gpu_block_fold(op, v);
  }
};

template <class F>
FRT_GPU_KERNEL frt_gpu_rows_alone(const int64_t *stop, int64_t rows, F f) {
  const int64_t step = frt_gpu_blocks() * frt_gpu_threads();
  if (stop && *stop >= 0) return;
  FRT_GPU_ROLLED
  for (int64_t i = frt_gpu_block() * frt_gpu_threads() + frt_gpu_thread(); i < rows; i += step)
    f(frt_gpu_alone(), i);
}
template <class F>
FRT_GPU_KERNEL frt_gpu_rows_crew(const int64_t *stop, int64_t rows, F f) {
  if (stop && *stop >= 0) return;
  FRT_GPU_ROLLED
  for (int64_t i = frt_gpu_block(); i < rows; i += frt_gpu_blocks()) f(frt_gpu_crew(), i);
}

/* f(team, row) for each row of n elements. The choice follows from the shape alone. */
template <class F>
static frt_status_t frt_gpu_rows(const frt_run_t *r, int64_t rows, int64_t n, F f,
                                 frt_error_t *err, const int64_t *stop = NULL) {
  if (rows <= 0) return FRT_OK;
  if (n <= 64)
    FRT_LAUNCH_ALONE(frt_gpu_rows_alone, frt_gpu_grid(rows, FRT_GPU_BLOCK), FRT_GPU_BLOCK,
                     FRT_GPU_QUEUE(r), stop, rows, f);
  else
    FRT_LAUNCH(frt_gpu_rows_crew, frt_gpu_grid(rows, 1), FRT_GPU_BLOCK, FRT_GPU_QUEUE(r),
               stop, rows, f);
  return frt_gpu_launched(err);
}

/* The fold of get(k) over the team's share of [0, n), joined. */
template <class Op, class Team, class Get>
static FRT_GPU_FN inline auto frt_gpu_over(Team team, Op op, int64_t n, Get get)
    -> decltype(op.none()) {
  auto v = op.none();
  FRT_GPU_ROLLED
  for (int64_t k = team.first(); k < n; k += team.step()) v = op.join(v, get(k));
  return team.fold(op, v);
}

#endif
