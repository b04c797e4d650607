#include "runner/case.h"

/* One right answer, number for number. From state 1 the engine yields 48271, 182605794,
 * 1291394886, 1914720637; a number below k is (state - 1) / floor((2^31 - 3) / k). */
#define ONE_OF(k, x) ((double)(((x) - 1) / (2147483645 / (k))))
#define FIRST(k) \
  ONE_OF(k, 48271), ONE_OF(k, 182605794), ONE_OF(k, 1291394886), ONE_OF(k, 1914720637)
#define RANGE(lo, hi) {"low", lo}, {"high", hi}
#define TYPE {"dtype", THE_DTYPE}
#define DRAWN .dtypes = FRT_INTS, .SIZES({1, 1}, {1, 2}, {3, 5}, {16, 1}, {31, 33})

FRT_CASES(random_more) = {
    {.op = "randint", .name = "first_draws", .dtypes = FRT_INTS,
     .attrs = {ATTR_LIST("shape", 2, 2), RANGE(0, 50), TYPE},
     .want = {{"Out", VALUES(FIRST(50))}}},
    {.op = "randint", .name = "one_number", .attrs = {ATTR_LIST("shape", DIM_N, DIM_M),
     RANGE(-3, -2), TYPE}, .want = {{"Out", VALUES(-3)}}, DRAWN},
    {.op = "randint", .name = "small", .rng = 5, DRAWN,
     .attrs = {ATTR_LIST("shape", DIM_N, DIM_M), RANGE(-7, 93), TYPE}},
    /* A third of the draws are rejected. */
    {.op = "randint", .name = "rejects", .rng = 90, DRAWN,
     .attrs = {ATTR_LIST("shape", DIM_N, DIM_M), RANGE(0, 1431655765), TYPE}},
    {.op = "randint", .name = "whole_range", .rng = 2147483646, DRAWN,
     .attrs = {ATTR_LIST("shape", DIM_N, DIM_M), RANGE(-2147483648.0, 2147483647.0), TYPE}},
    {0}};
