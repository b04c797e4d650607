#include "runner/case.h"

/* Bounds. Y, SavedMean, SavedVariance, MeanOut, VarianceOut: as layer_norm's, over the n
 * elements of a channel: deviations from a mean that is right to a rounding of the spread,
 * n squares of one sign, a root, a quotient, and five operations. Gradients: two sums of n
 * terms and ten operations. */
static double channel_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  const frt_case_array_t x = frt_case_in(v, "X"), w = frt_case_in(v, "Scale");
  (void)out;
  return (w.numel ? (double)x.numel / (double)w.numel : 0) + 14;
}
#define BOUND .bound = {SUM(NULL, 1, channel_terms)}

/* A shape is braces with commas in them: several arguments to an inner macro. */
#define PARAMS(...)                                                              \
  {"Scale", __VA_ARGS__, UNIFORM(-2, 2)}, {"Bias", __VA_ARGS__, UNIFORM(-1, 1)}, \
  {"Mean", __VA_ARGS__, UNIFORM(-1, 1)}, {"Variance", __VA_ARGS__, UNIFORM(0.5, 2)}
#define NCHW ATTR_TEXT("data_layout", "NCHW")
#define NHWC ATTR_TEXT("data_layout", "NHWC")
#define BATCH(name_, shape_, channels_, data_, flags_, attrs_, ...)              \
  {.op = "batch_norm", .name = name_,                                            \
   .in = {{"X", shape_, data_}, PARAMS(channels_)},                              \
   .attrs = {attrs_}, BOUND, .flags = flags_, .SIZES(__VA_ARGS__)}
#define BACK_IN(shape_, channels_, data_)                                        \
  {"X", shape_, data_}, {"Y@GRAD", shape_, UNIFORM(-1, 1)}, PARAMS(channels_),   \
  {"SavedMean", channels_, FORWARD("batch_norm")},                               \
  {"SavedVariance", channels_, FORWARD("batch_norm")}
#define BATCH_BACK(name_, shape_, channels_, data_, attrs_, ...)                 \
  {.op = "batch_norm_grad", .name = name_,                                       \
   .in = {{"X", shape_, data_}, {"Y@GRAD", shape_, UNIFORM(-1, 1)},              \
          PARAMS(channels_), {"SavedMean", channels_, FORWARD("batch_norm")},    \
          {"SavedVariance", channels_, FORWARD("batch_norm")}},                  \
   .attrs = {attrs_}, BOUND,                                                     \
   .SIZES(__VA_ARGS__)}
#define PLANE SHAPE(DIM_N, DIM_M)
#define IMAGES SHAPE(DIM_N, DIM_M, DIM_K, 3)
#define LAST SHAPE(DIM_N, 3, DIM_K, DIM_M)
#define CHANNELS SHAPE(DIM_M)
#define SIZES_2                                                                  \
  {2, 1}, {3, 2}, {7, 15}, {13, 17}, {2, 130}, {301, 70}, {3001, 5}, {0, 5}, {3, 0}
#define SIZES_4                                                                  \
  {1, 1, 1}, {2, 3, 4}, {3, 17, 5}, {1, 65, 7}, {9, 4, 301}, {0, 3, 2}, {2, 3, 0}
#define TEST {"is_test", 1}
#define GLOBAL {"use_global_stats", 1}
#define EPS {"epsilon", 0}
#define HAND_IN()                                                             \
  {"X", SHAPE(2, 2, 1, 2), VALUES(1, 3, 10, 10, 5, 7, 10, 10)},                  \
  {"Scale", SHAPE(2), VALUES(2, 3)}, {"Bias", SHAPE(2), VALUES(1, -4)},          \
  {"Mean", SHAPE(2), VALUES(8, 2)}, {"Variance", SHAPE(2), VALUES(16, 4)}

FRT_CASES(norm_batch) = {
    /* Channel 0: 1 3 5 7, mean 4, variance 5; channel 1: all 10. 3 / 4 of the old values stay.
     * The epsilon of 0.000976 under channel 1's root: 32. */
    {.op = "batch_norm", .name = "by_hand", .in = {HAND_IN()},
     .attrs = {{"epsilon", 0x1p-10}, {"momentum", .75}},
     .want = {{"MeanOut", VALUES(7, 4)}, {"VarianceOut", VALUES(13.25, 3)},
              {"SavedMean", VALUES(4, 10)},
              {"SavedVariance", VALUES(0.44716992869367312, 32)},
              {"Y", VALUES(-1.6830195721620387, 0.10566014261265375, -4, -4,
                           1.8943398573873462, 3.6830195721620387, -4, -4)}},
     .bound = {EXACT("MeanOut"), EXACT("VarianceOut"), EXACT("SavedMean"),
               ULP("SavedVariance", 1), SUM("Y", 1, channel_terms)}},
    {.op = "batch_norm", .name = "by_hand_nhwc",
     .in = {{"X", SHAPE(2, 1, 2, 2), VALUES(1, 10, 3, 10, 5, 10, 7, 10)},
            {"Scale", SHAPE(2), VALUES(2, 3)}, {"Bias", SHAPE(2), VALUES(1, -4)},
            {"Mean", SHAPE(2), VALUES(8, 2)}, {"Variance", SHAPE(2), VALUES(16, 4)}},
     .attrs = {{"epsilon", 0x1p-10}, {"momentum", .75}, NHWC},
     .want = {{"MeanOut", VALUES(7, 4)}, {"VarianceOut", VALUES(13.25, 3)},
              {"SavedMean", VALUES(4, 10)}},
     .bound = {EXACT("MeanOut"), EXACT("VarianceOut"), EXACT("SavedMean"),
               ULP("SavedVariance", 1), SUM("Y", 1, channel_terms)}},
    {.op = "batch_norm", .name = "momentum_from_a_tensor",
     .in = {HAND_IN(), {"MomentumTensor", SHAPE(1), VALUES(.5)}}, BOUND,
     .want = {{"MeanOut", VALUES(6, 6)}, {"VarianceOut", VALUES(10.5, 2)}}},
    /* With the old values: (x - 8) / 4 and (x - 2) / 2. */
    {.op = "batch_norm", .name = "test_by_hand", .in = {HAND_IN()}, .attrs = {EPS, TEST},
     .want = {{"Y", VALUES(-2.5, -1.5, 8, 8, -.5, .5, 8, 8)}, {"MeanOut", VALUES(8, 2)},
              {"VarianceOut", VALUES(16, 4)}},
     .flags = FRT_CASE_ROUGH},
    {.op = "batch_norm", .name = "global_by_hand", .in = {HAND_IN()}, .attrs = {EPS, GLOBAL},
     .want = {{"Y", VALUES(-2.5, -1.5, 8, 8, -.5, .5, 8, 8)}, {"MeanOut", VALUES(8, 2)},
              {"VarianceOut", VALUES(16, 4)}, {"SavedMean", VALUES(8, 2)},
              {"SavedVariance", VALUES(.25, .5)}}},
    /* is_test has no effect then; neither has it on the running values. */
    {.op = "batch_norm", .name = "trainable_in_test", .in = {HAND_IN()},
     .attrs = {TEST, {"trainable_statistics", 1}, {"momentum", .75}}, BOUND,
     .want = {{"MeanOut", VALUES(7, 4)}, {"VarianceOut", VALUES(13.25, 3)}}},
    {.op = "batch_norm", .name = "one_element_a_channel",
     .in = {{"X", SHAPE(1, 5), UNIFORM(-2, 2)}, PARAMS(SHAPE(5))},
     .want = {{"SavedMean", VALUES(0)}, {"SavedVariance", VALUES(0)}}},
    {.op = "batch_norm", .name = "one_pixel", .attrs = {NHWC},
     .in = {{"X", SHAPE(1, 1, 1, 3), VALUES(7, -8, 9)}, PARAMS(SHAPE(3))},
     .want = {{"Y", VALUES(7, -8, 9)}, {"SavedMean", VALUES(0)}}},
    {.op = "batch_norm", .name = "one_element_in_test", .attrs = {TEST, EPS},
     .in = {{"X", SHAPE(1, 2), VALUES(3, 5)}, {"Scale", SHAPE(2), VALUES(2, 3)},
            {"Bias", SHAPE(2), VALUES(1, 1)}, {"Mean", SHAPE(2), VALUES(1, 1)},
            {"Variance", SHAPE(2), VALUES(4, 16)}},
     .want = {{"Y", VALUES(3, 4)}}, .flags = FRT_CASE_ROUGH},
    /* A spread of 1 around 2^20, and around 2^20 of another sample. */
    {.op = "batch_norm", .name = "large_mean_by_hand", .attrs = {EPS, {"momentum", 0}},
     .in = {{"X", SHAPE(4, 1, 33, 2), VALUES(1048575, 1048577)},
            {"Scale", SHAPE(1), VALUES(3)}, {"Bias", SHAPE(1), VALUES(1)},
            {"Mean", SHAPE(1), VALUES(0)}, {"Variance", SHAPE(1), VALUES(0)}},
     .want = {{"Y", VALUES(-2, 4)}, {"SavedMean", VALUES(1048576)},
              {"SavedVariance", VALUES(1)}, {"MeanOut", VALUES(1048576)},
              {"VarianceOut", VALUES(1)}},
     .flags = FRT_CASE_ROUGH},
    BATCH("large_mean", IMAGES, CHANNELS, UNIFORM(1000000, 1000008), FRT_CASE_ROUGH, NCHW,
          {2, 3, 4}, {3, 17, 50}),
    BATCH("large_mean_nhwc", LAST, CHANNELS, UNIFORM(1000000, 1000008), FRT_CASE_ROUGH, NHWC,
          {2, 3, 4}, {3, 17, 50}),
    BATCH("small_spread", IMAGES, CHANNELS, UNIFORM(1000, 1000.001), FRT_CASE_ROUGH, NCHW,
          {2, 3, 4}, {3, 17, 50}),
    {.op = "batch_norm", .name = "nan_stays_in_its_channel", .attrs = {EPS, {"momentum", 0}},
     .in = {{"X", SHAPE(2, 2), VALUES(NAN, 1, 3, 5)}, {"Scale", SHAPE(2), VALUES(1)},
            {"Bias", SHAPE(2), VALUES(0)}, {"Mean", SHAPE(2), VALUES(0)},
            {"Variance", SHAPE(2), VALUES(0)}},
     .want = {{"Y", VALUES(NAN, -1, NAN, 1)}, {"MeanOut", VALUES(NAN, 3)},
              {"VarianceOut", VALUES(NAN, 4)}, {"SavedVariance", VALUES(NAN, .5)}},
     .flags = FRT_CASE_ROUGH},
    BATCH("rank_2", PLANE, CHANNELS, UNIFORM(-2, 3), 0, NCHW, SIZES_2, {40001, 3}),
    BATCH("rank_2_nhwc", PLANE, CHANNELS, UNIFORM(-2, 3), 0, NHWC, {3, 2}, {13, 17}),
    BATCH("nchw", IMAGES, CHANNELS, UNIFORM(-2, 3), 0, NCHW, SIZES_4, {2, 3, 4099}),
    BATCH("nhwc", LAST, CHANNELS, UNIFORM(-2, 3), 0, NHWC, SIZES_4, {2, 3, 4099}),
    BATCH("rank_3", SHAPE(DIM_N, DIM_M, DIM_K), CHANNELS, UNIFORM(-2, 3), 0, NCHW, {2, 3, 4},
          {5, 7, 1}),
    BATCH("rank_5", SHAPE(DIM_N, DIM_M, 2, DIM_K, 3), CHANNELS, UNIFORM(-2, 3), 0, NCHW,
          {2, 3, 4}, {3, 3, 3}),
    BATCH("rank_5_nhwc", SHAPE(DIM_N, 2, DIM_K, 3, DIM_M), CHANNELS, UNIFORM(-2, 3), 0, NHWC,
          {2, 3, 4}, {3, 3, 3}),
    BATCH("test", IMAGES, CHANNELS, UNIFORM(-2, 3), FRT_CASE_ROUGH, TEST, SIZES_4),
    {.op = "batch_norm", .name = "test_nhwc", .in = {{"X", LAST, UNIFORM(-2, 3)},
     PARAMS(CHANNELS)}, .attrs = {TEST, NHWC}, BOUND, .flags = FRT_CASE_ROUGH,
     .SIZES(SIZES_4)},
    BATCH("global", IMAGES, CHANNELS, UNIFORM(-2, 3), 0, GLOBAL, SIZES_4),
    {.op = "batch_norm", .name = "test_alone", .attrs = {TEST}, BOUND,
     .in = {{"X", IMAGES, UNIFORM(-2, 3)}, PARAMS(CHANNELS)}, .flags = FRT_CASE_ROUGH,
     .without = {"ReserveSpace"}, .SIZES({2, 3, 4})},
    /* As the planner asks for it. */
    {.op = "batch_norm", .name = "test_without_statistics", .attrs = {TEST}, BOUND,
     .in = {{"X", IMAGES, UNIFORM(-2, 3)}, PARAMS(CHANNELS)}, .flags = FRT_CASE_ROUGH,
     .without = {"MeanOut", "VarianceOut"}, .SIZES({2, 3, 4}, {3, 17, 5})},
    {.op = "batch_norm", .name = "global_without_statistics", .attrs = {GLOBAL}, BOUND,
     .in = {{"X", LAST, UNIFORM(-2, 3)}, PARAMS(SHAPE(3))},
     .without = {"MeanOut", "VarianceOut"}, .SIZES({2, 3, 4})},

    /* One channel, h = X: X@GRAD = 2 (G - 1/4 + h/4) for G = (1, 0, 0, 0). */
    {.op = "batch_norm_grad", .name = "by_hand",
     .in = {{"X", SHAPE(2, 1, 2), VALUES(-1, -1, 1, 1)},
            {"Y@GRAD", SHAPE(2, 1, 2), VALUES(1, 0, 0, 0)}, {"Scale", SHAPE(1), VALUES(2)},
            {"Bias", SHAPE(1), VALUES(9)}, {"SavedMean", SHAPE(1), VALUES(0)},
            {"SavedVariance", SHAPE(1), VALUES(1)}},
     .want = {{"X@GRAD", VALUES(1, -1, 0, 0)}, {"Scale@GRAD", VALUES(-1)},
              {"Bias@GRAD", VALUES(1)}}},
    {.op = "batch_norm_grad", .name = "global_by_hand", .attrs = {EPS, GLOBAL},
     .in = {{"X", SHAPE(2, 1), VALUES(3, 7)}, {"Y@GRAD", SHAPE(2, 1), VALUES(1, 3)},
            {"Scale", SHAPE(1), VALUES(2)}, {"Bias", SHAPE(1), VALUES(9)},
            {"Mean", SHAPE(1), VALUES(1)}, {"Variance", SHAPE(1), VALUES(16)},
            {"SavedMean", SHAPE(1), VALUES(100)}, {"SavedVariance", SHAPE(1), VALUES(100)}},
     .want = {{"X@GRAD", VALUES(.5, 1.5)}, {"Scale@GRAD", VALUES(5)},
              {"Bias@GRAD", VALUES(4)}}},
    {.op = "batch_norm_grad", .name = "global_epsilon", .attrs = {{"epsilon", 0x1p-10}, GLOBAL},
     .in = {{"X", SHAPE(2, 1), VALUES(3, 7)}, {"Y@GRAD", SHAPE(2, 1), VALUES(1, 3)},
            {"Scale", SHAPE(1), VALUES(2)}, {"Bias", SHAPE(1), VALUES(9)},
            {"Mean", SHAPE(1), VALUES(1)}, {"Variance", SHAPE(1), VALUES(0)},
            {"SavedMean", SHAPE(1), VALUES(100)}, {"SavedVariance", SHAPE(1), VALUES(100)}},
     .want = {{"X@GRAD", VALUES(64, 192)}, {"Scale@GRAD", VALUES(640)},
              {"Bias@GRAD", VALUES(4)}}},
    {.op = "batch_norm_grad", .name = "one_element_a_channel",
     .in = {BACK_IN(SHAPE(1, 3), SHAPE(3), UNIFORM(-2, 2))},
     .want = {{"Scale@GRAD", VALUES(0)}, {"Bias@GRAD", VALUES(0)}}},
    {.op = "batch_norm_grad", .name = "trainable_in_test",
     .attrs = {TEST, {"trainable_statistics", 1}}, BOUND,
     .in = {BACK_IN(SHAPE(5, 3), SHAPE(3), UNIFORM(-2, 2))}},
    BATCH_BACK("large_mean", IMAGES, CHANNELS, UNIFORM(1000000, 1000008), NCHW, {2, 3, 4},
               {3, 17, 50}),
    BATCH_BACK("rank_2", PLANE, CHANNELS, UNIFORM(-2, 3), NCHW, SIZES_2, {40001, 3}),
    BATCH_BACK("nchw", IMAGES, CHANNELS, UNIFORM(-2, 3), NCHW, SIZES_4, {2, 3, 4099}),
    BATCH_BACK("nhwc", LAST, CHANNELS, UNIFORM(-2, 3), NHWC, SIZES_4, {2, 3, 4099}),
    BATCH_BACK("rank_5", SHAPE(DIM_N, DIM_M, 2, DIM_K, 3), CHANNELS, UNIFORM(-2, 3), NCHW,
               {2, 3, 4}, {3, 3, 3}),
    BATCH_BACK("global", IMAGES, CHANNELS, UNIFORM(-2, 3), GLOBAL, SIZES_4),
    {.op = "batch_norm_grad", .name = "parameters_alone", BOUND, .without = {"X@GRAD"},
     .in = {BACK_IN(IMAGES, CHANNELS, UNIFORM(-2, 3))}, .SIZES({3, 17, 5})},
    {.op = "batch_norm_grad", .name = "x_alone", BOUND,
     .without = {"Scale@GRAD", "Bias@GRAD"},
     .in = {BACK_IN(IMAGES, CHANNELS, UNIFORM(-2, 3))}, .SIZES({3, 17, 5})},
    {0}};
