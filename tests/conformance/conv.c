#include "runner/case.h"

/* Every element is a sum of products of two factors; where the filter stands out of the
 * image there are fewer of them. A filter's first extent counts cells of the grid (the
 * output of a convolution, the input of its transpose), the second pixels of the image. */
static double taps(const frt_case_view_t *v, int channel) {
  const frt_case_array_t f = frt_case_in(v, "Filter");
  const frt_api_attr_t *groups = frt_case_attr(v, "groups");
  const double n = (double)(f.dims[channel] * f.dims[2] * f.dims[3]);
  return channel == 0 && groups ? n / (double)groups->v.i : n;
}
static double of_grid(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)out;
  return taps(v, 1);
}
static double of_image(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)out;
  return taps(v, 0);
}
/* Of a filter's gradient: batch x grid. */
static double of_filter(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)out;
  return (double)frt_case_in(v, "Output@GRAD").numel / (double)frt_case_in(v, "Filter").dims[0];
}
static double of_turned_filter(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)out;
  return (double)frt_case_in(v, "Input").numel / (double)frt_case_in(v, "Filter").dims[0];
}

#define STEPS(a, b) ATTR_LIST("strides", a, b)
#define PADS(...) ATTR_LIST("paddings", __VA_ARGS__)
#define HOLES(a, b) ATTR_LIST("dilations", a, b)
#define PLAIN STEPS(1, 1), PADS(0, 0), HOLES(1, 1)
#define FRAMED STEPS(1, 1), PADS(1, 1), HOLES(1, 1)
#define GROUPS(n) {"groups", n}
#define LAST ATTR_TEXT("data_format", "NHWC")
#define SAME ATTR_TEXT("padding_algorithm", "SAME")
#define VALID ATTR_TEXT("padding_algorithm", "VALID")
#define SIZE(a, b) ATTR_LIST("output_size", a, b)
#define U UNIFORM(-1, 1)
#define W WHOLE(-3, 3)
#define F1 .bound = {SUM("Output", 1, of_grid)}
#define B1 .bound = {SUM("Input@GRAD", 1, of_image), SUM("Filter@GRAD", 1, of_filter)}
#define F2 .bound = {SUM("Output", 1, of_image)}
#define B2 .bound = {SUM("Input@GRAD", 1, of_grid), SUM("Filter@GRAD", 1, of_turned_filter)}
#define IN(data, ...) {"Input", SHAPE(__VA_ARGS__), data}
#define FILTER(data, ...) {"Filter", SHAPE(__VA_ARGS__), data}
#define G(data, ...) {"Output@GRAD", SHAPE(__VA_ARGS__), data}
/* Batch, rows, columns under a 3 x 3 filter with a frame of 1. */
#define IMAGES SIZES({1, 1, 1}, {2, 3, 5}, {1, 7, 16}, {3, 15, 17}, {0, 4, 4}), \
  .FULL_SIZES({2, 33, 65})

/* 1 2 3      1 1
 * 4 5 6  and 2 0
 * 7 8 9            */
#define NINE IN(VALUES(1, 2, 3, 4, 5, 6, 7, 8, 9), 1, 1, 3, 3)
#define FOUR FILTER(VALUES(1, 1, 2, 0), 1, 1, 2, 2)
#define FOUR_IN IN(VALUES(1, 2, 3, 4), 1, 1, 2, 2)

FRT_CASES(conv) = {
    {.op = "conv2d", .name = "by_hand", .attrs = {PLAIN}, .in = {NINE, FOUR},
     .want = {{"Output", VALUES(11, 15, 23, 27)}}},
    {.op = "conv2d", .name = "framed_by_hand", .attrs = {STEPS(2, 2), PADS(1, 1), HOLES(1, 1)},
     .in = {NINE, FOUR}, .want = {{"Output", VALUES(0, 4, 4, 27)}}},
    {.op = "conv2d", .name = "uneven_by_hand", .attrs = {STEPS(2, 3), PADS(0, 1, 1, 0), HOLES(1, 1)},
     .in = {NINE, FOUR}, .want = {{"Output", VALUES(1, 7)}}},
    {.op = "conv2d", .name = "holes_by_hand", .attrs = {STEPS(1, 1), PADS(0, 0), HOLES(2, 2)},
     .in = {NINE, FOUR}, .want = {{"Output", VALUES(18)}}},
    {.op = "conv2d", .name = "same_by_hand", .attrs = {STEPS(1, 1), PADS(5, 5), HOLES(2, 2), SAME},
     .in = {NINE, FOUR}, .want = {{"Output", VALUES(11, 15, 15, 23, 27, 24, 15, 17, 9)}}},
    {.op = "conv2d", .name = "valid_by_hand", .attrs = {STEPS(1, 1), PADS(5, 5), HOLES(1, 1), VALID},
     .in = {NINE, FOUR}, .want = {{"Output", VALUES(11, 15, 23, 27)}}},
    {.op = "conv2d", .name = "nan_stays", .attrs = {PLAIN}, .flags = FRT_CASE_ROUGH,
     .in = {IN(VALUES(1, 2, 3, 4, NAN, 6, 7, 8, 9, 1, 2, 3), 1, 1, 4, 3), FILTER(VALUES(1, 1), 1, 1, 1, 2)},
     .want = {{"Output", VALUES(3, 5, NAN, NAN, 15, 17, 3, 5)}}},
    {.op = "conv2d", .name = "images", .attrs = {FRAMED}, F1, .IMAGES,
     .in = {IN(U, DIM_N, 3, DIM_M, DIM_K), FILTER(U, 5, 3, 3, 3)}},
    {.op = "conv2d", .name = "images_last", .attrs = {FRAMED, LAST}, F1, .IMAGES,
     .in = {IN(U, DIM_N, DIM_M, DIM_K, 3), FILTER(U, 5, 3, 3, 3)}},
    {.op = "conv2d", .name = "groups", .attrs = {STEPS(2, 1), PADS(2, 0, 1, 3), HOLES(1, 2), GROUPS(3)},
     .in = {IN(W, 2, 6, 9, 11), FILTER(W, 9, 2, 3, 2)}},
    {.op = "conv2d", .name = "groups_last",
     .attrs = {STEPS(2, 1), PADS(2, 0, 1, 3), HOLES(1, 2), GROUPS(3), LAST},
     .in = {IN(W, 2, 9, 11, 6), FILTER(W, 9, 2, 3, 2)}},
    {.op = "conv2d", .name = "step_over", .attrs = {STEPS(4, 5), PADS(1, 2), HOLES(1, 1)},
     .in = {IN(W, 2, 2, 13, 14), FILTER(W, 3, 2, 2, 3)}},
    {.op = "conv2d", .name = "frame_beyond", .attrs = {STEPS(2, 1), PADS(4, 5), HOLES(1, 1)},
     .in = {IN(W, 1, 2, 2, 3), FILTER(W, 2, 2, 2, 2)}},
    {.op = "conv2d", .name = "same", .attrs = {STEPS(2, 3), PADS(0, 0), HOLES(1, 1), SAME},
     .SIZES({1, 1}, {5, 6}, {7, 9}, {8, 16}), .in = {IN(W, 2, 2, DIM_N, DIM_M), FILTER(W, 3, 2, 3, 4)}},
    {.op = "conv2d", .name = "points", .attrs = {PLAIN, GROUPS(2)}, .SIZES({1, 1, 1}, {3, 5, 7}, {0, 2, 2}),
     .in = {IN(W, DIM_N, 4, DIM_M, DIM_K), FILTER(W, 6, 2, 1, 1)}},
    {.op = "conv2d", .name = "points_last", .attrs = {PLAIN, LAST},
     .in = {IN(W, 2, 5, 3, 4), FILTER(W, 6, 4, 1, 1)}},
    {.op = "conv2d", .name = "points_apart", .attrs = {STEPS(2, 2), PADS(0, 0), HOLES(1, 1)},
     .in = {IN(W, 2, 4, 5, 7), FILTER(W, 6, 4, 1, 1)}},
    {.op = "conv2d", .name = "any_layout", .attrs = {PLAIN, ATTR_TEXT("data_format", "AnyLayout")},
     .in = {IN(W, 1, 2, 3, 3), FILTER(W, 2, 2, 2, 2)}},
    /* More than a tile, a block and a thread's share. */
    {.op = "conv2d", .name = "large", .attrs = {PLAIN}, F1, .flags = FRT_CASE_ROUGH,
     .in = {IN(U, 2, 230, 12, 12), FILTER(U, 3, 230, 3, 3)}},
    {.op = "conv2d", .name = "large_last", .attrs = {PLAIN, LAST}, F1, .flags = FRT_CASE_ROUGH,
     .in = {IN(U, 1, 12, 12, 230), FILTER(U, 2, 230, 3, 3)}},
    {.op = "conv2d", .name = "large_points", .attrs = {PLAIN}, F1, .flags = FRT_CASE_ROUGH,
     .in = {IN(U, 1, 2070, 10, 10), FILTER(U, 2, 2070, 1, 1)}},
    {.op = "conv2d", .name = "wide_groups", .attrs = {STEPS(2, 1), PADS(1, 0, 2, 1), HOLES(1, 2), GROUPS(2)},
     .in = {IN(W, 3, 4, 5, 6), FILTER(W, 32, 2, 3, 3)}},
    {.op = "conv2d_grad", .name = "by_hand", .attrs = {PLAIN},
     .in = {FOUR, NINE, G(VALUES(1, 0, 0, 2), 1, 1, 2, 2)},
     .want = {{"Input@GRAD", VALUES(1, 1, 0, 2, 2, 2, 0, 4, 0)}, {"Filter@GRAD", VALUES(11, 14, 20, 23)}}},
    {.op = "conv2d_grad", .name = "images", .attrs = {FRAMED}, B1, .IMAGES,
     .in = {FILTER(U, 5, 3, 3, 3), IN(U, DIM_N, 3, DIM_M, DIM_K), G(U, DIM_N, 5, DIM_M, DIM_K)}},
    {.op = "conv2d_grad", .name = "images_last", .attrs = {FRAMED, LAST}, B1, .IMAGES,
     .in = {FILTER(U, 5, 3, 3, 3), IN(U, DIM_N, DIM_M, DIM_K, 3), G(U, DIM_N, DIM_M, DIM_K, 5)}},
    {.op = "conv2d_grad", .name = "groups", .attrs = {STEPS(2, 1), PADS(2, 0, 1, 3), HOLES(1, 2), GROUPS(3)},
     .in = {FILTER(W, 9, 2, 3, 2), IN(W, 2, 6, 9, 11), G(W, 2, 9, 5, 13)}},
    {.op = "conv2d_grad", .name = "groups_last",
     .attrs = {STEPS(2, 1), PADS(2, 0, 1, 3), HOLES(1, 2), GROUPS(3), LAST},
     .in = {FILTER(W, 9, 2, 3, 2), IN(W, 2, 9, 11, 6), G(W, 2, 5, 13, 9)}},
    {.op = "conv2d_grad", .name = "same", .attrs = {STEPS(2, 3), PADS(0, 0), HOLES(3, 3), SAME},
     .in = {FILTER(W, 3, 2, 3, 4), IN(W, 2, 2, 7, 9), G(W, 2, 3, 4, 3)}},
    {.op = "conv2d_grad", .name = "points", .attrs = {PLAIN, GROUPS(2)},
     .in = {FILTER(W, 6, 2, 1, 1), IN(W, 3, 4, 5, 7), G(W, 3, 6, 5, 7)}},
    {.op = "conv2d_grad", .name = "filter_only", .attrs = {FRAMED}, .without = {"Input@GRAD"},
     .in = {FILTER(W, 4, 2, 3, 3), IN(W, 20, 2, 6, 6), G(W, 20, 4, 6, 6)}},
    {.op = "conv2d_grad", .name = "input_only", .attrs = {FRAMED}, .without = {"Filter@GRAD"},
     .in = {FILTER(W, 4, 2, 3, 3), IN(W, 2, 2, 6, 6), G(W, 2, 4, 6, 6)}},
    {.op = "conv2d_grad", .name = "large", .attrs = {PLAIN}, B1,
     .in = {FILTER(U, 3, 230, 3, 3), IN(U, 2, 230, 12, 12), G(U, 2, 3, 10, 10)}},
    {.op = "conv2d_grad", .name = "large_last", .attrs = {PLAIN, LAST}, B1,
     .in = {FILTER(U, 2, 230, 3, 3), IN(U, 1, 12, 12, 230), G(U, 1, 10, 10, 2)}},
    {.op = "conv2d_grad", .name = "large_points", .attrs = {PLAIN}, B1,
     .in = {FILTER(U, 2, 2070, 1, 1), IN(U, 1, 2070, 10, 10), G(U, 1, 2, 10, 10)}},
    {.op = "conv2d_grad", .name = "wide_groups", .attrs = {STEPS(2, 1), PADS(1, 0, 2, 1), HOLES(1, 2), GROUPS(2)},
     .in = {FILTER(W, 32, 2, 3, 3), IN(W, 3, 4, 5, 6), G(W, 3, 32, 2, 5)}},
    {.op = "depthwise_conv2d", .name = "by_hand", .attrs = {PLAIN, GROUPS(2)},
     .in = {IN(VALUES(1, 2, 3, 4, 5, 6, 7, 8), 1, 2, 2, 2), FILTER(VALUES(1, -1, 10, 1), 2, 1, 1, 2)},
     .want = {{"Output", VALUES(-1, -1, 56, 78)}}},
    {.op = "depthwise_conv2d", .name = "images", .attrs = {FRAMED, GROUPS(4)}, F1, .IMAGES,
     .in = {IN(U, DIM_N, 4, DIM_M, DIM_K), FILTER(U, 4, 1, 3, 3)}},
    {.op = "depthwise_conv2d", .name = "multiplied", .attrs = {STEPS(2, 2), PADS(1, 1), HOLES(2, 1), GROUPS(3), LAST},
     .in = {IN(W, 2, 7, 9, 3), FILTER(W, 6, 1, 3, 3)}},
    {.op = "depthwise_conv2d_grad", .name = "images", .attrs = {FRAMED, GROUPS(4)}, B1, .IMAGES,
     .in = {FILTER(U, 4, 1, 3, 3), IN(U, DIM_N, 4, DIM_M, DIM_K), G(U, DIM_N, 4, DIM_M, DIM_K)}},
    {.op = "depthwise_conv2d_grad", .name = "multiplied",
     .attrs = {STEPS(2, 2), PADS(1, 1), HOLES(2, 1), GROUPS(3), LAST},
     .in = {FILTER(W, 6, 1, 3, 3), IN(W, 2, 7, 9, 3), G(W, 2, 3, 5, 6)}},
    {.op = "conv2d_transpose", .name = "by_hand", .attrs = {PLAIN}, .in = {FOUR_IN, FOUR},
     .want = {{"Output", VALUES(1, 3, 2, 5, 11, 4, 6, 8, 0)}}},
    {.op = "conv2d_transpose", .name = "apart_by_hand",
     .attrs = {STEPS(2, 2), PADS(0, 0), HOLES(1, 1), SIZE(4, 5)}, .in = {FOUR_IN, FOUR},
     .want = {{"Output", VALUES(1, 1, 2, 2, 0, 2, 0, 4, 0, 0, 3, 3, 4, 4, 0, 6, 0, 8, 0, 0)}}},
    {.op = "conv2d_transpose", .name = "images", .attrs = {FRAMED}, F2, .IMAGES,
     .in = {IN(U, DIM_N, 5, DIM_M, DIM_K), FILTER(U, 5, 3, 3, 3)}},
    {.op = "conv2d_transpose", .name = "images_last", .attrs = {FRAMED, LAST}, F2, .IMAGES,
     .in = {IN(U, DIM_N, DIM_M, DIM_K, 5), FILTER(U, 5, 3, 3, 3)}},
    {.op = "conv2d_transpose", .name = "groups",
     .attrs = {STEPS(3, 2), PADS(1, 0, 0, 2), HOLES(1, 2), GROUPS(2), SIZE(14, 14)},
     .in = {IN(W, 2, 4, 5, 6), FILTER(W, 4, 3, 2, 3)}},
    {.op = "conv2d_transpose", .name = "same", .attrs = {STEPS(2, 2), PADS(0, 0), HOLES(2, 2), SAME},
     .in = {IN(W, 2, 3, 5, 6), FILTER(W, 3, 2, 3, 4)}},
    {.op = "conv2d_transpose", .name = "large", .attrs = {PLAIN}, F2, .flags = FRT_CASE_ROUGH,
     .in = {IN(U, 2, 3, 10, 10), FILTER(U, 3, 230, 3, 3)}},
    {.op = "conv2d_transpose", .name = "wide_groups", .attrs = {STEPS(2, 1), PADS(1, 0, 2, 1), HOLES(1, 2), GROUPS(2)},
     .in = {IN(W, 3, 32, 4, 5), FILTER(W, 32, 2, 3, 3)}},
    {.op = "conv2d_transpose_grad", .name = "by_hand", .attrs = {PLAIN},
     .in = {FOUR, FOUR_IN, G(VALUES(1, 0, 0, 0, 1, 0, 0, 0, 2), 1, 1, 3, 3)},
     .want = {{"Input@GRAD", VALUES(1, 2, 1, 1)}, {"Filter@GRAD", VALUES(5, 3, 2, 9)}}},
    {.op = "conv2d_transpose_grad", .name = "images", .attrs = {FRAMED}, B2, .IMAGES,
     .in = {FILTER(U, 5, 3, 3, 3), IN(U, DIM_N, 5, DIM_M, DIM_K), G(U, DIM_N, 3, DIM_M, DIM_K)}},
    {.op = "conv2d_transpose_grad", .name = "images_last", .attrs = {FRAMED, LAST}, B2, .IMAGES,
     .in = {FILTER(U, 5, 3, 3, 3), IN(U, DIM_N, DIM_M, DIM_K, 5), G(U, DIM_N, DIM_M, DIM_K, 3)}},
    {.op = "conv2d_transpose_grad", .name = "groups",
     .attrs = {STEPS(3, 2), PADS(1, 0, 0, 2), HOLES(1, 2), GROUPS(2), SIZE(14, 14)},
     .in = {FILTER(W, 4, 3, 2, 3), IN(W, 2, 4, 5, 6), G(W, 2, 6, 14, 14)}},
    {.op = "conv2d_transpose_grad", .name = "same", .attrs = {STEPS(2, 2), PADS(0, 0), HOLES(2, 2), SAME},
     .in = {FILTER(W, 3, 2, 3, 4), IN(W, 2, 3, 5, 6), G(W, 2, 2, 9, 12)}},
    {.op = "conv2d_transpose_grad", .name = "large", .attrs = {PLAIN}, B2,
     .in = {FILTER(U, 3, 230, 3, 3), IN(U, 2, 3, 10, 10), G(U, 2, 230, 12, 12)}},
    {.op = "conv2d_transpose_grad", .name = "wide_groups",
     .attrs = {STEPS(2, 1), PADS(1, 0, 2, 1), HOLES(1, 2), GROUPS(2)},
     .in = {FILTER(W, 32, 2, 3, 3), IN(W, 3, 32, 4, 5), G(W, 3, 4, 8, 6)}},
    {0}};
