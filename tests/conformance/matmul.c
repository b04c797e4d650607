#include "runner/case.h"

/* A product's element is a sum of K terms of one rounding each: g(K), in any order,
 * with or without fused multiply-add. K from the sizes: K^2 = |A| |B| / |A B|. */
static double inner(const frt_case_view_t *v, const char *a, const char *b,
                    const frt_case_array_t *out) {
  return frt_terms_inner((double)frt_case_in(v, a).numel, (double)frt_case_in(v, b).numel,
                         (double)out->numel);
}
static double mul_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return inner(v, "X", "Y", out);
}
static double dx_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return inner(v, "Out@GRAD", "Y", out);
}
static double dy_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return inner(v, "Out@GRAD", "X", out);
}
/* The bias is one addition more. */
static double fc_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return inner(v, "Input", "W", out) + 1;
}
static double dinput_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return inner(v, "Out@GRAD", "W", out);
}
static double dw_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return inner(v, "Out@GRAD", "Input", out);
}
static double rows(const frt_case_view_t *v, const frt_case_array_t *out) {
  return out->numel ? (double)frt_case_in(v, "Out@GRAD").numel / (double)out->numel : 1;
}

/* [M, K] . [K, N]: one row, one column, primes, around 16, around blocks of 64. */
#define PRODUCTS                                                                          \
  SIZES({1, 1, 1}, {2, 3, 5}, {1, 17, 33}, {31, 1, 7}, {7, 64, 1}, {15, 16, 17}, {16, 16, 16}, \
        {17, 33, 15}, {3, 257, 19}, {65, 63, 67}, {128, 96, 130}, {64, 784, 10}, {0, 3, 5}), \
  .FULL_SIZES({257, 513, 129}, {1, 1031, 1033})
/* Few rows, on which packing does not pay: tiles of 4, 2 and 1 rows, of 4, 2 and 1 vectors
 * of each width, columns that no vector fits, an inner side of more than one panel. */
#define FEW_ROWS                                                                          \
  SIZES({1, 300, 70}, {1, 9, 128}, {2, 300, 130}, {2, 40, 33}, {3, 300, 52}, {4, 270, 35}, \
        {5, 64, 81}, {6, 33, 100}, {7, 300, 17}, {8, 520, 33}, {13, 24, 16})
#define MATRIX(slot, r, c, ...) {slot, SHAPE(r, c), __VA_ARGS__}
#define MUL(data) .in = {MATRIX("X", DIM_N, DIM_M, data), MATRIX("Y", DIM_M, DIM_K, data)}
#define MUL_GRAD(data)                                                               \
  .in = {MATRIX("X", DIM_N, DIM_M, data), MATRIX("Y", DIM_M, DIM_K, data),           \
         MATRIX("Out@GRAD", DIM_N, DIM_K, data)}
#define FC(data)                                                                     \
  .in = {MATRIX("Input", DIM_N, DIM_M, data), MATRIX("W", DIM_M, DIM_K, data),       \
         {"Bias", SHAPE(DIM_K), data}}
#define FC_GRAD(data)                                                                \
  .in = {MATRIX("Input", DIM_N, DIM_M, data), MATRIX("W", DIM_M, DIM_K, data),       \
         {"Bias", SHAPE(DIM_K), NO_DATA}, MATRIX("Out", DIM_N, DIM_K, WHOLE(-1, 1)), \
         MATRIX("Out@GRAD", DIM_N, DIM_K, data)}
#define RELU .attrs = {ATTR_TEXT("activation_type", "relu")}

FRT_CASES(matmul) = {
    {.op = "mul", .name = "by_hand",
     .in = {{"X", SHAPE(2, 2), VALUES(1, 2, 3, 4)}, {"Y", SHAPE(2, 2), VALUES(5, 6, 7, 8)}},
     .want = {{"Out", VALUES(19, 22, 43, 50)}}},
    {.op = "mul", .name = "whole", MUL(WHOLE(-4, 4)), .PRODUCTS},
    {.op = "mul", .name = "products", MUL(UNIFORM(-1, 1)),
     .bound = {SUM("Out", 1, mul_terms)}, .PRODUCTS},
    {.op = "mul", .name = "few_rows_whole", MUL(WHOLE(-4, 4)), .FEW_ROWS},
    {.op = "mul", .name = "few_rows", MUL(UNIFORM(-1, 1)),
     .bound = {SUM("Out", 1, mul_terms)}, .FEW_ROWS},
    {.op = "mul", .name = "flattened",
     .in = {{"X", SHAPE(2, 3, 5, 7), WHOLE(-3, 3)}, {"Y", SHAPE(5, 7, 2, 3), WHOLE(-3, 3)}},
     .attrs = {{"x_num_col_dims", 2}, {"y_num_col_dims", 2}}},
    {.op = "mul", .name = "image",
     .in = {{"X", SHAPE(DIM_N, 1, 5, 5), UNIFORM(-1, 1)}, {"Y", SHAPE(25, 11), UNIFORM(-1, 1)}},
     .bound = {SUM("Out", 1, mul_terms)}, .SIZES({1}, {9}, {33})},
    {.op = "mul", .name = "nan_reaches_its_row",
     .in = {{"X", SHAPE(2, 2), VALUES(1, NAN, 3, 4)}, {"Y", SHAPE(2, 2), VALUES(1, 0, 0, 1)}},
     .want = {{"Out", VALUES(NAN, NAN, 3, 4)}}, .flags = FRT_CASE_ROUGH},
    {.op = "mul", .name = "nothing_to_sum", .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(3, 0), NO_DATA}, {"Y", SHAPE(0, 2), NO_DATA}},
     .want = {{"Out", VALUES(0)}}},
    {.op = "mul_grad", .name = "by_hand",
     .in = {{"X", SHAPE(2, 2), VALUES(1, 2, 3, 4)}, {"Y", SHAPE(2, 2), VALUES(5, 6, 7, 8)},
            {"Out@GRAD", SHAPE(2, 2), VALUES(1, 0, 0, 1)}},
     .want = {{"X@GRAD", VALUES(5, 7, 6, 8)}, {"Y@GRAD", VALUES(1, 3, 2, 4)}}},
    {.op = "mul_grad", .name = "whole", MUL_GRAD(WHOLE(-4, 4)), .PRODUCTS},
    {.op = "mul_grad", .name = "products", MUL_GRAD(UNIFORM(-1, 1)),
     .bound = {SUM("X@GRAD", 1, dx_terms), SUM("Y@GRAD", 1, dy_terms)}, .PRODUCTS},
    {.op = "mul_grad", .name = "y_only", MUL_GRAD(WHOLE(-4, 4)), .without = {"X@GRAD"},
     .PRODUCTS},
    {.op = "mul_grad", .name = "x_only", MUL_GRAD(WHOLE(-4, 4)), .without = {"Y@GRAD"},
     .PRODUCTS},
    {.op = "mul_grad", .name = "flattened",
     .in = {{"X", SHAPE(2, 3, 5, 7), WHOLE(-3, 3)}, {"Y", SHAPE(5, 7, 2, 3), WHOLE(-3, 3)},
            {"Out@GRAD", SHAPE(2, 3, 2, 3), WHOLE(-3, 3)}},
     .attrs = {{"x_num_col_dims", 2}, {"y_num_col_dims", 2}}},
    {.op = "fc", .name = "by_hand", RELU, .flags = FRT_CASE_ROUGH,
     .in = {{"Input", SHAPE(2, 2), VALUES(1, 2, 3, 4)}, {"W", SHAPE(2, 2), VALUES(5, 6, 7, 8)},
            {"Bias", SHAPE(2), VALUES(-19, -30)}},
     .want = {{"Out", VALUES(0, 0, 24, 20)}}},
    {.op = "fc", .name = "whole", FC(WHOLE(-4, 4)), .PRODUCTS},
    {.op = "fc", .name = "whole_relu", FC(WHOLE(-4, 4)), RELU, .flags = FRT_CASE_ROUGH,
     .PRODUCTS},
    {.op = "fc", .name = "products", FC(UNIFORM(-1, 1)), .bound = {SUM("Out", 1, fc_terms)},
     .PRODUCTS},
    {.op = "fc", .name = "products_relu", FC(UNIFORM(-1, 1)), RELU,
     .bound = {SUM("Out", 1, fc_terms)}, .PRODUCTS},
    {.op = "fc", .name = "no_bias",
     .in = {MATRIX("Input", DIM_N, DIM_M, WHOLE(-4, 4)), MATRIX("W", DIM_M, DIM_K, WHOLE(-4, 4))},
     .PRODUCTS},
    {.op = "fc", .name = "flattened", .attrs = {{"in_num_col_dims", 2}},
     .in = {{"Input", SHAPE(2, 3, 5), WHOLE(-3, 3)}, {"W", SHAPE(5, 4), WHOLE(-3, 3)},
            {"Bias", SHAPE(1, 4), WHOLE(-9, 9)}}},
    {.op = "fc_grad", .name = "by_hand", RELU, /* G keeps its first column only */
     .in = {{"Input", SHAPE(2, 2), VALUES(1, 2, 3, 4)}, {"W", SHAPE(2, 2), VALUES(5, 6, 7, 8)},
            {"Bias", SHAPE(2), NO_DATA}, {"Out", SHAPE(2, 2), VALUES(1, 0)},
            {"Out@GRAD", SHAPE(2, 2), VALUES(1, 2, 3, 4)}},
     .want = {{"Input@GRAD", VALUES(5, 7, 15, 21)}, {"W@GRAD", VALUES(10, 0, 14, 0)},
              {"Bias@GRAD", VALUES(4, 0)}}},
    {.op = "fc_grad", .name = "whole", FC_GRAD(WHOLE(-4, 4)), .PRODUCTS},
    {.op = "fc_grad", .name = "whole_relu", FC_GRAD(WHOLE(-4, 4)), RELU, .PRODUCTS},
    {.op = "fc_grad", .name = "products", FC_GRAD(UNIFORM(-1, 1)), RELU,
     .bound = {SUM("Input@GRAD", 1, dinput_terms), SUM("W@GRAD", 1, dw_terms),
               SUM("Bias@GRAD", 1, rows)},
     .PRODUCTS},
    {.op = "fc_grad", .name = "weights_only", FC_GRAD(WHOLE(-4, 4)), RELU,
     .without = {"Input@GRAD"}, .PRODUCTS},
    {0}};
