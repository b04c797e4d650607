/* Line charts and bars as inline SVG. */
#include <math.h>
#include <string.h>

#include "report.h"

enum { WIDTH = 860, HEIGHT = 300, LEFT = 72, RIGHT = 16, TOP = 12, BOTTOM = 34 };

typedef struct axis {
  double low, high, step;
} axis_t;

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
  return (axis_t){floor(low / step) * step, ceil(high / step) * step, step};
}

static double at_x(double x, double first, double last) {
  const double room = WIDTH - LEFT - RIGHT;
  return LEFT + (last > first ? (x - first) / (last - first) * room : room / 2);
}

static double at_y(const axis_t *a, double y) {
  return HEIGHT - BOTTOM - (y - a->low) / (a->high - a->low) * (HEIGHT - TOP - BOTTOM);
}

static void draw_grid(FILE *to, const axis_t *y, int64_t first, int64_t last) {
  const double half = y->step / 2;
  for (int i = 0; y->low + i * y->step <= y->high + half && i < 20; ++i) {
    double v = y->low + i * y->step;
    if (fabs(v) < half / 1000) v = 0;
    fprintf(to, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid\"/>",
        LEFT, WIDTH - RIGHT, at_y(y, v), at_y(y, v));
    fprintf(to, "<text x=\"%d\" y=\"%.1f\" class=\"tick end\">%.4g</text>\n", LEFT - 8,
        at_y(y, v) + 4, v);
  }
  const axis_t x = nice((double)first, (double)last, 8);
  const double step = x.step < 1 ? 1 : x.step;
  for (double v = ceil((double)first / step) * step; v <= (double)last; v += step)
    fprintf(to, "<text x=\"%.1f\" y=\"%d\" class=\"tick mid\">%.0f</text>\n",
        at_x(v, (double)first, (double)last), HEIGHT - BOTTOM + 16, v);
  fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"tick end\">step</text>\n", WIDTH - RIGHT,
      HEIGHT - 4);
}

/* Of many steps in one column of pixels only the least and the greatest show. */
static void draw_line(
    FILE *to, const axis_t *a, const double *y, int64_t first, size_t n) {
  enum { COLUMNS = 2 * WIDTH };
  const size_t per = n > COLUMNS ? (n + COLUMNS - 1) / COLUMNS : 1;
  bool pen = false;
  fputs("<path class=\"line\" d=\"", to);
  for (size_t i = 0; i < n; i += per) {
    size_t low = i, high = i, seen = 0;
    for (size_t k = i; k < n && k < i + per; ++k) {
      if (!isfinite(y[k])) continue;
      if (!seen++) low = high = k;
      if (y[k] < y[low]) low = k;
      if (y[k] > y[high]) high = k;
    }
    const size_t two[2] = {low < high ? low : high, low < high ? high : low};
    for (size_t k = 0; seen && k < (low == high ? 1u : 2u); ++k) {
      const double x = (double)first + 1 + (double)two[k];
      fprintf(to, "%c%.2f %.2f%s", pen ? 'L' : 'M',
          at_x(x, (double)first + 1, (double)(first + (int64_t)n)), at_y(a, y[two[k]]),
          pen ? "" : "h0"); /* a step alone is a dot */
      pen = true;
    }
    if (!seen) pen = false;
  }
  fputs("\"/>\n", to);
}

void frti_cli_chart(FILE *to, const char *title, const char *label, const double *y,
    int64_t first, size_t n) {
  double low = INFINITY, high = -INFINITY;
  for (size_t i = 0; i < n; ++i) {
    if (!isfinite(y[i])) continue;
    low = fmin(low, y[i]);
    high = fmax(high, y[i]);
  }
  fputs("<h2>", to);
  frti_cli_html(to, title);
  fputs("</h2>\n", to);
  if (!(low <= high)) {
    fputs("<p>No finite value.</p>\n", to);
    return;
  }
  const axis_t a = nice(low, high, 5);
  fprintf(to, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
  frti_cli_html(to, label);
  fputs("\">\n", to);
  draw_grid(to, &a, first + 1, first + (int64_t)n);
  draw_line(to, &a, y, first, n);
  fputs("</svg>\n", to);
}

void frti_cli_bars(FILE *to, const frti_cli_layer_t *l, size_t n) {
  enum { ROW = 24, NAMES = 230, ROOM = 500 };
  double most = 0;
  for (size_t i = 0; i < n; ++i)
    if (isfinite(l[i].local)) most = fmax(most, l[i].local);
  fprintf(to, "<svg viewBox=\"0 0 %d %zu\" role=\"img\" aria-label=\"local rates\">\n",
      WIDTH, n * ROW + 4);
  for (size_t i = 0; i < n; ++i) {
    const double w =
        most > 0 && isfinite(l[i].local) ? fmax(l[i].local, 0) / most * ROOM : 0;
    const size_t y = i * ROW;
    fprintf(to, "<text x=\"%d\" y=\"%zu\" class=\"tick end\">", NAMES - 8, y + 17);
    frti_cli_html(to, l[i].param);
    fprintf(to,
        "</text><rect x=\"%d\" y=\"%zu\" width=\"%.1f\" height=\"%d\" class=\"bar\"/>",
        NAMES, y + 4, fmax(w, 1), ROW - 7);
    fprintf(to, "<text x=\"%.1f\" y=\"%zu\" class=\"tick\">%.4g</text>\n",
        NAMES + fmax(w, 1) + 6, y + 17, l[i].local);
  }
  fputs("</svg>\n", to);
}
