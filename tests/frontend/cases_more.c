/* Activations, losses, matrices and shapes, random numbers, the raw op fc. */
#include "nets.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static frt_status_t input(frt_builder_t *b, const char *name, uint32_t rank,
                          const int64_t *dims, frt_var_t *out, frt_error_t *err) {
  FRT_TRY(frt_data(b, name, rank, dims, FRT_F32, out, err));
  return frt_var_stop_gradient(b, *out, 0, err);
}

static frt_status_t backward(frt_builder_t *b, frt_var_t loss, frt_error_t *err) {
  frt_param_grad_t *pairs;
  size_t n;
  return frt_append_backward(b, loss, NULL, 0, NULL, 0, &pairs, &n, err);
}

/* The sum of all means; with squares, of the means of squares. */
static frt_status_t sum_of_means(frt_builder_t *b, const frt_var_t *v, size_t n,
                                 int squares, frt_var_t *loss, frt_error_t *err) {
  frt_var_t means[64];
  for (size_t i = 0; i < n; ++i) {
    means[i] = v[i];
    if (squares) FRT_TRY(frt_layers_square(b, v[i], &means[i], err));
    FRT_TRY(frt_layers_reduce_mean(b, means[i], NULL, &means[i], err));
  }
  return frt_layers_sums(b, means, n, loss, err);
}

/* ---- activations ------------------------------------------------------------------- */

typedef frt_status_t (*unary_t)(frt_builder_t *, frt_var_t, frt_var_t *, frt_error_t *);

static frt_status_t with_arguments(frt_builder_t *b, frt_var_t x, frt_var_t *out,
                                   frt_error_t *err) {
  frt_var_t sign; /* no gradient is asked for */
  FRT_TRY(frt_layers_leaky_relu(b, x, 0, &out[0], err));
  FRT_TRY(frt_layers_elu(b, x, 0, &out[1], err));
  FRT_TRY(frt_layers_relu6(b, x, 0, &out[2], err));
  FRT_TRY(frt_layers_swish(b, x, 0, &out[3], err));
  FRT_TRY(frt_layers_hard_sigmoid(b, x, 0, 0, &out[4], err));
  FRT_TRY(frt_layers_hard_swish(b, x, 0, 0, 0, &out[5], err));
  FRT_TRY(frt_layers_gelu(b, x, 0, &out[6], err));
  FRT_TRY(frt_layers_erf(b, x, &out[7], err));
  FRT_TRY(frt_layers_sign(b, x, &sign, err));
  FRT_TRY(frt_layers_tanh_shrink(b, x, &out[8], err));
  FRT_TRY(frt_layers_gelu(b, x, 1, &out[9], err));
  FRT_TRY(frt_layers_stanh(b, x, 0, 0, &out[10], err));
  FRT_TRY(frt_layers_brelu(b, x, -0.5, 0.5, &out[11], err));
  return frt_layers_hard_shrink(b, x, 0.5, &out[12], err);
}

static frt_status_t of_positive(frt_builder_t *b, frt_var_t z, frt_var_t *out,
                                frt_error_t *err) {
  FRT_TRY(frt_layers_sqrt(b, z, &out[0], err));
  FRT_TRY(frt_layers_rsqrt(b, z, &out[1], err));
  FRT_TRY(frt_layers_log(b, z, &out[2], err));
  FRT_TRY(frt_layers_reciprocal(b, z, &out[3], err));
  return frt_layers_pow(b, z, 2.5, &out[4], err);
}

static frt_status_t further(frt_builder_t *b, frt_var_t x, frt_var_t *out,
                            frt_error_t *err) {
  frt_var_t clipped; /* by norm: no gradient is known */
  FRT_TRY(frt_layers_clip(b, x, -0.7, 0.9, &out[0], err));
  FRT_TRY(frt_layers_clip_by_norm(b, x, 1, &clipped, err));
  FRT_TRY(frt_layers_scale(b, x, 2, 1, 0, &out[1], err));
  FRT_TRY(frt_layers_scale(b, x, 2, 1, 1, &out[2], err));
  FRT_TRY(frt_layers_softmax(b, x, -1, &out[3], err));
  FRT_TRY(frt_layers_softmax(b, x, 0, &out[4], err));
  FRT_TRY(frt_layers_mean(b, x, &out[5], err));
  FRT_TRY(frt_layers_l2_normalize(b, x, 1, 0, &out[6], err));
  return frt_layers_cumsum(b, x, 1, 0, 0, &out[7], err);
}

static frt_status_t unary(frt_builder_t *b, int variant, frt_program_t **extra,
                          frt_error_t *err) {
  static const unary_t plain[] = {
      frt_layers_relu, frt_layers_sigmoid, frt_layers_tanh, frt_layers_exp, frt_layers_abs,
      frt_layers_square, frt_layers_ceil, frt_layers_floor, frt_layers_round,
      frt_layers_sin, frt_layers_cos, frt_layers_atan, frt_layers_softplus,
      frt_layers_softsign, frt_layers_logsigmoid};
  const int64_t dims[] = {3, 4};
  frt_var_t x, z, out[COUNT(plain) + 26], loss;
  size_t n = 0;
  (void)variant;
  (void)extra;
  FRT_TRY(input(b, "x", 2, dims, &x, err));
  FRT_TRY(input(b, "pz", 2, dims, &z, err));
  for (; n < COUNT(plain); ++n) FRT_TRY(plain[n](b, x, &out[n], err));
  FRT_TRY(with_arguments(b, x, &out[n], err));
  FRT_TRY(of_positive(b, z, &out[n + 13], err));
  FRT_TRY(further(b, x, &out[n + 18], err));
  FRT_TRY(sum_of_means(b, out, n + 26, 1, &loss, err));
  return backward(b, loss, err);
}

/* ---- losses ------------------------------------------------------------------------ */

static frt_status_t losses(frt_builder_t *b, int variant, frt_program_t **extra,
                           frt_error_t *err) {
  const int64_t dims[] = {6, 5}, y_dims[] = {6, 1}, d1[] = {1}, begin[] = {0}, end[] = {1};
  const frt_cross_entropy_options_t soft = {.soft_label = 1}, unstable = {.unstable = 1},
                                    ignoring = {.has_ignore_index = 1, .ignore_index = 1};
  const frt_reduce_options_t rows = {d1, 1, 1};
  frt_var_t x, y, s, v, w, out[10], ignored, accuracy, loss;
  (void)variant;
  (void)extra;
  FRT_TRY(input(b, "x", 2, dims, &x, err));
  FRT_TRY(frt_data(b, "y", 2, y_dims, FRT_I64, &y, err));
  FRT_TRY(frt_data(b, "s", 2, dims, FRT_F32, &s, err));
  FRT_TRY(frt_layers_softmax_with_cross_entropy(b, x, y, NULL, &out[0], NULL, err));
  FRT_TRY(frt_layers_softmax_with_cross_entropy(b, x, s, &soft, &out[1], NULL, err));
  FRT_TRY(frt_layers_softmax_with_cross_entropy(b, x, y, &ignoring, &ignored, NULL, err));
  FRT_TRY(frt_layers_softmax_with_cross_entropy(b, x, y, &unstable, &out[2], NULL, err));
  FRT_TRY(frt_layers_softmax(b, x, -1, &v, err));
  FRT_TRY(frt_layers_cross_entropy(b, v, y, NULL, &out[3], err));
  FRT_TRY(frt_layers_cross_entropy(b, v, s, &soft, &out[4], err));
  FRT_TRY(frt_layers_square_error_cost(b, x, s, &out[5], err));
  FRT_TRY(frt_layers_sigmoid_cross_entropy_with_logits(b, x, s, 0, 0, 0, &out[6], err));
  FRT_TRY(frt_layers_huber_loss(b, x, s, 0.5, &out[7], err));
  FRT_TRY(frt_layers_smooth_l1(b, x, s, 0, &out[8], err));
  FRT_TRY(frt_layers_reduce_sum(b, x, &rows, &w, err));
  FRT_TRY(frt_layers_sigmoid(b, w, &w, err));
  FRT_TRY(frt_layers_slice(b, s, 1, d1, begin, end, &y, err));
  FRT_TRY(frt_layers_log_loss(b, w, y, 0, &out[9], err));
  FRT_TRY(frt_builder_var(b, "y", &y, err));
  FRT_TRY(frt_layers_accuracy(b, v, y, 1, &accuracy, err));
  FRT_TRY(frt_layers_accuracy(b, v, y, 2, &accuracy, err));
  FRT_TRY(sum_of_means(b, out, COUNT(out), 0, &loss, err));
  return backward(b, loss, err);
}

/* ---- matrices and shapes ------------------------------------------------------------ */

static frt_status_t products(frt_builder_t *b, frt_var_t x, frt_var_t y, frt_var_t m,
                             frt_var_t *out, frt_error_t *err) {
  const int64_t flip[] = {1, 0};
  frt_var_t t;
  FRT_TRY(frt_layers_matmul(b, x, y, 0, 0, 0, &out[0], err));
  FRT_TRY(frt_layers_matmul(b, x, y, 0, 0, 0.5, &out[1], err));
  FRT_TRY(frt_layers_matmul(b, x, m, 0, 1, 0, &out[2], err));
  FRT_TRY(frt_layers_matmul(b, x, x, 0, 1, 0, &out[3], err));
  FRT_TRY(frt_layers_matmul(b, x, x, 1, 0, 0, &out[4], err));
  FRT_TRY(frt_layers_transpose(b, m, 2, flip, &t, err));
  return frt_layers_mul(b, x, t, 2, 1, &out[5], err);
}

static frt_status_t reshaped(frt_builder_t *b, frt_var_t x, frt_var_t *out,
                             frt_error_t *err) {
  const int64_t flat[] = {0, -1}, cubes[] = {-1, 2, 2}, perm[] = {2, 0, 1};
  const int64_t sections[] = {1, 2}, axes[] = {1, 2}, from[] = {1, -3}, to[] = {3, 100};
  const frt_var_t twice[] = {x, x};
  FRT_TRY(frt_layers_reshape(b, x, 2, flat, NULL, &out[0], err));
  FRT_TRY(frt_layers_reshape(b, x, 3, cubes, NULL, &out[1], err));
  FRT_TRY(frt_layers_transpose(b, x, 3, perm, &out[2], err));
  FRT_TRY(frt_layers_concat(b, twice, 2, -1, &out[3], err));
  FRT_TRY(frt_layers_split(b, x, 2, 2, NULL, &out[4], err));
  FRT_TRY(frt_layers_split(b, x, 1, 2, sections, &out[6], err));
  FRT_TRY(frt_layers_stack(b, twice, 2, 1, &out[8], err));
  return frt_layers_slice(b, x, 2, axes, from, to, &out[9], err);
}

static frt_status_t regrown(frt_builder_t *b, frt_var_t x, frt_var_t m, frt_var_t *out,
                            frt_error_t *err) {
  const int64_t d1[] = {1}, d0[] = {0}, ends[] = {0, 3}, times[] = {2, 1}, three[] = {3};
  const int64_t paddings[] = {1, 0, 0, 2};
  const int32_t rows[] = {3, 0, 3};
  frt_var_t v;
  FRT_TRY(frt_layers_unsqueeze(b, m, 1, d1, &out[0], err));
  FRT_TRY(frt_layers_unsqueeze(b, m, 2, ends, &v, err));
  FRT_TRY(frt_layers_squeeze(b, v, 1, d0, &out[1], err));
  FRT_TRY(frt_layers_flatten(b, x, 2, &out[2], err));
  FRT_TRY(frt_layers_expand(b, m, 2, times, &out[3], err));
  FRT_TRY(frt_layers_assign_array(b, 1, three, FRT_I32, rows, sizeof rows, &v, err));
  FRT_TRY(frt_layers_gather(b, m, v, &out[4], err));
  FRT_TRY(frt_layers_pad(b, m, 2, paddings, 0.5, &out[5], err));
  return frt_layers_cast(b, x, FRT_F64, &v, err);
}

static frt_status_t without_gradients(frt_builder_t *b, frt_var_t x, frt_var_t m,
                                      frt_error_t *err) {
  const int64_t d1[] = {1};
  frt_var_t first, v, zero;
  FRT_TRY(frt_layers_argmax(b, m, 1, &first, err));
  FRT_TRY(frt_layers_top_k(b, m, 2, &v, &zero, err));
  FRT_TRY(frt_layers_unsqueeze(b, first, 1, d1, &v, err));
  FRT_TRY(frt_layers_one_hot(b, v, 4, &v, err));
  FRT_TRY(frt_layers_shape(b, x, &v, err));
  FRT_TRY(frt_layers_scale(b, x, FRT_ZERO, 0, 0, &zero, err));
  FRT_TRY(frt_layers_less_than(b, x, zero, &v, err));
  FRT_TRY(frt_layers_equal(b, first, first, &v, err));
  FRT_TRY(frt_layers_equal(b, first, first, &v, err));
  return frt_layers_logical_not(b, v, &v, err);
}

static frt_status_t shapes(frt_builder_t *b, int variant, frt_program_t **extra,
                           frt_error_t *err) {
  const int64_t x_dims[] = {2, 3, 4}, y_dims[] = {2, 4, 5}, m_dims[] = {6, 4};
  frt_var_t x, y, m, out[22], loss;
  (void)variant;
  (void)extra;
  FRT_TRY(input(b, "x", 3, x_dims, &x, err));
  FRT_TRY(input(b, "y", 3, y_dims, &y, err));
  FRT_TRY(input(b, "m", 2, m_dims, &m, err));
  FRT_TRY(products(b, x, y, m, out, err));
  FRT_TRY(reshaped(b, x, out + 6, err));
  FRT_TRY(regrown(b, x, m, out + 16, err));
  FRT_TRY(sum_of_means(b, out, COUNT(out), 1, &loss, err));
  FRT_TRY(backward(b, loss, err));
  return without_gradients(b, x, m, err);
}

/* ---- random numbers ----------------------------------------------------------------- */

static frt_status_t random_numbers(frt_builder_t *b, int variant, frt_program_t **extra,
                                   frt_error_t *err) {
  const int64_t dims[] = {3, 7}, eleven[] = {11};
  frt_var_t v;
  (void)variant;
  (void)extra;
  FRT_TRY(frt_layers_uniform_random(b, 2, dims, FRT_F32, -2, 3, 5, &v, err));
  FRT_TRY(frt_layers_gaussian_random(b, 2, dims, FRT_F32, 0.5, 2, 5, &v, err));
  return frt_layers_randint(b, 1, eleven, FRT_I64, 0, 50, 5, &v, err);
}

/* ---- the op fc, appended as it is ---------------------------------------------------- */

typedef struct raw_fc {
  const char *in;
  uint32_t bias_rank; /* 0: no bias */
  int64_t rows, columns;
  int flat;
  const char *act;
} raw_fc_t;

static frt_status_t raw_parameter(frt_builder_t *b, char kind, int i, int seed,
                                  uint32_t rank, const int64_t *dims, frt_var_t *out,
                                  frt_error_t *err) {
  char name[8];
  snprintf(name, sizeof name, "%c%d", kind, i);
  const frt_param_attr_t attr = {
      .name = name,
      .initializer = {FRT_INIT_UNIFORM, .low = -0.8, .high = 0.8, .seed = seed}};
  return frt_layers_create_parameter(b, rank, dims, FRT_F32, &attr, out, err);
}

static frt_status_t raw_fc(frt_builder_t *b, int i, const raw_fc_t *f, frt_error_t *err) {
  const int64_t w_dims[] = {f->rows, f->columns}, row[] = {1, f->columns};
  char name[8];
  const char *to = name;
  frt_var_t w, bias = {0};
  snprintf(name, sizeof name, "o%d", i);
  const frt_var_info_t out_info = {.name = name, .dtype = FRT_F32};
  FRT_TRY(raw_parameter(b, 'w', i, 20 + i, 2, w_dims, &w, err));
  if (f->bias_rank)
    FRT_TRY(raw_parameter(b, 'b', i, 60 + i, f->bias_rank,
                          f->bias_rank == 2 ? row : row + 1, &bias, err));
  FRT_TRY(frt_program_add_var(frt_builder_main(b), 0, &out_info, err));
  const frt_op_slot_t in[] = {{"Input", 1, &f->in}, {"W", 1, &w.name},
                              {"Bias", 1, &bias.name}};
  const frt_op_slot_t out[] = {{"Out", 1, &to}};
  const frt_attr_info_t attrs[] = {{.name = "in_num_col_dims", .i = f->flat},
                                   {.name = "activation_type", .s = f->act}};
  return frt_append_op(b, "fc", in, f->bias_rank ? 3 : 2, out, 1, attrs, 2, NULL, err);
}

static frt_status_t raw_fcs(frt_builder_t *b, int variant, frt_program_t **extra,
                            frt_error_t *err) {
  static const raw_fc_t all[] = {
      {"x", 1, 4, 6, 1, "relu"}, {"x", 2, 4, 6, 1, ""}, {"x", 0, 4, 3, 1, ""},
      {"z", 1, 5, 7, 2, "relu"}, {"z", 1, 15, 4, 1, ""}, {"z", 0, 5, 2, 2, ""},
      {"o0", 1, 6, 1, 1, "relu"}, {"o3", 1, 21, 5, 1, ""}};
  const int64_t x_dims[] = {-1, 4}, z_dims[] = {-1, 3, 5};
  frt_var_t v;
  (void)variant;
  (void)extra;
  FRT_TRY(frt_data(b, "x", 2, x_dims, FRT_F32, &v, err));
  FRT_TRY(frt_data(b, "z", 3, z_dims, FRT_F32, &v, err));
  for (int i = 0; i < (int)COUNT(all); ++i) FRT_TRY(raw_fc(b, i, &all[i], err));
  return FRT_OK;
}

/* ---- three feeds, two targets --------------------------------------------------------- */

static frt_status_t towers(frt_builder_t *b, frt_var_t *probability, frt_error_t *err) {
  const int64_t mid_dims[] = {-1, 3}, zeta_dims[] = {-1, 2, 4}, id_dims[] = {-1, 1}, d1[] = {1};
  const frt_fc_options_t tanh = {.act = "tanh"}, softmax = {.act = "softmax"};
  const frt_reduce_options_t rows = {d1, 1, 1};
  frt_var_t mid, zeta, alpha, label, part[3], x, sum;
  FRT_TRY(frt_data(b, "mid", 2, mid_dims, FRT_F32, &mid, err));
  FRT_TRY(frt_data(b, "zeta", 3, zeta_dims, FRT_F32, &zeta, err));
  FRT_TRY(frt_data(b, "alpha", 2, id_dims, FRT_I64, &alpha, err));
  FRT_TRY(frt_data(b, "label", 2, id_dims, FRT_I64, &label, err));
  FRT_TRY(frt_layers_fc(b, mid, 4, &tanh, &part[0], err));
  FRT_TRY(frt_layers_fc(b, zeta, 4, NULL, &part[1], err));
  FRT_TRY(frt_layers_embedding(b, alpha, 7, 3, NULL, &part[2], err));
  FRT_TRY(frt_layers_concat(b, part, 3, 1, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 6, &tanh, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 3, &softmax, probability, err));
  return frt_layers_reduce_sum(b, x, &rows, &sum, err);
}

static frt_status_t many_feeds(frt_builder_t *b, int variant, frt_program_t **extra,
                               frt_error_t *err) {
  const frt_optimizer_options_t o = {.learning_rate = 0.5, .momentum = 0.9,
                                     .lars_coeff = 0.1};
  frt_var_t loss, label;
  (void)variant;
  FRT_TRY(towers(b, &loss, err));
  FRT_TRY(frt_builder_var(b, "label", &label, err));
  FRT_TRY(frt_layers_cross_entropy(b, loss, label, NULL, &loss, err));
  FRT_TRY(frt_layers_mean(b, loss, &loss, err));
  FRT_TRY(net_for_test(b, extra, err));
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, loss, NULL, err);
}

const frontend_case_t cases_more[] = {
    {"unary_ops", 1234, unary, 0},
    {"losses_accuracy", 1234, losses, 0},
    {"matmul_shape_ops", 1234, shapes, 0},
    {"random_ops_main", 1234, random_numbers, 0},
    {"op_fc", 1306, raw_fcs, 0},
    {"save_load_multi", 1310, many_feeds, 0, "test.pb"},
    {0}};
