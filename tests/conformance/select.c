#include "runner/case.h"

#define TYPES FRT_NUMBERS | FRT_BOOLS | FRT_DTYPE_BIT(FRT_I16) | FRT_DTYPE_BIT(FRT_I8) | \
              FRT_DTYPE_BIT(FRT_U8)
#define WHICH(i) {"Mask", SHAPE(1), VALUES(i), AS(FRT_I32)}
#define TWO {"X", SHAPE(DIM_N), WHOLE(0, 1)}, {"X", SHAPE(DIM_N), WHOLE(0, 1)}

/* One input is moved: exact. */
FRT_CASES(select) = {
    {.op = "select_input", .name = "first", .dtypes = TYPES,
     .in = {{"X", SHAPE(2), VALUES(1, 0)}, {"X", SHAPE(2), VALUES(0, 1)}, WHICH(0)},
     .want = {{"Out", VALUES(1, 0)}}},
    {.op = "select_input", .name = "second", .dtypes = TYPES,
     .in = {{"X", SHAPE(2), VALUES(1, 0)}, {"X", SHAPE(2), VALUES(0, 1)}, WHICH(1)},
     .want = {{"Out", VALUES(0, 1)}}},
    {.op = "select_input", .name = "only", .in = {{"X", SHAPE(3), SPECIALS}, WHICH(0)},
     .flags = FRT_CASE_SIGNED_ZERO},
    {.op = "select_input", .name = "no_input", .flags = FRT_CASE_OUT_OF_RANGE,
     .in = {{"X", SHAPE(2), VALUES(1, 0)}, {"X", SHAPE(2), VALUES(0, 1)}, WHICH(DIM_N)},
     .SIZES({-1}, {2})},
    {.op = "select_input", .name = "length", .dtypes = TYPES, .in = {TWO, WHICH(1)}, .LENGTHS},
    {.op = "select_output", .name = "first", .dtypes = TYPES, .outs = 2,
     .in = {{"X", SHAPE(2), VALUES(1, 0)}, WHICH(0)},
     .want = {{"Out", VALUES(1, 0)}, {"Out", VALUES(0, 0)}}},
    {.op = "select_output", .name = "length", .dtypes = TYPES, .outs = 2,
     .in = {{"X", SHAPE(DIM_N), WHOLE(0, 1)}, WHICH(1)}, .LENGTHS},
    {.op = "select_output", .name = "no_output", .flags = FRT_CASE_OUT_OF_RANGE, .outs = 2,
     .in = {{"X", SHAPE(2), VALUES(1, 0)}, WHICH(DIM_N)}, .SIZES({-1}, {2})},
    {.op = "select_output", .name = "second", .dtypes = TYPES, .outs = 2,
     .in = {{"X", SHAPE(2), VALUES(1, 0)}, WHICH(1)},
     .want = {{"Out", VALUES(0, 0)}, {"Out", VALUES(1, 0)}}},
    {0}};
