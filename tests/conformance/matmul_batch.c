#include "runner/case.h"

/* An element of a product is a sum of K terms of one rounding each, and alpha rounds
 * once more; a gradient of one matrix for several batches sums over them too. Both are
 * counted as all terms there are: |A| |B| products over |out| elements. */
static double last(const frt_case_array_t *a, uint32_t back) {
  return a->rank >= back ? (double)a->dims[a->rank - back] : 1;
}

static int turned(const frt_case_view_t *v, const char *attr, const char *v2_attr) {
  const frt_api_attr_t *a = frt_case_attr(v, attr);
  if (!a) a = frt_case_attr(v, v2_attr);
  return a && a->v.i;
}

/* Products in all: batches M K N, from Out and K. */
static double depth(const frt_case_view_t *v) {
  const frt_case_array_t x = frt_case_in(v, "X");
  return last(&x, turned(v, "transpose_X", "trans_x") ? 2 : 1);
}
static double terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  (void)out;
  return depth(v) + 1;
}
static double grad_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  const double all = (double)frt_case_in(v, "Out@GRAD").numel * depth(v);
  return out->numel ? all / (double)out->numel + 1 : 1;
}

#define SHAPES SIZES({1, 1, 1}, {2, 3, 5}, {1, 17, 33}, {15, 16, 17}, {16, 1, 16}, {7, 64, 1}, \
                     {33, 65, 20}, {128, 96, 130}, {0, 3, 5}, {3, 0, 5}), \
  .FULL_SIZES({65, 257, 129})
#define SMALL_SHAPES SIZES({1, 1, 1}, {2, 3, 5}, {15, 16, 17}, {33, 65, 20}, {0, 3, 5})
#define TX {"transpose_X", 1}
#define TY {"transpose_Y", 1}
#define HALF {"alpha", .5}
#define B1 .bound = {SUM("Out", 1, terms)}
#define B2 .bound = {SUM("X@GRAD", 1, grad_terms), SUM("Y@GRAD", 1, grad_terms)}
#define U UNIFORM(-1, 1)
#define W WHOLE(-4, 4)
#define PAIR .in = {{"X", SHAPE(2, 2), VALUES(1, 2, 3, 4)}, {"Y", SHAPE(2, 2), VALUES(5, 6, 7, 8)}}
#define PAIR_G                                                                           \
  .in = {{"X", SHAPE(2, 2), VALUES(1, 2, 3, 4)}, {"Y", SHAPE(2, 2), VALUES(5, 6, 7, 8)}, \
         {"Out@GRAD", SHAPE(2, 2), VALUES(1, 0, 0, 1)}}

FRT_CASES(matmul_batch) = {
    {.op = "matmul", .name = "by_hand", PAIR, .want = {{"Out", VALUES(19, 22, 43, 50)}}},
    {.op = "matmul", .name = "turned_by_hand", .attrs = {TX, HALF}, PAIR,
     .want = {{"Out", VALUES(13, 15, 19, 22)}}},
    {.op = "matmul", .name = "whole", .SHAPES,
     .in = {{"X", SHAPE(DIM_N, DIM_M), W}, {"Y", SHAPE(DIM_M, DIM_K), W}}},
    {.op = "matmul", .name = "batches", B1, .SHAPES,
     .in = {{"X", SHAPE(3, DIM_N, DIM_M), U}, {"Y", SHAPE(3, DIM_M, DIM_K), U}}},
    {.op = "matmul", .name = "batches_x", .attrs = {TX, HALF}, B1, .SHAPES,
     .in = {{"X", SHAPE(2, 2, DIM_M, DIM_N), U}, {"Y", SHAPE(2, 2, DIM_M, DIM_K), U}}},
    {.op = "matmul", .name = "batches_y", .attrs = {TY}, B1, .SHAPES,
     .in = {{"X", SHAPE(3, DIM_N, DIM_M), U}, {"Y", SHAPE(3, DIM_K, DIM_M), U}}},
    {.op = "matmul", .name = "batches_both", .attrs = {TX, TY, HALF}, B1, .SHAPES,
     .in = {{"X", SHAPE(3, DIM_M, DIM_N), U}, {"Y", SHAPE(3, DIM_K, DIM_M), U}}},
    {.op = "matmul", .name = "one_y", .attrs = {TY}, B1, .SHAPES,
     .in = {{"X", SHAPE(3, DIM_N, DIM_M), U}, {"Y", SHAPE(DIM_K, DIM_M), U}}},
    {.op = "matmul", .name = "one_y_turned_x", .attrs = {TX}, B1, .SHAPES,
     .in = {{"X", SHAPE(3, DIM_M, DIM_N), U}, {"Y", SHAPE(DIM_M, DIM_K), U}}},
    {.op = "matmul", .name = "one_x", B1, .SHAPES,
     .in = {{"X", SHAPE(DIM_N, DIM_M), U}, {"Y", SHAPE(3, DIM_M, DIM_K), U}}},
    {.op = "matmul", .name = "vectors", .in = {{"X", SHAPE(5), W}, {"Y", SHAPE(5), W}}},
    {.op = "matmul", .name = "vector_x", .in = {{"X", SHAPE(5), W}, {"Y", SHAPE(2, 5, 3), W}}},
    {.op = "matmul", .name = "vector_y", .in = {{"X", SHAPE(2, 3, 5), W}, {"Y", SHAPE(5), W}}},
    {.op = "matmul", .name = "outer", .attrs = {TX, TY},
     .in = {{"X", SHAPE(4), W}, {"Y", SHAPE(3), W}}},
    {.op = "matmul_grad", .name = "by_hand", PAIR_G,
     .want = {{"X@GRAD", VALUES(5, 7, 6, 8)}, {"Y@GRAD", VALUES(1, 3, 2, 4)}}},
    {.op = "matmul_grad", .name = "batches", .attrs = {HALF}, B2, .SHAPES,
     .in = {{"Out@GRAD", SHAPE(3, DIM_N, DIM_K), U}, {"X", SHAPE(3, DIM_N, DIM_M), U},
            {"Y", SHAPE(3, DIM_M, DIM_K), U}}},
    {.op = "matmul_grad", .name = "batches_x", .attrs = {TX}, B2, .SHAPES,
     .in = {{"Out@GRAD", SHAPE(3, DIM_N, DIM_K), U}, {"X", SHAPE(3, DIM_M, DIM_N), U},
            {"Y", SHAPE(3, DIM_M, DIM_K), U}}},
    {.op = "matmul_grad", .name = "batches_y", .attrs = {TY}, B2, .SHAPES,
     .in = {{"Out@GRAD", SHAPE(3, DIM_N, DIM_K), U}, {"X", SHAPE(3, DIM_N, DIM_M), U},
            {"Y", SHAPE(3, DIM_K, DIM_M), U}}},
    {.op = "matmul_grad", .name = "batches_both", .attrs = {TX, TY, HALF}, B2, .SHAPES,
     .in = {{"Out@GRAD", SHAPE(3, DIM_N, DIM_K), U}, {"X", SHAPE(3, DIM_M, DIM_N), U},
            {"Y", SHAPE(3, DIM_K, DIM_M), U}}},
    {.op = "matmul_grad", .name = "one_y", .attrs = {TY}, B2, .SHAPES,
     .in = {{"Out@GRAD", SHAPE(3, DIM_N, DIM_K), U}, {"X", SHAPE(3, DIM_N, DIM_M), U},
            {"Y", SHAPE(DIM_K, DIM_M), U}}},
    {.op = "matmul_grad", .name = "one_y_turned_x", .attrs = {TX, HALF}, B2, .SHAPES,
     .in = {{"Out@GRAD", SHAPE(3, DIM_N, DIM_K), U}, {"X", SHAPE(3, DIM_M, DIM_N), U},
            {"Y", SHAPE(DIM_M, DIM_K), U}}},
    {.op = "matmul_grad", .name = "one_x", B2, .SHAPES,
     .in = {{"Out@GRAD", SHAPE(3, DIM_N, DIM_K), U}, {"X", SHAPE(DIM_N, DIM_M), U},
            {"Y", SHAPE(3, DIM_M, DIM_K), U}}},
    {.op = "matmul_grad", .name = "y_only", .attrs = {TX}, .without = {"X@GRAD"}, .SMALL_SHAPES,
     .in = {{"Out@GRAD", SHAPE(DIM_N, DIM_K), W}, {"X", SHAPE(DIM_M, DIM_N), W},
            {"Y", SHAPE(DIM_M, DIM_K), W}}},
    {.op = "matmul_v2", .name = "by_hand", PAIR, .want = {{"Out", VALUES(19, 22, 43, 50)}}},
    {.op = "matmul_v2", .name = "linear", B1, .SHAPES,
     .in = {{"X", SHAPE(4, DIM_N, DIM_M), U}, {"Y", SHAPE(DIM_M, DIM_K), U}}},
    {.op = "matmul_v2", .name = "laid", .attrs = {{"trans_y", 1}}, B1, .SMALL_SHAPES,
     .in = {{"X", SHAPE(2, 1, DIM_N, DIM_M), U}, {"Y", SHAPE(3, DIM_K, DIM_M), U}}},
    {.op = "matmul_v2", .name = "vectors", .attrs = {{"trans_x", 1}, {"trans_y", 1}},
     .in = {{"X", SHAPE(5), W}, {"Y", SHAPE(5), W}}},
    {.op = "matmul_v2_grad", .name = "by_hand", PAIR_G,
     .want = {{"X@GRAD", VALUES(5, 7, 6, 8)}, {"Y@GRAD", VALUES(1, 3, 2, 4)}}},
    {.op = "matmul_v2_grad", .name = "turned", .attrs = {{"trans_x", 1}, {"trans_y", 1}}, B2,
     .SMALL_SHAPES,
     .in = {{"X", SHAPE(DIM_M, DIM_N), U}, {"Y", SHAPE(DIM_K, DIM_M), U},
            {"Out@GRAD", SHAPE(DIM_N, DIM_K), U}}},
    {.op = "matmul_v2_grad", .name = "laid", .attrs = {{"trans_x", 1}}, B2, .SMALL_SHAPES,
     .in = {{"X", SHAPE(2, 1, DIM_M, DIM_N), U}, {"Y", SHAPE(3, DIM_M, DIM_K), U},
            {"Out@GRAD", SHAPE(2, 3, DIM_N, DIM_K), U}}},
    {0}};
