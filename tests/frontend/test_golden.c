/* Every case of the tables, built and compared; every recorded case is in a table or
 * listed with the reason why not. `frontend_golden NAME...` runs some. */
#include <dirent.h>
#include <string.h>

#include "frontend.h"
#include "golden.h"

static int load(const char *name, const char *member, frt_program_t **out,
                frt_error_t *err) {
  zip_t *z = golden_open(name);
  size_t n = 0;
  void *bytes = z ? golden_read(z, name, member, &n) : NULL;
  const int ok = bytes && frt_program_parse(bytes, n, NULL, out, err) == FRT_OK;
  if (!bytes) frt_fail(err, FRT_NOT_FOUND, "%s of the recorded case", member);
  free(bytes);
  if (z) zip_discard(z);
  return ok;
}

static int check(const frontend_case_t *c, frt_program_t *got, const char *member,
                 char *text, size_t cap) {
  frt_program_t *want = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  char first[8192];
  int ok = load(c->name, member, &want, &err);
  if (!ok) snprintf(text, cap, "%s: %s", member, err.message);
  else if (!(ok = same_graph(got, want, first, sizeof first)))
    snprintf(text, cap, "%s: %s", member, first);
  frt_program_release(want);
  return ok;
}

static int run(const frontend_case_t *c) {
  frt_builder_t *b = NULL;
  frt_program_t *extra = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  char text[9000] = "";
  frt_status_t status = frt_builder_create(&b, &err);
  if (status == FRT_OK) status = frt_builder_set_seed(b, NULL, c->seed, &err);
  if (status == FRT_OK) status = c->build(b, c->variant, &extra, &err);
  int ok = status == FRT_OK;
  if (!ok) snprintf(text, sizeof text, "%s: %s", frt_status_text(status), err.message);
  else
    ok = check(c, frt_builder_main(b), "main.pb", text, sizeof text) &&
         check(c, frt_builder_startup(b), "startup.pb", text, sizeof text) &&
         (!c->extra || check(c, extra, c->extra, text, sizeof text));
  printf("%s %s%s%s\n", ok ? "same     " : "DIFFERENT", c->name, ok ? "" : ": ", text);
  frt_program_release(extra);
  frt_builder_release(b);
  return ok;
}

/* ---- what is not built ------------------------------------------------------------- */

#define IMPERATIVE "imperative: there is no program, verify runs the script"
#define RECORDS "records of refusals, pinned by frontend_records"
#define NEWER "an inference program that a newer Paddle wrote"
#define REPAIRED "built otherwise on purpose, pinned by unit_train_test_clip"
static const struct { const char *name, *why; } not_built[] = {
    {"clip_set_groups_quirk", REPAIRED}, {"clip_set_partial_quirk", REPAIRED},
    {"dy_clear_gradients", IMPERATIVE}, {"dy_current_step_lr", IMPERATIVE},
    {"dy_current_step_lr_backward", IMPERATIVE}, {"dy_minimize_arguments", IMPERATIVE},
    {"dy_mlp_lars", IMPERATIVE}, {"dy_schedules", IMPERATIVE}, {"dy_set_lr", IMPERATIVE},
    {"dy_set_lr_patched", IMPERATIVE},
    {"executor_errors", RECORDS}, {"executor_forms", RECORDS}, {"minimize_forms", RECORDS},
    {"static_mode_errors", RECORDS},
    {"newer_pdmodel_fc", NEWER}, {"newer_pdmodel_layers", NEWER},
    {"newer_pdmodel_lenet", NEWER}};
enum { N_NOT_BUILT = sizeof not_built / sizeof *not_built };

static const frontend_case_t *const tables[] = {cases_lars, cases_optimizers,
                                                cases_schedules, cases_layers,
                                                cases_prune, cases_clip, cases_more,
                                                cases_norm, cases_image};
enum { N_TABLES = sizeof tables / sizeof *tables };

/* In how many tables a case stands. */
static int mentions(const char *name) {
  int n = 0;
  for (size_t t = 0; t < N_TABLES; ++t)
    for (const frontend_case_t *c = tables[t]; c->name; ++c) n += !strcmp(c->name, name);
  for (size_t i = 0; i < N_NOT_BUILT; ++i) n += !strcmp(not_built[i].name, name);
  return n;
}

/* Whether every recorded case is mentioned once, and nothing else is mentioned. */
static int all_mentioned(int built) {
  char path[1024];
  const char *root = getenv("FLUIDRT_SOURCE_DIR");
  snprintf(path, sizeof path, "%s/tests/golden", root ? root : ".");
  DIR *dir = opendir(path);
  int ok = dir != NULL, recorded = 0;
  for (struct dirent *e; dir && (e = readdir(dir));) {
    char *end = strstr(e->d_name, ".zip");
    if (!end || end[4]) continue;
    *end = 0;
    ++recorded;
    const int n = mentions(e->d_name);
    if (n != 1) printf("FORGOTTEN %s: mentioned %d times\n", e->d_name, n);
    ok &= n == 1;
  }
  if (dir) closedir(dir);
  for (size_t i = 0; i < N_NOT_BUILT; ++i)
    printf("not built %s: %s\n", not_built[i].name, not_built[i].why);
  printf("of %d recorded cases %d are built, %d are not\n", recorded, built, N_NOT_BUILT);
  return ok && recorded == built + N_NOT_BUILT;
}

static int chosen(const char *name, int argc, char **argv) {
  for (int i = 1; i < argc; ++i)
    if (!strcmp(argv[i], name)) return 1;
  return argc < 2;
}

int main(int argc, char **argv) {
  int same = 0, all = 0;
  for (size_t t = 0; t < N_TABLES; ++t)
    for (const frontend_case_t *c = tables[t]; c->name; ++c) {
      if (!chosen(c->name, argc, argv)) continue;
      ++all;
      same += run(c);
    }
  printf("%d of %d recorded programs are built the same\n", same, all);
  const int known = argc > 1 || all_mentioned(all);
  return same == all && all && known ? 0 : 1;
}
