/* Normalizing layers. */
#include "fluidrt/layers_norm.h"
#include "nets.h"

/* The sum over all of the mean of square * sigmoid. */
static frt_status_t loss_of(frt_builder_t *b, const frt_var_t *v, size_t n, frt_var_t *loss,
                            frt_error_t *err) {
  frt_var_t square, sigmoid, means[8];
  for (size_t i = 0; i < n; ++i) {
    FRT_TRY(frt_layers_square(b, v[i], &square, err));
    FRT_TRY(frt_layers_sigmoid(b, v[i], &sigmoid, err));
    FRT_TRY(frt_var_op(b, "mul", square, sigmoid, &means[i], err));
    FRT_TRY(frt_layers_reduce_mean(b, means[i], NULL, &means[i], err));
  }
  return frt_layers_sums(b, means, n, loss, err);
}

static frt_status_t norm_layers(frt_builder_t *b, int variant, frt_program_t **extra,
                                frt_error_t *err) {
  const int64_t x_dims[] = {4, 6}, im_dims[] = {2, 4, 5, 5};
  const frt_layer_norm_options_t rows = {.begin_norm_axis = 2};
  const frt_batch_norm_options_t slow = {.momentum = 0.8};
  const frt_optimizer_options_t o = {.learning_rate = 0.1};
  frt_var_t x, im, out[6], loss;
  (void)variant;
  FRT_TRY(frt_data(b, "x", 2, x_dims, FRT_F32, &x, err));
  FRT_TRY(frt_var_stop_gradient(b, x, 0, err));
  FRT_TRY(frt_data(b, "im", 4, im_dims, FRT_F32, &im, err));
  FRT_TRY(frt_var_stop_gradient(b, im, 0, err));
  FRT_TRY(frt_layers_layer_norm(b, x, NULL, &out[0], err));
  FRT_TRY(frt_layers_layer_norm(b, im, &rows, &out[1], err));
  FRT_TRY(frt_layers_batch_norm(b, im, &slow, &out[2], err));
  FRT_TRY(frt_layers_batch_norm(b, x, NULL, &out[3], err));
  FRT_TRY(frt_layers_group_norm(b, im, 2, NULL, &out[4], err));
  FRT_TRY(frt_layers_instance_norm(b, im, NULL, &out[5], err));
  FRT_TRY(net_for_test(b, extra, err));
  FRT_TRY(loss_of(b, out, 6, &loss, err));
  return net_minimize(b, FRT_OPTIMIZER_SGD, &o, loss, NULL, err);
}

const frontend_case_t cases_norm[] = {{"norm_layers", 1234, norm_layers, 0, "test.pb"}, {0}};
