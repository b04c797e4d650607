#include "reduce.h"

/* The sum of n terms makes n - 1 roundings, in any order, the quotient one more; a
 * product of n factors n - 1, and its gradient one more for the factor Out@GRAD. A
 * kernel may also take Out, rounded, and divide it by X: three more. */
static double mean_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return frt_terms_input(v, out);
}
static double prod_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return frt_terms_input(v, out) - 1;
}
static double prod_grad_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  const frt_case_array_t g = frt_case_in(v, "Out@GRAD");
  return (g.numel ? (double)(out->numel / g.numel) : 0) + 3;
}

#define MIN_OUT(...) OUT_OF("reduce_min", __VA_ARGS__)
#define PROD_OUT(...) OUT_OF("reduce_prod", __VA_ARGS__)
/* The mean may be a product with 1 / n: one rounding or two. */
#define PART .bound = {ULP("X@GRAD", 2)}
#define CHOSEN .bound = {EXACT("X@GRAD")}
#define OTHERS .bound = {SUM("X@GRAD", 1, prod_grad_terms)}

FRT_CASES(reduce_more) = {
    {.op = "reduce_mean", .name = "by_hand", DIMS(1),
     .in = {{"X", SHAPE(2, 4), VALUES(1, 2, 3, 8, -1, 0, 1, 6)}},
     .want = {{"Out", VALUES(3.5, 1.5)}}},
    {.op = "reduce_mean", .name = "nan", DIMS(1), .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(2, 2), VALUES(1, NAN, 1, INFINITY)}},
     .want = {{"Out", VALUES(NAN, INFINITY)}}},
    BATCH_0("reduce_min"), BATCH_0("reduce_mean"), BATCH_0("reduce_prod"),
    BATCH_0_GRADIENT("reduce_min_grad", EMPTY_OUT), BATCH_0_GRADIENT("reduce_mean_grad"),
    BATCH_0_GRADIENT("reduce_prod_grad", EMPTY_OUT),
    {.op = "reduce_min", .name = "by_hand", DIMS(0), .dtypes = FRT_NUMBERS,
     .in = {{"X", SHAPE(2, 3), VALUES(1, 5, 3, 4, 2, -6)}}, .want = {{"Out", VALUES(1, 2, -6)}}},
    {.op = "reduce_min", .name = "positive", FULL, .in = {{"X", SHAPE(19), UNIFORM(8, 9)}}},
    {.op = "reduce_min", .name = "infinite", DIMS(1), .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(2, 2), VALUES(INFINITY, INFINITY, 1, -INFINITY)}},
     .want = {{"Out", VALUES(INFINITY, -INFINITY)}}},
    {.op = "reduce_min", .name = "nan_wins", DIMS(1), .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(2, 20), VALUES(1, 2, NAN, -INFINITY, 5)}},
     .want = {{"Out", VALUES(NAN, NAN)}}},
    {.op = "reduce_prod", .name = "by_hand", DIMS(1), .dtypes = FRT_NUMBERS,
     .in = {{"X", SHAPE(3, 3), VALUES(1, 2, 3, 4, -5, 6, 7, 0, 9)}},
     .want = {{"Out", VALUES(6, -120, 0)}}},
    {.op = "reduce_prod", .name = "nothing", FULL, .in = {{"X", SHAPE(0, 3), NO_DATA}},
     .want = {{"Out", VALUES(1)}}, .flags = FRT_CASE_ROUGH},
    {.op = "reduce_prod", .name = "large_and_small", DIMS(1), .flags = FRT_CASE_ROUGH,
     .in = {{"X", SHAPE(1, 4), VALUES(0x1p100, 0x1p-100, 0x1p-120, 0x1p120)}},
     .want = {{"Out", VALUES(1)}}},
#define SAME .dtypes = FRT_NUMBERS
    FORMS("reduce_min", WHOLE(-50, 50), "whole"),
    FORMS("reduce_prod", WHOLE(-1, 1), "whole"),
#undef SAME
#define SAME .bound = {SUM("Out", 1, mean_terms)}
    FORMS("reduce_mean", UNIFORM(-1, 2), "mean"),
#undef SAME
#define SAME .bound = {SUM("Out", 1, prod_terms)}
    FORMS("reduce_prod", UNIFORM(0.9, 1.1), "near_1"),
#undef SAME
    {.op = "reduce_mean_grad", .name = "by_hand", DIMS(1),
     .in = {{"X", SHAPE(2, 4), NO_DATA}, {"Out@GRAD", SHAPE(2), VALUES(6, 10)}},
     .want = {{"X@GRAD", VALUES(1.5, 1.5, 1.5, 1.5, 2.5, 2.5, 2.5, 2.5)}}},
    /* Every tied place gets the whole gradient. */
    {.op = "reduce_min_grad", .name = "ties", DIMS(1),
     .in = {{"X", SHAPE(2, 3), VALUES(1, 4, 1, 2, 3, 2)}, {"Out", SHAPE(2), VALUES(1, 2)},
            {"Out@GRAD", SHAPE(2), VALUES(5, 7)}},
     .want = {{"X@GRAD", VALUES(5, 0, 5, 7, 0, 7)}}},
    /* The product of the others, also where one of the factors is 0, or two are. */
    {.op = "reduce_prod_grad", .name = "zeros", DIMS(1),
     .in = {{"X", SHAPE(3, 3), VALUES(2, 0, 3, 0, 0, 5, 2, 4, 1)},
            {"Out", SHAPE(3), VALUES(0, 0, 8)}, {"Out@GRAD", SHAPE(3), VALUES(5, 7, 2)}},
     .want = {{"X@GRAD", VALUES(0, 30, 0, 0, 0, 0, 8, 4, 16)}}},
    {.op = "reduce_prod_grad", .name = "zeros_first", DIMS(0),
     .in = {{"X", SHAPE(3, 3), VALUES(2, 0, 2, 0, 0, 4, 3, 5, 1)},
            {"Out", SHAPE(3), VALUES(0, 0, 8)}, {"Out@GRAD", SHAPE(3), VALUES(5, 7, 2)}},
     .want = {{"X@GRAD", VALUES(0, 0, 8, 30, 0, 4, 0, 0, 16)}}},
    {.op = "reduce_prod", .name = "with_a_zero", DIMS(1),
     .in = {{"X", SHAPE(2, 3), VALUES(2, 0, 3, 0, 0, 5)}}, .want = {{"Out", VALUES(0)}}},
#define GRADIENT_BOUND PART
    GRADIENT("reduce_mean_grad", NO_DATA, NO_OUT),
#undef GRADIENT_BOUND
#define GRADIENT_BOUND CHOSEN
    GRADIENT("reduce_min_grad", UNIFORM(-3, 3), MIN_OUT),
#undef GRADIENT_BOUND
#define GRADIENT_BOUND OTHERS
#undef SHAPES
#define SHAPES SIZES({1, 1, 1}, {2, 3, 5}, {16, 17, 15}, {1, 31, 4}, {7, 1, 33}, {3, 257, 2}, \
                     {5, 3, 129})
    GRADIENT("reduce_prod_grad", UNIFORM(0.5, 1.5), PROD_OUT),
    {0}};
