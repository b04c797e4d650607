/* The models of fluidrt new, through the public front end. lars-seed and digits are the
 * networks of models/, op for op as Paddle wrote them. */
#include "five_ops/make.h"
#include "new.h"

const frti_cli_optimizer_name_t frti_cli_optimizers[FRTI_CLI_OPTIMIZERS] = {
    {"lars", FRT_OPTIMIZER_LARS_MOMENTUM, 0.1, 0.9},
    {"sgd", FRT_OPTIMIZER_SGD, 0.1, 0},
    {"momentum", FRT_OPTIMIZER_MOMENTUM, 0.05, 0.9},
    {"adam", FRT_OPTIMIZER_ADAM, 0.002, 0},
    {"adamax", FRT_OPTIMIZER_ADAMAX, 0.002, 0},
    {"adagrad", FRT_OPTIMIZER_ADAGRAD, 0.05, 0},
    {"decayed_adagrad", FRT_OPTIMIZER_DECAYED_ADAGRAD, 0.01, 0},
    {"adadelta", FRT_OPTIMIZER_ADADELTA, 1, 0},
    {"rmsprop", FRT_OPTIMIZER_RMSPROP, 0.002, 0},
    {"ftrl", FRT_OPTIMIZER_FTRL, 0.1, 0},
    {"lamb", FRT_OPTIMIZER_LAMB, 0.01, 0},
};

/* ---- what the networks share ------------------------------------------------------- */

/* An option's 0 is a real zero where it was given. */
static double exact(double v) { return v == 0 ? FRT_ZERO : v; }

static double chosen(const frti_cli_net_t *net, unsigned bit, double value, double other) {
  return net->given & bit ? value : other;
}

static void default_size(int64_t *size, int64_t value) {
  if (!*size) *size = value;
}

/* rate: computed by the program, used unless a number was given. */
static frt_status_t minimize(frt_builder_t *b, const frti_cli_net_t *net, frt_var_t loss,
    const frt_var_t *rate, double l2, double clip, frt_error_t *err) {
  const frti_cli_optimizer_name_t *kind = frti_cli_optimizers;
  frt_optimizer_t *o = NULL;
  while (kind->kind != net->optimizer) ++kind;
  l2 = chosen(net, NEW_L2, net->l2, l2);
  clip = chosen(net, NEW_CLIP, net->clip, clip);
  frt_optimizer_options_t options = {
      .learning_rate = exact(chosen(net, NEW_LR, net->lr, kind->lr)),
      .momentum = exact(chosen(net, NEW_MOMENTUM, net->momentum, kind->momentum)),
      .lars_coeff = exact(chosen(net, NEW_LARS_COEFF, net->lars_coeff, 0.1))};
  if (l2 != 0) options.regularization = (frt_decay_t){FRT_DECAY_L2, l2};
  if (clip != 0)
    options.grad_clip = (frt_clip_t){.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = clip};
  if (rate && !(net->given & NEW_LR)) options.learning_rate_var = *rate;
  FRT_TRY(frt_optimizer_create(b, net->optimizer, &options, &o, err));
  const frt_status_t status = frt_optimizer_minimize(o, loss, NULL, NULL, err);
  frt_optimizer_release(o);
  return status;
}

static frt_status_t hidden_layers(
    frt_builder_t *b, frti_cli_net_t *net, int64_t size, frt_var_t *x, frt_error_t *err) {
  const frt_fc_options_t relu = {.act = "relu"};
  if (!net->n_hidden) net->hidden[net->n_hidden++] = size;
  for (size_t i = 0; i < net->n_hidden; ++i)
    FRT_TRY(frt_layers_fc(b, *x, net->hidden[i], &relu, x, err));
  return FRT_OK;
}

/* x -> logits -> mean cross entropy, probabilities and their accuracy. */
static frt_status_t classify(frt_builder_t *b, int64_t classes, frt_var_t x,
    frt_var_t label, frt_var_t *loss, frt_error_t *err) {
  frt_var_t accuracy;
  FRT_TRY(frt_layers_fc(b, x, classes, NULL, &x, err));
  FRT_TRY(frt_layers_softmax_with_cross_entropy(b, x, label, NULL, loss, NULL, err));
  FRT_TRY(frt_layers_mean(b, *loss, loss, err));
  FRT_TRY(frt_layers_softmax(b, x, -1, &x, err));
  return frt_layers_accuracy(b, x, label, 1, &accuracy, err);
}

/* ---- the networks -------------------------------------------------------------------- */

static frt_status_t lars_seed(
    frt_builder_t *b, frti_cli_net_t *net, frt_program_t **test, frt_error_t *err) {
  const int64_t dims[] = {2, 2};
  frt_var_t x;
  (void)test;
  if (!(net->given & NEW_LR)) net->lr = 0.001;
  if (!(net->given & NEW_LARS_COEFF)) net->lars_coeff = 0.001;
  net->given |= NEW_LR | NEW_LARS_COEFF;
  FRT_TRY(frt_layers_data(b, "inp", 2, dims, FRT_F32, 1, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 3, NULL, &x, err));
  FRT_TRY(frt_layers_reduce_sum(b, x, NULL, &x, err));
  return minimize(b, net, x, NULL, 0, 0, err);
}

static frt_status_t five_ops(
    frt_builder_t *b, frti_cli_net_t *net, frt_program_t **test, frt_error_t *err) {
  (void)net;
  (void)test;
  FRT_TRY(five_ops_startup(frt_builder_startup(b), err));
  return five_ops_main(frt_builder_main(b), err);
}

static frt_status_t mlp(
    frt_builder_t *b, frti_cli_net_t *net, frt_program_t **test, frt_error_t *err) {
  default_size(&net->features, 16);
  default_size(&net->classes, 4);
  const int64_t x_dims[] = {net->batch, net->features}, y_dims[] = {net->batch, 1};
  const frt_dtype_t kind = net->classes == 1 ? FRT_F32 : FRT_I64;
  frt_var_t x, y, loss;
  FRT_TRY(frt_data(b, "x", 2, x_dims, FRT_F32, &x, err));
  FRT_TRY(frt_data(b, "y", 2, y_dims, kind, &y, err));
  FRT_TRY(hidden_layers(b, net, 64, &x, err));
  if (net->classes == 1) {
    FRT_TRY(frt_layers_fc(b, x, 1, NULL, &x, err));
    FRT_TRY(frt_layers_square_error_cost(b, x, y, &loss, err));
    FRT_TRY(frt_layers_mean(b, loss, &loss, err));
  } else {
    FRT_TRY(classify(b, net->classes, x, y, &loss, err));
  }
  FRT_TRY(frt_program_clone(frt_builder_main(b), 1, test, err));
  return minimize(b, net, loss, NULL, 0, 0, err);
}

/* LARS, unless a rate was given, by one that falls twice. */
static frt_status_t minimize_in_steps(
    frt_builder_t *b, const frti_cli_net_t *net, frt_var_t loss, frt_error_t *err) {
  const int64_t limits[] = {40, 80};
  const double values[] = {0.1, 0.05, 0.01};
  frt_var_t rate;
  const int schedule =
      !(net->given & NEW_LR) && net->optimizer == FRT_OPTIMIZER_LARS_MOMENTUM;
  if (schedule) FRT_TRY(frt_piecewise_decay(b, limits, values, 2, &rate, err));
  return minimize(b, net, loss, schedule ? &rate : NULL, 1e-4, 1, err);
}

static frt_status_t digits(
    frt_builder_t *b, frti_cli_net_t *net, frt_program_t **test, frt_error_t *err) {
  const int64_t img_dims[] = {net->batch, 64}, label_dims[] = {net->batch, 1};
  frt_var_t x, label, loss;
  default_size(&net->classes, 10);
  FRT_TRY(frt_data(b, "img", 2, img_dims, FRT_F32, &x, err));
  FRT_TRY(frt_data(b, "label", 2, label_dims, FRT_I64, &label, err));
  FRT_TRY(hidden_layers(b, net, 128, &x, err));
  FRT_TRY(classify(b, net->classes, x, label, &loss, err));
  FRT_TRY(frt_program_clone(frt_builder_main(b), 1, test, err));
  return minimize_in_steps(b, net, loss, err);
}

/* 8x8 pixels through two convolutions, the first one normalized, to layers and classes. */
static frt_status_t lenet(
    frt_builder_t *b, frti_cli_net_t *net, frt_program_t **test, frt_error_t *err) {
  const int64_t img_dims[] = {net->batch, 64}, label_dims[] = {net->batch, 1};
  const int64_t image[] = {net->batch, 1, 8, 8}, three[2] = {3}, two[2] = {2};
  const frt_param_attr_t none = {.none = 1};
  const frt_conv2d_options_t first = {.padding = {.n = 1, .sides = {1}}, .bias_attr = &none};
  const frt_conv2d_options_t second = {.padding = {.n = 1, .sides = {1}}, .act = "relu"};
  const frt_batch_norm_options_t norm = {.act = "relu"};
  const frt_pool2d_options_t halve = {.stride = {2}};
  frt_var_t x, label, loss;
  default_size(&net->classes, 10);
  FRT_TRY(frt_data(b, "img", 2, img_dims, FRT_F32, &x, err));
  FRT_TRY(frt_data(b, "label", 2, label_dims, FRT_I64, &label, err));
  FRT_TRY(frt_layers_reshape(b, x, 4, image, NULL, &x, err));
  FRT_TRY(frt_layers_conv2d(b, x, 8, three, &first, &x, err));
  FRT_TRY(frt_layers_batch_norm(b, x, &norm, &x, err));
  FRT_TRY(frt_layers_pool2d(b, x, two, &halve, &x, err));
  FRT_TRY(frt_layers_conv2d(b, x, 16, three, &second, &x, err));
  FRT_TRY(frt_layers_pool2d(b, x, two, &halve, &x, err));
  FRT_TRY(hidden_layers(b, net, 32, &x, err));
  FRT_TRY(classify(b, net->classes, x, label, &loss, err));
  FRT_TRY(frt_program_clone(frt_builder_main(b), 1, test, err));
  return minimize_in_steps(b, net, loss, err);
}

/* Ids of words -> rows of a table -> their sum -> classes. Id 0 fills up short texts. */
static frt_status_t embedding(
    frt_builder_t *b, frti_cli_net_t *net, frt_program_t **test, frt_error_t *err) {
  const int64_t over[] = {1}, label_dims[] = {net->batch, 1};
  const frt_embedding_options_t table = {.v2 = 1, .has_padding = 1};
  const frt_reduce_options_t words = {.dim = over, .n_dim = 1};
  frt_var_t x, label, loss;
  default_size(&net->vocab, 1000);
  default_size(&net->width, 32);
  default_size(&net->tokens, 16);
  default_size(&net->classes, 2);
  const int64_t ids_dims[] = {net->batch, net->tokens};
  FRT_TRY(frt_data(b, "ids", 2, ids_dims, FRT_I64, &x, err));
  FRT_TRY(frt_data(b, "label", 2, label_dims, FRT_I64, &label, err));
  FRT_TRY(frt_layers_embedding(b, x, net->vocab, net->width, &table, &x, err));
  FRT_TRY(frt_layers_reduce_sum(b, x, &words, &x, err));
  if (net->n_hidden) FRT_TRY(hidden_layers(b, net, 0, &x, err));
  FRT_TRY(classify(b, net->classes, x, label, &loss, err));
  FRT_TRY(frt_program_clone(frt_builder_main(b), 1, test, err));
  if (!(net->given & NEW_OPTIMIZER)) net->optimizer = FRT_OPTIMIZER_ADAM;
  return minimize(b, net, loss, NULL, 0, 0, err);
}

const frti_cli_model_t frti_cli_models[FRTI_CLI_MODELS] = {
    {"lars-seed", "lars_seed", "the static example of LarsMomentumOptimizer's page",
        NEW_UPDATE, lars_seed},
    {"five-ops", "five_ops", "fc, reduce_sum, clip, decay and lars_momentum", 0, five_ops},
    {"mlp", "mlp", "fully connected layers; with --classes 1 a regression",
        NEW_FEATURES | NEW_HIDDEN | NEW_CLASSES | NEW_BATCH | NEW_UPDATE, mlp},
    {"digits", "digits", "a classifier of 8x8 pixel digits with LARS",
        NEW_HIDDEN | NEW_CLASSES | NEW_BATCH | NEW_UPDATE, digits},
    {"lenet", "lenet", "the same digits by convolution, normalization and pooling",
        NEW_HIDDEN | NEW_CLASSES | NEW_BATCH | NEW_UPDATE, lenet},
    {"embedding", "embedding", "a classifier of texts as word ids",
        NEW_VOCAB | NEW_WIDTH | NEW_TOKENS | NEW_HIDDEN | NEW_CLASSES | NEW_BATCH |
            NEW_UPDATE,
        embedding},
};
