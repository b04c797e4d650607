/* Gradient clips by the marks of set_gradient_clip. */
#include "nets.h"

enum { ALL, OPTIMIZER_WINS };

static frt_status_t marked(frt_builder_t *b, int variant, frt_program_t **extra,
                           frt_error_t *err) {
  const frt_clip_t limit = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 0.05};
  const frt_clip_t other = {.kind = FRT_CLIP_BY_GLOBAL_NORM, .clip_norm = 7};
  frt_optimizer_options_t o = {.learning_rate = 0.1, .momentum = 0.9, .lars_coeff = 0.1};
  frt_var_t loss;
  (void)extra;
  FRT_TRY(net_mlp(b, NULL, NULL, NULL, &loss, err));
  FRT_TRY(frt_set_gradient_clip(b, variant == ALL ? &limit : &other, NULL, 0, NULL, err));
  if (variant == OPTIMIZER_WINS) o.grad_clip = limit;
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, loss, NULL, err);
}

const frontend_case_t cases_clip[] = {
    {"clip_set_gradient_clip", 1309, marked, ALL},
    {"clip_optimizer_beats_set_gradient_clip", 1309, marked, OPTIMIZER_WINS},
    {0}};
