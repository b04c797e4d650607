/* Digits from C alone: the programs are built by the front end, and trained on the rows
 * that PaddlePaddle 1.8.5 was given they give its hundred losses and its parameters. */
#include <math.h>
#include <string.h>

#include "fluidrt/fluidrt.h"
#include "frontend.h"
#include "golden.h"

#define CASE "digits_mlp_lars"
enum { STEPS = 100 };
/* The tolerance of the recorded case: |got - want| <= RTOL |want| + ATOL max|want|. */
static const double RTOL = 1e-5, ATOL = 5e-5;

static zip_t *zip;

static frt_status_t recorded(const char *member, frt_tensor_t **out, frt_error_t *err) {
  size_t n = 0;
  void *bytes = golden_read(zip, CASE, member, &n);
  if (!bytes) return frt_fail(err, FRT_NOT_FOUND, "%s has no %s", CASE, member);
  const frt_status_t status = frt_npy_parse(bytes, n, out, err);
  free(bytes);
  return status;
}

/* The largest share of the tolerance that an element takes. */
static double share(const frt_tensor_t *got, const frt_tensor_t *want) {
  const float *a = frt_tensor_data(got), *b = frt_tensor_data(want);
  double largest = 0, worst = 0;
  for (int64_t i = 0; i < frt_tensor_numel(want); ++i)
    largest = fmax(largest, fabs((double)b[i]));
  for (int64_t i = 0; i < frt_tensor_numel(want); ++i)
    worst = fmax(worst, fabs((double)a[i] - b[i]) / (RTOL * fabs((double)b[i]) + ATOL * largest));
  return worst;
}

static frt_status_t against(frt_tensor_t *got, const char *member, double *worst,
                            frt_error_t *err) {
  frt_tensor_t *want = NULL;
  FRT_TRY(recorded(member, &want, err));
  const double s = frt_tensor_numel(got) == frt_tensor_numel(want) ? share(got, want) : NAN;
  frt_tensor_release(want);
  if (s <= 1) {
    *worst = fmax(*worst, s);
    return FRT_OK;
  }
  return frt_fail(err, FRT_INTERNAL, "%s: %g of the tolerance", member, s);
}

static frt_status_t parameters(frt_scope_t *scope, const char *when, double *worst,
                               frt_error_t *err) {
  static const char *const names[] = {"fc_0.w_0", "fc_0.b_0", "fc_1.w_0", "fc_1.b_0",
                                      "fc_0.w_0_velocity_0", "fc_1.w_0_velocity_0"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    char member[128];
    frt_tensor_t *t = NULL;
    if (strcmp(when, "init") == 0 && strstr(names[i], "velocity")) continue; /* all 0 */
    snprintf(member, sizeof member, "%s/%s.npy", when, names[i]);
    FRT_TRY(frt_scope_get(scope, names[i], &t, err));
    const frt_status_t status = against(t, member, worst, err);
    frt_tensor_release(t);
    FRT_TRY(status);
  }
  return FRT_OK;
}

static frt_status_t step(frt_executor_t *exe, frt_builder_t *b, frt_scope_t *scope, int i,
                         double *worst, frt_error_t *err) {
  char member[128];
  frt_tensor_t *img = NULL, *label = NULL, *loss = NULL;
  const frt_fetch_t fetch = {.var = "mean_0.tmp_0"};
  snprintf(member, sizeof member, "step_%03d/feed/img.npy", i);
  frt_status_t status = recorded(member, &img, err);
  snprintf(member, sizeof member, "step_%03d/feed/label.npy", i);
  if (status == FRT_OK) status = recorded(member, &label, err);
  const frt_feed_t feed[] = {{"img", img}, {"label", label}};
  if (status == FRT_OK)
    status = frt_executor_run(exe, frt_builder_main(b), scope, feed, 2, &fetch, 1, &loss,
                              NULL, err);
  snprintf(member, sizeof member, "step_%03d/fetch/mean_0.tmp_0.npy", i);
  if (status == FRT_OK) status = against(loss, member, worst, err);
  frt_tensor_release(loss);
  frt_tensor_release(label);
  frt_tensor_release(img);
  return status;
}

static frt_status_t train(frt_runtime_t *rt, frt_builder_t *b, const char *place,
                          double *worst, frt_error_t *err) {
  frt_executor_t *exe = NULL;
  frt_scope_t *scope = NULL;
  frt_status_t status = frt_executor_create(rt, place, NULL, &exe, err);
  if (status == FRT_OK) status = frt_scope_create(rt, &scope, err);
  if (status == FRT_OK)
    status = frt_executor_run(exe, frt_builder_startup(b), scope, NULL, 0, NULL, 0, NULL,
                              NULL, err);
  if (status == FRT_OK) status = parameters(scope, "init", worst, err);
  for (int i = 0; i < STEPS && status == FRT_OK; ++i)
    status = step(exe, b, scope, i, worst, err);
  if (status == FRT_OK) status = parameters(scope, "final", worst, err);
  frt_scope_release(scope);
  frt_executor_release(exe);
  return status;
}

static frt_status_t build(frt_builder_t *b, frt_error_t *err) {
  const frontend_case_t *c = cases_layers;
  while (strcmp(c->name, CASE) != 0) ++c;
  FRT_TRY(frt_builder_set_seed(b, NULL, c->seed, err));
  return c->build(b, c->variant, NULL, err);
}

int main(void) {
  static const char *const places[] = {"cpu", "reference"};
  frt_error_t err = FRT_ERROR_INIT;
  frt_builder_t *b = NULL;
  frt_runtime_t *rt = NULL;
  zip = golden_open(CASE);
  int failed = !zip || frt_builder_create(&b, &err) || build(b, &err) ||
               frt_runtime_create(NULL, &rt, &err);
  for (int i = 0; i < 2 && !failed; ++i) {
    double worst = 0;
    failed = train(rt, b, places[i], &worst, &err);
    if (!failed) printf("%s: %d losses and the parameters, at most %.3g of the tolerance\n",
                        places[i], STEPS, worst);
  }
  if (failed) fprintf(stderr, "%s\n", err.message);
  frt_runtime_release(rt);
  frt_builder_release(b);
  if (zip) zip_discard(zip);
  return failed;
}
