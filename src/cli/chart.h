/* Line charts and bars in SVG: pieces of a page, or files of their own. */
#ifndef FRTI_CHART_H
#define FRTI_CHART_H

#include "cli.h"

enum { FRTI_CLI_COLOURS = 8 };

typedef struct frti_cli_series {
  const char *name;    /* written where the line ends; NULL: nothing */
  const double *x, *y; /* x ascends; what is not finite leaves a hole */
  size_t n;
  int colour; /* 0 .. FRTI_CLI_COLOURS - 1 */
  bool faint; /* in the background of another one */
} frti_cli_series_t;

typedef struct frti_cli_plot {
  const char *label;   /* what it shows, for those who do not see it */
  const char *x_label; /* under the axis */
  bool logarithmic;    /* y: decades; values that are not above 0 leave a hole */
  const frti_cli_series_t *series;
  size_t n;
} frti_cli_plot_t;

/* Values of single batches jump; the mean around each one shows where they go. Worth a
 * line of its own from FRTI_CLI_MANY points on. */
enum { FRTI_CLI_MANY = 50 };
void frti_cli_smooth(const double *y, double *to, size_t n);

/* picture.c: the elements of an .npy as a curve. 0, or the exit status. */
int frti_cli_picture(const frti_cli_t *cli, const char *in, const char *out);

/* The style sheet that the pictures stand on: light, and dark where that is preferred. */
extern const char frti_cli_chart_style[];
/* Text with & < > " escaped. */
void frti_cli_html(FILE *to, const char *text);
/* False: no finite value, nothing was written. */
bool frti_cli_plot(FILE *to, const frti_cli_plot_t *plot);
/* The same as a file that stands alone. */
bool frti_cli_plot_file(FILE *to, const frti_cli_plot_t *plot);

typedef struct frti_cli_bar {
  char name[96], value[64];
  double size; /* 0 or more */
} frti_cli_bar_t;
void frti_cli_bars(FILE *to, const char *label, const frti_cli_bar_t *bars, size_t n);

#endif
