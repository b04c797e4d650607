#include "runner/case.h"

/* Values are copied: exact. */

#define EXTENT ATTR_LIST("shape", DIM_N, 3)
#define FILLED .LENGTHS, .dtypes = FRT_NUMBERS | FRT_BOOLS

FRT_CASES(fill) = {
    {.op = "fill_constant", .name = "one", FILLED, .want = {{"Out", VALUES(1)}},
     .attrs = {EXTENT, {"dtype", THE_DTYPE}, {"value", 1}}},
    {.op = "fill_constant", .name = "zero_is_the_default", FILLED, .want = {{"Out", VALUES(0)}},
     .attrs = {EXTENT, {"dtype", THE_DTYPE}}},
    {.op = "fill_constant", .name = "fraction", .want = {{"Out", VALUES(-0.375)}}, .LENGTHS,
     .attrs = {EXTENT, {"dtype", THE_DTYPE}, {"value", -0.375}}},
    {.op = "fill_constant", .name = "text_wins", .want = {{"Out", VALUES(2.5)}},
     .attrs = {ATTR_LIST("shape", 2), {"dtype", THE_DTYPE}, {"value", 1},
               ATTR_TEXT("str_value", "2.5")}},
    {.op = "fill_constant", .name = "infinite", .want = {{"Out", VALUES(INFINITY)}},
     .attrs = {ATTR_LIST("shape", 2), {"dtype", THE_DTYPE}, ATTR_TEXT("str_value", "inf")}},
    {.op = "fill_constant", .name = "large_integer", .dtypes = FRT_I64S,
     .want = {{"Out", VALUES(9007199254740991.0)}},
     .attrs = {ATTR_LIST("shape", 2), {"dtype", THE_DTYPE},
               ATTR_TEXT("str_value", "9007199254740991")}},
    {.op = "fill_constant_batch_size_like", .name = "first_extent",
     .dtypes = FRT_NUMBERS | FRT_BOOLS,
     .in = {{"Input", SHAPE(2, 5), VALUES(0)}}, .want = {{"Out", VALUES(1, 1, 1, 1, 1, 1)}},
     .attrs = {ATTR_LIST("shape", -1, 3), {"dtype", THE_DTYPE}, {"value", 1}}},
    {.op = "fill_constant_batch_size_like", .name = "another_extent",
     .in = {{"Input", SHAPE(5, 2), VALUES(0)}}, .want = {{"Out", VALUES(-.5, -.5, -.5, -.5)}},
     .attrs = {ATTR_LIST("shape", 2, 9), {"dtype", THE_DTYPE}, {"value", -0.5},
               {"input_dim_idx", 1}, {"output_dim_idx", 1}}},
    {.op = "fill_zeros_like", .name = "length", FILLED, .in = {{"X", SHAPE(DIM_N), SPECIALS}},
     .want = {{"Out", VALUES(0)}}},
    /* Through double, so that a fraction is true, as in Fluid. */
    {.op = "fill_constant", .name = "fraction_as_bool", .dtypes = FRT_BOOLS,
     .want = {{"Out", VALUES(1)}},
     .attrs = {ATTR_LIST("shape", 2), {"dtype", THE_DTYPE}, ATTR_TEXT("str_value", "0.05")}},
    {.op = "assign_value", .name = "float32", .dtypes = FRT_F32S,
     .attrs = {ATTR_LIST("shape", 2, 3), {"dtype", FRT_F32},
               ATTR_LIST("fp32_values", -.5, .25, 0, 1e30, -2, 3)},
     .want = {{"Out", VALUES(-.5, .25, 0, (double)1e30f, -2, 3)}}},
    {.op = "assign_value", .name = "nothing", .dtypes = FRT_F32S,
     .attrs = {ATTR_LIST("shape", 0, 3), {"dtype", FRT_F32}}},
    {.op = "assign_value", .name = "int32", .dtypes = FRT_DTYPE_BIT(FRT_I32),
     .attrs = {ATTR_LIST("shape", 3), {"dtype", FRT_I32}, ATTR_LIST("int32_values", -5, 0, 7)},
     .want = {{"Out", VALUES(-5, 0, 7)}}},
    {.op = "assign_value", .name = "int64", .dtypes = FRT_I64S,
     .attrs = {ATTR_LIST("shape", 2), {"dtype", FRT_I64},
               ATTR_LIST("int64_values", -5, 9007199254740991.0)},
     .want = {{"Out", VALUES(-5, 9007199254740991.0)}}},
    {.op = "assign_value", .name = "bool", .dtypes = FRT_BOOLS,
     .attrs = {ATTR_LIST("shape", 2, 2), {"dtype", FRT_BOOL}, ATTR_LIST("bool_values", 1, 0, 0, 1)},
     .want = {{"Out", VALUES(1, 0, 0, 1)}}},
    {0}};
