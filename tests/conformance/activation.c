#include "runner/case.h"

/* Bounds. relu, sign and their like select: EXACT. sqrt and square round once: EXACT
 * too. tanh within 2 ulp: libraries promise 1 ulp in their accurate form. sigmoid:
 * exp within 1 ulp (2u), an addition and a quotient: 4u, at most 4 ulp. Gradients:
 * their roundings against the magnitude of the expression. */

#define UNARY(op_, lo, hi, ...)                                                      \
  {.op = op_, .name = "lengths", .in = {{"X", SHAPE(DIM_N), UNIFORM(lo, hi)}},       \
   .bound = {__VA_ARGS__}, .LENGTHS},                                                \
  {.op = op_, .name = "shapes", .in = {{"X", SHAPE(DIM_N, DIM_M, 3), UNIFORM(lo, hi)}}, \
   .bound = {__VA_ARGS__}, .SIZES({1, 1}, {2, 3}, {13, 17}, {5, 0})}
#define FROM_OUT(op_, lo, hi, ...)                                                   \
  {.op = op_, .name = "lengths",                                                     \
   .in = {{"Out", SHAPE(DIM_N), UNIFORM(lo, hi)},                                    \
          {"Out@GRAD", SHAPE(DIM_N), UNIFORM(-2, 2)}},                               \
   .bound = {__VA_ARGS__}, .LENGTHS},                                                \
  {.op = op_, .name = "shapes",                                                      \
   .in = {{"Out", SHAPE(3, DIM_N, DIM_M), UNIFORM(lo, hi)},                          \
          {"Out@GRAD", SHAPE(3, DIM_N, DIM_M), UNIFORM(-2, 2)}},                     \
   .bound = {__VA_ARGS__}, .SIZES({1, 1}, {2, 3}, {13, 17}, {0, 5})}
#define HAND(op_, x, out) \
  {.op = op_, .name = "by_hand", .in = {{"X", SHAPE(4), x}}, .want = {{"Out", out}}, \
   .flags = FRT_CASE_ROUGH}
#define SPECIAL(op_, ...) \
  {.op = op_, .name = "specials", .in = {{"X", SHAPE(7, 29), SPECIALS}}, __VA_ARGS__}

FRT_CASES(activation) = {
    HAND("relu", VALUES(-1, 0, 2.5, NAN), VALUES(0, 0, 2.5, NAN)),
    HAND("sign", VALUES(-3, 0, 2.5, NAN), VALUES(-1, 0, 1, 0)),
    HAND("square", VALUES(-3, 0, 2.5, INFINITY), VALUES(9, 0, 6.25, INFINITY)),
    HAND("sqrt", VALUES(0, 4, 2.25, INFINITY), VALUES(0, 2, 1.5, INFINITY)),
    HAND("tanh", VALUES(0, INFINITY, -INFINITY, NAN), VALUES(0, 1, -1, NAN)),
    HAND("sigmoid", VALUES(0, INFINITY, -INFINITY, NAN), VALUES(.5, 1, 0, NAN)),
    UNARY("relu", -3, 3, EXACT("Out")), UNARY("sign", -3, 3, EXACT("Out")),
    UNARY("square", -3, 3, EXACT("Out")), UNARY("sqrt", 0.01, 9, EXACT("Out")),
    UNARY("tanh", -4, 4, ULP("Out", 2)), UNARY("sigmoid", -9, 9, ULP("Out", 4)),
    {.op = "tanh", .name = "small", .in = {{"X", SHAPE(257), UNIFORM(-1e-3, 1e-3)}},
     .bound = {ULP("Out", 2)}},
    {.op = "tanh", .name = "large", .in = {{"X", SHAPE(257), UNIFORM(-50, 50)}},
     .bound = {ULP("Out", 2)}},
    {.op = "sigmoid", .name = "large", .in = {{"X", SHAPE(257), UNIFORM(-35, 35)}},
     .bound = {ULP("Out", 4)}},
    {.op = "square", .name = "whole", .dtypes = FRT_NUMBERS,
     .in = {{"X", SHAPE(DIM_N), WHOLE(-1000, 1000)}}, .LENGTHS},
    {.op = "sqrt", .name = "negative", .in = {{"X", SHAPE(2), VALUES(-1, -INFINITY)}},
     .want = {{"Out", VALUES(NAN)}}, .flags = FRT_CASE_ROUGH},
    /* relu(-0) may be either zero. */
    SPECIAL("relu", .flags = FRT_CASE_ROUGH), SPECIAL("sign", .flags = FRT_CASE_ROUGH),
    SPECIAL("square", .flags = FRT_CASE_SIGNED_ZERO),
    SPECIAL("sqrt", .flags = FRT_CASE_SIGNED_ZERO),
    SPECIAL("tanh", .bound = {ULP("Out", 2)}),
    {.op = "relu_grad", .name = "by_hand",
     .in = {{"Out", SHAPE(4), VALUES(0, 2, 0, 1)}, {"Out@GRAD", SHAPE(4), VALUES(5, 6, 7, -8)}},
     .want = {{"X@GRAD", VALUES(0, 6, 0, -8)}}},
    {.op = "relu_grad", .name = "whole",
     .in = {{"Out", SHAPE(DIM_N), WHOLE(0, 2)}, {"Out@GRAD", SHAPE(DIM_N), UNIFORM(-1, 1)}},
     .LENGTHS},
    {.op = "tanh_grad", .name = "by_hand",
     .in = {{"Out", SHAPE(3), VALUES(0, .5, 1)}, {"Out@GRAD", SHAPE(3), VALUES(2, 4, 8)}},
     .want = {{"X@GRAD", VALUES(2, 3, 0)}}},
    {.op = "sigmoid_grad", .name = "by_hand",
     .in = {{"Out", SHAPE(3), VALUES(0, .5, .25)}, {"Out@GRAD", SHAPE(3), VALUES(2, 4, 16)}},
     .want = {{"X@GRAD", VALUES(0, 1, 3)}}},
    {.op = "sqrt_grad", .name = "by_hand",
     .in = {{"Out", SHAPE(3), VALUES(2, .5, 0)}, {"Out@GRAD", SHAPE(3), VALUES(8, 3, 1)}},
     .want = {{"X@GRAD", VALUES(2, 3, INFINITY)}}},
    {.op = "square_grad", .name = "by_hand",
     .in = {{"X", SHAPE(3), VALUES(2, -.5, 0)}, {"Out@GRAD", SHAPE(3), VALUES(8, 3, 1)}},
     .want = {{"X@GRAD", VALUES(32, -3, 0)}}},
    FROM_OUT("relu_grad", -1, 1, EXACT("X@GRAD")),
    FROM_OUT("tanh_grad", -1, 1, SUM("X@GRAD", 1, frt_terms_3)),
    FROM_OUT("sigmoid_grad", 0, 1, SUM("X@GRAD", 1, frt_terms_3)),
    /* 0.5 * dOut / Out or dOut * (0.5 / Out): one rounding or two. */
    FROM_OUT("sqrt_grad", 0.1, 3, ULP("X@GRAD", 2)),
    {.op = "square_grad", .name = "lengths",
     .in = {{"X", SHAPE(DIM_N), UNIFORM(-2, 2)}, {"Out@GRAD", SHAPE(DIM_N), UNIFORM(-2, 2)}},
     .LENGTHS}, /* doubling is exact */
    {0}};
