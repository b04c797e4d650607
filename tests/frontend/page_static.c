/* The static example of LarsMomentumOptimizer's page: two programs, one step. */
#include <fluidrt/fluidrt.h>
#include <fluidrt/layers.h>
#include <fluidrt/train.h>

static frt_status_t build(frt_builder_t *b, frt_var_t *out, frt_error_t *err) {
  const int64_t shape[] = {2, 2};
  frt_var_t inp;
  frt_optimizer_t *lars = NULL;
  FRT_TRY(frt_layers_data(b, "inp", 2, shape, FRT_F32, 1, &inp, err));
  FRT_TRY(frt_layers_fc(b, inp, 3, NULL, out, err));
  FRT_TRY(frt_layers_reduce_sum(b, *out, NULL, out, err));
  FRT_TRY(frt_lars_momentum_create(b, 0.001, 0.9, NULL, &lars, err));
  const frt_status_t status = frt_optimizer_minimize(lars, *out, NULL, NULL, err);
  frt_optimizer_release(lars);
  return status;
}

int main(void) {
  return 0;
}
