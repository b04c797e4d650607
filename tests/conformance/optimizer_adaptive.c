#include "runner/case.h"

/* Roundings, where a division and a root round once and a provider may fuse or share no
 * step; a root halves what it is given. A mean r was + (1 - r) now^2: 4 on any term.
 * adagrad: accumulator 2; divisor 1 + 1 + 1; rate g 1, quotient 1, difference 1: 6; with
 * decay the accumulator has 4 and the rest 7.
 * adadelta: a 4; u = root of (1 + 5 + 1) and 1, times g 1: 5.5; b: 11, square 1, the
 * complement and its product 2, sum 1: 15; the step: half of 16 + 5 + 1, root 1, product
 * 1, difference 1: 14.
 * rmsprop: mean 4, mean gradient 3; under the root 9 of the terms (mean 4 or twice the
 * mean gradient's 3, its square, two sums), weighted in the oracle's magnitude by what
 * cancels there; half of it, root, rate g, quotient, sum: 9; the difference: 10.
 * ftrl: n 2, its root 2; z: 3 of the difference of roots, quotient, product, two sums: 7;
 * ParamOut: 7, l1 1, the divisor 2 + 1 + 1, quotient 1: 13. With a power p in place of
 * the root, of an accumulator with 2: 2 p + 8 (a power within 4 ulp): 8 p + 24 is above
 * all of them. */
#define TERMS(n)                                                                    \
  static double terms_##n(const frt_case_view_t *v, const frt_case_array_t *out) {  \
    (void)v, (void)out;                                                             \
    return n;                                                                       \
  }
TERMS(4)
TERMS(6)
TERMS(7)
TERMS(9)
TERMS(10)
TERMS(13)
TERMS(14)
TERMS(15)
static double power_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)out;
  return 24 + 8 * fabs(frt_case_attr(v, "lr_power")->v.f);
}

#define PARAM(...) {"Param", SHAPE(__VA_ARGS__), UNIFORM(-.1, .1)}
#define GRAD(...) {"Grad", SHAPE(__VA_ARGS__), UNIFORM(-2, 2)}
#define STATE(slot, lo, hi, ...) {slot, SHAPE(__VA_ARGS__), UNIFORM(lo, hi)}
#define HAND(slot, ...) {slot, SHAPE(2), VALUES(__VA_ARGS__)}
#define RATE(lr) {"LearningRate", SHAPE(1), VALUES(lr)}

#define ADAGRAD(...) \
  .in = {PARAM(__VA_ARGS__), GRAD(__VA_ARGS__), STATE("Moment", .01, 4, __VA_ARGS__), RATE(.37)}
#define ADADELTA(...)                                                         \
  .in = {PARAM(__VA_ARGS__), GRAD(__VA_ARGS__),                               \
         STATE("AvgSquaredGrad", .01, 4, __VA_ARGS__),                        \
         STATE("AvgSquaredUpdate", .01, 4, __VA_ARGS__)}
/* The mean gradient's square stays below the mean square. */
#define RMSPROP(...)                                                          \
  .in = {PARAM(__VA_ARGS__), GRAD(__VA_ARGS__), STATE("Moment", -1, 1, __VA_ARGS__), \
         STATE("MeanSquare", 1, 4, __VA_ARGS__),                              \
         STATE("MeanGrad", -.7, .7, __VA_ARGS__), RATE(.37)}
#define RMSPROP_BOUND                                                         \
  .bound = {SUM("ParamOut", 1, terms_10), SUM("MomentOut", 1, terms_9),       \
            SUM("MeanSquareOut", 1, terms_4)}
#define CENTERED_BOUND                                                        \
  .bound = {SUM("ParamOut", 1, terms_10), SUM("MomentOut", 1, terms_9),       \
            SUM("MeanSquareOut", 1, terms_4), SUM("MeanGradOut", 1, frt_terms_3)}
#define FTRL(...)                                                             \
  .in = {PARAM(__VA_ARGS__), GRAD(__VA_ARGS__), RATE(.37),                    \
         STATE("SquaredAccumulator", .01, 4, __VA_ARGS__),                    \
         STATE("LinearAccumulator", -1, 1, __VA_ARGS__)}
#define FTRL_BOUND                                                            \
  .bound = {SUM("ParamOut", 1, terms_13), SUM("SquaredAccumOut", 1, frt_terms_2), \
            SUM("LinearAccumOut", 1, terms_7)}
#define POWER_BOUND                                                           \
  .bound = {SUM("ParamOut", 1, power_terms), SUM("SquaredAccumOut", 1, frt_terms_2), \
            SUM("LinearAccumOut", 1, power_terms)}

FRT_CASES(optimizer_adaptive) = {
    /* 7 + 9 = 16: .5 * 3 / (4 + 2); 0 + 4: .5 * -2 / (2 + 2). */
    {.op = "adagrad", .name = "by_hand", .attrs = {{"epsilon", 2}},
     .in = {HAND("Param", 1, 2), HAND("Grad", 3, -2), HAND("Moment", 7, 0), RATE(.5)},
     .want = {{"MomentOut", VALUES(16, 4)}, {"ParamOut", VALUES(.75, 2.25)}}},
    {.op = "adagrad", .name = "lengths", ADAGRAD(DIM_N), .LENGTHS,
     .bound = {SUM("MomentOut", 1, frt_terms_2), SUM("ParamOut", 1, terms_6)}},
    {.op = "adagrad", .name = "matrix", ADAGRAD(17, 31), .attrs = {{"epsilon", .5}},
     .bound = {SUM("MomentOut", 1, frt_terms_2), SUM("ParamOut", 1, terms_6)}},
    /* .5 * 23 + .5 * 9 = 16, .5 * 4 + .5 * 4 = 4. */
    {.op = "decayed_adagrad", .name = "by_hand", .attrs = {{"decay", .5}, {"epsilon", 2}},
     .in = {HAND("Param", 1, 2), HAND("Grad", 3, -2), HAND("Moment", 23, 4), RATE(.5)},
     .want = {{"MomentOut", VALUES(16, 4)}, {"ParamOut", VALUES(.75, 2.25)}}},
    {.op = "decayed_adagrad", .name = "lengths", ADAGRAD(DIM_N), .LENGTHS,
     .bound = {SUM("MomentOut", 1, terms_4), SUM("ParamOut", 1, terms_7)}},
    {.op = "decayed_adagrad", .name = "other_decay", ADAGRAD(DIM_N), .LENGTHS,
     .attrs = {{"decay", .3}, {"epsilon", .1}},
     .bound = {SUM("MomentOut", 1, terms_4), SUM("ParamOut", 1, terms_7)}},
    /* a = .5 * 3 + .5 * 9 = 6 twice. u = sqrt(2 / 8) * 3 = 1.5 and sqrt(98 / 8) * 3 =
     * 10.5; b = 0 + .5 * 2.25 and 48 + .5 * 110.25; it is the new average that moves the
     * parameter, by sqrt(3.125 / 8) * 3 = 1.875 and sqrt(105.125 / 8) * 3 = 10.875. */
    {.op = "adadelta", .name = "by_hand", .attrs = {{"rho", .5}, {"epsilon", 2}},
     .in = {HAND("Param", 2, 11), HAND("Grad", 3, 3), HAND("AvgSquaredGrad", 3, 3),
            HAND("AvgSquaredUpdate", 0, 96)},
     .want = {{"AvgSquaredGradOut", VALUES(6)}, {"AvgSquaredUpdateOut", VALUES(1.125, 103.125)},
              {"ParamOut", VALUES(.125, .125)}}},
    /* With rho 1 the averages stay, and the step is sqrt(16 / 4) * 2, -sqrt(9) * 3. */
    {.op = "adadelta", .name = "averages_stay", .attrs = {{"rho", 1}, {"epsilon", 1}},
     .in = {HAND("Param", 1, 5), HAND("Grad", 2, -3), HAND("AvgSquaredGrad", 3, 0),
            HAND("AvgSquaredUpdate", 15, 8)},
     .want = {{"AvgSquaredGradOut", VALUES(3, 0)}, {"AvgSquaredUpdateOut", VALUES(15, 8)},
              {"ParamOut", VALUES(-3, 14)}}},
    {.op = "adadelta", .name = "lengths", ADADELTA(DIM_N), .LENGTHS,
     .bound = {SUM("AvgSquaredGradOut", 1, terms_4), SUM("AvgSquaredUpdateOut", 1, terms_15),
               SUM("ParamOut", 1, terms_14)}},
    {.op = "adadelta", .name = "first_step", .LENGTHS,
     .in = {PARAM(DIM_N), GRAD(DIM_N), {"AvgSquaredGrad", SHAPE(DIM_N), VALUES(0)},
            {"AvgSquaredUpdate", SHAPE(DIM_N), VALUES(0)}},
     .bound = {SUM("AvgSquaredGradOut", 1, terms_4), SUM("AvgSquaredUpdateOut", 1, terms_15),
               SUM("ParamOut", 1, terms_14)}},
    /* .5 * 2 + .5 * 4 + 1 = 4: .5 * 4 + 3 * 2 / 2; .5 * 30 + 0 + 1 = 16: .5 * -6 + 0. */
    {.op = "rmsprop", .name = "by_hand",
     .attrs = {{"epsilon", 1}, {"decay", .5}, {"momentum", .5}},
     .in = {HAND("Param", 1, 2), HAND("Grad", 2, 0), HAND("Moment", 4, -6),
            HAND("MeanSquare", 2, 30), HAND("MeanGrad", 9, -9), RATE(3)},
     .want = {{"MomentOut", VALUES(5, -3)}, {"MeanSquareOut", VALUES(3, 15)},
              {"ParamOut", VALUES(-4, 5)}, {"MeanGradOut", VALUES(9, -9)}}},
    {.op = "rmsprop", .name = "no_mean_gradient", .without = {"MeanGradOut"},
     .attrs = {{"epsilon", 1}, {"decay", .5}, {"momentum", .5}},
     .in = {HAND("Param", 1, 2), HAND("Grad", 2, 0), HAND("Moment", 4, -6),
            HAND("MeanSquare", 2, 30), RATE(3)},
     .want = {{"MomentOut", VALUES(5, -3)}, {"ParamOut", VALUES(-4, 5)}}},
    /* Means 3 and 3 of the squares, 1 and -1 of the gradients: under the root 3 - 1 + 2. */
    {.op = "rmsprop", .name = "centered_by_hand",
     .attrs = {{"epsilon", 2}, {"decay", .5}, {"centered", 1}},
     .in = {HAND("Param", 1, 2), HAND("Grad", 2, 0), HAND("Moment", 4, -6),
            HAND("MeanSquare", 2, 6), HAND("MeanGrad", 0, -2), RATE(3)},
     .want = {{"MomentOut", VALUES(3, 0)}, {"MeanSquareOut", VALUES(3, 3)},
              {"MeanGradOut", VALUES(1, -1)}, {"ParamOut", VALUES(-2, 2)}}},
    {.op = "rmsprop", .name = "lengths", RMSPROP(DIM_N), RMSPROP_BOUND, .LENGTHS,
     .attrs = {{"momentum", .9}}},
    {.op = "rmsprop", .name = "centered", RMSPROP(DIM_N), CENTERED_BOUND, .LENGTHS,
     .attrs = {{"momentum", .9}, {"centered", 1}}},
    {.op = "rmsprop", .name = "centered_matrix", RMSPROP(17, 31), CENTERED_BOUND,
     .attrs = {{"decay", .95}, {"epsilon", .01}, {"centered", 1}}},
    /* No gradient: z = 6 and -8 stay, l1 = 2: (2 - 6) / (3 / .5 + 2)
     * and (-2 + 8) / (2 / .5 + 2). */
    {.op = "ftrl", .name = "by_hand", .attrs = {{"l1", 2}, {"l2", 1}},
     .in = {HAND("Param", 9, 9), HAND("Grad", 0, 0), HAND("SquaredAccumulator", 9, 4),
            HAND("LinearAccumulator", 6, -8), RATE(.5)},
     .want = {{"SquaredAccumOut", VALUES(9, 4)}, {"LinearAccumOut", VALUES(6, -8)},
              {"ParamOut", VALUES(-.5, 1)}}},
    /* n = 9 + 16; z = 0 + 4 - (5 - 3) / .5 * .5 = 2, not above l1; the other: n = 0 + 4,
     * z = 1 + 2 - 2 / .5 * 2 = -5: (-2 + 5) / (2 / .5 - 1). */
    {.op = "ftrl", .name = "threshold", .attrs = {{"l1", 2}, {"l2", -.5}},
     .in = {HAND("Param", .5, 2), HAND("Grad", 4, 2), HAND("SquaredAccumulator", 9, 0),
            HAND("LinearAccumulator", 0, 1), RATE(.5)},
     .want = {{"SquaredAccumOut", VALUES(25, 4)}, {"LinearAccumOut", VALUES(2, -5)},
              {"ParamOut", VALUES(0, 1)}}},
    {.op = "ftrl", .name = "lengths", FTRL(DIM_N), FTRL_BOUND, .LENGTHS,
     .attrs = {{"l1", .1}, {"l2", .2}}},
    {.op = "ftrl", .name = "no_shrinkage", FTRL(DIM_N), FTRL_BOUND, .LENGTHS},
    {.op = "ftrl", .name = "power", FTRL(DIM_N), POWER_BOUND, .LENGTHS,
     .attrs = {{"l1", .1}, {"l2", .2}, {"lr_power", -.75}}},
    {0}};
