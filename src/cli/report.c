/* The page of --report. No script, no style, no picture from elsewhere; well-formed as
 * XML too. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arrays.h"
#include "report.h"

static const char STYLE[] =
    "body{font:15px/1.55 system-ui,sans-serif;max-width:900px;margin:2.5em auto;"
    "padding:0 1.2em;color:var(--ink);background:var(--bg)}"
    "h1{font-size:1.5em;line-height:1.25;margin:0 0 .2em}"
    "h2{font-size:1.05em;margin:2.2em 0 .5em}"
    ".sub{color:var(--soft);margin:0 0 1.4em}"
    ".cards{display:flex;flex-wrap:wrap;gap:.8em}"
    ".card{flex:1 1 8em;border:1px solid var(--grid);border-radius:8px;padding:.6em .9em}"
    ".card b{display:block;font-size:1.35em;font-weight:600;"
    "font-variant-numeric:tabular-nums}.card span{color:var(--soft);font-size:.87em}"
    "svg{width:100%;height:auto;display:block}p,.note{color:var(--soft);font-size:.9em}"
    "table{border-collapse:collapse;width:100%;font-size:.93em}"
    "td,th{text-align:left;padding:.28em .9em .28em 0;border-bottom:1px solid var(--grid);"
    "vertical-align:top;overflow-wrap:anywhere}"
    "th{font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums}"
    "summary{cursor:pointer;color:var(--soft);font-size:.9em;margin:.4em 0}";

static void row(FILE *to, const char *what, const char *fmt, ...) FRT_PRINTF(3, 4);
static void row(FILE *to, const char *what, const char *fmt, ...) {
  char text[1024];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  fprintf(to, "<tr><th>%s</th><td>", what);
  frti_cli_html(to, text);
  fputs("</td></tr>\n", to);
}

static void put_head(FILE *to, const frti_cli_report_t *r) {
  fputs(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
      "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>",
      to);
  frti_cli_html(to, r->args->program);
  fprintf(to, " - fluidrt train</title>\n<style>%s%s</style></head>\n<body>\n<h1>Training of ",
      frti_cli_chart_style, STYLE);
  frti_cli_html(to, r->args->program);
  fprintf(to, "</h1>\n<p class=\"sub\">%lld steps of %lld rows on ", (long long)r->done,
      (long long)r->args->batch);
  frti_cli_html(to, r->args->cli.places ? r->args->cli.places : "cpu,reference");
  fputs("</p>\n", to);
}

static void card(FILE *to, const char *what, const char *fmt, double v) {
  fputs("<div class=\"card\"><b>", to);
  fprintf(to, fmt, v);
  fprintf(to, "</b><span>%s</span></div>\n", what);
}

/* What one looks for first. */
static void put_cards(FILE *to, const frti_cli_report_t *r) {
  fputs("<div class=\"cards\">\n", to);
  if (r->done > r->first)
    card(to, "training loss, last step", "%.4g", r->losses[r->done - 1]);
  if (r->tested && !isnan(r->test_loss)) card(to, "test loss", "%.4g", r->test_loss);
  if (r->tested && !isnan(r->accuracy))
    card(to, "test accuracy", "%.2f %%", 100 * r->accuracy);
  card(to, "from process start", "%.2f s", r->seconds);
  fputs("</div>\n", to);
}

static void put_figures(FILE *to, const frti_cli_report_t *r) {
  const frti_cli_train_args_t *a = r->args;
  fputs("<h2>Figures</h2>\n<table>\n", to);
  row(to, "Steps", r->first ? "%lld (resumed after step %lld)" : "%lld",
      (long long)r->done, (long long)r->first);
  if (r->done > r->first)
    row(to, "Training loss", "%.6g (%s) at the last step, %.6g at the first",
        r->losses[r->done - 1], r->loss, r->losses[r->first]);
  if (r->tested && !isnan(r->test_loss)) row(to, "Test loss", "%.6g", r->test_loss);
  if (r->tested && !isnan(r->accuracy)) row(to, "Test accuracy", "%.4f", r->accuracy);
  row(to, "Data", "%s: %lld rows to train on, %lld to test", r->data,
      (long long)r->n_train, (long long)r->n_test);
  row(to, "Rows per step", "%lld", (long long)a->batch);
  row(to, "Seeds", "split %u, shuffle %u, executor %llu", (unsigned)a->split_seed,
      (unsigned)a->shuffle_seed, (unsigned long long)(a->cli.seed ? a->cli.seed : 1));
  row(to, "Time", "%.2f s from process start", r->seconds);
  row(to, "Peak memory", "%.1f MB of the process, %.3f MB planned for values",
      frti_cli_peak_bytes() / 1e6, (double)r->stats.peak_bytes / 1e6);
  row(to, "fluidrt", "%s", frt_version());
  fputs("</table>\n", to);
}

/* Ops at a place: those that run by themselves, and those that others do too. */
static void count(const json_t *ops, const char *place, int *run, int *fused) {
  size_t i;
  const json_t *op;
  *run = *fused = 0;
  json_array_foreach((json_t *)(uintptr_t)ops, i, op) {
    const char *at = json_string_value(json_object_get(op, "place"));
    const char *state = json_string_value(json_object_get(op, "state"));
    if (!at || !state || strcmp(at, place)) continue;
    *run += !strcmp(state, "run");
    *fused += !strcmp(state, "fused");
  }
}

static void put_places(FILE *to, const frti_cli_report_t *r) {
  json_t *root = r->explain ? json_loads(r->explain, 0, NULL) : NULL;
  const json_t *places = json_object_get(root, "places"), *place;
  size_t i;
  fputs(
      "<h2>Places</h2>\n<table>\n<tr><th>place</th><th class=\"n\">ops alone</th>"
      "<th class=\"n\">ops fused</th></tr>\n",
      to);
  json_array_foreach((json_t *)(uintptr_t)places, i, place) {
    const char *name = json_string_value(place);
    int run, fused;
    if (!name) continue;
    count(json_object_get(root, "ops"), name, &run, &fused);
    fputs("<tr><td>", to);
    frti_cli_html(to, name);
    fprintf(to, "</td><td class=\"n\">%d</td><td class=\"n\">%d</td></tr>\n", run, fused);
  }
  json_decref(root);
  fprintf(to,
      "</table>\n<p>%u ops in the program; %llu run in a step, %llu of them not on "
      "the first place; %llu copies between places; %u threads.</p>\n",
      (unsigned)r->n_ops, (unsigned long long)r->stats.ops,
      (unsigned long long)r->stats.fallback_ops, (unsigned long long)r->stats.copies,
      (unsigned)r->threads);
}

/* ---- curves ------------------------------------------------------------------------- */

static void put_plot(FILE *to, const char *title, const frti_cli_plot_t *plot) {
  fprintf(to, "<h2>%s</h2>\n", title);
  if (!frti_cli_plot(to, plot)) fputs("<p>No finite value.</p>\n", to);
}

static void put_curves(FILE *to, const frti_cli_report_t *r) {
  const size_t n = (size_t)(r->done - r->first);
  const double *loss = r->losses + r->first, *rate = r->rates + r->first;
  double *x = frti_cli_alloc((n + 1) * sizeof *x), *mean = frti_cli_alloc((n + 1) * sizeof *x);
  bool rates = false;
  for (size_t i = 0; i < n; ++i) {
    x[i] = (double)r->first + 1 + (double)i;
    rates = rates || !isnan(rate[i]);
  }
  const bool few = n < FRTI_CLI_MANY;
  if (!few) frti_cli_smooth(loss, mean, n);
  const frti_cli_series_t losses[] = {
      {NULL, x, loss, n, 0, !few}, {NULL, x, mean, few ? 0 : n, 0, false}};
  const frti_cli_series_t lr = {NULL, x, rate, n, 2, false};
  put_plot(to, "Loss",
      &(frti_cli_plot_t){"loss over steps", "step", false, losses, few ? 1 : 2});
  if (!few) fputs("<p>Thin: each step; thick: the mean around it.</p>\n", to);
  if (rates)
    put_plot(to, "Learning rate",
        &(frti_cli_plot_t){"learning rate over steps", "step", false, &lr, 1});
  free(x);
  free(mean);
}

/* ---- LARS ---------------------------------------------------------------------------- */

/* The first FRTI_CLI_COLOURS parameters; a chart of all of a deep net would be a carpet. */
static void put_locals(FILE *to, const frti_cli_report_t *r) {
  frti_cli_series_t lines[FRTI_CLI_COLOURS];
  const size_t n = r->n_layers < FRTI_CLI_COLOURS ? r->n_layers : FRTI_CLI_COLOURS;
  for (size_t i = 0; i < n; ++i)
    lines[i] = (frti_cli_series_t){.name = r->layers[i].param,
        .x = r->locals->steps,
        .y = r->locals->rates + i * r->locals->cap,
        .n = r->locals->n,
        .colour = (int)i};
  put_plot(to, "LARS local learning rates",
      &(frti_cli_plot_t){"local learning rate of each parameter over steps", "step", true,
          lines, n});
  fprintf(to, "<p>Of %zu steps; logarithmic scale%s.</p>\n", r->locals->n,
      n < r->n_layers ? "; the other parameters are in the table" : "");
}

static void put_layers(FILE *to, const frti_cli_report_t *r) {
  fprintf(to,
      "<p>At the last step (lr %.6g):</p>\n"
      "<table>\n<tr><th>parameter</th><th class=\"n\">||p||</th><th "
      "class=\"n\">||g||</th>"
      "<th class=\"n\">coeff</th><th class=\"n\">decay</th>"
      "<th class=\"n\">local rate</th></tr>\n",
      r->layers[0].lr);
  for (size_t i = 0; i < r->n_layers; ++i) {
    const frti_cli_layer_t *l = &r->layers[i];
    fputs("<tr><td>", to);
    frti_cli_html(to, l->param);
    fprintf(to,
        "</td><td class=\"n\">%.6g</td><td class=\"n\">%.6g</td><td class=\"n\">%.6g"
        "</td><td class=\"n\">%.6g</td><td class=\"n\">%.6g</td></tr>\n",
        l->norm_p, l->norm_g, l->coeff, l->decay, l->local);
  }
  fputs("</table>\n", to);
}

static void put_page(FILE *to, const frti_cli_report_t *r) {
  put_head(to, r);
  put_cards(to, r);
  put_curves(to, r);
  if (r->n_layers && r->locals->n) put_locals(to, r);
  if (r->n_layers && r->done == r->args->steps) put_layers(to, r);
  frti_cli_report_times(to, r->times, r->n_times, r->timed);
  put_figures(to, r);
  put_places(to, r);
  fputs("</body></html>\n", to);
}

int frti_cli_report(const frti_cli_report_t *r) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  int code = CLI_OK;
  if (!f) return frti_cli_fail(&r->args->cli, CLI_MEMORY, "no memory for the report");
  put_page(f, r);
  const bool good = !ferror(f);
  if (fclose(f) || !good)
    code = frti_cli_fail(&r->args->cli, CLI_MEMORY, "no memory for the report");
  else
    code = frti_cli_write_file(&r->args->cli, r->args->report, text, n);
  free(text);
  return code;
}
