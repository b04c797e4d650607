#include "runner/case.h"

/* Bounds: as layer_norm's, over the n elements of a group; Scale@GRAD and Bias@GRAD: sums
 * over a channel of all samples. group_norm_grad finds the normalized value in (Y - Bias) /
 * Scale: the magnitude has |Y| + |Bias| there. */
static double group_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  const frt_case_array_t x = frt_case_in(v, "X").rank ? frt_case_in(v, "X")
                                                      : frt_case_in(v, "Y");
  const frt_api_attr_t *groups = frt_case_attr(v, "groups");
  const double channels = (double)x.dims[1];
  const double sets = (double)x.dims[0] * (groups ? (double)groups->v.i : channels);
  (void)out;
  return (sets > 0 ? (double)x.numel / sets : 0) + 14;
}
static double channel_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  const frt_case_array_t g = frt_case_in(v, "Y@GRAD");
  return (out->numel ? (double)g.numel / (double)out->numel : 0) + 10;
}

#define BOUND .bound = {SUM(NULL, 1, group_terms)}
#define BACK_BOUND                                                               \
  .bound = {SUM("X@GRAD", 1, group_terms), SUM("Scale@GRAD", 1, channel_terms),   \
            SUM("Bias@GRAD", 1, channel_terms)}
#define NHWC ATTR_TEXT("data_layout", "NHWC")
#define NCHW ATTR_TEXT("data_layout", "NCHW")
#define EPS {"epsilon", 0}
#define GROUP(name_, shape_, groups_, data_, flags_, layout_, ...)               \
  {.op = "group_norm", .name = name_,                                            \
   .in = {{"X", shape_, data_}, {"Scale", CHANNELS, UNIFORM(-2, 2)},             \
          {"Bias", CHANNELS, UNIFORM(-1, 1)}},                                   \
   .attrs = {{"groups", groups_}, layout_}, BOUND, .flags = flags_,              \
   .SIZES(__VA_ARGS__)}
#define GROUP_BACK(name_, shape_, groups_, layout_, ...)                         \
  {.op = "group_norm_grad", .name = name_,                                       \
   .in = {{"Y", shape_, UNIFORM(-2, 3)}, {"Y@GRAD", shape_, UNIFORM(-1, 1)},     \
          {"Scale", CHANNELS, UNIFORM(0.25, 2)},                                 \
          {"Bias", CHANNELS, UNIFORM(-1, 1)},                                    \
          {"Variance", SHAPE(DIM_N, groups_), UNIFORM(0.5, 2)}},                 \
   .attrs = {{"groups", groups_}, layout_}, BACK_BOUND, .SIZES(__VA_ARGS__)}
#define INSTANCE(name_, shape_, data_, flags_, ...)                              \
  {.op = "instance_norm", .name = name_,                                         \
   .in = {{"X", shape_, data_}, {"Scale", CHANNELS, UNIFORM(-2, 2)},             \
          {"Bias", CHANNELS, UNIFORM(-1, 1)}},                                   \
   BOUND, .flags = flags_, .SIZES(__VA_ARGS__)}
#define INSTANCE_BACK(name_, shape_, data_, mean_, ...)                          \
  {.op = "instance_norm_grad", .name = name_,                                    \
   .in = {{"X", shape_, data_}, {"Y@GRAD", shape_, UNIFORM(-1, 1)},              \
          {"Scale", CHANNELS, UNIFORM(-2, 2)},                                   \
          {"SavedMean", SHAPE(DIM_P), mean_}, {"SavedVariance", SHAPE(DIM_P), UNIFORM(.5, 2)}}, \
   BACK_BOUND, .SIZES(__VA_ARGS__)}
#define IMAGES SHAPE(DIM_N, DIM_M, DIM_K, 3)
#define LAST SHAPE(DIM_N, 3, DIM_K, DIM_M)
#define CHANNELS SHAPE(DIM_M)
#define SIZES_G                                                                  \
  {1, 2, 1}, {2, 4, 5}, {3, 34, 7}, {9, 6, 301}, {1, 130, 2}, {0, 4, 2}, {2, 4, 0}

FRT_CASES(norm_group) = {
    /* Groups {1 3 5 7} and {10 10 10 10}, then {-2 2 -2 2} and {0 0 8 8}. */
    {.op = "group_norm", .name = "by_hand",
     .in = {{"X", SHAPE(2, 4, 2),
             VALUES(1, 3, 5, 7, 10, 10, 10, 10, -2, 2, -2, 2, 0, 0, 8, 8)},
            {"Scale", SHAPE(4), VALUES(1, 2, 3, 4)}, {"Bias", SHAPE(4), VALUES(0, 1, 2, 3)}},
     .attrs = {{"groups", 2}},
     .want = {{"Mean", VALUES(4, 10, 0, 4)}, {"Variance", VALUES(5, 0, 4, 16)}}, BOUND},
    {.op = "group_norm", .name = "values_by_hand",
     .in = {{"X", SHAPE(1, 4, 2), VALUES(-2, 2, -2, 2, 0, 0, 8, 8)},
            {"Scale", SHAPE(4), VALUES(1, 2, 3, 4)}, {"Bias", SHAPE(4), VALUES(0, 1, 2, 3)}},
     .attrs = {{"groups", 2}, EPS},
     .want = {{"Y", VALUES(-1, 1, -1, 3, -1, -1, 7, 7)}}},
    {.op = "group_norm", .name = "values_by_hand_nhwc",
     .in = {{"X", SHAPE(1, 2, 4), VALUES(-2, -2, 0, 8, 2, 2, 0, 8)},
            {"Scale", SHAPE(4), VALUES(1, 2, 3, 4)}, {"Bias", SHAPE(4), VALUES(0, 1, 2, 3)}},
     .attrs = {{"groups", 2}, EPS, NHWC},
     .want = {{"Y", VALUES(-1, -1, -1, 7, 1, 3, -1, 7)}}},
    {.op = "group_norm", .name = "epsilon_of_one",
     .in = {{"X", SHAPE(1, 2), VALUES(4, 4)}, {"Bias", SHAPE(2), VALUES(5, 6)}},
     .attrs = {{"groups", 1}, {"epsilon", 1}}, .want = {{"Y", VALUES(5, 6)}},
     .flags = FRT_CASE_ROUGH},
    {.op = "group_norm", .name = "large_mean_by_hand", .attrs = {{"groups", 1}, EPS},
     .in = {{"X", SHAPE(2, 2, 33), VALUES(1048575, 1048577)}},
     .want = {{"Y", VALUES(-1, 1)}, {"Mean", VALUES(1048576)}, {"Variance", VALUES(1)}},
     .flags = FRT_CASE_ROUGH},
    GROUP("large_mean", IMAGES, 2, UNIFORM(1000000, 1000008), FRT_CASE_ROUGH, NCHW, {2, 4, 3},
          {3, 34, 50}),
    GROUP("large_mean_nhwc", LAST, 2, UNIFORM(1000000, 1000008), FRT_CASE_ROUGH, NHWC,
          {2, 4, 3}, {3, 34, 50}),
    GROUP("nchw", IMAGES, 2, UNIFORM(-2, 3), 0, NCHW, SIZES_G),
    GROUP("nhwc", LAST, 2, UNIFORM(-2, 3), 0, NHWC, SIZES_G),
    GROUP("one_group", SHAPE(DIM_N, DIM_M, DIM_K), 1, UNIFORM(-2, 3), 0, NCHW, {2, 3, 5},
          {3, 17, 129}),
    GROUP("group_a_channel", IMAGES, DIM_M, UNIFORM(-2, 3), 0, NCHW, {2, 3, 5}, {3, 17, 9}),
    GROUP("group_a_channel_nhwc", LAST, DIM_M, UNIFORM(-2, 3), 0, NHWC, {2, 3, 5}),
    GROUP("rank_2", SHAPE(DIM_N, DIM_M), 2, UNIFORM(-2, 3), 0, NCHW, {3, 4}, {17, 66}),
    GROUP("rank_5", SHAPE(DIM_N, DIM_M, 2, DIM_K, 3), 2, UNIFORM(-2, 3), 0, NCHW, {2, 4, 3}),
    /* Fluid's gradient is not the derivative without Scale. */
    {.op = "group_norm", .name = "neither", .attrs = {{"groups", 3}}, BOUND,
     .in = {{"X", SHAPE(4, 6, 5), UNIFORM(-2, 3)}}, .flags = FRT_CASE_ROUGH},
    {.op = "group_norm", .name = "no_bias", .attrs = {{"groups", 3}}, BOUND,
     .in = {{"X", SHAPE(4, 6, 5), UNIFORM(-2, 3)}, {"Scale", SHAPE(6), UNIFORM(-2, 2)}}},
    /* H = (Y - 9) / 2 = -1 -1 1 1 and G = 2 0 0 0: G - 1/2 + H/2. */
    {.op = "group_norm_grad", .name = "by_hand", .attrs = {{"groups", 1}, EPS},
     .in = {{"Y", SHAPE(1, 2, 2), VALUES(7, 7, 11, 11)},
            {"Y@GRAD", SHAPE(1, 2, 2), VALUES(1, 0, 0, 0)}, {"Scale", SHAPE(2), VALUES(2)},
            {"Bias", SHAPE(2), VALUES(9)}, {"Variance", SHAPE(1, 1), VALUES(.25)}},
     .want = {{"X@GRAD", VALUES(2, -2, 0, 0)}, {"Scale@GRAD", VALUES(-1, 0)},
              {"Bias@GRAD", VALUES(1, 0)}}},
    /* Without Scale Fluid leaves out the mean of G: G + H/4 for H = Y, G = 1 0 0 0. */
    {.op = "group_norm_grad", .name = "by_hand_without_scale", .attrs = {{"groups", 1}, EPS},
     .in = {{"Y", SHAPE(1, 2, 2), VALUES(-1, -1, 1, 1)},
            {"Y@GRAD", SHAPE(1, 2, 2), VALUES(1, 0, 0, 0)},
            {"Variance", SHAPE(1, 1), VALUES(.25)}},
     .without = {"Scale@GRAD", "Bias@GRAD"},
     .want = {{"X@GRAD", VALUES(1.5, -.5, .5, .5)}}},
    /* Nothing is known behind a scale of 0. */
    {.op = "group_norm_grad", .name = "scale_of_zero", .attrs = {{"groups", 1}, EPS},
     .in = {{"Y", SHAPE(1, 2), VALUES(9, 9)}, {"Y@GRAD", SHAPE(1, 2), VALUES(1, 3)},
            {"Scale", SHAPE(2), VALUES(0)}, {"Bias", SHAPE(2), VALUES(9)},
            {"Variance", SHAPE(1, 1), VALUES(4)}},
     .want = {{"X@GRAD", VALUES(0)}, {"Scale@GRAD", VALUES(0)}, {"Bias@GRAD", VALUES(1, 3)}}},
    GROUP_BACK("nchw", IMAGES, 2, NCHW, SIZES_G),
    GROUP_BACK("nhwc", LAST, 2, NHWC, SIZES_G),
    GROUP_BACK("rank_2", SHAPE(DIM_N, DIM_M), 2, NCHW, {3, 4}, {17, 66}),
    {.op = "group_norm_grad", .name = "neither", .attrs = {{"groups", 3}}, BACK_BOUND,
     .in = {{"Y", SHAPE(4, 6, 5), UNIFORM(-2, 3)}, {"Y@GRAD", SHAPE(4, 6, 5), UNIFORM(-1, 1)},
            {"Variance", SHAPE(4, 3), UNIFORM(0.5, 2)}},
     .without = {"Scale@GRAD", "Bias@GRAD"}},
    {.op = "group_norm_grad", .name = "parameters_alone", .attrs = {{"groups", 3}}, BACK_BOUND,
     .in = {{"Y", SHAPE(4, 6, 5), UNIFORM(-2, 3)}, {"Y@GRAD", SHAPE(4, 6, 5), UNIFORM(-1, 1)},
            {"Scale", SHAPE(6), UNIFORM(0.5, 2)}, {"Bias", SHAPE(6), UNIFORM(-1, 1)},
            {"Variance", SHAPE(4, 3), UNIFORM(0.5, 2)}},
     .without = {"X@GRAD"}},

    {.op = "instance_norm", .name = "by_hand", .attrs = {EPS},
     .in = {{"X", SHAPE(2, 2, 2), VALUES(1, 3, -2, 2, 4, 12, 5, 7)},
            {"Scale", SHAPE(2), VALUES(2, 3)}, {"Bias", SHAPE(2), VALUES(10, 20)}},
     .want = {{"Y", VALUES(8, 12, 17, 23, 8, 12, 17, 23)}, {"SavedMean", VALUES(2, 0, 8, 6)},
              {"SavedVariance", VALUES(1, .5, .25, 1)}}},
    {.op = "instance_norm", .name = "one_element", .attrs = {{"epsilon", 0x1p-10}},
     .in = {{"X", SHAPE(2, 2), VALUES(1, 3, -2, 2)}, {"Scale", SHAPE(2), VALUES(2, 3)},
            {"Bias", SHAPE(2), VALUES(10, 20)}},
     .want = {{"Y", VALUES(10, 20)}, {"SavedVariance", VALUES(32)}}},
    {.op = "instance_norm", .name = "large_mean_by_hand", .attrs = {EPS},
     .in = {{"X", SHAPE(2, 2, 66), VALUES(1048575, 1048577)}, {"Scale", SHAPE(2), VALUES(1)},
            {"Bias", SHAPE(2), VALUES(0)}},
     .want = {{"Y", VALUES(-1, 1)}, {"SavedMean", VALUES(1048576)},
              {"SavedVariance", VALUES(1)}},
     .flags = FRT_CASE_ROUGH},
    INSTANCE("large_mean", IMAGES, UNIFORM(1000000, 1000008), FRT_CASE_ROUGH, {2, 4, 3},
             {3, 17, 50}),
    INSTANCE("images", IMAGES, UNIFORM(-2, 3), 0, {1, 1, 1}, {2, 3, 5}, {3, 17, 7}, {1, 3, 3001},
             {0, 3, 2}, {2, 3, 0}),
    INSTANCE("rank_3", SHAPE(DIM_N, DIM_M, DIM_K), UNIFORM(-2, 3), 0, {2, 3, 5}, {3, 17, 70}),
    INSTANCE("rank_5", SHAPE(DIM_N, DIM_M, 2, DIM_K, 3), UNIFORM(-2, 3), 0, {2, 3, 4}),
    {.op = "instance_norm_grad", .name = "by_hand",
     .in = {{"X", SHAPE(1, 1, 4), VALUES(-1, -1, 1, 1)},
            {"Y@GRAD", SHAPE(1, 1, 4), VALUES(1, 0, 0, 0)}, {"Scale", SHAPE(1), VALUES(2)},
            {"SavedMean", SHAPE(1), VALUES(0)}, {"SavedVariance", SHAPE(1), VALUES(1)}},
     .want = {{"X@GRAD", VALUES(1, -1, 0, 0)}, {"Scale@GRAD", VALUES(-1)},
              {"Bias@GRAD", VALUES(1)}}},
    INSTANCE_BACK("images", IMAGES, UNIFORM(-2, 3), UNIFORM(0, 1), {1, 1, 1, 1}, {2, 3, 5, 6},
                  {3, 17, 7, 51}, {1, 3, 3001, 3}, {0, 3, 2, 0}, {2, 3, 0, 6}),
    INSTANCE_BACK("large_mean", IMAGES, UNIFORM(1000000, 1000008),
                  UNIFORM(1000003, 1000005), {2, 3, 5, 6}),
    INSTANCE_BACK("rank_5", SHAPE(DIM_N, DIM_M, 2, DIM_K, 3), UNIFORM(-2, 3), UNIFORM(0, 1),
                  {2, 3, 4, 6}),
    {.op = "instance_norm_grad", .name = "epsilon_is_in_what_was_saved",
     .attrs = {{"epsilon", 0x1p-10}},
     .in = {{"X", SHAPE(1, 1, 2), VALUES(-1, 1)}, {"Y@GRAD", SHAPE(1, 1, 2), VALUES(1, 1)},
            {"Scale", SHAPE(1), VALUES(2)}, {"SavedMean", SHAPE(1), VALUES(0)},
            {"SavedVariance", SHAPE(1), VALUES(.5)}},
     .want = {{"X@GRAD", VALUES(0)}, {"Scale@GRAD", VALUES(0)}, {"Bias@GRAD", VALUES(2)}}},
    {.op = "instance_norm_grad", .name = "parameters_alone", BACK_BOUND,
     .in = {{"X", SHAPE(3, 4, 5), UNIFORM(-2, 3)}, {"Y@GRAD", SHAPE(3, 4, 5), UNIFORM(-1, 1)},
            {"Scale", SHAPE(4), UNIFORM(-2, 2)},
            {"SavedMean", SHAPE(12), UNIFORM(0, 1)},
            {"SavedVariance", SHAPE(12), UNIFORM(.5, 2)}},
     .without = {"X@GRAD"}},
    {0}};
