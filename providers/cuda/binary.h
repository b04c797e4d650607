/* Elementwise ops of two tensors, one laid over the other, and their gradients. */
#ifndef FRT_CUDA_BINARY_H
#define FRT_CUDA_BINARY_H

#include "check.h"
#include "fold.h"
#include "unary.h"

/* Where element i of the output comes from. */
typedef struct frt_gpu_pair { frt_gpu_walk_t x, y; } frt_gpu_pair_t;

static inline void frt_gpu_pair_plan(frt_gpu_pair_t *p, const frt_api_tensor_t *x,
                                     const frt_api_tensor_t *y, const frt_api_tensor_t *out,
                                     int64_t axis) {
  int64_t steps[FRT_MAX_RANK];
  frt_gpu_lay(x, out->rank, 0, steps);
  p->x = frt_gpu_walk_of(out->rank, out->dims, steps);
  frt_gpu_lay(y, out->rank, axis, steps);
  p->y = frt_gpu_walk_of(out->rank, out->dims, steps);
}

/* The gradient of one side: the sum over the dims in which it was repeated. */
static inline int frt_gpu_side_plan(frt_gpu_fold_t *f, const frt_api_tensor_t *t,
                                    const frt_api_tensor_t *g, int64_t axis,
                                    uint64_t *workspace) {
  int64_t steps[FRT_MAX_RANK];
  int gone[FRT_MAX_RANK] = {0}, any = 0;
  frt_gpu_lay(t, g->rank, axis, steps);
  for (uint32_t d = 0; d < g->rank; ++d) any |= gone[d] = steps[d] == 0 && g->dims[d] != 1;
  frt_gpu_fold_plan(f, g->rank, g->dims, gone, workspace);
  return any;
}

typedef struct frt_gpu_backward {
  frt_gpu_pair_t pair;
  frt_gpu_fold_t x, y;
  int folds_x, folds_y;
} frt_gpu_backward_t;

static inline void frt_gpu_backward_plan(frt_gpu_backward_t *b, const frt_api_tensor_t *x,
                                         const frt_api_tensor_t *y, const frt_api_tensor_t *g,
                                         int64_t axis, uint64_t *workspace) {
  frt_gpu_pair_plan(&b->pair, x, y, g, axis);
  b->folds_x = frt_gpu_side_plan(&b->x, x, g, 0, workspace);
  b->folds_y = frt_gpu_side_plan(&b->y, y, g, axis, workspace);
}

/* to[j] = sum of term(i) over the elements i of the gradient that came from j. */
template <class Term>
static frt_status_t frt_gpu_side(const frt_run_t *r, const frt_gpu_fold_t *plan, int folds,
                                 int64_t n, int wide, void *to, Term term, frt_error_t *err) {
  if (!to) return FRT_OK;
  if (!folds)
    return frt_gpu_each(
        r, n, [=] FRT_GPU_FN(int64_t i) { frt_gpu_put(to, wide, i, term(i)); }, err);
  return frt_gpu_reduce(
      r, plan, r->workspace, frt_gpu_sum(), term,
      [=] FRT_GPU_FN(int64_t o, double v) { frt_gpu_put(to, wide, o, v); }, err);
}

/* out = VALUE of x and y of type W: double, or int64_t. */
#define GPU_BINARY(stem, W, VALUE)                                                        \
  static frt_status_t stem##_run(const void *state, const frt_run_t *r, frt_error_t *err) { \
    const frt_gpu_pair_t at = *(const frt_gpu_pair_t *)state;                             \
    const int wide = frt_gpu_wide(frt_in(r, FRT_ELEMENTWISE_ADD_IN_X));                   \
    const void *xs = frt_in(r, FRT_ELEMENTWISE_ADD_IN_X)->data;                           \
    const void *ys = frt_in(r, FRT_ELEMENTWISE_ADD_IN_Y)->data;                           \
    void *out = frt_out(r, FRT_ELEMENTWISE_ADD_OUT_OUT)->data;                            \
    return frt_gpu_each(                                                                  \
        r, frt_out_numel(r, FRT_ELEMENTWISE_ADD_OUT_OUT),                                 \
        [=] FRT_GPU_FN(int64_t i) {                                                       \
          const W x = frt_gpu_get((W)0, xs, wide, frt_gpu_at(at.x, i));                   \
          const W y = frt_gpu_get((W)0, ys, wide, frt_gpu_at(at.y, i));                   \
          frt_gpu_put(out, wide, i, (W)(VALUE));                                          \
        },                                                                                \
        err);                                                                             \
  }

#endif
