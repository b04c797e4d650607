#include "runner/case.h"

/* v' = mu v + local (g + wd p), p' = p - v', local = lr c |p| / (|g| + wd |p| + eps).
 * A norm of n elements: n squares, n - 1 additions, halved by the root, plus one for
 * the root: n / 2 + 1 roundings. local: both norms, rescaling, three products, two
 * sums of positive terms, a quotient: n + 9. g + wd p and its product with local: 4
 * more; mu v: 1; their sum: 1. Norms in double, in any order, or fused are within. */
static double velocity_error(const frt_case_view_t *v, uint32_t k, int64_t e) {
  const frt_case_array_t p = frt_case_in_at(v, "Param", k), g = frt_case_in_at(v, "Grad", k),
                         was = frt_case_in_at(v, "Velocity", k);
  const frt_api_attr_t *decay = frt_case_attr(v, "lars_weight_decay");
  const double now = frt_case_out_at(v, "VelocityOut", k).d[e];
  const double mu = frt_case_attr(v, "mu")->v.f;
  const double wd = decay->type == FRT_ATTR_F32S ? decay->v.fs[decay->count > k ? k : 0]
                                                 : decay->v.f;
  const double rescaled = frt_case_attr(v, "rescale_grad")->v.f * g.d[e];
  /* local's size is what the step has of it; where that cancels, the terms count. */
  const double kept = fabs(rescaled + wd * p.d[e]), terms = fabs(rescaled) + fabs(wd * p.d[e]);
  const double step = fabs(now - mu * was.d[e]);
  const double whole = kept > 0 ? step / kept * terms : terms;
  return 1.01 * frt_case_u(v) * (((double)p.numel + 14) * whole + 2 * fabs(mu * was.d[e]));
}

static uint32_t which(const frt_case_view_t *v, const char *slot, const frt_case_array_t *out) {
  uint32_t k = 0;
  while (k + 1 < frt_case_count(v, "Param") && frt_case_out_at(v, slot, k).d != out->d) ++k;
  return k;
}

static void velocity_allowed(const frt_case_view_t *v, const frt_case_array_t *out,
                             double *allowed) {
  const uint32_t k = which(v, "VelocityOut", out);
  for (int64_t e = 0; e < out->numel; ++e) allowed[e] = velocity_error(v, k, e);
}

static void param_allowed(const frt_case_view_t *v, const frt_case_array_t *out,
                          double *allowed) {
  const uint32_t k = which(v, "ParamOut", out);
  for (int64_t e = 0; e < out->numel; ++e)
    allowed[e] = velocity_error(v, k, e) + 1.01 * frt_case_u(v) * fabs(out->d[e]);
}

#define TENSOR(n, p, g, v_) \
  {"Param", SHAPE(n), p}, {"Grad", SHAPE(n), g}, {"Velocity", SHAPE(n), v_}
#define RATE(lr) {"LearningRate", SHAPE(1), VALUES(lr)}
#define BOUNDS \
  .bound = {FORMULA("ParamOut", param_allowed), FORMULA("VelocityOut", velocity_allowed)}
#define SETTINGS .attrs = {{"mu", 0.9}, {"lars_coeff", 0.01}, {"lars_weight_decay", 0.0005}}
#define SIZES_ SIZES({1}, {2}, {7}, {15}, {16}, {17}, {257}, {4095}, {4096}, {4097}, {70001}, \
                     {0}), \
  .FULL_SIZES({262147}, {1048583})

FRT_CASES(optimizer_lars) = {
    /* |p| = 5, |g| = 10, wd = 2: local = .5 * 1 * 5 / (10 + 10) = .125. */
    {.op = "lars_momentum", .name = "by_hand", BOUNDS,
     .attrs = {{"mu", 0.5}, {"lars_coeff", 1}, {"lars_weight_decay", 2}},
     .in = {TENSOR(2, VALUES(3, 4), VALUES(6, 8), VALUES(2, -4)), RATE(.5)},
     .want = {{"VelocityOut", VALUES(2.5, 0)}, {"ParamOut", VALUES(.5, 4)}}},
    /* A zero parameter (a new bias): a step with the plain rate, without coeff. */
    {.op = "lars_momentum", .name = "zero_param", BOUNDS, SETTINGS,
     .in = {TENSOR(2, VALUES(0), VALUES(4, -8), VALUES(0)), RATE(.25)},
     .want = {{"VelocityOut", VALUES(1, -2)}, {"ParamOut", VALUES(-1, 2)}}},
    /* A zero gradient: plain rate, only the decay. */
    {.op = "lars_momentum", .name = "zero_grad", BOUNDS,
     .attrs = {{"mu", 0.5}, {"lars_coeff", 0.001}, {"lars_weight_decay", 0.5}},
     .in = {TENSOR(2, VALUES(4, -8), VALUES(0), VALUES(2, 0)), RATE(.25)},
     .want = {{"VelocityOut", VALUES(1.5, -1)}, {"ParamOut", VALUES(2.5, -7)}}},
    {.op = "lars_momentum", .name = "no_decay_still_scales", BOUNDS,
     .attrs = {{"mu", 0}, {"lars_coeff", 0.5}, {"lars_weight_decay", 0}},
     .in = {TENSOR(2, VALUES(3, 4), VALUES(6, 8), VALUES(0)), RATE(1)},
     .want = {{"VelocityOut", VALUES(1.5, 2)}, {"ParamOut", VALUES(1.5, 2)}}},
    {.op = "lars_momentum", .name = "epsilon_and_rescale", BOUNDS,
     .attrs = {{"mu", 0}, {"lars_coeff", 1}, {"lars_weight_decay", 0}, {"epsilon", 5},
               {"rescale_grad", 0.5}},
     .in = {TENSOR(2, VALUES(3, 4), VALUES(6, 8), VALUES(0)), RATE(1)},
     .want = {{"VelocityOut", VALUES(1.5, 2)}, {"ParamOut", VALUES(1.5, 2)}}},
    /* The norm is that of what Grad becomes, (-3, -4), so 5: local = 0.75 * 5 / (5 + 0.5 * 5). */
    {.op = "lars_momentum", .name = "negative_rescale", BOUNDS,
     .attrs = {{"mu", 0}, {"lars_coeff", 0.75}, {"lars_weight_decay", 0.5},
               {"rescale_grad", -0.5}},
     .in = {TENSOR(2, VALUES(3, 4), VALUES(6, 8), VALUES(0)), RATE(1)},
     .want = {{"VelocityOut", VALUES(-.75, -1)}, {"ParamOut", VALUES(3.75, 5)}}},
    {.op = "lars_momentum", .name = "lengths", BOUNDS, SETTINGS, .SIZES_,
     .in = {TENSOR(DIM_N, UNIFORM(-1, 1), UNIFORM(-2, 2), UNIFORM(-1e-3, 1e-3)), RATE(.1)}},
    {.op = "lars_momentum", .name = "small_steps", BOUNDS, .SIZES_,
     .attrs = {{"mu", 0.9}}, /* defaults: coeff 0.001, decay 0.0005 */
     .in = {TENSOR(DIM_N, UNIFORM(-.05, .05), UNIFORM(-1e-4, 1e-4), UNIFORM(-1e-6, 1e-6)),
            RATE(.01)}},
    {.op = "lars_momentum", .name = "matrix", BOUNDS, SETTINGS,
     .in = {{"Param", SHAPE(17, 31), UNIFORM(-1, 1)}, {"Grad", SHAPE(17, 31), UNIFORM(-3, 3)},
            {"Velocity", SHAPE(17, 31), UNIFORM(-1, 1)}, RATE(.5)}},
    {.op = "lars_momentum", .name = "two_tensors", BOUNDS,
     .attrs = {{"mu", 0.9}, {"lars_coeff", 0.01}, ATTR_LIST("lars_weight_decay", 0.5, 0.25)},
     .in = {TENSOR(DIM_N, UNIFORM(-1, 1), UNIFORM(-2, 2), UNIFORM(-1, 1)),
            TENSOR(DIM_M, UNIFORM(-1, 1), UNIFORM(-2, 2), UNIFORM(-1, 1)), RATE(.1), RATE(.2)},
     .SIZES({3, 5}, {17, 33}, {4097, 1})},
    {0}};
