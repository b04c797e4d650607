/* The README's imperative step, ten times: the mean of a linear layer falls. */
#include <fluidrt/fluidrt.h>

static frt_status_t step(frt_imperative_t *im, const frt_linear_t *linear, frt_var_t x,
                         frt_optimizer_t *lars, frt_error_t *err) {
  frt_var_t y, loss;
  FRT_TRY(frt_linear_call(im, linear, x, &y, err));
  FRT_TRY(frt_layers_mean(frt_imperative_builder(im), y, &loss, err)); /* as any layer */
  FRT_TRY(frt_imperative_backward(im, loss, err));
  FRT_TRY(frt_optimizer_minimize(lars, loss, NULL, NULL, err));
  return frt_optimizer_clear_gradients(lars, err);
}

static frt_status_t mean_now(frt_imperative_t *im, const frt_linear_t *linear, frt_var_t x,
                             float *out, frt_error_t *err) {
  frt_tensor_t *value = NULL;
  frt_var_t y, mean;
  FRT_TRY(frt_linear_call(im, linear, x, &y, err));
  FRT_TRY(frt_layers_mean(frt_imperative_builder(im), y, &mean, err));
  FRT_TRY(frt_imperative_value(im, mean, &value, err));
  *out = *(const float *)frt_tensor_data(value);
  frt_tensor_release(value);
  frt_imperative_end_graph(im);
  return FRT_OK;
}

static frt_status_t train(frt_imperative_t *im, const frt_tensor_t *batch, float means[2],
                          frt_error_t *err) {
  frt_linear_t linear;
  frt_optimizer_t *lars = NULL;
  frt_var_t x;
  FRT_TRY(frt_to_variable(im, batch, NULL, &x, err));
  FRT_TRY(frt_linear_create(im, 13, 5, NULL, &linear, err));
  const char *const list[] = {linear.weight.name, linear.bias.name};
  const frt_optimizer_options_t more = {.parameter_list = list, .n_parameters = 2};
  FRT_TRY(frt_lars_momentum_create(frt_imperative_builder(im), 0.001, 0.9, &more, &lars, err));
  frt_status_t status = mean_now(im, &linear, x, &means[0], err);
  for (int i = 0; i < 10 && !status; ++i) status = step(im, &linear, x, lars, err);
  if (!status) status = mean_now(im, &linear, x, &means[1], err);
  frt_optimizer_release(lars);
  return status;
}

int main(void) {
  float values[2 * 13], means[2] = {0, 0};
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt = NULL;
  frt_imperative_t *im = NULL;
  frt_tensor_t *batch = NULL;
  for (int i = 0; i < 26; ++i) values[i] = (float)i;
  const int failed =
      frt_runtime_create(NULL, &rt, &err) || frt_imperative_create(rt, NULL, NULL, &im, &err) ||
      frt_tensor_wrap(FRT_F32, 2, (const int64_t[]){2, 13}, values, sizeof values, &batch, &err) ||
      train(im, batch, means, &err);
  if (failed) fprintf(stderr, "%s\n", err.message);
  else printf("mean %g, ten steps later %g\n", means[0], means[1]);
  frt_tensor_release(batch);
  frt_imperative_release(im);
  frt_runtime_release(rt);
  return failed || !(means[1] < means[0]);
}
