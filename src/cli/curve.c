/* A curve in the terminal: braille dots (2 x 4 a character), or plain characters. */
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

void frti_cli_curve(FILE *to, const char *title, const double *y, size_t n) {
  const bool braille = speaks_utf8();
  const unsigned per_x = braille ? 2 : 1, per_y = braille ? 4 : 1;
  const size_t columns = COLUMNS * per_x;
  const long height = (long)(ROWS * per_y);
  unsigned char cells[ROWS][COLUMNS] = {{0}};
  double low = INFINITY, high = -INFINITY;
  long before = -1;
  for (size_t c = 0; c < columns; ++c) {
    const double v = column(y, n, c, columns);
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (!n || !(high >= low)) return;
  for (size_t c = 0; c < columns; ++c) {
    const double v = column(y, n, c, columns);
    long at, from;
    if (isnan(v)) continue;
    at = high > low ? lround((high - v) / (high - low) * (double)(height - 1))
                    : height / 2;
    /* A steep part is a line, not two dots. */
    from = before < 0 || labs(at - before) < 2 ? at
           : before < at                       ? before + 1
                                               : before - 1;
    for (long k = from;; k += k < at ? 1 : -1) {
      cells[k / (long)per_y][c / per_x] |=
          (unsigned char)(braille ? dot((unsigned)(c % 2), (unsigned)(k % 4)) : 1);
      if (k == at) break;
    }
    before = at;
  }
  fprintf(to, "%s\n", title);
  for (int r = 0; r < ROWS; ++r) {
    if (r == 0 || r == ROWS - 1)
      fprintf(to, "%10.4g |", r ? low : high);
    else
      fprintf(to, "%10s |", "");
    for (int c = 0; c < COLUMNS; ++c) {
      if (!cells[r][c])
        fputc(' ', to);
      else if (braille)
        put_utf8(to, cells[r][c]);
      else
        fputc('*', to);
    }
    fputc('\n', to);
  }
  fprintf(to, "%10s  step 1%*zu\n", "", COLUMNS - 6, n);
}
