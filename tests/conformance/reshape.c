#include "runner/case.h"

/* Bytes move, nothing is computed: exact. */

#define SMALL (FRT_DTYPE_BIT(FRT_I16) | FRT_DTYPE_BIT(FRT_I8) | FRT_DTYPE_BIT(FRT_U8))
#define HALVES (FRT_DTYPE_BIT(FRT_F16) | FRT_DTYPE_BIT(FRT_BF16))
#define ANY (FRT_NUMBERS | FRT_BOOLS | SMALL | HALVES)
#define SHAPES SIZES({1}, {2}, {5}, {16}, {17}, {1033}, {0})

FRT_CASES(reshape) = {
    {.op = "reshape2", .name = "by_hand", .dtypes = ANY, .attrs = {ATTR_LIST("shape", 3, 2)},
     .in = {{"X", SHAPE(2, 3), VALUES(1, 0, 1, 1, 0, 0)}},
     .want = {{"Out", VALUES(1, 0, 1, 1, 0, 0)}}},
    {.op = "reshape2", .name = "rest", .dtypes = ANY, .attrs = {ATTR_LIST("shape", 0, -1)},
     .in = {{"X", SHAPE(DIM_N, 3, 5), WHOLE(0, 99)}}, .SIZES({1}, {2}, {5}, {16}, {17}, {1033})},
    {.op = "reshape2", .name = "flat", .attrs = {ATTR_LIST("shape", -1)},
     .in = {{"X", SHAPE(2, 1, 7), SPECIALS}}, .flags = FRT_CASE_SIGNED_ZERO},
    {.op = "reshape2", .name = "fixed", .attrs = {ATTR_LIST("shape", DIM_N, 15)},
     .in = {{"X", SHAPE(DIM_N, 3, 5), UNIFORM(-1, 1)}}, .SHAPES},
    {.op = "reshape2", .name = "without_note", .attrs = {ATTR_LIST("shape", 5, 3)},
     .in = {{"X", SHAPE(3, 5), UNIFORM(-1, 1)}}, .without = {"XShape"},
     .flags = FRT_CASE_ROUGH /* the gradient needs the note */},
    {.op = "reshape2_grad", .name = "back", .dtypes = ANY,
     .in = {{"Out@GRAD", SHAPE(DIM_N, 15), WHOLE(0, 99)},
            {"XShape", SHAPE(0, DIM_N, 3, 5), NO_DATA}},
     .SHAPES},
    {.op = "reshape2_grad", .name = "by_hand",
     .in = {{"Out@GRAD", SHAPE(4), VALUES(1, 2, 3, 4)}, {"XShape", SHAPE(0, 2, 2), NO_DATA}},
     .want = {{"X@GRAD", VALUES(1, 2, 3, 4)}}},
    {0}};
