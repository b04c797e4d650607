#include "runner/case.h"

/* Bounds, u = half an ulp. Selections, sqrt's like and one operation: EXACT.
 * Functions within 2 ulp (4u): libraries promise 1 in their accurate form; pow 4, as
 * CUDA's. 1 / sqrt(X) rounds twice. Gradients: their roundings, the function's counted
 * as 4u, against the magnitude of the expression (erf_grad: of x^2 in the exponent too,
 * pow_grad: of factor - 1). */

#define LENGTH(op_, lo, hi, ...)                                                     \
  {.op = op_, .name = "lengths", .in = {{"X", SHAPE(DIM_N), UNIFORM(lo, hi)}},       \
   .bound = {__VA_ARGS__}, .LENGTHS}
#define UNARY(op_, lo, hi, ...)                                                      \
  LENGTH(op_, lo, hi, __VA_ARGS__),                                                  \
  {.op = op_, .name = "shapes", .in = {{"X", SHAPE(DIM_N, DIM_M, 3), UNIFORM(lo, hi)}}, \
   .bound = {__VA_ARGS__}, .SIZES({1, 1}, {2, 3}, {13, 17}, {5, 0})},                \
  {.op = op_, .name = "specials", .in = {{"X", SHAPE(7, 29), SPECIALS}},             \
   .bound = {__VA_ARGS__}}
#define BACK(op_, from, lo, hi, ...)                                                 \
  {.op = op_, .name = "lengths",                                                     \
   .in = {{from, SHAPE(DIM_N), UNIFORM(lo, hi)},                                     \
          {"Out@GRAD", SHAPE(DIM_N), UNIFORM(-2, 2)}},                               \
   .bound = {__VA_ARGS__}, .LENGTHS},                                                \
  {.op = op_, .name = "shapes",                                                      \
   .in = {{from, SHAPE(3, DIM_N, DIM_M), UNIFORM(lo, hi)},                           \
          {"Out@GRAD", SHAPE(3, DIM_N, DIM_M), UNIFORM(-2, 2)}},                     \
   .bound = {__VA_ARGS__}, .SIZES({1, 1}, {2, 3}, {13, 17}, {0, 5})}
#define ZERO_BACK(op_)                                                               \
  {.op = op_, .name = "zero", .in = {{"Out@GRAD", SHAPE(DIM_N, 3), NO_DATA}},        \
   .want = {{"X@GRAD", VALUES(0)}}, .SIZES({1}, {7}, {5003}, {0})}
#define HAND(op_, name_, x, out)                                                  \
  {.op = op_, .name = name_, .in = {{"X", SHAPE(6), x}}, .want = {{"Out", out}}, \
   .flags = FRT_CASE_ROUGH}
#define HAND_BACK(op_, from, x, g, out)                                              \
  {.op = op_, .name = "by_hand",                                                     \
   .in = {{from, SHAPE(4), x}, {"Out@GRAD", SHAPE(4), g}},                           \
   .want = {{"X@GRAD", out}}}
#define POW(name_, factor_, lo, hi, ...)                                             \
  {.op = "pow", .name = name_, .in = {{"X", SHAPE(DIM_N), UNIFORM(lo, hi)}},         \
   .attrs = {{"factor", factor_}}, .bound = {__VA_ARGS__}, .LENGTHS}
#define POW_BACK(name_, factor_, lo, hi)                                             \
  {.op = "pow_grad", .name = name_,                                                  \
   .in = {{"X", SHAPE(DIM_N), UNIFORM(lo, hi)},                                      \
          {"Out@GRAD", SHAPE(DIM_N), UNIFORM(-2, 2)}},                               \
   .attrs = {{"factor", factor_}}, .bound = {SUM("X@GRAD", 10, NULL)}, .LENGTHS}

FRT_CASES(unary_math) = {
    HAND("abs", "by_hand", VALUES(-3, -0.0, 2.5, NAN, -INFINITY, -0x1p-149),
         VALUES(3, 0, 2.5, NAN, INFINITY, 0x1p-149)),
    HAND("exp", "by_hand", VALUES(0, -INFINITY, INFINITY, NAN, -1e9, 1e9),
         VALUES(1, 0, INFINITY, NAN, 0, INFINITY)),
    HAND("log", "by_hand", VALUES(1, 0, INFINITY, -1, NAN, -0.0),
         VALUES(0, -INFINITY, INFINITY, NAN, NAN, -INFINITY)),
    HAND("floor", "by_hand", VALUES(-1.5, 2, 2.75, NAN, INFINITY, -0.25),
         VALUES(-2, 2, 2, NAN, INFINITY, -1)),
    HAND("ceil", "by_hand", VALUES(-1.5, 2, 2.25, NAN, -INFINITY, 0.25),
         VALUES(-1, 2, 3, NAN, -INFINITY, 1)),
    HAND("round", "by_hand", VALUES(-1.5, 2.5, 0.49999997, NAN, INFINITY, -0.75),
         VALUES(-2, 3, 0, NAN, INFINITY, -1)),
    /* Halves up to the largest one, and whole numbers beyond. */
    HAND("round", "halves", VALUES(0.5, -0.5, 3.5, 8388607.5, 8388609, -16777215),
         VALUES(1, -1, 4, 8388608, 8388609, -16777215)),
    HAND("sin", "by_hand", VALUES(0, -0.0, INFINITY, -INFINITY, NAN, 0),
         VALUES(0, 0, NAN, NAN, NAN, 0)),
    HAND("cos", "by_hand", VALUES(0, -0.0, INFINITY, -INFINITY, NAN, 0),
         VALUES(1, 1, NAN, NAN, NAN, 1)),
    HAND("atan", "by_hand", VALUES(0, -0.0, NAN, 0, NAN, 0), VALUES(0, 0, NAN, 0, NAN, 0)),
    HAND("erf", "by_hand", VALUES(0, INFINITY, -INFINITY, NAN, 9, -9),
         VALUES(0, 1, -1, NAN, 1, -1)),
    HAND("rsqrt", "by_hand", VALUES(4, 0.25, 1, 0, INFINITY, -1),
         VALUES(0.5, 2, 1, INFINITY, 0, NAN)),
    HAND("reciprocal", "by_hand", VALUES(4, -0.5, 0, -0.0, INFINITY, NAN),
         VALUES(0.25, -2, INFINITY, -INFINITY, 0, NAN)),
    UNARY("abs", -3, 3, EXACT("Out")), UNARY("floor", -9, 9, EXACT("Out")),
    UNARY("ceil", -9, 9, EXACT("Out")), UNARY("round", -9, 9, EXACT("Out")),
    UNARY("exp", -8, 8, ULP("Out", 2)), UNARY("log", 0.05, 9, ULP("Out", 2)),
    UNARY("sin", -7, 7, ULP("Out", 2)), UNARY("cos", -7, 7, ULP("Out", 2)),
    UNARY("atan", -5, 5, ULP("Out", 2)), UNARY("erf", -4, 4, ULP("Out", 2)),
    UNARY("rsqrt", 0.1, 9, ULP("Out", 2)), UNARY("reciprocal", 0.1, 9, EXACT("Out")),
    {.op = "exp", .name = "wide", .in = {{"X", SHAPE(1031), UNIFORM(-103, 88.5)}},
     .bound = {ULP("Out", 2)}, .flags = FRT_CASE_ROUGH},
    {.op = "log", .name = "near_one", .in = {{"X", SHAPE(1031), UNIFORM(0.99, 1.01)}},
     .bound = {ULP("Out", 2)}},
    {.op = "sin", .name = "far", .in = {{"X", SHAPE(1031), UNIFORM(-1e5, 1e5)}},
     .bound = {ULP("Out", 2)}, .flags = FRT_CASE_ROUGH},
    {.op = "cos", .name = "far", .in = {{"X", SHAPE(1031), UNIFORM(-1e5, 1e5)}},
     .bound = {ULP("Out", 2)}, .flags = FRT_CASE_ROUGH},
    {.op = "erf", .name = "small", .in = {{"X", SHAPE(1031), UNIFORM(-1e-3, 1e-3)}},
     .bound = {ULP("Out", 2)}},
    {.op = "atan", .name = "wide", .in = {{"X", SHAPE(1031), UNIFORM(-1e6, 1e6)}},
     .bound = {ULP("Out", 2)}, .flags = FRT_CASE_ROUGH},
    HAND_BACK("abs_grad", "X", VALUES(-2, 0, 3, -0.0), VALUES(5, 6, 7, 8), VALUES(-5, 0, 7, 0)),
    HAND_BACK("exp_grad", "Out", VALUES(2, 0, 0.5, 1), VALUES(5, 6, 7, -8),
         VALUES(10, 0, 3.5, -8)),
    HAND_BACK("log_grad", "X", VALUES(2, 0.5, 4, -1), VALUES(5, 6, 7, 8),
         VALUES(2.5, 12, 1.75, -8)),
    HAND_BACK("sin_grad", "X", VALUES(0), VALUES(5, 6, -7, 8), VALUES(5, 6, -7, 8)),
    HAND_BACK("cos_grad", "X", VALUES(0), VALUES(5, 6, -7, 8), VALUES(0)),
    HAND_BACK("atan_grad", "X", VALUES(0, 1, -1, 3), VALUES(5, 6, 7, 20), VALUES(5, 3, 3.5, 2)),
    HAND_BACK("rsqrt_grad", "Out", VALUES(2, 1, 0.5, 0), VALUES(1, 4, 16, 8),
         VALUES(-4, -2, -1, 0)),
    HAND_BACK("reciprocal_grad", "Out", VALUES(2, 1, 0.5, 0), VALUES(1, 4, 16, 8),
         VALUES(-4, -4, -4, 0)),
    ZERO_BACK("floor_grad"), ZERO_BACK("ceil_grad"), ZERO_BACK("round_grad"),
    BACK("abs_grad", "X", -2, 2, EXACT("X@GRAD")),
    BACK("exp_grad", "Out", 0, 5, EXACT("X@GRAD")),
    BACK("log_grad", "X", 0.1, 5, SUM("X@GRAD", 1, frt_terms_2)),
    BACK("sin_grad", "X", -7, 7, SUM("X@GRAD", 6, NULL)),
    BACK("cos_grad", "X", -7, 7, SUM("X@GRAD", 6, NULL)),
    BACK("atan_grad", "X", -5, 5, SUM("X@GRAD", 1, frt_terms_3)),
    BACK("erf_grad", "X", -4, 4, SUM("X@GRAD", 8, NULL)),
    BACK("rsqrt_grad", "Out", 0.1, 4, SUM("X@GRAD", 4, NULL)),
    BACK("reciprocal_grad", "Out", -4, 4, SUM("X@GRAD", 1, frt_terms_2)),
    {.op = "pow", .name = "by_hand", .in = {{"X", SHAPE(4), VALUES(-2, 0, 3, 0.5)}},
     .attrs = {{"factor", 3}}, .want = {{"Out", VALUES(-8, 0, 27, 0.125)}}},
    {.op = "pow", .name = "zero", .in = {{"X", SHAPE(4), VALUES(-2, 0, 3, NAN)}},
     .attrs = {{"factor", 0}}, .want = {{"Out", VALUES(1)}}, .flags = FRT_CASE_ROUGH},
    {.op = "pow", .name = "root_of_negative", .in = {{"X", SHAPE(3), VALUES(-4, 0, 4)}},
     .attrs = {{"factor", 0.5}}, .want = {{"Out", VALUES(NAN, 0, 2)}},
     .flags = FRT_CASE_ROUGH},
    {.op = "pow", .name = "factor_tensor",
     .in = {{"X", SHAPE(5), VALUES(1, -2, 3, 0, 4)}, {"FactorTensor", SHAPE(1), VALUES(2)}},
     .attrs = {{"factor", 7}}, .want = {{"Out", VALUES(1, 4, 9, 0, 16)}},
     .flags = FRT_CASE_ROUGH},
    POW("first", 1, -3, 3, EXACT("Out")), POW("second", 2, -3, 3, EXACT("Out")),
    POW("third", 3, -3, 3, ULP("Out", 4)), POW("any", 2.7, 0.05, 6, ULP("Out", 4)),
    POW("inverse", -1.5, 0.1, 6, ULP("Out", 4)), POW("root", 0.5, 0.01, 1e6, ULP("Out", 4)),
    {.op = "pow_grad", .name = "by_hand",
     .in = {{"X", SHAPE(4), VALUES(-2, 0, 3, 0.5)}, {"Out@GRAD", SHAPE(4), VALUES(1, 2, 3, 4)}},
     .attrs = {{"factor", 3}}, .want = {{"X@GRAD", VALUES(12, 0, 81, 3)}}},
    {.op = "pow_grad", .name = "factor_zero",
     .in = {{"X", SHAPE(4), VALUES(-2, 0, 3, 0.5)}, {"Out@GRAD", SHAPE(4), VALUES(1, 2, 3, 4)}},
     .attrs = {{"factor", 0}}, .want = {{"X@GRAD", VALUES(0)}}},
    {.op = "pow_grad", .name = "factor_tensor",
     .in = {{"FactorTensor", SHAPE(1), VALUES(2)}, {"X", SHAPE(3), VALUES(-2, 0, 3)},
            {"Out@GRAD", SHAPE(3), VALUES(1, 2, 3)}},
     .attrs = {{"factor", 7}}, .want = {{"X@GRAD", VALUES(-4, 0, 18)}}},
    POW_BACK("first", 1, -3, 3), POW_BACK("second", 2, -3, 3), POW_BACK("third", 3, -3, 3),
    POW_BACK("any", 2.7, 0.05, 6), POW_BACK("inverse", -1.5, 0.1, 6),
    {0}};
