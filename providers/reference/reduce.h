/* How reduced tensors lie over what they were made of. */
#ifndef FRT_REFERENCE_REDUCE_H
#define FRT_REFERENCE_REDUCE_H

#include "ref.h"

/* Which output element an input element belongs to: strides of 0 over the reduced
 * dims. */
typedef struct {
  uint32_t rank;
  int64_t dims[FRT_MAX_RANK], steps[FRT_MAX_RANK];
} ref_map_t;

static inline ref_map_t ref_reduce_map(const frt_api_tensor_t *x,
                                       const frt_api_attr_t *dim, int all) {
  int gone[FRT_MAX_RANK] = {0};
  int64_t step = 1;
  ref_map_t m;
  memset(&m, 0, sizeof m);
  m.rank = x->rank;
  if (dim->count == 0) gone[0] = 1; /* Fluid's default */
  /* With reduce_all nobody has checked dim: it may hold anything. */
  for (uint32_t i = 0; !all && i < dim->count && x->rank; ++i) {
    const int64_t d = dim->v.is[i];
    gone[d < 0 ? d + x->rank : d] = 1;
  }
  for (uint32_t d = x->rank; d-- > 0;) {
    m.dims[d] = x->dims[d];
    if (all || gone[d]) continue;
    m.steps[d] = step;
    step *= x->dims[d];
  }
  return m;
}

static inline int64_t ref_target(const ref_map_t *m, int64_t at) {
  int64_t to = 0;
  for (uint32_t d = m->rank; d-- > 0; at /= m->dims[d])
    to += at % m->dims[d] * m->steps[d];
  return to;
}

#define REF_MAP(c, OP, x)                                             \
  ref_reduce_map((x)->meta, &(c)->op->attrs[FRT_##OP##_ATTR_DIM],     \
                 frt_attr_bool((c)->op, FRT_##OP##_ATTR_REDUCE_ALL))

#endif
