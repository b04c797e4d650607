/* fc in all forms, reductions, embeddings, initializers, control flow, digits. */
#include "nets.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static frt_status_t input(frt_builder_t *b, const char *name, uint32_t rank,
                          const int64_t *dims, int with_gradient, frt_var_t *out,
                          frt_error_t *err) {
  FRT_TRY(frt_data(b, name, rank, dims, FRT_F32, out, err));
  return frt_var_stop_gradient(b, *out, !with_gradient, err);
}

typedef frt_status_t (*reduce_t)(frt_builder_t *, frt_var_t, const frt_reduce_options_t *,
                                 frt_var_t *, frt_error_t *);

/* The loss is the sum of all outputs' squared sums (or means); every gradient is asked
 * for. */
static frt_status_t sum_of_squares(frt_builder_t *b, const frt_var_t *v, size_t n,
                                   reduce_t over, frt_var_t *loss, frt_error_t *err) {
  frt_var_t sums[64];
  for (size_t i = 0; i < n; ++i) {
    FRT_TRY(frt_layers_square(b, v[i], &sums[i], err));
    FRT_TRY(over(b, sums[i], NULL, &sums[i], err));
  }
  return frt_layers_sums(b, sums, n, loss, err);
}

static frt_status_t backward(frt_builder_t *b, frt_var_t loss, frt_error_t *err) {
  frt_param_grad_t *pairs;
  size_t n;
  return frt_append_backward(b, loss, NULL, 0, NULL, 0, &pairs, &n, err);
}

/* ---- fc ---------------------------------------------------------------------------- */

static frt_status_t fc_variants(frt_builder_t *b, int variant, frt_program_t **extra,
                                frt_error_t *err) {
  const int64_t x_dims[] = {2, 3, 4}, z_dims[] = {2, 6}, flat[] = {2, -1};
  const frt_param_attr_t no_bias = {.none = 1};
  const frt_fc_options_t two = {.num_flatten_dims = 2}, plain = {0},
                         bare = {.bias_attr = &no_bias}, relu = {.act = "relu"},
                         tanh = {.act = "tanh"}, sigmoid = {.act = "sigmoid"},
                         softmax = {.act = "softmax"},
                         last = {.num_flatten_dims = -1, .act = "relu"};
  frt_var_t x, z, out[9], both[2], loss;
  (void)variant;
  (void)extra;
  FRT_TRY(input(b, "x", 3, x_dims, 1, &x, err));
  FRT_TRY(input(b, "z", 2, z_dims, 1, &z, err));
  FRT_TRY(frt_layers_fc(b, x, 5, &two, &out[0], err));
  FRT_TRY(frt_layers_fc(b, x, 5, &plain, &out[1], err));
  FRT_TRY(frt_layers_reshape(b, x, 2, flat, NULL, &both[0], err));
  both[1] = z;
  FRT_TRY(frt_layers_fc_n(b, both, 2, 5, &plain, &out[2], err));
  FRT_TRY(frt_layers_fc(b, z, 5, &bare, &out[3], err));
  FRT_TRY(frt_layers_fc(b, z, 5, &relu, &out[4], err));
  FRT_TRY(frt_layers_fc(b, z, 5, &tanh, &out[5], err));
  FRT_TRY(frt_layers_fc(b, z, 5, &sigmoid, &out[6], err));
  FRT_TRY(frt_layers_fc(b, z, 5, &softmax, &out[7], err));
  FRT_TRY(frt_layers_fc(b, x, 5, &last, &out[8], err));
  FRT_TRY(sum_of_squares(b, out, COUNT(out), frt_layers_reduce_sum, &loss, err));
  return backward(b, loss, err);
}

/* ---- reductions -------------------------------------------------------------------- */

static frt_status_t reduce(frt_builder_t *b, int variant, frt_program_t **extra,
                           frt_error_t *err) {
  static const reduce_t layers[] = {frt_layers_reduce_sum, frt_layers_reduce_mean,
                                    frt_layers_reduce_max, frt_layers_reduce_min,
                                    frt_layers_reduce_prod};
  const int64_t dims[] = {2, 3, 4}, d0[] = {0}, d1[] = {1}, last[] = {-1}, m2[] = {-2},
                d12[] = {1, 2}, d0m1[] = {0, -1}, d01[] = {0, 1};
  const frt_reduce_options_t forms[] = {
      {0}, {d0, 1, 0}, {d1, 1, 0}, {last, 1, 0}, {m2, 1, 1}, {d12, 2, 0}, {d0m1, 2, 0},
      {d01, 2, 0}, {d1, 1, 1}, {d12, 2, 1}};
  const frt_reduce_options_t all_kept = {.keep_dim = 1};
  frt_var_t x, out[COUNT(forms)], loss, kept;
  (void)extra;
  FRT_TRY(input(b, "x", 3, dims, 1, &x, err));
  for (size_t i = 0; i < COUNT(forms); ++i)
    FRT_TRY(layers[variant](b, x, &forms[i], &out[i], err));
  FRT_TRY(sum_of_squares(b, out, COUNT(out), frt_layers_reduce_sum, &loss, err));
  FRT_TRY(layers[variant](b, x, &all_kept, &kept, err));
  return backward(b, loss, err);
}

/* ---- elementwise ops, Python's operators --------------------------------------------------- */

typedef frt_status_t (*binary_t)(frt_builder_t *, frt_var_t, frt_var_t, int, const char *,
                                 frt_var_t *, frt_error_t *);
enum { Y, B1, B2, B3, ONE, N_OTHERS };

static frt_status_t operators(frt_builder_t *b, frt_var_t x, frt_var_t *out,
                              frt_error_t *err) {
  FRT_TRY(frt_var_op_number(b, "add", x, 2, 0, &out[0], err));
  FRT_TRY(frt_var_op_number(b, "sub", x, 2, 1, &out[1], err));
  FRT_TRY(frt_var_op_number(b, "mul", x, 3, 0, &out[2], err));
  FRT_TRY(frt_var_op_number(b, "div", x, 1, 1, &out[3], err));
  FRT_TRY(frt_var_op_number(b, "pow", x, 2, 0, &out[4], err));
  return frt_var_op_number(b, "mul", x, -1, 0, &out[5], err);
}

static frt_status_t elementwise(frt_builder_t *b, int variant, frt_program_t **extra,
                                frt_error_t *err) {
  static const binary_t layers[] = {
      frt_layers_elementwise_add, frt_layers_elementwise_sub, frt_layers_elementwise_mul,
      frt_layers_elementwise_div, frt_layers_elementwise_max, frt_layers_elementwise_min};
  static const struct { const char *name; uint32_t rank; int64_t dims[3]; int axis; }
      others[] = {[Y] = {"y", 3, {2, 3, 4}, -1}, [B1] = {"b1", 2, {3, 4}, -1},
                  [B2] = {"b2", 1, {3}, 1}, [B3] = {"b3", 1, {2}, 0},
                  [ONE] = {"one", 1, {1}, -1}};
  const int64_t dims[] = {2, 3, 4};
  frt_var_t x, other[N_OTHERS], out[COUNT(layers) * N_OTHERS + 9], loss;
  size_t n = 0;
  (void)variant;
  (void)extra;
  FRT_TRY(input(b, "x", 3, dims, 1, &x, err));
  for (int i = 0; i < N_OTHERS; ++i)
    FRT_TRY(input(b, others[i].name, others[i].rank, others[i].dims, 1, &other[i], err));
  for (size_t k = 0; k < COUNT(layers); ++k)
    for (int i = 0; i < N_OTHERS; ++i)
      FRT_TRY(layers[k](b, x, other[i], others[i].axis, NULL, &out[n++], err));
  FRT_TRY(frt_layers_elementwise_add(b, x, other[Y], -1, "relu", &out[n++], err));
  FRT_TRY(frt_layers_elementwise_pow(b, x, other[Y], -1, NULL, &out[n++], err));
  FRT_TRY(frt_layers_elementwise_pow(b, x, other[ONE], -1, NULL, &out[n++], err));
  FRT_TRY(operators(b, x, &out[n], err));
  FRT_TRY(sum_of_squares(b, out, n + 6, frt_layers_reduce_mean, &loss, err));
  return backward(b, loss, err);
}

/* ---- embeddings -------------------------------------------------------------------- */

static frt_status_t shared_table(frt_builder_t *b, int padding, frt_program_t **extra,
                                 frt_error_t *err) {
  const int64_t id_dims[] = {-1, 1};
  const char *const names[] = {"id0", "id1", "id2"};
  const frt_param_attr_t table = {.name = "emb"};
  const frt_embedding_options_t e = {.param_attr = &table, .has_padding = padding};
  const frt_fc_options_t hidden = {.act = "relu"};
  const frt_optimizer_options_t adam = {.learning_rate = 0.01},
                                lars = {.learning_rate = 0.1, .momentum = 0.9,
                                        .lars_coeff = 0.1};
  frt_var_t ids[3], rows[3], x, y;
  (void)extra;
  for (int i = 0; i < 3; ++i)
    FRT_TRY(frt_data(b, names[i], 2, id_dims, FRT_I64, &ids[i], err));
  FRT_TRY(frt_data(b, "y", 2, id_dims, FRT_I64, &y, err));
  for (int i = 0; i < 3; ++i)
    FRT_TRY(frt_layers_embedding(b, ids[i], 20, 6, &e, &rows[i], err));
  FRT_TRY(frt_layers_concat(b, rows, 3, 1, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 8, &hidden, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 4, NULL, &x, err));
  FRT_TRY(frt_layers_softmax_with_cross_entropy(b, x, y, NULL, &x, NULL, err));
  FRT_TRY(frt_layers_mean(b, x, &x, err));
  return net_minimize(b, padding ? FRT_OPTIMIZER_LARS_MOMENTUM : FRT_OPTIMIZER_ADAM,
                      padding ? &lars : &adam, x, NULL, err);
}

static frt_status_t table_v2(frt_builder_t *b, int variant, frt_program_t **extra,
                             frt_error_t *err) {
  const int64_t dims[] = {-1, 4}, d1[] = {1};
  const frt_embedding_options_t e = {.has_padding = 1, .padding_idx = -1, .v2 = 1};
  const frt_reduce_options_t over = {d1, 1, 0};
  const frt_optimizer_options_t sgd = {.learning_rate = 0.1};
  frt_var_t x;
  (void)variant;
  (void)extra;
  FRT_TRY(frt_data(b, "ids", 2, dims, FRT_I64, &x, err));
  FRT_TRY(frt_layers_embedding(b, x, 11, 5, &e, &x, err));
  FRT_TRY(frt_layers_square(b, x, &x, err));
  FRT_TRY(frt_layers_reduce_sum(b, x, &over, &x, err));
  FRT_TRY(frt_layers_mean(b, x, &x, err));
  return net_minimize(b, FRT_OPTIMIZER_SGD, &sgd, x, NULL, err);
}

/* ---- initializers ------------------------------------------------------------------ */

static frt_status_t parameter(frt_builder_t *b, const char *name, uint32_t rank,
                              const int64_t *dims, const frt_initializer_t *init,
                              frt_var_t *sum, frt_error_t *err) {
  const frt_param_attr_t attr = {.name = name, .initializer = *init};
  frt_var_t w;
  FRT_TRY(frt_layers_create_parameter(b, rank, dims, FRT_F32, &attr, &w, err));
  return frt_layers_reduce_sum(b, w, NULL, sum, err);
}

static frt_status_t initializers(frt_builder_t *b, int variant, frt_program_t **extra,
                                 frt_error_t *err) {
  static const struct { const char *name; frt_initializer_t init; } kinds[] = {
      {"constant", {FRT_INIT_CONSTANT, .value = 0.25}},
      {"uniform", {FRT_INIT_UNIFORM, .low = -0.3, .high = 0.7, .seed = 7}},
      {"normal", {FRT_INIT_NORMAL, .loc = 1, .scale = 0.5, .seed = 8}},
      {"truncated_normal", {FRT_INIT_TRUNCATED_NORMAL, .scale = 0.02, .seed = 9}},
      {"xavier_uniform", {FRT_INIT_XAVIER, .seed = 10}},
      {"xavier_normal", {FRT_INIT_XAVIER, .normal = 1, .seed = 11}},
      {"xavier_fan", {FRT_INIT_XAVIER, .fan_in = 10, .fan_out = 20, .seed = 12}},
      {"msra_uniform", {FRT_INIT_MSRA, .seed = 13}},
      {"msra_normal", {FRT_INIT_MSRA, .normal = 1, .seed = 14}},
      {"program_seed", {FRT_INIT_UNIFORM, .low = 0}}};
  const int64_t shapes[][4] = {{8, 16}, {3, 4, 3, 3}, {5}}, numpy_dims[] = {3, 4},
                bilinear_dims[] = {2, 1, 4, 4};
  const uint32_t ranks[] = {2, 4, 1};
  float data[12];
  frt_var_t sums[3 * COUNT(kinds) + 2], total;
  size_t n = 0;
  (void)variant;
  (void)extra;
  for (size_t k = 0; k < COUNT(kinds); ++k)
    for (int s = 0; s < 3; ++s) {
      char name[64];
      snprintf(name, sizeof name, "%s_%d", kinds[k].name, s);
      FRT_TRY(parameter(b, name, ranks[s], shapes[s], &kinds[k].init, &sums[n++], err));
    }
  for (int i = 0; i < 12; ++i) data[i] = ((float)i - 5) / 8;
  const frt_initializer_t numpy = {.kind = FRT_INIT_ARRAY, .data = data,
                                   .data_bytes = sizeof data};
  const frt_initializer_t bilinear = {.kind = FRT_INIT_BILINEAR};
  FRT_TRY(parameter(b, "numpy_0", 2, numpy_dims, &numpy, &sums[n++], err));
  FRT_TRY(parameter(b, "bilinear_0", 4, bilinear_dims, &bilinear, &sums[n++], err));
  return frt_layers_sums(b, sums, n, &total, err);
}

/* ---- while and cond ---------------------------------------------------------------- */

static frt_status_t scaled(frt_builder_t *b, void *ctx, double by, frt_var_t *out,
                           frt_error_t *err) {
  return frt_layers_scale(b, *(frt_var_t *)ctx, by, 0, 0, out, err);
}
static frt_status_t tenfold(frt_builder_t *b, void *ctx, frt_var_t *out, frt_error_t *err) {
  return scaled(b, ctx, 10, out, err);
}
static frt_status_t negated(frt_builder_t *b, void *ctx, frt_var_t *out, frt_error_t *err) {
  return scaled(b, ctx, -1, out, err);
}

static frt_status_t while_cond(frt_builder_t *b, int variant, frt_program_t **extra,
                               frt_error_t *err) {
  const int64_t one[] = {1};
  frt_var_t n, x, i, acc, more, half, next, limit, low, out;
  frt_while_t *loop;
  (void)variant;
  (void)extra;
  FRT_TRY(frt_data(b, "n", 1, one, FRT_I64, &n, err));
  FRT_TRY(frt_data(b, "x", 1, one, FRT_F32, &x, err));
  FRT_TRY(frt_layers_fill_constant(b, 1, one, FRT_I64, 0, &i, err));
  FRT_TRY(frt_layers_fill_constant(b, 1, one, FRT_F32, 0, &acc, err));
  FRT_TRY(frt_layers_less_than(b, i, n, &more, err));
  FRT_TRY(frt_while_begin(b, more, 0, &loop, err));
  FRT_TRY(frt_layers_scale(b, acc, 0.5, 0, 0, &half, err));
  FRT_TRY(frt_layers_elementwise_add(b, half, x, -1, NULL, &next, err));
  FRT_TRY(frt_layers_assign(b, next, &acc, err));
  FRT_TRY(frt_layers_increment(b, i, 1, 0, NULL, err));
  FRT_TRY(frt_layers_less_than_to(b, i, n, more, err));
  FRT_TRY(frt_while_end(loop, err));
  FRT_TRY(frt_layers_fill_constant(b, 1, one, FRT_F32, 1, &limit, err));
  FRT_TRY(frt_layers_less_than(b, acc, limit, &low, err));
  return frt_layers_cond(b, low, tenfold, negated, &acc, 1, &out, err);
}

/* ---- digits ------------------------------------------------------------------------ */

static frt_status_t digits(frt_builder_t *b, int variant, frt_program_t **extra,
                           frt_error_t *err) {
  const int64_t img_dims[] = {-1, 64}, label_dims[] = {-1, 1}, limits[] = {40, 80};
  const double values[] = {0.1, 0.05, 0.01};
  const frt_fc_options_t hidden = {.act = "relu"};
  frt_optimizer_options_t o = {
      .momentum = 0.9, .lars_coeff = 0.1, .regularization = {FRT_DECAY_L2, 1e-4},
      .grad_clip = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 1}};
  frt_var_t x, label, loss, accuracy;
  (void)variant;
  FRT_TRY(frt_data(b, "img", 2, img_dims, FRT_F32, &x, err));
  FRT_TRY(frt_data(b, "label", 2, label_dims, FRT_I64, &label, err));
  FRT_TRY(frt_layers_fc(b, x, 128, &hidden, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 10, NULL, &x, err));
  FRT_TRY(frt_layers_softmax_with_cross_entropy(b, x, label, NULL, &loss, NULL, err));
  FRT_TRY(frt_layers_mean(b, loss, &loss, err));
  FRT_TRY(frt_layers_softmax(b, x, -1, &x, err));
  FRT_TRY(frt_layers_accuracy(b, x, label, 1, &accuracy, err));
  FRT_TRY(net_for_test(b, extra, err));
  FRT_TRY(frt_piecewise_decay(b, limits, values, 2, &o.learning_rate_var, err));
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, loss, NULL, err);
}

/* Softmax inside the last layer, and the cross entropy that belongs to it. */
static frt_status_t digits_softmax(frt_builder_t *b, int variant, frt_program_t **extra,
                                   frt_error_t *err) {
  const int64_t img_dims[] = {-1, 64}, label_dims[] = {-1, 1};
  const frt_fc_options_t hidden = {.act = "relu"}, last = {.act = "softmax"};
  const frt_optimizer_options_t o = {.learning_rate = 1, .momentum = 0.9,
                                     .lars_coeff = 0.05};
  frt_var_t x, label, loss, accuracy;
  (void)variant;
  FRT_TRY(frt_data(b, "img", 2, img_dims, FRT_F32, &x, err));
  FRT_TRY(frt_data(b, "label", 2, label_dims, FRT_I64, &label, err));
  FRT_TRY(frt_layers_fc(b, x, 128, &hidden, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 10, &last, &x, err));
  FRT_TRY(frt_layers_cross_entropy(b, x, label, NULL, &loss, err));
  FRT_TRY(frt_layers_mean(b, loss, &loss, err));
  FRT_TRY(frt_layers_accuracy(b, x, label, 1, &accuracy, err));
  FRT_TRY(net_for_test(b, extra, err));
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, loss, NULL, err);
}

/* ---- dropout; a loss that ignores a class ---------------------------------------------- */

static frt_status_t dropout(frt_builder_t *b, int variant, frt_program_t **extra,
                            frt_error_t *err) {
  const int64_t dims[] = {4, 5};
  const frt_dropout_options_t forms[] = {{.seed = 17}, {.seed = 17, .upscale_in_train = 1},
                                         {.is_test = 1},
                                         {.is_test = 1, .upscale_in_train = 1}};
  frt_var_t x, out[4], sums[2], loss;
  (void)variant;
  (void)extra;
  FRT_TRY(input(b, "x", 2, dims, 1, &x, err));
  for (int i = 0; i < 4; ++i)
    FRT_TRY(frt_layers_dropout(b, x, 0.4, &forms[i], &out[i], err));
  for (int i = 0; i < 2; ++i)
    FRT_TRY(frt_layers_reduce_sum(b, out[i], NULL, &sums[i], err));
  FRT_TRY(frt_layers_sums(b, sums, 2, &loss, err));
  return backward(b, loss, err);
}

static frt_status_t ignored_class(frt_builder_t *b, int variant, frt_program_t **extra,
                                  frt_error_t *err) {
  const int64_t x_dims[] = {3, 4}, y_dims[] = {3, 1};
  const frt_cross_entropy_options_t o = {.has_ignore_index = 1, .ignore_index = 1};
  frt_var_t x, y, loss;
  (void)variant;
  (void)extra;
  FRT_TRY(input(b, "x", 2, x_dims, 1, &x, err));
  FRT_TRY(frt_data(b, "y", 2, y_dims, FRT_I64, &y, err));
  FRT_TRY(frt_layers_softmax_with_cross_entropy(b, x, y, &o, &loss, NULL, err));
  FRT_TRY(frt_layers_reduce_sum(b, loss, NULL, &loss, err));
  return backward(b, loss, err);
}

const frontend_case_t cases_layers[] = {
    {"fc_variants", 1234, fc_variants, 0},
    {"reduce_sum", 1234, reduce, 0},
    {"reduce_mean", 1234, reduce, 1},
    {"reduce_max", 1234, reduce, 2},
    {"reduce_min", 1234, reduce, 3},
    {"reduce_prod", 1234, reduce, 4},
    {"elementwise_broadcast", 1234, elementwise, 0},
    {"embedding_adam", 1234, shared_table, 0},
    {"embedding_padding_lars", 1234, shared_table, 1},
    {"embedding_v2_sgd", 1234, table_v2, 0},
    {"initializers", 1234, initializers, 0},
    {"while_cond", 1234, while_cond, 0},
    {"digits_mlp_lars", 1234, digits, 0, "test.pb"},
    {"save_load_digits", 1234, digits_softmax, 0, "test.pb"},
    {"dropout", 1234, dropout, 0},
    {"ignore_index_quirk", 1234, ignored_class, 0},
    {0}};
