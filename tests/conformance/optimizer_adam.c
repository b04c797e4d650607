#include "runner/case.h"

/* Roundings, where a division and a root round once and a provider may fuse or share
 * no step. Means of b was + (1 - b) now: the complement, its product, the other
 * product beside it, the sum: 3 on either term; 4 where `now` is a square.
 * adam: the moment 3; the divisor half of 4, its root, epsilon: 4; the rate: both
 * complements, the root, a product, a quotient: 5; quotient, product, difference: 15.
 * adamax: moment 3, norm 2, rate 2, quotient, product, difference: 10.
 * lamb: r has 3 + 4 + 1 + 1 = 9 of its terms. A norm of n numbers: n / 2 + 1, and of r
 * also r's own 9, weighted in the oracle's magnitude by what cancels in r. The ratio
 * 1, two products and the difference 3: n + 2 + 1 + 9 + 9 + 3. */
static double terms_4(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 4;
}
static double terms_10(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 10;
}
static double terms_15(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v, (void)out;
  return 15;
}
static double lamb_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)v;
  return (double)out->numel + 24;
}

#define TENSORS(n, second)                                                          \
  {"Param", SHAPE(n), UNIFORM(-.1, .1)}, {"Grad", SHAPE(n), UNIFORM(-2, 2)},        \
  {"Moment1", SHAPE(n), UNIFORM(-2, 2)}, {second, SHAPE(n), UNIFORM(0.01, 4)}
#define ONE(slot, value) {slot, SHAPE(1), VALUES(value)}
#define ADAM_BOUND                                                                  \
  .bound = {SUM("Moment1Out", 1, frt_terms_3), SUM("Moment2Out", 1, terms_4),       \
            SUM("ParamOut", 1, terms_15), SUM(NULL, 1, NULL)}
#define ADAMAX_TENSORS(n)                                                           \
  {"Param", SHAPE(n), UNIFORM(-.1, .1)}, {"Grad", SHAPE(n), UNIFORM(-2, 2)},        \
  {"Moment", SHAPE(n), UNIFORM(-2, 2)}, {"InfNorm", SHAPE(n), UNIFORM(0.01, 2)}
#define ADAMAX_BOUND                                                                \
  .bound = {SUM("MomentOut", 1, frt_terms_3), SUM("InfNormOut", 1, frt_terms_2),    \
            SUM("ParamOut", 1, terms_10)}
#define LAMB_BOUND                                                                  \
  .bound = {SUM("Moment1Out", 1, frt_terms_3), SUM("Moment2Out", 1, terms_4),       \
            SUM("ParamOut", 1, lamb_terms)}
#define SIZES_ SIZES({1}, {2}, {7}, {15}, {16}, {17}, {257}, {4095}, {4096}, {4097}, {70001}), \
  .FULL_SIZES({262147}, {1048583})

FRT_CASES(optimizer_adam) = {
    /* Moments 6 and 16; rate .5 sqrt(1 - .75) / (1 - .5) = .5; step .5 * 6 / (4 + 2).
     * The second: 0 / (1 + 2). */
    {.op = "adam", .name = "by_hand",
     .attrs = {{"beta1", 0.5}, {"beta2", 0.75}, {"epsilon", 2}},
     .in = {{"Param", SHAPE(2), VALUES(1, 7)}, {"Grad", SHAPE(2), VALUES(4, 2)},
            ONE("LearningRate", .5), {"Moment1", SHAPE(2), VALUES(8, -2)},
            {"Moment2", SHAPE(2), VALUES(16, 0)}, ONE("Beta1Pow", .5),
            ONE("Beta2Pow", .75)},
     .want = {{"ParamOut", VALUES(.5, 7)}, {"Moment1Out", VALUES(6, 0)},
              {"Moment2Out", VALUES(16, 1)}, {"Beta1PowOut", VALUES(.25)},
              {"Beta2PowOut", VALUES(.5625)}}},
    {.op = "adam", .name = "lengths", ADAM_BOUND, .LENGTHS,
     .in = {TENSORS(DIM_N, "Moment2"), ONE("LearningRate", .37), ONE("Beta1Pow", .9),
            ONE("Beta2Pow", .999)}},
    {.op = "adam", .name = "other_betas", ADAM_BOUND, .LENGTHS,
     .attrs = {{"beta1", 0.3}, {"beta2", 0.6}, {"epsilon", 0.1}},
     .in = {TENSORS(DIM_N, "Moment2"), ONE("LearningRate", .01), ONE("Beta1Pow", .027),
            ONE("Beta2Pow", .216)}},
    /* The first step of a new parameter: both moments are zero. */
    {.op = "adam", .name = "first_step", ADAM_BOUND, .LENGTHS,
     .in = {{"Param", SHAPE(DIM_N), UNIFORM(-.1, .1)}, {"Grad", SHAPE(DIM_N), UNIFORM(.1, 2)},
            {"Moment1", SHAPE(DIM_N), VALUES(0)}, {"Moment2", SHAPE(DIM_N), VALUES(0)},
            ONE("LearningRate", .01), ONE("Beta1Pow", .9), ONE("Beta2Pow", .999)}},
    {.op = "adam", .name = "matrix", ADAM_BOUND,
     .in = {{"Param", SHAPE(17, 31), UNIFORM(-1, 1)}, {"Grad", SHAPE(17, 31), UNIFORM(-3, 3)},
            {"Moment1", SHAPE(17, 31), UNIFORM(-1, 1)},
            {"Moment2", SHAPE(17, 31), UNIFORM(0.1, 1)}, ONE("LearningRate", .1),
            ONE("Beta1Pow", .25), ONE("Beta2Pow", .75)}},
    /* Norms: 4 against .5 * 2 + 1, 2 against .5 * 14 + 1. Rate 1 / (1 - .5) = 2. */
    {.op = "adamax", .name = "by_hand",
     .attrs = {{"beta1", 0.5}, {"beta2", 0.5}, {"epsilon", 1}},
     .in = {{"Param", SHAPE(2), VALUES(1, 7)}, {"Grad", SHAPE(2), VALUES(-4, 2)},
            ONE("LearningRate", 1), {"Moment", SHAPE(2), VALUES(8, 16)},
            {"InfNorm", SHAPE(2), VALUES(2, 14)}, ONE("Beta1Pow", .5)},
     .want = {{"MomentOut", VALUES(2, 9)}, {"InfNormOut", VALUES(4, 8)},
              {"ParamOut", VALUES(0, 4.75)}}},
    {.op = "adamax", .name = "lengths", ADAMAX_BOUND, .LENGTHS,
     .in = {ADAMAX_TENSORS(DIM_N), ONE("LearningRate", .37), ONE("Beta1Pow", .81)}},
    {.op = "adamax", .name = "other_betas", ADAMAX_BOUND, .LENGTHS,
     .attrs = {{"beta1", 0.3}, {"beta2", 0.6}, {"epsilon", 0.1}},
     .in = {ADAMAX_TENSORS(DIM_N), ONE("LearningRate", .01), ONE("Beta1Pow", .027)}},
    /* Decay alone: r = 2 (3, 4), so the ratio is 1 / 2 and the step .5 * (3, 4). */
    {.op = "lamb", .name = "by_hand", .attrs = {{"weight_decay", 2}, {"epsilon", 1}},
     .in = {{"Param", SHAPE(2), VALUES(3, 4)}, {"Grad", SHAPE(2), VALUES(0)},
            ONE("LearningRate", .5), {"Moment1", SHAPE(2), VALUES(0)},
            {"Moment2", SHAPE(2), VALUES(0)}, ONE("Beta1Pow", .9), ONE("Beta2Pow", .999)},
     .want = {{"ParamOut", VALUES(1.5, 2)}, {"Moment1Out", VALUES(0)},
              {"Moment2Out", VALUES(0)}}},
    /* r = (6, 8) / (1 + 1), |p| = 10, |r| = 5: a step of .5 * 2 * (3, 4). */
    {.op = "lamb", .name = "ratio_by_hand",
     .attrs = {{"weight_decay", 0}, {"beta1", 0.5}, {"beta2", 0.5}, {"epsilon", 1}},
     .in = {{"Param", SHAPE(2), VALUES(-6, 8)}, {"Grad", SHAPE(2), VALUES(1, -1)},
            ONE("LearningRate", .5), {"Moment1", SHAPE(2), VALUES(11, 17)},
            {"Moment2", SHAPE(2), VALUES(1)}, ONE("Beta1Pow", 0), ONE("Beta2Pow", 0)},
     .want = {{"ParamOut", VALUES(-9, 4)}, {"Moment1Out", VALUES(6, 8)},
              {"Moment2Out", VALUES(1)}}},
    /* A zero parameter: the plain rate. */
    {.op = "lamb", .name = "zero_param",
     .attrs = {{"weight_decay", 0.5}, {"beta1", 0.5}, {"beta2", 0.5}, {"epsilon", 1}},
     .in = {{"Param", SHAPE(2), VALUES(0)}, {"Grad", SHAPE(2), VALUES(1, -1)},
            ONE("LearningRate", .5), {"Moment1", SHAPE(2), VALUES(11, 17)},
            {"Moment2", SHAPE(2), VALUES(1)}, ONE("Beta1Pow", .9), ONE("Beta2Pow", .9)},
     .want = {{"ParamOut", VALUES(-1.5, -2)}}},
    /* A zero direction: nothing moves. */
    {.op = "lamb", .name = "zero_direction", .attrs = {{"weight_decay", 0}},
     .in = {{"Param", SHAPE(2), VALUES(3, -4)}, {"Grad", SHAPE(2), VALUES(0)},
            ONE("LearningRate", .5), {"Moment1", SHAPE(2), VALUES(0)},
            {"Moment2", SHAPE(2), VALUES(1)}, ONE("Beta1Pow", .9), ONE("Beta2Pow", .9)},
     .want = {{"ParamOut", VALUES(3, -4)}}},
    {.op = "lamb", .name = "lengths", LAMB_BOUND, .SIZES_, .attrs = {{"weight_decay", 0.01}},
     .in = {TENSORS(DIM_N, "Moment2"), ONE("LearningRate", .37), ONE("Beta1Pow", .9),
            ONE("Beta2Pow", .999)}},
    {.op = "lamb", .name = "other_betas", LAMB_BOUND, .SIZES_,
     .attrs = {{"weight_decay", 0.5}, {"beta1", 0.3}, {"beta2", 0.6}, {"epsilon", 0.1}},
     .in = {TENSORS(DIM_N, "Moment2"), ONE("LearningRate", .01), ONE("Beta1Pow", .9),
            ONE("Beta2Pow", .999)}},
    {.op = "lamb", .name = "none", .attrs = {{"weight_decay", 0.5}},
     .in = {TENSORS(0, "Moment2"), ONE("LearningRate", .01), ONE("Beta1Pow", .9),
            ONE("Beta2Pow", .999)}},
    {0}};
