#include "runner/case.h"

/* Elements move, nothing is computed: exact. Gradients of a list of tensors have hand
 * values: central differences move single inputs only. */

#define SMALL (FRT_DTYPE_BIT(FRT_I16) | FRT_DTYPE_BIT(FRT_I8) | FRT_DTYPE_BIT(FRT_U8))
#define ANY (FRT_NUMBERS | FRT_BOOLS | SMALL)
#define ROWS SIZES({1, 1}, {2, 3}, {5, 16}, {17, 33}, {1, 70001}, {40001, 1}, {0, 3}, {3, 0}), \
  .FULL_SIZES({1031, 1033})
#define LIST .flags = FRT_CASE_ROUGH

FRT_CASES(join) = {
    {.op = "concat", .name = "by_hand", .dtypes = ANY, .attrs = {{"axis", -1}}, LIST,
     .in = {{"X", SHAPE(2, 1), VALUES(1, 0)}, {"X", SHAPE(2, 2), VALUES(0, 1, 1, 1)}},
     .want = {{"Out", VALUES(1, 0, 1, 0, 1, 1)}}},
    {.op = "concat", .name = "rank_9", .attrs = {{"axis", 6}}, LIST,
     .in = {{"X", SHAPE(2, 1, 2, 3, 1, 2, 3, 2, 2), UNIFORM(-1, 1)},
            {"X", SHAPE(2, 1, 2, 3, 1, 2, 1, 2, 2), UNIFORM(-1, 1)}}},
    {.op = "concat", .name = "one", .in = {{"X", SHAPE(2, 3), UNIFORM(-1, 1)}}},
    {.op = "concat", .name = "rows", LIST,
     .in = {{"X", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)}, {"X", SHAPE(3, DIM_M), UNIFORM(-1, 1)},
            {"X", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)}},
     .ROWS},
    {.op = "concat", .name = "columns", .attrs = {{"axis", 1}}, LIST, .dtypes = ANY,
     .in = {{"X", SHAPE(DIM_N, DIM_M), WHOLE(0, 9)}, {"X", SHAPE(DIM_N, 2), WHOLE(0, 9)}},
     .ROWS},
    {.op = "concat", .name = "middle", .attrs = {{"axis", 1}}, LIST,
     .in = {{"X", SHAPE(DIM_N, 2, DIM_M), UNIFORM(-1, 1)},
            {"X", SHAPE(DIM_N, 0, DIM_M), UNIFORM(-1, 1)},
            {"X", SHAPE(DIM_N, 1, DIM_M), UNIFORM(-1, 1)}},
     .ROWS},
    {.op = "concat_grad", .name = "by_hand", .dtypes = ANY, .attrs = {{"axis", 1}},
     .in = {{"Out@GRAD", SHAPE(2, 3), VALUES(1, 0, 0, 0, 1, 1)}, {"X", SHAPE(2, 1), NO_DATA},
            {"X", SHAPE(2, 2), NO_DATA}},
     .want = {{"X@GRAD", VALUES(1, 0)}, {"X@GRAD", VALUES(0, 0, 1, 1)}}},
    {.op = "concat_grad", .name = "columns", .attrs = {{"axis", -1}},
     .in = {{"Out@GRAD", SHAPE(DIM_N, 32), UNIFORM(-1, 1)}, {"X", SHAPE(DIM_N, 17), NO_DATA},
            {"X", SHAPE(DIM_N, 0), NO_DATA}, {"X", SHAPE(DIM_N, 15), NO_DATA}},
     .SIZES({1}, {2}, {17}, {1033}, {0})},
    {.op = "split", .name = "by_hand", .dtypes = ANY, .attrs = {{"axis", 1}, {"num", 2}},
     .outs = 2, .in = {{"X", SHAPE(2, 4), VALUES(1, 0, 0, 0, 1, 1, 0, 1)}},
     .want = {{"Out", VALUES(1, 0, 1, 1)}, {"Out", VALUES(0, 0, 0, 1)}}},
    {.op = "split", .name = "sections", .outs = 3,
     .attrs = {{"axis", -1}, ATTR_LIST("sections", 1, -1, 2)},
     .in = {{"X", SHAPE(DIM_N, 20), UNIFORM(-1, 1)}}, .SIZES({1}, {2}, {17}, {4099}, {0})},
    {.op = "split", .name = "rows", .outs = 4, .attrs = {{"num", 4}},
     .in = {{"X", SHAPE(8, DIM_N), UNIFORM(-1, 1)}}, .SIZES({1}, {2}, {17}, {4099}, {40001}, {0})},
    {.op = "stack", .name = "by_hand", .dtypes = ANY, .attrs = {{"axis", -1}}, LIST,
     .in = {{"X", SHAPE(2), VALUES(1, 0)}, {"X", SHAPE(2), VALUES(1, 1)}},
     .want = {{"Y", VALUES(1, 1, 0, 1)}}},
    {.op = "stack", .name = "one", .attrs = {{"axis", 1}}, .in = {{"X", SHAPE(2, 3), UNIFORM(-1, 1)}}},
    {.op = "stack", .name = "middle", .attrs = {{"axis", 1}}, LIST,
     .in = {{"X", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)}, {"X", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)},
            {"X", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)}},
     .ROWS},
    {.op = "stack_grad", .name = "by_hand", .dtypes = ANY, .attrs = {{"axis", 1}}, .outs = 2,
     .in = {{"Y@GRAD", SHAPE(2, 2), VALUES(1, 1, 0, 1)}},
     .want = {{"X@GRAD", VALUES(1, 0)}, {"X@GRAD", VALUES(1, 1)}}},
    {.op = "stack_grad", .name = "first", .outs = 3,
     .in = {{"Y@GRAD", SHAPE(3, DIM_N, DIM_M), UNIFORM(-1, 1)}}, .ROWS},
    {0}};
