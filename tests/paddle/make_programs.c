/* make_programs DIR [CASE...]: writes DIR/<case>/startup.pdmodel and main.pdmodel of
 * recorded networks, built here in C, and prints the name of each case written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "frontend.h"

static const frontend_case_t *const tables[] = {cases_lars, cases_optimizers,
                                                cases_schedules, cases_layers,
                                                cases_prune, cases_clip, cases_more};

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
  return !ok;
}
