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
