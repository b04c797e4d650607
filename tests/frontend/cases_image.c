/* Convolutions and poolings. */
#include "fluidrt/layers_image.h"
#include "fluidrt/layers_norm.h"
#include "nets.h"

static frt_status_t convolutions(frt_builder_t *b, frt_var_t im, frt_var_t *out,
                                 frt_error_t *err) {
  static const frt_param_attr_t none = {.none = 1};
  const int64_t three[2] = {3}, flat[2] = {1, 3};
  const frt_conv2d_options_t strided = {.stride = {2}, .padding = {.n = 1, .sides = {1}},
                                        .bias_attr = &none};
  const frt_conv2d_options_t grouped = {.groups = 2, .dilation = {2}};
  const frt_conv2d_options_t depth = {.groups = 4, .padding = {.n = 4, .sides = {1, 1, 1, 1}},
                                      .no_cudnn = 1};
  const frt_conv2d_options_t same = {.padding = {.algorithm = "SAME"}};
  const frt_conv2d_options_t apart = {.stride = {2}};
  FRT_TRY(frt_layers_conv2d(b, im, 6, three, NULL, &out[0], err));
  FRT_TRY(frt_layers_conv2d(b, im, 6, three, &strided, &out[1], err));
  FRT_TRY(frt_layers_conv2d(b, im, 4, three, &grouped, &out[2], err));
  FRT_TRY(frt_layers_conv2d(b, im, 4, three, &depth, &out[3], err));
  FRT_TRY(frt_layers_conv2d(b, im, 3, flat, &same, &out[4], err));
  return frt_layers_conv2d_transpose(b, im, 3, three, NULL, &apart, &out[5], err);
}

static frt_status_t poolings(frt_builder_t *b, frt_var_t im, frt_var_t *out,
                             frt_error_t *err) {
  const int64_t two[2] = {2}, three[2] = {3};
  const frt_pool2d_options_t max = {.stride = {2}};
  const frt_pool2d_options_t avg = {.type = "avg", .stride = {2},
                                    .padding = {.n = 2, .sides = {1, 1}}};
  const frt_pool2d_options_t all = {.type = "avg", .stride = {2},
                                    .padding = {.n = 1, .sides = {1}}, .inclusive = 1};
  const frt_pool2d_options_t global = {.type = "avg", .global_pooling = 1};
  const frt_pool2d_options_t ceil = {.stride = {2}, .ceil_mode = 1};
  FRT_TRY(frt_layers_pool2d(b, im, two, &max, &out[0], err));
  FRT_TRY(frt_layers_pool2d(b, im, three, &avg, &out[1], err));
  FRT_TRY(frt_layers_pool2d(b, im, three, &all, &out[2], err));
  FRT_TRY(frt_layers_pool2d(b, im, NULL, &global, &out[3], err));
  FRT_TRY(frt_layers_pool2d(b, im, two, &ceil, &out[4], err));
  return frt_layers_adaptive_pool2d(b, im, three, "avg", &out[5], err);
}

static frt_status_t conv_pool(frt_builder_t *b, int variant, frt_program_t **extra,
                              frt_error_t *err) {
  enum { N = 12 };
  const int64_t dims[] = {2, 4, 7, 7};
  frt_param_grad_t *pairs;
  frt_var_t im, out[N], loss;
  size_t n;
  (void)variant, (void)extra;
  FRT_TRY(frt_data(b, "im", 4, dims, FRT_F32, &im, err));
  FRT_TRY(frt_var_stop_gradient(b, im, 0, err));
  FRT_TRY(convolutions(b, im, out, err));
  FRT_TRY(poolings(b, im, out + 6, err));
  for (int i = 0; i < N; ++i) {
    FRT_TRY(frt_layers_square(b, out[i], &out[i], err));
    FRT_TRY(frt_layers_reduce_mean(b, out[i], NULL, &out[i], err));
  }
  FRT_TRY(frt_layers_sums(b, out, N, &loss, err));
  return frt_append_backward(b, loss, NULL, 0, NULL, 0, &pairs, &n, err);
}

/* Two convolutions, the first one normalized, and two layers behind them. */
static frt_status_t lenet(frt_builder_t *b, frt_var_t x, frt_var_t *out, frt_error_t *err) {
  static const frt_param_attr_t none = {.none = 1};
  const int64_t three[2] = {3}, two[2] = {2};
  const frt_conv2d_options_t first = {.padding = {.n = 1, .sides = {1}}, .bias_attr = &none};
  const frt_conv2d_options_t second = {.padding = {.n = 1, .sides = {1}}, .act = "relu"};
  const frt_batch_norm_options_t norm = {.act = "relu"};
  const frt_pool2d_options_t max = {.stride = {2}}, avg = {.type = "avg", .stride = {2}};
  const frt_fc_options_t hidden = {.act = "tanh"};
  FRT_TRY(frt_layers_conv2d(b, x, 6, three, &first, &x, err));
  FRT_TRY(frt_layers_batch_norm(b, x, &norm, &x, err));
  FRT_TRY(frt_layers_pool2d(b, x, two, &max, &x, err));
  FRT_TRY(frt_layers_conv2d(b, x, 12, three, &second, &x, err));
  FRT_TRY(frt_layers_pool2d(b, x, two, &avg, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 32, &hidden, &x, err));
  return frt_layers_fc(b, x, 10, NULL, out, err);
}

static frt_status_t digits_lenet(frt_builder_t *b, int variant, frt_program_t **extra,
                                 frt_error_t *err) {
  const int64_t img_dims[] = {-1, 1, 8, 8}, label_dims[] = {-1, 1};
  const frt_optimizer_options_t o = {.learning_rate = 1, .momentum = 0.9, .lars_coeff = 0.05};
  frt_var_t x, label, loss, accuracy;
  (void)variant;
  FRT_TRY(frt_data(b, "img", 4, img_dims, FRT_F32, &x, err));
  FRT_TRY(frt_data(b, "label", 2, label_dims, FRT_I64, &label, err));
  FRT_TRY(lenet(b, x, &x, err));
  FRT_TRY(frt_layers_softmax_with_cross_entropy(b, x, label, NULL, &loss, NULL, err));
  FRT_TRY(frt_layers_mean(b, loss, &loss, err));
  FRT_TRY(frt_layers_softmax(b, x, -1, &x, err));
  FRT_TRY(frt_layers_accuracy(b, x, label, 1, &accuracy, err));
  FRT_TRY(net_for_test(b, extra, err));
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, loss, NULL, err);
}

const frontend_case_t cases_image[] = {{"conv_pool", 1234, conv_pool, 0, NULL},
                                       {"digits_lenet_lars", 1234, digits_lenet, 0, "test.pb"},
                                       {0}};
