/* The score card and the table of speeds: for people, as Markdown, as CSV. */
#include "runner/tally.h"

static uint32_t all_claimed(const frti_tally_t *t) {
  uint32_t mask = 0;
  for (uint32_t i = 0; i < t->n_rows; ++i)
    if (frti_tally_counts(t, &t->rows[i])) mask |= t->rows[i].claimed;
  return mask;
}

/* "verified 31", "wrong 2/31", "declined", "" for what is not claimed. */
static void cell_text(const frti_tally_t *t, const frti_row_t *row, uint32_t d, char *to, size_t cap) {
  const frti_cell_t *c = &row->by[d];
  const char *state = frti_cell_state(t, row, d);
  const uint32_t bad = c->failed + c->expected, n = bad + c->passed + c->declined;
  to[0] = 0;
  if (!state) return;
  if (bad) snprintf(to, cap, "%s %u/%u", state, bad, n);
  else if (c->passed && c->declined) snprintf(to, cap, "%s %u/%u", state, c->passed, n);
  else if (c->passed) snprintf(to, cap, "%s %u", state, n);
  else snprintf(to, cap, "%s", state);
}

static void print_csv(const frti_tally_t *t, FILE *to) {
  fputs("op,dtype,state,passed,failed,expected,declined,worst\n", to);
  for (uint32_t i = 0; i < t->n_rows; ++i)
    for (uint32_t d = 0; d < 32; ++d) {
      const frti_row_t *row = &t->rows[i];
      const frti_cell_t *c = &row->by[d];
      const char *state = frti_tally_counts(t, row) ? frti_cell_state(t, row, d) : NULL;
      if (state)
        fprintf(to, "%s,%s,%s,%u,%u,%u,%u,%.3g\n", row->op, frt_dtype_name(d), state,
                c->passed, c->failed, c->expected, c->declined, c->worst);
    }
}

void frti_score_print(const frti_tally_t *t, int format, FILE *to) {
  const uint32_t mask = all_claimed(t);
  const int md = format == FRTI_MD;
  char text[48];
  if (format == FRTI_CSV) {
    print_csv(t, to);
    return;
  }
  fprintf(to, md ? "| op |" : "%-36s", "op");
  for (uint32_t d = 0; d < 32; ++d)
    if (mask & FRT_DTYPE_BIT(d)) fprintf(to, md ? " %s |" : " %-13s", frt_dtype_name(d));
  fputs(md ? " worst |\n|---|" : " worst  share of its bound, in\n", to);
  for (uint32_t d = 0; md && d < 32; ++d)
    if (mask & FRT_DTYPE_BIT(d)) fputs("---|", to);
  if (md) fputs("---|\n", to);
  for (uint32_t i = 0; i < t->n_rows; ++i) {
    const frti_row_t *row = &t->rows[i];
    if (!frti_tally_counts(t, row) || !row->claimed) continue;
    fprintf(to, md ? "| `%s` |" : "%-36s", row->op);
    for (uint32_t d = 0; d < 32; ++d) {
      if (!(mask & FRT_DTYPE_BIT(d))) continue;
      cell_text(t, row, d, text, sizeof text);
      fprintf(to, md ? " %s |" : " %-13s", text);
    }
    if (md) fprintf(to, " %.3f |\n", row->all.worst);
    else fprintf(to, " %.3f  %s\n", row->all.worst, row->worst_in);
  }
}

/* ---- speeds ------------------------------------------------------------------------- */

void frti_speed_print(const frti_tally_t *t, int format, FILE *to) {
  const char *line = format == FRTI_CSV  ? "%s,%s,%.3f,%.3f,%.3f,%.3f\n"
                     : format == FRTI_MD ? "| `%s` | %s | %.2f | %.2f | %.2f | %.2f |\n"
                                         : "%-34s %-34s %12.2f %9.2f %9.2f %9.2f\n";
  if (format == FRTI_CSV) fputs("op,case,median_us,spread_us,GB_s,GFLOP_s\n", to);
  else if (format == FRTI_MD)
    fputs("| op | case | median us | +- us | GB/s | GFLOP/s |\n|---|---|---|---|---|---|\n", to);
  else
    fprintf(to, "%-34s %-34s %12s %9s %9s %9s\n", "op", "case", "median us", "+- us", "GB/s",
            "GFLOP/s");
  for (uint32_t i = 0; i < t->n_speeds; ++i) {
    const frti_speed_t *s = &t->speeds[i];
    fprintf(to, line, s->op, s->name, 1e6 * s->seconds, 1e6 * s->spread,
            s->seconds > 0 ? 1e-9 * s->bytes / s->seconds : 0,
            s->seconds > 0 ? 1e-9 * s->flops / s->seconds : 0);
  }
}

/* The fastest of the smallest cases: what a launch costs when there is nothing to do. */
static const frti_speed_t *launch(const frti_tally_t *t) {
  const frti_speed_t *best = NULL;
  for (uint32_t i = 0; i < t->n_speeds; ++i)
    if (strcmp(t->speeds[i].op, "copy") && (!best || t->speeds[i].seconds < best->seconds))
      best = &t->speeds[i];
  return best;
}

void frti_speed_end(const frti_tally_t *t, FILE *to) {
  const frti_speed_t *s = launch(t);
  if (s)
    fprintf(to, "a launch costs %.2f us (%s %s); %s\n", 1e6 * s->seconds, s->op, s->name,
            strcmp(t->speeds[0].op, "copy") ? "its memory is the host's, nothing is copied"
                                            : "copies are in the table, as op 'copy'");
}

/* ---- beside an earlier report ---------------------------------------------------------- */

enum { EXIT_DATA = 65 };
static const double NOISE = 0.10, SPREADS = 3;

static int refuse(const char *path, const char *why) {
  fprintf(stderr, "fluidrt conform: %s: %s\n", path, why);
  return EXIT_DATA;
}

static const char *string_at(const json_t *root, const char *a, const char *b) {
  const char *s = json_string_value(json_object_get(json_object_get(root, a), b));
  return s ? s : "";
}

/* Slower by more than a tenth and by more than three times both spreads. */
static int is_slower(const frti_speed_t *s, const json_t *was) {
  const double then = json_number_value(json_object_get(was, "seconds"));
  const double spread = json_number_value(json_object_get(was, "spread"));
  return then > 0 && s->seconds > then * (1 + NOISE) &&
         s->seconds - then > SPREADS * (s->spread + spread);
}

static const json_t *same_case(const json_t *speeds, const frti_speed_t *s) {
  for (size_t i = 0; i < json_array_size(speeds); ++i) {
    const json_t *one = json_array_get(speeds, i);
    const char *op = json_string_value(json_object_get(one, "op"));
    const char *name = json_string_value(json_object_get(one, "case"));
    if (op && name && !strcmp(op, s->op) && !strcmp(name, s->name)) return one;
  }
  return NULL;
}

int frti_speed_compare(frti_tally_t *t, const char *path, FILE *to) {
  json_error_t bad;
  json_t *root = json_load_file(path, 0, &bad);
  const json_t *speeds = json_object_get(root, "speeds");
  uint32_t compared = 0, slower = 0;
  int code = 0;
  if (!root) code = refuse(path, bad.text);
  else if (!json_is_array(speeds)) code = refuse(path, "it is no report of --mode perf");
  else if (strcmp(string_at(root, "provider", "name"), t->facts.name) ||
           strcmp(string_at(root, "provider", "device"), t->facts.device))
    code = refuse(path, "it is of another provider or another device");
  for (uint32_t i = 0; !code && i < t->n_speeds; ++i) {
    const frti_speed_t *s = &t->speeds[i];
    const json_t *was = same_case(speeds, s);
    compared += was != NULL;
    if (!was || !is_slower(s, was)) continue;
    ++slower;
    fprintf(to, "FAIL %s/%s: %.2f us, before %.2f us\n", s->op, s->name, 1e6 * s->seconds,
            1e6 * json_number_value(json_object_get(was, "seconds")));
  }
  if (!code) fprintf(to, "beside %s: %u cases compared, %u slower\n", path, compared, slower);
  t->failed += slower;
  json_decref(root);
  return code;
}
