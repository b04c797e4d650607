/* Where the time of a step goes. */
#include <stdlib.h>
#include <string.h>

#include "report.h"

enum { BARS = 14 };

/* Ops of a loop run more than once in a step, those of a branch less: what counts is
 * their share of a step, in microseconds. The slowest run is left out, since it tells of
 * the system (first touch, another process) rather than of the op. */
static double of_step(const frt_op_time_t *t, int64_t steps) {
  const double run = t->runs > 1 ? (double)(t->ns - t->slowest_ns) / (double)(t->runs - 1)
                                 : (double)t->ns;
  return run * (double)t->runs / (double)steps / 1e3;
}

typedef struct kind {
  const char *type, *place;
  size_t ops;
  double us;
} kind_t;

static int longest_first(const void *a, const void *b) {
  const double x = ((const kind_t *)a)->us, y = ((const kind_t *)b)->us;
  return (x < y) - (x > y);
}

/* By type and place; *total gets the sum. */
static size_t gather(
    const frt_op_time_t *times, size_t n, int64_t steps, kind_t *to, double *total) {
  size_t count = 0;
  *total = 0;
  for (size_t i = 0; i < n; ++i) {
    size_t k = 0;
    while (k < count && (strcmp(to[k].type, times[i].type) ||
                            strcmp(to[k].place, times[i].place)))
      ++k;
    if (k == count) to[count++] = (kind_t){times[i].type, times[i].place, 0, 0};
    ++to[k].ops;
    to[k].us += of_step(&times[i], steps);
    *total += of_step(&times[i], steps);
  }
  qsort(to, count, sizeof *to, longest_first);
  return count;
}

static void fill_bar(frti_cli_bar_t *bar, const kind_t *k, double total) {
  snprintf(bar->name, sizeof bar->name, "%s", k->type);
  snprintf(bar->value, sizeof bar->value, "%.3g us, %.1f %% (%zu on %.20s)", k->us,
      100 * k->us / total, k->ops, k->place);
  bar->size = k->us;
}

static void put_table(FILE *to, const frt_op_time_t *times, size_t n, int64_t steps) {
  fputs("<details><summary>Op by op, in order</summary>\n<table>\n<tr><th class=\"n\">"
        "block:op</th><th>op</th><th>place</th><th class=\"n\">us a step</th></tr>\n",
      to);
  for (size_t i = 0; i < n; ++i) {
    fprintf(to, "<tr><td class=\"n\">%d:%d</td><td>", times[i].block, times[i].op);
    frti_cli_html(to, times[i].type);
    fputs("</td><td>", to);
    frti_cli_html(to, times[i].place);
    fprintf(to, "</td><td class=\"n\">%.3g</td></tr>\n", of_step(&times[i], steps));
  }
  fputs("</table></details>\n", to);
}

void frti_cli_report_times(
    FILE *to, const frt_op_time_t *times, size_t n, int64_t steps) {
  kind_t *kinds;
  frti_cli_bar_t bars[BARS];
  double total;
  if (!n || !steps) return;
  kinds = frti_cli_alloc(n * sizeof *kinds);
  const size_t count = gather(times, n, steps, kinds, &total), shown = count < BARS ? count : BARS;
  for (size_t i = 0; i < shown; ++i) fill_bar(&bars[i], &kinds[i], total > 0 ? total : 1);
  fputs("<h2>Time per op</h2>\n", to);
  frti_cli_bars(to, "microseconds a step, by type of op", bars, shown);
  fprintf(to, "<p>%.4g us of kernels in a step, the mean of %lld steps%s.</p>\n", total,
      (long long)steps,
      count > shown ? "; types that take less are left out" : "");
  put_table(to, times, n, steps);
  free(kinds);
}
