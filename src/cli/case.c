/* Recorded cases: reading case.json and its programs. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"

static frt_status_t read_json(frti_cli_case_t *c, const char *path, frt_error_t *err) {
  void *bytes = NULL;
  size_t n = 0;
  json_error_t why;
  FRT_TRY(frti_cli_files_read(c->files, "case.json", &bytes, &n, err));
  c->json = json_loadb(bytes, n, 0, &why);
  free(bytes);
  if (!json_is_object(c->json))
    return frt_fail(err, FRT_DATA_LOSS, "%s: case.json is no JSON object: line %d: %s",
        path, c->json ? 1 : why.line, c->json ? "another value" : why.text);
  c->name = json_string_value(json_object_get(c->json, "name"));
  c->kind = json_string_value(json_object_get(c->json, "kind"));
  if (!c->name || !c->kind)
    return frt_fail(err, FRT_DATA_LOSS, "%s: case.json has no name or no kind", path);
  return FRT_OK;
}

static frt_status_t read_program(
    frti_cli_case_t *c, const char *name, const char *file, frt_error_t *err) {
  frti_cli_case_program_t *to = &c->programs[c->n_programs];
  void *bytes = NULL;
  size_t n = 0;
  frt_status_t status;
  FRT_TRY(frti_cli_files_read(c->files, file, &bytes, &n, err));
  status = frt_program_parse(bytes, n, NULL, &to->program, err);
  free(bytes);
  if (status) return status;
  to->name = name;
  ++c->n_programs;
  return FRT_OK;
}

static frt_status_t read_programs(frti_cli_case_t *c, frt_error_t *err) {
  json_t *programs = json_object_get(c->json, "programs"), *file;
  const char *name;
  if (!json_is_object(programs) || !json_object_size(programs))
    return frt_fail(err, FRT_DATA_LOSS, "case.json names no programs");
  c->programs = frti_cli_alloc(json_object_size(programs) * sizeof *c->programs);
  json_object_foreach(programs, name, file) {
    if (!json_is_string(file))
      return frt_fail(
          err, FRT_DATA_LOSS, "case.json: the program '%s' is no file name", name);
    FRT_TRY(read_program(c, name, json_string_value(file), err));
  }
  return FRT_OK;
}

static frt_status_t read_tolerance(frti_cli_case_t *c, frt_error_t *err) {
  const json_t *t = json_object_get(c->json, "tolerance");
  if (!json_is_number(json_object_get(t, "rtol")) ||
      !json_is_number(json_object_get(t, "atol_of_max")) ||
      !json_is_number(json_object_get(t, "atol_floor")))
    return frt_fail(err, FRT_DATA_LOSS, "case.json has no tolerance");
  c->tolerance.rtol = json_number_value(json_object_get(t, "rtol"));
  c->tolerance.atol_of_max = json_number_value(json_object_get(t, "atol_of_max"));
  c->tolerance.atol_floor = json_number_value(json_object_get(t, "atol_floor"));
  return FRT_OK;
}

/* Cases whose one result rests on what Paddle does and this runtime does not, on purpose. */
static const struct { const char *name, *why; } ON_PURPOSE[] = {
    {"newer_pdmodel_lenet",
     "differs on purpose: two recorded variances are negative, so that batch_norm gives NaN; "
     "Paddle's relu makes 0 of NaN, ours keeps it"}};

/* Why a case is not run: on purpose, its kind, or ops that the library does not know. */
static char *find_skip(const frti_cli_case_t *c) {
  frti_cli_list_t unknown = {0};
  char *text = NULL, *longer;
  for (size_t i = 0; i < sizeof ON_PURPOSE / sizeof *ON_PURPOSE; ++i)
    if (!strcmp(c->name, ON_PURPOSE[i].name)) return frti_cli_strdup(ON_PURPOSE[i].why);
  if (!strcmp(c->kind, "errors")) return frti_cli_strdup("kind errors: pinned by tests");
  if (frti_cli_case_imperative(c)) return NULL;
  if (strcmp(c->kind, "static") && strcmp(c->kind, "newer"))
    return frti_cli_text("unknown kind '%s'", c->kind);
  for (size_t i = 0; i < c->n_programs; ++i)
    frti_cli_unknown_ops(c->programs[i].program, &unknown);
  for (size_t i = 0; i < unknown.n; ++i) {
    longer = text ? frti_cli_text("%s, %s", text, unknown.items[i])
                  : frti_cli_text("ops not known: %s", unknown.items[i]);
    free(text);
    text = longer;
  }
  frti_cli_list_release(&unknown);
  return text;
}

frt_status_t frti_cli_case_open(
    const char *path, frti_cli_case_t *out, frt_error_t *err) {
  memset(out, 0, sizeof *out);
  FRT_TRY(frti_cli_files_open(path, &out->files, err));
  FRT_TRY(read_json(out, path, err));
  if (!strcmp(out->kind, "static") || !strcmp(out->kind, "newer")) {
    FRT_TRY(read_programs(out, err));
    FRT_TRY(read_tolerance(out, err));
  } else if (frti_cli_case_imperative(out)) {
    FRT_TRY(read_tolerance(out, err));
  }
  out->skip = find_skip(out);
  return FRT_OK;
}

void frti_cli_case_close(frti_cli_case_t *c) {
  for (size_t i = 0; i < c->n_programs; ++i) frt_program_release(c->programs[i].program);
  free(c->programs);
  free(c->skip);
  json_decref(c->json);
  frti_cli_files_close(c->files);
  memset(c, 0, sizeof *c);
}

bool frti_cli_case_imperative(const frti_cli_case_t *c) {
  return !strcmp(c->kind, "dygraph");
}

frt_program_t *frti_cli_case_program(const frti_cli_case_t *c, const char *name) {
  for (size_t i = 0; i < c->n_programs; ++i)
    if (!strcmp(c->programs[i].name, name)) return c->programs[i].program;
  return NULL;
}

frti_cli_tolerance_t frti_cli_case_tolerance(const frti_cli_case_t *c, const char *name) {
  frti_cli_tolerance_t t = c->tolerance;
  const json_t *all =
      json_object_get(json_object_get(c->json, "tolerance"), "per_variable");
  const json_t *own = json_object_get(all, name);
  if (json_is_number(json_object_get(own, "rtol")))
    t.rtol = json_number_value(json_object_get(own, "rtol"));
  if (json_is_number(json_object_get(own, "atol_of_max")))
    t.atol_of_max = json_number_value(json_object_get(own, "atol_of_max"));
  t.atol = json_number_value(json_object_get(own, "atol"));
  return t;
}

void frti_cli_case_failed(
    frti_cli_case_runner_t *r, const char *place, const char *fmt, ...) {
  va_list ap;
  char text[600], *line;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  line = frti_cli_text("%s: %s", place, text);
  frti_cli_list_add(&r->out->failures, line);
  free(line);
}

void frti_cli_case_judged(frti_cli_case_runner_t *r, const char *place, const char *name,
    const frti_cli_verdict_t *v) {
  ++r->out->tensors;
  if (v->share > r->out->worst) {
    r->out->worst = v->share;
    snprintf(r->out->where, sizeof r->out->where, "%s '%s'", place, name);
  }
  if (v->why[0]) frti_cli_case_failed(r, place, "'%s': %s", name, v->why);
}

frt_tensor_t *frti_cli_case_tensor(
    frti_cli_case_runner_t *r, const char *place, const char *dir, const char *name) {
  char *file = frti_cli_npy_path(dir, name);
  frt_tensor_t *t = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  if (frti_cli_files_npy(r->c->files, file, &t, &err))
    frti_cli_case_failed(r, place, "'%s': %s", name, err.message);
  free(file);
  return t;
}

void frti_cli_case_result_release(frti_cli_case_result_t *r) {
  frti_cli_list_release(&r->failures);
}
