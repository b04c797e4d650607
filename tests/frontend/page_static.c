/* The static example of LarsMomentumOptimizer's page: two programs, one step. */
#include <fluidrt/fluidrt.h>

static frt_status_t build(frt_builder_t *b, frt_var_t *out, frt_error_t *err) {
  const int64_t shape[] = {2, 2};
  frt_optimizer_t *optimizer = NULL;
  FRT_TRY(frt_layers_data(b, "inp", 2, shape, FRT_F32, 1, out, err));
  FRT_TRY(frt_layers_fc(b, *out, 3, NULL, out, err));
  FRT_TRY(frt_layers_reduce_sum(b, *out, NULL, out, err));
  FRT_TRY(frt_lars_momentum_create(b, 0.001, 0.9, NULL, &optimizer, err));
  const frt_status_t status = frt_optimizer_minimize(optimizer, *out, NULL, NULL, err);
  frt_optimizer_release(optimizer);
  return status;
}

int main(void) {
  float np_inp[] = {1, 2, 3, 4};
  frt_error_t err = FRT_ERROR_INIT;
  frt_builder_t *b = NULL;
  frt_runtime_t *rt = NULL;
  frt_executor_t *exe = NULL;
  frt_scope_t *scope = NULL;
  frt_tensor_t *inp = NULL, *loss = NULL;
  frt_var_t out;
  if (frt_builder_create(&b, &err) || build(b, &out, &err) ||
      frt_runtime_create(NULL, &rt, &err) || frt_scope_create(rt, &scope, &err) ||
      frt_executor_create(rt, NULL, NULL, &exe, &err) ||
      frt_tensor_wrap(FRT_F32, 2, (int64_t[]){2, 2}, np_inp, sizeof np_inp, &inp, &err) ||
      frt_executor_run(exe, frt_builder_startup(b), scope, NULL, 0, NULL, 0, NULL, NULL,
                       &err) ||
      frt_executor_run(exe, frt_builder_main(b), scope, &(frt_feed_t){"inp", inp}, 1,
                       &(frt_fetch_t){.var = out.name}, 1, &loss, NULL, &err))
    return fprintf(stderr, "%s\n", err.message), 1;
  printf("%s = %g\n", out.name, *(const float *)frt_tensor_data(loss));
  frt_tensor_release(loss), frt_tensor_release(inp), frt_scope_release(scope);
  frt_executor_release(exe), frt_runtime_release(rt), frt_builder_release(b);
  return 0;
}
