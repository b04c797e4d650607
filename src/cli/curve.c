/* Curves in the terminal: braille dots (2 x 4 a character), or plain characters. */
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train.h"

enum { COLUMNS = 60, ROWS = 10 };

/* The mean of y over the part that falls to column c of `columns`; nan if there is none.
 */
static double column(const double *y, size_t n, size_t c, size_t columns) {
  const size_t from = c * n / columns, to = (c + 1) * n / columns;
  double sum = 0;
  size_t count = 0;
  for (size_t i = from; i < (to > from ? to : from + 1) && i < n; ++i) {
    if (!isfinite(y[i])) continue;
    sum += y[i];
    ++count;
  }
  return count ? sum / (double)count : NAN;
}

static void put_utf8(FILE *to, unsigned dots) {
  const unsigned code = 0x2800 + dots;
  fputc((int)(0xe0 | code >> 12), to);
  fputc((int)(0x80 | (code >> 6 & 63)), to);
  fputc((int)(0x80 | (code & 63)), to);
}

/* Dot (x, y) of a braille character, y downwards. */
static unsigned dot(unsigned x, unsigned y) {
  static const unsigned char BIT[2][4] = {{0, 1, 2, 6}, {3, 4, 5, 7}};
  return 1u << BIT[x][y];
}

static bool speaks_utf8(void) {
  setlocale(LC_CTYPE, "");
  return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

typedef struct canvas {
  bool braille;
  unsigned per_x, per_y; /* dots of a character */
  double low, high;
  unsigned char cells[ROWS][COLUMNS];
} canvas_t;

static void span(canvas_t *v, const double *y, size_t n) {
  const size_t columns = COLUMNS * v->per_x;
  for (size_t c = 0; n && c < columns; ++c) {
    const double at = column(y, n, c, columns);
    if (at < v->low) v->low = at;
    if (at > v->high) v->high = at;
  }
}

static void draw(canvas_t *v, const double *y, size_t n) {
  const size_t columns = COLUMNS * v->per_x;
  const long height = (long)(ROWS * v->per_y);
  long before = -1;
  for (size_t c = 0; n && c < columns; ++c) {
    const double value = column(y, n, c, columns);
    long at, from;
    if (isnan(value)) continue;
    at = v->high > v->low
             ? lround((v->high - value) / (v->high - v->low) * (double)(height - 1))
             : height / 2;
    /* A steep part is a line, not two dots. */
    from = before < 0 || labs(at - before) < 2 ? at
           : before < at                       ? before + 1
                                               : before - 1;
    for (long k = from;; k += k < at ? 1 : -1) {
      v->cells[k / (long)v->per_y][c / v->per_x] |=
          (unsigned char)(v->braille ? dot((unsigned)(c % 2), (unsigned)(k % 4)) : 1);
      if (k == at) break;
    }
    before = at;
  }
}

/* Where only the curve behind passes stands an o, or dim dots. */
static void put_cell(FILE *to, const canvas_t *v, unsigned front, unsigned behind, bool dim) {
  if (!front && !behind) fputc(' ', to);
  else if (!v->braille) fputc(front ? '*' : 'o', to);
  else if (front || !dim) put_utf8(to, front | behind);
  else {
    fputs("\033[2m", to);
    put_utf8(to, behind);
    fputs("\033[0m", to);
  }
}

void frti_cli_curves(FILE *to, const char *title, const double *y, size_t n,
    const double *behind, size_t n_behind) {
  const bool braille = speaks_utf8(), dim = isatty(fileno(to)) == 1;
  canvas_t front = {.braille = braille, .per_x = braille ? 2 : 1, .per_y = braille ? 4 : 1,
      .low = INFINITY, .high = -INFINITY};
  span(&front, y, n);
  span(&front, behind, n_behind);
  if (!n || !(front.high >= front.low)) return;
  canvas_t back = front;
  draw(&front, y, n);
  draw(&back, behind, n_behind);
  fprintf(to, "%s\n", title);
  for (int r = 0; r < ROWS; ++r) {
    if (r == 0 || r == ROWS - 1)
      fprintf(to, "%10.4g |", r ? front.low : front.high);
    else
      fprintf(to, "%10s |", "");
    for (int c = 0; c < COLUMNS; ++c)
      put_cell(to, &front, front.cells[r][c], back.cells[r][c], dim);
    fputc('\n', to);
  }
  fprintf(to, "%10s  step 1%*zu\n", "", COLUMNS - 6, n);
}

void frti_cli_curve(FILE *to, const char *title, const double *y, size_t n) {
  frti_cli_curves(to, title, y, n, NULL, 0);
}
