#include "runner/case.h"

/* scale and decay: a product and a sum, two roundings or one when fused. sum: one
 * rounding for each addition. The rest moves or converts: exact. */
static double sum_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)out;
  return (double)frt_case_count(v, "X") - 1;
}

#define X(...) .in = {{"X", SHAPE(DIM_N), __VA_ARGS__}}
#define CAST(name_, from, to, data)                                                  \
  {.op = "cast", .name = name_, .dtypes = FRT_DTYPE_BIT(from),                       \
   .attrs = {{"in_dtype", from}, {"out_dtype", to}}, X(data), .LENGTHS}
#define DECAY(...)                                                                   \
  .in = {{"Grad", SHAPE(DIM_N), __VA_ARGS__}, {"Param", SHAPE(DIM_N), __VA_ARGS__}}
#define SMALL (FRT_DTYPE_BIT(FRT_I16) | FRT_DTYPE_BIT(FRT_I8) | FRT_DTYPE_BIT(FRT_U8))
#define MOVED (FRT_NUMBERS | FRT_BOOLS | SMALL)
#define HALVES (FRT_DTYPE_BIT(FRT_F16) | FRT_DTYPE_BIT(FRT_BF16))

FRT_CASES(scale) = {
    {.op = "scale", .name = "bias_after", .attrs = {{"scale", 2}, {"bias", 1}},
     .dtypes = FRT_NUMBERS, .in = {{"X", SHAPE(3), VALUES(1, -2, 5)}},
     .want = {{"Out", VALUES(3, -3, 11)}}},
    {.op = "scale", .name = "bias_before", .dtypes = FRT_NUMBERS,
     .attrs = {{"scale", 2}, {"bias", 1}, {"bias_after_scale", 0}},
     .in = {{"X", SHAPE(3), VALUES(1, -2, 5)}}, .want = {{"Out", VALUES(4, -2, 12)}}},
    {.op = "scale", .name = "lengths", .attrs = {{"scale", -0.37}, {"bias", 0.21}},
     X(UNIFORM(-2, 2)), .bound = {SUM("Out", 1, frt_terms_2)}, .LENGTHS},
    {.op = "scale", .name = "before", X(UNIFORM(-2, 2)), .LENGTHS,
     .attrs = {{"scale", 1.7}, {"bias", 0.21}, {"bias_after_scale", 0}},
     .bound = {SUM("Out", 1, frt_terms_2)}},
    {.op = "scale", .name = "factor_only", .attrs = {{"scale", 0.1}}, X(UNIFORM(-2, 2)),
     .LENGTHS},
    {.op = "scale", .name = "as_it_is", X(SPECIALS), .SIZES({211})},
    {.op = "sum", .name = "by_hand", .dtypes = FRT_NUMBERS,
     .in = {{"X", SHAPE(2), VALUES(1, 2)}, {"X", SHAPE(2), VALUES(10, 20)},
            {"X", SHAPE(2), VALUES(100, -200)}},
     .want = {{"Out", VALUES(111, -178)}}},
    {.op = "sum", .name = "one", X(UNIFORM(-1, 1)), .LENGTHS},
    {.op = "sum", .name = "two", .bound = {SUM("Out", 1, sum_terms)}, .LENGTHS,
     .in = {{"X", SHAPE(DIM_N), UNIFORM(-1, 1)}, {"X", SHAPE(DIM_N), UNIFORM(-1, 1)}}},
    {.op = "sum", .name = "four", .bound = {SUM("Out", 1, sum_terms)}, .LENGTHS,
     .in = {{"X", SHAPE(DIM_N), UNIFORM(-1, 1)}, {"X", SHAPE(DIM_N), UNIFORM(-1, 1)},
            {"X", SHAPE(DIM_N), UNIFORM(-1, 1)}, {"X", SHAPE(DIM_N), UNIFORM(-9, 9)}}},
    {.op = "sum", .name = "whole", .dtypes = FRT_NUMBERS, .LENGTHS,
     .in = {{"X", SHAPE(DIM_N, 2), WHOLE(-99, 99)}, {"X", SHAPE(DIM_N, 2), WHOLE(-99, 99)},
            {"X", SHAPE(DIM_N, 2), WHOLE(-99, 99)}}},
    {.op = "increment", .name = "by_one", .dtypes = FRT_NUMBERS,
     .in = {{"X", SHAPE(1), VALUES(41)}}, .want = {{"Out", VALUES(42)}}},
    {.op = "increment", .name = "large_counter", .dtypes = FRT_I64S,
     .in = {{"X", SHAPE(1), VALUES(9007199254740990.0)}},
     .want = {{"Out", VALUES(9007199254740991.0)}}},
    {.op = "sum", .name = "large_integers", .dtypes = FRT_I64S, .SIZES({17}, {257}),
     .in = {{"X", SHAPE(DIM_N), WHOLE(-0x1p40, 0x1p40)}, {"X", SHAPE(DIM_N), WHOLE(-0x1p40, 0x1p40)}}},
    {.op = "increment", .name = "by_part", .attrs = {{"step", -0.3}},
     .in = {{"X", SHAPE(1), VALUES(1.7)}}},
    {.op = "cast", .name = "truncates", .dtypes = FRT_FLOATS,
     .attrs = {{"in_dtype", THE_DTYPE}, {"out_dtype", FRT_I64}},
     .in = {{"X", SHAPE(4), VALUES(1.75, -1.75, 0.5, -0.5)}},
     .want = {{"Out", VALUES(1, -1, 0, 0)}}},
    {.op = "cast", .name = "truth", .dtypes = FRT_FLOATS,
     .attrs = {{"in_dtype", THE_DTYPE}, {"out_dtype", FRT_BOOL}},
     .in = {{"X", SHAPE(4), VALUES(0, -0.0, 0.25, NAN)}},
     .want = {{"Out", VALUES(0, 0, 1, 1)}}},
    CAST("bool_to_float32", FRT_BOOL, FRT_F32, WHOLE(0, 1)),
    CAST("bool_to_int64", FRT_BOOL, FRT_I64, WHOLE(0, 1)),
    {.op = "cast", .name = "same", .dtypes = FRT_FLOATS, X(UNIFORM(-2, 2)), .LENGTHS,
     .attrs = {{"in_dtype", THE_DTYPE}, {"out_dtype", THE_DTYPE}}},
    {.op = "cast", .name = "to_float32", .dtypes = MOVED, X(WHOLE(0, 99)), .LENGTHS,
     .attrs = {{"in_dtype", THE_DTYPE}, {"out_dtype", FRT_F32}}},
    {.op = "cast", .name = "to_int64", .dtypes = MOVED, X(WHOLE(0, 99)), .LENGTHS,
     .attrs = {{"in_dtype", THE_DTYPE}, {"out_dtype", FRT_I64}}},
    CAST("int64_to_float32", FRT_I64, FRT_F32, WHOLE(-100000000, 100000000)),
    CAST("int64_to_int32", FRT_I64, FRT_I32, WHOLE(-100000, 100000)),
    CAST("int32_to_int64", FRT_I32, FRT_I64, WHOLE(-100000, 100000)),
    CAST("int32_to_float32", FRT_I32, FRT_F32, WHOLE(-100000000, 100000000)),
    CAST("float32_to_int32", FRT_F32, FRT_I32, UNIFORM(-1000, 1000)),
    CAST("float32_to_float64", FRT_F32, FRT_F64, UNIFORM(-1000, 1000)),
    CAST("float32_to_float32", FRT_F32, FRT_F32, UNIFORM(-1000, 1000)),
    CAST("float64_to_float32", FRT_F64, FRT_F32, UNIFORM(-1000, 1000)),
    CAST("int64_to_float64", FRT_I64, FRT_F64, WHOLE(-0x1p52, 0x1p52)),
    CAST("int32_to_float64", FRT_I32, FRT_F64, WHOLE(-0x1p30, 0x1p30)),
    CAST("int64_to_int64", FRT_I64, FRT_I64, WHOLE(-0x1p52, 0x1p52)),
    CAST("float64_to_float64", FRT_F64, FRT_F64, UNIFORM(-1000, 1000)),
    CAST("float64_to_int64", FRT_F64, FRT_I64, UNIFORM(-0x1p50, 0x1p50)),
    CAST("float32_to_int64", FRT_F32, FRT_I64, UNIFORM(-0x1p50, 0x1p50)),
    CAST("far_int64_to_float32", FRT_I64, FRT_F32, WHOLE(-0x1p52, 0x1p52)),
    {.op = "cast", .name = "saturates", .dtypes = FRT_FLOATS,
     .attrs = {{"in_dtype", THE_DTYPE}, {"out_dtype", FRT_I32}},
     .in = {{"X", SHAPE(6), VALUES(1e30, -1e30, NAN, 2147483648.0, INFINITY, -INFINITY)}},
     .want = {{"Out", VALUES(2147483647, -2147483648.0, 0, 2147483647, 2147483647,
                             -2147483648.0)}}},
    {.op = "assign", .name = "whole", .dtypes = MOVED, X(WHOLE(0, 99)), .LENGTHS},
    {.op = "assign", .name = "halves", .dtypes = HALVES, X(UNIFORM(-9, 9)), .LENGTHS},
    {.op = "assign", .name = "half_bits", .dtypes = HALVES, X(SPECIALS), .SIZES({211}),
     .flags = FRT_CASE_SIGNED_ZERO},
    {.op = "assign", .name = "bits", X(SPECIALS), .SIZES({211}), .flags = FRT_CASE_SIGNED_ZERO},
    {.op = "assign", .name = "shapes", .in = {{"X", SHAPE(2, 3, 1, 5), UNIFORM(-1, 1)}}},
    {.op = "decay", .name = "l2", .attrs = {ATTR_TEXT("mode", "l2"), {"coeff", 0.5}},
     .in = {{"Grad", SHAPE(3), VALUES(1, 2, 3)}, {"Param", SHAPE(3), VALUES(4, -8, 0)}},
     .want = {{"Out", VALUES(3, -2, 3)}}},
    {.op = "decay", .name = "l1", .attrs = {ATTR_TEXT("mode", "l1"), {"coeff", 0.5}},
     .in = {{"Grad", SHAPE(3), VALUES(1, 2, 3)}, {"Param", SHAPE(3), VALUES(4, -8, 0)}},
     .want = {{"Out", VALUES(1.5, 1.5, 3)}}},
    {.op = "decay", .name = "l2_lengths", DECAY(UNIFORM(-1, 1)), .LENGTHS,
     .attrs = {ATTR_TEXT("mode", "l2"), {"coeff", 0.013}}, .bound = {SUM("Out", 1, frt_terms_2)}},
    {.op = "decay", .name = "l1_lengths", DECAY(UNIFORM(-1, 1)), .LENGTHS,
     .attrs = {ATTR_TEXT("mode", "l1"), {"coeff", 0.013}}, .bound = {SUM("Out", 1, frt_terms_2)}},
    {0}};
