/* Regression: a small network learns z = sin(3x) + x y from noisy samples, and is judged on
 * points that it never saw against the formula itself. `regression [FOLDER]` leaves
 * losses.npy and the folder `served` there; the exit status is 0 if it learnt. */
#include <math.h>
#include <stdio.h>

#include <fluidrt/fluidrt.h>

enum { BATCH = 64, STEPS = 1500, TEST = 1000 };
static float losses[STEPS];
static frt_error_t err = FRT_ERROR_INIT; /* what went wrong, if something did */
static frt_builder_t *b;
static frt_executor_t *exe;
static frt_var_t out, loss;

/* Uniform in [-1, 1), the same on every machine. */
static float uniform(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (float)((double)(*state >> 40) * 0x1p-23 - 1);
}

/* Rows of (x, y), and z by the formula with noise of at most `noise`. */
static void draw(uint64_t *state, float *xy, float *z, int rows, float noise) {
  for (int i = 0; i < rows; ++i) {
    const float x = xy[2 * i] = uniform(state), y = xy[2 * i + 1] = uniform(state);
    z[i] = sinf(3 * x) + x * y + noise * uniform(state);
  }
}

static frt_status_t build(void) {
  const int64_t xy_dims[] = {-1, 2}, z_dims[] = {-1, 1};
  const frt_fc_options_t hidden = {.act = "tanh"};
  frt_optimizer_options_t adam = {0};
  frt_optimizer_t *o = NULL;
  frt_var_t x, z;
  FRT_TRY(frt_builder_set_seed(b, NULL, 7, &err));
  FRT_TRY(frt_data(b, "xy", 2, xy_dims, FRT_F32, &x, &err));
  FRT_TRY(frt_data(b, "z", 2, z_dims, FRT_F32, &z, &err));
  FRT_TRY(frt_layers_fc(b, x, 32, &hidden, &x, &err));
  FRT_TRY(frt_layers_fc(b, x, 32, &hidden, &x, &err));
  FRT_TRY(frt_layers_fc(b, x, 1, NULL, &out, &err));
  FRT_TRY(frt_layers_square_error_cost(b, out, z, &loss, &err));
  FRT_TRY(frt_layers_mean(b, loss, &loss, &err));
  FRT_TRY(frt_polynomial_decay(b, 0.01, STEPS, 1e-4, 1, 0, &adam.learning_rate_var, &err));
  FRT_TRY(frt_optimizer_create(b, FRT_OPTIMIZER_ADAM, &adam, &o, &err));
  const frt_status_t status = frt_optimizer_minimize(o, loss, NULL, NULL, &err);
  frt_optimizer_release(o);
  return status;
}

static frt_status_t run(const frt_program_t *p, frt_scope_t *scope, const frt_feed_t *feed,
                        size_t n_feed, const char *fetch, frt_tensor_t **result) {
  const frt_fetch_t f = {.var = fetch};
  return frt_executor_run(exe, p, scope, feed, n_feed, &f, fetch != NULL, result, NULL, &err);
}

static frt_status_t train(frt_scope_t *scope) {
  float xy[BATCH * 2], z[BATCH];
  const int64_t xy_dims[] = {BATCH, 2}, z_dims[] = {BATCH, 1};
  frt_tensor_t *in[2] = {NULL, NULL}, *result = NULL; /* one for all steps */
  uint64_t state = 1;
  frt_status_t status = run(frt_builder_startup(b), scope, NULL, 0, NULL, NULL);
  if (!status) status = frt_tensor_wrap(FRT_F32, 2, xy_dims, xy, sizeof xy, &in[0], &err);
  if (!status) status = frt_tensor_wrap(FRT_F32, 2, z_dims, z, sizeof z, &in[1], &err);
  const frt_feed_t feed[] = {{"xy", in[0]}, {"z", in[1]}};
  for (int i = 0; i < STEPS && !status; ++i) {
    draw(&state, xy, z, BATCH, 0.1f);
    status = run(frt_builder_main(b), scope, feed, 2, loss.name, &result);
    if (!status) losses[i] = *(const float *)frt_tensor_data(result);
  }
  frt_tensor_release(result);
  frt_tensor_release(in[0]);
  frt_tensor_release(in[1]);
  return status;
}

/* Loads what was exported into a scope of its own, as a server would. */
static frt_status_t serve(frt_scope_t *scope, const char *folder, double *error) {
  static float xy[TEST * 2], z[TEST];
  const int64_t dims[] = {TEST, 2};
  frt_program_t *p = NULL;
  const char **name = NULL;
  frt_tensor_t *in = NULL, *result = NULL;
  uint64_t state = 2;
  draw(&state, xy, z, TEST, 0);
  frt_status_t status =
      frt_inference_load(folder, NULL, scope, &p, NULL, NULL, &name, NULL, &err);
  if (!status) status = frt_tensor_wrap(FRT_F32, 2, dims, xy, sizeof xy, &in, &err);
  const frt_feed_t feed = {"xy", in};
  if (!status) status = run(p, scope, &feed, 1, name[0], &result);
  for (int i = 0; i < TEST && !status; ++i)
    *error += pow(((const float *)frt_tensor_data(result))[i] - z[i], 2) / TEST;
  frt_tensor_release(result);
  frt_tensor_release(in);
  frt_free(name);
  frt_program_release(p);
  return status;
}

int main(int argc, char **argv) {
  const char *const folder = argc > 1 ? argv[1] : ".", *const feeds[] = {"xy"};
  const int64_t dims[] = {STEPS};
  char served[4096], curve[4096];
  frt_runtime_t *rt = NULL;
  frt_scope_t *scope = NULL, *other = NULL;
  frt_tensor_t *t = NULL;
  double error = 0;
  snprintf(served, sizeof served, "%s/served", folder);
  snprintf(curve, sizeof curve, "%s/losses.npy", folder);
  int failed = frt_builder_create(&b, &err) || build() || frt_runtime_create(NULL, &rt, &err) ||
      frt_executor_create(rt, NULL, NULL, &exe, &err) || frt_scope_create(rt, &scope, &err) ||
      frt_scope_create(rt, &other, &err) || train(scope) ||
      frt_inference_save(served, frt_builder_main(b), feeds, 1, &out.name, 1, scope, NULL, &err) ||
      frt_tensor_wrap(FRT_F32, 1, dims, losses, sizeof losses, &t, &err) ||
      frt_npy_save(curve, t, &err) || serve(other, served, &error);
  if (failed) fprintf(stderr, "%s\n", err.message);
  else printf("loss %.4f, then %.4f; root mean square error on %d new points %.4f\n",
              losses[0], losses[STEPS - 1], TEST, sqrt(error));
  frt_tensor_release(t);
  frt_scope_release(other);
  frt_scope_release(scope);
  frt_executor_release(exe);
  frt_runtime_release(rt);
  frt_builder_release(b);
  return failed || sqrt(error) > 0.05;
}
