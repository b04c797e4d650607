/* fluidrt train: a training program over data, and what came of it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "case.h"
#include "report.h"

typedef frti_cli_train_args_t args_t;

/* All that a training run holds. */
typedef struct training {
  frti_cli_session_t s;
  frt_program_t *main, *startup, *test;
  frti_cli_data_t data;
  char *data_path;
  const char *loss, *rate; /* lent by main; rate may be NULL */
  frt_feed_t *feeds;
  frti_cli_layer_t *layers;
  size_t n_layers;
  double *losses, *rates; /* by step */
  frti_cli_locals_t locals;
  int64_t first, done; /* steps before this process; steps in all */
  int64_t timed;       /* steps whose ops were timed */
  frt_executor_stats_t stats; /* of the training plan */
  double last_lr, seconds, test_loss, accuracy;
  bool tested, compared;
  frti_cli_case_result_t comparison;
  frti_cli_over_t over;
} training_t;

/* ---- what to run ----------------------------------------------------------------- */

/* Fills in what a folder says by itself. */
static void defaults(args_t *a, training_t *t) {
  struct stat st;
  const size_t n = strlen(a->program);
  char *folder = frti_cli_strdup(a->program), *slash;
  if (!stat(folder, &st) && S_ISDIR(st.st_mode)) {
    if (n > 1 && folder[n - 1] == '/') folder[n - 1] = 0;
    if (!a->startup) a->startup = frti_cli_sibling(folder, "startup");
    if (!a->test) a->test = frti_cli_sibling(folder, "test");
    slash = strrchr(folder, '/');
    t->data_path = frti_cli_text("%s/../data/%s.npz", folder, slash ? slash + 1 : folder);
  }
  free(folder);
  if (a->data) {
    free(t->data_path);
    t->data_path = frti_cli_strdup(a->data);
  }
}

static const char *rate_of(const frt_program_t *p) {
  for (int32_t b = 0; b < frt_program_n_blocks(p); ++b)
    for (uint32_t i = 0, n = frt_program_n_ops(p, b); i < n; ++i) {
      const char *rate = frti_cli_in(p, b, i, "LearningRate");
      frt_var_info_t v;
      if (rate && !frt_program_find_var(p, 0, rate, &v, NULL)) return rate;
    }
  return NULL;
}

static int load(args_t *a, training_t *t) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_var_info_t v;
  int code;
  defaults(a, t);
  code = frti_cli_load(&a->cli, a->program, &t->main);
  if (code) return code;
  if (!a->startup)
    return frti_cli_fail(
        &a->cli, CLI_USAGE, "--startup: which program makes the parameters?");
  if (!t->data_path)
    return frti_cli_fail(&a->cli, CLI_USAGE, "--data: which .npz holds the samples?");
  code = frti_cli_load(&a->cli, a->startup, &t->startup);
  if (!code && a->test) code = frti_cli_load(&a->cli, a->test, &t->test);
  if (code) return code;
  t->loss = a->loss ? a->loss : frti_cli_marked_loss(t->main);
  if (!t->loss)
    return frti_cli_fail(
        &a->cli, CLI_USAGE, "%s marks no loss: say --fetch LOSS", a->program);
  if (frt_program_find_var(t->main, 0, t->loss, &v, &err)) {
    err.phase = FRT_PHASE_FETCH;
    return frti_cli_error(&a->cli, a->program, &err);
  }
  t->rate = rate_of(t->main);
  t->layers = frti_cli_layers(t->main, &t->n_layers);
  struct stat st;
  if (!a->data && stat(t->data_path, &st))
    return frti_cli_fail(&a->cli, CLI_NO_INPUT,
        "--data FILE.npz: which one holds the samples? There is no %s", t->data_path);
  const frti_cli_data_options_t options = {
      t->data_path, &a->maps, a->split_seed, a->shuffle_seed, a->test_share};
  code = frti_cli_data_load(&a->cli, &options, t->main, &t->data);
  if (!code && a->epochs)
    a->steps = (a->epochs * t->data.n_train + a->batch - 1) / a->batch;
  if (!code) t->losses = frti_cli_alloc((size_t)a->steps * sizeof *t->losses);
  if (!code) t->rates = frti_cli_alloc((size_t)a->steps * sizeof *t->rates);
  return code;
}

static void release(args_t *a, training_t *t) {
  for (size_t i = 0; i < t->n_layers; ++i) frt_tensor_release(t->layers[i].before);
  for (size_t i = 0; t->feeds && i < t->data.names.n; ++i)
    frt_tensor_release(t->feeds[i].tensor);
  free(t->feeds);
  free(t->layers);
  free(t->losses);
  free(t->rates);
  free(t->locals.steps);
  free(t->locals.rates);
  free(t->data_path);
  frti_cli_case_result_release(&t->comparison);
  frti_cli_over_release(&t->over);
  frti_cli_data_release(&t->data);
  frti_cli_close(&t->s);
  frt_program_release(t->main);
  frt_program_release(t->startup);
  frt_program_release(t->test);
  frti_cli_list_release(&a->maps);
  free(a->startup);
  free(a->test);
}

/* ---- the loop -------------------------------------------------------------------- */

static int make_buffers(const args_t *a, training_t *t) {
  t->feeds = frti_cli_alloc(t->data.names.n * sizeof *t->feeds);
  for (size_t i = 0; i < t->data.names.n; ++i) {
    t->feeds[i].name = t->data.names.items[i];
    t->feeds[i].tensor = frti_cli_data_buffer(&t->data, i, a->batch);
    if (!t->feeds[i].tensor)
      return frti_cli_fail(&a->cli, CLI_MEMORY,
          "no memory for %lld rows a step; use a smaller --batch", (long long)a->batch);
  }
  return CLI_OK;
}

/* One step that also brings the gradients, and looks at the parameters before. */
static int watched_step(const args_t *a, training_t *t, double *loss) {
  const size_t n = 1 + 2 * t->n_layers;
  frt_fetch_t *fetches = frti_cli_alloc(n * sizeof *fetches);
  frt_tensor_t **out = frti_cli_alloc(n * sizeof *out);
  frt_error_t err = FRT_ERROR_INIT;
  int code = CLI_OK;
  fetches[0].var = t->loss;
  for (size_t i = 0; i < t->n_layers && !code; ++i) {
    frti_cli_layer_t *l = &t->layers[i];
    fetches[1 + 2 * i].var = l->grad;
    fetches[2 + 2 * i].var = l->rate;
    frt_tensor_release(l->before);
    l->before = NULL;
    if (frt_scope_get(t->s.scope, l->param, &l->before, &err))
      code = frti_cli_error(&a->cli, NULL, &err);
  }
  if (!code && frt_executor_run(t->s.exe, t->main, t->s.scope, t->feeds, t->data.names.n,
                   fetches, n, out, NULL, &err))
    code = frti_cli_error(&a->cli, a->program, &err);
  if (!code) {
    *loss = frti_cli_element(out[0], 0);
    for (size_t i = 0; i < t->n_layers; ++i)
      frti_cli_layer_rate(&t->layers[i], out[1 + 2 * i], out[2 + 2 * i]);
    t->last_lr = t->layers[0].lr;
    if (a->report) frti_cli_locals_add(&t->locals, t->layers, t->n_layers, t->done + 1);
  }
  for (size_t i = 0; i < n; ++i) frt_tensor_release(out[i]);
  free(out);
  free(fetches);
  return code;
}

typedef enum look { PLAIN = 0, WATCHED, TIMED } look_t;

/* The last step is watched; for a report some others are too, evenly spread, and between
 * them some are timed: the plan of a watched step is not that of the others. */
static look_t look_at(const args_t *a, const training_t *t) {
  const int64_t steps = a->steps - t->first, at = t->done - t->first;
  const int64_t every = steps <= 2 * FRTI_CLI_WATCHED
                            ? 2
                            : (steps + FRTI_CLI_WATCHED - 1) / FRTI_CLI_WATCHED;
  if (t->n_layers && (t->done + 1 == a->steps || (a->report && at % every == 0)))
    return WATCHED;
  return a->report && at % every == every / 2 ? TIMED : PLAIN;
}

static void take_stats(training_t *t) {
  t->stats.struct_size = sizeof t->stats;
  frt_executor_stats(t->s.exe, &t->stats);
}

static int loop(const args_t *a, training_t *t) {
  const frt_fetch_t fetches[2] = {{.var = t->loss}, {.var = t->rate}};
  const size_t n = t->rate ? 2 : 1;
  frt_tensor_t *out[2] = {NULL, NULL};
  frt_error_t err = FRT_ERROR_INIT;
  frti_cli_progress_t progress;
  int code = CLI_OK;
  t->last_lr = NAN;
  frti_cli_progress_begin(&progress, &a->cli, a->steps, a->every);
  for (; !code && t->done < a->steps && !frti_cli_interrupted(); ++t->done) {
    double *loss = &t->losses[t->done];
    const look_t look = look_at(a, t);
    frti_cli_data_draw(&t->data, t->feeds, a->batch);
    frt_executor_time_ops(t->s.exe, look == TIMED || a->cli.profile);
    t->timed += look == TIMED;
    if (look == WATCHED) {
      code = watched_step(a, t, loss);
    } else if (frt_executor_run(t->s.exe, t->main, t->s.scope, t->feeds, t->data.names.n,
                   fetches, n, out, NULL, &err)) {
      code = frti_cli_error(&a->cli, a->program, &err);
    } else {
      *loss = frti_cli_element(out[0], 0);
      if (!t->stats.runs) take_stats(t); /* the last step's plan fetches more */
      if (t->rate) t->last_lr = frti_cli_element(out[1], 0);
    }
    if (code) break;
    t->rates[t->done] = t->last_lr;
    frti_cli_progress_step(&progress, t->done + 1, *loss, t->last_lr);
    if (a->save_every && (t->done + 1) % a->save_every == 0 && t->done + 1 < a->steps)
      code = frti_cli_train_keep(a, &t->s, t->done + 1);
  }
  frt_executor_time_ops(t->s.exe, a->cli.profile != NULL);
  frt_tensor_release(out[0]);
  frt_tensor_release(out[1]);
  return code;
}

/* All test rows at once through the test program: loss, and accuracy if it has that. */
static int run_test(const args_t *a, training_t *t) {
  frt_feed_t *feeds = frti_cli_alloc(t->data.names.n * sizeof *feeds), *known;
  frt_fetch_t fetches[2];
  frt_tensor_t *out[2] = {NULL, NULL};
  const char *accuracy = NULL;
  frt_error_t err = FRT_ERROR_INIT;
  frt_var_info_t v;
  size_t n = 0, n_feeds = 0;
  int code = CLI_OK;
  known = frti_cli_alloc(t->data.names.n * sizeof *known);
  for (size_t i = 0; i < t->data.names.n; ++i) {
    feeds[i] = (frt_feed_t){
        t->data.names.items[i], frti_cli_data_buffer(&t->data, i, t->data.n_test)};
    if (!feeds[i].tensor)
      code = frti_cli_fail(&a->cli, CLI_MEMORY, "no memory for the test rows");
    else if (!frt_program_find_var(t->test, 0, feeds[i].name, &v, NULL))
      known[n_feeds++] = feeds[i];
  }
  for (uint32_t i = 0; i < frt_program_n_ops(t->test, 0); ++i)
    if (!strcmp(frt_program_op_type(t->test, 0, i), "accuracy"))
      accuracy = frti_cli_out(t->test, 0, i, "Accuracy");
  t->test_loss = t->accuracy = NAN;
  if (!frt_program_find_var(t->test, 0, t->loss, &v, NULL))
    fetches[n++] = (frt_fetch_t){.var = t->loss};
  if (accuracy) fetches[n++] = (frt_fetch_t){.var = accuracy};
  if (!code) frti_cli_data_test(&t->data, feeds);
  if (!code && n &&
      frt_executor_run(
          t->s.exe, t->test, t->s.scope, known, n_feeds, fetches, n, out, NULL, &err))
    code = frti_cli_error(&a->cli, a->test, &err);
  for (size_t i = 0; !code && i < n; ++i) {
    if (fetches[i].var == accuracy)
      t->accuracy = frti_cli_element(out[i], 0);
    else
      t->test_loss = frti_cli_element(out[i], 0);
  }
  t->tested = !code && n > 0;
  for (size_t i = 0; i < t->data.names.n; ++i) frt_tensor_release(feeds[i].tensor);
  frt_tensor_release(out[0]);
  frt_tensor_release(out[1]);
  free(known);
  free(feeds);
  return code;
}

static frt_executor_t *same_executor(void *ctx, const char *program) {
  (void)program;
  return ctx;
}

static int compare(const args_t *a, training_t *t) {
  frti_cli_case_t c;
  frt_error_t err = FRT_ERROR_INIT;
  int code = CLI_OK;
  if (frti_cli_case_open(a->compare, &c, &err)) {
    code = frti_cli_error(&a->cli, a->compare, &err);
  } else if (c.skip) {
    code = frti_cli_fail(&a->cli, CLI_DATA, "%s: %s", a->compare, c.skip);
  } else {
    frti_cli_case_run(&c, t->s.rt, same_executor, t->s.exe, &t->comparison);
    t->compared = true;
    if (t->comparison.failures.n) {
      code = frti_cli_fail(
          &a->cli, CLI_NO, "%s: %s", a->compare, t->comparison.failures.items[0]);
    }
  }
  t->comparison.on_purpose = NULL; /* lent by the case */
  frti_cli_case_close(&c);
  return code;
}

/* ---- the report ------------------------------------------------------------------ */

static json_t *figures_json(const training_t *t) {
  json_t *root = json_object(), *losses = json_array();
  for (int64_t i = t->first; i < t->done; ++i)
    json_array_append_new(losses, frti_cli_json_number(t->losses[i]));
  json_object_set_new(root, "steps", json_integer(t->done));
  json_object_set_new(root, "loss", losses);
  json_object_set_new(root, "learning_rate", frti_cli_json_number(t->last_lr));
  json_object_set_new(root, "layers", frti_cli_layers_json(t->layers, t->n_layers));
  if (t->tested) {
    json_object_set_new(root, "test_rows", json_integer(t->data.n_test));
    json_object_set_new(root, "test_loss", frti_cli_json_number(t->test_loss));
    json_object_set_new(root, "test_accuracy", frti_cli_json_number(t->accuracy));
  }
  json_object_set_new(root, "seconds", frti_cli_json_number(t->seconds));
  json_object_set_new(root, "peak_bytes", frti_cli_json_number(frti_cli_peak_bytes()));
  if (t->compared) {
    json_object_set_new(
        root, "worst_share_of_tolerance", frti_cli_json_number(t->comparison.worst));
    json_object_set_new(root, "worst_where", json_string(t->comparison.where));
  }
  return root;
}

static int write_losses(const args_t *a, const training_t *t) {
  json_t *root = figures_json(t);
  const int bad = json_dump_file(root, a->losses, JSON_INDENT(2));
  json_decref(root);
  return bad ? frti_cli_fail(&a->cli, CLI_CANNOT_CREATE, "--losses %s: cannot be written",
                   a->losses)
             : CLI_OK;
}

/* The curve, over another run's where one was named: then -q shows it, too. */
static void print_curve(const args_t *a, const training_t *t) {
  const size_t n = (size_t)(t->done - t->first);
  char title[200];
  if (a->cli.quiet && !a->over) return;
  snprintf(title, sizeof title, "%.150s over %lld steps", t->loss, (long long)t->done);
  frti_cli_curves(stdout, title, t->losses + t->first, n, t->over.losses, t->over.n);
  if (a->over)
    frti_cli_over_print(&t->over, a->over, t->losses + t->first, n,
        t->tested ? t->accuracy : NAN);
}

static void print_report(const args_t *a, const training_t *t) {
  print_curve(a, t);
  if (t->n_layers && t->done == a->steps && !(a->over && a->cli.quiet)) frti_cli_layers_print(t->layers, t->n_layers);
  printf("training loss %.6g at step %lld\n", t->done > t->first ? t->losses[t->done - 1] : NAN,
      (long long)t->done);
  if (t->tested) {
    printf("test on %lld rows held out:", (long long)t->data.n_test);
    if (!isnan(t->test_loss)) printf(" loss %.6g", t->test_loss);
    if (!isnan(t->accuracy))
      printf("%s accuracy %.4f", isnan(t->test_loss) ? "" : ",", t->accuracy);
    putchar('\n');
  }
  if (t->compared)
    printf(
        "largest difference to PaddlePaddle 1.8.5: %.3g of tolerance (%s, %llu "
        "tensors)\n",
        t->comparison.worst, t->comparison.where[0] ? t->comparison.where : "none",
        (unsigned long long)t->comparison.tensors);
  if (t->stats.copies)
    printf("each step runs %llu kernels, copies %llu times between memories, waits %llu times\n",
        (unsigned long long)t->stats.ops, (unsigned long long)t->stats.copies,
        (unsigned long long)t->stats.waits);
  printf("trained in %.2f s from process start, peak memory %.1f MB\n", t->seconds,
      frti_cli_peak_bytes() / 1e6);
}

static int write_page(const args_t *a, const training_t *t) {
  const frt_fetch_t loss = {.var = t->loss};
  frt_error_t err = FRT_ERROR_INIT;
  frti_cli_report_t r = {.args = a, .data = t->data_path, .loss = t->loss,
      .losses = t->losses, .rates = t->rates, .first = t->first, .done = t->done,
      .layers = t->layers, .n_layers = t->n_layers, .n_train = t->data.n_train,
      .n_test = t->data.n_test, .tested = t->tested, .test_loss = t->test_loss,
      .accuracy = t->accuracy, .seconds = t->seconds,
      .n_ops = frt_program_n_ops(t->main, 0), .threads = frt_runtime_threads(t->s.rt),
      .locals = &t->locals, .timed = t->timed, .stats = t->stats};
  frt_op_time_t *times = NULL;
  int code;
  if (frt_executor_explain(t->s.exe, t->main, t->s.scope, t->feeds, t->data.names.n, &loss, 1,
          a->batch, NULL, 1, &r.explain, &err))
    return frti_cli_error(&a->cli, a->program, &err);
  if (frt_executor_op_times(t->s.exe, t->main, &times, &r.n_times, &err)) {
    code = frti_cli_error(&a->cli, a->program, &err);
  } else {
    r.times = times;
    code = frti_cli_report(&r);
  }
  frt_free(times);
  frt_free(r.explain);
  return code;
}

/* The state that the first step finds: startup, or a checkpoint over it. */
static int begin(args_t *a, training_t *t) {
  frt_error_t err = FRT_ERROR_INIT;
  int code = CLI_OK;
  if (frt_executor_run(
          t->s.exe, t->startup, t->s.scope, NULL, 0, NULL, 0, NULL, NULL, &err))
    return frti_cli_error(&a->cli, a->startup, &err);
  if (a->resume) code = frti_cli_train_resume(a, &t->s, &t->first);
  if (!code && a->lr) code = frti_cli_train_rate(a, &t->s, t->main, t->rate);
  if (!code && t->first >= a->steps)
    code = frti_cli_fail(&a->cli, CLI_USAGE, "--steps %lld: the checkpoint is at step %lld",
        (long long)a->steps, (long long)t->first);
  for (; !code && t->done < t->first; ++t->done) /* the same rows as one long run */
    frti_cli_data_draw(&t->data, t->feeds, a->batch);
  return code;
}

static int work(args_t *a, training_t *t) {
  frt_error_t err = FRT_ERROR_INIT;
  int code = load(a, t), compared = CLI_OK;
  if (!code) code = frti_cli_open(&a->cli, &t->s);
  if (!code) code = make_buffers(a, t);
  if (!code && a->over) code = frti_cli_over_load(&a->cli, a->over, &t->over);
  if (code) return code;
  frti_cli_note(&a->cli,
      "%u ops, places %s, %u threads; %lld rows to train on, %lld to test",
      (unsigned)frt_program_n_ops(t->main, 0),
      a->cli.places ? a->cli.places : "cpu,reference",
      (unsigned)frt_runtime_threads(t->s.rt), (long long)t->data.n_train,
      (long long)t->data.n_test);
  frti_cli_watch_between_runs();
  code = begin(a, t);
  if (code) return code;
  code = loop(a, t);
  if (!code && a->save) code = frti_cli_train_keep(a, &t->s, t->done);
  if (code) return code;
  if (!t->stats.runs) take_stats(t);
  if (t->test && t->data.n_test && !frti_cli_interrupted()) code = run_test(a, t);
  t->seconds = frti_cli_process_seconds();
  if (!code && a->compare && !frti_cli_interrupted()) {
    compared = compare(a, t);
    if (!t->compared) return compared;
  }
  if (!code && a->losses) code = write_losses(a, t);
  if (!code && a->cli.json)
    frti_cli_json_print(figures_json(t));
  else if (!code)
    print_report(a, t);
  if (!code && a->report) code = write_page(a, t);
  if (!code)
    code = frti_cli_profile(&a->cli, &t->s, t->main, t->feeds, t->data.names.n,
        &(frt_fetch_t){.var = t->loss}, 1, a->batch, false);
  if (!code && a->scope_out) {
    code = frti_cli_make_dir(&a->cli, a->scope_out);
    if (!code && frt_scope_save_dir(t->s.scope, a->scope_out, &err))
      code = frti_cli_write_error(&a->cli, a->scope_out, &err);
  }
  if (!code && frti_cli_interrupted()) {
    if (!a->save)
      frti_cli_note(&a->cli, "stopped after step %lld, nothing was kept; --save DIR keeps it",
          (long long)t->done);
    code = CLI_INTERRUPTED;
  }
  return code ? code : compared;
}

int frti_cli_train(int argc, char **argv) {
  args_t a;
  training_t t = {.done = 0};
  int code;
  frti_cli_train_parse(argc, argv, &a);
  code = work(&a, &t);
  release(&a, &t);
  return code;
}
