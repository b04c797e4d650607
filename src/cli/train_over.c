/* fluidrt train --over FILE: this run beside an earlier one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

int frti_cli_over_load(const frti_cli_t *cli, const char *path, frti_cli_over_t *out) {
  json_error_t why;
  json_t *root = json_load_file(path, 0, &why);
  const json_t *losses = json_object_get(root, "loss");
  const json_t *accuracy = json_object_get(root, "test_accuracy");
  *out = (frti_cli_over_t){.accuracy = json_is_number(accuracy) ? json_number_value(accuracy) : NAN};
  if (!json_is_array(losses)) {
    json_decref(root);
    return frti_cli_fail(cli, root ? CLI_DATA : CLI_NO_INPUT,
        "--over %s: %s", path, root ? "holds no list 'loss'" : why.text);
  }
  out->n = json_array_size(losses);
  out->losses = frti_cli_alloc((out->n + 1) * sizeof *out->losses);
  for (size_t i = 0; i < out->n; ++i) {
    const json_t *v = json_array_get(losses, i);
    out->losses[i] = json_is_number(v) ? json_number_value(v) : NAN;
  }
  json_decref(root);
  return CLI_OK;
}

void frti_cli_over_release(frti_cli_over_t *o) { free(o->losses); }

void frti_cli_over_print(const frti_cli_over_t *o, const char *path, const double *losses,
    size_t n, double accuracy) {
  const size_t common = n < o->n ? n : o->n;
  size_t equal = 0, worst = 0;
  double most = 0, sum = 0;
  for (size_t i = 0; i < common; ++i) {
    const double d = fabs(losses[i] - o->losses[i]);
    equal += d == 0;
    sum += d;
    if (!(d <= most)) worst = i, most = d;
  }
  if (!common) printf("beside %s: no step in common\n", path);
  else if (equal == common)
    printf("beside %s: all %zu losses are the same, to the bit", path, common);
  else
    printf("beside %s: %zu of %zu losses differ, by %.2g in the mean, at most %.2g (step %zu)",
        path, common - equal, common, sum / (double)common, most, worst + 1);
  if (common && !isnan(accuracy) && !isnan(o->accuracy))
    printf("; accuracy %.4f beside %.4f", accuracy, o->accuracy);
  if (common) putchar('\n');
}
