/* make_programs DIR [CASE...]: writes DIR/<case>/startup.pdmodel and main.pdmodel of
 * recorded networks and of a few others, built here in C, and prints the name of each case
 * written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "frontend.h"

static const frontend_case_t *const tables[] = {cases_lars, cases_optimizers,
                                                cases_schedules, cases_layers,
                                                cases_prune, cases_clip, cases_more,
                                                cases_norm, cases_image};

/* ---- networks that nobody recorded ----------------------------------------------------- */

static frt_status_t deep(frt_builder_t *b, void *ctx, frt_var_t *out, frt_error_t *err) {
  const frt_fc_options_t tanh = {.act = "tanh"};
  FRT_TRY(frt_layers_fc(b, *(frt_var_t *)ctx, 4, &tanh, out, err));
  return frt_layers_fc(b, *out, 2, NULL, out, err);
}

static frt_status_t flat(frt_builder_t *b, void *ctx, frt_var_t *out, frt_error_t *err) {
  return frt_layers_fc(b, *(frt_var_t *)ctx, 2, NULL, out, err);
}

/* A branch that trains, over one half of a split. */
static frt_status_t branches(frt_builder_t *b, int variant, frt_program_t **extra,
                             frt_error_t *err) {
  const int64_t dims[] = {-1, 4}, one[] = {1};
  frt_optimizer_t *lars = NULL;
  frt_var_t x, flag, halves[2];
  (void)variant;
  (void)extra;
  FRT_TRY(frt_data(b, "x", 2, dims, FRT_F32, &x, err));
  FRT_TRY(frt_data(b, "flag", 1, one, FRT_BOOL, &flag, err));
  FRT_TRY(frt_layers_fc(b, x, 6, NULL, &x, err));
  FRT_TRY(frt_layers_split(b, x, 1, 2, NULL, halves, err));
  FRT_TRY(frt_layers_cond(b, flag, deep, flat, halves, 1, &x, err));
  FRT_TRY(frt_layers_square(b, x, &x, err));
  FRT_TRY(frt_layers_mean(b, x, &x, err));
  FRT_TRY(frt_lars_momentum_create(b, 0.1, 0.9, NULL, &lars, err));
  const frt_status_t status = frt_optimizer_minimize(lars, x, NULL, NULL, err);
  frt_optimizer_release(lars);
  return status;
}

static const frontend_case_t extras[] = {{"unrecorded_branch_taken", 7, branches, 0},
                                         {"unrecorded_branch_other", 7, branches, 0},
                                         {0}};

/* ---- writing ---------------------------------------------------------------------------- */

static int chosen(const char *name, int argc, char **argv) {
  for (int i = 2; i < argc; ++i)
    if (!strcmp(argv[i], name)) return 1;
  return argc < 3;
}

static frt_status_t save(const frt_program_t *p, const char *dir, const char *name,
                         const char *file, frt_error_t *err) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  if (mkdir(path, 0777) && errno != EEXIST)
    return frt_fail(err, FRT_UNAVAILABLE, "%s: %s", path, strerror(errno));
  snprintf(path, sizeof path, "%s/%s/%s", dir, name, file);
  return frt_program_save(p, path, err);
}

static int write_case(const frontend_case_t *c, const char *dir) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_builder_t *b = NULL;
  frt_program_t *extra = NULL;
  frt_status_t status = frt_builder_create(&b, &err);
  if (status == FRT_OK) status = frt_builder_set_seed(b, NULL, c->seed, &err);
  if (status == FRT_OK) status = c->build(b, c->variant, &extra, &err);
  if (status == FRT_OK)
    status = save(frt_builder_startup(b), dir, c->name, "startup.pdmodel", &err);
  if (status == FRT_OK)
    status = save(frt_builder_main(b), dir, c->name, "main.pdmodel", &err);
  if (status == FRT_OK) printf("%s\n", c->name);
  else fprintf(stderr, "%s: %s\n", c->name, err.message);
  frt_program_release(extra);
  frt_builder_release(b);
  return status == FRT_OK;
}

int main(int argc, char **argv) {
  int ok = 1;
  if (argc < 2) {
    fprintf(stderr, "usage: make_programs DIR [CASE...]\n");
    return 64;
  }
  for (size_t t = 0; t < sizeof tables / sizeof *tables; ++t)
    for (const frontend_case_t *c = tables[t]; c->name; ++c)
      if (chosen(c->name, argc, argv)) ok &= write_case(c, argv[1]);
  for (const frontend_case_t *c = extras; c->name; ++c)
    if (chosen(c->name, argc, argv)) ok &= write_case(c, argv[1]);
  return !ok;
}
