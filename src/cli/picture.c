/* fluidrt convert IN.npy OUT.svg: a curve. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arrays.h"
#include "chart.h"

static char *stem_of(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  return frti_cli_text("%.*s", (int)strcspn(name, "."), name);
}

static int write_picture(
    const frti_cli_t *cli, const char *in, const char *out, const frt_tensor_t *t) {
  const size_t n = (size_t)frt_tensor_numel(t);
  double *x = frti_cli_alloc((n + 1) * sizeof *x), *y = frti_cli_alloc((n + 1) * sizeof *y),
         *mean = frti_cli_alloc((n + 1) * sizeof *mean);
  char *label = stem_of(in), *text = NULL;
  const bool many = n >= FRTI_CLI_MANY;
  size_t bytes = 0;
  FILE *f = open_memstream(&text, &bytes);
  double least = INFINITY, most = 0;
  int code = CLI_OK;
  for (size_t i = 0; i < n; ++i) {
    x[i] = (double)i + 1;
    y[i] = frti_cli_element(t, (int64_t)i);
    if (isfinite(y[i])) least = fmin(least, y[i]), most = fmax(most, y[i]);
  }
  const bool decades = least > 0 && most > 100 * least; /* a line along the floor else */
  if (many) frti_cli_smooth(y, mean, n);
  const frti_cli_series_t lines[] = {
      {NULL, x, y, n, 0, many}, {label, x, mean, many ? n : 0, 0, false}};
  const frti_cli_plot_t plot = {label, "step", decades, lines, many ? 2 : 1};
  if (f && !frti_cli_plot_file(f, &plot))
    code = frti_cli_fail(cli, CLI_DATA, "%s: no finite value to draw", in);
  if (!f || fclose(f)) code = frti_cli_fail(cli, CLI_MEMORY, "no memory for the picture");
  if (!code) code = frti_cli_write_file(cli, out, text, bytes);
  free(text);
  free(label);
  free(mean);
  free(y);
  free(x);
  return code;
}

int frti_cli_picture(const frti_cli_t *cli, const char *in, const char *out) {
  frt_error_t err = FRT_ERROR_INIT;
  frt_tensor_t *t = NULL;
  if (frt_npy_load(in, &t, &err)) return frti_cli_error(cli, in, &err);
  const int code = write_picture(cli, in, out, t);
  frt_tensor_release(t);
  return code;
}
