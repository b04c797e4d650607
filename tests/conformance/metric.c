#include "runner/case.h"

/* Both ops select and count: exact. Accuracy is one rounded quotient. */

#define ROWS SIZES({1, 2}, {3, 5}, {17, 10}, {5, 16}, {2, 257}, {401, 10}, {0, 5})

FRT_CASES(metric) = {
    {.op = "top_k", .name = "by_hand", .dtypes = FRT_NUMBERS, .attrs = {{"k", 2}},
     .in = {{"X", SHAPE(2, 3), VALUES(1, 3, 2, -1, -3, -2)}},
     .want = {{"Out", VALUES(3, 2, -1, -2)}, {"Indices", VALUES(1, 2, 0, 2)}}},
    {.op = "top_k", .name = "tie_at_the_top", .dtypes = FRT_NUMBERS,
     .in = {{"X", SHAPE(2, 3), VALUES(1, 3, 3, 7, 7, 7)}},
     .want = {{"Out", VALUES(3, 7)}, {"Indices", VALUES(1, 0)}}},
    {.op = "top_k", .name = "one", .in = {{"X", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)}}, .ROWS},
    {.op = "top_k", .name = "two", .attrs = {{"k", 2}},
     .in = {{"X", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)}}, .ROWS},
    {.op = "top_k", .name = "all", .attrs = {{"k", DIM_M}},
     .in = {{"X", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)}}, .ROWS},
    {.op = "top_k", .name = "rank_3", .attrs = {{"k", 3}},
     .in = {{"X", SHAPE(3, 2, 19), UNIFORM(-1, 1)}}},
    {.op = "accuracy", .name = "by_hand",
     .in = {{"Out", SHAPE(4, 2), UNIFORM(0, 1)},
            {"Indices", SHAPE(4, 2), VALUES(0, 1, 2, 3, 1, 0, 2, 1), AS(FRT_I64)},
            {"Label", SHAPE(4, 1), VALUES(1, 1, 1, 0), AS(FRT_I64)}},
     .want = {{"Accuracy", VALUES(.5)}, {"Correct", VALUES(2)}, {"Total", VALUES(4)}}},
    {.op = "accuracy", .name = "rows",
     .in = {{"Out", SHAPE(DIM_N, 1), UNIFORM(0, 1)},
            {"Indices", SHAPE(DIM_N, 1), WHOLE(0, 9), AS(FRT_I64)},
            {"Label", SHAPE(DIM_N, 1), WHOLE(0, 9), AS(FRT_I64)}},
     .SIZES({1}, {3}, {16}, {17}, {401}, {10007})},
    {.op = "accuracy", .name = "top_3_flat_labels",
     .in = {{"Out", SHAPE(29, 3), UNIFORM(0, 1)},
            {"Indices", SHAPE(29, 3), WHOLE(0, 5), AS(FRT_I64)},
            {"Label", SHAPE(29), WHOLE(0, 5), AS(FRT_I64)}}},
    {0}};
