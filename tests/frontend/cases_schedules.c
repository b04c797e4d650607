/* Learning-rate schedules, built before the network as their users did. */
#include "nets.h"

enum { PIECEWISE, EXPONENTIAL, EXPONENTIAL_STAIRS, NATURAL, NATURAL_STAIRS, INVERSE,
       INVERSE_STAIRS, POLYNOMIAL, POLYNOMIAL_CYCLE, NOAM, COSINE, WARMUP_CONST,
       WARMUP_PIECEWISE };

static frt_status_t schedule(frt_builder_t *b, int variant, frt_var_t *rate,
                             frt_error_t *err) {
  const int64_t limits[] = {3, 6, 9};
  const double values[] = {0.4, 0.3, 0.2, 0.1};
  const frt_var_t no_var = {0};
  switch (variant) {
    case PIECEWISE: return frt_piecewise_decay(b, limits, values, 3, rate, err);
    case EXPONENTIAL: return frt_exponential_decay(b, 0.1, 4, 0.5, 0, rate, err);
    case EXPONENTIAL_STAIRS: return frt_exponential_decay(b, 0.1, 4, 0.5, 1, rate, err);
    case NATURAL: return frt_natural_exp_decay(b, 0.1, 4, 0.5, 0, rate, err);
    case NATURAL_STAIRS: return frt_natural_exp_decay(b, 0.1, 4, 0.5, 1, rate, err);
    case INVERSE: return frt_inverse_time_decay(b, 0.1, 4, 0.5, 0, rate, err);
    case INVERSE_STAIRS: return frt_inverse_time_decay(b, 0.1, 4, 0.5, 1, rate, err);
    case POLYNOMIAL: return frt_polynomial_decay(b, 0.1, 8, 0.01, 2, 0, rate, err);
    case POLYNOMIAL_CYCLE: return frt_polynomial_decay(b, 0.1, 5, 0.01, 1, 1, rate, err);
    case NOAM: return frt_noam_decay(b, 64, 6, 1, rate, err);
    case COSINE: return frt_cosine_decay(b, 0.1, 2, 6, rate, err);
    case WARMUP_CONST: return frt_linear_lr_warmup(b, 0.1, no_var, 5, 0.01, 0.1, rate, err);
    default: break;
  }
  FRT_TRY(frt_piecewise_decay(b, limits + 1, values + 1, 2, rate, err));
  return frt_linear_lr_warmup(b, 0, *rate, 4, 0, 0.3, rate, err);
}

static frt_status_t build(frt_builder_t *b, int variant, frt_program_t **extra,
                          frt_error_t *err) {
  const int64_t dims[] = {-1, 2};
  const frt_fc_options_t fc = {.act = "tanh"};
  frt_optimizer_options_t o = {.momentum = 0.9, .lars_coeff = 0.1};
  frt_var_t x;
  (void)extra;
  FRT_TRY(schedule(b, variant, &o.learning_rate_var, err));
  FRT_TRY(frt_data(b, "x", 2, dims, FRT_F32, &x, err));
  FRT_TRY(frt_layers_fc(b, x, 3, &fc, &x, err));
  FRT_TRY(frt_layers_mean(b, x, &x, err));
  return net_minimize(b, FRT_OPTIMIZER_LARS_MOMENTUM, &o, x, NULL, err);
}

const frontend_case_t cases_schedules[] = {
    {"lr_piecewise", 1234, build, PIECEWISE},
    {"lr_exponential", 1234, build, EXPONENTIAL},
    {"lr_exponential_staircase", 1234, build, EXPONENTIAL_STAIRS},
    {"lr_natural_exp", 1234, build, NATURAL},
    {"lr_natural_exp_staircase", 1234, build, NATURAL_STAIRS},
    {"lr_inverse_time", 1234, build, INVERSE},
    {"lr_inverse_time_staircase", 1234, build, INVERSE_STAIRS},
    {"lr_polynomial", 1234, build, POLYNOMIAL},
    {"lr_polynomial_cycle", 1234, build, POLYNOMIAL_CYCLE},
    {"lr_noam", 1234, build, NOAM},
    {"lr_cosine", 1234, build, COSINE},
    {"lr_warmup_const", 1234, build, WARMUP_CONST},
    {"lr_warmup_piecewise", 1234, build, WARMUP_PIECEWISE},
    {0}};
