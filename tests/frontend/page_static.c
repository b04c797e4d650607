/* The static example of LarsMomentumOptimizer's page: two programs, one step. */
#include <fluidrt/fluidrt.h>
#include <fluidrt/layers.h>
#include <fluidrt/train.h>

static frt_status_t build(frt_builder_t *b, frt_var_t *out, frt_error_t *err) {
  const int64_t shape[] = {2, 2};
  frt_var_t inp;
  frt_optimizer_t *optimizer = NULL;
  FRT_TRY(frt_layers_data(b, "inp", 2, shape, FRT_F32, 1, &inp, err));
  FRT_TRY(frt_layers_fc(b, inp, 3, NULL, out, err));
  FRT_TRY(frt_layers_reduce_sum(b, *out, NULL, out, err));
  FRT_TRY(frt_lars_momentum_create(b, 0.001, 0.9, NULL, &optimizer, err));
  const frt_status_t status = frt_optimizer_minimize(optimizer, *out, NULL, NULL, err);
  frt_optimizer_release(optimizer);
  return status;
}

int main(void) {
  float np_inp[] = {1, 2, 3, 4};
  const int64_t shape[] = {2, 2};
  frt_error_t err = FRT_ERROR_INIT;
  frt_builder_t *b = NULL;
  frt_runtime_t *rt = NULL;
  frt_executor_t *exe = NULL;
  frt_scope_t *scope = NULL;
  frt_tensor_t *inp = NULL, *loss = NULL;
  frt_var_t out;
  int failed = frt_builder_create(&b, &err) || build(b, &out, &err) ||
      frt_runtime_create(NULL, &rt, &err) || frt_executor_create(rt, NULL, NULL, &exe, &err) ||
      frt_scope_create(rt, &scope, &err) ||
      frt_tensor_wrap(FRT_F32, 2, shape, np_inp, sizeof np_inp, &inp, &err) ||
      frt_executor_run(exe, frt_builder_startup(b), scope, NULL, 0, NULL, 0, NULL, NULL, &err);
  const frt_feed_t feed = {"inp", inp};
  const frt_fetch_t fetch = {failed ? NULL : out.name, 0, 0};
  failed = failed || frt_executor_run(exe, frt_builder_main(b), scope, &feed, 1, &fetch, 1,
                                      &loss, NULL, &err);
  if (failed) fprintf(stderr, "%s\n", err.message);
  else printf("%s = %g\n", out.name, *(const float *)frt_tensor_data(loss));
  frt_tensor_release(loss);
  frt_tensor_release(inp);
  frt_scope_release(scope);
  frt_executor_release(exe);
  frt_runtime_release(rt);
  frt_builder_release(b);
  return failed;
}
