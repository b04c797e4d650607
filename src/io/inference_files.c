/* Inference models as folders. */
#include <stdlib.h>
#include <string.h>

#include "fluidrt/checkpoint.h"
#include "fluidrt/inference.h"
#include "io/io.h"

static frt_inference_options_t options_of(const frt_inference_options_t *options) {
  frt_inference_options_t o = {0};
  if (options)
    memcpy(&o, options,
           options->struct_size ? FRTI_MIN((size_t)options->struct_size, sizeof o)
                                : sizeof o);
  return o;
}

static frt_status_t check_file(const char *what, const char *file, frt_error_t *err) {
  if (!file || (*file && !strchr(file, '/') && strcmp(file, ".") && strcmp(file, "..")))
    return FRT_OK;
  frt_fail(err, FRT_INVALID_ARGUMENT, "%s '%.96s': wanted the name of a file in the folder",
           what, file);
  return frti_error_name(err, FRT_INVALID_ARGUMENT, file);
}

static frt_status_t check_files(const frt_inference_options_t *o, frt_error_t *err) {
  FRT_TRY(check_file("model_filename", o->model_filename, err));
  FRT_TRY(check_file("params_filename", o->params_filename, err));
  if (!o->model_filename || !o->params_filename ||
      strcmp(o->model_filename, o->params_filename))
    return FRT_OK;
  return frt_fail(err, FRT_INVALID_ARGUMENT, "model and parameters in one file '%.96s'",
                  o->model_filename);
}

/* ---- saving -------------------------------------------------------------------------------- */

static bool is_persistable(const frt_program_t *p, const char *name) {
  frt_var_info_t v;
  return frt_program_find_var(p, 0, name, &v, NULL) == FRT_OK && v.persistable &&
         v.kind == FRT_VAR_LOD_TENSOR;
}

static frt_status_t save_params(const char *dir, const frt_program_t *p,
                                frt_scope_t *scope, const frt_inference_options_t *o,
                                frt_error_t *err) {
  const char *model = o->model_filename ? o->model_filename : "__model__";
  if (!o->params_filename) {
    if (!is_persistable(p, model)) return frt_params_save(dir, p, scope, 0, NULL, 0, err);
    frt_fail(err, FRT_INVALID_ARGUMENT, "parameter '%.96s' has the name of the model's file",
             model);
    return frti_error_name(err, FRT_INVALID_ARGUMENT, model);
  }
  char *path = frti_io_join(dir, o->params_filename);
  if (!path) return frti_no_memory(err);
  const frt_status_t status = frt_params_save(path, p, scope, 1, NULL, 0, err);
  frti_free(path);
  return status;
}

frt_status_t frt_inference_save(const char *dir, const frt_program_t *program,
    const char *const *feeds, size_t n_feeds, const char *const *targets,
    size_t n_targets, frt_scope_t *scope, const frt_inference_options_t *options,
    frt_error_t *err) {
  const frt_inference_options_t o = options_of(options);
  frt_program_t *p = NULL;
  char *path = NULL;
  FRT_TRY(check_files(&o, err));
  FRT_TRY(frt_inference_program(program, feeds, n_feeds, targets, n_targets, &p, err));
  frt_status_t status = frti_make_dir(dir, err);
  if (status != FRT_OK) frti_error_phase(err, status, FRT_PHASE_CHECKPOINT);
  if (status == FRT_OK) status = save_params(dir, p, scope, &o, err);
  if (status == FRT_OK) {
    path = frti_io_join(dir, o.model_filename ? o.model_filename : "__model__");
    status = path ? frt_program_save(p, path, err) : frti_no_memory(err);
  }
  frti_free(path);
  frt_program_release(p);
  return status;
}

/* ---- finding files --------------------------------------------------------------------------- */

/* dir/file if it is a file; NULL with FRT_OK if not. */
static frt_status_t probe(const char *dir, const char *file, char **out, frt_error_t *err) {
  *out = frti_io_join(dir, file);
  if (!*out) return frti_no_memory(err);
  if (frti_is_file(*out)) return FRT_OK;
  frti_free(*out);
  *out = NULL;
  return FRT_OK;
}

static frt_status_t find_model(const char *dir, const char *wanted, char **out,
                               frt_error_t *err) {
  static const char *const known[] = {"__model__", "model", "model.pdmodel",
                                      "inference.pdmodel"};
  for (size_t i = 0; i < FRTI_COUNT(known); ++i) {
    FRT_TRY(probe(dir, wanted ? wanted : known[i], out, err));
    if (*out) return FRT_OK;
    if (wanted) break;
  }
  frt_fail(err, FRT_NOT_FOUND,
           wanted ? "'%.200s' has no file '%.80s'"
                  : "'%.200s' holds no %smodel (__model__, model, model.pdmodel or "
                    "inference.pdmodel)",
           dir, wanted ? wanted : "inference ");
  frti_error_phase(err, FRT_NOT_FOUND, FRT_PHASE_PARSE);
  return frti_error_name(err, FRT_NOT_FOUND, dir);
}

/* The one file of all parameters; NULL: there is a file for each. A variable may have the
 * name of such a file, then it is that variable's. */
static frt_status_t find_params(const char *dir, const char *model,
                                const frt_inference_options_t *o, const frt_program_t *p,
                                char **out, frt_error_t *err) {
  static const char *const known[] = {"__params__", "params"}, *const ends[] = {
      ".pdiparams", ".pdparams"};
  const char *slash = strrchr(model, '/'), *name = slash ? slash + 1 : model;
  const char *dot = strrchr(name, '.');
  *out = NULL;
  if (o->params_filename) {
    *out = frti_io_join(dir, o->params_filename);
    return *out ? FRT_OK : frti_no_memory(err);
  }
  for (size_t i = 0; i < FRTI_COUNT(known) && !*out; ++i)
    if (!is_persistable(p, known[i])) FRT_TRY(probe(dir, known[i], out, err));
  for (size_t i = 0; i < FRTI_COUNT(ends) && !*out; ++i) {
    frti_str_t file = {0};
    frti_str_add_n(&file, name, dot ? (size_t)(dot - name) : strlen(name));
    frti_str_add(&file, ends[i]);
    frt_status_t status = file.failed ? frti_no_memory(err) : FRT_OK;
    if (status == FRT_OK && !is_persistable(p, file.text))
      status = probe(dir, file.text, out, err);
    frti_str_release(&file);
    FRT_TRY(status);
  }
  return FRT_OK;
}

/* ---- the ends -------------------------------------------------------------------------------- */

typedef struct column {
  int64_t col;
  const char *name;
} column_t;

static int by_col(const void *a, const void *b) {
  const column_t *x = a, *y = b;
  return x->col < y->col ? -1 : x->col > y->col;
}

static const char *first_arg(const frt_program_t *p, uint32_t op, bool input,
                             const char *name) {
  const uint32_t n = input ? frt_program_op_n_inputs(p, 0, op)
                           : frt_program_op_n_outputs(p, 0, op);
  for (uint32_t i = 0; i < n; ++i) {
    frt_slot_info_t slot;
    if ((input ? frt_program_op_input : frt_program_op_output)(p, 0, op, i, &slot, NULL) ==
            FRT_OK && slot.count == 1 && !strcmp(slot.name, name))
      return slot.args[0];
  }
  return NULL;
}

static int64_t column_of(const frt_program_t *p, uint32_t op, size_t otherwise) {
  for (uint32_t i = 0; i < frt_program_op_n_attrs(p, 0, op); ++i) {
    frt_attr_info_t a;
    if (frt_program_op_attr(p, 0, op, i, &a, NULL) == FRT_OK && !strcmp(a.name, "col") &&
        !a.is)
      return a.i;
  }
  return (int64_t)otherwise;
}

/* The names in one block: pointers, then texts. */
static frt_status_t pack(const column_t *c, size_t n, const char ***out, frt_error_t *err) {
  size_t bytes = n * sizeof **out + 1;
  for (size_t i = 0; i < n; ++i) bytes += strlen(c[i].name) + 1;
  const char **names = frti_alloc(bytes);
  if (!names) return frti_no_memory(err);
  char *at = (char *)(names + n);
  for (size_t i = 0; i < n; ++i) {
    const size_t len = strlen(c[i].name) + 1;
    names[i] = memcpy(at, c[i].name, len);
    at += len;
  }
  *out = names;
  return FRT_OK;
}

/* What the ops of `type` (feed, fetch) stand for, in column order. */
static frt_status_t ends(const frt_program_t *p, const char *type, const char ***out,
                         size_t *n_out, frt_error_t *err) {
  const uint32_t n_ops = frt_program_n_ops(p, 0);
  const bool fetch = !strcmp(type, "fetch");
  column_t *c = frti_calloc((size_t)n_ops + 1, sizeof *c);
  size_t n = 0;
  frt_status_t status = FRT_OK;
  if (!c) return frti_no_memory(err);
  for (uint32_t i = 0; i < n_ops && status == FRT_OK; ++i) {
    if (strcmp(frt_program_op_type(p, 0, i), type)) continue;
    c[n].col = column_of(p, i, n);
    c[n].name = first_arg(p, i, fetch, fetch ? "X" : "Out");
    if (c[n++].name) continue;
    status = frt_fail(err, FRT_INVALID_ARGUMENT, "names no variable");
    frti_error_at(err, status, FRT_PHASE_VALIDATE, 0, (int32_t)i, type);
  }
  if (n && status == FRT_OK) qsort(c, n, sizeof *c, by_col);
  for (size_t i = 1; i < n && status == FRT_OK; ++i)
    if (c[i].col == c[i - 1].col)
      status = frt_fail(err, FRT_INVALID_ARGUMENT, "two %s ops of column %lld", type,
                        (long long)c[i].col);
  if (status == FRT_OK && fetch && !n)
    status = frt_fail(err, FRT_INVALID_ARGUMENT,
                      "no inference model: the program has no fetch op");
  if (status == FRT_OK) status = pack(c, n, out, err);
  if (status == FRT_OK) *n_out = n;
  frti_free(c);
  return status;
}

/* ---- loading --------------------------------------------------------------------------------- */

typedef struct loaded {
  frt_program_t *program;
  const char **feeds, **fetches;
  size_t n_feeds, n_fetches;
} loaded_t;

static frt_status_t load(const char *dir, const frt_inference_options_t *o,
                         frt_scope_t *scope, const char *model, loaded_t *l,
                         frt_error_t *err) {
  char *params = NULL;
  FRT_TRY(frt_program_load(model, NULL, &l->program, err));
  FRT_TRY(ends(l->program, "feed", &l->feeds, &l->n_feeds, err));
  FRT_TRY(ends(l->program, "fetch", &l->fetches, &l->n_fetches, err));
  FRT_TRY(find_params(dir, model, o, l->program, &params, err));
  const frt_status_t status = frt_params_load(params ? params : dir, l->program, scope, err);
  frti_free(params);
  return status;
}

frt_status_t frt_inference_load(const char *dir, const frt_inference_options_t *options,
    frt_scope_t *scope, frt_program_t **program, const char ***feeds, size_t *n_feeds,
    const char ***fetches, size_t *n_fetches, frt_error_t *err) {
  const frt_inference_options_t o = options_of(options);
  loaded_t l = {0};
  char *model = NULL;
  *program = NULL;
  if (feeds) *feeds = NULL;
  if (n_feeds) *n_feeds = 0;
  if (fetches) *fetches = NULL;
  if (n_fetches) *n_fetches = 0;
  frt_status_t status = check_files(&o, err);
  if (status == FRT_OK) status = find_model(dir, o.model_filename, &model, err);
  if (status == FRT_OK) status = load(dir, &o, scope, model, &l, err);
  frti_free(model);
  if (status == FRT_OK) {
    *program = l.program;
    if (n_feeds) *n_feeds = l.n_feeds;
    if (n_fetches) *n_fetches = l.n_fetches;
    if (feeds) *feeds = l.feeds, l.feeds = NULL;
    if (fetches) *fetches = l.fetches, l.fetches = NULL;
  } else {
    frt_program_release(l.program);
  }
  frti_free(l.feeds);
  frti_free(l.fetches);
  return status;
}
