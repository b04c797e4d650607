/* Axes and shapes that every reduce op is tried with. */
#ifndef FRTI_CONFORM_REDUCE_H
#define FRTI_CONFORM_REDUCE_H

#include "runner/case.h"

#define X3(...) .in = {{"X", SHAPE(DIM_N, DIM_M, DIM_K), __VA_ARGS__}}
#define SHAPES SIZES({1, 1, 1}, {2, 3, 5}, {16, 17, 15}, {1, 31, 4}, {7, 1, 33}, {3, 257, 2}, \
                     {61, 3, 129}), \
  .FULL_SIZES({61, 129, 131})
#define FULL .attrs = {{"reduce_all", 1}}
#define DIMS(...) .attrs = {ATTR_LIST("dim", __VA_ARGS__)}
#define KEPT(...) .attrs = {ATTR_LIST("dim", __VA_ARGS__), {"keep_dim", 1}}
#define FORMS(op_, data, how)                                                         \
  {.op = op_, .name = how "_full", X3(data), FULL, .SHAPES, SAME},                    \
  {.op = op_, .name = how "_first", X3(data), DIMS(0), .SHAPES, SAME},                \
  {.op = op_, .name = how "_middle", X3(data), DIMS(1), .SHAPES, SAME},               \
  {.op = op_, .name = how "_last", X3(data), DIMS(-1), .SHAPES, SAME},                \
  {.op = op_, .name = how "_outer_kept", X3(data), KEPT(0, 2), .SHAPES, SAME},        \
  {.op = op_, .name = how "_inner", X3(data), DIMS(1, 2), .SHAPES, SAME},             \
  {.op = op_, .name = how "_all_named", X3(data), DIMS(0, 1, -1), .SHAPES, SAME},     \
  {.op = op_, .name = how "_length", .in = {{"X", SHAPE(DIM_N), data}}, SAME,         \
   .SIZES({1}, {2}, {15}, {16}, {17}, {4095}, {4096}, {4097}, {70001})}

/* No rows, so nothing to reduce. */
#define BATCH_0(op_) \
  {.op = op_, .name = "batch_0", .in = {{"X", SHAPE(0, 3), NO_DATA}}, DIMS(1), \
   .flags = FRT_CASE_ROUGH}
#define BATCH_0_GRADIENT(op_, ...) \
  {.op = op_, .name = "batch_0", DIMS(1), \
   .in = {{"X", SHAPE(0, 3), NO_DATA}, {"Out@GRAD", SHAPE(0), NO_DATA} __VA_ARGS__}}
#define EMPTY_OUT , {"Out", SHAPE(0), NO_DATA}

/* Equal extents: a wrong axis has the right shape. */
#define SQUARE(op_, name_, axis_) \
  {.op = op_, .name = name_, .in = {{"X", SHAPE(7, 7, 7), WHOLE(-50, 50)}}, DIMS(axis_)}

#define X_IN(...) {"X", SHAPE(DIM_N, DIM_M, DIM_K), __VA_ARGS__}
#define G_IN(...) {"Out@GRAD", SHAPE(__VA_ARGS__), UNIFORM(-1, 1)}
#define OUT_OF(op_, ...) , {"Out", SHAPE(__VA_ARGS__), FORWARD(op_)}
#define NO_OUT(...)
/* GRADIENT_BOUND: what each case has besides. */
#define GRADIENT(op_, x, OUT)                                                         \
  {.op = op_, .name = "full", .in = {X_IN(x), G_IN(1) OUT(1)}, FULL, .SHAPES, GRADIENT_BOUND},  \
  {.op = op_, .name = "first", .in = {X_IN(x), G_IN(DIM_M, DIM_K) OUT(DIM_M, DIM_K)}, DIMS(0), \
   .SHAPES, GRADIENT_BOUND},                                                                    \
  {.op = op_, .name = "middle", .in = {X_IN(x), G_IN(DIM_N, DIM_K) OUT(DIM_N, DIM_K)}, DIMS(1), \
   .SHAPES, GRADIENT_BOUND},                                                                    \
  {.op = op_, .name = "last", .in = {X_IN(x), G_IN(DIM_N, DIM_M) OUT(DIM_N, DIM_M)}, DIMS(-1), \
   .SHAPES, GRADIENT_BOUND},                                                                    \
  {.op = op_, .name = "outer_kept", .in = {X_IN(x), G_IN(1, DIM_M, 1) OUT(1, DIM_M, 1)}, \
   KEPT(0, 2), .SHAPES, GRADIENT_BOUND}

#endif
