/* The page of --report. No script, no style, no picture from elsewhere; well-formed as
 * XML too. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arrays.h"
#include "report.h"

static const char STYLE[] =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;"
    "padding:0 1em;color:#1c2430;background:#fff}"
    "h1{font-size:1.5em}h2{font-size:1.1em;margin:1.8em 0 .4em}"
    "svg{width:100%;height:auto;display:block}"
    ".grid{stroke:#d9dee5;stroke-width:1}"
    ".tick{font:12px system-ui,sans-serif;fill:#5a6675}"
    ".end{text-anchor:end}.mid{text-anchor:middle}"
    ".line{fill:none;stroke:#1f6feb;stroke-width:1.6;stroke-linejoin:round;"
    "stroke-linecap:round}"
    ".bar{fill:#1f6feb}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.25em .8em .25em 0;border-bottom:1px solid #d9dee5;"
    "vertical-align:top;overflow-wrap:anywhere}"
    "th{font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums}"
    "@media(prefers-color-scheme:dark){body{color:#d7dde5;background:#12161c}"
    ".grid{stroke:#2c343f}.tick{fill:#93a0b0}td,th{border-color:#2c343f}"
    ".line{stroke:#6aa7ff}.bar{fill:#6aa7ff}}";

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

static void put_head(FILE *to, const char *program) {
  fputs(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
      "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>",
      to);
  frti_cli_html(to, program);
  fprintf(to,
      " - fluidrt train</title>\n<style>%s</style></head>\n<body>\n<h1>Training of ",
      STYLE);
  frti_cli_html(to, program);
  fputs("</h1>\n", to);
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

static void put_layers(FILE *to, const frti_cli_report_t *r) {
  fprintf(to, "<h2>LARS local learning rates at the last step (lr %.6g)</h2>\n",
      r->layers[0].lr);
  frti_cli_bars(to, r->layers, r->n_layers);
  fputs(
      "<table>\n<tr><th>parameter</th><th class=\"n\">||p||</th><th "
      "class=\"n\">||g||</th>"
      "<th class=\"n\">coeff</th><th class=\"n\">decay</th>"
      "<th class=\"n\">local rate</th></tr>\n",
      to);
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
  const size_t n = (size_t)(r->done - r->first);
  bool rates = false;
  for (size_t i = 0; i < n; ++i) rates = rates || !isnan(r->rates[(size_t)r->first + i]);
  put_head(to, r->args->program);
  frti_cli_chart(to, "Loss", "loss over steps", r->losses + r->first, r->first, n);
  if (rates)
    frti_cli_chart(to, "Learning rate", "learning rate over steps", r->rates + r->first,
        r->first, n);
  if (r->n_layers && r->done == r->args->steps) put_layers(to, r);
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
