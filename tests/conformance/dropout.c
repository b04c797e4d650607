#include "runner/case.h"

/* The masks have one right answer; a kept element is moved or rounded once. From state 1
 * the unit floats are some .00002, .085, .601, .892. */
#define SHAPES SIZES({1, 1}, {1, 2}, {3, 5}, {15, 1}, {16, 1}, {17, 1}, {31, 33}, {257, 131}, \
                     {0, 3})
/* ROUGH here: test mode has no gradient op, and a gradient needs the mask. */
#define X_IN .in = {{"X", SHAPE(DIM_N, DIM_M), UNIFORM(-2, 2)}}
#define HAND .in = {{"X", SHAPE(2, 2), VALUES(1, 2, 3, 4)}}
#define UP ATTR_TEXT("dropout_implementation", "upscale_in_train")
#define TEST {"is_test", 1}
#define P(p) {"dropout_prob", p}
#define ALL_KEPT {"Mask", VALUES(1)}
#define NOTHING .want = {{"Out", VALUES(0)}, {"Mask", VALUES(0)}}
#define MASK(...) {"Mask", SHAPE(DIM_N), __VA_ARGS__, AS(FRT_U8)}
#define G_IN {"Out@GRAD", SHAPE(DIM_N), UNIFORM(-1, 1)}

FRT_CASES(dropout) = {
    {.op = "dropout", .name = "by_hand", HAND, .attrs = {P(0.5)},
     .want = {{"Out", VALUES(0, 0, 3, 4)}, {"Mask", VALUES(0, 0, 1, 1)}}},
    {.op = "dropout", .name = "by_hand_upscaled", HAND, .attrs = {P(0.75), UP},
     .want = {{"Out", VALUES(0, 0, 0, 16)}, {"Mask", VALUES(0, 0, 0, 1)}}},
    {.op = "dropout", .name = "test", HAND, .attrs = {P(0.75), TEST},
     .want = {{"Out", VALUES(.25, .5, .75, 1)}, ALL_KEPT}, .flags = FRT_CASE_ROUGH},
    {.op = "dropout", .name = "test_upscaled", HAND, .attrs = {P(0.75), TEST, UP},
     .want = {{"Out", VALUES(1, 2, 3, 4)}, ALL_KEPT}, .flags = FRT_CASE_ROUGH},
    {.op = "dropout", .name = "none", HAND, .attrs = {P(0)},
     .want = {{"Out", VALUES(1, 2, 3, 4)}, ALL_KEPT}},
    {.op = "dropout", .name = "all", HAND, .attrs = {P(1)}, NOTHING},
    {.op = "dropout", .name = "all_upscaled", HAND, .attrs = {P(1), UP}, NOTHING},
    {.op = "dropout", .name = "dropped_nan_is_0", .attrs = {P(1), UP}, NOTHING,
     .in = {{"X", SHAPE(2), VALUES(NAN, INFINITY)}}, .flags = FRT_CASE_ROUGH},
    /* A seed of 0 that is meant starts as 1 does, whatever the run's state is. */
    {.op = "dropout", .name = "seed_0_is_fixed", HAND, .rng = 4711,
     .attrs = {P(0.5), {"fix_seed", 1}, {"seed", 0}}, .want = {{"Mask", VALUES(0, 0, 1, 1)}}},
    {.op = "dropout", .name = "shapes", X_IN, .attrs = {P(0.3)}, .rng = 17, .SHAPES},
    {.op = "dropout", .name = "shapes_upscaled", X_IN, .attrs = {P(0.3), UP}, .rng = 17, .SHAPES},
    {.op = "dropout", .name = "no_mask", X_IN, .attrs = {P(0.6)}, .rng = 90, .SHAPES,
     .without = {"Mask"}, .flags = FRT_CASE_ROUGH},
    {.op = "dropout", .name = "last_state", X_IN, .rng = 2147483646, .SHAPES},
    {.op = "dropout_grad", .name = "by_hand", .attrs = {P(0.75)},
     .in = {{"Mask", SHAPE(4), VALUES(0, 1, 1, 0), AS(FRT_U8)},
            {"Out@GRAD", SHAPE(4), VALUES(1, 2, 3, NAN)}},
     .want = {{"X@GRAD", VALUES(0, 2, 3, 0)}}},
    {.op = "dropout_grad", .name = "by_hand_upscaled", .attrs = {P(0.75), UP},
     .in = {{"Mask", SHAPE(4), VALUES(0, 1, 1, 0), AS(FRT_U8)},
            {"Out@GRAD", SHAPE(4), VALUES(1, 2, 3, NAN)}},
     .want = {{"X@GRAD", VALUES(0, 8, 12, 0)}}},
    {.op = "dropout_grad", .name = "length", .in = {MASK(WHOLE(0, 1)), G_IN}, .LENGTHS},
    /* A quotient by 1 - p in fp32, or a product with its reciprocal: two roundings more. */
    {.op = "dropout_grad", .name = "length_upscaled", .in = {MASK(WHOLE(0, 1)), G_IN},
     .attrs = {P(0.3), UP}, .bound = {ULP("X@GRAD", 2)}, .LENGTHS},
    {0}};
