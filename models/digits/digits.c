/* Digits: the network of this folder built in C, trained with LARS on handwritten digits,
 * kept, exported, loaded again and judged on images that it never saw.
 * `digits [FOLDER [DIGITS.npz]]` leaves losses.npy, the checkpoint `kept` and the folder
 * `served` there; the exit status is 0 if 95 of 100 are right. */
#include <stdio.h>
#include <string.h>

#include <fluidrt/fluidrt.h>

enum { ROWS = 1797, TEST = 360, PIXELS = 64, BATCH = 64, STEPS = 400 };
static float images[ROWS][PIXELS], losses[STEPS];
static int64_t labels[ROWS];
static frt_error_t err = FRT_ERROR_INIT; /* what went wrong, if something did */
static frt_builder_t *b;
static frt_executor_t *exe;
static frt_var_t out, loss;

static int below(uint64_t *state, int n) { /* 0 .. n - 1, the same on every machine */
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (int)((*state >> 33) % (unsigned)n);
}

/* Pixels go from 0 to 16. The rows are shuffled: the first TEST are for the test. */
static frt_status_t read_data(const char *path) {
  frt_tensor_t *x = NULL, *y = NULL;
  uint64_t state = 3;
  frt_status_t status = frt_npz_load(path, "images", &x, &err);
  if (!status) status = frt_npz_load(path, "labels", &y, &err);
  if (!status && (frt_tensor_bytes(x) != ROWS * PIXELS || frt_tensor_numel(y) != ROWS))
    status = frt_fail(&err, FRT_INVALID_ARGUMENT, "%s: wanted %d images", path, ROWS);
  for (int i = 0; i < ROWS && !status; ++i) {
    const int to = below(&state, i + 1); /* row i goes there, and what was there to i */
    memcpy(images[i], images[to], sizeof images[0]);
    labels[i] = labels[to];
    for (int k = 0; k < PIXELS; ++k)
      images[to][k] = ((const uint8_t *)frt_tensor_data(x))[i * PIXELS + k] / 16.0f;
    labels[to] = ((const int64_t *)frt_tensor_data(y))[i];
  }
  frt_tensor_release(x);
  frt_tensor_release(y);
  return status;
}

static frt_status_t build(void) {
  const int64_t img_dims[] = {-1, PIXELS}, label_dims[] = {-1, 1}, steps[] = {150, 300};
  const double rates[] = {0.1, 0.05, 0.01};
  const frt_fc_options_t hidden = {.act = "relu"};
  frt_optimizer_options_t lars = {
      .momentum = 0.9, .lars_coeff = 0.1, .regularization = {FRT_DECAY_L2, 1e-4},
      .grad_clip = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 1}};
  frt_optimizer_t *o = NULL;
  frt_var_t x, label;
  FRT_TRY(frt_builder_set_seed(b, NULL, 1234, &err));
  FRT_TRY(frt_data(b, "img", 2, img_dims, FRT_F32, &x, &err));
  FRT_TRY(frt_data(b, "label", 2, label_dims, FRT_I64, &label, &err));
  FRT_TRY(frt_layers_fc(b, x, 128, &hidden, &x, &err));
  FRT_TRY(frt_layers_fc(b, x, 10, NULL, &x, &err));
  FRT_TRY(frt_layers_softmax_with_cross_entropy(b, x, label, NULL, &loss, NULL, &err));
  FRT_TRY(frt_layers_mean(b, loss, &loss, &err));
  FRT_TRY(frt_layers_softmax(b, x, -1, &out, &err));
  FRT_TRY(frt_piecewise_decay(b, steps, rates, 2, &lars.learning_rate_var, &err));
  FRT_TRY(frt_optimizer_create(b, FRT_OPTIMIZER_LARS_MOMENTUM, &lars, &o, &err));
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
  static float img[BATCH][PIXELS];
  static int64_t label[BATCH];
  const int64_t img_dims[] = {BATCH, PIXELS}, label_dims[] = {BATCH, 1};
  frt_tensor_t *in[2] = {NULL, NULL}, *result = NULL; /* one for all steps */
  uint64_t state = 5;
  frt_status_t status = run(frt_builder_startup(b), scope, NULL, 0, NULL, NULL);
  if (!status) status = frt_tensor_wrap(FRT_F32, 2, img_dims, img, sizeof img, &in[0], &err);
  if (!status)
    status = frt_tensor_wrap(FRT_I64, 2, label_dims, label, sizeof label, &in[1], &err);
  const frt_feed_t feed[] = {{"img", in[0]}, {"label", in[1]}};
  for (int i = 0; i < STEPS && !status; ++i) {
    for (int k = 0; k < BATCH; ++k) {
      const int row = TEST + below(&state, ROWS - TEST);
      memcpy(img[k], images[row], sizeof img[k]);
      label[k] = labels[row];
    }
    status = run(frt_builder_main(b), scope, feed, 2, loss.name, &result);
    if (!status) losses[i] = *(const float *)frt_tensor_data(result);
  }
  frt_tensor_release(result);
  frt_tensor_release(in[0]);
  frt_tensor_release(in[1]);
  return status;
}

/* Loads what was exported into a scope of its own, as a server would. */
static frt_status_t serve(frt_scope_t *scope, const char *folder, int *right) {
  const int64_t dims[] = {TEST, PIXELS};
  frt_program_t *p = NULL;
  const char **name = NULL;
  frt_tensor_t *in = NULL, *result = NULL;
  frt_status_t status =
      frt_inference_load(folder, NULL, scope, &p, NULL, NULL, &name, NULL, &err);
  if (!status) status = frt_tensor_wrap(FRT_F32, 2, dims, images, sizeof images, &in, &err);
  const frt_feed_t feed = {"img", in};
  if (!status) status = run(p, scope, &feed, 1, name[0], &result);
  for (int i = 0; i < TEST && !status; ++i) {
    const float *chance = (const float *)frt_tensor_data(result) + i * 10;
    int best = 0;
    for (int k = 1; k < 10; ++k) best = chance[k] > chance[best] ? k : best;
    *right += best == labels[i];
  }
  frt_tensor_release(result);
  frt_tensor_release(in);
  frt_free(name);
  frt_program_release(p);
  return status;
}

int main(int argc, char **argv) {
  const char *const files[] = {"kept", "served", "losses.npy"}, *const feeds[] = {"img"};
  const char *data = argc > 2 ? argv[2] : "models/data/digits.npz";
  const frt_checkpoint_info_t info = {sizeof info, STEPS, STEPS + 1, 1};
  const int64_t dims[] = {STEPS};
  char path[3][4096];
  frt_runtime_t *rt = NULL;
  frt_scope_t *scope = NULL, *other = NULL;
  frt_tensor_t *t = NULL;
  int right = 0;
  for (int i = 0; i < 3; ++i)
    snprintf(path[i], sizeof path[i], "%s/%s", argc > 1 ? argv[1] : ".", files[i]);
  int failed = read_data(data) || frt_builder_create(&b, &err) || build() ||
      frt_runtime_create(NULL, &rt, &err) || frt_executor_create(rt, NULL, NULL, &exe, &err) ||
      frt_scope_create(rt, &scope, &err) || frt_scope_create(rt, &other, &err) ||
      train(scope) || frt_checkpoint_save(path[0], scope, &info, &err) ||
      frt_inference_save(path[1], frt_builder_main(b), feeds, 1, &out.name, 1, scope, NULL, &err) ||
      frt_tensor_wrap(FRT_F32, 1, dims, losses, sizeof losses, &t, &err) ||
      frt_npy_save(path[2], t, &err) || serve(other, path[1], &right);
  if (failed) fprintf(stderr, "%s\n", err.message);
  else printf("loss %.4f, then %.4f; %d of %d new images right\n", losses[0],
              losses[STEPS - 1], right, TEST);
  frt_tensor_release(t);
  frt_scope_release(other);
  frt_scope_release(scope);
  frt_executor_release(exe);
  frt_runtime_release(rt);
  frt_builder_release(b);
  return failed || right < 0.95 * TEST;
}
