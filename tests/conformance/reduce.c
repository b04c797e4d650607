#include "reduce.h"

/* A sum of n terms makes n - 1 roundings, in any order; mean one more. */
static double sum_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return frt_terms_input(v, out) - 1;
}

#define GRADIENT_BOUND .bound = {EXACT("X@GRAD")}
#define MAX_OUT(...) OUT_OF("reduce_max", __VA_ARGS__)

FRT_CASES(reduce) = {
    {.op = "reduce_sum", .name = "by_hand", DIMS(1),
     .in = {{"X", SHAPE(2, 3), VALUES(1, 2, 3, 4, 5, 6)}}, .want = {{"Out", VALUES(6, 15)}}},
    {.op = "reduce_sum", .name = "nothing", FULL, .in = {{"X", SHAPE(0, 3), NO_DATA}},
     .want = {{"Out", VALUES(0)}}, .flags = FRT_CASE_ROUGH},
    {.op = "reduce_sum", .name = "batch_0", DIMS(1), .in = {{"X", SHAPE(0, 3), NO_DATA}},
     .flags = FRT_CASE_ROUGH},
    BATCH_0("reduce_max"), BATCH_0_GRADIENT("reduce_sum_grad"),
    BATCH_0_GRADIENT("reduce_max_grad", EMPTY_OUT),
    {.op = "reduce_max", .name = "by_hand", DIMS(0),
     .in = {{"X", SHAPE(2, 3), VALUES(1, 5, 3, 4, 2, -6)}},
     .want = {{"Out", VALUES(4, 5, 3)}}},
    {.op = "reduce_max", .name = "negative", FULL,
     .in = {{"X", SHAPE(19), UNIFORM(-9, -8)}}},
    {.op = "reduce_max", .name = "infinite", DIMS(1), .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(2, 2), VALUES(-INFINITY, -INFINITY, 1, INFINITY)}},
     .want = {{"Out", VALUES(-INFINITY, INFINITY)}}},
    {.op = "reduce_max", .name = "nan_wins", DIMS(1), .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(2, 20), VALUES(1, 2, NAN, INFINITY, 5)}},
     .want = {{"Out", VALUES(NAN, NAN)}}},
    {.op = "reduce_sum", .name = "infinite", DIMS(1), .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(3, 2), VALUES(1, INFINITY, INFINITY, -INFINITY, NAN, 1)}},
     .want = {{"Out", VALUES(INFINITY, NAN, NAN)}}},
    {.op = "reduce_sum", .name = "large_integers", DIMS(1), .dtypes = FRT_I64S,
     .in = {{"X", SHAPE(3, 257), WHOLE(-0x1p40, 0x1p40)}}},
    {.op = "reduce_max", .name = "large_integers", DIMS(0), .dtypes = FRT_I64S,
     .in = {{"X", SHAPE(257, 3), WHOLE(-0x1p50, 0x1p50)}}},
    {.op = "reduce_sum", .name = "rank_9", DIMS(0, 3, -2),
     .in = {{"X", SHAPE(2, 1, 2, 3, 1, 2, 3, 2, 2), WHOLE(-50, 50)}}},
    SQUARE("reduce_sum", "square_first", 0), SQUARE("reduce_sum", "square_last", -1),
    SQUARE("reduce_max", "square_middle", 1), SQUARE("reduce_max", "square_last", 2),
    {.op = "mean", .name = "by_hand", .in = {{"X", SHAPE(2, 2), VALUES(1, 2, 3, 8)}},
     .want = {{"Out", VALUES(3.5)}}},
    {.op = "mean", .name = "length", .in = {{"X", SHAPE(DIM_N), UNIFORM(-1, 2)}},
     .bound = {SUM("Out", 1, frt_terms_input)},
     .SIZES({1}, {2}, {15}, {16}, {17}, {4095}, {4096}, {4097}, {70001})},
    {.op = "mean", .name = "shapes", X3(UNIFORM(-1, 2)),
     .bound = {SUM("Out", 1, frt_terms_input)}, .SHAPES},
    {.op = "mean", .name = "nan", .in = {{"X", SHAPE(2), VALUES(1, NAN)}},
     .want = {{"Out", VALUES(NAN)}}, .flags = FRT_CASE_ROUGH},
#define SAME .dtypes = FRT_NUMBERS
    FORMS("reduce_sum", WHOLE(-50, 50), "whole"),
    FORMS("reduce_max", WHOLE(-50, 50), "whole"),
#undef SAME
#define SAME .bound = {SUM("Out", 1, sum_terms)}
    FORMS("reduce_sum", UNIFORM(-1, 2), "sum"),
#undef SAME
    {.op = "reduce_sum_grad", .name = "by_hand", DIMS(1),
     .in = {{"X", SHAPE(2, 3), NO_DATA}, {"Out@GRAD", SHAPE(2), VALUES(5, 7)}},
     .want = {{"X@GRAD", VALUES(5, 5, 5, 7, 7, 7)}}},
    /* Every tied place gets the whole gradient. */
    {.op = "reduce_max_grad", .name = "ties", DIMS(1),
     .in = {{"X", SHAPE(2, 3), VALUES(4, 1, 4, 2, 3, 1)}, {"Out", SHAPE(2), VALUES(4, 3)},
            {"Out@GRAD", SHAPE(2), VALUES(5, 7)}},
     .want = {{"X@GRAD", VALUES(5, 0, 5, 0, 7, 0)}}},
    {.op = "mean_grad", .name = "by_hand",
     .in = {{"X", SHAPE(2, 4), NO_DATA}, {"Out@GRAD", SHAPE(1), VALUES(6)}},
     .want = {{"X@GRAD", VALUES(.75)}}},
    /* dOut / n, or dOut * (1 / n): one rounding or two. */
    {.op = "mean_grad", .name = "nothing",
     .in = {{"X", SHAPE(0, 2), NO_DATA}, {"Out@GRAD", SHAPE(1), VALUES(6)}}},
    {.op = "mean_grad", .name = "shapes", .in = {X_IN(NO_DATA), G_IN(1)},
     .bound = {ULP("X@GRAD", 2)}, .SHAPES},
    GRADIENT("reduce_sum_grad", NO_DATA, NO_OUT),
    GRADIENT("reduce_max_grad", UNIFORM(-3, 3), MAX_OUT),
    {0}};
