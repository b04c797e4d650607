#include "runner/case.h"

/* One rounding per output: an exact product, sum or quotient rounds once, and a double
 * that is then rounded to float gives the same (53 >= 2 * 24 + 2). Integers wrap. */

/* Sums over m broadcast places: m - 1 additions, and the roundings of each term. */
static double places(const frt_case_array_t *out, const frt_case_view_t *v) {
  const double n = (double)frt_case_in(v, "Out@GRAD").numel;
  return out->numel ? n / (double)out->numel : 1;
}
static double sum_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return places(out, v) - 1;
}
static double product_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return places(out, v);
}
/* -dOut * Out / Y, or -dOut * X / (Y * Y), where Out carries its own rounding. */
static double quotient_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return places(out, v) + 3;
}

#define BOTH(lo, hi) \
  .in = {{"X", SHAPE(DIM_N), UNIFORM(lo, hi)}, {"Y", SHAPE(DIM_N), UNIFORM(0.5, 3)}}
#define MIDDLE(data) \
  .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), data}, {"Y", SHAPE(DIM_M), data}}, \
  .attrs = {{"axis", 1}}
#define TRAILING(data) \
  .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), data}, {"Y", SHAPE(DIM_M, DIM_K), data}}
#define SHAPES SIZES({1, 1, 1}, {2, 3, 5}, {3, 16, 17}, {7, 15, 1}, {1, 33, 2}, {5, 1, 4}, \
                     {64, 31, 67}, {0, 3, 4}), \
  .FULL_SIZES({61, 129, 131})
#define WIDE SIZES({1, 1}, {3, 7}, {17, 16}, {128, 257}, {5003, 10}, {0, 4}), \
  .FULL_SIZES({1031, 1033})

#define FORWARD_CASES(op_)                                                              \
  {.op = op_, .name = "lengths", BOTH(-3, 3), .LENGTHS},                                \
  {.op = op_, .name = "middle", MIDDLE(UNIFORM(0.5, 3)), .SHAPES},                      \
  {.op = op_, .name = "trailing", TRAILING(UNIFORM(0.5, 3)), .SHAPES},                  \
  {.op = op_, .name = "bias",                                                           \
   .in = {{"X", SHAPE(DIM_N, DIM_M), UNIFORM(-2, 2)}, {"Y", SHAPE(DIM_M), UNIFORM(1, 2)}}, \
   .WIDE},                                                                              \
  {.op = op_, .name = "per_row",                                                        \
   .in = {{"X", SHAPE(DIM_N, DIM_M), UNIFORM(-2, 2)}, {"Y", SHAPE(DIM_N), UNIFORM(1, 2)}}, \
   .attrs = {{"axis", 0}}, .WIDE},                                                      \
  {.op = op_, .name = "scalar",                                                         \
   .in = {{"X", SHAPE(DIM_N, 3), UNIFORM(-2, 2)}, {"Y", SHAPE(1), UNIFORM(1, 2)}},      \
   .LENGTHS},                                                                           \
  {.op = op_, .name = "trailing_ones",                                                  \
   .in = {{"X", SHAPE(2, 3, 5), UNIFORM(-2, 2)}, {"Y", SHAPE(3, 1), UNIFORM(1, 2)}},    \
   .attrs = {{"axis", 1}}},                                                             \
  {.op = op_, .name = "whole", .dtypes = FRT_NUMBERS, MIDDLE(WHOLE(1, 1000)), .SHAPES}

#define GRADIENT(op_, data, forward, terms)                                             \
  {.op = op_, .name = "lengths",                                                        \
   .in = {{"X", SHAPE(DIM_N), data}, {"Y", SHAPE(DIM_N), data},                         \
          {"Out@GRAD", SHAPE(DIM_N), UNIFORM(-1, 1)} forward(DIM_N)},                   \
   .bound = {SUM(NULL, 1, terms)}, .LENGTHS},                                           \
  {.op = op_, .name = "bias",                                                           \
   .in = {{"X", SHAPE(DIM_N, DIM_M), data}, {"Y", SHAPE(DIM_M), data},                  \
          {"Out@GRAD", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)} forward(DIM_N, DIM_M)},     \
   .bound = {SUM(NULL, 1, terms)}, .WIDE},                                              \
  {.op = op_, .name = "middle", .attrs = {{"axis", 1}},                                 \
   .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), data}, {"Y", SHAPE(DIM_M), data},           \
          {"Out@GRAD", SHAPE(DIM_N, DIM_M, DIM_K), UNIFORM(-1, 1)}                      \
          forward(DIM_N, DIM_M, DIM_K)},                                                \
   .bound = {SUM(NULL, 1, terms)}, .SHAPES},                                            \
  {.op = op_, .name = "ones",                                                           \
   .in = {{"X", SHAPE(3, 4, 2, 5), data}, {"Y", SHAPE(1, 4, 1, 1), data},               \
          {"Out@GRAD", SHAPE(3, 4, 2, 5), UNIFORM(-1, 1)} forward(3, 4, 2, 5)},         \
   .bound = {SUM(NULL, 1, terms)}},                                                     \
  {.op = op_, .name = "x_only", .without = {"Y@GRAD"},                                  \
   .in = {{"X", SHAPE(7, 5), data}, {"Y", SHAPE(5), data},                              \
          {"Out@GRAD", SHAPE(7, 5), UNIFORM(-1, 1)} forward(7, 5)},                     \
   .bound = {SUM(NULL, 1, terms)}},                                                     \
  {.op = op_, .name = "y_only", .without = {"X@GRAD"},                                  \
   .in = {{"X", SHAPE(7, 5), data}, {"Y", SHAPE(1), data},                              \
          {"Out@GRAD", SHAPE(7, 5), UNIFORM(-1, 1)} forward(7, 5)},                     \
   .bound = {SUM(NULL, 1, terms)}}
#define NO_OUT(...)
#define OUT_OF_DIV(...) , {"Out", SHAPE(__VA_ARGS__), FORWARD("elementwise_div")}

/* Small integers: every product and sum is exact, so every bit is known. */
#define WHOLE_GRADIENT(op_)                                                             \
  {.op = op_, .name = "whole", .attrs = {{"axis", 1}},                                  \
   .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), WHOLE(-8, 8)}, {"Y", SHAPE(DIM_M), WHOLE(-8, 8)}, \
          {"Out@GRAD", SHAPE(DIM_N, DIM_M, DIM_K), WHOLE(-8, 8)}},                      \
   .SHAPES}

#define RANK_9 SHAPE(2, 1, 2, 3, 1, 2, 3, 2, 2)
/* Beyond 32 bits, within the 53 of the oracle. */
#define LARGE(op_, x, y)                                                                \
  {.op = op_, .name = "large_integers", .dtypes = FRT_I64S,                             \
   .in = {{"X", SHAPE(DIM_N), WHOLE(-x, x)}, {"Y", SHAPE(DIM_N), WHOLE(1, y)}},         \
   .SIZES({1}, {17}, {257})}
/* Equal extents: a wrong axis has the right shape. */
#define SQUARE(op_, name_, axis_)                                                       \
  {.op = op_, .name = name_, .attrs = {{"axis", axis_}},                                \
   .in = {{"X", SHAPE(5, 5, 5), UNIFORM(-2, 2)}, {"Y", SHAPE(5), UNIFORM(1, 2)}}}
#define SQUARES(op_)                                                                    \
  SQUARE(op_, "square_first", 0), SQUARE(op_, "square_middle", 1),                      \
  SQUARE(op_, "square_last", -1)
/* Out@GRAD of zeros and ones, X and Y mostly equal. */
#define TIES(op_)                                                                       \
  {.op = op_, .name = "ties",                                                           \
   .in = {{"X", SHAPE(DIM_N), WHOLE(-1, 1)}, {"Y", SHAPE(DIM_N), WHOLE(-1, 1)},         \
          {"Out@GRAD", SHAPE(DIM_N), WHOLE(1, 9)}},                                     \
   .SIZES({7}, {16}, {257})}

#define X6 {"X", SHAPE(2, 3), VALUES(1, 2, 3, 4, 5, 6)}
#define G6 {"Out@GRAD", SHAPE(2, 3), VALUES(1, 2, 3, 4, 5, 6)}
#define Y3 {"Y", SHAPE(3), VALUES(4, 2, 8)}

FRT_CASES(elementwise) = {
    {.op = "elementwise_add", .name = "ones_by_hand",
     .in = {{"X", SHAPE(2, 2, 2), VALUES(1, 2, 3, 4, 5, 6, 7, 8)},
            {"Y", SHAPE(1, 2, 1), VALUES(10, 20)}},
     .want = {{"Out", VALUES(11, 12, 23, 24, 15, 16, 27, 28)}}},
    {.op = "elementwise_sub", .name = "ones_between", .attrs = {{"axis", 0}},
     .in = {{"X", SHAPE(3, 4, 5), WHOLE(-8, 8)}, {"Y", SHAPE(3, 1, 5), WHOLE(-8, 8)}}},
    {.op = "elementwise_add", .name = "by_hand", .in = {X6, Y3},
     .want = {{"Out", VALUES(5, 4, 11, 8, 7, 14)}}},
    {.op = "elementwise_sub", .name = "by_hand", .in = {X6, Y3},
     .want = {{"Out", VALUES(-3, 0, -5, 0, 3, -2)}}},
    {.op = "elementwise_mul", .name = "by_hand", .in = {X6, Y3},
     .want = {{"Out", VALUES(4, 4, 24, 16, 10, 48)}}},
    {.op = "elementwise_div", .name = "by_hand", .in = {X6, Y3},
     .want = {{"Out", VALUES(.25, 1, .375, 1, 2.5, .75)}}},
    {.op = "elementwise_max", .name = "by_hand", .in = {X6, Y3}, .flags = FRT_CASE_ROUGH,
     .want = {{"Out", VALUES(4, 2, 8, 4, 5, 8)}}},
    {.op = "elementwise_div", .name = "integers_truncate", .dtypes = FRT_INTS,
     .in = {{"X", SHAPE(4), VALUES(7, -7, 7, -7)}, {"Y", SHAPE(4), VALUES(2, 2, -2, -2)}},
     .want = {{"Out", VALUES(3, -3, -3, 3)}}},
    /* X > Y ? X : Y, where nothing is greater than NaN: it stays when Y is NaN. */
    {.op = "elementwise_max", .name = "nan_in_y_stays", .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(5), VALUES(NAN, 1, NAN, -INFINITY, INFINITY)},
            {"Y", SHAPE(5), VALUES(1, NAN, NAN, -2, 3)}},
     .want = {{"Out", VALUES(1, NAN, NAN, -2, INFINITY)}}},
    {.op = "elementwise_max", .name = "specials", .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(9, 31), SPECIALS}, {"Y", SHAPE(9, 31), SPECIALS}}},
    {.op = "elementwise_div", .name = "by_zero", .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(5), VALUES(1, -1, 0, INFINITY, 3)},
            {"Y", SHAPE(5), VALUES(0, 0, 0, 0, INFINITY)}},
     .want = {{"Out", VALUES(INFINITY, -INFINITY, NAN, INFINITY, 0)}}},
    {.op = "elementwise_div", .name = "integers_by_zero", .dtypes = FRT_INTS,
     .flags = FRT_CASE_OUT_OF_RANGE,
     .in = {{"X", SHAPE(19), WHOLE(-9, 9)}, {"Y", SHAPE(19), VALUES(1, 2, 0)}}},
    LARGE("elementwise_add", 0x1p40, 0x1p40), LARGE("elementwise_sub", 0x1p40, 0x1p40),
    LARGE("elementwise_mul", 0x1p32, 0x1p18), LARGE("elementwise_div", 0x1p50, 0x1p36),
    LARGE("elementwise_max", 0x1p50, 0x1p50),
    {.op = "elementwise_add", .name = "rank_9", .in = {{"X", RANK_9, UNIFORM(-2, 2)}, {"Y", RANK_9, UNIFORM(-2, 2)}}},
    {.op = "elementwise_mul", .name = "rank_9_middle", .attrs = {{"axis", 6}},
     .in = {{"X", RANK_9, UNIFORM(-2, 2)}, {"Y", SHAPE(3, 2), UNIFORM(1, 2)}}},
    SQUARES("elementwise_add"), SQUARES("elementwise_sub"), SQUARES("elementwise_mul"),
    SQUARES("elementwise_div"), SQUARES("elementwise_max"),
    FORWARD_CASES("elementwise_add"), FORWARD_CASES("elementwise_sub"),
    FORWARD_CASES("elementwise_mul"), FORWARD_CASES("elementwise_div"),
    FORWARD_CASES("elementwise_max"),
    {.op = "elementwise_add", .name = "specials",
     .in = {{"X", SHAPE(9, 31), SPECIALS}, {"Y", SHAPE(9, 31), SPECIALS}}},
    {.op = "elementwise_sub", .name = "specials",
     .in = {{"X", SHAPE(9, 31), SPECIALS}, {"Y", SHAPE(9, 31), SPECIALS}}},
    {.op = "elementwise_mul", .name = "specials", .flags = FRT_CASE_SIGNED_ZERO,
     .in = {{"X", SHAPE(9, 31), SPECIALS}, {"Y", SHAPE(9, 31), SPECIALS}}},
    /* A subnormal quotient may be rounded twice on its way through double. */
    {.op = "elementwise_div", .name = "specials", .bound = {ULP("Out", 1)},
     .in = {{"X", SHAPE(9, 31), SPECIALS}, {"Y", SHAPE(9, 31), SPECIALS}}},
    {.op = "elementwise_add_grad", .name = "by_hand", .in = {G6, X6, Y3},
     .want = {{"X@GRAD", VALUES(1, 2, 3, 4, 5, 6)}, {"Y@GRAD", VALUES(5, 7, 9)}}},
    {.op = "elementwise_sub_grad", .name = "by_hand", .in = {G6, X6, Y3},
     .want = {{"X@GRAD", VALUES(1, 2, 3, 4, 5, 6)}, {"Y@GRAD", VALUES(-5, -7, -9)}}},
    {.op = "elementwise_mul_grad", .name = "by_hand", .in = {G6, X6, Y3},
     .want = {{"X@GRAD", VALUES(4, 4, 24, 16, 10, 48)}, {"Y@GRAD", VALUES(17, 29, 45)}}},
    /* -dOut * Out / Y: (1/4 + 4) / -4, (2 + 12.5) / -2, (9/8 + 4.5) / -8. */
    {.op = "elementwise_div_grad", .name = "by_hand",
     .in = {G6, X6, Y3, {"Out", SHAPE(2, 3), VALUES(.25, 1, .375, 1, 2.5, .75)}},
     .want = {{"X@GRAD", VALUES(.25, 1, .375, 1, 2.5, .75)},
              {"Y@GRAD", VALUES(-1.0625, -7.25, -0.703125)}}},
    /* At a tie (4 and 2) the gradient goes to Y. */
    {.op = "elementwise_max_grad", .name = "by_hand", .in = {G6, X6, Y3},
     .want = {{"X@GRAD", VALUES(0, 0, 0, 0, 5, 0)}, {"Y@GRAD", VALUES(5, 2, 9)}}},
    GRADIENT("elementwise_add_grad", UNIFORM(-2, 2), NO_OUT, sum_terms),
    GRADIENT("elementwise_sub_grad", UNIFORM(-2, 2), NO_OUT, sum_terms),
    GRADIENT("elementwise_mul_grad", UNIFORM(-2, 2), NO_OUT, product_terms),
    GRADIENT("elementwise_max_grad", UNIFORM(-2, 2), NO_OUT, sum_terms),
    GRADIENT("elementwise_div_grad", UNIFORM(0.5, 3), OUT_OF_DIV, quotient_terms),
    TIES("elementwise_max_grad"),
    WHOLE_GRADIENT("elementwise_add_grad"), WHOLE_GRADIENT("elementwise_sub_grad"),
    WHOLE_GRADIENT("elementwise_mul_grad"), WHOLE_GRADIENT("elementwise_max_grad"),
    {0}};
