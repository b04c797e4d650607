#include "runner/case.h"

/* Positions are exact; the only arithmetic is the sum of repeated rows. */

/* At most as many rows as there are indices are added up in one place. */
static double repeats(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)out;
  return (double)frt_case_in(v, "Index").numel;
}

#define SMALL (FRT_DTYPE_BIT(FRT_I16) | FRT_DTYPE_BIT(FRT_I8) | FRT_DTYPE_BIT(FRT_U8))
#define ANY (FRT_NUMBERS | FRT_BOOLS | SMALL)
#define VALUED (FRT_NUMBERS | FRT_DTYPE_BIT(FRT_I16) | FRT_DTYPE_BIT(FRT_U8))
#define CUBES SIZES({1, 1, 1}, {2, 3, 5}, {3, 17, 16}, {5, 33, 7}, {31, 2, 65}, {2, 1, 4099}, \
                    {0, 2, 3}), \
  .FULL_SIZES({61, 129, 131})
#define ROWS SIZES({1, 1}, {2, 3}, {5, 15}, {7, 16}, {3, 17}, {401, 10}, {2, 1033}, {0, 5})
#define FALLING {"descending", 1}
#define ADD {"overwrite", 0}
#define COLUMNS SIZES({1}, {3}, {16}, {33}, {4099}, {0})
#define IDS(type) {"Index", SHAPE(5), VALUES(3, 0, 3, 1, 3), AS(type)}

FRT_CASES(index) = {
    {.op = "gather", .name = "by_hand", .dtypes = ANY,
     .in = {{"X", SHAPE(3, 2), VALUES(0, 1, 1, 0, 1, 1)}, {"Index", SHAPE(2), VALUES(2, 0), AS(FRT_I32)}},
     .want = {{"Out", VALUES(1, 1, 0, 1)}}},
    /* Repeated rows: the gradient of overwrite is no gradient. */
    {.op = "gather", .name = "repeated", .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(4, DIM_N), UNIFORM(-1, 1)}, IDS(FRT_I64)}, .COLUMNS},
    {.op = "gather", .name = "repeated_add", .attrs = {ADD},
     .in = {{"X", SHAPE(4, DIM_N), UNIFORM(-1, 1)}, IDS(FRT_I64)}, .COLUMNS},
    {.op = "gather", .name = "column_of_ids",
     .in = {{"X", SHAPE(6, 2, 3), UNIFORM(-1, 1)}, {"Index", SHAPE(4, 1), VALUES(5, 1, 0, 2), AS(FRT_I32)}}},
    {.op = "gather", .name = "no_row", .flags = FRT_CASE_OUT_OF_RANGE,
     .in = {{"X", SHAPE(6, 3), UNIFORM(-1, 1)}, {"Index", SHAPE(3), VALUES(5, DIM_N, 0), AS(FRT_I64)}},
     .SIZES({-1}, {6}, {0x7fffffff})},
    {.op = "gather_grad", .name = "no_row", .flags = FRT_CASE_OUT_OF_RANGE, .SIZES({-1}, {4}),
     .in = {{"Index", SHAPE(3), VALUES(1, DIM_N, 0), AS(FRT_I32)},
            {"Out@GRAD", SHAPE(3, 2), UNIFORM(-1, 1)}, {"X", SHAPE(4, 2), NO_DATA}}},
    {.op = "one_hot", .name = "no_place", .dtypes = FRT_INTS, .attrs = {{"depth", 3}},
     .flags = FRT_CASE_OUT_OF_RANGE, .SIZES({-1}, {3}, {0x7fffffff}),
     .in = {{"X", SHAPE(3, 1), VALUES(2, DIM_N, 0)}}},
    {.op = "arg_min", .name = "kept_int32", .attrs = {{"axis", -1}, {"keepdims", 1}, {"dtype", FRT_I32}},
     .in = {{"X", SHAPE(DIM_N, DIM_M), WHOLE(0, 5)}}, .dtypes = VALUED, .ROWS},
    {.op = "argsort_grad", .name = "nothing",
     .in = {{"Indices", SHAPE(0, 2), NO_DATA, AS(FRT_I64)}, {"X", SHAPE(0, 2), NO_DATA},
            {"Out@GRAD", SHAPE(0, 2), NO_DATA}}},
    {.op = "arg_max", .name = "square", .attrs = {{"axis", 0}},
     .in = {{"X", SHAPE(7, 7), UNIFORM(-1, 1)}}},
    {.op = "arg_min", .name = "square", .attrs = {{"axis", 1}},
     .in = {{"X", SHAPE(7, 7, 7), UNIFORM(-1, 1)}}},
    {.op = "argsort", .name = "square", .attrs = {{"axis", 0}},
     .in = {{"X", SHAPE(7, 7), UNIFORM(-1, 1)}}},
    {.op = "gather", .name = "no_ids", .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(6, 2), UNIFORM(-1, 1)}, {"Index", SHAPE(0), NO_DATA, AS(FRT_I64)}}},
    {.op = "gather_grad", .name = "the_last_stays",
     .in = {{"Index", SHAPE(3), VALUES(1, 0, 1), AS(FRT_I32)},
            {"Out@GRAD", SHAPE(3, 2), VALUES(1, 2, 3, 4, 5, 6)}, {"X", SHAPE(3, 2), NO_DATA}},
     .want = {{"X@GRAD", VALUES(3, 4, 5, 6, 0, 0)}}},
    {.op = "gather_grad", .name = "added", .attrs = {ADD},
     .in = {{"Index", SHAPE(3, 1), VALUES(1, 0, 1), AS(FRT_I64)},
            {"Out@GRAD", SHAPE(3, 2), VALUES(1, 2, 3, 4, 5, 6)}, {"X", SHAPE(3, 2), NO_DATA}},
     .want = {{"X@GRAD", VALUES(3, 4, 6, 8, 0, 0)}}},
    {.op = "gather_grad", .name = "repeated",
     .in = {IDS(FRT_I64), {"Out@GRAD", SHAPE(5, DIM_N), UNIFORM(-1, 1)}, {"X", SHAPE(4, DIM_N), NO_DATA}},
     .COLUMNS},
    {.op = "gather_grad", .name = "repeated_add", .attrs = {ADD}, .bound = {SUM("X@GRAD", 1, repeats)},
     .in = {IDS(FRT_I32), {"Out@GRAD", SHAPE(5, DIM_N), UNIFORM(-1, 1)}, {"X", SHAPE(4, DIM_N), NO_DATA}},
     .COLUMNS},
    {.op = "arg_max", .name = "by_hand", .dtypes = VALUED, .attrs = {{"axis", 1}},
     .in = {{"X", SHAPE(2, 3), VALUES(1, 3, 3, 2, 0, 1)}}, .want = {{"Out", VALUES(1, 0)}}},
    {.op = "arg_max", .name = "nan_is_never_it", .attrs = {{"axis", -1}, {"keepdims", 1}},
     .in = {{"X", SHAPE(3, 3), VALUES(NAN, 1, 2, 4, NAN, 3, NAN, NAN, NAN)}},
     .want = {{"Out", VALUES(2, 0, 0)}}},
    {.op = "arg_max", .name = "middle", .attrs = {{"axis", 1}},
     .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), UNIFORM(-1, 1)}}, .CUBES},
    {.op = "arg_max", .name = "ties_int32", .attrs = {{"axis", -1}, {"dtype", FRT_I32}}, .dtypes = VALUED,
     .in = {{"X", SHAPE(DIM_N, DIM_M), WHOLE(0, 5)}}, .ROWS},
    {.op = "arg_min", .name = "by_hand", .dtypes = VALUED, .attrs = {{"axis", 0}},
     .in = {{"X", SHAPE(3, 2), VALUES(1, 3, 0, 2, 0, 4)}}, .want = {{"Out", VALUES(1, 1)}}},
    {.op = "arg_min", .name = "all", .attrs = {{"axis", 0}},
     .in = {{"X", SHAPE(4), VALUES(3, -1, NAN, -1)}}, .want = {{"Out", VALUES(1)}}},
    {.op = "arg_min", .name = "middle", .attrs = {{"axis", 1}},
     .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), UNIFORM(-1, 1)}}, .CUBES},
    {.op = "argsort", .name = "by_hand", .dtypes = FRT_NUMBERS, .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(5), VALUES(3, 1, 2, 1, 0)}},
     .want = {{"Out", VALUES(0, 1, 1, 2, 3)}, {"Indices", VALUES(4, 1, 3, 2, 0)}}},
    {.op = "argsort", .name = "falling", .dtypes = FRT_NUMBERS, .attrs = {FALLING}, .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(5), VALUES(3, 1, 2, 1, 0)}},
     .want = {{"Out", VALUES(3, 2, 1, 1, 0)}, {"Indices", VALUES(0, 2, 1, 3, 4)}}},
    {.op = "argsort", .name = "nan_comes_last", .attrs = {FALLING}, .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(4), VALUES(NAN, 1, NAN, 2)}},
     .want = {{"Out", VALUES(2, 1, NAN, NAN)}, {"Indices", VALUES(3, 1, 0, 2)}}},
    {.op = "argsort", .name = "last", .in = {{"X", SHAPE(DIM_N, DIM_M), UNIFORM(-1, 1)}}, .ROWS},
    {.op = "argsort", .name = "ties", .dtypes = FRT_NUMBERS, .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(DIM_N, DIM_M), WHOLE(-3, 3)}}, .ROWS},
    {.op = "argsort", .name = "middle", .attrs = {{"axis", 1}, FALLING},
     .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), UNIFORM(-1, 1)}},
     .SIZES({1, 1, 1}, {2, 3, 5}, {3, 17, 16}, {5, 33, 7}, {0, 2, 3})},
    {.op = "argsort_grad", .name = "by_hand",
     .in = {{"Indices", SHAPE(2, 2), VALUES(1, 0, 0, 1), AS(FRT_I64)}, {"X", SHAPE(2, 2), NO_DATA},
            {"Out@GRAD", SHAPE(2, 2), VALUES(1, 2, 3, 4)}},
     .want = {{"X@GRAD", VALUES(2, 1, 3, 4)}}},
    {.op = "argsort_grad", .name = "first", .attrs = {{"axis", 0}},
     .in = {{"Indices", SHAPE(2, 3), VALUES(1, 0, 1, 0, 1, 0), AS(FRT_I64)}, {"X", SHAPE(2, 3), NO_DATA},
            {"Out@GRAD", SHAPE(2, 3), VALUES(1, 2, 3, 4, 5, 6)}},
     .want = {{"X@GRAD", VALUES(4, 2, 6, 1, 5, 3)}}},
    {.op = "one_hot", .name = "by_hand", .dtypes = FRT_INTS, .attrs = {{"depth", 3}},
     .in = {{"X", SHAPE(2, 1), VALUES(2, 0)}}, .want = {{"Out", VALUES(0, 0, 1, 1, 0, 0)}}},
    {.op = "one_hot", .name = "outside", .dtypes = FRT_INTS,
     .attrs = {{"depth", 2}, {"dtype", FRT_I32}, {"allow_out_of_range", 1}},
     .in = {{"X", SHAPE(3, 1), VALUES(2, 1, -1)}}, .want = {{"Out", VALUES(0, 0, 0, 1, 0, 0)}}},
    {.op = "one_hot", .name = "as_int64", .dtypes = FRT_INTS,
     .attrs = {{"depth", 4}, {"dtype", FRT_I64}},
     .in = {{"X", SHAPE(5, 7, 1), WHOLE(0, 3)}}},
    {.op = "one_hot", .name = "as_float64", .dtypes = FRT_INTS,
     .attrs = {{"depth", 10}, {"dtype", FRT_F64}},
     .in = {{"X", SHAPE(DIM_N, 1), WHOLE(0, 9)}}, .SIZES({1}, {257}, {0})},
    {0}};
