#include "runner/case.h"

/* Elements move, nothing is computed: exact, but for the sums of expand_grad. */

static double copies(const frt_case_view_t *v, const frt_case_array_t *out) {
  return out->numel ? (double)frt_case_in(v, "Out@GRAD").numel / (double)out->numel : 1;
}

#define SMALL (FRT_DTYPE_BIT(FRT_I16) | FRT_DTYPE_BIT(FRT_I8) | FRT_DTYPE_BIT(FRT_U8))
#define ANY (FRT_NUMBERS | FRT_BOOLS | SMALL)
#define NOTE(...) {"XShape", SHAPE(__VA_ARGS__), NO_DATA}
#define MATRICES SIZES({1, 1}, {2, 3}, {15, 17}, {16, 16}, {33, 5}, {257, 129}, {0, 3}, {3, 0}), \
  .FULL_SIZES({1031, 1033})
#define CUBES SIZES({1, 1, 1}, {2, 3, 5}, {3, 17, 16}, {5, 33, 7}, {31, 2, 65}, {2, 0, 3}), \
  .FULL_SIZES({61, 129, 131})
#define CUT .attrs = {ATTR_LIST("axes", 1, 2), ATTR_LIST("starts", 1, -3), ATTR_LIST("ends", 3, 100)}
#define TIMES .attrs = {ATTR_LIST("expand_times", 2, 1, 3)}
#define FRAME ATTR_LIST("paddings", 1, 0, 0, 2)

FRT_CASES(layout) = {
    {.op = "transpose2", .name = "by_hand", .dtypes = ANY, .attrs = {ATTR_LIST("axis", 1, 0)},
     .in = {{"X", SHAPE(2, 3), VALUES(1, 0, 1, 1, 0, 0)}},
     .want = {{"Out", VALUES(1, 1, 0, 0, 1, 0)}}},
    {.op = "transpose2", .name = "matrix", .dtypes = ANY, .attrs = {ATTR_LIST("axis", 1, 0)},
     .in = {{"X", SHAPE(DIM_N, DIM_M), WHOLE(0, 9)}}, .MATRICES},
    {.op = "transpose2", .name = "turn", .attrs = {ATTR_LIST("axis", 2, 0, 1)},
     .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), UNIFORM(-1, 1)}}, .CUBES},
    {.op = "transpose2", .name = "heads", .attrs = {ATTR_LIST("axis", 0, 2, 1, 3)},
     .in = {{"X", SHAPE(2, DIM_N, DIM_M, DIM_K), UNIFORM(-1, 1)}}, .CUBES},
    {.op = "transpose2", .name = "reversed", .attrs = {ATTR_LIST("axis", 3, 2, 1, 0)},
     .in = {{"X", SHAPE(2, DIM_N, DIM_M, DIM_K), UNIFORM(-1, 1)}}, .CUBES},
    {.op = "transpose2", .name = "rank_8", .attrs = {ATTR_LIST("axis", 7, 0, 6, 1, 5, 2, 4, 3)},
     .in = {{"X", SHAPE(2, 1, 2, 3, 1, 2, 3, 2), UNIFORM(-1, 1)}}},
    {.op = "transpose2", .name = "same", .attrs = {ATTR_LIST("axis", 0, 1, 2)},
     .in = {{"X", SHAPE(2, 1, 7), SPECIALS}}, .flags = FRT_CASE_SIGNED_ZERO},
    {.op = "transpose2_grad", .name = "by_hand", .dtypes = ANY, .attrs = {ATTR_LIST("axis", 1, 0)},
     .in = {{"Out@GRAD", SHAPE(3, 2), VALUES(1, 1, 0, 0, 1, 0)}, NOTE(0, 2, 3)},
     .want = {{"X@GRAD", VALUES(1, 0, 1, 1, 0, 0)}}},
    {.op = "transpose2_grad", .name = "turn", .attrs = {ATTR_LIST("axis", 2, 0, 1)},
     .in = {{"Out@GRAD", SHAPE(DIM_K, DIM_N, DIM_M), UNIFORM(-1, 1)},
            NOTE(0, DIM_N, DIM_M, DIM_K)},
     .CUBES},
    {.op = "slice", .name = "by_hand", .dtypes = ANY, CUT,
     .in = {{"Input", SHAPE(1, 3, 4), VALUES(0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 1, 1)}},
     .want = {{"Out", VALUES(1, 0, 1, 0, 1, 1)}}},
    {.op = "slice", .name = "last", .attrs = {ATTR_LIST("axes", 1), ATTR_LIST("starts", 1), ATTR_LIST("ends", -1)},
     .in = {{"Input", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)}}, .MATRICES},
    {.op = "slice", .name = "one_row", .dtypes = ANY,
     .attrs = {ATTR_LIST("axes", 0), ATTR_LIST("starts", -1), ATTR_LIST("ends", 99),
               ATTR_LIST("decrease_axis", 0)},
     .in = {{"Input", SHAPE(5, DIM_N), WHOLE(0, 9)}}, .SIZES({1}, {17}, {70001}, {0})},
    {.op = "slice", .name = "one_element",
     .attrs = {ATTR_LIST("axes", 0), ATTR_LIST("starts", 2), ATTR_LIST("ends", 3),
               ATTR_LIST("decrease_axis", 0)},
     .in = {{"Input", SHAPE(5), VALUES(1, 2, 3, 4, 5)}}, .want = {{"Out", VALUES(3)}}},
    {.op = "slice", .name = "nothing", .flags = FRT_CASE_ROUGH,
     .attrs = {ATTR_LIST("axes", 0), ATTR_LIST("starts", 3), ATTR_LIST("ends", 2)},
     .in = {{"Input", SHAPE(5, 2), UNIFORM(-1, 1)}}},
    {.op = "slice_grad", .name = "by_hand", .dtypes = ANY, CUT,
     .in = {{"Input", SHAPE(1, 3, 4), NO_DATA}, {"Out@GRAD", SHAPE(1, 2, 3), VALUES(1, 0, 1, 0, 1, 1)}},
     .want = {{"Input@GRAD", VALUES(0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1)}}},
    {.op = "slice_grad", .name = "rows", .attrs = {ATTR_LIST("axes", 0), ATTR_LIST("starts", 1), ATTR_LIST("ends", 4)},
     .in = {{"Input", SHAPE(6, DIM_N), NO_DATA}, {"Out@GRAD", SHAPE(3, DIM_N), UNIFORM(-1, 1)}},
     .SIZES({1}, {17}, {40001}, {0})},
    {.op = "expand", .name = "by_hand", .dtypes = ANY, .attrs = {ATTR_LIST("expand_times", 2, 2)},
     .in = {{"X", SHAPE(1, 2), VALUES(1, 0)}}, .want = {{"Out", VALUES(1, 0, 1, 0, 1, 0, 1, 0)}}},
    {.op = "expand", .name = "apart", TIMES,
     .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), UNIFORM(-1, 1)}}, .CUBES},
    {.op = "expand", .name = "each", .attrs = {ATTR_LIST("expand_times", 1, 5)},
     .in = {{"X", SHAPE(DIM_N, 1), UNIFORM(-1, 1)}}, .SIZES({1}, {17}, {4099}, {0})},
    {.op = "expand_grad", .name = "by_hand", .attrs = {ATTR_LIST("expand_times", 2, 2)},
     .in = {{"Out@GRAD", SHAPE(2, 4), VALUES(1, 2, 3, 4, 5, 6, 7, 8)}, {"X", SHAPE(1, 2), NO_DATA}},
     .want = {{"X@GRAD", VALUES(16, 20)}}},
    {.op = "expand_grad", .name = "apart", TIMES, .bound = {SUM("X@GRAD", 1, copies)},
     .in = {{"Out@GRAD", SHAPE(4, DIM_N, 9), UNIFORM(-1, 1)}, {"X", SHAPE(2, DIM_N, 3), NO_DATA}},
     .SIZES({1}, {2}, {17}, {1033}, {0})},
    {.op = "expand_grad", .name = "same", .attrs = {ATTR_LIST("expand_times", 1, 1)},
     .in = {{"Out@GRAD", SHAPE(3, 5), UNIFORM(-1, 1)}, {"X", SHAPE(3, 5), NO_DATA}}},
    {.op = "pad", .name = "by_hand", .dtypes = FRT_NUMBERS, .attrs = {FRAME, {"pad_value", 7}},
     .in = {{"X", SHAPE(1, 2), VALUES(1, 2)}},
     .want = {{"Out", VALUES(7, 7, 7, 7, 1, 2, 7, 7)}}},
    {.op = "pad", .name = "matrix", .attrs = {FRAME, {"pad_value", .5}},
     .in = {{"X", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)}}, .MATRICES},
    {.op = "pad_grad", .name = "by_hand", .dtypes = ANY, .attrs = {FRAME},
     .in = {{"Out@GRAD", SHAPE(2, 4), VALUES(0, 0, 0, 0, 1, 0, 1, 1)}},
     .want = {{"X@GRAD", VALUES(1, 0)}}},
    {.op = "pad_grad", .name = "cube", .attrs = {ATTR_LIST("paddings", 1, 2, 0, 0, 3, 1)},
     .in = {{"Out@GRAD", SHAPE(5, DIM_N, 9), UNIFORM(-1, 1)}},
     .SIZES({1}, {17}, {1033}, {0})},
    {0}};
