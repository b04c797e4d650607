/* Imperative cases: the steps of a script. */
#include "script.h"

#include <stdlib.h>
#include <string.h>

const char *frti_cli_script_text(const json_t *step, const char *field) {
  const char *text = json_string_value(json_object_get(step, field));
  return text ? text : "";
}

/* ---- items ------------------------------------------------------------------------ */

static frti_cli_item_t *find(const frti_cli_script_t *s, const char *name) {
  for (size_t i = 0; i < s->n_items; ++i)
    if (!strcmp(s->items[i].name, name)) return &s->items[i];
  return NULL;
}

frt_status_t frti_cli_script_item(const frti_cli_script_t *s, const char *name,
    frti_cli_item_kind_t kind, frti_cli_item_t **out, frt_error_t *err) {
  *out = find(s, name);
  if (*out && (*out)->kind == kind) return FRT_OK;
  return frt_fail(err, FRT_DATA_LOSS, "the script made no '%s' of this kind", name);
}

frt_status_t frti_cli_script_var(const frti_cli_script_t *s, const char *name,
    frt_var_t *out, frt_error_t *err) {
  const char *dot = strchr(name, '.');
  char layer[64];
  frti_cli_item_t *item;
  if (!dot) {
    FRT_TRY(frti_cli_script_item(s, name, ITEM_VARIABLE, &item, err));
    *out = item->var;
    return FRT_OK;
  }
  snprintf(layer, sizeof layer, "%.*s", (int)(dot - name), name);
  FRT_TRY(frti_cli_script_item(s, layer, ITEM_LAYER, &item, err));
  *out = strcmp(dot, ".bias") ? item->layer.weight : item->layer.bias;
  return FRT_OK;
}

static void release_item(const frti_cli_script_t *s, frti_cli_item_t *item) {
  if (item->kind == ITEM_VARIABLE && s->im) frt_imperative_drop(s->im, item->var, NULL);
  frt_optimizer_release(item->optimizer);
  frt_lr_decay_release(item->schedule);
  frt_program_release(item->program);
}

/* Room for `name`; what had it goes. Optimizers go before their schedules. */
static frti_cli_item_t *put(frti_cli_script_t *s, const char *name, frti_cli_item_kind_t k) {
  frti_cli_item_t *item = find(s, name);
  if (item) {
    release_item(s, item);
  } else {
    frti_cli_item_t *more = frti_cli_alloc((s->n_items + 1) * sizeof *more);
    if (s->n_items) memcpy(more, s->items, s->n_items * sizeof *more);
    free(s->items);
    s->items = more;
    item = &more[s->n_items++];
  }
  *item = (frti_cli_item_t){.name = name, .kind = k};
  return item;
}

static void leave(frti_cli_script_t *s) {
  for (size_t i = s->n_items; i-- > 0;) release_item(s, &s->items[i]);
  free(s->items);
  s->items = NULL;
  s->n_items = 0;
  frti_cli_watch(NULL);
  frt_imperative_release(s->im);
  s->im = NULL;
}

/* ---- steps: each takes its fields and does one call ---------------------------------- */

#define STEP(name) \
  static frt_status_t name(frti_cli_script_t *s, const json_t *step, frt_error_t *err)
#define TEXT(field) frti_cli_script_text(step, field)

STEP(do_guard) {
  (void)step;
  leave(s);
  FRT_TRY(frt_imperative_create(s->r->rt, s->places, s->options, &s->im, err));
  frti_cli_watch(frt_imperative_executor(s->im));
  return FRT_OK;
}

static frt_status_t load(
    frti_cli_script_t *s, const json_t *files, const char *part, frt_var_t v, frt_error_t *err) {
  frt_tensor_t *t = NULL;
  FRT_TRY(frti_cli_files_npy(s->r->c->files, frti_cli_script_text(files, part), &t, err));
  const frt_status_t status = frt_imperative_assign(s->im, v, t, err);
  frt_tensor_release(t);
  return status;
}

STEP(do_linear) {
  const json_t *init = json_object_get(step, "init");
  const frt_linear_options_t options = {.act = TEXT("act")};
  frt_linear_t layer;
  FRT_TRY(frt_linear_create(s->im, json_integer_value(json_object_get(step, "in")),
      json_integer_value(json_object_get(step, "out")), &options, &layer, err));
  FRT_TRY(load(s, init, "weight", layer.weight, err));
  FRT_TRY(load(s, init, "bias", layer.bias, err));
  put(s, TEXT("name"), ITEM_LAYER)->layer = layer;
  return FRT_OK;
}

STEP(do_to_variable) {
  frt_tensor_t *t = NULL;
  frt_var_t v;
  FRT_TRY(frti_cli_files_npy(s->r->c->files, TEXT("file"), &t, err));
  const frt_status_t status = frt_to_variable(s->im, t, NULL, &v, err);
  frt_tensor_release(t);
  if (!status) put(s, TEXT("name"), ITEM_VARIABLE)->var = v;
  return status;
}

STEP(do_global) {
  const json_t *shape = json_object_get(step, "shape");
  int64_t dims[FRT_MAX_RANK];
  const size_t rank = json_array_size(shape);
  frt_var_t v;
  if (rank > FRT_MAX_RANK) return frt_fail(err, FRT_DATA_LOSS, "shape of rank %zu", rank);
  for (size_t i = 0; i < rank; ++i) dims[i] = json_integer_value(json_array_get(shape, i));
  FRT_TRY(frt_layers_create_global_var(frt_imperative_builder(s->im), (uint32_t)rank, dims,
      json_number_value(json_object_get(step, "value")), FRT_F32, 0, NULL, &v, err));
  put(s, TEXT("name"), ITEM_VARIABLE)->var = v;
  return FRT_OK;
}

STEP(do_assign) {
  const json_t *value = json_object_get(step, "value");
  const int64_t n = (int64_t)json_array_size(value);
  frt_tensor_t *t = NULL;
  frt_var_t v;
  FRT_TRY(frti_cli_script_var(s, TEXT("to"), &v, err));
  FRT_TRY(frt_tensor_create(FRT_F32, 1, &n, &t, err));
  for (int64_t i = 0; i < n; ++i)
    ((float *)frt_tensor_data(t))[i] =
        (float)json_number_value(json_array_get(value, (size_t)i));
  const frt_status_t status = frt_imperative_assign(s->im, v, t, err);
  frt_tensor_release(t);
  return status;
}

STEP(do_program) {
  frt_program_t *p;
  FRT_TRY(frt_program_create(&p, err));
  put(s, TEXT("name"), ITEM_PROGRAM)->program = p;
  return FRT_OK;
}

STEP(do_schedule) {
  frt_lr_decay_t *d;
  FRT_TRY(frti_cli_script_schedule(s, step, &d, err));
  put(s, TEXT("name"), ITEM_SCHEDULE)->schedule = d;
  return FRT_OK;
}

STEP(do_epoch) {
  frti_cli_item_t *d;
  FRT_TRY(frti_cli_script_item(s, TEXT("of"), ITEM_SCHEDULE, &d, err));
  return frt_lr_decay_epoch(d->schedule, err);
}

STEP(do_optimizer) {
  frt_optimizer_t *o;
  FRT_TRY(frti_cli_script_optimizer(s, step, &o, err));
  put(s, TEXT("name"), ITEM_OPTIMIZER)->optimizer = o;
  return FRT_OK;
}

STEP(do_call) {
  frti_cli_item_t *layer;
  frt_var_t x, out;
  FRT_TRY(frti_cli_script_item(s, TEXT("layer"), ITEM_LAYER, &layer, err));
  FRT_TRY(frti_cli_script_var(s, TEXT("in"), &x, err));
  FRT_TRY(frt_linear_call(s->im, &layer->layer, x, &out, err));
  put(s, TEXT("out"), ITEM_VARIABLE)->var = out;
  return FRT_OK;
}

STEP(do_reduce) {
  frt_builder_t *b = frt_imperative_builder(s->im);
  const char *op = TEXT("op");
  frt_var_t x, out;
  FRT_TRY(frti_cli_script_var(s, TEXT("in"), &x, err));
  FRT_TRY(!strcmp(op, "mean")          ? frt_layers_mean(b, x, &out, err)
          : !strcmp(op, "reduce_mean") ? frt_layers_reduce_mean(b, x, NULL, &out, err)
                                       : frt_layers_reduce_sum(b, x, NULL, &out, err));
  put(s, TEXT("out"), ITEM_VARIABLE)->var = out;
  return FRT_OK;
}

STEP(do_cross_entropy) {
  frt_var_t logits, label, out;
  FRT_TRY(frti_cli_script_var(s, TEXT("logits"), &logits, err));
  FRT_TRY(frti_cli_script_var(s, TEXT("label"), &label, err));
  FRT_TRY(frt_layers_softmax_with_cross_entropy(
      frt_imperative_builder(s->im), logits, label, NULL, &out, NULL, err));
  put(s, TEXT("out"), ITEM_VARIABLE)->var = out;
  return FRT_OK;
}

STEP(do_backward) {
  frt_var_t v;
  FRT_TRY(frti_cli_script_var(s, TEXT("of"), &v, err));
  return frt_imperative_backward(s->im, v, err);
}

/* A list of parameters as names, for free(); *n 0 and NULL if there is none. */
static frt_status_t names_of(const frti_cli_script_t *s, const json_t *list,
    const char ***out, size_t *n, frt_error_t *err) {
  frt_status_t status = FRT_OK;
  *n = json_array_size(list);
  *out = *n ? frti_cli_alloc(*n * sizeof **out) : NULL;
  for (size_t i = 0; !status && i < *n; ++i) {
    const char *name = json_string_value(json_array_get(list, i));
    frt_var_t v = {0};
    status = frti_cli_script_var(s, name ? name : "", &v, err);
    (*out)[i] = v.name;
  }
  return status;
}

STEP(do_minimize) {
  frt_minimize_options_t options = {0};
  const char **listed = NULL, **barred = NULL;
  frti_cli_item_t *by, *startup = NULL;
  frt_minimized_t m = {0};
  frt_var_t loss;
  FRT_TRY(frti_cli_script_item(s, TEXT("by"), ITEM_OPTIMIZER, &by, err));
  FRT_TRY(frti_cli_script_var(s, TEXT("of"), &loss, err));
  if (TEXT("startup_program")[0])
    FRT_TRY(frti_cli_script_item(s, TEXT("startup_program"), ITEM_PROGRAM, &startup, err));
  frt_status_t status = names_of(s, json_object_get(step, "parameter_list"), &listed,
      &options.n_parameters, err);
  if (!status)
    status = names_of(
        s, json_object_get(step, "no_grad_set"), &barred, &options.n_no_grad, err);
  options.parameter_list = listed;
  options.no_grad_set = barred;
  options.startup_program = startup ? startup->program : NULL;
  if (!status) status = frt_optimizer_minimize(by->optimizer, loss, &options, &m, err);
  free(listed);
  free(barred);
  if (!status && TEXT("out")[0]) put(s, TEXT("out"), ITEM_MINIMIZED)->minimized = m;
  return status;
}

STEP(do_clear_gradients) {
  frti_cli_item_t *layer = find(s, TEXT("of"));
  if (layer && layer->kind == ITEM_OPTIMIZER)
    return frt_optimizer_clear_gradients(layer->optimizer, err);
  FRT_TRY(frti_cli_script_item(s, TEXT("of"), ITEM_LAYER, &layer, err));
  const frt_var_t both[2] = {layer->layer.weight, layer->layer.bias};
  return frt_imperative_clear_gradients(s->im, both, both[1].name ? 2 : 1, err);
}

/* A value that is neither a number nor a variable has no C call. */
STEP(do_set_lr) {
  frti_cli_item_t *o;
  frt_var_t v;
  FRT_TRY(frti_cli_script_item(s, TEXT("of"), ITEM_OPTIMIZER, &o, err));
  if (TEXT("other")[0]) {
    s->skipped = true;
    return FRT_OK;
  }
  if (!TEXT("variable")[0])
    return frt_optimizer_set_lr(
        o->optimizer, json_number_value(json_object_get(step, "value")), err);
  FRT_TRY(frti_cli_script_var(s, TEXT("variable"), &v, err));
  return frt_optimizer_set_lr_var(o->optimizer, v, err);
}

static const struct {
  const char *op;
  frt_status_t (*run)(frti_cli_script_t *s, const json_t *step, frt_error_t *err);
} STEPS[] = {
    {"guard", do_guard}, {"linear", do_linear}, {"to_variable", do_to_variable},
    {"create_global_var", do_global}, {"assign", do_assign}, {"program", do_program},
    {"schedule", do_schedule}, {"epoch", do_epoch}, {"optimizer", do_optimizer},
    {"call", do_call}, {"mean", do_reduce}, {"reduce_mean", do_reduce},
    {"reduce_sum", do_reduce}, {"softmax_with_cross_entropy", do_cross_entropy},
    {"backward", do_backward}, {"minimize", do_minimize},
    {"clear_gradients", do_clear_gradients}, {"set_lr", do_set_lr},
    {"record", frti_cli_script_record},
};

/* What each kind of refusal is here: a status and the argument that it names. */
static const struct {
  const char *kind;
  frt_status_t status;
  const char *argument;
} ERRORS[] = {
    {"type", FRT_INVALID_ARGUMENT, "learning_rate"},
    {"shape", FRT_INVALID_ARGUMENT, "value"},
    {"schedule_conflict", FRT_FAILED_PRECONDITION, "learning_rate"},
    {"missing_parameter_list", FRT_INVALID_ARGUMENT, "parameter_list"},
};

static const char *kind_of(const frt_error_t *err) {
  for (size_t i = 0; i < sizeof ERRORS / sizeof ERRORS[0]; ++i)
    if (err->status == (uint32_t)ERRORS[i].status && !strcmp(err->name, ERRORS[i].argument))
      return ERRORS[i].kind;
  return "another";
}

/* Whether the script can go on. */
static bool run_step(frti_cli_script_t *s, const json_t *step) {
  const char *op = frti_cli_script_text(step, "op");
  const char *raises = frti_cli_script_text(step, "raises");
  const bool record = !strcmp(op, "record");
  frt_error_t err = FRT_ERROR_INIT;
  size_t i = 0;
  const size_t n = sizeof STEPS / sizeof STEPS[0];
  while (i < n && strcmp(STEPS[i].op, op)) ++i;
  if (i == n || (!s->im && strcmp(op, "guard"))) {
    frti_cli_case_failed(s->r, s->place, "'%s' %s", op,
        i == n ? "is no step that is known here" : "before the first guard");
    return false;
  }
  if (!record) {
    s->skipped = false;
    ++s->r->out->runs;
  }
  const frt_status_t status = STEPS[i].run(s, step, &err);
  if (!record) s->error = status ? kind_of(&err) : NULL;
  if (s->skipped || (!status && !raises[0])) return true;
  if (status && raises[0] && !strcmp(s->error, raises)) return true;
  if (status) frti_cli_case_failed(s->r, s->place, "%s: %s", op, err.message);
  else frti_cli_case_failed(s->r, s->place, "%s succeeded; wanted an error (%s)", op, raises);
  return false;
}

void frti_cli_case_script(const frti_cli_case_t *c, frt_runtime_t *rt, const char *places,
    const frt_executor_options_t *options, frti_cli_case_result_t *out) {
  frti_cli_case_runner_t r = {.c = c, .rt = rt, .out = out};
  frti_cli_script_t s = {.r = &r, .places = places, .options = options,
      .got = json_object()};
  const json_t *script = json_object_get(c->json, "script");
  bool good = json_array_size(script) > 0;
  if (!good) frti_cli_case_failed(&r, "case.json", "there is no script");
  for (size_t i = 0; good && i < json_array_size(script); ++i) {
    snprintf(s.place, sizeof s.place, "script step %zu", i);
    good = !frti_cli_interrupted() && run_step(&s, json_array_get(script, i));
  }
  if (good) frti_cli_script_judge(&s);
  leave(&s);
  json_decref(s.got);
}
