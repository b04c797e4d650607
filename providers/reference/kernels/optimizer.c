#include "ref.h"

static frt_status_t sgd(const ref_call_t *c, frt_error_t *err) {
  const ref_tensor_t *p = ref_in(c, FRT_SGD_IN_PARAM), *g = ref_in(c, FRT_SGD_IN_GRAD);
  const ref_tensor_t *out = ref_out(c, FRT_SGD_OUT_PARAMOUT);
  const ref_tensor_t *lr = ref_in(c, FRT_SGD_IN_LEARNINGRATE);
  (void)err;
  for (int64_t i = 0; i < p->n; ++i) {
    const double step = lr->v[0] * g->v[i];
    ref_put(out, i, p->v[i] - step, fabs(p->v[i]) + fabs(step));
  }
  return FRT_OK;
}

REF_KERNELS(optimizer) = {{"sgd", FRT_FLOATS, sgd, NULL, 0}, REF_END};
