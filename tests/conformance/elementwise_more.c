#include "runner/case.h"

/* elementwise_min chooses and rounds nothing. A remainder is exact and the divisor that
 * is added rounds once. A power in fp32: good libraries are within 4 ulp. */

/* Sums over m broadcast places: m - 1 additions, and the roundings of each term. */
static double places(const frt_case_view_t *v, const frt_case_array_t *out) {
  const double n = (double)frt_case_in(v, "Out@GRAD").numel;
  return out->numel ? n / (double)out->numel : 1;
}
static double sum_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return places(v, out) - 1;
}
/* dOut Y X^(Y - 1): two products, 4 ulp of the power (8 u), and the rounding of Y - 1,
 * which moves it by |Y - 1| |ln X| u: below 3 u for X and Y in [.5, 3]. dOut ln X X^Y:
 * two products, 8 u, and 4 ulp at most for the logarithm. */
static double power_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return places(v, out) - 1 + 18;
}

#define SHAPES SIZES({1, 1, 1}, {2, 3, 5}, {3, 16, 17}, {7, 15, 1}, {1, 33, 2}, {5, 1, 4}, \
                     {64, 31, 67}, {0, 3, 4}), \
  .FULL_SIZES({61, 129, 131})
#define WIDE SIZES({1, 1}, {3, 7}, {17, 16}, {128, 257}, {5003, 10}, {0, 4}), \
  .FULL_SIZES({1031, 1033})

#define FORWARD_CASES(op_, dtypes_, x_, y_, bound_, flags_)                             \
  {.op = op_, .name = "lengths", .dtypes = dtypes_, .bound = {bound_}, .LENGTHS,        \
   .in = {{"X", SHAPE(DIM_N), x_}, {"Y", SHAPE(DIM_N), y_}}, .flags = flags_},          \
  {.op = op_, .name = "middle", .dtypes = dtypes_, .bound = {bound_}, .SHAPES,          \
   .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), x_}, {"Y", SHAPE(DIM_M), y_}},              \
   .attrs = {{"axis", 1}}, .flags = flags_},                                            \
  {.op = op_, .name = "trailing", .dtypes = dtypes_, .bound = {bound_}, .SHAPES,        \
   .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), x_}, {"Y", SHAPE(DIM_M, DIM_K), y_}},       \
   .flags = flags_},                                                                    \
  {.op = op_, .name = "per_row", .dtypes = dtypes_, .bound = {bound_}, .WIDE,           \
   .in = {{"X", SHAPE(DIM_N, DIM_M), x_}, {"Y", SHAPE(DIM_N), y_}},                     \
   .attrs = {{"axis", 0}}, .flags = flags_},                                            \
  {.op = op_, .name = "scalar", .dtypes = dtypes_, .bound = {bound_}, .LENGTHS,         \
   .in = {{"X", SHAPE(DIM_N, 3), x_}, {"Y", SHAPE(1), y_}}, .flags = flags_},           \
  {.op = op_, .name = "trailing_ones", .dtypes = dtypes_, .bound = {bound_},            \
   .in = {{"X", SHAPE(2, 3, 5), x_}, {"Y", SHAPE(3, 1), y_}}, .attrs = {{"axis", 1}},   \
   .flags = flags_}
#define NO_BOUND {FRT_BOUND_EXACT, NULL, 0, NULL, NULL}
#define ULP4 ULP("Out", 4)

#define GRADIENT(op_, data, terms)                                                      \
  {.op = op_, .name = "lengths",                                                        \
   .in = {{"X", SHAPE(DIM_N), data}, {"Y", SHAPE(DIM_N), data},                         \
          {"Out@GRAD", SHAPE(DIM_N), UNIFORM(-1, 1)}},                                  \
   .bound = {SUM(NULL, 1, terms)}, .LENGTHS},                                           \
  {.op = op_, .name = "bias",                                                           \
   .in = {{"X", SHAPE(DIM_N, DIM_M), data}, {"Y", SHAPE(DIM_M), data},                  \
          {"Out@GRAD", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)}},                           \
   .bound = {SUM(NULL, 1, terms)}, .WIDE},                                              \
  {.op = op_, .name = "middle", .attrs = {{"axis", 1}},                                 \
   .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), data}, {"Y", SHAPE(DIM_M), data},           \
          {"Out@GRAD", SHAPE(DIM_N, DIM_M, DIM_K), UNIFORM(-1, 1)}},                    \
   .bound = {SUM(NULL, 1, terms)}, .SHAPES},                                            \
  {.op = op_, .name = "x_only", .without = {"Y@GRAD"},                                  \
   .in = {{"X", SHAPE(7, 5), data}, {"Y", SHAPE(5), data},                              \
          {"Out@GRAD", SHAPE(7, 5), UNIFORM(-1, 1)}},                                   \
   .bound = {SUM(NULL, 1, terms)}},                                                     \
  {.op = op_, .name = "y_only", .without = {"X@GRAD"},                                  \
   .in = {{"X", SHAPE(7, 5), data}, {"Y", SHAPE(1), data},                              \
          {"Out@GRAD", SHAPE(7, 5), UNIFORM(-1, 1)}},                                   \
   .bound = {SUM(NULL, 1, terms)}}

/* An integer has no remainder by 0. */
#define BY_ZERO                                                                         \
  .dtypes = FRT_INTS, .flags = FRT_CASE_OUT_OF_RANGE,                                   \
  .in = {{"X", SHAPE(19), WHOLE(-9, 9)}, {"Y", SHAPE(19), VALUES(1, 2, 0)}}

#define X6 {"X", SHAPE(2, 3), VALUES(1, 2, 3, 4, 5, 6)}
#define G6 {"Out@GRAD", SHAPE(2, 3), VALUES(1, 2, 3, 4, 5, 6)}
#define Y3 {"Y", SHAPE(3), VALUES(4, 2, 8)}

FRT_CASES(elementwise_more) = {
    {.op = "elementwise_min", .name = "by_hand", .in = {X6, Y3}, .flags = FRT_CASE_ROUGH,
     .dtypes = FRT_NUMBERS, .want = {{"Out", VALUES(1, 2, 3, 4, 2, 6)}}},
    {.op = "elementwise_min", .name = "apart",
     .in = {{"X", SHAPE(2, 3), VALUES(1, 2, 3, 4, 5, 6)}, {"Y", SHAPE(3), VALUES(3.5, 1.5, 8)}},
     .want = {{"Out", VALUES(1, 1.5, 3, 3.5, 1.5, 6)}}},
    {.op = "elementwise_min", .name = "specials", .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(9, 31), SPECIALS}, {"Y", SHAPE(9, 31), SPECIALS}}},
    FORWARD_CASES("elementwise_min", FRT_FLOATS, UNIFORM(-2, 2), UNIFORM(-2, 2), NO_BOUND,
                  FRT_CASE_ROUGH),
    {.op = "elementwise_min", .name = "whole", .dtypes = FRT_INTS, .SHAPES,
     .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), WHOLE(-9, 9)},
            {"Y", SHAPE(DIM_M, DIM_K), WHOLE(-9, 9)}}},
    /* Powers that a float holds. */
    {.op = "elementwise_pow", .name = "by_hand", .bound = {ULP4}, .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(2, 3), VALUES(1, 2, 4, -3, 5, 0)}, {"Y", SHAPE(3), VALUES(3, -2, .5)}},
     .want = {{"Out", VALUES(1, .25, 2, -27, .04, 0)}}},
    /* The cases of C: x^0 and 1^y are 1, a negative number has whole powers only. */
    {.op = "elementwise_pow", .name = "corners", .bound = {ULP4}, .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(8), VALUES(0, NAN, 1, -1, 0, -8, INFINITY, 2)},
            {"Y", SHAPE(8), VALUES(0, 0, NAN, INFINITY, -1, .5, -1, 1100)}},
     .want = {{"Out", VALUES(1, 1, 1, 1, INFINITY, NAN, 0, INFINITY)}}},
    {.op = "elementwise_pow", .name = "whole_by_hand", .dtypes = FRT_INTS,
     .in = {{"X", SHAPE(7), VALUES(3, -2, 7, 1, -1, 2, -1)},
            {"Y", SHAPE(7), VALUES(4, 5, 0, -9, -3, -1, -4)}},
     .want = {{"Out", VALUES(81, -32, 1, 1, -1, 0, 1)}}},
    FORWARD_CASES("elementwise_pow", FRT_FLOATS, UNIFORM(.5, 3), UNIFORM(-3, 3), ULP4, 0),
    {.op = "elementwise_pow", .name = "whole", .dtypes = FRT_INTS, .SHAPES,
     .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), WHOLE(-9, 9)},
            {"Y", SHAPE(DIM_M, DIM_K), WHOLE(0, 8)}}},
    /* The sign is that of the divisor. */
    {.op = "elementwise_mod", .name = "by_hand", .dtypes = FRT_NUMBERS,
     .in = {{"X", SHAPE(6), VALUES(7, -7, 7, -7, 6, -6)},
            {"Y", SHAPE(6), VALUES(3, 3, -3, -3, 3, -3)}},
     .want = {{"Out", VALUES(1, 2, -2, -1, 0, 0)}}},
    {.op = "elementwise_mod", .name = "fractions",
     .in = {{"X", SHAPE(4), VALUES(5.5, -5.5, 1, INFINITY)},
            {"Y", SHAPE(4), VALUES(2, 2, 0, 2)}},
     .want = {{"Out", VALUES(1.5, .5, NAN, NAN)}}},
    {.op = "elementwise_mod", .name = "by_zero", BY_ZERO},
    {.op = "elementwise_floordiv", .name = "by_zero", BY_ZERO},
    {.op = "elementwise_min", .name = "nan_in_y_stays", .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(3), VALUES(NAN, 1, NAN)}, {"Y", SHAPE(3), VALUES(1, NAN, NAN)}},
     .want = {{"Out", VALUES(1, NAN, NAN)}}},
    FORWARD_CASES("elementwise_mod", FRT_FLOATS, UNIFORM(-9, 9), UNIFORM(.5, 3), NO_BOUND, 0),
    FORWARD_CASES("elementwise_mod", FRT_INTS, WHOLE(-99, 99), WHOLE(1, 9), NO_BOUND, 0),
    {.op = "elementwise_floordiv", .name = "by_hand", .dtypes = FRT_INTS,
     .in = {{"X", SHAPE(6), VALUES(7, -7, 7, -7, 6, 0)},
            {"Y", SHAPE(6), VALUES(2, 2, -2, -2, 3, -1)}},
     .want = {{"Out", VALUES(3, -3, -3, 3, 2, 0)}}},
    FORWARD_CASES("elementwise_floordiv", FRT_INTS, WHOLE(-99, 99), WHOLE(1, 9), NO_BOUND, 0),
    /* At a tie (2 and 2) the gradient goes to Y. */
    {.op = "elementwise_min_grad", .name = "by_hand", .in = {G6, X6, Y3},
     .want = {{"X@GRAD", VALUES(1, 0, 3, 0, 0, 6)}, {"Y@GRAD", VALUES(4, 7, 0)}}},
    {.op = "elementwise_min_grad", .name = "ties", .SIZES({7}, {16}, {257}),
     .in = {{"X", SHAPE(DIM_N), WHOLE(-1, 1)}, {"Y", SHAPE(DIM_N), WHOLE(-1, 1)},
            {"Out@GRAD", SHAPE(DIM_N), WHOLE(1, 9)}}},
    GRADIENT("elementwise_min_grad", UNIFORM(-2, 2), sum_terms),
    {.op = "elementwise_min_grad", .name = "whole", .attrs = {{"axis", 1}}, .SHAPES,
     .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), WHOLE(-8, 8)}, {"Y", SHAPE(DIM_M), WHOLE(-8, 8)},
            {"Out@GRAD", SHAPE(DIM_N, DIM_M, DIM_K), WHOLE(-8, 8)}}},
    /* d(x^2) = 2 x, d(1^y) = 0, and at x = 1 the logarithm is 0. */
    {.op = "elementwise_pow_grad", .name = "by_hand", .bound = {SUM(NULL, 1, power_terms)},
     .in = {{"Out@GRAD", SHAPE(3), VALUES(1, 2, 3)}, {"X", SHAPE(3), VALUES(1)},
            {"Y", SHAPE(1), VALUES(2)}},
     .want = {{"X@GRAD", VALUES(2, 4, 6)}, {"Y@GRAD", VALUES(0)}}},
    GRADIENT("elementwise_pow_grad", UNIFORM(0.5, 3), power_terms),
    {0}};
