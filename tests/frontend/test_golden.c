/* Every case of the tables, built and compared. `frontend_golden NAME...` runs some. */
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

static int chosen(const char *name, int argc, char **argv) {
  for (int i = 1; i < argc; ++i)
    if (!strcmp(argv[i], name)) return 1;
  return argc < 2;
}

int main(int argc, char **argv) {
  const frontend_case_t *const tables[] = {cases_lars, cases_optimizers, cases_schedules,
                                           cases_layers, cases_prune};
  int same = 0, all = 0;
  for (size_t t = 0; t < sizeof tables / sizeof *tables; ++t)
    for (const frontend_case_t *c = tables[t]; c->name; ++c) {
      if (!chosen(c->name, argc, argv)) continue;
      ++all;
      same += run(c);
    }
  printf("%d of %d recorded programs are built the same\n", same, all);
  return same == all && all ? 0 : 1;
}
