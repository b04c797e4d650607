#include "runner/case.h"

/* Comparisons and logic make no rounding: every output is exact. */

#define COMPARED (FRT_NUMBERS | FRT_BOOLS)
#define XY(x, y) .in = {{"X", SHAPE(3, DIM_N), x}, {"Y", SHAPE(3, DIM_N), y}}
#define HAND(op_, ...)                                                              \
  {.op = op_, .name = "by_hand", .dtypes = FRT_NUMBERS,                             \
   .in = {{"X", SHAPE(4), VALUES(1, 2, 3, -4)}, {"Y", SHAPE(4), VALUES(2, 2, 2, -4)}}, \
   .want = {{"Out", VALUES(__VA_ARGS__)}}}
#define COMPARE(op_)                                                                \
  {.op = op_, .name = "lengths", .dtypes = COMPARED, XY(WHOLE(0, 3), WHOLE(0, 3)), .LENGTHS}, \
  {.op = op_, .name = "floats", XY(UNIFORM(-1, 1), UNIFORM(-1, 1)), .LENGTHS},      \
  {.op = op_, .name = "specials", XY(SPECIALS, SPECIALS), .SIZES({61})},            \
  {.op = op_, .name = "middle", .dtypes = COMPARED, .attrs = {{"axis", 1}},         \
   .in = {{"X", SHAPE(2, 5, 7), WHOLE(0, 2)}, {"Y", SHAPE(5), WHOLE(0, 2)}}},       \
  {.op = op_, .name = "last", .dtypes = COMPARED,                                   \
   .in = {{"X", SHAPE(4, 5, 7), WHOLE(0, 2)}, {"Y", SHAPE(7), WHOLE(0, 2)}}},       \
  {.op = op_, .name = "scalar", .dtypes = COMPARED,                                 \
   .in = {{"X", SHAPE(1), WHOLE(0, 2)}, {"Y", SHAPE(1), WHOLE(0, 2)}}}

#define LOGICAL(op_, ...)                                                           \
  {.op = op_, .name = "truth_table", .dtypes = FRT_BOOLS,                           \
   .in = {{"X", SHAPE(4), VALUES(0, 0, 1, 1)}, {"Y", SHAPE(4), VALUES(0, 1, 0, 1)}}, \
   .want = {{"Out", VALUES(__VA_ARGS__)}}},                                         \
  {.op = op_, .name = "lengths", .dtypes = FRT_BOOLS, XY(WHOLE(0, 1), WHOLE(0, 1)), .LENGTHS}

FRT_CASES(compare) = {
    HAND("equal", 0, 1, 0, 1), HAND("not_equal", 1, 0, 1, 0),
    HAND("less_than", 1, 0, 0, 0), HAND("less_equal", 1, 1, 0, 1),
    HAND("greater_than", 0, 0, 1, 0), HAND("greater_equal", 0, 1, 1, 1),
    COMPARE("equal"), COMPARE("not_equal"), COMPARE("less_than"), COMPARE("less_equal"),
    COMPARE("greater_than"), COMPARE("greater_equal"),
    {.op = "equal", .name = "nan_and_zeros",
     .in = {{"X", SHAPE(3), VALUES(NAN, 0.0, INFINITY)},
            {"Y", SHAPE(3), VALUES(NAN, -0.0, INFINITY)}},
     .want = {{"Out", VALUES(0, 1, 1)}}},
    {.op = "not_equal", .name = "nan",
     .in = {{"X", SHAPE(2), VALUES(NAN, 1)}, {"Y", SHAPE(2), VALUES(NAN, NAN)}},
     .want = {{"Out", VALUES(1, 1)}}},
    /* 2^53 - 1 and its neighbour: no way through float. */
    {.op = "less_than", .name = "large_integers", .dtypes = FRT_I64S,
     .in = {{"X", SHAPE(2), VALUES(9007199254740990.0, 9007199254740991.0)},
            {"Y", SHAPE(2), VALUES(9007199254740991.0, 9007199254740990.0)}},
     .want = {{"Out", VALUES(1, 0)}}},
    LOGICAL("logical_and", 0, 0, 0, 1), LOGICAL("logical_or", 0, 1, 1, 1),
    LOGICAL("logical_xor", 0, 1, 1, 0),
    {.op = "logical_not", .name = "truth_table", .dtypes = FRT_BOOLS,
     .in = {{"X", SHAPE(2), VALUES(0, 1)}}, .want = {{"Out", VALUES(1, 0)}}},
    {.op = "logical_not", .name = "lengths", .dtypes = FRT_BOOLS,
     .in = {{"X", SHAPE(DIM_N, 1), WHOLE(0, 1)}}, .LENGTHS},
    {0}};
