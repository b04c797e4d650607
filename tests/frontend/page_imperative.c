/* The four imperative examples of LarsMomentumOptimizer's page, in its order. The first
 * one's backward needs no loss: a vector is seeded with ones. */
#include <math.h>

#include <fluidrt/fluidrt.h>

typedef struct guard {
  frt_imperative_t *im;
  frt_builder_t *b;
} guard_t;

/* Parameters of a layer as an optimizer's parameter_list; the bias may be none. */
#define PARAMETERS(weight, bias)                                     \
  .parameter_list = (const char *const[]){(weight).name, (bias).name}, \
  .n_parameters = (bias).name ? 2 : 1

static frt_status_t filled(const guard_t *g, int64_t rows, int64_t cols, float first,
                           float step, frt_var_t *out, frt_error_t *err) {
  const int64_t dims[] = {rows, cols};
  frt_tensor_t *t = NULL;
  FRT_TRY(frt_tensor_create(FRT_F32, 2, dims, &t, err));
  for (int64_t i = 0; i < rows * cols; ++i)
    ((float *)frt_tensor_data(t))[i] = first + step * (float)i;
  const frt_status_t status = frt_to_variable(g->im, t, NULL, out, err);
  frt_tensor_release(t);
  return status;
}

/* clear_gradients */
static frt_status_t clear_gradients(const guard_t *g, frt_error_t *err) {
  frt_linear_t linear;
  frt_optimizer_t *optimizer = NULL;
  frt_tensor_t *gradient = NULL;
  frt_var_t a, out;
  FRT_TRY(filled(g, 2, 13, 0, 1, &a, err));
  FRT_TRY(frt_linear_create(g->im, 13, 5, NULL, &linear, err));
  const frt_optimizer_options_t o = {PARAMETERS(linear.weight, linear.bias)};
  FRT_TRY(frt_lars_momentum_create(g->b, 0.001, 0.9, &o, &optimizer, err));
  frt_status_t status = frt_linear_call(g->im, &linear, a, &out, err);
  if (!status) status = frt_imperative_backward(g->im, out, err);
  if (!status) status = frt_optimizer_minimize(optimizer, out, NULL, NULL, err);
  if (!status) status = frt_optimizer_clear_gradients(optimizer, err);
  if (!status) status = frt_imperative_gradient(g->im, linear.weight, &gradient, err);
  for (int64_t i = 0; !status && i < frt_tensor_numel(gradient); ++i)
    if (((const float *)frt_tensor_data(gradient))[i] != 0)
      status = frt_fail(err, FRT_INTERNAL, "a gradient is not zero");
  frt_tensor_release(gradient);
  frt_optimizer_release(optimizer);
  return status;
}

static frt_status_t tell(frt_optimizer_t *adam, frt_error_t *err) {
  double lr;
  FRT_TRY(frt_optimizer_current_step_lr(adam, &lr, err));
  printf("current lr is %g\n", lr);
  return FRT_OK;
}

/* set_lr: numbers, then a variable */
static frt_status_t set_lr(const guard_t *g, frt_error_t *err) {
  const double lr_list[] = {0.2, 0.3, 0.4, 0.5, 0.6};
  frt_linear_t linear;
  frt_optimizer_t *adam = NULL;
  frt_var_t lr_var;
  FRT_TRY(frt_linear_create(g->im, 10, 10, NULL, &linear, err));
  const frt_optimizer_options_t o = {.learning_rate = 0.1,
                                     PARAMETERS(linear.weight, linear.bias)};
  FRT_TRY(frt_optimizer_create(g->b, FRT_OPTIMIZER_ADAM, &o, &adam, err));
  frt_status_t status = FRT_OK;
  for (int i = 0; !status && i < 5; ++i) {
    status = frt_optimizer_set_lr(adam, lr_list[i], err);
    if (!status) status = tell(adam, err);
  }
  if (!status)
    status = frt_layers_create_global_var(g->b, 1, (const int64_t[]){1}, 0.7, FRT_F32, 0, NULL,
                                          &lr_var, err);
  if (!status) status = frt_optimizer_set_lr_var(adam, lr_var, err);
  if (!status) status = tell(adam, err);
  frt_optimizer_release(adam);
  return status;
}

/* current_step_lr without a decay object */
static frt_status_t constant_lr(const guard_t *g, frt_error_t *err) {
  frt_embedding_t emb;
  frt_optimizer_t *adam = NULL;
  double lr = 0;
  FRT_TRY(frt_embedding_create(g->im, 10, 10, NULL, &emb, err));
  const frt_optimizer_options_t o = {.learning_rate = 0.001,
                                     PARAMETERS(emb.weight, (frt_var_t){0})};
  FRT_TRY(frt_optimizer_create(g->b, FRT_OPTIMIZER_ADAM, &o, &adam, err));
  const frt_status_t status = frt_optimizer_current_step_lr(adam, &lr, err);
  if (!status) printf("%g\n", lr);
  frt_optimizer_release(adam);
  return status;
}

static int is_close(frt_optimizer_t *adam, double want, frt_error_t *err) {
  double lr;
  return frt_optimizer_current_step_lr(adam, &lr, err) == FRT_OK &&
         fabs(lr - want) <= 1e-6 * want;
}

/* current_step_lr with PiecewiseDecay */
static frt_status_t decayed_lr(const guard_t *g, frt_error_t *err) {
  const int64_t bd[] = {2, 4, 6, 8};
  const double value[] = {0.2, 0.4, 0.6, 0.8, 1.0};
  const double ret[] = {0.2, 0.2, 0.4, 0.4, 0.6, 0.6, 0.8, 0.8, 1.0, 1.0, 1.0, 1.0};
  const frt_lr_decay_options_t pieces = {.bounds = bd, .values = value, .n = 4};
  frt_lr_decay_t *decay = NULL;
  frt_linear_t linear;
  frt_optimizer_t *adam = NULL;
  frt_var_t inp, out, loss;
  FRT_TRY(filled(g, 10, 10, -0.1f, 0.002f, &inp, err));
  FRT_TRY(frt_linear_create(g->im, 10, 10, NULL, &linear, err));
  FRT_TRY(frt_linear_call(g->im, &linear, inp, &out, err));
  FRT_TRY(frt_layers_reduce_mean(g->b, out, NULL, &loss, err));
  FRT_TRY(frt_lr_decay_create(g->im, FRT_LR_PIECEWISE, &pieces, &decay, err));
  const frt_optimizer_options_t o = {.learning_rate_decay = decay,
                                     PARAMETERS(linear.weight, linear.bias)};
  frt_status_t status = frt_optimizer_create(g->b, FRT_OPTIMIZER_ADAM, &o, &adam, err);
  if (!status) printf("%s", is_close(adam, 0.2, err) ? "True" : "False");
  for (int i = 0; !status && i < 12; ++i) {
    status = frt_optimizer_minimize(adam, loss, NULL, NULL, err);
    if (!status) printf(" %s", is_close(adam, ret[i], err) ? "True" : "False");
  }
  printf("\n");
  frt_optimizer_release(adam);
  frt_lr_decay_release(decay);
  return status;
}

int main(void) {
  frt_status_t (*const examples[])(const guard_t *, frt_error_t *) = {
      clear_gradients, set_lr, constant_lr, decayed_lr};
  frt_error_t err = FRT_ERROR_INIT;
  frt_runtime_t *rt = NULL;
  int failed = frt_runtime_create(NULL, &rt, &err) != FRT_OK;
  for (size_t i = 0; !failed && i < 4; ++i) {
    guard_t g = {NULL, NULL}; /* with fluid.dygraph.guard(): */
    failed = frt_imperative_create(rt, NULL, NULL, &g.im, &err) != FRT_OK;
    if (!failed) g.b = frt_imperative_builder(g.im);
    if (!failed) failed = examples[i](&g, &err) != FRT_OK;
    frt_imperative_release(g.im);
  }
  if (failed) fprintf(stderr, "%s\n", err.message);
  frt_runtime_release(rt);
  return failed;
}
