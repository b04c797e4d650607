#include "runner/case.h"

/* A random op has one right answer, bit for bit: the engine's draws and the fixed
 * operations of rng.h, which the reference provider follows. */

/* x <- 48271 x mod (2^31 - 1) from 1: 48271, 182605794, 1291394886, 1914720637. */
#define UNIT(x) ((double)((float)((x) - 1) / 2147483648.0f))
#define FIRST UNIT(48271), UNIT(182605794), UNIT(1291394886), UNIT(1914720637)
#define DRAWN ATTR_LIST("shape", DIM_N, DIM_M), {"dtype", THE_DTYPE}
#define SHAPES SIZES({1, 1}, {1, 2}, {3, 5}, {15, 1}, {16, 1}, {17, 1}, {31, 33}, {257, 67})

FRT_CASES(random) = {
    {.op = "uniform_random", .name = "first_draws", .want = {{"Out", VALUES(FIRST)}},
     .attrs = {ATTR_LIST("shape", 2, 2), {"dtype", THE_DTYPE}, {"min", 0}, {"max", 1},
               {"seed", 1}}},
    {.op = "uniform_random", .name = "shapes", .SHAPES, .rng = 12345,
     .attrs = {DRAWN, {"min", -0.7}, {"max", 0.3}, {"seed", 12345}}},
    {.op = "uniform_random", .name = "one_value", .attrs = {DRAWN, {"min", 0.5}, {"max", 0.5}},
     .want = {{"Out", VALUES(0.5)}}, .SHAPES},
    {.op = "uniform_random", .name = "last_state", .rng = 2147483646, .SHAPES, .attrs = {DRAWN}},
    {.op = "gaussian_random", .name = "shapes", .SHAPES, .rng = 90, .attrs = {DRAWN, {"seed", 90}}},
    {.op = "gaussian_random", .name = "moved", .SHAPES, .rng = 7,
     .attrs = {DRAWN, {"mean", 2.5}, {"std", 0.01}, {"seed", 7}}},
    {.op = "gaussian_random", .name = "no_spread", .SHAPES, .rng = 7, .want = {{"Out", VALUES(3)}},
     .attrs = {DRAWN, {"mean", 3}, {"std", 0}}},
    {.op = "truncated_gaussian_random", .name = "shapes", .SHAPES, .rng = 90,
     .attrs = {DRAWN, {"seed", 90}}},
    {.op = "truncated_gaussian_random", .name = "moved", .SHAPES, .rng = 7,
     .attrs = {DRAWN, {"mean", -1.5}, {"std", 0.02}, {"seed", 7}}},
    {0}};
