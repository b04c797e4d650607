#include "runner/case.h"

/* Bounds. Y: deviations from a mean that is right to a rounding of the spread (one fp32
 * mean is not: it loses of a small spread what a large mean takes; nor is the mean of
 * squares less the square of the mean), n squares of one sign, a root, a quotient, two
 * products, a sum; sums of deviations in any order, in fp32 or wider. X@GRAD: two sums of n
 * terms and ten operations; Scale@GRAD and Bias@GRAD: sums over the rows. */
static double width_of(const frt_case_view_t *v) {
  const frt_case_array_t x = frt_case_in(v, "X");
  double n = 1;
  for (uint32_t d = (uint32_t)frt_case_attr(v, "begin_norm_axis")->v.i; d < x.rank; ++d)
    n *= (double)x.dims[d];
  return n;
}
static double row_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)out;
  return width_of(v) + 12;
}
static double column_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  const frt_case_array_t x = frt_case_in(v, "X");
  return (out->numel ? (double)x.numel / (double)out->numel : 0) + 10;
}

#define BOUND .bound = {SUM(NULL, 1, row_terms)}
#define BACK_BOUND                                                              \
  .bound = {SUM("X@GRAD", 1, row_terms), SUM("Scale@GRAD", 1, column_terms),     \
            SUM("Bias@GRAD", 1, column_terms)}
#define AXIS(axis) .attrs = {{"begin_norm_axis", axis}}
#define LAYER(name_, shape_, width_, axis_, data_, flags_, ...)                      \
  {.op = "layer_norm", .name = name_,                                                \
   .in = {{"X", shape_, data_}, {"Scale", width_, UNIFORM(-2, 2)},                   \
          {"Bias", width_, UNIFORM(-1, 1)}},                                         \
   AXIS(axis_), BOUND, .flags = flags_, .SIZES(__VA_ARGS__)}
#define LAYER_BACK(name_, shape_, width_, rows_, axis_, data_, ...)                  \
  {.op = "layer_norm_grad", .name = name_,                                           \
   .in = {{"X", shape_, data_}, {"Y@GRAD", shape_, UNIFORM(-1, 1)},                  \
          {"Scale", width_, UNIFORM(-2, 2)}, {"Bias", width_, UNIFORM(-1, 1)},       \
          {"Mean", rows_, FORWARD("layer_norm")},                                    \
          {"Variance", rows_, FORWARD("layer_norm")}},                               \
   AXIS(axis_), BACK_BOUND, .SIZES(__VA_ARGS__)}
#define PLANE SHAPE(DIM_N, DIM_M)
#define WIDTH SHAPE(DIM_M)
#define ROWS SHAPE(DIM_N)
#define SIZES_2                                                                     \
  {1, 1}, {1, 2}, {3, 2}, {7, 15}, {13, 17}, {2, 4097}, {301, 70}, {67, 128}, {0, 5}, {3, 0}
#define EXACT_ATTRS .attrs = {{"epsilon", 0}}

FRT_CASES(norm_layer) = {
    {.op = "layer_norm", .name = "by_hand", EXACT_ATTRS,
     .in = {{"X", SHAPE(2, 2), VALUES(1, 3, -2, 2)}, {"Scale", SHAPE(2), VALUES(2, 3)},
            {"Bias", SHAPE(2), VALUES(10, 20)}},
     .want = {{"Y", VALUES(8, 23, 8, 23)}, {"Mean", VALUES(2, 0)}, {"Variance", VALUES(1, 4)}}},
    /* 32 / sqrt(1025) */
    {.op = "layer_norm", .name = "epsilon_under_the_root", .attrs = {{"epsilon", 0x1p-10}},
     .in = {{"X", SHAPE(1, 2), VALUES(-1, 1)}},
     .want = {{"Y", VALUES(-0.9995120760870788, 0.9995120760870788)}}, .bound = {ULP("Y", 2)}},
    {.op = "layer_norm", .name = "equal_elements",
     .in = {{"X", SHAPE(3, 37), VALUES(3)}, {"Scale", SHAPE(37), UNIFORM(-2, 2)},
            {"Bias", SHAPE(37), VALUES(5)}},
     .want = {{"Y", VALUES(5)}, {"Mean", VALUES(3)}, {"Variance", VALUES(0)}}},
    /* A spread of 1 around 2^20: squares of fp32 numbers hold nothing of it, and a central
     * difference's step is beyond it. */
    {.op = "layer_norm", .name = "large_mean_by_hand", EXACT_ATTRS,
     .in = {{"X", SHAPE(2, 66), VALUES(1048575, 1048577)}},
     .want = {{"Y", VALUES(-1, 1)}, {"Mean", VALUES(1048576)}, {"Variance", VALUES(1)}},
     .flags = FRT_CASE_ROUGH},
    LAYER("large_mean", PLANE, WIDTH, 1, UNIFORM(1000000, 1000008),
          FRT_CASE_ROUGH, {3, 7}, {5, 300}),
    /* Nearly equal: neighbours around 1000. */
    LAYER("small_spread", PLANE, WIDTH, 1, UNIFORM(1000, 1000.001), FRT_CASE_ROUGH, {3, 7},
          {5, 300}),
    {.op = "layer_norm", .name = "nan_stays_in_its_row", EXACT_ATTRS,
     .in = {{"X", SHAPE(2, 2), VALUES(NAN, 1, 3, 5)}},
     .want = {{"Y", VALUES(NAN, NAN, -1, 1)}, {"Mean", VALUES(NAN, 4)},
              {"Variance", VALUES(NAN, 1)}},
     .flags = FRT_CASE_ROUGH},
    {.op = "layer_norm", .name = "one_element_a_row", AXIS(1),
     .in = {{"X", SHAPE(5, 1), UNIFORM(-2, 2)}, {"Scale", SHAPE(1), VALUES(3)},
            {"Bias", SHAPE(1), VALUES(7)}},
     .want = {{"Y", VALUES(7)}, {"Variance", VALUES(0)}}},
    LAYER("rows", PLANE, WIDTH, 1, UNIFORM(-2, 3), 0, SIZES_2, {1, 70001}),
    LAYER("rank_4", SHAPE(DIM_N, DIM_M, DIM_K, 5), SHAPE(DIM_P), 2, UNIFORM(-2, 3), 0,
          {2, 3, 4, 20}, {3, 17, 5, 25}, {1, 1, 1, 5}),
    LAYER("from_dim_1", SHAPE(3, DIM_M, DIM_M), SHAPE(DIM_P), 1, UNIFORM(-2, 3), 0,
          {0, 3, 0, 9}, {0, 17, 0, 289}),
    {.op = "layer_norm", .name = "no_scale", AXIS(1), BOUND,
     .in = {{"X", SHAPE(7, 19), UNIFORM(-2, 2)}, {"Bias", SHAPE(19), UNIFORM(-2, 2)}}},
    {.op = "layer_norm", .name = "no_bias", AXIS(1), BOUND,
     .in = {{"X", SHAPE(7, 19), UNIFORM(-2, 2)}, {"Scale", SHAPE(19), UNIFORM(-2, 2)}}},
    {.op = "layer_norm", .name = "neither", AXIS(1), BOUND,
     .in = {{"X", PLANE, UNIFORM(-2, 2)}}, .SIZES({7, 19}, {300, 70})},
    /* h = X here: X@GRAD = G - 1/4 + h/4 for G = (2, 0, 0, 0). */
    {.op = "layer_norm_grad", .name = "by_hand", EXACT_ATTRS,
     .in = {{"X", SHAPE(2, 4), VALUES(-1, -1, 1, 1, 1, -1, 1, -1)},
            {"Y@GRAD", SHAPE(2, 4), VALUES(1, 0, 0, 0, 0, 0, 0, 4)},
            {"Scale", SHAPE(4), VALUES(2, 3, 5, 1)}, {"Bias", SHAPE(4), VALUES(9)},
            {"Mean", SHAPE(2), VALUES(0)}, {"Variance", SHAPE(2), VALUES(1)}},
     .want = {{"X@GRAD", VALUES(1, -1, 0, 0, 0, -2, 0, 2)},
              {"Scale@GRAD", VALUES(-1, 0, 0, -4)}, {"Bias@GRAD", VALUES(1, 0, 0, 4)}}},
    LAYER_BACK("rows", PLANE, WIDTH, ROWS, 1, UNIFORM(-2, 3), SIZES_2, {1, 70001}, {1001, 9}),
    LAYER_BACK("large_mean", PLANE, WIDTH, ROWS, 1, UNIFORM(1000000, 1000008), {3, 7},
               {5, 300}),
    LAYER_BACK("rank_4", SHAPE(DIM_N, DIM_M, DIM_K, 5), SHAPE(DIM_P), SHAPE(6), 2,
               UNIFORM(-2, 3), {2, 3, 4, 20}, {3, 2, 5, 25}),
    {.op = "layer_norm_grad", .name = "neither", AXIS(1), BACK_BOUND,
     .in = {{"X", PLANE, UNIFORM(-2, 2)}, {"Y@GRAD", PLANE, UNIFORM(-2, 2)},
            {"Mean", ROWS, FORWARD("layer_norm")},
            {"Variance", ROWS, FORWARD("layer_norm")}},
     .without = {"Scale@GRAD", "Bias@GRAD"}, .SIZES({7, 19}, {300, 70})},
    {.op = "layer_norm_grad", .name = "parameters_alone", AXIS(1), BACK_BOUND,
     .in = {{"X", PLANE, UNIFORM(-2, 2)}, {"Y@GRAD", PLANE, UNIFORM(-2, 2)},
            {"Scale", WIDTH, UNIFORM(-2, 2)}, {"Bias", WIDTH, UNIFORM(-2, 2)},
            {"Mean", ROWS, FORWARD("layer_norm")},
            {"Variance", ROWS, FORWARD("layer_norm")}},
     .without = {"X@GRAD"}, .SIZES({7, 19}, {300, 70})},
    {.op = "layer_norm_grad", .name = "bias_alone", AXIS(1), BACK_BOUND,
     .in = {{"X", PLANE, UNIFORM(-2, 2)}, {"Y@GRAD", PLANE, UNIFORM(-2, 2)},
            {"Bias", WIDTH, UNIFORM(-2, 2)}, {"Mean", ROWS, FORWARD("layer_norm")},
            {"Variance", ROWS, FORWARD("layer_norm")}},
     .without = {"X@GRAD", "Scale@GRAD"}, .SIZES({7, 19}, {17, 3})},
    {0}};
