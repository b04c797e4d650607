#include "runner/case.h"

/* A mean is a sum over the cells of a window and a division; a pixel's gradient is a sum
 * over the windows that hold it. Neither are more than cells of the window where that has
 * a size, or than pixels and windows in all. The greatest is no arithmetic. */
static double terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  const frt_api_attr_t *k = frt_case_attr(v, "ksize"), *a = frt_case_attr(v, "adaptive");
  const frt_api_attr_t *g = frt_case_attr(v, "global_pooling");
  const frt_case_array_t x = frt_case_in(v, "X");
  (void)out;
  if ((a && a->v.i) || (g && g->v.i))
    return (double)(x.dims[1] * x.dims[2] * x.dims[3]) + 1;
  return (double)(k->v.is[0] * k->v.is[1]) + 1;
}

#define MAX ATTR_TEXT("pooling_type", "max")
#define AVG ATTR_TEXT("pooling_type", "avg")
#define KSIZE(a, b) ATTR_LIST("ksize", a, b)
#define STEPS(a, b) ATTR_LIST("strides", a, b)
#define PADS(...) ATTR_LIST("paddings", __VA_ARGS__)
#define LAST ATTR_TEXT("data_format", "NHWC")
#define SAME ATTR_TEXT("padding_algorithm", "SAME")
#define VALID ATTR_TEXT("padding_algorithm", "VALID")
#define ALL {"exclusive", 0}
#define CEIL {"ceil_mode", 1}
#define ADAPTIVE STEPS(1, 1), PADS(0, 0), {"adaptive", 1}
#define GLOBAL KSIZE(-1, -1), STEPS(1, 1), PADS(0, 0), {"global_pooling", 1}
#define TWO KSIZE(2, 2), STEPS(2, 2), PADS(0, 0)
#define SLIDING KSIZE(2, 2), STEPS(1, 1), PADS(0, 0)
#define FRAMED KSIZE(2, 2), STEPS(2, 2), PADS(1, 1)
#define THREE KSIZE(3, 3), STEPS(2, 2), PADS(1, 1)
#define UNEVEN KSIZE(3, 4), STEPS(2, 1), PADS(2, 0, 1, 3)
#define F .bound = {SUM("Out", 1, terms)}
#define B .bound = {SUM("X@GRAD", 1, terms)}
#define U UNIFORM(-1, 1)
#define X_IN(data, ...) {"X", SHAPE(__VA_ARGS__), data}
#define G(data, ...) {"Out@GRAD", SHAPE(__VA_ARGS__), data}
#define OUT(...) {"Out", SHAPE(__VA_ARGS__), FORWARD("pool2d")}
#define NINE X_IN(VALUES(1, 2, 3, 4, 5, 6, 7, 8, 9), 1, 1, 3, 3)
#define NINE_OF(out) .in = {NINE}, .want = {{"Out", out}}
/* Batch, rows, columns; their halves are the output. */
#define HALVES SIZES({1, 1, 1}, {2, 3, 5}, {3, 8, 17}, {0, 4, 4}), .FULL_SIZES({2, 20, 33})

FRT_CASES(pool) = {
    {.op = "pool2d", .name = "max_by_hand", .attrs = {MAX, SLIDING}, NINE_OF(VALUES(5, 6, 8, 9))},
    {.op = "pool2d", .name = "avg_by_hand", .attrs = {AVG, SLIDING}, NINE_OF(VALUES(3, 4, 6, 7))},
    {.op = "pool2d", .name = "framed_by_hand", .attrs = {AVG, FRAMED}, NINE_OF(VALUES(1, 2.5, 5.5, 7))},
    {.op = "pool2d", .name = "framed_max_by_hand", .attrs = {MAX, FRAMED}, NINE_OF(VALUES(1, 3, 7, 9))},
    {.op = "pool2d", .name = "framed_all_by_hand", .attrs = {AVG, FRAMED, ALL},
     NINE_OF(VALUES(.25, 1.25, 2.75, 7))},
    {.op = "pool2d", .name = "floor_by_hand", .attrs = {MAX, TWO}, NINE_OF(VALUES(5))},
    {.op = "pool2d", .name = "ceil_by_hand", .attrs = {MAX, TWO, CEIL}, NINE_OF(VALUES(5, 6, 8, 9))},
    {.op = "pool2d", .name = "ceil_avg_by_hand", .attrs = {AVG, TWO, CEIL},
     NINE_OF(VALUES(3, 4.5, 7.5, 9))},
    {.op = "pool2d", .name = "ceil_all_by_hand", .attrs = {AVG, TWO, CEIL, ALL},
     NINE_OF(VALUES(3, 2.25, 3.75, 2.25))},
    {.op = "pool2d", .name = "adaptive_by_hand", .attrs = {AVG, KSIZE(2, 2), ADAPTIVE},
     NINE_OF(VALUES(3, 4, 6, 7))},
    {.op = "pool2d", .name = "adaptive_max_by_hand", .attrs = {MAX, KSIZE(2, 1), ADAPTIVE},
     NINE_OF(VALUES(6, 9))},
    {.op = "pool2d", .name = "adaptive_more_by_hand", .attrs = {AVG, KSIZE(1, 4), ADAPTIVE},
     .in = {X_IN(VALUES(1, 3, 5, 11), 1, 1, 2, 2)}, .want = {{"Out", VALUES(3, 3, 7, 7)}}},
    {.op = "pool2d", .name = "global_by_hand", .attrs = {AVG, GLOBAL}, NINE_OF(VALUES(5))},
    {.op = "pool2d", .name = "global_max_by_hand", .attrs = {MAX, GLOBAL, LAST},
     .in = {X_IN(VALUES(1, 9, 5, 2, 3, 7), 1, 3, 1, 2)}, .want = {{"Out", VALUES(5, 9)}}},
    {.op = "pool2d", .name = "same_by_hand", .attrs = {AVG, KSIZE(2, 2), STEPS(2, 2), PADS(7, 7), SAME},
     NINE_OF(VALUES(3, 4.5, 7.5, 9))},
    {.op = "pool2d", .name = "valid_by_hand", .attrs = {MAX, KSIZE(2, 2), STEPS(2, 2), PADS(1, 1), VALID},
     NINE_OF(VALUES(5))},
    {.op = "pool2d", .name = "max_specials", .attrs = {MAX, SLIDING}, .flags = FRT_CASE_ROUGH,
     .in = {X_IN(VALUES(NAN, 2, -INFINITY, -INFINITY, 5, 6, -INFINITY, -INFINITY, 7, 8, NAN, 9), 1, 1, 3, 4)},
     .want = {{"Out", VALUES(NAN, 6, -INFINITY, 8, NAN, NAN)}}},
    {.op = "pool2d", .name = "lowest", .attrs = {MAX, SLIDING}, .flags = FRT_CASE_ROUGH,
     .in = {X_IN(VALUES(-INFINITY), 1, 2, 3, 3)}, .want = {{"Out", VALUES(-INFINITY)}}},
    {.op = "pool2d", .name = "max", .attrs = {MAX, THREE}, .HALVES, .in = {X_IN(U, DIM_N, 3, DIM_M, DIM_K)}},
    {.op = "pool2d", .name = "max_last", .attrs = {MAX, THREE, LAST}, .HALVES,
     .in = {X_IN(U, DIM_N, DIM_M, DIM_K, 3)}},
    {.op = "pool2d", .name = "avg", .attrs = {AVG, THREE}, F, .HALVES, .in = {X_IN(U, DIM_N, 3, DIM_M, DIM_K)}},
    {.op = "pool2d", .name = "avg_last", .attrs = {AVG, THREE, LAST}, F, .HALVES,
     .in = {X_IN(U, DIM_N, DIM_M, DIM_K, 3)}},
    {.op = "pool2d", .name = "uneven", .attrs = {AVG, UNEVEN, CEIL, ALL}, F, .in = {X_IN(U, 2, 2, 6, 9)}},
    {.op = "pool2d", .name = "uneven_max", .attrs = {MAX, UNEVEN, CEIL}, .in = {X_IN(U, 2, 2, 6, 9)}},
    {.op = "pool2d", .name = "step_over", .attrs = {AVG, KSIZE(1, 2), STEPS(3, 4), PADS(0, 0)}, F,
     .in = {X_IN(U, 2, 3, 10, 11)}},
    {.op = "pool2d", .name = "adaptive", .attrs = {AVG, KSIZE(3, 5), ADAPTIVE}, F,
     .SIZES({7, 7}, {3, 16}, {2, 1}, {11, 13}), .in = {X_IN(U, 2, 2, DIM_N, DIM_M)}},
    {.op = "pool2d", .name = "global", .attrs = {AVG, GLOBAL}, F, .SIZES({1, 1}, {7, 9}, {33, 31}),
     .in = {X_IN(U, 2, 3, DIM_N, DIM_M)}},
    /* More than a thread's share. */
    {.op = "pool2d", .name = "large", .attrs = {MAX, THREE}, .flags = FRT_CASE_ROUGH,
     .in = {X_IN(U, 4, 20, 30, 30)}},
    {.op = "pool2d_grad", .name = "first_by_hand", .attrs = {MAX, KSIZE(1, 2), STEPS(1, 1), PADS(0, 0)},
     .in = {OUT(1, 1, 1, 3), G(VALUES(1, 10, 100), 1, 1, 1, 3), X_IN(VALUES(5, 5, 5, 7), 1, 1, 1, 4)},
     .want = {{"X@GRAD", VALUES(1, 10, 0, 100)}}},
    {.op = "pool2d_grad", .name = "first_row_by_hand", .attrs = {MAX, TWO, LAST},
     .in = {OUT(1, 1, 1, 2), G(VALUES(3, 4), 1, 1, 1, 2), X_IN(VALUES(1, 2, 2, 1, 2, 1, 2, 2), 1, 2, 2, 2)},
     .want = {{"X@GRAD", VALUES(0, 4, 3, 0, 0, 0, 0, 0)}}},
    {.op = "pool2d_grad", .name = "avg_by_hand", .attrs = {AVG, FRAMED},
     .in = {OUT(1, 1, 2, 2), G(VALUES(1, 2, 4, 8), 1, 1, 2, 2), NINE},
     .want = {{"X@GRAD", VALUES(1, 1, 1, 2, 2, 2, 2, 2, 2)}}},
    {.op = "pool2d_grad", .name = "all_by_hand", .attrs = {AVG, FRAMED, ALL},
     .in = {OUT(1, 1, 2, 2), G(VALUES(4, 8, 16, 32), 1, 1, 2, 2), NINE},
     .want = {{"X@GRAD", VALUES(1, 2, 2, 4, 8, 8, 4, 8, 8)}}},
    {.op = "pool2d_grad", .name = "max", .attrs = {MAX, THREE}, B, .SIZES({1, 1, 1}, {2, 3, 5}, {0, 4, 4}),
     .in = {OUT(DIM_N, 3, 4, 9), G(U, DIM_N, 3, 4, 9), X_IN(U, DIM_N, 3, 8, 17)}},
    {.op = "pool2d_grad", .name = "max_last", .attrs = {MAX, THREE, LAST}, B,
     .in = {OUT(2, 4, 9, 3), G(U, 2, 4, 9, 3), X_IN(U, 2, 8, 17, 3)}},
    {.op = "pool2d_grad", .name = "ties", .attrs = {MAX, THREE}, B, .flags = FRT_CASE_ROUGH,
     .in = {OUT(2, 3, 4, 9), G(U, 2, 3, 4, 9), X_IN(WHOLE(0, 2), 2, 3, 8, 17)}},
    {.op = "pool2d_grad", .name = "avg", .attrs = {AVG, THREE}, B,
     .in = {OUT(2, 3, 4, 9), G(U, 2, 3, 4, 9), X_IN(U, 2, 3, 8, 17)}},
    {.op = "pool2d_grad", .name = "avg_last", .attrs = {AVG, THREE, LAST, ALL}, B,
     .in = {OUT(2, 4, 9, 3), G(U, 2, 4, 9, 3), X_IN(U, 2, 8, 17, 3)}},
    {.op = "pool2d_grad", .name = "uneven", .attrs = {AVG, UNEVEN, CEIL, ALL}, B,
     .in = {OUT(2, 2, 4, 10), G(U, 2, 2, 4, 10), X_IN(U, 2, 2, 6, 9)}},
    {.op = "pool2d_grad", .name = "uneven_max", .attrs = {MAX, UNEVEN, CEIL}, B,
     .in = {OUT(2, 2, 4, 10), G(U, 2, 2, 4, 10), X_IN(U, 2, 2, 6, 9)}},
    {.op = "pool2d_grad", .name = "step_over", .attrs = {AVG, KSIZE(1, 2), STEPS(3, 4), PADS(0, 0)}, B,
     .in = {OUT(2, 3, 4, 3), G(U, 2, 3, 4, 3), X_IN(U, 2, 3, 10, 11)}},
    {.op = "pool2d_grad", .name = "adaptive", .attrs = {AVG, KSIZE(3, 5), ADAPTIVE}, B,
     .SIZES({7, 7}, {3, 16}, {2, 1}, {11, 13}),
     .in = {OUT(2, 2, 3, 5), G(U, 2, 2, 3, 5), X_IN(U, 2, 2, DIM_N, DIM_M)}},
    {.op = "pool2d_grad", .name = "adaptive_max", .attrs = {MAX, KSIZE(3, 5), ADAPTIVE}, B,
     .SIZES({7, 7}, {2, 1}, {11, 13}),
     .in = {OUT(2, 2, 3, 5), G(U, 2, 2, 3, 5), X_IN(U, 2, 2, DIM_N, DIM_M)}},
    {.op = "pool2d_grad", .name = "global", .attrs = {AVG, GLOBAL}, B,
     .in = {OUT(2, 3, 1, 1), G(U, 2, 3, 1, 1), X_IN(U, 2, 3, 7, 9)}},
    {.op = "pool2d_grad", .name = "global_max", .attrs = {MAX, GLOBAL}, B,
     .in = {OUT(2, 3, 1, 1), G(U, 2, 3, 1, 1), X_IN(U, 2, 3, 7, 9)}},
    {0}};
