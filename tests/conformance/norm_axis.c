#include "runner/case.h"

/* Bounds. norm: n squares of one sign, the epsilon and a root; Out one quotient more.
 * norm_grad: a sum of n products in the middle, and seven operations. cumsum: a running
 * sum of at most n terms in any order. */
static double norm_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  return frt_terms_axis(v, out) + 4;
}
/* The first input is Norm, with one element along the axis. */
static double grad_terms(const frt_case_view_t *v, const frt_case_array_t *out) {
  const frt_case_array_t norm = frt_case_in(v, "Norm");
  return (norm.numel ? (double)out->numel / (double)norm.numel : 0) + 8;
}

#define BOUND .bound = {SUM("Norm", 1, norm_terms), SUM("Out", 1, norm_terms)}
#define NORM(name_, shape_, axis_, ...) \
  {.op = "norm", .name = name_, .in = {{"X", shape_, UNIFORM(-2, 2)}}, \
   .attrs = {{"axis", axis_}}, BOUND, .SIZES(__VA_ARGS__)}
#define NORM_BACK(name_, shape_, axis_, ...)                                     \
  {.op = "norm_grad", .name = name_,                                             \
   .in = {{"X", shape_, UNIFORM(-2, 2)}, {"Out@GRAD", shape_, UNIFORM(-1, 1)},   \
          {"Norm", NORM_SHAPE, FORWARD("norm")}},                                \
   .attrs = {{"axis", axis_}}, .bound = {SUM("X@GRAD", 1, grad_terms)},          \
   .SIZES(__VA_ARGS__)}
#define SUMS(name_, shape_, axis_, exclusive_, reverse_, ...)                    \
  {.op = "cumsum", .name = name_, .in = {{"X", shape_, UNIFORM(-1, 2)}},         \
   .attrs = {{"axis", axis_}, {"exclusive", exclusive_}, {"reverse", reverse_}}, \
   .bound = {SUM("Out", 1, frt_terms_axis)}, .SIZES(__VA_ARGS__)}
#define HAND_SUM(name_, axis_, exclusive_, reverse_, out)                        \
  {.op = "cumsum", .name = name_, .in = {{"X", SHAPE(2, 3), VALUES(1, 2, 3, 10, 20, 30)}}, \
   .attrs = {{"axis", axis_}, {"exclusive", exclusive_}, {"reverse", reverse_}}, \
   .want = {{"Out", out}},                                                       \
   .dtypes = FRT_FLOATS | FRT_DTYPE_BIT(FRT_I32) | FRT_DTYPE_BIT(FRT_I64)}
#define PLANE SHAPE(DIM_N, DIM_M)
#define SOLID SHAPE(DIM_N, DIM_M, DIM_K)

FRT_CASES(norm_axis) = {
    {.op = "norm", .name = "by_hand", .in = {{"X", SHAPE(2, 2), VALUES(3, 4, 0, -2)}},
     .attrs = {{"axis", 1}, {"epsilon", 0}},
     .want = {{"Norm", VALUES(5, 2)}, {"Out", VALUES(.6, .8, 0, -1)}},
     .bound = {EXACT("Norm"), ULP("Out", 1)}},
    {.op = "norm", .name = "by_hand_epsilon", .in = {{"X", SHAPE(2, 2), VALUES(0, 4, 0, 3)}},
     .attrs = {{"axis", -2}, {"epsilon", 0.25}},
     .want = {{"Norm", VALUES(.5, 5.024937810560445)}}, .bound = {ULP(NULL, 1)}},
    {.op = "norm", .name = "zeros", .in = {{"X", SHAPE(3, 5), VALUES(0)}},
     .attrs = {{"axis", 1}, {"epsilon", 0.0625}},
     .want = {{"Norm", VALUES(.25)}, {"Out", VALUES(0)}}},
    {.op = "norm", .name = "nan", .in = {{"X", SHAPE(2, 2), VALUES(NAN, 1, 3, 4)}},
     .attrs = {{"axis", -1}, {"epsilon", 0}},
     .want = {{"Norm", VALUES(NAN, 5)}, {"Out", VALUES(NAN, NAN, .6, .8)}},
     .bound = {ULP(NULL, 1)}, .flags = FRT_CASE_ROUGH},
    NORM("last", PLANE, -1, {1, 1}, {3, 2}, {13, 17}, {2, 9001}, {301, 70}, {1, 70001}),
    NORM("first", PLANE, 0, {1, 1}, {3, 2}, {13, 17}, {9001, 2}, {70, 301}, {0, 5}),
    NORM("middle", SOLID, 1, {2, 3, 4}, {3, 17, 65}, {5, 1, 7}, {2, 300, 129}, {0, 2, 3}),
    {.op = "norm_grad", .name = "by_hand",
     .in = {{"Norm", SHAPE(1, 1), VALUES(2)}, {"Out@GRAD", SHAPE(1, 2), VALUES(1, 3)},
            {"X", SHAPE(1, 2), VALUES(2, 0)}},
     .attrs = {{"axis", 1}}, .want = {{"X@GRAD", VALUES(0, 1.5)}}},
#define NORM_SHAPE SHAPE(DIM_N, 1)
    NORM_BACK("last", PLANE, -1, {1, 1}, {3, 2}, {13, 17}, {2, 9001}, {301, 70}, {0, 5}),
    {.op = "norm_grad", .name = "epsilon_is_in_the_norm",
     .in = {{"Norm", SHAPE(1, 1), VALUES(2)}, {"Out@GRAD", SHAPE(1, 2), VALUES(1, 3)},
            {"X", SHAPE(1, 2), VALUES(2, 0)}},
     .attrs = {{"axis", 1}, {"epsilon", 0.5}}, .want = {{"X@GRAD", VALUES(0, 1.5)}}},
#undef NORM_SHAPE
#define NORM_SHAPE SHAPE(1, DIM_M)
    NORM_BACK("first", PLANE, 0, {1, 1}, {3, 2}, {13, 17}, {9001, 2}, {70, 301}),
#undef NORM_SHAPE
#define NORM_SHAPE SHAPE(DIM_N, 1, DIM_K)
    NORM_BACK("middle", SOLID, 1, {2, 3, 4}, {3, 17, 65}, {5, 1, 7}, {2, 300, 129}),
    HAND_SUM("by_hand", 1, 0, 0, VALUES(1, 3, 6, 10, 30, 60)),
    HAND_SUM("by_hand_exclusive", -1, 1, 0, VALUES(0, 1, 3, 0, 10, 30)),
    HAND_SUM("by_hand_reverse", -1, 0, 1, VALUES(6, 5, 3, 60, 50, 30)),
    HAND_SUM("by_hand_both", -1, 1, 1, VALUES(5, 3, 0, 50, 30, 0)),
    HAND_SUM("by_hand_down", 0, 0, 0, VALUES(1, 2, 3, 11, 22, 33)),
    HAND_SUM("by_hand_up", 0, 1, 1, VALUES(10, 20, 30, 0, 0, 0)),
    {.op = "cumsum", .name = "nan_stays", .in = {{"X", SHAPE(4), VALUES(1, NAN, 2, 3)}},
     .want = {{"Out", VALUES(1, NAN, NAN, NAN)}}, .flags = FRT_CASE_ROUGH},
    SUMS("square", PLANE, 1, 0, 0, {2, 2}, {17, 17}),
    SUMS("square_down", PLANE, 0, 1, 1, {2, 2}, {17, 17}),
    NORM("square", PLANE, 1, {2, 2}, {17, 17}), NORM("square_down", PLANE, 0, {17, 17}),
    SUMS("last", PLANE, -1, 0, 0, {1, 1}, {3, 2}, {13, 17}, {2, 9001}, {301, 70}, {4, 0}),
    SUMS("first", PLANE, 0, 1, 0, {1, 1}, {3, 2}, {13, 17}, {9001, 2}, {70, 301}, {0, 5}),
    SUMS("middle", SOLID, 1, 0, 1, {2, 3, 4}, {3, 17, 65}, {5, 1, 7}, {2, 300, 129}),
    SUMS("middle_both", SOLID, -2, 1, 1, {2, 3, 4}, {3, 17, 65}, {5, 1, 7}),
    {0}};
