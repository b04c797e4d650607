#include "runner/case.h"

/* Bytes stay where they are: exact. */

#define SMALL (FRT_DTYPE_BIT(FRT_I16) | FRT_DTYPE_BIT(FRT_I8) | FRT_DTYPE_BIT(FRT_U8))
#define ANY (FRT_NUMBERS | FRT_BOOLS | SMALL)
#define ROWS SIZES({1}, {2}, {5}, {17}, {1033}, {0})
#define SIX SHAPE(2, 3), VALUES(1, 0, 1, 1, 0, 0)
#define NOTE(...) {"XShape", SHAPE(__VA_ARGS__), NO_DATA}

FRT_CASES(shape) = {
    {.op = "squeeze2", .name = "by_hand", .dtypes = ANY, .attrs = {ATTR_LIST("axes", 0, -1)},
     .in = {{"X", SHAPE(1, 2, 3, 1), VALUES(1, 0, 1, 1, 0, 0)}},
     .want = {{"Out", VALUES(1, 0, 1, 1, 0, 0)}}},
    {.op = "squeeze2", .name = "all", .in = {{"X", SHAPE(1, DIM_N, 1, 3), UNIFORM(-1, 1)}},
     .ROWS},
    {.op = "squeeze2", .name = "specials", .attrs = {ATTR_LIST("axes", 1)},
     .in = {{"X", SHAPE(2, 1, 7), SPECIALS}}, .flags = FRT_CASE_SIGNED_ZERO},
    {.op = "squeeze2_grad", .name = "back", .dtypes = ANY,
     .in = {{"Out@GRAD", SHAPE(DIM_N, 3), WHOLE(0, 99)}, NOTE(0, 1, DIM_N, 3, 1)}, .ROWS},
    {.op = "unsqueeze2", .name = "by_hand", .dtypes = ANY, .attrs = {ATTR_LIST("axes", 0, 3)},
     .in = {{"X", SIX}}, .want = {{"Out", VALUES(1, 0, 1, 1, 0, 0)}}},
    {.op = "unsqueeze2", .name = "from_the_end", .attrs = {ATTR_LIST("axes", -1)},
     .in = {{"X", SHAPE(DIM_N, 5), UNIFORM(-1, 1)}}, .ROWS},
    {.op = "unsqueeze2_grad", .name = "back", .dtypes = ANY,
     .in = {{"Out@GRAD", SHAPE(DIM_N, 1, 3), WHOLE(0, 99)}, NOTE(0, DIM_N, 3)}, .ROWS},
    {.op = "flatten2", .name = "by_hand", .dtypes = ANY, .attrs = {{"axis", 0}},
     .in = {{"X", SIX}}, .want = {{"Out", VALUES(1, 0, 1, 1, 0, 0)}}},
    {.op = "flatten2", .name = "middle", .attrs = {{"axis", 2}},
     .in = {{"X", SHAPE(DIM_N, 3, 4), UNIFORM(-1, 1)}}, .ROWS},
    {.op = "flatten2_grad", .name = "back", .dtypes = ANY,
     .in = {{"Out@GRAD", SHAPE(DIM_N, 12), WHOLE(0, 99)}, NOTE(0, DIM_N, 3, 4)}, .ROWS},
    {.op = "flatten_contiguous_range", .name = "by_hand", .dtypes = ANY,
     .attrs = {{"start_axis", 0}, {"stop_axis", -1}}, .in = {{"X", SIX}},
     .want = {{"Out", VALUES(1, 0, 1, 1, 0, 0)}}},
    {.op = "flatten_contiguous_range", .name = "image", .attrs = {{"stop_axis", 3}},
     .in = {{"X", SHAPE(DIM_N, 2, 3, 5), UNIFORM(-1, 1)}}, .ROWS},
    {.op = "flatten_contiguous_range", .name = "without_note", .attrs = {{"stop_axis", 2}},
     .in = {{"X", SHAPE(DIM_N, 2, 3), UNIFORM(-1, 1)}}, .without = {"XShape"},
     .flags = FRT_CASE_ROUGH /* the gradient needs the note */, .ROWS},
    {.op = "flatten_contiguous_range_grad", .name = "back", .dtypes = ANY,
     .in = {{"Out@GRAD", SHAPE(DIM_N, 30), WHOLE(0, 99)}, NOTE(0, DIM_N, 2, 3, 5)}, .ROWS},
    {.op = "shape", .name = "by_hand", .dtypes = ANY, .in = {{"Input", SHAPE(2, 0, 5), NO_DATA}},
     .want = {{"Out", VALUES(2, 0, 5)}}},
    {.op = "shape", .name = "rows", .in = {{"Input", SHAPE(DIM_N, 7), NO_DATA}}, .ROWS},
    {0}};
