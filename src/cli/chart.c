/* Line charts and bars as SVG. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chart.h"

enum { WIDTH = 860, HEIGHT = 300, LEFT = 66, TOP = 12, BOTTOM = 38 };
enum { LONGEST = 300, LETTER = 7, LINE = 14, MARGIN = 18 };

const char frti_cli_chart_style[] =
    ":root{color-scheme:light dark;--bg:#fff;--ink:#1c2430;--soft:#5a6675;--grid:#e3e7ec;"
    "--c0:#2563eb;--c1:#c2410c;--c2:#0f7a55;--c3:#8b34d1;--c4:#9a6700;--c5:#be185d;"
    "--c6:#0e7490;--c7:#57606a}"
    "@media(prefers-color-scheme:dark){:root{--bg:#12161c;--ink:#dbe2ea;--soft:#97a4b3;"
    "--grid:#2a323c;--c0:#74a7ff;--c1:#ff9c66;--c2:#4fd1a1;--c3:#c79bff;--c4:#e3b341;"
    "--c5:#ff8ab5;--c6:#5cc8de;--c7:#aab6c3}}"
    ".grid{stroke:var(--grid);stroke-width:1}"
    ".tick{font:12px system-ui,sans-serif;fill:var(--soft)}"
    ".end{text-anchor:end}.mid{text-anchor:middle}"
    ".line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}"
    ".faint{stroke-width:1;opacity:.35}"
    ".name{font:12px system-ui,sans-serif}.bar{fill:var(--c0)}";

typedef struct axis {
  double low, high, step;
  bool logarithmic;
} axis_t;

typedef struct frame {
  axis_t x, y;
  double right; /* where the lines end */
} frame_t;

void frti_cli_html(FILE *to, const char *text) {
  for (; *text; ++text) {
    const unsigned char c = (unsigned char)*text;
    if (c == '&')
      fputs("&amp;", to);
    else if (c == '<')
      fputs("&lt;", to);
    else if (c == '>')
      fputs("&gt;", to);
    else if (c == '"')
      fputs("&quot;", to);
    else
      fputc(c < 32 ? ' ' : c, to);
  }
}

void frti_cli_smooth(const double *y, double *to, size_t n) {
  const size_t reach = n / 50 + 1;
  for (size_t i = 0; i < n; ++i) {
    const size_t last = i + reach < n ? i + reach : n - 1;
    double sum = 0, count = 0;
    for (size_t k = i < reach ? 0 : i - reach; k <= last; ++k)
      if (isfinite(y[k])) sum += y[k], ++count;
    to[i] = count > 0 ? sum / count : NAN;
  }
}

/* ---- axes -------------------------------------------------------------------------- */

/* Steps of 1, 2 or 5 times a power of ten: about `wanted` of them from low to high. */
static axis_t nice(double low, double high, int wanted) {
  double spread = high - low, step;
  if (!(spread > 0)) {
    spread = fabs(low) > 0 ? fabs(low) : 1;
    low -= spread / 2;
    high += spread / 2;
  }
  step = pow(10, floor(log10((high - low) / wanted)));
  const double rest = (high - low) / wanted / step;
  step *= rest > 5 ? 10 : rest > 2 ? 5 : rest > 1 ? 2 : 1;
  return (axis_t){floor(low / step) * step, ceil(high / step) * step, step, false};
}

/* What is drawn of a value; NAN: nothing. */
static double drawn(const frti_cli_plot_t *p, double v) {
  if (!isfinite(v)) return NAN;
  return !p->logarithmic ? v : v > 0 ? log10(v) : NAN;
}

static bool limits(const frti_cli_plot_t *p, frame_t *f) {
  double low = INFINITY, high = -INFINITY, first = INFINITY, last = -INFINITY;
  for (size_t s = 0; s < p->n; ++s)
    for (size_t i = 0; i < p->series[s].n; ++i) {
      const double v = drawn(p, p->series[s].y[i]);
      first = fmin(first, p->series[s].x[i]);
      last = fmax(last, p->series[s].x[i]);
      if (isnan(v)) continue;
      low = fmin(low, v);
      high = fmax(high, v);
    }
  if (!(low <= high)) return false;
  f->y = nice(low, high, 5);
  if (p->logarithmic) {
    f->y = (axis_t){floor(low), ceil(high), 1, true};
    if (f->y.high <= f->y.low) f->y.high = f->y.low + 1;
    f->y.step = ceil((f->y.high - f->y.low) / 8);
  }
  f->x = (axis_t){first, last, nice(first, last, 8).step, false};
  return true;
}

static double at_x(const frame_t *f, double x) {
  const double room = f->right - LEFT;
  return LEFT + (f->x.high > f->x.low ? (x - f->x.low) / (f->x.high - f->x.low) * room
                                      : room / 2);
}

static double at_y(const frame_t *f, double y) {
  return HEIGHT - BOTTOM -
         (y - f->y.low) / (f->y.high - f->y.low) * (HEIGHT - TOP - BOTTOM);
}

static void draw_tick(FILE *to, const frame_t *f, double v) {
  fprintf(to, "<line x1=\"%d\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid\"/>", LEFT,
      f->right, at_y(f, v), at_y(f, v));
  fprintf(to, "<text x=\"%d\" y=\"%.1f\" class=\"tick end\">%.4g</text>\n", LEFT - 8,
      at_y(f, v) + 4, f->y.logarithmic ? pow(10, v) : v);
}

static void draw_grid(FILE *to, const frame_t *f, const char *x_label) {
  const axis_t *y = &f->y, *x = &f->x;
  for (int i = 0; y->low + i * y->step <= y->high + y->step / 2 && i < 20; ++i) {
    const double v = y->low + i * y->step;
    draw_tick(to, f, fabs(v) < y->step / 1000 ? 0 : v);
    /* Two decades or less need something between. */
    for (double k = 2; y->logarithmic && y->high - y->low <= 2 && k <= 5; k += 3)
      if (v + log10(k) <= y->high) draw_tick(to, f, v + log10(k));
  }
  const double step = fmax(x->step, 1);
  for (double v = ceil(x->low / step) * step; v <= x->high; v += step)
    fprintf(to, "<text x=\"%.1f\" y=\"%d\" class=\"tick mid\">%.0f</text>\n", at_x(f, v),
        HEIGHT - BOTTOM + 16, v);
  fprintf(to, "<text x=\"%.1f\" y=\"%d\" class=\"tick end\">", f->right, HEIGHT - 6);
  frti_cli_html(to, x_label);
  fputs("</text>\n", to);
}

/* ---- lines ------------------------------------------------------------------------- */

/* Of many points in one column of pixels only the least and the greatest show. */
static void draw_line(
    FILE *to, const frti_cli_plot_t *p, const frame_t *f, const frti_cli_series_t *s) {
  enum { COLUMNS = WIDTH };
  const size_t per = s->n > COLUMNS ? (s->n + COLUMNS - 1) / COLUMNS : 1;
  bool pen = false;
  fprintf(to, "<path class=\"line%s\" stroke=\"var(--c%d)\" d=\"", s->faint ? " faint" : "",
      s->colour);
  for (size_t i = 0; i < s->n; i += per) {
    size_t low = i, high = i, seen = 0;
    for (size_t k = i; k < s->n && k < i + per; ++k) {
      if (isnan(drawn(p, s->y[k]))) continue;
      if (!seen++) low = high = k;
      if (s->y[k] < s->y[low]) low = k;
      if (s->y[k] > s->y[high]) high = k;
    }
    const size_t two[2] = {low < high ? low : high, low < high ? high : low};
    for (size_t k = 0; seen && k < (low == high ? 1u : 2u); ++k) {
      fprintf(to, "%c%.1f %.1f%s", pen ? 'L' : 'M', at_x(f, s->x[two[k]]),
          at_y(f, drawn(p, s->y[two[k]])), pen ? "" : "h0"); /* alone it is a dot */
      pen = true;
    }
    if (!seen) pen = false;
  }
  fputs("\"/>\n", to);
}

typedef struct mark {
  double y;
  size_t series;
} mark_t;

static int from_above(const void *a, const void *b) {
  const mark_t *x = a, *y = b;
  return (x->y > y->y) - (x->y < y->y);
}

/* The names of lines, at their ends but pushed apart: down, then up from the bottom. */
static size_t place_names(const frti_cli_plot_t *p, const frame_t *f, mark_t *m) {
  size_t n = 0;
  double above = TOP, below = HEIGHT - BOTTOM;
  for (size_t s = 0; s < p->n; ++s) {
    double v = NAN;
    for (size_t i = p->series[s].n; i-- > 0 && isnan(v);) v = drawn(p, p->series[s].y[i]);
    if (p->series[s].name && !isnan(v)) m[n++] = (mark_t){at_y(f, v), s};
  }
  if (n) qsort(m, n, sizeof *m, from_above);
  for (size_t i = 0; i < n; ++i, above += LINE) above = m[i].y = fmax(m[i].y, above);
  for (size_t i = n; i-- > 0; below -= LINE) below = m[i].y = fmin(m[i].y, below);
  return n;
}

static void draw_names(FILE *to, const frti_cli_plot_t *p, const frame_t *f) {
  mark_t *m = frti_cli_alloc((p->n + 1) * sizeof *m);
  const size_t n = place_names(p, f, m);
  for (size_t i = 0; i < n; ++i) {
    const frti_cli_series_t *s = &p->series[m[i].series];
    fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" class=\"name\" fill=\"var(--c%d)\">",
        f->right + 8, m[i].y + 4, s->colour);
    frti_cli_html(to, s->name);
    fputs("</text>\n", to);
  }
  free(m);
}

static void draw(FILE *to, const frti_cli_plot_t *p, frame_t *f) {
  size_t longest = 0;
  for (size_t s = 0; s < p->n; ++s)
    if (p->series[s].name && strlen(p->series[s].name) > longest)
      longest = strlen(p->series[s].name);
  f->right = WIDTH - (longest ? fmin((double)longest * LETTER + MARGIN, LONGEST) : MARGIN);
  draw_grid(to, f, p->x_label);
  for (size_t s = 0; s < p->n; ++s) draw_line(to, p, f, &p->series[s]);
  draw_names(to, p, f);
}

bool frti_cli_plot(FILE *to, const frti_cli_plot_t *p) {
  frame_t f;
  if (!limits(p, &f)) return false;
  fprintf(to, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
  frti_cli_html(to, p->label);
  fputs("\">\n", to);
  draw(to, p, &f);
  fputs("</svg>\n", to);
  return true;
}

bool frti_cli_plot_file(FILE *to, const frti_cli_plot_t *p) {
  frame_t f;
  if (!limits(p, &f)) return false;
  fprintf(to,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
      "height=\"%d\" role=\"img\">\n<title>",
      WIDTH, HEIGHT, WIDTH, HEIGHT);
  frti_cli_html(to, p->label);
  fprintf(to,
      "</title>\n<style>%s</style>\n<rect width=\"%d\" height=\"%d\" "
      "fill=\"var(--bg)\"/>\n",
      frti_cli_chart_style, WIDTH, HEIGHT);
  draw(to, p, &f);
  fputs("</svg>\n", to);
  return true;
}

void frti_cli_bars(FILE *to, const char *label, const frti_cli_bar_t *bars, size_t n) {
  enum { ROW = 24, BAR_NAMES = 220, ROOM = 470 };
  double most = 0;
  for (size_t i = 0; i < n; ++i) most = fmax(most, bars[i].size);
  fprintf(to, "<svg viewBox=\"0 0 %d %zu\" role=\"img\" aria-label=\"", WIDTH, n * ROW + 4);
  frti_cli_html(to, label);
  fputs("\">\n", to);
  for (size_t i = 0; i < n; ++i) {
    const double w = most > 0 ? fmax(bars[i].size, 0) / most * ROOM : 0;
    const size_t y = i * ROW;
    fprintf(to, "<text x=\"%d\" y=\"%zu\" class=\"tick end\">", BAR_NAMES - 8, y + 17);
    frti_cli_html(to, bars[i].name);
    fprintf(to,
        "</text><rect x=\"%d\" y=\"%zu\" width=\"%.1f\" height=\"%d\" rx=\"2\" "
        "class=\"bar\"/>",
        BAR_NAMES, y + 4, fmax(w, 1), ROW - 7);
    fprintf(to, "<text x=\"%.1f\" y=\"%zu\" class=\"tick\">", BAR_NAMES + fmax(w, 1) + 8,
        y + 17);
    frti_cli_html(to, bars[i].value);
    fputs("</text>\n", to);
  }
  fputs("</svg>\n", to);
}
