/* The local learning rates of lars_momentum: what makes LARS what it is.
 *   local = lr coeff ||p|| / (||g|| + wd ||p||), and lr where a norm is not above zero.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

static double number(
    const frt_program_t *p, uint32_t op, const char *name, double absent) {
  frt_attr_info_t x;
  if (!frti_cli_attr(p, 0, op, name, &x)) return absent;
  return x.fs ? (x.count ? x.fs[0] : absent) : x.f; /* newer programs write a list */
}

frti_cli_layer_t *frti_cli_layers(const frt_program_t *p, size_t *n) {
  const uint32_t ops = frt_program_n_ops(p, 0);
  frti_cli_layer_t *l = frti_cli_alloc((ops + 1) * sizeof *l);
  *n = 0;
  for (uint32_t i = 0; i < ops; ++i) {
    frti_cli_layer_t *to = &l[*n];
    if (strcmp(frt_program_op_type(p, 0, i), "lars_momentum")) continue;
    to->param = frti_cli_in(p, 0, i, "Param");
    to->grad = frti_cli_in(p, 0, i, "Grad");
    to->rate = frti_cli_in(p, 0, i, "LearningRate");
    to->coeff = number(p, i, "lars_coeff", 0.001);
    to->decay = number(p, i, "lars_weight_decay", 0.0005);
    if (to->param && to->grad && to->rate) ++*n;
  }
  return l;
}

static double norm(const frt_tensor_t *t) {
  double sum = 0;
  for (int64_t i = 0; i < frt_tensor_numel(t); ++i)
    sum += frti_cli_element(t, i) * frti_cli_element(t, i);
  return sqrt(sum);
}

void frti_cli_layer_rate(
    frti_cli_layer_t *l, const frt_tensor_t *grad, const frt_tensor_t *rate) {
  l->lr = frti_cli_element(rate, 0);
  l->norm_p = norm(l->before);
  l->norm_g = norm(grad);
  l->local = l->norm_p > 0 && l->norm_g > 0
                 ? l->lr * l->coeff * l->norm_p / (l->norm_g + l->decay * l->norm_p)
                 : l->lr;
}

void frti_cli_locals_add(
    frti_cli_locals_t *to, const frti_cli_layer_t *l, size_t n, int64_t step) {
  if (!to->steps) {
    to->cap = 2 * FRTI_CLI_WATCHED;
    to->steps = frti_cli_alloc(to->cap * sizeof *to->steps);
    to->rates = frti_cli_alloc(n * to->cap * sizeof *to->rates);
  }
  if (to->n == to->cap) return;
  to->steps[to->n] = (double)step;
  for (size_t i = 0; i < n; ++i) to->rates[i * to->cap + to->n] = l[i].local;
  ++to->n;
}

void frti_cli_layers_print(const frti_cli_layer_t *l, size_t n) {
  size_t width = 9;
  for (size_t i = 0; i < n; ++i)
    if (strlen(l[i].param) > width) width = strlen(l[i].param);
  printf("LARS local learning rates at the last step (lr %.6g)\n", n ? l[0].lr : 0);
  printf("  %-*s  %12s  %12s  %12s\n", (int)width, "parameter", "||p||", "||g||",
      "local rate");
  for (size_t i = 0; i < n; ++i)
    printf("  %-*s  %12.6g  %12.6g  %12.6g\n", (int)width, l[i].param, l[i].norm_p,
        l[i].norm_g, l[i].local);
}

json_t *frti_cli_layers_json(const frti_cli_layer_t *l, size_t n) {
  json_t *all = json_array();
  for (size_t i = 0; i < n; ++i) {
    json_t *o = json_object();
    json_object_set_new(o, "parameter", json_string(l[i].param));
    json_object_set_new(o, "norm_parameter", frti_cli_json_number(l[i].norm_p));
    json_object_set_new(o, "norm_gradient", frti_cli_json_number(l[i].norm_g));
    json_object_set_new(o, "learning_rate", frti_cli_json_number(l[i].lr));
    json_object_set_new(o, "local_rate", frti_cli_json_number(l[i].local));
    json_array_append_new(all, o);
  }
  return all;
}
