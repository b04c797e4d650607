/* How a case starts: its startup program, compared with init/. */
#include <stdlib.h>
#include <string.h>

#include "case.h"

/* Whether a startup program draws numbers that no seed fixes. */
static bool draws_freely(const frt_program_t *p) {
  for (uint32_t i = 0, n = frt_program_n_ops(p, 0); i < n; ++i) {
    const frt_op_schema_t *schema = frt_op_find(frt_program_op_type(p, 0, i));
    frt_attr_info_t seed;
    if (!schema || !(schema->flags & FRT_OP_RANDOM)) continue;
    if (!frti_cli_attr(p, 0, i, "seed", &seed) || !seed.i) return true;
  }
  return false;
}

/* The index of the last op that writes `name`, -1 if none does. */
static int64_t writer(const frt_program_t *p, const char *name) {
  int64_t found = -1;
  for (uint32_t i = 0, n = frt_program_n_ops(p, 0); i < n; ++i) {
    const char *out = frti_cli_out(p, 0, i, "Out");
    if (out && !strcmp(out, name)) found = i;
  }
  return found;
}

/* Start values are judged more strictly than results: constants and uniform numbers
 * bit for bit, normal ones by one unit in the last place, truncated normal ones by
 * 1e-5 of the standard deviation (the recorded case's own note: which inverse erf in
 * fp32 was used is not known). */
static void judge_start(frti_cli_case_runner_t *r, const frt_program_t *p,
    const char *name, const frt_tensor_t *got, const frt_tensor_t *want) {
  static const char *const EXACT[] = {"fill_constant", "uniform_random", "assign_value"};
  const int64_t op = writer(p, name);
  const char *type = op < 0 ? "" : frt_program_op_type(p, 0, (uint32_t)op);
  frti_cli_tolerance_t t = frti_cli_case_tolerance(r->c, name);
  frt_attr_info_t std = {0};
  frti_cli_verdict_t v;
  bool exact = false;
  for (size_t i = 0; i < sizeof EXACT / sizeof EXACT[0]; ++i)
    exact |= !strcmp(type, EXACT[i]);
  if (exact) {
    frti_cli_judge_ulp(got, want, 0, &v);
  } else if (!strcmp(type, "gaussian_random")) {
    frti_cli_judge_ulp(got, want, 1, &v);
    r->out->normal += (uint64_t)frt_tensor_numel(want);
    r->out->normal_differ += v.differ;
  } else {
    if (!strcmp(type, "truncated_gaussian_random"))
      t = (frti_cli_tolerance_t){
          .atol_floor =
              1e-5 * (frti_cli_attr(p, 0, (uint32_t)op, "std", &std) ? std.f : 1)};
    frti_cli_judge(got, want, &t, &v);
  }
  frti_cli_case_judged(r, "init", name, &v);
}

/* The names that init/ must hold: all persistables, less what a later program makes,
 * and whatever else is there. */
static void names_of_init(const frti_cli_case_t *c, frti_cli_list_t *out) {
  const json_t *all = json_object_get(c->json, "persistables");
  const json_t *later = json_object_get(c->json, "made_by_a_later_program");
  frti_cli_list_t late = {0}, files = {0};
  json_t *e;
  size_t i;
  json_array_foreach(later, i, e) if (json_is_string(e))
      frti_cli_list_add(&late, json_string_value(e));
  json_array_foreach(all, i, e) {
    const char *name = json_string_value(e);
    if (name && !frti_cli_list_has(&late, name)) frti_cli_list_add(out, name);
  }
  frti_cli_files_list(c->files, "init", &files);
  for (i = 0; i < files.n; ++i) {
    char name[512];
    char *dot = strstr(files.items[i], ".npy");
    if (!dot || dot[4]) continue;
    *dot = 0;
    if (!frt_file_to_name(files.items[i], name, sizeof name, NULL) &&
        !frti_cli_list_has(out, name))
      frti_cli_list_add(out, name);
  }
  frti_cli_list_release(&files);
  frti_cli_list_release(&late);
}

static void compare_init(
    frti_cli_case_runner_t *r, const frt_program_t *p, frt_scope_t *scope) {
  frti_cli_list_t names = {0};
  names_of_init(r->c, &names);
  for (size_t i = 0; i < names.n; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_tensor_t *got = NULL,
                 *want = frti_cli_case_tensor(r, "init", "init", names.items[i]);
    if (want && frt_scope_get(scope, names.items[i], &got, &err))
      frti_cli_case_failed(r, "init", "'%s': %s", names.items[i], err.message);
    if (got) judge_start(r, p, names.items[i], got, want);
    frt_tensor_release(got);
    frt_tensor_release(want);
  }
  frti_cli_list_release(&names);
}

static bool load_init(frti_cli_case_runner_t *r, frt_scope_t *scope) {
  frti_cli_list_t names = {0};
  bool good = true;
  names_of_init(r->c, &names);
  for (size_t i = 0; i < names.n; ++i) {
    frt_error_t err = FRT_ERROR_INIT;
    frt_tensor_t *t = frti_cli_case_tensor(r, "init", "init", names.items[i]);
    if (t && frt_scope_set(scope, names.items[i], t, &err)) {
      frti_cli_case_failed(r, "init", "'%s': %s", names.items[i], err.message);
      good = false;
    }
    good = good && t;
    frt_tensor_release(t);
  }
  frti_cli_list_release(&names);
  return good;
}

/* Paddle's combined file: records one after another, in the order that the case names. */
static bool load_parameters(frti_cli_case_runner_t *r, frt_scope_t *scope) {
  const json_t *parameters = json_object_get(r->c->json, "parameters");
  const char *file = json_string_value(json_object_get(parameters, "file"));
  const json_t *order = json_object_get(parameters, "order");
  frt_error_t err = FRT_ERROR_INIT;
  void *bytes = NULL;
  size_t n = 0, at = 0, i;
  json_t *name;
  bool good = true;
  if (!file || !json_is_array(order)) return true;
  if (frti_cli_files_read(r->c->files, file, &bytes, &n, &err)) {
    frti_cli_case_failed(r, file, "%s", err.message);
    return false;
  }
  json_array_foreach(order, i, name) {
    frt_tensor_t *t = NULL;
    size_t used = 0;
    if (frt_paddle_tensor_parse((char *)bytes + at, n - at, &t, &used, &err) ||
        frt_scope_set(
            scope, json_is_string(name) ? json_string_value(name) : "", t, &err)) {
      frti_cli_case_failed(r, file, "record %zu: %s", i, err.message);
      good = false;
    }
    frt_tensor_release(t);
    at += used;
    if (!good) break;
  }
  free(bytes);
  return good;
}

static bool fill(frti_cli_case_runner_t *r, frt_scope_t *scope, bool compare) {
  frt_program_t *startup = frti_cli_case_program(r->c, "startup");
  frt_error_t err = FRT_ERROR_INIT;
  if (!startup) return load_parameters(r, scope);
  if (draws_freely(startup)) return load_init(r, scope);
  ++r->out->runs;
  if (frt_executor_run(r->choose(r->ctx, "startup"), startup, scope, NULL, 0, NULL, 0,
          NULL, NULL, &err)) {
    frti_cli_case_failed(r, "startup", "%s", err.message);
    return false;
  }
  if (compare) compare_init(r, startup, scope);
  return true;
}

frt_scope_t *frti_cli_case_start(frti_cli_case_runner_t *r, bool compare) {
  frt_scope_t *scope = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  if (frt_scope_create(r->rt, &scope, &err)) {
    frti_cli_case_failed(r, "scope", "%s", err.message);
    return NULL;
  }
  if (fill(r, scope, compare)) return scope;
  frt_scope_release(scope);
  return NULL;
}
