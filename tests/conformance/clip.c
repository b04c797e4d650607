#include "runner/case.h"

/* norm: n squares and n - 1 additions make 1 + n/2 roundings of the root, which adds
 * one; then a product and a quotient. In order or blockwise, floats or doubles. */
static void clip_by_norm_allowed(const frt_case_view_t *v, const frt_case_array_t *out,
                                 double *allowed) {
  const double n = (double)frt_case_in(v, "X").numel;
  for (int64_t i = 0; i < out->numel; ++i)
    allowed[i] = 1.01 * frt_case_u(v) * (n / 2 + 4) * fabs(out->d[i]);
}

#define LIMITS .attrs = {{"min", -1.5}, {"max", 2}}

FRT_CASES(clip) = {
    {.op = "clip", .name = "nan_stays", .in = {{"X", SHAPE(3), VALUES(-2, NAN, 2)}},
     .attrs = {{"min", -1}, {"max", 1}}, .want = {{"Out", VALUES(-1, NAN, 1)}},
     .flags = FRT_CASE_ROUGH},
    {.op = "clip", .name = "limits",
     .in = {{"X", SHAPE(2, 3), VALUES(-1.5, 2, -INFINITY, INFINITY, 0, 2.5)}}, LIMITS,
     .want = {{"Out", VALUES(-1.5, 2, -1.5, 2, 0, 2)}}, .flags = FRT_CASE_ROUGH},
    {.op = "clip", .name = "lengths", .in = {{"X", SHAPE(DIM_N), UNIFORM(-4, 4)}}, LIMITS,
     .LENGTHS},
    {.op = "clip", .name = "specials", .in = {{"X", SHAPE(3, 67), SPECIALS}}, LIMITS,
     .flags = FRT_CASE_SIGNED_ZERO},
    {.op = "clip", .name = "one_value", .in = {{"X", SHAPE(5, 1, 7), UNIFORM(-4, 4)}},
     .attrs = {{"min", 0.5}, {"max", 0.5}}, .want = {{"Out", VALUES(0.5)}},
     .flags = FRT_CASE_ROUGH},
    /* Zero at and beyond the limits. */
    {.op = "clip_grad", .name = "limits",
     .in = {{"X", SHAPE(6), VALUES(-1.5, 2, -3, 3, 0, 1.75)},
            {"Out@GRAD", SHAPE(6), VALUES(1, 2, 3, 4, 5, 6)}},
     LIMITS, .want = {{"X@GRAD", VALUES(0, 0, 0, 0, 5, 6)}}},
    {.op = "clip_grad", .name = "lengths",
     .in = {{"X", SHAPE(DIM_N), UNIFORM(-4, 4)}, {"Out@GRAD", SHAPE(DIM_N), UNIFORM(-1, 1)}},
     LIMITS, .LENGTHS},
    /* Norm 5: below, at and above the limit. */
    {.op = "clip_by_norm", .name = "below", .in = {{"X", SHAPE(2), VALUES(3, 4)}},
     .attrs = {{"max_norm", 6}}, .want = {{"Out", VALUES(3, 4)}}},
    {.op = "clip_by_norm", .name = "at", .in = {{"X", SHAPE(2), VALUES(3, -4)}},
     .attrs = {{"max_norm", 5}}, .want = {{"Out", VALUES(3, -4)}}},
    {.op = "clip_by_norm", .name = "above", .in = {{"X", SHAPE(2, 1), VALUES(-3, 4)}},
     .attrs = {{"max_norm", 2.5}}, .want = {{"Out", VALUES(-1.5, 2)}},
     .bound = {FORMULA("Out", clip_by_norm_allowed)}},
    /* Fluid divides by the norm here and gets NaN: nothing to clip stays as it is. */
    {.op = "clip_by_norm", .name = "zeros", .in = {{"X", SHAPE(7), VALUES(0)}},
     .attrs = {{"max_norm", 1}}, .want = {{"Out", VALUES(0)}}},
    {.op = "clip_by_norm", .name = "lengths",
     .in = {{"X", SHAPE(DIM_N), UNIFORM(-2, 3)}}, .attrs = {{"max_norm", 0.75}},
     .bound = {FORMULA("Out", clip_by_norm_allowed)},
     .SIZES({1}, {2}, {15}, {16}, {17}, {4095}, {4096}, {4097}, {70001}, {0})},
    {0}};
